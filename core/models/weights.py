"""Weight tensors of a checkpoint one at a time, under the backbone's own names, from safetensors files."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from core.models.checkpoints import weight_headers

_HEADS = ("classifier", "cls.", "lm_head", "score", "pre_classifier", "qa_outputs", "pooler")
_PREFIXES = ("bert", "roberta", "distilbert", "electra", "deberta", "mpnet", "transformer", "model")


class Tensors:
    """Floating-point tensors of a backbone; a head and its pooler are left out, since often only one side has them."""

    def __init__(self, folder: Path) -> None:
        floating = {name for name, entry in weight_headers(folder).items() if entry["dtype"].startswith(("F", "BF"))}
        self._where: dict[str, tuple[Path, str]] = {}
        for path in sorted(folder.glob("*.safetensors")):
            with safe_open(path, framework="pt") as file:
                for full in floating.intersection(file.keys()):
                    if name := _backbone_name(full):
                        self._where[name] = (path, full)

    def names(self) -> set[str]:
        """Names without the family's prefix."""
        return set(self._where)

    def get(self, name: str) -> NDArray[np.float64]:
        """One tensor as float64."""
        path, full = self._where[name]
        with safe_open(path, framework="pt") as file:
            return file.get_tensor(full).double().numpy()


def read_tensors(folder: Path) -> Tensors:
    """Open a checkpoint's weights. Raises CheckpointDamaged for a truncated file."""
    return Tensors(folder)


def _backbone_name(full: str) -> str:
    """Name without the family's prefix ("bert.", "model."); empty for a head."""
    prefix, _, rest = full.partition(".")
    name = rest if prefix in _PREFIXES else full
    return "" if name.startswith(_HEADS) else name
