"""Do labels lie to each other alike in two runs of DirectProbe: base against tuned, or one half of the text against the other?"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import Run, facing_layers
from core.analyses.direct_probe import DirectProbe, LabelHulls
from core.errors import IncompatibleRefs, NotEnoughData
from core.keys import Result, Spec
from core.maths.directprobe import spatial_similarity
from core.maths.statistics import Estimate, jackknife

LEAST_LABELS = 5
"""Labels that must remain when one is left out, for an interval."""


@dataclass(frozen=True, kw_only=True)
class SpatialSimilarity(Spec, kind="spatial_similarity"):
    """Pearson correlation of the label distances of two runs, layer by layer (Zhou & Srikumar)."""

    title: ClassVar[str] = "Spatial similarity"
    sources: ClassVar[tuple[str, ...]] = (
        "Zhou & Srikumar 2021 (DirectProbe)",
        "Zhou & Srikumar 2022, arXiv 2106.14282",
    )
    seconds_per_unit: ClassVar[float] = 0.2

    first: DirectProbe
    second: DirectProbe

    def validate(self) -> None:
        if self.first.label != self.second.label:
            raise IncompatibleRefs("Comparing where labels lie.", "They are of two labels.", "Use one label.")


@dataclass(frozen=True, kw_only=True)
class SpatialSimilarities(Result):
    """-1 to 1 for each layer of the first run; 1 = labels lie to each other alike, whatever the scale."""

    similarity: tuple[Estimate | None, ...]
    """Over the label pairs that both runs have; interval by leaving out each label with all its pairs. None where planes do not
    part all labels in both runs (overlapping hulls have distance 0, which would raise it), fewer than three pairs are left, or
    all distances of a side are equal."""
    without: np.ndarray
    """similarity without each label in turn, NaN where there is none, float64 [layers, labels]."""
    labels: tuple[str, ...]
    """Those that both runs have distances of."""
    n_pairs: int
    """Pairs of labels that both runs have."""
    n_all_pairs: int
    """Pairs of labels in the first run."""


def compute(spec: SpatialSimilarity, inputs: dict[str, Any], run: Run) -> SpatialSimilarities:
    """Correlate."""
    first: LabelHulls = inputs["first"]
    second: LabelHulls = inputs["second"]
    facing = facing_layers(len(first.n_clusters) - 1, len(second.n_clusters) - 1)
    sides = [[_named(held, distances) for distances in held.distances] for held in (first, second)]
    # Which labels are large enough is the same in every layer.
    common = sides[0][0].keys() & sides[1][0].keys()
    labels = sorted({label for pair in common for label in pair})
    values, without = [], np.full((len(facing), len(labels)), np.nan)
    for layer, other in enumerate(facing):
        run.step(layer, len(facing), "layers")
        one, two = sides[0][layer], sides[1][other]
        if not (first.is_linear[layer] and second.is_linear[other]):
            values.append(float("nan"))
            continue
        values.append(_correlation(one, two))
        for at, out in enumerate(labels):
            without[layer, at] = _correlation({pair: d for pair, d in one.items() if out not in pair}, two)
    return SpatialSimilarities(
        similarity=tuple(interval(value, left, len(common)) for value, left in zip(values, without, strict=True)),
        without=without,
        labels=tuple(labels),
        n_pairs=len(common),
        n_all_pairs=len(first.pairs),
    )


def interval(value: float, without: NDArray[np.float64], n_pairs: int) -> Estimate | None:
    """A jackknife over labels; the whole range where too few are left, None without a value."""
    if np.isnan(value):
        return None
    if len(without) <= LEAST_LABELS or np.isnan(without).any():
        return Estimate(value, -np.inf, np.inf, np.inf, n_pairs, len(without))
    return jackknife(value, without, n=n_pairs)


Named = dict[tuple[str, str], float]


def _named(held: LabelHulls, distances: NDArray[np.float64]) -> Named:
    """Distances by the names of the labels: two runs may know other ones."""
    pairs = [(held.labels[a], held.labels[b]) for a, b in held.pairs]
    return {pair: float(one) for pair, one in zip(pairs, distances, strict=True) if not np.isnan(one)}


def _correlation(first: Named, second: Named) -> float:
    """NaN where there is none."""
    try:
        return spatial_similarity(first, second)
    except NotEnoughData:
        return float("nan")
