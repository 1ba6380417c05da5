"""Layers: the same numbers as the strip, as curves to read off, and every layer against every other."""

from pages.parts.frame import enter

enter()

import streamlit as st  # noqa: E402

from core.analyses.similarity import LayerSimilarity, Similarity  # noqa: E402
from core.charts import curves, heat, strip  # noqa: E402
from pages.parts import notes, picker, show  # noqa: E402
from pages.parts.selection import Selection, with_search  # noqa: E402


def main() -> None:
    """The page."""
    show.heading(
        "Layers",
        "Which layers changed, and what each of them still knows.",
        "Read curves from left (embeddings) to right (top of the network); bands are 95 % intervals, grey is control.",
    )
    chosen = picker.compared()
    if chosen is None:
        return
    views = {
        "Kept space": kept,
        "Layer by layer": matrix,
        "What can be read": readable,
        "Crowding": crowding,
        "Weights": weights,
    }
    show.views(views, chosen, key="view")


MEASURES = {"cka": "CKA", "rsa": "RSA"}
WHAT_IT_IS = {
    "cka": "**Linear CKA** (Kornblith et al. 2019), 0 to 1, 1 = unchanged, compares how the same inputs lie to each other in "
    "two spaces. It ignores rotation, scale and a shift of the whole space. With fewer rows than ten times the width the "
    "plain estimator is inflated, so the debiased one is shown; it may dip below 0. A few directions of large variance can "
    "decide it alone. Do not read it as a share of knowledge kept.",
    "rsa": "**RSA** (Kriegeskorte et al. 2008; Merchant et al. 2020), -1 to 1, 1 = unchanged, correlates the cosines of all "
    "pairs of inputs in two spaces. It ignores rotation and scale, but not a shift: when tuning moves all vectors one way, "
    "cosines change and RSA falls though CKA stays. Where all cosines are nearly alike, it correlates noise. Pairs share "
    "inputs, so the interval leaves out whole groups of sentences.",
}


def measured(chosen: Selection) -> tuple[Similarity, LayerSimilarity | None]:
    """The switch between CKA and RSA, and the result of the one chosen."""
    measure = st.segmented_control(
        "Measure",
        list(MEASURES),
        default="cka",
        format_func=lambda name: MEASURES[name],
        key="measure",
        bind="query-params",
        help="\n\n".join(WHAT_IT_IS.values()),
    )
    spec = chosen.similarity_by(measure or "cka")
    (similarity,) = show.results([spec], what=f"similarity ({MEASURES[spec.measure]})")
    return spec, similarity


def kept(chosen: Selection) -> None:
    """CKA or RSA, base against tuned, at the same layer."""
    spec, similarity = measured(chosen)
    if similarity is None:
        return
    st.markdown(
        "**How much of each layer's space is kept?** 1 means the same geometry up to rotation and scale.",
        help=WHAT_IT_IS[spec.measure],
    )
    show.figure(
        curves.similarity_curve(similarity, show.look(), chosen.layer),
        strip.kept_table(similarity),
        name="similarity",
        alt_text=f"{MEASURES[spec.measure]} of base against tuned by layer",
        specs=[spec],
        note=notes.similarity(similarity, chosen),
    )


def matrix(chosen: Selection) -> None:
    """Every layer against every layer."""
    spec, similarity = measured(chosen)
    if similarity is None:
        return
    st.markdown(
        "**Which layers resemble which?** A bright diagonal means that each layer kept its role; a dark top row means that "
        "the tuned top layer resembles no base layer.",
        help=WHAT_IT_IS[spec.measure],
    )
    show.figure(
        heat.similarity_heat(similarity, show.look()),
        heat.similarity_matrix_table(similarity),
        name="similarity-matrix",
        alt_text=f"{MEASURES[spec.measure]} of every base layer against every tuned layer",
        specs=[spec],
        note=notes.similarity(similarity, chosen),
    )


def readable(chosen: Selection) -> None:
    """Probe accuracy with controls."""
    if not chosen.label:
        st.info("This text has no labels to read. Choose another in the sidebar.", icon=":material/info:")
        return
    search = st.toggle(
        "Choose the penalty",
        key="probe_search",
        bind="query-params",
        help="In each split of each layer, by a part of its training sentences: C from 0.0001 to 1. Otherwise C = 0.01 "
        "everywhere. The control task has the penalty of its probe.",
    )
    specs = chosen.searched_probes() if search else (chosen.probe_change, *chosen.probes)
    change, base, tuned = show.results(specs, what="probes")
    if not (change and base and tuned):
        return
    random = None
    control = chosen.random_probe
    if control and search:
        control = with_search(control)
    if control:
        (random,) = show.results([control], what="the probe on random weights")
    table = strip.probe_table(base, tuned, change, random)
    memory = "memorised words" if chosen.embedded == "word" else "a probe finds in shuffled labels"
    st.markdown(
        f"**Can {chosen.label_name} be read by a straight cut through the space?** Above the grey lines a layer gives more "
        f"than a guess (majority) and more than {memory} (control task).",
        help="Multinomial logistic regression on standardised vectors. The control task gives every word type one random "
        "label (Hewitt & Liang 2019), or shuffles the labels of sentences: what the probe scores there it can memorise. "
        "The model of random weights has the same shape and tokenizer: what a probe reads there, no training put there. "
        "A probe shows what can be read, not what the network uses.",
    )
    show.figure(
        curves.side_curves(
            table,
            "accuracy",
            show.look(),
            chosen.layer,
            title="accuracy on held-out sentences",
            percent=True,
            controls=True,
        ),
        table,
        name="probe",
        alt_text=f"Probe accuracy for {chosen.label_name} by layer, base and tuned",
        specs=[*specs, *([control] if control and random else [])],
        note=notes.probe(base, tuned, chosen),
    )


def crowding(chosen: Selection) -> None:
    """Mean cosine of random pairs."""
    (measured,) = show.results([chosen.crowding], what="crowding")
    if measured is None:
        return
    st.markdown(
        f"**Do {chosen.embedded}s crowd into a cone?** 0 means that random pairs point anywhere, 1 that all point one way.",
        help="Mean cosine of random pairs from different sentences (Ethayarajh 2019). A few outlier dimensions can raise it "
        "alone, so it is a flawed measure of isotropy (Rudman & Eickhoff 2024): read it beside others.",
    )
    table = strip.crowding_table(measured)
    show.figure(
        curves.side_curves(
            table,
            "mean_cosine",
            show.look(),
            chosen.layer,
            title="mean cosine of random pairs",
            percent=False,
            controls=False,
        ),
        table,
        name="crowding",
        alt_text="Mean cosine of random pairs by layer, base and tuned",
        specs=[chosen.crowding],
        note=notes.crowding(measured),
    )


def weights(chosen: Selection) -> None:
    """Relative weight change, block by block and tensor by tensor."""
    if not chosen.is_one_shape:
        st.info(notes.NO_WEIGHTS, icon=":material/info:")
        return
    (changes,) = show.results([chosen.weights], what="weight change")
    if changes is None:
        return
    st.markdown(
        "**How far did the weights move?** Small steps in every block can still rewrite the top of the space.",
        help="Frobenius norm of tuned minus base, over that of base. One run of tuning has no spread; tune another seed to see it.",
    )
    show.figure(
        curves.weight_bars(strip.weights_table(changes), show.look(), chosen.layer),
        changes.tensors,
        name="weight-change",
        alt_text="Relative weight change by layer",
        specs=[chosen.weights],
        note=notes.weights(changes, chosen),
    )


with show.messages():
    main()
