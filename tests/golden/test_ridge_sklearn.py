"""Ridge regression, the choice of its penalty and rank correlation against scikit-learn and scipy."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from core.maths.simple_readers import rank_correlation, read_by_ridge, ridge

ALPHAS = (0.1, 1.0, 30.0, 1e3, 1e5)


def _problem(n: int, width: int, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n + width)
    scale = rng.uniform(0.2, 5, width)
    X, T = (rng.normal(size=(rows, width)) * scale + 2 for rows in (n, 50))
    weights = rng.normal(size=(width, 2)) / scale[:, None]
    return X, X @ weights + noise * rng.normal(size=(n, 2)) - 4, T, np.arange(n) % 4 == 0


@pytest.mark.parametrize(("n", "width"), [(40, 90), (300, 20)])
def test_ridge_expect_scikit_learn_to_six_digits(n: int, width: int) -> None:
    X, Y, T, _ = _problem(n, width, 1.0)
    found = ridge(X, Y, alpha=ALPHAS)
    for at, alpha in enumerate(ALPHAS):
        model = Ridge(alpha=alpha).fit(X, Y)
        np.testing.assert_allclose(found.coef[at], model.coef_, atol=1e-6)
        np.testing.assert_allclose(found.intercept[at], model.intercept_, atol=1e-6)
        np.testing.assert_allclose(found.predict(T)[at], model.predict(T), atol=1e-6)


@pytest.mark.parametrize(("n", "width"), [(40, 90), (300, 20)])
@pytest.mark.parametrize("noise", [0.1, 3.0, 30.0])
def test_the_chosen_penalty_and_its_answers_expect_a_grid_search(n: int, width: int, noise: float) -> None:
    X, Y, T, dev = _problem(n, width, noise)
    told, alphas = read_by_ridge(X, Y, T, in_dev=dev, alphas=ALPHAS)
    for at in (0, 1):
        search = GridSearchCV(
            make_pipeline(StandardScaler(), Ridge()),
            {"ridge__alpha": ALPHAS},
            scoring="neg_mean_squared_error",
            cv=PredefinedSplit(np.where(dev, 0, -1)),
        ).fit(X, Y[:, at])
        assert alphas[at] == search.best_params_["ridge__alpha"]
        np.testing.assert_allclose(told[:, at], search.predict(T), atol=2e-5 * max(1, noise))  # features are float32


def test_the_chosen_penalty_expect_ridge_cv_where_features_have_one_unit() -> None:
    X, Y, T, dev = _problem(200, 30, 20.0)
    # One unit, by the rows that are fitted on and by all: then standardising changes nothing.
    X = np.concatenate([X[~dev], X[dev]])
    inner = X[: (~dev).sum()]
    X[: len(inner)] = (inner - inner.mean(axis=0)) / inner.std(axis=0)
    outer = X[len(inner) :]
    X[len(inner) :] = (outer - outer.mean(axis=0)) / outer.std(axis=0)
    Y, in_dev = np.concatenate([Y[~dev], Y[dev]]), np.arange(200) >= len(inner)
    model = RidgeCV(ALPHAS, cv=PredefinedSplit(np.where(in_dev, 0, -1))).fit(X, Y[:, 0])
    told, alphas = read_by_ridge(X, Y[:, :1], T, in_dev=in_dev, alphas=ALPHAS)
    assert alphas[0] == model.alpha_
    np.testing.assert_allclose(told[:, 0], model.predict(T), atol=1e-3)


@pytest.mark.parametrize("n", [5, 200])
def test_rank_correlation_expect_scipy_with_ties_and_without(n: int) -> None:
    rng = np.random.default_rng(n)
    for one, other in ((rng.normal(size=n), rng.normal(size=n)), (rng.integers(4, size=n), rng.integers(3, size=n))):
        assert rank_correlation(one, other) == pytest.approx(spearmanr(one, other).statistic)
