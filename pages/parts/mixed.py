"""Edge probes with scalar mixing: what the layers up to each one hold, and which of them are read."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.charts import curves, mixing
from core.keys import Spec
from core.refs import LABEL_NAMES
from pages.parts import figures, notes, show
from pages.parts.lab import get_lab
from pages.parts.selection import Selection, label_said


def draw(chosen: Selection) -> None:
    """The view of the page Probes."""
    label, equal_norms = _choose(chosen)
    if not label:
        return
    probes = chosen.edge_probes(label, equal_norms=equal_norms)
    specs = [chosen.edge_probe_change(label, equal_norms=equal_norms), *probes]
    change, base, tuned = show.results(specs, what="edge probes")
    if not (change and base and tuned):
        return
    control = chosen.random_edge_probe(label, equal_norms=equal_norms)
    place, random = show.control(control, what="edge probes on random weights")
    with place:
        _cumulative(chosen, label, (change, base, tuned, random), [*specs, *([control] if control and random else [])])
        _weights(label, (change, base, tuned), specs)


def _cumulative(chosen: Selection, label: str, found: tuple[Any, Any, Any, Any], specs: Sequence[Spec]) -> None:
    """Micro-F1 of mixes of the layers up to each. Args: found: the difference, base, tuned, and random weights or None."""
    change, base, tuned, random = found
    table = mixing.cumulative_table(base, tuned, change, random)
    st.markdown(
        f"**How many layers does reading {label_said(label)} take?** A small network reads a weighted sum of "
        "the layers 0 to k.",
        help="Edge probe with scalar mixing (Tenney et al. 2019), one for every k. Micro-F1 counts decisions over all labels "
        "together. Where the curve stops rising, higher layers add nothing that lower ones do not hold. A mix may fall back "
        "to low layers and hide what higher ones forgot: look at single layers on the page Layers too. What is read from random "
        "weights, no training put there.",
    )
    figures.figure(
        curves.side_curves(
            table,
            "f1",
            show.look(),
            chosen.layer,
            title="micro-F1 of the layers 0 to k",
            percent=True,
            controls=True,
        ),
        table,
        name="edge-cumulative",
        alt_text=f"Micro-F1 for {label} of mixes of the layers 0 to k, base and tuned",
        specs=specs,
        note=notes.edge_probe(base, tuned),
    )
    if said := mixing.published(chosen.base.ref, chosen.data.name, label):
        st.caption(said)


def _weights(label: str, found: tuple[Any, Any, Any], specs: Sequence[Spec]) -> None:
    """Which layers a mix of all reads."""
    change, base, tuned = found
    weights = mixing.weights_table(base, tuned)
    st.markdown(
        "**Which layers does a mix of all read?** Thin lines: the smallest and largest split.",
        help="Softmax weights of the full mix. They mislead where layers differ in the length of their vectors (Fayyaz et al. "
        "2021), which the table gives: compare with equal lengths switched on, and with the expected layer.",
    )
    figures.figure(
        mixing.weights_chart(weights, base, tuned, show.look()),
        weights,
        name="edge-weights",
        alt_text=f"Mixing weights by layer for {label}, base and tuned",
        specs=specs,
        note=" ".join(mixing.summary(base, tuned, change)),
    )


def _choose(chosen: Selection) -> tuple[str, bool]:
    """What to read, the sidebar's label where it can be, and whether layers are brought to one length."""
    lab = get_lab()
    known, several = lab.labels_of(chosen.data.ref), lab.several_labels_of(chosen.data.ref)
    names = list(dict.fromkeys((*(name for unit in ("word", "pair", "span") for name in known[unit]), *several)))
    if not names:
        st.info("This text has no labels of words, spans or pairs of them.", icon=":material/info:")
        return "", False
    one, two = st.columns([3, 2], vertical_alignment="bottom")
    label = one.selectbox(
        "Read by an edge probe",
        names,
        index=names.index(chosen.label) if chosen.label in names else 0,
        format_func=lambda name: LABEL_NAMES.get(name, name),
        key="edge_label",
        bind="query-params",
        help="Labels of words, spans and pairs; also those that give several labels at once, which linear probes cannot read.",
    )
    equal = two.toggle(
        "Equal lengths",
        key="edge_equal",
        bind="query-params",
        help="Divide each layer by the mean length of its vectors first, so that mixing weights compare.",
    )
    return label, equal
