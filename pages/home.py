"""Home: what fine-tuning did, layer by layer, in one look."""

from pages.parts.frame import enter

enter()

from collections.abc import Callable, Sequence  # noqa: E402
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
from core.charts.headline import headline, reading  # noqa: E402
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
    specs = [chosen.similarity, chosen.crowding, chosen.weights]
    if chosen.label:
        specs += [chosen.probe_change, *chosen.probes]
    similarity, crowding, weights, *probing = show.results(specs, what="the layer strip")
    with top:
        is_whole = similarity and weights
        title = headline(similarity, weights, chosen.tuned_task) if is_whole else TITLE
        show.heading(title, SHOWS, HOW_TO_READ)
        if probing and all(probing):
            st.markdown(f"**{reading(probing[0], chosen.label_name)}**")
    made = (
        kept(chosen, similarity) if similarity else None,
        readable(chosen, *probing, show.stored(chosen.random_probe)) if probing and all(probing) else None,
        crowded(chosen, crowding) if crowding else None,
        moved(chosen, weights) if weights else None,
    )
    drawn = []
    # Larger text needs larger panels: two by two for the back of the room.
    big = show.look().projector
    places = [*st.columns(2), *st.columns(2)] if big else st.columns([1.1, 1, 1, 1], gap="small")
    for column, make in zip(places, made, strict=True):
        if make is not None:
            with column:
                panel = make()  # built one by one, so that the first is on its way while the next is made
                show.draw_chart(panel.chart, name=panel.name, alt_text=panel.note, on_layer=picker.pick_layer)
                drawn.append(panel)
    if drawn:
        with st.expander("Tables and where these numbers come from", icon=":material/table:"):
            for panel in drawn:
                show.behind(panel.table, name=panel.name, specs=panel.specs, note=panel.note)


def kept(chosen: Selection, similarity: LayerSimilarity) -> Callable[[], Panel]:
    """How much of each layer's space is kept."""
    return lambda: Panel(
        "strip-kept",
        strip.kept_panel(similarity, show.look(), chosen.layer),
        strip.kept_table(similarity),
        [chosen.similarity],
        notes.similarity(similarity, chosen),
    )


def readable(
    chosen: Selection, change: ProbeDifference, base: ProbeScores, tuned: ProbeScores, random: ProbeScores | None
) -> Callable[[], Panel]:
    """What a probe reads on both sides, and from random weights where that was computed."""
    return lambda: Panel(
        "strip-probe",
        strip.probe_panel(base, tuned, change, show.look(), chosen.layer, label=chosen.label_name, random=random),
        strip.probe_table(base, tuned, change, random),
        [chosen.probe_change, *chosen.probes, *([chosen.random_probe] if random else [])],
        notes.probe(base, tuned, chosen),
    )


def crowded(chosen: Selection, crowding: CrowdingCurves) -> Callable[[], Panel]:
    """Whether the space crowds together."""
    return lambda: Panel(
        "strip-crowding",
        strip.crowding_panel(crowding, show.look(), chosen.layer, unit=chosen.unit),
        strip.crowding_table(crowding),
        [chosen.crowding],
        notes.crowding(crowding),
    )


def moved(chosen: Selection, weights: WeightChanges) -> Callable[[], Panel]:
    """How far the weights moved."""
    return lambda: Panel(
        "strip-weights",
        strip.weights_panel(weights, show.look(), chosen.layer),
        strip.weights_table(weights),
        [chosen.weights],
        notes.weights(weights, chosen),
    )


with show.messages():
    main()
