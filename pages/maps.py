"""Maps: both sides of one layer on shared axes."""

from pages.parts.frame import enter

enter()

import streamlit as st  # noqa: E402

from core.charts import scatter  # noqa: E402
from pages.parts import picker, show  # noqa: E402
from pages.parts.selection import LABEL_NAMES, Selection  # noqa: E402


def main() -> None:
    """The page."""
    show.heading(
        "Maps",
        "The space of one layer, base beside tuned, the same words or sentences in both.",
        "Both sides were fitted together, so a shift is a shift; drag a box to follow points from one side to the other.",
    )
    chosen = picker.compared()
    if chosen is None:
        return
    (maps,) = show.results([chosen.map], what="the map")
    if maps is not None:
        draw(chosen, maps)


def draw(chosen: Selection, maps) -> None:
    """Two panels, coloured by a label."""
    labels = [name for name in maps.points.columns if name not in ("text", "sentence")]
    colour = chosen.label or "text"
    if labels:
        first = labels.index(chosen.label) if chosen.label in labels else 0
        colour = (
            st.segmented_control(
                "Colour by",
                labels,
                default=labels[first],
                format_func=lambda name: LABEL_NAMES.get(name, name),
                key="colour",
                bind="query-params",
            )
            or labels[first]
        )
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
        note=f"joint PCA, {len(maps.points):,} {chosen.unit}s a side, seed {chosen.map.seed}",
    )


with show.messages():
    main()
