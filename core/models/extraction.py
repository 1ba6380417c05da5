"""Every layer of every sentence in one pass, pooled to words and sentences and written as it comes.

Sentences are sorted by length and batched under a token budget, so that hardly a pad is computed; each layer is pooled
on the device inside its hook, for every reading asked for; what is pooled travels home and to disk beside the next
forward pass.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from core.data.examples import Examples
from core.errors import NotEnoughData, OutOfMemory, SpecInvalid
from core.models.checkpoints import facts, load_tokenizer
from core.models.devices import Precision, give_back_memory, is_out_of_memory
from core.models.pieces import NO_WORD, Pieces, tokenise
from core.models.row_files import RowFiles
from core.models.site_names import Place
from core.models.sites import reading_at, width_of
from core.models.sources import Source, encoder

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Unit = Literal["word", "sentence"]
Pooling = Literal["first", "last", "average", "cls", "mean"]
WORD_POOLINGS, SENTENCE_POOLINGS = ("first", "last", "average"), ("cls", "mean")

_SENTENCES_LAID_OUT_TOGETHER = 10_000
_BATCHES_ON_THE_WAY = 2
"""Pooled batches that may wait to be written while the next is computed."""

_FLOAT32_ONLY = ("deberta",)
"""Families whose attention, as transformers writes it, overflows in half precision."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One way to pool a pass, and where its vectors go."""

    unit: Unit
    pooling: Pooling
    """How pieces become a unit: first, last, average for words; cls or mean (over all pieces, special tokens included,
    as sentence-transformers does) for sentences."""
    dtype: Literal["float16", "float32"]
    """On disk."""
    into: Path
    """Folder to write layers.00.npy … into; what a killed run left there is kept and continued."""


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """Where the vectors of a reading lie and what their rows are."""

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
    precision: Precision
    """Of the arithmetic."""


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """Rows of some sentences, neighbours in the order of the sentences, and the pieces each is pooled from."""

    sentence: NDArray[np.int32]
    """Which of the sentences, counted from 0 [n_rows]."""
    word: NDArray[np.int32]
    """Word of each row [n_rows]."""
    into: NDArray[np.int64]
    """Row that each piece of the sentences is averaged into [n_pieces]; -1 = into none."""


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A reading under way."""

    rows_of: Callable[[NDArray[np.int64]], _Rows]
    """Asked batch by batch: kept for all pieces, it would grow with the data."""
    sentence: NDArray[np.int32]
    """Of all rows [n_rows]."""
    word: NDArray[np.int32]
    first_row: NDArray[np.int64]
    """First row of each sentence [n_sentences + 1]."""
    files: RowFiles
    dtype: torch.dtype


def extract(
    source: Source,
    examples: Examples,
    readings: Sequence[Reading],
    *,
    max_pieces: int,
    device: str,
    precision: Precision,
    batch_pieces: int,
    on_sentences: Callable[[int, int], None],
    around: Callable[["PreTrainedModel"], AbstractContextManager[Any]] = nullcontext,
    site: Place = "",
) -> list[Extracted]:
    """Vectors of all layers for every unit of every example, for all readings in one pass.

    Args:
        source: the checkpoint.
        examples: sentences or pairs; a pair is read together, as its family joins two texts.
        readings: what to pool, and where to.
        max_pieces: longer sentences are cut there, never beyond the checkpoint's own positions.
        device: where the model runs.
        precision: of its arithmetic; what is below float32 is used where family and operation allow (autocast).
        batch_pieces: pieces, pads included, in one forward pass; halved whenever memory runs out.
        on_sentences: called at the start, after each batch and at the end with (sentences done, sentences in all); may
            raise to stop.
        around: entered with the model before it is read, and left after: what disturbs the network while it runs.
        site: a place inside the blocks, read instead of the states (empty): one entry a block then, and none of embeddings.
    Returns:
        One a reading, in their order.
    Raises:
        NotEnoughData: no unit has a vector.
        OutOfMemory: not even one sentence fits.
        SpecInvalid: a pooling does not fit its unit, or a value does not fit the dtype.
        CheckpointNotFound: where the site is in this family is not known.
    Cost:
        One forward pass; memory of a few batches and of the pieces' flat arrays.
    """
    known, tokenizer = facts(source.folder), load_tokenizer(source.folder)
    limit = min(max_pieces, known.positions or max_pieces)
    precision = "float32" if known.family in _FLOAT32_ONLY else precision
    with ExitStack() as stack:
        beside = stack.enter_context(ThreadPoolExecutor(1))
        waiting = beside.submit(tokenise, tokenizer, examples, max_pieces=limit)  # while the weights are loaded
        model = stack.enter_context(encoder(source, device))
        pieces = waiting.result()
        n_read, width = (
            (known.n_layers, width_of(model, known.n_layers, site)) if site else (known.n_layers + 1, known.width)
        )
        parts = [
            _begun(reading, pieces, tokenizer.cls_token_id, (n_read, width), precision, stack) for reading in readings
        ]
        stack.enter_context(torch.inference_mode())
        stack.enter_context(_autocast(device, precision))
        landing = stack.enter_context(_Landing(parts))
        stack.enter_context(around(model))  # its hooks come first: what is read is what they leave
        collected: list[list[torch.Tensor]] = []
        pool: list[Callable[[torch.Tensor], list[torch.Tensor]]] = []
        stack.enter_context(reading_at(model, known.n_layers, site, lambda _, read: collected.append(pool[0](read))))

        def forward(batch: NDArray[np.int64]) -> None:
            if device == "cpu":  # where activations would leave the heap in pieces; a card keeps its own
                give_back_memory()
            inputs = _inputs(pieces, batch, tokenizer.pad_token_id or 0)
            pool[:] = [_pooler(pieces, parts, batch, device)]
            collected.clear()
            model(**{name: value.to(device) for name, value in inputs.items()})
            landing.bring(collected)

        give_back_memory()  # what tokenising left behind
        on_sentences(landing.n_done, len(examples))
        for batch in _batches(forward, pieces.lengths, ~landing.done, batch_pieces):
            landing.put(batch)
            on_sentences(landing.n_done, len(examples))
        landing.finish()
        on_sentences(landing.n_done, len(examples))
    return [_extracted(part, pieces, examples, precision) for part in parts]


def _begun(
    reading: Reading,
    pieces: Pieces,
    cls_id: int | None,
    size: tuple[int, int],
    precision: Precision,
    stack: ExitStack,
) -> _Part:
    """Lay out a reading's rows and open its files. Args: size: layers, and numbers of each."""
    if reading.pooling not in (WORD_POOLINGS if reading.unit == "word" else SENTENCE_POOLINGS):
        raise SpecInvalid(
            f"Pooling {reading.unit}s by {reading.pooling!r}.",
            "It does not fit the unit.",
            "Words: first, last, average. Sentences: cls, mean.",
        )
    rows_of = partial(_rows_of, pieces, reading.unit, reading.pooling, cls_id)
    n_sentences = len(pieces.lengths)
    begins = range(0, n_sentences, _SENTENCES_LAID_OUT_TOGETHER)
    sentence, word = [], []
    for first in begins:
        rows = rows_of(np.arange(first, min(first + _SENTENCES_LAID_OUT_TOGETHER, n_sentences)))
        sentence.append(rows.sentence + np.int32(first))
        word.append(rows.word)
    all_sentences = np.concatenate(sentence)
    n_rows = len(all_sentences)
    if not n_rows:
        raise NotEnoughData(
            f"Reading a vector for every {reading.unit}.", "None has one.", "Give sentences with words in them."
        )
    files = RowFiles(
        reading.into,
        n_layers=size[0],
        shape=(n_rows, size[1]),
        dtype=reading.dtype,
        n_sentences=len(pieces.lengths),
        precision=precision,
    )
    return _Part(
        rows_of=rows_of,
        sentence=all_sentences,
        word=np.concatenate(word),
        first_row=np.concatenate([[0], np.cumsum(np.bincount(all_sentences, minlength=n_sentences))]),
        files=stack.enter_context(files),
        dtype=getattr(torch, reading.dtype),
    )


def _extracted(part: _Part, pieces: Pieces, examples: Examples, precision: Precision) -> Extracted:
    by_word = bool((part.word != NO_WORD).any())
    return Extracted(
        layers=part.files.paths,
        sentence=part.sentence,
        word=part.word,
        n_cut_sentences=int(pieces.was_cut.sum()),
        n_lost_words=examples.n_words - len(part.word) if by_word else 0,
        precision=precision,
    )


def _autocast(device: str, precision: Precision) -> Any:
    return nullcontext() if precision == "float32" else torch.autocast(device, getattr(torch, precision))


def _rows_of(pieces: Pieces, unit: Unit, pooling: Pooling, cls_id: int | None, sentences: NDArray[np.int64]) -> _Rows:
    """Lay out the rows of these sentences and say which pieces feed each."""
    n_sentences, held = len(sentences), pieces.of(sentences)
    sentence_of = np.repeat(np.arange(n_sentences), pieces.lengths[sentences])
    words = pieces.word[held]
    if unit == "sentence":
        into = sentence_of
        if pooling == "cls":
            # A text may spell "[CLS]": such a piece belongs to a word.
            into = np.where((pieces.ids[held] == cls_id) & (words == NO_WORD), into, -1)
        if (np.bincount(into[into >= 0], minlength=n_sentences) == 0).any():
            raise SpecInvalid("Pooling sentences by [CLS].", "This tokenizer sets no such token.", "Pool by mean.")
        everyone = np.arange(n_sentences, dtype=np.int32)
        return _Rows(sentence=everyone, word=np.full(n_sentences, NO_WORD, dtype=np.int32), into=into)
    # Numbering pieces by (sentence, word) in reading order; a new number wherever either changes.
    at = np.flatnonzero(words != NO_WORD)
    sentence_at, word_at = sentence_of[at], words[at]
    is_first = np.ones(len(at), dtype=bool)
    is_first[1:] = (sentence_at[1:] != sentence_at[:-1]) | (word_at[1:] != word_at[:-1])
    row_at = np.cumsum(is_first) - 1
    if pooling == "first":
        chosen = is_first
    elif pooling == "last":
        chosen = np.append(is_first[1:], True)[: len(at)]
    else:
        chosen = np.ones(len(at), dtype=bool)
    into = np.full(len(words), -1, dtype=np.int64)
    into[at[chosen]] = row_at[chosen]
    return _Rows(sentence=sentence_at[is_first].astype(np.int32), word=word_at[is_first].astype(np.int32), into=into)


def _batches(
    forward: Callable[[NDArray[np.int64]], None],
    lengths: NDArray[np.int64],
    wanted: NDArray[np.bool_],
    batch_pieces: int,
) -> Iterator[NDArray[np.int64]]:
    """Pass sentences of similar length together, longest first, within the budget of pieces (or alone).

    Where memory runs out, the same sentences are passed again under half the budget, which then holds for the rest.

    Yields:
        The sentences of each pass, rising, after it.
    """
    order = np.flatnonzero(wanted)
    order = order[np.argsort(-lengths[order], kind="stable")]
    at = 0
    while at < len(order):
        longest = int(lengths[order[at]])
        batch = np.sort(order[at : at + max(1, batch_pieces // longest)])
        if not _fits(forward, batch):
            if len(batch) == 1:
                raise OutOfMemory(
                    "Reading the layers.",
                    f"Not even one sentence of {longest:,} pieces fits into memory.",
                    "Cut sentences at fewer pieces, choose a smaller checkpoint, or close other programs.",
                )
            batch_pieces = len(batch) * longest // 2
            continue
        yield batch
        at += len(batch)


def _fits(forward: Callable[[NDArray[np.int64]], None], batch: NDArray[np.int64]) -> bool:
    """Pass a batch; False where memory ran out. Only on leaving is what the failed pass held set free."""
    try:
        forward(batch)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        log.warning("a batch of %d sentences does not fit into memory: %s", len(batch), error)
        return False
    return True


def _inputs(pieces: Pieces, batch: NDArray[np.int64], pad_id: int) -> dict[str, torch.Tensor]:
    """The model's inputs [batch, longest]."""
    inside, flat = _placed(pieces, batch)
    ids = np.full(inside.shape, pad_id, dtype=np.int64)
    ids[inside] = pieces.ids[flat]
    inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(inside.astype(np.int64))}
    if pieces.segment is not None:
        segment = np.zeros(inside.shape, dtype=np.int64)
        segment[inside] = pieces.segment[flat]
        inputs["token_type_ids"] = torch.from_numpy(segment)
    return inputs


def _placed(pieces: Pieces, batch: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Where a padded batch holds pieces [batch, longest], and which, in that order."""
    lengths = pieces.lengths[batch]
    inside = np.arange(int(lengths.max())) < lengths[:, None]
    return inside, pieces.of(batch)


def _pooler(
    pieces: Pieces, parts: Sequence[_Part], batch: NDArray[np.int64], device: str
) -> Callable[[torch.Tensor], list[torch.Tensor]]:
    """What every reading takes of a layer of this batch: [batch, pieces, width] -> [rows, width] each."""
    slots = np.flatnonzero(_placed(pieces, batch)[0].ravel())
    pools = [_pool_of(part.rows_of(batch), slots, part.dtype, device) for part in parts]
    return lambda hidden: [pool(hidden.reshape(-1, hidden.shape[-1])) for pool in pools]


def _pool_of(
    rows: _Rows, slots: NDArray[np.int64], dtype: torch.dtype, device: str
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Average the slots into their rows, in float32: [slots, width] -> [rows, width] of the dtype on disk."""
    pooled = rows.into >= 0
    chosen, into = (torch.from_numpy(array).to(device) for array in (slots[pooled], rows.into[pooled]))
    n_rows = len(rows.sentence)
    if n_rows == len(into):
        return lambda flat: flat.index_select(0, chosen).to(dtype)
    counts = torch.from_numpy(np.bincount(rows.into[pooled], minlength=n_rows).astype(np.float32)).to(device)[:, None]

    def average(flat: torch.Tensor) -> torch.Tensor:
        total = torch.zeros(n_rows, flat.shape[-1], device=flat.device)
        return total.index_add_(0, into, flat.index_select(0, chosen).float()).div_(counts).to(dtype)

    return average


class _Landing:
    """Brings pooled states from the device and writes them, in one thread beside the next forward pass."""

    def __init__(self, parts: Sequence[_Part]) -> None:
        self._parts = parts
        self._thread = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()
        self._home: list[list[torch.Tensor]] = []
        self._arrived: Callable[[], None] = lambda: None

    def __enter__(self) -> "_Landing":
        return self

    def __exit__(self, *_: Any) -> None:
        self._thread.shutdown(wait=True)  # what was computed is written, however the run ended

    @property
    def done(self) -> NDArray[np.bool_]:
        """Whether each sentence is written for every reading [n_sentences]."""
        return np.logical_and.reduce([part.files.done for part in self._parts])

    @property
    def n_done(self) -> int:
        """How many are."""
        return int(self.done.sum())

    def bring(self, states: Sequence[Sequence[torch.Tensor]]) -> None:
        """Start to bring a batch's states home, states[layer][reading]; part of the pass, since it needs memory of its own."""
        self._home, self._arrived = _sent_home([list(of_reading) for of_reading in zip(*states, strict=True)])

    def put(self, batch: NDArray[np.int64]) -> None:
        """Have what was brought last written; waits while too many are on the way, and raises what went wrong."""
        self._waiting.append(self._thread.submit(self._write, batch, self._home, self._arrived))
        while len(self._waiting) > _BATCHES_ON_THE_WAY:
            self._waiting.popleft().result()

    def finish(self) -> None:
        """Wait for all of them, and raise what went wrong."""
        while self._waiting:
            self._waiting.popleft().result()

    def _write(self, batch: NDArray[np.int64], home: list[list[torch.Tensor]], arrived: Callable[[], None]) -> None:
        arrived()
        for part, states in zip(self._parts, home, strict=True):
            part.files.write(batch, part.first_row, states)


def _sent_home(by_reading: list[list[torch.Tensor]]) -> tuple[list[list[torch.Tensor]], Callable[[], None]]:
    """The same states in the host's memory, and what waits until they have arrived."""
    if not by_reading[0][0].is_cuda:
        return [[state.cpu() for state in states] for states in by_reading], lambda: None
    # Into pinned memory the card copies by itself, while it computes the next batch.
    home = [
        [
            torch.empty(state.shape, dtype=state.dtype, pin_memory=True).copy_(state, non_blocking=True)
            for state in states
        ]
        for states in by_reading
    ]
    event = torch.cuda.Event()
    event.record()
    return home, event.synchronize
