"""Home: what fine-tuning did, layer by layer, in one look."""

from pages.parts.frame import enter

enter()

from collections.abc import Sequence  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from typing import Any  # noqa: E402

import streamlit as st  # noqa: E402

from core.analyses.crowding import CrowdingCurves  # noqa: E402
from core.analyses.probe import ProbeScores  # noqa: E402
from core.analyses.probe_change import ProbeDifference  # noqa: E402
from core.analyses.ridge_probe import RidgeScores  # noqa: E402
from core.analyses.ridge_probe_change import RidgeProbeDifference  # noqa: E402
from core.analyses.similarity import LayerSimilarity  # noqa: E402
from core.analyses.weight_change import WeightChanges  # noqa: E402
from core.charts import strip  # noqa: E402
from core.charts.findings import Finding, crowding_found, number_found, reading_found, space_found  # noqa: E402
from core.charts.headline import difference, headline  # noqa: E402
from core.charts.numbers import ridge_table  # noqa: E402
from core.keys import Spec  # noqa: E402
from pages.parts import figures, findings, newcomer, notes, picker, show, taking  # noqa: E402
from pages.parts.panel import Panel  # noqa: E402
from pages.parts.selection import Selection  # noqa: E402

TITLE = "What did fine-tuning do?"
SHOWS = "One row a layer, the top of the network at the top: base ● beside tuned ▲, with 95 % intervals."
TOGETHER = "Those in the findings hold for all layers together; by itself: a layer that leaves the noise if no other is looked at."
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
class Held:
    """What the strip is drawn from; None where it is not there."""

    similarity: LayerSimilarity | None
    crowding: CrowdingCurves | None
    weights: WeightChanges | None
    read: Sequence[Any]
    """What is read of the label or number: the change, base, tuned; empty unless all are there."""


def layer_strip(chosen: Selection) -> None:
    """The finding in words, and four panels over one layer axis; a panel is drawn as soon as its result is there."""
    top = st.container()
    # Larger text needs larger panels: two by two for the back of the room.
    with st.container(key="strip"):
        places = [*st.columns(2), *st.columns(2)] if show.look().projector else st.columns([1.1, 1, 1, 1], gap="small")
    drawn: list[Panel] = []

    def draw(place: Any, panel: Panel) -> None:
        with place:
            figures.draw_chart(panel.chart, name=panel.name, alt_text=panel.alt_text)
        drawn.append(panel)

    # The browser sets to work on the first panel while the rest is read.
    early = show.stored(chosen.similarity)
    if early:
        draw(places[0], kept(chosen, early))
    with top:
        heading = st.container()
        held = results(chosen, early)
    if held.similarity and not early:  # it came meanwhile
        draw(places[0], kept(chosen, held.similarity))
    with heading:
        say(chosen, held)
    if held.read:
        control = chosen.random_probe if chosen.label else chosen.random_ridge
        draw(
            places[1],
            (readable if chosen.label else told)(chosen, *held.read, show.stored(control) if control else None),
        )
    elif chosen.number and drawn:
        with places[1]:
            st.caption(f"How exactly {chosen.number_said} is read can be computed on the page Probes.")
    if held.crowding:
        draw(places[2], crowded(chosen, held.crowding))
    if held.weights:
        draw(places[3], moved(chosen, held.weights))
    if drawn and not chosen.is_one_shape:
        with places[3]:
            st.caption(notes.NO_WEIGHTS)
    if drawn:
        below(chosen, held.similarity, drawn)


def results(chosen: Selection, similarity: LayerSimilarity | None) -> Held:
    """What is stored, and the offer to compute what is not.

    Args:
        similarity: where it was read already.
    """
    specs: list[Spec] = [chosen.crowding, *([chosen.weights] if chosen.is_one_shape else [])]
    if chosen.label:
        specs += [chosen.probe_change, *chosen.probes]
    found = show.results(specs if similarity else [*specs, chosen.similarity], what="the layer strip")
    crowding, *others = found
    weights = others.pop(0) if chosen.is_one_shape else None
    similarity = similarity or others.pop()
    if chosen.number:  # shown where it is there; a text whose every value is the same has the other panels all the same
        others = [show.stored(spec) for spec in (chosen.ridge_change, *chosen.ridge_probes)]
    return Held(similarity, crowding, weights, others if others and all(others) else ())


def say(chosen: Selection, held: Held) -> None:
    """The title, and what was found."""
    assert chosen.tuned is not None
    title = TITLE
    if held.similarity and not chosen.is_tuning:
        title = difference(held.similarity, show.escaped(chosen.base.name), show.escaped(chosen.tuned.name))
    elif held.similarity and held.weights:
        title = headline(held.similarity, held.weights, chosen.tuning)
    st.title(title, anchor=False)
    if facing := chosen.facing:
        st.info(facing, icon=picker.FACING_ICON)
    found: list[tuple[str, Finding, Any]] = []
    if held.similarity:
        found.append(("Space", space_found(held.similarity, is_tuning=chosen.is_tuning), findings.SPACE))
    if held.read:
        way = findings.CLASSES if chosen.label else findings.NUMBER
        found.append(("Reading", read_said(chosen, *held.read[:2]), way))
    if held.crowding:
        crowding = crowding_found(held.crowding, chosen.embedded, is_tuning=chosen.is_tuning)
        found.append(("Crowding", crowding, findings.CROWDING))
    findings.draw([one for one in found if one[1]])


def below(chosen: Selection, similarity: LayerSimilarity | None, drawn: list[Panel]) -> None:
    """Where to look next, how to read the strip, more panels, and the numbers behind all of them."""
    findings.then(chosen, similarity)
    st.caption(f"{SHOWS} {TOGETHER} {HOW_TO_READ}")
    if chosen.label and st.toggle(
        "More panels",
        key="more_panels",
        bind="query-params",
        help="The directions that part the labels, the distances between labels, how evenly the space is used and, for a treebank, "
        "its dependency trees. The pages Geometry and Structure have them in full.",
    ):
        from pages.parts import further  # what few visitors open is not loaded for all

        drawn = [*drawn, *further.draw(chosen)]
    with st.expander(
        "Tables, files and where these numbers come from",
        icon=":material/table:",
        key="strip-tables",
        on_change="rerun",
    ) as opened:
        for panel in drawn if opened.open else []:
            st.caption(f"**{panel.title}** {panel.note} · {figures.provenance(panel.specs)}")
            drawn_panel = figures.Drawn(panel.chart, panel.name, f"{panel.title} {panel.said}".strip())
            figures.below(panel.table, [drawn_panel], name=panel.name, specs=panel.specs, note=panel.note)


def said_of(finding: Finding | None) -> str:
    """A finding for a screen reader: plain text."""
    return taking.plain(finding.said) if finding else ""


def read_said(chosen: Selection, change: Any, base: Any) -> Finding:
    """What became easier or harder to read, be it a label or a number."""
    if chosen.label:
        return reading_found(change, base, chosen.label_said, is_tuning=chosen.is_tuning)
    return number_found(change, base, chosen.number_said, is_tuning=chosen.is_tuning)


def kept(chosen: Selection, similarity: LayerSimilarity) -> Panel:
    """How much of each layer's space is kept."""
    return Panel(
        "strip-kept",
        strip.kept_panel(similarity, show.look(), chosen.layer),
        strip.kept_table(similarity),
        [chosen.similarity],
        notes.similarity(similarity, chosen),
        said_of(space_found(similarity, is_tuning=chosen.is_tuning)),
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
        said_of(read_said(chosen, change, base)),
    )


def told(
    chosen: Selection, change: RidgeProbeDifference, base: RidgeScores, tuned: RidgeScores, random: RidgeScores | None
) -> Panel:
    """How exactly a number is read on both sides, and from random weights where that was computed."""
    return Panel(
        "strip-number",
        strip.number_panel(base, tuned, change, show.look(), chosen.layer, number=chosen.number, random=random),
        ridge_table(base, tuned, change, "r2", random),
        [chosen.ridge_change, *chosen.ridge_probes, *([chosen.random_ridge] if random else [])],
        notes.ridge(base, tuned, chosen),
        said_of(read_said(chosen, change, base)),
    )


def crowded(chosen: Selection, crowding: CrowdingCurves) -> Panel:
    """Whether the space crowds together."""
    return Panel(
        "strip-crowding",
        strip.crowding_panel(crowding, show.look(), chosen.layer, unit=chosen.embedded),
        strip.crowding_table(crowding),
        [chosen.crowding],
        notes.crowding(crowding),
        said_of(crowding_found(crowding, chosen.embedded, is_tuning=chosen.is_tuning)),
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
