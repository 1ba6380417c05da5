"""What every analysis is given and what several of them need: the run, checkpoint folders, aligned rows."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import IncompatibleRefs

T = TypeVar("T")


class Run(Protocol):
    """The circumstances of one computation; none of them changes its result."""

    folder: Path
    """Where large arrays are written as they come; may hold what an earlier, cut-off attempt left."""
    device: str
    """"cpu", "cuda" or "mps"."""
    threads: int
    """CPU threads to use."""

    def step(self, done: int, total: int, note: str = "") -> None:
        """Say how far the work is, and stop by raising Cancelled when somebody asked for it."""

    def check(self) -> None:
        """Stop by raising Cancelled when somebody asked for it."""

    def publish(self, name: str, table: pd.DataFrame) -> None:
        """Let people who watch see a table while the work goes on; it is no part of the result."""


class Unwatched:
    """A run that nobody watches or stops: for what takes no time."""

    folder = Path()
    device = "cpu"
    threads = 1

    def step(self, done: int, total: int, note: str = "") -> None:
        """Say nothing."""

    def check(self) -> None:
        """Go on."""

    def publish(self, name: str, table: pd.DataFrame) -> None:
        """Show nothing."""


def facing_layers(base: int, tuned: int) -> tuple[int, ...]:
    """The tuned layer that each base layer is compared with: the same one, or at unequal depth that of the same relative depth.

    Args:
        base: blocks of the base.
        tuned: blocks of the tuned side.
    Returns:
        One tuned layer for each base layer 0..base, never falling: embeddings face embeddings and the top the top; a
        block faces the block in which its end lies, counted from the bottom as a share of all. A base of one layer alone
        (vectors computed elsewhere) faces the top.
    """
    if base == 0:
        return (tuned,)
    return tuple(-(-layer * tuned // base) for layer in range(base + 1))


def shared_rows(
    base: tuple[NDArray[np.int32], NDArray[np.int32]], tuned: tuple[NDArray[np.int32], NDArray[np.int32]]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of both sides that are the same word of the same sentence, in reading order.

    Args:
        base: (sentence, word) of each row on the base side; tuned likewise.
    Raises:
        IncompatibleRefs: they share none.
    """
    first, second = (sentence.astype(np.int64) << 32 | (word.astype(np.int64) + 1) for sentence, word in (base, tuned))
    _, in_base, in_tuned = np.intersect1d(first, second, assume_unique=True, return_indices=True)
    if not len(in_base):
        raise IncompatibleRefs(
            "Comparing the two sides row by row.", "They share no word or sentence.", "Read the same data."
        )
    return in_base, in_tuned


def spread(run: Run, tasks: Sequence[Callable[[], T]], note: str) -> list[T]:
    """Results of independent tasks, in their order; on a CPU as many at a time as the run has threads, one thread each.

    Products of a probe's size gain nothing from several threads: waking the second costs more than it saves, and where a
    browser wants the same cores, several times more. Whole tasks beside each other gain instead.

    Args:
        run: told after each task how many are done; where it raises, tasks that have not begun are dropped.
        tasks: those that take longest first, so that none is waited for alone at the end.
        note: what the tasks are, in words.
    """
    if run.device != "cpu" or run.threads < 2:
        found = []
        for done, task in enumerate(tasks):
            run.step(done, len(tasks), note)
            found.append(task())
        return found
    import torch
    from threadpoolctl import threadpool_limits

    pool = ThreadPoolExecutor(run.threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        with threadpool_limits(1, user_api="blas"):  # NumPy's products are on their own threads
            run.step(0, len(tasks), note)
            waiting = [pool.submit(task) for task in tasks]
            for done, one in enumerate(as_completed(waiting), start=1):
                one.result()
                run.step(done, len(tasks), note)
            return [one.result() for one in waiting]
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(run.threads)  # some libraries keep one number for the whole process
