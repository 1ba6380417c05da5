"""Edge probes over mixes of layers: what the layers up to each one hold, and which of them a full mix reads."""

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.edge_probe import EdgeScores
from core.analyses.edge_probe_change import EdgeDifference
from core.charts.look import Look, framed
from core.charts.sides import sides_table, with_random
from core.maths.statistics import Estimate
from core.origins import traced
from core.refs import Hub


@traced
def cumulative_table(
    base: EdgeScores, tuned: EdgeScores, change: EdgeDifference, random: EdgeScores | None = None
) -> pd.DataFrame:
    """layer (mix of 0..layer), side, f1, low, high, control (first and last layer only), majority, difference and its interval,
    is_noise; where that is known, random: that of a model of random weights, with random_low and random_high.

    Rows of the tuned side are of the layer that faces the base's.
    """
    controls = []
    for held in (base, tuned):
        first, last = (one.value for one in held.control_score)
        controls.append([first, *[np.nan] * (len(held.f1) - 2), last])
    shares = [[held.majority] * len(held.f1) for held in (base, tuned)]
    table = sides_table(
        "f1",
        base.score,
        tuned.score,
        change.difference,
        control=(controls[0], controls[1]),
        majority=(shares[0], shares[1]),
    )
    return with_random(table, None if random is None else random.score)


@traced
def weights_table(base: EdgeScores, tuned: EdgeScores) -> pd.DataFrame:
    """side, layer (of the side itself), weight (mean over splits), low, high (smallest and largest split), norm (mean length of
    the layer's vectors)."""
    tables = []
    for side, held in (("base", base), ("tuned", tuned)):
        columns = {
            "layer": np.arange(held.weights.shape[1]), "weight": held.weights.mean(axis=0),
            "low": held.weights.min(axis=0), "high": held.weights.max(axis=0), "norm": held.layer_norms,
        }  # fmt: skip
        tables.append(pd.DataFrame(columns).assign(side=side))
    table = pd.concat(tables, ignore_index=True)
    return table[["side", *(column for column in table if column != "side")]]


@traced
def weights_chart(table: pd.DataFrame, base: EdgeScores, tuned: EdgeScores, look: Look) -> alt.LayerChart:
    """Mixing weights by layer with their range over splits, and the centre of gravity of each side as an upright line."""
    sides = ["base", "tuned"]
    shift = {"base": -0.19, "tuned": 0.19}
    table = table.assign(at=table["layer"] + table["side"].map(shift))
    depth = int(table["layer"].max())
    room = alt.Scale(domain=[-0.6, depth + 0.6], nice=False, zero=False)
    axis = alt.Axis(values=list(range(depth + 1)), format="d", grid=False, labelAngle=0)
    x = alt.X("at:Q", title="layer (0 = embeddings)", scale=room, axis=axis)
    colour = alt.Color("side:N", scale=alt.Scale(domain=sides, range=[look.base, look.tuned]), legend=None)
    shown = [
        "side:N",
        "layer:O",
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("weight", "low", "high")),
        alt.Tooltip("norm:Q", format=".2f", title="mean vector length"),
    ]
    top = float(table["high"].max()) * 1.18
    scale = alt.Scale(domain=[0, top], nice=False)
    y = alt.Y("weight:Q", title="mixing weight", axis=alt.Axis(format=".2f", tickCount=5), scale=scale)
    bars = alt.Chart(table).mark_bar(opacity=0.75, size=18 if depth > 8 else 30).encode(x=x, y=y, color=colour)
    bars = bars.encode(tooltip=shown)
    range_ = alt.Chart(table).mark_rule(color=look.ink, strokeWidth=1.5).encode(x=x, y=alt.Y("low:Q"), y2="high:Q")
    centres = pd.DataFrame(
        [
            (side, held.centre_score.value, f"{side} centre {_number(held.centre_score)}", top)
            for side, held in (("base", base), ("tuned", tuned))
        ],
        columns=["side", "at", "name", "top"],
    )
    centres = centres.sort_values("at", kind="stable")
    dash = alt.StrokeDash("side:N", scale=alt.Scale(domain=sides, range=[[1, 0], [7, 3]]), legend=None)
    rules = alt.Chart(centres).mark_rule(strokeWidth=2.5).encode(x=x, color=colour, strokeDash=dash)
    lower = alt.Chart(centres.head(1)).mark_text(align="right", dx=-6, dy=8, fontWeight="bold", baseline="top")
    upper = alt.Chart(centres.tail(1)).mark_text(align="left", dx=6, dy=8, fontWeight="bold", baseline="top")
    names = [one.encode(x=x, y=alt.Y("top:Q"), text="name:N", color=colour) for one in (lower, upper)]
    return framed(alt.layer(bars, range_, rules, *names), look, height=300)


def summary(base: EdgeScores, tuned: EdgeScores, change: EdgeDifference) -> list[str]:
    """Where the label is found, in plain sentences with their intervals."""
    said = [
        f"Centre of gravity of the weights: base {_number(base.centre_score)}, tuned {_number(tuned.centre_score)}"
        + _moved(change.centre)
    ]
    sides = {"base": base, "tuned": tuned}
    placed = {side: held.expected_layer for side, held in sides.items() if held.expected_layer}
    if placed:
        named = ", ".join(f"{side} {_number(one)}" for side, one in placed.items())
        said.append(f"Expected layer (mean layer of what adding layers gains): {named}" + _moved(change.expected_layer))
    for side in sides.keys() - placed.keys():
        gain = sides[side].gain
        reach = f"{gain.value:+.1%} [{gain.low:+.1%}, {gain.high:+.1%}]"
        said.append(
            f"{side.capitalize()} has no expected layer: all layers read {reach} more than the embeddings alone."
        )
    bits = ", ".join(
        f"{side} {_number(held.localisation)}" for side, held in sides.items() if held.localisation is not None
    )
    return [*said, f"Localisation of the gains, in bits above even ones: {bits}."] if bits else said


def _moved(change: Estimate | None) -> str:
    if change is None:
        return "."
    verdict = "inside the noise" if change.low <= 0 <= change.high else "outside the noise"
    return f"; the shift of {change.value:+.2f} layers [{change.low:+.2f}, {change.high:+.2f}] is {verdict}."


def _number(one: Estimate) -> str:
    return f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]"


PUBLISHED = (85.20, 90.24, 91.30, 92.56, 93.66, 94.10, 94.65, 94.90, 95.17, 95.21, 95.10, 95.32, 95.22)
"""Micro-F1 in per cent of dependency labels, UD English EWT dev, bert-base-uncased, mixes of the layers 0 to k = 0..12, from the
notebook probing/analysis_bertlayer_ACL_camera_ready.ipynb of jiant."""


def published(base: object, data_name: str, label: str) -> str:
    """What was published for exactly this checkpoint, label and treebank, in a sentence; else empty."""
    is_bert = isinstance(base, Hub) and base.repo in ("bert-base-uncased", "google-bert/bert-base-uncased")
    if not is_bert or label != "dependency" or "ewt" not in data_name.casefold():
        return ""
    return (
        "Published for bert-base-uncased and UD English EWT (the notebook of the edge-probing toolkit jiant, dev sentences, probes "
        f"of word pieces trained on the whole treebank): {', '.join(f'{one:.1f}' for one in PUBLISHED)} per cent for k = 0 to 12."
    )
