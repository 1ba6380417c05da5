"""What a map of many dimensions in two needs: axes, maps laid on each other, and how far a map can be trusted."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError
from core.maths import exact_neighbours
from core.maths.exact_neighbours import checked_points, exact_knn, unit_rows
from core.maths.geometry import joint_pca
from core.maths.movers import movers

__all__ = [
    "continuity",
    "exact_knn",
    "movers",
    "pca",
    "procrustes_align",
    "trustworthiness",
    "trustworthiness_by_point",
    "turned_onto",
    "unit_rows",
]
"""Those of core.maths.exact_neighbours and core.maths.movers are what maps are made of and read for, and are found here."""


def pca(X: ArrayLike, n: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Principal components: signs as joint_pca fixes them.

    Args:
        X: activations [n_examples, n_dims].
        n: axes to keep.
    Returns:
        (scores [n_examples, n], ratio [n]): coordinates on the axes, and each axis' share of the variance, 0 to 1, falling.
    Raises:
        ShapeError, NotEnoughData: as joint_pca.
    Cost:
        As joint_pca.
    """
    rows = np.asarray(X)
    found = joint_pca(rows, rows[:0], n_components=n)
    return found.base, found.explained_share


def procrustes_align(moving: ArrayLike, fixed: ArrayLike) -> NDArray[np.float64]:
    """A map turned, mirrored, scaled and shifted so that its points lie as near as they can to the same points of another.

    Args:
        moving: points of the map that is moved [n, n_dims].
        fixed: the same points on the other map [n, n_dims].
    Returns:
        aligned, float64 [n, n_dims]: the least sum of squared distances to fixed. Distances within the map keep their
        ratios. All points on the mean of fixed where those of a side are all equal.
    Raises:
        ShapeError: not two matrices of one shape with finite values.
    Source:
        Schoenemann (1966); Gower (1975).
    Cost:
        O(n * n_dims^2).
    """
    moved, middle, scale = _turned(moving, fixed)
    return np.asarray(scale * moved + middle)


def turned_onto(moving: ArrayLike, fixed: ArrayLike) -> NDArray[np.float64]:
    """The same, the map keeping its size: one that fits badly is not drawn small.

    Returns:
        aligned, float64 [n, n_dims]: distances within the map stay as they are.
    Raises:
        As procrustes_align.
    """
    moved, middle, _ = _turned(moving, fixed)
    return np.asarray(moved + middle)


def _turned(moving: ArrayLike, fixed: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """A map, centred and turned onto another, the middle of that, and by how much it would have to grow to lie nearest."""
    first, second = np.asarray(moving, np.float64), np.asarray(fixed, np.float64)
    asked = "Laying one map on another."
    if first.ndim != 2 or first.shape != second.shape or 0 in first.shape:
        raise ShapeError(asked, f"Shapes {first.shape} and {second.shape}.", "Give the same points of both maps.")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ShapeError(asked, "Some values are not finite numbers.", "Look for points that were not placed.")
    middle = second.mean(axis=0)
    moved = first - first.mean(axis=0)
    left, singular, right = np.linalg.svd(moved.T @ (second - middle))
    length = float(np.sum(moved**2))
    return moved @ left @ right, middle, float(singular.sum()) / length if length else 0.0


def trustworthiness(X: ArrayLike, Y: ArrayLike, k: int = 15) -> float:
    """Whether neighbours on a map are neighbours in the space it was made from: mean of trustworthiness_by_point.

    Returns:
        In [0, 1]; 1 = every neighbour on the map is one in the space, about 0.5 = a map drawn at random.
    Raises:
        As trustworthiness_by_point.
    Source:
        Venna & Kaski (2001), Neighborhood preservation in nonlinear projection methods; scikit-learn's normalisation.
    """
    return float(trustworthiness_by_point(X, Y, k).mean())


def continuity(X: ArrayLike, Y: ArrayLike, k: int = 15) -> float:
    """Whether neighbours in the space are still neighbours on the map: trustworthiness with space and map exchanged.

    Returns:
        In [0, 1]; 1 = no neighbour was torn away.
    Raises:
        As trustworthiness_by_point.
    Source:
        Venna & Kaski (2001).
    """
    return trustworthiness(Y, X, k)


def trustworthiness_by_point(X: ArrayLike, Y: ArrayLike, k: int = 15) -> NDArray[np.float64]:
    """Whether each point's neighbours on a map are its neighbours in the space it was made from.

    Each of a point's k neighbours on the map that is not among its k nearest in the space costs as much as its rank
    there exceeds k. Rows equally far in the space share the best rank.

    Args:
        X: points in the space [n, n_dims], rows aligned with Y; of unit length for cosine neighbours.
        Y: the same points on the map [n, any width].
        k: neighbours, the point itself not counted; below n / 2.
    Returns:
        float64 [n]; 1 = every neighbour on the map is one in the space. Their mean is in [0, 1]; a single point's may lie
        a little below 0.
    Raises:
        ShapeError: not two matrices with equal n and finite values.
        NotEnoughData: 2 * k rows or fewer.
        SpecInvalid: k below 2.
    Cost:
        O(n^2 * (n_dims + k)); memory one block of rows against all, 64 MB.
    """
    import torch

    sides = [
        torch.from_numpy(checked_points(side, k, "The trustworthiness of a map.").astype(np.float64)) for side in (X, Y)
    ]
    n = len(sides[0])
    if len(sides[1]) != n:
        raise ShapeError("The trustworthiness of a map.", f"{n} rows and {len(sides[1])}.", "Give the same points.")
    if n <= 2 * k:
        raise NotEnoughData(f"The trustworthiness of {n} points.", f"k = {k}.", "Give more than 2 k points.")
    space, drawn = (side - side.mean(dim=0) for side in sides)
    too_far, step = [], max(1, exact_neighbours.BLOCK_BYTES // (8 * n))
    for start in range(0, n, step):
        in_space, on_map = (_squares(side, start, step) for side in (space, drawn))
        nearest = on_map.topk(k, dim=1, largest=False).indices
        theirs = in_space.gather(1, nearest)
        # Counted column by column: all at once would hold k blocks.
        ranks = torch.stack([(in_space < theirs[:, j : j + 1]).sum(dim=1) + 1 for j in range(k)])
        too_far.append((ranks - k).clamp_min(0).sum(dim=0).numpy())
    return np.asarray(1 - np.concatenate(too_far) * 2 / (k * (2 * n - 3 * k - 1)), np.float64)


def _squares(rows: Any, start: int, step: int) -> Any:
    """Squared distances of rows start..start + step to all rows; infinite to themselves."""
    import torch

    block = rows[start : start + step]
    squares = (block * block).sum(dim=1)[:, None] + (rows * rows).sum(dim=1) - 2 * (block @ rows.T)
    here = torch.arange(len(block))
    squares[here, start + here] = torch.inf
    return squares
