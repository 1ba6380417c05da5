"""The comparison picker and the layer cursor in the sidebar, bound to the URL: every view is a link."""

import streamlit as st

from core.analyses.checkpoint import Checkpoint, origin, run_of
from core.data.load import sample_size
from core.keys import key_of
from core.lab import Lab, Named
from core.models.checkpoints import facts, place
from core.refs import LABEL_NAMES, Sample
from pages.parts.lab import get_lab
from pages.parts.selection import Selection, caveat_of

_SIZES = ("250", "500", "1000", "2000", "all")
_POOLINGS = {
    "word": {"average": "average of its pieces", "first": "first piece", "last": "last piece"},
    "sentence": {"mean": "mean of all pieces", "cls": "[CLS] token"},
}
_NONE = "none"


def draw() -> None:
    """Draw the picker and remember the selection for the page that runs next."""
    lab = get_lab()
    checkpoints, datasets = lab.checkpoints(), lab.datasets()
    st.subheader("Comparison", anchor=False)
    base = _choose("Base", "base", checkpoints, help_="Weights before fine-tuning, drawn as ● in blue.")
    runs = [named for named in checkpoints if named.id != base.id]
    newest = _newest_run(lab, runs)
    tuned = _choose(
        "Tuned",
        "tuned",
        runs or [Named(id=_NONE, name="none yet", ref=None)],
        default=newest,
        help_="Weights after fine-tuning, drawn as ▲ in vermilion. Make one on the page Checkpoints.",
    )
    if caveat := caveat_of(tuned):
        st.caption(f"compressed to rank {tuned.ref.rank}; embeddings as in the base", help=caveat)
    data = _choose(
        "Text", "data", datasets, help_="The sentences that both checkpoints read. Add files on the page Data."
    )
    unit, label = _choose_label(lab, data)
    layer = _tower(base)
    with st.expander("Sample, pooling, display"):
        sample = _choose_sample(data)
        pooling = _choose_pooling(unit)
        st.toggle(
            "Projector", key="projector", bind="query-params", help="Larger text in charts, for the back of the room."
        )
    st.session_state["selection"] = Selection(
        base=base,
        tuned=tuned if tuned.ref is not None else None,
        data=data,
        sample=sample,
        label=label,
        unit=unit,
        pooling=pooling,
        layer=layer,
    )


def selected() -> Selection | None:
    """The selection that the sidebar made in this run; None where it could not (the reason is shown there)."""
    return st.session_state.get("selection")


def compared() -> Selection | None:
    """The selection where it has two sides; otherwise None, with a word on how to get the second."""
    chosen = selected()
    if chosen is not None and chosen.tuned is None:
        st.info(
            "Choose a tuned checkpoint in the sidebar, or make one on the page Checkpoints.", icon=":material/info:"
        )
        return None
    return chosen


def pick_layer(layer: int) -> None:
    """Move the layer cursor; only inside a widget's callback."""
    st.session_state["layer"] = layer


def pick_run(run: Checkpoint) -> None:
    """Choose a finished run as the tuned side; only inside a widget's callback."""
    st.session_state["tuned"] = key_of(run)[:10]


def _choose(label: str, key: str, options: list[Named], *, default: str | None = None, help_: str = "") -> Named:
    by_id = {named.id: named for named in options}
    ids = list(by_id)
    chosen = st.selectbox(
        label,
        ids,
        index=ids.index(default) if default in ids else 0,
        format_func=lambda short: _label(by_id, short),
        key=key,
        bind="query-params",
        help=help_,
    )
    return by_id[chosen]


def _label(by_id: dict[str, Named], short: str) -> str:
    """Name on screen and in the URL; the id is added where two would read alike."""
    name = by_id[short].name
    alike = sum(named.name == name for named in by_id.values()) > 1
    return f"{name} · {short[:6]}" if alike else name


def _newest_run(lab: Lab, options: list[Named]) -> str | None:
    """The newest run that was compared already, so that pages open full; else the newest of all."""
    runs = [named.id for named in options if run_of(named.ref)]
    compared = lab.compared()
    return next((short for short in runs if short in compared), runs[0] if runs else None)


def _choose_label(lab: Lab, data: Named) -> tuple[str, str]:
    """(unit, label) to read; data without labels is still compared, sentence by sentence."""
    known = lab.labels_of(data.ref)
    options = [(unit, name) for unit in ("word", "sentence") for name in known[unit]]
    if not options:
        st.caption("This text has no labels: similarity and crowding work, probes need some.")
        return "sentence", ""
    names = [f"{LABEL_NAMES.get(name, name)} ({unit})" for unit, name in options]
    chosen = st.selectbox(
        "Read",
        range(len(options)),
        format_func=lambda i: names[i],
        key="read",
        bind="query-params",
        help="What probes try to read from the vectors, and how points are coloured. Word labels make the comparison "
        "run over words, sentence labels over sentences.",
    )
    return options[chosen]


def _choose_sample(data: Named) -> Sample:
    available = sample_size(Sample(of=data.ref))
    sizes = [size for size in _SIZES if size == "all" or int(size) < available]
    size = st.selectbox(
        "Sentences",
        sizes,
        index=sizes.index("500") if "500" in sizes else len(sizes) - 1,
        format_func=lambda size: f"all {available:,}" if size == "all" else f"{int(size):,}",
        key="sentences",
        bind="query-params",
        help="More sentences: narrower intervals, longer waiting.",
    )
    return Sample(of=data.ref, n=0 if size == "all" else int(size))


def _choose_pooling(unit: str) -> str:
    names = _POOLINGS[unit]
    return st.selectbox(
        f"A {unit} is the",
        list(names),
        format_func=lambda name: names[name],
        key=f"{unit}_pooling",
        bind="query-params",
        help="A tokenizer cuts words into pieces; pooling says how they become one vector.",
    )


def _tower(base: Named) -> int:
    """The layer cursor: the network as a tower, its top at the top."""
    depth = facts(place(origin(base.ref))).n_layers
    names = {depth: f"{depth} · top", 0: "0 · embeddings"}
    return st.radio(
        "Layer",
        list(range(depth, -1, -1)),
        format_func=lambda layer: names.get(layer, str(layer)),
        key="layer",
        bind="query-params",
        help="Highlighted on every page. Layer 0 is the embedding output, layer i what block i returns.",
    )
