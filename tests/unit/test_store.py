"""Artifacts on disk: what was stored comes back, what is damaged is named and made again, what is not complete is not there."""

import dataclasses
import json
import os
import pickle
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.analyses import result_class
from core.analyses.embed import Embed, Embeddings
from core.analyses.weight_change import WeightChange
from core.errors import ArtifactDamaged, StoreUnusable
from core.keys import Result, Spec, key_of
from core.lab import Lab
from core.refs import Folder, Packaged, Sample, Suite, TableFile
from core.settings import Settings
from core.store.artifacts import MANIFEST, Store
from tests.faults import ROOT, python, says, tiny
from tests.small import comparison

SPECS = comparison()
BY_KIND = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.kind}-{key_of(spec)[:6]}")
SPEC = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(), n=10))


def lab_at(path: Path) -> Lab:
    """As another process would open it: nothing verified yet."""
    return Lab(Store(Settings(cache=path, device="cpu")), engine="none")


def assert_same(one: Any, other: Any, where: str = "result") -> None:
    """Equal in type and value, NaN included, all the way down."""
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype, where
        np.testing.assert_array_equal(one, other, err_msg=where)
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other)
    elif isinstance(one, Path):
        assert {p.name: p.read_bytes() for p in one.iterdir()} == {p.name: p.read_bytes() for p in other.iterdir()}
    elif dataclasses.is_dataclass(one):
        assert type(one) is type(other), where
        for item in dataclasses.fields(one):
            assert_same(getattr(one, item.name), getattr(other, item.name), f"{where}.{item.name}")
    elif isinstance(one, tuple):
        assert isinstance(other, tuple), where
        for at, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{where}[{at}]")
    else:
        assert type(one) is type(other), where
        assert one == other or (one != one and other != other), where


def arrays_of(result: Result) -> list[np.ndarray]:
    values = [getattr(result, item.name) for item in dataclasses.fields(result)]
    flat = [part for value in values for part in (value if isinstance(value, tuple) else (value,))]
    return [part for part in flat if isinstance(part, np.ndarray)]


# --- there and back


@BY_KIND
def test_result_when_saved_and_loaded_is_equal_in_every_field(made: Lab, spec: Spec, tmp_path: Path) -> None:
    held = made.peek(spec)
    store = Store(Settings(cache=tmp_path / "other", device="cpu"))
    with store.writing(spec) as folder:
        if hasattr(held, "changes"):  # a result may point at a folder inside its own artifact
            shutil.copytree(held.changes, folder / held.changes.name)
            saved = dataclasses.replace(held, changes=folder / held.changes.name)
        else:
            saved = held
        store.save(spec, saved, seconds=1.5, device="cpu")
    again = Store(store.settings).load(spec, result_class(spec))
    assert_same(again, held)
    assert type(again) is result_class(spec)


@BY_KIND
def test_arrays_when_loaded_are_memory_mapped_and_read_only(made: Lab, spec: Spec) -> None:
    for array in arrays_of(made.peek(spec)):
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@BY_KIND
def test_folder_holds_what_its_manifest_lists_and_nothing_pickled(made: Lab, spec: Spec) -> None:
    folder = made.store.folder(spec)
    manifest = made.store.manifest(spec)
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert present == {*manifest["files"], MANIFEST}
    assert all((folder / name).stat().st_size == entry["bytes"] for name, entry in manifest["files"].items())
    assert {Path(name).suffix for name in present} <= {".npy", ".parquet", ".json", ".safetensors", ".txt"}
    assert manifest["spec"]["kind"] == spec.kind == folder.parent.name
    assert folder.name == key_of(spec)
    assert manifest["seconds"] > 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Odd(Result):
    """What no analysis returns yet."""

    empty: np.ndarray
    none: float | None
    names: dict[int, str]
    pair: tuple[str, int]
    nan: float
    whole: float
    text: str


def test_result_with_odd_values_when_loaded_is_equal(store: Store) -> None:
    odd = Odd(
        empty=np.zeros((0, 3), dtype=np.int16), none=None, names={3: "é💜", -1: ""}, pair=("a", 2),
        nan=float("nan"), whole=float(np.float64(2.0)), text="line\nbreak\u2028",
    )  # fmt: skip
    with store.writing(SPEC):
        store.save(SPEC, odd, seconds=1.0, device="cpu")
    assert_same(Store(store.settings).load(SPEC, Odd), odd)


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", 1j])
def test_result_with_a_value_that_is_not_plain_is_not_stored(store: Store, value: Any) -> None:
    odd = Odd(empty=np.zeros(1), none=None, names={}, pair=("a", 1), nan=0.0, whole=1.0, text=value)
    with pytest.raises(TypeError, match=type(value).__name__), store.writing(SPEC):
        store.save(SPEC, odd, seconds=1.0, device="cpu")
    assert not store.has(SPEC)


def test_array_of_objects_is_neither_pickled_nor_read(store: Store) -> None:
    odd = Odd(empty=np.array([object()]), none=None, names={}, pair=("a", 1), nan=0.0, whole=1.0, text="")
    with pytest.raises(ValueError, match="Object arrays"), store.writing(SPEC):
        store.save(SPEC, odd, seconds=1.0, device="cpu")
    assert not store.has(SPEC)


class Bomb:
    """Unpickling it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return open, (str(self.marker), "w")


def test_planted_array_of_pickles_is_named_and_not_run(lab: Lab, tmp_path: Path) -> None:
    lab.run(SPEC)
    folder, marker = lab.store.folder(SPEC), tmp_path / "marker"
    file = folder / "word.npy"
    np.save(file, np.array([Bomb(marker)], dtype=object), allow_pickle=True)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"]["word.npy"] = {"bytes": file.stat().st_size, "crc32": zlib.crc32(file.read_bytes())}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ArtifactDamaged) as problem:
        lab_at(lab.store.root).peek(SPEC)
    says(problem, key_of(SPEC)[:12], "objects")
    assert not marker.exists()


# --- complete or not there

KILLED = """
import os, signal, sys
from pathlib import Path
from core.lab import Lab
from core.settings import Settings
from core.store.artifacts import Store
import core.analyses.embed as embed
from tests.unit.test_store import SPEC
from core.jobs.run import LocalRun
step = LocalRun.step
def die(self, done, total, note=""):
    step(self, done, total, note)
    if done:
        os.kill(os.getpid(), signal.SIGKILL)
LocalRun.step = die
Lab(Store(Settings(cache=Path(sys.argv[1]), device="cpu")), engine="none").run(SPEC)
"""


def test_process_when_killed_inside_compute_leaves_work_but_no_result(tmp_path: Path) -> None:
    done = python("-c", KILLED, str(tmp_path / "cache"))
    assert done.returncode == -signal.SIGKILL, done.stderr
    lab = lab_at(tmp_path / "cache")
    folder = lab.store.folder(SPEC)
    assert lab.peek(SPEC) is None
    assert lab.store.listing() == {}
    assert (folder / "layers.00.npy").is_file()
    assert not (folder / MANIFEST).exists()
    assert lab.run(SPEC).layers  # the dead process's lock is gone with it
    assert {path.name for path in folder.iterdir()} == {*lab.store.manifest(SPEC)["files"], MANIFEST}
    assert_same(lab.peek(SPEC), lab_at(tmp_path / "fresh").run(SPEC))


def test_manifest_is_written_last(lab: Lab) -> None:
    lab.run(SPEC)
    folder = lab.store.folder(SPEC)
    complete = (folder / MANIFEST).stat().st_mtime_ns
    assert all(path.stat().st_mtime_ns <= complete for path in folder.iterdir())
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_artifact_without_its_manifest_is_not_there(lab: Lab) -> None:
    lab.run(SPEC)
    (lab.store.folder(SPEC) / MANIFEST).unlink()
    fresh = lab_at(lab.store.root)
    assert fresh.peek(SPEC) is None
    assert fresh.store.listing() == {}
    assert [step.spec for step in fresh.plan(SPEC)] == [SPEC]


# --- damage


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


DAMAGE: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "flipped byte": ("layers.04.npy", flip, "not as it was written"),
    "truncated array": ("layers.00.npy", cut, "not as it was written"),
    "emptied array": ("sentence.npy", lambda path: path.write_bytes(b""), "not as it was written"),
    "missing array": ("layers.06.npy", Path.unlink, "missing"),
    "folder for a file": ("word.npy", lambda path: (path.unlink(), path.mkdir()), "missing"),  # type: ignore[dict-item, return-value]
    "truncated manifest": (MANIFEST, cut, "description"),
    "empty manifest": (MANIFEST, lambda path: path.write_text("") and None, "description"),  # type: ignore[dict-item]
    "manifest of nothing": (MANIFEST, lambda path: path.write_text("{}") and None, "description"),
    "manifest of a list": (MANIFEST, lambda path: path.write_text("[]") and None, "description"),
    "manifest with odd files": (MANIFEST, lambda path: edit(path, files={"word.npy": 3}), "description"),
    "manifest without a value": (MANIFEST, lambda path: edit(path, values={}), "description"),
    "manifest of bytes": (MANIFEST, lambda path: path.write_bytes(b"\xff\xfe\x00") and None, "description"),  # type: ignore[dict-item]
}


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("damage", DAMAGE)
def test_artifact_when_damaged_is_named_and_computed_again(lab: Lab, damage: str) -> None:
    name, harm, words = DAMAGE[damage]
    before = {at: np.array(layer) for at, layer in enumerate(lab.run(SPEC).layers)}
    harm(lab.store.folder(SPEC) / name)
    fresh = lab_at(lab.store.root)
    with pytest.raises(ArtifactDamaged) as problem:
        fresh.peek(SPEC)
    says(problem, "embed", key_of(SPEC)[:12], words, "Compute it again")
    if name != MANIFEST:
        assert name in str(problem.value)
    fresh.store.listing()  # one damaged artifact does not hide the others
    again = fresh.run(SPEC)
    for at, layer in enumerate(again.layers):
        np.testing.assert_array_equal(layer, before[at])
    assert lab_at(lab.store.root).peek(SPEC) is not None


def test_table_when_truncated_is_named_and_computed_again(tmp_path: Path) -> None:
    for name in ("one", "two"):
        tiny("bert", tmp_path / name, seed=len(name) + (name == "two"))
    spec = WeightChange(base=Folder.at(tmp_path / "one"), tuned=Folder.at(tmp_path / "two"))
    before = lab_at(tmp_path / "cache").run(spec)
    assert (before.layers > 0).all()
    cut(lab_at(tmp_path / "cache").store.folder(spec) / "tensors.parquet")
    fresh = lab_at(tmp_path / "cache")
    with pytest.raises(ArtifactDamaged) as problem:
        fresh.peek(spec)
    says(problem, "weight_change", key_of(spec)[:12], "tensors.parquet", "Compute it again")
    assert_same(fresh.run(spec), before)


def test_file_when_gone_after_it_was_verified_is_still_noticed(lab: Lab) -> None:
    lab.run(SPEC)
    assert lab.peek(SPEC) is not None
    (lab.store.folder(SPEC) / "layers.02.npy").unlink()
    with pytest.raises(ArtifactDamaged) as problem:
        lab.peek(SPEC)
    says(problem, key_of(SPEC)[:12], "layers.02.npy")


# --- the folder itself


@pytest.mark.parametrize("place", ["cache", "cache/index", "cache/jobs", "cache/deeper/still"])
def test_cache_folder_when_a_file_is_in_its_place_says_what_to_do(tmp_path: Path, place: str) -> None:
    blocked = tmp_path / place
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("in the way")
    cache = blocked if place == "cache" or "deeper" in place else tmp_path / "cache"
    with pytest.raises(StoreUnusable) as problem:
        lab_at(cache)
    says(problem, str(blocked), "TUNESCOPE_CACHE", "can write")
    assert blocked.read_text() == "in the way"


@pytest.mark.parametrize("place", ["artifacts", "artifacts/embed", "locks"])
def test_folder_inside_when_a_file_is_in_its_place_is_refused_on_computing(lab: Lab, place: str) -> None:
    blocked = lab.store.root / place
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("in the way")
    with pytest.raises(StoreUnusable) as problem:
        lab.run(SPEC)
    says(problem, str(lab.store.root), "rit")
    assert lab.peek(SPEC) is None


def test_artifact_folder_when_a_file_is_in_its_place_is_refused(lab: Lab) -> None:
    lab.store.folder(SPEC).parent.mkdir(parents=True)
    lab.store.folder(SPEC).write_text("in the way")
    with pytest.raises(StoreUnusable) as problem:
        lab.run(SPEC)
    says(problem, str(lab.store.root), "compute again")


@pytest.mark.parametrize("existing", [True, False])
def test_folders_can_be_entered_by_their_owner_only(tmp_path: Path, existing: bool) -> None:
    cache = tmp_path / "cache"
    if existing:
        cache.mkdir(mode=0o777)
        cache.chmod(0o777)
    mask = os.umask(0)
    try:
        lab = lab_at(cache)
        with lab.store.writing(SPEC):
            pass
    finally:
        os.umask(mask)
    folders = [cache, *(path for path in cache.iterdir() if path.is_dir() and path.name != "artifacts")]
    assert {path.name for path in folders} >= {"cache", "index", "jobs", "locks"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


FULL = """
import resource, sys
from pathlib import Path
from core.errors import StoreUnusable
from tests.unit.test_store import SPEC, lab_at
lab = lab_at(Path(sys.argv[1]))
for limit in (50, 3_000, 60_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        lab.run(SPEC)
    except StoreUnusable as problem:
        print(problem)
        print(lab.peek(SPEC))
"""


def test_disk_when_full_is_a_message_and_leaves_nothing_complete(tmp_path: Path) -> None:
    done = python("-c", FULL, str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().splitlines()
    assert len(lines) == 6
    for message, peeked in zip(lines[::2], lines[1::2], strict=True):
        assert str(tmp_path / "cache") in message
        assert "Free space" in message
        assert "File too large" in message  # what the system answered
        assert peeked == "None"
    lab = lab_at(tmp_path / "cache")
    assert lab.store.listing() == {}
    assert len(lab.run(SPEC).layers) == 7  # and with room again it goes on


def test_discarded_artifact_is_gone_from_disk_and_listing(lab: Lab) -> None:
    lab.run(SPEC)
    lab.discard(SPEC)
    assert lab.peek(SPEC) is None
    assert lab.store.listing() == {}
    assert not lab.store.folder(SPEC).exists()
    lab.discard(SPEC)


# --- two at once

TWICE = """
import sys, time
from pathlib import Path
from tests.unit.test_store import SPEC, lab_at
import core.analyses.embed as embed
lab = lab_at(Path(sys.argv[1]))
compute, computed = embed.compute, []
def counted(spec: embed.Embed, inputs, run) -> embed.Embeddings:
    computed.append(1)
    time.sleep(0.5)
    return compute(spec, inputs, run)
embed.compute = counted
print("ready", flush=True)
sys.stdin.readline()
result = lab.run(SPEC)
print(len(computed), repr(lab.provenance(SPEC).created), float(result.layers[-1].astype("f4").sum()))
"""


def test_two_processes_when_asked_for_the_same_compute_it_once(tmp_path: Path) -> None:
    both = [
        subprocess.Popen(
            [sys.executable, "-c", TWICE, str(tmp_path / "cache")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout
        assert process.stdin
        assert process.stdout.readline() == "ready\n"
    answers = []
    for process in both:
        process.stdin.write("go\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        answers.append(out.split())
    assert sorted(answer[0] for answer in answers) == ["0", "1"]
    assert answers[0][1:] == answers[1][1:]
    assert set(lab_at(tmp_path / "cache").store.listing()) == {key_of(SPEC)}


# --- the index


def plant(index: Path, statement: str, values: tuple = ()) -> int:
    with sqlite3.connect(index / "cache.db") as database:
        changed = database.execute(statement, values).rowcount
    database.close()
    return changed


@pytest.mark.parametrize("row", ["pickled value", "pickled key", "value in a file", "no JSON", "number for a key"])
def test_index_with_planted_rows_runs_nothing_and_is_rebuilt(lab: Lab, tmp_path: Path, row: str) -> None:
    lab.run(SPEC)
    right = lab.store.listing()
    assert right.keys() == {key_of(SPEC)}
    marker, index = tmp_path / "marker", lab.store.root / "index"
    bomb = pickle.dumps(Bomb(marker))
    insert = "INSERT INTO Cache (key, raw, store_time, access_time, mode, filename, value) VALUES (?, ?, 0, 0, ?, ?, ?)"
    if row == "pickled value":
        assert plant(index, "UPDATE Cache SET mode = 4, value = ?", (bomb,)) == 1
    elif row == "pickled key":
        assert plant(index, insert, (bomb, 0, 1, None, '{"kind": "x"}')) == 1
    elif row == "value in a file":
        (index / "planted.val").write_bytes(bomb)
        assert plant(index, insert, ("a" * 40, 1, 4, "planted.val", None)) == 1
    elif row == "no JSON":
        assert plant(index, insert, ("a" * 40, 1, 1, None, "{")) == 1
    else:
        assert plant(index, insert, (7, 1, 1, None, "{}")) == 1
    fresh = lab_at(lab.store.root)
    assert fresh.store.listing() == right
    assert not marker.exists()
    assert fresh.store.index.all() == right  # the rows themselves are gone
    # The plant would have worked on diskcache as it comes.
    assert pickle.loads(bomb).close() is None
    assert marker.exists()


@pytest.mark.parametrize("change", ["{}", '{"kind": "embed"}', "[]", "null", '"text"', "3"])
def test_index_when_a_row_is_not_a_row_is_rebuilt(lab: Lab, change: str) -> None:
    lab.run(SPEC)
    right = lab.store.listing()
    assert plant(lab.store.root / "index", "UPDATE Cache SET value = ?", (change,)) == 1
    assert lab_at(lab.store.root).store.listing() == right


@pytest.mark.parametrize("how", ["deleted", "emptied", "garbage", "half"])
def test_index_when_lost_is_rebuilt_from_the_manifests(lab: Lab, how: str) -> None:
    lab.run(SPEC)
    right = lab.store.listing()
    index = lab.store.root / "index"
    file = index / "cache.db"
    for beside in (*index.glob("cache.db-*"), *([index] if how == "deleted" else [])):
        shutil.rmtree(beside) if beside.is_dir() else beside.unlink()
    if how == "emptied":
        plant(index, "DELETE FROM Cache")
    elif how == "garbage":
        file.write_bytes(b"not a database" * 1000)
    elif how == "half":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    fresh = lab_at(lab.store.root)
    assert fresh.store.listing() == right
    assert fresh.run(SPEC) is not None


def test_listing_when_artifacts_come_and_go_by_hand_follows(made: Lab, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    shutil.copytree(made.store.root, cache)
    lab = lab_at(cache)
    assert lab.store.listing().keys() == {key_of(spec) for spec in SPECS}
    shutil.rmtree(lab.store.folder(SPECS[1]))
    assert lab.store.listing().keys() == {key_of(spec) for spec in SPECS} - {key_of(SPECS[1])}
    created = [held["created"] for held in lab.store.listing().values()]
    assert created == sorted(created, reverse=True)
    held = lab.store.listing()[key_of(SPECS[2])]
    assert held["bytes"] == sum(p.stat().st_size for p in lab.store.folder(SPECS[2]).iterdir() if p.name != MANIFEST)


# --- the book


def test_book_when_added_to_and_read_again_holds_names_and_paths(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "data.tsv").write_text("one\ntwo\n")
    ref = TableFile.at(tmp_path / "data.tsv")
    short = lab.book.add("Mine é", ref)
    again = lab_at(lab.store.root).book
    assert again.entries() == {short: ("Mine é", ref)}
    assert again.entries()[short][1].path == ref.path  # type: ignore[attr-defined]
    again.add("Renamed", ref)
    other = again.add("Suite", Suite(split="test"))
    assert [name for name, _ in lab.book.entries().values()] == ["Renamed", "Suite"]
    lab.book.remove(short)
    lab.book.remove("unknown")
    assert list(again.entries()) == [other]
    again.remove(other)
    assert lab.book.entries() == {}


def test_book_when_an_entry_is_of_another_time_keeps_the_others(lab: Lab) -> None:
    lab.book.add("Suite", Suite())
    path = lab.store.root / "book.json"
    rows = json.loads(path.read_text())
    path.write_text(json.dumps([{"id": "x", "name": "New", "ref": {"kind": "checkpoint.hub", "name": "n"}}, *rows]))
    assert [name for name, _ in lab.book.entries().values()] == ["Suite"]
    assert all(named.id.startswith("suite") for named in lab.datasets())  # the book adds none


@pytest.mark.parametrize("text", ["", "{", "3", '[{"id": 1}]', "[3]"])
def test_book_when_damaged_names_its_file(lab: Lab, text: str) -> None:
    (lab.store.root / "book.json").write_text(text)
    for ask in (lab.checkpoints, lab.datasets, lambda: lab.book.add("Suite", Suite())):
        with pytest.raises(StoreUnusable) as problem:
            ask()
        says(problem, "book.json", "Delete")


def test_result_of_a_kind_is_read_by_its_own_hints_only(made: Lab) -> None:
    manifest = made.store.manifest(SPECS[1])
    assert set(manifest["values"]) <= {item.name for item in dataclasses.fields(Embeddings)}
