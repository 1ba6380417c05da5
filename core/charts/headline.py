"""The finding above the strip, in plain sentences made by rule from the numbers and their intervals."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from core.analyses.probe import ProbeScores
from core.analyses.probe_change import ProbeDifference
from core.analyses.similarity import LayerSimilarity
from core.analyses.weight_change import WeightChanges
from core.maths.statistics import Estimate, simultaneous

KEPT, REWRITTEN = 0.9, 0.5
"""A layer counts as kept when its whole CKA interval is above the first, as rewritten when it is below the second; intervals
hold for all layers together."""
MINUS = "\N{MINUS SIGN}"


def headline(similarity: LayerSimilarity, weights: WeightChanges, tuning: str) -> str:
    """Which layers kept their space and which were rewritten by, say, "tuning on sentiment"."""
    tuning = tuning[:1].upper() + tuning[1:]
    same = together(similarity)
    rewritten, changed = below(similarity, REWRITTEN), below(similarity, KEPT)
    moved = _moved(weights)
    if not changed:
        if all(estimate.low > KEPT for estimate in same if estimate):
            return f"{tuning} left the space of every layer nearly as it was."
        return f"{tuning}: which layers changed cannot be told from these sentences."
    if rewritten:
        return f"{tuning} rewrote {named(rewritten)}, {moved}."
    return f"{tuning} changed {named(changed)}, {moved}; no layer was rewritten."


def difference(similarity: LayerSimilarity, base: str, tuned: str) -> str:
    """Where the spaces of two checkpoints of other shapes agree: none was tuned into the other."""
    apart, unlike = below(similarity, REWRITTEN), below(similarity, KEPT)
    if apart:
        return f"{base} and {tuned} share little of their space at {named(apart)}."
    if unlike:
        return f"The spaces of {base} and {tuned} differ at {named(unlike)}."
    if all(estimate.low > KEPT for estimate in together(similarity) if estimate):
        return f"{base} and {tuned} have nearly the same space at every layer."
    return f"{base} and {tuned}: where their spaces differ cannot be told from these sentences."


class Read(NamedTuple):
    """What became more or less readable. Markdown."""

    said: str
    """In brackets the 95 % interval that holds for all layers together."""
    aside: str
    """Layers that leave the noise only by themselves; empty where none does."""


def reading(change: ProbeDifference, base: ProbeScores, label: str, *, is_tuning: bool = True) -> Read:
    """What became more or less readable, or for two of other shapes is, and where that is more than noise.

    Args:
        change: of the accuracy.
        base: what the probes of the base read.
        label: what is read, in words.
        is_tuning: whether the second side was tuned from the first.
    """
    return _read(change.difference, base.score, label, _ACCURACY, is_tuning)


def reading_number(
    differences: Sequence[Estimate], base: Sequence[Estimate], number: str, score: str, *, is_tuning: bool = True
) -> Read:
    """The same of a number that ridge probes read; a score is named (R²) and not counted in points.

    Args:
        differences: of the score, one a layer.
        base: the score on the base, likewise.
        number: what is read, in words.
        score: its name.
        is_tuning: whether the second side was tuned from the first.
    """
    return _read(differences, base, number, _Written(score, "{:.3f}", "{:+.3f}", "{:+.3f}", 1), is_tuning)


class _Written(NamedTuple):
    """How a score is written."""

    name: str
    score: str
    difference: str
    end: str
    """Of the difference's interval."""
    times: float
    """What differences are multiplied by."""


_ACCURACY = _Written("accuracy", "{:.1%}", "{:+.1f} points", "{:+.1f}", 100)


def _read(
    differences: Sequence[Estimate], base: Sequence[Estimate], label: str, written: _Written, is_tuning: bool
) -> Read:
    # Of seven layers one leaves its own 95 % interval by chance every third time: what is said holds for all together.
    wide = [simultaneous(estimate, n_intervals=len(differences)) for estimate in differences]
    gains = [i for i, estimate in enumerate(wide) if estimate.low > 0]
    losses = [i for i, estimate in enumerate(wide) if estimate.high < 0]
    if not gains and not losses:
        what = "change of" if is_tuning else "difference in"
        where = "every difference lies" if len(wide) > 1 else "the difference lies"
        of_base = f"{written.name} {_reach([estimate.value for estimate in base], written)} in the base"
        return Read(
            f"No {what} how well {label} can be read was found ({of_base}): {where} inside the noise.",
            alone(differences, []),
        )
    parts = []
    for layers, verb, pick in ((gains, "easier", max), (losses, "harder", min)):
        if layers:
            best = pick(layers, key=lambda i: wide[i].value)
            value, low, high = (_signed(wide[best], name, written) for name in ("value", "low", "high"))
            most = f"most at layer {best}: " if len(layers) > 1 else ""
            one, other = (_score(at, written) for at in (base[best].value, base[best].value + wide[best].value))
            scores = f"{written.name} {'from ' if is_tuning else ''}{one} {'to' if is_tuning else 'and'} {other}"
            parts.append(f"{verb} to read at {named(layers)} ({most}{scores}, {value} [{low}, {high}])")
    subject = f"{label[:1].upper()}{label[1:]}{' became' if is_tuning else ':'}"
    return Read(f"{subject} {' and '.join(parts)}.", alone(differences, [*gains, *losses]))


def _score(value: float, written: _Written) -> str:
    return written.score.format(value).replace("-", MINUS)


def _reach(values: Sequence[float], written: _Written) -> str:
    """The smallest and the largest, or what both are written as."""
    return " to ".join(dict.fromkeys(_score(end, written) for end in (min(values), max(values))))


def _signed(estimate: Estimate, name: Literal["value", "low", "high"], written: _Written) -> str:
    how = written.difference if name == "value" else written.end
    return how.format(getattr(estimate, name) * written.times).replace("-", MINUS)


def alone(differences: Sequence[Estimate], told: Sequence[int]) -> str:
    """A word on layers that leave the noise only by themselves: figures draw them filled."""
    filled = [i for i, one in enumerate(differences) if (one.low > 0 or one.high < 0) and i not in told]
    if not filled:
        return ""
    return f"By {'itself' if len(filled) == 1 else 'themselves'}{' also' if told else ''} {named(filled)}."


def below(similarity: LayerSimilarity, bound: float) -> list[int]:
    """Layers whose whole interval lies below."""
    return [i for i, estimate in enumerate(together(similarity)) if estimate and estimate.high < bound]


def together(similarity: LayerSimilarity) -> list[Estimate | None]:
    """Intervals wide enough to hold for all layers that are looked at; a sentence picks among them."""
    same = similarity.same_layer
    n = max(1, sum(estimate is not None for estimate in same))
    return [
        simultaneous(estimate, n_intervals=n) if estimate and estimate.n_groups > 1 else estimate for estimate in same
    ]


def _moved(weights: WeightChanges) -> str:
    lowest, highest = (f"{share:.1%}" for share in (min(weights.layers[1:]), max(weights.layers[1:])))
    if max(weights.layers[1:]) < 0.05:
        return f"though no block's weights moved by more than {highest}"
    return f"and the blocks' weights moved by {lowest} to {highest}"


def named(layers: Sequence[int]) -> str:
    """layer 6 · layers 5 and 6 · layers 3 to 6 · layers 1, 4 and 6."""
    if len(layers) == 1:
        return f"layer {layers[0]}"
    if len(layers) > 2 and layers[-1] - layers[0] == len(layers) - 1:
        return f"layers {layers[0]} to {layers[-1]}"
    return f"layers {', '.join(map(str, layers[:-1]))} and {layers[-1]}"
