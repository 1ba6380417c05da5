"""Weight tensors of a checkpoint one at a time, under the backbone's own names, from safetensors files."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from core.errors import SpecInvalid
from core.models.changes import Changes
from core.models.checkpoints import weight_headers
from core.models.sources import Source

_HEADS = ("classifier", "cls.", "lm_head", "score", "pre_classifier", "qa_outputs", "pooler")
_PREFIXES = ("bert", "roberta", "distilbert", "electra", "deberta", "mpnet", "transformer", "model")


class Tensors:
    """Floating-point tensors of a backbone; a head and its pooler are left out, since often only one side has them."""

    def __init__(self, source: Source) -> None:
        headers = weight_headers(source.folder)
        floating = {name for name, entry in headers.items() if entry["dtype"].startswith(("F", "BF"))}
        self._where: dict[str, tuple[Path, str]] = {}
        for path in sorted(source.folder.glob("*.safetensors")):
            with safe_open(path, framework="pt") as file:
                for full in floating.intersection(file.keys()):
                    if name := _backbone_name(full):
                        self._where[name] = (path, full)
        self._changes = Changes(source.changes) if source.changes else None
        self._changed = {} if self._changes is None else _by_backbone_name(self._changes.names())

    def names(self) -> set[str]:
        """Names without the family's prefix."""
        return set(self._where)

    def get(self, name: str) -> NDArray[np.float64]:
        """One tensor as float64."""
        path, full = self._where[name]
        with safe_open(path, framework="pt") as file:
            tensor = file.get_tensor(full)
        if self._changes is not None and name in self._changed:
            tensor = self._changes.applied(self._changed[name], tensor)
        return tensor.double().numpy()


def read_tensors(source: Source) -> Tensors:
    """Open a checkpoint's weights. Raises CheckpointDamaged for a truncated file, SpecInvalid for random weights."""
    if source.random_seed is not None:
        raise SpecInvalid("Comparing weights.", "One side is freshly drawn.", "Compare checkpoints that were trained.")
    return Tensors(source)


def _by_backbone_name(names: set[str]) -> dict[str, str]:
    """Name without prefix -> portable name, for changes in the backbone."""
    return {name.removeprefix("backbone/"): name for name in names if name.startswith("backbone/")}


def _backbone_name(full: str) -> str:
    """Name without the family's prefix ("bert.", "model."); empty for a head."""
    prefix, _, rest = full.partition(".")
    name = rest if prefix in _PREFIXES else full
    return "" if name.startswith(_HEADS) else name
