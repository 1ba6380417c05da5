"""Maps: both sides of one layer on shared axes, or on one map of neighbourhoods."""

from pages.parts.frame import enter

enter()

from typing import Any  # noqa: E402

import streamlit as st  # noqa: E402

from core.analyses.joint_map import Maps  # noqa: E402
from core.analyses.joint_umap import JointUmap, UmapMaps  # noqa: E402
from core.charts import scatter  # noqa: E402
from core.refs import LABEL_NAMES  # noqa: E402
from pages.parts import notes, picker, show  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402
from pages.parts.selection import Selection  # noqa: E402

POINTS = (500, 1000, 1500, 3000, 5000)


def main() -> None:
    """The page."""
    show.heading(
        "Maps",
        "The space of one layer, base beside tuned, the same words or sentences in both.",
        "Both sides were fitted together, so a shift is a shift; drag a box to follow points from one side to the other, "
        "click a label in the key to see it alone.",
    )
    chosen = picker.compared()
    if chosen is None:
        return
    if not chosen.is_one_width:
        st.info(
            "A joint map needs vectors of one width: these two share no axes. Similarity and probes compare any two.",
            icon=":material/info:",
        )
        return
    one, two, three = st.columns([1, 3.6, 1], vertical_alignment="bottom")
    with one:
        method = projection()
    with two:
        colour = coloured_by(chosen)
    if method == "umap":
        with three, st.popover("Settings", icon=":material/tune:", width="stretch"):
            chosen_settings = settings()
        if draw_umap(chosen, colour, chosen_settings):
            return
    (maps,) = show.results([chosen.map], what="the map")
    if maps is not None:
        draw_pca(chosen, colour, maps)


def projection() -> str | None:
    """How the space is laid flat."""
    return st.segmented_control(
        "Projection",
        ["pca", "umap"],
        default="pca",
        format_func=str.upper,
        key="projection",
        bind="query-params",
        help="PCA: two straight axes through the space, distances true to scale. UMAP: a bent map that keeps neighbours "
        "together; gaps and the size of its clumps mean little.",
    )


def draw_pca(chosen: Selection, colour: str, maps: Maps) -> None:
    """Two panels of PCA, coloured by a label."""
    share = maps.explained[chosen.layer].sum()
    st.markdown(
        f"**Layer {chosen.layer}** · two axes show {share:.0%} of the joint variance; the rest is folded away.",
        help="Principal component analysis of both sides' rows together. Distances along the two axes are true to "
        "scale; points that lie together here may be far apart on the axes not shown.",
    )
    show.figure(
        scatter.map_pair(maps, show.look(), chosen.layer, colour=colour),
        scatter.map_table(maps, chosen.layer, colour),
        name="map",
        alt_text=f"Joint PCA of layer {chosen.layer}, base and tuned, coloured by {colour}",
        specs=[chosen.map],
        note=f"joint PCA, {len(maps.points):,} {chosen.embedded}s a side, seed {chosen.map.seed}",
    )


def draw_umap(chosen: Selection, colour: str, settings: dict[str, Any]) -> bool:
    """The map of the chosen layer; False while there is none, and the PCA stays on screen."""
    spec = chosen.umap(settings)
    maps: UmapMaps | None
    (maps,) = show.results([spec], what=f"the UMAP of layer {chosen.layer}")
    if maps is None:
        st.caption("Until then the PCA of the same layer:")
        return False
    st.markdown(
        f"**Layer {chosen.layer}** · {notes.trust(maps)}",
        help="UMAP (McInnes et al. 2018) of both sides' rows together, on the exact graph of nearest neighbours in their 50 "
        "joint principal components, begun from the PCA. Trustworthiness (Venna & Kaski 2001): 1 = neighbours on the map "
        "are neighbours in the layer, about 0.5 = a map drawn at random. Try another seed and other settings before you "
        "believe a shape.",
    )
    show.figure(
        scatter.umap_pair(maps, show.look(), colour=colour),
        scatter.umap_table(maps, colour),
        name="umap",
        alt_text=f"Joint UMAP of layer {chosen.layer}, base and tuned, coloured by {colour}",
        specs=[spec],
        note=notes.umap(maps, spec, chosen),
    )
    return True


def settings() -> dict[str, Any]:
    """UMAP's settings, in a form: nothing follows from moving them until it is sent."""
    usual = JointUmap.__dataclass_fields__
    with st.form("umap-settings", border=False):
        chosen = {
            "n_points": st.selectbox(
                "Points a side",
                POINTS,
                index=POINTS.index(usual["n_points"].default),
                format_func=lambda n: f"{n:,}",
                key="umap_points",
                persist_state="session",
            ),
            "n_neighbors": st.number_input(
                "Neighbours",
                2,
                200,
                usual["n_neighbors"].default,
                key="umap_neighbours",
                persist_state="session",
                help="Few: local clumps. Many: the coarse shape.",
            ),
            "min_dist": st.number_input(
                "Least distance",
                0.0,
                1.0,
                usual["min_dist"].default,
                0.05,
                key="umap_distance",
                persist_state="session",
                help="How close points may lie on the map (min_dist).",
            ),
            "metric": st.selectbox("Metric", ["euclidean", "cosine"], key="umap_metric", persist_state="session"),
            "seed": st.number_input("Seed", 0, 10_000, 0, key="umap_seed", persist_state="session"),
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
        st.segmented_control(
            "Colour by",
            labels,
            default=first,
            format_func=lambda name: LABEL_NAMES.get(name, name),
            key="colour",
            bind="query-params",
        )
        or first
    )


with show.messages():
    main()
