"""A run that nobody watches, for tests that call compute itself."""

from pathlib import Path

import pandas as pd

from core.errors import Cancelled


class Quiet:
    """A run on one thread of the CPU; told to, it is cancelled after so many checks."""

    folder, device, threads = Path(), "cpu", 1

    def __init__(self, stop_after: int | None = None) -> None:
        self.checks, self._stop_after = 0, stop_after

    def step(self, done: int, total: int, note: str = "") -> None:
        """Steps are counted from 0 to all of them."""
        assert 0 <= done <= total

    def check(self) -> None:
        """Stop where the test asked for it."""
        self.checks += 1
        if self._stop_after is not None and self.checks > self._stop_after:
            raise Cancelled("Computing.", "Somebody cancelled it.", "Start it again.")

    def publish(self, name: str, table: pd.DataFrame) -> None:
        """Nobody watches."""
