"""Where the first neurons of a label live: how many each layer has, and how deep they lie before and after tuning."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import Run
from core.analyses.embed import read_the_same
from core.analyses.neurons import RANKINGS, Neurons, NeuronScores
from core.errors import IncompatibleRefs, SpecInvalid
from core.keys import Result, Spec
from core.maths.statistics import Estimate, resampled_interval

MINIMAL, HUNDRED, TENTH = "minimal set", "first 100", "first tenth"
HOW_MANY = (MINIMAL, HUNDRED, TENTH)
_ASKED = "Comparing where neurons live."


def n_first(scores: NeuronScores, how_many: str) -> list[int]:
    """Neurons that are looked at, a number a split: never one without a weight. Args: how_many: one of HOW_MANY."""
    width = scores.orders.shape[2]
    n = min(100, width) if how_many == HUNDRED else max(1, width // 10)
    wanted = scores.n_minimal if how_many == MINIMAL else [n] * scores.orders.shape[1]
    return [min(own, entered) for own, entered in zip(wanted, scores.n_entered, strict=True)]


def of_layers(scores: NeuronScores, ranking: str, how_many: str) -> NDArray[np.int64]:
    """How many of the first neurons of a ranking each joined layer has [splits, layers].

    A ranking that chose fewer gives those that it chose.
    """
    found = []
    for order, n in zip(scores.orders[RANKINGS.index(ranking)], n_first(scores, how_many), strict=True):
        first = order[:n]
        found.append(np.bincount(first[first >= 0] // scores.width, minlength=len(scores.layers)))
    return np.array(found, dtype=np.int64)


def shares_of_layers(scores: NeuronScores, ranking: str, how_many: str) -> NDArray[np.float64]:
    """The same as shares of a split's, 0 to 1 [splits, layers]."""
    counts = of_layers(scores, ranking, how_many)
    shares: NDArray[np.float64] = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    return shares


def mean_depth(scores: NeuronScores, ranking: str, how_many: str) -> NDArray[np.float64]:
    """The mean layer of the first neurons as a share of the depth, 0 = embeddings, 1 = top [splits]."""
    depth = np.array(scores.layers) / scores.layers[-1] if scores.layers[-1] else np.zeros(len(scores.layers))
    found: NDArray[np.float64] = shares_of_layers(scores, ranking, how_many) @ depth
    return found


@dataclass(frozen=True, kw_only=True)
class NeuronDepth(Spec, kind="neuron_depth"):
    """Mean depth of a label's first neurons, tuned minus base, split by split."""

    title: ClassVar[str] = "Depth of neurons"
    sources: ClassVar[tuple[str, ...]] = (
        "Durrani et al. 2021, arXiv 2105.15179",
        "Nadeau & Bengio 2003 on intervals over splits",
    )
    seconds_per_unit: ClassVar[float] = 0.05

    base: Neurons
    tuned: Neurons
    ranking: str = RANKINGS[0]
    """One of core.analyses.neurons.RANKINGS."""
    how_many: Literal["minimal set", "first 100", "first tenth"] = "first 100"
    """Which of them are looked at. A minimal set changes its size along with the checkpoint."""

    def validate(self) -> None:
        if self.base.replace(embed=self.tuned.embed) != self.tuned:
            raise IncompatibleRefs(_ASKED, "Their label, layers or splits differ.", "Use the same for both.")
        read_the_same(self.base.embed, self.tuned.embed, _ASKED)
        if self.base.layer != -1:
            raise SpecInvalid(_ASKED, "They are of one layer.", "Join all layers.")
        if self.ranking not in RANKINGS:
            raise SpecInvalid(f"The ranking {self.ranking!r}.", "There is none.", f"Known: {', '.join(RANKINGS)}.")


@dataclass(frozen=True, kw_only=True)
class DepthChange(Result):
    """Mean depth of the first neurons, 0 = embeddings, 1 = top layer; intervals over splits (Nadeau & Bengio 2003)."""

    base: Estimate
    """Before tuning."""
    tuned: Estimate
    """After tuning."""
    difference: Estimate
    """Tuned minus base, paired over splits; below 0 = they moved down."""


def compute(spec: NeuronDepth, inputs: dict[str, Any], run: Run) -> DepthChange:
    """Average. Raises IncompatibleRefs where the sides read other rows."""
    base: NeuronScores = inputs["base"]
    tuned: NeuronScores = inputs["tuned"]
    if base.labels != tuned.labels or (base.n_train, base.n_test) != (tuned.n_train, tuned.n_test):
        raise IncompatibleRefs(_ASKED, "The tokenizers keep other words.", "Choose text that both can read.")
    run.step(0, 2, "sides")
    one, other = (mean_depth(side, spec.ranking, spec.how_many) for side in (base, tuned))
    run.step(1, 2, "sides")
    found = [
        resampled_interval(values, n_train=base.n_train, n_test=base.n_test) for values in (one, other, other - one)
    ]
    return DepthChange(base=found[0], tuned=found[1], difference=found[2])
