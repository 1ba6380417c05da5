"""The weights of a base and of what was tuned from it, opened side by side."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import IncompatibleRefs
from core.models.checkpoints import Shape, shape
from core.models.sources import Source
from core.models.weights import Tensors, read_tensors


class SharedWeights:
    """Tensors that a base and one or more tuned checkpoints share, one at a time.

    Raises:
        IncompatibleRefs: they differ in depth, share blocks in groups, or share no tensor name.
        CheckpointNotFound, CheckpointDamaged, SpecInvalid: as read_tensors.
    """

    def __init__(self, base: Source, tuned: Sequence[Source]) -> None:
        self.shape: Shape = shape(base.folder)
        """Of the base, and so of all."""
        depth, n_blocks = self.shape.n_layers, self.shape.n_blocks
        for side in tuned:
            other = shape(side.folder)
            if (depth, n_blocks) != (other.n_layers, other.n_blocks) or n_blocks not in (1, depth):
                raise IncompatibleRefs(
                    "Comparing weights.",
                    "The checkpoints differ in depth, or share blocks in groups.",
                    "Choose checkpoints of one shape.",
                )
        self._base: Tensors = read_tensors(base)
        self._tuned = [read_tensors(side) for side in tuned]
        self.names = sorted(self._base.names().intersection(*(side.names() for side in self._tuned)))
        """Of the tensors that all have."""
        if not self.names:
            raise IncompatibleRefs("Comparing weights.", "They share no tensor name.", "Choose one family.")

    def get(self, name: str) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
        """One tensor of the base and of each tuned checkpoint. Raises IncompatibleRefs for unequal shapes."""
        before, after = self._base.get(name), [side.get(name) for side in self._tuned]
        for one in after:
            if one.shape != before.shape:
                raise IncompatibleRefs(
                    f"Comparing the weights {name}.",
                    f"Shapes {before.shape} and {one.shape}.",
                    "Choose checkpoints of one size.",
                )
        return before, after
