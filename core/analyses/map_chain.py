"""UMAP of every layer of both sides as a chain: each map begun from its neighbour's, and turned to lie on it.

Layer by layer a map of the base is laid out from the base's map of the layer below. From this one map both sides then go
on with small steps, each on its own graph: equal spaces end in equal maps, and a space that was only turned, whose graph
differs by rounding, ends near: some .06 to .08 of the map's size away on 600 words or sentences of the built-in suite, where
long steps blow rounding up to .13 to .54. The small steps cost no trustworthiness.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.base import Run, facing_layers
from core.analyses.embed import Embed, read_the_same
from core.analyses.joint_map import describe_rows, drawn_rows
from core.analyses.joint_umap import N_COMPONENTS, N_EPOCHS, TRUST_NEIGHBOURS, placed
from core.analyses.layouts import refuse_odd_layout
from core.errors import NotEnoughData
from core.keys import Result, Spec
from core.maths.projection import continuity, exact_knn, pca, trustworthiness_by_point, turned_onto, unit_rows

SMALL_STEPS = 0.1
"""Learning rate of what both sides go on with; UMAP's own is 1."""
HALF_EPOCHS = N_EPOCHS // 2
"""Of the common map, and again of each side's own."""


class LayoutSettings(Protocol):
    """What a spec says of how its maps are laid out."""

    @property
    def n_neighbors(self) -> int: ...
    @property
    def min_dist(self) -> float: ...
    @property
    def metric(self) -> str: ...
    @property
    def seed(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class MapChain(Spec, kind="map_chain", version=2):
    """UMAP of each layer of both sides, begun from the layer below, tuned laid on base."""

    title: ClassVar[str] = "Maps of all layers (chain of UMAPs)"
    sources: ClassVar[tuple[str, ...]] = ("McInnes et al. 2018 (UMAP)",)
    seconds_per_unit: ClassVar[float] = 1e-3

    base: Embed
    tuned: Embed
    n_points: int = 1000
    """Rows drawn, the same on both sides; fewer where there are fewer."""
    n_neighbors: int = 15
    """Of each point, itself counted."""
    min_dist: float = 0.1
    metric: Literal["euclidean", "cosine"] = "cosine"
    seed: int = 0

    def validate(self) -> None:
        read_the_same(self.base, self.tuned)
        refuse_odd_layout(self, "A chain of maps")

    def cost(self) -> tuple[float, float]:
        """Work in points of both sides x layers; bytes of the coordinates, of trust, and of the text."""
        return 2.0 * self.n_points * self.base.n_layers, self.n_points * (18.0 * self.base.n_layers + 200)


@dataclass(frozen=True, kw_only=True)
class ChainedMaps(Result):
    """One map a layer and side. Axes have no unit: every map is centred, and its points lie 1 from the centre on the mean (root of
    the mean square). Maps are turned, never bent, to lie on each other."""

    base: np.ndarray
    """float32 [base layers, n_points, 2]."""
    tuned: np.ndarray
    """float32 [base layers, n_points, 2], of the tuned layer that each base layer faces; the same row in each place."""
    point_trust: np.ndarray
    """Trustworthiness of each point on its map, at most 1 = best, float16 [2 (base, tuned), base layers, n_points]."""
    trust: np.ndarray
    """Its mean over points, 0 to 1 [2, base layers]."""
    continuity: np.ndarray
    """0 to 1 [2, base layers]: 1 = neighbours in the layer are neighbours on the map."""
    n_trust: int
    n_epochs: int
    points: pd.DataFrame
    """What each row is: text, sentence, and one column a label or number."""


def compute(spec: MapChain, inputs: dict[str, Any], run: Run) -> ChainedMaps:
    """Lay out layer by layer. Raises NotEnoughData for too few points."""
    base, tuned = inputs["base"], inputs["tuned"]
    facing = facing_layers(len(base.layers) - 1, len(tuned.layers) - 1)
    in_base, in_tuned = drawn_rows(base, tuned, spec.n_points, spec.seed)
    if len(in_base) <= max(2 * TRUST_NEIGHBOURS, spec.n_neighbors):
        raise NotEnoughData(f"Maps of {len(in_base)} points.", "Too few.", "Take more sentences.")
    layers = [
        (np.asarray(before[in_base], np.float32), np.asarray(tuned.layers[facing[layer]][in_tuned], np.float32))
        for layer, before in enumerate(base.layers)
    ]
    sides = chained(layers, spec, run)
    return ChainedMaps(
        base=np.stack(sides[0].maps),
        tuned=np.stack(sides[1].maps),
        point_trust=np.array([side.trust for side in sides]).astype(np.float16),
        trust=np.array([side.trust for side in sides]).mean(axis=2),
        continuity=np.array([side.continuity for side in sides]),
        n_trust=TRUST_NEIGHBOURS,
        n_epochs=2 * HALF_EPOCHS,
        points=describe_rows(spec.base.sample, base.sentence[in_base], base.word[in_base]),
    )


@dataclass
class Side:
    """What a chain made of one side so far, one item a layer."""

    maps: list[NDArray[np.float32]] = field(default_factory=list)
    """[n_points, 2]."""
    trust: list[NDArray[np.float64]] = field(default_factory=list)
    """Of each point [n_points]."""
    continuity: list[float] = field(default_factory=list)

    def add(self, space: "Space", drawn: NDArray[np.float32]) -> None:
        """One more map, of this space."""
        self.maps.append(drawn)
        self.trust.append(trustworthiness_by_point(space.rows, drawn, TRUST_NEIGHBOURS))
        self.continuity.append(continuity(space.rows, drawn, TRUST_NEIGHBOURS))


def chained(
    layers: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]], spec: MapChain, run: Run
) -> tuple[Side, Side]:
    """Maps of base and tuned rows, layer by layer.

    Args:
        layers: base and tuned rows [n_points, width] of each layer, aligned.
        spec: settings of the layout.
        run: told of every map, and asked whether to stop.
    """
    sides = Side(), Side()
    below: NDArray[np.float32] | None = None
    for layer, pair in enumerate(layers):
        count = partial(_count, run, 2 * layer, 2 * len(layers))
        count(0)
        spaces = [space_of(rows, spec, run.device) for rows in pair]
        drawn = from_one_map(spaces, below, spec, on_map=count)
        for side, space, one in zip(sides, spaces, drawn, strict=True):
            side.add(space, one)
        below = drawn[0] if _is_spread(drawn[0]) else None
    run.step(2 * len(layers), 2 * len(layers), "maps")
    return sides


def _count(run: Run, before: int, total: int, at: int) -> None:
    run.step(before + at, total, "maps")


@dataclass(frozen=True)
class Space:
    """The rows of one layer of one side."""

    rows: NDArray[np.float32]
    """In which trust is measured; of unit length for cosine neighbours."""
    reduced: NDArray[np.float32]
    """Principal components that neighbours are sought in."""
    graph: tuple[NDArray[np.int32], NDArray[np.float32]]

    @property
    def is_point(self) -> bool:
        """Whether all rows are equal: such a layer has no map."""
        return not _is_spread(self.rows)


def space_of(given: NDArray[np.float32], spec: LayoutSettings, device: str) -> Space:
    """Rows [n_points, width], ready to be laid out."""
    rows = unit_rows(given) if spec.metric == "cosine" else given
    reduced = pca(rows, min(N_COMPONENTS, *rows.shape))[0] if _is_spread(rows) else rows
    return Space(rows, reduced, exact_knn(reduced, spec.n_neighbors, device=device))


def from_one_map(
    spaces: Sequence[Space],
    below: NDArray[np.float32] | None,
    spec: LayoutSettings,
    *,
    on_map: Callable[[int], None],
) -> list[NDArray[np.float32]]:
    """A map of each space, all of them gone on from one map of the first with small steps: equal spaces give equal maps.

    Args:
        spaces: the same rows in each.
        below: the map that the common one is begun from and the first is laid on; without one, the first's PCA. All others
            are laid on the first's own.
        spec: settings of the layout.
        on_map: told the place of each space before it is laid out.
    Returns:
        float32 [n_points, 2] each.
    """
    start = _begun(spaces[0], below, spec)
    drawn: list[NDArray[np.float32]] = []
    for at, space in enumerate(spaces):
        on_map(at)
        onto = drawn[0] if drawn else start if below is None else below
        drawn.append(_gone_on(space, start, onto, spec))
    return drawn


def _begun(space: Space, below: NDArray[np.float32] | None, spec: LayoutSettings) -> NDArray[np.float32]:
    """The map that both sides of a layer go on from: the base's, begun from the layer below, the first from PCA."""
    if space.is_point:
        return np.zeros((len(space.rows), 2), np.float32)
    init = space.reduced[:, :2] if below is None else below
    return placed(space.reduced, space.graph, min_dist=spec.min_dist, seed=spec.seed, init=init, n_epochs=HALF_EPOCHS)


def _gone_on(
    space: Space, start: NDArray[np.float32], onto: NDArray[np.float32], spec: LayoutSettings
) -> NDArray[np.float32]:
    """A side's own map, from a common one, laid on another; all at one place where its rows are."""
    if space.is_point:
        return np.zeros((len(space.rows), 2), np.float32)
    init = start if _is_spread(start) else space.reduced[:, :2]
    drawn = placed(
        space.reduced,
        space.graph,
        min_dist=spec.min_dist,
        seed=spec.seed,
        init=init,
        learning_rate=SMALL_STEPS,
        n_epochs=HALF_EPOCHS,
    )
    return _laid_on(drawn, onto if _is_spread(onto) else drawn)


def _is_spread(rows: NDArray[np.float32]) -> bool:
    return bool((rows != rows[0]).any())


def _laid_on(drawn: NDArray[np.float32], onto: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turned and mirrored onto another map about the middle, and brought to one size."""
    aligned = turned_onto(drawn, onto - onto.mean(axis=0))
    length = np.sqrt((aligned**2).sum(axis=1).mean())
    return (aligned / (length or 1.0)).astype(np.float32)
