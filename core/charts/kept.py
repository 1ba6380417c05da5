"""What the cache folder holds: one bar an analysis, longest first."""

import altair as alt
import pandas as pd

from core.charts.look import Look, framed
from core.origins import traced


@traced
def kept_table(table: pd.DataFrame) -> pd.DataFrame:
    """what, megabytes, results: one row an analysis, the largest first.

    Args:
        table: what, size in bytes; one row a result.
    """
    totals = table.groupby("what", as_index=False).agg(megabytes=("size", "sum"), results=("size", "size"))
    totals["megabytes"] /= 1e6
    return totals.sort_values("megabytes", ascending=False, ignore_index=True)


@traced
def kept_bars(table: pd.DataFrame, look: Look) -> alt.LayerChart:
    """Megabytes by analysis.

    Args:
        table: of kept_table.
        look: how to draw.
    """
    totals = table.copy()
    totals["label"] = [
        f"{f'{size:,.1f}' if size >= 0.1 else '< 0.1'} MB · {n}"
        for size, n in zip(totals["megabytes"], totals["results"], strict=True)
    ]
    y = alt.Y("what:N", sort="-x", title=None, axis=alt.Axis(labelLimit=220, ticks=False))
    most = max(float(totals["megabytes"].max()), 0.1) * 1.15
    room = alt.Scale(domain=[0, most], nice=False)
    x = alt.X("megabytes:Q", title="MB on disk · number of results", axis=alt.Axis(tickCount=5), scale=room)
    shown = [alt.Tooltip("what:N"), alt.Tooltip("megabytes:Q", format=",.1f", title="MB"), alt.Tooltip("results:Q")]
    bars = alt.Chart(totals).mark_bar(color=look.bar, cornerRadiusEnd=2).encode(x=x, y=y, tooltip=shown)
    text = alt.Chart(totals).mark_text(align="left", dx=6).encode(x=x, y=y, text=alt.Text("label:N"))
    return framed(alt.layer(bars, text), look, height=alt.Step(26))
