"""Weights: how far tuning moved them, in which directions, what that did to the space, and whether tunings agree."""

from pages.parts.frame import enter

enter()

from dataclasses import dataclass  # noqa: E402

import pandas as pd  # noqa: E402
import streamlit as st  # noqa: E402

from core.analyses.graft import Graft  # noqa: E402
from core.analyses.task_vectors import TaskCosines, TaskVectors  # noqa: E402
from core.analyses.weight_spectra import WeightSpectraFound  # noqa: E402
from core.charts import board, curves, spectra, strip, tunings, weights  # noqa: E402
from core.charts.rows import only  # noqa: E402
from core.lab import Named  # noqa: E402
from pages.parts import figures, notes, picker, several, show  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402
from pages.parts.selection import Selection, caveat_of  # noqa: E402

FEW = 4
"""Tunings chosen at first; those that have a colour of their own."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One measure over layers."""

    column: str
    title: str
    digits: str
    unchanged: float | None = None


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What is asked of the directions of a matrix."""

    question: str
    help: str
    curves: tuple[Curve, ...]


MEASURES = {
    "Strength": Measure(
        question="Did directions become stronger or weaker, or did they turn?",
        help="A weight matrix is a sum of directions, each read, multiplied by its strength (singular value) and written. "
        "Tuned over base: 1 = as strong as before. The second curve splits the change (He & Cao 2025): what a change of "
        "strengths alone explains, 0 to 100 %; the rest is rotation of directions. It follows from all singular values (Mirsky "
        "1960), so that directions of nearly equal strength and signs cannot disturb it.",
        curves=(
            Curve(column="spectral_ratio", title="strongest, tuned ÷ base (1 = unchanged)", digits=".4f", unchanged=1),
            Curve(column="scaling_share", title="share of the change that is strength", digits=".2%"),
        ),
    ),
    "Turning": Measure(
        question="How far did the strongest directions turn?",
        help="Mean principal angle between the subspaces of the strongest singular vectors of base and tuned: 0° = the same "
        "subspace, 90° = nothing in common. As one subspace, directions may change places or mix without having turned. "
        "The heat map shows them one by one (|cosine| of what they write, left singular vectors); a bright diagonal: each "
        "stayed itself.",
        curves=(
            Curve(column="turned_out", title="degrees, written (0 = not turned)", digits=".2f"),
            Curve(column="turned_in", title="degrees, read (0 = not turned)", digits=".2f"),
        ),
    ),
    "New directions": Measure(
        question="Did directions appear that the base did not have?",
        help="Intruder dimensions (Shuttleworth et al. 2024): strong directions of the tuned matrix (left singular vectors) "
        "whose |cosine| with every direction of the base is below a threshold. They found them after LoRA and hardly after "
        "full tuning. Where directions are nearly equally strong, any change mixes them and they look new: the control "
        "shows how many.",
        curves=(Curve(column="intruders", title="new directions (0 = none)", digits="d"),),
    ),
    "Width": Measure(
        question="How many directions did the change need?",
        help="Effective rank of tuned minus base. Stable rank: its energy (squared Frobenius norm) over that of its strongest "
        "direction; rank for 90 %: fewest directions that hold 90 % of the energy; both 0 = untouched. LoRA of rank r has at "
        "most r. The share inside: how much of the change reads from and writes to the base's strongest directions alone.",
        curves=(
            Curve(column="rank_90", title="directions for 90 % (low = narrow)", digits=".0f"),
            Curve(column="stable_rank", title="stable rank (low = narrow)", digits=".1f"),
            Curve(column="energy_inside", title="share inside the base's strongest", digits=".2%"),
        ),
    ),
}


def main() -> None:
    """The page."""
    show.heading(
        "Weights",
        "How far tuning moved the weights, in which directions, and what that did to the space.",
        "Grey is control: a random change of equal size. One run of tuning has no interval.",
    )
    chosen = picker.compared()
    if chosen is None:
        return
    if not chosen.is_one_shape:
        st.info(notes.NO_WEIGHTS, icon=":material/info:")
        return
    views = {
        "How far": how_far,
        "In which directions": directions,
        "Beside the space": beside,
        "Between tunings": between,
    }
    show.views(views, chosen, key="weights_view")


def how_far(chosen: Selection) -> None:
    """Relative change by layer and part of the block."""
    (changes,) = show.results([chosen.weights], what="weight change")
    if changes is None:
        return
    table, look = weights.parts_table(changes), show.look()
    st.markdown(
        "**How far did each part of each layer move?** 0 % = untouched.",
        help="Relative change: Frobenius norm of tuned minus base over that of base, of all weights and biases of a part. "
        "Query, key and value are what attention compares and carries; the feed-forward part widens (up) and narrows (down) "
        "each vector. Parts that began at zero have no relative change and are left out.",
    )
    figures.figure(
        weights.parts_heat(table, look, chosen.layer),
        table,
        name="weights-parts",
        alt_text="Relative weight change, layer by part of the block",
        specs=[chosen.weights],
        note=notes.weights(changes, chosen),
    )
    st.markdown(
        "**How far did each layer move in all?** Small steps in every block can still rewrite the top of the space."
    )
    figures.figure(
        curves.weight_bars(strip.weights_table(changes), look, chosen.layer),
        changes.tensors,
        name="weights-layers",
        alt_text="Relative weight change by layer",
        specs=[chosen.weights],
        note=notes.weights(changes, chosen),
    )


def directions(chosen: Selection) -> None:
    """Singular values and vectors of one part, at the chosen layer and over all."""
    (found,) = show.results([chosen.weight_spectra], what="singular values of every matrix")
    if found is None:
        return
    asked, of = st.columns([3, 2], vertical_alignment="bottom")
    name = asked.segmented_control(
        "Measure", list(MEASURES), default="Strength", key="weights_measure", bind="query-params", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    known = spectra.parts(found)
    part = of.selectbox("Part of the block", known, key="weights_part", persist_state="session")
    threshold = 0.5
    if name == "New directions":
        threshold = st.select_slider(
            "New below a |cosine| of", spectra.THRESHOLDS, value=0.5, key="weights_threshold", bind="query-params"
        )
    measure = MEASURES[name]
    st.markdown(f"**{measure.question}** ▲ tuned, grey a random change of equal size.", help=measure.help)
    if caveat := caveat_of(chosen.tuned):
        st.info(caveat, icon=":material/info:")
    row = found.row(chosen.layer, part)
    if row is None:
        st.caption(
            f"Layer {chosen.layer} has no {part}: embeddings are left out. Move the layer cursor to see one layer."
        )
    else:
        st.markdown(f"At layer {chosen.layer}, {show.escaped(part)}:")
    of_layer = at_layer(found, row, name, threshold) if row is not None else []
    table = spectra.spectra_table(found, threshold)
    own = only(table, "part", part)
    over = []
    if len(own) > 1:
        st.markdown(f"Over layers, {show.escaped(part)}:")
        over = over_layers(own, measure, chosen)
    note = notes.weight_spectra(found)
    with st.expander("Table and files", icon=":material/table:", key="spectra-table", on_change="rerun") as opened:
        if opened.open:
            about = {"specs": [chosen.weight_spectra], "note": note}
            figures.behind(table, name="weights-spectra", drawn=over, **about)
            if row is not None:
                figures.behind(spectra.ranks_table(found, row), name="weights-ranks", drawn=of_layer, **about)
    st.caption(f"{note} · {figures.provenance([chosen.weight_spectra])}")


def at_layer(found: WeightSpectraFound, row: int, name: str, threshold: float) -> list[figures.Drawn]:
    """The figures of one matrix."""
    look, ranks = show.look(), spectra.ranks_table(found, row)
    drawn = {
        "Strength": lambda: [
            (spectra.spectrum_chart(ranks, look), "Singular values of base and tuned by rank"),
            (spectra.ratio_chart(ranks, look), "Singular values of tuned over base by rank"),
        ],
        "Turning": lambda: [
            (
                spectra.cosines_heat(spectra.cosines_table(found, row), look),
                "Cosines of the strongest base directions with the strongest tuned ones",
            ),
            (spectra.closest_chart(ranks, look), "Closest base direction of each tuned direction"),
        ],
        "New directions": lambda: [
            (
                spectra.intruders_chart(
                    spectra.intruders_table(found, row), look, n_top=found.n_top, threshold=threshold
                ),
                "New directions against the threshold",
            ),
            (spectra.closest_chart(ranks, look), "Closest base direction of each tuned direction"),
        ],
        "Width": lambda: [(spectra.energy_chart(ranks, look), "Share of the change in its strongest directions")],
    }[name]()
    shown = []
    for at, (column, (chart, alt_text)) in enumerate(zip(st.columns(2), drawn, strict=False)):
        with column:
            shown.append(figures.draw_chart(chart, name=f"weights-{name}-{at}", alt_text=alt_text))
    return shown


def over_layers(own: pd.DataFrame, measure: Measure, chosen: Selection) -> list[figures.Drawn]:
    """One figure a measure, two in a row."""
    shown = []
    for first in range(0, len(measure.curves), 2):
        for column, one in zip(st.columns(2), measure.curves[first : first + 2], strict=False):
            chart = spectra.measure_curve(
                own, one.column, show.look(), chosen.layer, title=one.title, digits=one.digits, unchanged=one.unchanged
            )
            about = f"{one.title} by layer, tuned and control"
            with column:
                shown.append(figures.draw_chart(chart, name=f"weights-{one.column}", alt_text=about))
    return shown


def beside(chosen: Selection) -> None:
    """Change of the space beside change of the weights, and one for the other."""
    specs = [chosen.similarity, chosen.weights]
    similarity, changes = show.results(specs, what="similarity and weight change")
    if not (similarity and changes):
        return
    table, look = weights.beside_table(similarity, changes), show.look()
    st.markdown(
        "**Did the space change where the weights did?** Above: what of the space is lost. Below: how far the weights moved.",
        help="1 − linear CKA of base and tuned vectors, 0 = the same space up to rotation and scale; band: 95 % interval, hollow: "
        "inside the noise. The vectors of a layer come from its own weights and all below it, so change adds up on the way.",
    )
    lost = figures.draw_chart(
        weights.lost_panel(table, look, chosen.layer),
        name="weights-lost",
        alt_text="1 minus CKA by layer, with its interval",
    )
    step = figures.draw_chart(
        weights.step_panel(table, look, chosen.layer), name="weights-step", alt_text="Relative weight change by layer"
    )
    st.markdown(
        "**How far did the space move for each step of the weights below it?** Flat: the top changed more only "
        "because steps are larger there or add up. Rising: it moved further for as much change of weights.",
        help="After the equal-step control of Billa 2026: later layers often only look more changed because they took larger "
        "steps, or because steps add up on the way. The root of 1 − CKA grows in proportion to small steps (1 − CKA itself "
        "grows with their square, and would rise with any larger step); near 1 it cannot grow any more. It is divided by the "
        "relative change of all layers up to this one: root of the sum of squares, as unrelated steps add up. It is an "
        "observation, no experiment: nobody made the steps equal. Nothing is divided by a change that 16 bits could not hold.",
    )
    figures.figure(
        weights.ratio_panel(table, look, chosen.layer),
        table,
        name="weights-ratio",
        alt_text="Root of 1 minus CKA over the relative weight change of all layers so far, by layer",
        specs=specs,
        note=notes.beside(similarity, changes, chosen),
        also=[lost, step],
    )


def between(chosen: Selection) -> None:
    """Cosines between what several tunings changed."""
    named = chosen_tunings(chosen)
    if len(named) < 2:
        st.info(
            "Choose at least two tuned checkpoints of this base; tune another on the page Lab.",
            icon=":material/info:",
        )
        return
    for caveat in dict.fromkeys(filter(None, map(caveat_of, named.values()))):
        st.info(caveat, icon=":material/info:")
    spec, names = chosen.task_vectors(named.values()), list(named)
    (found,) = show.results([spec], what="directions of tunings")
    if found is None:
        return
    every_pair(names, found, spec, chosen)
    against_first(names, found, spec, chosen)


def every_pair(names: list[str], found: TaskCosines, spec: TaskVectors, chosen: Selection) -> None:
    """Every tuning against every other, over all weights or at the chosen layer."""
    where = st.segmented_control(
        "Weights", [tunings.ALL, "the chosen layer"], default=tunings.ALL, key="weights_where", bind="query-params",
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    layer = None if where == tunings.ALL else chosen.layer
    table = tunings.cosines_table(names, found, layer)
    of = "all weights" if layer is None else f"layer {layer}"
    st.markdown(
        f"**Did these tunings move {of} in the same direction?** 1 = the same, 0 = unrelated, -1 = opposite.",
        help="Task vectors (Ilharco et al. 2023): tuned minus base, all weights in one row; here the cosine of every two. Grey: "
        "within two standard deviations of what the same changes give when each weight's sign is drawn at random, on its own. "
        "It counts only weights that both moved, and large changes more: few of them spread widely, millions hardly. "
        "Weights that always move together (a whole row, a low rank) would spread further than independent signs. Runs that "
        "share data or optimiser share some direction whatever they learn: tune one task with two seeds to see how far the "
        "same task agrees with itself.",
    )
    if table["cosine"].isna().all():
        st.info(f"None of these tunings changed {of}.", icon=":material/info:")
        return
    figures.figure(
        tunings.cosines_heat(table, names, show.look()), table, name="weights-cosines",
        alt_text=f"Cosine of every two tunings over {of}", specs=[spec],
        note=notes.task_vectors(found, layer, tunings.reach(found, layer)),
    )  # fmt: skip


def against_first(names: list[str], found: TaskCosines, spec: TaskVectors, chosen: Selection) -> None:
    """The others against the first tuning, by layer."""
    against = tunings.against_table(names, found)
    if against.empty:
        return
    st.markdown(
        f"**Where do the others agree with {show.escaped(names[0])}?** Hollow: no more than random signs would."
    )
    chart = board.checkpoint_curves(
        against, "cosine", show.look(), chosen.layer, checkpoints=["base", *names], title=f"cosine with {names[0]}",
        percent=False, domain=tunings.cosine_domain(against),
    )  # fmt: skip
    figures.figure(
        chart, tunings.one_run(against), name="weights-against", alt_text=f"Cosine with {names[0]} by layer", specs=[spec],
        note=notes.task_vectors_by_layer(found),
    )  # fmt: skip


def chosen_tunings(chosen: Selection) -> dict[str, Named]:
    """Tuned checkpoints of the base's shape, by short name; the sidebar's first."""
    assert chosen.tuned is not None
    apart = chosen.base.id, chosen.tuned.id
    others = [
        one
        for one in get_lab().checkpoints()
        if one.id not in apart and not isinstance(one.ref, Graft) and chosen.with_tuned(one).is_one_shape
    ]
    return several.picked(
        (chosen.tuned, *others), "Tuned checkpoints", "weights_tunings", n_usual=FEW,
        about="Of the base's family and size; a cosine only says something of checkpoints that were tuned from this base.",
    )  # fmt: skip


with show.messages():
    main()
