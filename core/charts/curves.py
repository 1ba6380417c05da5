"""Curves over layers, left to right from 0 to L, each with its interval and its controls."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from core.analyses.similarity import LayerSimilarity
from core.charts.look import Look, framed
from core.charts.strip import kept_table, layer_tips

HEIGHT = 320


MEASURES = {"cka": "linear CKA", "rsa": "RSA"}


def similarity_curve(similarity: LayerSimilarity, look: Look, layer: int) -> alt.LayerChart:
    """CKA or RSA of base against tuned by layer, with the jackknife band."""
    table, name = kept_table(similarity), similarity.measure
    shown = [*layer_tips(table), *(alt.Tooltip(f"{column}:Q", format=".3f") for column in (name, "low", "high"))]
    x = _layers()
    scale = alt.Scale(domain=[min(0.0, float(table["low"].min())), 1], clamp=True, nice=False)
    y = alt.Y(f"{name}:Q", title=f"{MEASURES[name]} (1 = unchanged, 0 = unrelated)", scale=scale)
    band = alt.Chart(table).mark_area(opacity=0.25, color=look.bar).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    line = alt.Chart(table).mark_line(color=look.ink, strokeWidth=2.5).encode(x=x, y=y)
    dots = alt.Chart(table).mark_point(filled=True, size=90, color=look.ink, opacity=1).encode(x=x, y=y, tooltip=shown)
    text = (
        alt.Chart(table).mark_text(dy=-14, fontWeight="bold").encode(x=x, y=y, text=alt.Text(f"{name}:Q", format=".2f"))
    )
    return framed(alt.layer(_cursor(table, look, layer), band, line, dots, text), look, height=HEIGHT)


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
) -> alt.LayerChart:
    """Base and tuned curves of one measure, labelled at their ends.

    With controls, the majority and, where the table has them, the control task and the random-weight model stand in grey.
    Small multiples give a domain, so that all of them share it, and a heading. What the column majority holds is named
    after `guess`.
    """
    number = ".1%" if percent else ".3f"
    x = _layers()
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
    ]
    band = alt.Chart(table).mark_area(opacity=0.18).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), color=colour)
    line = alt.Chart(table).mark_line(strokeWidth=2.5).encode(x=x, y=y, color=colour, strokeDash=_dash())
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
    layers = [_cursor(table, look, layer), band, line, solid, hollow, *ends]
    if controls:
        layers[1:1] = _controls(table, look, guess)
    return framed(alt.layer(*layers), look, height=height, **({"title": heading} if heading else {}))


def weight_bars(table: pd.DataFrame, look: Look, layer: int) -> alt.LayerChart:
    """Relative weight change by layer."""
    x = _layers()
    y = alt.Y("relative_change:Q", title="relative change (0 = untouched)", axis=alt.Axis(format=".1%"))
    shown = [alt.Tooltip("layer:O"), alt.Tooltip("relative_change:Q", format=".2%")]
    bars = alt.Chart(table).mark_bar(color=look.bar, width=alt.RelativeBandSize(0.5)).encode(x=x, y=y, tooltip=shown)
    text = (
        alt.Chart(table)
        .mark_text(dy=-10, fontWeight="bold")
        .encode(x=x, y=y, text=alt.Text("relative_change:Q", format=".2%"))
    )
    return framed(alt.layer(_cursor(table, look, layer), bars, text), look, height=HEIGHT)


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


def _layers() -> alt.X:
    return alt.X("layer:O", title="layer (0 = embeddings)", axis=alt.Axis(labelAngle=0, grid=False))


def _dash() -> alt.StrokeDash:
    return alt.StrokeDash("side:N", scale=alt.Scale(domain=["base", "tuned"], range=[[1, 0], [7, 3]]), legend=None)


def _cursor(table: pd.DataFrame, look: Look, layer: int) -> alt.Chart:
    rows = table[["layer"]].drop_duplicates()
    return (
        alt.Chart(rows[rows["layer"] == layer])
        .mark_bar(color=look.cursor, width=alt.RelativeBandSize(0.9))
        .encode(x=_layers(), y=alt.YValue(0), y2=alt.Y2Value("height"))
    )


def _controls(table: pd.DataFrame, look: Look, guess: str) -> list[alt.Chart]:
    """Control task of each side, majority and random weights, drawn once, in grey and named in place."""
    x = _layers()
    middle = int(table["layer"].max()) // 2
    drawn = [
        alt.Chart(table.head(1)).mark_rule(strokeDash=[6, 4], color=look.quiet, size=1.5).encode(y=alt.Y("majority:Q"))
    ]
    named = [("majority", guess, 0, -10)]
    if "control" in table:
        control = alt.Chart(table).encode(x=x, y=alt.Y("control:Q"), detail=alt.Detail("side:N"))
        if table["control"].notna().all():
            drawn.append(control.mark_line(strokeDash=[2, 3], color=look.quiet, strokeWidth=1.5))
            named.append(("control", "control task", middle, 12))
        else:  # known at some layers only
            drawn.append(
                control.transform_filter("isValid(datum.control)").mark_point(
                    shape="cross", angle=45, size=60, color=look.quiet, opacity=1
                )
            )
            named.append(("control", "control task", 0, 12))
    if "random" in table:
        once = table[table["side"] == "base"]
        shown = ["layer:O", *(alt.Tooltip(f"random{end}:Q", format=".1%") for end in ("", "_low", "_high"))]
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
