"""Dynamics: fine-tuning as it happens, step by step, and what tuning on one task does to another."""

from pages.parts.frame import enter

enter()

from collections.abc import Mapping  # noqa: E402
from dataclasses import replace  # noqa: E402
from typing import Any  # noqa: E402

import streamlit as st  # noqa: E402

from core.analyses.checkpoint import Checkpoint, run_of  # noqa: E402
from core.analyses.direct_probe_change import DirectProbeChange  # noqa: E402
from core.analyses.dynamics import MEASURES, Dynamics, LayersOverSteps  # noqa: E402
from core.analyses.fine_tune import FineTune, Snapshot  # noqa: E402
from core.analyses.label_dynamics import LabelDynamics, LabelsOverSteps  # noqa: E402
from core.analyses.probe import Probe  # noqa: E402
from core.analyses.probe_change import ProbeChange  # noqa: E402
from core.analyses.spatial_change import SpatialChange  # noqa: E402
from core.analyses.step_scores import StepScores  # noqa: E402
from core.charts import across, dynamics  # noqa: E402
from core.keys import key_of  # noqa: E402
from core.lab import Named  # noqa: E402
from pages.parts import figures, notes, picker, several, show  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402
from pages.parts.selection import Selection, label_said  # noqa: E402

_STEPS = "Steps stand evenly spaced, as they were kept: most happens early, so they lie on a logarithmic scale."
_HELP = (
    f"Every step that the run kept is a checkpoint; each is read like the base, and measured by the same rows. {_STEPS} ◆: two "
    "straight pieces over the logarithm of the step fit better than one line (segmented regression, BIC lower by 6 or more); it "
    "shows where a curve bends most, and is no test."
)
_HULLS = (
    "Distance of the hulls of two labels (DirectProbe, Zhou & Srikumar 2022, figure 2), in mean row lengths of that step, since "
    "a space that grows would drive all apart. Gains: base to end; intervals from random halves of the sentences, for all labels "
    "together. Labels of fewer than 6 rows are left out: their hull says nothing."
)
_APART = (
    "Change of the distance from a label's hull to the nearest other's (DirectProbe), in shares of a vector's length; each label, "
    "and each tuning, is judged by itself at 95 %."
)
_PATHS = (
    "Centre of each label at every step, drawn in the plane that holds most of the chosen labels' centres (principal components, "
    "one plane a layer, Zhou & Srikumar 2022, figure 3); what all of them do alike may lie outside it. A disc is one standard "
    "error in all directions together, so at most that in the plane. All panels have one scale, in mean row lengths of the base's "
    "layer; their axes have nothing in common."
)


def main() -> None:
    """The page."""
    show.heading(
        "Dynamics",
        "Fine-tuning as it happens: layers, labels and scores at every step that a run kept.",
        "Where the tuned run kept steps, the slider in the sidebar moves every page.",
    )
    chosen = picker.compared()
    if chosen is None:
        return
    views = {
        "Layers": layers,
        "Labels": labels,
        "Paths": paths,
        "Read from layers": read,
        "Score": scores,
        "Across tasks": across_tasks,
    }
    show.views(views, chosen, key="dynamics")


def followed(chosen: Selection) -> tuple[Selection, FineTune, int] | None:
    """The selection with the run that is followed as its tuned side, the run, and the chosen step; None, with a word, without any.

    That of the sidebar where it kept steps; otherwise one of those that did.
    """
    assert chosen.tuned is not None
    run = run_of(chosen.tuned.ref)
    if run is not None and run.surgery.draws:
        st.info(
            "This run began from weights drawn anew, and not from the base: its steps have another start. Choose a run without "
            "surgery.",
            icon=":material/info:",
        )
        return None
    if run is not None and run.snapshots and isinstance(chosen.tuned.ref, FineTune | Snapshot):
        step = chosen.tuned.ref.step if isinstance(chosen.tuned.ref, Snapshot) else run.n_steps
        return _on(chosen, Named(id=key_of(run)[:10], name=get_lab().name_of(run), ref=run)), run, step
    others = [one for one in get_lab().stepped_runs() if not one.ref.surgery.draws]
    # What is read of words or sentences is likeliest there for runs that learnt from them, and for those of the same task.
    others.sort(key=lambda one: (one.ref.unit != chosen.embedded, run is None or one.ref.label != run.label))
    known = {one.id: one for one in others}
    if not known:
        st.info(
            "No run has kept steps yet. Tune one on the page Lab with “Steps to keep” above 0, or choose another run in the "
            "sidebar.",
            icon=":material/info:",
        )
        return None
    show.link_holds("followed", known, "Run")
    left, right = st.columns(2, vertical_alignment="bottom")
    picked = left.selectbox(
        "Run", list(known), format_func=lambda one: known[one].name, key="followed", bind="query-params",
        help="The tuned checkpoint of the sidebar kept no steps; these runs did.",
    )  # fmt: skip
    run = known[picked].ref
    numbers = [0, *(step for step in run.snapshots if step), run.n_steps]
    step = right.select_slider("Step", numbers, numbers[-1], key=f"followed_step_{picked}", persist_state="session")
    return _on(chosen, known[picked]), run, step


def _on(chosen: Selection, tuned: Named) -> Selection:
    """The view of a tuned checkpoint beside the one that its run began from."""
    run = run_of(tuned.ref)
    assert run is not None
    base = next((one for one in get_lab().checkpoints() if one.ref == run.checkpoint), chosen.base)
    return replace(chosen, base=base, tuned=tuned)


def _kept(run: FineTune) -> list[tuple[int, Checkpoint]]:
    """The steps of a run after its start, its end last."""
    return [*((step, Snapshot(run=run, step=step)) for step in run.snapshots if step), (run.n_steps, run)]


def layers(chosen: Selection) -> None:
    """A measure of every layer over steps."""
    found = followed(chosen)
    if found is None:
        return
    chosen, run, step = found
    measure = st.segmented_control(
        "Measure", MEASURES, default=MEASURES[0], key="dynamics_measure", bind="query-params", required=True,
        help=" ".join(dynamics.SAID.values()), label_visibility="collapsed",
    )  # fmt: skip
    spec = Dynamics(base=chosen.sides[0], steps=tuple(chosen.embed(one) for _, one in _kept(run)))
    held: LayersOverSteps | None
    (held,) = show.results([spec], what="every layer at every step")
    if held is None:
        return
    table = dynamics.layers_table(held, measure)
    if table.empty:
        st.info(f"The text has too few rows for {measure}: take more sentences.", icon=":material/info:")
        return
    st.markdown(
        f"**What happens to each layer?** {dynamics.layers_finding(table, measure, chosen.layer)}",
        help=f"{dynamics.SAID[measure]} {_HELP}",
    )
    figures.figure(
        dynamics.layers_chart(table, measure, show.look(), chosen.layer, step),
        table,
        name="layers-over-steps",
        alt_text=f"{measure} of every layer over {len(held.numbers)} steps",
        specs=[spec],
        note=f"{_read(chosen, held.n_rows, held.n_sentences)}; band of the chosen layer: 95 % over 20 groups of sentences; one "
        "run: no spread over seeds",
    )


def _read(chosen: Selection, n_rows: int, n_sentences: int) -> str:
    return f"{n_rows:,} {chosen.embedded}s of {n_sentences:,} sentences of {show.escaped(chosen.data.name)}"


def _labels_followed(chosen: Selection) -> tuple[Selection, FineTune, int, LabelDynamics, LabelsOverSteps] | None:
    """As `followed`, with where labels lie at every step; None with a word, or with the offer to compute it."""
    found = followed(chosen) if picker.has_classes(chosen) else None
    if found is None:
        return None
    chosen, run, step = found
    steps = tuple(chosen.embed(one) for _, one in _kept(run))
    spec = LabelDynamics(base=chosen.sides[0], steps=steps, label=chosen.label)
    (held,) = show.results([spec], what="where labels lie at every step")
    return None if held is None else (chosen, run, step, spec, held)


def labels(chosen: Selection) -> None:
    """How far labels lie apart, over steps."""
    found = _labels_followed(chosen)
    if found is None:
        return
    chosen, _, step, spec, held = found
    table = dynamics.labels_table(held, chosen.layer)
    st.markdown(
        f"**How far is each label from the one nearest to it, at layer {chosen.layer}?** "
        f"{show.escaped(dynamics.labels_finding(table))}{show.escaped(dynamics.alike_finding(held, chosen.layer))}",
        help=f"{_HULLS} {_STEPS}",
    )
    rare = f"; left out, under 6 rows: {show.escaped(', '.join(held.rare_labels))}" if held.rare_labels else ""
    figures.figure(
        dynamics.labels_chart(table, dynamics.control_table(held, chosen.layer), show.look(), step),
        table,
        name="labels-over-steps",
        alt_text=f"Distance of each label to the nearest other at layer {chosen.layer}, over steps",
        specs=[spec],
        note=f"{_read(chosen, held.n_rows, held.n_sentences)}; solid: the {dynamics.FEW_GAINERS} labels that gain most, dashed: "
        f"least; × {notes.control(held.control_kind)}, mean; intervals in the table, for all "
        f"{len(held.labels)} labels together{rare}",
    )


def paths(chosen: Selection) -> None:
    """Paths of label centres at a low and the top layer."""
    found = _labels_followed(chosen)
    if found is None:
        return
    chosen, run, step, spec, held = found
    usual = dynamics.closest_labels(held)
    picked = st.pills(
        "Labels", held.labels, selection_mode="multi", default=usual, key=f"paths_{key_of(spec)[:8]}",
        help="At first the three whose centres lie closest in the base's top layer, as in the paper.",
    )  # fmt: skip
    if not picked:
        st.info("Choose one label or more.", icon=":material/info:")
        return
    if len(picked) > len(show.look().labels):
        st.info(f"At most {len(show.look().labels)}, so that each has a colour.", icon=":material/info:")
        return
    low, top = 1, chosen.n_layers - 1
    other = chosen.layer if chosen.layer not in (0, top) else low
    table = dynamics.paths_table(held, sorted({other, top}), picked)
    there = f", ◆ step {step:,}" if step not in (0, run.n_steps) else ""
    st.markdown(
        f"**Which way did the labels go?** ● the base, ▲ the end{there}. {show.escaped(dynamics.paths_finding(table))}",
        help=_PATHS,
    )
    figures.figure(
        dynamics.paths_chart(table, show.look(), step),
        table,
        name="label-paths",
        alt_text=f"Paths of label centres over steps at layers {other} and {top}",
        specs=[spec],
        note=f"{_read(chosen, held.n_rows, held.n_sentences)}; discs: one standard error (jackknife over sentences); the layer on "
        "the left is the sidebar's, or 1",
    )


def read(chosen: Selection) -> None:
    """What a linear probe reads of each layer, over steps."""
    found = followed(chosen) if picker.has_classes(chosen) else None
    if found is None:
        return
    chosen, run, step = found
    steps: list[tuple[int, Checkpoint]] = [(0, chosen.base.ref), *_kept(run)]
    specs = [Probe(embed=chosen.embed(one), label=chosen.label) for _, one in steps]
    held = show.results(specs, what=f"probes for {label_said(chosen.label)} at every step")
    ready = [(number, one) for (number, _), one in zip(steps, held, strict=True) if one is not None]
    if held[0] is None or held[-1] is None:  # without its ends a curve would be called by other steps
        return
    table = dynamics.read_table(ready)
    st.markdown(
        f"**What can be read of {label_said(chosen.label)} as training goes on?** "
        f"{dynamics.layers_finding(table, 'accuracy', chosen.layer)}",
        help=f"Accuracy of a linear probe trained anew at every step and layer; controls are on the page Probes. {_HELP}",
    )
    majority = ready[0][1].majority
    figures.figure(
        dynamics.layers_chart(table, "probe accuracy", show.look(), chosen.layer, step),
        table,
        name="read-over-steps",
        alt_text=f"Accuracy of a linear probe for {chosen.label} of every layer, over {len(ready)} steps",
        specs=[spec for spec, one in zip(specs, held, strict=True) if one is not None],
        note=f"{len(ready)} of {len(steps)} steps; always the commonest label: {majority:.1%}; band of the chosen layer: 95 % over "
        "splits; one run: no spread over seeds",
    )


def scores(chosen: Selection) -> None:
    """What the head scores over steps."""
    found = followed(chosen)
    if found is None:
        return
    chosen, run, step = found
    (held,) = show.results([StepScores(run=run)], what="what the head scores at every step")
    if held is None:
        return
    st.markdown(
        f"**When is the task learnt?** {dynamics.scores_finding(held)}",
        help=f"The head of each step answers the dev examples of its run. {_STEPS}",
    )
    figures.figure(
        dynamics.scores_chart(held, show.look(), step),
        held.scores,
        name="scores-over-steps",
        alt_text=f"{held.measure} of the head on dev examples over steps",
        specs=[StepScores(run=run)],
        note=f"n = {held.n:,} dev rows; thin lines: 95 % over examples; one run: no spread over seeds",
    )


def across_tasks(chosen: Selection) -> None:
    """What tunings on several tasks do to one label: distances, probes, and whether other text agrees."""
    if not picker.has_classes(chosen):
        return
    assert chosen.tuned is not None
    options = {one.id: one for one in (chosen.tuned, *get_lab().tunings())}
    named = several.picked(
        list(options.values()), "Tuned on", "across", usual=_one_a_task(options),
        about="Each stands beside the base it was tuned from, so that networks of several sizes may be in one table.",
    )  # fmt: skip
    views = [_on(chosen, one) if run_of(one.ref) else chosen.with_tuned(one) for one in named.values()]
    wanted = [_across(view) for view in views]
    specs = [spec for asked in wanted for spec in asked.values()]
    found = dict(
        zip(specs, show.results(specs, what=f"what these tunings did to {label_said(chosen.label)}"), strict=True)
    )
    rows = [
        across.Row(name=name, layer=view.n_layers - 1, **{field: found[spec] for field, spec in asked.items()})
        for name, view, asked in zip(named, views, wanted, strict=True)
        if all(found[spec] is not None for spec in asked.values())
    ]
    if not rows:
        return
    table = across.across_table(rows)
    st.markdown(
        f"**What does tuning on other tasks do to {label_said(chosen.label)}?** {show.escaped(across.finding(table))}",
        help=f"Of the top layer. {_APART} The probe is linear and trained anew. Agreement: correlation of label distances in this "
        "text with those in the text of the tuning, or between two halves of this text where that is not at hand (spatial "
        "similarity); in the paper it fell after tuning in every case. Zhou & Srikumar 2022, tables 2 to 5.",
    )
    figures.figure(
        across.across_chart(table, show.look()),
        table,
        name="across-tasks",
        alt_text=f"Change of label distances and of probe accuracy for {chosen.label} after tuning on several tasks",
        specs=[spec for spec in dict.fromkeys(specs) if found[spec] is not None],
        note=f"top layer; {notes.HALVES}; hollow: inside the noise; in the table: clusters, and the agreement with "
        "the text of the tuning",
    )


def _one_a_task(options: Mapping[str, Named]) -> list[str]:
    """The first checkpoint of each task, three at most."""
    first: dict[str, str] = {}
    for short, one in options.items():
        run = run_of(one.ref)
        first.setdefault(run.label if run else short, short)
    return list(first.values())[:3]


def _across(chosen: Selection) -> dict[str, Any]:
    """What is asked of one tuned checkpoint."""
    (before, after), probes, other = chosen.hulls, chosen.probes, _training_text(chosen)
    if other is None:
        alike = chosen.spatial_halves()
    else:
        alike = chosen.spatial(chosen.on_text(other, get_lab().size_of(other.ref)))
    return {
        "base_hulls": before,
        "tuned_hulls": after,
        "change": DirectProbeChange(base=before, tuned=after),
        "read": ProbeChange(base=probes[0], tuned=probes[1]),
        "base_probe": probes[0],
        "tuned_probe": probes[1],
        "base_alike": alike[0],
        "tuned_alike": alike[1],
        "alike": SpatialChange(base=alike[0], tuned=alike[1]),
    }


def _training_text(chosen: Selection) -> Named | None:
    """The text that a checkpoint was tuned on, where it is another than the one shown, is at hand, and has the label."""
    assert chosen.tuned is not None
    run = run_of(chosen.tuned.ref)
    if run is None or run.train.of == chosen.data.ref:
        return None
    known = next((one for one in get_lab().datasets() if one.ref == run.train.of), None)
    return known if known is not None and picker.has_label(known, chosen) else None


with show.messages():
    main()
