"""Linear CKA of base against tuned: how much of each layer's space is kept, and which layers resemble which."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.analyses.base import Run, shared_rows
from core.analyses.embed import Embed
from core.errors import IncompatibleRefs
from core.keys import Result, Spec
from core.maths.similarity import cka_jackknife, cka_matrix
from core.maths.statistics import Estimate, group_folds

N_FOLDS = 20


@dataclass(frozen=True, kw_only=True)
class Similarity(Spec, kind="similarity"):
    """Linear CKA, layer by layer and every layer against every other."""

    title: ClassVar[str] = "Similarity (CKA)"
    seconds_per_unit: ClassVar[float] = 1.5e-5

    base: Embed
    tuned: Embed
    debiased: bool = True
    """The debiased estimator; the plain one is inflated when rows are few against the width."""

    def validate(self) -> None:
        if self.base.sample != self.tuned.sample or self.base.unit != self.tuned.unit:
            raise IncompatibleRefs("Comparing two embeddings.", "They read other sentences or units.", "Read the same.")

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers; a few kilobytes kept."""
        return self.base.cost()[0], 2e4


@dataclass(frozen=True, kw_only=True)
class LayerSimilarity(Result):
    """CKA of the two sides; 1 = the same geometry up to rotation and scale, 0 = unrelated."""

    same_layer: tuple[Estimate | None, ...]
    """Layer i of base against layer i of tuned; interval by a jackknife over 20 groups of sentences. None where every
    row of a side is equal ([CLS] at layer 0: one token, one position), so that there is nothing to compare."""
    matrix: np.ndarray
    """[base layers, tuned layers], float64; NaN in rows and columns of such a layer."""
    n_rows: int
    n_sentences: int
    estimator: str


def compute(spec: Similarity, inputs: dict[str, Any], run: Run) -> LayerSimilarity:
    """Compare. Raises IncompatibleRefs for unequal depths, NotEnoughData for under 4 sentences."""
    base, tuned = inputs["base"], inputs["tuned"]
    depth = len(base.layers)
    if depth != len(tuned.layers):
        raise IncompatibleRefs(
            "Comparing layer by layer.",
            f"Base has {depth - 1} layers, tuned {len(tuned.layers) - 1}.",
            "Choose two checkpoints of equal depth.",
        )
    in_base, in_tuned = shared_rows((base.sentence, base.word), (tuned.sentence, tuned.word))
    folds = group_folds(base.sentence[in_base], n_folds=N_FOLDS)
    varying = [
        [i for i in range(depth) if _varies(side.layers[i], rows)] for side, rows in _sides(inputs, in_base, in_tuned)
    ]
    same: list[Estimate | None] = []
    for layer in range(depth):
        run.step(layer, depth, "layers against themselves")
        if layer not in varying[0] or layer not in varying[1]:
            same.append(None)
            continue
        X = np.asarray(base.layers[layer][in_base], dtype=np.float32)
        Y = np.asarray(tuned.layers[layer][in_tuned], dtype=np.float32)
        same.append(cka_jackknife(X, Y, folds, debiased=spec.debiased))
    matrix = np.full((depth, depth), np.nan)
    if varying[0] and varying[1]:
        matrix[np.ix_(*varying)] = cka_matrix(
            [base.layers[i][in_base] for i in varying[0]],
            [tuned.layers[i][in_tuned] for i in varying[1]],
            debiased=spec.debiased,
            on_step=lambda done, total: run.step(done, total, "layers against each other"),
        )
    return LayerSimilarity(
        same_layer=tuple(same),
        matrix=matrix,
        n_rows=len(in_base),
        n_sentences=len(np.unique(base.sentence[in_base])),
        estimator="linear CKA, debiased" if spec.debiased else "linear CKA",
    )


def _sides(inputs: dict[str, Any], in_base: np.ndarray, in_tuned: np.ndarray) -> tuple[tuple[Any, np.ndarray], ...]:
    return (inputs["base"], in_base), (inputs["tuned"], in_tuned)


def _varies(vectors: np.ndarray, rows: np.ndarray) -> bool:
    """Whether the rows differ from one another."""
    return bool((vectors[rows] != vectors[rows[0]]).any())
