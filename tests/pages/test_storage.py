"""The page Storage: what is kept, making room, checking, packs; every button does what it says, and says what it did."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.catalogue import TUNED as TUNED_KINDS
from core.charts.look import Look
from core.keys import key_of
from core.lab import Lab
from tests.pages.test_pages import _app, opened, said, with_table
from tests.small import BASE, TUNE, apart, comparison
from tests.unit.test_store import flip, lab_at

SPECS = comparison()
KEPT = [spec for spec in SPECS if spec.kind in TUNED_KINDS]
"""Tuned checkpoints, and what was made of them."""


@pytest.fixture
def cache(made: Lab, tmp_path: Path) -> Path:
    """A copy of the small comparison that a test may spoil."""
    shutil.copytree(made.store.root, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def app(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app on that page."""
    for app in _app(cache, monkeypatch):
        yield opened(app, "storage")


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def sound(app: AppTest) -> None:
    assert not app.exception
    assert not app.error, [error.value for error in app.error]


def test_over_an_empty_cache_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for app in _app(tmp_path / "empty", monkeypatch):
        opened(app, "storage")
        sound(app)
        assert "Nothing is stored yet" in said(app)
        assert "Nothing has to go" in said(app)


def test_it_lists_everything_with_size_and_cost(app: AppTest) -> None:
    sound(app)
    table = app.main.dataframe[0].value
    assert len(table) == len(SPECS)
    assert {"Embeddings", "Linear probe", "Fine-tuning"} <= set(table["what"])
    assert table["size"].max() > 1e6
    assert app.metric[3].value == str(len(SPECS))
    assert len(app.main.get("vega_lite_chart")) == 1


def test_its_bars_have_a_table_and_files_and_are_pinned(app: AppTest, cache: Path) -> None:
    with_table(app, "kept-bars")
    sound(app)
    (table,) = (one.value for one in app.main.dataframe if "megabytes" in one.value)
    listed = app.main.dataframe[0].value
    assert table["results"].sum() == len(SPECS)
    assert table["megabytes"].sum() == pytest.approx(listed["size"].sum() / 1e6)
    assert {one.label for one in app.get("download_button")} >= {"CSV", "SVG", "PNG", "HTML"}
    assert "No script draws" in said(app)
    assert "its numbers are of no stored result" in said(app)
    press(app, "Pin to the report")
    sound(app)
    reports = lab_at(cache).reports
    ((name, _),) = reports.all()
    held = reports.figure(reports.read(name).pinned[0].figure)
    assert held["specs"] == []
    light, dark = (Look(dark=is_dark).paper for is_dark in (False, True))
    assert (light in held["svg"], dark in held["dark"]) == (True, True)
    assert "read from the cache folder" in held["origin"]
    assert str(cache) not in str(held)


def test_selected_rows_are_deleted_after_a_yes(app: AppTest, cache: Path) -> None:
    rows = lab_at(cache).kept()
    place = next(i for i, row in enumerate(rows) if row.key == key_of(BASE))
    app.session_state[f"kept-{hash(tuple(row.key for row in rows))}"] = {"selection": {"rows": [place], "columns": []}}
    app.run()
    sound(app)
    app.button(key="delete-yes").click().run()
    sound(app)
    assert "Deleted: 1 result" in app.success[0].value
    assert not lab_at(cache).store.has(BASE)
    assert len(app.main.dataframe[0].value) == len(SPECS) - 1


def test_room_is_made_only_after_showing_what_goes(app: AppTest, cache: Path) -> None:
    app.number_input(key="evict_size").set_value(0.0).run()
    sound(app)
    assert f"This would go: **{len(SPECS) - len(KEPT)} results" in said(app)
    assert "tuned checkpoints take" in said(app)
    assert len(lab_at(cache).store.listing()) == len(SPECS)
    app.button(key="evict-yes").click().run()
    sound(app)
    assert f"Deleted: {len(SPECS) - len(KEPT)} results" in app.success[0].value
    assert set(lab_at(cache).store.listing()) == {key_of(spec) for spec in KEPT}


def test_check_names_what_is_damaged_and_deletes_it_on_demand(app: AppTest, cache: Path) -> None:
    press(app, "Check")
    sound(app)
    assert "Every file is as it was written." in [box.value for box in app.success]
    flip(lab_at(cache).store.folder(BASE) / "layers.02.npy")
    press(app, "Check")
    assert "layers.02.npy is not as it was written" in said(app)
    assert lab_at(cache).store.has(BASE)
    app.button(key="delete-damaged").click().run()
    sound(app)
    assert not lab_at(cache).store.has(BASE)


def test_index_is_rebuilt(app: AppTest) -> None:
    press(app, "Rebuild")
    sound(app)
    assert f"The index holds {len(SPECS)} results." in [box.value for box in app.success]


def test_pack_goes_out_and_comes_in(app: AppTest, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out.tunescope"
    next(box for box in app.text_input if box.label.startswith("Or into a file")).set_value(str(target))
    press(app, "Write")
    sound(app)
    n_about = len(SPECS) - len(apart())
    assert f"Written: {n_about} results" in app.success[0].value
    for other in _app(tmp_path / "other", monkeypatch):
        opened(other, "storage")
        other.text_input(key="import_path").set_value(str(target))
        press(other, "Import")
        sound(other)
        assert f"Imported: {n_about} results new" in other.success[0].value
        assert other.selectbox(key="tuned").value == key_of(TUNE)[:10]


def test_hostile_pack_is_a_message(app: AppTest, cache: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tunescope"
    bad.write_bytes(b"PK\x03\x04 and nothing more than this text")
    app.text_input(key="import_path").set_value(str(bad))
    press(app, "Import")
    assert "not a pack" in app.error[0].value
    assert not app.exception
    assert len(lab_at(cache).store.listing()) == len(SPECS)
