"""A real server on a free port, a real headless Chromium, a screenshot when a test fails."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "tests" / "browser" / "screenshots"
READY = '[data-testid="stApp"][data-test-script-state="notRunning"]'
# Streamlit's client looks for its endpoints below a deep link first: two 404s a page are its normal way.
EXPECTED_NOISE = ("_stcore/health", "_stcore/host-config")

# A server beside other tests on two cores may take its time: what must appear is waited for, never timed.
expect.set_options(timeout=30_000)


@dataclass(frozen=True)
class Server:
    """A running app."""

    url: str
    cache: Path
    process: subprocess.Popen


def start(cache: Path, log: Path, *, packs: str = "none") -> Server:
    """Start the app as the README does, over this cache folder, and wait until it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "TUNESCOPE_CACHE": str(cache),
        "TUNESCOPE_PACKS": packs,
        "TUNESCOPE_IDLE_SECONDS": "5",
        "TUNESCOPE_DEVICE": "cpu",
        "TUNESCOPE_STATE_SECONDS": "0.5",
    }
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
            cwd=ROOT,
            env=environment,
            stdout=sink,
            stderr=sink,
        )
    url, end = f"http://localhost:{port}", time.monotonic() + 60
    while True:
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
            return Server(url, cache, process)
        except OSError:
            assert time.monotonic() < end, "the server did not come up"
            time.sleep(0.1)


def stop(server: Server) -> None:
    """End the app and everything it started."""
    server.process.terminate()
    server.process.wait(20)
    _stop_engine(server.cache)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """The app over an empty cache, without the packs that came with it."""
    running = start(tmp_path / "cache", tmp_path / "server.log")
    yield running
    stop(running)


@pytest.fixture
def shipped(tmp_path: Path) -> Iterator[Server]:
    """The app as it comes: an empty cache, and the packs in the repository."""
    running = start(tmp_path / "cache", tmp_path / "server.log", packs=str(ROOT / "cache" / "packs"))
    yield running
    stop(running)


@pytest.fixture(scope="session")
def on_show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app as it comes, one for all tests that only look at what the packs hold."""
    folder = tmp_path_factory.mktemp("on-show")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(folder / "huggingface"))
        patch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        running = start(folder / "cache", folder / "server.log", packs=str(ROOT / "cache" / "packs"))
    yield running
    stop(running)


def _stop_engine(cache: Path) -> None:
    import json

    card = cache / "engine" / "engine.json"
    if card.is_file():
        try:
            os.kill(json.loads(card.read_text())["pid"], signal.SIGTERM)
        except ProcessLookupError:
            return


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "chromium is missing: tests/run installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-gpu"],
        )
        yield browser
        browser.close()


@pytest.fixture
def visitor(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A browser of its own; its console errors fail the test, its pages are kept as pictures when it fails."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(60_000)
    errors: list[str] = []

    def heard(message: object) -> None:
        text, location = message.text, str(message.location)  # type: ignore[attr-defined]
        if message.type == "error" and not any(noise in location for noise in EXPECTED_NOISE):  # type: ignore[attr-defined]
            errors.append(f"{text} {location}")

    context.on("console", heard)
    failed_before = request.session.testsfailed
    yield context
    if request.session.testsfailed > failed_before:
        SHOTS.mkdir(parents=True, exist_ok=True)
        for number, page in enumerate(context.pages):
            page.screenshot(path=SHOTS / f"{request.node.name}-{number}.png")
    context.close()
    assert not errors


def settled(page: Page) -> Page:
    """Wait until the page's script has run."""
    page.wait_for_selector(READY)
    page.wait_for_timeout(300)
    page.wait_for_selector(READY)
    return page


def at_rest(place: Locator) -> None:
    """Wait until what is there has stood where it stands for a second: a click meanwhile could miss it."""
    seen = [place.bounding_box()]
    while len(seen) < 11 or any(box != seen[-1] for box in seen[-11:]):
        place.page.wait_for_timeout(100)
        seen.append(place.bounding_box())
        assert len(seen) < 300, "it never came to rest"


def visit(visitor: BrowserContext, url: str) -> Page:
    """Open a page of the app in a tab of its own."""
    page = visitor.new_page()
    page.goto(url)
    return settled(page)


def barriers(page: Page) -> list[str]:
    """What axe-core finds on a page that seriously bars people who hear it, or see little or no colour.

    What waits to be drawn anew is dimmed meanwhile, which is no lack of contrast: it is looked at when all is drawn.
    """
    expect(page.locator('[data-stale="true"]')).to_have_count(0, timeout=60_000)
    page.wait_for_timeout(700)  # for which what was dimmed fades in
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['help']}, as {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
