"""Data sets of the Hub, against the tests' own: looked up, one file fetched as a job, read like any other; scripts never run."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.hub import fetch_data, look_up_data
from core.data.load import load_dataset
from core.errors import DatasetInvalid, DatasetNotFound, SpecInvalid
from core.jobs.run import compute_artifact
from core.keys import from_json, key_of, to_json
from core.lab import Lab
from core.refs import HubFile, hub_cache
from tests.faults import says
from tests.hub import TOKEN, Repo, TinyHub, serving

NAME = "nyu-mll/glue"
DEV = "sst2/validation-00000-of-00001.parquet"


def parquet(n: int) -> bytes:
    """A file as the Hub lays out GLUE: whole-number labels, their names beside them."""
    table = pa.table(
        {
            "sentence": [f"film number {i} is {'good' if i % 3 else 'bad'}" for i in range(n)],
            "label": [int(i % 3 > 0) for i in range(n)],
            "idx": list(range(n)),
        }
    )
    named = {"info": {"features": {"label": {"names": ["negative", "positive"], "_type": "ClassLabel"}}}}
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(named)}), out)
    return out.getvalue()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyHub]:
    """A Hub with a data set of two tasks, and one that only a script makes."""
    files = {
        DEV: parquet(60),
        "sst2/train-00000-of-00001.parquet": parquet(90),
        "cola/validation-00000-of-00001.parquet": parquet(30),
        "README.md": b"# GLUE",
        ".gitattributes": b"*",
        "../../outside.csv": b"a,b\n1,2\n",
    }
    repos = {
        f"datasets/{NAME}": Repo(commits=[files], card={"license": "other"}),
        "datasets/org/script": Repo(commits=[{"script.py": b"raise SystemExit('run')", "README.md": b"#"}]),
    }
    with serving(repos, monkeypatch, tmp_path / "huggingface") as running:
        yield running


def test_name_becomes_a_commit_and_the_files_that_can_be_read(hub: TinyHub) -> None:
    found = look_up_data(NAME)
    assert found.commit == hub.repos[f"datasets/{NAME}"].sha(0)
    assert (found.access, found.licence) == ("open", "other")
    assert [one.name for one in found.files] == [
        "cola/validation-00000-of-00001.parquet",
        "sst2/train-00000-of-00001.parquet",
        DEV,
    ]
    assert found.files[2].n_bytes == len(parquet(60))
    assert not hub.ranges("parquet")


def test_a_file_is_fetched_once_and_read_with_the_names_of_its_classes(hub: TinyHub, lab: Lab) -> None:
    ref = next(one for one in look_up_data(NAME).files if one.name == DEV)
    lab.run(ref)
    assert hub.ranges(DEV) == [""]
    guessed = lab.guess_file(ref.path, ref.name).proposed
    short = lab.add_file(ref.path, guessed, "SST-2 dev")
    examples = load_dataset(next(one.ref for one in lab.datasets() if one.id == short))
    assert len(examples) == 60
    assert examples.texts[0] == "film number 0 is bad"
    assert set(examples.sentence_labels["label"]) == {"negative", "positive"}
    lab.store.discard(ref)
    lab.run(ref)
    assert hub.ranges(DEV) == [""], "fetched twice"


def test_a_file_lies_where_other_tools_look(hub: TinyHub) -> None:
    from huggingface_hub import try_to_load_from_cache

    ref = next(one for one in look_up_data(NAME).files if one.name == DEV)
    fetch_data(ref, lambda *_: None)
    found = try_to_load_from_cache(NAME, DEV, cache_dir=hub_cache(), revision=ref.commit, repo_type="dataset")
    assert found == str(ref.path)
    assert look_up_data(NAME, offline=True).files == (ref,)


def test_its_key_is_repository_commit_and_name_alone(hub: TinyHub) -> None:
    one, other, third = look_up_data(NAME).files
    assert len({key_of(file) for file in (one, other, third)}) == 3
    assert key_of(one) == key_of(one.replace(n_bytes=1, revision="v1"))
    assert from_json(to_json(one)) == one


def test_download_of_data_is_an_analysis_like_any_other(hub: TinyHub, lab: Lab, tmp_path: Path) -> None:
    from core.errors import Cancelled

    ref = look_up_data(NAME).files[0]
    work, n_bytes = ref.cost()
    assert work == n_bytes == ref.n_bytes > 0
    flag = tmp_path / "cancel"
    flag.touch()
    with pytest.raises(Cancelled):
        compute_artifact(ref, lab.store, cancel_flag=flag, report=lambda *_: None)
    assert lab.peek(ref) is None
    assert lab.run(ref).files["name"].tolist() == [ref.name]
    assert lab.provenance(ref).key == key_of(ref)
    shutil.rmtree(ref.folder.parent.parent)
    assert lab.peek(ref) is None
    lab.run(ref)
    assert ref.path.is_file()


def test_data_that_only_a_script_makes_is_refused_and_the_script_is_not_fetched(hub: TinyHub) -> None:
    with pytest.raises(DatasetNotFound) as problem:
        look_up_data("org/script")
    says(problem, "org/script", "script.py", "not run")
    assert not [path for _, path, _ in hub.asked if path.endswith(".py")]


def test_what_stands_in_the_way_is_said(hub: TinyHub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DatasetNotFound) as problem:
        look_up_data("org/nothing")
    says(problem, "org/nothing", "no such repository")
    with pytest.raises(DatasetNotFound) as problem:
        look_up_data(NAME, "v9")
    says(problem, "no such branch")
    with pytest.raises(DatasetNotFound) as problem:
        look_up_data(NAME, offline=True)
    says(problem, "Offline")
    with pytest.raises(SpecInvalid):
        look_up_data("../etc")
    ref = look_up_data(NAME).files[0]
    hub.repos[f"datasets/{NAME}"].is_gated = True
    with pytest.raises(DatasetNotFound) as problem:
        fetch_data(ref, lambda *_: None)
    says(problem, f"{hub.address}/datasets/{NAME}", "accept")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    fetch_data(ref, lambda *_: None)
    assert ref.path.is_file()
    assert not [path for _, path, headers in hub.asked if path.startswith("storage:") and TOKEN in str(headers)]


def test_bytes_that_are_not_those_the_hub_names_are_thrown_away(hub: TinyHub) -> None:
    ref = look_up_data(NAME).files[0]
    hub.spoil = True
    with pytest.raises(DatasetInvalid) as problem:
        fetch_data(ref, lambda *_: None)
    says(problem, ref.name, "not what the Hub names")
    assert not ref.path.exists()


@given(name=st.text("ab/.\\\0\n ü-", max_size=12))
def test_no_file_name_leads_out_of_its_commit(name: str) -> None:
    try:
        ref = HubFile(repo="org/data", commit="a" * 40, name=name)
    except SpecInvalid:
        return
    import os

    assert Path(os.path.normpath(ref.path)).is_relative_to(ref.folder)
    assert Path(os.path.normpath(ref.path)) != ref.folder
