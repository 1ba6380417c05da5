"""How far weights moved, by layer and part of a block, and beside what the space did."""

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.similarity import LayerSimilarity
from core.analyses.weight_change import WeightChanges
from core.analyses.weight_spectra import EMBEDDINGS, NORMS, PARTS, part_of
from core.charts.cursor import clickable, cursor_band, layer_axis, layer_rings
from core.charts.look import Look, framed
from core.charts.strip import kept_table
from core.maths.steps import accumulated, linear_loss
from core.origins import traced

TINY = 1e-5
"""Relative change of weights below which nothing is divided by it: numbers of 16 bits are not told apart so finely."""
EXTENT = 72
"""Pixels left of every panel over layers, so that those below each other share their layers."""


@traced
def parts_table(changes: WeightChanges) -> pd.DataFrame:
    """layer, part, relative_change (0 = untouched) over all tensors of a part, biases too; tensors that base has as zeros
    are left out."""
    tensors = changes.tensors.dropna()
    part = [
        EMBEDDINGS if layer == 0 else part_of(name)
        for layer, name in zip(tensors["layer"], tensors["tensor"], strict=True)
    ]
    energy = (tensors["norm"] ** 2).to_numpy()
    held = pd.DataFrame({
        "layer": tensors["layer"], "part": part, "moved": tensors["relative_change"] ** 2 * energy, "energy": energy,
    })  # fmt: skip
    sums = held.groupby(["layer", "part"], as_index=False)[["moved", "energy"]].sum()
    sums["relative_change"] = np.sqrt(sums["moved"] / sums["energy"])
    depth = len(changes.layers) - 1
    if sums["layer"].max() == 1 < depth:  # one block for all layers
        block = sums[sums["layer"] == 1]
        sums = pd.concat([sums, *(block.assign(layer=layer) for layer in range(2, depth + 1))], ignore_index=True)
    return sums[["layer", "part", "relative_change"]]


@traced
def parts_heat(table: pd.DataFrame, look: Look, layer: int) -> alt.LayerChart:
    """Relative change, layer by part of the block, the top of the network at the top; a click chooses a layer."""
    known = [EMBEDDINGS, *PARTS, NORMS]
    order = sorted(table["part"].unique(), key=lambda part: (known.index(part) if part in known else len(known), part))
    top = max(float(table["relative_change"].max()), TINY)
    depth = int(table["layer"].max())
    # Names of two or three words stand in as many lines.
    axis = alt.Axis(labelAngle=0, labelExpr="split(datum.value, ' ')", ticks=False, domain=False)
    cells = alt.Chart(table).encode(
        x=alt.X("part:N", sort=order, title=None, axis=axis),
        y=alt.Y("layer:O", title="layer (0 = embeddings)", sort="descending"),
        tooltip=["layer:O", "part:N", alt.Tooltip("relative_change:Q", format=".2%", title="relative change")],
    )
    colour = alt.Color(
        "relative_change:Q",
        title="change",
        scale=alt.Scale(scheme="viridis", domain=[0, top]),
        legend=alt.Legend(format=".1%", gradientLength=180, tickCount=4),
    )
    layers = [clickable(cells.mark_rect(cursor="pointer").encode(color=colour))]
    if depth <= 24 and len(order) <= 12:
        ink = alt.condition(f"datum.relative_change > {0.6 * top}", alt.value("#111"), alt.value("#fff"))
        text = alt.Text("relative_change:Q", format=".2%")
        layers.append(cells.mark_text(fontSize=look.size, cursor="pointer").encode(text=text, color=ink))
    layers += layer_rings(cells, look, layer)
    return framed(alt.layer(*layers), look, height=30 * (depth + 1) + 60)


@traced
def beside_table(similarity: LayerSimilarity, changes: WeightChanges) -> pd.DataFrame:
    """layer; lost: 1 - CKA, with low and high; relative_change of the layer's weights; accumulated: that of all layers up to
    and with it (core.maths.steps); ratio: sqrt(1 - CKA) over accumulated, with its interval from that of CKA alone; is_noise: the
    interval of lost holds 0; is_tiny: accumulated is too small to divide by, no ratio."""
    kept = kept_table(similarity)
    table = pd.DataFrame({
        "layer": kept["layer"], "lost": 1 - kept["cka"], "low": 1 - kept["high"], "high": 1 - kept["low"],
    })  # fmt: skip
    table["relative_change"] = np.asarray(changes.layers)[table["layer"]]
    table["accumulated"] = accumulated(changes.layers)[table["layer"]]
    table["is_noise"] = (table["low"] <= 0) & (table["high"] >= 0)
    table["is_tiny"] = ~(table["accumulated"] >= TINY)
    way = table["accumulated"].where(~table["is_tiny"])
    for name, source in (("ratio", "cka"), ("ratio_low", "high"), ("ratio_high", "low")):
        table[name] = linear_loss(kept[source]) / way
    return table


@traced
def lost_panel(table: pd.DataFrame, look: Look, layer: int) -> alt.LayerChart:
    """1 - CKA by layer. Args: table of beside_table."""
    ends = ("low", "high")
    return _panel(table, "lost", ends, look, layer, title="1 − CKA (0 = unchanged)", digits=".2f")


@traced
def ratio_panel(table: pd.DataFrame, look: Look, layer: int) -> alt.LayerChart:
    """Root of 1 - CKA over the weight change of all layers so far. Args: table of beside_table."""
    ends = ("ratio_low", "ratio_high")
    chart = _panel(table, "ratio", ends, look, layer, title="√(1 − CKA) ÷ steps so far", digits=".1f")
    if not table["is_tiny"].any():
        return chart
    said = (
        alt.Chart(table[table["is_tiny"]])
        .mark_text(color=look.quiet, lineBreak="\n")
        .encode(x=layer_axis(), y=alt.YValue(80), text=alt.TextValue("weights\nas good as\nuntouched"))
    )
    chart.layer = [*chart.layer, said]  # not a chart of its own: it would not know of the click
    return chart


@traced
def step_panel(table: pd.DataFrame, look: Look, layer: int) -> alt.LayerChart:
    """Relative change of the weights by layer. Args: table of beside_table."""
    x = layer_axis()
    y = alt.Y("relative_change:Q", title="weight change", axis=alt.Axis(format=".1%", tickCount=4, minExtent=EXTENT))
    shown = ["layer:O", alt.Tooltip("relative_change:Q", format=".2%", title="relative change")]
    bars = alt.Chart(table).mark_bar(color=look.bar, width=alt.RelativeBandSize(0.5)).encode(x=x, y=y, tooltip=shown)
    text = alt.Chart(table).mark_text(dy=-9).encode(x=x, y=y, text=alt.Text("relative_change:Q", format=".2%"))
    return framed(alt.layer(cursor_band(table, look, layer), bars, text), look, height=180)


def _panel(
    table: pd.DataFrame, name: str, ends: tuple[str, str], look: Look, layer: int, *, title: str, digits: str
) -> alt.LayerChart:  # fmt: skip
    """A curve with its band; hollow where the interval holds 0."""
    x = layer_axis()
    y = alt.Y(f"{name}:Q", title=title, axis=alt.Axis(format=digits, tickCount=4, minExtent=EXTENT))
    rows = alt.Chart(table).transform_filter(f"isValid(datum.{name})")
    shown: list[alt.Tooltip] = [alt.Tooltip("layer:O"), alt.Tooltip(f"{name}:Q", format=".3f")]
    shown += [
        *(alt.Tooltip(f"{end}:Q", format=".3f") for end in ends),
        alt.Tooltip("is_noise:N", title="inside the noise"),
    ]
    dots = rows.encode(x=x, y=y, tooltip=shown)
    solid = dots.transform_filter("!datum.is_noise").mark_point(filled=True, size=90, color=look.ink, opacity=1)
    hollow = dots.transform_filter("datum.is_noise").mark_point(
        filled=False, fill=look.paper, size=80, strokeWidth=2, color=look.ink, opacity=1
    )
    band = rows.mark_area(opacity=0.25, color=look.bar).encode(x=x, y=alt.Y(f"{ends[0]}:Q"), y2=alt.Y2(f"{ends[1]}:Q"))
    line = rows.mark_line(color=look.ink, strokeWidth=2.5).encode(x=x, y=y)
    return framed(alt.layer(cursor_band(table, look, layer), band, line, solid, hollow), look, height=200)
