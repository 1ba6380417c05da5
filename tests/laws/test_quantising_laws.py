"""Positions on the grid of a square frame, and marks as bits: what is sent comes back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.errors import ShapeError, SpecInvalid
from core.maths.quantising import STEPS, bits_of, marked_in, quantised, square_frame

COORDINATES = st.floats(-1e6, 1e6, width=32)
PLACES = arrays.arrays(np.float32, st.tuples(st.integers(1, 40), st.just(2)), elements=COORDINATES)


@given(PLACES)
def test_a_point_comes_back_within_half_a_step(places: np.ndarray) -> None:
    frame = square_frame([places])
    step = frame[2] / STEPS
    rounding = 1e-9 * float(np.abs(places).max())  # of float64, beside steps that may be tiny
    left, bottom, side = frame
    restored = quantised(places, frame) * (side / STEPS) + (left, bottom)  # as the canvas does
    assert np.abs(restored - places).max() <= step * (0.5 + 1e-6) + rounding


@given(PLACES, PLACES, st.floats(0.01, 100), st.floats(-1000, 1000))
def test_the_frame_is_one_square_around_all_panels_and_follows_scale_and_shift(
    first: np.ndarray, second: np.ndarray, scale: float, shift: float
) -> None:
    left, bottom, side = square_frame([first, second])
    rows = np.concatenate([first, second]).astype(np.float64)
    slack = 1e-9 * (1 + np.abs(rows).max())
    assert (rows >= np.array([left, bottom]) - slack).all()
    assert (rows <= np.array([left, bottom]) + side + slack).all()
    spread = float(np.ptp(rows, axis=0).max())
    assert side == pytest.approx(spread or 1.0)
    if scale * spread > 1e-9 * (1 + abs(shift)):  # less is lost in the shift itself
        moved = square_frame([scale * rows + shift])
        expected = (scale * left + shift, scale * bottom + shift, scale * side)
        assert moved == pytest.approx(expected, rel=1e-6, abs=1e-6 * scale * (1 + np.abs(rows).max()) + 1e-9)


def test_limits_widen_the_frame_and_never_cut_it() -> None:
    places = np.array([[0.0, 0.0], [4.0, 1.0]])
    assert square_frame([places], (1.0, 2.0, 0.0, 1.0)) == square_frame([places])
    left, bottom, side = square_frame([places], (-4.0, 4.0, 0.0, 1.0))
    assert (left, side) == (-4.0, 8.0)
    assert bottom <= 0.0


@given(arrays.arrays(np.bool_, st.integers(0, 70)))
def test_marks_come_back_from_their_bits(marked: np.ndarray) -> None:
    bits = bits_of(marked)
    assert len(bits) == -(-len(marked) // 8)
    assert marked_in(bits, len(marked)).tolist() == np.flatnonzero(marked).tolist()


def test_what_is_no_map_is_refused() -> None:
    frame = (0.0, 0.0, 1.0)
    with pytest.raises(ShapeError):
        quantised(np.zeros((3, 3)), frame)
    with pytest.raises(SpecInvalid, match="finite"):
        square_frame([np.array([[np.nan, 0.0]])])
    with pytest.raises(SpecInvalid, match="outside"):
        quantised(np.array([[0.0, 1.5]]), frame)
    with pytest.raises(SpecInvalid, match="end"):
        square_frame([np.zeros((1, 2))], (1.0, 1.0, 0.0, 1.0))
    with pytest.raises(SpecInvalid, match="limit"):
        square_frame([np.zeros((1, 2))], (0.0, np.inf, 0.0, 1.0))
    assert marked_in(b"\x00", 9) is None
