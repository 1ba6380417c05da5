"""Does training text tell less about other text after tuning? Spatial similarity of two halves, tuned minus base."""

from dataclasses import dataclass
from typing import Any, ClassVar

from core.analyses.base import Run, facing_layers
from core.analyses.spatial_similarity import SpatialSimilarities, SpatialSimilarity, interval
from core.errors import IncompatibleRefs
from core.keys import Result, Spec
from core.maths.statistics import Estimate


@dataclass(frozen=True, kw_only=True)
class SpatialChange(Spec, kind="spatial_change"):
    """Of the similarities of two parts of the text under either checkpoint."""

    title: ClassVar[str] = "Change of spatial similarity"
    sources: ClassVar[tuple[str, ...]] = (
        "Zhou & Srikumar 2021 (DirectProbe)",
        "Zhou & Srikumar 2022, arXiv 2106.14282",
    )
    seconds_per_unit: ClassVar[float] = 0.05

    base: SpatialSimilarity
    tuned: SpatialSimilarity

    def validate(self) -> None:
        for one, other in ((self.base.first, self.tuned.first), (self.base.second, self.tuned.second)):
            if one.embed.sample != other.embed.sample or one.replace(embed=other.embed) != other:
                raise IncompatibleRefs("Comparing spatial similarities.", "They read other rows.", "Read the same.")


@dataclass(frozen=True, kw_only=True)
class SpatialDifference(Result):
    """One entry a base layer; the tuned side is the layer that faces it."""

    difference: tuple[Estimate | None, ...]
    """Tuned minus base, paired over labels left out in turn; below 0 = the two parts became less alike."""


def compute(spec: SpatialChange, inputs: dict[str, Any], run: Run) -> SpatialDifference:
    """Subtract. Raises IncompatibleRefs where the sides know other labels."""
    base: SpatialSimilarities = inputs["base"]
    tuned: SpatialSimilarities = inputs["tuned"]
    if base.labels != tuned.labels:
        raise IncompatibleRefs(
            "Comparing spatial similarities.",
            f"Base has {len(base.labels)} labels with enough rows, tuned {len(tuned.labels)}.",
            "Choose text that both tokenizers keep whole.",
        )
    facing = facing_layers(len(base.similarity) - 1, len(tuned.similarity) - 1)
    found: list[Estimate | None] = []
    for layer, other in enumerate(facing):
        run.step(layer, len(facing), "layers")
        before, after = base.similarity[layer], tuned.similarity[other]
        left = tuned.without[other] - base.without[layer]
        found.append(interval(after.value - before.value, left, base.n_pairs) if before and after else None)
    return SpatialDifference(difference=tuple(found))
