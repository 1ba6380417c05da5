"""Neurons: which single units carry a label, where they live, how few do, and what became of each in tuning."""

from pages.parts.frame import enter

enter()

from typing import Any  # noqa: E402

import streamlit as st  # noqa: E402

from core.analyses import neuron_depth  # noqa: E402
from core.analyses.checkpoint import shape_of  # noqa: E402
from core.analyses.inner_embed import AnyEmbed, Place, read_at, why_not  # noqa: E402
from core.analyses.neuron_ablation import DRAWS, HELD  # noqa: E402
from core.analyses.neuron_profile import Profile, profile, watched  # noqa: E402
from core.analyses.neuron_twins import FATES  # noqa: E402
from core.analyses.neurons import (  # noqa: E402
    GAUSSIAN_CANDIDATES,
    GAUSSIAN_ROWS,
    GAUSSIANS,
    RANKINGS,
    Neurons,
)
from core.charts import board, curves, neuron_twins, neurons  # noqa: E402
from core.data.load import load_sample  # noqa: E402
from core.keys import key_of  # noqa: E402
from core.refs import MOST_TYPED, Sample, Typed  # noqa: E402
from pages.parts import figures, notes, picker, several, show  # noqa: E402
from pages.parts.selection import Selection  # noqa: E402

_STATES = "States of the layers"
_SITES: dict[str, Place] = {_STATES: "", "MLP units": "mlp", "Attention heads": "heads"}
HELP_SITES = (
    "States: what a block hands on to the next, to which each block adds. MLP units: the numbers inside a block's feed-forward "
    "network, after their activation, usually four times as many. Attention heads: what each head gives before they are mixed. "
    "Both lie inside a block, so that there is no layer 0 of them. The demo holds states only: the others are computed first."
)
_HEAD, _READING = "Its head", "The label, by a probe"
HELP_RANKINGS = (
    "Linear correlation: large weights of a sparse linear probe on all layers at once (Dalvi et al. 2019; Durrani et al. 2021). "
    "Probeless: how far the means of the classes lie apart (Antverg & Belinkov 2022). Gaussian: chosen one by one so that what is "
    f"known does not count twice (Torroba Hennigen et al. 2020); {GAUSSIANS} of the {GAUSSIAN_CANDIDATES} with the most mutual "
    f"information, on {GAUSSIAN_ROWS:,} rows. Overlap: rows where a neuron is highest or lowest against rows of a class. Mutual "
    "information: what a neuron alone tells. A ranking says what is encoded, not what the "
    "network uses."
)


_NO_TWIN = "A neuron has a twin only where both sides are networks of the same shape: choose a checkpoint tuned from this base."


def main() -> None:
    """The page."""
    show.heading(
        "Neurons",
        "Which single units carry a label, before and after tuning.",
        "A neuron is one number of a layer's vector, or of what lies inside a block. Grey is control: neurons drawn at random.",
    )
    chosen = picker.compared()
    if chosen is None or not picker.has_classes(chosen):
        return
    if chosen.unit == "pair":
        st.info(
            f"{chosen.label_said} is a label of two words at once, read from two vectors side by side. Neurons are ranked for "
            "labels of words, spans and sentences: choose one under Read in the sidebar.",
            icon=":material/info:",
        )
        return
    if _ask_settings(chosen):
        return
    views = {
        "Where they live": living,
        "Several checkpoints": several_living,
        "How few do": few,
        "Of each class": classes,
        "Rankings": rankings,
        "Without them": without,
        "Twins": twins,
        "One neuron": one_neuron,
    }
    show.views(views, chosen, key="neurons")


def _ask_settings(chosen: Selection) -> str:
    """What the rankings are made of, for all views; gives what stands in the way of it, told on the page already."""
    show.link_holds("neurons_site", _SITES, "Neurons of")
    st.segmented_control(
        "Neurons of",
        list(_SITES),
        default=_STATES,
        key="neurons_site",
        bind="query-params",
        required=True,
        help=HELP_SITES,
    )
    with st.expander("Which layers, on which scale", icon=":material/tune:"):
        one, two = st.columns(2)
        one.toggle(
            "Of the layer of the cursor alone", key="neurons_one_layer", bind="query-params",
            help="Instead of all layers joined.",
        )  # fmt: skip
        two.toggle(
            "Z-scored", True, key="neurons_scaled", bind="query-params",
            help="Off: neurons as they are. Those with large values, of upper layers above all, then need small weights, and "
            "rankings by weights count them for less, Probeless for more.",
        )  # fmt: skip
    wrong = _misfit(chosen)
    if wrong:
        st.info(wrong, icon=":material/info:")
    return wrong


def _misfit(chosen: Selection) -> str:
    """Why there is nothing inside the blocks to look at; empty where there is."""
    site = _site()
    for name, side in zip(("base", "tuned"), chosen.sides, strict=True):
        if site and (wrong := why_not(side.checkpoint, site)):
            return f"The {name} side: {show.escaped(wrong)} Choose the states of the layers above."
    return ""


def _site() -> Place:
    """Where in the network neurons are looked at; empty = states of the layers."""
    return _SITES.get(st.session_state.get("neurons_site", _STATES), "")


def _settings() -> dict[str, Any]:
    held = st.session_state
    return {
        "one_layer": bool(held.get("neurons_one_layer")),
        "is_scaled": bool(held.get("neurons_scaled", True)),
        "site": _site(),
    }


def _specs(chosen: Selection) -> tuple[Neurons, Neurons]:
    return chosen.neurons(**_settings())


def _scores(chosen: Selection) -> tuple | None:
    """The rankings of both sides, or None with the offer to compute them."""
    if _is_below_blocks(chosen):
        return None
    found = show.results(_specs(chosen), what=f"neurons of both sides ranked for {chosen.label_name}")
    return tuple(found) if all(found) else None


def _is_below_blocks(chosen: Selection) -> bool:
    """Whether the cursor's layer alone is asked for and is below all blocks; the page then says so."""
    is_below = bool(_site()) and _settings()["one_layer"] and 0 in (chosen.layer, chosen.facing_layer)
    if is_below:
        st.info(
            "The layer of the cursor is the embeddings, which no block has made: choose layer 1 or above in the sidebar.",
            icon=":material/info:",
        )
    return is_below


def living(chosen: Selection) -> None:
    """Shares of the first neurons by layer."""
    if _settings()["one_layer"]:
        st.info(
            "Where they live is asked of all layers joined: switch the single layer off above.", icon=":material/info:"
        )
        return
    scores = _scores(chosen)
    if scores is None:
        return
    one, two = st.columns(2)
    ranking = one.selectbox("Ranking", RANKINGS[:-1], key="neurons_ranking", bind="query-params", help=HELP_RANKINGS)
    how_many = two.segmented_control(
        "Neurons", neuron_depth.HOW_MANY, default=neuron_depth.MINIMAL, key="neurons_many", bind="query-params", required=True,
        help="Minimal set: the fewest, by linear correlation, whose probe comes within 1 % of that of all neurons; its size "
        "differs between splits and sides.",
    )  # fmt: skip
    table = neurons.living_table(*scores, ranking, how_many)
    st.markdown(neurons.living_finding(*scores, ranking, how_many, chosen.label_said))
    figures.figure(
        curves.side_curves(
            table,
            "share",
            show.look(),
            chosen.layer,
            title="share of these neurons in the layer",
            percent=True,
            controls=True,
            guess="neurons drawn at random",
        ),
        table,
        name="living",
        alt_text=f"Share of the {how_many} for {chosen.label_name} by layer, base and tuned",
        specs=_specs(chosen),
        note=f"{_sizes(table)}; {notes.neurons(chosen, *scores)}",
    )


def several_living(chosen: Selection) -> None:
    """Where the first neurons of several checkpoints live, tuned on other tasks or of other families and sizes."""
    if _settings()["one_layer"]:
        st.info(
            "Where they live is asked of all layers joined: switch the single layer off above.", icon=":material/info:"
        )
        return
    named = several.checkpoints(chosen, "neurons_several")
    one, two = st.columns(2)
    ranking = one.selectbox("Ranking", RANKINGS[:-1], key="neurons_ranking", bind="query-params", help=HELP_RANKINGS)
    how_many = two.segmented_control(
        "Neurons",
        neuron_depth.HOW_MANY,
        default=neuron_depth.MINIMAL,
        key="neurons_many",
        bind="query-params",
        required=True,
    )
    site, is_scaled = _site(), _settings()["is_scaled"]
    left_out = {name: wrong for name, held in named.items() if site and (wrong := why_not(held.ref, site))}
    specs = {
        name: Neurons(embed=read_at(chosen.embed(held.ref), site), label=chosen.label, is_scaled=is_scaled)
        for name, held in named.items()
        if name not in left_out
    }
    for name, wrong in left_out.items():
        st.caption(f"Left out is {show.escaped(name)}. {show.escaped(wrong)}")
    if not specs:
        st.info("Choose at least one checkpoint.", icon=":material/info:")
        return
    held = show.results(
        list(specs.values()), what=f"neurons of {len(specs)} checkpoints ranked for {chosen.label_name}"
    )
    found = {name: scores for name, scores in zip(specs, held, strict=True) if scores is not None}
    if not found:
        return
    table = neurons.several_table(found, ranking, how_many)
    st.markdown(
        f"**Where do the neurons for {chosen.label_said} live in each?** "
        f"{show.escaped(neurons.several_finding(found, ranking, how_many))}",
        help="Every layer stands at its share of the depth, and its share of the neurons is told against that of neurons drawn at "
        "random, so that networks of any depth are compared: 100 % = as chance has it. Durrani et al. 2021 found them lower after "
        "tuning. Intervals are over splits of the sentences, each by itself.",
    )
    figures.figure(
        board.depth_curves(
            table, show.look(), checkpoints=list(named), name="times", title="share in the layer, against random neurons",
            guess="at random",
        ),
        table,
        name="living-several",
        alt_text=f"Share of the {how_many} for {chosen.label_name} over depth, {len(found)} checkpoints",
        specs=[specs[name] for name in found],
        note=f"{', '.join(f'{name}: {own:.0f}' for name, own in table.groupby('checkpoint', sort=False)['n'].first().items())} "
        f"neurons, mean over splits; {notes.neurons(chosen, *found.values())}",
    )  # fmt: skip


def _sizes(table) -> str:  # type: ignore[no-untyped-def]
    first = table.groupby("side")["n"].first()
    return f"{first['base']:.0f} neurons of the base, {first['tuned']:.0f} of the tuned, mean over splits"


def few(chosen: Selection) -> None:
    """Accuracy against the number of neurons, and the minimal set."""
    scores = _scores(chosen)
    if scores is None:
        return
    sides = dict(zip(("base", "tuned"), scores, strict=True))
    domain = neurons.span_of(*scores)
    table = neurons.minimal_table(sides)
    st.markdown(
        f"**How few neurons read {chosen.label_said}?** "
        + " ".join(
            f"{row['side'].capitalize()}: {row['minimal set']} of {row['neurons']:,} ({row['share']:.1%}) reach "
            f"{row['accuracy with it']:.1%}, all {row['accuracy']:.1%}."
            for row in table.to_dict("records")
        ),
        help="A probe is trained again on the first neurons of a ranking. The minimal set is chosen on sentences that do not score "
        "it. Where the last ones, which the elastic net gave no weight, read well too, that shows how much is stored "
        "twice. Selectivity is accuracy less that on the "
        "control task.",
    )
    st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        column_config={
            name: st.column_config.NumberColumn(format="percent")
            for name in ("accuracy", "selectivity", "share", "accuracy with it", "selectivity with it", "majority")
        },
    )
    kept = st.segmented_control(
        "What", ["Trained again on some", "The same probe without some"], default="Trained again on some", key="neurons_few",
        bind="query-params", required=True, label_visibility="collapsed",
    ) == "Trained again on some"  # fmt: skip
    for (name, one), column, spec in zip(sides.items(), st.columns(2), _specs(chosen), strict=True):
        with column:
            st.markdown(f"**{name.capitalize()}**")
            figures.figure(
                (neurons.kept_chart if kept else neurons.masked_chart)(one, show.look(), domain),
                neurons.kept_table(one) if kept else neurons.masked_table(one),
                name=f"few-{name}",
                alt_text=f"Accuracy for {chosen.label_name} by how many neurons, {name}",
                specs=[spec],
                note=notes.neurons(chosen, one),
            )


def classes(chosen: Selection) -> None:
    """Where the weight of each class lies, and its first neurons."""
    scores = _scores(chosen)
    if scores is None:
        return
    tables = [neurons.tags_table(one) for one in scores]
    top = max(float(table["share"].fillna(0).max()) for table in tables)
    st.markdown(
        f"**In which layers does each class of {chosen.label_said} lie?** Each row adds up to 100 %: the class's weight in the "
        "elastic net, by layer. Behind its name: its rows."
    )
    for name, table, column, spec in zip(("base", "tuned"), tables, st.columns(2), _specs(chosen), strict=True):
        with column:
            figures.figure(
                neurons.tags_heat(table, show.look(), top=top, title=name.capitalize()),
                table,
                name=f"classes-{name}",
                alt_text=f"Share of each class's weight by layer, {name}",
                specs=[spec],
                note=(
                    "absolute weights, mean over the splits in which the class has any; empty: in none; "
                    f"pale: fewer than {neurons.FEW_ROWS} rows, where the layers are chance; "
                    "intervals over splits on hover"
                ),
            )
    label = st.selectbox("First neurons of", scores[0].labels, key="neurons_class", bind="query-params", width=320)
    if label not in scores[1].labels:
        return
    for name, one, column in zip(("base", "tuned"), scores, st.columns(2), strict=True):
        column.caption(f"{name.capitalize()}: neurons with the largest weights for {show.escaped(label)}")
        column.dataframe(neurons.tag_neurons(one, label), hide_index=True, width="stretch")


def rankings(chosen: Selection) -> None:
    """Do rankings agree?"""
    scores = _scores(chosen)
    if scores is None:
        return
    tables = [neurons.agreement_table(one) for one in scores]
    chance = tables[0]["chance"].min()
    st.markdown(
        f"**Do rankings find the same neurons?** Of the first {neurons.COMPARED_AT}, two that know nothing of each other share "
        f"{chance:.0%}.",
        help=HELP_RANKINGS,
    )
    for name, table, column, spec in zip(("base", "tuned"), tables, st.columns(2), _specs(chosen), strict=True):
        with column:
            st.markdown(f"**{name.capitalize()}**")
            figures.figure(
                neurons.agreement_heat(table, show.look()),
                table,
                name=f"rankings-{name}",
                alt_text=f"Share of first neurons that two rankings have in common, {name}",
                specs=[spec],
                note=f"mean over splits; with Gaussians, of the {GAUSSIANS} that they chose from the {GAUSSIAN_CANDIDATES} first "
                "by mutual information: with that ranking many are shared by chance (the table says how many). Which ranking reads "
                "best with few: How few do",
            )


def without(chosen: Selection) -> None:
    """What is lost while some neurons are held still in the running network."""
    if _is_below_blocks(chosen):
        return
    one, two, three = st.columns(3)
    asked = one.segmented_control(
        "What is asked", [_HEAD, _READING], default=_HEAD, key="neurons_asked", bind="query-params", required=True,
        help="Its head: what the tuned network was trained for. The label: a linear probe of the top layer, on base and tuned.",
    )  # fmt: skip
    ranking = two.selectbox("Ranking", RANKINGS[:-1], key="neurons_ranking", bind="query-params", help=HELP_RANKINGS)
    mode = three.segmented_control(
        "Held", list(HELD), default="mean", key="neurons_held", bind="query-params", required=True,
        help="; ".join(f"{mode}: {said}" for mode, said in HELD.items()) + ". Of every piece, wherever they are.",
    )  # fmt: skip
    (head_without if asked == _HEAD else label_without)(chosen, ranking, mode)


def head_without(chosen: Selection, ranking: str, mode: Any) -> None:
    """The head of the tuned side while some neurons are held still."""
    spec = chosen.neuron_ablation(ranking, mode, **_settings())
    if spec is None:
        st.info(
            "The tuned side has no head for labels that was tuned here. Choose a run, or a step it kept.",
            icon=":material/info:",
        )
        return
    (found,) = show.results([spec], what=f"the head without neurons for {chosen.label_name}")
    if found is None:
        return
    learnt = show.escaped(chosen.learnt)
    st.markdown(
        f"**What does the head for {learnt} lose without the neurons for {chosen.label_said}?** {neurons.without_finding(found)}",
        help="Neurons from which a label can be read are held still while the network runs; its head then answers the dev examples "
        "of its run. Only what is worse than with as many random neurons of the same layers says that the head uses these.",
    )
    figures.figure(
        neurons.without_chart(found, show.look()),
        neurons.without_table(found),
        name="without",
        alt_text=f"{found.measure} of the head against the share of neurons held still",
        specs=[spec],
        note=f"{_held_note(ranking, mode)}; others: 95 % over n = {found.n:,} dev rows; {found.n_seen:,} dev examples by which the "
        "neurons were ranked are left out",
    )


def label_without(chosen: Selection, ranking: str, mode: Any) -> None:
    """A probe of the top layer, base beside tuned, while some neurons are held still."""
    specs = chosen.neuron_readings(ranking, mode, **_settings())
    if specs is None:
        st.info("One side is vectors alone: there is no network to run without neurons.", icon=":material/info:")
        return
    both = show.results(specs, what=f"{chosen.label_name} read without neurons")
    if not all(both):
        return
    st.markdown(
        f"**Can {chosen.label_said} still be read from the top layer without its neurons?** "
        + " ".join(
            f"{side}: {neurons.without_finding(found, who='the probe')}"
            for side, found in zip(("*Base*", "*Tuned*"), both, strict=True)
        ),
        help="Neurons from which a label can be read are held still, in every layer they are in, while the network runs. A linear "
        "probe, fitted on the untouched top layer, reads what then arrives there, on sentences that neither it nor the ranking has "
        "seen. Neurons of the top layer are missing to the probe itself; those below may be made good on the way. Only what is "
        "lost beyond random neurons of the same layers says that these were needed.",
    )
    labels = list(dict.fromkeys(both[0].by_label["label"]))
    label = st.selectbox(
        "Rows", ["", *labels], format_func=lambda one: one or "all labels", key="neurons_rows",
        help="How often the rows of one label are read rightly; of random sets their mean.",
    )  # fmt: skip
    drawn, least = [], neurons.lowest_without(*both, label=label)
    for place, side, found in zip(st.columns(2), ("base", "tuned"), both, strict=True):
        with place:
            st.markdown(f"**{side.capitalize()}**")
            chart = neurons.without_chart(found, show.look(), who="the probe", least=least, label=label)
            alt_text = (
                f"How often a probe of the {side} reads {label or 'all'} rows rightly, against neurons held still"
            )
            drawn.append(figures.draw_chart(chart, name=f"without-{side}", alt_text=alt_text))
    figures.behind(
        neurons.readings_table(*both, label),
        name="label-without",
        specs=specs,
        note=f"{_held_note(ranking, mode)}; others: 95 % over n = {both[0].n:,} held-out rows of {both[0].n_sentences:,} "
        "sentences; one split, one fit of the probe",
        drawn=drawn,
    )


def _held_note(ranking: str, mode: str) -> str:
    return (
        f"neurons {HELD[mode]}; order: {ranking}, first split; random: mean of {DRAWS} sets with as many of each layer, band: "
        "where one more would lie (95 %, t)"
    )


def twins(chosen: Selection) -> None:
    """What became of each neuron."""
    if not chosen.is_one_shape:
        st.info(_NO_TWIN, icon=":material/info:")
        return
    spec = chosen.twins_at(_site())
    with show.messages():
        (found,) = show.results([spec], what="each neuron beside itself after tuning")
        if found is None:
            return
        st.markdown(
            f"**What became of each neuron?** {neuron_twins.fates_finding(found)}",
            help="; ".join(f"{fate}: {said}" for fate, said in neuron_twins.SAID.items()) + ".",
        )
        figures.figure(
            neuron_twins.fates_chart(found, show.look()),
            neuron_twins.fates_table(found),
            name="fates",
            alt_text="Share of each layer's neurons that were kept, moved, changed, repurposed or fell silent",
            specs=[spec],
            note=notes.twins(found),
        )
        options = [*FATES, "new"]
        fate = st.segmented_control(
            "List", options, default="repurposed", key="neurons_fate", bind="query-params", required=True,
            help="New: tuned neurons that no base neuron of the layer goes with by 0.5 or more.",
        )  # fmt: skip
        rows = neuron_twins.rows_of_fate(found, fate)
        if rows.empty:
            st.info(f"No neuron is {fate}.", icon=":material/info:")
            return
        picked = st.dataframe(
            rows.round(3), hide_index=True, width="stretch", height=280, on_select="rerun", selection_mode="single-row",
            key=f"twins-{fate}-{key_of(spec)[:8]}",
        )  # fmt: skip
        chosen_rows = picked["selection"]["rows"]
        if chosen_rows and chosen_rows[0] < len(rows):
            layer, neuron = (int(rows.iloc[chosen_rows[0]][name]) for name in ("layer", "neuron"))
            st.button(
                f"Look at neuron {neuron} of layer {layer}",
                icon=":material/zoom_in:",
                on_click=_look_at,
                args=(layer, neuron),
            )


def _look_at(layer: int, neuron: int) -> None:
    st.session_state["neurons"] = "One neuron"
    st.session_state["neuron_layer"], st.session_state["neuron"] = layer, neuron


def _asked_for(chosen: Selection) -> tuple[int, int, Any]:
    """The layer and the neuron that are looked at, and the place beside them, to tell what is there.

    The inputs have the same bounds wherever neurons are looked at and before any vector is there, so that what was asked for stays.
    """
    lowest, top = int(bool(_site())), chosen.n_layers - 1
    show.link_holds("neuron_layer", map(str, range(top + 1)), "Layer")
    first, second, told = st.columns([1, 1, 2], vertical_alignment="bottom")
    layer = first.number_input("Layer", 0, top, chosen.layer, key="neuron_layer", bind="query-params")
    neuron = second.number_input("Neuron", 0, None, 0, key="neuron", bind="query-params")
    if layer < lowest:
        st.caption("Layer 0 is the embeddings, which no block has made: shown is the first block.")
    return max(lowest, layer), neuron, told


def one_neuron(chosen: Selection) -> None:
    """One neuron from close by, on both sides."""
    sides = dict(zip(("base", "tuned"), chosen.sides_at(_site()), strict=True))
    if not chosen.is_one_shape:
        st.caption(f"{_NO_TWIN} Shown is the base.")
        sides.pop("tuned")
    layer, neuron, told = _asked_for(chosen)
    held = show.results(list(sides.values()), what="vectors of both sides")
    if not all(held):
        return
    width = held[0].layers[0].shape[1]
    if neuron >= width:
        st.warning(f"There is no neuron {neuron:,} here: they are 0 to {width - 1:,}. Shown is neuron 0.")
        neuron = 0
    told.caption(neuron_twins.place_said(_site(), neuron, width, shape_of(chosen.base.ref).n_heads))
    profiles: dict[str, Profile] = {
        name: profile(embed, vectors, layer, neuron, chosen.label)
        for (name, embed), vectors in zip(sides.items(), held, strict=True)
    }
    known = show.stored(chosen.twins_at(_site())) if chosen.is_one_shape else None
    if known is not None:
        st.markdown(f"**Neuron {neuron} of layer {layer}.** {neuron_twins.twin_said(known, layer, neuron)}")
    for (name, one), spec, column in zip(profiles.items(), _specs(chosen), st.columns(2), strict=False):
        with column:
            st.markdown(f"**{name.capitalize()}**: the sentences on which it is highest")
            st.html("".join(neuron_twins.shaded(example, show.look()) for example in one.highest[:8]))
            with st.expander("Lowest"):
                st.html("".join(neuron_twins.shaded(example, show.look()) for example in one.lowest[:8]))
            scores = show.stored(spec)
            if scores is not None:
                ranks = neurons.ranks_of(scores, layer, neuron)
                st.caption("Rank: " + " · ".join(f"{ranking} {place}" for ranking, place in ranks.items()))
    _watch(sides, profiles, layer, neuron)
    st.markdown(f"**Its values by {chosen.label_said}**, base ● beside tuned ▲")
    figures.figure(
        neuron_twins.by_label_chart(profiles, show.look()),
        neuron_twins.by_label_table(profiles),
        name="neuron-values",
        alt_text=f"Values of neuron {neuron} of layer {layer} by {chosen.label_name}, base and tuned",
        specs=list(sides.values()),
        note=f"thin: 5 to 95 % of the rows, thick: 25 to 75 %, mark: median; n = {next(iter(profiles.values())).n_rows:,}; "
        "words are shaded by the neuron's value, orange above its mean, purple below",
    )


def _watch(sides: dict[str, AnyEmbed], profiles: dict[str, Profile], layer: int, neuron: int) -> None:
    """The neuron on a sentence that somebody types, on both sides."""
    text = st.text_input(
        "Watch it on a sentence of your own",
        key="neuron_typed",
        max_chars=MOST_TYPED,
        placeholder="Type a sentence, words parted by blanks, and press Enter",
        help="Both sides read it; words are shaded on the scale of the sample above, and the strongest one is framed.",
    )
    if not text.strip():
        return
    with show.messages():
        typed = Sample(of=Typed.of(text))
        specs = [embed.replace(sample=typed) for embed in sides.values()]
        found = show.results(specs, what="vectors of your sentence")
        for (name, beside), vectors in zip(profiles.items(), found, strict=True):
            if vectors is not None:
                example = watched(vectors, load_sample(typed), layer, neuron, beside)
                st.html(f"<b>{name.capitalize()}</b> {neuron_twins.shaded(example, show.look())}")


with show.messages():
    main()
