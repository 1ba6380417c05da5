"""Representational similarity (RSA): do the same pairs of rows lie close together in both spaces?

Pearson correlates how alike pairs are, Spearman only their order. Ranks among the rows kept come from one sort of all
pairs, counted again without a fold, so that leaving folds out needs no sort of its own.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.sides import MIN_ROWS, Floats, check_pair, checked_folds, outside
from core.maths.statistics import Estimate, jackknife

_SAME = 1e-12
"""Pairs closer than this share of the largest are equally alike: what is left between them is rounding."""


def rsa(
    X: ArrayLike,
    Y: ArrayLike,
    *,
    metric: str = "cosine",
    centred: bool = False,
    max_rows: int | None = None,
    seed: int = 0,
    statistic: str = "pearson",
) -> float:
    """Representational similarity: do the same pairs of rows lie close together in both spaces?

    Correlation of the upper triangles, diagonal excluded, of the two row-by-row matrices.

    Args:
        X: activations of the base checkpoint [n_examples, n_dims], rows aligned with Y.
        Y: activations of the tuned checkpoint [n_examples, any width].
        metric: "cosine" or "correlation" (similarities; 0 with a zero, or constant, row), or "euclidean" (distances).
        centred: subtract column means first. Cosine and correlation are not shift invariant without it.
        max_rows: compare that many rows at most, drawn without replacement.
        seed: draws the rows.
        statistic: "pearson", or "spearman": of the ranks of the pairs, equal ones sharing their mean rank.
    Returns:
        In [-1, 1]; 1 = the same geometry of pairs. Invariant to rotation (not correlation) and scale. Never NaN.
    Raises:
        ShapeError: not two matrices with equal n_examples and finite values.
        SpecInvalid: unknown metric or statistic.
        NotEnoughData: fewer than 4 rows, or all pairs of a side equally alike.
    Source:
        Kriegeskorte et al. (2008); Merchant et al. (2020), arXiv 2004.14448.
    Cost:
        O(n_examples^2 * n_dims); memory a few blocks of 1,024 * n_examples. Spearman sorts all pairs and holds them.
    """
    _check_choices(metric, statistic)
    first, second = np.asarray(X), np.asarray(Y)
    check_pair(first, second, "RSA.")
    if max_rows is not None and max_rows < len(first):
        if max_rows < MIN_ROWS:
            raise NotEnoughData(f"RSA of {max_rows} rows.", "Too few.", f"Allow at least {MIN_ROWS}.")
        chosen = np.sort(np.random.default_rng(seed).choice(len(first), max_rows, replace=False))
        first, second = first[chosen], second[chosen]
    if statistic == "spearman":
        upper = np.triu_indices(len(first), k=1)
        ranked = (_Ranked(_all_pairs(side, metric, "RSA.", centred=centred)[upper]) for side in (first, second))
        return _correlation(*(one.ranks(np.ones(len(upper[0]), dtype=bool)) for one in ranked))
    return _triangle_correlation(rows_for(first, metric, centred), rows_for(second, metric, centred), metric)


def rsa_jackknife(
    X: ArrayLike, Y: ArrayLike, folds: ArrayLike, *, metric: str = "cosine", statistic: str = "pearson"
) -> Estimate:
    """RSA with an interval by leaving out each fold of sentences in turn.

    Equal to calling rsa on the kept rows, but every pair is compared once: what a fold takes part in is subtracted from
    the sums over all pairs.

    Args:
        X: activations of the base checkpoint [n_examples, n_dims], rows aligned with Y.
        Y: activations of the tuned checkpoint [n_examples, any width].
        folds: fold of each row, from statistics.group_folds, int [n_examples].
        metric: as in rsa.
        statistic: as in rsa.
    Returns:
        Value of rsa, uncentred, and its jackknife interval, which may reach beyond the range near 1.
    Raises:
        ShapeError: as rsa, or folds of another length.
        SpecInvalid: unknown metric or statistic.
        NotEnoughData: as rsa, for all rows or for those kept; fewer than 2 folds.
    Source:
        As rsa. Pairs share rows and rows share sentences, so neither is drawn with replacement.
    Cost:
        As rsa, plus O(n_examples^2 * n_folds); memory 3 * n_examples^2 float64. Meant for up to a few thousand rows.
    """
    _check_choices(metric, statistic)
    first, second = np.asarray(X), np.asarray(Y)
    check_pair(first, second, "A jackknife of RSA.")
    position, n_folds = checked_folds(folds, len(first), "A jackknife of RSA.")
    a, b = (_all_pairs(side, metric, "A jackknife of RSA.") for side in (first, second))
    of_pairs = _pearson_without if statistic == "pearson" else _spearman_without
    values = of_pairs(a, b, position, n_folds)
    return jackknife(float(values[0]), values[1:], n=len(first))


def _pearson_without(a: Floats, b: Floats, position: NDArray[np.intp], n_folds: int) -> Floats:
    """Pearson correlation of all pairs of rows, then of the pairs outside each fold."""
    member = (position[:, None] == np.arange(n_folds)).astype(np.float64)
    sums = [outside(member.T @ pairs @ member) for pairs in (a, b, a * a, b * b, a * b)]
    kept = len(a) - np.append(0, np.bincount(position))
    n_pairs = kept * (kept - 1)  # each pair stands in both triangles
    mean_a, mean_b, square_a, square_b, mixed = (values / n_pairs for values in sums)
    variances = np.stack([square_a - mean_a**2, square_b - mean_b**2])
    if (variances <= 1e-26 * np.stack([square_a, square_b])).any():
        raise NotEnoughData(
            "A jackknife of RSA.",
            "Without a fold, all pairs of a side are equally alike.",
            "Choose another layer, metric or data.",
        )
    return np.clip((mixed - mean_a * mean_b) / np.sqrt(variances[0] * variances[1]), -1.0, 1.0)  # rounding only


def _spearman_without(a: Floats, b: Floats, position: NDArray[np.intp], n_folds: int) -> Floats:
    """Spearman correlation of all pairs of rows, then of the pairs outside each fold."""
    rows, columns = np.triu_indices(len(a), k=1)
    one, other = _Ranked(a[rows, columns]), _Ranked(b[rows, columns])
    at_row, at_column = position[rows], position[columns]
    values = []
    for fold in range(-1, n_folds):  # none has the number -1
        kept = (at_row != fold) & (at_column != fold)
        values.append(_correlation(one.ranks(kept), other.ranks(kept)))
    return np.array(values)


class _Ranked:
    """Values sorted once, whose ranks among any of them are then counted."""

    def __init__(self, values: Floats) -> None:
        # Pairs that are alike but for rounding must be ties in both spaces, or the order of noise would be correlated.
        steps = np.round(values / (_SAME * np.abs(values).max()))
        distinct, self._place = np.unique(steps, return_inverse=True)
        self._n_distinct = len(distinct)

    def ranks(self, kept: NDArray[np.bool_]) -> Floats:
        """Ranks from 1 among the kept values, in their order; equal ones share their mean rank."""
        place = self._place[kept]
        count = np.bincount(place, minlength=self._n_distinct)
        ranks: Floats = (np.cumsum(count) - (count - 1) / 2)[place]
        return ranks


def _correlation(first: Floats, second: Floats) -> float:
    """Pearson, of ranks."""
    first, second = first - first.mean(), second - second.mean()
    lengths = math.sqrt(float(first @ first) * float(second @ second))
    if not lengths:
        raise NotEnoughData("RSA.", "All pairs of a side are equally alike.", "Choose another layer, metric or data.")
    return float(np.clip(first @ second / lengths, -1.0, 1.0))  # rounding only


def rsa_matrix(
    base: Sequence[ArrayLike],
    tuned: Sequence[ArrayLike],
    *,
    metric: str = "cosine",
    statistic: str = "pearson",
    on_step: Callable[[int, int], None] | None = None,
) -> Floats:
    """RSA of every base layer against every tuned layer.

    Args:
        base: one [n_examples, n_dims] array a layer; all rows aligned, on both sides.
        tuned: the same for the tuned checkpoint; widths may differ.
        metric: as in rsa.
        statistic: as in rsa.
        on_step: called with (done, total) layers; what it raises ends the computation.
    Returns:
        float64 [len(base), len(tuned)], each entry as rsa, uncentred.
    Raises:
        ShapeError: a side is empty, or as rsa.
        SpecInvalid: unknown metric or statistic.
        NotEnoughData: as rsa.
    Cost:
        One comparison of all pairs a layer; memory n_examples^2 / 2 float64 a layer.
    """
    _check_choices(metric, statistic)
    layers = [np.asarray(layer) for layer in (*base, *tuned)]
    if not base or not tuned:
        raise ShapeError("RSA of all layers.", f"{len(base)} base, {len(tuned)} tuned layers.", "Give both sides.")
    upper = np.triu_indices(len(layers[0]), k=1)
    triangles = []
    for done, layer in enumerate(layers, start=1):
        check_pair(layers[0], layer, "RSA of all layers.")
        pairs = _all_pairs(layer, metric, "RSA of all layers.")[upper]
        if statistic == "spearman":
            pairs = _Ranked(pairs).ranks(np.ones(len(pairs), dtype=bool))
            pairs -= pairs.mean()
        triangles.append(pairs / np.linalg.norm(pairs))
        if on_step:
            on_step(done, len(layers))
    n_base = len(base)
    values: Floats = np.stack(triangles[:n_base]) @ np.stack(triangles[n_base:]).T
    return np.clip(values, -1.0, 1.0)  # rounding only


def _check_choices(metric: str, statistic: str) -> None:
    if metric not in ("cosine", "correlation", "euclidean"):
        raise SpecInvalid(f"RSA with metric {metric!r}.", "Unknown.", "Use cosine, correlation or euclidean.")
    if statistic not in ("pearson", "spearman"):
        raise SpecInvalid(f"RSA with statistic {statistic!r}.", "Unknown.", "Use pearson or spearman.")


def rows_for(X: NDArray[np.floating], metric: str, centred: bool) -> Floats:
    """Rows whose inner products are the metric's similarities; for euclidean, rows shifted to the origin."""
    rows = X.astype(np.float64)
    if centred or metric == "euclidean":
        rows -= rows.mean(axis=0)
    if metric == "correlation":
        rows -= rows.mean(axis=1, keepdims=True)
    if metric != "euclidean":
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        np.divide(rows, lengths, out=rows, where=lengths > 0)
    return rows


def _triangle_correlation(X: Floats, Y: Floats, metric: str, n_rows: int = 1024) -> float:
    """Pearson over pairs i < j, from sums over blocks of rows shifted by a common pivot."""
    pivots: Floats | None = None
    sums, squares, mixed, n_pairs = np.zeros(2), np.zeros(2), 0.0, 0
    for start in range(0, len(X) - 1, n_rows):
        stop = min(len(X), start + n_rows)
        upper = np.triu(np.ones((stop - start, len(X) - start), dtype=bool), k=1)
        sides = np.stack([block_of(side, start, stop, metric)[upper] for side in (X, Y)])
        if pivots is None:
            pivots = sides.mean(axis=1)
        sides -= pivots[:, None]
        sums += sides.sum(axis=1)
        squares += np.sum(sides**2, axis=1)
        mixed += float(sides[0] @ sides[1])
        n_pairs += sides.shape[1]
    assert pivots is not None
    variances = squares / n_pairs - (sums / n_pairs) ** 2
    if (variances <= (1e-13 * (np.abs(pivots) + np.sqrt(squares / n_pairs))) ** 2).any():
        raise NotEnoughData("RSA.", "All pairs of a side are equally alike.", "Choose another layer, metric or data.")
    covariance = mixed / n_pairs - float(sums[0] * sums[1]) / n_pairs**2
    return float(np.clip(covariance / math.sqrt(variances[0] * variances[1]), -1.0, 1.0))


def _all_pairs(X: NDArray[np.floating], metric: str, asked: str, *, centred: bool = False) -> Floats:
    """Similarities, or distances, of all pairs of rows less their mean over pairs; 0 on the diagonal [n, n]."""
    pairs = block_of(rows_for(X, metric, centred), 0, len(X), metric)
    np.fill_diagonal(pairs, 0.0)
    mean = pairs.sum() / (len(X) * (len(X) - 1))
    pairs -= mean
    np.fill_diagonal(pairs, 0.0)
    if np.abs(pairs).max() <= 1e-13 * abs(mean):  # rounding only
        raise NotEnoughData(asked, "All pairs of a side are equally alike.", "Choose another layer, metric or data.")
    return pairs


def block_of(X: Floats, start: int, stop: int, metric: str, *, whole: bool = False) -> Floats:
    """Similarities, or distances, of rows start..stop with rows start..end, or with all rows; X from rows_for."""
    first = 0 if whole else start
    products: Floats = X[start:stop] @ X[first:].T
    if metric != "euclidean":
        return products
    squares = np.sum(X[first:] ** 2, axis=1)
    products = squares[start - first : stop - first, None] + squares - 2 * products
    return np.sqrt(np.maximum(products, 0.0))
