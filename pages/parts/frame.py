"""The guard that every page script calls first, and what all pages have around them."""

from typing import Any

import streamlit as st

from core.settings import Settings

_THROUGH_APP = "_through_app"


def through_app() -> None:
    """Note that this run came through `app.py`; the page that runs next takes the note away."""
    st.session_state[_THROUGH_APP] = True


def enter() -> None:
    """Send a visit that reached a page script past `app.py` back through it.

    Streamlit decides at a process's first session whether a `pages` folder exists; a deep link opened before anyone
    has opened `/` then runs that page alone. The attribute is private: tests/browser begins with such a visit.
    """
    if st.session_state.pop(_THROUGH_APP, False):
        return
    from streamlit.runtime.pages_manager import PagesManager

    PagesManager.uses_pages_directory = False
    st.rerun()


def offered(sections: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The pages that this visit may open, by section: in a class not everybody does everything, and not everybody finds a seat.

    Outside a class nothing is loaded for this: the browser draws the navigation while the rest is.
    """
    if not Settings.from_environment().seats:
        return sections
    from pages.parts import classroom

    if not classroom.seated():
        classroom.full()
        st.stop()
    return classroom.offered(sections)


def tighten() -> None:
    """Give the width and height of a projected page to its figures: Streamlit's own margins are made for reading."""
    # All of Streamlit's sizes are multiples of the root's: one rule makes every word larger.
    # On a visit's first run the toggle is not drawn yet, but its link is known.
    is_large = st.session_state.get("projector", st.query_params.get("projector") == "true")
    large = "html{font-size:18px}" if is_large else ""
    # Streamlit's captions are too pale for the contrast that small text needs.
    is_dark = st.context.theme.type == "dark"
    quiet = "#A3A9B8" if is_dark else "#5B6273"
    # On the bright blue of the dark theme white letters would be: what is written on it is dark.
    filled = "[data-testid='stBaseButton-primary'] p,[data-testid='stBaseButton-primary'] span,"
    filled += "[data-tag],[data-tag] *"
    ink = f"{filled}{{color:#0E1117}}" if is_dark else ""
    st.html(
        f"<style>{large}{ink}"
        ".stMainBlockContainer{padding:3.6rem 2rem 2rem} [data-testid='stSidebarUserContent']{padding-top:0}"
        f"[data-testid='stCaptionContainer'],[data-testid='stCaptionContainer'] p{{color:{quiet};opacity:1}}"
        ".st-key-findings *{flex-wrap:nowrap} .st-key-findings [data-testid='stElementContainer']:first-child"
        "{flex-shrink:1;min-width:0}"  # the way to its page stands beside a finding, never below
        # On a narrow screen the strip's panels stand two by two.
        "@media(max-width:1100px){.st-key-strip [data-testid='stHorizontalBlock']{flex-wrap:wrap}"
        ".st-key-strip [data-testid='stColumn']{min-width:calc(50% - 1rem)}}"
        "[data-testid='stSidebarHeader']{height:2.2rem;margin:0}</style>"
    )
