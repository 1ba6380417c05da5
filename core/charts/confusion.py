"""What a head answers instead: gold label against predicted label."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from core.charts.look import Look, framed
from core.origins import traced


@traced
def confusion_table(labels: Sequence[str], confusion: ArrayLike) -> pd.DataFrame:
    """gold, predicted, count, share of the gold label's row (empty where the row is)."""
    counts = np.asarray(confusion)
    totals = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
    gold, predicted = np.indices(counts.shape)
    names = np.asarray(labels, dtype=object)
    return pd.DataFrame(
        {
            "gold": names[gold.ravel()],
            "predicted": names[predicted.ravel()],
            "count": counts.ravel(),
            "share": share.ravel(),
        }
    )


@traced
def confusion_heat(
    labels: Sequence[str], confusion: ArrayLike, look: Look, *, rows: str = "gold", columns: str = "predicted"
) -> alt.LayerChart:
    """Rows are gold labels, columns predictions; a bright diagonal is a head that is right. Counts and row shares.

    Two heads are laid against each other under other titles of rows and columns.
    """
    table, order = confusion_table(labels, confusion), list(labels)
    cells = alt.Chart(table).encode(
        x=alt.X("predicted:N", sort=order, title=columns, axis=alt.Axis(labelAngle=0 if len(order) < 6 else -40)),
        y=alt.Y("gold:N", sort=order, title=rows),
        tooltip=[
            alt.Tooltip("gold:N", title=rows),
            alt.Tooltip("predicted:N", title=columns),
            "count",
            alt.Tooltip("share:Q", format=".1%", title="share of the row"),
        ],
    )
    scale = alt.Scale(scheme="viridis", domain=[0, 1])
    layers: list[alt.Chart] = [cells.mark_rect().encode(color=alt.Color("share:Q", scale=scale, legend=None))]
    written = alt.condition("datum.share > 0.6", alt.value("#111"), alt.value("#fff"))
    named = cells.transform_filter("datum.count > 0")
    if len(order) <= 4:
        counts = named.mark_text(dy=-9, fontWeight="bold", fontSize=look.size)
        shares = named.mark_text(dy=9, fontSize=look.size)
        layers.append(counts.encode(text=alt.Text("count:Q", format=","), color=written))
        layers.append(shares.encode(text=alt.Text("share:Q", format=".0%"), color=written))
    elif len(order) <= 20:
        shares = named.transform_filter("datum.share >= 0.005").mark_text(fontSize=look.size)
        layers.append(shares.encode(text=alt.Text("share:Q", format=".0%"), color=written))
    return framed(alt.layer(*layers), look, height=max(180, (54 if len(order) <= 4 else 30) * len(order)))
