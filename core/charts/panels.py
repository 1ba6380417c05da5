"""Further panels of the layer strip: label distances, isotropy, trees, and whether labels keep their directions."""

import altair as alt
import pandas as pd

from core.analyses.direct_probe_change import LabelHullChanges
from core.analyses.isotropy import Isotropies
from core.analyses.label_geometry import LabelPlaces
from core.analyses.structural_change import StructuralDifference
from core.analyses.structural_probe import StructuralScores
from core.charts.geometry import directions_table, nearest_table
from core.charts.isotropy import isotropy_table
from core.charts.look import Look
from core.charts.strip import bars, pairs
from core.charts.structure import scores_table
from core.origins import traced


@traced
def distance_panel(change: LabelHullChanges, tuned_depth: int, look: Look, layer: int) -> alt.LayerChart:
    """How wide the empty space around labels is."""
    table = nearest_table(change, tuned_depth)
    return pairs(
        table,
        "distance",
        look,
        layer,
        question="Do labels lie apart?",
        measure="distance to the next label, share of a vector's length",
        domain=(0.0, _top(table)),
        format_="%",
        below=[],
    )


@traced
def isotropy_panel(result: Isotropies, look: Look, layer: int) -> alt.LayerChart:
    """How evenly a space uses its directions."""
    table = isotropy_table(result, "isoscore")
    return pairs(
        table,
        "value",
        look,
        layer,
        question="Does the space use all directions?",
        measure="IsoScore · 1 = all alike",
        domain=(min(0.0, float(table["low"].min())), _top(table)),
        format_=".2f",
        below=[],
    )


@traced
def trees_panel(
    base: StructuralScores, tuned: StructuralScores, change: StructuralDifference, look: Look, layer: int
) -> alt.LayerChart:
    """Whether dependency trees can be read from distances."""
    table = scores_table(base, tuned, change, "uuas")
    scale = alt.Scale(domain=(0.0, 1.0), clamp=True, nice=False, zero=False)
    order = alt.Chart(table.head(1)).mark_rule(strokeDash=[4, 4], color=look.quiet, size=1.5)
    return pairs(
        table,
        "score",
        look,
        layer,
        question="Can trees be found?",
        measure="share of edges (UUAS) · dashed: reading order",
        domain=(0.0, 1.0),
        format_="%",
        below=[order.encode(x=alt.X("majority:Q", scale=scale))],
    )


@traced
def directions_panel(places: LabelPlaces, tuned_depth: int, look: Look, layer: int) -> alt.LayerChart:
    """How much of what parts the labels after tuning parted them before."""
    return bars(
        directions_table(places, tuned_depth),
        "share",
        look,
        layer,
        question="Same directions for the labels?",
        measure="share in the base's directions · 100 % = all",
        domain=(0.0, 1.0),
        digits=".0%",
        with_interval=True,
        with_layers=True,
    )


def _top(table: pd.DataFrame) -> float:
    return max(float(table["high"].max()) * 1.08, 0.02)
