"""Artifacts on disk: a folder named by its key, complete when its manifest is there, and not before.

Large arrays are written into the folder while they are computed; the manifest, with a checksum of every file, is
renamed into place last. A folder without one is work that was cut off: it is continued, never shown.
"""

import errno
import fcntl
import json
import os
import platform
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from core.errors import ArtifactDamaged, StoreUnusable
from core.keys import Result, Spec, key_of, to_json
from core.settings import Settings, owner_only_folder
from core.store.codec import read_result, write_result
from core.store.index import Index

MANIFEST = "artifact.json"
_UNWRITABLE = {
    getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "ENOTDIR", "EFBIG", "EEXIST")
}
_LIBRARIES = ("torch", "transformers", "numpy", "scikit-learn")


class Store:
    """All artifacts of one cache folder. Many processes may use it at once; one writes a key at a time."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings.from_environment()
        self.root = owner_only_folder(self.settings.cache)
        self.index = Index(owner_only_folder(self.root / "index"))
        self._verified: dict[str, float] = {}

    def folder(self, spec: Spec) -> Path:
        """Where the artifact of a spec lies or will lie."""
        return self.root / "artifacts" / spec.kind / key_of(spec)

    def has(self, spec: Spec) -> bool:
        """Whether a complete artifact is there; its content is not checked."""
        return (self.folder(spec) / MANIFEST).is_file()

    def has_key(self, key: str) -> bool:
        """Whether a complete artifact of this key is there, of whatever kind."""
        return any((self.root / "artifacts").glob(f"*/{key}/{MANIFEST}"))

    def manifest(self, spec: Spec) -> dict[str, Any]:
        """The artifact's description: spec, version, created, seconds, device, libraries, files with checksums.

        Raises:
            ArtifactDamaged: it cannot be read.
        """
        path = self.folder(spec) / MANIFEST
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _damaged(path.parent, f"Its description cannot be read: {error}.") from error
        if not _is_manifest(held):
            raise _damaged(path.parent, "Its description lacks parts.")
        return held

    def load(self, spec: Spec, result_class: type[Result]) -> Result:
        """The stored result, its checksums compared on the first reading in this process.

        Raises:
            ArtifactDamaged: a file that is missing, or whose checksum no longer fits.
        """
        folder = self.folder(spec)
        manifest = self.manifest(spec)
        changed = (folder / MANIFEST).stat().st_mtime
        if self._verified.get(folder.name) != changed:
            _verify(folder, manifest["files"])
            self._verified[folder.name] = changed
        try:
            return read_result(result_class, manifest["values"], folder)
        except (KeyError, ValueError, TypeError, OSError) as error:
            raise _damaged(folder, f"It does not fit its description: {error}.") from error

    def save(self, spec: Spec, result: Result, *, seconds: float, device: str) -> None:
        """Complete the artifact of a spec whose folder `writing` opened."""
        folder = self.folder(spec)
        values, names = write_result(result, folder)
        files = {name: {"bytes": (folder / name).stat().st_size, "crc32": _checksum(folder / name)} for name in names}
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_file() and str(path.relative_to(folder)) not in files:
                path.unlink()
        work, _ = spec.cost()
        manifest = {
            "spec": to_json(spec),
            "created": time.time(),
            "seconds": seconds,
            "work": work,
            "device": device,
            "machine": platform.machine(),
            "python": platform.python_version(),
            "libraries": _library_versions(),
            "files": files,
            "values": values,
        }
        write_atomically(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False))
        self.index.put(folder.name, _facts(manifest))

    @contextmanager
    def writing(self, spec: Spec) -> Iterator[Path]:
        """The artifact's folder, with the sole right to write it; others wait. It may hold cut-off work.

        Raises:
            StoreUnusable: the cache folder cannot be written.
        """
        folder = self.folder(spec)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (owner_only_folder(self.root / "locks") / f"{folder.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield folder
        except OSError as error:
            if error.errno not in _UNWRITABLE:
                raise
            raise StoreUnusable(
                f"Writing an artifact into {self.root}.",
                f"The system answered: {error.strerror or error}.",
                "Free space or make the folder writable, then compute again; finished parts are kept.",
            ) from error

    def discard(self, spec: Spec) -> None:
        """Delete an artifact, complete or not."""
        folder = self.folder(spec)
        (folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        self.index.remove(folder.name)

    def listing(self) -> dict[str, dict[str, Any]]:
        """Facts (kind, spec, created, seconds, work, bytes, values) of every artifact, newest first, from the index.

        The index is rebuilt from the manifests where it is missing or was tampered with.
        """
        manifests = list((self.root / "artifacts").glob(f"*/*/{MANIFEST}"))
        try:
            facts = self.index.all()
        except (ArtifactDamaged, StoreUnusable):
            self.index.delete()
            facts = {}
        whole = all(isinstance(row, dict) and row.keys() >= _FACTS for row in facts.values())
        if not whole or facts.keys() != {path.parent.name for path in manifests}:
            facts = {}
            for path in manifests:
                try:
                    held = json.loads(path.read_text(encoding="utf-8"))
                except (OSError, ValueError):
                    continue  # a damaged manifest is named when its artifact is asked for
                if _is_manifest(held):
                    facts[path.parent.name] = _facts(held)
            self.index.replace(facts)
        return dict(sorted(facts.items(), key=lambda pair: -pair[1]["created"]))


def write_atomically(path: Path, text: str) -> None:
    """Write a small file so that a reader sees all of it or the old one; safe on disk before the rename."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        with beside.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _facts(manifest: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": manifest["spec"]["kind"],
        "spec": manifest["spec"],
        "created": manifest["created"],
        "seconds": manifest["seconds"],
        "work": manifest["work"],
        "device": manifest["device"],
        "bytes": sum(entry["bytes"] for entry in manifest["files"].values()),
    }


_FACTS = {"kind", "spec", "created", "seconds", "work", "device", "bytes"}


def _is_manifest(held: Any) -> bool:
    """Whether what was read has the parts of a manifest."""
    if not isinstance(held, dict) or not held.keys() >= {"spec", "created", "seconds", "work", "device", "libraries"}:
        return False
    files, values = held.get("files"), held.get("values")
    return (
        isinstance(values, dict)
        and isinstance(held["spec"], dict)
        and "kind" in held["spec"]
        and isinstance(files, dict)
        and all(isinstance(entry, dict) and entry.keys() >= {"bytes", "crc32"} for entry in files.values())
    )


def _checksum(path: Path) -> int:
    total = 0
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 22):
            total = zlib.crc32(chunk, total)
    return total


def _verify(folder: Path, files: dict[str, dict[str, int]]) -> None:
    for name, entry in files.items():
        path = folder / name
        if not path.is_file():
            raise _damaged(folder, f"Its file {name} is missing.")
        if path.stat().st_size != entry["bytes"] or _checksum(path) != entry["crc32"]:
            raise _damaged(folder, f"Its file {name} is not as it was written.")


def _damaged(folder: Path, found: str) -> ArtifactDamaged:
    return ArtifactDamaged(
        f"Reading the stored {folder.parent.name} result {folder.name[:12]}.",
        found,
        "Compute it again; it will be replaced.",
    )


def _library_versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
