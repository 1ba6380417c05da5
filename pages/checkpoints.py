"""Checkpoints: what is there, and bringing another."""

from pages.parts.frame import enter

enter()

from collections import defaultdict  # noqa: E402
from collections.abc import Mapping  # noqa: E402
from typing import Any  # noqa: E402

import pandas as pd  # noqa: E402
import streamlit as st  # noqa: E402

from core.analyses.checkpoint import origin, run_of  # noqa: E402
from core.analyses.fine_tune import FineTune, Snapshot  # noqa: E402
from core.charts.scores import interval, written  # noqa: E402
from core.data.vectors import file_size  # noqa: E402
from core.errors import TunescopeError  # noqa: E402
from core.keys import key_of  # noqa: E402
from core.lab import Lab, Named  # noqa: E402
from core.models.checkpoints import facts, locate_adapter, place  # noqa: E402
from core.refs import (  # noqa: E402
    Adapter,
    Folder,
    Hub,
    Packaged,
    Vectors,
)
from pages.parts import bringing, show  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402

_KINDS = {Packaged: "comes with Tunescope", Folder: "folder", Hub: "Hugging Face Hub"}
DULL_COLUMN = "always the same answer"


def main() -> None:
    """The page."""
    show.heading(
        "Checkpoints",
        "What can be compared, and the place to bring another.",
        "Every run listed here, and every step it kept, can be chosen as the tuned side in the sidebar; the page Lab tunes more.",
    )
    lab = get_lab()
    st.subheader("What is there", anchor=False)
    listing(lab)
    st.subheader("Add another", anchor=False)
    with show.messages():
        bringing.draw(lab)


def listing(lab: Lab) -> None:
    """Checkpoints on disk, what is wrong with any of them, then runs with their scores on dev examples."""
    named, rows = lab.checkpoints(), []
    names = defaultdict(lambda: "a base that is gone", {key_of(one.ref): one.name for one in named})
    for one in (one for one in named if run_of(one.ref) is None):
        try:
            if isinstance(one.ref, Hub) and not one.ref.is_at_hand():
                show.results([one.ref], what=one.name)
                _forget(lab, one)
                continue
            if isinstance(one.ref, Vectors):
                rows.append(_vectors_row(lab, one))
                continue
            known = facts(place(origin(one.ref)))
            if isinstance(one.ref, Adapter):
                locate_adapter(one.ref)
        except TunescopeError as problem:
            st.warning(f"**{show.escaped(one.name)}** is not to be had now. {show.said(problem)}")
            _forget(lab, one)
            continue
        rows.append(
            {
                "name": one.name,
                "kind": f"LoRA adapter over {names[key_of(one.ref.of)]}"
                if isinstance(one.ref, Adapter)
                else _KINDS[type(one.ref)],
                "family": known.family,
                "blocks": known.n_layers,
                "width": known.width,
                "parameters": known.n_parameters,
                "size": show.size(known.n_bytes),
            }
        )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        width="stretch",
        column_config={"parameters": st.column_config.NumberColumn(format="compact")},
    )
    if added := [one for one in named if isinstance(one.ref, Folder | Hub | Vectors | Adapter)]:
        with st.popover("Take one from the list", icon=":material/playlist_remove:"):
            _forget(lab, st.selectbox("Which", added, format_func=lambda one: one.name), "listed")
    st.subheader("Tuned here", anchor=False)
    _tuned(lab, [one for one in named if run_of(one.ref) and not isinstance(one.ref, Snapshot)], names)


def _tuned(lab: Lab, named: list[Named], names: Mapping[str, str]) -> None:
    """Runs and what they score, a row each."""
    rows = []
    for one in named:
        run, tuned = run_of(one.ref), show.stored(one.ref)
        if run is not None and tuned is not None:
            rows.append(
                {
                    "name": one.name,
                    "from": names[key_of(run.checkpoint)],
                    "score": f"{run.measure} {written(tuned.score.value, run.measure)} {interval(tuned.score, run.measure)}",
                    DULL_COLUMN: written(tuned.majority, run.measure),
                    "steps kept": len(run.snapshots) if isinstance(one.ref, FineTune) else 0,
                    "what changed": show.size(tuned.n_bytes),
                }
            )
    if rows:
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
    else:
        st.caption("None yet.")
    st.page_link("pages/lab.py", label="Tune another, and see how each run went", icon=":material/science:")


def _vectors_row(lab: Lab, one: Named) -> dict[str, Any]:
    """Vectors computed elsewhere, as a row of the list. Raises CheckpointNotFound where their file is gone."""
    texts = {key_of(held.ref): held.name for held in lab.datasets()}
    n_bytes = file_size(one.ref)
    return {
        "name": one.name,
        "kind": f"vectors of the {one.ref.unit}s of {texts.get(key_of(one.ref.of), 'a text that is gone')}",
        "family": "",
        "blocks": one.ref.n_layers,
        "width": one.ref.width,
        "parameters": None,
        "size": show.size(n_bytes),
    }


def _forget(lab: Lab, one: Named, where: str = "gone") -> None:
    st.button(
        "Forget it",
        key=f"forget-{where}-{one.id}",
        icon=":material/delete:",
        on_click=lab.remove_checkpoint,
        args=(one.id,),
        help="Takes it from the list. Results computed with it are kept; a copy of it that was made in the cache folder "
        "goes, unless a result needs it.",
    )


with show.messages():
    main()
