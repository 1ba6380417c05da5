"""Layer against layer: which layers of the tuned checkpoint resemble which of the base."""

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.similarity import LayerSimilarity
from core.charts.look import Look, framed


def similarity_matrix_table(similarity: LayerSimilarity) -> pd.DataFrame:
    """base, tuned, cka or rsa: one row a cell."""
    base, tuned = np.indices(similarity.matrix.shape)
    values = np.asarray(similarity.matrix).ravel()
    return pd.DataFrame({"base": base.ravel(), "tuned": tuned.ravel(), similarity.measure: values})


def similarity_heat(similarity: LayerSimilarity, look: Look) -> alt.LayerChart:
    """CKA or RSA of every base layer against every tuned layer; numbers are written where they fit."""
    table, name = similarity_matrix_table(similarity), similarity.measure
    depth = max(similarity.matrix.shape)
    cells = alt.Chart(table).encode(
        x=alt.X("base:O", title="base layer", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("tuned:O", title="tuned layer", sort="descending"),
        tooltip=["base", "tuned", alt.Tooltip(f"{name}:Q", format=".3f")],
    )
    heat = (
        cells.transform_filter(f"isValid(datum.{name})")
        .mark_rect()
        .encode(
            color=alt.Color(
                f"{name}:Q",
                title=name.upper(),
                scale=alt.Scale(scheme="viridis", domain=[0, 1], clamp=True),
                legend=alt.Legend(gradientLength=220, tickCount=5),
            )
        )
    )
    layers: list[alt.Chart] = [heat]
    if depth <= 14:
        layers.append(
            cells.transform_filter(f"isValid(datum.{name})")
            .mark_text(fontSize=look.size)
            .encode(
                text=alt.Text(f"{name}:Q", format=".2f"),
                color=alt.condition(f"datum.{name} > 0.6", alt.value("#111"), alt.value("#fff")),
            )
        )
    return framed(alt.layer(*layers), look, height=max(320, 34 * depth))
