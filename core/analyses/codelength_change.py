"""Base against tuned codelength, group of sentences by group: is a difference more than noise?"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.analyses.base import Run, facing_layers
from core.analyses.codelength import Codelength, Codelengths, compressions
from core.analyses.probe import refuse_unlike
from core.errors import IncompatibleRefs
from core.keys import Result, Spec
from core.maths.statistics import Estimate, jackknife


@dataclass(frozen=True, kw_only=True)
class CodelengthChange(Spec, kind="codelength_change"):
    """Tuned minus base compression of the same labels."""

    title: ClassVar[str] = "Codelength difference"
    sources: ClassVar[tuple[str, ...]] = ("Voita & Titov 2020", "Nadeau & Bengio 2003 on intervals over splits")
    seconds_per_unit: ClassVar[float] = 0.1

    base: Codelength
    tuned: Codelength

    def validate(self) -> None:
        refuse_unlike(self.base, self.tuned)


@dataclass(frozen=True, kw_only=True)
class CompressionDifference(Result):
    """Change of compression per base layer, tuned layer it faces minus itself; above 0 = easier to find after tuning."""

    difference: tuple[Estimate, ...]
    """Paired over groups of sentences, by a delete-a-group jackknife; noise when the interval holds 0."""


def compute(spec: CodelengthChange, inputs: dict[str, Any], run: Run) -> CompressionDifference:
    """Subtract. Raises IncompatibleRefs where the sides sent other labels."""
    base: Codelengths = inputs["base"]
    tuned: Codelengths = inputs["tuned"]
    if base.labels != tuned.labels or not np.array_equal(base.fold_rows, tuned.fold_rows):
        raise IncompatibleRefs(
            "Comparing two codelengths.", "The tokenizers keep other words.", "Choose text that both can read."
        )
    run.step(1, 1)
    found = []
    for layer, other in enumerate(facing_layers(len(base.bits) - 1, len(tuned.bits) - 1)):
        (one, without), (two, without_too) = (
            compressions(row, base.fold_rows, len(base.labels))
            for row in (base.fold_bits[layer], tuned.fold_bits[other])
        )
        found.append(jackknife(two - one, without_too - without, n=base.n_rows))
    return CompressionDifference(difference=tuple(found))
