"""Where labels lie before and after tuning: how far their centroids moved, how far apart they are, in which directions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.analyses.base import Run, facing_layers
from core.analyses.embed import Embed, Embeddings, read_the_same
from core.analyses.probe import control_of
from core.analyses.units import LabelledRows, labelled_rows
from core.data.load import load_sample
from core.errors import IncompatibleRefs, NotEnoughData
from core.keys import Result, Spec
from core.maths.label_geometry import (
    common_squares,
    displacements,
    fisher_ratio,
    in_plane_of,
    label_sums,
    plane_of,
    share_in_base,
    silhouettes,
    subspace_degrees,
)
from core.maths.statistics import Estimate, group_folds, jackknife

LEAST_ROWS, LEAST_SENTENCES = 6, 3
"""Of a label, below which its centroid says too little."""
SILHOUETTE_ROWS = 1500
"""Rows compared at most, drawn with seed 0: every pair is looked at."""


@dataclass(frozen=True, kw_only=True)
class LabelGeometry(Spec, kind="label_geometry"):
    """Centroids, Fisher ratio, silhouette and the directions that part the labels, base and tuned on the same rows."""

    title: ClassVar[str] = "Label geometry"
    sources: ClassVar[tuple[str, ...]] = ("Zhou & Srikumar 2022, arXiv 2106.14282",)
    seconds_per_unit: ClassVar[float] = 6e-4

    base: Embed
    tuned: Embed
    label: str

    def validate(self) -> None:
        read_the_same(self.base, self.tuned)

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers; a few kilobytes kept."""
        return self.base.cost()[0], 1e5


@dataclass(frozen=True, kw_only=True)
class LabelPlaces(Result):
    """One entry a base layer; the tuned side is the layer that faces it. All intervals: jackknife over 20 groups of sentences."""

    labels: tuple[str, ...]
    """Those with at least 6 rows in 3 sentences."""
    counts: tuple[int, ...]
    n_left_out: int
    """Labels that are rarer."""
    base_fisher: tuple[Estimate | None, ...]
    """Variance between labels over variance within, a degree of freedom each; about 1 for shuffled labels. None where all rows
    of each label are equal."""
    tuned_fisher: tuple[Estimate | None, ...]
    """The same after tuning."""
    base_silhouette: tuple[Estimate | None, ...]
    """-1 to 1; 1 = rows lie far inside their label, 0 = between two."""
    tuned_silhouette: tuple[Estimate | None, ...]
    """The same after tuning."""
    fisher_difference: tuple[Estimate | None, ...]
    """Logarithm to base 2 of tuned over base: +1 = twice the ratio."""
    silhouette_difference: tuple[Estimate | None, ...]
    """Tuned minus base."""
    control: np.ndarray
    """Of the control task's labels: Fisher ratio of base and of tuned, silhouette of base and of tuned, in_base; NaN where there
    is none, float64 [layers, 5]."""
    control_kind: str
    moved: tuple[tuple[Estimate, ...], ...]
    """Length of each centroid's displacement in units of the base layer's mean row length, [layers][labels]; empty where widths
    differ."""
    is_noise: np.ndarray
    """Whether a displacement is no more than rows scatter, by products of different folds, bool [layers, labels]; empty where
    widths differ."""
    plane: np.ndarray
    """Displacements in the plane that holds most of a layer's, in the same units, float64 [layers, labels, 2]; empty where widths
    differ."""
    plane_share: np.ndarray
    """Share of the squared displacements that this plane holds, 0 to 1, float64 [layers]."""
    degrees: np.ndarray
    """Principal angles between the directions that part the labels before and after, rising, NaN where there are fewer, float64
    [layers, labels - 1]; empty where widths differ."""
    in_base: tuple[Estimate | None, ...]
    """Share of what parts the tuned labels that lies in directions which parted them in base, 0 to 1; None where widths differ
    or centroids coincide. Strong directions that both spaces share raise it for any labels: compare with the control task."""
    n_rows: int
    n_sentences: int
    rare_labels: tuple[str, ...] = ()
    """Those left out. Empty also in results stored before they were kept: n_left_out says how many there are."""
    rare_counts: tuple[int, ...] = ()
    """Rows of each, one or more."""
    rare_plane: tuple[tuple[tuple[float, float], ...], ...] = ()
    """(x, y) of their displacements in the plane that those of the other labels chose, in the same units, [layers][labels]; without
    an interval, since so few rows do not say how far they scatter. Empty where widths differ."""


def compute(spec: LabelGeometry, inputs: dict[str, Any], run: Run) -> LabelPlaces:
    """Measure. Raises NotEnoughData where fewer than two labels have enough rows."""
    base: Embeddings = inputs["base"]
    tuned: Embeddings = inputs["tuned"]
    sides = [labelled_rows(load_sample(spec.base.sample), held, spec.base.unit, spec.label) for held in (base, tuned)]
    rows = sides[0]
    if not (np.array_equal(rows.sentence, sides[1].sentence) and np.array_equal(rows.labels, sides[1].labels)):
        raise IncompatibleRefs(
            "Comparing where labels lie.",
            f"The tokenizers keep other rows: base {len(rows.labels):,}, tuned {len(sides[1].labels):,}.",
            "Let sentences be cut later, or choose text that both can read.",
        )
    chosen, names, label, folds, n_left_out = _chosen(rows, rows.labels)
    beside = np.setdiff1d(np.arange(len(rows.labels)), chosen)
    rare, of_rare = np.unique(rows.labels[beside], return_inverse=True)
    control = _chosen(rows, np.unique(rows.labels)[control_of(rows, np.unique(rows.labels), 0)])
    depth, facing = len(base.layers), facing_layers(len(base.layers) - 1, len(tuned.layers) - 1)
    is_one_width = base.layers[0].shape[1] == tuned.layers[0].shape[1]
    found = []
    for layer in range(depth):
        run.step(layer, depth, "layers")
        vectors = [
            side.vectors(held.layers[at]).astype(np.float64)
            for side, held, at in zip(sides, (base, tuned), (layer, facing[layer]), strict=True)
        ]
        inner = _Labelled([side[chosen] for side in vectors], label, folds)
        steps = _mean_steps([side[beside] for side in vectors], of_rare) if is_one_width and len(rare) else None
        one = _alone(inner) | (_together(inner, steps) if is_one_width else _apart())
        run.check()
        one["control"] = _of_control(
            _Labelled([side[control[0]] for side in vectors], control[2], control[3]), is_one_width
        )
        found.append(one)
    return LabelPlaces(
        labels=tuple(names),
        counts=tuple(np.bincount(label).tolist()),
        n_left_out=n_left_out,
        rare_labels=tuple(rare.tolist()),
        rare_counts=tuple(np.bincount(of_rare, minlength=len(rare)).tolist()),
        control_kind=rows.control_kind,
        n_rows=len(chosen),
        n_sentences=len(np.unique(rows.sentence[chosen])),
        **_by_field(found),
    )


def _by_field(layers: list[dict[str, Any]]) -> dict[str, Any]:
    """What is known layer by layer, field by field."""
    by_field: dict[str, Any] = {name: [one[name] for one in layers] for name in layers[0]}
    arrays = ("plane", "plane_share", "degrees", "is_noise", "control")
    return {name: np.stack(held) if name in arrays else tuple(held) for name, held in by_field.items()}


class _Labelled:
    """Rows of both sides with their labels and folds, and the sums that all but the silhouette follow from."""

    def __init__(self, vectors: list[np.ndarray], label: np.ndarray, folds: np.ndarray) -> None:
        self.vectors, self.label, self.folds = vectors, label, folds
        self.base, self.tuned = (label_sums(side, label, folds) for side in vectors)
        self.n = len(label)


def _chosen(rows: LabelledRows, labels: np.ndarray) -> tuple[np.ndarray, list[str], np.ndarray, np.ndarray, int]:
    """(rows of labels that are not too rare, their names, label and fold of each, labels left out)."""
    names, label = np.unique(labels, return_inverse=True)
    n_groups = np.array([len(np.unique(rows.group[label == at])) for at in range(len(names))])
    is_kept = (np.bincount(label) >= LEAST_ROWS) & (n_groups >= LEAST_SENTENCES)
    if is_kept.sum() < 2:
        raise NotEnoughData(
            "Comparing where labels lie.",
            f"{is_kept.sum()} of {len(names)} labels have {LEAST_ROWS} rows in {LEAST_SENTENCES} sentences.",
            "Take more sentences.",
        )
    chosen = np.flatnonzero(is_kept[label])
    kept_names, of_row = np.unique(labels[chosen], return_inverse=True)
    folds = _folds(rows.group[chosen], of_row)
    return chosen, kept_names.tolist(), of_row, folds, int((~is_kept).sum())


def _folds(group: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Folds of sentences such that every label stands in three or more; drawn again until that holds."""
    for seed in range(100):
        folds = group_folds(group, seed=seed)
        if all(len(np.unique(folds[label == at])) > 2 for at in range(int(label.max()) + 1)):
            return folds
    raise NotEnoughData("Comparing where labels lie.", "A rare label is in too few folds.", "Take more sentences.")


def _alone(held: _Labelled) -> dict[str, Any]:
    """What is known of each side, and its paired difference; None where a layer has no spread."""
    ratios = [_values(side.leaving_out, fisher_ratio) for side in (held.base, held.tuned)]
    near, n_near = _silhouettes(held)
    logs = [None if ratio is None else np.log2(np.maximum(ratio, np.finfo(float).tiny)) for ratio in ratios]
    return {
        "base_fisher": _of(ratios[0], held.n),
        "tuned_fisher": _of(ratios[1], held.n),
        "fisher_difference": _of(_less(logs[1], logs[0]), held.n),
        "base_silhouette": _of(near[0], n_near),
        "tuned_silhouette": _of(near[1], n_near),
        "silhouette_difference": _of(_less(near[1], near[0]), n_near),
    }


def _silhouettes(held: _Labelled) -> tuple[list[np.ndarray | None], int]:
    """Of both sides on a sample of the rows, None where all are equal; and the rows compared."""
    sampled = np.sort(np.random.default_rng(0).permutation(held.n)[:SILHOUETTE_ROWS])
    # Labels that the smaller sample lacks are numbered anew; one that it has in one fold only is left out.
    inner, of_row = _in_several_folds(held.label[sampled], held.folds[sampled])
    kept = sampled[inner]
    found = []
    for side in held.vectors:
        varies = bool((side[kept] != side[kept[0]]).any())
        found.append(silhouettes(side[kept], of_row, held.folds[kept]) if varies else None)
    return found, len(kept)


def _of_control(held: _Labelled, is_one_width: bool) -> np.ndarray:
    """Values of the control task's labels, in the order of LabelPlaces.control."""
    near, _ = _silhouettes(held)
    ratios = [_values(side.leaving_out, fisher_ratio) for side in (held.base, held.tuned)]
    shared = _values(share_in_base, held.base, held.tuned) if is_one_width else None
    return np.array([np.nan if one is None else one[0] for one in (*ratios, *near, shared)])


def _in_several_folds(label: np.ndarray, folds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows of labels that stand in two folds or more, their labels numbered from 0)."""
    held = [at for at in np.unique(label) if len(np.unique(folds[label == at])) > 1]
    inner = np.flatnonzero(np.isin(label, held))
    return inner, np.unique(label[inner], return_inverse=True)[1]


def _mean_steps(vectors: list[np.ndarray], label: np.ndarray) -> np.ndarray:
    """How far the centroid of each label moved [labels, d], of both sides' rows [n, d]."""
    base, tuned = vectors
    sums = np.zeros((int(label.max()) + 1, base.shape[1]))
    np.add.at(sums, label, tuned - base)
    return np.asarray(sums / np.bincount(label)[:, None])


def _together(held: _Labelled, rare: np.ndarray | None) -> dict[str, Any]:
    """What asks both sides at once; rare: displacements of the labels left out [labels, d]."""
    base, tuned = held.base, held.tuned
    counts, n_labels = base.counts.sum(axis=0), base.counts.shape[1]
    unit = float(np.linalg.norm(held.vectors[0] - base.centre, axis=1).mean()) or 1.0
    vectors, lengths = displacements(base, tuned)
    drawn, share = plane_of(vectors / unit)
    beside = () if rare is None else tuple(map(tuple, in_plane_of(vectors / unit, rare / unit).tolist()))
    degrees = np.full(n_labels - 1, np.nan)
    found = subspace_degrees(base, tuned)
    degrees[: len(found)] = found
    beyond = [
        jackknife(float(own[0]), own[1:], n=int(n))
        for own, n in zip(common_squares(base, tuned).T, counts, strict=True)
    ]
    return {
        "moved": tuple(
            jackknife(float(own[0]), own[1:], n=int(n)) for own, n in zip((lengths / unit).T, counts, strict=True)
        ),
        "is_noise": np.array([one.low <= 0 for one in beyond]),
        "plane": drawn,
        "plane_share": np.float64(share),
        "rare_plane": beside,
        "degrees": degrees,
        "in_base": _of(_values(share_in_base, base, tuned), held.n),
    }


def _apart() -> dict[str, Any]:
    """The same where the two spaces have no directions in common."""
    return {
        "moved": (),
        "is_noise": np.zeros(0, dtype=bool),
        "plane": np.zeros((0, 2)),
        "plane_share": np.float64("nan"),
        "rare_plane": (),
        "degrees": np.zeros(0),
        "in_base": None,
    }


def _values(measure: Callable[..., np.ndarray], *arguments: Any) -> np.ndarray | None:
    """What a measure gives, None where a layer has nothing to measure."""
    try:
        return measure(*arguments)
    except NotEnoughData:
        return None


def _less(one: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
    return None if one is None or other is None else one - other


def _of(values: np.ndarray | None, n: int) -> Estimate | None:
    """Interval of a value from itself and from it without each fold [1 + folds]."""
    return None if values is None else jackknife(float(values[0]), values[1:], n=n)
