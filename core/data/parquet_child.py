"""Parquet to JSON lines, run as a process of its own: a damaged file can crash the decoder, and must not take others along.

Reads standard input (a file, since Parquet is read from its end) and what is wanted as JSON in its first argument.
Writes "R" and a row, "F" and what is wrong and what to do, one a line. Memory and time are bounded by the system. Imports
nothing of the project, so that it starts fast.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_MAX_MEMORY = 6 * 2**30
_MAX_SECONDS = 900
_MAX_BYTES = 2 * 2**30
_MAX_VALUES = 200_000_000


class Refused(Exception):
    """What was found, and what to do."""


def main() -> None:
    """Write the rows, or why there are none."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (_MAX_SECONDS, _MAX_SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except ImportError:
        pass  # Windows has no such limits
    wanted = json.loads(sys.argv[1])
    out = open(sys.stdout.fileno(), "w", encoding="utf-8", errors="surrogatepass", closefd=False)  # noqa: SIM115
    try:
        for row in rows(sys.stdin.buffer, wanted):
            out.write(f"R{json.dumps(row, ensure_ascii=False, default=_shown)}\n")
    except Refused as refused:
        out.write(f"F{json.dumps(refused.args)}\n")
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        out.write(f"F{json.dumps((f'It is damaged or not Parquet: {reason}.', wanted['do']))}\n")
    out.flush()


def rows(stream: Any, wanted: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of a file, checked before each batch is unpacked. Raises Refused and what pyarrow does."""
    with pq.ParquetFile(stream) as file:
        names = list(file.schema_arrow.names)
        if len(set(names)) < len(names):
            raise Refused("Two of its columns have one name.", "Give each a name of its own.")
        columns = wanted["columns"]
        kept = names if columns is None else list(dict.fromkeys(_base(name, names, wanted) for name in columns))
        leaves = _refuse_bombs(file, kept, wanted)
        meanings = _class_names(file.schema_arrow.metadata)
    stream.seek(0)
    # Strings stay as places in a dictionary until their lengths are known.
    with pq.ParquetFile(stream, read_dictionary=leaves) as file:
        number = 0
        for batch in file.iter_batches(batch_size=1000, columns=kept):
            values = {}
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                column.validate(full=True)
                try:
                    _refuse_long(column, name, number, wanted["max_characters"])
                except Refused:
                    if columns is not None:
                        raise
                    values[name] = ["…"] * len(column)
                    continue
                meaning = meanings.get(name)
                values[name] = [_meant(value, meaning) for value in column.to_pylist()]
            number += len(batch)
            for cells in zip(*values.values(), strict=True):
                yield dict(zip(values, cells, strict=True))


def _base(name: str, names: list[str], wanted: Mapping[str, Any]) -> str:
    base = name if name in names else name.removesuffix(wanted["coarse"])
    if base not in names:
        shown = ", ".join(repr(column) for column in names[:20])
        raise Refused(f"There is no column {name!r}. Columns: {shown}.", "Choose another column.")
    return base


def _refuse_bombs(file: Any, kept: list[str], wanted: Mapping[str, Any]) -> list[str]:
    """Raise Refused where the footer announces too much; returns the paths of string columns."""
    facts = file.metadata
    if facts.num_rows > wanted["max_rows"]:
        raise Refused(f"It has {facts.num_rows:,} rows; the limit is {wanted['max_rows']:,}.", "Take a part of it.")
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
    if n_bytes > _MAX_BYTES or n_values > _MAX_VALUES:
        raise Refused(
            f"Unpacked it would take {n_bytes / 2**20:,.0f} MB for {n_values:,} values.",
            "Take a part of it, or only the columns you need.",
        )
    return leaves


def _refuse_long(column: Any, name: str, before: int, max_characters: int) -> None:
    while pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        if len(column) and (pc.max(pc.list_value_length(column)).as_py() or 0) > max_characters:
            raise Refused(f"A list of {name!r} after row {before:,} is too long.", "Shorten or delete the row.")
        column = column.flatten()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind):
        longest = pc.max(pc.binary_length(column)).as_py() or 0
        if longest > 4 * max_characters:
            raise Refused(
                f"A value of {name!r} after row {before:,} has {longest:,} bytes.",
                f"Shorten texts to {max_characters:,} characters.",
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


def _shown(value: Any) -> Any:
    """What JSON has no form for, as text; bytes as an object, which no column of texts may be."""
    return {"bytes": len(value)} if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    main()
