"""UMAP of both sides of one layer in one joint fit: neighbourhoods rather than axes, with how far they can be trusted."""

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.base import Run, facing_layers
from core.analyses.embed import Embed, read_the_same
from core.analyses.joint_map import describe_rows, drawn_rows, same_width
from core.analyses.layouts import refuse_odd_layout
from core.errors import NotEnoughData, SpecInvalid
from core.keys import Result, Spec
from core.maths.geometry import joint_pca
from core.maths.projection import exact_knn, trustworthiness, unit_rows

N_COMPONENTS = 50
"""Principal components of both sides together that neighbours are sought in."""
N_EPOCHS = 200
"""Passes over the graph; UMAP's own default is 500 below 10,000 points."""
TRUST_NEIGHBOURS = 15
"""Neighbours on the map whose place in the layer is checked."""


@dataclass(frozen=True, kw_only=True)
class JointUmap(Spec, kind="joint_umap", version=2):
    """UMAP of base and tuned rows of one layer together."""

    title: ClassVar[str] = "Map (joint UMAP)"
    sources: ClassVar[tuple[str, ...]] = ("McInnes et al. 2018 (UMAP)",)
    seconds_per_unit: ClassVar[float] = 4e-3

    base: Embed
    tuned: Embed
    layer: int
    """Of the base; of the tuned side, the one that faces it."""
    n_points: int = 1500
    """Rows drawn per side, the same on both; fewer where there are fewer."""
    n_neighbors: int = 15
    """Of each point, itself counted: few = local clumps, many = the coarse shape."""
    min_dist: float = 0.1
    """How close points may lie on the map."""
    metric: Literal["euclidean", "cosine"] = "euclidean"
    """cosine: rows are brought to unit length first, which gives the same neighbours."""
    seed: int = 0

    def validate(self) -> None:
        read_the_same(self.base, self.tuned)
        refuse_odd_layout(self, "A UMAP")

    def cost(self) -> tuple[float, float]:
        """Work in points of both sides; bytes of the coordinates and the text."""
        return 2.0 * self.n_points, self.n_points * 200.0


@dataclass(frozen=True, kw_only=True)
class LaidOut(Result):
    """Coordinates of both sides on one map. Its axes have no unit, and distances between clumps little meaning."""

    base: np.ndarray
    """float32 [n_points, 2]."""
    tuned: np.ndarray
    """float32 [n_points, 2]; the same word or sentence in each row."""
    base_trust: float
    """Trustworthiness of the base side, 0 to 1: 1 = neighbours on the map are neighbours in the layer."""
    tuned_trust: float
    """The same for the tuned side."""
    n_trust: int
    """Neighbours that trustworthiness looks at."""
    n_epochs: int
    points: pd.DataFrame
    """What each row is: text, sentence, and one column a label or number."""


@dataclass(frozen=True, kw_only=True)
class LayerRows:
    """Rows of both sides that one map is drawn of, the same word or sentence in each place."""

    base: NDArray[np.float32]
    """[n_points, width]; of unit length for cosine neighbours."""
    tuned: NDArray[np.float32]
    points: pd.DataFrame
    """What each row is."""

    def trust(self, drawn: NDArray[np.float32]) -> tuple[float, float]:
        """Trustworthiness of each side's half of a map [2 n_points, 2], base first."""
        sides = (self.base, drawn[: len(self.base)]), (self.tuned, drawn[len(self.base) :])
        base, tuned = (trustworthiness(X, Y, k=TRUST_NEIGHBOURS) for X, Y in sides)
        return base, tuned


def layer_rows(spec: Any, inputs: dict[str, Any]) -> LayerRows:
    """The rows of a spec with base, tuned, layer, n_points, metric and seed.

    Raises IncompatibleRefs for unequal widths, SpecInvalid for a layer that is not there, NotEnoughData for too few rows.
    """
    base, tuned = inputs["base"], inputs["tuned"]
    if spec.layer >= len(base.layers):
        raise SpecInvalid(f"A map of layer {spec.layer}.", "The base has no such layer.", "Choose a lower one.")
    same_width(base, tuned)
    other = facing_layers(len(base.layers) - 1, len(tuned.layers) - 1)[spec.layer]
    in_base, in_tuned = drawn_rows(base, tuned, spec.n_points, spec.seed)
    first, second = (
        np.asarray(side.layers[layer][rows], np.float32)
        for side, layer, rows in ((base, spec.layer, in_base), (tuned, other, in_tuned))
    )
    if len(first) <= 2 * TRUST_NEIGHBOURS:
        raise NotEnoughData(f"A map of {len(first)} points a side.", "Too few.", "Take more sentences.")
    if spec.metric == "cosine":
        first, second = unit_rows(first), unit_rows(second)
    return LayerRows(
        base=first,
        tuned=second,
        points=describe_rows(spec.base.sample, base.sentence[in_base], base.word[in_base]),
    )


def compute(spec: JointUmap, inputs: dict[str, Any], run: Run) -> LaidOut:
    """Fit one layer. Raises as layer_rows, NotEnoughData for fewer points than neighbours."""
    rows = layer_rows(spec, inputs)
    run.step(0, 3, "exact neighbours")
    reduced, graph = shared_graph(rows.base, rows.tuned, spec.n_neighbors, run)
    run.step(1, 3, f"layout, {N_EPOCHS} epochs")
    drawn = placed(reduced, graph, min_dist=spec.min_dist, seed=spec.seed, init="pca")
    run.step(2, 3, "trustworthiness")
    trust = rows.trust(drawn)
    run.step(3, 3, "done")
    n = len(rows.base)
    return LaidOut(
        base=drawn[:n],
        tuned=drawn[n:],
        base_trust=trust[0],
        tuned_trust=trust[1],
        n_trust=TRUST_NEIGHBOURS,
        n_epochs=N_EPOCHS,
        points=rows.points,
    )


Graph = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Indices and distances [n, k] of the nearest rows of each row, itself first (exact_knn)."""


def shared_graph(
    first: NDArray[np.float32], second: NDArray[np.float32], n_neighbors: int, run: Run
) -> tuple[NDArray[np.float32], Graph]:
    """Both sides' rows, first above second, in at most 50 joint principal components, and their exact graph of neighbours.

    UMAP searches no neighbours of its own then, which spares its slow compilation; and maps of several seeds or settings
    can stand on one graph.

    Raises:
        NotEnoughData: fewer points than neighbours.
    """
    n = len(first) + len(second)
    if n <= n_neighbors:
        raise NotEnoughData(f"A map with {n_neighbors} neighbours.", f"There are {n} points.", "Ask for fewer.")
    reduced = joint_pca(first, second, n_components=min(N_COMPONENTS, first.shape[1], n))
    rows = np.concatenate([reduced.base, reduced.tuned])
    return rows, exact_knn(rows, n_neighbors, device=run.device, on_step=lambda done, total: run.check())


def placed(
    rows: NDArray[np.float32],
    graph: Graph,
    *,
    min_dist: float,
    seed: int,
    init: str | NDArray[np.float32],
    learning_rate: float = 1.0,
    n_epochs: int = N_EPOCHS,
) -> NDArray[np.float32]:
    """UMAP of rows on their exact graph of neighbours, begun from PCA or from a map of the same rows.

    A seed means one thread; the same seed on the same machine gives the same map.

    Returns:
        float32 [n, 2].
    Cost:
        A first call in a process compiles for some twenty seconds.
    """
    with warnings.catch_warnings():
        # New points are never placed on this map, and a seed is meant to keep it to one thread.
        warnings.filterwarnings("ignore", message="precomputed_knn|n_jobs value 1 overridden")
        from umap import UMAP

        return UMAP(
            n_neighbors=graph[0].shape[1],  # any other, and UMAP drops the graph
            min_dist=min_dist,
            n_epochs=n_epochs,
            init=init,
            learning_rate=learning_rate,
            precomputed_knn=(*graph, None),
            random_state=seed,
            n_jobs=1,
        ).fit_transform(rows)
