"""What an interval says of a claim that was made beforehand, and how likely it was to say anything.

A claim says that an effect is more than a smallest one that matters, less than minus that, or the same within it. It is
supported where the whole interval lies where the claim says, contradicted where the whole interval lies elsewhere, and
otherwise it cannot be told. Of an effect that lies exactly at the limit both verdicts together are given in at most 5 % of
samples, where the interval is one of 95 %.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from core.errors import NotEnoughData, SpecInvalid
from core.maths.statistics import Estimate

Way = Literal["more", "less", "same"]
"""What a claim says of an effect: above +least, below -least, or between both."""
VERDICTS = SUPPORTED, CONTRADICTED, CANNOT_TELL = ("supported", "contradicted", "cannot tell")
LEVEL = 0.95
OFTEN = 0.8
"""Power that is asked for by convention (Cohen 1988)."""
_MOST_TIMES = 1000.0
"""More data than so many times as much is no advice."""


@dataclass(frozen=True)
class Effect:
    """A value and how far it may lie off."""

    value: float
    standard_error: float
    """Of the value; of Fisher's z of it where it is a correlation. >= 0, may be infinite."""
    freedom: float
    """Degrees of freedom of the standard error; infinite = the normal distribution."""
    n: int = 0
    """Rows behind it."""
    is_correlation: bool = False
    """Whether it lies between -1 and 1 and has its interval by Fisher's transformation."""

    @classmethod
    def of(cls, estimate: Estimate) -> "Effect":
        """An estimate whose interval is a Student t interval."""
        return cls(estimate.value, estimate.standard_error, estimate.n_groups - 1, estimate.n)

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Lower and upper end at a level. Raises SpecInvalid for a level that is none."""
        reach = quantile(self.freedom, level) * self.standard_error
        if math.isnan(reach):  # no spread known, and no error known: 0 times infinity
            reach = math.inf
        if not self.is_correlation:
            return self.value - reach, self.value + reach
        middle = math.atanh(min(max(self.value, -1 + 1e-12), 1 - 1e-12))
        return math.tanh(middle - reach), math.tanh(middle + reach)


def quantile(freedom: float, level: float) -> float:
    """How many standard errors an interval reaches to either side. Raises SpecInvalid for a level that is none."""
    from scipy.special import ndtri, stdtrit

    if not 0 < level < 1:
        raise SpecInvalid(f"An interval of level {level}.", "Out of range.", "Use a number between 0 and 1, like 0.95.")
    upper = (1 + level) / 2
    return float(ndtri(upper)) if math.isinf(freedom) else float(stdtrit(freedom, upper))


def together(n: int, level: float = LEVEL) -> float:
    """The level of each of n intervals that hold together at a level (Bonferroni)."""
    return 1 - (1 - level) / max(1, n)


def judge(effect: Effect, way: Way, least: float, *, level: float = LEVEL) -> str:
    """What an interval says of a claim.

    Args:
        effect: what was measured.
        way: what is claimed of it.
        least: the smallest effect that matters, >= 0, in the effect's units; above 0 where "same" is claimed.
        level: of the interval.
    Returns:
        One of VERDICTS.
    Raises:
        SpecInvalid: least below 0, or 0 where "same" is claimed: no interval lies within nothing.
    """
    _refuse_odd(way, least)
    low, high = effect.interval(level)
    if math.isnan(low) or math.isnan(high):
        return CANNOT_TELL
    if way == "less":
        low, high = -high, -low
    if way == "same":
        inside, outside = -least < low and high < least, low > least or high < -least
    else:
        inside, outside = low > least, high < least
    return SUPPORTED if inside else CONTRADICTED if outside else CANNOT_TELL


def judge_all(verdicts: Sequence[str], verdicts_together: Sequence[str]) -> str:
    """What is said of a claim on every one of several effects.

    All must hold, so that each may be judged by itself (an intersection-union test); one that surely does not hold refutes it,
    and since it may be any, such are judged together.

    Args:
        verdicts: of each effect by itself.
        verdicts_together: of each by an interval that holds for all of them together.
    """
    if all(one == SUPPORTED for one in verdicts):
        return SUPPORTED
    return CONTRADICTED if CONTRADICTED in verdicts_together else CANNOT_TELL


def judge_some(verdicts: Sequence[str], verdicts_together: Sequence[str]) -> str:
    """What is said of a claim on at least one of several effects: judge_all turned round."""
    if SUPPORTED in verdicts_together:
        return SUPPORTED
    return CONTRADICTED if all(one == CONTRADICTED for one in verdicts) else CANNOT_TELL


def mean_of(effects: Sequence[Effect]) -> Effect:
    """The mean of effects that hang together in an unknown way, as those of several layers of one text do.

    Its standard error is the mean of theirs: the largest it can be, reached where all err together. Raises NotEnoughData for none.
    """
    if not effects:
        raise NotEnoughData("A mean of effects.", "There is none.", "Choose layers that were measured.")
    return Effect(
        float(np.mean([one.value for one in effects])),
        float(np.mean([one.standard_error for one in effects])),
        min(one.freedom for one in effects),
        min(one.n for one in effects),
        all(one.is_correlation for one in effects),
    )


def difference_at_worst(first: Effect, second: Effect) -> Effect:
    """The first minus the second where they hang together in an unknown way.

    The standard errors are added, as if both erred in opposite directions: the largest it can be.
    """
    return Effect(
        first.value - second.value,
        first.standard_error + second.standard_error,
        min(first.freedom, second.freedom),
        min(first.n, second.n),
    )


def difference_apart(first: Effect, second: Effect) -> Effect:
    """The first minus the second where they were measured on samples that share nothing: errors add in squares (Welch 1947)."""
    parts = [(one.standard_error**2, one.freedom) for one in (first, second)]
    return Effect(
        first.value - second.value,
        math.sqrt(sum(square for square, _ in parts)),
        _welch(parts),
        min(first.n, second.n),
    )


def over_seeds(effects: Sequence[Effect]) -> Effect:
    """The mean over runs that differ by their seeds alone, on the same text.

    Its variance is that of the runs about their mean, over their number, and the mean error of one run besides: the text is the
    same for all runs, so that its noise does not shrink with them. What a run's own noise adds to the spread is counted twice:
    rather too wide than too narrow. Degrees of freedom as Welch & Satterthwaite: two runs say little.

    Raises:
        NotEnoughData: none.
    """
    if len(effects) == 1:
        return effects[0]
    within = mean_of(effects)
    between = float(np.var([one.value for one in effects], ddof=1)) / len(effects)
    parts = [(between, len(effects) - 1.0), (within.standard_error**2, within.freedom)]
    return Effect(within.value, math.sqrt(between + within.standard_error**2), _welch(parts), within.n)


def _welch(parts: Sequence[tuple[float, float]]) -> float:
    """Degrees of freedom of a sum of variances (variance, freedom)."""
    whole = sum(square for square, _ in parts)
    spread = sum(square**2 / freedom for square, freedom in parts if freedom > 0)
    if not whole or not spread or not math.isfinite(whole):
        return min(freedom for _, freedom in parts)
    return float(whole**2 / spread)


def correlation(x: ArrayLike, y: ArrayLike) -> Effect:
    """Rank correlation of few pairs, with an interval by Fisher's transformation.

    The standard error of z is sqrt((1 + r^2 / 2) / (n - 3)), with normal quantiles. Of seven independent pairs it leaves out 0 in
    3.4 % of all orders.

    Args:
        x, y: one value a place [n], n >= 5. Perfect order gives the correlation of one swap short of it.
    Raises:
        NotEnoughData: fewer than five pairs, a value that is not a number, or all values of a side alike.
    Source:
        Spearman's correlation; Bonett & Wright (2000), Sample size requirements, Psychometrika 65.
    """
    from scipy.stats import rankdata

    sides = [np.asarray(one, dtype=np.float64) for one in (x, y)]
    asked = "A correlation over places."
    if sides[0].shape != sides[1].shape or sides[0].ndim != 1 or len(sides[0]) < 5:
        raise NotEnoughData(asked, f"{sides[0].shape} and {sides[1].shape} values.", "Give five pairs or more.")
    if not all(np.isfinite(one).all() for one in sides) or any(np.ptp(one) == 0 for one in sides):
        raise NotEnoughData(asked, "A side does not vary, or is no number.", "Choose places that differ.")
    one, other = (rankdata(side) for side in sides)
    r = float(np.corrcoef(one, other)[0, 1])
    # Few ranks in perfect order are no certainty: they count as if one pair of neighbours had changed places.
    n = len(one)
    surest = 1 - 12 / (n * (n * n - 1))
    r = min(max(r, -surest), surest)
    error = math.sqrt((1 + r * r / 2) / (n - 3))
    return Effect(r, error, math.inf, n, is_correlation=True)


def power(noise: Effect, way: Way, least: float, truth: float, *, level: float = LEVEL) -> float:
    """How likely a claim is to be supported, were the effect so large.

    Args:
        noise: standard error and degrees of freedom; its value does not enter.
        way: what is claimed.
        least: the smallest effect that matters, >= 0.
        truth: the effect as it would truly be.
        level: of the interval.
    Returns:
        0 to 1, by the noncentral t distribution; for "same" the sum of both one-sided tests less one, which is never too large.
    Raises:
        SpecInvalid: as judge.
    """
    _refuse_odd(way, least)
    if not noise.standard_error or math.isinf(noise.standard_error):
        exact = Effect(truth, noise.standard_error, noise.freedom, noise.n, noise.is_correlation)
        return float(judge(exact, way, least, level=level) == SUPPORTED)
    scale: Callable[[float], float] = _fisher if noise.is_correlation else float
    reach, error = quantile(noise.freedom, level), noise.standard_error
    upper = _beyond((scale(truth) - scale(least)) / error, reach, noise.freedom)
    if way == "more":
        return upper
    lower = _beyond((scale(-least) - scale(truth)) / error, reach, noise.freedom)
    if way == "less":
        return lower
    within = [
        _beyond((scale(least) - scale(truth)) / error, reach, noise.freedom),
        _beyond((scale(truth) - scale(-least)) / error, reach, noise.freedom),
    ]
    return max(0.0, sum(within) - 1)


def detectable(noise: Effect, way: Way, least: float, *, often: float = OFTEN, level: float = LEVEL) -> float:
    """The smallest true effect that is found so often.

    Returns:
        Its size without a sign, >= least; infinite where the noise is. Of "same": the smallest `least` with which no change
        at all would be confirmed so often.
    Raises:
        SpecInvalid: as judge.
    """
    from scipy.optimize import brentq

    _refuse_odd(way, least)
    if math.isinf(noise.standard_error):
        return math.inf
    if not noise.standard_error:
        return 0.0 if way == "same" else least
    most = 1 - 1e-9 if noise.is_correlation else least + 1000 * noise.standard_error

    def short(size: float) -> float:
        if way == "same":
            return power(noise, "same", max(size, 1e-300), 0.0, level=level) - often
        return power(noise, "more", least, size, level=level) - often

    begin = 0.0 if way == "same" else least
    return float(brentq(short, begin, most, xtol=1e-9)) if short(most) > 0 else math.inf


def times_more(effect: Effect, way: Way, least: float, *, often: float = OFTEN, level: float = LEVEL) -> float | None:
    """So many times as much data would tell, were the effect exactly what was measured.

    Returns:
        At least 1; 1 where it is told already. None where more data would not: the effect lies as good as at the limit.
    Raises:
        SpecInvalid: as judge.
    """
    from scipy.special import ndtri

    if judge(effect, way, least, level=level) != CANNOT_TELL:
        return 1.0
    if math.isinf(effect.standard_error) or math.isnan(effect.standard_error):
        return None
    scale: Callable[[float], float] = _fisher if effect.is_correlation else float
    limits = (least, -least) if way == "same" else (least,) if way == "more" else (-least,)
    gap = min(abs(scale(effect.value) - scale(limit)) for limit in limits)
    if not gap:
        return None
    times = ((quantile(effect.freedom, level) + float(ndtri(often))) * effect.standard_error / gap) ** 2
    return max(1.0, times) if times <= _MOST_TIMES else None


def with_more(noise: Effect, times: float) -> Effect:
    """The noise that so many times as much data would have: its standard error falls with the root."""
    if times <= 0:
        raise SpecInvalid(f"{times} times as much data.", "There is none.", "Give a positive number.")
    return Effect(
        noise.value,
        noise.standard_error / math.sqrt(times),
        noise.freedom,
        round(noise.n * times),
        noise.is_correlation,
    )


def _beyond(away: float, reach: float, freedom: float) -> float:
    """Chance that a t value whose truth lies `away` standard errors off lies above `reach`."""
    from scipy.special import nctdtr, ndtr

    if math.isinf(freedom):
        return float(ndtr(away - reach))
    found = 1 - float(nctdtr(freedom, min(away, 300.0), reach)) if away > -30 else 0.0
    return min(1.0, max(0.0, found)) if math.isfinite(found) else float(ndtr(away - reach))


def _fisher(r: float) -> float:
    return math.atanh(min(max(r, -1 + 1e-12), 1 - 1e-12))


def _refuse_odd(way: Way, least: float) -> None:
    if not math.isfinite(least) or least < 0:
        raise SpecInvalid(f"A smallest effect of {least}.", "It is no size.", "Give 0 or a positive number.")
    if way == "same" and not least:
        raise SpecInvalid(
            "Claiming that nothing changes.",
            "Within 0 nothing can be shown.",
            "Say from what size on a change matters.",
        )
