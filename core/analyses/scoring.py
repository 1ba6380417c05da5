"""How answers of a head are scored: by goal, with an interval, and against always answering the same."""

import json
import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import NotEnoughData
from core.maths.scores import grouped_score, grouped_statistic, macro_f1, matthews
from core.maths.simple_readers import r_squared, rank_correlation
from core.maths.statistics import MIN_GROUPS, Estimate, grouped_share, wilson_interval

ACCURACY, F1, MATTHEWS = "accuracy", "macro-F1", "Matthews correlation"
SPEARMAN, R2 = "Spearman correlation", "R squared"
LAS, UAS, RELATIONS = "labelled attachment", "unlabelled attachment", "relations right"
EXACT, OVERLAP = "exact match", "word F1"
MEASURES = {
    "label": (ACCURACY, F1, MATTHEWS),
    "number": (SPEARMAN, R2),
    "tree": (LAS, UAS, RELATIONS),
    "answer": (EXACT, OVERLAP),
}
"""Scores of a goal's answers, the main one first."""
DULL_RELATION = "always the commonest relation"
SHARES = frozenset({ACCURACY, LAS, UAS, RELATIONS, EXACT})
"""Those that are shares of rows."""
DULL = {
    "label": "always the commonest label",
    "number": "always the mean",
    "tree": "every word on the one before it, by the commonest relation",
    "answer": "always the same place",
}
"""What always answering the same means for a goal."""


def score_of(answers: pd.DataFrame, labels: Sequence[str], measure: str) -> tuple[float, Estimate | None]:
    """One of MEASURES of answers, and the same with its interval over examples.

    No interval where examples are too few for one, or where every group of them says the same: that tells nothing of the spread.

    Args:
        answers: as in Scored.
        labels: in the head's order.
        measure: one of those of the goal that the answers are to.
    """
    groups = answers["group" if "group" in answers else "example"].to_numpy()
    n_groups = len(np.unique(groups))
    is_many = n_groups >= MIN_GROUPS
    found: Estimate | None
    if measure in _OF_CONFUSION:
        score, span = _OF_CONFUSION[measure]
        sides = _numbered(answers, labels)
        value = float(score(confusion_of(answers, labels)))
        found = grouped_score(score, *sides, groups, n_classes=len(labels), span=span) if is_many else None
    elif measure in _OF_NUMBERS:
        of_numbers, span = _OF_NUMBERS[measure]
        sides = answers["guess"].to_numpy(np.float64), answers["gold"].to_numpy(np.float64)
        value = of_numbers(*sides)
        found = _spread(of_numbers, sides, groups, span) if is_many else None
    else:
        each = _OF_ROWS[measure](answers)
        value = float(each.mean())
        if n_groups == len(each) and measure != OVERLAP:
            return value, wilson_interval(int(each.sum()), len(each))
        found = grouped_share(each, groups) if is_many else None
        if found is not None and found.standard_error == 0 and value in (0.0, 1.0):
            # All alike: what so many groups that agree can tell.
            return value, replace(wilson_interval(round(value * n_groups), n_groups), n=len(each))
    return value, found if found is not None and found.standard_error > 0 else None


def _golds(answers: pd.DataFrame) -> list[list[list[str]]]:
    """All that is right of each row, in the words that are compared."""
    if "golds" in answers:
        return [[_plain(gold) for gold in json.loads(golds)] for golds in answers["golds"]]
    return [[_plain(gold)] for gold in answers["gold"]]


def is_right(answers: pd.DataFrame, goal: str) -> NDArray[np.bool_]:
    """Whether each row is right by the main score of a goal whose score is a share of rows [n]."""
    return np.asarray(_OF_ROWS[MEASURES[goal][0]](answers) != 0)


def dull(answers: pd.DataFrame) -> pd.DataFrame:
    """The same rows with what always answering the same says in place of what the head said."""
    columns = {"guess": answers["dull"]}
    if "head" in answers:
        columns["head"] = answers["dull_head"]
    return answers.assign(**columns)


def confusion_of(answers: pd.DataFrame, labels: Sequence[str]) -> NDArray[np.int64]:
    """Rows by gold label (row) and guess (column) [n_labels, n_labels]."""
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    if len(labels):
        np.add.at(counts, _numbered(answers, labels), 1)
    return counts


def _numbered(answers: pd.DataFrame, labels: Sequence[str]) -> tuple[NDArray[Any], NDArray[Any]]:
    number = {label: i for i, label in enumerate(labels)}
    return answers["gold"].map(number).to_numpy(), answers["guess"].map(number).to_numpy()


def _is_right(answers: pd.DataFrame) -> NDArray[np.float64]:
    return np.asarray(answers["gold"] == answers["guess"], dtype=np.float64)


def _hangs_right(answers: pd.DataFrame) -> NDArray[np.float64]:
    return np.asarray(answers["gold_head"] == answers["head"], dtype=np.float64)


def _plain(answer: str) -> list[str]:
    """Words of an answer as SQuAD's scorer compares them: lower case, no punctuation, no articles."""
    bare = "".join(sign for sign in answer.lower() if sign not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", bare).split()


def _matches(answers: pd.DataFrame) -> NDArray[np.float64]:
    """Whether an answer is one of the gold ones (Rajpurkar et al. 2016)."""
    guesses = map(_plain, answers["guess"])
    return np.array([float(guess in golds) for golds, guess in zip(_golds(answers), guesses, strict=True)])


def _overlaps(answers: pd.DataFrame) -> NDArray[np.float64]:
    """The harmonic mean of precision and recall of an answer's words, against the gold answer that it is nearest to (likewise)."""
    guesses = map(_plain, answers["guess"])
    pairs = zip(_golds(answers), guesses, strict=True)
    return np.array([max(_overlap(gold, guess) for gold in golds) for golds, guess in pairs])


def _overlap(gold: list[str], guess: list[str]) -> float:
    shared = (Counter(gold) & Counter(guess)).total()
    return 2 * shared / (len(gold) + len(guess)) if gold and guess else float(gold == guess)


_OF_ROWS: dict[str, Callable[[pd.DataFrame], NDArray[np.float64]]] = {
    ACCURACY: _is_right,
    RELATIONS: _is_right,
    UAS: _hangs_right,
    LAS: lambda answers: _is_right(answers) * _hangs_right(answers),
    EXACT: _matches,
    OVERLAP: _overlaps,
}
_OF_CONFUSION: dict[str, tuple[Callable[[Any], float], tuple[float, float]]] = {
    F1: (macro_f1, (0.0, 1.0)),
    MATTHEWS: (matthews, (-1.0, 1.0)),
}
_OF_NUMBERS: dict[str, tuple[Callable[[Any, Any], float], tuple[float, float]]] = {
    SPEARMAN: (rank_correlation, (-1.0, 1.0)),
    R2: (r_squared, (float("-inf"), 1.0)),
}


def _spread(
    score: Callable[[Any, Any], float],
    sides: tuple[NDArray[np.float64], NDArray[np.float64]],
    groups: NDArray[Any],
    span: tuple[float, float],
) -> Estimate | None:
    """The interval of a score of numbers; None where without a few rows all gold ones are alike."""
    try:
        return grouped_statistic(score, *sides, groups, span=span)
    except NotEnoughData:
        return None
