"""Lab: tune a checkpoint, with several seeds at once, watch it learn, and hold runs of one task beside each other."""

from pages.parts.frame import enter

enter()

from typing import Any  # noqa: E402

import pandas as pd  # noqa: E402
import streamlit as st  # noqa: E402

from core.analyses.checkpoint import run_of  # noqa: E402
from core.analyses.compress import Compress  # noqa: E402
from core.analyses.fine_tune import FineTune, spaced_steps  # noqa: E402
from core.analyses.goals import goal_name  # noqa: E402
from core.analyses.scoring import DULL  # noqa: E402
from core.charts import runs  # noqa: E402
from core.charts.curves import loss_curve  # noqa: E402
from core.charts.look import Look  # noqa: E402
from core.charts.scores import explained, interval, others, written  # noqa: E402
from core.jobs.records import ACTIVE  # noqa: E402
from core.keys import from_json, key_of  # noqa: E402
from core.lab import Lab, Named  # noqa: E402
from core.refs import Sample, Suite  # noqa: E402
from pages.parts import bringing, figures, picker, show, task_form  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402
from pages.parts.task_form import Recipe  # noqa: E402

_METHODS = {"full": "all weights", "lora": "LoRA", "head": "head only"}
# Usual learning rates: what starts fresh needs longer steps than what was trained.
_RATES = {"full": 5e-5, "lora": 1e-3, "head": 1e-3}
_KEEP: dict[str, Any] = {"persist_state": "session"}


def main() -> None:
    """The page."""
    show.heading(
        "Lab",
        "Tune a checkpoint and watch it learn; runs of one task side by side.",
        "Every run, and every step it kept, can be chosen as the tuned side in the sidebar. Other seeds show what chance decides.",
    )
    lab = get_lab()
    under_way(lab)
    st.subheader("Fine-tune", anchor=False)
    with show.messages():
        fine_tune(lab)
    st.subheader("Runs", anchor=False)
    with show.messages():
        compare(lab)


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
                    so_far(spec, curve)


def so_far(spec: FineTune, curve: pd.DataFrame) -> None:
    """The loss of a run under way: it stands still while its table and files are open, so that they are of what is drawn."""
    name = f"live-{key_of(spec)[:10]}"
    if st.session_state.get(f"{name}-table"):
        curve = st.session_state.setdefault(f"{name}-still", curve)
    else:
        st.session_state.pop(f"{name}-still", None)
    now = f"step {int(curve['step'].iloc[-1]):,} of {spec.n_steps:,}"

    def drawn(look: Look) -> Any:
        return loss_curve(curve, look, n_steps=spec.n_steps, snapshots=spec.snapshots)

    figures.figure(
        drawn(show.look()),
        curve,
        name=name,
        alt_text=f"Training loss so far, up to {now}",
        specs=[spec],
        again=drawn,
        note="loss of training batches up to now; no interval; it stands still while its table is open",
        origin=f"{spec.kind} {key_of(spec)[:10]} · under way, not stored yet · {now}",
    )


def _trains(record: Any, status: Any) -> bool:
    return status.state in ACTIVE and record.spec["kind"] == FineTune.kind


def compare(lab: Lab) -> None:
    """Runs of one task in one figure, then each by itself."""
    named = lab.tunings()
    if not named:
        st.info("No run yet. The first one appears here.", icon=":material/info:")
        return
    texts = {key_of(held.ref): held.name for held in lab.datasets()}
    tasks: dict[str, list[Named]] = {}
    for one in named:
        run = run_of(one.ref)
        assert run is not None
        # Scores of other dev examples are not compared.
        drawn = f", {run.dev.n:,} of it" if run.dev.n else ""
        drawn += f" (draw {key_of(run.dev)[:4]})" if run.dev != Sample(of=run.dev.of, n=run.dev.n) else ""
        text = texts.get(key_of(run.dev.of), "a text that is gone")
        said = f"{goal_name(run.goal, run.label)} ({run.unit}s), scored on {text}{drawn}"
        tasks.setdefault(said, []).append(one)
    tasks = dict(sorted(tasks.items(), key=lambda held: -len(held[1])))  # where there is most to compare
    show.link_holds("lab_task", list(tasks), "Task")
    task = st.selectbox("Task", list(tasks), key="lab_task", bind="query-params", width=520)
    recipes = _recipes(lab, tasks[task])
    found = [(one, show.stored(one.ref)) for one in tasks[task]]
    table = runs.runs_table([(recipes[one.id], run_of(one.ref), tuned) for one, tuned in found if tuned is not None])
    if len(table):
        measure = table["measure"].iloc[0]
        st.markdown(show.escaped(runs.finding(table)))
        figures.figure(
            runs.runs_chart(table, show.look()),
            table,
            name="runs",
            alt_text=f"{measure} on dev examples of {len(table)} runs, by recipe, each seed a point",
            specs=[one.ref for one, tuned in found if tuned is not None],
            note=f"each point a run; thin lines: 95 % over n = {int(table['n'].min()):,} dev rows; bar: mean over seeds; the best "
            "of several is better than it will be again",
        )
    for one in tasks[task]:
        with st.expander(show.escaped(one.name), icon=":material/model_training:"), show.messages():
            run_card(lab, one)


def _recipes(lab: Lab, named: list[Named]) -> dict[str, str]:
    """By id of a run: what it shares with runs of other seeds alone, in as many words as tell it from the others of its task."""
    bases = {key_of(one.ref): one.name for one in bringing.whole(lab)}
    said: dict[str, list[str]] = {}
    for one in named:
        run = run_of(one.ref)
        assert run is not None
        said[one.id] = [
            lab.name_of(run).rpartition(" · seed ")[0].partition(" · ")[2],
            f"to rank {one.ref.rank}" if isinstance(one.ref, Compress) else "",
            f"from {bases.get(key_of(run.checkpoint), 'a base that is gone')}",
            f"rate {run.learning_rate:g}",
            f"head × {run.head_rate:g}",
            f"batch {run.batch_size}",
            f"warm-up {run.warmup:g}",
            f"decay {run.weight_decay:g}",
            f"{run.max_pieces} pieces",
            f"examples drawn by {run.train.seed}",
        ]

    parts = [i for i in range(10) if i < 2 or len({words[i] for words in said.values()}) > 1]
    return {one: " · ".join(words[i] for i in parts if words[i]) for one, words in said.items()}


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
        figures.figure(
            chart,
            tuned.curve,
            name=f"loss-{one.id}",
            alt_text="Training loss by step",
            specs=[one.ref],
            note="Mean loss of the training examples since the step before",
        )


def fine_tune(lab: Lab) -> None:
    """The form, the cost and the start of runs."""
    specs = recipe(lab)
    if not specs:
        return
    spec, many = specs[0], len(specs) > 1
    found = [
        one for one in show.results(specs, what=f"these {len(specs)} runs" if many else "this run") if one is not None
    ]
    if len(found) < len(specs):
        return
    measure, (tuned, *_) = spec.measure, found
    scores = ", ".join(f"{written(one.score.value, measure)} {interval(one.score, measure)}" for one in found)
    said = (
        f"{'These runs are' if many else 'This run is'} there: {measure} {scores} "
        f"on the dev {spec.unit}s, {DULL[spec.goal]} {written(tuned.majority, measure)}."
    )
    if all(one.score.low > one.majority for one in found):
        st.success(said, icon=":material/check:")
    else:
        st.warning(f"{said} {'Not all have' if many else 'It has not'} learnt the task.", icon=":material/warning:")
    st.button("Compare it with its base", on_click=picker.pick_run, args=(spec,), icon=":material/compare_arrows:")


def recipe(lab: Lab) -> list[FineTune]:
    """The runs that the form describes, a seed each; none where the data has no label."""
    task = task_form.task(lab)
    if task is None:
        return []
    one, two, three, four = st.columns([3, 4, 3, 3])
    learnt = task_form.learnt(one, task)
    method = two.segmented_control(
        "Tune", list(_METHODS), default="full", format_func=_METHODS.get, key="tune_method",
        help="LoRA adds two thin matrices to queries and values and freezes the rest (Hu et al. 2022); the head alone "
        "reads a frozen encoder, so no layer can change.", **_KEEP,
    ) or "full"  # fmt: skip
    at = task_form.RECIPES[three.selectbox(
        "Recipe", list(task_form.RECIPES), key="tune_recipe", help=task_form.recipes_said(), **_KEEP
    )]  # fmt: skip
    count = four.slider(
        "Steps to keep", 0, 12, 0, key="tune_snapshots", **_KEEP,
        help="Weights kept on the way, evenly on a log scale; each is a checkpoint of its own on every page.",
    )  # fmt: skip
    run, n_seeds = numbers(lab, FineTune(
        checkpoint=task.base.ref, train=Sample(of=task.train.ref), dev=Sample(of=task.dev.ref), method=method,
        # What begins from nothing has long steps of its own where it is trained alone.
        **learnt | ({} if method == "full" else {"head_rate": 1.0}),
    ), at, count)  # fmt: skip
    return [run.replace(seed=run.seed + i) for i in range(n_seeds)]


def numbers(lab: Lab, run: FineTune, at: Recipe, count: int) -> tuple[FineTune, int]:
    """The run with the form's numbers, and how many seeds of it."""
    largest, largest_dev = lab.size_of(run.train.of), lab.size_of(run.dev.of)
    columns = st.columns(7)
    one, two, three, four, five, six, seven = columns
    usual_n = min(at.n or largest, largest)
    n = one.number_input("Examples", min(10, largest), largest, usual_n, step=100, key=f"tune_n{at.suffix}", **_KEEP)
    epochs = two.number_input(
        "Epochs", 0.1, 20.0, at.epochs, step=0.5, format="%g", key=f"tune_epochs{at.suffix}", **_KEEP
    )
    rate = three.number_input(
        "Learning rate", 1e-6, 1e-1, _usual_rate(run, at), step=1e-5, format="%.0e",
        key=f"tune_rate_{run.method}_{run.goal}{at.suffix}", **_KEEP,
    )  # fmt: skip
    batch = four.number_input("Batch", 1, 256, at.batch_size, key=f"tune_batch{at.suffix}", **_KEEP)
    seed = five.number_input(
        "First seed",
        0,
        9999,
        0,
        key="tune_seed",
        **_KEEP,
        help="Head, order and dropout. Another seed shows the spread.",
    )
    n_seeds = six.number_input(
        "Seeds", 1, 20, 1, key="tune_seeds", **_KEEP,
        help="So many runs that differ in nothing else; from three on, their spread has an interval.",
    )  # fmt: skip
    rank = run.rank
    if run.method == "lora":
        rank = seven.number_input("Rank", 1, 256, 8, key="tune_rank", **_KEEP, help="Width of the adapters.")
    run = run.replace(
        train=Sample(of=run.train.of, n=0 if n == largest else n),
        dev=Sample(of=run.dev.of, n=min(500, largest_dev) if isinstance(run.dev.of, Suite) else 0),
        rank=rank,
        epochs=epochs,
        learning_rate=rate,
        batch_size=batch,
        warmup=at.warmup,
        seed=seed,
    )
    return run.replace(snapshots=spaced_steps(run.n_steps, count)), n_seeds


def _usual_rate(run: FineTune, at: Recipe) -> float:
    """What suits the method and the goal, unless a paper's recipe says it for all weights."""
    if run.method != "full":
        return _RATES[run.method]
    return at.learning_rate or task_form.RATES.get(run.goal, _RATES["full"])


with show.messages():
    main()
