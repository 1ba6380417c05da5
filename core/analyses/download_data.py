"""Downloading a file of a data set of the Hub, as a job."""

from typing import Any

import pandas as pd

from core.analyses.base import Run
from core.analyses.download import Downloaded
from core.refs import HubFile


def compute(spec: HubFile, inputs: dict[str, Any], run: Run) -> Downloaded:
    """Fetch it where it is not here yet. Raises DatasetNotFound, DatasetInvalid, StoreUnusable."""
    from core.data.hub import fetch_data

    found = fetch_data(spec, lambda done, total: run.step(done, total, "bytes"))
    rows = [{"name": one.name, "bytes": one.n_bytes, "sha256": one.sha256} for one in found]
    return Downloaded(files=pd.DataFrame(rows))
