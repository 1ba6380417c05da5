"""A job's place in the queue, and the time left: from its own pace once it runs, from what was expected before."""

import time
from dataclasses import replace

import pytest

from core.jobs.records import JobRecord, seconds_left
from core.keys import key_of
from core.lab import Lab
from tests.small import BASE, SENTENCES, TUNED


def record(**changes: object) -> JobRecord:
    return replace(JobRecord(key="a", spec={}, title="x", expected=50.0, asked=100.0), **changes)


def test_a_waiting_job_takes_what_was_expected() -> None:
    assert seconds_left(record(), now=500.0) == 50.0
    assert seconds_left(record(expected=0.0), now=500.0) is None


def test_a_job_that_has_just_begun_takes_what_was_expected_less_what_has_passed() -> None:
    begun = record(state="running", started=100.0, done=1, total=100)
    assert seconds_left(begun, now=120.0) == 30.0
    assert seconds_left(begun, now=300.0) is None  # overdue: not known


@pytest.mark.parametrize(("done", "left"), [(10, 180.0), (50, 20.0), (100, 0.0)])
def test_a_job_under_way_is_judged_by_its_own_pace(done: int, left: float) -> None:
    running = record(state="running", started=100.0, done=done, total=100)
    assert seconds_left(running, now=120.0) == pytest.approx(left)


def test_jobs_wait_for_those_asked_before_them(lab: Lab) -> None:
    lab.run(SENTENCES)  # from now on this machine has a record of the kind
    other = BASE.replace(pooling="first")
    lab.submit(BASE)
    lab.submit(other)
    first, second = lab.status(key_of(BASE)), lab.status(key_of(other))
    assert (first.state, first.ahead) == ("queued", 0)
    assert (second.state, second.ahead) == ("queued", 1)
    assert first.seconds_left is not None
    assert second.seconds_left is not None
    planned = [lab.plan(spec)[0].seconds for spec in (BASE, other)]
    assert first.seconds_left == pytest.approx(planned[0])
    assert second.seconds_left == pytest.approx(sum(planned))


def test_a_kind_that_was_never_done_here_promises_nothing(lab: Lab) -> None:
    lab.submit(BASE)
    assert lab.plan(BASE)[0].is_guess
    assert lab.status(key_of(BASE)).seconds_left is None


def test_what_a_job_needs_comes_before_it(lab: Lab) -> None:
    lab.submit(TUNED)
    (needed,) = TUNED.dependencies().values()
    assert lab.status(key_of(needed)).ahead == 0
    assert lab.status(key_of(TUNED)).ahead == 1


def test_a_cancelled_job_is_out_of_the_queue(lab: Lab) -> None:
    lab.submit(BASE)
    lab.submit(SENTENCES)
    lab.cancel(key_of(BASE))
    assert lab.status(key_of(BASE)).state == "cancelled"
    assert lab.status(key_of(SENTENCES)).ahead == 0


def test_the_list_of_jobs_says_the_same(lab: Lab) -> None:
    lab.submit(BASE)
    lab.submit(SENTENCES)
    listed = {one.key: status for one, status in lab.jobs()}
    assert listed[key_of(SENTENCES)].ahead == 1
    # A record that was replaced is read again, though an unchanged one is not.
    lab._records.change(key_of(BASE), state="running", started=time.time(), done=0, total=10)
    assert {one.key: one.state for one, _ in lab.jobs()}[key_of(BASE)] == "running"
