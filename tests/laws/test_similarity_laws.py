"""Invariances that the similarity measures declare, and what must not be invariant."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import NotEnoughData, ShapeError, SpecInvalid, TunescopeError
from core.maths.similarity import (
    cka_jackknife,
    cka_matrix,
    layer_similarity,
    linear_cka,
    rsa,
    rsa_jackknife,
    rsa_matrix,
)
from core.maths.statistics import group_folds

FEW = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)
shapes = st.tuples(st.integers(6, 40), st.integers(2, 30), st.integers(2, 30))


def _pair(seed: int, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n, width, other = shape
    X = rng.normal(size=(n, width))
    return X, X @ rng.normal(size=(width, other)) + 0.5 * rng.normal(size=(n, other))


def _rotation(width: int, seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0]


@FEW
@given(seeds, shapes, st.booleans(), st.floats(0.01, 100), st.floats(-50, 50))
def test_cka_when_rotated_scaled_shifted_expect_unchanged(
    seed: int, shape: tuple[int, int, int], debiased: bool, scale: float, shift: float
) -> None:
    X, Y = _pair(seed, shape)
    moved = scale * X @ _rotation(X.shape[1], seed) + shift
    assert linear_cka(moved, Y, debiased=debiased) == pytest.approx(linear_cka(X, Y, debiased=debiased), abs=1e-9)


@FEW
@given(seeds, shapes, st.booleans())
def test_cka_expect_symmetric_one_with_itself_and_in_range(
    seed: int, shape: tuple[int, int, int], debiased: bool
) -> None:
    X, Y = _pair(seed, shape)
    value = linear_cka(X, Y, debiased=debiased)
    assert value == pytest.approx(linear_cka(Y, X, debiased=debiased), abs=1e-12)
    assert linear_cka(X, X.copy(), debiased=debiased) == pytest.approx(1, abs=1e-12)
    assert (-1 if debiased else 0) <= value <= 1


@FEW
@given(seeds, shapes, st.booleans())
def test_cka_when_rows_reordered_alike_expect_unchanged(seed: int, shape: tuple[int, int, int], debiased: bool) -> None:
    X, Y = _pair(seed, shape)
    order = np.random.default_rng(seed).permutation(len(X))
    assert linear_cka(X[order], Y[order], debiased=debiased) == pytest.approx(
        linear_cka(X, Y, debiased=debiased), abs=1e-9
    )


def test_cka_when_spaces_unrelated_expect_debiased_near_zero_and_plain_inflated() -> None:
    rng = np.random.default_rng(0)
    plain, debiased = [], []
    for _ in range(60):
        X, Y = rng.normal(size=(40, 80)), rng.normal(size=(40, 80))
        plain.append(linear_cka(X, Y))
        debiased.append(linear_cka(X, Y, debiased=True))
    assert abs(np.mean(debiased)) < 3 * np.std(debiased) / np.sqrt(60) + 1e-3
    assert min(debiased) < 0
    assert np.mean(plain) > 0.6


def test_cka_when_float32_far_from_origin_expect_float64_answer() -> None:
    rng = np.random.default_rng(1)
    X = (rng.normal(size=(3000, 6)) + 300).astype(np.float32)
    Y = (X + rng.normal(size=X.shape)).astype(np.float32)
    assert linear_cka(X, Y) == pytest.approx(
        linear_cka(X.astype(np.float64) - 300, Y.astype(np.float64) - 300), abs=1e-9
    )


@FEW
@given(seeds, st.tuples(st.integers(24, 60), st.integers(2, 40), st.integers(2, 40)), st.booleans(), st.floats(0, 100))
def test_cka_jackknife_expect_equal_to_leaving_rows_out(
    seed: int, shape: tuple[int, int, int], debiased: bool, shift: float
) -> None:
    X, Y = _pair(seed, shape)
    rng = np.random.default_rng(seed)
    sentence = rng.permutation(np.arange(len(X)) % 9)
    folds = group_folds(sentence, n_folds=6)
    X = X + shift + rng.normal(size=(9, X.shape[1]))[sentence]
    found = cka_jackknife(X, Y, folds, debiased=debiased)
    left = np.array([linear_cka(X[folds != f], Y[folds != f], debiased=debiased) for f in np.unique(folds)])
    g = len(left)
    assert found.value == pytest.approx(linear_cka(X, Y, debiased=debiased), abs=1e-12)
    assert found.standard_error == pytest.approx(np.sqrt((g - 1) / g * np.sum((left - left.mean()) ** 2)), abs=1e-9)
    assert (found.n, found.n_groups) == (len(X), g)


@pytest.mark.parametrize("width", [5, 200], ids=["features", "gram"])
@pytest.mark.parametrize("debiased", [True, False])
def test_cka_fold_values_expect_equal_to_leaving_rows_out_one_by_one(width: int, debiased: bool) -> None:
    from core.maths.sides import centred_pair
    from core.maths.similarity import _cka

    X, Y = _pair(3, (60, width, width + 1))
    folds = np.arange(60) % 5
    removed = folds[:, None] == np.arange(5)
    kept = np.concatenate([np.ones((60, 1)), ~removed], axis=1)
    values = _cka(*centred_pair(X, Y, ""), removed.astype(float), kept, debiased)
    left = [linear_cka(X[folds != f], Y[folds != f], debiased=debiased) for f in range(5)]
    np.testing.assert_allclose(values[1:], left, atol=1e-9, rtol=0)


@pytest.mark.parametrize("shape", [(40, 60), (400, 12)], ids=["gram", "features"])
@pytest.mark.parametrize("debiased", [True, False])
def test_cka_matrix_expect_equal_to_pairs(
    shape: tuple[int, int], debiased: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.maths.similarity._BLOCK_BYTES", 8 * 5 * shape[0] * 17)  # several blocks, the last short
    rng = np.random.default_rng(0)
    base = [rng.normal(size=shape).astype(np.float32) + layer for layer in range(3)]
    tuned = [base[0] + rng.normal(size=shape), rng.normal(size=(shape[0], shape[1] + 3))]
    steps: list[tuple[int, int]] = []
    found = cka_matrix(base, tuned, debiased=debiased, on_step=lambda *step: steps.append(step))
    expected = layer_similarity(base, tuned, lambda X, Y: linear_cka(X, Y, debiased=debiased))
    assert found.shape == (3, 2)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert steps == sorted(steps)
    assert len(steps) > 2
    assert steps[-1][0] == steps[-1][1]
    np.testing.assert_allclose(cka_matrix(base, tuned, debiased=debiased), expected, atol=1e-9)


def test_cka_matrix_when_step_raises_expect_it_to_end() -> None:
    def stop(done: int, total: int) -> None:
        raise InterruptedError

    layer = np.random.default_rng(0).normal(size=(20, 5))
    with pytest.raises(InterruptedError):
        cka_matrix([layer], [layer], on_step=stop)


@FEW
@given(seeds, shapes, st.sampled_from(["cosine", "euclidean"]), st.booleans(), st.floats(0.01, 100))
def test_rsa_when_rotated_and_scaled_expect_unchanged(
    seed: int, shape: tuple[int, int, int], metric: str, centred: bool, scale: float
) -> None:
    X, Y = _pair(seed, shape)
    moved = scale * X @ _rotation(X.shape[1], seed)
    first, second = (rsa(side, Y, metric=metric, centred=centred) for side in (X, moved))
    assert first == pytest.approx(second, abs=1e-8)
    assert first == pytest.approx(rsa(Y, X, metric=metric, centred=centred), abs=1e-9)
    assert -1 <= first <= 1
    assert rsa(X, X, metric=metric, centred=centred) == pytest.approx(1, abs=1e-12)


@FEW
@given(seeds, shapes)
def test_rsa_when_shifted_expect_only_centred_and_euclidean_unchanged(seed: int, shape: tuple[int, int, int]) -> None:
    X, Y = _pair(seed, shape)
    assert rsa(X + 5, Y, centred=True) == pytest.approx(rsa(X, Y, centred=True), abs=1e-8)
    assert rsa(X + 5, Y, metric="euclidean") == pytest.approx(rsa(X, Y, metric="euclidean"), abs=1e-8)
    assert abs(rsa(X + 5, X) - 1) > 1e-4


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "correlation"])
def test_rsa_when_more_rows_than_a_block_expect_scipy(metric: str) -> None:
    from scipy.spatial.distance import pdist

    X, Y = _pair(0, (1500, 7, 9))
    expected = np.corrcoef(pdist(X, metric), pdist(Y, metric))[0, 1]
    assert rsa(X, Y, metric=metric) == pytest.approx(expected, abs=1e-10)


def test_rsa_when_rows_are_limited_expect_seeded_subsample() -> None:
    X, Y = _pair(0, (300, 7, 9))
    some = rsa(X, Y, max_rows=50, seed=1)
    assert some == rsa(X, Y, max_rows=50, seed=1) != rsa(X, Y, max_rows=50, seed=2)
    assert rsa(X, Y, max_rows=300) == rsa(X, Y)


@FEW
@given(
    seeds,
    st.tuples(st.integers(24, 60), st.integers(2, 40), st.integers(2, 40)),
    st.sampled_from(["cosine", "euclidean", "correlation"]),
)
def test_rsa_jackknife_expect_equal_to_leaving_rows_out(seed: int, shape: tuple[int, int, int], metric: str) -> None:
    X, Y = _pair(seed, (shape[0], shape[1] + 1, shape[2] + 1))
    rng = np.random.default_rng(seed)
    sentence = rng.permutation(np.arange(len(X)) % 9)
    folds = group_folds(sentence, n_folds=6)
    X = X + rng.normal(size=(9, X.shape[1]))[sentence]
    found = rsa_jackknife(X, Y, folds, metric=metric)
    left = np.array([rsa(X[folds != f], Y[folds != f], metric=metric) for f in np.unique(folds)])
    g = len(left)
    assert found.value == pytest.approx(rsa(X, Y, metric=metric), abs=1e-10)
    assert found.standard_error == pytest.approx(np.sqrt((g - 1) / g * np.sum((left - left.mean()) ** 2)), abs=1e-8)
    assert (found.n, found.n_groups) == (len(X), g)
    assert found.low <= found.value <= found.high


@FEW
@given(seeds, st.floats(0.01, 100))
def test_rsa_jackknife_when_rotated_scaled_reordered_swapped_expect_unchanged(seed: int, scale: float) -> None:
    X, Y = _pair(seed, (40, 7, 9))
    folds = np.arange(40) % 5
    found = rsa_jackknife(X, Y, folds)
    order = np.random.default_rng(seed).permutation(40)
    for other in (
        rsa_jackknife(scale * X @ _rotation(7, seed), Y, folds),
        rsa_jackknife(Y, X, folds),
        rsa_jackknife(X[order], Y[order], folds[order]),
        rsa_jackknife(X, Y, 7 - 3 * folds),
    ):
        assert other.value == pytest.approx(found.value, abs=1e-9)
        assert other.standard_error == pytest.approx(found.standard_error, abs=1e-9)
    same = rsa_jackknife(X, X.copy(), folds)
    assert (same.value, same.low, same.high) == pytest.approx((1, 1, 1), abs=1e-9)


def test_rsa_jackknife_when_float32_far_from_origin_expect_float64_answer() -> None:
    X, Y = _pair(0, (200, 6, 6))
    X, Y = (X + 300).astype(np.float32), (Y + 300).astype(np.float32)
    folds = np.arange(200) % 20
    exact = rsa_jackknife(X.astype(np.float64), Y.astype(np.float64), folds)
    found = rsa_jackknife(X, Y, folds)
    assert (found.value, found.low) == pytest.approx((exact.value, exact.low), abs=1e-12)
    assert found.value == pytest.approx(rsa(X, Y), abs=1e-6)


def test_rsa_matrix_expect_equal_to_pairs() -> None:
    rng = np.random.default_rng(0)
    base = [rng.normal(size=(50, 12)).astype(np.float32) + layer for layer in range(3)]
    tuned = [base[0] + rng.normal(size=(50, 12)), rng.normal(size=(50, 15))]
    steps: list[tuple[int, int]] = []
    found = rsa_matrix(base, tuned, on_step=lambda *step: steps.append(step))
    np.testing.assert_allclose(found, layer_similarity(base, tuned, rsa), atol=1e-10)
    assert steps == [(i, 5) for i in range(1, 6)]


GOOD = np.random.default_rng(0).normal(size=(12, 3))
BAD: list[tuple[str, Any, Any, type[TunescopeError]]] = [
    ("other rows", GOOD, GOOD[:-1], ShapeError),
    ("vector", GOOD[:, 0], GOOD, ShapeError),
    ("no columns", GOOD[:, :0], GOOD, ShapeError),
    ("not a number", GOOD, np.where(GOOD > 1, np.nan, GOOD), ShapeError),
    ("infinite", np.where(GOOD > 1, np.inf, GOOD), GOOD, ShapeError),
    ("three rows", GOOD[:3], GOOD[:3], NotEnoughData),
    ("constant", np.full((12, 3), np.float32(0.1)), GOOD, NotEnoughData),
    ("constant right", GOOD, np.full((12, 2), 7), NotEnoughData),
]


@pytest.mark.parametrize(("X", "Y", "error"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_measures_when_arrays_do_not_fit_expect_a_message(X: Any, Y: Any, error: type[TunescopeError]) -> None:
    for measure in (
        linear_cka,
        rsa,
        lambda X, Y: linear_cka(X, Y, debiased=True),
        lambda X, Y: cka_matrix([X], [Y]),
        lambda X, Y: cka_jackknife(X, Y, np.arange(len(X)) % 4),
        lambda X, Y: rsa_jackknife(X, Y, np.arange(len(X)) % 4),
        lambda X, Y: rsa_matrix([X], [Y]),
    ):
        with pytest.raises(error) as caught:
            measure(X, Y)
        assert caught.value.found
        assert caught.value.do


def test_measures_when_all_rows_equally_far_apart_expect_not_enough_data() -> None:
    with pytest.raises(NotEnoughData):
        linear_cka(np.eye(8), GOOD[:8], debiased=True)
    with pytest.raises(NotEnoughData):
        cka_matrix([np.eye(8)], [GOOD[:8]])
    with pytest.raises(NotEnoughData):
        rsa(np.eye(8), GOOD[:8])
    with pytest.raises(NotEnoughData):
        rsa_matrix([np.eye(8)], [GOOD[:8]])
    with pytest.raises(NotEnoughData):
        rsa_jackknife(np.eye(8), GOOD[:8], np.arange(8) % 2)


def test_measures_when_asked_wrongly_expect_a_message() -> None:
    lonely = np.where(np.arange(12) < 4, np.arange(12), 99)[:, None] * np.ones(3)
    with pytest.raises(NotEnoughData):  # all variance in the fold that leaves
        cka_jackknife(lonely, GOOD, (np.arange(12) >= 4).astype(int))
    with pytest.raises(NotEnoughData):
        cka_jackknife(GOOD, GOOD, np.zeros(12, int))
    with pytest.raises(NotEnoughData):
        cka_jackknife(GOOD[:6], GOOD[:6], np.array([0, 0, 0, 1, 1, 1]))
    with pytest.raises(ShapeError):
        cka_jackknife(GOOD, GOOD, np.arange(11))
    with pytest.raises(NotEnoughData):
        rsa_jackknife(GOOD, GOOD, np.zeros(12, int))
    with pytest.raises(ShapeError):
        rsa_jackknife(GOOD, GOOD, np.arange(11))
    with pytest.raises(SpecInvalid):
        rsa_jackknife(GOOD, GOOD, np.arange(12) % 3, metric="manhattan")
    with pytest.raises(ShapeError):
        rsa_matrix([], [GOOD])
    with pytest.raises(ShapeError):
        cka_matrix([], [GOOD])
    with pytest.raises(ShapeError):
        layer_similarity([GOOD], [], linear_cka)
    with pytest.raises(SpecInvalid):
        rsa(GOOD, GOOD, metric="manhattan")
    with pytest.raises(NotEnoughData):
        rsa(GOOD, GOOD, max_rows=3)
