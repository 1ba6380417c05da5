"""What a grid pays again for each of its trials: `python -m tests.bench.grid`.

A grid is to load its base and cut its texts into pieces once. Trials are separate artifacts, each drawing its own head, in one
process that keeps the base open and the pieces of the last sets of texts (core/models/opened.py); this tells what is left after
the first: the tokenizer's file, a copy of the weights, and lists of pieces, against the trial.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.rows import keep


def rows() -> list[tuple[str, str, str]]:
    """(what, figure, what is asked)."""
    from core.analyses.experiments import BY_NAME, CLASSROOM, CLASSROOM_EXAMPLES, CLASSROOM_SEEDS, grid
    from core.analyses.fine_tune import FineTune
    from core.lab import Lab
    from core.models import tuning
    from core.refs import Packaged, Sample, Suite
    from core.settings import Settings
    from core.store.artifacts import Store

    spent = {"fresh": 0.0, "pieces": 0.0}

    def timed(name: str, does: Callable[..., Any]) -> Callable[..., Any]:
        def one(*args: Any, **settings: Any) -> Any:
            begun = time.monotonic()
            try:
                return does(*args, **settings)
            finally:
                spent[name] += time.monotonic() - begun

        return one

    tuning._fresh, tuning._inputs = timed("fresh", tuning._fresh), timed("pieces", tuning._inputs)
    run = FineTune(
        checkpoint=Packaged(),
        train=Sample(of=Suite(split="train"), n=CLASSROOM_EXAMPLES),
        dev=Sample(of=Suite(split="dev"), n=500),
        label="sentiment",
        **CLASSROOM,
    )
    with tempfile.TemporaryDirectory() as cache:
        lab = Lab(Store(Settings(cache=Path(cache), device="cpu")), engine="none")
        first, *others = grid(BY_NAME["Reinitialise from the top"], run, 6, CLASSROOM_SEEDS)
        begun = time.monotonic()
        lab.run(first.trial)
        until_first = time.monotonic() - begun
        spent.update(fresh=0.0, pieces=0.0)
        for point in others:
            lab.run(point.trial)
        whole = time.monotonic() - begun - until_first
    fresh, pieces, each = spent["fresh"] / len(others), spent["pieces"] / len(others), whole / len(others)
    return [
        (
            "a grid's trial after the first (classroom): loading the base and cutting texts, share of the trial",
            f"{(fresh + pieces) / each:.1%} ({fresh:.2f} s + {pieces:.2f} s of {each:.1f} s)",
            "once a grid",
        ),
        (
            f"a classroom experiment, resetting blocks from the top, {1 + len(others)} trials: whole, first result",
            f"{(until_first + whole) / 60:.1f} min, {until_first:.0f} s",
            "within 10 min, 90 s",
        ),
    ]


if __name__ == "__main__":
    keep(rows())
