"""What a figure leaves behind when the page is closed: its files, the code that computes it again, a place in the report."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st

from core.charts.keeping import Figure, drawing_of, page_of_drawing, png_of, svg_of_drawing
from core.charts.look import Look
from core.errors import TunescopeError
from core.keys import Spec, to_json
from core.origins import Origin, origin_of
from core.redraw import in_look
from core.scripts import Redrawn, cannot, computing, file_name, redrawing, script_name
from pages.parts import picker, reporting
from pages.parts.lab import get_lab, is_viewer
from pages.parts.show import escaped, is_local, look, messages

_LINES = 18
"""Of code stand below each other without scrolling."""


@st.cache_data(max_entries=64, show_spinner=False)
def _drawn(drawing: str) -> tuple[str, bytes]:
    """A drawing as SVG and PNG; asked again at every rerun of the page while it is open."""
    svg = svg_of_drawing(json.loads(drawing))
    return svg, png_of(svg)


def figure_of(
    svg: str, table: str, *, name: str, title: str, specs: Sequence[Spec], method: str, origin: str
) -> Figure:
    """All that goes along with a drawing, as plain text."""
    cites = dict.fromkeys(source for spec in specs for source in spec.cites())
    address = urlsplit(st.context.url or "")
    link = urlencode({**picker.of_view(), **st.session_state.get("link", {})})
    return Figure(
        name=name,
        title=title,
        about=get_lab().compared_in(specs),
        svg=svg,
        method=method,
        origin=origin,
        cites=tuple(cites),
        table=table,
        specs=tuple(json.dumps(to_json(spec, places=False), ensure_ascii=False) for spec in specs),
        link=f"{address.path or '/'}{'?' if link else ''}{link}",
    )


def chart_files(
    chart: Any, look: Look, table: str, place: Any, *, again: Callable[[Look], Any] | None = None, **about: Any
) -> None:
    """The downloads of an Altair figure, and what else can be done with it, in `place`, a row of buttons.

    Args:
        chart: the figure.
        look: as it was drawn.
        table: its CSV.
        place: where the buttons stand.
        again: draws it in another look; without it, its origin tells how.
        about: what figure_of asks for.
    """
    drawn_again = again or _by(origin_of(chart))
    drawing = drawing_of(chart, look)
    svg, png = _drawn(json.dumps(drawing, sort_keys=True))
    figure = figure_of(svg, table, **about)
    _download(place, "SVG", svg, figure.name, "image/svg+xml")
    _download(place, "PNG", png, figure.name, "image/png")
    _download(
        place, "HTML", page_of_drawing(drawing, figure, look), figure.name, "text/html",
        "One file with the figure as it answers to the mouse here, its table and its source. It needs no network.",
    )  # fmt: skip
    _pin_button(place, figure, look, lambda: _svg(drawn_again(look.opposite), look.opposite))


def _by(origin: Origin) -> Callable[[Look], Any]:
    """Draws a figure again in another look; None where its origin, or the store, does not tell how."""

    def read(spec: Spec) -> Any:
        try:
            return get_lab().peek(spec)
        except TunescopeError:  # damaged since: its page says so
            return None

    return lambda look: in_look(origin, look, read)


def _svg(chart: Any, look: Look) -> str:
    return "" if chart is None else svg_of_drawing(drawing_of(chart, look))


def map_files(
    svg: str, page: str, table: Callable[[], str], place: Any, *, look: Look, other: Callable[[], str], **about: Any
) -> None:
    """The same of a map on the canvas, drawn already; `other`, its SVG in the opposite look, and its table are written down
    when it is pinned."""
    figure = figure_of(svg, "", **about)
    _download(place, "SVG", svg, figure.name, "image/svg+xml")
    _download(
        place, "HTML", page, figure.name, "text/html",
        "One file with the map as it is here: zoom, search by mouse, circle. It needs no network.",
    )  # fmt: skip
    _pin_button(place, figure, look, other, table)


def _download(place: Any, format_: str, content: str | bytes, name: str, mime: str, about: str | None = None) -> None:
    place.download_button(
        format_,
        content,
        file_name=f"{file_name(name)}.{format_.lower()}",
        mime=mime,
        on_click="ignore",
        icon=":material/download:",
        key=f"{format_.lower()}-{name}",
        help=about,
    )


def _pin_button(
    place: Any, figure: Figure, look: Look, other: Callable[[], str], table: Callable[[], str] | None = None
) -> None:
    """Pins a figure, drawn in both looks: a report is read in either."""
    if is_viewer():
        return  # reports are the presenter's

    def pin() -> None:
        whole = replace(figure, table=table()) if table else figure
        reporting.pin(whole.in_both_looks(look, other()))

    place.button(
        "Pin to the report",
        icon=":material/keep:",
        key=f"pin-{figure.name}",
        on_click=_told(pin),
        help="The page Report collects pinned figures, with notes of yours, and writes them as one file.",
    )


def _told(act: Callable[[], None]) -> Callable[[], None]:
    """A callback whose failure is a message: what a callback raises no page can catch."""

    def done() -> None:
        with messages():
            act()

    return done


def written_below(specs: Sequence[Spec], about: str, note: str, origin: str) -> list[str]:
    """The lines below a map in a file of its own: what it shows, how, after whom, from where, and how to have it again."""
    cited = "; ".join(dict.fromkeys(source for spec in specs for source in spec.cites()))
    again = [json.dumps(to_json(spec, places=False), ensure_ascii=False) for spec in specs]
    return [about, plain(note), f"After {cited}.", origin, "The same again, by python -m core run:", *again]


def plain(said: str) -> str:
    """What was said in Markdown, without its marks."""
    return re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)[*`]", "", said))


def _tells_places() -> bool:
    """Whether who looks may see where things lie on this machine: a viewer behind a proxy looks local too."""
    return is_local() and not is_viewer()


def code(specs: Sequence[Spec]) -> str:
    """Python that gets the results of a figure from the store, or computes them."""
    return computing(specs, places=_tells_places())


def script(figures: Sequence[Redrawn], name: str) -> str:
    """Python that draws figures again from what is stored."""
    return redrawing(figures, look(), name=name, places=_tells_places())


def again(specs: Sequence[Spec], drawn: Sequence[Any], name: str, aside: str = "") -> None:
    """The script that draws figures again, why one has none, and the code that computes their results.

    Args:
        specs: of the results; none where what is drawn is of no stored result.
        drawn: charts that stand on the page, each with its name and title.
        name: key of the panel, and name of the file.
        aside: what else there is to know of the script.
    """
    asked = [Redrawn(chart=origin_of(one.chart), name=one.name, title=one.title) for one in drawn]
    reasons = [cannot(one.chart) if specs else "its numbers are of no stored result" for one in asked]
    told = [one for one, why in zip(asked, reasons, strict=True) if not why]
    if told:
        written = script(told, name)
        # Above the code: a long one hides what stands below it.
        row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
        row.markdown("**Draw it again** from what is stored: nothing is computed.", width="content")
        row.download_button(
            "Script",
            written,
            file_name=script_name(name),
            mime="text/x-python",
            on_click="ignore",
            icon=":material/download:",
            key=f"py-{name}",
            help="Save it in the folder of the program and run it there: it writes the figure as one HTML file.",
        )
        _code(written)
        if aside:
            st.caption(aside)
    for one, why in zip(asked, reasons, strict=True):
        if why:
            st.caption(f"No script draws “{escaped(one.title)}” again: {escaped(why)}.")
    if not specs:
        return  # of no result, so that there is nothing to compute
    st.markdown("**Compute its results** where they are not stored, as in a notebook." if asked else "In a notebook:")
    _code(code(specs))


def _code(written: str) -> None:
    """Code to copy; a long one scrolls by itself."""
    height: Any = "content" if written.count("\n") < _LINES else 380
    st.code(written, language="python", wrap_lines=True, height=height)
