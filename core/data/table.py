"""Tables with one text or pair a row to examples: texts, words, sentence labels and word labels, all checked."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from core.data.examples import Examples, Mark, Span, blank_separated, joined, split_on_space
from core.data.lines import MAX_CHARACTERS, MAX_TOTAL_CHARACTERS, Source
from core.data.marks import ANSWER, OTHER
from core.data.numbers import number_of
from core.data.ragged import LabelRows, SpanRows
from core.data.rows import FORMAT_NAMES, no_column, rows_of, where
from core.errors import DatasetInvalid
from core.refs import ACCEPTABLE, COARSE, TableFile

_MAX_LABEL = 200


def read_table(ref: TableFile, source: Source, name: str) -> Examples:
    """All examples of a table.

    A row without text is an error; so is one without a label, unless the ref leaves such rows out. Words of running
    text are what white space separates; where the column holds lists, they are the words as listed.

    Args:
        ref: which columns to read, and how the file is written down.
        source: where it lies.
        name: the file's name, for messages.

    Raises:
        DatasetInvalid: not of this format or encoding, a column that is not there, a text that is missing or too long,
            labels that do not align with words; the message names the line or row.
    """
    asked = f"Reading {name} as {FORMAT_NAMES[ref.format]}."
    texts: list[str] = []
    spans = SpanRows()
    partners: list[str] = []
    partner_spans = SpanRows()
    labels: list[list[str]] = [[] for _ in ref.labels]
    word_labels = [LabelRows() for _ in ref.word_labels]
    numbers: list[list[float]] = [[] for _ in ref.numbers]
    word_numbers: list[list[tuple[float, ...]]] = [[] for _ in ref.word_numbers]
    answers: list[tuple[Mark, ...]] = []
    golds: list[tuple[str, ...]] = []
    shared: dict[str, str] = {}
    n_rows = n_characters = 0
    for number, row in rows_of(ref, source, asked):
        n_rows += 1
        cell = _Cell(ref, row, where(ref, number), asked)
        if (found := cell.labels()) is None:
            continue
        for label, kept in zip(found, labels, strict=True):
            kept.append(shared.setdefault(label, label))
        text, places = cell.text(ref.text)
        texts.append(text)
        spans.append(places)
        n_characters += len(text)
        if ref.partner:
            text, places = cell.text(ref.partner)
            partners.append(text)
            partner_spans.append(places)
            n_characters += len(text)
        if ref.answers:
            n_before = len(cell.text(ref.text)[1]) if ref.partner else 0
            given, first = cell.answers(ref.answers, ref.partner or ref.text)
            answers.append(_answer_marks(text, places, first, n_before))
            golds.append(tuple(shared.setdefault(one, one) for one in given))
        for column, columns in zip(ref.word_labels, word_labels, strict=True):
            columns.append(cell.word_labels(column, len(places)))
        for column, of_texts in zip(ref.numbers, numbers, strict=True):
            of_texts.append(cell.number(column))
        for column, of_words in zip(ref.word_numbers, word_numbers, strict=True):
            of_words.append(cell.word_numbers(column, len(places)))
        if n_characters > MAX_TOTAL_CHARACTERS:
            raise DatasetInvalid(
                asked, f"Its texts have more than {MAX_TOTAL_CHARACTERS:,} characters.", "Take a part of it."
            )
    if not texts:
        left = f"all {n_rows:,} rows are left out by their label" if n_rows else "it holds no row of data"
        raise DatasetInvalid(
            asked, f"Found no text: {left}.", "Give a file with one text a row, below its header if any."
        )
    sentence_labels = {name: tuple(values) for name, values in zip(ref.names, labels, strict=True)}
    named = {name: tuple(values) for name, values in zip(ref.number_names, numbers, strict=True)}
    if ref.contrast:
        return _contrasted(texts, spans.done(), partners, partner_spans.done(), sentence_labels, named)
    return Examples(
        texts=tuple(texts),
        spans=spans.done(),
        word_labels={column: tags.done() for column, tags in zip(ref.word_names, word_labels, strict=True)},
        sentence_labels=sentence_labels,
        partners=tuple(partners) if ref.partner else None,
        partner_spans=partner_spans.done() if ref.partner else None,
        marks={ANSWER: tuple(answers)} if ref.answers else {},
        groups=_same_text(partners if ref.partner else texts) if ref.answers else None,
        answers=tuple(golds) if ref.answers else None,
        numbers=named,
        word_numbers={name: tuple(rows) for name, rows in zip(ref.word_number_names, word_numbers, strict=True)},
    )


def _same_text(texts: Sequence[str]) -> tuple[int, ...]:
    """One number for all questions about a text."""
    number: dict[str, int] = {}
    return tuple(number.setdefault(text, len(number)) for text in texts)


def _answer_marks(text: str, words: Sequence[Span], answer: Span | None, n_before: int) -> tuple[Mark, ...]:
    """The words of an answer, and as many others of the same text, drawn by a hash of it; words are counted from n_before."""
    if answer is None:
        return ()
    inside = [at for at, (start, end) in enumerate(words) if start < answer[1] and answer[0] < end]
    if not inside:
        return ()
    first, last = inside[0], inside[-1] + 1
    size = last - first
    free = [at for at in range(len(words) - size + 1) if at + size <= first or at >= last]
    marks = [Mark((n_before + first, n_before + last), None, (ANSWER,))]
    if free:
        drawn = int.from_bytes(hashlib.sha256(f"{first} {text}".encode()).digest()[:8], "big") % len(free)
        marks.append(Mark((n_before + free[drawn], n_before + free[drawn] + size), None, (OTHER,)))
    return tuple(marks)


def _contrasted(
    right: list[str],
    right_spans: Sequence[tuple[Span, ...]],
    wrong: list[str],
    wrong_spans: Sequence[tuple[Span, ...]],
    labels: Mapping[str, tuple[str, ...]],
    numbers: Mapping[str, tuple[float, ...]],
) -> Examples:
    """Minimal pairs as two examples each, the right version before the wrong one."""
    both = zip(zip(right, right_spans, strict=True), zip(wrong, wrong_spans, strict=True), strict=True)
    texts, spans = zip(*(version for pair in both for version in pair), strict=True)
    twice = {name: tuple(value for value in values for _ in range(2)) for name, values in labels.items()}
    return Examples(
        texts=texts,
        spans=spans,
        sentence_labels={ACCEPTABLE: ("yes", "no") * len(right)} | twice,
        groups=tuple(pair for pair in range(len(right)) for _ in range(2)),
        numbers={name: tuple(value for value in values for _ in range(2)) for name, values in numbers.items()},
    )


class _Cell:
    """One row, asked for its text and labels; what is wrong is said with the row's place."""

    def __init__(self, ref: TableFile, row: Mapping[str, Any], where: str, asked: str) -> None:
        self.ref, self.row, self.where, self.asked = ref, row, where, asked

    def text(self, column: str) -> tuple[str, tuple[Span, ...]]:
        """Text and words of a column."""
        value = self._value(column)
        if isinstance(value, list):
            words = [self._plain(word, column) for word in value]
            if empty := [place for place, word in enumerate(words, start=1) if not word.strip()]:
                raise self._wrong(f"Word {empty[0]} of {self.where} ({column}) is empty.", "Fill or delete it.")
            text, places = joined(words)
        else:
            text = self._plain(value, column).strip()
            # With labels for its words every blank-separated part is one, even where nothing can be seen.
            has_words = self.ref.word_labels or self.ref.word_numbers
            places = blank_separated(text) if has_words else split_on_space(text)
        if not places:
            unseen = " but for invisible characters" if text else ""
            raise self._wrong(f"The text ({column}) of {self.where} is empty{unseen}.", "Fill or delete the row.")
        if len(text) > MAX_CHARACTERS:
            raise self._wrong(
                f"The text ({column}) of {self.where} has {len(text):,} characters; the limit is {MAX_CHARACTERS:,}.",
                "Split it into sentences or paragraphs, one a row.",
            )
        return text, places

    def labels(self) -> list[str] | None:
        """All labels of the row; None where they say that it is left out."""
        found = [self.label(column) for column in self.ref.labels]
        if any(label in self.ref.leave_out for label in found):
            return None
        if "" in found:
            raise self._wrong(
                f"The label ({self.ref.labels[found.index('')]}) of {self.where} is empty.",
                "Fill it, delete the row, or choose to leave out rows without a label.",
            )
        return found

    def label(self, column: str) -> str:
        """A sentence label, "" where there is none."""
        if column not in self.row and column.endswith(COARSE):
            return self.label(column.removesuffix(COARSE)).partition(":")[0]
        value = self._value(column) if self.ref.format != "jsonl" else self.row.get(column)
        if isinstance(value, list | dict):
            raise self._wrong(
                f"The label ({column}) of {self.where} is a list or an object.", "Choose a column with one label a row."
            )
        return self._short(self._plain(value, column).strip(), column)

    def answers(self, column: str, text_column: str) -> tuple[tuple[str, ...], Span | None]:
        """All answers, each once, and the characters [start, end) of the first in a text, as `text` gives it; None without any."""
        value = self._value(column)
        try:
            texts, starts = list(value["text"]), list(value["answer_start"])
            if len(texts) != len(starts):
                raise ValueError("as many places as texts are needed")
            if not texts:
                return (), None
            text, start = str(texts[0]), int(starts[0])
        except (TypeError, KeyError, ValueError) as error:
            raise self._wrong(
                f"The answers ({column}) of {self.where} are no such: {error}.",
                'Write {"text": ["…"], "answer_start": [7]}, or leave the column out.',
            ) from error
        held = self._plain(self._value(text_column), text_column)
        if start < 0 or held[start : start + len(text)] != text:
            raise self._wrong(
                f"The answer of {self.where}, {text[:40]!r}, does not stand at character {start}.",
                "Check how its places are counted.",
            )
        before = len(held) - len(held.lstrip())
        return tuple(dict.fromkeys(map(str, texts))), (start - before, start - before + len(text))

    def word_labels(self, column: str, n_words: int) -> list[str]:
        """One label a word."""
        value = self._value(column)
        parts = value if isinstance(value, list) else self._plain(value, column).split()
        tags = [self._short(self._plain(part, column).strip(), column) for part in parts]
        if len(tags) != n_words:
            raise self._wrong(
                f"{self.where.capitalize()} has {n_words} word{'s' * (n_words != 1)} but {len(tags)} "
                f"label{'s' * (len(tags) != 1)} ({column}).",
                "Give one label a word.",
            )
        if "" in tags:
            raise self._wrong(f"Label {tags.index('') + 1} of {self.where} ({column}) is empty.", "Fill it.")
        return tags

    def number(self, column: str) -> float:
        """A number of the text, NaN where there is none."""
        return self._number(self._value(column) if self.ref.format != "jsonl" else self.row.get(column), column)

    def word_numbers(self, column: str, n_words: int) -> tuple[float, ...]:
        """One number a word, NaN where there is none."""
        value = self._value(column)
        parts = value if isinstance(value, list) else self._plain(value, column).split()
        if len(parts) != n_words:
            raise self._wrong(
                f"{self.where.capitalize()} has {n_words} word{'s' * (n_words != 1)} but {len(parts)} "
                f"number{'s' * (len(parts) != 1)} ({column}).",
                "Give one number a word; NA where there is none.",
            )
        return tuple(self._number(part, column) for part in parts)

    def _number(self, value: Any, column: str) -> float:
        if (number := number_of(value)) is None:
            raise self._wrong(
                f"The number ({column}) of {self.where} is {str(value)[:40]!r}.",
                "Write finite numbers, as 3 or -0.5, and nothing or NA where there is none; or do not read the column as numbers.",
            )
        return number

    def _value(self, column: str) -> Any:
        if column not in self.row:
            if self.ref.format == "jsonl":
                names = ", ".join(repr(name) for name in list(self.row)[:20])
                raise self._wrong(
                    f"{self.where.capitalize()} has no {column!r}. It has: {names or 'nothing'}.",
                    "Choose another column, or complete the line.",
                )
            raise no_column(column, list(self.row), self.asked)
        return self.row[column]

    def _plain(self, value: Any, column: str) -> str:
        if value is None or value != value:  # NaN is how some libraries write nothing
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(value)
        if not isinstance(value, str):
            raise self._wrong(
                f"The value of {column!r} in {self.where} is neither text nor a number.", "Choose another column."
            )
        if any("\ud800" <= character <= "\udfff" for character in value) if not value.isascii() else False:
            raise self._wrong(
                f"The value of {column!r} in {self.where} holds half a character (a lone surrogate).",
                "Write the file again with whole characters.",
            )
        return value

    def _short(self, label: str, column: str) -> str:
        if len(label) > _MAX_LABEL:
            raise self._wrong(
                f"The label ({column}) of {self.where} has {len(label):,} characters.",
                "Choose a column of labels, not of text.",
            )
        return label

    def _wrong(self, found: str, do: str) -> DatasetInvalid:
        return DatasetInvalid(self.asked, found, do)
