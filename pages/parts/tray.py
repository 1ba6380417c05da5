"""The job tray: what is being computed right now, for every viewer of this machine."""

import streamlit as st

from core.jobs.records import ACTIVE
from pages.parts import show
from pages.parts.lab import get_lab, is_viewer


def draw() -> None:
    """Draw the tray; it looks again every second while something runs, every five otherwise. Who looks on in a class has none."""
    if is_viewer():
        return
    is_busy = any(status.state in ACTIVE for _, status in get_lab().jobs())
    st.fragment(_tray, run_every=1.0 if is_busy else 5.0)()


def _tray() -> None:
    active = [(record, status) for record, status in get_lab().jobs() if status.state in ACTIVE]
    if not active:
        return
    running = [(record, status) for record, status in active if status.state == "running"]
    record, status = (running or active)[0]
    share = status.done / status.total if status.total else 0.0
    last = active[0][1].seconds_left
    left = f" · about {show.duration(last)} left" if last is not None else ""
    st.progress(min(share, 1.0), text=f"{record.title} · {len(active)} to go{left}")
