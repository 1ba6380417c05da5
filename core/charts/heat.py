"""Layer against layer: which layers of the tuned checkpoint resemble which of the base."""

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.similarity import LayerSimilarity
from core.charts.cursor import clickable, layer_rings
from core.charts.look import Look, framed
from core.maths.cards import CARDS
from core.origins import traced


@traced
def similarity_matrix_table(similarity: LayerSimilarity) -> pd.DataFrame:
    """base, tuned, and the measure by its name: one row a cell."""
    base, tuned = np.indices(similarity.matrix.shape)
    values = np.asarray(similarity.matrix).ravel()
    return pd.DataFrame({"base": base.ravel(), "tuned": tuned.ravel(), similarity.measure: values})


@traced
def similarity_heat(similarity: LayerSimilarity, look: Look, layer: int) -> alt.LayerChart:
    """A measure of every base layer against every tuned layer, bright = alike; numbers are written where they fit.

    A click on a cell chooses its base layer; `layer`, the chosen one, is framed.
    """
    table, name = similarity_matrix_table(similarity), similarity.measure
    card, depth = CARDS[name], max(similarity.matrix.shape)
    end = card.high if card.is_distance else 1.0
    cells = alt.Chart(table.assign(layer=table["base"])).encode(
        x=alt.X("base:O", title="base layer", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("tuned:O", title="tuned layer", sort="descending"),
        tooltip=[
            alt.Tooltip("base:O", title="base layer"),
            alt.Tooltip("tuned:O", title="tuned layer"),
            alt.Tooltip(f"{name}:Q", title=card.short, format=".3f"),
        ],
    )
    scale = alt.Scale(scheme="viridis", domain=[0, end], reverse=card.is_distance, clamp=True)
    legend = alt.Legend(gradientLength=220, tickCount=5, titleLimit=200)
    heat = (
        cells.transform_filter(f"isValid(datum.{name})")
        .mark_rect(cursor="pointer")
        .encode(color=alt.Color(f"{name}:Q", title=card.short, scale=scale, legend=legend))
    )
    layers: list[alt.Chart] = [clickable(heat)]
    if depth <= 14:
        bright = f"datum.{name} < {0.4 * end}" if card.is_distance else f"datum.{name} > 0.6"
        layers.append(
            cells.transform_filter(f"isValid(datum.{name})")
            .mark_text(fontSize=look.size, cursor="pointer")
            .encode(
                text=alt.Text(f"{name}:Q", format=".2f"),
                color=alt.condition(bright, alt.value("#111"), alt.value("#fff")),
            )
        )
    layers += layer_rings(cells, look, layer)
    return framed(alt.layer(*layers), look, height=max(320, 34 * depth))
