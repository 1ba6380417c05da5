"""Where a checkpoint's parts lie, and the module they make.

A checkpoint is a folder of weights, a folder with what tuning changed in it, or a folder's shape with fresh weights.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.models.changes import apply_changes
from core.models.checkpoints import backbone_class, config_of, facts, load_weights

if TYPE_CHECKING:
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


def load_encoder(source: Source, device: str) -> "PreTrainedModel":
    """The backbone without its head, in evaluation mode; the last two stay loaded in a process.

    Raises:
        CheckpointDamaged: weights that do not fit the configuration, or a change that does not fit the weights.
        CheckpointNotFound: a family that this installation does not know, or one that asks to run its own code.
    """
    facts(source.folder)
    # Other files under the same path are another model: a folder may be written over while the process lives.
    files = sorted([source.folder / "config.json", *source.folder.glob("*.safetensors")])
    files += [source.changes] if source.changes else []
    stamps = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files)
    return _load_encoder(source, device, stamps)


def load_with_head(auto: Any, source: Source, device: str, **settings: Any) -> "PreTrainedModel":
    """A model with the head that a tuning run gave it, in evaluation mode.

    Args:
        auto: the Auto class that was tuned.
        source: a checkpoint with changes.
        device: where to put it.
        settings: num_labels and the like.
    Raises:
        CheckpointDamaged, CheckpointNotFound: as load_encoder.
    """
    model = load_weights(auto, source.folder, **settings)
    if source.changes is not None:
        apply_changes(model, model.base_model_prefix, source.changes)
    return model.eval().to(device)


@lru_cache(maxsize=2)
def _load_encoder(source: Source, device: str, stamps: tuple[tuple[str, int, int], ...]) -> "PreTrainedModel":
    if source.random_seed is not None:
        return _fresh(source.folder, source.random_seed).eval().to(device)
    model = load_weights(backbone_class(source.folder), source.folder)
    if source.changes is not None:
        apply_changes(model, "", source.changes)
    return model.eval().to(device)


def _fresh(folder: Path, seed: int) -> "PreTrainedModel":
    """The folder's architecture with weights as its family initialises them; other random numbers are not disturbed."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return backbone_class(folder).from_config(config_of(folder), dtype=torch.float32)
