"""The same UMAP under several seeds, on one graph: what of the picture is the data's, and what the seed's."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.base import Run
from core.analyses.joint_umap import N_EPOCHS, TRUST_NEIGHBOURS, JointUmap, layer_rows, placed, shared_graph
from core.errors import SpecInvalid
from core.keys import Result
from core.maths.movers import nearest, shared_share
from core.maths.projection import turned_onto


@dataclass(frozen=True, kw_only=True)
class UmapSeeds(JointUmap, kind="umap_seeds"):
    """UMAP of one layer, laid out again and again: rows and graph are those of `seed`, layouts of `seed` and those after it."""

    title: ClassVar[str] = "Maps under several seeds (joint UMAP)"
    sources: ClassVar[tuple[str, ...]] = ("McInnes et al. 2018 (UMAP)",)

    n_seeds: int = 3

    def validate(self) -> None:
        super().validate()
        if not (2 <= self.n_seeds <= 10 and self.seed + self.n_seeds <= 2**32):
            raise SpecInvalid(f"Maps under {self.n_seeds} seeds.", "Out of range.", "Use 2 to 10.")

    def cost(self) -> tuple[float, float]:
        """Work in points of both sides and all seeds; bytes of the coordinates and the text."""
        work, n_bytes = super().cost()
        return self.n_seeds * work, self.n_seeds * n_bytes


@dataclass(frozen=True, kw_only=True)
class SeededMaps(Result):
    """Maps that differ by their seed alone, each turned onto the first, which is JointUmap's of the same settings."""

    base: np.ndarray
    """float32 [n_seeds, n_points, 2]."""
    tuned: np.ndarray
    """float32 [n_seeds, n_points, 2]; the same word or sentence in each row."""
    kept: np.ndarray
    """Share of each point's n_kept nearest points of its side on a map that are its nearest under another seed too, mean over
    pairs of seeds, float32 [2 (base, tuned), n_points], 0 to 1."""
    trust: np.ndarray
    """Trustworthiness of each map, 0 to 1: 1 = neighbours on the map are neighbours in the layer [2, n_seeds]."""
    n_kept: int
    n_trust: int
    n_epochs: int
    points: pd.DataFrame
    """What each row is: text, sentence, and one column a label or number."""


def compute(spec: UmapSeeds, inputs: dict[str, Any], run: Run) -> SeededMaps:
    """Lay out once a seed. Raises as JointUmap."""
    rows = layer_rows(spec, inputs)
    reduced, graph = shared_graph(rows.base, rows.tuned, spec.n_neighbors, run)
    drawn: list[NDArray[np.float32]] = []
    for at in range(spec.n_seeds):
        run.step(at, spec.n_seeds, "seeds")
        one = placed(reduced, graph, min_dist=spec.min_dist, seed=spec.seed + at, init="pca")
        drawn.append(one if at == 0 else turned_onto(one, drawn[0]).astype(np.float32))
    run.step(spec.n_seeds, spec.n_seeds, "seeds")
    n = len(rows.base)
    sides = np.stack([[one[:n] for one in drawn], [one[n:] for one in drawn]])
    return SeededMaps(
        base=sides[0],
        tuned=sides[1],
        kept=np.stack([kept_on_maps(side) for side in sides]).astype(np.float32),
        trust=np.array([rows.trust(one) for one in drawn]).T,
        n_kept=TRUST_NEIGHBOURS,
        n_trust=TRUST_NEIGHBOURS,
        n_epochs=N_EPOCHS,
        points=rows.points,
    )


def kept_on_maps(maps: NDArray[np.float32]) -> NDArray[np.float64]:
    """Of each point's nearest on a map, the share that are nearest on another one too, mean over pairs of maps.

    Args:
        maps: the same points on each [n_maps, n_points, 2].
    Returns:
        [n_points], 0 to 1; maps that were only turned, mirrored or grown keep all.
    """
    near = [nearest(one, TRUST_NEIGHBOURS) for one in maps]
    return np.mean([shared_share(first, second) for first, second in combinations(near, 2)], axis=0)
