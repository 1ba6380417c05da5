"""How alike two spaces are, from the same rows seen in both: linear CKA, and the one door to every other measure.

None needs an alignment of neurons, and widths may differ. Everything is summed in float64 on centred columns. All of CKA
comes from one formula on sums that folds can be subtracted from, so a jackknife over 20 groups of sentences costs about as
much as the value itself.
"""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError
from core.maths.alignment import alignment_jackknife, alignment_matrix, angular_procrustes, pwcca, svcca
from core.maths.kernels import kernel_cka, kernel_cka_jackknife, kernel_cka_matrix
from core.maths.neighbours import knn_jackknife, knn_matrix, knn_overlap
from core.maths.row_pairs import rsa, rsa_jackknife, rsa_matrix
from core.maths.sides import Floats, centred_pair, check_pair, checked_folds, less_mean, outside
from core.maths.statistics import Estimate, jackknife

__all__ = [
    "alignment_jackknife",
    "alignment_matrix",
    "angular_procrustes",
    "cka_jackknife",
    "cka_matrix",
    "kernel_cka",
    "kernel_cka_jackknife",
    "kernel_cka_matrix",
    "knn_jackknife",
    "knn_matrix",
    "knn_overlap",
    "layer_similarity",
    "linear_cka",
    "pwcca",
    "rsa",
    "rsa_jackknife",
    "rsa_matrix",
    "svcca",
]

_ROUNDING = 1e-12
_BLOCK_BYTES = 128 * 2**20


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
    first, second = centred_pair(X, Y, "Linear CKA.")
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
    first, second = centred_pair(X, Y, "A jackknife of CKA.")
    position, n_folds = checked_folds(folds, len(first), "A jackknife of CKA.")
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
        check_pair(layers[0], layer, "CKA of all layers.")
        means.append(layer.mean(axis=0, dtype=np.float64))
    norms = np.stack([np.sum(less_mean(layer, mean) ** 2, axis=1) for layer, mean in zip(layers, means, strict=True)])
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
        return outside(removed.T @ product @ removed)
    if removed is None:
        return np.array([np.sum((X.T @ Y) ** 2)])
    shares = [X[fold].T @ (X if X is Y else Y)[fold] for fold in removed.T.astype(bool)]
    total = np.sum(shares, axis=0)
    return np.array([np.sum(total**2)] + [np.sum((total - share) ** 2) for share in shares])


def _products_by_features(
    layers: list[NDArray[np.floating]], means: list[Floats], n_base: int, step: Callable[[int, int], None]
) -> tuple[Floats, Floats]:
    """||X'Y||^2 of every pair [n_base, rest] and of every layer with itself."""
    n_tuned = len(layers) - n_base
    own, cross = np.zeros(len(layers)), np.zeros((n_base, n_tuned))
    for i, layer in enumerate(layers):
        X = less_mean(layer, means[i])
        own[i] = np.sum((X.T @ X) ** 2)
        for j in range(n_tuned if i < n_base else 0):
            cross[i, j] = np.sum((X.T @ less_mean(layers[n_base + j], means[n_base + j])) ** 2)
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
            X = less_mean(layer[start:], mean)
            np.matmul(X[: stop - start], X.T, out=blocks[i])
        blocks[:, :, stop - start :] *= sqrt(2)  # stands for its mirror image as well
        flat = blocks.reshape(n_layers, -1)
        products += flat @ flat.T
        step(stop, n)
    return products[:n_base, n_base:], np.diag(products).copy()
