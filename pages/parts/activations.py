"""The view Mean shift: how much of what tuning did is one step that all words took, and where it points."""

import streamlit as st

from core.analyses.activation_difference import ActivationDifference, ActivationDifferences
from core.analyses.checkpoint import shape_of
from core.charts import isotropy as drawn
from core.data.load import sample_size
from core.refs import Sample
from pages.parts import figures, notes, show
from pages.parts.lab import get_lab
from pages.parts.selection import Selection

_SENTENCES = 500
MEASURES = {
    "Share": (
        "share",
        "How much of the change is one step that every word took?",
        "100 % would mean that tuning moved all words by the same vector, 0 that their steps cancel out.",
        "share that is common (0 = none)",
    ),
    "Length": (
        "norm",
        "How long is that common step?",
        "Its length, as a share of how long the base's vectors are; 0 means that there is none.",
        "relative length (0 = no common step)",
    ),
}
_HELP = (
    "**Activation difference** (Minder et al. 2025): the mean of tuned minus base over words. Share: its squared length over the "
    "mean squared length of the differences, at most 1, estimated from pairs of words of different sentences so that scatter "
    "does not raise it (then it may dip below 0). Length: the root of that squared length, estimated likewise, over the mean "
    "length of the base's vectors; below 0 where the estimate is. A large share on text that has nothing to do with the tuning "
    "says that tuning added one bias to everything. It does not say that the step matters to what the checkpoint answers. Both "
    "sides must share their axes: it is meant for a checkpoint tuned from the base."
)


def activations(chosen: Selection) -> None:
    """The common step by layer, the vocabulary it points to, and how it agrees over positions, layers and texts."""
    assert chosen.tuned is not None
    if not chosen.is_one_width:
        st.info(
            "Subtracting vectors needs vectors of one width: these two share no axes. Similarity and probes compare any two.",
            icon=":material/info:",
        )
        return
    left, middle, right = st.columns([2.6, 2.8, 1.5], vertical_alignment="bottom")
    with left:
        other = _second_text(chosen)
    with middle:
        place = _place(chosen.mean_shift().n_positions)
    with right:
        measure = st.segmented_control(
            "Measure", list(MEASURES), default="Share", key="shift_measure", bind="query-params", required=True
        )
    specs = [chosen.mean_shift(), *([chosen.mean_shift(other)] if other else [])]
    found = show.results(specs, what="the mean shift" + (" on both texts" if other else ""))
    result, second = found[0], found[1] if other else None
    if result is None or (other and second is None):
        return
    shown = second or result
    _curve(chosen, specs[-1], shown, place, measure)
    _tokens(specs[-1], shown, place)
    if second is not None:
        _agreement(specs, result, second)
    _positions(chosen, specs[-1], shown)


def _second_text(chosen: Selection) -> Sample | None:
    """Another text to ask the same of; None for the one that the sidebar names."""
    others = {named.id: named for named in get_lab().datasets() if named.ref != chosen.data.ref}
    picked = st.selectbox(
        "On",
        ["", *others],
        format_func=lambda short: others[short].name if short else f"{chosen.data.name} (the text of the sidebar)",
        key="shift_text",
        bind="query-params",
        help="A shift that is as large on text that has nothing to do with the tuning is a bias added to everything, and betrays "
        "what was tuned on.",
    )
    if not picked:
        return None
    whole = Sample(of=others[picked].ref)
    return whole.replace(n=_SENTENCES) if sample_size(whole) > _SENTENCES else whole


def _place(n_positions: int) -> int:
    """All words, or the first, second … of each sentence."""
    names = drawn.place_names(n_positions)
    picked = st.segmented_control(
        "Words of a sentence",
        list(names),
        default=names[0],
        format_func=lambda name: name.removeprefix("word "),
        key="shift_place",
        bind="query-params",
        required=True,
    )
    return names.index(picked)


def _curve(chosen: Selection, spec: ActivationDifference, result: ActivationDifferences, place: int, name: str) -> None:
    """The measure by layer."""
    measure, question, answer, title = MEASURES[name]
    st.markdown(f"**{question}** {answer}", help=_HELP)
    table = drawn.shift_table(result, measure, place)
    if table.empty:
        st.info("Nothing moved at any layer, or too few sentences reach so far.", icon=":material/info:")
        return
    depth = shape_of(chosen.base.ref).n_layers
    figures.figure(
        drawn.shift_curve(table, show.look(), chosen.layer, title=title, depth=depth),
        table,
        name=f"shift-{measure}",
        alt_text=f"{title} by layer",
        specs=[spec],
        note=notes.mean_shift(result, place) + ("; no mark: nothing moved there" if len(table) <= depth else ""),
    )


def _tokens(spec: ActivationDifference, result: ActivationDifferences, place: int) -> None:
    st.markdown(
        "**Which words does the common step point to?** In brackets: no nearer than chance.",
        help="Words of the vocabulary whose input embeddings, in the tuned checkpoint, have the largest cosine with the step, and "
        "those with the smallest (away from). A rough **logit lens**: these checkpoints have no language-model head, and deep "
        "layers need not share the axes of layer 0, so trust the lower layers more. Brackets: the cosine is no larger than what "
        "steps without anything in common come to. Each sentence's step, less the common one, gets a random sign; of 200 such sums "
        "95 of 100 have a nearest word that is less near (for each way, layer and place; not corrected for looking at many).",
    )
    if result.no_tokens:
        st.info(f"No words can be named. {show.escaped(result.no_tokens)}", icon=":material/info:")
        return
    st.dataframe(
        drawn.tokens_table(result, place),
        hide_index=True,
        width="stretch",
        height="content",
    )
    with st.expander("Pieces and signs too", icon=":material/table:"):
        figures.behind(
            result.tokens[result.tokens["place"] == place],
            name="shift-tokens",
            specs=[spec],
            note="cosine with input embeddings of the tuned checkpoint; chance: 95th percentile of the cosine with the nearest "
            "word over 200 random sums of the sentences' own steps, the common one taken out",
        )


def _agreement(specs: list[ActivationDifference], one: ActivationDifferences, other: ActivationDifferences) -> None:
    """Whether the step is the same on both texts."""
    st.markdown(
        "**Is it the same step on both texts?** 1 means one direction, 0 unrelated ones.",
        help="Cosine of the two mean shifts of all words. Noise in either lowers it. 95 % interval from both texts' jackknives.",
    )
    table = drawn.agreement_table(one, other)
    if table.empty:
        st.info("Nothing moved on one of them.", icon=":material/info:")
        return
    figures.behind(
        table,
        name="shift-agreement",
        specs=specs,
        note="95 % interval: jackknife over groups of sentences of each text",
    )


def _positions(chosen: Selection, spec: ActivationDifference, result: ActivationDifferences) -> None:
    """Agreement over positions at the cursor's layer, or over layers."""
    which = st.segmented_control(
        "Compare", ["Positions", "Layers"], default="Positions", key="shift_between", bind="query-params", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    if which == "Positions":
        estimates, names, what = result.between_places[chosen.layer], drawn.place_names(spec.n_positions), "words"
        layer = None
        st.markdown(
            f"**Is it the same step at every position?** Layer {chosen.layer}; bold numbers differ from 0.",
            help=_COSINE,
        )
    else:
        estimates, what, layer = result.between_layers, "layer", chosen.layer
        names = tuple(str(layer) for layer in range(len(estimates)))
        st.markdown("**Is it the same step at every layer?** All words; bold numbers differ from 0.", help=_COSINE)
    table = drawn.cosines_table(estimates, names)
    if table.empty:
        st.info("Nothing moved here.", icon=":material/info:")
        return
    figures.figure(
        drawn.cosines_heat(table, show.look(), names=names, what=what, layer=layer),
        table,
        name=f"shift-{which.lower()}",
        alt_text=f"Cosine of the common steps of {what}, each with every other",
        specs=[spec],
        note=notes.mean_shift(result, 0),
    )


_COSINE = (
    "Cosine of two mean shifts, -1 to 1: 1 = the same direction, 0 = unrelated, -1 = opposite. Layers of one checkpoint share "
    "their axes only as far as its residual stream carries them on. Noise lowers cosines towards 0."
)
