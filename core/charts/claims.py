"""Claims in figures: effects against what is claimed, what a sample could have found, and other ways of asking."""

import math
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.ablation import Ablation
from core.analyses.claim import Claim, Claimed, supposed
from core.charts.look import Look, framed
from core.maths import verdicts
from core.maths.verdicts import CANNOT_TELL, CONTRADICTED, OFTEN, SUPPORTED, VERDICTS
from core.origins import traced

SHAPES = {SUPPORTED: "circle", CONTRADICTED: "diamond", CANNOT_TELL: "square"}
_HEIGHT = 250


def colours(look: Look) -> dict[str, str]:
    """Of verdicts: what cannot be told is as quiet as noise."""
    green, pink = look.labels[:2]
    return {SUPPORTED: green, CONTRADICTED: pink, CANNOT_TELL: look.quiet}


@traced
def layers_table(claim: Claim, found: Claimed) -> pd.DataFrame:
    """what (layer, place, or the whole), side, value, low, high (95 %, each by itself), verdict; last the effect that is judged."""
    scale = claim.quantity.scale
    rows = [
        (_named_place(claim, row["layer"]), row["side"], *(row[name] * scale for name in ("value", "low", "high")), row["verdict"])
        for _, row in found.layers.iterrows()
        if row["layer"] >= 0 and (len(found.layers) > 1)
    ]  # fmt: skip
    judged = "judged" if rows else (_named_place(claim, claim.layers[0]) if claim.layers else "effect")
    rows.append((judged, "", found.value * scale, found.low * scale, found.high * scale, found.verdict))
    return pd.DataFrame(rows, columns=["what", "side", "value", "low", "high", "verdict"])


def _named_place(claim: Claim, layer: int) -> str:
    first = claim.of[0]
    if isinstance(first, Ablation):
        places = list(first.asked.places(first.n_blocks))
        return places[layer] if layer < len(places) else f"place {layer}"
    return f"layer {layer}"


@traced
def claim_chart(claim: Claim, found: Claimed, look: Look) -> alt.LayerChart:
    """Effects with their intervals against what is claimed: the tinted side is where the whole of it must lie."""
    table, quantity = layers_table(claim, found), claim.quantity
    table["name"] = [
        f"{what} (compared with)" if side == "against" else what
        for what, side in zip(table["what"], table["side"], strict=True)
    ]
    limit = claim.least * quantity.scale
    ends = [
        end
        for end in (*table["low"], *table["high"], limit, -limit if claim.way != "more" else 0.0, 0.0)
        if math.isfinite(end)
    ]
    reach = max(ends) - min(ends) or 1.0
    domain = [min(ends) - 0.08 * reach, max(ends) + 0.08 * reach]
    scale = alt.Scale(domain=domain, nice=False, clamp=True)
    claimed = {"more": (limit, domain[1]), "less": (domain[0], -limit), "same": (-limit, limit)}[claim.way]
    zone = (
        alt.Chart(pd.DataFrame([{"from": claimed[0], "to": claimed[1]}]))
        .mark_rect(color=look.cursor, opacity=0.9)
        .encode(x=alt.X("from:Q", scale=scale), x2="to:Q")
    )
    zero = (
        alt.Chart(pd.DataFrame([{"at": 0.0}]))
        .mark_rule(color=look.quiet, strokeDash=[4, 4], size=1.5)
        .encode(x=alt.X("at:Q", scale=scale))
    )
    row = 44 if look.projector else 34
    y = alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=260, ticks=False))
    colour = alt.Color("verdict:N", scale=_verdict_scale(look), legend=None)
    drawn = alt.Chart(table)
    bars = drawn.mark_rule(size=3).encode(y=y, x=alt.X("low:Q", scale=scale), x2="high:Q", color=colour)
    tips = [
        alt.Tooltip("name:N", title=" "),
        *(alt.Tooltip(f"{name}:Q", format="+.3~g") for name in ("value", "low", "high")),
        "verdict:N",
    ]
    dots = drawn.mark_point(filled=True, size=140, opacity=1).encode(
        y=y,
        x=alt.X("value:Q", scale=scale, title=f"{quantity.axis} · tinted: as claimed"),
        color=colour,
        shape=alt.Shape(
            "verdict:N", scale=alt.Scale(domain=[*VERDICTS, ""], range=[*SHAPES.values(), "circle"]), legend=None
        ),
        tooltip=tips,
    )
    return framed(alt.layer(zone, zero, bars, dots), look, height=row * len(table) + 62)


def _verdict_scale(look: Look) -> alt.Scale:
    known = colours(look)
    return alt.Scale(domain=[*VERDICTS, ""], range=[*(known[name] for name in VERDICTS), look.ink])


@traced
def power_table(claim: Claim, found: Claimed) -> pd.DataFrame:
    """truth (a true effect, in the unit of the figure), power (chance that the claim is supported), truths from 0 on; by the
    noise of what was found."""
    noise = found.effect
    level, quantity = verdicts.together(claim.n_claims), claim.quantity
    least = verdicts.detectable(noise, claim.way, claim.least, level=level)
    most = 1.6 * max(least if math.isfinite(least) else 0.0, 2 * claim.least, supposed(claim)) or 1.0
    if noise.is_correlation:
        most = 0.99
    if claim.way == "same":
        most = 1.5 * claim.least
    truths = np.linspace(0, most, 60)
    sign = -1 if claim.way == "less" else 1
    rows = [
        (truth * quantity.scale, verdicts.power(noise, claim.way, claim.least, sign * truth, level=level))
        for truth in truths
    ]
    return pd.DataFrame(rows, columns=["truth", "power"])


@traced
def power_chart(claim: Claim, found: Claimed, look: Look) -> alt.LayerChart:
    """How likely the claim is to be supported, for every size that the true effect may have."""
    table, quantity = power_table(claim, found), claim.quantity
    x = alt.X("truth:Q", title=f"true size: {quantity.axis}", scale=alt.Scale(nice=False))
    y = alt.Y("power:Q", title="samples that would say so", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    tips = [alt.Tooltip("truth:Q", format=".3~g"), alt.Tooltip("power:Q", format=".0%")]
    line = alt.Chart(table).mark_line(color=look.ink, strokeWidth=2.5).encode(x=x, y=y, tooltip=tips)
    often = (
        alt.Chart(pd.DataFrame([{"power": OFTEN}])).mark_rule(color=look.quiet, strokeDash=[4, 4]).encode(y="power:Q")
    )
    marks = [often, line]
    if claim.least:
        limit = pd.DataFrame([{"truth": claim.least * quantity.scale, "name": "smallest that matters"}])
        rule = alt.Chart(limit).mark_rule(color=look.tuned, strokeWidth=2).encode(x="truth:Q")
        name = (
            alt.Chart(limit)
            .mark_text(align="left", dx=5, dy=6, baseline="top", color=look.tuned, fontSize=look.size)
            .encode(x="truth:Q", y=alt.value(0), text="name:N")
        )
        marks += [rule, name]
    return framed(alt.layer(*marks), look, height=_HEIGHT)


@traced
def multiverse_table(
    claim: Claim,
    dimensions: Sequence[str],
    picked: Sequence[tuple[str, ...]],
    found: Sequence[Claimed],
    claims: Sequence[Claim],
) -> pd.DataFrame:
    """A row a world, lowest first: its choices, verdict, value, low, high, clear (distance from the limit in half-widths of the
    interval: 1 and more = as claimed, -1 and less = otherwise), is_claim.

    Args:
        claim: the one that was made.
        dimensions: that were varied.
        picked: of each world, in their order.
        found: what became of it.
        claims: of each world.
    """  # fmt: skip
    rows = []
    for picks, one, other in zip(picked, found, claims, strict=True):
        half = (one.high - one.low) / 2 or float("nan")
        sign = -1 if claim.way == "less" else 1
        inside = other.least - abs(one.value) if claim.way == "same" else sign * one.value - other.least
        clear = inside / half
        rows.append({
            **dict(zip(dimensions, picks, strict=True)), "verdict": one.verdict, "value": one.value, "low": one.low,
            "high": one.high, "clear": clear, "is_claim": other == claim,
        })  # fmt: skip
    return pd.DataFrame(rows).sort_values("clear", kind="stable").reset_index(drop=True)


@traced
def multiverse_chart(table: pd.DataFrame, dimensions: Sequence[str], look: Look) -> alt.LayerChart:
    """Ways of asking, a row each, from most to least as claimed: how far each lies from the limit, against its interval."""
    table = table.assign(way=[" · ".join(picks) for picks in zip(*(table[name] for name in dimensions), strict=True)])
    table = table.iloc[::-1]
    tips = [
        *(alt.Tooltip(f"{name}:N") for name in dimensions),
        "verdict:N",
        *(alt.Tooltip(f"{name}:Q", format="+.3~g") for name in ("value", "low", "high")),
    ]
    y = alt.Y("way:N", sort=None, title=" · ".join(dimensions), axis=alt.Axis(labelLimit=420, ticks=False))
    x = alt.X(
        "clear:Q", title="distance from the limit in half-widths of the interval · beyond 1: as claimed, below −1: not"
    )
    known = colours(look)
    colour = alt.Color(
        "verdict:N", scale=alt.Scale(domain=list(VERDICTS), range=[known[name] for name in VERDICTS]),
        legend=alt.Legend(title=None, orient="top"),
    )  # fmt: skip
    shape = alt.Shape("verdict:N", scale=alt.Scale(domain=list(VERDICTS), range=list(SHAPES.values())))
    limit = alt.Chart(pd.DataFrame({"clear": [-1.0, 1.0]})).mark_rule(color=look.quiet, strokeDash=[4, 4], size=1.5)
    drawn = alt.Chart(table)
    bars = drawn.mark_rule(size=1.5, opacity=0.6, color=look.quiet).encode(y=y, x=x, x2=alt.datum(0))
    dots = drawn.mark_point(filled=True, size=110, opacity=1).encode(y=y, x=x, color=colour, shape=shape, tooltip=tips)
    ring = alt.Chart(table[table["is_claim"]]).mark_point(size=380, strokeWidth=2.5, color=look.ink, filled=False)
    row = (24 if look.projector else 20) if len(table) <= 40 else 17
    layers = [limit.encode(x="clear:Q"), bars, dots, ring.encode(y=y, x=x)]
    return framed(alt.layer(*layers), look, height=row * len(table) + 96)


@traced
def turning_table(turned: dict[str, dict[str, tuple[int, int]]]) -> pd.DataFrame:
    """choice, option, agree (share of its ways of asking that say what the claim does), n_agree, n.

    Args:
        turned: of core.analyses.multiverse.flips.
    """
    rows = [
        (name, pick, agreed / many, agreed, many)
        for name, picks in turned.items()
        for pick, (agreed, many) in picks.items()
    ]
    return pd.DataFrame(rows, columns=["choice", "option", "agree", "n_agree", "n"])


@traced
def turning_chart(table: pd.DataFrame, look: Look) -> alt.LayerChart:
    """Of every option of every choice, how many of its ways of asking say what the claim itself says."""
    names = [
        f"{choice}: {option.removeprefix(f'{choice} ')}"
        for choice, option in zip(table["choice"], table["option"], strict=True)
    ]
    said = [f"{agreed} of {many}" for agreed, many in zip(table["n_agree"], table["n"], strict=True)]
    table = table.assign(name=names, said=said)
    y = alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=300, ticks=False))
    x = alt.X(
        "agree:Q",
        title="ways of asking that say the same",
        axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]),
        scale=alt.Scale(domain=[0, 1.12], nice=False),
    )
    drawn = alt.Chart(table).encode(y=y, x=x, tooltip=["choice:N", "option:N", "n_agree:Q", "n:Q"])
    beside = drawn.mark_text(align="left", dx=6, color=look.ink, fontSize=look.size).encode(text="said:N")
    row = 26 if look.projector else 22
    return framed(
        alt.layer(drawn.mark_bar(color=look.bar, height={"band": 0.7}), beside),
        look,
        height=row * len(table) + 62,
    )
