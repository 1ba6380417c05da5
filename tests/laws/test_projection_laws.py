"""What holds for exact neighbours and trustworthiness whatever the points."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import NotEnoughData, ShapeError, SpecInvalid, TunescopeError
from core.maths.projection import (
    continuity,
    exact_knn,
    pca,
    procrustes_align,
    trustworthiness,
    trustworthiness_by_point,
    turned_onto,
    unit_rows,
)

FEW = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)


@FEW
@given(seeds, st.integers(12, 80), st.integers(1, 6), st.booleans())
def test_every_row_is_its_own_first_neighbour_even_beside_twins(seed: int, n: int, k: int, twins: bool) -> None:
    X = np.random.default_rng(seed).normal(size=(n, 4))
    if twins:
        X = np.repeat(X[: n // 3 + 1], 3, axis=0)[:n]
    indices, distances = exact_knn(X, k + 1)
    np.testing.assert_array_equal(indices[:, 0], np.arange(n))
    apart = np.linalg.norm(X[:, None] - X, axis=2)
    np.testing.assert_allclose(distances, np.sort(apart, axis=1)[:, : k + 1], atol=1e-5)
    np.testing.assert_allclose(distances, np.take_along_axis(apart, indices, axis=1), atol=1e-5)


@FEW
@given(seeds, st.integers(30, 90), st.floats(0.1, 10), st.floats(-20, 20))
def test_trustworthiness_expect_in_range_one_for_the_space_itself_and_blind_to_scale(
    seed: int, n: int, scale: float, shift: float
) -> None:
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(n, 5)), rng.normal(size=(n, 2))
    value = trustworthiness(X, Y, k=6)
    assert 0 <= value <= 1
    assert trustworthiness(X, X, k=6) == 1
    assert trustworthiness(scale * X + shift, Y / scale, k=6) == pytest.approx(value, abs=1e-3)


def test_unit_rows_keep_zero_rows_and_leave_their_input_alone() -> None:
    X = np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)
    np.testing.assert_allclose(unit_rows(X), [[0.6, 0.8], [0, 0]])
    assert X[0, 0] == 3


GOOD = np.random.default_rng(0).normal(size=(40, 3))
BAD: list[tuple[Any, int, type[TunescopeError]]] = [
    (GOOD[:, 0], 3, ShapeError),
    (np.where(GOOD > 1, np.nan, GOOD), 3, ShapeError),
    (GOOD, 1, SpecInvalid),
    (GOOD, 41, NotEnoughData),
]


@pytest.mark.parametrize(("X", "k", "error"), BAD)
def test_what_does_not_fit_is_a_message(X: Any, k: int, error: type[TunescopeError]) -> None:
    with pytest.raises(error):
        exact_knn(X, k)
    with pytest.raises(error):
        trustworthiness(X, GOOD, k=k)


def test_other_points_on_the_map_are_a_message() -> None:
    with pytest.raises(ShapeError):
        trustworthiness(GOOD, GOOD[:-1], k=3)


def test_a_search_that_is_told_to_stop_stops() -> None:
    def stop(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        exact_knn(GOOD, 3, on_step=stop)


# --- cosine neighbours --------------------------------------------------------------------------------------------------


def test_a_zero_row_stands_at_a_right_angle_to_all_but_its_twin() -> None:
    X = np.concatenate([np.random.default_rng(0).normal(size=(9, 3)), np.zeros((2, 3))])
    indices, distances = exact_knn(X, 11, metric="cosine")
    assert indices[9, :2].tolist() == [9, 10]
    assert distances[9, 1] == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(distances[9, 2:], 1, atol=1e-6)
    assert (distances[:9] <= 2 + 1e-6).all()


def test_an_unknown_metric_is_a_message() -> None:
    with pytest.raises(SpecInvalid):
        exact_knn(GOOD, 3, metric="manhattan")


# --- axes and maps laid on each other -----------------------------------------------------------------------------------


@FEW
@given(seeds, st.integers(8, 40), st.integers(2, 12))
def test_components_expect_shares_that_fall_and_distances_that_never_grow(seed: int, n: int, width: int) -> None:
    X = np.random.default_rng(seed).normal(size=(n, width)) + 5
    scores, ratio = pca(X, min(n, width) - 1)
    assert (np.diff(ratio) <= 1e-12).all()
    assert 0 < ratio.sum() <= 1 + 1e-12
    drawn, given = (np.linalg.norm(rows[:, None] - rows, axis=2) for rows in (scores[:, :2].astype(float), X))
    assert (drawn <= given + 1e-4).all()
    again, _ = pca(X[::-1] + 3, min(n, width) - 1)
    np.testing.assert_allclose(again[::-1, 0], scores[:, 0], atol=1e-3)  # the sign follows the axis, not the rows


@FEW
@given(seeds, st.integers(3, 40), st.floats(0.1, 10), st.booleans())
def test_a_map_turned_mirrored_scaled_and_shifted_expect_itself_again(
    seed: int, n: int, scale: float, mirror: bool
) -> None:
    rng = np.random.default_rng(seed)
    fixed = rng.normal(size=(n, 2))
    turn, _ = np.linalg.qr(rng.normal(size=(2, 2)))
    moving = scale * (fixed * [1, -1 if mirror else 1]) @ turn + rng.normal(size=2) * 9
    np.testing.assert_allclose(procrustes_align(moving, fixed), fixed, atol=1e-8)


@FEW
@given(seeds, st.integers(4, 30))
def test_no_other_turn_brings_a_map_nearer(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    fixed, moving = rng.normal(size=(n, 2)), rng.normal(size=(n, 2))
    aligned = procrustes_align(moving, fixed)
    apart = np.sum((aligned - fixed) ** 2)
    for angle in (-0.1, 0.1):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        assert np.sum(((aligned - fixed.mean(axis=0)) @ turn + fixed.mean(axis=0) - fixed) ** 2) >= apart - 1e-9
    apart_in = [np.linalg.norm(rows[:, None] - rows, axis=2) for rows in (aligned, moving)]
    assert apart_in[0] == pytest.approx(apart_in[1] * apart_in[0].sum() / apart_in[1].sum(), abs=1e-9)


@FEW
@given(seeds, st.integers(4, 30), st.floats(0.1, 10))
def test_a_map_that_is_only_turned_keeps_its_distances(seed: int, n: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    fixed, moving = rng.normal(size=(n, 2)), scale * rng.normal(size=(n, 2))
    turned = turned_onto(moving, fixed)
    apart = [np.linalg.norm(rows[:, None] - rows, axis=2) for rows in (turned, moving)]
    np.testing.assert_allclose(apart[0], apart[1], atol=1e-9 * scale)
    np.testing.assert_allclose(turned.mean(axis=0), fixed.mean(axis=0), atol=1e-9)
    # The direction is that of the best fit: grown or shrunk it is the least sum of squares.
    grown, middle = procrustes_align(moving, fixed), fixed.mean(axis=0)
    share = np.linalg.norm(grown - middle) / np.linalg.norm(turned - middle)
    np.testing.assert_allclose(share * (turned - middle), grown - middle, atol=1e-9)


def test_points_that_are_all_equal_lie_on_the_middle() -> None:
    fixed = np.random.default_rng(0).normal(size=(6, 2))
    for align in (procrustes_align, turned_onto):
        np.testing.assert_allclose(align(np.ones((6, 2)), fixed), np.tile(fixed.mean(axis=0), (6, 1)))


@pytest.mark.parametrize("moving", [GOOD[:-1], GOOD[:, :2], np.where(GOOD > 1, np.inf, GOOD)])
def test_maps_of_other_points_are_a_message(moving: np.ndarray) -> None:
    for align in (procrustes_align, turned_onto):
        with pytest.raises(ShapeError):
            align(moving, GOOD)


# --- trust, by point and the other way round ----------------------------------------------------------------------------


@FEW
@given(seeds, st.integers(30, 90))
def test_trust_by_point_expect_one_where_neighbours_are_neighbours(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    by_point = trustworthiness_by_point(X, X[:, :2], 6)
    assert by_point.max() <= 1
    assert by_point.mean() == pytest.approx(trustworthiness(X, X[:, :2], 6))
    np.testing.assert_array_equal(trustworthiness_by_point(X, X * 3, 6), 1)


def test_a_point_thrown_elsewhere_is_the_one_not_to_trust() -> None:
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(40, 2)), rng.normal(size=(40, 2)) + 20])
    drawn = X.copy()
    drawn[3] += 20
    by_point = trustworthiness_by_point(X, drawn, 8)
    assert by_point.argmin() == 3
    assert by_point[np.arange(80) != 3].min() > by_point[3] + 0.3


def test_a_fold_hurts_trust_and_a_tear_hurts_continuity() -> None:
    ring = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    X = np.stack([np.cos(ring), np.sin(ring)], axis=1)
    torn, folded = ring[:, None], X[:, :1]
    assert trustworthiness(X, torn, 6) > continuity(X, torn, 6)
    assert continuity(X, folded, 6) > trustworthiness(X, folded, 6)
