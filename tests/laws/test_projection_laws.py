"""What holds for exact neighbours and trustworthiness whatever the points."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import NotEnoughData, ShapeError, SpecInvalid, TunescopeError
from core.maths.projection import exact_knn, trustworthiness, unit_rows

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
