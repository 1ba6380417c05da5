"""Readers that hardly train: the geometry that their answers must share, and the bounds that distances carry."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core.maths.hulls
import core.maths.simple_readers
from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.hulls import hull_distances
from core.maths.simple_readers import nearest_centroid, nearest_hull, nearest_neighbours, r_squared, ridge

FEW = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**32 - 1)
FINE: dict[str, Any] = {"gap": 1e-5, "max_steps": 5000}


def _hull(seed: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """(points, vertices, generator), of some number and width."""
    rng = np.random.default_rng(seed)
    m, width = rng.integers(1, 30), rng.integers(1, 12)
    return 2 * rng.normal(size=(10, width)), rng.normal(size=(m, width)) + 1, rng


def _problem(seed: int, n: int = 60, width: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(3), rng.integers(3, size=n - 3)])
    train = rng.normal(size=(3, width))[y] + rng.normal(size=(n, width))
    return train.astype(np.float32), y, rng.normal(size=(40, width)).astype(np.float32)


def _turn(width: int, rng: np.random.Generator) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(width, width)))[0]


@FEW
@given(seeds)
def test_hull_distances_of_points_inside_expect_none(seed: int) -> None:
    _, hull, rng = _hull(seed)
    radius = np.linalg.norm(hull - hull.mean(axis=0), axis=1).max()
    inside = np.concatenate([rng.dirichlet(np.ones(len(hull)), 5) @ hull, hull])
    distance, gap = hull_distances(inside, hull, max_steps=20_000)
    assert (gap <= 1e-3 * radius + 1e-9).all()
    assert (distance <= gap + 1e-9).all()


@FEW
@given(seeds)
def test_hull_distances_expect_no_vertex_or_mixture_to_be_nearer(seed: int) -> None:
    points, hull, rng = _hull(seed)
    distance, gap = hull_distances(points, hull)
    for mixture in (hull, hull.mean(axis=0, keepdims=True), rng.dirichlet(np.ones(len(hull)), 50) @ hull):
        nearest = np.linalg.norm(points[:, None] - mixture, axis=2).min(axis=1)
        assert (distance - gap <= nearest + 1e-9).all()
    assert (distance <= np.linalg.norm(points - hull.mean(axis=0), axis=1) + 1e-9).all()


@FEW
@given(seeds)
def test_hull_distances_when_turned_shifted_and_scaled_expect_the_scale(seed: int) -> None:
    points, hull, rng = _hull(seed)
    turn, shift = _turn(hull.shape[1], rng), 10 * rng.normal(size=hull.shape[1])
    found, gap = hull_distances(points, hull, **FINE)
    moved, moved_gap = hull_distances(3 * points @ turn + shift, 3 * hull @ turn + shift, **FINE)
    assert (np.abs(moved - 3 * found) <= np.maximum(moved_gap, 3 * gap) + 1e-9).all()


@FEW
@given(seeds)
def test_hull_distances_with_more_vertices_expect_no_more(seed: int) -> None:
    points, hull, rng = _hull(seed)
    fewer, _ = hull_distances(points, hull)
    more, gap = hull_distances(points, np.concatenate([hull, rng.normal(size=(4, hull.shape[1]))]))
    assert (more - gap <= fewer + 1e-9).all()
    mixtures = np.concatenate([hull, rng.dirichlet(np.ones(len(hull)), 4) @ hull])
    same, gap = hull_distances(points, mixtures, **FINE)
    finer, left = hull_distances(points, hull, **FINE)
    assert (np.abs(same - finer) <= np.maximum(gap, left) + 1e-9).all()


def test_hull_distances_when_cut_short_expect_bounds_that_still_hold() -> None:
    rng = np.random.default_rng(0)
    hull, points = rng.normal(size=(80, 20)), rng.normal(size=(50, 20))
    true, left = hull_distances(points, hull, gap=1e-9, max_steps=50_000)
    assert left.max() < 1e-6
    for n_steps in (1, 5, 25):
        distance, gap = hull_distances(points, hull, gap=1e-9, max_steps=n_steps)
        assert (gap > 1e-6).any()
        assert (true <= distance + 1e-6).all()
        assert (true >= distance - gap - 1e-6).all()


def test_readers_in_blocks_expect_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    train, y, test = _problem(0)
    whole = nearest_neighbours(train, y, test, n_classes=3), hull_distances(test, train)[0]
    monkeypatch.setattr(core.maths.simple_readers, "_ROOM", 200)
    monkeypatch.setattr(core.maths.hulls, "_ROOM", 200)
    np.testing.assert_array_equal(nearest_neighbours(train, y, test, n_classes=3), whole[0])
    np.testing.assert_allclose(hull_distances(test, train)[0], whole[1], atol=1e-9)


READERS: dict[str, Any] = {
    "centroid": nearest_centroid,
    "neighbours": lambda *given, **options: nearest_neighbours(*given, k=5, **options),
    "cosine": lambda *given, **options: nearest_neighbours(*given, k=5, metric="cosine", **options),
    "hull": lambda *given, **options: nearest_hull(*given, gap=1e-6, max_steps=20_000, **options)[0],
}


@pytest.mark.parametrize("name", READERS)
@FEW
@given(seeds)
def test_readers_when_turned_scaled_and_shifted_expect_the_same_answers(name: str, seed: int) -> None:
    train, y, test = _problem(seed)
    rng = np.random.default_rng(seed)
    turn, shift = _turn(4, rng), 0 if name == "cosine" else 5
    found = READERS[name](train, y, test, n_classes=3)
    moved = READERS[name](2 * train @ turn + shift, y, 2 * test @ turn + shift, n_classes=3)
    np.testing.assert_array_equal(moved, found)


@pytest.mark.parametrize("name", READERS)
@FEW
@given(seeds)
def test_readers_when_labels_are_renamed_expect_renamed_answers(name: str, seed: int) -> None:
    train, y, test = _problem(seed)
    order = np.array([5, 0, 3])  # names between them have no row and are never answered
    found = READERS[name](train, y, test, n_classes=3)
    np.testing.assert_array_equal(READERS[name](train, order[y], test, n_classes=7), order[found])


@pytest.mark.parametrize("name", READERS)
def test_readers_of_clouds_far_apart_expect_no_error(name: str) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    X = 10 * np.eye(3, 8)[y] + rng.normal(size=(90, 8))
    np.testing.assert_array_equal(READERS[name](X[:60], y[:60], X[60:], n_classes=3), y[60:])
    assert READERS[name](X[:60], y[:60], X[:0], n_classes=3).shape == (0,)


def test_nearest_neighbour_and_hull_of_training_rows_expect_their_own_labels() -> None:
    train, y, _ = _problem(1, width=70)  # fewer rows than columns: no hull reaches into another
    np.testing.assert_array_equal(nearest_neighbours(train, y, train, n_classes=3, k=1), y)
    found, certain = nearest_hull(train, y, train, n_classes=3)
    np.testing.assert_array_equal(found, y)
    assert certain.all()


def test_nearest_of_equals_expect_the_first() -> None:
    assert nearest_centroid([[1.0], [-1.0]], [1, 0], [[0.0]], n_classes=2)[0] == 0
    line = [[1.0], [-1.0], [2.0], [-2.0]]
    assert nearest_neighbours(line, [1, 0, 0, 1], [[0.0]], n_classes=2, k=1)[0] == 1
    assert nearest_neighbours(line, [1, 0, 0, 1], [[0.1]], n_classes=2, k=4)[0] == 1
    assert nearest_neighbours(line, [1, 0, 0, 1], [[-0.1]], n_classes=2, k=4)[0] == 0


def test_nearest_neighbours_by_cosine_expect_zeros_at_a_right_angle_to_all() -> None:
    rows = [[0.0, 0.0], [-1.0, 0.0], [1.0, 1.0]]
    assert nearest_neighbours(rows, [0, 1, 2], [[1.0, 0.0]], n_classes=3, k=1, metric="cosine")[0] == 2
    assert nearest_neighbours(rows[:2], [0, 1], [[1.0, 0.0]], n_classes=2, k=1, metric="cosine")[0] == 0
    assert nearest_neighbours(rows[:2], [0, 1], [[-1.0, 0.0]], n_classes=2, k=1, metric="cosine")[0] == 1


def test_nearest_hull_inside_several_expect_the_nearest_mean() -> None:
    square = np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)], dtype=float)
    train, y = np.concatenate([4 * square + 1, 3 * square]), np.repeat([0, 1], 4)
    found, certain = nearest_hull(train, y, [[0.1, 0.1], [0.9, 0.9], [4.5, 4.5], [-3.2, -3.2]], n_classes=2)
    np.testing.assert_array_equal(found, [1, 0, 0, 1])
    assert certain.all()


def test_nearest_hull_when_cut_short_expect_to_say_so() -> None:
    rng = np.random.default_rng(0)
    train, y, test = rng.normal(size=(200, 10)), np.arange(200) % 2, rng.normal(size=(50, 10))
    assert not nearest_hull(train, y, test, n_classes=2, gap=1e-6, max_steps=2)[1].any()


@FEW
@given(seeds)
def test_ridge_expect_a_gradient_of_zero_and_shifts_in_the_intercept(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, d = rng.integers(2, 40), rng.integers(1, 40)
    X, Y = rng.normal(size=(n, d)) + 1, rng.normal(size=(n, 2))
    found = ridge(X, Y, alpha=0.7)
    missed = found.predict(X) - Y
    np.testing.assert_allclose(missed.T @ X + 0.7 * found.coef, 0, atol=1e-8)
    np.testing.assert_allclose(missed.sum(axis=0), 0, atol=1e-8)
    moved = ridge(X + 3, Y - 2, alpha=[0.7])
    np.testing.assert_allclose(moved.coef[0], found.coef, atol=1e-8)
    np.testing.assert_allclose(moved.predict(X + 3)[0], found.predict(X) - 2, atol=1e-8)
    one = ridge(X, Y[:, 1], alpha=0.7)
    np.testing.assert_allclose(one.coef, found.coef[1:], atol=1e-10)
    np.testing.assert_allclose(one.intercept, found.intercept[1:], atol=1e-10)


def test_r_squared_expect_one_when_exact_and_none_for_the_mean() -> None:
    true = np.array([[1.0, 4], [2, 2], [6, 0]])
    assert r_squared(true, true) == 1
    assert r_squared(np.tile(true.mean(axis=0), (3, 1)), true) == pytest.approx(0)
    assert r_squared([1, 1, 2], [1, 2, 3]) == pytest.approx(0)
    assert r_squared([3, 2, 1], [1, 2, 3]) == pytest.approx(-3)


X, y, T = _problem(0)
WRONG: list[tuple[Any, Any, Any, dict[str, Any], type[Exception]]] = [
    (X[0], y, T, {}, ShapeError),
    (X, y[:-1], T, {}, ShapeError),
    (X, y.astype(float), T, {}, ShapeError),
    (X, y, T[:, :2], {}, ShapeError),
    (X, y, T[0], {}, ShapeError),
    (X, y - 1, T, {}, ShapeError),
    (X, y, T, {"n_classes": 2}, ShapeError),
    (X * np.nan, y, T, {}, ShapeError),
    (X, y, T * np.inf, {}, ShapeError),
    (X[:0], y[:0], T, {}, NotEnoughData),
    (X[:, :0], y, T[:, :0], {}, NotEnoughData),
]


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(("train", "labels", "test", "options", "error"), WRONG)
def test_readers_when_asked_wrongly_expect_a_message(
    name: str, train: Any, labels: Any, test: Any, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        READERS[name](train, labels, test, **({"n_classes": 3} | options))
    assert all((raised.value.asked, raised.value.found, raised.value.do))  # type: ignore[attr-defined]


CALLS: list[tuple[Any, type[Exception]]] = [
    (lambda: nearest_neighbours(X, y, T, n_classes=3, k=0), SpecInvalid),
    (lambda: nearest_neighbours(X, y, T, n_classes=3, metric="city"), SpecInvalid),  # type: ignore[arg-type]
    (lambda: nearest_neighbours(X, y, T, n_classes=3, k=61), NotEnoughData),
    (lambda: nearest_hull(X, y, T, n_classes=3, gap=0), SpecInvalid),
    (lambda: nearest_hull(X, y, T, n_classes=3, max_steps=0), SpecInvalid),
    (lambda: hull_distances(T, X[:, :2]), ShapeError),
    (lambda: hull_distances(T[0], X), ShapeError),
    (lambda: hull_distances(T, X * np.nan), ShapeError),
    (lambda: hull_distances(T, X[:0]), NotEnoughData),
    (lambda: hull_distances(T, X, gap=-1), SpecInvalid),
    (lambda: hull_distances(T, X, max_steps=0), SpecInvalid),
    (lambda: ridge(X[0], y, alpha=1), ShapeError),
    (lambda: ridge(X, y[:-1], alpha=1), ShapeError),
    (lambda: ridge(X * np.nan, y, alpha=1), ShapeError),
    (lambda: ridge(X[:1], y[:1], alpha=1), NotEnoughData),
    (lambda: ridge(X[:, :0], y, alpha=1), NotEnoughData),
    (lambda: ridge(X, y, alpha=0), SpecInvalid),
    (lambda: ridge(X, y, alpha=[]), SpecInvalid),
    (lambda: ridge(X, y, alpha=[[1]]), SpecInvalid),
    (lambda: ridge(X, y, alpha=1).predict(X[:, :2]), ShapeError),
    (lambda: r_squared(y, y[:-1]), ShapeError),
    (lambda: r_squared(y * np.nan, y), ShapeError),
    (lambda: r_squared(y[:1], y[:1]), NotEnoughData),
    (lambda: r_squared(y, np.ones(len(y))), NotEnoughData),
]


@pytest.mark.parametrize(("call", "error"), CALLS)
def test_simple_readers_when_asked_wrongly_expect_a_message(call: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        call()
    assert all((raised.value.asked, raised.value.found, raised.value.do))  # type: ignore[attr-defined]
