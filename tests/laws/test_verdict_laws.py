"""Verdicts on claims whose truth is known: how often they are wrong, how often they find what is there, and what never changes."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from core.errors import NotEnoughData, SpecInvalid
from core.maths.statistics import group_folds, grouped_share, jackknife, resampled_interval, t_interval
from core.maths.verdicts import (
    CANNOT_TELL,
    CONTRADICTED,
    OFTEN,
    SUPPORTED,
    VERDICTS,
    Effect,
    correlation,
    detectable,
    difference_apart,
    difference_at_worst,
    judge,
    judge_all,
    judge_some,
    mean_of,
    over_seeds,
    power,
    times_more,
    together,
    with_more,
)

RUNS = 2000
"""Of 500 a test that is right would be wrong in over 6 % every eighth time, by chance."""
MOST_WRONG = 0.06
NEAR = 0.05
WAYS = st.sampled_from(["more", "less", "same"])
EFFECTS = st.builds(
    Effect,
    st.floats(-2, 2),
    st.floats(1e-3, 1),
    st.floats(1, 50),
    st.just(100),
)


def grouped_mean(rng: np.random.Generator, truth: float) -> Effect:
    """A mean over 20 groups."""
    return Effect.of(t_interval(truth + rng.normal(size=20)))


def clustered_share(rng: np.random.Generator, truth: float) -> Effect:
    """A paired difference of shares: words of one sentence go together, 100 sentences of 6 words."""
    sentence = np.repeat(np.arange(100), 6)
    hard = rng.normal(size=100)[sentence] + rng.normal(size=600)
    # The share of rows right on either side differs by truth on the mean.
    before = hard < 0.0
    gained = (~before) & (rng.random(600) < 0.2 + truth)
    lost = before & (rng.random(600) < 0.2 - truth)
    after = (before | gained) & ~lost
    return Effect.of(grouped_share(after.astype(float) - before, sentence))


def over_splits(rng: np.random.Generator, truth: float) -> Effect:
    """A difference of accuracies of two readers, over five overlapping splits of 400 rows, as probes are compared."""
    y = rng.integers(0, 2, 400)
    sides = [np.where(y == 1, 1.0, -1.0) * pull + rng.normal(size=400) for pull in (0.5, 0.5 + truth)]
    scores = []
    for _ in range(5):
        order = rng.permutation(400)
        train, test = order[:280], order[280:]
        found = []
        for side in sides:
            middle = (side[train][y[train] == 0].mean() + side[train][y[train] == 1].mean()) / 2
            found.append(float(((side[test] > middle) == (y[test] == 1)).mean()))
        scores.append(found[1] - found[0])
    return Effect.of(resampled_interval(scores, n_train=280, n_test=120))


def wrong(measure: Callable[[np.random.Generator], Effect], way: str, least: float, seed: int) -> tuple[float, float]:
    """How often a claim is supported and how often it is contradicted."""
    rng = np.random.default_rng(seed)
    told = [judge(measure(rng), way, least) for _ in range(RUNS)]
    return told.count(SUPPORTED) / RUNS, told.count(CONTRADICTED) / RUNS


@pytest.mark.parametrize("measure", [grouped_mean, clustered_share, over_splits])
def test_a_claim_of_more_than_nothing_is_hardly_ever_supported_where_nothing_is(
    measure: Callable[[np.random.Generator, float], Effect],
) -> None:
    supported, contradicted = wrong(lambda rng: measure(rng, 0.0), "more", 0.0, 1)
    assert supported + contradicted <= MOST_WRONG
    # The test is no formality: what is told apart from nothing is told now and then.
    assert supported + contradicted > 0


@pytest.mark.parametrize("way", ["more", "less", "same"])
def test_at_the_limit_itself_either_verdict_is_rare(way: str) -> None:
    least = 0.7
    truth = -least if way == "less" else least
    supported, contradicted = wrong(lambda rng: grouped_mean(rng, truth), way, least, 2)
    assert supported <= MOST_WRONG
    assert supported + contradicted <= MOST_WRONG


def test_several_claims_judged_together_are_all_right_at_once() -> None:
    rng, n, any_wrong = np.random.default_rng(3), 8, 0
    for _ in range(RUNS):
        level = together(n)
        told = [judge(grouped_mean(rng, 0.0), "more", 0.0, level=level) for _ in range(n)]
        any_wrong += any(one != CANNOT_TELL for one in told)
    assert any_wrong / RUNS <= MOST_WRONG


@pytest.mark.parametrize("shared", [-1.0, 0.0, 1.0])
def test_a_difference_is_safe_however_its_sides_hang_together(shared: float) -> None:
    def measure(rng: np.random.Generator) -> Effect:
        one, own = rng.normal(size=20), rng.normal(size=20)
        other = shared * one + (0 if shared else 1) * own
        return difference_at_worst(Effect.of(t_interval(one)), Effect.of(t_interval(other)))

    supported, contradicted = wrong(measure, "more", 0.0, 4)
    assert supported + contradicted <= MOST_WRONG


def test_a_difference_of_texts_that_share_nothing_is_as_sharp_as_it_may_be() -> None:
    def measure(rng: np.random.Generator) -> Effect:
        return difference_apart(grouped_mean(rng, 0.3), grouped_mean(rng, 0.3))

    supported, contradicted = wrong(measure, "more", 0.0, 5)
    assert 0.02 <= supported + contradicted <= MOST_WRONG


@pytest.mark.parametrize(("n_runs", "between"), [(2, 0.0), (3, 0.5), (5, 0.2)])
def test_over_seeds_both_noises_count(n_runs: int, between: float) -> None:
    """Runs differ by their seed; the sentences, and so their noise, are the same for all."""

    def measure(rng: np.random.Generator) -> Effect:
        sentences = rng.normal(size=20)
        return over_seeds(
            [
                Effect.of(t_interval(between * rng.normal() + sentences + 0.3 * rng.normal(size=20)))
                for _ in range(n_runs)
            ]
        )

    supported, contradicted = wrong(measure, "more", 0.0, 6)
    assert supported + contradicted <= MOST_WRONG


def test_every_layer_and_some_layer_are_wrong_no_more_often() -> None:
    rng, every, some = np.random.default_rng(7), 0, 0
    for _ in range(RUNS):
        text = rng.normal(size=20)
        # All layers are right at the limit but one, which is far beyond it: "all" and "some" both hang on noise.
        effects = [Effect.of(t_interval(text + rng.normal(size=20))) for _ in range(5)]
        single = [judge(one, "more", 0.0) for one in effects]
        joint = [judge(one, "more", 0.0, level=together(5)) for one in effects]
        every += judge_all(single, joint) != CANNOT_TELL
        some += judge_some(single, joint) != CANNOT_TELL
    assert every / RUNS <= MOST_WRONG
    assert some / RUNS <= MOST_WRONG


@pytest.mark.parametrize(
    ("way", "least", "truth"),
    [("more", 0.0, 0.6), ("more", 0.3, 0.9), ("less", 0.0, -0.8), ("same", 0.8, 0.0), ("same", 0.9, 0.2)],
)
def test_power_is_as_stated(way: str, least: float, truth: float) -> None:
    rng, told, stated = np.random.default_rng(8), [], []
    for _ in range(RUNS):
        found = grouped_mean(rng, truth)
        told.append(judge(found, way, least) == SUPPORTED)
        stated.append(power(found, way, least, truth))  # by each sample's own noise, as the page states it
    assert np.mean(told) == pytest.approx(np.mean(stated), abs=NEAR)
    exact = power(Effect(0.0, 1 / math.sqrt(20), 19, 20), way, least, truth)
    assert np.mean(told) == pytest.approx(exact, abs=NEAR)


def test_a_pilot_foresees_the_power_of_a_larger_sample() -> None:
    rng, told, stated = np.random.default_rng(9), [], []
    for _ in range(RUNS):
        pilot = Effect.of(t_interval(rng.normal(size=20) * 2))  # groups of a quarter of the sentences: twice the noise
        stated.append(power(with_more(pilot, 4.0), "more", 0.0, 0.6))
        told.append(judge(grouped_mean(rng, 0.6), "more", 0.0) == SUPPORTED)
    assert np.mean(told) == pytest.approx(np.mean(stated), abs=NEAR)


@given(EFFECTS, st.floats(0.0, 1.5))
def test_less_is_more_turned_round(effect: Effect, least: float) -> None:
    turned = Effect(-effect.value, effect.standard_error, effect.freedom)
    assert judge(effect, "less", least) == judge(turned, "more", least)
    assert power(effect, "less", least, -1.0) == pytest.approx(power(effect, "more", least, 1.0), abs=1e-9)


@given(EFFECTS, WAYS, st.floats(0.01, 1.5), st.floats(0.5, 0.999))
def test_a_verdict_never_turns_into_its_opposite_as_the_interval_grows(
    effect: Effect, way: str, least: float, level: float
) -> None:
    narrow, wide = (judge(effect, way, least, level=one) for one in (level / 2, level))
    assert narrow in VERDICTS
    assert wide in (narrow, CANNOT_TELL)


@given(EFFECTS, WAYS, st.floats(0.01, 1.5), st.floats(-2, 2), st.floats(1, 20))
def test_power_is_a_chance_and_grows_with_data(
    effect: Effect, way: str, least: float, truth: float, times: float
) -> None:
    few = power(effect, way, least, truth)
    many = power(with_more(effect, times), way, least, truth)
    assert 0 <= few <= 1
    signed = -truth if way == "less" else truth
    if way != "same" and signed > least:
        assert many >= few - 1e-6
    if way != "same" and signed < least:
        assert many <= few + 1e-6


@given(st.floats(0.01, 1), st.floats(3, 50), st.floats(0.0, 1.0))
def test_what_is_detectable_is_found_just_so_often(error: float, freedom: float, least: float) -> None:
    noise = Effect(0.0, error, freedom)
    found = detectable(noise, "more", least)
    assert found >= least
    assert power(noise, "more", least, found) == pytest.approx(OFTEN, abs=1e-3)
    assert power(noise, "same", detectable(noise, "same", 1.0), 0.0) == pytest.approx(OFTEN, abs=1e-3)


@given(EFFECTS, WAYS, st.floats(0.01, 1.5))
def test_so_much_more_data_tells(effect: Effect, way: str, least: float) -> None:
    times = times_more(effect, way, least)
    if times is None:
        return
    assert times >= 1
    # A little more than what makes the interval just clear: its reach must fit into the gap.
    assert judge(with_more(effect, times * 1.001), way, least) != CANNOT_TELL


@given(st.lists(EFFECTS, min_size=1, max_size=6))
def test_the_mean_of_layers_errs_no_less_than_the_most_certain(effects: list[Effect]) -> None:
    found = mean_of(effects)
    errors = [one.standard_error for one in effects]
    assert min(errors) - 1e-12 <= found.standard_error <= max(errors) + 1e-12
    assert mean_of([effects[0]] * 3) == Effect(
        pytest.approx(effects[0].value), pytest.approx(effects[0].standard_error), effects[0].freedom, effects[0].n
    )
    assert over_seeds([effects[0]]) == effects[0]


def test_rank_correlations_of_seven_places_leave_out_nothing_as_often_as_they_say() -> None:
    """Over all 5,040 orders, which are the whole of what chance can do."""
    x, found = np.arange(7), []
    for order in itertools.permutations(range(7)):
        found.append(judge(correlation(x, order), "more", 0.0))
    wrong_ones = (found.count(SUPPORTED) + found.count(CONTRADICTED)) / len(found)
    assert wrong_ones == pytest.approx(0.034, abs=0.001)
    assert found.count(SUPPORTED) == found.count(CONTRADICTED)


@given(st.lists(st.integers(0, 50), min_size=6, max_size=20, unique=True), st.randoms(use_true_random=False))
def test_a_rank_correlation_is_scipys(x: list[int], random: object) -> None:
    y = list(x)
    random.shuffle(y)  # type: ignore[attr-defined]
    found = correlation(x, y)
    n = len(x)
    surest = 1 - 12 / (n * (n * n - 1))  # one swap of neighbours short of perfect order
    assert found.value == pytest.approx(np.clip(float(spearmanr(x, y).statistic), -surest, surest), abs=1e-12)
    low, high = found.interval()
    assert -1 <= low <= found.value + 1e-9
    assert found.value - 1e-9 <= high <= 1


def test_what_has_no_interval_tells_nothing() -> None:
    endless = Effect(5.0, math.inf, 3)
    for way in ("more", "less", "same"):
        assert judge(endless, way, 0.1) == CANNOT_TELL
    assert times_more(endless, "more", 0.1) is None
    assert detectable(endless, "more", 0.1) == math.inf
    assert judge(Effect(float("nan"), 1.0, 3), "more", 0.0) == CANNOT_TELL


def test_what_never_varies_is_told_at_once() -> None:
    exact = Effect(0.2, 0.0, 5)
    assert judge(exact, "more", 0.1) == SUPPORTED
    assert judge(exact, "more", 0.3) == CONTRADICTED
    assert judge(exact, "same", 0.3) == SUPPORTED
    assert power(exact, "more", 0.1, 0.2) == 1.0
    assert detectable(exact, "more", 0.1) == 0.1


@pytest.mark.parametrize("least", [-0.1, float("nan"), float("inf")])
def test_a_size_that_is_none_is_refused(least: float) -> None:
    with pytest.raises(SpecInvalid, match="smallest effect"):
        judge(Effect(0.0, 1.0, 5), "more", least)


def test_sameness_within_nothing_is_refused() -> None:
    with pytest.raises(SpecInvalid, match="Within 0"):
        judge(Effect(0.0, 1.0, 5), "same", 0.0)


def test_too_few_places_have_no_correlation() -> None:
    with pytest.raises(NotEnoughData, match="five"):
        correlation([1, 2, 3, 4], [1, 2, 3, 4])
    with pytest.raises(NotEnoughData, match="vary"):
        correlation([1, 1, 1, 1, 1], [1, 2, 3, 4, 5])
    with pytest.raises(NotEnoughData, match="none"):
        mean_of([])


def test_a_jackknifed_measure_is_wrong_no_more_often() -> None:
    """A ratio over sentences of unequal length: not a mean of its groups, as most measures here are not."""
    rng, told = np.random.default_rng(10), []
    for _ in range(RUNS):
        long = rng.integers(3, 15, 100)
        sentence = np.repeat(np.arange(100), long)
        values = rng.normal(size=100)[sentence] + rng.normal(size=len(sentence))
        folds = group_folds(sentence)
        left_out = [values[folds != fold].mean() for fold in range(20)]
        told.append(judge(Effect.of(jackknife(values.mean(), left_out, n=len(values))), "more", 0.0))
    assert (told.count(SUPPORTED) + told.count(CONTRADICTED)) / RUNS <= MOST_WRONG
