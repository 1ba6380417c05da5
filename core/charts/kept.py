"""What the cache folder holds: one bar an analysis, longest first."""

import altair as alt
import pandas as pd

from core.charts.look import Look, framed


def kept_bars(table: pd.DataFrame, look: Look) -> alt.LayerChart:
    """Megabytes by analysis.

    Args:
        table: what, size in MB, one row a result.
        look: how to draw.
    """
    totals = table.groupby("what", as_index=False).agg(size=("size", "sum"), results=("size", "size"))
    totals["label"] = [f"{size:,.1f} MB · {n}" for size, n in zip(totals["size"], totals["results"], strict=True)]
    y = alt.Y("what:N", sort="-x", title=None, axis=alt.Axis(labelLimit=220, ticks=False))
    x = alt.X(
        "size:Q", title="MB on disk", axis=alt.Axis(tickCount=5), scale=alt.Scale(padding=90, nice=False, zero=True)
    )
    shown = [alt.Tooltip("what:N"), alt.Tooltip("size:Q", format=",.1f", title="MB"), alt.Tooltip("results:Q")]
    bars = alt.Chart(totals).mark_bar(color=look.bar, cornerRadiusEnd=2).encode(x=x, y=y, tooltip=shown)
    text = alt.Chart(totals).mark_text(align="left", dx=6).encode(x=x, y=y, text="label:N")
    return framed(alt.layer(bars, text).properties(height=alt.Step(26)), look)
