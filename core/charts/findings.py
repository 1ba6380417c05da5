"""Three findings of a comparison in plain sentences, made by rule from the numbers, each with what would overturn it."""

import math
from typing import NamedTuple

from core.analyses.crowding import CrowdingCurves
from core.analyses.probe import ProbeScores
from core.analyses.probe_change import ProbeDifference
from core.analyses.ridge_probe import RidgeScores
from core.analyses.ridge_probe_change import RidgeProbeDifference
from core.analyses.similarity import LayerSimilarity
from core.charts.headline import KEPT, MINUS, Read, alone, below, named, reading, reading_number, together
from core.maths.statistics import Estimate, simultaneous


class Finding(NamedTuple):
    """One sentence or two, and how to doubt them. Markdown."""

    said: str
    """In brackets 95 % intervals that hold for all layers together."""
    overturned: str
    """What would overturn it, as something to do."""


_SEED = " A second seed of the same tuning that does the same: one is tuned on the page Lab."


def space_found(similarity: LayerSimilarity, *, is_tuning: bool) -> Finding | None:
    """Which layers keep their space, and which keep least; None where nothing could be measured.

    Args:
        similarity: CKA of the two sides.
        is_tuning: whether the second side was tuned from the first.
    """
    measured = {layer: estimate for layer, estimate in enumerate(together(similarity)) if estimate is not None}
    if not measured:
        return None
    least = min(measured, key=lambda layer: measured[layer].value)
    one = measured[least]
    value = f"CKA {_plain(one, one.value)} [{_plain(one, one.low)}, {_plain(one, one.high)}]"
    kept = [layer for layer, estimate in measured.items() if estimate.low > KEPT]
    level = [layer for layer, estimate in measured.items() if estimate.low <= one.high]
    if len(kept) == len(measured):
        said = f"Every layer stays above CKA {KEPT:g}; least {_at(least, level)}, {value}."
    elif not below(similarity, KEPT):
        said = f"Which layers changed cannot be told from these sentences; least {_at(least, level)}, {value}."
    else:
        what = "is kept" if is_tuning else "is alike"
        also = f"; {named(kept)} {'stays' if len(kept) == 1 else 'stay'} above {KEPT:g}" if kept else ""
        said = f"Least of the space {what} {_at(least, level)}: {value}{also}."
    return Finding(
        said,
        "Other sentences that say otherwise: they can be laid beside the curve on the page Layers. A measure with other "
        "invariances that sees no such thing." + _SEED * is_tuning,
    )


def _at(least: int, level: list[int]) -> str:
    """Where the least is, with the layers that are not told apart from it."""
    others = [layer for layer in level if layer != least]
    return f"at layer {least}" + (f" (not told apart from {named(others)})" if others else "")


def reading_found(change: ProbeDifference, base: ProbeScores, label: str, *, is_tuning: bool) -> Finding:
    """What became easier or harder to read."""
    return _read_found(reading(change, base, label, is_tuning=is_tuning), is_tuning)


def number_found(change: RidgeProbeDifference, base: RidgeScores, number: str, *, is_tuning: bool) -> Finding:
    """How much more or less exactly a number is read."""
    return _read_found(reading_number(change.difference, base.score, number, "R²", is_tuning=is_tuning), is_tuning)


def _read_found(read: Read, is_tuning: bool) -> Finding:
    return Finding(
        f"{read.said} {read.aside}".strip(),
        "A control task (×) whose score moves as much, or random weights (◆) from which as much is read. Another penalty, or a "
        "probe of another kind. And it says what can be read, not what the network uses." + _SEED * is_tuning,
    )


def crowding_found(curves: CrowdingCurves, unit: str, *, is_tuning: bool) -> Finding | None:
    """Whether the space crowds together more than before, or less; None for results that hold no differences."""
    if not curves.difference:
        return None
    wide = [simultaneous(one, n_intervals=len(curves.difference)) for one in curves.difference]
    more = [layer for layer, one in enumerate(wide) if one.low > 0]
    less = [layer for layer, one in enumerate(wide) if one.high < 0]
    overturned = (
        "A few outlier dimensions can move a mean cosine alone: Isotropy on the page Geometry measures without them, and by "
        "IsoScore. Other sentences." + _SEED * is_tuning
    )
    aside = alone(curves.difference, [*more, *less])
    if not more and not less:
        said = f"That {unit}s lie closer together or further apart {'than before ' * is_tuning}was not found: inside the noise."
        return Finding(f"{said} {aside}".strip(), overturned)
    parts = []
    for way, layers in (("closer together", more), ("further apart", less)):
        if layers:
            clearest = max(layers, key=lambda layer: abs(wide[layer].value))
            one, before = wide[clearest], curves.base[clearest].value
            at = f"layer {clearest}: " if len(layers) > 1 else ""
            parts.append(
                f"{way} at {named(layers)} ({at}mean cosine {_plain(one, before)} to {_plain(one, before + one.value)}, "
                f"{_signed(one)})"
            )
    in_tuned = "" if is_tuning else " in tuned"
    return Finding(f"{unit.capitalize()}s lie{in_tuned} {' and '.join(parts)}. {aside}".strip(), overturned)


def _digits(one: Estimate) -> int:
    """As many as the interval deserves: down to the first digit of its half width; two at least and four at most."""
    half = (one.high - one.low) / 2
    return min(4, max(2, -math.floor(math.log10(half)))) if half > 0 else 2


def _signed(one: Estimate) -> str:
    value, low, high = (f"{end:+.{_digits(one)}f}".replace("-", MINUS) for end in (one.value, one.low, one.high))
    return f"{value} [{low}, {high}]"


def _plain(one: Estimate, value: float) -> str:
    return f"{value:.{_digits(one)}f}".replace("-", MINUS)
