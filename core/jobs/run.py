"""Computing one artifact in this process: inputs from the store, compute, result into the store."""

import logging
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd

from core.analyses import compute_of, compute_together_of, result_class
from core.errors import ArtifactDamaged, Cancelled
from core.keys import Result, Spec
from core.models.devices import pick_device, quieten, use_threads
from core.store.artifacts import Store, write_atomically

OnStep = Callable[[int, int, str], None]

_REPORT_SECONDS = 0.5

log = logging.getLogger(__name__)


class LocalRun:
    """A Run (core.analyses.base) that reports at most twice a second and looks for its cancel flag at every check."""

    def __init__(self, folder: Path, *, device: str, threads: int, cancel_flag: Path, report: OnStep) -> None:
        self.folder, self.device, self.threads = folder, device, threads
        self._cancel_flag, self._report = cancel_flag, report
        self._reported = 0.0

    def step(self, done: int, total: int, note: str = "") -> None:
        """Report progress; raises Cancelled."""
        self.check()
        now = time.monotonic()
        if now - self._reported >= _REPORT_SECONDS or done == total:
            self._reported = now
            self._report(done, total, note)

    def check(self) -> None:
        """Raise Cancelled when the flag is there."""
        if self._cancel_flag.exists():
            raise Cancelled("Computing.", "Somebody cancelled it.", "Start it again to go on.")

    def publish(self, name: str, table: pd.DataFrame) -> None:
        """Write a table where Lab.live finds it."""
        write_atomically(self.folder / f"live.{name}.json", table.to_json(orient="split", index=False))


def compute_artifact(
    spec: Spec, store: Store, *, cancel_flag: Path, report: OnStep, wanted: Iterable[Spec] = ()
) -> Result:
    """The result of a spec whose dependencies are stored; computed here unless it is already there.

    Args:
        spec: what to compute.
        store: where its inputs lie and the result goes.
        cancel_flag: a file that, once it is there, ends the computation.
        report: told of the progress, at most twice a second.
        wanted: what else is going to be asked for; of that, what comes out of the same pass is computed and stored along.
    Raises:
        TunescopeError: as the analysis does; Cancelled when the flag is there.
    """
    with store.writing(spec) as folder:
        if (ready := stored(spec, store)) is not None:
            return ready
        inputs: dict[str, Any] = {
            name: store.load(needed, result_class(needed)) for name, needed in spec.dependencies().items()
        }
        quieten()
        use_threads(store.settings.n_threads)
        device = pick_device(store.settings.device)

        def run_in(own_folder: Path) -> LocalRun:
            threads = store.settings.n_threads
            return LocalRun(own_folder, device=device, threads=threads, cancel_flag=cancel_flag, report=report)

        run = run_in(folder)
        run.check()
        if not _computed_along(spec, inputs, run, run_in, store, wanted):
            started = time.monotonic()
            result = compute_of(spec)(spec, inputs, run)
            store.save(spec, result, seconds=time.monotonic() - started, device=device)
        return store.load(spec, result_class(spec))


def _computed_along(
    spec: Spec,
    inputs: dict[str, Any],
    run: LocalRun,
    run_in: Callable[[Path], LocalRun],
    store: Store,
    wanted: Iterable[Spec],
) -> bool:
    """Compute and store a spec and what else is wanted of the same pass; False where it must be computed alone."""
    with ExitStack() as stack:
        specs, runs = [spec], [run]
        for other in dict.fromkeys(wanted):
            if other == spec or not spec.shares_pass_with(other) or store.has(other):
                continue
            folder = stack.enter_context(store.writing_if_free(other))
            if folder is not None and not store.has(other):
                specs.append(other)
                runs.append(run_in(folder))
        if len(specs) == 1:
            return False
        started = time.monotonic()
        try:
            results = compute_together_of(spec)(specs, inputs, runs)
        except Cancelled:
            raise
        except Exception as problem:  # it may be the others' alone, as a disk without room for them
            log.warning("one pass for %d results was given up: %s", len(specs), problem, exc_info=True)
            for other_run in runs[1:]:
                shutil.rmtree(other_run.folder, ignore_errors=True)
            return False
        seconds = time.monotonic() - started
        for at, (one, result) in enumerate(zip(specs, results, strict=True)):
            # What came along took no time of its own; Lab._rates leaves it out.
            store.save(one, result, seconds=0.0 if at else seconds, device=run.device)
    return True


def stored(spec: Spec, store: Store) -> Result | None:
    """The stored result, or None; a damaged one is cleared away, so that it is computed again and never shown."""
    if not store.has(spec):
        return None
    try:
        return store.load(spec, result_class(spec))
    except ArtifactDamaged:
        store.discard(spec)
        if store.has(spec):  # a shipped pack has it too
            return store.load(spec, result_class(spec))
        store.folder(spec).mkdir(parents=True, exist_ok=True)
        return None


def missing(spec: Spec, store: Store) -> list[Spec]:
    """The spec and everything it needs that is not stored, in an order in which they can be computed."""
    order: dict[Spec, None] = {}

    def visit(wanted: Spec) -> None:
        if wanted in order or store.has(wanted):
            return
        for needed in wanted.dependencies().values():
            visit(needed)
        order[wanted] = None

    visit(spec)
    return list(order)
