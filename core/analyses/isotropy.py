"""How a space uses its dimensions, before and after tuning, by several measures that may disagree."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.base import Run, facing_layers, shared_rows, spread
from core.analyses.embed import Embed, read_the_same
from core.analyses.places import group_of
from core.data.load import load_sample
from core.errors import NotEnoughData, SpecInvalid
from core.keys import Result, Spec
from core.maths.cosines import (
    Dimensions,
    contributions_left_out,
    dimensions,
    intra_similarity,
    self_similarity_left_out,
    top_contribution,
    variance_shares_left_out,
)
from core.maths.isotropy import (
    intrinsic_dimension_left_out,
    isoscore_left_out,
    log10_partition_left_out,
    top_share_left_out,
)
from core.maths.statistics import Estimate, group_folds, jackknife

N_FOLDS = 20
MOST_ROWS = 20_000
"""Rows of whole sentences that are looked at, drawn with seed 0."""
N_DIMENSIONS = 3
"""Dimensions whose share of the mean cosine is taken together (Timkey & van Schijndel 2021)."""
MEASURES = (
    "isoscore",
    "partition",
    "dimension",
    "top_component",
    "mean_cosine",
    "top_dimensions",
    "self_similarity",
    "intra_similarity",
)
"""The last two of words only; partition is the power of ten of the partition isotropy."""


@dataclass(frozen=True, kw_only=True)
class Isotropy(Spec, kind="isotropy"):
    """Isotropy, intrinsic dimension and outlier dimensions of every layer of both sides, on the same rows."""

    title: ClassVar[str] = "Isotropy"
    sources: ClassVar[tuple[str, ...]] = (
        "Rudman et al. 2022, arXiv 2108.07344",
        "Rajaee & Pilehvar 2021, arXiv 2109.04740",
        "Ethayarajh 2019",
        "Facco et al. 2017",
    )
    seconds_per_unit: ClassVar[float] = 3e-4

    base: Embed
    tuned: Embed
    n_points: int = 2000
    """Rows, drawn with seed 0, for what compares all pairs of rows or finds directions anew in each fold: intrinsic dimension
    and partition isotropy."""

    def validate(self) -> None:
        read_the_same(self.base, self.tuned)
        if not 50 <= self.n_points <= 10_000:
            raise SpecInvalid(f"An intrinsic dimension of {self.n_points} rows.", "Out of range.", "Use 50 to 10,000.")

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers and rows compared in pairs; some kilobytes kept."""
        layers = self.base.n_layers + self.tuned.n_layers
        return self.base.cost()[0] + self.tuned.cost()[0] + layers * self.n_points, 5e4


@dataclass(frozen=True, kw_only=True)
class Isotropies(Result):
    """Every measure per layer; which way is which stands with each in core.maths."""

    base: dict[str, tuple[Estimate | None, ...]]
    """By name of MEASURES; intervals by a delete-a-group jackknife over 20 groups of sentences, all versions of a sentence in
    one. None where a measure has no answer: see missing."""
    tuned: dict[str, tuple[Estimate | None, ...]]
    """Of the tuned layers, likewise."""
    difference: dict[str, tuple[Estimate | None, ...]]
    """Tuned layer minus the base layer that faces it (core.analyses.base.facing_layers), one a base layer, paired fold by
    fold."""
    missing: dict[str, str]
    """Why a measure has no answer at some layer, by name of MEASURES; of several reasons that of most layers."""
    outliers: pd.DataFrame
    """Outlier dimensions of either side, one row a base layer and dimension, largest share first: layer, dimension, and for
    base and tuned the share of all variance with its interval, the size (mean absolute value, 1 = as the average dimension),
    and whether it is an outlier there; then tuned share minus base share with its interval. Empty (but for its columns) of two
    widths, whose dimensions do not correspond."""
    n_outliers: np.ndarray
    """How many dimensions are outliers [2, base layers]: base, and the tuned layer that faces it; NaN where all rows are equal."""
    n_rows: int
    n_points: int
    """Rows behind partition and dimension."""
    n_sentences: int
    width: int
    """Of the base; IsoScore asks for many more rows than that."""


@dataclass(frozen=True)
class _Rows:
    """The rows that are looked at, with what belongs to each."""

    base: NDArray[np.intp]
    tuned: NDArray[np.intp]
    sentence: NDArray[np.int64]
    group: NDArray[np.int64]
    """Its sentence, or one number for all versions of it."""
    fold: NDArray[np.intp]
    types: NDArray[np.str_] | None
    """Words, upper and lower case alike; None of sentences."""
    points: NDArray[np.intp]
    """Among them, those for what compares all pairs."""


Values = NDArray[np.float64]
"""Of all rows, then with each fold left out."""


@dataclass(frozen=True)
class _Spread:
    """The dimensions of a layer."""

    now: Dimensions
    shares: Values
    """Of all rows, then with each fold left out [1 + folds, width]."""


@dataclass(frozen=True)
class _Layer:
    """What is found of one layer of one side."""

    values: dict[str, Values]
    missing: dict[str, str]
    spread: _Spread | None


def compute(spec: Isotropy, inputs: dict[str, Any], run: Run) -> Isotropies:
    """Measure every layer of both sides. Raises NotEnoughData for under 4 sentences."""
    base, tuned = inputs["base"], inputs["tuned"]
    rows = _drawn(spec, base, tuned)
    facing = facing_layers(len(base.layers) - 1, len(tuned.layers) - 1)

    def measured(side: Any, own: NDArray[np.intp], layer: int) -> _Layer:
        X = np.asarray(side.layers[layer][own], dtype=np.float32)
        return _Layer(*_measured(X, rows, run), _spread(X, rows))

    tasks = [
        partial(measured, side, own, layer)
        for side, own in ((base, rows.base), (tuned, rows.tuned))
        for layer in range(len(side.layers))
    ]
    found = spread(run, tasks, "layers")
    depth = len(base.layers)
    sides = [[one.values for one in part] for part in (found[:depth], found[depth:])]
    sizes = [[one.spread for one in found[:depth]], [found[depth + other].spread for other in facing]]
    differences = [
        {name: sides[1][other][name] - values for name, values in one.items() if name in sides[1][other]}
        for one, other in zip(sides[0], facing, strict=True)
    ]
    return Isotropies(
        base=_estimates(sides[0], rows),
        tuned=_estimates(sides[1], rows),
        difference=_estimates(differences, rows),
        missing=_commonest(found),
        outliers=_outliers(*sizes),
        n_outliers=np.array([[np.nan if one is None else one.now.is_outlier.sum() for one in side] for side in sizes]),
        n_rows=len(rows.base),
        n_points=len(rows.points),
        n_sentences=len(np.unique(rows.sentence)),
        width=int(base.layers[0].shape[1]),
    )


def _drawn(spec: Isotropy, base: Any, tuned: Any) -> _Rows:
    """Rows that both sides have, of whole sentences, at most MOST_ROWS."""
    in_base, in_tuned = shared_rows((base.sentence, base.word), (tuned.sentence, tuned.word))
    sentence, rng = base.sentence[in_base].astype(np.int64), np.random.default_rng(0)
    if len(in_base) > MOST_ROWS:
        order = rng.permutation(np.unique(sentence))
        count = np.bincount(sentence, minlength=int(order.max()) + 1)[order]
        chosen = np.isin(sentence, order[np.cumsum(count) <= MOST_ROWS])
        in_base, in_tuned, sentence = in_base[chosen], in_tuned[chosen], sentence[chosen]
    points = np.arange(len(in_base))
    if len(points) > spec.n_points:
        points = np.sort(rng.choice(points, spec.n_points, replace=False))
    examples, types = load_sample(spec.base.sample), None
    if spec.base.unit == "word":
        words = examples.words
        places = zip(sentence.tolist(), base.word[in_base].tolist(), strict=True)
        types = np.array([words[at][word].casefold() for at, word in places])
    group = group_of(examples, sentence)
    return _Rows(in_base, in_tuned, sentence, group, group_folds(group, n_folds=N_FOLDS), types, points)


def _measured(X: NDArray[np.float32], rows: _Rows, run: Run) -> tuple[dict[str, Values], dict[str, str]]:
    """The measures of one layer that have an answer; of the others, why not."""
    found: dict[str, Values] = {}
    missing: dict[str, str] = {}

    def answer(name: str, measure: Callable[[], Values]) -> None:
        run.check()
        try:
            found[name] = measure()
        except NotEnoughData as reason:
            missing[name] = f"{reason.found} {reason.do}"

    points, folds = X[rows.points], rows.fold[rows.points]
    answer("isoscore", lambda: isoscore_left_out(X, rows.fold))
    answer("top_component", lambda: top_share_left_out(X, rows.fold))
    answer("partition", lambda: log10_partition_left_out(points, folds))
    answer("dimension", lambda: intrinsic_dimension_left_out(points, folds))
    contributions = contributions_left_out(X, rows.group, rows.fold)
    crowding: Values = contributions.sum(axis=1)
    found["mean_cosine"] = crowding
    answer("top_dimensions", lambda: _shared_out(contributions))
    if rows.types is not None:
        types = rows.types.tolist()
        answer("self_similarity", lambda: self_similarity_left_out(X, types, rows.group, rows.fold) - crowding)
        answer("intra_similarity", lambda: _intra(X, rows) - crowding)
    return found, missing


def _shared_out(contributions: Values) -> Values:
    """Share of the first dimensions in the mean cosine, where that is told apart from 0."""
    whole = contributions.sum(axis=1)
    if jackknife(float(whole[0]), whole[1:], n=len(whole)).low <= 0:
        raise NotEnoughData(
            "Sharing out the mean cosine.", "It is inside the noise around 0.", "There is nothing to share out."
        )
    return top_contribution(contributions, n=min(N_DIMENSIONS, contributions.shape[1]))


def _intra(X: NDArray[np.float32], rows: _Rows) -> Values:
    """Mean similarity inside sentences, of all and with each fold left out."""
    each = intra_similarity(X, rows.sentence)
    _, first = np.unique(rows.sentence, return_index=True)
    fold, is_long = rows.fold[first], ~np.isnan(each)
    kept = [is_long, *(is_long & (fold != name) for name in range(rows.fold.max() + 1))]
    if not all(one.any() for one in kept):
        raise NotEnoughData("Similarity inside sentences.", "Too few have two words.", "Give longer ones.")
    return np.array([each[one].mean() for one in kept])


def _commonest(found: list[_Layer]) -> dict[str, str]:
    """Why each measure has no answer at most of the layers where it has none."""
    reasons = {name: [one.missing[name] for one in found if name in one.missing] for name in MEASURES}
    return {name: max(given, key=given.count) for name, given in reasons.items() if given}


def _spread(X: NDArray[np.float32], rows: _Rows) -> _Spread | None:
    """None where all rows are equal ([CLS] at layer 0)."""
    try:
        return _Spread(dimensions(X), variance_shares_left_out(X, rows.fold))
    except NotEnoughData:
        return None


def _estimates(held: list[dict[str, Values]], rows: _Rows) -> dict[str, tuple[Estimate | None, ...]]:
    def one(values: Values | None, name: str) -> Estimate | None:
        n = len(rows.points) if name in ("partition", "dimension") else len(rows.base)
        return None if values is None else jackknife(float(values[0]), values[1:], n=n)

    return {name: tuple(one(layer.get(name), name) for layer in held) for name in MEASURES}


def _outliers(base: list[_Spread | None], tuned: list[_Spread | None]) -> pd.DataFrame:
    """Dimensions that are outliers on either side of a layer."""
    found: list[dict[str, Any]] = []
    for layer, (one, other) in enumerate(zip(base, tuned, strict=True)):
        if one is None or other is None or one.shares.shape != other.shares.shape:
            continue
        largest = np.maximum(one.shares[0], other.shares[0])
        among = np.flatnonzero(one.now.is_outlier | other.now.is_outlier)
        found += [_outlier(layer, int(at), one, other) for at in among[np.argsort(-largest[among], kind="stable")]]
    return pd.DataFrame(found, columns=_COLUMNS)


_COLUMNS = [
    "layer", "dimension",
    *(f"{side}_{name}" for side in ("base", "tuned") for name in ("share", "low", "high", "size", "is_outlier")),
    "difference", "difference_low", "difference_high",
]  # fmt: skip


def _outlier(layer: int, at: int, base: _Spread, tuned: _Spread) -> dict[str, Any]:
    row: dict[str, Any] = {"layer": layer, "dimension": at}
    for name, side in (("base", base), ("tuned", tuned)):
        share = jackknife(float(side.shares[0, at]), side.shares[1:, at], n=len(side.shares))
        row |= {f"{name}_share": share.value, f"{name}_low": share.low, f"{name}_high": share.high}
        row |= {f"{name}_size": float(side.now.size[at]), f"{name}_is_outlier": bool(side.now.is_outlier[at])}
    moved = tuned.shares[:, at] - base.shares[:, at]
    change = jackknife(float(moved[0]), moved[1:], n=len(moved))
    return row | {"difference": change.value, "difference_low": change.low, "difference_high": change.high}
