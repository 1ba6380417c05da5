"""Crowding and joint PCA: known values, references and symmetries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import NotEnoughData, ShapeError
from core.maths.geometry import cross_group_pairs, joint_pca, mean_cosine, mean_cosine_interval
from core.maths.statistics import group_folds

FEW = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def _sides(seed: int, n: int = 30, width: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    spread = np.geomspace(5, 0.5, width)
    return rng.normal(size=(n, width)) * spread, rng.normal(size=(n + 4, width)) * spread + 2


@FEW
@given(seeds, st.floats(0.01, 100))
def test_mean_cosine_when_rotated_or_rows_scaled_expect_unchanged(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(20, 6))
    pairs = rng.integers(20, size=(50, 2))
    value = mean_cosine(X, pairs)
    turned = X @ np.linalg.qr(rng.normal(size=(6, 6)))[0] * scale * rng.uniform(0.5, 2, size=(20, 1))
    assert mean_cosine(turned, pairs) == pytest.approx(value, abs=1e-9)
    assert mean_cosine(X, pairs[:, ::-1]) == pytest.approx(value, abs=1e-12)
    assert -1 <= value <= 1
    assert mean_cosine(-X, pairs) == pytest.approx(value, abs=1e-12)


def test_mean_cosine_when_closed_form_expect_it() -> None:
    X = np.array([[1, 0], [0, 2], [-3, 0], [1, 1], [0, 0]])
    assert mean_cosine(X, [[0, 1]]) == 0
    assert mean_cosine(X, [[0, 2]]) == -1
    assert mean_cosine(X, [[0, 3], [0, 0]]) == pytest.approx((2**-0.5 + 1) / 2)
    assert mean_cosine(X, [[0, 4], [0, 0]]) == 0.5


@given(seeds, st.integers(8, 40), st.integers(2, 4))
def test_cross_group_pairs_expect_same_fold_other_group(seed: int, n_groups: int, n_folds: int) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(n_groups), rng.integers(1, 6, size=n_groups)))
    folds = group_folds(groups, n_folds=n_folds, seed=seed)
    pairs = cross_group_pairs(groups, folds, pairs_per_fold=30, seed=seed)
    assert len(pairs) == n_folds
    for fold, chosen in enumerate(pairs):
        assert chosen.shape == (30, 2)
        assert (folds[chosen] == fold).all()
        assert (groups[chosen[:, 0]] != groups[chosen[:, 1]]).all()


def test_cross_group_pairs_expect_every_pair_equally_likely() -> None:
    groups = np.array([7, 7, 7, 1, 4, 4])
    (pairs,) = cross_group_pairs(groups, np.zeros(6, int), pairs_per_fold=22_000, seed=0)
    counts = np.zeros((6, 6))
    np.add.at(counts, tuple(pairs.T), 1)
    allowed = groups[:, None] != groups
    assert (counts[~allowed] == 0).all()
    np.testing.assert_allclose(counts[allowed], 22_000 / allowed.sum(), rtol=0.15)


def test_mean_cosine_interval_expect_to_cover_the_truth() -> None:
    """A shifted Gaussian cone; words share their sentence's direction, so rows are not independent."""

    def rows(rng: np.random.Generator, n_sentences: int) -> tuple[np.ndarray, np.ndarray]:
        sentence = np.repeat(np.arange(n_sentences), 8)
        noise = rng.normal(size=(n_sentences, 16))[sentence] + 0.7 * rng.normal(size=(8 * n_sentences, 16))
        return 0.6 + noise, sentence

    X, _ = rows(np.random.default_rng(1), 30_000)
    one_a_sentence = np.arange(0, len(X), 8)
    unit = X[one_a_sentence] / np.linalg.norm(X[one_a_sentence], axis=1, keepdims=True)
    n = len(unit)
    truth = (np.sum(unit.sum(axis=0) ** 2) - n) / (n * (n - 1))
    found = [mean_cosine_interval(*rows(np.random.default_rng(100 + seed), 200), seed=seed) for seed in range(200)]
    assert 0.91 <= np.mean([estimate.low <= truth <= estimate.high for estimate in found]) <= 0.985
    assert (found[0].n, found[0].n_groups) == (10_000, 20)


def test_mean_cosine_interval_when_few_sentences_expect_fewer_folds() -> None:
    X = np.random.default_rng(0).normal(size=(30, 4))
    assert mean_cosine_interval(X, np.arange(30) // 3).n_groups == 5


@FEW
@given(seeds, st.sampled_from([8, 120]))
def test_joint_pca_expect_equal_to_svd(seed: int, width: int) -> None:
    base, tuned = _sides(seed, width=width)
    found = joint_pca(base, tuned)
    rows = np.concatenate([base, tuned])
    rows = rows - rows.mean(axis=0)
    u, s, _ = np.linalg.svd(rows, full_matrices=False)
    np.testing.assert_allclose(np.abs(np.concatenate([found.base, found.tuned])), np.abs(u[:, :2] * s[:2]), atol=1e-3)
    np.testing.assert_allclose(found.explained_share, s[:2] ** 2 / np.sum(s**2), rtol=1e-6)
    assert found.base.dtype == found.tuned.dtype == np.float32


@FEW
@given(seeds)
def test_joint_pca_when_rotated_expect_same_distances_and_swapped_expect_swapped(seed: int) -> None:
    base, tuned = _sides(seed)
    found, swapped = joint_pca(base, tuned), joint_pca(tuned, base)
    np.testing.assert_allclose(found.base, swapped.tuned, atol=1e-4)
    np.testing.assert_allclose(found.tuned, swapped.base, atol=1e-4)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(8, 8)))[0]
    turned = joint_pca(base @ turn, tuned @ turn)
    for one, other in ((found.base, turned.base), (found.tuned, turned.tuned)):
        apart, also = (np.linalg.norm(side[:, None] - side, axis=2) for side in (one, other))
        np.testing.assert_allclose(apart, also, atol=1e-3)


def test_joint_pca_expect_largest_loading_positive_and_three_axes_when_asked() -> None:
    base, tuned = _sides(0)
    found = joint_pca(base, tuned, n_components=3)
    rows = np.concatenate([base, tuned])
    loadings = np.linalg.lstsq(rows - rows.mean(axis=0), np.concatenate([found.base, found.tuned]), rcond=None)[0]
    assert found.base.shape == (30, 3)
    assert (loadings[np.abs(loadings).argmax(axis=0), range(3)] > 0).all()
    assert (np.diff(found.explained_share) < 0).all()


def test_geometry_when_asked_wrongly_expect_a_message() -> None:
    X = np.random.default_rng(0).normal(size=(12, 3))
    for wrong, error in (
        ([[0, 12]], ShapeError), ([[-1, 0]], ShapeError), ([0, 1], ShapeError), (np.zeros((0, 2), int), NotEnoughData),
    ):  # fmt: skip
        with pytest.raises(error):
            mean_cosine(X, wrong)
    with pytest.raises(ShapeError):
        mean_cosine(X * np.nan, [[0, 1]])
    with pytest.raises(ShapeError):
        mean_cosine_interval(X, np.arange(11))
    with pytest.raises(NotEnoughData):
        mean_cosine_interval(X, np.arange(12) // 4)
    with pytest.raises(NotEnoughData):
        cross_group_pairs(np.zeros(4), np.zeros(4), pairs_per_fold=3, seed=0)
    with pytest.raises(NotEnoughData):
        cross_group_pairs(np.arange(4), np.zeros(4), pairs_per_fold=0, seed=0)
    with pytest.raises(ShapeError):
        cross_group_pairs(np.arange(4), np.zeros(3), pairs_per_fold=3, seed=0)
    with pytest.raises(ShapeError):
        joint_pca(X, X[:, :2])
    with pytest.raises(ShapeError):
        joint_pca(X, X * np.inf)
    with pytest.raises(NotEnoughData):
        joint_pca(np.ones((5, 3)), np.ones((5, 3)))
    with pytest.raises(NotEnoughData):
        joint_pca(X, X, n_components=4)
