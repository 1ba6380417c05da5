"""Fine-tuning: what a run changed is an artifact like any other, and any step it kept is a checkpoint."""

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd

from core.analyses.base import Run
from core.data.examples import UNMARKED, Examples
from core.data.load import load_sample, sample_size
from core.errors import NotEnoughData, SpecInvalid
from core.keys import Described, Result, Spec
from core.maths.scores import grouped_score, macro_f1, matthews
from core.maths.statistics import MIN_GROUPS, Estimate, grouped_share, wilson_interval
from core.models.checkpoints import locate, weight_bytes
from core.refs import Sample, Whole

if TYPE_CHECKING:
    from core.models.tuning import Recipe

_CHANGED_SHARE = {"full": 1.0, "head": 0.01, "lora": 0.02}
"""Rough bytes of what a method changes, against those of the weights."""


@dataclass(frozen=True, kw_only=True)
class FineTune(Spec, kind="fine_tune", version=2):
    """Tune a checkpoint, with a fresh linear head, to predict one label per sentence, pair or word.

    Optimiser: AdamW with bias correction, linear warm-up, linear decay to 0 (Mosbach et al. 2021 on stability).
    """

    title: ClassVar[str] = "Fine-tuning"
    seconds_per_unit: ClassVar[float] = 2.0e-2

    checkpoint: Whole
    train: Sample
    dev: Sample
    label: str
    """Name of the label."""
    unit: Literal["sentence", "word"] = "sentence"
    """What has the label: a sentence or pair of them (sequence classification), or each word (token classification)."""
    method: Literal["full", "head", "lora"] = "full"
    """Every weight; the head alone on a frozen encoder; or adapters of low rank (Hu et al. 2022) and the head."""
    rank: int = 8
    """Of the adapters; their scale is 2 (alpha = 2 rank), their dropout 0.05. Counts for "lora" only."""
    snapshots: tuple[int, ...] = ()
    """Steps whose weights are kept beside the last; 0 = before the first step."""
    epochs: float = 2.0
    learning_rate: float = 5e-5
    batch_size: int = 32
    warmup: float = 0.1
    """Share of the steps over which the learning rate rises."""
    weight_decay: float = 0.0
    max_pieces: int = 128
    seed: int = 0

    def validate(self) -> None:
        for name, value, good in (
            ("epochs", self.epochs, 0 < self.epochs <= 100),
            ("learning_rate", self.learning_rate, 0 < self.learning_rate < 1),
            ("batch_size", self.batch_size, 1 <= self.batch_size <= 1024),
            ("warmup", self.warmup, 0 <= self.warmup < 1),
            ("weight_decay", self.weight_decay, 0 <= self.weight_decay < 1),
            ("max_pieces", self.max_pieces, 8 <= self.max_pieces <= 8192),
            ("rank", self.rank, 1 <= self.rank <= 256),
        ):
            if not good:
                raise SpecInvalid(f"Fine-tuning with {name} = {value}.", "Out of range.", "Choose a usual value.")
        if list(self.snapshots) != sorted(set(self.snapshots)) or any(step < 0 for step in self.snapshots):
            raise SpecInvalid(
                f"Fine-tuning with snapshots at {self.snapshots}.", "Not rising.", "Give rising steps from 0 on."
            )

    @property
    def n_steps(self) -> int:
        """Training steps."""
        return _steps(sample_size(self.train), self)

    def cost(self) -> tuple[float, float]:
        """Work in example passes (forward and backward); bytes of what changes, once a snapshot."""
        forward_only = 0.5 if self.method == "head" else 1.0
        passes = sample_size(self.train) * self.epochs * forward_only + sample_size(self.dev) / 3
        one_copy = weight_bytes(self.checkpoint) * _CHANGED_SHARE[self.method]
        return passes, float(one_copy * (1 + len(self.snapshots)))


def _steps(n_examples: int, spec: FineTune) -> int:
    return max(1, ceil(ceil(n_examples / spec.batch_size) * spec.epochs))


def _enough_annotated(spec: FineTune, dev: list[tuple[str, ...]], n_steps: int) -> None:
    """Raise, before any training, where too few sentences have the label."""
    asked = f"Tuning to predict {spec.label!r}, which only some words have."
    n_dev = sum(set(row) != {UNMARKED} for row in dev)
    if n_dev < MIN_GROUPS:
        raise NotEnoughData(asked, f"{n_dev} dev sentences have such a word.", f"Give {MIN_GROUPS} or more.")
    if spec.snapshots and spec.snapshots[-1] > n_steps:
        raise SpecInvalid(
            asked,
            f"Its sentences make {n_steps} steps; a snapshot is asked for at {spec.snapshots[-1]}.",
            "Keep fewer steps.",
        )


def spaced_steps(n_steps: int, count: int) -> tuple[int, ...]:
    """At most `count` steps before the last, evenly spaced on a log scale: most happens early."""
    if count < 1 or n_steps < 2:
        return ()
    return tuple(sorted({round(step) for step in np.geomspace(1, n_steps, count + 1)[:-1]}))


@dataclass(frozen=True, kw_only=True)
class Snapshot(Described, kind="checkpoint.snapshot"):
    """A run at one of the steps it kept."""

    run: FineTune
    step: int

    def validate(self) -> None:
        if self.step not in self.run.snapshots:
            kept = ", ".join(map(str, self.run.snapshots)) or "none"
            raise SpecInvalid(
                f"Step {self.step} of a run.", f"It keeps: {kept}.", "Choose one of them, or the run itself."
            )


@dataclass(frozen=True, kw_only=True)
class TunedCheckpoint(Result):
    """The tuned weights, and how tuning went."""

    changes: Path
    """Folder with what differs from the start (core.models.changes): final.safetensors, step-00000040.safetensors …"""
    labels: tuple[str, ...]
    """Label names in the head's order."""
    curve: pd.DataFrame
    """step, loss (mean over the steps since the row before), learning_rate."""
    answers: pd.DataFrame
    """What the head says of the dev examples: example, word (-1 = all of it), gold, guess, confidence (0 to 1)."""
    confusion: np.ndarray
    """Dev rows by gold label (row) and guess (column), int64 [n_labels, n_labels]."""
    accuracy: Estimate
    """Of the head on the dev examples; interval over examples (by Wilson, or by a grouped jackknife for words)."""
    majority: float
    """Accuracy on the dev examples of always answering the commonest training label."""
    n_train: int
    n_steps: int
    n_bytes: int
    """Of the final changes."""

    def scores(self) -> dict[str, Estimate]:
        """Macro-F1 and Matthews correlation of the head on the dev examples, with intervals over examples; none where those
        are too few for an interval, or all alike."""
        found = {name: scored_by(self.answers, self.labels, name)[1] for name in MEASURES}
        return {name: one for name, one in found.items() if one is not None}


MEASURES = {"macro-F1": (macro_f1, (0.0, 1.0)), "Matthews correlation": (matthews, (-1.0, 1.0))}
"""Scores of a head's answers beside accuracy, with the range of each."""


def scored_by(answers: pd.DataFrame, labels: tuple[str, ...], measure: str) -> tuple[float, Estimate | None]:
    """One of MEASURES of a head's answers (columns example, gold, guess), and the same with its interval over examples.

    Matthews correlation is 0 for a head that always says the same. No interval where examples are too few for one, or where
    every group of them says the same: that tells nothing of the spread.
    """
    number = {label: i for i, label in enumerate(labels)}
    gold, guess = (answers[side].map(number).to_numpy() for side in ("gold", "guess"))
    score, span = MEASURES[measure]
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, (gold, guess), 1)
    value = float(score(confusion))
    groups = answers["example"].to_numpy()
    if len(set(groups.tolist())) < MIN_GROUPS:
        return value, None
    found = grouped_score(score, gold, guess, groups, n_classes=len(labels), span=span)
    return value, found if found.standard_error > 0 else None


def compute(spec: FineTune, inputs: dict[str, Any], run: Run) -> TunedCheckpoint:
    """Tune. Raises NotEnoughData for a label with one class, SpecInvalid for a label the data does not have."""
    from core.models.changes import changes_file
    from core.models.tuning import tune

    task = prepared(spec)
    tuned = tune(
        locate(spec.checkpoint),
        run.folder / "changes",
        train=task.train,
        targets=task.targets,
        dev=task.dev,
        labels=task.labels,
        recipe=task.recipe,
        device=run.device,
        on_step=run.step,
        on_curve=lambda rows: run.publish("curve", rows),
    )
    scored = score_answers(tuned.answers, task.gold, task.labels)
    return TunedCheckpoint(
        changes=run.folder / "changes",
        labels=task.labels,
        curve=tuned.curve,
        answers=scored.answers,
        confusion=scored.confusion,
        accuracy=scored.accuracy,
        majority=task.majority(scored),
        n_train=len(task.train),
        n_steps=task.recipe.n_steps,
        n_bytes=changes_file(run.folder / "changes", None).stat().st_size,
    )


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a run is to learn, read and checked."""

    train: Examples
    targets: "list[int] | list[list[int]]"
    """Index of each training example's label, or of each of its words' labels."""
    taught: list[tuple[str, ...]]
    """Gold labels of the training examples."""
    dev: Examples
    gold: list[tuple[str, ...]]
    """Gold labels of the dev examples, one tuple an example."""
    labels: tuple[str, ...]
    recipe: "Recipe"

    def majority(self, scored: "Scored") -> float:
        """Accuracy on the dev examples of always answering the commonest training label."""
        return float((scored.answers["gold"] == self.commonest).mean())

    @property
    def commonest(self) -> str:
        """The commonest training label; of several, the first by name."""
        taught = pd.Series([one for row in self.taught for one in row if one in self.labels])
        return str(taught.value_counts().sort_index().idxmax())


def prepared(spec: FineTune) -> Task:
    """What a run learns. Raises NotEnoughData for a label with one class, SpecInvalid for a label the data does not have."""
    from core.models.tuning import IGNORED, Recipe

    train, dev = load_sample(spec.train), load_sample(spec.dev)
    gold = [_labels(examples, spec, side) for examples, side in ((train, "training"), (dev, "dev"))]
    labels = _label_names(spec, *gold, is_partial=spec.label in train.partial)
    number = {label: i for i, label in enumerate(labels)}
    n_steps = spec.n_steps
    if spec.label in train.partial:
        # A batch of sentences without one annotated word would have no loss; an epoch is one pass over the others.
        taught = [i for i, row in enumerate(gold[0]) if set(row) != {UNMARKED}]
        train, gold[0] = train.pick(taught), [gold[0][i] for i in taught]
        n_steps = _steps(len(train), spec)
        _enough_annotated(spec, gold[1], n_steps)
    recipe = Recipe(
        unit=spec.unit,
        method=spec.method,
        rank=spec.rank,
        n_steps=n_steps,
        learning_rate=spec.learning_rate,
        batch_size=spec.batch_size,
        warmup=spec.warmup,
        weight_decay=spec.weight_decay,
        max_pieces=spec.max_pieces,
        seed=spec.seed,
        snapshots=spec.snapshots,
    )
    targets = [[number.get(one, IGNORED) for one in row] for row in gold[0]]
    return Task(
        train=train,
        targets=targets if spec.unit == "word" else [row[0] for row in targets],
        taught=gold[0],
        dev=dev,
        gold=gold[1],
        labels=labels,
        recipe=recipe,
    )


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A head's answers beside the gold labels."""

    answers: pd.DataFrame
    confusion: np.ndarray
    accuracy: Estimate


def score_answers(answers: Any, gold: list[tuple[str, ...]], labels: tuple[str, ...]) -> Scored:
    """Compare what a head said (core.models.tuning.Answers) with the gold labels, one tuple an example.

    Words without annotation are not asked about.
    """
    table = pd.DataFrame(
        {
            "example": answers.example,
            "word": answers.word,
            "gold": [gold[i][max(j, 0)] for i, j in zip(answers.example.tolist(), answers.word.tolist(), strict=True)],
            "guess": [labels[i] for i in answers.guess.tolist()],
            "confidence": answers.confidence,
        }
    )
    by_word = bool((answers.word >= 0).any())
    if by_word and UNMARKED not in labels:
        table = table[table["gold"] != UNMARKED].reset_index(drop=True)
    number = {label: i for i, label in enumerate(labels)}
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, (table["gold"].map(number).to_numpy(), table["guess"].map(number).to_numpy()), 1)
    right = (table["gold"] == table["guess"]).to_numpy()
    groups = table["example"].to_numpy()
    accuracy = grouped_share(right, groups) if by_word else wilson_interval(int(right.sum()), len(right))
    return Scored(answers=table, confusion=confusion, accuracy=accuracy)


def gold_labels(spec: FineTune) -> list[tuple[str, ...]]:
    """Gold labels of a run's dev examples, one tuple an example."""
    return _labels(load_sample(spec.dev), spec, "dev")


def _labels(examples: Examples, spec: FineTune, side: str) -> list[tuple[str, ...]]:
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
    spec: FineTune, train: list[tuple[str, ...]], dev: list[tuple[str, ...]], *, is_partial: bool
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
