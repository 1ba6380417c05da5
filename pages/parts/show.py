"""Showing a result or the way to one: messages, offers to compute, progress, figures with table and provenance."""

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd
import streamlit as st
from altair.utils import schemapi
from streamlit.runtime.scriptrunner import RerunException, StopException

from core.charts.cursor import PICK
from core.charts.look import Look
from core.charts.points import Panel, Picked, colouring_of, draw
from core.charts.points_svg import svg_of
from core.errors import TunescopeError
from core.jobs.records import ACTIVE
from core.keys import Spec, key_of
from core.lab import Lab
from core.refs import LABEL_NAMES, OnHub
from pages.parts.lab import get_lab
from pages.parts.points import page_of, point_map

log = logging.getLogger(__name__)

# Altair checks every part of a figure against its grammar as it is built; tests/contract does that once for all.
schemapi.DEBUG_MODE = False


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
        get_lab().discard(spec)
        return None


def results(specs: Sequence[Spec], *, what: str) -> list[Any]:
    """The stored results, None where one is missing; above them the offer to compute or the progress of what is missing."""
    lab = get_lab()
    found = [stored(spec) for spec in specs]
    wanted = [spec for spec, result in zip(specs, found, strict=True) if result is None]
    if wanted:
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


def figure(
    chart: Any,
    table: pd.DataFrame,
    *,
    name: str,
    alt_text: str,
    specs: Sequence[Spec],
    note: str,
    on_pick: Callable[[Mapping[str, Any]], None] | None = None,
) -> None:
    """A chart, its table with CSV, and where it comes from.

    Args:
        chart: an Altair figure.
        table: the numbers behind it.
        name: key of the chart and name of its CSV file.
        alt_text: what a screen reader says.
        specs: the artifacts it was drawn from.
        note: estimator, n and interval in a few words.
        on_pick: told the fields of a mark that is clicked, none for a click beside them.
    """
    draw_chart(chart, name=name, alt_text=alt_text, on_pick=on_pick)
    st.caption(f"{note} · {provenance(specs)}")
    with st.expander("Table", icon=":material/table:"):
        _table(table, name)


def pointed(
    panels: Sequence[Panel],
    labels: pd.Series,
    points: pd.DataFrame,
    *,
    label: str,
    axes: tuple[str, str],
    kept: Callable[[], Any],
    table: Callable[[], pd.DataFrame],
    name: str,
    alt_text: str,
    specs: Sequence[Spec],
    note: str,
    about: str = "",
    tell: Callable[[Picked], None] | None = None,
    **options: Any,
) -> Picked:
    """A map of points on the canvas, with what a figure has: its table with CSV, where it comes from, a figure to keep.

    Args:
        panels: the same points in each.
        labels: of each point: names or numbers, what colours stand for.
        points: one row a point: text, and what else its card says, a column each.
        label: what the labels are called on screen.
        axes: titles of x and y.
        kept: the same as an Altair figure, whose toolbar offers PNG; built when it is asked for.
        table: the numbers behind it, one row a point; built and sent when it is asked for, of circled points alone while
            some are.
        name: key of the map and name of its CSV file.
        alt_text: what a screen reader says.
        specs: the artifacts it was drawn from.
        note: estimator and n in a few words.
        about: what is compared, in plain words, for the file that is kept.
        tell: draws what is to be said of the choice, right below the canvas.
        options: further ones of core.charts.points.draw.
    Returns:
        What the viewer picked and circled.
    """
    # Numbers are no strings: of 100,000 points they would double the message. The card has the one that colours stand for.
    words, drawn_as = points.select_dtypes(exclude="number").astype(str), look()
    colouring = colouring_of(labels, drawn_as, title=label)
    drawn = draw(
        panels,
        colouring,
        texts=words["text"].tolist(),
        # The same whatever colours stand for: a choice is of these strings, and outlives another colouring.
        details={LABEL_NAMES.get(column, column): words[column].tolist() for column in words if column != "text"},
        look=drawn_as,
        alt_text=alt_text,
        key=name,
        axes=axes,
        **options,
    )
    picked = point_map(drawn, key=name)
    if tell is not None:
        tell(picked)
    st.caption(f"{note} · {provenance(specs)}")
    circled = len(picked.selected)
    with st.expander(
        f"Table: {circled:,} of {len(points):,} points" if circled else "Table",
        icon=":material/table:",
        key=f"{name}-table",
        on_change="rerun",
    ) as rows:
        if rows.open:
            _table(table().iloc[picked.selected] if circled else table(), name)
    with st.expander(
        "Figure to keep (SVG, PNG, HTML)", icon=":material/image:", key=f"{name}-kept", on_change="rerun"
    ) as open_:
        if open_.open:
            keep = st.container(horizontal=True)
            keep.download_button(
                "SVG",
                svg_of(
                    panels,
                    colouring,
                    look=drawn_as,
                    axes=axes,
                    limits=options.get("limits"),
                    faint=options.get("faint"),
                ),
                file_name=f"{name}.svg",
                mime="image/svg+xml",
                on_click="ignore",
                icon=":material/download:",
                key=f"svg-{name}",
            )
            keep.download_button(
                "HTML",
                page_of(drawn, title=alt_text, notes=[about, note, provenance(specs, is_plain=True)], look=drawn_as),
                file_name=f"{name}.html",
                mime="text/html",
                on_click="ignore",
                icon=":material/download:",
                key=f"html-{name}",
                help="One file with the map as it is here: zoom, search by mouse, circle. It needs no network.",
            )
            # Streamlit's toolbar over a figure writes PNG alone.
            draw_chart(kept(), name=f"{name}-figure", alt_text=alt_text)
    return picked


class _Ready:
    """A chart that is not checked against the grammar again as it is written down: a third of the time it takes."""

    def __init__(self, chart: Any) -> None:
        self._chart = chart

    def to_dict(self) -> dict[str, Any]:
        """All that Streamlit asks of a chart."""
        return self._chart.to_dict(validate=False)


def draw_chart(
    chart: Any, *, name: str, alt_text: str, on_pick: Callable[[Mapping[str, Any]], None] | None = None
) -> None:
    """A chart alone, in our own frame rather than Streamlit's theme; on_pick is told the fields of a mark that is
    clicked, none where the click is beside them. Without it, a click on a layer moves the layer cursor."""
    options: dict[str, Any] = {"theme": None, "key": name, "alt": alt_text, "width": "stretch"}
    ready: Any = _Ready(chart)
    if on_pick is None and _has_layers_to_click(chart):
        on_pick = _to_layer
    if on_pick is None:
        st.altair_chart(ready, **options)
        return

    def clicked() -> None:
        picked = st.session_state[name]["selection"].get(PICK) or [{}]
        on_pick(picked[0])

    # Of a figure's selections a click alone is told: what the mouse rests on is the browser's own business.
    st.altair_chart(ready, on_select=clicked, selection_mode=PICK, **options)


def _has_layers_to_click(chart: Any) -> bool:
    params = chart.params
    return isinstance(params, list) and any(param.name == PICK for param in params)


def _to_layer(picked: Mapping[str, Any]) -> None:
    """Move the layer cursor to the layer that was clicked."""
    if "layer" in picked:
        st.session_state["layer"] = int(picked["layer"])


def behind(table: pd.DataFrame, *, name: str, specs: Sequence[Spec], note: str) -> None:
    """The provenance line and the table of a figure drawn elsewhere on the page."""
    st.caption(f"{note} · {provenance(specs)}")
    _table(table, name)


def _table(table: pd.DataFrame, name: str) -> None:
    st.dataframe(table, hide_index=True, width="stretch", height="content" if len(table) <= 20 else 400)
    st.download_button(
        "CSV",
        # Not a function that Streamlit would call after the click: what that makes belongs to no session, and is gone
        # before it is fetched as soon as two scripts of anybody's end in between.
        table.to_csv(index=False),
        file_name=f"{name}.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        key=f"csv-{name}",
    )


def provenance(specs: Sequence[Spec], *, is_plain: bool = False) -> str:
    """Artifacts, when and where they were computed, or in which packs they came, of what a figure was drawn from; Markdown, or
    plain text."""
    written: Callable[[str], str] = str if is_plain else escaped
    mark = "" if is_plain else "`"
    held = [get_lab().provenance(spec) for spec in specs]
    keys: dict[str, list[str]] = {}
    for spec, one in zip(specs, held, strict=True):
        keys.setdefault(spec.kind, []).append(f"{mark}{one.key[:10]}{mark}")
    named = ", ".join(
        f"{kind} {' '.join(found[:3])}{f' and {len(found) - 3} more' * (len(found) > 3)}"
        for kind, found in keys.items()
    )
    days = sorted({time.strftime("%Y-%m-%d %H:%M", time.localtime(one.created)) for one in held})
    made = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    machines = sorted({f"{one.device} · torch {one.libraries.get('torch', '?')}" for one in held})
    packs = sorted({one.pack for one in held if one.pack})
    came = f"from the pack “{written(', '.join(packs))}” · " if packs else ""
    return f"{named} · {came}{made} · {', '.join(machines)}"


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
