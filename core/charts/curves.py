"""Curves over layers, left to right from 0 to L, each with its interval and its controls."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from core.charts.cursor import cursor_band, layer_axis
from core.charts.look import Look, framed
from core.charts.strip import layer_tips
from core.origins import traced

HEIGHT = 320


@traced
def side_curves(
    table: pd.DataFrame,
    name: str,
    look: Look,
    layer: int,
    *,
    title: str,
    percent: bool,
    controls: bool,
    domain: tuple[float, float] | None = None,
    height: int = HEIGHT,
    heading: str = "",
    guess: str = "majority",
    tips: Sequence[alt.Tooltip] = (),
) -> alt.LayerChart:
    """Base and tuned curves of one measure, labelled at their ends.

    With controls, the majority and, where the table has them, the control task and the random-weight model stand in grey.
    Small multiples give a domain, so that all of them share it, and a heading. What the column majority holds is named
    after `guess`. Further tips may say what else the table has.
    """
    number = ".1%" if percent else ".3f"
    x = layer_axis()
    scale = alt.Scale(zero=False) if domain is None else alt.Scale(domain=domain, zero=False, nice=False, clamp=True)
    if domain is None and percent and table["high"].max() > 0.9:  # no axis beyond all
        scale = alt.Scale(zero=False, domainMax=1, clamp=True)
    y = alt.Y(f"{name}:Q", title=title, scale=scale, axis=alt.Axis(format="%" if percent else ".2f", tickCount=5))
    colour = alt.Color("side:N", scale=alt.Scale(domain=["base", "tuned"], range=[look.base, look.tuned]), legend=None)
    shape = alt.Shape("side:N", scale=alt.Scale(domain=["base", "tuned"], range=["circle", "triangle-up"]), legend=None)
    shown = [
        *layer_tips(table),
        alt.Tooltip("side:N"),
        *(alt.Tooltip(f"{column}:Q", format=number) for column in (name, "low", "high")),
        alt.Tooltip("difference:Q", format="+" + number, title="tuned − base"),
        alt.Tooltip("is_noise:N", title="inside the noise"),
        *tips,
    ]
    # Each side by itself: paths of several series are drawn in a group that would catch the clicks meant for a layer.
    bands, lines = [], []
    for side, hue, dash in (("base", look.base, [1, 0]), ("tuned", look.tuned, [7, 3])):
        own = alt.Chart(table[table["side"] == side])
        bands.append(own.mark_area(opacity=0.18, color=hue).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q")))
        lines.append(own.mark_line(strokeWidth=2.5, color=hue, strokeDash=dash).encode(x=x, y=y))
    dots = alt.Chart(table).encode(x=x, y=y, color=colour, shape=shape, tooltip=shown)
    solid = dots.transform_filter("datum.side == 'base' || !datum.is_noise").mark_point(filled=True, size=90, opacity=1)
    hollow = dots.transform_filter("datum.side == 'tuned' && datum.is_noise").mark_point(
        filled=False, fill=look.paper, size=80, strokeWidth=2, opacity=1
    )
    last = table[table["layer"] == table["layer"].max()].sort_values(name).assign(nudge=[8, -8])
    ends = [
        alt.Chart(last.iloc[[i]])
        .mark_text(align="left", dx=12, dy=int(last["nudge"].iloc[i]), fontWeight="bold")
        .encode(x=x, y=y, text=alt.Text("side:N"), color=colour)
        for i in range(len(last))
    ]
    layers = [cursor_band(table, look, layer), *bands, *lines, solid, hollow, *ends]
    if controls:
        layers[1:1] = _controls(table, look, guess, number)
    return framed(alt.layer(*layers), look, height=height, **({"title": heading} if heading else {}))


@traced
def weight_bars(table: pd.DataFrame, look: Look, layer: int) -> alt.LayerChart:
    """Relative weight change by layer."""
    x = layer_axis()
    y = alt.Y("relative_change:Q", title="relative change (0 = untouched)", axis=alt.Axis(format=".1%"))
    shown = [alt.Tooltip("layer:O"), alt.Tooltip("relative_change:Q", format=".2%")]
    bars = alt.Chart(table).mark_bar(color=look.bar, width=alt.RelativeBandSize(0.5)).encode(x=x, y=y, tooltip=shown)
    text = (
        alt.Chart(table)
        .mark_text(dy=-10, fontWeight="bold")
        .encode(x=x, y=y, text=alt.Text("relative_change:Q", format=".2%"))
    )
    return framed(alt.layer(cursor_band(table, look, layer), bars, text), look, height=HEIGHT)


@traced
def loss_curve(curve: pd.DataFrame, look: Look, *, n_steps: int, snapshots: Sequence[int] = ()) -> alt.LayerChart:
    """Training loss by step, up to now; ticks below mark the steps whose weights are kept.

    Args:
        curve: step, loss, learning_rate.
        look: how to draw.
        n_steps: of the whole run, so that a run under way shows how far it is.
        snapshots: steps that are kept.
    """
    x = alt.X("step:Q", title="training step", scale=alt.Scale(domain=[0, n_steps], nice=False))
    line = (
        alt.Chart(curve)
        .mark_line(color=look.tuned, strokeWidth=2.5, point={"color": look.tuned, "filled": True, "size": 40})
        .encode(
            x=x,
            y=alt.Y("loss:Q", title="training loss (lower = better fit)", scale=alt.Scale(domainMin=0)),
            tooltip=["step", alt.Tooltip("loss:Q", format=".3f"), alt.Tooltip("learning_rate:Q", format=".2e")],
        )
    )
    kept = (
        alt.Chart(pd.DataFrame({"step": list(snapshots)}))
        .mark_point(shape="triangle-up", filled=True, color=look.quiet, size=70)
        .encode(x=x, y=alt.YValue("height"), tooltip=[alt.Tooltip("step:Q", title="kept at step")])
    )
    return framed(alt.layer(line, *([kept] if snapshots else [])), look, height=220)


def _controls(table: pd.DataFrame, look: Look, guess: str, number: str) -> list[alt.Chart]:
    """Control task of each side, majority and random weights, drawn once, in grey and named in place."""
    x = layer_axis()
    middle = int(table["layer"].max()) // 2
    drawn: list[alt.Chart] = []
    named: list[tuple[str, str, int, int]] = []
    if "majority" in table:
        rule = alt.Chart(table.head(1)).mark_rule(strokeDash=[6, 4], color=look.quiet, size=1.5)
        drawn.append(rule.encode(y=alt.Y("majority:Q")))
        named.append(("majority", guess, 0, -10))
    if "control" in table:
        sides = [alt.Chart(own).encode(x=x, y=alt.Y("control:Q")) for _, own in table.groupby("side")]
        if table["control"].notna().all():
            drawn += [control.mark_line(strokeDash=[2, 3], color=look.quiet, strokeWidth=1.5) for control in sides]
            named.append(("control", "control task", middle, 12))
        else:  # known at some layers only
            drawn += [
                control.transform_filter("isValid(datum.control)").mark_point(
                    shape="cross", angle=45, size=60, color=look.quiet, opacity=1
                )
                for control in sides
            ]
            named.append(("control", "control task", 0, 12))
    if "random" in table:
        once = table[table["side"] == "base"]
        shown = ["layer:O", *(alt.Tooltip(f"random{end}:Q", format=number) for end in ("", "_low", "_high"))]
        drawn += [
            alt.Chart(once).mark_line(color=look.quiet, strokeWidth=2).encode(x=x, y=alt.Y("random:Q")),
            alt.Chart(once)
            .mark_point(shape="diamond", filled=True, size=45, color=look.quiet, opacity=1)
            .encode(x=x, y=alt.Y("random:Q"), tooltip=shown),
        ]
        named.append(("random", "random weights", middle, -12))
    names = [
        alt.Chart(table[table["layer"] == at].head(1))
        .mark_text(align="left", dx=14, dy=shift, color=look.quiet)
        .encode(x=x, y=alt.Y(f"{column}:Q"), text=alt.TextValue(name))
        for column, name, at, shift in named
    ]
    return [*drawn, *names]
