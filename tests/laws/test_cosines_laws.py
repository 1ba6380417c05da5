"""Cosines of words, and steps that all vectors share: sums over folds against the same numbers worked out pair by pair."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.cosines import (
    contributions_left_out,
    cosine_contributions,
    dimensions,
    intra_similarity,
    self_similarity,
    self_similarity_left_out,
    top_contribution,
    variance_shares_left_out,
)
from core.maths.geometry import mean_cosine
from core.maths.shift import (
    chance_cosine,
    common_share,
    common_square,
    mean_shift,
    relative_norm,
    scatter_directions,
    shift_agreement,
    shift_cosine,
    shift_sums,
)
from core.maths.statistics import group_folds, jackknife

FEW = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 2**32 - 1)
Text = tuple[np.ndarray, np.ndarray, np.ndarray]


def _text(seed: int, n_sentences: int = 12, width: int = 5) -> Text:
    """Vectors, words and sentences; a word may stand twice in one sentence."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_sentences), rng.integers(1, 7, size=n_sentences))
    types = rng.choice(["a", "b", "c", "d"], size=len(groups))
    return rng.normal(size=(len(groups), width)) + 0.5, types, groups


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def _self_similarity(text: Text, least: int, of: list[str] | None = None) -> float:
    """Definition 1 of Ethayarajh (2019), pairs of one sentence left out, pair by pair."""
    X, types, groups = text
    means = []
    for name in of or sorted(set(types)):
        rows = np.flatnonzero(types == name)
        pairs = [(i, j) for i, j in itertools.combinations(rows, 2) if groups[i] != groups[j]]
        if len(set(groups[rows])) >= least and pairs:
            means.append(np.mean([_cosine(X[i], X[j]) for i, j in pairs]))
    return float(np.mean(means))


@FEW
@given(seeds)
def test_cosine_contributions_expect_the_mean_over_all_pairs_of_different_sentences(seed: int) -> None:
    X, _, groups = _text(seed)
    pairs = np.array([(i, j) for i, j in itertools.product(range(len(X)), repeat=2) if groups[i] != groups[j]])
    found = cosine_contributions(X, groups)
    assert found.sum() == pytest.approx(mean_cosine(X, pairs), abs=1e-12)
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    np.testing.assert_allclose(found, (unit[pairs[:, 0]] * unit[pairs[:, 1]]).mean(axis=0), atol=1e-12)


@FEW
@given(seeds)
def test_cosines_when_rows_are_scaled_or_reordered_expect_unchanged_and_when_rotated_the_same_sum(seed: int) -> None:
    X, types, groups = _text(seed)
    rng = np.random.default_rng(seed)
    order, scale = rng.permutation(len(X)), rng.uniform(0.1, 10, size=(len(X), 1))
    np.testing.assert_allclose(
        cosine_contributions((X * scale)[order], groups[order]), cosine_contributions(X, groups), atol=1e-12
    )
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    assert cosine_contributions(X @ turn, groups).sum() == pytest.approx(cosine_contributions(X, groups).sum())
    assert self_similarity((X * scale @ turn)[order], types[order], groups[order], least=2) == pytest.approx(
        self_similarity(X, types, groups, least=2)
    )
    np.testing.assert_allclose(intra_similarity(3 * X @ turn, groups), intra_similarity(X, groups), atol=1e-9)


@FEW
@given(seeds)
def test_self_similarity_expect_definition_one_pair_by_pair(seed: int) -> None:
    text = _text(seed)
    assert self_similarity(*text, least=2) == pytest.approx(_self_similarity(text, 2))


def test_cosines_with_a_fold_left_out_expect_those_of_the_rows_kept() -> None:
    X, types, groups = _text(4, n_sentences=40)
    folds = group_folds(groups, n_folds=5)
    counted = [name for name in sorted(set(types)) if len(set(groups[types == name])) >= 5]
    shares = variance_shares_left_out(X, folds)
    contributions, alike = contributions_left_out(X, groups, folds), self_similarity_left_out(X, types, groups, folds)
    for k, kept in enumerate([np.ones(len(X), bool), *(folds != k for k in range(5))]):
        np.testing.assert_allclose(contributions[k], cosine_contributions(X[kept], groups[kept]), atol=1e-12)
        np.testing.assert_allclose(shares[k], X[kept].var(axis=0) / X[kept].var(axis=0).sum(), atol=1e-12)
        part = X[kept], types[kept], groups[kept]
        assert alike[k] == pytest.approx(_self_similarity(part, 2, of=counted))


def test_a_word_that_never_changes_is_itself_everywhere_and_static_words_make_round_sentences() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(8, 400))
    names = np.tile(np.arange(8), 50)
    groups = np.repeat(np.arange(100), 4)
    X = vectors[names]
    assert self_similarity(X, names.astype(str), groups) == pytest.approx(1)
    assert np.nanmean(intra_similarity(X, groups)) == pytest.approx(0.5, abs=0.03)  # 1 / sqrt(4) of unrelated words


def test_intra_similarity_expect_definition_two_and_no_value_for_single_words() -> None:
    X, _, groups = _text(1)
    groups = np.concatenate([groups, [99]])
    X = np.concatenate([X, X[:1]])
    found = intra_similarity(X, groups)
    for value, name in zip(found, np.unique(groups), strict=True):
        rows = X[groups == name]
        if len(rows) < 2:
            assert np.isnan(value)
        else:
            assert value == pytest.approx(np.mean([_cosine(row, rows.mean(axis=0)) for row in rows]))
    assert np.isnan(found[-1])


def test_one_large_dimension_makes_up_the_mean_cosine_and_is_an_outlier() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 100))
    groups = np.arange(400) // 4
    X[:, 17] += 30
    assert top_contribution(cosine_contributions(X, groups), n=1) > 0.99
    assert np.flatnonzero(dimensions(X).is_outlier).tolist() == [17]
    wide = rng.normal(size=(400, 100)) * np.where(np.arange(100) == 3, 20, 1)
    found = dimensions(wide)
    assert np.flatnonzero(found.is_outlier).tolist() == [3]
    (share, *_) = variance_shares_left_out(wide, group_folds(groups, n_folds=5))
    assert share[3] == pytest.approx(400 / 499, abs=0.03)
    assert share.sum() == pytest.approx(1)
    assert found.size.mean() == pytest.approx(1)
    assert top_contribution(np.full(10, 0.1), n=3) == pytest.approx(0.3)


def test_cosines_when_asked_wrongly_expect_a_message() -> None:
    X, types, groups = _text(0)
    with pytest.raises(ShapeError, match="finite"):
        cosine_contributions(X * np.nan, groups)
    with pytest.raises(ShapeError, match="sentence to each row"):
        intra_similarity(X, groups[:-1])
    with pytest.raises(ShapeError, match="word to each row"):
        self_similarity_left_out(X, types[:-1], groups, np.zeros(len(X)))
    with pytest.raises(ShapeError, match="two folds"):
        contributions_left_out(X, np.zeros(len(X)), np.arange(len(X)))
    with pytest.raises(NotEnoughData, match="one sentence"):
        cosine_contributions(X, np.zeros(len(X)))
    with pytest.raises(NotEnoughData, match="No word stands in 99"):
        self_similarity(X, types, groups, least=99)
    with pytest.raises(NotEnoughData, match="two words"):
        intra_similarity(X, np.arange(len(X)))
    with pytest.raises(NotEnoughData, match="not above 0"):
        top_contribution([-0.2, 0.1], n=1)
    with pytest.raises(SpecInvalid):
        top_contribution([0.2, 0.1], n=3)
    with pytest.raises(NotEnoughData, match="equal"):
        variance_shares_left_out(np.ones((9, 3)), np.arange(9))
    with pytest.raises(SpecInvalid):
        dimensions(X, k=0)
    with pytest.raises(NotEnoughData):
        dimensions(np.ones((9, 3)))


def _moved(seed: int, *, step: float, scatter: float, n_sentences: int = 60) -> tuple[np.ndarray, ...]:
    """Base, tuned and sentence of each row: a common step of a length, and scatter of that length."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_sentences), 4)
    base = rng.normal(size=(len(groups), 30))
    direction = np.zeros(30)
    direction[0] = step
    noise = rng.normal(size=base.shape)
    return base, base + direction + scatter * noise / np.sqrt(30), groups


def _sums(base: np.ndarray, tuned: np.ndarray, groups: np.ndarray, n_folds: int = 10):
    return shift_sums(base, tuned, groups, group_folds(groups, n_folds=n_folds), n_folds=n_folds)


def test_common_share_expect_all_of_a_pure_shift_none_of_scatter_and_half_of_both() -> None:
    assert common_share(_sums(*_moved(0, step=2, scatter=0)))[0] == pytest.approx(1)
    assert common_share(_sums(*_moved(0, step=2, scatter=2, n_sentences=600)))[0] == pytest.approx(0.5, abs=0.03)
    found = [common_share(_sums(*_moved(seed, step=0, scatter=1)))[0] for seed in range(60)]
    assert abs(np.mean(found)) < 0.001  # a plain squared mean would give 1 / 240 on average


def test_common_share_interval_expect_to_cover_the_truth() -> None:
    held = []
    for seed in range(150):
        values = common_share(_sums(*_moved(seed, step=1, scatter=1, n_sentences=100), n_folds=20))
        one = jackknife(float(values[0]), values[1:], n=400)
        held.append(one.low <= 0.5 <= one.high)
    assert 0.88 <= np.mean(held) <= 0.995


def test_shift_with_a_fold_left_out_expect_that_of_the_rows_kept() -> None:
    base, tuned, groups = _moved(2, step=1, scatter=1)
    folds = group_folds(groups, n_folds=5)
    sums = shift_sums(base, tuned, groups, folds, n_folds=5)
    for k, kept in enumerate([np.ones(len(base), bool), *(folds != k for k in range(5))]):
        moved, group = (tuned - base)[kept], groups[kept]
        np.testing.assert_allclose(mean_shift(sums)[k], moved.mean(axis=0), atol=1e-12)
        products = moved @ moved.T
        other = group[:, None] != group
        assert common_square(sums)[k] == pytest.approx(products[other].mean())
        assert common_share(sums)[k] == pytest.approx(products[other].mean() / np.mean(np.sum(moved**2, axis=1)))


def test_relative_norm_expect_the_length_of_a_pure_step_and_its_sign_and_scale_to_play_no_part() -> None:
    base, tuned, groups = _moved(0, step=2, scatter=0)
    length = 2 / np.linalg.norm(base, axis=1).mean()
    assert relative_norm(_sums(base, tuned, groups)).value == pytest.approx(length)
    base, tuned, groups = _moved(0, step=2, scatter=1)
    found = relative_norm(_sums(base, tuned, groups))
    again = relative_norm(_sums(7 * base, 7 * (2 * base - tuned), groups))
    assert (again.low, again.value, again.high) == pytest.approx((found.low, found.value, found.high))
    assert (found.n, found.n_groups) == (240, 10)
    still = relative_norm(_sums(base, base, groups))
    assert (still.low, still.value, still.high, still.standard_error) == (0, 0, 0, 0)


@pytest.mark.parametrize("step", [0.0, 0.05, 1.0])
def test_relative_norm_interval_expect_to_cover_the_truth_and_zero_where_nothing_is_common(step: float) -> None:
    held = []
    for seed in range(200):
        base, tuned, groups = _moved(seed, step=step, scatter=1, n_sentences=100)
        one = relative_norm(_sums(base, tuned, groups, n_folds=20))
        assert one.low <= one.value <= one.high
        held.append(one.low <= step / np.linalg.norm(base, axis=1).mean() <= one.high)
    assert 0.9 <= np.mean(held) <= 0.995


def test_steps_of_one_group_expect_to_count_once() -> None:
    base, tuned, groups = _moved(3, step=0, scatter=1)
    twice = [np.concatenate([side, side]) for side in (base, tuned)]  # each sentence has a version that says the same
    apart = relative_norm(_sums(*twice, np.concatenate([groups, groups + 60])))
    together, plain = relative_norm(_sums(*twice, np.tile(groups, 2))), relative_norm(_sums(base, tuned, groups))
    assert (together.low, together.value) == pytest.approx((plain.low, plain.value))
    assert apart.value > together.value + 0.01  # the scatter of a pair would count as common


def _anisotropic(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps that scatter mostly along few directions, and a vocabulary that crowds along them too."""
    rng = np.random.default_rng(seed)
    scales = np.geomspace(3, 0.1, 30)
    vectors = rng.normal(size=(300, 30)) * scales
    return (
        rng.normal(size=(240, 30)) * scales,
        np.repeat(np.arange(60), 4),
        vectors / np.linalg.norm(vectors, axis=1)[:, None],
    )


def _is_near(step: np.ndarray, groups: np.ndarray, vectors: np.ndarray) -> bool:
    """Whether the mean step is nearer to a vector than chance."""
    limit = chance_cosine(scatter_directions(np.zeros_like(step), step, groups), vectors)
    mean = step.mean(axis=0)
    return bool((vectors @ mean).max() / np.linalg.norm(mean) > limit)


def test_a_nearest_vector_beyond_chance_expect_one_in_twenty_of_steps_that_scatter_as_vectors_do() -> None:
    near = []
    for seed in range(200):
        step, groups, vectors = _anisotropic(seed)
        near.append(_is_near(step, groups, vectors))
    assert 0.01 <= np.mean(near) <= 0.1
    step, groups, vectors = _anisotropic(0)
    # Of directions that favour nothing, too many steps would seem near.
    drawn = np.random.default_rng(0).normal(size=(200, 30))
    plain = chance_cosine(drawn / np.linalg.norm(drawn, axis=1)[:, None], vectors)
    assert plain < chance_cosine(scatter_directions(np.zeros_like(step), step, groups), vectors) - 0.02


def test_a_nearest_vector_beyond_chance_expect_the_one_that_all_steps_lead_to() -> None:
    for seed, length in itertools.product(range(10), (3.0, 300.0)):  # also where hardly anything but the step is left
        step, groups, vectors = _anisotropic(seed)
        assert _is_near(step + length * vectors[7], groups, vectors)


def test_directions_of_scatter_expect_length_one_no_part_of_the_step_and_zeros_of_equal_steps() -> None:
    step, groups, _ = _anisotropic(1)
    drawn = scatter_directions(np.zeros_like(step), step, groups)
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1)
    np.testing.assert_allclose(scatter_directions(step, 2 * step + 9, groups), drawn, atol=1e-12)
    same = np.ones((240, 30))  # whole numbers, so that nothing is left by rounding
    assert not scatter_directions(same, 3 * same, groups).any()
    vectors = np.eye(30)
    assert chance_cosine(drawn, vectors) == pytest.approx(np.quantile(drawn.max(axis=1), 0.95), abs=1e-6)


def test_shift_cosine_and_agreement_expect_one_of_equal_shifts_and_intervals_that_hold_zero_of_unrelated_ones() -> None:
    one = mean_shift(_sums(*_moved(0, step=2, scatter=1)))
    other = mean_shift(_sums(*_moved(1, step=3, scatter=1, n_sentences=80), n_folds=20))
    same = shift_agreement(one, other)
    assert same is not None
    assert same.value > 0.98
    assert shift_cosine(one, one).value == pytest.approx(1)  # type: ignore[union-attr]
    assert shift_cosine(one, -one).value == pytest.approx(-1)  # type: ignore[union-attr]
    assert shift_cosine(one, np.zeros_like(one)) is None
    assert shift_agreement(one, np.zeros_like(other)) is None
    held = []
    for seed in range(60):
        sides = [mean_shift(_sums(*_moved(2 * seed + at, step=0, scatter=1))) for at in (0, 1)]
        found = shift_agreement(*sides)
        assert found is not None
        held.append(found.low <= 0 <= found.high)
    assert np.mean(held) > 0.85


def test_shift_when_asked_wrongly_expect_a_message() -> None:
    base, tuned, groups = _moved(0, step=1, scatter=1)
    folds = group_folds(groups, n_folds=5)
    with pytest.raises(ShapeError, match="aligned"):
        shift_sums(base, tuned[:, :4], groups, folds, n_folds=5)
    with pytest.raises(ShapeError, match="finite"):
        shift_sums(base, tuned * np.inf, groups, folds, n_folds=5)
    with pytest.raises(NotEnoughData, match="one group"):
        shift_sums(base, tuned, groups, np.zeros(len(groups), int), n_folds=5)
    with pytest.raises(NotEnoughData, match="Nothing moved"):
        common_share(shift_sums(base, base, groups, folds, n_folds=5))
    with pytest.raises(NotEnoughData, match="all zero"):
        relative_norm(shift_sums(base * 0, tuned, groups, folds, n_folds=5))
