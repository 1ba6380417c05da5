"""What became of each neuron, and one neuron from close by."""

from html import escape

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.neuron_profile import QUANTILES, Example, Profile
from core.analyses.neuron_twins import ALIKE, FATES, UNLIKE, Twins
from core.charts.cursor import layer_axis
from core.charts.look import Look, framed
from core.origins import traced

MOST_ROWS, MOST_LABELS = 200, 20
SAID = {
    "kept": "goes with itself, correlation 0.8 or more, of either sign",
    "moved": "another neuron of the layer does what it did",
    "changed": "between kept and repurposed",
    "repurposed": "goes with itself by less than 0.5, and no other neuron took over",
    "silent": "its spread fell below a tenth",
    "constant": "it never changed in the base",
}


@traced
def fates_table(twins: Twins) -> pd.DataFrame:
    """layer, fate, share of the layer's neurons 0 to 1, n."""
    width = twins.fate.shape[1]
    return pd.DataFrame([
        {"layer": layer, "fate": fate, "n": int((own == code).sum()), "share": float((own == code).mean()), "width": width}
        for layer, own in enumerate(twins.fate, start=twins.first_layer)
        for code, fate in enumerate(FATES)
    ])  # fmt: skip


def fates_finding(twins: Twins) -> str:
    """How many neurons kept their part, in a sentence."""
    table = fates_table(twins)
    by_layer = [float(share) for share in table.loc[table["fate"] == "kept", "share"]]
    total = {fate: int(table.loc[table["fate"] == fate, "n"].sum()) for fate in FATES}
    all_of = sum(total.values())
    least = int(np.argmin(by_layer))
    new = int((twins.new < UNLIKE).sum())
    return (
        f"{total['kept'] / all_of:.0%} of {all_of:,} neurons go with themselves after tuning, the fewest at layer "
        f"{least + twins.first_layer} ({by_layer[least]:.0%}); {total['moved']:,} moved, {total['repurposed']:,} were "
        f"repurposed, {total['silent']:,} fell silent; "
        f"{new:,} tuned neurons go with no single one of the base by 0.5. A space that only turned would look so too."
    )


@traced
def fates_chart(twins: Twins, look: Look) -> alt.Chart:
    """Shares of fates by layer, stacked to one."""
    hues = dict(
        zip(FATES, (look.bar, look.labels[0], look.labels[2], look.labels[4], look.grid, look.ink), strict=True)
    )
    chart = alt.Chart(fates_table(twins)).mark_bar(width=alt.RelativeBandSize(0.7)).encode(
        x=layer_axis(),
        y=alt.Y("share:Q", title="share of the layer's neurons", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
        color=alt.Color(
            "fate:N", scale=alt.Scale(domain=list(hues), range=list(hues.values())),
            legend=alt.Legend(title=None, orient="bottom"), sort=list(FATES),
        ),
        order=alt.Order("code:Q"),
        tooltip=["layer:O", "fate:N", alt.Tooltip("n:Q", format=","), alt.Tooltip("share:Q", format=".1%")],
    ).transform_calculate(code=f"indexof({list(FATES)}, datum.fate)")  # fmt: skip
    return framed(chart, look, height=300)


@traced
def rows_of_fate(twins: Twins, fate: str) -> pd.DataFrame:
    """layer, neuron, itself (correlation), best match, its correlation, spread (tuned over base), top rows shared, top words and
    bits before and after; those whose information changed most first.

    Args:
        twins: the result.
        fate: one of FATES; or "new", tuned neurons that go with no base neuron of the layer: layer, neuron, nearest of the base,
            its correlation, bits after.
    """
    if fate == "new":
        return _new_ones(twins)
    inside = twins.fate == FATES.index(fate)
    rows, neurons = at = np.nonzero(inside)
    before, after = twins.told[0][at], twins.told[1][at]
    table = pd.DataFrame({
        "layer": rows + twins.first_layer,
        "neuron": neurons,
        "itself": twins.same[at],
        "best match": twins.match[at],
        "its correlation": twins.match_size[at],
        "spread": twins.spread[at],
        "top rows shared": twins.words[at],
        **_top_words(twins, rows, neurons),
        "bits before": before,
        "bits after": after,
    })  # fmt: skip
    order = np.argsort(-np.abs(after - before), kind="stable")
    return table.iloc[order[:MOST_ROWS]].reset_index(drop=True)


def _top_words(twins: Twins, rows: NDArray[np.intp], neurons: NDArray[np.intp]) -> dict[str, list[str]]:
    """Words on which neurons are highest, before and after; none of an older result."""
    return {
        f"highest on, {when}": [
            ", ".join(twins.vocabulary[code] for code in side[row][neuron] if code >= 0)
            for row, neuron in zip(rows, neurons, strict=True)
        ]
        for when, side in (("before", twins.base_top), ("after", twins.tuned_top))
        if side
    }


def _new_ones(twins: Twins) -> pd.DataFrame:
    rows, neurons = at = np.nonzero(twins.new < UNLIKE)
    table = pd.DataFrame({
        "layer": rows + twins.first_layer, "neuron": neurons, "nearest of the base": twins.nearest[at],
        "its correlation": twins.new[at], "bits after": twins.told[1][at],
    })  # fmt: skip
    return table.sort_values("bits after", ascending=False, kind="stable").head(MOST_ROWS).reset_index(drop=True)


def best_by_chance(twins: Twins) -> tuple[float, float]:
    """About how large the largest |correlation| of a neuron with any of a layer is where none has to do with it: if every row were
    independent, and if the rows of a sentence were all one."""
    of = np.sqrt(2 * np.log(2 * twins.same.shape[1]))
    return float(min(1.0, of / np.sqrt(twins.n_rows))), float(min(1.0, of / np.sqrt(twins.n_sentences)))


def twin_said(twins: Twins, layer: int, neuron: int) -> str:
    """What became of one neuron, in a sentence."""
    at = layer - twins.first_layer, neuron
    fate = FATES[int(twins.fate[at])]
    match = int(twins.match[at])
    said = f"After tuning it goes with itself by {twins.same[at]:+.2f}: {fate} ({SAID[fate]})."
    if match != neuron and abs(float(twins.match_size[at])) >= ALIKE:
        said += f" Neuron {match} now does what it did ({twins.match_size[at]:+.2f})."
    return said


def place_said(site: str, neuron: int, width: int, n_heads: int) -> str:
    """Where in its block a neuron is, in words; empty for one of a state.

    Args:
        site: one of core.analyses.inner_embed.SITES, or empty.
        neuron: its number there.
        width: how many there are in a block.
        n_heads: attention heads of a block; 0 = not known.
    """
    if site == "heads" and n_heads:
        size = width // n_heads
        return f"Head {neuron // size} of {n_heads}, its number {neuron % size} of {size}; counted from 0."
    return f"One of {width:,} units of the block's MLP; counted from 0." if site == "mlp" else ""


_ABOVE, _BELOW = "#E08214", "#8073AC"
"""Diverging, and no side's colour."""


def shaded(example: Example, look: Look) -> str:
    """A sentence as HTML, each word shaded by the neuron's value: orange above its mean, purple below; the row's word framed."""
    cells = []
    for at, (word, value) in enumerate(zip(example.words, example.values, strict=True)):
        hue = _ABOVE if value > 0 else _BELOW
        depth = 0 if np.isnan(value) else min(0.85, abs(value) / 5)
        colour = f"{hue}{round(255 * depth):02x}"
        frame = f"outline:2px solid {look.ink};" if at == example.at else ""
        tip = "" if np.isnan(value) else f' title="{value:+.2f} spreads"'
        cells.append(
            f'<span{tip} style="background:{colour};{frame}border-radius:3px;padding:1px 3px">{escape(word)}</span>'
        )
    shown = f'<span style="color:{look.quiet};font-variant-numeric:tabular-nums">{example.value:+.1f}</span>'
    return f'<div style="font-size:{look.size + 2}px;line-height:1.9">{shown} {" ".join(cells)}</div>'


@traced
def by_label_table(profiles: dict[str, Profile]) -> pd.DataFrame:
    """side, label, n, mean and quantiles in spreads from the side's mean, of the labels with most rows (MOST_LABELS)."""
    first = next(iter(profiles.values())).by_label.nlargest(MOST_LABELS, "n")["label"]
    tables = [one.by_label[one.by_label["label"].isin(first)].assign(side=side) for side, one in profiles.items()]
    return pd.concat(tables, ignore_index=True)


@traced
def by_label_chart(profiles: dict[str, Profile], look: Look) -> alt.LayerChart:
    """How a neuron's values lie by label: thin 5 to 95 %, thick 25 to 75 %, the mark at the median; base beside tuned."""
    table = by_label_table(profiles)
    ends = [f"q{q * 100:02.0f}" for q in QUANTILES]
    order = table["label"].drop_duplicates().to_list()
    scale = alt.Scale(zero=False)
    colour = alt.Color("side:N", scale=alt.Scale(domain=["base", "tuned"], range=[look.base, look.tuned]), legend=None)
    shape = alt.Shape("side:N", scale=alt.Scale(domain=["base", "tuned"], range=["circle", "triangle-up"]), legend=None)
    title = "value, in spreads from the side's mean"
    base = alt.Chart(table).encode(
        y=alt.Y("label:N", sort=order, title=None),
        yOffset=alt.YOffset("side:N", scale=alt.Scale(paddingInner=0.3)),
        color=colour,
        tooltip=[
            "side",
            "label",
            alt.Tooltip("n:Q", format=","),
            *(alt.Tooltip(f"{end}:Q", format="+.2f") for end in ends),
        ],
    )
    return framed(
        alt.layer(
            base.mark_rule(strokeWidth=1.5).encode(x=alt.X(f"{ends[0]}:Q", title=title, scale=scale), x2=ends[-1]),
            base.mark_rule(strokeWidth=6, opacity=0.5).encode(x=alt.X(f"{ends[1]}:Q", title=title), x2=ends[3]),
            base.mark_point(filled=True, size=70, opacity=1).encode(x=alt.X(f"{ends[2]}:Q", title=title), shape=shape),
        ),
        look,
        height=max(160, 30 * len(order) + 40),
    )
