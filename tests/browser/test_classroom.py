"""A class for real: opened by its command, led by a presenter, looked on by viewers, and tried by one who is not honest."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from core.lab import Lab, Place
from core.lessons.shelf import shipped_lessons
from core.settings import Settings
from core.store.artifacts import Store
from tests.browser.conftest import ROOT, Server, _stop_engine, barriers, settled
from tests.browser.test_journeys import MINUTES, drawn, open_page
from tests.classmate import Classmate, token_of, upload

pytestmark = pytest.mark.browser
LESSON = shipped_lessons()[2]


@dataclass(frozen=True)
class Class:
    """A class that is open."""

    url: str
    key: str
    cache: Path
    process: subprocess.Popen

    @property
    def lab(self) -> Lab:
        """What lies in its cache folder."""
        return Lab(Store(Settings(cache=self.cache, device="cpu")), engine="none")

    def jobs(self) -> list[Path]:
        """Everything that was ever asked to be computed."""
        return list((self.cache / "jobs").glob("*.json"))


def begin(cache: Path, *, seats: int = 60) -> Class:
    """Open a class as a teacher does, on this machine alone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ, "TUNESCOPE_CACHE": str(cache), "TUNESCOPE_PACKS": str(ROOT / "cache" / "packs"), "TUNESCOPE_DEVICE": "cpu",
        "TUNESCOPE_IDLE_SECONDS": "5", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    log = (cache.parent / "class.log").open("w+", encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "core", "class", "--address", "127.0.0.1", "--port", str(port), "--seats", str(seats)],
        cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + 60
    while True:
        written = Path(log.name).read_text(encoding="utf-8")
        assert process.poll() is None, written
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
            break
        except OSError:
            assert time.monotonic() < end, "the class did not open"
            time.sleep(0.1)
    (key,) = re.findall(r"presenter's key +(\S+)", Path(log.name).read_text(encoding="utf-8"))
    return Class(url, key, cache, process)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Class]:
    """A class over the demo."""
    held = begin(tmp_path / "cache")
    yield held
    held.process.terminate()
    held.process.wait(20)
    _stop_engine(held.cache)


@pytest.fixture
def honest(opened: Class) -> Iterator[Classmate]:
    """The presenter, by messages."""
    one = Classmate(opened.url)
    one.present(opened.key)
    yield one
    one.close()


@pytest.fixture
def viewer(opened: Class) -> Iterator[Classmate]:
    """One who looks on, by messages."""
    one = Classmate(opened.url)
    one.run()
    yield one
    one.close()


def enter(browser: Browser, url: str) -> Page:
    """A person of their own."""
    page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
    page.goto(url)
    settled(page)
    return page


def test_a_presenter_and_five_viewers_go_through_a_whole_lesson(opened: Class, chromium: Browser) -> None:
    teacher, pupils = enter(chromium, opened.url), [enter(chromium, opened.url) for _ in range(5)]
    expect(pupils[0].get_by_text("Manage", exact=True)).to_have_count(0)
    teacher.get_by_text("Presenter", exact=True).click()
    teacher.get_by_role("textbox", name="Key").fill(opened.key)
    teacher.get_by_role("button", name="Present", exact=True).click()
    expect(teacher.get_by_text("You present. 5 of 60 seats are taken.")).to_be_visible(timeout=MINUTES)
    open_page(teacher, "Check", "Lessons")
    assert LESSON.lesson is not None
    teacher.locator(f".st-key-lesson-begin-{LESSON.name} button").click()
    steps = LESSON.lesson.steps
    for at, step in enumerate(steps):
        everybody = [teacher, *pupils]
        for page in everybody:
            expect(page.get_by_text(f"{at + 1} of {len(steps)}")).to_be_visible(timeout=MINUTES)
        if step.question:
            for page in everybody:
                expect(page.locator(".st-key-lesson-question")).to_be_visible(timeout=MINUTES)
                expect(drawn(page)).to_have_count(0)  # the figure is held back from all
            expect(pupils[0].get_by_role("button", name="Show without guessing")).to_have_count(0)
            n = len(step.choices)
            for place, page in enumerate(pupils):
                page.locator(f".st-key-lesson-choice-{place % n} button").click()
                expect(page.get_by_text("You can change it until")).to_be_visible(timeout=MINUTES)
            expect(teacher.get_by_text("5 of 5 have guessed.")).to_be_visible(timeout=MINUTES)
            teacher.get_by_role("button", name="Show the figure to all").click()
            for page in everybody:
                expect(page.get_by_text("What is to be seen.")).to_be_visible(timeout=MINUTES)
                of_first = len([place for place in range(5) if place % n == 0])
                expect(page.get_by_text(f"A · {of_first} of 5 guesses")).to_be_visible(timeout=MINUTES)
            assert opened.lab.classroom.tally(LESSON.name, at, n) == tuple(
                len([place for place in range(5) if place % n == choice]) for choice in range(n)
            )
        for page in everybody:
            expect(drawn(page).first).to_be_visible(timeout=MINUTES)
        if at == 1:
            assert not barriers(pupils[0])
        if at + 1 < len(steps):
            teacher.get_by_role("button", name="Next").click()
    # One looks around: the address is their own, the others stay with the presenter.
    free = pupils[0]
    free.get_by_role("button", name="Look around").click()
    settled(free)
    open_page(free, "Compare", "Layers")
    expect(free).to_have_url(re.compile("/layers"), timeout=MINUTES)
    expect(drawn(free)).not_to_have_count(0, timeout=MINUTES)
    assert opened.key not in free.url
    expect(free.get_by_role("button", name="Pin to the report")).to_have_count(0)
    free.get_by_text("Follow the presenter").click()
    expect(free.get_by_text(f"{len(steps)} of {len(steps)}")).to_be_visible(timeout=MINUTES)
    # A reload of the page is the same person, who presents or looks on as before.
    for page in (teacher, pupils[1]):
        page.reload()
        settled(page)
    expect(teacher.get_by_text("You present.")).to_be_visible(timeout=MINUTES)
    assert not opened.jobs()
    teacher.get_by_role("button", name="Leave").click()
    for page in pupils[1:]:
        expect(page.get_by_text(f"{len(steps)} of {len(steps)}")).to_have_count(0, timeout=MINUTES)
    for page in [teacher, *pupils]:
        page.context.close()


def test_a_viewer_who_presses_the_presenters_buttons_computes_nothing(
    opened: Class, honest: Classmate, viewer: Classmate
) -> None:
    asked = "view=Crowding&sentences=250"
    honest.run(page=honest.pages["layers"], query=asked)
    compute = honest.buttons["Compute"]
    viewer.run(page=viewer.pages["layers"], query=asked)
    assert "In a class the presenter computes." in viewer.said
    assert "Compute" not in viewer.buttons
    viewer.run(pressed=compute, query=asked)
    assert not opened.jobs()
    honest.run(page=honest.pages["layers"], pressed=compute, query=asked)
    assert opened.jobs()  # pressed by the presenter, the same button does


def test_a_viewer_cannot_open_the_presenters_pages(honest: Classmate, viewer: Classmate) -> None:
    theirs = set(honest.pages) - set(viewer.pages)
    assert theirs == {"checkpoints", "data", "lab", "jobs", "storage", "report", "self_test"}
    for name in sorted(theirs):
        honest.run(page=honest.pages[name], query="")
        (title,) = [title for title in honest.titles if title != "Comparison"][:1]
        viewer.run(page=honest.pages[name], query="")
        assert title not in viewer.titles, name
        assert any("rewrote layers" in title for title in viewer.titles), name  # home instead


def test_a_viewer_cannot_lead_and_guesses_end_with_the_reveal(
    opened: Class, honest: Classmate, viewer: Classmate
) -> None:
    assert LESSON.lesson is not None
    at = next(place for place, step in enumerate(LESSON.lesson.steps) if step.question)
    honest.run(page=honest.pages["lessons"], query=f"lesson={LESSON.name}&at={at + 1}")
    classroom = opened.lab.classroom
    here = Place(lesson=LESSON.name, step=at, is_revealed=False)
    assert classroom.place() == here
    reveal = honest.buttons["lesson-show"]
    viewer.run(query="")
    first, second = viewer.buttons["lesson-choice-0"], viewer.buttons["lesson-choice-1"]
    viewer.run(pressed=reveal)
    assert classroom.place() == here
    viewer.run(pressed=first)
    viewer.run(pressed=second)
    assert classroom.tally(LESSON.name, at, 3)[:2] == (0, 1)  # one person, one guess: the last
    honest.run(pressed=reveal)
    assert classroom.place() == Place(lesson=LESSON.name, step=at, is_revealed=True)
    viewer.run(pressed=first)
    assert classroom.tally(LESSON.name, at, 3)[:2] == (0, 1)


def test_a_viewers_upload_is_refused_by_the_server(opened: Class, viewer: Classmate, shipped: Server) -> None:
    assert upload(opened.url, viewer.session, b"title: mine") == 413
    assert upload(opened.url, viewer.session, b"x" * 3_000_000, chunked=True) == 413
    other = Classmate(shipped.url)
    other.run()
    assert upload(shipped.url, other.session, b"title: mine") == 204  # where there is no class the same is taken
    other.close()


def test_clearing_the_servers_caches_takes_no_power_and_no_guess(
    opened: Class, honest: Classmate, viewer: Classmate
) -> None:
    message = BackMsg()
    message.clear_cache = True
    viewer.send(message)
    viewer.run()
    honest.run(page=honest.pages["storage"], query="")
    assert "Storage" in honest.titles
    viewer.run()
    assert "storage" not in viewer.pages


def test_nothing_of_one_viewer_reaches_another(opened: Class, honest: Classmate, viewer: Classmate) -> None:
    assert LESSON.lesson is not None
    at = next(place for place, step in enumerate(LESSON.lesson.steps) if step.question)
    honest.run(page=honest.pages["lessons"], query=f"lesson={LESSON.name}&at={at + 1}")
    other = Classmate(opened.url)
    other.run()
    other.run(pressed=other.buttons["lesson-choice-0"])
    viewer.run()
    honest.run(pressed=honest.buttons["lesson-show"])
    viewer.run()
    files = {path.name: path.read_text(encoding="utf-8") for path in (opened.cache / "class").glob("*.json")}
    secrets = [other.session, honest.session, opened.key, str(opened.cache)]
    secrets += [secret for held in files.values() for secret in re.findall(r'"([0-9a-f]{32,})"', held)]
    assert len(secrets) > 5
    for secret in secrets:
        assert secret.encode() not in viewer.received, secret[:8]
    for path in ("class/key.json", "cache/store/class/key.json", "../class/key.json", "app/static/class/key.json"):
        try:
            with urllib.request.urlopen(
                f"{opened.url}/{path}", timeout=20
            ) as answer:  # what is unknown is the app's own frame
                found = answer.read()
        except urllib.error.HTTPError as refused:
            found = refused.read()
        assert b"salt" not in found
    other.close()


def test_wrong_keys_are_slowed_down_and_a_lost_one_is_replaced(
    opened: Class, honest: Classmate, viewer: Classmate
) -> None:
    viewer.run(pressed=viewer.buttons["Present"], states={viewer.fields["Key"]: "aaaa-aaaa-aaaa-aaaa"})
    assert "This is not the presenter's key." in viewer.said
    assert "core class --new-key" in viewer.said
    for _ in range(5):
        viewer.run(pressed=viewer.buttons["Present"], states={viewer.fields["Key"]: "wrong"})
    assert "within a minute" in viewer.said
    viewer.run(pressed=viewer.buttons["Present"], states={viewer.fields["Key"]: opened.key})
    assert "storage" not in viewer.pages  # even the right one waits
    done = subprocess.run(
        [sys.executable, "-m", "core", "class", "--new-key"], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "TUNESCOPE_CACHE": str(opened.cache)},
    )  # fmt: skip
    assert "The old one has ended." in done.stdout
    honest.run(query="")
    assert "storage" not in honest.pages


def test_a_full_room_says_so_and_a_seat_is_free_again(tmp_path: Path) -> None:
    held = begin(tmp_path / "cache", seats=2)
    try:
        cookie = token_of(held.url)
        tabs = [Classmate(held.url, cookie=cookie) for _ in range(2)]  # of one browser: one seat
        two = [Classmate(held.url), *tabs]
        for one in two:
            one.run()
            assert one.pages
        third = Classmate(held.url)
        third.run()
        assert "The room is full" in third.said
        assert not third.pages
        two[0].close()
        end = time.monotonic() + 60
        while "The room is full" in third.said:
            assert time.monotonic() < end
            time.sleep(1)
            third.run()
        assert third.pages
        for one in (*tabs, third):
            one.close()
    finally:
        held.process.terminate()
        held.process.wait(20)
    with pytest.raises(OSError, match="refused"):  # no port is left open behind an ended class
        urllib.request.urlopen(f"{held.url}/_stcore/health", timeout=5)
