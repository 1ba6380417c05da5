"""Movers: how many at each layer, which rows and which labels, and the card of one row."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.movers import Moved
from core.analyses.places import Place, among
from core.charts import scatter
from core.charts.cursor import cursor_band, layer_axis
from core.charts.look import Look, framed
from core.maths.statistics import MIN_GROUPS, group_folds, jackknife
from core.origins import traced
from core.refs import LABEL_NAMES

SAVED = "saved points"
"""What stands for a label where points that somebody saved are looked at."""
LEAST = 6
"""Rows that a label needs to be shown."""


@dataclass(frozen=True)
class Card:
    """One row: what it kept, layer by layer, and its neighbours on both sides at one of them."""

    text: str
    sentence: str
    kept: float
    """Share of its neighbours, 0 to 1."""
    around: float
    """Mean share of the rows around it."""
    mover_at: str
    """Layers at which it is a mover: "3, 5"; empty where at none."""
    layers: pd.DataFrame
    """layer, kept, around, is_mover."""
    base: pd.DataFrame
    """place (1 = nearest), text, sentence, its labels, shared (near on both sides)."""
    tuned: pd.DataFrame


@traced
def layers_table(moved: Moved) -> pd.DataFrame:
    """layer, kept (mean over rows), movers, share (of all rows)."""
    is_mover = moved.is_mover
    return pd.DataFrame({
        "layer": range(len(is_mover)),
        "kept": np.asarray(moved.overlap).mean(axis=1),
        "movers": is_mover.sum(axis=1), "share": is_mover.mean(axis=1),
    })  # fmt: skip


@traced
def movers_table(moved: Moved, layer: int) -> pd.DataFrame:
    """One row a point, the most surprising first: row (its number), text, sentence, labels, kept, around, score, p, false_share,
    is_mover, mover_at (all layers at which it is one: "3, 5")."""
    at = {name: np.asarray(getattr(moved, name))[layer] for name in ("overlap", "around", "p_value", "false_share")}
    is_mover = moved.is_mover
    table = moved.points.assign(
        row=range(len(moved.points)),
        kept=at["overlap"],
        around=at["around"],
        score=moved.score[layer],
        p=at["p_value"],
        false_share=at["false_share"],
        is_mover=is_mover[layer],
        mover_at=[_layers(column) for column in is_mover.T],
    )
    first = ["row", "text", "kept", "around", "score", "is_mover", "mover_at", "p", "false_share"]
    ordered = table.sort_values(["p", "score"], ascending=[True, False], kind="stable")
    return ordered[[*first, *(name for name in table.columns if name not in first)]].reset_index(drop=True)


def _layers(is_mover: np.ndarray) -> str:
    return ", ".join(map(str, np.flatnonzero(is_mover)))


@traced
def labels_table(moved: Moved, layer: int, label: str) -> pd.DataFrame:
    """value, n, kept, rest (mean shares of neighbours kept by the rows of a label and by all other rows), difference (kept less
    rest) with low and high, is_noise; those that kept fewest first.

    Intervals by a jackknife over groups of sentences, wide enough to hold for all labels together (Bonferroni). Values with
    fewer than 6 rows, or in too few sentences, are left out, and so is one that all rows have. Degrees of freedom are those of the
    groups that hold the label, or the others.
    """
    names = moved.points[label].astype(str).to_numpy(dtype=np.str_)
    values = enough(moved, names)
    return kept_fewer(moved, layer, names, values, n_together=len(values))


def enough(moved: Moved, names: NDArray[np.str_]) -> list[str]:
    """Values that rows and sentences enough have for an interval, and as many have not. Args: names: of each row, str [n]."""
    folds = group_folds(np.asarray(moved.group))
    common = (value for value, n in zip(*np.unique(names, return_counts=True), strict=True) if n >= LEAST)
    return [str(value) for value in common if _is_enough(names == value, folds)]


@traced
def kept_fewer(
    moved: Moved, layer: int, names: NDArray[np.str_], values: Sequence[str], *, n_together: int
) -> pd.DataFrame:
    """The table of labels_table, for any names.

    Args:
        names: of each row, str [n].
        values: those that are looked at, of enough.
        n_together: intervals that are to hold together, those of this table among them.
    """
    kept, folds = np.asarray(moved.overlap)[layer].astype(np.float64), group_folds(np.asarray(moved.group))
    rows = []
    for value in values:
        of_value = names == value
        without = [_less_rest(kept[folds != fold], of_value[folds != fold]) for fold in range(int(folds.max()) + 1)]
        telling = min(len(set(folds[of_value])), len(set(folds[~of_value])))
        found = jackknife(
            _less_rest(kept, of_value), without, level=1 - 0.05 / n_together, n=int(of_value.sum()), n_telling=telling
        )
        rows.append({
            "value": value, "n": found.n, "kept": kept[of_value].mean(), "rest": kept[~of_value].mean(),
            "difference": found.value, "low": found.low, "high": found.high, "is_noise": found.low <= 0 <= found.high,
        })  # fmt: skip
    columns = ["value", "n", "kept", "rest", "difference", "low", "high", "is_noise"]
    return pd.DataFrame(rows, columns=columns).sort_values("difference", kind="stable").reset_index(drop=True)


@traced
def saved_table(moved: Moved, layer: int, places: Collection[Place], name: str) -> pd.DataFrame:
    """labels_table of saved points against all others: one row, its value their name; none where they are too few."""
    is_in = among(moved.points, places)
    of_both = replace(moved, points=moved.points.assign(**{SAVED: scatter.in_or_out(is_in, name)}))
    table = labels_table(of_both, layer, SAVED)
    return table[table["value"] != scatter.OTHERS]  # the same once more, mirrored


def _less_rest(kept: np.ndarray, of_value: np.ndarray) -> float:
    return float(kept[of_value].mean() - kept[~of_value].mean())


def _is_enough(of_value: np.ndarray, folds: np.ndarray) -> bool:
    """Whether a label has rows enough, in and out of it, whichever fold is left out."""
    folds_in, folds_out = set(folds[of_value]), set(folds[~of_value])
    return bool(of_value.sum() >= LEAST and len(folds_in) >= MIN_GROUPS and len(folds_out) >= MIN_GROUPS)


@traced
def card(moved: Moved, row: int, layer: int) -> Card:
    """The card of one row."""
    kept, around = (np.asarray(values)[:, row] for values in (moved.overlap, moved.around))
    is_mover = moved.is_mover[:, row]
    near = [side[row] for side in moved.nearest(layer)]
    lists = [
        moved.points.iloc[own].assign(place=range(1, len(own) + 1), shared=np.isin(own, other)).reset_index(drop=True)
        for own, other in (near, near[::-1])
    ]
    return Card(
        text=str(moved.points["text"].iloc[row]),
        sentence=str(moved.points["sentence"].iloc[row]),
        kept=float(kept[layer]),
        around=float(around[layer]),
        mover_at=_layers(is_mover),
        layers=pd.DataFrame({"layer": range(len(kept)), "kept": kept, "around": around, "is_mover": is_mover}),
        base=lists[0],
        tuned=lists[1],
    )


@traced
def count_bars(table: pd.DataFrame, look: Look, layer: int) -> alt.LayerChart:
    """Number of movers by layer. Args: table of layers_table."""
    shown = [
        alt.Tooltip("layer:O"),
        alt.Tooltip("movers:Q", title="movers"),
        alt.Tooltip("share:Q", format=".1%", title="of all rows"),
        alt.Tooltip("kept:Q", format=".0%", title="neighbours kept, mean"),
    ]
    most = max(4.0, float(table["movers"].max()) * 1.2)
    y = alt.Y("movers:Q", title="movers", scale=alt.Scale(domain=[0, most]), axis=alt.Axis(tickCount=4, format="d"))
    rows = alt.Chart(table).encode(x=layer_axis(), y=y, tooltip=shown)
    return framed(
        alt.layer(
            cursor_band(table, look, layer),
            rows.mark_bar(color=look.bar, width=alt.RelativeBandSize(0.55)),
            rows.mark_text(dy=-8, color=look.ink).encode(text=alt.Text("movers:Q")),
        ),
        look,
        height=170,
    )


@traced
def labels_chart(table: pd.DataFrame, look: Look, *, label: str) -> alt.LayerChart:
    """Which labels kept fewer neighbours than all others, and which more. Args: table of labels_table."""
    table = table.assign(row=[f"{value} ({n:,})" for value, n in zip(table["value"], table["n"], strict=True)])
    most = float(np.abs(table[["low", "high"]].to_numpy()).max()) * 1.05 or 1.0
    scale = alt.Scale(domain=[-most, most], nice=False)
    x = alt.X(
        "difference:Q",
        title="neighbours kept, less those kept by all other rows (left = kept fewer)",
        scale=scale,
        axis=alt.Axis(format="+.0%", tickCount=5),
    )
    name = LABEL_NAMES.get(label, label)
    y = alt.Y("row:N", sort=None, title=f"{name} (rows)", axis=alt.Axis(labelLimit=260, ticks=False))
    shown = [
        alt.Tooltip("value:N", title=name),
        alt.Tooltip("n:Q", title="rows", format=","),
        *(alt.Tooltip(f"{column}:Q", format=".1%") for column in ("kept", "rest")),
        *(alt.Tooltip(f"{column}:Q", format="+.1%") for column in ("difference", "low", "high")),
        alt.Tooltip("is_noise:N", title="inside the noise"),
    ]
    rows = alt.Chart(table).encode(y=y, tooltip=shown)
    zero = alt.Chart(pd.DataFrame({"difference": [0.0]})).mark_rule(color=look.quiet).encode(x=x)
    fill = alt.condition("datum.is_noise", alt.value(look.paper), alt.value(look.tuned))
    colour = alt.condition("datum.is_noise", alt.value(look.quiet), alt.value(look.tuned))
    return framed(
        alt.layer(
            zero,
            rows.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=scale), x2="high:Q", color=colour),
            rows.mark_point(size=80, strokeWidth=2, filled=True, opacity=1).encode(x=x, fill=fill, stroke=colour),
        ).properties(height=alt.Step(32 if look.projector else 25)),
        look,
    )


@traced
def card_curve(one: Card, look: Look, layer: int) -> alt.LayerChart:
    """Neighbours that a row kept at each layer, and those around it (dashed). Args: one of card."""
    scale = alt.Scale(domain=[0, 1], nice=False)
    axis = alt.Axis(format=".0%", tickCount=4)
    shown = [
        alt.Tooltip("layer:O"),
        alt.Tooltip("kept:Q", format=".0%"),
        alt.Tooltip("around:Q", format=".0%", title="those around it"),
        alt.Tooltip("is_mover:N", title="a mover"),
    ]
    rows = alt.Chart(one.layers).encode(x=layer_axis(), tooltip=shown)
    y = alt.Y("kept:Q", title="neighbours kept", scale=scale, axis=axis)
    fill = alt.condition("datum.is_mover", alt.value(look.tuned), alt.value(look.paper))
    return framed(
        alt.layer(
            cursor_band(one.layers, look, layer),
            rows.mark_line(strokeDash=[5, 4], color=look.quiet).encode(y=alt.Y("around:Q", scale=scale)),
            rows.mark_line(color=look.tuned).encode(y=y),
            rows.mark_point(size=70, strokeWidth=2, filled=True, stroke=look.tuned).encode(y=y, fill=fill),
        ),
        look,
        height=170,
    )
