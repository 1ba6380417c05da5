"""The best change of low rank in place of a change."""

from collections.abc import Callable
from pathlib import Path

import torch

from core.models.changes import Changes
from core.models.sources import Source
from core.models.weights import block_of, read_tensors, stored_tensors

LowRank = tuple[torch.Tensor, torch.Tensor]


def reduced(
    start: Path, changes: Changes, rank: int, *, on_step: Callable[[int, int, str], None]
) -> tuple[dict[str, torch.Tensor], dict[str, LowRank]]:
    """What to keep of a change.

    Args:
        start: folder of the checkpoint that was changed.
        changes: all that changed.
        rank: of each block matrix's change; by truncated singular values, so no change of that rank is nearer.
        on_step: called with (tensors done, tensors in all, note).
    Returns:
        (portable name -> tensor kept whole, float32; portable name -> (up [n_out, rank], down [rank, n_in]), float16). Whole:
        heads, what the start does not have (a fresh pooler), and vectors of blocks. Of low rank: matrices of blocks.
        Everything else, embeddings above all, goes back to the start. Rounding to float16 costs a factor's entries at most
        0.05 % each, far less than the rank costs, and half the bytes.
    """
    before, known = read_tensors(Source(folder=start)), stored_tensors(start)
    whole: dict[str, torch.Tensor] = {}
    low_rank: dict[str, LowRank] = {}
    names = sorted(changes.names())
    for done, name in enumerate(names, start=1):
        short = name.removeprefix("backbone/")
        if short not in known:
            whole[name] = changes.applied(name, None)
        elif block_of(short):
            old = torch.from_numpy(before.get(short)).float()
            new = changes.applied(name, old)
            if new.ndim == 2:
                low_rank[name] = _truncated(new - old, rank)
            else:
                whole[name] = new
        on_step(done, len(names), "tensors")
    return whole, low_rank


def _truncated(change: torch.Tensor, rank: int) -> LowRank:
    u, s, vh = torch.linalg.svd(change.double(), full_matrices=False)
    root = s[:rank].sqrt()
    return (u[:, :rank] * root).half(), (root[:, None] * vh[:rank]).half()
