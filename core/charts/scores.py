"""What a head's scores are called and how they are written, and what it answers where answers are no labels."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from core.analyses.scoring import (
    DULL,
    DULL_RELATION,
    EXACT,
    F1,
    LAS,
    MATTHEWS,
    MEASURES,
    OVERLAP,
    R2,
    RELATIONS,
    SHARES,
    SPEARMAN,
    UAS,
)
from core.charts.look import Look, framed
from core.maths.statistics import Estimate
from core.origins import traced

HELP = {
    F1: "Macro-F1 is the mean over classes of the harmonic mean of precision and recall: rare classes count like common ones.",
    MATTHEWS: "Matthews correlation is 1 where all is right, 0 for guessing, however skewed the classes (GLUE scores CoLA by it).",
    SPEARMAN: "Spearman's correlation is 1 where the order of all examples is right and 0 where there is none in common.",
    R2: "R squared is the share of the variance that is accounted for: 1 = exact, 0 = no better than always the mean.",
    LAS: "Labelled attachment is the share of words with the right head and the right relation to it, punctuation included.",
    UAS: "Unlabelled attachment is the share with the right head.",
    RELATIONS: "Relations right is the share with the right relation, whatever the head.",
    EXACT: "Exact match is the share of answers that are one of the gold ones but for case, punctuation and articles.",
    OVERLAP: "Word F1 is the harmonic mean of precision and recall of an answer's words, against the gold one nearest to it.",
}
"""What a score is, in a sentence; accuracy needs none."""


def written(score: float, measure: str) -> str:
    """A score in a sentence."""
    return f"{score:.1%}" if measure in SHARES else f"{score:.2f}"


def interval(found: Estimate, measure: str) -> str:
    """A score's interval, behind it in a sentence."""
    if found.standard_error == 0 and found.low == found.high:
        return "[no interval: all alike]"
    return f"[{written(found.low, measure)}, {written(found.high, measure)}]"


def others(scores: Mapping[str, Estimate]) -> str:
    """The scores of a head beside its main one, with their intervals. Args: TunedCheckpoint.scores()."""
    return " · ".join(f"{name} {written(one.value, name)} {interval(one, name)}" for name, one in scores.items())


def goal_of(measure: str) -> str:
    """The goal that a measure is of."""
    return next(goal for goal, measures in MEASURES.items() if measure in measures)


def dull_name(measure: str) -> str:
    """What always answering the same means, of the goal that a measure is of."""
    return DULL_RELATION if measure == RELATIONS else DULL[goal_of(measure)]


def explained(goal: str) -> str:
    """What the scores of a goal are, in plain words."""
    return " ".join(HELP[measure] for measure in MEASURES[goal] if measure in HELP)


@traced
def numbers_chart(answers: pd.DataFrame, name: str, look: Look) -> alt.LayerChart:
    """What a head says against the gold number of each example; on the diagonal it is right.

    Args:
        answers: gold and guess, numbers.
        name: of the number.
        look: how to draw.
    """
    low, high = (float(answers[["gold", "guess"]].agg(end).agg(end)) for end in ("min", "max"))
    scale = alt.Scale(domain=[low, high], nice=True)
    points = alt.Chart(answers).encode(
        x=alt.X("gold:Q", title=f"{name} (gold)", scale=scale),
        y=alt.Y("guess:Q", title="what the head says", scale=scale),
        tooltip=[alt.Tooltip(f"{side}:Q", format=".3g") for side in ("gold", "guess")],
    )
    ends = alt.Chart(pd.DataFrame({"gold": [low, high], "guess": [low, high]})).encode(
        x=alt.X("gold:Q", scale=scale), y=alt.Y("guess:Q", scale=scale)
    )
    return framed(
        alt.layer(
            ends.mark_line(color=look.quiet, strokeDash=[4, 4]),
            points.mark_point(filled=True, size=40, opacity=0.5, color=look.tuned, shape="triangle-up"),
        ),
        look,
        height=300,
    )
