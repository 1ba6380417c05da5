"""Flat rows are the rows they were made of, whatever is asked of them."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.ragged import LabelRows, NumberRows, SpanRows, picked

labels = st.lists(st.lists(st.sampled_from(["NOUN", "VERB", "_", "é", ""]), max_size=5).map(tuple), max_size=8)
numbers = st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=5).map(tuple), max_size=8)
spans = st.lists(st.lists(st.tuples(st.integers(0, 9999), st.integers(0, 9999)), max_size=5).map(tuple), max_size=8)


@pytest.mark.parametrize("kind", [LabelRows, NumberRows, SpanRows])
@given(data=st.data())
def test_rows_come_back_as_they_were_given(kind: type, data: st.DataObject) -> None:
    rows = data.draw({LabelRows: labels, NumberRows: numbers, SpanRows: spans}[kind])
    building = kind()
    for row in rows:
        building.append(row)
    flat: Sequence = building.done()
    assert len(flat) == len(rows)
    assert list(flat) == rows
    assert [flat[at] for at in range(len(rows))] == rows
    assert [flat[at - len(rows)] for at in range(len(rows))] == rows
    assert flat == tuple(rows)
    assert tuple(rows) == flat
    assert list(flat[1:]) == rows[1:]
    assert flat.n_entries == sum(map(len, rows))
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=10)) if rows else []
    assert list(picked(flat, chosen)) == [rows[at] for at in chosen] == list(picked(rows, chosen))
    with pytest.raises(IndexError):
        flat[len(rows)]
    if rows and rows[0]:
        assert flat != [(), *rows[1:]]
    assert flat != [*rows, ()]


@given(rows=labels)
def test_what_is_distinct_is_counted_and_changed_once(rows: list[tuple[str, ...]]) -> None:
    building = LabelRows()
    for row in rows:
        building.append(row)
    flat = building.done()
    assert flat.counts() == Counter(label for row in rows for label in row)
    assert flat.values == {label for row in rows for label in row}
    asked: list[str] = []

    def length(label: str) -> str:
        asked.append(label)
        return str(len(label))

    changed = flat.recoded(length)
    assert list(changed) == [tuple(str(len(label)) for label in row) for row in rows]
    assert len(asked) == len(set(asked))
    assert changed.values == {str(len(label)) for label in flat.values}
    assert changed.counts() == Counter(str(len(label)) for row in rows for label in row)


def test_a_million_labels_take_a_byte_each_and_what_is_told_of_the_same_words_no_more() -> None:
    spans, building = SpanRows(), LabelRows()
    for _ in range(100_000):
        spans.append([(0, 1)] * 10)
        building.append(("NOUN", "VERB", "DET", "NOUN", "PUNCT") * 2)
    places = spans.done()
    labels = building.done(beside=places)
    assert labels._codes.nbytes == 1_000_000
    assert labels._start is places._start
    lower = labels.recoded(str.lower)
    assert lower[99_999][:2] == ("noun", "verb")
    assert lower._codes is labels._codes
    assert lower._start is labels._start


def test_rows_of_other_lengths_share_nothing() -> None:
    spans, labels = SpanRows(), LabelRows()
    spans.append([(0, 1), (1, 2)])
    labels.append(("NOUN",))
    assert list(labels.done(beside=spans.done())) == [("NOUN",)]


def test_rows_chosen_again_and_again_are_counted_beyond_a_byte() -> None:
    building = LabelRows()
    building.append(("NOUN",) * 200)
    building.append(("VERB",) * 50)
    assert list(building.done().pick([1, 0, 0, 1])) == [
        ("VERB",) * 50,
        ("NOUN",) * 200,
        ("NOUN",) * 200,
        ("VERB",) * 50,
    ]
