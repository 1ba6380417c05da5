"""The view Movers: which words or sentences lost more of their neighbours than those around them."""

import pandas as pd
import streamlit as st

from core.analyses.movers import Moved
from core.charts import movers as drawn
from core.charts import scatter
from core.charts.movers import SAVED
from core.refs import LABEL_NAMES
from pages.parts import figures, notes, show
from pages.parts.lab import get_lab
from pages.parts.saved import CHOSEN_BY_EYE
from pages.parts.selection import Selection

SHOWN = 200
"""Rows of the list; search finds the others."""
HELP = (
    "For each row: the share of its nearest others (by cosine) that are nearest on both sides. Tuning moves whole regions, and "
    "rows in dense places lose neighbours by small steps. So each row is held against the rows around it in the base. A "
    "**mover** kept fewer than they did, by more than other sentences to be near to would change (50 random halves of the "
    "sentences); of those named at a layer at most 5 % are expected not to stand with other sentences (Benjamini & Hochberg "
    "1995). A region that moved as one has no movers, and 0 movers does not say that nothing moved."
)


def movers(chosen: Selection) -> None:
    """How many at each layer, which rows, and one row's card."""
    spec = chosen.movers
    moved: Moved | None
    (moved,) = show.results([spec], what="which rows moved")
    if moved is None:
        return
    by_layer = drawn.layers_table(moved)
    here = by_layer.iloc[chosen.layer]
    st.markdown(
        f"**Which {chosen.embedded}s lost more of their neighbours than those around them, at layer {chosen.layer}?** "
        f"{here['movers']:.0f} of {len(moved.points):,} beyond the noise. On the mean one kept {here['kept']:.0%}.",
        help=HELP,
    )
    figures.figure(
        drawn.count_bars(by_layer, show.look(), chosen.layer),
        by_layer,
        name="movers-by-layer",
        alt_text="Number of movers by layer",
        specs=[spec],
        note=notes.movers(moved, chosen),
    )
    row = listed(chosen, moved)
    if row is not None:
        card(chosen, moved, row)
    by_label(chosen, moved)


def listed(chosen: Selection, moved: Moved) -> int | None:
    """The rows, the most surprising first; the number of the one that is picked, at first the first."""
    st.subheader("Most surprising first", anchor=False)
    query = st.text_input(
        "Search",
        key="movers_search",
        placeholder="words, sentences or labels to look for",
        icon=":material/search:",
        label_visibility="collapsed",
    )
    table = drawn.movers_table(moved, chosen.layer)
    found = table[scatter.holds(table, query)]
    if found.empty:
        st.info(
            f"None of the {len(table):,} {chosen.embedded}s that were drawn holds these words. Others of the text were not looked "
            "at.",
            icon=":material/info:",
        )
        return None
    labels = [name for name in moved.points.select_dtypes(exclude="number") if name not in ("text", "sentence")]
    context = ["sentence"] if chosen.embedded == "word" else []
    shown = found.head(SHOWN)[["text", "kept", "around", "is_mover", "mover_at", *context, *labels]].round(2)
    event = st.dataframe(
        shown,
        hide_index=True,
        width="stretch",
        height=280,
        on_select="rerun",
        selection_mode="single-row",
        key=f"movers-{chosen.layer}-{query}",
        column_config={
            "text": st.column_config.TextColumn(chosen.embedded, width="medium"),
            "kept": st.column_config.NumberColumn(
                format="percent", help="Of its nearest neighbours, those that are near on both sides."
            ),
            "around": st.column_config.NumberColumn(
                "around it", format="percent", help="The same of the rows nearest to it in the base, on the mean."
            ),
            "is_mover": st.column_config.CheckboxColumn("mover", help="Beyond the noise at this layer."),
            "mover_at": st.column_config.TextColumn("mover at", help="All layers at which it is one."),
            "sentence": st.column_config.TextColumn("sentence", width="large"),
            **{name: st.column_config.TextColumn(LABEL_NAMES.get(name, name)) for name in labels},
        },
    )
    st.caption(
        f"{min(SHOWN, len(found)):,} of {len(found):,} rows; click one for its neighbours."
        if len(found) > SHOWN
        else f"{len(found):,} rows; click one for its neighbours."
    )
    picked = event["selection"]["rows"]
    return int(found["row"].iloc[picked[0] if picked and picked[0] < len(found) else 0])


def card(chosen: Selection, moved: Moved, row: int) -> None:
    """One row: its neighbours on both sides, and what it kept at every layer."""
    one = drawn.card(moved, row, chosen.layer)
    with st.container(border=True):
        layers = "layers" if "," in one.mover_at else "layer"
        when = f"a mover at {layers} {one.mover_at}" if one.mover_at else "at no layer beyond the noise"
        st.markdown(
            f"**{show.escaped(one.text)}** · kept {one.kept:.0%} of its neighbours at layer {chosen.layer}, those around it "
            f"{one.around:.0%} · {when}"
        )
        if chosen.embedded == "word":
            st.caption(show.escaped(one.sentence))
        near_both(chosen, moved, row)
        figures.figure(
            drawn.card_curve(one, show.look(), chosen.layer),
            one.layers,
            name="mover-card",
            alt_text=f"Neighbours that {one.text} kept at each layer, beside those around it",
            specs=[chosen.movers],
            note="Solid: kept; filled where it is a mover. Dashed: the rows around it",
        )


def near_both(chosen: Selection, moved: Moved, row: int) -> None:
    """A row's nearest others in the whole space of the layer, base beside tuned."""
    one = drawn.card(moved, row, chosen.layer)
    for place, side, table in zip(st.columns(2), ("base", "tuned"), (one.base, one.tuned), strict=True):
        with place:
            st.markdown(f"**Nearest in {side}**")
            neighbours(chosen, table, side)
    st.caption(
        f"The {moved.k} nearest by cosine in the whole space of layer {chosen.layer}, among the {len(moved.points):,} "
        f"{chosen.embedded}s drawn."
    )


def neighbours(chosen: Selection, table: pd.DataFrame, side: str) -> None:
    """The nearest rows of one side."""
    label = [chosen.label] if chosen.label in table.columns else []
    context = ["sentence"] if chosen.embedded == "word" else []
    st.dataframe(
        table[["shared", "text", *label, *context]],
        hide_index=True,
        width="stretch",
        height=245,
        key=f"mover-neighbours-{side}",
        column_config={
            "text": st.column_config.TextColumn(
                chosen.embedded, width="small" if chosen.embedded == "word" else "large"
            ),
            "shared": st.column_config.CheckboxColumn("kept", width="small", help="Near on the other side too."),
            **{name: st.column_config.TextColumn(LABEL_NAMES.get(name, name), width="small") for name in label},
        },
    )


def by_label(chosen: Selection, moved: Moved) -> None:
    """Which labels' rows moved more than expected, or whether saved points did."""
    known = get_lab().saved_points.of(chosen.data.ref, chosen.embedded)
    labels = [chosen.label] if chosen.label in moved.points else []
    options = [*labels, *(f"{SAVED}: {name}" for name in known)]
    if not options:
        return
    asked = options[0]
    if known:
        asked = st.selectbox(
            "Rows by",
            options,
            format_func=lambda name: LABEL_NAMES.get(name, name) if name in labels else name,
            key="movers_by",
            width=300,
        )
    is_saved = asked not in labels
    if is_saved:
        table = drawn.saved_table(moved, chosen.layer, known[asked.removeprefix(f"{SAVED}: ")], asked)
        asked = SAVED
    else:
        table = drawn.labels_table(moved, chosen.layer, asked)
    if table.empty:
        st.caption("Too few of these rows, or too few sentences, for an interval.")
        return
    what = LABEL_NAMES.get(asked, asked)
    st.markdown(
        "**Which kept fewer of their neighbours than all other rows?** Hollow: inside the noise.",
        help="Mean share of neighbours kept by the rows of a label, less that of all other rows. Intervals by a jackknife over "
        "groups of sentences, 95 % for all labels together (Bonferroni). Labels with fewer than 6 rows are left out. Rows in "
        "dense places lose neighbours by small steps: a label may keep fewer because it lies close, not because it went far."
        + (f" {CHOSEN_BY_EYE}" if is_saved else ""),
    )
    figures.figure(
        drawn.labels_chart(table, show.look(), label=asked),
        table,
        name="movers-by-label",
        alt_text=f"Neighbours kept by {what}, less those kept by all other rows, at layer {chosen.layer}",
        specs=[chosen.movers],
        note=notes.movers(moved, chosen) + ("; points chosen by eye" if is_saved else ""),
    )
