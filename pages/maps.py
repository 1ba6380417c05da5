"""Maps: both sides of one layer on shared axes, or on one map of neighbourhoods."""

from pages.parts.frame import enter

enter()

from collections.abc import Callable, Sequence  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from typing import Any  # noqa: E402

import pandas as pd  # noqa: E402
import streamlit as st  # noqa: E402

from core.analyses.joint_map import JointMap, Maps  # noqa: E402
from core.analyses.joint_umap import JointUmap, UmapMaps  # noqa: E402
from core.analyses.label_axes import FoundAxes, LabelAxes  # noqa: E402
from core.analyses.map_chain import ChainedMaps, MapChain  # noqa: E402
from core.charts import scatter  # noqa: E402
from core.charts.points import Panel, Picked  # noqa: E402
from core.keys import Spec  # noqa: E402
from core.refs import LABEL_NAMES  # noqa: E402
from pages.parts import axes, notes, picker, show  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402
from pages.parts.movers import movers  # noqa: E402
from pages.parts.selection import Selection, label_said  # noqa: E402

HEIGHT = 330
"""Of a panel: what stands above it leaves room for that on a projector."""
POINTS = (500, 1000, 1500, 3000, 5000)
PCA_POINTS = (500, 2000, 10_000, 50_000, 100_000)
CHAIN_POINTS = (500, 1000, 2000, 3000)
PROJECTIONS = {"pca": "PCA", "umap": "UMAP", "chain": "UMAP, all layers", "axes": "Label axes"}


@dataclass(frozen=True, kw_only=True)
class Laid:
    """A layer laid flat, ready to be drawn."""

    spec: Spec
    said: str
    """What there is to know before one looks."""
    help: str
    panels: Sequence[Panel]
    axes: tuple[str, str]
    points: pd.DataFrame
    table: Callable[[], pd.DataFrame]
    kept: Callable[[], Any]
    """As a figure to keep."""
    name: str
    alt_text: str
    note: str
    limits: tuple[float, float, float, float] | None = None
    faint: Any = None
    """Points not to be trusted, bool [n]."""
    highlight: Any = None
    """Points that keep their colour, bool [n]; the others turn grey."""
    colour: str = ""
    """The column that colours the points, where it is not the one chosen."""
    below: Callable[[], None] | None = None
    """What is drawn below."""


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
        method = projection()
        colour = coloured_by(chosen)
        query = searched()
    laid: Laid | None = None
    pca = chosen.map
    if method == "pca":
        with controls, st.popover("Settings", icon=":material/tune:"):
            pca = pca.replace(n_points=points_of_pca(pca))
    if method == "chain":
        with controls, st.popover("Settings", icon=":material/tune:"):
            spec = chosen.map_chain(settings("chain", MapChain, CHAIN_POINTS))
        laid = laid_as_chain(chosen, colour, spec)
    elif not chosen.is_one_width:
        st.info(
            "A joint map needs vectors of one width: these two share no axes. A chain of maps (UMAP, all layers), similarity "
            "and probes compare any two.",
            icon=":material/info:",
        )
        return
    elif method == "umap":
        with controls, st.popover("Settings", icon=":material/tune:"):
            joint = chosen.umap(settings("umap", JointUmap, POINTS))
        laid = laid_as_umap(chosen, colour, joint)
    elif method == "axes":
        with controls, st.popover("Settings", icon=":material/tune:"):
            made_of = axes.asked(chosen, colour)
        if (wanted := axes.spec_of(chosen, made_of)) is not None:
            laid = laid_on_axes(chosen, colour, wanted)
    if laid is None and chosen.is_one_width:
        if method != "pca":
            st.caption("Until then the PCA of the same layer:")
        laid = laid_as_pca(chosen, colour, pca)
    if laid is not None:
        draw(laid, laid.colour or colour, query)


def projection() -> str:
    """How the space is laid flat."""
    show.link_holds("projection", PROJECTIONS.values(), "Projection")
    return (
        st.segmented_control(
            "Projection",
            list(PROJECTIONS),
            default="pca",
            format_func=PROJECTIONS.__getitem__,
            key="projection",
            bind="query-params",
            help="PCA: two straight axes through the space, distances true to scale. UMAP: a bent map that keeps neighbours "
            "together; gaps and the size of its clumps mean little. UMAP of all layers: computed once, then the layer cursor "
            "walks through maps that lie on each other. Label axes: straight axes that part a label, or lead from "
            "one group of words to another.",
        )
        or "pca"
    )


def searched() -> str:
    """Words to look for among the points; empty where nothing is sought."""
    query: str = st.text_input(
        "Search", key="map_search", placeholder="words or labels", icon=":material/search:", width=180
    )
    return query.strip()


def draw(laid: Laid, colour: str, query: str) -> None:
    """The canvas, and what is known of the point that was clicked."""
    st.markdown(laid.said, help=laid.help)
    holds = scatter.holds(laid.points, query)
    if query:
        found = f"“{show.escaped(query)}”: {int(holds.sum()):,} of {len(holds):,} points, in colour."
        st.caption(found if holds.any() else f"Nothing drawn holds “{show.escaped(query)}”.")
    show.pointed(
        laid.panels,
        laid.points[colour],
        laid.points,
        label=LABEL_NAMES.get(colour, colour),
        axes=laid.axes,
        kept=laid.kept,
        table=laid.table,
        name=laid.name,
        alt_text=f"{laid.alt_text}, base and tuned, coloured by {LABEL_NAMES.get(colour, colour)}",
        specs=[laid.spec],
        note=laid.note,
        height=HEIGHT,
        limits=laid.limits,
        faint=laid.faint,
        # Where nothing is found nothing is greyed: a grey map would say that something else was.
        highlight=scatter.both(laid.highlight, holds) if query and holds.any() else laid.highlight,
        tell=lambda picked: told(picked, laid.points),
    )
    if laid.below is not None:
        laid.below()


def points_of_pca(usual: JointMap) -> int:
    """How many points the PCA is to show."""
    chosen: int = st.selectbox(
        "Points a side, at most",
        PCA_POINTS,
        index=PCA_POINTS.index(usual.n_points),
        format_func=lambda n: f"{n:,}",
        key="pca_points",
        persist_state="session",
        help="Drawn at random, the same on both sides. Past 20,000 the map shades by how densely points lie.",
    )
    return chosen


def laid_as_pca(chosen: Selection, colour: str, spec: JointMap) -> Laid | None:
    """Two principal components of both sides together."""
    maps: Maps | None
    (maps,) = show.results([spec], what="the map")
    if maps is None:
        return None
    layer, look = chosen.layer, show.look()
    share = maps.explained[layer].sum()
    return Laid(
        spec=spec,
        said=f"**Layer {layer}** · two axes show {share:.0%} of the joint variance; the rest is folded away.",
        help="Principal component analysis of both sides' rows together. Distances along the two axes are true to "
        "scale; points that lie together here may be far apart on the axes not shown.",
        panels=scatter.map_panels(maps, layer, look),
        axes=scatter.map_axes(maps, layer),
        points=maps.points,
        table=lambda: scatter.map_table(maps, layer, colour),
        kept=lambda: scatter.map_pair(maps, look, layer, colour=colour),
        name="map",
        alt_text=f"Joint PCA of layer {layer}",
        note=f"joint PCA, {len(maps.points):,} {chosen.embedded}s a side, seed {spec.seed}",
    )


def laid_as_umap(chosen: Selection, colour: str, spec: JointUmap) -> Laid | None:
    """Both sides' rows on one UMAP; None while there is none."""
    maps: UmapMaps | None
    (maps,) = show.results([spec], what=f"the UMAP of layer {chosen.layer}")
    if maps is None:
        return None
    look = show.look()
    return Laid(
        spec=spec,
        said=f"**Layer {chosen.layer}** · {notes.trust(maps.base_trust, maps.tuned_trust)}",
        help="UMAP (McInnes et al. 2018) of both sides' rows together, on the exact graph of nearest neighbours in their 50 "
        f"joint principal components, begun from the PCA. {notes.TRUST}",
        panels=scatter.umap_panels(maps, look),
        axes=scatter.UMAP_AXES,
        points=maps.points,
        table=lambda: scatter.umap_table(maps, colour),
        kept=lambda: scatter.umap_pair(maps, look, colour=colour),
        name="umap",
        alt_text=f"Joint UMAP of layer {chosen.layer}",
        note=notes.umap(maps, spec, chosen),
    )


def laid_as_chain(chosen: Selection, colour: str, spec: MapChain) -> Laid | None:
    """A layer of a chain of UMAPs; None while there is none."""
    maps: ChainedMaps | None
    (maps,) = show.results([spec], what="maps of all layers")
    if maps is None:
        return None
    layer, look = chosen.layer, show.look()
    base_trust, tuned_trust = maps.trust[:, layer]
    faint = scatter.doubtful(maps, layer)
    pale = f" {int(faint.sum()):,} points, drawn hollow, stand no better than chance." if faint.any() else ""
    return Laid(
        spec=spec,
        said=f"**Layer {layer}** of {len(maps.base) - 1}: walk through them with the layer in the sidebar. "
        f"{notes.trust(base_trust, tuned_trust)} Layouts of their own, laid on each other: small shifts say nothing.{pale}",
        help="One UMAP a layer and side. Each layer's map is begun from the map of the layer below; from there both sides go on "
        "with small steps, each on its own exact graph of neighbours, and the tuned map is turned (never bent) onto the base's. "
        "Equal spaces give equal maps. A space that was only turned does not quite: rounding, blown up by the layout, may shift "
        f"its points by up to a third of the map's size (its mean distance from the centre). {notes.TRUST}",
        panels=scatter.chain_panels(maps, layer, look),
        axes=scatter.UMAP_AXES,
        points=maps.points,
        table=lambda: scatter.chain_table(maps, layer, colour),
        kept=lambda: scatter.chain_pair(maps, look, layer, colour=colour),
        name="chain",
        alt_text=f"UMAP of layer {layer}, of a chain",
        note=notes.chain(maps, spec, chosen),
        limits=scatter.chain_limits(maps),
        faint=faint if faint.any() else None,
    )


def laid_on_axes(chosen: Selection, colour: str, spec: LabelAxes) -> Laid | None:
    """Held-out rows on axes of a label or of words; None while there are none."""
    found: FoundAxes | None
    (found,) = show.results([spec], what="the axes")
    if found is None:
        return None
    layer, look, unit = chosen.layer, show.look(), axes.unit_of(found)
    if found.base_score[layer] is None:
        axes.none_here(layer)
        return None
    own = scatter.AXIS if spec.words_first else ""
    return Laid(
        spec=spec,
        said=axes.said(found, spec, layer),
        help=axes.HELP,
        panels=scatter.axes_panels(found, layer, look),
        axes=scatter.axes_titles(found, unit),
        points=scatter.axes_points(found),
        table=lambda: scatter.axes_table(found, layer, own or colour),
        kept=lambda: scatter.axes_pair(found, look, layer, colour=own or colour, unit=unit),
        name="axes",
        alt_text=f"Rows held out of layer {layer} on axes fitted on {spec.fitted_on}",
        note=notes.label_axes(found, spec, chosen),
        highlight=found.value >= 0 if found.is_concept else None,
        colour=own,
        below=lambda: axes.curve(chosen, found, spec),
    )


def told(picked: Picked, points: pd.DataFrame) -> None:
    """The point that was clicked, with all that is known of it."""
    if picked.point is None:
        return
    row = points.iloc[picked.point].astype(str)
    rest = " · ".join(f"{label_said(column)}: {show.escaped(value)}" for column, value in row.drop("text").items())
    st.markdown(f"**{show.escaped(row['text'])}** · {rest}")


def settings(name: str, kind: type[JointUmap | MapChain], points: Sequence[int]) -> dict[str, Any]:
    """Settings of a map, in a form: nothing follows from moving them until it is sent."""
    usual = {field: known.default for field, known in kind.__dataclass_fields__.items()}
    metrics = ["euclidean", "cosine"]
    with st.form(f"{name}-settings", border=False):
        chosen = {
            "n_points": st.selectbox(
                "Points a side",
                points,
                index=points.index(usual["n_points"]),
                format_func=lambda n: f"{n:,}",
                key=f"{name}_points",
                persist_state="session",
            ),
            "n_neighbors": st.number_input(
                "Neighbours",
                2,
                200,
                usual["n_neighbors"],
                key=f"{name}_neighbours",
                persist_state="session",
                help="Few: local clumps. Many: the coarse shape.",
            ),
            "min_dist": st.number_input(
                "Least distance",
                0.0,
                1.0,
                usual["min_dist"],
                0.05,
                key=f"{name}_distance",
                persist_state="session",
                help="How close points may lie on the map (min_dist).",
            ),
            "metric": st.selectbox(
                "Metric",
                metrics,
                index=metrics.index(usual["metric"]),
                key=f"{name}_metric",
                persist_state="session",
            ),
            "seed": st.number_input("Seed", 0, 10_000, 0, key=f"{name}_seed", persist_state="session"),
        }
        st.form_submit_button("Use these")
    return chosen


def coloured_by(chosen: Selection) -> str:
    """The label that colours the points: any the data set has for them; "text" where it has none."""
    known = get_lab().labels_of(chosen.data.ref)
    labels = [*(known["word"] if chosen.embedded == "word" else ()), *known["sentence"]]
    if not labels:
        return "text"
    first = chosen.label if chosen.label in labels else labels[0]
    return (
        st.selectbox(
            "Colour by",
            labels,
            index=labels.index(first),
            format_func=lambda name: LABEL_NAMES.get(name, name),
            key="colour",
            bind="query-params",
            width=180,
        )
        or first
    )


with show.messages():
    main()
