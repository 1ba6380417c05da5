"""A class goes through a lesson: nothing is seen before the guess, every step is a link, and it sets all of the view."""

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from core.lessons.shelf import shipped_lessons
from tests.browser.conftest import Server, barriers, settled, visit
from tests.browser.test_journeys import drawn, no_sideways_scroll, open_page

pytestmark = pytest.mark.browser
LESSON = shipped_lessons()[2]


def press(page: Page, name: str) -> None:
    """A button of the panel."""
    page.locator(".st-key-lesson-panel").get_by_role("button", name=name, exact=True).click()
    page.wait_for_timeout(800)
    settled(page)


def guess(page: Page, letter: str) -> None:
    """The choice of that letter."""
    page.locator(f".st-key-lesson-choice-{'ABCDEF'.index(letter)} button").click()
    page.wait_for_timeout(800)
    settled(page)


def at(page: Page) -> tuple[str, str]:
    """Page and step of the address."""
    parts = urlsplit(page.url)
    return parts.path, parse_qs(parts.query).get("at", ["none"])[0]


def quiet(page: Page) -> None:
    """Nothing is wrong, nobody is barred, all fits."""
    expect(page.locator('[data-testid="stException"], [data-testid="stAlertContentError"]')).to_have_count(0)
    assert no_sideways_scroll(page)
    assert not barriers(page)


def test_a_lesson_from_the_first_guess_to_leaving(shipped: Server, visitor: BrowserContext, chromium: Browser) -> None:
    assert LESSON.lesson
    steps = LESSON.lesson.steps
    page = visit(visitor, shipped.url)
    page = open_page(page, "Check", "Lessons")
    quiet(page)
    page.locator(f".st-key-lesson-begin-{LESSON.name} button").click()
    expect(page.get_by_text(steps[0].question)).to_be_visible()
    settled(page)
    assert at(page) == ("/layers", "1")
    expect(drawn(page)).to_have_count(0)
    expect(page.get_by_text("What is to be seen.")).to_have_count(0)
    quiet(page)
    guess(page, "B")
    expect(drawn(page)).to_have_count(1)
    expect(page.get_by_text("your guess, what is there")).to_be_visible()
    expect(page.get_by_text("What is to be seen.")).to_be_visible()
    quiet(page)

    # Clicked around in between: the next step is as it is written all the same.
    page.get_by_role("radio", name="2", exact=True).click(force=True)
    page.get_by_role("radio", name="Crowding").click(force=True)
    page.wait_for_timeout(800)
    settled(page)
    press(page, "Next")
    assert at(page) == ("/weights", "2")
    expect(page.get_by_role("radio", name="6 · top")).to_be_checked()
    press(page, "Back")
    assert at(page) == ("/layers", "1")
    expect(page.get_by_role("radio", name="Kept space")).to_be_checked()
    expect(page.get_by_role("radio", name="6 · top")).to_be_checked()
    expect(page.get_by_text("your guess, what is there")).to_be_visible()
    expect(drawn(page)).to_have_count(1)

    # A step is a link: in another browser it opens as it is, and waits for that browser's own guess.
    with chromium.new_context(viewport={"width": 1920, "height": 1080}, color_scheme="dark") as elsewhere:
        other = elsewhere.new_page()
        other.goto(f"{shipped.url}/structure?lesson={LESSON.name}&at=5&layer=2&sentences=250&measure=Angle")
        expect(other.get_by_text(steps[4].question)).to_be_visible(timeout=60_000)
        settled(other)
        assert at(other) == ("/layers", "5")
        expect(drawn(other)).to_have_count(0)
        press(other, "Show without guessing")
        expect(drawn(other)).to_have_count(1)
        expect(other.get_by_role("radio", name="RSA", exact=True)).to_be_checked()
        expect(other.get_by_role("radio", name="6 · top")).to_be_checked()
        expect(other.get_by_text("your guess")).to_have_count(0)
        quiet(other)
        press(other, "Next")
        assert at(other) == ("/structure", "6")
        guess(other, "C")
        expect(drawn(other)).to_have_count(1)
        press(other, "Finish")
        expect(other.get_by_role("heading", name="Lessons")).to_be_visible()
        expect(other.get_by_text("You guessed 1, 1 of them right.")).to_be_visible()
        assert at(other) == ("/lessons", "none")

    press(page, "Leave")
    expect(page.locator(".st-key-lesson-panel")).to_have_count(0)
    expect(page.get_by_role("heading", name="Layers")).to_be_visible()
    expect(drawn(page)).to_have_count(1)
    assert at(page) == ("/layers", "none")


def test_reset_after_wandering_sets_every_control_back(shipped: Server, visitor: BrowserContext) -> None:
    page = visit(visitor, f"{shipped.url}/?lesson={LESSON.name}&at=5")
    expect(page.get_by_text("Would another measure say so?")).to_be_visible()
    settled(page)
    press(page, "Show without guessing")
    expect(drawn(page)).to_have_count(1)
    page.get_by_role("radio", name="Angle", exact=True).click(force=True)
    page.get_by_role("radio", name="1", exact=True).click(force=True)
    page.wait_for_timeout(800)
    settled(page)
    open_page(page, "Inspect", "Neurons")
    expect(page.get_by_text("You are looking around.")).to_be_visible()
    press(page, "Reset")
    assert at(page) == ("/layers", "5")
    expect(page.get_by_role("radio", name="RSA", exact=True)).to_be_checked()
    expect(page.get_by_role("radio", name="6 · top")).to_be_checked()
    expect(drawn(page)).to_have_count(1)
    # What a control shows is what the page knows: the next click changes that control alone.
    page.get_by_role("radio", name="4", exact=True).click(force=True)
    page.wait_for_timeout(1000)
    settled(page)
    expect(page.get_by_role("radio", name="RSA", exact=True)).to_be_checked()
    expect(page.get_by_role("radio", name="4", exact=True)).to_be_checked()
