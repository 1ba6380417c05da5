"""What a person does, in a real browser against a real server."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_plus

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import Server, barriers, settled, start, stop, visit
from tests.hub import Repo, TinyHub, serving, tiny_and_adapter

pytestmark = pytest.mark.browser
MINUTES = 60_000.0


def open_page(page: Page, section: str, name: str) -> Page:
    """Through the navigation, as a person does."""
    page.get_by_text(section, exact=True).first.click()
    page.get_by_test_id("stTopNavDropdownLink").filter(has_text=name).first.click()
    page.wait_for_timeout(500)
    return settled(page)


def fill(page: Page, label: str, value: str) -> None:
    """Type into a number field and leave it."""
    field = page.get_by_role("spinbutton", name=label, exact=True)
    field.fill(value)
    field.press("Enter")
    page.wait_for_timeout(500)
    settled(page)


def drawn(page: Page) -> Locator:
    """The figures of the page itself; the key in the sidebar is one too, and is not meant."""
    return page.get_by_test_id("stMain").locator("[data-testid=stVegaLiteChart], .points")


def no_sideways_scroll(page: Page) -> bool:
    """Whether everything fits the width."""
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1")


def test_a_first_visit_by_deep_link_goes_through_the_frame(server: Server, visitor: BrowserContext) -> None:
    page = visit(visitor, f"{server.url}/layers?layer=3")
    expect(page.get_by_role("heading", name="Layers")).to_be_visible()
    expect(page.get_by_text("Comparison", exact=True)).to_be_visible()
    expect(page.get_by_text("Overview", exact=True)).to_be_visible()
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page.get_by_role("radio", name="3", exact=True)).to_be_checked()
    expect(page.get_by_text("Choose a tuned checkpoint")).to_be_visible()
    assert page.title().startswith(("Layers", "Tunescope"))
    assert no_sideways_scroll(page)


def test_a_newcomer_tunes_computes_reads_reloads_and_shares(server: Server, visitor: BrowserContext) -> None:
    page = visit(visitor, server.url)
    expect(page.get_by_text("Make a first comparison")).to_be_visible()
    open_page(page, "Change", "Lab")
    fill(page, "Examples", "64")
    fill(page, "Epochs", "1")
    expect(page.get_by_text("Not computed yet: this run.")).to_be_visible()
    page.get_by_role("button", name="Compute").click()
    expect(page.get_by_text("Computing this run")).to_be_visible()
    page.reload()  # no state of the job lives in the session
    settled(page)
    fill(page, "Examples", "64")  # what the form held went with the session; asked again, the job is found
    fill(page, "Epochs", "1")
    page.get_by_role("button", name="Compare it with its base").click(timeout=4 * MINUTES)
    settled(page)

    open_page(page, "Overview", "Home")
    page.get_by_text("Sample, display").click()
    box = page.get_by_role("combobox", name="Sentences")
    box.fill("250")
    box.press("Enter")
    page.wait_for_timeout(1000)
    settled(page)
    page.get_by_role("button", name="Compute").click()
    expect(page.get_by_text("Computing the layer strip")).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile("^Tuning on sentiment"))).to_be_visible(timeout=5 * MINUTES)
    expect(page.get_by_text("Computing the layer strip")).to_have_count(0, timeout=5 * MINUTES)
    expect(drawn(page)).to_have_count(4)
    expect(page.get_by_text("Word classes").first).to_be_visible()
    assert no_sideways_scroll(page)

    page.reload()
    settled(page)
    expect(drawn(page)).to_have_count(4)
    second = visit(visitor, page.url)
    expect(second.get_by_role("heading", name=re.compile("^Tuning on sentiment"))).to_be_visible()
    expect(drawn(second)).to_have_count(4)

    # A click on a row of the strip moves the layer cursor, and the link with it.
    canvas = drawn(second).first.locator("canvas, svg").first
    box = canvas.bounding_box()
    assert box
    second.mouse.click(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.80)
    second.wait_for_timeout(1500)
    settled(second)
    assert re.search(r"[?&]layer=[0-5]", second.url), second.url


@pytest.fixture
def beside_a_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, TinyHub]]:
    """The app over an empty cache, and a Hub with a checkpoint and an adapter over it."""
    files, adapter = tiny_and_adapter(tmp_path, base="org/tiny")
    repos = {"org/tiny": Repo(commits=[files], card={"license": "mit"}), "org/lora": Repo(commits=[adapter])}
    with serving(repos, monkeypatch, tmp_path / "huggingface") as hub:
        running = start(tmp_path / "cache", tmp_path / "server.log")
        yield running, hub
        stop(running)


def test_a_researcher_compares_an_adapter_of_the_hub_with_its_base(
    beside_a_hub: tuple[Server, TinyHub], visitor: BrowserContext
) -> None:
    server, hub = beside_a_hub
    base, adapter = (f"{name} @ {repo.sha(0)[:7]}" for name, repo in hub.repos.items())
    page = visit(visitor, f"{server.url}/checkpoints")
    look_up(page, "org/tiny")
    page.get_by_role("button", name="Download and add").click()
    look_up(page, "org/lora")
    page.get_by_role("button", name="Download", exact=True).click()
    expect(page.get_by_text("Its base: it says it was trained on org/tiny")).to_be_visible(timeout=2 * MINUTES)
    page.get_by_role("button", name="Add", exact=True).first.click()
    page.wait_for_timeout(1000)
    settled(page)
    choose(page, "Base", base)
    choose(page, "Tuned", adapter)
    open_page(page, "Compare", "Layers")
    expect(page.get_by_role("radio", name="3 · top")).to_be_visible()
    page.get_by_role("button", name="Compute").first.click()
    expect(drawn(page)).not_to_have_count(0, timeout=3 * MINUTES)
    assert adapter in unquote_plus(page.url)


def look_up(page: Page, name: str) -> None:
    """Ask the Hub for a name."""
    page.get_by_role("textbox", name="Name on the Hub").fill(name)
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_text(f"{name} · main is commit")).to_be_visible()
    settled(page)


def choose(page: Page, label: str, option: str) -> None:
    """Pick an option of a box in the sidebar."""
    box = page.get_by_role("combobox", name=label, exact=True)
    box.fill(option)
    box.press("Enter")
    page.wait_for_timeout(1000)
    settled(page)


def test_one_viewer_cancels_what_another_started(server: Server, visitor: BrowserContext) -> None:
    first = visit(visitor, f"{server.url}/lab")
    fill(first, "Examples", "2000")
    first.get_by_role("button", name="Compute").click()
    expect(first.get_by_text("Computing this run")).to_be_visible()
    second = visit(visitor, f"{server.url}/jobs")
    expect(second.get_by_text(re.compile("Fine-tuning"))).not_to_have_count(0)
    expect(second.get_by_text(re.compile(r"^\d+ of 126"))).to_be_visible(timeout=2 * MINUTES)
    second.get_by_role("button", name="Cancel").click()
    expect(second.get_by_text(re.compile("Fine-tuning.*cancelled"))).to_be_visible(timeout=MINUTES)
    expect(first.get_by_text(re.compile("Fine-tuning: cancelled"))).to_be_visible(timeout=MINUTES)
    expect(first.get_by_role("button", name="Compute")).to_be_visible()
    expect(second.get_by_role("button", name="Go on")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_quiet_in_both_themes(server: Server, visitor: BrowserContext, scheme: str) -> None:
    for name in (
        "",
        "checkpoints",
        "data",
        "layers",
        "maps",
        "tasks",
        "probes",
        "structure",
        "geometry",
        "weights",
        "neurons",
        "lab",
        "ablations",
        "dynamics",
        "jobs",
        "storage",
        "report",
        "self_test",
        "hypotheses",
        "lessons",
    ):
        page = visitor.new_page()
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{server.url}/{name}")
        settled(page)
        expect(page.locator('[data-testid="stException"], [data-testid="stAlertContentError"]')).to_have_count(0)
        assert no_sideways_scroll(page), name
        assert not barriers(page), name
        page.close()
