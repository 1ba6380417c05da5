"""The canvas of points: 100,000 against an empty Streamlit page, a brush against Altair's, and how much is sent."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.pages import READY, ROOT, browsing, serve

ROUNDS = 7
MANY, SOME = 100_000, 20_000
PAINTED = ".points[data-painted]"
_MADE = f"""import sys
sys.path.insert(0, {str(ROOT)!r})
import altair as alt, numpy as np, pandas as pd, streamlit as st
from core.charts.look import Look
from core.charts.points import Panel, colouring_of, draw
from pages.parts.points import point_map
st.set_page_config(layout="wide")


@st.cache_resource
def made(n, panels):
    rng = np.random.default_rng(0)
    label, middles = rng.integers(0, 7, n), rng.normal(size=(panels, 7, 2)) * 4
    places = [(middles[p][label] + rng.normal(size=(n, 2))).astype(np.float32) for p in range(panels)]
    return places, label, [f"word{{i}}" for i in np.minimum(rng.zipf(1.3, n), 20_000)]


places, label, words = made(int(st.query_params["n"]), int(st.query_params["panels"]))
"""
_CANVAS = """
labels = pd.Series(label % st.radio("labels", [7, 3])).map("label {}".format)
point_map(draw([Panel(title=f"panel {p}", colour="#0072B2", positions=rows) for p, rows in enumerate(places)],
    colouring_of(labels, Look(), title="label"), texts=words, look=Look(), alt_text="points", key="map", axes=("x", "y"),
    height=330), key="map")
"""
_WHOLE = """
from core.analyses.embed import Embed
from core.analyses.joint_map import JointMap
from core.demo import SEEN, checkpoints
from core.refs import Packaged
from pages.parts import figures
labels = pd.Series(label % st.radio("labels", [7, 3])).map("label {}".format)
points = pd.DataFrame({"text": words, "label": labels})
spec = JointMap(base=Embed(checkpoint=Packaged(), sample=SEEN), tuned=Embed(checkpoint=checkpoints()[0], sample=SEEN))
figures.pointed(lambda look: [Panel(title=f"panel {p}", colour="#0072B2", positions=rows) for p, rows in enumerate(places)],
    labels, pd.DataFrame({"text": words}), label="label", axes=("x", "y"), kept=lambda: None,
    table=lambda: points.assign(x=places[0][:, 0], y=places[0][:, 1]), name="map", alt_text="points", specs=[spec],
    note="made", height=330)
"""
_ALTAIR = """
table = pd.DataFrame({"label": label.astype(str)})
for p, rows in enumerate(places):
    table[f"x{p}"], table[f"y{p}"] = rows.T
brush = alt.selection_interval(name="brush")
drawn = [
    alt.Chart(table).mark_point(filled=True, size=24).encode(
        x=f"x{p}:Q", y=f"y{p}:Q", color=alt.condition(brush, "label:N", alt.value("lightgray"))
    ).properties(width=405, height=330) for p in range(len(places))
]
st.altair_chart(alt.hconcat(*drawn, usermeta={"embedOptions": {"renderer": "canvas"}}).add_params(brush))
"""


def rows() -> list[tuple[str, str, str]]:
    """(what, figure, asked) rows."""
    with tempfile.TemporaryDirectory() as name, browsing() as browser:
        folder = Path(name)
        with (
            _open(folder, "empty", 'import streamlit as st\nst.title("empty")\n') as empty,
            _open(folder, "canvas", _MADE + _CANVAS) as canvas,
            _open(folder, "plain", _MADE + _ALTAIR) as altair,
            _open(folder, "whole", _MADE + _WHOLE) as whole,
        ):
            return [*_first(browser, empty, canvas), *_brush(browser, canvas, altair), *_sent(browser, whole)]


@contextmanager
def _open(folder: Path, name: str, body: str) -> Iterator[str]:
    script = folder / f"{name}.py"
    script.write_text(body)
    process, url = serve(script, folder, folder / "cache")
    try:
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _first(browser: Any, empty: str, canvas: str) -> list[tuple[str, str, str]]:
    """Visits in turn, each after one that is not counted: the server has its modules and the points then."""
    pages = {
        "empty Streamlit page": (empty, "h1"),
        f"{MANY:,} points × 1 panel": (f"{canvas}/?n={MANY}&panels=1", PAINTED),
        f"{MANY:,} points × 2 panels": (f"{canvas}/?n={MANY}&panels=2", PAINTED),
    }
    seconds: dict[str, list[float]] = {name: [] for name in pages}
    painting: dict[str, float] = {}
    for number in range(ROUNDS + 1):
        for name, (url, selector) in pages.items():
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            started = time.perf_counter()
            page.goto(url)
            page.wait_for_selector(selector, timeout=60_000)
            if number:
                seconds[name].append(time.perf_counter() - started)
            if selector == PAINTED:
                page.wait_for_timeout(500)
                painting[name] = float(page.locator(PAINTED).get_attribute("data-milliseconds"))
            page.close()
    middle = {name: statistics.median(times) for name, times in seconds.items()}
    first, *others = pages
    return [
        (f"warm visit, {first}", f"{middle[first]:.2f} s", ""),
        *((f"warm visit, {name}, painted", f"{middle[name]:.2f} s", "") for name in others),
        *((f"{name} / {first}", f"{middle[name] / middle[first]:.2f}", "≤ 1.5") for name in others),
        *((f"painting {name}, by itself", f"{painting[name]:.0f} ms", "") for name in others),
    ]


def _brush(browser: Any, canvas: str, altair: str) -> list[tuple[str, str, str]]:
    """Work of the page's main thread for one new brush over two panels, and of the canvas's own painting in it.

    Altair draws again at every move and tells nobody; the canvas when the button is let go, and the page reruns then.
    """
    spent: dict[str, list[float]] = {"canvas": [], "altair": [], "painting": []}
    for _ in range(3):
        for name, url, drawn in (
            ("canvas", canvas, ".points canvas.over"),
            ("altair", altair, '[data-testid="stVegaLiteChart"] canvas'),
        ):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(f"{url}/?n={SOME}&panels=2")
            page.wait_for_selector(drawn)
            page.wait_for_selector(READY)
            page.wait_for_timeout(3000)
            box = page.locator(drawn).first.bounding_box()
            x, y = box["x"] + 150, box["y"] + 120
            page.mouse.move(x, y)
            page.mouse.down()
            for dx, dy in ((60, 0), (120, 20), (130, 100), (60, 120)):
                page.mouse.move(x + dx, y + dy)
            page.wait_for_timeout(3000)
            tasks = page.context.new_cdp_session(page)
            tasks.send("Performance.enable")
            before = _busy(tasks)
            if name == "altair":
                page.mouse.move(x + 80, y + 130)
            else:
                page.mouse.up()
            page.wait_for_timeout(4000)
            spent[name].append(_busy(tasks) - before)
            if name == "canvas":
                spent["painting"].append(float(page.locator(PAINTED).get_attribute("data-milliseconds")) / 1000)
            page.close()
    ours, theirs, painting = (statistics.median(spent[name]) for name in ("canvas", "altair", "painting"))
    what = f"brush over {SOME:,} points × 2 panels"
    return [
        (f"{what}, Altair, each move", f"{theirs * 1000:.0f} ms", ""),
        (f"{what}, canvas, painting", f"{painting * 1000:.0f} ms", ""),
        (f"{what}, canvas, painting and the page's rerun", f"{ours * 1000:.0f} ms", ""),
        ("brush, painting of the canvas / Altair", f"{painting / theirs:.3f}", "≤ 0.1"),
        ("brush, canvas with rerun / Altair", f"{ours / theirs:.3f}", ""),
    ]


def _busy(tasks: Any) -> float:
    """Seconds of tasks that the page's main thread has done."""
    found = tasks.send("Performance.getMetrics")["metrics"]
    return next(one["value"] for one in found if one["name"] == "TaskDuration")


def _sent(browser: Any, whole: str) -> list[tuple[str, str, str]]:
    """Bytes over the web socket of a page with all that a map has: canvas, captions, table and figure to be opened."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    received: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))

    def settled() -> int:
        page.wait_for_timeout(3000)
        total = sum(received)
        received.clear()
        return total

    page.goto(f"{whole}/?n={MANY}&panels=1")
    page.wait_for_selector(PAINTED)
    first = settled()
    page.get_by_text("3", exact=True).click()
    again = settled()
    box = page.locator(".points canvas.over").first.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 60)
    page.mouse.down()
    for x, y in ((500, 60), (500, 300), (100, 300)):
        page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
    page.mouse.up()
    page.wait_for_selector('.points:not([data-selected="0"])')
    brushed = settled()
    page.close()
    return [
        (f"sent for {MANY:,} words × 1 panel, first", f"{first / 1e6:.2f} MB", "≤ 1 MB"),
        (f"sent for {MANY:,} words, other colours", f"{again / 1e6:.2f} MB", "≤ 0.2 MB"),
        (f"sent for {MANY:,} words, a brush", f"{brushed / 1e3:.1f} kB", ""),
    ]


if __name__ == "__main__":
    from tests.bench.rows import keep

    keep(rows())
