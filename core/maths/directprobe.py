"""DirectProbe: what the points of each label look like, without training anything.

Points of one label are merged from near to far as long as the hull of what is merged touches no hull of another label. If
one cluster a label is left, planes part all labels and the space is *linear* for the task; the more clusters, the more bent
the borders would have to be. The hulls' distances then say how far apart labels lie.

Most questions whether two hulls touch are answered without a search: hulls only grow, so a refused merge stays refused, and
planes that parted two clusters are kept, since they part many others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError
from core.maths.hull_pairs import hull_distance as hull_distance
from core.maths.hull_pairs import is_apart, nearest_points
from core.maths.hull_pairs import separable as separable

Floats = NDArray[np.float64]
Pairs = dict[tuple[Any, Any], float]

_ASKED = "Clusters by DirectProbe."
_ROUNDING = 1e-12
"""Share of the largest length below which a gap between two projections is taken for rounding."""
_PLANES = 256
_EQUAL = 1e-7
"""Share of the largest distance below which distances are taken for equal: they are found to nine digits."""


@dataclass(frozen=True)
class Clusters:
    """Clusters of one label each, whose hulls touch no hull of another label."""

    assignment: NDArray[np.intp]
    """Cluster of each row, numbered from 0, labels in sorted order [n]."""
    n_clusters: int
    is_linear: bool
    """One cluster a label: planes part every pair of labels."""
    n_conflicting: int = 0
    """Rows equal to a row of another label, which no clusters can part: each stays a cluster of its own."""


def direct_probe(
    X: ArrayLike, labels: ArrayLike, *, is_capped: bool = False, on_step: Callable[[int, int], None] | None = None
) -> Clusters:
    """Merge points of a label from near to far while hulls of different labels stay apart.

    Pairs of clusters are tried by the distance of their centroids, over all labels; a pair whose hull would touch another
    label's is refused. That equals the published search, which merges blindly first and goes back to where hulls first touch.

    Args:
        X: vectors [n, d].
        labels: one label a row [n]; any values that can be sorted.
        is_capped: stop after as many tries as there were clusters when the first was refused, as the authors' code did until
            2022; mergeable clusters may then be left. Counts published before may come from it.
        on_step: called with (merged, n) as work proceeds; what it raises ends the computation.
    Returns:
        Clusters; n_clusters between the number of labels and n. The order of rows changes nothing.
    Raises:
        ShapeError: not a matrix with one label a row, or values that are not finite.
        NotEnoughData: no row.
    Source:
        Zhou & Srikumar (2021), arXiv 2104.05904 (DirectProbe); (2022), arXiv 2106.14282.
    Cost:
        Linear: a fit of planes, n * d * labels, and a search for each pair of labels that it leaves open. Otherwise at most
        n merges and the refusals; each asks a few hull searches.
    """
    rows, names, label = _checked(X, labels)
    order = np.lexsort((*rows.T[::-1], label))  # the same clusters whatever order rows come in
    sorted_rows, sorted_label = rows[order] - rows.mean(axis=0), label[order]
    assignment = np.empty(len(rows), dtype=np.intp)
    step = on_step or (lambda done, total: None)
    if _labels_are_apart(sorted_rows, sorted_label, len(names), lambda: step(0, len(rows))):
        assignment[order] = sorted_label
        return Clusters(assignment, len(names), True)
    merging = _Merging(sorted_rows, sorted_label, len(names))
    merging.run(is_capped=is_capped, on_step=step)
    _, first, position = np.unique(merging.cluster, return_index=True, return_inverse=True)
    assignment[order] = first.argsort().argsort()[position]
    n_clusters = len(first)
    return Clusters(assignment, n_clusters, n_clusters == len(names), int(merging.is_conflicting.sum()))


def label_distances(X: ArrayLike, labels: ArrayLike) -> Pairs:
    """Distance of the hulls of all rows of two labels, for every pair of labels.

    Args:
        X: vectors [n, d].
        labels: one label a row [n].
    Returns:
        {(a, b): distance} with a < b, >= 0; 0 where the hulls touch or overlap.
    Raises:
        ShapeError: not a matrix with one label a row, or values that are not finite.
        NotEnoughData: fewer than two labels.
    Source:
        Zhou & Srikumar (2022), where a space is linear; their support vector machine is here an exact search.
    Cost:
        One hull_distance a pair of labels.
    """
    rows, names, label = _checked(X, labels)
    if len(names) < 2:
        raise NotEnoughData("Distances between labels.", "There is one label.", "Give at least two.")
    parts = [rows[label == at] for at in range(len(names))]
    return {(names[a], names[b]): hull_distance(parts[a], parts[b]) for a, b in combinations(range(len(names)), 2)}


def cluster_label_distances(X: ArrayLike, labels: ArrayLike, clusters: Clusters, *, min_points: int = 6) -> Pairs:
    """Mean distance over the pairs of clusters of two labels, small clusters left out.

    Args:
        X: vectors [n, d].
        labels: one label a row [n].
        clusters: from direct_probe on the same rows.
        min_points: clusters of fewer rows are left out.
    Returns:
        {(a, b): distance} with a < b, >= 0; a pair is absent where a label has no cluster left.
    Raises:
        ShapeError: as label_distances, or clusters of another number of rows.
    Source:
        Zhou & Srikumar (2022), appendix and code. Differs: missing pairs are absent, not 0, which would raise correlations.
    Cost:
        One hull_distance a pair of clusters of different labels.
    """
    rows, names, label = _checked(X, labels)
    if clusters.assignment.shape != label.shape:
        raise ShapeError(
            "Distances between clusters.",
            f"{len(rows)} rows, {clusters.assignment.shape} clusters.",
            "Give a cluster to each row.",
        )
    parts: dict[int, list[Floats]] = {at: [] for at in range(len(names))}
    for cluster in range(clusters.n_clusters):
        inside = clusters.assignment == cluster
        if inside.sum() >= min_points:
            parts[int(label[inside][0])].append(rows[inside])
    return {
        (names[a], names[b]): float(np.mean([hull_distance(one, other) for one in parts[a] for other in parts[b]]))
        for a, b in combinations(range(len(names)), 2)
        if parts[a] and parts[b]
    }


def spatial_similarity(first: Mapping[Any, float], second: Mapping[Any, float]) -> float:
    """Pearson correlation of the label distances of two representations, over the pairs that both have.

    Args:
        first: {(a, b): distance}.
        second: the same of another checkpoint, layer or sample.
    Returns:
        In [-1, 1]; 1 = labels lie to each other as they did, whatever the scale.
    Raises:
        NotEnoughData: fewer than three common pairs, or all distances of a side equal to seven digits.
        ShapeError: a distance that is not finite.
    Source:
        Zhou & Srikumar (2022), section 3; over common pairs only.
    """
    common = sorted(first.keys() & second.keys())
    asked = "The spatial similarity of two representations."
    if len(common) < 3:
        raise NotEnoughData(asked, f"They share {len(common)} pairs of labels.", "A correlation needs at least 3.")
    sides = []
    for side in (first, second):
        distances = np.array([side[key] for key in common], dtype=np.float64)
        if not np.isfinite(distances).all():
            raise ShapeError(asked, "Some distances are not finite numbers.", "Leave pairs without a distance out.")
        largest = float(np.abs(distances).max())
        away = distances / (largest or 1.0)
        away -= away.mean()
        if np.abs(away).max() <= _EQUAL:
            raise NotEnoughData(asked, "All distances of a side are equal.", "Choose a layer whose labels lie apart.")
        sides.append(away / np.linalg.norm(away))
    return float(np.clip(sides[0] @ sides[1], -1.0, 1.0))  # rounding only


def _checked(X: ArrayLike, labels: ArrayLike) -> tuple[Floats, list[Any], NDArray[np.intp]]:
    """Rows as float64, the labels' names in order, and each row's label by number."""
    rows, given = np.asarray(X, dtype=np.float64), np.asarray(labels)
    if rows.ndim != 2 or given.shape != rows.shape[:1]:
        raise ShapeError(_ASKED, f"Rows {rows.shape}, labels {given.shape}.", "Give [n, d] and one label a row.")
    if not len(rows):
        raise NotEnoughData(_ASKED, "There is no row.", "Give labelled vectors.")
    if not np.isfinite(rows).all():
        raise ShapeError(_ASKED, "Some values are not finite numbers.", "Look for overflow (float16).")
    names, label = np.unique(given, return_inverse=True)
    return rows, names.tolist(), label.astype(np.intp)


def _labels_are_apart(rows: Floats, label: NDArray[np.intp], n_labels: int, check: Callable[[], None]) -> bool:
    """Whether planes part every pair of labels; rows centred and sorted by label. What check raises ends it."""
    start = np.searchsorted(label, np.arange(n_labels))
    scores = rows @ _label_directions(rows, label, n_labels)
    least = _ROUNDING * float(np.abs(scores).max(initial=0.0))
    parts = np.split(rows, start[1:])
    for a in range(n_labels):
        check()
        toward = scores[:, a : a + 1] - scores[:, a + 1 :]  # how much more like a than like b, for each b after a
        lowest = toward[label == a].min(axis=0)
        highest = np.maximum.reduceat(toward, start, axis=0)[np.arange(a + 1, n_labels), np.arange(n_labels - a - 1)]
        for b in np.flatnonzero(~(lowest - highest > least)) + a + 1:
            if not is_apart(nearest_points(parts[a], parts[b], until_apart=True), parts[a], parts[b]):
                return False
    return True


def _label_directions(rows: Floats, label: NDArray[np.intp], n_labels: int) -> Floats:
    """A least-squares fit of each label's indicator, barely penalised [d, labels]: differences of two part many labels."""
    indicator = np.eye(n_labels)[label] - np.bincount(label) / len(label)
    n, d = rows.shape
    ridge = max(1e-9 * float(np.sum(rows**2)) / min(n, d), np.finfo(float).tiny)
    if n <= d:
        found: Floats = rows.T @ np.linalg.solve(rows @ rows.T + ridge * np.eye(n), indicator)
    else:
        found = np.linalg.solve(rows.T @ rows + ridge * np.eye(d), rows.T @ indicator)
    return found


class _Merging:
    """Clusters on their way from one a row to as few as hulls allow; rows [n, d] sorted by label."""

    def __init__(self, rows: Floats, label: NDArray[np.intp], n_labels: int) -> None:
        self.rows, self.label = rows, label
        n = len(rows)
        self.cluster = np.arange(n)
        self.members = [np.array([row]) for row in range(n)]
        self.is_alive = np.ones(n, dtype=bool)
        self.centre, self.radius = rows.copy(), np.zeros(n)
        self.is_conflicting = _conflicting(rows, label)
        self.planes = _Planes(rows, _label_directions(rows, label, n_labels))
        self.queues = [
            _Queue(np.flatnonzero(label == at), rows, self.is_conflicting[label == at]) for at in range(n_labels)
        ]

    def run(self, *, is_capped: bool, on_step: Callable[[int, int], None]) -> None:
        """Try pairs from near to far until none is left, or tries run out."""
        left: int | None = None
        while left is None or left > 0:
            queue = min(self.queues, key=lambda one: one.nearest)
            if queue.nearest == np.inf:
                return
            first, second = queue.pair
            refused = self._touches(first, second)
            if refused and is_capped and left is None:
                left = int(self.is_alive.sum())
            if left is not None:
                left -= 1
            if refused:
                queue.refuse()
            else:
                self._merge(first, second)
                # The older loop counted tries that had to fail among its tries.
                queue.merge(self.centre, inherits=not is_capped)
            on_step(len(self.rows) - int(self.is_alive.sum()), len(self.rows))

    def _merge(self, first: int, second: int) -> None:
        together = np.concatenate([self.members[first], self.members[second]])
        self.members[first], self.members[second] = together, together[:0]
        self.cluster[together] = first
        self.is_alive[second] = False
        self.centre[first], self.radius[first] = self._ball(together)
        self.planes.merge(first, second)

    def _ball(self, members: NDArray[np.intp]) -> tuple[Floats, float]:
        centre = self.rows[members].mean(axis=0)
        away = self.rows[members] - centre
        return centre, float(np.sqrt(np.einsum("nd,nd->n", away, away).max()))

    def _touches(self, first: int, second: int) -> bool:
        """Whether the hull of two clusters together would touch a hull of another label."""
        members = np.concatenate([self.members[first], self.members[second]])
        centre, radius = self._ball(members)
        others = np.flatnonzero(self.is_alive & (self.label != self.label[first]))
        away = self.centre[others] - centre
        gap = np.sqrt(np.einsum("nd,nd->n", away, away)) - radius - self.radius[others]
        is_open = gap <= _ROUNDING * radius
        others, gap = others[is_open], gap[is_open]
        others = others[gap.argsort()]  # one that touches is enough: the nearest first
        others = others[~self.planes.part(first, second, others)]
        rows = self.rows[members]
        while len(others):
            other = self.rows[self.members[others[0]]]
            found = nearest_points(rows, other, until_apart=True)
            if not is_apart(found, rows, other):
                return True
            others = others[1:]
            if len(others):
                # Of the direction alone: whether it parts the others too is measured, not believed.
                self.planes.add(found.normal, self.cluster)
                others = others[~self.planes.part(first, second, others, last_only=True)]
        return False


def _conflicting(rows: Floats, label: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Rows that equal a row of another label."""
    _, same = np.unique(rows, axis=0, return_inverse=True)
    low, high = np.full(same.max() + 1, label.max()), np.zeros(same.max() + 1, dtype=np.intp)
    np.minimum.at(low, same, label)
    np.maximum.at(high, same, label)
    return (low != high)[same]


class _Planes:
    """Directions, and how far each cluster reaches along them: two that do not meet along one are apart."""

    def __init__(self, rows: Floats, directions: Floats) -> None:
        self.rows = rows
        self.n, self.last = 0, 0
        self.fixed = directions.shape[1]
        self.size = self.fixed + _PLANES
        self.low, self.high = np.zeros((2, self.size, len(rows)))
        for direction in directions.T:
            self.add(direction, np.arange(len(rows)))

    def add(self, direction: Floats, cluster: NDArray[np.intp]) -> None:
        """Keep a direction; beyond the room there is, in the place of the oldest that was found."""
        length = float(np.linalg.norm(direction))
        reach = self.rows @ (direction / (length or 1.0))
        self.last = self.n if self.n < self.size else self.fixed + (self.last + 1 - self.fixed) % _PLANES
        self.n = min(self.n + 1, self.size)
        low, high = self.low[self.last], self.high[self.last]
        low[:], high[:] = np.inf, -np.inf
        np.minimum.at(low, cluster, reach)
        np.maximum.at(high, cluster, reach)

    def merge(self, first: int, second: int) -> None:
        """Two clusters became one, under the first's number."""
        self.low[:, first] = np.minimum(self.low[:, first], self.low[:, second])
        self.high[:, first] = np.maximum(self.high[:, first], self.high[:, second])

    def part(self, first: int, second: int, others: NDArray[np.intp], *, last_only: bool = False) -> NDArray[np.bool_]:
        """Whether some direction, or the last one added, parts each of these from the two together."""
        used = slice(self.last, self.last + 1) if last_only else slice(0, self.n)
        low = np.minimum(self.low[used, first], self.low[used, second])[:, None]
        high = np.maximum(self.high[used, first], self.high[used, second])[:, None]
        room = _ROUNDING * np.maximum(np.abs(low), np.abs(high))
        is_parted: NDArray[np.bool_] = (
            (self.low[used][:, others] > high + room) | (self.high[used][:, others] < low - room)
        ).any(axis=0)
        return is_parted


class _Queue:
    """Pairs of clusters of one label by the distance of their centroids, without those refused."""

    def __init__(self, clusters: NDArray[np.intp], rows: Floats, is_closed: NDArray[np.bool_]) -> None:
        from scipy.spatial.distance import cdist

        self.clusters, self.is_gone = clusters, is_closed.copy()
        self.distance = cdist(rows[clusters], rows[clusters])
        self.distance[np.tril_indices(len(clusters))] = np.inf
        self.distance[is_closed] = np.inf
        self.distance[:, is_closed] = np.inf
        self.best = self.distance.argmin(axis=1)
        self._find()

    def _find(self) -> None:
        shortest = self.distance[np.arange(len(self.best)), self.best]
        at = int(shortest.argmin())
        self.nearest = float(shortest[at])
        self._at = at, int(self.best[at])

    @property
    def pair(self) -> tuple[int, int]:
        """The nearest pair, numbered as in all clusters."""
        return int(self.clusters[self._at[0]]), int(self.clusters[self._at[1]])

    def refuse(self) -> None:
        """Never try the nearest pair again, nor what grows out of it: hulls only grow."""
        first, second = self._at
        self.distance[first, second] = np.inf
        self.best[first] = self.distance[first].argmin()
        self._find()

    def merge(self, centre: Floats, *, inherits: bool) -> None:
        """The nearest pair became one cluster, whose centre is given among all centres; refusals of either are its own where
        it inherits."""
        first, second = self._at
        self.is_gone[second] = True
        is_out = self.is_gone.copy()
        if inherits:
            for one in (first, second):
                is_out |= np.isinf(np.minimum(self.distance[one], self.distance[:, one]))
        fresh = np.linalg.norm(centre[self.clusters] - centre[self.clusters[first]], axis=1)
        fresh[is_out] = np.inf
        at = np.arange(len(fresh))
        self.distance[second], self.distance[:, second] = np.inf, np.inf
        self.distance[first, at > first], self.distance[at < first, first] = fresh[at > first], fresh[at < first]
        # Only rows whose nearest was one of the two, and that of the two, have to look again.
        stale = np.flatnonzero((self.best == first) | (self.best == second) | (at == first))
        self.best[stale] = self.distance[stale].argmin(axis=1)
        before = at[:first]
        nearer = before[self.distance[before, first] < self.distance[before, self.best[before]]]
        self.best[nearer] = first
        self._find()
