"""Task vectors of several tunings: which of them moved the base in the same direction."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.task_vectors import TaskCosines
from core.charts.look import Look, cosine_scale, framed
from core.origins import traced

ALL = "all weights"


@traced
def cosines_table(names: Sequence[str], found: TaskCosines, layer: int | None = None) -> pd.DataFrame:
    """one, other, cosine, chance (two standard deviations, were all signs random), is_noise (never of one with itself): one row
    a pair, both ways.

    Args:
        names: of the tunings, in the order of the result.
        found: their cosines.
        layer: of one layer; None for all weights.
    """
    matrix, spread = _of(found, layer)
    one, other = np.indices(matrix.shape)
    table = pd.DataFrame({
        "one": np.array(names, dtype=object)[one.ravel()], "other": np.array(names, dtype=object)[other.ravel()],
        "cosine": matrix.ravel(), "chance": 2 * spread.ravel(),
    })  # fmt: skip
    table["is_noise"] = (table["cosine"].abs() <= table["chance"]) & (one != other).ravel()
    return table


def reach(found: TaskCosines, layer: int | None = None) -> float | None:
    """Two standard deviations of the pair of tunings that random signs let reach furthest; None where no pair has an answer.

    Args:
        found: cosines of tunings.
        layer: of one layer; None for all weights.
    """
    spread = _of(found, layer)[1]
    known = spread[~np.eye(len(spread), dtype=bool) & np.isfinite(spread)]
    return 2 * float(known.max()) if known.size else None


def _of(found: TaskCosines, layer: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and their spread by chance, of a layer or of all weights."""
    if layer is None:
        return np.asarray(found.overall), np.asarray(found.overall_chance)
    return np.asarray(found.layers[layer]), np.asarray(found.layers_chance[layer])


@traced
def cosines_heat(table: pd.DataFrame, names: Sequence[str], look: Look) -> alt.LayerChart:
    """Every tuning against every other; what random signs reach is grey. Args: table of cosines_table."""
    axis = alt.Axis(labelAngle=0, labelLimit=190, title=None, ticks=False, domain=False)
    cells = alt.Chart(table.dropna(subset=["cosine"])).encode(
        x=alt.X("one:N", sort=list(names), axis=alt.Axis(**axis.to_dict(), orient="top")),
        y=alt.Y("other:N", sort=list(names), axis=axis),
        tooltip=[
            "one:N",
            "other:N",
            alt.Tooltip("cosine:Q", format="+.3f"),
            alt.Tooltip("chance:Q", format=".4f", title="by chance ±"),
        ],
    )
    legend = alt.Legend(gradientLength=150, tickCount=5)
    colour = alt.Color("cosine:Q", title="cosine", scale=cosine_scale(), legend=legend)
    rect = cells.mark_rect().encode(color=alt.condition("datum.is_noise", alt.value(look.bar), colour))
    text = cells.mark_text(fontSize=look.size).encode(
        text=alt.Text("cosine:Q", format="+.2f"),
        color=alt.condition("datum.is_noise || abs(datum.cosine) < 0.6", alt.value("#111"), alt.value("#fff")),
    )
    return framed(alt.layer(rect, text), look, height=52 * len(names) + 60)


@traced
def against_table(names: Sequence[str], found: TaskCosines) -> pd.DataFrame:
    """layer, checkpoint, cosine with the first tuning, chance, is_noise; low and high are the value itself: one run each."""
    rows = [
        (layer, names[at], float(found.layers[layer, 0, at]), 2 * float(found.layers_chance[layer, 0, at]))
        for at in range(1, len(names))
        for layer in range(len(found.layers))
        if np.isfinite(found.layers[layer, 0, at])
    ]
    table = pd.DataFrame(rows, columns=["layer", "checkpoint", "cosine", "chance"])
    return table.assign(low=table["cosine"], high=table["cosine"], is_noise=table["cosine"].abs() <= table["chance"])


@traced
def one_run(table: pd.DataFrame) -> pd.DataFrame:
    """The table of against_table without the ends of intervals that no single run has."""
    return table.drop(columns=["low", "high"])


def cosine_domain(table: pd.DataFrame) -> tuple[float, float]:
    """Of the axis of cosines: 0 and all values, with some room, no further than -1 and 1. Args: table of against_table."""
    low, high = min(0.0, float(table["cosine"].min())), max(0.0, float(table["cosine"].max()))
    room = 0.1 * (high - low) + 0.02
    return max(-1.0, low - room), min(1.0, high + room)
