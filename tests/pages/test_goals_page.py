"""Pages over checkpoints that were tuned on trees, answers and numbers: named, scored and compared like any other."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.analyses.fine_tune import FineTune
from core.lab import Lab
from core.refs import Folder, Sample, Suite
from core.settings import Settings
from core.store.artifacts import Store
from tests.faults import tiny
from tests.pages.test_pages import _app, opened, said

GOALS = {
    "tree": ({"unit": "word", "label": "relation", "head_rate": 5.0}, "reviews", "labelled attachment"),
    "answer": ({"label": "answer"}, "answers", "exact match"),
    "number": ({"label": "tree depth"}, "reviews", "Spearman correlation"),
}


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    yield from _app(tmp_path / "cache", monkeypatch)


@pytest.mark.parametrize("goal", list(GOALS))
def test_a_run_of_another_goal_is_shown_by_its_own_score_and_compared_on_every_page(
    app: AppTest, tmp_path: Path, goal: str
) -> None:
    fields, part, measure = GOALS[goal]
    tiny("bert", tmp_path / "tiny")
    lab = Lab(Store(Settings(cache=tmp_path / "cache", device="cpu")), engine="none")
    start = lab.add_checkpoint(str(tmp_path / "tiny"))
    run = FineTune(
        checkpoint=Folder.at(tmp_path / "tiny"),
        train=Sample(of=Suite(part=part, split="train"), n=40),
        dev=Sample(of=Suite(part=part, split="dev"), n=30),
        goal=goal,
        epochs=1,
        **fields,
    )
    lab.run(run)
    named = next(one for one in lab.checkpoints() if one.ref == run)
    page = opened(app, "lab")
    for key, value in (("base", start), ("tuned", named.id)):
        page = page.selectbox(key=key).set_value(value).run()
    assert not page.exception
    assert measure.capitalize() in {metric.label.partition(" on dev")[0] for metric in page.metric}
    app.query_params["board"] = "The heads"
    page = opened(app, "tasks")
    assert not page.exception
    assert not page.error
    assert measure in said(page)
    for other in (
        "home",
        "layers",
        "maps",
        "probes",
        "geometry",
        "weights",
        "checkpoints",
        "ablations",
        "jobs",
        "storage",
        "data",
    ):
        page = opened(app, other)
        assert not page.exception, other
        assert not page.error, other


def test_what_can_be_learnt_is_what_both_texts_have(app: AppTest) -> None:
    page = opened(app, "lab")
    offered = set(page.selectbox(key="tune_label").options)
    assert {
        "sentiment (sentence)",
        "word classes (word)",
        "parsing (grammatical relations)",
        "tree depth (number)",
    } <= offered
    assert not any("answering" in one for one in offered)
    for key, name in (("tune_train", "Answers · train"), ("tune_dev", "Answers · dev")):
        box = page.selectbox(key=key)
        page = box.select(name).run()
    offered = set(page.selectbox(key="tune_label").options)
    assert "answering questions" in offered
    assert not any("parsing" in one for one in offered)  # pairs of texts have no single tree
    assert not page.exception
