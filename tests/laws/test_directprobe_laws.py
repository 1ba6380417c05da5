"""DirectProbe held to linear programmes, to a support vector machine, and to the published procedure written out plainly."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog
from sklearn.svm import SVC

from core.errors import NotEnoughData, ShapeError
from core.maths import directprobe
from core.maths.directprobe import (
    Clusters,
    cluster_label_distances,
    direct_probe,
    hull_distance,
    label_distances,
    separable,
    spatial_similarity,
)

Rows = NDArray[np.float64]
LAWS = settings(max_examples=40, deadline=None)
SEEDS = st.integers(0, 10**6)


def are_apart(A: Rows, B: Rows) -> bool:
    """The authors' feasibility programme: w.x + b >= 1 on A, <= -1 on B."""
    rows = np.concatenate([np.c_[-A, -np.ones(len(A))], np.c_[B, np.ones(len(B))]])
    return linprog(np.zeros(rows.shape[1]), A_ub=rows, b_ub=-np.ones(len(rows)), bounds=(None, None)).status == 0


def clouds(seed: int, *, n: int = 40, d: int = 3, k: int = 3, apart: float = 1.0) -> tuple[Rows, NDArray[np.int64]]:
    """n rows around k centres; every label occurs."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    return (rng.normal(size=(k, d)) * apart)[labels] + rng.normal(size=(n, d)), labels


def rotation(seed: int, d: int) -> Rows:
    return np.asarray(np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0])


# -- golden cases


def test_the_rectangles_of_the_paper_are_four_apart() -> None:
    A, B = [(1, 6), (1, 3), (15, 3), (15, 6)], [(1, -3), (1, -1), (2, -3), (2, -1)]
    assert hull_distance(A, B) == pytest.approx(4, abs=1e-12)


def test_two_gaussian_clouds_lie_as_far_apart_as_published() -> None:
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(60, 16)), rng.normal(size=(60, 16))
    B[:, 0] += 8
    Q = rotation(1, 16)
    assert hull_distance(A, B) == pytest.approx(3.9937, abs=5e-5)
    assert hull_distance(A @ Q, B @ Q) == pytest.approx(hull_distance(A, B), rel=1e-9)
    assert hull_distance(2 * A, 2 * B) == pytest.approx(7.9874, abs=1e-4)


def test_exclusive_or_is_not_separable_and_needs_more_clusters_than_labels() -> None:
    X, labels = np.array([[0, 0], [1, 1], [0, 1], [1, 0]]), ["even", "even", "odd", "odd"]
    assert not separable(X[:2], X[2:])
    assert hull_distance(X[:2], X[2:]) == 0
    found = direct_probe(X, labels)
    assert (found.n_clusters, found.is_linear) == (3, False)


# -- two hulls


@LAWS
@given(seed=SEEDS, shift=st.floats(0, 3), d=st.integers(1, 6))
def test_a_plane_is_found_exactly_where_the_programme_finds_one(seed: int, shift: float, d: int) -> None:
    rng = np.random.default_rng(seed)
    A, B = rng.normal(size=(rng.integers(1, 25), d)), rng.normal(size=(rng.integers(1, 25), d)) + shift
    assert separable(A, B) == are_apart(A, B)
    assert (hull_distance(A, B) > 0) == separable(A, B)


@LAWS
@given(seed=SEEDS)
def test_on_a_grid_hulls_touch_duplicate_and_lie_flat(seed: int) -> None:
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, 4))
    A, B = (rng.integers(-2, 3, size=(rng.integers(1, 12), d)).astype(float) for _ in range(2))
    assert separable(A, B) == are_apart(A, B)


@pytest.mark.parametrize("place", ["corner", "edge", "inside"])
def test_hulls_that_share_one_point_are_not_separable(place: str) -> None:
    square = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]])
    other = {"corner": [[1, 1], [2, 2]], "edge": [[1, 0.5], [3, 0]], "inside": [[0.5, 0.5]]}[place]
    assert not separable(square, other)
    assert hull_distance(square, other) == 0


@pytest.mark.parametrize("gap", [1e-9, 1e-6, 1e-3])
def test_a_gap_far_below_a_programmes_tolerance_is_still_a_gap(gap: float) -> None:
    rng = np.random.default_rng(0)
    A, B = rng.uniform(0, 1, (30, 4)), rng.uniform(0, 1, (30, 4))
    A[:, 0] = -A[:, 0] - gap
    A[0, 0], B[0, 0] = -gap, 0.0
    A[0, 1:] = B[0, 1:]
    assert separable(A, B)
    assert hull_distance(A, B) == pytest.approx(gap, rel=1e-4)


@LAWS
@given(seed=SEEDS, scale=st.floats(0.01, 100), d=st.integers(1, 8))
def test_a_distance_is_symmetric_turns_and_shifts_with_the_space_and_grows_with_it(
    seed: int, scale: float, d: int
) -> None:
    rng = np.random.default_rng(seed)
    A, B = rng.normal(size=(12, d)), rng.normal(size=(9, d)) + 3
    moved = [scale * side @ rotation(seed, d) + rng.normal(size=d) * 0 + 5 for side in (A, B)]
    found = hull_distance(A, B)
    assert hull_distance(B, A) == pytest.approx(found, rel=1e-7, abs=1e-10)
    assert hull_distance(*moved) == pytest.approx(scale * found, rel=1e-6, abs=1e-8 * scale)


@LAWS
@given(seed=SEEDS)
def test_more_points_never_lie_farther_and_inner_points_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    A, B = rng.normal(size=(10, 4)), rng.normal(size=(10, 4)) + 2.5
    inner = rng.dirichlet(np.ones(len(A)), size=5) @ A
    found = hull_distance(A, B)
    assert hull_distance(np.concatenate([A, inner]), B) == pytest.approx(found, rel=1e-7, abs=1e-10)
    assert hull_distance(np.concatenate([A, rng.normal(size=(3, 4))]), B) <= found + 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_a_distance_is_twice_the_margin_of_a_hard_support_vector_machine(seed: int) -> None:
    rng = np.random.default_rng(seed)
    A, B = rng.normal(size=(40, 10)), rng.normal(size=(30, 10)) + 2.5
    machine = SVC(kernel="linear", C=1e6, tol=1e-6).fit(np.concatenate([A, B]), [0] * 40 + [1] * 30)
    assert hull_distance(A, B) == pytest.approx(2 / np.linalg.norm(machine.coef_), rel=1e-4)


def test_the_nearest_points_of_wide_vectors_meet_their_own_optimality() -> None:
    rng = np.random.default_rng(3)
    A, B = rng.normal(size=(80, 300)), rng.normal(size=(60, 300)) + 0.2
    from core.maths.hull_pairs import nearest_points

    found = nearest_points(A, B)
    normal = found.normal / np.linalg.norm(found.normal)
    # No two hulls lie nearer than a slab that parts them is wide.
    assert float((A @ normal).min() - (B @ normal).max()) == pytest.approx(found.distance, rel=1e-8)


# -- clusters


def published(X: Rows, labels: NDArray[Any], *, is_capped: bool = False) -> set[frozenset[int]]:
    """Clusters by the published procedure: merge blindly, go back to the last clean state, go on with care."""
    clusters = [frozenset([i]) for i in range(len(X))]

    def label(cluster: frozenset[int]) -> Any:
        return labels[next(iter(cluster))]

    def pairs(held: list[frozenset[int]], refused: set[frozenset[frozenset[int]]]) -> list[tuple[float, int, int]]:
        centre = [X[list(one)].mean(axis=0) for one in held]
        return sorted(
            (float(np.linalg.norm(centre[i] - centre[j])), i, j)
            for i, j in combinations(range(len(held)), 2)
            if label(held[i]) == label(held[j]) and frozenset([held[i], held[j]]) not in refused
        )

    def merged(held: list[frozenset[int]], i: int, j: int) -> list[frozenset[int]]:
        return [one for at, one in enumerate(held) if at not in (i, j)] + [held[i] | held[j]]

    def is_clean(held: list[frozenset[int]]) -> bool:
        return all(
            are_apart(X[list(one)], X[list(other)])
            for one, other in combinations(held, 2)
            if label(one) != label(other)
        )

    states = [clusters]
    while candidates := pairs(states[-1], set()):
        states.append(merged(states[-1], *candidates[0][1:]))
    if is_clean(states[-1]):
        return set(states[-1])
    good, bad = 0, len(states) - 1
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if is_clean(states[middle]) else (good, middle)
    held, refused = states[good], set()
    left = len(held)
    while (candidates := pairs(held, refused)) and (left > 0 or not is_capped):
        _, i, j = candidates[0]
        left -= 1
        if is_clean(after := merged(held, i, j)):
            held = after
        else:
            refused.add(frozenset([held[i], held[j]]))
    return set(held)


def partition(found: Clusters) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(found.assignment == at).tolist()) for at in range(found.n_clusters)}


@pytest.mark.parametrize("seed", range(8))
def test_clusters_are_those_of_the_published_procedure(seed: int) -> None:
    X, labels = clouds(seed, n=18, d=2 + seed % 2, k=2 + seed % 3, apart=1.2)
    assert partition(direct_probe(X, labels)) == published(X, labels)


@pytest.mark.parametrize("seed", range(4))
def test_the_older_loop_stops_after_as_many_tries_as_there_were_clusters(seed: int) -> None:
    X, labels = clouds(seed, n=18, d=2, k=2, apart=0.3)
    found = direct_probe(X, labels, is_capped=True)
    assert partition(found) == published(X, labels, is_capped=True)
    assert found.n_clusters >= direct_probe(X, labels).n_clusters


@pytest.mark.parametrize(("seed", "d"), [(0, 2), (1, 3), (2, 4)])
def test_clusters_are_pure_apart_and_as_few_as_hulls_allow(seed: int, d: int) -> None:
    X, labels = clouds(seed, n=60, d=d, k=3, apart=0.8)
    found = direct_probe(X, labels)
    parts = [np.flatnonzero(found.assignment == at) for at in range(found.n_clusters)]
    assert found.n_clusters > 3
    assert not found.is_linear
    assert all(len(set(labels[part])) == 1 for part in parts)
    for one, other in combinations(parts, 2):
        if labels[one[0]] != labels[other[0]]:
            assert are_apart(X[one], X[other])
            continue
        together = X[np.concatenate([one, other])]
        assert not all(are_apart(together, X[far]) for far in parts if labels[far[0]] != labels[one[0]])


@LAWS
@given(seed=SEEDS, d=st.integers(1, 5), apart=st.floats(0.2, 6))
def test_the_order_of_rows_changes_nothing(seed: int, d: int, apart: float) -> None:
    X, labels = clouds(seed, d=d, apart=apart)
    order = np.random.default_rng(seed).permutation(len(X))
    one, other = direct_probe(X, labels), direct_probe(X[order], labels[order])
    np.testing.assert_array_equal(one.assignment[order], other.assignment)
    assert (one.n_clusters, one.is_linear) == (other.n_clusters, other.is_linear)


@LAWS
@given(seed=SEEDS, k=st.integers(2, 6))
def test_separable_labels_have_a_cluster_each_and_only_they(seed: int, k: int) -> None:
    X, labels = clouds(seed, n=30, d=2, k=k, apart=4)
    found = direct_probe(X, labels)
    truth = all(are_apart(X[labels == a], X[labels == b]) for a, b in combinations(range(k), 2))
    assert found.is_linear == truth == (found.n_clusters == k)


def test_few_points_in_many_dimensions_are_linear_under_any_labels() -> None:
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(60, 64)), rng.integers(0, 5, 60)
    assert direct_probe(X, labels).is_linear
    assert direct_probe(X, rng.permutation(labels)).is_linear


def test_rows_that_no_cluster_can_part_stay_alone_and_are_counted() -> None:
    X = np.array([[0.0, 0], [0, 0], [5, 5], [5, 6], [9, 9], [9, 8]])
    found = direct_probe(X, ["a", "b", "a", "a", "b", "b"])
    assert found.n_conflicting == 2
    assert partition(found) == {frozenset([0]), frozenset([1]), frozenset([2, 3]), frozenset([4, 5])}
    assert not found.is_linear


def test_duplicated_rows_of_one_label_share_a_cluster() -> None:
    X = np.repeat([[0.0, 0], [1, 1], [0, 1], [1, 0]], 3, axis=0)
    found = direct_probe(X, np.repeat(["a", "a", "b", "b"], 3))
    assert found.n_conflicting == 0
    assert found.n_clusters == 3


@pytest.mark.parametrize("n", [1, 5])
def test_one_label_alone_is_one_cluster(n: int) -> None:
    found = direct_probe(np.random.default_rng(0).normal(size=(n, 3)), ["a"] * n)
    assert (found.n_clusters, found.is_linear) == (1, True)


def test_equal_rows_of_two_labels_are_all_in_conflict() -> None:
    found = direct_probe(np.ones((4, 3)), [0, 0, 1, 1])
    assert (found.n_clusters, found.n_conflicting, found.is_linear) == (4, 4, False)


def test_progress_is_told_and_may_end_the_search() -> None:
    X, labels = clouds(0, n=60, d=2, apart=0.5)

    def stop(done: int, total: int) -> None:
        assert total == 60
        if done >= 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        direct_probe(X, labels, on_step=stop)


# -- distances of labels


def test_in_a_linear_space_both_kinds_of_distance_agree() -> None:
    X, labels = clouds(0, n=60, d=8, k=4, apart=5)
    found = direct_probe(X, labels)
    assert found.is_linear
    by_cluster = cluster_label_distances(X, labels, found)
    assert by_cluster == pytest.approx(label_distances(X, labels))
    assert set(by_cluster) == set(combinations(range(4), 2))


def test_small_clusters_give_no_distance_instead_of_none_at_all() -> None:
    X, labels = clouds(0, n=60, d=8, k=4, apart=5)
    few = np.concatenate([X, np.full((5, 8), 40.0)])
    with_rare = np.append(labels, [9] * 5)
    found = cluster_label_distances(few, with_rare, direct_probe(few, with_rare))
    assert all(9 not in pair for pair in found)
    assert any(
        9 in pair for pair in cluster_label_distances(few, with_rare, direct_probe(few, with_rare), min_points=5)
    )


def test_several_clusters_of_a_label_are_averaged() -> None:
    X = np.array([[0.0], [1], [10], [11], [20], [21]])
    labels = ["a", "a", "b", "b", "a", "a"]
    found = direct_probe(X, labels)
    assert found.n_clusters == 3
    assert cluster_label_distances(X, labels, found, min_points=2) == {("a", "b"): pytest.approx(9.0)}
    assert label_distances(X, labels) == {("a", "b"): 0.0}


@pytest.mark.parametrize("scale", [1e-16, 1.0, 1e16])
def test_spatial_similarity_knows_no_scale(scale: float) -> None:
    first = {(0, 1): 1.0, (0, 2): 2.0, (1, 2): 4.0}
    second = {pair: scale * d for pair, d in zip(first, (1.0, 3.0, 2.0), strict=True)}
    assert spatial_similarity(first, second) == pytest.approx(np.corrcoef([1, 2, 4], [1, 3, 2])[0, 1])


def test_spatial_similarity_is_a_correlation_over_common_pairs() -> None:
    first = {("a", "b"): 1.0, ("a", "c"): 2.0, ("b", "c"): 4.0}
    assert spatial_similarity(first, {pair: 3 * d + 1 for pair, d in first.items()}) == pytest.approx(1)
    assert spatial_similarity(first, {pair: -d for pair, d in first.items()}) == pytest.approx(-1)
    # A pair that one side lacks is no distance of 0.
    assert spatial_similarity(first | {("c", "d"): 100.0}, first) == pytest.approx(1)
    rng = np.random.default_rng(0)
    one, other = ({(i, i + 1): float(x) for i, x in enumerate(rng.normal(size=30))} for _ in range(2))
    expected = np.corrcoef(list(one.values()), list(other.values()))[0, 1]
    assert spatial_similarity(one, other) == pytest.approx(expected)


# -- bad input


@pytest.mark.parametrize("ask", [direct_probe, label_distances], ids=["clusters", "distances"])
def test_what_cannot_be_clustered_is_said(ask: Callable[..., Any]) -> None:
    with pytest.raises(ShapeError, match="label a row"):
        ask(np.ones((3, 2)), [0, 1])
    with pytest.raises(ShapeError, match="finite"):
        ask(np.array([[0.0], [np.nan]]), [0, 1])
    with pytest.raises(NotEnoughData, match="no row"):
        ask(np.ones((0, 2)), [])


def test_too_little_for_a_distance_is_said() -> None:
    with pytest.raises(NotEnoughData, match="one label"):
        label_distances(np.ones((3, 2)), [1, 1, 1])
    with pytest.raises(NotEnoughData, match="at least 3"):
        spatial_similarity({(0, 1): 1.0, (0, 2): 2.0}, {(0, 1): 1.0, (0, 2): 2.0})
    with pytest.raises(NotEnoughData, match="equal"):
        spatial_similarity({(0, i): 9e4 + 1e-11 * i for i in range(4)}, {(0, i): float(i) for i in range(4)})
    with pytest.raises(ShapeError, match="not finite"):
        spatial_similarity({(0, i): np.nan for i in range(4)}, {(0, i): float(i) for i in range(4)})
    with pytest.raises(ShapeError, match="one width"):
        hull_distance(np.ones((2, 2)), np.ones((2, 3)))
    with pytest.raises(NotEnoughData, match="each side"):
        separable(np.ones((0, 2)), np.ones((2, 2)))
    X, labels = clouds(0)
    with pytest.raises(ShapeError, match="cluster to each row"):
        cluster_label_distances(X[:-1], labels[:-1], direct_probe(X, labels))


def test_where_rounding_leaves_it_open_a_programme_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    # No plane or common point is accepted at all here, so every answer is the programme's.
    from core.maths import hull_pairs

    asked = []
    programme = hull_pairs._programme_says_apart
    monkeypatch.setattr(hull_pairs, "_APART", np.inf)
    monkeypatch.setattr(hull_pairs, "_TOUCHING", -1.0)
    monkeypatch.setattr(hull_pairs, "_programme_says_apart", lambda A, B: asked.append(1) or programme(A, B))
    X, labels = clouds(1, n=20, d=2, apart=1.5)
    for a, b in combinations(range(3), 2):
        assert directprobe.separable(X[labels == a], X[labels == b]) == are_apart(X[labels == a], X[labels == b])
    assert len(asked) == 3
