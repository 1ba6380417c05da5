"""Both sides of a joint map, on the same axes and scales, one brush over both."""

import warnings

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.joint_map import Maps
from core.charts.look import Look, framed

OTHER = "other"

# One brush on both views is what is meant; Altair warns that it is the same one.
warnings.filterwarnings("ignore", message="Automatically deduplicated selection parameter")


def map_table(maps: Maps, layer: int, colour: str) -> pd.DataFrame:
    """One row a point: text, sentence, label, x and y on both sides; rarer labels than seven are called other."""
    base, tuned = np.asarray(maps.base[layer]), np.asarray(maps.tuned[layer])
    labels = maps.points[colour].astype(str)
    common = labels.value_counts().index[:6]
    return pd.DataFrame(
        {
            "text": maps.points["text"],
            "sentence": maps.points["sentence"],
            colour: labels,
            "label": labels.where(labels.isin(common), OTHER),
            "base_x": base[:, 0],
            "base_y": base[:, 1],
            "tuned_x": tuned[:, 0],
            "tuned_y": tuned[:, 1],
        }
    )


def map_pair(maps: Maps, look: Look, layer: int, *, colour: str) -> alt.HConcatChart:
    """Base beside tuned. Points brushed on one side stay coloured on both."""
    table = map_table(maps, layer, colour)
    names = [name for name in table["label"].value_counts().index if name != OTHER]
    domain = [*names, OTHER] if (table["label"] == OTHER).any() else names
    colours = [*look.labels[: len(names)], look.quiet][: len(domain)]
    shapes = ["circle", "triangle-up", "square", "diamond", "cross", "triangle-down", "circle"][: len(domain)]
    brush = alt.selection_interval(name="brush", empty=True)
    limits = [_limits(table, axis) for axis in ("x", "y")]
    shares = maps.explained[layer]
    legend = alt.Legend(orient="top", direction="horizontal", columns=7)
    # Views laid side by side cannot stretch: the usual size fits 1280 pixels beside the sidebar, the other 1920.
    width, height = (660, 520) if look.projector else (405, 330)
    panels = []
    for side, name in (("base", "● base"), ("tuned", "▲ tuned")):
        panels.append(
            alt.Chart(table)
            .mark_point(filled=True, size=42)
            .encode(
                x=alt.X(f"{side}_x:Q", title=f"PC 1 ({shares[0]:.0%} of variance)", scale=limits[0], axis=_axis()),
                y=alt.Y(f"{side}_y:Q", title=f"PC 2 ({shares[1]:.0%})", scale=limits[1], axis=_axis()),
                color=alt.condition(
                    brush,
                    alt.Color("label:N", title=colour, scale=alt.Scale(domain=domain, range=colours), legend=legend),
                    alt.value(look.grid),
                ),
                shape=alt.Shape("label:N", title=colour, scale=alt.Scale(domain=domain, range=shapes), legend=legend),
                opacity=alt.condition(brush, alt.value(0.75), alt.value(0.25)),
                tooltip=["text", colour, "sentence"],
            )
            .properties(width=width, height=height, title=alt.TitleParams(name, color=getattr(look, side)))
        )
    return framed(alt.hconcat(*panels, spacing=24).add_params(brush), look)


def _limits(table: pd.DataFrame, axis: str) -> alt.Scale:
    """One range for both sides, so that a shift is seen as a shift."""
    values = table[[f"base_{axis}", f"tuned_{axis}"]].to_numpy()
    low, high = float(values.min()), float(values.max())
    margin = 0.04 * (high - low or 1.0)
    return alt.Scale(domain=[low - margin, high + margin], nice=False, zero=False)


def _axis() -> alt.Axis:
    return alt.Axis(labels=False, ticks=False, tickCount=5)
