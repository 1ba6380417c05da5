"""Base against tuned edge probe, split by split: is more read, and is it read from other layers?"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import Run, facing_layers
from core.analyses.edge_probe import EdgeProbe, EdgeScores
from core.analyses.probe_change import MOST_LOST
from core.errors import IncompatibleRefs
from core.keys import Result, Spec
from core.maths.statistics import Estimate, resampled_interval

_ASKED = "Comparing two edge probes."


@dataclass(frozen=True, kw_only=True)
class EdgeProbeChange(Spec, kind="edge_probe_change"):
    """Tuned minus base micro-F1, and where the label is found, on the same splits."""

    title: ClassVar[str] = "Edge probe difference"
    sources: ClassVar[tuple[str, ...]] = (
        "Tenney et al. 2019, arXiv 1905.05950",
        "Nadeau & Bengio 2003 on intervals over splits",
    )
    seconds_per_unit: ClassVar[float] = 0.1

    base: EdgeProbe
    tuned: EdgeProbe

    def validate(self) -> None:
        one, other = self.base, self.tuned
        if (one.label, one.n_seeds, one.equal_norms, one.width) != (
            other.label, other.n_seeds, other.equal_norms, other.width,
        ):  # fmt: skip
            raise IncompatibleRefs(_ASKED, "Their label, seeds, norms or width differ.", "Use the same for both.")
        if one.embed.sample != other.embed.sample:
            raise IncompatibleRefs(_ASKED, "They read other sentences.", "Read the same.")


@dataclass(frozen=True, kw_only=True)
class EdgeDifference(Result):
    """Tuned minus base, paired over splits and corrected for their overlap (Nadeau & Bengio 2003); noise when an interval
    holds 0."""

    difference: tuple[Estimate, ...]
    """Of micro-F1 per base layer k: mix of the layers up to the tuned one it faces, minus mix of 0..k; above 0 = more can
    be read after tuning."""
    centre: Estimate | None
    """Of the centre of gravity, in layers; above 0 = read further up. None where the sides differ in depth: a layer of
    one is none of the other."""
    expected_layer: Estimate | None
    """The same of the expected layer; None also where a side has none."""
    n_expected: int
    """Seeds that have one on both sides."""


def compute(spec: EdgeProbeChange, inputs: dict[str, Any], run: Run) -> EdgeDifference:
    """Subtract, split by split. Raises IncompatibleRefs where the sides read other labels, or too many other words."""
    base: EdgeScores = inputs["base"]
    tuned: EdgeScores = inputs["tuned"]
    _refuse_other_edges(base, tuned)
    run.step(1, 1)

    def interval(differences: NDArray[np.float64]) -> Estimate:
        return resampled_interval(differences, n_train=base.n_train, n_test=base.n_test)

    facing = facing_layers(len(base.f1) - 1, len(tuned.f1) - 1)
    same_depth = len(base.f1) == len(tuned.f1)
    before, after = (dict(zip(side.expected_seeds, side.expected_layers, strict=True)) for side in (base, tuned))
    both = sorted(before.keys() & after.keys()) if same_depth else []
    moved = np.array([after[seed] - before[seed] for seed in both])
    return EdgeDifference(
        difference=tuple(interval(row) for row in tuned.f1[list(facing)] - base.f1),
        centre=interval(tuned.centre - base.centre) if same_depth else None,
        expected_layer=interval(moved) if base.expected_layer and tuned.expected_layer and len(moved) > 1 else None,
        n_expected=len(both),
    )


def _refuse_other_edges(base: EdgeScores, tuned: EdgeScores) -> None:
    if base.labels != tuned.labels:
        raise IncompatibleRefs(_ASKED, "They have other labels.", "Read the same sentences.")
    lost = abs(base.n_edges - tuned.n_edges) / max(base.n_edges, tuned.n_edges)
    if base.n_sentences != tuned.n_sentences or lost > MOST_LOST:
        raise IncompatibleRefs(
            _ASKED,
            f"The tokenizers keep other words: base {base.n_edges:,} edges in {base.n_sentences:,} sentences, tuned "
            f"{tuned.n_edges:,} in {tuned.n_sentences:,}.",
            "Cut sentences at more pieces, or choose text that both can read.",
        )
