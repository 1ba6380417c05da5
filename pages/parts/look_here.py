"""Where to look first, on the page Maps: points that did more than the noise does, to be shown by a click."""

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.analyses.movers import Moved, Movers
from core.charts.look_here import Lead, leads
from core.data.examples import UNMARKED
from core.keys import key_of
from pages.parts import show
from pages.parts.selection import Selection

_HELP = (
    "Rows of a label, or of one word, that kept fewer of their nearest others than all other rows did, by more than other "
    "sentences would change (95 % for all of them together, Bonferroni), and movers that lie next to each other. Distances on the "
    "map play no part: neighbours are those of the whole space. Why they moved, or what moved around them, is for you to see."
)


def lead(chosen: Selection, spec: Movers, moved: Moved | None, place: Any) -> dict[str, NDArray[np.bool_]]:
    """What was chosen to be looked at, by what it is called, bool [n]; empty where nothing is. Args: place: a popover."""
    with place:
        st.markdown(f"**Where to look at layer {chosen.layer}**", help=_HELP)
        if moved is None:
            show.results([spec], what="the true neighbours of every point, at every layer")
            return {}
        found = {
            one.name: one for one in leads(moved, chosen.layer, of_words=chosen.embedded == "word", unmarked=UNMARKED)
        }
        if not found:
            st.caption(
                "Nothing stands out: no label or word kept fewer neighbours than the others beyond the noise, and no movers lie "
                "next to each other. Try another layer."
            )
            return {}
        name = st.radio(
            "Show",
            list(found),
            index=None,
            captions=[show.escaped(one.why) for one in found.values()],
            format_func=show.escaped,
            key=f"look-{chosen.layer}-{key_of(spec)[:12]}",
            persist_state="session",
            label_visibility="collapsed",
        )
        if name is not None:
            st.button("Show all again", icon=":material/undo:", on_click=_forget, args=(chosen.layer, spec))
    return {} if name is None else {_said(found[name]): found[name].points}


def _forget(layer: int, spec: Movers) -> None:
    st.session_state[f"look-{layer}-{key_of(spec)[:12]}"] = None


def _said(one: Lead) -> str:
    return f"are “{one.name}”"
