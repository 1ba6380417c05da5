"""What a set of guesses is worth by the metrics of the field, each with its interval."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import ShapeError
from core.maths.statistics import Estimate, group_folds, jackknife


def macro_f1(confusion: ArrayLike) -> float:
    """Mean over classes of F1, the harmonic mean of precision and recall.

    Args:
        confusion: rows by gold class (row) and guess (column), int [K, K].
    Returns:
        0 to 1, larger = better; classes that are neither gold nor guessed are left out, as scikit-learn's default leaves
        them out; 0 where there is no row at all.
    Raises:
        ShapeError: not a square of counts.
    """
    counts = _checked(confusion)
    right = np.diag(counts)
    either = counts.sum(axis=0) + counts.sum(axis=1)
    present = either > 0
    return float(np.mean(2 * right[present] / either[present])) if present.any() else 0.0


def matthews(confusion: ArrayLike) -> float:
    """Matthews correlation of gold and guess, for two classes or more.

    Args:
        confusion: as for macro_f1.
    Returns:
        -1 to 1: 1 = always right, 0 = no better than chance; 0 where either side has one class only.
    Raises:
        ShapeError: as macro_f1.
    Source:
        Gorodkin (2004); GLUE scores CoLA by it.
    """
    counts = _checked(confusion)
    n, gold, guessed = counts.sum(), counts.sum(axis=1), counts.sum(axis=0)
    covariance = np.trace(counts) * n - gold @ guessed
    spread = np.sqrt((n * n - guessed @ guessed) * (n * n - gold @ gold))
    return float(covariance / spread) if spread else 0.0


def grouped_score(
    score: Callable[[NDArray[np.float64]], float],
    gold: ArrayLike,
    guess: ArrayLike,
    groups: ArrayLike,
    *,
    n_classes: int,
    n_folds: int = 20,
    span: tuple[float, float] = (-1.0, 1.0),
) -> Estimate:
    """A score of gold against guess, with a delete-a-group jackknife over groups.

    Args:
        score: of a confusion matrix.
        gold, guess: class numbers, int [n].
        groups: rows of one number (words of a sentence) stay together, int [n].
        n_classes: K.
        n_folds: groups are dealt into so many.
        span: lowest and highest possible score; the interval is cut there.
    Raises:
        ShapeError: unequal lengths.
        NotEnoughData: fewer than 4 groups.
    Cost:
        n_folds scores of matrices [K, K]; no pass over the rows for each.
    """
    truth, said = np.asarray(gold), np.asarray(guess)
    if truth.shape != said.shape or truth.ndim != 1:
        raise ShapeError(
            "Scoring guesses.", f"{truth.shape} gold labels, {said.shape} guesses.", "Give one guess a row."
        )
    folds = group_folds(groups, n_folds=n_folds)
    by_fold = np.zeros((int(folds.max()) + 1, n_classes, n_classes))
    np.add.at(by_fold, (folds, truth, said), 1)
    total = by_fold.sum(axis=0)
    found = jackknife(score(total), [score(total - left_out) for left_out in by_fold], n=len(truth))
    return replace(found, low=max(found.low, span[0]), high=min(found.high, span[1]))


def grouped_statistic(
    score: Callable[[NDArray[np.float64], NDArray[np.float64]], float],
    guess: ArrayLike,
    gold: ArrayLike,
    groups: ArrayLike,
    *,
    n_folds: int = 20,
    span: tuple[float, float] = (-1.0, 1.0),
) -> Estimate:
    """A score of real numbers guessed against gold ones, with a delete-a-group jackknife over groups.

    Args:
        score: of guesses and gold values [m], such as a correlation.
        guess, gold: real numbers [n].
        groups: rows of one number stay together, int [n].
        n_folds: groups are dealt into so many.
        span: lowest and highest possible score; the interval is cut there.
    Raises:
        ShapeError: unequal lengths.
        NotEnoughData: fewer than 4 groups, or what the score raises where gold values are all alike without some of them.
    Cost:
        n_folds + 1 scores of n rows.
    """
    said, truth = np.asarray(guess, dtype=np.float64), np.asarray(gold, dtype=np.float64)
    if truth.shape != said.shape or truth.ndim != 1:
        raise ShapeError(
            "Scoring guesses.", f"{truth.shape} gold values, {said.shape} guesses.", "Give one guess a row."
        )
    folds = group_folds(groups, n_folds=n_folds)
    left_out = [score(said[folds != fold], truth[folds != fold]) for fold in range(int(folds.max()) + 1)]
    found = jackknife(score(said, truth), left_out, n=len(truth))
    return replace(found, low=max(found.low, span[0]), high=min(found.high, span[1]))


def _checked(confusion: ArrayLike) -> NDArray[np.float64]:
    counts = np.asarray(confusion, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not np.isfinite(counts).all() or (counts < 0).any():
        raise ShapeError("Scoring guesses.", f"The counts have shape {counts.shape}.", "Give a square of counts.")
    return counts
