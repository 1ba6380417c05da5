"""The layer under the mouse: lit in the tower and in every figure of the page, by the browser alone; a click still chooses it."""

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from core.charts.look import Look
from tests.browser.conftest import Server, settled
from tests.browser.test_journeys import drawn

pytestmark = pytest.mark.browser

BANDS = """(figure, colour) => [...figure.querySelectorAll("path")]
    .filter(mark => (mark.getAttribute("fill") || "").toUpperCase() === colour)
    .map(mark => { const box = mark.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })"""


def lit(figure: Locator) -> list[list[float]]:
    """Middle of each band of the layer under the mouse."""
    figure.page.wait_for_timeout(500)
    found: list[list[float]] = figure.evaluate(BANDS, Look().hover)
    return found


def opened(visitor: BrowserContext, url: str) -> tuple[Page, list[bytes]]:
    """A page, and what it says to the server from now on."""
    page, said = visitor.new_page(), []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: said.append(_bytes(frame))))
    page.goto(url)
    settled(page)
    drawn(page).first.locator("svg.marks").wait_for()
    return page, said


def _bytes(frame: str | bytes) -> bytes:
    return frame.encode() if isinstance(frame, str) else frame


def test_a_layer_under_the_mouse_is_lit_in_both_panels_and_nothing_is_sent(
    on_show: Server, visitor: BrowserContext
) -> None:
    page, said = opened(visitor, f"{on_show.url}/geometry?geometry=Isotropy&isotropy_measure=Outliers&layer=6")
    figure = drawn(page).first
    figure.scroll_into_view_if_needed()
    page.mouse.move(5, 5)
    assert lit(figure) == []
    place = figure.bounding_box()
    assert place
    half, low = place["width"] / 2, place["y"] + 0.8 * place["height"]
    for share in (0.3, 0.6):
        page.mouse.move(place["x"] + share * half, low, steps=5)
        (left, _), (right, _) = sorted(lit(figure))
        assert abs(left - place["x"] - share * half) < 0.1 * half  # the layer the mouse is on
        assert right - left == pytest.approx(half, rel=0.2)  # and the same one in the panel of the other side
    page.mouse.move(5, 5)
    assert lit(figure) == []
    assert not any(b"hover" in frame for frame in said)
    expect(page.get_by_role("radio", name="6 · top")).to_be_checked()

    page.mouse.click(place["x"] + 0.6 * half, low)
    expect(page.get_by_role("radio", name="6 · top")).not_to_be_checked()
    settled(page)
    assert any(b'"pick"' in frame for frame in said)
    assert not any(b"hover" in frame for frame in said)


def test_a_row_of_the_strip_is_lit_while_the_mouse_is_on_it_and_the_chosen_one_keeps_its_colour(
    on_show: Server, visitor: BrowserContext
) -> None:
    page, said = opened(visitor, f"{on_show.url}/?layer=6")
    for panel in drawn(page).all():
        place = panel.bounding_box()
        assert place
        heights = []
        for share in (0.5, 0.65):
            page.mouse.move(place["x"] + 0.6 * place["width"], place["y"] + share * place["height"], steps=5)
            ((_, height),) = lit(panel)
            assert abs(height - place["y"] - share * place["height"]) < 30
            heights.append(height)
        assert heights[0] < heights[1]
        assert len(panel.evaluate(BANDS, Look().cursor)) == 1
        page.mouse.move(5, 5)
        assert lit(panel) == []
    assert not any(b"hover" in frame for frame in said)


def test_a_click_on_a_cell_of_layer_by_layer_chooses_its_base_layer(on_show: Server, visitor: BrowserContext) -> None:
    page, _ = opened(visitor, f"{on_show.url}/layers?view=Layer+by+layer&layer=6")
    cell = drawn(page).first.locator('path[aria-label*="base layer: 2"][aria-label*="tuned layer: 5"]').first
    cell.click(force=True)
    expect(page.get_by_role("radio", name="2", exact=True)).to_be_checked()


def test_a_layer_is_lit_in_the_tower_and_in_every_figure_wherever_the_mouse_is(
    on_show: Server, visitor: BrowserContext
) -> None:
    page, said = opened(visitor, f"{on_show.url}/?layer=6")
    tower, figures = page.locator(".st-key-layer"), drawn(page).all()
    lit_option = tower.locator("label[data-lit]")
    assert len(figures) > 1
    place = figures[1].bounding_box()
    assert place
    page.mouse.move(place["x"] + 0.6 * place["width"], place["y"] + 0.5 * place["height"], steps=5)
    assert [len(lit(figure)) for figure in figures] == [1] * len(figures)
    expect(lit_option).to_have_count(1)
    page.mouse.move(5, 5)
    assert [len(lit(figure)) for figure in figures] == [0] * len(figures)
    expect(lit_option).to_have_count(0)

    heights = []
    for layer in ("2", "4"):
        tower.get_by_text(layer, exact=True).hover()
        expect(lit_option).to_have_text(layer)
        assert [len(lit(figure)) for figure in figures] == [1] * len(figures)
        heights.append(lit(figures[0])[0][1])
    assert heights[1] < heights[0]  # the top of the network is at the top
    page.mouse.move(5, 5)
    expect(lit_option).to_have_count(0)
    expect(page.get_by_role("radio", name="6 · top")).to_be_checked()
    assert not any(b"hover" in frame for frame in said)
