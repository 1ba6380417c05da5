"""What a file probably is, from its content: format, encoding, header, which column is text and which are labels.

A guess is a proposal with a preview. Everything in it can be said otherwise; what is said is kept and only the rest is
guessed. File names are not looked at.
"""

import codecs
import csv
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import pandas as pd

from core.data.columns import is_columns
from core.data.lines import (
    ENCODING_NAMES,
    MAX_UPLOAD_BYTES,
    Source,
    is_parquet,
    opened,
    refuse_what_is_no_data,
    size_of,
)
from core.data.marked import TARGET, is_marked, read_marked
from core.data.numbers import number_of
from core.data.rows import rows_of
from core.errors import DatasetInvalid, TunescopeError
from core.refs import COARSE, ConlluFile, DataFile, MarkedFile, TableFile

_HEAD_BYTES = 1_500_000
_LOOKED_AT = 2000
_PREVIEW = 20

_TEXT_NAMES = (
    "text",
    "sentence",
    "premise",
    "sentence1",
    "question1",
    "text_a",
    "question",
    "tokens",
    "words",
    "content",
)
_PAIRS = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("sent1", "sent2"),
    ("text_a", "text_b"),
    ("text1", "text2"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("question", "context"),
    ("context", "question"),
    ("question", "answer"),
)
_VERSIONS = (("sentence_good", "sentence_bad"), ("good", "bad"), ("acceptable", "unacceptable"))
"""Minimal pairs: the right version and the wrong one."""
_PHENOMENA = ("field", "linguistics_term", "uid")
_LABEL_NAMES = ("label", "gold_label", "labels", "class", "category", "sentiment", "target", "topic", "relation")
_NO_LABEL = ("", "-")
_SPLITS = {"tr", "va", "te"}
"""How SentEval's probing files name the split of each row."""
_MOST_LABELS, _MOST_TAGS = 100, 600
_LEAST_NUMBERS = 20
"""Distinct whole numbers, above which they are taken for amounts and not for classes."""
_ID = re.compile(r"(?i:(.*[\W_])?(id|idx|index|nr|no))|.*[a-z]I[Dd]|")
"""Names of columns that number rows, the empty one of an index included."""
_UNIVERSAL = frozenset({
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM",
    "VERB", "X", "_",
})  # fmt: skip
"""Word classes of Universal Dependencies."""
_PENN = frozenset({"NN", "NNS", "NNP", "IN", "DT", "JJ", "VBD", "VBZ", "VBP", "VB", "PRP", "RB", "CC", "TO"})
"""The commonest of the Penn Treebank's."""
_CONLLU_ID = re.compile(r"\d+([-.]\d+)?\t")


@dataclass(frozen=True, kw_only=True)
class Column:
    """What was seen of a column in the first rows."""

    name: str
    is_list: bool
    mean_words: float
    n_distinct: int
    n_seen: int
    values: tuple[str, ...]
    """Its most frequent values, at most 100 of them."""
    share_empty: float
    n_single: int
    """Distinct words of it, where it holds lists."""
    has_parts: bool
    """Whether nearly all values are of the form "LOC:city"."""
    is_number: bool
    """Whether every value (every part of a list) is a number or says that there is none, and three or more differ."""
    is_amount: bool
    """Whether such numbers are likely to be read as such: some with decimals, or many, and none that only count rows or classes."""


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A proposal how to read a file."""

    proposed: DataFile
    """A ref without digest and path, to be corrected; `Lab.add_file` completes it."""
    columns: tuple[Column, ...] = ()
    preview: pd.DataFrame
    """The first rows, as text."""
    problem: TunescopeError | None = None
    """What is wrong after the rows of the preview."""

    @property
    def number_columns(self) -> tuple[str, ...]:
        """Columns that can be numbers, one a text."""
        return tuple(column.name for column in self.columns if column.is_number and not column.is_list)

    @property
    def label_columns(self) -> tuple[str, ...]:
        """Columns that can be sentence labels, derived ones included."""
        names = []
        for column in self.columns:
            if not column.is_list:
                names += [column.name + COARSE, column.name] if column.has_parts else [column.name]
        return tuple(names)


def guess(source: Source, name: str, **said: Any) -> Guess:
    """Guess how to read a file.

    Args:
        source: a path, or the content of an upload.
        name: the file's name, for messages only.
        **said: what is known: `format` ("conllu" and "marked" too) and any of encoding, delimiter, header, quoted.

    Raises:
        DatasetInvalid: no data file at all, or not even its first row can be read as said.
    """
    asked = f"Looking into {name}."
    refuse_what_is_no_data(source, asked)
    kind = said.pop("format", None)
    if is_parquet(source) if kind is None else kind == "parquet":
        return _table(TableFile(digest="", text="?", format="parquet"), source, asked, is_head=False)
    encoding = said.pop("encoding", None) or _encoding(source)
    head, is_head = _head(source, encoding, asked)
    every = head.split("\n")[: 3 * _LOOKED_AT]
    lines = [line for line in every if line.strip()]
    if not lines:
        raise DatasetInvalid(asked, "It holds nothing but blanks.", "Give a file with one text a row.")
    if kind is not None:
        return _as(kind, lines, head, is_head, encoding, asked, said)
    try:
        return _as(_format(lines, every), lines, head, is_head, encoding, asked, said)
    except DatasetInvalid as problem:
        # Shown as it stands, one line a row, so that a person can see and correct what was guessed.
        plain = {"quoted": False, "header": False} | said
        found = _as("tsv", lines, head, is_head, encoding, asked, plain)
        return replace(found, problem=problem)


def _as(
    kind: str, lines: Sequence[str], head: str, is_head: bool, encoding: str, asked: str, said: dict[str, Any]
) -> Guess:
    """The guess once the format is settled."""
    if kind == "conllu":
        return _conllu(head, asked)
    if kind == "marked":
        return _marked(head, asked)
    fields: dict[str, Any] = {"format": kind, "encoding": encoding} | _form(kind, lines, said)
    # The head is at hand as text: what follows reads it as UTF-8, whatever it was.
    shape = TableFile(digest="", text="?", **(fields | {"encoding": "utf-8"}))
    found = _table(shape, head.encode(), asked, is_head)
    assert isinstance(found.proposed, TableFile)
    return replace(found, proposed=found.proposed.replace(encoding=encoding))


# --- encoding


def _encoding(source: Source) -> str:
    """A byte order mark decides; then whether all of it is UTF-8; else one of the two that always fit."""
    with opened(source) as stream:
        head = stream.read(4)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        stream.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        left = MAX_UPLOAD_BYTES
        while left > 0 and (part := stream.read(2**20)):
            left -= len(part)
            try:
                decoder.decode(part)
            except UnicodeDecodeError:
                break
        else:
            return "utf-8"
        stream.seek(0)
        seen = Counter(stream.read(MAX_UPLOAD_BYTES))
    # Curly quotes and the euro sign of Windows lie where Latin-1 has control characters.
    undefined = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
    is_windows = any(seen[byte] for byte in range(0x80, 0xA0)) and not any(seen[byte] for byte in undefined)
    return "cp1252" if is_windows else "latin-1"


def _head(source: Source, encoding: str, asked: str) -> tuple[str, bool]:
    """The beginning of a file in whole lines, and whether more follows."""
    is_head = size_of(source) > _HEAD_BYTES
    with opened(source) as stream:
        content = stream.read(_HEAD_BYTES)
    try:
        head = codecs.getincrementaldecoder(encoding)().decode(content, not is_head)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DatasetInvalid(
            asked, f"Line {line:,} is not {ENCODING_NAMES[encoding]}.", "Choose the encoding it is in."
        ) from error
    if is_head and "\n" in head:
        head = head[: head.rindex("\n") + 1]
    return head.removeprefix("\ufeff"), is_head


# --- format


def _format(lines: Sequence[str], every: Sequence[str]) -> str:
    """The format of a file's first lines: those with something on them, and every one."""
    data = [line for line in lines if not line.startswith("#")]
    if data and _CONLLU_ID.match(data[0]) and data[0].count("\t") in (9, 18):
        return "conllu"
    if is_columns(every):
        return "columns"
    if lines[0].startswith(("# sent_id", "# newdoc", "# text =", "# global.columns")) and (
        not data or _CONLLU_ID.match(data[0])
    ):
        return "conllu"
    if lines[0].lstrip().startswith("{") and _is_object(lines[0]):
        return "marked" if is_marked(lines[0]) else "jsonl"
    if _agreeing(line.count("\t") for line in lines) >= 0.8:
        return "tsv"
    if _delimiter(lines):
        return "csv"
    return "spaced" if _is_spaced(lines) else "tsv"


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except RecursionError:
        return True
    except ValueError:
        return line.lstrip().startswith('{"')


def _agreeing(counts: Any) -> float:
    """Share of lines with the most frequent count, 0 where that is none."""
    found = Counter(counts)
    ((most, n),) = found.most_common(1)
    return n / found.total() if most else 0.0


def _delimiter(lines: Sequence[str]) -> str:
    """The character that cuts these lines into equally many cells, or ""."""
    best, width = "", 1
    for delimiter in (",", ";", "|"):
        rows = _parsed(lines[:_LOOKED_AT], delimiter)
        widths = Counter(len(row) for row in rows)
        if not widths:
            continue
        ((most, n),) = widths.most_common(1)
        # Sentences may well have a comma each: a blank after it is how people write, not how programs do.
        if delimiter == "," and sum(", " in line and '"' not in line for line in lines) >= 0.9 * len(lines):
            continue
        needed = 0.95 if len(rows) >= 10 else 1.0
        if most > width and n >= needed * len(rows) and (len(rows) >= 2 or '"' in lines[0]):
            best, width = delimiter, most
    return best


def _parsed(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    rows = []
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            rows.append(row)  # what was read before a fault is kept
    except csv.Error:
        if not rows:
            rows = [line.split(delimiter) for line in lines]
    return rows


def _is_spaced(lines: Sequence[str]) -> bool:
    """Whether the first word of each line looks like a label: LOC:city, __label__x, or one of few."""
    parts = [line.split(maxsplit=1) for line in lines[:_LOOKED_AT]]
    if min(len(part) for part in parts) < 2:
        return False
    first = [part[0] for part in parts]
    marked = sum(bool(re.fullmatch(r"[A-Z][A-Z_]*:\w+|__label__\S+", word)) for word in first)
    if marked >= 0.95 * len(first):
        return True
    few = len(set(first))
    return (
        len(first) >= 40
        and 2 <= few <= min(20, 0.05 * len(first))
        and all(re.fullmatch(r"[\w+:.-]+", w) for w in first)
    )


def _form(kind: str, lines: Sequence[str], said: dict[str, Any]) -> dict[str, Any]:
    """Delimiter, quoting and header of a table of cells."""
    if kind not in ("tsv", "csv"):
        return {}
    delimiter = "\t" if kind == "tsv" else said.get("delimiter") or _delimiter(lines) or ","
    lines = lines[:_LOOKED_AT]
    plain = [line.rstrip("\r").split(delimiter) for line in lines]
    quoted = said.get("quoted")
    if quoted is None:
        quoted = kind == "csv" or _is_quoted(lines, plain)
    rows = _parsed(lines, delimiter) if quoted else plain
    header = said.get("header")
    if header is None:
        header = _has_header(rows)
    return {"quoted": quoted, "header": header} | ({"delimiter": delimiter} if kind == "csv" else {})


def _is_quoted(lines: Sequence[str], plain: Sequence[Sequence[str]]) -> bool:
    """Whether quotation marks of tab-separated text enclose cells; in most such files they are part of the text."""
    whole = sum(bool(re.search(r'(^|\t)"[^"]*"(\t|\r?$)', line)) for line in lines)
    if whole >= 0.5 * len(lines):
        return True
    rows = _parsed(lines, "\t")
    if len({len(row) for row in rows}) != 1 or len(rows[0]) == 1:
        return False
    # As programs write it that quote where they must: around a line's end, a tab, or a mark, which they double.
    cells = (cell for line in lines for cell in line.rstrip("\r").split("\t"))
    doubled = any(len(cell) > 3 and cell[0] == cell[-1] == '"' and '""' in cell[1:-1] for cell in cells)
    return doubled or len({len(row) for row in plain}) > 1


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    names = [cell.strip() for cell in rows[0]] if rows else []
    if not names or not all(names) or len(set(names)) < len(names):
        # A header with a gap, as pandas writes its index.
        if not (len(names) > 1 and not names[0] and _known(names[1:])):
            return _known(names)
        return True
    if any(len(name) > 40 or len(name.split()) > 4 or re.fullmatch(r"[-+\d.,]+", name) for name in names):
        return False
    if _known(names):
        return True
    for place, name in enumerate(names):
        below = [row[place].strip() for row in rows[1:] if place < len(row)]
        if len(below) < 3 or name in below:
            continue
        few = len(set(below)) <= max(2, len(below) // 5)
        if few or all(re.fullmatch(r"[-+\d.,]+", value) for value in below):
            return True
    return False


def _known(names: Sequence[str]) -> bool:
    known = {*_TEXT_NAMES, *_LABEL_NAMES, *(name for pair in (*_PAIRS, _VERSIONS[0]) for name in pair)}
    return any(name.lower() in known for name in names)


# --- columns


def _table(shape: TableFile, source: Source, asked: str, is_head: bool) -> Guess:
    rows: list[dict[str, Any]] = []
    problem: TunescopeError | None = None
    try:
        found = rows_of(shape, source, asked, is_head=is_head, every_column=True)
        rows = [dict(row) for _, row in islice(_keeping(found, rows), _LOOKED_AT)]
    except DatasetInvalid as error:
        if not rows:
            raise
        problem = error
    if not rows:
        raise DatasetInvalid(
            asked, "It holds no row of data.", "Give a file with one text a row, below its header if any."
        )
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names:
        raise DatasetInvalid(asked, "Its objects are empty.", 'Write objects: {"text": "…", "label": "…"}.')
    columns = tuple(_column(name, [row.get(name) for row in rows]) for name in names)
    preview = pd.DataFrame(
        [{name: _shown(row.get(name)) for name in names} for row in rows[:_PREVIEW]], columns=names, dtype="str"
    )
    answers = next((name for name in names if _is_answers([row.get(name) for row in rows])), "")
    without = tuple(column for column in columns if column.name != answers)
    proposed = _proposed(shape, without or columns)
    if answers and without and not proposed.contrast:
        proposed = proposed.replace(answers=answers)
    return Guess(proposed=proposed, columns=columns, preview=preview, problem=problem)


def _is_answers(values: list[Any]) -> bool:
    """Whether a column holds answers with their places, as SQuAD writes them."""
    held = [value for value in values if value is not None]
    return bool(held) and all(isinstance(value, dict) and {"text", "answer_start"} <= value.keys() for value in held)


def _keeping(found: Any, kept: list) -> Any:
    """Pass rows on and keep them too: those before a fault are still shown."""
    for number, row in found:
        kept.append(dict(row))
        yield number, row


def _shown(value: Any) -> str:
    if isinstance(value, list):
        value = " ".join(_shown(part) for part in value)
    text = "" if value is None else str(value)
    return text if len(text) <= 300 else f"{text[:300]} …"


def _column(name: str, values: list[Any]) -> Column:
    is_list = sum(isinstance(value, list) for value in values) > len(values) / 2
    shown = ["" if value is None else _plain(value) for value in values]
    counts = Counter(shown)
    n_parts = sum(bool(re.fullmatch(r"\w+:\w+", value)) for value in shown)
    is_number, is_amount = _numbers(name, values)
    return Column(
        name=name,
        is_list=is_list,
        mean_words=sum(len(value.split()) for value in shown) / len(shown),
        n_distinct=len(counts),
        n_seen=len(shown),
        values=tuple(value for value, _ in counts.most_common(_MOST_LABELS)),
        share_empty=counts[""] / len(shown),
        n_single=len({part for value in shown for part in value.split()}) if is_list else 0,
        has_parts=not is_list
        and n_parts >= 0.95 * len(shown)
        and len({v.partition(":")[0] for v in shown}) < len(counts),
        is_number=is_number,
        is_amount=is_amount,
    )


def _numbers(name: str, values: list[Any]) -> tuple[bool, bool]:
    """Whether a column holds numbers, and whether they are likely to be meant as such."""
    found = [number_of(part) for value in values for part in (value if isinstance(value, list) else [value])]
    held = {number for number in found if number is not None and number == number}
    if None in found or len(held) < 3:
        return False, False
    if any(not number.is_integer() for number in held):
        return True, True
    # One after the other: they count the rows, or number classes from 0 or 1.
    in_turn = len(held) == max(held) - min(held) + 1 and (len(held) == len(found) or min(held) in (0, 1))
    return True, len(held) > _LEAST_NUMBERS and not in_turn and not _ID.fullmatch(name)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(str(part) for part in value)
    return ("true" if value else "false") if isinstance(value, bool) else str(value).strip()


def _proposed(shape: TableFile, columns: tuple[Column, ...]) -> TableFile:
    by_name = {column.name.lower(): column for column in columns}
    for right, wrong in _VERSIONS:
        if right in by_name and wrong in by_name and by_name[wrong].mean_words >= 2:
            about = tuple(c.name for c in columns if c.name.lower() in _PHENOMENA and c.n_distinct <= _MOST_LABELS)
            return shape.replace(text=by_name[right].name, partner=by_name[wrong].name, contrast=True, labels=about)
    texts = [c for c in columns if not re.fullmatch(r"[-+\d.,eE ]*", " ".join(c.values[:20]))] or list(columns)
    text = _words(columns) if shape.format == "columns" else _text(texts, by_name)
    partner = None if text.is_list else _partner(text, texts, by_name)
    rest = [column for column in columns if column not in (text, partner)]
    tags = [column for column in rest if column.is_list and _aligned(column, text)] if text.is_list else []
    of_words = [column for column in tags if column.is_amount and not _is_numbers(column)]
    tags = [column for column in tags if column not in of_words]
    if shape.format == "columns":
        tags = [column for column in tags if 2 <= column.n_single <= _MOST_TAGS and not _is_numbers(column)]
    splits = [column for column in rest if not column.is_list and set(column.values) <= _SPLITS]
    amounts = [column for column in rest if column.is_amount and not column.is_list and shape.format != "spaced"]
    # Whole numbers in a column that is called a label number classes, however many.
    amounts = [c for c in amounts if not (_is_numbers(c) and c.name.lower() in _LABEL_NAMES)]
    labels = [column for column in rest if not column.is_list and column not in splits and column not in amounts]
    if len(splits) == len(labels) == 1:  # SentEval's word content has a thousand of them
        labels = [column for column in labels if column.mean_words <= 1]
    else:
        labels = rest if shape.format == "spaced" else _labels(labels)
    leave_out = []
    for column in labels:
        others = set(column.values) - set(_NO_LABEL)
        leave_out += [value for value in _NO_LABEL if value in column.values and len(others) >= 2]
    names = [n for c in labels for n in ((c.name + COARSE, c.name) if c.has_parts else (c.name,))]
    if len(splits) == 1 and len(names) == 1:  # a probing file of SentEval: the split is a label to choose sentences by
        names.append(splits[0].name)
    else:
        splits = []
    return shape.replace(
        text=text.name,
        partner=partner.name if partner else "",
        labels=tuple(names),
        label_names=("label" if names[0].isdecimal() else names[0], "split") if splits else (),
        numbers=tuple(column.name for column in amounts),
        word_numbers=tuple(column.name for column in of_words) if partner is None else (),
        word_labels=tuple(column.name for column in tags),
        word_label_names=_tag_names(tags) if shape.format == "columns" else (),
        leave_out=tuple(dict.fromkeys(leave_out)),
    )


def _text(columns: Sequence[Column], by_name: dict[str, Column]) -> Column:
    for first, second in _PAIRS:
        if first in by_name and second in by_name and by_name[first].mean_words >= 2:
            return by_name[first]
    # A named column of words beats a longer one; a list of words has labels for each, so it comes before its text.
    named = [by_name[name] for name in _TEXT_NAMES if name in by_name and by_name[name] in columns]
    lists = [column for column in named if column.is_list]
    named = [column for column in named if column.mean_words >= 1.5] or named[:1]
    return (lists or named or [max(columns, key=lambda column: column.mean_words)])[0]


def _words(columns: Sequence[Column]) -> Column:
    """Of columns of words and labels the words: the first, or where it only numbers them the one after it."""
    return columns[1] if _is_numbers(columns[0]) and len(columns) > 1 else columns[0]


def _is_numbers(column: Column) -> bool:
    return all(re.fullmatch(r"[\d ]*", value) for value in column.values)


def _tag_names(columns: Sequence[Column]) -> tuple[str, ...]:
    """What the labels of columns without names are, where their values say so; the same name twice is none."""
    found = []
    for column in columns:
        values = {part for value in column.values for part in value.split()}
        kinds = {value[2:] for value in values if re.match("[BIES]-", value)}
        is_spans = bool(kinds) and all(value == "O" or re.match("[BIES]-", value) for value in values)
        if values - {"_"} and values <= _UNIVERSAL:
            found.append("upos")
        elif len(values & _PENN) >= 2:
            found.append("xpos")
        elif is_spans and kinds & {"NP", "VP", "PP"}:
            found.append("chunk")
        elif is_spans and kinds & {"PER", "LOC", "ORG", "PERSON", "GPE"}:
            found.append("entity")
        else:
            found.append(f"column {column.name}")
    return tuple(name if found.count(name) == 1 else f"column {c.name}" for name, c in zip(found, columns, strict=True))


def _partner(text: Column, columns: Sequence[Column], by_name: dict[str, Column]) -> Column | None:
    for first, second in _PAIRS:
        if text.name.lower() == first and second in by_name:
            return by_name[second]
    others = [c for c in columns if c is not text and not c.is_list]
    long = [c for c in others if c.mean_words >= max(3.0, 0.25 * text.mean_words) and c.n_distinct > 0.3 * c.n_seen]
    # Without names, only a file that looks like nothing but two texts and labels is taken for pairs.
    return long[0] if len(long) == 1 and text.name.isdecimal() else None


def _aligned(column: Column, text: Column) -> bool:
    return abs(column.mean_words - text.mean_words) < 1e-9


def _labels(columns: Sequence[Column]) -> list[Column]:
    fitting = [
        column
        for column in columns
        if 2 <= column.n_distinct <= max(2, min(_MOST_LABELS, column.n_seen // 3))
        and column.mean_words <= 3
        and column.share_empty <= 0.2
    ]
    named = [column for column in fitting if column.name.lower() in _LABEL_NAMES]
    return named[:1] or sorted(fitting, key=lambda column: column.n_distinct)[:1]


def _conllu(head: str, asked: str) -> Guess:
    rows = []
    for line in head.split("\n"):
        cells = line.rstrip("\r").split("\t")
        if len(cells) in (10, 19) and not line.startswith("#"):
            rows.append(cells)
        if len(rows) == _PREVIEW:
            break
    if not rows:
        raise DatasetInvalid(
            asked, "No line has the ten tab-separated columns of CoNLL-U.", "Choose another format, or check the file."
        )
    names = ["number", "word", "lemma", "upos", "xpos", "features", "head", "relation", "deps", "misc"]
    lexical = ["multiword", "category", "lexlemma", "role", "function", "weak", "weak category", "weak lemma", "tag"]
    names = (names + lexical)[: max(map(len, rows))]
    return Guess(proposed=ConlluFile(digest=""), preview=pd.DataFrame(rows, columns=names, dtype="str"))


def _marked(head: str, asked: str) -> Guess:
    first = "\n".join([line for line in head.split("\n") if line.strip()][:_LOOKED_AT])
    examples = read_marked(first.encode(), asked.removeprefix("Looking into ").removesuffix("."), may_be_bare=True)
    rows = [
        {
            "text": text,
            "first": " ".join(words[slice(*mark.first)]),
            "second": " ".join(words[slice(*mark.second)]) if mark.second else "",
            "label": ", ".join(mark.labels),
        }
        for text, words, marks in zip(examples.texts, examples.words, examples.marks[TARGET], strict=True)
        for mark in marks
    ]
    rows = rows or [{"text": text, "first": "", "second": "", "label": ""} for text in examples.texts]
    return Guess(proposed=MarkedFile(digest=""), preview=pd.DataFrame(rows[:_PREVIEW], dtype="str"))
