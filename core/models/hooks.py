"""Reading every layer in one forward pass: hooks as a context manager, always taken off on leaving.

Layer 0 is what the first block is given (the embedding output); layer i is what block i returns. Both are read by
hooks rather than from `hidden_states`, whose last entry is after a final norm in some families and not in others.
Each state is handed on at once and not kept, so that memory does not grow with depth.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

OnLayer = Callable[[int, torch.Tensor], None]


@contextmanager
def reading_layers(blocks: Sequence[nn.Module], on_layer: OnLayer) -> Iterator[None]:
    """Call `on_layer(layer, hidden [batch, pieces, width])` for layers 0..L during each forward pass inside.

    Args:
        blocks: the transformer blocks, bottom to top.
        on_layer: receives each state; it must not change it.
    """

    def before_first(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        on_layer(0, args[0] if args else kwargs["hidden_states"])

    def after(layer: int) -> Callable[..., None]:
        def hook(_module: nn.Module, _args: Any, output: Any) -> None:
            on_layer(layer, output if isinstance(output, torch.Tensor) else output[0])

        return hook

    handles = [blocks[0].register_forward_pre_hook(before_first, with_kwargs=True)]
    handles += [block.register_forward_hook(after(i)) for i, block in enumerate(blocks, start=1)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
