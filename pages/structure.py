"""Structure: are dependency trees to be found in a layer's distances, before and after tuning?"""

from pages.parts.frame import enter

enter()

import streamlit as st  # noqa: E402

from core.charts import annotation, curves, paired, structure  # noqa: E402
from core.data.marks import DEPENDENCY  # noqa: E402
from pages.parts import figures, notes, picker, show  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402
from pages.parts.selection import Selection  # noqa: E402

QUESTIONS = {
    "Edges": ("uuas", "Which words belong together?", "share of gold edges found (UUAS)"),
    "Distances": (
        "distance",
        "Are words far apart in the tree far apart in the space?",
        "rank correlation of distances",
    ),
    "Roots": ("root", "Which word is the top of the tree?", "share of roots found"),
    "Depths": ("depth", "Do words deep in the tree lie further out?", "rank correlation of depths"),
}


def main() -> None:
    """The page."""
    show.heading(
        "Structure",
        "Whether dependency trees can be read from distances between word vectors.",
        "Grey is control: words joined in reading order, and a network of random weights.",
    )
    chosen = picker.compared()
    if chosen is None:
        return
    known = get_lab().labels_of(chosen.data.ref)
    if DEPENDENCY not in known["pair"] or "upos" not in known["word"]:
        missing = (
            "dependency trees" if DEPENDENCY not in known["pair"] else "universal word classes (upos) beside its trees"
        )
        st.info(
            f"This text has no {missing}. Choose a treebank in the sidebar: a part of the built-in suite, or a CoNLL-U file.",
            icon=":material/info:",
        )
        return
    show.views({"By layer": by_layer, "One sentence": sentence, "By relation": relations}, chosen, key="structure")


def by_layer(chosen: Selection) -> None:
    """Scores by layer, with controls."""
    specs = [chosen.structural_change, *chosen.structural_probes]
    change, base, tuned = show.results(specs, what="structural probes")
    if not (change and base and tuned):
        return
    random = None
    if chosen.random_structure:
        (random,) = show.results([chosen.random_structure], what="structural probes on random weights")
    name = st.segmented_control(
        "Score", list(QUESTIONS), default="Edges", key="structure_score", bind="query-params", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    metric, question, title = QUESTIONS[name]
    table = structure.scores_table(base, tuned, change, metric, random)
    st.markdown(
        f"**{question}** A linear map is learnt under which squared distances are edges between words, and squared lengths "
        "edges from the root.",
        help="Structural probe (Hewitt & Manning 2019). The tree is the minimum spanning tree of the distances; UUAS is the share "
        "of gold edges in it, whatever their direction, punctuation left out. Correlations are Spearman's, averaged over "
        "sentences of 5 to 50 words. As any probe it shows what can be read, not what the network uses.",
    )
    figures.figure(
        curves.side_curves(
            table,
            "score",
            show.look(),
            chosen.layer,
            title=title,
            percent=metric in ("uuas", "root"),
            controls=True,
            guess="reading order",
        ),
        table.rename(columns={"majority": "reading order"}),
        name=f"structure-{metric}",
        alt_text=f"{title} by layer, base and tuned",
        specs=[*specs, *([chosen.random_structure] if random else [])],
        note=notes.structure(base, tuned),
    )


def sentence(chosen: Selection) -> None:
    """Gold tree above, base and tuned below it."""
    # The comparison refuses sides that could read other sentences.
    specs = [chosen.structural_change, *chosen.structural_probes]
    change, base, tuned = show.results(specs, what="structural probes")
    if not (change and base and tuned):
        return
    search, number = st.columns([4, 2], vertical_alignment="bottom")
    query = search.text_input(
        "Search", key="structure_search", placeholder="words to look for", icon=":material/search:", on_change=_to_first
    )
    found = structure.shown_sentences(base, query)
    if not found:
        st.info("No sentence that was held out holds these words.", icon=":material/info:")
        return
    if st.session_state.get("structure_row", 1) > len(found):
        _to_first()
    at = found[
        number.number_input(
            f"Sentence (of {len(found):,})", min_value=1, max_value=len(found), key="structure_row", bind="query-params"
        )
        - 1
    ]
    one = structure.drawn(base, at, chosen.layer)
    other = structure.drawn(tuned, at, chosen.facing_layer)
    look = show.look()
    st.markdown(
        f"**Which tree does layer {chosen.layer} draw?** Dashed arcs are not in the gold tree.",
        help="Minimum spanning tree of the probe's distances, hung up at the word that the depth probe puts at the top. Each "
        "sentence is drawn by a probe that did not see it. Punctuation takes no part.",
    )
    stacked = [
        annotation.Arcs(one.gold_drawn, one.relations, title=f"Gold · root: {one.gold_root}"),
        annotation.Arcs(one.heads, doubted=_wrong(one), title=f"Base · {_found(one)}"),
        annotation.Arcs(other.heads, doubted=_wrong(other), title=f"Tuned · {_found(other)}"),
    ]
    with st.container(border=True):
        st.html(annotation.trees(one.words, one.upos, stacked, look))
    st.caption(f"{notes.trees(base)} · {figures.provenance(specs)}")
    with st.expander("Table", icon=":material/table:"):
        st.dataframe(structure.sentence_table(one, other), hide_index=True, width="stretch", height="content")


def relations(chosen: Selection) -> None:
    """Which relations are found."""
    specs = [chosen.structural_change, *chosen.structural_probes]
    change, base, tuned = show.results(specs, what="structural probes")
    if not (change and base and tuned):
        return
    if not change.relations:
        st.info("No relation has enough edges in the held-out sentences. Take a larger sample.", icon=":material/info:")
        return
    table = structure.relations_table(change, chosen.layer)
    st.markdown(
        f"**Which relations does layer {chosen.layer} find?** A hollow ▲ is a change inside the noise.",
        help="Share of a relation's gold edges that are in the tree drawn from the layer, in either direction. 95 % intervals by a "
        "jackknife over groups of sentences, the probes as they are. Many relations are looked at: one in twenty leaves the "
        "noise by chance.",
    )
    figures.figure(
        paired.paired_chart(table, show.look(), what="relation (edges)", title="share of its edges found"),
        table,
        name="structure-relations",
        alt_text=f"Share of edges found by relation at layer {chosen.layer}, base and tuned",
        specs=specs,
        note=notes.relations(base),
    )


def _found(drawn: structure.Drawn) -> str:
    return f"{drawn.n_found} of {drawn.n_edges} edges, root: {drawn.root}"


def _wrong(drawn: structure.Drawn) -> frozenset[int]:
    return frozenset(word for word, right in enumerate(drawn.right) if not right)


def _to_first() -> None:
    st.session_state["structure_row"] = 1


with show.messages():
    main()
