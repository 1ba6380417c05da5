"""Where a curve turns: two straight pieces against one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.errors import NotEnoughData, ShapeError

FEWEST = 6
"""Points below which two pieces fit whatever there is."""
STRONG = 6.0
"""By so much the criterion of the bent fit must be lower: strong evidence (Kass & Raftery 1995)."""


@dataclass(frozen=True)
class Turn:
    """The bend of a curve."""

    at: int
    """Index of the point at which the pieces meet."""
    before: float
    """Slope up to there."""
    after: float
    """Slope from there on."""
    gain: float
    """By how much the bent fit's information criterion is lower than that of one line."""


def turn_of(x: ArrayLike, y: ArrayLike, errors: ArrayLike) -> Turn | None:
    """The point at which a curve bends most, if two pieces fit beyond what one line does.

    Args:
        x: rising [n].
        y: values [n].
        errors: standard errors of the values, >= 0 [n]: no residual is believed to be smaller than their mean square.
    Returns:
        None where one line fits as well, by the Bayesian information criterion with the residual variance estimated, or with
        fewer than 6 points. It describes where a curve bends most, and is no test: a smooth bend has one too, and of random walks,
        whose steps hang together as those of a run do, a sixth (6 points) to two fifths (16) have one.
    Raises:
        ShapeError: unequal lengths, or x that does not rise.
        NotEnoughData: values that are not finite.
    Source:
        Segmented regression (Hudson 1966; Muggeo 2003), one joint, at a point; criterion of Schwarz (1978).
    """
    at, values, error = (np.asarray(one, dtype=np.float64) for one in (x, y, errors))
    if not at.shape == values.shape == error.shape or at.ndim != 1 or (np.diff(at) <= 0).any():
        raise ShapeError(
            "Where a curve turns.", f"{at.shape}, {values.shape}, {error.shape}.", "Give one row, x rising."
        )
    if not np.isfinite(values).all():
        raise NotEnoughData("Where a curve turns.", "Some values are not finite.", "Leave them out.")
    if len(at) < FEWEST:
        return None
    floor = max(float(np.mean(error**2)), 1e-24)

    def criterion(columns: list[np.ndarray], n_free: int) -> tuple[float, np.ndarray]:
        design = np.stack(columns, axis=1)
        fitted, *_ = np.linalg.lstsq(design, values, rcond=None)
        left = max(float(np.mean((values - design @ fitted) ** 2)), floor)
        return len(at) * np.log(left) + n_free * np.log(len(at)), fitted

    ones = np.ones_like(at)
    straight, _ = criterion([ones, at], 2)
    bent = []
    for joint in range(2, len(at) - 2):  # two points beside it on either side
        score, fitted = criterion([ones, at, np.maximum(at - at[joint], 0.0)], 4)
        bent.append((score, joint, fitted))
    score, joint, fitted = min(bent, key=lambda one: one[0])
    if straight - score < STRONG:
        return None
    return Turn(at=joint, before=float(fitted[1]), after=float(fitted[1] + fitted[2]), gain=float(straight - score))
