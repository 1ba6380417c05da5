"""What states of one network do in the other: over sentences by layer and kind of place, and piece by piece in one sentence."""

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.patched_sample import BETWEEN, EVERY, FIRST, KINDS, LAST, PatchEffects
from core.analyses.patched_sentence import PatchMap
from core.analyses.patching import INTO_BASE
from core.charts.cursor import clickable, cursor_band, layer_axis, layer_rings
from core.charts.look import Look, framed
from core.origins import traced

WAY, ANSWERS = "way gone", "answers"
MEASURES = {
    WAY: "share of the way in log odds",
    ANSWERS: "answers that are the tuned network's",
}
_ALL = "all pieces"


@traced
def effects_table(found: PatchEffects, direction: str, measure: str) -> pd.DataFrame:
    """layer, kind (as it is called in this text), value, low, high (95 %), of one direction; NaN where base and tuned do not differ
    beyond the noise. Args: direction: of core.analyses.patching.DIRECTIONS; measure: of MEASURES."""
    own = found.effects[found.effects["direction"] == direction]
    value = own["share"] if measure == WAY else own["answers"]
    ends = ("low", "high") if measure == WAY else ("answers_low", "answers_high")
    return pd.DataFrame(
        {
            "layer": own["layer"],
            "kind": own["kind"].map(kind_names(found)),
            "value": value,
            "low": own[ends[0]],
            "high": own[ends[1]],
        }
    ).reset_index(drop=True)


def kind_names(found: PatchEffects) -> dict[str, str]:
    """What kinds of places are called where every sentence begins or ends with the same piece."""
    names = {FIRST: found.first, LAST: found.last}
    return {kind: f"{names[kind]} ({kind})" if names.get(kind) else kind for kind in KINDS}


@traced
def effects_chart(found: PatchEffects, direction: str, measure: str, look: Look, layer: int) -> alt.LayerChart:
    """A curve over layers for each kind of place; a band is the 95 % interval over sentences."""
    table = effects_table(found, direction, measure)
    names = list(kind_names(found).values())
    styles = dict(
        zip(
            (EVERY, FIRST, BETWEEN, LAST),
            ((look.ink, [1, 0]), (look.labels[0], [7, 3]), (look.labels[1], [2, 2]), (look.quiet, [4, 4])),
            strict=True,
        )
    )
    hues, dashes = ([style[i] for style in styles.values()] for i in (0, 1))
    is_way = measure == WAY
    ends = [min(0.0, float(table["value"].min())) if is_way else 0.0, max(1.0, float(table["value"].max()))]
    x = layer_axis()
    scale = alt.Scale(domain=ends, nice=False, clamp=True)
    y = alt.Y("value:Q", title=MEASURES[measure], scale=scale, axis=alt.Axis(format="%", tickCount=6))
    legend = alt.Legend(
        title=None, orient="top", symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1, labelLimit=300
    )
    colour = alt.Color("kind:N", scale=alt.Scale(domain=names, range=hues), legend=legend)
    dash = alt.StrokeDash("kind:N", scale=alt.Scale(domain=names, range=dashes), legend=legend)
    drawn = alt.Chart(table).encode(x=x)
    tips = [
        alt.Tooltip("layer:O"),
        alt.Tooltip("kind:N", title="put in at"),
        alt.Tooltip("value:Q", title=MEASURES[measure], format=".1%"),
        *(alt.Tooltip(f"{end}:Q", format=".1%") for end in ("low", "high")),
    ]
    layers: list[alt.Chart] = [cursor_band(table, look, layer)]
    if not is_way:
        start = pd.DataFrame({"value": [found.base_answers if direction == INTO_BASE else 1.0]})
        layers.append(alt.Chart(start).mark_rule(color=look.quiet, strokeDash=[2, 4]).encode(y=y))
    layers.append(drawn.mark_area(opacity=0.15).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q", color=colour))
    layers += [
        drawn.mark_line(strokeWidth=2.5).encode(y=y, color=colour, strokeDash=dash),
        drawn.mark_point(filled=True, size=70, opacity=1).encode(y=y, color=colour, tooltip=tips),
    ]
    return framed(alt.layer(*layers), look, height=320)


def effects_finding(found: PatchEffects, direction: str, measure: str) -> str:
    """From which layer on more than half of the way is covered, in a sentence. Args: measure: of MEASURES."""
    table = found.effects[(found.effects["direction"] == direction) & (found.effects["kind"] == EVERY)].sort_values(
        "layer"
    )
    start, end = ("base", "tuned network") if direction == INTO_BASE else ("tuned network", "base")
    if measure == ANSWERS:
        said = f"{found.base_answers:.0%} of the tuned network's answers are the base's too"
        away = (
            (table["answers"] - 1.0).abs() if direction == INTO_BASE else (table["answers"] - found.base_answers).abs()
        )
        way = 1 - away / max(1 - found.base_answers, 1e-12)
        if found.base_answers == 1:
            return f"{said}: there is no way to go."
    else:
        said = (
            f"The head gives the tuned answers {found.base_odds.value:+.2f} nats after the base and "
            f"{found.tuned_odds.value:+.2f} after the tuned network"
        )
        way = table["share"]
        if way.isna().all():
            return f"{said}: no difference beyond the noise, so that there is no way to go."
    # From there on for good: what a higher layer takes back was not covered.
    layers = [
        int(layer) for layer, above in zip(table["layer"], (way >= 0.5)[::-1].cummin()[::-1], strict=True) if above
    ]
    where = f"half of the way is covered from layer {layers[0]} on" if layers else "no layer covers half of it"
    return f"{said}. With all pieces of the {end} put into the {start}, {where}."


@traced
def sentence_table(found: PatchMap, direction: str) -> pd.DataFrame:
    """layer, place (from 0), piece, value (share of the way, or nats of difference where there is no way to go), a row a cell; the
    last column is all pieces together."""
    values, every = _values(found, direction)
    n = len(found.pieces)
    rows = [
        (layer, place, f"{place} {found.pieces[place]}", float(values[layer, place]))
        for layer in range(len(values))
        for place in range(n)
    ]
    rows += [(layer, n, _ALL, float(one)) for layer, one in enumerate(every)]
    return pd.DataFrame(rows, columns=["layer", "place", "piece", "value"])


def _values(found: PatchMap, direction: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return (found.shares(direction), found.all_shares(direction)) if found.has_way else found.moved(direction)


@traced
def sentence_heat(found: PatchMap, direction: str, look: Look, layer: int) -> alt.LayerChart:
    """What one state does, layer by layer (upwards) and piece by piece (as read): orange = towards the other network."""
    table = sentence_table(found, direction)
    order = list(dict.fromkeys(table["piece"]))
    top = 1.0 if found.has_way else max(0.1, float(table["value"].abs().max()))
    title = "share of the way" if found.has_way else "nats"
    number = ".0%" if found.has_way else "+.2f"
    cells = alt.Chart(table).encode(
        x=alt.X(
            "piece:N", title="piece whose state is put in", sort=order, axis=alt.Axis(labelAngle=-40, labelLimit=120)
        ),
        y=alt.Y("layer:O", title="layer (0 = embeddings)", sort="descending"),
        tooltip=[alt.Tooltip("layer:O"), alt.Tooltip("piece:N"), alt.Tooltip("value:Q", title=title, format=number)],
    )
    scale = alt.Scale(scheme="purpleorange", domain=[-top, top], domainMid=0, clamp=True)
    legend = alt.Legend(gradientLength=200, tickCount=5, format=number)
    layers: list[alt.Chart] = [
        clickable(
            cells.mark_rect(cursor="pointer").encode(
                color=alt.Color("value:Q", title=title, scale=scale, legend=legend)
            )
        )
    ]
    if len(order) <= 16:
        written = cells.mark_text(fontSize=look.size, cursor="pointer").encode(
            text=alt.Text("value:Q", format=number),
            color=alt.condition(f"abs(datum.value) > {0.6 * top}", alt.value("#fff"), alt.value("#111")),
        )
        layers.append(written)
    layers += layer_rings(cells, look, layer)
    return framed(alt.layer(*layers), look, height=max(290, 34 * (int(table["layer"].max()) + 1)))


def sentence_finding(found: PatchMap, direction: str) -> str:
    """What the two networks say, and which single state does most, in words."""
    table = sentence_table(found, direction)
    single = table[(table["piece"] != _ALL) & (table["layer"] < table["layer"].max())]
    row = single.loc[single["value"].abs().idxmax()]
    amount = f"{row['value']:.0%} of the way" if found.has_way else f"{row['value']:+.2f} nats"
    said = (
        f"The head says “{found.base_said}” after the base ({found.base_odds:+.2f} nats for the tuned answer) and "
        f"“{found.tuned_said}” after the tuned network ({found.tuned_odds:+.2f})."
    )
    if not found.has_way:
        said += " That is too near for shares of the way; cells are nats."
    return f"{said} Below the top, most does “{row['piece'].partition(' ')[2]}” at layer {row['layer']}: {amount}."
