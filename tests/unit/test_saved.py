"""Saved points: found again on any map of the same text, and nothing is lost by a damaged file."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.analyses.joint_map import describe_rows
from core.analyses.places import PLACE, among, places_of
from core.data.load import load_sample
from core.errors import SpecInvalid, StoreUnusable
from core.refs import Sample, Suite, TableFile, file_digest
from core.store.saved import MOST, SavedFile

DEV, TRAIN = Suite(split="dev"), Suite(split="train")
POINTS = pd.DataFrame(
    {
        "text": ["the", "the", "cat", "the"],
        "sentence": ["the cat saw the dog"] * 3 + ["the end"],
        PLACE: [1, 4, 2, 1],
    }
)


@pytest.fixture
def saved(tmp_path: Path) -> SavedFile:
    return SavedFile(tmp_path / "points.json")


def test_points_are_found_by_sentence_word_and_place_in_any_order(saved: SavedFile) -> None:
    saved.save(" corner ", DEV, "word", places_of(POINTS.iloc[[1, 3]]))
    held = saved.of(DEV, "word")
    assert list(held) == ["corner"]
    assert among(POINTS, held["corner"]).tolist() == [False, True, False, True]
    assert among(POINTS.iloc[::-1], held["corner"]).tolist() == [True, False, True, False]
    assert saved.of(DEV, "sentence") == saved.of(TRAIN, "word") == {}


def test_the_same_name_is_replaced_and_another_text_keeps_its_own(saved: SavedFile) -> None:
    saved.save("a", DEV, "word", places_of(POINTS))
    saved.save("a", TRAIN, "word", places_of(POINTS.iloc[:1]))
    saved.save("a", DEV, "word", places_of(POINTS.iloc[:2]))
    assert len(saved.of(DEV, "word")["a"]) == 2
    saved.forget("a", DEV, "word")
    saved.forget("never there", DEV, "word")
    assert saved.of(DEV, "word") == {}
    assert len(saved.of(TRAIN, "word")["a"]) == 1


def test_words_of_a_pair_are_told_apart_where_both_texts_have_them() -> None:
    sample = Sample(of=Suite(split="dev", part="entailment"), n=30)
    examples = load_sample(sample)
    words = np.array([(i, j) for i, one in enumerate(examples.words) for j in range(len(one))], np.int32)
    places = places_of(describe_rows(sample, words[:, 0], words[:, 1]))
    assert len(set(places)) == len(places)
    wholes = places_of(describe_rows(sample, np.arange(30), np.full(30, -1)))
    pairs = set(zip(examples.texts, examples.partners, strict=True))
    assert len(set(wholes)) == len(pairs)
    assert {place for *_, place in wholes} == {0}


@pytest.mark.parametrize(("name", "n"), [("", 2), ("  ", 2), ("a", 0), ("a", MOST + 1)])
def test_what_cannot_be_saved_is_a_message_and_leaves_no_file(
    saved: SavedFile, tmp_path: Path, name: str, n: int
) -> None:
    points = [("a sentence", "word", at) for at in range(n)]
    with pytest.raises(SpecInvalid):
        saved.save(name, DEV, "word", points)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content", ["{", "[1]", '[{"name": "a"}]', '[{"name": "a", "dataset": "", "unit": "", "places": [1]}]']
)
def test_a_damaged_file_is_named_and_not_written_over(tmp_path: Path, content: str) -> None:
    path = tmp_path / "points.json"
    path.write_text(content)
    saved = SavedFile(path)
    with pytest.raises(StoreUnusable, match=r"points\.json"):
        saved.of(DEV, "word")
    with pytest.raises(StoreUnusable):
        saved.save("a", DEV, "word", places_of(POINTS))
    assert path.read_text() == content


def test_what_is_written_is_plain_json(saved: SavedFile, tmp_path: Path) -> None:
    saved.save("a", DEV, "word", places_of(POINTS))
    (row,) = json.loads((tmp_path / "points.json").read_text())
    assert row["places"][0] == ["the cat saw the dog", "the", 1]


def test_a_label_of_a_file_may_be_called_place(tmp_path: Path) -> None:
    path = tmp_path / "places.tsv"
    path.write_text(
        "text\tplace\n" + "".join(f"a sentence number {i}\t{'Paris' if i % 2 else 'Rome'}\n" for i in range(12))
    )
    sample = Sample(of=TableFile(digest=file_digest(path), path=str(path), text="text", labels=("place",), header=True))
    points = describe_rows(sample, np.arange(12), np.full(12, -1))
    assert set(points["place"]) == {"Paris", "Rome"}
    assert {at for *_, at in places_of(points)} == {0}
