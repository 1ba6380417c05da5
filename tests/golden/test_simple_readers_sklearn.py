"""Nearest means and neighbours, hulls and ridge regression against scikit-learn, scipy and figures by hand."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import nnls
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from core.maths.hulls import hull_distances
from core.maths.simple_readers import nearest_centroid, nearest_hull, nearest_neighbours, r_squared, ridge


def _problem(n: int, width: int, spread: float = 0.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    centres, y = spread * rng.normal(size=(5, width)), rng.integers(5, size=n)
    train, test = (centres[labels] + rng.normal(size=(n, width)) + 3 for labels in (y, rng.integers(5, size=n)))
    return train.astype(np.float32), y, test.astype(np.float32)


@pytest.mark.parametrize("width", [2, 40])
def test_nearest_centroid_expect_scikit_learn(width: int) -> None:
    train, y, test = _problem(300, width)
    found = nearest_centroid(train, y, test, n_classes=5)
    np.testing.assert_array_equal(found, NearestCentroid().fit(train, y).predict(test))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("k", [1, 2, 7, 300])
def test_nearest_neighbours_expect_scikit_learn_where_one_class_leads(metric: Any, k: int) -> None:
    train, y, test = _problem(300, 10)
    model = KNeighborsClassifier(k, metric=metric, algorithm="brute").fit(train, y)
    votes = np.sort(model.predict_proba(test), axis=1)
    clear = votes[:, -1] > votes[:, -2]
    found = nearest_neighbours(train, y, test, n_classes=5, k=k, metric=metric)
    np.testing.assert_array_equal(found[clear], model.predict(test)[clear])
    assert clear.mean() > (0.3 if k == 2 else 0.6)
    nearest = KNeighborsClassifier(1, metric=metric, algorithm="brute").fit(train, y).predict(test)
    if k == 2:  # of two neighbours of two classes, the nearer one decides
        np.testing.assert_array_equal(found, nearest)


def _by_nnls(point: np.ndarray, hull: np.ndarray) -> float:
    """Distance by non-negative least squares, with a row heavy enough to hold the sum of weights at 1."""
    heavy = 1e5 * (1 + np.abs(hull - point).max())
    rows = np.vstack([(hull - point).T, np.full(len(hull), heavy)])
    weights, _ = nnls(rows, np.append(np.zeros(hull.shape[1]), heavy))
    return float(np.linalg.norm(weights @ (hull - point) / weights.sum()))


@pytest.mark.parametrize(("m", "width"), [(1, 3), (2, 5), (30, 3), (12, 40), (60, 20)])
def test_hull_distances_expect_quadratic_programmes(m: int, width: int) -> None:
    rng = np.random.default_rng(m)
    hull, points = rng.normal(size=(m, width)) + 5, 1.5 * rng.normal(size=(25, width)) + 5
    points[:5] = rng.dirichlet(np.ones(m), 5) @ hull
    expected = np.array([_by_nnls(point, hull) for point in points])
    distance, gap = hull_distances(points, hull, gap=1e-6, max_steps=20_000)
    radius = np.linalg.norm(hull - hull.mean(axis=0), axis=1).max()
    assert (gap <= 1e-6 * radius + 1e-9).all()
    np.testing.assert_allclose(distance, expected, atol=1e-5)


RECTANGLE = [(1, 6), (1, 3), (15, 3), (15, 6)]
BY_HAND = [((1, -1), 4), ((2, -1), 4), ((2, -3), 6), ((0, 0), 10**0.5), ((16, 7), 2**0.5), ((8, 6.5), 0.5), ((8, 4), 0)]


@pytest.mark.parametrize(("point", "expected"), BY_HAND)
def test_hull_distances_to_a_rectangle_expect_those_by_hand(point: tuple[float, float], expected: float) -> None:
    distance, gap = hull_distances([point], RECTANGLE, gap=1e-5)
    assert distance[0] == pytest.approx(expected, abs=1e-4)
    assert gap[0] <= 1e-5 * 7.2
    doubled, _ = hull_distances(2 * np.array([point]), 2 * np.array([*RECTANGLE, (8, 5)]), gap=1e-5)
    assert doubled[0] == pytest.approx(2 * expected, abs=1e-4)


def test_nearest_hull_expect_the_nearest_by_quadratic_programmes() -> None:
    train, y, test = _problem(100, 12)
    by_class = np.array([[_by_nnls(row, train[y == name]) for name in range(5)] for row in test.astype(float)])
    order = np.sort(by_class, axis=1)
    radius = np.linalg.norm(train - train.mean(axis=0), axis=1).max()
    clear = order[:, 1] - order[:, 0] > 1e-3 * radius
    found, certain = nearest_hull(train, y, test, n_classes=5)
    assert certain.all()
    assert clear.mean() > 0.8
    np.testing.assert_array_equal(found[clear], by_class.argmin(axis=1)[clear])


@pytest.mark.parametrize("n", [30, 200])
def test_ridge_expect_scikit_learn_from_either_side(n: int) -> None:
    rng = np.random.default_rng(n)
    X = (rng.normal(size=(n, 60)) + 2).astype(np.float32)
    Y = X @ rng.normal(size=(60, 3)) + rng.normal(size=(n, 3)) - 4
    found = ridge(X, Y, alpha=[0.01, 1, 100])
    assert found.coef.shape == (3, 3, 60)
    for i, alpha in enumerate((0.01, 1, 100)):
        model = Ridge(alpha=alpha).fit(X.astype(np.float64), Y)
        one = ridge(X, Y, alpha=alpha)
        for coef, intercept in ((found.coef[i], found.intercept[i]), (one.coef, one.intercept)):
            np.testing.assert_allclose(coef, model.coef_, atol=1e-4)
            np.testing.assert_allclose(intercept, model.intercept_, atol=1e-4)
        np.testing.assert_allclose(found.predict(X)[i], model.predict(X), atol=1e-3)
        assert r_squared(found.predict(X)[i], Y) == pytest.approx(r2_score(Y, model.predict(X)), abs=1e-6)
