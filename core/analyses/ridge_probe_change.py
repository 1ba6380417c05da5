"""Base against tuned ridge probe, split by split: is a difference more than noise?"""

from dataclasses import dataclass
from typing import Any, ClassVar

from core.analyses.base import Run, facing_layers
from core.analyses.probe_change import MOST_LOST
from core.analyses.ridge_probe import RidgeProbe, RidgeScores, refuse_unlike
from core.errors import IncompatibleRefs
from core.keys import Result, Spec
from core.maths.statistics import Estimate, resampled_interval


@dataclass(frozen=True, kw_only=True)
class RidgeProbeChange(Spec, kind="ridge_probe_change"):
    """Tuned minus base scores on the same splits."""

    title: ClassVar[str] = "Ridge probe difference"
    sources: ClassVar[tuple[str, ...]] = ("Nadeau & Bengio 2003 on intervals over splits",)
    seconds_per_unit: ClassVar[float] = 0.1

    base: RidgeProbe
    tuned: RidgeProbe

    def validate(self) -> None:
        refuse_unlike(self.base, self.tuned)


@dataclass(frozen=True, kw_only=True)
class RidgeProbeDifference(Result):
    """Change per base layer, tuned layer it faces minus itself; above 0 = read more exactly after tuning."""

    difference: tuple[Estimate, ...]
    """Of R squared, paired over splits, corrected for their overlap (Nadeau & Bengio 2003); noise when the interval holds 0."""
    rank_difference: tuple[Estimate, ...]
    """Of Spearman's correlation, likewise."""


def compute(spec: RidgeProbeChange, inputs: dict[str, Any], run: Run) -> RidgeProbeDifference:
    """Subtract, split by split. Raises IncompatibleRefs where the sides read other sentences, or too many other words."""
    base: RidgeScores = inputs["base"]
    tuned: RidgeScores = inputs["tuned"]
    lost = abs(base.n_rows - tuned.n_rows) / max(base.n_rows, tuned.n_rows)
    if base.n_sentences != tuned.n_sentences or lost > MOST_LOST:
        raise IncompatibleRefs(
            "Comparing two ridge probes.",
            f"The tokenizers keep other words: base {base.n_rows:,} in {base.n_sentences:,} sentences, tuned "
            f"{tuned.n_rows:,} in {tuned.n_sentences:,}.",
            "Cut sentences at more pieces, or choose text that both can read.",
        )
    run.step(1, 1)
    facing = list(facing_layers(len(base.r2) - 1, len(tuned.r2) - 1))
    r2, rank = tuned.r2[facing] - base.r2, tuned.rank[facing] - base.rank
    return RidgeProbeDifference(
        difference=tuple(resampled_interval(row, n_train=base.n_train, n_test=base.n_test) for row in r2),
        rank_difference=tuple(resampled_interval(row, n_train=base.n_train, n_test=base.n_test) for row in rank),
    )
