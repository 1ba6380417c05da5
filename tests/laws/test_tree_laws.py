"""The best tree is a tree with one root, and no other scores more."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.errors import ShapeError
from core.maths.trees import best_tree


def is_tree(heads: tuple[int, ...]) -> bool:
    """Whether every word leads to the one root."""
    if sum(head == 0 for head in heads) != 1:
        return False
    for word in range(1, len(heads) + 1):
        seen = set()
        while word:
            if word in seen:
                return False
            seen.add(word)
            word = heads[word - 1]
    return True


def of(scores: np.ndarray, heads: tuple[int, ...] | np.ndarray) -> float:
    return float(sum(scores[i, head] for i, head in enumerate(heads)))


@given(
    st.integers(1, 5).flatmap(
        lambda n: arrays(
            np.float64, (n, n + 1), elements=st.integers(-9, 9).map(float)
        )  # whole numbers: ties are common
    )
)
@settings(max_examples=150)
def test_no_tree_scores_more(scores: np.ndarray) -> None:
    n = len(scores)
    all_trees = [heads for heads in itertools.product(range(n + 1), repeat=n) if is_tree(heads)]
    found = best_tree(scores)
    assert is_tree(tuple(found.tolist()))
    assert of(scores, found) == max(of(scores, heads) for heads in all_trees)


@pytest.mark.parametrize("n", [30, 100])
def test_a_long_sentence_has_a_tree_and_a_planted_one_is_found(n: int) -> None:
    draw = np.random.default_rng(n)
    scores = draw.normal(size=(n, n + 1))
    assert is_tree(tuple(best_tree(scores).tolist()))
    order = draw.permutation(n) + 1
    heads = np.zeros(n, dtype=int)
    for place in range(1, n):
        heads[order[place] - 1] = order[draw.integers(place)]
    scores[np.arange(n), heads] += 100
    np.testing.assert_array_equal(best_tree(scores), heads)


def test_what_is_added_to_all_scores_of_a_word_changes_nothing() -> None:
    scores = np.random.default_rng(0).normal(size=(12, 13))
    np.testing.assert_array_equal(best_tree(scores), best_tree(scores + np.arange(12)[:, None]))


@pytest.mark.parametrize("wrong", [np.zeros((0, 1)), np.zeros((3, 3)), np.zeros(4), np.full((2, 3), np.nan)])
def test_what_is_no_table_of_scores_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ShapeError):
        best_tree(wrong)
