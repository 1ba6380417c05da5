"""Downloading a file of a data set of the Hub, as a job."""

from typing import Any

from core.analyses.base import Run
from core.analyses.download import Downloaded, downloaded
from core.refs import HubFile


def compute(spec: HubFile, inputs: dict[str, Any], run: Run) -> Downloaded:
    """Fetch it where it is not here yet. Raises DatasetNotFound, DatasetInvalid, StoreUnusable."""
    from core.data.hub import fetch_data

    return downloaded(fetch_data(spec, lambda done, total: run.step(done, total, "bytes")))
