"""Packs: what was packed comes back equal; anything odd is refused with a clear message and nothing written."""

import hashlib
import io
import json
import os
import pickle
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.analyses import result_class
from core.analyses.embed import Embed
from core.errors import ArtifactDamaged, PackRefused, SpecInvalid, StoreUnusable
from core.keys import Spec, key_of, to_json
from core.lab import Lab
from core.refs import Folder, Packaged, Sample, Suite, TableFile
from core.settings import Settings
from core.store import inspection
from core.store.artifacts import MANIFEST, Store
from tests.faults import python, says, small_disk
from tests.small import BASE, SENTENCES, TUNE, comparison
from tests.unit.test_store import Bomb, assert_same, cut, flip, lab_at

SPECS = comparison()
FEW = [BASE, next(spec for spec in SPECS if spec.kind == "probe")]
"""Vectors of the base and a probe on them: arrays and plain values, small."""
EMBED = f"artifacts/embed/{key_of(BASE)}"


@pytest.fixture(scope="module")
def good(made: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound small pack."""
    path = tmp_path_factory.mktemp("packs") / "good.tunescope"
    made.export_pack([key_of(spec) for spec in FEW], path, title="Good")
    return path


def tree(root: Path) -> dict[str, bytes]:
    """Every file and folder below a folder; locks, notes of use and the index's own files are no content."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else b"/"
        for path in sorted(root.rglob("*"))
        if path.relative_to(root).parts[0] not in ("locks", "used", "index")
    }


def refused(path: Path, into: Path, *words: str, error: type = PackRefused) -> None:
    """Neither checked nor imported, and nothing is left behind."""
    lab = lab_at(into)
    before = tree(into)
    with pytest.raises(error) as problem:
        lab.import_pack(path)
    says(problem, *words)
    assert tree(into) == before
    assert not list((into / "locks").glob("*"))
    assert lab.store.listing() == {}
    if error is PackRefused:
        with pytest.raises(PackRefused):
            lab.check_pack(path)


# --- there and back


def test_pack_when_imported_into_an_empty_store_gives_every_result_back(made: Lab, tmp_path: Path) -> None:
    path = tmp_path / "all.tunescope"
    packed = made.export_pack([key_of(spec) for spec in SPECS], path, title="All of it")
    assert {one.key for one in packed.artifacts} == {key_of(spec) for spec in SPECS}
    lab = lab_at(tmp_path / "cache")
    steps: list[tuple[int, int]] = []
    done = lab.import_pack(path, lambda at, total, _: steps.append((at, total)))
    assert set(done.new) == {key_of(spec) for spec in SPECS}
    assert done.kept == ()
    assert steps[-1] == (packed.n_bytes, packed.n_bytes)
    for spec in SPECS:
        assert_same(lab.peek(spec), made.peek(spec))
    assert {held["imported"] for held in lab.store.listing().values()} == {"All of it"}
    assert [one.ref for one in lab.checkpoints() if one.id == key_of(TUNE)[:10]] == [TUNE]
    assert lab.verify() == ()
    assert all(step.is_guess for step in lab.plan(BASE.replace(sample=Sample(of=Suite(), n=5))))  # others' seconds
    assert not (tmp_path / "cache" / "incoming").exists()

    before = tree(tmp_path / "cache")
    again = lab.import_pack(path)
    assert again.new == ()
    assert set(again.kept) == {key_of(spec) for spec in SPECS}
    assert tree(tmp_path / "cache") == before
    # What was imported can be handed on, and is the same again.
    further = lab_at(tmp_path / "further")
    lab.export_pack([key_of(BASE)], tmp_path / "next.tunescope", title="Next")
    further.import_pack(tmp_path / "next.tunescope")
    assert_same(further.peek(BASE), made.peek(BASE))


def test_import_never_replaces_what_is_there(made: Lab, good: Path, tmp_path: Path) -> None:
    shutil.copytree(made.store.folder(BASE), tmp_path / "cache" / EMBED)
    lab = lab_at(tmp_path / "cache")
    changed = (lab.store.folder(BASE) / MANIFEST).stat().st_mtime_ns
    done = lab.import_pack(good)
    assert done.kept == (key_of(BASE),)
    assert done.new == (key_of(FEW[1]),)
    assert (lab.store.folder(BASE) / MANIFEST).stat().st_mtime_ns == changed


def test_import_leaves_what_a_job_is_writing(good: Path, tmp_path: Path) -> None:
    lab = lab_at(tmp_path / "cache")
    with lab.store.writing(BASE) as folder:
        (folder / "layers.00.npy").write_bytes(b"half")
        assert lab.import_pack(good).kept == (key_of(BASE),)
        assert (folder / "layers.00.npy").read_bytes() == b"half"
    assert lab.import_pack(good).new == (key_of(BASE),)
    assert lab.peek(BASE) is not None


def test_pack_holds_no_place_of_its_makers_machine(made: Lab, tmp_path: Path) -> None:
    (tmp_path / "secret-folder").mkdir()
    (tmp_path / "secret-folder" / "mine.tsv").write_text("\n".join(f"sentence {i} here" for i in range(30)))
    spec = Embed(checkpoint=Packaged(), sample=Sample(of=TableFile.at(tmp_path / "secret-folder" / "mine.tsv"), n=5))
    lab = lab_at(tmp_path / "cache")
    lab.run(spec)
    path = tmp_path / "mine.tunescope"
    lab.export_pack([key_of(spec)], path, title="Mine")
    with zipfile.ZipFile(path) as pack:
        text = b"".join(pack.read(name) for name in pack.namelist() if name.endswith(".json"))
    assert b"secret-folder" not in text
    assert b"mine.tsv" in text
    other = lab_at(tmp_path / "other")
    other.import_pack(path)
    assert_same(other.peek(spec), lab.peek(spec))  # where a file lies is no part of its key
    assert "mine.tsv" in other.kept()[0].text


def test_export_writes_all_or_nothing(made: Lab, tmp_path: Path) -> None:
    shutil.copytree(made.store.root, tmp_path / "cache")
    lab = lab_at(tmp_path / "cache")
    target = tmp_path / "out" / "x.tunescope"
    target.parent.mkdir()
    target.write_bytes(b"before")
    flip(lab.store.folder(BASE) / "layers.03.npy")
    with pytest.raises(ArtifactDamaged) as problem:
        lab.export_pack([key_of(BASE)], target, title="x")
    says(problem, "layers.03.npy")
    with pytest.raises(SpecInvalid):
        lab.export_pack([], target, title="x")
    with pytest.raises(SpecInvalid):
        lab.export_pack(["0" * 40], target, title="x")
    with pytest.raises(StoreUnusable) as unwritable:
        lab.export_pack([key_of(SENTENCES) if lab.peek(SENTENCES) else key_of(TUNE)], tmp_path / "no" / "x", title="x")
    says(unwritable, str(tmp_path / "no"))
    assert target.read_bytes() == b"before"
    assert os.listdir(target.parent) == ["x.tunescope"]


def test_what_shrinks_beyond_the_bound_is_packed_so_that_it_can_be_imported(tmp_path: Path) -> None:
    lab = lab_at(tmp_path / "cache")
    held = lab.run(BASE)
    with lab.store.writing(BASE):
        zeros = tuple(np.zeros((8000, 384), dtype=np.float16) for _ in held.layers)
        lab.store.save(BASE, type(held)(**{**vars(held), "layers": zeros}), seconds=1.0, device="cpu")
    lab.export_pack([key_of(BASE)], tmp_path / "flat.tunescope", title="Flat")
    other = lab_at(tmp_path / "other")
    other.import_pack(tmp_path / "flat.tunescope")
    assert other.peek(BASE).layers[0].shape == (8000, 384)


# --- hostile packs, each built for real


def entries_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as pack:
        return {name: pack.read(name) for name in pack.namelist()}


def zipped(path: Path, entries: list[tuple[str | zipfile.ZipInfo, bytes]], method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", method) as pack:
        for name, data in entries:
            pack.writestr(name, data)


def relisted(entries: dict[str, bytes], name: str, data: bytes) -> dict[str, bytes]:
    """The pack with one file changed and every list and checksum made to fit, as a careful forger would."""
    changed = entries | {name: data}
    folder, file = "/".join(name.split("/")[:3]), "/".join(name.split("/")[3:])
    if file != MANIFEST:
        manifest = json.loads(changed[f"{folder}/{MANIFEST}"])
        manifest["files"][file] = {"bytes": len(data), "crc32": zlib.crc32(data)}
        changed[f"{folder}/{MANIFEST}"] = json.dumps(manifest).encode()
    contents = json.loads(changed["pack.json"])
    for row in contents["artifacts"]:
        if row["key"] == folder.split("/")[2]:
            for inside in {file, MANIFEST}:
                data = changed[f"{folder}/{inside}"]
                row["files"][inside] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    changed["pack.json"] = json.dumps(contents).encode()
    return changed


def edited(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    """The pack with its list changed."""

    def make(entries: dict[str, bytes]) -> dict[str, bytes]:
        contents = json.loads(entries["pack.json"])
        change(contents)
        return entries | {"pack.json": json.dumps(contents).encode()}

    return make


def pickled_array(marker: Path) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([Bomb(marker)], dtype=object), allow_pickle=True)
    return stream.getvalue()


def swelling_table() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    pq.write_table(pa.table({"a": pa.array(np.zeros(300_000_000, dtype=np.int8))}), stream, compression="zstd")
    return stream.getvalue()


def odd_entry(
    name: str, *, mode: int = 0, data: bytes = b"{}", extra: bytes = b""
) -> Callable[[dict[str, bytes], Path], None]:
    """The pack with one more entry."""

    def make(entries: dict[str, bytes], path: Path) -> None:
        info = zipfile.ZipInfo(name)
        info.external_attr, info.extra, info.create_system = mode << 16, extra, 3
        info.compress_type = zipfile.ZIP_DEFLATED
        zipped(path, [*entries.items(), (info, data)])

    return make


def _deep(contents: dict[str, Any]) -> None:
    nested: Any = []
    for _ in range(60):
        nested = [nested]
    contents["more"] = nested


def _forge_key(contents: dict[str, Any]) -> None:
    contents["artifacts"][0]["spec"]["sample"]["n"] = 61


HOSTILE: dict[str, tuple[Any, str]] = {
    "zip slip": (odd_entry(f"{EMBED}/../../../../evil.json"), "leads out"),
    "slip at once": (odd_entry("../evil.json"), "leads out"),
    "absolute path": (odd_entry("/tmp/evil.json"), "absolute"),
    "drive letter": (odd_entry("C:/evil.json"), "absolute"),
    "backslashes": (odd_entry("artifacts\\..\\evil.json"), "backslash"),
    "link": (odd_entry(f"{EMBED}/link.json", mode=0o120777, data=b"/etc/passwd"), "link"),
    "device": (odd_entry(f"{EMBED}/null.json", mode=0o020666), "device"),
    "folder": (odd_entry(f"{EMBED}/folder/"), "no file that packs carry"),
    "pickle file": (odd_entry(f"{EMBED}/more.pkl", data=pickle.dumps({})), "no file that packs carry"),
    "weights as pickle": (odd_entry(f"{EMBED}/pytorch_model.bin", data=b"x"), "no file that packs carry"),
    "code": (odd_entry(f"{EMBED}/modeling.py", data=b"print(1)"), "no file that packs carry"),
    "hidden file": (odd_entry(f"{EMBED}/.hidden.json"), "no file that packs carry"),
    "file beside": (odd_entry("readme.txt", data=b"hello"), "no file that packs carry"),
    "not listed": (odd_entry(f"{EMBED}/more.json"), "not on its list"),
    "something beside the content": (odd_entry(f"{EMBED}/more.json", extra=b"\x99\x99\x02\x00ab"), "beside its content"),
    "same name in capitals": (odd_entry(f"{EMBED}/WORD.npy"), "twice"),
    "long name": (odd_entry(f"{EMBED}/{'x' * 400}.json"), "too long"),
    "bomb": (odd_entry(f"{EMBED}/zeros.txt", data=bytes(50_000_000)), "swell"),
    "list too large": (lambda e: e | {"pack.json": e["pack.json"] + b" " * 9_000_000}, "too large"),
    "list nested": (edited(_deep), "nested"),
    "list nested to death": (lambda e: e | {"pack.json": b"[" * 200_000 + b"]" * 200_000}, "nested"),
    "list is no JSON": (lambda e: e | {"pack.json": b"{"}, "no JSON"),
    "list has a name twice": (lambda e: e | {"pack.json": b'{"format": 1,' + e["pack.json"][1:]}, "twice"),
    "no list": (lambda e: {name: data for name, data in e.items() if name != "pack.json"}, "no pack.json"),
    "other format": (edited(lambda c: c.update(format=99)), "format"),
    "nothing in it": (edited(lambda c: c.update(artifacts=[])), "list"),
    "title of another kind": (edited(lambda c: c.update(title=["x"])), "list"),
    "negative size": (edited(lambda c: c["artifacts"][0]["files"]["word.npy"].update(bytes=-1)), "list"),
    "size not as listed": (edited(lambda c: c["artifacts"][0]["files"]["word.npy"].update(bytes=7)), "listed are 7"),
    "listed but not there": (lambda e: {n: d for n, d in e.items() if not n.endswith("word.npy")}, "not there"),
    "forged SHA-256": (edited(lambda c: c["artifacts"][0]["files"]["word.npy"].update(sha256="0" * 64)), "SHA-256"),
    "unknown kind": (edited(lambda c: c["artifacts"][0]["spec"].update(kind="os.system")), "No such kind"),
    "kind that is no result": (edited(lambda c: c["artifacts"][0].update(spec=to_json(Packaged()))), "no result"),
    "spec of another key": (edited(_forge_key), "something else"),
    "spec with a place": (
        edited(lambda c: c["artifacts"][0].update(spec=to_json(
            Embed(checkpoint=Folder(digest="0" * 64, path="/etc"), sample=BASE.sample)
        ))), "place on a machine"),
    "other version": (edited(lambda c: c["artifacts"][0]["spec"].update(version=99)), "version"),
    "forged CRC in the manifest": (
        lambda e: relisted(e, f"{EMBED}/{MANIFEST}", e[f"{EMBED}/{MANIFEST}"].replace(b'"crc32": ', b'"crc32": 1')),
        "its own description lists"),
    "manifest of another spec": (
        lambda e: relisted(e, f"{EMBED}/{MANIFEST}", e[f"{EMBED}/{MANIFEST}"].replace(b'"n": 60', b'"n": 61')),
        "something else"),
    "manifest lacks parts": (lambda e: relisted(e, f"{EMBED}/{MANIFEST}", b"{}"), "lacks parts"),
    "array cut short": (lambda e: relisted(e, f"{EMBED}/word.npy", e[f"{EMBED}/word.npy"][:-8]), "header says"),
    "array that is none": (lambda e: relisted(e, f"{EMBED}/word.npy", b"\x80\x04N."), ".npy"),
    "shape to swell": (
        lambda e: relisted(e, f"{EMBED}/word.npy", e[f"{EMBED}/word.npy"].replace(b"'shape': (", b"'shape': (9")),
        "header says"),
    "results that do not read": (
        lambda e: relisted(e, f"{EMBED}/{MANIFEST}", _without_values(e[f"{EMBED}/{MANIFEST}"])), "cannot be read"),
    "JSON that names code": (
        lambda e: relisted(e, f"{EMBED}/config.json", b'{"auto_map": {"AutoModel": "modeling.Evil"}}'), "names code"),
    "JSON that is none": (lambda e: relisted(e, f"{EMBED}/config.json", b"import os"), "no JSON"),
    "text that is none": (lambda e: relisted(e, f"{EMBED}/vocab.txt", b"\xff\xfe\x00"), "no sound .txt"),
    "weights that are pickle": (
        lambda e: relisted(e, f"{EMBED}/model.safetensors", pickle.dumps({"a": 1}) + bytes(20)), ".safetensors"),
    "table that is none": (lambda e: relisted(e, f"{EMBED}/more.parquet", b"PAR1PAR1"), ".parquet"),
    "table to swell": (lambda e: relisted(e, f"{EMBED}/more.parquet", swelling_table()), "swell"),
    "name that is a link": (edited(lambda c: c["artifacts"][0]["spec"].update(unit="![x](http://evil)")), "does not compute"),
}  # fmt: skip


def _without_values(text: bytes) -> bytes:
    return json.dumps(json.loads(text) | {"values": {}}).encode()


@pytest.mark.parametrize("harm", HOSTILE)
def test_hostile_pack_is_refused_and_nothing_is_written(good: Path, tmp_path: Path, harm: str) -> None:
    make, words = HOSTILE[harm]
    path = tmp_path / "hostile.tunescope"
    entries = entries_of(good)
    if make.__code__.co_argcount == 2:
        make(entries, path)
    else:
        zipped(path, list(make(entries).items()))
    if harm == "results that do not read":  # only an import, which knows the classes of results, can tell
        with pytest.raises(PackRefused, match=words):
            lab_at(tmp_path / "cache").import_pack(path)
        assert lab_at(tmp_path / "cache").store.listing() == {}
        return
    refused(path, tmp_path / "cache", words)
    assert not list(tmp_path.rglob("evil*"))


def test_the_forger_s_tools_make_a_sound_pack(good: Path, tmp_path: Path) -> None:
    """The hostile packs are refused for their harm, not for how they were built."""
    entries = entries_of(good)
    path = tmp_path / "same.tunescope"
    zipped(path, list(relisted(entries, f"{EMBED}/word.npy", entries[f"{EMBED}/word.npy"]).items()))
    assert len(lab_at(tmp_path / "cache").import_pack(path).new) == 2


def test_pickle_in_an_array_is_refused_and_not_run(good: Path, tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", tmp_path / "hostile.tunescope"
    zipped(path, list(relisted(entries_of(good), f"{EMBED}/word.npy", pickled_array(marker)).items()))
    refused(path, tmp_path / "cache", "word.npy", "Python objects")
    assert not marker.exists()


def patched(path: Path, signature: bytes, offset: int, value: bytes) -> None:
    """Change bytes of the last header of a sort."""
    data = bytearray(path.read_bytes())
    at = data.rindex(signature) + offset
    data[at : at + len(value)] = value
    path.write_bytes(data)


def overlapping(path: Path) -> None:
    """Two directory entries over the same bytes, as in bombs that need no nesting."""
    data = bytearray(path.read_bytes())
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 4)
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    path.write_bytes(data)


RAW: dict[str, tuple[Callable[[Path], Any], str]] = {
    "cut off": (cut, "cut off"),
    "half": (lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]), "cut off"),
    "empty": (lambda p: p.write_bytes(b""), "not a pack"),
    "no zip": (lambda p: p.write_bytes(b"some text, not a zip file at all"), "not a pack"),
    "pickle": (lambda p: p.write_bytes(pickle.dumps({"a": 1})), "not a pack"),
    "program in front": (lambda p: p.write_bytes(b"#!/bin/sh\nexit\n" + p.read_bytes()), "pack"),
    "zip with something in front": (lambda p: p.write_bytes(b"PK\x03\x04evil" + p.read_bytes()), "hidden"),
    "something behind": (lambda p: p.write_bytes(p.read_bytes() + b"evil"), "not a pack"),
    "encrypted": (lambda p: patched(p, b"PK\x01\x02", 8, b"\x01\x00"), "encrypted"),
    "unknown compression": (lambda p: patched(p, b"PK\x01\x02", 10, b"\x0e\x00"), "a way that packs do not use"),
    "size that lies": (lambda p: patched(p, b"PK\x01\x02", 24, b"\x01\x00\x00\x00"), "two different ways"),
    "local name that lies": (lambda p: patched(p, b"PK\x03\x04", 30, b"evil"), "two different ways"),
    "entries that overlap": (overlapping, "overlaps"),
    "directory elsewhere": (lambda p: patched(p, b"PK\x05\x06", 16, b"\x00\x00\x00\x00"), "hidden"),
    "more entries than it has": (lambda p: patched(p, b"PK\x05\x06", 8, b"\xff\xff\xff\xff"), "entries"),
    "flipped byte": (lambda p: patched(p, b"PK\x03\x04", 60, b"\x00\x00\x00\x00"), "damaged"),
}


@pytest.mark.parametrize("harm", RAW)
def test_file_that_is_no_sound_zip_is_refused(good: Path, tmp_path: Path, harm: str) -> None:
    path = tmp_path / "hostile.tunescope"
    shutil.copy(good, path)
    make, words = RAW[harm]
    make(path)
    refused(path, tmp_path / "cache", words)


def test_sizes_that_lie_alike_in_both_places_are_refused(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "hostile.tunescope"
    shutil.copy(good, path)
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.rindex(signature) + offset
        (size,) = struct.unpack("<L", data[at : at + 4])
        data[at : at + 4] = struct.pack("<L", size + 1)
    path.write_bytes(data)
    refused(path, tmp_path / "cache", "damaged")


def test_too_many_entries_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "many.tunescope"
    zipped(path, [(f"{EMBED}/{i}.txt", b"") for i in range(inspection.MOST_ENTRIES + 1)], zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[4:-10_000] = bytes(len(data) - 10_004)  # whoever reads an entry finds nothing there
    path.write_bytes(data)
    refused(path, tmp_path / "cache", "entries")


@pytest.mark.parametrize("place", ["nowhere.tunescope", "."])
def test_no_such_file_is_named(tmp_path: Path, place: str) -> None:
    refused(tmp_path / place, tmp_path / "cache", "Check the path")


# --- a full disk


@pytest.fixture(name="small_disk")
def a_small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 600 KB."""
    with small_disk(tmp_path / "small", "600k") as place:
        yield place


def test_disk_when_too_small_is_a_message_and_leaves_nothing(good: Path, small_disk: Path) -> None:
    refused(good, small_disk / "cache", "are free", "Free space", error=StoreUnusable)


def test_disk_when_it_fills_under_way_is_a_message_and_leaves_nothing(
    good: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = lab_at(small_disk / "cache")
    lab.store.listing()

    def fill(done: int, total: int, note: str) -> None:
        """Somebody else takes the room while the import runs."""
        if done > total / 3 and not (small_disk / "other").exists():
            with (small_disk / "other").open("wb", buffering=0) as stream:
                try:
                    while stream.write(bytes(1024)):
                        pass
                except OSError:
                    return

    small = small_disk.parent / "tiny.tunescope"
    maker = lab_at(small_disk.parent / "maker")
    spec = BASE.replace(sample=Sample(of=Suite(split="dev"), n=5))
    maker.run(spec)
    maker.export_pack([key_of(spec)], small, title="Tiny")
    before = tree(small_disk / "cache")
    with pytest.raises(StoreUnusable) as problem:
        lab.import_pack(small, fill)
    says(problem, "No space left", "Free space")
    assert tree(small_disk / "cache") == before
    (small_disk / "other").unlink()
    assert lab.import_pack(small).new == (key_of(spec),)
    assert_same(lab.peek(spec), maker.peek(spec))


LIMITED = """
import resource, sys
from pathlib import Path
from core.errors import StoreUnusable
from tests.unit.test_store import lab_at
lab = lab_at(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, resource.RLIM_INFINITY))
try:
    lab.import_pack(Path(sys.argv[2]))
except StoreUnusable as problem:
    print(problem)
"""


def test_import_when_files_cannot_grow_is_a_message_and_leaves_nothing(good: Path, tmp_path: Path) -> None:
    done = python("-c", LIMITED, str(tmp_path / "cache"), str(good))
    assert done.returncode == 0, done.stderr
    assert "File too large" in done.stdout
    assert "nothing of it was kept" in done.stdout
    lab = lab_at(tmp_path / "cache")
    assert lab.store.listing() == {}
    assert not (tmp_path / "cache" / "incoming").exists()
    assert len(lab.import_pack(good).new) == 2


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.unit.test_store import lab_at
def die(done, total, note):
    if done:
        os.kill(os.getpid(), signal.SIGKILL)
lab_at(Path(sys.argv[1])).import_pack(Path(sys.argv[2]), die)
"""


def test_import_when_killed_leaves_nothing_but_what_the_next_clears(good: Path, tmp_path: Path) -> None:
    assert python("-c", KILLED, str(tmp_path / "cache"), str(good)).returncode == -9
    lab = lab_at(tmp_path / "cache")
    assert lab.store.listing() == {}
    assert "an import that was cut off" in [left.what for left in lab.leftovers()]
    assert len(lab.import_pack(good).new) == 2
    assert lab.leftovers() == []


# --- packs that come with the program


@pytest.fixture
def shipped(good: Path, tmp_path: Path) -> Settings:
    """A program with one pack."""
    (tmp_path / "shipped").mkdir()
    shutil.copy(good, tmp_path / "shipped" / "demo.zip")
    return Settings(cache=tmp_path / "cache", packs=tmp_path / "shipped", device="cpu")


def test_shipped_pack_is_there_at_once_and_untouched_by_deleting(made: Lab, shipped: Settings) -> None:
    lab = Lab(Store(shipped), engine="none")
    for spec in FEW:
        assert lab.store.has(spec)
        assert lab.store.has_key(key_of(spec))
        assert_same(lab.peek(spec), made.peek(spec))
        assert lab.status(key_of(spec)).state == "done"
    assert lab.plan(FEW[1]) == []
    listing = lab.store.listing()
    assert {held["pack"] for held in listing.values()} == {"Good"}
    assert all(row.is_shipped and row.pack == "Good" for row in lab.kept())
    assert lab.eviction(0, runs=True) == ()
    assert lab.delete(list(listing)).keys == ()
    lab.discard(BASE)
    assert lab.peek(BASE) is not None
    assert lab.disk().own == 0
    assert lab.disk().shipped > 0
    assert lab.leftovers() == []
    assert not (shipped.cache / "artifacts").exists()


def test_own_result_comes_before_the_pack_s(shipped: Settings, made: Lab) -> None:
    shutil.copytree(made.store.folder(BASE), shipped.cache / EMBED)
    lab = Lab(Store(shipped), engine="none")
    assert lab.store.folder(BASE) == shipped.cache / EMBED
    assert "pack" not in lab.store.listing()[key_of(BASE)]
    lab.delete([key_of(BASE)])
    assert lab.store.listing()[key_of(BASE)]["pack"] == "Good"


def test_shipped_pack_is_unpacked_once(shipped: Settings) -> None:
    (first,) = Store(shipped).shelf.folders()
    inode = first.stat().st_ino
    assert Store(shipped).shelf.folders() == [first]
    assert first.stat().st_ino == inode


@pytest.mark.parametrize("name", ["word.npy", MANIFEST])
def test_shipped_result_when_damaged_on_disk_is_unpacked_again(shipped: Settings, made: Lab, name: str) -> None:
    lab = Lab(Store(shipped), engine="none")
    cut(lab.store.folder(BASE) / name)
    fresh = Lab(Store(shipped), engine="none")
    if name == MANIFEST:  # then the whole pack is unpacked again at the first look
        assert_same(fresh.peek(BASE), made.peek(BASE))
        assert fresh.verify() == ()
        assert fresh.store.shelf.problems == []
        return
    assert [(damage.key, damage.pack) for damage in fresh.verify()] == [(key_of(BASE), "Good")]
    with pytest.raises(ArtifactDamaged):
        fresh.peek(BASE)
    fresh.delete([key_of(BASE)])
    assert fresh.verify() == ()
    assert_same(fresh.peek(BASE), made.peek(BASE))


def test_shipped_pack_when_hostile_is_named_and_left_out(shipped: Settings, good: Path) -> None:
    assert shipped.packs is not None
    cut(shipped.packs / "demo.zip")
    zipped(shipped.packs / "evil.tunescope", [("../evil.json", b"{}")])
    lab = Lab(Store(shipped), engine="none")
    assert lab.store.listing() == {}
    assert len(lab.store.shelf.problems) == 2
    assert not list(shipped.cache.rglob("evil*"))
    shutil.copy(good, shipped.packs / "demo.zip")
    assert len(Lab(Store(shipped), engine="none").store.listing()) == 2


def test_shipped_pack_when_replaced_leaves_the_old_one_to_be_cleared(shipped: Settings, made: Lab) -> None:
    assert shipped.packs is not None
    (old,) = Store(shipped).shelf.folders()
    made.export_pack([key_of(BASE)], shipped.packs / "demo.zip", title="New")
    os.utime(old, (0, 0))
    lab = Lab(Store(shipped), engine="none")
    assert set(lab.store.listing()) == {key_of(BASE)}
    assert [left.path for left in lab.leftovers()] == [old]
    assert lab.clear_leftovers() > 0
    assert not old.exists()
    assert lab.peek(BASE) is not None


def test_setting_says_where_packs_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for value, expected in (("none", None), ("", None), (str(tmp_path), tmp_path)):
        monkeypatch.setenv("TUNESCOPE_PACKS", value)
        assert Settings.from_environment().packs == expected
    monkeypatch.delenv("TUNESCOPE_PACKS")
    packs_folder = Settings.from_environment().packs
    assert packs_folder is not None
    assert packs_folder.parts[-2:] == ("cache", "packs")


# --- the command line


def test_commands_export_check_and_import(made: Lab, tmp_path: Path) -> None:
    def core(*words: str, cache: Path) -> tuple[int, str, str]:
        done = python("-m", "core", "cache", *words, cache=cache)
        return done.returncode, done.stdout, done.stderr

    shutil.copytree(made.store.root, tmp_path / "one")
    path, probe = tmp_path / "x.tunescope", key_of(FEW[1])
    status, out, err = core("export", str(path), probe[:10], "--title", "By hand", cache=tmp_path / "one")
    assert (status, err) == (0, "")
    assert out.startswith("2 results")
    assert core("import", str(path), cache=tmp_path / "two")[:2] == (0, "By hand: 2 new, 0 were there\n")
    status, out, _ = core("list", cache=tmp_path / "two")
    assert status == 0
    assert out.count("from By hand") == 2
    assert core("verify", cache=tmp_path / "two")[:2] == (0, "all as they were written\n")
    flip(tmp_path / "two" / EMBED / "layers.01.npy")
    status, out, err = core("verify", cache=tmp_path / "two")
    assert (status, out) == (1, "1 damaged\n")
    assert "layers.01.npy" in err
    cut(path)
    status, out, err = core("import", str(path), cache=tmp_path / "three")
    assert (status, out) == (1, "")
    assert err.startswith("PackRefused: Opening the pack x.tunescope.")
    assert core("evict", "rubbish", cache=tmp_path / "two")[0] == 1
    status, out, _ = core("evict", "0", cache=tmp_path / "two")
    assert status == 0
    assert "2 deleted" in out
    assert core("rebuild", cache=tmp_path / "two")[:2] == (0, "0 results in the index\n")


def test_kinds_and_classes_of_every_result_can_be_packed() -> None:
    for spec in SPECS:
        assert isinstance(spec, Spec)
        assert result_class(spec) is not None
