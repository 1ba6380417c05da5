"""The page Geometry, from app.py: every view offers what is missing, over a fresh comparison and over the demo that comes along."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.data.load import load_sample
from core.demo import PACK
from core.refs import Sample
from pages.parts.lab import get_lab
from pages.parts.selection import Selection
from tests.faults import tiny
from tests.pages.test_pages import _app, opened, said

OFFERED = {
    "Label distances": "distances between labels",
    "Clusters": "clusters of the labels",
    "How far apart": "distances between labels",
    "Where labels went": "where the labels lie",
    "Same directions": "where the labels lie",
    "Other text": "label distances of two texts",
}


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app over an empty cache."""
    yield from _app(tmp_path / "cache", monkeypatch)


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app as on a first start, with the demo."""
    monkeypatch.setenv("TUNESCOPE_PACKS", str(PACK.parent))
    yield from _app(tmp_path / "cache", monkeypatch)


def at(app: AppTest, view: str) -> AppTest:
    """The page at one of its views."""
    app.query_params["geometry"] = view
    return opened(app, "geometry")


def id_of(text: str) -> str:
    """What a text goes by in links."""
    return next(one.id for one in get_lab().datasets() if one.name == text)


@pytest.mark.parametrize("view", OFFERED)
def test_each_view_says_what_it_shows_of_the_demo_and_how_sure_it_is(shipped: AppTest, view: str) -> None:
    app = at(shipped, view)
    assert not app.exception
    assert not app.error
    assert "Not computed yet" not in said(app)
    assert "interval" in said(app)
    assert "from the pack" in said(app)


@pytest.mark.parametrize(
    ("measure", "words"), [("Spread between to within", "wide each is"), ("Silhouette", "next one")]
)
def test_measures_of_spread_stand_beside_the_control_task(shipped: AppTest, measure: str, words: str) -> None:
    shipped.query_params["apart"] = measure
    app = at(shipped, "How far apart")
    assert not app.exception
    assert words in said(app)
    assert "control task: one random label a word type" in said(app)


@pytest.mark.parametrize("view", OFFERED)
def test_what_is_missing_is_offered(shipped: AppTest, view: str) -> None:
    app = at(shipped, view)
    app.selectbox(key="data").set_value(id_of("Harbour · dev")).run()
    assert not app.exception
    assert not app.error
    assert f"Not computed yet: {OFFERED[view]}" in said(app)


def test_a_text_that_the_checkpoint_was_tuned_on_is_named(shipped: AppTest) -> None:
    app = at(shipped, "Other text")
    options = app.selectbox(key="other_text").options
    assert options[0] == "the other half of this text"
    assert "Reviews · train (tuned on it)" in options
    app.selectbox(key="other_text").set_value(id_of("Reviews · train")).run()
    assert not app.exception
    assert "in Reviews · train as they do here" in said(app)  # the demo has it
    app.selectbox(key="other_text").set_value(id_of("Harbour · dev")).run()
    assert "Not computed yet: label distances of two texts" in said(app)


def test_the_older_way_to_count_is_another_computation(shipped: AppTest) -> None:
    app = at(shipped, "Clusters")
    app.toggle(key="capped").set_value(True).run()
    assert not app.exception
    assert "Not computed yet: clusters of the labels" in said(app)


@pytest.mark.parametrize("view", ["Where labels went", "Same directions"])
def test_two_widths_share_no_directions(empty: AppTest, tmp_path: Path, view: str) -> None:
    tiny("bert", tmp_path / "narrow")
    app = at(empty, view)
    short = get_lab().add_checkpoint(str(tmp_path / "narrow"))
    app.run()
    app.selectbox(key="tuned").set_value(short).run()
    assert not app.exception
    assert "vectors of different width" in said(app)


def test_a_second_text_with_fewer_sentences_than_are_read_gives_all_it_has(empty: AppTest) -> None:
    opened(empty, "geometry")
    lab = get_lab()
    texts, (base, *_) = {one.name: one for one in lab.datasets()}, lab.checkpoints()
    long, short = texts["Reviews · train"], texts["Reviews · dev"]
    n = lab.size_of(short.ref) + 1
    chosen = Selection(
        base=base,
        tuned=base,
        data=long,
        sample=Sample(of=long.ref, n=n),
        label="upos",
        unit="word",
        pooling="average",
        layer=0,
    )
    for spec in chosen.spatial(chosen.on_text(short, lab.size_of(short.ref))):
        assert len(load_sample(spec.first.embed.sample)) == n
        assert len(load_sample(spec.second.embed.sample)) == n - 1
