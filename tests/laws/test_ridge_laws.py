"""Reading real numbers: what does not matter to a ridge regression, what noise gives it and what a planted signal does."""

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.probing import control_numbers
from core.maths.simple_readers import r_squared, rank_correlation, read_by_ridge, ridge

FEW = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**32 - 1)
ALPHAS = (0.1, 1.0, 10.0, 1e3)


def _problem(seed: int, n: int = 60, width: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(training rows, values of two columns, test rows, which choose): the second column is noise."""
    rng = np.random.default_rng(seed)
    X, T = rng.normal(size=(n, width)) + 1, rng.normal(size=(20, width)) + 1
    Y = np.stack([X @ rng.normal(size=width) + 0.5 * rng.normal(size=n), rng.normal(size=n)], axis=1)
    return X, Y, T, np.arange(n) % 5 == 0


@FEW
@given(seeds)
def test_ridge_expect_the_same_answers_in_a_turned_and_moved_space(seed: int) -> None:
    X, Y, T, _ = _problem(seed)
    turn = np.linalg.qr(np.random.default_rng(seed + 1).normal(size=(X.shape[1],) * 2))[0]
    here, there = (ridge(rows, Y, alpha=ALPHAS).predict(test) for rows, test in ((X, T), (X @ turn + 5, T @ turn + 5)))
    np.testing.assert_allclose(there, here, atol=1e-8)


@FEW
@given(seeds)
def test_reading_expect_the_order_of_rows_and_the_units_of_features_not_to_matter(seed: int) -> None:
    X, Y, T, dev = _problem(seed)
    rng = np.random.default_rng(seed + 1)
    order, scale = rng.permutation(len(X)), rng.uniform(0.1, 10, X.shape[1])
    told, alphas = read_by_ridge(X, Y, T, in_dev=dev, alphas=ALPHAS)
    shuffled = read_by_ridge(X[order], Y[order], T, in_dev=dev[order], alphas=ALPHAS[::-1])
    np.testing.assert_allclose(shuffled[0], told, atol=1e-5)
    np.testing.assert_array_equal(shuffled[1], alphas)
    rescaled = read_by_ridge(X * scale - 3, Y, T * scale - 3, in_dev=dev, alphas=ALPHAS)
    np.testing.assert_allclose(rescaled[0], told, atol=1e-4)
    np.testing.assert_array_equal(rescaled[1], alphas)


@FEW
@given(seeds)
def test_reading_expect_other_units_of_the_values_in_the_answers(seed: int) -> None:
    X, Y, T, dev = _problem(seed)
    told, alphas = read_by_ridge(X, Y, T, in_dev=dev, alphas=ALPHAS)
    other, same = read_by_ridge(X, 4 * Y - 7, T, in_dev=dev, alphas=ALPHAS)
    np.testing.assert_allclose(other, 4 * told - 7, atol=1e-6)
    np.testing.assert_array_equal(same, alphas)


@FEW
@given(seeds)
def test_each_column_expect_its_own_answer_whatever_stands_beside_it(seed: int) -> None:
    X, Y, T, dev = _problem(seed)
    both, alphas = read_by_ridge(X, Y, T, in_dev=dev, alphas=ALPHAS)
    for at in (0, 1):
        alone, alpha = read_by_ridge(X, Y[:, [at]], T, in_dev=dev, alphas=ALPHAS)
        np.testing.assert_allclose(alone[:, 0], both[:, at], atol=1e-8)
        assert alpha[0] == alphas[at]


def test_the_strength_expect_to_be_chosen_by_the_dev_rows_alone() -> None:
    X, Y, T, dev = _problem(0)
    spoilt = Y.copy()
    spoilt[dev] = np.random.default_rng(1).normal(size=(dev.sum(), 2)) * 50
    clean, wild = (read_by_ridge(X, values, T, in_dev=dev, alphas=(1e-3, 1e9))[1] for values in (Y, spoilt))
    assert clean[0] == 1e-3  # a signal is read with hardly a penalty
    assert wild[0] == 1e9  # where it fails on the rows that choose, nothing is believed


def test_r_squared_of_noise_expect_none() -> None:
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X, y, T, true = (
            rng.normal(size=(300, 60)),
            rng.normal(size=(300, 1)),
            rng.normal(size=(200, 60)),
            rng.normal(size=200),
        )
        told, _ = read_by_ridge(X, y, T, in_dev=np.arange(300) % 5 == 0, alphas=(1.0, 100.0, 1e4, 1e6))
        found.append((r_squared(told[:, 0], true), rank_correlation(told[:, 0], true)))
    r2, rank = np.array(found).T
    assert -0.1 < r2.mean() <= 0.01
    assert abs(rank.mean()) < 0.05


@pytest.mark.parametrize("share", [0.9, 0.5, 0.2])
def test_r_squared_of_a_planted_signal_expect_its_share_of_the_variance(share: float) -> None:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(8000, 20))
    signal = X @ (direction := rng.normal(size=20)) / np.linalg.norm(direction)
    y = np.sqrt(share) * signal + np.sqrt(1 - share) * rng.normal(size=8000)
    told, _ = read_by_ridge(X[:5000], y[:5000, None], X[5000:], in_dev=np.arange(5000) % 7 == 0, alphas=ALPHAS)
    assert r_squared(told[:, 0], y[5000:]) == pytest.approx(share, abs=0.03)


def test_constant_features_expect_the_mean_and_no_order() -> None:
    _, Y, T, dev = _problem(0)
    told, alphas = read_by_ridge(np.ones((60, 8)), Y, np.ones_like(T), in_dev=dev, alphas=ALPHAS)
    np.testing.assert_allclose(told, np.broadcast_to(Y.mean(axis=0), told.shape))
    np.testing.assert_array_equal(alphas, 1e3)  # of equals the strongest
    assert rank_correlation(told[:, 0], T[:, 0]) == 0


@FEW
@given(seeds)
def test_rank_correlation_expect_only_the_order_to_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(6, size=30) + np.arange(30) % 2, rng.normal(size=30)
    found = rank_correlation(one, other)
    assert -1 <= found <= 1
    assert rank_correlation(one**3, np.exp(other)) == pytest.approx(found)
    assert rank_correlation(-one, other) == pytest.approx(-found)
    assert rank_correlation(other, one) == pytest.approx(found)
    assert rank_correlation(other, other) == pytest.approx(1)


@given(st.lists(st.sampled_from("abcdeA"), min_size=1, max_size=30), st.integers(0, 9), st.randoms())
def test_control_numbers_expect_one_a_type_whatever_the_order(words: list[str], seed: int, random: Random) -> None:
    values = [float(at) for at in range(len(words))]
    found = control_numbers(words, values, seed=seed)
    assert set(found) <= set(values)
    assert len({(word, number) for word, number in zip(words, found, strict=True)}) == len(set(words))
    order = list(range(len(words)))
    random.shuffle(order)
    shuffled = control_numbers([words[i] for i in order], [values[i] for i in order], seed=seed)
    np.testing.assert_array_equal(shuffled, found[order])


def test_control_numbers_expect_the_values_as_often_as_they_stand_there() -> None:
    words, values = [f"w{i}" for i in range(4000)], [1.5] * 2800 + [9.0] * 1200
    assert np.mean(control_numbers(words, values, seed=0) == 1.5) == pytest.approx(0.7, abs=0.025)
    assert (control_numbers(words, values, seed=0) != control_numbers(words, values, seed=1)).any()


X, Y, T, DEV = _problem(0)
CALLS: list[tuple[Any, type[Exception]]] = [
    (lambda: read_by_ridge(X, Y[:, 0], T, in_dev=DEV, alphas=ALPHAS), ShapeError),
    (lambda: read_by_ridge(X, Y[:-1], T, in_dev=DEV, alphas=ALPHAS), ShapeError),
    (lambda: read_by_ridge(X, Y, T[:, :2], in_dev=DEV, alphas=ALPHAS), ShapeError),
    (lambda: read_by_ridge(X, Y, T, in_dev=DEV[:-1], alphas=ALPHAS), ShapeError),
    (lambda: read_by_ridge(X, Y, T, in_dev=DEV.astype(int), alphas=ALPHAS), ShapeError),
    (lambda: read_by_ridge(X, Y * np.inf, T, in_dev=DEV, alphas=ALPHAS), ShapeError),
    (lambda: read_by_ridge(X * np.nan, Y, T, in_dev=DEV, alphas=ALPHAS), ShapeError),
    (lambda: read_by_ridge(X, Y, T, in_dev=DEV & False, alphas=ALPHAS), NotEnoughData),
    (lambda: read_by_ridge(X, Y, T, in_dev=DEV | True, alphas=ALPHAS), NotEnoughData),
    (lambda: read_by_ridge(X, Y, T, in_dev=DEV, alphas=()), SpecInvalid),
    (lambda: read_by_ridge(X, Y, T, in_dev=DEV, alphas=(0.0,)), SpecInvalid),
    (lambda: rank_correlation([1.0, 2], [1.0]), ShapeError),
    (lambda: rank_correlation([1.0, np.nan], [1.0, 2]), ShapeError),
    (lambda: rank_correlation([1.0], [1.0]), NotEnoughData),
    (lambda: rank_correlation([1.0, 2], [3.0, 3]), NotEnoughData),
    (lambda: control_numbers(["a"], [], seed=0), ShapeError),
    (lambda: control_numbers([], [], seed=0), NotEnoughData),
]


@pytest.mark.parametrize(("call", "error"), CALLS)
def test_when_asked_wrongly_expect_a_message(call: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        call()
    assert all((raised.value.asked, raised.value.found, raised.value.do))  # type: ignore[attr-defined]
