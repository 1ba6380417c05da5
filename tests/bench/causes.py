"""Grafts over 500 sentences, a run followed over its steps, and a scrub to a step that is there: `python -m tests.bench.causes`.

Over the demo pack: its sentiment checkpoint, and the run that it follows, whose vectors are made anew.
"""

import statistics
import tempfile
import time
from pathlib import Path

from tests.bench.pages import READY, ROOT, browsing, serve
from tests.bench.rows import keep

ROUNDS = 5
RUNNING = '[data-testid="stApp"][data-test-script-state="running"]'


def rows() -> list[tuple[str, str, str]]:
    """(what, figure, what is asked)."""
    return [*_grafts(), *_scrubs()]


def _grafts() -> list[tuple[str, str, str]]:
    from core.analyses.grafts import Grafts
    from core.analyses.patched_sample import PatchedSample
    from core.demo import SEEN, checkpoints
    from core.lab import Lab
    from core.settings import Settings
    from core.store.artifacts import Store

    with tempfile.TemporaryDirectory() as cache:
        lab = Lab(Store(Settings(cache=Path(cache), device="cpu", packs=ROOT / "cache" / "packs")), engine="none")
        tuned = checkpoints()[0]
        # Others than those in the pack, which would be read from it.
        seconds = _seconds(lambda: lab.run(Grafts(of=tuned, n=0)))
        patched = _seconds(lambda: lab.run(PatchedSample(of=tuned, sample=SEEN.replace(n=100, seed=1))))
    n = len(Grafts(of=tuned, n=0).grafts())
    return [
        (f"{n} grafts of the packaged model on 500 sentences", f"{seconds:.0f} s", "≤ 60 s"),
        ("states patched over 100 sentences, both ways, 4 kinds of places, 7 layers", f"{patched:.0f} s", ""),
    ]


def _seconds(does) -> float:  # type: ignore[no-untyped-def]
    begun = time.monotonic()
    does()
    return time.monotonic() - begun


def _scrubs() -> list[tuple[str, str, str]]:
    """From the key that moves the slider to the page at rest, with the figure drawn for that step."""
    with tempfile.TemporaryDirectory() as folder, browsing() as browser:
        process, url = serve(ROOT / "app.py", ROOT, Path(folder) / "cache")
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.goto(f"{url}/dynamics")
            page.wait_for_selector(READY, timeout=60_000)
            thumb = page.locator('[data-testid="stMain"] [data-testid="stSlider"] input')
            thumb.wait_for(state="attached", timeout=60_000)
            taken = []
            for _ in range(ROUNDS + 1):
                thumb.focus()
                begun = time.perf_counter()
                page.keyboard.press("ArrowLeft")
                page.wait_for_selector(RUNNING, timeout=10_000)
                page.wait_for_selector(READY, timeout=10_000)
                taken.append(time.perf_counter() - begun)
        finally:
            process.terminate()
            process.wait(20)
    return [
        (
            "a scrub to another step of Dynamics, warm, to the page at rest",
            f"{statistics.median(taken[1:]):.2f} s",
            "≤ 1 s",
        )
    ]


if __name__ == "__main__":
    keep(rows())
