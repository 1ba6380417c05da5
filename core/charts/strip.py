"""The layer strip: panels over one shared layer axis, top of the network at the top, one question each."""

from collections.abc import Sequence
from typing import Literal

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.base import facing_layers
from core.analyses.crowding import CrowdingCurves
from core.analyses.probe import ProbeScores
from core.analyses.probe_change import ProbeDifference
from core.analyses.ridge_probe import RidgeScores
from core.analyses.ridge_probe_change import RidgeProbeDifference
from core.analyses.similarity import LayerSimilarity
from core.analyses.weight_change import WeightChanges
from core.charts.cursor import clickable, layer_colour
from core.charts.look import Look, framed, two_lines
from core.charts.numbers import ridge_table
from core.charts.sides import with_facing, with_random
from core.maths.statistics import Estimate
from core.origins import traced

_TITLE_WIDTH, _MEASURE_WIDTH = 20, 28
_AROUND = 116
"""Pixels of a panel that are not rows: title, subtitle, value axis."""


@traced
def kept_table(similarity: LayerSimilarity) -> pd.DataFrame:
    """layer, the measure by its name, low, high; shuffled where it has such; at unequal depth also tuned_layer."""
    base, tuned = (size - 1 for size in similarity.matrix.shape)
    table = _table(similarity.same_layer, similarity.measure)
    if similarity.shuffled:
        table["shuffled"] = pd.Series(similarity.shuffled, dtype=float)
    return with_facing(table, base, tuned)


@traced
def kept_panel(similarity: LayerSimilarity, look: Look, layer: int) -> alt.LayerChart:
    """How much of each layer's space is kept: linear CKA of base against tuned."""
    table = kept_table(similarity)
    return bars(
        table,
        "cka",
        look,
        layer,
        question="How much of the space is kept?",
        measure="linear CKA · 1 = unchanged",
        domain=(0.0, 1.0),
        digits=".2f",
        with_interval=True,
        with_layers=True,
    )


@traced
def weights_table(changes: WeightChanges) -> pd.DataFrame:
    """layer, relative_change."""
    return pd.DataFrame({"layer": range(len(changes.layers)), "relative_change": np.asarray(changes.layers)})


@traced
def weights_panel(changes: WeightChanges, look: Look, layer: int) -> alt.LayerChart:
    """How far the weights of each block moved."""
    table = weights_table(changes)
    top = float(max(table["relative_change"].max(), 1e-4)) * 1.3
    return bars(
        table,
        "relative_change",
        look,
        layer,
        question="How far did the weights move?",
        measure="relative change · one run: no interval",
        domain=(0.0, top),
        digits=".1%" if top > 0.01 else ".2%",
        with_interval=False,
        with_layers=False,
    )


@traced
def probe_table(
    base: ProbeScores, tuned: ProbeScores, change: ProbeDifference, random: ProbeScores | None = None
) -> pd.DataFrame:
    """layer, side, accuracy, low, high, control, majority, difference and its interval, is_noise.

    Rows of the tuned side are of the layer that faces the base's; at unequal depth it stands in tuned_layer. With the
    probe on a model of random weights also its accuracy, random, with random_low and random_high.
    """
    rows = []
    depths = len(base.score) - 1, len(tuned.score) - 1
    for side, scores, at in (("base", base, range(depths[0] + 1)), ("tuned", tuned, facing_layers(*depths))):
        table = _table([scores.score[i] for i in at], "accuracy").assign(side=side, majority=scores.majority)
        table["control"] = [scores.control_score[i].value for i in at]
        rows.append(table)
    table = with_facing(pd.concat(rows).merge(_differences(change.difference), on="layer"), *depths)
    return with_random(table, None if random is None else random.score)


@traced
def probe_panel(
    base: ProbeScores,
    tuned: ProbeScores,
    change: ProbeDifference,
    look: Look,
    layer: int,
    *,
    label: str,
    random: ProbeScores | None = None,
) -> alt.LayerChart:
    """What a linear probe reads from each layer on both sides, with majority, control task and random weights."""
    table = probe_table(base, tuned, change, random)
    domain = max(0.0, _lowest(table) - 0.04), min(1.0, float(table["high"].max()) + 0.03)
    measure = "accuracy · –\N{NO-BREAK SPACE}– majority " + _marks(random)
    question = f"Can {label} still be read?"
    return _with_controls(table, "accuracy", look, layer, question, measure, domain, "%")


@traced
def number_panel(
    base: RidgeScores,
    tuned: RidgeScores,
    change: RidgeProbeDifference,
    look: Look,
    layer: int,
    *,
    number: str,
    random: RidgeScores | None = None,
) -> alt.LayerChart:
    """How exactly a ridge probe reads a number from each layer on both sides, with the mean, control task and random weights."""
    table = ridge_table(base, tuned, change, "r2", random)
    domain = max(-1.0, _lowest(table) - 0.04), min(1.0, float(table["high"].max()) + 0.03)
    measure = "R² · –\N{NO-BREAK SPACE}– always the mean " + _marks(random)
    return _with_controls(table, "r2", look, layer, f"Can {number} still be read?", measure, domain, ".1f")


def _marks(random: ProbeScores | RidgeScores | None) -> str:
    """Which controls are drawn by marks, with spaces that no line ends at."""
    marks = "· × control task" if random is None else "· × control · ◆ random"
    return marks.replace(" ", "\N{NO-BREAK SPACE}")


def _lowest(table: pd.DataFrame) -> float:
    """The smallest value of an interval or a control."""
    return min(float(table[name].min()) for name in ("majority", "control", "low", "random") if name in table)


def _with_controls(
    table: pd.DataFrame,
    name: str,
    look: Look,
    layer: int,
    question: str,
    measure: str,
    domain: tuple[float, float],
    format_: str,
) -> alt.LayerChart:
    """Both sides over what a guess, the control task and, where it is there, a model of random weights give."""
    scale = alt.Scale(domain=domain, clamp=True, nice=False, zero=False)
    number = ".1%" if format_ == "%" else ".3f"
    control = (
        alt.Chart(table)
        .mark_point(shape="cross", angle=45, size=40, color=look.quiet, opacity=0.8)
        .encode(
            x=alt.X("control:Q", scale=scale),
            y=_layer_axis(look, shown=False),
            yOffset=_side_offset(look),
            tooltip=["layer", "side", alt.Tooltip("control:Q", format=number, title="control task")],
        )
    )
    majority = (
        alt.Chart(table.head(1))
        .mark_rule(strokeDash=[4, 4], color=look.quiet, size=1.5)
        .encode(x=alt.X("majority:Q", scale=scale))
    )
    below = [majority, control]
    if "random" in table:
        below.append(_random_marks(table, look, scale, number))
    return pairs(
        table, name, look, layer, question=question, measure=measure, domain=domain, format_=format_, below=below
    )


def _random_marks(table: pd.DataFrame, look: Look, scale: alt.Scale, number: str) -> alt.Chart:
    """What the probe reads from random weights, one grey diamond a layer."""
    return (
        alt.Chart(table[table["side"] == "base"])
        .mark_point(shape="diamond", filled=True, size=55, color=look.quiet, opacity=0.9)
        .encode(
            x=alt.X("random:Q", scale=scale),
            y=_layer_axis(look, shown=False),
            tooltip=["layer", alt.Tooltip("random:Q", format=number, title="random weights")],
        )
    )


@traced
def crowding_table(curves: CrowdingCurves) -> pd.DataFrame:
    """layer, side, mean_cosine, low, high, difference and its interval, is_noise; as probe_table at unequal depth."""
    depths = len(curves.base) - 1, len(curves.tuned) - 1
    sides = {"base": curves.base, "tuned": [curves.tuned[i] for i in facing_layers(*depths)]}
    rows = [_table(held, "mean_cosine").assign(side=side) for side, held in sides.items()]
    # Results of two depths that were stored before these were compared have no differences.
    return with_facing(pd.concat(rows).merge(_differences(curves.difference), on="layer", how="left"), *depths)


@traced
def crowding_panel(curves: CrowdingCurves, look: Look, layer: int, *, unit: str) -> alt.LayerChart:
    """Whether the space crowds into a cone: mean cosine of random pairs."""
    table = crowding_table(curves)
    low, high = min(0.0, float(table["low"].min())), float(table["high"].max())
    return pairs(
        table,
        "mean_cosine",
        look,
        layer,
        question=f"Do {unit}s crowd together?",
        measure="mean cosine of random pairs · 0 = spread out",
        domain=(low, high * 1.08 + 0.01),
        format_=".1f" if high > 0.25 else ".2f",
        below=[],
    )


def _table(estimates: Sequence[Estimate | None], name: str) -> pd.DataFrame:
    """One row a layer; a layer without an estimate stays, empty."""
    rows = [(held.value, held.low, held.high) if held else (None, None, None) for held in estimates]
    table = pd.DataFrame(rows, columns=[name, "low", "high"], dtype=float)
    table.insert(0, "layer", range(len(estimates)))
    return table


@traced
def layer_tips(table: pd.DataFrame) -> list[alt.Tooltip]:
    """What the tooltip of a mark says of its layer."""
    return [alt.Tooltip("layer:O"), *facing_tips(table)]


@traced
def facing_tips(table: pd.DataFrame) -> list[alt.Tooltip]:
    """The tuned layer, where it is another than the base's."""
    return [alt.Tooltip("tuned_layer:O", title="tuned layer")] if "tuned_layer" in table else []


def _differences(estimates: tuple[Estimate, ...]) -> pd.DataFrame:
    table = _table(estimates, "difference").rename(columns={"low": "difference_low", "high": "difference_high"})
    return table.assign(is_noise=(table["difference_low"] <= 0) & (table["difference_high"] >= 0))


def _layer_axis(look: Look, *, shown: bool) -> alt.Y:
    axis = alt.Axis(
        title=None, ticks=False, domain=False, grid=True, labels=shown, labelFontWeight="bold", labelExpr="datum.label"
    )
    return alt.Y("layer:O", sort="descending", axis=axis, scale=alt.Scale(paddingInner=0, paddingOuter=0))


def _rows(table: pd.DataFrame, look: Look, layer: int, *, with_layers: bool) -> alt.Chart:
    """Full-width rows behind the marks: the chosen layer's band, and the target of a click."""
    rows = table[["layer"]].drop_duplicates().assign(chosen=lambda frame: frame["layer"] == layer)
    drawn = alt.Chart(rows).mark_bar(cursor="pointer", height=alt.RelativeBandSize(1.0))
    return clickable(
        drawn.encode(
            y=_layer_axis(look, shown=with_layers),
            x=alt.XValue(0),
            x2=alt.X2Value("width"),
            color=layer_colour(look),
            tooltip=alt.TooltipValue(None),
        )
    )


def _title(question: str, measure: str) -> alt.TitleParams:
    return alt.TitleParams(two_lines(question, _TITLE_WIDTH), subtitle=two_lines(measure, _MEASURE_WIDTH))


@traced
def bars(
    table: pd.DataFrame,
    name: str,
    look: Look,
    layer: int,
    *,
    question: str,
    measure: str,
    domain: tuple[float, float],
    digits: str,
    with_interval: bool,
    with_layers: bool,
) -> alt.LayerChart:
    """Bars of one value a layer, with its interval where there is one and the number written at the end."""
    x = alt.X(f"{name}:Q", scale=alt.Scale(domain=domain, clamp=True), axis=_value_axis(digits))
    y = _layer_axis(look, shown=with_layers)
    shown = [*layer_tips(table), alt.Tooltip(f"{name}:Q", format=".3f" if "%" not in digits else ".2%")]
    if with_interval:
        shown += [alt.Tooltip("low:Q", format=".3f"), alt.Tooltip("high:Q", format=".3f")]
        table = table.assign(end=table[["high", name]].max(axis=1))
    else:
        table = table.assign(end=table[name])
    layers = [
        _rows(table, look, layer, with_layers=with_layers),
        alt.Chart(table).mark_bar(color=look.bar, height=20).encode(x=x, y=y, tooltip=shown),
    ]
    if with_interval:
        layers.append(
            alt.Chart(table)
            .mark_rule(size=3, color=look.ink)
            .encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"), y=y, tooltip=shown)
        )
    # Beyond three quarters of the axis the number would leave the panel: there it is written inside the bar.
    inside = domain[0] + 0.75 * (domain[1] - domain[0])
    placed: tuple[tuple[str, Literal["left", "right"], int, str], ...] = (
        ("<=", "left", 6, look.ink),
        (">", "right", -8, look.paper),
    )
    for keep, align, shift, colour in placed:
        layers.append(
            alt.Chart(table)
            .transform_filter(f"datum.end {keep} {inside}")
            .mark_text(align=align, dx=shift, color=colour, fontWeight="bold")
            .encode(
                x=alt.X("end:Q") if keep == "<=" else "low:Q" if with_interval else "end:Q",
                y=y,
                text=alt.Text(f"{name}:Q", format=digits),
            )
        )
    return _finished(layers, table, look, question, measure)


@traced
def pairs(
    table: pd.DataFrame,
    name: str,
    look: Look,
    layer: int,
    *,
    question: str,
    measure: str,
    domain: tuple[float, float],
    format_: str,
    below: list[alt.Chart],
) -> alt.LayerChart:
    """Base ● and tuned ▲ on each layer with their intervals; a tuned mark is hollow where the change is noise."""
    scale = alt.Scale(domain=domain, clamp=True, nice=False, zero=False)
    x = alt.X(f"{name}:Q", scale=scale, axis=_value_axis(format_))
    y = _layer_axis(look, shown=False)
    number = ".1%" if "%" in format_ else ".3f"
    shown = [
        *layer_tips(table),
        alt.Tooltip("side:N"),
        alt.Tooltip(f"{name}:Q", format=number),
        alt.Tooltip("low:Q", format=number),
        alt.Tooltip("high:Q", format=number),
        alt.Tooltip("difference:Q", format="+" + number, title="tuned − base"),
        alt.Tooltip("difference_low:Q", format="+" + number, title="from"),
        alt.Tooltip("difference_high:Q", format="+" + number, title="to"),
    ]
    sides = alt.Scale(domain=["base", "tuned"], range=[look.base, look.tuned])
    shapes = alt.Scale(domain=["base", "tuned"], range=["circle", "triangle-up"])
    offset = _side_offset(look)
    colour = alt.Color("side:N", scale=sides, legend=None)
    intervals = (
        alt.Chart(table)
        .mark_rule(size=4, opacity=0.45)
        .encode(x=alt.X("low:Q", scale=scale), x2=alt.X2("high:Q"), y=y, yOffset=offset, color=colour)
    )
    marks = alt.Chart(table).encode(
        x=x, y=y, yOffset=offset, color=colour, shape=alt.Shape("side:N", scale=shapes, legend=None), tooltip=shown
    )
    solid = marks.transform_filter("datum.side == 'base' || !datum.is_noise").mark_point(
        filled=True, size=110, opacity=1
    )
    hollow = marks.transform_filter("datum.side == 'tuned' && datum.is_noise").mark_point(
        filled=False, fill=look.paper, size=95, strokeWidth=2, opacity=1
    )
    layers = [_rows(table, look, layer, with_layers=False), *below, intervals, solid, hollow]
    return _finished(layers, table, look, question, measure)


def _row(look: Look) -> int:
    """Height of a layer's row in pixels."""
    return 52 if look.projector else 36


def _side_offset(look: Look) -> alt.YOffset:
    """Base a little above the middle of its row, tuned a little below, so that neither hides the other."""
    return alt.YOffset(
        "side:N", scale=alt.Scale(domain=["base", "tuned"], range=[0.36 * _row(look), 0.64 * _row(look)])
    )


def _value_axis(format_: str) -> alt.Axis:
    return alt.Axis(
        title=None,
        format=format_,
        tickCount=3,
        labelOverlap=True,
        labelFlush=True,
    )


def _finished(layers: list[alt.Chart], table: pd.DataFrame, look: Look, question: str, measure: str) -> alt.LayerChart:
    height = _row(look) * table["layer"].nunique() + _AROUND + (24 if look.projector else 0)
    return framed(alt.layer(*layers), look, height=height, title=_title(question, measure))
