"""Home: what fine-tuning did, layer by layer, in one look."""

from pages.parts.frame import enter

enter()

from collections.abc import Mapping, Sequence  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from typing import Any  # noqa: E402

import pandas as pd  # noqa: E402
import streamlit as st  # noqa: E402

from core.analyses.crowding import CrowdingCurves  # noqa: E402
from core.analyses.probe import ProbeScores  # noqa: E402
from core.analyses.probe_change import ProbeDifference  # noqa: E402
from core.analyses.similarity import LayerSimilarity  # noqa: E402
from core.analyses.weight_change import WeightChanges  # noqa: E402
from core.charts import strip  # noqa: E402
from core.charts.headline import difference, headline, reading  # noqa: E402
from core.keys import Spec  # noqa: E402
from pages.parts import newcomer, notes, picker, show  # noqa: E402
from pages.parts.selection import Selection  # noqa: E402

TITLE = "What did fine-tuning do?"
SHOWS = "One row a layer, the top of the network at the top: base ● beside tuned ▲, with 95 % intervals."
HOW_TO_READ = "A hollow ▲ is a change inside the noise. Click a row to keep that layer in view on every page."


def main() -> None:
    """The page."""
    chosen = picker.selected()
    if chosen is None or chosen.tuned is None:
        show.heading(TITLE, SHOWS, HOW_TO_READ)
        if chosen is not None:
            newcomer.draw(chosen)
    elif chosen.misfit:
        show.heading(TITLE, SHOWS, HOW_TO_READ)
        st.info(chosen.misfit, icon=":material/info:")
    else:
        layer_strip(chosen)


@dataclass(frozen=True)
class Panel:
    """One question of the strip: its figure, the numbers behind it, and where they come from."""

    name: str
    chart: Any
    table: pd.DataFrame
    specs: Sequence[Spec]
    note: str


def layer_strip(chosen: Selection) -> None:
    """The finding in words, and four panels over one layer axis; a panel is drawn as soon as its result is there."""
    top = st.container()
    # Larger text needs larger panels: two by two for the back of the room.
    places = [*st.columns(2), *st.columns(2)] if show.look().projector else st.columns([1.1, 1, 1, 1], gap="small")
    drawn = []

    def draw(place: Any, panel: Panel) -> None:
        with place:
            show.draw_chart(panel.chart, name=panel.name, alt_text=panel.note, on_pick=to_layer)
        drawn.append(panel)

    # The browser sets to work on the first panel while the rest is read.
    similarity = show.stored(chosen.similarity)
    if similarity:
        draw(places[0], kept(chosen, similarity))
    one_shape = chosen.is_one_shape
    specs: list[Spec] = [chosen.crowding, *([chosen.weights] if one_shape else [])]
    if chosen.label:
        specs += [chosen.probe_change, *chosen.probes]
    with top:
        heading = st.container()
        crowding, *others = show.results(specs if similarity else [*specs, chosen.similarity], what="the layer strip")
    weights = others.pop(0) if one_shape else None
    if not similarity and (similarity := others.pop()):  # it came meanwhile
        draw(places[0], kept(chosen, similarity))
    probing = others
    with heading:
        title = TITLE
        if similarity and not one_shape:
            title = difference(similarity, chosen.base.name, chosen.tuned.name)
        elif similarity and weights:
            title = headline(similarity, weights, chosen.tuning)
        show.heading(title, SHOWS, HOW_TO_READ)
        if facing := chosen.facing:
            st.info(facing, icon=picker.FACING_ICON)
        if probing and all(probing):
            st.markdown(f"**{reading(probing[0], chosen.label_name, is_tuning=one_shape)}**")
    if probing and all(probing):
        random = show.stored(chosen.random_probe) if chosen.random_probe else None
        draw(places[1], readable(chosen, *probing, random))
    if crowding:
        draw(places[2], crowded(chosen, crowding))
    if weights:
        draw(places[3], moved(chosen, weights))
    if drawn and not one_shape:
        with places[3]:
            st.caption(notes.NO_WEIGHTS)
    if drawn:
        with st.expander("Tables and where these numbers come from", icon=":material/table:"):
            for panel in drawn:
                show.behind(panel.table, name=panel.name, specs=panel.specs, note=panel.note)


def to_layer(picked: Mapping[str, Any]) -> None:
    """Move the layer cursor to the layer that was clicked."""
    if "layer" in picked:
        picker.pick_layer(int(picked["layer"]))


def kept(chosen: Selection, similarity: LayerSimilarity) -> Panel:
    """How much of each layer's space is kept."""
    return Panel(
        "strip-kept",
        strip.kept_panel(similarity, show.look(), chosen.layer),
        strip.kept_table(similarity),
        [chosen.similarity],
        notes.similarity(similarity, chosen),
    )


def readable(
    chosen: Selection, change: ProbeDifference, base: ProbeScores, tuned: ProbeScores, random: ProbeScores | None
) -> Panel:
    """What a probe reads on both sides, and from random weights where that was computed."""
    return Panel(
        "strip-probe",
        strip.probe_panel(base, tuned, change, show.look(), chosen.layer, label=chosen.label_name, random=random),
        strip.probe_table(base, tuned, change, random),
        [chosen.probe_change, *chosen.probes, *([chosen.random_probe] if random else [])],
        notes.probe(base, tuned, chosen),
    )


def crowded(chosen: Selection, crowding: CrowdingCurves) -> Panel:
    """Whether the space crowds together."""
    return Panel(
        "strip-crowding",
        strip.crowding_panel(crowding, show.look(), chosen.layer, unit=chosen.embedded),
        strip.crowding_table(crowding),
        [chosen.crowding],
        notes.crowding(crowding),
    )


def moved(chosen: Selection, weights: WeightChanges) -> Panel:
    """How far the weights moved."""
    return Panel(
        "strip-weights",
        strip.weights_panel(weights, show.look(), chosen.layer),
        strip.weights_table(weights),
        [chosen.weights],
        notes.weights(weights, chosen),
    )


with show.messages():
    main()
