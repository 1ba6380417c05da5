"""Artifacts on disk: a folder named by its key, complete when its manifest is there, and not before.

Large arrays are written into the folder while they are computed; the manifest, with a checksum of every file, is
renamed into place last. A folder without one is work that was cut off: it is continued, never shown. Artifacts of
shipped packs are found like one's own, but never written to.
"""

import contextlib
import errno
import fcntl
import json
import os
import platform
import re
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from core.errors import ArtifactDamaged, SpecInvalid, StoreUnusable
from core.keys import Result, Spec, from_json, key_of, to_json
from core.settings import Settings, owner_only_folder
from core.store.codec import read_result, write_result
from core.store.index import Index
from core.store.inspection import OnStep
from core.store.manifest import FACTS, MANIFEST, checksum, damaged, facts_of, read_manifest, verify_files
from core.store.packs import clear, fresh_name
from core.store.shelf import Shelf

_UNWRITABLE = {
    getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "ENOTDIR", "EFBIG", "EEXIST")
}
_LIBRARIES = ("torch", "transformers", "numpy", "scikit-learn")
_TOUCH_SECONDS = 60.0
_STALE_SECONDS = 60.0
"""A temporary file not written to for so long was left by a process that is gone."""


@dataclass(frozen=True, kw_only=True)
class Damage:
    """An artifact that is not as it was written."""

    key: str
    kind: str
    found: str
    pack: str = ""
    """Title of the shipped pack it belongs to; empty for one's own."""


@dataclass(frozen=True, kw_only=True)
class Removed:
    """What a deletion did."""

    keys: tuple[str, ...]
    busy: tuple[str, ...]
    """Left, because a job is writing them."""
    n_bytes: int
    """Freed."""


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """Something in the cache folder that is no result and that nobody works on."""

    what: str
    path: Path
    n_bytes: int


class Store:
    """All artifacts of one cache folder. Many processes may use it at once; one writes a key at a time."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings.from_environment()
        self.root = owner_only_folder(self.settings.cache)
        self.index = Index(owner_only_folder(self.root / "index"))
        self.shelf = Shelf(self.settings)
        self._verified: dict[Path, float] = {}
        self._touched: dict[str, float] = {}

    # -- one artifact

    def folder(self, spec: Spec) -> Path:
        """Where the artifact of a spec lies, here or in a shipped pack, or will lie."""
        own = self._own(spec)
        if (own / MANIFEST).is_file():
            return own
        return self.shelf.folder(spec.kind, own.name) or own

    def has(self, spec: Spec) -> bool:
        """Whether a complete artifact is there, and what it speaks of elsewhere; its content is not checked."""
        return (self.folder(spec) / MANIFEST).is_file() and spec.is_at_hand()

    def pack_of(self, key: str) -> str:
        """Title of the shipped pack that a result is read from; empty for one of this store."""
        if any((self.root / "artifacts").glob(f"*/{key}/{MANIFEST}")):
            return ""
        facts = self.shelf.facts().get(key)
        return str(facts["pack"]) if facts else ""

    def has_key(self, key: str) -> bool:
        """Whether a complete artifact of this key is there, of whatever kind."""
        own = any((self.root / "artifacts").glob(f"*/{key}/{MANIFEST}"))
        return own or key in self.shelf.facts()

    def manifest(self, spec: Spec) -> dict[str, Any]:
        """The artifact's description: spec, version, created, seconds, device, libraries, files with checksums.

        Raises:
            ArtifactDamaged: it cannot be read.
        """
        return read_manifest(self.folder(spec))

    def load(self, spec: Spec, result_class: type[Result]) -> Result:
        """The stored result, its checksums compared on the first reading in this process.

        Raises:
            ArtifactDamaged: a file that is missing, or whose checksum no longer fits.
        """
        folder = self.folder(spec)
        manifest = read_manifest(folder)
        changed = (folder / MANIFEST).stat().st_mtime
        if self._verified.get(folder) != changed:
            verify_files(folder, manifest["files"])
            self._verified[folder] = changed
        try:
            result = read_result(result_class, manifest["values"], folder)
        except (KeyError, ValueError, TypeError, OSError) as error:
            raise damaged(folder, f"It does not fit its description: {error}.") from error
        self._touch(folder.name)
        return result

    def save(self, spec: Spec, result: Result, *, seconds: float, device: str) -> None:
        """Complete the artifact of a spec whose folder `writing` opened."""
        folder = self._own(spec)
        values, names = write_result(result, folder)
        files = {name: {"bytes": (folder / name).stat().st_size, "crc32": checksum(folder / name)} for name in names}
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
        with contextlib.suppress(StoreUnusable):  # the result is complete; the listing mends the index
            self.index.put(folder.name, facts_of(manifest))

    @contextmanager
    def writing(self, spec: Spec) -> Iterator[Path]:
        """The artifact's folder, with the sole right to write it; others wait. It may hold cut-off work.

        Raises:
            StoreUnusable: the cache folder cannot be written.
        """
        folder = self._own(spec)
        with self._unwritable(f"Writing an artifact into {self.root}.", "compute again; finished parts are kept"):
            folder.mkdir(parents=True, exist_ok=True)
            with self._locked(folder.name, wait=True):
                folder.mkdir(parents=True, exist_ok=True)  # it may have been cleared away while we waited
                yield folder

    @contextmanager
    def writing_if_free(self, spec: Spec) -> Iterator[Path | None]:
        """As `writing`, but None at once where somebody else writes it.

        Raises:
            StoreUnusable: as `writing`.
        """
        folder = self._own(spec)
        with self._unwritable(f"Writing an artifact into {self.root}.", "compute again; finished parts are kept"):
            folder.mkdir(parents=True, exist_ok=True)
            with self._locked(folder.name, wait=False) as is_ours:
                if is_ours:
                    folder.mkdir(parents=True, exist_ok=True)
                yield folder if is_ours else None

    def discard(self, spec: Spec) -> None:
        """Delete an artifact of one's own, complete or not; a damaged one of a shipped pack is unpacked again."""
        folder = self._own(spec)
        if not (folder / MANIFEST).is_file() and self.shelf.folder(spec.kind, folder.name) is not None:
            self.shelf.renew(folder.name)
        else:
            self._delete(folder)

    # -- all of them

    def listing(self) -> dict[str, dict[str, Any]]:
        """Facts (kind, spec, created, seconds, work, device, bytes) of every artifact, newest first.

        Those of shipped packs have the pack's title as "pack", imported ones that of theirs as "imported". One's own
        come from the index, which is rebuilt from the manifests where it is missing or was tampered with.
        """
        facts = self.shelf.facts() | self._own_listing()
        return dict(sorted(facts.items(), key=lambda pair: -pair[1]["created"]))

    def rebuild_index(self) -> int:
        """Make the index anew from the manifests; returns how many artifacts it holds."""
        self.index.delete()
        return len(self._own_listing())

    def verify(self, on_step: OnStep | None = None) -> tuple[Damage, ...]:
        """Compare every artifact with its checksums, packs included; about a second per GB. Nothing is deleted.

        Args:
            on_step: told bytes done, bytes in all and a note; what it raises ends the check.
        """
        packs = {key: facts["pack"] for key, facts in self.shelf.facts().items()}
        roots = [(self.root, ""), *((folder, "pack") for folder in self.shelf.folders())]
        waiting = [(path.parent, pack) for root, pack in roots for path in _manifests(root)]
        total, done, found = sum(_size(folder) for folder, _ in waiting), 0, []
        for folder, pack in waiting:
            if on_step is not None:
                on_step(done, total, folder.parent.name)
            try:
                manifest = read_manifest(folder)
                verify_files(folder, manifest["files"])
                if not _is_its_key(folder.name, manifest["spec"]):
                    raise damaged(folder, "It lies under the key of something else.")
            except ArtifactDamaged as problem:
                if (folder / MANIFEST).is_file():  # not deleted by somebody meanwhile
                    title = packs.get(folder.name, "") if pack else ""
                    found.append(Damage(key=folder.name, kind=folder.parent.name, found=problem.found, pack=title))
            done += _size(folder)
        if on_step is not None:
            on_step(total, total, "")
        return tuple(found)

    # -- keeping within bounds

    def last_used(self, key: str, otherwise: float) -> float:
        """When an artifact was last read, to a minute."""
        try:
            return (self.root / "used" / key).stat().st_mtime
        except OSError:
            return otherwise

    def pin(self, key: str, *, pinned: bool = True) -> None:
        """Keep an artifact from eviction, or no longer."""
        path = owner_only_folder(self.root / "pinned") / _as_key(key)
        path.touch() if pinned else path.unlink(missing_ok=True)

    def pinned(self) -> frozenset[str]:
        """Keys that are never evicted."""
        return frozenset(path.name for path in (self.root / "pinned").glob("*"))

    def eviction(self, most_bytes: float, *, keep: Collection[str] = (), last: Collection[str] = ()) -> tuple[str, ...]:
        """What would have to go so that one's own artifacts take at most so many bytes: the longest unused first.

        Args:
            most_bytes: the bound; where what must stay is more, all else goes.
            keep: keys that stay.
            last: kinds that go only when nothing else is left.
        """
        facts = self._own_listing()
        used = {key: self.last_used(key, held["created"]) for key, held in facts.items()}
        stays = self.pinned() | set(keep)
        over = sum(held["bytes"] for held in facts.values()) - most_bytes
        gone = []
        for key in sorted(facts, key=lambda key: (facts[key]["kind"] in last, used[key], key)):
            if over <= 0:
                break
            if key not in stays:
                gone.append(key)
                over -= facts[key]["bytes"]
        return tuple(gone)

    def evict(self, most_bytes: float, *, keep: Collection[str] = (), last: Collection[str] = ()) -> Removed:
        """Delete what `eviction` names."""
        return self.remove(self.eviction(most_bytes, keep=keep, last=last))

    def remove(self, keys: Iterable[str]) -> Removed:
        """Delete artifacts of one's own, whatever their state; those being written stay. Of a pack: see `discard`."""
        gone, busy, n_bytes = [], [], 0
        for key in keys:
            folders = list((self.root / "artifacts").glob(f"*/{_as_key(key)}"))
            if not folders:
                self.shelf.renew(key)
            for folder in folders:
                with self._locked(key, wait=False) as is_ours:
                    if not is_ours:
                        busy.append(key)
                        continue
                    n_bytes += _size(folder)
                    self._delete(folder)
                    (self.root / "locks" / f"{key}.lock").unlink(missing_ok=True)
                gone.append(key)
        return Removed(keys=tuple(gone), busy=tuple(busy), n_bytes=n_bytes)

    def leftovers(self, keep: Collection[str] = ()) -> list[Leftover]:
        """Cut-off work, locks that nobody holds, temporary files, packs that are no longer shipped.

        Args:
            keep: keys of jobs under way.
        """
        found = []
        for folder in sorted((self.root / "artifacts").glob("*/*")):
            is_cut_off = folder.is_dir() and not (folder / MANIFEST).is_file()
            if is_cut_off and folder.name not in keep and not self._is_locked(folder.name):
                found.append(Leftover(what="work that was cut off", path=folder, n_bytes=_size(folder)))
        for path in sorted((self.root / "locks").glob("*.lock")):
            if path.stem not in keep and not self._is_locked(path.stem):
                found.append(Leftover(what="a lock that nobody holds", path=path, n_bytes=0))
        if not self._is_locked(_IMPORT):
            for path in sorted((self.root / "incoming").glob("*")):
                found.append(Leftover(what="an import that was cut off", path=path, n_bytes=_size(path)))
        current = {folder.name for folder in self.shelf.folders()}
        for path in sorted((self.root / "packs").glob("*")):
            if path.is_dir() and path.name not in current and _is_old(path):
                found.append(Leftover(what="a pack that is no longer shipped", path=path, n_bytes=_size(path)))
        for pattern in (".*", "jobs/.*", "engine/.*", "artifacts/*/*/.*"):
            for path in sorted(self.root.glob(pattern)):
                if path.is_file() and _is_old(path) and re.fullmatch(r"\..+\.\d+\.\d+", path.name):
                    found.append(Leftover(what="a temporary file", path=path, n_bytes=_size(path)))
        return found

    def clear_leftovers(self, keep: Collection[str] = ()) -> int:
        """Delete what `leftovers` names; returns the bytes freed."""
        freed = 0
        for left in self.leftovers(keep):
            name = left.path.stem if left.path.parent.name == "locks" else left.path.name
            is_guarded = left.path.parent.name == "locks" or left.path.parent.parent.name == "artifacts"
            with self._locked(name, wait=False) if is_guarded else contextlib.nullcontext(True) as is_ours:
                if is_ours and not (left.path / MANIFEST).is_file():
                    shutil.rmtree(left.path) if left.path.is_dir() else left.path.unlink(missing_ok=True)
                    freed += left.n_bytes
                if is_ours and is_guarded:
                    (self.root / "locks" / f"{name}.lock").unlink(missing_ok=True)
        return freed

    # -- taking over

    @contextmanager
    def incoming(self, asked: str, n_bytes: int) -> Iterator[Path]:
        """An empty folder beside the artifacts for an import, gone afterwards; one import at a time.

        Raises:
            StoreUnusable: another is under way, there is no room, or the cache folder cannot be written.
        """
        with (
            self._unwritable(asked, "import again; nothing of it was kept"),
            self._locked(_IMPORT, wait=False) as is_ours,
        ):
            if not is_ours:
                raise StoreUnusable(asked, "Another import is under way.", "Wait until it has ended.")
            place = self.root / "incoming" / fresh_name()
            try:
                if (free := shutil.disk_usage(self.root).free) < n_bytes * 1.02:
                    raise StoreUnusable(
                        asked,
                        f"It needs {n_bytes / 1e6:,.1f} MB and {free / 1e6:,.1f} MB are free in {self.root}.",
                        "Free space, then import again; nothing of it was kept.",
                    )
                shutil.rmtree(place.parent, ignore_errors=True)
                place.mkdir(parents=True, mode=0o700)
                yield place
            finally:
                clear(place)
                (self.root / "locks" / f"{_IMPORT}.lock").unlink(missing_ok=True)

    def adopt(self, place: Path, artifacts: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """Move complete artifacts (kind, key) from an incoming folder to their places: all that are not there, or none.

        Returns:
            The keys that are new. What is there, or is being written by a job, stays as it is.
        """
        moved: list[Path] = []
        try:
            for kind, key in artifacts:
                target = self.root / "artifacts" / kind / key
                if self.has_key(key):
                    continue
                with self._locked(key, wait=False) as is_ours:
                    if is_ours and not (target / MANIFEST).is_file():
                        target.parent.mkdir(parents=True, exist_ok=True)
                        if target.exists():
                            shutil.rmtree(target)  # cut-off work
                        (place / "artifacts" / kind / key).rename(target)
                        moved.append(target)
                        (self.root / "locks" / f"{key}.lock").unlink(missing_ok=True)
        except BaseException:
            for target in moved:
                self._delete(target)
            raise
        return tuple(target.name for target in moved)

    # -- inside

    def _own(self, spec: Spec) -> Path:
        return self.root / "artifacts" / spec.kind / key_of(spec)

    def _own_listing(self) -> dict[str, dict[str, Any]]:
        manifests = _manifests(self.root)
        try:
            facts = self.index.all()
        except (ArtifactDamaged, StoreUnusable):
            self.index.delete()
            facts = {}
        whole = all(isinstance(row, dict) and row.keys() >= FACTS for row in facts.values())
        if not whole or facts.keys() != {path.parent.name for path in manifests}:
            facts = {}
            for path in manifests:
                with contextlib.suppress(ArtifactDamaged):  # it is named when its artifact is asked for
                    facts[path.parent.name] = facts_of(read_manifest(path.parent))
            with contextlib.suppress(StoreUnusable):  # a full disk: the manifests are the truth
                self.index.replace(facts)
        return facts

    def _delete(self, folder: Path) -> None:
        (folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        for beside in ("used", "pinned"):
            (self.root / beside / folder.name).unlink(missing_ok=True)
        self._verified.pop(folder, None)
        with contextlib.suppress(StoreUnusable):
            self.index.remove(folder.name)

    def _touch(self, key: str) -> None:
        """Note that an artifact was read, at most once a minute; a note that cannot be written is no fault."""
        now = time.monotonic()
        if now - self._touched.get(key, -_TOUCH_SECONDS) < _TOUCH_SECONDS:
            return
        self._touched[key] = now
        with contextlib.suppress(OSError, StoreUnusable):
            (owner_only_folder(self.root / "used") / key).touch()

    @contextmanager
    def _locked(self, name: str, *, wait: bool) -> Iterator[bool]:
        """Hold a lock; gives whether it is ours. A lock file may be deleted by its holder: then the next is taken."""
        path = owner_only_folder(self.root / "locks") / f"{name}.lock"
        while True:
            with path.open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    yield False
                    return
                if _is_still(path, lock.fileno()):
                    yield True
                    return

    def _is_locked(self, name: str) -> bool:
        try:
            with (self.root / "locks" / f"{name}.lock").open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    @contextmanager
    def _unwritable(self, asked: str, then: str) -> Iterator[None]:
        """Name a disk that is full or a folder that cannot be written."""
        try:
            yield
        except OSError as error:
            if error.errno not in _UNWRITABLE:
                raise
            raise StoreUnusable(
                asked,
                f"The system answered: {error.strerror or error}.",
                f"Free space or make the folder writable, then {then}.",
            ) from error


_IMPORT = "import"


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


def _manifests(root: Path) -> list[Path]:
    return list((root / "artifacts").glob(f"*/*/{MANIFEST}"))


def _size(path: Path) -> int:
    """Bytes of a file or of all files in a folder; what vanishes meanwhile counts nothing."""
    total = 0
    for part in [path, *path.rglob("*")] if path.is_dir() else [path]:
        with contextlib.suppress(OSError):
            total += 0 if part.is_dir() else part.stat().st_size
    return total


def _is_old(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return time.time() - path.stat().st_mtime > _STALE_SECONDS
    return False


def _is_still(path: Path, handle: int) -> bool:
    """Whether an open file is the one that the path names."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _is_its_key(key: str, spec: Any) -> bool:
    """Whether a description belongs to a key; one of another version of this program is taken as it is."""
    try:
        return key_of(from_json(spec)) == key
    except SpecInvalid:
        return True


def _as_key(key: str) -> str:
    if re.fullmatch("[0-9a-f]{40}", key) is None:
        raise SpecInvalid(f"Looking for the result {key!r}.", "That is no key.", "Give 40 hex digits.")
    return key


def _library_versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
