"""Figures on a page: a chart or a map of points, and below it its numbers, its files and where it comes from."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st
from altair.utils import schemapi

from core.charts.cursor import HOVER, PICK
from core.charts.look import Look
from core.charts.points import Panel, Picked, colouring_of, draw
from core.charts.points_svg import svg_of
from core.keys import Spec
from core.lab import HowRead
from core.refs import LABEL_NAMES
from pages.parts import taking
from pages.parts.lab import get_lab
from pages.parts.points import page_of, point_map
from pages.parts.show import escaped, look
from pages.parts.tower import BINDING

# Altair checks every part of a figure against its grammar as it is built; tests/contract does that once for all.
schemapi.DEBUG_MODE = False

_NOT_THE_CANVAS = (
    "It draws the figure that stands here. The canvas above has no script: what is circled, sought or hollow there is in its SVG "
    "and HTML."
)


class Drawn(NamedTuple):
    """A chart that stands on the page."""

    chart: Any
    name: str
    title: str
    again: Callable[[Look], Any] | None = None
    """Draws it in another look, where its origin does not tell how."""


def figure(
    chart: Any,
    table: pd.DataFrame,
    *,
    name: str,
    alt_text: str,
    specs: Sequence[Spec],
    note: str,
    on_pick: Callable[[Mapping[str, Any]], None] | None = None,
    also: Sequence[Drawn] = (),
    origin: str = "",
    again: Callable[[Look], Any] | None = None,
) -> None:
    """A chart, its table with CSV, its files, and where it comes from.

    Args:
        chart: an Altair figure.
        table: the numbers behind it.
        name: key of the chart and name of its CSV file.
        alt_text: what a screen reader says.
        specs: the artifacts it was drawn from.
        note: estimator, n and interval in a few words.
        on_pick: told the fields of a mark that is clicked, none for a click beside them.
        also: charts of the same table, whose files stand here too.
        origin: plain words on where the numbers come from, where that is no stored result of `specs`.
        again: draws the chart in another look, where its numbers come from elsewhere than the store.
    """
    draw_chart(chart, name=name, alt_text=alt_text, on_pick=on_pick)
    st.caption(f"{note} · {escaped(origin) or provenance(specs)}")
    with st.expander("Table and files", icon=":material/table:", key=f"{name}-table", on_change="rerun") as opened:
        if opened.open:
            drawn = Drawn(chart, name, alt_text, again)
            below(table, [drawn, *also], name=name, specs=specs, note=note, origin=origin)


def pointed(
    panels: Callable[[Look], Sequence[Panel]],
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
        panels: the same points in each, in a look.
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
    drawn_as = look()
    svg_options = {"axes": axes, "limits": options.get("limits"), "faint": options.get("faint")}

    def svg_in(wanted: Look) -> str:
        return svg_of(panels(wanted), colouring_of(labels, wanted, title=label), look=wanted, **svg_options)

    drawn = _on_canvas(
        panels(drawn_as), labels, points, label=label, look=drawn_as, axes=axes, alt_text=alt_text, key=name, **options
    )
    picked = point_map(drawn, key=name)
    if tell is not None:
        tell(picked)
    st.caption(f"{note} · {provenance(specs)}")
    _rows_of(points, picked, table, name)
    with st.expander(
        "Figure to keep (SVG, PNG, HTML)", icon=":material/image:", key=f"{name}-kept", on_change="rerun"
    ) as open_:
        if open_.open:
            origin, files = provenance(specs, is_plain=True), st.container(horizontal=True)
            taking.map_files(
                svg_in(drawn_as),
                page_of(drawn, title=alt_text, notes=taking.written_below(specs, about, note, origin), look=drawn_as),
                lambda: table().to_csv(index=False),
                files,
                look=drawn_as,
                other=lambda: svg_in(drawn_as.opposite),
                name=name,
                title=alt_text,
                specs=specs,
                method=taking.plain(note),
                origin=origin,
            )
            # Streamlit's toolbar over a figure writes PNG alone.
            drawn_to_keep = draw_chart(kept(), name=f"{name}-figure", alt_text=alt_text)
            _again(specs, [drawn_to_keep], name, files, _NOT_THE_CANVAS)
    return picked


def _on_canvas(
    panels: Sequence[Panel], labels: pd.Series, points: pd.DataFrame, *, label: str, look: Look, **options: Any
) -> Any:
    """What the canvas is told to draw; options: further ones of core.charts.points.draw."""
    # Numbers are no strings: of 100,000 points they would double the message. The card has the one that colours stand for.
    words = points.select_dtypes(exclude="number").astype(str)
    return draw(
        panels,
        colouring_of(labels, look, title=label),
        texts=words["text"].tolist(),
        # The same whatever colours stand for: a choice is of these strings, and outlives another colouring.
        details={LABEL_NAMES.get(column, column): words[column].tolist() for column in words if column != "text"},
        look=look,
        **options,
    )


def _rows_of(points: pd.DataFrame, picked: Picked, table: Callable[[], pd.DataFrame], name: str) -> None:
    """The table of a map, of circled points alone while some are; built when it is opened."""
    circled = len(picked.selected)
    with st.expander(
        f"Table: {circled:,} of {len(points):,} points" if circled else "Table",
        icon=":material/table:",
        key=f"{name}-table",
        on_change="rerun",
    ) as rows:
        if rows.open:
            _table(table().iloc[picked.selected] if circled else table(), name)


class _Ready:
    """A chart as the page shows it. It is not checked against the grammar again as it is written down (a third of the time that
    takes), and the layer under the mouse is one for all figures of the page."""

    def __init__(self, chart: Any) -> None:
        self._chart = chart

    def to_dict(self) -> dict[str, Any]:
        """All that Streamlit asks of a chart."""
        written: dict[str, Any] = self._chart.to_dict(validate=False)
        for param in written.get("params", ()):
            if param["name"] == HOVER:
                param["bind"] = BINDING
        return written


def draw_chart(
    chart: Any, *, name: str, alt_text: str, on_pick: Callable[[Mapping[str, Any]], None] | None = None
) -> Drawn:
    """A chart alone, in our own frame rather than Streamlit's theme; on_pick is told the fields of a mark that is
    clicked, none where the click is beside them. Without it, a click on a layer moves the layer cursor."""
    drawn = Drawn(chart, name, alt_text)
    options: dict[str, Any] = {"theme": None, "key": name, "alt": alt_text, "width": "stretch"}
    ready: Any = _Ready(chart)
    if on_pick is None and _has_layers_to_click(chart):
        on_pick = _to_layer
    if on_pick is None:
        st.altair_chart(ready, **options)
        return drawn

    def clicked() -> None:
        picked = st.session_state[name]["selection"].get(PICK) or [{}]
        on_pick(picked[0])

    # Of a figure's selections a click alone is told: what the mouse rests on is the browser's own business.
    st.altair_chart(ready, on_select=clicked, selection_mode=PICK, **options)
    return drawn


def _has_layers_to_click(chart: Any) -> bool:
    params = chart.params
    return isinstance(params, list) and any(param.name == PICK for param in params)


def _to_layer(picked: Mapping[str, Any]) -> None:
    """Move the layer cursor to the layer that was clicked."""
    if "layer" in picked:
        st.session_state["layer"] = int(picked["layer"])


def behind(table: pd.DataFrame, *, name: str, specs: Sequence[Spec], note: str, drawn: Sequence[Drawn] = ()) -> None:
    """The provenance line and the table of what is drawn, or said, elsewhere on the page; files of what is drawn."""
    st.caption(f"{note} · {provenance(specs)}")
    below(table, drawn, name=name, specs=specs, note=note)


def below(
    table: pd.DataFrame, drawn: Sequence[Drawn], *, name: str, specs: Sequence[Spec], note: str, origin: str = ""
) -> None:
    """A table, the files of the charts that were drawn from it, and the code; of one chart all in one row of buttons."""
    files, csv = _table(table, name), table.to_csv(index=False)
    for one in drawn:
        if len(drawn) > 1:
            st.caption(escaped(one.title))
        taking.chart_files(
            one.chart, look(), csv, files if len(drawn) == 1 else st.container(horizontal=True),
            again=one.again, name=one.name, title=one.title, specs=specs, method=taking.plain(note),
            origin=origin or provenance(specs, is_plain=True),
        )  # fmt: skip
    _again(specs, drawn, name, files)


def _again(specs: Sequence[Spec], drawn: Sequence[Drawn], name: str, place: Any, aside: str = "") -> None:
    """The code that draws figures again, or computes their results, in `place`; below it whose procedures they follow."""
    with place.popover("Python", icon=":material/code:", key=f"code-{name}", help="Exactly this, without the app."):
        taking.again(specs, drawn, name, aside)
    if cited := dict.fromkeys(source for spec in specs for source in spec.cites()):
        st.caption(f"After {escaped('; '.join(cited))}.")


def _table(table: pd.DataFrame, name: str) -> Any:
    """The numbers, and the row of buttons that begins with their CSV."""
    st.dataframe(table, hide_index=True, width="stretch", height="content" if len(table) <= 20 else 400)
    files = st.container(horizontal=True)
    files.download_button(
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
    return files


_PLAIN = {"float32", "as given"}
"""Arithmetic of which nothing is to be said."""


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
    read = _how_read([how for one in held for how in one.read])
    return f"{named} · {came}{made} · {', '.join(machines)}{read}"


def _of_all_texts(all_read: Sequence[HowRead], name: str) -> int:
    """A count over texts; of those who read the same one, the largest."""
    most: dict[str, int] = {}
    for one in all_read:
        most[one.text] = max(most.get(one.text, 0), getattr(one, name))
    return sum(most.values())


def _how_read(all_read: Sequence[HowRead]) -> str:
    """What of the text did not reach the vectors, and arithmetic below full precision; empty where nothing is to be said."""
    cut, lost = (_of_all_texts(all_read, name) for name in ("n_cut_sentences", "n_lost_words"))
    found = [f"{cut:,} sentence{'s' * (cut != 1)} cut at the longest input"] if cut else []
    found += [f"{lost:,} word{'s' * (lost != 1)} without a vector"] if lost else []
    found += [f"read in {one}" for one in sorted({one.precision for one in all_read} - _PLAIN)]
    return f" · {', '.join(found)}" if found else ""
