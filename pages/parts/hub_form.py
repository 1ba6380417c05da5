"""Asking the Hugging Face Hub for a name: one form for checkpoints and data."""

from dataclasses import dataclass

import streamlit as st

from core.hub import is_offline
from pages.parts import show


@dataclass(frozen=True)
class Asked:
    """What a person wants looked up."""

    name: str
    revision: str
    offline: bool


def ask_hub(label: str, key: str, *, note: str = "") -> Asked | None:
    """The form; what it says in the run after it was sent, else None. Greyed out where others can open the app.

    Args:
        label: of the name.
        key: before the keys of its widgets.
        note: for the name's help, before what is said of tokens.
    """
    is_local, set_offline = show.is_local(), is_offline()
    with st.form(key, border=False):
        left, middle, offline, right = st.columns([4, 2, 1.4, 1.6], vertical_alignment="bottom")
        name = left.text_input(
            label,
            key=f"{key}_name",
            placeholder="organisation/name" if is_local else "only while the app listens on this machine alone",
            disabled=not is_local,
            help=f"{note}For private and gated ones this machine's own token is used (hf auth login, or HF_TOKEN); it is "
            "never shown or kept here.",
        )
        revision = middle.text_input(
            "Branch, tag or commit",
            "main",
            key=f"{key}_revision",
            disabled=not is_local,
            help="Held fast as the commit it stands for today.",
        )
        here = offline.toggle(
            "Offline",
            value=set_offline,
            key=f"{key}_offline",
            disabled=set_offline or not is_local,
            help="Look only among what was downloaded to this machine before."
            + (" This machine is set to stay offline." if set_offline else ""),
        )
        pressed = right.form_submit_button("Look up", icon=":material/search:", width="stretch", disabled=not is_local)
    return Asked(name, revision, here) if pressed and name else None
