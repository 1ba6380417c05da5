"""The data page: a sentence drawn, found and counted; files looked into, corrected, added, refused, removed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.data.tasks import TASKS
from core.refs import TableFile
from pages.parts.lab import get_lab
from tests.hub import Repo, serving
from tests.pages.test_pages import _app, opened, said, with_table
from tests.unit.test_hub_data import parquet

TREE = "".join(
    f"{i}\t{w}\t_\t{u}\t_\t_\t{h}\t{r}\t_\t_\n"
    for i, (w, u, h, r) in enumerate(
        [("She", "PRON", 2, "nsubj"), ("<b>sleeps</b>", "VERB", 0, "root"), (".", "PUNCT", 2, "punct")], 1
    )
)
CONLLU = TREE + "\n" + TREE.replace("She", "He") + "\n"


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app over an empty cache."""
    yield from _app(tmp_path / "cache", monkeypatch)


def html(app: AppTest) -> str:
    """What is drawn as HTML on the page itself."""
    return "\n".join(element.value for element in app.main.get("html"))


def everything(app: AppTest) -> str:
    """All text, plain text too."""
    return "\n".join([said(app), *(element.value for element in app.get("text")), *(e.value for e in app.success)])


def widget(app: AppTest, ending: str) -> Any:
    """The widget whose key ends so."""
    (found,) = [
        element
        for kind in ("selectbox", "multiselect", "text_input", "checkbox", "button")
        for element in getattr(app, kind)
        if (element.key or "").endswith(ending)
    ]
    return found


def path(app: AppTest, file: Path) -> AppTest:
    """The page with this path typed in."""
    return app.text_input(key="file_path").set_value(str(file)).run()


def test_the_built_in_suite_is_drawn_and_counted(empty: AppTest) -> None:
    app = opened(empty, "data")
    assert not app.exception
    assert not app.error
    assert "position:relative" in html(app)
    assert "root" in html(app)
    assert "sentences" in everything(app)
    assert len(app.main.get("vega_lite_chart")) == 1
    app.toggle(key="arcs").set_value(False).run()
    assert "position:relative" not in html(app)
    assert "inline-block" in html(app)


def test_the_counts_of_labels_have_a_table_and_files(empty: AppTest) -> None:
    app = with_table(opened(empty, "data"), "counts")
    assert not app.exception
    assert not app.error
    (table,) = (one.value for one in app.main.dataframe if "share" in one.value)
    assert table["count"].is_monotonic_decreasing
    assert table["share"].sum() == pytest.approx(1)
    assert [one.label for one in app.get("download_button")][:4] == ["CSV", "SVG", "PNG", "HTML"]
    assert "its numbers are of no stored result" in said(app)
    assert "counted in" in said(app)
    next(button for button in app.button if button.label == "Pin to the report").click().run()
    assert not app.exception
    opened(app, "report")
    assert not app.exception
    assert "How often each of" in said(app)


def test_a_sentence_is_found_by_its_words_and_by_its_number(empty: AppTest) -> None:
    app = opened(empty, "data")
    first = html(app)
    app.number_input(key="row").set_value(2).run()
    second = html(app)
    assert second != first
    app.text_input(key="search").set_value("nowhere to be found").run()
    assert "No sentence holds these words" in said(app)
    app.text_input(key="search").set_value("").run()
    assert html(app) == first
    assert not app.exception


def test_a_row_in_the_link_beyond_the_end_is_the_first(empty: AppTest) -> None:
    empty.query_params["row"] = "999999"
    app = opened(empty, "data")
    assert not app.exception
    assert app.number_input(key="row").value == 1


def test_a_treebank_is_looked_into_added_chosen_drawn_and_removed(empty: AppTest, tmp_path: Path) -> None:
    file = tmp_path / "mine.conllu"
    file.write_text(CONLLU)
    app = path(opened(empty, "data"), file)
    names = "word classes, grammatical relations, dependencies, phrase roles"
    assert f"Read through: 2 texts, labels: {names}." in everything(app)
    widget(app, "-add").click().run()
    assert not app.error
    assert "Added mine.conllu" in everything(app).replace("\\", "")
    chosen = app.selectbox(key="data").value
    assert "mine.conllu" in app.selectbox(key="data").options
    assert "&lt;b&gt;sleeps&lt;/b&gt;" in html(app)
    assert "<b>sleeps" not in html(app)
    assert app.text_input(key="file_path").value == ""
    app.button(key=f"remove-{chosen}").click().run()
    assert not app.exception
    assert app.selectbox(key="data").value == "suite-dev"
    assert file.read_text() == CONLLU


def test_an_upload_of_pairs_is_shown_side_by_side_under_a_clean_name(empty: AppTest, tmp_path: Path) -> None:
    rows = "".join(f"a man number {i} walks home\the is <i>walking</i>\t{'yes' if i % 2 else 'no'}\n" for i in range(9))
    content = ("premise\thypothesis\tlabel\n" + rows).encode()
    app = opened(empty, "data")
    app.file_uploader[0].upload("../[evil](x).csv", content, "text/csv").run()
    assert not app.exception
    assert not app.error
    uploads = tmp_path / "cache" / "uploads"
    assert not uploads.exists()
    widget(app, "-add").click().run()
    assert not app.error
    assert len(list(uploads.iterdir())) == 1
    assert "evil_(x).csv" in app.selectbox(key="data").options
    assert "he is &lt;i&gt;walking&lt;/i&gt;" in html(app)
    assert "Hypothesis" in said(app)
    assert "9 pairs" in everything(app)


def test_a_guess_can_be_corrected(empty: AppTest, tmp_path: Path) -> None:
    file = tmp_path / "some.csv"
    lines = [f'"a first text, number {i}";{"good" if i % 2 else "bad"};{"x" if i % 3 else ""}' for i in range(30)]
    file.write_text("\n".join(lines), encoding="utf-16")
    app = path(opened(empty, "data"), file)
    assert widget(app, "-encoding").value == "utf-16"
    assert widget(app, "-delimiter").value == ";"
    assert widget(app, "-labels").value == ["2"]
    widget(app, "-called-2").set_value("mood").run()
    assert "labels: mood" in everything(app)
    widget(app, "-labels").set_value(["3"]).run()
    assert "The label \\(3\\) of line 1 is empty" in app.error[0].value
    widget(app, "-left-3").set_value([""]).run()
    assert not app.error
    assert "Read through: 20 texts" in everything(app)
    widget(app, "-format").set_value("jsonl").run()
    assert "Line 1 is not JSON" in app.error[0].value
    assert not app.exception


def test_word_labels_that_do_not_align_are_named_and_nothing_is_added(empty: AppTest, tmp_path: Path) -> None:
    file = tmp_path / "ner.jsonl"
    good = {"tokens": ["Ann", "left"], "ner": ["PER", "O"]}
    file.write_text("\n".join(map(json.dumps, [good, good, good | {"ner": ["PER"]}])))
    app = path(opened(empty, "data"), file)
    before = app.selectbox(key="data").options
    widget(app, "-words").set_value(["ner"]).run()
    assert "Line 3 has 2 words but 1 label \\(ner\\)" in app.error[0].value
    assert not [button for button in app.button if button.label == "Add"]
    assert app.selectbox(key="data").options == before


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\x89PNG\r\n\x1a\n" + bytes(20), "a PNG picture"), (b"PAR1" + bytes(50), "damaged"), (b"", "empty")],
)
def test_an_upload_that_is_something_else_is_a_message(
    empty: AppTest, content: bytes, words: str, tmp_path: Path
) -> None:
    app = opened(empty, "data")
    app.file_uploader[0].upload("fine.csv", content, "text/csv").run()
    assert not app.exception
    assert words in app.error[0].value
    assert not (tmp_path / "cache" / "uploads").exists()


def test_a_file_that_goes_away_before_it_is_added_is_a_message(empty: AppTest, tmp_path: Path) -> None:
    file = tmp_path / "going.tsv"
    file.write_text("one\ntwo\n")
    app = path(opened(empty, "data"), file)
    file.unlink()
    widget(app, "-add").click().run()
    assert not app.exception
    assert any("going.tsv" in error.value.replace("\\", "") for error in app.error)


def test_a_pair_is_drawn_as_two_texts_with_a_tree_each(empty: AppTest) -> None:
    empty.query_params["data"] = "Entailment · dev"
    app = opened(empty, "data")
    assert not app.exception
    assert not app.error
    assert {"Premise", "Hypothesis"} <= {caption.value for caption in app.main.caption}
    drawn = [element.value for element in app.main.get("html") if "position:relative" in element.value]
    assert len(drawn) == 2
    assert all(text.count(">root<") == 1 for text in drawn)


def test_a_domain_and_shares_are_chosen_in_the_sidebar_and_gone_with_the_text(empty: AppTest, tmp_path: Path) -> None:
    rows = [
        f"sentence number {i}\t{'good' if i % 3 else 'bad'}\t{'news' if i < 400 else 'fiction'}" for i in range(700)
    ]
    path = tmp_path / "genres.tsv"
    path.write_text("\n".join(["text\tlabel\tgenre", *rows]) + "\n")
    app = opened(empty, "data")
    short = get_lab().add_file(path, TableFile.at(path, text="text", labels=("label", "genre"), header=True), "genres")
    app.run()
    app.selectbox(key="data").set_value(short).run()
    only = app.selectbox(key="only")
    only.set_value(next(i for i, name in enumerate(only.options) if name == "genre: news (400)")).run()
    assert "all 400" in app.selectbox(key="sentences").options
    app.selectbox(key="sentences").set_value("250").run()
    app.selectbox(key="strata").set_value("label").run()
    sample = app.session_state["selection"].sample
    assert (sample.n, sample.only, sample.value, sample.strata) == (250, "genre", "news", "label")
    assert not app.exception
    app.selectbox(key="data").set_value("suite-dev").run()
    assert not app.exception
    assert app.session_state["selection"].sample.only == ""


def test_a_data_set_of_the_hub_is_looked_up_downloaded_and_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = Repo(commits=[{"sst2/validation.parquet": parquet(60), "cola/train.parquet": parquet(20)}])
    with serving({"datasets/nyu-mll/glue": repo}, monkeypatch, tmp_path / "huggingface"):
        for app in _app(tmp_path / "cache", monkeypatch):
            opened(app, "data")
            app.text_input(key="data_hub_name").set_value("nyu-mll/glue")
            next(button for button in app.button if button.label == "Look up").click().run()
            assert repo.sha(0)[:10] in said(app)
            choice = next(box for box in app.selectbox if box.label.startswith("File (of 2)"))
            choice.set_value(1).run()
            choice = next(box for box in app.selectbox if box.label.startswith("File (of 2)"))
            assert choice.options[choice.index].startswith("sst2/validation.parquet")
            next(button for button in app.button if button.label == "Download").click().run()
            (job,) = [record for record, _ in get_lab().jobs()]
            assert get_lab().wait(job.key, seconds=60).state == "done"
            app.run()
            assert "Read through: 60 texts, labels: label." in everything(app)
            next(button for button in app.button if button.label == "Add").click().run()
            assert not app.exception
            assert not app.error
            assert "glue sst2 validation" in app.selectbox(key="data").options


def test_a_task_is_read_from_the_hub_at_its_commit_and_held_to_its_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = next(one for one in TASKS if one.title == "GLUE SST-2")
    files = {"sst2/train.parquet": parquet(60), "sst2/test.parquet": parquet(9), "cola/train.parquet": parquet(20)}
    repo = Repo(commits=[files, {"moved.csv": b"a,b"}], pinned={0: task.commit})
    with serving({f"datasets/{task.repo}": repo}, monkeypatch, tmp_path / "huggingface"):
        for app in _app(tmp_path / "cache", monkeypatch):
            opened(app, "data")
            app.selectbox(key="task").set_value("GLUE SST-2").run()
            assert "scored by accuracy" in said(app)
            assert task.commit[:10] in everything(app)
            next(button for button in app.button if button.label == "Ask the Hub for its files").click().run()
            next(box for box in app.selectbox if box.label == "File (of 1)")
            next(button for button in app.button if button.label == "Download").click().run()
            (job,) = [record for record, _ in get_lab().jobs()]
            assert get_lab().wait(job.key, seconds=60).state == "done"
            app.run()
            assert "Read through: 60 texts, labels: sentiment." in everything(app)
            next(button for button in app.button if button.label == "Add").click().run()
            assert not app.exception
            assert not app.error
            assert "glue sst2 train" in app.selectbox(key="data").options
            # Another task's file is refused where it was to be added.
            app.selectbox(key="task").set_value("GLUE CoLA").run()
            next(button for button in app.button if button.label == "Ask the Hub for its files").click().run()
            next(button for button in app.button if button.label == "Download").click().run()
            job = get_lab().jobs()[0][0]
            assert get_lab().wait(job.key, seconds=60).state == "done"
            app.run()
            assert "Its labels should be unacceptable, acceptable" in app.error[0].value
            assert not [button for button in app.button if button.label == "Add"]


def test_a_task_of_files_is_read_by_path(empty: AppTest, tmp_path: Path) -> None:
    (tmp_path / "train.label").write_text(
        "".join(f"{['HUM:ind', 'HUM:gr', 'NUM:date'][i % 3]} Which one is number {i} ?\n" for i in range(40))
    )
    app = opened(empty, "data")
    app.selectbox(key="task").set_value("TREC, 6 and 50 classes").run()
    app.text_input(key="task_path-TREC, 6 and 50 classes").set_value(str(tmp_path / "train.label")).run()
    assert "Read through: 40 texts, labels: coarse class, fine class." in everything(app)
    next(button for button in app.button if button.label == "Add").click().run()
    assert not app.error
    assert "train.label" in app.selectbox(key="data").options
