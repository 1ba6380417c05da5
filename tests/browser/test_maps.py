"""The linked map, by the mouse and by the keys: what is chosen in one panel is chosen in both, and Python hears of it."""

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from core.analyses.embed import Embed
from core.analyses.joint_map import JointMap, Maps
from core.analyses.movers import Movers
from core.charts.look import Look
from core.demo import PACK, SEEN, checkpoints
from core.lab import Lab
from core.refs import Packaged
from core.settings import Settings
from core.store.artifacts import Store
from tests.browser.conftest import Server, at_rest, settled, visit

pytestmark = pytest.mark.browser

LAYER = 6
COLOURED = """canvas => {
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let coloured = 0;
    for (let i = 0; i < pixels.length; i += 4) {
        const [r, g, b] = pixels.slice(i, i + 3);
        if (Math.max(r, g, b) - Math.min(r, g, b) > 60) coloured++;
    }
    return coloured;
}"""
OF_COLOUR = """(canvas, wanted) => {
    // Pixels between white paper and this colour, whatever else lies beside them.
    const [R, G, B] = wanted.map(part => 255 - part), length = Math.hypot(R, G, B);
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let found = 0;
    for (let i = 0; i < pixels.length; i += 4) {
        const [r, g, b] = [255 - pixels[i], 255 - pixels[i + 1], 255 - pixels[i + 2]], far = Math.hypot(r, g, b);
        if (far > 60 && r * R + g * G + b * B > 0.997 * far * length) found++;
    }
    return found;
}"""
RINGS = """(canvas, [x, y]) => {
    const ratio = canvas.width / canvas.clientWidth, near = 14;
    const side = Math.round(2 * near * ratio);
    const pixels = canvas.getContext("2d").getImageData((x - near) * ratio, (y - near) * ratio, side, side).data;
    let drawn = 0;
    for (let i = 3; i < pixels.length; i += 4) if (pixels[i] > 128) drawn++;
    return drawn;
}"""


class Map:
    """The map on the page and, from the stored result alone, where each point must be on it."""

    def __init__(self, page: Page, maps: Maps, lab: Lab) -> None:
        self.page, self.maps, self.lab = page, maps, lab
        self.root = page.locator(".points")
        self.bases, self.overs = self.root.locator("canvas.base"), self.root.locator("canvas.over")
        self.sides = [np.asarray(side[LAYER], dtype=float) for side in (maps.base, maps.tuned)]
        rows = np.concatenate(self.sides)
        self.middle, self.spread = (rows.min(0) + rows.max(0)) / 2, np.ptp(rows, axis=0)

    def box(self, side: int) -> dict[str, float]:
        """Where a panel lies on the page."""
        box = self.overs.nth(side).bounding_box()
        assert box
        return dict(box)

    def places(self, side: int) -> np.ndarray:
        """Where every point of a panel is, in pixels of the panel: one unit across and up, all in view, y upwards."""
        box = self.box(side)
        scale = 0.92 * min(box["width"] / self.spread[0], box["height"] / self.spread[1])
        middle = np.array([box["width"], box["height"]]) / 2
        return middle + (self.sides[side] - self.middle) * (scale, -scale)

    def coloured(self) -> list[int]:
        """Coloured pixels of each panel."""
        return [base.evaluate(COLOURED) for base in self.bases.all()]

    def until(self, holds: Callable[[list[int]], bool]) -> None:
        """Wait until the coloured pixels of the panels are so; a rerun of the page takes a while to reach the canvas."""
        for _ in range(100):
            # While the page is drawn anew there may be no panel.
            if (now := self.coloured()) and holds(now):
                return
            self.page.wait_for_timeout(100)
        pytest.fail(f"coloured pixels stay at {now}")

    def of_colour(self, colour: str) -> list[int]:
        """Pixels of one label's colour in each panel."""
        wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        return [base.evaluate(OF_COLOUR, wanted) for base in self.bases.all()]

    def pictures(self) -> list[str]:
        """What each panel shows of its points."""
        return [base.evaluate("canvas => canvas.toDataURL()") for base in self.bases.all()]

    def colour_by(self, label: str) -> None:
        """Choose another label for the colours."""
        chooser = self.page.get_by_test_id("stMain").get_by_test_id("stSelectbox").filter(has_text="Colour by")
        chooser.click()
        self.page.get_by_role("option", name=label).click()

    def circle(self, side: int, *corners: tuple[float, float]) -> None:
        """A lasso through these places of a panel."""
        box, mouse = self.box(side), self.page.mouse
        mouse.move(box["x"] + corners[0][0], box["y"] + corners[0][1])
        mouse.down()
        for x, y in corners[1:]:
            mouse.move(box["x"] + x, box["y"] + y, steps=8)
        mouse.up()

    def circle_left_half(self) -> None:
        """A lasso around the left half of the tuned side's points."""
        box, middle = self.box(1), float(np.median(self.places(1)[:, 0]))
        self.circle(1, (3, 3), (middle, 3), (middle, box["height"] - 3), (3, box["height"] - 3))
        expect(self.root).to_have_attribute("data-selected", re.compile(r"^[1-9]"))

    def click(self, side: int, place: np.ndarray) -> None:
        """A click on a place of a panel."""
        box = self.box(side)
        self.page.mouse.click(box["x"] + place[0], box["y"] + place[1])

    def told(self, name: str) -> Locator:
        """The map, once it says that so many are circled or which point is picked or looked at."""
        return self.root.and_(self.page.locator(name))


@pytest.fixture
def shown(on_show: Server, visitor: BrowserContext) -> Map:
    """The page as it opens at first: words of the demo's sentences."""
    tuned = Embed(checkpoint=checkpoints()[0], sample=SEEN)
    settings = Settings(cache=on_show.cache, device="cpu", packs=PACK.parent)
    lab = Lab(Store(settings), engine="none")
    maps = lab.peek(JointMap(base=Embed(checkpoint=Packaged(), sample=SEEN), tuned=tuned))
    assert maps is not None
    page = visit(visitor, f"{on_show.url}/maps?layer={LAYER}")
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.set_viewport_size({"width": 1280, "height": 1100})
    made = Map(page, maps, lab)
    expect(made.told("[data-painted]")).to_be_visible()
    page.wait_for_timeout(500)  # the painting after the page grew
    return made


def alone(places: np.ndarray) -> int:
    """The point whose nearest neighbour is farthest away: a pointer on it is on no other."""
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    return int(apart.min(1).argmax())


def test_points_circled_on_one_side_keep_their_colour_on_both_and_reach_python(shown: Map) -> None:
    page, places = shown.page, shown.places(0)
    before = shown.coloured()
    assert min(before) > 1000
    left, right = np.quantile(places[:, 0], [0.3, 0.6]).round()
    top, bottom = np.quantile(places[:, 1], [0.2, 0.8]).round()
    shown.circle(0, (left, top), (right, top), (right, bottom), (left, bottom), (left, top))

    def inside(margin: float) -> int:
        low, high = (left - margin, top - margin), (right + margin, bottom + margin)
        return int(((places > low) & (places < high)).all(1).sum())

    expect(shown.root).to_have_attribute("data-selected", re.compile(r"^[1-9]"))
    n = int(shown.root.get_attribute("data-selected") or 0)
    assert inside(-1.5) <= n <= inside(1.5)
    expect(page.get_by_text(f"Table: {n:,} of {len(places):,} points")).to_be_visible()
    for all_, some in zip(before, shown.coloured(), strict=True):
        assert 100 < some < 0.9 * all_
    # A choice outlives a change of layer: the points are the same.
    page.get_by_text("5", exact=True).first.click()
    expect(page.get_by_text("Layer 5 ·")).to_be_visible()
    expect(page.get_by_text(f"Table: {n:,} of {len(places):,} points")).to_be_visible()
    expect(shown.root).to_have_attribute("data-selected", str(n))
    # And other colours.
    shown.colour_by("sentiment")
    expect(shown.root.locator(".key .title")).to_have_text("sentiment")
    expect(page.get_by_text(f"Table: {n:,} of {len(places):,} points")).to_be_visible()
    expect(shown.root).to_have_attribute("data-selected", str(n))
    shown.overs.first.focus()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Table", exact=True)).to_be_visible()
    expect(shown.root).to_have_attribute("data-selected", "0")


def test_a_point_is_ringed_in_both_panels_named_picked_and_walked_on_from(shown: Map) -> None:
    page, box = shown.page, shown.box(0)
    places = [shown.places(side) for side in (0, 1)]
    point = alone(places[0])
    text = shown.maps.points["text"][point]
    page.mouse.move(*(np.array([box["x"], box["y"]]) + places[0][point]))
    expect(shown.root).to_have_attribute("data-hover", str(point))
    expect(shown.root.locator(".card .text")).to_have_text(text)
    expect(shown.root.locator(".card")).to_contain_text(shown.maps.points["sentence"][point])
    # Its own label, though the colour may be that of all rare ones.
    expect(shown.root.locator(".card .row").first).to_have_text(f"word classes: {shown.maps.points['upos'][point]}")
    for side in (0, 1):
        assert shown.overs.nth(side).evaluate(RINGS, places[side][point].tolist()) > 30
    page.mouse.click(*(np.array([box["x"], box["y"]]) + places[0][point]))
    expect(shown.root).to_have_attribute("data-point", str(point))
    picked = page.get_by_test_id("stMarkdown").filter(has_text=shown.maps.points["sentence"][point])
    expect(picked.locator("strong").first).to_have_text(text)
    # Told right below the canvas, before table and figure.
    above, below = shown.root.bounding_box(), page.get_by_text("Table", exact=True).bounding_box()
    at_box = picked.first.bounding_box()
    assert above
    assert below
    assert at_box
    assert above["y"] + above["height"] <= at_box["y"] < above["y"] + above["height"] + 60
    assert at_box["y"] < below["y"]
    # By the keys alone: to the picked point, on to its neighbours, each read out, and one of them picked.
    page.mouse.move(5, 5)
    shown.overs.first.focus()
    page.keyboard.press("ArrowRight")
    expect(shown.root).to_have_attribute("data-hover", str(point))
    at = point
    for key, axis, sign in (("ArrowRight", 0, 1), ("ArrowUp", 1, -1), ("ArrowLeft", 0, -1), ("ArrowUp", 1, -1)):
        page.keyboard.press(key)
        to = int(shown.root.get_attribute("data-hover") or -1)
        moved = places[0][to] - places[0][at]
        if to == at:
            expect(shown.root.locator(".said")).to_have_text("No further point there.")
            beyond = places[0] - places[0][at]
            assert not ((sign * beyond[:, axis] > 1) & (np.abs(beyond[:, 1 - axis]) < np.abs(beyond[:, axis]))).any()
            continue
        assert sign * moved[axis] > 0
        assert abs(moved[1 - axis]) <= 5.7 * abs(moved[axis]) + 0.1
        expect(shown.root.locator(".said")).to_contain_text(shown.maps.points["text"][to])
        at = to
    assert at != point
    page.keyboard.press("Enter")
    expect(shown.root).to_have_attribute("data-point", str(at))
    expect(page.get_by_test_id("stMarkdown").filter(has_text=shown.maps.points["sentence"][at]).first).to_be_visible()
    page.keyboard.press("Escape")
    expect(shown.root).to_have_attribute("data-point", "-1")
    expect(picked).to_have_count(0)


def test_the_key_filters_both_panels_by_mouse_and_by_keys(shown: Map) -> None:
    page, key = shown.page, shown.root.locator(".key")
    counts = shown.maps.points["upos"].value_counts()
    first, second = key.get_by_role("button").nth(0), key.get_by_role("button").nth(1)
    expect(first).to_contain_text(counts.index[0])
    expect(first.locator(".count")).to_have_text(f"{counts.iloc[0]:,}")
    hues = Look().labels[:3]

    def painted_again(act: str, button: Locator) -> list[list[int]]:
        paintings = shown.root.get_attribute("data-paintings")
        if act == "click":
            button.click()
        else:
            button.focus()
            page.keyboard.press(act)
        expect(shown.root).not_to_have_attribute("data-paintings", paintings or "")
        return [shown.of_colour(hue) for hue in hues]

    assert min(min(found) for found in map(shown.of_colour, hues)) > 100
    one = painted_again("click", first)
    expect(first).to_have_attribute("aria-pressed", "true")
    two = painted_again("Space", second)
    for found, on in ((one, 1), (two, 2)):
        assert min(min(panel) for panel in found[:on]) > 100
        assert max(max(panel) for panel in found[on:]) < 10
    # What is filtered away is neither circled nor ringed: a lasso around everything takes the two labels alone.
    box = shown.box(1)
    shown.circle(1, (3, 3), (box["width"] - 3, 3), (box["width"] - 3, box["height"] - 3), (3, box["height"] - 3))
    expect(shown.root).to_have_attribute("data-selected", str(counts.iloc[:2].sum()))
    painted_again("Enter", first)
    painted_again("click", second)
    expect(key.locator('[aria-pressed="true"]')).to_have_count(0)


def test_wheel_keys_and_drag_move_both_panels_and_a_double_click_shows_all(shown: Map) -> None:
    page, box = shown.page, shown.box(0)
    before = shown.pictures()

    def all_other(than: list[str]) -> list[str]:
        page.wait_for_timeout(600)
        now = shown.pictures()
        assert all(a != b for a, b in zip(now, than, strict=True))
        return now

    # Until it was clicked, the wheel belongs to the page.
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(400)
    assert shown.pictures() == before
    page.mouse.click(box["x"] + 20, box["y"] + 20)
    page.mouse.wheel(0, -200)
    closer = all_other(before)
    page.keyboard.down("Shift")
    page.mouse.down()
    page.mouse.move(box["x"] + 80, box["y"] + 60, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    moved = all_other(closer)
    expect(shown.root).to_have_attribute("data-selected", "0")
    page.keyboard.press("+")
    all_other(moved)
    page.mouse.dblclick(box["x"] + 10, box["y"] + 10)
    page.mouse.move(5, 5)
    page.wait_for_timeout(600)
    assert shown.pictures() == before


def test_the_figure_to_keep_is_drawn_when_it_is_asked_for(shown: Map) -> None:
    page = shown.page
    figures = page.get_by_test_id("stMain").get_by_test_id("stVegaLiteChart")
    expect(figures).to_have_count(0)
    page.get_by_text("Figure to keep").click()
    expect(figures).to_have_count(1)
    settled(page)
    at_rest(figures)  # a figure that grows moves what stands around it
    svg = page.get_by_test_id("stMain").get_by_test_id("stDownloadButton").filter(has_text="SVG")
    for _ in range(6):  # again at once, as impatient people do
        with page.expect_download() as fetched:
            svg.click()
        drawn = ElementTree.fromstring(fetched.value.path().read_text())
        assert len([one for one in drawn.iter() if one.tag.endswith("}use")]) == 2 * len(shown.maps.points)
    figures.hover()
    with page.expect_download() as fetched:
        page.get_by_test_id("stMain").get_by_role("button", name="Download as PNG").click()
    assert fetched.value.path().read_bytes().startswith(b"\x89PNG")


def test_circled_points_go_into_the_link_and_another_browser_shows_them(shown: Map, visitor: BrowserContext) -> None:
    page = shown.page
    shown.circle_left_half()
    circled = int(shown.root.get_attribute("data-selected") or 0)
    page.get_by_role("button", name="Saved").click()
    page.get_by_role("button", name=f"Put {circled:,} circled points into the link").click()
    said = page.get_by_text(re.compile(f"{circled:,} of [\\d,]+ points are circled in the link"))
    expect(said).to_be_visible()
    assert "circled=" in page.url
    other = visit(visitor, page.url)
    expect(other.get_by_text(re.compile(f"{circled:,} of [\\d,]+ points are circled in the link"))).to_be_visible()


def test_what_is_circled_outlives_clicks_beside_the_points(shown: Map) -> None:
    page = shown.page
    shown.circle_left_half()
    circled = shown.root.get_attribute("data-selected") or ""
    point = alone(shown.places(0))
    shown.click(0, shown.places(0)[point])
    expect(shown.root).to_have_attribute("data-point", str(point))
    expect(shown.root).to_have_attribute("data-selected", circled)
    # A stray click lets the picked point go, and only that; so do the two clicks that show all again.
    shown.click(0, np.array([10.0, 100.0]))
    expect(shown.root).to_have_attribute("data-point", "-1")
    expect(shown.root).to_have_attribute("data-selected", circled)
    box = shown.box(0)
    page.keyboard.press("+")
    expect(shown.root).to_have_attribute("data-view", re.compile("1.5"))
    page.mouse.dblclick(box["x"] + 10, box["y"] + 100)
    expect(shown.root).to_have_attribute("data-view", re.compile('"zoom":1}'))
    expect(shown.root).to_have_attribute("data-selected", circled)
    page.keyboard.press("Escape")
    expect(shown.root).to_have_attribute("data-selected", "0")


def test_the_ring_of_a_picked_point_goes_with_a_point_that_is_filtered_away(shown: Map) -> None:
    places = shown.places(0)
    point = alone(places)
    shown.click(0, places[point])
    expect(shown.root).to_have_attribute("data-point", str(point))
    shown.page.mouse.move(5, 5)
    own = shown.maps.points["upos"][point]
    counts = shown.maps.points["upos"].value_counts()
    other = next(name for name in counts.index[:6] if name != own)
    button = shown.root.locator(".key button").filter(has_text=other)
    overs = [shown.overs.nth(side) for side in (0, 1)]
    here = [shown.places(side)[point].tolist() for side in (0, 1)]

    def rings() -> list[int]:
        shown.page.wait_for_timeout(600)
        return [over.evaluate(RINGS, place) for over, place in zip(overs, here, strict=True)]

    assert min(rings()) > 30
    button.click()
    assert rings() == [0, 0]
    button.click()
    assert min(rings()) > 30


def test_a_search_that_finds_nothing_says_so_and_greys_nothing(shown: Map) -> None:
    page, before = shown.page, shown.coloured()
    field = page.get_by_label("Search")
    field.fill("lovely")
    field.press("Enter")
    expect(page.get_by_text("points hold “lovely”: in colour.")).to_be_visible()
    shown.until(lambda now: max(now) < 0.5 * min(before))
    field.fill("no such words")
    field.press("Enter")
    expect(page.get_by_text("points hold “no such words”. All are drawn in colour.")).to_be_visible()
    shown.until(before.__eq__)


@pytest.mark.parametrize(("projection", "is_kept"), [("UMAP, all layers", True), ("PCA", False)])
def test_where_one_looks_stays_from_layer_to_layer_while_maps_share_a_frame(
    on_show: Server, visitor: BrowserContext, projection: str, is_kept: bool
) -> None:
    page = visit(visitor, f"{on_show.url}/maps?layer=5&projection={projection}")
    root = page.locator(".points[data-painted]")
    root.locator(".closer").click()
    expect(root).to_have_attribute("data-view", re.compile("1.5"))
    box = root.locator("canvas.over").first.bounding_box()
    assert box
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 130, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    page.wait_for_timeout(600)
    view, painted = root.get_attribute("data-view"), root.get_attribute("data-painted")
    page.get_by_test_id("stSidebar").get_by_text("4", exact=True).first.click()
    expect(root).not_to_have_attribute("data-painted", painted or "")
    assert (root.get_attribute("data-view") == view) is is_kept


def test_a_table_is_sent_when_it_is_opened_and_its_csv_when_it_is_fetched(
    on_show: Server, visitor: BrowserContext
) -> None:
    sent: list[int] = []
    visitor.on(
        "page",
        lambda page: page.on(
            "websocket", lambda socket: socket.on("framereceived", lambda frame: sent.append(len(frame)))
        ),
    )
    page = visit(visitor, f"{on_show.url}/maps?layer=5")
    root = page.locator(".points[data-painted]")
    expect(root).to_be_visible()
    page.wait_for_timeout(1000)
    sent.clear()
    page.get_by_test_id("stMain").get_by_test_id("stSelectbox").filter(has_text="Colour by").click()
    page.get_by_role("option", name="sentiment").click()
    expect(root.locator(".key .title")).to_have_text("sentiment")
    page.wait_for_timeout(1000)
    recoloured = sum(sent)
    assert recoloured < 200_000
    table = page.get_by_test_id("stMain").get_by_test_id("stDataFrame")
    expect(table).to_have_count(0)
    sent.clear()
    page.get_by_text("Table", exact=True).click()
    expect(table).to_have_count(1)
    page.wait_for_timeout(1000)
    assert sum(sent) > recoloured
    settled(page)  # a rerun gives the button another file, and a click for the one before gets none
    with page.expect_download() as fetched:
        page.get_by_test_id("stMain").get_by_test_id("stDownloadButton").click()
    rows = fetched.value.path().read_text().splitlines()
    n = sum(int(count.replace(",", "")) for count in root.locator(".key .count").all_inner_texts())
    assert len(rows) == n + 1
    assert rows[0].startswith("text,")


@pytest.mark.parametrize(("width", "whole"), [(1280, True), (800, False)])
def test_a_map_is_seen_without_scrolling_and_nothing_overflows(
    on_show: Server, visitor: BrowserContext, width: int, whole: bool
) -> None:
    page = visit(visitor, f"{on_show.url}/maps?layer=5")
    page.set_viewport_size({"width": width, "height": 720})
    root = page.locator(".points[data-painted]")
    expect(root).to_be_visible()
    page.wait_for_timeout(800)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("page => page.scrollWidth - page.clientWidth") == 0
    right = main.bounding_box()
    assert right
    for part in (*main.get_by_test_id("stSelectbox").all(), *main.get_by_test_id("stButtonGroup").all(), root):
        box = part.bounding_box()
        assert box
        assert box["x"] + box["width"] <= right["x"] + right["width"]
    if whole:
        box = root.locator("canvas.base").first.bounding_box()
        assert box
        assert 720 - box["y"] >= 0.9 * box["height"]


def test_a_picked_point_has_lines_to_its_true_neighbours_and_a_card_that_names_them(shown: Map) -> None:
    tuned = Embed(checkpoint=checkpoints()[0], sample=SEEN)
    spec = Movers(base=Embed(checkpoint=Packaged(), sample=SEEN), tuned=tuned)
    moved = shown.lab.peek(spec)
    places = shown.places(1)
    point = alone(places)
    over = shown.overs.nth(1)
    far = [near for near in moved.nearest(LAYER)[1][point] if np.linalg.norm(places[near] - places[point]) > 40]
    assert far
    before = [over.evaluate(RINGS, places[near].tolist()) for near in far]
    assert max(before) == 0
    shown.click(1, places[point])
    expect(shown.root).to_have_attribute("data-point", str(point))
    shown.page.mouse.move(5, 5)
    shown.page.wait_for_timeout(600)
    assert min(over.evaluate(RINGS, places[near].tolist()) for near in far) > 0
    main = shown.page.get_by_test_id("stMain")
    expect(main.get_by_text("Nearest in tuned")).to_be_visible()
    expect(main.get_by_text(f"The {moved.k} nearest by cosine in the whole space of layer {LAYER}")).to_be_visible()


def test_the_map_as_a_file_works_without_server_or_network(shown: Map, tmp_path: Path) -> None:
    shown.page.get_by_text("Figure to keep").click()
    expect(shown.page.get_by_role("button", name="HTML")).to_be_visible()
    settled(shown.page)
    with shown.page.expect_download() as download:
        shown.page.get_by_role("button", name="HTML").click()
    file = tmp_path / "map.html"
    download.value.save_as(file)
    browser = shown.page.context.browser
    assert browser
    with browser.new_context(offline=True) as alone_:
        page = alone_.new_page()
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        kept = page.locator(".points")
        expect(kept).to_have_attribute("data-painted", re.compile("."))
        assert asked == [file.as_uri()]
        assert kept.locator(".key").inner_text() == shown.root.locator(".key").inner_text()
        page.keyboard.press("Tab")
        kept.locator("canvas.over").first.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        point = int(kept.get_attribute("data-point") or -1)
        assert point >= 0
        expect(kept.locator(".foot")).to_contain_text(str(shown.maps.points["text"][point]))
        expect(page.locator("body")).to_contain_text("base: all-MiniLM-L6-v2")


def test_two_layers_stand_in_four_panels_that_are_linked(on_show: Server, visitor: BrowserContext) -> None:
    page = visit(visitor, f"{on_show.url}/maps?layer=6&layer_beside=2")
    root = page.locator(".points[data-painted]")
    expect(root.locator("figcaption")).to_have_text(
        ["● base · layer 6", "▲ tuned · layer 6", "● base · layer 2", "▲ tuned · layer 2"]
    )
    boxes = [one.bounding_box() for one in root.locator("canvas.over").all()]
    assert all(boxes)
    lefts, tops = ([round(box[side]) for box in boxes if box] for side in ("x", "y"))
    assert lefts[0] == lefts[2] < lefts[1] == lefts[3]
    assert tops[0] == tops[1] < tops[2] == tops[3]
    over = root.locator("canvas.over").nth(3)
    over.focus()
    page.keyboard.press("ArrowRight")
    expect(root).to_have_attribute("data-hover", re.compile(r"^\d+$"))
    for panel in root.locator("canvas.over").all():
        ringed = panel.evaluate(
            "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(part => part > 128)"
        )
        assert ringed
