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
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import (
    AutoModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from core.data.examples import Examples
from core.errors import CheckpointDamaged, SpecInvalid, TunescopeError
from core.models.changes import apply_changes, changes_file, portable_name, write_changes
from core.models.checkpoints import backbone_class, facts, load_tokenizer
from core.models.heads import IGNORED, NOWHERE, Begins, Head, Said, Side
from core.models.hooks import blocks
from core.models.opened import opened
from core.models.pieces import NO_WORD
from core.models.sources import Source
from core.models.surgery import operate
from core.refs import NOTHING, Surgery

log = logging.getLogger(__name__)

OnStep = Callable[[int, int, str], None]
OnCurve = Callable[[pd.DataFrame], None]

_DIVERGED = 10.0
"""A loss so many times that of guessing evenly is no longer learning."""
_STATE_SECONDS = float(os.environ.get("TUNESCOPE_STATE_SECONDS") or 30.0)
"""How often the full state is saved, or at the next row of the loss curve; a kill loses the work since."""
_CURVE_ROWS = 50
_ANSWERING = "answering the dev examples"
_AT_ONCE = 64
"""Examples answered at a time, while memory does for them."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to tune."""

    method: Literal["full", "head", "lora"]
    rank: int
    """Of the adapters of LoRA."""
    n_steps: int
    learning_rate: float
    head_rate: float
    """Learning rate of the head, as a multiple of the other."""
    batch_size: int
    warmup: float
    weight_decay: float
    max_pieces: int
    seed: int
    snapshots: tuple[int, ...]
    """Steps whose weights are kept; 0 = before the first."""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What is to be learnt, from what, and how."""

    head: Head
    train: Examples
    targets: Sequence[Any]
    """What the head is taught of each training example, in its own form."""
    dev: Examples
    """Answered in the end."""
    recipe: Recipe


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a head says of examples; rows in reading order."""

    example: NDArray[np.int64]
    """Example of each row [n_rows]."""
    word: NDArray[np.int64]
    """Word of each row in its example [n_rows]; -1 where a row is for all of it."""
    guess: NDArray[np.int64]
    """Index of the label with the highest score [n_rows]; 0 where there are no labels."""
    confidence: NDArray[np.float64]
    """The probability the head gives its answer, 0 to 1 [n_rows]; NaN where it gives none."""
    log_shares: NDArray[np.float64]
    """Natural logarithm of the softmax of all scores [n_rows, n_labels]."""
    beside: dict[str, NDArray[Any]] = field(default_factory=dict)
    """What else the head says (core.models.heads.Said), [n_rows] each."""


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What tuning left besides the weights."""

    curve: pd.DataFrame
    """step, loss, learning_rate."""
    answers: Answers
    """For the dev examples."""
    parts: int
    """Into so many each batch was cut, for want of memory; 1 = none was."""
    n_taught: int
    """Training examples of which something was left to learn within the pieces that are read."""


def tune(
    checkpoint: Path,
    into: Path,
    lesson: Lesson,
    *,
    surgery: Surgery = NOTHING,
    device: str,
    on_step: OnStep,
    on_curve: OnCurve,
) -> Tuned:
    """Tune with a fresh head, and write what changed into `changes_file(into, …)`.

    Args:
        checkpoint: folder of the start.
        into: folder for the changes, made here; beside it "trainer" holds the state of a run under way, from which a
            cut-off run goes on.
        lesson: what to learn, and how; the same on the same machine gives the same weights, interrupted or not.
        surgery: done to the start before the first step; it must leave each block in its place. What it drew is kept as changed.
        device: where to compute.
        on_step: called with (step, steps, note) after each step; may raise to stop.
        on_curve: called with the loss curve so far when it grows.
    Raises:
        SpecInvalid: the run diverged: its loss is no number, or ten times that of guessing; nothing to train; as `operate`.
    """
    folder = into.parent / "trainer"
    learnt, parts = _learn(checkpoint, folder, lesson, surgery, into, device=device, on_step=on_step, on_curve=on_curve)
    assert learnt.keeper is not None
    final = changes_file(into, None)
    learnt.keeper.write(final)
    # The answers are those of what was kept, read back, and not of the model in memory.
    kept, tokenizer = tuned_model(Source(folder=checkpoint, changes=final), lesson.head, device)
    return _tuned(checkpoint, folder, lesson, learnt, parts, kept, tokenizer, on_step)


def try_out(
    checkpoint: Path,
    folder: Path,
    lesson: Lesson,
    *,
    surgery: Surgery,
    device: str,
    on_step: OnStep,
    on_curve: OnCurve,
) -> Tuned:
    """Tune as `tune` does, and keep what the head said instead of the weights.

    The same lesson and surgery give the same answers as `tune`, to the bit.

    Args:
        folder: of the state of a run under way; deleted in the end.
        lesson: of method "full" or "head"; no snapshots.
        surgery: done before the first step; its random numbers are its own.
    Raises:
        SpecInvalid: as `tune`.
    """
    learnt, parts = _learn(checkpoint, folder, lesson, surgery, None, device=device, on_step=on_step, on_curve=on_curve)
    return _tuned(checkpoint, folder, lesson, learnt, parts, learnt.model, learnt.tokenizer, on_step)


@dataclass(frozen=True, kw_only=True)
class _Learnt:
    """A model in memory after its last step."""

    model: Any
    tokenizer: PreTrainedTokenizerBase
    state: TrainerState
    n_taught: int
    keeper: "Keeper | None"


def _learn(
    checkpoint: Path,
    folder: Path,
    lesson: Lesson,
    surgery: Surgery,
    into: Path | None,
    *,
    device: str,
    on_step: OnStep,
    on_curve: OnCurve,
) -> tuple[_Learnt, int]:
    """The last step's model, and into how many parts memory cut each batch. Args: into: for the changes; None = none are kept."""
    recipe, stored = lesson.recipe, opened(checkpoint).names()

    def train(parts: int) -> _Learnt:
        model, tokenizer = _fresh(checkpoint, lesson)
        hold_still(model, recipe, stored)
        # Before the surgery: what it draws differs from the start, and is kept like all that does.
        keeper = None if into is None else Keeper(model, recipe, stored, draws=surgery.draws)
        operate(model, surgery, seed=recipe.seed)
        items = _taught(tokenizer, lesson, longest_input(checkpoint, recipe.max_pieces))

        def keep(step: int) -> None:
            if keeper is not None and into is not None:
                keeper.write(changes_file(into, step))

        state = _train(
            model,
            tokenizer,
            items,
            folder,
            lesson=lesson,
            parts=parts,
            keep=keep,
            device=device,
            on_step=on_step,
            on_curve=on_curve,
            faster=(blocks_of(model, surgery.reset), surgery.reset_rate),
        )
        return _Learnt(model=model, tokenizer=tokenizer, state=state, n_taught=len(items), keeper=keeper)

    return _within_memory(train, recipe, folder)


def _tuned(
    checkpoint: Path,
    folder: Path,
    lesson: Lesson,
    learnt: _Learnt,
    parts: int,
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    on_step: OnStep,
) -> Tuned:
    """Answer the dev examples, and let go of the state of the run."""
    n_steps = lesson.recipe.n_steps
    answers = answer(
        model,
        tokenizer,
        lesson.dev,
        head=lesson.head,
        longest=longest_input(checkpoint, lesson.recipe.max_pieces),
        on_batch=lambda: on_step(n_steps, n_steps, _ANSWERING),
    )
    shutil.rmtree(folder, ignore_errors=True)
    return Tuned(curve=_curve(learnt.state), answers=answers, parts=parts, n_taught=learnt.n_taught)


T = TypeVar("T")


def _within_memory(train: Callable[[int], T], recipe: Recipe, folder: Path) -> tuple[T, int]:
    """What training gives, begun again with each batch cut in two as long as memory does not do for it, and into how many parts.

    Raises:
        SpecInvalid: it does not do for one example.
    """
    size, note = recipe.batch_size, folder / _SIZE
    if note.is_file():  # a run that was cut off had found out already
        size = int(note.read_text())
    while True:
        try:
            return train(recipe.batch_size // size), recipe.batch_size // size
        except (RuntimeError, MemoryError) as error:
            if not _is_want_of_memory(error):
                raise
            reason = next(iter(str(error).splitlines()), "none left")
        # Out of the handler, whose error holds on to everything that took the memory.
        if size == 1:
            raise SpecInvalid(
                "Tuning one example at a time.",
                f"Memory does not do for it: {reason}.",
                "Allow fewer pieces, or take a smaller network.",
            )
        # Parts of one size: what is counted as one batch stays as large as was asked.
        size = max(one for one in range(1, size // 2 + 1) if recipe.batch_size % one == 0)
        log.warning("out of memory; tuning begins again with %d examples at a time", size)
        shutil.rmtree(folder, ignore_errors=True)  # its state counts other batches
        folder.mkdir(parents=True)
        note.write_text(str(size))
        _let_go()


_SIZE = "examples-at-a-time"
"""File beside a run's state: what memory does for."""


def _let_go() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _is_want_of_memory(error: Exception) -> bool:
    """Whether an accelerator's memory or the machine's did not do; torch has a class of its own for some accelerators alone."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(said in str(error) for said in ("can't allocate memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED"))


def _fresh(checkpoint: Path, lesson: Lesson) -> tuple[Any, PreTrainedTokenizerBase]:
    """The start with a fresh head, drawn from the recipe's seed. Raises SpecInvalid for half of an encoder-decoder."""
    if backbone_class(checkpoint) is not AutoModel:
        raise SpecInvalid(
            f"Tuning the checkpoint in {checkpoint}.",
            "It is one half of an encoder with a decoder, for which no head is made here.",
            "Tune an encoder or a decoder; this one can be compared as it is.",
        )
    set_seed(lesson.recipe.seed)
    tokenizer = load_tokenizer(checkpoint)
    model = lesson.head.fresh(checkpoint)
    _let_pad(tokenizer, model)
    return model, tokenizer


def _train(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    items: list[dict[str, Any]],
    state_folder: Path,
    *,
    lesson: Lesson,
    parts: int,
    keep: Callable[[int], None],
    device: str,
    on_step: OnStep,
    on_curve: OnCurve,
    faster: tuple[Set[int], float] = (frozenset(), 1.0),
) -> TrainerState:
    """Train what requires a gradient; a run cut off goes on from the state it left in `state_folder`.

    Args: parts: into which each batch is cut; faster: ids of parameters, and the multiple of the learning rate at which they are
    trained.
    """
    recipe = lesson.recipe
    watch = _Watch(
        recipe.n_steps,
        snapshots=recipe.snapshots,
        keep=keep,
        on_step=on_step,
        on_curve=on_curve,
        worst_loss=_DIVERGED * lesson.head.even_loss,
    )
    rates = dict.fromkeys(faster[0], faster[1])
    if recipe.head_rate != 1.0:
        rates |= {id(one): recipe.head_rate for name, one in model.named_parameters() if _of_head(model, name)}
    trainer = _AtRates(
        model=model,
        args=_arguments(recipe, state_folder, device, parts),
        train_dataset=items,
        data_collator=_collator(tokenizer, model),
        callbacks=[watch],
    )
    trainer.rates = {one: rate for one, rate in rates.items() if rate != 1.0}
    if parts > 1:
        # Else Trainer leaves it to the model to divide the loss by the parts, which heads for labels do not do.
        trainer.model_accepts_loss_kwargs = False
    trainer.remove_callback(PrinterCallback)
    with _full_disk_named(state_folder):
        trainer.train(resume_from_checkpoint=_whole_state(state_folder))
    return trainer.state


class _AtRates(Trainer):
    """A Trainer some of whose parameters have a learning rate of their own."""

    rates: dict[int, float]
    """By id of the parameter: its multiple of the learning rate."""

    def create_optimizer(self, model: Any = None) -> Any:
        """The usual optimizer, its groups split by rate; without rates it is left as it is."""
        optimizer = super().create_optimizer(model)
        if not self.rates:
            return optimizer
        groups = []
        for group in optimizer.param_groups:
            # The usual rate first: the first group's is the one that the loss curve tells.
            for rate in sorted({self.rates.get(id(one), 1.0) for one in group["params"]}, key=lambda x: (x != 1.0, x)):
                own = [one for one in group["params"] if self.rates.get(id(one), 1.0) == rate]
                groups.append({**group, "params": own, "lr": group["lr"] * rate})
        optimizer.param_groups = groups
        return optimizer


def _of_head(model: Any, name: str) -> bool:
    return not name.startswith(f"{model.base_model_prefix}.")


def blocks_of(model: Any, numbers: Sequence[int]) -> set[int]:
    """Ids of the parameters of some blocks."""
    if not numbers:
        return set()
    parts = blocks(model.base_model, int(model.config.num_hidden_layers))
    return {id(one) for number in numbers for one in parts[number].parameters()}


def answer(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    examples: Examples,
    *,
    head: Head,
    longest: int,
    on_batch: Callable[[], None],
) -> Answers:
    """What a head says of examples, in batches of similar length.

    Args:
        model: with its head, in evaluation mode.
        tokenizer: its own.
        examples: what to read.
        head: how its scores are read; a word is answered at its first piece, one without pieces not at all.
        longest: pieces to cut at.
        on_batch: called after each batch; may raise to stop.
    Raises:
        CheckpointDamaged: scores that are no numbers.
    """
    asked = answers_to(
        [lambda batch: model(**batch)], model, tokenizer, examples, head=head, longest=longest, on_batch=on_batch
    )
    return asked[0]


def answers_to(
    asks: Sequence[Callable[[dict[str, torch.Tensor]], Any]],
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    examples: Examples,
    *,
    head: Head,
    longest: int,
    on_batch: Callable[[], None],
) -> list[Answers]:
    """What a head says of examples when they are asked in several ways, all of them batch by batch.

    Args:
        asks: each gives the output of the model for a batch, however it is run.
        model: whose head is read; the other arguments as of `answer`.
    Raises:
        CheckpointDamaged: scores that are no numbers.
    """
    items, begins, collate = asked_items(tokenizer, model, examples, head=head, longest=longest)
    order = sorted(range(len(items)), key=lambda i: len(items[i]["input_ids"]))
    said: list[list[Said | None]] = [[None] * len(items) for _ in asks]
    model.eval()
    with torch.inference_mode():
        size = _AT_ONCE
        while order:
            rows = order[:size]
            batch = {name: value.to(model.device) for name, value in collate([items[i] for i in rows]).items()}
            try:
                outputs = [ask(batch) for ask in asks]
            except (RuntimeError, MemoryError) as error:
                if size == 1 or not _is_want_of_memory(error):
                    raise
                size //= 2
                continue
            for mine, output in zip(said, outputs, strict=True):
                for row, one in zip(rows, head.reads(model, output, [begins[i] for i in rows]), strict=True):
                    mine[row] = one
            order = order[size:]
            on_batch()
    return [_put_together([one for one in mine if one is not None]) for mine in said]


def _put_together(every: list[Said]) -> Answers:
    """What was said of each example, in one table. Raises CheckpointDamaged."""
    shares = np.concatenate([one.log_shares for one in every])
    beside = {name: np.concatenate([one.beside[name] for one in every]) for name in every[0].beside}
    if any(np.isnan(one).any() for one in (shares, *beside.values())):
        raise CheckpointDamaged(
            "Asking a head.",
            "What it says are no numbers: some of its weights are not.",
            "Take another step, or tune again.",
        )
    return Answers(
        example=np.repeat(np.arange(len(every)), [len(one.word) for one in every]).astype(np.int64),
        word=np.concatenate([one.word for one in every]),
        guess=shares.argmax(-1) if shares.shape[1] else np.zeros(len(shares), dtype=np.int64),
        confidence=np.concatenate([one.confidence for one in every]),
        log_shares=shares,
        beside=beside,
    )


def asked_items(
    tokenizer: PreTrainedTokenizerBase, model: Any, examples: Examples, *, head: Head, longest: int
) -> tuple[list[dict[str, Any]], list[Begins], Callable[[list[dict[str, Any]]], dict[str, torch.Tensor]]]:
    """What a head is given of each example, where the words it answers for begin, and what makes a batch of such items."""
    items, begins = _inputs(tokenizer, examples, longest, head.side)
    for item, begun in zip(items, begins, strict=True):
        item |= head.asks(begun, len(item["input_ids"]))
    return items, begins, _collator(tokenizer, model)


def longest_input(checkpoint: Path, wanted: int) -> int:
    """Pieces to cut at: as wanted, but never beyond the checkpoint's own positions."""
    return min(wanted, facts(checkpoint).positions or wanted)


def tuned_model(source: Source, head: Head, device: str) -> tuple[Any, PreTrainedTokenizerBase]:
    """A tuned checkpoint with its head, and its tokenizer, ready to answer.

    Raises:
        CheckpointDamaged, CheckpointNotFound: as core.models.sources.encoder.
    """
    tokenizer = load_tokenizer(source.folder)
    model = head.fresh(source.folder)
    if source.changes is not None:
        apply_changes(model, str(model.base_model_prefix), source.changes)
    _let_pad(tokenizer, model)
    return model.eval().to(device), tokenizer


def hold_still(model: Any, recipe: Recipe, stored: Set[str]) -> None:
    """Let only what a method trains have a gradient; adapters are put in here.

    Args: stored: the backbone's tensors in the start's files.
    """
    if recipe.method == "full":
        return
    if recipe.method == "lora":
        _add_adapters(model, recipe.rank)
    for name, parameter in model.named_parameters():
        parameter.requires_grad = ".lora_" in name or _is_new(portable_name(name, model.base_model_prefix), stored)


def _is_new(name: str, stored: Set[str]) -> bool:
    """Whether a tensor belongs to the head; a pooler that is not in the start's files is as new."""
    short = name.removeprefix("backbone/")
    return name.startswith("head/") or (short.startswith("pooler") and short not in stored)


class Keeper:
    """Writes what tuning has changed so far."""

    def __init__(self, model: Any, recipe: Recipe, stored: Set[str], *, draws: bool = False) -> None:
        """`model`: as it starts. `stored`: the backbone's tensors in the start's files. `draws`: whether weights will be drawn
        anew that the method does not train."""
        self._model, self._prefix, self._stored = model, model.base_model_prefix, stored
        self._start = (
            {name: tensor.cpu().clone() for name, tensor in self._named() if not _is_new(name, stored)}
            if recipe.method == "full" or draws
            else {}
        )

    def write(self, path: Path) -> None:
        """Write a file of changes."""
        now = {name: tensor.cpu() for name, tensor in self._named() if self._start or _is_new(name, self._stored)}
        write_changes(path, self._start, now, self._adapters())

    def _named(self) -> Iterator[tuple[str, torch.Tensor]]:
        for name, parameter in self._model.named_parameters():
            yield portable_name(name, self._prefix), parameter.detach()

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


def _add_adapters(model: Any, rank: int) -> None:
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


def _taught(tokenizer: PreTrainedTokenizerBase, lesson: Lesson, longest: int) -> list[dict[str, Any]]:
    """Inputs of each training example of which something is left to learn. Raises SpecInvalid where nothing is of any."""
    items = []
    for item, begun, target in zip(
        *_inputs(tokenizer, lesson.train, longest, lesson.head.side), lesson.targets, strict=True
    ):
        taught = lesson.head.taught(begun, len(item["input_ids"]), target)
        if taught is not None:
            items.append(item | taught)
    if not items:
        raise SpecInvalid(
            f"Tuning on examples cut at {longest} pieces.", "What is to be learnt lies beyond.", "Allow more pieces."
        )
    return items


def _inputs(
    tokenizer: PreTrainedTokenizerBase, examples: Examples, longest: int, side: Side
) -> tuple[list[dict[str, Any]], list[Begins]]:
    """Pieces of each example, and where the words of a side of it begin among them."""
    pieces = opened(Path(tokenizer.name_or_path)).pieces(tokenizer, examples, longest)
    items: list[dict[str, Any]] = []
    begins: list[Begins] = []
    for i in range(len(examples)):
        inside = slice(pieces.start[i], pieces.start[i + 1])
        ids = pieces.ids[inside].tolist()
        item: dict[str, Any] = {"input_ids": ids, "attention_mask": [1] * len(ids)}
        if pieces.segment is not None:
            item["token_type_ids"] = pieces.segment[inside].tolist()
        begun: dict[int, int] = {}
        for place, word in enumerate(pieces.word[inside].tolist()):
            is_second = word >= len(examples.spans[i])
            if word != NO_WORD and side in ("both", "second" if is_second else "first"):
                begun.setdefault(word, place)
        items.append(item)
        begins.append(begun)
    return items, begins


def _collator(
    tokenizer: PreTrainedTokenizerBase, model: Any
) -> Callable[[list[dict[str, Any]]], dict[str, torch.Tensor]]:
    """Items to one batch, padded on the right so that places count from the start; on the left where a head reads the last piece
    of a row, whatever it is."""
    pad = {"input_ids": tokenizer.pad_token_id or 0, "attention_mask": 0, "token_type_ids": 0, "begins": NOWHERE}
    is_left = getattr(getattr(model, "sequence_summary", None), "summary_type", "") == "last"

    def collate(items: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        batch = {}
        for name in items[0]:
            values = [item[name] for item in items]
            if isinstance(values[0], list):
                longest = max(len(value) for value in values)
                filling = [[pad.get(name, IGNORED)] * (longest - len(value)) for value in values]
                pairs = zip(values, filling, strict=True)
                values = [fill + value if is_left else value + fill for value, fill in pairs]
            batch[name] = torch.tensor(values)
        return batch

    return collate


def _let_pad(tokenizer: PreTrainedTokenizerBase, model: Any) -> None:
    """Decoders often come without a padding token; the mask hides whatever stands for it."""
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id


def _arguments(recipe: Recipe, folder: Path, device: str, parts: int) -> TrainingArguments:
    n_steps = recipe.n_steps
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=n_steps,
        per_device_train_batch_size=recipe.batch_size // parts,
        gradient_accumulation_steps=parts,
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
        if not math.isfinite(loss) and state.global_step == 1:  # no weight has changed yet: no learning rate would help
            raise SpecInvalid(
                "Tuning a checkpoint.",
                "Its first loss is no number, before anything was learnt: weights of the checkpoint are none, or too large.",
                "Take another checkpoint, or save this one again.",
            )
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
