"""Layers: the same numbers as the strip, as curves to read off, and every layer against every other."""

from pages.parts.frame import enter

enter()

from collections.abc import Mapping, Sequence  # noqa: E402

import streamlit as st  # noqa: E402

from core.analyses.similarity import LayerSimilarity, Similarity, equal_limits  # noqa: E402
from core.charts import curves, heat, strip  # noqa: E402
from core.charts import similarity as similarity_charts  # noqa: E402
from core.lab import Named  # noqa: E402
from pages.parts import figures, notes, picker, show  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402
from pages.parts.selection import SHARES_OF_L1, USUAL, Fitting, Selection, distinct_names, label_said, twin_of  # noqa: E402


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
        "Two texts": two_texts,
        "What can be read": readable,
        "Crowding": crowding,
    }
    show.views(views, chosen, key="view")


MEASURES = similarity_charts.NAMES
FLOORS = ("other sentences", "another seed of tuning")


def measured(chosen: Selection) -> tuple[Similarity, LayerSimilarity | None]:
    """The choice of measure and of words, and the result of the one chosen."""
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        measure = choose_measure()
    with right:
        kind = choose_kind(chosen)
    spec = chosen.similarity_by(measure, kind)
    (similarity,) = show.results([spec], what=f"similarity ({MEASURES[spec.measure]})")
    return spec, similarity


def choose_measure() -> str:
    """A measure by its short name; beside it, on hover, the card of the one chosen."""
    chosen = st.session_state.get("measure") or "cka"
    measure = st.segmented_control(
        "Measure",
        list(MEASURES),
        default="cka",
        format_func=lambda name: MEASURES[name],
        key="measure",
        bind="query-params",
        help=similarity_charts.card_help(chosen if chosen in MEASURES else "cka"),
    )
    return measure or "cka"


def choose_kind(chosen: Selection) -> tuple[str, str]:
    """Word label and value of the words that are compared; empty = all."""
    label = (chosen.unit == "word" and chosen.label) or "upos"
    counted = {one.name: one for one in get_lab().counts_of(chosen.data.ref).labels if one.unit == "word"}
    if chosen.embedded != "word" or label not in counted:
        return "", ""
    values = [value for value in counted[label].labels if value]
    value = st.selectbox(
        "Words",
        ["", *values],
        format_func=lambda value: value or "all words",
        key=f"kind_{label}",
        bind="query-params",
        help=f"Compare words of one kind alone, by their {label_said(label)}, commonest first. Few words of it in the "
        "sample: wide intervals, or a message.",
    )
    return (label, value) if value else ("", "")


def kept(chosen: Selection) -> None:
    """A measure, base against tuned, at the same layer, beside what noise keeps."""
    spec, similarity = measured(chosen)
    if similarity is None:
        return
    st.markdown(
        f"**How much of each layer's space is kept?** {MEASURES[spec.measure]}: {similarity_charts.direction(spec.measure)}.",
        help=similarity_charts.card_help(spec.measure),
    )
    place = st.container()
    floors = noise_floors(chosen, spec)
    beside = {name: held for name, (_, held) in floors.items()}
    others = chosen.resampled if FLOORS[0] in beside else None
    same = get_lab().shared_sentences(chosen.sample, others.sample) if others else None
    with place:
        figures.figure(
            similarity_charts.kept_curve(similarity, show.look(), chosen.layer, beside),
            similarity_charts.curves_table({similarity_charts.OWN: similarity} | beside),
            name="similarity",
            alt_text=f"{MEASURES[spec.measure]} of base against tuned by layer",
            specs=[spec, *(floor for floor, _ in floors.values())],
            note=notes.kept(similarity, chosen, spec.value, list(beside.values()), same),
        )


def noise_floors(chosen: Selection, spec: Similarity) -> dict[str, tuple[Similarity, LayerSimilarity]]:
    """What differs by noise alone, where it is asked for and stored; below the switches the offer to compute what is not."""
    assert chosen.tuned is not None
    kind, others = (spec.label, spec.value), chosen.resampled
    twin = twin_of(chosen.tuned, get_lab().checkpoints())
    sentences, seed = FLOORS
    wanted: dict[str, Similarity] = {}
    left, right = st.columns(2)
    is_wanted = left.toggle(
        f"Beside it: {sentences}",
        key="floor_sentences",
        bind="query-params",
        disabled=others is None,
        help="The same comparison on another sample of the text, drawn by the next seed: what the choice of sentences changes. It "
        "is drawn from all sentences, so that some are the same (their share stands below the figure): the more are, the nearer "
        "the grey curve lies to the other."
        + ("" if others else " All sentences are read already: choose fewer in the sidebar."),
    )
    if is_wanted and others:
        wanted[sentences] = others.similarity_by(spec.measure, kind)
    is_wanted = right.toggle(
        f"Beside it: {seed}",
        key="floor_seed",
        bind="query-params",
        disabled=twin is None,
        help="The tuned checkpoint against another run of the same tuning that differs by its seed alone: what chance in training "
        "changes. Where base and tuned are no further apart, tuning did no more than chance."
        + ("" if twin else " There is no such run yet: tune once more with another seed on the page Lab."),
    )
    if is_wanted and twin:
        wanted[seed] = chosen.similarity_to(twin, spec.measure, kind)
    found = show.results(list(wanted.values()), what=" and ".join(wanted)) if wanted else []
    return {name: (floor, held) for (name, floor), held in zip(wanted.items(), found, strict=True) if held}


def two_texts(chosen: Selection) -> None:
    """The same measure on a second text, and the difference."""
    lab, measure = get_lab(), choose_measure()
    names = distinct_names(lab.datasets())
    second = choose_second(chosen, names)
    views = [chosen, chosen.on_text(second, lab.size_of(second.ref))]
    if misfit := next((view.misfit for view in views if view.misfit), ""):
        st.info(misfit, icon=":material/info:")
        return
    specs, found = on_equal_rows(views, measure)
    if not all(found):
        return
    called = [names.get(view.data.id, view.data.name) for view in views]
    results = dict(zip(called, found, strict=True))
    table, look = similarity_charts.texts_table(results), show.look()
    st.markdown(
        f"**Did {chosen.tuning} change one text more than the other?** {MEASURES[measure]}: "
        f"{similarity_charts.direction(measure)}. A hollow mark: not told apart from the first text.",
        help=similarity_charts.card_help(measure),
    )
    both = figures.draw_chart(
        similarity_charts.texts_curves(table, look, chosen.layer, measure=measure),
        name="two-texts",
        alt_text=f"{MEASURES[measure]} of base against tuned by layer on two texts",
    )
    less = f"{show.escaped(called[1])} minus {show.escaped(called[0])}"
    st.markdown(f"**{less}**, with its 95 % interval; grey: inside the noise.")
    figures.figure(
        similarity_charts.texts_difference(table, look, chosen.layer, measure=measure),
        table,
        name="two-texts-difference",
        alt_text=f"Difference of {MEASURES[measure]} between the two texts by layer",
        specs=specs,
        note=notes.two_texts(results, chosen, lab.shared_sentences(*(view.sample for view in views))),
        also=[both],
    )


def choose_second(chosen: Selection, names: Mapping[str, str]) -> Named:
    """Another text, first what differs by its domain alone: the same split of another part of the suite."""
    others = [one for one in get_lab().datasets() if one.id != chosen.data.id]
    split = getattr(chosen.data.ref, "split", None)
    others.sort(key=lambda one: (getattr(one.ref, "split", None) != split, getattr(one.ref, "lexicon", "") == "split"))
    return st.selectbox(
        "Second text",
        others,
        format_func=lambda one: names.get(one.id, one.name),
        key="second_text",
        bind="query-params",
        help="As many of its sentences are read as of the text in the sidebar; measures whose value moves with the number of rows "
        "(angle, SVCCA, PWCCA, neighbours) read equally many words, drawn from the longer text. Take a text from another "
        "domain than the checkpoint was tuned on: where it changed less, tuning was specific to what it saw (Merchant et al. "
        "2020).",
    )


def on_equal_rows(views: Sequence[Selection], measure: str) -> tuple[list[Similarity], list[LayerSimilarity | None]]:
    """The measure on each text, of equally many rows where its value moves with their number; what is not stored is offered."""
    what = f"similarity ({MEASURES[measure]}) on two texts"
    limits = equal_limits(measure, [get_lab().rows_of(view.sample, view.embedded) for view in views])
    specs = [view.similarity_by(measure, max_rows=limit) for view, limit in zip(views, limits, strict=True)]
    found = show.results(specs, what=what)
    lost = equal_limits(measure, [held.n_rows for held in found if held]) if all(found) else limits
    if any(lost) and lost != limits:  # a tokenizer lost words of a text: the other has to read as few
        specs = [view.similarity_by(measure, max_rows=limit) for view, limit in zip(views, lost, strict=True)]
        found = show.results(specs, what=f"{what}, without lost words")
    return specs, found


def matrix(chosen: Selection) -> None:
    """Every layer against every layer."""
    spec, similarity = measured(chosen)
    if similarity is None:
        return
    st.markdown(
        "**Which layers resemble which?** A bright diagonal means that each layer kept its role; a dark top row means that "
        "the tuned top layer resembles no base layer.",
        help=similarity_charts.card_help(spec.measure),
    )
    figures.figure(
        heat.similarity_heat(similarity, show.look(), chosen.layer),
        heat.similarity_matrix_table(similarity),
        name="similarity-matrix",
        alt_text=f"{MEASURES[spec.measure]} of every base layer against every tuned layer",
        specs=[spec],
        note=notes.similarity(similarity, chosen, spec.value),
    )


def readable(chosen: Selection) -> None:
    """Probe accuracy with controls."""
    if not picker.has_classes(chosen):
        return
    fitting = fitted_by()
    specs = chosen.probes_by(fitting)
    change, base, tuned = show.results(specs, what="probes")
    if not (change and base and tuned):
        return
    control = chosen.random_probe and fitting.of(chosen.random_probe)
    place, random = show.control(control, what="the probe on random weights")
    table = strip.probe_table(base, tuned, change, random)
    memory = "memorised words" if chosen.embedded == "word" else "a probe finds in shuffled labels"
    with place:
        st.markdown(
            f"**Can {chosen.label_said} be read by a straight cut through the space?** Above the grey lines a layer gives more "
            f"than a guess (majority) and more than {memory} (control task).",
            help="Multinomial logistic regression on standardised vectors. The control task gives every word type one random "
            "label (Hewitt & Liang 2019), or shuffles the labels of sentences: what the probe scores there it can memorise. "
            "The model of random weights has the same shape and tokenizer: what a probe reads there, no training put there. "
            "A probe shows what can be read, not what the network uses.",
        )
        figures.figure(
            curves.side_curves(
                table,
                "accuracy",
                show.look(),
                chosen.layer,
                title=f"{'balanced ' if fitting.balanced else ''}accuracy on held-out sentences",
                percent=True,
                controls=True,
            ),
            table,
            name="probe",
            alt_text=f"Probe accuracy for {chosen.label_name} by layer, base and tuned",
            specs=[*specs, *([control] if control and random else [])],
            note=notes.probe(base, tuned, chosen, fitting),
        )


def fitted_by() -> Fitting:
    """How probes are fitted, as asked for on the page."""
    with st.container(horizontal=True, vertical_alignment="center"):
        penalty = st.segmented_control(
            "Penalty",
            list(SHARES_OF_L1),
            default=USUAL.penalty,
            key="probe_penalty",
            bind="query-params",
            required=True,
            label_visibility="collapsed",
            help="What holds the weights of the probe down. L2 keeps all of them small; L1 sets most of them to 0, so that "
            "the probe reads few features; an elastic net does half of each.",
        )
        search = st.toggle(
            "Choose its strength",
            key="probe_search",
            bind="query-params",
            help="In each split of each layer, by a part of its training sentences: C from 0.0001 to 1. Otherwise C = 0.01 "
            "everywhere. The control task has the strength of its probe.",
        )
        balanced = st.toggle(
            "All classes count the same",
            key="probe_balanced",
            bind="query-params",
            help="However many rows they have: each class has the same weight in fitting, and accuracy is the mean over classes "
            "of the share that is right. Rare classes then matter as much as common ones.",
        )
    return Fitting(search=search, penalty=penalty, balanced=balanced)


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
    figures.figure(
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


with show.messages():
    main()
