"""How alike two spaces are, from the same rows seen in both.

Linear CKA and RSA need no alignment of neurons and allow unequal widths. Everything is summed in float64 on centred
columns. All of CKA comes from one formula on sums that folds can be subtracted from, so a jackknife over 20 groups of
sentences costs about as much as the value itself.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.statistics import Estimate, jackknife

_MIN_ROWS = 4
_ROUNDING = 1e-12
_BLOCK_BYTES = 128 * 2**20

Floats = NDArray[np.float64]


def linear_cka(X: ArrayLike, Y: ArrayLike, *, debiased: bool = False) -> float:
    """Linear centred kernel alignment of two sets of activations.

    The plain value grows towards 1 as rows become few against the width, even for unrelated spaces; the debiased one
    (ratio of unbiased HSIC estimates) does not, and is the one to report below about ten rows a dimension.

    Args:
        X: activations of the base checkpoint [n_examples, n_dims], rows aligned with Y.
        Y: activations of the tuned checkpoint [n_examples, any width].
        debiased: use the unbiased estimator of Song et al. in all three places.
    Returns:
        Plain: in [0, 1]. Debiased: in [-1, 1], near 0 and often slightly negative for unrelated spaces. In both, 1 =
        equal up to rotation, scale and shift. Symmetric. Never NaN.
    Raises:
        ShapeError: not two matrices with equal n_examples and finite values.
        NotEnoughData: fewer than 4 rows, or a side without variance (debiased: all rows equally far apart).
    Source:
        Kornblith et al. (2019), arXiv 1905.00414; Song et al. (2012), JMLR 13, HSIC_1 (equation 5).
    Cost:
        O(n_examples * n_dims^2) or O(n_examples^2 * n_dims), whichever is less; memory accordingly.
    """
    first, second = _centred_pair(X, Y, "Linear CKA.")
    everything = np.ones((len(first), 1))
    return float(_cka(first, second, None, everything, debiased)[0])


def cka_jackknife(X: ArrayLike, Y: ArrayLike, folds: ArrayLike, *, debiased: bool = True) -> Estimate:
    """Linear CKA with an interval by leaving out each fold of sentences in turn.

    Equal to calling linear_cka on the kept rows, but every fold's share is subtracted from the total instead. The
    debiased value treats rows as independent: words of one sentence leave it a little too high when sentences are few
    (simulated, six much alike rows a sentence, truth .287: .304 with 100 sentences, .291 with 400; coverage .93 and .96).

    Args:
        X: activations of the base checkpoint [n_examples, n_dims], rows aligned with Y.
        Y: activations of the tuned checkpoint [n_examples, any width].
        folds: fold of each row, from statistics.group_folds, int [n_examples].
        debiased: as in linear_cka.
    Returns:
        Value of linear_cka and its jackknife interval, which may reach beyond the range near 1.
    Raises:
        ShapeError: as linear_cka, or folds of another length.
        NotEnoughData: as linear_cka, for all rows or for those kept; fewer than 2 folds.
    Source:
        The naive bootstrap is wrong here: rows drawn twice inflate similarity.
    Cost:
        As linear_cka; memory n_folds * n_dims^2 float64, or 3 * n_examples^2 where rows are few.
    """
    first, second = _centred_pair(X, Y, "A jackknife of CKA.")
    position, n_folds = _checked_folds(folds, len(first), "A jackknife of CKA.")
    removed = position[:, None] == np.arange(n_folds)
    kept = np.concatenate([np.ones((len(first), 1)), ~removed], axis=1)
    values = _cka(first, second, removed.astype(np.float64), kept, debiased)
    return jackknife(float(values[0]), values[1:], n=len(first))


def cka_matrix(
    base: Sequence[ArrayLike],
    tuned: Sequence[ArrayLike],
    *,
    debiased: bool = True,
    on_step: Callable[[int, int], None] | None = None,
) -> Floats:
    """Linear CKA of every base layer against every tuned layer.

    Args:
        base: one [n_examples, n_dims] array a layer; all rows aligned, on both sides.
        tuned: the same for the tuned checkpoint; widths may differ.
        debiased: as in linear_cka.
        on_step: called with (done, total) as work proceeds; what it raises ends the computation.
    Returns:
        float64 [len(base), len(tuned)], each entry as linear_cka.
    Raises:
        ShapeError: a side is empty, or as linear_cka.
        NotEnoughData: as linear_cka.
    Cost:
        One self-product a layer and one product a pair; below about 3 rows a dimension by Gram blocks, one a layer.
    """
    layers = [np.asarray(layer) for layer in (*base, *tuned)]
    if not base or not tuned:
        raise ShapeError("CKA of all layers.", f"{len(base)} base, {len(tuned)} tuned layers.", "Give both sides.")
    means = []
    for layer in layers:
        _check_pair(layers[0], layer, "CKA of all layers.")
        means.append(layer.mean(axis=0, dtype=np.float64))
    norms = np.stack([np.sum(_centred(layer, mean) ** 2, axis=1) for layer, mean in zip(layers, means, strict=True)])
    n, n_base = len(layers[0]), len(base)
    by_gram = sum(n * n * layer.shape[1] for layer in layers) < sum(
        2 * n * one.shape[1] * other.shape[1] for one in layers[:n_base] for other in layers[n_base:]
    )
    products = _products_by_gram if by_gram else _products_by_features
    cross, own = products(layers, means, n_base, on_step or (lambda done, total: None))
    sums = norms.sum(axis=1)
    if debiased:
        scale = own
        own = _debias(own, (norms**2).sum(axis=1), sums, sums, n)
        _refuse_rounding(own, scale)
        cross = _debias(cross, norms[:n_base] @ norms[n_base:].T, sums[:n_base, None], sums[None, n_base:], n)
    values = cross / np.sqrt(np.outer(own[:n_base], own[n_base:]))
    return np.clip(values, -1.0, 1.0)  # rounding only


def rsa(
    X: ArrayLike,
    Y: ArrayLike,
    *,
    metric: str = "cosine",
    centred: bool = False,
    max_rows: int | None = None,
    seed: int = 0,
) -> float:
    """Representational similarity: do the same pairs of rows lie close together in both spaces?

    Pearson correlation of the upper triangles, diagonal excluded, of the two row-by-row matrices.

    Args:
        X: activations of the base checkpoint [n_examples, n_dims], rows aligned with Y.
        Y: activations of the tuned checkpoint [n_examples, any width].
        metric: "cosine" or "correlation" (similarities; 0 with a zero, or constant, row), or "euclidean" (distances).
        centred: subtract column means first. Cosine and correlation are not shift invariant without it.
        max_rows: compare that many rows at most, drawn without replacement.
        seed: draws the rows.
    Returns:
        In [-1, 1]; 1 = the same geometry of pairs. Invariant to rotation (not correlation) and scale. Never NaN.
    Raises:
        ShapeError: not two matrices with equal n_examples and finite values.
        SpecInvalid: unknown metric.
        NotEnoughData: fewer than 4 rows, or all pairs of a side equally alike.
    Source:
        Kriegeskorte et al. (2008); Merchant et al. (2020), arXiv 2004.14448.
    Cost:
        O(n_examples^2 * n_dims); memory a few blocks of 1,024 * n_examples.
    """
    _check_metric(metric)
    first, second = np.asarray(X), np.asarray(Y)
    _check_pair(first, second, "RSA.")
    if max_rows is not None and max_rows < len(first):
        if max_rows < _MIN_ROWS:
            raise NotEnoughData(f"RSA of {max_rows} rows.", "Too few.", f"Allow at least {_MIN_ROWS}.")
        chosen = np.sort(np.random.default_rng(seed).choice(len(first), max_rows, replace=False))
        first, second = first[chosen], second[chosen]
    return _triangle_correlation(_rows_for(first, metric, centred), _rows_for(second, metric, centred), metric)


def rsa_jackknife(X: ArrayLike, Y: ArrayLike, folds: ArrayLike, *, metric: str = "cosine") -> Estimate:
    """RSA with an interval by leaving out each fold of sentences in turn.

    Equal to calling rsa on the kept rows, but every pair is compared once: what a fold takes part in is subtracted from
    the sums over all pairs.

    Args:
        X: activations of the base checkpoint [n_examples, n_dims], rows aligned with Y.
        Y: activations of the tuned checkpoint [n_examples, any width].
        folds: fold of each row, from statistics.group_folds, int [n_examples].
        metric: as in rsa.
    Returns:
        Value of rsa, uncentred, and its jackknife interval, which may reach beyond the range near 1.
    Raises:
        ShapeError: as rsa, or folds of another length.
        SpecInvalid: unknown metric.
        NotEnoughData: as rsa, for all rows or for those kept; fewer than 2 folds.
    Source:
        As rsa. Pairs share rows and rows share sentences, so neither is drawn with replacement.
    Cost:
        As rsa, plus O(n_examples^2 * n_folds); memory 3 * n_examples^2 float64. Meant for up to a few thousand rows.
    """
    _check_metric(metric)
    first, second = np.asarray(X), np.asarray(Y)
    _check_pair(first, second, "A jackknife of RSA.")
    position, n_folds = _checked_folds(folds, len(first), "A jackknife of RSA.")
    member = (position[:, None] == np.arange(n_folds)).astype(np.float64)
    a, b = (_all_pairs(side, metric, "A jackknife of RSA.") for side in (first, second))
    sums = [_outside(member.T @ pairs @ member) for pairs in (a, b, a * a, b * b, a * b)]
    kept = len(first) - np.append(0, np.bincount(position))
    n_pairs = kept * (kept - 1)  # each pair stands in both triangles
    mean_a, mean_b, square_a, square_b, mixed = (values / n_pairs for values in sums)
    variances = np.stack([square_a - mean_a**2, square_b - mean_b**2])
    if (variances <= 1e-26 * np.stack([square_a, square_b])).any():
        raise NotEnoughData(
            "A jackknife of RSA.",
            "Without a fold, all pairs of a side are equally alike.",
            "Choose another layer, metric or data.",
        )
    values = np.clip((mixed - mean_a * mean_b) / np.sqrt(variances[0] * variances[1]), -1.0, 1.0)  # rounding only
    return jackknife(float(values[0]), values[1:], n=len(first))


def rsa_matrix(
    base: Sequence[ArrayLike],
    tuned: Sequence[ArrayLike],
    *,
    metric: str = "cosine",
    on_step: Callable[[int, int], None] | None = None,
) -> Floats:
    """RSA of every base layer against every tuned layer.

    Args:
        base: one [n_examples, n_dims] array a layer; all rows aligned, on both sides.
        tuned: the same for the tuned checkpoint; widths may differ.
        metric: as in rsa.
        on_step: called with (done, total) layers; what it raises ends the computation.
    Returns:
        float64 [len(base), len(tuned)], each entry as rsa, uncentred.
    Raises:
        ShapeError: a side is empty, or as rsa.
        SpecInvalid: unknown metric.
        NotEnoughData: as rsa.
    Cost:
        One comparison of all pairs a layer; memory n_examples^2 / 2 float64 a layer.
    """
    _check_metric(metric)
    layers = [np.asarray(layer) for layer in (*base, *tuned)]
    if not base or not tuned:
        raise ShapeError("RSA of all layers.", f"{len(base)} base, {len(tuned)} tuned layers.", "Give both sides.")
    upper = np.triu_indices(len(layers[0]), k=1)
    triangles = []
    for done, layer in enumerate(layers, start=1):
        _check_pair(layers[0], layer, "RSA of all layers.")
        pairs = _all_pairs(layer, metric, "RSA of all layers.")[upper]
        triangles.append(pairs / np.linalg.norm(pairs))
        if on_step:
            on_step(done, len(layers))
    n_base = len(base)
    values: Floats = np.stack(triangles[:n_base]) @ np.stack(triangles[n_base:]).T
    return np.clip(values, -1.0, 1.0)  # rounding only


def layer_similarity(base: Sequence[Any], tuned: Sequence[Any], measure: Callable[[Any, Any], float]) -> Floats:
    """A measure of every base layer against every tuned layer.

    Args:
        base: one [n_examples, n_dims] array a layer.
        tuned: the same for the tuned checkpoint.
        measure: takes (X, Y), returns a number.
    Returns:
        float64 [len(base), len(tuned)].
    Raises:
        ShapeError: a side is empty.
    """
    if not base or not tuned:
        raise ShapeError("Comparing all layers.", f"{len(base)} base, {len(tuned)} tuned layers.", "Give both sides.")
    return np.array([[measure(X, Y) for Y in tuned] for X in base], dtype=np.float64)


def _check_metric(metric: str) -> None:
    if metric not in ("cosine", "correlation", "euclidean"):
        raise SpecInvalid(f"RSA with metric {metric!r}.", "Unknown.", "Use cosine, correlation or euclidean.")


def _checked_folds(folds: ArrayLike, n: int, asked: str) -> tuple[NDArray[np.intp], int]:
    """(fold of each row numbered from 0, number of folds)."""
    names, position = np.unique(np.asarray(folds), return_inverse=True)
    if position.shape != (n,):
        raise ShapeError(asked, f"{n} rows, folds of shape {position.shape}.", "Give a fold to each row.")
    if len(names) < 2 or n - np.bincount(position).max() < _MIN_ROWS:
        raise NotEnoughData(
            asked,
            f"{len(names)} folds of {n} rows leave too little when one is removed.",
            f"Give at least 2 folds, with {_MIN_ROWS} rows outside each.",
        )
    return position, len(names)


def _check_pair(X: NDArray[np.floating], Y: NDArray[np.floating], asked: str) -> None:
    for side in (X, Y):
        if side.ndim != 2 or side.shape[1] == 0:
            raise ShapeError(asked, f"An array has shape {side.shape}.", "Give [n_examples, n_dims].")
    if len(X) != len(Y):
        raise ShapeError(
            asked, f"{len(X)} rows on one side, {len(Y)} on the other.", "Give the same examples in order."
        )
    if len(X) < _MIN_ROWS:
        raise NotEnoughData(asked, f"There are {len(X)} rows.", f"Give at least {_MIN_ROWS}.")
    for side in (X, Y):
        if not np.isfinite(side).all():
            raise ShapeError(
                asked, "Some values are not finite numbers.", "Look for overflow (float16) in the activations."
            )
        if (side == side[0]).all():
            raise NotEnoughData(
                asked, "All rows of a side are equal: it has no variance.", "Choose another layer or data."
            )


def _centred(X: NDArray[np.floating], mean: Floats) -> Floats:
    return X.astype(np.float64) - mean


def _centred_pair(X: ArrayLike, Y: ArrayLike, asked: str) -> tuple[Floats, Floats]:
    first, second = np.asarray(X), np.asarray(Y)
    _check_pair(first, second, asked)
    centred = _centred(first, first.mean(axis=0, dtype=np.float64))
    same = second is first
    return centred, centred if same else _centred(second, second.mean(axis=0, dtype=np.float64))


def _cka(X: Floats, Y: Floats, removed: Floats | None, kept: Floats, debiased: bool) -> Floats:
    """CKA of each subset of rows: columns of kept are 0/1 masks, the first all ones, the others 1 - removed."""
    own_x, own_y = (_hsic(side, side, removed, kept, debiased) for side in (X, Y))
    return np.clip(_hsic(X, Y, removed, kept, debiased) / np.sqrt(own_x * own_y), -1.0, 1.0)  # rounding only


def _hsic(X: Floats, Y: Floats, removed: Floats | None, kept: Floats, debiased: bool) -> Floats:
    """Sum of products of the two centred Gram matrices for each subset, up to a factor that depends on n alone.

    With s the column sums of a subset, C its cross product and n its rows, centring inside the subset gives
    ||C - s_x s_y' / n||^2. For centred rows of squared length k and l, Song's three terms shrink to
    that - n / (n - 2) * sum(k l) + sum(k) sum(l) / ((n - 1)(n - 2)), because K without diagonal sums to -k over a row.
    """
    n = kept.sum(axis=0)
    x_sums, y_sums = kept.T @ X, kept.T @ Y
    x_to_sum, y_to_sum = X @ x_sums.T, Y @ y_sums.T
    x_square, y_square = np.sum(x_sums**2, axis=1), np.sum(y_sums**2, axis=1)
    raw = _subset_products(X, Y, removed)
    inside = np.sum(x_to_sum * y_to_sum * kept, axis=0)
    value: Floats = raw + x_square * y_square / n**2 - 2 * inside / n
    if debiased:
        k = (np.sum(X**2, axis=1)[:, None] - 2 * x_to_sum / n + x_square / n**2) * kept
        l = (np.sum(Y**2, axis=1)[:, None] - 2 * y_to_sum / n + y_square / n**2) * kept  # noqa: E741
        value = _debias(value, np.sum(k * l, axis=0), k.sum(axis=0), l.sum(axis=0), n)
    if X is Y:
        _refuse_rounding(value, raw)
    return value


def _debias(product: Floats, both: Floats, first: Floats, second: Floats, n: Floats | int) -> Floats:
    """The unbiased estimate from sum((HKH) * (HLH)), sum(k l), sum(k), sum(l), times n (n - 3)."""
    value: Floats = product - n / (n - 2) * both + first * second / ((n - 1) * (n - 2))
    return value


def _refuse_rounding(own: Floats, scale: Floats) -> None:
    if (own <= _ROUNDING * scale).any():
        raise NotEnoughData(
            "CKA.",
            "A side (or what is left of it without a fold) has no variance, or all its rows are equally far apart.",
            "Give more rows, or another layer.",
        )


def _subset_products(X: Floats, Y: Floats, removed: Floats | None) -> Floats:
    """||X'Y||^2 of all rows, then of the rows outside each column of removed."""
    n, width = X.shape[0], X.shape[1] * Y.shape[1]
    by_gram = n * (X.shape[1] + Y.shape[1]) < 2 * width
    if by_gram:
        gram = X @ X.T
        product = gram**2 if X is Y else gram * (Y @ Y.T)
        if removed is None:
            return np.array([product.sum()])
        return _outside(removed.T @ product @ removed)
    if removed is None:
        return np.array([np.sum((X.T @ Y) ** 2)])
    shares = [X[fold].T @ (X if X is Y else Y)[fold] for fold in removed.T.astype(bool)]
    total = np.sum(shares, axis=0)
    return np.array([np.sum(total**2)] + [np.sum((total - share) ** 2) for share in shares])


def _outside(between: Floats) -> Floats:
    """Sums over all pairs of rows, then over the pairs outside each fold, from sums between folds [folds, folds]."""
    return np.append(between.sum(), between.sum() - 2 * between.sum(axis=1) + np.diag(between))


def _products_by_features(
    layers: list[NDArray[np.floating]], means: list[Floats], n_base: int, step: Callable[[int, int], None]
) -> tuple[Floats, Floats]:
    """||X'Y||^2 of every pair [n_base, rest] and of every layer with itself."""
    n_tuned = len(layers) - n_base
    own, cross = np.zeros(len(layers)), np.zeros((n_base, n_tuned))
    for i, layer in enumerate(layers):
        X = _centred(layer, means[i])
        own[i] = np.sum((X.T @ X) ** 2)
        for j in range(n_tuned if i < n_base else 0):
            cross[i, j] = np.sum((X.T @ _centred(layers[n_base + j], means[n_base + j])) ** 2)
            step(i * n_tuned + j + 1, n_base * n_tuned)
    return cross, own


def _products_by_gram(
    layers: list[NDArray[np.floating]], means: list[Floats], n_base: int, step: Callable[[int, int], None]
) -> tuple[Floats, Floats]:
    """The same from blocks of rows of all Gram matrices, upper triangle only."""
    n, n_layers = len(layers[0]), len(layers)
    rows = max(1, min(n, _BLOCK_BYTES // (8 * n * n_layers)))
    products = np.zeros((n_layers, n_layers))
    for start in range(0, n, rows):
        stop = min(n, start + rows)
        blocks = np.empty((n_layers, stop - start, n - start))
        for i, (layer, mean) in enumerate(zip(layers, means, strict=True)):
            X = _centred(layer[start:], mean)
            np.matmul(X[: stop - start], X.T, out=blocks[i])
        blocks[:, :, stop - start :] *= math.sqrt(2)  # stands for its mirror image as well
        flat = blocks.reshape(n_layers, -1)
        products += flat @ flat.T
        step(stop, n)
    return products[:n_base, n_base:], np.diag(products).copy()


def _rows_for(X: NDArray[np.floating], metric: str, centred: bool) -> Floats:
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
        sides = np.stack([_block(side, start, stop, metric)[upper] for side in (X, Y)])
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


def _all_pairs(X: NDArray[np.floating], metric: str, asked: str) -> Floats:
    """Similarities, or distances, of all pairs of rows less their mean over pairs; 0 on the diagonal [n, n]."""
    pairs = _block(_rows_for(X, metric, centred=False), 0, len(X), metric)
    np.fill_diagonal(pairs, 0.0)
    mean = pairs.sum() / (len(X) * (len(X) - 1))
    pairs -= mean
    np.fill_diagonal(pairs, 0.0)
    if np.abs(pairs).max() <= 1e-13 * abs(mean):  # rounding only
        raise NotEnoughData(asked, "All pairs of a side are equally alike.", "Choose another layer, metric or data.")
    return pairs


def _block(X: Floats, start: int, stop: int, metric: str) -> Floats:
    """Similarities, or distances, of rows start..stop with rows start..end."""
    products: Floats = X[start:stop] @ X[start:].T
    if metric != "euclidean":
        return products
    squares = np.sum(X[start:] ** 2, axis=1)
    products = squares[: stop - start, None] + squares - 2 * products
    return np.sqrt(np.maximum(products, 0.0))
