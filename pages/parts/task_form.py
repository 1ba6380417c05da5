"""What is to be learnt, from what: the part of a form that every page with tuning on it shares, and remembers together."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.lab import Lab, Named
from core.refs import LABEL_NAMES
from pages.parts import bringing

_KEEP: dict[str, Any] = {"persist_state": "session"}


@dataclass(frozen=True)
class Task:
    """A start, training and dev examples, and the labels that both have."""

    base: Named
    train: Named
    dev: Named
    labels: list[tuple[str, str]]
    """(unit, label)."""


def task(lab: Lab) -> Task | None:
    """Widgets for start, training and dev examples; None, with a message, where the two have no label in common."""
    bases = bringing.whole(lab)
    datasets = [one for one in lab.datasets() if any(lab.labels_of(one.ref)[unit] for unit in ("sentence", "word"))]
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
    known, also = lab.labels_of(train.ref), lab.labels_of(dev.ref)
    labels = [(unit, name) for unit in ("sentence", "word") for name in known[unit] if name in also[unit]]
    if not labels:
        st.info("These two have no label in common.", icon=":material/info:")
        return None
    if train.ref == dev.ref:
        st.warning("The dev examples are the training examples: the score will say nothing about new ones.")
    return Task(base, train, dev, labels)


def learnt(column: Any, task: Task) -> tuple[Any, str]:
    """(unit, label) that is to be learnt, chosen in a column."""
    chosen: tuple[Any, str] = column.selectbox(
        "Learn",
        task.labels,
        format_func=lambda one: f"{LABEL_NAMES.get(one[1], one[1])} ({one[0]})",
        key="tune_label",
        help="A sentence or pair gets one label (sequence classification), or each word gets one (token classification).",
        **_KEEP,
    )
    return chosen


def _at(options: list[Named], short: str) -> int:
    return next((i for i, one in enumerate(options) if one.id == short), 0)
