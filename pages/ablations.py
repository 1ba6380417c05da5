"""Ablations: tune a network again and again, each time with some of its blocks taken away, and see what the task loses."""

from pages.parts.frame import enter

enter()

from dataclasses import dataclass  # noqa: E402
from typing import Any  # noqa: E402

import streamlit as st  # noqa: E402

from core.analyses.checkpoint import shape_of  # noqa: E402
from core.analyses.experiments import EXPERIMENTS, Experiment, grid  # noqa: E402
from core.analyses.fine_tune import MEASURES, FineTune  # noqa: E402
from core.charts import ablations  # noqa: E402
from core.lab import Lab  # noqa: E402
from core.refs import Sample, Suite  # noqa: E402
from pages.parts import notes, show, task_form  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402
from pages.parts.selection import label_said  # noqa: E402

_KEEP: dict[str, Any] = {"persist_state": "session"}
HELP = (
    "Each point is a run of its own: the checkpoint is changed, then all that is not frozen is tuned, and the head is scored on "
    "dev examples. Thin lines are 95 % intervals over dev examples; from three seeds on a broad band is the 95 % interval over "
    "seeds (training examples drawn, their order, head, dropout). Losses are taken seed by seed, against the intact run of it. A "
    "head alone is tuned at a learning rate of 1e-3."
)


@dataclass(frozen=True)
class Preset:
    """How long, how often, how fast to tune."""

    n: int
    seeds: int
    settings: dict[str, Any]
    help: str
    scale: str = "bert"
    """Of weights drawn anew."""


PRESETS = {
    "Classroom": Preset(
        400, 2, {"epochs": 3.0, "learning_rate": 1e-4, "batch_size": 16},
        "400 examples, 3 epochs, 2 seeds: minutes on two cores. Differences must be large to be seen.",
    ),
    "Tamkin et al. 2020": Preset(
        5000, 3, {"epochs": 3.0, "learning_rate": 2e-5, "batch_size": 8, "warmup": 0.0},
        "Kept: learning rate 2e-5 falling in a line, batch 8, 3 epochs, 5,000 examples (theirs also 500 and all), 3 seeds, and the "
        "scale of their code. Cut: model and task are yours to choose (theirs: Matthews correlation for CoLA, accuracy else); "
        "kept layer norms and a higher rate for reset blocks are not here.",
        scale="tamkin-code",
    ),
}  # fmt: skip


def main() -> None:
    """The page."""
    show.heading(
        "Ablations",
        "What does a task need of a pretrained network?",
        "Reset, freeze, leave out or shuffle blocks, then tune: the lower a point, the more was lost.",
    )
    lab = get_lab()
    names = {experiment.name: experiment for experiment in EXPERIMENTS}
    measures = [ablations.ACCURACY, *MEASURES]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        show.link_holds("ablation", names, "Experiment")
        experiment = names[st.selectbox("Experiment", list(names), key="ablation", bind="query-params", width=330)]
        measure = st.selectbox("Score", measures, key="ablation_score", bind="query-params", width=230)
    with st.expander("Task and recipe", icon=":material/tune:"):
        asked = recipe(lab)
    if asked is not None:
        with show.messages():
            draw(lab, experiment, measure, *asked)


def recipe(lab: Lab) -> tuple[FineTune, int, str, str] | None:
    """The run without surgery, how many seeds, the scale of weights drawn anew, and the name of the training examples; None where
    the data has no label."""
    task = task_form.task(lab)
    if task is None:
        return None
    one, two, three, four, five = st.columns(5)
    unit, label = task_form.learnt(one, task)
    preset = PRESETS[two.selectbox("Preset", list(PRESETS), key="ablation_preset", **_KEEP)]
    largest, largest_dev = lab.size_of(task.train.ref), lab.size_of(task.dev.ref)
    usual = min(preset.n, largest)
    n = three.number_input(
        "Examples", min(10, largest), largest, usual, step=100, key=f"ablation_n_{usual}", help=preset.help, **_KEEP
    )
    n_seeds = four.number_input(
        "Seeds",
        1,
        50,
        preset.seeds,
        key=f"ablation_seeds_{preset.seeds}",
        help="From 3 on, the spread has an interval.",
        **_KEEP,
    )
    scales = ["bert", "tamkin-code"]
    scale = five.selectbox(
        "Drawn anew", scales, index=scales.index(preset.scale), key=f"ablation_scale_{preset.scale}",
        help="bert: sd 0.02, cut off at two sd, as BERT was initialised. tamkin-code: what the paper's own code drew by a slip, 38 "
        "times smaller, so that a reset block hands on what it is given.", **_KEEP,
    )  # fmt: skip
    run = FineTune(
        checkpoint=task.base.ref,
        train=Sample(of=task.train.ref, n=0 if n == largest else n),
        dev=Sample(of=task.dev.ref, n=min(500, largest_dev) if isinstance(task.dev.ref, Suite) else 0),
        label=label,
        unit=unit,
        **preset.settings,
    )
    return run, n_seeds, scale, task.train.name


def draw(lab: Lab, experiment: Experiment, measure: str, run: FineTune, n_seeds: int, scale: str, read: str) -> None:
    """What is there, and the way to the rest. Args: read: name of the training examples."""
    n = run.train.n or lab.size_of(run.train.of)
    st.caption(
        f"Learnt: {label_said(run.label)} ({run.unit}s) from {n:,} examples of {show.escaped(read)}, {n_seeds} seeds."
    )
    n_blocks = shape_of(run.checkpoint).n_layers
    points = grid(experiment, run, n_blocks, n_seeds, scale=scale)
    found = show.results([point.trial for point in points], what=f"runs of “{experiment.name}”")
    trials = ablations.trials_table(points, found, measure)
    if trials.empty:
        return
    so_far = "" if len(trials) == len(points) else f" So far {len(trials)} of {len(points)} runs."
    st.markdown(
        f"**{experiment.asks}** {ablations.finding(trials, experiment, n_blocks, measure)} Always answering the commonest label "
        f"gives {ablations.written(trials['guessing'].mean(), measure)}.{so_far}",
        help=f"{HELP} ({experiment.source})",
    )
    show.figure(
        ablations.ablation_chart(trials, experiment, show.look(), n_blocks, measure),
        trials,
        name="ablation",
        alt_text=f"{measure} on dev examples against {experiment.axis}, each seed a point",
        specs=[point.trial for point, scores in zip(points, found, strict=True) if scores is not None],
        note=notes.trials(trials, run, n_seeds, scale if experiment.resets else ""),
    )


with show.messages():
    main()
