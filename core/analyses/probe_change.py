"""Base against tuned probe, split by split: is a difference more than noise?"""

from dataclasses import dataclass
from typing import Any, ClassVar

from core.analyses.base import Run, facing_layers
from core.analyses.probe import Probe, refuse_unlike
from core.errors import IncompatibleRefs
from core.keys import Result, Spec
from core.maths.statistics import Estimate, resampled_interval

MOST_LOST = 0.01
"""Share of the words that one tokenizer may drop and the other keep: splits are by sentence, and stay the same."""


@dataclass(frozen=True, kw_only=True)
class ProbeChange(Spec, kind="probe_change"):
    """Tuned minus base accuracy on the same splits."""

    title: ClassVar[str] = "Probe difference"
    sources: ClassVar[tuple[str, ...]] = (
        "Durrani et al. 2021, arXiv 2105.15179",
        "Nadeau & Bengio 2003 on intervals over splits",
    )
    seconds_per_unit: ClassVar[float] = 0.1

    base: Probe
    tuned: Probe

    def validate(self) -> None:
        refuse_unlike(self.base, self.tuned)


@dataclass(frozen=True, kw_only=True)
class ProbeDifference(Result):
    """Change of probe accuracy per base layer, tuned layer it faces minus itself; above 0 = more can be read after tuning."""

    difference: tuple[Estimate, ...]
    """Paired over splits, corrected for their overlap (Nadeau & Bengio 2003); noise when the interval holds 0."""


def compute(spec: ProbeChange, inputs: dict[str, Any], run: Run) -> ProbeDifference:
    """Subtract, split by split. Raises IncompatibleRefs where the sides read other sentences, or too many other words."""
    base, tuned = inputs["base"], inputs["tuned"]
    if base.labels != tuned.labels:
        raise IncompatibleRefs("Comparing two probes.", "They have other classes.", "Read the same sentences.")
    kept = sum(base.counts), sum(tuned.counts)
    lost = abs(kept[0] - kept[1]) / max(kept)
    if base.n_sentences != tuned.n_sentences or lost > MOST_LOST:
        raise IncompatibleRefs(
            "Comparing two probes.",
            f"The tokenizers keep other words: base {kept[0]:,} in {base.n_sentences:,} sentences, tuned {kept[1]:,} in "
            f"{tuned.n_sentences:,}.",
            "Cut sentences at more pieces, or choose text that both can read.",
        )
    run.step(1, 1)
    facing = facing_layers(len(base.accuracy) - 1, len(tuned.accuracy) - 1)
    return ProbeDifference(
        difference=tuple(
            resampled_interval(after - before, n_train=base.n_train, n_test=base.n_test)
            for before, after in zip(base.accuracy, tuned.accuracy[list(facing)], strict=True)
        )
    )
