"""Several tasks, or several checkpoints, on one layer axis."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.base import facing_layers
from core.analyses.probe import ProbeScores
from core.analyses.probe_change import ProbeDifference
from core.analyses.similarity import LayerSimilarity
from core.charts.cursor import clickable, cursor_rects, layer_rings
from core.charts.look import Look, framed, moved_apart
from core.charts.strip import kept_table, layer_tips, probe_table
from core.origins import traced

_AROUND = 60
"""Pixels of a figure's height that its axis takes."""


@traced
def task_table(results: Mapping[str, tuple[ProbeDifference, ProbeScores, ProbeScores]]) -> pd.DataFrame:
    """probe_table of every task, with a column task in front."""
    tables = [probe_table(base, tuned, change).assign(task=task) for task, (change, base, tuned) in results.items()]
    table = pd.concat(tables, ignore_index=True)
    return table[["task", *(column for column in table if column != "task")]]


def shared_domain(table: pd.DataFrame) -> tuple[float, float]:
    """One accuracy axis for all tasks, from below the lowest guess to above the highest interval."""
    low, high = table[["low", "control", "majority"]].min().min(), table["high"].max()
    return max(0.0, float(low) - 0.03), min(1.0, float(high) + 0.03)


@traced
def change_table(table: pd.DataFrame) -> pd.DataFrame:
    """task, layer, difference, difference_low, difference_high in points of accuracy, is_noise; from task_table's."""
    points = ["difference", "difference_low", "difference_high"]
    once = table.loc[table["side"] == "tuned", ["task", "layer", *points, "is_noise"]].reset_index(drop=True)
    once[points] *= 100
    return once


@traced
def change_heat(table: pd.DataFrame, look: Look, layer: int) -> alt.LayerChart:
    """What became easier or harder to read, task by layer, in points of accuracy; noise is grey. A click chooses a layer.

    Args:
        table: of task_table.
    """
    once = change_table(table)
    cells = alt.Chart(once).encode(
        x=alt.X("layer:O", title="layer (0 = embeddings)", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("task:N", sort=list(dict.fromkeys(once["task"])), title=None, axis=alt.Axis(labelLimit=240)),
        tooltip=[alt.Tooltip("task:N"), alt.Tooltip("layer:O"), *_POINTS],
    )
    heat, *texts = _changed_cells(cells, once, look)
    layers = alt.layer(clickable(heat), *texts, *layer_rings(cells, look, layer))
    return framed(layers, look, height=38 * once["task"].nunique() + _BELOW)


@traced
def cross_table(results: Mapping[tuple[str, str], tuple[ProbeDifference, ProbeScores]], layer: int) -> pd.DataFrame:
    """tuned (checkpoint), task, base accuracy, difference and its interval in points of accuracy, is_noise; of one layer.

    Args:
        results: by names of checkpoint and task: the change, and the scores of the base.
        layer: of the base.
    """
    rows = []
    for (checkpoint, task), (change, base) in results.items():
        one = change.difference[layer]
        rows.append({
            "tuned": checkpoint, "task": task, "base": base.score[layer].value, "difference": 100 * one.value,
            "difference_low": 100 * one.low, "difference_high": 100 * one.high, "is_noise": one.low <= 0 <= one.high,
        })  # fmt: skip
    return pd.DataFrame(rows)


@traced
def cross_heat(table: pd.DataFrame, look: Look) -> alt.LayerChart:
    """What tuning on one thing did to another, checkpoint by task, in points of accuracy; noise is grey. A cell can be picked.

    Args:
        table: of cross_table.
    """
    pick = alt.selection_point(name="pick", fields=["tuned", "task"], empty=False)
    cells = alt.Chart(table).encode(
        x=alt.X(
            "task:N",
            sort=list(dict.fromkeys(table["task"])),
            title="probed for",
            axis=alt.Axis(labelAngle=0, labelLimit=900 // table["task"].nunique(), orient="top", labelOverlap=False),
        ),
        y=alt.Y("tuned:N", sort=list(dict.fromkeys(table["tuned"])), title="tuned on", axis=alt.Axis(labelLimit=260)),
        tooltip=[alt.Tooltip("tuned:N"), alt.Tooltip("task:N"), alt.Tooltip("base:Q", format=".1%"), *_POINTS],
    )
    heat, *texts = _changed_cells(cells, table, look)
    ring = cells.mark_rect(filled=False, stroke=look.ink, strokeWidth=3).transform_filter(pick)
    layers = alt.layer(heat.add_params(pick), *texts, ring)
    return framed(layers, look, height=44 * table["tuned"].nunique() + _BELOW)


_BELOW = 62
"""Pixels that axis and title of a heat map take."""
_POINTS = (
    *(
        alt.Tooltip(f"{column}:Q", format="+.1f", title=title)
        for column, title in (("difference", "points"), ("difference_low", "from"), ("difference_high", "to"))
    ),
    alt.Tooltip("is_noise:N", title="inside the noise"),
)


def _changed_cells(cells: alt.Chart, table: pd.DataFrame, look: Look) -> list[alt.Chart]:
    """Rectangles coloured by difference and the numbers on them; grey where is_noise."""
    reach = min(10.0, max(5.0, float(table["difference"].abs().max())))  # beyond 10 points colour says no more
    ends = ["#C58BD6", "#2B303C", "#5DC98A"] if look.dark else ["#762A83", "#F4F2F6", "#1B7837"]
    scale = alt.Scale(domain=[-reach, 0, reach], range=ends, interpolate="lab", clamp=True)
    colour = alt.Color("difference:Q", scale=scale, legend=None)
    strong = "#111" if look.dark else "#fff"
    heat = cells.mark_rect().encode(color=alt.condition("datum.is_noise", alt.value(look.grid), colour))
    text = cells.mark_text(fontSize=look.size, fontWeight="bold").transform_filter("!datum.is_noise")
    text = text.encode(
        text=alt.Text("difference:Q", format="+.1f"),
        color=alt.condition(f"abs(datum.difference) > {0.55 * reach}", alt.value(strong), alt.value(look.ink)),
    )
    noise = cells.mark_text(fontSize=look.size, color=look.quiet).transform_filter("datum.is_noise")
    return [heat, text, noise.encode(text=alt.Text("difference:Q", format="+.1f"))]


@traced
def checkpoint_table(
    base: ProbeScores, tuned: Mapping[str, tuple[ProbeDifference | None, ProbeScores]]
) -> pd.DataFrame:
    """checkpoint, layer, accuracy, low, high, control, majority, difference to base and its interval, is_noise, tuned_layer.

    Layers are the base's; a checkpoint of another depth stands with the layer that faces each of them, its tuned_layer.
    """
    rows = []
    columns = ["checkpoint", "layer", "tuned_layer", "accuracy", "low", "high", "control", "majority"]
    for name, (change, scores) in {"base": (None, base), **tuned}.items():
        held = [
            (name, i, at, one.value, one.low, one.high, scores.control_score[at].value, scores.majority)
            for i, at in enumerate(facing_layers(len(base.score) - 1, len(scores.score) - 1))
            for one in [scores.score[at]]
        ]
        table = pd.DataFrame(held, columns=columns)
        changes = change.difference if change else ()
        for column, part in (("difference", "value"), ("difference_low", "low"), ("difference_high", "high")):
            table[column] = [getattr(one, part) for one in changes] if changes else np.nan
        rows.append(table.assign(is_noise=(table["difference_low"] <= 0) & (table["difference_high"] >= 0)))
    return pd.concat(rows, ignore_index=True)


@traced
def kept_tables(similarities: Mapping[str, LayerSimilarity]) -> pd.DataFrame:
    """kept_table of every checkpoint against the base, with a column checkpoint in front."""
    tables = [kept_table(held).assign(checkpoint=name) for name, held in similarities.items()]
    table = pd.concat(tables, ignore_index=True)
    if "tuned_layer" in table:  # of those of equal depth it is the layer itself
        table["tuned_layer"] = table["tuned_layer"].fillna(table["layer"]).astype(int)
    return table[["checkpoint", *(column for column in table if column != "checkpoint")]]


@traced
def checkpoint_curves(
    table: pd.DataFrame,
    name: str,
    look: Look,
    layer: int,
    *,
    checkpoints: Sequence[str],
    title: str,
    percent: bool,
    domain: tuple[float, float] | None = None,
) -> alt.LayerChart:
    """One curve a checkpoint, each with its intervals and its name at its end; a change inside the noise is hollow.

    Args:
        table: layer, checkpoint, the measure, low, high; is_noise, control and majority where there are such.
        name: column of the measure.
        checkpoints: all names in the order of their colours, the base first, drawn here or not.
        domain: of the measure's axis; otherwise what the intervals and controls need.
    """
    drawn = [one for one in checkpoints if one in set(table["checkpoint"])]
    depth = int(table["layer"].max())
    step = min(0.09, 0.4 / max(1, len(drawn) - 1))
    shift = {one: step * (i - (len(drawn) - 1) / 2) for i, one in enumerate(drawn)}
    table = table.assign(at=table["layer"] + table["checkpoint"].map(shift))
    # The names stand right of the last layer, inside the figure: there is room for them whatever its width.
    room = alt.Scale(domain=[-0.5, depth + 0.5 + 0.3 * (depth + 1)], nice=False, zero=False)
    axis = alt.Axis(values=list(range(depth + 1)), format="d", grid=False, labelAngle=0)
    x = alt.X("at:Q", title="layer (0 = embeddings)", scale=room, axis=axis)
    curves = _curves(
        table, name, look, x, checkpoints=checkpoints, title=title, percent=percent, domain=domain, gap=0.35
    )
    return framed(alt.layer(cursor_rects(depth, look, layer, room), *curves), look, height=_height(look))


@traced
def depth_table(scores: Mapping[str, ProbeScores]) -> pd.DataFrame:
    """checkpoint, layer, depth (layer as a share of its blocks), accuracy, low, high, control, majority; every layer its own.

    Vectors of one layer alone stand at depth 0.
    """
    rows = [
        (name, i, i / max(1, len(held.score) - 1), one.value, one.low, one.high, control.value, held.majority)
        for name, held in scores.items()
        for i, (one, control) in enumerate(zip(held.score, held.control_score, strict=True))
    ]
    columns = ["checkpoint", "layer", "depth", "accuracy", "low", "high", "control", "majority"]
    return pd.DataFrame(rows, columns=columns)


@traced
def depth_curves(
    table: pd.DataFrame,
    look: Look,
    *,
    checkpoints: Sequence[str],
    name: str = "accuracy",
    title: str = "accuracy on held-out sentences",
    guess: str = "majority",
) -> alt.LayerChart:
    """A share over relative depth, one curve a checkpoint, however many blocks it has.

    Args:
        table: of depth_table, or with other columns in the place of accuracy, control and majority.
        checkpoints: names in the order of their colours.
        name: column of the share.
        title: of its axis.
        guess: what the column majority holds.
    """
    room = alt.Scale(domain=[-0.04, 1.42], nice=False, zero=False)
    axis = alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=".0%", grid=False, labelAngle=0)
    x = alt.X("at:Q", title="depth (0 % = embeddings, 100 % = top)", scale=room, axis=axis)
    curves = _curves(
        table.assign(at=table["depth"]), name, look, x, checkpoints=checkpoints, title=title, percent=True, domain=None,
        gap=0.03, own_controls=True, guess=guess,
    )  # fmt: skip
    return framed(alt.layer(*curves), look, height=_height(look))


def _curves(
    table: pd.DataFrame,
    name: str,
    look: Look,
    x: alt.X,
    *,
    checkpoints: Sequence[str],
    title: str,
    percent: bool,
    domain: tuple[float, float] | None,
    gap: float,
    own_controls: bool = False,
    guess: str = "majority",
) -> list[alt.Chart]:
    """Guesses, intervals, lines, points and names of several checkpoints over the column "at"; names stand `gap` beside the end.

    Control tasks are grey; with own_controls each is in its checkpoint's colour, for where they differ as much as the curves.
    """
    if "is_noise" not in table:
        table = table.assign(is_noise=False)
    domain = domain or _domain(table)
    scale = alt.Scale(domain=domain, nice=False, zero=False, clamp=True)
    y = alt.Y(f"{name}:Q", title=title, scale=scale, axis=alt.Axis(format="%" if percent else ".2f", tickCount=5))
    hues = [look.base, look.tuned, *look.labels[:-2]]
    marks = ["circle", "triangle-up", "square", "diamond", "cross", "triangle-down", "triangle-right"]
    dashes = [[1, 0], [7, 3], [2, 2], [9, 2, 2, 2], [4, 4], [12, 3], [1, 3]]
    order = list(checkpoints)
    colour = alt.Color("checkpoint:N", scale=alt.Scale(domain=order, range=hues[: len(order)]), legend=None)
    shape = alt.Shape("checkpoint:N", scale=alt.Scale(domain=order, range=marks[: len(order)]), legend=None)
    dash = alt.StrokeDash("checkpoint:N", scale=alt.Scale(domain=order, range=dashes[: len(order)]), legend=None)
    number = ".1%" if percent else ".3f"
    shown = [
        alt.Tooltip("checkpoint:N"),
        *layer_tips(table),
        *(alt.Tooltip(f"{column}:Q", format=number) for column in (name, "low", "high")),
    ]
    if "difference" in table:
        shown.append(alt.Tooltip("difference:Q", format="+" + number, title="minus base"))
    chart = alt.Chart(table)
    error = chart.mark_rule(size=3, opacity=0.5).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), color=colour)
    line = chart.mark_line(strokeWidth=2.5).encode(x=x, y=y, color=colour, strokeDash=dash)
    dots = chart.encode(x=x, y=y, color=colour, shape=shape, tooltip=shown)
    solid = dots.transform_filter("!datum.is_noise").mark_point(filled=True, size=80, opacity=1)
    hollow = dots.transform_filter("datum.is_noise").mark_point(
        filled=False, fill=look.paper, size=70, strokeWidth=2, opacity=1
    )
    ends = alt.Chart(_ends(table, name, domain, look, gap)).mark_text(align="left", fontWeight="bold")
    ends = ends.encode(x=x, y=alt.Y("at_y:Q", scale=scale), text=alt.Text("checkpoint:N"), color=colour)
    return [
        *_guesses(table, look, x, gap, colour if own_controls else alt.value(look.quiet), guess),
        error,
        line,
        solid,
        hollow,
        ends,
    ]


def short_names(names: Sequence[str]) -> list[str]:
    """What tells names apart, of parts between " · ": the first where it suffices, else it and all that differ."""
    parts = [name.split(" · ") for name in names]
    if len({one[0] for one in parts}) == len(parts):
        return [one[0] for one in parts]
    if len({len(one) for one in parts}) > 1:
        return list(names)
    differing = [i for i, held in enumerate(zip(*parts, strict=True)) if len(set(held)) > 1]
    return [" · ".join(one[i] for i in sorted({0, *differing})) for one in parts]


def _height(look: Look) -> int:
    return 420 if look.projector else 340


def _domain(table: pd.DataFrame) -> tuple[float, float]:
    columns = [column for column in ("low", "control", "majority") if column in table]
    low, high = float(table[columns].min().min()), float(table["high"].max())
    margin = 0.05 * max(high - low, 0.02)
    return low - margin, high + margin


def _ends(table: pd.DataFrame, name: str, domain: tuple[float, float], look: Look, gap: float) -> pd.DataFrame:
    """Where each name stands: beside its curve's end, moved apart where they would overlap."""
    ends = table.loc[table.groupby("checkpoint")["layer"].idxmax()].sort_values(name).reset_index(drop=True)
    apart = (look.size + 6) / (_height(look) - _AROUND) * (domain[1] - domain[0])
    return ends.assign(at_y=moved_apart(ends[name], apart, domain[1]), at=ends["at"].max() + gap)


def _guesses(table: pd.DataFrame, look: Look, x: alt.X, gap: float, colour: Any, guess: str) -> list[alt.Chart]:
    """Control tasks, dotted, and what is had without any, grey, where the table has them. Args: guess: what "majority" holds."""
    last = table[table["layer"] == table["layer"].max()].head(1)
    last = last.assign(at=last["at"] + gap)
    drawn = []
    if "control" in table:
        own = alt.Chart(table).mark_line(strokeDash=[2, 3], strokeWidth=1.5, opacity=0.8)
        drawn.append(own.encode(x=x, y=alt.Y("control:Q"), detail=alt.Detail("checkpoint:N"), color=colour))
    if "majority" in table:
        rule = alt.Chart(table.head(1)).mark_rule(strokeDash=[6, 4], color=look.quiet, size=1.5)
        drawn.append(rule.encode(y=alt.Y("majority:Q")))
    return drawn + [
        alt.Chart(last)
        .mark_text(align="left", dy=shift, color=look.quiet)
        .encode(x=x, y=alt.Y(f"{column}:Q"), text=alt.TextValue(text))
        for column, text, shift in (("control", "control task", -10), ("majority", guess, -9))
        if column in table
    ]
