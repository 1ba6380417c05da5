"""Tables to rows, one at a time: tab-separated, CSV, JSON Lines, Parquet, and "label text" lines.

Nothing in a file is evaluated or unpickled. What would fill the memory is refused before it is read: lines and rows by
count, Parquet by what its own footer announces and by the length of its dictionary values, JSON by its depth. Parquet is
decoded in a child process: damaged files were seen to crash the decoder.
"""

import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from core.data.columns import sentences_of
from core.data.lines import MAX_CHARACTERS, MAX_ROWS, Source, lines_of
from core.errors import DatasetInvalid
from core.refs import COARSE, TableFile

Row = tuple[int, Mapping[str, Any]]
"""Number of the line (of the row in Parquet), and its cells by column."""

FORMAT_NAMES = {
    "tsv": "tab-separated text",
    "csv": "CSV",
    "jsonl": "JSON Lines",
    "parquet": "Parquet",
    "spaced": "lines of a label, a blank and a text",
    "columns": "columns, a word a line",
}


def where(ref: TableFile, number: int) -> str:
    """How a row is named in a message."""
    return f"{'row' if ref.format == 'parquet' else 'line'} {number:,}"


def rows_of(
    ref: TableFile, source: Source, asked: str, *, is_head: bool = False, every_column: bool = False
) -> Iterator[Row]:
    """The rows of a table, blank lines left out.

    Args:
        ref: how it is written down, and which columns are wanted.
        source: where it lies.
        asked: what is being done, for messages.
        is_head: the source is only the beginning of a file: that it ends inside a quoted cell is no fault.
        every_column: read all columns of a Parquet file, not only those wanted.

    Raises:
        DatasetInvalid: not of this format; the message names the line.
    """
    if ref.format == "parquet":
        rows = _parquet(source, asked, wanted(ref) if not every_column else None)
    elif ref.format == "jsonl":
        rows = _json_lines(ref, source, asked)
    elif ref.format == "spaced":
        rows = _spaced(ref, source, asked)
    elif ref.format == "columns":
        rows = sentences_of(source, ref.encoding, asked)
    else:
        rows = _named(ref, _cells(ref, source, asked, is_head), asked)
    for count, row in enumerate(rows, start=1):
        if count > MAX_ROWS:
            raise DatasetInvalid(asked, f"It has more than {MAX_ROWS:,} rows.", "Take a part of it.")
        yield row


def wanted(ref: TableFile) -> list[str]:
    """The columns a ref asks for, "" left out; a derived label is still under its own name."""
    columns = (
        ref.text, ref.partner, ref.answers, *ref.labels, *ref.word_labels, *ref.numbers, *ref.word_numbers,
    )  # fmt: skip
    return [name for name in columns if name]


def no_column(name: str, columns: list[str], asked: str) -> DatasetInvalid:
    """The error for a column that is not there."""
    shown = ", ".join(repr(column) for column in columns[:20]) + (" …" if len(columns) > 20 else "")
    return DatasetInvalid(
        asked, f"There is no column {name!r}. Columns: {shown}.", "Choose another column, or check what separates them."
    )


# --- tab-separated and CSV


def _cells(ref: TableFile, source: Source, asked: str, is_head: bool) -> Iterator[tuple[int, list[str]]]:
    lines = lines_of(source, ref.encoding, asked)
    delimiter = "\t" if ref.format == "tsv" else ref.delimiter
    if not ref.quoted:
        for number, line in lines:
            if line.strip():
                yield number, line.rstrip("\r\n").split(delimiter)
        return
    reader = csv.reader((line for _, line in lines), delimiter=delimiter, strict=True)
    started = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield started, cells
            started = reader.line_num + 1
    except csv.Error as error:
        said = str(error)
        if "unexpected end" in said or "field larger" in said:
            if is_head:
                return
            found = f"A quotation mark opened in the row that begins on line {started:,} is not closed."
        elif "new-line" in said:
            found = f"Line {started:,} has a carriage return inside a cell without quotes."
        else:
            found = f"Line {reader.line_num:,} has text after a closing quotation mark."
        raise DatasetInvalid(
            asked, found, 'Double the quotation marks inside quoted cells ("") or read the file without quoting.'
        ) from error


def _named(ref: TableFile, rows: Iterator[tuple[int, list[str]]], asked: str) -> Iterator[Row]:
    columns: list[str] = []
    for number, cells in rows:
        if not columns:
            columns = [str(place) for place in range(1, len(cells) + 1)]
            if ref.header:
                columns = [cell.strip() or place for cell, place in zip(cells, columns, strict=True)]
                if twice := [name for name in dict.fromkeys(columns) if columns.count(name) > 1]:
                    raise DatasetInvalid(
                        asked, f"Its header names {twice[0]!r} twice.", "Give every column a name of its own."
                    )
                continue
        if len(cells) != len(columns):
            mark = {"\t": "a tab", ",": "a comma", ";": "a semicolon", "|": "a bar"}[
                "\t" if ref.format == "tsv" else ref.delimiter
            ]
            raise DatasetInvalid(
                asked,
                f"Line {number:,} has {_counted(len(cells))}, the lines before it {len(columns)}.",
                f"Check whether {mark} stands in the text or is missing; check the delimiter and the quoting.",
            )
        yield number, dict(zip(columns, cells, strict=True))


def _counted(n: int) -> str:
    return f"{n} column" + ("s" if n != 1 else "")


# --- label, blank, text


def _spaced(ref: TableFile, source: Source, asked: str) -> Iterator[Row]:
    for number, line in lines_of(source, ref.encoding, asked):
        if not (parts := line.split(maxsplit=1)):
            continue
        if len(parts) < 2:
            raise DatasetInvalid(
                asked, f"Line {number:,} has a label ({parts[0][:40]!r}) but no text.", "Complete or delete the line."
            )
        yield number, {"label": parts[0], "text": parts[1]}


# --- JSON Lines


def _json_lines(ref: TableFile, source: Source, asked: str) -> Iterator[Row]:
    for number, line in lines_of(source, ref.encoding, asked):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_constant=_no_constant, object_pairs_hook=_no_twice)
        except RecursionError as error:
            raise DatasetInvalid(asked, f"Line {number:,} is nested too deeply.", "Write flat objects.") from error
        except ValueError as error:
            raise DatasetInvalid(
                asked, f"Line {number:,} is not JSON: {error}.", "Write one complete JSON object a line."
            ) from error
        if not isinstance(row, dict):
            kind = {"list": "array", "str": "string", "NoneType": "null"}.get(type(row).__name__, "number")
            raise DatasetInvalid(
                asked,
                f"Line {number:,} is a JSON {kind}, not an object.",
                'Write objects: {"text": "…", "label": "…"}.',
            )
        yield number, row


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(
            f"the name {next(name for name in names if names.count(name) > 1)!r} stands twice in an object"
        )
    return found


# --- Parquet


def _parquet(source: Source, asked: str, names: list[str] | None) -> Iterator[Row]:
    do = "Write it again, with pyarrow or pandas, or give CSV or JSON Lines."
    request = {
        "columns": names,
        "coarse": COARSE,
        "max_rows": MAX_ROWS,
        "max_characters": MAX_CHARACTERS,
        "do": do,
    }
    script = Path(__file__).with_name("parquet_child.py")
    with _as_file(source) as stream:
        child = subprocess.Popen(
            [sys.executable, "-P", str(script), json.dumps(request)],
            stdin=stream,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    assert child.stdout is not None
    try:
        for number, line in enumerate(child.stdout, start=1):
            if line[:1] == b"F":
                found, what_to_do = json.loads(line[1:])
                raise DatasetInvalid(asked, found, what_to_do)
            if line[-1:] == b"\n":  # a line cut short is the end of a child that crashed
                yield number, json.loads(line[1:])
        if child.wait():
            raise DatasetInvalid(asked, "It is damaged or not Parquet: reading it ended in a crash.", do)
    finally:
        child.kill()
        child.stdout.close()
        child.wait()


@contextmanager
def _as_file(source: Source) -> Iterator[IO[bytes]]:
    """A source as an open file with a number, which an upload gets from a file without a name."""
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield stream
        return
    with tempfile.TemporaryFile() as unnamed:
        unnamed.write(source)
        unnamed.seek(0)
        yield unnamed
