"""The checkpoints and data sets a person has added, remembered as refs in one small file."""

import json
from pathlib import Path
from typing import Any

from core.errors import SpecInvalid
from core.keys import Described, from_json, key_of, to_json
from core.store.artifacts import write_atomically


class Book:
    """Refs with a name each, kept in the cache folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> dict[str, tuple[str, Described]]:
        """Short id -> (name, ref), in the order added; an entry of another time that no longer reads is left out."""
        rows = json.loads(self._path.read_text(encoding="utf-8")) if self._path.is_file() else []
        found = {}
        for row in rows:
            try:
                found[row["id"]] = (row["name"], from_json(row["ref"]))
            except SpecInvalid:
                continue
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
