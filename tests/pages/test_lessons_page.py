"""The page Lessons and the lesson that stands above every page: steps, guesses, and what cannot be shown."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.lessons.shelf import shipped_lessons
from core.settings import ROOT
from pages.parts.lesson import Asked
from tests.pages.test_pages import _app, empty, said  # noqa: F401  # a fixture is used by its name
from tests.unit.test_lessons import GOOD

STEPS = [(one.name, at) for one in shipped_lessons() if one.lesson for at in range(len(one.lesson.steps))]


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder over the packs that come along; they are unpacked once."""
    return tmp_path_factory.mktemp("lessons")


@pytest.fixture
def shipped(unpacked: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app as it comes."""
    monkeypatch.setenv("TUNESCOPE_PACKS", str(ROOT / "cache" / "packs"))
    yield from _app(unpacked, monkeypatch)


def at_step(app: AppTest, name: str, step: int, page: str = "home") -> AppTest:
    """The app, opened by a link to a step, counted from 0, on some page."""
    app.query_params["lesson"], app.query_params["at"] = name, str(step + 1)
    app.run()
    if page != "home":
        app.switch_page(f"pages/{page}.py").run()
    return app


def figures(app: AppTest) -> int:
    """How many figures the page has."""
    return len(app.main.get("vega_lite_chart")) + len(app.main.get("bidi_component"))


@pytest.mark.parametrize(("name", "step"), STEPS)
def test_every_step_shows_its_figure_from_the_demo_after_the_guess(shipped: AppTest, name: str, step: int) -> None:
    (lesson,) = (one.lesson for one in shipped_lessons() if one.name == name)
    assert lesson
    asked = lesson.steps[step]
    app = at_step(shipped, name, step)
    if asked.question:
        assert figures(app) == 0
        assert asked.question in said(app)
        assert asked.reveal not in said(app)
        app.button(key="lesson-choice-0").click().run()
    assert not app.exception
    assert not app.error
    assert "Not computed yet" not in said(app)
    assert "The link asks for" not in said(app)
    assert figures(app) > 0
    assert asked.why in said(app)
    assert "lesson=" not in app.get("code")[0].value  # the link to the view is none to the step
    # The page stands as the step has it.
    assert app.session_state["selection"].layer == int(asked.state["layer"])
    assert app.session_state["selection"].tuned.name == asked.state["tuned"]


def test_a_step_sets_the_whole_view_whatever_was_clicked(shipped: AppTest) -> None:
    name = shipped_lessons()[2].name  # C: its fifth step looks at layers by RSA
    app = at_step(shipped, name, 4)
    app.button(key="lesson-show").click().run()
    assert app.segmented_control(key="measure").value == "rsa"
    app.radio(key="layer").set_value(2)
    app.segmented_control(key="measure").set_value("angle").run()
    app.selectbox(key="sentences").set_value("250").run()
    assert app.session_state["selection"].layer == 2
    app.button(key="lesson-back").click().run()
    app.button(key="lesson-next").click().run()
    assert app.session_state["selection"].layer == 6
    assert app.session_state["selection"].sample.n == 500
    assert app.segmented_control(key="measure").value == "rsa"
    app.segmented_control(key="measure").set_value("angle").run()
    app.button(key="lesson-again").click().run()
    assert app.segmented_control(key="measure").value == "rsa"


def test_guesses_are_kept_by_lesson_and_step_and_counted(shipped: AppTest) -> None:
    one = shipped_lessons()[0]
    assert one.lesson
    app = at_step(shipped, one.name, 0)
    app.button(key="lesson-choice-2").click().run()
    assert app.session_state["_lesson_guesses"] == {(one.name, 0): 2}
    assert "your guess, what is there" in said(app)
    app.button(key="lesson-next").click().run()
    app.button(key="lesson-choice-1").click().run()
    assert "your guess*" in said(app)
    app.button(key="lesson-leave").click().run()
    assert not app.get("button_group") or figures(app)
    assert "lesson" not in app.query_params
    app.switch_page("pages/lessons.py").run()
    assert "You guessed 2, 1 of them right." in said(app)
    # Begun again, nothing is guessed.
    app.button(key=f"lesson-begin-{one.name}").click().run()
    assert app.session_state["_lesson_guesses"] == {}
    assert one.lesson.steps[0].question in said(app)


def test_the_last_step_leads_back_to_the_lessons(shipped: AppTest) -> None:
    one = shipped_lessons()[0]
    assert one.lesson
    app = at_step(shipped, one.name, len(one.lesson.steps) - 1)
    app.button(key="lesson-finish").click().run()
    assert not app.exception
    assert not app.error
    assert app.title[0].value == "Lessons"
    assert "lesson" not in app.query_params


def test_another_page_can_be_looked_at_before_the_guess(shipped: AppTest) -> None:
    one = shipped_lessons()[0]
    app = at_step(shipped, one.name, 0)
    app.switch_page("pages/jobs.py").run()
    assert "You are looking around." in said(app)
    assert app.title[0].value == "Jobs"
    assert app.query_params["lesson"] == one.name


@pytest.mark.parametrize(
    ("lesson", "at", "told"),
    [
        ("nothing", "1", "asks for the lesson “nothing”, which is not here"),
        ("<b>*x*</b>", "1", "which is not here"),
        ("../../etc/passwd", "1", "which is not here"),
        ("uploaded", "2", "An uploaded lesson is known to the visit that brought it alone"),
        (shipped_lessons()[0].name, "99", "Its steps are 1 to 7."),
        (shipped_lessons()[0].name, "0", "Its steps are 1 to 7."),
        (shipped_lessons()[0].name, "-1", "Its steps are 1 to 7."),
        (shipped_lessons()[0].name, "two", "Its steps are 1 to 7."),
        (shipped_lessons()[0].name, "٣", "Its steps are 1 to 7."),
        (shipped_lessons()[0].name, "9" * 5000, "Its steps are 1 to 7."),
    ],
)
def test_a_link_to_what_is_not_there_says_so_and_shows_the_page(
    shipped: AppTest, lesson: str, at: str, told: str
) -> None:
    shipped.query_params["lesson"], shipped.query_params["at"] = lesson, at
    app = shipped.run()
    assert not app.exception
    assert not app.error
    assert told in said(app)
    assert figures(app) == 4  # home itself
    app.button(key="lesson-leave").click().run()
    assert told not in said(app)


def test_a_lesson_on_a_pack_that_is_not_here_says_so(empty: AppTest) -> None:  # noqa: F811
    one = shipped_lessons()[0]
    app = at_step(empty, one.name, 0)
    assert "shows results of the pack “demo”, which is not here" in said(app)
    assert not app.error
    app.switch_page("pages/lessons.py").run()
    assert app.button(key=f"lesson-begin-{one.name}").disabled
    assert "Import the pack on the page Storage." in said(app)


def test_an_uploaded_lesson_is_taught_and_a_broken_one_told_line_by_line(shipped: AppTest) -> None:
    app = shipped.run()
    app.switch_page("pages/lessons.py").run()
    app.file_uploader(key="lesson_upload").upload("mine.yaml", GOOD.encode(), "application/yaml").run()
    assert "Small: a lesson" in said(app).replace("\\", "")
    app.button(key="lesson-begin-uploaded").click().run()
    assert "Is it *so*?" in said(app)
    app.switch_page("pages/layers.py").run()  # AppTest stays at the page that it was sent to
    app.button(key="lesson-choice-1").click().run()
    assert figures(app) == 1
    assert app.session_state["selection"].layer == 0
    app.button(key="lesson-next").click().run()
    app.switch_page("pages/home.py").run()
    assert "Look around." in said(app)
    assert figures(app) == 4
    app.switch_page("pages/lessons.py").run()
    broken = GOOD.replace("minutes: 5", "minutes: *x").replace("page: home", "page: away")
    app.file_uploader(key="lesson_upload").upload("*mine*.yaml", broken.encode(), "application/yaml").run()
    (told,) = (one.value for one in app.error)
    assert "Reading the lesson “\\*mine\\*.yaml”" in told
    assert "line 3: an alias" in told.replace("\\", "")
    assert "_lesson_at" not in app.session_state  # the one under way is another one now
    assert not app.exception


def test_a_teachers_folder_is_shown_with_its_errors(unpacked: Path, shipped: AppTest) -> None:
    folder = unpacked / "lessons"
    folder.mkdir()
    try:
        (folder / "mine.yaml").write_text(GOOD)
        (folder / "broken.yaml").write_text(GOOD.replace("right: no", "right: *no"))
        app = shipped.run()
        app.switch_page("pages/lessons.py").run()
        assert "Small: a lesson" in said(app).replace("\\", "")
        (told,) = (one.value for one in app.error)
        assert "line 14: an alias (*no) is not taken" in told.replace("\\", "")
        app = at_step(app, "broken", 0)
        assert "cannot be taught as it is written" in said(app)
    finally:
        shutil.rmtree(folder)


def test_a_lesson_whose_checkpoint_is_not_here_says_what_is_missing(unpacked: Path, shipped: AppTest) -> None:
    folder = unpacked / "lessons"
    folder.mkdir()
    try:
        (folder / "mine.yaml").write_text(GOOD.replace("all-MiniLM-L6-v2", "gone @ 1234567"))
        app = at_step(shipped, "mine", 0)
        assert "The link asks for Base: “gone @ 1234567”" in said(app).replace("\\", "")
        assert app.session_state["_lesson_at"] == Asked("mine", 0)
    finally:
        shutil.rmtree(folder)
        st.cache_resource.clear()
