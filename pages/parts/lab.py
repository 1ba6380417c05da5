"""The one Lab of this server process, and the class that it may be serving."""

import threading
from typing import cast

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.web.server.starlette.starlette_app_utils import decode_xsrf_token_string

from core.lab import Classroom, Lab
from core.viewing import ViewerLab


class Roles:
    """Who presents, and who is in the room: kept by the server, where no message of a browser reaches it."""

    def __init__(self, classroom: Classroom, seats: int) -> None:
        self.classroom = classroom
        self.seats = seats
        self.presenters: dict[str, str] = {}
        """Browsers that gave a key, and which."""
        self.seen: dict[str, str] = {}
        """The browser of each visit that is there: several tabs of one take one seat."""

    @property
    def n_seated(self) -> int:
        """Seats that are taken."""
        return len(set(self.seen.values()))


@st.cache_resource(show_spinner=False)
def _lab() -> Lab:
    return Lab()


_COOKIE = "_streamlit_xsrf"
_ROLES: list[Roles] = []
"""The one of this process. Not in Streamlit's cache: a browser may ask for that to be cleared."""
_MAKING = threading.Lock()


def roles() -> Roles | None:
    """The class; None where this is none."""
    lab = _lab()
    seats = lab.store.settings.seats
    if not seats:
        return None
    with _MAKING:
        if not _ROLES or _ROLES[0].classroom.folder != lab.classroom.folder:
            _ROLES[:] = [Roles(lab.classroom, seats)]
        return _ROLES[0]


def session() -> str:
    """What tells this visit from all others; it never leaves the server."""
    context = get_script_run_ctx()
    return context.session_id if context else ""


def person() -> str:
    """What tells this browser from others, over a reload of the page; nobody else is ever sent it.

    Streamlit gives each browser a cookie whose text changes with every answer of the server, and what it holds does not. Where a
    browser keeps none, the visit counts.
    """
    held, _ = decode_xsrf_token_string(st.context.cookies.get(_COOKIE) or "")
    return held.hex() if held else session()


def is_viewer() -> bool:
    """Whether this visit looks on in a class."""
    held = roles()
    return held is not None and (not (given := held.presenters.get(person())) or given != held.classroom.version)


def get_lab() -> Lab:
    """The Lab, made on first use; for who looks on in a class one that only reads.

    Raises:
        StoreUnusable: the cache folder cannot be written.
    """
    return cast(Lab, ViewerLab(_lab())) if is_viewer() else _lab()
