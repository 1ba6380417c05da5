"""Showing a result or the way to one: messages, offers to compute, progress, figures with table and provenance."""

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException, StopException

from core.charts.look import Look
from core.errors import TunescopeError
from core.jobs.records import ACTIVE
from core.keys import Spec, key_of
from core.lab import Lab
from core.refs import OnHub
from pages.parts.lab import get_lab, is_viewer

log = logging.getLogger(__name__)


@contextmanager
def messages() -> Iterator[None]:
    """Turn what goes wrong into a message: ours in words, anything else numbered, its traceback in the log."""
    try:
        yield
    except (RerunException, StopException):
        raise
    except TunescopeError as problem:
        st.error(said(problem), icon=":material/error:")
    except Exception:  # noqa: BLE001  # the one place where a page meets a defect of ours
        number = f"{time.time_ns() // 1000 % 10**8:08d}"
        log.error("notice %s\n%s", number, traceback.format_exc())
        st.error(f"Something broke that should not. The server's log has the details under **{number}**.")


def escaped(text: str) -> str:
    """Text as it stands, where Markdown is expected: messages quote files, and a file may hold Markdown."""
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]()<>#+-!|~$:" else letter for letter in text)


def said(problem: TunescopeError) -> str:
    """A message of ours as Markdown; what it quotes from files and names is shown as written."""
    return f"**{escaped(problem.asked)}** {escaped(problem.found)}\n\n{escaped(problem.do)}"


def look() -> Look:
    """How figures are drawn for this viewer."""
    theme = st.context.theme.type
    return Look(dark=theme == "dark", projector=bool(st.session_state.get("projector")))


def heading(title: str, shows: str, how_to_read: str) -> None:
    """A page's title, what it shows, and how to read it."""
    st.title(title, anchor=False)
    st.caption(f"{shows} {how_to_read}")


def views(options: Mapping[str, Callable[[Any], None]], chosen: Any, *, key: str) -> None:
    """A switch between the views of a page, remembered in the link, and the one it stands at, drawn."""
    first = next(iter(options))
    link_holds(key, options, "View")
    picked = st.segmented_control(
        "View", list(options), default=first, key=key, bind="query-params", label_visibility="collapsed"
    )
    with messages():
        options[picked or first](chosen)


def link_holds(key: str, options: Iterable[str], label: str) -> None:
    """Say so where the link asks a widget for what it does not offer; the widget itself drops it without a word."""
    asked = st.query_params.get(key)
    if asked is not None and asked not in options:
        asked_in_vain(label, asked)


def link_holds_all(key: str, options: Iterable[str], label: str) -> None:
    """The same for a widget of which several options may be chosen."""
    known = set(options)
    for asked in st.query_params.get_all(key):
        if asked not in known:
            asked_in_vain(label, asked)


def asked_in_vain(label: str, asked: str) -> None:
    """What a link asked for and is not here."""
    st.warning(f"The link asks for {label}: “{escaped(asked[:80])}”, which is not here. Shown is the usual one.")


def stored(spec: Spec) -> Any:
    """The stored result, or None; a damaged one is named, cleared away and left out."""
    try:
        return get_lab().peek(spec)
    except TunescopeError as problem:
        st.warning(f"**{escaped(problem.asked)}** {escaped(problem.found)} It is left out here; compute it again.")
        if not is_viewer():
            get_lab().discard(spec)
        return None


def control(spec: Spec | None, *, what: str) -> tuple[Any, Any]:
    """A place for figures, and the stored result of a control of theirs, or None. It can come later: where it is missing it is
    offered below the place."""
    place = st.container()
    return place, results([spec], what=what)[0] if spec else None


def results(specs: Sequence[Spec], *, what: str) -> list[Any]:
    """The stored results, None where one is missing; above them the offer to compute or the progress of what is missing."""
    lab = get_lab()
    found = [stored(spec) for spec in specs]
    wanted = [spec for spec, result in zip(specs, found, strict=True) if result is None]
    if wanted and is_viewer():
        st.info(f"**Not computed yet: {what}.** In a class the presenter computes.", icon=":material/school:")
    elif wanted:
        _offer(lab, wanted, what)
    return found


def _offer(lab: Lab, wanted: Sequence[Spec], what: str) -> None:
    plan = lab.plan(wanted)
    statuses = {key_of(step.spec): lab.status(key_of(step.spec)) for step in plan}
    if active := [key for key, status in statuses.items() if status.state in ACTIVE]:
        _progress_fragment(active, what)
        if len(active) == len(plan):
            return
        # Somebody asked for a part of it, as for a download: the rest can be asked for, and waits.
        plan = [step for step in plan if key_of(step.spec) not in active]
    # A step that only waited names the step it waited for; showing each message once is enough.
    for message in dict.fromkeys(
        f"**{step.spec.title}: {statuses[key_of(step.spec)].state}.** {escaped(status.error.message) if status.error else ''}"
        for step in plan
        if (status := statuses[key_of(step.spec)]).state in ("failed", "interrupted", "cancelled")
    ):
        st.warning(message, icon=":material/warning:")
    is_download = bool(plan) and all(isinstance(step.spec, OnHub) for step in plan)
    done, act, icon = ("downloaded", "Download", "download") if is_download else ("computed", "Compute", "play_arrow")
    seconds, n_bytes = sum(step.seconds for step in plan), sum(step.n_bytes for step in plan)
    guess = " (a first guess; this machine has not done it before)" if any(step.is_guess for step in plan) else ""
    with st.container(border=True):
        st.markdown(
            f"**Not {done} yet: {what}.** {in_steps(len(plan))}, about **{duration(seconds)}**{guess}, "
            f"{size(n_bytes)} kept on disk."
        )
        if st.button(act, type="primary", icon=f":material/{icon}:", key=f"compute-{key_of(wanted[0])}"):
            for spec in wanted:
                lab.submit(spec)
            st.rerun()


def _progress_fragment(keys: list[str], what: str) -> None:
    st.fragment(_progress, run_every=1.0)(keys, what)


def _progress(keys: list[str], what: str) -> None:
    """Bars of the jobs under way; a full rerun as soon as one more has ended."""
    lab = get_lab()
    rows = [(record, status) for key in keys if (record := lab.record(key)) for status in [lab.status(key)]]
    active = [(record, status) for record, status in rows if status.state in ACTIVE]
    # What was under way when the page was drawn is this fragment's argument; anything less means news.
    if len(active) < len(keys):
        st.rerun()
    with st.container(border=True):
        doing = "Downloading" if all(record.title == OnHub.title for record, _ in rows) else "Computing"
        st.markdown(f"**{doing} {what}.** {in_steps(len(keys))} to go.")
        for record, status in active:
            if status.state == "running":
                share = status.done / status.total if status.total else 0.0
                st.progress(min(share, 1.0), text=f"{record.title}: {counted(status)}")
        waiting = [(record, status) for record, status in active if status.state == "queued"]
        if waiting:
            counted_ = Counter(record.title for record, _ in waiting)
            st.caption("Waiting: " + ", ".join(f"{n} × {title}" if n > 1 else title for title, n in counted_.items()))
        others = min((status.ahead for _, status in active), default=0)
        left = [status.seconds_left for _, status in active if status.seconds_left is not None]
        first = f"{others} of other people first; " if others else ""
        if left:
            st.caption(f"{first}all of it about {duration(max(left))} from now, by this machine's own record.")
        if st.button("Cancel", icon=":material/close:", key=f"cancel-{keys[0]}"):
            for key in keys:
                lab.cancel(key)


def counted(status: Any) -> str:
    """How far a job is, in its own units: 120 of 500 sentences · 12.0 MB of 90.9 MB."""
    if not status.total:
        return status.note
    if status.note == "bytes":
        return f"{size(status.done)} of {size(status.total)}"
    return f"{status.done:,} of {status.total:,} {status.note}"


def standing(status: Any) -> str:
    """How far a job is from its end: 2 ahead · about 3 min left."""
    parts = [f"{status.ahead} ahead"] if status.ahead else []
    if status.seconds_left is not None:
        parts.append(f"about {duration(status.seconds_left)} left")
    return " · ".join(parts)


def is_local() -> bool:
    """Whether only people at this machine can open the app: paths on its disks are nobody else's business."""
    return st.get_option("server.address") in ("localhost", "127.0.0.1", "::1")


def local_path(label: str, **settings: Any) -> str:
    """A field for a path on this machine, stripped; empty, and greyed out with the reason, where others can open the app."""
    if is_local():
        return st.text_input(label, **settings).strip()
    st.text_input(
        label, disabled=True, placeholder="only while the app listens on this machine alone", key=settings.get("key")
    )
    return ""


def in_steps(steps: int) -> str:
    """1 step · 3 steps."""
    return f"{steps} step" + ("s" if steps != 1 else "")


def duration(seconds: float) -> str:
    """Seconds in words: 5 s · 2 min · 1.5 h."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def size(n_bytes: float) -> str:
    """Bytes in words."""
    if n_bytes <= 0:
        return "0 MB"
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{max(n_bytes / 1e6, 0.1):.1f} MB"
