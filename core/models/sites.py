"""Reading inside the blocks: what the MLP's units say, and what the attention heads give, before either is mixed.

Both are what a matrix of the block is given: the MLP's output matrix takes its intermediate units, after their activation; the
attention's output matrix takes the heads' outputs side by side. So one pre-hook on that matrix reads either, in every family
whose matrix is a module of its own.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from core.errors import CheckpointNotFound
from core.models.hooks import PIECES_FIRST, Edit, OnLayer, blocks, editing_layers, reading_layers
from core.models.site_names import INTO, SITES, Place, Site, known_families

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def n_heads(model: "PreTrainedModel") -> int:
    """Attention heads of a block."""
    return int(model.config.num_attention_heads)


def width_of(model: "PreTrainedModel", n_layers: int, site: Site) -> int:
    """Numbers of a site in one block. Raises CheckpointNotFound where the family has no such place that is known."""
    weight = _matrices(model, n_layers, site)[0].get_parameter("weight")
    # GPT-2's matrices stand the other way round.
    return weight.shape[0] if model.config.model_type == "gpt2" else weight.shape[1]


def reading_at(
    model: "PreTrainedModel", n_layers: int, place: Place, on_layer: OnLayer
) -> AbstractContextManager[None]:
    """reading_site, or where the place is empty reading_layers."""
    return reading_site(model, n_layers, place, on_layer) if place else reading_layers(model, n_layers, on_layer)


def editing_at(model: "PreTrainedModel", n_layers: int, place: Place, edit: Edit) -> AbstractContextManager[None]:
    """editing_site, or where the place is empty editing_layers."""
    return editing_site(model, n_layers, place, edit) if place else editing_layers(model, n_layers, edit)


@contextmanager
def reading_site(model: "PreTrainedModel", n_layers: int, site: Site, on_layer: OnLayer) -> Iterator[None]:
    """Call `on_layer(layer, values [batch, pieces, width])` for blocks 1..n_layers during each forward pass inside.

    Args:
        model: a backbone.
        n_layers: how many blocks a text runs through.
        site: "mlp", the intermediate units after their activation; "heads", what the heads give side by side, head h in columns
            h * width / n_heads and on.
        on_layer: receives each block's values; it must not change them.
    Raises:
        CheckpointNotFound: the family has no such place that is known, on entering; during a pass, values that are not of
            these pieces.
    """
    shape = (0, 0)

    def at_start(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        nonlocal shape
        shape = tuple((args[0] if args else kwargs["input_ids"]).shape)

    def read(layer: int, values: torch.Tensor) -> torch.Tensor:
        if values.ndim != 3 or tuple(values.shape[:2]) != shape:
            raise CheckpointNotFound(
                f"Reading the {SITES[site]} of block {layer} of a {type(model).__name__}.",
                f"They have shape {tuple(values.shape)} for {shape[0]} sentences of {shape[1]} pieces.",
                "Read the layers' states, or use another family.",
            )
        on_layer(layer, values)
        return values

    handle = model.register_forward_pre_hook(at_start, with_kwargs=True)
    try:
        with editing_site(model, n_layers, site, read):
            yield
    finally:
        handle.remove()


@contextmanager
def editing_site(model: "PreTrainedModel", n_layers: int, site: Site, edit: Edit) -> Iterator[None]:
    """Put `edit(layer, values [batch, pieces, width])` in place of a site's numbers in blocks 1..n_layers in each pass inside.

    The matrix that mixes them is given the edited numbers; a skip connection around the MLP or the attention carries none of them.

    Args:
        model: a backbone.
        n_layers: how many blocks a text runs through.
        site: as of `reading_site`.
        edit: gives a tensor of the same shape and dtype, or the one it was given; it must not write into that.
    Raises:
        CheckpointNotFound: the family has no such place that is known, on entering.
    """
    next_layer = 1
    is_turned = model.config.model_type in PIECES_FIRST

    def at_start(_: nn.Module, _args: Any) -> None:
        nonlocal next_layer
        next_layer = 1

    def before(_: nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        nonlocal next_layer
        layer, next_layer = next_layer, next_layer + 1
        if is_turned:
            return (edit(layer, args[0].transpose(0, 1)).transpose(0, 1), *args[1:])
        return (edit(layer, args[0]), *args[1:])

    handles = [matrix.register_forward_pre_hook(before) for matrix in _matrices(model, n_layers, site)]
    handles.append(model.register_forward_pre_hook(at_start))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _matrices(model: "PreTrainedModel", n_layers: int, site: Site) -> list[nn.Module]:
    """The matrix of each block that is given the site's numbers."""
    family = model.config.model_type
    name = next((name for name, families in INTO[site].items() if family in families), None)
    try:
        if name is None:
            raise AttributeError
        return [block.get_submodule(name) for block in blocks(model, n_layers)]
    except AttributeError:
        raise CheckpointNotFound(
            f"Finding the {SITES[site]} in the blocks of a {type(model).__name__}.",
            f"Where they are is not known for the family {family!r}.",
            f"Read the layers' states, or use a checkpoint of {', '.join(known_families(site))}.",
        ) from None
