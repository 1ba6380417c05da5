"""The first minutes on a fresh clone: everything is there, at once, on every page; nothing was computed for it."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import Server, visit
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
    "tasks?board=The+heads": 3,
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
