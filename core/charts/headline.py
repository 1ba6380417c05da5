"""The finding above the strip, in plain sentences made by rule from the numbers and their intervals."""

from collections.abc import Sequence

from core.analyses.probe_change import ProbeDifference
from core.analyses.similarity import LayerSimilarity
from core.analyses.weight_change import WeightChanges

KEPT, REWRITTEN = 0.9, 0.5
"""A layer counts as kept when its whole CKA interval is above the first, as rewritten when it is below the second."""


def headline(similarity: LayerSimilarity, weights: WeightChanges, tuning: str) -> str:
    """Which layers kept their space and which were rewritten by, say, "tuning on sentiment"."""
    tuning = tuning[:1].upper() + tuning[1:]
    same = similarity.same_layer
    rewritten, changed = _below(similarity, REWRITTEN), _below(similarity, KEPT)
    moved = _moved(weights)
    if not changed:
        if all(estimate.low > KEPT for estimate in same if estimate):
            return f"{tuning} left the space of every layer nearly as it was."
        return f"{tuning}: which layers changed cannot be told from these sentences."
    if rewritten:
        return f"{tuning} rewrote {_named(rewritten)}, {moved}."
    return f"{tuning} changed {_named(changed)}, {moved}; no layer was rewritten."


def difference(similarity: LayerSimilarity, base: str, tuned: str) -> str:
    """Where the spaces of two checkpoints of other shapes agree: none was tuned into the other."""
    apart, unlike = _below(similarity, REWRITTEN), _below(similarity, KEPT)
    if apart:
        return f"{base} and {tuned} share little of their space at {_named(apart)}."
    if unlike:
        return f"The spaces of {base} and {tuned} differ at {_named(unlike)}."
    if all(estimate.low > KEPT for estimate in similarity.same_layer if estimate):
        return f"{base} and {tuned} have nearly the same space at every layer."
    return f"{base} and {tuned}: where their spaces differ cannot be told from these sentences."


def reading(change: ProbeDifference, label: str, *, is_tuning: bool = True) -> str:
    """What became more or less readable, or for two of other shapes is, and where that is more than noise."""
    gains = [i for i, estimate in enumerate(change.difference) if estimate.low > 0]
    losses = [i for i, estimate in enumerate(change.difference) if estimate.high < 0]
    if not gains and not losses:
        what = "change of" if is_tuning else "difference in"
        return f"No {what} how well {label} can be read was found: every difference lies inside the noise."
    parts = []
    for layers, verb, pick in ((gains, "easier", max), (losses, "harder", min)):
        if layers:
            best = pick(layers, key=lambda i: change.difference[i].value)
            estimate = change.difference[best]
            most = f"most at layer {best}: " if len(layers) > 1 else ""
            parts.append(
                f"{verb} to read at {_named(layers)} ({most}{estimate.value * 100:+.1f} points, "
                f"95 % interval {estimate.low * 100:+.1f} to {estimate.high * 100:+.1f})"
            )
    return f"{label.capitalize()}{' became' if is_tuning else ':'} {' and '.join(parts)}."


def _below(similarity: LayerSimilarity, bound: float) -> list[int]:
    """Layers whose whole interval lies below."""
    return [i for i, estimate in enumerate(similarity.same_layer) if estimate and estimate.high < bound]


def _moved(weights: WeightChanges) -> str:
    lowest, highest = (f"{share:.1%}" for share in (min(weights.layers[1:]), max(weights.layers[1:])))
    if max(weights.layers[1:]) < 0.05:
        return f"though no block's weights moved by more than {highest}"
    return f"and the blocks' weights moved by {lowest} to {highest}"


def _named(layers: Sequence[int]) -> str:
    """layer 6 · layers 5 and 6 · layers 3 to 6 · layers 1, 4 and 6."""
    if len(layers) == 1:
        return f"layer {layers[0]}"
    if len(layers) > 2 and layers[-1] - layers[0] == len(layers) - 1:
        return f"layers {layers[0]} to {layers[-1]}"
    return f"layers {', '.join(map(str, layers[:-1]))} and {layers[-1]}"
