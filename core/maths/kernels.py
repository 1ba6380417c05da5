"""Centred kernel alignment with a Gaussian kernel: likeness by near neighbourhoods, not by straight directions.

All comes from sums over the two kernel matrices that folds can be subtracted from, as in linear CKA.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.row_pairs import block_of, rows_for
from core.maths.sides import Floats, check_pair, checked_folds, outside
from core.maths.statistics import Estimate, jackknife

_ROUNDING = 1e-12


def kernel_cka(X: ArrayLike, Y: ArrayLike, *, bandwidth: float = 1.0, debiased: bool = False) -> float:
    """Centred kernel alignment with the kernel exp(-distance^2 / (2 sigma^2)).

    Sigma is a multiple of the median distance between two rows, on each side its own.

    Args:
        X: activations of the base checkpoint [n_examples, n_dims], rows aligned with Y.
        Y: activations of the tuned checkpoint [n_examples, any width].
        bandwidth: sigma in medians; small ones look at near neighbours only, large ones lead to linear CKA.
        debiased: use the unbiased estimator of Song et al. in all three places.
    Returns:
        Plain: in [0, 1], and much too high where rows are few or distances all alike. Debiased: in [-1, 1], near 0 for
        unrelated spaces. In both, 1 = equal up to rotation, scale and shift. Symmetric. Never NaN.
    Raises:
        ShapeError: not two matrices with equal n_examples and finite values.
        SpecInvalid: bandwidth is not above 0.
        NotEnoughData: fewer than 4 rows, a side without variance, more than half of all pairs equal, or (debiased) all rows
            equally far apart.
    Source:
        Kornblith et al. (2019), arXiv 1905.00414; Song et al. (2012), JMLR 13, HSIC_1 (equation 5).
    Cost:
        O(n_examples^2 * n_dims); memory 4 * n_examples^2 float64.
    """
    first, second = np.asarray(X), np.asarray(Y)
    check_pair(first, second, "Kernel CKA.")
    everything = np.zeros(len(first), dtype=np.intp)
    return float(_cka(_kernel(first, bandwidth), _kernel(second, bandwidth), everything, 0, debiased)[0])


def kernel_cka_jackknife(
    X: ArrayLike, Y: ArrayLike, folds: ArrayLike, *, bandwidth: float = 1.0, debiased: bool = True
) -> Estimate:
    """Kernel CKA with an interval by leaving out each fold of sentences in turn.

    The kernels keep the width that all rows gave them; with that, equal to measuring the kept rows.

    Args:
        X: activations of the base checkpoint [n_examples, n_dims], rows aligned with Y.
        Y: activations of the tuned checkpoint [n_examples, any width].
        folds: fold of each row, from statistics.group_folds, int [n_examples].
        bandwidth: as in kernel_cka.
        debiased: as in kernel_cka.
    Returns:
        Value of kernel_cka and its jackknife interval, which may reach beyond the range near 1.
    Raises:
        ShapeError: as kernel_cka, or folds of another length.
        SpecInvalid: as kernel_cka.
        NotEnoughData: as kernel_cka, for all rows or for those kept; fewer than 2 folds.
    Cost:
        As kernel_cka, plus O(n_examples^2 * n_folds).
    """
    asked = "A jackknife of kernel CKA."
    first, second = np.asarray(X), np.asarray(Y)
    check_pair(first, second, asked)
    position, n_folds = checked_folds(folds, len(first), asked)
    values = _cka(_kernel(first, bandwidth), _kernel(second, bandwidth), position, n_folds, debiased)
    return jackknife(float(values[0]), values[1:], n=len(first))


def kernel_cka_matrix(
    base: Sequence[ArrayLike],
    tuned: Sequence[ArrayLike],
    *,
    bandwidth: float = 1.0,
    debiased: bool = True,
    on_step: Callable[[int, int], None] | None = None,
) -> Floats:
    """Kernel CKA of every base layer against every tuned layer.

    Args:
        base: one [n_examples, n_dims] array a layer; all rows aligned, on both sides.
        tuned: the same for the tuned checkpoint; widths may differ.
        bandwidth: as in kernel_cka.
        debiased: as in kernel_cka.
        on_step: called with (done, total) pairs; what it raises ends the computation.
    Returns:
        float64 [len(base), len(tuned)], each entry as kernel_cka.
    Raises:
        ShapeError: a side is empty, or as kernel_cka.
        SpecInvalid, NotEnoughData: as kernel_cka.
    Cost:
        One kernel and one pass over it a layer, one pass over two kernels a pair; memory n_examples^2 float64 for every tuned
        layer.
    """
    if not base or not tuned:
        raise ShapeError(
            "Kernel CKA of all layers.", f"{len(base)} base, {len(tuned)} tuned layers.", "Give both sides."
        )
    for layer in (*base, *tuned):
        check_pair(np.asarray(base[0]), np.asarray(layer), "Kernel CKA of all layers.")
    step = on_step or (lambda done, total: None)
    columns, of_columns, nobody = [], [], np.zeros((len(np.asarray(base[0])), 0))
    for layer in tuned:
        step(0, len(base) * len(tuned))
        columns.append(_kernel(np.asarray(layer), bandwidth))
        of_columns.append(_hsic(columns[-1], columns[-1], nobody, debiased))
    found = np.zeros((len(base), len(tuned)))
    for i, layer in enumerate(base):
        row = _kernel(np.asarray(layer), bandwidth)
        of_row = _hsic(row, row, nobody, debiased)
        for j, column in enumerate(columns):
            found[i, j] = _ratio(_hsic(row, column, nobody, debiased), of_row, of_columns[j])[0]
            step(i * len(tuned) + j + 1, found.size)
    return found


def _kernel(X: NDArray[np.floating], bandwidth: float) -> Floats:
    """exp(-d^2 / (2 sigma^2)) of all pairs of rows, less their mean, which centring would take away with more rounding [n, n]."""
    if not bandwidth > 0:
        raise SpecInvalid(f"A kernel {bandwidth} medians wide.", "Out of range.", "Use a number above 0, like 1.")
    distances = block_of(rows_for(X, "euclidean", centred=False), 0, len(X), "euclidean")
    np.fill_diagonal(distances, 0.0)
    median = float(np.median(distances[np.triu_indices(len(X), k=1)]))
    if median <= 1e-6 * distances.max():  # of equal rows, rounding leaves up to a root of its own size
        raise NotEnoughData(
            "Kernel CKA.", "More than half of all pairs of rows are equal.", "Choose another layer, or other rows."
        )
    kernel: Floats = np.expm1(-0.5 * (distances / (bandwidth * median)) ** 2)
    return kernel - kernel.mean()


def _cka(K: Floats, L: Floats, position: NDArray[np.intp], n_folds: int, debiased: bool) -> Floats:
    """CKA of all rows, then of the rows outside each fold."""
    member = (position[:, None] == np.arange(n_folds)).astype(np.float64)
    return _ratio(*(_hsic(one, other, member, debiased) for one, other in ((K, L), (K, K), (L, L))))


def _ratio(both: Floats, first: Floats, second: Floats) -> Floats:
    return np.clip(both / np.sqrt(first * second), -1.0, 1.0)  # rounding only


def _hsic(K: Floats, L: Floats, member: Floats, debiased: bool) -> Floats:
    """Hilbert-Schmidt independence of all rows, then of those outside each fold, up to a factor that depends on n alone.

    From three sums over the kept rows: of the products of entries, of the products of row sums, and of all entries. The
    unbiased estimate takes them without the diagonals.
    """
    n = len(K) - np.append(0.0, member.sum(axis=0))
    products = np.append((K * L).sum(), np.zeros(member.shape[1]))
    if member.shape[1]:
        products = outside(member.T @ (K * L) @ member)
    kept = np.concatenate([np.ones((len(K), 1)), 1 - member], axis=1)
    of_rows = [kept * (M @ kept) for M in (K, L)]  # entry (i, f): sum of row i outside fold f, 0 inside
    if debiased:
        of_rows = [rows - kept * np.diag(M)[:, None] for rows, M in zip(of_rows, (K, L), strict=True)]
        products = products - (np.diag(K) * np.diag(L)) @ kept
    rows = np.sum(of_rows[0] * of_rows[1], axis=0)
    totals = of_rows[0].sum(axis=0) * of_rows[1].sum(axis=0)
    if debiased:
        value = products + totals / ((n - 1) * (n - 2)) - 2 * rows / (n - 2)
    else:
        value = products - 2 * rows / n + totals / n**2
    if K is L and (value <= _ROUNDING * products).any():
        raise NotEnoughData(
            "Kernel CKA.", "All rows of a side (or of what is left of it) are equally far apart.", "Give more rows."
        )
    return np.asarray(value)
