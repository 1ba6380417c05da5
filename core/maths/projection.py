"""What a map of many dimensions in two needs: who is whose neighbour, exactly, and how far the map can be trusted."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid

_BLOCK_BYTES = 64 * 2**20


def exact_knn(
    X: ArrayLike, k: int, *, device: str = "cpu", on_step: Callable[[int, int], None] | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The k nearest rows of every row by Euclidean distance, itself first: the form UMAP takes its graph in.

    For cosine neighbours give rows of unit length: their Euclidean order is the cosine's.

    Args:
        X: points [n, n_dims].
        k: neighbours, the point itself counted, 2 to n.
        device: where torch compares, in float32 on rows moved to the origin.
        on_step: called with (done, total) rows after each block; what it raises ends the search.
    Returns:
        (indices int32 [n, k], distances float32 [n, k] rising along a row, the first 0). Of rows equally far, any.
    Raises:
        ShapeError: not a matrix of finite values.
        NotEnoughData: fewer rows than neighbours.
        SpecInvalid: k below 2.
    Cost:
        O(n^2 * n_dims); memory one block of rows against all, 64 MB.
    """
    import torch

    given = _checked(X, k, "Exact nearest neighbours.")
    if k > len(given):
        raise NotEnoughData(f"The {k} nearest rows.", f"There are {len(given)} rows.", "Ask for fewer neighbours.")
    rows = torch.from_numpy((given - given.mean(axis=0, dtype=np.float64)).astype(np.float32)).to(device)
    lengths = (rows * rows).sum(dim=1)
    indices, distances = np.empty((len(rows), k), np.int32), np.empty((len(rows), k), np.float32)
    step = max(1, _BLOCK_BYTES // (4 * len(rows)))
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
    return indices, distances


def trustworthiness(X: ArrayLike, Y: ArrayLike, *, k: int = 15) -> float:
    """Whether neighbours on a map are neighbours in the space it was made from.

    Each of a point's k neighbours on the map that is not among its k nearest in the space costs as much as its rank
    there exceeds k. Rows equally far in the space share the best rank.

    Args:
        X: points in the space [n, n_dims], rows aligned with Y; of unit length for cosine neighbours.
        Y: the same points on the map [n, any width].
        k: neighbours, the point itself not counted; below n / 2.
    Returns:
        In [0, 1]; 1 = every neighbour on the map is one in the space, about 0.5 = a map drawn at random.
    Raises:
        ShapeError: not two matrices with equal n and finite values.
        NotEnoughData: 2 * k rows or fewer.
        SpecInvalid: k below 2.
    Source:
        Venna & Kaski (2001), Neighborhood preservation in nonlinear projection methods; scikit-learn's normalisation.
    Cost:
        O(n^2 * (n_dims + k)); memory one block of rows against all, 64 MB.
    """
    import torch

    sides = [torch.from_numpy(_checked(side, k, "The trustworthiness of a map.").astype(np.float64)) for side in (X, Y)]
    n = len(sides[0])
    if len(sides[1]) != n:
        raise ShapeError("The trustworthiness of a map.", f"{n} rows and {len(sides[1])}.", "Give the same points.")
    if n <= 2 * k:
        raise NotEnoughData(f"The trustworthiness of {n} points.", f"k = {k}.", "Give more than 2 k points.")
    space, drawn = (side - side.mean(dim=0) for side in sides)
    too_far, step = 0, max(1, _BLOCK_BYTES // (8 * n))
    for start in range(0, n, step):
        in_space, on_map = (_squares(side, start, step) for side in (space, drawn))
        nearest = on_map.topk(k, dim=1, largest=False).indices
        theirs = in_space.gather(1, nearest)
        # Counted column by column: all at once would hold k blocks.
        ranks = torch.stack([(in_space < theirs[:, j : j + 1]).sum(dim=1) + 1 for j in range(k)])
        too_far += int((ranks - k).clamp_min(0).sum())
    return float(1 - too_far * 2 / (n * k * (2 * n - 3 * k - 1)))


def unit_rows(X: ArrayLike) -> NDArray[np.float32]:
    """Rows divided by their length, float32; a zero row stays zero. Raises ShapeError."""
    rows = _checked(X, 2, "Rows of unit length.").astype(np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=rows, where=lengths > 0)


def _squares(rows, start: int, step: int):  # type: ignore[no-untyped-def]  # torch tensors
    """Squared distances of rows start..start + step to all rows; infinite to themselves."""
    import torch

    block = rows[start : start + step]
    squares = (block * block).sum(dim=1)[:, None] + (rows * rows).sum(dim=1) - 2 * (block @ rows.T)
    here = torch.arange(len(block))
    squares[here, start + here] = torch.inf
    return squares


def _checked(X: ArrayLike, k: int, asked: str) -> NDArray[np.floating]:
    rows = np.asarray(X)
    if rows.ndim != 2 or 0 in rows.shape:
        raise ShapeError(asked, f"The array has shape {rows.shape}.", "Give [n_points, n_dims].")
    if not np.isfinite(rows).all():
        raise ShapeError(asked, "Some values are not finite numbers.", "Look for overflow (float16).")
    if k < 2:
        raise SpecInvalid(asked, f"{k} neighbours.", "Ask for 2 or more.")
    return rows
