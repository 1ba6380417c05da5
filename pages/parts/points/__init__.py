"""Linked maps of points on a canvas of our own: one zoom, one lasso and one ring over the same points in every panel."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.charts.look import Look
from core.charts.points import Colouring, Message, Panel, Picked, draw, picked_in

__all__ = ["Colouring", "Panel", "Picked", "point_map"]

_HERE = Path(__file__).parent


def _written(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


_hold = st.components.v2.component("tunescope.held", js=_written("held.js"))
_draw = st.components.v2.component("tunescope.points", js=_written("points.js"), css=_written("points.css"))


def point_map(
    panels: Sequence[Panel],
    colouring: Colouring,
    *,
    texts: Sequence[str],
    look: Look,
    alt_text: str,
    key: str,
    limits: tuple[float, float, float, float] | None = None,
    highlight: NDArray[np.bool_] | None = None,
    faint: NDArray[np.bool_] | None = None,
    axes: tuple[str, str],
    details: Mapping[str, Sequence[str]] | None = None,
    height: int = 380,
) -> Picked:
    """Draw the same points in one to four panels, and tell what the viewer chose of them.

    Positions, strings and colours are elements of their own: what did not change since the last run is not sent again.
    A click picks a point, a drag circles points; both reach Python when the button is let go, as a rerun of the page or
    of the fragment around it. They hold for these texts: with others, nothing is chosen.

    Args:
        panels: 1 to 4, side by side, the same points in the same order.
        colouring: what colours stand for, one code a point.
        texts: one a point: the word or sentence, first on its card.
        look: how to draw.
        alt_text: what a screen reader says of the whole.
        key: of the element, once a page.
        limits: left, right, bottom, top of what is seen first, in the units of the positions; without them, all points.
        highlight: the points that keep their colour [n]; the others turn grey.
        faint: the points not to be trusted [n]: drawn hollow and paler.
        axes: titles of x and y; both have one unit, so that distances are true.
        details: further short strings of each point, shown under their titles on its card; one under the colouring's
            title is what the card gives as the value. A choice is lost where texts or details change.
        height: of a panel, in CSS pixels.
    Raises:
        ShapeError, SpecInvalid: positions that are not finite [n, 2].
        ValueError: columns that are not n long, or no panel or more than four.
    Cost:
        Of 100,000 points: 0.4 MB a panel and 0.1 MB of colours, and the strings once.
    """
    drawn = draw(
        panels,
        colouring,
        texts=texts,
        look=look,
        alt_text=alt_text,
        key=key,
        limits=limits,
        highlight=highlight,
        faint=faint,
        axes=axes,
        details=details,
        height=height,
    )
    with st.container(gap=None):
        for name, message in (("positions", drawn.positions), ("words", drawn.words)):
            _held(message, f"{key}-{name}")
        shown = _draw(data=drawn.view.data, key=key, on_chosen_change=_reruns)
    return picked_in(shown.chosen, drawn)


def _held(message: Message, key: str) -> None:
    _hold(data=message.data, key=key)


def _reruns() -> None:
    """Nothing is done on a choice beyond the rerun; a state that Python reads needs a callback to be named."""
