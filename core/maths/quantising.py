"""Positions on a fine square grid, and marked rows as bits: what a picture of many points is sent as."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import ShapeError, SpecInvalid

STEPS = 65_535
"""Of a side of the frame. A screen shows a few thousand of them, so a step is far below a pixel, and uint16 halves what
float32 would take."""

Frame = tuple[float, float, float]
"""Left, bottom and side of a square: one side for both axes, so that a step is as long across as it is up."""


def square_frame(positions: Sequence[NDArray], limits: tuple[float, float, float, float] | None = None) -> Frame:
    """The smallest square around all points of all panels, and around the limits where they are given.

    Args:
        positions: float [n, 2] each, x and y; none at all is allowed.
        limits: left, right, bottom, top.
    Returns:
        Left, bottom, side; the side is 1 where all lie on one spot.
    Raises:
        ShapeError: not [n, 2].
        SpecInvalid: a coordinate or a limit is no finite number, or right is not above left.
    """
    corners = [np.reshape(np.array(limits, dtype=np.float64), (2, 2)).T] if limits is not None else []
    if limits is not None and not (limits[0] < limits[1] and limits[2] < limits[3]):
        raise SpecInvalid(f"A map within {limits}.", "An end lies not above its beginning.", "Give x0 < x1, y0 < y1.")
    corners += [checked(places) for places in positions]
    rows = np.concatenate(corners) if corners else np.empty((0, 2))
    if not len(rows):
        return 0.0, 0.0, 1.0
    if not np.isfinite(rows).all():
        raise SpecInvalid("A map of points.", "A limit is no finite number.", "Give finite ones.")
    low, high = rows.min(0), rows.max(0)
    side = float((high - low).max()) or 1.0
    left, bottom = (low + high) / 2 - side / 2
    return float(left), float(bottom), side


def checked(places: NDArray) -> NDArray[np.float64]:
    """Positions as float64 [n, 2]. Raises ShapeError for another shape, SpecInvalid for what is not finite."""
    rows = np.asarray(places, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != 2:
        raise ShapeError("A map of points.", f"Positions of shape {rows.shape}.", "Give x and y of every point.")
    if not np.isfinite(rows).all():
        raise SpecInvalid("A map of points.", "A coordinate is no finite number.", "Leave such points out.")
    return rows


def quantised(places: NDArray, frame: Frame) -> NDArray[np.uint16]:
    """Positions as steps from the frame's left and bottom, rounded to the nearest.

    Args:
        places: float [n, 2], all within the frame.
        frame: of square_frame.
    Returns:
        uint16 [n, 2], 0 to STEPS.
    Raises:
        ShapeError, SpecInvalid: as checked; SpecInvalid also for a point outside the frame.
    """
    left, bottom, side = frame
    steps = np.rint((checked(places) - (left, bottom)) * (STEPS / side))
    if len(steps) and (steps.min() < 0 or steps.max() > STEPS):
        raise SpecInvalid("A map of points.", "A point lies outside its frame.", "Take a frame around all panels.")
    return steps.astype(np.uint16)


def bits_of(marked: ArrayLike) -> bytes:
    """Marks of rows as bits, row 0 the lowest bit of the first byte: ceil(n / 8) bytes."""
    return np.packbits(np.asarray(marked, dtype=np.bool_), bitorder="little").tobytes()


def marked_in(bits: bytes, n: int) -> NDArray[np.int64] | None:
    """Rows that are marked, ascending; None where the bits are not those of n rows."""
    if len(bits) != (n + 7) // 8:
        return None
    return np.flatnonzero(np.unpackbits(np.frombuffer(bits, np.uint8), count=n, bitorder="little")).astype(np.int64)
