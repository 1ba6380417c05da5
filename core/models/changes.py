"""What training changed, as a small file: the tensors of a model that differ from those of the model it started from.

A file holds only what changed, each tensor in the smallest of three forms, so that a snapshot or an adapter costs what
it adds and nothing is stored twice:

    NAME                    the tensor itself (a fresh head has no other form)
    NAME@rows NAME@values   rows of a matrix that were replaced (word embeddings: only words that were seen change)
    NAME@up NAME@down       a change of low rank, to be added: up [n_out, rank] @ down [rank, n_in]

Names are independent of the family's prefix: "backbone/…" for what AutoModel holds, "head/…" for the rest.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from core.errors import CheckpointDamaged

_FORMS = ("rows", "values", "up", "down")
_SPARSE = 0.7
"""A matrix with fewer of its rows changed than this share is stored by rows."""


def portable_name(name: str, prefix: str) -> str:
    """ "bert.encoder…" -> "backbone/encoder…", "classifier.weight" -> "head/classifier.weight"."""
    return f"backbone/{name.removeprefix(prefix + '.')}" if name.startswith(f"{prefix}.") else f"head/{name}"


def changes_file(folder: Path, step: int | None) -> Path:
    """Where a run keeps the changes of a step; None = its end."""
    return folder / ("final.safetensors" if step is None else f"step-{step:08d}.safetensors")


def write_changes(
    path: Path, start: Mapping[str, Tensor], now: Mapping[str, Tensor], low_rank: Mapping[str, tuple[Tensor, Tensor]]
) -> None:
    """Write what differs, complete or not at all.

    Args:
        path: a .safetensors file.
        start, now: portable name -> tensor; what is only in `now` is new and written whole.
        low_rank: portable name -> (up [n_out, rank], down [rank, n_in]), added to the tensor of that name in `start`.
    """
    held: dict[str, Tensor] = {}
    for name, tensor in now.items():
        before = start.get(name)
        if before is None:
            held[name] = tensor
        elif not torch.equal(before, tensor):
            held |= _smallest(name, before, tensor)
    for name, (up, down) in low_rank.items():
        held[f"{name}@up"], held[f"{name}@down"] = up, down
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    data = save({name: tensor.detach().cpu().contiguous() for name, tensor in held.items()})
    try:
        with beside.open("wb") as stream:
            stream.write(data)
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


class Changes:
    """A file of changes, read tensor by tensor.

    Raises:
        CheckpointDamaged: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with safe_open(path, framework="pt") as file:
                self._keys = set(file.keys())
        except Exception as error:  # safetensors raises its own bare Exception subclass
            raise CheckpointDamaged(
                f"Reading the weights that tuning changed, {path.name}.", f"{error}.", "Run the tuning again."
            ) from error

    def names(self) -> set[str]:
        """Portable names of the tensors that changed."""
        return {name.partition("@")[0] for name in self._keys}

    def low_rank(self, name: str) -> tuple[Tensor, Tensor] | None:
        """(up [n_out, rank], down [rank, n_in]), float32, of a tensor that changed by their product; None for other changes."""
        if f"{name}@up" not in self._keys or f"{name}@down" not in self._keys:
            return None
        with safe_open(self._path, framework="pt") as file:
            return file.get_tensor(f"{name}@up").float(), file.get_tensor(f"{name}@down").float()

    def applied(self, name: str, before: Tensor | None) -> Tensor:
        """A tensor after the change; `before` may be None for what is new.

        Raises:
            CheckpointDamaged: the change does not fit the tensor.
        """
        with safe_open(self._path, framework="pt") as file:
            if name in self._keys:
                return file.get_tensor(name)
            parts = {form: file.get_tensor(f"{name}@{form}") for form in _FORMS if f"{name}@{form}" in self._keys}
        try:
            if before is None:
                raise ValueError("there is nothing to change")
            if "up" in parts:
                return before + (parts["up"].float() @ parts["down"].float()).to(before.dtype)
            after = before.clone()
            after[parts["rows"]] = parts["values"].to(before.dtype)
            return after
        except (KeyError, IndexError, RuntimeError, ValueError) as error:
            raise CheckpointDamaged(
                f"Applying the change of {name}.", f"It does not fit: {error}.", "Run the tuning again."
            ) from error


def apply_changes(model: nn.Module, prefix: str, path: Path) -> None:
    """Put a model into the state that a file of changes describes.

    Args:
        model: with or without a head, holding the weights that the change starts from; "head/…" is skipped without one.
        prefix: the family's prefix where the model has a head, "" where it is a bare backbone.
        path: file of changes.
    Raises:
        CheckpointDamaged: a changed tensor that the model does not have or that does not fit.
    """
    changes = Changes(path)
    parameters = dict(model.named_parameters())
    for name, place in _places(changes.names(), prefix):
        if place in parameters:
            after = changes.applied(name, parameters[place].data.cpu())
            if after.shape != parameters[place].shape:
                raise CheckpointDamaged(
                    f"Applying the change of {name}.", f"Its shape is {tuple(after.shape)}.", "Run the tuning again."
                )
            parameters[place].data.copy_(after)
        elif "pooler" not in place:
            raise CheckpointDamaged(f"Applying the change of {name}.", "The model has no such tensor.", "Tune again.")


def originals(model: nn.Module, prefix: str, path: Path) -> dict[str, Tensor]:
    """Copies of the tensors that `apply_changes` with the same arguments would change, by their names in the model."""
    parameters = dict(model.named_parameters())
    places = (place for _, place in _places(Changes(path).names(), prefix))
    return {place: parameters[place].data.clone() for place in places if place in parameters}


def _places(names: set[str], prefix: str) -> Iterator[tuple[str, str]]:
    """Portable names and where they stand in a model; heads only where there is one."""
    for name in sorted(names):
        part, _, rest = name.partition("/")
        if part == "backbone":
            yield name, f"{prefix}.{rest}" if prefix else rest
        elif prefix:
            yield name, rest


def _smallest(name: str, before: Tensor, after: Tensor) -> dict[str, Tensor]:
    if after.ndim == 2:
        rows = torch.nonzero((before != after).any(dim=1)).flatten()
        if len(rows) < _SPARSE * len(after):
            return {f"{name}@rows": rows.to(torch.int32), f"{name}@values": after[rows]}
    return {name: after}
