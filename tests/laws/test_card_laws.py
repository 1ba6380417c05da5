"""Every card keeps its word: what a measure claims to ignore leaves it as it is, what it denies does not."""

from collections.abc import Callable
from functools import partial
from math import pi
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import NotEnoughData, ShapeError, SpecInvalid, TunescopeError
from core.maths import similarity
from core.maths.cards import CARDS, TRANSFORMS, Card
from core.maths.similarity import (
    alignment_jackknife,
    alignment_matrix,
    angular_procrustes,
    kernel_cka,
    kernel_cka_jackknife,
    kernel_cka_matrix,
    knn_jackknife,
    knn_matrix,
    knn_overlap,
    layer_similarity,
    linear_cka,
    pwcca,
    rsa,
    rsa_jackknife,
    rsa_matrix,
    svcca,
)

FEW = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 2**32 - 1)
EVERY = pytest.mark.parametrize("card", CARDS.values(), ids=list(CARDS))
Measure = Callable[..., float]

MEASURES: dict[str, Measure] = {
    "cka": linear_cka,
    "cka_rbf": kernel_cka,
    "rsa": rsa,
    "rsa_spearman": partial(rsa, statistic="spearman"),
    "procrustes": angular_procrustes,
    "svcca": svcca,
    "pwcca": pwcca,
    "knn": partial(knn_overlap, k=4),
}
JACKKNIVES: dict[str, tuple[Measure, Callable[..., Any], Callable[..., Any]]] = {
    "rsa_spearman": (
        MEASURES["rsa_spearman"],
        partial(rsa_jackknife, statistic="spearman"),
        partial(rsa_matrix, statistic="spearman"),
    ),
    "procrustes": (
        angular_procrustes,
        partial(alignment_jackknife, measure="procrustes"),
        partial(alignment_matrix, measure="procrustes"),
    ),
    "svcca": (svcca, partial(alignment_jackknife, measure="svcca"), partial(alignment_matrix, measure="svcca")),
    "pwcca": (pwcca, partial(alignment_jackknife, measure="pwcca"), partial(alignment_matrix, measure="pwcca")),
    "knn": (MEASURES["knn"], partial(knn_jackknife, k=4), partial(knn_matrix, k=4)),
    "cka_rbf": (
        partial(kernel_cka, debiased=True),
        partial(kernel_cka_jackknife, debiased=True),
        partial(kernel_cka_matrix, debiased=True),
    ),
    "cka_rbf plain": (
        kernel_cka,
        partial(kernel_cka_jackknife, debiased=False),
        partial(kernel_cka_matrix, debiased=False),
    ),
}
JACKKNIFED = pytest.mark.parametrize("name", list(JACKKNIVES))


def _pair(seed: int, n: int = 30, width: int = 5, other: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, width)) * np.linspace(1, 2, width) + 0.5
    return X, X @ rng.normal(size=(width, other)) + rng.normal(size=(n, other))


def _moved(X: np.ndarray, Y: np.ndarray, transform: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Both spaces, the first transformed (or the rows of both reordered)."""
    rng = np.random.default_rng(seed)
    width = X.shape[1]
    turn = np.linalg.qr(rng.normal(size=(width, width)))[0]
    if transform == "row order":
        order = rng.permutation(len(X))
        return X[order], Y[order]
    return {
        "rotation": lambda: X @ turn,
        "scale": lambda: X * rng.uniform(0.01, 100),
        "shift": lambda: X + rng.uniform(-20, 20, size=width),
        "feature scale": lambda: X * np.geomspace(0.05, 20, width),
        "invertible linear": lambda: X @ turn @ np.diag(np.geomspace(0.05, 20, width)) @ turn.T,
    }[transform](), Y


def test_there_is_a_card_for_every_measure_and_it_leaves_no_transform_out() -> None:
    assert set(CARDS) == set(MEASURES)
    for card in CARDS.values():
        assert sorted((*card.invariances, *card.denies)) == sorted(TRANSFORMS)
        assert card.same in (card.low, card.high)
        assert all((card.title, card.direction, card.says, card.beware, card.cost, card.source))
    assert set(similarity.__all__) >= {"angular_procrustes", "svcca", "pwcca", "knn_overlap", "kernel_cka"}


@EVERY
@FEW
@given(seed=seeds)
def test_what_a_card_claims_leaves_the_value(card: Card, seed: int) -> None:
    X, Y = _pair(seed)
    measure = MEASURES[card.name]
    for transform in card.invariances:
        assert measure(*_moved(X, Y, transform, seed)) == pytest.approx(measure(X, Y), abs=1e-7), transform
        if card.is_symmetric:  # what may be done to one side may be done to the other
            second, first = _moved(Y, X, transform, seed)
            assert measure(first, second) == pytest.approx(measure(X, Y), abs=1e-7), transform


@EVERY
def test_what_a_card_denies_changes_the_value(card: Card) -> None:
    X, Y = _pair(0, n=60)
    measure = MEASURES[card.name]
    for transform in card.denies:
        found = [abs(measure(*_moved(X, Y, transform, seed)) - measure(X, Y)) for seed in range(3)]
        assert max(found) > 0.01, transform


@EVERY
@FEW
@given(seed=seeds, width=st.integers(2, 8), other=st.integers(2, 8), n=st.integers(20, 50))
def test_a_measure_stays_in_its_range_and_knows_itself(card: Card, seed: int, width: int, other: int, n: int) -> None:
    X, Y = _pair(seed, n, width, other)
    measure = MEASURES[card.name]
    value = measure(X, Y)
    assert card.low <= value <= card.high
    assert measure(X, X.copy()) == pytest.approx(card.same, abs=1e-6)
    if card.is_symmetric:
        assert measure(Y, X) == pytest.approx(value, abs=1e-9)


def test_pwcca_takes_its_weights_from_the_first_side() -> None:
    X, Y = _pair(0, n=60)
    assert abs(pwcca(X, Y) - pwcca(Y, X)) > 0.01
    bent = Y @ np.random.default_rng(1).normal(size=(6, 6))  # of the second side only the span counts
    assert pwcca(X, bent) == pytest.approx(pwcca(X, Y), abs=1e-9)


@FEW
@given(seeds)
def test_the_angle_is_no_longer_than_the_way_round(seed: int) -> None:
    X, Y = _pair(seed, n=12)
    Z = np.random.default_rng(seed + 1).normal(size=(12, 4)) + 0.3 * X[:, :4]
    assert angular_procrustes(X, Z) <= angular_procrustes(X, Y) + angular_procrustes(Y, Z) + 1e-9


def test_the_published_numbers() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 10))
    Y = X + 0.5 * rng.normal(size=(50, 10))
    assert linear_cka(X, Y) == pytest.approx(0.845248, abs=5e-7)
    assert rsa(X, Y) == pytest.approx(0.811718, abs=5e-7)
    assert rsa(X, X + 5) == pytest.approx(0.603115, abs=5e-7)
    turned = 3 * X @ np.linalg.qr(rng.normal(size=(10, 10)))[0]
    assert (linear_cka(X, turned), rsa(X, turned), linear_cka(X, X + 5)) == pytest.approx((1, 1, 1))


def test_the_angle_is_that_of_the_best_rotation() -> None:
    from scipy.linalg import orthogonal_procrustes

    X, Y = _pair(3, n=40, width=5, other=5)
    A, B = ((side - side.mean(axis=0)) / np.linalg.norm(side - side.mean(axis=0)) for side in (X, Y))
    turn, _ = orthogonal_procrustes(A, B)
    assert angular_procrustes(X, Y) == pytest.approx(np.arccos(np.sum((A @ turn) * B)), abs=1e-12)
    wide = np.hstack([Y, np.zeros((40, 3))])  # unequal widths are filled up with zeros
    assert angular_procrustes(X, wide) == pytest.approx(angular_procrustes(X, Y), abs=1e-7)


def test_spaces_that_share_nothing_stand_at_a_right_angle() -> None:
    one = np.tile([[1.0, 0], [-1, 0], [0, 1], [0, -1]], (4, 1))
    other = np.repeat([[1.0], [-1], [-1], [1]], 4, axis=0) * np.tile([[1.0, 1], [1, 1], [1, 1], [1, 1]], (4, 1))
    assert angular_procrustes(one, other) == pytest.approx(pi / 2, abs=1e-12)


def _correlations(X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Canonical correlations and the variates of X, by another route: QR decompositions."""
    (Qx, _), (Qy, _) = (np.linalg.qr(side - side.mean(axis=0)) for side in (X, Y))
    turns, values, _ = np.linalg.svd(Qx.T @ Qy, full_matrices=False)
    return values, Qx @ turns


def test_svcca_is_cca_of_the_strongest_directions() -> None:
    X, Y = _pair(0, n=200, width=9, other=7)
    assert svcca(X, Y, keep=1.0) == pytest.approx(_correlations(X, Y)[0].mean(), abs=1e-10)
    cut = []
    for side in (X, Y):
        U, s, _ = np.linalg.svd(side - side.mean(axis=0), full_matrices=False)
        kept = int(np.flatnonzero(np.cumsum(s**2) / np.sum(s**2) >= 0.8)[0]) + 1
        assert kept < side.shape[1]
        cut.append(U[:, :kept] * s[:kept])
    assert svcca(X, Y, keep=0.8) == pytest.approx(_correlations(*cut)[0].mean(), abs=1e-10)


def test_cca_agrees_with_scikit_learn() -> None:
    from sklearn.cross_decomposition import CCA

    X, Y = _pair(5, n=300, width=4, other=4)
    U, V = CCA(n_components=4, max_iter=20000, tol=1e-12).fit_transform(X, Y)
    expected = np.mean([np.corrcoef(U[:, i], V[:, i])[0, 1] for i in range(4)])
    assert svcca(X, Y, keep=1.0) == pytest.approx(expected, abs=1e-4)


def test_pwcca_is_the_papers_sum() -> None:
    X, Y = _pair(1, n=120, width=6, other=8)
    values, variates = _correlations(X, Y)
    neurons = X - X.mean(axis=0)
    weights = [sum(abs(variates[:, i] @ neurons[:, j]) for j in range(6)) for i in range(6)]
    assert pwcca(X, Y) == pytest.approx(np.average(values, weights=weights), abs=1e-10)


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "correlation"])
def test_neighbours_are_those_of_scikit_learn(metric: str) -> None:
    from sklearn.neighbors import NearestNeighbors

    X, Y = _pair(2, n=1100, width=6, other=7)  # more than a block of rows
    near = [
        NearestNeighbors(n_neighbors=5, metric=metric, algorithm="brute").fit(side).kneighbors()[1] for side in (X, Y)
    ]
    expected = np.mean([len(set(one) & set(other)) / 5 for one, other in zip(*near, strict=True)])
    assert knn_overlap(X, Y, k=5, metric=metric) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_row_is_left_out_of_its_neighbours_by_index_not_as_the_nearest(metric: str) -> None:
    """Rows in equal pairs: the copy is the nearest neighbour in X, and is not in Y."""
    rng = np.random.default_rng(0)
    half = rng.normal(size=(20, 6))
    X, Y = np.repeat(half, 2, axis=0), rng.normal(size=(40, 6))
    copy = np.arange(40) ^ 1
    near = [_plain_neighbours(side, 1, metric) for side in (X, Y)]
    assert (near[0][:, 0] == copy).all()
    assert knn_overlap(X, Y, k=1, metric=metric) == np.mean(near[1][:, 0] == copy)
    assert knn_overlap(X, X + 0.0, k=1, metric=metric) == 1


def _plain_neighbours(X: np.ndarray, k: int, metric: str) -> np.ndarray:
    from scipy.spatial.distance import cdist

    away = cdist(X, X, metric)
    np.fill_diagonal(away, np.inf)
    return np.argsort(away, axis=1, kind="stable")[:, :k]


def test_equal_and_zero_rows_have_neighbours_in_the_order_of_rows() -> None:
    X = np.vstack([np.zeros((3, 4)), np.ones((5, 4)), np.random.default_rng(0).normal(size=(12, 4))])
    assert knn_overlap(X, X.copy(), k=3) == 1
    assert knn_overlap(X, 7 * X @ np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0], k=3) == 1


def test_kernel_cka_is_the_sum_over_centred_kernels() -> None:
    from scipy.spatial.distance import pdist, squareform

    X, Y = _pair(4, n=25)
    centre = np.eye(25) - 1 / 25
    kernels = []
    for side in (X, Y):
        away = pdist(side)
        kernels.append(np.exp(-(squareform(away) ** 2) / (2 * (0.7 * np.median(away)) ** 2)))
    K, L = (centre @ kernel @ centre for kernel in kernels)
    expected = np.sum(K * L) / np.sqrt(np.sum(K * K) * np.sum(L * L))
    assert kernel_cka(X, Y, bandwidth=0.7) == pytest.approx(expected, abs=1e-12)

    def unbiased(K: np.ndarray, L: np.ndarray) -> float:
        K, L = K - np.diag(np.diag(K)), L - np.diag(np.diag(L))
        one = np.ones(25)
        return np.trace(K @ L) + (one @ K @ one) * (one @ L @ one) / (24 * 23) - 2 / 23 * (one @ K @ L @ one)

    K, L = kernels
    expected = unbiased(K, L) / np.sqrt(unbiased(K, K) * unbiased(L, L))
    assert kernel_cka(X, Y, bandwidth=0.7, debiased=True) == pytest.approx(expected, abs=1e-12)


def test_kernel_cka_with_a_wide_kernel_is_linear_cka() -> None:
    X, Y = _pair(4, n=40)
    assert kernel_cka(X, Y, bandwidth=1000) == pytest.approx(linear_cka(X, Y), abs=1e-4)


def test_kernel_cka_of_unrelated_spaces_is_near_zero_only_when_debiased() -> None:
    rng = np.random.default_rng(0)
    drawn = [(rng.normal(size=(40, 30)), rng.normal(size=(40, 30))) for _ in range(40)]
    debiased = [kernel_cka(X, Y, debiased=True) for X, Y in drawn]
    assert abs(np.mean(debiased)) < 3 * np.std(debiased) / np.sqrt(40) + 1e-3
    assert np.mean([kernel_cka(X, Y) for X, Y in drawn]) > 0.5


@pytest.mark.parametrize("centred", [False, True])
def test_rsa_by_rank_is_scipys(centred: bool) -> None:
    from scipy.spatial.distance import pdist
    from scipy.stats import spearmanr

    X, Y = _pair(0, n=70)
    A, B = ((side - side.mean(axis=0)) if centred else side for side in (X, Y))
    expected = spearmanr(pdist(A, "cosine"), pdist(B, "cosine")).statistic
    assert rsa(X, Y, statistic="spearman", centred=centred) == pytest.approx(expected, abs=1e-12)
    tied = np.repeat(X[:35], 2, axis=0)  # equal rows: equal pairs share their mean rank
    exact = spearmanr(np.round(pdist(tied, "cosine"), 10), pdist(Y, "cosine")).statistic
    assert rsa(tied, Y, statistic="spearman") == pytest.approx(exact, abs=1e-9)


@JACKKNIFED
@settings(max_examples=8, deadline=None)
@given(seed=seeds)
def test_a_jackknife_leaves_rows_out_and_a_matrix_holds_pairs(name: str, seed: int) -> None:
    measure, jackknifed, matrix = JACKKNIVES[name]
    X, Y = _pair(seed, n=48)
    folds = np.random.default_rng(seed).permutation(np.arange(48) % 5)
    found = jackknifed(X, Y, 3 * folds)
    assert found.value == pytest.approx(measure(X, Y), abs=1e-9)
    assert (found.n, found.n_groups) == (48, 5)
    if not name.startswith("cka_rbf"):  # there the kernel's width is that of all rows: tested by itself
        left = np.array([measure(X[folds != f], Y[folds != f]) for f in range(5)])
        assert found.standard_error == pytest.approx(np.sqrt(0.8 * np.sum((left - left.mean()) ** 2)), abs=1e-8)
    same = jackknifed(X, X.copy(), folds)
    card = CARDS[name.split()[0]]
    assert (same.value, same.low, same.high) == pytest.approx((card.same,) * 3, abs=1e-6)
    steps: list[tuple[int, int]] = []
    values = matrix([X, Y, X**3], [Y, X + Y[:, :5]], on_step=lambda *step: steps.append(step))
    np.testing.assert_allclose(values, layer_similarity([X, Y, X**3], [Y, X + Y[:, :5]], measure), atol=1e-9)
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]


@pytest.mark.parametrize("debiased", [True, False])
def test_the_jackknife_of_kernel_cka_leaves_rows_of_the_kernel_out(debiased: bool) -> None:
    from core.maths.kernels import _cka, _kernel

    X, Y = _pair(1, n=30)
    folds = np.arange(30) % 3
    K, L = _kernel(X, 1.0), _kernel(Y, 1.0)
    values = _cka(K, L, folds, 3, debiased)
    for fold in range(3):
        kept = np.ix_(folds != fold, folds != fold)
        alone = _cka(K[kept], L[kept], np.zeros(20, dtype=int), 0, debiased)
        assert values[fold + 1] == pytest.approx(alone[0], abs=1e-10)


@EVERY
def test_a_card_says_whether_more_rows_of_the_same_spaces_give_another_value(card: Card) -> None:
    """As pages compute them: CKA debiased."""
    measure = partial(MEASURES[card.name], **({"debiased": True} if card.name.startswith("cka") else {}))
    rng, width = np.random.default_rng(0), 24
    mix, means = rng.normal(size=(width, width)) / np.sqrt(width), []
    for n in (80, 640):
        drawn = [rng.normal(size=(2, n, width)) for _ in range(12)]
        means.append([measure(X, X @ mix + 1.5 * noise) for X, noise in drawn])
    apart = abs(np.mean(means[0]) - np.mean(means[1]))
    error = np.hypot(*(np.std(values, ddof=1) / np.sqrt(12) for values in means))
    assert (apart > 0.05) == card.moves_with_rows
    assert (apart > 4 * error) == card.moves_with_rows


GOOD = np.random.default_rng(0).normal(size=(20, 3))
BAD: list[tuple[str, Any, Any, type[TunescopeError]]] = [
    ("other rows", GOOD, GOOD[:-1], ShapeError),
    ("vector", GOOD[:, 0], GOOD, ShapeError),
    ("no columns", GOOD[:, :0], GOOD, ShapeError),
    ("not a number", GOOD, np.where(GOOD > 1, np.nan, GOOD), ShapeError),
    ("infinite", np.where(GOOD > 1, np.inf, GOOD), GOOD, ShapeError),
    ("three rows", GOOD[:3], GOOD[:3], NotEnoughData),
    ("constant", np.full((20, 3), np.float32(0.1)), GOOD, NotEnoughData),
    ("constant right", GOOD, np.full((20, 2), 7), NotEnoughData),
]
DOORS = [one for _, jackknifed, matrix in JACKKNIVES.values() for one in (jackknifed, matrix)]


@pytest.mark.parametrize(("X", "Y", "error"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_arrays_that_do_not_fit_get_a_message(X: Any, Y: Any, error: type[TunescopeError]) -> None:
    folds = np.arange(len(X)) % 4
    doors = [
        *MEASURES.values(),
        *(partial(jackknifed, folds=folds) for _, jackknifed, _ in JACKKNIVES.values()),
        *(lambda X, Y, of=matrix: of([X], [Y]) for _, _, matrix in JACKKNIVES.values()),
    ]
    for door in doors:
        with pytest.raises(error) as caught:
            door(X, Y)
        assert caught.value.found
        assert caught.value.do


def test_rows_too_few_for_canonical_correlations_get_a_message_not_one() -> None:
    rng = np.random.default_rng(0)
    for n in (10, 20, 21):
        for measure in (svcca, pwcca):
            with pytest.raises(NotEnoughData, match="too few rows"):
                measure(rng.normal(size=(n, 20)), rng.normal(size=(n, 20)))
    low_rank = rng.normal(size=(30, 3)) @ rng.normal(size=(3, 60))  # sixty neurons, three directions
    assert 0 < svcca(low_rank, rng.normal(size=(30, 4))) < 1
    with pytest.raises(NotEnoughData, match="too few rows"):  # without a fold there are too few
        alignment_jackknife(rng.normal(size=(26, 20)), rng.normal(size=(26, 5)), np.arange(26) % 4, measure="pwcca")


def test_constant_features_and_copies_of_features_change_nothing_of_the_correlations() -> None:
    X, Y = _pair(0, n=60)
    padded = np.hstack([X, np.full((60, 2), 3.0)])
    assert svcca(padded, Y, keep=1.0) == pytest.approx(svcca(X, Y, keep=1.0), abs=1e-9)
    assert pwcca(padded, Y) == pytest.approx(pwcca(X, Y), abs=1e-9)
    assert svcca(np.hstack([X, X]), Y, keep=1.0) == pytest.approx(svcca(X, Y, keep=1.0), abs=1e-9)
    assert pwcca(X, np.hstack([Y, Y])) == pytest.approx(pwcca(X, Y), abs=1e-9)


def test_what_has_no_order_or_no_width_gets_a_message() -> None:
    apart = np.eye(20)  # all rows equally far from each other
    for door in (
        partial(knn_overlap, k=3),
        partial(knn_overlap, k=3, metric="euclidean"),
        partial(rsa, statistic="spearman"),
        partial(kernel_cka, debiased=True),
    ):
        with pytest.raises(NotEnoughData):
            door(apart, GOOD)
    with pytest.raises(NotEnoughData, match="More than half"):
        kernel_cka(np.where(np.arange(20)[:, None] < 17, GOOD[:1], GOOD), GOOD)
    lonely = np.where(np.arange(20) < 4, np.arange(20), 99)[:, None] * np.ones(3)
    for measure in ("procrustes", "svcca", "pwcca"):  # all variance in the fold that leaves
        with pytest.raises(NotEnoughData):
            alignment_jackknife(lonely, GOOD, (np.arange(20) >= 4).astype(int), measure=measure)


@pytest.mark.parametrize("measure", ["procrustes", "svcca", "pwcca"])
@pytest.mark.parametrize("seed", range(5))
def test_a_side_that_varies_in_one_fold_alone_gets_a_message_not_a_value_from_rounding(measure: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    folds, Y = np.arange(200) % 4, rng.normal(size=(200, 6))
    X = np.where(folds[:, None] == 2, rng.normal(size=(200, 5)) + 0.3, rng.normal(size=5))
    for sides in ((X, Y), (Y, X)):
        with pytest.raises(NotEnoughData, match="without a fold"):
            alignment_jackknife(*sides, folds, measure=measure)


@pytest.mark.parametrize("measure", ["svcca", "pwcca"])
def test_neurons_that_vary_in_one_fold_alone_leave_no_directions_of_rounding(measure: str) -> None:
    rng = np.random.default_rng(0)
    folds, Y = np.arange(200) % 4, rng.normal(size=(200, 6))
    lonely = np.where(folds[:, None] == 2, 100 * rng.normal(size=(200, 3)), 0.7)
    X = np.hstack([lonely, rng.normal(size=(200, 4)) * 1e-3])
    kept = folds != 2
    found = alignment_jackknife(X, Y, folds, measure=measure, keep=1.0).standard_error
    of = partial(svcca, keep=1.0) if measure == "svcca" else pwcca
    left = np.array([of(X[folds != fold], Y[folds != fold]) for fold in range(4)])
    assert found == pytest.approx(np.sqrt(0.75 * np.sum((left - left.mean()) ** 2)), abs=1e-5)
    assert left[2] == pytest.approx(of(X[kept, 3:], Y[kept]), abs=1e-6)


def test_what_a_layer_has_of_itself_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.maths import alignment, kernels

    asked: list[bool] = []
    own_hsic, own_mean = kernels._hsic, alignment.less_mean

    def counted_hsic(K: Any, L: Any, *rest: Any) -> Any:
        asked.append(K is L)
        return own_hsic(K, L, *rest)

    centred: list[int] = []

    def counted_mean(X: Any, mean: Any) -> Any:
        centred.append(len(X))
        return own_mean(X, mean)

    monkeypatch.setattr(kernels, "_hsic", counted_hsic)
    monkeypatch.setattr(alignment, "less_mean", counted_mean)
    X, Y = _pair(0)
    kernel_cka_matrix([X, X + 1, X**3], [Y, Y**3])
    assert (sum(asked), len(asked)) == (3 + 2, 3 + 2 + 6)
    alignment_matrix([X, X + 1, X**3], [Y, Y**3], measure="procrustes")
    assert len(centred) == 3 + 2


def test_layers_too_large_to_be_kept_centred_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.maths import alignment

    X, Y = _pair(0)
    kept = alignment_matrix([X, X**3], [Y, Y**3], measure="svcca")
    monkeypatch.setattr(alignment, "_HELD_BYTES", 0)
    np.testing.assert_array_equal(alignment_matrix([X, X**3], [Y, Y**3], measure="svcca"), kept)


def test_the_matrix_of_kernel_cka_says_after_every_pair_how_far_it_is() -> None:
    X, Y = _pair(0)
    steps: list[tuple[int, int]] = []
    kernel_cka_matrix([X, X**3], [Y, Y**3, Y + 1], on_step=lambda *step: steps.append(step))
    assert steps == [(0, 6)] * 3 + [(done, 6) for done in range(1, 7)]


def test_what_cannot_be_asked_gets_a_message() -> None:
    for wrong in (
        partial(knn_overlap, k=0),
        partial(knn_overlap, metric="manhattan"),
        partial(rsa, statistic="kendall"),
        partial(rsa_jackknife, folds=np.arange(20) % 4, statistic="kendall"),
        partial(svcca, keep=0.0),
        partial(svcca, keep=1.5),
        partial(kernel_cka, bandwidth=0.0),
        partial(alignment_jackknife, folds=np.arange(20) % 4, measure="cca"),
    ):
        with pytest.raises(SpecInvalid):
            wrong(GOOD, GOOD)
    for few in (partial(knn_overlap, k=19), partial(knn_jackknife, folds=np.arange(20) % 4, k=14)):
        with pytest.raises(NotEnoughData, match="neighbours"):
            few(GOOD, GOOD)
    for _, jackknifed, matrix in JACKKNIVES.values():
        with pytest.raises(ShapeError):
            jackknifed(GOOD, GOOD, np.arange(19))
        with pytest.raises(NotEnoughData):
            jackknifed(GOOD, GOOD, np.zeros(20, int))
        with pytest.raises(ShapeError):
            matrix([], [GOOD])
