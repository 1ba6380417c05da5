"""Label axes on the page Maps, from app.py: what is missing is offered, what makes no axis is a message, results are drawn."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.demo import PACK
from core.maths.axes import parted
from pages.parts.axes import KINDS
from pages.parts.lab import get_lab
from tests.pages.test_pages import _app, opened, said


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app as on a first start, with the demo."""
    monkeypatch.setenv("TUNESCOPE_PACKS", str(PACK.parent))
    yield from _app(tmp_path / "cache", monkeypatch)


def axes(app: AppTest, kind: str = "label", **link: str) -> AppTest:
    """The page at axes of a kind."""
    for name, value in {"projection": "Label axes", "axes_from": KINDS[kind], **link}.items():
        app.query_params[name] = value
    return opened(app, "maps")


@pytest.mark.parametrize("kind", ["label", "values"])
def test_axes_of_a_label_are_offered_and_the_pca_stays_on_screen(shipped: AppTest, kind: str) -> None:
    app = axes(shipped, kind, axes_on="tuned")  # those of the label on base are in the demo
    assert not app.exception
    assert not app.error
    assert "Not computed yet: the axes" in said(app)
    assert "Until then the PCA" in said(app)


def test_an_axis_from_a_value_to_itself_is_a_message_and_nothing_is_offered(shipped: AppTest) -> None:
    app = axes(shipped, "values")
    first = app.selectbox(key="axes_first_upos")
    app.selectbox(key="axes_second_upos").set_value(first.value).run()
    assert not app.exception
    assert "two different values" in said(app)
    assert "Not computed yet: the axes" not in said(app)


def test_words_are_sent_together_and_those_that_make_no_axis_are_a_message(shipped: AppTest) -> None:
    app = axes(shipped, "words")
    assert "words at both ends" in said(app)

    def written(first: str, second: str) -> str:
        app.text_input(key="axes_words_first").set_value(first)
        app.text_input(key="axes_words_second").set_value(second)
        next(button for button in app.main.button if button.label == "Use these").click().run()
        assert not app.exception
        assert not app.error
        return said(app)

    assert "None of these words is in the text: zyxw" in written("zyxw", "the")
    assert "At both ends of the axis: the" in written("the, a", "The")
    assert "Not computed yet: the axes" not in said(app)
    offered = written("The, zyxw", "is, was")
    assert "Not computed yet: the axes" in offered
    assert "Not in the text: zyxw" in offered


def test_sentences_have_no_lists_of_words(shipped: AppTest) -> None:
    app = axes(shipped, "label")
    read = app.selectbox(key="read")
    read.set_value("sentiment (sentence)").run()
    assert not app.exception
    assert list(app.segmented_control(key="axes_from").options) == [KINDS["label"], KINDS["values"]]


@pytest.mark.parametrize("kind", ["label", "values"])
def test_computed_axes_are_drawn_with_their_control_and_how_sure_they_are(shipped: AppTest, kind: str) -> None:
    app = axes(shipped, kind, colour="sentiment", axes_on="tuned")
    app.selectbox(key="sentences").set_value("250").run()
    chosen = app.session_state["selection"]
    ends = {"first": "positive", "second": "negative"} if kind == "values" else {}
    if ends:
        app.selectbox(key="axes_first_sentiment").set_value("positive").run()
        app.selectbox(key="axes_second_sentiment").set_value("negative").run()
    found = get_lab().run(chosen.label_axes({"label": "sentiment", "fitted_on": "tuned", **ends}))
    app.run()
    assert not app.exception
    assert not app.error
    told = said(app)
    assert "Not computed yet: the axes" not in told
    assert "How well do they part rows held out?" in told
    assert "fitted on tuned" in told
    assert "interval" in told
    assert "control task: values shuffled over sentences" in told
    assert f"{found.tuned_score[6].value:.0%} in tuned" in told
    if ends:  # the score of the picture's own points is that of the line above it: all held-out rows are drawn
        assert sum(found.n_held) == len(found.points)
        second = found.value == 1
        assert parted(found.tuned[6, :, 0], second) == pytest.approx(found.tuned_score[6].value, abs=1e-6)
