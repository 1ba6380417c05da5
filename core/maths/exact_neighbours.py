"""Who is whose neighbour, exactly."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid

BLOCK_BYTES = 64 * 2**20
"""Of one block of rows against all, and of the rows that are nearest to it."""


def exact_knn(
    X: ArrayLike,
    k: int,
    *,
    metric: str = "euclidean",
    device: str = "cpu",
    on_step: Callable[[int, int], None] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The k nearest rows of every row, itself first: the form UMAP takes its graph in.

    Args:
        X: points [n, n_dims].
        k: neighbours, the point itself counted, 2 to n.
        metric: "euclidean", or "cosine": distance 1 - cosine, 0 to 2; the cosine with a zero row counts as 0.
        device: where torch compares, in float32 on rows moved to the origin.
        on_step: called with (done, total) rows after each block; what it raises ends the search.
    Returns:
        (indices int32 [n, k], distances float32 [n, k] rising along a row, the first 0). Of rows equally far, any.
    Raises:
        ShapeError: not a matrix of finite values.
        NotEnoughData: fewer rows than neighbours.
        SpecInvalid: k below 2, or another metric.
    Cost:
        O(n^2 * n_dims); memory some 64 MB for a block against all, and as much for the rows nearest to it.
    """
    import torch

    given = checked_points(X, k, "Exact nearest neighbours.")
    if metric not in ("euclidean", "cosine"):
        raise SpecInvalid("Exact nearest neighbours.", f"The metric {metric!r}.", "Use euclidean or cosine.")
    if k > len(given):
        raise NotEnoughData(f"The {k} nearest rows.", f"There are {len(given)} rows.", "Ask for fewer neighbours.")
    if metric == "cosine":
        units = unit_rows(given)
        # A zero row gets a direction of its own, at a right angle to all.
        given = np.concatenate([units, ~units.any(axis=1, keepdims=True)], axis=1)
    rows = torch.from_numpy((given - given.mean(axis=0, dtype=np.float64)).astype(np.float32)).to(device)
    lengths = (rows * rows).sum(dim=1)
    indices, distances = np.empty((len(rows), k), np.int32), np.empty((len(rows), k), np.float32)
    step = max(1, BLOCK_BYTES // (4 * max(len(rows), k * rows.shape[1])))  # squares of a block, or its neighbours' rows
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        squares = torch.addmm(lengths, block, rows.T, alpha=-2)  # a row's own length changes no order
        here = torch.arange(len(block), device=rows.device)
        squares[here, start + here] = -torch.inf  # itself first, by index: a twin is as near
        nearest = squares.topk(k, dim=1, largest=False).indices
        # Distances once more from the differences, where nothing cancels; they settle the order of near ties.
        apart = torch.linalg.vector_norm(rows[nearest] - block[:, None], dim=2)
        apart[:, 0] = -1
        apart, order = apart.sort(dim=1, stable=True)
        indices[start : start + step] = nearest.gather(1, order).cpu().numpy()
        distances[start : start + step] = apart.clamp_min(0).cpu().numpy()
        if on_step:
            on_step(min(start + step, len(rows)), len(rows))
    if metric == "cosine":
        distances *= distances / 2
    return indices, distances


def unit_rows(X: ArrayLike) -> NDArray[np.float32]:
    """Rows divided by their length, float32; a zero row stays zero. Raises ShapeError."""
    rows = checked_points(X, 2, "Rows of unit length.").astype(np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=rows, where=lengths > 0)


def checked_points(X: ArrayLike, k: int, asked: str) -> NDArray[np.floating]:
    """The points [n, n_dims]. Raises ShapeError for no matrix of finite values, SpecInvalid for k below 2."""
    rows = np.asarray(X)
    if rows.ndim != 2 or 0 in rows.shape:
        raise ShapeError(asked, f"The array has shape {rows.shape}.", "Give [n_points, n_dims].")
    if not np.isfinite(rows).all():
        raise ShapeError(asked, "Some values are not finite numbers.", "Look for overflow (float16).")
    if k < 2:
        raise SpecInvalid(asked, f"{k} neighbours.", "Ask for 2 or more.")
    return rows
