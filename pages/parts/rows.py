"""Single words, spans, pairs or sentences that became easier or harder to read."""

import streamlit as st

from core.charts import readout
from pages.parts import figures, notes, show
from pages.parts.selection import Selection

MOST_ROWS = 300


def read_on_both(chosen: Selection) -> bool:
    """Whether probes of either side can be read on both; otherwise says why not, before anything is offered."""
    if not chosen.is_one_width:
        st.info(
            "The two sides differ in width: no probe of one reads the other. Choose checkpoints of one width.",
            icon=":material/info:",
        )
    return chosen.is_one_width


def draw(chosen: Selection) -> None:
    """The rows of the chosen label at the chosen layer, searchable, with their sentences."""
    if not read_on_both(chosen):
        return
    spec = chosen.transfer
    (found,) = show.results([spec], what="probes of both sides, read on both")
    if found is None:
        return
    st.markdown(
        f"**Which {chosen.unit_name}s became easier to read at layer {chosen.layer}, which harder?**",
        help="The probability that a side's own probe gives the gold label, mean over the splits that held the sentence out: 1 "
        "= surely right. Single rows are noisy; look for many of a kind.",
    )
    one, two = st.columns([2, 5], vertical_alignment="bottom")
    way = one.segmented_control("Order", ["Gained", "Lost"], default="Gained", key="probing_way", required=True)
    search = two.text_input("Search", key="probing_search", placeholder="words to look for", icon=":material/search:")
    table = readout.rows_table(found, chosen.layer, search=search, gained=way == "Gained")
    number = st.column_config.NumberColumn
    columns = {
        "text": st.column_config.TextColumn(chosen.unit_name, width="small"),
        "base": number(format="%.2f"),
        "tuned": number(format="%.2f"),
        "change": number(format="%.2f"),
        "sentence": st.column_config.TextColumn(width="large"),
    }
    if len(table):
        st.dataframe(table.head(MOST_ROWS), hide_index=True, width="stretch", height=420, column_config=columns)
    else:
        st.info("No row holds these words.", icon=":material/info:")
    st.caption(
        f"{min(len(table), MOST_ROWS):,} of {len(table):,} rows · {notes.transfer(found, chosen)} · {figures.provenance([spec])}"
    )
    with st.expander("By label", icon=":material/table:"):
        figures.behind(
            readout.gains_by_label(found, chosen.layer),
            name="gains-by-label",
            specs=[spec],
            note="mean probability of the gold label; no interval",
        )
