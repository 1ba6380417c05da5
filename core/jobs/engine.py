"""The engine: a process of its own that turns queued job records into Dask tasks, and reports what became of them.

The records are its mailbox. Whoever wants a computation writes a record and makes sure that an engine lives; the
engine picks records up in order, hands each whose needs are met to a Dask worker under the artifact's key, and is the
only one that writes a running job's record. So no job is lost when app or engine end, and nothing but this process
ever talks to the scheduler. It holds a file lock while it lives, which the kernel releases however it dies.
"""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from core.jobs.records import ACTIVE, JobRecord, Problem, Records
from core.jobs.worker import TOPIC, log_file, work
from core.settings import ROOT, Settings, owner_only_folder
from core.store.artifacts import Store, write_atomically

log = logging.getLogger(__name__)

_HUB_SETTINGS = ("HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_POLL_SECONDS = 0.15
_FORCE_AFTER_SECONDS = 15.0
"""A job that does not heed its cancel flag for so long loses its worker process."""
_START_SECONDS = 60.0


def is_alive(cache: Path) -> bool:
    """Whether an engine holds this cache folder's lock."""
    path = cache / "engine" / "lock"
    if not path.exists():
        return False
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def retire_other_code(settings: Settings) -> None:
    """Where the living engine runs other code than ours, let it take up nothing more, and start its successor.

    Call before the records of what is asked are written, or the old code might still pick them up.
    """
    folder = owner_only_folder(settings.cache / "engine")
    if not is_alive(settings.cache) or _card(folder).get("code") in (code_hash(), None):
        return
    if not (folder / "drain").exists():  # else a successor already waits for it to finish what it has
        (folder / "drain").touch()
        _start(settings)


def ensure_engine(settings: Settings) -> None:
    """Start an engine unless a living one runs this very code; one that runs other code drains and is replaced."""
    if is_alive(settings.cache):
        retire_other_code(settings)
    else:
        _start(settings)


def _start(settings: Settings) -> None:
    owner_only_folder(settings.cache / "engine")
    command = [sys.executable, "-m", "core", "engine"]
    environment = {
        **os.environ,
        "TUNESCOPE_CACHE": str(settings.cache),
        "TUNESCOPE_PACKS": str(settings.packs or "none"),
        "TUNESCOPE_SCHEDULER": settings.scheduler,
        "TUNESCOPE_DEVICE": settings.device,
        "TUNESCOPE_THREADS": str(settings.threads),
        "TUNESCOPE_IDLE_SECONDS": str(settings.idle_seconds),
    }
    with log_file(settings.cache).open("ab") as sink:
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )


def code_hash() -> str:
    """What the engine runs: our own sources, the versions of the libraries that compute, and how it reaches the Hub."""
    parts = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((ROOT / "core").rglob("*.py"))]
    parts += [
        f"{name} {version(name)}" for name in ("torch", "transformers", "numpy", "distributed", "huggingface_hub")
    ]
    # A living engine keeps the environment it was started in; where downloads go and what they may is part of that.
    parts += [f"{name}={os.environ.get(name, '')}" for name in _HUB_SETTINGS]
    parts.append(f"token {bool(os.environ.get('HF_TOKEN'))}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def serve(settings: Settings) -> None:
    """Be the engine until idle for `idle_seconds`, drained, or told to stop by SIGTERM. Returns at once if one lives."""
    folder = owner_only_folder(settings.cache / "engine")
    while True:
        with _lock(folder) as lock:
            if lock is None:
                return
            (folder / "drain").unlink(missing_ok=True)
            card = {"pid": os.getpid(), "code": code_hash(), "started": time.time()}
            write_atomically(folder / "engine.json", json.dumps(card))
            Engine(settings).run()
            (folder / "engine.json").unlink(missing_ok=True)
        # A record written while the lock was being given up found a living engine: it must not wait for ever.
        waiting = any(record.state == "queued" for record in Records(settings.cache).all())
        if not waiting or (folder / "drain").exists() or _STOP.is_set():
            return


_STOP = threading.Event()


class Engine:
    """One life of the engine, over one Dask cluster."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._records = Records(settings.cache)
        self._store = Store(settings)
        self._drain = settings.cache / "engine" / "drain"
        self._futures: dict[str, Any] = {}
        self._progress: dict[str, dict[str, Any]] = {}
        self._cancelled_since: dict[str, float] = {}

    def run(self) -> None:
        """Serve until idle, drained or stopped."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: _STOP.set())
        self._recover()
        with _cluster(self._settings) as client:
            client.subscribe_topic(TOPIC, self._on_progress)
            idle_since = time.monotonic()
            while not _STOP.is_set():
                self._submit_ready(client)
                self._write_progress()
                self._heed_cancels()
                self._collect()
                if self._futures:
                    idle_since = time.monotonic()
                elif self._drain.exists() or time.monotonic() - idle_since > self._settings.idle_seconds:
                    return
                _STOP.wait(_POLL_SECONDS)
            for key in self._futures:
                self._records.end(key, "interrupted", Problem(kind="Interrupted", message="The engine was stopped."))

    def _recover(self) -> None:
        """Name the jobs that an engine before this one left running."""
        for record in self._records.all():
            if record.state == "running":
                self._records.end(record.key, "interrupted", INTERRUPTED)

    def _submit_ready(self, client: Any) -> None:
        records = self._records.all()
        if self._drain.exists():  # asked after reading: whoever retires us does so before writing what they ask
            return
        for record in reversed(records):
            if record.state != "queued" or record.key in self._futures:
                continue
            if self._records.cancel_flag(record.key).exists():
                self._records.end(record.key, "cancelled")
            elif (obstacle := self._obstacle(record)) is not None:
                self._records.end(record.key, obstacle[0], obstacle[1])
            elif all(self._store.has_key(key) for key in record.needs):
                self._futures[record.key] = client.submit(
                    work, record.key, record.spec, self._settings, key=record.key, pure=False, retries=0
                )

    def _obstacle(self, record: JobRecord) -> tuple[Any, Problem] | None:
        """Why a queued job can never run: something it needs ended without a result."""
        for key in record.needs:
            needed = self._records.get(key)
            if self._store.has_key(key) or (needed is not None and needed.state in ACTIVE):
                continue
            if needed is None or needed.state == "done":
                return "failed", Problem(kind="JobFailed", message="A result it needs was deleted. Compute it again.")
            why = needed.error.message if needed.error else f"It was {needed.state}."
            return needed.state, Problem(
                kind=needed.error.kind if needed.error else "", message=f"{needed.title}: {why}"
            )
        return None

    def _on_progress(self, event: tuple[float, dict[str, Any]]) -> None:
        self._progress[event[1]["key"]] = event[1]

    def _write_progress(self) -> None:
        for key in list(self._progress):
            seen = self._progress.pop(key)
            if key in self._futures:
                # A task waits inside Dask until a worker takes it: only the worker's own word makes it running.
                self._records.change(
                    key,
                    state="running",
                    started=seen["started"],
                    done=seen["done"],
                    total=seen["total"],
                    note=seen["note"],
                    worker=seen["pid"],
                )

    def _heed_cancels(self) -> None:
        """Kill the worker of a job that does not stop by itself; a local engine has one job a process."""
        for key in self._futures:
            if not self._records.cancel_flag(key).exists():
                continue
            since = self._cancelled_since.setdefault(key, time.monotonic())
            record = self._records.get(key)
            if (
                time.monotonic() - since > _FORCE_AFTER_SECONDS
                and record
                and record.worker
                and not self._settings.scheduler
            ):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(record.worker, signal.SIGKILL)
                self._cancelled_since[key] = time.monotonic()

    def _collect(self) -> None:
        for key, future in list(self._futures.items()):
            if not future.done():
                continue
            del self._futures[key]
            self._cancelled_since.pop(key, None)
            asked_to_stop = self._records.cancel_flag(key).exists()
            if future.status == "finished":
                ended = future.result()
                problem = Problem(kind=ended["kind"], message=ended["message"]) if ended["kind"] else None
                self._records.end(key, ended["state"], problem)
            elif asked_to_stop:
                self._records.end(key, "cancelled")
            else:
                log.error("job %s lost its worker: %s", key, future.exception())
                self._records.end(key, "interrupted", WORKER_DIED)
            future.release()


INTERRUPTED = Problem(
    kind="Interrupted",
    message="The engine ended while this was running. What was finished is kept: start it again to go on.",
)
WORKER_DIED = Problem(
    kind="Interrupted",
    message="Its worker process was killed, often for lack of memory. What was finished is kept: start it again to go on.",
)


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[IO[str] | None]:
    """Hold the engine's lock, or give None where another engine lives and is not draining."""
    deadline = time.monotonic() + _START_SECONDS
    with (folder / "lock").open("a") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # Someone may only be looking whether an engine lives; a draining engine will leave.
                tried_enough = time.monotonic() > deadline - _START_SECONDS + 1.0
                if tried_enough and not (folder / "drain").exists():
                    yield None
                    return
                time.sleep(0.05)
                continue
            yield lock
            return


@contextlib.contextmanager
def _cluster(settings: Settings) -> Iterator[Any]:
    """A client of the scheduler that the settings name, or of worker processes of our own."""
    import dask
    from distributed import Client, LocalCluster
    from distributed.security import Security

    if settings.scheduler:
        with Client(settings.scheduler, name="tunescope") as client:
            yield client
        return
    threads = str(settings.n_threads)
    with (
        dask.config.set(
            {
                "distributed.scheduler.allowed-failures": 0,
                "distributed.nanny.pre-spawn-environ": {
                    "OMP_NUM_THREADS": threads,
                    "MKL_NUM_THREADS": threads,
                    "OPENBLAS_NUM_THREADS": threads,
                    # Idle threads that spin for work starve whoever shares the machine, ourselves included.
                    "OMP_WAIT_POLICY": "PASSIVE",
                    "TOKENIZERS_PARALLELISM": "true",
                    # No MALLOC_TRIM_THRESHOLD_, though Dask recommends a small one: handing memory back to the system after
                    # every product made probes five times slower. Extraction hands back what it used (devices.py).
                },
                "distributed.comm.require-encryption": True,
            }
        ),
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            protocol="tls://",
            security=Security.temporary(),
            dashboard_address=None,
            memory_limit=0,
            silence_logs=logging.ERROR,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _card(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "engine.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
