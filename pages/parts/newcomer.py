"""What home shows before there is a tuned checkpoint: the one step that makes a comparison."""

import streamlit as st

from core.analyses.fine_tune import FineTune
from core.refs import Packaged, Sample, Suite
from pages.parts import show
from pages.parts.selection import Selection

FIRST_RUN = FineTune(
    checkpoint=Packaged(),
    train=Sample(of=Suite(split="train"), n=1000),
    dev=Sample(of=Suite(split="dev"), n=500),
    label="sentiment",
)
"""Small enough for a weak laptop, large enough to move the top layers."""


def draw(chosen: Selection) -> None:
    """Explain, and offer the first fine-tuning run."""
    st.subheader("Make a first comparison", anchor=False)
    st.markdown(
        f"Here is a transformer, **{show.escaped(chosen.base.name)}**. Tune it on {FIRST_RUN.train.n:,} short reviews of the "
        "built-in suite to tell praise from complaint, then see which layers changed and what they still know. "
        "Everything runs on this machine; nothing is downloaded."
    )
    (tuned,) = show.results([FIRST_RUN], what="a checkpoint tuned on sentiment")
    if tuned is not None:
        st.rerun()  # the sidebar lists it from the next run on
    st.markdown(
        "Or add a checkpoint of your own on the page **Checkpoints**, and sentences of your own on the page **Data**."
    )
