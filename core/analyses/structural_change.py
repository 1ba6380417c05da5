"""Base against tuned structural probes: split by split, and relation by relation."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import Run, facing_layers
from core.analyses.structural_probe import StructuralProbe, StructuralScores
from core.errors import IncompatibleRefs
from core.keys import Result, Spec
from core.maths.statistics import Estimate, paired_shares, resampled_interval
from core.maths.structure import PUNCTUATION

LEAST_EDGES, LEAST_SENTENCES = 20, 8
"""Of a relation, below which no share of it is given."""


@dataclass(frozen=True, kw_only=True)
class StructuralChange(Spec, kind="structural_change"):
    """Tuned minus base, on the same splits."""

    title: ClassVar[str] = "Structural difference"
    sources: ClassVar[tuple[str, ...]] = (
        "Hewitt & Manning 2019",
        "Merchant et al. 2020, arXiv 2004.14448",
        "Nadeau & Bengio 2003 on intervals over splits",
    )
    seconds_per_unit: ClassVar[float] = 0.3

    base: StructuralProbe
    tuned: StructuralProbe

    def validate(self) -> None:
        one, other = self.base, self.tuned
        if (one.rank, one.n_seeds) != (other.rank, other.n_seeds) or one.embed.sample != other.embed.sample:
            raise IncompatibleRefs(
                "Comparing two structural probes.", "Their text, rank or splits differ.", "Use the same for both."
            )


@dataclass(frozen=True, kw_only=True)
class StructuralDifference(Result):
    """Change per base layer, tuned layer it faces minus itself; above 0 = more of the tree after tuning."""

    difference: tuple[tuple[Estimate, ...], ...]
    """Paired over splits, corrected for their overlap (Nadeau & Bengio 2003), [layers][metrics]."""
    relations: tuple[str, ...]
    """Those with enough edges among the held-out sentences, commonest first."""
    n_edges: tuple[int, ...]
    found: tuple[tuple[tuple[Estimate, Estimate, Estimate], ...], ...]
    """Share of the edges of each relation that base and tuned find, and their difference, by a delete-a-group jackknife over
    sentences, [layers][relations]."""


def compute(spec: StructuralChange, inputs: dict[str, Any], run: Run) -> StructuralDifference:
    """Subtract. Raises IncompatibleRefs where the sides could read other sentences."""
    base: StructuralScores = inputs["base"]
    tuned: StructuralScores = inputs["tuned"]
    if not np.array_equal(base.sentences, tuned.sentences):
        raise IncompatibleRefs(
            "Comparing two structural probes.",
            f"The tokenizers keep other sentences whole: base {len(base.sentences):,}, tuned {len(tuned.sentences):,}.",
            "Let sentences be cut later, or choose text that both can read.",
        )
    facing = facing_layers(len(base.scores) - 1, len(tuned.scores) - 1)
    difference = tuple(
        tuple(
            resampled_interval(after - before, n_train=base.n_train, n_test=base.n_test)
            for before, after in zip(base.scores[layer].T, tuned.scores[other].T, strict=True)
        )
        for layer, other in enumerate(facing)
    )
    relation, sentence = _gold(base)
    names = [name for name, count in zip(*_commonest(relation), strict=True) if _is_enough(name, relation, sentence)]
    found = []
    for layer, other in enumerate(facing):
        run.step(layer, len(facing), "layers")
        one, two = _is_found(base, layer), _is_found(tuned, other)
        rows = [relation == name for name in names]
        found.append(tuple(paired_shares(one[held], two[held], sentence[held]) for held in rows))
    counts = tuple(int((relation == name).sum()) for name in names)
    return StructuralDifference(difference=difference, relations=tuple(names), n_edges=counts, found=tuple(found))


def _is_edge(held: StructuralScores) -> NDArray[np.bool_]:
    """Words whose arc to their head counts: neither of the two is punctuation."""
    words = held.words
    start = words.index.to_numpy() - words["word"].to_numpy()
    head = words["head"].to_numpy()
    is_punctuation = (words["upos"] == PUNCTUATION).to_numpy()
    return (head > 0) & ~is_punctuation & ~is_punctuation[np.where(head > 0, start + head - 1, 0)]


def _gold(held: StructuralScores) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Relation and sentence of each gold edge."""
    rows = held.words[_is_edge(held)]
    return rows["relation"].to_numpy(dtype=object), rows["sentence"].to_numpy()


def _is_found(held: StructuralScores, layer: int) -> NDArray[np.bool_]:
    """Whether a layer's trees hold each gold edge, in either direction."""
    words = held.words
    place, gold = words["word"].to_numpy(), words["head"].to_numpy()
    start, said = words.index.to_numpy() - place, held.trees[layer]
    above = np.where(gold > 0, start + gold - 1, 0)
    return ((said == gold) | (said[above] == place + 1))[_is_edge(held)]


def _commonest(relation: NDArray[np.object_]) -> tuple[list[str], list[int]]:
    names, counts = np.unique(relation.astype(str), return_counts=True)
    order = np.lexsort((names, -counts))
    return names[order].tolist(), counts[order].tolist()


def _is_enough(name: str, relation: NDArray[np.object_], sentence: NDArray[np.int64]) -> bool:
    rows = relation == name
    return bool(name) and rows.sum() >= LEAST_EDGES and len(np.unique(sentence[rows])) >= LEAST_SENTENCES
