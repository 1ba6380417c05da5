"""Numbers on the pages: offered in the sidebar, read on Probes, told elsewhere; a file of scores from its columns to its curve."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Element

from core.errors import NotEnoughData
from core.refs import TableFile
from pages.parts.lab import get_lab
from pages.parts.selection import Selection, label_options, number_options
from tests.faults import tiny
from tests.pages.test_data_page import everything, html, path, widget
from tests.pages.test_geometry_page import shipped
from tests.pages.test_pages import empty, opened, said, two_tiny

__all__ = ["empty", "shipped", "two_tiny"]  # fixtures

SCORES = "\n".join(
    [
        "text,score,mood",
        *(f"a text of {'many ' * (i % 7)}words {i},{i % 7 + 0.5 if i % 9 else ''},m{i % 2}" for i in range(60)),
    ]
)


def read(app: AppTest, name: str) -> AppTest:
    """The page with this label or number chosen in the sidebar."""
    return app.selectbox(key="read").set_value(name).run()


def chosen_in(app: AppTest) -> Selection:
    found: Selection = app.session_state["selection"]
    return found


def compute(app: AppTest) -> None:
    chosen = chosen_in(app)
    for spec in (chosen.ridge_change, chosen.random_ridge):
        assert spec is not None
        get_lab().run(spec)


def drawn_in_order(node: Block | Element) -> list[Element]:
    """The elements of a part of the page from top to bottom."""
    if isinstance(node, Block):
        return [one for at in sorted(node.children) for one in drawn_in_order(node.children[at])]
    return [node]


def test_names_on_screen_tell_labels_and_numbers_apart_and_are_short() -> None:
    numbers = number_options(
        {"sentence": ("sentence length", "tree depth", "number"), "word": ("tree depth", "word position")}
    )
    assert numbers == {
        "sentence length · number": ("sentence", "sentence length"),
        "tree depth (sentence) · number": ("sentence", "tree depth"),
        "number (sentence) · number": ("sentence", "number"),
        "tree depth (word) · number": ("word", "tree depth"),
        "word position · number": ("word", "word position"),
    }
    labels = label_options({"word": (), "sentence": ("tense", "number"), "pair": (), "span": ()})
    assert labels["singular or plural (sentence)"] == ("sentence", "number")
    assert not labels.keys() & numbers.keys()
    assert max(map(len, (*labels, *numbers))) <= 30  # what the sidebar has room for


def test_the_control_that_can_come_later_is_offered_below_the_figure(two_tiny: AppTest) -> None:
    app = read(two_tiny, "tree depth (word) · number")
    app.switch_page("pages/probes.py").run()
    assert "How exactly a number can be read" in app.caption[0].value
    assert "label, whether it reads" not in said(app)
    get_lab().run(chosen_in(app).ridge_change)
    app.run()
    assert not app.exception
    in_order = drawn_in_order(app.main)
    (figure,) = [at for at, one in enumerate(in_order) if one.type == "vega_lite_chart"]
    (offer,) = [
        at for at, one in enumerate(in_order) if "Not computed yet: the ridge probe on random" in str(one.value)
    ]
    assert figure < offer
    read(app, "word classes (word)")
    assert "What a probe needs to read a label" in said(app)


def test_pointing_at_the_key_says_nothing(empty: AppTest) -> None:
    (key,) = opened(empty, "home").sidebar.get("vega_lite_chart")
    marks = [layer["mark"] for layer in json.loads(key.proto.spec)["layer"]]
    assert len(marks) == 8
    assert all(mark["tooltip"] is None for mark in marks)


@pytest.mark.parametrize("unit", ["sentence", "word"])
def test_a_number_is_offered_computed_and_drawn_with_its_controls(two_tiny: AppTest, unit: str) -> None:
    app = two_tiny
    number = "tree depth" if unit == "word" else "sentence length"
    if unit == "sentence":  # all thirty are of one length
        app.selectbox(key="data").set_value("suite-dev").run()
        app.selectbox(key="sentences").set_value("250").run()
    read(app, f"{number} (word) · number" if unit == "word" else f"{number} · number")
    app.switch_page("pages/probes.py").run()
    assert not app.exception
    assert f"Not computed yet: ridge probes for {number}" in said(app)
    compute(app)
    app.run()
    assert not app.exception
    assert not app.error
    assert len(app.main.get("vega_lite_chart")) == 1
    assert f"How exactly can {number} be read" in said(app)
    assert "ridge regression, penalty chosen in each split" in said(app)
    assert ("one random number a word type" if unit == "word" else "shuffled numbers") in said(app)
    assert "R²" in said(app) or "inside the noise" in said(app)
    app.segmented_control(key="number_score").set_value("Order (Spearman)").run()
    assert not app.exception
    assert len(app.main.get("vega_lite_chart")) == 1


def test_home_shows_a_number_that_was_read_and_says_where_it_is_computed(two_tiny: AppTest) -> None:
    app = read(two_tiny, "tree depth (word) · number")
    chosen = chosen_in(app)
    get_lab().run(chosen.similarity)
    app.run()
    assert "tree depth is read can be computed on the page Probes" in said(app)
    n_panels = len(app.main.get("vega_lite_chart"))
    compute(app)
    app.run()
    assert not app.exception
    assert len(app.main.get("vega_lite_chart")) == n_panels + 1
    assert "ree depth" in said(app)
    assert "can be computed on the page Probes" not in said(app)


def test_a_text_where_every_value_is_the_same_says_so(two_tiny: AppTest) -> None:
    app = read(two_tiny, "sentence length · number")
    with pytest.raises(NotEnoughData, match="all 30 are 5"):
        get_lab().run(chosen_in(app).ridge_change)


@pytest.mark.parametrize(
    "page", ["home", "layers", "maps", "tasks", "probes", "structure", "geometry", "weights", "data"]
)
def test_no_page_fails_where_a_number_is_chosen(two_tiny: AppTest, page: str) -> None:
    app = read(two_tiny, "tree depth (word) · number")
    assert (chosen_in(app).label, chosen_in(app).number, chosen_in(app).unit) == ("", "tree depth", "word")
    app.switch_page(f"pages/{page}.py").run() if page != "home" else app.run()
    assert not app.exception
    assert not app.error


@pytest.mark.parametrize(
    ("page", "view"),
    [("layers", "What can be read"), ("tasks", "Several sizes"), ("tasks", "Several checkpoints, one task")],
)
def test_views_that_need_classes_say_where_the_number_is_read(two_tiny: AppTest, page: str, view: str) -> None:
    app = read(two_tiny, "word position · number")
    app.switch_page(f"pages/{page}.py").run()
    (switch,) = [one for one in app.segmented_control if view in one.options]
    switch.set_value(view).run()
    assert not app.exception
    assert "“word position” is a number: the page Probes shows" in said(app)
    read(app, "word classes (word)")
    assert "is a number" not in said(app)


def test_a_view_of_labels_gives_way_to_that_of_numbers_and_comes_back(two_tiny: AppTest) -> None:
    app = two_tiny
    app.switch_page("pages/probes.py").run()
    app.segmented_control(key="probing").set_value("Parts").run()
    read(app, "word frequency · number")
    assert not app.exception
    assert "Not computed yet: ridge probes for word frequency" in said(app)
    app.segmented_control(key="probing").set_value("Mixed layers").run()
    assert not app.exception
    assert app.selectbox(key="edge_label")
    read(app, "word classes (word)")
    assert not app.exception


def test_a_link_opens_the_number_it_names(shipped: AppTest) -> None:
    shipped.query_params["read"] = "word frequency · number"
    shipped.query_params["probing"] = "Bits"  # of labels
    app = opened(shipped, "probes")
    assert not app.exception
    assert chosen_in(app).number == "word frequency"
    assert "Not computed yet: ridge probes for word frequency" in said(app)


def test_a_file_of_scores_is_guessed_corrected_added_and_read(empty: AppTest, tmp_path: Path) -> None:
    file = tmp_path / "scores.csv"
    file.write_text(SCORES)
    app = opened(empty, "home")
    for seed, side in enumerate(("base", "tuned")):
        tiny("bert", tmp_path / side, seed=seed)
        short = get_lab().add_checkpoint(str(tmp_path / side))
        app.run()
        app.selectbox(key=side).set_value(short).run()
    app = path(app.switch_page("pages/data.py").run(), file)
    assert not app.exception
    numbers = widget(app, "-numbers-mood")
    assert (numbers.options, numbers.value) == (["score"], ["score"])
    assert "labels: mood; numbers: score." in everything(app)
    numbers.set_value([]).run()
    assert "numbers:" not in everything(app)
    widget(app, "-numbers-mood").set_value(["score"]).run()
    widget(app, "-add").click().run()
    assert not app.error
    assert "numbers: score" in everything(app)
    assert "<b>none</b>" in html(app)  # of the first sentence
    table = next(frame.value for frame in app.dataframe if "median" in frame.value)
    assert table[["number", "of", "values", "none"]].to_numpy().tolist() == [["score", "sentence", 53, 7]]
    assert "score (sentence) · number" in app.selectbox(key="read").options
    assert app.selectbox(key="read").value == "mood (sentence)"  # no longer what the text before it had
    read(app, "score (sentence) · number")
    compute(app)
    app.switch_page("pages/probes.py").run()
    assert not app.error
    assert "7 sentences without a number left out" in said(app)


def test_a_bad_number_is_told_before_the_file_is_added(empty: AppTest, tmp_path: Path) -> None:
    file = tmp_path / "scores.csv"
    # Beyond the rows that are looked at for a guess.
    file.write_text("text,score\n" + "\n".join(f"text {i},{i % 40}.5" for i in range(2500)) + "\ntext,lots\n")
    app = path(opened(empty, "data"), file)
    assert "The number \\(score\\) of line 2,502 is 'lots'" in app.error[0].value
    widget(app, "-numbers-").set_value([]).run()
    assert not app.error
    assert "2,501 texts" in everything(app)


def test_a_text_without_labels_has_numbers_to_read(empty: AppTest, tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("\n".join(f"one line of text {'more ' * (i % 5)}{i}" for i in range(40)))
    app = opened(empty, "home")
    data = get_lab().add_file(tmp_path / "plain.txt", TableFile(digest="", text="1"), "plain")
    app.run()
    app.selectbox(key="data").set_value(data).run()
    assert not app.exception
    assert (chosen_in(app).unit, chosen_in(app).label, chosen_in(app).number) == ("sentence", "", "sentence length")
    assert "no labels of classes" in said(app)
