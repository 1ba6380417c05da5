"""Movers: rows that lost more neighbours than the rows around them, at every layer, with their neighbours on both sides."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from core.analyses.base import Run, facing_layers
from core.analyses.embed import Embed, read_the_same
from core.analyses.joint_map import describe_rows, drawn_rows
from core.analyses.places import group_of
from core.data.load import load_sample
from core.errors import SpecInvalid
from core.keys import Result, Spec
from core.maths.movers import HALVES, NEIGHBOURS, neighbourhoods
from core.maths.projection import unit_rows

LEVEL = 0.05
"""Share of false ones among the movers that are named, at most (Benjamini & Hochberg 1995), within a layer."""


@dataclass(frozen=True, kw_only=True)
class Movers(Spec, kind="movers", version=2):
    """Neighbours kept by each word or sentence at every layer, beside what those around it kept."""

    title: ClassVar[str] = "Movers"
    sources: ClassVar[tuple[str, ...]] = ("Benjamini & Hochberg 1995 on many tests", "the measure is Tunescope's own")
    seconds_per_unit: ClassVar[float] = 1.5e-7

    base: Embed
    tuned: Embed
    n_points: int = 2000
    """Rows drawn, the same on both sides; fewer where there are fewer."""
    k: int = NEIGHBOURS
    seed: int = 0

    def validate(self) -> None:
        read_the_same(self.base, self.tuned)
        for name, value, good, use in (
            ("n_points", self.n_points, 50 <= self.n_points <= 10_000, "50 to 10,000"),
            ("k", self.k, 2 <= self.k <= 100, "2 to 100"),
            ("seed", self.seed, 0 <= self.seed < 2**32, "0 or above"),
        ):
            if not good:
                raise SpecInvalid(f"Movers with {name} = {value}.", "Out of range.", f"Use {use}.")

    def cost(self) -> tuple[float, float]:
        """Work in pairs of rows x layers; bytes of overlaps and neighbours."""
        layers = self.base.n_layers
        return float(self.n_points**2) * layers, self.n_points * layers * (4.0 * self.k + 16)


@dataclass(frozen=True, kw_only=True)
class Moved(Result):
    """What each row kept of its neighbourhood. Neighbours are by cosine, the row itself not counted."""

    overlap: np.ndarray
    """Share of the k nearest rows that are nearest on both sides, float32 [base layers, n_points], 0 to 1; the tuned layer is
    the one that faces the base's."""
    around: np.ndarray
    """Mean of the same over a row's k nearest rows in the base, float32 [base layers, n_points], 0 to 1."""
    p_value: np.ndarray
    """That a row like those around it keeps as few, float32 [base layers, n_points], in (0, 1]; the noise is what other sentences
    to be neighbours with would change."""
    false_share: np.ndarray
    """Least share of false ones at which the row would be named a mover of its layer, float32 [base layers, n_points]."""
    base_neighbours: np.ndarray
    """Row numbers, nearest first, int16 [base layers, n_points, k]."""
    tuned_neighbours: np.ndarray
    """int16 [base layers, n_points, k]."""
    points: pd.DataFrame
    """What each row is: text, sentence, and one column a label or number."""
    group: np.ndarray
    """Group of each row: its sentence, or all versions of it together, int32 [n_points]."""
    n_sentences: int
    n_halves: int

    @property
    def is_mover(self) -> np.ndarray:
        """Whether a row kept fewer than those around it, beyond the noise, at a layer, bool [base layers, n_points]."""
        return np.asarray(np.asarray(self.false_share) < LEVEL)

    @property
    def score(self) -> np.ndarray:
        """How much more of its neighbourhood a row lost than those around it, float32 [base layers, n_points], -1 to 1."""
        return np.asarray(np.asarray(self.around) - np.asarray(self.overlap))

    def nearest(self, layer: int) -> tuple[np.ndarray, np.ndarray]:
        """Row numbers of each row's neighbours in base and in tuned, nearest first, int16 [n_points, k] each."""
        return np.asarray(self.base_neighbours[layer]), np.asarray(self.tuned_neighbours[layer])

    @property
    def k(self) -> int:
        """Neighbours of each row."""
        return int(self.base_neighbours.shape[2])


def compute(spec: Movers, inputs: dict[str, Any], run: Run) -> Moved:
    """Compare layer by layer. Raises NotEnoughData for too few rows or sentences."""
    from scipy.stats import false_discovery_control

    base, tuned = inputs["base"], inputs["tuned"]
    facing = facing_layers(len(base.layers) - 1, len(tuned.layers) - 1)
    in_base, in_tuned = drawn_rows(base, tuned, spec.n_points, spec.seed)
    examples = load_sample(spec.base.sample)
    group = group_of(examples, base.sentence[in_base])
    found = []
    for layer, before in enumerate(base.layers):
        run.step(layer, len(base.layers), "layers")
        X = unit_rows(np.asarray(before[in_base], np.float32))
        Y = unit_rows(np.asarray(tuned.layers[facing[layer]][in_tuned], np.float32))
        found.append(neighbourhoods(X, Y, k=spec.k, groups=group, seed=spec.seed))
    run.step(len(base.layers), len(base.layers), "layers")
    return Moved(
        overlap=np.stack([one.overlap for one in found]).astype(np.float32),
        around=np.stack([one.around for one in found]).astype(np.float32),
        p_value=np.stack([one.p_value for one in found]).astype(np.float32),
        false_share=np.stack([false_discovery_control(one.p_value) for one in found]).astype(np.float32),
        base_neighbours=np.stack([one.base for one in found]).astype(np.int16),  # 10,000 rows at most
        tuned_neighbours=np.stack([one.tuned for one in found]).astype(np.int16),
        points=describe_rows(spec.base.sample, base.sentence[in_base], base.word[in_base]),
        group=group.astype(np.int32),
        n_sentences=len(np.unique(base.sentence[in_base])),
        n_halves=HALVES,
    )
