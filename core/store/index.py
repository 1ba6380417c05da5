"""An index over the artifacts of this machine, in diskcache: for listing, for costs, for eviction.

diskcache pickles by default (CVE-2025-69872), and even its JSONDisk unpickles a planted row. Our disk class stores
JSON text under text keys and refuses everything else on reading, before any byte is interpreted. The index is never
the truth: it is rebuilt from the manifests when it is missing or refused.
"""

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diskcache
from diskcache.core import MODE_RAW, UNKNOWN

from core.errors import ArtifactDamaged, StoreUnusable


class _TextDisk(diskcache.Disk):
    """Text keys, JSON values, both in the row; nothing is ever unpickled."""

    def put(self, key: Any) -> tuple[str, bool]:
        if not isinstance(key, str):
            raise TypeError("index keys are text")
        return key, True

    def get(self, key: Any, raw: Any) -> str:
        if not raw or not isinstance(key, str):
            raise _refused()
        return key

    def store(self, value: Any, read: bool, key: Any = UNKNOWN) -> tuple[int, int, None, str]:
        return 0, MODE_RAW, None, json.dumps(value)

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> Any:
        if mode != MODE_RAW or filename is not None or not isinstance(value, str):
            raise _refused()
        try:
            return json.loads(value)
        except ValueError as error:
            raise _refused() from error


class Index:
    """Facts about stored artifacts by key. Safe to delete; local to a machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def _opened(self) -> Iterator[diskcache.Cache]:
        try:
            with contextlib.closing(
                diskcache.Cache(str(self._folder), disk=_TextDisk, eviction_policy="none", size_limit=2**40, timeout=60)
            ) as cache:
                yield cache
        except (sqlite3.Error, diskcache.Timeout, OSError) as error:
            raise StoreUnusable(
                f"Using the index in {self._folder}.",
                f"It answered: {error}.",
                "Free space, or delete that folder; it is rebuilt.",
            ) from error

    def put(self, key: str, facts: dict[str, Any]) -> None:
        """Remember an artifact's facts."""
        with self._opened() as cache:
            cache.set(key, facts)

    def remove(self, key: str) -> None:
        """Forget an artifact."""
        with self._opened() as cache:
            cache.delete(key)

    def all(self) -> dict[str, dict[str, Any]]:
        """Facts of every artifact by key.

        Raises:
            ArtifactDamaged: a row that this program did not write.
        """
        with self._opened() as cache:
            return {key: cache[key] for key in cache.iterkeys()}

    def delete(self) -> None:
        """Delete the index's files; the next write makes it anew."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)

    def replace(self, facts: dict[str, dict[str, Any]]) -> None:
        """Write the whole index anew."""
        with self._opened() as cache:
            cache.clear()
            for key, row in facts.items():
                cache.set(key, row)


def _refused() -> ArtifactDamaged:
    return ArtifactDamaged(
        "Reading the index of artifacts.",
        "It holds a row that Tunescope did not write.",
        "Delete the index; it is rebuilt.",
    )
