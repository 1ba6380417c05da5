"""Report: pinned figures below each other, with notes, and the one file that they make."""

from pages.parts.frame import enter

enter()

from dataclasses import replace  # noqa: E402
from typing import Any  # noqa: E402

import streamlit as st  # noqa: E402

from core.charts.keeping import Figure, report_of  # noqa: E402
from core.errors import StoreUnusable  # noqa: E402
from core.lab import MOST_FIGURES, MOST_LETTERS, Pinned, Report  # noqa: E402
from pages.parts import show, taking  # noqa: E402


def main() -> None:
    """The page."""
    show.heading(
        "Report",
        "The figures you pinned, in your order and with your notes.",
        "The file needs no network and no script: it can be sent, printed and opened in ten years.",
    )
    report = asked_for()
    if not report.pinned:
        st.info(
            "Nothing is pinned yet. Below every figure, open *Table and files* and press *Pin to the report*.",
            icon=":material/keep:",
        )
        return
    figures = [(one, figure) for one in report.pinned if (figure := read(one)) is not None]
    st.query_params["report"] = taking.keep(report)  # the address is the report as it stands
    head(report, [replace(figure, note=one.note) for one, figure in figures])
    for at, (one, figure) in enumerate(figures):
        section(report, at, one, figure)


def asked_for() -> Report:
    """The report that the link names, or this visit's own."""
    name = st.query_params.get("report", "")
    if name:
        with show.messages():
            return taking.opened(name)
        del st.query_params["report"]
    return taking.current()


def read(one: Pinned) -> Figure | None:
    """A pinned figure; one that cannot be read is named and left out."""
    try:
        held = taking.get_lab().reports.figure(one.figure)
        return Figure(**{**held, "cites": tuple(held["cites"]), "specs": tuple(held["specs"])})
    except (StoreUnusable, KeyError, TypeError) as problem:
        said = show.said(problem) if isinstance(problem, StoreUnusable) else "It was written by another version."
        st.warning(f"A pinned figure is left out. {said}")
        return None


def head(report: Report, figures: list[Figure]) -> None:
    """Title, the file, and a fresh start."""
    title, *buttons = st.columns([4, 1.3, 1.3], vertical_alignment="bottom")
    with title:
        written = st.text_input("Title", report.title, max_chars=MOST_LETTERS, key=f"title-{report.title}")
    if written.strip() and written != report.title:
        change(replace(report, title=written.strip()))
    with buttons[0]:
        st.download_button(
            "Download HTML",
            report_of(report.title, figures, show.look()),
            file_name="report.html",
            mime="text/html",
            on_click="ignore",
            type="primary",
            icon=":material/download:",
            key="report-html",
            width="stretch",
            help="Figures, notes, tables, sources and the description of every computation, in one file.",
        )
    with buttons[1]:
        if st.button(
            "Begin another",
            icon=":material/note_add:",
            width="stretch",
            help="An empty report. This one stays under its link.",
        ):
            change(Report())
    st.caption(
        f"{len(report.pinned)} of at most {MOST_FIGURES} figures. The address of this page is this report as it stands."
    )


def section(report: Report, at: int, one: Pinned, figure: Figure) -> None:
    """One figure with its note, and what moves it."""
    with st.container(border=True, key=f"pinned-{one.figure}"):
        head = st.container(horizontal=True, vertical_alignment="center")
        head.subheader(f"{at + 1}. {show.escaped(figure.title)}", anchor=False, width="stretch")
        last = len(report.pinned) - 1
        for icon, said, is_off, moved in (
            ("arrow_upward", "Up", at == 0, lambda: order(report, one, -1)),
            ("arrow_downward", "Down", at == last, lambda: order(report, one, 1)),
            ("delete", "Remove", False, lambda: without(report, one)),
        ):
            if head.button(said, icon=f":material/{icon}:", key=f"{icon}-{one.figure}", disabled=is_off):
                change(moved())
        note = st.text_area(
            "Note",
            one.note,
            max_chars=MOST_LETTERS,
            key=f"note-{one.figure}",
            height=68,
            placeholder="What is to be seen here, and how sure is it?",
        )
        if note != one.note:
            change(replace(report, pinned=tuple(replace(p, note=note) if p is one else p for p in report.pinned)))
        st.image(figure.svg, width="content", alt=figure.title)
        cited = f" · after {'; '.join(figure.cites)}" if figure.cites else ""
        st.caption(show.escaped(f"{figure.about} · {figure.method} · {figure.origin}{cited}"))


def order(report: Report, one: Pinned, by: int) -> Report:
    """The figure moved by a place."""
    left = [held for held in report.pinned if held is not one]
    left.insert(report.pinned.index(one) + by, one)
    return replace(report, pinned=tuple(left))


def without(report: Report, one: Pinned) -> Report:
    """The figure taken out."""
    return replace(report, pinned=tuple(held for held in report.pinned if held is not one))


def change(report: Report) -> Any:
    """Keep it, name it in the address, and draw the page anew."""
    st.query_params["report"] = taking.keep(report)
    st.rerun()


with show.messages():
    main()
