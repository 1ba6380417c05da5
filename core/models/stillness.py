"""Holding some of a network's numbers still while it runs, of its states or inside its blocks: at zero, at their mean, or at what
they are elsewhere."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from core.models.site_names import Place
from core.models.sites import editing_at, reading_at

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Units = Mapping[int, NDArray[np.int64]]
"""Numbers of each layer's state, by layer 0..n; of a site inside the blocks, by block 1..n."""


@dataclass
class PieceMeans:
    """Means of each layer's numbers: of first pieces ([CLS], which heads may read), and of all others, padding left out."""

    first: dict[int, torch.Tensor] = field(default_factory=dict)
    others: dict[int, torch.Tensor] = field(default_factory=dict)
    _counts: dict[int, list[float]] = field(default_factory=dict)

    def add(self, layer: int, hidden: torch.Tensor, mask: torch.Tensor) -> None:
        """Take in a batch's numbers [batch, pieces, width]; mask [batch, pieces], 1 where a piece is real."""
        real = mask.to(hidden.dtype)[..., None]
        counts = self._counts.setdefault(layer, [0.0, 0.0])
        for place, (held, part) in enumerate(((self.first, slice(0, 1)), (self.others, slice(1, None)))):
            total = (hidden[:, part] * real[:, part]).sum(dim=(0, 1), dtype=torch.float32)
            n = float(real[:, part].sum())
            before = held.get(layer, torch.zeros_like(total)) * counts[place]
            counts[place] += n
            held[layer] = (before + total) / max(counts[place], 1.0)


@contextmanager
def measuring(model: "PreTrainedModel", site: Place = "") -> Iterator[PieceMeans]:
    """The means of all numbers of a place, of what a model with a head reads inside."""
    means = PieceMeans()

    def add(layer: int, hidden: torch.Tensor) -> None:
        means.add(layer, hidden, seen[0])

    with _masks(model) as seen, reading_at(_backbone(model), _depth(model), site, add):
        yield means


@contextmanager
def held_still(
    model: "PreTrainedModel",
    units: Units,
    mode: Literal["zero", "mean", "resample"],
    means: PieceMeans,
    *,
    seed: int = 0,
    site: Place = "",
) -> Iterator[None]:
    """Hold some numbers of a place still in each forward pass inside.

    Args:
        model: with its head.
        units: which numbers of which layers.
        mode: at 0; at their mean over pieces, first pieces at that of first pieces; or at what they are for another real piece of
            the batch, first pieces for other first ones.
        means: of `measuring`, at the same place.
        seed: draws the other pieces.
        site: where the numbers are.
    Raises:
        CheckpointNotFound: the family has no such place that is known, on entering.
    """
    draw = torch.Generator().manual_seed(seed)

    def edit(layer: int, hidden: torch.Tensor) -> torch.Tensor:
        if layer not in units:
            return hidden
        own = torch.from_numpy(units[layer]).to(hidden.device)
        edited = hidden.clone()
        if mode == "zero":
            edited[..., own] = 0.0
        elif mode == "mean":
            edited[:, :1, own] = means.first[layer][own].to(hidden.dtype)
            edited[:, 1:, own] = means.others[layer][own].to(hidden.dtype)
        else:
            is_real = seen[0].bool()
            is_first = torch.zeros_like(is_real)
            is_first[:, 0] = True
            for some in (is_real & is_first, is_real & ~is_first):
                rows = hidden[some][:, own]
                order = torch.randperm(len(rows), generator=draw).to(hidden.device)
                part = edited[some]
                part[:, own] = rows[order]
                edited[some] = part
        return edited

    with _masks(model) as seen, editing_at(_backbone(model), _depth(model), site, edit):
        yield


@contextmanager
def _masks(model: "PreTrainedModel") -> Iterator[list[torch.Tensor]]:
    """A list that holds the attention mask of the pass under way."""
    seen: list[torch.Tensor] = []

    def before(_: Any, _args: Any, kwargs: dict[str, Any]) -> None:
        seen[:] = [kwargs["attention_mask"]]

    handle = model.register_forward_pre_hook(before, with_kwargs=True)
    try:
        yield seen
    finally:
        handle.remove()


def _backbone(model: "PreTrainedModel") -> "PreTrainedModel":
    found: PreTrainedModel = model.base_model
    return found


def _depth(model: "PreTrainedModel") -> int:
    return int(model.config.num_hidden_layers)
