"""CoNLL-U: ten tab-separated columns a word, a blank line after each sentence.

Our own reader, because a few dozen lines suffice and errors can then name the line. Multiword ranges (3-4) and empty
nodes (8.1) are skipped: the syntactic words carry the annotation. The text is the space-joined words, so that a word
tokenised apart by the treebank ("do" "n't") is read as annotated. Lines are read one at a time and only what is used
is kept, labels as shared strings: memory stays small for large treebanks.
"""

from collections.abc import Iterator
from pathlib import Path
from sys import intern

from core.data.examples import Examples, Span, joined
from core.errors import DatasetInvalid

Word = tuple[str, str, int, str]
"""Form, UPOS, head, relation without its subtype."""


def read_conllu(path: Path) -> Examples:
    """All sentences of a file, with word labels "upos" and "relation" and gold heads.

    Raises:
        DatasetInvalid: not UTF-8, a line without ten columns, a head that is no word's number, or no sentence at all.
    """
    asked = f"Reading {path.name} as CoNLL-U."
    texts: list[str] = []
    spans: list[tuple[Span, ...]] = []
    upos: list[tuple[str, ...]] = []
    heads: list[tuple[int, ...]] = []
    relations: list[tuple[str, ...]] = []
    for words in _sentences(path, asked):
        forms, tags, governors, names = zip(*words, strict=True)
        if max(governors) > len(forms):
            raise DatasetInvalid(
                asked,
                f"Sentence {len(texts) + 1} has {len(forms)} words, but the head {max(governors)}.",
                "Heads number the words of their own sentence; 0 = root.",
            )
        text, places = joined(forms)
        texts.append(text)
        spans.append(places)
        upos.append(tags)
        heads.append(governors)
        relations.append(names)
    if not texts:
        raise DatasetInvalid(asked, "It holds no sentence.", "Give a file with ten tab-separated columns a word.")
    return Examples(
        texts=tuple(texts),
        spans=tuple(spans),
        word_labels={"upos": tuple(upos), "relation": tuple(relations)},
        heads=tuple(heads),
    )


def _sentences(path: Path, asked: str) -> Iterator[list[Word]]:
    words: list[Word] = []
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if line.isspace():
                    if words:
                        yield words
                    words = []
                elif not line.startswith("#") and (word := _word(line.rstrip("\r\n"), number, asked)):
                    words.append(word)
    except UnicodeDecodeError as error:
        raise DatasetInvalid(
            asked, f"Byte {error.object[error.start]:#x} is not UTF-8.", "Save it as UTF-8."
        ) from error
    if words:
        yield words


def _word(line: str, number: int, asked: str) -> Word | None:
    columns = line.split("\t")
    if len(columns) != 10:
        raise DatasetInvalid(
            asked, f"Line {number} has {len(columns)} tab-separated columns, not 10.", "Check the format of the file."
        )
    if not columns[0].isdecimal():
        return None
    if not columns[6].isdecimal():
        raise DatasetInvalid(asked, f"Line {number} has the head {columns[6]!r}.", "Heads are numbers; 0 = root.")
    return columns[1], intern(columns[3]), int(columns[6]), intern(columns[7].partition(":")[0])
