"""What trials of a grid scored: every seed a point, their mean, how much seeds differ, and what that says."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.ablation import scores_of, trial_row
from core.analyses.experiments import ALL, METHODS, SHUFFLE, Experiment, Point
from core.analyses.scoring import ACCURACY, SHARES
from core.analyses.trial import TrialScores
from core.charts.look import Look, framed
from core.charts.orders import LEAST_ORDERS, Series, orders_chart
from core.charts.remembered import remembered
from core.charts.scores import dull_name, written
from core.maths.agreement import paired_scores
from core.maths.statistics import Estimate, spread_interval, t_interval
from core.origins import traced

LEAST_SEEDS = 3
"""From so many on the spread over seeds has an interval."""
HEIGHT = 270
_scored = remembered(2000)(scores_of)
"""Some scores' intervals take every example out in turn; 2,000 are several large experiments by all their scores."""


@traced
def trials_table(points: Sequence[Point], found: Sequence[TrialScores | None], measure: str = ACCURACY) -> pd.DataFrame:
    """at, seed, score, low, high (over dev examples; the score itself where it has no interval), guessing (what always answering
    the same scores), n (dev rows), n_train, in the order of places and seeds; trials without a result are left out.

    Args:
        points: of a grid.
        found: the result of each, or None.
        measure: one of core.analyses.scoring.MEASURES of the goal.
    """
    rows = [
        trial_row(point, scores, measure, _scored)
        for point, scores in zip(points, found, strict=True)
        if scores is not None
    ]
    columns = ["at", "seed", "score", "low", "high", "guessing", "n", "n_train"]
    order = {at: place for place, at in enumerate(dict.fromkeys(point.at for point in points))}
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["at", "seed"], key=lambda one: one.map(order) if one.name == "at" else one).reset_index(
        drop=True
    )


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What stands beside an experiment in its figure."""

    name: str
    """What differs, in words."""
    trials: pd.DataFrame
    """Of trials_table; may be empty yet."""


MARKS = (("◆", "diamond"), ("■", "square"), ("●", "circle"))
"""Of what stands beside an experiment: as a letter, as Vega-Lite calls it. The experiment's own is a triangle."""


def hues(look: Look) -> tuple[str, ...]:
    """Colours of MARKS."""
    return (look.quiet, *look.labels[:2])


def key_of_series(name: str, besides: Sequence[Beside], look: Look) -> str:
    """The marks of a figure and what they stand for, as HTML of spans."""
    marks = [("▲", look.tuned, name)]
    marks += [(letter, hue, one.name) for (letter, _), hue, one in zip(MARKS, hues(look), besides, strict=False)]
    return " · ".join(f'<span style="color:{hue}">{letter}</span> {escape(said)}' for letter, hue, said in marks)


@traced
def all_tables(trials: pd.DataFrame, name: str, besides: Sequence[Beside]) -> pd.DataFrame:
    """Trials of an experiment and of what stands beside it, with a column of their names if there are any of the others."""
    others = [one.trials.assign(experiment=one.name) for one in besides if len(one.trials)]
    return pd.concat([trials.assign(experiment=name), *others], ignore_index=True) if others else trials


@traced
def means_table(trials: pd.DataFrame) -> pd.DataFrame:
    """at, mean (over seeds), n_seeds, low, high: a 95 % t interval over seeds from 3 on, NaN below, and where all seeds score
    the same: a collapsed network does, and is no surer for it. Args: of trials_table."""
    rows = []
    for at, own in trials.groupby("at", sort=False):
        many = _over_seeds(own["score"])
        rows.append({
            "at": at, "mean": own["score"].mean(), "n_seeds": len(own),
            "low": many.low if many else float("nan"), "high": min(1.0, many.high) if many else float("nan"),
        })  # fmt: skip
    return pd.DataFrame(rows, columns=["at", "mean", "n_seeds", "low", "high"])


def _over_seeds(values: pd.Series) -> Estimate | None:
    if len(values) < LEAST_SEEDS or values.nunique() == 1:
        return None
    return t_interval(values.to_numpy())


@traced
def losses_table(trials: pd.DataFrame, intact: str) -> pd.DataFrame:
    """at, loss (score intact less score here, mean over the seeds that have both), low, high (95 % t interval over these
    pairs from 3 on), n_seeds; without the intact place. Args: of trials_table; intact: the place at which nothing was done."""
    wide = trials.pivot_table(index="seed", columns="at", values="score", sort=False)
    rows = []
    if intact in wide:
        for at in (name for name in dict.fromkeys(trials["at"]) if name != intact):
            lost = (wide[intact] - wide[at]).dropna()
            if len(lost):
                many = _over_seeds(lost)
                ends = (many.low, many.high) if many else (float("nan"), float("nan"))
                rows.append({"at": at, "loss": lost.mean(), "low": ends[0], "high": ends[1], "n_seeds": len(lost)})
    return pd.DataFrame(rows, columns=["at", "loss", "low", "high", "n_seeds"])


@remembered(100)
def finding(trials: pd.DataFrame, experiment: Experiment, n_blocks: int, measure: str = ACCURACY) -> str:
    """What the trials say, in a sentence; empty while the intact run or the others are missing. Args: of trials_table."""
    intact, places = experiment.intact(n_blocks), list(experiment.places(n_blocks))
    losses = {str(row["at"]): row for row in losses_table(trials, intact).to_dict("records")}
    means = {str(row["at"]): float(row["mean"]) for row in means_table(trials).to_dict("records")}
    others = [at for at in places if at != intact]
    if intact not in means or any(at not in losses for at in others):
        return ""
    if experiment.is_of_spread:
        return _spreads(trials, places, measure)
    whole = f"Intact {written(means[intact], measure)}"
    if experiment.is_ordered:
        far = places[0] if intact == places[-1] else places[-1]
        return f"{whole}; at {far} {written(means[far], measure)}{_beyond(losses[far])}."
    if ALL in others:
        each = [at for at in others if at != ALL]
        least, most = (choose(each, key=lambda at: means[at]) for choose in (min, max))
        return (
            f"{whole}. Least at {least}: {written(means[least], measure)}{_beyond(losses[least])}; most at {most}: "
            f"{written(means[most], measure)}{_beyond(losses[most])}; with all reset {written(means[ALL], measure)}."
        )
    if experiment.name == METHODS:
        each_said = ", ".join(f"{at} {written(means[at], measure)}{_beyond(losses[at])}" for at in others)
        return f"With all weights {written(means[intact], measure)}; {each_said}."
    shuffled = [means[at] for at in others]
    mean, low, high = (written(one, measure) for one in (sum(shuffled) / len(shuffled), min(shuffled), max(shuffled)))
    return f"{whole}; in other orders {mean} on the mean ({low} to {high})."


def guessing(trials: pd.DataFrame, measure: str) -> str:
    """What always answering the same scores, in a sentence. Args: of trials_table."""
    return f"{dull_name(measure).capitalize()} gives {written(trials['guessing'].mean(), measure)}."


@remembered(100)
def orders_agree(trials: pd.DataFrame, second: pd.DataFrame, intact: str) -> str:
    """Whether the orders that are good for one task are good for another, in a sentence; empty where too few are there.

    Args:
        trials, second: of trials_table, the same experiment on two tasks.
        intact: the place at which nothing was done; it is left out.
    """
    both = [means_table(table).set_index("at")["mean"].drop(intact, errors="ignore") for table in (trials, second)]
    shared = [at for at in both[0].index if at in both[1].index]
    one, other = (means[shared].to_numpy() for means in both)
    if len(shared) < LEAST_ORDERS or np.ptp(one) == 0 or np.ptp(other) == 0:
        return ""
    found = paired_scores(one, other)
    return (
        f"Over {found.n} other orders the two rows of scores correlate by {found.spearman:+.2f} in rank (Spearman, p = "
        f"{found.spearman_p:.2g}) and {found.pearson:+.2f} in size (Pearson, p = {found.pearson_p:.2g}); that neither is the "
        f"lower one has p = {found.wilcoxon_p:.2g} (Wilcoxon)."
    )


def _spreads(trials: pd.DataFrame, places: Sequence[str], measure: str) -> str:
    """How far seeds lie apart at each place."""
    said = []
    for at in places:
        own = trials.loc[trials["at"] == at, "score"]
        if len(own) < LEAST_SEEDS:
            return f"How much seeds differ takes {LEAST_SEEDS} of them or more."
        sd = spread_interval(own)
        ends = f"[{written(sd.low, measure)}, {written(sd.high, measure)}]"
        said.append(f"{at} {written(own.mean(), measure)}, sd {written(sd.value, measure)} {ends}")
    return f"Mean and standard deviation over {trials['seed'].nunique()} seeds: {'; '.join(said)}."


def _beyond(loss: Mapping[Hashable, Any]) -> str:
    if pd.isna(loss["low"]):
        return f" ({loss['n_seeds']} seed{'s' * (loss['n_seeds'] > 1)}: no interval)"
    return " (inside the noise of seeds)" if loss["low"] <= 0 <= loss["high"] else " (beyond the noise of seeds)"


@traced
def ablation_chart(
    trials: pd.DataFrame,
    experiment: Experiment,
    look: Look,
    n_blocks: int,
    measure: str = ACCURACY,
    *,
    besides: Sequence[Beside] = (),
) -> alt.LayerChart:
    """Scores against what was done, a point a seed; a line through the means once every place has its seeds; orders as violins.

    Args:
        trials: of trials_table, not empty.
        experiment: which one.
        look: how to draw.
        n_blocks: of the checkpoint: all places are on the axis, whether they were tried yet or not.
        measure: what the scores are.
        besides: trials of other experiments with the same places, three at most, each with a mark of its own (MARKS).
    """
    others = [
        (one.trials, hue, shape)
        for one, (_, shape), hue in zip(besides, MARKS, hues(look), strict=False)
        if len(one.trials)
    ]
    drawn = [*others, (trials, look.tuned, "triangle-up")]
    if experiment.name == SHUFFLE:
        series = [Series(trials=table, colour=hue, shape=shape) for table, hue, shape in (drawn[-1], *others)]
        return orders_chart(series, experiment, look, n_blocks, measure)
    places = list(experiment.places(n_blocks))
    low = min(table[["low", "guessing"]].min().min() for table, _, _ in drawn)
    scale = alt.Scale(domain=[low - 0.03 if low < 0 else max(0.0, low - 0.03), 1.0], nice=False, clamp=True)
    number = ".0%" if measure in SHARES else ".2f"
    y = alt.Y("score:Q", title=f"{measure} on dev examples", scale=scale, axis=alt.Axis(format=number, tickCount=6))
    x = alt.X(
        "at:O",
        title=experiment.axis,
        sort=places,
        scale=alt.Scale(domain=places),
        axis=alt.Axis(labelAngle=_angle(places)),
    )
    level = alt.Chart(pd.DataFrame({"score": [trials["guessing"].mean()], "said": [dull_name(measure)]})).encode(y=y)
    guesses = [table["guessing"].mean() for table, _, _ in others]
    layers: list[alt.Chart] = [
        alt.Chart(pd.DataFrame({"score": guesses}))
        .mark_rule(color=look.quiet, strokeDash=[1, 4], aria=False)
        .encode(y=y),
        level.mark_rule(color=look.quiet, strokeDash=[4, 4]),
        level.mark_text(color=look.quiet, align="right", dy=12, x=alt.ExprRef("width")).encode(text="said:N"),
    ]
    for table, colour, shape in drawn:
        layers += _series(table, experiment, look, measure, x=x, y=y, scale=scale, colour=colour, shape=shape)
    return framed(alt.layer(*layers), look, height=HEIGHT)


def _angle(places: Sequence[str]) -> int:
    """At which the names of places stand, so that none is left out: level, or upright where all in a row are too long."""
    return 0 if sum(map(len, places)) < 110 else -90


def _series(
    trials: pd.DataFrame,
    experiment: Experiment,
    look: Look,
    measure: str,
    *,
    x: alt.X,
    y: alt.Y,
    scale: alt.Scale,
    colour: str,
    shape: str,
) -> list[alt.Chart]:
    """Points of every seed, bands and means of one experiment."""
    means = means_table(trials).assign(row=lambda table: range(len(table)))
    tip = ".1%" if measure in SHARES else ".3f"
    dots = alt.Chart(trials).encode(
        x=x,
        tooltip=[
            alt.Tooltip("at:O", title=experiment.axis),
            alt.Tooltip("seed:O"),
            alt.Tooltip("score:Q", title=measure, format=tip),
            *(alt.Tooltip(f"{name}:Q", format=tip) for name in ("low", "high", "guessing")),
            alt.Tooltip("n:Q", title="dev rows", format=","),
        ],
    )
    over_means = alt.Chart(means).encode(x=x)
    layers = [
        over_means.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=8, opacity=0.25, color=colour, aria=False)
        .encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        dots.mark_rule(color=colour, opacity=0.5, aria=False).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        dots.mark_point(filled=True, size=70, opacity=0.9, color=colour, shape=shape).encode(y=y),
    ]
    # A line through means of other numbers of seeds would show the seeds, not the blocks.
    if experiment.is_ordered and means["n_seeds"].nunique() == 1:
        line = over_means.mark_line(strokeWidth=2.5, color=colour)
        layers.insert(1, line.encode(y=alt.Y("mean:Q", scale=scale), order="row:Q"))
    elif not experiment.is_ordered:
        layers.append(
            over_means.mark_tick(thickness=3, color=look.ink, width=34).encode(y=alt.Y("mean:Q", scale=scale))
        )
    return layers
