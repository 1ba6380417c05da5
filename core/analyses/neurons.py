"""Which neurons carry a label: five rankings over all layers joined, how few of them do, and where they live.

The reference is an elastic-net probe on all layers' states side by side (paper A); the others need no probe, or another
one. Everything is done on several splits by sentence, and scored on sentences that nothing was chosen by.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import Run, spread
from core.analyses.embed import Embeddings
from core.analyses.inner_embed import MLP_TO_WIDTH, AnyEmbed
from core.analyses.probe import Split, control_of, splits_of
from core.analyses.units import LabelledRows, labelled_rows
from core.data.load import load_sample
from core.errors import NotEnoughData, SpecInvalid
from core.keys import Result, Spec
from core.maths.neurons import (
    ablate,
    gaussian_ranking,
    mutual_information,
    overlap_ranking,
    probeless_ranking,
    rank_by_weights,
    retrained,
    smallest,
)
from core.maths.probing import LinearProbes, fit_linear_probes, majority_share, standardise
from core.maths.statistics import Estimate, resampled_interval

LINEAR, PROBELESS, GAUSSIAN, OVERLAP, INFORMATION, RANDOM = (
    "linear correlation", "Probeless", "Gaussian", "overlap", "mutual information", "random",
)  # fmt: skip
RANKINGS = (LINEAR, PROBELESS, GAUSSIAN, OVERLAP, INFORMATION, RANDOM)
"""The last is the control."""
TOP = "top"
"""The first neurons of a ranking."""
PENALTIES = (0.01, 0.03, 0.1)
"""Inverse strengths of the elastic net to choose from: the sparsest that loses no more than TOLERANCE."""
L1_RATIO = 0.5
RETRAINED_C = 0.1
"""Inverse L2 penalty of probes that are trained again on some neurons."""
TOLERANCE = 0.01
"""Accuracy that a minimal set may lose against all neurons, as in paper A."""
GAUSSIANS, GAUSSIAN_ROWS, GAUSSIAN_CANDIDATES = 30, 1500, 300
"""Neurons that are chosen by Gaussians, on so many rows, among those with the highest mutual information."""
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_SHARES = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_ITERATIONS, _TOLERANCE = 1000, 3e-5
"""Of the elastic net. On the demo's words its objective is then within 2e-5 of its least, and 99 of the first 100 neurons are
those of a third of this tolerance."""
_MOST_BYTES = 1_000_000_000
"""Of the joined states in float32; two splits at a time hold about as much again each."""


@dataclass(frozen=True, kw_only=True)
class Neurons(Spec, kind="neurons", version=2):
    """Rank the neurons of one checkpoint by what they tell of a label."""

    title: ClassVar[str] = "Neurons of a label"
    sources: ClassVar[tuple[str, ...]] = (
        "Durrani et al. 2021, arXiv 2105.15179",
        "Dalvi et al. 2019, arXiv 1812.09355 (linear correlation)",
        "Antverg & Belinkov 2022 (Probeless)",
        "Bau et al. 2017 (overlap)",
    )
    seconds_per_unit: ClassVar[float] = 5e-3

    embed: AnyEmbed
    label: str
    """Name of a label of words, spans or sentences."""
    layer: int = -1
    """-1 = all layers joined; else this one alone. Inside the blocks there is no layer 0."""
    n_seeds: int = 5
    """Splits by sentence."""
    is_scaled: bool = True
    """Whether neurons are z-scored for the rankings. Where they are not, those with large values count for more. Probes that are
    trained again on some neurons z-score them in any case."""

    def validate(self) -> None:
        if not 2 <= self.n_seeds <= 20:
            raise SpecInvalid(f"Ranking neurons with {self.n_seeds} seeds.", "Out of range.", "Use 2 to 20.")
        if self.layer < -1:
            raise SpecInvalid(
                f"Ranking the neurons of layer {self.layer}.", "There is none.", "Use 0 or above, or all."
            )

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers x seeds, for each time the width of a state; orders and weights."""
        times = MLP_TO_WIDTH if self.embed.site == "mlp" else 1
        return times * self.embed.cost()[0] * self.n_seeds, times * 1e6


@dataclass(frozen=True, kw_only=True)
class NeuronScores(Result):
    """Rankings, and what is read from some neurons. Accuracies are on held-out sentences, 0 to 1."""

    labels: tuple[str, ...]
    counts: tuple[int, ...]
    """Rows of each label."""
    layers: tuple[int, ...]
    """That were joined, in order."""
    width: int
    """Neurons of a layer; neuron i of the join is i % width of the layer at place i // width."""
    orders: np.ndarray
    """Neurons of the join in order, int32 [rankings, seeds, neurons]; -1 beyond what a ranking chose (GAUSSIAN)."""
    n_entered: tuple[int, ...]
    """Neurons with a weight in each split's elastic net; by linear correlation the others follow in an order drawn at random."""
    strengths: tuple[float, ...]
    """Inverse penalty of the elastic net, chosen in each split."""
    weights: np.ndarray
    """Of the elastic net, mean over splits, float32 [labels, neurons]."""
    mass: np.ndarray
    """Share of a class's |weight| that lies in each layer, 0 to 1 [seeds, labels, layers]; 0 throughout for a class without any."""
    information: np.ndarray
    """Bits that a neuron alone tells of the label, mean over splits' training rows, float32 [neurons]."""
    sizes: tuple[int, ...]
    kept: np.ndarray
    """Accuracy of probes trained again on the first neurons of each ranking [rankings, seeds, sizes]; NaN where it chose fewer."""
    kept_bottom: np.ndarray
    """The same of the last neurons by linear correlation, which have no weight [seeds, sizes]."""
    shares: tuple[float, ...]
    """Of all neurons, that the elastic net is scored without."""
    masked: np.ndarray
    """Accuracy of the elastic net with a share of the neurons at their mean: first, last and random ones [3, seeds, shares]."""
    oracle: Estimate
    """Of a probe trained on all neurons; over splits."""
    oracle_control: Estimate
    """The same on the control task."""
    net: Estimate
    """Of the elastic net."""
    n_minimal: tuple[int, ...]
    """Size of the minimal set in each split, chosen by sentences that do not score it."""
    minimal: Estimate
    """Accuracy of a probe trained again on the minimal set."""
    minimal_control: Estimate
    """The same on the control task."""
    majority: float
    """Accuracy of always answering the commonest training label, mean over splits."""
    overlap: float
    """Share of test rows whose type also stands in training."""
    control_kind: str
    n_train: int
    n_test: int
    n_sentences: int
    n_constant: int
    """Neurons that never change; they tell nothing, and come last."""
    n_unconverged: int


@dataclass(frozen=True, kw_only=True)
class _Of:
    """What one split gives."""

    orders: list[NDArray[np.intp]]
    n_entered: int
    strength: float
    weights: NDArray[np.float32]
    information: NDArray[np.float64]
    kept: NDArray[np.float64]
    bottom: NDArray[np.float64]
    masked: NDArray[np.float64]
    oracle: tuple[float, float]
    net: float
    n_minimal: int
    minimal: tuple[float, float]
    n_unconverged: int


def compute(spec: Neurons, inputs: dict[str, Any], run: Run) -> NeuronScores:
    """Rank.

    Raises NotEnoughData for one class or under 10 sentences; SpecInvalid for a layer that is not there, a label of pairs, or
    more states than memory is to hold.
    """
    embeddings: Embeddings = inputs["embed"]
    rows = labelled_rows(load_sample(spec.embed.sample), embeddings, spec.embed.unit, spec.label)
    layers, X = joined(spec, rows, embeddings)
    names, y = np.unique(rows.labels, return_inverse=True)
    if len(names) < 2:
        raise NotEnoughData(f"Ranking neurons for {spec.label!r}.", f"Every row is “{names[0]}”.", "Give two or more.")
    splits = splits_of(rows.group, spec.n_seeds)
    width = X.shape[1]
    sizes = tuple(size for size in _SIZES if size < width)
    tasks = [
        partial(_of_split, spec, X, (y, control_of(rows, names, seed)), rows.group, split, seed, len(names), sizes, run)
        for seed, split in enumerate(splits)
    ]
    found = spread(run, tasks, "splits")
    n_train, n_test = (int(np.mean([len(split[side]) for split in splits])) for side in (0, 1))

    def over(values: Sequence[float]) -> Estimate:
        return resampled_interval(values, n_train=n_train, n_test=n_test)

    orders = np.full((len(RANKINGS), spec.n_seeds, width), -1, dtype=np.int32)
    for seed, one in enumerate(found):
        for place, order in enumerate(one.orders):
            orders[place, seed, : len(order)] = order
    return NeuronScores(
        labels=tuple(map(str, names)),
        counts=tuple(int(count) for count in np.bincount(y)),
        layers=layers,
        width=width // len(layers),
        orders=orders,
        strengths=tuple(one.strength for one in found),
        n_entered=tuple(one.n_entered for one in found),
        weights=np.stack([one.weights for one in found]).mean(axis=0),
        mass=np.stack([_mass(one.weights, len(layers)) for one in found]),
        information=np.mean([one.information for one in found], axis=0).astype(np.float32),
        sizes=sizes,
        kept=np.stack([one.kept for one in found], axis=1),
        kept_bottom=np.stack([one.bottom for one in found]),
        shares=_SHARES,
        masked=np.stack([one.masked for one in found], axis=1),
        oracle=over([one.oracle[0] for one in found]),
        oracle_control=over([one.oracle[1] for one in found]),
        net=over([one.net for one in found]),
        n_minimal=tuple(one.n_minimal for one in found),
        minimal=over([one.minimal[0] for one in found]),
        minimal_control=over([one.minimal[1] for one in found]),
        majority=float(np.mean([majority_share(y[train], y[test]) for train, test in splits])),
        overlap=float(np.mean([np.isin(rows.types[test], rows.types[train]).mean() for train, test in splits])),
        control_kind=rows.control_kind,
        n_train=n_train,
        n_test=n_test,
        n_sentences=len(np.unique(rows.group)),
        n_constant=int((X[0] == X).all(axis=0).sum()),
        n_unconverged=sum(one.n_unconverged for one in found),
    )


def joined(spec: Neurons, rows: LabelledRows, embeddings: Embeddings) -> tuple[tuple[int, ...], NDArray[np.float32]]:
    """The layers, and their states side by side, float32 [rows, layers * width]. Raises SpecInvalid as compute."""
    asked, first = f"Ranking neurons for {spec.label!r}.", embeddings.first_layer
    held = dict(enumerate(embeddings.layers, start=first))
    if len(rows.parts) > 1:
        raise SpecInvalid(asked, "It is a label of two words at once.", "Choose a label of words, spans or sentences.")
    if spec.layer >= 0 and spec.layer not in held:
        raise SpecInvalid(
            asked, f"Layer {spec.layer} is asked for; there are {first} to {max(held)}.", "Choose one of these."
        )
    layers = tuple(held) if spec.layer < 0 else (spec.layer,)
    n_bytes = 4 * len(rows.labels) * sum(held[layer].shape[1] for layer in layers)
    if n_bytes > _MOST_BYTES:
        raise SpecInvalid(
            asked,
            f"All layers of {len(rows.labels):,} rows take {n_bytes / 1e9:.1f} GB side by side.",
            f"Take a sample of {_MOST_BYTES / n_bytes:.0%} of the sentences, or one layer.",
        )
    return layers, np.concatenate([rows.vectors(held[layer]) for layer in layers], axis=1)


def _of_split(
    spec: Neurons,
    X: NDArray[np.float32],
    targets: tuple[NDArray[np.intp], NDArray[np.intp]],
    group: NDArray[np.int64],
    split: Split,
    seed: int,
    n_classes: int,
    sizes: tuple[int, ...],
    run: Run,
) -> _Of:
    """Everything on one split. Args: targets: classes of the label and of the control task [rows]."""
    (train, test), (y, control) = split, targets
    if spec.is_scaled:
        seen, held = standardise(X[train], X[test])
    else:
        seen, held = X[train], X[test]
    strength, n_minimal = _chosen(seen, y[train], group[train], seed, n_classes, run)
    net = _elastic(seen, y[train][None], [strength], n_classes, run)
    linear, n_entered = _by_weights(net.coef[0], seed)
    information = mutual_information(seen, y[train])
    by_information = np.argsort(-information, kind="stable")
    orders = [
        linear,
        probeless_ranking(seen, y[train]),
        _by_gaussians(seen, y[train], by_information[:GAUSSIAN_CANDIDATES], seed),
        overlap_ranking(seen, y[train]),
        by_information,
        np.random.default_rng(seed).permutation(X.shape[1]),
    ]

    def again(columns: NDArray[np.intp], labels: NDArray[np.intp]) -> float:
        run.check()
        return retrained((seen[:, columns], labels[train]), (held[:, columns], labels[test]), n_classes, RETRAINED_C)

    kept = [[again(order[:size], y) if size <= len(order) else np.nan for size in sizes] for order in orders]
    bottom = [again(linear[-size:], y) for size in sizes]
    everything = np.arange(X.shape[1])
    masked = _masked(net, held, y[test], (linear, linear[::-1], orders[-1]))
    return _Of(
        orders=orders,
        n_entered=n_entered,
        strength=strength,
        weights=net.coef[0],
        information=information,
        kept=np.array(kept),
        bottom=np.array(bottom),
        masked=masked,
        oracle=(again(everything, y), again(everything, control)),
        net=float((net.predict(held)[0] == y[test]).mean()),
        n_minimal=n_minimal,
        minimal=(again(linear[:n_minimal], y), again(linear[:n_minimal], control)),
        n_unconverged=int((~net.converged).sum()),
    )


def _elastic(X: NDArray[np.float32], y: NDArray[np.intp], C: Sequence[float], n_classes: int, run: Run) -> LinearProbes:
    return fit_linear_probes(
        X, y, C=C, l1_ratio=L1_RATIO, n_classes=n_classes, max_iter=_ITERATIONS, tol=_TOLERANCE, device=run.device
    )


def _by_weights(W: NDArray[np.float32], seed: int) -> tuple[NDArray[np.intp], int]:
    """Neurons by linear correlation, and how many have a weight; those without follow as drawn, so that no layer is last."""
    order, steps = rank_by_weights(W)
    n = sum(len(step) for step in steps)
    return np.concatenate([order[:n], np.random.default_rng(seed).permutation(order[n:])]), n


def _mass(W: NDArray[np.float32], n_layers: int) -> NDArray[np.float64]:
    """[labels, layers]."""
    mass = np.abs(W, dtype=np.float64).reshape(len(W), n_layers, -1).sum(axis=2)
    shares: NDArray[np.float64] = mass / np.maximum(mass.sum(axis=1, keepdims=True), 1e-12)
    return shares


def _chosen(
    X: NDArray[np.float32], y: NDArray[np.intp], group: NDArray[np.int64], seed: int, n_classes: int, run: Run
) -> tuple[float, int]:
    """By a fifth of the training sentences: the penalty, and the size of the minimal set.

    The penalty is the sparsest whose probe is within TOLERANCE of the best one.
    """
    held = np.random.default_rng(seed).permutation(np.unique(group))
    in_dev = np.isin(group, held[: max(1, len(held) // 5)])
    inner, dev = X[~in_dev], X[in_dev]
    nets = _elastic(inner, np.tile(y[~in_dev], (len(PENALTIES), 1)), PENALTIES, n_classes, run)
    right = (nets.predict(dev) == y[in_dev]).mean(axis=1)
    place = int(np.flatnonzero(right >= right.max() - TOLERANCE)[0])
    order, _ = _by_weights(nets.coef[place], seed)

    def score(n: int) -> float:
        run.check()
        columns = order[:n]
        return retrained((inner[:, columns], y[~in_dev]), (dev[:, columns], y[in_dev]), n_classes, RETRAINED_C)

    oracle = score(X.shape[1])
    n, _ = smallest(score, X.shape[1], oracle - TOLERANCE, known=oracle)
    return PENALTIES[place], n


def _by_gaussians(
    X: NDArray[np.float32], y: NDArray[np.intp], candidates: NDArray[np.intp], seed: int
) -> NDArray[np.intp]:
    """The first neurons by Gaussians, among the most telling ones and on a part of the rows, so that it ends."""
    rows = np.random.default_rng(seed).permutation(len(X))[:GAUSSIAN_ROWS]
    if len(np.unique(y[rows])) < 2:
        return np.array([], dtype=np.intp)
    return candidates[gaussian_ranking(X[np.ix_(rows, candidates)], y[rows], GAUSSIANS)]


def _masked(
    net: LinearProbes, held: NDArray[np.float32], y: NDArray[np.intp], orders: Sequence[NDArray[np.intp]]
) -> NDArray[np.float64]:
    """Accuracy of a probe with a share of the neurons, the first of each order, at their mean [orders, shares]."""
    found = np.zeros((len(orders), len(_SHARES)))
    for i, order in enumerate(orders):
        for j, share in enumerate(_SHARES):
            without = ablate(held, order[: round(share * len(order))], mode="mean")
            found[i, j] = (net.predict(without)[0] == y).mean()
    return found
