"""Downloading a checkpoint of the Hub: a computation like any other, so that it waits, shows how far it is, and can be stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from core.analyses.base import Run
from core.hub import Fetched
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

    return downloaded(fetch(spec, lambda done, total: run.step(done, total, "bytes")))


def downloaded(found: Sequence[Fetched]) -> Downloaded:
    """The result of a download of these files."""
    rows = [{"name": one.name, "bytes": one.n_bytes, "sha256": one.sha256} for one in found]
    return Downloaded(files=pd.DataFrame(rows))
