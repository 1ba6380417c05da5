"""Other kinds of probe on every layer of both sides: a perceptron, and readers that learn next to nothing."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import Run, facing_layers, spread
from core.analyses.embed import Embed, Embeddings, read_the_same
from core.analyses.probe import Split, control_of, refuse_odd_settings, splits_of
from core.analyses.probe_change import MOST_LOST
from core.analyses.units import LabelledRows, labelled_rows
from core.data.load import load_sample
from core.errors import IncompatibleRefs, NotEnoughData, SpecInvalid
from core.keys import Result, Spec
from core.maths.mlp import fit_mlps
from core.maths.probing import majority_share, standardise
from core.maths.simple_readers import nearest_centroid, nearest_hull, nearest_neighbours
from core.maths.statistics import Estimate, resampled_interval

KINDS = ("perceptron", "nearest centroid", "nearest neighbours", "nearest hull")
NEIGHBOURS = 10
HULL_ROWS = 1000, 400
"""Training and test rows at most of a nearest hull, which costs as much as all else otherwise."""
_DEV_SHARE = 0.15
"""Of the training sentences, where sizes and penalties are searched."""

Setting = tuple[int, int, float]
"""Units of the two hidden layers, and the L2 penalty."""


@dataclass(frozen=True, kw_only=True)
class ProbeKinds(Spec, kind="probe_kinds"):
    """A perceptron with two hidden layers, nearest centroid, neighbours and hull, on the splits of linear probes."""

    title: ClassVar[str] = "Other kinds of probe"
    sources: ClassVar[tuple[str, ...]] = ("Zhou & Srikumar 2022, arXiv 2106.14282",)
    seconds_per_unit: ClassVar[float] = 3.0e-3

    base: Embed
    tuned: Embed
    label: str
    n_seeds: int = 5
    """Random splits, as of linear probes; each also draws the perceptron's first weights."""
    sizes: tuple[int, ...] = (64,)
    """Of the hidden layers: every pair of them is tried where there are several."""
    penalties: tuple[float, ...] = (1e-4,)
    """L2 of the perceptron, each tried with each size."""

    def validate(self) -> None:
        refuse_odd_settings(self.n_seeds, 1.0)
        read_the_same(self.base, self.tuned, "Probing both sides.")
        sizes, penalties = self.sizes, self.penalties
        if not sizes or not penalties or min(sizes) < 1 or max(sizes) > 1024 or min(penalties) < 0:
            raise SpecInvalid(
                "Training perceptrons.",
                f"Sizes {sizes}, penalties {penalties}.",
                "Use sizes of 1 to 1024, penalties >= 0.",
            )

    @property
    def settings(self) -> tuple[Setting, ...]:
        """What is tried, small sizes and strong penalties first."""
        return tuple(
            (first, second, penalty)
            for first in sorted(self.sizes)
            for second in sorted(self.sizes)
            for penalty in sorted(self.penalties, reverse=True)
        )

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers x perceptrons of both sides; a few kilobytes kept."""
        nets = 2 + (len(self.settings) if len(self.settings) > 1 else 0)
        return 2 * self.base.cost()[0] * self.n_seeds * nets, 3e4


@dataclass(frozen=True, kw_only=True)
class KindScores(Result):
    """Accuracy on held-out sentences of each kind of probe, 0 to 1, larger = more can be read; kinds in the order of KINDS."""

    base: np.ndarray
    """Of the base side [kinds, layers, seeds]."""
    tuned: np.ndarray
    """Of the tuned side [kinds, tuned layers, seeds]."""
    base_control: np.ndarray
    """On the control task."""
    tuned_control: np.ndarray
    """On the control task."""
    base_score: tuple[tuple[Estimate, ...], ...]
    """Means with intervals over resampled splits (Nadeau & Bengio 2003), [kinds][layers]."""
    tuned_score: tuple[tuple[Estimate, ...], ...]
    """The same of the tuned side, [kinds][tuned layers]."""
    difference: tuple[tuple[Estimate, ...], ...]
    """Tuned layer that each base layer faces minus itself, paired over splits, [kinds][layers]."""
    base_settings: tuple[tuple[Setting, ...], ...]
    """Sizes and penalty of the perceptron, [layers][seeds]: searched in each split by itself."""
    tuned_settings: tuple[tuple[Setting, ...], ...]
    majority: float
    """Accuracy of always answering the commonest training label, mean over seeds."""
    labels: tuple[str, ...]
    n_train: int
    n_test: int
    n_sentences: int
    n_searched: int
    """Perceptrons tried in each split of each layer to choose sizes and penalty; 1 = none was searched."""
    overlap: float
    """Share of test rows whose type also stands in training; it bounds the control task."""
    n_neighbours: int
    """Training rows that nearest neighbours ask."""
    n_unconverged: int
    """Perceptrons that stopped at the limit of epochs."""
    n_uncertain: int
    """Test rows whose nearest hull could not be told for certain, over all layers and splits."""
    n_hull: int
    """Test rows of nearest hulls, over all layers and splits."""
    control_kind: str


def compute(spec: ProbeKinds, inputs: dict[str, Any], run: Run) -> KindScores:
    """Fit and score. Raises NotEnoughData for one class or under 10 sentences, IncompatibleRefs for other words."""
    examples = load_sample(spec.base.sample)
    sides = [_Side.of(inputs[name], labelled_rows(examples, inputs[name], spec.base.unit, spec.label), spec.n_seeds)
             for name in ("base", "tuned")]  # fmt: skip
    _refuse_other_rows(*sides)
    places = [
        (side, layer, seed) for side in sides for layer in range(len(side.layers)) for seed in range(spec.n_seeds)
    ]
    read = spread(run, [partial(side.read, layer, seed, spec.settings, run) for side, layer, seed in places], "probes")
    right = np.array([one.right for one in read]).reshape(-1, spec.n_seeds, 2, len(KINDS))
    scores = right.transpose(3, 2, 0, 1)  # [kinds, (task, control), layers of both sides, seeds]
    chosen = [tuple(one.setting for one in read[at : at + spec.n_seeds]) for at in range(0, len(read), spec.n_seeds)]
    depth = len(sides[0].layers)
    n_train, n_test = (int(np.mean([len(split[at]) for split in sides[0].splits])) for at in (0, 1))

    def estimates(values: NDArray[np.float64]) -> tuple[tuple[Estimate, ...], ...]:
        return tuple(tuple(resampled_interval(row, n_train=n_train, n_test=n_test) for row in kind) for kind in values)

    base, tuned = scores[:, 0, :depth], scores[:, 0, depth:]
    facing = list(facing_layers(depth - 1, len(sides[1].layers) - 1))
    return KindScores(
        base=base,
        tuned=tuned,
        base_control=scores[:, 1, :depth],
        tuned_control=scores[:, 1, depth:],
        base_score=estimates(base),
        tuned_score=estimates(tuned),
        difference=estimates(tuned[:, facing] - base),
        base_settings=tuple(chosen[:depth]),
        tuned_settings=tuple(chosen[depth:]),
        majority=float(
            np.mean([majority_share(sides[0].y[train], sides[0].y[test]) for train, test in sides[0].splits])
        ),
        labels=tuple(map(str, sides[0].names)),
        n_train=n_train,
        n_test=n_test,
        n_sentences=sides[0].n_sentences,
        n_searched=len(spec.settings),
        overlap=sides[0].overlap,
        n_neighbours=min(NEIGHBOURS, *(len(train) for train, _ in sides[0].splits)),
        n_unconverged=sum(one.n_unconverged for one in read),
        n_uncertain=sum(one.n_uncertain for one in read),
        n_hull=sum(one.n_hull for one in read),
        control_kind=sides[0].rows.control_kind,
    )


@dataclass(frozen=True)
class _Read:
    """What one split of one layer gave."""

    right: NDArray[np.float64]
    """Accuracies [(task, control), kinds]."""
    setting: Setting
    n_unconverged: int
    n_uncertain: int
    n_hull: int


@dataclass(frozen=True)
class _Side:
    """One side's rows and how they are split."""

    layers: tuple[np.ndarray, ...]
    rows: LabelledRows
    names: NDArray[np.str_]
    targets: NDArray[np.intp]
    """Class numbers [seeds, (task, control), n]."""
    splits: list[Split]

    @classmethod
    def of(cls, embeddings: Embeddings, rows: LabelledRows, n_seeds: int) -> "_Side":
        names, y = np.unique(rows.labels, return_inverse=True)
        if len(names) < 2:
            raise NotEnoughData("Probing.", f"Every row has the label “{names[0]}”.", "Give two or more.")
        targets = np.stack([np.stack([y, control_of(rows, names, seed)]) for seed in range(n_seeds)])
        return cls(embeddings.layers, rows, names, targets, splits_of(rows.group, n_seeds))

    @property
    def y(self) -> NDArray[np.intp]:
        real: NDArray[np.intp] = self.targets[0, 0]
        return real

    @property
    def n_sentences(self) -> int:
        return len(np.unique(self.rows.group))

    @property
    def overlap(self) -> float:
        types = self.rows.types
        return float(np.mean([np.isin(types[test], types[train]).mean() for train, test in self.splits]))

    def search(self, layer: int, seed: int, settings: tuple[Setting, ...], run: Run) -> Setting:
        """The setting that is most often right on a part of a split's training sentences; of equals, the first."""
        if len(settings) == 1:
            return settings[0]
        train = self.splits[seed][0]
        group = self.rows.group[train]
        held = np.random.default_rng(seed).permutation(np.unique(group))
        in_dev = np.isin(group, held[: max(1, round(len(held) * _DEV_SHARE))])
        X, outside = standardise(*(self.rows.vectors(self.layers[layer])[train[rows]] for rows in (~in_dev, in_dev)))
        nets = fit_mlps(
            X,
            self.y[train[~in_dev]],
            hidden=[setting[:2] for setting in settings],
            alpha=[setting[2] for setting in settings],
            seeds=[seed] * len(settings),
            n_classes=len(self.names),
            device=run.device,
            on_epoch=lambda _: run.check(),
        )
        right = (nets.predict(outside) == self.y[train[in_dev]]).mean(axis=1)
        return settings[int(right.argmax())]

    def read(self, layer: int, seed: int, settings: tuple[Setting, ...], run: Run) -> _Read:
        """All kinds on one split of one layer."""
        setting = self.search(layer, seed, settings, run)
        train, test = self.splits[seed]
        vectors = self.rows.vectors(self.layers[layer])
        X, outside = standardise(vectors[train], vectors[test])
        taught, asked = self.targets[seed][:, train], self.targets[seed][:, test]
        n_classes = len(self.names)
        nets = fit_mlps(
            X,
            taught,
            hidden=setting[:2],
            alpha=setting[2],
            seeds=[seed, seed],
            n_classes=n_classes,
            device=run.device,
            on_epoch=lambda _: run.check(),
        )
        said = nets.predict(outside)
        drawn = np.random.default_rng(seed)
        seen, tried = (
            np.sort(drawn.choice(len(side), min(len(side), most), replace=False))
            for side, most in zip((train, test), HULL_ROWS, strict=True)
        )
        right, uncertain, k = np.zeros((2, len(KINDS))), 0, min(NEIGHBOURS, len(train))
        for task, (y, wanted) in enumerate(zip(taught, asked, strict=True)):
            run.check()
            near, certain = nearest_hull(X[seen], y[seen], outside[tried], n_classes=n_classes)
            uncertain += int((~certain).sum())
            right[task] = [
                (said[task] == wanted).mean(),
                (nearest_centroid(X, y, outside, n_classes=n_classes) == wanted).mean(),
                (nearest_neighbours(X, y, outside, k=k, n_classes=n_classes) == wanted).mean(),
                (near == wanted[tried]).mean(),
            ]
        return _Read(right, setting, int((~nets.converged).sum()), uncertain, 2 * len(tried))


def _refuse_other_rows(base: _Side, tuned: _Side) -> None:
    """Differences are paired by split, and splits are drawn from the sentences: these must be the same."""
    lost = abs(len(base.y) - len(tuned.y)) / max(len(base.y), len(tuned.y))
    same = np.array_equal(np.unique(base.rows.sentence), np.unique(tuned.rows.sentence))
    if not np.array_equal(base.names, tuned.names) or not same or lost > MOST_LOST:
        raise IncompatibleRefs(
            "Probing both sides.",
            f"The tokenizers keep other words: base {len(base.y):,}, tuned {len(tuned.y):,}.",
            "Cut sentences at more pieces, or choose text that both can read.",
        )
