"""Places inside a block, and what their matrices are called in each family: told without torch."""

from typing import Literal

Site = Literal["mlp", "heads"]
Place = Literal["", "mlp", "heads"]
"""A site inside the blocks, or the layers' states."""

SITES: dict[Site, str] = {"mlp": "MLP units", "heads": "attention heads' outputs"}
"""Places inside a block, and what they are called."""
INTO: dict[Site, dict[str, tuple[str, ...]]] = {
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
PRODUCTS = ("llama", "mistral", "qwen2", "qwen3", "modernbert", "t5")
"""Families whose MLP units are products of two numbers, which half precision does not always hold."""


def known_families(site: Site) -> tuple[str, ...]:
    """Whose site can be read, by the model_type of their configuration, in alphabetical order."""
    return tuple(sorted({one for families in INTO[site].values() for one in families}))
