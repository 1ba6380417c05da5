"""Data: the sentences that checkpoints read, with their labels, and adding files by path."""

from pages.parts.frame import enter

enter()

import pandas as pd  # noqa: E402
import streamlit as st  # noqa: E402

from core.data.load import load_dataset  # noqa: E402
from core.lab import Lab  # noqa: E402
from core.refs import ConlluFile, TableFile  # noqa: E402
from pages.parts import picker, show  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402


def main() -> None:
    """The page."""
    show.heading(
        "Data",
        "The text that both checkpoints read, and its labels.",
        "Choose a text in the sidebar to see it here; add CoNLL-U or tab-separated files of your own below.",
    )
    chosen = picker.selected()
    if chosen is not None:
        preview(chosen.data.name, chosen.data.ref)
    st.subheader("Add a file", anchor=False)
    with show.messages():
        add_file(get_lab())


def preview(name: str, ref) -> None:
    """Size, labels with their counts, and the first sentences."""
    examples = load_dataset(ref)
    st.subheader(name, anchor=False)
    st.markdown(f"{len(examples):,} sentences, {examples.n_words:,} words.")
    rows = examples.pick(range(min(100, len(examples))))
    table = {"sentence": rows.texts} | dict(rows.sentence_labels)
    table |= {label: [" ".join(values) for values in column] for label, column in rows.word_labels.items()}
    st.dataframe(pd.DataFrame(table), hide_index=True, width="stretch", height=320)


def add_file(lab: Lab) -> None:
    """A file by path, with its format; what is wrong with it is said at once."""
    kind = st.segmented_control("Format", ["CoNLL-U", "Tab-separated"], default="CoNLL-U", key="file_kind") or "CoNLL-U"
    with st.form("add_file", border=False):
        path = st.text_input("Path of the file", placeholder="/path/to/file")
        text, label, name, header = 1, 2, "label", False
        if kind == "Tab-separated":
            one, two, three, four = st.columns(4, vertical_alignment="bottom")
            text = one.number_input("Column of the sentence", 1, 100, 1)
            label = two.number_input("Column of the label", 0, 100, 2, help="0 = none")
            name = three.text_input("What the label is called", "sentiment")
            header = four.checkbox("First line names the columns")
        if st.form_submit_button("Add", icon=":material/add:") and path:
            if kind == "CoNLL-U":
                lab.add_dataset(ConlluFile.at(path))
            else:
                ref = TableFile.at(path, text=text - 1, label=label - 1, label_name=name or "label", header=header)
                lab.add_dataset(ref)
            st.rerun()


with show.messages():
    main()
