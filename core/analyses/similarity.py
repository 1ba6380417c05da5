"""Linear CKA or RSA of base against tuned: how much of each layer's space is kept, and which layers resemble which."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np

from core.analyses.base import Run, facing_layers, shared_rows
from core.analyses.embed import Embed
from core.errors import IncompatibleRefs, SpecInvalid
from core.keys import Result, Spec, later
from core.maths.similarity import cka_jackknife, cka_matrix, rsa_jackknife, rsa_matrix
from core.maths.statistics import Estimate, group_folds

N_FOLDS = 20
RSA = "RSA on cosines"
RSA_ROWS = 1500
"""Rows that RSA compares at most, drawn with seed 0: it looks at every pair."""


@dataclass(frozen=True, kw_only=True)
class Similarity(Spec, kind="similarity"):
    """Linear CKA or RSA, layer by layer and every layer against every other."""

    title: ClassVar[str] = "Similarity"
    seconds_per_unit: ClassVar[float] = 1.5e-5

    base: Embed
    tuned: Embed
    debiased: bool = True
    """The debiased estimator of CKA; the plain one is inflated when rows are few against the width."""
    measure: Literal["cka", "rsa"] = later("cka")
    """rsa: Pearson correlation of the cosines of all pairs of rows (Merchant et al. 2020)."""

    def validate(self) -> None:
        if self.base.sample != self.tuned.sample or self.base.unit != self.tuned.unit:
            raise IncompatibleRefs("Comparing two embeddings.", "They read other sentences or units.", "Read the same.")
        if self.measure == "rsa" and not self.debiased:
            raise SpecInvalid("RSA without debiasing.", "It has one estimator.", "Leave debiased as it is.")

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers; a few kilobytes kept."""
        return self.base.cost()[0], 2e4


@dataclass(frozen=True, kw_only=True)
class LayerSimilarity(Result):
    """CKA or RSA of the two sides; 1 = the same geometry up to rotation and scale, 0 = unrelated."""

    same_layer: tuple[Estimate | None, ...]
    """Layer i of base against the tuned layer it faces (core.analyses.base.facing_layers: layer i at equal depth);
    interval by a jackknife over 20 groups of sentences. None where every row of a side is equal ([CLS] at layer 0: one
    token, one position), so that there is nothing to compare."""
    matrix: np.ndarray
    """[base layers, tuned layers], float64; NaN in rows and columns of such a layer."""
    n_rows: int
    n_sentences: int
    estimator: str

    @property
    def measure(self) -> str:
        """cka or rsa."""
        return "rsa" if self.estimator == RSA else "cka"


def compute(spec: Similarity, inputs: dict[str, Any], run: Run) -> LayerSimilarity:
    """Compare. Raises NotEnoughData for under 4 sentences."""
    base, tuned = inputs["base"], inputs["tuned"]
    depth = len(base.layers)
    facing = facing_layers(depth - 1, len(tuned.layers) - 1)
    in_base, in_tuned = shared_rows((base.sentence, base.word), (tuned.sentence, tuned.word))
    if spec.measure == "rsa" and len(in_base) > RSA_ROWS:
        chosen = np.sort(np.random.default_rng(0).choice(len(in_base), RSA_ROWS, replace=False))
        in_base, in_tuned = in_base[chosen], in_tuned[chosen]
    folds = group_folds(base.sentence[in_base], n_folds=N_FOLDS)
    of_pair, of_all = _measured(spec, folds)
    varying = [
        [i for i, vectors in enumerate(side.layers) if _varies(vectors, rows)]
        for side, rows in ((base, in_base), (tuned, in_tuned))
    ]
    same: list[Estimate | None] = []
    for layer in range(depth):
        run.step(layer, depth, "layers against themselves")
        if layer not in varying[0] or facing[layer] not in varying[1]:
            same.append(None)
            continue
        X = np.asarray(base.layers[layer][in_base], dtype=np.float32)
        Y = np.asarray(tuned.layers[facing[layer]][in_tuned], dtype=np.float32)
        same.append(of_pair(X, Y))
    matrix = np.full((depth, len(tuned.layers)), np.nan)
    if varying[0] and varying[1]:
        matrix[np.ix_(*varying)] = of_all(
            [base.layers[i][in_base] for i in varying[0]],
            [tuned.layers[i][in_tuned] for i in varying[1]],
            on_step=lambda done, total: run.step(done, total, "layers against each other"),
        )
    return LayerSimilarity(
        same_layer=tuple(same),
        matrix=matrix,
        n_rows=len(in_base),
        n_sentences=len(np.unique(base.sentence[in_base])),
        estimator=RSA if spec.measure == "rsa" else "linear CKA, debiased" if spec.debiased else "linear CKA",
    )


def _measured(spec: Similarity, folds: np.ndarray) -> tuple[Callable[..., Estimate], Callable[..., np.ndarray]]:
    """The measure of one pair of layers with its interval, and of all pairs."""
    if spec.measure == "rsa":
        return partial(rsa_jackknife, folds=folds), rsa_matrix
    return partial(cka_jackknife, folds=folds, debiased=spec.debiased), partial(cka_matrix, debiased=spec.debiased)


def _varies(vectors: np.ndarray, rows: np.ndarray) -> bool:
    """Whether the rows differ from one another."""
    return bool((vectors[rows] != vectors[rows[0]]).any())
