"""PCA of both sides in one joint fit per layer: the two pictures share their axes, so they may be laid side by side."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from core.analyses.base import Run, facing_layers, shared_rows
from core.analyses.embed import Embed, Embeddings, read_the_same
from core.analyses.numbers import numbers_of_rows
from core.analyses.places import PLACE, whole_texts
from core.analyses.units import of_places
from core.data.load import load_sample
from core.errors import IncompatibleRefs, SpecInvalid
from core.keys import Result, Spec
from core.maths.geometry import joint_pca
from core.refs import Sample


@dataclass(frozen=True, kw_only=True)
class JointMap(Spec, kind="joint_map", version=2):
    """Two principal components of base and tuned rows together, for every layer."""

    title: ClassVar[str] = "Map (joint PCA)"
    sources: ClassVar[tuple[str, ...]] = ("Pearson 1901 (principal components)",)
    seconds_per_unit: ClassVar[float] = 2e-5

    base: Embed
    tuned: Embed
    n_points: int = 2000
    """Rows drawn per side, the same on both; fewer where there are fewer."""
    seed: int = 0

    def validate(self) -> None:
        read_the_same(self.base, self.tuned)
        if not 10 <= self.n_points <= 100_000:
            raise SpecInvalid(f"A map of {self.n_points} points.", "Out of range.", "Use 10 to 100,000.")

    def cost(self) -> tuple[float, float]:
        """Work in points x layers; bytes of the coordinates."""
        return float(self.n_points * self.base.n_layers), float(self.n_points * self.base.n_layers * 16)


@dataclass(frozen=True, kw_only=True)
class Maps(Result):
    """Coordinates on shared axes."""

    base: np.ndarray
    """float32 [layers, n_points, 2]."""
    tuned: np.ndarray
    """float32 [layers, n_points, 2], of the tuned layer that each base layer faces; the same word or sentence in each row."""
    explained: np.ndarray
    """Share of the joint variance on each axis, 0 to 1 [layers, 2]."""
    points: pd.DataFrame
    """What each row is: text, sentence, and one column a label or number."""


def compute(spec: JointMap, inputs: dict[str, Any], run: Run) -> Maps:
    """Fit per layer. Raises IncompatibleRefs for unequal widths."""
    base, tuned = inputs["base"], inputs["tuned"]
    same_width(base, tuned)
    facing = facing_layers(len(base.layers) - 1, len(tuned.layers) - 1)
    in_base, in_tuned = drawn_rows(base, tuned, spec.n_points, spec.seed)
    fits = []
    for layer, before in enumerate(base.layers):
        after = tuned.layers[facing[layer]]
        fits.append(joint_pca(np.asarray(before[in_base], np.float32), np.asarray(after[in_tuned], np.float32)))
        run.step(layer + 1, len(base.layers), "layers")
    return Maps(
        base=np.stack([fit.base for fit in fits]),
        tuned=np.stack([fit.tuned for fit in fits]),
        explained=np.stack([fit.explained_share for fit in fits]),
        points=describe_rows(spec.base.sample, base.sentence[in_base], base.word[in_base]),
    )


def same_width(base: Embeddings, tuned: Embeddings) -> None:
    """Raise IncompatibleRefs where the two sides cannot share axes."""
    widths = [side.layers[0].shape[1] for side in (base, tuned)]
    if widths[0] != widths[1]:
        raise IncompatibleRefs(
            "A joint map.",
            f"A vector of base has {widths[0]:,} numbers, one of tuned {widths[1]:,}: they share no axes.",
            "Choose two of one width; similarity and probes compare any two.",
        )


def drawn_rows(base: Embeddings, tuned: Embeddings, n_points: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of both sides, the same word or sentence in each place, at most n_points of them, in reading order."""
    in_base, in_tuned = shared_rows((base.sentence, base.word), (tuned.sentence, tuned.word))
    if len(in_base) > n_points:
        chosen = np.sort(np.random.default_rng(seed).choice(len(in_base), n_points, replace=False))
        in_base, in_tuned = in_base[chosen], in_tuned[chosen]
    return in_base, in_tuned


def describe_rows(sample: Sample, sentence: np.ndarray, word: np.ndarray) -> pd.DataFrame:
    """text, sentence (the whole example), PLACE, labels (strings) and numbers (float64, NaN where a row has none) of rows.

    A number whose name a label has already is left out. Args: word: -1 means a whole sentence.
    """
    examples = load_sample(sample)
    whole = whole_texts(examples)
    rows = list(zip(sentence.tolist(), word.tolist(), strict=True))
    by_word = bool(rows) and rows[0][1] >= 0
    table: dict[str, Any] = {
        "text": list(of_places(examples.words, rows)) if by_word else [whole[i] for i, _ in rows],
        "sentence": [whole[i] for i, _ in rows],
        PLACE: word.astype(np.int32) + 1,
    }
    if by_word:
        table |= {name: list(of_places(values, rows)) for name, values in examples.word_labels.items()}
    table |= {name: [values[i] for i, _ in rows] for name, values in examples.sentence_labels.items()}
    numbers = numbers_of_rows(sample, sentence, word)
    return pd.DataFrame(table | {name: values for name, values in numbers.items() if name not in table})
