"""Twins: each neuron of the base beside itself after tuning. Did it keep its part, move, or take up another?"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import Run, shared_rows
from core.analyses.embed import Embeddings, read_the_same
from core.analyses.inner_embed import MLP_TO_WIDTH, AnyEmbed
from core.analyses.units import labelled_rows
from core.data.load import load_sample
from core.errors import IncompatibleRefs, NotEnoughData, SpecInvalid
from core.keys import Result, Spec
from core.maths.neurons import mutual_information

KEPT, MOVED, CHANGED, REPURPOSED, SILENT, CONSTANT = "kept", "moved", "changed", "repurposed", "silent", "constant"
FATES = (KEPT, MOVED, CHANGED, REPURPOSED, SILENT, CONSTANT)
"""What may become of a neuron, in the order of FATE codes."""
ALIKE, UNLIKE = 0.8, 0.5
"""Correlations over the rows, of either sign, from which on two neurons do the same, and below which they do not."""
STILL = 0.1
"""A neuron whose spread falls below such a share of what it was has fallen silent."""
DEAD = 1e-4
"""Of the median spread of its layer: a neuron of the base that varies less has no part that it could keep."""
TOP_ROWS = 20
"""Rows on which a neuron is highest, whose words are compared."""
TOP_WORDS = 3
"""Different words of these that are named."""
_BEGINNING = 40
_FEWEST = 50


@dataclass(frozen=True, kw_only=True)
class NeuronTwins(Spec, kind="neuron_twins"):
    """Compare the neurons of both sides, layer by layer, on the same rows."""

    title: ClassVar[str] = "Twins of neurons"
    sources: ClassVar[tuple[str, ...]] = ("Durrani et al. 2021, arXiv 2105.15179",)
    seconds_per_unit: ClassVar[float] = 6e-4

    base: AnyEmbed
    tuned: AnyEmbed
    label: str = ""
    """Label whose information is followed; empty = none."""

    def validate(self) -> None:
        read_the_same(self.base, self.tuned, "Comparing neurons with their twins.")

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers, for each time the square of a state's width; a few numbers a neuron."""
        times = MLP_TO_WIDTH if self.base.site == "mlp" else 1
        return 2 * times**2 * self.base.cost()[0], times * 5e5


@dataclass(frozen=True, kw_only=True)
class Twins(Result):
    """A row a layer, a column a neuron; float32 unless said otherwise."""

    same: np.ndarray
    """Correlation of each base neuron with itself after tuning over the rows, -1 to 1 [layers, width]; 0 where one is constant."""
    match: np.ndarray
    """Tuned neuron of the layer that correlates most with it, by size of the correlation, int32 [layers, width]."""
    match_size: np.ndarray
    """That correlation, -1 to 1 [layers, width]."""
    new: np.ndarray
    """Of each tuned neuron: the largest |correlation| with any base neuron of the layer, 0 to 1; NaN of a constant one [layers,
    width]."""
    nearest: np.ndarray
    """That base neuron, int32 [layers, width]."""
    spread: np.ndarray
    """Standard deviation after tuning over that before; 1 = unchanged; NaN of a constant neuron of the base [layers, width]."""
    fate: np.ndarray
    """Index into FATES, int8 [layers, width]."""
    words: np.ndarray
    """Share of the TOP_ROWS rows on which a neuron is highest that are the same after tuning, 0 to 1 [layers, width]."""
    told: np.ndarray
    """Bits that each neuron alone tells of the label, [2 (base, tuned), layers, width]; 0 without a label."""
    n_rows: int
    n_sentences: int
    base_top: tuple[np.ndarray, ...] = ()
    """By layer: the first different words on which each neuron is highest, as places in vocabulary, -1 where there are fewer, int32
    [width, TOP_WORDS]. Empty in results stored before they were kept."""
    tuned_top: tuple[np.ndarray, ...] = ()
    """The same after tuning."""
    vocabulary: tuple[str, ...] = ()
    """Words of the rows, lower case; of sentences their beginnings."""
    first_layer: int = 0
    """Layer of the first row of each table: 1 inside the blocks."""


def compute(spec: NeuronTwins, inputs: dict[str, Any], run: Run) -> Twins:
    """Correlate. Raises IncompatibleRefs for other depths or widths, NotEnoughData under 50 shared rows, SpecInvalid for pairs."""
    base, tuned = inputs["base"], inputs["tuned"]
    widths = [tuple(layer.shape[1] for layer in side.layers) for side in (base, tuned)]
    if widths[0] != widths[1]:
        raise IncompatibleRefs(
            "Comparing neurons with their twins.",
            f"The sides have {len(widths[0])} layers of {widths[0][0]} and {len(widths[1])} of {widths[1][0]} neurons.",
            "A neuron has a twin only where the network is of the same shape: choose a checkpoint tuned from this base.",
        )
    in_base, in_tuned = shared_rows((base.sentence, base.word), (tuned.sentence, tuned.word))
    if len(in_base) < _FEWEST:
        raise NotEnoughData(
            "Correlating neurons over rows.", f"There are {len(in_base)}.", f"Give {_FEWEST} or more: a larger sample."
        )
    labels = _labels(spec, base), _labels(spec, tuned)
    vocabulary, word = np.unique(_words(spec, base, in_base), return_inverse=True)
    found, top = [], []
    for layer in range(len(base.layers)):
        run.step(layer, len(base.layers), "layers")
        sides = (
            np.asarray(base.layers[layer], dtype=np.float32)[in_base],
            np.asarray(tuned.layers[layer], dtype=np.float32)[in_tuned],
        )
        told = [
            np.zeros(widths[0][layer]) if own is None else mutual_information(own[0](side.layers[layer]), own[1])
            for own, side in zip(labels, (base, tuned), strict=True)
        ]
        rows = [np.argsort(-side, axis=0, kind="stable")[:TOP_ROWS] for side in sides]
        found.append((*_twins(*sides, rows), np.stack(told)))
        top.append([first_words(word[own]) for own in rows])
    run.step(len(base.layers), len(base.layers), "layers")
    same, match, match_size, new, nearest, spread, words, told = zip(*found, strict=True)
    return Twins(
        same=_rows(same),
        match=np.stack(match).astype(np.int32),
        match_size=_rows(match_size),
        new=_rows(new),
        nearest=np.stack(nearest).astype(np.int32),
        spread=_rows(spread),
        fate=fates(_rows(same), np.stack(match), _rows(match_size), _rows(spread)),
        words=_rows(words),
        told=np.stack(told, axis=1).astype(np.float32),
        n_rows=len(in_base),
        n_sentences=len(np.unique(base.sentence[in_base])),
        base_top=tuple(own for own, _ in top),
        tuned_top=tuple(own for _, own in top),
        vocabulary=tuple(vocabulary.tolist()),
        first_layer=base.first_layer,
    )


def _words(spec: NeuronTwins, embeddings: Embeddings, rows: NDArray[np.intp]) -> list[str]:
    """What stands at each row."""
    examples = load_sample(spec.base.sample)
    sentence, word = embeddings.sentence[rows].tolist(), embeddings.word[rows].tolist()
    if spec.base.unit == "sentence":
        return [examples.texts[i][:_BEGINNING] for i in sentence]
    return [examples.words[i][j].lower() for i, j in zip(sentence, word, strict=True)]


def first_words(codes: NDArray[np.intp]) -> NDArray[np.int32]:
    """The first TOP_WORDS different codes of each column, -1 where there are fewer: [rows, width] -> int32 [width, TOP_WORDS]."""
    found = np.full((codes.shape[1], TOP_WORDS), -1, dtype=np.int32)
    for at, column in enumerate(codes.T):
        own = list(dict.fromkeys(column.tolist()))[:TOP_WORDS]
        found[at, : len(own)] = own
    return found


def _rows(values: tuple[NDArray, ...]) -> NDArray[np.float32]:
    return np.stack(values).astype(np.float32)


def _labels(spec: NeuronTwins, embeddings: Embeddings) -> tuple[Any, NDArray[np.intp]] | None:
    """How rows with a label are made from a layer, and the label of each; None without a label."""
    if not spec.label:
        return None
    rows = labelled_rows(load_sample(spec.base.sample), embeddings, spec.base.unit, spec.label)
    if len(rows.parts) > 1:
        raise SpecInvalid(
            f"Following neurons by {spec.label!r}.", "It is a label of two words at once.", "Choose another label."
        )
    names, y = np.unique(rows.labels, return_inverse=True)
    if len(names) < 2:
        raise NotEnoughData(f"Following neurons by {spec.label!r}.", "Every row is alike.", "Give two labels or more.")
    return rows.vectors, y


def _twins(base: NDArray[np.float32], tuned: NDArray[np.float32], top: list[NDArray[np.intp]]) -> tuple[NDArray, ...]:
    """same, match, match_size, new, nearest, spread, words of a layer [width] each. Args: top: highest rows, of both."""
    spreads = [side.std(axis=0, dtype=np.float64) for side in (base, tuned)]
    first, second = (
        ((side - side.mean(axis=0)) / np.where(sd > 0, sd, 1.0)).astype(np.float32)
        for side, sd in zip((base, tuned), spreads, strict=True)
    )
    alike = first.T @ second / len(first)
    size = np.abs(alike)
    itself = np.arange(len(alike))
    # Of equals, itself: nothing that did not change is said to have moved.
    best = np.where(size[itself, itself] >= size.max(axis=1) - 1e-6, itself, size.argmax(axis=1))
    alive, alive_after = (sd > DEAD * np.median(sd) for sd in spreads)
    ratio = np.divide(spreads[1], spreads[0], out=np.full_like(spreads[0], np.nan), where=alive)
    shared = np.array([len(np.intersect1d(top[0][:, j], top[1][:, j])) for j in itself]) / len(top[0])
    new = np.where(alive_after, size.max(axis=0), np.nan)
    return alike[itself, itself], best, alike[itself, best], new, size.argmax(axis=0), ratio, shared


def fates(same: NDArray, match: NDArray, match_size: NDArray, spread: NDArray) -> NDArray[np.int8]:
    """What became of each neuron, as an index into FATES [layers, width].

    Silent: its spread fell below a tenth. Kept: it still goes with itself (correlation 0.8 or more, of either sign). Moved:
    another neuron of the layer does what it did. Repurposed: neither, and it goes with itself by less than 0.5. Changed: between.
    Constant: it never changed in the base, so that there is nothing it could have kept.

    Args: as in Twins.
    """
    itself = np.arange(same.shape[1])[None, :]
    found = np.full(same.shape, FATES.index(CHANGED), dtype=np.int8)
    found[np.abs(same) < UNLIKE] = FATES.index(REPURPOSED)
    found[(match != itself) & (np.abs(match_size) >= ALIKE)] = FATES.index(MOVED)
    found[np.abs(same) >= ALIKE] = FATES.index(KEPT)
    found[spread < STILL] = FATES.index(SILENT)
    found[np.isnan(spread)] = FATES.index(CONSTANT)
    return found
