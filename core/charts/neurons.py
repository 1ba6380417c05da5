"""Where the neurons of a label live, how few of them do, and whether rankings agree on them."""

import itertools
from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student

from core.analyses.neuron_ablation import LAST, NeuronAblations
from core.analyses.neuron_ablation import SHARES as SHARES_HELD
from core.analyses.neuron_depth import mean_depth, of_layers, shares_of_layers
from core.analyses.neuron_reading import NeuronReadings
from core.analyses.neurons import (
    GAUSSIAN,
    GAUSSIAN_CANDIDATES,
    INFORMATION,
    RANDOM,
    RANKINGS,
    TOP,
    NeuronScores,
)
from core.analyses.scoring import SHARES
from core.charts.look import Look, framed
from core.charts.scores import written
from core.charts.sides import facing_places, sides_table
from core.maths.statistics import Estimate, resampled_interval, simultaneous
from core.origins import traced

COMPARED_AT = 100
"""Neurons of each ranking that are compared with those of others."""
N_OF_A_TAG = 12
HEIGHT = 300


def _over(values: NDArray[np.float64], scores: NeuronScores) -> Estimate:
    return resampled_interval(values, n_train=scores.n_train, n_test=scores.n_test)


@traced
def living_table(base: NeuronScores, tuned: NeuronScores, ranking: str, how_many: str) -> pd.DataFrame:
    """layer, side, share (of the first neurons, 0 to 1), low, high, difference …, is_noise (all layers looked at together),
    majority (of neurons drawn at random), n (neurons of the side's set, mean over splits).

    At unequal depth the tuned shares are scaled to the base's number of layers, so that both sides' chance is one line.

    Args:
        base, tuned: of all layers joined.
        ranking: one of RANKINGS.
        how_many: one of core.analyses.neuron_depth.HOW_MANY.
    """
    scale = len(tuned.layers) / len(base.layers)
    sides = [shares_of_layers(base, ranking, how_many), shares_of_layers(tuned, ranking, how_many) * scale]
    held = [[_over(column, side) for column in shares.T] for side, shares in zip((base, tuned), sides, strict=True)]
    facing = facing_places(len(base.layers), len(tuned.layers), base.layers[0])
    changes = (
        [
            simultaneous(_over(sides[1][:, own] - sides[0][:, layer], base), n_intervals=len(facing))
            for layer, own in enumerate(facing)
        ]
        if len(sides[0]) == len(sides[1])
        else [None] * len(facing)
    )
    counts = [float(of_layers(side, ranking, how_many).sum(axis=1).mean()) for side in (base, tuned)]
    return sides_table(
        "share",
        held[0],
        held[1],
        changes,
        lowest=base.layers[0],
        majority=1 / len(base.layers),
        n=([counts[0]] * len(base.layers), [counts[1]] * len(tuned.layers)),
    )


@traced
def several_table(found: Mapping[str, NeuronScores], ranking: str, how_many: str) -> pd.DataFrame:
    """checkpoint, layer, depth (layer as a share of its blocks), times (share of the first neurons in the layer over that of
    neurons drawn at random: 1 = as chance), low, high (over splits), majority (1), n (neurons of the set, mean over splits).

    Args:
        found: by name of the checkpoint, of all layers joined.
        ranking: one of RANKINGS.
        how_many: one of core.analyses.neuron_depth.HOW_MANY.
    """
    rows = []
    for name, scores in found.items():
        shares = shares_of_layers(scores, ranking, how_many) * len(scores.layers)
        n = float(of_layers(scores, ranking, how_many).sum(axis=1).mean())
        for layer, column in zip(scores.layers, shares.T, strict=True):
            one = _over(column, scores)
            depth = layer / max(1, scores.layers[-1])
            rows.append((name, layer, depth, one.value, max(0.0, one.low), one.high, 1.0, n))
    return pd.DataFrame(rows, columns=["checkpoint", "layer", "depth", "times", "low", "high", "majority", "n"])


def several_finding(found: Mapping[str, NeuronScores], ranking: str, how_many: str) -> str:
    """The mean depth of the first neurons of each checkpoint, in a sentence."""
    said = []
    for name, scores in found.items():
        one = _over(mean_depth(scores, ranking, how_many), scores)
        said.append(f"{name} {one.value:.0%} [{max(0.0, one.low):.0%}, {min(1.0, one.high):.0%}]")
    return f"Mean depth of these neurons (0 % = embeddings, 100 % = top): {'; '.join(said)}."


def living_finding(base: NeuronScores, tuned: NeuronScores, ranking: str, how_many: str, name: str) -> str:
    """Whether the neurons of a label moved, in a sentence. Args: name: of the label, as Markdown."""
    depths = [mean_depth(side, ranking, how_many) for side in (base, tuned)]
    tops = [side.layers[-1] for side in (base, tuned)]
    where = [f"{float(depth.mean()) * top:.1f}" for depth, top in zip(depths, tops, strict=True)]
    if tops[0] == tops[1]:
        scale, unit = float(tops[0]), "layers"
    else:
        scale, unit = 100.0, "% of the depth"
        where = [f"{one} of {top}" for one, top in zip(where, tops, strict=True)]
    moved = _over(depths[1] - depths[0], base)
    if moved.low <= 0 <= moved.high:
        verdict = "a difference inside the noise of splits"
    else:
        verdict = f"they moved {'up' if moved.value > 0 else 'down'}"
    return (
        f"**Where do the neurons for {name} live?** On the mean at layer {where[0]} in the base and {where[1]} in the tuned: "
        f"{verdict} "
        f"({moved.value * scale:+.1f} {unit}, 95 % [{moved.low * scale:+.1f}, {moved.high * scale:+.1f}])."
    )


@traced
def kept_table(scores: NeuronScores) -> pd.DataFrame:
    """ranking (with "last" for the last ones by linear correlation), size, accuracy, low, high of probes trained again."""
    rows = []
    for name, kept in [*zip(RANKINGS, scores.kept, strict=True), (LAST, scores.kept_bottom)]:
        for place, size in enumerate(scores.sizes):
            if not np.isnan(kept[:, place]).any():
                rows.append({"ranking": name, "size": size, **_ends(_over(kept[:, place], scores))})
    return pd.DataFrame(rows)


def _ends(found: Estimate) -> dict[str, float]:
    return {"accuracy": found.value, "low": found.low, "high": found.high}


@traced
def kept_chart(scores: NeuronScores, look: Look, domain: tuple[float, float]) -> alt.LayerChart:
    """Accuracy against how many neurons a probe was given, a line a ranking; dashes: all neurons, always the commonest."""
    table = kept_table(scores)
    colours = _colours(look)
    names = [name for name in colours if name in set(table["ranking"])]
    axis = alt.Axis(values=list(scores.sizes), format=",", labelOverlap=True)
    x = alt.X("size:Q", title="neurons that a probe is given", scale=alt.Scale(type="log", nice=False), axis=axis)
    scale = alt.Scale(domain=list(domain), nice=False, clamp=True)
    y = alt.Y("accuracy:Q", title="accuracy on held-out rows", scale=scale, axis=alt.Axis(format="%", tickCount=5))
    colour = alt.Color(
        "ranking:N",
        scale=alt.Scale(domain=names, range=[colours[name][0] for name in names]),
        legend=_strokes(),
    )
    dash = alt.StrokeDash(
        "ranking:N", scale=alt.Scale(domain=names, range=[colours[name][1] for name in names]), legend=_strokes()
    )
    lines = alt.Chart(table).encode(
        x=x,
        color=colour,
        tooltip=["ranking:N", alt.Tooltip("size:Q", format=","), *_percent("accuracy", "low", "high")],
    )
    levels = pd.DataFrame({
        "accuracy": [scores.oracle.value, scores.majority], "said": ["all neurons", "always the commonest training label"],
    })  # fmt: skip
    level = alt.Chart(levels).encode(y=y)
    return framed(
        alt.layer(
            level.mark_rule(color=look.quiet, strokeDash=[4, 4]),
            level.mark_text(color=look.quiet, align="right", dy=-8, x=alt.ExprRef("width")).encode(text="said:N"),
            lines.mark_area(opacity=0.1).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
            lines.mark_line(strokeWidth=2.5).encode(y=y, strokeDash=dash),
            lines.mark_point(filled=True, size=45, opacity=1).encode(y=y),
        ),
        look,
        height=HEIGHT,
    )


def _strokes() -> alt.Legend:
    """A legend of lines, dashes shown; the same for colour and dash, so that they are one."""
    return alt.Legend(
        title=None,
        orient="bottom",
        columns=4,
        symbolType="stroke",
        symbolSize=500,
        symbolStrokeWidth=3,
        symbolOpacity=1,
    )


def _percent(*names: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{name}:Q", format=".1%") for name in names]


def _colours(look: Look) -> dict[str, tuple[str, list[int]]]:
    """Colour and dash of each line."""
    own = dict(zip(RANKINGS[:-1], look.labels, strict=False))
    dashes = ([1, 0], [7, 3], [2, 2], [9, 2, 2, 2], [5, 5])
    found = {name: (hue, list(dash)) for (name, hue), dash in zip(own.items(), dashes, strict=True)}
    return found | {RANDOM: (look.quiet, [1, 0]), LAST: (look.quiet, [3, 3])}


MASKED = (TOP, LAST, RANDOM)


def _of_gone(look: Look) -> tuple[alt.Color, alt.StrokeDash]:
    """Colour and dash by what is gone; random ones are the control."""
    hues = {TOP: (look.tuned, [1, 0]), LAST: (look.quiet, [3, 3]), RANDOM: (look.quiet, [1, 0])}
    colours, dashes = zip(*hues.values(), strict=True)
    return (
        alt.Color("gone:N", scale=alt.Scale(domain=list(hues), range=list(colours)), legend=_strokes()),
        alt.StrokeDash("gone:N", scale=alt.Scale(domain=list(hues), range=list(dashes)), legend=_strokes()),
    )


@traced
def masked_table(scores: NeuronScores) -> pd.DataFrame:
    """gone (first, last or random), share of the neurons at their mean, accuracy, low, high of the same elastic net."""
    return pd.DataFrame([
        {"gone": name, "share": share, **_ends(_over(scores.masked[i, :, j], scores))}
        for i, name in enumerate(MASKED)
        for j, share in enumerate(scores.shares)
    ])  # fmt: skip


@traced
def masked_chart(scores: NeuronScores, look: Look, domain: tuple[float, float]) -> alt.LayerChart:
    """Accuracy of one probe against the share of neurons that it no longer sees."""
    table = masked_table(scores)
    colour, dash = _of_gone(look)
    scale = alt.Scale(domain=list(domain), nice=False, clamp=True)
    base = alt.Chart(table).encode(
        x=alt.X(
            "share:Q",
            title="neurons held at their mean",
            axis=alt.Axis(format=".2~%", values=list(scores.shares), grid=False),
            scale=alt.Scale(type="sqrt", nice=False),
        ),
        color=colour,
        tooltip=["gone:N", alt.Tooltip("share:Q", format=".1%"), *_percent("accuracy", "low", "high")],
    )
    y = alt.Y("accuracy:Q", title="accuracy of the same probe", scale=scale, axis=alt.Axis(format="%", tickCount=5))
    return framed(
        alt.layer(
            base.mark_area(opacity=0.12).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
            base.mark_line(strokeWidth=2.5).encode(y=y, strokeDash=dash),
            base.mark_point(filled=True, size=45, opacity=1).encode(y=y),
        ),
        look,
        height=HEIGHT,
    )


def span_of(*scores: NeuronScores) -> tuple[float, float]:
    """Limits of accuracies that figures of several sides share."""
    low = min(min(one.majority, float(np.nanmin(one.kept)), float(one.masked.min())) for one in scores)
    return max(0.0, low - 0.05), 1.02


@traced
def minimal_table(sides: dict[str, NeuronScores]) -> pd.DataFrame:
    """side, all neurons, oracle, its selectivity, minimal set (range over splits), accuracy with it, its selectivity, majority.

    Selectivity: accuracy less that on the control task; high = the label is there, low = the probe remembers.
    """
    return pd.DataFrame([
        {
            "side": name,
            "neurons": one.orders.shape[2],
            "accuracy": round(one.oracle.value, 3),
            "selectivity": round(one.oracle.value - one.oracle_control.value, 3),
            "minimal set": f"{min(one.n_minimal)} to {max(one.n_minimal)}",
            "share": round(float(np.mean(one.n_minimal)) / one.orders.shape[2], 3),
            "accuracy with it": round(one.minimal.value, 3),
            "selectivity with it": round(one.minimal.value - one.minimal_control.value, 3),
            "majority": round(one.majority, 3),
        }
        for name, one in sides.items()
    ])  # fmt: skip


@traced
def agreement_table(scores: NeuronScores) -> pd.DataFrame:
    """first, second, share (of the first COMPARED_AT neurons that two rankings have in common, or of as many as the shorter chose;
    0 to 1, mean over splits), low, high (least and most over splits), chance."""
    n = min(COMPARED_AT, scores.orders.shape[2])
    tops = {
        name: [set(order[:n].tolist()) for order in orders]
        for name, orders in zip(RANKINGS, scores.orders, strict=True)
    }
    rows = []
    for first, second in itertools.product(RANKINGS, repeat=2):
        pairs = [(one - {-1}, other - {-1}) for one, other in zip(tops[first], tops[second], strict=True)]
        shared = [len(one & other) / max(1, min(len(one), len(other))) for one, other in pairs]
        # Gaussians choose among those with the highest mutual information: with that ranking they share many by construction.
        among = GAUSSIAN_CANDIDATES if {first, second} == {GAUSSIAN, INFORMATION} else scores.orders.shape[2]
        rows.append({
            "first": first, "second": second, "share": float(np.mean(shared)), "low": float(min(shared)),
            "high": float(max(shared)), "chance": min(1.0, n / among),
        })  # fmt: skip
    return pd.DataFrame(rows)


@traced
def agreement_heat(table: pd.DataFrame, look: Look) -> alt.LayerChart:
    """Rankings against rankings. Args: of agreement_table."""
    order = list(RANKINGS)
    cells = alt.Chart(table).encode(
        x=alt.X("second:N", sort=order, title=None, axis=alt.Axis(labelAngle=-30)),
        y=alt.Y("first:N", sort=order, title=None),
        tooltip=["first", "second", *_percent("share", "low", "high", "chance")],
    )
    written = alt.condition("datum.share > 0.6", alt.value("#111"), alt.value("#fff"))
    return framed(
        alt.layer(
            cells.mark_rect().encode(
                color=alt.Color("share:Q", scale=alt.Scale(scheme="viridis", domain=[0, 1]), legend=None)
            ),
            cells.mark_text(fontSize=look.size).encode(text=alt.Text("share:Q", format=".0%"), color=written),
        ),
        look,
        height=260,
    )


@traced
def tags_table(scores: NeuronScores) -> pd.DataFrame:
    """label, layer, share (of the label's |weight| in the elastic net that lies in the layer, 0 to 1, mean over the splits in which
    the label has a weight; missing where it has none in any), low, high (95 % over these; missing where there is one), n (rows of
    the label), splits (in which it has a weight)."""
    rows = []
    for i, label in enumerate(scores.labels):
        has_weight = scores.mass[:, i].sum(axis=1) > 0
        for j, layer in enumerate(scores.layers):
            found = _shared(scores.mass[has_weight, i, j], scores)
            rows.append({
                "label": label, "layer": layer, "n": scores.counts[i], **found, "splits": int(has_weight.sum()),
            })  # fmt: skip
    return pd.DataFrame(rows)


def _shared(values: NDArray[np.float64], scores: NeuronScores) -> dict[str, float]:
    if len(values) > 1:
        return _named(_over(values, scores))
    return {"share": float(values[0]) if len(values) else np.nan, "low": np.nan, "high": np.nan}


def _named(found: Estimate) -> dict[str, float]:
    return {"share": found.value, "low": found.low, "high": found.high}


FEW_ROWS = 30
"""A class of fewer rows is drawn pale: in which layers it lies is chance."""


@traced
def tags_heat(table: pd.DataFrame, look: Look, *, top: float, title: str) -> alt.LayerChart:
    """Layers against labels. Args: table: of tags_table; top: share at which colours end, the same for both sides."""
    rows = table.assign(row=table["label"] + " · " + table["n"].map("{:,}".format))
    labels = rows.sort_values("n", ascending=False, kind="stable")["row"].drop_duplicates().to_list()
    cells = alt.Chart(rows.dropna(subset=["share"])).encode(
        x=alt.X("layer:O", title="layer (0 = embeddings)", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("row:N", scale=alt.Scale(domain=labels), title=None),
        tooltip=[
            "label",
            "layer:O",
            *_percent("share", "low", "high"),
            alt.Tooltip("n:Q", format=",", title="rows"),
            "splits",
        ],
        opacity=alt.condition(f"datum.n < {FEW_ROWS}", alt.value(0.3), alt.value(1.0)),
    )
    written = alt.condition(f"datum.share > {0.6 * top}", alt.value("#111"), alt.value("#fff"))
    layers: list[alt.Chart] = [
        cells.mark_rect().encode(
            color=alt.Color("share:Q", scale=alt.Scale(scheme="viridis", domain=[0, top]), legend=None)
        )
    ]
    if table["layer"].nunique() <= 14:
        layers.append(cells.mark_text(fontSize=look.size).encode(text=alt.Text("share:Q", format=".0%"), color=written))
    return framed(alt.layer(*layers), look, height=max(140, 26 * len(labels) + 50), title=title)


@traced
def tag_neurons(scores: NeuronScores, label: str) -> pd.DataFrame:
    """layer, neuron, weight (of the elastic net, on z-scored values), information (bits of all labels), first by |weight|."""
    weights = scores.weights[scores.labels.index(label)]
    first = np.argsort(-np.abs(weights), kind="stable")[:N_OF_A_TAG]
    first = first[weights[first] != 0]
    return pd.DataFrame({
        "layer": [scores.layers[place] for place in (first // scores.width).tolist()],
        "neuron": first % scores.width,
        "weight": weights[first],
        "information": scores.information[first],
    })  # fmt: skip


def ranks_of(scores: NeuronScores, layer: int, neuron: int) -> dict[str, str]:
    """The place of a neuron in each ranking over splits, from 1, as words. Empty where the layer was not joined."""
    if layer not in scores.layers:
        return {}
    at = scores.layers.index(layer) * scores.width + neuron
    found = {}
    for name, orders in zip(RANKINGS[:-1], scores.orders, strict=False):
        places = [np.flatnonzero(order == at) for order in orders]
        known = [int(place[0]) + 1 for place in places if len(place)]
        if len(known) < len(places):
            found[name] = f"not among the first {max(int((order >= 0).sum()) for order in orders)}"
        else:
            found[name] = f"{min(known):,} to {max(known):,} of {orders.shape[1]:,}"
    return found


def _one_more(scores: pd.Series) -> tuple[float, float]:
    """Where another draw would lie, 95 %: a prediction interval of Student's t."""
    n = len(scores)
    reach = float(student.ppf(0.975, n - 1)) * float(scores.std(ddof=1)) * float(np.sqrt(1 + 1 / n))
    return float(scores.mean()) - reach, float(scores.mean()) + reach


@traced
def without_table(found: NeuronAblations | NeuronReadings, label: str = "") -> pd.DataFrame:
    """gone, share, n_neurons, score, low, high, same; at no neuron all are the whole network.

    low and high: of random sets where one more of them would lie (95 %, t over the draws), else 95 % over rows. Of the rows of
    one label alone: gone, share, score, n (rows), of random sets the mean.
    """
    if label:
        assert isinstance(found, NeuronReadings)
        own = found.by_label[found.by_label["label"] == label]
        rows = [own[own["share"] == 0].assign(gone=gone) for gone in MASKED]
        table = pd.concat([*rows, own[own["share"] > 0]], ignore_index=True)
        return table[["gone", "share", "score", "n"]].sort_values(["gone", "share"], ignore_index=True)
    whole = found.scores[found.scores["share"] == 0]
    rows = [whole.assign(gone=gone) for gone in MASKED]
    rows.append(found.scores[(found.scores["gone"] != RANDOM) & (found.scores["share"] > 0)])
    drawn = found.scores[(found.scores["gone"] == RANDOM) & (found.scores["share"] > 0)]
    rows += [
        pd.DataFrame([{
            "gone": RANDOM, "share": share, "n_neurons": own["n_neurons"].mean(), "score": own["score"].mean(),
            "low": _one_more(own["score"])[0], "high": _one_more(own["score"])[1], "same": own["same"].mean(),
        }])
        for share, own in drawn.groupby("share")
    ]  # fmt: skip
    columns = ["gone", "share", "n_neurons", "score", "low", "high", "same"]
    return pd.concat(rows, ignore_index=True)[columns].sort_values(["gone", "share"], ignore_index=True)


def without_finding(found: NeuronAblations | NeuronReadings, at: float = 0.05, *, who: str = "the head") -> str:
    """Whether it misses the first neurons more than random ones, in a sentence.

    Args:
        at: share of the neurons held still.
        who: what answers without them.
    """
    table = without_table(found)
    top, random = (table[(table["gone"] == gone) & (table["share"] == at)].iloc[0] for gone in (TOP, RANDOM))
    if top["score"] < random["low"] and top["high"] < random["score"]:
        verdict = f"{who} misses them more than others of the same layers"
    elif top["score"] > random["high"] and top["low"] > random["score"]:
        verdict = f"{who} misses them less than others of the same layers"
    else:
        verdict = f"no more is lost than with random ones: that a label can be read from them does not mean that {who} needs them"
    return (
        f"Whole: {written(found.intact, found.measure)}. With the first {at:.0%} ({top['n_neurons']:,.0f} neurons) held still "
        f"{written(top['score'], found.measure)} [{written(top['low'], found.measure)}, {written(top['high'], found.measure)}], "
        f"with as many random ones of the same layers {written(random['score'], found.measure)}, one more set of them between "
        f"{written(random['low'], found.measure)} and {written(random['high'], found.measure)}: {verdict}."
    )


@traced
def without_chart(
    found: NeuronAblations | NeuronReadings,
    look: Look,
    *,
    who: str = "the head",
    least: float | None = None,
    label: str = "",
) -> alt.LayerChart:
    """Score against the share of neurons that are held still in the running network.

    Args:
        found: scores of a head, or of a probe.
        look: colours and sizes.
        who: what answers.
        least: where the scale begins, for figures beside each other; None = a little below the lowest of this one.
        label: of a probe: the rows of this label alone.
    """
    table, is_share = without_table(found, label), found.measure in SHARES
    ranged = [name for name in ("low", "high") if name in table]
    low = lowest_without(found, label=label) if least is None else least
    scale = alt.Scale(domain=[low, 1.02], nice=False, clamp=True)
    title = f"{label} read rightly" if label else f"{found.measure} of {who}"
    y = alt.Y("score:Q", title=title, scale=scale, axis=alt.Axis(format="%" if is_share else ".2f", tickCount=5))
    colour, dash = _of_gone(look)
    tips = [alt.Tooltip(f"{name}:Q", format=".1%" if is_share else ".3f") for name in ("score", *ranged)]
    if not label:
        tips.append(alt.Tooltip("same:Q", title="answers unchanged", format=".1%"))
    x = alt.X(
        "share:Q",
        title="neurons held still, of all layers",
        axis=alt.Axis(format=".2~%", values=list(SHARES_HELD), grid=False),
        scale=alt.Scale(type="sqrt", nice=False),
    )
    drawn = alt.Chart(table).encode(x=x, color=colour, tooltip=["gone:N", alt.Tooltip("share:Q", format=".1%"), *tips])
    marks = [
        drawn.mark_line(strokeWidth=2.5).encode(y=y, strokeDash=dash),
        drawn.mark_point(filled=True, size=50, opacity=1).encode(y=y),
    ]
    if ranged:
        marks.insert(0, drawn.mark_area(opacity=0.15).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"))
    if not label:
        level = alt.Chart(
            pd.DataFrame({"score": [found.majority], "said": ["always the commonest training label"]})
        ).encode(y=y)
        rule = level.mark_rule(color=look.quiet, strokeDash=[4, 4])
        name = level.mark_text(color=look.quiet, align="left", dx=6, dy=12, x=0).encode(text="said:N")
        marks = [rule, name, *marks]
    return framed(alt.layer(*marks), look, height=HEIGHT)


@traced
def readings_table(base: NeuronReadings, tuned: NeuronReadings, label: str = "") -> pd.DataFrame:
    """side, and the columns of without_table."""
    sides = (("base", base), ("tuned", tuned))
    tables = [without_table(one, label).assign(side=side) for side, one in sides]
    found = pd.concat(tables, ignore_index=True)
    return found[["side", *(name for name in found if name != "side")]]


def lowest_without(*found: NeuronAblations | NeuronReadings, label: str = "") -> float:
    """Where a scale begins that holds all of these."""
    if label:
        return 0.0
    low = min(min(float(without_table(one)["low"].min()), one.majority) for one in found)
    return max(-1.0 if low < 0 else 0.0, low - 0.05)
