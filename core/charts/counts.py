"""How often each label occurs: the first thing to know of a data set, and the bar that every probe has to clear."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from core.charts.look import Look, framed
from core.origins import traced

_SHOWN = 20


@traced
def counts_table(labels: Sequence[str], counts: Sequence[int], shares: Sequence[float]) -> pd.DataFrame:
    """label, count, share: one row a label, most frequent first."""
    return pd.DataFrame({"label": list(labels), "count": list(counts), "share": list(shares)})


@traced
def counts_bars(table: pd.DataFrame, look: Look, *, what: str, unit: str) -> alt.LayerChart:
    """Bars of the most frequent labels, each with its count and share."""
    shown = table.head(_SHOWN)
    hidden = len(table) - len(shown)
    title = f"Always guessing “{table['label'].iloc[0]}” is right for {table['share'].iloc[0]:.0%} of all {unit}s"
    more = f"{what}; the {_SHOWN} most frequent of {len(table):,}" if hidden else what
    bars = alt.Chart(shown).encode(
        y=alt.Y("label:N", sort=None, title=None, axis=alt.Axis(labelLimit=260, ticks=False, domain=False)),
        x=alt.X(
            "count:Q",
            title=f"{unit}s",
            axis=alt.Axis(tickCount=5, format=",d"),
            # The number beside the longest bar needs room of its own.
            scale=alt.Scale(domain=[0, float(shown["count"].max()) * (1.25 if look.projector else 1.16)], nice=False),
        ),
        tooltip=["label:N", alt.Tooltip("count:Q", format=","), alt.Tooltip("share:Q", format=".1%")],
    )
    return framed(
        alt.layer(
            bars.mark_bar(color=look.bar),
            bars.transform_calculate(said="format(datum.count, ',') + ' · ' + format(datum.share, '.1%')")
            .mark_text(align="left", dx=5)
            .encode(text=alt.Text("said:N")),
        ).properties(
            title=alt.Title(title, subtitle=more),
            height=alt.Step(look.size + 11),
        ),
        look,
    )
