"""Downloading a checkpoint of the Hub: a computation like any other, so that it waits, shows how far it is, and can be stopped."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from core.analyses.base import Run
from core.keys import Result
from core.refs import Hub


@dataclass(frozen=True, kw_only=True)
class Downloaded(Result):
    """What came; the files themselves lie in the cache of the Hugging Face tools."""

    files: pd.DataFrame
    """name, bytes, sha256 (empty for small files)."""


def compute(spec: Hub, inputs: dict[str, Any], run: Run) -> Downloaded:
    """Fetch what is not here yet. Raises CheckpointNotFound, CheckpointDamaged, StoreUnusable."""
    from core.models.hub import fetch

    found = fetch(spec, lambda done, total: run.step(done, total, "bytes"))
    rows = [{"name": one.name, "bytes": one.n_bytes, "sha256": one.sha256} for one in found]
    return Downloaded(files=pd.DataFrame(rows))
