"""Tab-separated files with one sentence a line and, in another column, its label."""

from pathlib import Path

from core.data.examples import Examples, split_on_space
from core.errors import DatasetInvalid
from core.refs import TableFile


def read_table(ref: TableFile, path: Path) -> Examples:
    """All sentences of a file. Lines are taken as they are: no quoting, since review texts hold stray quotes.

    Raises:
        DatasetInvalid: empty, not UTF-8, a line without the asked columns, or an empty sentence or label.
    """
    asked = f"Reading {path.name} as tab-separated text."
    try:
        lines = enumerate(path.read_text(encoding="utf-8-sig").split("\n"), start=1)
    except UnicodeDecodeError as error:
        raise DatasetInvalid(asked, f"Byte {error.start} is not UTF-8.", "Save the file as UTF-8.") from error
    rows = [(number, line.rstrip("\r").split("\t")) for number, line in lines if line.strip()][int(ref.header) :]
    if not rows:
        raise DatasetInvalid(asked, "It holds no sentence.", "Give a file with one sentence a line.")
    texts = tuple(_cell(row, ref.text, "sentence", number, asked) for number, row in rows)
    labels = {}
    if ref.label >= 0:
        labels[ref.label_name] = tuple(_cell(row, ref.label, "label", number, asked) for number, row in rows)
    return Examples(texts=texts, spans=tuple(split_on_space(text) for text in texts), sentence_labels=labels)


def _cell(row: list[str], column: int, what: str, number: int, asked: str) -> str:
    if column >= len(row) or column < 0:
        raise DatasetInvalid(
            asked,
            f"The {what} is asked of column {column + 1}, but line {number} has {len(row)} columns.",
            "Choose another column, or check that tabs separate them.",
        )
    if not (text := row[column].strip()):
        raise DatasetInvalid(asked, f"The {what} of line {number} is empty.", "Fill or delete the line.")
    return text
