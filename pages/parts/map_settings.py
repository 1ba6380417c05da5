"""How the page Maps is set: which projection, and the settings of each, chosen before anything is computed."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.analyses.joint_map import JointMap
from core.analyses.joint_tsne import JointTsne
from core.analyses.joint_umap import JointUmap
from core.analyses.map_chain import MapChain
from core.analyses.map_steps import MapSteps
from pages.parts import show

PROJECTIONS = {
    "pca": "PCA",
    "umap": "UMAP",
    "tsne": "t-SNE",
    "chain": "UMAP, all layers",
    "steps": "UMAP over training",
    "tunings": "UMAP, several tunings",
    "axes": "Label axes",
}
POINTS = (500, 1000, 1500, 3000, 5000)
PCA_POINTS = (500, 2000, 10_000, 50_000, 100_000)
CHAIN_POINTS = (500, 1000, 2000, 3000)


def projection() -> str:
    """How the space is laid flat."""
    show.link_holds("projection", PROJECTIONS.values(), "Projection")
    return st.selectbox(
        "Projection",
        list(PROJECTIONS),
        format_func=PROJECTIONS.__getitem__,
        key="projection",
        bind="query-params",
        width=195,
        help="**PCA**: two straight axes through the space, distances true to scale. **UMAP**: a bent map that keeps neighbours "
        "together; gaps and the size of its clumps mean little. **t-SNE**: a second opinion; what both show is less likely "
        "to be a map's own making. **UMAP, all layers**: computed once, then the layer cursor walks through maps that lie on "
        "each other. **UMAP over training**: the same for the steps of a run. **UMAP, several tunings**: the base beside up to "
        "three checkpoints, such as tunings on other tasks. **Label axes**: straight axes that part a label, or lead from one "
        "group of words to another.",
    )


def of_pca(usual: JointMap) -> JointMap:
    """How many points the PCA is to show."""
    chosen: int = st.selectbox(
        "Points a side, at most",
        PCA_POINTS,
        index=PCA_POINTS.index(usual.n_points),
        format_func=lambda n: f"{n:,}",
        key="pca_points",
        persist_state="session",
        help="Drawn at random, the same on both sides. Past 20,000 the map shades by how densely points lie.",
    )
    return usual.replace(n_points=chosen)


def other_layer(layer: int, n_layers: int) -> int | None:
    """A layer to be drawn beside the cursor's; None for none."""
    options = [str(at) for at in range(n_layers) if at != layer]
    chosen = st.selectbox(
        "Another layer below it",
        options,
        index=None,
        placeholder="none",
        key="layer_beside",
        bind="query-params",
        help="The same points in four panels. Circle some in one layer to find them in the other.",
    )
    return None if chosen is None else int(chosen)


def another_seed() -> bool:
    """Whether the map is to be laid out under further seeds."""
    return st.toggle(
        "Compare seeds",
        key="map_seeds",
        bind="query-params",
        help="Lays the same points out three times, on the same graph, and says which of them keep their neighbours. What "
        "another seed undoes is the map's own making.",
    )


def of_layout(name: str, kind: type[JointUmap | JointTsne | MapChain | MapSteps]) -> dict[str, Any]:
    """Settings of a bent map, in a form: nothing follows from moving them until it is sent.

    Args:
        name: the projection's, of the widgets.
        kind: the spec they are for; its own defaults are what they begin with.
    """
    usual = {field: known.default for field, known in kind.__dataclass_fields__.items()}
    points = POINTS if kind in (JointUmap, JointTsne) else CHAIN_POINTS
    with st.form(f"{name}-settings", border=False):
        chosen = {"n_points": _points(name, points, usual["n_points"])}
        chosen |= _perplexity(name, usual) if kind is JointTsne else _neighbours(name, usual)
        metrics = ["euclidean", "cosine"]
        chosen["metric"] = st.selectbox(
            "Metric", metrics, index=metrics.index(usual["metric"]), key=f"{name}_metric", persist_state="session"
        )
        chosen["seed"] = st.number_input("Seed", 0, 10_000, 0, key=f"{name}_seed", persist_state="session")
        st.form_submit_button("Use these")
    return chosen


def _points(name: str, points: Sequence[int], usual: int) -> int:
    return st.selectbox(
        "Points a side",
        points,
        index=points.index(usual),
        format_func=lambda n: f"{n:,}",
        key=f"{name}_points",
        persist_state="session",
    )


def _neighbours(name: str, usual: dict[str, Any]) -> dict[str, Any]:
    return {
        "n_neighbors": st.number_input(
            "Neighbours",
            2,
            200,
            usual["n_neighbors"],
            key=f"{name}_neighbours",
            persist_state="session",
            help="Few: local clumps. Many: the coarse shape.",
        ),
        "min_dist": st.number_input(
            "Least distance",
            0.0,
            1.0,
            usual["min_dist"],
            0.05,
            key=f"{name}_distance",
            persist_state="session",
            help="How close points may lie on the map (min_dist).",
        ),
    }


def _perplexity(name: str, usual: dict[str, Any]) -> dict[str, Any]:
    return {
        "perplexity": st.number_input(
            "Perplexity",
            2,
            100,
            usual["perplexity"],
            key=f"{name}_perplexity",
            persist_state="session",
            help="About how many neighbours of a point count. Few: local clumps. Many: the coarse shape.",
        )
    }
