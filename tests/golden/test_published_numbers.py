"""Recomputed numbers for linear CKA and RSA, and debiased CKA against a plain n x n implementation."""

import numpy as np
import pytest

from core.maths.similarity import linear_cka, rsa


def _published() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    g = np.random.default_rng(0)
    X = g.normal(size=(50, 10))
    Y = X + 0.5 * g.normal(size=(50, 10))
    return X, Y, np.linalg.qr(g.normal(size=(10, 10)))[0]


def test_measures_when_noise_is_added_expect_published_values() -> None:
    X, Y, _ = _published()
    assert linear_cka(X, Y) == pytest.approx(0.845248, abs=5e-7)
    assert rsa(X, Y) == pytest.approx(0.811718, abs=5e-7)


def test_measures_when_rotated_and_scaled_expect_one() -> None:
    X, _, Q = _published()
    assert linear_cka(X, 3 * X @ Q) == pytest.approx(1, abs=1e-12)
    assert rsa(X, 3 * X @ Q) == pytest.approx(1, abs=1e-12)


def test_measures_when_shifted_expect_cka_one_and_rsa_less() -> None:
    X, _, _ = _published()
    assert linear_cka(X, X + 5) == pytest.approx(1, abs=1e-12)
    assert rsa(X, X + 5) == pytest.approx(0.603115, abs=5e-7)


def _u_centred(X: np.ndarray) -> np.ndarray:
    """Gram matrix, diagonal removed, U-centred entry by entry (Szekely & Rizzo 2014)."""
    K = X @ X.T
    np.fill_diagonal(K, 0)
    n = len(K)
    rows, columns = K.sum(axis=1, keepdims=True), K.sum(axis=0, keepdims=True)
    centred = K - rows / (n - 2) - columns / (n - 2) + K.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(centred, 0)
    return centred


def _song_hsic(X: np.ndarray, Y: np.ndarray) -> float:
    """Song et al. (2012), equation 5, as printed."""
    K, L = X @ X.T, Y @ Y.T
    np.fill_diagonal(K, 0)
    np.fill_diagonal(L, 0)
    n, one = len(K), np.ones(len(K))
    middle = (one @ K @ one) * (one @ L @ one) / ((n - 1) * (n - 2))
    return (np.trace(K @ L) + middle - 2 / (n - 2) * (one @ K @ L @ one)) / (n * (n - 3))


@pytest.mark.parametrize("shape", [(50, 10, 10), (12, 40, 7), (300, 5, 60), (4, 3, 3)])
def test_debiased_cka_expect_textbook_implementations(shape: tuple[int, ...]) -> None:
    g = np.random.default_rng(5)
    X = g.normal(size=shape[:2]) + 2
    Y = X @ g.normal(size=(shape[1], shape[2])) + g.normal(size=(shape[0], shape[2]))
    found = linear_cka(X, Y, debiased=True)
    K, L = _u_centred(X), _u_centred(Y)
    assert found == pytest.approx(np.sum(K * L) / np.sqrt(np.sum(K * K) * np.sum(L * L)), abs=1e-10)
    assert found == pytest.approx(_song_hsic(X, Y) / np.sqrt(_song_hsic(X, X) * _song_hsic(Y, Y)), abs=1e-10)
