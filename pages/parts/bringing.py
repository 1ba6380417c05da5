"""Adding a checkpoint made elsewhere: from the Hugging Face Hub, or a folder; adapters and pickled weights by one more step."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from core.catalogue import hub_name
from core.errors import TunescopeError
from core.lab import Lab, Named
from core.models.hub import Repository
from core.refs import Folder, Hub, Packaged
from pages.parts import show
from pages.parts.hub_form import ask_hub
from pages.parts.lab import get_lab

_FOUND, _PROBLEM, _CONVERT = "hub_found", "bringing_problem", "convert"


def draw(lab: Lab) -> None:
    """The ways to add a checkpoint, or vectors of one."""
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(show.said(problem), icon=":material/error:")
    hub, folder, vectors = st.tabs(["Hugging Face Hub", "Folder", "Vectors"], key="bring")
    with hub, show.messages():
        _look_up(lab)
        if found := st.session_state.get(_FOUND):
            with st.container(border=True):
                _card(lab, found)
    with folder, show.messages():
        _add_folder(lab)
    with vectors, show.messages():
        _add_vectors(lab)


def whole(lab: Lab) -> list[Named]:
    """Checkpoints with all their weights: what can be tuned and what an adapter can stand on."""
    return [one for one in lab.checkpoints() if isinstance(one.ref, Packaged | Folder | Hub)]


def _look_up(lab: Lab) -> None:
    asked = ask_hub("Name on the Hub", "model_hub", note="Only safetensors are loaded, and no code from it is run. ")
    if asked is not None:
        st.session_state.pop(_FOUND, None)
        with st.spinner("Asking"):
            st.session_state[_FOUND] = lab.look_up(asked.name, asked.revision, offline=asked.offline)


def _card(lab: Lab, found: Repository) -> None:
    """What was found, and the next step to having it."""
    ref = found.ref
    what = {"adapter": "a LoRA adapter", "pickled": "pickled weights only", "model": "a checkpoint"}[ref.holds]
    facts = [what]
    if found.shape is not None:
        facts.append(f"{found.shape.family}, {found.shape.n_layers} blocks × {found.shape.width}")
    facts.append(show.size(ref.n_bytes))
    facts += [f"licence {found.licence}"] if found.licence else []
    facts += [found.access] if found.access in ("gated", "private") else []
    facts += ["already on this machine"] if ref.is_at_hand() else []
    st.markdown(
        f"**{show.escaped(ref.repo)}** · {show.escaped(ref.revision)} is commit `{ref.commit[:10]}`  \n"
        + show.escaped(" · ".join(facts))
    )
    if ref.holds == "model":
        label = "Add" if ref.is_at_hand() else f"Download and add · {show.size(ref.n_bytes)}"
        st.button(label, type="primary", icon=":material/download:", on_click=_take, args=(found,))
        return
    if not ref.is_at_hand():
        show.results([ref], what=show.escaped(f"{ref.repo} at {ref.commit[:7]}"))
        return
    if ref.holds == "pickled":
        _offer_conversion(lab, str(ref.folder), hub_name(ref))
        return
    bases = whole(lab)
    told = [i for i, one in enumerate(bases) if found.adapts and one.name.startswith(f"{found.adapts} @")]
    base = st.selectbox(
        f"Its base: it says it was trained on {show.escaped(found.adapts) or 'nothing by name'}",
        bases,
        index=told[0] if told else 0,
        format_func=lambda one: one.name,
    )
    if found.adapts and not told:
        st.caption(
            f"{show.escaped(found.adapts)} is not in the list: look it up and add it first, or choose what is the same."
        )
    st.button("Add", type="primary", icon=":material/add:", on_click=_take_adapter, args=(found, base))


def _take(found: Repository) -> None:
    """Add a checkpoint, and start its download where it is not here."""
    lab = get_lab()
    with _said_next():
        lab.add_repository(found)
        if not found.ref.is_at_hand():
            lab.submit(found.ref)
        st.session_state.pop(_FOUND)


def _take_adapter(found: Repository, base: Named) -> None:
    with _said_next():
        get_lab().add_checkpoint(str(found.ref.folder), hub_name(found.ref), base=base.ref)
        st.session_state.pop(_FOUND)


@contextmanager
def _said_next() -> Iterator[None]:
    """Keep a message of ours for the run after a callback: what a callback draws is lost."""
    try:
        yield
    except TunescopeError as problem:
        st.session_state[_PROBLEM] = problem


def _add_folder(lab: Lab) -> None:
    """A local checkpoint, or an adapter over one, by path."""
    with st.form("add_folder", border=False):
        left, middle, right = st.columns([4, 2, 1], vertical_alignment="bottom")
        with left:
            path = show.local_path(
                "Folder with config.json, tokenizer and .safetensors weights, or of a LoRA adapter",
                placeholder="/path/to/checkpoint",
            )
        base = middle.selectbox(
            "An adapter's base",
            whole(lab),
            format_func=lambda n: n.name,
            key="adapter_base",
            help="What the adapter was trained on. Only read for a folder with adapter_config.json; its low-rank change is "
            "added to the base's weights, a head in it is left out.",
        )
        pressed = right.form_submit_button("Add", icon=":material/add:", width="stretch")
        if pressed and path:
            st.session_state[_CONVERT] = path if lab.needs_conversion(path) else ""
            if not st.session_state[_CONVERT]:
                with st.spinner("Checking it"):
                    lab.add_checkpoint(path, base=base.ref)
                st.rerun()
    if path := st.session_state.get(_CONVERT):
        _offer_conversion(lab, path, Path(path).name)


def _add_vectors(lab: Lab) -> None:
    """Vectors computed elsewhere, one row a sentence or word of a text that is here."""
    with st.form("add_vectors", border=False):
        path_at, text_at, unit_at, button_at = st.columns([4, 2.4, 1.6, 1.2], vertical_alignment="bottom")
        with path_at:
            path = show.local_path(
                "Array of numpy (.npy): [rows, width] or [layers, rows, width]", placeholder="/path/to/vectors.npy"
            )
        text = text_at.selectbox(
            "Of the text", lab.datasets(), format_func=lambda one: one.name, key="vectors_of",
            help="The rows are all of its sentences or words, in reading order. Add your own text on the page Data first.",
        )  # fmt: skip
        unit = unit_at.selectbox("A row is a", ["sentence", "word"], key="vectors_unit")
        pressed = button_at.form_submit_button("Add", icon=":material/add:", width="stretch")
    if pressed and path:
        with st.spinner("Looking at every number"):
            lab.add_vectors(path, text.ref, unit)
        st.rerun()


def _offer_conversion(lab: Lab, path: str, name: str) -> None:
    """Pickled weights are opened only when a person says so."""
    st.warning(
        f"**{show.escaped(name)} holds only pickled weights (pytorch_model.bin).** Such files can carry code, so they are not "
        "loaded here. A conversion opens them in a process of its own, which takes tensors and nothing else, and keeps them "
        "as safetensors in the cache folder; the folder itself stays as it is.",
        icon=":material/inventory_2:",
    )
    if st.button("Convert and add", icon=":material/sync:", key=f"convert-{name}"):
        st.session_state[_CONVERT] = ""  # whatever becomes of it, the offer is taken
        st.session_state.pop(_FOUND, None)
        with st.spinner("Converting"):
            lab.convert_checkpoint(path, name)
        st.rerun()
