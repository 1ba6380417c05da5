"""Whether a file is a pack: its form, its list, every file in it. What is odd is refused, in words that do no harm.

Limits come first: nothing is unpacked that was not measured, nothing is read that could run, and a zip that two readers
could understand differently is none.
"""

import hashlib
import io
import json
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from core.errors import PackRefused, SpecInvalid
from core.keys import Described, Spec, from_json, key_of, to_json
from core.store.manifest import MANIFEST, is_manifest

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
NAME = re.compile(rf"artifacts/(?P<kind>[a-z][a-z0-9_.]*)/(?P<key>[0-9a-f]{{40}})/(?P<file>{_PART}(?:/{_PART}){{0,3}})")
SUFFIXES = (".npy", ".parquet", ".safetensors", ".json", ".txt")
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


# -- refusing


def refused(asked: str, found: str, do: str) -> PackRefused:
    """The refusal, its words from the pack made harmless: pages read messages as markdown."""
    plain = str.maketrans({"[": "(", "]": ")", "<": "‹", ">": "›", "`": "'", "\n": " "})
    asked, found = (text.translate(plain).replace("://", ": //") for text in (asked, found))
    return PackRefused(asked, found, do)


DO = "Ask its maker for a new one; nothing of it was kept."


@contextmanager
def opened(path: Path | BinaryIO) -> Iterator[tuple[zipfile.ZipFile, str]]:
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
            raise refused(asked, f"{error.strerror}: {path}.", "Check the path.") from error
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError) as error:
        raise refused(asked, f"It is damaged: {error}.", DO) from error


def _check_frame(stream: IO[bytes], asked: str) -> None:
    """Its last 22 bytes end a small enough zip directory that lies right before them."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - 22))
    tail = stream.read(22)
    stream.seek(0)
    if len(tail) < 22 or not tail.startswith(b"PK\x05\x06") or stream.read(4) != b"PK\x03\x04":
        raise refused(asked, "It is not a pack, or it was cut off.", "Give a whole .tunescope file.")
    _, disk, first, here, entries, n_bytes, offset, comment = struct.unpack("<4s4H2LH", tail)
    if entries > MOST_ENTRIES or n_bytes > MOST_ENTRIES * (MOST_NAME + 64):
        raise refused(asked, f"It has more than {MOST_ENTRIES:,} entries.", DO)
    if disk or first or here != entries or comment or offset + n_bytes + 22 != size:
        raise refused(asked, "Something is hidden in front of, between or behind its entries.", DO)


def _check_entries(pack: zipfile.ZipFile, asked: str) -> dict[str, zipfile.ZipInfo]:
    """Every entry is a plain file of a plain name, and they lie end to end."""
    found: dict[str, zipfile.ZipInfo] = {}
    seen: set[str] = set()
    end = 0
    if len(pack.infolist()) > MOST_ENTRIES:
        raise refused(asked, f"It has more than {MOST_ENTRIES:,} entries.", DO)
    for info in sorted(pack.infolist(), key=lambda info: info.header_offset):
        name = info.orig_filename
        if (oddity := _oddity(info, name)) is not None:
            raise refused(asked, f"Its entry {name[:80]!r} {oddity}.", DO)
        if name.casefold() in seen:
            raise refused(asked, f"Its entry {name[:80]!r} is there twice.", DO)
        if info.header_offset != end:
            raise refused(asked, f"Its entry {name[:80]!r} overlaps another, or something is hidden before it.", DO)
        seen.add(name.casefold())
        found[name] = info
        end = _end_of(pack, info, asked)
    if end != pack.start_dir:
        raise refused(asked, "Something is hidden behind its entries.", DO)
    if sum(info.file_size for info in found.values()) > MOST_BYTES:
        raise refused(asked, f"Unpacked it is larger than {MOST_BYTES / 1e9:.0f} GB.", DO)
    if CONTENTS not in found:
        raise refused(asked, f"It has no {CONTENTS}: some other zip file.", "Give a file that Tunescope exported.")
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
    if name != CONTENTS and (NAME.fullmatch(name) is None or Path(name).suffix not in SUFFIXES):
        return f"is no file that packs carry ({', '.join(SUFFIXES)})"
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
    if is_dense(info) or (info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size):
        return f"would swell from {info.compress_size:,} to {info.file_size:,} bytes"
    return None


def is_dense(info: zipfile.ZipInfo) -> bool:
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
    raise refused(asked, f"Its entry {info.orig_filename[:80]!r} is described in two different ways.", DO)


def checked_contents(pack: zipfile.ZipFile, asked: str) -> tuple[PackContents, dict[str, zipfile.ZipInfo]]:
    """The list, and the entries, which must be exactly those that it lists."""
    entries = _check_entries(pack, asked)
    text = pack.read(entries[CONTENTS])
    if len(text) != entries[CONTENTS].file_size:
        raise zipfile.BadZipFile(f"{CONTENTS} ends early")
    contents = contents_of(_json(text, CONTENTS, asked), asked)
    listed = {
        entry_name(one.kind, one.key, file): size for one in contents.artifacts for file, (size, _) in one.files.items()
    }
    if odd := sorted((entries.keys() - {CONTENTS}) ^ listed.keys()):
        which = "is not on its list" if odd[0] in entries else "is on its list but not there"
        raise refused(asked, f"{odd[0]!r} {which}.", DO)
    for name, size in listed.items():
        if entries[name].file_size != size:
            raise refused(asked, f"{name!r} has {entries[name].file_size:,} bytes, listed are {size:,}.", DO)
    return contents, entries


def contents_of(data: Any, asked: str) -> PackContents:
    """The list of a pack, every part of it checked."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        held = f"Its format is {data.get('format')!r}" if isinstance(data, dict) else "Its list is no JSON object"
        raise refused(asked, f"{held}; this program reads format {FORMAT}.", "Update Tunescope, or ask for another.")
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
                raise refused(asked, f"What it calls {str(row['key'])[:12]} is described as something else.", DO)
            if row["key"] in found:
                raise ValueError(f"{row['key'][:12]} twice")
            found[row["key"]] = Packed(kind=spec.kind, key=row["key"], name=row["name"], spec=spec, files=files)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise refused(asked, f"Its list is not as it should be: {error!r}.", DO) from error
    return PackContents(title=title, created=created, artifacts=tuple(found.values()))


def _spec(data: Any, asked: str) -> Spec:
    try:
        spec = from_json(data)
    except SpecInvalid as error:
        raise refused(
            asked,
            f"It holds what this version does not compute: {error.asked} {error.found}",
            "Update Tunescope, or ask for another.",
        ) from error
    except (TypeError, ValueError, RecursionError, AttributeError) as error:
        raise refused(asked, f"A description in it is odd: {error!r}.", DO) from error
    if not isinstance(spec, Spec):
        raise refused(asked, f"A {getattr(spec, 'kind', '?')} is no result.", DO)
    if placeless(spec) is not spec:
        raise refused(asked, "It names a place on a machine.", DO)
    if "](" in json.dumps(data):  # names reach pages, which read markdown
        raise refused(asked, "A name in it holds a link.", DO)
    return spec


def inspected(pack: zipfile.ZipFile, asked: str, into: Path | None, on_step: OnStep | None) -> PackContents:
    """Read every entry once: sizes, SHA-256, form of the content, manifests; written out where `into` is given."""
    contents, entries = checked_contents(pack, asked)
    total, done = contents.n_bytes, 0
    for packed in contents.artifacts:
        checksums: dict[str, int] = {}
        manifest: Any = None
        for file, (size, sha256) in packed.files.items():
            if on_step is not None:
                on_step(done, total, packed.name)
            name = entry_name(packed.kind, packed.key, file)
            target = into / name if into is not None else None
            digest, checksums[file], head = _streamed(pack, entries[name], target)
            if digest != sha256:
                raise refused(asked, f"{name!r} is not what its list says: another SHA-256.", DO)
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
        raise refused(asked, f"{where} has a description that lacks parts.", DO)
    # Nearly always word for word what the list says, which was checked.
    same = json.dumps(manifest["spec"], sort_keys=True) == json.dumps(to_json(packed.spec), sort_keys=True)
    if not same and key_of(_spec(manifest["spec"], asked)) != packed.key:
        raise refused(asked, f"{where} is described as something else in its own folder.", DO)
    listed = {name: (size, checksums[name]) for name, (size, _) in packed.files.items() if name != MANIFEST}
    if {name: (entry["bytes"], entry["crc32"]) for name, entry in manifest["files"].items()} != listed:
        raise refused(asked, f"{where} does not have the files that its own description lists.", DO)


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
        raise refused(asked, f"{name!r} is no sound {suffix} file: {error}.", DO) from error
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
                raise refused(asked, f"{name!r} names code ({named[0]}).", DO)
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
        raise refused(asked, f"{name!r} is nested too deeply.", DO) from error
    except ValueError as error:
        raise refused(asked, f"{name!r} is no JSON: {error}.", DO) from error
    level = [found]
    for _ in range(MOST_DEPTH):
        level = [part for held in level for part in _inside(held)]
        if not level:
            return found
    raise refused(asked, f"{name!r} is nested too deeply.", DO)


def _inside(held: Any) -> list[Any]:
    """The objects and lists directly inside one."""
    parts = held.values() if isinstance(held, dict) else held if isinstance(held, list) else ()
    return [part for part in parts if isinstance(part, dict | list)]


# -- parts


def entry_name(kind: str, key: str, file: str) -> str:
    return f"artifacts/{kind}/{key}/{file}"


def placeless(thing: Any) -> Any:
    """The description without places on this machine: of an absolute path the last part stays, as a name.

    Returns:
        The very object where there was no such place.
    """
    if isinstance(thing, tuple):
        parts = tuple(placeless(part) for part in thing)
        return parts if any(new is not old for new, old in zip(parts, thing, strict=True)) else thing
    if not isinstance(thing, Described):
        return thing
    changes = {}
    for item in fields(thing):
        old = new = getattr(thing, item.name)
        if item.metadata.get("locator"):
            if isinstance(old, str) and (re.match(r"[/\\~]|[A-Za-z]:", old) or ".." in old):
                new = re.split(r"[/\\]", old)[-1].replace("..", "")
                new = old if new == old else new
        elif isinstance(old, Described | tuple):
            new = placeless(old)  # equal does not mean the same here: comparing leaves places out
        if new is not old:
            changes[item.name] = new
    return thing.replace(**changes) if changes else thing
