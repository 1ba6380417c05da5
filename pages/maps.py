"""Maps: both sides of one layer on shared axes, or on one map of neighbourhoods."""

from pages.parts.frame import enter

enter()

import math  # noqa: E402
from dataclasses import replace  # noqa: E402
from typing import Any  # noqa: E402

import streamlit as st  # noqa: E402

from core.analyses.movers import Moved  # noqa: E402
from core.analyses.places import PLACE, among  # noqa: E402
from core.charts import scatter  # noqa: E402
from core.charts.heads import IS_RIGHT, SAYS  # noqa: E402
from core.charts.points import Picked  # noqa: E402
from core.data.examples import UNMARKED  # noqa: E402
from core.refs import LABEL_NAMES  # noqa: E402
from pages.parts import circled, figures, laid, look_here, map_settings, picker, saved, show  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402
from pages.parts.laid import Laid  # noqa: E402
from pages.parts.movers import movers, near_both  # noqa: E402
from pages.parts.selection import Selection, label_said  # noqa: E402

HEIGHT = 330
"""Of a panel: what stands above it leaves room for that on a projector. Two rows of panels share the height there is."""
HEAD = SAYS, IS_RIGHT
"""Colours that come from the tuned head."""


def main() -> None:
    """The page."""
    show.heading(
        "Maps",
        "The space of one layer, base beside tuned.",
        "Circle points to find them on the other side, or let Movers find what moved.",
    )
    chosen = picker.compared()
    if chosen is None:
        return
    # Most of a map is to be seen on a projector without scrolling.
    with st.container(gap="xsmall"):
        show.views({"Map": map_of_layer, "Movers": movers}, chosen, key="maps")


def map_of_layer(chosen: Selection) -> None:
    """Both sides of a layer, laid flat."""
    controls = st.container(horizontal=True, vertical_alignment="bottom")
    with controls:
        method = map_settings.projection()
        colour = coloured_by(chosen)
        query = searched()
    if method in laid.SHARE_AXES and not chosen.is_one_width:
        st.info(
            "A joint map needs vectors of one width: these two share no axes. A chain of maps (UMAP, all layers), similarity "
            "and probes compare any two.",
            icon=":material/info:",
        )
        return
    drawn = laid.by(method, chosen, colour, controls)
    with controls:
        looking = st.popover("Look here", icon=":material/lightbulb:", key="look_here", on_change="rerun")
        keeping = st.popover("Saved", icon=":material/bookmark:")
    if drawn is None and method != "pca" and chosen.is_one_width:
        st.caption("Until then the PCA of the same layer:")
        drawn = laid.as_pca(chosen, chosen.map)
    if drawn is not None:
        drawn = with_head(chosen, drawn, colour)
        draw(chosen, drawn, drawn.colour or colour, query, (looking, keeping))


def with_head(chosen: Selection, drawn: Laid, colour: str) -> Laid:
    """The map with what the tuned head says of each point, where that is stored; asked for by a colour, the way to it."""
    spec = chosen.head_answers
    if spec is None:
        return drawn
    (said,) = show.results([spec], what="what the head says") if colour in HEAD else (show.stored(spec),)
    if said is None:
        fallback = next((name for name in drawn.flat.points if name == chosen.label), "text")
        return replace(drawn, colour=drawn.colour or (fallback if colour in HEAD else ""))
    return replace(drawn, flat=scatter.answered(drawn.flat, said, chosen.learnt, unmarked=UNMARKED))


def searched() -> str:
    """Words to look for among the points; empty where nothing is sought."""
    query: str = st.text_input(
        "Search", key="map_search", placeholder="words or labels", icon=":material/search:", width=150
    )
    return query.strip()


def draw(chosen: Selection, drawn: Laid, colour: str, query: str, places: tuple[Any, Any]) -> None:
    """The canvas, and what is known of the point that was clicked. Args: places: for where to look, and for saved points."""
    looking, keeping = places
    moved: Moved | None = show.stored(drawn.near) if drawn.near is not None else None
    flat, look, name = drawn.flat, show.look(), LABEL_NAMES.get(colour, colour)
    st.markdown(drawn.said, help=drawn.help)
    kept, held = saved.shown(chosen, keeping) or ("", frozenset())
    marked = scatter.Marked(
        len(flat.points),
        {
            **looked_at(chosen, drawn, moved, looking),
            **circled.from_link(flat.points),
            **({f"hold “{query}”": scatter.holds(flat.points, query)} if query else {}),
            **({f"are saved as “{kept}”": among(flat.points, held)} if kept else {}),
        },
    )
    if marked.said:
        st.caption(show.escaped(marked.said))
    picked = figures.pointed(
        flat.panels,
        flat.points[colour],
        flat.points,
        label=name,
        axes=flat.axes,
        kept=lambda: flat.figure(look, colour=colour),
        table=lambda: flat.table(colour),
        name=drawn.name,
        alt_text=f"{drawn.alt_text}, base and tuned, coloured by {name}",
        specs=[drawn.spec],
        note=drawn.note,
        about=chosen.about,
        height=HEIGHT,
        limits=drawn.limits,
        faint=drawn.faint,
        neighbours=moved and [side for layer in drawn.near_layers for side in moved.nearest(layer)],
        highlight=scatter.both(drawn.highlight, marked.points),
        tell=lambda picked: told(chosen, picked, drawn, moved),
    )
    saved.saving(chosen, flat.points, picked, kept, keeping)
    circled.linking(flat.points, picked, keeping)
    if drawn.below is not None:
        drawn.below()


def looked_at(chosen: Selection, drawn: Laid, moved: Moved | None, place: Any) -> dict[str, Any]:
    """Points that the page says to look at first, where their true neighbours can be known."""
    if drawn.near is not None:
        return look_here.lead(chosen, drawn.near, moved, place)
    place.caption(
        "Which points lost their neighbours is known of PCA, UMAP, t-SNE and UMAP of all layers, of 50 to 10,000 points a side: "
        "choose one of these, or so many points in its settings."
    )
    return {}


def told(chosen: Selection, picked: Picked, drawn: Laid, moved: Moved | None) -> None:
    """The point that was clicked, with all that is known of it, and its true neighbours on both sides."""
    if picked.point is None:
        return
    with st.container(border=True):
        row = drawn.flat.points.iloc[picked.point].map(written)
        rest = " · ".join(
            f"{label_said(column)}: {value}" for column, value in row.drop(["text", PLACE]).items() if value
        )
        st.markdown(f"**{row['text']}** · {rest}")
        if moved is not None:
            near_both(chosen, moved, picked.point)
    if moved is None and drawn.near is not None:
        st.caption(
            "Its true neighbours, of the whole space, are known once they are computed: **Look here**, above the map."
        )


def written(value: Any) -> str:
    """A label or number as Markdown; empty for a number that is missing."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.3g}"
    return show.escaped(str(value))


def coloured_by(chosen: Selection) -> str:
    """The label or number that colours the points: any the data set has for them; "text" where it has none."""
    known = [found(chosen.data.ref) for found in (get_lab().labels_of, get_lab().numbers_of)]
    units = ("word", "sentence") if chosen.embedded == "word" else ("sentence",)
    labels = list(dict.fromkeys(name for held in known for unit in units for name in held[unit]))
    if chosen.head_answers is not None:
        labels += [name for name in HEAD if name == SAYS or chosen.learnt in labels]
    if not labels:
        return "text"
    first = next(name for name in (chosen.label, chosen.number, *labels) if name in labels)
    return (
        st.selectbox(
            "Colour by",
            labels,
            index=labels.index(first),
            format_func=lambda name: LABEL_NAMES.get(name, name),
            key="colour",
            bind="query-params",
            width=150,
        )
        or first
    )


with show.messages():
    main()
