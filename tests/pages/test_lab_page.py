"""The page Lab: recipes of the papers, several seeds at once, and runs of one task beside each other."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.analyses.fine_tune import FineTune
from core.charts import runs
from core.charts.look import Look
from core.jobs.records import ACTIVE
from core.keys import from_json
from core.lab import Lab
from core.maths.statistics import wilson_interval
from core.refs import Folder, Sample, Suite
from core.settings import Settings
from core.store.artifacts import Store
from pages.parts.lab import get_lab
from tests.faults import tiny
from tests.pages.test_pages import _app, opened, said, with_table


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    yield from _app(tmp_path / "cache", monkeypatch)


def asked_for(app: AppTest) -> list[FineTune]:
    """Press Compute, and cancel at once: what was asked for."""
    next(button for button in app.button if button.label == "Compute").click().run()
    lab = get_lab()
    records = [record for record, _ in lab.jobs() if record.spec["kind"] == "fine_tune"]
    for record in records:
        lab.cancel(record.key)
    for record in records:
        assert lab.wait(record.key, seconds=60).state not in ACTIVE
    return sorted((from_json(record.spec) for record in records), key=lambda run: run.seed)


def test_a_papers_recipe_and_several_seeds_are_one_press(app: AppTest, tmp_path: Path) -> None:
    tiny("bert", tmp_path / "tiny")
    page = opened(app, "lab")
    start = get_lab().add_checkpoint(str(tmp_path / "tiny"))
    page = page.run()
    page.selectbox(key="tune_base").select(next(one.name for one in get_lab().checkpoints() if one.id == start))
    page.selectbox(key="tune_label").select("sentiment (sentence)")
    page.selectbox(key="tune_recipe").select("Zhou & Srikumar 2022").run()
    page.number_input(key="tune_n-zhou").set_value(40)
    page.number_input(key="tune_seed").set_value(7)
    page = page.number_input(key="tune_seeds").set_value(2).run()
    assert not page.exception
    assert "Not computed yet: these 2 runs" in said(page)
    found = asked_for(page)
    assert [run.seed for run in found] == [7, 8]
    for run in found:
        assert (run.learning_rate, run.warmup, run.batch_size, run.epochs) == (3e-4, 0.1, 32, 10.0)
        assert run.train.n == 40
        assert run.replace(seed=7) == found[0]


def test_the_loss_so_far_has_a_table_and_files_and_stands_still_while_they_are_open(
    app: AppTest, tmp_path: Path
) -> None:
    tiny("bert", tmp_path / "tiny")
    page = opened(app, "lab")
    lab = get_lab()
    lab.add_checkpoint(str(tmp_path / "tiny"))
    spec = FineTune(
        checkpoint=Folder.at(tmp_path / "tiny"),
        train=Sample(of=Suite(split="train"), n=500),
        dev=Sample(of=Suite(split="dev"), n=40),
        label="sentiment",
        epochs=20,
        batch_size=2,
    )
    job = lab.submit(spec)
    try:
        _until(lambda: lab.live(spec, "curve") is not None)
        name = f"live-{job.key[:10]}"
        page = with_table(page.run(), name)
        assert not page.exception
        assert not page.error
        table = _loss_of(page)
        assert {"CSV", "SVG", "PNG", "HTML"} <= {one.label for one in page.get("download_button")}
        assert "under way, not stored yet" in said(page)
        assert "No script draws" in said(page)
        _until(lambda: len(lab.live(spec, "curve")) > len(table))
        pd.testing.assert_frame_equal(_loss_of(page.run()), table)
        page.session_state[f"{name}-table"] = False
        page.run()
        assert len(_loss_of(with_table(page, name))) > len(table)
    finally:
        lab.cancel(job.key)
        assert lab.wait(job.key, seconds=60).state not in ACTIVE


def _loss_of(page: AppTest) -> pd.DataFrame:
    (table,) = [one.value for one in page.dataframe if "loss" in one.value]
    return table


def _until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.2)


def test_runs_of_one_task_stand_beside_each_other_told_apart_by_what_differs(app: AppTest, tmp_path: Path) -> None:
    tiny("bert", tmp_path / "tiny")
    lab = Lab(Store(Settings(cache=tmp_path / "cache", device="cpu")), engine="none")
    lab.add_checkpoint(str(tmp_path / "tiny"))
    run = FineTune(
        checkpoint=Folder.at(tmp_path / "tiny"),
        train=Sample(of=Suite(split="train"), n=32),
        dev=Sample(of=Suite(split="dev"), n=40),
        label="sentiment",
        epochs=1,
    )
    asked = [run, run.replace(seed=1), run.replace(learning_rate=1e-3)]
    found = [lab.run(one) for one in asked]
    # Scored on other dev examples: of another task.
    lab.run(run.replace(dev=Sample(of=Suite(split="dev"), n=30)))
    page = opened(app, "lab")
    assert not page.exception
    assert {box.split(", ")[-1] for box in page.selectbox(key="lab_task").options} == {"40 of it", "30 of it"}
    page = with_table(page, "runs")
    (table,) = [one.value for one in page.dataframe if "recipe" in one.value]
    assert len(table) == 3
    assert sorted(table["score"]) == sorted(one.score.value for one in found)
    by_recipe = {recipe: sorted(own["seed"]) for recipe, own in table.groupby("recipe")}
    assert sorted(by_recipe.values()) == [[0], [0, 1]]
    assert all(("rate 0.001" in recipe) == (seeds == [0]) for recipe, seeds in by_recipe.items())
    assert not any("batch" in recipe for recipe in by_recipe)  # what all share is not said
    shown = {one.label.replace("\\", "") for one in page.expander}
    assert {lab.name_of(one) for one in asked} <= shown


def results(*scores: float, n: int = 200) -> list[SimpleNamespace]:
    """Results that say as much as the table reads."""
    return [
        SimpleNamespace(score=wilson_interval(round(score * n), n), majority=0.5, n_train=32, n_steps=2)
        for score in scores
    ]


def table_of(scores: dict[str, tuple[float, ...]]) -> pd.DataFrame:
    run = FineTune(
        checkpoint=Folder(digest="0" * 64, path="/x"),
        train=Sample(of=Suite()),
        dev=Sample(of=Suite()),
        label="sentiment",
    )
    rows = [(name, run.replace(seed=i), one) for name, own in scores.items() for i, one in enumerate(results(*own))]
    return runs.runs_table(rows)  # type: ignore[arg-type]


def test_a_difference_inside_the_noise_is_said_to_be_so() -> None:
    near = table_of({"one": (0.80, 0.82, 0.81), "other": (0.79, 0.83, 0.80)})
    assert "inside the noise" in runs.finding(near)
    assert runs.finding(near).startswith("Best of 2 recipes: one")
    far = table_of({"one": (0.60, 0.62, 0.61), "other": (0.95, 0.94, 0.96)})
    assert runs.finding(far).startswith("Best of 2 recipes: other")
    assert "apart" in runs.finding(far)
    # Seeds that lie further apart than the dev rows can tell widen the interval.
    wide = table_of({"one": (0.55, 0.75, 0.95), "other": (0.52, 0.53, 0.51)})
    assert "inside the noise" in runs.finding(wide)
    assert runs.finding(table_of({"one": (0.8,)})) == "one: accuracy 80.0% [73.9%, 85.0%] (1 seed)."


def test_every_run_is_a_point_and_every_recipe_a_row() -> None:
    table = table_of({"one": (0.80, 0.82), "other": (0.9,)})
    drawn = runs.runs_chart(table, Look()).to_dict()
    points = next(layer for layer in drawn["layer"] if layer["mark"]["type"] == "point")
    assert points["encoding"]["y"]["sort"] == ["other", "one"]  # best first
    rows = drawn["datasets"][points["data"]["name"]]
    np.testing.assert_allclose(sorted(row["score"] for row in rows), [0.8, 0.82, 0.9])
