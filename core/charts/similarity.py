"""Similarity by layer: how much of a space is kept beside what noise would keep, and the same on two texts."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from core.analyses.similarity import LayerSimilarity, refuse_unequal_rows
from core.charts.cursor import cursor_rects
from core.charts.look import Look, framed
from core.charts.strip import kept_table, layer_tips
from core.maths.cards import CARDS
from core.maths.statistics import independent_difference
from core.origins import traced

NAMES = {name: card.short for name, card in CARDS.items()}
"""Of measures, as on buttons."""
HEIGHT = 340
OWN, SHUFFLED = "base · tuned", "rows shuffled"
"""Names of curves: what is asked about, and what the measure gives where no row matches."""
_NAMES_APART = 0.075
"""Share of the axis that names at the ends of curves keep from each other."""


def card_help(measure: str) -> str:
    """A measure's card as Markdown: what it says, its range, what it ignores, when not to trust it."""
    card = CARDS[measure]
    symmetric = "Base and tuned may change places." if card.is_symmetric else "Base and tuned may not change places."
    return (
        f"**{card.title[0].upper()}{card.title[1:]}** ({card.source}). {card.says}\n\n"
        f"- Range {card.low:.3g} to {card.high:.3g}; {card.direction}\n"
        f"- Does not see: {', '.join(card.invariances)}\n"
        f"- Sees: {', '.join(card.denies)}\n"
        f"- {symmetric} Cost: {card.cost}, n rows of d dimensions\n\n"
        f"Not to be trusted: {card.beware[0].lower() if card.beware[1] == ' ' else card.beware[0]}{card.beware[1:]}"
    )


def direction(measure: str) -> str:
    """What the ends of a measure mean."""
    return CARDS[measure].direction


@traced
def curves_table(similarities: Mapping[str, LayerSimilarity]) -> pd.DataFrame:
    """curve, layer, value, low, high (and tuned_layer at unequal depth); the shuffled rows of the first as a curve of their own."""
    tables = []
    for name, held in similarities.items():
        table = kept_table(held).rename(columns={held.measure: "value"}).drop(columns="shuffled", errors="ignore")
        tables.append(table.assign(curve=name))
    first = next(iter(similarities.values()))
    if first.shuffled:
        rows = {"layer": range(len(first.shuffled)), "value": pd.Series(first.shuffled, dtype=float), "curve": SHUFFLED}
        tables.append(pd.DataFrame(rows))
    table = pd.concat(tables, ignore_index=True)
    return table[["curve", *(column for column in table if column != "curve")]]


@traced
def kept_curve(
    similarity: LayerSimilarity, look: Look, layer: int, floors: Mapping[str, LayerSimilarity] | None = None
) -> alt.LayerChart:
    """Base against tuned by layer, with its band; in grey what noise keeps, named at the end of each curve.

    Args:
        similarity: of base against tuned.
        look: how to draw.
        layer: the layer cursor.
        floors: the same measure of something that differs by noise alone, by name.
    """
    table = curves_table({OWN: similarity} | dict(floors or {}))
    kept, grey = table[table["curve"] == OWN], table[table["curve"] != OWN]
    domain = _domain(table, similarity.measure)
    x, y = _layer_axis(table, with_names=bool(len(grey))), _value_axis(similarity.measure, domain)
    layers, shown = [_band(table, look, layer, x)], _tips(table)
    if len(grey):
        layers += _grey_curves(grey, look, x, y)
    layers += [
        alt.Chart(kept).mark_area(opacity=0.25, color=look.bar).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q")),
        alt.Chart(kept).mark_line(color=look.ink, strokeWidth=2.5).encode(x=x, y=y),
        alt.Chart(kept).mark_point(filled=True, size=90, color=look.ink, opacity=1).encode(x=x, y=y, tooltip=shown),
        alt.Chart(kept).mark_text(dy=-14, fontWeight="bold").encode(x=x, y=y, text=alt.Text("value:Q", format=".2f")),
    ]
    if len(grey):
        layers += _end_names(table, look, x, {OWN: look.ink}, y, domain)
    return framed(alt.layer(*layers), look, height=HEIGHT)


@traced
def texts_table(similarities: Mapping[str, LayerSimilarity]) -> pd.DataFrame:
    """curve (text), layer, value, low, high, difference to the first text and its interval, is_noise; of two texts.

    Standard errors add in squares (Welch), as of texts that share no sentence. Where they do share some, both values move
    together and the interval of the difference is too wide: whoever draws it says how many (Lab.shared_sentences).

    Args:
        similarities: of two texts, under two names.
    Raises:
        IncompatibleRefs: of other measures, or of unequally many rows by a measure whose value moves with them.
    """
    first, second = similarities.values()
    refuse_unequal_rows(first, second)
    table = curves_table(similarities)
    table = table[table["curve"] != SHUFFLED]
    rows = []
    for layer, (one, other) in enumerate(zip(first.same_layer, second.same_layer, strict=True)):
        if one is None or other is None:
            continue
        apart = independent_difference(one, other)
        rows.append({
            "layer": layer, "difference": apart.value, "difference_low": apart.low, "difference_high": apart.high,
            "is_noise": apart.low <= 0 <= apart.high,
        })  # fmt: skip
    columns = ["layer", "difference", "difference_low", "difference_high", "is_noise"]
    return table.merge(pd.DataFrame(rows, columns=columns), on="layer", how="left")


@traced
def texts_curves(table: pd.DataFrame, look: Look, layer: int, *, measure: str) -> alt.LayerChart:
    """One curve a text; the second's marks are hollow where the two are not told apart.

    Args:
        table: of texts_table.
        look: how to draw.
        layer: the layer cursor.
        measure: name of its card.
    """
    names = list(dict.fromkeys(table["curve"]))
    domain = _domain(table, measure)
    x, y = _layer_axis(table), _value_axis(measure, domain)
    hues = dict(zip(names, look.labels[:2], strict=True))
    colour = alt.Color("curve:N", scale=alt.Scale(domain=names, range=list(hues.values())), legend=None)
    shape = alt.Shape("curve:N", scale=alt.Scale(domain=names, range=["square", "diamond"]), legend=None)
    dash = alt.StrokeDash("curve:N", scale=alt.Scale(domain=names, range=[[1, 0], [7, 3]]), legend=None)
    table = table.assign(is_hollow=(table["curve"] == names[1]) & table["is_noise"].fillna(False).astype(bool))
    chart = alt.Chart(table)
    dots = chart.encode(x=x, y=y, color=colour, shape=shape, tooltip=[*_tips(table), *_difference_tips()])
    layers = [
        _band(table, look, layer, x),
        chart.mark_area(opacity=0.18).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), color=colour),
        chart.mark_line(strokeWidth=2.5).encode(x=x, y=y, color=colour, strokeDash=dash),
        dots.transform_filter("!datum.is_hollow").mark_point(filled=True, size=95, opacity=1),
        dots.transform_filter("datum.is_hollow").mark_point(filled=False, fill=look.paper, size=85, strokeWidth=2),
        *_end_names(table, look, x, hues, y, domain),
    ]
    return framed(alt.layer(*layers), look, height=HEIGHT)


@traced
def texts_difference(table: pd.DataFrame, look: Look, layer: int, *, measure: str) -> alt.LayerChart:
    """The second text minus the first, with its interval; grey and hollow where it holds 0.

    Args:
        table: of texts_table.
        look: how to draw.
        layer: the layer cursor.
        measure: name of its card.
    """
    second = table["curve"].iloc[-1]
    table = table[(table["curve"] == second) & table["difference"].notna()]
    card = CARDS[measure]
    low, high = float(table["difference_low"].min()), float(table["difference_high"].max())
    edge = 0.08 * max(high - low, 0.02)
    scale = alt.Scale(domain=[min(low, 0) - edge, max(high, 0) + edge], nice=False, zero=False)
    less = "second changed less" if card.is_distance else "second changed more"
    y = alt.Y(
        "difference:Q",
        title=["difference", f"(below 0: {less})"],
        scale=scale,
        axis=alt.Axis(format="+.2f", tickCount=5),
    )
    x = _layer_axis(table)
    chart = alt.Chart(table)
    grey = alt.condition("datum.is_noise", alt.value(look.quiet), alt.value(look.ink))
    dots = chart.encode(x=x, y=y, color=grey, tooltip=[*layer_tips(table), *_difference_tips()])
    layers = [
        _band(table, look, layer, x),
        alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color=look.quiet, strokeDash=[4, 4]).encode(y="zero:Q"),
        chart.mark_rule(size=3, opacity=0.6).encode(
            x=x, y=alt.Y("difference_low:Q"), y2=alt.Y2("difference_high:Q"), color=grey
        ),
        dots.transform_filter("!datum.is_noise").mark_point(shape="diamond", filled=True, size=110, opacity=1),
        dots.transform_filter("datum.is_noise").mark_point(
            shape="diamond", filled=False, fill=look.paper, size=95, strokeWidth=2, opacity=1
        ),
    ]
    return framed(alt.layer(*layers), look, height=250)


def _layer_axis(table: pd.DataFrame, *, with_names: bool = True) -> alt.X:
    """Layers, with room on the right for the names of curves."""
    depth = int(table["layer"].max())
    right = depth + 0.5 + with_names * 0.28 * (depth + 1)
    room = alt.Scale(domain=[-0.5, right], nice=False, zero=False)
    axis = alt.Axis(values=list(range(depth + 1)), format="d", grid=False, labelAngle=0)
    return alt.X("layer:Q", title="layer (0 = embeddings)", scale=room, axis=axis)


def _domain(table: pd.DataFrame, measure: str) -> tuple[float, float]:
    """From end to end of the measure, as far as there is something to see."""
    card = CARDS[measure]
    low, high = (table[end].fillna(table["value"]) for end in ("low", "high"))
    if card.is_distance:
        return 0.0, min(card.high, 1.08 * max(float(high.max()), 0.05))
    return min(0.0, float(low.min())), card.high


def _value_axis(measure: str, domain: tuple[float, float]) -> alt.Y:
    card = CARDS[measure]
    scale = alt.Scale(domain=domain, clamp=True, nice=False)
    return alt.Y("value:Q", title=[card.title, f"({card.direction})"], scale=scale, axis=alt.Axis(tickCount=5))


def _band(table: pd.DataFrame, look: Look, layer: int, x: alt.X) -> alt.Chart:
    return cursor_rects(int(table["layer"].max()), look, layer, x["scale"])


def _grey_curves(table: pd.DataFrame, look: Look, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Noise and controls: their bands, lines and points; shuffled rows dashed, without a band."""
    names = list(dict.fromkeys(table["curve"]))
    shapes = ["square", "diamond", "triangle-down", "cross"]
    shape = alt.Shape("curve:N", scale=alt.Scale(domain=names, range=shapes[: len(names)]), legend=None)
    chart, each = alt.Chart(table), alt.Detail("curve:N")
    bands = chart.transform_filter("isValid(datum.low)").mark_area(opacity=0.15, color=look.quiet)
    return [
        bands.encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), detail=each),
        chart.transform_filter("isValid(datum.low)")
        .mark_line(color=look.quiet, strokeWidth=1.5)
        .encode(x=x, y=y, detail=each),
        chart.transform_filter("!isValid(datum.low)")
        .mark_line(color=look.quiet, strokeWidth=1.5, strokeDash=[2, 3])
        .encode(x=x, y=y, detail=each),
        chart.mark_point(filled=False, fill=look.paper, color=look.quiet, size=45, opacity=1).encode(
            x=x, y=y, shape=shape, tooltip=[alt.Tooltip("curve:N"), *_tips(table)]
        ),
    ]


def _end_names(
    table: pd.DataFrame, look: Look, x: alt.X, hues: Mapping[str, str], y: alt.Y, domain: tuple[float, float]
) -> list[alt.Chart]:
    """Names right of the last points, moved apart where curves end at one height."""
    last = table[table["value"].notna()].sort_values("layer").groupby("curve", sort=False).tail(1).sort_values("value")
    low, high = domain
    places = _apart(last["value"].clip(low, high).tolist(), _NAMES_APART * (high - low))
    depth = int(table["layer"].max())
    return [
        alt.Chart(pd.DataFrame({"layer": [depth + 0.3], "value": [place], "curve": [name]}))
        .mark_text(align="left", fontWeight="bold", color=hues.get(name, look.quiet))
        .encode(x=x, y=y, text=alt.Text("curve:N"))
        for name, place in zip(last["curve"], places, strict=True)
    ]


def _apart(values: Sequence[float], gap: float) -> list[float]:
    """Rising values, moved up or down so that neighbours are a gap apart, around where they were."""
    places = list(values)
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    for i in range(len(places) - 1, -1, -1):  # not beyond the highest of them
        places[i] = min(places[i], values[-1] - gap * (len(places) - 1 - i))
    return places


def _tips(table: pd.DataFrame) -> list[alt.Tooltip]:
    return [*layer_tips(table), *(alt.Tooltip(f"{column}:Q", format=".3f") for column in ("value", "low", "high"))]


def _difference_tips() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("difference:Q", format="+.3f", title="second − first"),
        alt.Tooltip("difference_low:Q", format="+.3f", title="from"),
        alt.Tooltip("difference_high:Q", format="+.3f", title="to"),
        alt.Tooltip("is_noise:N", title="inside the noise"),
    ]
