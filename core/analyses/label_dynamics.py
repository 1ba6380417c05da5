"""Where labels lie at each step of a run: how far apart, on which paths, and whether they still lie to each other as they did."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import Run, spread
from core.analyses.direct_probe import LEAST_POINTS, drawn_groups, halves_of, hull_distances_of, nearest_of, standing_in
from core.analyses.probe import control_of
from core.analyses.spatial_similarity import interval
from core.analyses.steps import OverSteps, Stepped, numbers_of
from core.analyses.units import labelled_rows
from core.data.load import load_sample
from core.errors import NotEnoughData
from core.keys import Result
from core.maths.directprobe import spatial_similarity
from core.maths.statistics import Estimate, group_folds

_ASKED = "Following labels step by step."


@dataclass(frozen=True, kw_only=True)
class LabelDynamics(OverSteps, kind="label_dynamics"):
    """Hulls and centres of labels, on every layer at every step of a run that was kept, all in one reading."""

    title: ClassVar[str] = "Labels over training"
    sources: ClassVar[tuple[str, ...]] = ("Zhou & Srikumar 2022, arXiv 2106.14282",)
    seconds_per_unit: ClassVar[float] = 1.2e-3

    label: str
    n_rows: int = 1000
    """Rows at most: whole sentences are drawn, with seed 0, until there are so many."""

    def cost(self) -> tuple[float, float]:
        """Work in rows x layers x steps; some kilobytes a step."""
        work = self.base.n_layers * (1 + len(self.steps)) * float(self.n_rows)
        return work, 2e4 * self.base.n_layers * (1 + len(self.steps)) / 7


@dataclass(frozen=True, kw_only=True)
class LabelsOverSteps(Result):
    """Labels of at least 6 rows; the base first among the steps."""

    numbers: tuple[int, ...]
    """Training step of each, 0 = the base, first."""
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    """Rows of each label."""
    rare_labels: tuple[str, ...]
    """Those of fewer rows, which are left out."""
    nearest: np.ndarray
    """Distance of each label's hull to the nearest other, in mean row lengths (rows less their mean) of that step's layer, 0 =
    overlapping, float64 [steps, layers, labels]."""
    half_nearest: np.ndarray
    """The same in random halves of the sentences, the same halves at each step, NaN where a half lacks a label, float64 [steps,
    layers, halves, labels]."""
    control: np.ndarray
    """The same distance of the control task's labels (one random label a word type, or shuffled labels of sentences), which are as
    many and about as common, mean over labels, float64 [steps, layers]."""
    control_kind: str
    similarity: tuple[tuple[Estimate | None, ...], ...]
    """[steps][layers]: Pearson correlation of all pairs' hull distances with those of the base, 1 = labels lie to each other as
    they did; interval by leaving out each label. None where some hulls overlap on either side, or under three pairs."""
    centres: np.ndarray
    """Centre of each label, in mean row lengths of the base's layer, turned onto axes that hold all centres of a layer exactly,
    float16 [layers, steps, labels, axes]. Axes of two layers have nothing in common."""
    centre_errors: np.ndarray
    """Standard error of each centre: the root of the mean square of how far it may lie off, in all directions together, by a
    jackknife over groups of sentences, in the same units, float64 [layers, steps, labels]. In a plane it is less."""
    n_rows: int
    n_sentences: int


def compute(spec: LabelDynamics, inputs: dict[str, Any], run: Run) -> LabelsOverSteps:
    """Measure layer by layer.

    Raises:
        IncompatibleRefs: steps of other words or another shape than the base.
        NotEnoughData: fewer than two labels of 6 rows, or under 4 sentences.
        CheckpointDamaged: states that are no numbers.
    """
    held = Stepped(inputs, len(spec.steps), _ASKED)
    base = replace(held.base, sentence=held.base.sentence[held.in_base], word=held.base.word[held.in_base])
    rows = labelled_rows(load_sample(spec.base.sample), base, spec.base.unit, spec.label)
    chosen = drawn_groups(rows.group, spec.n_rows, seed=0)
    names, counts = np.unique(rows.labels[chosen], return_counts=True)
    kept, rare = names[counts >= LEAST_POINTS], names[counts < LEAST_POINTS]
    if len(kept) < 2:
        raise NotEnoughData(
            _ASKED, f"{len(kept)} of {len(names)} labels have {LEAST_POINTS} rows.", "Take more sentences."
        )
    chosen = chosen[np.isin(rows.labels[chosen], kept)]
    label = np.searchsorted(kept, rows.labels[chosen])
    control = standing_in(control_of(rows, np.unique(rows.labels), 0)[chosen], label)
    folds, halves = group_folds(rows.group[chosen]), halves_of(rows.group[chosen], 0)

    def of_layer(layer: int) -> dict[str, Any]:
        sides = [rows.vectors(side)[chosen].astype(np.float64) for side in held.vectors(layer)]
        return _hulls(sides, label, control, halves, run) | _centres(sides, label, folds)

    found = spread(run, [partial(of_layer, layer) for layer in range(held.depth)], "layers")
    return LabelsOverSteps(
        numbers=(0, *numbers_of(spec.steps)),
        labels=tuple(kept.tolist()),
        counts=tuple(np.bincount(label).tolist()),
        rare_labels=tuple(rare.tolist()),
        nearest=np.stack([one["nearest"] for one in found], axis=1),
        half_nearest=np.stack([one["half_nearest"] for one in found], axis=1),
        control=np.stack([one["control"] for one in found], axis=1),
        control_kind=rows.control_kind,
        similarity=tuple(zip(*(one["similarity"] for one in found), strict=True)),
        centres=np.stack([one["centres"] for one in found]).astype(np.float16),
        centre_errors=np.stack([one["centre_errors"] for one in found]),
        n_rows=len(chosen),
        n_sentences=len(np.unique(rows.sentence[chosen])),
    )


def _hulls(
    sides: list[NDArray[np.float64]],
    label: NDArray[np.intp],
    control: NDArray[np.intp],
    halves: list[NDArray[np.intp]],
    run: Run,
) -> dict[str, Any]:
    """Distances of hulls at each step of one layer."""
    n_labels = int(label.max()) + 1
    pairs = list(combinations(range(n_labels), 2))
    nearest, half_nearest, of_control, each = [], [], [], []
    stands_in = control >= 0
    for side in sides:
        run.check()
        unit = float(np.linalg.norm(side - side.mean(axis=0), axis=1).mean()) or 1.0
        distances = hull_distances_of(side, label, n_labels) / unit
        in_halves = [hull_distances_of(side[half], label[half], n_labels) / unit for half in halves]
        nearest.append(nearest_of(distances, n_labels))
        other = hull_distances_of(side[stands_in], control[stands_in], n_labels) / unit
        of_control.append(float(np.nanmean(nearest_of(other, n_labels))))
        half_nearest.append(nearest_of(np.stack(in_halves), n_labels))
        each.append(dict(zip(pairs, distances.tolist(), strict=True)))
    return {
        "nearest": np.stack(nearest),
        "half_nearest": np.stack(half_nearest),
        "control": np.array(of_control),
        "similarity": [_alike(each[0], one, n_labels) for one in each],
    }


def _alike(first: dict[tuple[int, int], float], second: dict[tuple[int, int], float], n_labels: int) -> Estimate | None:
    """Correlation of two steps' distances, None where it is not defined."""
    if min(first.values()) <= 0 or min(second.values()) <= 0:
        return None
    without = np.full(n_labels, np.nan)
    try:
        value = spatial_similarity(first, second)
    except NotEnoughData:
        return None
    for out in range(n_labels):
        try:
            without[out] = spatial_similarity({pair: d for pair, d in first.items() if out not in pair}, second)
        except NotEnoughData:
            continue
    return interval(value, without, len(first))


def _centres(sides: list[NDArray[np.float64]], label: NDArray[np.intp], folds: NDArray[np.intp]) -> dict[str, Any]:
    """Centres of labels at each step of one layer."""
    n_labels, n_folds, width = int(label.max()) + 1, int(folds.max()) + 1, sides[0].shape[1]
    unit = float(np.linalg.norm(sides[0], axis=1).mean()) or 1.0
    counts = np.zeros((n_folds, n_labels))
    np.add.at(counts, (folds, label), 1.0)
    centres, errors = np.zeros((len(sides), n_labels, width)), np.zeros((len(sides), n_labels))
    for at, side in enumerate(sides):
        sums = np.zeros((n_folds, n_labels, width))
        np.add.at(sums, (folds, label), side / unit)
        centres[at] = sums.sum(axis=0) / counts.sum(axis=0)[:, None]
        errors[at] = _errors(sums, counts)
    flat = centres.reshape(-1, width)
    middle = flat.mean(axis=0)
    axes = np.linalg.svd(flat - middle, full_matrices=False)[2]
    axes *= np.where(axes.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)  # one sign, whatever the library's
    # As many axes in every layer: the centres of all steps and labels span no more.
    return {"centres": (centres - middle) @ axes.T, "centre_errors": errors}


def _errors(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard errors of means, all directions together, from sums [folds, labels, d] and rows [folds, labels]; folds without a
    label's rows say nothing of it."""
    found = []
    for own, n in zip(sums.transpose(1, 0, 2), counts.T, strict=True):
        there = n > 0
        if there.sum() < 2:
            found.append(np.nan)
            continue
        without = (own[there].sum(axis=0) - own[there]) / (n.sum() - n[there])[:, None]
        away = without - without.mean(axis=0)
        found.append(np.sqrt((there.sum() - 1) / there.sum() * np.sum(away**2)))
    return np.array(found)
