"""Tokenised sentences in flat arrays, with each piece's word found by character offsets.

Flat arrays of the smallest kind rather than lists of lists: 100,000 sentences cost a few megabytes, and whole batches are
cut out by index.
"""

from array import array
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.data.examples import Examples
from core.data.ragged import smallest
from core.errors import CheckpointNotFound

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase

NO_WORD = -1


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """The pieces of all sentences, one after another; sentence i has rows start[i]:start[i+1]."""

    ids: NDArray[np.integer[Any]]
    """Vocabulary ids [n_pieces], in the smallest kind of number that holds them."""
    word: NDArray[np.integer[Any]]
    """Index of the word in its sentence that the piece belongs to [n_pieces], in the smallest kind of number; NO_WORD for
    special tokens."""
    segment: NDArray[np.int8] | None
    """0 in a first text, 1 in its partner, as the tokenizer says it [n_pieces]; None for single texts, and for families
    that tell the two apart by separators alone."""
    start: NDArray[np.int64]
    """First piece of each sentence [n_sentences + 1]."""
    was_cut: NDArray[np.bool_]
    """Whether the sentence was longer than the limit [n_sentences]."""

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Pieces of each sentence [n_sentences]."""
        return np.diff(self.start)

    def of(self, sentences: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places of these sentences' pieces, one sentence after another."""
        lengths = self.lengths[sentences]
        before = np.cumsum(lengths) - lengths
        return np.repeat(self.start[sentences] - before, lengths) + np.arange(lengths.sum())


def tokenise(tokenizer: "PreTrainedTokenizerBase", examples: Examples, *, max_pieces: int) -> Pieces:
    """Pieces of every sentence or pair, special tokens included, cut at `max_pieces`.

    A piece belongs to the word whose characters it overlaps; a piece over two words (some tokenizers join them)
    belongs to the first. Cost: about 20 microseconds a sentence.

    Raises:
        CheckpointNotFound: the tokenizer gives no pieces for anything.
    """
    # Flat from the first: an array a sentence would take more memory than its pieces.
    ids, words, segments, start = array("i"), array("i"), array("b"), array("q", [0])
    cut = np.zeros(len(examples), dtype=bool)
    for first in range(0, len(examples), 1000):
        chunk = slice(first, first + 1000)
        encoded = _encode(tokenizer, examples, chunk, max_pieces)
        for row, (piece_ids, offsets) in enumerate(
            zip(encoded["input_ids"], encoded["offset_mapping"], strict=True), start=first
        ):
            if examples.partners is None:
                owner = _owners(offsets, examples.spans[row])
                if len(piece_ids) > max_pieces:
                    cut[row] = True
                    keep, owner = _kept_when_cut(owner, max_pieces)
                    piece_ids = [piece_ids[i] for i in keep]
            else:
                cut[row] = bool(encoded.encodings[row - first].overflowing)
                owner = _pair_owners(offsets, encoded.sequence_ids(row - first), examples, row, bool(cut[row]))
            ids.extend(piece_ids)
            words.frombytes(owner.tobytes())
            start.append(len(ids))
        if examples.partners is not None and "token_type_ids" in encoded:
            for types in encoded["token_type_ids"]:
                segments.extend(types)
    if not len(ids):
        raise CheckpointNotFound(
            "Tokenising the sentences.", "The tokenizer gave no pieces.", "Use another checkpoint."
        )
    return Pieces(
        ids=smallest(ids),
        word=smallest(words),
        segment=np.frombuffer(segments, dtype=np.int8) if segments else None,
        start=np.frombuffer(start, dtype=np.int64),
        was_cut=cut,
    )


def _encode(tokenizer: "PreTrainedTokenizerBase", examples: Examples, chunk: slice, max_pieces: int) -> "BatchEncoding":
    settings = {"add_special_tokens": True, "return_offsets_mapping": True, "padding": False, "verbose": False}
    if examples.partners is None:
        return tokenizer(list(examples.texts[chunk]), truncation=False, **settings)
    # Which text of a pair gives way, and where separators stand, is the family's own business.
    pairs = list(examples.texts[chunk]), list(examples.partners[chunk])
    return tokenizer(*pairs, truncation="longest_first", max_length=max_pieces, **settings)


def _pair_owners(
    offsets: list[tuple[int, int]], sequence: list[int | None], examples: Examples, row: int, was_cut: bool
) -> NDArray[np.int32]:
    """Words of a pair's pieces: those of the first text from 0, its partner's after them; a cut word owns no piece."""
    assert examples.partner_spans is not None
    owner = np.full(len(offsets), NO_WORD, dtype=np.int32)
    spans = examples.spans[row]
    for which, places, shift in ((0, spans, 0), (1, examples.partner_spans[row], len(spans))):
        at = np.array([i for i, side in enumerate(sequence) if side == which], dtype=np.intp)
        if not len(at):
            continue
        inside = _owners([offsets[i] for i in at], places)
        last, end = inside[-1], offsets[at[-1]][1]
        if was_cut and last != NO_WORD and places[last][1] > end:
            inside[inside == last] = NO_WORD
        owner[at] = np.where(inside == NO_WORD, NO_WORD, inside + shift)
    return owner


def _owners(offsets: list[tuple[int, int]], spans: tuple[tuple[int, int], ...]) -> NDArray[np.int32]:
    """Word of each piece, by overlap of characters; both lists run left to right."""
    owner = np.full(len(offsets), NO_WORD, dtype=np.int32)
    at = 0
    for piece, (begin, end) in enumerate(offsets):
        if begin == end:
            continue
        while at < len(spans) and spans[at][1] <= begin:
            at += 1
        if at < len(spans) and spans[at][0] < end:
            owner[piece] = at
    return owner


def _kept_when_cut(owner: NDArray[np.int32], max_pieces: int) -> tuple[list[int], NDArray[np.int32]]:
    """Pieces kept of an over-long sentence (all special tokens at its ends, and its first words), and their words.

    The pieces of a word that the cut goes through are kept, but belong to no word: half a word has no vector.
    """
    inside = np.flatnonzero(owner != NO_WORD)
    tail = [] if not len(inside) else list(range(int(inside[-1]) + 1, len(owner)))
    head = max_pieces - len(tail)
    keep = [*range(head), *tail]
    return keep, np.where(owner[keep] == owner[head], NO_WORD, owner[keep])
