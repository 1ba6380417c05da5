"""Three people in their first minutes: a newcomer over the demo, a lecturer with a projector, a researcher with own files."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser.conftest import Server, at_rest, settled, visit
from tests.browser.test_journeys import MINUTES, choose, drawn, no_sideways_scroll, open_page
from tests.faults import tiny

pytestmark = pytest.mark.browser

_LARGE_ENOUGH = """() => {
    const words = [...document.querySelectorAll("[data-testid=stMain] svg text")].filter(one => one.textContent.trim());
    return words.length > 0 && Math.min(...words.map(one => parseFloat(getComputedStyle(one).fontSize))) >= 16;
}"""
"""Whether there is text in figures, and none of it under 16 pixels."""
_LARGE_ROOT = "parseFloat(getComputedStyle(document.documentElement).fontSize) === 18"


def test_a_newcomer_reads_opens_a_neuron_and_shares_it(
    shipped: Server, visitor: BrowserContext, chromium: Browser
) -> None:
    page = visit(visitor, shipped.url)
    expect(page.get_by_role("heading", name=re.compile("^Tuning on sentiment"))).to_be_visible()
    expect(page.get_by_text(re.compile("Least of the space is kept"))).to_be_visible()
    page.get_by_test_id("stSidebar").get_by_text("4", exact=True).click()
    page.wait_for_timeout(800)
    settled(page)
    open_page(page, "Inspect", "Neurons")
    page.get_by_text("One neuron", exact=True).click()
    settled(page)
    page.get_by_role("button", name="Compute").click()
    expect(drawn(page)).not_to_have_count(0, timeout=3 * MINUTES)
    settled(page)
    page.get_by_text("Sample, display, link").click()
    link = page.get_by_test_id("stSidebar").get_by_test_id("stCode").inner_text()
    title = page.get_by_test_id("stMain").get_by_role("heading").first.inner_text()
    with chromium.new_context() as elsewhere:
        other = elsewhere.new_page()
        other.goto(link)
        settled(other)
        expect(other.get_by_test_id("stMain").get_by_role("heading").first).to_have_text(title)
        expect(other.get_by_role("radio", name="One neuron")).to_be_checked()
        expect(other.get_by_role("radio", name="4", exact=True)).to_be_checked()
        expect(drawn(other)).to_have_count(drawn(page).count())


def test_a_lecturer_is_read_from_the_back_of_the_room(on_show: Server, visitor: BrowserContext) -> None:
    page = visitor.new_page()
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(on_show.url)
    settled(page)
    page.get_by_text("Sample, display, link").click()
    projector = page.get_by_text("Projector", exact=True)
    at_rest(projector)
    projector.click()
    page.wait_for_function(_LARGE_ROOT, timeout=MINUTES)
    settled(page)
    for section, name in (("Compare", "Layers"), ("Compare", "Tasks"), ("Inspect", "Neurons"), ("Change", "Dynamics")):
        open_page(page, section, name)
        expect(drawn(page)).not_to_have_count(0)
        settled(page)
        page.wait_for_function(_LARGE_ENOUGH, timeout=MINUTES)  # the last page's figures stand until the next are drawn
        assert page.evaluate(_LARGE_ROOT)
        assert no_sideways_scroll(page), name


def test_a_researcher_brings_a_pair_and_a_file_and_takes_a_report_home(
    server: Server, visitor: BrowserContext, tmp_path: Path
) -> None:
    for seed, name in enumerate(("before", "after")):
        tiny("bert", tmp_path / name, seed=seed)
    words = ("river", "stone", "light", "paper", "garden", "window")
    with (tmp_path / "mine.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("text", "kind"))
        rows.writerows((f"The {words[i % 6]} was {words[(i // 6) % 6]} again in {i}.", "ab"[i % 2]) for i in range(80))
    page = visit(visitor, f"{server.url}/checkpoints")
    page.get_by_role("tab", name="Folder").click()
    for name in ("before", "after"):
        field = page.get_by_role("textbox", name=re.compile("^Folder with config.json"))
        field.fill(str(tmp_path / name))
        field.press("Tab")
        page.get_by_test_id("stForm").filter(has=field).get_by_role("button", name="Add").click()
        page.wait_for_timeout(1000)
        settled(page)
    choose(page, "Base", "before")
    choose(page, "Tuned", "after")
    open_page(page, "Overview", "Data")
    field = page.get_by_role("textbox", name="Path of the file")
    field.fill(str(tmp_path / "mine.csv"))
    field.press("Enter")
    page.wait_for_timeout(1000)
    settled(page)
    page.get_by_test_id("stMain").get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("Added mine.csv and chose it in the sidebar.")).to_be_visible()
    open_page(page, "Overview", "Home")
    page.get_by_role("button", name="Compute").click()
    found = page.get_by_text(re.compile("Least of the space|Every layer stays|Which layers changed"))
    expect(found).to_be_visible(timeout=3 * MINUTES)
    expect(page.get_by_text("Computing the layer strip")).to_have_count(0, timeout=3 * MINUTES)
    expect(drawn(page)).to_have_count(4)
    settled(page)
    page.get_by_text("Tables, files and where these numbers come from").click()
    pin = page.get_by_role("button", name="Pin to the report")
    expect(pin).to_have_count(4)
    settled(page)
    pin.first.click()
    expect(page.get_by_text("Pinned. The page Report has 1 figure now.")).to_be_visible()
    open_page(page, "Check", "Report")
    expect(page.get_by_text(re.compile("before → after · mine.csv, all sentences"))).to_be_visible()
    settled(page)
    with page.expect_download() as fetched:
        page.get_by_role("button", name="Download HTML").click()
    assert "before → after · mine.csv" in fetched.value.path().read_text(encoding="utf-8")
