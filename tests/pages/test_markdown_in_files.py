"""What a file calls its columns and classes is shown as written, wherever Markdown is expected: no emphasis, no image."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.refs import TableFile
from pages.parts.lab import get_lab
from pages.parts.show import escaped
from tests.faults import tiny
from tests.pages.test_geometry_page import shipped
from tests.pages.test_numbers_page import chosen_in, read
from tests.pages.test_pages import empty, opened

__all__ = ["empty", "shipped"]  # fixtures

MOOD, SCORE, TEXT = "m*oo*d $x$ <i>", "**score** `s`", "![](http://127.0.0.1:9/pixel.png)"
NAME = "a _file_ of mine"


def markdown_of(app: AppTest) -> Iterator[str]:
    """All that Streamlit renders as Markdown: text, labels of widgets, what a switch offers, help."""
    for kind in ("title", "subheader", "markdown", "caption", "info", "warning", "error", "success"):
        for element in app.get(kind):
            yield element.value
            yield getattr(element.proto, "help", "")
    for kind in (
        "segmented_control",
        "button_group",
        "toggle",
        "checkbox",
        "radio",
        "button",
        "selectbox",
        "multiselect",
    ):
        for widget in app.get(kind):
            yield widget.label
            yield widget.proto.help
            if kind in ("segmented_control", "button_group"):
                yield from widget.options
            if kind == "radio":
                yield from widget.options
    for kind in ("expander", "tab"):
        for block in app.get(kind):
            yield block.label


@pytest.fixture
def marked(empty: AppTest, tmp_path: Path) -> AppTest:
    """The app over two tiny checkpoints and a file of pairs whose header is Markdown."""
    rows = [f"a text of {'many ' * (i % 7)}words {i},and {i},m{i % 2},n{i % 3},{i % 7}.5" for i in range(60)]
    file = tmp_path / "scores.csv"
    file.write_text("\n".join([f"{TEXT},{TEXT}2,{MOOD},other {MOOD},{SCORE}", *rows]) + "\n")
    app, lab = opened(empty, "home"), get_lab()
    shorts = []
    for seed, side in enumerate(("*base*", "*tuned*")):
        tiny("bert", tmp_path / side, seed=seed)
        shorts.append(lab.add_checkpoint(str(tmp_path / side)))
    data = lab.add_file(
        file,
        TableFile(
            digest="",
            format="csv",
            header=True,
            text=TEXT,
            partner=f"{TEXT}2",
            labels=(MOOD, f"other {MOOD}"),
            numbers=(SCORE,),
        ),
        NAME,
    )
    app.run()
    for key, value in (("base", shorts[0]), ("tuned", shorts[1]), ("data", data)):
        app.selectbox(key=key).set_value(value).run()
    return app


def is_as_written(app: AppTest, name: str) -> bool:
    """Whether a name stands in the page's Markdown, and never as Markdown of its own."""
    assert not app.exception
    found = list(markdown_of(app))
    for raw in (MOOD, SCORE, TEXT, TEXT.capitalize(), NAME, "*base*", "*tuned*"):
        assert not [text for text in found if raw in text]
    return any(escaped(name) in text for text in found)


def test_labels_numbers_and_texts_of_a_file_are_shown_as_written(marked: AppTest) -> None:
    app = read(marked, f"{MOOD} (sentence)")
    chosen = chosen_in(app)
    assert (chosen.label, chosen.label_name, chosen.label_said) == (MOOD, MOOD, escaped(MOOD))
    for spec in (chosen.similarity, chosen.crowding, chosen.weights, chosen.probe_change, chosen.codelength_change):
        get_lab().run(spec)
    app.run()
    assert is_as_written(app, MOOD[1:])  # a sentence begins with a capital
    for page in ("layers", "probes", "tasks", "geometry", "checkpoints", "storage"):
        app.switch_page(f"pages/{page}.py").run()
        is_as_written(app, MOOD)
        if page == "probes":
            assert is_as_written(app, MOOD)
        if page == "layers":
            app.segmented_control[0].set_value("What can be read").run()
            assert is_as_written(app, MOOD)
    app.switch_page("pages/data.py").run()
    assert is_as_written(app, MOOD)  # in the switch of labels
    assert is_as_written(app, NAME)
    assert is_as_written(app, TEXT.capitalize())


def test_a_number_of_a_file_is_shown_as_written(marked: AppTest) -> None:
    app = read(marked, f"{SCORE} (sentence) · number")
    chosen = chosen_in(app)
    assert (chosen.number, chosen.number_said) == (SCORE, escaped(SCORE))
    get_lab().run(chosen.similarity)
    app.run()
    assert is_as_written(app, SCORE)  # where it can be computed
    app.switch_page("pages/probes.py").run()
    assert is_as_written(app, SCORE)  # not computed yet
    get_lab().run(chosen.ridge_change)
    app.run()
    assert is_as_written(app, SCORE)
    app.switch_page("pages/layers.py").run()
    app.segmented_control[0].set_value("What can be read").run()
    assert is_as_written(app, SCORE)
