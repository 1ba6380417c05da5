"""Where labels lie: distances, clusters, displacements and shared directions, base beside tuned."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.base import facing_layers
from core.analyses.direct_probe import LabelHulls
from core.analyses.direct_probe_change import LabelHullChanges
from core.analyses.label_geometry import LabelPlaces
from core.analyses.spatial_change import SpatialDifference
from core.analyses.spatial_similarity import SpatialSimilarities
from core.charts.cursor import clickable, cursor_band, joined, layer_axis, layer_colour
from core.charts.curves import HEIGHT
from core.charts.look import Look, framed
from core.charts.sides import ends, sides_table, with_facing
from core.charts.strip import layer_tips
from core.origins import traced

# Most results here hold the tuned side at the layers that face the base's, so that the tables are told how deep it is.


@traced
def nearest_table(change: LabelHullChanges, tuned_depth: int) -> pd.DataFrame:
    """sides_table of the mean distance to the nearest other label, in units of the layer's mean row length; control: the mean of
    the control task's labels."""
    controls = change.base_control.mean(axis=1).tolist(), change.tuned_control.mean(axis=1).tolist()
    table = sides_table("distance", change.mean_base, change.mean_tuned, change.mean_difference, control=controls)
    return with_facing(table, len(change.mean_base) - 1, tuned_depth)


@traced
def fisher_table(places: LabelPlaces, tuned_depth: int) -> pd.DataFrame:
    """sides_table of the Fisher ratio, with that of the control task; differences are in powers of two."""
    controls = places.control[:, 0].tolist(), places.control[:, 1].tolist()
    table = sides_table("ratio", places.base_fisher, places.tuned_fisher, places.fisher_difference, control=controls)
    return with_facing(table, len(places.base_fisher) - 1, tuned_depth)


@traced
def silhouette_table(places: LabelPlaces, tuned_depth: int) -> pd.DataFrame:
    """sides_table of the silhouette, with that of the control task."""
    controls = places.control[:, 2].tolist(), places.control[:, 3].tolist()
    table = sides_table(
        "silhouette", places.base_silhouette, places.tuned_silhouette, places.silhouette_difference, control=controls
    )
    return with_facing(table, len(places.base_silhouette) - 1, tuned_depth)


@traced
def spatial_table(base: SpatialSimilarities, tuned: SpatialSimilarities, change: SpatialDifference) -> pd.DataFrame:
    """sides_table of the spatial similarity of two halves of the text."""
    return sides_table("similarity", base.similarity, tuned.similarity, change.difference)


@traced
def distances_table(change: LabelHullChanges, base: LabelHulls, tuned: LabelHulls, layer: int) -> pd.DataFrame:
    """Distance of each label to its nearest other label at a layer, in the form of paired.paired_table, those that grew first.

    share: of the mean length of the layer's rows; control: the same of the control task's labels. Beside it in the units of the
    vectors: distance, by_clusters (nearest by clusters of 6 rows or more), inside_mean and inside_largest (between two rows). At
    unequal depth tuned_layer, the one that faces the layer.
    """
    depths = len(base.n_clusters) - 1, len(tuned.n_clusters) - 1
    own = facing_layers(*depths)[layer]
    sides = (
        ("base", change.base, change.base_units, change.base_control, base, layer),
        ("tuned", change.tuned, change.tuned_units, change.tuned_control, tuned, own),
    )
    rows = []
    for at, moved in sorted(enumerate(change.difference[layer]), key=lambda one: -one[1].value if one[1] else 0.0):
        for side, shares, units, control, held, held_at in sides:
            number = held.labels.index(change.labels[at])
            rows.append({
                "name": change.labels[at], "n": change.counts[at], "side": side,
                **ends(shares[layer][at], "share", "low", "high"),
                **ends(moved, "difference", "difference_low", "difference_high"),
                "is_noise": moved is None or moved.low <= 0 <= moved.high,
                "control": float(control[layer, at]), "distance": float(units[layer, at]),
                "by_clusters": float(held.nearest(held.cluster_distances)[held_at, number]),
                "inside_mean": float(held.inside[held_at, number, 0]),
                "inside_largest": float(held.inside[held_at, number, 1]),
                **({"tuned_layer": own} if depths[0] != depths[1] else {}),
            })  # fmt: skip
    return pd.DataFrame(rows)


def counted(change: LabelHullChanges, layer: int) -> tuple[int, int, int]:
    """Labels at a layer whose distance to the nearest other rose, fell, and did neither beyond the noise."""
    moved = [one for one in change.difference[layer] if one]
    up, down = sum(one.low > 0 for one in moved), sum(one.high < 0 for one in moved)
    return up, down, len(moved) - up - down


@traced
def clusters_table(base: LabelHulls, tuned: LabelHulls) -> pd.DataFrame:
    """layer, side, clusters, control (of the control task), conflicting, labels; at unequal depth tuned_layer."""
    depths = len(base.n_clusters) - 1, len(tuned.n_clusters) - 1
    facing = facing_layers(*depths)
    rows = []
    for side, held, layers in (("base", base, range(len(facing))), ("tuned", tuned, facing)):
        for layer, at in enumerate(layers):
            rows.append({
                "layer": layer, "side": side, "clusters": int(held.n_clusters[at]),
                "control": int(held.control_clusters[at]), "conflicting": int(held.n_conflicting[at]),
                "labels": len(held.labels),
            })  # fmt: skip
    return with_facing(pd.DataFrame(rows), *depths)


@traced
def clusters_chart(table: pd.DataFrame, look: Look, layer: int) -> alt.LayerChart:
    """Clusters by layer on a logarithmic axis, beside the number of labels and what the control task needs."""
    x = layer_axis()
    largest = float(table[["clusters", "control"]].to_numpy().max())
    scale = alt.Scale(
        type="log", domain=[table["labels"].min() / 1.6, max(largest, table["labels"].max()) * 1.25], nice=False
    )
    y = alt.Y(
        "clusters:Q", title="clusters (fewest = one a label)", scale=scale, axis=alt.Axis(format="d", tickCount=4)
    )
    shown = [
        *layer_tips(table), alt.Tooltip("side:N"), alt.Tooltip("clusters:Q", format=","),
        alt.Tooltip("control:Q", format=",", title="control task"),
        alt.Tooltip("conflicting:Q", format=",", title="rows equal to one of another label"),
    ]  # fmt: skip
    one = table.head(1)
    rule = (
        alt.Chart(one).mark_rule(strokeDash=[6, 4], color=look.quiet, size=1.5).encode(y=alt.Y("labels:Q", scale=scale))
    )
    said = (
        alt.Chart(table[table["layer"] == table["layer"].max()].head(1))
        .mark_text(align="right", dx=40, dy=16, color=look.quiet)
        .encode(x=x, y=alt.Y("labels:Q", scale=scale), text=alt.TextValue("one a label: planes part them all"))
    )
    marks = []
    for side, shape, colour, aside in (("base", "circle", look.base, -10), ("tuned", "triangle-up", look.tuned, 10)):
        own = alt.Chart(table[table["side"] == side])
        marks += [
            own.mark_point(shape="cross", angle=45, size=70, color=look.quiet, opacity=1, xOffset=aside * 2.4).encode(
                x=x, y=alt.Y("control:Q", scale=scale), tooltip=shown
            ),
            own.mark_point(shape=shape, filled=True, size=110, color=colour, opacity=1, xOffset=aside).encode(
                x=x, y=y, tooltip=shown
            ),
        ]
    return framed(alt.layer(cursor_band(table, look, layer), rule, said, *marks), look, height=HEIGHT)


@traced
def displacement_table(places: LabelPlaces, tuned_depth: int) -> pd.DataFrame:
    """layer, label, n, moved (length of the displacement) with low and high, x and y in the layer's plane, plane_share,
    is_noise, is_rare; at unequal depth tuned_layer. No row where the sides differ in width.

    Of a label too rare to be judged its place in the plane is all that is known, and it is neither noise nor not.
    """
    rows: list[dict[str, float | str | None]] = []
    if not places.plane.size:
        return pd.DataFrame(rows)
    for layer, (lengths, plane, noise) in enumerate(zip(places.moved, places.plane, places.is_noise, strict=True)):
        each = zip(places.labels, places.counts, lengths, plane, noise, strict=True)
        for label, count, length, (x, y), is_noise in each:
            rows.append({
                "layer": layer, "label": label, "n": count, **ends(length, "moved", "low", "high"),
                "x": float(x), "y": float(y), "plane_share": float(places.plane_share[layer]),
                "is_noise": bool(is_noise), "is_rare": False,
            })  # fmt: skip
        for label, count, (x, y) in zip(*_rare(places, layer), strict=True):
            rows.append({
                "layer": layer, "label": label, "n": count, "moved": None, "low": None, "high": None,
                "x": x, "y": y, "plane_share": float(places.plane_share[layer]), "is_noise": None, "is_rare": True,
            })  # fmt: skip
    return with_facing(pd.DataFrame(rows), len(places.plane) - 1, tuned_depth)


def _rare(places: LabelPlaces, layer: int) -> tuple[Sequence[str], Sequence[int], Sequence[tuple[float, float]]]:
    """(names, rows, places in the layer's plane) of labels too rare to be judged; none of a result that did not keep them."""
    return places.rare_labels, places.rare_counts, places.rare_plane[layer] if places.rare_plane else ()


@traced
def displacement_panels(table: pd.DataFrame, look: Look, layer: int) -> alt.ConcatChart:
    """One panel a layer, all on one scale: where each label's centroid went from where it was (the middle).

    Labels too rare to be judged are grey and hollow, without a line. A click on a panel chooses its layer.
    """
    reach = float(np.abs(table[["x", "y"]].to_numpy()).max()) * 1.2 or 1.0
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    panels = []
    for at, rows in table.groupby("layer"):
        panels.append(_displaced(rows, look, scale, _apart(rows[~rows["is_rare"]], reach), is_chosen=at == layer))
    return framed(joined(panels, alt.concat, columns=4, spacing=14), look)


def _apart(rows: pd.DataFrame, reach: float) -> set[str]:
    """Labels that moved far enough to be named, the farthest first, whose names would not lie on one another."""
    placed: list[tuple[float, float]] = []
    named = set()
    noise = set(rows.loc[rows["is_noise"].astype(bool), "label"])
    ordered = rows.sort_values("moved", ascending=False)
    for label, (x, y) in zip(ordered["label"], ordered[["x", "y"]].to_numpy(dtype=float).tolist(), strict=True):
        is_far = float(np.hypot(x, y)) > 0.2 * reach and label not in noise
        if is_far and all(abs(x - left) > 0.55 * reach or abs(y - up) > 0.17 * reach for left, up in placed):
            placed.append((x, y))
            named.add(label)
    return named


def _displaced(rows: pd.DataFrame, look: Look, scale: alt.Scale, named: set[str], *, is_chosen: bool) -> alt.LayerChart:
    layer, share = int(rows["layer"].iloc[0]), float(rows["plane_share"].iloc[0])
    heading = f"layer {layer}"
    if "tuned_layer" in rows:
        heading += f" · tuned {rows['tuned_layer'].iloc[0]}"
    side = 250 if look.projector else 200
    bare = alt.Axis(labels=False, ticks=False, title=None, domain=False, tickCount=3)
    x, y = alt.X("x:Q", scale=scale, axis=bare), alt.Y("y:Q", scale=scale, axis=bare)
    shown = [alt.Tooltip("label:N"), alt.Tooltip("n:Q", format=","), *layer_tips(rows)]
    lengths = [alt.Tooltip(f"{column}:Q", format=".3f") for column in ("moved", "low", "high")]
    rare, rows = rows[rows["is_rare"]], rows[~rows["is_rare"]]
    lines = (
        alt.Chart(rows.assign(zero=0.0))
        .mark_rule(color=look.tuned, strokeWidth=1.5, opacity=0.7)
        .encode(
            x=alt.X("zero:Q", scale=scale, axis=bare), y=alt.Y("zero:Q", scale=scale, axis=bare), x2="x:Q", y2="y:Q"
        )
    )
    tips = alt.Chart(rows).encode(x=x, y=y, tooltip=[*shown, *lengths])
    solid = tips.transform_filter("!datum.is_noise").mark_point(
        shape="triangle-up", filled=True, size=45, color=look.tuned, opacity=1
    )
    hollow = tips.transform_filter("datum.is_noise").mark_point(
        shape="triangle-up", filled=False, fill=look.paper, size=40, color=look.tuned, strokeWidth=1.5, opacity=1
    )
    start = (
        alt.Chart(rows.head(1))
        .mark_point(filled=True, size=60, color=look.base, opacity=1)
        .encode(x=alt.XDatum(0.0, scale=scale), y=alt.YDatum(0.0, scale=scale))
    )
    behind = alt.Chart(pd.DataFrame({"layer": [layer], "chosen": [is_chosen]})).mark_rect(cursor="pointer")
    edges = {"x": alt.XValue(0), "x2": alt.X2Value("width"), "y": alt.YValue(0), "y2": alt.Y2Value("height")}
    layers = [
        clickable(behind.encode(color=layer_colour(look), tooltip=alt.TooltipValue(None), **edges)),
        lines,
        start,
        solid,
        hollow,
    ]
    if len(rare):
        said = alt.Tooltip("why:N", title="too rare to judge")
        layers.insert(  # behind those that are judged
            1,
            alt.Chart(rare.assign(why="no length, no interval"))
            .mark_point(shape="triangle-up", filled=False, size=40, color=look.quiet, strokeWidth=1.5, opacity=1)
            .encode(x=x, y=y, tooltip=[*shown, said]),
        )
    if named:
        layers.append(
            alt.Chart(rows[rows["label"].isin(named)])
            .mark_text(dy=-9, color=look.ink, fontSize=look.size)
            .encode(x=x, y=y, text="label:N")
        )
    title = alt.TitleParams(heading, subtitle=f"plane holds {share:.0%}", color=look.ink, fontWeight="bold")
    chart: alt.LayerChart = alt.LayerChart(layer=layers)
    chart.width, chart.height, chart.title = side, side, title
    chart.view = {"stroke": look.ink if is_chosen else look.grid, "strokeWidth": 2 if is_chosen else 1}
    return chart


@traced
def directions_table(places: LabelPlaces, tuned_depth: int) -> pd.DataFrame:
    """layer, share in the base's directions with low and high, control (of the control task), smallest, middle and largest
    principal angle in degrees; at unequal depth tuned_layer."""
    rows = []
    for layer, one in enumerate(places.in_base):
        degrees = places.degrees[layer][~np.isnan(places.degrees[layer])]
        spread = [float(np.quantile(degrees, q)) if len(degrees) else None for q in (0, 0.5, 1)]
        rows.append({
            "layer": layer, **ends(one, "share", "low", "high"), "control": float(places.control[layer, 4]),
            **dict(zip(("least_degrees", "middle_degrees", "most_degrees"), spread, strict=True)),
        })  # fmt: skip
    return with_facing(pd.DataFrame(rows), len(places.in_base) - 1, tuned_depth)


@traced
def directions_curve(table: pd.DataFrame, look: Look, layer: int) -> alt.LayerChart:
    """How much of what parts the labels after tuning lies in directions that parted them before."""
    x = layer_axis()
    scale = alt.Scale(domain=[0, 1], clamp=True)
    y = alt.Y("share:Q", title="share in the base's directions", scale=scale, axis=alt.Axis(format="%", tickCount=5))
    shown = [
        *layer_tips(table), *(alt.Tooltip(f"{column}:Q", format=".1%") for column in ("share", "low", "high")),
        alt.Tooltip("middle_degrees:Q", format=".0f", title="middle angle (°)"),
        alt.Tooltip("most_degrees:Q", format=".0f", title="largest angle (°)"),
    ]  # fmt: skip
    band = (
        alt.Chart(table)
        .mark_area(opacity=0.25, color=look.bar)
        .encode(x=x, y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q"))
    )
    line = alt.Chart(table).mark_line(color=look.ink, strokeWidth=2.5).encode(x=x, y=y)
    dots = alt.Chart(table).mark_point(filled=True, size=90, color=look.ink, opacity=1).encode(x=x, y=y, tooltip=shown)
    text = alt.Chart(table).mark_text(dy=16, fontWeight="bold").encode(x=x, y=y, text=alt.Text("share:Q", format=".0%"))
    control = alt.Chart(table).encode(x=x, y=alt.Y("control:Q", scale=scale))
    rule = control.mark_line(strokeDash=[2, 3], color=look.quiet, strokeWidth=1.5)
    said = (
        alt.Chart(table[table["layer"] == table["layer"].max() // 2])
        .mark_text(dy=-13, color=look.quiet)
        .encode(x=x, y=alt.Y("control:Q", scale=scale), text=alt.TextValue("control task"))
    )
    layers = [cursor_band(table, look, layer), rule, said, band, line, dots, text]
    return framed(alt.layer(*layers), look, height=HEIGHT)
