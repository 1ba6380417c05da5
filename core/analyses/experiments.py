"""Grids of trials that ask one question of a network's blocks (papers B and C), each point a trial of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial
from typing import Literal

import numpy as np

from core.analyses.fine_tune import FineTune
from core.analyses.trial import Trial
from core.refs import Surgery

INTACT, ALL = "none", "all"
"""Names of the places at which no single block is reset, and all of them."""
SHUFFLES = 5
HEAD_RATE = 1e-3
"""Learning rate of a head alone."""

Places = dict[str, Surgery]
"""What is done at each place of the x axis, by its name there, in order."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One trial of a grid."""

    at: str
    """Place on the x axis."""
    seed: int
    trial: Trial


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A question to the blocks of a network."""

    name: str
    axis: str
    """What x counts, in words."""
    asks: str
    """The question, in words."""
    source: str
    places: Callable[[int], Places]
    """For so many blocks."""
    intact: Callable[[int], str]
    """The place at which nothing is done, for so many blocks."""
    is_ordered: bool = True
    """Whether x is a quantity, so that a line may join its values."""
    resets: bool = False
    """Whether weights are drawn anew."""
    method: Literal["full", "head"] = "full"
    """What is trained: all that is not frozen, or the head alone."""


def _from_top(n_blocks: int) -> Places:
    return {str(kept): Surgery(reset=tuple(range(kept, n_blocks))) for kept in range(n_blocks + 1)}


def _one(n_blocks: int) -> Places:
    each = {str(block): Surgery(reset=(block,)) for block in range(n_blocks)}
    return {INTACT: Surgery(), **each, **_all(n_blocks)}


def _windows(n_blocks: int) -> Places:
    """A quarter of the blocks at a time, as 3 of 12."""
    return {
        INTACT: Surgery(),
        **{name: Surgery(reset=inside) for name, inside in _spans(n_blocks).items()},
        **_all(n_blocks),
    }


def _outside(n_blocks: int) -> Places:
    """All but a quarter of the blocks."""
    blocks = range(n_blocks)
    kept = {
        name: Surgery(reset=tuple(b for b in blocks if b not in inside)) for name, inside in _spans(n_blocks).items()
    }
    return {INTACT: Surgery(), **kept, **_all(n_blocks)}


def _all(n_blocks: int) -> Places:
    return {ALL: Surgery(reset=tuple(range(n_blocks)))}


def _spans(n_blocks: int) -> dict[str, tuple[int, ...]]:
    wide = max(2, n_blocks // 4)
    return {f"{at}–{at + wide - 1}": tuple(range(at, at + wide)) for at in range(n_blocks - wide + 1)}


def _frozen(n_blocks: int) -> Places:
    return {str(held): Surgery(n_frozen=held) for held in range(n_blocks + 1)}


def _kept(n_blocks: int) -> Places:
    return {str(kept): Surgery(n_kept=kept if kept < n_blocks else None) for kept in range(n_blocks + 1)}


def _shuffled(n_blocks: int) -> Places:
    """Other orders than their own, no two alike, the same whatever is learnt."""
    drawn, own = np.random.RandomState(1), tuple(range(n_blocks))
    orders: dict[tuple[int, ...], None] = {}
    while len(orders) < min(SHUFFLES, factorial(n_blocks) - 1):
        order = tuple(int(block) for block in drawn.permutation(n_blocks))
        if order != own:
            orders[order] = None
    named = {" ".join(map(str, order)): Surgery(order=order) for order in orders}
    return {" ".join(map(str, own)): Surgery(), **named}


EXPERIMENTS = (
    Experiment(
        name="Reinitialise from the top",
        axis="blocks that keep their pretrained weights",
        asks="How many pretrained blocks does the task need, when all are trained?",
        source="Tamkin et al. 2020",
        places=_from_top,
        intact=str,
        resets=True,
    ),
    Experiment(
        name="Reinitialise one block",
        axis="block that is reset (0 = lowest)",
        asks="Which single block would be missed most?",
        source="Tamkin et al. 2020",
        places=_one,
        intact=lambda n_blocks: INTACT,
        is_ordered=False,
        resets=True,
    ),
    Experiment(
        name="Reinitialise a window",
        axis="blocks that are reset",
        asks="Which part of the network would be missed most?",
        source="Tamkin et al. 2020",
        places=_windows,
        intact=lambda n_blocks: INTACT,
        is_ordered=False,
        resets=True,
    ),
    Experiment(
        name="Reinitialise all but a window",
        axis="blocks that keep their pretrained weights (none: nothing is reset; all: everything)",
        asks="Which part of the network helps most by itself?",
        source="Tamkin et al. 2020",
        places=_outside,
        intact=lambda n_blocks: INTACT,
        is_ordered=False,
        resets=True,
    ),
    Experiment(
        name="Freeze from the bottom",
        axis="frozen blocks (from 1 on, the embeddings too)",
        asks="How many blocks need to change for the task?",
        source="Merchant et al. 2020",
        places=_frozen,
        intact=lambda n_blocks: "0",
    ),
    Experiment(
        name="Leave out from the top",
        axis="blocks that are kept",
        asks="How deep must the network be for the task?",
        source="Merchant et al. 2020",
        places=_kept,
        intact=str,
    ),
    Experiment(
        name="Leave out from the top, head only",
        axis="blocks that are kept, none of them trained",
        asks="How much of the task can be read from each depth, as it is?",
        source="Tamkin et al. 2020; Merchant et al. 2020",
        places=_kept,
        intact=str,
        method="head",
    ),
    Experiment(
        name="Shuffle",
        axis="order of the blocks",
        asks="Does what was learnt lie in the blocks, or in their order?",
        source="Tamkin et al. 2020",
        places=_shuffled,
        intact=lambda n_blocks: " ".join(map(str, range(n_blocks))),
        is_ordered=False,
    ),
)


def grid(experiment: Experiment, run: FineTune, n_blocks: int, n_seeds: int, *, scale: str = "bert") -> list[Point]:
    """The trials of an experiment, seed by seed, so that a first whole curve is there early.

    Args:
        experiment: one of EXPERIMENTS.
        run: as it would be without surgery; its seed is the first.
        n_blocks: of its checkpoint.
        n_seeds: each draws its own training examples, order and head.
        scale: of weights drawn anew (core.refs.Surgery).
    Returns:
        One trial a place and seed. What is done nowhere differently has one key: the intact run is that of every experiment.
    """
    points = []
    # A head begins from nothing and takes longer steps than what was trained; they move nothing else here.
    rate = HEAD_RATE if experiment.method == "head" else run.learning_rate
    for seed in range(run.seed, run.seed + n_seeds):
        own = run.replace(
            seed=seed,
            method=experiment.method,
            learning_rate=rate,
            train=run.train.replace(seed=seed) if run.train.n else run.train,
        )
        for at, surgery in experiment.places(n_blocks).items():
            done = surgery.replace(scale=scale) if surgery.reset else surgery
            points.append(Point(at=at, seed=seed, trial=Trial(of=own, surgery=done)))
    return points
