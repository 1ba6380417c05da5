"""In which directions weights moved: strength, turning, new directions and the width of the change, beside its control."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.weight_spectra import MEASURES, PARTS, WeightSpectraFound
from core.charts.cursor import cursor_band, layer_axis
from core.charts.look import Look, framed
from core.charts.weights import EXTENT
from core.maths.spectra import count_intruders, spectrum_ratio
from core.origins import traced

THRESHOLDS = tuple(round(0.1 * step, 1) for step in range(1, 10))
"""Cosines below which a direction counts as new, as Shuttleworth et al. vary them."""
CONTROL = "random change"
_HEIGHT = 260


@traced
def spectra_table(found: WeightSpectraFound, threshold: float) -> pd.DataFrame:
    """One row a matrix: layer, part, sizes, every measure and, after it, its control; intruders at the threshold too."""
    table = found.matrices.copy()
    for column, closest in (("intruders", found.closest), ("intruders_control", found.control_closest)):
        table[column] = [int(count_intruders(one[: found.n_top], [threshold])[0]) for one in np.asarray(closest)]
    if found.n_blocks < found.n_layers:  # one block for all layers
        table = pd.concat([table.assign(layer=layer) for layer in range(1, found.n_layers + 1)], ignore_index=True)
    measured = [name for measure in (*MEASURES, "intruders") for name in (measure, f"{measure}_control")]
    return table[["layer", "part", "tensor", "n_out", "n_in", "relative_change", *measured]]


def parts(found: WeightSpectraFound) -> list[str]:
    """Parts of blocks, in the order a text runs through them, those of other names last."""
    names = found.matrices["part"].unique()
    return sorted(names, key=lambda name: (PARTS.index(name) if name in PARTS else len(PARTS), name))


@traced
def measure_curve(
    table: pd.DataFrame,
    measure: str,
    look: Look,
    layer: int,
    *,
    title: str,
    digits: str,
    unchanged: float | None = None,
) -> alt.LayerChart:
    """One measure of one part over layers, tuned beside its control.

    Args:
        table: of spectra_table, rows of one part.
        measure: its column; the control's is called so and _control.
        title: of the measure, with its direction.
        digits: format of its numbers.
        unchanged: value of a matrix that tuning left alone; drawn as a line where given.
    """
    x, axis = layer_axis(), alt.Axis(format=digits, tickCount=5, minExtent=EXTENT)
    scale = alt.Scale(zero=False)
    if unchanged is None:  # nothing changed is 0: an axis of its own even where all are
        top = float(np.nanmax(table[[measure, f"{measure}_control"]].to_numpy(), initial=0.0))
        scale = alt.Scale(domain=[0, 1.2 * top or 1], nice=False)
    y = alt.Y(f"{measure}:Q", title=title, scale=scale, axis=axis)
    control = alt.Y(f"{measure}_control:Q", scale=scale)
    shown = [
        "layer:O", alt.Tooltip(f"{measure}:Q", format=digits, title="tuned"),
        alt.Tooltip(f"{measure}_control:Q", format=digits, title=CONTROL),
    ]  # fmt: skip
    rows = alt.Chart(table)
    layers = [
        cursor_band(table, look, layer),
        *_lines(rows, x, y, control, look),
        *_marks(rows, x, y, control, look, shown),
        *_names(table, measure, look),
    ]
    if unchanged is not None:
        rule = alt.Chart(pd.DataFrame({"at": [unchanged]})).mark_rule(color=look.quiet, opacity=0.6)
        layers.insert(1, rule.encode(y=alt.Y("at:Q", scale=scale)))
    return framed(alt.layer(*layers), look, height=_HEIGHT)


@traced
def ranks_table(found: WeightSpectraFound, row: int) -> pd.DataFrame:
    """Of one matrix: rank, base, tuned and control singular values, their ratios to base, |cosine| with the closest direction of
    base and share of the change's energy up to that rank, each with its control."""
    table = pd.DataFrame({
        "rank": range(1, found.base_values.shape[1] + 1),
        "base": found.base_values[row], "tuned": found.tuned_values[row], "control": found.control_values[row],
        "closest": found.closest[row], "closest_control": found.control_closest[row],
        "energy": found.energy[row], "energy_control": found.control_energy[row],
    }).dropna(subset=["base"])  # fmt: skip
    for side in ("tuned", "control"):
        table[f"{side}_ratio"] = spectrum_ratio(table["base"], table[side])
    return table


@traced
def spectrum_chart(table: pd.DataFrame, look: Look) -> alt.LayerChart:
    """Singular values by rank, base and tuned. Args: table of ranks_table."""
    long = table.melt("rank", ["base", "tuned"], "side", "value")
    sides = alt.Scale(domain=["base", "tuned"], range=[look.base, look.tuned])
    shapes = alt.Scale(domain=["base", "tuned"], range=["circle", "triangle-up"])
    # The two mostly lie on each other: the tuned mark is the smaller, so that both are seen.
    marks = alt.Chart(long).encode(
        x=alt.X(
            "rank:Q",
            title="direction (1 = strongest)",
            scale=alt.Scale(nice=False),
            axis=alt.Axis(grid=False),
        ),
        y=alt.Y("value:Q", title="singular value (higher = stronger)", axis=alt.Axis(tickCount=5)),
        color=alt.Color("side:N", scale=sides, legend=alt.Legend(title=None, orient="top-right")),
        shape=alt.Shape("side:N", scale=shapes, legend=alt.Legend(title=None, orient="top-right")),
        tooltip=["side:N", "rank:Q", alt.Tooltip("value:Q", format=".4g")],
    )
    base = marks.transform_filter("datum.side == 'base'").mark_point(filled=True, size=95, opacity=1)
    tuned = marks.transform_filter("datum.side == 'tuned'").mark_point(filled=True, size=32, opacity=1)
    return framed(alt.layer(base, tuned), look, height=_HEIGHT)


@traced
def ratio_chart(table: pd.DataFrame, look: Look) -> alt.LayerChart:
    """Singular values of tuned over those of base by rank. Args: table of ranks_table."""
    return _by_rank(
        table, "tuned_ratio", "control_ratio", look, title="tuned ÷ base (1 = unchanged)", digits=".3f", unchanged=1
    )


@traced
def closest_chart(table: pd.DataFrame, look: Look) -> alt.LayerChart:
    """|cosine| of each tuned direction with the base direction that is closest. Args: table of ranks_table."""
    title = "closest |cosine| (1 = kept)"
    return _by_rank(table, "closest", "closest_control", look, title=title, digits=".1f", domain=(0, 1))


@traced
def energy_chart(table: pd.DataFrame, look: Look) -> alt.LayerChart:
    """Share of the change in its strongest directions. Args: table of ranks_table."""
    return _by_rank(
        table,
        "energy",
        "energy_control",
        look,
        title="share of the change held",
        digits=".0%",
        domain=(0, 1),
    )


@traced
def intruders_table(found: WeightSpectraFound, row: int) -> pd.DataFrame:
    """threshold, intruders, intruders_control among the n_top strongest directions of one matrix."""
    held = (np.asarray(closest)[row, : found.n_top] for closest in (found.closest, found.control_closest))
    tuned, control = (count_intruders(one, THRESHOLDS) for one in held)
    return pd.DataFrame({"threshold": THRESHOLDS, "intruders": tuned, "intruders_control": control})


@traced
def intruders_chart(table: pd.DataFrame, look: Look, *, n_top: int, threshold: float) -> alt.LayerChart:
    """How many directions count as new against the threshold. Args: table of intruders_table."""
    x = alt.X("threshold:Q", title="a direction is new below this |cosine|", scale=alt.Scale(domain=[0, 1]))
    scale = alt.Scale(domain=[0, n_top], nice=False)
    axis = alt.Axis(tickCount=5, format="d")
    y = alt.Y("intruders:Q", title=f"new among the {n_top} strongest", scale=scale, axis=axis)
    control = alt.Y("intruders_control:Q", scale=scale)
    rows = alt.Chart(table)
    shown = [
        "threshold:Q",
        alt.Tooltip("intruders:Q", title="tuned"),
        alt.Tooltip("intruders_control:Q", title=CONTROL),
    ]
    at = alt.Chart(pd.DataFrame({"threshold": [threshold]})).mark_rule(color=look.cursor, strokeWidth=14).encode(x=x)
    return framed(
        alt.layer(
            at,
            *_lines(rows, x, y, control, look),
            *_marks(rows, x, y, control, look, shown),
        ),
        look,
        height=_HEIGHT,
    )


@traced
def cosines_table(found: WeightSpectraFound, row: int) -> pd.DataFrame:
    """base, tuned (ranks from 1), cosine: without its sign."""
    matrix = np.asarray(found.cosines[row])
    base, tuned = np.indices(matrix.shape) + 1
    return pd.DataFrame({"base": base.ravel(), "tuned": tuned.ravel(), "cosine": matrix.ravel()}).dropna()


@traced
def cosines_heat(table: pd.DataFrame, look: Look) -> alt.Chart:
    """Strongest directions of base against those of tuned. Args: table of cosines_table."""
    cells = alt.Chart(table).mark_rect()
    return framed(
        cells.encode(
            x=alt.X("base:O", title="base direction (1 = strongest)", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("tuned:O", title="tuned direction"),
            color=alt.Color(
                "cosine:Q",
                title="|cosine|",
                scale=alt.Scale(scheme="viridis", domain=[0, 1]),
                legend=alt.Legend(gradientLength=150, tickCount=5),
            ),
            tooltip=["base:O", "tuned:O", alt.Tooltip("cosine:Q", format=".3f")],
        ),
        look,
        height=_HEIGHT + 40,
    )


def _by_rank(
    table: pd.DataFrame, tuned: str, control: str, look: Look, *, title: str, digits: str, unchanged: float | None = None,
    domain: tuple[float, float] | None = None,
) -> alt.LayerChart:  # fmt: skip
    scale = alt.Scale(domain=domain, nice=False) if domain else alt.Scale(zero=False)
    x = alt.X("rank:Q", title="direction (1 = strongest)", scale=alt.Scale(nice=False), axis=alt.Axis(grid=False))
    y = alt.Y(f"{tuned}:Q", title=title, scale=scale, axis=alt.Axis(format=digits, tickCount=5))
    grey = alt.Y(f"{control}:Q", scale=scale)
    shown = [
        "rank:Q", alt.Tooltip(f"{tuned}:Q", format=".4f", title="tuned"), alt.Tooltip(f"{control}:Q", format=".4f", title=CONTROL),
    ]  # fmt: skip
    rows = alt.Chart(table)
    layers = _marks(rows, x, y, grey, look, shown, small=0.6)
    if unchanged is not None:
        rule = alt.Chart(pd.DataFrame({"at": [unchanged]})).mark_rule(color=look.quiet, opacity=0.6)
        layers.insert(0, rule.encode(y=alt.Y("at:Q", scale=scale)))
    return framed(alt.layer(*layers), look, height=_HEIGHT)


def _lines(rows: alt.Chart, x: alt.X, y: alt.Y, control: alt.Y, look: Look) -> list[alt.Chart]:
    return [
        rows.mark_line(color=look.quiet, strokeDash=[2, 3], strokeWidth=1.5).encode(x=x, y=control),
        rows.mark_line(color=look.tuned, strokeDash=[7, 3], strokeWidth=2.5).encode(x=x, y=y),
    ]


def _marks(
    rows: alt.Chart, x: alt.X, y: alt.Y, control: alt.Y, look: Look, shown: list, *, small: float = 1.0
) -> list[alt.Chart]:
    """The control as grey crosses, tuned as triangles before it."""
    grey: dict[str, Any] = {"shape": "cross", "angle": 45, "size": 60 * small, "color": look.quiet}
    tuned: dict[str, Any] = {"shape": "triangle-up", "size": 95 * small, "color": look.tuned}
    return [
        rows.mark_point(filled=True, opacity=1, **mark).encode(x=x, y=at, tooltip=shown)
        for mark, at in ((grey, control), (tuned, y))
    ]


def _names(table: pd.DataFrame, measure: str, look: Look) -> list[alt.Chart]:
    """Names of the two curves at the layer where they are farthest apart, away from each other and inside the figure."""
    apart = (table[measure] - table[f"{measure}_control"]).abs()
    at = table.loc[[apart.idxmax()]] if apart.notna().any() else table.head(1)
    values = {"tuned": float(at[measure].iloc[0]), CONTROL: float(at[f"{measure}_control"].iloc[0])}
    high = max(values, key=lambda name: values[name])
    low = next(name for name in values if name != high)
    is_at_floor = 0 <= values[low] < 0.15 * values[high] or values[high] == 0
    shift = {high: -30 if values[high] == values[low] else -14, low: -14 if is_at_floor else 16}
    is_right = bool((at["layer"] > table["layer"].median()).all())
    named: tuple[tuple[str, str, str, Any], ...] = (
        (measure, "tuned", look.tuned, "bold"),
        (f"{measure}_control", CONTROL, look.quiet, "normal"),
    )
    return [
        alt.Chart(at)
        .mark_text(color=colour, dy=shift[name], align="right" if is_right else "left", fontWeight=weight)
        .encode(x=layer_axis(), y=alt.Y(f"{column}:Q"), text=alt.TextValue(name))
        for column, name, colour, weight in named
    ]
