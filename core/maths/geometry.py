"""The shape of one space: does it crowd into a cone, and where do two checkpoints lie on shared axes?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError
from core.maths.isotropy import intrinsic_dimension, isoscore, partition_isotropy
from core.maths.statistics import Estimate, group_folds, t_interval

__all__ = [
    "JointPca",
    "cross_group_pairs",
    "intrinsic_dimension",
    "isoscore",
    "joint_pca",
    "mean_cosine",
    "mean_cosine_interval",
    "partition_isotropy",
]
"""Those of core.maths.isotropy are part of a space's geometry, and are found here."""


@dataclass(frozen=True)
class JointPca:
    """Coordinates of two checkpoints' rows on the principal axes of both together."""

    base: NDArray[np.float32]
    """[n_base, n_components]."""
    tuned: NDArray[np.float32]
    """[n_tuned, n_components]."""
    explained_share: NDArray[np.float64]
    """Share of the joint variance on each axis, 0 to 1, falling [n_components]."""


def mean_cosine(X: ArrayLike, pairs: ArrayLike) -> float:
    """Mean cosine of pairs of rows: 0 = spread over all directions, towards 1 = crowded into a cone.

    Args:
        X: activations [n_examples, n_dims].
        pairs: row numbers, int [m, 2].
    Returns:
        In [-1, 1]. The cosine with a zero row counts as 0: it has no direction to share.
    Raises:
        ShapeError: wrong shapes, a row that does not exist, or values that are not finite.
        NotEnoughData: no pair.
    Source:
        Ethayarajh (2019), arXiv 1909.00512, anisotropy baseline.
    Cost:
        O(m * n_dims).
    """
    rows, chosen = np.asarray(X), np.asarray(pairs)
    if rows.ndim != 2 or chosen.ndim != 2 or chosen.shape[1] != 2:
        raise ShapeError(
            "Mean cosine of pairs.",
            f"Rows {rows.shape}, pairs {chosen.shape}.",
            "Give [n_examples, n_dims] and [m, 2].",
        )
    if len(chosen) == 0:
        raise NotEnoughData("Mean cosine of pairs.", "There is no pair.", "Give at least one.")
    if chosen.min() < 0 or chosen.max() >= len(rows):
        raise ShapeError("Mean cosine of pairs.", f"A pair points outside the {len(rows)} rows.", "Draw them again.")
    first, second = rows[chosen[:, 0]].astype(np.float64), rows[chosen[:, 1]].astype(np.float64)
    products = np.einsum("md,md->m", first, second)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    if not np.isfinite(lengths).all():
        raise ShapeError("Mean cosine of pairs.", "Some values are not finite numbers.", "Look for overflow (float16).")
    cosines = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    return float(np.clip(cosines.mean(), -1.0, 1.0))  # rounding only


def cross_group_pairs(groups: ArrayLike, folds: ArrayLike, *, pairs_per_fold: int, seed: int) -> list[NDArray[np.intp]]:
    """Random pairs of rows of one fold and two different groups, for each fold.

    Every such pair is equally likely; pairs are drawn with replacement, so a small fold may repeat some.

    Args:
        groups: group (sentence) of each row, int [n].
        folds: fold of each row, all rows of a group in one, int [n]; see statistics.group_folds.
        pairs_per_fold: pairs drawn in each fold, >= 1.
        seed: draws the pairs.
    Returns:
        One int [pairs_per_fold, 2] of row numbers a fold, folds in rising order.
    Raises:
        ShapeError: groups and folds are not two vectors of one length.
        NotEnoughData: a fold with one group only, or no pair asked for.
    """
    group, fold = np.asarray(groups), np.asarray(folds)
    if group.ndim != 1 or group.shape != fold.shape:
        raise ShapeError("Drawing pairs.", f"Groups {group.shape}, folds {fold.shape}.", "Give one of each a row.")
    if pairs_per_fold < 1:
        raise NotEnoughData(f"Drawing {pairs_per_fold} pairs a fold.", "Too few.", "Ask for at least 1.")
    rng = np.random.default_rng(seed)
    return [_fold_pairs(group, np.flatnonzero(fold == name), pairs_per_fold, rng) for name in np.unique(fold)]


def mean_cosine_interval(
    X: ArrayLike, groups: ArrayLike, *, n_folds: int = 20, pairs_per_fold: int = 500, seed: int = 0
) -> Estimate:
    """Mean cosine of random rows from different sentences, with an interval over groups of sentences.

    Sentences are dealt into folds and pairs are drawn inside a fold only, so the folds' means are independent.

    Args:
        X: activations [n_examples, n_dims].
        groups: sentence of each row, int [n_examples].
        n_folds: folds wanted; at most half as many as there are sentences are made.
        pairs_per_fold: pairs drawn in each.
        seed: draws folds and pairs.
    Returns:
        Mean over folds in [-1, 1]; n = pairs, n_groups = folds.
    Raises:
        ShapeError: as mean_cosine, or groups of another length.
        NotEnoughData: fewer than 4 sentences.
    Source:
        Ethayarajh (2019), arXiv 1909.00512. Differs: pairs stay inside folds, which gives the interval.
    """
    rows, group = np.asarray(X), np.asarray(groups)
    if group.shape != rows.shape[:1]:
        raise ShapeError(
            "Mean cosine with an interval.", f"Rows {rows.shape}, groups {group.shape}.", "Give a sentence to each row."
        )
    folds = group_folds(group, n_folds=max(2, min(n_folds, len(np.unique(group)) // 2)), seed=seed)
    pairs = cross_group_pairs(group, folds, pairs_per_fold=pairs_per_fold, seed=seed)
    found = t_interval([mean_cosine(rows, chosen) for chosen in pairs])
    n_pairs = sum(len(chosen) for chosen in pairs)
    return Estimate(found.value, found.low, found.high, found.standard_error, n_pairs, found.n_groups)


def joint_pca(base: ArrayLike, tuned: ArrayLike, *, n_components: int = 2) -> JointPca:
    """Principal components fitted on the rows of both sides together, so that the two pictures share their axes.

    Signs are fixed by making each axis' largest absolute loading positive. Where two axes explain equally much, or
    the last one nothing, their directions are arbitrary.

    Args:
        base: activations of the base checkpoint [n_base, n_dims].
        tuned: activations of the tuned checkpoint [n_tuned, n_dims].
        n_components: axes to keep.
    Raises:
        ShapeError: other widths, not matrices, or values that are not finite.
        NotEnoughData: fewer rows or columns than axes, or no variance.
    Source:
        Pearson (1901); fitted jointly, since only then may the two projections be laid side by side.
    Cost:
        O(n * n_dims * min(n, n_dims)) with n = all rows; memory n * n_dims float64.
    """
    first, second = np.asarray(base), np.asarray(tuned)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ShapeError("A joint PCA.", f"Shapes {first.shape} and {second.shape}.", "Give two matrices of one width.")
    rows = np.concatenate([first, second]).astype(np.float64)
    if not np.isfinite(rows).all():
        raise ShapeError("A joint PCA.", "Some values are not finite numbers.", "Look for overflow (float16).")
    if not 1 <= n_components <= min(rows.shape) or (rows == rows[0]).all():
        raise NotEnoughData(
            f"A joint PCA with {n_components} axes.",
            f"{len(rows)} rows of width {rows.shape[1]}, or all rows equal.",
            "Give more rows that differ.",
        )
    rows -= rows.mean(axis=0)
    axes, variances = _principal_axes(rows, n_components)
    axes *= np.where(axes[np.abs(axes).argmax(axis=0), np.arange(n_components)] < 0, -1.0, 1.0)
    coordinates = (rows @ axes).astype(np.float32)
    return JointPca(coordinates[: len(first)], coordinates[len(first) :], variances / np.sum(rows**2))


def _fold_pairs(
    group: NDArray[Any], rows: NDArray[np.intp], n_pairs: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Ordered pairs with unequal groups, uniformly: the second is drawn among the rows outside the first's group."""
    ordered = rows[np.argsort(group[rows], kind="stable")]
    _, start, size = np.unique(group[ordered], return_index=True, return_counts=True)
    if len(size) < 2:
        raise NotEnoughData(
            "Drawing pairs across sentences inside a fold.", "A fold holds one sentence only.", "Give more sentences."
        )
    own_start, own_size = np.repeat(start, size), np.repeat(size, size)
    outside = len(ordered) - own_size
    first = rng.choice(len(ordered), n_pairs, p=outside / outside.sum())
    second = rng.integers(outside[first])
    second += np.where(second >= own_start[first], own_size[first], 0)
    return np.stack([ordered[first], ordered[second]], axis=1)


def _principal_axes(rows: NDArray[np.float64], n_axes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Leading axes [n_dims, n_axes] and the sums of squares along them, of centred rows."""
    if rows.shape[1] > len(rows):
        _, singular, right = np.linalg.svd(rows, full_matrices=False)
        return right[:n_axes].T.copy(), singular[:n_axes] ** 2
    from scipy.linalg import eigh

    width = rows.shape[1]
    values, vectors = eigh(rows.T @ rows, subset_by_index=(width - n_axes, width - 1))
    return vectors[:, ::-1].copy(), np.maximum(values[::-1], 0.0)
