"""Where to look first: what was planted is named, nothing is where nothing moved, and one thing is named once."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.analyses.movers import Moved, compute
from core.analyses.places import PLACE
from core.charts.look_here import MOST_OF_A_KIND, leads
from tests.quiet import Quiet
from tests.unit.test_movers import SPEC, clouds, embedded


def of(X: np.ndarray, Y: np.ndarray) -> Moved:
    """Movers of one layer that became another."""
    return compute(SPEC, {"base": embedded(X), "tuned": embedded(Y)}, Quiet())


@pytest.fixture(scope="module")
def same() -> Moved:
    """A space beside itself but for small steps."""
    X = clouds()
    return of(X, X + 0.05 * np.random.default_rng(1).normal(size=X.shape).astype(np.float32))


def scattered(rows: np.ndarray) -> Moved:
    """The same where some rows went to places drawn at random."""
    rng = np.random.default_rng(2)
    X = clouds()
    Y = X + 0.05 * rng.normal(size=X.shape).astype(np.float32)
    Y[rows] = 3 * rng.normal(size=(int(rows.sum()), X.shape[1]))
    return of(X, Y)


def test_where_nothing_moved_there_is_nothing_to_look_at(same: Moved) -> None:
    assert leads(same, 0, of_words=True) == []


def test_a_label_whose_rows_scattered_is_named_with_its_rows_and_only_once(same: Moved) -> None:
    rows = (same.points["upos"] == "DET").to_numpy()
    assert rows.sum() > 20
    found = leads(scattered(rows), 0, of_words=False)
    (first, *rest) = [one for one in found if ": " in one.name]
    assert np.array_equal(first.points, rows) or (first.points & rows).sum() > 0.8 * (first.points | rows).sum()
    assert "points fewer" in first.why
    for one in rest:  # DET and det are the same rows under two names
        assert (one.points & first.points).sum() < 0.8 * (one.points | first.points).sum()


def test_rows_of_which_a_label_says_nothing_are_not_named(same: Moved) -> None:
    rows = (same.points["upos"] == "DET").to_numpy()
    moved = scattered(rows)
    for silent in ("", "(unmarked)"):
        points = moved.points[["text", "sentence"]].assign(mark=np.where(rows, silent, "yes"))
        only = replace(moved, points=points)
        assert [one.name for one in leads(only, 0, of_words=False, unmarked="(unmarked)") if ":" in one.name] == []
        assert [one.name for one in leads(only, 0, of_words=False, unmarked="other") if "(unmarked)" in one.name] == (
            ["mark: (unmarked)"] if silent else []
        )


def test_a_word_is_named_by_itself_in_any_case_of_its_letters(same: Moved) -> None:
    texts = same.points["text"].str.lower()
    rows = (texts == "the").to_numpy()
    assert rows.sum() > 10
    moved = scattered(rows)
    words = [one for one in leads(moved, 0, of_words=True) if one.name.startswith("the word")]
    assert words[0].name == "the word “the”"
    assert np.array_equal(words[0].points, rows)
    assert not [one for one in leads(moved, 0, of_words=False) if one.name.startswith("the word")]


def test_movers_next_to_each_other_are_a_region_and_those_by_themselves_are_none(same: Moved) -> None:
    n, k = len(same.points), same.k
    near = np.tile(np.arange(200, 200 + k, dtype=np.int16), (n, 1))  # to no mover
    for row, other in ((3, 4), (4, 5), (10, 11), (11, 12), (12, 13), (20, 21)):
        near[row, 0], near[other, 1] = other, row
    for row in (30, 31, 32):  # near to one that is not near to it
        near[row, 0] = row + 1
    moving = (3, 4, 5, 10, 11, 12, 13, 20, 21, 30, 31, 32, 33)
    movers = np.isin(np.arange(n), moving)
    p_value = np.where(np.arange(n) == 5, 0.001, 0.01).astype(np.float32)
    planted = replace(
        same, base_neighbours=near[None], false_share=np.where(movers, 0.01, 0.9)[None], p_value=p_value[None]
    )
    found = [one for one in leads(planted, 0, of_words=True) if one.name.startswith("around")]
    assert [np.flatnonzero(one.points).tolist() for one in found] == [[10, 11, 12, 13], [3, 4, 5]]
    assert found[1].name.startswith(f"around {same.points['text'].iloc[5]}")  # the most surprising first
    assert "3 movers" in found[1].why


@pytest.mark.parametrize("share", [0.02, 0.1, 0.4])
def test_movers_drawn_at_random_are_seldom_a_region(same: Moved, share: float) -> None:
    """However many they are, and however many of them lie together for that reason alone."""
    n_found = 0
    for seed in range(40):
        movers = np.random.default_rng(100 + seed).random(len(same.points)) < share
        at_random = replace(same, false_share=np.where(movers, 0.01, 0.9)[None])
        n_found += any(one.name.startswith("around") for one in leads(at_random, 0, of_words=False))
    assert n_found <= 6  # 5 % are 2; more than 6 come once in 100 times


def test_words_of_few_rows_are_seldom_named_where_nothing_is_the_matter() -> None:
    """Overlaps of 0, 1, 2 … of k neighbours, words of about eight rows each: one data set in 20 may name one, at most."""
    n, n_found = 1200, 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        points = pd.DataFrame({
            "text": [f"w{i}" for i in rng.integers(0, 150, n)], "sentence": [f"s{i // 8}" for i in range(n)], PLACE: 1,
        })  # fmt: skip
        nothing = Moved(
            overlap=(rng.binomial(15, 0.5, n) / 15).astype(np.float32)[None],
            around=np.full((1, n), 0.5, np.float32),
            p_value=np.ones((1, n), np.float32),
            false_share=np.ones((1, n), np.float32),
            base_neighbours=np.zeros((1, n, 15), np.int16),
            tuned_neighbours=np.zeros((1, n, 15), np.int16),
            points=points,
            group=(np.arange(n) // 8).astype(np.int32),
            n_sentences=n // 8,
            n_halves=50,
        )
        n_found += bool(leads(nothing, 0, of_words=True))
    assert n_found <= 4  # one-sided 2.5 % are 1; more than 4 come twice in 1,000 times


def test_a_label_that_lost_everything_beside_one_that_lost_nothing_is_the_clearest(same: Moved) -> None:
    rows = (same.points["upos"] == "DET").to_numpy()
    all_or_nothing = replace(same, overlap=np.where(rows, 0, 1).astype(np.float32)[None])
    first = leads(all_or_nothing, 0, of_words=False)[0]
    assert np.array_equal(first.points, rows)


def test_no_kind_takes_all_the_room(same: Moved) -> None:
    rows = np.random.default_rng(0).random(len(same.points)) < 0.5
    found = leads(
        scattered(rows | same.points["upos"].isin(["DET", "NOUN", "PUNCT", "VERB"]).to_numpy()), 0, of_words=True
    )
    assert len(found) <= 3 * MOST_OF_A_KIND
