"""Whether rows keep their nearest neighbours: k-NN overlap of two spaces.

A row is no neighbour of its own, by its index: duplicates of it (layer 0 has many: same word, same position) are. Rows that
are equally near but for rounding are taken in the order of the rows, on both sides alike.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.row_pairs import block_of, rows_for
from core.maths.sides import Floats, check_pair, checked_folds
from core.maths.statistics import Estimate, jackknife

NEIGHBOURS = 10
_SAME = 1e-12
"""Share of the largest value below which a difference is rounding."""
_BLOCK = 1024


def knn_overlap(X: ArrayLike, Y: ArrayLike, *, k: int = NEIGHBOURS, metric: str = "cosine") -> float:
    """Share of a row's k nearest neighbours that are its nearest neighbours in the other space too, averaged over rows.

    Args:
        X: activations of the base checkpoint [n_examples, n_dims], rows aligned with Y.
        Y: activations of the tuned checkpoint [n_examples, any width].
        k: neighbours of each row.
        metric: "cosine" or "correlation" (0 with a zero, or constant, row), or "euclidean".
    Returns:
        In [0, 1]; 1 = every row keeps its neighbours, k / (n_examples - 1) = chance. Symmetric. Falls as rows are added to the
        same space: compare values of equally many rows only.
    Raises:
        ShapeError: not two matrices with equal n_examples and finite values.
        SpecInvalid: unknown metric, or k below 1.
        NotEnoughData: fewer than 4 rows, fewer than k + 2, or all pairs of a side equally near.
    Source:
        Local neighbourhoods as in Kornblith et al. (2019), appendix; Schumacher et al. (2021), arXiv 2011.12646.
    Cost:
        O(n_examples^2 * (n_dims + log n_examples)); memory a few blocks of 1,024 * n_examples.
    """
    first, second = _checked(X, Y, k, metric)
    one, other = (nearest_rows(side, k, metric) for side in (first, second))
    return float(_shared(one, other, len(first)).mean() / k)


def knn_jackknife(
    X: ArrayLike, Y: ArrayLike, folds: ArrayLike, *, k: int = NEIGHBOURS, metric: str = "cosine"
) -> Estimate:
    """k-NN overlap with an interval by leaving out each fold of sentences in turn.

    Equal to calling knn_overlap on the kept rows, but neighbours are sorted once, a fold's size further than k: without the
    fold, the first k that are left are the nearest. Neighbours are no smooth statistic: the interval is a little too wide
    (simulated, three alike rows a sentence, 100 sentences, k = 5: standard error .016 where .0125 is right, coverage .99).

    Args:
        X: activations of the base checkpoint [n_examples, n_dims], rows aligned with Y.
        Y: activations of the tuned checkpoint [n_examples, any width].
        folds: fold of each row, from statistics.group_folds, int [n_examples].
        k: neighbours of each row.
        metric: as in knn_overlap.
    Returns:
        Value of knn_overlap and its jackknife interval, which may reach beyond the range near 1.
    Raises:
        ShapeError: as knn_overlap, or folds of another length.
        SpecInvalid: as knn_overlap.
        NotEnoughData: as knn_overlap, for all rows or for those kept; fewer than 2 folds.
    Cost:
        As knn_overlap; memory n_examples * (k + rows of the largest fold) integers a side.
    """
    first, second = _checked(X, Y, k, metric)
    position, n_folds = checked_folds(folds, len(first), "A jackknife of k-NN overlap.")
    largest = int(np.bincount(position).max())
    _enough_rows(len(first) - largest, k)
    sides = [nearest_rows(side, k + largest, metric) for side in (first, second)]
    values = [float(_shared(sides[0][:, :k], sides[1][:, :k], len(first)).mean() / k)]
    for fold in range(n_folds):
        rows = np.flatnonzero(position != fold)
        one, other = (_first_outside(side[rows], position, fold, k) for side in sides)
        values.append(float(_shared(one, other, len(first)).mean() / k))
    return jackknife(values[0], values[1:], n=len(first))


def knn_matrix(
    base: Sequence[ArrayLike],
    tuned: Sequence[ArrayLike],
    *,
    k: int = NEIGHBOURS,
    metric: str = "cosine",
    on_step: Callable[[int, int], None] | None = None,
) -> Floats:
    """k-NN overlap of every base layer against every tuned layer.

    Args:
        base: one [n_examples, n_dims] array a layer; all rows aligned, on both sides.
        tuned: the same for the tuned checkpoint; widths may differ.
        k: neighbours of each row.
        metric: as in knn_overlap.
        on_step: called with (done, total) layers; what it raises ends the computation.
    Returns:
        float64 [len(base), len(tuned)], each entry as knn_overlap.
    Raises:
        ShapeError: a side is empty, or as knn_overlap.
        SpecInvalid, NotEnoughData: as knn_overlap.
    Cost:
        One search of neighbours a layer.
    """
    layers = [np.asarray(layer) for layer in (*base, *tuned)]
    if not base or not tuned:
        raise ShapeError(
            "k-NN overlap of all layers.", f"{len(base)} base, {len(tuned)} tuned layers.", "Give both sides."
        )
    nearest = []
    for done, layer in enumerate(layers, start=1):
        _checked(layers[0], layer, k, metric)
        nearest.append(nearest_rows(layer, k, metric))
        if on_step:
            on_step(done, len(layers))
    pairs = [
        [_shared(one, other, len(layers[0])).mean() for other in nearest[len(base) :]] for one in nearest[: len(base)]
    ]
    return np.array(pairs, dtype=np.float64) / k


def nearest_rows(X: NDArray[np.floating], k: int, metric: str) -> NDArray[np.intp]:
    """The k nearest other rows of each row, nearest first, equally near ones in the order of the rows [n, k].

    Raises:
        NotEnoughData: all pairs equally near: there is no nearest.
    """
    rows = rows_for(X, metric, centred=False)
    found, spread = np.empty((len(rows), k), dtype=np.intp), []
    scale = float(np.sum(rows**2, axis=1).max())
    for start in range(0, len(rows), _BLOCK):
        stop = min(len(rows), start + _BLOCK)
        near = block_of(rows, start, stop, metric, whole=True)
        away = near**2 if metric == "euclidean" else -near
        away = np.round(away / (_SAME * scale))  # duplicates must be ties, not an order of rounding errors
        others = away[~np.eye(stop - start, len(rows), start, dtype=bool)]
        spread += [others.min(), others.max()]
        away[np.arange(stop - start), np.arange(start, stop)] = np.inf
        found[start:stop] = np.argsort(away, axis=1, kind="stable")[:, :k]
    if max(spread) - min(spread) <= 10:
        raise NotEnoughData(
            "Looking for nearest neighbours.",
            "All pairs of a side are equally near.",
            "Choose another layer or metric.",
        )
    return found


def _first_outside(nearest: NDArray[np.intp], position: NDArray[np.intp], fold: int, k: int) -> NDArray[np.intp]:
    """Of each row's neighbours, in order, the first k that are not in a fold [rows, k]."""
    outside = position[nearest] != fold
    first = outside & (np.cumsum(outside, axis=1) <= k)
    return nearest[first].reshape(len(nearest), k)


def _shared(first: NDArray[np.intp], second: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    """How many neighbours each row has in common [rows]."""
    counts = np.empty(len(first), dtype=np.intp)
    for start in range(0, len(first), _BLOCK):
        one, other = first[start : start + _BLOCK], second[start : start + _BLOCK]
        rows = np.arange(len(one))[:, None]
        is_near = np.zeros((len(one), n), dtype=bool)
        is_near[rows, one] = True
        counts[start : start + _BLOCK] = is_near[rows, other].sum(axis=1)
    return counts


def _checked(X: ArrayLike, Y: ArrayLike, k: int, metric: str) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    if metric not in ("cosine", "correlation", "euclidean"):
        raise SpecInvalid(f"Neighbours by metric {metric!r}.", "Unknown.", "Use cosine, correlation or euclidean.")
    if k < 1:
        raise SpecInvalid(f"The {k} nearest neighbours.", "Too few.", "Use 1 or more, like 10.")
    first, second = np.asarray(X), np.asarray(Y)
    check_pair(first, second, "k-NN overlap.")
    _enough_rows(len(first), k)
    return first, second


def _enough_rows(n: int, k: int) -> None:
    if n < k + 2:
        raise NotEnoughData(
            f"The overlap of {k} nearest neighbours.",
            f"Among {n} rows, all others are neighbours.",
            f"Give at least {k + 2} rows, better a hundred times k, or a smaller k.",
        )
