"""How well one space can be turned into another: angular Procrustes, SVCCA and PWCCA.

Each has a half a side (what the space is compared by) and a cheap joining of two halves, so that all layers against all cost
one half a layer. Both are made of sums over rows, from which a fold can be subtracted: a jackknife reads the rows once.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.sides import Floats, centred_pair, check_pair, checked_folds, less_mean
from core.maths.statistics import Estimate, jackknife

KEEP = 0.99
"""Share of the squared singular values whose directions SVCCA compares."""
_ROUNDING = 1e-12
"""Share of the largest variance below which a direction is rounding: a millionth of the largest singular value."""
_HELD_BYTES = 2**30
"""Of centred tuned layers that are kept while pairs are compared; more are centred anew for each base layer."""
ALIGNMENTS = ("procrustes", "svcca", "pwcca")


def angular_procrustes(X: ArrayLike, Y: ArrayLike) -> float:
    """Angle that is left between two spaces after the best rotation of one onto the other.

    Both are centred and scaled to Frobenius norm 1; unequal widths are filled up with zeros.

    Args:
        X: activations of the base checkpoint [n_examples, n_dims], rows aligned with Y.
        Y: activations of the tuned checkpoint [n_examples, any width].
    Returns:
        Radians, 0 to pi / 2; 0 = equal up to rotation, scale and shift (rounding leaves about 1e-8), larger = further. A
        metric: symmetric, and never longer than the way round by a third space.
    Raises:
        ShapeError: not two matrices with equal n_examples and finite values.
        NotEnoughData: fewer than 4 rows, or a side without variance.
    Source:
        Williams et al. (2021), arXiv 2110.14739.
    Cost:
        O(n_examples * n_dims^2 + n_dims^3).
    """
    return _measured(X, Y, "procrustes", KEEP)


def svcca(X: ArrayLike, Y: ArrayLike, *, keep: float = KEEP) -> float:
    """Mean canonical correlation of the strongest directions of two spaces.

    Args:
        X: activations of the base checkpoint [n_examples, n_dims], rows aligned with Y.
        Y: activations of the tuned checkpoint [n_examples, any width].
        keep: share of the *squared* singular values (variance), cumulated from the largest, whose directions are kept.
    Returns:
        In [0, 1]; 1 = the same kept directions. Symmetric. Unrelated spaces score about sqrt(larger kept number / rows):
        believe it only where rows are many times the kept directions.
    Raises:
        ShapeError: not two matrices with equal n_examples and finite values.
        SpecInvalid: keep is not in (0, 1].
        NotEnoughData: fewer than 4 rows, a side without variance, or rows too few for the directions kept.
    Source:
        Raghu et al. (2017), arXiv 1706.05806.
    Cost:
        O(n_examples * n_dims^2 + n_dims^3).
    """
    return _measured(X, Y, "svcca", keep)


def pwcca(X: ArrayLike, Y: ArrayLike) -> float:
    """Canonical correlations of two spaces, weighted by how much of X each stands for.

    The published definition: weight i is the sum over the neurons of X of |<canonical variate i of X, neuron>|. (The code
    published with it differs: it weighs directions before whitening, and adds the mean back.)

    Args:
        X: activations of the base checkpoint [n_examples, n_dims], rows aligned with Y; the weights come from it.
        Y: activations of the tuned checkpoint [n_examples, any width].
    Returns:
        In [0, 1]; 1 = Y holds, linearly, all of X. Not symmetric. Unrelated spaces score about sqrt(larger width / rows).
    Raises:
        ShapeError: not two matrices with equal n_examples and finite values.
        NotEnoughData: fewer than 4 rows, a side without variance, or no more rows than dimensions (of a side; directions
            without variance not counted), where every two spaces correlate perfectly.
    Source:
        Morcos et al. (2018), arXiv 1806.05759.
    Cost:
        O(n_examples * n_dims^2 + n_dims^3).
    """
    return _measured(X, Y, "pwcca", KEEP)


def alignment_jackknife(X: ArrayLike, Y: ArrayLike, folds: ArrayLike, *, measure: str, keep: float = KEEP) -> Estimate:
    """Procrustes angle, SVCCA or PWCCA with an interval by leaving out each fold of sentences in turn.

    Equal to measuring the kept rows, but each fold's share is subtracted from the sums over all. What few rows add to the two
    correlations by chance is in the value and not in the interval.

    Args:
        X: activations of the base checkpoint [n_examples, n_dims], rows aligned with Y.
        Y: activations of the tuned checkpoint [n_examples, any width].
        folds: fold of each row, from statistics.group_folds, int [n_examples].
        measure: "procrustes", "svcca" or "pwcca".
        keep: as in svcca; counts for it only.
    Returns:
        The value and its jackknife interval, which may reach beyond the range near its ends.
    Raises:
        ShapeError: as the measure, or folds of another length.
        SpecInvalid: unknown measure, or keep out of range.
        NotEnoughData: as the measure, for all rows or for those kept; fewer than 2 folds.
    Cost:
        O(n_examples * n_dims^2 + n_folds * n_dims^3).
    """
    asked = _checked(measure, keep)
    first, second = centred_pair(X, Y, asked)
    position, n_folds = checked_folds(folds, len(first), asked)
    values, largest = [], (0.0, 0.0)
    for n, own_x, cross, own_y in _sums_without(first, second, position, n_folds):
        one, other = (_half(own, n, measure, keep, of) for own, of in zip((own_x, own_y), largest, strict=True))
        values.append(_joined(one, cross, other, measure))
        largest = max(largest[0], one.largest), max(largest[1], other.largest)  # all rows come first
    return jackknife(values[0], values[1:], n=len(first))


def alignment_matrix(
    base: Sequence[ArrayLike],
    tuned: Sequence[ArrayLike],
    *,
    measure: str,
    keep: float = KEEP,
    on_step: Callable[[int, int], None] | None = None,
) -> Floats:
    """Procrustes angle, SVCCA or PWCCA of every base layer against every tuned layer.

    Args:
        base: one [n_examples, n_dims] array a layer; all rows aligned, on both sides.
        tuned: the same for the tuned checkpoint; widths may differ.
        measure: "procrustes", "svcca" or "pwcca".
        keep: as in svcca; counts for it only.
        on_step: called with (done, total) pairs; what it raises ends the computation.
    Returns:
        float64 [len(base), len(tuned)], each entry as the measure.
    Raises:
        ShapeError: a side is empty, or as the measure.
        SpecInvalid: unknown measure, or keep out of range.
        NotEnoughData: as the measure.
    Cost:
        One decomposition a layer, one product and one decomposition a pair; memory n_examples * n_dims float64 for every tuned
        layer, up to a gigabyte: beyond it tuned layers are centred again for each base layer.
    """
    asked = _checked(measure, keep)
    layers = [np.asarray(layer) for layer in (*base, *tuned)]
    if not base or not tuned:
        raise ShapeError(asked, f"{len(base)} base, {len(tuned)} tuned layers.", "Give both sides.")
    step = on_step or (lambda done, total: None)
    for layer in layers:
        check_pair(layers[0], layer, asked)
    columns = _Centred(layers[len(base) :], held=_HELD_BYTES)
    halves = []
    for Y in columns:
        halves.append(_half(Y.T @ Y, len(Y), measure, keep))
        step(0, len(base) * len(tuned))
    found = np.zeros((len(base), len(tuned)))
    for i, X in enumerate(_Centred(layers[: len(base)], held=0)):
        one = _half(X.T @ X, len(X), measure, keep)
        for j, Y in enumerate(columns):
            found[i, j] = _joined(one, X.T @ Y, halves[j], measure)
            step(i * len(tuned) + j + 1, found.size)
    return found


class _Centred:
    """Layers with columns centred, float64, one after the other as often as asked; kept where all fit into the bytes held."""

    def __init__(self, layers: Sequence[NDArray[np.floating]], *, held: int) -> None:
        self.layers = layers
        self.kept: list[Floats] | None = None
        if sum(8 * layer.size for layer in layers) <= held:
            self.kept = list(self)

    def __iter__(self) -> Iterator[Floats]:
        if self.kept is not None:
            yield from self.kept
            return
        for layer in self.layers:
            yield less_mean(layer, layer.mean(axis=0, dtype=np.float64))


@dataclass(frozen=True)
class _Half:
    """What one side brings to the comparison."""

    largest: float
    """Largest sum of squares of a neuron."""
    length: float = 1.0
    """What centred rows are divided by: their Frobenius norm, for Procrustes."""
    basis: Floats | None = None
    """Takes centred rows to uncorrelated unit directions [n_dims, kept]; none for Procrustes, which compares them all."""
    loadings: Floats | None = None
    """What each of those directions has of each neuron [kept, n_dims]; for PWCCA."""


def _measured(X: ArrayLike, Y: ArrayLike, measure: str, keep: float) -> float:
    asked = _checked(measure, keep)
    first, second = centred_pair(X, Y, asked)
    one = _half(first.T @ first, len(first), measure, keep)
    other = one if second is first else _half(second.T @ second, len(second), measure, keep)
    return _joined(one, first.T @ second, other, measure)


def _half(own: Floats, n: int, measure: str, keep: float, before: float = 0.0) -> _Half:
    """From a side's sums of products [n_dims, n_dims] over n centred rows.

    Where a fold was subtracted, `before` is the largest sum of squares that a neuron had with it: what is left of the sums
    is only as exact as a share of that.
    """
    largest = float(np.diag(own).max())
    if not largest > _ROUNDING * before:
        raise NotEnoughData(
            "Turning one space into another.",
            "A side (or what is left of it without a fold) has no variance.",
            "Give more rows, or another layer.",
        )
    if measure == "procrustes":
        return _Half(largest, math.sqrt(float(np.trace(own))))
    variances, directions = np.linalg.eigh(own)
    variances, directions = variances[::-1], directions[:, ::-1]
    rank = int((variances > _ROUNDING * max(float(variances[0]), before)).sum())
    kept = rank
    if measure == "svcca" and keep < 1:
        share = np.cumsum(variances[:rank]) / variances[:rank].sum()
        kept = min(rank, int(np.searchsorted(share, keep)) + 1)
    _refuse_few_rows(n, rank, kept)
    basis = directions[:, :kept] / np.sqrt(variances[:kept])
    return _Half(largest, basis=basis, loadings=basis.T @ own if measure == "pwcca" else None)


def _refuse_few_rows(n: int, rank: int, kept: int) -> None:
    """n rows, centred, span n - 1 dimensions: a side that fills them all correlates perfectly with anything."""
    if not rank or (rank >= n - 1 and 2 * kept >= n):
        raise NotEnoughData(
            "A comparison by canonical correlations.",
            f"{n} rows, and a side of which {kept} directions are compared: too few rows to tell spaces apart.",
            "Give more rows than dimensions, better ten times as many, or use CKA.",
        )


def _joined(one: _Half, cross: Floats, other: _Half, measure: str) -> float:
    """The measure from two halves and the sums of products between them [n_dims, n_dims]."""
    if one.basis is None or other.basis is None:
        kept = float(np.linalg.svd(cross, compute_uv=False).sum()) / one.length / other.length
        return math.acos(min(1.0, kept))
    between = one.basis.T @ cross @ other.basis
    if measure == "svcca":
        return float(np.clip(np.linalg.svd(between, compute_uv=False), 0.0, 1.0).mean())
    assert one.loadings is not None
    turns, correlations, _ = np.linalg.svd(between, full_matrices=False)
    weights = np.abs(turns.T @ one.loadings).sum(axis=1)
    return float(np.clip(correlations, 0.0, 1.0) @ weights / weights.sum())


def _sums_without(
    X: Floats, Y: Floats, position: NDArray[np.intp], n_folds: int
) -> Iterator[tuple[int, Floats, Floats, Floats]]:
    """(rows, X'X, X'Y, Y'Y) centred, of all rows, then of those outside each fold; X and Y are centred."""
    totals = X.T @ X, X.T @ Y, Y.T @ Y
    yield len(X), *totals
    for fold in range(n_folds):
        out = position == fold
        n, A, B = int(len(X) - out.sum()), X[out], Y[out]
        a, b = A.sum(axis=0), B.sum(axis=0)  # the kept rows sum to what these lack
        parts = (A.T @ A + np.outer(a, a) / n, A.T @ B + np.outer(a, b) / n, B.T @ B + np.outer(b, b) / n)
        own_x, cross, own_y = (total - part for total, part in zip(totals, parts, strict=True))
        yield n, own_x, cross, own_y


def _checked(measure: str, keep: float) -> str:
    """What is being done, in words. Raises SpecInvalid."""
    if measure not in ALIGNMENTS:
        raise SpecInvalid(f"Comparing spaces by {measure!r}.", "Unknown.", f"Use {', '.join(ALIGNMENTS)}.")
    if not 0 < keep <= 1:
        raise SpecInvalid(f"SVCCA that keeps {keep} of the variance.", "Out of range.", "Use a share like 0.99.")
    return {"procrustes": "An angle between two spaces.", "svcca": "SVCCA.", "pwcca": "PWCCA."}[measure]
