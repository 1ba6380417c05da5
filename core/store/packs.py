"""Packs: artifacts in one checked file, to hand on. No code, no pickle; what is odd about one is refused, all of it.

A pack is a zip of a strict form: `pack.json` (title, the spec, key and files of each artifact, with SHA-256) and
`artifacts/KIND/KEY/FILE`, entries end to end with nothing between, before or behind them. Any zip program opens it; the
suffix is `.tunescope`, because some browsers unpack a downloaded `.zip` by themselves. Where a data file or checkpoint
lay on the maker's machine is left out.
"""

import hashlib
import io
import json
import os
import shutil
import time
import uuid
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from core.errors import SpecInvalid, StoreUnusable
from core.keys import Result, Spec, key_of, to_json
from core.store.codec import read_result
from core.store.inspection import (
    CONTENTS,
    DO,
    FORMAT,
    MOST_BYTES,
    MOST_NAME,
    NAME,
    SUFFIXES,
    OnStep,
    PackContents,
    checked_contents,
    contents_of,
    entry_name,
    inspected,
    is_dense,
    opened,
    placeless,
    refused,
)
from core.store.manifest import MANIFEST, verify_files

if TYPE_CHECKING:
    from core.store.artifacts import Store

SUFFIX = ".tunescope"


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What became of an import."""

    contents: PackContents
    new: tuple[str, ...]
    """Keys that were not there before."""
    kept: tuple[str, ...]
    """Keys that were there, or are being computed: left as they are."""


def write_pack(
    store: "Store",
    specs: Sequence[Spec],
    path: Path | BinaryIO,
    *,
    title: str,
    names: Mapping[str, str] | None = None,
    on_step: OnStep | None = None,
) -> PackContents:
    """Write stored artifacts into one file; an existing file is replaced only by a complete one.

    Args:
        store: where they are.
        specs: exactly these, without what they were computed from.
        path: the file, or an open one.
        title: for people.
        names: how artifacts are called on screen, by key.
        on_step: told bytes done, bytes in all and a note.

    Raises:
        ArtifactDamaged: one of them is not as it was written.
        SpecInvalid: one is not stored, nothing was chosen, or it does not fit into a pack.
        StoreUnusable: the file cannot be written.
    """
    wanted = {key_of(spec): spec for spec in specs}
    manifests = _packable(store, wanted)
    total = sum(entry["bytes"] for manifest in manifests.values() for entry in manifest["files"].values())
    contents: dict[str, Any] = {
        "format": FORMAT,
        "title": title.strip()[:MOST_NAME] or "Tunescope pack",
        "created": time.time(),
        "artifacts": [
            {
                "kind": spec.kind,
                "key": key,
                "name": (names or {}).get(key, spec.title or spec.kind)[:MOST_NAME],
                "spec": to_json(placeless(spec)),
                "files": {},
            }
            for key, spec in wanted.items()
        ],
    }
    if not isinstance(path, Path):
        return _written(store, wanted, manifests, contents, path, total, on_step)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        with beside.open("wb+") as stream:
            found = _written(store, wanted, manifests, contents, stream, total, on_step)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError as error:
        raise StoreUnusable(
            f"Writing the pack {path}.", f"The system answered: {error.strerror or error}.", "Choose another place."
        ) from error
    finally:
        beside.unlink(missing_ok=True)
    return found


def _packable(store: "Store", wanted: Mapping[str, Spec]) -> dict[str, dict[str, Any]]:
    """The manifests of stored artifacts by key, once it is sure that all of them are whole and fit into a pack."""
    if not wanted:
        raise SpecInvalid("Packing results.", "None was chosen.", "Choose at least one.")
    asked, manifests, total = f"Packing {len(wanted)} results.", {}, 0
    for key, spec in wanted.items():
        if not store.has(spec):
            raise SpecInvalid(asked, f"The {spec.kind} result {key[:12]} is not stored.", "Compute it first.")
        manifests[key] = store.manifest(spec)
        verify_files(store.folder(spec), manifests[key]["files"])
        for file, entry in manifests[key]["files"].items():
            total += entry["bytes"]
            if not NAME.fullmatch(entry_name(spec.kind, key, file)) or Path(file).suffix not in SUFFIXES:
                raise SpecInvalid(
                    asked,
                    f"The {spec.kind} result {key[:12]} holds a file {file}, which packs do not carry.",
                    "Leave it out.",
                )
    if total > MOST_BYTES * 0.95:
        raise SpecInvalid(
            asked,
            f"They are {total / 1e9:.1f} GB; a pack holds {MOST_BYTES / 1e9:.0f} GB.",
            "Choose fewer, or leave checkpoints out.",
        )
    return manifests


def _written(
    store: "Store",
    wanted: Mapping[str, Spec],
    manifests: Mapping[str, dict[str, Any]],
    contents: dict[str, Any],
    stream: IO[bytes],
    total: int,
    on_step: OnStep | None,
) -> PackContents:
    flat: set[str] = set()
    while True:
        stream.seek(0)
        stream.truncate()
        done = 0
        with zipfile.ZipFile(stream, "w", allowZip64=False) as pack:
            for row in contents["artifacts"]:
                spec = wanted[row["key"]]
                folder = store.folder(spec)
                described = {name: part for name, part in manifests[row["key"]].items() if name != "imported"}
                text = json.dumps(described | {"spec": row["spec"]}, indent=1, ensure_ascii=False).encode()
                for file in sorted(described["files"]):
                    if on_step is not None:
                        on_step(done, total, row["name"])
                    name = entry_name(row["kind"], row["key"], file)
                    row["files"][file] = _add(pack, name, folder / file, name in flat)
                    done += described["files"][file]["bytes"]
                row["files"][MANIFEST] = _add(pack, entry_name(row["kind"], row["key"], MANIFEST), text, False)
            _add(pack, CONTENTS, json.dumps(contents, ensure_ascii=False).encode(), False)
            dense = {info.filename for info in pack.infolist() if is_dense(info)}
        if not dense:
            return contents_of(contents, "Packing results.")
        flat |= dense


def _add(pack: zipfile.ZipFile, name: str, source: Path | bytes, is_flat: bool) -> dict[str, Any]:
    # One fixed date: the same results make the same entries.
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_STORED if is_flat else zipfile.ZIP_DEFLATED
    digest, size = hashlib.sha256(), 0
    with (
        source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as reading,
        pack.open(info, "w") as entry,
    ):
        while chunk := reading.read(1 << 20):
            digest.update(chunk)
            size += len(chunk)
            entry.write(chunk)
    return {"bytes": size, "sha256": digest.hexdigest()}


def read_contents(path: Path | BinaryIO) -> PackContents:
    """What a pack says it holds, its form checked but not its files; milliseconds.

    Raises:
        PackRefused: it is not of the strict form.
    """
    with opened(path) as (pack, asked):
        return checked_contents(pack, asked)[0]


def check_pack(path: Path | BinaryIO, *, on_step: OnStep | None = None) -> PackContents:
    """Check every file of a pack against its list, without writing anything.

    Raises:
        PackRefused: anything about it is odd.
    """
    with opened(path) as (pack, asked):
        return inspected(pack, asked, None, on_step)


def unpack(path: Path | BinaryIO, into: Path, *, on_step: OnStep | None = None) -> PackContents:
    """Check a pack while writing its artifacts into an empty folder of the caller's, who clears it away on any error.

    Raises:
        PackRefused: anything about it is odd.
        OSError: the folder cannot be written.
    """
    with opened(path) as (pack, asked):
        return inspected(pack, asked, into, on_step)


def import_pack(
    path: Path | BinaryIO,
    store: "Store",
    *,
    result_class: Callable[[Spec], type[Result]] | None = None,
    on_step: OnStep | None = None,
) -> Imported:
    """Take over the artifacts of a pack: all of them, or none and an error. What is there already is never replaced.

    Args:
        path: the file, or an open one.
        store: where they go.
        result_class: the class of a spec's result; given, every result is also read once before it is taken over.
        on_step: told bytes done, bytes in all and a note.

    Raises:
        PackRefused: anything about it is odd; nothing was kept.
        StoreUnusable: the cache folder cannot be written, or another import is under way; nothing was kept.
    """
    contents = read_contents(path)
    asked = f"Importing the pack {refused(contents.title, '', '').asked!r}."
    with store.incoming(asked, contents.n_bytes) as place:
        contents = unpack(path, place, on_step=on_step)
        for packed in contents.artifacts:
            folder = place / "artifacts" / packed.kind / packed.key
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            if result_class is not None:
                try:
                    read_result(result_class(packed.spec), manifest["values"], folder)
                except Exception as error:  # whatever a reader trips over, the pack is at fault
                    raise refused(asked, f"Its {packed.kind} result cannot be read: {error!r}.", DO) from error
            manifest["imported"] = contents.title
            (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")
        new = store.adopt(place, [(packed.kind, packed.key) for packed in contents.artifacts])
    kept = tuple(packed.key for packed in contents.artifacts if packed.key not in new)
    return Imported(contents=contents, new=new, kept=kept)


def clear(folder: Path) -> None:
    """Delete a folder, and the one around it where that is empty then."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.parent.rmdir()
    except OSError:
        return


def fresh_name() -> str:
    """A name that nobody else uses."""
    return f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
