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
_COMMENT = re.compile(r"#\s?(\w+(\.\w+)?\s*=|newdoc|newpar|global\.columns)")
"""Before a sentence, whatever number of columns it happens to have."""
_MARK = "-DOCSTART-"
"""Word of the lines that CoNLL-2003 puts between documents."""


def sentences_of(source: Source, encoding: str, asked: str) -> Iterator[tuple[int, dict[str, list[str]]]]:
    """Line of the first word, and the columns of each sentence as lists.

    A line that begins with # is a comment where it has another number of columns, or says what it is (# text = …) before a
    sentence. Where words are numbered in the first column,
    the numbers of ranges (3-4) and empty nodes (8.1) are no words, as in CoNLL-U.

    Raises:
        DatasetInvalid: lines of unequal width, or a sentence that never ends; the message names the line.
    """
    tabbed, width, numbered = _form(source, encoding, asked)
    rows: list[list[str]] = []
    start = size = 0
    for number, line in lines_of(source, encoding, asked):
        cells = _cells(line, tabbed=tabbed)
        if not cells or cells[0] == _MARK:
            if rows:
                yield start, _by_name(rows)
            rows, size = [], 0
            continue
        if not rows and _COMMENT.match(line):
            continue
        if len(cells) != width:
            if cells[0].startswith("#"):
                continue
            raise DatasetInvalid(
                asked,
                f"Line {number:,} has {len(cells)} column{'s' * (len(cells) != 1)}, most others {width}.",
                "Check whether a blank stands in a word, or a column is missing; a blank line ends a sentence.",
            )
        if numbered and _RANGE_OR_EMPTY.fullmatch(cells[0]):
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


def _form(source: Source, encoding: str, asked: str) -> tuple[bool, int, bool]:
    """Whether tabs separate the columns, how many most of the first lines have, and whether the first numbers words."""
    lines = (line for _, line in lines_of(source, encoding, asked) if line.strip() and not line.startswith("#"))
    first = list(islice(lines, _LOOKED_AT))
    tabbed = _is_tabbed(first)
    data = [cells for line in first if (cells := _cells(line, tabbed=tabbed))[0] != _MARK]
    counts = Counter(map(len, data))
    if not counts:
        raise DatasetInvalid(asked, "It holds no line with a word.", "Give a word a line, its labels beside it.")
    ((width, _),) = counts.most_common(1)
    if width > _MOST_COLUMNS:
        raise DatasetInvalid(asked, f"Its lines have {width} columns.", f"At most {_MOST_COLUMNS} are read.")
    numbers = [cells[0] for cells in data if not _RANGE_OR_EMPTY.fullmatch(cells[0])]
    return tabbed, width, width > 1 and "1" in numbers and all(number.isdecimal() for number in numbers)


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
