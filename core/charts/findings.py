"""Three findings of a comparison in plain sentences, made by rule from the numbers, each with what would overturn it."""

from typing import NamedTuple

from core.analyses.crowding import CrowdingCurves
from core.analyses.probe import ProbeScores
from core.analyses.probe_change import ProbeDifference
from core.analyses.ridge_probe import RidgeScores
from core.analyses.ridge_probe_change import RidgeProbeDifference
from core.analyses.similarity import LayerSimilarity
from core.charts.headline import KEPT, MINUS, below, named, reading, reading_number, together
from core.maths.statistics import Estimate, simultaneous


class Finding(NamedTuple):
    """One sentence or two, and how to doubt them. Markdown."""

    said: str
    overturned: str
    """What would overturn it, as something to do."""


def space_found(similarity: LayerSimilarity) -> Finding | None:
    """Which layers keep their space, and which keep least; None where nothing could be measured."""
    same = together(similarity)
    measured = {layer: estimate for layer, estimate in enumerate(same) if estimate is not None}
    if not measured:
        return None
    least = min(measured, key=lambda layer: measured[layer].value)
    unlike = below(similarity, KEPT)
    kept = [layer for layer, estimate in measured.items() if estimate.low > KEPT]
    one = measured[least]
    value = f"CKA {_plain(one.value)} [{_plain(one.low)}, {_plain(one.high)}]"
    also = f"; {named(kept)} {'stays' if len(kept) == 1 else 'stay'} above {KEPT:g}" if kept else ""
    said = (
        f"Layer {least} keeps least of its space: {value}{also}."
        if unlike
        else f"No layer's space is known to have changed: the least is kept at layer {least}, {value}."
    )
    return Finding(
        said,
        "Other sentences, or another seed of the same tuning, that differ as much: both can be laid beside the curve on the page "
        "Layers. A measure with other invariances that sees no change.",
    )


def reading_found(change: ProbeDifference, base: ProbeScores, label: str, *, is_tuning: bool) -> Finding:
    """What became easier or harder to read."""
    read = reading(change, base, label, is_tuning=is_tuning)
    return Finding(
        read.said,
        f"{read.aside} A control task or random weights that move as much (× and ◆ in the figure). Another penalty, or a probe "
        "of another kind. A second seed of tuning. And it says what can be read, not what the network uses.",
    )


def number_found(change: RidgeProbeDifference, base: RidgeScores, number: str, *, is_tuning: bool) -> Finding:
    """How much more or less exactly a number is read."""
    read = reading_number(change.difference, base.score, number, "R²", is_tuning=is_tuning)
    return Finding(
        read.said,
        f"{read.aside} Random weights that move as much: they tell the length of a sentence nearly as exactly as trained ones. "
        "A second seed of tuning. And it says what can be read, not what the network uses.",
    )


def crowding_found(curves: CrowdingCurves, unit: str) -> Finding | None:
    """Whether the space crowds together more than before, or less; None for results that hold no differences."""
    if not curves.difference:
        return None
    wide = [simultaneous(one, n_intervals=len(curves.difference)) for one in curves.difference]
    moved = [layer for layer, one in enumerate(wide) if one.low > 0 or one.high < 0]
    overturned = (
        "A few outlier dimensions can raise a mean cosine alone: Isotropy on the page Geometry measures without them, and by "
        "IsoScore. Other sentences."
    )
    if not moved:
        return Finding(
            f"{unit.capitalize()}s crowd together no more and no less than before: inside the noise.",
            overturned,
        )
    most = max(moved, key=lambda layer: abs(wide[layer].value))
    one, before = wide[most], curves.base[most].value
    more = [layer for layer in moved if wide[layer].low > 0]
    less = [layer for layer in moved if wide[layer].high < 0]
    parts = [f"{way} at {named(found)}" for way, found in (("closer together", more), ("further apart", less)) if found]
    at = f", most at layer {most}" if len(moved) > 1 else ""
    return Finding(
        f"{unit.capitalize()}s lie {' and '.join(parts)}{at} (mean cosine {_plain(before)} to {_plain(before + one.value)}, "
        f"{_signed(one)}).",
        overturned,
    )


def _signed(one: Estimate) -> str:
    value, low, high = (f"{end:+.2f}".replace("-", MINUS) for end in (one.value, one.low, one.high))
    return f"{value} [{low}, {high}]"


def _plain(value: float) -> str:
    return f"{value:.2f}".replace("-", MINUS)
