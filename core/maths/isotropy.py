"""Does a space use all its directions, and how many does it need?

Three answers that may disagree, since they ask different things: IsoScore (is the variance spread evenly), partition
isotropy (do uncentred vectors lean one way) and the intrinsic dimension (how many numbers say where a row lies). Each
has a form that gives the value for all rows and for the rows left when a fold of sentences is taken out, from which a
jackknife makes its interval; IsoScore subtracts what the fold put into the sums instead of starting again.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid

MIN_ROWS = 4
DISCARDED = 0.1
"""Share of the points with the largest ratios that TwoNN leaves out of its fit (Facco et al. 2017)."""
_BLOCK = 1024

Floats = NDArray[np.float64]


def isoscore(X: ArrayLike) -> float:
    """IsoScore: how evenly the variance is spread over all directions of the space.

    The published steps (rotate to principal axes, take the variances, scale them to the length sqrt(n_dims), measure how
    far they lie from all ones, map to 0 to 1) come to (p - 1) / (n_dims - 1), with p = (sum of variances)^2 / sum of
    their squares, the participation ratio; that is what is computed. The mean of the rows plays no part.

    Args:
        X: activations [n_examples, n_dims].
    Returns:
        In [0, 1]: 1 = the same variance in every direction, 0 = all of it in one. Roughly the share of the dimensions that
        is used. Of few rows it is too low: of n rows of a round Gaussian it is about n / (n + n_dims).
    Raises:
        ShapeError: not a matrix of two columns or more, or values that are not finite.
        NotEnoughData: fewer rows than n_dims + 1 (some directions could have no variance), or all rows equal.
    Source:
        Rudman et al. (2022), Findings of ACL, arXiv 2108.07344, algorithm 1.
    Cost:
        O(n_examples * n_dims^2).
    """
    asked = "IsoScore."
    return _isoscore_of(next(_scatters(_enough_for_isoscore(X, asked), None)), asked)


def isoscore_left_out(X: ArrayLike, folds: ArrayLike) -> Floats:
    """isoscore of all rows, then with each fold of rows left out [1 + folds].

    Args:
        X: activations [n_examples, n_dims].
        folds: fold of each row, from statistics.group_folds.
    Raises:
        ShapeError, NotEnoughData: as isoscore; all rows decide whether they are enough.
    Cost:
        O(n_examples * n_dims^2 + n_folds * n_dims^2): a fold's sums are subtracted.
    """
    asked = "IsoScore with an interval."
    rows = _enough_for_isoscore(X, asked)
    folds = checked_folds(folds, len(rows), asked)
    return np.array([_isoscore_of(scatter, asked) for scatter in _scatters(rows, folds)])


def component_share(X: ArrayLike, *, n_components: int = 1) -> float:
    """Share of the variance that lies along the first principal axes.

    Args:
        X: activations [n_examples, n_dims].
        n_components: axes, at least 1.
    Returns:
        In [0, 1]; 1 = all of it. Of a round cloud about n_components / n_dims, and more where rows are few: with one row a
        dimension about four times that of one axis. Rotation, scale and shift play no part.
    Raises:
        ShapeError: not a matrix, or values that are not finite.
        NotEnoughData: fewer than 4 rows, or all rows equal.
        SpecInvalid: more axes than dimensions, or none.
    Cost:
        O(n_examples * n_dims^2 + n_dims^3).
    """
    asked = "The share of the first components."
    rows = _checked(X, asked)
    if not 1 <= n_components <= rows.shape[1]:
        raise SpecInvalid(asked, f"{n_components} of {rows.shape[1]}.", "Ask for 1 to as many as there are dimensions.")
    variances = np.linalg.eigvalsh(next(_scatters(rows, None)))
    return float(np.clip(variances[-n_components:].sum() / variances.sum(), 0.0, 1.0))


def top_share_left_out(X: ArrayLike, folds: ArrayLike) -> Floats:
    """component_share of one axis, of all rows, then with each fold of rows left out [1 + folds].

    Args:
        X: activations [n_examples, n_dims].
        folds: fold of each row.
    Raises:
        ShapeError, NotEnoughData: as component_share.
    Cost:
        As isoscore_left_out: one axis is sought of each, from where the one before lay.
    """
    asked = "The share of the first component with an interval."
    rows = _checked(X, asked)
    return np.array(list(_top_shares(_scatters(rows, checked_folds(folds, len(rows), asked)), asked)))


def partition_isotropy(X: ArrayLike) -> float:
    """How evenly rows point, as they are: the least of F(c) = sum over rows of exp(c . row) over the largest.

    The directions c are the eigenvectors of X'X, X not centred, each with both signs: the sign of an eigenvector is
    arbitrary and F is not symmetric, so that with one sign the value would depend on the library.

    Args:
        X: activations [n_examples, n_dims].
    Returns:
        In [0, 1]: 1 = the same sum in every direction, towards 0 = rows lean one way. It depends on the length of the rows:
        vectors twice as long have a value near the square. It may underflow to 0: see log10_partition_isotropy.
    Raises:
        ShapeError: not a matrix, or values that are not finite.
        NotEnoughData: fewer than 4 rows, or all rows equal.
    Source:
        Mu & Viswanath (2018), arXiv 1702.01417, equation 2 with the eigenvectors as directions; both signs are ours.
    Cost:
        O(n_examples * n_dims^2 + n_dims^3).
    """
    return float(10.0 ** log10_partition_isotropy(X))


def log10_partition_isotropy(X: ArrayLike) -> float:
    """partition_isotropy as a power of ten: 0 = even, more negative = rows lean one way. Never -inf. Raises likewise."""
    rows = _checked(X, "Partition isotropy.")
    return _log10_partition(rows.astype(np.float32), rows.T @ rows)


def log10_partition_left_out(X: ArrayLike, folds: ArrayLike) -> Floats:
    """log10_partition_isotropy of all rows, then with each fold left out, its directions found anew [1 + folds].

    Args:
        X: activations [n_examples, n_dims].
        folds: fold of each row.
    Raises:
        ShapeError, NotEnoughData: as partition_isotropy.
    Cost:
        n_folds + 1 times the plain value, but for the sums.
    """
    asked = "Partition isotropy with an interval."
    rows = _checked(X, asked)
    fold, gram = checked_folds(folds, len(rows), asked), rows.T @ rows
    short = rows.astype(np.float32)  # what is summed is far less exact than that; directions come from the full digits
    values = [_log10_partition(short, gram)]
    for name in range(fold.max() + 1):
        out = rows[fold == name]
        values.append(_log10_partition(short[fold != name], gram - out.T @ out))
    return np.array(values)


def intrinsic_dimension(X: ArrayLike) -> float:
    """TwoNN: how many numbers say where a row lies, from the distances to its two nearest neighbours.

    Were rows spread evenly in d dimensions, the ratio of the second distance to the first would follow a Pareto law with
    exponent d, whatever the density. Equal rows count once; the 10 % of largest ratios are left out of the fit.

    Args:
        X: activations [n_examples, n_dims].
    Returns:
        Above 0. Rotation, shift and scale play no part. Of more than about ten dimensions it is too low unless rows are
        very many: where a neighbourhood reaches the edge of the cloud the law bends.
    Raises:
        ShapeError: not a matrix, or values that are not finite.
        NotEnoughData: fewer than 4 distinct rows, or neighbours that all lie equally far (a grid, a simplex).
    Source:
        Facco, d'Errico, Rodriguez & Laio (2017), doi 10.1038/s41598-017-11873-y; straight line through the origin, F = i / n.
    Cost:
        O(n_examples^2 * n_dims); memory 1024 * n_examples.
    """
    rows = _checked(X, "Intrinsic dimension (TwoNN).")
    return float(intrinsic_dimension_left_out(rows, np.zeros(len(rows), dtype=np.intp))[0])


def intrinsic_dimension_left_out(X: ArrayLike, folds: ArrayLike) -> Floats:
    """intrinsic_dimension of all rows, then with each fold left out [1 + folds], or [1] where there is one fold only.

    A row that stands in several folds alike stays whichever is left out.

    Args:
        X: activations [n_examples, n_dims].
        folds: fold of each row.
    Raises:
        ShapeError, NotEnoughData: as intrinsic_dimension.
    Cost:
        About that of the plain value: the two nearest of each fold are found once.
    """
    asked = "Intrinsic dimension (TwoNN)."
    rows = _checked(X, asked)
    fold = checked_folds(folds, len(rows), asked)
    distinct, home = _distinct(rows, fold)
    n_folds = int(fold.max()) + 1
    near = _two_nearest_of_each(distinct - distinct.mean(axis=0), home, n_folds + 1)
    values = [_two_nn(near, asked)]
    for name in range(n_folds if n_folds > 1 else 0):
        values.append(_two_nn(np.delete(near, name, axis=1)[home != name], asked))
    return np.array(values)


def checked_folds(folds: ArrayLike, n_rows: int, asked: str) -> NDArray[np.intp]:
    """Folds as 0, 1, … without gaps. Raises ShapeError unless there is one for each row."""
    given = np.asarray(folds)
    if given.shape != (n_rows,):
        raise ShapeError(asked, f"{n_rows} rows, folds of shape {given.shape}.", "Give a fold to each row.")
    return np.unique(given, return_inverse=True)[1].astype(np.intp)


def _checked(X: ArrayLike, asked: str) -> Floats:
    """Rows as float64: a finite matrix of four rows or more that are not all equal."""
    given = np.asarray(X)
    if given.ndim != 2 or not given.shape[1]:
        raise ShapeError(asked, f"Rows of shape {given.shape}.", "Give [n_examples, n_dims].")
    rows = given.astype(np.float64)
    if not np.isfinite(rows).all():
        raise ShapeError(asked, "Some values are not finite numbers.", "Look for overflow (float16).")
    if len(rows) < MIN_ROWS:
        raise NotEnoughData(asked, f"{len(rows)} rows.", f"Give at least {MIN_ROWS}.")
    if (rows == rows[0]).all():
        raise NotEnoughData(asked, "All rows are equal.", "Choose another layer or data.")
    return rows


def _enough_for_isoscore(X: ArrayLike, asked: str) -> Floats:
    """Checked rows of two dimensions or more, and more of them than dimensions."""
    rows = _checked(X, asked)
    if rows.shape[1] < 2:
        raise ShapeError(asked, "Rows have one dimension.", "Give two dimensions or more.")
    if len(rows) <= rows.shape[1]:
        raise NotEnoughData(
            asked,
            f"{len(rows):,} rows of {rows.shape[1]:,} dimensions leave directions without any variance.",
            "Give more rows than dimensions, better ten times as many.",
        )
    return rows


def _scatters(rows: Floats, folds: NDArray[np.intp] | None) -> Iterator[Floats]:
    """Centred sums of products [n_dims, n_dims]: of all rows, then with each fold left out."""
    rows = rows - rows.mean(axis=0)  # near zero, so that subtracting a fold's sums costs no digits
    gram, total = rows.T @ rows, rows.sum(axis=0)
    yield gram
    for name in range(0 if folds is None else folds.max() + 1):
        out = rows[folds == name]
        left, n = total - out.sum(axis=0), len(rows) - len(out)
        if n < MIN_ROWS:
            raise NotEnoughData("Leaving out a fold.", f"{n} rows are left.", "Give more rows.")
        yield gram - out.T @ out - np.outer(left, left) / n


def _top_shares(scatters: Iterator[Floats], asked: str) -> Iterator[float]:
    """Share of the first axis of each, which is sought from where the one before lay."""
    from scipy.sparse.linalg import eigsh

    start = None
    for scatter in scatters:
        width, trace = len(scatter), float(np.trace(scatter))
        if not trace > 0:
            raise NotEnoughData(asked, "All rows are equal.", "Choose another layer or data.")
        if width < 32:  # too small for Lanczos to be worth it
            largest = float(np.linalg.eigvalsh(scatter)[-1])
        else:
            first = np.full(width, 1.0) if start is None else start
            values, vectors = eigsh(scatter, k=1, v0=first)
            largest, start = float(values[0]), vectors[:, 0]
        yield min(largest / trace, 1.0)


def _isoscore_of(scatter: Floats, asked: str) -> float:
    trace, squares = float(np.trace(scatter)), float(np.sum(scatter**2))
    if not squares > 0:
        raise NotEnoughData(asked, "All rows are equal.", "Choose another layer or data.")
    # The sum of squared variances along the principal axes is that of all entries: no axes need be found.
    ratio = trace**2 / squares
    return float(np.clip((ratio - 1) / (len(scatter) - 1), 0.0, 1.0))


def _log10_partition(rows: NDArray[np.float32], gram: Floats) -> float:
    along = rows @ np.linalg.eigh(gram)[1].astype(np.float32)
    sums = []
    for signed in (along, -along):
        largest = signed.max(axis=0)  # taken out, so that nothing overflows
        sums.append(np.log(np.exp(signed - largest).sum(axis=0, dtype=np.float64)) + largest)
    found = np.concatenate(sums)
    return float(found.min() - found.max()) / math.log(10)


def _distinct(rows: Floats, fold: NDArray[np.intp]) -> tuple[Floats, NDArray[np.intp]]:
    """Distinct rows, and the fold that each goes with; one fold beyond the last for rows of several."""
    distinct, owner = np.unique(rows, axis=0, return_inverse=True)
    owner = owner.ravel()
    lowest = np.full(len(distinct), fold.max() + 1)
    highest = np.full(len(distinct), -1)
    np.minimum.at(lowest, owner, fold)
    np.maximum.at(highest, owner, fold)
    return distinct, np.where(lowest == highest, lowest, fold.max() + 1).astype(np.intp)


def _two_nearest_of_each(rows: Floats, home: NDArray[np.intp], n_folds: int) -> Floats:
    """Distances from each row to its two nearest among the rows of each fold, itself aside; inf where there is none
    [n, n_folds, 2]."""
    squares = np.sum(rows**2, axis=1)
    members = [np.flatnonzero(home == name) for name in range(n_folds)]
    found = np.full((len(rows), n_folds, 2), np.inf)
    for start in range(0, len(rows), _BLOCK):
        here = np.arange(start, min(start + _BLOCK, len(rows)))
        apart = squares[here, None] + squares - 2 * (rows[here] @ rows.T)
        apart[np.arange(len(here)), here] = np.inf
        for name, columns in enumerate(members):
            k = min(2, len(columns))
            if not k:
                continue
            nearest = columns[np.argpartition(apart[:, columns], k - 1, axis=1)[:, :k]]
            # Products lose digits where rows lie close; the few that count are measured again.
            exact = np.linalg.norm(rows[here, None] - rows[nearest], axis=2)
            exact[nearest == here[:, None]] = np.inf
            found[here, name, :k] = np.sort(exact, axis=1)
    return found


def _two_nn(near: Floats, asked: str) -> float:
    """The exponent, from candidates for the two nearest of each row [n, folds, 2]."""
    n = len(near)
    if n < MIN_ROWS:
        raise NotEnoughData(asked, f"{n} distinct rows.", f"Give at least {MIN_ROWS}.")
    first, second = np.partition(near.reshape(n, -1), 1, axis=1)[:, :2].T
    ratios = np.sort(np.log(second / first))
    kept = np.arange(1, int(n * (1 - DISCARDED)) + 1)
    x, y = ratios[: len(kept)], -np.log1p(-kept / n)
    if not (x @ x) > 1e-20 * len(x):
        raise NotEnoughData(asked, "The nearest neighbours all lie equally far.", "Choose another layer or data.")
    return float(x @ y / (x @ x))
