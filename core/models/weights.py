"""Weight tensors of a checkpoint one at a time, under the backbone's own names, from safetensors files."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from core.errors import CheckpointDamaged, SpecInvalid
from core.models.changes import Changes
from core.models.checkpoints import backbone_prefix, weight_files, weight_headers
from core.models.sources import Source

_BLOCK = re.compile(r"(?:^|\.)(?:layers?|h|blocks?|albert_layer_groups)\.(\d+)\.(.+)$")


_OLD_NORM = re.compile(r"(LayerNorm|layer_norm)\.(gamma|beta)$")
_TODAY = {"gamma": "weight", "beta": "bias"}
_BUFFER = re.compile(r"(^|\.)(masked_bias|inv_freq|(attn|attention)\.bias)$")


class Tensors:
    """Floating-point tensors of a backbone; a head and its pooler are left out, since often only one side has them.

    Raises:
        CheckpointDamaged: a truncated file, or changes of tensors that the checkpoint does not have.
    """

    def __init__(self, source: Source) -> None:
        self._where = {name: where for name, where in stored_tensors(source.folder).items() if not _is_pooler(name)}
        self._changes = Changes(source.changes) if source.changes else None
        changed = set() if self._changes is None else self._changes.names()
        self._changed = {name.removeprefix("backbone/"): name for name in changed if name.startswith("backbone/")}
        if unknown := sorted(name for name in self._changed.keys() - self._where.keys() if not _is_pooler(name)):
            raise CheckpointDamaged(
                f"Reading what tuning changed in {source.folder.name}.",
                f"{len(unknown)} changed tensors are not in the checkpoint it started from: {unknown[0]} ….",
                "Put that checkpoint back, or tune again.",
            )

    def names(self) -> set[str]:
        """Names without the family's prefix."""
        return set(self._where)

    def get(self, name: str) -> NDArray[np.float64]:
        """One tensor as float64."""
        path, full = self._where[name]
        with safe_open(path, framework="pt") as file:
            tensor = file.get_tensor(full)
        if self._changes is not None and name in self._changed:
            # As in the loaded model: what a half-precision base would round away is a change all the same.
            tensor = self._changes.applied(self._changed[name], tensor.float())
        return tensor.double().numpy()


def read_tensors(source: Source) -> Tensors:
    """Open a checkpoint's weights. Raises CheckpointDamaged for a truncated file, SpecInvalid for random weights."""
    if source.random_seed is not None:
        raise SpecInvalid("Comparing weights.", "One side is freshly drawn.", "Compare checkpoints that were trained.")
    return Tensors(source)


def stored_tensors(folder: Path) -> dict[str, tuple[Path, str]]:
    """Floating-point tensors of the backbone, pooler included: its own name -> (file, name there).

    A model saved with a head has the family's prefix before the backbone's names, a bare backbone has none. Of an encoder
    saved with its decoder, only the encoder's are given. Masks and tables that some families store beside their weights
    are left out, and norms go by today's names, as in the loaded model.
    """
    prefix = f"{backbone_prefix(folder)}."
    floating = {
        name
        for name, entry in weight_headers(folder).items()
        if entry["dtype"].startswith(("F", "BF")) and not _is_buffer(name, len(entry["shape"]))
    }
    has_head = any(name.startswith(prefix) for name in floating)
    if any(name.startswith("encoder.") for name in floating):
        floating = {name for name in floating if not name.startswith(("decoder.", "lm_head."))}
    found: dict[str, tuple[Path, str]] = {}
    for path in weight_files(folder):
        with safe_open(path, framework="pt") as file:
            for full in floating.intersection(file.keys()):
                if full.startswith(prefix) or not has_head:
                    found[_today(full.removeprefix(prefix))] = (path, full)
    return found


def _is_buffer(name: str, n_dimensions: int) -> bool:
    """Whether a stored tensor is a mask or a table and no weight: a bias has one dimension."""
    found = _BUFFER.search(name)
    return found is not None and (n_dimensions != 1 or not name.endswith(".bias"))


def _today(name: str) -> str:
    """Norms of 2018 and 2019 are made of gamma and beta."""
    return _OLD_NORM.sub(lambda found: f"{found[1]}.{_TODAY[found[2]]}", name)


def block_of(name: str) -> tuple[int, str] | None:
    """(block from 0, name inside it) of a backbone's tensor; None for embeddings and all that is in no block."""
    found = _BLOCK.search(name)
    return (int(found[1]), found[2]) if found else None


def _is_pooler(name: str) -> bool:
    return name.startswith("pooler")
