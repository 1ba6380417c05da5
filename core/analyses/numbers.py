"""The rows that a real number belongs to: words or sentences as they were embedded, each with its value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.analyses.embed import Embeddings
from core.analyses.places import group_of
from core.analyses.units import of_places
from core.analyses.values import of_sentences, of_words
from core.data.examples import Examples
from core.data.load import load_sample
from core.data.numbers import number_names
from core.errors import NotEnoughData, SpecInvalid
from core.refs import Dataset, Sample

_CONTROLS = {"word": "one random number a word type", "sentence": "shuffled numbers"}


@dataclass(frozen=True, kw_only=True)
class NumberedRows:
    """Rows with one number each, aligned; those without one are left out."""

    unit: Literal["word", "sentence"]
    types: NDArray[np.str_]
    """What stands there: the word or the sentence [n]."""
    values: NDArray[np.float64]
    """Finite [n]."""
    group: NDArray[np.int64]
    """Rows of one number never stand on both sides of a split: those of a sentence, or of all its versions [n]."""
    kept: NDArray[np.intp]
    """Embedded rows that these are [n]."""
    n_missing: int
    """Embedded rows that were left out, having no number."""

    @property
    def control_kind(self) -> str:
        """What the control task of such rows is, in words."""
        return _CONTROLS[self.unit]

    def vectors(self, layer: NDArray[np.floating]) -> NDArray[np.float32]:
        """The rows' vectors of a layer, float32 [n, width]."""
        return np.asarray(layer[self.kept] if self.n_missing else layer, dtype=np.float32)


def numbered_rows(
    sample: Sample, embeddings: Embeddings, unit: Literal["word", "sentence"], number: str
) -> NumberedRows:
    """The rows that a number belongs to.

    Args:
        sample: what was embedded.
        embeddings: its vectors.
        unit: of the embeddings.
        number: name of a number of that unit (core/data/numbers.py).
    Raises:
        SpecInvalid: the data set has no such number of that unit.
        NotEnoughData: no row has one, or all have the same.
    """
    examples = load_sample(sample)
    known = number_names(examples)[unit]
    if number not in known:
        raise SpecInvalid(
            f"Reading the number {number!r} of each {unit}.", f"The data set has: {', '.join(known)}.", "Choose one."
        )
    sentence = embeddings.sentence.tolist()
    places = list(zip(sentence, embeddings.word.tolist(), strict=True))
    types = [examples.texts[i] for i in sentence] if unit == "sentence" else list(of_places(examples.words, places))
    values = _values(examples, sample.of, unit, number, places)
    kept = np.flatnonzero(~np.isnan(values))
    held = values[kept]
    if len(held) == 0 or (held == held[0]).all():
        found = f"all {len(held):,} are {held[0]:g}" if len(held) else f"none of {len(values):,} {unit}s has one"
        raise NotEnoughData(
            f"Reading {number} from vectors.", f"Of the {unit}s in the sample {found}.", "Give numbers that differ."
        )
    return NumberedRows(
        unit=unit,
        types=np.array(types)[kept],
        values=held,
        group=group_of(examples, embeddings.sentence)[kept],
        kept=kept,
        n_missing=len(values) - len(kept),
    )


def numbers_of_rows(
    sample: Sample, sentence: NDArray[np.integer], word: NDArray[np.integer]
) -> dict[str, NDArray[np.float64]]:
    """Every number of some rows by its name, NaN where a row has none; a name without any is left out.

    Words have their own numbers, then those of their sentence whose names are not taken.

    Args:
        sample: what the rows are of.
        sentence: place of each row's sentence in the sample [n].
        word: place of the word in it [n]; -1 = the whole sentence.
    """
    examples = load_sample(sample)
    places = list(zip(sentence.tolist(), word.tolist(), strict=True))
    known = number_names(examples)
    units: dict[str, Literal["word", "sentence"]] = dict.fromkeys(known["sentence"], "sentence")
    if places and places[0][1] >= 0:
        units.update(dict.fromkeys(known["word"], "word"))
    found = {name: _values(examples, sample.of, unit, name, places) for name, unit in units.items()}
    return {name: values for name, values in found.items() if np.isfinite(values).any()}


def _values(
    examples: Examples,
    whole: Dataset,
    unit: Literal["word", "sentence"],
    number: str,
    places: Sequence[tuple[int, int]],
) -> NDArray[np.float64]:
    """A number of each place (sentence, word), NaN where it has none."""
    if unit == "sentence":
        of_sentence = of_sentences(examples, number)
        return np.array([of_sentence[i] for i, _ in places], dtype=np.float64)
    of_word = of_words(examples, number, whole)
    return np.array([of_word[i][j] for i, j in places], dtype=np.float64)
