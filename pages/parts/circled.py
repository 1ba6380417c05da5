"""Circled points in the link of the page Maps: put there, shown to whoever opens it, and taken out again."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.analyses.circled import read, written
from core.charts.points import Picked
from core.errors import TunescopeError
from pages.parts.show import escaped

PARAMETER = "circled"


def from_link(points: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """The points that the link has circled, by what is said of them, bool [n]; empty where it has none, or none of these."""
    asked = st.query_params.get(PARAMETER)
    if asked is None:
        return {}
    try:
        return {"are circled in the link": read(asked, points)}
    except TunescopeError as problem:
        st.warning(f"**{escaped(problem.asked)}** {escaped(problem.found)} {escaped(problem.do)}")
        return {}


def linking(points: pd.DataFrame, picked: Picked, place: Any) -> None:
    """Put what is circled into the link, or take it out, in `place`."""
    with place:
        n = len(picked.selected)
        if n and st.button(f"Put {n:,} circled points into the link", icon=":material/link:", key="circled-put"):
            text = written(picked.selected, points)
            if text:
                st.query_params[PARAMETER] = text
                st.rerun()
            st.info(
                "They are too many, or too scattered, for a link: save them, or circle fewer.", icon=":material/info:"
            )
        if PARAMETER in st.query_params and st.button(
            "Take circled points out of the link", icon=":material/link_off:", key="circled-out"
        ):
            del st.query_params[PARAMETER]
            st.rerun()
