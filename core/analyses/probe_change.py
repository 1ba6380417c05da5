"""Base against tuned probe, split by split: is a difference more than noise?"""

from dataclasses import dataclass
from typing import Any, ClassVar

from core.analyses.base import Run
from core.analyses.probe import Probe
from core.errors import IncompatibleRefs
from core.keys import Result, Spec
from core.maths.statistics import Estimate, resampled_interval


@dataclass(frozen=True, kw_only=True)
class ProbeChange(Spec, kind="probe_change"):
    """Tuned minus base accuracy on the same splits."""

    title: ClassVar[str] = "Probe difference"
    seconds_per_unit: ClassVar[float] = 0.1

    base: Probe
    tuned: Probe

    def validate(self) -> None:
        one, other = self.base, self.tuned
        if (one.label, one.n_seeds, one.C) != (other.label, other.n_seeds, other.C):
            raise IncompatibleRefs("Comparing two probes.", "Their label, seeds or C differ.", "Use the same for both.")
        if one.embed.sample != other.embed.sample or one.embed.unit != other.embed.unit:
            raise IncompatibleRefs("Comparing two probes.", "They read other sentences or units.", "Read the same.")


@dataclass(frozen=True, kw_only=True)
class ProbeDifference(Result):
    """Change of probe accuracy per layer; above 0 = more can be read after tuning."""

    difference: tuple[Estimate, ...]
    """Paired over splits, corrected for their overlap (Nadeau & Bengio 2003); noise when the interval holds 0."""


def compute(spec: ProbeChange, inputs: dict[str, Any], run: Run) -> ProbeDifference:
    """Subtract, split by split. Raises IncompatibleRefs for unequal depths or another set of words."""
    base, tuned = inputs["base"], inputs["tuned"]
    if base.accuracy.shape != tuned.accuracy.shape:
        raise IncompatibleRefs(
            "Comparing two probes.", "The checkpoints have unequal depths.", "Choose two of equal depth."
        )
    if (base.n_train, base.n_test) != (tuned.n_train, tuned.n_test):
        raise IncompatibleRefs(
            "Comparing two probes.", "The tokenizers keep other words.", "Cut sentences at more pieces."
        )
    run.step(1, 1)
    return ProbeDifference(
        difference=tuple(
            resampled_interval(after - before, n_train=base.n_train, n_test=base.n_test)
            for before, after in zip(base.accuracy, tuned.accuracy, strict=True)
        )
    )
