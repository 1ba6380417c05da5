"""The report of a visit: which one it is, what is pinned to it, and whose it is to change."""

import time
from dataclasses import asdict, replace
from typing import NamedTuple

import streamlit as st

from core.charts.keeping import Figure
from core.errors import StoreUnusable
from core.lab import Pinned, Report
from pages.parts.lab import get_lab
from pages.parts.show import is_local

_OPEN, _OWN = "report_open", "reports_own"
"""Where a visit keeps the name of its report ("" = a new one), and the names of those that it began."""


class Open(NamedTuple):
    """The report that is looked at."""

    name: str
    """Empty for one that nothing was pinned to yet."""
    report: Report


def current() -> Open:
    """This visit's report; on a machine that only its own people can open, at first the one that was changed last.

    Raises:
        StoreUnusable: it is gone or damaged; asked again, a new one is begun.
    """
    reports, name = get_lab().reports, st.session_state.get(_OPEN)
    if name is None and is_local():
        name = next((known for known, _ in reports.all()), "")
    try:
        return Open(name or "", reports.read(name) if name else Report())
    except StoreUnusable:
        begin()
        raise


def opened(name: str) -> Open:
    """The report of a link, from now on this visit's. Raises StoreUnusable."""
    report = get_lab().reports.read(name)
    st.session_state[_OPEN] = name
    return Open(name, report)


def begin() -> None:
    """A new report; the one before stays under its link."""
    st.session_state[_OPEN] = ""


def is_own(name: str) -> bool:
    """Whether this visit may change a report: one that it began, or any on a machine of one's own."""
    return is_local() or name in st.session_state.get(_OWN, ())


def keep(name: str, report: Report) -> str:
    """Write a changed report, somebody else's as a copy of one's own; returns its name. Raises SpecInvalid, StoreUnusable."""
    written = get_lab().reports.write(report, name if is_own(name) else "")
    st.session_state[_OPEN] = written
    st.session_state[_OWN] = st.session_state.get(_OWN, frozenset()) | {written}
    return written


def pin(figure: Figure) -> None:
    """Add a figure to this visit's report."""
    name, report = current()
    one = Pinned(figure=get_lab().reports.write_figure(asdict(figure)))
    if one.figure in {held.figure for held in report.pinned}:
        st.toast("This figure is in the report already.", icon=":material/keep:")
        return
    keep(name, replace(report, pinned=(*report.pinned, one)))
    n = len(report.pinned) + 1
    st.toast(f"Pinned. The page Report has {n} figure{'s' * (n > 1)} now.", icon=":material/keep:")


def others(name: str) -> dict[str, str]:
    """What this visit may open besides: title, figures and day by name; only readable ones."""
    found = {}
    for known, changed in get_lab().reports.all():
        if known == name or not is_own(known):
            continue
        try:
            held = get_lab().reports.read(known)
        except StoreUnusable:
            continue
        n = len(held.pinned)
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(changed))
        found[known] = f"{held.title} · {n} figure{'s' * (n != 1)} · {when}"
    return found
