"""Weights between a start and what tuning made of them, part by part: blocks put back, swapped, scaled, or added to."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open

from core.errors import CheckpointDamaged, IncompatibleRefs
from core.models.changes import Changes
from core.models.weights import block_of, stored_tensors

LowRank = tuple[torch.Tensor, torch.Tensor]

_BELOW = re.compile(r"emb|wte|wpe|shared|project_in|relative_attention_bias|^encoder\.(LayerNorm|conv)\.")
"""Outside the blocks, what the first of them is given, or all of them use: embeddings, and DeBERTa's and MPNet's positions."""
_ABOVE = re.compile(r"^pooler|(^|\.)(ln_f|final_norm|final_layer_norm|norm|project_out)\.")
"""Outside the blocks, what a head reads through: the norm that some families put after the last block."""


@dataclass(frozen=True)
class Added:
    """A tuning's change, and how much of it each part takes."""

    changes: Changes
    shares: Sequence[float]
    """Of the embeddings, then of each block; 0 = as it was, 1 = as tuned, -1 = as far the other way."""


def part_of(name: str) -> int | None:
    """Which part a tensor of a backbone belongs to, by its own name: 0 = embeddings, i = block i from 1; None for what lies above
    the last block, a pooler or a norm, through which heads read.

    Raises:
        IncompatibleRefs: a family whose tensors do not say so.
    """
    found = block_of(name)
    if found is not None:
        return found[0] + 1
    if _BELOW.search(name):
        return 0
    if _ABOVE.search(name):
        return None
    raise IncompatibleRefs(
        f"Grafting {name}.",
        "Which layer it belongs to is not known of this family.",
        "Take a checkpoint of another family.",
    )


def grafted(
    start: Path, sides: Sequence[Added], *, check: Callable[[], None]
) -> tuple[dict[str, torch.Tensor], dict[str, LowRank]]:
    """The changes that make a start into the graft.

    Args:
        start: folder of the checkpoint that all sides were tuned from.
        sides: what is added up; the head, with the pooler or last norm it reads through, is the first side's, whatever its shares.
        check: called at each tensor; may raise to stop.
    Returns:
        (portable name -> tensor kept whole, portable name -> (up [n_out, rank], down [rank, n_in])), float32, as
        core.models.changes.write_changes takes them. With shares of 1 of one side alone, its own changes to the bit; with
        shares of 0, the head alone.
    Raises:
        CheckpointDamaged: a change that does not fit the start.
        IncompatibleRefs: as part_of.
    """
    known = stored_tensors(start)
    whole: dict[str, torch.Tensor] = {}
    low_rank: dict[str, LowRank] = {}
    for name in sorted({name for side in sides for name in side.changes.names()}):
        check()
        short = name.removeprefix("backbone/")
        part = None if name.startswith("head/") else part_of(short)
        if part is None:
            if name in sides[0].changes.names():
                whole[name] = sides[0].changes.applied(name, _before(known, short))
            continue
        taken = [(side.changes, side.shares[part]) for side in sides if name in side.changes.names()]
        taken = [(changes, share) for changes, share in taken if share]
        thin = [changes.low_rank(name) for changes, _ in taken]
        if not taken:
            continue
        if len(taken) == 1 and taken[0][1] == 1 and thin[0] is None:
            whole[name] = taken[0][0].applied(name, _before(known, short))
        elif all(one is not None for one in thin):
            pairs = [(up * share, down) for (up, down), (_, share) in zip(thin, taken, strict=True)]  # type: ignore[misc]
            low_rank[name] = torch.cat([up for up, _ in pairs], dim=1), torch.cat([down for _, down in pairs])
        else:
            old = _before(known, short)
            if old is None:
                raise CheckpointDamaged(
                    f"Grafting {name}.", "The start has no such tensor.", "Put the checkpoint back that was tuned."
                )
            steps = (share * (changes.applied(name, old) - old) for changes, share in taken)
            whole[name] = old + sum(steps, torch.zeros_like(old))
    _refuse_what_is_no_number(whole, low_rank)
    return whole, low_rank


def _refuse_what_is_no_number(whole: Mapping[str, torch.Tensor], low_rank: Mapping[str, LowRank]) -> None:
    for name, tensors in (*((name, (one,)) for name, one in whole.items()), *low_rank.items()):
        if not all(bool(torch.isfinite(one).all()) for one in tensors):
            raise CheckpointDamaged(
                f"Grafting {name}.",
                "Some of its weights are not numbers.",
                "Take another step of the run, or tune again.",
            )


def _before(known: Mapping[str, tuple[Path, str]], short: str) -> torch.Tensor | None:
    """A tensor of the start as float32, by the backbone's own name; None where it has none."""
    if short not in known:
        return None
    path, full = known[short]
    with safe_open(path, framework="pt") as file:
        tensor: torch.Tensor = file.get_tensor(full)
    return tensor.float()
