"""Claims that somebody made, with the time at which they did: a file each, named by what is claimed.

Nothing is ever written into a claim that is kept but its note: who changes what is claimed makes another one.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import SpecInvalid, StoreUnusable
from core.store.artifacts import write_atomically

MOST_CLAIMS = 1000
"""Of one machine; then somebody has to delete some."""
MOST_NOTE = 4000
"""Letters of a note."""
_MOST_BYTES = 400_000
"""Of one file; a claim about many long runs takes some kilobytes."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """A claim that was made."""

    key: str
    """Of the claim."""
    claim: dict[str, Any]
    """As `core.keys.to_json` writes it."""
    said: str
    """In words, as it was shown; plain text."""
    about: str
    """What is compared, in words; plain text."""
    made: float
    """When, in seconds since 1970."""
    was_known: bool
    """Whether its measurements were stored when it was made, so that whoever made it may have seen them."""
    note: str = ""


class Claims:
    """All claims of a cache folder, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, made: Made) -> Made:
        """Keep a claim; one that was made before stays as it was, with its time. Returns what is kept.

        Raises:
            SpecInvalid: the machine has too many, or it is too long.
            StoreUnusable: it cannot be written.
        """
        if self._path(made.key).exists():
            return self.read(made.key)
        if len(self._files()) >= MOST_CLAIMS:
            raise SpecInvalid(
                "Keeping a claim.", f"This machine has {MOST_CLAIMS:,} already.", "Delete some on the page Hypotheses."
            )
        self._write(made)
        return made

    def annotate(self, key: str, note: str) -> None:
        """Change a claim's note. Raises SpecInvalid for one that is too long, StoreUnusable."""
        if len(note) > MOST_NOTE:
            raise SpecInvalid("Keeping a note.", f"It is longer than {MOST_NOTE:,} letters.", "Shorten it.")
        self._write(Made(**{**asdict(self.read(key)), "note": note}))

    def read(self, key: str) -> Made:
        """A claim by its key. Raises StoreUnusable where it is not there or damaged."""
        try:
            path = self._path(key)
            if path.stat().st_size > _MOST_BYTES:
                raise _unreadable(key, "it is too long")
            held = json.loads(path.read_text(encoding="utf-8"))
            return Made(
                key=key,
                claim=dict(held["claim"]),
                said=str(held["said"]),
                about=str(held["about"]),
                made=float(held["made"]),
                was_known=bool(held["was_known"]),
                note=str(held["note"]),
            )
        except FileNotFoundError as error:
            raise _unreadable(key, "it is not there") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _unreadable(key, repr(error)) from error

    def delete(self, key: str) -> None:
        """Forget a claim; what was measured for it stays."""
        self._path(key).unlink(missing_ok=True)

    def keys(self) -> list[str]:
        """Of every claim, the last made or annotated first."""
        found = [(path.stat().st_mtime, path.stem) for path in self._files()]
        return [key for _, key in sorted(found, reverse=True)]

    def _files(self) -> list[Path]:
        return [path for path in self._folder.glob("*.json") if re.fullmatch(r"[0-9a-f]{40}", path.stem)]

    def _path(self, key: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{40}", key):
            raise _unreadable(key, "its name is none")
        return self._folder / f"{key}.json"

    def _write(self, made: Made) -> None:
        written = json.dumps(asdict(made), ensure_ascii=False)
        if len(written.encode()) > _MOST_BYTES:
            raise SpecInvalid("Keeping a claim.", "It is too long.", "Claim something of fewer runs.")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self._path(made.key), written)
        except OSError as error:
            raise StoreUnusable(
                "Keeping a claim.",
                f"It cannot be written: {error}.",
                "Make room on the page Storage, then do it again.",
            ) from error


def _unreadable(key: str, why: str) -> StoreUnusable:
    return StoreUnusable(
        f"Opening the claim {key[:40]}.",
        f"It cannot be read: {why}.",
        "Claims are kept by the machine they were made on; ask for the file instead of the link, or make it again.",
    )
