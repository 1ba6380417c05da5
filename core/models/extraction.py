"""Every layer of every sentence in one pass, pooled to words or sentences and written as it comes.

Sentences are sorted by length and batched under a token budget, so that hardly a pad is computed; each layer is pooled
on the device inside its hook; rows are written at their final place with plain positioned writes (a memory map would
count as memory), and a log of finished sentences lets a killed run go on where it stopped.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from core.data.examples import Examples
from core.errors import NotEnoughData, SpecInvalid
from core.models.checkpoints import facts, load_tokenizer
from core.models.devices import give_back_memory
from core.models.hooks import reading_layers
from core.models.pieces import NO_WORD, Pieces, tokenise
from core.models.sources import Source, load_encoder

Unit = Literal["word", "sentence"]
Pooling = Literal["first", "last", "average", "cls", "mean"]
WORD_POOLINGS, SENTENCE_POOLINGS = ("first", "last", "average"), ("cls", "mean")

_BATCHES_BETWEEN_TRIMS = 4
_CHECKPOINT_SECONDS = 2.0
"""How often finished sentences are made safe on disk; a kill loses no more work than this."""


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """Where the vectors lie and what their rows are."""

    layers: tuple[Path, ...]
    """One .npy a layer, [n_rows, width]."""
    sentence: NDArray[np.int32]
    """Sentence of each row [n_rows]."""
    word: NDArray[np.int32]
    """Word of each row [n_rows]; NO_WORD when the unit is a sentence."""
    n_cut_sentences: int
    """Sentences longer than the limit, whose last words are missing."""
    n_lost_words: int
    """Words without a vector: cut off, or dropped by the tokenizer."""


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """Rows of the output and the pieces each is pooled from; rows of a sentence are neighbours."""

    sentence: NDArray[np.int32]
    word: NDArray[np.int32]
    first_row: NDArray[np.int64]
    """First row of each sentence [n_sentences + 1]."""
    piece_row: NDArray[np.int64]
    """Output row that each piece is averaged into [n_pieces]; -1 = into none."""


def extract(
    source: Source,
    examples: Examples,
    into: Path,
    *,
    unit: Unit,
    pooling: Pooling,
    max_pieces: int,
    dtype: str,
    device: str,
    batch_pieces: int,
    on_sentences: Callable[[int, int], None],
) -> Extracted:
    """Write the vectors of all layers for all words or sentences.

    Args:
        source: the checkpoint.
        examples: the sentences or pairs; a pair is read together, as its family joins two texts.
        into: folder to write layer.00.npy … into; what a killed run left there is kept and continued.
        unit: "word" or "sentence".
        pooling: how pieces become a unit: first, last, average for words; cls or mean (over all pieces, special tokens
            included, as sentence-transformers does) for sentences.
        max_pieces: longer sentences are cut there, never beyond the checkpoint's own positions.
        dtype: "float16" or "float32" on disk.
        device: where the model runs; bfloat16 arithmetic on CUDA, float32 elsewhere.
        batch_pieces: pieces, pads included, in one forward pass.
        on_sentences: called at the start and after each batch with (sentences done, sentences in all); may raise to
            stop.
    Raises:
        NotEnoughData: no unit has a vector.
        SpecInvalid: the pooling does not fit the unit, or a value does not fit the dtype.
    Cost:
        One forward pass; memory of one batch and of the pieces' flat arrays.
    """
    known = facts(source.folder)
    model, tokenizer = load_encoder(source, device), load_tokenizer(source.folder)
    limit = min(max_pieces, known.positions or max_pieces)
    pieces = tokenise(tokenizer, examples, max_pieces=limit)
    rows = _rows_of(pieces, unit, pooling, tokenizer.cls_token_id)
    n_rows = len(rows.sentence)
    if not n_rows:
        raise NotEnoughData(
            f"Reading a vector for every {unit}.", "None has one.", "Give sentences with words in them."
        )
    writer = _Writer(
        into, n_layers=known.n_layers + 1, shape=(n_rows, known.width), dtype=dtype, n_sentences=len(examples)
    )
    with ExitStack() as stack:
        stack.enter_context(writer)
        stack.enter_context(torch.inference_mode())
        stack.enter_context(torch.autocast(device, torch.bfloat16) if device == "cuda" else nullcontext())
        collected: list[torch.Tensor] = []
        pool: list[Callable[[torch.Tensor], torch.Tensor]] = []
        stack.enter_context(reading_layers(model, known.n_layers, lambda _, hidden: collected.append(pool[0](hidden))))
        on_sentences(int(writer.done.sum()), len(examples))
        for number, batch in enumerate(_batches(pieces.lengths, ~writer.done, batch_pieces)):
            inputs, slots, targets, counts = _batch_arrays(pieces, rows, batch, tokenizer.pad_token_id or 0)
            pool[:] = [_pooler(slots.to(device), targets.to(device), counts.to(device))]
            collected.clear()
            model(**{name: value.to(device) for name, value in inputs.items()})
            writer.write(batch, rows.first_row, [state.cpu() for state in collected])
            on_sentences(int(writer.done.sum()), len(examples))
            if number % _BATCHES_BETWEEN_TRIMS == 0:
                give_back_memory()
    with_vector = int((rows.word != NO_WORD).sum()) if unit == "word" else 0
    return Extracted(
        layers=writer.paths,
        sentence=rows.sentence,
        word=rows.word,
        n_cut_sentences=int(pieces.was_cut.sum()),
        n_lost_words=examples.n_words - with_vector if unit == "word" else 0,
    )


def _rows_of(pieces: Pieces, unit: Unit, pooling: Pooling, cls_id: int | None) -> _Rows:
    """Lay out the output rows and say which pieces feed each."""
    if pooling not in (WORD_POOLINGS if unit == "word" else SENTENCE_POOLINGS):
        raise SpecInvalid(
            f"Pooling {unit}s by {pooling!r}.",
            "It does not fit the unit.",
            "Words: first, last, average. Sentences: cls, mean.",
        )
    n_sentences = len(pieces.lengths)
    sentence_of = np.repeat(np.arange(n_sentences), pieces.lengths)
    if unit == "sentence":
        piece_row = sentence_of.copy()
        if pooling == "cls":
            # A text may spell "[CLS]": such a piece belongs to a word.
            piece_row[(pieces.ids != cls_id) | (pieces.word != NO_WORD)] = -1
        used = np.unique(piece_row[piece_row >= 0])
        if len(used) < n_sentences:
            raise SpecInvalid("Pooling sentences by [CLS].", "This tokenizer sets no such token.", "Pool by mean.")
        everyone = np.arange(n_sentences)
        return _Rows(
            sentence=everyone.astype(np.int32),
            word=np.full(n_sentences, NO_WORD, dtype=np.int32),
            first_row=np.arange(n_sentences + 1),
            piece_row=piece_row,
        )
    inside = pieces.word != NO_WORD
    # Numbering pieces by (sentence, word) in reading order; a new number wherever either changes.
    at = np.flatnonzero(inside)
    sentence_at, word_at = sentence_of[at], pieces.word[at]
    is_first = np.ones(len(at), dtype=bool)
    is_first[1:] = (sentence_at[1:] != sentence_at[:-1]) | (word_at[1:] != word_at[:-1])
    row_at = np.cumsum(is_first) - 1
    if pooling == "first":
        chosen = is_first
    elif pooling == "last":
        chosen = np.append(is_first[1:], True)
    else:
        chosen = np.ones(len(at), dtype=bool)
    piece_row = np.full(len(pieces.word), -1, dtype=np.int64)
    piece_row[at[chosen]] = row_at[chosen]
    counts = np.bincount(sentence_at[is_first], minlength=n_sentences)
    return _Rows(
        sentence=sentence_at[is_first].astype(np.int32),
        word=word_at[is_first].astype(np.int32),
        first_row=np.concatenate([[0], np.cumsum(counts)]),
        piece_row=piece_row,
    )


def _batches(lengths: NDArray[np.int64], wanted: NDArray[np.bool_], batch_pieces: int) -> Iterator[NDArray[np.int64]]:
    """Sentences in batches of similar length, longest first, each within the budget of pieces (or alone)."""
    order = np.flatnonzero(wanted)
    order = order[np.argsort(-lengths[order], kind="stable")]
    at = 0
    while at < len(order):
        size = max(1, batch_pieces // int(lengths[order[at]]))
        yield np.sort(order[at : at + size])
        at += size


def _batch_arrays(
    pieces: Pieces, rows: _Rows, batch: NDArray[np.int64], pad_id: int
) -> tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor, torch.Tensor]:
    """The model's inputs [batch, longest], and for pooling: slots to read, their target rows, pieces per row."""
    lengths = pieces.lengths[batch]
    longest = int(lengths.max())
    inside = np.arange(longest) < lengths[:, None]
    flat = np.concatenate([np.arange(pieces.start[i], pieces.start[i + 1]) for i in batch])
    ids = np.full(inside.shape, pad_id, dtype=np.int64)
    ids[inside] = pieces.ids[flat]
    target = rows.piece_row[flat]
    pooled = target >= 0
    # Output rows of this batch, renumbered from 0 in the order of the batch's sentences.
    wanted, local = np.unique(target[pooled], return_inverse=True)
    slots = np.flatnonzero(inside.ravel())[pooled]
    counts = np.bincount(local, minlength=len(wanted)).astype(np.float32)
    as_tensor = torch.from_numpy
    inputs = {"input_ids": as_tensor(ids), "attention_mask": as_tensor(inside.astype(np.int64))}
    if pieces.segment is not None:
        segment = np.zeros(inside.shape, dtype=np.int64)
        segment[inside] = pieces.segment[flat]
        inputs["token_type_ids"] = as_tensor(segment)
    return inputs, as_tensor(slots), as_tensor(local), as_tensor(counts)


def _pooler(slots: torch.Tensor, targets: torch.Tensor, counts: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """Average the chosen slots into their rows, in float32: [batch, pieces, width] -> [rows, width]."""
    single = len(counts) == len(slots)

    def pool(hidden: torch.Tensor) -> torch.Tensor:
        chosen = hidden.reshape(-1, hidden.shape[-1]).index_select(0, slots).float()
        if single:
            return chosen
        total = torch.zeros(len(counts), hidden.shape[-1], device=hidden.device)
        return total.index_add_(0, targets, chosen).div_(counts[:, None])

    return pool


class _Writer:
    """Positioned writes into one .npy a layer, with a log of the sentences that are safely on disk."""

    def __init__(self, into: Path, *, n_layers: int, shape: tuple[int, int], dtype: str, n_sentences: int) -> None:
        self.paths = tuple(into / f"layers.{layer:02d}.npy" for layer in range(n_layers))
        self.done = np.zeros(n_sentences, dtype=bool)
        self._dtype, self._shape = np.dtype(dtype), shape
        self._log_path = into / "finished.log"
        self._waiting: list[NDArray[np.int64]] = []
        self._saved_at = time.monotonic()

    def __enter__(self) -> "_Writer":
        size = self._header_and_size()
        logged = self._logged(size)
        if logged is None:
            self._log_path.unlink(missing_ok=True)
            for path in self.paths:
                self._create(path, size)
        else:
            self.done[logged] = True
        self._files = [os.open(path, os.O_WRONLY) for path in self.paths]
        self._log = self._log_path.open("ab")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        try:
            if kind is None or issubclass(kind, Exception):
                self._save()
        finally:
            for file in self._files:
                os.close(file)
            self._log.close()
            if kind is None:
                self._log_path.unlink(missing_ok=True)

    def write(self, batch: NDArray[np.int64], first_row: NDArray[np.int64], states: list[torch.Tensor]) -> None:
        """Write the rows of these sentences for every layer; states hold them in the same order."""
        width, item = self._shape[1], self._dtype.itemsize
        counts = first_row[batch + 1] - first_row[batch]
        ends = np.cumsum(counts)
        for file, state in zip(self._files, states, strict=True):
            with np.errstate(over="ignore"):  # an overflow is refused below, in words
                block = state.numpy().astype(self._dtype)
            if not np.isfinite(block).all():
                raise SpecInvalid(
                    f"Storing vectors as {self._dtype.name}.",
                    "Some values are not finite in it.",
                    "Store them as float32.",
                )
            for sentence, count, end in zip(batch, counts, ends, strict=True):
                place = self._data_start + int(first_row[sentence]) * width * item
                _write_all(file, block[end - count : end].tobytes(), place)
        self.done[batch] = True
        self._waiting.append(batch)
        if time.monotonic() - self._saved_at > _CHECKPOINT_SECONDS:
            self._save()

    def _save(self) -> None:
        """Make the written rows safe first, then say that they are."""
        for file in self._files:
            os.fsync(file)
        for batch in self._waiting:
            self._log.write(batch.astype(np.int64).tobytes())
        self._log.flush()
        os.fsync(self._log.fileno())
        self._waiting.clear()
        self._saved_at = time.monotonic()

    def _logged(self, size: int) -> NDArray[np.int64] | None:
        """Sentences that an earlier run finished; None where it left nothing that fits."""
        fits = all(path.is_file() and path.stat().st_size == size for path in self.paths) and self._log_path.is_file()
        if not fits:
            return None
        # The last entry may be torn; what is appended must not begin inside it.
        os.truncate(self._log_path, self._log_path.stat().st_size // 8 * 8)
        logged = np.fromfile(self._log_path, dtype=np.int64)
        in_range = (logged >= 0) & (logged < len(self.done))
        return logged if in_range.all() else None

    def _header_and_size(self) -> int:
        from io import BytesIO

        header = BytesIO()
        descr = np.lib.format.dtype_to_descr(self._dtype)
        np.lib.format.write_array_header_1_0(header, {"descr": descr, "fortran_order": False, "shape": self._shape})
        self._header = header.getvalue()
        self._data_start = len(self._header)
        return self._data_start + self._shape[0] * self._shape[1] * self._dtype.itemsize

    def _create(self, path: Path, size: int) -> None:
        with path.open("wb") as stream:
            stream.write(self._header)
            # Reserved now, so that a full disk is met before the work rather than after it.
            os.posix_fallocate(stream.fileno(), 0, size) if hasattr(os, "posix_fallocate") else stream.truncate(size)


def _write_all(file: int, data: bytes, place: int) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(file, data[written:], place + written)
