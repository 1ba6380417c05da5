"""A base as the runs of one process share it: its weights opened once, its texts cut into pieces once.

A grid tunes one base again and again. Each of its trials is an artifact of its own, but one worker process computes them one
after the other, and what they all begin from is the same. It is handed out so that no run sees what another did: weights as
copies, pieces as arrays that cannot be written. Only the last base is kept.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.data.examples import Examples, Span
from core.models.checkpoints import weight_files
from core.models.pieces import Pieces, tokenise
from core.models.weights import stored_tensors

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

_TEXT_SETS = 4
"""Kept of a base: a grid goes seed by seed, and each seed has training examples of its own beside the dev examples of all. As
flat arrays they are a tenth of the lists that a run makes of them."""

Places = Sequence[tuple[Span, ...]]
_Words = tuple[Places, Places | None]
"""Where the words of the first texts lie, and of their partners."""
_Texts = tuple[int, tuple[str, ...], tuple[str, ...] | None]
"""Pieces to cut at, first texts, partners."""


class Opened:
    """A base and what was cut for it; several threads may ask."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._files = folder, weight_files(folder)
        self._names: frozenset[str] | None = None
        self._tensors: dict[str, Tensor] | None = None
        self._cut: OrderedDict[_Texts, tuple[_Words, Pieces]] = OrderedDict()
        self._one_at_a_time = threading.Lock()

    def names(self) -> frozenset[str]:
        """Names of the backbone's tensors that its files hold. Raises as core.models.weights.stored_tensors."""
        with self._one_at_a_time:
            if self._names is None:
                self._names = frozenset(stored_tensors(self._folder))
            return self._names

    def weights(self) -> "dict[str, Tensor]":
        """The tensors of its files by name, as they are stored; copies, which are the caller's own.

        What is kept is mapped from the files and no memory of the process's own: the system takes it back where it is short of it.

        Raises:
            SafetensorError: a file that is damaged.
        """
        from safetensors import safe_open

        with self._one_at_a_time:
            if self._tensors is None:
                found: dict[str, Tensor] = {}
                for path in self._files:
                    with safe_open(path, framework="pt") as file:
                        found |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
                self._tensors = found
            return {name: tensor.clone() for name, tensor in self._tensors.items()}

    def pieces(self, tokenizer: "PreTrainedTokenizerBase", examples: Examples, max_pieces: int) -> Pieces:
        """As core.models.pieces.tokenise; of texts that were cut lately the same pieces again, read-only.

        Args:
            tokenizer: the base's own, freshly loaded: it has a state while it cuts, and is shared with nobody.
        """
        texts: _Texts = (max_pieces, examples.texts, examples.partners)
        # Compared, and no part of the name: flat rows have no hash, and the same texts are hardly ever divided in two ways.
        words: _Words = (examples.spans, examples.partner_spans)
        with self._one_at_a_time:
            held = self._cut.get(texts)
            if held is not None and held[0] == words:
                self._cut.move_to_end(texts)
                return held[1]
        pieces = tokenise(tokenizer, examples, max_pieces=max_pieces)
        for array in (pieces.ids, pieces.word, pieces.segment, pieces.start, pieces.was_cut):
            if array is not None:
                array.setflags(write=False)
        with self._one_at_a_time:
            self._cut[texts] = words, pieces
            while len(self._cut) > _TEXT_SETS:
                self._cut.popitem(last=False)
        return pieces


def opened(folder: Path) -> Opened:
    """A base, opened at most once while its files stay as they are; the one before it is let go."""
    return _opened(folder, tuple(_stamps(folder)))


def forget() -> None:
    """Let go of what is kept."""
    _opened.cache_clear()


@lru_cache(maxsize=1)
def _opened(folder: Path, stamps: tuple[tuple[str, int, int, int], ...]) -> Opened:
    return Opened(folder)


def _stamps(folder: Path) -> Iterator[tuple[str, int, int, int]]:
    """Other files under the same path are another base: a folder may be written over while the process lives."""
    for path in sorted(folder.iterdir()):
        if path.is_file():
            known = path.stat()
            yield path.name, known.st_size, known.st_mtime_ns, known.st_ino
