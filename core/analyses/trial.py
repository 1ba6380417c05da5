"""A trial: a run from a start that was operated on, of which the scores are kept and not the weights."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from core.analyses.base import Run
from core.analyses.fine_tune import FineTune
from core.analyses.goals import prepared
from core.errors import SpecInvalid
from core.keys import Result, Spec
from core.maths.statistics import Estimate
from core.models.checkpoints import locate
from core.refs import NOTHING, Surgery


@dataclass(frozen=True, kw_only=True)
class Trial(Spec, kind="trial", version=2):
    """Tune after surgery, and score on the dev examples."""

    title: ClassVar[str] = "Trial of tuning"
    sources: ClassVar[tuple[str, ...]] = (
        "Tamkin et al. 2020, arXiv 2004.14975",
        "Merchant et al. 2020, arXiv 2004.14448",
    )
    seconds_per_unit: ClassVar[float] = 2.0e-2

    of: FineTune
    """The run as it would be without surgery; it is described here, and not computed."""
    surgery: Surgery = NOTHING

    def validate(self) -> None:
        if self.of.snapshots:
            raise SpecInvalid("A trial of tuning.", "It keeps no weights.", "Ask for no steps to keep.")
        if self.of.surgery != NOTHING:
            raise SpecInvalid("A trial of tuning.", "Its run has a surgery of its own.", "Say it once, in the trial.")
        self.of.check(self.surgery)

    @property
    def kept(self) -> FineTune | None:
        """The same run as a checkpoint, to the bit; None where its network is another than its start's."""
        return None if self.surgery.moves else self.of.replace(surgery=self.surgery)

    def dependencies(self) -> dict[str, Spec]:
        """What the run itself would need: the run is a description here."""
        return self.of.dependencies()

    def cost(self) -> tuple[float, float]:
        """Work in example passes; the dev examples' answers."""
        work, _ = self.of.cost()
        return work, 5e4


@dataclass(frozen=True, kw_only=True)
class TrialScores(Result):
    """How a trial went."""

    labels: tuple[str, ...]
    curve: pd.DataFrame
    """step, loss (mean over the steps since the row before), learning_rate."""
    answers: pd.DataFrame
    """What the head says of the dev examples (core.analyses.goals.Scored)."""
    score: Estimate
    """The main score of the goal on the dev examples; interval over examples."""
    majority: float
    """The same of always answering the same."""
    n_train: int
    n_steps: int
    parts: int
    """Into so many each batch was cut, for want of memory; 1 = none was."""
    n_lost: int = 0
    """As of a TunedCheckpoint."""


def compute(spec: Trial, inputs: dict[str, Any], run: Run) -> TrialScores:
    """Tune and answer. Raises as FineTune, SpecInvalid for blocks that are not there."""
    from core.models.tuning import try_out

    task = prepared(spec.of)
    tuned = try_out(
        locate(spec.of.checkpoint),
        run.folder / "trainer",
        task.lesson,
        surgery=spec.surgery,
        device=run.device,
        on_step=run.step,
        on_curve=lambda rows: run.publish("curve", rows),
    )
    scored = task.score(tuned.answers)
    return TrialScores(
        labels=scored.labels,
        curve=tuned.curve,
        answers=scored.answers,
        score=scored.score,
        majority=scored.majority,
        n_train=tuned.n_taught,
        n_steps=task.lesson.recipe.n_steps,
        parts=tuned.parts,
        n_lost=scored.n_lost,
    )
