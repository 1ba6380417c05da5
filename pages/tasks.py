"""Tasks: one pair over several tasks, several checkpoints over one, and what the heads answer."""

from pages.parts.frame import enter

enter()

from collections.abc import Mapping  # noqa: E402
from typing import Any  # noqa: E402

import pandas as pd  # noqa: E402
import streamlit as st  # noqa: E402

from core.analyses.checkpoint import run_of  # noqa: E402
from core.analyses.fine_tune import Snapshot  # noqa: E402
from core.analyses.goals import misses  # noqa: E402
from core.analyses.scoring import DULL  # noqa: E402
from core.charts import board, confusion, curves, scores  # noqa: E402
from core.charts.rows import only  # noqa: E402
from core.lab import Named  # noqa: E402
from pages.parts import figures, notes, picker, rows, several, show  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402
from pages.parts.selection import Selection, label_options  # noqa: E402

CELL = "tasks_cell"
FEW = 4  # tasks chosen at first


def main() -> None:
    """The page."""
    show.heading(
        "Tasks",
        "What fine-tuning on one task did to others, and how several fine-tuned checkpoints compare.",
        "Grey is noise: an interval that holds 0. Probes read the sentences chosen in the sidebar, heads their own dev examples.",
    )
    chosen = picker.compared()
    if chosen is None:
        return
    views = {
        "One pair, several tasks": one_pair,
        "Several checkpoints, one task": one_task,
        "Tuned on, probed for": crossed,
        "Several sizes": sizes,
        "The heads": heads,
    }
    show.views(views, chosen, key="board")


def one_pair(chosen: Selection) -> None:
    """Base against tuned, over labels of the chosen text."""
    views = chosen_labels(chosen)
    if not views:
        st.info("Choose at least one task to read.", icon=":material/info:")
        return
    specs = {name: (view.probe_change, *view.probes) for name, view in views.items()}
    found = iter(show.results([spec for held in specs.values() for spec in held], what="probes"))
    results = {name: tuple(next(found) for _ in held) for name, held in specs.items()}
    complete = {name: held for name, held in results.items() if all(held)}
    if not complete:
        return
    table, look = board.task_table(complete), show.look()
    drawn_from = [spec for name in complete for spec in specs[name]]
    st.markdown(
        f"**What became easier or harder to read after {chosen.tuning}?** Points of accuracy, tuned minus base.",
        help="A linear probe is trained on each layer of either side and tested on other sentences. Green with + is easier, "
        "purple with − harder, grey inside the noise. Many cells are looked at: one in twenty leaves the noise by chance.",
    )
    figures.figure(
        board.change_heat(table, look, chosen.layer),
        board.change_table(table),
        name="tasks-change",
        alt_text="Change of probe accuracy in points, task by layer",
        specs=drawn_from,
        note=notes.tasks(complete, chosen),
    )
    st.markdown(
        "**What can be read, layer by layer?** All tasks share both axes; a hollow ▲ is a change inside the noise."
    )
    drawn = small_multiples(table, chosen)
    with st.expander("Table and files", icon=":material/table:", key="tasks-probes-table", on_change="rerun") as opened:
        if opened.open:
            figures.behind(
                table, name="tasks-probes", specs=drawn_from, note=notes.tasks(complete, chosen), drawn=drawn
            )


def small_multiples(table: pd.DataFrame, chosen: Selection) -> list[figures.Drawn]:
    """One panel a task, three in a row, two where the text is large."""
    drawn = []
    domain, names = board.shared_domain(table), list(table["task"].unique())
    in_row, height = (2, 330) if show.look().projector else (3, 240)
    for first in range(0, len(names), in_row):
        for column, name in zip(st.columns(in_row), names[first : first + in_row], strict=False):
            with column:
                chart = curves.side_curves(
                    only(table, "task", name),
                    "accuracy",
                    show.look(),
                    chosen.layer,
                    title="accuracy",
                    percent=True,
                    controls=True,
                    domain=domain,
                    height=height,
                    heading=name,
                )
                about = f"Probe accuracy for {name} by layer, base and tuned"
                drawn.append(figures.draw_chart(chart, name=f"task-{name}", alt_text=about))
    return drawn


def chosen_labels(chosen: Selection) -> dict[str, Selection]:
    """The labels to read, by name on screen, each as a view of the chosen text."""
    options = label_options(get_lab().labels_of(chosen.data.ref))
    if not options:
        return {}
    names = st.multiselect(
        "Tasks",
        list(options),
        default=list(options)[:FEW],
        key="tasks",
        persist_state="session",
        help="Labels of words, sentences, spans and word pairs that the chosen text has. Where something else is embedded for "
        "them, it is with its usual pooling: the average of a word's pieces, the mean of a sentence's.",
    )
    return {name: chosen.reading(*options[name]) for name in names}


def one_task(chosen: Selection) -> None:
    """Several tuned checkpoints against one base, over the label of the sidebar."""
    runs = chosen_runs(chosen)
    if not runs:
        st.info("Choose at least one tuned checkpoint.", icon=":material/info:")
        return
    views = {name: chosen.with_tuned(run) for name, run in runs.items()}
    for name, view in views.items():
        if view.facing and view.tuned != chosen.tuned:
            st.caption(f"{show.escaped(name)}: {view.facing}")
    if picker.has_classes(chosen):
        read_by_each(chosen, views)
    kept_by_each(chosen, views)


def read_by_each(chosen: Selection, views: Mapping[str, Selection]) -> None:
    """Probe curves of base and every tuned checkpoint."""
    specs = {name: (view.probe_change, view.probes[1]) for name, view in views.items()}
    base, *rest = show.results([chosen.probes[0], *(spec for held in specs.values() for spec in held)], what="probes")
    found = iter(rest)
    results = {name: (next(found), next(found)) for name in specs}
    complete = {name: held for name, held in results.items() if all(held)}
    if base is None or not complete:
        return
    st.markdown(
        f"**Can {chosen.label_said} be read by a straight cut through the space?** Hollow: not told apart from the base.",
        help="One linear probe a layer and checkpoint, on the same splits. Each run is one seed of tuning: add runs with "
        "other seeds before you believe a small difference between two of them.",
    )
    table = board.checkpoint_table(base, complete)
    figures.figure(
        board.checkpoint_curves(
            table,
            "accuracy",
            show.look(),
            chosen.layer,
            checkpoints=["base", *views],
            title="accuracy on held-out sentences",
            percent=True,
        ),
        table,
        name="checkpoints-probe",
        alt_text=f"Probe accuracy for {chosen.label_name} by layer, base and {len(complete)} tuned checkpoints",
        specs=[chosen.probes[0], *(spec for name in complete for spec in specs[name])],
        note=notes.probe(base, next(iter(complete.values()))[1], chosen),
    )


def kept_by_each(chosen: Selection, views: Mapping[str, Selection]) -> None:
    """CKA of every tuned checkpoint to the base."""
    specs = {name: view.similarity for name, view in views.items()}
    found = show.results(list(specs.values()), what="similarity")
    complete = {name: held for name, held in zip(specs, found, strict=True) if held}
    if not complete:
        return
    st.markdown(
        "**How much of each layer's space does each keep?** Linear CKA to the base: 1 = unchanged, 0 = unrelated."
    )
    table = board.kept_tables(complete)
    figures.figure(
        board.checkpoint_curves(
            table,
            "cka",
            show.look(),
            chosen.layer,
            checkpoints=["base", *views],
            title="linear CKA to the base",
            percent=False,
            domain=(0.0, 1.02),
        ),
        table,
        name="checkpoints-cka",
        alt_text=f"Linear CKA to the base by layer, {len(complete)} tuned checkpoints",
        specs=[specs[name] for name in complete],
        note=notes.similarity(next(iter(complete.values())), chosen),
    )


def crossed(chosen: Selection) -> None:
    """Every tuned checkpoint over every task, at the chosen layer."""
    runs, labels = chosen_runs(chosen), chosen_labels(chosen)
    if not runs or not labels:
        st.info("Choose at least one tuned checkpoint and one task.", icon=":material/info:")
        return
    cells = {(run, label): view.with_tuned(runs[run]) for run in runs for label, view in labels.items()}
    specs = [spec for view in cells.values() for spec in (view.probe_change, view.probes[0])]
    held = iter(show.results(specs, what="probes"))
    results = {cell: (next(held), next(held)) for cell in cells}
    complete = {cell: pair for cell, pair in results.items() if all(pair)}
    if not complete:
        return
    table = board.cross_table(complete, chosen.layer)
    st.markdown(
        f"**What did tuning on one thing do to another, at layer {chosen.layer}?** Points of accuracy, tuned minus base. Click a "
        "cell for its examples.",
        help="A linear probe is trained on the layer of each side and tested on other sentences. Green with + is easier, purple "
        "with − harder, grey inside the noise. Many cells are looked at: one in twenty leaves the noise by chance. Move the "
        "layer cursor to see other layers.",
    )
    figures.figure(
        board.cross_heat(table, show.look()),
        table,
        name="tasks-crossed",
        alt_text=f"Change of probe accuracy in points at layer {chosen.layer}, tuned checkpoint by task",
        specs=[spec for cell in complete for spec in (cells[cell].probe_change, cells[cell].probes[0])],
        note=notes.crossed(complete, chosen),
        on_pick=_keep_cell,
    )
    names = {_named(*cell): cell for cell in cells}
    show.link_holds(CELL, names, "Examples")
    picked = st.selectbox(
        "Examples",
        list(names),
        index=None,
        key=CELL,
        bind="query-params",
        placeholder="Click a cell, or choose one",
        width=520,
    )
    if picked:
        run, label = names[picked]
        st.markdown(f"#### {show.escaped(run)}, read for {show.escaped(label)}")
        rows.draw(cells[run, label])


def _named(run: str, label: str) -> str:
    return f"{run} → {label}"


def _keep_cell(picked: Mapping[str, Any]) -> None:
    """Open the cell that was clicked; a click beside the cells, or on the same one, closes it."""
    st.session_state[CELL] = _named(picked["tuned"], picked["task"]) if picked else None


def sizes(chosen: Selection) -> None:
    """Probe curves of any checkpoints over relative depth: small and large ones of a family, or of several."""
    if not picker.has_classes(chosen):
        return
    named = several.checkpoints(chosen, "sizes")
    specs = {name: chosen.probe_of(one) for name, one in named.items()}
    if not specs:
        st.info("Choose at least one checkpoint.", icon=":material/info:")
        return
    found = show.results(list(specs.values()), what="probes")
    complete = {name: held for name, held in zip(specs, found, strict=True) if held}
    if not complete:
        return
    st.markdown(
        f"**At what depth can {chosen.label_said} be read, in small and large networks?** Each layer stands at its share of the "
        "way from the embeddings to the top.",
        help="One linear probe a layer and checkpoint, on the same splits. Larger networks have wider vectors, which a probe "
        "reads more easily: look at the control task of each, dotted in its colour, before you compare heights.",
    )
    table = board.depth_table(complete)
    figures.figure(
        board.depth_curves(table, show.look(), checkpoints=list(named)),
        table,
        name="sizes-probe",
        alt_text=f"Probe accuracy for {chosen.label_name} over relative depth, {len(complete)} checkpoints",
        specs=[specs[name] for name in complete],
        note=notes.sizes(complete, chosen),
    )


def heads(chosen: Selection) -> None:
    """Accuracy and confusion of every fine-tuned run in view."""
    runs = {
        name: run for name, run in chosen_runs(chosen).items() if run_of(run.ref) and not isinstance(run.ref, Snapshot)
    }
    if not runs:
        st.info("A checkpoint folder has no head of ours: choose a fine-tuning run.", icon=":material/info:")
        return
    found = show.results([run.ref for run in runs.values()], what="the fine-tuning run")
    held = [(name, run, result) for (name, run), result in zip(runs.items(), found, strict=True) if result]
    small = [one for one in held if len(one[2].labels) <= FEW]
    for first in range(0, len(small), 3):
        for column, one in zip(st.columns(3), small[first : first + 3], strict=False):
            with column:
                head(*one)
    for one in held:
        if one not in small:
            head(*one)  # many labels need the width
    agreement(chosen)


def agreement(chosen: Selection) -> None:
    """Whether the heads of both sides say the same, where both have one for the same labels."""
    spec = chosen.head_agreement
    if spec is None:
        st.caption("To compare the answers of two heads, choose runs tuned on the same label as base and as tuned.")
        return
    (found,) = show.results([spec], what="answers of both heads")
    if found is None:
        return
    same, far = found.agreement, found.divergence
    st.markdown(
        f"**Do the heads of base and tuned say the same?** Of {same.value:.1%} [{same.low:.1%}, {same.high:.1%}], by chance "
        f"{found.chance:.1%}; their answers lie {far.value:.2f} bits apart [{far.low:.2f}, {far.high:.2f}].",
        help="Agreement: share of the sidebar's sentences, or of their words, with the same most likely label; by chance: if each "
        "head kept its shares of answers without looking (Cohen 1960). Bits: the mean Kullback-Leibler divergence of the tuned "
        "head's answer from the base head's, 0 = the same confidence in the same answers. Two heads may agree and both be wrong.",
    )
    figures.figure(
        confusion.confusion_heat(found.labels, found.counts, show.look(), rows="base head", columns="tuned head"),
        found.rows,
        name="head-agreement",
        alt_text="Answers of the base head against those of the tuned head",
        specs=[spec],
        note=notes.head_agreement(found),
    )


def head(name: str, run: Named, result: Any) -> None:
    """One head: how often it is right, beside always guessing, and what it answers instead."""
    score, tuning = result.score, run_of(run.ref)
    assert tuning is not None
    measure = tuning.measure
    guessing = scores.written(result.majority, measure)
    st.markdown(
        f"**{show.escaped(name)}** · {measure} {scores.written(score.value, measure)} {scores.interval(score, measure)}, "
        f"{DULL[tuning.goal]}: {guessing}",
        help="Score of the tuned head on the dev examples of its run, with its 95 % interval. Rows of a figure of labels are gold "
        "labels, columns what the head says; shares are of a row.",
    )
    others = scores.others(result.scores())
    if others:
        said = "95 % intervals by a jackknife over groups of examples."
        st.caption(others, help=f"{scores.explained(tuning.goal)} {said}")
    about: dict[str, Any] = {"specs": [run.ref], "note": notes.head(result, tuning)}
    if tuning.goal == "number":
        drawn = scores.numbers_chart(result.answers, tuning.label, show.look())
        figures.figure(
            drawn,
            result.answers,
            name=f"confusion-{run.id}",
            alt_text=f"Gold numbers against what {run.name} says",
            **about,
        )
    elif tuning.goal != "answer":
        figures.figure(
            confusion.confusion_heat(result.labels, result.confusion, show.look()),
            confusion.confusion_table(result.labels, result.confusion),
            name=f"confusion-{run.id}",
            alt_text=f"Gold against predicted label of {run.name}",
            **about,
        )
    with st.expander(
        "What it gets wrong", icon=":material/playlist_remove:", on_change="rerun", key=f"misses-{run.id}"
    ) as wrong:
        if wrong.open:
            with show.messages():
                figures.behind(misses(tuning, result.answers), name=f"misses-{run.id}", **about)


def chosen_runs(chosen: Selection) -> dict[str, Named]:
    """Tuned checkpoints to compare, by short name; the sidebar's first."""
    assert chosen.tuned is not None
    others = [named for named in get_lab().checkpoints() if named.id not in (chosen.base.id, chosen.tuned.id)]
    return several.picked((chosen.tuned, *others), "Tuned checkpoints", "checkpoints", n_usual=FEW)


with show.messages():
    main()
