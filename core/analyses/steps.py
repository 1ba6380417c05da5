"""A run's steps beside its base: what several analyses ask of them, and their common rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import shared_rows
from core.analyses.embed import Embed, Embeddings, read_the_same
from core.analyses.fine_tune import FineTune, Snapshot
from core.errors import CheckpointDamaged, IncompatibleRefs, SpecInvalid
from core.keys import Spec

MOST = 24
"""Steps looked at together."""


@dataclass(frozen=True, kw_only=True)
class OverSteps(Spec):
    """What is asked of a base and of the steps of its run, read alike."""

    base: Embed
    steps: tuple[Embed, ...]
    """Checkpoints of one run, the earliest first; of maps, tunings in the order of their panels too."""

    def validate(self) -> None:
        """Refuse none or too many steps (SpecInvalid), and steps that read other text (IncompatibleRefs)."""
        if not 1 <= len(self.steps) <= MOST:
            raise SpecInvalid(f"{self.title}.", f"{len(self.steps)} steps.", f"Use 1 to {MOST}.")
        for one in self.steps:
            read_the_same(self.base, one)

    def dependencies(self) -> dict[str, Spec]:
        """base, step.0, step.1 …"""
        return {"base": self.base, **{f"step.{at}": one for at, one in enumerate(self.steps)}}


def numbers_of(steps: Sequence[Embed]) -> tuple[int, ...]:
    """The training step of each; of checkpoints that no run of ours made, 1, 2, 3 …"""
    found = []
    for at, one in enumerate(steps, start=1):
        held = one.checkpoint
        found.append(held.step if isinstance(held, Snapshot) else held.n_steps if isinstance(held, FineTune) else at)
    return tuple(found)


class Stepped:
    """A base and the steps of its run, on the rows that all of them have."""

    def __init__(self, inputs: dict[str, Any], n_steps: int, asked: str) -> None:
        """`inputs`: as of with_steps. Raises IncompatibleRefs where steps read other words or are of another shape."""
        self._asked = asked
        self.base: Embeddings = inputs["base"]
        self._steps: list[Embeddings] = [inputs[f"step.{at}"] for at in range(n_steps)]
        first = self._steps[0]
        for one in self._steps:
            if not (np.array_equal(one.sentence, first.sentence) and np.array_equal(one.word, first.word)):
                raise IncompatibleRefs(asked, "The steps read other words.", "Use the steps of one run.")
            if len(one.layers) != len(self.base.layers) or one.layers[0].shape[1] != self.base.layers[0].shape[1]:
                raise IncompatibleRefs(
                    asked, "The steps have another shape than the base.", "Use the steps of its run."
                )
        self.in_base, self._in_steps = shared_rows((self.base.sentence, self.base.word), (first.sentence, first.word))
        self.depth = len(self.base.layers)

    def vectors(self, layer: int) -> list[NDArray[np.float32]]:
        """Rows of a layer, of the base and then of each step, float32 [n, width] each; every state is read once.

        Raises CheckpointDamaged where a step's are no numbers.
        """
        found = [np.asarray(self.base.layers[layer][self.in_base], dtype=np.float32)]
        for at, one in enumerate(self._steps):
            rows = np.asarray(one.layers[layer][self._in_steps], dtype=np.float32)
            if not np.isfinite(rows).all():
                raise CheckpointDamaged(
                    self._asked,
                    f"States of step {at + 1} of {len(self._steps)} at layer {layer} are not numbers.",
                    "Leave that step out, or tune again.",
                )
            found.append(rows)
        return found
