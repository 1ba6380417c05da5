"""Where to look first: what was planted is named, nothing is where nothing moved, and one thing is named once."""

from dataclasses import replace

import numpy as np
import pytest

from core.analyses.movers import Moved, compute
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
        near[row, 0] = other
    movers = np.isin(np.arange(n), (3, 4, 5, 10, 11, 12, 13, 20, 21, 30))
    p_value = np.where(np.arange(n) == 5, 0.001, 0.01).astype(np.float32)
    planted = replace(
        same, base_neighbours=near[None], false_share=np.where(movers, 0.01, 0.9)[None], p_value=p_value[None]
    )
    found = [one for one in leads(planted, 0, of_words=True) if one.name.startswith("around")]
    assert [np.flatnonzero(one.points).tolist() for one in found] == [[10, 11, 12, 13], [3, 4, 5]]
    assert found[1].name.startswith(f"around {same.points['text'].iloc[5]}")  # the most surprising first
    assert "3 movers" in found[1].why


def test_no_kind_takes_all_the_room(same: Moved) -> None:
    rows = np.random.default_rng(0).random(len(same.points)) < 0.5
    found = leads(
        scattered(rows | same.points["upos"].isin(["DET", "NOUN", "PUNCT", "VERB"]).to_numpy()), 0, of_words=True
    )
    assert len(found) <= 3 * MOST_OF_A_KIND
