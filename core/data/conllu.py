"""CoNLL-U: ten tab-separated columns a word, a blank line after each sentence.

Our own reader, because a few dozen lines suffice and errors can then name the line. Multiword ranges (3-4) and empty
nodes (8.1) are skipped: the syntactic words carry the annotation. The text is the space-joined words, so that a word
tokenised apart by the treebank ("do" "n't") is read as annotated.
"""

from pathlib import Path

from core.data.examples import Examples, joined
from core.errors import DatasetInvalid


def read_conllu(path: Path) -> Examples:
    """All sentences of a file, with word labels "upos" and "relation" and gold heads.

    Raises:
        DatasetInvalid: not UTF-8, a line without ten columns, a head that is no number, or no sentence at all.
    """
    asked = f"Reading {path.name} as CoNLL-U."
    sentences: list[list[list[str]]] = [[]]
    for number, line in enumerate(_lines(path, asked), start=1):
        if not line.strip():
            sentences.append([])
        elif not line.startswith("#"):
            sentences[-1].extend(_word(line, number, asked))
    sentences = [rows for rows in sentences if rows]
    if not sentences:
        raise DatasetInvalid(asked, "It holds no sentence.", "Give a file with ten tab-separated columns a word.")
    texts, spans = zip(*(joined(row[1] for row in rows) for rows in sentences), strict=True)
    return Examples(
        texts=texts,
        spans=spans,
        word_labels={name: _column(sentences, at) for name, at in (("upos", 3), ("relation", 7))},
        heads=tuple(tuple(int(row[6]) for row in rows) for rows in sentences),
    )


def _lines(path: Path, asked: str) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise DatasetInvalid(asked, f"Byte {error.start} is not UTF-8.", "Save the file as UTF-8.") from error


def _word(line: str, number: int, asked: str) -> list[list[str]]:
    columns = line.split("\t")
    if len(columns) != 10:
        raise DatasetInvalid(
            asked, f"Line {number} has {len(columns)} tab-separated columns, not 10.", "Check the format of the file."
        )
    if not columns[0].isdigit():
        return []
    if not columns[6].isdigit():
        raise DatasetInvalid(asked, f"Line {number} has the head {columns[6]!r}.", "Heads are numbers; 0 = root.")
    columns[7] = columns[7].partition(":")[0]
    return [columns]


def _column(sentences: list[list[list[str]]], at: int) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(row[at] for row in rows) for rows in sentences)
