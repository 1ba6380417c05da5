"""Data: the sentences that checkpoints read, with their annotation drawn, and adding files by path or upload."""

from pages.parts.frame import enter

enter()

import pandas as pd  # noqa: E402
import streamlit as st  # noqa: E402

from core.charts import annotation, counts  # noqa: E402
from core.data.counts import NumberCounts  # noqa: E402
from core.data.examples import Examples  # noqa: E402
from core.data.load import load_dataset  # noqa: E402
from core.data.marks import DEPENDENCY, mark_names, marks_within  # noqa: E402
from core.errors import TunescopeError  # noqa: E402
from core.lab import Named  # noqa: E402
from core.refs import LABEL_NAMES, Suite  # noqa: E402
from pages.parts import adding, figures, picker, show  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402
from pages.parts.selection import Selection, label_said  # noqa: E402


def main() -> None:
    """The page."""
    show.heading(
        "Data",
        "The text that both checkpoints read, with its annotation.",
        "Choose a text in the sidebar. Tags stand under words, arcs run from a word to those that depend on it.",
    )
    chosen = picker.selected()
    if chosen is not None:
        with show.messages():
            dataset(chosen)
    st.subheader("Add a file", anchor=False)
    with show.messages():
        adding.draw(get_lab())
    with show.messages():
        added_files()


def dataset(chosen: Selection) -> None:
    """The chosen data set: its size, one sentence drawn, its labels counted."""
    data, counted = chosen.data, get_lab().counts_of(chosen.data.ref)
    what = "pair" if counted.is_pairs else "sentence"
    st.subheader(show.escaped(data.name), anchor=False)
    named = [LABEL_NAMES.get(label.name, label.name) for label in counted.labels]
    own = [number.name for number in counted.numbers]
    with st.container(key="facts"):
        st.text(
            f"{counted.n_examples:,} {what}{'s' * (counted.n_examples != 1)} · {counted.n_words:,} words · "
            + (f"labels: {', '.join(named)}" if named else "no labels")
            + (f" · numbers: {', '.join(own)}" if own else "")
        )
    sentence(data, chosen, what)
    if counted.labels:
        st.subheader("Labels", anchor=False)
        labels(chosen, counted.is_pairs)
    if counted.numbers:
        st.subheader("Numbers", anchor=False)
        numbers(counted.numbers)


def sentence(data: Named, chosen: Selection, what: str) -> None:
    """One sentence or pair, found by number or by its words, and drawn."""
    examples = load_dataset(data.ref)
    search, number, tags, arcs = st.columns([4, 2, 3, 2], vertical_alignment="bottom")
    query = search.text_input(
        "Search", key="search", on_change=_to_first, placeholder="words to look for", icon=":material/search:"
    )
    found = examples.find(query) if query.strip() else range(len(examples))
    if not found:
        st.info(f"No {what} holds these words.", icon=":material/info:")
        return
    if st.session_state.get("row", 1) > len(found):
        _to_first()
    place = number.number_input(
        f"{what.capitalize()} (of {len(found):,})", min_value=1, max_value=len(found), key="row", bind="query-params"
    )
    row = found[place - 1]
    spans = mark_names(examples)
    # Words and their heads are drawn as arcs.
    names = [*examples.word_labels, *(name for unit in spans.values() for name in unit if name != DEPENDENCY)]
    tag = None
    if names:
        tag = tags.selectbox(
            "Tags",
            names,
            index=names.index(chosen.label) if chosen.label in names and chosen.label != "relation" else 0,
            format_func=lambda name: LABEL_NAMES.get(name, name),
            key="tags",
        )
    with_arcs = examples.heads is not None and arcs.toggle(
        "Arcs", value=True, key="arcs", help="Off: the sentence is wrapped like text."
    )
    look = show.look()
    with st.container(border=True, key="drawn"):
        shown = {LABEL_NAMES.get(n, n): values[row] for n, values in examples.sentence_labels.items()}
        shown |= {
            n: "none" if values[row] != values[row] else f"{values[row]:g}" for n, values in examples.numbers.items()
        }
        if shown:
            st.html(annotation.badges(shown, look))
        for name, half in halves(data, examples, row):
            if name:
                st.caption(show.escaped(name))
            annotated(data, examples.pick([row]), half, tag, with_arcs=with_arcs)
    with st.expander("Table", icon=":material/table:"):
        one = examples.pick([row])
        table = {"word": one.words[0]} | {LABEL_NAMES.get(n, n): values[0] for n, values in one.word_labels.items()}
        table |= {name: values[0] for name, values in one.word_numbers.items()}
        if one.heads is not None:
            table["head"] = one.heads[0]
        frame = pd.DataFrame(table)
        frame.insert(0, "number", range(1, len(frame) + 1))
        st.dataframe(frame, hide_index=True, width="stretch", height="content" if len(frame) <= 20 else 400)


def halves(data: Named, examples: Examples, row: int) -> list[tuple[str, slice]]:
    """What is drawn by itself, and which of the example's words it is: all of a sentence, or each text of a pair."""
    n_words = len(examples.words[row])
    if examples.partners is None:
        return [("", slice(0, n_words))]
    first = len(examples.spans[row])
    names = (
        {"answers": ["Text", "Question"]}.get(data.ref.part, ["Premise", "Hypothesis"])
        if isinstance(data.ref, Suite)
        else [
            _side(data, side, usual).replace("_", " ")
            for side, usual in (("text", "First text"), ("partner", "Second text"))
        ]
    )
    return [(names[0], slice(0, first)), (names[1], slice(first, n_words))]


def annotated(data: Named, one: Examples, half: slice, tag: str | None, *, with_arcs: bool) -> None:
    """One text with its tags below the words, and its arcs above them where it has heads and they are wanted."""
    look, words = show.look(), one.words[0][half]
    if tag is not None and tag not in one.word_labels:
        marks = marks_within(one, tag, 0, half)
        st.html(annotation.marked(words, marks, look, all_labels=_all_tags(data, tag)))
        return
    tags = one.word_labels[tag][0][half] if tag else [""] * len(words)
    if with_arcs and one.heads is not None:
        relations = one.word_labels["relation"][0][half] if "relation" in one.word_labels else ()
        heads = [head and head - half.start for head in one.heads[0][half]]
        arcs = annotation.Arcs(heads, relations)
        st.html(annotation.tree(words, tags, arcs, look, all_tags=_all_tags(data, tag)))
    elif tag:
        st.html(annotation.tagged(words, tags, look, all_tags=_all_tags(data, tag)))
    else:
        texts = one.texts if half.start == 0 or one.partners is None else one.partners
        st.html(annotation.plain(texts[0], look))


def labels(chosen: Selection, is_pairs: bool) -> None:
    """How often each label occurs."""
    counted = {label.name: label for label in get_lab().counts_of(chosen.data.ref).labels}
    names = list(counted)
    name = names[0]
    if len(names) > 1:
        name = st.segmented_control(
            "Label",
            names,
            default=chosen.label if chosen.label in names else name,
            format_func=label_said,  # what a switch offers is Markdown, what a list offers is not
            key="counted",
            required=True,
            label_visibility="collapsed",
        )
    label = counted[name]
    table = counts.counts_table(label.labels, label.counts, label.shares)
    unit = "pair" if is_pairs and label.unit == "sentence" else label.unit
    said = LABEL_NAMES.get(name, name)
    figures.figure(
        counts.counts_bars(table, show.look(), what=said.capitalize(), unit=unit),
        table,
        name="counts",
        alt_text=f"How often each of {len(table)} labels of {said} occurs",
        specs=[],
        note=f"each {unit} counted once; no sample, no interval",
        origin=f"counted in {chosen.data.name}, as it was read",
    )


def numbers(counted: tuple[NumberCounts, ...]) -> None:
    """Where the values of each number of the file lie."""
    columns = {
        "number": "name", "of": "unit", "values": "n", "none": "n_missing", "smallest": "smallest", "median": "median",
        "largest": "largest", "mean": "mean", "deviation": "deviation",
    }  # fmt: skip
    st.dataframe(
        pd.DataFrame({shown: [getattr(one, field) for one in counted] for shown, field in columns.items()}),
        hide_index=True,
        width="stretch",
        column_config={
            "none": st.column_config.NumberColumn(help="Left out of what reads the number."),
            "deviation": st.column_config.NumberColumn(help="Standard deviation."),
        },
    )


def added_files() -> None:
    """What was added, with a way to take it off the list."""
    files = [named for named in get_lab().datasets() if not isinstance(named.ref, Suite)]
    if not files:
        return
    with st.expander(f"Added files ({len(files)})", icon=":material/folder_open:"):
        for named in files:
            name, button = st.columns([5, 1], vertical_alignment="center")
            name.text(named.name)
            button.button(
                "Remove",
                key=f"remove-{named.id}",
                icon=":material/delete:",
                help="Takes it off the list; results stay, and so does a file of your own.",
                on_click=_remove,
                args=(named.id,),
            )


def _remove(short: str) -> None:
    try:
        get_lab().remove_dataset(short)
    except TunescopeError as problem:
        st.session_state[adding.PROBLEM] = problem
    if st.session_state.get("data") == short:
        del st.session_state["data"]


def _to_first() -> None:
    st.session_state["row"] = 1


def _all_tags(data: Named, tag: str | None) -> tuple[str, ...]:
    return next((label.labels for label in get_lab().counts_of(data.ref).labels if label.name == tag), ())


def _side(data: Named, field: str, otherwise: str) -> str:
    """What a side of a pair is called: its column's name, where it has one."""
    name = str(getattr(data.ref, field, ""))
    return otherwise if not name or name.isdecimal() else name.capitalize()


with show.messages():
    main()
