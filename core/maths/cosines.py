"""Cosines between the words of a text: of any two, of one word in two sentences, of the words of one sentence.

All pairs of rows from different sentences are taken, not a sample of them: a sum of cosines is the square of a sum of
unit vectors less the squares of what each sentence put into it. So the values with a fold of sentences left out, which
a jackknife needs, come from subtractions. A row of zeros has no direction: its cosines count as 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.isotropy import checked_folds

LEAST_CONTEXTS = 5
"""Sentences that a word type must stand in for its self-similarity to count (Ethayarajh 2019)."""
OUTLIER_SDS = 3.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Dimensions:
    """How large each dimension is, in one layer."""

    size: Floats
    """Mean absolute value over that of the average dimension: 1 = as large as the others [n_dims]."""
    is_outlier: NDArray[np.bool_]
    """Whether mean absolute value or standard deviation lies far above those of the other dimensions [n_dims]."""


def dimensions(X: ArrayLike, *, k: float = OUTLIER_SDS) -> Dimensions:
    """Size of each dimension, and which of them are outliers.

    A dimension is an outlier where its mean absolute value, or its standard deviation, is more than k standard deviations
    (taken over all dimensions) above the mean over all dimensions.

    Args:
        X: activations [n_examples, n_dims].
        k: standard deviations, above 0.
    Raises:
        ShapeError: not a matrix with finite values.
        NotEnoughData: fewer than 4 rows, or all rows equal.
        SpecInvalid: k is not above 0.
    Source:
        Kovaleva et al. (2021), arXiv 2105.06990, and Luo et al. (2021), arXiv 2011.04393, both with 3 standard deviations,
        the first of layer-norm weights, the second of mean activations. Differs: of activations, by size or by spread.
    """
    asked = "Looking for outlier dimensions."
    rows = _finite(X, asked)
    if not k > 0:
        raise SpecInvalid(asked, f"{k} standard deviations.", "Use 3.")
    variance = rows.var(axis=0)
    if len(rows) < 4 or not variance.sum() > 0 or (rows == rows[0]).all():
        raise NotEnoughData(asked, f"{len(rows)} rows, or all of them equal.", "Give 4 rows or more that differ.")
    size, deviation = np.abs(rows).mean(axis=0), np.sqrt(variance)
    far = [values > values.mean() + k * values.std() for values in (size, deviation)]
    return Dimensions(size / size.mean(), far[0] | far[1])


def variance_shares_left_out(X: ArrayLike, folds: ArrayLike) -> Floats:
    """Share of all variance that lies in each dimension, of all rows, then with each fold left out [1 + folds, n_dims].

    Args:
        X: activations [n_examples, n_dims].
        folds: fold of each row.
    Returns:
        0 to 1, each row summing to 1.
    Raises:
        ShapeError: not a matrix with finite values, or folds of another length.
        NotEnoughData: rows without variance.
    """
    asked = "The variance of each dimension."
    rows = _finite(X, asked)
    fold = checked_folds(folds, len(rows), asked)
    n_folds, rows = int(fold.max()) + 1, rows - rows.mean(axis=0)
    sums, squares, count = (_by_fold(part, fold, n_folds) for part in (rows, rows**2, np.ones(len(rows))))
    values = []
    for kept in _kept(n_folds):
        n = count[kept].sum()
        variance = squares[kept].sum(axis=0) / n - (sums[kept].sum(axis=0) / n) ** 2
        if not variance.sum() > 0:
            raise NotEnoughData(asked, "All rows are equal.", "Choose another layer or data.")
        values.append(np.maximum(variance, 0.0) / variance.sum())
    return np.array(values)


def cosine_contributions(X: ArrayLike, groups: ArrayLike) -> Floats:
    """What each dimension adds to the mean cosine of rows from different sentences; their sum is that mean cosine.

    Args:
        X: activations [n_examples, n_dims].
        groups: sentence of each row [n_examples].
    Returns:
        [n_dims]; the sum in [-1, 1], single entries may be negative.
    Raises:
        ShapeError: not a matrix with finite values, or groups of another length.
        NotEnoughData: one sentence only.
    Source:
        Timkey & van Schijndel (2021), arXiv 2109.04404, equation 3; over all pairs of different sentences, not 10,000 drawn.
    Cost:
        O(n_examples * n_dims).
    """
    own = np.zeros(len(np.asarray(groups)), dtype=np.intp)
    found: Floats = contributions_left_out(X, groups, own)[0]
    return found


def contributions_left_out(X: ArrayLike, groups: ArrayLike, folds: ArrayLike) -> Floats:
    """cosine_contributions of all rows, then with each fold left out [1 + folds, n_dims]; [1, n_dims] of one fold.

    Args:
        X: activations [n_examples, n_dims].
        groups: sentence of each row.
        folds: fold of each row, all rows of a sentence in one.
    Raises:
        ShapeError, NotEnoughData: as cosine_contributions, or a sentence in two folds.
    """
    asked = "Mean cosine of words from different sentences."
    unit, fold = _unit_rows(X, asked), checked_folds(folds, len(np.asarray(X)), asked)
    sums, sizes, home = _by_group(unit, groups, fold, asked)
    n_folds = int(fold.max()) + 1
    total, squares = (_by_fold(part, home, n_folds) for part in (sums, sums**2))
    count, pairs = (_by_fold(part, home, n_folds) for part in (sizes, sizes**2))
    values = []
    for kept in _kept(n_folds):
        n_pairs = count[kept].sum() ** 2 - pairs[kept].sum()
        if not n_pairs > 0:
            raise NotEnoughData(asked, "There is one sentence only.", "Give more.")
        values.append((total[kept].sum(axis=0) ** 2 - squares[kept].sum(axis=0)) / n_pairs)
    return np.array(values)


def top_contribution(contributions: ArrayLike, *, n: int = 3) -> Floats:
    """Share of the mean cosine that the n largest contributions make up.

    Args:
        contributions: [..., n_dims], of cosine_contributions.
        n: dimensions.
    Returns:
        [...]; of a space without favourites about n / n_dims; above 1 where others pull the other way.
    Raises:
        NotEnoughData: a mean cosine of 0 or below, which has no shares.
        SpecInvalid: more dimensions than there are, or none.
    Source:
        Timkey & van Schijndel (2021), arXiv 2109.04404, table 1.
    """
    parts = np.asarray(contributions, dtype=np.float64)
    asked = f"The share of {n} dimensions in the mean cosine."
    if not 1 <= n <= parts.shape[-1]:
        raise SpecInvalid(asked, f"There are {parts.shape[-1]}.", "Ask for fewer.")
    whole = parts.sum(axis=-1)
    if not (whole > 0).all():
        raise NotEnoughData(asked, "The mean cosine is not above 0.", "There is nothing to share out.")
    found: Floats = np.sort(parts, axis=-1)[..., -n:].sum(axis=-1) / whole
    return found


def self_similarity(X: ArrayLike, types: Sequence[str], groups: ArrayLike, *, least: int = LEAST_CONTEXTS) -> float:
    """Mean cosine of a word type with itself in another sentence, averaged over types. Not adjusted for the baseline.

    Args:
        X: activations [n_examples, n_dims].
        types: word type of each row.
        groups: sentence of each row.
        least: sentences that a type must stand in, at least 2.
    Returns:
        In [-1, 1]; 1 = the same vector direction everywhere. Subtract cosine_contributions(X, groups).sum() for what is left
        beyond the crowding of the space.
    Raises:
        ShapeError: lengths that differ, or values that are not finite.
        NotEnoughData: no type stands in so many sentences.
    Source:
        Ethayarajh (2019), arXiv 1909.00512, definition 1. Differs: pairs inside one sentence are left out.
    """
    return float(self_similarity_left_out(X, types, groups, np.zeros(len(types), dtype=np.intp), least=least)[0])


def self_similarity_left_out(
    X: ArrayLike, types: Sequence[str], groups: ArrayLike, folds: ArrayLike, *, least: int = LEAST_CONTEXTS
) -> Floats:
    """self_similarity of all rows, then with each fold left out [1 + folds], of the types that all rows have enough of.

    A type that stands in fewer than two of the sentences kept is missing from that value.

    Args:
        X, types, groups, least: as self_similarity.
        folds: fold of each row, all rows of a sentence in one.
    Raises:
        ShapeError, NotEnoughData: as self_similarity.
    Cost:
        O(n_examples * n_dims); memory types * n_dims.
    """
    asked = "Self-similarity of words."
    unit = _unit_rows(X, asked)
    fold, group = checked_folds(folds, len(unit), asked), _checked_groups(groups, len(unit), asked)
    name = np.unique(np.asarray(types), return_inverse=True)[1].ravel()
    if name.shape != group.shape:
        raise ShapeError(asked, f"{len(unit)} rows, {len(name)} words.", "Give a word to each row.")
    # One cell for a type in a sentence; pairs are between cells.
    cell_of = name.astype(np.int64) * (group.max() + 1) + group
    cells, sizes, home = _by_group(unit, cell_of, fold, asked)
    type_of = np.unique(cell_of) // (group.max() + 1)
    enough = np.bincount(type_of)[type_of] >= max(2, least)
    if not enough.any():
        raise NotEnoughData(asked, f"No word stands in {least} sentences or more.", "Take more sentences.")
    cells, sizes, home = cells[enough], sizes[enough], home[enough]
    type_of = np.unique(type_of[enough], return_inverse=True)[1].ravel()
    n_types, own = int(type_of.max()) + 1, np.sum(cells**2, axis=1)
    total = _by_fold(cells, type_of, n_types)
    squares, count, pairs = (_by_fold(part, type_of, n_types) for part in (own, sizes, sizes**2))
    values = []
    for left_out in (-1, *(range(int(fold.max()) + 1) if fold.max() else ())):
        out = home == left_out
        gone = [_by_fold(part[out], type_of[out], n_types) for part in (cells, own, sizes, sizes**2)]
        sums, n_pairs = total - gone[0], (count - gone[2]) ** 2 - (pairs - gone[3])
        cosines = np.sum(sums**2, axis=1) - (squares - gone[1])
        if not (n_pairs > 0.5).any():
            raise NotEnoughData(asked, "No word is left in two sentences.", "Take more sentences.")
        values.append(float(np.mean(cosines[n_pairs > 0.5] / n_pairs[n_pairs > 0.5])))
    return np.array(values)


def intra_similarity(X: ArrayLike, groups: ArrayLike) -> Floats:
    """Mean cosine of a sentence's words with the mean of them, sentence by sentence. Not adjusted for the baseline.

    Args:
        X: activations [n_examples, n_dims].
        groups: sentence of each row.
    Returns:
        One value a sentence of two words or more, in rising order of groups; NaN for shorter ones. In [-1, 1]; even of
        unrelated directions n words give about 1 / sqrt(n).
    Raises:
        ShapeError: lengths that differ, or values that are not finite.
        NotEnoughData: no sentence of two words.
    Source:
        Ethayarajh (2019), arXiv 1909.00512, definition 2.
    """
    asked = "Similarity inside sentences."
    rows = _finite(X, asked)
    group = _checked_groups(groups, len(rows), asked)
    means, sizes, _ = _by_group(rows, group, np.zeros(len(rows), dtype=np.intp), asked)
    if not (sizes > 1).any():
        raise NotEnoughData(asked, "No sentence has two words.", "Give longer ones.")
    place = np.unique(group, return_inverse=True)[1].ravel()
    cosines = np.einsum("nd,nd->n", _unit_rows(rows, asked), _unit_rows(means, asked)[place])
    found = np.bincount(place, weights=cosines) / sizes
    found[sizes < 2] = np.nan
    return np.clip(found, -1.0, 1.0)


def _finite(X: ArrayLike, asked: str) -> Floats:
    given = np.asarray(X)
    if given.ndim != 2 or not len(given):
        raise ShapeError(asked, f"Rows of shape {given.shape}.", "Give [n_examples, n_dims].")
    rows = given.astype(np.float64)
    if not np.isfinite(rows).all():
        raise ShapeError(asked, "Some values are not finite numbers.", "Look for overflow (float16).")
    return rows


def _unit_rows(X: ArrayLike, asked: str) -> Floats:
    rows = _finite(X, asked)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def _checked_groups(groups: ArrayLike, n_rows: int, asked: str) -> NDArray[np.int64]:
    """Sentences as 0, 1, … without gaps."""
    given = np.asarray(groups)
    if given.shape != (n_rows,):
        raise ShapeError(asked, f"{n_rows} rows, groups of shape {given.shape}.", "Give a sentence to each row.")
    return np.unique(given, return_inverse=True)[1].ravel().astype(np.int64)


def _by_group(
    rows: Floats, groups: ArrayLike, fold: NDArray[np.intp], asked: str
) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Sums of the rows of each group, how many they are, and the fold of each group."""
    group = _checked_groups(groups, len(rows), asked)
    order = np.argsort(group, kind="stable")
    start = np.searchsorted(group[order], np.arange(group.max() + 1))
    home = fold[order][start]
    if (home[group] != fold).any():
        raise ShapeError(asked, "A sentence stands in two folds.", "Divide whole sentences (group_folds).")
    return np.add.reduceat(rows[order], start), np.bincount(group).astype(np.float64), home


def _by_fold(parts: Floats, home: NDArray[np.integer], n: int) -> Floats:
    """Sums of parts by where they belong [n, ...]."""
    sums = np.zeros((n, *parts.shape[1:]))
    np.add.at(sums, home, parts)
    return sums


def _kept(n_folds: int) -> list[NDArray[np.bool_]]:
    """Which folds are kept: all of them, then all but each; all of them alone where there is one."""
    everything = np.ones(n_folds, dtype=bool)
    return [everything, *(np.arange(n_folds) != name for name in range(n_folds if n_folds > 1 else 0))]
