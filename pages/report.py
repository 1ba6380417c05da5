"""Report: pinned figures below each other, with notes, and the one file that they make."""

from pages.parts.frame import enter

enter()

from dataclasses import replace  # noqa: E402

import streamlit as st  # noqa: E402

from core.charts.keeping import Figure, report_of  # noqa: E402
from core.errors import StoreUnusable  # noqa: E402
from core.lab import MOST_FIGURES, MOST_LETTERS, Pinned, Report  # noqa: E402
from pages.parts import reporting, show  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402


def main() -> None:
    """The page."""
    show.heading(
        "Report",
        "The figures you pinned, in your order and with your notes.",
        "The file needs no network and no script: it can be sent, printed and opened in ten years.",
    )
    link = st.query_params.get("report", "")
    try:
        name, report = reporting.opened(link) if link else reporting.current()
    except StoreUnusable as problem:
        st.error(show.said(problem), icon=":material/error:")
        st.button("Begin another", icon=":material/note_add:", on_click=leave)
        return
    if name:
        st.query_params["report"] = name
    if not report.pinned:
        st.info(
            "Nothing is pinned yet. Below every figure, open *Table and files* and press *Pin to the report*.",
            icon=":material/keep:",
        )
    read_ = [(one, read(one)) for one in report.pinned]
    figures = [replace(figure, note=one.note) for one, figure in read_ if figure]
    head(name, report, figures)
    for at, (one, figure) in enumerate(read_):
        section(name, report, at, one, figure)


def read(one: Pinned) -> Figure | None:
    """A pinned figure; None where it cannot be read."""
    try:
        held = get_lab().reports.figure(one.figure)
        return Figure(**{**held, "cites": tuple(held["cites"]), "specs": tuple(held["specs"])})
    except (StoreUnusable, KeyError, TypeError):
        return None


def head(name: str, report: Report, figures: list[Figure]) -> None:
    """Title, the file, and other reports."""
    if report.pinned:
        written = st.text_input("Title", report.title, max_chars=MOST_LETTERS, key=f"title-{name}").strip()
        if written and written != report.title:
            change(name, replace(report, title=written))
    row = st.container(horizontal=True, vertical_alignment="center")
    if figures:
        row.download_button(
            "Download HTML",
            report_of(report.title, figures, show.look()),
            file_name="report.html",
            mime="text/html",
            on_click="ignore",
            type="primary",
            icon=":material/download:",
            key="report-html",
            help="Figures, notes, tables, sources and the description of every computation, in one file.",
        )
    if report.pinned:
        row.button("Begin another", icon=":material/note_add:", on_click=leave, help="This one stays under its link.")
    others = reporting.others(name)
    if others:
        with row.popover("Others", icon=":material/folder_open:"):
            for other, said in others.items():
                st.button(said, key=f"open-{other}", on_click=leave, args=(other,), type="tertiary")
    if name and reporting.is_own(name):
        with row.popover("Delete", icon=":material/delete:"):
            st.markdown("Notes cannot be computed again.")
            st.button("Delete this report", key="delete-report", on_click=forget, args=(name,))
    if report.pinned:
        whose = (
            ""
            if reporting.is_own(name)
            else " It is somebody else's: what you change is changed in a copy of your own."
        )
        st.caption(
            f"{len(report.pinned)} of at most {MOST_FIGURES} figures. Whoever has the address of this page, and can open this app, "
            f"can read it.{whose}"
        )


def section(name: str, report: Report, at: int, one: Pinned, figure: Figure | None) -> None:
    """One figure with its note, its place, and the way out."""
    with st.container(border=True, key=f"pinned-{at}"):
        row = st.container(horizontal=True, vertical_alignment="bottom")
        title = figure.title if figure else "A figure that cannot be read"
        row.subheader(f"{at + 1}. {show.escaped(title)}", anchor=False, width="stretch")
        box = _place(at)
        st.session_state[box] = at + 1
        row.number_input(
            "Place",
            1,
            len(report.pinned),
            key=box,
            on_change=move,
            args=(name, report, at),
            width=120,
            help="Type another one.",
        )
        if row.button("Remove", icon=":material/close:", key=f"remove-{one.figure}"):
            change(name, replace(report, pinned=tuple(held for held in report.pinned if held is not one)))
        note = st.text_area(
            "Note",
            one.note,
            max_chars=MOST_LETTERS,
            key=f"note-{one.figure}",
            height=68,
            placeholder="What is to be seen here, and how sure is it?",
        )
        if note != one.note:
            pinned = tuple(replace(held, note=note) if held is one else held for held in report.pinned)
            change(name, replace(report, pinned=pinned))
        if figure is None:
            st.warning(
                "Its file is damaged, missing or of another version. Your note is kept; pin the figure once more."
            )
            return
        st.image(figure.drawn_in(show.look()), width="content", alt=figure.title)
        cited = f"after {'; '.join(figure.cites)}" if figure.cites else ""
        st.caption(show.escaped(" · ".join(filter(None, (figure.about, figure.method, figure.origin, cited)))))


def _place(at: int) -> str:
    """Key of the box beside the figure that stands at a place. Named by the place and not by the figure, the box outlives a
    move, so that who moves figures by keyboard stays where they are."""
    return f"place-{at}"


def move(name: str, report: Report, at: int) -> None:
    """Bring the figure of a place to the one that was typed beside it; called before the page is drawn."""
    pinned = list(report.pinned)
    pinned.insert(int(st.session_state[_place(at)]) - 1, pinned.pop(at))
    keep(name, replace(report, pinned=tuple(pinned)))


def keep(name: str, report: Report) -> None:
    """Keep it, and name it in the address."""
    st.query_params["report"] = reporting.keep(name, report)


def change(name: str, report: Report) -> None:
    """Keep it, and draw the page anew."""
    keep(name, report)
    st.rerun()


def leave(name: str = "") -> None:
    """Another report, or a new one."""
    if "report" in st.query_params:
        del st.query_params["report"]
    if name:
        reporting.opened(name)
    else:
        reporting.begin()


def forget(name: str) -> None:
    """Delete it and begin another."""
    get_lab().reports.delete(name)
    leave()


with show.messages():
    main()
