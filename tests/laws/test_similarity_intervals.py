"""Intervals of similarity measures hold the truth as often as they say, rows of a sentence being alike."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from scipy import stats

from core.errors import NotEnoughData, SpecInvalid
from core.maths.similarity import alignment_jackknife, kernel_cka_jackknife, knn_jackknife, rsa_jackknife
from core.maths.statistics import Estimate, group_folds, independent_difference, t_interval

MIX = np.random.default_rng(99).normal(size=(5, 5))
WITHIN = 1.36
ACROSS, OWN = WITHIN * MIX, WITHIN * MIX.T @ MIX + 10 * np.eye(5)
Jackknife = Callable[..., Estimate]


def _drawn(seed: int, n_sentences: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two spaces of three rows a sentence, and the fold of each row. Covariances: WITHIN, ACROSS, OWN."""
    rng = np.random.default_rng(seed)
    sentence = np.repeat(np.arange(n_sentences), 3)
    X = rng.normal(size=(n_sentences, 5))[sentence] + 0.6 * rng.normal(size=(len(sentence), 5))
    Y = X @ MIX + 3 * rng.normal(size=(n_sentences, 5))[sentence] + rng.normal(size=X.shape)
    return X, Y, group_folds(sentence)


def _of_populations(measure: str) -> float:
    """The measure of the exact covariances."""
    if measure == "procrustes":
        lengths = np.sqrt(5 * WITHIN * np.trace(OWN))
        return float(np.arccos(np.linalg.svd(ACROSS, compute_uv=False).sum() / lengths))
    values, turns = np.linalg.eigh(OWN)
    between = ACROSS / np.sqrt(WITHIN) @ turns / np.sqrt(values)
    directions, correlations, _ = np.linalg.svd(between)
    weights = np.ones(5) if measure == "svcca" else np.abs(directions).sum(axis=0)
    return float(np.average(correlations, weights=weights))


@pytest.mark.parametrize("measure", ["procrustes", "svcca", "pwcca"])
def test_intervals_of_alignments_hold_the_value_of_the_population(measure: str) -> None:
    truth = _of_populations(measure)
    found = []
    for seed in range(300):
        X, Y, folds = _drawn(seed, 800)
        found.append(alignment_jackknife(X, Y, folds, measure=measure, keep=1.0))
    assert 0.90 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.98


@pytest.mark.parametrize(
    ("jackknifed", "most"),
    [
        (rsa_jackknife, 0.985),
        (partial(rsa_jackknife, statistic="spearman"), 0.985),
        (kernel_cka_jackknife, 0.985),
        (partial(knn_jackknife, k=5), 1.0),  # no smooth statistic: its interval is a little too wide
    ],
    ids=["rsa", "rsa_spearman", "cka_rbf", "knn"],
)
def test_intervals_of_measures_over_pairs_hold_their_mean(jackknifed: Jackknife, most: float) -> None:
    found = [jackknifed(*_drawn(seed, 70)) for seed in range(150)]
    truth = np.mean([one.value for one in found])
    assert 0.90 <= np.mean([one.low <= truth <= one.high for one in found]) <= most
    spread = np.std([one.value for one in found])
    assert 0.85 * spread < np.mean([one.standard_error for one in found]) < 1.5 * spread


def test_a_difference_of_two_samples_is_welchs() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, size=9), rng.normal(1, 4, size=21)
    found = independent_difference(t_interval(first), t_interval(second))
    classic = stats.ttest_ind(second, first, equal_var=False)
    low, high = classic.confidence_interval(0.95)
    assert (found.value, found.low, found.high) == pytest.approx((second.mean() - first.mean(), low, high), rel=1e-9)
    assert (found.n, found.n_groups) == (30, int(classic.df) + 1)


def test_a_difference_of_two_samples_without_spread_is_exact() -> None:
    sure = Estimate(0.5, 0.5, 0.5, 0.0, 10, 5)
    found = independent_difference(sure, Estimate(0.7, 0.7, 0.7, 0.0, 12, 8))
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.2, 0.2))
    assert (found.n, found.n_groups) == (22, 5)
    with pytest.raises(NotEnoughData):
        independent_difference(sure, Estimate(0.5, 0.5, 0.5, 0.0, 10, 1))
    with pytest.raises(SpecInvalid):
        independent_difference(sure, sure, level=1.0)
