"""What ridge probes read of a real number, as a table of both sides with its controls."""

from typing import Literal

import pandas as pd

from core.analyses.ridge_probe import RidgeScores
from core.analyses.ridge_probe_change import RidgeProbeDifference
from core.charts.sides import sides_table, with_random
from core.maths.statistics import Estimate
from core.origins import traced

Score = Literal["r2", "rank"]
TITLES: dict[Score, str] = {
    "r2": "R² on held-out sentences (1 = exact)",
    "rank": "rank correlation (1 = exact order)",
}
"""Axis of each score, with its direction."""


def differences_of(change: RidgeProbeDifference, score: Score) -> tuple[Estimate, ...]:
    """The change of a score, one a base layer."""
    return change.difference if score == "r2" else change.rank_difference


@traced
def ridge_table(
    base: RidgeScores,
    tuned: RidgeScores,
    change: RidgeProbeDifference,
    score: Score,
    random: RidgeScores | None = None,
) -> pd.DataFrame:
    """layer, side, the score (r2 or rank), low, high, control, majority (always the mean), difference and its interval, is_noise.

    Rows of the tuned side are of the layer that faces the base's. With the probe on a model of random weights also its
    score, random, with random_low and random_high. Always answering the mean has no order: rank 0.
    """
    sides = base, tuned
    if score == "r2":
        held, controls = [side.score for side in sides], [side.control_score for side in sides]
        of_random = None if random is None else random.score
    else:
        held, controls = [side.rank_score for side in sides], [side.control_rank_score for side in sides]
        of_random = None if random is None else random.rank_score
    table = sides_table(
        score,
        held[0],
        held[1],
        differences_of(change, score),
        control=([one.value for one in controls[0]], [one.value for one in controls[1]]),
        majority=base.mean_r2 if score == "r2" else 0.0,
    )
    return with_random(table, of_random)
