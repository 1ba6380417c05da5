"""Full fine-tuning for sequence classification: the tuned checkpoint is an artifact like any other."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from core.analyses.base import Run
from core.data.load import load_sample, sample_size
from core.errors import NotEnoughData, SpecInvalid
from core.keys import Result, Spec
from core.maths.statistics import Estimate, wilson_interval
from core.models.checkpoints import facts, locate, place
from core.refs import Folder, Packaged, RandomWeights, Sample


@dataclass(frozen=True, kw_only=True)
class FineTune(Spec, kind="fine_tune"):
    """Tune every weight of a checkpoint, with a fresh linear head, to predict one label per sentence.

    Optimiser: AdamW with bias correction, linear warm-up, linear decay to 0 (Mosbach et al. 2021 on stability).
    """

    title: ClassVar[str] = "Fine-tuning"
    seconds_per_unit: ClassVar[float] = 2.0e-2

    checkpoint: Packaged | Folder
    train: Sample
    dev: Sample
    label: str
    """Name of the sentence label."""
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
        ):
            if not good:
                raise SpecInvalid(f"Fine-tuning with {name} = {value}.", "Out of range.", "Choose a usual value.")

    def cost(self) -> tuple[float, float]:
        """Work in example passes (forward and backward); bytes of one copy of the weights."""
        passes = sample_size(self.train) * self.epochs + sample_size(self.dev) / 3
        return passes, float(facts(place(self.checkpoint)).n_bytes)


def origin(checkpoint: Packaged | Folder | RandomWeights | FineTune) -> Packaged | Folder:
    """The checkpoint on disk that a run started from; a checkpoint that is no run is its own origin."""
    if isinstance(checkpoint, RandomWeights):
        return checkpoint.of
    return checkpoint.checkpoint if isinstance(checkpoint, FineTune) else checkpoint


@dataclass(frozen=True, kw_only=True)
class TunedCheckpoint(Result):
    """The tuned weights, and how tuning went."""

    folder: Path
    """save_pretrained's folder: configuration, tokenizer, safetensors with the head."""
    labels: tuple[str, ...]
    """Label names in the head's order."""
    curve: pd.DataFrame
    """step, loss (mean over the steps since the row before), learning_rate."""
    accuracy: Estimate
    """Of the head on the dev sentences; interval over sentences."""
    majority: float
    """Accuracy on the dev sentences of always answering the commonest training label."""
    confusion: np.ndarray
    """Dev sentences by gold label (row) and predicted label (column), int [n_labels, n_labels]."""
    n_train: int
    n_steps: int


def compute(spec: FineTune, inputs: dict[str, Any], run: Run) -> TunedCheckpoint:
    """Tune. Raises NotEnoughData for a label with one class, SpecInvalid for a label the data does not have."""
    train, dev = load_sample(spec.train), load_sample(spec.dev)
    for examples, side in ((train, "training"), (dev, "dev")):
        if spec.label not in examples.sentence_labels:
            known = ", ".join(examples.sentence_labels) or "none"
            raise SpecInvalid(
                f"Tuning to predict {spec.label!r}.",
                f"The {side} sentences have the labels: {known}.",
                "Choose one of them.",
            )
    targets = train.sentence_labels[spec.label]
    labels = tuple(sorted(set(targets)))
    if len(labels) < 2:
        raise NotEnoughData(
            f"Tuning to predict {spec.label!r}.",
            f"Every training sentence has the label {labels[0]!r}.",
            "Give two or more.",
        )
    if unknown := sorted(set(dev.sentence_labels[spec.label]) - set(labels)):
        raise NotEnoughData(
            f"Tuning to predict {spec.label!r}.",
            f"The dev sentences have labels that training never sees: {', '.join(unknown[:5])}.",
            "Take more training sentences, or another dev file.",
        )
    from core.models.tuning import Recipe, tune_classifier

    recipe = Recipe(
        epochs=spec.epochs,
        learning_rate=spec.learning_rate,
        batch_size=spec.batch_size,
        warmup=spec.warmup,
        weight_decay=spec.weight_decay,
        max_pieces=spec.max_pieces,
        seed=spec.seed,
    )
    tuned = tune_classifier(
        locate(spec.checkpoint),
        run.folder / "checkpoint",
        texts=train.texts,
        targets=[labels.index(label) for label in targets],
        dev_texts=dev.texts,
        labels=labels,
        recipe=recipe,
        device=run.device,
        on_step=run.step,
    )
    gold = dev.sentence_labels[spec.label]
    right = [labels[guess] == label for guess, label in zip(tuned.dev_predictions, gold, strict=True)]
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, ([labels.index(label) for label in gold], list(tuned.dev_predictions)), 1)
    commonest = max(labels, key=targets.count)
    return TunedCheckpoint(
        folder=run.folder / "checkpoint",
        labels=labels,
        curve=tuned.curve,
        accuracy=wilson_interval(sum(right), len(right)),
        majority=gold.count(commonest) / len(gold),
        confusion=confusion,
        n_train=len(train),
        n_steps=tuned.n_steps,
    )
