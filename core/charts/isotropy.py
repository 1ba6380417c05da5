"""How a space uses its dimensions, and the step that tuning added to every vector."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.activation_difference import ActivationDifferences
from core.analyses.isotropy import Isotropies
from core.charts.cursor import clickable, cursor_band, joined, layer_axis, layer_rings
from core.charts.look import Look, cosine_scale, framed
from core.charts.sides import sides_table
from core.maths.shift import shift_agreement
from core.maths.statistics import Estimate
from core.origins import traced

HEIGHT = 320
_MOST_DIMENSIONS = 12
_WIDTH = 390
"""Of a panel: views laid side by side cannot stretch; two fit 1280 pixels beside the sidebar."""


@traced
def isotropy_table(result: Isotropies, measure: str) -> pd.DataFrame:
    """layer, side, value, low, high, difference and its interval, is_noise; at unequal depth also tuned_layer.

    Layers at which either side has no answer are left out.
    """
    table = sides_table("value", result.base[measure], result.tuned[measure], result.difference[measure])
    answered = table.groupby("layer")[["value", "difference"]].transform(lambda column: column.notna().all())
    return table[answered.all(axis=1)].reset_index(drop=True)


@traced
def measure_table(result: Isotropies, measure: str) -> pd.DataFrame:
    """isotropy_table with the values under the measure's name."""
    return isotropy_table(result, measure).rename(columns={"value": measure})


@traced
def outliers_table(result: Isotropies) -> pd.DataFrame:
    """The outlier dimensions of every layer, with whether the change of their share is inside the noise."""
    held = result.outliers
    return held.assign(is_noise=(held["difference_low"] <= 0) & (held["difference_high"] >= 0))


def outlier_counts(result: Isotropies, layer: int) -> tuple[int, int] | None:
    """How many dimensions are outliers at a layer, in base and in tuned; None where all rows of a side are equal."""
    base, tuned = result.n_outliers[:, layer]
    return None if np.isnan(base) or np.isnan(tuned) else (int(base), int(tuned))


@traced
def outliers_heat(table: pd.DataFrame, look: Look, layer: int) -> alt.HConcatChart:
    """Share of the variance in each outlier dimension by layer, base beside tuned; the largest dimensions only.

    A bold number is a change beyond the noise; an empty cell is a layer where the dimension is no outlier. A click on a cell
    chooses its layer.

    Args:
        table: of outliers_table, with a row at least.
        look: how to draw.
        layer: of the cursor, framed.
    """
    largest = table.groupby("dimension")[["base_share", "tuned_share"]].max().max(axis=1)
    names = largest.sort_values(ascending=False).index[:_MOST_DIMENSIONS].tolist()
    table = table[table["dimension"].isin(names)]
    most, row = float(largest.max()), 34 if look.projector else 27
    panels = [_outlier_panel(table, look, layer, side, names, most, row) for side in ("base", "tuned")]
    return framed(joined(panels, alt.hconcat, spacing=28), look)


def _outlier_panel(
    table: pd.DataFrame, look: Look, layer: int, side: str, names: Sequence[int], most: float, row: int
) -> alt.LayerChart:
    own = table[table[f"{side}_is_outlier"]]
    layers = sorted(table["layer"].unique().tolist())
    shown = [
        alt.Tooltip("layer:O"), alt.Tooltip("dimension:O"),
        *(alt.Tooltip(f"{side}_{name}:Q", format=".1%", title=name) for name in ("share", "low", "high")),
        alt.Tooltip(f"{side}_size:Q", format=".1f", title="size (1 = average dimension)"),
        alt.Tooltip("difference:Q", format="+.2%", title="tuned − base"),
        alt.Tooltip("is_noise:N", title="inside the noise"),
    ]  # fmt: skip
    cells = alt.Chart(own).encode(
        x=layer_axis(layers),
        y=alt.Y("dimension:O", title="dimension (number)", scale=alt.Scale(domain=list(names))),
        tooltip=shown,
    )
    heat = cells.mark_rect(cursor="pointer").encode(
        color=alt.Color(f"{side}_share:Q", scale=alt.Scale(scheme="viridis", domain=[0, most]), legend=None)
    )
    ink = alt.condition(f"datum.{side}_share > {0.6 * most}", alt.value("#111"), alt.value("#fff"))
    numbers = _numbers(cells, f"{side}_share", ".1%", ink, look)
    band = cursor_band(table, look, layer)  # in empty cells as well
    drawn = alt.LayerChart(layer=[band, heat, *numbers, *layer_rings(cells, look, layer)])
    drawn.width, drawn.height = _WIDTH, row * len(names)
    drawn.title = alt.TitleParams({"base": "● base", "tuned": "▲ tuned"}[side], color=getattr(look, side))
    return drawn


def _numbers(cells: alt.Chart, name: str, number: str, ink: Any, look: Look) -> list[alt.Chart]:
    """The number of each cell, bold where it is beyond the noise."""
    text = alt.Text(f"{name}:Q", format=number)
    noise = cells.transform_filter("datum.is_noise").mark_text(fontSize=look.size, fontWeight="normal")
    told = cells.transform_filter("!datum.is_noise").mark_text(fontSize=look.size, fontWeight="bold")
    return [noise.encode(text=text, color=ink), told.encode(text=text, color=ink)]


def place_names(n_positions: int) -> tuple[str, ...]:
    """Places in words: all words, word 1, word 2 …"""
    return ("all words", *(f"word {at}" for at in range(1, n_positions + 1)))


@traced
def shift_table(result: ActivationDifferences, measure: str, place: int) -> pd.DataFrame:
    """layer, value, low, high, n, is_noise; layers where nothing moved are left out.

    Args:
        result: of the analysis.
        measure: "share" or "norm".
        place: 0 = all words, 1 = the first word of a sentence …
    """
    held: Sequence[Sequence[Estimate | None]] = result.share if measure == "share" else result.norm
    rows = [
        {"layer": layer, "value": one.value, "low": one.low, "high": one.high, "n": one.n, "is_noise": one.low <= 0}
        for layer, estimates in enumerate(held)
        if (one := estimates[place]) is not None
    ]
    return pd.DataFrame(rows, columns=["layer", "value", "low", "high", "n", "is_noise"])


@traced
def shift_curve(table: pd.DataFrame, look: Look, layer: int, *, title: str, depth: int) -> alt.LayerChart:
    """The common shift by layer with its band; hollow where the interval reaches 0.

    Args:
        table: of shift_table.
        look: how to draw.
        layer: of the cursor.
        title: of the measure.
        depth: blocks, so that layers without an answer keep their place.
    """
    x = layer_axis()
    low, high = min(0.0, float(table["low"].min())), float(table["high"].max())
    scale = alt.Scale(domain=[low, 1.15 * high if 0 < high <= 0.7 else 1.0], clamp=True, nice=False)
    y = alt.Y("value:Q", title=title, scale=scale, axis=alt.Axis(format="%", tickCount=5))
    shown = [
        alt.Tooltip("layer:O"), *(alt.Tooltip(f"{name}:Q", format=".1%") for name in ("value", "low", "high")),
        alt.Tooltip("n:Q", format=","), alt.Tooltip("is_noise:N", title="inside the noise"),
    ]  # fmt: skip
    cursor = cursor_band(pd.DataFrame({"layer": range(depth + 1)}), look, layer)
    band = alt.Chart(table).mark_area(opacity=0.25, color=look.bar).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    line = alt.Chart(table).mark_line(color=look.ink, strokeWidth=2.5).encode(x=x, y=y)
    dots = alt.Chart(table).encode(x=x, y=y, tooltip=shown)
    solid = dots.transform_filter("!datum.is_noise").mark_point(filled=True, size=90, color=look.ink, opacity=1)
    hollow = dots.transform_filter("datum.is_noise").mark_point(
        filled=False, fill=look.paper, stroke=look.ink, size=80, strokeWidth=2, opacity=1
    )
    text = dots.mark_text(dy=-15, fontWeight="bold").encode(text=alt.Text("value:Q", format=".1%"))
    return framed(alt.layer(cursor, band, line, solid, hollow, text), look, height=HEIGHT)


@traced
def cosines_table(estimates: Sequence[Sequence[Estimate | None]], names: Sequence[str]) -> pd.DataFrame:
    """first, second, cosine, low, high, is_noise: one row a cell that has an answer."""
    rows = [
        {"first": names[i], "second": names[j], "cosine": one.value, "low": one.low, "high": one.high,
         "is_noise": one.low <= 0 <= one.high}
        for i, row in enumerate(estimates) for j, one in enumerate(row) if one is not None
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["first", "second", "cosine", "low", "high", "is_noise"])


@traced
def cosines_heat(
    table: pd.DataFrame, look: Look, *, names: Sequence[str], what: str, layer: int | None = None
) -> alt.LayerChart:
    """Cosine of mean shifts, every place or layer with every other; grey numbers are inside the noise around 0.

    Args:
        table: of cosines_table.
        look: how to draw.
        names: of rows and columns, in order.
        what: they are, for the axes.
        layer: of the cursor, where the names are numbers of layers: a click on a cell chooses its first one.
    """
    order = [name for name in names if name in set(table["first"])]
    if layer is not None:
        table = table.assign(layer=table["first"].astype(int))
    cells = alt.Chart(table).encode(
        x=alt.X("first:N", sort=order, title=what, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("second:N", sort=order, title=what),
        tooltip=["first", "second", *(alt.Tooltip(f"{name}:Q", format=".2f") for name in ("cosine", "low", "high"))],
    )
    heat = cells.mark_rect().encode(
        color=alt.Color(
            "cosine:Q", title="cosine", scale=cosine_scale(), legend=alt.Legend(gradientLength=180, tickCount=5)
        )
    )
    layers = [heat] if layer is None else [clickable(heat)]
    if len(order) <= 14:
        strong = "abs(datum.cosine) > 0.65"
        ink = alt.condition(strong, alt.value("#FFFFFF"), alt.value("#1F2430"))
        layers += _numbers(cells, "cosine", ".2f", ink, look)
    if layer is not None:
        layers += layer_rings(cells, look, layer)
    return framed(alt.layer(*layers), look, height=max(220, 34 * len(order)))


@traced
def tokens_table(result: ActivationDifferences, place: int, *, n: int = 6) -> pd.DataFrame:
    """layer, towards, away from: one row a layer, the top at the top; word-like tokens only.

    What is no nearer than scatter alone comes to some word in 95 of 100 draws stands in brackets.
    """
    held = result.tokens
    held = held[(held["place"] == place) & held["is_word"]]
    rows = []
    for layer in sorted(held["layer"].unique().tolist(), reverse=True):
        row: dict[str, object] = {"layer": layer}
        for way, sign in (("towards", 1), ("away from", -1)):
            own = held[(held["layer"] == layer) & (held["way"] == way)].sort_values("rank")[:n]
            row[way] = _listed(own["token"].tolist(), (sign * own["cosine"] > own["chance"]).tolist())
        rows.append(row)
    return pd.DataFrame(rows, columns=["layer", "towards", "away from"])


def _listed(tokens: Sequence[str], is_near: Sequence[bool]) -> str:
    near = [token for token, yes in zip(tokens, is_near, strict=True) if yes]
    far = [token for token, yes in zip(tokens, is_near, strict=True) if not yes]
    return "  ".join((", ".join(near), f"({', '.join(far)})" if far else "")).strip()


@traced
def agreement_table(one: ActivationDifferences, other: ActivationDifferences) -> pd.DataFrame:
    """layer, cosine, low, high: of the mean shifts of all words on two texts that share no sentence."""
    rows = []
    for layer, (first, second) in enumerate(zip(one.means, other.means, strict=True)):
        found = shift_agreement(np.asarray(first), np.asarray(second))
        if found is not None:
            rows.append({"layer": layer, "cosine": found.value, "low": found.low, "high": found.high})
    return pd.DataFrame(rows, columns=["layer", "cosine", "low", "high"])
