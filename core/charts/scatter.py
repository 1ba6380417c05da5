"""Both sides of a map, on the same axes and scales: for the canvas, as a table, and as the figure that is kept as PNG."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.head_answers import HeadSaid
from core.analyses.joint_map import Maps
from core.analyses.joint_umap import LaidOut
from core.analyses.label_axes import FoundAxes
from core.analyses.map_chain import ChainedMaps
from core.analyses.map_steps import SteppedMaps
from core.analyses.umap_seeds import SeededMaps
from core.charts.heads import with_answers
from core.charts.labels import OTHER, is_numeric, key_of, named, numbers
from core.charts.look import Look, framed
from core.charts.points import Panel
from core.origins import traced
from core.refs import LABEL_NAMES

SIDES = ("base", "tuned")
AXIS = "on the axis"
"""Column of the points on axes of words or of a label."""
_NAME = 26
"""Letters of a value in the title of an axis."""
AT_RANDOM = 0.5
"""Trustworthiness of a map drawn at random, about."""
OTHERS = "all others"
"""Points that are none of some that have a name."""
HALF = 0.5
"""Of a point's neighbours on the map."""

# One brush on both views is what is meant; Altair warns that it is the same one.
warnings.filterwarnings("ignore", message="Automatically deduplicated selection parameter")


@dataclass(frozen=True, kw_only=True)
class Pane:
    """One picture of points."""

    title: str
    side: str
    """One of SIDES, whose colour its title has."""
    positions: np.ndarray
    """float32 [n, 2]."""


@dataclass(frozen=True, kw_only=True)
class Flat:
    """Points laid flat, the same ones in two pictures or more: for the canvas, as a table, and as a figure to keep."""

    base: np.ndarray
    """float32 [n, 2]."""
    tuned: np.ndarray
    """float32 [n, 2]; the same point in each row."""
    points: pd.DataFrame
    """What each point is: text, sentence, and one column a label."""
    axes: tuple[str, str]
    """Titles of x and y."""
    titles: tuple[str, str] = ("● base", "▲ tuned")
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    """What else the table says of each point."""
    further: "tuple[Pane, ...]" = ()
    """Of the same points, on the canvas alone."""

    def panels(self, look: Look) -> tuple[Panel, ...]:
        """For the canvas, base beside tuned."""
        return tuple(
            Panel(title=one.title, colour=getattr(look, one.side), positions=np.asarray(one.positions, np.float32))
            for one in (*self.panes, *self.further)
        )

    @property
    def panes(self) -> "tuple[Pane, ...]":
        """Its own two."""
        return tuple(
            Pane(title=title, side=side, positions=getattr(self, side))
            for side, title in zip(SIDES, self.titles, strict=True)
        )

    @traced
    def table(self, colour: str) -> pd.DataFrame:
        """One row a point: text, sentence, labels, x and y on both sides; label is what it is coloured by."""
        labels = self.points[colour]
        return self.points.assign(
            label=numbers(labels) if is_numeric(labels) else named(labels),
            **{f"{side}_{name}": getattr(self, side)[:, at] for side in SIDES for at, name in enumerate("xy")},
            **self.columns,
        )

    @traced
    def figure(self, look: Look, *, colour: str) -> alt.HConcatChart:
        """Points brushed on one side stay coloured on both; a click in the key shows that label alone."""
        return _figure(self, look, colour)


@traced
def of_pca(maps: Maps, layer: int) -> Flat:
    """PCA of a layer; its axes name their share of the joint variance."""
    first, second = maps.explained[layer]
    return Flat(
        base=maps.base[layer],
        tuned=maps.tuned[layer],
        points=maps.points,
        axes=(f"PC 1 ({first:.0%} of variance)", f"PC 2 ({second:.0%})"),
    )


@traced
def of_layout(maps: LaidOut, name: str) -> Flat:
    """A joint UMAP or t-SNE."""
    return Flat(base=maps.base, tuned=maps.tuned, points=maps.points, axes=no_unit(name))


@traced
def of_seeds(maps: SeededMaps) -> Flat:
    """A joint UMAP above the same one under the next seed."""
    first, second = (
        Flat(
            base=maps.base[at],
            tuned=maps.tuned[at],
            points=maps.points,
            axes=no_unit("UMAP"),
            titles=(f"● base{said}", f"▲ tuned{said}"),
            columns={"base_kept": maps.kept[0], "tuned_kept": maps.kept[1]},
        )
        for at, said in ((0, ""), (1, " · another seed"))
    )
    return replace(first, further=second.panes)


@traced
def of_chain(maps: ChainedMaps, layer: int) -> Flat:
    """A layer of a chain; its table says how far each point is to be trusted."""
    return Flat(
        base=maps.base[layer],
        tuned=maps.tuned[layer],
        points=maps.points,
        axes=no_unit("UMAP"),
        columns=_trust(maps.point_trust[:, layer]),
    )


@traced
def of_steps(maps: SteppedMaps, at: int, said: str) -> Flat:
    """The base beside a step of its tuning. Args: the place of the step among those of the spec, and its title."""
    return Flat(
        base=maps.maps[0],
        tuned=maps.maps[1 + at],
        points=maps.points,
        axes=no_unit("UMAP"),
        titles=("● base", f"▲ {said}"),
        columns=_trust(maps.point_trust[[0, 1 + at]]),
    )


@traced
def of_tunings(maps: SteppedMaps, names: Sequence[str]) -> Flat:
    """The base beside several tunings. Args: names: of the spec's checkpoints, in its order."""
    first, *rest = names
    trust = {
        f"{name} trust": np.asarray(own).astype(float) for name, own in zip(names, maps.point_trust[1:], strict=True)
    }
    places = {
        f"{name} {axis}": maps.maps[2 + at][:, column]
        for at, name in enumerate(rest)
        for column, axis in enumerate("xy")
    }
    return Flat(
        base=maps.maps[0],
        tuned=maps.maps[1],
        points=maps.points,
        axes=no_unit("UMAP"),
        titles=("● base", f"▲ {first}"),
        columns={**places, "base_trust": np.asarray(maps.point_trust[0]).astype(float), **trust},
        further=tuple(
            Pane(title=f"▲ {name}", side="tuned", positions=maps.maps[2 + at]) for at, name in enumerate(rest)
        ),
    )


@traced
def of_axes(found: FoundAxes, layer: int, unit: str) -> Flat:
    """Held-out rows of a layer on axes of a label or of words.

    Which value that the axes are about a point has stands in the column AXIS; OTHER = none of them. Args: unit of both axes.
    """
    values = np.array([*found.values, OTHER])
    points = found.points.assign(**{AXIS: values[np.asarray(found.value)]})  # the last is that of -1
    return Flat(base=found.base[layer], tuned=found.tuned[layer], points=points, axes=axes_titles(found, unit))


@traced
def answered(flat: Flat, said: HeadSaid, label: str, *, unmarked: str = "") -> Flat:
    """The map with what a head says of each point; arguments as of heads.with_answers."""
    return replace(flat, points=with_answers(flat.points, said, label, unmarked=unmarked))


@traced
def above(first: Flat, second: Flat, *, names: tuple[str, str]) -> Flat:
    """One map above another of the same points, brought to its size: spaces of two layers have no common unit.

    Args:
        names: of both, for the titles of the panels.
    """
    sizes = [
        np.sqrt(np.mean([np.var(side, axis=0).sum() for side in (one.base, one.tuned)])) for one in (first, second)
    ]
    grown = sizes[0] / sizes[1] if sizes[1] else 1.0
    middles = [np.concatenate([one.base, one.tuned]).mean(axis=0) for one in (first, second)]
    moved = {side: (getattr(second, side) - middles[1]) * grown + middles[0] for side in SIDES}
    # What a title says of one layer's axes does not hold for the other's.
    bare_x, bare_y = (title.split(" (")[0] for title in first.axes)
    return replace(
        first,
        titles=_titles(first, names[0]),
        axes=(bare_x, bare_y),
        further=replace(second, titles=_titles(second, names[1]), **moved).panes,
    )


def _titles(flat: Flat, name: str) -> tuple[str, str]:
    base, tuned = flat.titles
    return f"{base} · {name}", f"{tuned} · {name}"


def no_unit(name: str) -> tuple[str, str]:
    """Titles of the axes of a bent map."""
    return f"{name} 1 (no unit)", f"{name} 2 (no unit)"


def _trust(of_both: np.ndarray) -> dict[str, np.ndarray]:
    base, tuned = np.asarray(of_both).astype(float)
    return {"base_trust": base, "tuned_trust": tuned}


def limits_of(maps: ChainedMaps | SteppedMaps) -> tuple[float, float, float, float]:
    """left, right, bottom, top of all maps of a chain: one frame for all of them, so that a move is a move."""
    drawn = [maps.maps] if isinstance(maps, SteppedMaps) else [maps.base, maps.tuned]
    both = np.concatenate([np.asarray(one) for one in drawn])
    (left, bottom), (right, top) = both.min(axis=(0, 1)), both.max(axis=(0, 1))
    return float(left), float(right), float(bottom), float(top)


@traced
def doubtful(point_trust: np.ndarray) -> np.ndarray:
    """Whether a point's neighbours on any of some maps are no better than those of a map drawn at random, bool [n].

    Args:
        point_trust: trustworthiness of each point [maps, n].
    """
    return np.asarray((np.asarray(point_trust) < AT_RANDOM).any(axis=0))


@traced
def unsettled(maps: SeededMaps) -> np.ndarray:
    """Whether a point, on either side, keeps less than half of its neighbours on the map under another seed, bool [n]."""
    return np.asarray((np.asarray(maps.kept) < HALF).any(axis=0))


def axes_titles(found: FoundAxes, unit: str) -> tuple[str, str]:
    """Titles of the axes. Args: unit of both, in words."""
    if found.n_axes == 2:
        return f"discriminant 1 ({unit})", f"discriminant 2 ({unit})"
    first, second = (shortened(value) for value in found.values[:2])
    return f"{first} → {second} ({unit})", f"most variance beside it ({unit})"


def shortened(value: str) -> str:
    """A value, or a list of words, short enough for a title."""
    return value if len(value) <= _NAME else f"{value[: _NAME - 1].rstrip(', ')}…"


@traced
def holds(points: pd.DataFrame, query: str) -> np.ndarray:
    """Whether a row's text, sentence or any label holds some words, in any case, bool [n]; all rows where nothing is asked."""
    wanted = query.strip().casefold()
    if not wanted:
        return np.ones(len(points), bool)
    columns = [points[name] for name in points.columns if pd.api.types.is_string_dtype(points[name])]
    found = [column.str.casefold().str.contains(wanted, regex=False).fillna(False).to_numpy(bool) for column in columns]
    return np.logical_or.reduce([np.zeros(len(points), bool), *found])


@traced
def in_or_out(is_in: np.ndarray, name: str) -> np.ndarray:
    """Points of a name and all others, as a label [n]."""
    return np.where(is_in, name, OTHERS)


@traced
def both(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    """Points that two choices have in common, bool [n]; None chooses all."""
    if first is None or second is None:
        return second if first is None else first
    return np.asarray(first & second)


@dataclass(frozen=True)
class Marked:
    """Points that a viewer asks to see, by several wishes at once."""

    n: int
    wishes: dict[str, np.ndarray]
    """What the points do, in words, and which do, bool [n]."""

    @property
    def points(self) -> np.ndarray | None:
        """Those of all wishes, bool [n]; None where nothing is wished for, or nothing found: a grey map would say that
        something else was."""
        found: np.ndarray | None = None
        for wished in self.wishes.values():
            found = both(found, wished)
        return found if found is not None and found.any() else None

    @property
    def said(self) -> str:
        """How many points do what is wished for; empty where nothing is."""
        if not self.wishes:
            return ""
        each = " · ".join(f"{int(wished.sum()):,} of {self.n:,} points {what}" for what, wished in self.wishes.items())
        if self.points is None:
            return f"{each}{', none does both' * (len(self.wishes) > 1)}. All are drawn in colour."
        together = f" · {int(self.points.sum()):,} do both" if len(self.wishes) > 1 else ""
        return f"{each}{together}: in colour."


def _figure(flat: Flat, look: Look, colour: str) -> alt.HConcatChart:
    table = flat.table(colour)
    brush = alt.selection_interval(name="brush", empty=True)
    colours, shapes, picked = _encodings(table, look, colour)
    # Views laid side by side cannot stretch: this fits 1280 pixels beside the sidebar.
    width, height = 405, 330
    limits = _limits(table, width / height)
    panels = []
    for side, name in zip(SIDES, flat.titles, strict=True):
        panel = (
            alt.Chart(table)
            .mark_point(filled=True, size=42 if len(table) <= 2000 else 24)
            .encode(
                x=alt.X(f"{side}_x:Q", title=flat.axes[0], scale=limits[0], axis=_axis()),
                y=alt.Y(f"{side}_y:Q", title=flat.axes[1], scale=limits[1], axis=_axis()),
                color=alt.condition(brush, colours, alt.value(look.grid)),
                opacity=alt.condition(brush, alt.value(0.75), alt.value(0.25)),
                tooltip=[alt.Tooltip(f"{column}:N") for column in flat.points.columns],
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
