"""Where labels lie: closed forms, scikit-learn, and what turning, moving and stretching a space must not change."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.linalg import subspace_angles
from sklearn.metrics import silhouette_score

from core.errors import NotEnoughData, ShapeError
from core.maths.directprobe import hull_distance
from core.maths.label_geometry import (
    common_squares,
    displacements,
    fisher_ratio,
    in_plane_of,
    label_axes,
    label_sums,
    plane_of,
    share_in_base,
    silhouettes,
    subspace_degrees,
)
from core.maths.statistics import group_folds, half_interval, jackknife

Rows = NDArray[np.float64]
LAWS = settings(max_examples=25, deadline=None)
SEEDS = st.integers(0, 10**6)


def labelled(seed: int, *, n: int = 120, d: int = 6, k: int = 4, apart: float = 1.0) -> tuple[Rows, Rows, Rows]:
    """Rows, labels, folds of 30 groups; every label stands in many folds."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % k
    X = (rng.normal(size=(k, d)) * apart)[label] + rng.normal(size=(n, d))
    return X, label, group_folds(np.arange(n) // 4, n_folds=10)


def rotation(seed: int, d: int) -> Rows:
    return np.asarray(np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0])


def without(X: Rows, label: Rows, folds: Rows, fold: int) -> tuple[Rows, Rows, Rows]:
    kept = folds != fold
    return X[kept], label[kept], np.unique(folds[kept], return_inverse=True)[1]


# -- how far apart


def test_the_fisher_ratio_of_one_dimension_is_the_f_statistic() -> None:
    from scipy.stats import f_oneway

    X, label, folds = labelled(0, d=1)
    found = fisher_ratio(*label_sums(X, label, folds).without())
    expected = f_oneway(*(X[label == at, 0] for at in range(4))).statistic
    assert found == pytest.approx(expected)


def test_labels_that_mean_nothing_have_a_fisher_ratio_of_one_on_the_mean() -> None:
    values = [fisher_ratio(*label_sums(*labelled(seed, apart=0.0, n=80)).without()) for seed in range(200)]
    assert np.mean(values) == pytest.approx(1.0, abs=0.05)


@LAWS
@given(seed=SEEDS, scale=st.floats(0.01, 100))
def test_turning_moving_and_stretching_a_space_changes_no_measure_of_one_side(seed: int, scale: float) -> None:
    X, label, folds = labelled(seed)
    Y = scale * X @ rotation(seed, X.shape[1]) + 7
    one, other = label_sums(X, label, folds), label_sums(Y, label, folds)
    np.testing.assert_allclose(other.leaving_out(fisher_ratio), one.leaving_out(fisher_ratio), rtol=1e-6)
    np.testing.assert_allclose(silhouettes(Y, label, folds), silhouettes(X, label, folds), atol=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_sums_without_a_fold_are_those_of_the_rows_that_are_left(seed: int) -> None:
    X, label, folds = labelled(seed)
    found = label_sums(X, label, folds).leaving_out(fisher_ratio)
    near = silhouettes(X, label, folds)
    for fold in range(10):
        left = without(X, label, folds, fold)
        assert found[1 + fold] == pytest.approx(fisher_ratio(*label_sums(*left).without()), rel=1e-9)
        assert near[1 + fold] == pytest.approx(silhouette_score(left[0], left[1]), abs=1e-9)
    assert near[0] == pytest.approx(silhouette_score(X, label), abs=1e-9)


def test_the_only_row_of_a_label_counts_nothing_as_in_the_reference() -> None:
    rng = np.random.default_rng(0)
    X, label, folds = rng.normal(size=(22, 3)), np.array([0] * 10 + [1] * 10 + [2] * 2), np.arange(22) % 2
    kept = folds == 1
    assert np.bincount(label[kept])[2] == 1
    assert silhouettes(X, label, folds)[1] == pytest.approx(silhouette_score(X[kept], label[kept]), abs=1e-9)
    with pytest.raises(NotEnoughData, match="one fold only"):
        silhouettes(X, label, label)


# -- displacements and directions


def test_a_label_that_alone_was_moved_alone_has_moved() -> None:
    X, label, folds = labelled(1)
    step = np.array([0.0, 3, 0, 4, 0, 0])
    Y = X + (label == 2)[:, None] * step
    vectors, lengths = displacements(label_sums(X, label, folds), label_sums(Y, label, folds))
    np.testing.assert_allclose(vectors[2], step, atol=1e-9)
    np.testing.assert_allclose(lengths[0], [0, 0, 5, 0], atol=1e-9)
    # The same rows on both sides: leaving out a fold leaves the same step.
    np.testing.assert_allclose(lengths[:, 2], 5, atol=1e-9)


def test_displacements_in_a_plane_are_drawn_as_they_are() -> None:
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(5, 2))
    drawn, share = plane_of(flat @ rotation(1, 7)[:2])
    assert share == pytest.approx(1)
    np.testing.assert_allclose(drawn @ drawn.T, flat @ flat.T, atol=1e-9)
    twice, _ = plane_of(2 * flat @ rotation(1, 7)[:2])
    np.testing.assert_allclose(twice, 2 * drawn, atol=1e-9)
    assert plane_of(np.zeros((3, 4)))[1] == 1
    assert plane_of(np.ones((3, 1)))[0].shape == (3, 2)


@LAWS
@given(seed=SEEDS)
def test_further_vectors_are_drawn_in_the_plane_that_the_first_chose(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors, others = rng.normal(size=(6, 9)), rng.normal(size=(4, 9))
    np.testing.assert_allclose(in_plane_of(vectors, vectors), plane_of(vectors)[0], atol=1e-9)
    drawn = in_plane_of(vectors, others)
    assert (np.linalg.norm(drawn, axis=1) <= np.linalg.norm(others, axis=1) + 1e-9).all()
    np.testing.assert_allclose(
        in_plane_of(vectors, 2 * others - vectors[:4]), 2 * drawn - plane_of(vectors)[0][:4], atol=1e-9
    )


def test_what_nothing_chose_is_no_axis() -> None:
    along = np.outer([1.0, -2.0], [3.0, 4.0, 0.0])
    drawn = in_plane_of(along, np.eye(3))
    np.testing.assert_allclose(np.abs(drawn), [[0.6, 0], [0.8, 0], [0, 0]], atol=1e-12)
    assert not in_plane_of(np.zeros((2, 3)), np.eye(3)).any()
    assert in_plane_of(np.ones((3, 1)), np.ones((1, 1))).shape == (1, 2)
    with pytest.raises(ShapeError, match="3 and 2 dimensions"):
        in_plane_of(along, np.eye(2))


@LAWS
@given(seed=SEEDS)
def test_angles_are_those_of_the_reference(seed: int) -> None:
    one, other = (label_sums(*labelled(seed + at, d=9)) for at in (0, 1))
    expected = np.degrees(subspace_angles(label_axes(*one.without()[:2]).T, label_axes(*other.without()[:2]).T))
    np.testing.assert_allclose(subspace_degrees(one, other), np.sort(expected), atol=1e-4)


@LAWS
@given(seed=SEEDS, scale=st.floats(0.1, 10))
def test_labels_that_only_moved_along_their_own_directions_share_them_all(seed: int, scale: float) -> None:
    X, label, folds = labelled(seed, d=8, apart=3)
    base = label_sums(X, label, folds)
    means = base.without()[0]
    Y = X + scale * (means - means.mean(axis=0))[label]
    tuned = label_sums(Y, label, folds)
    assert share_in_base(base, tuned)[0] == pytest.approx(1)
    np.testing.assert_allclose(subspace_degrees(base, tuned), 0, atol=1e-6)
    assert share_in_base(base, label_sums(scale * Y, label, folds))[0] == pytest.approx(1)


def test_labels_that_part_along_new_directions_share_none() -> None:
    rng = np.random.default_rng(0)
    label, folds = np.arange(80) % 3, group_folds(np.arange(80) // 4, n_folds=10)
    own, fresh = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    X = np.c_[own[label], np.zeros((80, 4))]
    Y = np.c_[np.zeros((80, 4)), fresh[label]]
    sums = label_sums(X, label, folds), label_sums(Y, label, folds)
    assert share_in_base(*sums)[0] == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(subspace_degrees(*sums), 90, atol=1e-6)


def test_random_directions_share_what_chance_gives_them() -> None:
    shares = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        label, folds = np.arange(40) % 5, np.arange(40) // 5 % 4
        X, Y = rng.normal(size=(5, 32))[label], rng.normal(size=(5, 32))[label]
        shares.append(share_in_base(label_sums(X, label, folds), label_sums(Y, label, folds))[0])
    assert np.mean(shares) == pytest.approx(4 / 32, abs=0.015)


# -- noise has a length, but none in common


@pytest.mark.parametrize("step", [0.0, 0.5])
def test_squares_without_what_scatter_adds_are_those_of_the_common_step(step: float) -> None:
    found, naive = [], []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        label, folds = np.arange(60) % 2, group_folds(np.arange(60) // 2, n_folds=10)
        X = rng.normal(size=(60, 8))
        Y = X + rng.normal(size=(60, 8)) + step * np.eye(8)[0]
        sums = label_sums(X, label, folds), label_sums(Y, label, folds)
        found.append(common_squares(*sums)[0])
        naive.append(displacements(*sums)[1][0] ** 2)
    assert np.mean(found) == pytest.approx(step**2, abs=0.03)
    assert np.mean(naive) > step**2 + 0.2  # 8 dimensions of scatter over 30 rows


def test_what_only_scattered_is_rarely_called_moved() -> None:
    called = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        label, folds = np.arange(120) % 2, group_folds(np.arange(120) // 2, n_folds=20)
        X = rng.normal(size=(120, 6))
        squares = common_squares(label_sums(X, label, folds), label_sums(X + rng.normal(size=X.shape), label, folds))
        called += sum(jackknife(float(own[0]), own[1:], n=60).low > 0 for own in squares.T)
    assert called / 400 < 0.06


def test_squares_without_a_fold_are_those_of_the_rows_that_are_left() -> None:
    X, label, folds = labelled(3)
    Y = X + np.random.default_rng(0).normal(size=X.shape) + 0.3
    found = common_squares(label_sums(X, label, folds), label_sums(Y, label, folds))
    for fold in (0, 7):
        one, other = (label_sums(*without(side, label, folds, fold)) for side in (X, Y))
        np.testing.assert_allclose(found[1 + fold], common_squares(one, other)[0], atol=1e-12)


# -- intervals


def test_intervals_by_halves_hold_the_truth_of_a_mean_as_often_as_they_say() -> None:
    rng, inside = np.random.default_rng(0), 0
    for _ in range(400):
        rows = rng.normal(size=60)
        halves = [rows[rng.choice(60, 30, replace=False)].mean() for _ in range(10)]
        found = half_interval(float(rows.mean()), halves, n=60)
        inside += found.low <= 0 <= found.high
    assert 0.90 <= inside / 400 <= 0.98


def test_intervals_of_a_difference_of_hull_distances_hold_none_where_both_sides_are_drawn_alike() -> None:
    inside = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        label = np.arange(120) % 2
        sides = [rng.uniform(-1, 1, size=(120, 2)) + 2.5 * label[:, None] for _ in range(2)]
        halves = [np.flatnonzero(np.isin(np.arange(120) // 2, rng.choice(60, 30, replace=False))) for _ in range(10)]

        def apart(X: Rows, rows: Rows, label: Rows = label) -> float:
            own = label[rows]
            return hull_distance(X[rows][own == 0], X[rows][own == 1])

        everything = np.arange(120)
        whole = apart(sides[1], everything) - apart(sides[0], everything)
        found = half_interval(whole, [apart(sides[1], half) - apart(sides[0], half) for half in halves], n=60)
        inside += found.low <= 0 <= found.high
    assert 0.88 <= inside / 120 <= 0.99


def test_intervals_of_a_difference_of_fisher_ratios_hold_the_truth() -> None:
    # Both sides are drawn alike, so their true difference is none.
    inside = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        label, folds = np.arange(120) % 3, group_folds(np.arange(120) // 3, n_folds=20)
        shared = rng.normal(size=(120, 4))
        sides = [shared + rng.normal(size=(120, 4)) + np.eye(3, 4)[label] for _ in range(2)]
        one, other = (np.log2(label_sums(side, label, folds).leaving_out(fisher_ratio)) for side in sides)
        found = jackknife(float(other[0] - one[0]), (other - one)[1:], n=120)
        inside += found.low <= 0 <= found.high
    assert 0.88 <= inside / 150 <= 0.99


# -- bad input


def test_what_cannot_be_compared_is_said() -> None:
    X, label, folds = labelled(0)
    with pytest.raises(NotEnoughData, match="one label"):
        label_sums(X, np.zeros(120, dtype=int), folds)
    with pytest.raises(ShapeError, match="one a row"):
        label_sums(X, label[:-1], folds)
    with pytest.raises(ShapeError, match="finite"):
        label_sums(np.where(X > 1, np.inf, X), label, folds)
    with pytest.raises(NotEnoughData, match="one fold only"):
        label_sums(X, label, label).leaving_out(fisher_ratio)
    with pytest.raises(NotEnoughData, match="differs from its label"):
        fisher_ratio(*label_sums(np.eye(4)[label], label, folds).without())
    with pytest.raises(ShapeError, match="one width"):
        displacements(label_sums(X, label, folds), label_sums(X[:, :3], label, folds))
    with pytest.raises(NotEnoughData, match="coincide"):
        share_in_base(label_sums(X, label, folds), label_sums(np.ones((120, 6)), label, folds))
