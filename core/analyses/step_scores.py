"""What a run's head scores at each step that was kept."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from core.analyses.base import Run
from core.analyses.fine_tune import FineTune, TunedCheckpoint, asked_again
from core.analyses.goals import prepared
from core.analyses.scoring import MEASURES
from core.data.load import sample_size
from core.errors import SpecInvalid
from core.keys import Result, Spec


@dataclass(frozen=True, kw_only=True)
class StepScores(Spec, kind="step_scores"):
    """The head of each step that was kept answers the dev examples of its run."""

    title: ClassVar[str] = "Scores over training"
    sources: ClassVar[tuple[str, ...]] = ("Zhou & Srikumar 2022, arXiv 2106.14282",)
    seconds_per_unit: ClassVar[float] = 5e-3

    run: FineTune

    def validate(self) -> None:
        if not self.run.snapshots:
            raise SpecInvalid("Scoring a run step by step.", "It kept no steps.", "Tune it again with steps to keep.")

    def cost(self) -> tuple[float, float]:
        """Work in dev examples read; a small table."""
        return float(sample_size(self.run.dev) * (1 + len(self.run.snapshots))), 1e4


@dataclass(frozen=True, kw_only=True)
class ScoresOverSteps(Result):
    """Scores of a head over steps."""

    measure: str
    """Of core.analyses.scoring.MEASURES."""
    scores: pd.DataFrame
    """step, score, low, high (95 % over dev examples), the end of the run last."""
    guessing: float
    """The score of always answering the same."""
    n: int
    """Dev rows."""


def compute(spec: StepScores, inputs: dict[str, Any], run: Run) -> ScoresOverSteps:
    """Answer step by step. Raises CheckpointDamaged for a step's file that is gone or damaged."""
    from core.models.changes import changes_file

    tuned: TunedCheckpoint = inputs["run"]
    task, steps = prepared(spec.run), [*spec.run.snapshots, None]
    rows = []
    for done, step in enumerate(steps):
        run.step(done, len(steps), "steps")
        scored = asked_again(spec.run, task, changes_file(tuned.changes, step), run)
        number = spec.run.n_steps if step is None else step
        rows.append((number, scored.score.value, scored.score.low, scored.score.high))
    run.step(len(steps), len(steps), "steps")
    return ScoresOverSteps(
        measure=MEASURES[spec.run.goal][0],
        scores=pd.DataFrame(rows, columns=["step", "score", "low", "high"]),
        guessing=tuned.majority,
        n=len(scored.answers),
    )
