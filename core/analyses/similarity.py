"""How alike base and tuned are, by one of several measures: how much of each layer's space is kept, and which layers
resemble which."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import Run, facing_layers, shared_rows
from core.analyses.embed import Embed, Embeddings, read_the_same
from core.analyses.places import group_of
from core.analyses.units import of_places
from core.data.load import load_sample
from core.errors import IncompatibleRefs, NotEnoughData, SpecInvalid
from core.keys import Result, Spec, later
from core.maths import similarity as maths
from core.maths.cards import CARDS
from core.maths.statistics import Estimate, group_folds

N_FOLDS = 20
RSA_ROWS = 1500
"""Rows that a measure compares at most if it looks at every pair of them, drawn with seed 0."""
LEAST_OF_KIND = 50
"""Words of one kind below which they are not compared by themselves."""
OVER_PAIRS = ("rsa", "rsa_spearman", "cka_rbf", "knn")
ESTIMATORS = {
    "cka": "linear CKA",
    "rsa": "RSA on cosines",
    "rsa_spearman": "RSA on cosines by rank (Spearman)",
    "cka_rbf": "kernel CKA (Gaussian, as wide as the median distance)",
    "procrustes": "angular Procrustes distance",
    "svcca": "SVCCA (directions that hold 99 % of the variance: squared singular values)",
    "pwcca": "PWCCA (the paper's definition, weights from the base)",
    "knn": "overlap of the 10 nearest neighbours by cosine",
}
_DEBIASED, _CENTRED = ", debiased", ", rows less their mean"
_WORK = {"rsa_spearman": 3.0, "svcca": 3.0, "pwcca": 4.0, "knn": 2.0}
"""Of measures that take longer than the rest."""


@dataclass(frozen=True, kw_only=True)
class Similarity(Spec, kind="similarity"):
    """A measure of similarity, layer by layer and every layer against every other."""

    title: ClassVar[str] = "Similarity"
    sources: ClassVar[tuple[str, ...]] = tuple(dict.fromkeys(card.source for card in CARDS.values()))
    seconds_per_unit: ClassVar[float] = 1.5e-5

    base: Embed
    tuned: Embed
    debiased: bool = True
    """The debiased estimator of CKA; the plain one is inflated when rows are few against the width."""
    measure: Literal["cka", "rsa", "rsa_spearman", "cka_rbf", "procrustes", "svcca", "pwcca", "knn"] = later("cka")
    """What each of them is: core.maths.cards."""
    label: str = later("")
    """Word label that says which words are compared; empty = all."""
    value: str = later("")
    """What that label must be."""
    max_rows: int = later(0)
    """Rows that are compared at most, drawn with seed 0; 0 = all. What sets texts of unequal length beside each other
    (equal_limits)."""
    k: int = later(10)
    """Nearest neighbours that are looked at, for knn."""
    centred: bool = later(False)
    """Whether rows are taken less the mean of all of them first, for RSA, whose cosines a step common to all rows changes. Other
    measures do so themselves, or do not mind. The interval takes that mean as known."""

    def cites(self) -> tuple[str, ...]:
        """Whose measure it is, and whose estimator."""
        debiased = (
            ("Song et al. 2012 (unbiased estimator)",) if self.debiased and self.measure.startswith("cka") else ()
        )
        return (CARDS[self.measure].source, *debiased)

    def validate(self) -> None:
        if self.max_rows < 0:
            raise SpecInvalid(f"Comparing at most {self.max_rows} rows.", "Negative.", "Give 0 for all.")
        read_the_same(self.base, self.tuned)
        if self.measure not in ("cka", "cka_rbf") and not self.debiased:
            what = self.measure.upper()
            raise SpecInvalid(f"{what} without debiasing.", "It has one estimator.", "Leave debiased as it is.")
        if (self.k != 10 and self.measure != "knn") or not 1 <= self.k <= 100:
            raise SpecInvalid(
                f"Comparing {self.k} nearest neighbours.", "Only knn looks at 1 to 100.", "Leave k as it is."
            )
        if self.centred and not self.measure.startswith("rsa"):
            raise SpecInvalid(
                f"{self.measure.upper()} of centred rows.", "Only RSA has a choice.", "Leave it as it is."
            )
        if bool(self.label) != bool(self.value):
            raise SpecInvalid("Comparing words of one kind.", "Of label and value one is missing.", "Give both.")
        if self.label and self.base.unit != "word":
            raise SpecInvalid(
                f"Comparing {self.base.unit}s of one kind.", "Only words have one here.", "Draw such sentences instead."
            )

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers; a few kilobytes kept."""
        return self.base.cost()[0] * _WORK.get(self.measure, 1.0), 2e4


@dataclass(frozen=True, kw_only=True)
class LayerSimilarity(Result):
    """A measure of the two sides; its card (core.maths.cards) says which end means alike."""

    same_layer: tuple[Estimate | None, ...]
    """Layer i of base against the tuned layer it faces (core.analyses.base.facing_layers: layer i at equal depth);
    interval by a jackknife over 20 groups of sentences, versions of one another together. None where every row of a side is
    equal ([CLS] at layer 0: one token, one position), so that there is nothing to compare."""
    matrix: np.ndarray
    """[base layers, tuned layers], float64; NaN in rows and columns of such a layer."""
    n_rows: int
    n_sentences: int
    estimator: str
    shuffled: tuple[float | None, ...] = ()
    """The measure of the same layers with the rows of the tuned side in another order, seed 0: what it gives where no row
    matches. Empty for debiased linear CKA and RSA, which give about 0."""

    @property
    def measure(self) -> str:
        """Name of its card."""
        text = self.estimator.removesuffix(_DEBIASED).removesuffix(_CENTRED)
        text = re.sub(r"the \d+ nearest", "the 10 nearest", text)
        return next(name for name, known in ESTIMATORS.items() if text == known)

    @property
    def moves_with_rows(self) -> bool:
        """Whether more rows of the same two spaces would give another value: as its card says, and the plain CKA too."""
        is_plain = self.measure.startswith("cka") and not self.estimator.endswith(_DEBIASED)
        return CARDS[self.measure].moves_with_rows or is_plain


def compute(spec: Similarity, inputs: dict[str, Any], run: Run) -> LayerSimilarity:
    """Compare. Raises NotEnoughData for under 4 sentences, or too few rows for the measure."""
    base, tuned = inputs["base"], inputs["tuned"]
    depth = len(base.layers)
    facing = facing_layers(depth - 1, len(tuned.layers) - 1)
    in_base, in_tuned = _compared_rows(spec, base, tuned)
    drawn_with = group_of(load_sample(spec.base.sample), base.sentence[in_base])
    of_pair, of_all, value = _measured(spec, group_folds(drawn_with, n_folds=N_FOLDS))
    order = np.random.default_rng(0).permutation(len(in_base))
    varying = [
        [i for i, vectors in enumerate(side.layers) if _varies(vectors, rows)]
        for side, rows in ((base, in_base), (tuned, in_tuned))
    ]
    same: list[Estimate | None] = []
    shuffled: list[float | None] = []
    for layer in range(depth):
        run.step(layer, depth, "layers against themselves")
        if layer not in varying[0] or facing[layer] not in varying[1]:
            same.append(None)
            shuffled.append(None)
            continue
        X = _read(spec, base.layers[layer], in_base)
        Y = _read(spec, tuned.layers[facing[layer]], in_tuned)
        same.append(of_pair(X, Y))
        if value:
            run.check()
            shuffled.append(value(X, Y[order]))
    matrix = np.full((depth, len(tuned.layers)), np.nan)
    if varying[0] and varying[1]:
        matrix[np.ix_(*varying)] = of_all(
            [_read(spec, base.layers[i], in_base) if spec.centred else base.layers[i][in_base] for i in varying[0]],
            [_read(spec, tuned.layers[i], in_tuned) if spec.centred else tuned.layers[i][in_tuned] for i in varying[1]],
            on_step=lambda done, total: run.step(done, total, "layers against each other"),
        )
    return LayerSimilarity(
        same_layer=tuple(same),
        matrix=matrix,
        n_rows=len(in_base),
        n_sentences=len(np.unique(base.sentence[in_base])),
        estimator=_estimator(spec),
        shuffled=tuple(shuffled) if value else (),
    )


def _read(spec: Similarity, vectors: np.ndarray, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """The compared rows of a layer, less their mean where that is asked for."""
    found = np.asarray(vectors[rows], dtype=np.float32)
    return found - found.mean(axis=0) if spec.centred else found


def _estimator(spec: Similarity) -> str:
    """What is measured, and how."""
    text = ESTIMATORS[spec.measure].replace("the 10 nearest", f"the {spec.k} nearest")
    debiased = _DEBIASED if spec.measure.startswith("cka") and spec.debiased else ""
    return text + debiased + (_CENTRED if spec.centred else "")


def _compared_rows(spec: Similarity, base: Embeddings, tuned: Embeddings) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of both sides that are compared: the same words or sentences, of the kind asked for, no more than is bearable."""
    in_base, in_tuned = shared_rows((base.sentence, base.word), (tuned.sentence, tuned.word))
    if spec.label:
        chosen = _of_kind(spec, base.sentence[in_base], base.word[in_base])
        in_base, in_tuned = in_base[chosen], in_tuned[chosen]
    most = min(_most_rows(spec.measure, len(in_base)), spec.max_rows or len(in_base))
    if len(in_base) > most:
        chosen = np.sort(np.random.default_rng(0).choice(len(in_base), most, replace=False))
        in_base, in_tuned = in_base[chosen], in_tuned[chosen]
    return in_base, in_tuned


def _most_rows(measure: str, n: int) -> int:
    return min(n, RSA_ROWS) if measure in OVER_PAIRS else n


def equal_limits(measure: str, rows: Sequence[int]) -> tuple[int, ...]:
    """Similarity.max_rows for each of several texts, so that a value that moves with the number of rows is of equally many.

    Args:
        measure: name of its card.
        rows: that each text has.
    Returns:
        0 for a text that has, or is read in, no more than the shortest; for all where the measure does not ask for it.
    """
    read = [_most_rows(measure, n) for n in rows]
    least = min(read) if CARDS[measure].moves_with_rows else max(read)
    return tuple(least if n > least else 0 for n in read)


def refuse_unequal_rows(first: LayerSimilarity, second: LayerSimilarity) -> None:
    """Raise IncompatibleRefs where two values cannot be subtracted: of other measures, or of rows whose number decides."""
    asked = "Subtracting the similarity of one text from that of another."
    if first.estimator != second.estimator:
        found = f"One is {first.estimator}, the other {second.estimator}."
        raise IncompatibleRefs(asked, found, "Take the same measure of both.")
    if first.moves_with_rows and first.n_rows != second.n_rows:
        raise IncompatibleRefs(
            asked,
            f"{first.n_rows:,} rows of one, {second.n_rows:,} of the other: {first.estimator} moves with their number.",
            "Read equally many rows of both (max_rows), or take CKA.",
        )


def _of_kind(spec: Similarity, sentence: NDArray[np.int32], word: NDArray[np.int32]) -> NDArray[np.intp]:
    """Places of the words that have the asked value of the asked label."""
    labels = load_sample(spec.base.sample).word_labels
    if spec.label not in labels:
        raise SpecInvalid(
            f"Comparing words by their {spec.label!r}.",
            f"The words have: {', '.join(labels) or 'none'}.",
            "Choose one.",
        )
    tags = of_places(labels[spec.label], zip(sentence.tolist(), word.tolist(), strict=True))
    found = np.flatnonzero(np.array([tag == spec.value for tag in tags]))
    if len(found) < LEAST_OF_KIND:
        raise NotEnoughData(
            f"Comparing the words whose {spec.label} is {spec.value}.",
            f"{len(found)} of {len(sentence):,} words are.",
            f"Take more sentences ({LEAST_OF_KIND} such words are needed), or a commoner kind.",
        )
    return found


def _measured(
    spec: Similarity, folds: np.ndarray
) -> tuple[Callable[..., Estimate], Callable[..., np.ndarray], Callable[..., float] | None]:
    """The measure of one pair of layers with its interval, of all pairs, and alone where it is asked of shuffled rows."""
    name, debiased = spec.measure, spec.debiased
    if name == "cka":
        jackknifed = partial(maths.cka_jackknife, folds=folds, debiased=debiased)
        return jackknifed, partial(maths.cka_matrix, debiased=debiased), None
    if name == "rsa":
        return partial(maths.rsa_jackknife, folds=folds), maths.rsa_matrix, None
    if name == "rsa_spearman":
        jackknifed = partial(maths.rsa_jackknife, folds=folds, statistic="spearman")
        return jackknifed, partial(maths.rsa_matrix, statistic="spearman"), partial(maths.rsa, statistic="spearman")
    if name == "cka_rbf":
        jackknifed = partial(maths.kernel_cka_jackknife, folds=folds, debiased=debiased)
        of_all = partial(maths.kernel_cka_matrix, debiased=debiased)
        return jackknifed, of_all, partial(maths.kernel_cka, debiased=debiased)
    if name == "knn":
        jackknifed, of_all = partial(maths.knn_jackknife, folds=folds, k=spec.k), partial(maths.knn_matrix, k=spec.k)
        return jackknifed, of_all, partial(maths.knn_overlap, k=spec.k)
    alone = {"procrustes": maths.angular_procrustes, "svcca": maths.svcca, "pwcca": maths.pwcca}
    jackknifed = partial(maths.alignment_jackknife, folds=folds, measure=name)
    return jackknifed, partial(maths.alignment_matrix, measure=name), alone[name]


def _varies(vectors: np.ndarray, rows: np.ndarray) -> bool:
    """Whether the rows differ from one another."""
    return bool((vectors[rows] != vectors[rows[0]]).any())
