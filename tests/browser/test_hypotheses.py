"""From a claim to a verdict, by hand: the papers' claims over the demo, one of one's own, a link that others open."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from core.keys import from_json, key_of
from tests.browser.conftest import Server, at_rest, barriers, settled, visit
from tests.browser.test_journeys import MINUTES, drawn, no_sideways_scroll

pytestmark = pytest.mark.browser


def test_a_claim_is_made_before_its_verdict_is_seen_and_shared(
    shipped: Server, visitor: BrowserContext, chromium: Browser, tmp_path: Path
) -> None:
    page = visit(visitor, f"{shipped.url}/hypotheses")
    expect(page.get_by_text("What of four papers holds after tuning on sentiment")).to_be_visible()
    expect(page.get_by_role("button", name="Look")).to_have_count(12)
    expect(page.get_by_text("not measured")).to_have_count(0)
    assert not barriers(page)
    # What compares layers was asked in other ways too.
    page.get_by_role("button", name="Look").nth(5).click()
    settled(page)
    expect(page.get_by_text("12 of 12 ways of asking say")).to_be_visible(timeout=MINUTES)
    expect(drawn(page)).to_have_count(3)
    assert no_sideways_scroll(page)
    page.get_by_text("The test, as it was stated").click()
    expect(drawn(page)).to_have_count(4)
    assert not barriers(page)
    page.get_by_role("button", name="All claims").click()
    settled(page)
    page.get_by_text("Your own claim", exact=True).click()
    settled(page)
    said = page.get_by_text("After tuning, the space (CKA) has changed at layer 6, by more than 0.05.")
    expect(said).to_be_visible()
    # Its measurements are stored; neither its verdict nor its effect is told before it is made.
    expect(page.get_by_text("their effect is not shown")).to_be_visible()
    assert not page.get_by_test_id("stMain").get_by_text(re.compile(r"^[+−][\d.]+ \[")).count()
    page.get_by_role("button", name="Make this claim").click()
    expect(page.get_by_text("What would change it?")).to_be_visible(timeout=MINUTES)
    expect(page.get_by_text("after it was measured")).to_be_visible()
    assert "claim=" in page.url
    with page.expect_download() as download:
        page.get_by_role("button", name="Claim (JSON)").click()
    download.value.save_as(tmp_path / "claim.json")
    claim = from_json(json.loads((tmp_path / "claim.json").read_text()))
    assert key_of(claim) in page.url
    verdict = page.get_by_role("heading", name=re.compile("supported|contradicted|cannot tell")).first.inner_text()
    with chromium.new_context() as elsewhere:
        other = elsewhere.new_page()
        other.goto(page.url)
        settled(other)
        expect(other.get_by_role("heading", name=re.compile("supported|contradicted|cannot tell")).first).to_have_text(
            verdict
        )
    page.get_by_role("button", name="All claims").click()
    settled(page)
    kept = page.get_by_text("Kept claims", exact=True)
    at_rest(kept)
    kept.click()
    expect(page.get_by_role("button", name="Look")).to_have_count(1)
