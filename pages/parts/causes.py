"""Causes: the tuned network taken apart without training. Its blocks swapped for the base's, its states for the base's."""

from dataclasses import replace
from typing import Any, get_args

import streamlit as st

from core.analyses.checkpoint import run_of, shape_of
from core.analyses.graft import Graft, Grown, grown_by, shares_said
from core.analyses.grafts import ADD, WAYS, Grafts
from core.analyses.joint_map import JointMap
from core.analyses.patched_sample import PatchedSample
from core.analyses.patched_sentence import PatchedSentence
from core.analyses.patching import DIRECTIONS
from core.charts import grafts as graft_charts
from core.charts import patches
from core.data.load import load_sample, sample_size
from core.keys import key_of
from core.lab import Named
from core.refs import LABEL_NAMES, MOST_TYPED, Sample, Typed
from pages.parts import figures, laid, picker, show
from pages.parts.lab import get_lab
from pages.parts.selection import Selection

_SENTENCES = 100
"""Read at most where states are put in: each is read some sixty times."""
_HELP_GRAFTS = (
    "A graft has the base's weights in some parts and the tuned ones in others, or base + share × (tuned − base), and the tuned "
    "head on top. It answers the dev examples of its run; nothing is trained. ▲ hollow: no different from the intact network on "
    "the same examples, all places judged together (jackknife, Bonferroni). What is lost says where the change is needed together "
    "with all the rest: layers that were tuned together lean on each other. Lee et al. 2019; Hao et al. 2019; Ilharco et al. 2023."
)
_HELP_PATCHES = (
    "Both networks read the same sentence, with the same head. The state of one, at one layer and place, is put into the other, "
    "which runs on from there; how much more likely does its answer become what the other says? Log odds: the logarithm of the "
    "answer's share over that of all others; 0 % = nothing changes, 100 % = as if it were the other network. Effects of places "
    "need not add up. Activation patching across models: Prakash et al. 2024."
)


def grown(chosen: Selection | None, *, labels_only: bool) -> Grown | None:
    """The tuned side where it has a head that was tuned here; otherwise None, with a word on why."""
    if chosen is None or chosen.tuned is None:
        return None
    found = chosen.tuned.ref
    if isinstance(found, Graft):
        st.info("The tuned side is a graft itself: choose the checkpoint it was made of.", icon=":material/info:")
        return None
    if not isinstance(found, get_args(Grown)):
        st.info(
            "The tuned side has no head that was tuned here. Choose a run, or a step it kept.", icon=":material/info:"
        )
        return None
    if grown_by(found).surgery.draws:
        st.info(
            "This run began from weights drawn anew, and not from the base: there is no change of its own to put back or to scale. "
            "Choose a run without surgery.",
            icon=":material/info:",
        )
        return None
    if labels_only and grown_by(found).goal != "label":
        st.info(
            f"The tuned side was tuned to give a {grown_by(found).goal}; here the odds of labels are looked at. Choose a run on "
            "labels.",
            icon=":material/info:",
        )
        return None
    return found


def grafts(_: Any) -> None:
    """What the head scores as its network goes from base to tuned part by part."""
    chosen = picker.compared()
    tuned = grown(chosen, labels_only=False)
    if chosen is None or tuned is None:
        return
    left, right = st.columns(2)
    show.link_holds("graft", WAYS, "Way of grafting")
    way = left.selectbox("What is grafted", list(WAYS), key="graft", bind="query-params", help=_HELP_GRAFTS)
    other = _another(chosen, right) if way == ADD else None
    if way == ADD and other is None:
        return
    spec = Grafts(of=tuned, way=way, other=other.ref if other else None)
    (found,) = show.results([spec], what=f"grafts: {way[0].lower()}{way[1:]}")
    if found is None:
        return
    learnt = show.escaped(LABEL_NAMES.get(chosen.learnt, chosen.learnt))
    beside = f" Added: {show.escaped(other.name)}." if other else ""
    st.markdown(
        f"**{WAYS[way].asks}** {graft_charts.finding(found, WAYS[way])} (Head for {learnt}.){beside}", help=_HELP_GRAFTS
    )
    known = shape_of(grown_by(tuned).checkpoint)
    shared = (
        ""
        if known.n_blocks == known.n_layers
        else f"; its {known.n_layers} layers share {known.n_blocks} block: part 1 is all of them"
    )
    figures.figure(
        graft_charts.grafts_chart(found, WAYS[way], show.look()),
        graft_charts.grafts_table(found),
        name="grafts",
        alt_text=f"{found.measure} on dev examples against {WAYS[way].axis}",
        specs=[spec],
        note=f"n = {found.n:,} dev rows; thin lines: 95 % over examples; hollow ▲: inside the noise of the intact network (paired, "
        f"95 % for all {len(found.scores) - 1} places together); dashed vermilion: intact; one run: no spread over seeds{shared}",
    )
    _looked_into(chosen, spec, other)


def _another(chosen: Selection, column: Any) -> Named | None:
    """Another checkpoint tuned from the same base, or a word on how to get one."""
    assert chosen.tuned is not None
    base = run_of(chosen.tuned.ref)
    assert base is not None
    named = {
        one.id: one
        for one in get_lab().tunings()
        if (run := grown_by(one.ref)) != base and run.checkpoint == base.checkpoint
    }
    if not named:
        st.info(
            "Nothing else was tuned from this base yet: tune it on another task on the page Lab.",
            icon=":material/info:",
        )
        return None
    show.link_holds("graft_other", named, "Checkpoint to add")
    picked = column.selectbox(
        "Whose change is added",
        list(named),
        format_func=lambda one: named[one].name,
        key="graft_other",
        bind="query-params",
    )
    return named[picked]


def _looked_into(chosen: Selection, spec: Grafts, other: Named | None) -> None:
    """The map of one graft, and the graft as a checkpoint for every page."""
    if not st.toggle(
        "See the space of one of these grafts", key="graft_map", bind="query-params",
        help="Makes the graft a checkpoint and draws it beside the base, which takes some seconds; every page can show it then.",
    ):  # fmt: skip
        return
    each = {at: graft for at, graft in spec.grafts().items() if set(graft.shares) != {1.0} or graft.other is not None}
    at = st.select_slider(WAYS[spec.way].axis, list(each), key=f"graft_at_{spec.way}", persist_state="session")
    graft = each[at]
    added = f" + {at} × {other.name}" if other is not None else ""
    said = shares_said(graft.shares) + added
    named = Named(id=key_of(graft)[:10], name=f"graft: {said}", ref=graft)
    grafted = replace(chosen, tuned=named)
    base, tuned = grafted.sides
    drawn = laid.as_pca(grafted, JointMap(base=base, tuned=tuned))
    if drawn is None:
        return
    colour = chosen.label if chosen.label in drawn.flat.points else "text"
    st.markdown(f"Base beside the graft ({show.escaped(said)}). {drawn.said}", help=drawn.help)
    figures.figure(
        drawn.flat.figure(show.look(), colour=colour),
        drawn.flat.table(colour),
        name="graft-map",
        alt_text=f"{drawn.alt_text}: base beside the graft ({said})",
        specs=[drawn.spec],
        note=drawn.note,
    )
    st.button(
        "Compare this graft with the base on every page", on_click=picker.pick_run, args=(graft,), key="graft-pick",
        icon=":material/compare_arrows:",
    )  # fmt: skip


def over_sentences(_: Any) -> None:
    """States put into the other network, over many sentences."""
    chosen = picker.compared()
    tuned = grown(chosen, labels_only=True)
    if chosen is None or tuned is None:
        return
    left, right = st.columns(2)
    direction = _direction(left)
    measure = right.segmented_control(
        "Measured by", list(patches.MEASURES), default=patches.WAY, key="patch_measure", bind="query-params", required=True,
        format_func=lambda name: {patches.WAY: "log odds", patches.ANSWERS: "answers"}[name],
        help="Log odds count every bit of the way; answers only tip over at its end.",
    )  # fmt: skip
    n = min(_SENTENCES, sample_size(chosen.sample))
    sample = chosen.sample if n == sample_size(chosen.sample) else chosen.sample.replace(n=n)
    spec = PatchedSample(of=tuned, sample=sample)
    (found,) = show.results([spec], what="states of one network put into the other")
    if found is None:
        return
    st.markdown(
        f"**Which states carry what tuning changed?** {patches.effects_finding(found, direction, measure)}",
        help=_HELP_PATCHES,
    )
    band = "a gap: no way to go beyond the noise" if measure == patches.WAY else "dotted: without anything put in"
    figures.figure(
        patches.effects_chart(found, direction, measure, show.look(), chosen.layer),
        patches.effects_table(found, direction, measure),
        name="patched-sentences",
        alt_text=f"{patches.MEASURES[measure]} by layer and kind of place, {direction}",
        specs=[spec],
        note=f"{direction}; {found.n_sentences:,} sentences, {found.n_answers:,} answers, a mean over sentences; "
        f"band: 95 % over sentences (jackknife); {band}",
    )


def in_one_sentence(_: Any) -> None:
    """States put into the other network, piece by piece of one sentence."""
    chosen = picker.compared()
    tuned = grown(chosen, labels_only=True)
    if chosen is None or tuned is None:
        return
    left, middle, right = st.columns([2, 3, 1])
    direction = _direction(left)
    typed = middle.text_input(
        "Sentence", key="patch_text", bind="query-params", max_chars=MOST_TYPED, placeholder="type one, or take one of the text",
    )  # fmt: skip
    if typed.strip():
        sample, row = Sample(of=Typed.of(typed)), 0
    else:
        sample = chosen.sample
        n = len(load_sample(sample).texts)
        show.link_holds("patch_row", map(str, range(1, n + 1)), "Sentence")
        row = int(right.number_input(f"or no. (of {n:,})", 1, n, 1, key="patch_row", bind="query-params")) - 1
    spec = PatchedSentence(of=tuned, sample=sample, row=row, word=_word(chosen, sample, row))
    (found,) = show.results([spec], what="the states of this sentence put into the other network")
    if found is None:
        return
    st.markdown(
        f"**What does each state do to the answer** for “{show.escaped(load_sample(sample).texts[row])}”? "
        f"{show.escaped(patches.sentence_finding(found, direction))}",
        help=_HELP_PATCHES,
    )
    figures.figure(
        patches.sentence_heat(found, direction, show.look(), chosen.layer),
        patches.sentence_table(found, direction),
        name="patched-sentence",
        alt_text=f"Effect of each state, layer by layer and piece by piece, {direction}",
        specs=[spec],
        note=f"{direction}; orange: towards the network it comes from; log odds of what the tuned network answers"
        f"{'' if found.has_way else ', in nats: base and tuned are too near for shares'}; one sentence: no interval",
    )


def _word(chosen: Selection, sample: Sample, row: int) -> int:
    """Whose answer is looked at, of a head for words; -1 = all."""
    assert chosen.tuned is not None
    run = run_of(chosen.tuned.ref)
    if run is None or run.unit != "word":
        return -1
    words = load_sample(sample).words[row]
    return int(st.selectbox(
        "Answer for", range(-1, len(words)), key="patch_word", persist_state="session",
        format_func=lambda at: "all words, on the mean" if at < 0 else f"word {at + 1}: {words[at]}",
    ))  # fmt: skip


def _direction(column: Any) -> str:
    found: str = column.segmented_control(
        "Put", DIRECTIONS, default=DIRECTIONS[0], key="patch_direction", bind="query-params", required=True,
        help="Tuned into base: where is what tuning added enough? Base into tuned: where would it be missed?",
    )  # fmt: skip
    return found
