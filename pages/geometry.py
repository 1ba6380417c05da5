"""Geometry: how the labels lie in each layer, and how tuning moved them."""

from pages.parts.frame import enter

enter()

from collections.abc import Callable  # noqa: E402
from dataclasses import dataclass  # noqa: E402

import pandas as pd  # noqa: E402
import streamlit as st  # noqa: E402

from core.analyses.checkpoint import run_of  # noqa: E402
from core.analyses.label_geometry import LabelPlaces  # noqa: E402
from core.analyses.spatial_change import SpatialChange  # noqa: E402
from core.charts import curves, geometry, paired  # noqa: E402
from core.lab import Named  # noqa: E402
from pages.parts import figures, notes, picker, show  # noqa: E402
from pages.parts.activations import activations  # noqa: E402
from pages.parts.isotropy import isotropy  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402
from pages.parts.selection import Selection  # noqa: E402

HULLS = (
    "The hull of a label is the smallest region without dents around all its points. Its distance to another label's hull is the "
    "width of the widest empty slab between them (twice the margin of a hard support vector machine), found exactly; 0 where "
    "they overlap. It follows the outermost points, so it shrinks as more text is read: compare sides, not samples. In a space of "
    "more dimensions than points any labels lie apart, random ones too: compare with ×, the control task. Vectors are measured "
    "from their mean. Zhou & Srikumar 2022."
)


def main() -> None:
    """The page."""
    show.heading(
        "Geometry",
        "How the labels lie to each other in each layer, and how tuning moved them.",
        "Nothing is trained here: distances and clusters are measured on the vectors themselves.",
    )
    chosen = picker.compared()
    if chosen is None:
        return
    views = {
        "Label distances": distances,
        "Clusters": clusters,
        "How far apart": apart,
        "Where labels went": displaced,
        "Same directions": directions,
        "Other text": other_text,
        "Isotropy": isotropy,
        "Mean shift": activations,
    }
    show.views(views, chosen, key="geometry")


def distances(chosen: Selection) -> None:
    """Each label's distance to its nearest other label, at the layer of the cursor."""
    if not picker.has_classes(chosen):
        return
    specs = [chosen.hull_change, *chosen.hulls]
    change, base, tuned = show.results(specs, what="distances between labels")
    if not (change and base and tuned):
        return
    up, down, same = geometry.counted(change, chosen.layer)
    mean = change.mean_difference[chosen.layer]
    of_all = f" On the mean {mean.value:+.1%} ({mean.low:+.1%} to {mean.high:+.1%})." if mean else ""
    st.markdown(
        f"**How far is each label from the one nearest to it, at layer {chosen.layer}?** {up} moved apart, {down} closer, {same} "
        f"inside the noise, in shares of a vector's length.{of_all}",
        help=HULLS,
    )
    table = geometry.distances_table(change, base, tuned, chosen.layer)
    figures.figure(
        paired.paired_chart(
            table,
            show.look(),
            what=f"{chosen.label_name} ({chosen.unit_name}s)",
            title="distance to the nearest other label, share of a vector's length",
            domain=(0, float(table[["share", "control"]].max().max()) * 1.15 or 1.0),
        ),
        table,
        name="label-distances",
        alt_text=f"Distance of each label to the nearest other at layer {chosen.layer}, base and tuned",
        specs=specs,
        note=f"{notes.hulls(base)}; × {notes.control(base.control_kind)}; {notes.HALVES}{accuracy(chosen)}",
    )


def accuracy(chosen: Selection) -> str:
    """What a linear probe reads of the same label at the same layer, where that is known."""
    base, tuned = map(show.stored, chosen.probes)
    if not (base and tuned):
        return ""
    one, other = base.score[chosen.layer], tuned.score[chosen.facing_layer]
    return f"; a linear probe reads {one.value:.1%} of base and {other.value:.1%} of tuned here (Layers → What can be read)"


def clusters(chosen: Selection) -> None:
    """How many clusters the labels need."""
    if not picker.has_classes(chosen):
        return
    is_capped = st.toggle(
        "Count as the authors' code did until 2022",
        key="capped",
        bind="query-params",
        help="It tried fewer merges, and could leave clusters that still fit together. Counts published before autumn 2022 may "
        "come from it.",
    )
    specs = [side.replace(is_capped=is_capped) for side in chosen.hulls]
    base, tuned = show.results(specs, what="clusters of the labels")
    if not (base and tuned):
        return
    table = geometry.clusters_table(base, tuned)
    st.markdown(
        "**How bent are the borders between labels?** With one cluster a label, planes part them all: the space is linear for this "
        "label. × is the control task: where it lies as low, the number says nothing.",
        help="DirectProbe (Zhou & Srikumar 2021, 2022): points of a label are merged, nearest first, as long as the hull of what "
        "is merged touches no point region of another label. With fewer points than dimensions any labels can be parted by "
        "planes, random ones too. Points equal to one of another label can never be parted; each counts as a cluster (layer 0 "
        "has many: the same word at the same place).",
    )
    figures.figure(
        geometry.clusters_chart(table, show.look(), chosen.layer),
        table,
        name="clusters",
        alt_text="Number of clusters by layer, base and tuned, and of the control task",
        specs=specs,
        note=f"{notes.hulls(base)}; × {notes.control(base.control_kind)}; one deterministic count a layer: no interval",
    )


@dataclass(frozen=True)
class Spread:
    """A measure of how far apart labels lie."""

    table: Callable[[LabelPlaces, int], pd.DataFrame]
    column: str
    title: str
    question: str
    what: str


SPREADS = {
    "Spread between to within": Spread(
        geometry.fisher_table,
        "ratio",
        "Fisher ratio (larger = further apart)",
        "How far do labels lie apart against how wide each is?",
        "Fisher ratio: the variance between label means over the variance within labels, a degree of freedom each; about 1 "
        "for labels shuffled over rows, more for the control task, since one word has much in common with itself. It sees means "
        "and spreads, not bent shapes, and labels with many rows weigh more.",
    ),
    "Silhouette": Spread(
        geometry.silhouette_table,
        "silhouette",
        "mean silhouette (−1 to 1)",
        "Is a point nearer to its own label than to the next one?",
        "Silhouette (Rousseeuw 1987): for each row, mean distance to the nearest other label less that to its own, over the larger "
        "of the two. In spaces of many dimensions distances are much alike, so that values near 0 are common where probes read "
        "well.",
    ),
}
NEAREST = "Nearest label"


def apart(chosen: Selection) -> None:
    """Three measures of how far apart labels lie, by layer."""
    if not picker.has_classes(chosen):
        return
    name = st.segmented_control(
        "Measure",
        [NEAREST, *SPREADS],
        default=NEAREST,
        key="apart",
        bind="query-params",
        required=True,
        label_visibility="collapsed",
    )
    if name == NEAREST:
        nearest(chosen)
    else:
        spread(chosen, SPREADS[name])


def spread(chosen: Selection, measure: Spread) -> None:
    """A measure of centroids and clouds, by layer."""
    (places,) = show.results([chosen.places], what="where the labels lie")
    if not places:
        return
    st.markdown(f"**{measure.question}**", help=measure.what)
    table = measure.table(places, chosen.tuned_depth)
    figures.figure(
        curves.side_curves(
            table,
            measure.column,
            show.look(),
            chosen.layer,
            title=measure.title,
            percent=False,
            controls=True,
        ),
        table,
        name=f"labels-{measure.column}",
        alt_text=f"{measure.title} by layer, base and tuned",
        specs=[chosen.places],
        note=f"{notes.places(places, chosen)}; {notes.control(places.control_kind)}",
    )


def nearest(chosen: Selection) -> None:
    """The mean distance to the nearest other label, by layer."""
    specs = [chosen.hull_change, *chosen.hulls]
    change, base, tuned = show.results(specs, what="distances between labels")
    if not (change and base and tuned):
        return
    st.markdown(
        "**How wide is the empty space around a label?** Mean over labels, as a share of a vector's length.", help=HULLS
    )
    table = geometry.nearest_table(change, chosen.tuned_depth)
    figures.figure(
        curves.side_curves(
            table,
            "distance",
            show.look(),
            chosen.layer,
            title="distance to the nearest label",
            percent=True,
            controls=True,
        ),
        table,
        name="labels-nearest",
        alt_text="Mean distance of labels to their nearest other label by layer, base and tuned",
        specs=specs,
        note=f"{notes.hulls(base)}; mean over the {change.n_in_mean} labels that every half of the sentences has; "
        f"{notes.control(base.control_kind)}; {notes.HALVES}",
    )


def displaced(chosen: Selection) -> None:
    """Displacement of each label's centroid, one panel a layer."""
    places = shared_places(chosen)
    if not places:
        return
    table = geometry.displacement_table(places, chosen.tuned_depth)
    rare = "; grey: too rare to judge" if places.rare_labels else ""
    st.markdown(
        "**Where did each label's centre go?** ● is where it was, ▲ where tuning put it; hollow: no more than rows "
        f"scatter{rare}. All panels have one scale, in mean lengths of the base layer's vectors.",
        help="Mean of a label's vectors, tuned minus base, drawn in the plane that holds most of a layer's displacements "
        "(principal components, not centred). Directions of two panels have nothing in common. Names stand where there is room; "
        "point at a ▲ for any other. Zhou & Srikumar 2022, figure 5.",
    )
    figures.figure(
        geometry.displacement_panels(table, show.look(), chosen.layer),
        table,
        name="displacements",
        alt_text="Displacement of each label's centroid by layer",
        specs=[chosen.places],
        note=notes.places(places, chosen, with_rare=True),
    )


def directions(chosen: Selection) -> None:
    """Whether tuning parts labels along directions that base had."""
    places = shared_places(chosen)
    if not places:
        return
    table = geometry.directions_table(places, chosen.tuned_depth)
    st.markdown(
        f"**Were the directions that part {chosen.label_said} already in the base?** 100 % = tuning parts the labels only along "
        "directions that parted them before. Only what lies above the control task speaks of these labels.",
        help="The label means of a side span a few directions. The share is how much of the tuned means' spread lies in the span "
        "of base's. A few strong directions that both spaces share raise it for any labels, as the control task shows. The table "
        "has the principal angles between the two spans (Björck & Golub 1973): 0° = shared, 90° = new.",
    )
    figures.figure(
        geometry.directions_curve(table, show.look(), chosen.layer),
        table,
        name="directions",
        alt_text="Share of the tuned label directions that lie in the base's, by layer",
        specs=[chosen.places],
        note=f"{notes.places(places, chosen)}; {notes.control(places.control_kind)}",
    )


def shared_places(chosen: Selection) -> LabelPlaces | None:
    """Where the labels lie on both sides, once known and if they share axes; says so where they do not."""
    if not picker.has_classes(chosen):
        return None
    if not chosen.is_one_width:
        st.info(
            "The two sides have vectors of different width: their directions cannot be compared.",
            icon=":material/info:",
        )
        return None
    (places,) = show.results([chosen.places], what="where the labels lie")
    return places


def other_text(chosen: Selection) -> None:
    """Spatial similarity of the text and another, or of its two halves."""
    if not picker.has_classes(chosen):
        return
    other = second_text(chosen)
    sides = chosen.spatial(chosen.on_text(other, get_lab().size_of(other.ref))) if other else chosen.spatial_halves()
    specs = [SpatialChange(base=sides[0], tuned=sides[1]), *sides]
    change, base, tuned = show.results(specs, what="label distances of two texts")
    if not (change and base and tuned):
        return
    if not any(base.similarity) or not any(tuned.similarity):
        st.info(
            f"No layer of either side can be compared: {base.n_pairs} pairs of labels have six rows or more in both texts (three "
            "are needed), and planes must part all labels. Take more sentences, or another label.",
            icon=":material/info:",
        )
        return
    table = geometry.spatial_table(base, tuned, change)
    where = f"in {show.escaped(other.name)}" if other else "in the other half of the sentences"
    st.markdown(
        f"**Do labels lie to each other {where} as they do here?** 1 = alike, whatever the scale.",
        help="Spatial similarity (Zhou & Srikumar 2022): label distances of two texts, by two separate runs of DirectProbe, and "
        "their correlation. The paper compares the text of the tuning with its test text: there it fell after tuning in every "
        "case. Two halves of one text tell how much of it is noise.",
    )
    figures.figure(
        curves.side_curves(
            table,
            "similarity",
            show.look(),
            chosen.layer,
            title="correlation of label distances",
            percent=False,
            controls=False,
            domain=(max(-1.0, float(table["low"].min())), 1.0),
        ),
        table,
        name="spatial",
        alt_text="Correlation of label distances in two texts by layer, base and tuned",
        specs=specs,
        note=notes.spatial(base),
    )


def second_text(chosen: Selection) -> Named | None:
    """A text with the same label, that of the tuning named; None = the halves of the text shown."""
    lab = get_lab()
    assert chosen.tuned is not None
    run = run_of(chosen.tuned.ref)
    texts = {one.id: one for one in lab.datasets() if one.ref != chosen.data.ref and picker.has_label(one, chosen)}
    names = {
        short: one.name + (" (tuned on it)" if run and one.ref == run.train.of else "") for short, one in texts.items()
    }
    picked = st.selectbox(
        "Compared with",
        ["", *texts],
        format_func=lambda short: names.get(short, "the other half of this text"),
        key="other_text",
        bind="query-params",
        help="The text of the tuning against text it never saw, as in the paper; or two halves of one text, to see the noise.",
    )
    return texts.get(picked)


with show.messages():
    main()
