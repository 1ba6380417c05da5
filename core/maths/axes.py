"""Axes that mean something: directions that part labels, or lead from one group of rows to another, and how well they do."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.probing import fit_linear_probes, spread_of, standardise

Axes = NDArray[np.float64]
_PARTING = "Fitting axes that part labels."
_MOST_STEPS = 1000
"""Of a probe's solver: far more than it takes."""


def discriminant_axes(X: ArrayLike, y: ArrayLike, n: int) -> Axes:
    """Directions along which labels lie far apart, measured by how far rows of one label spread (shrunken LDA).

    The scatter within labels is drawn towards a round one, by as much as Ledoit & Wolf find best, so that there may be fewer
    rows than dimensions. Signs: labels of higher number lie to the right, on the whole.

    Args:
        X: activations [n_examples, n_dims].
        y: label of each row, numbers or strings [n_examples].
        n: axes wanted, 1 to labels - 1.
    Returns:
        float64 [n, n_dims], the best first. Rows of a label have variance 1 along each (of the shrunken scatter) and are
        uncorrelated between two; X @ axes.T is the same for X turned or scaled, and shifted for X shifted.
    Raises:
        ShapeError: not a matrix with a label a row, or values that are not finite.
        NotEnoughData: fewer than two labels, or rows that do not differ within labels.
        SpecInvalid: n out of range.
    Source:
        Fisher (1936), Rao (1948); Ledoit & Wolf (2004), doi 10.1016/S0047-259X(03)00096-4. Differs from scikit-learn: its
        shrinkage="auto" scales each dimension first, so that its axes do not turn with the space, and its solver "eigen"
        shrinks the scatter between labels too.
    Cost:
        O(n_examples * n_dims^2 + n_dims^3 / 3); memory n_dims^2 and a copy of X in float64.
    """
    from scipy.linalg import cholesky, solve_triangular

    rows, label = _labelled(X, y, n)
    means, weights = _means(rows, label)
    root = cholesky(_shrunken_scatter(rows - means[label], rows), lower=True, overwrite_a=True)
    apart = means - weights @ means
    whitened = solve_triangular(root, (np.sqrt(weights)[:, None] * apart).T, lower=True).T
    _, _, turns = np.linalg.svd(whitened, full_matrices=False)
    return _rising(solve_triangular(root, turns[:n].T, lower=True, trans="T").T, apart)


def probe_axes(X: ArrayLike, y: ArrayLike, n: int, *, C: float, device: str = "cpu") -> Axes:
    """Directions that a linear probe reads labels by: the principal components of its logits, in the space it reads.

    Of two labels the one axis is the difference of the probe's two rows of weights. Unlike a difference of means or a
    discriminant it was made to answer rightly, so that it may lean on directions in which labels hardly differ.

    Args:
        X: activations [n_examples, n_dims]; the probe reads them standardised.
        y: label of each row, numbers or strings [n_examples].
        n: axes wanted, 1 to labels - 1.
        C: inverse strength of the probe's penalty, > 0.
        device: where the probe is fitted.
    Returns:
        float64 [n, n_dims], the one along which logits vary most first; units and signs as of discriminant_axes. X @ axes.T is
        the same for X with dimensions scaled, and shifted for X shifted; it is not for X turned, as the probe's penalty is not.
    Raises:
        ShapeError, NotEnoughData, SpecInvalid: as discriminant_axes; NotEnoughData also where the probe tells nothing apart.
    Source:
        Kim et al. (2018), arXiv 1711.11279: the weights of a classifier as a concept's direction.
    Cost:
        One probe (fit_linear_probes), and O(n_examples * n_dims^2) for the unit.
    """
    rows, label = _labelled(X, y, n)
    means, weights = _means(rows, label)
    scatter = _shrunken_scatter(rows - means[label], rows)
    (read,) = standardise(rows)
    probe = fit_linear_probes(read, label, C=C, max_iter=_MOST_STEPS, device=device)
    logits = probe.coef[0].astype(np.float64) / spread_of(rows)
    logits -= logits.mean(axis=0)
    centred = (rows - rows.mean(axis=0)) @ logits.T
    size, mixed = np.linalg.eigh(centred.T @ centred)
    if size[-n] <= 1e-12 * max(float(size[-1]), 1e-12):
        raise NotEnoughData(_PARTING, "A linear probe tells no rows apart.", "Choose another layer or label.")
    found = mixed[:, ::-1][:, :n].T @ logits
    found /= np.sqrt(np.einsum("ai,ij,aj->a", found, scatter, found))[:, None]
    return _rising(found, means - weights @ means)


def _labelled(X: ArrayLike, y: ArrayLike, n: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Rows, and the number of each one's label. Raises SpecInvalid for n out of range, and what discriminant_axes raises."""
    rows = _checked(X, _PARTING)
    names, label = _labels(y, len(rows))
    if not 1 <= n < len(names):
        raise SpecInvalid(f"{n} axes that part {len(names)} labels.", "Out of range.", f"Use 1 to {len(names) - 1}.")
    return rows, label


def _means(rows: NDArray[np.float64], label: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of each label [labels, n_dims], and its share of the rows [labels]."""
    counts = np.bincount(label)
    return np.stack([rows[label == at].mean(axis=0) for at in range(len(counts))]), counts / len(rows)


def _shrunken_scatter(within: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Covariance of rows less the mean of their label, drawn towards a round one [n_dims, n_dims]."""
    scatter = within.T @ within / len(within)
    share, round_one = ledoit_wolf(within), np.trace(scatter) / scatter.shape[0]
    if round_one <= 1e-12 * float((rows * rows).mean()):
        raise NotEnoughData(_PARTING, "Rows of one label are all equal.", "Choose another layer or label.")
    scatter *= 1 - share
    scatter.flat[:: len(scatter) + 1] += share * round_one
    return scatter


def _rising(axes: Axes, apart: NDArray[np.float64]) -> Axes:
    """The same, each so that labels of higher number lie to the right, on the whole. Args: apart: means of labels, centred."""
    rising = (apart @ axes.T).T @ (np.arange(len(apart)) - (len(apart) - 1) / 2)
    return np.where(rising < 0, -1.0, 1.0)[:, None] * axes


def ledoit_wolf(centred: ArrayLike) -> float:
    """Share of a round covariance that a covariance is best mixed with, 0 = none to 1 = all round.

    Args:
        centred: rows less their mean [n_examples, n_dims].
    Returns:
        The share that makes the expected squared error least, by their estimate; 1 for rows that are all zero.
    Raises:
        ShapeError: not a matrix with finite values, or an empty one.
    Source:
        Ledoit & Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices.
    Cost:
        O(n_examples * n_dims * min(n_examples, n_dims)).
    """
    rows = _checked(centred, "Shrinking a covariance.")
    n, width = rows.shape
    gram = (rows @ rows.T if n < width else rows.T @ rows) / n  # of equal Frobenius norm
    norm = float((gram * gram).sum())
    lengths = (rows * rows).sum(axis=1)
    apart = norm - lengths.mean() ** 2 / width
    noise = (float((lengths**2).mean()) - norm) / n
    return float(np.clip(noise / apart, 0.0, 1.0)) if apart > 0 else 1.0


def concept_axis(X: ArrayLike, is_first: ArrayLike, is_second: ArrayLike) -> NDArray[np.float64]:
    """The direction from the mean of some rows to the mean of others.

    Args:
        X: activations [n_examples, n_dims].
        is_first: the rows it leads away from, bool [n_examples].
        is_second: the rows it leads to, bool [n_examples].
    Returns:
        float64 [n_dims], of length 1. It turns with the space; scale and shift of X play no part.
    Raises:
        ShapeError: not a matrix with a mark a row for each side, or values that are not finite.
        NotEnoughData: a side without rows, or both with one mean.
    Source:
        Difference of means, as in Kim et al. (2018), arXiv 1711.11279 (there by a classifier), and Marks & Tegmark (2023),
        arXiv 2310.06824.
    Cost:
        O(n_examples * n_dims).
    """
    asked = "An axis from some rows to others."
    rows, first, second = _checked(X, asked), np.asarray(is_first, bool), np.asarray(is_second, bool)
    if first.shape != (len(rows),) or second.shape != (len(rows),):
        raise ShapeError(asked, f"{len(rows)} rows, marks {first.shape} and {second.shape}.", "Give one a row.")
    if not (first.any() and second.any()):
        raise NotEnoughData(asked, f"{first.sum()} and {second.sum()} rows.", "Give rows to both sides.")
    means = rows[first].mean(axis=0), rows[second].mean(axis=0)
    step = means[1] - means[0]
    length = float(np.linalg.norm(step))
    if length <= 1e-9 * max(np.linalg.norm(mean) for mean in means) or length == 0:
        raise NotEnoughData(asked, "Both sides have one mean.", "Choose another layer or other rows.")
    return step / length


def rest_axis(X: ArrayLike, axes: ArrayLike) -> NDArray[np.float64]:
    """The direction of most variance among those at right angles to some axes: the first principal component of the rest.

    Args:
        X: activations [n_examples, n_dims]; their mean is taken off.
        axes: directions that are taken [n_axes, n_dims], n_axes < n_dims, none zero; of any length and angle.
    Returns:
        float64 [n_dims], of length 1. Sign: the longer tail of the rows points to the right.
    Raises:
        ShapeError: not two matrices of one width with finite values.
        NotEnoughData: no variance beside the axes.
    Source:
        Pearson (1901).
    Cost:
        O(n_examples * n_dims * min(n_examples, n_dims)).
    """
    asked = "An axis beside others."
    rows, taken = _checked(X, asked), _checked(axes, asked)
    if taken.shape[1] != rows.shape[1] or len(taken) >= rows.shape[1]:
        raise ShapeError(
            asked, f"Rows {rows.shape}, axes {taken.shape}.", "Give fewer axes than dimensions, of one width."
        )
    spanned, _ = np.linalg.qr(taken.T)
    rest = rows - rows.mean(axis=0)
    before = float((rest * rest).sum())
    rest -= (rest @ spanned) @ spanned.T
    found = _first_component(rest)
    found -= spanned @ (spanned.T @ found)
    length = float(np.linalg.norm(found))
    scores = rest @ found
    if length == 0 or float(scores @ scores) <= 1e-12 * before:
        raise NotEnoughData(asked, "Beside the axes the rows do not differ.", "Choose another layer.")
    return found / length * (-1.0 if float((scores**3).sum()) < 0 else 1.0)


def _first_component(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """First right singular vector, by the smaller of both Gram matrices."""
    from scipy.linalg import eigh

    n, width = centred.shape
    gram = centred @ centred.T if n < width else centred.T @ centred
    last = len(gram) - 1
    vector = eigh(gram, subset_by_index=[last, last], overwrite_a=True)[1][:, 0]
    found = centred.T @ vector if n < width else vector
    length = float(np.linalg.norm(found))
    return np.asarray(found / length if length else found, np.float64)


def parted(scores: ArrayLike, is_second: ArrayLike) -> float:
    """Share of pairs, one row of either kind, in which the second kind's lies further to the right; equal scores count half.

    Args:
        scores: places on an axis [n].
        is_second: whether a row is of the second kind, bool [n].
    Returns:
        0 to 1, the area under the ROC curve: 1 = all of the second kind to the right of all others, 0.5 = no order.
    Raises:
        ShapeError: not two vectors of one length, or scores that are not finite.
        NotEnoughData: no row of a kind.
    Source:
        Mann & Whitney (1947); Hanley & McNeil (1982).
    Cost:
        O(n log n).
    """
    from scipy.stats import rankdata

    asked = "Asking how well an axis parts rows."
    places, second = np.asarray(scores, np.float64), np.asarray(is_second, bool)
    if places.ndim != 1 or places.shape != second.shape or not np.isfinite(places).all():
        raise ShapeError(
            asked, f"Scores {places.shape}, marks {second.shape}.", "Give a finite score and a mark a row."
        )
    n_second = int(second.sum())
    n_first = len(second) - n_second
    if not (n_first and n_second):
        raise NotEnoughData(asked, f"{n_first} and {n_second} rows.", "Give rows of both kinds.")
    ranks = float(rankdata(places)[second].sum())
    return (ranks - n_second * (n_second + 1) / 2) / (n_first * n_second)


def axes_cosine(first: ArrayLike, second: ArrayLike) -> float:
    """How alike two sets of axes are: of single axes their cosine, of more the mean cosine of the angles between their spans.

    Args:
        first: [k, n_dims], none zero.
        second: [k, n_dims].
    Returns:
        Single axes: -1 to 1, 1 = one direction. More: 0 to 1, 1 = one plane, whichever axes draw it.
    Raises:
        ShapeError: not two matrices of one shape with finite values, or more axes than dimensions.
    Source:
        Björck & Golub (1973), principal angles.
    Cost:
        O(k^2 * n_dims).
    """
    asked = "Comparing axes."
    one, other = _checked(first, asked), _checked(second, asked)
    if one.shape != other.shape or len(one) > one.shape[1]:
        raise ShapeError(asked, f"{one.shape} and {other.shape}.", "Give equally many axes of one width.")
    if len(one) == 1:
        lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
        return float(np.clip(one[0] @ other[0] / lengths, -1, 1))
    spans = [np.linalg.qr(axes.T)[0] for axes in (one, other)]
    return float(np.clip(np.linalg.svd(spans[0].T @ spans[1], compute_uv=False), 0, 1).mean())


def _labels(y: ArrayLike, n: int) -> tuple[NDArray, NDArray[np.intp]]:
    given = np.asarray(y)
    if given.shape != (n,):
        raise ShapeError(_PARTING, f"{n} rows, labels {given.shape}.", "Give one a row.")
    names, label = np.unique(given, return_inverse=True)
    if len(names) < 2:
        raise NotEnoughData(_PARTING, f"{len(names)} labels.", "Give two or more.")
    return names, label


def _checked(X: ArrayLike, asked: str) -> NDArray[np.float64]:
    rows = np.asarray(X, np.float64)
    if rows.ndim != 2 or 0 in rows.shape:
        raise ShapeError(asked, f"Found shape {rows.shape}.", "Give a matrix with a row and a column at least.")
    if not np.isfinite(rows).all():
        raise ShapeError(asked, "Some values are not finite numbers.", "Look for overflow (float16).")
    return rows
