"""The page Weights, from app.py: without results, over the small comparison, and for two that cannot be compared."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.analyses.compress import Compress
from core.keys import key_of
from core.lab import Lab
from pages.parts.lab import get_lab
from pages.parts.notes import NO_WEIGHTS
from tests.faults import tiny
from tests.pages.test_pages import _app, opened, said
from tests.small import TUNE


@pytest.fixture
def full(made: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app over the small comparison."""
    yield from _app(made.store.root, monkeypatch)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app over an empty cache."""
    yield from _app(tmp_path / "cache", monkeypatch)


def view(app: AppTest, name: str) -> AppTest:
    """The page at one of its views."""
    app.query_params["weights_view"] = name
    return app.segmented_control(key="weights_view").set_value(name).run()


def test_without_a_tuned_checkpoint_the_page_says_what_to_do(empty: AppTest) -> None:
    app = opened(empty, "weights")
    assert not app.exception
    assert "Choose a tuned checkpoint" in said(app)


def test_every_part_and_layer_is_on_the_first_view(full: AppTest) -> None:
    app = opened(full, "weights")
    assert not app.exception
    assert not app.error
    assert "How far did each part of each layer move?" in said(app)
    assert "one run: no interval" in said(app)


@pytest.mark.parametrize("measure", ["Strength", "Turning", "New directions", "Width"])
def test_directions_stand_beside_a_random_change(full: AppTest, measure: str) -> None:
    app = view(opened(full, "weights"), "In which directions")
    app.query_params["weights_measure"] = measure
    app.segmented_control(key="weights_measure").set_value(measure).run()
    assert not app.exception
    assert not app.error
    assert "Gaussian random change" in said(app)
    assert app.selectbox(key="weights_part").options[0] == "query"
    if measure == "New directions":
        assert app.select_slider(key="weights_threshold").value == 0.5


def test_one_tuning_alone_has_nothing_to_agree_with(full: AppTest) -> None:
    app = view(opened(full, "weights"), "Between tunings")
    assert not app.exception
    app.multiselect(key="weights_tunings").set_value(app.multiselect(key="weights_tunings").value[:1]).run()
    assert "at least two tuned checkpoints" in said(app)


def test_tunings_are_compared_with_what_chance_gives(full: AppTest) -> None:
    app = view(opened(full, "weights"), "Between tunings")
    tunings = app.multiselect(key="weights_tunings")
    tunings.set_value([key_of(TUNE)[:10], key_of(Compress(of=TUNE))[:10]]).run()
    assert not app.exception
    assert not app.error
    assert "by chance 0 ±" in said(app)


def test_checkpoints_of_unequal_shape_get_a_message(empty: AppTest, tmp_path: Path) -> None:
    tiny("bert", tmp_path / "tiny")
    app = opened(empty, "weights")
    short = get_lab().add_checkpoint(str(tmp_path / "tiny"))
    app.run()
    app.selectbox(key="tuned").set_value(short).run()
    assert not app.exception
    assert NO_WEIGHTS in said(app)
