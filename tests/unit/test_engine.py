"""The engine with real processes: single flight, cancel, kills, resuming, going away."""

import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from core.analyses.embed import Embed
from core.analyses.experiments import BY_NAME, grid
from core.analyses.probe import Probe
from core.jobs.engine import is_alive
from core.jobs.records import JobStatus
from core.keys import Spec, key_of
from core.lab import Lab
from core.refs import Folder, Packaged, Sample, Suite
from core.settings import Settings
from core.store.artifacts import Store
from tests.faults import tiny
from tests.small import TUNE

WAIT = 90.0
SMALL = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(split="dev"), n=40))
LONG = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(split="train"), n=1800), pooling="first")


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Lab]:
    """A lab with an engine of its own, ended with the test whatever happened."""
    lab = Lab(Store(Settings(cache=tmp_path / "cache", device="cpu", idle_seconds=4)))
    yield lab
    if pid := engine_pid(lab):
        os.kill(pid, signal.SIGTERM)
        until(lambda: not is_alive(lab.store.root))


def engine_pid(lab: Lab) -> int:
    """Process id of the living engine; 0 when there is none."""
    card = lab.store.root / "engine" / "engine.json"
    return json.loads(card.read_text())["pid"] if is_alive(lab.store.root) and card.is_file() else 0


def until(condition: Callable[[], object], seconds: float = WAIT) -> None:
    """Wait for a condition; fails when it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def running(lab: Lab, spec: Spec, at_least: int) -> JobStatus:
    """Wait until so many units are done."""
    key = key_of(spec)
    until(lambda: lab.status(key).done >= at_least or lab.status(key).state not in ("queued", "running"))
    status = lab.status(key)
    assert status.state == "running", status
    return status


def descendants(pid: int) -> set[int]:
    """Process ids of all children of a process."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listing.splitlines())}
    found = {pid}
    while grown := {child for child, parent in parents.items() if parent in found} - found:
        found |= grown
    return found - {pid}


def exists(pid: int) -> bool:
    """Whether a process lives (a zombie does not)."""
    path = Path(f"/proc/{pid}/stat")
    return path.exists() and path.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_two_labs_share_one_engine_and_one_computation(shared: Lab) -> None:
    other = Lab(Store(shared.store.settings))
    jobs = [lab.submit(SMALL) for lab in (shared, other, shared)]
    assert len({job.key for job in jobs}) == 1
    assert shared.wait(jobs[0].key, seconds=WAIT).state == "done"
    first = engine_pid(shared)
    card = shared.store.root / "engine" / "engine.json"
    assert stat.S_IMODE(card.parent.stat().st_mode) == 0o700
    assert len(shared.jobs()) == 1
    created = shared.provenance(SMALL).created
    other.submit(SMALL.replace(pooling="last"))
    other.submit(SMALL)
    assert other.wait(key_of(SMALL.replace(pooling="last")), seconds=WAIT).state == "done"
    assert engine_pid(other) == first
    assert other.provenance(SMALL).created == created
    until(lambda: not is_alive(shared.store.root), seconds=40)  # idle: it goes by itself


def test_a_cancelled_job_stops_within_a_batch_and_shows_nothing(shared: Lab) -> None:
    key = shared.submit(LONG).key
    running(shared, LONG, 20)
    asked = time.monotonic()
    shared.cancel(key)
    until(lambda: shared.status(key).state == "cancelled", seconds=20)
    assert time.monotonic() - asked < 15  # below the time after which the worker would have been killed
    assert shared.peek(LONG) is None


def test_a_job_that_waits_for_another_ends_with_it(shared: Lab) -> None:
    probe = Probe(embed=LONG, label="upos")
    shared.submit(probe)
    running(shared, LONG, 1)
    shared.cancel(key_of(LONG))
    until(lambda: shared.status(key_of(probe)).state == "cancelled", seconds=20)


def test_a_killed_worker_is_named_and_its_work_resumed(shared: Lab, tmp_path: Path) -> None:
    key = shared.submit(LONG).key
    running(shared, LONG, 1)
    # What is logged as finished is safe; wait until something is.
    log = shared.store.folder(LONG) / "finished.log"
    until(lambda: log.is_file() and log.stat().st_size > 0)
    kept = log.stat().st_size // 8
    record = shared.record(key)
    assert record is not None
    os.kill(record.worker, signal.SIGKILL)
    until(lambda: shared.status(key).state == "interrupted")
    status = shared.status(key)
    assert status.error is not None
    assert "killed" in status.error.message
    assert "start it again" in status.error.message
    assert shared.peek(LONG) is None
    shared.submit(LONG)
    first = running(shared, LONG, 1)
    assert first.done >= kept > 0
    assert shared.wait(key, seconds=WAIT).state == "done"
    whole = Lab(Store(Settings(cache=tmp_path / "whole", device="cpu")), engine="none").run(LONG)
    for resumed, uninterrupted in zip(shared.peek(LONG).layers, whole.layers, strict=True):
        # Batches are cut otherwise after a resume; float16 hides all but a few last bits of that.
        np.testing.assert_allclose(resumed, uninterrupted, rtol=2e-3, atol=2e-3)


def test_a_killed_engine_leaves_no_orphan_and_no_lie(shared: Lab) -> None:
    key = shared.submit(LONG).key
    running(shared, LONG, 1)
    pid = engine_pid(shared)
    workers = descendants(pid)
    assert workers
    os.kill(pid, signal.SIGKILL)
    until(lambda: shared.status(key).state == "interrupted", seconds=10)
    until(lambda: not any(exists(worker) for worker in workers), seconds=20)
    shared.submit(LONG)
    assert shared.wait(key, seconds=WAIT).state == "done"


def test_an_engine_with_other_code_is_replaced(shared: Lab) -> None:
    shared.submit(SMALL)
    shared.wait(key_of(SMALL), seconds=WAIT)
    old = engine_pid(shared)
    its_workers = {old, *descendants(old)}
    card = shared.store.root / "engine" / "engine.json"
    card.write_text(json.dumps({"pid": old, "code": "another"}))
    again = SMALL.replace(pooling="first")
    shared.submit(again)
    assert shared.wait(key_of(again), seconds=WAIT).state == "done"
    assert engine_pid(shared) not in (0, old)
    assert not exists(old)
    record = shared.record(key_of(again))
    assert record is not None
    assert record.worker not in its_workers  # what was asked under the new code was never taken up under the old


def test_a_failing_job_says_why_and_so_do_those_that_need_it(shared: Lab) -> None:
    probe = Probe(embed=SMALL, label="colour")
    shared.submit(probe)
    status = shared.wait(key_of(probe), seconds=WAIT)
    assert status.state == "failed"
    assert status.error is not None
    assert status.error.kind == "SpecInvalid"
    assert "'colour'" in status.error.message
    assert "upos" in status.error.message
    assert shared.peek(probe) is None


def test_units_of_one_sample_that_wait_together_are_read_in_one_pass(shared: Lab) -> None:
    sentences = SMALL.replace(unit="sentence", pooling="mean")
    waiting = Lab(shared.store, engine="none")
    jobs = [waiting.submit(spec) for spec in (SMALL, sentences)]
    shared.submit(SMALL)
    for job in jobs:
        assert shared.wait(job.key, seconds=WAIT).state == "done"
    first, second = (shared.provenance(spec).seconds for spec in (SMALL, sentences))
    assert sorted([first, second])[0] == 0  # one came along with the other
    assert first + second > 0


def test_a_queued_job_without_an_engine_is_picked_up_by_the_next(shared: Lab) -> None:
    silent = Lab(shared.store, engine="none")
    silent.submit(SMALL)
    assert silent.status(key_of(SMALL)).state == "queued"
    assert not is_alive(shared.store.root)
    shared.submit(SMALL.replace(pooling="last"))
    assert shared.wait(key_of(SMALL), seconds=WAIT).state == "done"


def test_a_job_cancelled_before_any_engine_never_runs(shared: Lab) -> None:
    silent = Lab(shared.store, engine="none")
    key = silent.submit(SMALL).key
    silent.cancel(key)
    assert silent.status(key).state == "cancelled"
    other = SMALL.replace(pooling="last")
    shared.submit(other)
    assert shared.wait(key_of(other), seconds=WAIT).state == "done"
    assert shared.peek(SMALL) is None


def test_a_result_that_is_there_is_done_whoever_computed_it(lab: Lab) -> None:
    lab.run(SMALL)
    job = lab.submit(SMALL)
    assert lab.status(job.key).state == "done"
    assert lab.jobs() == []
    assert lab.status("0" * 40).state == "unknown"


def test_the_trials_of_a_grid_are_computed_by_one_process_so_that_they_can_share_their_base(
    shared: Lab, tmp_path: Path
) -> None:
    tiny("bert", tmp_path / "tiny")
    run = TUNE.replace(checkpoint=Folder.at(tmp_path / "tiny"), train=TUNE.train.replace(n=16))
    points = grid(BY_NAME["Freeze from the bottom"], run, 3, 1)
    jobs = [shared.submit(point.trial) for point in points]
    assert len(jobs) >= 3
    for job in jobs:
        assert shared.wait(job.key, seconds=WAIT).state == "done"
    assert len({shared.record(job.key).worker for job in jobs}) == 1
