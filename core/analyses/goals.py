"""Goals: what a run learns from a data set, and its head's answers beside the gold ones (scored by core.analyses.scoring).

Four of them, one for each head (core.models.heads): labels, numbers, trees and answers.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.places import group_of
from core.analyses.scoring import ACCURACY, EXACT, LAS, SPEARMAN, confusion_of, dull, is_right, score_of
from core.analyses.values import numbers_of_sentences
from core.data.examples import UNMARKED, Examples
from core.data.load import load_sample
from core.data.marks import ANSWER
from core.errors import NotEnoughData, SpecInvalid
from core.maths.statistics import MIN_GROUPS, Estimate
from core.maths.trees import best_tree
from core.refs import LABEL_NAMES

if TYPE_CHECKING:
    from core.analyses.fine_tune import FineTune
    from core.models.heads import Side
    from core.models.tuning import Answers, Lesson


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A head's answers beside the gold ones."""

    answers: pd.DataFrame
    """example, group (rows of one number hang together: of an example, or of all its versions), word (-1 = all of it), gold, guess,
    confidence, dull (what always answering the same says); of trees also gold_head, head, dull_head (words from 1, 0 = root); of
    questions that several people answered also golds, a JSON list of all that is right, of which gold is the first."""
    labels: tuple[str, ...]
    """In the head's order; none of numbers and answers."""
    confusion: np.ndarray
    """Rows by gold label (row) and guess (column), int64 [n_labels, n_labels]."""
    score: Estimate
    """The main score."""
    majority: float
    """The same of always answering the same."""
    n_lost: int
    """Dev words or answers that have a gold label and none from the head: they lie beyond the cut, or have no pieces."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a run is to learn, read and checked, and how its answers are scored."""

    lesson: "Lesson"
    score: Callable[["Answers"], Scored]


def prepared(spec: "FineTune") -> Task:
    """What a run learns.

    Raises:
        NotEnoughData: one class, numbers that are all alike, too few annotated examples.
        SpecInvalid: a label, numbers, trees or answers that the data does not have.
    """
    return {"label": _labels, "number": _numbers, "tree": _trees, "answer": _answers}[spec.goal](spec)


def misses(spec: "FineTune", answers: pd.DataFrame, n: int = 200) -> pd.DataFrame:
    """What a head gets wrong, the surest first, or the furthest off where answers are numbers. Reads the dev examples.

    Args:
        spec: the run.
        answers: of its head to its dev examples (Scored).
        n: rows at most.
    Returns:
        text, its partner, word (where words are answered), gold, says, of trees the gold head and the head it gave, and confidence.
    """
    examples = load_sample(spec.dev)
    if spec.goal == "number":
        examples, _ = _numbered_examples(examples, spec.label)
        wrong = answers.assign(off=(answers["gold"] - answers["guess"]).abs()).sort_values("off", ascending=False)
    else:
        if spec.goal == "answer":
            examples, _ = _answered_examples(examples, spec.label)
        wrong = answers[~is_right(answers, spec.goal)].sort_values("confidence", ascending=False, kind="stable")
    wrong = wrong.head(n)
    rows = list(zip(wrong["example"].tolist(), wrong["word"].tolist(), strict=True))
    columns: dict[str, Any] = {"text": [examples.texts[i] for i, _ in rows]}
    if examples.partners is not None:
        columns["second text"] = [examples.partners[i] for i, _ in rows]
    if any(j >= 0 for _, j in rows):
        columns["word"] = [examples.words[i][j] for i, j in rows]
    golds = [" | ".join(json.loads(one)) for one in wrong["golds"]] if "golds" in wrong else wrong["gold"].tolist()
    columns |= {"gold": golds, "says": wrong["guess"].tolist()}
    if spec.goal == "tree":
        for name, of in (("gold head", "gold_head"), ("head", "head")):
            heads = zip(rows, wrong[of].tolist(), strict=True)
            columns[name] = [f"{head} {examples.words[i][head - 1]}" if head else "(root)" for (i, _), head in heads]
    if spec.goal != "number":
        columns["confidence"] = wrong["confidence"].round(3).tolist()
    return pd.DataFrame(columns)


def _numbered_examples(examples: Examples, number: str) -> tuple[Examples, NDArray[np.float64]]:
    """Those that have a number, and it."""
    values = numbers_of_sentences(examples, number)
    rows = np.flatnonzero(np.isfinite(values))
    return examples.pick(rows.tolist()), values[rows]


def _answered_examples(examples: Examples, name: str) -> tuple[Examples, list[tuple[int, int]]]:
    """Those that have an answer, and its words [start, end)."""
    spans = [next((mark.first for mark in marks if ANSWER in mark.labels), None) for marks in examples.marks[name]]
    rows = [i for i, span in enumerate(spans) if span is not None]
    return examples.pick(rows), [span for span in spans if span is not None]


def goal_name(goal: str, label: str) -> str:
    """What is learnt, in words a student knows."""
    name = LABEL_NAMES.get(label, label)
    return {"tree": f"parsing ({name})", "answer": "answering questions"}.get(goal, name)


def _labels(spec: "FineTune") -> Task:
    from core.models.heads import IGNORED, LabelHead

    train, dev = _sides(spec)
    taught, gold = (_labels_of(examples, spec, side) for examples, side in ((train, "training"), (dev, "dev")))
    labels = _label_names(spec, taught, gold, is_partial=spec.label in train.partial)
    if spec.label in train.partial:
        # A batch of sentences without one annotated word would have no loss; an epoch is one pass over the others.
        rows = [i for i, row in enumerate(taught) if set(row) != {UNMARKED}]
        train, taught = train.pick(rows), [taught[i] for i in rows]
        _enough_annotated(spec, gold)
    number = {label: i for i, label in enumerate(labels)}
    targets = [[number.get(one, IGNORED) for one in row] for row in taught]
    return _task(
        spec,
        LabelHead(spec.unit, labels),
        train,
        targets if spec.unit == "word" else [row[0] for row in targets],
        dev,
        partial(_labels_scored, dev=dev, gold=gold, labels=labels, commonest=_commonest(taught, labels)),
    )


def _labels_scored(
    answers: "Answers", *, dev: Examples, gold: list[tuple[str, ...]], labels: tuple[str, ...], commonest: str
) -> Scored:
    table = _table(answers, gold, labels).assign(dull=commonest)
    if bool((answers.word >= 0).any()) and UNMARKED not in labels:
        table = table[table["gold"] != UNMARKED].reset_index(drop=True)  # words without annotation are not asked about
    n_asked = sum(one != UNMARKED or UNMARKED in labels for row in gold for one in row)
    return _scored(table, labels, ACCURACY, dev, n_asked)


def _numbers(spec: "FineTune") -> Task:
    from core.models.heads import NumberHead

    train, dev = _sides(spec)
    sides = []
    for examples, side in ((train, "training"), (dev, "dev")):
        own, values = _numbered_examples(examples, spec.label)
        if len(values) < MIN_GROUPS or np.ptp(values) == 0:
            raise NotEnoughData(
                f"Tuning to predict the number {spec.label!r}.",
                f"{len(values)} {side} examples have one, of {len(np.unique(values))} different values.",
                f"Give {MIN_GROUPS} or more that differ.",
            )
        sides.append((own, values))
    (train, taught), (dev, gold) = sides
    mean, spread = float(taught.mean()), float(taught.std())
    head = NumberHead(mean=mean, spread=spread, furthest=float(np.abs(taught - mean).max()) / spread)
    return _task(spec, head, train, taught.tolist(), dev, partial(_numbers_scored, dev=dev, gold=gold, mean=head.mean))


def _numbers_scored(answers: "Answers", *, dev: Examples, gold: NDArray[np.float64], mean: float) -> Scored:
    table = pd.DataFrame(
        {
            "example": answers.example,
            "word": answers.word,
            "gold": gold[answers.example],
            "guess": answers.beside["value"],
            "confidence": answers.confidence,
            "dull": mean,
        }
    )
    return _scored(table, (), SPEARMAN, dev, len(gold))


def _trees(spec: "FineTune") -> Task:
    from core.models.heads import IGNORED, TreeHead

    train, dev = _sides(spec)
    for examples, side in ((train, "training"), (dev, "dev")):
        if examples.heads is None or examples.partners is not None:
            raise SpecInvalid(
                "Tuning a parser.",
                f"The {side} data has no trees."
                if examples.heads is None
                else f"The {side} examples are pairs of texts.",
                "Give single sentences with heads and relations, as CoNLL-U has them.",
            )
    assert train.heads is not None
    assert dev.heads is not None
    taught, gold = (_labels_of(examples, spec, side) for examples, side in ((train, "training"), (dev, "dev")))
    labels = _label_names(spec, taught, gold, is_partial=spec.label in train.partial)
    number = {label: i for i, label in enumerate(labels)}
    kinds = [[number.get(one, IGNORED) for one in row] for row in taught]
    targets = list(zip((list(row) for row in train.heads), kinds, strict=True))
    score = partial(
        _trees_scored, dev=dev, gold=gold, heads=list(dev.heads), labels=labels, commonest=_commonest(taught, labels)
    )
    return _task(spec, TreeHead(labels, best_tree), train, targets, dev, score)


def _trees_scored(
    answers: "Answers",
    *,
    dev: Examples,
    gold: list[tuple[str, ...]],
    heads: Sequence[Sequence[int]],
    labels: tuple[str, ...],
    commonest: str,
) -> Scored:
    table = _table(answers, gold, labels).assign(
        gold_head=[heads[i][j] for i, j in zip(answers.example.tolist(), answers.word.tolist(), strict=True)],
        head=answers.beside["head"],
        dull=commonest,
        dull_head=answers.word,  # right-branching: every word hangs on the one before it, the first is the root
    )
    if UNMARKED not in labels:
        table = table[table["gold"] != UNMARKED].reset_index(drop=True)
    n_asked = sum(one != UNMARKED or UNMARKED in labels for row in gold for one in row)
    return _scored(table, labels, LAS, dev, n_asked)


def _answers(spec: "FineTune") -> Task:
    from core.models.heads import AnswerHead

    sides = []
    for examples, side in zip(_sides(spec), ("training", "dev"), strict=True):
        if spec.label not in examples.marks:
            raise SpecInvalid(
                "Tuning to answer questions.",
                f"The {side} examples have no answers called {spec.label!r}.",
                "Give a text and a question with its answer marked, as SQuAD has them.",
            )
        own, spans = _answered_examples(examples, spec.label)
        if len(spans) < MIN_GROUPS:
            raise NotEnoughData(
                "Tuning to answer questions.",
                f"{len(spans)} of the {side} examples have an answer.",
                f"Give {MIN_GROUPS} or more.",
            )
        sides.append((own, spans))
    (train, taught), (dev, gold) = sides
    commonest = Counter(taught).most_common(1)[0][0]
    head = AnswerHead(_answering(spec, train, taught, dev, gold))
    score = partial(_answers_scored, dev=dev, gold=gold, commonest=commonest)
    return _task(spec, head, train, taught, dev, score)


def _answering(
    spec: "FineTune", train: Examples, taught: list[tuple[int, int]], dev: Examples, gold: list[tuple[int, int]]
) -> "Side":
    """Which text of each example holds the answers. Raises SpecInvalid where it is now one, now the other."""
    if train.partners is None:
        return "both"
    sides = {
        start >= len(examples.spans[row])
        for examples, spans in ((train, taught), (dev, gold))
        for row, (start, _) in enumerate(spans)
    }
    if len(sides) > 1:
        raise SpecInvalid(
            f"Tuning to answer questions, {spec.label!r}.",
            "Some answers lie in the first text of a pair, some in the second.",
            "Put the text that holds the answers on one side.",
        )
    return "second" if sides == {True} else "first"


def _answers_scored(
    answers: "Answers", *, dev: Examples, gold: list[tuple[int, int]], commonest: tuple[int, int]
) -> Scored:
    said = zip(answers.beside["start"].tolist(), answers.beside["end"].tolist(), strict=True)
    table = pd.DataFrame(
        {
            "example": answers.example,
            "word": answers.word,
            "gold": [" ".join(words[slice(*span)]) for words, span in zip(dev.words, gold, strict=True)],
            "guess": [" ".join(words[slice(*span)]) for words, span in zip(dev.words, said, strict=True)],
            "confidence": answers.confidence,
            "dull": [" ".join(words[slice(*commonest)]) for words in dev.words],
        }
    )
    if dev.answers is not None:
        # As they were written, and not in whole words: so the official scorer compares them.
        table["golds"] = [json.dumps(list(one), ensure_ascii=False) for one in dev.answers]
    return _scored(table, (), EXACT, dev, len(gold))


def _sides(spec: "FineTune") -> tuple[Examples, Examples]:
    return load_sample(spec.train), load_sample(spec.dev)


def _task(
    spec: "FineTune",
    head: Any,
    train: Examples,
    targets: Sequence[Any],
    dev: Examples,
    score: Callable[["Answers"], Scored],
) -> Task:
    from core.models.tuning import Lesson, Recipe

    is_of_groups = spec.goal != "label" or spec.unit == "word"
    if is_of_groups and len(dev) < MIN_GROUPS:
        raise NotEnoughData(
            "Scoring what will be learnt.", f"There are {len(dev)} dev examples for it.", f"Give {MIN_GROUPS} or more."
        )
    if spec.snapshots and spec.snapshots[-1] > steps_of(len(train), spec):
        raise SpecInvalid(
            f"Tuning on {len(train):,} examples that have what is to be learnt.",
            f"They make {steps_of(len(train), spec)} steps; a snapshot is asked for at {spec.snapshots[-1]}.",
            "Keep fewer steps.",
        )
    recipe = Recipe(
        method=spec.method,
        rank=spec.rank,
        n_steps=steps_of(len(train), spec),
        learning_rate=spec.learning_rate,
        head_rate=spec.head_rate,
        batch_size=spec.batch_size,
        warmup=spec.warmup,
        weight_decay=spec.weight_decay,
        max_pieces=spec.max_pieces,
        seed=spec.seed,
        snapshots=spec.snapshots,
    )
    return Task(lesson=Lesson(head=head, train=train, targets=targets, dev=dev, recipe=recipe), score=score)


def _table(answers: "Answers", gold: list[tuple[str, ...]], labels: tuple[str, ...]) -> pd.DataFrame:
    places = zip(answers.example.tolist(), answers.word.tolist(), strict=True)
    return pd.DataFrame(
        {
            "example": answers.example,
            "word": answers.word,
            "gold": [gold[i][max(j, 0)] for i, j in places],
            "guess": [labels[i] for i in answers.guess.tolist()],
            "confidence": answers.confidence,
        }
    )


def _scored(table: pd.DataFrame, labels: tuple[str, ...], measure: str, dev: Examples, n_asked: int) -> Scored:
    """Args: dev: what the rows are answers to; n_asked: gold labels in it."""
    table.insert(1, "group", group_of(dev, table["example"].to_numpy()))
    value, found = score_of(table, labels, measure)
    n_groups = table["group"].nunique()
    if found is None and n_groups < MIN_GROUPS:
        raise NotEnoughData("Scoring a head.", f"It answers {n_groups} dev examples.", f"Give {MIN_GROUPS} or more.")
    if found is None:  # all groups alike: the score is there, and nothing tells its spread
        n = len(table)
        found = Estimate(value=value, low=value, high=value, standard_error=0.0, n=n, n_groups=n_groups)
    return Scored(
        answers=table,
        labels=labels,
        confusion=confusion_of(table, labels),
        score=found,
        majority=score_of(dull(table), labels, measure)[0],
        n_lost=n_asked - len(table),
    )


def _commonest(taught: list[tuple[str, ...]], labels: tuple[str, ...]) -> str:
    """The commonest training label; of several, the first by name."""
    known = pd.Series([one for row in taught for one in row if one in labels])
    return str(known.value_counts().sort_index().idxmax())


def steps_of(n_examples: int, spec: "FineTune") -> int:
    """Training steps over so many examples."""
    return max(1, ceil(ceil(n_examples / spec.batch_size) * spec.epochs))


def _enough_annotated(spec: "FineTune", dev: list[tuple[str, ...]]) -> None:
    """Raise, before any training, where too few sentences have the label."""
    asked = f"Tuning to predict {spec.label!r}, which only some words have."
    n_dev = sum(set(row) != {UNMARKED} for row in dev)
    if n_dev < MIN_GROUPS:
        raise NotEnoughData(asked, f"{n_dev} dev sentences have such a word.", f"Give {MIN_GROUPS} or more.")


def _labels_of(examples: Examples, spec: "FineTune", side: str) -> list[tuple[str, ...]]:
    """Labels of each example: one for a sentence, one a word otherwise."""
    known = examples.word_labels if spec.unit == "word" else examples.sentence_labels
    if spec.label not in known:
        raise SpecInvalid(
            f"Tuning to predict {spec.label!r}.",
            f"The {side} {spec.unit}s have the labels: {', '.join(known) or 'none'}.",
            "Choose one of them.",
        )
    if spec.unit == "word":
        return list(examples.word_labels[spec.label])
    return [(one,) for one in examples.sentence_labels[spec.label]]


def _label_names(
    spec: "FineTune", train: list[tuple[str, ...]], dev: list[tuple[str, ...]], *, is_partial: bool
) -> tuple[str, ...]:
    nothing = {UNMARKED} if is_partial else set()
    labels = tuple(sorted({one for row in train for one in row} - nothing))
    if len(labels) < 2:
        raise NotEnoughData(
            f"Tuning to predict {spec.label!r}.",
            f"Every training {spec.unit} has the label {labels[0]!r}." if labels else "There is no training example.",
            "Give two or more.",
        )
    unknown = sorted({one for row in dev for one in row} - set(labels) - nothing)
    if unknown and spec.unit == "word":
        return tuple(
            sorted({*labels, *unknown})
        )  # rare tags: the head may never guess them, and is wrong where they stand
    if unknown:
        raise NotEnoughData(
            f"Tuning to predict {spec.label!r}.",
            f"The dev {spec.unit}s have labels that training never sees: {', '.join(unknown[:5])}.",
            "Take more training examples, or another dev file.",
        )
    return labels
