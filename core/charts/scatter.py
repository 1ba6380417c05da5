"""Both sides of a joint map, on the same axes and scales, one brush over both."""

import warnings
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.joint_map import Maps
from core.analyses.joint_umap import UmapMaps
from core.charts.look import Look, framed
from core.refs import LABEL_NAMES

OTHER = "other"
N_NAMED = 6
"""Labels with a colour and a shape of their own; rarer ones are called other."""

# One brush on both views is what is meant; Altair warns that it is the same one.
warnings.filterwarnings("ignore", message="Automatically deduplicated selection parameter")


def map_table(maps: Maps, layer: int, colour: str) -> pd.DataFrame:
    """One row a point: text, sentence, labels, x and y on both sides; label is what it is coloured by."""
    return _table(maps.base[layer], maps.tuned[layer], maps.points, colour)


def umap_table(maps: UmapMaps, colour: str) -> pd.DataFrame:
    """The same for a UMAP."""
    return _table(maps.base, maps.tuned, maps.points, colour)


def map_pair(maps: Maps, look: Look, layer: int, *, colour: str) -> alt.HConcatChart:
    """PCA, base beside tuned. Points brushed on one side stay coloured on both; a click in the key shows that label alone."""
    first, second = maps.explained[layer]
    titles = f"PC 1 ({first:.0%} of variance)", f"PC 2 ({second:.0%})"
    return _pair(map_table(maps, layer, colour), maps.points, look, colour, titles)


def umap_pair(maps: UmapMaps, look: Look, *, colour: str) -> alt.HConcatChart:
    """UMAP, drawn as the PCA is. The axes have no unit."""
    return _pair(umap_table(maps, colour), maps.points, look, colour, ("UMAP 1 (no unit)", "UMAP 2 (no unit)"))


def _table(base: np.ndarray, tuned: np.ndarray, points: pd.DataFrame, colour: str) -> pd.DataFrame:
    base, tuned = np.asarray(base), np.asarray(tuned)
    return points.assign(
        label=_numbers(points[colour]) if is_numeric(points[colour]) else _named(points[colour]),
        base_x=base[:, 0],
        base_y=base[:, 1],
        tuned_x=tuned[:, 0],
        tuned_y=tuned[:, 1],
    )


def is_numeric(labels: pd.Series) -> bool:
    """Whether labels are numbers, and more than have a colour of their own: they are drawn on a scale then."""
    return labels.nunique() > N_NAMED + 1 and bool(_numbers(labels).notna().all())


def _numbers(labels: pd.Series) -> pd.Series:
    return pd.to_numeric(labels, errors="coerce")


def _named(labels: pd.Series) -> pd.Series:
    labels = labels.astype(str)
    counts = labels.value_counts()
    return labels if len(counts) <= N_NAMED + 1 else labels.where(labels.isin(counts.index[:N_NAMED]), OTHER)


def _pair(
    table: pd.DataFrame, points: pd.DataFrame, look: Look, colour: str, titles: tuple[str, str]
) -> alt.HConcatChart:
    brush = alt.selection_interval(name="brush", empty=True)
    colours, shapes, picked = _encodings(table, look, colour)
    # Views laid side by side cannot stretch: this fits 1280 pixels beside the sidebar.
    width, height = 405, 330
    limits = _limits(table, width / height)
    panels = []
    for side, name in (("base", "● base"), ("tuned", "▲ tuned")):
        panel = (
            alt.Chart(table)
            .mark_point(filled=True, size=42 if len(table) <= 2000 else 24)
            .encode(
                x=alt.X(f"{side}_x:Q", title=titles[0], scale=limits[0], axis=_axis()),
                y=alt.Y(f"{side}_y:Q", title=titles[1], scale=limits[1], axis=_axis()),
                color=alt.condition(brush, colours, alt.value(look.grid)),
                opacity=alt.condition(brush, alt.value(0.75), alt.value(0.25)),
                tooltip=[alt.Tooltip(f"{column}:N") for column in points.columns],
                **shapes,
            )
            .properties(width=width, height=height, title=alt.TitleParams(name, color=getattr(look, side)))
        )
        panels.append(panel if picked is None else panel.transform_filter(picked))
    params = [brush] if picked is None else [brush, picked]
    # By itself the page would draw up to 2,000 rows, twice as many points, as one SVG element each: a drag lags then.
    drawn = alt.hconcat(*panels, spacing=24, usermeta={"embedOptions": {"renderer": "canvas"}})
    return framed(drawn.add_params(*params), look)


def _encodings(table: pd.DataFrame, look: Look, colour: str) -> tuple[alt.Color, dict[str, Any], alt.Parameter | None]:
    """Colour, shape where labels are names, and the selection that a click in their key makes."""
    title = LABEL_NAMES.get(colour, colour)
    if is_numeric(table["label"]):
        scale = alt.Scale(scheme="viridis", reverse=not look.dark)
        legend = alt.Legend(orient="top", direction="horizontal", gradientLength=220)
        return alt.Color("label:Q", title=title, scale=scale, legend=legend), {}, None
    names = [name for name in table["label"].value_counts().index if name != OTHER]
    domain = [*names, OTHER] if (table["label"] == OTHER).any() else names
    hues = [*look.labels[: len(names)], look.quiet][: len(domain)]
    marks = ["circle", "triangle-up", "square", "diamond", "cross", "triangle-down", "circle"][: len(domain)]
    legend = alt.Legend(orient="top", direction="horizontal", columns=7)
    return (
        alt.Color("label:N", title=title, scale=alt.Scale(domain=domain, range=hues), legend=legend),
        {
            "shape": alt.Shape(
                "label:N",
                title=title,
                scale=alt.Scale(domain=domain, range=marks),
                legend=legend,
            )
        },
        alt.selection_point(name="picked", fields=["label"], bind="legend"),
    )


def _limits(table: pd.DataFrame, aspect: float) -> list[alt.Scale]:
    """Ranges of x and y for both sides: the same, so that a shift is a shift, and of one unit, so that distances are true."""
    spans = []
    for axis in ("x", "y"):
        values = table[[f"base_{axis}", f"tuned_{axis}"]].to_numpy()
        spans.append((float(values.min() + values.max()) / 2, float(values.max() - values.min()) or 1.0))
    (middle_x, wide), (middle_y, high) = spans
    half = 0.54 * max(wide / aspect, high)
    ranges = (middle_x - half * aspect, middle_x + half * aspect), (middle_y - half, middle_y + half)
    return [alt.Scale(domain=list(ends), nice=False, zero=False) for ends in ranges]


def _axis() -> alt.Axis:
    return alt.Axis(labels=False, ticks=False, tickCount=5)
