"""Packs that come with the program: unpacked once into the cache folder, then read like artifacts of one's own.

Nothing here is ever written into or evicted; what is damaged is unpacked again. A pack that is refused is named and
left out: the program goes on without it.
"""

import hashlib
import json
import logging
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ArtifactDamaged, TunescopeError
from core.settings import Settings, owner_only_folder
from core.store.manifest import MANIFEST, facts_of, read_manifest, verify_files
from core.store.packs import SUFFIX, fresh_name, unpack

log = logging.getLogger(__name__)

_COMPLETE = "title.json"


@dataclass(frozen=True, kw_only=True)
class _Shipped:
    """One pack, unpacked."""

    file: Path
    folder: Path
    title: str
    facts: dict[str, dict[str, Any]]


class Shelf:
    """The shipped packs of one machine. The first look unpacks what is new (about 0.3 s for 15 MB), later ones are free."""

    def __init__(self, settings: Settings) -> None:
        self._source = settings.packs
        self._root = settings.cache / "packs"
        self._lock = threading.RLock()
        self._opened: list[_Shipped] | None = None
        self.problems: list[str] = []
        """Why packs were left out."""

    def folder(self, kind: str, key: str) -> Path | None:
        """Where a complete artifact of a pack lies, or None."""
        for shipped in self._packs():
            if key in shipped.facts and shipped.facts[key]["kind"] == kind:
                folder = shipped.folder / "artifacts" / kind / key
                return folder if (folder / MANIFEST).is_file() else None
        return None

    def facts(self) -> dict[str, dict[str, Any]]:
        """Facts of every artifact in a pack by key, with the pack's title as "pack"."""
        return {key: facts for shipped in self._packs() for key, facts in shipped.facts.items()}

    def folders(self) -> list[Path]:
        """Where the packs lie unpacked."""
        return [shipped.folder for shipped in self._packs()]

    def renew(self, key: str) -> None:
        """Unpack the pack of an artifact again if that artifact is not as it was written."""
        with self._lock:
            for shipped in self._packs():
                if key not in shipped.facts:
                    continue
                folder = shipped.folder / "artifacts" / shipped.facts[key]["kind"] / key
                try:
                    verify_files(folder, read_manifest(folder)["files"])
                except ArtifactDamaged:
                    shutil.rmtree(shipped.folder, ignore_errors=True)
                    self._opened = None

    def _packs(self) -> list[_Shipped]:
        if self._source is None:
            return []
        with self._lock:
            if self._opened is None:
                self.problems = []
                self._opened = [shipped for file in self._files() if (shipped := self._open(file)) is not None]
            return self._opened

    def _files(self) -> list[Path]:
        assert self._source is not None
        return sorted(path for suffix in (SUFFIX, ".zip") for path in self._source.glob(f"*{suffix}"))

    def _open(self, file: Path) -> _Shipped | None:
        try:
            folder = owner_only_folder(self._root) / self._digest(file)[:16]
            if not (folder / _COMPLETE).is_file():
                self._unpack(file, folder)
            try:
                title, facts = _read(folder)
            except (ArtifactDamaged, OSError, ValueError, KeyError, TypeError):
                shutil.rmtree(folder, ignore_errors=True)
                self._unpack(file, folder)
                title, facts = _read(folder)
        except (TunescopeError, OSError, ValueError, KeyError) as problem:
            log.warning("the shipped pack %s is left out: %s", file, problem)
            self.problems.append(f"{file.name}: {problem}")
            return None
        return _Shipped(file=file, folder=folder, title=title, facts=facts)

    def _unpack(self, file: Path, folder: Path) -> None:
        """Unpack beside and rename into place, so that a folder is whole or not there; another process may be first."""
        beside = self._root / f".new-{fresh_name()}"
        try:
            beside.mkdir(mode=0o700)
            contents = unpack(file, beside)
            (beside / _COMPLETE).write_text(json.dumps({"title": contents.title}), encoding="utf-8")
            if not (folder / _COMPLETE).is_file():
                shutil.rmtree(folder, ignore_errors=True)
                beside.rename(folder)
        except OSError:
            if not (folder / _COMPLETE).is_file():
                raise
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def _digest(self, file: Path) -> str:
        """SHA-256 of a pack, remembered by size and time of change, so that it is not read again at every start."""
        notes = self._root / "known.json"
        now = file.stat()
        try:
            size, changed, digest = json.loads(notes.read_text(encoding="utf-8"))[str(file)]
            if (size, changed) == (now.st_size, now.st_mtime_ns) and len(digest) == 64:
                return str(digest)
        except (OSError, ValueError, KeyError, TypeError):
            pass  # not noted yet
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        self._note(notes, file, [now.st_size, now.st_mtime_ns, digest])
        return digest

    def _note(self, notes: Path, file: Path, row: list[Any]) -> None:
        try:
            held = json.loads(notes.read_text(encoding="utf-8"))
            held = held if isinstance(held, dict) else {}
        except (OSError, ValueError):
            held = {}
        kept = {name: known for name, known in held.items() if Path(name).is_file()}
        beside = notes.with_name(f".known-{fresh_name()}")
        beside.write_text(json.dumps(kept | {str(file): row}), encoding="utf-8")
        beside.replace(notes)


def _read(folder: Path) -> tuple[str, dict[str, dict[str, Any]]]:
    """Title and facts of an unpacked pack."""
    title = str(json.loads((folder / _COMPLETE).read_text(encoding="utf-8"))["title"])
    manifests = (folder / "artifacts").glob(f"*/*/{MANIFEST}")
    return title, {path.parent.name: facts_of(read_manifest(path.parent)) | {"pack": title} for path in manifests}
