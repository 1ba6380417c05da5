"""CoNLL-U and CoNLL-U-Lex: ten or nineteen tab-separated columns a word, a blank line after each sentence.

Our own reader, because a few dozen lines suffice and errors can then name the line. Multiword ranges (3-4) and empty
nodes (8.1) are skipped: the syntactic words carry the annotation. The text is the space-joined words, so that a word
tokenised apart by the treebank ("do" "n't") is read as annotated. Lines are read one at a time and only what is used
is kept, labels as shared strings: memory stays small for large treebanks.
"""

import re
from collections import Counter
from collections.abc import Iterator
from sys import intern

from core.data.examples import UNMARKED, Examples, joined
from core.data.lines import MAX_CHARACTERS, MAX_ROWS, MAX_TOTAL_CHARACTERS, Source, lines_of
from core.data.ragged import LabelRows, NumberRows, Ragged, SpanRows
from core.errors import DatasetInvalid

Word = tuple[str, str, int, str, str, str, str, str]
"""Form, UPOS, head, relation without its subtype, XPOS, features as written, and of CoNLL-U-Lex the supersenses (role and
function)."""
_WIDTH, _LEX_WIDTH = 10, 19
_MULTIWORD, _ROLE, _FUNCTION = 10, 13, 14
"""Columns of CoNLL-U-Lex: whether the word is part of a strong multiword expression, and its two supersenses."""
_COLUMNS = ("upos", "relation", "xpos", "features", "supersense", "function")
_ALWAYS = ("upos", "relation")

_COMMON = 0.02
"""Share of the words that must have a feature for it to be a label of its own."""

NONE = "none"
"""Label of a word that does not have a feature."""

_RANGE_OR_EMPTY = re.compile(r"\d+[-.]\d+")


def read_conllu(source: Source, name: str) -> Examples:
    """All sentences of a file, with gold heads, the word labels "upos", "relation" and "xpos", and its features.

    Words are kept whatever they are made of, since they have labels; one that a tokenizer drops counts as lost there.

    Raises:
        DatasetInvalid: not UTF-8, a line without ten columns, words that are not numbered in order, a head that is no
            word's number, or no sentence at all.
    """
    asked = f"Reading {name} as CoNLL-U."
    texts: list[str] = []
    spans, heads = SpanRows(), NumberRows()
    columns = [LabelRows() for _ in _COLUMNS]
    n_characters = 0
    for start, words in _sentences(source, asked):
        forms, *rest = zip(*words, strict=True)
        if max(rest[1]) > len(forms):
            raise DatasetInvalid(
                asked,
                f"Sentence {len(texts) + 1}, from line {start}, has {len(forms)} words, but the head {max(rest[1])}.",
                "Heads number the words of their own sentence; 0 = root.",
            )
        text, places = joined(forms)
        n_characters += len(text)
        if len(text) > MAX_CHARACTERS or n_characters > MAX_TOTAL_CHARACTERS:
            raise DatasetInvalid(
                asked,
                f"The sentence from line {start} has {len(text):,} characters, all so far {n_characters:,}; the limits "
                f"are {MAX_CHARACTERS:,} and {MAX_TOTAL_CHARACTERS:,}.",
                "Leave a blank line between sentences, or take a part of the file.",
            )
        texts.append(text)
        spans.append(places)
        heads.append(rest.pop(1))
        for column, values in zip(columns, rest, strict=True):
            column.append(values)
    if not texts:
        raise DatasetInvalid(asked, "It holds no sentence.", "Give a file with ten tab-separated columns a word.")
    places_of_all = spans.done()
    found = {name: column.done(beside=places_of_all) for name, column in zip(_COLUMNS, columns, strict=True)}
    features, functions = found.pop("features"), found.pop("function")
    word_labels = found | _features(features)
    word_labels["adposition role"] = found["supersense"].recoded(_of_adposition)
    word_labels["adposition function"] = functions.recoded(_of_adposition)
    kept = {name: column for name, column in word_labels.items() if name in _ALWAYS or column.values != {UNMARKED}}
    partial = tuple(name for name in ("supersense", "adposition role", "adposition function") if name in kept)
    return Examples(
        texts=tuple(texts),
        spans=places_of_all,
        word_labels=kept,
        heads=heads.done(beside=places_of_all),
        partial=partial,
    )


def _features(written: Ragged[str]) -> dict[str, Ragged[str]]:
    """A label for each feature (Number, Tense …) that is not rare, "none" for words without it."""
    parsed = {
        one: dict(part.split("=", 1) for part in one.split("|") if part.count("=") == 1) for one in written.values
    }
    counts: Counter[str] = Counter()
    for one, n in written.counts().items():
        counts.update(dict.fromkeys(parsed[one], n))
    return {
        name: written.recoded(lambda one, name=name: parsed[one].get(name, NONE))  # type: ignore[misc]
        for name in sorted(counts)
        if counts[name] >= _COMMON * written.n_entries and name not in _COLUMNS
    }


def _of_adposition(sense: str) -> str:
    """The supersenses of prepositions and possessives alone, the two tasks PS-role and PS-fxn of Zhou & Srikumar."""
    return sense if sense.startswith("p.") else UNMARKED


def _sentences(source: Source, asked: str) -> Iterator[tuple[int, list[Word]]]:
    words: list[Word] = []
    start = n_sentences = 0
    for number, line in lines_of(source, "utf-8", asked):
        if not line.strip():
            if words:
                yield start, words
                n_sentences += 1
            words = []
        elif not line.startswith("#") and (word := _word(line.rstrip("\r\n"), number, len(words) + 1, asked)):
            start = start if words else number
            words.append(word)
        if n_sentences > MAX_ROWS:
            raise DatasetInvalid(asked, f"It has more than {MAX_ROWS:,} sentences.", "Take a part of it.")
    if words:
        yield start, words


def _word(line: str, number: int, place: int, asked: str) -> Word | None:
    columns = line.split("\t")
    if len(columns) not in (_WIDTH, _LEX_WIDTH):
        raise DatasetInvalid(
            asked,
            f"Line {number} has {len(columns)} tab-separated columns, not {_WIDTH} (CoNLL-U) or {_LEX_WIDTH} (CoNLL-U-Lex).",
            "Check the format of the file.",
        )
    if not columns[0].isdecimal():
        if _RANGE_OR_EMPTY.fullmatch(columns[0]):
            return None
        raise DatasetInvalid(
            asked, f"Line {number} has the word number {columns[0]!r}.", "Words are numbered 1, 2, …; ranges are 1-2."
        )
    if int(columns[0]) != place:
        raise DatasetInvalid(
            asked,
            f"Line {number} has the word number {columns[0]} where {place} was expected.",
            "Number the words of each sentence from 1, and leave a blank line between sentences.",
        )
    if not columns[1].strip():
        raise DatasetInvalid(asked, f"Line {number} has no word form.", "Fill the second column.")
    if not columns[6].isdecimal():
        raise DatasetInvalid(asked, f"Line {number} has the head {columns[6]!r}.", "Heads are numbers; 0 = root.")
    relation = intern(columns[7].partition(":")[0])
    # Of multiword expressions the first word would stand for all: only single words have a sense of their own here.
    has_senses = len(columns) == _LEX_WIDTH and columns[_MULTIWORD] == UNMARKED
    role, function = (columns[at] if has_senses else UNMARKED for at in (_ROLE, _FUNCTION))
    tags = relation, intern(columns[4]), intern(columns[5]), intern(role), intern(function)
    return columns[1], intern(columns[3]), int(columns[6]), *tags
