"""The lessons at hand: those that come with the program, and those in a folder of the teacher's."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.errors import LessonInvalid
from core.lessons.reading import MOST_BYTES, read_lesson
from core.lessons.written import Lesson

SHIPPED = Path(__file__).parent
MOST_FILES = 200
"""Looked at in a folder."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


@dataclass(frozen=True, kw_only=True)
class OnShelf:
    """A lesson, or a file that should be one."""

    name: str
    """Names it in links: its file's name without the ending."""
    lesson: Lesson | None
    problem: LessonInvalid | None
    """Why it is none."""
    written: bytes
    """As it stands, for a teacher to begin from; empty where it cannot be read."""
    is_shipped: bool


def shipped_lessons() -> list[OnShelf]:
    """Those that come with the program, by name."""
    return [_from(path, is_shipped=True) for path in sorted(SHIPPED.glob("*.yaml"))]


def own_lessons(folder: Path) -> list[OnShelf]:
    """Those in a folder, by name; broken ones too, and a file that has the name of a shipped lesson as one of these."""
    if not folder.is_dir():
        return []
    taken = {path.stem for path in SHIPPED.glob("*.yaml")}
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml") and path.is_file())
    found = []
    for path in paths[:MOST_FILES]:
        if not _NAME.fullmatch(path.stem) or path.stem in taken:
            why = "another lesson has this name" if path.stem in taken else "links cannot carry its name"
            found.append(
                _broken(
                    path.stem,
                    why,
                    "Rename the file: small letters, digits, - and _, and a name that no other lesson has.",
                )
            )
            continue
        taken.add(path.stem)
        found.append(_from(path, is_shipped=False))
    return found


def _from(path: Path, *, is_shipped: bool) -> OnShelf:
    try:
        stat = path.stat()
        return _held(path, stat.st_mtime_ns, stat.st_size, is_shipped)
    except OSError as error:
        return _broken(path.stem, f"it cannot be read: {error.strerror}", "Look at the file's permissions.")


@lru_cache(maxsize=64)
def _held(path: Path, _changed: int, _n_bytes: int, is_shipped: bool) -> OnShelf:
    """A file, read once for as long as it stays as it is."""
    with path.open("rb") as stream:
        written = stream.read(MOST_BYTES + 1)
    try:
        lesson, problem = read_lesson(written, path.stem), None
    except LessonInvalid as error:
        lesson, problem = None, error
    return OnShelf(name=path.stem, lesson=lesson, problem=problem, written=written, is_shipped=is_shipped)


def _broken(name: str, why: str, do: str) -> OnShelf:
    problem = LessonInvalid(f"Reading the lesson “{name}”.", f"{why}.", do)
    return OnShelf(name=name, lesson=None, problem=problem, written=b"", is_shipped=False)
