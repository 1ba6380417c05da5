"""The guard that every page script calls first."""

import streamlit as st


def enter() -> None:
    """Send a visit that reached a page script past `app.py` back through it.

    Streamlit decides at a process's first session whether a `pages` folder exists; a deep link opened before anyone
    has opened `/` then runs that page alone. The attribute is private: tests/browser begins with such a visit.
    """
    from streamlit.runtime.pages_manager import PagesManager

    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
