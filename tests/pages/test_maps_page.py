"""The page Maps, from app.py, over the demo that comes along: every view says what it shows and how sure it is."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.analyses.circled import written
from core.demo import PACK
from core.lab import Lab
from core.settings import Settings
from core.store.artifacts import Store
from pages.parts.lab import get_lab
from tests.faults import tiny
from tests.pages.test_pages import _app, opened, said


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app as on a first start, with the demo."""
    monkeypatch.setenv("TUNESCOPE_PACKS", str(PACK.parent))
    yield from _app(tmp_path / "cache", monkeypatch)


def at(app: AppTest, **asked: str) -> AppTest:
    """The page by a link."""
    for name, value in asked.items():
        app.query_params[name] = value
    return opened(app, "maps")


@pytest.mark.parametrize(
    ("projection", "words"),
    [
        ("PCA", "of the joint variance"),
        ("UMAP", "Trustworthiness"),
        ("t-SNE", "Trustworthiness"),
        ("UMAP, all layers", "walk through them"),
        ("Label axes", "held-out rows"),
    ],
)
def test_each_projection_opens_full_and_says_how_far_to_trust_it(shipped: AppTest, projection: str, words: str) -> None:
    app = at(shipped, projection=projection)
    assert not app.exception
    assert not app.error
    assert "Not computed yet" not in said(app)
    assert words in said(app)
    assert "from the pack" in said(app)


def test_seeds_beside_each_other_say_how_many_neighbours_stay(shipped: AppTest) -> None:
    app = at(shipped, projection="UMAP", map_seeds="true")
    assert not app.exception
    (kept,) = re.findall(r"under another seed a point keeps (\d+)% of its 15 neighbours", said(app))
    assert 20 < int(kept) < 95


def test_a_run_without_kept_steps_says_how_to_get_some_and_shows_the_pca(shipped: AppTest) -> None:
    app = at(shipped, projection="UMAP over training")
    assert not app.exception
    assert "Steps to keep" in said(app)
    assert "of the joint variance" in said(app)


@pytest.mark.parametrize("colour", ["word position", "what the head says", "whether the head is right"])
def test_numbers_and_the_head_colour_the_points(shipped: AppTest, colour: str) -> None:
    app = at(shipped, colour=colour)
    assert not app.exception
    assert "Not computed yet" not in said(app)
    assert app.selectbox(key="colour").value == colour


def test_the_layer_walks_through_the_maps_without_computing(shipped: AppTest) -> None:
    app = at(shipped, projection="UMAP, all layers")
    for layer in (5, 0):
        app.radio(key="layer").set_value(layer).run()
        assert not app.exception
        assert f"Layer {layer}** of 6" in said(app)
        assert "Not computed yet" not in said(app)


def test_a_search_counts_what_holds_the_words(shipped: AppTest) -> None:
    app = at(shipped)
    app.text_input(key="map_search").set_value("lovely").run()
    assert not app.exception
    (counted,) = [one.value for one in app.caption if "in colour" in one.value]
    found, drawn = (int(number.replace(",", "")) for number in re.findall(r"[\d,]+(?= )", counted)[:2])
    assert 0 < found < drawn


def test_more_points_are_another_computation(shipped: AppTest) -> None:
    app = at(shipped)
    app.selectbox(key="pca_points").set_value(50_000).run()
    assert not app.exception
    assert "Not computed yet: the map" in said(app)


def listed(app: AppTest) -> pd.DataFrame:
    """The list of rows."""
    return next(one.value for one in app.dataframe if "mover_at" in one.value)


def test_movers_are_counted_listed_and_searched(shipped: AppTest) -> None:
    app = at(shipped, maps="Movers", layer="3")
    assert not app.exception
    assert re.search(r"at layer 3\?\*\* \d+ of [\d,]+ beyond the noise", said(app))
    everything = len(listed(app))
    app.text_input(key="movers_search").set_value("lovely").run()
    assert not app.exception
    assert 0 < len(listed(app)) < everything
    app.text_input(key="movers_search").set_value("no such words").run()
    assert not app.exception
    assert "that were drawn holds these words" in said(app)


@pytest.mark.parametrize(("asked", "is_there"), [("2", True), ("99", False)])
def test_a_link_to_another_layer_is_followed_or_told(shipped: AppTest, asked: str, is_there: bool) -> None:
    app = at(shipped, layer_beside=asked)
    assert not app.exception
    assert ("Below it layer 2" in said(app)) == is_there
    assert any("Another layer: “99”" in one.value for one in app.warning) != is_there


def test_points_circled_in_a_link_are_in_colour_and_those_of_another_map_a_message(shipped: AppTest) -> None:
    app = at(shipped, layer="5")
    points = get_lab().peek(app.session_state["selection"].map).points
    app.query_params["circled"] = written(np.array([3, 5, 8]), points)
    app = app.run()
    assert not app.exception
    assert any(f"3 of {len(points):,} points are circled in the link" in one.value for one in app.caption)
    next(one for one in app.button if one.label == "Take circled points out of the link").click().run()
    assert "circled" not in app.query_params
    app.query_params["circled"] = "00000000.AAAA"
    app = app.run()
    assert any("another text" in one.value for one in app.warning)
    assert not [one for one in app.caption if "in colour" in one.value]


def test_where_to_look_is_shown_by_a_click_and_taken_back_by_another(shipped: AppTest) -> None:
    app = at(shipped, layer="5")
    assert not [
        one for one in app.radio if str(one.key).startswith("look-")
    ]  # nothing is worked out before it is opened
    app.session_state["look_here"] = True
    app = app.run()
    (places,) = [one for one in app.radio if str(one.key).startswith("look-5-")]
    assert places.value is None
    assert any(name.startswith("the word") for name in places.options)
    app.session_state[places.key] = 0  # by place: names may be alike
    app = app.run()
    assert not app.exception
    (counted,) = [one.value for one in app.caption if "in colour" in one.value]
    assert f"are “{places.options[0]}”" in counted
    app = next(one for one in app.button if one.label == "Show all again").click().run()
    assert not [one for one in app.caption if "in colour" in one.value]


def test_several_tunings_are_offered_beside_each_other_and_only_two_more_than_the_sidebars(shipped: AppTest) -> None:
    app = at(shipped, projection="UMAP, several tunings", layer="5")
    assert not app.exception
    assert "Not computed yet: maps of layer 5 of 3 tunings" in said(app)
    app = app.multiselect(key="map_tunings").set_value([]).run()
    assert not app.exception
    assert "Choose further tunings in the settings" in said(app)


@pytest.fixture
def tiny_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app, and three tiny checkpoints of one tokenizer."""
    for seed, name in enumerate(("one", "two", "three")):
        tiny("bert", tmp_path / name, seed=seed)
    yield from _app(tmp_path / "cache", monkeypatch)


def test_maps_of_several_tunings_stand_beside_the_base(tiny_pair: AppTest, tmp_path: Path) -> None:
    lab = Lab(Store(Settings(cache=tmp_path / "cache", device="cpu")), engine="none")
    ids = [lab.add_checkpoint(str(tmp_path / name)) for name in ("one", "two", "three")]
    app = at(tiny_pair, projection="UMAP, several tunings")
    for key, value in (("base", ids[0]), ("tuned", ids[1])):
        app = app.selectbox(key=key).set_value(value).run()
    app = app.multiselect(key="map_tunings").set_value([ids[2]]).run()
    chosen = app.session_state["selection"]
    named = {one.id: one for one in lab.checkpoints()}
    spec = chosen.map_tunings({}, [named[one] for one in ids[1:]])
    found = get_lab().run(spec)
    app = app.run()
    assert not app.exception
    assert "base beside 2 tunings" in said(app)
    assert all(f"{value:.2f}" in said(app) for value in found.trust)
