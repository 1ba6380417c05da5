"""Structural probes on every layer: are distances in the dependency tree distances in the space, under one linear map?"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.base import Run, spread
from core.analyses.checkpoint import shape_of
from core.analyses.embed import Embed, Embeddings
from core.analyses.places import group_of
from core.analyses.probe import TEST_SHARE
from core.data.examples import Examples
from core.data.load import load_sample
from core.errors import NotEnoughData, SpecInvalid
from core.keys import Result, Spec
from core.maths.statistics import Estimate, resampled_interval
from core.maths.structural_probing import EPOCHS, Trees, fit_structural_probes
from core.maths.structure import (
    LONGEST,
    PUNCTUATION,
    SHORTEST,
    gold_edges,
    is_found,
    is_tree,
    over_lengths,
    row_correlations,
    spanning_heads,
    tree_depths,
    tree_distances,
)

METRICS = ("uuas", "distance", "root", "depth")
"""Share of edges found, rank correlation of distances, share of roots found, rank correlation of depths."""
NOT_DRAWN = -1
"""Predicted head of punctuation, which is left out of the trees."""
_DEV_SHARE = 1 / 7
_LEAST_SENTENCES = 20


@dataclass(frozen=True, kw_only=True)
class StructuralProbe(Spec, kind="structural_probe"):
    """Distance and depth probes (Hewitt & Manning) on each layer, over several random splits by sentence."""

    title: ClassVar[str] = "Structural probe"
    sources: ClassVar[tuple[str, ...]] = ("Hewitt & Manning 2019", "Merchant et al. 2020, arXiv 2004.14448")
    seconds_per_unit: ClassVar[float] = 8.0e-4

    embed: Embed
    """Of words."""
    rank: int = 64
    """Dimensions of the space into which the probe maps; more than some tens gain little."""
    n_seeds: int = 5
    """Random splits, 60 % of the sentences for training, 10 % to decide when to stop, 30 % for the scores."""

    def validate(self) -> None:
        asked = "A structural probe."
        if self.embed.unit != "word":
            raise SpecInvalid(asked, f"It reads {self.embed.unit}s.", "Trees are of words: embed words.")
        if not 2 <= self.n_seeds <= 50:
            raise SpecInvalid(asked, f"{self.n_seeds} splits; a spread needs at least 2.", "Use 2 to 50; 5 is usual.")
        width = shape_of(self.embed.checkpoint).width
        if not 1 <= self.rank <= width:
            raise SpecInvalid(asked, f"Rank {self.rank} of vectors {width} wide.", "Use 1 to their width; 64 is usual.")

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers x splits; the trees found, for each layer."""
        work = self.embed.cost()[0]
        return work * self.n_seeds, work * 30


@dataclass(frozen=True, kw_only=True)
class StructuralScores(Result):
    """How well each layer's distances and depths recover held-out dependency trees; larger = better, 1 = all of it."""

    scores: np.ndarray
    """[layers, splits, metrics], in the order of METRICS; uuas and root 0 to 1, the correlations -1 to 1."""
    chain: np.ndarray
    """The same for words joined in reading order, the first at the top: what position alone gives [splits, metrics]."""
    estimate: tuple[tuple[Estimate, ...], ...]
    """Means with intervals over resampled splits (Nadeau & Bengio 2003), [layers][metrics]."""
    words: pd.DataFrame
    """Words of every sentence that some split holds out: sentence, word, text, upos, head (1-based, 0 = root), relation."""
    trees: np.ndarray
    """Predicted heads of these words, of the first split that holds them out: minimum spanning tree of the distances, hung up
    at the shallowest word; 0 = root, -1 = punctuation, int16 [layers, words]."""
    sentences: np.ndarray
    """Those probed, in the sample, int32 [n_sentences]."""
    n_train: int
    """Sentences, mean over splits."""
    n_test: int
    n_left_out: int
    """Sentences without one whole tree: a word without vector, no root or several, a circle of heads, or fewer than two words
    that are no punctuation."""
    n_at_limit: int
    """Probes that were still gaining when their training ended at the last epoch."""
    rank: int


def compute(spec: StructuralProbe, inputs: dict[str, Any], run: Run) -> StructuralScores:
    """Train and score. Raises NotEnoughData without trees or with under 20 of them."""
    embeddings: Embeddings = inputs["embed"]
    examples = load_sample(spec.embed.sample)
    held = _treebank(examples, embeddings)
    splits = [_split(held.group, seed) for seed in range(spec.n_seeds)]
    layers = [np.asarray(layer) for layer in embeddings.layers]

    def probe(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64], list[NDArray[np.int64]], int]:
        """Scores [layers, metrics], those of the reading order, the trees drawn, probes that were still gaining."""
        train, dev, test = splits[seed]
        probes = fit_structural_probes(
            layers,
            held.trees.pick(train),
            held.trees.pick(dev),
            rank=spec.rank,
            seed=seed,
            device=run.device,
            on_epoch=lambda *_: run.check(),
        )
        read = [probes.predict(layers, int(held.trees.start[at]), len(held.trees.heads[at])) for at in test]
        drawn = [_drawn(one, held.upos[at]) for at, one in zip(test, read, strict=True)]
        n_gaining = int((probes.n_epochs == EPOCHS).sum())
        return _scored(held, test, read, drawn), _chain_scores(held, test), drawn, n_gaining

    found = spread(run, [partial(probe, seed) for seed in range(spec.n_seeds)], "splits")
    scores, chain = np.stack([one[0] for one in found], axis=1), np.stack([one[1] for one in found])
    trees: dict[int, NDArray[np.int64]] = {}
    for (_, _, test), (_, _, drawn, _) in zip(splits, found, strict=True):
        for at, tree in zip(test.tolist(), drawn, strict=True):
            trees.setdefault(at, tree)
    n_train, n_test = (int(np.mean([len(split[side]) for split in splits])) for side in (0, 2))
    shown = sorted(trees)
    return StructuralScores(
        scores=scores,
        chain=chain,
        estimate=tuple(
            tuple(resampled_interval(metric, n_train=n_train, n_test=n_test) for metric in layer.T) for layer in scores
        ),
        words=_words(examples, held, shown),
        trees=np.concatenate([trees[at] for at in shown], axis=1).astype(np.int16),
        sentences=held.sentence,
        n_train=n_train,
        n_test=n_test,
        n_left_out=len(examples) - len(held.sentence),
        n_at_limit=sum(one[3] for one in found),
        rank=spec.rank,
    )


Read = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Distances [layers, n, n] and depths [layers, n] of a sentence."""


@dataclass(frozen=True)
class _Treebank:
    """The sentences that have one whole tree."""

    trees: Trees
    upos: tuple[tuple[str, ...], ...]
    sentence: NDArray[np.int32]
    """In the sample."""
    group: NDArray[np.int64]


def _treebank(examples: Examples, embeddings: Embeddings) -> _Treebank:
    asked = "Probing for dependency trees."
    if examples.heads is None or "upos" not in examples.word_labels:
        raise NotEnoughData(asked, "The data set has no heads or no word classes.", "Choose a treebank (CoNLL-U).")
    first = np.searchsorted(embeddings.sentence, np.arange(len(examples) + 1))
    kept, start = [], []
    for at, (heads, tags) in enumerate(zip(examples.heads, examples.word_labels["upos"], strict=True)):
        is_whole = int(first[at + 1] - first[at]) == len(heads) and is_tree(heads)
        if is_whole and sum(tag != PUNCTUATION for tag in tags) > 1:
            kept.append(at)
            start.append(int(first[at]))
    if len(kept) < _LEAST_SENTENCES:
        raise NotEnoughData(
            asked,
            f"{len(kept)} of {len(examples)} sentences have one whole tree and two words or more.",
            f"Give {_LEAST_SENTENCES} or more, and let sentences be cut later.",
        )
    return _Treebank(
        trees=Trees(np.array(start), tuple(examples.heads[at] for at in kept)),
        upos=tuple(examples.word_labels["upos"][at] for at in kept),
        sentence=np.array(kept, dtype=np.int32),
        group=group_of(examples, np.array(kept)),
    )


def _split(group: NDArray[np.int64], seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Sentences for training, to decide when to stop, and for the scores; versions of one sentence on one side."""
    distinct = np.unique(group)
    drawn = np.random.default_rng(seed).permutation(distinct)
    n_test = max(1, round(len(distinct) * TEST_SHARE))
    n_dev = max(1, round((len(distinct) - n_test) * _DEV_SHARE))
    test, dev = drawn[:n_test], drawn[n_test : n_test + n_dev]
    in_test, in_dev = np.isin(group, test), np.isin(group, dev)
    return np.flatnonzero(~in_test & ~in_dev), np.flatnonzero(in_dev), np.flatnonzero(in_test)


def _chain_scores(held: _Treebank, test: NDArray[np.intp]) -> NDArray[np.float64]:
    """Scores of words joined in reading order, the first at the top [metrics]."""
    places = [np.arange(len(held.trees.heads[at]), dtype=np.float64) for at in test]
    read = [(np.abs(row[:, None] - row)[None], row[None]) for row in places]
    drawn = [_drawn(one, held.upos[at]) for at, one in zip(test, read, strict=True)]
    found: NDArray[np.float64] = _scored(held, test, read, drawn)[0]
    return found


def _scored(
    held: _Treebank, test: NDArray[np.intp], read: Sequence[Read], drawn: Sequence[NDArray[np.int64]]
) -> NDArray[np.float64]:
    """Scores of the trees of these sentences [layers, metrics]."""
    found, n_edges, roots = 0, 0, []
    by_distance, by_depth = [], []
    for at, (distances, depths), tree in zip(test.tolist(), read, drawn, strict=True):
        heads, tags = held.trees.heads[at], held.upos[at]
        edges = gold_edges(heads, tags)
        found = found + is_found(tree - 1, edges).sum(axis=1)
        n_edges += len(edges)
        if tags[heads.index(0)] != PUNCTUATION:
            roots.append(tree[:, heads.index(0)] == 0)
        if SHORTEST <= len(heads) <= LONGEST:
            by_distance.append((len(heads), row_correlations(distances, tree_distances(heads))))
            by_depth.append((len(heads), row_correlations(depths[:, None], tree_depths(heads)[None])))
    if not n_edges or not roots:
        raise NotEnoughData(
            "Scoring dependency trees.", "No held-out tree has an edge and a root.", "Give more sentences."
        )
    columns = [found / n_edges, over_lengths(by_distance), np.mean(roots, axis=0), over_lengths(by_depth)]
    return np.stack(columns, axis=1)


def _drawn(read: Read, tags: Sequence[str]) -> NDArray[np.int64]:
    """The tree of each layer: 1-based heads, 0 at the root, -1 for punctuation [layers, n]."""
    distances, depths = read
    words = np.flatnonzero(np.array(tags) != PUNCTUATION)
    inner = spanning_heads(distances[:, words[:, None], words], depths[:, words].argmin(axis=1))
    heads = np.full(depths.shape, NOT_DRAWN)
    heads[:, words] = np.where(inner > 0, words[inner - 1] + 1, 0)
    return heads


def _words(examples: Examples, held: _Treebank, shown: Sequence[int]) -> pd.DataFrame:
    """One row a word of the sentences shown."""
    rows = []
    relations = examples.word_labels.get("relation")
    for at in shown:
        sentence = int(held.sentence[at])
        names = relations[sentence] if relations is not None else ("",) * len(held.upos[at])
        entries = zip(examples.words[sentence], held.upos[at], held.trees.heads[at], names, strict=True)
        rows += [(sentence, word, *entry) for word, entry in enumerate(entries)]
    return pd.DataFrame(rows, columns=["sentence", "word", "text", "upos", "head", "relation"])
