"""Which point is which, whatever map it is drawn on: equal texts hold equal points."""

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.examples import Examples

PLACE = "place of the word, from 1"
"""Column of a map's points: a word's place in its example, a pair's second text counted on; 0 = the whole example. No label is
called so: a file's own column "place" is a label like any other."""

BETWEEN = " ▸ "
"""Stands between the two texts of a pair."""

Place = tuple[str, str, int]
"""Whole text, word or text, and its place."""


def whole_texts(examples: Examples) -> list[str]:
    """The text of each example; of a pair, both."""
    if examples.partners is None:
        return list(examples.texts)
    return [f"{text}{BETWEEN}{partner}" for text, partner in zip(examples.texts, examples.partners, strict=True)]


def places_of(points: pd.DataFrame) -> list[Place]:
    """What tells each point from the others. Args: points: text, sentence, PLACE."""
    columns = points["sentence"], points["text"], points[PLACE]
    return [(str(sentence), str(text), int(place)) for sentence, text, place in zip(*columns, strict=True)]


def among(points: pd.DataFrame, places: Collection[Place]) -> np.ndarray:
    """Whether each point is at one of these places, bool [n]."""
    wanted = frozenset(places)
    return np.array([place in wanted for place in places_of(points)], dtype=bool)


def group_of(examples: Examples, sentence: NDArray[np.integer]) -> NDArray[np.int64]:
    """Group of each row: its sentence, or one number for all versions of it (Examples.groups) [n]."""
    groups = np.arange(len(examples)) if examples.groups is None else np.array(examples.groups)
    return groups[sentence].astype(np.int64)
