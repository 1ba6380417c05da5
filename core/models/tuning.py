"""Fine-tuning a sequence classifier with transformers' Trainer."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from transformers import (
    AutoModelForSequenceClassification,
    DataCollatorWithPadding,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from core.errors import SpecInvalid
from core.models.checkpoints import facts, load_tokenizer, load_weights

OnStep = Callable[[int, int, str], None]

_DIVERGED = 10.0
"""A loss so many times that of guessing evenly is no longer learning."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to tune."""

    epochs: float
    learning_rate: float
    batch_size: int
    warmup: float
    weight_decay: float
    max_pieces: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What tuning left besides the weights."""

    curve: pd.DataFrame
    """step, loss, learning_rate."""
    dev_predictions: list[int]
    """Index of the head's answer for each dev sentence."""
    n_steps: int


def tune_classifier(
    checkpoint: Path,
    into: Path,
    *,
    texts: Sequence[str],
    targets: Sequence[int],
    dev_texts: Sequence[str],
    labels: Sequence[str],
    recipe: Recipe,
    device: str,
    on_step: OnStep,
) -> Tuned:
    """Tune all weights and a fresh head, and save both as safetensors.

    Args:
        checkpoint: folder of the start.
        into: folder for the tuned checkpoint, made here.
        texts, targets: training sentences and the index of each one's label.
        dev_texts: sentences to predict in the end.
        labels: names in index order.
        recipe: hyper-parameters; the same recipe on the same machine gives the same weights.
        device: where to compute.
        on_step: called with (step, steps, note) after each step; may raise to stop.
    Raises:
        SpecInvalid: the run diverged: its loss is no number, or ten times that of guessing.
    """
    set_seed(recipe.seed)
    tokenizer = load_tokenizer(checkpoint)
    model = load_weights(
        AutoModelForSequenceClassification,
        checkpoint,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
    )
    longest = min(recipe.max_pieces, facts(checkpoint).positions or recipe.max_pieces)

    def encoded(sentences: Sequence[str]) -> list[dict[str, Any]]:
        # The packaged tokenizer pads to a fixed length unless told otherwise on every call.
        pieces = tokenizer(list(sentences), truncation=True, max_length=longest, padding=False)
        return [{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in pieces["input_ids"]]

    train = [{**item, "labels": target} for item, target in zip(encoded(texts), targets, strict=True)]
    n_steps = max(1, math.ceil(math.ceil(len(train) / recipe.batch_size) * recipe.epochs))
    arguments = TrainingArguments(
        output_dir=str(into.parent / "trainer"),
        max_steps=n_steps,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=64,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=math.ceil(n_steps * recipe.warmup),
        weight_decay=recipe.weight_decay,
        optim="adamw_torch",
        seed=recipe.seed,
        data_seed=recipe.seed,
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="steps",
        logging_steps=max(1, n_steps // 50),
        logging_nan_inf_filter=False,  # a loss that is no number must be seen
        report_to=[],
        disable_tqdm=True,
        use_cpu=device == "cpu",
        bf16=device == "cuda",
        dataloader_pin_memory=device == "cuda",
    )
    watch = _Watch(n_steps, on_step, worst_loss=_DIVERGED * math.log(len(labels)))
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=train,
        data_collator=DataCollatorWithPadding(tokenizer),
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    on_step(n_steps, n_steps, "predicting the dev sentences")
    predictions = _predict(
        model, DataCollatorWithPadding(tokenizer), encoded(dev_texts), lambda: on_step(n_steps, n_steps, "")
    )
    model.save_pretrained(into)
    tokenizer.save_pretrained(into)
    return Tuned(curve=watch.curve(), dev_predictions=predictions, n_steps=n_steps)


class _Watch(TrainerCallback):
    """Passes steps on, keeps the loss curve, and stops a run that has diverged."""

    def __init__(self, n_steps: int, on_step: OnStep, *, worst_loss: float) -> None:
        self._n_steps, self._on_step, self._worst_loss = n_steps, on_step, worst_loss
        self._rows: list[dict[str, float]] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        note = f"loss {self._rows[-1]['loss']:.3f}" if self._rows else ""
        self._on_step(state.global_step, self._n_steps, note)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if not logs or "loss" not in logs:
            return
        loss = float(logs["loss"])
        if not loss <= self._worst_loss:  # NaN is not <= anything
            raise SpecInvalid(
                f"Tuning with learning rate {args.learning_rate:g}.",
                f"The loss is {loss:.3g} at step {state.global_step}: training diverged.",
                "Lower the learning rate or raise the warm-up.",
            )
        rate = float(logs["learning_rate"])
        self._rows.append({"step": state.global_step, "loss": loss, "learning_rate": rate})

    def curve(self) -> pd.DataFrame:
        return pd.DataFrame(self._rows, columns=["step", "loss", "learning_rate"])


def _predict(model: Any, collate: Any, items: list[dict[str, Any]], between: Callable[[], None]) -> list[int]:
    """Index of the highest logit for each sentence, in order; batches of similar length."""
    order = sorted(range(len(items)), key=lambda i: len(items[i]["input_ids"]))
    guesses = [0] * len(items)
    model.eval()
    with torch.inference_mode():
        for first in range(0, len(order), 64):
            rows = order[first : first + 64]
            batch = collate([items[i] for i in rows])
            logits = model(**{name: value.to(model.device) for name, value in batch.items()}).logits
            for row, guess in zip(rows, logits.argmax(-1).tolist(), strict=True):
                guesses[row] = guess
            between()
    return guesses
