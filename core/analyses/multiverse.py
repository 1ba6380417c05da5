"""The same claim under other choices that an analyst might as well have made: does its verdict hang on one of them?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from core.analyses.checkpoint import shape_of
from core.analyses.claim import Claim
from core.analyses.codelength import Codelength
from core.analyses.codelength_change import CodelengthChange
from core.analyses.crowding import Crowding
from core.analyses.direct_probe_change import DirectProbeChange
from core.analyses.inner_embed import AnyEmbed
from core.analyses.label_geometry import LabelGeometry
from core.analyses.neuron_depth import HUNDRED, MINIMAL, TENTH, NeuronDepth
from core.analyses.neurons import LINEAR, PROBELESS
from core.analyses.probe_change import ProbeChange
from core.analyses.quantities import embeds_of, rewritten
from core.analyses.similarity import Similarity
from core.maths.cards import CARDS

MOST_WORLDS = 120
"""That are looked at together."""
MEASURE, LAYER, POOLING, DRAW, PENALTY, PAIRS, ESTIMATOR, CENTRING, NEAREST, RANKING, HOW_MANY = (
    "measure", "layer", "pooling", "sentences", "penalty", "pairs drawn", "estimator", "centring", "nearest neighbours", "ranking",
    "neurons",
)  # fmt: skip
POOLINGS = {"word": ("average", "first", "last"), "sentence": ("mean", "cls")}
_MEASURES = ("cka", "rsa", "knn", "procrustes")
_PENALTIES = (0.001, 0.01, 0.1)

Change = Callable[[Claim], Claim]


@dataclass(frozen=True)
class World:
    """One way of asking."""

    picks: tuple[str, ...]
    """What was chosen, one an asked dimension."""
    claim: Claim
    is_direction_only: bool
    """Whether it measures in other units, so that no smallest size is asked of it."""


def choices(claim: Claim) -> dict[str, Mapping[str, Change]]:
    """Choices by dimension, those of the claim itself first in each; dimensions that change most first.

    What cannot be chosen otherwise is left out. Cost: microseconds.
    """
    found: dict[str, Mapping[str, Change]] = {
        MEASURE: _measures(claim),
        LAYER: _layers(claim),
        POOLING: _poolings(claim),
        DRAW: _draws(claim),
        PENALTY: _penalties(claim),
        ESTIMATOR: _estimators(claim),
        CENTRING: _centrings(claim),
        NEAREST: _nearest(claim),
        PAIRS: _pairs(claim),
        RANKING: _of_depth(claim, "ranking", (LINEAR, PROBELESS)),
        HOW_MANY: _of_depth(claim, "how_many", (HUNDRED, MINIMAL, TENTH)),
    }
    return {name: options for name, options in found.items() if len(options) > 1}


def worlds(claim: Claim, dimensions: Sequence[str]) -> list[World]:
    """The claim under every combination of the choices of these dimensions, itself first; at most MOST_WORLDS of them."""
    known = choices(claim)
    asked = [known[name] for name in dimensions if name in known]
    found: dict[Claim, World] = {}
    for picks in product(*asked):
        changed = claim
        for options, pick in zip(asked, picks, strict=True):
            changed = options[pick](changed)
        other_units = _unit(changed) != _unit(claim)
        if other_units:
            changed = changed.replace(least=0.0)
        found.setdefault(changed, World(picks, changed, other_units))
    return list(found.values())[:MOST_WORLDS]


def flips(
    dimensions: Sequence[str], picked: Sequence[tuple[str, ...]], verdicts: Sequence[str], usual: str
) -> dict[str, dict[str, tuple[int, int]]]:
    """Of each choice, how many of its worlds say what the claim's own says, and how many there are.

    Args:
        dimensions: that were varied.
        picked: of each world, in their order.
        verdicts: of each world.
        usual: the claim's own.
    """
    found: dict[str, dict[str, tuple[int, int]]] = {name: {} for name in dimensions}
    for picks, verdict in zip(picked, verdicts, strict=True):
        for name, pick in zip(dimensions, picks, strict=True):
            agree, all_ = found[name].get(pick, (0, 0))
            found[name][pick] = agree + (verdict == usual), all_ + 1
    return found


def _unit(claim: Claim) -> tuple[str, str]:
    """What an effect is counted in: the kind of computation and, of similarity, the measure."""
    one: Any = claim.of[0]
    return one.kind, getattr(one, "measure", "")


def _each(claim: Claim, change: Callable[[Any], Any]) -> Claim:
    """The claim with both sides' measurements changed."""
    return claim.replace(of=tuple(map(change, claim.of)), against=tuple(map(change, claim.against)))


def _embedded(claim: Claim, change: Callable[[AnyEmbed], AnyEmbed]) -> Claim:
    return _each(claim, lambda one: rewritten(one, change))


def _set(**fields: Any) -> Change:
    return lambda claim: _each(claim, lambda one: one.replace(**fields))


def _measures(claim: Claim) -> Mapping[str, Change]:
    first: Any = claim.of[0]
    if claim.way == "same" or (claim.quantity.is_never_less and not claim.against):
        return {}  # "the same" has a size, in a unit of its own; and that a size is above 0 says nothing
    if isinstance(first, Similarity):
        if not first.debiased:
            return {}
        names = dict.fromkeys((first.measure, *_MEASURES))
        return {CARDS[name].short: _by(first, name) for name in names}
    if isinstance(first, ProbeChange):
        return {"linear probe": _unchanged, "codelength": lambda claim: _each(claim, _as_codelength)}
    if isinstance(first, DirectProbeChange):
        return {"hulls": _unchanged, "Fisher ratio": lambda claim: _each(claim, _as_places)}
    return {}


def _by(first: Similarity, name: str) -> Change:
    """Another measure, with its own usual settings; the claim's own keeps its."""
    return _unchanged if name == first.measure else _set(measure=name, k=10, centred=False)


def _as_codelength(change: Any) -> Any:
    if not isinstance(change, ProbeChange):
        return change
    base, tuned = (Codelength(embed=one.embed, label=one.label) for one in (change.base, change.tuned))
    return CodelengthChange(base=base, tuned=tuned)


def _as_places(change: Any) -> Any:
    if not isinstance(change, DirectProbeChange):
        return change
    return LabelGeometry(base=change.base.embed, tuned=change.tuned.embed, label=change.base.label)


def _layers(claim: Claim) -> Mapping[str, Change]:
    """Of a claim on a single layer, its neighbours."""
    if len(claim.layers) != 1 or claim.against or not embeds_of(claim.of[0]):
        return {}
    (layer,) = claim.layers
    top = min(shape_of(one.checkpoint).n_layers for one in embeds_of(claim.of[0]))
    near = [layer, *(other for other in (layer - 1, layer + 1) if 0 <= other <= top)]
    return {f"layer {other}": _at(other) for other in near}


def _at(layer: int) -> Change:
    return lambda claim: claim.replace(layers=(layer,))


def _poolings(claim: Claim) -> Mapping[str, Change]:
    read = embeds_of(claim.of[0])
    if not read or any(one.checkpoint.kind == "checkpoint.vectors" for one in read):
        return {}
    own = read[0].pooling
    return {name: _pooled(name) for name in dict.fromkeys((own, *POOLINGS[read[0].unit]))}


def _pooled(name: Any) -> Change:
    return lambda claim: _embedded(claim, lambda one: one.replace(pooling=name))


def _draws(claim: Claim) -> Mapping[str, Change]:
    """Other draws of as many sentences, where not all are read."""
    read = embeds_of(claim.of[0])
    if not read or not read[0].sample.n:
        return {}
    own = read[0].sample.seed
    return {f"draw {seed}": _drawn(seed - own) for seed in range(own, own + 3)}


def _drawn(further: int) -> Change:
    def change(embed: AnyEmbed) -> AnyEmbed:
        return embed.replace(sample=embed.sample.replace(seed=embed.sample.seed + further))

    return lambda claim: _embedded(claim, change)


def _penalties(claim: Claim) -> Mapping[str, Change]:
    first = claim.of[0]
    if not isinstance(first, ProbeChange) or first.base.penalties:
        return {}
    return {f"C = {C:g}": _penalised(C) for C in dict.fromkeys((first.base.C, *_PENALTIES))}


def _penalised(C: float) -> Change:
    def change(one: Any) -> Any:
        if not isinstance(one, ProbeChange):
            return one  # a codelength has a penalty of its own
        return one.replace(base=one.base.replace(C=C), tuned=one.tuned.replace(C=C))

    return lambda claim: _each(claim, change)


def _estimators(claim: Claim) -> Mapping[str, Change]:
    """The plain estimator of CKA beside the debiased one, where CKA alone is looked at."""
    first = claim.of[0]
    if not isinstance(first, Similarity) or not first.measure.startswith("cka"):
        return {}

    def plain(one: Any) -> Any:
        return one.replace(debiased=False) if one.measure.startswith("cka") else one

    return {"debiased": _unchanged, "plain": lambda claim: _each(claim, plain)}


def _centrings(claim: Claim) -> Mapping[str, Change]:
    """Of RSA, whose cosines are of the rows as they are, or less their mean."""
    first = claim.of[0]
    if not isinstance(first, Similarity) or not first.measure.startswith("rsa"):
        return {}
    own = first.centred
    names = {own: "centred" if own else "as they are", not own: "as they are" if own else "centred"}
    return {name: _of_rsa(centred) for centred, name in names.items()}


def _of_rsa(centred: bool) -> Change:
    def change(one: Any) -> Any:
        return one.replace(centred=centred) if one.measure.startswith("rsa") else one

    return lambda claim: _each(claim, change)


def _nearest(claim: Claim) -> Mapping[str, Change]:
    first = claim.of[0]
    if not isinstance(first, Similarity) or first.measure != "knn":
        return {}
    return {f"k = {k}": _of_knn(k) for k in dict.fromkeys((first.k, 5, 10, 20))}


def _of_knn(k: int) -> Change:
    def change(one: Any) -> Any:
        return one.replace(k=k) if one.measure == "knn" else one

    return lambda claim: _each(claim, change)


def _pairs(claim: Claim) -> Mapping[str, Change]:
    first = claim.of[0]
    if not isinstance(first, Crowding):
        return {}
    return {f"draw {seed}": _set(seed=seed) for seed in range(first.seed, first.seed + 3)}


def _of_depth(claim: Claim, field: str, values: Sequence[str]) -> Mapping[str, Change]:
    first = claim.of[0]
    if not isinstance(first, NeuronDepth):
        return {}
    return {value: _set(**{field: value}) for value in dict.fromkeys((getattr(first, field), *values))}


def _unchanged(claim: Claim) -> Claim:
    return claim
