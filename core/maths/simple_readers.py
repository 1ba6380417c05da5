"""Readers that hardly train: the nearest mean, neighbours or hull for labels, ridge regression for real values.

They stand beside the probes: what they read lies open in the geometry of the space, without a direction having been
searched for it. Everything is computed in float64, in blocks of rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.hulls import distances_below
from core.maths.probing import standardise
from core.maths.structure import row_correlations

_ROOM = 2**22
"""Distances held at a time: 32 MB."""


def nearest_centroid(X_train: ArrayLike, y_train: ArrayLike, X_test: ArrayLike, *, n_classes: int) -> NDArray[np.intp]:
    """The class whose mean training row is nearest to each test row.

    Args:
        X_train: float [n, d].
        y_train: class numbers, int [n].
        X_test: float [m, d].
        n_classes: K. A class without a training row is never answered.
    Returns:
        Class numbers, int [m]; of equally near classes the first.
    Raises:
        ShapeError: shapes that do not fit, values that are not finite, labels outside 0 .. K - 1.
        NotEnoughData: no training row.
    Source:
        scikit-learn 1.9, NearestCentroid, with equal priors.
    Cost:
        m * K * d.
    """
    train, labels, test = _checked("The nearest centroid.", X_train, y_train, X_test, n_classes)
    return _centroid_distances(train, labels, test, n_classes).argmin(axis=1)


def nearest_neighbours(
    X_train: ArrayLike,
    y_train: ArrayLike,
    X_test: ArrayLike,
    *,
    n_classes: int,
    k: int = 10,
    metric: Literal["euclidean", "cosine"] = "euclidean",
) -> NDArray[np.intp]:
    """The commonest class among the k nearest training rows of each test row.

    Of equally common classes the one whose nearest member is nearest. Training rows at equal distances come in order.

    Args:
        X_train: float [n, d].
        y_train: class numbers, int [n].
        X_test: float [m, d].
        n_classes: K.
        k: neighbours, 1 to n.
        metric: "euclidean", or "cosine", 1 - cosine; a row of zeros has cosine 0 with all.
    Returns:
        Class numbers, int [m].
    Raises:
        ShapeError: as nearest_centroid.
        NotEnoughData: fewer than k training rows.
        SpecInvalid: k below 1, or another metric.
    Source:
        scikit-learn 1.9, KNeighborsClassifier. Differs: there the first of equally common classes is answered.
    Cost:
        m * n * d; memory n * d + m * d float64 and a few blocks of 32 MB.
    """
    asked = f"The {k} nearest neighbours by {metric} distance."
    train, labels, test = _checked(asked, X_train, y_train, X_test, n_classes)
    if k < 1 or metric not in ("euclidean", "cosine"):
        raise SpecInvalid(asked, "There is no such reader.", 'Use k of 1 or more, "euclidean" or "cosine".')
    if len(train) < k:
        raise NotEnoughData(asked, f"There are {len(train)} training rows.", f"Give {k} or more, or a smaller k.")
    if metric == "cosine":
        train, test = _unit(train), _unit(test)
    answers = np.empty(len(test), dtype=np.intp)
    for block in _blocks(len(test), len(train)):
        distances = 1 - test[block] @ train.T if metric == "cosine" else _squared_distances(test[block], train)
        voting = _first_smallest(distances, k)
        votes = voting.astype(np.float32) @ np.eye(n_classes, dtype=np.float32)[labels]
        leading = (votes == votes.max(axis=1, keepdims=True))[:, labels]
        answers[block] = labels[np.where(voting & leading, distances, np.inf).argmin(axis=1)]
    return answers


def nearest_hull(
    X_train: ArrayLike,
    y_train: ArrayLike,
    X_test: ArrayLike,
    *,
    n_classes: int,
    gap: float = 1e-3,
    max_steps: int = 1000,
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The class whose training rows' convex hull is nearest to each test row, and whether that is certain.

    Hulls that the gap cannot tell apart are equally near, above all those that all contain the row: of them the one
    with the nearest mean is answered. A hull is searched no further once another is certain to be nearer.

    Args:
        X_train: float [n, d].
        y_train: class numbers, int [n].
        X_test: float [m, d].
        n_classes: K. A class without a training row is never answered.
        gap: the largest error of a distance, > 0, as a share of that hull's radius.
        max_steps: steps at most for a row and hull.
    Returns:
        (class numbers, int [m]; bool [m], False where a hull that could be nearest still had a larger gap at the end).
    Raises:
        ShapeError, NotEnoughData: as nearest_centroid.
        SpecInvalid: gap or max_steps out of range.
    Source:
        Zhou & Srikumar (2021), DirectProbe, its prediction from clusters, here with one cluster a class. Differs: they
        train a linear SVM (C = 1e4) between the row and each cluster, which is the same distance while it converges.
    Cost:
        As hulls.hull_distances for each class, the most of it for one class a row.
    """
    asked = f"The nearest hull, to {gap} of its radius in {max_steps} steps."
    train, labels, test = _checked(asked, X_train, y_train, X_test, n_classes)
    if not gap > 0 or max_steps < 1:
        raise SpecInvalid(asked, "There is no such search.", "Use a gap above 0 and 1 step or more.")
    to_centroid = _centroid_distances(train, labels, test, n_classes)
    likely = to_centroid.argmin(axis=1)
    nearest, floor = (np.full(to_centroid.shape, np.inf) for _ in range(2))
    certain = np.ones(to_centroid.shape, dtype=bool)
    # The hull round the nearest mean first: its distance is a limit beyond which the others need not be known.
    for first in (True, False):
        for name in np.unique(labels):
            rows = np.flatnonzero((likely == name) == first)
            if not len(rows):
                continue
            hull, limit = train[labels == name], nearest[rows].min(axis=1)
            found, left = distances_below(test[rows], hull, limit, gap=gap, max_steps=max_steps)
            nearest[rows, name], floor[rows, name] = found, found - left
            allowed = gap * np.linalg.norm(hull - hull.mean(axis=0), axis=1).max()
            certain[rows, name] = left <= allowed + 1e-9 * found
    possible = floor <= nearest.min(axis=1, keepdims=True)
    return np.where(possible, to_centroid, np.inf).argmin(axis=1), (certain | ~possible).all(axis=1)


@dataclass(frozen=True)
class Ridge:
    """A solved ridge regression, or several, by strength."""

    coef: NDArray[np.float64]
    """[k, d], or [a, k, d] for a strengths."""
    intercept: NDArray[np.float64]
    """[k], or [a, k]."""

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Values of each row, [n, k] or [a, n, k]; X is [n, d]."""
        rows, width = np.asarray(X, dtype=np.float64), self.coef.shape[-1]
        if rows.ndim != 2 or rows.shape[1] != width:
            raise ShapeError("Reading by ridge regression.", f"X has shape {rows.shape}.", f"Give [n, {width}].")
        values: NDArray[np.float64] = rows @ np.swapaxes(self.coef, -1, -2) + self.intercept[..., None, :]
        return values


def ridge(X: ArrayLike, Y: ArrayLike, *, alpha: ArrayLike) -> Ridge:
    """Linear regression with an L2 penalty: minimises ||Y - X W' - b||^2 + alpha * ||W||^2, intercepts b free.

    Args:
        X: float [n, d].
        Y: real values [n], taken as [n, 1], or [n, k].
        alpha: strength, > 0; or [a], several solved for little more than the price of one.
    Returns:
        Ridge with coef [k, d], or [a, k, d] for a vector of strengths.
    Raises:
        ShapeError: shapes that do not fit, or values that are not finite.
        NotEnoughData: fewer than 2 rows, or no column.
        SpecInvalid: a strength that is not above 0, or not a number or vector.
    Source:
        Hoerl & Kennard (1970); scikit-learn 1.9, Ridge.
    Cost:
        n * d * min(n, d) + min(n, d)^3, float64.
    """
    rows, values, strengths = np.asarray(X), np.asarray(Y), np.asarray(alpha, dtype=np.float64)
    found = f"X has shape {rows.shape}, Y {values.shape}, alpha {strengths.shape}."
    if rows.ndim != 2 or values.ndim not in (1, 2) or len(values) != len(rows):
        raise ShapeError("Ridge regression.", found, "Give X [n, d] and Y [n] or [n, k].")
    if len(rows) < 2 or rows.shape[1] == 0 or values.size == 0:
        raise NotEnoughData("Ridge regression.", found, "Give two rows or more and at least one column on each side.")
    if strengths.ndim > 1 or strengths.size == 0 or not ((strengths > 0) & np.isfinite(strengths)).all():
        raise SpecInvalid("Ridge regression.", f"alpha is {strengths}.", "Use strengths above 0.")
    rows, values = rows.astype(np.float64), values.reshape(len(values), -1).astype(np.float64)
    if not (np.isfinite(rows).all() and np.isfinite(values).all()):
        raise ShapeError("Ridge regression.", "Some values are not finite numbers.", "Look for overflow (float16).")
    mean, level = rows.mean(axis=0), values.mean(axis=0)
    rows, values = rows - mean, values - level
    n, d = rows.shape
    # (X'X + alpha)^-1 X'Y = X'(XX' + alpha)^-1 Y: one decomposition of the smaller serves every strength.
    spread, axes = np.linalg.eigh(rows @ rows.T if n < d else rows.T @ rows)
    turned = axes.T @ (values if n < d else rows.T @ values)
    shrunk = axes @ (turned / (np.maximum(spread, 0) + strengths[..., None])[..., None])
    coef = np.swapaxes(rows.T @ shrunk if n < d else shrunk, -1, -2)
    return Ridge(coef, level - coef @ mean)


def read_by_ridge(
    X_train: ArrayLike, Y_train: ArrayLike, X_test: ArrayLike, *, in_dev: ArrayLike, alphas: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values of test rows by ridge regression on standardised features, the strength chosen on a part of the training rows.

    Of each column by itself, the strength whose regression on the other training rows has the smallest squared error on
    that part is taken (of equals the strongest), and a regression on all training rows with it answers. Features are brought
    to mean 0 and spread 1 by the rows that a regression is fitted on.

    Args:
        X_train: float [n, d].
        Y_train: real values [n, k]; columns are read beside each other, for little more than the price of one.
        X_test: float [m, d].
        in_dev: bool [n], the part that chooses.
        alphas: strengths to choose from, > 0.
    Returns:
        Values of the test rows [m, k], and the strength taken for each column [k].
    Raises:
        ShapeError, NotEnoughData, SpecInvalid: as ridge.
    Cost:
        Two decompositions, however many strengths: as two calls of ridge.
    """
    rows, values, dev = np.asarray(X_train), np.asarray(Y_train, dtype=np.float64), np.asarray(in_dev)
    if values.ndim != 2 or dev.shape != rows.shape[:1] or dev.dtype != np.bool_ or len(values) != len(rows):
        found = f"X {rows.shape}, Y {values.shape}, in_dev {dev.shape} of {dev.dtype}."
        raise ShapeError("Ridge regression.", found, "Give X [n, d], Y [n, k] and in_dev bool [n].")
    if not dev.any():
        raise NotEnoughData("Ridge regression.", "No row is left to choose a strength by.", "Give more rows.")
    strengths = np.sort(np.asarray(alphas, dtype=np.float64))[::-1]
    inner, outer = standardise(rows[~dev], rows[dev])
    tried = ridge(inner, values[~dev], alpha=strengths).predict(outer)
    chosen = strengths[np.sum((tried - values[dev]) ** 2, axis=1).argmin(axis=0)]
    train, test = standardise(rows, X_test)
    answers = ridge(train, values, alpha=chosen).predict(test)
    return np.stack([answers[at, :, at] for at in range(len(chosen))], axis=1), chosen


def rank_correlation(predicted: ArrayLike, true: ArrayLike) -> float:
    """Spearman's rank correlation, ties at their mean rank.

    Args:
        predicted, true: real values [n].
    Returns:
        -1 to 1 = exactly the order; 0 = no order in common, or predictions that are all equal.
    Raises:
        ShapeError: other shapes, or values that are not finite.
        NotEnoughData: fewer than 2 rows, or true values that are all equal.
    Source:
        Spearman (1904).
    """
    guess, truth = np.asarray(predicted, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if guess.shape != truth.shape or truth.ndim != 1:
        raise ShapeError(
            "Rank correlation.", f"{guess.shape} predicted, {truth.shape} true.", "Give one guess a value."
        )
    if not (np.isfinite(guess).all() and np.isfinite(truth).all()):
        raise ShapeError("Rank correlation.", "Some values are not finite numbers.", "Look for overflow (float16).")
    if len(truth) < 2 or (truth == truth[0]).all():
        raise NotEnoughData(
            "Rank correlation.", f"{len(truth)} rows, or all values equal.", "Give true values that differ."
        )
    return float(row_correlations(guess[None, None], truth[None])[0, 0])


def r_squared(predicted: ArrayLike, true: ArrayLike) -> float:
    """Share of the variance of true values that predictions account for, averaged over columns.

    Args:
        predicted, true: real values [n] or [n, k], of one shape.
    Returns:
        At most 1 = exact; 0 = no better than the mean of the true values; negative = worse than that.
    Raises:
        ShapeError: other shapes, or values that are not finite.
        NotEnoughData: fewer than 2 rows, or a column of true values that does not vary.
    """
    guess, truth = np.asarray(predicted, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if guess.shape != truth.shape or truth.ndim not in (1, 2):
        raise ShapeError("R squared.", f"{guess.shape} predicted, {truth.shape} true.", "Give one guess a value.")
    if not (np.isfinite(guess).all() and np.isfinite(truth).all()):
        raise ShapeError("R squared.", "Some values are not finite numbers.", "Look for overflow (float16).")
    if len(truth) < 2 or truth.size == 0 or (truth == truth[0]).all(axis=0).any():
        raise NotEnoughData("R squared.", f"{len(truth)} rows, or all values equal.", "Give true values that differ.")
    missed = np.sum((truth - guess) ** 2, axis=0)
    return float(np.mean(1 - missed / np.sum((truth - truth.mean(axis=0)) ** 2, axis=0)))


def _checked(
    asked: str, X_train: ArrayLike, y_train: ArrayLike, X_test: ArrayLike, n_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
    """Training rows, labels and test rows as float64 and int, of fitting shapes."""
    train, labels, test = np.asarray(X_train), np.asarray(y_train), np.asarray(X_test)
    found = f"Training rows {train.shape}, labels {labels.shape} of {labels.dtype}, test rows {test.shape}."
    if train.ndim != 2 or test.ndim != 2 or train.shape[1] != test.shape[1]:
        raise ShapeError(asked, found, "Give two matrices of one width.")
    if labels.shape != train.shape[:1] or labels.dtype.kind not in "iu":
        raise ShapeError(asked, found, "Give one class number to each training row.")
    if train.size == 0:
        raise NotEnoughData(asked, found, "Give at least one training row and one column.")
    if labels.min() < 0 or labels.max() >= n_classes:
        raise ShapeError(
            asked, f"Labels run from {labels.min()} to {labels.max()}.", f"Number them 0 .. {n_classes - 1}."
        )
    train, test = train.astype(np.float64), test.astype(np.float64)
    if not (np.isfinite(train).all() and np.isfinite(test).all()):
        raise ShapeError(asked, "Some values are not finite numbers.", "Look for overflow (float16).")
    return train, labels.astype(np.intp), test


def _centroid_distances(
    train: NDArray[np.float64], labels: NDArray[np.intp], test: NDArray[np.float64], n_classes: int
) -> NDArray[np.float64]:
    """Squared distance to each class's mean row [m, K]; infinite to a class without one."""
    distances = np.full((len(test), n_classes), np.inf)
    names = np.unique(labels)
    means = np.stack([train[labels == name].mean(axis=0) for name in names])
    distances[:, names] = _squared_distances(test, means)
    return distances


def _squared_distances(rows: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n, m]. Taken from the others' mean, so that a common offset costs no digits."""
    mean = others.mean(axis=0)
    rows, others = rows - mean, others - mean
    lengths = np.einsum("nd,nd->n", rows, rows)[:, None] + np.einsum("md,md->m", others, others)
    return np.maximum(lengths - 2 * rows @ others.T, 0)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of length 1; zeros stay zeros."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def _first_smallest(distances: NDArray[np.float64], k: int) -> NDArray[np.bool_]:
    """The k smallest of each row, the first of equals."""
    last = np.partition(distances, k - 1, axis=1)[:, k - 1 : k]
    below, equal = distances < last, distances == last
    return below | (equal & (np.cumsum(equal, axis=1) <= k - np.count_nonzero(below, axis=1)[:, None]))


def _blocks(n: int, width: int) -> Iterator[slice]:
    """Rows of a matrix [n, width] in pieces that fit."""
    at_once = max(1, _ROOM // width)
    return (slice(start, start + at_once) for start in range(0, n, at_once))
