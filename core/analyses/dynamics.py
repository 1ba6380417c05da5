"""What a run does to each layer, step by step: how alike it stays to its start, how far rows move, how crowded they become."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.base import Run, spread
from core.analyses.places import group_of
from core.analyses.steps import OverSteps, Stepped, numbers_of
from core.data.load import load_sample
from core.errors import NotEnoughData
from core.keys import Result
from core.maths.geometry import mean_cosine_interval
from core.maths.isotropy import isoscore_left_out
from core.maths.similarity import cka_jackknife
from core.maths.statistics import Estimate, group_folds, jackknife

ALIKE, MOVED, CROWDED, EVEN = MEASURES = ("similarity to the start", "distance moved", "mean cosine", "IsoScore")
"""Linear CKA with the base, debiased (1 = the same space but for rotation and scale); mean length of a row's displacement, in mean
row lengths of the base's layer; mean cosine of rows from different sentences (1 = all one direction); IsoScore (1 = spread
evenly over all directions)."""
_ASKED = "Following a run step by step."


@dataclass(frozen=True, kw_only=True)
class Dynamics(OverSteps, kind="dynamics"):
    """Measures of every layer at every step of a run that was kept, all in one reading."""

    title: ClassVar[str] = "Layers over training"
    sources: ClassVar[tuple[str, ...]] = (
        "Zhou & Srikumar 2022, arXiv 2106.14282",
        "Kass & Raftery 1995 on where a curve bends",
    )
    seconds_per_unit: ClassVar[float] = 8e-5

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers, all steps together; a small table."""
        return self.base.cost()[0] * (1 + len(self.steps)), 1e4 + 2e3 * len(self.steps)


@dataclass(frozen=True, kw_only=True)
class LayersOverSteps(Result):
    """Measures of layers over steps."""

    numbers: tuple[int, ...]
    """Training step of each, 0 = the base, first."""
    measures: pd.DataFrame
    """step (training step), layer, measure (of MEASURES), value, low, high, error (standard error), a row each; 95 % intervals over
    20 groups of sentences. No row where a measure has no answer, as where all rows of a layer are equal."""
    n_rows: int
    n_sentences: int


def compute(spec: Dynamics, inputs: dict[str, Any], run: Run) -> LayersOverSteps:
    """Measure layer by layer.

    Raises:
        IncompatibleRefs: steps of other words or another shape than the base.
        NotEnoughData: under 4 sentences.
        CheckpointDamaged: states that are no numbers.
    """
    held = Stepped(inputs, len(spec.steps), _ASKED)
    sentence = held.base.sentence[held.in_base]
    groups = group_of(load_sample(spec.base.sample), sentence)
    folds, numbers = group_folds(groups), (0, *numbers_of(spec.steps))

    def of_layer(layer: int) -> list[dict[str, Any]]:
        sides = held.vectors(layer)
        rows = []
        for number, side in zip(numbers, sides, strict=True):
            run.check()
            for measure, one in _measured(sides[0], side, groups, folds).items():
                rows.append({
                    "step": number, "layer": layer, "measure": measure, "value": one.value, "low": one.low, "high": one.high,
                    "error": one.standard_error,
                })  # fmt: skip
        return rows

    found = spread(run, [partial(of_layer, layer) for layer in range(held.depth)], "layers")
    return LayersOverSteps(
        numbers=numbers,
        measures=pd.DataFrame([row for rows in found for row in rows]),
        n_rows=len(sentence),
        n_sentences=len(np.unique(sentence)),
    )


def _measured(
    start: NDArray[np.float32], now: NDArray[np.float32], groups: NDArray[np.int64], folds: NDArray[np.intp]
) -> dict[str, Estimate]:
    """Each measure that has an answer."""
    found = {MOVED: _moved(start, now, folds), CROWDED: mean_cosine_interval(now, groups)}
    if (start != start[0]).any() and (now != now[0]).any():
        found[ALIKE] = cka_jackknife(start, now, folds=folds)
        try:
            left_out = isoscore_left_out(now, folds)
            found[EVEN] = jackknife(float(left_out[0]), left_out[1:], n=len(now))
        except NotEnoughData:
            pass  # too few rows for so many directions: this measure has no answer
    return found


def _moved(start: NDArray[np.float32], now: NDArray[np.float32], folds: NDArray[np.intp]) -> Estimate:
    """Mean length of the displacements, in mean row lengths of the start."""
    away = np.linalg.norm((now - start).astype(np.float64), axis=1)
    long = np.linalg.norm(start.astype(np.float64), axis=1)
    sums = np.stack([np.bincount(folds, weights=one) for one in (away, long)])
    whole = sums.sum(axis=1)
    left_out = whole[:, None] - sums
    return jackknife(float(whole[0] / whole[1]), left_out[0] / left_out[1], n=len(start))
