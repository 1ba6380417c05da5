"""How far two answers lie apart: closed forms, scipy, and the laws of a divergence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax
from scipy.stats import entropy
from sklearn.metrics import cohen_kappa_score

from core.errors import NotEnoughData, ShapeError
from core.maths.agreement import chance_agreement, divergence_bits, paired_scores

SEEDS = st.integers(0, 10**6)


@given(seed=SEEDS, k=st.integers(2, 12), scale=st.floats(0.1, 60))
def test_bits_are_those_of_the_reference_and_never_negative(seed: int, k: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    one, other = (log_softmax(scale * rng.normal(size=(5, k)), axis=1) for _ in range(2))
    found = divergence_bits(one, other)
    assert (found >= 0).all()
    expected = [entropy(np.exp(a), np.exp(b), base=2) for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(divergence_bits(one, one), 0)


def test_closed_forms() -> None:
    with np.errstate(divide="ignore"):
        sure, fair, opposite = (np.log([pair]) for pair in ([1.0, 0.0], [0.5, 0.5], [0.0, 1.0]))
    assert divergence_bits(sure, fair) == pytest.approx([1.0])  # one bit settles a coin
    assert divergence_bits(fair, sure) == pytest.approx([np.inf])
    assert divergence_bits(sure, opposite) == pytest.approx([np.inf])
    assert divergence_bits(sure, sure) == pytest.approx([0.0])


@given(seed=SEEDS, k=st.integers(2, 5))
def test_chance_is_what_cohens_kappa_subtracts(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(k, size=60), rng.integers(k, size=60)
    chance, same = chance_agreement(one, other, k), float((one == other).mean())
    assert (same - chance) / (1 - chance) == pytest.approx(cohen_kappa_score(one, other))


def test_what_is_no_answer_is_said() -> None:
    with pytest.raises(ShapeError, match="same rows"):
        divergence_bits(np.zeros((2, 2)), np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="no probabilities"):
        divergence_bits(np.zeros((2, 2)), np.zeros((2, 2)))


def test_two_series_of_scores_are_compared_as_scipy_would_and_by_what_must_hold() -> None:
    draw = np.random.default_rng(0)
    one = draw.normal(size=10)
    same = paired_scores(one, one)
    assert (same.wilcoxon_p, same.n) == (1.0, 10)
    assert (same.spearman, same.pearson) == pytest.approx((1, 1))
    turned = paired_scores(one, -(one**3))
    assert turned.spearman == pytest.approx(-1)
    assert -1 < turned.pearson < 0
    raised = paired_scores(one, np.exp(one) + 5)  # order is all that Spearman knows
    assert raised.spearman == pytest.approx(1)
    assert raised.wilcoxon_p == pytest.approx(2 / 2**10)  # all ten higher: the least that ten pairs can have
    false = [paired_scores(*draw.normal(size=(2, 10))) for _ in range(600)]
    for name in ("spearman_p", "pearson_p", "wilcoxon_p"):
        assert 0.02 < np.mean([getattr(found, name) < 0.05 for found in false]) < 0.08
    with pytest.raises(NotEnoughData):
        paired_scores(one[:3], one[:3])
    with pytest.raises(NotEnoughData):
        paired_scores(one, np.zeros(10))
    with pytest.raises(ShapeError):
        paired_scores(one, one[:5])
