"""Base against tuned by DirectProbe: which labels moved apart, and do they lie to each other as before?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import Run, facing_layers
from core.analyses.direct_probe import LEAST_POINTS, DirectProbe, LabelHulls
from core.errors import IncompatibleRefs, NotEnoughData
from core.keys import Result, Spec
from core.maths.statistics import Estimate, half_interval

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class DirectProbeChange(Spec, kind="direct_probe_change"):
    """Distance of each label to its nearest other label, tuned minus base, on the same rows."""

    title: ClassVar[str] = "Change of label distances"
    sources: ClassVar[tuple[str, ...]] = (
        "Zhou & Srikumar 2021 (DirectProbe)",
        "Zhou & Srikumar 2022, arXiv 2106.14282",
    )
    seconds_per_unit: ClassVar[float] = 0.3

    base: DirectProbe
    tuned: DirectProbe

    def validate(self) -> None:
        one, other = self.base, self.tuned
        if one.embed.sample != other.embed.sample or one.replace(embed=other.embed) != other:
            raise IncompatibleRefs("Comparing label distances.", "They read other rows or labels.", "Read the same.")


@dataclass(frozen=True, kw_only=True)
class LabelHullChanges(Result):
    """Distances to the nearest other label as shares of the mean length of the layer's rows less their mean, so that a space
    that only grew shows no change; one entry a base layer, the tuned side is the layer that faces it. Intervals: what another
    sample of as many sentences would give, by a delete-half jackknife. None at a layer without spread."""

    labels: tuple[str, ...]
    """Those with at least 6 rows."""
    counts: tuple[int, ...]
    base: tuple[tuple[Estimate | None, ...], ...]
    """Distance of a label's hull to the nearest other label's, >= 0, [layers][labels]."""
    tuned: tuple[tuple[Estimate | None, ...], ...]
    """The same after tuning."""
    difference: tuple[tuple[Estimate | None, ...], ...]
    """Tuned minus base, paired over the same halves; above 0 = further apart."""
    base_units: np.ndarray
    """Distances in the units of the vectors, float64 [layers, labels]."""
    tuned_units: np.ndarray
    """The same after tuning."""
    base_control: np.ndarray
    """Distances, as shares, of the control task's label that is as common, float64 [layers, labels]."""
    tuned_control: np.ndarray
    """The same after tuning."""
    mean_base: tuple[Estimate | None, ...]
    """Mean of base over the labels that all halves have, per layer."""
    mean_tuned: tuple[Estimate | None, ...]
    """The same after tuning."""
    mean_difference: tuple[Estimate | None, ...]
    """Mean of difference over these labels, per layer."""
    n_in_mean: int
    """Labels that all halves have."""


def compute(spec: DirectProbeChange, inputs: dict[str, Any], run: Run) -> LabelHullChanges:
    """Subtract. Raises IncompatibleRefs where tokenizers left other rows, NotEnoughData under two labels of 6 rows."""
    base: LabelHulls = inputs["base"]
    tuned: LabelHulls = inputs["tuned"]
    refuse_other_rows(base, tuned)
    run.step(0, 2, "comparisons")
    kept = np.flatnonzero(np.array(base.counts) >= LEAST_POINTS)
    if len(kept) < 2:
        raise NotEnoughData(
            "Comparing label distances.",
            f"{len(kept)} of {len(base.labels)} labels have {LEAST_POINTS} rows or more.",
            "Take more sentences.",
        )
    facing = facing_layers(len(base.n_clusters) - 1, len(tuned.n_clusters) - 1)
    one, other = _near(base, range(len(facing)), kept), _near(tuned, facing, kept)
    in_mean = one.is_in_halves & other.is_in_halves
    run.step(1, 2, "comparisons")
    differences = other.whole - one.whole, other.halves - one.halves
    n = base.n_sentences
    return LabelHullChanges(
        labels=tuple(base.labels[at] for at in kept),
        counts=tuple(base.counts[at] for at in kept),
        base=_intervals(one.whole, one.halves, n),
        tuned=_intervals(other.whole, other.halves, n),
        difference=_intervals(*differences, n),
        base_units=one.units,
        tuned_units=other.units,
        base_control=one.control,
        tuned_control=other.control,
        mean_base=_means(one.whole, one.halves, in_mean, n),
        mean_tuned=_means(other.whole, other.halves, in_mean, n),
        mean_difference=_means(*differences, in_mean, n),
        n_in_mean=int(in_mean.sum()),
    )


def refuse_other_rows(base: LabelHulls, tuned: LabelHulls) -> None:
    """Raise IncompatibleRefs unless both hold the same rows with the same labels."""
    if base.labels != tuned.labels or not (
        np.array_equal(base.sentence, tuned.sentence) and np.array_equal(base.label, tuned.label)
    ):
        raise IncompatibleRefs(
            "Comparing label distances.",
            f"The tokenizers keep other rows: base {len(base.sentence):,}, tuned {len(tuned.sentence):,}.",
            "Let sentences be cut later, or choose text that both can read.",
        )


@dataclass(frozen=True)
class _Near:
    """Distances to the nearest other label of one side, of the layers compared and the labels kept."""

    units: Floats
    """[layers, labels]."""
    whole: Floats
    """As shares of the mean length, NaN at a layer without spread [layers, labels]."""
    halves: Floats
    """[layers, halves, labels]."""
    control: Floats
    """[layers, labels]."""
    is_in_halves: NDArray[np.bool_]
    """Labels that every half has [labels]."""


def _near(held: LabelHulls, layers: Sequence[int], kept: NDArray[np.intp]) -> _Near:
    at = list(layers)
    length = np.where(held.mean_norm > 0, held.mean_norm, np.nan)[at]
    units, halves = held.nearest(held.distances)[at][:, kept], held.nearest(held.half_distances)[at][:, :, kept]
    return _Near(
        units=units,
        whole=units / length[:, None],
        halves=halves / length[:, None, None],
        control=held.nearest(held.control_distances)[at][:, kept] / length[:, None],
        is_in_halves=np.array(~np.isnan(halves).any(axis=(0, 1))),
    )


def _intervals(values: Floats, halves: Floats, n: int) -> tuple[tuple[Estimate | None, ...], ...]:
    """values [layers, labels], halves [layers, halves, labels]."""
    return tuple(
        tuple(_interval(value, own, n) for value, own in zip(of_layer, of_halves.T, strict=True))
        for of_layer, of_halves in zip(values, halves, strict=True)
    )


def _means(values: Floats, halves: Floats, chosen: NDArray[np.bool_], n: int) -> tuple[Estimate | None, ...]:
    """Over the labels chosen, so that every half averages the same ones."""
    if not chosen.any():
        return (None,) * len(values)
    means = zip(values[:, chosen].mean(axis=1), halves[:, :, chosen].mean(axis=2), strict=True)
    return tuple(_interval(value, own, n) for value, own in means)


def _interval(value: float, halves: Floats, n: int) -> Estimate | None:
    if np.isnan(value):
        return None
    known = halves[~np.isnan(halves)]
    if len(known) < len(halves):  # too rare to be in every half: nothing is known of its spread
        return Estimate(float(value), -np.inf, np.inf, np.inf, n, len(known))
    return half_interval(float(value), known, n=n)
