"""A network, or blocks of it, drawn anew, shuffled, left out or held fast before a checkpoint is tuned (papers B and C)."""

from typing import TYPE_CHECKING

import torch
from torch import nn

from core.errors import SpecInvalid
from core.models.hooks import blocks
from core.refs import Surgery

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def operate(model: "PreTrainedModel", surgery: Surgery, *, seed: int) -> None:
    """Change a model in place: shuffle, leave out, draw anew, and say what is not trained.

    Args:
        model: with its head.
        surgery: what to do.
        seed: of the weights that are drawn; no other random number is touched.
    Raises:
        SpecInvalid: a block that the model does not have, or a family whose layers share one block.
        CheckpointNotFound: its blocks are not found.
    """
    if surgery == Surgery():
        return
    n = int(model.config.num_hidden_layers)
    if surgery.from_scratch:
        _begin_anew(model, seed)
    parts = blocks(model.base_model, n)
    asked = f"Changing the blocks of a {type(model).__name__}."
    if len(parts) != n:
        raise SpecInvalid(asked, "Its layers share one block.", "Use a family with a block a layer.")
    kept = n if surgery.n_kept is None else surgery.n_kept
    highest = max([*surgery.reset, -1])
    if kept > n or surgery.n_frozen > kept or highest >= kept or (surgery.order and len(surgery.order) != n):
        raise SpecInvalid(
            asked,
            f"It has {n} blocks; kept {kept}, frozen {surgery.n_frozen}, reset {surgery.reset}, order {surgery.order}.",
            "Name blocks that are there.",
        )
    before = list(parts)
    for place, block in enumerate(surgery.order):
        parts[place] = before[block]
    del parts[kept:]
    model.config.num_hidden_layers = kept
    draw = torch.Generator().manual_seed(seed)
    for block in surgery.reset:
        _reset(parts[block], surgery, model.config, draw)
    pooler = getattr(model.base_model, "pooler", None)
    if surgery.resets_pooler and pooler is not None:
        _reset(pooler, surgery, model.config, draw)
    if surgery.skips_pooler:
        if pooler is None:
            raise SpecInvalid(
                asked, "Its head reads no pooler.", "Leave this out; the head reads the last block already."
            )
        model.base_model.pooler = FirstPiece()
    if surgery.n_frozen:
        _freeze(model, parts, surgery.n_frozen)
    _try(model, asked)


class FirstPiece(nn.Module):
    """Stands in for a pooler: the state of the first piece as it is."""

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Of states [batch, pieces, width] those of the first piece [batch, width]."""
        return states[:, 0]


def _reset(block: nn.Module, surgery: Surgery, config: object, draw: torch.Generator) -> None:
    sd = float(getattr(config, "initializer_range", 0.02))
    # The authors' code gave SciPy's truncnorm its bounds as weights; it takes them in standard deviations.
    bound = 2 * sd if surgery.scale == "bert" else 2 * sd * sd
    for part in block.modules():
        kind = type(part).__name__
        for name, weight in part.named_parameters(recurse=False):
            if "norm" in kind.lower():
                if not surgery.keeps_norms:
                    # Gemma's norms hold what is added to 1.
                    nn.init.constant_(weight, 0.0 if name == "bias" or kind.startswith("Gemma") else 1.0)
            elif weight.ndim >= 2 and not isinstance(part, nn.Embedding) and "bias" not in name and "embed" not in name:
                # Drawn on the CPU whatever the device, so that a seed means the same weights. XLNet has weights of three axes.
                fresh = nn.init.trunc_normal_(torch.empty(weight.shape), std=sd, a=-bound, b=bound, generator=draw)
                with torch.no_grad():
                    weight.copy_(fresh)


def _begin_anew(model: "PreTrainedModel", seed: int) -> None:
    """Weights as a network of this family begins with; other random numbers are not disturbed."""
    own = model.base_model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = type(own)(own.config).state_dict()
    # Some heads leave the pooler out, which a network by itself has.
    own.load_state_dict({name: fresh[name] for name in own.state_dict()})


def _freeze(model: "PreTrainedModel", parts: nn.ModuleList, n_frozen: int) -> None:
    """Hold the first blocks, all that stands before them, and tables of places; what comes after (pooler, last norm) is trained."""
    of_blocks = {id(parameter) for parameter in parts.parameters()}
    # MPNet and DeBERTa keep a table of places beside their blocks, the latter with a norm of its own.
    tables = [part for part in model.base_model.modules() if isinstance(part, nn.Embedding)]
    beside = {id(table.weight) for table in tables} - of_blocks
    is_before = True
    for name, parameter in model.base_model.named_parameters():
        if id(parameter) in of_blocks:
            is_before = False
        elif is_before or id(parameter) in beside or name.startswith("encoder.LayerNorm."):
            parameter.requires_grad = False
    for block in parts[:n_frozen]:
        block.requires_grad_(False)


def _try(model: "PreTrainedModel", asked: str) -> None:
    """Whether the family still runs: some cannot without a block. No random number is drawn."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            model.base_model(
                input_ids=torch.ones(1, 2, dtype=torch.long), attention_mask=torch.ones(1, 2, dtype=torch.long)
            )
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError, NameError) as error:
        raise SpecInvalid(
            asked, f"With {model.config.num_hidden_layers} blocks it no longer runs: {error}.", "Keep a block or more."
        ) from error
    finally:
        model.train(was_training)
