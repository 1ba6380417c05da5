"""What probes cost, carry over, and read of single words: codelengths, transfer, and rows that gained or lost."""

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.base import facing_layers
from core.analyses.codelength import Codelengths
from core.analyses.codelength_change import CompressionDifference
from core.analyses.probe_kinds import KINDS, KindScores
from core.analyses.probe_transfer import WAYS, Transfers
from core.charts.look import Look, framed
from core.charts.sides import sides_table, with_random
from core.origins import traced

HOME_AWAY = ("base on base", "tuned on tuned", *(way for way in WAYS if way not in ("base on base", "tuned on tuned")))
"""WAYS, those at home first: they take the colours of the two sides."""


@traced
def compression_table(
    base: Codelengths, tuned: Codelengths, change: CompressionDifference, random: Codelengths | None = None
) -> pd.DataFrame:
    """layer, side, compression, low, high, control, majority (label shares alone), difference and its interval, is_noise; where
    that is known, random: that of a model of random weights, with random_low and random_high.

    Rows of the tuned side are of the layer that faces the base's.
    """
    controls = [[one.value for one in held.control_compression()] for held in (base, tuned)]
    priors = [[held.prior_compression] * len(held.bits) for held in (base, tuned)]
    table = sides_table(
        "compression",
        base.compression(),
        tuned.compression(),
        change.difference,
        control=(controls[0], controls[1]),
        majority=(priors[0], priors[1]),
    )
    return with_random(table, None if random is None else random.compression())


@traced
def learning_table(base: Codelengths, tuned: Codelengths, layer: int) -> pd.DataFrame:
    """side, seen (rows that the probe was trained on), bits (a row of the next block)."""
    other = facing_layers(len(base.bits) - 1, len(tuned.bits) - 1)[layer]
    sides = (("base", base, layer), ("tuned", tuned, other))
    return pd.concat(
        [pd.DataFrame({"seen": held.n_before, "bits": held.curve[at]}).assign(side=side) for side, held, at in sides],
        ignore_index=True,
    )[["side", "seen", "bits"]]


@traced
def learning_curve(table: pd.DataFrame, look: Look, *, n_classes: int, prior_bits: float) -> alt.LayerChart:
    """How fast a probe learns: bits a row against the rows it has seen, beside what sending in full and label shares cost.

    Args:
        table: of learning_table.
        n_classes: K; sending a label in full takes log2 K bits.
        prior_bits: what a row takes where only the shares of the labels are known.
    """
    scale, axis = alt.Scale(type="log", nice=False), alt.Axis(format="~s", tickCount=6)
    x = alt.X("seen:Q", title="rows the probe was trained on", scale=scale, axis=axis)
    y = alt.Y("bits:Q", title="bits a row (lower = easier)", scale=alt.Scale(domainMin=0))
    sides = ["base", "tuned"]
    colour = alt.Color("side:N", scale=alt.Scale(domain=sides, range=[look.base, look.tuned]), legend=None)
    shape = alt.Shape("side:N", scale=alt.Scale(domain=sides, range=["circle", "triangle-up"]), legend=None)
    dash = alt.StrokeDash("side:N", scale=alt.Scale(domain=sides, range=[[1, 0], [7, 3]]), legend=None)
    shown = [alt.Tooltip("side:N"), alt.Tooltip("seen:Q", format=",.0f"), alt.Tooltip("bits:Q", format=".2f")]
    line = alt.Chart(table).mark_line(strokeWidth=2.5).encode(x=x, y=y, color=colour, strokeDash=dash)
    dots = (
        alt.Chart(table)
        .mark_point(filled=True, size=80, opacity=1)
        .encode(x=x, y=y, color=colour, shape=shape, tooltip=shown)
    )
    first = table[table["seen"] == table["seen"].min()].sort_values("bits").assign(nudge=[14, -14])
    names = [
        alt.Chart(first.iloc[[i]])
        .mark_text(align="left", dx=4, dy=int(first["nudge"].iloc[i]), fontWeight="bold")
        .encode(x=x, y=y, text="side:N", color=colour)
        for i in range(len(first))
    ]
    guesses = pd.DataFrame({
        "bits": [float(np.log2(n_classes)), prior_bits], "name": ["in full", "label shares alone"],
        "seen": [float(table["seen"].max())] * 2,
    })  # fmt: skip
    rules = alt.Chart(guesses).mark_rule(strokeDash=[6, 4], color=look.quiet, size=1.5).encode(y=y)
    said = alt.Chart(guesses).mark_text(align="right", dy=-9, color=look.quiet).encode(x=x, y=y, text="name:N")
    return framed(alt.layer(rules, said, line, dots, *names), look, height=300)


@traced
def kind_table(scores: KindScores, kind: str, random: KindScores | None = None) -> pd.DataFrame:
    """layer, side, accuracy, low, high, control, majority, difference and its interval, is_noise, of one kind of probe; where that
    is known, random: that of a model of random weights, with random_low and random_high.

    Rows of the tuned side are of the layer that faces the base's.
    """
    at = KINDS.index(kind)
    controls = [control[at].mean(axis=1).tolist() for control in (scores.base_control, scores.tuned_control)]
    table = sides_table(
        "accuracy",
        scores.base_score[at],
        scores.tuned_score[at],
        scores.difference[at],
        control=(controls[0], controls[1]),
        majority=scores.majority,
    )
    return with_random(table, None if random is None else random.tuned_score[at])


@traced
def transfer_table(transfers: Transfers) -> pd.DataFrame:
    """checkpoint (trained on … read on …), layer, accuracy, low, high."""
    rows = [
        (way, layer, of_layer[at].value, of_layer[at].low, of_layer[at].high)
        for at, way in enumerate(WAYS)
        for layer, of_layer in enumerate(transfers.score)
    ]
    return pd.DataFrame(rows, columns=["checkpoint", "layer", "accuracy", "low", "high"])


@traced
def rows_table(
    transfers: Transfers, layer: int, *, search: str = "", gained: bool = True, least: float = 0.0
) -> pd.DataFrame:
    """Rows by how much more (or less) of the probability their gold label gets on the tuned side; those held out at least once.

    Args:
        transfers: with the rows.
        layer: of the base.
        search: only rows whose text or sentence holds these characters, upper and lower case alike.
        gained: most gained first; False = most lost first.
        least: leave out smaller changes.
    Returns:
        text, label, base, tuned (probabilities of the gold label, 0 to 1), change, sentence.
    """
    base, tuned = (shares[layer].astype(np.float64) for shares in (transfers.base_share, transfers.tuned_share))
    table = transfers.rows.assign(base=base, tuned=tuned, change=tuned - base)
    table = table[["text", "label", "base", "tuned", "change", "sentence"]].dropna(subset=["change"])
    if wanted := search.casefold().strip():
        held = table["text"].str.casefold() + "\n" + table["sentence"].str.casefold()
        table = table[held.str.contains(wanted, regex=False)]
    table = table[table["change"] >= least] if gained else table[table["change"] <= -least]
    return table.sort_values("change", ascending=not gained, kind="stable").reset_index(drop=True)


@traced
def said_counts(transfers: Transfers, layer: int) -> dict[str, np.ndarray]:
    """How often each side's own probe answers each label for each gold label, {side: [gold, answered]}, at a layer of the base."""
    gold = np.searchsorted(np.array(transfers.labels), transfers.rows["label"].to_numpy(dtype=str))
    found = {}
    for side, said in (("base", transfers.base_said[layer]), ("tuned", transfers.tuned_said[layer])):
        counts = np.zeros((len(transfers.labels),) * 2, dtype=np.int64)
        np.add.at(counts, (gold[said >= 0], said[said >= 0]), 1)
        found[side] = counts
    return found


@traced
def gains_by_label(transfers: Transfers, layer: int) -> pd.DataFrame:
    """label, rows, base, tuned, change: mean probability of the gold label by label, most changed first."""
    table = rows_table(transfers, layer, least=-1.0)
    groups = table.groupby("label", sort=True).agg(
        rows=("change", "size"), base=("base", "mean"), tuned=("tuned", "mean"), change=("change", "mean")
    )
    return groups.sort_values("change", key=abs, ascending=False, kind="stable").reset_index()
