"""What is known of each job: one small file a key, replaced atomically, so that a shared disk serves it too."""

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from core.settings import owner_only_folder
from core.store.artifacts import write_atomically

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
ACTIVE: tuple[State, ...] = ("queued", "running")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a job ended without a result."""

    kind: str
    """Class of the error."""
    message: str
    """What was asked, found, to do."""


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """One asked-for computation."""

    key: str
    spec: dict[str, Any]
    title: str
    state: State = "queued"
    needs: tuple[str, ...] = ()
    """Keys of artifacts that must be there first."""
    done: int = 0
    total: int = 0
    note: str = ""
    error: Problem | None = None
    asked: float = 0.0
    started: float = 0.0
    ended: float = 0.0
    worker: int = 0
    """Process id while running."""
    expected: float = 0.0
    """Seconds it was expected to take when it was asked for, by this machine's record; 0 = it has none."""


@dataclass(frozen=True, kw_only=True)
class JobStatus:
    """How a computation stands."""

    state: State | Literal["unknown"]
    done: int = 0
    total: int = 0
    note: str = ""
    error: Problem | None = None
    ahead: int = 0
    """Jobs that come before it in the queue."""
    seconds_left: float | None = None
    """Until it ends, those ahead included: from its own pace, or from this machine's record; None = not known."""


class Records:
    """The job files of one cache folder."""

    def __init__(self, cache: Path) -> None:
        self._folder = owner_only_folder(cache / "jobs")
        self._read: dict[str, tuple[tuple[int, int], JobRecord]] = {}

    def get(self, key: str) -> JobRecord | None:
        """A job's record, or None; a file is parsed again only when it was replaced, since pages look every second."""
        path = self._folder / f"{key}.json"
        try:
            facts = path.stat()
            stamp = facts.st_ino, facts.st_mtime_ns
            known = self._read.get(key)
            if known is not None and known[0] == stamp:
                return known[1]
            data = json.loads(path.read_text(encoding="utf-8"))
            problem = data.pop("error")
            record = JobRecord(
                **{**data, "needs": tuple(data["needs"]), "error": Problem(**problem) if problem else None}
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        self._read[key] = stamp, record
        return record

    def put(self, record: JobRecord) -> None:
        """Write a record."""
        write_atomically(self._folder / f"{record.key}.json", json.dumps(asdict(record), ensure_ascii=False))

    def change(self, key: str, **changes: Any) -> None:
        """Write a record with some fields changed; a job that is not known stays unknown."""
        if (record := self.get(key)) is not None:
            self.put(replace(record, **changes))

    def end(self, key: str, state: State, error: Problem | None = None) -> None:
        """Record how a job ended, and take its cancel flag away."""
        record = self.get(key)
        done = {"done": record.total} if record and state == "done" else {}
        self.change(key, state=state, error=error, ended=time.time(), worker=0, **done)
        self.cancel_flag(key).unlink(missing_ok=True)

    def all(self) -> list[JobRecord]:
        """Every record, newest first."""
        found = [self.get(path.stem) for path in self._folder.glob("*.json") if not path.name.startswith(".")]
        return sorted((record for record in found if record), key=lambda record: -record.asked)

    def forget(self, key: str) -> None:
        """Delete a record."""
        (self._folder / f"{key}.json").unlink(missing_ok=True)
        self.cancel_flag(key).unlink(missing_ok=True)

    def cancel_flag(self, key: str) -> Path:
        """The file whose presence asks a job to stop."""
        return self._folder / f"{key}.cancel"


def seconds_left(record: JobRecord, now: float) -> float | None:
    """Seconds until a job ends once it runs: by its own pace after a twentieth, by what was expected before."""
    elapsed = now - record.started if record.state == "running" and record.started else 0.0
    if record.state == "running" and record.total and record.done >= record.total / 20:
        return elapsed * (record.total - record.done) / record.done
    left = record.expected - elapsed
    return left if left > 0 else None  # never done here before, or overdue: not known
