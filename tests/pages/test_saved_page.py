"""Saved points as a slice of the page Probes, from app.py, over the demo."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.analyses.places import Place, places_of
from core.charts import paired
from core.demo import PACK
from pages.parts.lab import get_lab
from tests.pages.test_pages import _app, opened, said

SAVED = "Saved points"


@pytest.fixture
def probes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The page Probes at its parts, as on a first start."""
    monkeypatch.setenv("TUNESCOPE_PACKS", str(PACK.parent))
    for app in _app(tmp_path / "cache", monkeypatch):
        app.query_params["probing"] = "Parts"
        yield opened(app, "probes")


def save(app: AppTest, name: str, share: slice) -> list[Place]:
    """Some rows of the page's probes, saved as if circled on a map."""
    chosen, lab = app.session_state["selection"], get_lab()
    places = places_of(lab.peek(chosen.transfer).rows.iloc[share])
    lab.saved_points.save(name, chosen.data.ref, chosen.embedded, places)
    return places


def parts(app: AppTest) -> list[str]:
    return list(app.segmented_control(key="probing_part").options)


def test_saved_points_are_read_beside_all_others(probes: AppTest) -> None:
    assert SAVED not in parts(probes)
    places = save(probes, "every third", slice(0, None, 3))
    probes.run()
    assert SAVED in parts(probes)
    probes.segmented_control(key="probing_part").set_value(SAVED).run()
    assert not probes.exception
    assert not probes.error
    assert len(probes.main.get("vega_lite_chart")) == 1
    assert "points chosen by eye" in said(probes)
    chosen = probes.session_state["selection"]
    table = paired.saved_table(get_lab().peek(chosen.transfer), chosen.layer, places, "every third")
    assert set(table["name"]) == {"every third", "all others"}


def test_too_few_saved_points_are_a_message_with_the_way_on(probes: AppTest) -> None:
    save(probes, "a <b>few</b>", slice(0, 4))
    probes.run()
    probes.segmented_control(key="probing_part").set_value(SAVED).run()
    assert not probes.exception
    assert not probes.main.get("vega_lite_chart")
    assert "Too few of" in said(probes)
    assert "on the page Maps" in said(probes)


def test_a_link_to_saved_points_that_are_gone_shows_labels(probes: AppTest) -> None:
    probes.query_params["probing_part"] = SAVED
    probes.run()
    assert not probes.exception
    assert probes.segmented_control(key="probing_part").value == "Label"


def test_pairs_of_words_are_no_points_of_a_map(probes: AppTest) -> None:
    save(probes, "every third", slice(0, None, 3))
    probes.selectbox(key="read").set_value("dependencies (word pair)").run()
    assert not probes.exception
    assert "Not computed yet" in said(probes)
