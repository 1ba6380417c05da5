"""What is to be learnt, from what: the part of a form that every page with tuning on it shares, and remembers together."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.analyses.goals import goal_name
from core.lab import Lab, Named
from pages.parts import bringing

_KEEP: dict[str, Any] = {"persist_state": "session"}


@dataclass(frozen=True)
class Task:
    """A start, training and dev examples, and the labels that both have."""

    base: Named
    train: Named
    dev: Named
    goals: list[tuple[str, str, str]]
    """(goal, unit, label) of all that both have."""


HEAD_RATES = {"tree": 5.0, "answer": 5.0}
"""Heads with many fresh weights, or few steps to learn them in, learn at so many times the rate of the rest."""
LONG = 384
"""Pieces at which a text and a question are cut: a paragraph must be seen whole to be asked about."""
RATES = {"tree": 3e-4, "answer": 3e-4}
"""Usual learning rates of all weights for goals that ask much of them."""


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to tune."""

    said: str
    n: int = 0
    """Examples; 0 = all."""
    epochs: float = 2.0
    learning_rate: float = 0.0
    """0 = what suits the goal."""
    batch_size: int = 32
    warmup: float = 0.1
    suffix: str = ""
    """Of the keys of widgets, so that each recipe has numbers of its own."""

    @property
    def settings(self) -> dict[str, Any]:
        """The fields of a run that it says."""
        return {
            "epochs": self.epochs, "learning_rate": self.learning_rate, "batch_size": self.batch_size, "warmup": self.warmup,
        }  # fmt: skip


USUAL, TAMKIN, MERCHANT, ZHANG = "Usual", "Tamkin et al. 2020", "Merchant et al. 2020", "Zhang et al. 2021"
RECIPES = {
    USUAL: Recipe("1,000 examples, 2 epochs, batch 32, 10 % warm-up.", n=1000),
    TAMKIN: Recipe(
        "learning rate 2e-5 falling in a line, batch 8, 3 epochs, 5,000 examples (theirs also 500 and all).",
        n=5000, epochs=3.0, learning_rate=2e-5, batch_size=8, warmup=0.0, suffix="-tamkin",
    ),
    "Zhou & Srikumar 2022": Recipe(
        "learning rate 3e-4 after 10 % warm-up, batch 32, 10 epochs, all examples. Theirs are BERTs from tiny to base: a large "
        "network may not learn at this rate.",
        epochs=10.0, learning_rate=3e-4, suffix="-zhou",
    ),
    MERCHANT: Recipe(
        "BERT's own recipe (Devlin et al. 2019), since theirs is not known here: 3e-5 after 10 % warm-up, batch 32, 3 "
        "epochs, all examples.",
        epochs=3.0, learning_rate=3e-5, suffix="-merchant",
    ),
    ZHANG: Recipe(
        "learning rate 2e-5 after 10 % warm-up, batch 32, 3 epochs, 1,000 examples.",
        n=1000, epochs=3.0, learning_rate=2e-5, suffix="-zhang",
    ),
}  # fmt: skip
"""Recipes of the papers; the checkpoint and the task are yours."""


def recipes_said() -> str:
    """What each recipe is, for the help of a widget."""
    return " ".join(f"{name}: {recipe.said}" for name, recipe in RECIPES.items())


_GOALS = {"label": "{name} ({unit})", "number": "{name} (number)", "tree": "{name}", "answer": "{name}"}


def task(lab: Lab) -> Task | None:
    """Widgets for start, training and dev examples; None, with a message, where the two have no label in common."""
    bases = bringing.whole(lab)
    datasets = [one for one in lab.datasets() if lab.goals_of(one.ref)]
    at: dict[str, Any] = {"format_func": lambda named: named.name, **_KEEP}
    one, two, three = st.columns(3)
    base = one.selectbox("Start from", bases, key="tune_base", **at)
    train = two.selectbox("Training examples", datasets, index=_at(datasets, "suite-train"), key="tune_train", **at)
    dev = three.selectbox(
        "Dev examples",
        datasets,
        index=_at(datasets, "suite-dev"),
        key="tune_dev",
        help="Scored after tuning, never trained on.",
        **at,
    )
    also = set(lab.goals_of(dev.ref))
    goals = [one for one in lab.goals_of(train.ref) if one in also]
    if not goals:
        st.info("These two have no label in common.", icon=":material/info:")
        return None
    if train.ref == dev.ref:
        st.warning("The dev examples are the training examples: the score will say nothing about new ones.")
    return Task(base, train, dev, goals)


def learnt(column: Any, task: Task) -> dict[str, Any]:
    """What is to be learnt, chosen in a column: the fields of a run that say it."""
    goal, unit, label = column.selectbox(
        "Learn",
        task.goals,
        format_func=lambda one: _GOALS[one[0]].format(name=goal_name(one[0], one[2]), unit=one[1]),
        key="tune_label",
        help="A label for each sentence or pair (sequence classification), or for each word (token classification); the words that "
        "answer a question; a head and a relation for each word (dependency parsing); or a number for each sentence (regression).",
        **_KEEP,
    )
    fields = {"goal": goal, "unit": unit, "label": label, "head_rate": HEAD_RATES.get(goal, 1.0)}
    return fields | ({"max_pieces": LONG} if goal == "answer" else {})


def _at(options: list[Named], short: str) -> int:
    return next((i for i, one in enumerate(options) if one.id == short), 0)
