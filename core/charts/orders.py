"""What a network scores with its blocks in other orders: a violin a series, every trial a point in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd
from scipy.stats import gaussian_kde

from core.analyses.experiments import Experiment
from core.analyses.scoring import SHARES
from core.charts.look import Look, framed
from core.charts.scores import dull_name
from core.origins import traced

LEAST_ORDERS = 4
"""Orders from which on their scores have a density worth drawing."""
HEIGHT = 270
_HALF = 0.36
"""Half the width of a violin, where places lie 1 apart."""
_AXIS = "order of the blocks"
_OWN, _OTHER = "own order", "other orders"


@dataclass(frozen=True, kw_only=True)
class Series:
    """Trials of one task, drawn together."""

    trials: pd.DataFrame
    """core.charts.ablations.trials_table of shuffles."""
    colour: str
    shape: str


@traced
def violin(scores: Sequence[float], middle: float, *, n_points: int = 60) -> pd.DataFrame:
    """Outline of a density, mirrored about an x; no row where scores are too few or all alike.

    Args:
        scores: one an order.
        middle: x of its axis.
        n_points: along the axis.
    Returns:
        score, left, right (x of both sides); as high as the scores reach, and no further: nothing was seen beyond.
    """
    values = np.asarray(scores, dtype=np.float64)
    if len(values) < LEAST_ORDERS or np.ptp(values) == 0:
        return pd.DataFrame({"score": [], "left": [], "right": []})
    at = np.linspace(values.min(), values.max(), n_points)
    density = gaussian_kde(values)(at)
    wide = _HALF * density / density.max()
    return pd.DataFrame({"score": at, "left": middle - wide, "right": middle + wide})


@traced
def placed(trials: pd.DataFrame, intact: str, first: float) -> pd.DataFrame:
    """Trials with an x: the own order at `first`, the others spread evenly about `first` + 1, an order always at its place."""
    others = [at for at in dict.fromkeys(trials["at"]) if at != intact]
    spread = np.linspace(-_HALF / 2, _HALF / 2, len(others)) if len(others) > 1 else [0.0]
    x = {intact: first} | {at: first + 1 + float(shift) for at, shift in zip(others, spread, strict=False)}
    return trials.assign(x=trials["at"].map(x), order_of=np.where(trials["at"] == intact, _OWN, _OTHER))


@traced
def orders_chart(
    series: Sequence[Series], experiment: Experiment, look: Look, n_blocks: int, measure: str
) -> alt.LayerChart:
    """Scores in the own order beside those in others, a pair of columns a series.

    Args:
        series: one or two, each with trials.
        experiment: the shuffles.
        look: how to draw.
        n_blocks: of the checkpoint.
        measure: what the scores are.
    """
    intact = experiment.intact(n_blocks)
    low = min(float(one.trials[["low", "guessing"]].min().min()) for one in series)
    scale = alt.Scale(domain=[low - 0.03 if low < 0 else max(0.0, low - 0.03), 1.0], nice=False, clamp=True)
    number = ".0%" if measure in SHARES else ".2f"
    y = alt.Y("score:Q", title=f"{measure} on dev examples", scale=scale, axis=alt.Axis(format=number, tickCount=6))
    ticks = [float(place) for place in range(2 * len(series))]
    names = [f"'{_OWN}'" if place % 2 == 0 else f"'{_OTHER}'" for place in range(len(ticks))]
    x = alt.X(
        "x:Q",
        title=_AXIS,
        scale=alt.Scale(domain=[-0.6, ticks[-1] + 0.6], nice=False),
        axis=alt.Axis(values=ticks, labelExpr=f"[{', '.join(names)}][datum.value]", grid=False, labelAngle=0),
    )
    layers: list[alt.Chart] = []
    for place, one in enumerate(series):
        layers += _drawn(one, placed(one.trials, intact, 2.0 * place), intact, look, measure, x=x, y=y, scale=scale)
    return framed(alt.layer(*layers), look, height=HEIGHT)


def _drawn(
    one: Series, trials: pd.DataFrame, intact: str, look: Look, measure: str, *, x: alt.X, y: alt.Y, scale: alt.Scale
) -> list[alt.Chart]:
    tip = ".1%" if measure in SHARES else ".3f"
    others = trials[trials["at"] != intact]
    middle = float(np.floor(trials["x"].min())) + 1 if others.empty else round(float(others["x"].mean()))
    means = others.groupby("at", sort=False)["score"].mean()
    shape = violin(means.to_list(), middle)
    dots = alt.Chart(trials).encode(
        x=x,
        tooltip=[
            alt.Tooltip("at:N", title=_AXIS),
            alt.Tooltip("seed:O"),
            alt.Tooltip("score:Q", title=measure, format=tip),
            *(alt.Tooltip(f"{name}:Q", format=tip) for name in ("low", "high", "guessing")),
            alt.Tooltip("n:Q", title="dev rows", format=","),
        ],
    )
    level = alt.Chart(
        pd.DataFrame({
            "score": [float(trials["guessing"].mean())],
            "x": [middle - 1.55],
            "right": [middle + 0.55],
            "between": [middle - 0.5],
            "said": [dull_name(measure)],
        })
    )  # fmt: skip
    over = pd.DataFrame({
        "x": [middle - 1.0, float(middle)],
        "score": [trials.loc[trials["at"] == intact, "score"].mean(), means.mean()],
    }).dropna()  # fmt: skip
    layers = [
        alt.Chart(shape)
        .mark_area(orient="horizontal", color=one.colour, opacity=0.18, stroke=one.colour, strokeWidth=1)
        .encode(y=y, x=alt.X("left:Q", title=_AXIS), x2="right:Q"),
        level.mark_rule(color=look.quiet, strokeDash=[4, 4]).encode(y=y, x=x, x2="right:Q"),
        level.mark_text(color=look.quiet, dy=12).encode(y=y, x=alt.X("between:Q", title=_AXIS), text="said:N"),
        dots.mark_rule(color=one.colour, opacity=0.3).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        dots.mark_point(filled=True, size=70, opacity=0.9, color=one.colour, shape=one.shape).encode(y=y),
        alt.Chart(over).mark_tick(orient="horizontal", thickness=3, color=look.ink, size=34).encode(x=x, y=y),
    ]
    return layers if len(shape) else layers[1:]
