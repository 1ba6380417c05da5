"""Runs of one task beside each other: a row a recipe, a point a seed."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from core.analyses.fine_tune import FineTune, TunedCheckpoint
from core.analyses.scoring import DULL, SHARES
from core.charts.look import Look, framed
from core.charts.scores import written
from core.maths.statistics import t_interval
from core.origins import traced

LEAST_SEEDS = 3
"""From so many on the spread over seeds has an interval."""
_ROW, _LEAST_HEIGHT = 42, 110


@traced
def runs_table(runs: Sequence[tuple[str, FineTune | None, TunedCheckpoint]]) -> pd.DataFrame:
    """recipe, seed, measure, score, low, high (95 % over dev rows), guessing (of always answering the same), n (dev rows), n_train,
    n_steps; a row a run, best recipe first.

    Args:
        runs: (name of the recipe, the run, its result), all of one task.
    """
    rows = [
        {
            "recipe": name,
            "seed": run.seed,
            "measure": run.measure,
            "score": tuned.score.value,
            "low": tuned.score.low,
            "high": tuned.score.high,
            "guessing": tuned.majority,
            "dull": DULL[run.goal],
            "n": tuned.score.n,
            "n_train": tuned.n_train,
            "n_steps": tuned.n_steps,
        }
        for name, run, tuned in runs
        if run is not None
    ]
    table = pd.DataFrame(rows)
    if table.empty:
        return table
    best = table.groupby("recipe")["score"].transform("mean")
    return (
        table.assign(best=best)
        .sort_values(["best", "recipe", "seed"], ascending=[False, True, True])
        .drop(columns="best")
        .reset_index(drop=True)
    )


def finding(table: pd.DataFrame) -> str:
    """The best recipe and whether its interval is beyond guessing and beyond the next one's, in a sentence. Args: of runs_table."""
    measure = str(table["measure"].iloc[0])
    recipes = list(dict.fromkeys(table["recipe"]))
    first = _said(table, recipes[0], measure)
    if len(recipes) == 1:
        return f"{recipes[0]}: {first}."
    second = _said(table, recipes[1], measure)
    ends = [_ends(table, recipe) for recipe in recipes[:2]]
    is_beyond = ends[0][0] > ends[1][1]
    verdict = "their intervals are apart" if is_beyond else "the difference lies inside the noise"
    return f"Best of {len(recipes)} recipes: {recipes[0]}, {first}; next {recipes[1]}, {second}: {verdict}."


def _said(table: pd.DataFrame, recipe: str, measure: str) -> str:
    own = table[table["recipe"] == recipe]
    low, high = _ends(table, recipe)
    seeds = f"{len(own)} seeds" if len(own) > 1 else "1 seed"
    return f"{measure} {written(own['score'].mean(), measure)} [{written(low, measure)}, {written(high, measure)}] ({seeds})"


def _ends(table: pd.DataFrame, recipe: str) -> tuple[float, float]:
    """What the mean may be: over seeds where they are enough, and never less than the dev rows leave open."""
    own = table[table["recipe"] == recipe]
    low, high = float(own["low"].mean()), float(own["high"].mean())
    if len(own) >= LEAST_SEEDS and own["score"].nunique() > 1:
        over = t_interval(own["score"].to_numpy())
        low, high = min(low, over.low), max(high, over.high)
    return low, min(1.0, high)


@traced
def runs_chart(table: pd.DataFrame, look: Look) -> alt.LayerChart:
    """Scores by recipe, a point a seed, beside what always answering the same scores. Args: of runs_table, not empty."""
    measure, recipes = str(table["measure"].iloc[0]), list(dict.fromkeys(table["recipe"]))
    tip, number = (".1%", ".0%") if measure in SHARES else (".3f", ".2f")
    low = float(table[["low", "guessing"]].min().min())
    scale = alt.Scale(domain=[low - 0.03 if low < 0 else max(0.0, low - 0.03), 1.0], nice=False, clamp=True)
    x = alt.X("score:Q", title=f"{measure} on dev rows", scale=scale, axis=alt.Axis(format=number, tickCount=6))
    y = alt.Y("recipe:N", title=None, sort=recipes, axis=alt.Axis(labelLimit=420))
    shift = alt.YOffset("seed:N", title=None)
    dots = alt.Chart(table).encode(
        y=y,
        yOffset=shift,
        tooltip=[
            "recipe:N",
            "seed:O",
            alt.Tooltip("score:Q", title=measure, format=tip),
            *(alt.Tooltip(f"{name}:Q", format=tip) for name in ("low", "high", "guessing")),
            *(alt.Tooltip(f"{name}:Q", format=",") for name in ("n_train", "n_steps")),
        ],
    )
    means = table.groupby("recipe", as_index=False, sort=False)["score"].mean()
    guess = alt.Chart(pd.DataFrame({"score": [table["guessing"].mean()], "said": [table["dull"].iloc[0]]})).encode(x=x)
    return framed(
        alt.layer(
            guess.mark_rule(color=look.quiet, strokeDash=[4, 4]),
            guess.mark_text(color=look.quiet, align="left", dx=6, dy=-8, y=alt.ExprRef("height")).encode(text="said:N"),
            dots.mark_rule(color=look.tuned, opacity=0.5).encode(x=alt.X("low:Q", scale=scale), x2="high:Q"),
            dots.mark_point(filled=True, size=80, opacity=0.9, color=look.tuned, shape="triangle-up").encode(x=x),
            alt.Chart(means).mark_tick(thickness=3, color=look.ink, size=24).encode(x=x, y=y),
        ),
        look,
        height=max(_LEAST_HEIGHT, _ROW * len(recipes) + 50),
    )
