"""Rankings of neurons: planted ones come first in each, scale and order of rows and columns count where they should alone."""

import itertools
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.neurons import (
    ablate,
    class_gaps,
    gaussian_ranking,
    minimal_set,
    mutual_information,
    overlap_ranking,
    probeless_ranking,
    rank_by_weights,
    smallest,
    top_neurons,
)
from core.maths.probing import fit_linear_probes, standardise

Ranking = Callable[[NDArray, NDArray], NDArray]


def by_probe(X: NDArray, y: NDArray) -> NDArray:
    """Linear correlation analysis of an elastic-net probe."""
    (seen,) = standardise(X)
    return rank_by_weights(fit_linear_probes(seen, y, C=0.05, l1_ratio=0.5).coef[0])[0]


RANKINGS: dict[str, Ranking] = {
    "weights": by_probe,
    "probeless": probeless_ranking,
    "overlap": overlap_ranking,
    "information": lambda X, y: np.argsort(-mutual_information(X, y), kind="stable"),
    "gaussian": lambda X, y: gaussian_ranking(X, y, 24),
}
PLANTED = (3, 11, 17)


def planted(seed: int, n: int = 600, width: int = 24, n_classes: int = 3) -> tuple[NDArray, NDArray]:
    """Noise, and for each class a neuron that is on where the class is."""
    drawn = np.random.default_rng(seed)
    y = drawn.integers(0, n_classes, n)
    X = drawn.normal(size=(n, width)).astype(np.float32)
    for k, neuron in enumerate(PLANTED[:n_classes]):
        X[:, neuron] += 3.0 * (y == k)
    return X, y


@pytest.mark.parametrize("name", list(RANKINGS))
@given(seed=st.integers(0, 10**6))
@settings(max_examples=5, deadline=None)
def test_planted_neurons_come_first_in_every_ranking(name: str, seed: int) -> None:
    X, y = planted(seed)
    order = RANKINGS[name](X, y)
    assert set(order[:3].tolist()) == set(PLANTED)
    assert sorted(order.tolist()) == list(range(X.shape[1]))


@pytest.mark.parametrize("name", list(RANKINGS))
def test_rows_in_another_order_and_classes_of_other_numbers_give_the_same_ranking(name: str) -> None:
    X, y = planted(1)
    order = np.random.default_rng(2).permutation(len(X))
    first = RANKINGS[name](X, y)[:3].tolist()
    assert RANKINGS[name](X[order], y[order])[:3].tolist() == first
    assert set(RANKINGS[name](X, np.array([7, 2, 40])[y])[:3].tolist()) == set(first)


@pytest.mark.parametrize("name", ["overlap", "information", "gaussian"])
def test_a_neurons_own_scale_does_not_count_where_it_should_not(name: str) -> None:
    X, y = planted(3)
    scale = np.random.default_rng(4).uniform(0.01, 100, X.shape[1]).astype(np.float32)
    assert RANKINGS[name](X * scale, y)[:3].tolist() == RANKINGS[name](X, y)[:3].tolist()


@pytest.mark.parametrize("name", ["overlap", "information"])
def test_a_neuron_and_its_negative_tell_the_same(name: str) -> None:
    X, y = planted(5)
    assert set(RANKINGS[name](-X, y)[:3].tolist()) == set(PLANTED)


@given(seed=st.integers(0, 10**6), n_classes=st.integers(2, 7))
@settings(max_examples=20, deadline=None)
def test_gaps_of_means_are_summed_over_pairs(seed: int, n_classes: int) -> None:
    drawn = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_classes), drawn.integers(0, n_classes, 40)])
    X = drawn.normal(size=(len(y), 6)).astype(np.float32)
    means = [X[y == k].mean(axis=0) for k in range(n_classes)]
    expected = sum(np.abs(a - b) for a, b in itertools.combinations(means, 2))
    np.testing.assert_allclose(class_gaps(X, y), expected, rtol=1e-4)


def test_means_of_classes_see_what_is_not_finite_and_bear_what_is_too_large_to_add_up() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 6)).astype(np.float32), np.arange(300) % 3
    for odd in (np.nan, np.inf, -np.inf):
        broken = X.copy()
        broken[17, 4] = odd
        with pytest.raises(ShapeError, match="not finite"):
            class_gaps(broken, y)
    large = X.copy()
    large[:, 2] = 3e38 * (y == 1)  # a hundred of these are more than float32 holds
    gaps = class_gaps(large, y)
    assert gaps[2] == pytest.approx(2 * 3e38, rel=1e-6)
    np.testing.assert_allclose(np.delete(gaps, 2), np.delete(class_gaps(X, y), 2), rtol=1e-5)
    kept = X.copy()
    kept.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(class_gaps(kept, y), class_gaps(X, y))


def test_mutual_information_of_a_copy_of_the_label_is_its_entropy_and_of_noise_next_to_nothing() -> None:
    drawn = np.random.default_rng(0)
    y = np.arange(5000) % 2
    X = np.stack([y + drawn.normal(0, 1e-3, 5000), drawn.normal(size=5000), np.zeros(5000)], axis=1)
    found = mutual_information(X, y)
    assert found[0] == pytest.approx(1.0, abs=1e-6)
    chance = 9 / (2 * 5000 * np.log(2))
    assert found[1] == pytest.approx(chance, abs=3 * chance)
    assert found[2] == 0


def test_gaussians_do_not_count_twice_what_a_copy_tells() -> None:
    drawn = np.random.default_rng(6)
    y = drawn.integers(0, 3, 2000)
    X = drawn.normal(size=(2000, 5)).astype(np.float32)
    X[:, 0] += 4.0 * (y == 0)
    X[:, 1] = X[:, 0] + drawn.normal(0, 0.05, 2000)  # nearly the same again: the second best by itself
    X[:, 2] += 2.0 * (y == 1)
    assert set(probeless_ranking(X, y)[:2].tolist()) == {0, 1}
    first, second, *_ = gaussian_ranking(X, y, 3).tolist()
    assert first in (0, 1)
    assert second == 2


def test_gaussians_agree_with_scipys_densities() -> None:
    from scipy.stats import multivariate_normal

    X, y = planted(8, n=300, n_classes=2)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    prior, chosen = np.log(np.bincount(y) / len(y)), []
    for _ in range(4):
        told = {}
        for neuron in set(range(24)) - set(chosen):
            columns = [*chosen, neuron]
            part, overall = Z[:, columns], np.cov(Z[:, columns].T, bias=True)
            density = np.stack([
                multivariate_normal(
                    part[y == k].mean(axis=0), 0.9 * np.cov(part[y == k].T, bias=True) + 0.1 * overall
                ).logpdf(part) + prior[k]
                for k in range(2)
            ])  # fmt: skip
            told[neuron] = (density[y, np.arange(len(y))] - np.logaddexp(*density)).mean()
        chosen.append(max(told, key=lambda neuron: told[neuron]))
    assert gaussian_ranking(X, y, 4).tolist() == chosen


def test_constant_neurons_come_last() -> None:
    X, y = planted(9)
    X[:, [0, 5]] = 2.0
    for name in ("probeless", "information", "gaussian"):
        assert set(RANKINGS[name](X, y)[-2:].tolist()) == {0, 5}, name


# -- by weights


@given(seed=st.integers(0, 10**6), n_classes=st.integers(1, 6), width=st.integers(1, 40), zeros=st.booleans())
@settings(max_examples=60, deadline=None)
def test_steps_are_what_each_share_of_the_mass_adds(seed: int, n_classes: int, width: int, zeros: bool) -> None:
    W = np.random.default_rng(seed).normal(size=(n_classes, width))
    if zeros:
        W[np.abs(W) < 0.7] = 0.0
    order, steps = rank_by_weights(W)
    assert sorted(order.tolist()) == list(range(width))
    assert len(steps) == 101
    entered = [neuron for step in steps for neuron in step]
    assert order.tolist()[: len(entered)] == entered
    assert set(order.tolist()[len(entered) :]) == set(np.flatnonzero((W == 0).all(axis=0)).tolist())
    held: set[int] = set()
    for p, step in enumerate(steps):
        held |= set(step)
        assert held == top_neurons(W, p / 100) if W.any() else not held
    np.testing.assert_array_equal(rank_by_weights(-3.0 * W)[0], order)


def test_a_class_without_weights_has_no_say() -> None:
    assert top_neurons([[0.0, 0.0, 0.0], [0.0, 2.0, 1.0]], 0.0) == {1}
    assert rank_by_weights([[0.0, 0.0, 0.0], [0.0, 2.0, 1.0]])[0].tolist() == [1, 2, 0]


# -- without some


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_what_is_kept_is_as_it_was_and_what_is_gone_is_one_number(seed: int) -> None:
    drawn = np.random.default_rng(seed)
    X = drawn.normal(size=(9, 7)).astype(np.float32)
    units = drawn.choice(7, drawn.integers(0, 8), replace=False).tolist()
    others = [j for j in range(7) if j not in units]
    zero, mean = (ablate(X, units, mode=mode) for mode in ("zero", "mean"))  # type: ignore[arg-type]
    for found in (zero, mean):
        np.testing.assert_array_equal(found[:, others], X[:, others])
    assert not zero[:, units].any()
    np.testing.assert_allclose(mean[:, units], np.broadcast_to(X[:, units].mean(axis=0), (9, len(units))), rtol=1e-5)
    np.testing.assert_array_equal(ablate(X, units, keep=True), ablate(X, others))
    np.testing.assert_array_equal(ablate(X, range(7), keep=True), X)
    assert not ablate(X, range(7)).any()


def test_a_probe_without_any_neuron_says_one_thing() -> None:
    X, y = planted(11)
    (seen,) = standardise(X)
    probe = fit_linear_probes(seen, y)
    for mode in ("zero", "mean"):
        assert len(np.unique(probe.predict(ablate(seen, range(X.shape[1]), mode=mode)))) == 1  # type: ignore[arg-type]
    np.testing.assert_array_equal(probe.predict(ablate(seen, range(24), keep=True)), probe.predict(seen))


def test_the_smallest_set_is_that_of_the_planted_neurons() -> None:
    X, y = planted(12, n=3000)
    X[:, list(PLANTED)] += 3.0 * X[:, list(PLANTED)].round()  # plainer still
    order = [*PLANTED, *(j for j in range(24) if j not in PLANTED)]
    n, score, oracle = minimal_set(X, y, order, tolerance=0.02, seed=0)
    assert n == 3 or (n == 2 and score >= oracle - 0.02)
    assert score >= oracle - 0.02
    # From the other end all noise comes first: nearly every neuron is needed.
    assert minimal_set(X, y, order[::-1], tolerance=0.02, seed=0)[0] > 20
    assert minimal_set(X, y, order, tolerance=1.0, seed=0)[0] == 1


@given(goal=st.integers(1, 300), most=st.integers(1, 300))
@settings(max_examples=60, deadline=None)
def test_of_scores_that_rise_the_smallest_that_is_enough_is_found(goal: int, most: int) -> None:
    goal = min(goal, most)
    asked: list[int] = []

    def score(n: int) -> float:
        asked.append(n)
        return float(n)

    assert smallest(score, most, goal, known=float(most)) == (goal, float(goal))
    assert len(asked) <= 2 * np.log2(most) + 2


@pytest.mark.parametrize("name", list(RANKINGS))
def test_what_cannot_be_ranked_is_refused(name: str) -> None:
    X, y = planted(13, n=30)
    with pytest.raises(NotEnoughData):
        RANKINGS[name](X, np.zeros(30, dtype=int))
    with pytest.raises(ShapeError):
        RANKINGS[name](X[:, 0], y)
    broken = X.copy()
    broken[0, 0] = np.nan
    with pytest.raises(ShapeError):
        RANKINGS[name](broken, y)


def test_odd_requests_are_refused() -> None:
    X, y = planted(14, n=30)
    for call, error in (
        (lambda: ablate(X, [24]), ShapeError),
        (lambda: ablate(X, [-1]), ShapeError),
        (lambda: ablate(X, [0], mode="noise"), SpecInvalid),  # type: ignore[arg-type]
        (lambda: top_neurons(X, 1.5), SpecInvalid),
        (lambda: rank_by_weights([[np.nan, 1.0]]), ShapeError),
        (lambda: rank_by_weights([1.0, 2.0]), ShapeError),
        (lambda: minimal_set(X, y, [0, 0], tolerance=0.1, seed=0), ShapeError),
        (lambda: minimal_set(X, y, range(24), tolerance=-1, seed=0), SpecInvalid),
        (lambda: minimal_set(X[:5], y[:5], range(24), tolerance=0.1, seed=0), NotEnoughData),
        (lambda: gaussian_ranking(X, y, 0), SpecInvalid),
    ):
        with pytest.raises(error):
            call()


@pytest.mark.parametrize("name", ["overlap", "information"])
def test_rows_sorted_by_label_do_not_tell_it_by_their_order(name: str) -> None:
    """A file may hold all of one class first; neurons of equal values must not profit."""
    y = np.repeat([0, 1], 300)
    drawn = np.random.default_rng(0)
    X = drawn.normal(size=(600, 24)).astype(np.float32)
    X[:, 3] = 1.0
    X[:, 4] = 0.0
    X[5, 4] = 1.0  # all but one row are equal
    X[:, 9] += 1.0 * y
    order = RANKINGS[name](X, y)
    assert order[0] == 9
    assert order[-1] == 3
    assert mutual_information(X, y)[4] < 0.1
