"""Linked maps of points on a canvas of our own: one zoom, one lasso and one ring over the same points in every panel."""

import base64
from html import escape
from pathlib import Path

import streamlit as st

from core.charts.look import Look
from core.charts.points import Drawn, Message, Picked, picked_in

__all__ = ["page_of", "point_map"]

_HERE = Path(__file__).parent


def _written(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


_hold = st.components.v2.component("tunescope.held", js=_written("held.js"))
_draw = st.components.v2.component("tunescope.points", js=_written("points.js"), css=_written("points.css"))


def point_map(drawn: Drawn, *, key: str) -> Picked:
    """Draw the same points in one to four panels, and tell what the viewer chose of them.

    Positions, strings, neighbours and colours are elements of their own: what did not change since the last run is not sent
    again. A click picks a point, a drag circles points; both reach Python when the button is let go, as a rerun of the page
    or of the fragment around it. They hold for these texts: with others, nothing is chosen.

    Args:
        drawn: a map (core.charts.points.draw) whose own key is this one.
        key: of the element, once a page.
    """
    with st.container(gap=None):
        for name, message in drawn.held.items():
            _held(message, f"{key}-{name}")
        shown = _draw(data=drawn.view.data, key=key, on_chosen_change=_reruns)
    return picked_in(shown.chosen, drawn)


def _held(message: Message, key: str) -> None:
    _hold(data=message.data, key=key)


def _reruns() -> None:
    """Nothing is done on a choice beyond the rerun; a state that Python reads needs a callback to be named."""


def page_of(drawn: Drawn, *, title: str, notes: list[str], look: Look) -> str:
    """The map as one HTML file that needs no server and no network: it zooms, filters, circles and names points as on screen.

    Args:
        drawn: the map.
        title: above it.
        notes: lines below it: what it is, how it was made.
        look: that the map was drawn for.
    Returns:
        The text of the file: some 40 kB, and 4/3 of the map's messages.
    """
    own = "export default function"
    script = _written("points.js")
    assert script.count(own) == 1
    messages = {one.name: base64.b64encode(one.content).decode() for one in drawn.held.values()}
    view = base64.b64encode(drawn.view.data).decode()
    held = ", ".join(f'["{name}", "{content}"]' for name, content in messages.items())
    below = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
body {{ margin: 24px auto; padding: 0 24px; max-width: 1600px; font-family: sans-serif; }}
body {{ color: {look.ink}; background: {look.paper}; }}
p {{ color: {look.quiet}; font-size: 14px; }}
{_written("points.css")}
</style>
</head>
<body>
<h1>{escape(title)}</h1>
<main id="map"></main>
{below}
<script type="module">
{script.replace(own, "const show = function")}
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
for (const [name, content] of [{held}]) held.parts.set(name, {{ bytes: bytesOf(content), owners: new Set() }});
show({{ data: bytesOf("{view}"), parentElement: document.getElementById("map"), setStateValue: () => {{}} }});
</script>
</body>
</html>
"""
