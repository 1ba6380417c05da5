"""What holds for axes whatever the rows: they turn with the space, find what was planted, and agree with scikit-learn."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import NotEnoughData, ShapeError, SpecInvalid, TunescopeError
from core.maths.axes import axes_cosine, concept_axis, discriminant_axes, ledoit_wolf, parted, probe_axes, rest_axis

FEW = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def labelled(seed: int, n: int = 90, width: int = 12, labels: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Clouds of unequal size and unround shape."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(labels), rng.integers(0, labels, n - labels), np.zeros(n // 4, int)])
    spread = rng.normal(size=(width, width)) / 3
    return 2 * rng.normal(size=(labels, width))[y] + rng.normal(size=(len(y), width)) @ spread + 5, y


def turned(seed: int, width: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0]


@FEW
@given(seeds, st.integers(1, 3), st.floats(0.01, 100), st.sampled_from([12, 150]))
def test_discriminant_scores_are_blind_to_turning_scaling_and_shifting(
    seed: int, n: int, scale: float, width: int
) -> None:
    X, y = labelled(seed, width=width)
    scores = (X - X.mean(axis=0)) @ discriminant_axes(X, y, n).T
    moved = scale * X @ turned(seed, width) + 3 * scale
    again = (moved - moved.mean(axis=0)) @ discriminant_axes(moved, y, n).T
    np.testing.assert_allclose(again, scores, atol=1e-5 * np.abs(scores).max())


@FEW
@given(seeds, st.sampled_from([8, 40, 200]))
def test_discriminants_agree_with_scikit_learn_at_the_same_shrinkage(seed: int, width: int) -> None:
    from sklearn.covariance import ledoit_wolf_shrinkage
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    X, y = labelled(seed, width=width)
    within = X - np.stack([X[y == at].mean(axis=0) for at in range(4)])[y]
    share = ledoit_wolf(within)
    assert share == pytest.approx(ledoit_wolf_shrinkage(within, assume_centered=True), rel=1e-6)
    reference = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=share).fit(X, y)
    ours = discriminant_axes(X, y, 3)
    # Its solver by eigenvectors shrinks the scatter between labels too; its coefficients span the same space as ours.
    weights = reference.coef_ - np.bincount(y) / len(y) @ reference.coef_
    assert axes_cosine(np.linalg.svd(weights)[2][:3], ours) == pytest.approx(1)
    (only,) = discriminant_axes(X[y < 2], y[y < 2], 1)
    own = ledoit_wolf(within[y < 2])
    pair = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=own).fit(X[y < 2], y[y < 2])
    assert axes_cosine([only], pair.coef_) == pytest.approx(1)


@FEW
@given(seeds, st.sampled_from([6, 120]))
def test_discriminants_solve_the_generalised_eigenproblem_best_first(seed: int, width: int) -> None:
    from scipy.linalg import eigh

    X, y = labelled(seed, width=width)
    means = np.stack([X[y == at].mean(axis=0) for at in range(4)])[y]
    within, apart = X - means, means - X.mean(axis=0)
    share, scatter = ledoit_wolf(within), within.T @ within / len(X)
    mixed = (1 - share) * scatter + share * np.trace(scatter) / width * np.eye(width)
    _, vectors = eigh(apart.T @ apart / len(X), mixed)
    theirs, ours = vectors[:, ::-1][:, :3].T, discriminant_axes(X, y, 3)
    signs = np.sign((theirs * ours).sum(axis=1))[:, None]
    np.testing.assert_allclose(ours, signs * theirs, atol=1e-6 * np.abs(theirs).max())


@FEW
@given(seeds, st.sampled_from([6, 120]))
def test_rows_of_a_label_have_variance_one_by_the_shrunken_scatter_and_later_labels_lie_to_the_right(
    seed: int, width: int
) -> None:
    X, y = labelled(seed, width=width, labels=3)
    axes = discriminant_axes(X, y, 2)
    within = X - np.stack([X[y == at].mean(axis=0) for at in range(3)])[y]
    share, scatter = ledoit_wolf(within), within.T @ within / len(X)
    mixed = (1 - share) * scatter + share * np.trace(scatter) / width * np.eye(width)
    np.testing.assert_allclose(axes @ mixed @ axes.T, np.eye(2), atol=1e-8)
    (only,) = discriminant_axes(X[y < 2], y[y < 2], 1)
    assert (X[y == 1] @ only).mean() > (X[y == 0] @ only).mean()


@FEW
@given(seeds, st.floats(0.01, 100))
def test_a_concept_axis_turns_with_the_space_has_length_one_and_is_reversed_by_exchanging_its_ends(
    seed: int, scale: float
) -> None:
    X, y = labelled(seed, labels=3)
    axis, turn = concept_axis(X, y == 0, y == 1), turned(seed, X.shape[1])
    assert np.linalg.norm(axis) == pytest.approx(1)
    np.testing.assert_allclose(concept_axis(scale * X @ turn - 4, y == 0, y == 1), axis @ turn, atol=1e-9)
    np.testing.assert_allclose(concept_axis(X, y == 1, y == 0), -axis, atol=1e-12)


@FEW
@given(seeds)
def test_a_planted_direction_is_found_by_both(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, 1500)
    planted = rng.normal(size=20)
    planted /= np.linalg.norm(planted)
    X = rng.normal(size=(1500, 20)) + 3 * y[:, None] * planted
    assert concept_axis(X, y == 0, y == 1) @ planted > 0.97
    assert axes_cosine(discriminant_axes(X, y, 1), [planted]) > 0.97


@FEW
@given(seeds, st.sampled_from([8, 120]))
def test_probe_axes_are_the_components_of_the_logits_of_scikit_learns_probe(seed: int, width: int) -> None:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    X, y = labelled(seed, width=width)
    read = StandardScaler().fit_transform(X)
    reference = LogisticRegression(C=0.05, tol=1e-8, max_iter=5000).fit(read, y)
    components = PCA(2).fit_transform(reference.decision_function(read))
    ours = (X - X.mean(axis=0)) @ probe_axes(X, y, 2, C=0.05).T
    for place in range(2):
        assert abs(np.corrcoef(ours[:, place], components[:, place])[0, 1]) > 0.999
    pair = y < 2  # of two labels its C is twice ours, see fit_linear_probes
    scaler = StandardScaler().fit(X[pair])
    two = LogisticRegression(C=0.1, tol=1e-8, max_iter=5000).fit(scaler.transform(X[pair]), y[pair])
    (only,) = probe_axes(X[pair], y[pair], 1, C=0.05)
    assert axes_cosine([only], two.coef_ / scaler.scale_) == pytest.approx(1, abs=1e-3)


@FEW
@given(seeds, st.floats(-20, 20))
def test_probe_axes_have_the_unit_and_signs_of_discriminants_and_are_blind_to_units_of_dimensions(
    seed: int, shift: float
) -> None:
    X, y = labelled(seed, labels=3)
    axes = probe_axes(X, y, 2, C=0.05)
    within = X - np.stack([X[y == at].mean(axis=0) for at in range(3)])[y]
    share, scatter = ledoit_wolf(within), within.T @ within / len(X)
    mixed = (1 - share) * scatter + share * np.trace(scatter) / X.shape[1] * np.eye(X.shape[1])
    np.testing.assert_allclose(np.diag(axes @ mixed @ axes.T), 1, atol=1e-8)
    (only,) = probe_axes(X[y < 2], y[y < 2], 1, C=0.05)
    assert (X[y == 1] @ only).mean() > (X[y == 0] @ only).mean()
    units = np.exp(np.random.default_rng(seed).normal(size=X.shape[1]))
    scores, again = (rows @ probe_axes(rows, y, 2, C=0.05).T for rows in (X, X * units + shift))
    for place in range(2):
        assert np.corrcoef(scores[:, place], again[:, place])[0, 1] > 0.999


def test_a_probe_leans_on_a_direction_in_which_labels_do_not_differ_to_be_rid_of_its_noise() -> None:
    """One dimension holds the label under noise, another the noise alone: means see the first, a probe takes the second off."""
    rng = np.random.default_rng(0)
    y, common = rng.integers(0, 2, 2000), 5 * rng.normal(size=2000)
    X = np.stack([y + common, common, rng.normal(size=2000)], axis=1) + 0.1 * rng.normal(size=(2000, 3))
    first, second = X[:1000], X[1000:]
    means = concept_axis(first, y[:1000] == 0, y[:1000] == 1)
    (probe,) = probe_axes(first, y[:1000], 1, C=100)
    assert parted(second @ means, y[1000:] == 1) < 0.65
    assert parted(second @ probe, y[1000:] == 1) > 0.99


@FEW
@given(seeds)
def test_the_rest_is_at_right_angles_finds_the_next_direction_and_turns_with_the_space(seed: int) -> None:
    rng = np.random.default_rng(seed)
    turn = turned(seed, 15)
    X = np.pad(rng.exponential(size=(400, 2)) * [20, 6], ((0, 0), (0, 13))) + rng.normal(size=(400, 15))
    X = X @ turn
    first, second = turn[0], turn[1]
    rest = rest_axis(X, 7 * first[None])
    assert rest @ first == pytest.approx(0, abs=1e-10)
    assert np.linalg.norm(rest) == pytest.approx(1)
    assert rest @ second > 0.97  # the longer tail to the right
    again = turned(seed + 1, 15)
    np.testing.assert_allclose(rest_axis(X @ again + 2, (first @ again)[None]), rest @ again, atol=1e-7)
    few = X[:10]
    assert rest_axis(few, first[None]) @ first == pytest.approx(0, abs=1e-10)


@FEW
@given(seeds, st.integers(2, 60), st.booleans())
def test_parting_agrees_with_scikit_learn_and_is_one_less_itself_when_reversed(seed: int, n: int, ties: bool) -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, n).astype(float) if ties else rng.normal(size=n)
    second = np.arange(n) < rng.integers(1, n)
    value = parted(scores, second)
    assert value == pytest.approx(roc_auc_score(second, scores))
    assert parted(-scores, second) == pytest.approx(1 - value)
    assert parted(scores, ~second) == pytest.approx(1 - value)
    assert parted(np.exp(scores), second) == pytest.approx(value)


@FEW
@given(seeds, st.integers(1, 4))
def test_axes_are_compared_by_their_span(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    axes, other = rng.normal(size=(k, 9)), rng.normal(size=(k, 9))
    mixed = rng.normal(size=(k, k)) + 3 * np.eye(k) if k > 1 else np.array([[2.0]])
    assert axes_cosine(axes, mixed @ axes) == pytest.approx(1)
    value, turn = axes_cosine(axes, other), turned(seed, 9)
    assert -1 <= value <= 1
    assert axes_cosine(axes @ turn, other @ turn) == pytest.approx(value)
    assert axes_cosine(other, axes) == pytest.approx(value)
    if k == 1:
        assert axes_cosine(axes, -axes) == pytest.approx(-1)
    one, two = np.eye(9)[:k], np.eye(9)[k : 2 * k]
    assert axes_cosine(one, two) == pytest.approx(0)


def _probe_axes(*given: Any) -> Any:
    return probe_axes(*given, C=0.05)


GOOD, Y = labelled(0)
HALF = Y == 0
BROKEN = np.where(GOOD > 8, np.nan, GOOD)
BAD: list[tuple[Any, tuple[Any, ...], type[TunescopeError]]] = [
    (discriminant_axes, (GOOD, Y[:-1], 1), ShapeError),
    (discriminant_axes, (BROKEN, Y, 1), ShapeError),
    (discriminant_axes, (GOOD, np.zeros(len(GOOD)), 1), NotEnoughData),
    (discriminant_axes, (np.eye(2)[np.arange(10) % 2], np.arange(10) % 2, 1), NotEnoughData),
    (discriminant_axes, (GOOD, Y, 4), SpecInvalid),
    (discriminant_axes, (GOOD, Y, 0), SpecInvalid),
    (_probe_axes, (GOOD, Y[:-1], 1), ShapeError),
    (_probe_axes, (BROKEN, Y, 1), ShapeError),
    (_probe_axes, (GOOD, np.zeros(len(GOOD)), 1), NotEnoughData),
    (_probe_axes, (np.ones((10, 3)), np.arange(10) % 2, 1), NotEnoughData),
    (_probe_axes, (GOOD, Y, 4), SpecInvalid),
    (_probe_axes, (GOOD, Y, 0), SpecInvalid),
    (ledoit_wolf, (GOOD[0],), ShapeError),
    (concept_axis, (GOOD, HALF[:-1], ~HALF), ShapeError),
    (concept_axis, (BROKEN, HALF, ~HALF), ShapeError),
    (concept_axis, (GOOD, HALF, HALF & ~HALF), NotEnoughData),
    (concept_axis, (np.ones((10, 3)), np.arange(10) < 5, np.arange(10) >= 5), NotEnoughData),
    (rest_axis, (GOOD, np.ones((1, 3))), ShapeError),
    (rest_axis, (GOOD[:, :2], np.eye(2)), ShapeError),
    (rest_axis, (np.outer(np.arange(5.0), [1, 2, 3]), [[1.0, 2, 3]]), NotEnoughData),
    (parted, (GOOD[:, 0], HALF[:-1]), ShapeError),
    (parted, (GOOD[:, 0], HALF | ~HALF), NotEnoughData),
    (axes_cosine, (np.ones((1, 3)), np.ones((1, 4))), ShapeError),
]


@pytest.mark.parametrize(("function", "given", "error"), BAD)
def test_what_does_not_fit_is_a_message(function: Any, given: tuple[Any, ...], error: type[TunescopeError]) -> None:
    with pytest.raises(error):
        function(*given)


def test_a_round_cloud_is_shrunk_wholly_and_a_long_one_of_many_rows_hardly() -> None:
    rng = np.random.default_rng(0)
    assert ledoit_wolf(rng.normal(size=(60, 40))) > 0.8
    assert ledoit_wolf(rng.normal(size=(5000, 4)) * [10, 5, 1, 1]) < 0.01
    assert ledoit_wolf(np.zeros((4, 3))) == 1
