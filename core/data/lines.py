"""Bytes to lines, wherever they come from: a file by path or an upload in memory, with limits that no file can pass."""

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from core.errors import DatasetInvalid

Source = Path | bytes
"""A file by path, or the content of an upload that is not on disk yet."""

MAX_UPLOAD_BYTES = 50 * 2**20
MAX_FILE_BYTES = 2 * 2**30
MAX_LINE_BYTES = 1_000_000
MAX_ROWS = 1_000_000
MAX_CHARACTERS = 200_000
"""Of one text; a checkpoint reads a few thousand at most."""
MAX_TOTAL_CHARACTERS = 500_000_000
"""Of all texts of a data set, which is held in memory."""

ENCODING_NAMES = {"utf-8": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252", "latin-1": "Latin-1"}


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """The bytes of a source, from the start."""
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    else:
        with source.open("rb") as stream:
            yield stream


def size_of(source: Source) -> int:
    """Bytes in a source."""
    return len(source) if isinstance(source, bytes) else source.stat().st_size


def lines_of(source: Source, encoding: str, asked: str) -> Iterator[tuple[int, str]]:
    """Line numbers from 1 and lines, their ends kept; only a line feed ends a line.

    Raises:
        DatasetInvalid: a line that is too long, or bytes that are not of this encoding; both name the line.
    """
    with opened(source) as stream:
        lines = _wide(stream) if encoding == "utf-16" else _narrow(stream)
        for number, line in enumerate(lines, start=1):
            if len(line) > MAX_LINE_BYTES:
                raise DatasetInvalid(
                    asked,
                    f"Line {number} is longer than {MAX_LINE_BYTES:,} bytes.",
                    "Check that it is the file you mean: one example a line.",
                )
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8) if encoding == "utf-8" else line
            try:
                text = line.decode("utf-16-le" if encoding == "utf-16" else encoding)
            except UnicodeDecodeError as error:
                raise DatasetInvalid(
                    asked,
                    f"Line {number} is not {ENCODING_NAMES[encoding]} (byte {line[error.start]:#x}).",
                    "Save the file as UTF-8, or choose the encoding it is in.",
                ) from error
            yield number, text


def _narrow(stream: BinaryIO) -> Iterator[bytes]:
    while line := stream.readline(MAX_LINE_BYTES + 1):
        yield line


def _wide(stream: BinaryIO) -> Iterator[bytes]:
    """Lines of UTF-16 as little-endian bytes: a line feed is two bytes wide there."""
    mark = stream.read(2)
    is_big = mark == codecs.BOM_UTF16_BE
    held = b"" if mark in (codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE) else mark
    while more := stream.read(65536):
        held += more
        whole = len(held) // 2 * 2
        ready, rest = held[:whole], held[whole:]
        if is_big:
            ready = _swapped(ready)
        start = 0
        for found in re.finditer(rb"\n\x00", ready):
            if found.start() % 2 == 0:
                yield ready[start : found.end()]
                start = found.end()
        held = (_swapped(ready[start:]) if is_big else ready[start:]) + rest
        if len(held) > MAX_LINE_BYTES:
            break
    if held:
        whole = len(held) // 2 * 2
        yield (_swapped(held[:whole]) if is_big else held[:whole]) + held[whole:]


def _swapped(pairs: bytes) -> bytes:
    out = bytearray(pairs)
    out[0::2], out[1::2] = pairs[1::2], pairs[0::2]
    return bytes(out)


_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a zip archive (as are Word, Excel, NumPy and PyTorch files)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"ARROW1", "an Arrow file"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
)
_DO = "Give CSV, TSV, JSON Lines, Parquet, CoNLL-U or a word a line, unpacked."


def refuse_what_is_no_data(source: Source, asked: str) -> None:
    """Raise DatasetInvalid for files that are no table or treebank, by their content and not their name."""
    size = size_of(source)
    limit = MAX_UPLOAD_BYTES if isinstance(source, bytes) else MAX_FILE_BYTES
    if size > limit:
        raise DatasetInvalid(asked, f"It has {size / 2**20:,.0f} MB; the limit is {limit / 2**20:,.0f} MB.", _SMALLER)
    if not size:
        raise DatasetInvalid(asked, "It is empty.", _DO)
    with opened(source) as stream:
        head = stream.read(65536)
    for signature, what in _SIGNATURES:
        if head.startswith(signature):
            raise DatasetInvalid(asked, f"It is {what}, whatever its name says.", _DO)
    if head[0] == 0x80 and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        raise DatasetInvalid(asked, "It is a Python pickle, which could run code; it is never opened.", _DO)
    if is_parquet(source) or head.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)):
        return
    if b"\x00" in head:
        raise DatasetInvalid(
            asked, f"It is not text: byte {head.index(0) + 1} is zero.", f"{_DO} Save UTF-16 with its byte order mark."
        )
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:20].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise DatasetInvalid(asked, "It is a web page or XML, not data.", f"{_DO} A download link may have failed.")
    if re.match(rb"\[\s*[{\[]", head.removeprefix(codecs.BOM_UTF8).lstrip()):
        raise DatasetInvalid(asked, "It is one JSON array.", "Write JSON Lines: one object a line, no commas between.")


_SMALLER = "Take a part of it; give larger files by path, or as Parquet."


def is_parquet(source: Source) -> bool:
    """Whether a source says that it is Parquet; its end may still be missing."""
    with opened(source) as stream:
        return stream.read(4) == b"PAR1"
