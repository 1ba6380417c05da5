"""Edge probes: what a small network reads of words, spans or pairs from a mix of layers, and from which of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import Run
from core.analyses.checkpoint import shape_of
from core.analyses.edges import LabelledEdges, edge_splits, labelled_edges
from core.analyses.embed import Embed, Embeddings
from core.data.load import load_sample
from core.errors import NotEnoughData, SpecInvalid
from core.keys import Result, Spec
from core.maths.mixing import (
    Edges,
    EdgeSplit,
    Mix,
    Training,
    commonest_labels,
    localisation,
    mean_norms,
    micro_f1,
    train_edge_probes,
    words_of,
)
from core.maths.statistics import Estimate, resampled_interval
from core.maths.structure import expected_layer, scalar_mix_centre


@dataclass(frozen=True, kw_only=True)
class EdgeProbe(Spec, kind="edge_probe"):
    """Scalar mixes of the layers 0..k, for every k, read by a small network over several random splits by sentence."""

    title: ClassVar[str] = "Edge probe"
    sources: ClassVar[tuple[str, ...]] = (
        "Tenney et al. 2019, arXiv 1905.05950",
        "Merchant et al. 2020, arXiv 2004.14448",
    )
    seconds_per_unit: ClassVar[float] = 5.0e-3

    embed: Embed
    label: str
    """Name of a label of words, or of spans or pairs of them; an edge may have several at once."""
    n_seeds: int = 3
    """Random splits: 60 % of the sentences for training, 10 % to decide when to stop, 30 % for the test."""
    equal_norms: bool = False
    """Divide each layer by its mean vector norm first: else long vectors weigh more than their mixing weight says."""
    width: int = 128
    """Of the projected words and of the hidden layer."""

    def validate(self) -> None:
        if self.embed.unit != "word":
            raise SpecInvalid(
                f"Reading {self.label!r} with an edge probe.",
                f"The {self.embed.unit}s are embedded, not their words.",
                "Embed words.",
            )
        if not 2 <= self.n_seeds <= 20:
            raise SpecInvalid(
                f"Probing with {self.n_seeds} seeds.", "A spread needs at least 2.", "Use 2 to 20; 3 is usual."
            )
        if not 4 <= self.width <= 1024:
            raise SpecInvalid(f"A width of {self.width}.", "Out of range.", "Use 4 to 1024; 128 is usual.")

    def cost(self) -> tuple[float, float]:
        """Work in sentences x models x seeds, more for wide vectors and probes; a few kilobytes kept."""
        models = self.embed.n_layers + 2
        sentences = self.embed.cost()[0] / self.embed.n_layers
        size = self.width / 128 * (shape_of(self.embed.checkpoint).width + self.width) / 512
        return sentences * models * self.n_seeds * (0.25 + size), 2e4


@dataclass(frozen=True, kw_only=True)
class EdgeScores(Result):
    """Micro-F1 on held-out sentences, 0 to 1, larger = more can be read, and where in the network it is found."""

    f1: np.ndarray
    """Of the mix of the layers 0..k, for each k [layers, seeds]."""
    score: tuple[Estimate, ...]
    """Its mean per k with an interval over resampled splits (Nadeau & Bengio 2003)."""
    control: np.ndarray
    """Of the same probe on the control task: layer 0 alone, the full mix [2, seeds]."""
    control_score: tuple[Estimate, ...]
    """The same with intervals: layer 0 alone, the full mix."""
    majority: float
    """Of always giving the labels that most training edges have, or else the commonest; mean over seeds."""
    overlap: float
    """Share of test edges whose words also stand in training, as an edge; it bounds the control task."""
    weights: np.ndarray
    """Mixing weights of the full mix, each row summing to 1 [seeds, layers]."""
    layer_norms: np.ndarray
    """Mean vector norm of the words read, per layer [layers]; weights of layers of unequal norms do not compare."""
    centre: np.ndarray
    """Centre of gravity of the mixing weights, 0 to L [seeds]."""
    centre_score: Estimate
    """Its mean with an interval."""
    expected_layers: tuple[float, ...]
    """Mean layer at which adding layers gains F1, of the seeds in which they gain anything together."""
    expected_seeds: tuple[int, ...]
    """Which seeds those are."""
    gain: Estimate
    """What all layers read more than the embeddings alone, paired by split: only where it is above 0 for certain do gains
    have a place."""
    expected_layer: Estimate | None
    """Mean of the expected layers with an interval; None where the gain may be noise or a split has none."""
    localisations: tuple[float, ...]
    """Bits by which the gains differ from equal ones in all layers, 0 to log2 L, of the seeds in which any layer gains."""
    localisation: Estimate | None
    """Their mean with an interval; None where the gain may be noise or a split has none. Noise in F1 makes it larger, never
    smaller."""
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    """Edges of each label."""
    unseen: tuple[str, ...]
    """Labels that some split has no training edge of: there they cannot be found, and count as missed."""
    unit: str
    """word, span or pair."""
    n_edges: int
    n_train: int
    n_dev: int
    n_test: int
    n_left_out: int
    """Edges with a word that has no vector."""
    n_sentences: int
    n_models: int
    n_stopped: int
    """Models of them that were stopped by the limit of epochs, still gaining."""
    control_kind: str


def compute(spec: EdgeProbe, inputs: dict[str, Any], run: Run) -> EdgeScores:
    """Train all mixes, splits and controls in one batch. Raises NotEnoughData for one label or under 10 sentences."""
    embeddings: Embeddings = inputs["embed"]
    read = labelled_edges(load_sample(spec.embed.sample), embeddings, spec.label)
    splits = edge_splits(read.group, spec.n_seeds)
    _refuse_nothing_to_find(read, splits, spec.label)
    n_layers, seeds = len(embeddings.layers), range(spec.n_seeds)
    edges = Edges(read.first, read.second, np.stack([read.targets, *(read.control(seed) for seed in seeds)]))
    models = [Mix(seed, top) for top in range(n_layers) for seed in seeds]
    models += [Mix(seed, top, 1 + seed) for top in (0, n_layers - 1) for seed in seeds]
    probes = train_edge_probes(
        embeddings.layers,
        edges,
        splits,
        models,
        Training(width=spec.width, equal_norms=spec.equal_norms),
        device=run.device,
        check=run.check,
        on_step=lambda done, total: run.step(done, total, "batches"),
    )
    scored = [
        micro_f1(edges.targets[model.task][splits[model.split].test], shares > 0.5)
        for model, shares in zip(models, probes.probabilities, strict=True)
    ]
    f1, control = np.split(np.array(scored).reshape(n_layers + 2, spec.n_seeds), [n_layers])
    weights = probes.weights[(n_layers - 1) * spec.n_seeds : n_layers * spec.n_seeds]
    return _scores(embeddings, read, splits, edges, f1, control, weights, int((~probes.stopped).sum()))


def _scores(
    embeddings: Embeddings,
    read: LabelledEdges,
    splits: Sequence[EdgeSplit],
    edges: Edges,
    f1: NDArray[np.float64],
    control: NDArray[np.float64],
    weights: NDArray[np.float64],
    n_stopped: int,
) -> EdgeScores:
    n_train, n_dev, n_test = (
        int(np.mean([len(getattr(split, side)) for split in splits])) for side in ("train", "dev", "test")
    )

    def interval(values: Sequence[float] | NDArray[np.float64]) -> Estimate:
        return resampled_interval(values, n_train=n_train, n_test=n_test)

    centre = np.array([scalar_mix_centre(row) for row in weights])
    gain, expected = interval(f1[-1] - f1[0]), where_defined(expected_layer, f1)
    placed = where_defined(localisation, f1)
    taught = np.array([read.targets[split.train].any(axis=0) for split in splits])
    return EdgeScores(
        f1=f1,
        score=tuple(map(interval, f1)),
        control=control,
        control_score=tuple(map(interval, control)),
        majority=float(np.mean([_majority(read.targets, split) for split in splits])),
        overlap=float(np.mean([np.isin(read.types[one.test], read.types[one.train]).mean() for one in splits])),
        weights=weights,
        layer_norms=mean_norms(embeddings.layers, words_of(edges)),
        centre=centre,
        centre_score=interval(centre),
        expected_layers=tuple(expected.values()),
        expected_seeds=tuple(expected),
        gain=gain,
        expected_layer=interval(list(expected.values())) if gain.low > 0 and len(expected) == len(splits) else None,
        localisations=tuple(placed.values()),
        localisation=interval(list(placed.values())) if gain.low > 0 and len(placed) == len(splits) else None,
        labels=read.names,
        counts=tuple(int(count) for count in read.targets.sum(axis=0)),
        unseen=tuple(name for name, always in zip(read.names, taught.T, strict=True) if not always.all()),
        unit=read.unit,
        n_edges=len(read.first),
        n_train=n_train,
        n_dev=n_dev,
        n_test=n_test,
        n_left_out=read.n_left_out,
        n_sentences=len(np.unique(read.group)),
        n_models=f1.size + control.size,
        n_stopped=n_stopped,
        control_kind=read.control_kind,
    )


def where_defined(summary: Callable[[NDArray[np.float64]], float], f1: NDArray[np.float64]) -> dict[int, float]:
    """A summary of each seed's cumulative scores [layers, seeds], by seed, without those that have none."""
    found = {}
    for seed, scores in enumerate(f1.T):
        try:
            found[seed] = summary(scores)
        except NotEnoughData:
            continue
    return found


def _majority(targets: NDArray[np.bool_], split: EdgeSplit) -> float:
    """Micro-F1 on the test edges of giving all of them the commonest labels in training."""
    gold = targets[split.test]
    return micro_f1(gold, np.broadcast_to(commonest_labels(targets[split.train]), gold.shape))


def _refuse_nothing_to_find(read: LabelledEdges, splits: Sequence[EdgeSplit], label: str) -> None:
    if (read.targets == read.targets[0]).all():
        raise NotEnoughData(
            f"Probing for {label!r}.",
            f"Every {read.unit} has the same labels: {', '.join(read.names)}.",
            "Give two or more.",
        )
    for split in splits:
        if not read.targets[split.test].any():
            raise NotEnoughData(
                f"Probing for {label!r}.",
                f"None of the {len(split.test)} {read.unit}s of a test side has a label.",
                "Take more sentences.",
            )
