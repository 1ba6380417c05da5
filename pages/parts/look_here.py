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
    """What was chosen to be looked at, by what it is called, bool [n]; empty where nothing is.

    Args:
        place: a popover that reruns the page. While it is closed and nothing chosen, nothing is worked out.
    """
    key = f"look-{chosen.layer}-{key_of(spec)[:12]}"
    if not place.open and st.session_state.get(key) is None:
        return {}
    with place:
        st.markdown(f"**Where to look at layer {chosen.layer}**", help=_HELP)
        if moved is None:
            show.results([spec], what="the true neighbours of every point, at every layer")
            return {}
        found = _leads(key_of(spec), chosen.layer, chosen.embedded == "word", moved)
        if not found:
            st.caption(
                "Nothing stands out: no label or word kept fewer neighbours than the others beyond the noise, and no movers lie "
                "next to each other beyond chance. Try another layer."
            )
            return {}
        # By place: two regions of one word would have one name.
        at = st.radio(
            "Show",
            range(len(found)),
            index=None,
            captions=[show.escaped(one.why) for one in found],
            format_func=lambda at: show.escaped(found[at].name),
            key=key,
            persist_state="session",
            label_visibility="collapsed",
        )
        if at is not None:
            st.button("Show all again", icon=":material/undo:", on_click=_forget, args=(key,))
    return {} if at is None else {f"are “{found[at].name}”": found[at].points}


@st.cache_data(max_entries=64, show_spinner=False)
def _leads(key: str, layer: int, of_words: bool, _moved: Moved) -> list[Lead]:
    """Those of a stored result, kept while somebody looks at one of them. Args: key: of the result."""
    return leads(_moved, layer, of_words=of_words, unmarked=UNMARKED)


def _forget(key: str) -> None:
    st.session_state[key] = None
