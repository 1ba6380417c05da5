"""Singular directions before and after a change: what every measure of them obeys, whatever the matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.linalg import subspace_angles, svdvals
from scipy.stats import entropy, ortho_group

from core.errors import ShapeError, SpecInvalid
from core.maths.spectra import (
    Factors,
    closest_cosines,
    cosines,
    count_intruders,
    decompose,
    energy_curve,
    energy_inside,
    energy_rank,
    entropy_rank,
    principal_angles,
    scaling_share,
    singular_values,
    spectrum_ratio,
    stable_rank,
)

Matrix = NDArray[np.float64]
SHAPES = st.tuples(st.integers(2, 14), st.integers(2, 14))
SEEDS = st.integers(0, 2**32 - 1)


def drawn(shape: tuple[int, int], seed: int) -> Matrix:
    return np.random.default_rng(seed).normal(size=shape)


def of_spectrum(values: list[float], n_out: int, n_in: int, seed: int = 0) -> Matrix:
    """A matrix with these singular values and random vectors."""
    k = len(values)
    left, right = ortho_group.rvs(n_out, random_state=seed), ortho_group.rvs(n_in, random_state=seed + 1)
    return left[:, :k] * np.array(values) @ right[:, :k].T


def scaled(base: Matrix, tuned: Matrix) -> float:
    return scaling_share(singular_values(base), singular_values(tuned), float(np.linalg.norm(tuned - base)))


def angles(base: Factors, tuned: Factors, k: int, side: str = "left") -> Matrix:
    return principal_angles(getattr(base, side)[:, :k], getattr(tuned, side)[:, :k])


@given(SHAPES, SEEDS)
def test_factors_make_the_matrix_and_are_scipys(shape: tuple[int, int], seed: int) -> None:
    W = drawn(shape, seed)
    held = decompose(W)
    assert held.left * held.values @ held.right.T == pytest.approx(W, abs=1e-10)
    assert held.values == pytest.approx(svdvals(W), abs=1e-10)
    assert singular_values(W) == pytest.approx(held.values, abs=1e-10)


@given(SHAPES, SEEDS)
def test_what_is_unchanged_has_ratio_one_no_rotation_and_no_intruder(shape: tuple[int, int], seed: int) -> None:
    held = decompose(drawn(shape, seed))
    k = len(held.values)
    assert spectrum_ratio(held.values, held.values) == pytest.approx(np.ones(k))
    assert angles(held, held, k) == pytest.approx(np.zeros(k), abs=1e-7)
    closest = closest_cosines(held.left, held.left)
    assert closest == pytest.approx(np.ones(k))
    assert count_intruders(closest, [0.1, 0.5, 0.99]).tolist() == [0, 0, 0]
    assert np.isnan(scaling_share(held.values, held.values, 0.0))


@given(SHAPES, SEEDS, st.floats(0.1, 10))
def test_a_multiple_scales_all_values_alike_and_turns_nothing(shape: tuple[int, int], seed: int, c: float) -> None:
    W = drawn(shape, seed)
    before, after = decompose(W), decompose(c * W)
    assert spectrum_ratio(before.values, after.values) == pytest.approx(np.full(min(shape), c))
    k = max(1, min(shape) - 1)
    for side in ("left", "right"):
        assert angles(before, after, k, side) == pytest.approx(np.zeros(k), abs=1e-6)
    if abs(c - 1) > 1e-3:
        assert scaled(W, c * W) == pytest.approx(1)


@given(st.integers(3, 12), st.integers(2, 12), SEEDS)
def test_rotated_outputs_change_left_vectors_only(n_out: int, n_in: int, seed: int) -> None:
    W = drawn((n_out, n_in), seed)
    turn = ortho_group.rvs(n_out, random_state=seed % 1000)
    before, after = decompose(W), decompose(turn @ W)
    k = min(n_out, n_in)
    assert spectrum_ratio(before.values, after.values) == pytest.approx(np.ones(k), abs=1e-6)
    assert angles(before, after, k, "right") == pytest.approx(np.zeros(k), abs=1e-6)
    assert scaled(W, turn @ W) == pytest.approx(0, abs=1e-9)
    best = principal_angles(turn @ before.left[:, :1], after.left[:, :1])
    gap = before.values[0] - before.values[1]
    if gap > 1e-3:  # the first vector is one, and not any of a plane
        assert best == pytest.approx(0, abs=1e-6)


@given(SHAPES, SEEDS)
def test_turning_or_reordering_both_sides_alike_changes_no_measure(shape: tuple[int, int], seed: int) -> None:
    base, change = drawn(shape, seed), 0.3 * drawn(shape, seed + 1)
    rng = np.random.default_rng(seed)
    out, into = ortho_group.rvs(shape[0], random_state=seed % 999), rng.permutation(shape[1])
    moved = [(out @ W)[:, into] for W in (base, base + change)]
    assert scaled(base, base + change) == pytest.approx(scaled(*moved), abs=1e-8)
    k = max(1, min(shape) // 2)
    before, after, then, now = (decompose(W) for W in (base, base + change, *moved))
    if min(held.values[k - 1] - held.values[k] for held in (before, after) if k < len(held.values)) > 1e-3:
        assert angles(before, after, k) == pytest.approx(angles(then, now, k), abs=1e-5)
    inside = energy_inside(change, before.left[:, :k], before.right[:, :k])
    assert inside == pytest.approx(energy_inside(moved[1] - moved[0], then.left[:, :k], then.right[:, :k]), abs=1e-5)


@given(SHAPES, SEEDS)
def test_signs_of_singular_vectors_do_not_matter(shape: tuple[int, int], seed: int) -> None:
    base, tuned = drawn(shape, seed), drawn(shape, seed + 1)
    before, after = decompose(base), decompose(tuned)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=len(before.values))
    assert cosines(before.left * signs, after.left) == pytest.approx(cosines(before.left, after.left))
    assert closest_cosines(before.left, after.left * signs) == pytest.approx(closest_cosines(before.left, after.left))
    assert principal_angles(before.left * signs, after.left) == pytest.approx(
        principal_angles(before.left, after.left), abs=1e-6
    )
    flipped = energy_inside(tuned, before.left * signs, before.right)
    assert flipped == pytest.approx(energy_inside(tuned, before.left, before.right))


def test_directions_of_equal_strength_may_mix_without_having_turned() -> None:
    base = of_spectrum([5.0, 5.0, 5.0, 1.0], 10, 8)
    before = decompose(base)
    mixed = (
        np.array([[2, -1, 2], [2, 2, -1], [-1, 2, 2]]) / 3
    )  # no direction of three keeps more than two thirds of itself
    left, right = before.left[:, :3] @ mixed, before.right[:, :3] @ mixed
    turned = np.outer(left[:, 0], right[:, 1]) - np.outer(left[:, 1], right[:, 0])  # which changes no strength
    tuned = base + 1e-9 * (left * [3, 2, 1] @ right.T + turned)
    after = decompose(tuned)
    assert closest_cosines(before.left, after.left[:, :3]).max() < 0.7  # one by one they did
    assert angles(before, after, 3) == pytest.approx(np.zeros(3), abs=1e-7)
    assert scaled(base, tuned) < 1


@given(st.integers(0, 300))
@settings(max_examples=30)
def test_a_large_fresh_direction_is_exactly_one_intruder(seed: int) -> None:
    rng = np.random.default_rng(seed)
    base = of_spectrum(np.geomspace(20, 1, 30).tolist(), 400, 30, seed)
    fresh = [vector / np.linalg.norm(vector) for vector in (rng.normal(size=400), rng.normal(size=30))]
    tuned = base + 60 * np.outer(*fresh)
    closest = closest_cosines(decompose(base).left, decompose(tuned).left[:, :10])
    assert count_intruders(closest, [0.5]).tolist() == [1]
    assert closest.argmin() == 0  # the strongest of all


@given(SHAPES, SEEDS)
def test_more_count_as_intruders_the_higher_the_threshold(shape: tuple[int, int], seed: int) -> None:
    before, after = decompose(drawn(shape, seed)), decompose(drawn(shape, seed + 1))
    closest = closest_cosines(before.left, after.left)
    counted = count_intruders(closest, np.linspace(0, 1, 21))
    assert (np.diff(counted) >= 0).all()
    assert counted[0] == 0
    assert counted.tolist() == [int((closest < limit).sum()) for limit in np.linspace(0, 1, 21)]


@given(st.integers(3, 14), st.integers(1, 6), SEEDS)
def test_principal_angles_are_scipys(n: int, k: int, seed: int) -> None:
    k = min(k, n)
    one, other = (decompose(drawn((n, k), seed + i)).left for i in range(2))
    assert principal_angles(one, other) == pytest.approx(np.sort(subspace_angles(one, other)), abs=1e-7)


def test_tiny_angles_are_not_lost_in_rounding() -> None:
    turn = 1e-9
    one, other = np.eye(3)[:, :1], np.array([[np.cos(turn)], [np.sin(turn)], [0.0]])
    assert principal_angles(one, other) == pytest.approx([turn], rel=1e-6)


@given(st.lists(st.floats(0.01, 10), min_size=2, max_size=8), st.floats(1.01, 2), SEEDS)
def test_stretching_along_the_own_vectors_is_scaling_alone(values: list[float], c: float, seed: int) -> None:
    falling = sorted(values, reverse=True)
    stretched = sorted((value * (c if at % 2 else c + 1) for at, value in enumerate(falling)), reverse=True)
    left, right = (ortho_group.rvs(9, random_state=seed % 1000 + i)[:, : len(falling)] for i in range(2))
    base, tuned = (left * np.array(held) @ right.T for held in (falling, stretched))
    assert scaled(base, tuned) == pytest.approx(1, abs=1e-6)


@given(SHAPES, SEEDS, st.floats(1e-3, 10))
def test_scaling_and_rotation_share_the_change(shape: tuple[int, int], seed: int, size: float) -> None:
    base = drawn(shape, seed)
    tuned = base + size * drawn(shape, seed + 1)
    share = scaled(base, tuned)
    assert 0 <= share <= 1
    # What is left is twice what von Neumann's trace inequality leaves.
    gap = np.sum(singular_values(base) * singular_values(tuned)) - np.sum(base * tuned)
    assert (1 - share) * np.sum((tuned - base) ** 2) == pytest.approx(2 * gap, abs=1e-7)


def test_a_small_random_change_scales_one_part_in_the_longer_side() -> None:
    base = drawn((120, 300), 0)
    found = [scaled(base, base + 1e-4 * drawn(base.shape, seed)) for seed in range(1, 9)]
    assert np.mean(found) == pytest.approx(1 / 300, rel=0.15)


@given(st.integers(1, 6), SEEDS)
def test_a_low_rank_update_has_no_more_directions_than_its_rank(rank: int, seed: int) -> None:
    update = drawn((12, rank), seed) @ drawn((rank, 9), seed + 1)
    values = singular_values(update)
    assert 1 <= stable_rank(values) <= rank + 1e-9
    assert 1 <= entropy_rank(values) <= rank + 1e-9
    assert 1 <= energy_rank(values) <= rank


@given(st.integers(1, 8), st.floats(0.01, 100), SEEDS)
def test_equal_singular_values_count_exactly(rank: int, size: float, seed: int) -> None:
    values = singular_values(of_spectrum([size] * rank, 10, 9, seed % 1000))
    assert stable_rank(values) == pytest.approx(rank)
    assert entropy_rank(values) == pytest.approx(rank)
    assert energy_rank(values) == int(np.ceil(0.9 * rank - 1e-9))
    assert energy_rank(values, share=1.0) == rank


@given(SHAPES, SEEDS, st.floats(0.01, 100))
def test_ranks_are_their_closed_forms_whatever_the_scale(shape: tuple[int, int], seed: int, c: float) -> None:
    D = drawn(shape, seed)
    values = singular_values(c * D)
    assert stable_rank(values) == pytest.approx((np.linalg.norm(D) / np.linalg.norm(D, 2)) ** 2)
    assert entropy_rank(values) == pytest.approx(np.exp(entropy(svdvals(D))))
    curve = energy_curve(values)
    assert curve[-1] == pytest.approx(1)
    assert curve[energy_rank(values) - 1] >= 0.9 - 1e-9


def test_an_update_of_zeros_has_rank_zero() -> None:
    values = singular_values(np.zeros((4, 3)))
    assert (stable_rank(values), entropy_rank(values), energy_rank(values)) == (0, 0, 0)
    assert energy_curve(values).tolist() == [0, 0, 0]
    assert np.isnan(energy_inside(np.zeros((4, 3)), np.eye(4)[:, :1], np.eye(3)[:, :1]))


@given(SHAPES, SEEDS)
def test_energy_inside_is_that_of_both_projections(shape: tuple[int, int], seed: int) -> None:
    base, change = decompose(drawn(shape, seed)), drawn(shape, seed + 1)
    k = max(1, min(shape) // 2)
    U, V = base.left[:, :k], base.right[:, :k]
    projected = U @ U.T @ change @ V @ V.T
    assert energy_inside(change, U, V) == pytest.approx(np.sum(projected**2) / np.sum(change**2))
    assert energy_inside(U @ drawn((k, k), seed) @ V.T, U, V) == pytest.approx(1)


def test_a_random_change_is_inside_as_often_as_chance_has_it() -> None:
    base = decompose(drawn((60, 90), 0))
    found = [energy_inside(drawn((60, 90), seed), base.left[:, :12], base.right[:, :12]) for seed in range(1, 40)]
    assert np.mean(found) == pytest.approx(12 * 12 / (60 * 90), rel=0.1)


def test_a_value_that_the_base_does_not_have_has_no_ratio() -> None:
    found = spectrum_ratio([4.0, 2.0, 0.0], [2.0, 2.0, 1.0])
    assert found[:2].tolist() == [0.5, 1.0]
    assert np.isnan(found[2])


def test_what_is_no_matrix_or_no_spectrum_is_refused() -> None:
    for odd in (np.zeros(3), np.zeros((0, 3)), np.array([[1.0, np.nan]])):
        with pytest.raises(ShapeError, match="Singular values"):
            decompose(odd)
        with pytest.raises(ShapeError, match="Singular values"):
            singular_values(odd)
    for odd_values in ([1.0, 2.0], [], [1.0, -1.0], [np.inf], [[1.0]]):
        with pytest.raises(ShapeError, match="singular values"):
            stable_rank(odd_values)
    with pytest.raises(ShapeError, match="two spectra"):
        spectrum_ratio([2.0, 1.0], [1.0])
    with pytest.raises(ShapeError, match="differ by"):
        scaling_share([3.0, 1.0], [1.0, 1.0], 0.5)
    with pytest.raises(ShapeError, match="norm"):
        scaling_share([3.0, 1.0], [1.0, 1.0], -1.0)
    with pytest.raises(ShapeError, match="one height"):
        closest_cosines(np.eye(3), np.eye(4))
    with pytest.raises(ShapeError, match="as many"):
        principal_angles(np.eye(3)[:, :1], np.eye(3)[:, :2])
    with pytest.raises(ShapeError, match="orthonormal"):
        principal_angles(2 * np.eye(3), np.eye(3))
    with pytest.raises(ShapeError, match="as long as"):
        energy_inside(np.eye(3), np.eye(4)[:, :1], np.eye(3)[:, :1])
    with pytest.raises(SpecInvalid, match="cosines"):
        count_intruders([0.3], [1.2])
    with pytest.raises(SpecInvalid, match="holds"):
        energy_rank([1.0], share=0.0)
