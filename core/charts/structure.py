"""Trees read from layers: scores by layer, one sentence's trees, and which relations are found."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.analyses.structural_change import StructuralDifference
from core.analyses.structural_probe import METRICS, NOT_DRAWN, StructuralScores
from core.charts.paired import paired_table
from core.charts.sides import sides_table, with_random
from core.maths.structure import PUNCTUATION, gold_edges, is_found
from core.origins import traced


@traced
def scores_table(
    base: StructuralScores,
    tuned: StructuralScores,
    change: StructuralDifference,
    metric: str,
    random: StructuralScores | None = None,
) -> pd.DataFrame:
    """layer, side, score, low, high, majority (the reading order), difference and its interval, is_noise.

    Rows of the tuned side are of the layer that faces the base's. With a model of random weights also random, random_low and
    random_high.
    """
    at = METRICS.index(metric)
    table = sides_table(
        "score",
        *([one[at] for one in held] for held in (base.estimate, tuned.estimate, change.difference)),
        majority=float(base.chain[:, at].mean()),
    )
    return with_random(table, None if random is None else [one[at] for one in random.estimate])


@dataclass(frozen=True)
class Drawn:
    """One sentence with the tree of one layer."""

    words: tuple[str, ...]
    upos: tuple[str, ...]
    relations: tuple[str, ...]
    gold: tuple[int, ...]
    """1-based, 0 = root."""
    heads: tuple[int, ...]
    """Predicted; -1 for punctuation, which has none."""

    @property
    def gold_drawn(self) -> tuple[int, ...]:
        """The gold heads, -1 for punctuation: it takes no part."""
        return tuple(NOT_DRAWN if tag == PUNCTUATION else head for head, tag in zip(self.gold, self.upos, strict=True))

    @property
    def root(self) -> str:
        """The word at the top of the predicted tree."""
        return self.words[self.heads.index(0)]

    @property
    def gold_root(self) -> str:
        """The word at the top of the gold tree."""
        return self.words[self.gold.index(0)]

    @property
    def right(self) -> tuple[bool, ...]:
        """Of each word: whether its predicted arc is a gold edge in either direction, or it is rightly the root."""
        pairs = enumerate(zip(self.heads, self.gold, strict=True))
        return tuple(said == gold or (said > 0 and self.gold[said - 1] == word + 1) for word, (said, gold) in pairs)

    @property
    def n_edges(self) -> int:
        """Gold edges, punctuation left out."""
        return len(gold_edges(self.gold, self.upos))

    @property
    def n_found(self) -> int:
        """Gold edges that the predicted tree holds."""
        return int(is_found(np.array(self.heads)[None] - 1, gold_edges(self.gold, self.upos)).sum())


def shown_sentences(held: StructuralScores, search: str = "") -> list[int]:
    """Sentences (in the sample) that some split held out, in reading order; only those that hold these characters."""
    texts = held.words.groupby("sentence", sort=True)["text"].agg(" ".join)
    wanted = search.casefold().strip()
    return texts[texts.str.casefold().str.contains(wanted, regex=False)].index.tolist()


@traced
def drawn(held: StructuralScores, sentence: int, layer: int) -> Drawn:
    """A sentence with its gold tree and that of a layer."""
    words = held.words
    rows = np.flatnonzero((words["sentence"] == sentence).to_numpy())
    columns = (tuple(words[name].to_numpy()[rows].tolist()) for name in ("text", "upos", "relation", "head"))
    return Drawn(*columns, heads=tuple(held.trees[layer][rows].tolist()))  # type: ignore[misc]


@traced
def sentence_table(one: Drawn, other: Drawn) -> pd.DataFrame:
    """number, word, upos, relation, head, base, tuned: heads by number; empty for punctuation, which has none."""
    heads = {
        side: pd.array([None if head == NOT_DRAWN else head for head in held.heads], dtype="Int64")
        for side, held in (("base", one), ("tuned", other))
    }
    columns = {"word": one.words, "upos": one.upos, "relation": one.relations, "head": one.gold} | heads
    table = pd.DataFrame(columns)
    table.insert(0, "number", range(1, len(table) + 1))
    return table


@traced
def relations_table(change: StructuralDifference, layer: int) -> pd.DataFrame:
    """paired_table of the relations of a layer, commonest first."""
    return paired_table(change.relations, change.n_edges, change.found[layer])
