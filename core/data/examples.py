"""Sentences or pairs of them with their annotation, the one shape in which every data set reaches an analysis.

Words are what people annotate; a sentence's text is what a tokenizer reads. Both are kept, with the character span of
each word, because pieces are aligned to words by offsets and never by counting.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from core.data.ragged import picked

Span = tuple[int, int]


UNMARKED = "_"
"""What stands where a word label of `Examples.partial` has nothing to say."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A run of words of an example, or two of them, labelled: a phrase, a mention, a word and its head."""

    first: Span
    """Words [start, end) of the example, counted as in `Examples.words`."""
    second: Span | None
    """The other run of a pair; None for a single span."""
    labels: tuple[str, ...]
    """One or more; most annotations give one."""


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Sentences, aligned by row in every field."""

    texts: tuple[str, ...]
    """What the tokenizer reads."""
    spans: Sequence[tuple[Span, ...]]
    """Character span [start, end) of each word in its text."""
    word_labels: Mapping[str, Sequence[tuple[str, ...]]] = field(default_factory=dict)
    """Per name (UPOS, relation …), one label a word."""
    sentence_labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Per name (sentiment …), one label a sentence."""
    heads: Sequence[tuple[int, ...]] | None = None
    """Gold head of each word, 1-based, 0 = root; None where the data set has none."""
    partners: tuple[str, ...] | None = None
    """Second text of each pair (a hypothesis, an answer); None where examples are single texts."""
    partner_spans: Sequence[tuple[Span, ...]] | None = None
    """Character span of each word in its partner text; given where `partners` is. In `words`, `word_labels` and
    `heads` the partner's words follow those of the first text."""
    marks: Mapping[str, tuple[tuple[Mark, ...], ...]] = field(default_factory=dict)
    """Per name (roles, mentions …), the marks of each example; those of one name are all spans or all pairs."""
    groups: tuple[int, ...] | None = None
    """Examples of one number are versions of one another (a minimal pair) or share a text, and belong on one side of a split;
    None = each stands for itself."""
    partial: tuple[str, ...] = ()
    """Names of the word labels that not every word has: UNMARKED stands for none."""
    numbers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Per name (score, age …), one real number a sentence; NaN where it has none. More follow from the text itself:
    core/data/numbers.py."""
    word_numbers: Mapping[str, tuple[tuple[float, ...], ...]] = field(default_factory=dict)
    """Per name (reading time …), one real number a word; NaN where it has none."""
    answers: tuple[tuple[str, ...], ...] | None = None
    """Everything that people answered to the question of each example, as they wrote it, no two alike, the marked one first;
    () where there is no answer. None where the data set has no such questions."""

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def words(self) -> tuple[tuple[str, ...], ...]:
        """The words of every example, those of a partner text last."""
        first = _cut(self.texts, self.spans)
        if self.partners is None or self.partner_spans is None:
            return first
        second = _cut(self.partners, self.partner_spans)
        return tuple(one + other for one, other in zip(first, second, strict=True))

    @cached_property
    def n_words(self) -> int:
        """Words in all examples, partner texts included."""
        return sum(len(spans) for column in (self.spans, self.partner_spans or ()) for spans in column)

    @cached_property
    def several(self) -> frozenset[str]:
        """Names of the given marks of which some have no label or more than one."""
        return frozenset(
            name
            for name, column in self.marks.items()
            if any(len(mark.labels) != 1 for marks in column for mark in marks)
        )

    def find(self, wanted: str) -> tuple[int, ...]:
        """Rows whose text or partner holds these characters, upper and lower case alike; all rows for ""."""
        sought = wanted.casefold().strip()
        partners = self.partners or ("",) * len(self)
        return tuple(
            row
            for row, (text, partner) in enumerate(zip(self.texts, partners, strict=True))
            if sought in text.casefold() or sought in partner.casefold()
        )

    def pick(self, rows: Iterable[int]) -> "Examples":
        """The sentences at these rows, in the order given."""
        rows = list(rows)
        return Examples(
            texts=tuple(self.texts[i] for i in rows),
            spans=picked(self.spans, rows),
            word_labels={name: picked(values, rows) for name, values in self.word_labels.items()},
            sentence_labels={name: tuple(values[i] for i in rows) for name, values in self.sentence_labels.items()},
            heads=None if self.heads is None else picked(self.heads, rows),
            partners=None if self.partners is None else tuple(self.partners[i] for i in rows),
            partner_spans=None if self.partner_spans is None else picked(self.partner_spans, rows),
            marks={name: tuple(values[i] for i in rows) for name, values in self.marks.items()},
            partial=self.partial,
            numbers={name: tuple(values[i] for i in rows) for name, values in self.numbers.items()},
            word_numbers={name: tuple(values[i] for i in rows) for name, values in self.word_numbers.items()},
            groups=None if self.groups is None else tuple(self.groups[i] for i in rows),
            answers=None if self.answers is None else tuple(self.answers[i] for i in rows),
        )


def _cut(texts: tuple[str, ...], spans: Sequence[tuple[Span, ...]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(text[a:b] for a, b in places) for text, places in zip(texts, spans, strict=True))


def joined(words: Iterable[str]) -> tuple[str, tuple[Span, ...]]:
    """Text of space-joined words, and the span of each."""
    spans, at, parts = [], 0, list(words)
    for word in parts:
        spans.append((at, at + len(word)))
        at += len(word) + 1
    return " ".join(parts), tuple(spans)


def blank_separated(text: str) -> tuple[Span, ...]:
    """Spans of everything that white space separates."""
    return tuple(match.span() for match in re.finditer(r"\S+", text))


def split_on_space(text: str) -> tuple[Span, ...]:
    """Spans of the white-space-separated words of a running text.

    What consists of invisible format characters alone (zero-width space, soft hyphen, byte order mark …) is no word:
    nobody sees it and tokenizers drop it. Inside a word such characters stay.
    """
    spans = blank_separated(text)
    return spans if text.isascii() else tuple(span for span in spans if not _is_invisible(text[slice(*span)]))


def _is_invisible(word: str) -> bool:
    return all(unicodedata.category(character) == "Cf" for character in word)
