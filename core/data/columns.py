"""Files with a word a line and its labels in columns beside it, a blank line after each sentence.

So are written CoNLL-2000 chunks and CoNLL-2003 names (blanks between columns), semantic tags and supertags (tabs), and
the wide tables of word lists with lexical annotation (CoNLL-U-Lex). One rule for all: a line with a tab is cut at its tabs,
any other at its blanks. Columns have no names; they are "1", "2", …
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

from core.data.lines import MAX_CHARACTERS, Source, lines_of
from core.errors import DatasetInvalid

_LOOKED_AT = 400
_MOST_COLUMNS = 60
_RANGE_OR_EMPTY = re.compile(r"\d+[-.]\d+")
_MARK = "-DOCSTART-"
"""Word of the lines that CoNLL-2003 puts between documents."""


def sentences_of(source: Source, encoding: str, asked: str) -> Iterator[tuple[int, dict[str, list[str]]]]:
    """Line of the first word, and the columns of each sentence as lists.

    A line that begins with # and has another number of columns is a comment. Where words are numbered in the first column,
    the numbers of ranges (3-4) and empty nodes (8.1) are no words, as in CoNLL-U.

    Raises:
        DatasetInvalid: lines of unequal width, or a sentence that never ends; the message names the line.
    """
    tabbed, width = _form(source, encoding, asked)
    rows: list[list[str]] = []
    start = size = 0
    for number, line in lines_of(source, encoding, asked):
        cells = _cells(line, tabbed=tabbed)
        if not cells or cells[0] == _MARK:
            if rows:
                yield start, _by_name(rows)
            rows, size = [], 0
            continue
        if len(cells) != width:
            if cells[0].startswith("#"):
                continue
            raise DatasetInvalid(
                asked,
                f"Line {number:,} has {len(cells)} column{'s' * (len(cells) != 1)}, most others {width}.",
                "Check whether a blank stands in a word, or a column is missing; a blank line ends a sentence.",
            )
        if width > 1 and _RANGE_OR_EMPTY.fullmatch(cells[0]):
            continue
        start = start if rows else number
        rows.append(cells)
        size += len(line)
        if size > MAX_CHARACTERS:
            raise DatasetInvalid(
                asked, f"The sentence from line {start:,} does not end.", "Leave a blank line after each sentence."
            )
    if rows:
        yield start, _by_name(rows)


def is_columns(lines: Sequence[str]) -> bool:
    """Whether the beginning of a file looks like words with labels: equally wide lines of single words, in groups."""
    lines = [line for line in lines if not line.startswith("#")]
    tabbed = _is_tabbed(lines)
    data = [_cells(line, tabbed=tabbed) for line in lines]
    data = [[] if cells[:1] == [_MARK] else cells for cells in data]
    words = [cells for cells in data if cells]
    sentences = bool(data and data[0]) + sum(not one and bool(other) for one, other in pairwise(data))
    if len(words) < 6 or sentences < 2 or not 2 <= len(words) / sentences <= 200:
        return False
    ((width, n),) = Counter(len(cells) for cells in words).most_common(1)
    if not 2 <= width <= _MOST_COLUMNS or n < len(words):
        return False
    # A table with a blank line now and then holds texts, of more than one word.
    return sum(" " in cell for cells in words for cell in cells) <= 0.02 * n * width


def _form(source: Source, encoding: str, asked: str) -> tuple[bool, int]:
    """Whether tabs separate the columns, and how many most of the first lines have."""
    data = (line for _, line in lines_of(source, encoding, asked) if line.strip() and not line.startswith("#"))
    first = list(islice(data, _LOOKED_AT))
    tabbed = _is_tabbed(first)
    counts = Counter(len(cells) for line in first if (cells := _cells(line, tabbed=tabbed))[0] != _MARK)
    if not counts:
        raise DatasetInvalid(asked, "It holds no line with a word.", "Give a word a line, its labels beside it.")
    ((width, _),) = counts.most_common(1)
    if width > _MOST_COLUMNS:
        raise DatasetInvalid(asked, f"Its lines have {width} columns.", f"At most {_MOST_COLUMNS} are read.")
    return tabbed, width


def _is_tabbed(lines: Sequence[str]) -> bool:
    filled = [line for line in lines if line.strip()]
    return sum("\t" in line for line in filled) > len(filled) / 2


def _cells(line: str, *, tabbed: bool) -> list[str]:
    """The columns of one line; none for a blank one."""
    if not tabbed or not line.strip():
        return line.split()
    return [cell.strip() for cell in line.rstrip("\r\n").split("\t")]


def _by_name(rows: list[list[str]]) -> dict[str, list[str]]:
    return {str(place): list(column) for place, column in enumerate(zip(*rows, strict=True), start=1)}
