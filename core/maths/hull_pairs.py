"""Two convex hulls: how far apart, and do they touch? Answers that carry their own proof.

The nearest points of two hulls are mixtures of their vertices. Few vertices take part in them, so an active set finds
them exactly: solve for the vertices that take part, drop those whose share would be negative, add those that lie
nearer. At every step the line between the two mixtures gives a plane; if all vertices lie on their own sides of it,
the hulls are apart, and that is a proof. If the mixtures coincide, the hulls share a point, and that is one too. Only
where rounding leaves both open is a linear programme asked.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError

Floats = NDArray[np.float64]

_TOUCHING = 1e-11
"""Mixtures nearer than this share of the radius of both together are one point."""
_APART = 1e-12
"""A plane counts when its margin is more than this share of the radius: rounding of the products stays below."""
_PRECISION = 1e-9
"""The search for a distance ends when it is known to this share."""
_RIDGE = 1e-15
"""Of rows of length 1 at most: where several mixtures are one point, the one of smallest shares."""
_MAX_ROUNDS = 10_000


@dataclass(frozen=True)
class Nearest:
    """The nearest points of two hulls."""

    distance: float
    """Between the points found, >= 0: at least the hulls' distance."""
    floor: float
    """What the hulls' distance is at least; 0 where no plane parts them."""
    normal: Floats
    """From the second hull's point to the first's [d]; the normal of a parting plane where floor > 0."""
    is_apart: bool | None
    """True: a plane parts them. False: they share a point. None: rounding leaves it open."""


def hull_distance(A: ArrayLike, B: ArrayLike) -> float:
    """Euclidean distance of the convex hulls of two sets of points.

    Args:
        A: points [n_a, d], inner ones among them or not.
        B: points [n_b, d].
    Returns:
        >= 0, exact to nine digits; 0 where the hulls touch or overlap. Symmetric; unchanged by rotation and
        shift, grows with scale.
    Raises:
        ShapeError: not two matrices of one width, or values that are not finite.
        NotEnoughData: a side without points.
    Source:
        The problem is the hard-margin support vector machine's (Bennett & Bredensteiner 2000): twice its margin. Solved by
        an active set as for non-negative least squares (Lawson & Hanson 1974), two sums held at 1.
    Cost:
        A round: (n_a + n_b) * d, and k^3 + k^2 * d for the k vertices that the nearest points mix; commonly k / 8 + 10 rounds.
    """
    first, second = _checked(A, B, "The distance of two hulls.")
    found = nearest_points(first, second)
    return found.distance if is_apart(found, first, second) else 0.0


def separable(A: ArrayLike, B: ArrayLike) -> bool:
    """Whether some plane has all points of A strictly on one side and all points of B strictly on the other.

    Args:
        A: points [n_a, d].
        B: points [n_b, d].
    Returns:
        True exactly where the convex hulls share no point. Hulls that touch are not separable.
    Raises:
        ShapeError: not two matrices of one width, or values that are not finite.
        NotEnoughData: a side without points.
    Source:
        Zhou & Srikumar (2021), DirectProbe; their feasibility programme is asked only where rounding leaves it open.
    Cost:
        As hull_distance, less where a plane is found early.
    """
    first, second = _checked(A, B, "Separating two sets of points.")
    return is_apart(nearest_points(first, second, until_apart=True), first, second)


def nearest_points(A: Floats, B: Floats, *, until_apart: bool = False) -> Nearest:
    """Nearest points of the hulls of A [n_a, d] and B [n_b, d], unchecked; until_apart ends it at the first parting plane."""
    centre = (A.mean(axis=0) + B.mean(axis=0)) / 2
    # The nearest points are the shortest mixture of the first side's rows and the second's mirrored ones.
    rows, n_first = np.concatenate([A - centre, centre - B]), len(A)
    scale = float(np.linalg.norm(rows, axis=1).max())
    if scale == 0:
        return Nearest(0.0, 0.0, np.zeros(rows.shape[1]), False)
    rows /= scale
    search = _ActiveSet(rows, n_first)
    for _ in range(_MAX_ROUNDS):
        normal = search.share @ rows
        distance = float(np.linalg.norm(normal))
        if distance <= _TOUCHING:
            return Nearest(scale * distance, 0.0, normal, False)
        reach = rows @ normal
        # What the plane across the line leaves between the two sides, as a length.
        floor = float(reach[:n_first].min() + reach[n_first:].min()) / distance
        found = Nearest(scale * distance, scale * max(floor, 0.0), normal, True if floor > _APART else None)
        is_enough = (found.is_apart and until_apart) or distance - floor <= _PRECISION * distance
        if is_enough or not search.improve(reach):
            return found
    return found


class _ActiveSet:
    """Shares of rows [n, d], 1 in all over the first n_first and over the others, moving towards the shortest mixture."""

    def __init__(self, rows: Floats, n_first: int) -> None:
        self.rows = rows
        self.side = np.zeros((len(rows), 2))
        self.side[:n_first, 0] = 1.0
        self.side[n_first:, 1] = 1.0
        self.share = np.zeros(len(rows))
        first = int((rows[:n_first] @ rows[n_first:].mean(axis=0)).argmin())
        second = n_first + int(np.sum((rows[n_first:] + rows[first]) ** 2, axis=1).argmin())
        self.active = np.array([first, second])
        self.share[self.active] = 1.0
        self.at_once = 8

    def improve(self, reach: Floats) -> bool:
        """Let the vertices that lie nearest to the other side take part; False when none would shorten the mixture.

        Args:
            reach: product of each vertex with the present mixture [n].
        """
        level = (reach * self.share) @ self.side  # of the vertices that take part, on either side
        below = reach - self.side @ level
        below[self.active] = 0.0
        before = self._length()
        while True:
            wanted = below.argsort()[: self.at_once]
            wanted = wanted[below[wanted] < 0]
            if not len(wanted):
                return False
            kept = self.share.copy(), self.active
            self._settle(np.concatenate([self.active, wanted]))
            if self._length() < before:
                self.at_once = min(self.at_once * 2, 64)
                return True
            self.share, self.active = kept
            if self.at_once == 1:
                return False
            self.at_once = 1  # one vertex alone always shortens it, but for rounding

    def _length(self) -> float:
        mixture = self.share[self.active] @ self.rows[self.active]
        return float(mixture @ mixture)

    def _settle(self, active: NDArray[np.intp]) -> None:
        """Shortest mixture of these vertices; those whose share falls to nothing on the way are dropped."""
        while True:
            wanted = self._unbounded(active)
            negative = wanted <= 0
            present = self.share[active]
            if not negative.any():
                self.share[active], self.active = wanted, active
                return
            step = float(np.min(present[negative] / np.maximum(present[negative] - wanted[negative], 1e-300)))
            moved = present + step * (wanted - present)
            leaving = negative & (moved <= 1e-14)
            if not leaving.any():
                leaving = negative & (moved <= moved[negative].min())
            moved[leaving] = 0.0
            self.share[active] = moved
            active = active[~leaving]

    def _unbounded(self, active: NDArray[np.intp]) -> Floats:
        """Shares of the shortest mixture of these vertices, negative ones allowed."""
        k, rows = len(active), self.rows[active]
        system = np.zeros((k + 2, k + 2))
        system[:k, :k] = rows @ rows.T
        system[:k, :k].flat[:: k + 1] += _RIDGE
        system[:k, k:] = self.side[active]
        system[k:, :k] = system[:k, k:].T
        wanted = np.zeros(k + 2)
        wanted[k:] = 1.0
        return np.asarray(np.linalg.solve(system, wanted)[:k], dtype=np.float64)


def is_apart(found: Nearest, A: Floats, B: Floats) -> bool:
    """Whether the hulls of A and B share no point, from what nearest_points found; where that is open, by a programme."""
    return _programme_says_apart(A, B) if found.is_apart is None else found.is_apart


def _programme_says_apart(A: Floats, B: Floats) -> bool:
    """Whether a plane with room on both sides exists, by a linear programme."""
    from scipy.optimize import linprog

    centre = (A.mean(axis=0) + B.mean(axis=0)) / 2
    rows = np.concatenate([centre - A, B - centre])
    rows /= max(float(np.abs(rows).max()), np.finfo(float).tiny)
    offset = np.concatenate([-np.ones(len(A)), np.ones(len(B))])
    answer = linprog(
        np.zeros(rows.shape[1] + 1),
        A_ub=np.column_stack([rows, offset]),
        b_ub=-np.ones(len(rows)),
        bounds=(None, None),
        method="highs",
    )
    return bool(answer.status == 0)


def _checked(A: ArrayLike, B: ArrayLike, asked: str) -> tuple[Floats, Floats]:
    first, second = np.asarray(A, dtype=np.float64), np.asarray(B, dtype=np.float64)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ShapeError(asked, f"Shapes {first.shape} and {second.shape}.", "Give two matrices of one width.")
    if not len(first) or not len(second):
        raise NotEnoughData(asked, f"{len(first)} and {len(second)} points.", "Give at least one on each side.")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ShapeError(asked, "Some values are not finite numbers.", "Look for overflow (float16).")
    return first, second
