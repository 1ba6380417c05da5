"""The layer under the mouse: one for the tower in the sidebar and for every figure of the page, in the browser alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

_FRAME, _EVENT = ".stApp", "tunescope-layer"
BINDING: dict[str, Any] = {"layer": {"element": _FRAME, "event": _EVENT}}
"""Binds a figure's selection of a layer to the frame of the page: the figure writes there which layer the mouse is on, and reads
it when another one has. It is Vega's own; a figure's files have no such frame and are not bound."""


def _written(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


_light = st.components.v2.component(
    "tunescope.tower", js=_written("tower.js"), css=_written("tower.css"), isolate_styles=False
)


def lit(tower: str, layers: Sequence[int]) -> None:
    """Let a choice of layers take part.

    Args:
        tower: key of the radio buttons, which stand on the page already.
        layers: of its options, in their order.
    """
    _light(
        data={"frame": _FRAME, "event": _EVENT, "tower": f".st-key-{tower}", "layers": list(layers)}, key=f"{tower}-lit"
    )
