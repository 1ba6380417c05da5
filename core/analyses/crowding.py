"""Mean cosine of random words from different sentences (Ethayarajh 2019): does the space crowd into a cone?"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.analyses.base import Run, facing_layers, shared_rows
from core.analyses.embed import Embed, read_the_same
from core.keys import Result, Spec
from core.maths.geometry import cross_group_pairs, mean_cosine
from core.maths.statistics import Estimate, group_folds, t_interval

N_FOLDS, PAIRS_PER_FOLD = 20, 500


@dataclass(frozen=True, kw_only=True)
class Crowding(Spec, kind="crowding"):
    """Mean cosine of random pairs on both sides, on the same pairs."""

    title: ClassVar[str] = "Crowding (mean cosine)"
    sources: ClassVar[tuple[str, ...]] = ("Ethayarajh 2019", "Rudman & Eickhoff 2024 on its faults")
    seconds_per_unit: ClassVar[float] = 5e-5

    base: Embed
    tuned: Embed
    seed: int = 0

    def validate(self) -> None:
        read_the_same(self.base, self.tuned)

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers; a few kilobytes kept."""
        return self.base.cost()[0], 1e4


@dataclass(frozen=True, kw_only=True)
class CrowdingCurves(Result):
    """Mean cosine per layer, -1 to 1; 0 = spread out, 1 = all in one direction."""

    base: tuple[Estimate, ...]
    """Interval over 20 groups of sentences that share no pair."""
    tuned: tuple[Estimate, ...]
    """The same pairs after tuning."""
    difference: tuple[Estimate, ...]
    """Tuned layer minus the base layer that faces it (core.analyses.base.facing_layers), one a base layer, paired over the
    groups."""
    n_pairs: int


def compute(spec: Crowding, inputs: dict[str, Any], run: Run) -> CrowdingCurves:
    """Average cosines over pairs drawn inside 20 disjoint groups of sentences."""
    base, tuned = inputs["base"], inputs["tuned"]
    in_base, in_tuned = shared_rows((base.sentence, base.word), (tuned.sentence, tuned.word))
    sentences = base.sentence[in_base]
    # A fold needs two sentences to draw a pair from.
    n_folds = min(N_FOLDS, len(np.unique(sentences)) // 2)
    folds = group_folds(sentences, n_folds=n_folds, seed=spec.seed)
    pairs = cross_group_pairs(sentences, folds, pairs_per_fold=PAIRS_PER_FOLD, seed=spec.seed)
    total = len(base.layers) + len(tuned.layers)
    sides: list[np.ndarray] = []
    for side, rows in ((base, in_base), (tuned, in_tuned)):
        means = []
        for layer in side.layers:
            X = np.asarray(layer[rows], dtype=np.float32)
            means.append([mean_cosine(X, chosen) for chosen in pairs])
            run.step(len(sides) * len(base.layers) + len(means), total, "layers")
        sides.append(np.array(means))
    facing = list(facing_layers(len(base.layers) - 1, len(tuned.layers) - 1))
    return CrowdingCurves(
        base=tuple(t_interval(row) for row in sides[0]),
        tuned=tuple(t_interval(row) for row in sides[1]),
        difference=tuple(t_interval(row) for row in sides[1][facing] - sides[0]),
        n_pairs=sum(len(chosen) for chosen in pairs),
    )
