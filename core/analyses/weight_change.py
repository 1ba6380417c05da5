"""How far the weights moved: relative change of each block, read from the files without building a model."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from core.analyses.base import Run
from core.analyses.checkpoint import Checkpoint, origin, source_of
from core.keys import Result, Spec
from core.models.checkpoints import weight_bytes


@dataclass(frozen=True, kw_only=True)
class WeightChange(Spec, kind="weight_change"):
    """Frobenius norm of the difference over that of base, per block."""

    title: ClassVar[str] = "Weight change"
    sources: ClassVar[tuple[str, ...]] = ("Billa 2026, arXiv 2604.17177, on setting weights beside representations",)
    seconds_per_unit: ClassVar[float] = 1e-9

    base: Checkpoint
    tuned: Checkpoint

    def cost(self) -> tuple[float, float]:
        """Work in bytes of weights read; a few kilobytes kept."""
        return 2.0 * weight_bytes(origin(self.base)), 1e4


@dataclass(frozen=True, kw_only=True)
class WeightChanges(Result):
    """Relative change, 0 = untouched."""

    layers: np.ndarray
    """Layers 0 (embeddings) to L, float64 [L+1]; one value for all layers that share one block."""
    tensors: pd.DataFrame
    """layer, tensor, relative change, norm in base; one row a weight tensor."""
    n_parameters: int
    """Numbers compared."""


def compute(spec: WeightChange, inputs: dict[str, Any], run: Run) -> WeightChanges:
    """Compare tensor by tensor. Raises IncompatibleRefs as core.models.shared_weights."""
    from core.models.shared_weights import SharedWeights
    from core.models.weights import block_of

    base, tuned = (source_of(ref, inputs, side) for side, ref in (("base", spec.base), ("tuned", spec.tuned)))
    shared = SharedWeights(base, [tuned])
    depth, n_blocks = shared.shape.n_layers, shared.shape.n_blocks
    rows: list[dict[str, Any]] = []
    changed: dict[int, float] = defaultdict(float)
    norms: dict[int, float] = defaultdict(float)
    n_parameters = 0
    for done, name in enumerate(shared.names, start=1):
        before, (after,) = shared.get(name)
        place = block_of(name)
        layer, short = (
            (place[0] + 1, place[1]) if place else (0, name)
        )  # what is in no block counts with the embeddings
        moved, norm = float(np.sum((after - before) ** 2)), float(np.sum(before**2))
        changed[layer] += moved
        norms[layer] += norm
        n_parameters += before.size
        relative = (moved / norm) ** 0.5 if norm else float("nan")
        rows.append({"layer": layer, "tensor": short, "relative_change": relative, "norm": norm**0.5})
        run.step(done, len(shared.names), "tensors")
    if n_blocks == 1:
        changed |= dict.fromkeys(range(2, depth + 1), changed[1])
        norms |= dict.fromkeys(range(2, depth + 1), norms[1])
    return WeightChanges(
        layers=np.array([(changed[i] / norms[i]) ** 0.5 if norms[i] else np.nan for i in range(depth + 1)]),
        tensors=pd.DataFrame(rows).sort_values(["layer", "tensor"], ignore_index=True),
        n_parameters=n_parameters,
    )
