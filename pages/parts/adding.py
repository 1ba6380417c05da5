"""Adding a data file by path or upload: what it seems to be, what is in it, and every guess open to correction."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from core.catalogue import hub_file_name
from core.data.guess import Guess
from core.data.hub import DataRepository
from core.data.tasks import TASKS, Task
from core.errors import TunescopeError
from core.lab import Lab
from core.refs import LABEL_NAMES, ConlluFile, DataFile, HubFile, MarkedFile, TableFile
from pages.parts import show
from pages.parts.hub_form import ask_hub
from pages.parts.lab import get_lab

PROBLEM = "adding_problem"
"""What went wrong in a callback, shown in the run after it."""
_ADDED = "adding_done"
_FOUND, _OF_TASK = "data_hub_found", "task_found"
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
    by_path, upload, tasks, hub = st.tabs(
        ["By path", "Upload", "Tasks of the papers", "Hugging Face Hub"], key="add_data"
    )
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
    with tasks:
        try:
            _from_task(lab)
        except TunescopeError as problem:
            _say(problem)
    with hub:
        try:
            _from_hub(lab)
        except TunescopeError as problem:
            _say(problem)
    if problem := st.session_state.pop(PROBLEM, None):
        _say(problem)


def _from_hub(lab: Lab) -> None:
    """A file of a repository: looked up, chosen, downloaded as a job, then read like any other."""
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
    _file_of(lab, found.files, f"hub-file-{found.commit[:10]}")


def _file_of(lab: Lab, files: Sequence[HubFile], key: str, task: Task | None = None) -> None:
    """One of a repository's files: chosen, downloaded, and read like any other."""
    chosen = st.selectbox(
        f"File (of {len(files):,})",
        range(len(files)),
        format_func=lambda i: f"{files[i].name} · {show.size(files[i].n_bytes)}",
        key=key,
    )
    ref = files[chosen]
    (held,) = show.results([ref], what=show.escaped(f"{ref.name} of {ref.repo}"))
    if held is not None:
        at = hashlib.sha256(str(ref.path).encode()).hexdigest()[:10]
        _settle(lab, ref.path, hub_file_name(ref), f"hub-{at}-{task.title if task else ''}", task)


def _from_task(lab: Lab) -> None:
    """A task of the catalogue: what it is, and its file from the Hub at the commit written down, or by path."""
    titles = {one.title: one for one in TASKS}
    left, right = st.columns([2, 4], vertical_alignment="bottom")
    task = titles[left.selectbox("Task", list(titles), key="task")]
    facts = [f"a label for each {task.unit}" if not task.numbers else f"a number for each {task.unit}"]
    facts = ["answers as spans"] if task.answers else ["two versions"] if task.contrast else facts
    facts += [f"{', '.join(task.classes)}"] if task.classes else []
    facts += [f"scored by {' and '.join(task.metrics)}", f"licence: {task.licence}"]
    right.markdown(f"**{show.escaped(task.about)}**  \n" + show.escaped(" · ".join(facts)))
    where = f" From {task.repo}, commit {task.commit[:10]}." if task.repo else ""
    st.caption(show.escaped(f"Reads {task.columns}.{where}"))
    if not task.repo:
        typed = show.local_path(f"Path of {task.files}", key=f"task_path-{task.title}", placeholder="/path/to/file")
        if typed:
            path = Path(typed).expanduser().absolute()
            at = hashlib.sha256(str(path).encode()).hexdigest()[:10]
            _settle(lab, path, path.name, f"task-{at}-{task.title}", task)
        return
    if st.button(
        "Ask the Hub for its files",
        icon=":material/search:",
        disabled=not show.is_local(),
        help="At this very commit, whatever became of the repository since. Offline: what was downloaded before.",
    ):
        st.session_state.pop(_OF_TASK, None)
        with st.spinner("Asking"):
            st.session_state[_OF_TASK] = lab.look_up_data(task.repo, task.commit)
    found: DataRepository | None = st.session_state.get(_OF_TASK)
    if found is None or (found.repo, found.commit) != (task.repo, task.commit):
        return
    if files := task.of(found.files):
        _file_of(lab, files, f"task-file-{task.title}", task)
    else:
        st.info(
            f"No file of {show.escaped(task.repo)} begins with {show.escaped(task.begins)}.", icon=":material/info:"
        )


def _settle(lab: Lab, source: Path | bytes, name: str, key: str, task: Task | None = None) -> None:
    """Guess, or read as the task is read; show, let correct, add; what is wrong is said where it is found."""
    try:
        _form(lab, source, name, key, task)
    except TunescopeError as problem:
        _say(problem)


def _say(problem: TunescopeError) -> None:
    st.error(show.said(problem), icon=":material/error:")


def _form(lab: Lab, source: Path | bytes, name: str, key: str, task: Task | None) -> None:
    guess = lab.guess_file(source, name)
    if task is not None:
        guess = replace(guess, proposed=task.reading(guess, name))
    first = guess.proposed.format if isinstance(guess.proposed, TableFile) else _FORMAT_OF[type(guess.proposed)]
    guessed, said = (guess, {"format": first}) if task is not None else _as_said(lab, guess, first, source, name, key)
    st.caption(f"The first {len(guessed.preview)} rows of {show.escaped(name)}")
    st.dataframe(
        guessed.preview,
        hide_index=True,
        width="stretch",
        height=210,
        column_config={name: st.column_config.TextColumn(width="medium") for name in guessed.preview.columns[:4]},
    )
    if guess.problem is not None and said["format"] == first:
        _say(guess.problem)
    reading = guessed.proposed
    if isinstance(reading, TableFile):
        reading = _columns(guessed, f"{key}-{'-'.join(str(value) for value in said.values())}")
    known = lab.try_file(source, reading, name, task=task)
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


def _as_said(lab: Lab, guess: Guess, first: str, source: Path | bytes, name: str, key: str) -> tuple[Guess, dict]:
    """How the file is written down, as guessed or corrected, and the guess of its columns that follows."""
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
    return guessed, said


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
        usual = at.names if plain.labels == at.labels else plain.names
        typed = one.text_input(
            "Called",
            ", ".join(usual),
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
