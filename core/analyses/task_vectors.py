"""Whether several tunings moved one base in the same direction: cosines between what they changed, layer by layer."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.analyses.base import Run
from core.analyses.checkpoint import Checkpoint, origin, source_of
from core.analyses.weight_change import WeightChange
from core.errors import SpecInvalid
from core.keys import Result, Spec, key_of
from core.maths.task_vectors import chance_spread, cosines_of, inner_products
from core.models.checkpoints import weight_bytes

MOST = 12
"""Tuned checkpoints that are compared at a time: each is read tensor by tensor beside the others."""


@dataclass(frozen=True, kw_only=True)
class TaskVectors(Spec, kind="task_vectors"):
    """Cosine of tuned minus base between every two tuned checkpoints of one base."""

    title: ClassVar[str] = "Task vectors"
    sources: ClassVar[tuple[str, ...]] = ("Ilharco et al. 2023 on task arithmetic",)
    seconds_per_unit: ClassVar[float] = 1e-9

    base: Checkpoint
    tuned: tuple[Checkpoint, ...]

    def validate(self) -> None:
        if not 2 <= len(self.tuned) <= MOST or len({key_of(one) for one in self.tuned}) < len(self.tuned):
            raise SpecInvalid(
                f"Comparing {len(self.tuned)} tunings.",
                "Too few, too many, or one of them twice.",
                f"Choose 2 to {MOST} different ones.",
            )

    def dependencies(self) -> dict[str, Spec]:
        """As of any pair of base and tuned, one pair a tuned checkpoint: tuned.0, tuned.1.run ..."""
        found: dict[str, Spec] = {}
        for at, one in enumerate(self.tuned):
            pair = WeightChange(base=self.base, tuned=one).dependencies()
            found |= {name.replace("tuned", f"tuned.{at}", 1): needed for name, needed in pair.items()}
        return found

    def cost(self) -> tuple[float, float]:
        """Work in bytes of weights read; a few kilobytes kept."""
        return float(1 + len(self.tuned)) * weight_bytes(origin(self.base)), 1e4


@dataclass(frozen=True, kw_only=True)
class TaskCosines(Result):
    """Tunings in the order of the spec."""

    layers: np.ndarray
    """Cosines, float64 [L+1, tunings, tunings], -1..1, 0 = unrelated; layer 0 holds the embeddings and all that is in no
    block; NaN where a tuning left a layer as it was."""
    overall: np.ndarray
    """The same over all weights [tunings, tunings]."""
    layers_chance: np.ndarray
    """Standard deviation of each of these cosines, with a mean of 0, were the signs of all changes random and independent,
    float64 [L+1, tunings, tunings], 0..1, 0 = no weight moved in both; NaN as above."""
    overall_chance: np.ndarray
    """The same over all weights [tunings, tunings]."""
    change: np.ndarray
    """Frobenius norm of tuned minus base over that of base, float64 [L+1, tunings], 0 = untouched."""
    n_weights: np.ndarray
    """Numbers compared in each layer, int64 [L+1], those that no tuning moved among them."""


def compute(spec: TaskVectors, inputs: dict[str, Any], run: Run) -> TaskCosines:
    """Tensor by tensor. Raises IncompatibleRefs as core.models.shared_weights."""
    from core.models.shared_weights import SharedWeights
    from core.models.weights import block_of

    shared = SharedWeights(
        source_of(spec.base, inputs, "base"),
        [source_of(one, inputs, f"tuned.{at}") for at, one in enumerate(spec.tuned)],
    )
    depth, k = shared.shape.n_layers, len(spec.tuned)
    products: dict[int, np.ndarray] = defaultdict(lambda: np.zeros((k, k)))
    squares: dict[int, np.ndarray] = defaultdict(lambda: np.zeros((k, k)))
    norms: dict[int, float] = defaultdict(float)
    sizes: dict[int, int] = defaultdict(int)
    for done, name in enumerate(shared.names, start=1):
        before, after = shared.get(name)
        at = block_of(name)
        layer = at[0] + 1 if at else 0
        changes = [one - before for one in after]
        products[layer] += inner_products(changes)
        squares[layer] += inner_products([np.square(one, out=one) for one in changes])
        norms[layer] += float(np.sum(before**2))
        sizes[layer] += before.size
        run.step(done, len(shared.names), "tensors")
    own = [min(layer, shared.shape.n_blocks) for layer in range(depth + 1)]  # layers may share one block
    grams, of_squares = (np.stack([held[layer] for layer in own]) for held in (products, squares))
    scale = np.array([norms[layer] for layer in own])[:, None]
    moved = np.diagonal(grams, axis1=1, axis2=2)
    return TaskCosines(
        layers=cosines_of(grams),
        overall=cosines_of(sum(products.values())),
        layers_chance=chance_spread(grams, of_squares),
        overall_chance=chance_spread(sum(products.values()), sum(squares.values())),
        change=np.sqrt(np.divide(moved, scale, out=np.full(moved.shape, np.nan), where=scale > 0)),
        n_weights=np.array([sizes[layer] for layer in own], dtype=np.int64),
    )
