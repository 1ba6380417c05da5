"""How the labels of a space lie to each other: centroids, how tight their clouds are, and the directions that part them.

All but the silhouette follows from sums by label and fold of sentences, so that a jackknife subtracts instead of reading
rows again.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError

Floats = NDArray[np.float64]

_ROUNDING = 1e-9


@dataclass(frozen=True)
class LabelSums:
    """What a jackknife over folds needs of rows [n, d] with labels: sums by fold and label."""

    sums: Floats
    """Of rows less the mean of all, [folds, labels, d]."""
    counts: Floats
    """Rows, [folds, labels]."""
    squares: Floats
    """Squared lengths of these rows, [folds]."""
    centre: Floats
    """Mean of all rows [d]."""

    def without(self, fold: int | None = None) -> tuple[Floats, Floats, float]:
        """(centroids [labels, d] less the mean of all rows, rows [labels], squared lengths) without a fold.

        Raises:
            NotEnoughData: a label has no row outside the fold.
        """
        kept = np.arange(len(self.counts)) != (-1 if fold is None else fold)
        counts = self.counts[kept].sum(axis=0)
        if not counts.all():
            raise NotEnoughData(
                "Comparing labels by where they lie.",
                "A label stands in the sentences of one fold only.",
                "Take more sentences, or leave rare labels out.",
            )
        return self.sums[kept].sum(axis=0) / counts[:, None], counts, float(self.squares[kept].sum())

    def leaving_out(self, measure: Callable[[Floats, Floats, float], float]) -> Floats:
        """A function of centroids, counts and squares of all rows, then without each fold in turn [1 + folds]."""
        return np.array([measure(*self.without(fold)) for fold in (None, *range(len(self.counts)))])


def label_sums(X: ArrayLike, label: ArrayLike, folds: ArrayLike) -> LabelSums:
    """Sums by fold and label.

    Args:
        X: vectors [n, d].
        label: int [n], 0 to K - 1, each occurring.
        folds: fold of each row, from statistics.group_folds [n].
    Raises:
        ShapeError: unequal lengths, or values that are not finite.
        NotEnoughData: fewer than two labels.
    Cost:
        O(n * d); memory folds * K * d float64.
    """
    rows, of_row, fold = _checked(X, label, folds)
    n_labels, n_folds = int(of_row.max()) + 1, int(fold.max()) + 1
    centre = rows.mean(axis=0)
    rows = rows - centre
    sums = np.zeros((n_folds, n_labels, rows.shape[1]))
    np.add.at(sums, (fold, of_row), rows)
    counts = np.zeros((n_folds, n_labels))
    np.add.at(counts, (fold, of_row), 1.0)
    squares = np.bincount(fold, weights=np.einsum("nd,nd->n", rows, rows), minlength=n_folds)
    return LabelSums(sums, counts, squares.astype(np.float64), centre)


def fisher_ratio(centroids: Floats, counts: Floats, squares: float) -> float:
    """How far labels lie apart against how wide each is: variance between labels over variance within, a degree of freedom each.

    Args:
        centroids: [K, d], from any origin that squares are from too.
        counts: rows of each label [K].
        squares: sum of the squared lengths of all rows.
    Returns:
        >= 0; about 1 where labels mean nothing, larger = further apart. Unchanged by rotation, shift and scale.
    Raises:
        NotEnoughData: no more rows than labels, or all rows of each label equal.
    Source:
        Fisher (1936), with traces for many dimensions; the F ratio of an analysis of variance.
    """
    n, k = float(counts.sum()), len(counts)
    mean = counts @ centroids / n
    own = float(counts @ np.einsum("kd,kd->k", centroids, centroids))
    between = own - n * float(mean @ mean)
    within = squares - own
    if n <= k or within <= 1e-12 * max(squares, np.finfo(float).tiny):
        raise NotEnoughData("A Fisher ratio.", "No row differs from its label's centroid.", "Give more rows a label.")
    return max(between, 0.0) / (k - 1) / (within / (n - k))


def silhouettes(X: ArrayLike, label: ArrayLike, folds: ArrayLike) -> Floats:
    """Mean silhouette of all rows, then without each fold in turn: is a row nearer to its own label than to the next one?

    Args:
        X: vectors [n, d].
        label: int [n], 0 to K - 1, each occurring.
        folds: fold of each row, from statistics.group_folds [n].
    Returns:
        float64 [1 + folds], each in [-1, 1]: 1 = far inside its label, 0 = between two, below 0 = nearer to another; the only
        row of a label counts 0. Unchanged by rotation, shift and scale.
    Raises:
        ShapeError: unequal lengths, or values that are not finite.
        NotEnoughData: fewer than two labels, or a label in one fold only.
    Source:
        Rousseeuw (1987), doi 10.1016/0377-0427(87)90125-7; Euclidean distances.
    Cost:
        O(n^2 * d); memory n^2 float64. Meant for up to a few thousand rows.
    """
    from scipy.spatial.distance import cdist

    rows, of_row, fold = _checked(X, label, folds)
    n_labels, n_folds = int(of_row.max()) + 1, int(fold.max()) + 1
    member = np.zeros((len(rows), n_folds * n_labels))
    member[np.arange(len(rows)), fold * n_labels + of_row] = 1.0
    far = (cdist(rows, rows) @ member).reshape(len(rows), n_folds, n_labels)
    counts = member.sum(axis=0).reshape(n_folds, n_labels)
    everything, n_all = far.sum(axis=1), counts.sum(axis=0)
    found = [_mean_silhouette(everything, n_all, of_row)]
    for out in range(n_folds):
        if not (n_all - counts[out]).all():
            raise NotEnoughData("A silhouette.", "A label stands in one fold only.", "Leave rare labels out.")
        kept = fold != out
        found.append(_mean_silhouette((everything - far[:, out])[kept], n_all - counts[out], of_row[kept]))
    return np.array(found)


def displacements(base: LabelSums, tuned: LabelSums) -> tuple[Floats, Floats]:
    """How each label's centroid moved: tuned minus base.

    Args:
        base, tuned: of the same rows and folds, of one width.
    Returns:
        (vectors [K, d], their lengths of all rows and then without each fold [1 + folds, K], >= 0). Both sides hold the same
        rows, so noise of the sample moves both centroids alike.
    Raises:
        ShapeError: other widths or labels.
        NotEnoughData: a label in one fold only.
    Source:
        Zhou & Srikumar (2022), figure 5.
    """
    if base.sums.shape != tuned.sums.shape:
        raise ShapeError(
            "Comparing where labels lie.",
            f"{base.sums.shape[1:]} and {tuned.sums.shape[1:]}.",
            "Compare one width and the same rows.",
        )

    def moved(fold: int | None = None) -> Floats:
        return tuned.without(fold)[0] + tuned.centre - base.without(fold)[0] - base.centre

    lengths = np.stack([np.linalg.norm(moved(fold), axis=1) for fold in (None, *range(len(base.counts)))])
    return moved(), lengths


def common_squares(base: LabelSums, tuned: LabelSums) -> Floats:
    """Squared length of each centroid's displacement, without what scatter alone would add.

    A mean of n random steps has a length too. Products of steps in different folds have none on the average.

    Args:
        base, tuned: of the same rows and folds, of one width.
    Returns:
        float64 [1 + folds, K], of all rows and then without each fold: about 0, and of either sign, where rows only scattered.
    Raises:
        NotEnoughData: a label in fewer than three folds.
    """
    counts = base.counts[:, :, None]
    steps = tuned.sums - base.sums + counts * (tuned.centre - base.centre)
    found = []
    for fold in (None, *range(len(steps))):
        kept = np.arange(len(steps)) != (-1 if fold is None else fold)
        together, each, n = steps[kept].sum(axis=0), np.sum(steps[kept] ** 2, axis=(0, 2)), base.counts[kept]
        pairs = n.sum(axis=0) ** 2 - np.sum(n**2, axis=0)
        if (pairs <= 0).any():
            raise NotEnoughData(
                "A displacement beside noise.", "A label stands in fewer than three folds.", "Take more sentences."
            )
        found.append((np.sum(together**2, axis=1) - each) / pairs)
    return np.array(found)


def plane_of(vectors: ArrayLike) -> tuple[Floats, float]:
    """Vectors from one origin drawn in the plane that holds most of them.

    Args:
        vectors: [K, d].
    Returns:
        (coordinates [K, 2], share of the squared lengths that the plane holds, 0 to 1). Signs are fixed by the longest
        coordinate; with fewer than two dimensions the second is 0.
    """
    given = np.asarray(vectors, dtype=np.float64)
    drawn, _, sizes = _drawn_in_plane(given)
    total = float(np.sum(sizes**2))
    return drawn, float(np.sum(sizes[:2] ** 2)) / total if total > 0 else 1.0


def in_plane_of(vectors: ArrayLike, others: ArrayLike) -> Floats:
    """Further vectors drawn in the plane that plane_of chooses for the first, with the same signs.

    Args:
        vectors: that choose the plane [K, d].
        others: [m, d].
    Returns:
        coordinates [m, 2]: none is longer than its vector; those of `vectors` themselves are plane_of's. 0 along an axis on
        which `vectors` do not differ from 0: nothing chose it.
    Raises:
        ShapeError: other dimensions.
    """
    given, further = np.asarray(vectors, dtype=np.float64), np.asarray(others, dtype=np.float64)
    if given.shape[1] != further.shape[1]:
        raise ShapeError(
            "Drawing vectors in a plane.", f"{given.shape[1]} and {further.shape[1]} dimensions.", "Use one."
        )
    coordinates: Floats = further @ _drawn_in_plane(given)[1].T
    return coordinates


def _drawn_in_plane(given: Floats) -> tuple[Floats, Floats, Floats]:
    """(coordinates [K, 2] in the plane of the two largest singular values, its axes [2, d], all singular values)."""
    left, sizes, right = np.linalg.svd(given, full_matrices=False)
    drawn, axes = np.zeros((len(given), 2)), np.zeros((2, given.shape[1]))
    kept = min(2, len(sizes))
    drawn[:, :kept] = left[:, :kept] * sizes[:kept]
    signs = np.where(drawn[np.abs(drawn).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    axes[:kept] = right[:kept] * (sizes[:kept] > _ROUNDING * sizes[0])[:, None]
    return drawn * signs, axes * signs[:, None], sizes


def label_axes(centroids: Floats, counts: Floats) -> Floats:
    """Orthonormal directions in which centroids lie apart [up to K - 1, d]: those along which they differ beyond rounding."""
    apart = centroids - counts @ centroids / counts.sum()
    _, sizes, right = np.linalg.svd(np.sqrt(counts)[:, None] * apart, full_matrices=False)
    axes: Floats = right[sizes > _ROUNDING * max(float(sizes[0]), np.finfo(float).tiny)]
    return axes


def subspace_degrees(base: LabelSums, tuned: LabelSums) -> Floats:
    """Principal angles between the directions that part labels before and after, in degrees, rising.

    Args:
        base, tuned: of the same labels, of one width.
    Returns:
        0 to 90, one for each direction of the side that has fewer; 0 = shared. Random directions of a wide space are near 90.
    Source:
        Bjorck & Golub (1973); label subspaces as the span of centred centroids.
    """
    one, other = sorted((label_axes(*side.without()[:2]) for side in (base, tuned)), key=len)
    if not len(one):
        return np.zeros(0)
    inside = one @ other.T
    cosine = np.linalg.svd(inside, compute_uv=False)
    sine = np.linalg.svd(one - inside @ other, compute_uv=False)[::-1]
    is_small = cosine**2 > 0.5  # small angles by their sines: cosines near 1 have lost them
    return np.degrees(np.where(is_small, np.arcsin(np.minimum(sine, 1)), np.arccos(np.minimum(cosine, 1))))


def share_in_base(base: LabelSums, tuned: LabelSums) -> Floats:
    """How much of what parts the labels after tuning lies in directions that parted them before.

    Args:
        base, tuned: of the same rows and folds, of one width.
    Returns:
        float64 [1 + folds], of all rows and then without each fold, each 0 to 1: 1 = tuning uses directions that base had,
        (K - 1) / d = no more than random directions would. Unchanged by scale, and by a rotation of both.
    Raises:
        NotEnoughData: a label in one fold only, or tuned centroids that all coincide.
    """

    def measure(fold: int | None) -> float:
        before, counts, _ = base.without(fold)
        after, _, _ = tuned.without(fold)
        apart = np.sqrt(counts)[:, None] * (after - counts @ after / counts.sum())
        whole = float(np.sum(apart**2))
        if whole <= 1e-24 * max(float(np.sum(after**2)), np.finfo(float).tiny):
            raise NotEnoughData("Directions that part labels.", "All centroids coincide.", "Choose another layer.")
        return float(np.sum((apart @ label_axes(before, counts).T) ** 2)) / whole

    return np.array([measure(fold) for fold in (None, *range(len(base.counts)))])


def _mean_silhouette(far: Floats, counts: Floats, label: NDArray[np.intp]) -> float:
    """far: summed distance of each row to the rows of each label [n, K]; counts [K]."""
    at = np.arange(len(label))
    own_others = counts[label] - 1
    inside = np.divide(far[at, label], own_others, out=np.zeros(len(at)), where=own_others > 0)
    outside = far / counts
    outside[at, label] = np.inf
    nearest = outside.min(axis=1)
    larger = np.maximum(inside, nearest)
    each = np.divide(nearest - inside, larger, out=np.zeros(len(at)), where=(larger > 0) & (own_others > 0))
    return float(each.mean())


def _checked(X: ArrayLike, label: ArrayLike, folds: ArrayLike) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp]]:
    rows, of_row, fold = np.asarray(X, dtype=np.float64), np.asarray(label), np.asarray(folds)
    asked = "Comparing labels by where they lie."
    if rows.ndim != 2 or of_row.shape != rows.shape[:1] or fold.shape != of_row.shape or not len(rows):
        raise ShapeError(asked, f"Rows {rows.shape}, labels {of_row.shape}, folds {fold.shape}.", "Give one a row.")
    if not np.isfinite(rows).all():
        raise ShapeError(asked, "Some values are not finite numbers.", "Look for overflow (float16).")
    if of_row.max() < 1:
        raise NotEnoughData(asked, "There is one label.", "Give at least two.")
    return rows, of_row.astype(np.intp), fold.astype(np.intp)
