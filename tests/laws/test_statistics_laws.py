"""Intervals: closed forms, and how often they hold the truth."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.similarity import cka_jackknife
from core.maths.statistics import (
    Estimate,
    group_folds,
    jackknife,
    paired_shares,
    resampled_interval,
    simultaneous,
    spread_interval,
    t_interval,
)

values = st.lists(st.floats(-100, 100), min_size=2, max_size=30)


@given(st.integers(4, 60), st.integers(2, 30), st.integers(0, 99))
def test_group_folds_expect_whole_groups_and_balance(n_groups: int, n_folds: int, seed: int) -> None:
    groups = np.repeat(np.arange(n_groups) * 7 - 3, 1 + np.arange(n_groups) % 4)
    folds = group_folds(groups, n_folds=n_folds, seed=seed)
    of_group = {group: set(folds[groups == group]) for group in groups}
    assert all(len(found) == 1 for found in of_group.values())
    sizes = np.bincount([found.pop() for found in of_group.values()])
    assert len(sizes) == min(n_folds, n_groups)
    assert sizes.max() - sizes.min() <= 1
    np.testing.assert_array_equal(folds, group_folds(groups, n_folds=n_folds, seed=seed))


@given(values)
def test_jackknife_of_a_mean_expect_the_classic_formula(given_values: list[float]) -> None:
    v = np.array(given_values)
    left = [np.delete(v, i).mean() for i in range(len(v))]
    found, classic = jackknife(v.mean(), left, n=len(v)), t_interval(v)
    assert found.standard_error == pytest.approx(v.std(ddof=1) / np.sqrt(len(v)), abs=1e-9)
    assert found.low == pytest.approx(classic.low, abs=1e-6)
    assert found.high == pytest.approx(classic.high, abs=1e-6)


@given(values, st.floats(0.5, 0.99))
def test_t_interval_expect_scipy(given_values: list[float], level: float) -> None:
    found = t_interval(given_values, level=level)
    if found.standard_error > 1e-9:
        low, high = stats.t.interval(level, len(given_values) - 1, np.mean(given_values), stats.sem(given_values))
        assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9, abs=1e-9)


@given(values, st.integers(1, 1000), st.integers(1, 1000))
def test_resampled_interval_expect_wider_than_naive(given_values: list[float], n_train: int, n_test: int) -> None:
    found, naive = resampled_interval(given_values, n_train=n_train, n_test=n_test), t_interval(given_values)
    s = len(given_values)
    assert found.value == naive.value
    assert found.standard_error >= naive.standard_error
    assert found.standard_error == pytest.approx(naive.standard_error * np.sqrt(1 + s * n_test / n_train), rel=1e-9)
    assert (found.n, found.n_groups) == (n_train + n_test, s)


@given(values, st.integers(1, 50), st.floats(0.5, 0.99))
def test_simultaneous_expect_bonferroni_of_the_same_values(given_values: list[float], n: int, level: float) -> None:
    one = t_interval(given_values, level=level)
    found, each = simultaneous(one, n_intervals=n, level=level), t_interval(given_values, level=1 - (1 - level) / n)
    assert (found.low, found.high) == pytest.approx((each.low, each.high), rel=1e-9, abs=1e-9)
    assert found.low <= one.low + 1e-9
    assert found.high >= one.high - 1e-9
    assert (found.value, found.standard_error, found.n_groups) == (one.value, one.standard_error, one.n_groups)


def test_simultaneous_expect_all_of_seven_to_hold_together_where_single_ones_do_not() -> None:
    n_layers, n_draws = 7, 400
    single = together = 0
    for seed in range(n_draws):
        layers = [t_interval(values) for values in np.random.default_rng(seed).normal(size=(n_layers, 5))]
        single += all(one.low <= 0 <= one.high for one in layers)
        wide = [simultaneous(one, n_intervals=n_layers) for one in layers]
        together += all(one.low <= 0 <= one.high for one in wide)
    assert single / n_draws < 0.8
    assert 0.92 <= together / n_draws <= 0.98


def test_simultaneous_expect_impossible_requests_refused() -> None:
    with pytest.raises(SpecInvalid, match="1 or more"):
        simultaneous(t_interval([1, 2, 3]), n_intervals=0)
    with pytest.raises(NotEnoughData, match="one group"):
        simultaneous(Estimate(0.5, 0.5, 0.5, 0.0, 10, 1), n_intervals=3)


def _coverage(draw: Callable[[np.random.Generator], Estimate], truth: float, n_draws: int) -> float:
    found = [draw(np.random.default_rng(seed)) for seed in range(n_draws)]
    return float(np.mean([estimate.low <= truth <= estimate.high for estimate in found]))


def test_t_interval_over_groups_expect_to_cover_the_truth() -> None:
    def draw(rng: np.random.Generator) -> Estimate:
        sentences = rng.normal(3, 1, size=20)
        return t_interval((sentences[:, None] + rng.normal(size=(20, 12))).mean(axis=1))

    assert 0.92 <= _coverage(draw, 3.0, 400) <= 0.98


@pytest.mark.parametrize("debiased", [True, False])
def test_cka_jackknife_over_sentences_expect_to_cover_the_truth(debiased: bool) -> None:
    """Rows come in sentences of six that share most of their variance; the truth is CKA of the exact covariances."""
    mix = np.random.default_rng(99).normal(size=(5, 5))
    within = 1.36
    across, own = within * mix, within * mix.T @ mix + 10 * np.eye(5)
    truth = np.sum(across**2) / np.sqrt(5 * within**2 * np.sum(own**2))

    def draw(rng: np.random.Generator) -> Estimate:
        sentence = np.repeat(np.arange(400), 6)
        X = rng.normal(size=(400, 5))[sentence] + 0.6 * rng.normal(size=(2400, 5))
        Y = X @ mix + 3 * rng.normal(size=(400, 5))[sentence] + rng.normal(size=X.shape)
        return cka_jackknife(X, Y, group_folds(sentence), debiased=debiased)

    assert 0.91 <= _coverage(draw, truth, 300) <= 0.985


def test_cka_jackknife_when_rows_are_taken_as_independent_expect_too_narrow() -> None:
    rng = np.random.default_rng(0)
    sentence = np.repeat(np.arange(100), 10)
    X = rng.normal(size=(100, 4))[sentence] + 0.1 * rng.normal(size=(1000, 4))
    Y = X + rng.normal(size=(100, 4))[sentence]
    honest = cka_jackknife(X, Y, group_folds(sentence))
    naive = cka_jackknife(X, Y, rng.permutation(1000) % 20)
    assert honest.standard_error > 2 * naive.standard_error


def test_resampled_interval_expect_to_cover_better_than_naive() -> None:
    """Mean absolute error of predicting by the training mean, over 10 random 70/30 splits of 60 values."""

    def draw(rng: np.random.Generator, interval: Callable[[list[float]], Estimate]) -> Estimate:
        data = rng.normal(size=60)
        scores = []
        for _ in range(10):
            order = rng.permutation(60)
            scores.append(np.abs(data[order[42:]] - data[order[:42]].mean()).mean())
        return interval(scores)

    truth = np.sqrt(2 / np.pi) * np.sqrt(1 + 1 / 42)
    corrected = _coverage(lambda rng: draw(rng, lambda s: resampled_interval(s, n_train=42, n_test=18)), truth, 300)
    naive = _coverage(lambda rng: draw(rng, t_interval), truth, 300)
    assert corrected > naive + 0.1
    assert corrected >= 0.88


def test_intervals_when_asked_wrongly_expect_a_message() -> None:
    for wrong in ([1.0], [], [[1.0, 2.0]], [1.0, np.nan]):
        for interval in (
            t_interval,
            lambda v: jackknife(0, v, n=3),
            lambda v: resampled_interval(v, n_train=1, n_test=1),
        ):
            with pytest.raises(NotEnoughData):
                interval(wrong)
    with pytest.raises(SpecInvalid):
        t_interval([1, 2], level=95)
    with pytest.raises(NotEnoughData):
        resampled_interval([1, 2], n_train=0, n_test=3)
    with pytest.raises(NotEnoughData):
        group_folds([1, 1, 2, 3])
    with pytest.raises(ShapeError):
        group_folds(np.ones((4, 4)))
    with pytest.raises(SpecInvalid):
        group_folds(np.arange(9), n_folds=1)


@given(st.integers(0, 2**32 - 1), st.integers(5, 60))
def test_paired_shares_are_means_and_their_difference(seed: int, n_groups: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_groups), 3)
    one, other = rng.random(len(groups)) < 0.6, rng.random(len(groups)) < 0.7
    first, second, difference = paired_shares(one, other, groups)
    assert first.value == pytest.approx(one.mean())
    assert second.value == pytest.approx(other.mean())
    assert difference.value == pytest.approx(other.mean() - one.mean())
    swapped = paired_shares(other, one, groups)[2]
    assert (swapped.low, swapped.high) == pytest.approx((-difference.high, -difference.low))
    same = paired_shares(one, one, groups)[2]
    assert (same.low, same.value, same.high) == (0, 0, 0)


def test_paired_shares_refuse_rows_that_do_not_face_each_other() -> None:
    with pytest.raises(ShapeError):
        paired_shares([True] * 8, [True] * 7, list(range(8)))
    with pytest.raises(ShapeError):
        paired_shares([True] * 8, [True] * 8, list(range(7)))
    with pytest.raises(NotEnoughData):
        paired_shares([True] * 8, [False] * 8, [0] * 8)


def test_the_interval_of_a_spread_covers_what_it_should_and_is_wide_for_few_values() -> None:
    draws = np.random.default_rng(3).normal(5, 2, size=(2000, 5))
    found = [spread_interval(row) for row in draws]
    covered = np.mean([one.low <= 2 <= one.high for one in found])
    assert 0.93 < covered < 0.97
    assert found[0].value == pytest.approx(draws[0].std(ddof=1))
    assert found[0].high > 2.8 * found[0].value
    scaled = spread_interval(draws[0] * 10)
    assert scaled.low == pytest.approx(10 * found[0].low)
    with pytest.raises(NotEnoughData):
        spread_interval([1.0])
