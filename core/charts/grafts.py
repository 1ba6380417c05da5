"""What grafts between base and tuned score, place by place, held against the tuned network on the same examples."""

import altair as alt
import pandas as pd

from core.analyses.goals import SHARES
from core.analyses.grafts import ADD, ALL, NOTHING, GraftScores, Way
from core.charts.look import Look, framed
from core.charts.scores import dull_name, written
from core.maths.statistics import simultaneous

HEIGHT = 270


def grafts_table(found: GraftScores) -> pd.DataFrame:
    """at, score, low, high, same, difference (less the intact network's score), difference_low, difference_high (95 %, all places
    together), is_noise (whether the difference may be none), n; a row a place."""
    n_others = max(1, len(found.scores) - 1)
    rows = []
    for one in found.differences:
        wide = None if one is None else simultaneous(one, n_intervals=n_others)
        rows.append(
            (0.0, 0.0, 0.0, True) if wide is None else (wide.value, wide.low, wide.high, wide.low <= 0 <= wide.high)
        )
    beside = pd.DataFrame(rows, columns=["difference", "difference_low", "difference_high", "is_noise"])
    return pd.concat([found.scores, beside], axis=1).assign(n=found.n)


def finding(found: GraftScores, way: Way) -> str:
    """What the grafts say, in a sentence or two."""
    table, measure = grafts_table(found), found.measure
    held = {str(row["at"]): row for row in table.to_dict("records")}
    whole = written(held[found.intact]["score"], measure)
    others = [at for at in held if at != found.intact]
    lost = [at for at in others if not held[at]["is_noise"]]
    if way.is_quantity:
        best = max(held, key=lambda at: held[at]["score"])
        better = [at for at in lost if held[at]["difference"] > 0]
        said = f"Intact {whole}; most at {best}: {written(held[best]['score'], measure)}"
        if better:
            return f"{said}. At {_listed(better)} the head is better than intact, beyond the noise."
        if way.name == ADD and not lost:
            return f"{said}. No share of it makes a difference beyond the noise."
        return (
            f"{said}. No share is better than intact beyond the noise; at {_listed(lost)} it is worse."
            if lost
            else said
        )
    if found.intact == NOTHING or ALL in held:
        if ALL in held:  # each part alone
            nothing, each = held[NOTHING], [at for at in others if at != NOTHING]
            best = max(each, key=lambda at: held[at]["score"])
            return (
                f"All parts tuned {whole}, none {written(nothing['score'], measure)}. The most by itself does part {best}: "
                f"{written(held[best]['score'], measure)}."
            )
        if way.name.startswith("One"):
            worst = min(others, key=lambda at: held[at]["score"])
            missed = f"Missed beyond the noise: {_listed(lost)}." if lost else "None is missed beyond the noise."
            return f"Intact {whole}; without part {worst} {written(held[worst]['score'], measure)}. {missed}"
        if not lost:
            return f"Intact {whole}. Even with the base's weights throughout nothing is lost beyond the noise."
        return (
            f"Intact {whole}. With the base's weights up to layer {lost[0]} {written(held[lost[0]]['score'], measure)}, beyond the "
            f"noise; up to layer {others[-1]} {written(held[others[-1]]['score'], measure)}."
        )
    enough = next(
        (at for at in held if all(held[above]["is_noise"] for above in list(held)[list(held).index(at) :])), None
    )
    return (
        f"All tuned {whole}, none {written(held[NOTHING]['score'], measure)}. From layer {enough} on, tuned weights below are as "
        "good as all of them, as far as the noise lets one tell."
    )


def _listed(places: list[str]) -> str:
    return ", ".join(places[:-1]) + (" and " if len(places) > 1 else "") + places[-1]


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
            alt.Tooltip("is_noise:N", title="inside the noise"),
        ],
    )
    whole = table[table["at"].astype(str) == (str(float(found.intact)) if way.is_quantity else found.intact)]
    rules = pd.DataFrame({"score": [found.guessing], "said": [dull_name(measure)]})
    level = alt.Chart(rules).encode(y=y)
    layers = [
        level.mark_rule(color=look.quiet, strokeDash=[4, 4]),
        level.mark_text(color=look.quiet, align="right", dy=12, x=alt.ExprRef("width")).encode(text="said:N"),
        alt.Chart(whole).mark_rule(color=look.tuned, strokeDash=[7, 3], opacity=0.6).encode(y=y),
        dots.mark_rule(color=look.tuned, opacity=0.5, strokeWidth=2).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        dots.transform_filter("!datum.is_noise").mark_point(
            filled=True, size=110, opacity=1, color=look.tuned, shape="triangle-up"
        ),
        dots.transform_filter("datum.is_noise").mark_point(
            filled=False, fill=look.paper, size=90, strokeWidth=2, opacity=1, color=look.tuned, shape="triangle-up"
        ),
    ]
    if not way.name.startswith("One"):
        layers.insert(3, alt.Chart(table).mark_line(strokeWidth=2.5, color=look.tuned).encode(x=x, y=y))
    return framed(alt.layer(*layers), look, height=HEIGHT)
