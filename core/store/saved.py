"""Points that a person circled and saved under a name, remembered in one small file of the cache folder."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import SpecInvalid, StoreUnusable
from core.keys import key_of
from core.refs import Dataset
from core.store.artifacts import write_atomically

MOST = 20_000
"""Points of one name."""

Place = tuple[str, str, int]
"""As core.analyses.places has it: sentence, text, place in the sentence."""


class SavedFile:
    """All saved points, in `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, dataset: Dataset, unit: str) -> dict[str, frozenset[Place]]:
        """Those of a data set and unit by name, in the order saved. Raises StoreUnusable for a damaged file."""
        mine = [row for row in self._rows() if (row["dataset"], row["unit"]) == (key_of(dataset), unit)]
        return {row["name"]: frozenset(row["places"]) for row in mine}

    def save(self, name: str, dataset: Dataset, unit: str, points: Sequence[Place]) -> None:
        """Remember points; those of the same name, data set and unit make way.

        Raises:
            SpecInvalid: no name, no points, or too many.
        """
        if not name.strip() or not 1 <= len(points) <= MOST:
            raise SpecInvalid(
                f"Saving {len(points):,} points as “{name.strip()}”.",
                "A name and 1 to 20,000 points are needed.",
                "Circle some points and name them.",
            )
        row = {"name": name.strip(), "dataset": key_of(dataset), "unit": unit, "places": list(points)}
        self._write([*self._others(name.strip(), dataset, unit), row])

    def forget(self, name: str, dataset: Dataset, unit: str) -> None:
        """Delete them, if they are there."""
        self._write(self._others(name, dataset, unit))

    def _others(self, name: str, dataset: Dataset, unit: str) -> list[dict[str, Any]]:
        own = (name, key_of(dataset), unit)
        return [row for row in self._rows() if (row["name"], row["dataset"], row["unit"]) != own]

    def _rows(self) -> list[dict[str, Any]]:
        if not self._path.is_file():
            return []
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8"))
            return [
                {
                    **{field: str(row[field]) for field in ("name", "dataset", "unit")},
                    "places": [(str(s), str(t), int(p)) for s, t, p in row["places"]],
                }
                for row in rows
            ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreUnusable(
                f"Reading saved points, {self._path}.",
                f"The file cannot be read: {error!r}.",
                "Delete it and save the points again; results are kept.",
            ) from error

    def _write(self, rows: list[dict[str, Any]]) -> None:
        write_atomically(self._path, json.dumps(rows, ensure_ascii=False))
