"""Task vectors: cosines between what several tunings changed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cosine

from core.errors import ShapeError
from core.maths.task_vectors import chance_spread, cosines_of, inner_products

SEEDS = st.integers(0, 2**32 - 1)


def changes(k: int, n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(k, n))


@given(st.integers(1, 5), st.integers(1, 30), SEEDS)
def test_cosines_are_scipys_and_of_all_tensors_together(k: int, n: int, seed: int) -> None:
    first, second = changes(k, n, seed), changes(k, 6, seed + 1)
    together = inner_products(list(first)) + inner_products(list(second.reshape(k, 2, 3)))
    whole = np.concatenate([first, second], axis=1)
    found = cosines_of(together)
    for one in range(k):
        for other in range(k):
            assert found[one, other] == pytest.approx(1 - cosine(whole[one], whole[other]), abs=1e-9)


@given(st.integers(2, 5), st.integers(2, 30), SEEDS)
def test_size_does_not_matter_and_direction_does(k: int, n: int, seed: int) -> None:
    given_changes = changes(k, n, seed)
    scales = np.random.default_rng(seed).uniform(0.1, 9, size=(k, 1))
    plain, grown = (cosines_of(inner_products(list(held))) for held in (given_changes, given_changes * scales))
    assert grown == pytest.approx(plain)
    assert np.diag(plain) == pytest.approx(np.ones(k))
    assert plain == pytest.approx(plain.T)
    opposite = cosines_of(inner_products([given_changes[0], -2 * given_changes[0]]))
    assert opposite == pytest.approx(np.array([[1, -1], [-1, 1]]))


def spread(held: np.ndarray) -> np.ndarray:
    """Of the cosines of these changes by chance."""
    return chance_spread(inner_products(list(held)), inner_products(list(held**2)))


def test_random_signs_spread_as_chance_says_however_unequal_the_changes() -> None:
    rng = np.random.default_rng(0)
    held = rng.normal(size=(2, 50)) ** 3
    signs = rng.choice([-1.0, 1.0], size=(20_000, 50))
    drawn = (held[0] * held[1] * signs).sum(axis=1) / np.prod(np.linalg.norm(held, axis=1))
    assert abs(drawn.mean()) < 4 * spread(held)[0, 1] / np.sqrt(len(drawn))
    assert drawn.std() == pytest.approx(spread(held)[0, 1], rel=0.02)


def test_weights_that_nobody_moved_do_not_make_chance_smaller() -> None:
    n, k, moved = 20_000, 60, 200
    held = np.zeros((k, n))
    held[:, :moved] = changes(k, moved, 0)
    above = np.triu_indices(k, 1)
    found, by_chance = cosines_of(inner_products(list(held)))[above], spread(held)[above]
    assert found.std() == pytest.approx(np.sqrt((by_chance**2).mean()), rel=0.05)
    assert (np.abs(found) <= 2 * by_chance).mean() == pytest.approx(0.95, abs=0.02)
    assert by_chance.mean() > 5 / np.sqrt(n)  # ten times what all weights in one row would say


@given(st.integers(1, 40), SEEDS)
def test_equal_changes_of_n_weights_spread_by_one_over_root_n(n: int, seed: int) -> None:
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(2, n))
    assert spread(signs * np.array([[0.1], [7.0]])) == pytest.approx(np.full((2, 2), n**-0.5))


def test_changes_that_share_no_weight_cannot_agree_by_chance_and_no_change_has_none() -> None:
    held = spread(np.array([[1.0, 2, 0, 0], [0, 0, 3, 1], [0, 0, 0, 0]]))
    assert held[0, 1] == 0
    assert np.isnan(held[2]).all()


def test_a_change_of_zeros_has_no_direction() -> None:
    found = cosines_of(inner_products([np.zeros(3), np.ones(3)]))
    assert np.isnan(found[0]).all()
    assert found[1, 1] == pytest.approx(1)


def test_layers_are_taken_at_once() -> None:
    grams = np.stack([inner_products(list(changes(3, 8, seed))) for seed in range(4)])
    assert cosines_of(grams)[2] == pytest.approx(cosines_of(grams[2]))


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(ShapeError, match="one shape"):
        inner_products([np.zeros(3), np.zeros(4)])
    with pytest.raises(ShapeError, match="none"):
        inner_products([])
    with pytest.raises(ShapeError, match="finite"):
        inner_products([np.array([np.nan])])
    with pytest.raises(ShapeError, match="k, k"):
        cosines_of(np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="Cosines by chance"):
        chance_spread(np.eye(2), np.eye(3))
    with pytest.raises(ShapeError, match="k, k"):
        chance_spread(np.eye(2), np.ones((2, 3)))
