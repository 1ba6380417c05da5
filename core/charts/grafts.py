"""What grafts between base and tuned score, place by place, held against the tuned network on the same examples."""

import altair as alt
import pandas as pd

from core.analyses.grafts import GraftScores, Way
from core.analyses.scoring import SHARES
from core.charts.look import Look, framed
from core.charts.scores import dull_name, written
from core.maths.statistics import simultaneous
from core.origins import traced

HEIGHT = 270


@traced
def grafts_table(found: GraftScores) -> pd.DataFrame:
    """at, score, low, high, same; difference (less the intact network's score) and gain (less that of the base with the
    tuned head), each with _low and _high (95 %, all places together) and _is_noise (whether it may be none); n; a row a place."""
    n_others = max(1, len(found.scores) - 1)
    beside = {}
    for name, each in (("difference", found.differences), ("gain", found.gains)):
        wide = [None if one is None else simultaneous(one, n_intervals=n_others) for one in each]
        beside[name] = [0.0 if one is None else one.value for one in wide]
        beside[f"{name}_low"] = [0.0 if one is None else one.low for one in wide]
        beside[f"{name}_high"] = [0.0 if one is None else one.high for one in wide]
        beside[f"{name}_is_noise"] = [one is None or one.low <= 0 <= one.high for one in wide]
    return pd.concat([found.scores, pd.DataFrame(beside)], axis=1).assign(n=found.n)


def finding(found: GraftScores, way: Way) -> str:
    """What the grafts say, in a sentence or two; what is not told apart is not called equal."""
    table = grafts_table(found)
    score = {str(at): written(value, found.measure) for at, value in zip(table["at"], table["score"], strict=True)}
    apart = table[~table["difference_is_noise"]]
    worse, better = (apart.loc[apart["difference"] * sign > 0, "at"].astype(str).tolist() for sign in (-1, 1))
    said = f"Intact: {score[found.intact]}."
    if found.bare and found.bare != found.intact:
        said += f" The base with the tuned head: {score[found.bare]}."
    if way.asks_from_bare:
        sure = table[~table["gain_is_noise"] & (table["gain"] > 0)]
        parts = sure[~sure["at"].isin([found.intact, found.bare])]
        if parts.empty:
            return f"{said} Nothing less than all of it gains on the base beyond the noise."
        best = str(parts["at"].iloc[int(parts["score"].to_numpy().argmax())])
        if not way.is_upwards:
            return f"{said} Most by itself does part {best}: {score[best]}, beyond the noise of the base."
        first = str(parts["at"].iloc[0])
        return f"{said} A gain beyond the noise begins at layer {first}: {score[first]}. {_from_where(table)}"
    if way.is_quantity:
        best = str(table["at"].iloc[int(table["score"].to_numpy().argmax())])
        said += f" Most at {best}: {score[best]}."
    if not worse and not better:
        return f"{said} No place can be told from the intact network."
    for places, what in ((better, "Better"), (worse, "Worse")):
        if places:
            said += f" {what} than intact, beyond the noise: {_listed(places)}."
    return said


def _from_where(table: pd.DataFrame) -> str:
    """From which layer on nothing can be told from the intact network."""
    noise = table["difference_is_noise"].tolist()
    first = next((at for at in range(len(noise)) if all(noise[at:])), len(noise))
    if first == 0:
        return "No place can be told from the intact network."
    return f"From layer {table['at'].iloc[first]} on it can no longer be told from the intact network."


def _listed(places: list[str]) -> str:
    return ", ".join(places[:-1]) + (" and " if len(places) > 1 else "") + places[-1]


@traced
def grafts_chart(found: GraftScores, way: Way, look: Look) -> alt.LayerChart:
    """A score a place with its interval; hollow where it may be that of the intact network, on the same examples."""
    table, measure = grafts_table(found), found.measure
    low = min(float(table["low"].min()), found.guessing)
    scale = alt.Scale(domain=[low - 0.03 if low < 0 else max(0.0, low - 0.03), 1.0], nice=False, clamp=True)
    number = ".0%" if measure in SHARES else ".2f"
    y = alt.Y("score:Q", title=f"{measure} on dev examples", scale=scale, axis=alt.Axis(format=number, tickCount=6))
    x: alt.X
    if way.is_quantity:
        table = table.assign(at=table["at"].astype(float))
        x = alt.X("at:Q", title=way.axis, axis=alt.Axis(grid=False, tickCount=8))
    else:
        x = alt.X("at:O", title=way.axis, sort=list(table["at"]), axis=alt.Axis(labelAngle=0, grid=False))
    tip = ".1%" if measure in SHARES else ".3f"
    dots = alt.Chart(table).encode(
        x=x,
        y=y,
        tooltip=[
            alt.Tooltip("at:N", title=way.axis),
            alt.Tooltip("score:Q", title=measure, format=tip),
            *(alt.Tooltip(f"{name}:Q", format=tip) for name in ("low", "high")),
            alt.Tooltip("difference:Q", title="less the intact network", format="+" + tip),
            *(
                alt.Tooltip(f"difference_{end}:Q", title=f"{end} (all places together)", format="+" + tip)
                for end in ("low", "high")
            ),
            alt.Tooltip("same:Q", title="same answers as intact", format=".1%"),
            alt.Tooltip("difference_is_noise:N", title="inside the noise of intact"),
        ],
    )
    whole = table[table["at"].astype(str) == (str(float(found.intact)) if way.is_quantity else found.intact)]
    rules = pd.DataFrame({"score": [found.guessing], "said": [dull_name(measure)]})
    level = alt.Chart(rules).encode(y=y)
    layers = [
        level.mark_rule(color=look.quiet, strokeDash=[4, 4]),
        level.mark_text(color=look.quiet, align="right", dy=-8, x=alt.ExprRef("width")).encode(text="said:N"),
        alt.Chart(whole).mark_rule(color=look.tuned, strokeDash=[7, 3], opacity=0.6).encode(y=y),
        dots.mark_rule(color=look.tuned, opacity=0.5, strokeWidth=2).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        dots.transform_filter("!datum.difference_is_noise").mark_point(
            filled=True, size=110, opacity=1, color=look.tuned, shape="triangle-up"
        ),
        dots.transform_filter("datum.difference_is_noise").mark_point(
            filled=False, fill=look.paper, size=90, strokeWidth=2, opacity=1, color=look.tuned, shape="triangle-up"
        ),
    ]
    if way.is_upwards or way.is_quantity:
        layers.insert(3, alt.Chart(table).mark_line(strokeWidth=2.5, color=look.tuned).encode(x=x, y=y))
    return framed(alt.layer(*layers), look, height=HEIGHT)
