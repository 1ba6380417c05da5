"""One neuron from close by: the rows on which it is highest and lowest, and how its values lie by label."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.analyses.embed import Embeddings
from core.analyses.inner_embed import AnyEmbed
from core.analyses.units import labelled_rows
from core.data.examples import Examples
from core.data.load import load_sample
from core.errors import SpecInvalid
from core.origins import traced

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
N_EXAMPLES = 12


@dataclass(frozen=True, kw_only=True)
class Example:
    """A row, in its sentence."""

    words: tuple[str, ...]
    values: tuple[float, ...]
    """The neuron's value at each word, in spreads from its mean; NaN where a word has no vector."""
    at: int
    """The word of the row; -1 where it is the sentence."""
    value: float


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A neuron on the rows of a sample. Values are z-scores: spreads from its mean over the rows."""

    highest: tuple[Example, ...]
    lowest: tuple[Example, ...]
    by_label: pd.DataFrame
    """label, n, and the value at each of QUANTILES (columns q05 …), mean; the highest median first."""
    mean: float
    spread: float
    n_rows: int


@traced
def profile(embed: AnyEmbed, embeddings: Embeddings, layer: int, neuron: int, label: str) -> Profile:
    """Read one column of a stored layer.

    Args:
        embed: what was embedded.
        embeddings: its result; memory-mapped, so that one layer is read.
        layer: embeddings.first_layer..L.
        neuron: its index in the layer.
        label: of words, spans or sentences, by which values are grouped.
    Raises:
        SpecInvalid: no such layer or neuron; a label that the text does not have.
    Cost:
        One layer read: some milliseconds a megabyte.
    """
    first, width = embeddings.first_layer, embeddings.layers[0].shape[1]
    top = first + len(embeddings.layers) - 1
    if not first <= layer <= top or not 0 <= neuron < width:
        raise SpecInvalid(
            f"Looking at neuron {neuron} of layer {layer}.",
            f"There are layers {first} to {top} of {width} neurons.",
            "Choose one of them.",
        )
    examples = load_sample(embed.sample)
    column = _column(embeddings, layer, neuron)
    mean, spread = float(column.mean()), float(column.std())
    scores = (column - mean) / (spread or 1.0)
    rows = labelled_rows(examples, embeddings, embed.unit, label)
    own = scores if not rows.parts else rows.parts[0] @ scores
    order = np.argsort(-scores, kind="stable")
    starts = np.searchsorted(embeddings.sentence, np.arange(len(examples)))

    def example(row: int) -> Example:
        sentence, word = int(embeddings.sentence[row]), int(embeddings.word[row])
        words = tuple(examples.words[sentence])
        values = np.full(len(words), np.nan)
        if word >= 0:
            last = starts[sentence + 1] if sentence + 1 < len(starts) else len(scores)
            own_rows = slice(starts[sentence], last)
            values[embeddings.word[own_rows]] = scores[own_rows]
        return Example(words=words, values=tuple(values.tolist()), at=word, value=float(scores[row]))

    return Profile(
        highest=_distinct(example, order, examples.texts, embeddings),
        lowest=_distinct(example, order[::-1], examples.texts, embeddings),
        by_label=_by_label(own, rows.labels),
        mean=mean,
        spread=spread,
        n_rows=len(scores),
    )


def watched(embeddings: Embeddings, examples: Examples, layer: int, neuron: int, beside: Profile) -> Example:
    """A neuron on one other text, on the scale of its profile. Raises SpecInvalid where no word of it has a vector.

    Args:
        embeddings: of that text alone.
        examples: that text.
        layer, neuron: as of the profile.
        beside: the neuron on the sample.
    """
    column = _column(embeddings, layer, neuron)
    scores = (column - beside.mean) / (beside.spread or 1.0)
    words = tuple(examples.words[0])
    if not len(scores):
        raise SpecInvalid("Watching a neuron on a text.", "No word of it has a vector.", "Type other words.")
    values = np.full(len(words), np.nan)
    if embeddings.word[0] >= 0:
        values[embeddings.word] = scores
    best = int(np.abs(scores).argmax())
    return Example(words=words, values=tuple(values.tolist()), at=int(embeddings.word[best]), value=float(scores[best]))


def _column(embeddings: Embeddings, layer: int, neuron: int) -> np.ndarray:
    return np.asarray(embeddings.layers[layer - embeddings.first_layer][:, neuron], dtype=np.float64)


def _distinct(example, order: np.ndarray, texts: Sequence[str], embeddings: Embeddings) -> tuple[Example, ...]:  # type: ignore[no-untyped-def]
    """The first rows, one a sentence: a repeated sentence shows nothing more."""
    found, seen = [], set()
    for row in order.tolist():
        text = texts[int(embeddings.sentence[row])]
        if text not in seen:
            seen.add(text)
            found.append(example(row))
        if len(found) == N_EXAMPLES:
            break
    return tuple(found)


def _by_label(values: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    rows = []
    for label in np.unique(labels):
        own = values[labels == label]
        quantiles = dict(zip((f"q{q * 100:02.0f}" for q in QUANTILES), np.quantile(own, QUANTILES), strict=True))
        rows.append({"label": str(label), "n": len(own), "mean": own.mean(), **quantiles})
    return pd.DataFrame(rows).sort_values("q50", ascending=False, ignore_index=True)
