"""Intervals that respect groups.

Words of one sentence, and random splits of one data set, are not independent; an interval that treats them so is too
narrow. Rows of a measure over pairs must not be drawn twice either (a row is its own perfect neighbour), so there is
no bootstrap here: a delete-a-group jackknife, a t interval over values that are independent, and the corrected t
interval for resampled splits. Of several intervals looked at together the same, made wider.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid

MIN_GROUPS = 4


@dataclass(frozen=True)
class Estimate:
    """A value with the interval that its data allow (95 % unless another level was asked for)."""

    value: float
    """The estimate from all data."""
    low: float
    """Lower end of the interval; may lie outside the measure's range."""
    high: float
    """Upper end of the interval; may lie outside the measure's range."""
    standard_error: float
    """Standard error of value, >= 0; 0 only when all groups agree exactly."""
    n: int
    """Rows behind the value."""
    n_groups: int
    """Groups, values or splits behind the interval: degrees of freedom + 1."""


def group_folds(groups: ArrayLike, *, n_folds: int = 20, seed: int = 0) -> NDArray[np.intp]:
    """Fold of each row, all rows of a group (sentence) in one fold.

    Args:
        groups: integers [n]; equal numbers = one group.
        n_folds: folds wanted; fewer are made when there are fewer groups.
        seed: draws which group goes where.
    Returns:
        int [n], 0 .. folds - 1; folds differ by at most one group, not row, in size.
    Raises:
        ShapeError: groups is not a vector.
        SpecInvalid: fewer than 2 folds.
        NotEnoughData: fewer than 4 distinct groups.
    """
    given = np.asarray(groups)
    if given.ndim != 1:
        raise ShapeError(
            "Dividing groups into folds.", f"The groups have shape {given.shape}.", "Give one number a row."
        )
    if n_folds < 2:
        raise SpecInvalid(f"Dividing groups into {n_folds} folds.", "A spread needs 2 or more.", "Use 20.")
    distinct, position = np.unique(given, return_inverse=True)
    if len(distinct) < MIN_GROUPS:
        raise NotEnoughData(
            "Dividing groups into folds for an interval.",
            f"There are {len(distinct)} distinct groups.",
            f"Give at least {MIN_GROUPS} sentences.",
        )
    fold_of_group = np.random.default_rng(seed).permutation(len(distinct)) % min(n_folds, len(distinct))
    return fold_of_group[position].astype(np.intp)


def jackknife(
    value: float, leave_one_out: ArrayLike, *, level: float = 0.95, n: int, n_telling: int | None = None
) -> Estimate:
    """Interval of a value by a delete-a-group jackknife.

    The standard error is sqrt((g - 1) / g * sum((v_i - mean v)^2)); the interval is symmetric, Student t with g - 1
    degrees of freedom. It fits smooth statistics; close to the end of a bounded range it may reach beyond it.

    Args:
        value: the statistic on all data.
        leave_one_out: the statistic with each group left out in turn [g].
        level: coverage, between 0 and 1.
        n: rows behind value.
        n_telling: groups that the statistic varies through, where it does not vary through all of them: so many less one are the
            degrees of freedom then. A mean of few rows hangs on the few groups that hold them, however many others there are.
    Raises:
        NotEnoughData: fewer than 2 groups, or a value that is not a number.
        SpecInvalid: level out of range.
    Source:
        Quenouille (1949), Tukey (1958); grouped form in Wolter (2007), Introduction to Variance Estimation, ch. 4.
    """
    left = _finite(leave_one_out, "A jackknife interval.")
    g = len(left)
    error = math.sqrt((g - 1) / g * float(np.sum((left - left.mean()) ** 2)))
    return _interval(value, error, level, n, g if n_telling is None else min(g, n_telling))


def t_interval(values: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Mean of independent values with its Student t interval.

    Args:
        values: one number a group, independent of each other [g].
        level: coverage, between 0 and 1.
    Raises:
        NotEnoughData: fewer than 2 values, or one that is not a number.
        SpecInvalid: level out of range.
    """
    given = _finite(values, "An interval of a mean.")
    g = len(given)
    return _interval(float(given.mean()), float(given.std(ddof=1)) / math.sqrt(g), level, g, g)


def spread_interval(values: ArrayLike, *, level: float = 0.95) -> Estimate:
    """The standard deviation of values with its interval, were they drawn from a normal distribution.

    Args:
        values: real [n], n >= 2.
        level: coverage, between 0 and 1.
    Returns:
        Estimate of the standard deviation (n - 1 in the denominator), >= 0; 5 values tell it within 0.6 to 2.9 times.
    Raises:
        NotEnoughData: fewer than 2 values.
        SpecInvalid: level out of range.
    Source:
        The chi-square interval of a variance.
    """
    from scipy.stats import chi2

    held = _finite(values, "A standard deviation with its interval.")
    if len(held) < 2:
        raise NotEnoughData("A standard deviation.", f"{len(held)} values.", "Give 2 or more.")
    if not 0 < level < 1:
        raise SpecInvalid(f"An interval at level {level}.", "Out of range.", "Choose between 0 and 1.")
    sd, freedom = float(held.std(ddof=1)), len(held) - 1
    low, high = (
        sd * (freedom / float(chi2.ppf(share, freedom))) ** 0.5 for share in ((1 + level) / 2, (1 - level) / 2)
    )
    return Estimate(
        value=sd, low=low, high=high, standard_error=sd / (2 * freedom) ** 0.5, n=len(held), n_groups=len(held)
    )


def resampled_interval(scores: ArrayLike, *, n_train: int, n_test: int, level: float = 0.95) -> Estimate:
    """Mean score over repeated random train/test splits, corrected for their overlap.

    Splits of one data set share training rows, so their scores are correlated; the variance of the mean is taken as
    variance * (1 / s + n_test / n_train) instead of variance / s. Also right for paired differences split by split.

    Args:
        scores: one score, or one difference of scores, a split [s].
        n_train: rows used for training in each split.
        n_test: rows held out in each split.
        level: coverage, between 0 and 1.
    Raises:
        NotEnoughData: fewer than 2 splits, a score that is not a number, or an empty side.
        SpecInvalid: level out of range.
    Source:
        Nadeau & Bengio (2003), Inference for the generalization error, Machine Learning 52, corrected resampled t.
    """
    given = _finite(scores, "An interval over resampled splits.")
    if n_train < 1 or n_test < 1:
        raise NotEnoughData(
            "An interval over resampled splits.", f"{n_train} training and {n_test} test rows.", "Give rows to both."
        )
    s = len(given)
    error = float(given.std(ddof=1)) * math.sqrt(1 / s + n_test / n_train)
    return _interval(float(given.mean()), error, level, n_train + n_test, s)


def simultaneous(estimate: Estimate, *, n_intervals: int, level: float = 0.95) -> Estimate:
    """The same estimate with an interval for looking at several: all of them hold their values together at this level.

    Bonferroni: a Student t interval at 1 - (1 - level) / n_intervals. It holds however the estimates hang together, and is
    too wide where they go together, as neighbouring layers do.

    Args:
        estimate: whose interval is a t interval of n_groups - 1 degrees of freedom.
        n_intervals: looked at together, at least 1; 1 changes nothing at its level.
        level: coverage of all together, between 0 and 1.
    Raises:
        SpecInvalid: level out of range, or no interval.
        NotEnoughData: fewer than 2 groups.
    Source:
        Dunn (1961), Multiple comparisons among means, Journal of the American Statistical Association 56.
    """
    if n_intervals < 1:
        raise SpecInvalid(f"An interval for {n_intervals} looked at together.", "Too few.", "Give 1 or more.")
    if estimate.n_groups < 2:
        raise NotEnoughData("An interval for several together.", "It has one group.", "Give 2 groups or more.")
    each = 1 - (1 - level) / n_intervals
    return _interval(estimate.value, estimate.standard_error, each, estimate.n, estimate.n_groups)


def _finite(values: ArrayLike, asked: str) -> NDArray[np.float64]:
    """Values as a float64 vector of at least two numbers."""
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 1 or len(given) < 2:
        raise NotEnoughData(asked, f"Values of shape {given.shape}.", "Give a list of at least 2.")
    if not np.isfinite(given).all():
        raise NotEnoughData(asked, f"{int((~np.isfinite(given)).sum())} values are not finite.", "Leave them out.")
    return given


def _interval(value: float, error: float, level: float, n: int, n_groups: int) -> Estimate:
    reach = _quantile(n_groups - 1, level) * error
    return Estimate(float(value), float(value) - reach, float(value) + reach, error, n, n_groups)


def _quantile(freedom: float, level: float) -> float:
    """How many standard errors a Student t interval reaches to either side."""
    from scipy.special import stdtrit  # the quantile alone; scipy.stats takes half a second to load

    if not 0 < level < 1:
        raise SpecInvalid(f"An interval of level {level}.", "Out of range.", "Use a number between 0 and 1, like 0.95.")
    return float(stdtrit(freedom, (1 + level) / 2))


def wilson_interval(n_right: int, n: int, *, level: float = 0.95) -> Estimate:
    """A share with Wilson's score interval: it stays inside 0 and 1, and has a width when all answers are right.

    Args:
        n_right: successes, 0 to n.
        n: independent trials, at least 1.
    Returns:
        Estimate of the share; its standard error is the usual sqrt(p (1 - p) / n).
    Raises:
        NotEnoughData: no trial.
    Source:
        Wilson (1927), doi 10.1080/01621459.1927.10502953.
    """
    if n < 1 or not 0 <= n_right <= n:
        raise NotEnoughData("A share with its interval.", f"{n_right} of {n}.", "Give at least one trial.")
    from scipy.stats import norm

    z = float(norm.ppf(0.5 + level / 2))
    share = n_right / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * ((share * (1 - share) + z * z / (4 * n)) / n) ** 0.5
    # Rounding must not leave the estimate outside its own interval at 0 and 1.
    low, high = min(centre - half, share), max(centre + half, share)
    return Estimate(
        value=share,
        low=max(0.0, low),
        high=min(1.0, high),
        standard_error=(share * (1 - share) / n) ** 0.5,
        n=n,
        n_groups=n,
    )


def grouped_share(is_right: ArrayLike, groups: ArrayLike, *, n_folds: int = 20, level: float = 0.95) -> Estimate:
    """A share of rows with an interval that respects that rows of one group (words of a sentence) go together.

    Args:
        is_right: bool [n_rows].
        groups: group of each row [n_rows].
        n_folds: groups are dealt into so many folds, each left out in turn (fewer where there are fewer groups).
        level: coverage, between 0 and 1.
    Raises:
        NotEnoughData: fewer than MIN_GROUPS groups.
        SpecInvalid: level out of range.
    """
    right, folds = np.asarray(is_right, dtype=np.float64), group_folds(groups, n_folds=n_folds)
    count = np.bincount(folds)
    hits = np.bincount(folds, weights=right)
    left_out = (right.sum() - hits) / (len(right) - count)
    return jackknife(float(right.mean()), left_out, level=level, n=len(right))


def paired_shares(first: ArrayLike, second: ArrayLike, groups: ArrayLike) -> tuple[Estimate, Estimate, Estimate]:
    """Shares of rows that are right on either of two sides, and the second minus the first, row by row.

    Args:
        first: bool [n_rows].
        second: bool [n_rows], of the same rows.
        groups: group of each row [n_rows]; rows of one group (words of a sentence) go together in the intervals.
    Returns:
        Estimates by a delete-a-group jackknife over folds of groups: two shares, 0 to 1, and their difference, -1 to 1.
    Raises:
        ShapeError: unequal lengths.
        NotEnoughData: fewer than MIN_GROUPS groups.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 1 or one.shape != other.shape or one.shape != np.shape(groups):
        raise ShapeError(
            "Comparing two shares.",
            f"{one.shape}, {other.shape}, groups {np.shape(groups)}.",
            "Give one of each a row.",
        )
    # A mean of differences -1, 0 and 1 is a share like any other.
    return grouped_share(one, groups), grouped_share(other, groups), grouped_share(other - one, groups)


def independent_difference(first: Estimate, second: Estimate, *, level: float = 0.95) -> Estimate:
    """The second value minus the first where they were measured on samples that share nothing.

    Standard errors add in squares; degrees of freedom as Welch & Satterthwaite.

    Args:
        first: with the groups behind its standard error.
        second: likewise.
        level: coverage, between 0 and 1.
    Returns:
        Estimate of the difference; n is the rows of both, n_groups the degrees of freedom rounded down, + 1.
    Raises:
        NotEnoughData: fewer than 2 groups behind a side.
        SpecInvalid: level out of range.
    Source:
        Welch (1947), Biometrika 34; Satterthwaite (1946).
    """
    if min(first.n_groups, second.n_groups) < 2:
        raise NotEnoughData("A difference of two samples.", "A side has no spread.", "Give 2 groups or more to each.")
    parts = [(one.standard_error**2, one.n_groups - 1) for one in (first, second)]
    variance = sum(square for square, _ in parts)
    spread = sum(square**2 / df for square, df in parts)
    freedom = variance**2 / spread if spread else float(min(df for _, df in parts))
    reach = _quantile(freedom, level) * math.sqrt(variance)
    value = second.value - first.value
    return Estimate(value, value - reach, value + reach, math.sqrt(variance), first.n + second.n, int(freedom) + 1)


def half_interval(value: float, halves: ArrayLike, *, level: float = 0.95, n: int) -> Estimate:
    """Interval of a value by a delete-half jackknife: what it would be for another sample of as many groups.

    Random halves of the groups vary around their own mean as much as samples of the whole size vary around the truth, so that
    their standard deviation is the standard error, without a factor. That halves are smaller, and so a little different in
    the mean, does not enter. Of a value that changes with the sample's size, as a distance of hulls, it says nothing about
    what all text would give, only how far samples of this size differ. Symmetric, Student t with one degree of freedom fewer
    than halves.

    Args:
        value: the statistic on all data.
        halves: the statistic on random halves of the groups, drawn without replacement [h].
        level: coverage, between 0 and 1.
        n: groups behind value.
    Raises:
        NotEnoughData: fewer than 2 halves, or one that is not a number.
        SpecInvalid: level out of range.
    Source:
        Shao & Wu (1989), A general theory for jackknife variance estimation, Annals of Statistics 17.
    """
    given = _finite(halves, "An interval from halves.")
    return _interval(value, float(given.std(ddof=1)), level, n, len(given))
