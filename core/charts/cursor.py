"""The layer axis, and the layer cursor behind a figure: the band of the chosen layer, a quieter one of the layer under the mouse in
every panel of the figure, and the target of a click that chooses another."""

from collections.abc import Callable, Sequence
from typing import Any

import altair as alt
import pandas as pd

from core.charts.look import Look

PICK = "pick"
"""Name of the selection that a click on a layer makes."""
HOVER = "hover"
"""Name of the selection of the layer under the mouse. It stays in the browser."""
_SELECTIONS: dict[str, dict[str, Any]] = {
    PICK: {"fields": ["layer"], "on": "click"},
    HOVER: {"fields": ["layer"], "on": "pointerover", "clear": "pointerout"},
}


def layer_axis(layers: Sequence[int] | None = None) -> alt.X:
    """Layers from left to right, 0 to L, or those given."""
    scale = alt.Undefined if layers is None else alt.Scale(domain=layers)
    return alt.X("layer:O", title="layer (0 = embeddings)", axis=alt.Axis(labelAngle=0, grid=False), scale=scale)


def clickable(drawn: alt.Chart) -> alt.Chart:
    """Marks whose layer a click chooses and the mouse lights up; so do the marks before them that have a tooltip."""
    return drawn.add_params(*(alt.selection_point(name=name, empty=False, **how) for name, how in _SELECTIONS.items()))


def joined(panels: Sequence[alt.LayerChart], join: Callable[..., Any], **settings: Any) -> Any:
    """Panels in one figure, whose layers light up together and are chosen by a click on any.

    Args:
        panels: the first chart of each is a clickable one.
        join: alt.hconcat, alt.vconcat or alt.concat.
        settings: of the join.
    """
    # Altair would join the panels' own selections too, with a warning for each.
    for panel in panels:
        panel.params = alt.Undefined
    chart = join(*panels, **settings)
    (held,) = (getattr(chart, name) for name in ("hconcat", "vconcat", "concat") if hasattr(chart, name))
    views = [panel.layer[0].name for panel in held]
    chart.params = [
        alt.TopLevelSelectionParameter(name=name, select=alt.PointSelectionConfig(type="point", **how), views=views)
        for name, how in _SELECTIONS.items()
    ]
    return chart


def layer_colour(look: Look) -> alt.ColorValue:
    """Colour of bands with a column chosen: the cursor's, that of the layer under the mouse, or none."""
    chosen = {"test": "datum.chosen", "value": look.cursor}
    return alt.ColorValue("transparent", condition=[chosen, {"param": HOVER, "empty": False, "value": look.hover}])


def layer_rings(cells: alt.Chart, look: Look, layer: int) -> list[alt.Chart]:
    """Frames on cells that hide what is behind them: around those of the chosen layer, and thinner of the layer under the mouse.

    Args:
        cells: with a column layer, encoded in x and y.
        look: how to draw.
        layer: the chosen one.
    """
    chosen = cells.transform_filter(f"datum.layer == {layer}")
    under = cells.transform_filter({"param": HOVER, "empty": False})
    return [
        rows.mark_rect(
            filled=False, stroke=stroke, strokeWidth=width + edge, aria=False
        )  # often none: nothing to read out
        for rows, width in ((under, 1), (chosen, 2))
        for stroke, edge in ((look.paper, 2), (look.ink, 0))  # seen on dark cells as on bright ones
    ]


def cursor_band(table: pd.DataFrame, look: Look, layer: int) -> alt.Chart:
    """Behind marks on layer_axis: a band for each layer of the table."""
    rows = table[["layer"]].drop_duplicates().assign(chosen=lambda frame: frame["layer"] == layer)
    drawn = alt.Chart(rows).mark_bar(cursor="pointer", width=alt.RelativeBandSize(1.1))  # up to the next layer
    return _band(drawn.encode(x=layer_axis(), y=alt.YValue(0), y2=alt.Y2Value("height")), look)


def cursor_rects(depth: int, look: Look, layer: int, room: alt.Scale) -> alt.Chart:
    """The same on an axis of numbers, on which names have room beside the last layer.

    Args:
        depth: last layer.
        look: how to draw.
        layer: the chosen one.
        room: scale of the axis.
    """
    rows = pd.DataFrame({"layer": range(depth + 1)})
    rows = rows.assign(left=rows["layer"] - 0.45, right=rows["layer"] + 0.45, chosen=rows["layer"] == layer)
    drawn = alt.Chart(rows).mark_rect(cursor="pointer")
    x = alt.X("left:Q", scale=room)
    return _band(drawn.encode(x=x, x2=alt.X2("right:Q"), y=alt.YValue(0), y2=alt.Y2Value("height")), look)


def _band(drawn: alt.Chart, look: Look) -> alt.Chart:
    return clickable(drawn.encode(color=layer_colour(look), tooltip=alt.TooltipValue(None)))
