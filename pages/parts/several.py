"""Choosing several checkpoints for one figure."""

from collections.abc import Sequence

import streamlit as st

from core.charts import board
from core.lab import Named
from pages.parts.lab import get_lab
from pages.parts.selection import Selection

MOST = 6
"""Checkpoints that have a colour of their own."""


def checkpoints(chosen: Selection, key: str) -> dict[str, Named]:
    """Any checkpoints, by short name; the sidebar's two first. Args: key: of the widget."""
    assert chosen.tuned is not None
    others = [one for one in get_lab().checkpoints() if one.id not in (chosen.base.id, chosen.tuned.id)]
    return picked((chosen.base, chosen.tuned, *others), "Checkpoints", key)


def picked(
    options: Sequence[Named],
    title: str,
    key: str,
    *,
    usual: Sequence[str] = (),
    n_usual: int = 2,
    about: str = "",
    most: int = MOST,
) -> dict[str, Named]:
    """Some of these checkpoints, by what tells their names apart.

    Args:
        options: to choose from.
        title: of the widget.
        key: of the widget.
        usual: ids of those chosen at first; empty = the first n_usual.
        n_usual: see there.
        about: further words for the widget's help.
        most: that can be chosen.
    """
    by_id = {named.id: named for named in options}
    ids = st.multiselect(
        title,
        list(by_id),
        default=list(usual or list(by_id)[:n_usual]),
        format_func=lambda one: by_id[one].name,
        max_selections=most,
        key=key,
        persist_state="session",
        help=f"Up to {most}{', so that each has a colour' if most == MOST else ''}. {about}".strip(),
    )
    return by_short_name([by_id[one] for one in ids])


def by_short_name(chosen: Sequence[Named]) -> dict[str, Named]:
    """The same by what tells their names apart."""
    names = board.short_names([one.name for one in chosen])
    names = [
        name if names.count(name) == 1 else f"{name} · {one.id[:4]}" for name, one in zip(names, chosen, strict=True)
    ]
    return dict(zip(names, chosen, strict=True))
