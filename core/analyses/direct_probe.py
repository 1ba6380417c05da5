"""DirectProbe on every layer: can planes part the labels, how many clusters do they need, how far do they lie apart?"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import Run, spread
from core.analyses.checkpoint import shape_of
from core.analyses.embed import Embed, Embeddings
from core.analyses.probe import control_of
from core.analyses.units import LabelledRows, labelled_rows
from core.data.load import load_sample
from core.errors import NotEnoughData, SpecInvalid
from core.keys import Result, Spec
from core.maths.directprobe import Clusters, cluster_label_distances, direct_probe, label_distances

LEAST_POINTS = 6
"""Labels and clusters of fewer rows have no distances, as in the authors' code."""
_ROWS_A_SENTENCE = 12
N_HALVES = 10
"""Random halves of the sentences, for intervals."""


@dataclass(frozen=True, kw_only=True)
class DirectProbe(Spec, kind="direct_probe"):
    """Clusters of one label each and distances of their hulls, on each layer (Zhou & Srikumar)."""

    title: ClassVar[str] = "DirectProbe"
    sources: ClassVar[tuple[str, ...]] = (
        "Zhou & Srikumar 2021 (DirectProbe)",
        "Zhou & Srikumar 2022, arXiv 2106.14282",
    )
    seconds_per_unit: ClassVar[float] = 3e-3

    embed: Embed
    label: str
    n_rows: int = 1000
    """Rows at most: whole sentences are drawn until there are so many."""
    seed: int = 0
    """Draws them."""
    half: Literal["", "first", "second"] = ""
    """Only the rows of one half of the sentences, so that two runs share none (train against test)."""
    is_capped: bool = False
    """The authors' loop before autumn 2022, which tried fewer merges; to compare with counts of that time."""

    def validate(self) -> None:
        if not 20 <= self.n_rows <= 5_000:
            raise SpecInvalid("DirectProbe.", f"{self.n_rows} rows.", "Use 20 to 5,000; 1,000 is usual.")

    def cost(self) -> tuple[float, float]:
        """Work in layers x rows; some kilobytes a layer kept."""
        n_layers = shape_of(self.embed.checkpoint).n_layers + 1
        rows = min(self.n_rows, _ROWS_A_SENTENCE * self.embed.cost()[0] / n_layers)
        return n_layers * rows, n_layers * 2e4


@dataclass(frozen=True, kw_only=True)
class LabelHulls(Result):
    """How the labels lie in each layer, by their convex hulls; distances in the units of the vectors."""

    labels: tuple[str, ...]
    counts: tuple[int, ...]
    """Rows of each label."""
    n_clusters: np.ndarray
    """Clusters by DirectProbe, >= number of labels, int [layers]; equal to it where planes part all labels."""
    n_conflicting: np.ndarray
    """Rows equal to one of another label, each a cluster of its own, int [layers]."""
    control_clusters: np.ndarray
    """Clusters of the control task (one random label a word type, or shuffled labels of sentences): as few as these need no
    structure at all, int [layers]."""
    control_kind: str
    assignment: np.ndarray
    """Cluster of each row, int32 [layers, rows]."""
    sentence: np.ndarray
    """Of each row, in the sample, int32 [rows]."""
    label: np.ndarray
    """Of each row, by number, int32 [rows]."""
    distances: np.ndarray
    """Distance of the hulls of all rows of two labels, pairs in the order of itertools.combinations, 0 where they overlap, NaN
    where a label has fewer than 6 rows, float64 [layers, pairs]."""
    cluster_distances: np.ndarray
    """Mean over the pairs of clusters of two labels of at least 6 rows, NaN where a label has none, float64 [layers, pairs]."""
    control_distances: np.ndarray
    """distances of the control task's labels, which are as many and about as common, float64 [layers, pairs]."""
    half_distances: np.ndarray
    """distances of the same labels in random halves of the sentences, for intervals; NaN where a half lacks one, float64
    [layers, halves, pairs]."""
    inside: np.ndarray
    """Mean and largest distance between two rows of a label, float64 [layers, labels, 2]; NaN for one row."""
    mean_norm: np.ndarray
    """Mean length of the rows less their mean, with which distances grow, float64 [layers]."""
    n_dims: int
    n_sentences: int

    @property
    def is_linear(self) -> tuple[bool, ...]:
        """Whether planes part every two labels, by layer."""
        return tuple(int(found) == len(self.labels) for found in self.n_clusters)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Labels of each pair, by number."""
        return list(combinations(range(len(self.labels)), 2))

    def nearest(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance of each label to the label nearest to it, from distances [..., pairs] -> [..., labels]; NaN without any."""
        return nearest_of(distances, len(self.labels))


def compute(spec: DirectProbe, inputs: dict[str, Any], run: Run) -> LabelHulls:
    """Cluster and measure. Raises NotEnoughData for one label or under 4 sentences."""
    embeddings: Embeddings = inputs["embed"]
    rows = labelled_rows(load_sample(spec.embed.sample), embeddings, spec.embed.unit, spec.label)
    chosen = drawn_rows(rows, spec)
    names, label = np.unique(rows.labels[chosen], return_inverse=True)
    if len(names) < 2:
        raise NotEnoughData(
            f"DirectProbe for {spec.label!r}.",
            f"Every row has the label “{names[0]}”." if len(names) else "There is no row.",
            "Give two or more labels.",
        )
    halves = halves_of(rows.group[chosen], spec.seed)
    control = standing_in(control_of(rows, np.unique(rows.labels), spec.seed)[chosen], label)

    def of_layer(layer: NDArray[np.floating]) -> dict[str, Any]:
        vectors = rows.vectors(layer)[chosen].astype(np.float64)
        return _measured(vectors, label, control, halves, spec.is_capped, run)

    found = spread(run, [partial(of_layer, layer) for layer in embeddings.layers], "layers")
    return LabelHulls(
        labels=tuple(names.tolist()),
        counts=tuple(np.bincount(label).tolist()),
        sentence=rows.sentence[chosen].astype(np.int32),
        label=label.astype(np.int32),
        control_kind=rows.control_kind,
        n_dims=embeddings.layers[0].shape[1] * max(1, len(rows.parts)),
        n_sentences=len(np.unique(rows.sentence[chosen])),
        **{name: np.stack([one[name] for one in found]) for name in found[0]},
    )


def drawn_rows(rows: LabelledRows, spec: DirectProbe) -> NDArray[np.intp]:
    """The rows that a spec reads: those of whole groups of sentences, drawn until there are enough, in reading order."""
    return drawn_groups(rows.group, spec.n_rows, seed=spec.seed, half=spec.half)


def drawn_groups(
    group: NDArray[np.int64], n_rows: int, *, seed: int, half: Literal["", "first", "second"] = ""
) -> NDArray[np.intp]:
    """Rows of whole groups, drawn until there are so many, in reading order.

    Args:
        group: of each row [n].
        n_rows: wanted at most.
        seed: draws the groups.
        half: of the groups alone, so that two draws share none.
    """
    groups = np.unique(group)
    order = np.random.default_rng(seed).permutation(groups)
    if half:
        middle = len(order) // 2
        order = order[:middle] if half == "first" else order[middle:]
    place = np.full(int(groups.max(initial=0)) + 1, len(groups))
    place[order] = np.arange(len(order))
    of_row = place[group]
    inside = np.flatnonzero(of_row < len(groups))
    before = np.cumsum(np.bincount(of_row[inside], minlength=len(order)))
    n_groups = max(1, int(np.searchsorted(before, n_rows, side="right")))
    return np.flatnonzero(of_row < n_groups)


def standing_in(control: NDArray[np.intp], label: NDArray[np.intp]) -> NDArray[np.intp]:
    """Control labels named after the labels that are as common: which is which means nothing. -1 for those left over."""
    by_size = np.argsort(-np.bincount(label), kind="stable")
    ranked = np.argsort(-np.bincount(control), kind="stable")[: len(by_size)]
    renamed = np.full(int(control.max()) + 1, -1)
    renamed[ranked] = by_size[: len(ranked)]
    return renamed[control]


def halves_of(group: NDArray[np.int64], seed: int) -> list[NDArray[np.intp]]:
    """Rows of random halves of the groups, N_HALVES of them. Raises NotEnoughData for under 4 groups."""
    groups = np.unique(group)
    if len(groups) < 4:
        raise NotEnoughData("DirectProbe.", f"{len(groups)} sentences.", "Give at least 4, better hundreds.")
    rng = np.random.default_rng([seed, 1])
    return [
        np.flatnonzero(np.isin(group, rng.choice(groups, len(groups) // 2, replace=False))) for _ in range(N_HALVES)
    ]


def _measured(
    vectors: NDArray[np.float64],
    label: NDArray[np.intp],
    control: NDArray[np.intp],
    halves: Sequence[NDArray[np.intp]],
    is_capped: bool,
    run: Run,
) -> dict[str, Any]:
    """All that is known of one layer, by field."""
    n_labels = int(label.max()) + 1

    def check(*_: int) -> None:
        run.check()

    clusters = direct_probe(vectors, label, is_capped=is_capped, on_step=check)
    of_control = direct_probe(vectors, control, is_capped=is_capped, on_step=check)
    large = np.bincount(label, minlength=n_labels) >= LEAST_POINTS
    distances = _of_labels(vectors, label, large)
    half_distances = []
    for half in halves:
        run.check()
        half_distances.append(_of_labels(vectors[half], label[half], large))
    run.check()
    kept = control >= 0
    return {
        "n_clusters": np.int64(clusters.n_clusters),
        "n_conflicting": np.int64(clusters.n_conflicting),
        "control_clusters": np.int64(of_control.n_clusters),
        "control_distances": _of_labels(vectors[kept], control[kept], large),
        "assignment": clusters.assignment.astype(np.int32),
        "distances": distances,
        # Where each label is one cluster, both kinds are one.
        "cluster_distances": distances if clusters.is_linear else _of_clusters(vectors, label, clusters, n_labels),
        "half_distances": np.stack(half_distances),
        "inside": np.array([_inside(vectors[label == at]) for at in range(n_labels)]),
        "mean_norm": np.float64(np.linalg.norm(vectors - vectors.mean(axis=0), axis=1).mean()),
    }


def nearest_of(distances: NDArray[np.float64], n_labels: int) -> NDArray[np.float64]:
    """Distance of each label to the label nearest to it, from distances [..., pairs] -> [..., labels]; NaN without any."""
    found = np.full((*distances.shape[:-1], n_labels), np.inf)
    for at, pair in enumerate(combinations(range(n_labels), 2)):
        known = np.where(np.isnan(distances[..., at]), np.inf, distances[..., at])
        for label in pair:
            found[..., label] = np.minimum(found[..., label], known)
    return np.where(np.isinf(found), np.nan, found)


def hull_distances_of(vectors: NDArray[np.float64], label: NDArray[np.intp], n_labels: int) -> NDArray[np.float64]:
    """Hull distances of all labels, in the order of itertools.combinations, NaN for pairs without rows [pairs]."""
    return _of_labels(vectors, label, np.ones(n_labels, dtype=bool))


def _of_labels(vectors: NDArray[np.float64], label: NDArray[np.intp], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Hull distances of chosen labels, NaN for pairs without rows or not chosen [pairs]."""
    kept = chosen[label]
    found = label_distances(vectors[kept], label[kept]) if len(np.unique(label[kept])) > 1 else {}
    return np.array([found.get(pair, np.nan) for pair in combinations(range(len(chosen)), 2)])


def _of_clusters(
    vectors: NDArray[np.float64], label: NDArray[np.intp], clusters: Clusters, n_labels: int
) -> NDArray[np.float64]:
    found = cluster_label_distances(vectors, label, clusters, min_points=LEAST_POINTS)
    return np.array([found.get(pair, np.nan) for pair in combinations(range(n_labels), 2)])


def _inside(vectors: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and largest distance between two rows."""
    from scipy.spatial.distance import pdist

    if len(vectors) < 2:
        return float("nan"), float("nan")
    away = pdist(vectors)
    return float(away.mean()), float(away.max())
