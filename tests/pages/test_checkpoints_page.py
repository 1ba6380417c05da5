"""The page Checkpoints: what is added by folder or from the Hub, what stands in the way, what went away."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from streamlit.testing.v1 import AppTest

from core.refs import TableFile
from pages.parts.lab import get_lab
from tests.faults import tiny
from tests.hub import Repo, TinyHub, serving, tiny_and_adapter
from tests.pages.test_pages import _app, opened, said


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app over an empty cache."""
    yield from _app(tmp_path / "cache", monkeypatch)


def field(app: AppTest, label: str) -> Any:
    """The text field whose label begins so."""
    return next(one for one in app.text_input if one.label.startswith(label))


def press(app: AppTest, label: str) -> AppTest:
    """Press the first button whose label begins so."""
    next(button for button in app.button if button.label.startswith(label)).click().run()
    assert not app.exception
    return app


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyHub]:
    """A Hub with a checkpoint, the same pickled, and an adapter over it."""
    files, adapter = tiny_and_adapter(tmp_path, base="org/tiny")
    torch.save(load_file(tmp_path / "tiny" / "model.safetensors"), tmp_path / "older.bin")
    older = {name: body for name, body in files.items() if name != "model.safetensors"}
    repos = {
        "org/tiny": Repo(commits=[files], card={"license": "mit"}),
        "org/gated": Repo(commits=[files], is_gated=True),
        "org/older": Repo(commits=[older | {"pytorch_model.bin": (tmp_path / "older.bin").read_bytes()}]),
        "org/lora": Repo(commits=[adapter]),
    }
    with serving(repos, monkeypatch, tmp_path / "huggingface") as running:
        yield running


def looked_up(app: AppTest, name: str) -> AppTest:
    """The page Checkpoints after a name was looked up on the Hub."""
    field(app, "Name on the Hub").set_value(name)
    return press(app, "Look up")


def test_a_checkpoint_of_the_hub_is_shown_with_its_commit_and_size_and_downloaded_when_asked(
    hub: TinyHub, empty: AppTest
) -> None:
    app = looked_up(opened(empty, "checkpoints"), "org/tiny")
    commit = hub.repos["org/tiny"].sha(0)
    assert f"`{commit[:10]}`" in said(app)
    assert "bert, 3 blocks × 32" in said(app).replace("\\", "")
    assert not hub.ranges("model.safetensors")
    press(app, "Download and add")
    (job,) = [record for record, _ in get_lab().jobs()]
    assert job.title == "Download"
    assert get_lab().wait(job.key, seconds=60).state == "done"
    app.run()
    assert f"org/tiny @ {commit[:7]}" in app.selectbox(key="base").options
    assert not app.error


def test_what_stands_in_the_way_on_the_hub_is_said(hub: TinyHub, empty: AppTest) -> None:
    app = opened(empty, "checkpoints")
    for name, words in (("org/none", "no such repository"), ("org/gated", "accept"), ("a b", "organisation/name")):
        looked_up(app, name)
        assert words in app.error[0].value.replace("\\", "")
    looked_up(app, "org/tiny")
    assert not app.error
    assert any(button.label.startswith("Download and add") for button in app.button)


def test_an_adapter_of_the_hub_is_added_over_the_base_that_it_names(hub: TinyHub, empty: AppTest) -> None:
    lab, app = get_lab(), opened(empty, "checkpoints")
    for name in ("org/tiny", "org/lora"):
        lab.run(lab.look_up(name).ref)
    lab.add_repository(lab.look_up("org/tiny"))
    looked_up(app, "org/lora")
    choice = next(box for box in app.selectbox if box.label.startswith("Its base"))
    assert "org/tiny" in choice.label.replace("\\", "")
    base = choice.value.ref
    assert base == lab.look_up("org/tiny").ref
    press(app, "Add")
    added = next(one for one in lab.checkpoints() if one.name.startswith("org/lora"))
    assert added.ref.of == base
    assert f"LoRA adapter over org/tiny @ {base.commit[:7]}" in str(app.dataframe[0].value["kind"].tolist())


def test_pickled_weights_of_the_hub_are_downloaded_and_then_converted_by_two_presses(
    hub: TinyHub, empty: AppTest
) -> None:
    app = looked_up(opened(empty, "checkpoints"), "org/older")
    assert "pickled weights only" in said(app)
    press(app, "Download")
    (job,) = [record for record, _ in get_lab().jobs()]
    get_lab().wait(job.key, seconds=60)
    app.run()
    assert "holds only pickled weights" in said(app)
    press(app, "Convert and add")
    assert not app.error
    assert any(name.startswith("org/older @") for name in app.selectbox(key="base").options)


def test_a_folder_that_is_not_there_is_a_message_on_the_page(empty: AppTest) -> None:
    app = opened(empty, "checkpoints")
    field(app, "Folder with").set_value("/nowhere/at/all")
    next(button for button in app.button if button.label == "Add").click().run()
    assert "/nowhere/at/all" in app.error[0].value
    assert "Check the path" in app.error[0].value


def test_a_folder_that_went_away_is_named_and_can_be_forgotten(empty: AppTest, tmp_path: Path) -> None:
    tiny("bert", tmp_path / "mine")
    app = opened(empty, "checkpoints")
    field(app, "Folder with").set_value(str(tmp_path / "mine"))
    next(button for button in app.button if button.label == "Add").click().run()
    assert "mine" in app.selectbox(key="base").options
    app.selectbox(key="base").set_value(_id_of("mine")).run()
    shutil.rmtree(tmp_path / "mine")
    app.run()
    assert "**mine** is not to be had now" in said(app)
    assert "There is no such folder" in said(app)
    assert any(button.label == "Add" for button in app.button)
    # The sidebar says so too, and no page goes on with what was chosen before.
    assert "There is no such folder" in app.error[0].value
    app.switch_page("pages/home.py").run()
    assert not app.exception
    assert not app.main.get("vega_lite_chart")
    app.switch_page("pages/checkpoints.py").run()
    next(button for button in app.button if button.label == "Forget it").click().run()
    assert "mine" not in app.selectbox(key="base").options
    assert not app.error


def _id_of(name: str) -> str:
    return next(named.id for named in get_lab().checkpoints() if named.name == name)


def test_pickled_weights_are_converted_only_when_a_person_says_so(empty: AppTest, tmp_path: Path) -> None:
    folder = tmp_path / "of 2019"
    tiny("bert", folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    app = opened(empty, "checkpoints")
    field(app, "Folder with").set_value(str(folder))
    next(button for button in app.button if button.label == "Add").click().run()
    assert "holds only pickled weights" in said(app)
    assert "of 2019" not in app.selectbox(key="base").options
    next(button for button in app.button if button.label == "Convert and add").click().run()
    assert not app.error
    assert "of 2019" in app.selectbox(key="base").options
    assert "holds only pickled weights" not in said(app)


def test_vectors_computed_elsewhere_are_a_side_for_their_own_text_and_said_to_be_for_no_other(
    empty: AppTest, tmp_path: Path
) -> None:
    rows = [f"film number {i} is {'good' if i % 2 else 'bad'}\t{i % 2}" for i in range(300)]
    (tmp_path / "text.tsv").write_text("\n".join(["text\tlabel", *rows]) + "\n")
    ref = TableFile.at(tmp_path / "text.tsv", text="text", labels=("label",), header=True)
    np.save(tmp_path / "mine.npy", np.random.default_rng(0).normal(size=(3, 300, 16)).astype(np.float32))
    app = opened(empty, "checkpoints")
    text = get_lab().add_file(tmp_path / "text.tsv", ref, "films")
    app.run()
    field(app, "Array of numpy").set_value(str(tmp_path / "mine.npy"))
    next(box for box in app.selectbox if box.label == "Of the text").set_value(
        next(one for one in get_lab().datasets() if one.id == text)
    )
    [button for button in app.button if button.label == "Add"][-1].click().run()
    assert not app.error
    assert "vectors of the sentences of films" in app.dataframe[0].value["kind"].tolist()
    app.selectbox(key="tuned").set_value(_id_of("mine.npy")).run()
    app.switch_page("pages/layers.py").run()
    assert "mine.npy holds vectors of the sentences of another text" in said(app)
    assert not app.error
    app.selectbox(key="data").set_value(text).run()
    chosen = app.session_state["selection"]
    get_lab().run(chosen.similarity)
    app.run()
    assert not app.error
    assert not app.exception
    assert app.main.get("vega_lite_chart")
    assert "Base has 6 blocks, tuned 2" in said(app)
    app.selectbox(key="base").set_value(_id_of("mine.npy")).run()
    app.switch_page("pages/home.py").run()
    assert not app.exception
    (tmp_path / "mine.npy").unlink()
    app.switch_page("pages/checkpoints.py").run()
    assert "**mine.npy** is not to be had now" in said(app).replace("\\", "")
