"""Where a checkpoint's parts lie, and the module they make.

A checkpoint is a folder of weights, a folder with what tuning changed in it, or a folder's shape with fresh weights.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.models.changes import apply_changes, originals
from core.models.checkpoints import backbone_class, config_of, facts, load_weights

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


@dataclass(frozen=True, kw_only=True)
class Source:
    """The parts of one checkpoint."""

    folder: Path
    """Configuration, tokenizer and weights."""
    changes: Path | None = None
    """File of what tuning changed in them (core.models.changes); None = nothing."""
    random_seed: int | None = None
    """Draw the weights afresh from this seed instead of reading the folder's; None = read them."""


@contextmanager
def encoder(source: Source, device: str) -> Iterator["PreTrainedModel"]:
    """The backbone without its head, in evaluation mode; nobody else in this process uses it meanwhile.

    The last two stay loaded. Checkpoints that differ by changes alone (a base, its runs and snapshots, its adapters) are
    one module that wears now these, now those: one load serves all sides.

    Raises:
        CheckpointDamaged: weights that do not fit the configuration, or a change that does not fit the weights.
        CheckpointNotFound: a family that this installation does not know, or one that asks to run its own code.
    """
    facts(source.folder)
    with _IN_USE:
        # Other files under the same path are another model: a folder may be written over while the process lives.
        files = sorted([source.folder / "config.json", *source.folder.glob("*.safetensors")])
        held = _load(source.folder, source.random_seed, device, _stamps(files))
        held.wear(source.changes)
        yield held.model


_IN_USE = threading.RLock()


class _Held:
    """A loaded backbone, and the changes it wears."""

    def __init__(self, model: "PreTrainedModel") -> None:
        self.model = model
        self._worn: tuple[Any, ...] | None = ()
        self._before: dict[str, Tensor] = {}

    def wear(self, changes: Path | None) -> None:
        """Take off what it wears and put these on, unless it wears them already."""
        wanted = _stamps([changes]) if changes else ()
        if wanted == self._worn:
            return
        self._take_off()
        if changes is not None:
            self._before = originals(self.model, "", changes)
            self._worn = None
            try:
                apply_changes(self.model, "", changes)
            except BaseException:
                self._take_off()
                raise
            self._worn = wanted

    def _take_off(self) -> None:
        self._worn = None  # between two states, should this be interrupted
        parameters = dict(self.model.named_parameters())
        for place, tensor in self._before.items():
            parameters[place].data.copy_(tensor)
        self._before, self._worn = {}, ()


def _stamps(files: Iterable[Path]) -> tuple[tuple[str, int, int], ...]:
    return tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files)


@lru_cache(maxsize=2)
def _load(folder: Path, random_seed: int | None, device: str, stamps: tuple[tuple[str, int, int], ...]) -> _Held:
    model = load_weights(backbone_class(folder), folder) if random_seed is None else _fresh(folder, random_seed)
    return _Held(model.eval().to(device))


def _fresh(folder: Path, seed: int) -> "PreTrainedModel":
    """The folder's architecture with weights as its family initialises them; other random numbers are not disturbed."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return backbone_class(folder).from_config(config_of(folder), dtype=torch.float32)
