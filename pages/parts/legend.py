"""The key to every figure, in the sidebar: what ● ▲ △ × stand for.

It is drawn first, before anything heavy is imported, and as a figure on purpose: the browser then fetches and starts
its chart library while the server still prepares the page. Plain Vega-Lite, so that it needs neither Altair nor pandas.
"""

import streamlit as st

_MARKS = (
    ("base", "circle", True, "#0072B2", "#4FA8E8"),
    ("tuned", "triangle-up", True, "#D55E00", "#FF8A3D"),
    ("noise", "triangle-up", False, "#D55E00", "#FF8A3D"),
    ("control", "cross", True, "#5B6273", "#A3A9B8"),
)
_ALT = "Key: circle base, triangle tuned, hollow triangle a change inside the noise, cross control task"


def draw() -> None:
    """Draw the key."""
    dark = st.context.theme.type == "dark"
    layers = []
    for place, (name, shape, filled, light_colour, dark_colour) in enumerate(_MARKS):
        colour = dark_colour if dark else light_colour
        at = {"x": {"value": 10 + 62 * place}, "y": {"value": 12}}
        angle = 45 if shape == "cross" else 0
        point = {
            "type": "point",
            "shape": shape,
            "filled": filled,
            "color": colour,
            "size": 80,
            "strokeWidth": 2,
            "opacity": 1,
            "angle": angle,
            "tooltip": None,  # it would show the datum, of which there is none
            "aria": False,  # the whole is one picture, and its text says what it shows
        }
        text = {
            "type": "text",
            "tooltip": None,
            "aria": False,
            "align": "left",
            "dx": 9,
            "fontSize": 13,
            "color": "#E8EAF0" if dark else "#1F2430",
        }
        layers += [{"mark": point, "encoding": at}, {"mark": text, "encoding": {**at, "text": {"value": name}}}]
    spec = {
        "data": {"sequence": {"start": 0, "stop": 1}},  # values written here would be sent through pandas
        "width": 250,
        "height": 22,
        "layer": layers,
        "config": {"background": None, "view": {"stroke": None}, "padding": 0},
    }
    st.vega_lite_chart(spec, theme=None, width="content", key="legend", alt=_ALT)
