"""Reports are kept until somebody deletes them, under names nobody guesses; what is damaged is refused."""

import os
import time
from pathlib import Path

import pytest

from core.errors import SpecInvalid, StoreUnusable
from core.store import reports as module
from core.store.reports import MOST_BYTES, MOST_FIGURES, MOST_LETTERS, Pinned, Report, Reports

FIGURE = {"name": "one", "svg": "<svg/>", "cites": ["A 2020"]}


@pytest.fixture
def reports(tmp_path: Path) -> Reports:
    return Reports(tmp_path / "reports")


def test_what_is_written_is_read_and_a_figure_has_one_name(reports: Reports) -> None:
    figure = reports.write_figure(FIGURE)
    assert reports.write_figure(dict(FIGURE)) == figure
    assert reports.figure(figure) == FIGURE
    report = Report(title="Käse", pinned=(Pinned(figure=figure, note="a\nb"),))
    name = reports.write(report)
    assert reports.read(name) == report
    assert reports.write(report) != name  # another one that says the same: nobody guesses a name from what it says
    changed = Report(title="Käse!", pinned=report.pinned)
    assert reports.write(changed, name) == name
    assert reports.read(name) == changed


def test_reports_are_listed_by_their_last_change_and_reading_changes_nothing(reports: Reports, tmp_path: Path) -> None:
    assert reports.all() == []
    first, second = reports.write(Report(title="first")), reports.write(Report(title="second"))
    for name, age in ((first, 100.0), (second, 50.0)):
        os.utime(tmp_path / "reports" / f"report-{name}.json", (time.time() - age,) * 2)
    before = reports.all()
    assert [name for name, _ in before] == [second, first]
    reports.read(first)
    assert reports.all() == before
    reports.write(Report(title="first, changed"), first)
    assert [name for name, _ in reports.all()] == [first, second]


@pytest.mark.parametrize("name", ["", "0" * 32, "../../etc/passwd", "a" * 31 + "/", "A" * 32, "0" * 33, "\x00" * 32])
def test_a_name_that_is_none_is_refused(reports: Reports, name: str) -> None:
    for read in (reports.read, reports.figure):
        with pytest.raises(StoreUnusable, match="Opening the report"):
            read(name)


def test_a_file_that_was_changed_is_not_shown(reports: Reports, tmp_path: Path) -> None:
    name = reports.write_figure(FIGURE)
    (path,) = (tmp_path / "reports").glob("figure-*.json")
    path.write_text(path.read_text().replace("svg/", "svg onload='alert(1)'/"))
    with pytest.raises(StoreUnusable, match="not as it was written"):
        reports.figure(name)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(StoreUnusable):
        reports.figure(name)


def test_what_is_no_report_is_refused(reports: Reports) -> None:
    for held in ({"title": "x"}, {"title": "x", "pinned": [{"figure": "1"}]}, {"title": "x", "pinned": 3}):
        name = "0" * 32
        reports._write("report", name, module.json.dumps(held))
        with pytest.raises(StoreUnusable):
            reports.read(name)


def test_what_is_too_large_is_refused_before_anything_is_written(reports: Reports, tmp_path: Path) -> None:
    with pytest.raises(SpecInvalid, match="MB"):
        reports.write_figure({"svg": "x" * MOST_BYTES})
    pinned = tuple(Pinned(figure=f"{i:032x}") for i in range(MOST_FIGURES + 1))
    with pytest.raises(SpecInvalid, match=f"{MOST_FIGURES} already"):
        reports.write(Report(pinned=pinned))
    with pytest.raises(SpecInvalid, match="longer"):
        reports.write(Report(title="x" * (MOST_LETTERS + 1)))
    with pytest.raises(SpecInvalid, match="longer"):
        reports.write(Report(pinned=(Pinned(figure="0" * 32, note="x" * (MOST_LETTERS + 1)),)))
    assert not (tmp_path / "reports").exists()


def test_where_nothing_can_be_written_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file where the folder should be")
    with pytest.raises(StoreUnusable, match="cannot be written"):
        Reports(tmp_path / "reports").write_figure(FIGURE)


def test_the_folder_is_its_owners_alone(reports: Reports, tmp_path: Path) -> None:
    reports.write(Report())
    assert (tmp_path / "reports").stat().st_mode & 0o077 == 0


def test_no_report_goes_by_itself_and_too_many_are_refused(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REPORTS", 3)
    names = [reports.write(Report(title=str(i))) for i in range(3)]
    for _ in range(50):
        reports.write(Report(title="again"), names[0])
    with pytest.raises(SpecInvalid, match="3 already"):
        reports.write(Report())
    assert [reports.read(name).title for name in names] == ["again", "1", "2"]
    reports.delete(names[1])
    assert reports.write(Report())


def test_with_a_report_go_the_figures_that_no_other_has(reports: Reports, tmp_path: Path) -> None:
    shared, own = (reports.write_figure({"name": name}) for name in ("shared", "own"))
    first = reports.write(Report(pinned=(Pinned(figure=shared), Pinned(figure=own))))
    second = reports.write(Report(pinned=(Pinned(figure=shared),)))
    for path in (tmp_path / "reports").iterdir():
        os.utime(path, (time.time() - 2 * module._SECONDS_TO_SETTLE,) * 2)
    fresh = reports.write_figure({"name": "about to be pinned"})
    taken = reports.n_bytes()
    reports.delete(first)
    assert reports.n_bytes() < taken
    assert reports.read(second).pinned[0].figure == shared
    assert reports.figure(shared) == {"name": "shared"}
    assert reports.figure(fresh) == {"name": "about to be pinned"}
    for gone in (lambda: reports.figure(own), lambda: reports.read(first)):
        with pytest.raises(StoreUnusable, match="not there"):
            gone()


def test_beside_a_damaged_report_no_figure_is_thrown_away(reports: Reports, tmp_path: Path) -> None:
    figure = reports.write_figure({"name": "of the damaged one"})
    first = reports.write(Report())
    broken = reports.write(Report(pinned=(Pinned(figure=figure),)))
    (tmp_path / "reports" / f"report-{broken}.json").write_text("{")
    for path in (tmp_path / "reports").iterdir():
        os.utime(path, (time.time() - 2 * module._SECONDS_TO_SETTLE,) * 2)
    reports.delete(first)
    assert reports.figure(figure) == {"name": "of the damaged one"}
