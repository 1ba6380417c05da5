"""Principal components, exact neighbours and trustworthiness against scikit-learn; maps laid on each other against SciPy."""

import numpy as np
import pytest
from scipy.spatial import procrustes
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness as reference
from sklearn.neighbors import NearestNeighbors

from core.maths.projection import exact_knn, pca, procrustes_align, trustworthiness, unit_rows


def _clouds(n: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(5, width)) * 3)[rng.integers(0, 5, n)] + rng.normal(size=(n, width))


@pytest.mark.parametrize(("n", "width", "k", "shift"), [(300, 20, 15, 0), (2500, 50, 15, 200), (40, 3, 40, 0)])
def test_neighbours_expect_scikit_learn(
    n: int, width: int, k: int, shift: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.maths.exact_neighbours.BLOCK_BYTES", 4 * n * 97)  # several blocks, the last short
    X = (_clouds(n, width) + shift).astype(np.float32)
    indices, distances = exact_knn(X, k)
    theirs, _ = NearestNeighbors(n_neighbors=k - 1, algorithm="brute").fit(X.astype(np.float64)).kneighbors()
    assert (indices.dtype, distances.dtype, indices.shape) == (np.int32, np.float32, (n, k))
    np.testing.assert_array_equal(indices[:, 0], np.arange(n))
    assert (distances[:, 0] == 0).all()
    assert (np.diff(distances, axis=1) >= 0).all()
    np.testing.assert_allclose(distances[:, 1:], theirs, rtol=1e-4)
    assert all(len(set(row)) == k for row in indices.tolist())


def test_cosine_neighbours_expect_scikit_learn() -> None:
    X = _clouds(400, 30).astype(np.float32) + 2
    indices, distances = exact_knn(X, 10, metric="cosine")
    theirs = NearestNeighbors(n_neighbors=10, metric="cosine", algorithm="brute").fit(X.astype(np.float64))
    expected = theirs.kneighbors(X.astype(np.float64), return_distance=False)
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(indices, expected, strict=True)]) > 0.999
    np.testing.assert_array_equal(indices[:, 1:5], exact_knn(unit_rows(X), 10)[0][:, 1:5])
    theirs_apart, _ = theirs.kneighbors(X.astype(np.float64))
    np.testing.assert_allclose(distances[:, 1:], theirs_apart[:, 1:], atol=1e-5)


@pytest.mark.parametrize(("n", "k"), [(60, 5), (700, 15)])
def test_trustworthiness_expect_scikit_learn(n: int, k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.maths.exact_neighbours.BLOCK_BYTES", 8 * n * 53)
    X = _clouds(n, 12)
    for drawn in (X[:, :2], np.random.default_rng(1).normal(size=(n, 2)), X):
        assert trustworthiness(X, drawn, k=k) == pytest.approx(reference(X, drawn, n_neighbors=k), abs=1e-12)


@pytest.mark.parametrize(("n", "width"), [(300, 12), (20, 60)])
def test_principal_components_expect_scikit_learn_up_to_the_sign_that_the_rule_fixes(n: int, width: int) -> None:
    X = _clouds(n, width)
    scores, ratio = pca(X, 4)
    theirs = PCA(4, svd_solver="full").fit(X)
    np.testing.assert_allclose(ratio, theirs.explained_variance_ratio_, rtol=1e-6)
    largest = theirs.components_[np.arange(4), np.abs(theirs.components_).argmax(axis=1)]
    np.testing.assert_allclose(scores, theirs.transform(X) * np.sign(largest), atol=1e-4)


def test_a_map_laid_on_another_expect_scipy() -> None:
    rng = np.random.default_rng(0)
    fixed, moving = rng.normal(size=(50, 2)), rng.normal(size=(50, 2)) * 3 + 7
    aligned = procrustes_align(moving, fixed)
    centred = fixed - fixed.mean(axis=0)
    left = np.sum((aligned - fixed) ** 2) / np.sum(centred**2)
    assert left == pytest.approx(procrustes(fixed, moving)[2])
