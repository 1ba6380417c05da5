"""Grids of trials that ask one question of a network's blocks (papers B and C), each point a trial of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial
from typing import Any, Literal

import numpy as np

from core.analyses.fine_tune import FineTune
from core.analyses.trial import Trial
from core.refs import NOTHING, Surgery

INTACT, ALL = "none", "all"
"""Names of the places at which no single block is reset, and all of them."""
SHUFFLES = 10
"""As many as the paper drew."""
SHUFFLE = "Shuffle"
CLASSROOM: dict[str, Any] = {"epochs": 3.0, "learning_rate": 1e-4, "batch_size": 16}
CLASSROOM_EXAMPLES, CLASSROOM_SEEDS = 400, 2
"""A recipe whose experiments end within minutes on two cores; only large differences are seen."""
METHODS = "Method against method"
FRESH_RATE = 1e-3
"""Learning rate where only what begins from nothing is trained, a head alone or thin adapters: it takes longer steps than what
was trained, and moves nothing else."""
LONGER = 3.0
"""So many times as many epochs is longer training."""
Method = Literal["full", "head", "lora"]


@dataclass(frozen=True, kw_only=True)
class Treatment:
    """What is done at one place of an experiment."""

    surgery: Surgery = NOTHING
    method: Method = "full"
    longer: float = 1.0
    """Epochs, as a multiple of the run's."""


Places = dict[str, Treatment]
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
    """Whether weights of blocks are drawn anew."""
    is_of_spread: bool = False
    """Whether the question is how much seeds differ, and not how high they score."""


def _operated(surgeries: dict[str, Surgery], method: Method = "full") -> Places:
    return {at: Treatment(surgery=surgery, method=method) for at, surgery in surgeries.items()}


def _from_top(n_blocks: int) -> Places:
    return _operated({str(kept): Surgery(reset=tuple(range(kept, n_blocks))) for kept in range(n_blocks + 1)})


def _one(n_blocks: int) -> Places:
    each = {str(block): Surgery(reset=(block,)) for block in range(n_blocks)}
    return _operated({INTACT: NOTHING, **each, **_all(n_blocks)})


def _windows(n_blocks: int) -> Places:
    """A quarter of the blocks at a time, as 3 of 12."""
    each = {name: Surgery(reset=inside) for name, inside in _spans(n_blocks).items()}
    return _operated({INTACT: NOTHING, **each, **_all(n_blocks)})


def _outside(n_blocks: int) -> Places:
    """All but a quarter of the blocks."""
    blocks = range(n_blocks)
    kept = {
        name: Surgery(reset=tuple(b for b in blocks if b not in inside)) for name, inside in _spans(n_blocks).items()
    }
    return _operated({INTACT: NOTHING, **kept, **_all(n_blocks)})


def _all(n_blocks: int) -> dict[str, Surgery]:
    return {ALL: Surgery(reset=tuple(range(n_blocks)))}


def _spans(n_blocks: int) -> dict[str, tuple[int, ...]]:
    wide = max(2, n_blocks // 4)
    return {f"{at}–{at + wide - 1}": tuple(range(at, at + wide)) for at in range(n_blocks - wide + 1)}


def _frozen(n_blocks: int) -> Places:
    return _operated({str(held): Surgery(n_frozen=held) for held in range(n_blocks + 1)})


def _kept(n_blocks: int, method: Method = "full", *, skips_pooler: bool = False) -> Places:
    each = {
        str(kept): Surgery(n_kept=kept if kept < n_blocks else None, skips_pooler=skips_pooler)
        for kept in range(n_blocks + 1)
    }
    return _operated(each, method)


def _shuffled(n_blocks: int) -> Places:
    """Other orders than their own, no two alike, the same whatever is learnt."""
    drawn, own = np.random.RandomState(1), tuple(range(n_blocks))
    orders: dict[tuple[int, ...], None] = {}
    while len(orders) < min(SHUFFLES, factorial(n_blocks) - 1):
        order = tuple(int(block) for block in drawn.permutation(n_blocks))
        if order != own:
            orders[order] = None
    named = {" ".join(map(str, order)): Surgery(order=order) for order in orders}
    return _operated({" ".join(map(str, own)): NOTHING, **named})


def _methods(n_blocks: int) -> Places:
    return {
        "all weights": Treatment(),
        "upper half": Treatment(surgery=Surgery(n_frozen=n_blocks // 2)),
        "LoRA": Treatment(method="lora"),
        "head only": Treatment(method="head"),
        "from scratch": Treatment(surgery=Surgery(from_scratch=True)),
    }


def _steadied(n_blocks: int) -> Places:
    """What Zhang et al. found to steady tuning on few examples."""
    top, two = (Surgery(reset=tuple(range(max(0, n_blocks - n), n_blocks)), resets_pooler=True) for n in (1, 2))
    return {
        "as it is": Treatment(),
        "top block reset": Treatment(surgery=top),
        "top 2 reset": Treatment(surgery=two),
        f"{LONGER:g} times as long": Treatment(longer=LONGER),
        "both": Treatment(surgery=top, longer=LONGER),
    }


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
        places=lambda n_blocks: _kept(n_blocks, "head"),
        intact=str,
    ),
    Experiment(
        name="Leave out from the top, head on [CLS]",
        axis="blocks that are kept, none of them trained",
        asks="How much of the task can be read from each depth, past the pooler?",
        source="Tamkin et al. 2020 read through the pooler, which was trained on the last block alone",
        places=lambda n_blocks: _kept(n_blocks, "head", skips_pooler=True),
        intact=str,
    ),
    Experiment(
        name=SHUFFLE,
        axis="order of the blocks",
        asks="Does what was learnt lie in the blocks, or in their order?",
        source="Tamkin et al. 2020",
        places=_shuffled,
        intact=lambda n_blocks: " ".join(map(str, range(n_blocks))),
        is_ordered=False,
    ),
    Experiment(
        name=METHODS,
        axis="what is trained",
        asks="What must be trained to learn the task?",
        source="Hu et al. 2022 on LoRA",
        places=_methods,
        intact=lambda n_blocks: "all weights",
        is_ordered=False,
    ),
    Experiment(
        name="Steady on few examples",
        axis="what is done against chance",
        asks="How much does chance decide, and what steadies it?",
        source="Zhang et al. 2021; Mosbach et al. 2021",
        places=_steadied,
        intact=lambda n_blocks: "as it is",
        is_ordered=False,
        resets=True,
        is_of_spread=True,
    ),
)
BY_NAME = {experiment.name: experiment for experiment in EXPERIMENTS}


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How blocks are reset, wherever an experiment resets them."""

    scale: Literal["bert", "tamkin-code"] = "bert"
    """Of weights drawn anew (core.refs.Surgery)."""
    keeps_norms: bool = False
    """Whether layer norms keep their weights."""
    reset_rate: float = 1.0
    """Learning rate of what was reset, as a multiple of the others'."""


def grid(
    experiment: Experiment,
    run: FineTune,
    n_blocks: int,
    n_seeds: int,
    manner: Manner = Manner(),  # frozen
) -> list[Point]:
    """The trials of an experiment, seed by seed, so that a first whole curve is there early.

    Args:
        experiment: one of EXPERIMENTS.
        run: as it would be without surgery; its seed is the first.
        n_blocks: of its checkpoint.
        n_seeds: each draws its own training examples, order and head.
        manner: how blocks are reset.
    Returns:
        One trial a place and seed. What is done nowhere differently has one key: the intact run is that of every experiment.
    """
    points = []
    for seed in range(run.seed, run.seed + n_seeds):
        own = run.replace(seed=seed, train=run.train.replace(seed=seed) if run.train.n else run.train)
        for at, treated in experiment.places(n_blocks).items():
            how = {"scale": manner.scale, "keeps_norms": manner.keeps_norms, "reset_rate": manner.reset_rate}
            surgery = treated.surgery.replace(**how) if treated.surgery.reset else treated.surgery
            mine = own.replace(method=treated.method, epochs=own.epochs * treated.longer)
            if treated.method != "full":
                mine = mine.replace(learning_rate=FRESH_RATE, head_rate=1.0)
            points.append(Point(at=at, seed=seed, trial=Trial(of=mine, surgery=surgery)))
    return points
