"""What an edge probe reads: spans of words, or pairs of them, with none, one or several labels each.

Unlike the rows of a linear probe (units.py) spans are not averaged: they are ranges of embedded words, and pooling is
part of the probe.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.analyses.embed import Embeddings
from core.analyses.places import group_of
from core.analyses.probe import Split, splits_of
from core.analyses.units import Unit
from core.data.examples import UNMARKED, Examples, Mark
from core.data.marks import mark_names, marks_of
from core.errors import IncompatibleRefs, NotEnoughData, SpecInvalid
from core.maths.mixing import EdgeSplit
from core.maths.probing import control_labels

_ALIKE = {"word": "word type", "pair": "two words", "span": "words"}
_DEV_SHARE = 1 / 7
"""Of the sentences that are not for the test: a tenth of all."""


@dataclass(frozen=True, kw_only=True)
class LabelledEdges:
    """Spans or pairs with their labels, aligned."""

    unit: Unit
    """word, span or pair."""
    first: NDArray[np.int64]
    """Embedded rows of each (first) span: the first, and the one after the last [n, 2]."""
    second: NDArray[np.int64] | None
    """The same of the other span of a pair."""
    types: NDArray[np.str_]
    """What stands there: the words of the span or of both [n]."""
    names: tuple[str, ...]
    """The labels that occur, sorted [K]."""
    targets: NDArray[np.bool_]
    """Which of them each edge has [n, K]."""
    sentence: NDArray[np.int32]
    """Of each edge, in the sample [n]."""
    group: NDArray[np.int64]
    """Edges of one number never stand on both sides of a split [n]."""
    n_left_out: int
    """Edges with a word that has no vector."""

    @property
    def control_kind(self) -> str:
        """What the control task is, in words."""
        several = (self.targets.sum(axis=1) != 1).any()
        return f"one random {'set of labels' if several else 'label'} for the same {_ALIKE[self.unit]}"

    def control(self, seed: int) -> NDArray[np.bool_]:
        """Targets of the control task: a set of labels for each type, drawn as often as each occurs [n, K]."""
        sets, of_edge = np.unique(self.targets, axis=0, return_inverse=True)
        drawn = control_labels(self.types.tolist(), [str(at) for at in of_edge.ravel().tolist()], seed=1000 + seed)
        made: NDArray[np.bool_] = sets[np.array(drawn, dtype=np.intp)]
        return made


def labelled_edges(examples: Examples, embeddings: Embeddings, label: str) -> LabelledEdges:
    """The edges of a label whose words all have a vector.

    Args:
        examples: what was embedded.
        embeddings: its vectors of words.
        label: name of a label of words, each of which is then a span of its own, or of marks of spans or pairs. Words
            without annotation (Examples.partial) are no edges.
    Raises:
        SpecInvalid: no such label of words, spans or pairs; single spans among pairs.
        NotEnoughData: no edge has all its words, or none of those has a label.
        IncompatibleRefs: the vectors are not in reading order.
    """
    unit, marks = _found(examples, label)
    row_of = _rows(embeddings)
    first: list[tuple[int, int]] = []
    second: list[tuple[int, int]] = []
    types: list[str] = []
    labels: list[tuple[str, ...]] = []
    sentence: list[int] = []
    n_left_out = 0
    for i, mark in marks:
        spans = [span for span in (mark.first, mark.second) if span is not None]
        if len(spans) != (2 if unit == "pair" else 1):
            raise SpecInvalid(
                f"Reading the marks {label!r}.", f"Sentence {i + 1} mixes spans and pairs.", "Give one kind a name."
            )
        if not all((i, word) in row_of for span in spans for word in range(*span)):
            n_left_out += 1
            continue
        ranges = [(row_of[i, start], row_of[i, end - 1] + 1) for start, end in spans]
        first.append(ranges[0])
        second.append(ranges[-1])
        types.append(" … ".join(" ".join(examples.words[i][slice(*span)]) for span in spans))
        labels.append(mark.labels)
        sentence.append(i)
    names = sorted({name for of_edge in labels for name in of_edge})
    if not names:
        raise NotEnoughData(
            f"Reading {label!r}.",
            f"{len(labels)} of {len(labels) + n_left_out} have all their words, and none of them a label.",
            "Take more sentences.",
        )
    return LabelledEdges(
        unit=unit,
        first=np.array(first, dtype=np.int64),
        second=np.array(second, dtype=np.int64) if unit == "pair" else None,
        types=np.array(types),
        names=tuple(names),
        targets=_indicators(labels, names),
        sentence=np.array(sentence, dtype=np.int32),
        group=group_of(examples, np.array(sentence)),
        n_left_out=n_left_out,
    )


def edge_splits(group: NDArray[np.int64], n_seeds: int) -> list[EdgeSplit]:
    """Random splits by sentence, 60 % for training, 10 % dev and 30 % test; test sides are those of a linear probe.

    Training sides are of one size: the surplus of longer ones is left out at random.

    Raises:
        NotEnoughData: fewer than 10 sentences.
    """
    drawn = [(*_dev_apart(train, group, seed), test) for seed, (train, test) in enumerate(splits_of(group, n_seeds))]
    size = min(len(train) for train, _, _ in drawn)
    return [
        EdgeSplit(np.sort(np.random.default_rng(seed).choice(train, size, replace=False)), dev, test, seed)
        for seed, (train, dev, test) in enumerate(drawn)
    ]


def _dev_apart(rows: NDArray[np.intp], group: NDArray[np.int64], seed: int) -> Split:
    """Rows for training and dev; no sentence is on both sides."""
    distinct = np.unique(group[rows])
    drawn = np.random.default_rng((seed, 1)).permutation(distinct)
    in_dev = np.isin(group[rows], drawn[: max(1, round(len(distinct) * _DEV_SHARE))])
    return rows[~in_dev], rows[in_dev]


def _found(examples: Examples, label: str) -> tuple[Unit, Iterator[tuple[int, Mark]]]:
    """Unit of a label, and its marks with the sentence of each; a word is a span of length one."""
    if label in examples.word_labels:
        skipped = UNMARKED if label in examples.partial else None
        words = (
            (i, Mark((at, at + 1), None, (value,)))
            for i, values in enumerate(examples.word_labels[label])
            for at, value in enumerate(values)
            if value != skipped
        )
        return "word", words
    names = mark_names(examples)
    if label not in (*names["pair"], *names["span"]):
        known = ", ".join((*examples.word_labels, *names["pair"], *names["span"]))
        raise SpecInvalid(
            f"Reading the label {label!r} with an edge probe.",
            f"Words, spans and pairs have: {known or 'none'}.",
            "Choose one of them.",
        )
    return (
        "pair" if label in names["pair"] else "span",
        ((i, mark) for i, marks in enumerate(marks_of(examples, label)) for mark in marks),
    )


def _rows(embeddings: Embeddings) -> dict[tuple[int, int], int]:
    """Embedded row of each (sentence, word), rising, so that neighbouring words are neighbouring rows."""
    sentence, word = embeddings.sentence.astype(np.int64), embeddings.word.astype(np.int64)
    if not (np.diff(sentence << 32 | word) > 0).all():
        raise IncompatibleRefs(
            "Reading spans of words.", "The vectors are not in the order of the words.", "Compute them again."
        )
    return {place: row for row, place in enumerate(zip(sentence.tolist(), word.tolist(), strict=True))}


def _indicators(labels: list[tuple[str, ...]], names: list[str]) -> NDArray[np.bool_]:
    """Which of the names each has [n, K]."""
    at = {name: column for column, name in enumerate(names)}
    table = np.zeros((len(labels), len(names)), dtype=bool)
    for row, of_edge in enumerate(labels):
        table[row, [at[name] for name in of_edge]] = True
    return table
