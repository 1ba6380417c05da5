"""Checkpoints of the Hub, against a small Hub of our own: found, moved, missing, refused, cut off, spoilt; tokens stay secret."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.analyses.checkpoint import own_pooling_of, shape_of
from core.analyses.embed import Embed
from core.analyses.fine_tune import FineTune
from core.analyses.probe import Probe
from core.errors import Cancelled, CheckpointDamaged, CheckpointNotFound, SpecInvalid, StoreUnusable
from core.jobs.run import compute_artifact
from core.keys import from_json, key_of, to_json
from core.lab import Lab
from core.models.checkpoints import facts, locate
from core.models.hub import fetch, look_up
from core.refs import Folder, Hub, Sample, Suite, hub_cache
from core.settings import Settings
from core.store.artifacts import Store
from tests.faults import DEPTH, ROOT, WIDTH, python, says, small_disk, tiny
from tests.hub import TOKEN, Repo, TinyHub, checkpoint_files, serving

SAMPLE = Sample(of=Suite(), n=8)
NAME = "harbour-lab/tiny-bert"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A tiny checkpoint, as a repository holds it."""
    folder = tmp_path_factory.mktemp("tiny")
    tiny("bert", folder)
    return checkpoint_files(folder)


@pytest.fixture
def hub(files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyHub]:
    """A Hub with one repository."""
    repos = {NAME: Repo(commits=[dict(files)], card={"license": "mit"})}
    with serving(repos, monkeypatch, tmp_path / "huggingface") as running:
        yield running


def nothing(done: int, total: int) -> None:
    """Nobody looks."""


# --- found


def test_name_becomes_a_commit_with_its_shape_size_and_licence_before_any_weight_is_fetched(hub: TinyHub) -> None:
    found = look_up(NAME)
    assert found.ref == Hub(repo=NAME, commit=hub.repos[NAME].sha(0))
    assert found.shape is not None
    assert (found.shape.family, found.shape.n_layers, found.shape.width) == ("bert", DEPTH, WIDTH)
    assert (found.access, found.licence) == ("open", "mit")
    wanted = hub.repos[NAME].commits[0]
    assert found.ref.n_bytes == sum(map(len, wanted.values()))
    assert not found.ref.is_at_hand()
    assert not hub.ranges("model.safetensors")


def test_vectors_of_a_downloaded_checkpoint_are_those_of_the_same_folder(
    hub: TinyHub, lab: Lab, tmp_path: Path
) -> None:
    ref = look_up(NAME).ref
    from_hub = lab.run(Embed(checkpoint=ref, sample=SAMPLE))  # downloads it first, as a dependency
    assert ref.is_at_hand()
    tiny("bert", tmp_path / "folder")
    local = lab.run(Embed(checkpoint=Folder.at(tmp_path / "folder"), sample=SAMPLE))
    for one, other in zip(from_hub.layers, local.layers, strict=True):
        np.testing.assert_array_equal(one, other)


def test_how_a_checkpoint_of_the_hub_pools_its_sentences_comes_along(hub: TinyHub, lab: Lab) -> None:
    hub.repos[NAME].commits[0] |= {
        "modules.json": b'[{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]',
        "1_Pooling/config.json": b'{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}',
        "2_Dense/model.safetensors": b"not ours",
    }
    ref = look_up(NAME).ref
    lab.run(ref)
    assert own_pooling_of(ref) == "cls"
    assert not (ref.folder / "2_Dense").exists()
    lab.store.discard(ref)
    lab.run(ref)
    fetches = [path for method, path, _ in hub.asked if method == "GET" and "1_Pooling" in path]
    assert len(fetches) == 1, "it was fetched twice"


def test_what_is_here_is_not_asked_for_again(hub: TinyHub, lab: Lab) -> None:
    ref = look_up(NAME).ref
    lab.run(ref)
    assert hub.ranges("model.safetensors") == [""]
    lab.store.discard(ref)
    lab.run(ref)
    assert hub.ranges("model.safetensors") == [""], "the weights were fetched twice"


def test_files_lie_where_other_tools_of_the_hub_find_them(hub: TinyHub, lab: Lab) -> None:
    ref = look_up(NAME).ref
    lab.run(ref)
    script = f"""
from transformers import AutoModel
print(AutoModel.from_pretrained({NAME!r}, revision={ref.commit!r}, local_files_only=True).config.hidden_size)
"""
    assert python("-c", script).stdout.split()[-1] == str(WIDTH)
    assert ref.folder == Path(locate(ref))
    assert facts(ref.folder).n_layers == DEPTH


@pytest.mark.parametrize(
    "setting",
    [
        {},
        {"HF_HOME": "/a/b"},
        {"HF_HUB_CACHE": "/c"},
        {"XDG_CACHE_HOME": "/d"},
        {"HF_HOME": "/a", "HF_HUB_CACHE": "$HOME"},
    ],
)
def test_cache_folder_is_the_one_of_the_library(setting: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    library = python("-c", "from huggingface_hub import constants; print(constants.HF_HUB_CACHE)").stdout.strip()
    assert str(hub_cache()) == library


def test_moved_branch_is_another_checkpoint_and_the_old_one_stays_what_it_was(
    hub: TinyHub, lab: Lab, tmp_path: Path
) -> None:
    first = look_up(NAME)
    lab.add_repository(first)
    old = lab.run(Embed(checkpoint=first.ref, sample=SAMPLE)).layers[-1].copy()
    tiny("bert", tmp_path / "other", seed=1)
    repo = hub.repos[NAME]
    repo.commits.append(checkpoint_files(tmp_path / "other"))
    repo.tags["v1"] = 0
    second = look_up(NAME)
    assert second.ref.commit == repo.sha(1) != first.ref.commit
    assert look_up(NAME, "v1").ref == look_up(NAME, repo.sha(0)).ref == first.ref
    lab.add_repository(second)
    names = [one.name for one in lab.checkpoints()]
    assert f"{NAME} @ {repo.sha(0)[:7]}" in names
    assert f"{NAME} @ {repo.sha(1)[:7]}" in names
    new = lab.run(Embed(checkpoint=second.ref, sample=SAMPLE)).layers[-1]
    assert not np.array_equal(old, new)
    np.testing.assert_array_equal(lab.run(Embed(checkpoint=first.ref, sample=SAMPLE)).layers[-1], old)


def test_sharded_weights_come_whole_and_what_is_not_of_the_checkpoint_does_not_come(
    hub: TinyHub, lab: Lab, tmp_path: Path
) -> None:
    tiny("bert", tmp_path / "one").save_pretrained(tmp_path / "sharded", max_shard_size="100KB")
    held = checkpoint_files(tmp_path / "one") | checkpoint_files(tmp_path / "sharded")
    del held["model.safetensors"]
    shards = [name for name in held if name.endswith(".safetensors")]
    assert len(shards) > 1
    held |= {"pytorch_model.bin": b"x" * 1000, "consolidated.safetensors": b"y" * 1000, "README.md": b"z" * 1000}
    hub.repos["org/sharded"] = Repo(commits=[held])
    ref = look_up("org/sharded").ref
    files = lab.run(ref).files
    assert set(shards) < set(files["name"])
    assert not {"pytorch_model.bin", "consolidated.safetensors", "README.md"} & set(files["name"])
    assert files["bytes"].sum() == ref.n_bytes
    lab.run(Embed(checkpoint=ref, sample=SAMPLE))
    (ref.folder / shards[0]).unlink()
    assert not ref.is_at_hand()


def test_download_is_a_dependency_of_what_reads_it_and_its_key_is_repository_and_commit_alone(hub: TinyHub) -> None:
    ref = look_up(NAME).ref
    assert list(Embed(checkpoint=ref, sample=SAMPLE).dependencies().values()) == [ref]
    run = FineTune(checkpoint=ref, train=SAMPLE, dev=SAMPLE, label="sentiment")
    assert list(run.dependencies().values()) == [ref]
    assert key_of(ref) == key_of(ref.replace(n_bytes=1))
    assert from_json(to_json(ref)) == ref
    assert from_json(to_json(ref)).n_bytes == ref.n_bytes


def test_download_is_an_analysis_like_any_other(hub: TinyHub, lab: Lab, tmp_path: Path) -> None:
    ref = look_up(NAME).ref
    work, n_bytes = ref.cost()
    assert work == n_bytes == ref.n_bytes > 0
    assert ref.title
    flag = tmp_path / "cancel"
    flag.touch()
    with pytest.raises(Cancelled):
        compute_artifact(ref, lab.store, cancel_flag=flag, report=lambda *_: None)
    assert lab.peek(ref) is None
    lab.run(ref)
    held = lab.provenance(ref)
    assert (held.key, from_json(held.spec)) == (key_of(ref), ref)
    (kept,) = lab.kept()
    assert (kept.what, kept.checkpoints) == ("Download", f"{NAME} @ {ref.commit[:7]}")
    assert lab.record(key_of(ref)) is None


# --- refused, with a word on what to do


def test_missing_repository_is_said_to_be_missing(hub: TinyHub) -> None:
    with pytest.raises(CheckpointNotFound) as problem:
        look_up("harbour-lab/nothing")
    says(problem, "harbour-lab/nothing", "no such repository", "Check the name")


def test_missing_revision_is_said_to_be_missing(hub: TinyHub) -> None:
    with pytest.raises(CheckpointNotFound) as problem:
        look_up(NAME, "v9")
    says(problem, "'v9'", "no such branch")


@pytest.mark.parametrize(
    "name", ["", "a/b/c", "../etc", "a/../b", "/etc/passwd", "a b", "x" * 97, "a--b/c", "org/ü", "a\n"]
)
def test_what_can_be_no_name_is_refused_before_anything_is_asked(hub: TinyHub, name: str) -> None:
    with pytest.raises(SpecInvalid) as problem:
        look_up(name)
    says(problem, "organisation/name")
    assert not hub.asked


@given(name=st.text("ab/.-\\\0\n ü", max_size=12), revision=st.text("ab/.-\\\0\n ü", max_size=12))
def test_no_name_and_no_revision_leads_out_of_the_cache(name: str, revision: str) -> None:
    try:
        ref = Hub(repo=name, revision=revision, commit="a" * 40)
    except SpecInvalid:
        return
    store = ref.folder.parent.parent
    assert store.parent == hub_cache()
    named = Path(os.path.normpath(store / "refs" / revision))
    assert named.is_relative_to(store / "refs")


@pytest.mark.parametrize("revision", ["../../secret", "/etc/passwd", "..", "a b", "a//b", "a\nb"])
def test_what_can_be_no_revision_is_refused_before_anything_is_asked(hub: TinyHub, revision: str) -> None:
    for offline in (True, False):
        with pytest.raises(SpecInvalid) as problem:
            look_up(NAME, revision, offline=offline)
        says(problem, NAME, "no revision")
    assert not hub.asked


def test_gated_repository_opens_for_the_token_that_was_let_in_and_for_no_other(
    hub: TinyHub, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repos[NAME].is_gated = True
    for token in ("", "hf_ofSomebodyElse"):
        monkeypatch.setenv("HF_TOKEN", token)
        with pytest.raises(CheckpointNotFound) as problem:
            look_up(NAME)
        says(problem, "accept", f"{hub.address}/{NAME}", "hf auth login")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    found = look_up(NAME)
    assert found.access == "gated"
    lab.run(found.ref)
    assert found.ref.is_at_hand()


def test_private_repository_is_not_told_from_a_missing_one_without_its_token(
    hub: TinyHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repos[NAME].is_private = True
    with pytest.raises(CheckpointNotFound) as problem:
        look_up(NAME)
    says(problem, "private, and this machine has no token")
    monkeypatch.setenv("HF_TOKEN", "hf_ofSomebodyElse")
    with pytest.raises(CheckpointNotFound) as problem:
        look_up(NAME)
    says(problem, "token may not see it")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert look_up(NAME).access == "private"


def test_token_goes_to_the_hub_and_nowhere_else(hub: TinyHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repos[NAME].is_private = True
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    cache = tmp_path / "cache"
    done = python("-m", "core", "download", NAME, cache=cache)
    assert done.returncode == 0, done.stderr
    failed = python("-m", "core", "download", f"{NAME}@nothing", cache=cache)
    assert failed.returncode == 1
    sent = [path for _, path, headers in hub.asked if TOKEN in str(headers)]
    assert sent
    assert not [path for path in sent if path.startswith("storage:")], "the storage was given the token"
    assert TOKEN not in done.stdout + done.stderr + failed.stdout + failed.stderr
    written = [path for root in (cache, tmp_path / "huggingface") for path in root.rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if TOKEN.encode() in path.read_bytes()]


def test_repository_without_safetensors_is_known_for_pickled_before_its_download(hub: TinyHub) -> None:
    held = {name: body for name, body in hub.repos[NAME].commits[0].items() if name != "model.safetensors"}
    hub.repos["org/older"] = Repo(commits=[held | {"pytorch_model.bin": b"pickle"}])
    found = look_up("org/older")
    assert found.ref.holds == "pickled"
    with pytest.raises(SpecInvalid) as problem:
        Lab(engine="none").add_repository(found)
    says(problem, "pickled", "add its folder")
    hub.repos["org/other"] = Repo(commits=[held | {"tf_model.h5": b"x", "model.onnx": b"y"}])
    with pytest.raises(CheckpointNotFound) as problem:
        look_up("org/other")
    says(problem, "org/other", "no checkpoint", "config.json", "model.onnx")


def test_repository_that_demands_code_of_its_own_is_refused_before_its_download(hub: TinyHub) -> None:
    held = dict(hub.repos[NAME].commits[0])
    said = json.loads(held["config.json"]) | {"model_type": "newcomer", "auto_map": {"AutoModel": "modeling.Newcomer"}}
    held |= {"config.json": json.dumps(said).encode(), "modeling.py": b"raise SystemExit('code was run')"}
    hub.repos["org/code"] = Repo(commits=[held])
    with pytest.raises(CheckpointNotFound) as problem:
        look_up("org/code")
    says(problem, "org/code", "code of its own", "never run here")
    del said["auto_map"]
    hub.repos["org/unknown"] = Repo(commits=[held | {"config.json": json.dumps(said).encode()}])
    with pytest.raises(CheckpointNotFound) as problem:
        look_up("org/unknown")
    says(problem, "'newcomer'", "not known")
    assert not [path for _, path, _ in hub.asked if path.endswith((".py", ".safetensors"))]


def test_code_beside_a_known_family_is_neither_fetched_nor_run(hub: TinyHub, lab: Lab) -> None:
    held = dict(hub.repos[NAME].commits[0])
    said = json.loads(held["config.json"]) | {"auto_map": {"AutoModel": "modeling.Newcomer"}}
    hub.repos["org/both"] = Repo(
        commits=[held | {"config.json": json.dumps(said).encode(), "modeling.py": b"raise SystemExit('run')"}]
    )
    lab.run(Embed(checkpoint=look_up("org/both").ref, sample=SAMPLE))
    assert not [path for _, path, _ in hub.asked if path.endswith(".py")]


def test_quantised_weights_are_refused_by_their_method(hub: TinyHub) -> None:
    held = dict(hub.repos[NAME].commits[0])
    said = json.loads(held["config.json"]) | {"quantization_config": {"quant_method": "gptq"}}
    hub.repos["org/gptq"] = Repo(commits=[held | {"config.json": json.dumps(said).encode()}])
    with pytest.raises(CheckpointNotFound) as problem:
        look_up("org/gptq")
    says(problem, "gptq", "unquantised")


@pytest.mark.parametrize("text", [b"not json", b"[]", b'{"model_type": "bert", "num_hidden_layers": "x"}', b"{}"])
def test_configuration_that_says_nothing_is_named(hub: TinyHub, text: bytes) -> None:
    hub.repos["org/odd"] = Repo(commits=[hub.repos[NAME].commits[0] | {"config.json": text}])
    with pytest.raises((CheckpointDamaged, CheckpointNotFound)) as problem:
        look_up("org/odd")
    says(problem, "config")


# --- no answer, cut off, spoilt


def test_no_answer_names_the_host_and_says_that_what_is_here_can_be_had(
    hub: TinyHub, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = look_up(NAME).ref
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for act in (lambda: look_up(NAME), lambda: lab.run(ref)):
        with pytest.raises(CheckpointNotFound) as problem:
            act()
        says(problem, "127.0.0.1:9", "does not answer", "offline")


@pytest.mark.parametrize("page", [b"<html>Sign in to the network</html>", b"[]", b"null", b'{"id": 1}'])
def test_answer_that_is_not_the_hubs_is_told(hub: TinyHub, page: bytes) -> None:
    hub.page = page
    with pytest.raises(CheckpointNotFound) as problem:
        look_up(NAME)
    says(problem, NAME)
    assert "does not answer as a Hub" in str(problem.value) or "empty" in str(problem.value)


@pytest.mark.parametrize("code", [500, 503])
def test_hub_that_is_down_is_not_called_a_missing_file(hub: TinyHub, code: int) -> None:
    hub.head_fails = code
    with pytest.raises(CheckpointNotFound) as problem:
        look_up(NAME)
    says(problem, str(code), "Try again later")
    assert (
        len([method for method, *_ in hub.asked if method == "HEAD"]) <= 2
    )  # nobody waits for one attempt after another


def test_address_that_was_signed_for_an_hour_is_asked_for_again_when_that_is_over(hub: TinyHub, lab: Lab) -> None:
    ref = look_up(NAME).ref
    hub.refuse_once = True
    lab.run(ref)
    assert ref.is_at_hand()
    assert len(hub.ranges("model.safetensors")) == 2


def test_cache_that_cannot_be_written_says_so_and_not_that_it_is_full(
    hub: TinyHub, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blocked").write_text("a file in its place")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "blocked"))
    with pytest.raises(StoreUnusable) as problem:
        look_up(NAME)
    says(problem, "can be written", "HF_HOME")
    assert "space" not in str(problem.value)


def test_offline_what_was_downloaded_is_found_and_nothing_is_asked(
    hub: TinyHub, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = look_up(NAME).ref
    with pytest.raises(CheckpointNotFound) as problem:
        look_up(NAME, offline=True)
    says(problem, "Offline", "download")
    lab.run(ref)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    before = len(hub.asked)
    assert look_up(NAME, ref.commit).ref == ref
    lab.run(Embed(checkpoint=ref, sample=SAMPLE))
    other = Hub(repo="org/other", commit="0" * 40)
    with pytest.raises(CheckpointNotFound) as problem:
        fetch(other, nothing)
    says(problem, "org/other", "offline")
    assert len(hub.asked) == before


def test_offline_what_another_tool_or_another_cache_folder_brought_here_is_used_and_nobody_is_asked(
    hub: TinyHub, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = look_up(NAME).ref
    elsewhere = Lab(Store(Settings(cache=tmp_path / "elsewhere", device="cpu")), engine="none")
    elsewhere.run(ref)
    before = len(hub.asked)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = look_up(NAME, ref.commit)
    lab.add_repository(found)
    lab.run(Embed(checkpoint=found.ref, sample=SAMPLE))
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    lab.store.discard(ref)
    lab.run(ref)
    assert len(hub.asked) == before


def test_contents_that_the_library_shares_between_repositories_are_known_for_what_they_are(
    hub: TinyHub, lab: Lab
) -> None:
    ref = look_up(NAME).ref
    lab.run(ref)
    content = (ref.folder / "model.safetensors").resolve()
    shared = hub_cache() / "blobs" / "ab" / ("ab" * 32)  # by a hash of its own kind
    shared.parent.mkdir(parents=True)
    content.replace(shared)
    content.symlink_to(shared)
    lab.run(Embed(checkpoint=ref, sample=SAMPLE))
    spoilt = bytearray(shared.read_bytes())
    spoilt[-1] ^= 1
    shared.write_bytes(spoilt)
    with pytest.raises(CheckpointDamaged) as problem:
        locate(ref)
    says(problem, str(content))
    assert str(shared) not in str(problem.value), "others stand on that"


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_small_files_that_changed_on_disk_are_refused_too(hub: TinyHub, lab: Lab, name: str) -> None:
    ref = look_up(NAME).ref
    lab.run(ref)
    content = (ref.folder / name).resolve()
    content.write_bytes(content.read_bytes() + b" ")
    with pytest.raises(CheckpointDamaged) as problem:
        lab.run(Embed(checkpoint=ref, sample=SAMPLE))
    says(problem, name)


def test_older_commit_does_not_take_the_name_back_from_what_it_stands_for_now(hub: TinyHub, lab: Lab) -> None:
    repo = hub.repos[NAME]
    old = look_up(NAME).ref
    lab.run(old)
    repo.commits.append(repo.commits[0] | {"vocab.txt": b"other"})
    new = look_up(NAME).ref
    lab.run(new)
    assert look_up(NAME, offline=True).ref == new
    import shutil

    shutil.rmtree(old.folder)
    lab.run(old)
    assert look_up(NAME, offline=True).ref == new


def test_parts_are_those_that_the_index_names_and_no_others(hub: TinyHub, lab: Lab, tmp_path: Path) -> None:
    held = dict(hub.repos[NAME].commits[0])
    weights = held.pop("model.safetensors")
    index = {"weight_map": {"embeddings": "model.part1.safetensors"}}
    hub.repos["org/odd"] = Repo(
        commits=[
            held | {"model.part1.safetensors": weights, "model.safetensors.index.json": json.dumps(index).encode()}
        ]
    )
    ref = look_up("org/odd").ref
    lab.run(ref)
    assert ref.is_at_hand()
    for names in ({"weight_map": {"x": "../up.safetensors"}}, {"weight_map": {"x": "none.safetensors"}}, {}, []):
        bad = held | {"model.part1.safetensors": weights, "model.safetensors.index.json": json.dumps(names).encode()}
        hub.repos["org/bad"] = Repo(commits=[bad])
        with pytest.raises(CheckpointNotFound) as problem:
            look_up("org/bad")
        says(problem, "index.json cannot be used")


def test_weights_of_another_form_that_lie_beside_do_not_count(hub: TinyHub, lab: Lab) -> None:
    ref = look_up(NAME).ref
    lab.run(ref)
    known = facts(ref.folder)
    (ref.folder / "consolidated.safetensors").write_bytes((ref.folder / "model.safetensors").read_bytes())
    (ref.folder / "model.safetensors.index.json").write_text('{"weight_map": {"x": "model-1-of-1.safetensors"}}')
    assert facts(ref.folder) == known
    assert ref.is_at_hand()


def test_what_stands_on_a_download_that_is_gone_is_planned_with_it_however_deep(hub: TinyHub, lab: Lab) -> None:
    import shutil

    ref = look_up(NAME).ref
    shutil.rmtree(ref.folder.parent.parent)
    embed = Embed(checkpoint=ref, sample=SAMPLE)
    probe = Probe(embed=embed, label="upos")
    assert [step.spec for step in lab.plan(probe)] == [ref, embed, probe]
    with pytest.raises(CheckpointNotFound) as problem:
        shape_of(ref)
    says(problem, NAME, "core download")


def test_name_is_as_the_hub_writes_it(hub: TinyHub) -> None:
    hub.repos["tiny"] = hub.repos[NAME]
    hub.called["tiny"] = NAME
    assert look_up("tiny").ref == look_up(NAME).ref


def test_small_files_whose_size_the_hub_does_not_say_come_whole(hub: TinyHub, lab: Lab) -> None:
    hub.hides_sizes = True
    ref = look_up(NAME).ref
    lab.run(Embed(checkpoint=ref, sample=SAMPLE))
    for name, body in hub.repos[NAME].commits[0].items():
        assert (ref.folder / name).read_bytes() == body


def test_offline_a_branch_is_what_it_was_when_last_seen(hub: TinyHub, lab: Lab) -> None:
    repo = hub.repos[NAME]
    ref = look_up(NAME).ref
    lab.run(ref)
    assert look_up(NAME, "main", offline=True).ref == ref
    repo.commits.append(repo.commits[0] | {"vocab.txt": b"other"})
    assert look_up(NAME).ref.commit == repo.sha(1)
    assert look_up(NAME, offline=True).ref == ref, "only looked up, not downloaded"


def test_transfer_that_broke_off_goes_on_where_it_stopped(hub: TinyHub, lab: Lab) -> None:
    ref = look_up(NAME).ref
    whole = len(hub.repos[NAME].commits[0]["model.safetensors"])
    hub.cut_after = whole // 3
    lab.run(ref)  # asks on after each cut, so long as something comes
    asked = hub.ranges("model.safetensors")
    assert asked[0] == ""
    assert len(asked) > 2
    assert all(later.startswith("bytes=") for later in asked[1:])
    lab.run(Embed(checkpoint=ref, sample=SAMPLE))


def test_transfer_of_which_nothing_more_comes_is_given_up_and_what_came_is_kept(hub: TinyHub, lab: Lab) -> None:
    ref = look_up(NAME).ref
    hub.cut_after = 0
    with pytest.raises(CheckpointNotFound) as problem:
        lab.run(ref)
    says(problem, NAME, "what has come is kept")
    assert not ref.is_at_hand()
    hub.cut_after = None
    lab.run(ref)
    assert ref.is_at_hand()


def test_download_stops_soon_after_it_was_cancelled_and_keeps_what_came(hub: TinyHub) -> None:
    body = os.urandom(4_000_000)
    hub.repos[NAME].commits[0]["model.safetensors"] = body
    ref = look_up(NAME).ref

    def stop(done: int, _: int) -> None:
        if done > 2_000_000:
            raise Cancelled("Downloading.", "Somebody cancelled it.", "Start it again.")

    with pytest.raises(Cancelled):
        fetch(ref, stop)
    (part,) = (ref.folder.parent.parent / "blobs").glob("*.incomplete")
    assert 1_000_000 < part.stat().st_size < 3_000_000
    seen: list[int] = []
    fetch(ref, lambda done, total: seen.append(done))
    assert seen == sorted(seen)
    assert seen[-1] == ref.n_bytes
    assert (ref.folder / "model.safetensors").read_bytes() == body


def test_download_that_was_killed_goes_on_where_it_stopped(hub: TinyHub, lab: Lab, tmp_path: Path) -> None:
    ref = look_up(NAME).ref
    body = hub.repos[NAME].commits[0]["model.safetensors"]
    hub.cut_after, hub.hold = len(body) // 2, threading.Event()
    cache = {"TUNESCOPE_CACHE": str(tmp_path / "killed")}
    child = subprocess.Popen([sys.executable, "-m", "core", "download", NAME], cwd=ROOT, env=os.environ | cache)
    blobs = ref.folder.parent.parent / "blobs"
    until = time.monotonic() + 60
    while not any(path.stat().st_size > len(body) // 4 for path in blobs.glob("*.incomplete")):
        assert time.monotonic() < until
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    hub.hold.set()
    hub.cut_after = hub.hold = None
    assert not ref.is_at_hand()
    (part,) = blobs.glob("*.incomplete")
    begun = part.stat().st_size
    lab.run(ref)
    assert ref.is_at_hand()
    assert (ref.folder / "model.safetensors").read_bytes() == body
    assert not list(blobs.glob("*.incomplete"))
    assert begun > len(body) // 4
    assert hub.ranges("model.safetensors")[-1] == f"bytes={begun}-"


def test_storage_that_sends_all_of_it_again_is_taken_at_its_word(hub: TinyHub, lab: Lab) -> None:
    ref = look_up(NAME).ref
    hub.cut_after = 1_000_000

    def once(done: int, _: int) -> None:
        if done > 900_000:
            hub.cut_after, hub.ignores_ranges = None, True

    fetch(ref, once)
    assert hub.ranges("model.safetensors")[-1].startswith("bytes=")
    assert (ref.folder / "model.safetensors").read_bytes() == hub.repos[NAME].commits[0]["model.safetensors"]


def test_storage_that_sends_more_than_was_named_fills_no_disk(hub: TinyHub, lab: Lab) -> None:
    ref = look_up(NAME).ref
    hub.pad = b"x" * 3_000_000
    with pytest.raises(CheckpointNotFound) as problem:
        lab.run(ref)
    says(problem, NAME, "try again")
    parts = (ref.folder.parent.parent / "blobs").glob("*.incomplete")
    assert sum(path.stat().st_size for path in parts) <= ref.n_bytes


def test_bytes_that_are_not_those_the_hub_names_are_thrown_away(hub: TinyHub, lab: Lab) -> None:
    ref = look_up(NAME).ref
    hub.spoil = True
    with pytest.raises(CheckpointDamaged) as problem:
        lab.run(ref)
    says(problem, "model.safetensors", "not what the Hub names", "Try again")
    assert not ref.is_at_hand()
    hub.spoil = False
    lab.run(ref)
    lab.run(Embed(checkpoint=ref, sample=SAMPLE))


def test_weights_that_changed_on_disk_are_refused_and_mended_by_another_download(hub: TinyHub, lab: Lab) -> None:
    ref = look_up(NAME).ref
    lab.run(ref)
    content = (ref.folder / "model.safetensors").resolve()
    spoilt = bytearray(content.read_bytes())
    spoilt[-1] ^= 1
    content.write_bytes(spoilt)
    with pytest.raises(CheckpointDamaged) as problem:
        lab.run(Embed(checkpoint=ref, sample=SAMPLE))
    says(problem, NAME, str(content), "download it again")
    content.unlink()
    lab.run(Embed(checkpoint=ref, sample=SAMPLE))


def test_checkpoint_whose_download_is_gone_is_fetched_again_with_what_needs_it(hub: TinyHub, lab: Lab) -> None:
    import shutil

    ref = look_up(NAME).ref
    lab.run(ref)
    shutil.rmtree(ref.folder.parent.parent)
    assert lab.peek(ref) is None
    with pytest.raises(CheckpointNotFound) as problem:
        locate(ref)
    says(problem, NAME, f"core download {NAME}@{ref.commit}")
    spec = Embed(checkpoint=ref, sample=SAMPLE)
    assert [step.spec for step in lab.plan(spec)] == [ref, spec]
    lab.run(spec)


def test_full_disk_is_told_and_the_download_goes_on_when_there_is_room(
    hub: TinyHub, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "small", "600k") as disk:
        ref = look_up(NAME).ref
        monkeypatch.setenv("HF_HOME", str(disk))
        with pytest.raises(StoreUnusable) as problem:
            lab.run(ref)
        says(problem, NAME, "space", str(disk))
        assert not ref.is_at_hand()
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        lab.run(ref)
        assert ref.is_at_hand()


def test_command_line_downloads_and_adds_by_name_and_revision(hub: TinyHub, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    done = python("-m", "core", "download", f"{NAME}@main", cache=cache)
    assert done.returncode == 0, done.stderr
    assert hub.repos[NAME].sha(0) in done.stdout
    assert f"{NAME} @ {hub.repos[NAME].sha(0)[:7]}" in (cache / "book.json").read_text()
    failed = python("-m", "core", "download", "org/nothing", cache=cache)
    assert (failed.returncode, "no such repository" in failed.stderr) == (1, True)
