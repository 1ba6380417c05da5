"""What can be claimed of a comparison: effects that analyses measure, each with its words, its unit and its usual size."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from core.analyses.ablation import Ablation, AblationScores
from core.analyses.codelength_change import CodelengthChange
from core.analyses.crowding import Crowding
from core.analyses.direct_probe_change import DirectProbeChange
from core.analyses.inner_embed import AnyEmbed
from core.analyses.isotropy import Isotropy
from core.analyses.label_geometry import LabelGeometry
from core.analyses.neuron_depth import NeuronDepth
from core.analyses.prediction import Predicted, Prediction
from core.analyses.probe_change import ProbeChange
from core.analyses.ridge_probe_change import RidgeProbeChange
from core.analyses.scoring import MEASURES
from core.analyses.similarity import LayerSimilarity, Similarity
from core.analyses.spatial_change import SpatialChange
from core.analyses.structural_change import StructuralChange
from core.errors import NotEnoughData
from core.keys import Spec
from core.maths.cards import CARDS
from core.maths.statistics import Estimate
from core.maths.verdicts import LEVEL, Effect, correlation, over_seeds, quantile
from core.refs import LABEL_NAMES

Measured = (
    ProbeChange
    | CodelengthChange
    | RidgeProbeChange
    | Similarity
    | Crowding
    | DirectProbeChange
    | LabelGeometry
    | SpatialChange
    | StructuralChange
    | Isotropy
    | NeuronDepth
    | Prediction
    | Ablation
)
"""Computations of which something can be claimed."""
_POINTS = " points"


@dataclass(frozen=True)
class Quantity:
    """One effect: positive = more."""

    name: str
    """As pickers show it."""
    subject: Callable[[Any], str]
    """What the claim is about, from the spec, in words that begin a sentence."""
    more: str
    less: str
    same: str
    """What is said of it; each stands before "than …"."""
    axis: str
    """Of figures."""
    effects: Callable[[Any, Any], tuple[Effect | None, ...]]
    """From a spec and its result: one a layer, or a place of an experiment, or a single one; None where there is none."""
    least: float
    """Smallest effect that matters, where nobody says otherwise."""
    scale: float = 1.0
    """What an effect is multiplied by to be written down."""
    unit: str = ""
    """After a number that is written down."""
    method: str = ""
    """How its interval comes about."""
    has_layers: bool = True
    is_after_tuning: bool = True
    """Whether it is a change from base to tuned."""
    alone: tuple[str, str, str] = ("", "", "")
    """The same where it is compared with nothing else: more, less, same; empty = as above, and as before."""
    more_of: str = "sentences"
    """What there must be more of for a narrower interval."""
    most: float = math.inf
    """No effect is as large."""
    is_never_less: bool = False
    """Whether the effect by itself is a size, and only a comparison of two can be below 0."""


def _of_label(spec: Any) -> str:
    name = label_of(spec)
    return LABEL_NAMES.get(name, name)


def _label(before: str, after: str = "") -> Callable[[Any], str]:
    return lambda spec: f"{before}{_of_label(spec)}{after}"


def _estimates(found: tuple[Estimate | None, ...]) -> tuple[Effect | None, ...]:
    return tuple(Effect.of(one) if one is not None else None for one in found)


def _changed(_: Similarity, found: LayerSimilarity) -> tuple[Effect | None, ...]:
    """How far a layer is from being the same, >= 0 but for noise, whichever way the measure counts."""
    card = CARDS[found.measure]
    sign = 1 if card.is_distance else -1
    return tuple(
        None if one is None else Effect(sign * (one.value - card.same), one.standard_error, one.n_groups - 1, one.n)
        for one in found.same_layer
    )


def _costs(spec: Ablation, found: AblationScores) -> tuple[Effect | None, ...]:
    """What each place of an experiment costs against the intact one, which itself costs nothing and has no effect."""
    held = found.trials[found.trials["measure"] == MEASURES[spec.of.goal][0]]
    intact, reach = spec.asked.intact(spec.n_blocks), quantile(float("inf"), LEVEL)
    effects: list[Effect | None] = []
    for at in spec.asked.places(spec.n_blocks):
        if at == intact:
            effects.append(None)
            continue
        by_seed = []
        for _, rows in held[held["at"].isin([at, intact])].groupby("seed"):
            one, other = (rows[rows["at"] == name].iloc[0] for name in (intact, at))
            errors = [(row["high"] - row["low"]) / 2 / reach for row in (one, other)]
            # Both answer the same examples; as if they erred in opposite directions.
            by_seed.append(Effect(float(one["score"] - other["score"]), sum(errors), float("inf"), int(one["n"])))
        effects.append(over_seeds(by_seed) if by_seed else None)
    return tuple(effects)


def _predicts(_: Prediction, found: Predicted) -> tuple[Effect | None, ...]:
    try:
        return (correlation(found.blocks["probe"], found.blocks["cost"]),)
    except NotEnoughData:
        return (None,)


_SPLITS = "paired over splits by sentence, corrected for their overlap (Nadeau & Bengio 2003)"
_FOLDS = "delete-a-group jackknife over 20 groups of sentences"

QUANTITIES: dict[type[Spec], Quantity] = {
    ProbeChange: Quantity(
        "what a linear probe reads",
        _label("a linear probe for "),
        "scores higher", "scores lower", "scores as high",
        "change of accuracy, points",
        lambda _, found: _estimates(found.difference),
        0.01, 100, _POINTS, _SPLITS,
    ),
    CodelengthChange: Quantity(
        "how easily a label is read (codelength)",
        _label("the labels of "),
        "are easier to find", "are harder to find", "are as easy to find",
        "change of compression (times)",
        lambda _, found: _estimates(found.difference),
        0.1, 1, "", _FOLDS,
    ),
    RidgeProbeChange: Quantity(
        "how exactly a number is read",
        lambda spec: f"a ridge probe for {spec.base.number}",
        "explains more", "explains less", "explains as much",
        "change of R²",
        lambda _, found: _estimates(found.difference),
        0.02, 1, "", _SPLITS,
    ),
    Similarity: Quantity(
        "how much a space changes",
        lambda spec: f"the space ({CARDS[spec.measure].short})",
        "changes more", "changes less", "changes as much",
        "distance from unchanged",
        _changed,
        0.05, 1, "", _FOLDS,
        alone=("has changed", "", "is as it was"), is_never_less=True,
    ),
    Crowding: Quantity(
        "how crowded a space is",
        lambda spec: f"{spec.base.unit}s",
        "lie closer together", "lie further apart", "lie as close together",
        "change of the mean cosine",
        lambda _, found: _estimates(found.difference),
        0.02, 1, "", "t interval over 20 groups of sentences that share no pair",
    ),
    DirectProbeChange: Quantity(
        "how far labels lie apart (hulls)",
        _label("the labels of "),
        "lie further apart", "lie nearer to each other", "lie as far apart",
        "change of the distance to the next label, share of a row's length",
        lambda _, found: _estimates(found.mean_difference),
        0.01, 100, " %", "delete-half jackknife over sentences",
    ),
    LabelGeometry: Quantity(
        "how clearly labels part (Fisher ratio)",
        _label("the labels of "),
        "part more clearly", "part less clearly", "part as clearly",
        "change of the Fisher ratio, doublings",
        lambda _, found: _estimates(found.fisher_difference),
        0.2, 1, " doublings", _FOLDS,
    ),
    SpatialChange: Quantity(
        "whether labels lie alike in two halves of the text",
        lambda spec: f"labels of {_of_label(spec)} in two halves of the text",
        "lie more alike", "lie less alike", "lie as alike",
        "change of Pearson's correlation of label distances",
        lambda _, found: _estimates(found.difference),
        0.02, 1, "", "leaving out each label in turn", more_of="labels",
    ),
    StructuralChange: Quantity(
        "what of trees can be found (UUAS)",
        lambda spec: "a structural probe",
        "finds more of the trees", "finds less of the trees", "finds as much of the trees",
        "change of the share of edges found, points",
        lambda _, found: _estimates(tuple(metrics[0] for metrics in found.difference)),
        0.01, 100, _POINTS, _SPLITS,
    ),
    Isotropy: Quantity(
        "how evenly a space is used (IsoScore)",
        lambda spec: f"the space of {spec.base.unit}s",
        "is used more evenly", "is used less evenly", "is used as evenly",
        "change of IsoScore",
        lambda _, found: _estimates(found.difference["isoscore"]),
        0.02, 1, "", _FOLDS,
    ),
    NeuronDepth: Quantity(
        "where the neurons of a label live",
        _label("the first neurons for "),
        "lie higher", "lie lower", "lie as high",
        "change of their mean depth, points (100 = from bottom to top)",
        lambda _, found: (Effect.of(found.difference),),
        0.05, 100, _POINTS, _SPLITS, has_layers=False,
    ),
    Prediction: Quantity(
        "whether a probe foretells what resetting costs",
        lambda spec: f"blocks after which a linear probe for {_of_label(spec)} scores high",
        "cost more to reset", "cost less to reset", "cost as much to reset",
        "rank correlation of probe score and cost",
        _predicts,
        0.3, 1, "", "Fisher's transformation (Bonett & Wright 2000), a block a point", has_layers=False, is_after_tuning=False,
        alone=("", "", "cost neither more nor less to reset"), more_of="blocks", most=1.0,
    ),
    Ablation: Quantity(
        "what an experiment costs",
        lambda spec: f"tuning for {_of_label(spec)} ({spec.experiment.lower()})",
        "scores lower", "scores higher", "scores as high",
        "loss against the intact network, points",
        _costs,
        0.05, 100, _POINTS, "over seeds, and over dev examples as if both networks erred in opposite directions",
        is_after_tuning=False, more_of="seeds",
        alone=tuple(f"scores {how} the intact network" for how in ("lower than", "higher than", "as high as")),  # type: ignore[arg-type]
    ),
}  # fmt: skip
"""By the class of the computation that measures them."""


def quantity_of(spec: Spec) -> Quantity:
    """What is claimed of a computation."""
    return QUANTITIES[type(spec)]


def label_of(spec: Spec) -> str:
    """The label that a computation is about; empty where it is about none."""
    found = (str(vars(one).get("label", "")) for one in _within(spec))
    return next(filter(None, found), "")


def embeds_of(spec: Spec) -> list[AnyEmbed]:
    """All embeddings that a computation reads, each once, those of the base first."""
    return list(dict.fromkeys(one for one in _within(spec) if isinstance(one, AnyEmbed)))


def rewritten(spec: Any, change: Callable[[AnyEmbed], AnyEmbed]) -> Any:
    """The same computation of other embeddings: every one that it reads is changed. Raises SpecInvalid, IncompatibleRefs."""
    if isinstance(spec, AnyEmbed):
        return change(spec)
    changes: dict[str, Any] = {}
    for item in fields(spec):
        value = getattr(spec, item.name)
        if isinstance(value, Spec) and embeds_of(value):
            changes[item.name] = rewritten(value, change)
        elif isinstance(value, tuple) and any(isinstance(one, Spec) and embeds_of(one) for one in value):
            changes[item.name] = tuple(rewritten(one, change) if isinstance(one, Spec) else one for one in value)
    return spec.replace(**changes)


def _within(spec: Spec) -> Iterator[Spec]:
    """A spec and all that are in its fields; not those in refs, as the run of a checkpoint is."""
    yield spec
    for item in fields(spec):
        value = getattr(spec, item.name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Spec) and not isinstance(spec, AnyEmbed):
                yield from _within(one)
