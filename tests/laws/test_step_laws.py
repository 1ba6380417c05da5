"""The space beside the steps of its weights: what moves in proportion to them has a flat ratio."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ShapeError, SpecInvalid
from core.maths.similarity import linear_cka
from core.maths.steps import accumulated, linear_loss

SEEDS = st.integers(0, 2**32 - 1)


def stacked(steps: np.ndarray, seed: int) -> list[float]:
    """CKA, layer by layer, of a space with the same space to which each layer adds a random change of its step's size."""
    rng = np.random.default_rng(seed)
    n, width = 400, 40
    space = rng.normal(size=(n, width)).astype(np.float32)
    moved, found = space.copy(), []
    for step in steps:
        moved += np.float32(step) * rng.normal(size=(n, width)).astype(np.float32)
        found.append(linear_cka(space, moved))
    return found


@given(SEEDS)
def test_a_space_that_moves_in_proportion_to_its_weights_has_a_flat_ratio(seed: int) -> None:
    steps = np.array([0.01, 0.02, 0.04, 0.08])  # larger and larger to the top
    kept = stacked(steps, seed)
    flat = linear_loss(kept) / accumulated(steps)
    assert flat == pytest.approx(np.full(4, flat.mean()), rel=0.05)
    rising = (1 - np.array(kept)) / steps  # what is lost for each step says that the top moved more: it did not
    assert rising[-1] > 5 * rising[0]


@given(SEEDS)
def test_a_layer_that_took_no_step_itself_is_held_against_those_below_it(seed: int) -> None:
    steps = np.array([0.03, 0.03, 0.0, 0.01])
    flat = linear_loss(stacked(steps, seed)) / accumulated(steps)
    assert flat == pytest.approx(np.full(4, flat.mean()), rel=0.05)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=8))
def test_steps_add_up_as_sides_of_a_box_and_never_fall(steps: list[float]) -> None:
    found = accumulated(steps)
    assert found[-1] == pytest.approx(np.linalg.norm(steps))
    assert (np.diff(found) >= 0).all()


def test_what_has_no_step_takes_none() -> None:
    assert accumulated([np.nan, 3, np.nan, 4]) == pytest.approx([0, 3, 3, 5])


@given(st.floats(-0.1, 1.1), st.floats(-0.1, 1.1))
def test_the_ends_of_an_interval_change_places_and_stay_ends(one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert linear_loss(less) >= linear_loss(more) >= 0


def test_no_loss_is_none_and_no_answer_stays_none() -> None:
    assert linear_loss([1.0, 1.02, 0.75, 0.0]) == pytest.approx([0, 0, 0.5, 1])
    assert np.isnan(linear_loss(np.nan))


def test_what_is_no_row_of_steps_is_refused() -> None:
    with pytest.raises(ShapeError, match="Shape"):
        accumulated(np.zeros((2, 2)))
    with pytest.raises(SpecInvalid, match="below 0"):
        accumulated([0.1, -0.1])
