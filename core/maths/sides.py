"""Two sides with the same rows in both: what every measure asks of them before it compares, and how folds leave."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError

MIN_ROWS = 4
"""Below which no measure says anything."""

Floats = NDArray[np.float64]


def checked_folds(folds: ArrayLike, n: int, asked: str) -> tuple[NDArray[np.intp], int]:
    """(fold of each row numbered from 0, number of folds)."""
    names, position = np.unique(np.asarray(folds), return_inverse=True)
    if position.shape != (n,):
        raise ShapeError(asked, f"{n} rows, folds of shape {position.shape}.", "Give a fold to each row.")
    if len(names) < 2 or n - np.bincount(position).max() < MIN_ROWS:
        raise NotEnoughData(
            asked,
            f"{len(names)} folds of {n} rows leave too little when one is removed.",
            f"Give at least 2 folds, with {MIN_ROWS} rows outside each.",
        )
    return position, len(names)


def check_pair(X: NDArray[np.floating], Y: NDArray[np.floating], asked: str) -> None:
    """Raise ShapeError or NotEnoughData where two arrays cannot be compared row by row; asked is what is being done."""
    for side in (X, Y):
        if side.ndim != 2 or side.shape[1] == 0:
            raise ShapeError(asked, f"An array has shape {side.shape}.", "Give [n_examples, n_dims].")
    if len(X) != len(Y):
        raise ShapeError(
            asked, f"{len(X)} rows on one side, {len(Y)} on the other.", "Give the same examples in order."
        )
    if len(X) < MIN_ROWS:
        raise NotEnoughData(asked, f"There are {len(X)} rows.", f"Give at least {MIN_ROWS}.")
    for side in (X, Y):
        if not np.isfinite(side).all():
            raise ShapeError(
                asked, "Some values are not finite numbers.", "Look for overflow (float16) in the activations."
            )
        if (side == side[0]).all():
            raise NotEnoughData(
                asked, "All rows of a side are equal: it has no variance.", "Choose another layer or data."
            )


def less_mean(X: NDArray[np.floating], mean: Floats) -> Floats:
    """Columns shifted by their means, float64."""
    return X.astype(np.float64) - mean


def centred_pair(X: ArrayLike, Y: ArrayLike, asked: str) -> tuple[Floats, Floats]:
    """Both sides checked and centred; one array where they are the same one."""
    first, second = np.asarray(X), np.asarray(Y)
    check_pair(first, second, asked)
    one = less_mean(first, first.mean(axis=0, dtype=np.float64))
    return one, one if second is first else less_mean(second, second.mean(axis=0, dtype=np.float64))


def outside(between: Floats) -> Floats:
    """Sums over all pairs of rows, then over the pairs outside each fold, from sums between folds [folds, folds]."""
    return np.append(between.sum(), between.sum() - 2 * between.sum(axis=1) + np.diag(between))
