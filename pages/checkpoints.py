"""Checkpoints: what is there, how it was tuned, and making another."""

from pages.parts.frame import enter

enter()

from collections import defaultdict  # noqa: E402
from typing import Any  # noqa: E402

import pandas as pd  # noqa: E402
import streamlit as st  # noqa: E402

from core.analyses.checkpoint import origin, run_of  # noqa: E402
from core.analyses.compress import Compress  # noqa: E402
from core.analyses.fine_tune import FineTune, Snapshot, spaced_steps  # noqa: E402
from core.analyses.goals import DULL  # noqa: E402
from core.charts.curves import loss_curve  # noqa: E402
from core.charts.scores import explained, interval, others, written  # noqa: E402
from core.data.vectors import file_size  # noqa: E402
from core.errors import TunescopeError  # noqa: E402
from core.jobs.records import ACTIVE  # noqa: E402
from core.keys import from_json, key_of  # noqa: E402
from core.lab import Lab, Named  # noqa: E402
from core.models.checkpoints import facts, locate_adapter, place  # noqa: E402
from core.refs import (  # noqa: E402
    Adapter,
    Folder,
    Hub,
    Packaged,
    Sample,
    Suite,
    Vectors,
)
from pages.parts import bringing, picker, show, task_form  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402

_KINDS = {Packaged: "comes with Tunescope", Folder: "folder", Hub: "Hugging Face Hub"}
_METHODS = {"full": "all weights", "lora": "LoRA", "head": "head only"}
# Usual learning rates: what starts fresh needs longer steps than what was trained.
_RATES = {"full": 5e-5, "lora": 1e-3, "head": 1e-3}


def main() -> None:
    """The page."""
    show.heading(
        "Checkpoints",
        "What can be compared, and the place to tune another.",
        "Every run listed here, and every step it kept, can be chosen as the tuned side in the sidebar.",
    )
    lab = get_lab()
    under_way(lab)
    st.subheader("What is there", anchor=False)
    listing(lab)
    st.subheader("Fine-tune", anchor=False)
    with show.messages():
        fine_tune(lab)
    st.subheader("Add another", anchor=False)
    with show.messages():
        bringing.draw(lab)


def under_way(lab: Lab) -> None:
    """Runs that are training now, with their loss as it comes; looked at anew every other second."""
    active = [record.key for record, status in lab.jobs() if _trains(record, status)]
    if active:
        st.subheader("Training now", anchor=False)
        st.fragment(_live, run_every=2.0)(active)


def _live(keys: list[str]) -> None:
    lab = get_lab()
    jobs = [(record, status) for record, status in lab.jobs() if _trains(record, status)]
    if {record.key for record, _ in jobs} != set(keys):
        st.rerun()
    for record, status in jobs:
        spec = from_json(record.spec)
        with st.container(border=True):
            left, right = st.columns([1, 2], vertical_alignment="center")
            left.markdown(f"**{lab.name_of(spec)}**")
            if status.total:
                left.progress(min(status.done / status.total, 1.0), text=f"step {status.done:,} of {status.total:,}")
            left.caption(show.standing(status))
            curve = lab.live(spec, "curve")
            with right:
                if curve is None or curve.empty:
                    st.caption("The loss appears here with the first steps.")
                else:
                    chart = loss_curve(curve, show.look(), n_steps=spec.n_steps, snapshots=spec.snapshots)
                    show.draw_chart(chart, name=f"live-{record.key[:10]}", alt_text="Training loss so far")


def _trains(record: Any, status: Any) -> bool:
    return status.state in ACTIVE and record.spec["kind"] == FineTune.kind


def listing(lab: Lab) -> None:
    """Checkpoints on disk, what is wrong with any of them, then runs with their scores on dev examples."""
    named, rows = lab.checkpoints(), []
    names = defaultdict(lambda: "a base that is gone", {key_of(one.ref): one.name for one in named})
    for one in (one for one in named if run_of(one.ref) is None):
        try:
            if isinstance(one.ref, Hub) and not one.ref.is_at_hand():
                show.results([one.ref], what=one.name)
                _forget(lab, one)
                continue
            if isinstance(one.ref, Vectors):
                rows.append(_vectors_row(lab, one))
                continue
            known = facts(place(origin(one.ref)))
            if isinstance(one.ref, Adapter):
                locate_adapter(one.ref)
        except TunescopeError as problem:
            st.warning(f"**{show.escaped(one.name)}** is not to be had now. {show.said(problem)}")
            _forget(lab, one)
            continue
        rows.append(
            {
                "name": one.name,
                "kind": f"LoRA adapter over {names[key_of(one.ref.of)]}"
                if isinstance(one.ref, Adapter)
                else _KINDS[type(one.ref)],
                "family": known.family,
                "blocks": known.n_layers,
                "width": known.width,
                "parameters": known.n_parameters,
                "size": show.size(known.n_bytes),
            }
        )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        width="stretch",
        column_config={"parameters": st.column_config.NumberColumn(format="compact")},
    )
    if added := [one for one in named if isinstance(one.ref, Folder | Hub | Vectors | Adapter)]:
        with st.popover("Take one from the list", icon=":material/playlist_remove:"):
            _forget(lab, st.selectbox("Which", added, format_func=lambda one: one.name), "listed")
    for one in (one for one in named if run_of(one.ref) and not isinstance(one.ref, Snapshot)):
        with st.expander(show.escaped(one.name), icon=":material/model_training:"), show.messages():
            run_card(lab, one)


def _vectors_row(lab: Lab, one: Named) -> dict[str, Any]:
    """Vectors computed elsewhere, as a row of the list. Raises CheckpointNotFound where their file is gone."""
    texts = {key_of(held.ref): held.name for held in lab.datasets()}
    n_bytes = file_size(one.ref)
    return {
        "name": one.name,
        "kind": f"vectors of the {one.ref.unit}s of {texts.get(key_of(one.ref.of), 'a text that is gone')}",
        "family": "",
        "blocks": one.ref.n_layers,
        "width": one.ref.width,
        "parameters": None,
        "size": show.size(n_bytes),
    }


def _forget(lab: Lab, one: Named, where: str = "gone") -> None:
    st.button(
        "Forget it",
        key=f"forget-{where}-{one.id}",
        icon=":material/delete:",
        on_click=lab.remove_checkpoint,
        args=(one.id,),
        help="Takes it from the list. Results computed with it are kept; a copy of it that was made in the cache folder "
        "goes, unless a result needs it.",
    )


def run_card(lab: Lab, one: Named) -> None:
    """How one run went: its score beside always answering the same, loss curve, recipe."""
    tuned, run = lab.peek(one.ref), run_of(one.ref)
    if tuned is None or run is None:
        return
    score = tuned.score
    left, right = st.columns([1, 2])
    left.metric(
        f"{run.measure.capitalize()} on dev {run.unit}s",
        written(score.value, run.measure),
        f"{written(tuned.majority, run.measure)} {DULL[run.goal]}",
        delta_color="off",
        delta_arrow="off",
        help=f"95 % interval {interval(score, run.measure)} over {score.n:,} {run.unit}s. {explained(run.goal)}",
    )
    beside = others(tuned.scores())
    if beside:
        left.caption(beside)
    if tuned.n_lost:
        left.caption(
            f"{tuned.n_lost:,} dev words have no answer: they lie beyond {run.max_pieces} pieces, or have none."
        )
    if score.low <= tuned.majority:
        left.caption(f"Not better than {DULL[run.goal]}: this run has not learnt its task.")
    head = f" (head × {run.head_rate:g})" if run.head_rate != 1 else ""
    labels = f", labels {show.escaped(', '.join(tuned.labels[:6]))}" if tuned.labels else ""
    left.markdown(
        f"{tuned.n_train:,} examples, {tuned.n_steps:,} steps{labels}. Tuned: "
        f"{_METHODS[run.method]}. Learning rate {run.learning_rate:g}{head}, batch {run.batch_size}, "
        f"warm-up {run.warmup:.0%}, cut at {run.max_pieces} pieces, seed {run.seed}. What changed takes {show.size(tuned.n_bytes)}."
    )
    if tuned.parts > 1:
        left.caption(f"Memory did not do for a whole batch: each was cut into {tuned.parts} parts and counted as one.")
    if isinstance(one.ref, Compress):
        left.markdown(
            f"Afterwards **compressed to rank {one.ref.rank}**: the score is that of the compressed checkpoint, the loss "
            "curve that of the full run."
        )
    with right:
        kept = () if one.ref is not run else run.snapshots
        chart = loss_curve(tuned.curve, show.look(), n_steps=tuned.n_steps, snapshots=kept)
        show.draw_chart(chart, name=f"loss-{one.id}", alt_text="Training loss by step")
    st.caption(show.provenance([one.ref]))


def fine_tune(lab: Lab) -> None:
    """The form, the cost and the start of a run."""
    spec = recipe(lab)
    if spec is None:
        return
    (tuned,) = show.results([spec], what="this run")
    if tuned is not None:
        score, measure = tuned.score, spec.measure
        said = (
            f"This run is there: {measure} {written(score.value, measure)} {interval(score, measure)} "
            f"on the dev {spec.unit}s, {DULL[spec.goal]} {written(tuned.majority, measure)}."
        )
        if score.low > tuned.majority:
            st.success(said, icon=":material/check:")
        else:
            st.warning(f"{said} It has not learnt its task.", icon=":material/warning:")
        st.button("Compare it with its base", on_click=picker.pick_run, args=(spec,), icon=":material/compare_arrows:")


def recipe(lab: Lab) -> FineTune | None:
    """The spec that the form describes; None where the data has no label."""
    keep: dict[str, Any] = {"persist_state": "session"}
    task = task_form.task(lab)
    if task is None:
        return None
    one, two, three = st.columns(3)
    learnt = task_form.learnt(one, task)
    method = two.segmented_control(
        "Tune", list(_METHODS), default="full", format_func=_METHODS.get, key="tune_method",
        help="LoRA adds two thin matrices to queries and values and freezes the rest (Hu et al. 2022); the head alone "
        "reads a frozen encoder, so no layer can change.", **keep,
    ) or "full"  # fmt: skip
    count = three.slider(
        "Steps to keep", 0, 12, 0, key="tune_snapshots", **keep,
        help="Weights kept on the way, evenly on a log scale; each is a checkpoint of its own on every page.",
    )  # fmt: skip
    return numbers(lab, FineTune(
        checkpoint=task.base.ref, train=Sample(of=task.train.ref), dev=Sample(of=task.dev.ref), method=method,
        # What begins from nothing has long steps of its own where it is trained alone.
        **learnt | ({} if method == "full" else {"head_rate": 1.0}),
    ), count)  # fmt: skip


def numbers(lab: Lab, run: FineTune, count: int) -> FineTune:
    """The run with the form's numbers."""
    keep: dict[str, Any] = {"persist_state": "session"}
    largest, largest_dev = lab.size_of(run.train.of), lab.size_of(run.dev.of)
    one, two, three, four, five, six = st.columns(6)
    n = one.number_input("Examples", min(10, largest), largest, min(1000, largest), step=100, key="tune_n", **keep)
    epochs = two.number_input("Epochs", 0.1, 20.0, 2.0, step=0.5, format="%g", key="tune_epochs", **keep)
    usual = task_form.RATES.get(run.goal, _RATES["full"]) if run.method == "full" else _RATES[run.method]
    is_usual = usual == _RATES[run.method]
    rate = three.number_input(
        "Learning rate", 1e-6, 1e-1, usual, step=1e-5, format="%.0e",
        key=f"tune_rate_{run.method if is_usual else run.goal}", **keep,
    )  # fmt: skip
    batch = four.number_input("Batch", 1, 256, 32, key="tune_batch", **keep)
    seed = five.number_input(
        "Seed", 0, 9999, 0, key="tune_seed", **keep, help="Head, order and dropout. Another seed shows the spread."
    )
    rank = run.rank
    if run.method == "lora":
        rank = six.number_input("Rank", 1, 256, 8, key="tune_rank", **keep, help="Width of the adapters.")
    run = run.replace(
        train=Sample(of=run.train.of, n=0 if n == largest else n),
        dev=Sample(of=run.dev.of, n=min(500, largest_dev) if isinstance(run.dev.of, Suite) else 0),
        rank=rank,
        epochs=epochs,
        learning_rate=rate,
        batch_size=batch,
        seed=seed,
    )
    return run.replace(snapshots=spaced_steps(run.n_steps, count))


with show.messages():
    main()
