"""A panel of the layer strip."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from core.keys import Spec


@dataclass(frozen=True)
class Panel:
    """One question of the strip: its figure, the numbers behind it, and where they come from."""

    name: str
    chart: Any
    table: pd.DataFrame
    specs: Sequence[Spec]
    note: str
    said: str = ""
    """What is found in it, in words; empty where nothing is."""

    @property
    def alt_text(self) -> str:
        """What a screen reader says: the finding, then how it was measured."""
        return f"{self.said} {self.note}".strip()

    @property
    def title(self) -> str:
        """The question, as the figure asks it."""
        text = self.chart.title.text
        return (text if isinstance(text, str) else " ".join(text)).strip().replace("\N{NO-BREAK SPACE}", " ")
