"""Where a curve turns: planted bends are found, straight lines have none, and the units do not matter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotEnoughData, ShapeError
from core.maths.turns import FEWEST, turn_of

SEEDS = st.integers(0, 10_000)
X = np.arange(12.0)
NO_ERROR = np.full(12, 1e-6)


@given(joint=st.integers(2, 9), before=st.floats(-2, 2), bend=st.floats(0.5, 3), sign=st.sampled_from((-1, 1)))
def test_a_planted_bend_is_found_with_its_slopes(joint: int, before: float, bend: float, sign: int) -> None:
    y = 1 + before * X + sign * bend * np.maximum(X - joint, 0)
    found = turn_of(X, y, NO_ERROR)
    assert found is not None
    assert found.at == joint
    assert found.before == pytest.approx(before, abs=1e-6)
    assert found.after == pytest.approx(before + sign * bend, abs=1e-6)


@given(seed=SEEDS, scale=st.floats(0.1, 50), shift=st.floats(-10, 10), stretch=st.floats(0.1, 50))
def test_units_do_not_matter(seed: int, scale: float, shift: float, stretch: float) -> None:
    rng = np.random.default_rng(seed)
    y = np.maximum(X - 5, 0) + rng.normal(size=12) * 0.2
    one = turn_of(X, y, np.full(12, 0.01))
    other = turn_of(X * stretch, scale * y + shift, np.full(12, 0.01 * scale))
    assert (one and one.at) == (other and other.at)
    if one and other:
        assert other.gain == pytest.approx(one.gain, rel=1e-4, abs=1e-4)


def test_a_straight_line_seldom_has_a_bend() -> None:
    found = [turn_of(X, 0.5 * X + np.random.default_rng(seed).normal(size=12), np.full(12, 0.1)) for seed in range(500)]
    assert np.mean([one is not None for one in found]) < 0.1


def test_what_lies_within_the_errors_is_no_bend() -> None:
    y = 0.01 * np.maximum(X - 5, 0)
    assert turn_of(X, y, NO_ERROR) is not None
    assert turn_of(X, y, np.full(12, 1.0)) is None


def test_too_few_points_have_none() -> None:
    y = np.maximum(X - 3, 0)[: FEWEST - 1]
    assert turn_of(X[: FEWEST - 1], y, np.zeros(FEWEST - 1)) is None


def test_what_cannot_be_fitted_is_told() -> None:
    with pytest.raises(ShapeError, match="x rising"):
        turn_of([0, 1, 1], [0, 1, 2], [0, 0, 0])
    with pytest.raises(NotEnoughData, match="not finite"):
        turn_of(X, np.full(12, np.nan), NO_ERROR)
