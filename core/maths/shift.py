"""How much of what tuning did to vectors is one step that all of them took: the mean of tuned minus base.

Everything follows from sums over folds of sentences, so that the value with a fold left out is a subtraction. Values
come as [1 + folds]: of all rows, then with each fold left out, as a jackknife wants them. What direction a step has by
chance is drawn from the differences themselves.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError
from core.maths.statistics import Estimate, jackknife

N_DRAWN = 200
_BLOCK = 4096

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ShiftSums:
    """What the rows of each fold add up to."""

    total: Floats
    """Differences, tuned minus base [n_folds, n_dims]."""
    within: Floats
    """Squared lengths of the differences' sums group by group [n_folds]."""
    squares: Floats
    """Squared lengths of the differences [n_folds]."""
    lengths: Floats
    """Lengths of the base's rows [n_folds]."""
    count: Floats
    """Rows [n_folds]."""
    pairs: Floats
    """Squares of the rows of each group [n_folds]."""


def shift_sums(base: ArrayLike, tuned: ArrayLike, groups: ArrayLike, folds: ArrayLike, *, n_folds: int) -> ShiftSums:
    """Add up rows of both sides by fold.

    Args:
        base: activations of the base checkpoint [n_examples, n_dims].
        tuned: those of the tuned one, aligned by row and of equal width.
        groups: group of each row: its sentence, or one number for all versions of it [n_examples].
        folds: fold of each row, 0 to n_folds - 1, all rows of a group in one; a fold may be empty.
        n_folds: folds in all.
    Raises:
        ShapeError: shapes that differ, or values that are not finite.
        NotEnoughData: under two folds with rows, so that none can be left out.
    """
    asked = "The mean difference of two checkpoints."
    one, moved = _differences(base, tuned, groups, asked)
    group, fold = np.asarray(groups), np.asarray(folds)
    if fold.shape != group.shape:
        raise ShapeError(asked, f"Groups {group.shape}, folds {fold.shape}.", "Give aligned rows.")
    if len(np.unique(fold)) < 2:
        raise NotEnoughData(asked, f"{len(one)} rows in one group of sentences.", "Give more sentences.")
    by_group, sizes = _by_group(moved, group)
    home = fold[np.unique(group, return_index=True)[1]]

    def over(rows: Floats, where: NDArray[np.integer]) -> Floats:
        sums = np.zeros((n_folds, *rows.shape[1:]))
        np.add.at(sums, where, rows)
        return sums

    return ShiftSums(
        total=over(moved, fold),
        within=over(np.sum(by_group**2, axis=1), home),
        squares=over(np.sum(moved**2, axis=1), fold),
        lengths=over(np.linalg.norm(one, axis=1), fold),
        count=over(np.ones(len(one)), fold),
        pairs=over(sizes**2, home),
    )


def mean_shift(sums: ShiftSums) -> Floats:
    """Mean difference, of all rows and with each fold left out [1 + folds, n_dims]."""
    return np.array([sums.total[kept].sum(axis=0) / sums.count[kept].sum() for kept in _kept(sums)])


def common_square(sums: ShiftSums) -> Floats:
    """Squared length of the step that all rows have in common [1 + folds].

    The squared length of a mean of n differences is too large by what they scatter over n. So it is estimated from products
    of differences in two different groups, which scatter does not raise.

    Returns:
        0 = no common step, by chance a little below.
    Raises:
        NotEnoughData: one group only.
    """
    found = []
    for kept in _kept(sums):
        n_pairs = sums.count[kept].sum() ** 2 - sums.pairs[kept].sum()
        if not n_pairs > 0:
            raise NotEnoughData("A common shift.", "There is one sentence only.", "Give more data.")
        found.append((np.sum(sums.total[kept].sum(axis=0) ** 2) - sums.within[kept].sum()) / n_pairs)
    return np.array(found)


def relative_norm(sums: ShiftSums) -> Estimate:
    """Length of the common step over the mean length of the base's rows, with its interval.

    The root of common_square, negative where that is. The interval is the jackknife's of the square, its ends put through
    the root too: a root is steep near 0, where a jackknife of its own would miss the 0 of data without a common step.

    Returns:
        0 = no common step, by chance a little below. n is the rows, standard_error in proportion to the interval.
    Raises:
        NotEnoughData: the base's rows are all zero, or one group only.
    Source:
        Minder et al. (2025), arXiv 2510.13900. Differs: theirs is the length of the mean, above 0 of scatter alone.
    """
    lengths = np.array([sums.lengths[kept].sum() / sums.count[kept].sum() for kept in _kept(sums)])
    if not (lengths > 0).all():
        raise NotEnoughData("The relative length of a shift.", "The base's vectors are all zero.", "Choose a layer.")
    squares = common_square(sums) / lengths**2
    square = jackknife(float(squares[0]), squares[1:], n=int(sums.count.sum()))
    value, low, high = (float(np.sign(end) * np.sqrt(abs(end))) for end in (square.value, square.low, square.high))
    wide = square.high - square.low
    error = square.standard_error * (high - low) / wide if wide > 0 else 0.0
    return Estimate(value, low, high, error, square.n, square.n_groups)


def common_share(sums: ShiftSums) -> Floats:
    """Share of the mean squared difference that one common step makes up [1 + folds]; see common_square.

    Returns:
        At most 1: 1 = all rows took the same step, 0 = steps that cancel out; by chance a little below 0.
    Raises:
        NotEnoughData: nothing moved, or one group only.
    """
    moved = np.array([sums.squares[kept].sum() / sums.count[kept].sum() for kept in _kept(sums)])
    if not (moved > 0).all():
        raise NotEnoughData("The share of a common shift.", "Nothing moved.", "Choose another layer or more data.")
    found: Floats = common_square(sums) / moved
    return found


def scatter_directions(
    base: ArrayLike, tuned: ArrayLike, groups: ArrayLike, *, n_drawn: int = N_DRAWN, seed: int = 0
) -> Floats:
    """Directions that mean differences would have were there no common step: what scatter alone adds up to.

    Each group's differences, less the mean difference, get a random sign and are added up. So the directions favour what
    these differences favour. Were the mean left in, a strong common step would itself be among them.

    Args:
        base, tuned, groups: as of shift_sums.
        n_drawn: directions.
        seed: of the signs.
    Returns:
        Rows of length 1, or of zeros where all steps are equal [n_drawn, n_dims].
    Raises:
        ShapeError: shapes that differ, or values that are not finite.
    """
    _, moved = _differences(base, tuned, groups, "Directions of scatter.")
    by_group, _ = _by_group(moved - moved.mean(axis=0), np.asarray(groups))
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(n_drawn, len(by_group)))
    drawn = signs @ by_group
    lengths = np.linalg.norm(drawn, axis=1, keepdims=True)
    return np.divide(drawn, lengths, out=np.zeros_like(drawn), where=lengths > 0)


def chance_cosine(directions: ArrayLike, vectors: ArrayLike, *, level: float = 0.95) -> float:
    """Cosine with the nearest of many vectors that a share of drawn directions stays below.

    Args:
        directions: of length 1, as of scatter_directions [n_drawn, n_dims].
        vectors: of length 1 [n_vectors, n_dims].
        level: that share, 0 to 1.
    Returns:
        In [-1, 1]: a direction has by chance, with a probability of 1 - level, any nearer vector at all.
    Cost:
        O(n_drawn * n_vectors * n_dims) in single precision; memory 4096 * n_drawn.
    """
    drawn, near = np.asarray(directions, dtype=np.float32).T, np.asarray(vectors, dtype=np.float32)
    largest = [(near[start : start + _BLOCK] @ drawn).max(axis=0) for start in range(0, len(near), _BLOCK)]
    return float(np.quantile(np.max(largest, axis=0), level))


def shift_cosine(first: ArrayLike, second: ArrayLike) -> Estimate | None:
    """Cosine of two mean shifts measured on the same folds (other positions, other layers), with its interval.

    Args:
        first: of mean_shift [1 + folds, n_dims].
        second: likewise, of the same folds.
    Returns:
        In [-1, 1], 1 = the same direction; None where one is zero. n counts folds.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    if not (lengths > 0).all():
        return None
    values = np.clip(np.sum(one * other, axis=1) / lengths, -1.0, 1.0)
    return jackknife(float(values[0]), values[1:], n=len(values) - 1)


def shift_agreement(first: ArrayLike, second: ArrayLike) -> Estimate | None:
    """Cosine of two mean shifts measured on two texts, with its interval.

    The texts share no sentence, so the two errors are independent: each side's folds are left out in turn while the other
    stands, and the squared errors are added. Noise in either mean lowers the cosine.

    Args:
        first: of mean_shift on one text [1 + folds, n_dims].
        second: on the other [1 + its folds, n_dims].
    Returns:
        In [-1, 1]; None where one is zero.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    parts = [
        shift_cosine(one, np.broadcast_to(other[0], one.shape)),
        shift_cosine(np.broadcast_to(one[0], other.shape), other),
    ]
    if parts[0] is None or parts[1] is None:
        return None
    # The wider of the two quantiles, so that the interval is not too narrow where folds are few.
    reach = max(
        (part.high - part.value) / part.standard_error if part.standard_error else 0.0 for part in parts if part
    )
    error = float(np.hypot(parts[0].standard_error, parts[1].standard_error))
    value, n_groups = parts[0].value, min(parts[0].n_groups, parts[1].n_groups)
    return Estimate(value, value - reach * error, value + reach * error, error, n_groups, n_groups)


def _differences(base: ArrayLike, tuned: ArrayLike, groups: ArrayLike, asked: str) -> tuple[Floats, Floats]:
    """Rows of the base, and tuned minus base."""
    one, other = np.asarray(base, dtype=np.float64), np.asarray(tuned, dtype=np.float64)
    if one.ndim != 2 or one.shape != other.shape or np.shape(groups) != one.shape[:1]:
        raise ShapeError(asked, f"Rows {one.shape} and {other.shape}, groups {np.shape(groups)}.", "Give aligned rows.")
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise ShapeError(asked, "Some values are not finite numbers.", "Look for overflow (float16).")
    return one, other - one


def _by_group(moved: Floats, group: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """Sums of the rows of each group in rising order, and how many they are."""
    distinct, place = np.unique(group, return_inverse=True)
    sums = np.zeros((len(distinct), moved.shape[1]))
    np.add.at(sums, place, moved)
    return sums, np.bincount(place).astype(np.float64)


def _kept(sums: ShiftSums) -> Iterator[NDArray[np.bool_]]:
    """Folds that are kept: all, then all but each; leaving out an empty one changes nothing."""
    folds = np.arange(len(sums.count))
    yield np.ones(len(folds), dtype=bool)
    for name in folds:
        yield folds != name
