"""The real numbers of every sentence and word of some examples: those a file gives, and those that follow from the text."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.data.examples import Examples
from core.data.load import load_dataset
from core.data.numbers import DEPTH, FREQUENCY, LENGTH, POSITION, number_names
from core.errors import ShapeError, SpecInvalid
from core.maths.structure import tree_depths
from core.refs import Dataset


def numbers_of_sentences(examples: Examples, number: str) -> NDArray[np.float64]:
    """A number of each sentence, NaN where it has none [n]. Raises SpecInvalid for one that the data does not have."""
    known = number_names(examples)["sentence"]
    if number not in known:
        raise SpecInvalid(
            f"Reading the number {number!r} of each sentence.", f"The data set has: {', '.join(known)}.", "Choose one."
        )
    return np.array(of_sentences(examples, number), dtype=np.float64)


def of_sentences(examples: Examples, number: str) -> Sequence[float]:
    """One value a sentence, NaN where it has none."""
    if number in examples.numbers:
        return examples.numbers[number]
    if number == LENGTH:
        return [float(len(words)) for words in examples.words]
    assert number == DEPTH
    return [max(depths, default=np.nan) for depths in _depths(examples)]


def of_words(examples: Examples, number: str, whole: Dataset) -> Sequence[Sequence[float]]:
    """One value a word, by sentence; NaN where it has none."""
    if number in examples.word_numbers:
        return examples.word_numbers[number]
    if number == POSITION:
        firsts = [len(spans) for spans in examples.spans]  # in a pair the second text begins again
        return [
            [float(at + 1 if at < first else at - first + 1) for at in range(len(words))]
            for words, first in zip(examples.words, firsts, strict=True)
        ]
    if number == FREQUENCY:
        counts = _counts(whole)
        return [[float(np.log2(counts[word.casefold()])) for word in words] for words in examples.words]
    assert number == DEPTH
    return list(_depths(examples))


def _depths(examples: Examples) -> Iterator[list[float]]:
    """Depth of each word in its tree; NaN where its sentence's heads lead round in a circle."""
    assert examples.heads is not None
    for heads in examples.heads:
        try:
            yield tree_depths(heads).astype(np.float64).tolist()
        except ShapeError:
            yield [np.nan] * len(heads)


@lru_cache(maxsize=4)
def _counts(whole: Dataset) -> Counter[str]:
    """How often each word occurs in a data set, upper and lower case alike."""
    return Counter(word.casefold() for words in load_dataset(whole).words for word in words)
