"""Lessons: what a file must hold, what is said of one that does not, and that nothing hostile gets further than a message."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import LessonInvalid
from core.lab import Lab
from core.lessons.reading import MOST_BYTES, MOST_PROBLEMS, MOST_STEPS, read_lesson
from core.lessons.shelf import own_lessons, shipped_lessons
from core.lessons.written import PAGES, Lesson

ROOT = Path(__file__).resolve().parents[2]
GOOD = """\
title: "Small: a lesson"
about: What it is about.
minutes: 5
pack: demo
state:
  base: all-MiniLM-L6-v2
  layer: 6
steps:
  - title: First
    page: layers
    state: {view: Crowding, layer: 0}
    question: Is it *so*?
    choices: [yes, no]
    right: no
    reveal: |
      It is not.
    why: Because.
  - title: Second
    page: home
    text: Look around.
"""


def problems_of(text: str | bytes) -> list[str]:
    """What is wrong with a lesson, a line each."""
    with pytest.raises(LessonInvalid) as refused:
        read_lesson(text.encode() if isinstance(text, str) else text, "mine")
    assert refused.value.asked == "Reading the lesson “mine”."
    assert refused.value.do
    return refused.value.found.splitlines()


def test_a_lesson_is_read_as_it_stands() -> None:
    lesson = read_lesson(GOOD.encode(), "mine")
    assert (lesson.title, lesson.minutes, lesson.pack, lesson.paper) == ("Small: a lesson", 5, "demo", "")
    first, second = lesson.steps
    assert first.state == {"base": "all-MiniLM-L6-v2", "layer": "0", "view": "Crowding"}
    assert (first.choices, first.right, first.reveal) == (("yes", "no"), 1, "It is not.")
    assert (second.page, second.state["layer"], second.question, second.right) == ("home", "6", "", None)


def test_what_yaml_makes_of_a_word_does_not_matter() -> None:
    state = "state: {a: yes, b: 1e3, c: 0x10, d: 2020-01-01, e: null, f: 1_000, g: =}"
    lesson = read_lesson(GOOD.replace("state: {view: Crowding, layer: 0}", state).encode(), "mine")
    held = {key: lesson.steps[0].state[key] for key in "abcdefg"}
    assert held == {"a": "yes", "b": "1e3", "c": "0x10", "d": "2020-01-01", "e": "null", "f": "1_000", "g": "="}


WRONG = {
    "title: First": ("title: [a, b]", "line 9: “title” has to be text"),
    "page: layers": ("page: nowhere", "line 10: there is no page “nowhere”"),
    "layer: 0}": ("layer: [1, 2]}", "line 11: “layer” has to be plain text or a number"),
    "view: Crowding,": ("View: Crowding,", "line 11: “View” cannot be set"),
    "{view: Crowding, layer: 0}": ("[view]", "line 11: “state” has to be keys and values"),
    "{view:": ("{lesson:", "line 11: “lesson” cannot be set"),
    "question: Is it *so*?": ("question: ''", "line 12: “question” is empty"),
    "Is it *so*?": ("Is <b onclick=x>it</b> so?", "line 12: “question”: HTML is not taken"),
    "choices: [yes, no]": ("choices: [yes, no, yes]", "line 13: the choice “yes” stands here a second time"),
    "[yes, no]": ("[no]", "line 13: 1 choices; a question has 2 to 6"),
    "    choices: [yes, no]\n": ("", "line 12: a question needs “choices”"),
    "right: no": ("right: maybe", "line 14: “right” has to be one of the choices"),
    "      It is not.": ("      Well.\n\n      <script>alert(1)</script>", "line 18: “reveal”: HTML"),
    "    why: Because.\n": ("", "line 9: a step with a question needs “why”"),
    "why: Because.": ("why: '![x](https://x.example/x.png)'", "line 17: “why”: pictures are not taken"),
    "Because.": ("'[x](javascript:alert(1))'", "line 17: “why”: links begin with https://"),
    "why: Because.\n": (
        "why: |\n      [x][y]\n\n      [y]: javascript:alert(1)\n",
        "line 20: “why”: links name their address where they stand",
    ),
    "    text: Look around.": ("    txt: Look around.", "line 20: “txt” is no part of a step"),
    "minutes: 5": ("minutes: soon", "line 3: “minutes” has to be a whole number"),
    "about: What it is about.\n": ("", "line 1: a lesson needs “about”"),
    "pack: demo": ("title: again", "line 4: “title” stands here a second time, first on line 1"),
    "minutes: 5\n": ("minutes: 0\n", "line 3: “minutes” has to be a whole number from 1"),
    "text: Look around.": ("right: x", "line 20: “right” without a question"),
}


@pytest.mark.parametrize("place", WRONG)
def test_what_is_wrong_is_said_with_its_line(place: str) -> None:
    instead, said = WRONG[place]
    assert place in GOOD
    found = problems_of(GOOD.replace(place, instead, 1))
    assert any(line.startswith(said) for line in found), found


def test_several_problems_come_at_once_in_the_order_of_the_lines() -> None:
    broken = (
        GOOD.replace("minutes: 5", "minutes: x").replace("page: home", "page: away").replace("right: no", "right: so")
    )
    found = problems_of(broken)
    assert [int(re.match(r"line (\d+)", line)[1]) for line in found] == [3, 14, 19]  # type: ignore[index]


def test_a_bomb_of_aliases_is_refused_where_the_first_stands() -> None:
    rows = "\n".join(f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]" for before, after in pairwise("abcdefghi"))
    found = problems_of(f"a: &a [lol, lol]\n{rows}\n")
    assert any(line.startswith("line 1: an anchor (&a)") for line in found)
    assert any(line.startswith("line 2: an alias (*a)") for line in found)


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system", "!!python/name:os.system", "!mine", "!!set", "!!binary", "!!str"]
)
def test_no_tag_is_followed(tag: str, tmp_path: Path) -> None:
    found = problems_of(GOOD.replace("about: What it is about.", f"about: {tag} ['touch {tmp_path}/seen']"))
    assert any(line.startswith("line 2: a tag (") for line in found), found
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 10_000, "line 1: lists and mappings are nested more than 6 deep"),
        ("\n".join(" " * at + "a:" for at in range(100)), "line 7: lists and mappings are nested more than 6 deep"),
        ("", "line 1: there is nothing in it"),
        ("# only a word\n", "line 1: there is nothing in it"),
        ("just words", "line 1: a lesson begins with keys and values"),
        ("- a\n- b", "line 1: a lesson begins with keys and values"),
        ("title: x\n  about: y", "line 2: this is not YAML"),
        ("title: 'x\nabout: y\n", "line 3: this is not YAML"),
        ("title: x\n\tabout: y", "line 2: this is not YAML"),
        ("title: x\nabout: a\x07b", "line 2: a character stands here that text cannot hold"),
        (f"{GOOD}---\n{GOOD}", "line 21: a second document begins here"),
        ("title: x\n? [a, b]\n: c\n", "line 2: a key has to be a plain word"),
        ("<<: {a: b}\n", "line 1: “<<” is no part of a lesson"),
        ("%YAML 3.0\n---\ntitle: x", "line 1: this is not YAML"),
    ],
)
def test_what_is_no_lesson_at_all(text: str, said: str) -> None:
    found = problems_of(text)
    assert any(line.startswith(said) for line in found), found


def test_bytes_that_are_no_text() -> None:
    assert problems_of(b"title: x\nabout: caf\xe9\n") == ["line 2: byte 0xe9 is not UTF-8; save the file as UTF-8"]
    assert problems_of(GOOD.encode("utf-16"))[0].startswith("line 1: byte 0xff is not UTF-8")
    assert read_lesson(b"\xef\xbb\xbf" + GOOD.encode(), "mine").minutes == 5
    assert problems_of(b"\x00" * 100)[0].startswith("line 1: a character")


def test_too_much_of_anything() -> None:
    assert problems_of("#" * (MOST_BYTES + 1)) == ["line 1: the text takes 200,001 bytes; a lesson may take 200,000"]
    step = GOOD[GOOD.index("  - title: Second") :]
    found = problems_of(GOOD + step * MOST_STEPS)
    assert found == [f"line {GOOD.count(chr(10)) + 1 + 3 * (MOST_STEPS - 2)}: 32 steps; a lesson may have 30"]
    assert problems_of(GOOD.replace("Look around.", "a" * 4_001)) == [
        "line 20: “text” has 4,001 letters; it may have 4,000"
    ]
    many = problems_of(GOOD + "".join(f"x{at}: y\n" for at in range(100)))
    assert len(many) == MOST_PROBLEMS + 1
    assert many[-1].startswith("and more")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_whatever_comes_is_a_lesson_or_a_message(written: bytes) -> None:
    try:
        found = read_lesson(written, "mine")
    except LessonInvalid as refused:
        said = refused.found.splitlines()
    else:
        said = []
        assert isinstance(found, Lesson)
    assert all(re.match(r"line [1-9]\d*: |and more", line) for line in said)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.sampled_from([*"[]{}:-&*!|>'\"%@`#,?\n\t ", "\x85", "\u2028", "<a", "\ud7ff"]))
def test_a_slip_anywhere_is_a_lesson_or_a_message_with_a_line_of_the_text(at: int, slip: str) -> None:
    written = GOOD[:at] + slip + GOOD[at + 1 :]
    try:
        read_lesson(written.encode(), "mine")
    except LessonInvalid as refused:
        lines = [int(found[1]) for found in re.finditer(r"^line (\d+): ", refused.found, flags=re.MULTILINE)]
        assert lines
        assert max(lines) <= written.count("\n") + 3  # the two letters that count as line ends for YAML alone


# -- those at hand


def test_every_shipped_lesson_is_one_and_takes_a_class_hour_or_less() -> None:
    shipped = shipped_lessons()
    assert [one.name[0] for one in shipped] == ["a", "b", "c", "d"]
    for one in shipped:
        assert one.problem is None, one.problem
        assert one.lesson
        assert (one.lesson.pack, one.lesson.minutes) == ("demo", 15)
        assert 5 <= len(one.lesson.steps) <= 7
        assert sum(step.right is not None for step in one.lesson.steps) >= 5


def test_a_teachers_folder_is_listed_with_what_is_wrong_and_never_written(lab: Lab) -> None:
    assert lab.lessons() == shipped_lessons()
    assert not lab.lessons_folder.exists()
    lab.lessons_folder.mkdir(parents=True)
    (lab.lessons_folder / "mine.yaml").write_text(GOOD)
    (lab.lessons_folder / "broken.yml").write_text(GOOD.replace("page: home", "page: away"))
    (lab.lessons_folder / "Not a name.yaml").write_text(GOOD)
    (lab.lessons_folder / f"{shipped_lessons()[0].name}.yaml").write_text(GOOD)
    (lab.lessons_folder / "notes.txt").write_text("nothing")
    (lab.lessons_folder / "folder.yaml").mkdir()
    found = {one.name: one for one in own_lessons(lab.lessons_folder)}
    assert found.keys() == {"mine", "broken", "Not a name", shipped_lessons()[0].name}
    assert found["mine"].lesson
    assert "line 19: there is no page" in str(found["broken"].problem)
    assert "Rename the file" in str(found["Not a name"].problem)
    assert "another lesson has this name" in str(found[shipped_lessons()[0].name].problem)
    assert [one.is_shipped for one in lab.lessons()] == [True] * 4 + [False] * 4
    (lab.lessons_folder / "mine.yaml").write_text(GOOD.replace("minutes: 5", "minutes: 7"))
    assert {one.name: one for one in own_lessons(lab.lessons_folder)}["mine"].lesson.minutes == 7  # type: ignore[union-attr]


def test_a_huge_file_in_the_folder_is_not_read_whole(lab: Lab) -> None:
    lab.lessons_folder.mkdir(parents=True)
    with (lab.lessons_folder / "huge.yaml").open("wb") as stream:
        stream.truncate(10_000_000_000)
    (found,) = own_lessons(lab.lessons_folder)
    assert "a lesson may take 200,000" in str(found.problem)
    assert len(found.written) <= MOST_BYTES + 1


def test_the_example_of_the_readme_is_a_lesson() -> None:
    (written,) = re.findall(
        r"```yaml\n(title: .*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL
    )
    lesson = read_lesson(written.encode(), "readme")
    assert lesson.steps[0].right is not None


def test_lessons_name_pages_as_the_frame_does() -> None:
    frame = (ROOT / "app.py").read_text(encoding="utf-8")
    there = set(re.findall(r'st\.Page\(\s*"pages/(\w+)\.py"', frame))
    assert set(PAGES) <= there
    # What is left out has nothing of a comparison to show.
    assert there - set(PAGES) <= {"lessons", "report", "jobs", "storage", "hypotheses"}
