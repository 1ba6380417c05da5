"""What a head scores as its network goes from base to tuned part by part: where tuning's change is needed, where it suffices."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from core.analyses.base import Run
from core.analyses.fine_tune import FineTune, asked_again
from core.analyses.goals import MIN_GROUPS, Scored, Task, prepared
from core.analyses.graft import Graft, Grown, grafted_model, grown_by, write_graft
from core.analyses.scoring import MEASURES, dull, score_of
from core.data.load import sample_size
from core.errors import NotEnoughData, SpecInvalid
from core.keys import Result, Spec
from core.maths.statistics import Estimate, group_folds, jackknife
from core.models.checkpoints import locate, place, shape

NOTHING, ALL = "none", "all"
"""Places at which no part comes from the side that is put in, and all do."""
Shares = tuple[float, ...]
SCALES = (-1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
ADDED = (-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0)


def _first(n_parts: int, n: int, first: float, rest: float) -> Shares:
    return (first,) * n + (rest,) * (n_parts - n)


def _one(n_parts: int, at: int, one: float, rest: float) -> Shares:
    return tuple(one if part == at else rest for part in range(n_parts))


def _upwards(n_parts: int, first: float, rest: float) -> dict[str, Shares]:
    """From the bottom, up to and with each layer."""
    return {NOTHING: (rest,) * n_parts} | {
        str(layer): _first(n_parts, layer + 1, first, rest) for layer in range(n_parts)
    }


def _singly(n_parts: int, one: float, rest: float) -> dict[str, Shares]:
    """Each part alone."""
    return {NOTHING: (rest,) * n_parts} | {str(part): _one(n_parts, part, one, rest) for part in range(n_parts)}


@dataclass(frozen=True, kw_only=True)
class Way:
    """A row of grafts that ask one question."""

    name: str
    axis: str
    """What x counts, in words."""
    asks: str
    places: Callable[[int], dict[str, Shares]]
    """Shares by place on the x axis, for so many parts."""
    intact: Callable[[int], str]
    """The place at which the network is the tuned one, for so many parts; every other is held against it."""
    bare: Callable[[int], str]
    """The place at which it is the base with the tuned head; every other is held against that too. Empty where there is none."""
    is_quantity: bool = False
    """Whether places are numbers on a scale, and not layers."""
    is_upwards: bool = False
    """Whether each place goes one layer further than the one before."""
    asks_from_bare: bool = False
    """Whether the question is what is gained on the base, and not what is lost of the whole."""


ADD = "Add another change"
WAYS = {
    way.name: way
    for way in (
        Way(
            name="Base below, tuned above",
            axis="the base's weights up to this layer",
            asks="How far up may the base's own weights reach before the head misses what tuning changed?",
            places=lambda n_parts: _upwards(n_parts, 0.0, 1.0),
            intact=lambda n_parts: NOTHING,
            bare=lambda n_parts: str(n_parts - 1),
            is_upwards=True,
        ),
        Way(
            name="Tuned below, base above",
            axis="the tuned weights up to this layer",
            asks="How far up must the tuned weights reach before the head has what it needs?",
            places=lambda n_parts: _upwards(n_parts, 1.0, 0.0),
            intact=lambda n_parts: str(n_parts - 1),
            bare=lambda n_parts: NOTHING,
            is_upwards=True,
            asks_from_bare=True,
        ),
        Way(
            name="One part back",
            axis="part that goes back to the base (0 = embeddings)",
            asks="Which single part's change would be missed?",
            places=lambda n_parts: _singly(n_parts, 0.0, 1.0),
            intact=lambda n_parts: NOTHING,
            bare=lambda n_parts: "",
        ),
        Way(
            name="One part alone",
            axis="the only part that is tuned (0 = embeddings)",
            asks="Which single part's change does it by itself?",
            places=lambda n_parts: _singly(n_parts, 1.0, 0.0) | {ALL: (1.0,) * n_parts},
            intact=lambda n_parts: ALL,
            bare=lambda n_parts: NOTHING,
            asks_from_bare=True,
        ),
        Way(
            name="Scale the change",
            axis="share of the change of all weights (0 = base, 1 = tuned)",
            asks="What if tuning had gone less far, further, or the other way?",
            places=lambda n_parts: {f"{scale:g}": (scale,) * n_parts for scale in SCALES},
            intact=lambda n_parts: "1",
            bare=lambda n_parts: "0",
            is_quantity=True,
        ),
        Way(
            name=ADD,
            axis="share of the other tuning's change that is added",
            asks="Does another tuning's change help this task, or harm it?",
            places=lambda n_parts: {f"{scale:g}": (1.0,) * n_parts for scale in ADDED},
            intact=lambda n_parts: "0",
            bare=lambda n_parts: "",
            is_quantity=True,
        ),
    )
}


@dataclass(frozen=True, kw_only=True)
class Grafts(Spec, kind="grafts"):
    """A row of grafts, each asked for the dev examples of the run. Nothing is trained, and no weights are kept."""

    title: ClassVar[str] = "Grafts between base and tuned"
    sources: ClassVar[tuple[str, ...]] = (
        "Ilharco et al. 2023 on task arithmetic",
        "Hao et al. 2019 on layers set back",
    )
    seconds_per_unit: ClassVar[float] = 5e-3

    of: Grown
    way: str = "Base below, tuned above"
    """One of WAYS."""
    other: Grown | None = None
    """Another checkpoint tuned from the same base, for the way that adds its change."""
    n: int = 500
    """Dev examples at most, drawn as the run draws them; 0 = all that it was scored on."""

    def validate(self) -> None:
        if self.way not in WAYS:
            raise SpecInvalid(f"Grafts by {self.way!r}.", "There is no such way.", f"Known: {', '.join(WAYS)}.")
        if (self.other is not None) != (self.way == ADD):
            raise SpecInvalid(
                f"Grafts by {self.way!r}.",
                "Another checkpoint is added by one way alone, which needs one.",
                f"Give one for {ADD!r}, and for no other.",
            )
        if self.other is not None:
            if self.other == self.of:
                raise SpecInvalid("Adding another change.", "It is the same checkpoint.", "Scale its change instead.")
            self.graft("1", (1.0,))  # refuses another base
        if self.n < 0:
            raise SpecInvalid(f"Grafts on {self.n} dev examples.", "Negative.", "Give 0 for all.")

    @property
    def run(self) -> FineTune:
        """The run whose head is asked, with the dev examples that it is asked for."""
        run = grown_by(self.of)
        if not self.n or sample_size(run.dev) <= self.n:
            return run
        return run.replace(dev=run.dev.replace(n=self.n))

    def graft(self, at: str, shares: Shares) -> Graft:
        """The graft at a place."""
        scale = float(at) if self.way == ADD else 0.0
        return Graft(of=self.of, shares=shares, other=self.other if scale else None, other_share=scale)

    def grafts(self) -> dict[str, Graft]:
        """The graft at each place, in order. Raises CheckpointNotFound where the base's configuration is gone."""
        n_parts = shape(place(self.run.checkpoint)).n_blocks + 1
        return {at: self.graft(at, shares) for at, shares in WAYS[self.way].places(n_parts).items()}

    def cost(self) -> tuple[float, float]:
        """Work in dev examples read; a small table."""
        return float(sample_size(self.run.dev) * len(self.grafts())), 1e4


@dataclass(frozen=True, kw_only=True)
class GraftScores(Result):
    """What the head scores at each place."""

    measure: str
    """Of core.analyses.scoring.MEASURES."""
    scores: pd.DataFrame
    """at, score, low, high (95 % over dev examples; the score itself where it has no interval), same (share of answers that are
    the intact network's; NaN of numbers)."""
    differences: tuple[Estimate | None, ...]
    """Each place's score less that of the intact network on the same examples, by a jackknife over groups of examples; None at the
    intact place, and where nothing differs."""
    gains: tuple[Estimate | None, ...]
    """The same less the score of the base with the tuned head; None there, where nothing differs, and of ways without one."""
    intact: str
    """The place at which the network is the tuned one."""
    bare: str
    """The place at which it is the base with the tuned head; empty where there is none."""
    guessing: float
    """The score of always answering the same."""
    n: int
    """Dev rows."""


def compute(spec: Grafts, inputs: dict[str, Any], run: Run) -> GraftScores:
    """Graft after graft. Raises as Graft; NotEnoughData for too few dev examples."""
    task, measure = prepared(spec.run), MEASURES[spec.run.goal][0]
    if len(task.lesson.dev) < MIN_GROUPS:
        raise NotEnoughData(
            "Scoring grafts.", f"There are {len(task.lesson.dev)} dev examples.", f"Give {MIN_GROUPS} or more."
        )
    grafts, way = spec.grafts(), WAYS[spec.way]
    n_parts = len(next(iter(grafts.values())).shares)
    intact, bare = way.intact(n_parts), way.bare(n_parts)
    kept, found = run.folder / "graft.safetensors", dict[str, Scored]()
    if way.is_upwards:
        found = _upward(spec, grafts, inputs, task, kept, run)
    for done, (at, graft) in enumerate(grafts.items()):
        run.step(done, len(grafts), "grafts")
        if at not in found:
            write_graft(graft, inputs, kept, run)
            found[at] = asked_again(spec.run, task, kept, run)
    kept.unlink()
    run.step(len(grafts), len(grafts), "grafts")
    whole = found[intact]
    rows = [
        {
            "at": at,
            "score": one.score.value,
            "low": one.score.low,
            "high": one.score.high,
            "same": _same(one.answers, whole.answers, spec.run.goal),
        }
        for at, one in found.items()
    ]
    return GraftScores(
        measure=measure,
        scores=pd.DataFrame(rows),
        differences=tuple(difference(whole.answers, one.answers, one.labels, measure) for one in found.values()),
        gains=tuple(
            difference(found[bare].answers, one.answers, one.labels, measure) if bare else None
            for one in found.values()
        ),
        intact=intact,
        bare=bare,
        guessing=score_of(dull(whole.answers), whole.labels, measure)[0],
        n=len(whole.answers),
    )


def _upward(
    spec: Grafts, grafts: dict[str, Graft], inputs: dict[str, Any], task: Task, kept: Path, run: Run
) -> dict[str, Scored]:
    """Scores of grafts whose seam goes up layer by layer: the lower network's states are computed once for all of them, and the
    upper one runs from each seam on."""
    from core.models.hooks import beginning_at, reading_layers
    from core.models.tuning import answers_to, longest_input

    first = next(iter(grafts.values()))
    head, n_parts = task.lesson.head, len(first.shares)
    # At the place where nothing is put in all of it is the upper network, and the other one lies below.
    sides = [grafted_model(Graft(of=spec.of, shares=(share,) * n_parts), inputs, head, kept, run)
             for share in (first.shares[0], 1.0 - first.shares[0])]  # fmt: skip
    (upper, tokenizer), (lower, _) = sides
    n_layers = int(upper.config.num_hidden_layers)
    if n_layers + 1 != n_parts:  # layers that share a block have one part
        return {}
    states: list[Any] = []

    def whole(batch: dict[str, Any]) -> Any:
        states.clear()
        with reading_layers(lower.base_model, n_layers, lambda _, hidden: states.append(hidden)):
            lower.base_model(**{name: batch[name] for name in _READ if name in batch})
        # Read too, so that its blocks are known by what they return, and can be passed over.
        with reading_layers(upper.base_model, n_layers, lambda *_: None):
            return upper(**batch)

    def from_seam(batch: dict[str, Any], layer: int) -> Any:
        with beginning_at(upper.base_model, n_layers, layer, states[layer]):
            return upper(**batch)

    asks: list[Callable[[dict[str, Any]], Any]] = [
        whole,
        *(partial(from_seam, layer=layer) for layer in range(n_parts)),
    ]
    longest = longest_input(locate(spec.run.checkpoint), spec.run.max_pieces)
    said = answers_to(asks, upper, tokenizer, task.lesson.dev, head=head, longest=longest, on_batch=run.check)
    return {at: task.score(one) for at, one in zip(grafts, said, strict=True)}


_READ = ("input_ids", "attention_mask", "token_type_ids")
"""Of a batch, what a backbone reads; the rest is for heads."""


def _same(answers: pd.DataFrame, whole: pd.DataFrame, goal: str) -> float:
    """Share of answers that two networks give alike; of trees head and relation. Numbers are never quite alike."""
    if goal == "number":
        return float("nan")
    alike = answers["guess"] == whole["guess"]
    if "head" in answers:
        alike &= answers["head"] == whole["head"]
    return float(alike.mean())


def difference(first: pd.DataFrame, second: pd.DataFrame, labels: tuple[str, ...], measure: str) -> Estimate | None:
    """A score of one set of answers less that of another to the same examples, by a jackknife over groups of examples.

    Args:
        first, second: as core.analyses.goals.Scored.answers, row for row of the same examples.
        labels: in the head's order.
        measure: of core.analyses.scoring.MEASURES.
    Returns:
        second - first; None where the answers are the same.
    """
    if (first["guess"].to_numpy() == second["guess"].to_numpy()).all() and (
        "head" not in first or (first["head"].to_numpy() == second["head"].to_numpy()).all()
    ):
        return None
    folds = group_folds(first["group"].to_numpy())

    def of(kept: np.ndarray) -> float:
        one, other = (score_of(answers[kept], labels, measure)[0] for answers in (first, second))
        return other - one

    left_out = [of(folds != fold) for fold in range(int(folds.max()) + 1)]
    return jackknife(of(np.ones(len(folds), dtype=bool)), left_out, n=len(first))
