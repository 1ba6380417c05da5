"""Home's three findings, each with the way to the page that shows it and what would overturn it, and what to look at next."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core.analyses.checkpoint import run_of
from core.analyses.similarity import LayerSimilarity
from core.charts.findings import Finding
from core.charts.headline import REWRITTEN, below
from pages.parts.selection import Selection

Way = tuple[str, Mapping[str, str]]
"""A page and what its link asks of it."""

SPACE: Way = ("pages/layers.py", {"view": "Kept space"})
CROWDING: Way = ("pages/layers.py", {"view": "Crowding"})
CLASSES: Way = ("pages/layers.py", {"view": "What can be read"})
NUMBER: Way = ("pages/probes.py", {"probing": "Number"})


def draw(found: Sequence[tuple[str, Finding, Way]]) -> None:
    """The findings in their order, a line or two each."""
    block = st.container(gap=None, key="findings")
    for name, finding, (page, asked) in found:
        line = block.container(horizontal=True, vertical_alignment="center", gap="xsmall")
        line.markdown(
            f"**{name}.** {finding.said}", width="content", help=f"**What would overturn it?** {finding.overturned}"
        )
        line.page_link(page, label="See", icon=":material/arrow_forward:", query_params=dict(asked))


def then(chosen: Selection, similarity: LayerSimilarity | None) -> None:
    """What a reader would ask next."""
    assert chosen.tuned is not None
    rewritten = below(similarity, REWRITTEN) if similarity else []
    line = st.container(horizontal=True, vertical_alignment="center")
    line.markdown("**Next**", width="content")
    if similarity and rewritten:
        line.page_link(
            "pages/maps.py", label=f"Which {chosen.embedded}s lost their neighbours?", icon=":material/scatter_plot:",
            query_params={"maps": "Movers"},
        )  # fmt: skip
    if chosen.label:
        line.page_link(
            "pages/probes.py", label="Where is it easier or harder to read?", icon=":material/troubleshoot:",
            query_params={"probing": "Gained and lost"},
        )  # fmt: skip
    if run_of(chosen.tuned.ref) is not None and chosen.is_tuning:
        line.page_link(
            "pages/ablations.py", label="Which layers does the task need changed?", icon=":material/content_cut:",
            query_params={"ablations": "Grafts"},
        )  # fmt: skip
