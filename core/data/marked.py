"""Edge-probing files: JSON Lines with a text, and targets that mark one or two spans of its words.

    {"text": "the dog barks", "targets": [{"span1": [0, 2], "span2": [2, 3], "label": "nsubj"}]}

Words are what blanks separate; spans count words, the end excluded. A label is a text, a number, or a list of them.
"""

import json
from collections.abc import Iterator
from typing import Any

from core.data.examples import Examples, Mark, Span, blank_separated
from core.data.lines import MAX_CHARACTERS, MAX_ROWS, MAX_TOTAL_CHARACTERS, Source, lines_of
from core.data.ragged import SpanRows
from core.errors import DatasetInvalid

TARGET = "target"
"""Name of the marks: the file has one kind and does not say what it is."""
_MOST_TARGETS = 2_000_000
_FORM = 'Write {"text": "…", "targets": [{"span1": [0, 2], "label": "…"}]}, one object a line.'


def read_marked(source: Source, name: str, *, may_be_bare: bool = False) -> Examples:
    """All examples of an edge-probing file.

    Args:
        source: where it lies.
        name: the file's name, for messages.
        may_be_bare: that nothing is marked is no fault, as in the beginning of a file.
    Raises:
        DatasetInvalid: not such a file, spans outside the text, spans and pairs mixed; the message names the line.
    """
    asked = f"Reading {name} as edge-probing JSON."
    texts: list[str] = []
    spans = SpanRows()
    marks: list[tuple[Mark, ...]] = []
    shared: dict[str, str] = {}
    n_characters = n_marks = 0
    is_pairs: bool | None = None
    for number, line in lines_of(source, "utf-8", asked):
        if not line.strip():
            continue
        text, targets = _row(line, number, asked)
        words = blank_separated(text)
        found = tuple(_mark(target, len(words), number, asked, shared) for target in targets)
        for mark in found:
            is_pairs = mark.second is not None if is_pairs is None else is_pairs
            if is_pairs != (mark.second is not None):
                raise DatasetInvalid(
                    asked, f"Line {number:,} mixes targets of one span and of two.", "Give files of one kind each."
                )
        texts.append(text)
        spans.append(words)
        marks.append(found)
        n_characters, n_marks = n_characters + len(text), n_marks + len(found)
        if len(texts) > MAX_ROWS or n_characters > MAX_TOTAL_CHARACTERS or n_marks > _MOST_TARGETS:
            raise DatasetInvalid(
                asked,
                f"It holds more than {MAX_ROWS:,} texts, {MAX_TOTAL_CHARACTERS:,} characters or {_MOST_TARGETS:,} targets.",
                "Take a part of it.",
            )
    if not n_marks and not may_be_bare:
        raise DatasetInvalid(asked, "It marks nothing.", _FORM)
    return Examples(texts=tuple(texts), spans=spans.done(), marks={TARGET: tuple(marks)})


def is_marked(line: str) -> bool:
    """Whether a line looks like an example of such a file."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return False
    targets = row.get("targets") if isinstance(row, dict) else None
    if not isinstance(targets, list) or not isinstance(row.get("text"), str):
        return False
    return all(isinstance(target, dict) and "span1" in target for target in targets)


def _row(line: str, number: int, asked: str) -> tuple[str, list[dict[str, Any]]]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DatasetInvalid(asked, f"Line {number:,} is not JSON: {str(error)[:80]}.", _FORM) from error
    text, targets = (row.get("text"), row.get("targets")) if isinstance(row, dict) else (None, None)
    if not isinstance(text, str) or not isinstance(targets, list):
        raise DatasetInvalid(asked, f"Line {number:,} has no text or no list of targets.", _FORM)
    if not all(isinstance(target, dict) for target in targets):
        raise DatasetInvalid(asked, f"Line {number:,} has a target that is no object.", _FORM)
    if not text.strip() or len(text) > MAX_CHARACTERS or any("\ud800" <= one <= "\udfff" for one in text):
        raise DatasetInvalid(
            asked,
            f"The text of line {number:,} is empty, longer than {MAX_CHARACTERS:,} characters, or holds half a character.",
            "Mend or delete it.",
        )
    return text, targets


def _mark(target: dict[str, Any], n_words: int, number: int, asked: str, shared: dict[str, str]) -> Mark:
    first = _span(target.get("span1"), n_words, number, asked)
    second = None if target.get("span2") is None else _span(target["span2"], n_words, number, asked)
    labels = tuple(shared.setdefault(label, label) for label in _labels(target.get("label"), number, asked))
    return Mark(first, second, labels)


def _span(given: Any, n_words: int, number: int, asked: str) -> Span:
    whole = isinstance(given, list) and len(given) == 2 and all(type(place) is int for place in given)
    if not whole or not 0 <= given[0] < given[1] <= n_words:
        raise DatasetInvalid(
            asked,
            f"Line {number:,} marks the span {str(given)[:60]} of a text of {n_words} words.",
            "A span is [first word, word after the last], counted from 0.",
        )
    return given[0], given[1]


def _labels(given: Any, number: int, asked: str) -> Iterator[str]:
    for label in given if isinstance(given, list) else [given]:
        if isinstance(label, bool) or not isinstance(label, str | int) or not 0 < len(str(label).strip()) <= 200:
            raise DatasetInvalid(
                asked,
                f"Line {number:,} has the label {str(label)[:60]!r}.",
                "Give a text or a number, or a list of them.",
            )
        yield str(label).strip()
