"""What a head says, beside the points of a map."""

import numpy as np
import pandas as pd

from core.analyses.head_answers import HeadSaid
from core.analyses.places import PLACE
from core.origins import traced

SAYS, IS_RIGHT = "what the head says", "whether the head is right"
"""Columns, and what they are called on screen."""
NO_ANSWER, NO_GOLD = "no answer", "no gold label"


@traced
def with_answers(points: pd.DataFrame, said: HeadSaid, label: str, *, unmarked: str = "") -> pd.DataFrame:
    """Points with the answer of the head to each, or to its sentence, and whether that is right.

    Args:
        points: sentence, PLACE, labels.
        said: answers to the sample that the points are of.
        label: that the head was tuned on; whether it is right is known where the points have it.
        unmarked: how a label says that there is none.
    Returns:
        The same rows with the columns SAYS (NO_ANSWER where the head was not asked) and IS_RIGHT ("right", "wrong", NO_ANSWER,
        NO_GOLD).
    """
    rows = said.rows
    answers = dict(zip(zip(rows["sentence"], rows[PLACE], strict=True), rows["guess"], strict=True))
    is_to_all = bool((rows[PLACE] == 0).all())
    asked = zip(points["sentence"], points[PLACE] * (not is_to_all), strict=True)
    guess = np.array([answers.get(place, NO_ANSWER) for place in asked], dtype=object)
    if label not in points:
        return points.assign(**{SAYS: guess})
    gold = points[label].astype(str).to_numpy()
    is_right = np.where(guess == gold, "right", "wrong")
    is_right = np.where(gold == unmarked, NO_GOLD, is_right)
    return points.assign(**{SAYS: guess, IS_RIGHT: np.where(guess == NO_ANSWER, NO_ANSWER, is_right)})
