"""UMAP of one layer at several steps of a run, or of several tunings: maps that begin from one map of the base, so that a move is
a move.

Each map goes on from the same common map as the base's own does, not from the step before: a space that tuning left alone is drawn
as the base is, however many steps lie between.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from core.analyses.base import Run, facing_layers
from core.analyses.embed import Embeddings
from core.analyses.joint_map import describe_rows, drawn_rows
from core.analyses.joint_umap import TRUST_NEIGHBOURS
from core.analyses.layouts import refuse_odd_layout
from core.analyses.map_chain import HALF_EPOCHS, Side, from_one_map, space_of
from core.analyses.steps import OverSteps
from core.errors import IncompatibleRefs, NotEnoughData, SpecInvalid
from core.keys import Result


@dataclass(frozen=True, kw_only=True)
class MapSteps(OverSteps, kind="map_steps"):
    """UMAP of a layer of the base and of the same layer at each step of its tuning, or of each of several tunings."""

    title: ClassVar[str] = "Maps of steps or tunings (chain of UMAPs)"
    sources: ClassVar[tuple[str, ...]] = ("McInnes et al. 2018 (UMAP)",)
    seconds_per_unit: ClassVar[float] = 1e-3

    layer: int
    """Of the base; of each step, the one that faces it."""
    n_points: int = 1000
    """Rows drawn, the same at each step; fewer where there are fewer."""
    n_neighbors: int = 15
    """Of each point, itself counted."""
    min_dist: float = 0.1
    metric: Literal["euclidean", "cosine"] = "cosine"
    seed: int = 0

    def validate(self) -> None:
        super().validate()
        refuse_odd_layout(self, "Maps of steps or tunings")

    def cost(self) -> tuple[float, float]:
        """Work in points of all maps; bytes of the coordinates, of trust, and of the text."""
        n_maps = 1 + len(self.steps)
        return float(self.n_points * n_maps), self.n_points * (10.0 * n_maps + 200)


@dataclass(frozen=True, kw_only=True)
class SteppedMaps(Result):
    """One map of the base and one a step. Axes have no unit: every map is centred, and its points lie 1 from the centre on the
    mean (root of the mean square). Maps are turned, never bent, to lie on the base's."""

    maps: np.ndarray
    """float32 [1 + steps, n_points, 2], the base first; the same row in each place."""
    point_trust: np.ndarray
    """Trustworthiness of each point on its map, at most 1 = best, float16 [1 + steps, n_points]."""
    trust: np.ndarray
    """Its mean over points, 0 to 1 [1 + steps]."""
    continuity: np.ndarray
    """0 to 1 [1 + steps]: 1 = neighbours in the layer are neighbours on the map."""
    n_trust: int
    n_epochs: int
    points: pd.DataFrame
    """What each row is: text, sentence, and one column a label or number."""


def compute(spec: MapSteps, inputs: dict[str, Any], run: Run) -> SteppedMaps:
    """Lay out step by step.

    Raises SpecInvalid for a layer that is not there, IncompatibleRefs where steps read other rows, NotEnoughData for too few.
    """
    base: Embeddings = inputs["base"]
    steps: list[Embeddings] = [inputs[f"step.{at}"] for at in range(len(spec.steps))]
    if spec.layer >= len(base.layers):
        raise SpecInvalid(f"Maps of layer {spec.layer}.", "The base has no such layer.", "Choose a lower one.")
    first = steps[0]
    for one in steps:
        if not (np.array_equal(one.sentence, first.sentence) and np.array_equal(one.word, first.word)):
            raise IncompatibleRefs(
                "Maps of steps or tunings.",
                "Not all of them read the same words: their tokenizers cut or lose others.",
                "Use the steps of one run, or tunings that share a tokenizer.",
            )
    in_base, in_step = drawn_rows(base, first, spec.n_points, spec.seed)
    if len(in_base) <= max(2 * TRUST_NEIGHBOURS, spec.n_neighbors):
        raise NotEnoughData(f"Maps of {len(in_base)} points.", "Too few.", "Take more sentences.")
    facing = [facing_layers(len(base.layers) - 1, len(one.layers) - 1)[spec.layer] for one in steps]
    further = (one.layers[layer][in_step] for one, layer in zip(steps, facing, strict=True))
    rows = [base.layers[spec.layer][in_base], *further]
    run.step(0, len(rows), "maps")
    spaces = [space_of(np.asarray(one, np.float32), spec, run.device) for one in rows]
    drawn = from_one_map(spaces, None, spec, on_map=lambda at: run.step(at, len(spaces), "maps"))
    chain = Side()
    for space, placed in zip(spaces, drawn, strict=True):
        run.check()
        chain.add(space, placed)
    run.step(len(spaces), len(spaces), "maps")
    return SteppedMaps(
        maps=np.stack(chain.maps),
        point_trust=np.array(chain.trust).astype(np.float16),
        trust=np.array(chain.trust).mean(axis=1),
        continuity=np.array(chain.continuity),
        n_trust=TRUST_NEIGHBOURS,
        n_epochs=2 * HALF_EPOCHS,
        points=describe_rows(spec.base.sample, base.sentence[in_base], base.word[in_base]),
    )
