"""Saved points on the page Maps: circled ones under a name, to be found again on other maps and in other views."""

from typing import Any

import pandas as pd
import streamlit as st

from core.analyses.places import Place, places_of
from core.charts.points import Picked
from pages.parts import show
from pages.parts.lab import get_lab, is_viewer
from pages.parts.selection import Selection

CHOSEN_BY_EYE = (
    "Points were chosen by eye, perhaps for what is asked of them here: an interval knows nothing of that. Ask it of other "
    "sentences before you believe it."
)


def shown(chosen: Selection, place: Any) -> tuple[str, frozenset[Place]] | None:
    """Name and places of the saved points that are to keep their colour, chosen in `place`; None for all."""
    known = get_lab().saved_points.of(chosen.data.ref, chosen.embedded)
    with place:
        if not known:
            st.caption(
                f"Circle points on the map, then save them here. No {chosen.embedded}s of this text are saved yet."
            )
            return None
        name = st.selectbox(
            "Show",
            list(known),
            index=None,
            placeholder="all points",
            key=f"saved-{chosen.data.id}-{chosen.embedded}",
            persist_state="session",
            help="They keep their colour on every map of this text, the others turn grey. The view Movers counts them.",
        )
    return (name, known[name]) if name in known else None


def saving(chosen: Selection, points: pd.DataFrame, picked: Picked, shown_now: str, place: Any) -> None:
    """Save what is circled, or forget those of the name that is shown (empty = none), in `place`."""
    if is_viewer():
        return
    saved = get_lab().saved_points
    with place:
        if len(picked.selected):
            with st.form("save-points", border=False, clear_on_submit=True):
                name = st.text_input("Name", max_chars=40, placeholder="like: far corner")
                if st.form_submit_button(f"Save {len(picked.selected):,} circled points", icon=":material/save:"):
                    with show.messages():
                        places = places_of(points.iloc[picked.selected])
                        saved.save(name, chosen.data.ref, chosen.embedded, places)
                        st.rerun()
        if shown_now and st.button(
            f"Delete “{show.escaped(shown_now)}”", icon=":material/delete:", key="forget-points"
        ):
            saved.forget(shown_now, chosen.data.ref, chosen.embedded)
            st.rerun()
