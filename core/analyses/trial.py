"""A trial: a run from a start that was operated on, of which the scores are kept and not the weights."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from core.analyses.base import Run
from core.analyses.fine_tune import FineTune, prepared, score_answers
from core.errors import SpecInvalid
from core.keys import Result, Spec
from core.maths.statistics import Estimate
from core.models.checkpoints import locate
from core.refs import Surgery

NOTHING = Surgery()


@dataclass(frozen=True, kw_only=True)
class Trial(Spec, kind="trial"):
    """Tune after surgery, and score on the dev examples."""

    title: ClassVar[str] = "Trial of tuning"
    seconds_per_unit: ClassVar[float] = 2.0e-2

    of: FineTune
    """The run as it would be without surgery; it is described here, and not computed."""
    surgery: Surgery = NOTHING

    def validate(self) -> None:
        if self.of.method == "lora" or self.of.snapshots:
            raise SpecInvalid(
                "A trial of tuning.", "It keeps no weights and adds no adapters.", "Tune all weights or the head alone."
            )

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
    """What the head says of the dev examples: example, word (-1 = all of it), gold, guess, confidence (0 to 1)."""
    confusion: np.ndarray
    """Dev rows by gold label (row) and guess (column), int64 [n_labels, n_labels]."""
    accuracy: Estimate
    """Of the head on the dev examples; interval over examples."""
    majority: float
    """Accuracy on the dev examples of always answering the commonest training label."""
    commonest: str
    """That label."""
    n_train: int
    n_steps: int


def compute(spec: Trial, inputs: dict[str, Any], run: Run) -> TrialScores:
    """Tune and answer. Raises as FineTune, SpecInvalid for blocks that are not there."""
    from core.models.tuning import try_out

    task = prepared(spec.of)
    tuned = try_out(
        locate(spec.of.checkpoint),
        run.folder / "trainer",
        surgery=spec.surgery,
        train=task.train,
        targets=task.targets,
        dev=task.dev,
        labels=task.labels,
        recipe=task.recipe,
        device=run.device,
        on_step=run.step,
        on_curve=lambda rows: run.publish("curve", rows),
    )
    scored = score_answers(tuned.answers, task.gold, task.labels)
    return TrialScores(
        labels=task.labels,
        curve=tuned.curve,
        answers=scored.answers,
        confusion=scored.confusion,
        accuracy=scored.accuracy,
        majority=task.majority(scored),
        commonest=task.commonest,
        n_train=len(task.train),
        n_steps=task.recipe.n_steps,
    )
