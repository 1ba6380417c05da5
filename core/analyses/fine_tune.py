"""Fine-tuning: what a run changed is an artifact like any other, and any step it kept is a checkpoint."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from core.analyses.base import Run
from core.analyses.goals import Scored, Task, prepared, steps_of
from core.analyses.scoring import MEASURES, score_of
from core.data.load import sample_size
from core.errors import SpecInvalid
from core.keys import Described, Result, Spec, later
from core.maths.statistics import Estimate
from core.models.checkpoints import locate, weight_bytes
from core.refs import NOTHING, Sample, Surgery, TableFile, Whole

_CHANGED_SHARE = {"full": 1.0, "head": 0.01, "lora": 0.02}
"""Rough bytes of what a method changes, against those of the weights."""


@dataclass(frozen=True, kw_only=True)
class FineTune(Spec, kind="fine_tune", version=2, also=(3,)):
    """Tune a checkpoint with a fresh head: to labels of sentences, pairs or words, to numbers, to trees, or to answers.

    Optimiser: AdamW with bias correction, linear warm-up, linear decay to 0 (Mosbach et al. 2021 on stability).
    """

    title: ClassVar[str] = "Fine-tuning"
    sources: ClassVar[tuple[str, ...]] = (
        "Devlin et al. 2019",
        "Mosbach et al. 2021, arXiv 2006.04884",
        "Hu et al. 2022 on LoRA",
    )
    seconds_per_unit: ClassVar[float] = 2.0e-2

    checkpoint: Whole
    train: Sample
    dev: Sample
    label: str
    """Name of the label; of the number; of the relations of a tree; of the marks that are answers."""
    unit: Literal["sentence", "word"] = "sentence"
    """What has the label: a sentence or pair of them (sequence classification), or each word (token classification)."""
    goal: Literal["label", "number", "tree", "answer"] = later("label")
    """What is learnt: labels; a number of each sentence (regression); a head and a relation for each word (dependency parsing,
    whose unit is the word); the words of a text that answer a question (extractive question answering)."""
    head_rate: float = later(1.0)
    """Learning rate of the head, as a multiple of the other: a parser's many fresh weights need more."""
    surgery: Surgery = later(NOTHING)  # noqa: RUF009  # a description, as frozen as a number
    """What is done to the start before the first step; each block stays in its place."""
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

    @property
    def own_version(self) -> int:
        """3 where questions may have several right answers: version 2 knew the first of each alone."""
        return 3 if self.goal == "answer" and isinstance(self.dev.of, TableFile) else self.version

    def validate(self) -> None:
        for name, value, good, usual in (
            ("epochs", self.epochs, 0 < self.epochs <= 100, "more than 0, at most 100; 2 to 10 is usual"),
            ("learning_rate", self.learning_rate, 0 < self.learning_rate < 1, "between 0 and 1; 1e-5 to 1e-3 is usual"),
            ("batch_size", self.batch_size, 1 <= self.batch_size <= 1024, "1 to 1024; 8 to 32 is usual"),
            ("warmup", self.warmup, 0 <= self.warmup < 1, "at least 0, below 1; 0.1 is usual"),
            ("weight_decay", self.weight_decay, 0 <= self.weight_decay < 1, "at least 0, below 1; 0 to 0.1 is usual"),
            ("max_pieces", self.max_pieces, 8 <= self.max_pieces <= 8192, "8 to 8192; 128 is usual"),
            ("rank", self.rank, 1 <= self.rank <= 256, "1 to 256; 8 is usual"),
            ("head_rate", self.head_rate, 0.001 <= self.head_rate <= 1000, "0.001 to 1000; 1 is usual"),
        ):
            if not good:
                raise SpecInvalid(f"Fine-tuning with {name} = {value}.", "Out of range.", f"Give {usual}.")
        if list(self.snapshots) != sorted(set(self.snapshots)) or any(step < 0 for step in self.snapshots):
            raise SpecInvalid(
                f"Fine-tuning with snapshots at {self.snapshots}.", "Not rising.", "Give rising steps from 0 on."
            )
        if self.goal != "label" and self.unit != ("word" if self.goal == "tree" else "sentence"):
            raise SpecInvalid(
                f"Fine-tuning with the goal {self.goal!r}, a {self.unit} at a time.",
                "A tree is of words; numbers and answers are of sentences.",
                "Choose that unit.",
            )

        self.check(self.surgery)
        if self.surgery.moves:
            raise SpecInvalid(
                "Tuning a checkpoint that was operated on, and keeping it.",
                "It would be another network than its start: blocks left out or moved, or no pooler.",
                "Try it out instead: a trial keeps its scores.",
            )

    def check(self, surgery: Surgery) -> None:
        """Raise SpecInvalid where a surgery does not go with how this run tunes."""
        if self.method == "lora" and surgery != NOTHING:
            raise SpecInvalid(
                "Tuning after surgery.",
                "Adapters and surgery do not go together.",
                "Tune all weights or the head alone.",
            )

    @property
    def measure(self) -> str:
        """The main score of its head (core.analyses.scoring.MEASURES)."""
        return MEASURES[self.goal][0]

    @property
    def n_steps(self) -> int:
        """Training steps."""
        return steps_of(sample_size(self.train), self)

    def cost(self) -> tuple[float, float]:
        """Work in example passes (forward and backward); bytes of what changes, once a snapshot."""
        forward_only = 0.5 if self.method == "head" else 1.0
        passes = sample_size(self.train) * self.epochs * forward_only + sample_size(self.dev) / 3
        share = 1.0 if self.surgery.draws else _CHANGED_SHARE[self.method]
        one_copy = weight_bytes(self.checkpoint) * share
        return passes, float(one_copy * (1 + len(self.snapshots)))


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


def changes_of(held: Spec | Snapshot, inputs: dict[str, Any], name: str) -> Path:
    """File of what a run, a step it kept, or what was made of one changed in its start.

    Args:
        held: the value of a spec's field.
        inputs: what `compute` was given.
        name: of that field.
    """
    from core.models.changes import changes_file

    if isinstance(held, Snapshot):
        return changes_file(inputs[f"{name}.run"].changes, held.step)
    return changes_file(inputs[name].changes, None)


@dataclass(frozen=True, kw_only=True)
class TunedCheckpoint(Result):
    """The tuned weights, and how tuning went."""

    changes: Path
    """Folder with what differs from the start (core.models.changes): final.safetensors, step-00000040.safetensors …"""
    labels: tuple[str, ...]
    """Label names in the head's order; none of numbers and answers."""
    curve: pd.DataFrame
    """step, loss (mean over the steps since the row before), learning_rate."""
    answers: pd.DataFrame
    """What the head says of the dev examples: example, word (-1 = all of it), gold, guess, confidence … (goals.Scored)."""
    confusion: np.ndarray
    """Dev rows by gold label (row) and guess (column), int64 [n_labels, n_labels]."""
    accuracy: Estimate | None
    """Share of dev rows that are right: the label, head and relation of a tree, the whole answer; None of numbers. Interval over
    examples (by Wilson, or by a grouped jackknife for words)."""
    majority: float
    """The main score of always answering the same: the commonest training label, a chain of words, the mean."""
    n_train: int
    n_steps: int
    n_bytes: int
    """Of the final changes."""

    goal: str = "label"
    """What was learnt."""
    correlation: Estimate | None = None
    """Spearman's, of numbers; interval over examples."""
    parts: int = 1
    """Into so many each batch was cut, for want of memory; 1 = none was."""
    n_lost: int = 0
    """Dev words that have a gold label and no answer: they lie beyond the cut, or the tokenizer dropped them."""

    @property
    def score(self) -> Estimate:
        """The main score."""
        found = self.accuracy or self.correlation
        assert found is not None
        return found

    def scores(self) -> dict[str, Estimate]:
        """The other scores of the head on the dev examples, with intervals over examples; none where those are too few for an
        interval, or all alike."""
        found = {name: score_of(self.answers, self.labels, name)[1] for name in MEASURES[self.goal][1:]}
        return {name: one for name, one in found.items() if one is not None}


def asked_again(run: FineTune, task: Task, changes: Path, circumstances: Run) -> Scored:
    """What a run's head says of its dev examples when other changes than the run's last are put into its start.

    Args:
        run: whose task it is.
        task: of core.analyses.goals.prepared(run).
        changes: a file of them.
    Raises:
        CheckpointDamaged: changes that do not fit the start, or that are no numbers.
    """
    from core.models.sources import Source
    from core.models.tuning import answer, longest_input, tuned_model

    folder, head = locate(run.checkpoint), task.lesson.head
    model, tokenizer = tuned_model(Source(folder=folder, changes=changes), head, circumstances.device)
    longest = longest_input(folder, run.max_pieces)
    return task.score(
        answer(model, tokenizer, task.lesson.dev, head=head, longest=longest, on_batch=circumstances.check)
    )


def remade(tuned: TunedCheckpoint, held: "FineTune | Snapshot", scored: Scored, changes: Path) -> TunedCheckpoint:
    """The result of what was made of a run, or of a step it kept: its own changes and answers, and the run's history.

    Args:
        tuned: of the run.
        held: what it was made of.
        scored: of `asked_again`.
        changes: its file of changes, in a folder of its own.
    """
    goal = (held.run if isinstance(held, Snapshot) else held).goal
    return replace(
        tuned,
        changes=changes.parent,
        answers=scored.answers,
        confusion=scored.confusion,
        accuracy=None if goal == "number" else scored.score,
        correlation=scored.score if goal == "number" else None,
        n_steps=held.step if isinstance(held, Snapshot) else tuned.n_steps,
        n_bytes=changes.stat().st_size,
    )


def compute(spec: FineTune, inputs: dict[str, Any], run: Run) -> TunedCheckpoint:
    """Tune. Raises as core.analyses.goals.prepared, and as core.models.tuning.tune."""
    from core.models.changes import changes_file
    from core.models.tuning import tune

    task = prepared(spec)
    tuned = tune(
        locate(spec.checkpoint),
        run.folder / "changes",
        task.lesson,
        surgery=spec.surgery,
        device=run.device,
        on_step=run.step,
        on_curve=lambda rows: run.publish("curve", rows),
    )
    scored = task.score(tuned.answers)
    return TunedCheckpoint(
        changes=run.folder / "changes",
        labels=scored.labels,
        curve=tuned.curve,
        answers=scored.answers,
        confusion=scored.confusion,
        accuracy=None if spec.goal == "number" else scored.score,
        correlation=scored.score if spec.goal == "number" else None,
        majority=scored.majority,
        goal=spec.goal,
        n_train=tuned.n_taught,
        n_steps=task.lesson.recipe.n_steps,
        parts=tuned.parts,
        n_lost=scored.n_lost,
        n_bytes=changes_file(run.folder / "changes", None).stat().st_size,
    )
