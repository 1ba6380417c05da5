"""Reading every layer in one forward pass, or changing it: hooks as a context manager, always taken off on leaving.

Layer 0 is what the first block is given (the embedding output); layer i is what the i-th call of a block returns. Both
are read by hooks rather than from `hidden_states`, whose last entry is after a final norm in some families and not in
others. Each state is handed on at once and not kept, so that memory does not grow with depth.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from core.errors import CheckpointNotFound

if TYPE_CHECKING:
    from transformers import PreTrainedModel

OnLayer = Callable[[int, torch.Tensor], None]
Edit = Callable[[int, torch.Tensor], torch.Tensor]

PIECES_FIRST = ("xlnet",)
"""Families whose blocks hand on [pieces, batch, width]."""
_MORE_THAN_STATES = ("t5", "mt5", "umt5", "longt5", "switch_transformers")
"""Families whose first block hands on the positions for all."""
_SEVERAL = "_tunescope_returns_several"
"""Set on a block by `reading_layers`: whether it returns a state among others, or the state alone."""


def blocks(model: "PreTrainedModel", n_layers: int) -> nn.ModuleList:
    """The transformer blocks, bottom to top: the outermost module list with one entry a layer, the only such beside others.

    A family that uses one block several times (ALBERT) has fewer blocks than layers.

    Raises:
        CheckpointNotFound: none is found.
    """
    if model.config.model_type == "albert":
        return model.encoder.albert_layer_groups
    for module in model.modules():
        lists = [part for part in module.children() if isinstance(part, nn.ModuleList) and len(part) == n_layers]
        # Where several stand side by side (XLM keeps attentions and norms in lists of their own), none holds blocks.
        if len(lists) == 1:
            return lists[0]
        if lists:
            break
    raise CheckpointNotFound(
        f"Finding the {n_layers} blocks of a {type(model).__name__}.", "No such list of modules.", "Use another family."
    )


@contextmanager
def reading_layers(model: "PreTrainedModel", n_layers: int, on_layer: OnLayer) -> Iterator[None]:
    """Call `on_layer(layer, hidden [batch, pieces, width])` for layers 0..n_layers during each forward pass inside.

    Args:
        model: a backbone.
        n_layers: how many blocks it runs through.
        on_layer: receives each state; it must not change it.
    Raises:
        CheckpointNotFound: the blocks are not found, on entering; during a pass, a block that returns what is no state
            of these pieces.
    """
    next_layer, shape = 0, (0, 0)

    def at_start(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        nonlocal next_layer, shape
        next_layer, shape = 0, tuple((args[0] if args else kwargs["input_ids"]).shape)

    def arrived(hidden: torch.Tensor) -> None:
        nonlocal next_layer
        if model.config.model_type in PIECES_FIRST:
            hidden = hidden.transpose(0, 1)
        if tuple(hidden.shape[:2]) != shape:
            raise CheckpointNotFound(
                f"Reading layer {next_layer} of a {type(model).__name__}.",
                f"Its state has shape {tuple(hidden.shape)} for {shape[0]} sentences of {shape[1]} pieces.",
                "Use another family.",
            )
        on_layer(next_layer, hidden)
        next_layer += 1

    def before(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if next_layer == 0:  # a block that is used again is given what it returned
            arrived(args[0] if args else kwargs["hidden_states"])

    def after(module: nn.Module, _args: Any, output: Any) -> None:
        setattr(module, _SEVERAL, not isinstance(output, torch.Tensor))
        arrived(output if isinstance(output, torch.Tensor) else output[0])

    with _hooked(model, n_layers, at_start, before, after):
        yield


@contextmanager
def editing_layers(model: "PreTrainedModel", n_layers: int, edit: Edit) -> Iterator[None]:
    """Put `edit(layer, hidden [batch, pieces, width])` in place of each state 0..n_layers during each forward pass inside.

    What the first block is given and what each block hands on is replaced; a skip connection around a block carries the edited
    state too. An edit that gives back what it was given changes nothing.

    Args:
        model: a backbone.
        n_layers: how many blocks it runs through.
        edit: gives a tensor of the same shape and dtype; it must not write into the one it is given.
    Raises:
        CheckpointNotFound: the blocks are not found, on entering.
    """
    next_layer = 0

    def at_start(_: nn.Module, _args: Any, _kwargs: Any) -> None:
        nonlocal next_layer
        next_layer = 0

    def edited(hidden: torch.Tensor) -> torch.Tensor:
        nonlocal next_layer
        layer, next_layer = next_layer, next_layer + 1
        if model.config.model_type in PIECES_FIRST:
            return edit(layer, hidden.transpose(0, 1)).transpose(0, 1)
        return edit(layer, hidden)

    def before(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        if next_layer > 0:  # a block that is used again is given what it returned
            return args, kwargs
        if args:
            return (edited(args[0]), *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": edited(kwargs["hidden_states"])}

    def after(_module: nn.Module, _args: Any, output: Any) -> Any:
        return edited(output) if isinstance(output, torch.Tensor) else (edited(output[0]), *output[1:])

    with _hooked(model, n_layers, at_start, before, after):
        yield


@contextmanager
def beginning_at(model: "PreTrainedModel", n_layers: int, layer: int, states: torch.Tensor) -> Iterator[None]:
    """Run each forward pass inside from a layer on, with these states in its place.

    The blocks below hand on what they are given, so that they cost nothing; where a family's lower blocks hand on more than a state
    (T5's first one the positions of all), and where `reading_layers` has never seen what form they return a state in, they run, and
    what they return is replaced. Above, all is as with `editing_layers`.

    Args:
        model: a backbone.
        n_layers: how many blocks it runs through.
        layer: 0..n_layers.
        states: of that layer, [batch, pieces, width].
    Raises:
        CheckpointNotFound: the blocks are not found, on entering.
    """

    def put(at: int, hidden: torch.Tensor) -> torch.Tensor:
        return states.to(hidden) if at == layer else hidden

    with ExitStack() as stack:
        # A block that is used several times, and families in which more than states goes upwards, run as they are.
        if len(blocks(model, n_layers)) == n_layers and model.config.model_type not in _MORE_THAN_STATES:
            for block in blocks(model, n_layers)[:layer]:
                if hasattr(block, _SEVERAL):
                    stack.enter_context(_idle(block))
        stack.enter_context(editing_layers(model, n_layers, put))
        yield


@contextmanager
def _idle(block: nn.Module) -> Iterator[None]:
    """A block that hands on the state that it is given, in the form in which it returns one."""

    def forward(*args: Any, **kwargs: Any) -> Any:
        hidden = args[0] if args else kwargs["hidden_states"]
        return (hidden, None) if returns_several else hidden

    returns_several = getattr(block, _SEVERAL)
    block.forward = forward
    try:
        yield
    finally:
        del block.forward  # the class's own shows again


@contextmanager
def _hooked(
    model: "PreTrainedModel",
    n_layers: int,
    at_start: Callable[..., None],
    before: Callable[..., Any],
    after: Callable[..., Any],
) -> Iterator[None]:
    """Hooks before a pass (with keywords), before the first block (likewise) and after each block, taken off on leaving."""
    found = blocks(model, n_layers)
    handles = [model.register_forward_pre_hook(at_start, with_kwargs=True)]
    handles.append(found[0].register_forward_pre_hook(before, with_kwargs=True))
    handles += [block.register_forward_hook(after) for block in found]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
