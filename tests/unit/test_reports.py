"""Reports are what they say: named by their content, refused where that is not so, cleared away when they are many."""

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


def test_what_is_written_is_read_and_the_same_has_one_name(reports: Reports) -> None:
    figure = reports.write_figure(FIGURE)
    assert reports.write_figure(dict(FIGURE)) == figure
    assert reports.figure(figure) == FIGURE
    report = Report(title="Käse", pinned=(Pinned(figure=figure, note="a\nb"),))
    name = reports.write(report)
    assert reports.read(name) == report
    assert reports.write(report) == name
    other = reports.write(Report(title="Käse!", pinned=report.pinned))
    assert other != name
    assert reports.read(name) == report  # to change one is to make another
    assert reports.latest() == other


def test_there_is_no_latest_where_there_is_none(reports: Reports) -> None:
    assert reports.latest() == ""


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
        name = reports._write("report", module.json.dumps(held))
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


def test_of_many_the_oldest_go_with_the_figures_that_no_other_has(
    reports: Reports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_REPORTS", 2)
    shared, own, loose = (reports.write_figure({"name": name}) for name in ("shared", "own", "loose"))
    long_ago = time.time() - 10 * module._SECONDS_TO_SETTLE
    first = reports.write(Report(title="first", pinned=(Pinned(figure=shared), Pinned(figure=own))))
    for path in (tmp_path / "reports").iterdir():
        os.utime(path, (long_ago, long_ago))
    fresh = reports.write_figure({"name": "about to be pinned"})
    second = reports.write(Report(title="second", pinned=(Pinned(figure=shared),)))
    third = reports.write(Report(title="third"))
    with pytest.raises(StoreUnusable, match="not there"):
        reports.read(first)
    assert reports.read(second).title == "second"
    assert reports.read(third).title == "third"
    assert reports.figure(shared) == {"name": "shared"}
    assert reports.figure(fresh) == {"name": "about to be pinned"}
    for gone in (own, loose):
        with pytest.raises(StoreUnusable):
            reports.figure(gone)
