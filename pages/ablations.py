"""Ablations: a network tuned again and again with some of its blocks taken away, or taken apart as it was tuned."""

from pages.parts.frame import enter

enter()

import json  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from typing import Any  # noqa: E402

import streamlit as st  # noqa: E402

from core.analyses.ablation import Ablation  # noqa: E402
from core.analyses.checkpoint import shape_of  # noqa: E402
from core.analyses.experiments import (  # noqa: E402
    BY_NAME,
    CLASSROOM,
    CLASSROOM_EXAMPLES,
    CLASSROOM_SEEDS,
    EXPERIMENTS,
    SHUFFLE,
    Point,
)
from core.analyses.fine_tune import FineTune  # noqa: E402
from core.analyses.goals import goal_name  # noqa: E402
from core.analyses.scoring import MEASURES  # noqa: E402
from core.charts import ablations  # noqa: E402
from core.charts.scores import explained  # noqa: E402
from core.keys import to_json  # noqa: E402
from core.lab import Lab  # noqa: E402
from core.refs import Sample, Suite  # noqa: E402
from pages.parts import causes, figures, notes, picker, show, task_form  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402

_KEEP: dict[str, Any] = {"persist_state": "session"}
HELP = (
    "Each point is a run of its own: the checkpoint is changed, then all that is not frozen is tuned, and the head is scored on "
    "dev examples. Thin lines are 95 % intervals over dev examples; from three seeds on a broad band is the 95 % interval over "
    "seeds (training examples drawn, their order, head, dropout). Losses are taken seed by seed, against the intact run of it. A "
    "head alone and LoRA (rank 8) are tuned at a learning rate of 1e-3. From scratch: all weights as the family initialises them. "
    "A head alone reads what heads read, of BERT the pooler over [CLS], or [CLS] itself where the experiment says so; the page "
    "Probes reads means over words."
)


@dataclass(frozen=True)
class Preset:
    """How long, how often, how fast to tune."""

    n: int
    """Examples; 0 = all."""
    seeds: int
    settings: dict[str, Any]
    help: str
    scale: str = "bert"
    """Of weights drawn anew."""
    is_published: bool = False
    """Whether the learning rate is that of a paper, and not what suits the goal."""


def _published(paper: str, seeds: int, help: str, **further: Any) -> dict[str, Preset]:
    """The recipe of a paper, as a preset under its name."""
    recipe = task_form.RECIPES[paper]
    return {paper: Preset(recipe.n, seeds, recipe.settings, help, is_published=True, **further)}


FEW_EXAMPLES, FEW_SEEDS = 100, 5
"""Where chance is asked about, in a classroom: so few examples that it has a say, so many seeds that it can be seen."""
PRESETS = {
    "Classroom": Preset(
        CLASSROOM_EXAMPLES, CLASSROOM_SEEDS, CLASSROOM,
        "400 examples, 3 epochs, 2 seeds: minutes on two cores. Differences must be large to be seen.",
    ),
    **_published(
        task_form.TAMKIN, 3,
        "Kept: learning rate 2e-5 falling in a line, batch 8, 3 epochs, 5,000 examples (theirs also 500 and all), 3 seeds, and the "
        "scale of their code. Cut: model and task are yours to choose (theirs: BERT-base on SST-2, QNLI, and CoLA by Matthews "
        "correlation). Their checks, kept layer norms and five times the rate for reset blocks, are below.",
        scale="tamkin-code",
    ),
    **_published(
        task_form.MERCHANT, 3,
        "For freezing and leaving out. Kept: every number of blocks from none to all, all examples. Their recipe and seeds are not "
        "known here: BERT's own stands in (3e-5 after 10 % warm-up, batch 32, 3 epochs), and 3 seeds. Cut: model and task are your "
        "choice (theirs: BERT-base on MNLI, SQuAD and dependency parsing).",
    ),
    **_published(
        task_form.ZHANG, 5,
        "For steadiness on few examples. Kept: learning rate 2e-5 after 10 % warm-up, batch 32, 3 epochs, 1,000 examples, the "
        "pooler and the top of the network drawn anew at sd 0.02, longer training. Cut: 5 seeds (theirs 50); one number of blocks; "
        "model and task are yours to choose (theirs: BERT-large on small GLUE tasks).",
    ),
}  # fmt: skip


def main() -> None:
    """The page."""
    show.heading(
        "Ablations",
        "What does a task need of the network, and which layers carry what tuning changed?",
        "Experiments tune anew; grafts and patches take the tuned network apart without training.",
    )
    views = {
        "Experiments": experiments,
        "Grafts": causes.grafts,
        "Patched states": causes.over_sentences,
        "Patched sentence": causes.in_one_sentence,
    }
    show.views(views, None, key="ablations")


def experiments(_: Any) -> None:
    """Reset, freeze, leave out or shuffle blocks, then tune: the lower a point, the more was lost."""
    lab = get_lab()
    names = [experiment.name for experiment in EXPERIMENTS]
    left, middle, right = st.columns([5, 3, 6])
    with left:
        show.link_holds("ablation", names, "Experiment")
        name = st.selectbox("Experiment", names, key="ablation", bind="query-params")
    with st.expander("Task and recipe", icon=":material/tune:"):
        asked = recipe(lab, name)
    if asked is None:
        return
    with show.messages():
        ablation, read, goals = asked
        besides = ablation.besides | ablation.elsewhere(goals)
        goal = ablation.of.goal
        with middle:
            score = "ablation_score" if goal == "label" else f"ablation_score_{goal}"  # each goal has scores of its own
            show.link_holds(score, MEASURES[goal], "Score")
            measure = st.selectbox("Score", MEASURES[goal], key=score, bind="query-params")
        with right:
            show.link_holds_all("ablation_besides", besides, "Beside it")
            beside = st.multiselect(
                "Beside it", list(besides), key="ablation_besides", max_selections=len(ablations.MARKS),
                bind="query-params", placeholder="nothing",
                help="Other experiments with the same places, or this one on fewer examples or another label, in the same figure.",
            )  # fmt: skip
        draw(lab, ablation, measure, read, {name: besides[name] for name in beside})


def recipe(lab: Lab, name: str) -> tuple[Ablation, str, list[tuple[str, str, str]]] | None:
    """The experiment of a name on the run that the form describes, the name of the training examples, and all that they have to be
    learnt; None where that is nothing."""
    task = task_form.task(lab)
    if task is None:
        return None
    one, two, three, four = st.columns(4)
    learnt = task_form.learnt(one, task)
    preset = PRESETS[two.selectbox("Preset", list(PRESETS), key="ablation_preset", **_KEEP)]
    largest, largest_dev = lab.size_of(task.train.ref), lab.size_of(task.dev.ref)
    is_of_spread = BY_NAME[name].is_of_spread and not preset.is_published
    usual = min((FEW_EXAMPLES if is_of_spread else preset.n) or largest, largest)
    usual_seeds = FEW_SEEDS if is_of_spread else preset.seeds
    n = three.number_input(
        "Examples", min(10, largest), largest, usual, step=100, key=f"ablation_n_{usual}", help=preset.help, **_KEEP
    )
    n_seeds = four.number_input(
        "Seeds",
        1,
        50,
        usual_seeds,
        key=f"ablation_seeds_{usual_seeds}",
        help="From 3 on, the spread has an interval.",
        **_KEEP,
    )
    one, two, three = st.columns([1, 1, 2], vertical_alignment="bottom")
    scales = ["bert", "tamkin-code"]
    scale = one.selectbox(
        "Drawn anew", scales, index=scales.index(preset.scale), key=f"ablation_scale_{preset.scale}",
        help="bert: sd 0.02, cut off at two sd, as BERT was initialised. tamkin-code: what the paper's own code drew by a slip, 38 "
        "times smaller, so that a reset block hands on what it is given.", **_KEEP,
    )  # fmt: skip
    faster = two.number_input(
        "Reset blocks learn ×", 0.1, 100.0, 1.0, step=1.0, format="%g", key="ablation_rate",
        help="Their learning rate, as a multiple of the others'; Tamkin et al. check 5.", **_KEEP,
    )  # fmt: skip
    keeps = three.checkbox("Reset blocks keep their layer norms", key="ablation_norms", **_KEEP)
    run = FineTune(
        checkpoint=task.base.ref,
        train=Sample(of=task.train.ref, n=0 if n == largest else n),
        dev=Sample(of=task.dev.ref, n=min(500, largest_dev) if isinstance(task.dev.ref, Suite) else 0),
        **learnt,
        **preset.settings,
    )
    if not preset.is_published:
        run = run.replace(learning_rate=task_form.RATES.get(run.goal, run.learning_rate))
    ablation = Ablation(
        experiment=name,
        of=run,
        n_blocks=shape_of(run.checkpoint).n_layers,
        n_seeds=n_seeds,
        scale=scale,
        keeps_norms=keeps,
        reset_rate=faster,
    )
    return ablation, task.train.name, task.goals


def draw(lab: Lab, ablation: Ablation, measure: str, read: str, besides: dict[str, Ablation]) -> None:
    """What is there, and the way to the rest.

    Args:
        lab: of this machine.
        ablation: what is asked.
        measure: which score.
        read: name of the training examples.
        besides: other experiments for the same figure, by what differs, in words.
    """
    run, experiment, points = ablation.of, ablation.asked, ablation.points
    n = run.train.n or lab.size_of(run.train.of)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(
            f"Learnt: {show.escaped(goal_name(run.goal, run.label))} ({run.unit}s) from {n:,} examples of {show.escaped(read)}, "
            f"{ablation.n_seeds} seeds.",
            width="content",
        )
        _to_share(ablation)
    others = {name: other.points for name, other in besides.items()}
    # An experiment and what stands beside it may share their intact runs.
    asked = list(dict.fromkeys(point.trial for own in (points, *others.values()) for point in own))
    held = dict(zip(asked, show.results(asked, what=f"runs of “{experiment.name}”"), strict=True))
    trials = ablations.trials_table(points, [held[point.trial] for point in points], measure)
    if trials.empty:
        return
    beside = [
        ablations.Beside(name=name, trials=ablations.trials_table(own, [held[point.trial] for point in own], measure))
        for name, own in others.items()
    ]
    so_far = "" if len(trials) == len(points) else f" So far {len(trials)} of {len(points)} runs."
    st.markdown(
        f"**{experiment.asks}** {ablations.finding(trials, experiment, ablation.n_blocks, measure)} "
        f"{ablations.guessing(trials, measure)}{so_far}",
        help=f"{HELP} {explained(run.goal)} ({experiment.source})",
    )
    if experiment.name == SHUFFLE and len(trials) == len(points):
        for one in beside:
            agreement = ablations.orders_agree(trials, one.trials, experiment.intact(ablation.n_blocks))
            if agreement and besides[one.name].asked == experiment:
                st.markdown(f"Beside it, {show.escaped(one.name)}: {agreement}")
    if beside:
        st.html(f"<small>{ablations.key_of_series(experiment.name, beside, show.look())}</small>")
    figures.figure(
        ablations.ablation_chart(trials, experiment, show.look(), ablation.n_blocks, measure, besides=beside),
        ablations.all_tables(trials, experiment.name, beside),
        name="ablation",
        alt_text=f"{measure} on dev examples against {experiment.axis}, each seed a point",
        specs=[trial for trial in asked if held[trial] is not None],
        note=notes.trials(trials, ablation),
    )
    _to_keep(points)


def _to_keep(points: list[Point]) -> None:
    """One of the runs as a checkpoint that every page can look into."""
    kept = {f"{point.at} · seed {point.seed}": run for point in points if (run := point.trial.kept) is not None}
    with st.expander("Look inside one of these runs", icon=":material/troubleshoot:"):
        if not kept:
            st.markdown(
                "Blocks are left out or moved here: what is left is another network than its start, with other layers to compare. "
                "Its scores are kept, its weights are not."
            )
            return
        st.markdown(
            "Trials keep scores, not weights. One of them can be tuned once more, which gives the same weights to the bit, and "
            "kept as a checkpoint: Layers, Maps and Probes then show what its layers became."
        )
        which = st.selectbox("Run", list(kept), index=None, key="ablation_keep", width=360, placeholder="Choose one")
        if which is None:
            return
        (tuned,) = show.results([kept[which]], what=f"the checkpoint “{which}”")
        if tuned is not None:
            st.button(
                "Compare it with its base", on_click=picker.pick_run, args=(kept[which],), icon=":material/compare_arrows:",
                key="ablation-pick",
            )  # fmt: skip


def _to_share(ablation: Ablation) -> None:
    """The experiment as a file that runs without pages."""
    with st.popover("Share or run elsewhere", icon=":material/share:"):
        st.markdown(
            "The whole experiment as a file, which runs without pages, over night for instance. Over the same cache folder nothing "
            "is computed twice, and this page draws what comes out of it. Elsewhere it needs the same data and checkpoints: the "
            "built-in ones are there, files of your own must lie at the same paths."
        )
        st.code("python -m core run experiment.json", language="bash")
        st.download_button(
            "experiment.json",
            json.dumps(to_json(ablation), indent=1),
            file_name="experiment.json",
            mime="application/json",
            on_click="ignore",
            icon=":material/download:",
            key="ablation-file",
        )


with show.messages():
    main()
