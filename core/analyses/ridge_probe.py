"""A ridge probe on every layer: how exactly a real number can be read from the vectors, beside its controls."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import Run, spread
from core.analyses.embed import Embed, Embeddings, read_the_same
from core.analyses.numbers import NumberedRows, numbered_rows
from core.analyses.probe import Split, refuse_odd_settings, splits_of
from core.errors import IncompatibleRefs, NotEnoughData, SpecInvalid
from core.keys import Result, Spec
from core.maths.probing import control_numbers
from core.maths.simple_readers import r_squared, rank_correlation, read_by_ridge
from core.maths.statistics import Estimate, resampled_interval

ALPHAS = tuple(float(f"{digit}e{power}") for power in range(-1, 7) for digit in (1, 3))
"""Strengths of the penalty to choose from, 0.1 to 3,000,000, on standardised features."""
_DEV_SHARE = 7
"""One in so many training sentences chooses the strength, as with linear probes."""


def refuse_unlike(one: "RidgeProbe", other: "RidgeProbe") -> None:
    """Raise IncompatibleRefs unless both read the same number of the same units in the same way."""
    if (one.number, one.n_seeds, one.alphas) != (other.number, other.n_seeds, other.alphas):
        raise IncompatibleRefs(
            "Comparing two ridge probes.", "Their number, seeds or penalties differ.", "Use the same for both."
        )
    read_the_same(one.embed, other.embed, "Comparing two ridge probes.")


@dataclass(frozen=True, kw_only=True)
class RidgeProbe(Spec, kind="ridge_probe"):
    """Ridge regression from one layer to a real number, over the random splits by sentence that linear probes have."""

    title: ClassVar[str] = "Ridge probe"
    sources: ClassVar[tuple[str, ...]] = (
        "Hewitt & Liang 2019 on control tasks",
        "Nadeau & Bengio 2003 on intervals over splits",
    )
    seconds_per_unit: ClassVar[float] = 4.0e-4

    embed: Embed
    number: str
    """Name of a number of sentences where those are embedded, else of words (core/data/numbers.py)."""
    n_seeds: int = 5
    """Random splits, 70 % of the sentences for training."""
    alphas: tuple[float, ...] = ALPHAS
    """scikit-learn's strengths; one is chosen in each split of each layer by a part of its training sentences."""

    def validate(self) -> None:
        refuse_odd_settings(self.n_seeds, 1.0)
        if not self.alphas or not all(0 < alpha <= 1e12 for alpha in self.alphas):
            raise SpecInvalid(
                "Reading by ridge regression.", f"Penalties {self.alphas}.", "Give one or more, above 0 and up to 1e12."
            )

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers x seeds, of words several times that; a few kilobytes kept."""
        return self.embed.cost()[0] * self.n_seeds * (1.0 if self.embed.unit == "word" else 0.2), 1e4


@dataclass(frozen=True, kw_only=True)
class RidgeScores(Result):
    """How well values of held-out sentences are told, at most 1 = exactly; 0 = no better than the mean, or no order in common."""

    r2: np.ndarray
    """Share of the variance accounted for, R squared [layers, seeds]; below 0 = worse than the mean."""
    rank: np.ndarray
    """Spearman's rank correlation, -1 to 1 [layers, seeds]."""
    control_r2: np.ndarray
    """R squared on the control task, its penalty chosen by itself [layers, seeds]."""
    control_rank: np.ndarray
    """Spearman's correlation on the control task [layers, seeds]."""
    score: tuple[Estimate, ...]
    """Mean R squared per layer with an interval over resampled splits (Nadeau & Bengio 2003)."""
    rank_score: tuple[Estimate, ...]
    """The same of Spearman's correlation."""
    control_score: tuple[Estimate, ...]
    """Mean R squared of the control task per layer, likewise."""
    control_rank_score: tuple[Estimate, ...]
    """The same of Spearman's correlation."""
    mean_r2: float
    """R squared of always answering the mean of the training values, mean over seeds: 0, or a little below."""
    mean: float
    """Of all values read."""
    deviation: float
    """Standard deviation of all values read, in their own unit."""
    chosen: tuple[tuple[float, ...], ...]
    """Strength of the penalty of each probe [layers][seeds]."""
    overlap: float
    """Share of test rows whose type (the same word or sentence) also stands in training; it bounds the control task."""
    n_train: int
    n_test: int
    n_rows: int
    n_sentences: int
    n_missing: int
    """Words or sentences left out because they have no number."""
    control_kind: str


def compute(spec: RidgeProbe, inputs: dict[str, Any], run: Run) -> RidgeScores:
    """Fit all probes. Raises NotEnoughData for values that do not differ or under 10 sentences, SpecInvalid for no such number."""
    embeddings: Embeddings = inputs["embed"]
    rows = numbered_rows(spec.embed.sample, embeddings, spec.embed.unit, spec.number)
    splits = splits_of(rows.group, spec.n_seeds)
    _refuse_constant(spec.number, rows.values, splits)
    targets = [np.stack([rows.values, control_of(rows, seed)], axis=1) for seed in range(spec.n_seeds)]
    n_layers = len(embeddings.layers)

    def read(layer: int, seed: int) -> tuple[NDArray[np.float64], float]:
        X, (train, test), both = rows.vectors(embeddings.layers[layer]), splits[seed], targets[seed]
        in_dev = dev_of(rows.group[train], seed)
        told, alphas = read_by_ridge(X[train], both[train], X[test], in_dev=in_dev, alphas=spec.alphas)
        return np.array([_scores(told[:, at], both[test, at]) for at in (0, 1)]), float(alphas[0])

    places = [(layer, seed) for layer in range(n_layers) for seed in range(spec.n_seeds)]
    found = spread(run, [partial(read, *place) for place in places], "ridge probes")
    scores = np.array([one for one, _ in found]).reshape(n_layers, spec.n_seeds, 2, 2)
    strengths = np.array([alpha for _, alpha in found]).reshape(n_layers, spec.n_seeds)
    n_train, n_test = (int(np.mean([len(split[side]) for split in splits])) for side in (0, 1))

    def estimates(values: NDArray[np.float64]) -> tuple[Estimate, ...]:
        return tuple(resampled_interval(row, n_train=n_train, n_test=n_test) for row in values)

    # Made contiguous: what is stored is what a reader gets back.
    r2, rank, control_r2, control_rank = (
        np.ascontiguousarray(scores[..., task, score]) for task in (0, 1) for score in (0, 1)
    )
    return RidgeScores(
        r2=r2,
        rank=rank,
        control_r2=control_r2,
        control_rank=control_rank,
        score=estimates(r2),
        rank_score=estimates(rank),
        control_score=estimates(control_r2),
        control_rank_score=estimates(control_rank),
        mean_r2=float(
            np.mean(
                [r_squared(np.full(len(test), rows.values[train].mean()), rows.values[test]) for train, test in splits]
            )
        ),
        mean=float(rows.values.mean()),
        deviation=float(rows.values.std()),
        chosen=tuple(map(tuple, strengths.tolist())),
        overlap=float(np.mean([np.isin(rows.types[test], rows.types[train]).mean() for train, test in splits])),
        n_train=n_train,
        n_test=n_test,
        n_rows=len(rows.values),
        n_sentences=len(np.unique(rows.group)),
        n_missing=rows.n_missing,
        control_kind=rows.control_kind,
    )


def control_of(rows: NumberedRows, seed: int) -> NDArray[np.float64]:
    """Values of the control task: fixed per type, or shuffled over sentences [n]."""
    if rows.unit == "sentence":
        return np.random.default_rng(1000 + seed).permutation(rows.values)
    return control_numbers(rows.types.tolist(), rows.values, seed=1000 + seed)


def dev_of(group: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """Of a split's training rows those that choose the penalty: a seventh of the sentences, with all their versions, bool [n]."""
    distinct = np.random.default_rng(seed).permutation(np.unique(group))
    return np.isin(group, distinct[: max(1, len(distinct) // _DEV_SHARE)])


def _scores(told: NDArray[np.float64], true: NDArray[np.float64]) -> tuple[float, float]:
    """R squared and Spearman's correlation; both 0 where a random control happens to be constant."""
    if (true == true[0]).all():
        return 0.0, 0.0
    return r_squared(told, true), rank_correlation(told, true)


def _refuse_constant(number: str, values: NDArray[np.float64], splits: list[Split]) -> None:
    """Raise NotEnoughData where the values of one side of a split are all equal."""
    sides: tuple[Literal["training", "held-out"], ...] = ("training", "held-out")
    for at, split in enumerate(splits, start=1):
        for name, side in zip(sides, split, strict=True):
            if (values[side] == values[side][0]).all():
                raise NotEnoughData(
                    f"Reading {number} by ridge regression.",
                    f"In split {at} all {len(side):,} {name} values are {values[side][0]:g}.",
                    "Take more sentences, or a number that varies more.",
                )
