"""What holds for movers: nothing moves in a copy, what was planted comes first, and chance is called chance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from core.errors import NotEnoughData, ShapeError, SpecInvalid, TunescopeError
from core.maths.movers import nearest, neighbourhoods, shared_share
from core.maths.projection import movers

FEW = settings(max_examples=6, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def _clouds(seed: int, n: int = 200, width: int = 10) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(6, width)) * 2)[rng.integers(0, 6, n)] + rng.normal(size=(n, width))


@FEW
@given(seeds)
def test_a_checkpoint_beside_itself_and_a_turned_copy_expect_no_movers(seed: int) -> None:
    X = _clouds(seed, 120)
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(10, 10)))
    for other in (X, 3 * X @ turn + 7, np.pad(X, ((0, 0), (0, 4)))):
        score, p = movers(X, other, k=8)
        np.testing.assert_array_equal(score, 0)
        np.testing.assert_array_equal(p, 0.5)


def test_twins_that_lie_alike_on_both_sides_expect_no_movers() -> None:
    X = np.repeat(_clouds(0, 40), 5, axis=0)  # as the embeddings of one word are
    score, _ = movers(X, X, k=8)
    np.testing.assert_array_equal(score, 0)


@pytest.mark.parametrize(("n", "width"), [(300, 100), (300, 600)])
@pytest.mark.parametrize("move", ["jitter", "bend"])
def test_rows_that_all_move_alike_expect_hardly_a_mover_and_a_score_of_nothing(n: int, width: int, move: str) -> None:
    """With more dimensions than rows as well: nothing is fitted to them."""
    found = []
    for seed in range(6):
        rng, X = np.random.default_rng(seed), _clouds(seed, n, width)
        Y = (
            X + rng.normal(size=X.shape)
            if move == "jitter"
            else np.tanh(X @ rng.normal(size=(width, width)) / width**0.5)
        )
        score, p = movers(X, Y, k=15)
        assert abs(score.mean()) < 0.03
        found.append((false_discovery_control(p) < 0.05).mean())
    assert np.mean(found) < 0.04  # steps of one law still differ a little, and chance makes some rows hubs


@FEW
@given(seeds)
def test_a_planted_group_that_moved_comes_first(seed: int) -> None:
    X, Y, planted = _planted(seed)
    score, _ = movers(X, Y, k=10)
    assert set(np.argsort(-score)[:12]) == set(planted)


def test_a_planted_group_is_found_and_little_else() -> None:
    planted_found, others = [], []
    for seed in range(8):
        X, Y, planted = _planted(seed)
        found = false_discovery_control(movers(X, Y, k=10)[1]) < 0.05
        planted_found.append(found[planted].mean())
        others.append(found.sum() - found[planted].sum())
    assert np.mean(planted_found) > 0.9
    assert np.mean(others) < 3  # those whose neighbours went away


def _planted(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A space, the same a little shaken in which twelve rows from all over it went together to one place, and those rows."""
    rng = np.random.default_rng(seed)
    X = _clouds(seed)
    Y = X + 0.1 * rng.normal(size=X.shape)
    planted = rng.choice(len(X), 12, replace=False)
    Y[planted] += 12 * rng.normal(size=10)
    return X, Y, planted


def test_a_region_that_moved_as_one_keeps_its_neighbours_and_is_no_mover() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 10))
    X[:100, 0] += 30
    Y = X.copy()
    Y[:100, 1] += 30
    _, p = movers(X, Y, k=10)
    assert (false_discovery_control(p) >= 0.05).all()


@FEW
@given(seeds)
def test_order_of_rows_changes_no_overlap_and_sides_may_be_exchanged(seed: int) -> None:
    X, Y = _clouds(seed, 80), _clouds(seed + 1, 80)
    there = shared_share(nearest(X, 6), nearest(Y, 6))
    np.testing.assert_array_equal(there, shared_share(nearest(Y, 6), nearest(X, 6)))
    order = np.random.default_rng(seed).permutation(80)
    np.testing.assert_array_equal(there[order], shared_share(nearest(X[order], 6), nearest(Y[order], 6)))
    by_sets = [len(set(one) & set(other)) / 6 for one, other in zip(nearest(X, 6), nearest(Y, 6), strict=True)]
    np.testing.assert_allclose(there, by_sets)


def test_a_null_of_other_runs_takes_the_place_of_the_rows_around() -> None:
    X, Y = _clouds(0, 60), _clouds(1, 60)
    overlap = shared_share(nearest(X, 5), nearest(Y, 5))
    null = np.stack([overlap + 0.2, overlap + 0.4, overlap])
    score, p = movers(X, Y, k=5, null=null)
    np.testing.assert_allclose(score, 0.2)
    np.testing.assert_allclose(p, 2 / 4)


def test_noise_is_taken_from_halves_of_whole_groups() -> None:
    X, Y = _clouds(0, 120), _clouds(0, 120) + np.random.default_rng(1).normal(size=(120, 10))
    groups = np.arange(120) // 6
    one = neighbourhoods(X, Y, k=6, groups=groups, seed=3)
    np.testing.assert_array_equal(one.p_value, neighbourhoods(X, Y, k=6, groups=groups + 900, seed=3).p_value)
    assert (one.p_value != neighbourhoods(X, Y, k=6, groups=groups, seed=4).p_value).any()
    assert (one.p_value != neighbourhoods(X, Y, k=6, seed=3).p_value).any()
    np.testing.assert_allclose(one.around, one.overlap[one.base].mean(axis=1))
    for wrong in (np.arange(119), np.zeros(120)):
        with pytest.raises(TunescopeError):
            neighbourhoods(X, Y, k=6, groups=wrong)


GOOD = np.random.default_rng(0).normal(size=(40, 3))
BAD: list[tuple[np.ndarray, int, type[TunescopeError]]] = [
    (GOOD[:, 0], 3, ShapeError),
    (GOOD[:-1], 3, ShapeError),
    (np.where(GOOD > 1, np.nan, GOOD), 3, ShapeError),
    (GOOD, 0, SpecInvalid),
    (GOOD, 10, NotEnoughData),
]


@pytest.mark.parametrize(("X", "k", "error"), BAD)
def test_what_does_not_fit_is_a_message(X: np.ndarray, k: int, error: type[TunescopeError]) -> None:
    with pytest.raises(error):
        movers(X, GOOD, k=k)


@pytest.mark.parametrize("null", [np.ones((1, 40)), np.ones((3, 39)), np.full((3, 40), np.nan)])
def test_a_null_that_does_not_fit_is_a_message(null: np.ndarray) -> None:
    with pytest.raises(TunescopeError):
        movers(GOOD, GOOD, k=3, null=null)
