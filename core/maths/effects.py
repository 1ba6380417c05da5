"""How much of the way from one network's answer to another's an intervention goes."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError
from core.maths.statistics import Estimate, jackknife

Floats = NDArray[np.float64]


def log_odds(log_shares: ArrayLike, answer: ArrayLike) -> Floats:
    """How strongly a head gives some answers: the logarithm of an answer's share over that of all others.

    Args:
        log_shares: natural logarithm of the softmax [n, K], K >= 2.
        answer: index of the answer asked about, int [n].
    Returns:
        [n] in nats; 0 = as likely as all others together, larger = surer. Never infinite where scores are finite and no other
        label has underflowed.
    Raises:
        ShapeError: not one answer a row, or one label alone.
    """
    given, asked = np.asarray(log_shares, dtype=np.float64), np.asarray(answer)
    if given.ndim != 2 or given.shape[1] < 2 or asked.shape != given.shape[:1]:
        raise ShapeError(
            "The odds of an answer.",
            f"Scores {given.shape}, answers {asked.shape}.",
            "Give two labels or more, one answer a row.",
        )
    rows = np.arange(len(given))
    others = given.copy()
    others[rows, asked] = -np.inf
    return np.asarray(given[rows, asked] - np.logaddexp.reduce(others, axis=1))


def way_gone(before: ArrayLike, after: ArrayLike, target: ArrayLike, folds: ArrayLike) -> Estimate | None:
    """Mean of what an intervention changes over the mean of what there is to change.

    Args:
        before: without the intervention [n].
        after: with it [n].
        target: of the network that it comes from [n].
        folds: rows of one fold are left out together (core.maths.statistics.group_folds) [n].
    Returns:
        0 = nothing, 1 = all the way; it may lie beyond both. Interval by a delete-a-group jackknife of the ratio. None where
        before and target do not differ beyond the noise: there is no way to go.
    Raises:
        ShapeError: unequal lengths.
        NotEnoughData: fewer than 2 folds.
    Source:
        Normalised as in Wang et al. (2023) and Zhang & Nanda (2024); a ratio of means rather than a mean of ratios, since
        single rows may have no way to go.
    """
    start, end, whole, fold = (np.asarray(one, dtype=np.float64) for one in (before, after, target, folds))
    if not start.shape == end.shape == whole.shape == fold.shape or start.ndim != 1:
        raise ShapeError("How far an intervention goes.", "Unequal lengths.", "Give one value a row of each.")
    names = np.unique(fold)
    if len(names) < 2:
        raise NotEnoughData("How far an intervention goes.", "All rows are of one fold.", "Take more sentences.")
    kept = [np.ones(len(fold), dtype=bool), *(fold != one for one in names)]
    there_is = np.array([(whole - start)[some].mean() for some in kept])
    gap = jackknife(float(there_is[0]), there_is[1:], n=len(start))
    if gap.low <= 0 <= gap.high:
        return None
    shares = np.array([(end - start)[some].mean() for some in kept]) / there_is
    return jackknife(float(shares[0]), shares[1:], n=len(start))
