"""Reports: figures that somebody pinned, in an order, with notes.

A report is a file under a name that nobody can guess, replaced as a whole whenever it changes; each of its figures is a file
named by the hash of what it holds. Results can be computed again and notes cannot: no report is ever cleared away by itself.
"""

import hashlib
import json
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import SpecInvalid, StoreUnusable
from core.store.artifacts import write_atomically

MOST_FIGURES = 40
"""Of one report."""
MOST_BYTES = 6_000_000
"""Of one figure, written down."""
MOST_LETTERS = 4_000
"""Of a title or a note."""
MOST_REPORTS = 500
"""Of one machine; then somebody has to delete some."""
_SECONDS_TO_SETTLE = 3600.0
"""A figure is written before the report that has it: what is younger is not cleared away."""


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """One figure of a report."""

    figure: str
    """Hash of its file."""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Figures below each other."""

    title: str = "What fine-tuning did"
    pinned: tuple[Pinned, ...] = ()


class Reports:
    """All reports of a cache folder, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write_figure(self, figure: dict[str, Any]) -> str:
        """Keep a figure; returns its hash. Raises SpecInvalid for one that is too large, StoreUnusable."""
        written = json.dumps(figure, ensure_ascii=False)
        if len(written.encode()) > MOST_BYTES:
            raise SpecInvalid(
                "Pinning a figure to the report.",
                f"It takes {len(written.encode()) / 1e6:.0f} MB; a report takes {MOST_BYTES / 1e6:.0f} MB a figure.",
                "Choose fewer sentences, or keep the figure as a file of its own.",
            )
        name = _hash(written)
        self._write("figure", name, written)
        return name

    def figure(self, name: str) -> dict[str, Any]:
        """A figure by its hash. Raises StoreUnusable where it is not there or damaged."""
        written = self._read("figure", name)
        if _hash(written) != name:
            raise _unreadable(name, "it is not as it was written")
        held: dict[str, Any] = json.loads(written)
        return held

    def write(self, report: Report, name: str = "") -> str:
        """Keep a report under its name, or one that has none under a new one; returns the name.

        Raises:
            SpecInvalid: it is too long, or the machine has too many.
            StoreUnusable: it cannot be written.
        """
        if len(report.pinned) > MOST_FIGURES:
            raise SpecInvalid(
                "Pinning a figure to the report.",
                f"It has {MOST_FIGURES} already, which is the most.",
                "Remove some on the page Report, or begin another one.",
            )
        if any(len(text) > MOST_LETTERS for text in (report.title, *(one.note for one in report.pinned))):
            raise SpecInvalid("Keeping the report.", f"A text is longer than {MOST_LETTERS:,} letters.", "Shorten it.")
        if not name and len(self._files("report")) >= MOST_REPORTS:
            raise SpecInvalid(
                "Beginning a report.", f"This machine has {MOST_REPORTS} already.", "Delete some on the page Report."
            )
        name = name or secrets.token_hex(16)
        self._write("report", name, json.dumps(asdict(report), ensure_ascii=False))
        return name

    def read(self, name: str) -> Report:
        """A report by its name. Raises StoreUnusable where it is not there or damaged."""
        try:
            held = json.loads(self._read("report", name))
            pinned = tuple(Pinned(figure=str(one["figure"]), note=str(one["note"])) for one in held["pinned"])
            return Report(title=str(held["title"]), pinned=pinned)
        except (KeyError, TypeError, ValueError) as error:
            raise _unreadable(name, repr(error)) from error

    def delete(self, name: str) -> None:
        """Delete a report, and figures that no report has any more."""
        self._path("report", name).unlink(missing_ok=True)
        held = set()
        for path in self._files("report"):
            try:
                held |= {one.figure for one in self.read(_name(path)).pinned}
            except StoreUnusable:
                return  # what a damaged report holds is not known: nothing of it is thrown away
        settled = time.time() - _SECONDS_TO_SETTLE
        for path in self._files("figure"):
            if _name(path) not in held and path.stat().st_mtime < settled:
                path.unlink(missing_ok=True)

    def all(self) -> list[tuple[str, float]]:
        """Name and time of last change of every report, the last changed first."""
        found = [(_name(path), path.stat().st_mtime) for path in self._files("report")]
        return sorted(found, key=lambda one: -one[1])

    def n_bytes(self) -> int:
        """What all of it takes on disk."""
        return sum(path.stat().st_size for kind in ("report", "figure") for path in self._files(kind))

    def _path(self, kind: str, name: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{32}", name):
            raise _unreadable(name, "its name is none")
        return self._folder / f"{kind}-{name}.json"

    def _files(self, kind: str) -> Sequence[Path]:
        return list(self._folder.glob(f"{kind}-*.json"))

    def _write(self, kind: str, name: str, written: str) -> None:
        path = self._path(kind, name)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(path, written)
        except OSError as error:
            raise StoreUnusable(
                f"Keeping a {kind}.",
                f"It cannot be written: {error}.",
                "Make room on the page Storage, then do it again.",
            ) from error

    def _read(self, kind: str, name: str) -> str:
        try:
            return self._path(kind, name).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise _unreadable(name, "it is not there") from error
        except (OSError, UnicodeDecodeError) as error:
            raise _unreadable(name, repr(error)) from error


def _hash(written: str) -> str:
    return hashlib.sha256(written.encode()).hexdigest()[:32]


def _name(path: Path) -> str:
    return path.stem.partition("-")[2]


def _unreadable(name: str, why: str) -> StoreUnusable:
    return StoreUnusable(
        f"Opening the report {name[:40]}.",
        f"It cannot be read: {why}.",
        "Reports are kept by the machine they were made on; ask for the file instead of the link, or begin another one.",
    )
