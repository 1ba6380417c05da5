"""Reading inside the blocks: what the MLP's units say, and what the attention heads give, before either is mixed.

Both are what a matrix of the block is given: the MLP's output matrix takes its intermediate units, after their activation; the
attention's output matrix takes the heads' outputs side by side. So one pre-hook on that matrix reads either, in every family
whose matrix is a module of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from core.errors import CheckpointNotFound
from core.models.hooks import PIECES_FIRST, OnLayer, blocks

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Site = Literal["mlp", "heads"]

SAID: dict[Site, str] = {"mlp": "MLP units", "heads": "attention heads' outputs"}
"""What a site is called."""
_INTO: dict[Site, dict[str, tuple[str, ...]]] = {
    "mlp": {
        "output.dense": ("bert", "roberta", "xlm-roberta", "camembert", "electra", "mpnet", "deberta", "deberta-v2"),
        "ffn.lin2": ("distilbert",),
        "mlp.c_proj": ("gpt2",),
        "mlp.down_proj": ("llama", "mistral", "qwen2", "qwen3"),
        "mlp.dense_4h_to_h": ("gpt_neox",),
        "mlp.Wo": ("modernbert",),
        "albert_layers.0.ffn_output": ("albert",),
        "ff.layer_2": ("xlnet",),
        "layer.1.DenseReluDense.wo": ("t5",),
    },
    "heads": {
        "attention.output.dense": ("bert", "roberta", "xlm-roberta", "camembert", "electra", "deberta", "deberta-v2"),
        "attention.attn.o": ("mpnet",),
        "attention.out_lin": ("distilbert",),
        "attn.c_proj": ("gpt2",),
        "self_attn.o_proj": ("llama", "mistral", "qwen2", "qwen3"),
        "attention.dense": ("gpt_neox",),
        "attn.Wo": ("modernbert",),
        "albert_layers.0.attention.dense": ("albert",),
        "layer.0.SelfAttention.o": ("t5",),
    },
}
"""By name within a block: the matrix that is given the site's numbers, and the families where it is called so."""


def n_heads(model: "PreTrainedModel") -> int:
    """Attention heads of a block."""
    return int(model.config.num_attention_heads)


def width_of(model: "PreTrainedModel", n_layers: int, site: Site) -> int:
    """Numbers of a site in one block. Raises CheckpointNotFound where the family has no such place that is known."""
    weight = _matrices(model, n_layers, site)[0].get_parameter("weight")
    # GPT-2's matrices stand the other way round.
    return weight.shape[0] if model.config.model_type == "gpt2" else weight.shape[1]


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
    next_layer, shape = 1, (0, 0)

    def at_start(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        nonlocal next_layer, shape
        next_layer, shape = 1, tuple((args[0] if args else kwargs["input_ids"]).shape)

    def before(_: nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        nonlocal next_layer
        values = args[0].transpose(0, 1) if model.config.model_type in PIECES_FIRST else args[0]
        if values.ndim != 3 or tuple(values.shape[:2]) != shape:
            raise CheckpointNotFound(
                f"Reading the {SAID[site]} of block {next_layer} of a {type(model).__name__}.",
                f"They have shape {tuple(values.shape)} for {shape[0]} sentences of {shape[1]} pieces.",
                "Read the layers' states, or use another family.",
            )
        on_layer(next_layer, values)
        next_layer += 1

    handles = [matrix.register_forward_pre_hook(before) for matrix in _matrices(model, n_layers, site)]
    handles.append(model.register_forward_pre_hook(at_start, with_kwargs=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _matrices(model: "PreTrainedModel", n_layers: int, site: Site) -> list[nn.Module]:
    """The matrix of each block that is given the site's numbers."""
    family = model.config.model_type
    name = next((name for name, families in _INTO[site].items() if family in families), None)
    try:
        if name is None:
            raise AttributeError
        return [block.get_submodule(name) for block in blocks(model, n_layers)]
    except AttributeError:
        known = sorted({one for families in _INTO[site].values() for one in families})
        raise CheckpointNotFound(
            f"Finding the {SAID[site]} in the blocks of a {type(model).__name__}.",
            f"Where they are is not known for the family {family!r}.",
            f"Read the layers' states, or use a checkpoint of {', '.join(known)}.",
        ) from None
