"""Macro-F1 and Matthews: scikit-learn's numbers, what leaves them unchanged, and intervals that respect groups."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, f1_score, matthews_corrcoef

from core.errors import NotEnoughData, ShapeError
from core.maths.scores import grouped_score, macro_f1, matthews
from core.maths.statistics import grouped_share

K = 4
answers = st.lists(st.tuples(st.integers(0, K - 1), st.integers(0, K - 1)), min_size=1, max_size=40)


def counted(pairs: list[tuple[int, int]]) -> NDArray[np.int64]:
    gold, guess = zip(*pairs, strict=True)
    return confusion_matrix(gold, guess, labels=range(K))


@given(pairs=answers)
def test_scores_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    gold, guess = zip(*pairs, strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert macro_f1(counted(pairs)) == pytest.approx(f1_score(gold, guess, average="macro"))
        assert matthews(counted(pairs)) == pytest.approx(matthews_corrcoef(gold, guess))


@given(pairs=answers, order=st.permutations(range(K)))
def test_names_of_classes_do_not_matter(pairs: list[tuple[int, int]], order: list[int]) -> None:
    renamed = [(order[gold], order[guess]) for gold, guess in pairs]
    for score in (macro_f1, matthews):
        assert score(counted(renamed)) == pytest.approx(score(counted(pairs)))


@given(pairs=answers)
def test_all_right_is_one_and_a_constant_guess_tells_nothing(pairs: list[tuple[int, int]]) -> None:
    gold = [one for one, _ in pairs]
    right = counted([(one, one) for one in gold])
    assert macro_f1(right) == 1
    assert matthews(right) == (1 if len(set(gold)) > 1 else 0)
    assert matthews(counted([(one, 0) for one in gold])) == 0


def test_matthews_is_symmetric_and_turns_round_with_the_guess() -> None:
    counts = np.array([[30, 10], [5, 25]])
    assert matthews(counts.T) == pytest.approx(matthews(counts))
    assert matthews(counts[:, ::-1]) == pytest.approx(-matthews(counts))


def test_an_interval_of_grouped_rows_is_that_of_the_share_where_the_score_is_one() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 5)
    gold, guess = rng.integers(0, 2, 300), rng.integers(0, 2, 300)
    share = grouped_share(gold == guess, groups)
    scored = grouped_score(lambda counts: np.trace(counts) / counts.sum(), gold, guess, groups, n_classes=2)
    assert scored.value == pytest.approx(share.value)
    assert scored.standard_error == pytest.approx(share.standard_error, rel=0.05)
    assert (scored.n, scored.n_groups) == (300, 20)


def test_intervals_of_matthews_cover_the_truth() -> None:
    """Guesses right with probability 0.8 on balanced classes: the truth is 0.6."""
    rng, covered = np.random.default_rng(1), 0
    for _ in range(300):
        gold = rng.integers(0, 2, 400)
        guess = np.where(rng.random(400) < 0.8, gold, 1 - gold)
        found = grouped_score(matthews, gold, guess, np.arange(400), n_classes=2)
        covered += found.low <= 0.6 <= found.high
    assert 0.90 <= covered / 300 <= 0.98


def test_what_is_no_table_of_counts_is_refused() -> None:
    for bad in (np.zeros((2, 3)), np.array([[1, -1], [0, 1]]), np.array([[np.nan, 1], [0, 1]]), np.zeros(3)):
        with pytest.raises(ShapeError):
            macro_f1(bad)
    with pytest.raises(ShapeError):
        grouped_score(matthews, [0, 1], [0], [0, 1], n_classes=2)
    with pytest.raises(NotEnoughData):
        grouped_score(matthews, [0, 1, 0], [0, 1, 1], [0, 1, 2], n_classes=2)
    assert macro_f1(np.zeros((3, 3))) == matthews(np.zeros((3, 3))) == 0
