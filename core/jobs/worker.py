"""What runs inside a worker process of the engine: one artifact, with progress as worker events."""

import logging
import os
import time
import traceback
from pathlib import Path
from typing import Any

from core.errors import Cancelled, SpecInvalid, TunescopeError
from core.jobs.records import Records
from core.keys import Spec, from_json
from core.settings import Settings

TOPIC = "tunescope-progress"

log = logging.getLogger(__name__)


def work(key: str, spec_json: dict[str, Any], settings: Settings) -> dict[str, str]:
    """Compute an artifact; returns how it ended, since an exception of ours needs no traceback in the engine."""
    from distributed import get_worker

    import core.analyses  # noqa: F401  # makes every kind of spec known
    from core.jobs.run import compute_artifact
    from core.store.artifacts import Store

    worker, started = get_worker(), time.time()

    def report(done: int, total: int, note: str) -> None:
        event = {"key": key, "done": done, "total": total, "note": note, "pid": os.getpid(), "started": started}
        worker.log_event(TOPIC, event)

    try:
        report(0, 0, "loading")
        records, spec = Records(settings.cache), from_json(spec_json)
        compute_artifact(
            spec,
            Store(settings),
            cancel_flag=records.cancel_flag(key),
            report=report,
            wanted=queued_beside(spec, records),
        )
    except Cancelled:
        return {"state": "cancelled", "kind": "", "message": ""}
    except TunescopeError as problem:
        return {"state": "failed", "kind": type(problem).__name__, "message": str(problem)}
    except Exception as defect:  # noqa: BLE001  # a defect of ours must reach the page, with its traceback in the log
        log.error("job %s failed:\n%s", key, traceback.format_exc())
        number = key[:8]
        message = f"{type(defect).__name__}: {defect}. This is a defect of Tunescope; its traceback is in the log under {number}."
        return {"state": "failed", "kind": "Defect", "message": message}
    return {"state": "done", "kind": "", "message": ""}


def queued_beside(spec: Spec, records: Records) -> list[Spec]:
    """What waits in the queue and comes out of the same pass."""
    found = []
    for record in records.all():
        is_waiting = record.state == "queued" and not records.cancel_flag(record.key).exists()
        if not is_waiting or record.spec.get("kind") != spec.kind:
            continue
        try:
            other = from_json(record.spec)
        except SpecInvalid:
            continue  # of another time; its own job will say so
        if spec.shares_pass_with(other):
            found.append(other)
    return found


def log_file(cache: Path) -> Path:
    """Where the engine and its workers log."""
    return cache / "engine" / "engine.log"
