"""Effects of interventions: odds that do not depend on how scores are written, and ways that begin at 0 and end at 1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from core.errors import NotEnoughData, ShapeError
from core.maths.effects import log_odds, way_gone
from core.maths.statistics import jackknife

SEEDS = st.integers(0, 10_000)


@given(seed=SEEDS, n_labels=st.integers(2, 8))
def test_odds_are_the_share_over_that_of_all_others(seed: int, n_labels: int) -> None:
    rng = np.random.default_rng(seed)
    logits, answer = rng.normal(size=(5, n_labels)) * 3, rng.integers(0, n_labels, 5)
    found = log_odds(log_softmax(logits, axis=1), answer)
    shares = np.exp(log_softmax(logits, axis=1))[np.arange(5), answer]
    np.testing.assert_allclose(found, np.log(shares / (1 - shares)), atol=1e-9)


@given(seed=SEEDS)
def test_of_two_labels_they_are_the_difference_of_the_scores(seed: int) -> None:
    logits = np.random.default_rng(seed).normal(size=(4, 2)) * 30  # far beyond where 1 - share would round to 0
    np.testing.assert_allclose(log_odds(log_softmax(logits, axis=1), [0] * 4), logits[:, 0] - logits[:, 1], rtol=1e-9)


@pytest.mark.parametrize(
    ("shares", "answer"), [(np.zeros((2, 1)), [0, 0]), (np.zeros((2, 3)), [0]), (np.zeros(3), [0])]
)
def test_odds_of_nothing_are_refused(shares: np.ndarray, answer: list[int]) -> None:
    with pytest.raises(ShapeError, match="The odds of an answer"):
        log_odds(shares, answer)


def rows(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(before, target, folds): a clear way to go."""
    rng = np.random.default_rng(seed)
    before = rng.normal(size=n)
    return before, before + 2 + rng.normal(size=n), np.arange(n) % 10


@given(seed=SEEDS, part=st.floats(-1, 2))
def test_a_part_of_the_way_of_every_row_is_that_part_without_any_doubt(seed: int, part: float) -> None:
    before, target, folds = rows(seed)
    found = way_gone(before, before + part * (target - before), target, folds)
    assert found is not None
    assert found.value == pytest.approx(part, abs=1e-9)
    assert found.high - found.low == pytest.approx(0, abs=1e-6)


@given(seed=SEEDS)
def test_the_way_back_is_what_is_left_of_the_way(seed: int) -> None:
    before, target, folds = rows(seed)
    after = before + np.random.default_rng(seed + 1).uniform(0, 1, len(before)) * (target - before)
    there, back = way_gone(before, after, target, folds), way_gone(target, after, before, folds)
    assert there is not None
    assert back is not None
    assert there.value + back.value == pytest.approx(1)
    assert there.standard_error == pytest.approx(back.standard_error)


@given(seed=SEEDS, scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_the_unit_of_the_values_does_not_matter(seed: int, scale: float, shift: float) -> None:
    before, target, folds = rows(seed)
    after = before + np.random.default_rng(seed + 1).normal(size=len(before))
    one = way_gone(before, after, target, folds)
    other = way_gone(*(scale * values + shift for values in (before, after, target)), folds)
    assert one is not None
    assert other is not None
    assert other.value == pytest.approx(one.value, abs=1e-6)


def test_without_a_way_there_is_no_share_of_it() -> None:
    before, _, folds = rows(0)
    noise = np.random.default_rng(1).normal(size=len(before))
    gap = jackknife(noise.mean(), [noise[folds != fold].mean() for fold in range(10)], n=len(noise))
    assert gap.low < 0 < gap.high  # the case that is asked about
    assert way_gone(before, before + 1, before + noise, folds) is None
    assert way_gone(before, before, before, folds) is None


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Shares of the way drawn around .4, over sentences of unequal ways."""
    held = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        way = rng.gamma(4, 0.5, 200)
        found = way_gone(np.zeros(200), way * 0.4 + rng.normal(size=200), way, np.arange(200) % 20)
        assert found is not None
        held.append(found.low <= 0.4 <= found.high)
    assert 0.91 <= np.mean(held) <= 0.985


def test_too_little_is_told() -> None:
    with pytest.raises(NotEnoughData, match="one fold"):
        way_gone([0, 1], [0, 1], [1, 2], [0, 0])
    with pytest.raises(ShapeError, match="Unequal lengths"):
        way_gone([0, 1], [0], [1, 2], [0, 1])
