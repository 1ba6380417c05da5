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
import re
import shutil
import struct
import time
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import numpy as np

from core.errors import PackRefused, SpecInvalid, StoreUnusable
from core.keys import Described, Result, Spec, from_json, key_of, to_json
from core.store.codec import read_result
from core.store.manifest import MANIFEST, is_manifest, verify_files

if TYPE_CHECKING:
    from core.store.artifacts import Store

SUFFIX = ".tunescope"
CONTENTS = "pack.json"
FORMAT = 1

MOST_BYTES = 2_000_000_000
"""Unpacked; more would need the larger zip format, whose odd corners are not worth checking."""
MOST_ENTRIES = 20_000
MOST_CONTENTS_BYTES = 8_000_000
MOST_NAME = 240
MOST_DEPTH = 40
"""Of nested JSON."""
MOST_RATIO = 200
"""Unpacked over packed size of a file beyond 1 MB; the writer stores what would shrink more."""
_RATIO_FROM = 1_000_000
_MOST_WHOLE = 256_000_000
"""JSON, text and tables are looked at whole; of arrays and weights only the head."""
_HEAD = 16_000_000
_MOST_CELLS = 200_000_000

_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
_NAME = re.compile(
    rf"artifacts/(?P<kind>[a-z][a-z0-9_.]*)/(?P<key>[0-9a-f]{{40}})/(?P<file>{_PART}(?:/{_PART}){{0,3}})"
)
_SUFFIXES = (".npy", ".parquet", ".safetensors", ".json", ".txt")
_CODE = {"auto_map", "custom_pipelines", "custom_generate", "attn_implementation", "_attn_implementation"}
"""Names in a checkpoint's JSON that lead transformers to code elsewhere."""
_DTYPES = "biufcSU"

OnStep = Callable[[int, int, str], None]


@dataclass(frozen=True, kw_only=True)
class Packed:
    """One artifact in a pack."""

    kind: str
    key: str
    name: str
    """For people."""
    spec: Spec
    files: Mapping[str, tuple[int, str]]
    """(bytes, SHA-256) by name."""

    @property
    def n_bytes(self) -> int:
        """Unpacked."""
        return sum(size for size, _ in self.files.values())


@dataclass(frozen=True, kw_only=True)
class PackContents:
    """What a pack says it holds."""

    title: str
    created: float
    artifacts: tuple[Packed, ...]

    @property
    def n_bytes(self) -> int:
        """Unpacked."""
        return sum(packed.n_bytes for packed in self.artifacts)


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
    asked = f"Packing {len(wanted)} results."
    manifests = {}
    for key, spec in wanted.items():
        if not store.has(spec):
            raise SpecInvalid(asked, f"The {spec.kind} result {key[:12]} is not stored.", "Compute it first.")
        manifests[key] = store.manifest(spec)
        verify_files(store.folder(spec), manifests[key]["files"])
        for file in manifests[key]["files"]:
            if not _NAME.fullmatch(_entry(spec.kind, key, file)) or Path(file).suffix not in _SUFFIXES:
                raise SpecInvalid(
                    asked,
                    f"The {spec.kind} result {key[:12]} holds a file {file}, which packs do not carry.",
                    "Leave it out.",
                )
    total = sum(entry["bytes"] for manifest in manifests.values() for entry in manifest["files"].values())
    if not wanted:
        raise SpecInvalid("Packing results.", "None was chosen.", "Choose at least one.")
    if total > MOST_BYTES * 0.95:
        raise SpecInvalid(
            asked,
            f"They are {total / 1e9:.1f} GB; a pack holds {MOST_BYTES / 1e9:.0f} GB.",
            "Choose fewer, or leave checkpoints out.",
        )
    contents: dict[str, Any] = {
        "format": FORMAT,
        "title": title.strip()[:MOST_NAME] or "Tunescope pack",
        "created": time.time(),
        "artifacts": [
            {
                "kind": spec.kind,
                "key": key,
                "name": (names or {}).get(key, spec.title or spec.kind)[:MOST_NAME],
                "spec": to_json(_placeless(spec)),
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
                    name = _entry(row["kind"], row["key"], file)
                    row["files"][file] = _add(pack, name, folder / file, name in flat)
                    done += described["files"][file]["bytes"]
                row["files"][MANIFEST] = _add(pack, _entry(row["kind"], row["key"], MANIFEST), text, False)
            _add(pack, CONTENTS, json.dumps(contents, ensure_ascii=False).encode(), False)
            dense = {info.filename for info in pack.infolist() if _is_dense(info)}
        if not dense:
            return _contents(contents, "Packing results.")
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
    with _opened(path) as (pack, asked):
        return _checked_contents(pack, asked)[0]


def check_pack(path: Path | BinaryIO, *, on_step: OnStep | None = None) -> PackContents:
    """Check every file of a pack against its list, without writing anything.

    Raises:
        PackRefused: anything about it is odd.
    """
    with _opened(path) as (pack, asked):
        return _inspected(pack, asked, None, on_step)


def unpack(path: Path | BinaryIO, into: Path, *, on_step: OnStep | None = None) -> PackContents:
    """Check a pack while writing its artifacts into an empty folder of the caller's, who clears it away on any error.

    Raises:
        PackRefused: anything about it is odd.
        OSError: the folder cannot be written.
    """
    with _opened(path) as (pack, asked):
        return _inspected(pack, asked, into, on_step)


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
    asked = f"Importing the pack {_refused(contents.title, '', '').asked!r}."
    with store.incoming(asked, contents.n_bytes) as place:
        contents = unpack(path, place, on_step=on_step)
        for packed in contents.artifacts:
            folder = place / "artifacts" / packed.kind / packed.key
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            if result_class is not None:
                try:
                    read_result(result_class(packed.spec), manifest["values"], folder)
                except Exception as error:  # whatever a reader trips over, the pack is at fault
                    raise _refused(asked, f"Its {packed.kind} result cannot be read: {error!r}.", _DO) from error
            manifest["imported"] = contents.title
            (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")
        new = store.adopt(place, [(packed.kind, packed.key) for packed in contents.artifacts])
    kept = tuple(packed.key for packed in contents.artifacts if packed.key not in new)
    return Imported(contents=contents, new=new, kept=kept)


# -- refusing


def _refused(asked: str, found: str, do: str) -> PackRefused:
    """The refusal, its words from the pack made harmless: pages read messages as markdown."""
    plain = str.maketrans({"[": "(", "]": ")", "<": "‹", ">": "›", "`": "'", "\n": " "})
    asked, found = (text.translate(plain).replace("://", ": //") for text in (asked, found))
    return PackRefused(asked, found, do)


_DO = "Ask its maker for a new one; nothing of it was kept."


@contextmanager
def _opened(path: Path | BinaryIO) -> Iterator[tuple[zipfile.ZipFile, str]]:
    """The zip, once its outermost form is right; whatever goes wrong inside is a refusal."""
    name = path.name if isinstance(path, Path) else str(getattr(path, "name", "upload"))
    asked = f"Opening the pack {Path(name).name}."
    try:
        if isinstance(path, Path):
            with path.open("rb") as stream:
                _check_frame(stream, asked)
                with zipfile.ZipFile(stream) as pack:
                    yield pack, asked
        else:
            _check_frame(path, asked)
            with zipfile.ZipFile(path) as pack:
                yield pack, asked
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        if isinstance(path, Path) and error.filename == str(path):
            raise _refused(asked, f"{error.strerror}: {path}.", "Check the path.") from error
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError) as error:
        raise _refused(asked, f"It is damaged: {error}.", _DO) from error


def _check_frame(stream: IO[bytes], asked: str) -> None:
    """Its last 22 bytes end a small enough zip directory that lies right before them."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - 22))
    tail = stream.read(22)
    stream.seek(0)
    if len(tail) < 22 or not tail.startswith(b"PK\x05\x06") or stream.read(4) != b"PK\x03\x04":
        raise _refused(asked, "It is not a pack, or it was cut off.", "Give a whole .tunescope file.")
    _, disk, first, here, entries, n_bytes, offset, comment = struct.unpack("<4s4H2LH", tail)
    if entries > MOST_ENTRIES or n_bytes > MOST_ENTRIES * (MOST_NAME + 64):
        raise _refused(asked, f"It has more than {MOST_ENTRIES:,} entries.", _DO)
    if disk or first or here != entries or comment or offset + n_bytes + 22 != size:
        raise _refused(asked, "Something is hidden in front of, between or behind its entries.", _DO)


def _check_entries(pack: zipfile.ZipFile, asked: str) -> dict[str, zipfile.ZipInfo]:
    """Every entry is a plain file of a plain name, and they lie end to end."""
    found: dict[str, zipfile.ZipInfo] = {}
    seen: set[str] = set()
    end = 0
    if len(pack.infolist()) > MOST_ENTRIES:
        raise _refused(asked, f"It has more than {MOST_ENTRIES:,} entries.", _DO)
    for info in sorted(pack.infolist(), key=lambda info: info.header_offset):
        name = info.orig_filename
        if (oddity := _oddity(info, name)) is not None:
            raise _refused(asked, f"Its entry {name[:80]!r} {oddity}.", _DO)
        if name.casefold() in seen:
            raise _refused(asked, f"Its entry {name[:80]!r} is there twice.", _DO)
        if info.header_offset != end:
            raise _refused(asked, f"Its entry {name[:80]!r} overlaps another, or something is hidden before it.", _DO)
        seen.add(name.casefold())
        found[name] = info
        end = _end_of(pack, info, asked)
    if end != pack.start_dir:
        raise _refused(asked, "Something is hidden behind its entries.", _DO)
    if sum(info.file_size for info in found.values()) > MOST_BYTES:
        raise _refused(asked, f"Unpacked it is larger than {MOST_BYTES / 1e9:.0f} GB.", _DO)
    if CONTENTS not in found:
        raise _refused(asked, f"It has no {CONTENTS}: some other zip file.", "Give a file that Tunescope exported.")
    return found


def _oddity(info: zipfile.ZipInfo, name: str) -> str | None:
    """What is wrong with an entry, in words."""
    mode = info.external_attr >> 16
    if len(name) > MOST_NAME:
        return "has too long a name"
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return "has an absolute path"
    if "\\" in name:
        return "has a backslash in its path"
    if ".." in name.split("/"):
        return "leads out of its folder"
    if name != CONTENTS and (_NAME.fullmatch(name) is None or Path(name).suffix not in _SUFFIXES):
        return f"is no file that packs carry ({', '.join(_SUFFIXES)})"
    if (mode & 0o170000) not in (0, 0o100000) or info.is_dir() or info.external_attr & 0x10:
        return "is a link, a folder or a device, not a file"
    if info.flag_bits & 0x1:
        return "is encrypted"
    if info.flag_bits & ~0x800 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in a way that packs do not use"
    if info.extra or info.comment:
        return "carries something beside its content"
    if name == CONTENTS and info.file_size > MOST_CONTENTS_BYTES:
        return "is too large"
    if _is_dense(info) or (info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size):
        return f"would swell from {info.compress_size:,} to {info.file_size:,} bytes"
    return None


def _is_dense(info: zipfile.ZipInfo) -> bool:
    return info.file_size > _RATIO_FROM and info.file_size > MOST_RATIO * info.compress_size


def _end_of(pack: zipfile.ZipFile, info: zipfile.ZipInfo, asked: str) -> int:
    """Where an entry ends; its own header must say what the directory says."""
    stream = pack.fp
    assert stream is not None
    stream.seek(info.header_offset)
    header = stream.read(30)
    if len(header) == 30 and header.startswith(b"PK\x03\x04"):
        _, _, flags, method, _, _, crc, packed, size, n_name, n_extra = struct.unpack("<4s5H3L2H", header)
        same = (flags, method, crc, packed, size, n_extra) == (
            info.flag_bits,
            info.compress_type,
            info.CRC,
            info.compress_size,
            info.file_size,
            0,
        )
        if same and stream.read(n_name) == info.orig_filename.encode():
            return info.header_offset + 30 + n_name + info.compress_size
    raise _refused(asked, f"Its entry {info.orig_filename[:80]!r} is described in two different ways.", _DO)


def _checked_contents(pack: zipfile.ZipFile, asked: str) -> tuple[PackContents, dict[str, zipfile.ZipInfo]]:
    """The list, and the entries, which must be exactly those that it lists."""
    entries = _check_entries(pack, asked)
    text = pack.read(entries[CONTENTS])
    if len(text) != entries[CONTENTS].file_size:
        raise zipfile.BadZipFile(f"{CONTENTS} ends early")
    contents = _contents(_json(text, CONTENTS, asked), asked)
    listed = {
        _entry(one.kind, one.key, file): size for one in contents.artifacts for file, (size, _) in one.files.items()
    }
    if odd := sorted((entries.keys() - {CONTENTS}) ^ listed.keys()):
        which = "is not on its list" if odd[0] in entries else "is on its list but not there"
        raise _refused(asked, f"{odd[0]!r} {which}.", _DO)
    for name, size in listed.items():
        if entries[name].file_size != size:
            raise _refused(asked, f"{name!r} has {entries[name].file_size:,} bytes, listed are {size:,}.", _DO)
    return contents, entries


def _contents(data: Any, asked: str) -> PackContents:
    """The list of a pack, every part of it checked."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        held = f"Its format is {data.get('format')!r}" if isinstance(data, dict) else "Its list is no JSON object"
        raise _refused(asked, f"{held}; this program reads format {FORMAT}.", "Update Tunescope, or ask for another.")
    try:
        title, created, rows = data["title"], float(data["created"]), data["artifacts"]
        if not isinstance(title, str) or len(title) > MOST_NAME or not isinstance(rows, list) or not rows:
            raise ValueError("title or artifacts")
        found: dict[str, Packed] = {}
        for row in rows:
            files = {name: (entry["bytes"], entry["sha256"]) for name, entry in row["files"].items()}
            if not all(
                type(size) is int and size >= 0 and re.fullmatch("[0-9a-f]{64}", sha) for size, sha in files.values()
            ):
                raise ValueError("files")
            if not isinstance(row["name"], str) or len(row["name"]) > MOST_NAME or MANIFEST not in files:
                raise ValueError("name or files")
            spec = _spec(row["spec"], asked)
            if (row["kind"], row["key"]) != (spec.kind, key_of(spec)):
                raise _refused(asked, f"What it calls {str(row['key'])[:12]} is described as something else.", _DO)
            if row["key"] in found:
                raise ValueError(f"{row['key'][:12]} twice")
            found[row["key"]] = Packed(kind=spec.kind, key=row["key"], name=row["name"], spec=spec, files=files)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _refused(asked, f"Its list is not as it should be: {error!r}.", _DO) from error
    return PackContents(title=title, created=created, artifacts=tuple(found.values()))


def _spec(data: Any, asked: str) -> Spec:
    try:
        spec = from_json(data)
    except SpecInvalid as error:
        raise _refused(
            asked,
            f"It holds what this version does not compute: {error.asked} {error.found}",
            "Update Tunescope, or ask for another.",
        ) from error
    except (TypeError, ValueError, RecursionError, AttributeError) as error:
        raise _refused(asked, f"A description in it is odd: {error!r}.", _DO) from error
    if not isinstance(spec, Spec):
        raise _refused(asked, f"A {getattr(spec, 'kind', '?')} is no result.", _DO)
    if _placeless(spec) is not spec:
        raise _refused(asked, "It names a place on a machine.", _DO)
    if "](" in json.dumps(data):  # names reach pages, which read markdown
        raise _refused(asked, "A name in it holds a link.", _DO)
    return spec


def _inspected(pack: zipfile.ZipFile, asked: str, into: Path | None, on_step: OnStep | None) -> PackContents:
    """Read every entry once: sizes, SHA-256, form of the content, manifests; written out where `into` is given."""
    contents, entries = _checked_contents(pack, asked)
    total, done = contents.n_bytes, 0
    for packed in contents.artifacts:
        checksums: dict[str, int] = {}
        manifest: Any = None
        for file, (size, sha256) in packed.files.items():
            if on_step is not None:
                on_step(done, total, packed.name)
            name = _entry(packed.kind, packed.key, file)
            target = into / name if into is not None else None
            digest, checksums[file], head = _streamed(pack, entries[name], target)
            if digest != sha256:
                raise _refused(asked, f"{name!r} is not what its list says: another SHA-256.", _DO)
            if file == MANIFEST:
                manifest = _json(head, name, asked)
            else:
                _check_content(file, head, size, name, asked)
            done += size
        _check_manifest(packed, manifest, checksums, asked)
    if on_step is not None:
        on_step(total, total, "")
    return contents


def _streamed(pack: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path | None) -> tuple[str, int, bytes]:
    """(SHA-256, CRC-32, the content or its head) of an entry, written to a file where one is given."""
    keep = _HEAD if info.filename.endswith((".npy", ".safetensors")) else _MOST_WHOLE
    digest, crc, size, head = hashlib.sha256(), 0, 0, bytearray()
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
    with pack.open(info) as entry, target.open("xb") if target is not None else io.BytesIO() as sink:
        while chunk := entry.read(1 << 20):
            digest.update(chunk)
            crc, size = zlib.crc32(chunk, crc), size + len(chunk)
            if len(head) < keep:
                head += chunk[: keep - len(head)]
            if target is not None:
                sink.write(chunk)
    if size != info.file_size:
        raise zipfile.BadZipFile(f"{info.filename} ends early")
    return digest.hexdigest(), crc, bytes(head)


def _check_manifest(packed: Packed, manifest: Any, checksums: dict[str, int], asked: str) -> None:
    """An artifact's own description speaks of this spec and of exactly these files."""
    where = f"The {packed.kind} result {packed.key[:12]}"
    if not is_manifest(manifest) or not all(
        isinstance(manifest[name], int | float) and not isinstance(manifest[name], bool) and 0 <= manifest[name] < 1e15
        for name in ("created", "seconds", "work")
    ) or not isinstance(manifest["device"], str) or not isinstance(manifest["libraries"], dict):  # fmt: skip
        raise _refused(asked, f"{where} has a description that lacks parts.", _DO)
    # Nearly always word for word what the list says, which was checked.
    if manifest["spec"] != to_json(packed.spec) and key_of(_spec(manifest["spec"], asked)) != packed.key:
        raise _refused(asked, f"{where} is described as something else in its own folder.", _DO)
    listed = {name: (size, checksums[name]) for name, (size, _) in packed.files.items() if name != MANIFEST}
    if {name: (entry["bytes"], entry["crc32"]) for name, entry in manifest["files"].items()} != listed:
        raise _refused(asked, f"{where} does not have the files that its own description lists.", _DO)


def _check_content(file: str, head: bytes, size: int, name: str, asked: str) -> None:
    """A file is what its suffix says, and reading it can run nothing and cannot swell."""
    suffix = Path(file).suffix
    try:
        if suffix != ".npy" and suffix != ".safetensors" and size > _MOST_WHOLE:
            raise ValueError("too large")
        _CHECKS[suffix](head, size)
    except PackRefused:
        raise
    except Exception as error:  # whatever a reader trips over, the pack is at fault
        raise _refused(asked, f"{name!r} is no sound {suffix} file: {error}.", _DO) from error
    if suffix == ".json":
        _check_names_no_code(_json(head, name, asked), name, asked)


def _check_array(head: bytes, size: int) -> None:
    stream = io.BytesIO(head)
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise ValueError(f"version {version}")
    if dtype.hasobject or dtype.kind not in _DTYPES:
        raise ValueError(f"it holds Python objects or records ({dtype})")
    count = 1
    for length in shape:
        if length < 0:
            raise ValueError("negative shape")
        count *= length
    if stream.tell() + count * dtype.itemsize != size:
        raise ValueError("its size is not what its header says")


def _check_weights(head: bytes, size: int) -> None:
    (length,) = struct.unpack("<Q", head[:8])
    if length > min(len(head), size) - 8:
        raise ValueError("its header is longer than the file")
    tensors = json.loads(head[8 : 8 + length])
    end = 0
    for name, tensor in tensors.items():
        if name != "__metadata__":
            first, last = tensor["data_offsets"]
            if not (0 <= first <= last and isinstance(tensor["dtype"], str)):
                raise ValueError(f"tensor {name}")
            end = max(end, last)
    if 8 + length + end != size:
        raise ValueError("its size is not what its header says")


def _check_table(head: bytes, size: int) -> None:
    import pyarrow.parquet

    table = pyarrow.parquet.ParquetFile(io.BytesIO(head))
    about = table.metadata
    n_bytes = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
    if about.num_rows * max(about.num_columns, 1) > _MOST_CELLS or n_bytes > MOST_BYTES:
        raise ValueError("it would swell too much")


def _check_text(head: bytes, size: int) -> None:
    head.decode("utf-8")


_CHECKS: dict[str, Callable[[bytes, int], None]] = {
    ".npy": _check_array,
    ".safetensors": _check_weights,
    ".parquet": _check_table,
    ".txt": _check_text,
    ".json": _check_text,
}


def _check_names_no_code(data: Any, name: str, asked: str) -> None:
    waiting = [data]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            # A word of a vocabulary may be called so: there its value is a number.
            if named := [key for key in _CODE & part.keys() if not isinstance(part[key], int | float | None)]:
                raise _refused(asked, f"{name!r} names code ({named[0]}).", _DO)
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _json(data: bytes, name: str, asked: str) -> Any:
    """JSON of bounded depth, no name twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        one = dict(pairs)
        if len(one) != len(pairs):
            raise ValueError("a name is there twice")
        return one

    try:
        found = json.loads(data, object_pairs_hook=once)
    except RecursionError as error:
        raise _refused(asked, f"{name!r} is nested too deeply.", _DO) from error
    except ValueError as error:
        raise _refused(asked, f"{name!r} is no JSON: {error}.", _DO) from error
    level = [found]
    for _ in range(MOST_DEPTH):
        level = [part for held in level for part in _inside(held)]
        if not level:
            return found
    raise _refused(asked, f"{name!r} is nested too deeply.", _DO)


def _inside(held: Any) -> list[Any]:
    """The objects and lists directly inside one."""
    parts = held.values() if isinstance(held, dict) else held if isinstance(held, list) else ()
    return [part for part in parts if isinstance(part, dict | list)]


# -- parts


def _entry(kind: str, key: str, file: str) -> str:
    return f"artifacts/{kind}/{key}/{file}"


def _placeless(thing: Any) -> Any:
    """The description without places on this machine: of an absolute path the last part stays, as a name.

    Returns:
        The very object where there was no such place.
    """
    if isinstance(thing, tuple):
        parts = tuple(_placeless(part) for part in thing)
        return parts if any(new is not old for new, old in zip(parts, thing, strict=True)) else thing
    if not isinstance(thing, Described):
        return thing
    changes = {}
    for item in fields(thing):
        old = new = getattr(thing, item.name)
        if item.metadata.get("locator"):
            if isinstance(old, str) and (re.match(r"[/\\~]|[A-Za-z]:", old) or ".." in old):
                new = re.split(r"[/\\]", old)[-1].replace("..", "")
        elif isinstance(old, Described | tuple):
            new = _placeless(old)
        if new is not old:
            changes[item.name] = new
    return thing.replace(**changes) if changes else thing


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
