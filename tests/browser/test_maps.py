"""The linked map, by the mouse: a box on one side and a click in the key colour the same points on both."""

import pytest
from playwright.sync_api import BrowserContext, Locator

from core.analyses.embed import Embed
from core.analyses.joint_map import JointMap
from core.lab import Lab
from core.refs import Packaged, Sample, Suite
from core.settings import Settings
from core.store.artifacts import Store
from tests.browser.conftest import Server, visit
from tests.small import TUNE

pytestmark = pytest.mark.browser

COUNT = """canvas => {
    const half = canvas.width / 2, paper = canvas.getContext("2d");
    return [0, half].map(left => {
        const pixels = paper.getImageData(left, 0, half, canvas.height).data;
        let coloured = 0;
        for (let i = 0; i < pixels.length; i += 4) {
            const [r, g, b, alpha] = pixels.slice(i, i + 4);
            if (alpha > 40 && Math.max(r, g, b) - Math.min(r, g, b) > 60) coloured++;
        }
        return coloured;
    });
}"""


def coloured(canvas: Locator) -> list[int]:
    """Coloured pixels on the left and on the right half of the figure."""
    canvas.page.wait_for_timeout(1500)
    return canvas.evaluate(COUNT)


def test_a_box_drawn_on_one_side_and_a_click_in_the_key_work_on_both(server: Server, visitor: BrowserContext) -> None:
    lab = Lab(Store(Settings(cache=server.cache, device="cpu")), engine="none")
    base, tuned = (Embed(checkpoint=side, sample=Sample(of=Suite(), n=250)) for side in (Packaged(), TUNE))
    lab.run(JointMap(base=base, tuned=tuned))
    page = visit(visitor, f"{server.url}/maps?sentences=250")
    page.set_viewport_size({"width": 1280, "height": 1100})
    canvas = page.get_by_test_id("stMain").locator("[data-testid=stVegaLiteChart] canvas").first
    canvas.wait_for()
    before, place = coloured(canvas), canvas.bounding_box()
    assert place
    assert min(before) > 1000
    # A box over the left panel's left half.
    page.mouse.move(place["x"] + 30, place["y"] + 90)
    page.mouse.down()
    page.mouse.move(place["x"] + 120, place["y"] + 200, steps=5)
    page.mouse.move(place["x"] + 220, place["y"] + 380, steps=5)
    page.mouse.up()
    boxed = coloured(canvas)
    for all_, some in zip(before, boxed, strict=True):
        assert 100 < some < 0.9 * all_
    page.mouse.click(place["x"] + 400, place["y"] + 370)  # beside the box: it goes
    assert min(coloured(canvas)) > 0.95 * min(before)
    page.mouse.click(place["x"] + 95, place["y"] + 27)  # the second label of the key
    for all_, some in zip(before, coloured(canvas), strict=True):
        assert 50 < some < 0.7 * all_
