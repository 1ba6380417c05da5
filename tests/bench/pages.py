"""A page over cached results in a fresh server: time to its first chart against an empty Streamlit page, and imports."""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 5
_ONE_POINT = """import altair as alt, pandas as pd, streamlit as st
st.altair_chart(alt.Chart(pd.DataFrame({"x": [1], "y": [1]})).mark_point().encode(x="x", y="y"))
"""
HEAVY = ("torch", "transformers", "umap", "numba")


def _prepared(cache: Path) -> None:
    """Compute what home shows for the smallest comparison the picker can choose."""
    from core.analyses.crowding import Crowding
    from core.analyses.embed import Embed
    from core.analyses.probe import Probe
    from core.analyses.probe_change import ProbeChange
    from core.analyses.similarity import Similarity
    from core.analyses.weight_change import WeightChange
    from core.lab import Lab
    from core.models.devices import quieten
    from core.refs import Packaged, Sample, Suite
    from core.settings import Settings
    from core.store.artifacts import Store
    from tests.small import TUNE

    quieten()
    lab = Lab(Store(Settings(cache=cache, device="cpu")), engine="none")
    base, tuned = (Embed(checkpoint=side, sample=Sample(of=Suite(), n=250)) for side in (Packaged(), TUNE))
    lab.run(Similarity(base=base, tuned=tuned))
    lab.run(Crowding(base=base, tuned=tuned))
    lab.run(WeightChange(base=Packaged(), tuned=TUNE))
    lab.run(ProbeChange(base=Probe(embed=base, label="upos"), tuned=Probe(embed=tuned, label="upos")))


def _serve(script: Path, cwd: Path, cache: Path) -> tuple[subprocess.Popen, str]:
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
        env={**os.environ, "TUNESCOPE_CACHE": str(cache)},
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
    process, url = _serve(script, cwd, cache)
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


def first_chart() -> list[tuple[str, str, str]]:
    """(what, figure, asked) rows."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        cache, empty = Path(folder) / "cache", Path(folder) / "empty"
        _prepared(cache)
        empty.mkdir()
        (empty / "app.py").write_text('import streamlit as st\nst.title("empty")\n')
        (empty / "point.py").write_text(_ONE_POINT)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        # Of the page itself: the key in the sidebar is no result.
        chart = '[data-testid="stMain"] [data-testid="stVegaLiteChart"] :is(canvas, svg)'
        times: dict[str, list[float]] = {"empty": [], "point": [], "home": []}
        loaded: list[str] = []
        for _ in range(ROUNDS):
            times["empty"].append(_first_sight(browser, empty / "app.py", empty, cache, "", "h1")[0])
            times["point"].append(_first_sight(browser, empty / "point.py", empty, cache, "", chart)[0])
            seconds, loaded = _first_sight(browser, ROOT / "app.py", ROOT, cache, "?sentences=250", chart)
            times["home"].append(seconds)
        browser.close()
    middle = {name: statistics.median(values) for name, values in times.items()}
    return [
        ("first sight, empty Streamlit page", f"{middle['empty']:.2f} s", ""),
        ("first chart, a page with a one-point Altair chart and nothing else", f"{middle['point']:.2f} s", ""),
        ("first chart, home over cached results", f"{middle['home']:.2f} s", ""),
        ("home / empty page", f"{middle['home'] / middle['empty']:.2f}", "≤ 2"),
        ("one-point page / empty page", f"{middle['point'] / middle['empty']:.2f}", ""),
        ("home / one-point page", f"{middle['home'] / middle['point']:.2f}", ""),
        ("heavy libraries loaded by the server", ", ".join(loaded) or "none", "none"),
    ]
