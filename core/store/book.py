"""The checkpoints and data sets a person has added, remembered as refs in one small file."""

import json
from pathlib import Path
from typing import Any

from core.errors import SpecInvalid, StoreUnusable
from core.keys import Described, from_json, key_of, to_json
from core.store.artifacts import write_atomically


class Book:
    """Refs with a name each, kept in the cache folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> dict[str, tuple[str, Described]]:
        """Short id -> (name, ref), in the order added; an entry of another time that no longer reads is left out.

        Raises:
            StoreUnusable: the file is not as it was written.
        """
        found = {}
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8")) if self._path.is_file() else []
            for row in rows:
                name, ref = row["name"], row["ref"]
                try:
                    found[row["id"]] = (name, from_json(ref))
                except SpecInvalid:
                    continue
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreUnusable(
                f"Reading the list of added checkpoints and data sets, {self._path}.",
                f"It cannot be read: {error!r}.",
                "Delete that file and add them again; results are kept.",
            ) from error
        return found

    def add(self, name: str, ref: Described) -> str:
        """Remember a ref (again) under a name; returns its short id."""
        short = key_of(ref)[:8]
        rows: list[dict[str, Any]] = [
            {"id": known, "name": label, "ref": to_json(held)}
            for known, (label, held) in self.entries().items()
            if known != short
        ]
        rows.append({"id": short, "name": name, "ref": to_json(ref)})
        write_atomically(self._path, json.dumps(rows, indent=1, ensure_ascii=False))
        return short

    def remove(self, short: str) -> None:
        """Forget an entry; nothing computed is deleted."""
        rows = [
            {"id": known, "name": label, "ref": to_json(held)}
            for known, (label, held) in self.entries().items()
            if known != short
        ]
        write_atomically(self._path, json.dumps(rows, indent=1, ensure_ascii=False))
