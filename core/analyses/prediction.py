"""Does what a probe reads from a layer foretell what it costs to reset the block below it?"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from core.analyses.ablation import Ablation, AblationScores
from core.analyses.base import Run
from core.analyses.probe import Probe, ProbeScores
from core.analyses.scoring import MEASURES
from core.errors import IncompatibleRefs, SpecInvalid
from core.keys import Result, Spec

ONE_BLOCK = "Reinitialise one block"
"""The experiment that says what each block alone is worth."""


@dataclass(frozen=True, kw_only=True)
class Prediction(Spec, kind="prediction"):
    """What a probe of the base reads from each layer, beside the loss of a tuning that begins with that block drawn anew."""

    title: ClassVar[str] = "Probe against reinitialisation"
    sources: ClassVar[tuple[str, ...]] = ("Tamkin et al. 2020, arXiv 2004.14975",)
    seconds_per_unit: ClassVar[float] = 0.05

    probe: Probe
    ablation: Ablation

    def validate(self) -> None:
        asked = "Comparing a probe with what resetting costs."
        if self.ablation.experiment != ONE_BLOCK:
            raise SpecInvalid(asked, f"The experiment is “{self.ablation.experiment}”.", f"Use “{ONE_BLOCK}”.")
        if self.probe.embed.checkpoint != self.ablation.of.checkpoint:
            raise IncompatibleRefs(asked, "The probe reads another checkpoint than the runs begin with.", "Use one.")


@dataclass(frozen=True, kw_only=True)
class Predicted(Result):
    """One row a block."""

    blocks: pd.DataFrame
    """block (0 = the lowest), layer (which it writes: block + 1), probe (accuracy of the probe there), cost (score of the intact
    network less that without the block's weights, mean over seeds), sd (of the cost over seeds, NaN for one)."""
    measure: str
    """What cost is counted in."""
    n_seeds: int


def compute(spec: Prediction, inputs: dict[str, Any], run: Run) -> Predicted:
    """Set beside each other."""
    probe: ProbeScores = inputs["probe"]
    found: AblationScores = inputs["ablation"]
    measure = MEASURES[spec.ablation.of.goal][0]
    scores = found.trials[found.trials["measure"] == measure].pivot(index="at", columns="seed", values="score")
    run.step(0, 1, "blocks")
    intact = scores.loc[spec.ablation.asked.intact(spec.ablation.n_blocks)]
    rows = []
    for block in range(spec.ablation.n_blocks):
        cost = (intact - scores.loc[str(block)]).to_numpy()
        rows.append({
            "block": block, "layer": block + 1, "probe": float(probe.accuracy[block + 1].mean()), "cost": float(cost.mean()),
            "sd": float(cost.std(ddof=1)) if len(cost) > 1 else float(np.nan),
        })  # fmt: skip
    return Predicted(blocks=pd.DataFrame(rows), measure=measure, n_seeds=spec.ablation.n_seeds)
