"""The second row of the layer strip: what the pages Geometry and Structure show in full."""

from collections.abc import Iterator
from typing import Any

import streamlit as st

from core.charts import geometry, isotropy, panels, structure
from core.data.marks import DEPENDENCY
from core.keys import Spec
from pages.parts import figures, notes, show
from pages.parts.lab import get_lab
from pages.parts.panel import Panel
from pages.parts.selection import Selection


def draw(chosen: Selection) -> list[Panel]:
    """Each panel as soon as its results are there; the panels drawn."""
    specs = _specs(chosen)
    found = dict(zip(specs, show.results(specs, what="more panels of the strip"), strict=True))
    drawn = list(_panels(chosen, found))
    places = [*st.columns(2), *st.columns(2)] if show.look().projector else st.columns([1.1, 1, 1, 1], gap="small")
    for place, panel in zip(places, drawn, strict=False):
        with place:
            figures.draw_chart(panel.chart, name=panel.name, alt_text=panel.note)
    return drawn


def _specs(chosen: Selection) -> list[Spec]:
    known = get_lab().labels_of(chosen.data.ref)
    is_treebank = DEPENDENCY in known["pair"] and "upos" in known["word"]
    return [
        *([chosen.places] if chosen.is_one_width else []),
        chosen.hull_change, *chosen.hulls, chosen.isotropy,
        *([chosen.structural_change, *chosen.structural_probes] if is_treebank else []),
    ]  # fmt: skip


def _panels(chosen: Selection, found: dict[Spec, Any]) -> Iterator[Panel]:
    look, layer, tuned_depth = show.look(), chosen.layer, chosen.tuned_depth
    if places := found.get(chosen.places):
        chart, table = (
            panels.directions_panel(places, tuned_depth, look, layer),
            geometry.directions_table(places, tuned_depth),
        )
        yield Panel("strip-directions", chart, table, [chosen.places], notes.places(places, chosen))
    specs: list[Spec] = [chosen.hull_change, *chosen.hulls]
    if all(found[spec] for spec in specs):
        change, base, _ = (found[spec] for spec in specs)
        chart, table = (
            panels.distance_panel(change, tuned_depth, look, layer),
            geometry.nearest_table(change, tuned_depth),
        )
        yield Panel("strip-distances", chart, table, specs, f"{notes.hulls(base)}; {notes.HALVES}")
    spread = found[chosen.isotropy]
    table = isotropy.isotropy_table(spread, "isoscore") if spread else None
    if table is not None and len(table):  # fewer rows than dimensions have no answer
        chart = panels.isotropy_panel(spread, look, layer)
        yield Panel("strip-isotropy", chart, table, [chosen.isotropy], notes.isotropy(spread, "isoscore", chosen))
    specs = [*chosen.structural_probes, chosen.structural_change]
    if all(found.get(spec) for spec in specs):
        base, tuned, change = (found[spec] for spec in specs)
        chart, table = (
            panels.trees_panel(base, tuned, change, look, layer),
            structure.scores_table(base, tuned, change, "uuas"),
        )
        yield Panel("strip-trees", chart, table, specs, notes.structure(base, tuned))
