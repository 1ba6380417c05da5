"""What a label belongs to: the rows that a probe reads, made from the words or sentences that were embedded.

Words and sentences are embedded as they are. A span is the mean of its words' vectors; a pair is two such means side by
side, twice as wide (as Zhou & Srikumar read dependency relations).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from core.analyses.embed import Embeddings
from core.analyses.places import group_of
from core.data.examples import UNMARKED, Examples, Span
from core.data.marks import mark_names, marks_of
from core.errors import NotEnoughData, SpecInvalid

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Unit = Literal["word", "sentence", "pair", "span"]


_CONTROLS = {
    "word": "one random label a word type",
    "pair": "one random label for the same two words",
    "span": "one random label for the same words",
    "sentence": "shuffled labels",
}


@dataclass(frozen=True, kw_only=True)
class LabelledRows:
    """Rows with one label each, aligned."""

    unit: Unit
    types: NDArray[np.str_]
    """What stands there: the word, the words of a span or of a pair, the sentence [n]."""
    labels: NDArray[np.str_]
    """[n]."""
    sentence: NDArray[np.int32]
    """Of each row, in the sample [n]."""
    group: NDArray[np.int64]
    """Rows of one number never stand on both sides of a split: those of a sentence, or of all its versions [n]."""
    place: NDArray[np.int32]
    """As places.PLACE: of a word its place from 1, of a sentence 0; -1 for spans and pairs, which have none of their own [n]."""
    parts: tuple["csr_array", ...]
    """What averages embedded rows into these, side by side, each [n, embedded rows]; none where they are the same rows."""

    @property
    def control_kind(self) -> str:
        """What the control task of such rows is, in words."""
        return _CONTROLS[self.unit]

    def vectors(self, layer: NDArray[np.floating]) -> NDArray[np.float32]:
        """The rows' vectors of a layer, float32 [n, width], or [n, 2 * width] for pairs."""
        embedded = np.asarray(layer, dtype=np.float32)
        return np.hstack([part @ embedded for part in self.parts]) if self.parts else embedded


def labelled_rows(examples: Examples, embeddings: Embeddings, embedded: str, label: str) -> LabelledRows:
    """The rows that a label belongs to.

    Args:
        examples: what was embedded.
        embeddings: its vectors.
        embedded: unit of the embeddings, "word" or "sentence".
        label: name of a label of words, sentences, spans or pairs.
    Returns:
        One row a unit; words without annotation (Examples.partial) have none.
    Raises:
        SpecInvalid: no such label for what was embedded, or a mark with several labels at once.
        NotEnoughData: no span or pair has all its words.
    """
    if embedded == "sentence":
        values = _known(examples.sentence_labels, {}, label, "sentence")
        rows = embeddings.sentence.tolist()
        types, labels = [examples.texts[i] for i in rows], [values[i] for i in rows]
        return _of(examples, "sentence", types, labels, embeddings.sentence, embeddings.word + 1)
    names = mark_names(examples)
    unit: Unit = "pair" if label in names["pair"] else "span"
    if label in names[unit] and label not in examples.word_labels:
        return _marked(examples, embeddings, unit, label)
    tags = _known(examples.word_labels, names, label, "word")
    places = list(zip(embeddings.sentence.tolist(), embeddings.word.tolist(), strict=True))
    types, labels = list(of_places(examples.words, places)), list(of_places(tags, places))
    if label not in examples.partial:
        return _of(examples, "word", types, labels, embeddings.sentence, embeddings.word + 1)
    annotated = [row for row, label in enumerate(labels) if label != UNMARKED]
    if not annotated:
        raise NotEnoughData(f"Reading {label!r}.", "No word of the sample has one.", "Take more sentences.")
    types, labels = [types[row] for row in annotated], [labels[row] for row in annotated]
    parts = (_averaging([[row] for row in annotated], len(places)),)
    return _of(examples, "word", types, labels, embeddings.sentence[annotated], embeddings.word[annotated] + 1, parts)


def of_places(rows: Sequence[tuple[str, ...]], places: Iterable[tuple[int, int]]) -> Iterator[str]:
    """The entries at (row, place), each row fetched once where its places are neighbours."""
    last, row = -1, tuple[str, ...]()
    for i, j in places:
        if i != last:
            last, row = i, rows[i]
        yield row[j]


def _of(
    examples: Examples,
    unit: Unit,
    types: list[str],
    labels: list[str],
    sentence: NDArray[np.int32],
    place: NDArray[np.int32],
    parts: tuple["csr_array", ...] = (),
) -> LabelledRows:
    return LabelledRows(
        unit=unit,
        types=np.array(types),
        labels=np.array(labels),
        sentence=sentence,
        group=group_of(examples, sentence),
        place=place,
        parts=parts,
    )


def _known(values: object, marks: dict[str, tuple[str, ...]], label: str, unit: str) -> tuple:
    assert isinstance(values, dict)
    if label not in values:
        known = ", ".join((*values, *(name for names in marks.values() for name in names)))
        raise SpecInvalid(
            f"Reading the {unit} label {label!r}.", f"The data set has: {known or 'none'}.", "Choose one of them."
        )
    found: tuple = values[label]
    return found


def _marked(examples: Examples, embeddings: Embeddings, unit: Unit, label: str) -> LabelledRows:
    """Spans or pairs whose words all have a vector."""
    row_of = {
        place: row for row, place in enumerate(zip(embeddings.sentence.tolist(), embeddings.word.tolist(), strict=True))
    }
    types: list[str] = []
    labels: list[str] = []
    sentence: list[int] = []
    members: tuple[list[list[int]], ...] = ([], []) if unit == "pair" else ([],)
    for i, marks in enumerate(marks_of(examples, label)):
        for mark in marks:
            spans = [span for span in (mark.first, mark.second) if span is not None]
            found = [_rows_of(row_of, i, span) for span in spans]
            if not all(found):
                continue
            if len(mark.labels) != 1:
                raise SpecInvalid(
                    f"Reading {label!r} with a probe of one label a row.",
                    f"A {unit} of sentence {i + 1} has the labels {', '.join(mark.labels) or 'none'}.",
                    "Choose annotation with one label a span.",
                )
            for kept, rows in zip(members, found, strict=True):
                kept.append(rows)
            types.append(" … ".join(" ".join(examples.words[i][slice(*span)]) for span in spans))
            labels.append(mark.labels[0])
            sentence.append(i)
    if not labels:
        raise NotEnoughData(f"Reading {label!r}.", f"No {unit} has all its words.", "Take more sentences.")
    parts = tuple(_averaging(rows, len(embeddings.sentence)) for rows in members)
    nowhere = np.full(len(labels), -1, dtype=np.int32)
    return _of(examples, unit, types, labels, np.array(sentence, dtype=np.int32), nowhere, parts)


def _rows_of(row_of: dict[tuple[int, int], int], sentence: int, span: Span) -> list[int]:
    """Embedded rows of a span's words; empty where one is missing."""
    found = [row_of.get((sentence, word), -1) for word in range(*span)]
    return [] if -1 in found else found


def _averaging(members: list[list[int]], n_embedded: int) -> "csr_array":
    """The matrix that averages embedded rows into spans [n_spans, n_embedded]."""
    from scipy.sparse import csr_array

    sizes = np.array([len(rows) for rows in members])
    start = np.concatenate([[0], np.cumsum(sizes)])
    columns = np.array([row for rows in members for row in rows])
    weights = np.repeat(1 / sizes, sizes).astype(np.float32)
    return csr_array((weights, columns, start), shape=(len(members), n_embedded))
