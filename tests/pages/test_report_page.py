"""The page Report, the files below a figure, and the page Self-test."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

from core.analyses.self_test import SelfTest
from core.charts.keeping import Figure
from core.demo import contents
from core.keys import Spec, from_json, key_of, to_json
from core.lab import Lab
from core.refs import Packaged, Sample, TableFile
from core.store.reports import Pinned, Report, Reports
from pages.parts.taking import code, plain
from tests.copies import a_copy
from tests.pages.test_pages import _app, opened, said
from tests.small import BASE, TUNE, comparison


def pinned(title: str, note: str = "") -> Figure:
    return Figure(
        name="one", title=title, about="base → tuned", svg='<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        method="n = 3", origin="cpu", cites=(), table="a\n1\n", specs=(), link="/layers",
    )  # fmt: skip


@pytest.fixture
def reports(tmp_path: Path) -> Reports:
    """Those of the app's cache folder, with one of two figures."""
    kept = Reports(tmp_path / "cache" / "reports")
    (tmp_path / "cache").mkdir()
    figures = [kept.write_figure(asdict(pinned(title))) for title in ("First *figure*", "Second figure")]
    kept.write(Report(title="Seminar", pinned=tuple(Pinned(figure=one) for one in figures)))
    return kept


@pytest.fixture
def app(reports: Reports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    yield from _app(tmp_path / "cache", monkeypatch)


@pytest.fixture
def served(app: AppTest) -> Iterator[AppTest]:
    """The app where others than its owner can open it too."""
    before = st.get_option("server.address")
    config.set_option("server.address", "0.0.0.0")
    yield app
    config.set_option("server.address", before)


def only(reports: Reports) -> str:
    ((name, _),) = reports.all()
    return name


def titles(app: AppTest) -> list[str]:
    return [one.value for one in app.main.subheader]


def press(app: AppTest, label: str, at: int = 0) -> AppTest:
    return [button for button in app.button if button.label == label][at].click().run()


def test_without_a_pinned_figure_it_says_how_to_pin_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for app in _app(tmp_path / "cache", monkeypatch):
        opened(app, "report")
        assert not app.exception
        assert "Nothing is pinned yet" in said(app)


def test_the_last_report_is_there_and_its_address_is_its_own(app: AppTest, reports: Reports) -> None:
    before = reports.all()
    opened(app, "report")
    assert not app.exception
    assert not app.error
    assert titles(app) == [r"1. First \*figure\*", "2. Second figure"]
    assert app.query_params["report"] == only(reports)
    assert "2 of at most 40 figures" in said(app)
    assert reports.all() == before  # to look at it is not to change it


def test_figures_are_ordered_noted_and_removed(app: AppTest, reports: Reports) -> None:
    opened(app, "report")
    name = only(reports)
    app.number_input[0].set_value(2).run()
    assert titles(app) == ["1. Second figure", r"2. First \*figure\*"]
    assert [box.value for box in app.number_input] == [1, 2]
    app.text_area[1].input("Layer 6 is *gone*.").run()
    assert reports.read(name).pinned[1].note == "Layer 6 is *gone*."
    press(app, "Remove")
    assert titles(app) == [r"1. First \*figure\*"]
    assert app.text_area[0].value == "Layer 6 is *gone*."
    assert only(reports) == name


@pytest.mark.parametrize("typed", ["Monday ", "  Monday", "Monday"])
def test_a_title_is_kept_without_blanks_around_it(app: AppTest, reports: Reports, typed: str) -> None:
    opened(app, "report")
    app.text_input(key=f"title-{only(reports)}").input(typed).run()
    assert not app.exception
    assert reports.read(only(reports)).title == "Monday"
    app.text_input(key=f"title-{only(reports)}").input("   ").run()
    assert reports.read(only(reports)).title == "Monday"


def test_another_is_begun_and_the_first_is_found_again_and_deleted(app: AppTest, reports: Reports) -> None:
    opened(app, "report")
    first = only(reports)
    press(app, "Begin another")
    assert "Nothing is pinned yet" in said(app)
    app.button(key=f"open-{first}").click().run()
    assert len(titles(app)) == 2
    app.button(key="delete-report").click().run()
    assert "Nothing is pinned yet" in said(app)
    assert reports.all() == []


def test_a_link_opens_its_own_report_and_one_asked_in_vain_is_told(app: AppTest, reports: Reports) -> None:
    first = only(reports)
    reports.write(Report(title="Newer"))
    app.query_params["report"] = first
    opened(app, "report")
    assert len(titles(app)) == 2
    for asked in ("0" * 32, "../../../etc/passwd", "<b>x</b>"):
        app.query_params["report"] = asked
        app.run()
        assert not app.exception
        assert "Opening the report" in app.error[0].value
        assert titles(app) == []  # nobody is shown another one instead
    press(app, "Begin another")
    assert not app.error
    assert "Nothing is pinned yet" in said(app)


def test_somebody_elses_report_is_read_and_changed_in_a_copy(served: AppTest, reports: Reports) -> None:
    opened(served, "report")
    assert "Nothing is pinned yet" in said(served)  # the last one of the machine is not this visit's
    assert not [button for button in served.button if "Seminar" in button.label]
    first = only(reports)
    served.query_params["report"] = first
    served.run()
    assert len(titles(served)) == 2
    assert "It is somebody else's" in said(served)
    assert not [button for button in served.button if button.label == "Delete this report"]
    before = reports.read(first)
    served.text_area[0].input("mine").run()
    assert reports.read(first) == before
    (copy,) = [name for name, _ in reports.all() if name != first]
    assert served.query_params["report"] == copy
    assert reports.read(copy).pinned[0].note == "mine"
    assert "It is somebody else's" not in said(served)


def test_a_figure_that_is_damaged_keeps_its_place_and_note_and_can_be_removed(
    app: AppTest, reports: Reports, tmp_path: Path
) -> None:
    name = only(reports)
    held = reports.read(name)
    path = tmp_path / "cache" / "reports" / f"figure-{held.pinned[0].figure}.json"
    path.write_text(json.dumps({"name": "planted"}))
    opened(app, "report")
    assert not app.exception
    assert titles(app) == ["1. A figure that cannot be read", "2. Second figure"]
    app.number_input[1].set_value(1).run()
    assert titles(app) == ["1. Second figure", "2. A figure that cannot be read"]
    press(app, "Remove", 1)
    assert titles(app) == ["1. Second figure"]


def test_nothing_that_leaves_the_machine_says_where_files_lie(served: AppTest, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("text,kind\nA word,a\n")
    spec = BASE.replace(sample=Sample(of=TableFile.at(tmp_path / "mine.csv", text="text", labels=("kind",))))
    assert str(tmp_path) in json.dumps(to_json(spec))
    elsewhere = json.dumps(to_json(spec, places=False))
    assert str(tmp_path) not in elsewhere
    assert "mine.csv" in elsewhere
    assert str(tmp_path) not in code([spec])
    assert key_of(from_json(to_json(spec, places=False))) == key_of(spec)


def test_code_makes_the_very_spec_again() -> None:
    for spec in [*comparison(), *contents()]:
        imports, _, body = code([spec]).partition("lab = Lab()")
        held: dict[str, object] = {"run": lambda made: made}
        exec(imports, held)
        exec(body.replace("lab.run(", "run("), held)
        made = held[spec.kind.replace(".", "_")]
        assert isinstance(made, Spec)
        assert key_of(made) == key_of(spec)


def test_several_of_a_kind_have_names_of_their_own() -> None:
    first, second = comparison()[:2]
    text = code([first, second, first])
    assert [line.split(" = ")[0] for line in text.splitlines() if "lab.run" in line] == [
        "fine_tune",
        "embed",
        "fine_tune_2",
    ]


def test_markdown_is_taken_out_of_what_is_written_in_files() -> None:
    assert plain(r"**CKA** of `abc`, 5 \* 3 and a\_b \`x\`") == "CKA of abc, 5 * 3 and a_b `x`"


def test_the_self_test_is_offered_passed_and_asked_again(
    made: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = a_copy(made, tmp_path / "copy")
    for app in _app(lab.store.root, monkeypatch):
        opened(app, "self_test")
        assert "Not computed yet: the self-test of" in said(app)
        app.session_state["tested"] = "Tuned"
        app.run()
        assert not app.exception
        assert app.success[0].value == "**All 13 answers are right.**"
        table = app.main.table[0].value
        assert len(table) == 13
        press(app, "Ask again")
        assert not lab.store.has(SelfTest(checkpoint=TUNE))
        assert lab.status(key_of(SelfTest(checkpoint=TUNE))).state in ("queued", "running", "done")
        lab.cancel(key_of(SelfTest(checkpoint=TUNE)))


def test_wrong_answers_are_told_apart_from_right_ones(
    made: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, spec = a_copy(made, tmp_path / "copy"), SelfTest(checkpoint=Packaged())
    right = made.peek(SelfTest(checkpoint=TUNE))
    checks = right.checks.assign(passed=[of != "hulls" for of in right.checks["of"]])
    with lab.store.writing(spec):
        lab.store.save(spec, type(right)(checks=checks, precision="float32"), seconds=1.0, device="cpu")
    for app in _app(lab.store.root, monkeypatch):
        opened(app, "self_test")
        assert "2 of 13 answers are wrong: hulls." in app.error[0].value
