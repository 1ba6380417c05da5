"""Pages over the demo pack: first chart of a first start against an empty Streamlit page, every page warm, a class at once."""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 5
_ONE_POINT = """import altair as alt, pandas as pd, streamlit as st
st.altair_chart(alt.Chart(pd.DataFrame({"x": [1], "y": [1]})).mark_point().encode(x="x", y="y"))
"""
HEAVY = ("torch", "transformers", "umap", "numba")


def serve(script: Path, cwd: Path, cache: Path) -> tuple[subprocess.Popen, str]:
    """A server of a script over this cache folder, once it answers, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(script),
            "--server.port",
            str(port),
            "--server.headless",
            "true",
        ],
        cwd=cwd,
        env={**os.environ, "TUNESCOPE_CACHE": str(cache), "TUNESCOPE_PACKS": str(ROOT / "cache" / "packs")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://localhost:{port}"
    end = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
            return process, url
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def _first_sight(browser, script: Path, cwd: Path, cache: Path, path: str, selector: str) -> tuple[float, list[str]]:
    """Seconds from the first visit to a fresh server until something is drawn, and the heavy modules it loaded."""
    process, url = serve(script, cwd, cache)
    try:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        started = time.perf_counter()
        page.goto(f"{url}/{path}")
        page.wait_for_selector(selector, timeout=60_000)
        seconds = time.perf_counter() - started
        page.close()
        maps = Path(f"/proc/{process.pid}/maps").read_text() if Path("/proc").is_dir() else ""
        return seconds, [name for name in HEAVY if f"/{name}/" in maps]
    finally:
        process.terminate()
        process.wait(20)


CHART = '[data-testid="stMain"] [data-testid="stVegaLiteChart"] :is(canvas, svg)'
"""A figure of the page itself: the key in the sidebar is no result."""
VIEWS = ("", "layers", "maps", "tasks", "checkpoints", "data", "storage", "jobs")
READY = '[data-testid="stApp"][data-test-script-state="notRunning"]'
VIEWERS = 15


def first_chart() -> list[tuple[str, str, str]]:
    """(what, figure, asked) rows. Each round of home has a cache of its own: unpacking the pack is part of it."""
    with tempfile.TemporaryDirectory() as folder, browsing() as browser:
        empty = Path(folder) / "empty"
        empty.mkdir()
        (empty / "app.py").write_text('import streamlit as st\nst.title("empty")\n')
        (empty / "point.py").write_text(_ONE_POINT)
        times: dict[str, list[float]] = {"empty": [], "point": [], "home": []}
        loaded: list[str] = []
        for number in range(ROUNDS):
            cache = Path(folder) / f"cache{number}"
            times["empty"].append(_first_sight(browser, empty / "app.py", empty, cache, "", "h1")[0])
            times["point"].append(_first_sight(browser, empty / "point.py", empty, cache, "", CHART)[0])
            seconds, loaded = _first_sight(browser, ROOT / "app.py", ROOT, cache, "", CHART)
            times["home"].append(seconds)
    middle = {name: statistics.median(values) for name, values in times.items()}
    return [
        ("first sight, empty Streamlit page", f"{middle['empty']:.2f} s", ""),
        ("first chart, a page with a one-point Altair chart and nothing else", f"{middle['point']:.2f} s", ""),
        ("first chart, home over the demo pack, first start", f"{middle['home']:.2f} s", ""),
        ("home / empty page", f"{middle['home'] / middle['empty']:.2f}", "≤ 2.5"),
        ("one-point page / empty page", f"{middle['point'] / middle['empty']:.2f}", ""),
        ("home / one-point page", f"{middle['home'] / middle['point']:.2f}", ""),
        ("heavy libraries loaded by the server", ", ".join(loaded) or "none", "none"),
    ]


def warm_and_crowded() -> list[tuple[str, str, str]]:
    """Every page once it was opened before, and fifteen viewers opening home at once."""
    with tempfile.TemporaryDirectory() as folder, browsing() as browser:
        process, url = serve(ROOT / "app.py", ROOT, Path(folder) / "cache")
        try:
            for name in VIEWS:
                _seconds_to(browser, f"{url}/{name}")
            warm = {
                name or "home": statistics.median(_seconds_to(browser, f"{url}/{name}") for _ in range(3))
                for name in VIEWS
            }
            pages = [browser.new_context(viewport={"width": 1280, "height": 720}).new_page() for _ in range(VIEWERS)]
            started = time.perf_counter()
            for page in pages:
                page.goto(url, wait_until="commit")
            seen = []
            for page in pages:
                page.wait_for_selector(CHART, timeout=120_000)
                seen.append(time.perf_counter() - started)
            failed = sum(page.locator('[data-testid="stAlertContentError"]').count() for page in pages)
        finally:
            process.terminate()
            process.wait(20)
    slowest = max(warm, key=lambda name: warm[name])
    return [
        ("slowest page over the demo pack, warm", f"{warm[slowest]:.2f} s ({slowest})", "≤ 2"),
        ("all pages, warm", ", ".join(f"{name} {seconds:.1f}" for name, seconds in warm.items()) + " s", ""),
        (f"{VIEWERS} viewers open home at once: first and last chart", f"{min(seen):.1f} and {max(seen):.1f} s", ""),
        (f"{VIEWERS} viewers: errors shown", str(failed), "0"),
    ]


def _seconds_to(browser: Any, url: str) -> float:
    """Seconds until a page's script has run and what it draws is there."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    started = time.perf_counter()
    page.goto(url)
    page.wait_for_selector("h1")
    page.wait_for_selector(READY)
    seconds = time.perf_counter() - started
    page.close()
    return seconds


@contextmanager
def browsing() -> Iterator[Any]:
    """A headless Chromium without a graphics card."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield browser
        browser.close()


if __name__ == "__main__":
    from tests.bench.rows import keep

    keep([*first_chart(), *warm_and_crowded()])
