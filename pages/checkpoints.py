"""Checkpoints: what is there, how it was tuned, and making another."""

from pages.parts.frame import enter

enter()

import pandas as pd  # noqa: E402
import streamlit as st  # noqa: E402

from core.analyses.fine_tune import FineTune  # noqa: E402
from core.charts.curves import loss_curve  # noqa: E402
from core.lab import Lab, Named  # noqa: E402
from core.models.checkpoints import facts, place  # noqa: E402
from core.refs import Sample, Suite  # noqa: E402
from pages.parts import picker, show  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402


def main() -> None:
    """The page."""
    show.heading(
        "Checkpoints",
        "What can be compared, and the place to tune another.",
        "Every run listed here can be chosen as the tuned side in the sidebar.",
    )
    lab = get_lab()
    st.subheader("What is there", anchor=False)
    listing(lab)
    st.subheader("Fine-tune", anchor=False)
    with show.messages():
        fine_tune(lab)
    st.subheader("Add a folder", anchor=False)
    with show.messages():
        add_folder(lab)


def listing(lab: Lab) -> None:
    """Checkpoints on disk, then runs with their dev accuracy."""
    named = lab.checkpoints()
    on_disk = [(one, facts(place(one.ref))) for one in named if not isinstance(one.ref, FineTune)]
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "name": one.name,
                    "family": known.family,
                    "blocks": known.n_layers,
                    "width": known.width,
                    "parameters": known.n_parameters,
                    "size": show.size(known.n_bytes),
                }
                for one, known in on_disk
            ]
        ),
        hide_index=True,
        width="stretch",
        column_config={"parameters": st.column_config.NumberColumn(format="compact")},
    )
    for one in (one for one in named if isinstance(one.ref, FineTune)):
        with st.expander(one.name, icon=":material/model_training:"), show.messages():
            run_card(lab, one)


def run_card(lab: Lab, one: Named) -> None:
    """How one run went: accuracy beside the majority, loss curve, recipe."""
    tuned = lab.peek(one.ref)
    accuracy = tuned.accuracy
    left, right = st.columns([1, 2])
    left.metric(
        "Accuracy on dev sentences",
        f"{accuracy.value:.1%}",
        f"majority {tuned.majority:.1%}",
        delta_color="off",
        delta_arrow="off",
        help=f"95 % interval {accuracy.low:.1%} to {accuracy.high:.1%} over {accuracy.n:,} sentences. Majority: always "
        "answering the commonest training label.",
    )
    left.markdown(
        f"{tuned.n_train:,} sentences, {tuned.n_steps:,} steps, labels {', '.join(tuned.labels[:6])}. "
        f"Learning rate {one.ref.learning_rate:g}, batch {one.ref.batch_size}, warm-up {one.ref.warmup:.0%}, seed {one.ref.seed}."
    )
    with right:
        show.draw_chart(loss_curve(tuned, show.look()), name=f"loss-{one.id}", alt_text="Training loss by step")
    st.caption(show.provenance([one.ref]))


def fine_tune(lab: Lab) -> None:
    """The form, the cost and the start of a run."""
    spec = recipe(lab)
    if spec is None:
        return
    (tuned,) = show.results([spec], what="this run")
    if tuned is not None:
        st.success(f"This run is there: {tuned.accuracy.value:.1%} on the dev sentences.", icon=":material/check:")
        st.button("Compare it with its base", on_click=picker.pick_run, args=(spec,), icon=":material/compare_arrows:")


def recipe(lab: Lab) -> FineTune | None:
    """The spec that the form describes; None where the data has no sentence label."""
    bases = [one for one in lab.checkpoints() if not isinstance(one.ref, FineTune)]
    datasets = [one for one in lab.datasets() if lab.labels_of(one.ref)["sentence"]]
    keep = {"persist_state": "session"}
    one, two, three = st.columns(3)
    base = one.selectbox("Start from", bases, format_func=lambda n: n.name, key="tune_base", **keep)
    train = two.selectbox(
        "Training sentences",
        datasets,
        index=_at(datasets, "suite-train"),
        format_func=lambda n: n.name,
        key="tune_train",
        **keep,
    )
    dev = three.selectbox(
        "Dev sentences",
        datasets,
        index=_at(datasets, "suite-dev"),
        format_func=lambda n: n.name,
        key="tune_dev",
        **keep,
        help="Scored after tuning, never trained on.",
    )
    labels = [name for name in lab.labels_of(train.ref)["sentence"] if name in lab.labels_of(dev.ref)["sentence"]]
    if not labels:
        st.info("These two have no sentence label in common.", icon=":material/info:")
        return None
    if train.ref == dev.ref:
        st.warning("The dev sentences are the training sentences: the score will say nothing about new ones.")
    largest, largest_dev = lab.size_of(train.ref), lab.size_of(dev.ref)
    one, two, three, four, five, six = st.columns(6)
    label = one.selectbox("Label", labels, key="tune_label", **keep)
    n = two.number_input("Sentences", 10, largest, min(1000, largest), step=100, key="tune_n", **keep)
    epochs = three.number_input("Epochs", 0.1, 20.0, 2.0, step=0.5, format="%g", key="tune_epochs", **keep)
    rate = four.number_input("Learning rate", 1e-6, 1e-2, 5e-5, step=1e-5, format="%.0e", key="tune_rate", **keep)
    batch = five.number_input("Batch", 1, 256, 32, key="tune_batch", **keep)
    seed = six.number_input(
        "Seed", 0, 9999, 0, key="tune_seed", **keep, help="Head, order and dropout. Another seed shows the spread."
    )
    return FineTune(
        checkpoint=base.ref,
        train=Sample(of=train.ref, n=0 if n == largest else n),
        dev=Sample(of=dev.ref, n=min(500, largest_dev) if isinstance(dev.ref, Suite) else 0),
        label=label,
        epochs=epochs,
        learning_rate=rate,
        batch_size=batch,
        seed=seed,
    )


def add_folder(lab: Lab) -> None:
    """A local checkpoint by path."""
    with st.form("add_folder", border=False):
        left, right = st.columns([4, 1], vertical_alignment="bottom")
        path = left.text_input(
            "Folder with config.json, tokenizer and .safetensors weights", placeholder="/path/to/checkpoint"
        )
        pressed = right.form_submit_button("Add", icon=":material/add:", width="stretch")
        if pressed and path:
            lab.add_checkpoint(path)
            st.rerun()


def _at(options: list[Named], short: str) -> int:
    return next((i for i, one in enumerate(options) if one.id == short), 0)


with show.messages():
    main()
