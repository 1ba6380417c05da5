"""Tables to rows, one at a time: tab-separated, CSV, JSON Lines, Parquet, and "label text" lines.

Nothing in a file is evaluated or unpickled. What would fill the memory is refused before it is read: lines and rows by
count, Parquet by what its own footer announces and by the length of its dictionary values, JSON by its depth.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from typing import Any

from core.data.lines import MAX_CHARACTERS, MAX_ROWS, Source, lines_of, opened
from core.errors import DatasetInvalid
from core.refs import TableFile

Row = tuple[int, Mapping[str, Any]]
"""Number of the line (of the row in Parquet), and its cells by column."""

FORMAT_NAMES = {
    "tsv": "tab-separated text",
    "csv": "CSV",
    "jsonl": "JSON Lines",
    "parquet": "Parquet",
    "spaced": "lines of a label, a blank and a text",
}
_MAX_PARQUET_BYTES = 2 * 2**30
_MAX_PARQUET_VALUES = 200_000_000


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
    else:
        rows = _named(ref, _cells(ref, source, asked, is_head), asked)
    for count, row in enumerate(rows, start=1):
        if count > MAX_ROWS:
            raise DatasetInvalid(asked, f"It has more than {MAX_ROWS:,} rows.", "Take a part of it.")
        yield row


def wanted(ref: TableFile) -> list[str]:
    """The columns a ref asks for, "" left out; a derived label is still under its own name."""
    return [name for name in (ref.text, ref.partner, *ref.labels, *ref.word_labels) if name]


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
    import pyarrow as pa
    import pyarrow.parquet as pq

    do = "Write it again, with pyarrow or pandas, or give CSV or JSON Lines."
    with opened(source) as stream:
        try:
            with pq.ParquetFile(stream) as file:
                columns = list(file.schema_arrow.names)
                if len(set(columns)) < len(columns):
                    raise DatasetInvalid(asked, "Two of its columns have one name.", "Give each a name of its own.")
                if names is not None:
                    names = [_base(name, columns, asked) for name in names]
                kept = list(dict.fromkeys(names if names is not None else columns))
                leaves = _refuse_bombs(file, kept, asked)
                stream.seek(0)
            meanings = _class_names(file.schema_arrow.metadata)
            # Strings stay as places in a dictionary until their lengths are known.
            with pq.ParquetFile(stream, read_dictionary=leaves) as file:
                number = 0
                for batch in file.iter_batches(batch_size=1000, columns=kept):
                    for name, column in zip(batch.schema.names, batch.columns, strict=True):
                        _refuse_long(column, name, number, asked)
                    for values in batch.to_pylist():
                        number += 1
                        yield number, {name: _meant(value, meanings.get(name)) for name, value in values.items()}
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise DatasetInvalid(asked, f"It is damaged or not Parquet: {reason}.", do) from error


def _base(name: str, columns: list[str], asked: str) -> str:
    from core.refs import COARSE

    if name in columns:
        return name
    if name.endswith(COARSE) and name.removesuffix(COARSE) in columns:
        return name.removesuffix(COARSE)
    raise no_column(name, columns, asked)


def _refuse_bombs(file: Any, kept: list[str], asked: str) -> list[str]:
    """Raise DatasetInvalid where the footer announces too much; returns the paths of string columns."""
    facts = file.metadata
    if facts.num_rows > MAX_ROWS:
        raise DatasetInvalid(asked, f"It has {facts.num_rows:,} rows; the limit is {MAX_ROWS:,}.", "Take a part of it.")
    n_bytes = n_values = 0
    leaves = []
    for place in range(facts.num_columns):
        leaf = facts.schema.column(place)
        if leaf.path.split(".")[0] not in kept:
            continue
        if leaf.physical_type == "BYTE_ARRAY":
            leaves.append(leaf.path)
        for group in range(facts.num_row_groups):
            chunk = facts.row_group(group).column(place)
            n_bytes += max(chunk.total_uncompressed_size, 0)
            n_values += max(chunk.num_values, 0)
    if n_bytes > _MAX_PARQUET_BYTES or n_values > _MAX_PARQUET_VALUES:
        raise DatasetInvalid(
            asked,
            f"Unpacked it would take {n_bytes / 2**20:,.0f} MB for {n_values:,} values.",
            "Take a part of it, or only the columns you need.",
        )
    return leaves


def _refuse_long(column: Any, name: str, before: int, asked: str) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    while pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        if len(column) and (pc.max(pc.list_value_length(column)).as_py() or 0) > MAX_CHARACTERS:
            raise DatasetInvalid(
                asked, f"A list of {name!r} after row {before:,} has too many values.", "Shorten or delete the row."
            )
        column = column.flatten()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind):
        longest = pc.max(pc.binary_length(column)).as_py() or 0
        if longest > 4 * MAX_CHARACTERS:
            raise DatasetInvalid(
                asked,
                f"A value of {name!r} after row {before:,} has {longest:,} bytes.",
                f"Shorten texts to {MAX_CHARACTERS:,} characters.",
            )


def _class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """Names of numbered classes, where the `datasets` library wrote them into the file."""
    try:
        features = json.loads((metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        found = {}
        for column, feature in features.items():
            inner = feature.get("feature", feature) if isinstance(feature, dict) else feature[0]
            if isinstance(inner.get("names"), list):
                found[column] = [str(name) for name in inner["names"]]
        return found
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return {}


def _meant(value: Any, names: list[str] | None) -> Any:
    if names is None:
        return value
    if isinstance(value, list):
        return [_meant(part, names) for part in value]
    if isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    return None if value == -1 else value  # -1 = no label there
