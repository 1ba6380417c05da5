"""An experiment as one description that can be shared and run without pages: all its trials, and what they scored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pandas as pd

from core.analyses.base import Run
from core.analyses.checkpoint import shape_of
from core.analyses.experiments import BY_NAME, Experiment, Manner, Point, grid
from core.analyses.fine_tune import FineTune
from core.analyses.goals import goal_name
from core.analyses.scoring import MEASURES, dull, score_of
from core.analyses.trial import TrialScores
from core.data.load import sample_size
from core.errors import SpecInvalid
from core.keys import Result, Spec

Scorer = Callable[[pd.DataFrame, tuple[str, ...], str], tuple[float, float, float, float]]

_FEWEST = 10
"""Examples below which there is nothing to learn from."""


@dataclass(frozen=True, kw_only=True)
class Ablation(Spec, kind="ablation"):
    """Run every trial of an experiment."""

    title: ClassVar[str] = "Ablation experiment"
    sources: ClassVar[tuple[str, ...]] = (
        "Tamkin et al. 2020, arXiv 2004.14975",
        "Merchant et al. 2020, arXiv 2004.14448",
    )
    seconds_per_unit: ClassVar[float] = 1e-3

    experiment: str
    """Name of one of core.analyses.experiments.EXPERIMENTS."""
    of: FineTune
    """The run as it would be without surgery; its seed is the first."""
    n_blocks: int
    """Of its checkpoint. Written down, so that what the experiment needs is known where the checkpoint is not at hand."""
    n_seeds: int = 2
    scale: Literal["bert", "tamkin-code"] = "bert"
    """As in core.analyses.experiments.Manner, likewise the next two."""
    keeps_norms: bool = False
    reset_rate: float = 1.0

    def cites(self) -> tuple[str, ...]:
        """Whose experiment it is."""
        return (BY_NAME[self.experiment].source,)

    def validate(self) -> None:
        if self.experiment not in BY_NAME:
            raise SpecInvalid(
                f"The experiment {self.experiment!r}.", "There is none of that name.", f"Known: {'; '.join(BY_NAME)}."
            )
        if not 1 <= self.n_seeds <= 100:
            raise SpecInvalid(f"An experiment with {self.n_seeds} seeds.", "Out of range.", "Use 1 to 100.")
        if not 1 <= self.n_blocks <= 1000:
            raise SpecInvalid(
                f"An experiment on {self.n_blocks} blocks.", "Out of range.", "Give the checkpoint's own."
            )
        if self.of.method != "full" or self.of.snapshots:
            raise SpecInvalid(
                "An ablation experiment.",
                "It says itself what is trained, and keeps no steps.",
                "Leave both as they are.",
            )

    @property
    def asked(self) -> Experiment:
        """The experiment."""
        return BY_NAME[self.experiment]

    @property
    def points(self) -> list[Point]:
        """Its trials."""
        manner = Manner(scale=self.scale, keeps_norms=self.keeps_norms, reset_rate=self.reset_rate)
        return grid(self.asked, self.of, self.n_blocks, self.n_seeds, manner)

    @property
    def besides(self) -> dict[str, "Ablation"]:
        """What may be drawn in the same figure, by what differs: other experiments with the same places, fewer examples."""
        n_blocks = self.n_blocks
        places = list(self.asked.places(n_blocks))
        found = {
            name: self.replace(experiment=name)
            for name, other in BY_NAME.items()
            if other.is_ordered
            and name != self.experiment
            and (list(other.places(n_blocks)), other.intact(n_blocks)) == (places, self.asked.intact(n_blocks))
        }
        n = sample_size(self.of.train)
        found = found if self.asked.is_ordered else {}
        for share, parts in (("a tenth", 10), ("a hundredth", 100)):
            if n // parts >= _FEWEST:
                fewer = self.of.replace(train=self.of.train.replace(n=n // parts))
                found[f"{share} of the examples ({n // parts:,})"] = self.replace(of=fewer)
        return found

    def elsewhere(self, goals: Sequence[tuple[str, str, str]]) -> dict[str, "Ablation"]:
        """The same experiment on the same examples with another label, by what differs.

        Args:
            goals: (goal, unit, label) that the examples have.
        """
        if self.of.goal != "label":
            return {}
        return {
            f"the same on {goal_name(goal, label)} ({unit}s)": self.replace(of=self.of.replace(unit=unit, label=label))
            for goal, unit, label in goals
            if goal == "label" and (unit, label) != (self.of.unit, self.of.label)
        }

    def dependencies(self) -> dict[str, Spec]:
        """The trials."""
        return {f"{point.at} · seed {point.seed}": point.trial for point in self.points}

    def cost(self) -> tuple[float, float]:
        """Work in trials; a small table. Raises SpecInvalid for another number of blocks than the checkpoint has."""
        _refuse_other_depth(self)
        return float(len(self.points)), 2e4


@dataclass(frozen=True, kw_only=True)
class AblationScores(Result):
    """What the trials scored."""

    trials: pd.DataFrame
    """at, seed, measure, score, low, high (95 % over dev examples; the score itself where it has no interval), guessing (of always
    answering the same), n (dev rows), n_train."""


def compute(spec: Ablation, inputs: dict[str, Any], run: Run) -> AblationScores:
    """Gather the scores of the trials, by every measure of the goal. Raises SpecInvalid for another number of blocks."""
    _refuse_other_depth(spec)
    rows = []
    points = spec.points
    for done, point in enumerate(points):
        run.step(done, len(points), "scores")
        found: TrialScores = inputs[f"{point.at} · seed {point.seed}"]
        rows += [trial_row(point, found, measure) for measure in MEASURES[spec.of.goal]]
    return AblationScores(trials=pd.DataFrame(rows))


def trial_row(point: Point, found: TrialScores, measure: str, scored: Scorer | None = None) -> dict[str, Any]:
    """A row of AblationScores.trials. Args: scored: in place of `scores_of`, which gives the same."""
    value, low, high, guessing = (scored or scores_of)(found.answers, found.labels, measure)
    return {
        "at": point.at,
        "seed": point.seed,
        "measure": measure,
        "score": value,
        "low": low,
        "high": high,
        "guessing": guessing,
        "n": len(found.answers),
        "n_train": found.n_train,
    }


def scores_of(answers: pd.DataFrame, labels: tuple[str, ...], measure: str) -> tuple[float, float, float, float]:
    """Score, both ends of its interval (the score itself where it has none), and what always answering the same scores.

    Args: as core.analyses.scoring.score_of.
    """
    value, many = score_of(answers, labels, measure)
    low, high = (many.low, many.high) if many else (value, value)
    return value, low, high, score_of(dull(answers), labels, measure)[0]


def _refuse_other_depth(spec: Ablation) -> None:
    if (known := shape_of(spec.of.checkpoint).n_layers) != spec.n_blocks:
        raise SpecInvalid(
            f"An experiment on {spec.n_blocks} blocks.", f"The checkpoint has {known}.", "Give the checkpoint's own."
        )
