"""The first minutes on a fresh clone: everything is there, at once, on every page; nothing was computed for it."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Server, barriers, settled, visit
from tests.browser.test_journeys import drawn, no_sideways_scroll

pytestmark = pytest.mark.browser

VIEWS = {
    "": 4,
    "?more_panels=true": 8,
    "layers": 1,
    "layers?view=Layer+by+layer": 1,
    "layers?view=Kept+space&measure=RSA": 1,
    "layers?view=What+can+be+read": 1,
    "layers?view=Crowding": 1,
    "probes": 2,
    "structure": 1,
    "geometry": 1,
    "geometry?geometry=Clusters": 1,
    "geometry?geometry=Other+text": 1,
    "geometry?geometry=Mean+shift": 2,
    "neurons": 1,
    "neurons?neurons=Several+checkpoints": 1,
    "neurons?neurons=How+few+do": 2,
    "neurons?neurons=Of+each+class": 2,
    "neurons?neurons=Rankings": 2,
    "neurons?neurons=Without+them": 1,
    "neurons?neurons=Without+them&neurons_asked=The+label%2C+by+a+probe": 2,
    "neurons?neurons=Twins": 1,
    "weights": 2,
    "maps": 1,
    "maps?projection=UMAP": 1,
    "maps?projection=UMAP&map_seeds=true": 1,
    "maps?projection=t-SNE&colour=word+position": 1,
    "maps?projection=UMAP%2C+all+layers&colour=what+the+head+says": 1,
    "maps?projection=Label+axes": 2,
    "maps?maps=Movers": 3,
    "ablations": 1,
    "ablations?ablation_besides=Leave+out+from+the+top": 1,
    "ablations?ablations=Grafts": 1,
    "ablations?ablations=Grafts&graft=Tuned+below%2C+base+above": 1,
    "ablations?ablations=Grafts&graft=One+part+back": 1,
    "ablations?ablations=Grafts&graft=One+part+alone": 1,
    "ablations?ablations=Grafts&graft=Scale+the+change": 1,
    "ablations?ablations=Grafts&graft=Add+another+change": 1,
    "ablations?ablations=Patched+states": 1,
    "ablations?ablations=Patched+states&patch_direction=base+into+tuned&patch_measure=answers": 1,
    "ablations?ablations=Patched+sentence": 1,
    "dynamics": 1,
    "dynamics?dynamics_measure=IsoScore": 1,
    "dynamics?dynamics=Labels": 1,
    "dynamics?dynamics=Paths": 1,
    "dynamics?dynamics=Read+from+layers": 1,
    "dynamics?dynamics=Score": 1,
    "dynamics?dynamics=Across+tasks": 1,
    "tasks": 5,
    "tasks?board=Several+checkpoints%2C+one+task": 2,
    "tasks?board=The+heads": 4,
    "lessons": 0,
    "report": 0,
    "hypotheses": 0,
}
"""Address and figures of each view."""


def test_a_first_start_opens_full_on_every_page(shipped: Server, visitor: BrowserContext) -> None:
    page = visit(visitor, shipped.url)
    expect(page.get_by_role("heading", name=re.compile("^Tuning on sentiment"))).to_be_visible()
    for address, figures in VIEWS.items():
        page = visit(visitor, f"{shipped.url}/{address}")
        expect(drawn(page)).to_have_count(figures, timeout=30_000)
        expect(page.get_by_text("Not computed yet")).to_have_count(0)
        expect(page.locator('[data-testid="stAlertContentError"], [data-testid="stException"]')).to_have_count(0)
        assert no_sideways_scroll(page), address
        assert "?" in address or not barriers(page), address
        page.close()
    assert not list((shipped.cache / "jobs").glob("*.json"))


def test_what_the_demo_lacks_is_computed_from_the_checkpoint_in_it(shipped: Server, visitor: BrowserContext) -> None:
    page = visit(visitor, f"{shipped.url}/layers?view=Crowding&sentences=250")
    expect(page.get_by_text("Not computed yet: crowding.")).to_be_visible()
    page.get_by_role("button", name="Compute").click()
    expect(drawn(page)).to_have_count(1, timeout=240_000)


def test_fifteen_viewers_open_home_at_once(shipped: Server, visitor: BrowserContext) -> None:
    pages = [visitor.new_page() for _ in range(15)]
    for page in pages:
        page.goto(shipped.url, wait_until="commit")
    for page in pages:
        expect(drawn(page)).to_have_count(4, timeout=180_000)
        expect(page.locator('[data-testid="stAlertContentError"], [data-testid="stException"]')).to_have_count(0)
    # One that looks elsewhere meanwhile is served as well.
    expect(drawn(visit(visitor, f"{shipped.url}/layers"))).to_have_count(1, timeout=60_000)


def test_the_link_names_all_of_a_view_and_what_a_link_asks_in_vain_is_told(
    shipped: Server, visitor: BrowserContext
) -> None:
    page = visit(visitor, f"{shipped.url}/layers?layer=2&view=Crowding")
    page.get_by_text("Sample, display, link").click()
    link = page.get_by_test_id("stSidebar").get_by_test_id("stCode").inner_text()
    asked = parse_qs(urlsplit(link).query)
    assert asked.keys() >= {"base", "tuned", "data", "read", "layer", "sentences", "word_pooling", "view"}
    assert (urlsplit(link).path, asked["layer"], asked["view"]) == ("/layers", ["2"], ["Crowding"])
    assert asked["tuned"][0].startswith("sentiment")
    again = visit(visitor, link)
    expect(drawn(again)).to_have_count(1, timeout=30_000)
    expect(again.get_by_text("The link asks for")).to_have_count(0)
    wrong = visit(visitor, f"{shipped.url}/?tuned=*not*+here&layer=99")
    expect(wrong.get_by_text("The link asks for Tuned: “*not* here”, which is not here.")).to_be_visible()
    expect(wrong.get_by_text("The link asks for Layer: “99”")).to_be_visible()
    expect(drawn(wrong)).to_have_count(4, timeout=30_000)


def test_home_says_what_was_found_and_leads_to_it(on_show: Server, visitor: BrowserContext) -> None:
    page = visit(visitor, on_show.url)
    main = page.get_by_test_id("stMain")
    expect(drawn(page)).to_have_count(4)
    for name in ("Space.", "Reading.", "Crowding."):
        expect(main.get_by_text(name, exact=True)).to_be_visible()
    for place, address in enumerate(("Kept space", "What can be read", "Crowding")):
        page = visit(visitor, on_show.url)
        page.get_by_role("link", name="See").nth(place).click()
        expect(page.get_by_role("heading", name="Layers")).to_be_visible()
        expect(drawn(page)).to_have_count(1)
        expect(page.get_by_role("radio", name=address)).to_be_checked()
    for name, heading in (
        ("lost their neighbours", "Maps"),
        ("easier or harder", "Probes"),
        ("Which layers does the task need", "Ablations"),
    ):
        page = visit(visitor, f"{on_show.url}/?read=sentiment+(sentence)")
        page.get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        settled(page)
        # What was being compared, and what was read, came along.
        page.get_by_text("Sample, display, link").click()
        asked = parse_qs(urlsplit(page.get_by_test_id("stSidebar").get_by_test_id("stCode").inner_text()).query)
        assert asked["read"] == ["sentiment (sentence)"]
        expect(page.get_by_text("Not computed yet")).to_have_count(0)


def test_a_figure_is_taken_away_and_pinned_and_the_report_opens_elsewhere(
    shipped: Server, visitor: BrowserContext, chromium: Browser, tmp_path: Path
) -> None:
    page = visit(visitor, f"{shipped.url}/layers?view=Crowding&layer=3")
    page.get_by_text("Table and files").click()
    main = page.get_by_test_id("stMain")
    pin = main.get_by_role("button", name="Pin to the report")
    expect(pin).to_be_visible()
    settled(page)
    files = {}
    for name in ("CSV", "SVG", "PNG", "HTML"):
        with page.expect_download() as fetched:
            main.get_by_role("button", name=name, exact=True).click()
        files[name] = tmp_path / f"crowding.{name.lower()}"
        fetched.value.save_as(files[name])
    assert files["CSV"].read_text().startswith("layer,")
    assert "mean cosine of random pairs" in files["SVG"].read_text()
    assert files["PNG"].read_bytes().startswith(b"\x89PNG")
    pin.click()
    expect(page.get_by_text("Pinned. The page Report has 1 figure now.")).to_be_visible()
    pin.click()
    expect(page.get_by_text("This figure is in the report already.")).to_be_visible()
    report = visit(visitor, f"{shipped.url}/report")
    report.get_by_label("Note").fill("Layer 6 spreads out.")
    report.get_by_label("Note").blur()
    settled(report)
    picture = report.get_by_test_id("stMain").get_by_role(
        "img", name="Mean cosine of random pairs by layer, base and tuned"
    )
    expect(picture).to_be_visible()
    report.wait_for_timeout(1500)
    settled(report)
    with report.expect_download() as fetched:
        report.get_by_role("button", name="Download HTML").click()
    files["report"] = tmp_path / "report.html"
    fetched.value.save_as(files["report"])
    with chromium.new_context(offline=True) as alone:
        asked: list[str] = []
        for name, shown in (("HTML", "svg"), ("report", "img")):
            kept = alone.new_page()
            kept.on("pageerror", lambda error: pytest.fail(str(error)))
            kept.on("request", lambda request: asked.append(request.url))
            kept.goto(files[name].as_uri())
            expect(kept.locator(f"figure {shown}").first).to_be_visible()
            for width in (1280, 600):
                kept.set_viewport_size({"width": width, "height": 720})
                assert no_sideways_scroll(kept), width
            assert not barriers(kept)
        expect(kept.get_by_text("Layer 6 spreads out.")).to_be_visible()
        expect(kept.get_by_text("sentiment · Reviews").first).to_be_visible()
        assert {one.split(":")[0] for one in asked} <= {"file", "data"}
    # Another browser, another session: the link shows the same report.
    with chromium.new_context() as elsewhere:
        other = settled_at(elsewhere.new_page(), report.url)
        expect(other.get_by_label("Note")).to_have_value("Layer 6 spreads out.")


def test_who_moves_figures_of_a_report_by_keyboard_stays_in_the_box(shipped: Server, visitor: BrowserContext) -> None:
    for view in ("Crowding", "Kept space"):
        page = visit(visitor, f"{shipped.url}/layers?view={view}&layer=3")
        page.get_by_text("Table and files").first.click()
        page.get_by_test_id("stMain").get_by_role("button", name="Pin to the report").first.click()
        expect(page.get_by_text("Pinned. The page Report has")).to_be_visible()
    report = visit(visitor, f"{shipped.url}/report")
    titles = report.get_by_test_id("stMain").get_by_role("heading", level=3)
    boxes = report.get_by_label("Place", exact=True)
    before = titles.all_inner_texts()
    assert len(before) >= 2
    boxes.first.focus()
    for key in ("Control+a", "2", "Enter"):
        report.keyboard.press(key)
    expect(titles.first).to_have_text(f"1. {before[1].removeprefix('2. ')}")
    expect(titles.nth(1)).to_have_text(f"2. {before[0].removeprefix('1. ')}")
    settled(report)
    expect(boxes.first).to_be_focused()
    expect(boxes.first).to_have_value("1")
    expect(boxes.nth(1)).to_have_value("2")


def settled_at(page: Page, url: str) -> Page:
    """A page at an address, at rest."""
    page.goto(url)
    return settled(page)
