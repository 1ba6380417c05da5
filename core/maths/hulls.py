"""How far points lie from a convex hull, with a bound on the error that the answer carries.

The nearest point of a hull is a mixture of its vertices, so each distance is a small quadratic programme over the
simplex. All points step together by accelerated projected gradients. At any mixture, the plane across the line to the
point bounds the true distance from below, which certifies the answer and lets a search over many hulls end early.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid

_ASKED = "Distances to a hull."
_ROOM = 2**21
"""Weights of vertices held at a time: 16 MB for each of the half dozen arrays of a step."""
_BETWEEN_CHECKS = 10


def hull_distances(
    points: ArrayLike, hull: ArrayLike, *, gap: float = 1e-3, max_steps: int = 1000
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Euclidean distance of each point to the convex hull of vertices, and how much too large it may be.

    Args:
        points: [n, d].
        hull: vertices [m, d], in any order; points inside the hull may be among them.
        gap: the largest error wanted, > 0, as a share of the hull's radius (its farthest vertex from its mean).
        max_steps: steps at most; a point may then be left with a larger gap.
    Returns:
        (distance [n], gap [n]), in the units of the points: the true distance is at most `distance` and at least
        `distance - gap`. Inside the hull the true distance is 0 and the answer at most the gap.
    Raises:
        ShapeError: not matrices of one width, or values that are not finite.
        NotEnoughData: no vertex.
        SpecInvalid: gap or max_steps out of range.
    Source:
        Beck & Teboulle (2009), FISTA, with the restarts of O'Donoghue & Candes (2015); Held, Wolfe & Crowder (1974) for
        the projection onto the simplex; the bound is Frank & Wolfe's (1956) gap.
    Cost:
        A step: n * m * min(m, 2 d) products and a sort of n * m numbers, for the points whose gap is still too large:
        commonly 50 to 300. Float64; memory 6 blocks of 16 MB, and min(m * m, m * d).
    """
    rows, vertices = np.asarray(points, dtype=np.float64), np.asarray(hull, dtype=np.float64)
    if rows.ndim != 2 or vertices.ndim != 2 or rows.shape[1] != vertices.shape[1]:
        raise ShapeError(_ASKED, f"Points {rows.shape}, vertices {vertices.shape}.", "Give two matrices of one width.")
    if not gap > 0 or max_steps < 1:
        raise SpecInvalid(_ASKED, f"gap = {gap}, max_steps = {max_steps}.", "Use a gap above 0 and 1 step or more.")
    if len(vertices) == 0:
        raise NotEnoughData(_ASKED, "The hull has no vertex.", "Give at least one.")
    if not (np.isfinite(rows).all() and np.isfinite(vertices).all()):
        raise ShapeError(_ASKED, "Some values are not finite numbers.", "Look for overflow (float16).")
    return distances_below(rows, vertices, np.full(len(rows), np.inf), gap=gap, max_steps=max_steps)


def distances_below(
    points: NDArray[np.float64],
    hull: NDArray[np.float64],
    limit: NDArray[np.float64],
    *,
    gap: float,
    max_steps: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As hull_distances, unchecked, giving up on a point as soon as its distance is certain to exceed its limit [n]."""
    centre = hull.mean(axis=0)
    search = _Search(hull - centre, gap)
    distance, left = np.empty(len(points)), np.empty(len(points))
    at_once = max(1, _ROOM // len(hull))
    for start in range(0, len(points), at_once):
        block = slice(start, start + at_once)
        distance[block], left[block] = search.distances(points[block] - centre, limit[block], max_steps)
    return distance, left


class _Search:
    """Nearest points of one hull, whose vertices [m, d] have mean 0."""

    def __init__(self, vertices: NDArray[np.float64], gap: float) -> None:
        self.vertices = vertices
        m, d = vertices.shape
        self.gram = vertices @ vertices.T if m <= 2 * d else None  # else two thin products are cheaper
        small = vertices.T @ vertices if self.gram is None or d < m else self.gram
        self.curvature = max(float(np.linalg.eigvalsh(small)[-1]), np.finfo(float).tiny)
        self.allowed = gap * float(np.linalg.norm(vertices, axis=1).max())

    def distances(
        self, points: NDArray[np.float64], limit: NDArray[np.float64], max_steps: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(distance, gap) of each point. Points leave the search when certain, or certainly beyond their limit."""
        m = len(self.vertices)
        weights = np.full((len(points), m), 1 / m)
        ahead, momentum = weights, np.ones((len(points), 1))
        distance, floor = self._bounds(weights, points)
        searching = np.flatnonzero(self._unsettled(distance, floor, limit))
        weights, ahead, momentum = weights[searching], ahead[searching], momentum[searching]
        towards = points[searching] @ self.vertices.T
        for step in range(1, max_steps + 1):
            if not len(searching):
                break
            weights, ahead, momentum = self._step(weights, ahead, momentum, towards)
            if step % _BETWEEN_CHECKS and step < max_steps:
                continue
            found, below = self._bounds(weights, points[searching])
            distance[searching] = np.minimum(distance[searching], found)
            floor[searching] = np.minimum(np.maximum(floor[searching], below), distance[searching])
            open_ = self._unsettled(distance[searching], floor[searching], limit[searching])
            searching, weights, ahead = searching[open_], weights[open_], ahead[open_]
            momentum, towards = momentum[open_], towards[open_]
        return distance, distance - floor

    def _step(
        self,
        weights: NDArray[np.float64],
        ahead: NDArray[np.float64],
        momentum: NDArray[np.float64],
        towards: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """An accelerated gradient step of each row [n, m], restarted where it would run uphill."""
        across = ahead @ self.gram if self.gram is not None else (ahead @ self.vertices) @ self.vertices.T
        new = _onto_simplex(ahead - (across - towards) / self.curvature)
        uphill = np.einsum("nm,nm->n", ahead - new, new - weights)[:, None] > 0
        momentum = np.where(uphill, 1.0, momentum)
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        return new, new + np.where(uphill, 0.0, (momentum - 1) / following) * (new - weights), following

    def _bounds(
        self, weights: NDArray[np.float64], points: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Distance of each point to its mixture, and a bound that the hull stays beyond."""
        away = weights @ self.vertices - points
        distance = np.linalg.norm(away, axis=1)
        reach = (away @ self.vertices.T).min(axis=1) - np.einsum("nd,nd->n", away, points)
        floor = np.divide(reach, distance, out=np.zeros_like(reach), where=distance > 0)
        return distance, np.clip(floor, 0, distance)

    def _unsettled(
        self, distance: NDArray[np.float64], floor: NDArray[np.float64], limit: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        return (distance - floor > self.allowed + 1e-12 * distance) & (floor <= limit)


def _onto_simplex(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest weights of 0 or more that sum to 1, in each row [n, m]."""
    falling = -np.sort(-rows, axis=1)
    excess = np.cumsum(falling, axis=1) - 1
    kept = np.count_nonzero(falling * np.arange(1, rows.shape[1] + 1) > excess, axis=1)
    shift = excess[np.arange(len(rows)), kept - 1] / kept
    return np.maximum(rows - shift[:, None], 0)
