"""Isotropy and intrinsic dimension: closed forms, the published algorithms written out, and what leaves them unchanged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths import geometry
from core.maths.isotropy import (
    component_share,
    intrinsic_dimension,
    intrinsic_dimension_left_out,
    isoscore,
    isoscore_left_out,
    log10_partition_isotropy,
    log10_partition_left_out,
    partition_isotropy,
    top_share_left_out,
)

FEW = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def _rows(seed: int, n: int = 60, width: int = 6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, width)) * np.geomspace(3, 0.3, width) + rng.normal(size=width)


def _turn(seed: int, width: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0]


def _published_isoscore(X: np.ndarray) -> float:
    """Algorithm 1 of Rudman et al. (2022), step by step."""
    d = X.shape[1]
    centred = X - X.mean(axis=0)
    rotated = centred @ np.linalg.svd(centred, full_matrices=False)[2].T
    variances = np.diag(np.cov(rotated.T))
    scaled = np.sqrt(d) * variances / np.linalg.norm(variances)
    defect = np.linalg.norm(scaled - 1) / np.sqrt(2 * (d - np.sqrt(d)))
    used = (d - defect**2 * (d - np.sqrt(d))) ** 2 / d**2
    return float((d * used - 1) / (d - 1))


def _published_partition(X: np.ndarray) -> float:
    """Mu & Viswanath (2018) with both signs, in powers of ten."""
    axes = np.linalg.eigh(X.T @ X)[1]
    found = [logsumexp(sign * X @ axis) for axis in axes.T for sign in (1, -1)]
    return (min(found) - max(found)) / np.log(10)


def _published_two_nn(X: np.ndarray) -> float:
    """Facco et al. (2017), by all distances."""
    apart = np.sort(cdist(np.unique(X, axis=0), np.unique(X, axis=0)), axis=1)
    ratios = np.sort(apart[:, 2] / apart[:, 1])
    n = len(ratios)
    share = np.arange(1, n + 1) / n
    keep = int(n * 0.9)
    x, y = np.log(ratios[:keep]), -np.log(1 - share[:keep])
    return float(np.linalg.lstsq(x[:, None], y, rcond=None)[0][0])


@FEW
@given(seeds, st.integers(2, 12))
def test_isoscore_expect_the_published_algorithm(seed: int, width: int) -> None:
    X = _rows(seed, width=width)
    assert isoscore(X) == pytest.approx(_published_isoscore(X), abs=1e-9)


@FEW
@given(seeds, st.floats(0.01, 100))
def test_isoscore_and_component_share_when_rotated_scaled_or_shifted_expect_unchanged(seed: int, scale: float) -> None:
    X = _rows(seed)
    other = scale * X @ _turn(seed, 6) + 5
    assert isoscore(other) == pytest.approx(isoscore(X), abs=1e-9)
    assert component_share(other) == pytest.approx(component_share(X), abs=1e-9)
    assert intrinsic_dimension(other) == pytest.approx(intrinsic_dimension(X), rel=1e-6)


@pytest.mark.parametrize("k", [1, 2, 5, 10])
def test_isoscore_when_k_of_ten_directions_vary_alike_expect_k_less_one_of_nine(k: int) -> None:
    """The closed form of the paper: k equal variances and none elsewhere score (k - 1) / (d - 1)."""
    corners = np.concatenate([np.eye(10)[:k], -np.eye(10)[:k]])
    assert isoscore(np.tile(corners, (10, 1)) @ _turn(0, 10)) == pytest.approx((k - 1) / 9, abs=1e-12)


def test_isoscore_of_round_gaussians_expect_near_one_and_of_few_rows_the_stated_bias() -> None:
    rng = np.random.default_rng(0)
    assert isoscore(rng.normal(size=(20_000, 20))) > 0.99
    assert isoscore(rng.normal(size=(400, 200))) == pytest.approx(400 / 600, abs=0.02)


def test_partition_isotropy_of_round_gaussians_expect_near_one_and_of_a_cone_near_zero() -> None:
    rng = np.random.default_rng(0)
    assert 0.9 < partition_isotropy(0.3 * rng.normal(size=(20_000, 10))) <= 1
    assert partition_isotropy(rng.normal(size=(500, 10)) + 3) < 1e-6


@FEW
@given(seeds)
def test_partition_isotropy_expect_both_signs_of_the_published_sum_and_no_effect_of_rotation(seed: int) -> None:
    X = _rows(seed)
    value = log10_partition_isotropy(X)
    assert value == pytest.approx(_published_partition(X), abs=1e-4)
    assert value <= 0
    assert partition_isotropy(X) == pytest.approx(10**value)
    assert log10_partition_isotropy(X @ _turn(seed, 6)) == pytest.approx(value, abs=1e-4)
    assert log10_partition_isotropy(-X) == pytest.approx(value, abs=1e-4)


def test_partition_isotropy_when_rows_are_long_expect_a_number() -> None:
    X = 2000 * (_rows(0) + 2)
    assert np.isfinite(log10_partition_isotropy(X))
    assert partition_isotropy(X) == 0.0


@pytest.mark.parametrize(("d", "least", "most"), [(1, 0.9, 1.1), (2, 1.85, 2.15), (5, 4.4, 5.3)])
def test_intrinsic_dimension_of_a_ball_laid_into_twenty_dimensions_expect_its_own(
    d: int, least: float, most: float
) -> None:
    rng = np.random.default_rng(1)
    ball = rng.normal(size=(2000, d))
    ball *= rng.uniform(size=(2000, 1)) ** (1 / d) / np.linalg.norm(ball, axis=1, keepdims=True)
    assert least < intrinsic_dimension(ball @ rng.normal(size=(d, 20))) < most


@FEW
@given(seeds, st.integers(1, 8))
def test_intrinsic_dimension_expect_the_published_fit_and_equal_rows_counted_once(seed: int, width: int) -> None:
    X = _rows(seed, width=width)
    value = intrinsic_dimension(X)
    assert value == pytest.approx(_published_two_nn(X), rel=1e-9)
    assert intrinsic_dimension(np.concatenate([X, X[:20]])) == pytest.approx(value, rel=1e-12)


def test_intrinsic_dimension_far_from_the_origin_expect_no_loss_of_digits() -> None:
    X = _rows(0)
    assert intrinsic_dimension(X + 1e6) == pytest.approx(intrinsic_dimension(X), rel=1e-3)


@pytest.mark.parametrize("width", [5, 40])
def test_values_with_a_fold_left_out_expect_those_of_the_rows_kept(width: int) -> None:
    X = _rows(3, n=200, width=width)
    X[:10] = X[190:]  # equal rows in two folds: they stay whichever is left out
    folds = np.arange(200) // 50
    kept = [X, *(X[folds != k] for k in range(4))]
    np.testing.assert_allclose(isoscore_left_out(X, folds), [isoscore(rows) for rows in kept], atol=1e-10)
    np.testing.assert_allclose(top_share_left_out(X, folds), [component_share(rows) for rows in kept], atol=1e-8)
    np.testing.assert_allclose(
        log10_partition_left_out(X, folds), [log10_partition_isotropy(rows) for rows in kept], atol=1e-4
    )
    found = intrinsic_dimension_left_out(X, folds)
    np.testing.assert_allclose(found, [intrinsic_dimension(rows) for rows in kept], rtol=1e-9)


def test_component_share_expect_eigenvalues_of_the_covariance() -> None:
    X = _rows(5)
    variances = np.sort(np.linalg.eigvalsh(np.cov(X.T)))[::-1]
    for k in (1, 3, 6):
        assert component_share(X, n_components=k) == pytest.approx(variances[:k].sum() / variances.sum())


def test_share_of_the_first_axis_when_rows_are_fewer_than_dimensions_expect_an_answer_and_the_stated_bias() -> None:
    X, folds = np.random.default_rng(0).normal(size=(100, 384)), np.arange(100) // 5
    found = top_share_left_out(X, folds)
    np.testing.assert_allclose(found[:3], [component_share(rows) for rows in (X, X[5:], X[folds != 1])], atol=1e-8)
    assert found[0] == pytest.approx(0.023, abs=0.001)
    with pytest.raises(NotEnoughData, match="100 rows of 384"):
        isoscore_left_out(X, folds)
    square = np.random.default_rng(1).normal(size=(384, 384))
    assert component_share(square) == pytest.approx(4 / 384, rel=0.05)


def test_geometry_names_them_too() -> None:
    assert geometry.isoscore is isoscore
    assert geometry.partition_isotropy is partition_isotropy
    assert geometry.intrinsic_dimension is intrinsic_dimension


@pytest.mark.parametrize("measure", [isoscore, partition_isotropy, intrinsic_dimension, component_share])
def test_isotropy_when_asked_wrongly_expect_a_message(measure) -> None:
    X = _rows(0)
    with pytest.raises(ShapeError, match="shape"):
        measure(X[0])
    with pytest.raises(ShapeError, match="finite"):
        measure(X * np.nan)
    with pytest.raises(NotEnoughData, match="3 rows"):
        measure(X[:3])
    with pytest.raises(NotEnoughData, match="equal"):
        measure(np.full((30, 6), 0.1))


def test_isotropy_of_too_little_expect_a_message() -> None:
    X = _rows(0)
    with pytest.raises(NotEnoughData, match="6 rows of 6 dimensions"):
        isoscore(X[:6])
    with pytest.raises(ShapeError, match="one dimension"):
        isoscore(X[:, :1])
    with pytest.raises(NotEnoughData, match="3 distinct"):
        intrinsic_dimension(np.tile(X[:3], (5, 1)))
    with pytest.raises(NotEnoughData, match="equally far"):
        intrinsic_dimension(np.eye(6))
    for odd in (0, 7):
        with pytest.raises(SpecInvalid):
            component_share(X, n_components=odd)
    for left_out in (isoscore_left_out, top_share_left_out, log10_partition_left_out, intrinsic_dimension_left_out):
        with pytest.raises(ShapeError, match="fold"):
            left_out(X, np.zeros(5))
    for left_out in (isoscore_left_out, top_share_left_out):
        with pytest.raises(NotEnoughData, match="2 rows are left"):
            left_out(X[:20], np.array([0] * 18 + [1] * 2))
