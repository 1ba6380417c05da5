"""Layer against layer: which layers of the tuned checkpoint resemble which of the base."""

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.similarity import LayerSimilarity
from core.charts.look import Look, framed


def similarity_matrix_table(similarity: LayerSimilarity) -> pd.DataFrame:
    """base, tuned, cka: one row a cell."""
    base, tuned = np.indices(similarity.matrix.shape)
    return pd.DataFrame({"base": base.ravel(), "tuned": tuned.ravel(), "cka": np.asarray(similarity.matrix).ravel()})


def similarity_heat(similarity: LayerSimilarity, look: Look) -> alt.LayerChart:
    """CKA of every base layer against every tuned layer; numbers are written where they fit."""
    table = similarity_matrix_table(similarity)
    depth = max(similarity.matrix.shape)
    cells = alt.Chart(table).encode(
        x=alt.X("base:O", title="base layer", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("tuned:O", title="tuned layer", sort="descending"),
        tooltip=["base", "tuned", alt.Tooltip("cka:Q", format=".3f")],
    )
    heat = (
        cells.transform_filter("isValid(datum.cka)")
        .mark_rect()
        .encode(
            color=alt.Color(
                "cka:Q",
                title="CKA",
                scale=alt.Scale(scheme="viridis", domain=[0, 1], clamp=True),
                legend=alt.Legend(gradientLength=220, tickCount=5),
            )
        )
    )
    layers: list[alt.Chart] = [heat]
    if depth <= 14:
        layers.append(
            cells.transform_filter("isValid(datum.cka)")
            .mark_text(fontSize=look.size)
            .encode(
                text=alt.Text("cka:Q", format=".2f"),
                color=alt.condition("datum.cka > 0.6", alt.value("#111"), alt.value("#fff")),
            )
        )
    return framed(alt.layer(*layers).properties(height=max(320, 34 * depth)), look)
