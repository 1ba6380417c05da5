"""Reports: figures that somebody pinned, in an order, with notes.

A report is a file named by the hash of what it says, and so is each of its figures: to change a report is to make another
one. A link to a report therefore shows what it showed when it was sent, and nobody who has the link can change it.
"""

import hashlib
import json
import re
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
_MOST_REPORTS = 400
"""Beyond them those that were made first are deleted, with the figures that no other one has."""
_SECONDS_TO_SETTLE = 60.0
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
        """Keep a figure; returns its hash. Raises SpecInvalid for one that is too large."""
        written = json.dumps(figure, ensure_ascii=False)
        if len(written.encode()) > MOST_BYTES:
            raise SpecInvalid(
                "Pinning a figure to the report.",
                f"It takes {len(written.encode()) / 1e6:.0f} MB; a report takes {MOST_BYTES / 1e6:.0f} MB a figure.",
                "Choose fewer sentences, or keep the figure as a file of its own.",
            )
        return self._write("figure", written)

    def figure(self, name: str) -> dict[str, Any]:
        """A figure by its hash. Raises StoreUnusable where it is not there or damaged."""
        return self._read("figure", name)

    def write(self, report: Report) -> str:
        """Keep a report; returns its hash. Raises SpecInvalid for one that is too long."""
        if len(report.pinned) > MOST_FIGURES:
            raise SpecInvalid(
                "Pinning a figure to the report.",
                f"It has {MOST_FIGURES} already, which is the most.",
                "Remove some on the page Report, or begin another one.",
            )
        if any(len(text) > MOST_LETTERS for text in (report.title, *(one.note for one in report.pinned))):
            raise SpecInvalid("Keeping the report.", f"A text is longer than {MOST_LETTERS:,} letters.", "Shorten it.")
        name = self._write("report", json.dumps(asdict(report), ensure_ascii=False))
        self._clear()
        return name

    def read(self, name: str) -> Report:
        """A report by its hash. Raises StoreUnusable where it is not there or damaged."""
        held = self._read("report", name)
        try:
            pinned = tuple(Pinned(figure=str(one["figure"]), note=str(one["note"])) for one in held["pinned"])
            return Report(title=str(held["title"]), pinned=pinned)
        except (KeyError, TypeError) as error:
            raise _unreadable(name, repr(error)) from error

    def latest(self) -> str:
        """The report that was written last; empty where there is none."""
        found = self._by_age("report")
        return found[-1].stem.partition("-")[2] if found else ""

    def _path(self, kind: str, name: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{32}", name):
            raise _unreadable(name, "its name is none")
        return self._folder / f"{kind}-{name}.json"

    def _write(self, kind: str, written: str) -> str:
        name = hashlib.sha256(written.encode()).hexdigest()[:32]
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self._path(kind, name), written)
        except OSError as error:
            raise StoreUnusable(
                f"Keeping a {kind}.",
                f"It cannot be written: {error}.",
                "Make room on the page Storage, then pin it again.",
            ) from error
        return name

    def _read(self, kind: str, name: str) -> dict[str, Any]:
        try:
            written = self._path(kind, name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _unreadable(
                name, "it is not there" if isinstance(error, FileNotFoundError) else repr(error)
            ) from error
        if hashlib.sha256(written.encode()).hexdigest()[:32] != name:
            raise _unreadable(name, "it is not as it was written")
        held: dict[str, Any] = json.loads(written)
        return held

    def _by_age(self, kind: str) -> Sequence[Path]:
        found = []
        for path in self._folder.glob(f"{kind}-*.json"):
            try:
                found.append((path.stat().st_mtime, path))
            except FileNotFoundError:  # cleared by another process
                continue
        return [path for _, path in sorted(found)]

    def _clear(self) -> None:
        old = self._by_age("report")[:-_MOST_REPORTS]
        if not old:
            return
        for path in old:
            path.unlink(missing_ok=True)
        held = set()
        for path in self._by_age("report"):
            try:
                held |= {one.figure for one in self.read(path.stem.partition("-")[2]).pinned}
            except StoreUnusable:
                continue
        settled = time.time() - _SECONDS_TO_SETTLE
        for path in self._by_age("figure"):
            if path.stem.partition("-")[2] not in held and path.stat().st_mtime < settled:
                path.unlink(missing_ok=True)


def _unreadable(name: str, why: str) -> StoreUnusable:
    return StoreUnusable(
        f"Opening the report {name[:40]}.",
        f"It cannot be read: {why}.",
        "Reports are kept by the machine they were made on; ask for the file instead of the link, or begin another one.",
    )
