"""A class's files: keys, places and guesses; and the lab that only reads."""

import json
import threading
from pathlib import Path

import pytest

from core.analyses.claim import Claim
from core.analyses.similarity import Similarity
from core.errors import OnlyPresenter, SpecInvalid, StoreUnusable
from core.lab import Lab, Place
from core.store.classroom import Classroom
from core.viewing import ACT, HOLDS, READ, ViewerLab
from tests.copies import a_copy
from tests.small import BASE, TUNED

HERE = Place(lesson="a", step=2, is_revealed=False)


@pytest.fixture
def room(tmp_path: Path) -> Classroom:
    """A class whose presenter stands at a question."""
    found = Classroom(tmp_path / "class")
    found.begin()
    found.lead(HERE)
    return found


def test_the_key_opens_and_is_nowhere_written_down(tmp_path: Path) -> None:
    room = Classroom(tmp_path / "class")
    key = room.begin()
    assert room.is_key(key)
    assert room.is_key(f" {key.upper().replace('-', ' ')} ")  # as somebody types it from a terminal
    assert not room.is_key("")
    assert not room.is_key(key[:-1])
    written = "".join(path.read_text() for path in (tmp_path / "class").glob("*"))
    assert key not in written
    assert key.replace("-", "") not in written
    assert (tmp_path / "class").stat().st_mode & 0o077 == 0


def test_a_new_key_ends_the_old_one_and_keeps_the_rest(room: Classroom) -> None:
    room.guess("a", 2, "one", 1)
    old = room.new_key()
    version, new = room.version, room.new_key()
    assert room.version != version
    assert not room.is_key(old)
    assert room.is_key(new)
    assert room.place() == HERE
    assert room.tally("a", 2, 3) == (0, 1, 0)


def test_a_new_class_begins_empty(room: Classroom) -> None:
    room.guess("a", 2, "one", 1)
    room.begin()
    assert room.place() is None
    assert room.tally("a", 2, 3) == (0, 0, 0)


def test_wrong_keys_make_all_wait_for_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room, now = Classroom(tmp_path / "class"), [1000.0]
    monkeypatch.setattr("core.store.classroom.time.monotonic", lambda: now[0])
    key = room.begin()
    for _ in range(5):
        assert not room.is_key("wrong", "one")
    with pytest.raises(SpecInvalid, match="within a minute"):
        room.is_key(key, "one")
    assert room.is_key(key, "presenter")  # who tries does not shut out the presenter
    for visit in range(55):
        assert not room.is_key("wrong", f"visit {visit}")
    with pytest.raises(SpecInvalid, match="within a minute"):
        room.is_key(key, "presenter")
    now[0] += 61
    assert room.is_key(key, "one")


@pytest.mark.parametrize("written", [None, "", "{}", "[]", '{"salt": 1}', "\x00"])
def test_without_a_class_no_key_opens(tmp_path: Path, written: str | None) -> None:
    if written is not None:
        (tmp_path / "key.json").write_text(written)
    with pytest.raises(StoreUnusable, match="no class"):
        Classroom(tmp_path).is_key("anything")


def test_the_last_guess_of_each_counts_until_the_reveal(room: Classroom) -> None:
    room.guess("a", 2, "one", 0)
    room.guess("a", 2, "one", 2)
    room.guess("a", 2, "two", 2)
    assert room.tally("a", 2, 3) == (0, 0, 2)
    assert room.guess_of("a", 2, "one") == 2
    assert room.guess_of("a", 2, "three") is None
    room.lead(Place(lesson="a", step=2, is_revealed=True))
    with pytest.raises(OnlyPresenter, match="shown already"):
        room.guess("a", 2, "one", 0)
    assert room.tally("a", 2, 3) == (0, 0, 2)


@pytest.mark.parametrize(("lesson", "step"), [("b", 2), ("a", 1), ("a", 3)])
def test_only_the_question_at_hand_takes_guesses(room: Classroom, lesson: str, step: int) -> None:
    with pytest.raises(OnlyPresenter, match="not at this question"):
        room.guess(lesson, step, "one", 0)
    room.lead(None)
    with pytest.raises(OnlyPresenter):
        room.guess("a", 2, "one", 0)


def test_nobody_fills_the_tally_and_who_guessed_may_change_it(room: Classroom) -> None:
    for viewer in range(4):
        room.guess("a", 2, f"viewer {viewer}", 0, most=4)
    with pytest.raises(SpecInvalid, match="already"):
        room.guess("a", 2, "one more", 0, most=4)
    room.guess("a", 2, "viewer 3", 1, most=4)
    assert room.tally("a", 2, 2) == (3, 1)


@pytest.mark.parametrize("choice", [-1, 10, 10**9])
def test_a_choice_that_is_none_is_refused(room: Classroom, choice: int) -> None:
    with pytest.raises(SpecInvalid, match="no choice"):
        room.guess("a", 2, "one", choice)


def test_thirty_guess_at_once_and_none_is_lost_over_a_restart(room: Classroom) -> None:
    def of(viewer: int) -> None:
        room.guess("a", 2, f"viewer {viewer}", viewer % 3)

    threads = [threading.Thread(target=of, args=(viewer,)) for viewer in range(30)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    again = Classroom(room.folder)
    assert again.tally("a", 2, 3) == (10, 10, 10)
    assert again.place() == HERE
    # Under names that tell nobody who guessed what.
    assert "viewer" not in "".join(path.read_text() for path in room.folder.glob("*.json"))


def test_damaged_files_are_an_empty_class_and_no_crash(room: Classroom) -> None:
    room.guess("a", 2, "one", 1)
    for path in room.folder.glob("guesses-*.json"):
        path.write_text(json.dumps({"x": "many", "y": [1], "z": 1}))
    assert room.tally("a", 2, 3) == (0, 1, 0)
    (room.folder / "place.json").write_text('{"lesson": "a", "step": "far"}')
    assert room.place() is None
    for path in room.folder.glob("*.json"):
        path.write_text("{")
    assert room.place() is None
    assert room.tally("a", 2, 3) == (0, 0, 0)


def test_every_public_part_of_the_lab_is_classified() -> None:
    """What is added to the lab is refused to viewers until somebody decides, and this test fails until somebody did."""
    public = {name for name in dir(Lab) if not name.startswith("_")}
    assert public - READ - ACT == set()
    assert not READ & ACT
    assert public >= READ | ACT
    held = {name for name in vars(Lab(engine="none")) if not name.startswith("_")}
    assert set(HOLDS) <= held


def test_a_viewers_lab_reads_and_does_nothing(made: Lab, tmp_path: Path) -> None:
    lab = a_copy(made, tmp_path / "own")
    seen, spec = ViewerLab(lab), Similarity(base=BASE, tuned=TUNED)
    assert seen.peek(spec) is not None
    assert seen.judged(Claim(of=(spec,), layers=(6,), least=0.001)).verdict
    assert seen.tunings()
    assert seen.claims.keys() == []
    before = sorted(path.name for path in lab.store.root.rglob("*"))
    unknown = spec.replace(measure="pwcca")
    for name in sorted(ACT):
        with pytest.raises(OnlyPresenter, match="only the presenter"):
            getattr(seen, name)(unknown)
    refused = (
        seen.claims.make, seen.claims.delete, seen.reports.write, seen.reports.all, seen.saved_points.save, seen.store, seen.book,
        seen.classroom,
    )  # fmt: skip
    for act in refused:
        with pytest.raises(OnlyPresenter):
            act(unknown)
    with pytest.raises(OnlyPresenter):
        seen.something_new(1)
    assert sorted(path.name for path in lab.store.root.rglob("*")) == before
    assert not hasattr(seen, "__wrapped__")
