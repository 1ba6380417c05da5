"""Circled points in a link: what is written is read back as it was, and what is no such thing is a message."""

import base64
import zlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.analyses.circled import MOST_LETTERS, read, written
from core.analyses.places import PLACE
from core.errors import SpecInvalid
from tests.faults import says


def points(n: int, of: str = "a") -> pd.DataFrame:
    """So many words of a made-up text."""
    places = np.arange(n)
    return pd.DataFrame({"sentence": [f"{of} {i // 5}" for i in places], "text": "word", PLACE: places % 5 + 1})


@given(st.integers(1, 400), st.data())
def test_what_was_circled_is_read_back(n: int, data: st.DataObject) -> None:
    rows = data.draw(st.sets(st.integers(0, n - 1), min_size=1))
    map_ = points(n)
    text = written(np.array(sorted(rows)), map_)
    assert text == "" or set(np.flatnonzero(read(text, map_))) == rows
    assert text != "" or n > 300


def test_a_link_stays_short_or_is_none() -> None:
    drawn = np.random.default_rng(0)
    few, many = points(2000), points(100_000)
    assert 0 < len(written(drawn.choice(2000, 1000, replace=False), few)) <= MOST_LETTERS
    assert 0 < len(written(np.arange(300, 420), many)) < 200
    assert written(drawn.choice(100_000, 20_000, replace=False), many) == ""


def test_points_of_another_map_are_not_taken_for_these() -> None:
    text = written(np.array([1, 2]), points(50))
    for other in (points(51), points(50, of="b"), points(50).iloc[::-1]):
        with pytest.raises(SpecInvalid) as problem:
            read(text, other)
        says(problem, "another text", "circled")


def of_bytes(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize(
    "packed",
    [
        "",
        "!!",
        "ü",
        "AAAA",
        "a" * MOST_LETTERS,
        of_bytes(zlib.compress(b"")),
        of_bytes(zlib.compress(bytes(7))),  # none is circled
        of_bytes(zlib.compress(b"\xff" * 6)),
        of_bytes(zlib.compress(b"\xff" * 7)),  # more points than there are
        of_bytes(zlib.compress(b"\xff" * 100_000_000)[:1000]),
    ],
)
def test_letters_that_say_no_points_are_a_message(packed: str) -> None:
    map_ = points(50)
    name = written(np.array([1]), map_).split(".")[0]
    with pytest.raises(SpecInvalid) as problem:
        read(f"{name}.{packed}", map_)
    says(problem, "circled in a link", "link")
