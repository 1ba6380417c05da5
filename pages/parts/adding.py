"""Adding a data file by path or upload: what it seems to be, what is in it, and every guess open to correction."""

import hashlib
from pathlib import Path

import streamlit as st

from core.catalogue import hub_file_name
from core.data.hub import KNOWN, DataRepository
from core.errors import TunescopeError
from core.lab import Lab
from core.refs import LABEL_NAMES, ConlluFile, DataFile, MarkedFile, TableFile
from pages.parts import show
from pages.parts.hub_form import ask_hub
from pages.parts.lab import get_lab

PROBLEM = "adding_problem"
"""What went wrong in a callback, shown in the run after it."""
_ADDED = "adding_done"
_FOUND, _BEGINS = "data_hub_found", "data_hub_begins"
_ROUND = "adding_round"

_FORMATS = {
    "tsv": "Tabs / plain lines",
    "csv": "CSV",
    "jsonl": "JSON Lines",
    "parquet": "Parquet",
    "conllu": "CoNLL-U",
    "spaced": "Label, blank, text",
    "columns": "A word a line",
    "marked": "Edge-probing JSON",
}
_FORMAT_OF = {ConlluFile: "conllu", MarkedFile: "marked"}
_ENCODINGS = {"utf-8": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252", "latin-1": "Latin-1"}
_DELIMITERS = {",": "comma", ";": "semicolon", "|": "bar"}
_NONE = ""


def draw(lab: Lab) -> None:
    """The ways to add a file."""
    if name := st.session_state.pop(_ADDED, None):
        st.success(f"Added {show.escaped(name)} and chose it in the sidebar.", icon=":material/check:")
    by_path, upload, hub = st.tabs(["By path", "Upload", "Hugging Face Hub"])
    with by_path:
        typed = show.local_path(
            "Path of the file",
            key="file_path",
            placeholder="/path/to/file",
            help="On the machine that runs Tunescope. The file stays where it is.",
        )
        if typed:
            path = Path(typed).expanduser().absolute()
            _settle(lab, path, path.name, f"path-{hashlib.sha256(str(path).encode()).hexdigest()[:10]}")
    with upload:
        given = st.file_uploader(
            "CSV, TSV, JSON Lines, Parquet, CoNLL-U, a word a line, or text; up to 50 MB",
            key=f"file_upload-{st.session_state.get(_ROUND, 0)}",
            help="Looked into in memory; kept in the cache folder, readable by you alone, only when you press Add.",
        )
        if given is not None:
            content = given.getvalue()
            _settle(lab, content, given.name, f"upload-{hashlib.sha256(content).hexdigest()[:10]}")
    with hub:
        try:
            _from_hub(lab)
        except TunescopeError as problem:
            _say(problem)
    if problem := st.session_state.pop(PROBLEM, None):
        _say(problem)


def _from_hub(lab: Lab) -> None:
    """A file of a repository: looked up, chosen, downloaded as a job, then read like any other."""
    _known_names()
    asked = ask_hub("Name of a data set on the Hub", "data_hub")
    if asked is not None:
        st.session_state.pop(_FOUND, None)
        with st.spinner("Asking"):
            st.session_state[_FOUND] = lab.look_up_data(asked.name, asked.revision, offline=asked.offline)
    found: DataRepository | None = st.session_state.get(_FOUND)
    if found is None:
        return
    facts = [
        f"{found.revision} is commit {found.commit[:10]}",
        *([f"licence {found.licence}"] if found.licence else []),
    ]
    st.markdown(f"**{show.escaped(found.repo)}** · {show.escaped(' · '.join(facts))}")
    begins = st.session_state.get(_BEGINS, "") if st.session_state.get("data_hub_name") == found.repo else ""
    first = next((i for i, one in enumerate(found.files) if one.name.startswith(begins)), 0)
    chosen = st.selectbox(
        f"File (of {len(found.files):,})",
        range(len(found.files)),
        index=first,
        format_func=lambda i: f"{found.files[i].name} · {show.size(found.files[i].n_bytes)}",
        key=f"hub-file-{found.commit[:10]}-{begins}",
    )
    ref = found.files[chosen]
    (held,) = show.results([ref], what=show.escaped(f"{ref.name} of {ref.repo}"))
    if held is not None:
        _settle(lab, ref.path, hub_file_name(ref), f"hub-{hashlib.sha256(str(ref.path).encode()).hexdigest()[:10]}")


def _known_names() -> None:
    """Data sets that the papers use, one press away."""
    titles = {one.title: one for one in KNOWN}

    def pick() -> None:
        one = titles.get(st.session_state["data_hub_known"])
        if one is not None:
            st.session_state["data_hub_name"], st.session_state[_BEGINS] = one.repo, one.begins

    chosen = st.pills("Often used", list(titles), key="data_hub_known", on_change=pick)
    if chosen:
        st.caption(titles[chosen].about)


def _settle(lab: Lab, source: Path | bytes, name: str, key: str) -> None:
    """Guess, show, let correct, add; what is wrong is said where it is found."""
    try:
        _form(lab, source, name, key)
    except TunescopeError as problem:
        _say(problem)


def _say(problem: TunescopeError) -> None:
    st.error(show.said(problem), icon=":material/error:")


def _form(lab: Lab, source: Path | bytes, name: str, key: str) -> None:
    guess = lab.guess_file(source, name)
    first = guess.proposed.format if isinstance(guess.proposed, TableFile) else _FORMAT_OF[type(guess.proposed)]
    is_binary = first == "parquet"
    formats = ["parquet"] if is_binary else [form for form in _FORMATS if form != "parquet"]
    one, two, three, four = st.columns([3, 2, 2, 2], vertical_alignment="bottom")
    form = one.selectbox("Format", formats, index=formats.index(first), format_func=_FORMATS.get, key=f"{key}-format")
    said: dict = {"format": form}
    guessed = guess if form == first else lab.guess_file(source, name, format=form)
    if isinstance(guessed.proposed, TableFile) and not is_binary:
        at = guessed.proposed
        said["encoding"] = two.selectbox(
            "Encoding",
            list(_ENCODINGS),
            index=list(_ENCODINGS).index(at.encoding),
            format_func=_ENCODINGS.get,
            key=f"{key}-{form}-encoding",
        )
        if form in ("csv", "tsv"):
            if form == "csv":
                said["delimiter"] = three.selectbox(
                    "Cells end at a",
                    list(_DELIMITERS),
                    index=list(_DELIMITERS).index(at.delimiter),
                    format_func=_DELIMITERS.get,
                    key=f"{key}-{form}-delimiter",
                )
            said["header"] = four.checkbox("Header line", at.header, key=f"{key}-{form}-header")
            said["quoted"] = four.checkbox("Cells in quotes", at.quoted, key=f"{key}-{form}-quoted")
        guessed = lab.guess_file(source, name, **said)
    st.caption(f"The first {len(guessed.preview)} rows of {show.escaped(name)}")
    st.dataframe(
        guessed.preview,
        hide_index=True,
        width="stretch",
        height=210,
        column_config={name: st.column_config.TextColumn(width="medium") for name in guessed.preview.columns[:4]},
    )
    if guess.problem is not None and form == first:
        _say(guess.problem)
    reading = guessed.proposed
    if isinstance(reading, TableFile):
        reading = _columns(guessed, f"{key}-{'-'.join(str(value) for value in said.values())}")
    known = lab.try_file(source, reading, name)
    every = (*known.word_labels, *known.sentence_labels, *known.pair_labels, *known.span_labels)
    names = [LABEL_NAMES.get(label, label) for label in every]
    numbers = (*reading.number_names, *reading.word_number_names) if isinstance(reading, TableFile) else ()
    short, button = st.columns([4, 1], vertical_alignment="bottom")
    title = short.text_input("Name", name, key=f"{key}-name", max_chars=60)
    button.button(
        "Add",
        type="primary",
        icon=":material/add:",
        key=f"{key}-add",
        on_click=_add,
        args=(source, reading, title or name),
        width="stretch",
    )
    if known.several_labels:
        st.info(
            f"{show.escaped(', '.join(known.several_labels))}: several labels at once, or none. Linear probes read one label a "
            "row; edge probes (Probes, Mixed layers) read these too.",
            icon=":material/info:",
        )
    st.text(
        f"Read through: {known.n_sentences:,} texts, "
        + (f"labels: {', '.join(names)}" if names else "without labels")
        + (f"; numbers: {', '.join(numbers)}." if numbers else ".")
    )


def _columns(guessed, key: str) -> TableFile:
    """Which columns are read as what."""
    at, names = guessed.proposed, [column.name for column in guessed.columns]
    one, two, three = st.columns(3)
    text = one.selectbox("Text", names, index=names.index(at.text), key=f"{key}-text")
    others = [_NONE, *(name for name in names if name != text)]
    partner = two.selectbox(
        "Second text",
        others,
        index=others.index(at.partner) if at.partner in others else 0,
        format_func=lambda name: name or "none: single texts",
        key=f"{key}-partner",
        help="Of a pair: hypothesis, answer, second sentence; of a minimal pair: the wrong version.",
    )
    contrast = bool(partner) and two.checkbox(
        "Right and wrong version",
        at.contrast,
        key=f"{key}-contrast",
        help="A minimal pair: the first text is right, the second the same but wrong. They are read one by one.",
    )
    free = [name for name in guessed.label_columns if name not in (text, partner, at.answers)]
    labels = three.multiselect(
        "Labels",
        free,
        default=[name for name in at.labels if name in free],
        key=f"{key}-labels",
        help="One a text. “.coarse” is the part before the colon: LOC of LOC:city.",
    )
    plain = at.replace(
        text=text,
        partner=partner,
        contrast=contrast,
        # Their places count in one text: with another there they would mean nothing.
        answers=at.answers if not contrast and (partner or text) == (at.partner or at.text) else "",
        labels=tuple(labels),
        label_names=(),
        word_labels=(),
        word_label_names=(),
        numbers=(),
        word_numbers=(),
        leave_out=(),
    )
    if labels:
        one, two, three = st.columns(3)
        typed = one.text_input(
            "Called",
            ", ".join(plain.names),
            key=f"{key}-called-{'-'.join(labels)}",
            help="How the labels are called, in the same order.",
        )
        called = _names(typed)
        seen = [value for column in guessed.columns if column.name in labels for value in column.values]
        left = two.multiselect(
            "Leave out rows labelled",
            list(dict.fromkeys(["", *at.leave_out, *seen])),
            default=list(at.leave_out),
            format_func=lambda value: value or "(nothing)",
            key=f"{key}-left-{'-'.join(labels)}",
        )
        plain = plain.replace(leave_out=tuple(left), label_names=() if called == plain.names else called)
    plain = _numbers(guessed, plain, key)
    words = [column.name for column in guessed.columns if column.name not in (text, partner, *labels, *plain.numbers)]
    words = [name for name in words if name not in plain.word_numbers]
    if partner or not words:
        return plain
    with three:
        tags = st.multiselect(
            "Word labels",
            words,
            default=[name for name in at.word_labels if name in words],
            key=f"{key}-words",
            help="Columns with one label a word: lists, or labels separated by blanks.",
        )
    return _word_labels(at, plain, tuple(tags), key)


def _numbers(guessed, plain: TableFile, key: str) -> TableFile:
    """The reading with columns of real numbers."""
    taken = (plain.text, plain.partner, plain.answers, *plain.labels)
    free = [name for name in guessed.number_columns if name not in taken]
    lists = [c.name for c in guessed.columns if c.is_number and c.is_list and not plain.partner and c.name not in taken]
    one, two, _ = st.columns(3)
    numbers = word_numbers = ()
    if free:
        numbers = one.multiselect(
            "Numbers",
            free,
            default=[name for name in guessed.proposed.numbers if name in free],
            key=f"{key}-numbers-{'-'.join(plain.labels)}",
            help="One real number a text, as a score or a reading time: ridge probes read it. Empty or NA: there is none.",
        )
    if lists:
        word_numbers = two.multiselect(
            "Numbers of words",
            lists,
            default=[name for name in guessed.proposed.word_numbers if name in lists],
            key=f"{key}-word-numbers",
            help="Columns with one real number a word.",
        )
    return plain.replace(numbers=tuple(numbers), word_numbers=tuple(word_numbers))


def _word_labels(at: TableFile, plain: TableFile, tags: tuple[str, ...], key: str) -> TableFile:
    """The reading with these columns of word labels, and what they are called."""
    plain = plain.replace(word_labels=tags, word_label_names=())
    if not tags:
        return plain
    usual = at.word_label_names if tags == at.word_labels and at.word_label_names else plain.word_names
    typed = st.text_input(
        "Word labels called",
        ", ".join(usual),
        key=f"{key}-words-called-{'-'.join(tags)}",
        help="How the word labels are called, in the same order.",
    )
    called = _names(typed)
    return plain.replace(word_label_names=() if called == plain.word_names else called)


def _names(typed: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in typed.split(",") if part.strip())


def _add(source: Path | bytes, reading: DataFile, name: str) -> None:
    try:
        st.session_state["data"] = get_lab().add_file(source, reading, name)
        st.session_state[_ADDED] = name
        st.session_state["row"], st.session_state["search"] = 1, ""
        # Both ways in are empty again: a widget of another key is another widget.
        st.session_state["file_path"] = ""
        st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    except TunescopeError as problem:
        st.session_state[PROBLEM] = problem
