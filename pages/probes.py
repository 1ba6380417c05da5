"""Probes: how many bits the labels take, whether a probe carries over, and which words became easier or harder."""

from pages.parts.frame import enter

enter()

from collections.abc import Mapping, Sequence  # noqa: E402
from typing import Any  # noqa: E402

import streamlit as st  # noqa: E402

from core.analyses.codelength import Codelengths  # noqa: E402
from core.analyses.places import Place  # noqa: E402
from core.analyses.probe_kinds import KINDS, KindScores  # noqa: E402
from core.analyses.probe_slices import LEAST_ROWS, LEAST_SENTENCES  # noqa: E402
from core.analyses.probe_transfer import Transfers  # noqa: E402
from core.charts import board, confusion, curves, paired, readout  # noqa: E402
from core.keys import Spec  # noqa: E402
from pages.parts import figures, mixed, notes, numbers, picker, rows, show  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402
from pages.parts.saved import CHOSEN_BY_EYE  # noqa: E402
from pages.parts.selection import Selection  # noqa: E402

MOST_CONFUSED = 25
"""Labels, beyond which a table of what is said instead cannot be read."""


def main() -> None:
    """The page."""
    asked = picker.selected()
    if asked is not None and asked.number:
        show.heading(
            "Probes",
            "How exactly a number can be read from each layer, base beside tuned.",
            "Grey is control. What a probe needs to read a label of classes stands here once one is chosen under Read.",
        )
    else:
        show.heading(
            "Probes",
            "What a probe needs to read a label, whether it reads the other side too, and which words changed.",
            "Grey is control. Accuracy by layer, with its controls, is on the page Layers.",
        )
    chosen = picker.compared()
    if chosen is None:
        return
    views = {"Mixed layers": mixed.draw}
    if chosen.label:
        views = {
            "Bits": bits,
            "Carried over": carried,
            "Gained and lost": rows.draw,
            "Parts": parts,
            "Other kinds": kinds,
        } | views
    else:
        views = {"Number": numbers.draw} | views
    show.views(views, chosen, key="probing")


def bits(chosen: Selection) -> None:
    """Online codelength by layer, and how it falls with the rows seen."""
    specs = [chosen.codelength_change, *chosen.codelengths]
    change, base, tuned = show.results(specs, what="codelengths")
    if not (change and base and tuned):
        return
    control = chosen.random_codelength
    place, random = show.control(control, what="codelengths on random weights")
    with place:
        _compression(chosen, (change, base, tuned, random), [*specs, *([control] if control and random else [])])
        _learning(chosen, base, tuned, specs)


def _compression(chosen: Selection, found: tuple[Any, Any, Any, Any], specs: Sequence[Spec]) -> None:
    """Compression by layer. Args: found: the difference, base, tuned, and random weights or None."""
    change, base, tuned, random = found
    table = readout.compression_table(base, tuned, change, random)
    st.markdown(
        f"**How much shorter do {chosen.label_said} become to send when the vectors are known?** Above the grey lines, a layer "
        "saves more than label shares and memorised types do.",
        help="Online codelength (Voita & Titov 2020): labels are sent block by block, each by a probe trained on all before it. "
        "Compression is the length of sending every label in full over that length. Unlike accuracy it counts the effort: a "
        "probe that needs many examples pays for them. The control task gives every type a random label. What vectors of random "
        "weights save, no training put there.",
    )
    figures.figure(
        curves.side_curves(
            table,
            "compression",
            show.look(),
            chosen.layer,
            title="compression (1 = sent in full)",
            percent=False,
            controls=True,
            guess="label shares alone",
        ),
        table,
        name="compression",
        alt_text=f"Compression of {chosen.label_name} by layer, base and tuned",
        specs=specs,
        note=notes.codelength(base, tuned, chosen),
    )


def _learning(chosen: Selection, base: Codelengths, tuned: Codelengths, specs: Sequence[Spec]) -> None:
    """Bits a row against the rows seen, at the chosen layer."""
    learning = readout.learning_table(base, tuned, chosen.layer)
    st.markdown(f"**How many examples does layer {chosen.layer} need?** The lower and the sooner down, the easier.")
    figures.figure(
        readout.learning_curve(learning, show.look(), n_classes=len(base.labels), prior_bits=base.prior_bits),
        learning,
        name="learning",
        alt_text=f"Bits a row against rows seen at layer {chosen.layer}, base and tuned",
        specs=specs,
        note=f"mean over {base.bits.shape[1]} orders of the sentences; no interval: blocks of one order follow each other",
    )


def carried(chosen: Selection) -> None:
    """Probes of each side read on the other."""
    if not rows.read_on_both(chosen):
        return
    spec = chosen.transfer
    (found,) = show.results([spec], what="probes of both sides, read on both")
    if found is None:
        return
    table = readout.transfer_table(found)
    st.markdown(
        f"**Does a probe for {chosen.label_said} carry over?** Trained on one side, read on the other.",
        help="Where it reads as well away as at home, tuning left the direction of the label in place. Rescaled: each feature of "
        "the other side is first brought to mean 0 and spread 1 by itself; what that wins back had only moved or grown.",
    )
    figures.figure(
        board.checkpoint_curves(
            table,
            "accuracy",
            show.look(),
            chosen.layer,
            checkpoints=readout.HOME_AWAY,
            title="accuracy on held-out sentences",
            percent=True,
        ),
        table.rename(columns={"checkpoint": "probe"}),
        name="transfer",
        alt_text=f"Accuracy for {chosen.label_name} by layer of probes trained on one side and read on both",
        specs=[spec],
        note=notes.transfer(found, chosen),
    )


PARTS = {
    "Label": ("label", "label (rows)"),
    "Frequency": ("frequency", "what stands there occurs (rows)"),
    "Sentence length": ("length", "sentence (rows)"),
}


SAVED = "Saved points"
_PARTS_HELP = (
    "Accuracy of each side's own linear probes on rows they did not see, part by part. Rare words and long sentences show what a "
    "probe knows beyond memorised words. Many parts are looked at: one in twenty leaves the noise by chance."
)


def parts(chosen: Selection) -> None:
    """Where linear probes are right: by label, frequency and length, and what they answer instead."""
    if not rows.read_on_both(chosen):
        return
    specs = [chosen.slices, chosen.transfer]
    slices, found = show.results(specs, what="probes of both sides on parts of the rows")
    if not (slices and found):
        return
    is_of_points = chosen.unit_name == chosen.embedded  # spans and pairs of words are no points of a map
    known = get_lab().saved_points.of(chosen.data.ref, chosen.embedded) if is_of_points else {}
    name = st.segmented_control(
        "Part", [*PARTS, SAVED] if known else list(PARTS), default="Label", key="probing_part", bind="query-params",
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    if name == SAVED:
        of_saved(chosen, found, known)
        return
    kind, what = PARTS[name]
    table = paired.slices_table(slices, chosen.layer, kind)
    st.markdown(f"{_asked(chosen)} A hollow ▲ is a change inside the noise.", help=_PARTS_HELP)
    note = notes.slices(chosen, slices.n_left_out)
    if len(table):
        figures.figure(
            paired.paired_chart(table, show.look(), what=what, title="share read rightly"),
            table,
            name=f"parts-{kind}",
            alt_text=f"Share of rows read rightly by {name.lower()} at layer {chosen.layer}, base and tuned",
            specs=specs,
            note=note,
        )
    else:
        st.info("Every part is too small for a share. Take a larger sample.", icon=":material/info:")
    if kind == "label" and len(found.labels) <= MOST_CONFUSED:
        for side, counts in readout.said_counts(found, chosen.layer).items():
            st.markdown(f"**{side.capitalize()}: what is said instead?** Rows are gold labels; shares are of a row.")
            figures.figure(
                confusion.confusion_heat(found.labels, counts, show.look()),
                confusion.confusion_table(found.labels, counts),
                name=f"confusion-{side}",
                alt_text=f"Gold against answered label of the {side} probe at layer {chosen.layer}",
                specs=specs[1:],
                note=note,
            )


def _asked(chosen: Selection) -> str:
    return f"**Where are {chosen.unit_name}s read rightly at layer {chosen.layer}, asked for {chosen.label_said}?**"


def of_saved(chosen: Selection, found: Transfers, known: Mapping[str, frozenset[Place]]) -> None:
    """Where linear probes are right: on points that somebody circled on a map and saved, beside all others."""
    name = st.selectbox("Saved points", list(known), key="probing_saved", persist_state="session", width=300)
    table = paired.saved_table(found, chosen.layer, known[name], name)
    if table.empty:
        st.info(
            f"Too few of “{show.escaped(name)}” are {chosen.unit_name}s that probes were asked for: a share needs {LEAST_ROWS} in "
            f"{LEAST_SENTENCES} sentences. Save more of them on the page Maps, or read a larger sample.",
            icon=":material/info:",
        )
        return
    st.markdown(f"{_asked(chosen)} A hollow ▲ is a change inside the noise.", help=f"{_PARTS_HELP} {CHOSEN_BY_EYE}")
    figures.figure(
        paired.paired_chart(table, show.look(), what="rows", title="share read rightly"),
        table,
        name="parts-saved",
        alt_text=f"Share of rows read rightly, of saved points and of all others, at layer {chosen.layer}, base and tuned",
        specs=[chosen.transfer],
        note=f"{notes.slices(chosen)}; points chosen by eye",
    )


def kinds(chosen: Selection) -> None:
    """Probes that are not linear."""
    one, two = st.columns([3, 2], vertical_alignment="center")
    kind = one.segmented_control(
        "Kind", KINDS, default=KINDS[0], key="probing_kind", bind="query-params", required=True,
        format_func=str.capitalize, label_visibility="collapsed",
    )  # fmt: skip
    search = kind == KINDS[0] and two.toggle(
        "Search sizes and penalties",
        key="probing_search_sizes",
        bind="query-params",
        help="Every pair of 32, 64, 128 and 256 units with eight penalties, on a part of the training sentences, as Zhou & "
        "Srikumar (2022) choose their classifier. It takes many times as long.",
    )
    spec = chosen.probe_kinds(search=search)
    (found,) = show.results([spec], what="other kinds of probe")
    if found is None:
        return
    control = chosen.random_kinds(search=search)
    place, random = show.control(control, what="other kinds of probe on random weights")
    with place:
        _of_kind(chosen, kind, (found, random), [spec, *([control] if control and random else [])])


def _of_kind(chosen: Selection, kind: str, found: tuple[KindScores, KindScores | None], specs: Sequence[Spec]) -> None:
    """Accuracy of one kind by layer. Args: found: of both sides, and of base and random weights or None."""
    scores, random = found
    table = readout.kind_table(scores, kind, random)
    st.markdown(
        f"**Does another kind of probe read {chosen.label_said} better than a straight cut?** Compare with the page Layers.",
        help="A perceptron can bend its cuts, and can memorise more: look at its control task. The others hardly learn: they show "
        "what lies open in distances. Nearest hull answers as DirectProbe does. What is read from random weights, no training put "
        "there.",
    )
    figures.figure(
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
        name=f"kind-{kind}",
        alt_text=f"Accuracy of {kind} for {chosen.label_name} by layer, base and tuned",
        specs=specs,
        note=notes.kinds(scores, kind, chosen.layer, chosen),
    )


with show.messages():
    main()
