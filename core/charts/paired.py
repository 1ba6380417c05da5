"""Shares, or other values, of several groups of rows, base beside tuned, each with its interval."""

from collections.abc import Collection, Sequence

import altair as alt
import pandas as pd

from core.analyses.places import Place, among
from core.analyses.probe_slices import Slices, is_enough, judged, read_rightly
from core.analyses.probe_transfer import Transfers
from core.charts.look import Look, framed
from core.charts.scatter import OTHERS
from core.charts.strip import facing_tips
from core.maths.statistics import Estimate
from core.origins import traced


@traced
def paired_table(
    names: Sequence[str], counts: Sequence[int], shares: Sequence[tuple[Estimate, Estimate, Estimate]]
) -> pd.DataFrame:
    """name, n, side, share, low, high, difference and its interval, is_noise, in the order given.

    Args:
        names: of the groups.
        counts: rows of each.
        shares: base, tuned, and tuned minus base.
    """
    rows = []
    for name, count, (*sides, difference) in zip(names, counts, shares, strict=True):
        for side, one in zip(("base", "tuned"), sides, strict=True):
            rows.append({
                "name": name, "n": count, "side": side, "share": one.value, "low": one.low, "high": one.high,
                "difference": difference.value, "difference_low": difference.low, "difference_high": difference.high,
                "is_noise": difference.low <= 0 <= difference.high,
            })  # fmt: skip
    return pd.DataFrame(rows)


@traced
def slices_table(slices: Slices, layer: int, kind: str) -> pd.DataFrame:
    """paired_table of the slices of a kind at a layer."""
    chosen = [at for at, one in enumerate(slices.kinds) if one == kind]
    return paired_table(
        [slices.names[at] for at in chosen],
        [slices.counts[at] for at in chosen],
        [slices.shares[layer][at] for at in chosen],
    )


@traced
def saved_table(held: Transfers, layer: int, places: Collection[Place], name: str) -> pd.DataFrame:
    """paired_table of saved points and of all other rows at a layer; empty where either are too few.

    Args:
        held: what probes answered on held-out rows.
        layer: of the base.
        places: of the saved points.
        name: what they are saved as.
    """
    rows = judged(held)
    is_in = among(held.rows.iloc[rows], places)
    slices = [rows[is_in], rows[~is_in]]
    group = held.rows["group"].to_numpy()
    if not all(is_enough(group[some]) for some in slices):
        return pd.DataFrame()
    return paired_table([name, OTHERS], [len(some) for some in slices], read_rightly(held, layer, slices))


@traced
def paired_chart(
    table: pd.DataFrame, look: Look, *, what: str, title: str, number: str = ".1%", domain: tuple[float, float] = (0, 1)
) -> alt.LayerChart:
    """Shares, or other values, of base and tuned in one row a group, with intervals; hollow where the two are not told apart.

    Args:
        table: of paired_table.
        look: how to draw.
        what: name of the groups, and in brackets what is counted.
        title: of the shares.
        number: how a value is written.
        domain: of its axis.
    """
    sides, row = ["base", "tuned"], 32 if look.projector else 25
    table = table.assign(row=[f"{name} ({n:,})" for name, n in zip(table["name"], table["n"], strict=True)])
    names = list(dict.fromkeys(table["row"]))
    axis = alt.Axis(labelLimit=260, ticks=False)
    y = alt.Y("row:N", sort=names, title=what, axis=axis, scale=alt.Scale(padding=0))
    offset = alt.YOffset("side:N", scale=alt.Scale(domain=sides, range=[0.32 * row, 0.68 * row]))
    scale = alt.Scale(domain=domain, clamp=True)
    x = alt.X("share:Q", title=title, scale=scale, axis=alt.Axis(format="%" if "%" in number else "~g", tickCount=5))
    colour = alt.Color("side:N", scale=alt.Scale(domain=sides, range=[look.base, look.tuned]), legend=None)
    shape = alt.Shape("side:N", scale=alt.Scale(domain=sides, range=["circle", "triangle-up"]), legend=None)
    shown = [
        alt.Tooltip("name:N"), alt.Tooltip("n:Q", format=","), alt.Tooltip("side:N"), *facing_tips(table),
        *(alt.Tooltip(f"{column}:Q", format=number) for column in ("share", "low", "high")),
        alt.Tooltip("difference:Q", format="+" + number, title="tuned − base"),
        alt.Tooltip("is_noise:N", title="inside the noise"),
    ]  # fmt: skip
    bars = (
        alt.Chart(table)
        .mark_rule(strokeWidth=2, opacity=0.5)
        .encode(y=y, yOffset=offset, x=alt.X("low:Q", scale=scale), x2="high:Q", color=colour)
    )
    dots = alt.Chart(table).encode(y=y, yOffset=offset, x=x, color=colour, shape=shape, tooltip=shown)
    solid = dots.transform_filter("datum.side == 'base' || !datum.is_noise").mark_point(filled=True, size=85, opacity=1)
    hollow = dots.transform_filter("datum.side == 'tuned' && datum.is_noise").mark_point(
        filled=False, fill=look.paper, size=75, strokeWidth=2, opacity=1
    )
    below = [bars]
    if "control" in table:
        crosses = alt.Chart(table).mark_point(shape="cross", angle=45, size=45, color=look.quiet, opacity=0.9)
        told = alt.Tooltip("control:Q", format=number, title="control task")
        below.insert(
            0, crosses.encode(y=y, yOffset=offset, x=alt.X("control:Q", scale=scale), tooltip=["name:N", told])
        )
    around = 114 if look.projector else 88  # the axis below and what stands around: few rows would be squeezed
    return framed(alt.layer(*below, solid, hollow), look, height=row * len(names) + around)
