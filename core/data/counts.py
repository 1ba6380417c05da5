"""How often each label occurs: what a person wants to know before believing an accuracy."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np

from core.data.examples import UNMARKED
from core.data.load import load_dataset
from core.data.marks import mark_names, marks_of
from core.refs import Dataset


@dataclass(frozen=True, kw_only=True)
class LabelCounts:
    """One label of a data set, counted."""

    name: str
    unit: str
    """word, sentence, pair (of words or spans) or span."""
    labels: tuple[str, ...]
    """Most frequent first."""
    counts: tuple[int, ...]
    shares: tuple[float, ...]

    @property
    def majority(self) -> float:
        """Share of the most frequent label: the accuracy of always guessing it."""
        return self.shares[0]


@dataclass(frozen=True, kw_only=True)
class NumberCounts:
    """One number that a file gives, in numbers."""

    name: str
    unit: str
    """word or sentence."""
    n: int
    """Values."""
    n_missing: int
    """Words or sentences without one."""
    smallest: float
    median: float
    largest: float
    mean: float
    deviation: float


@dataclass(frozen=True, kw_only=True)
class DatasetCounts:
    """A data set in numbers."""

    n_examples: int
    n_words: int
    is_pairs: bool
    labels: tuple[LabelCounts, ...]
    numbers: tuple[NumberCounts, ...]
    """Those of a file that hold a value; those that follow from the text are not counted."""


@lru_cache(maxsize=32)
def count(ref: Dataset) -> DatasetCounts:
    """Count a data set once in a process. Raises DatasetNotFound, DatasetInvalid."""
    examples = load_dataset(ref)
    found = [
        _counted(name, "word", Counter(label for row in column for label in row if not (skip and label == UNMARKED)))
        for name, column in examples.word_labels.items()
        for skip in [name in examples.partial]
    ]
    found += [_counted(name, "sentence", Counter(column)) for name, column in examples.sentence_labels.items()]
    for unit, names in mark_names(examples).items():
        for name in names:
            marks = (mark for marks in marks_of(examples, name) for mark in marks)
            found.append(_counted(name, unit, Counter(label for mark in marks for label in mark.labels)))
    return DatasetCounts(
        n_examples=len(examples),
        n_words=examples.n_words,
        is_pairs=examples.partners is not None,
        labels=tuple(one for one in found if one.counts),
        numbers=tuple(
            described
            for unit, columns in (
                ("sentence", examples.numbers),
                ("word", {name: tuple(chain(*rows)) for name, rows in examples.word_numbers.items()}),
            )
            for name, values in columns.items()
            if (described := _described(name, unit, values))
        ),
    )


def _described(name: str, unit: str, values: Sequence[float]) -> NumberCounts | None:
    """None where no row has a value."""
    given = np.array(values, dtype=np.float64)
    held = given[~np.isnan(given)]
    if not len(held):
        return None
    return NumberCounts(
        name=name,
        unit=unit,
        n=len(held),
        n_missing=len(given) - len(held),
        smallest=float(held.min()),
        median=float(np.median(held)),
        largest=float(held.max()),
        mean=float(held.mean()),
        deviation=float(held.std()),
    )


def _counted(name: str, unit: str, counts: Counter[str]) -> LabelCounts:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    total = counts.total()
    return LabelCounts(
        name=name,
        unit=unit,
        labels=tuple(label for label, _ in ordered),
        counts=tuple(n for _, n in ordered),
        shares=tuple(n / total for _, n in ordered),
    )
