"""Thirty viewers and a presenter over ten minutes: answers lost, waiting, memory: `python -m tests.bench.classes [MINUTES]`.

Visits without browsers (tests/classmate.py), so that the server is measured and not thirty browsers on its cores. Round after
round the presenter goes to the next question; all are brought there, guess, and look at two other pages with pauses between,
then the figure is shown and the guesses are counted. What a page takes is from the request to the last message of its run.
"""

import random
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core.lessons.shelf import shipped_lessons
from tests.bench.rows import keep
from tests.browser.test_classroom import begin
from tests.classmate import Classmate

VIEWERS = 30
PAGES = ("", "layers", "maps", "tasks", "probes", "geometry", "neurons", "ablations", "dynamics", "hypotheses")
PAUSE = (5.0, 20.0)
"""Seconds that somebody looks at a page."""


def rows(minutes: float = 10.0) -> list[tuple[str, str, str]]:
    """(what, figure, what is asked)."""
    lesson = shipped_lessons()[0]
    assert lesson.lesson is not None
    asked = [at for at, step in enumerate(lesson.lesson.steps) if step.question]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(VIEWERS) as pool:
        room = begin(Path(folder) / "cache")
        server = _child_of(room.process.pid)
        try:
            teacher = Classmate(room.url)
            teacher.present(room.key)
            viewers = list(pool.map(lambda _: _entered(room.url), range(VIEWERS)))
            memory, taken, given, counted = [_megabytes(server)], [], 0, 0
            end, rounds = time.monotonic() + 60 * minutes, 0
            while time.monotonic() < end:
                at = asked[rounds % len(asked)]
                room.lab.classroom.lead(None)
                teacher.run(page=teacher.pages["lessons"], query=f"lesson={lesson.name}&at={at + 1}", wait=180)
                before = sum(room.lab.classroom.tally(lesson.name, at, 10))
                told = list(pool.map(lambda one: _round(one), viewers))
                taken += [seconds for found in told for seconds in found]
                given += VIEWERS
                # The same people guess again when a question comes round again: their last guess counts, once.
                counted += sum(room.lab.classroom.tally(lesson.name, at, 10)) if not before else VIEWERS
                rounds += 1
                memory.append(_megabytes(server))
        finally:
            room.process.terminate()
            room.process.wait(30)
    late = sorted(taken)[int(0.95 * len(taken))]
    half = memory[len(memory) // 2]
    return [
        (
            f"{VIEWERS} viewers in a class over {minutes:g} minutes: answers lost",
            f"{given - counted} of {given}",
            "0",
        ),
        (
            "the same: a page, median (95 of 100 within)",
            f"{statistics.median(taken):.2f} s ({late:.2f} s), of {len(taken):,}",
            "≤ 3 s",
        ),
        (
            "the same: memory of the server, after entering, half-way, at the end",
            f"{memory[0]:.0f} MB, {half:.0f} MB, {memory[-1]:.0f} MB",
            "flat",
        ),
    ]


def _entered(url: str) -> Classmate:
    one = Classmate(url)
    one.run(wait=180)
    return one


def _round(viewer: Classmate) -> list[float]:
    """Come to the question, guess, and look at two other pages; seconds of each page."""
    found = []
    time.sleep(random.uniform(0, PAUSE[0]))  # people are not in step
    found.append(viewer.run(wait=180))
    found.append(viewer.run(pressed=viewer.until_button("lesson-choice-", wait=180), wait=180))
    for name in random.sample(PAGES, 2):
        time.sleep(random.uniform(*PAUSE))
        found.append(viewer.run(page=viewer.pages[name], query="", wait=180))
    return found


def _child_of(pid: int) -> int:
    """The server that the command started."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def _megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (resident,) = [line for line in lines if line.startswith("VmRSS")]
    return int(resident.split()[1]) / 1000


if __name__ == "__main__":
    keep(rows(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0))
