"""Which labels have a colour and a shape of their own, and which: one choice for every map of points."""

from dataclasses import dataclass

import pandas as pd

from core.charts.look import Look

OTHER = "other"
N_NAMED = 6
"""Labels with a colour and a shape of their own; rarer ones are called other."""
SHAPES = ("square", "diamond", "cross", "triangle-down", "triangle-up", "circle")
"""Those of tuned and base last: a label is no side."""


@dataclass(frozen=True)
class Key:
    """Names in order of their count, the commonest first and other last, each with its colour and shape."""

    names: tuple[str, ...]
    colours: tuple[str, ...]
    """#rrggbb."""
    shapes: tuple[str, ...]
    """Of SHAPES; a seventh begins them again."""


def key_of(labels: pd.Series, look: Look) -> Key | None:
    """Colours and shapes of labels, or None where they are numbers on a scale."""
    if is_numeric(labels):
        return None
    shown = named(labels)
    names = [name for name in shown.value_counts().index if name != OTHER]
    colours = list(look.labels[: len(names)])
    if (shown == OTHER).any():
        names, colours = [*names, OTHER], [*colours, look.quiet]
    return Key(tuple(names), tuple(colours), (*SHAPES, SHAPES[0])[: len(names)])


def is_numeric(labels: pd.Series) -> bool:
    """Whether labels are drawn on a scale: numbers, or names that all are numbers and more than have a colour of their own."""
    if pd.api.types.is_float_dtype(labels):
        return True
    return labels.nunique() > N_NAMED + 1 and bool(numbers(labels).notna().all())


def numbers(labels: pd.Series) -> pd.Series:
    """Labels as numbers, NaN for what is none."""
    return pd.to_numeric(labels, errors="coerce")


def named(labels: pd.Series) -> pd.Series:
    """Labels as names, the rare ones as other where there are too many."""
    labels = labels.astype(str)
    counts = labels.value_counts()
    return labels if len(counts) <= N_NAMED + 1 else labels.where(labels.isin(counts.index[:N_NAMED]), OTHER)
