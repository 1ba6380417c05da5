"""Both sides of a joint map, on the same axes and scales: for the canvas, and as the figure that is kept as SVG or PNG."""

import warnings
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.joint_map import Maps
from core.analyses.joint_umap import UmapMaps
from core.analyses.label_axes import FoundAxes
from core.analyses.map_chain import ChainedMaps
from core.charts.labels import OTHER, is_numeric, key_of, named, numbers
from core.charts.look import Look, framed
from core.charts.points import Panel
from core.refs import LABEL_NAMES

SIDES = {"base": "● base", "tuned": "▲ tuned"}
"""Titles of the panels."""
UMAP_AXES = "UMAP 1 (no unit)", "UMAP 2 (no unit)"
AXIS = "on the axis"
"""Column of axes_points."""
_NAME = 26
"""Letters of a value in the title of an axis."""
AT_RANDOM = 0.5
"""Trustworthiness of a map drawn at random, about."""

# One brush on both views is what is meant; Altair warns that it is the same one.
warnings.filterwarnings("ignore", message="Automatically deduplicated selection parameter")


def map_table(maps: Maps, layer: int, colour: str) -> pd.DataFrame:
    """One row a point: text, sentence, labels, x and y on both sides; label is what it is coloured by."""
    return _table(maps.base[layer], maps.tuned[layer], maps.points, colour)


def umap_table(maps: UmapMaps, colour: str) -> pd.DataFrame:
    """The same for a UMAP."""
    return _table(maps.base, maps.tuned, maps.points, colour)


def map_panels(maps: Maps, layer: int, look: Look) -> tuple[Panel, Panel]:
    """PCA of a layer for the canvas, base beside tuned."""
    return _panels(maps.base[layer], maps.tuned[layer], look)


def umap_panels(maps: UmapMaps, look: Look) -> tuple[Panel, Panel]:
    """The same for a UMAP."""
    return _panels(maps.base, maps.tuned, look)


def _panels(base: np.ndarray, tuned: np.ndarray, look: Look) -> tuple[Panel, Panel]:
    first, second = (
        Panel(title=SIDES[side], colour=getattr(look, side), positions=np.asarray(places, np.float32))
        for side, places in (("base", base), ("tuned", tuned))
    )
    return first, second


def map_axes(maps: Maps, layer: int) -> tuple[str, str]:
    """Titles of a PCA's axes, with their share of the joint variance."""
    first, second = maps.explained[layer]
    return f"PC 1 ({first:.0%} of variance)", f"PC 2 ({second:.0%})"


def chain_table(maps: ChainedMaps, layer: int, colour: str) -> pd.DataFrame:
    """The same for a layer of a chain, with the trustworthiness of each point on both sides."""
    trust = np.asarray(maps.point_trust)[:, layer].astype(float)
    table = _table(maps.base[layer], maps.tuned[layer], maps.points, colour)
    return table.assign(base_trust=trust[0], tuned_trust=trust[1])


def chain_panels(maps: ChainedMaps, layer: int, look: Look) -> tuple[Panel, Panel]:
    """A layer of a chain for the canvas."""
    return _panels(maps.base[layer], maps.tuned[layer], look)


def chain_limits(maps: ChainedMaps) -> tuple[float, float, float, float]:
    """left, right, bottom, top of all maps of a chain: one frame for all layers, so that a move is a move."""
    both = np.concatenate([np.asarray(maps.base), np.asarray(maps.tuned)])
    (left, bottom), (right, top) = both.min(axis=(0, 1)), both.max(axis=(0, 1))
    return float(left), float(right), float(bottom), float(top)


def doubtful(maps: ChainedMaps, layer: int) -> np.ndarray:
    """Whether a point's neighbours on either side's map are no better than those of a map drawn at random, bool [n]."""
    return np.asarray((np.asarray(maps.point_trust)[:, layer] < AT_RANDOM).any(axis=0))


def axes_table(found: FoundAxes, layer: int, colour: str) -> pd.DataFrame:
    """Held-out rows on axes of a label or of words, as map_table; colour is a column of axes_points."""
    return _table(found.base[layer], found.tuned[layer], axes_points(found), colour)


def axes_points(found: FoundAxes) -> pd.DataFrame:
    """What each point is, and which value that the axes are about it has, in the column AXIS; OTHER = none of them."""
    named = np.array([*found.values, OTHER])
    return found.points.assign(**{AXIS: named[np.asarray(found.value)]})  # the last is that of -1


def axes_panels(found: FoundAxes, layer: int, look: Look) -> tuple[Panel, Panel]:
    """Held-out rows of a layer on axes of a label or of words, for the canvas."""
    return _panels(found.base[layer], found.tuned[layer], look)


def axes_titles(found: FoundAxes, unit: str) -> tuple[str, str]:
    """Titles of the axes. Args: unit of both, in words."""
    if found.n_axes == 2:
        return f"discriminant 1 ({unit})", f"discriminant 2 ({unit})"
    first, second = (shortened(value) for value in found.values[:2])
    return f"{first} → {second} ({unit})", f"most variance beside it ({unit})"


def shortened(value: str) -> str:
    """A value, or a list of words, short enough for a title."""
    return value if len(value) <= _NAME else f"{value[: _NAME - 1].rstrip(', ')}…"


def axes_pair(found: FoundAxes, look: Look, layer: int, *, colour: str, unit: str) -> alt.HConcatChart:
    """Axes of a label or of words, drawn as the PCA is."""
    return _pair(axes_table(found, layer, colour), axes_points(found), look, colour, axes_titles(found, unit))


def map_pair(maps: Maps, look: Look, layer: int, *, colour: str) -> alt.HConcatChart:
    """PCA, base beside tuned. Points brushed on one side stay coloured on both; a click in the key shows that label alone."""
    return _pair(map_table(maps, layer, colour), maps.points, look, colour, map_axes(maps, layer))


def umap_pair(maps: UmapMaps, look: Look, *, colour: str) -> alt.HConcatChart:
    """UMAP, drawn as the PCA is. The axes have no unit."""
    return _pair(umap_table(maps, colour), maps.points, look, colour, UMAP_AXES)


def holds(points: pd.DataFrame, query: str) -> np.ndarray:
    """Whether a row's text, sentence or any label holds some words, in any case, bool [n]; all rows where nothing is asked."""
    wanted = query.strip().casefold()
    if not wanted:
        return np.ones(len(points), bool)
    columns = [points[name] for name in points.columns if pd.api.types.is_string_dtype(points[name])]
    found = [column.str.casefold().str.contains(wanted, regex=False).fillna(False).to_numpy(bool) for column in columns]
    return np.logical_or.reduce([np.zeros(len(points), bool), *found])


def both(first: np.ndarray | None, second: np.ndarray) -> np.ndarray:
    """Points that two choices have in common, bool [n]; None chooses all."""
    return second if first is None else np.asarray(first & second)


def chain_pair(maps: ChainedMaps, look: Look, layer: int, *, colour: str) -> alt.HConcatChart:
    """A layer of a chain, drawn as the PCA is. The axes have no unit."""
    return _pair(chain_table(maps, layer, colour), maps.points, look, colour, UMAP_AXES)


def _table(base: np.ndarray, tuned: np.ndarray, points: pd.DataFrame, colour: str) -> pd.DataFrame:
    base, tuned = np.asarray(base), np.asarray(tuned)
    return points.assign(
        label=numbers(points[colour]) if is_numeric(points[colour]) else named(points[colour]),
        base_x=base[:, 0],
        base_y=base[:, 1],
        tuned_x=tuned[:, 0],
        tuned_y=tuned[:, 1],
    )


def _pair(
    table: pd.DataFrame, points: pd.DataFrame, look: Look, colour: str, titles: tuple[str, str]
) -> alt.HConcatChart:
    brush = alt.selection_interval(name="brush", empty=True)
    colours, shapes, picked = _encodings(table, look, colour)
    # Views laid side by side cannot stretch: this fits 1280 pixels beside the sidebar.
    width, height = 405, 330
    limits = _limits(table, width / height)
    panels = []
    for side, name in SIDES.items():
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
    key = key_of(table["label"], look)
    if key is None:
        scale = alt.Scale(scheme="viridis", reverse=not look.dark)
        legend = alt.Legend(orient="top", direction="horizontal", gradientLength=220)
        return alt.Color("label:Q", title=title, scale=scale, legend=legend), {}, None
    legend = alt.Legend(orient="top", direction="horizontal", columns=7)
    return (
        alt.Color(
            "label:N", title=title, scale=alt.Scale(domain=list(key.names), range=list(key.colours)), legend=legend
        ),
        {
            "shape": alt.Shape(
                "label:N",
                title=title,
                scale=alt.Scale(domain=list(key.names), range=list(key.shapes)),
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
