"""Fine-tuning with transformers' Trainer: sequences, pairs and tokens; every weight, the head alone, or adapters.

What is kept is what changed (core.models.changes). While a run lasts, its full state (weights, optimiser, random
numbers) is saved now and then in a folder of the run's own; a killed run goes on from it bit for bit. That state is
read by torch with weights_only=True, as Trainer does, and is deleted when the run is complete.
"""

import errno
import json
import logging
import math
import os
import shutil
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from core.data.examples import Examples
from core.errors import SpecInvalid, TunescopeError
from core.models.changes import changes_file, portable_name, write_changes
from core.models.checkpoints import backbone_class, facts, load_tokenizer, load_weights
from core.models.pieces import NO_WORD, tokenise
from core.models.sources import Source, load_with_head
from core.models.surgery import operate
from core.models.weights import stored_tensors
from core.refs import Surgery

log = logging.getLogger(__name__)

OnStep = Callable[[int, int, str], None]
OnCurve = Callable[[pd.DataFrame], None]

_DIVERGED = 10.0
"""A loss so many times that of guessing evenly is no longer learning."""
_STATE_SECONDS = float(os.environ.get("TUNESCOPE_STATE_SECONDS") or 30.0)
"""How often the full state is saved, or at the next row of the loss curve; a kill loses the work since."""
IGNORED = -100
"""Target of a piece that begins no word, or one without a label."""
_CURVE_ROWS = 50
_ANSWERING = "answering the dev examples"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to tune."""

    unit: Literal["sentence", "word"]
    """One label a sentence (or pair), or one a word."""
    method: Literal["full", "head", "lora"]
    rank: int
    """Of the adapters of LoRA."""
    n_steps: int
    learning_rate: float
    batch_size: int
    warmup: float
    weight_decay: float
    max_pieces: int
    seed: int
    snapshots: tuple[int, ...]
    """Steps whose weights are kept; 0 = before the first."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a head says of examples; rows in reading order."""

    example: NDArray[np.int64]
    """Example of each row [n_rows]."""
    word: NDArray[np.int64]
    """Word of each row in its example [n_rows]; -1 where the unit is a sentence."""
    guess: NDArray[np.int64]
    """Index of the label with the highest score [n_rows]."""
    confidence: NDArray[np.float64]
    """Softmax of that score, 0 to 1 [n_rows]."""
    log_shares: NDArray[np.float64]
    """Natural logarithm of the softmax of all scores [n_rows, n_labels]."""


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What tuning left besides the weights."""

    curve: pd.DataFrame
    """step, loss, learning_rate."""
    answers: Answers
    """For the dev examples."""


def tune(
    checkpoint: Path,
    into: Path,
    *,
    train: Examples,
    targets: Sequence[int] | Sequence[Sequence[int]],
    dev: Examples,
    labels: Sequence[str],
    recipe: Recipe,
    device: str,
    on_step: OnStep,
    on_curve: OnCurve,
) -> Tuned:
    """Tune with a fresh head, and write what changed into `changes_file(into, …)`.

    Args:
        checkpoint: folder of the start.
        into: folder for the changes, made here; beside it "trainer" holds the state of a run under way, from which a
            cut-off run goes on.
        train: what to learn from.
        targets: index of each example's label, or of each of its words' labels.
        dev: examples to answer in the end.
        labels: names in index order.
        recipe: hyper-parameters; the same recipe on the same machine gives the same weights, interrupted or not.
        device: where to compute.
        on_step: called with (step, steps, note) after each step; may raise to stop.
        on_curve: called with the loss curve so far when it grows.
    Raises:
        SpecInvalid: the run diverged: its loss is no number, or ten times that of guessing; nothing to train.
    """
    model, tokenizer = _fresh(checkpoint, labels, recipe)
    keeper = _Keeper(model, recipe, set(stored_tensors(checkpoint)))
    longest = longest_input(checkpoint, recipe.max_pieces)
    state = _train(
        model,
        tokenizer,
        _items(tokenizer, train, longest, targets),
        into.parent / "trainer",
        recipe=recipe,
        n_labels=len(labels),
        keep=lambda step: keeper.write(changes_file(into, step)),
        device=device,
        on_step=on_step,
        on_curve=on_curve,
    )
    final = changes_file(into, None)
    keeper.write(final)
    # The answers are those of what was kept, read back, and not of the model in memory.
    kept, tokenizer = tuned_model(Source(folder=checkpoint, changes=final), recipe.unit, labels, device)
    answers = answer(
        kept,
        tokenizer,
        dev,
        unit=recipe.unit,
        longest=longest,
        on_batch=lambda: on_step(recipe.n_steps, recipe.n_steps, _ANSWERING),
    )
    shutil.rmtree(into.parent / "trainer", ignore_errors=True)
    return Tuned(curve=_curve(state), answers=answers)


def try_out(
    checkpoint: Path,
    folder: Path,
    *,
    surgery: Surgery,
    train: Examples,
    targets: Sequence[int] | Sequence[Sequence[int]],
    dev: Examples,
    labels: Sequence[str],
    recipe: Recipe,
    device: str,
    on_step: OnStep,
    on_curve: OnCurve,
) -> Tuned:
    """Tune as `tune` does, from a start that was operated on, and keep what the head said instead of the weights.

    With nothing operated on, the same recipe gives the same answers as `tune`, to the bit.

    Args:
        folder: of the state of a run under way; deleted in the end.
        surgery: done before the first step; its random numbers are its own.
        recipe: of method "full" or "head"; no snapshots.
    Raises:
        SpecInvalid: as `tune`, and as `operate`.
    """
    model, tokenizer = _fresh(checkpoint, labels, recipe)
    if recipe.method == "head":
        # It holds all but the head still, as for a run whose weights are kept.
        _Keeper(model, recipe, set(stored_tensors(checkpoint)))
    operate(model, surgery, seed=recipe.seed)
    longest = longest_input(checkpoint, recipe.max_pieces)
    state = _train(
        model,
        tokenizer,
        _items(tokenizer, train, longest, targets),
        folder,
        recipe=recipe,
        n_labels=len(labels),
        keep=lambda step: None,
        device=device,
        on_step=on_step,
        on_curve=on_curve,
    )
    answers = answer(
        model,
        tokenizer,
        dev,
        unit=recipe.unit,
        longest=longest,
        on_batch=lambda: on_step(recipe.n_steps, recipe.n_steps, _ANSWERING),
    )
    shutil.rmtree(folder, ignore_errors=True)
    return Tuned(curve=_curve(state), answers=answers)


def _fresh(checkpoint: Path, labels: Sequence[str], recipe: Recipe) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The start with a fresh head, drawn from the recipe's seed. Raises SpecInvalid for half of an encoder-decoder."""
    if backbone_class(checkpoint) is not AutoModel:
        raise SpecInvalid(
            f"Tuning the checkpoint in {checkpoint}.",
            "It is one half of an encoder with a decoder, for which no head is made here.",
            "Tune an encoder or a decoder; this one can be compared as it is.",
        )
    set_seed(recipe.seed)
    tokenizer = load_tokenizer(checkpoint)
    model = load_weights(auto_class(recipe.unit), checkpoint, **head_settings(labels))
    _let_pad(tokenizer, model)
    return model, tokenizer


def _train(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    items: list[dict[str, Any]],
    state_folder: Path,
    *,
    recipe: Recipe,
    n_labels: int,
    keep: Callable[[int], None],
    device: str,
    on_step: OnStep,
    on_curve: OnCurve,
) -> TrainerState:
    """Train what requires a gradient; a run cut off goes on from the state it left in `state_folder`."""
    # Cut off beyond its annotated words, a sentence has nothing to teach; alone in a batch it would have no loss.
    items = [item for item in items if isinstance(item["labels"], int) or set(item["labels"]) != {IGNORED}] or items
    watch = _Watch(
        recipe.n_steps,
        snapshots=recipe.snapshots,
        keep=keep,
        on_step=on_step,
        on_curve=on_curve,
        worst_loss=_DIVERGED * math.log(n_labels),
    )
    trainer = Trainer(
        model=model,
        args=_arguments(recipe, state_folder, recipe.n_steps, device),
        train_dataset=items,
        data_collator=_collator(tokenizer),
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    with _full_disk_named(state_folder):
        trainer.train(resume_from_checkpoint=_whole_state(state_folder))
    return trainer.state


def answer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Examples,
    *,
    unit: str,
    longest: int,
    on_batch: Callable[[], None],
) -> Answers:
    """What a head says of examples, in batches of similar length.

    Args:
        model: with its head.
        tokenizer: its own.
        examples: what to read.
        unit: "sentence" or "word"; a word is answered at its first piece, one without pieces not at all.
        longest: pieces to cut at.
        on_batch: called after each batch; may raise to stop.
    """
    items = _items(tokenizer, examples, longest, None)
    begins = [item.pop("begins") for item in items]
    collate = _collator(tokenizer)
    order = sorted(range(len(items)), key=lambda i: len(items[i]["input_ids"]))
    scores: list[torch.Tensor | None] = [None] * len(items)
    model.eval()
    with torch.inference_mode():
        for first in range(0, len(order), 64):
            rows = order[first : first + 64]
            batch = collate([items[i] for i in rows])
            logits = model(**{name: value.to(model.device) for name, value in batch.items()}).logits.float().cpu()
            for row, one in zip(rows, logits, strict=True):
                scores[row] = one[list(begins[row].values())] if unit == "word" else one[None]
            on_batch()
    example = np.concatenate([np.full(len(one), i) for i, one in enumerate(scores) if one is not None])
    word = np.concatenate([list(begun) if unit == "word" else [NO_WORD] for begun in begins]).astype(np.int64)
    given = torch.cat([one for one in scores if one is not None])
    confidence, guess = given.softmax(-1).max(-1)
    return Answers(
        example=example.astype(np.int64),
        word=word,
        guess=guess.numpy(),
        confidence=confidence.double().numpy(),
        log_shares=given.double().log_softmax(-1).numpy(),
    )


def auto_class(unit: str) -> Any:
    """The Auto class with a head for one label a sentence or one a word."""
    return AutoModelForTokenClassification if unit == "word" else AutoModelForSequenceClassification


def head_settings(labels: Sequence[str]) -> dict[str, Any]:
    """What `from_pretrained` needs to make a head for these labels."""
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: i for i, label in enumerate(labels)},
    }


def longest_input(checkpoint: Path, wanted: int) -> int:
    """Pieces to cut at: as wanted, but never beyond the checkpoint's own positions."""
    return min(wanted, facts(checkpoint).positions or wanted)


def tuned_model(
    source: Source, unit: str, labels: Sequence[str], device: str
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A tuned checkpoint with its head, and its tokenizer, ready to answer. Raises as load_with_head."""
    tokenizer = load_tokenizer(source.folder)
    model = load_with_head(auto_class(unit), source, device, **head_settings(labels))
    _let_pad(tokenizer, model)
    return model, tokenizer


class _Keeper:
    """Writes what tuning has changed so far."""

    def __init__(self, model: PreTrainedModel, recipe: Recipe, stored: set[str]) -> None:
        """`stored`: the backbone's tensors in the start's files; a pooler that is not among them is as new as the head."""
        self._model, self._prefix, self._stored = model, model.base_model_prefix, stored
        if recipe.method == "full":
            self._start = {
                name: tensor.detach().cpu().clone() for name, tensor in self._named() if not self._is_new(name)
            }
            return
        self._start = {}
        if recipe.method == "lora":
            _add_adapters(model, recipe.rank)
        for name, parameter in model.named_parameters():
            parameter.requires_grad = ".lora_" in name or self._is_new(portable_name(name, self._prefix))

    def write(self, path: Path) -> None:
        """Write a file of changes."""
        now = {name: tensor.cpu() for name, tensor in self._named() if self._start or self._is_new(name)}
        write_changes(path, self._start, now, self._adapters())

    def _named(self) -> Iterator[tuple[str, torch.Tensor]]:
        for name, parameter in self._model.named_parameters():
            yield portable_name(name, self._prefix), parameter.detach()

    def _is_new(self, name: str) -> bool:
        short = name.removeprefix("backbone/")
        return name.startswith("head/") or (short.startswith("pooler") and short not in self._stored)

    def _adapters(self) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        found = {}
        for name, module in self._model.named_modules():
            if hasattr(module, "lora_A"):
                up = (module.lora_B["default"].weight * module.scaling["default"]).detach().cpu()
                down = module.lora_A["default"].weight.detach().cpu()
                # Some families (GPT-2) store a matrix the other way round, inputs first.
                pair = (down.T, up.T) if module.fan_in_fan_out else (up, down)
                found[portable_name(f"{name}.weight", self._prefix)] = pair
        return found


_QUERIES_AND_VALUES = ("query", "value", "q_lin", "v_lin", "q_proj", "v_proj")


def _add_adapters(model: PreTrainedModel, rank: int) -> None:
    """LoRA (Hu et al. 2022) on queries and values: where peft puts it in this family, else where they are so called."""
    from peft import LoraConfig, inject_adapter_in_model
    from peft.utils import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as usual

    here = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    targets = usual.get(model.config.model_type) or [name for name in _QUERIES_AND_VALUES if name in here]
    if not targets:
        raise SpecInvalid(
            f"Adding adapters to a {type(model).__name__}.",
            "Its queries and values are not where other families have them.",
            "Tune every weight or the head alone.",
        )
    settings = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.05, target_modules=list(targets))
    inject_adapter_in_model(settings, model)


def _items(
    tokenizer: PreTrainedTokenizerBase,
    examples: Examples,
    longest: int,
    targets: Sequence[int] | Sequence[Sequence[int]] | None,
) -> list[dict[str, Any]]:
    """Inputs of each example; with targets their labels, without them "begins": word -> place of its first piece."""
    pieces = tokenise(tokenizer, examples, max_pieces=longest)
    items = []
    for i in range(len(examples)):
        inside = slice(pieces.start[i], pieces.start[i + 1])
        ids = pieces.ids[inside].tolist()
        item: dict[str, Any] = {"input_ids": ids, "attention_mask": [1] * len(ids)}
        if pieces.segment is not None:
            item["token_type_ids"] = pieces.segment[inside].tolist()
        begins: dict[int, int] = {}
        for place, word in enumerate(pieces.word[inside].tolist()):
            if word != NO_WORD:
                begins.setdefault(word, place)
        if targets is None:
            item["begins"] = begins
        elif isinstance(target := targets[i], int):
            item["labels"] = target
        else:
            item["labels"] = [IGNORED] * len(ids)
            for word, place in begins.items():
                item["labels"][place] = target[word]
        items.append(item)
    return items


def _collator(tokenizer: PreTrainedTokenizerBase) -> Callable[[list[dict[str, Any]]], dict[str, torch.Tensor]]:
    """Items to one batch, padded on the right so that places count from the start."""
    pad = {"input_ids": tokenizer.pad_token_id or 0, "attention_mask": 0, "token_type_ids": 0, "labels": IGNORED}

    def collate(items: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        longest = max(len(item["input_ids"]) for item in items)
        batch = {}
        for name in items[0]:
            values = [item[name] for item in items]
            if isinstance(values[0], list):
                values = [value + [pad[name]] * (longest - len(value)) for value in values]
            batch[name] = torch.tensor(values)
        return batch

    return collate


def _let_pad(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    """Decoders often come without a padding token; the mask hides whatever stands for it."""
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id


def _arguments(recipe: Recipe, folder: Path, n_steps: int, device: str) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=n_steps,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=math.ceil(n_steps * recipe.warmup),
        weight_decay=recipe.weight_decay,
        optim="adamw_torch",
        seed=recipe.seed,
        data_seed=recipe.seed,
        save_strategy="no",  # _Watch decides when
        eval_strategy="no",
        logging_strategy="steps",
        logging_steps=max(1, n_steps // _CURVE_ROWS),
        logging_nan_inf_filter=False,  # a loss that is no number must be seen
        report_to=[],
        disable_tqdm=True,
        use_cpu=device == "cpu",
        bf16=device == "cuda",
        dataloader_pin_memory=device == "cuda",
    )


class _Watch(TrainerCallback):
    """Passes steps and losses on, keeps snapshots and the run's state, and stops a run that has diverged."""

    def __init__(
        self,
        n_steps: int,
        *,
        snapshots: tuple[int, ...],
        keep: Callable[[int], None],
        on_step: OnStep,
        on_curve: OnCurve,
        worst_loss: float,
    ) -> None:
        self._n_steps, self._snapshots, self._keep = n_steps, set(snapshots), keep
        self._on_step, self._on_curve, self._worst_loss = on_step, on_curve, worst_loss
        self._saved_at = time.monotonic()
        self._note = ""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 0 and 0 in self._snapshots:
            self._keep(0)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        step = state.global_step
        if step in self._snapshots:
            self._keep(step)
        # Only where a row of the loss curve closes: its mean would else begin anew after a resumption.
        closes_row = step % args.logging_steps == 0 and step < self._n_steps
        control.should_save = closes_row and time.monotonic() - self._saved_at >= _STATE_SECONDS
        self._on_step(step, self._n_steps, self._note)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        folder = Path(args.output_dir)
        mine = folder / f"checkpoint-{state.global_step}"
        (mine / _WHOLE).write_text(json.dumps(_sums(mine)))
        for other in folder.glob("checkpoint-*"):
            if other != mine:
                shutil.rmtree(other)
        self._saved_at = time.monotonic()

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
        self._note = f"loss {loss:.3f}"
        self._on_curve(_curve(state))


@contextmanager
def _full_disk_named(folder: Path) -> Iterator[None]:
    """The libraries that save a run's state each have an error of their own for a full disk; make it the system's."""
    try:
        yield
    except (TunescopeError, OSError):
        raise
    except Exception as error:  # each of them raises another class; all but a full disk goes on as it came
        if shutil.disk_usage(folder).free < _HARDLY_ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise


_HARDLY_ROOM = 4 << 20
"""Free bytes below which a failed write is taken for a full disk."""
_WHOLE = "whole.json"
"""Written last into a saved state, with the checksum of each of its files."""


def _whole_state(folder: Path) -> str | None:
    """The latest state that an earlier attempt saved to its end and that is as it was written, or None."""
    saved = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for path in reversed(saved):
        try:
            if json.loads((path / _WHOLE).read_text()) == _sums(path):
                return str(path)
            log.warning("the saved state %s is damaged; it is not used", path)
        except (OSError, ValueError):
            continue  # cut off while it was saved
    return None


def _sums(folder: Path) -> dict[str, int]:
    return {path.name: zlib.crc32(path.read_bytes()) for path in sorted(folder.iterdir()) if path.name != _WHOLE}


def _curve(state: TrainerState) -> pd.DataFrame:
    rows = [row for row in state.log_history if "loss" in row]
    return pd.DataFrame(rows, columns=["step", "loss", "learning_rate"]).astype({"step": int})
