"""Rows of unequal length, kept flat: a few bytes an entry where a tuple of objects takes a hundred.

A treebank of a hundred thousand sentences has a million words, each with a span and a dozen labels: as Python objects that
is more than the model that reads it.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Ragged(Sequence[tuple[T, ...]], Generic[T]):
    """A read-only sequence of tuples, equal to any sequence of the same tuples.

    Its entries are drawn from few values (labels, tags), which are kept once; each entry is a number. Columns that tell
    different things of the same entries share those numbers, and columns of the same words share where rows start.
    """

    __slots__ = ("_codes", "_start", "_values")

    def __init__(self, codes: NDArray[Any], start: NDArray[Any], values: tuple[T, ...]) -> None:
        self._codes, self._start, self._values = codes, start, values

    def __len__(self) -> int:
        return len(self._start) - 1

    @overload
    def __getitem__(self, at: int) -> tuple[T, ...]: ...
    @overload
    def __getitem__(self, at: slice) -> "Ragged[T]": ...
    def __getitem__(self, at: int | slice) -> "tuple[T, ...] | Ragged[T]":
        if isinstance(at, slice):
            return self.pick(range(len(self))[at])
        row = range(len(self))[at]  # refuses what is not there, and counts from the end
        return self._row(int(self._start[row]), int(self._start[row + 1]))

    def __iter__(self) -> Iterator[tuple[T, ...]]:
        return (self._row(begin, end) for begin, end in pairwise(self._start.tolist()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(other) != len(self):
            return NotImplemented if not isinstance(other, Sequence) else False
        return all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as of lists

    def __repr__(self) -> str:
        return f"Ragged({list(self[:3])!r}{' …' if len(self) > 3 else ''}, {len(self)} rows)"

    def pick(self, rows: Iterable[int]) -> "Ragged[T]":
        """The rows at these places, in the order given."""
        chosen = np.fromiter(rows, dtype=np.int64)
        begins = self._start[chosen].astype(np.int64)  # small kinds overflow in sums
        lengths = self._start[chosen + 1] - begins
        start = np.concatenate([[0], np.cumsum(lengths)])
        inside = np.repeat(begins - start[:-1], lengths) + np.arange(start[-1])
        return type(self)(self._codes[inside], start.astype(np.min_scalar_type(start[-1])), self._values)

    @property
    def values(self) -> set[T]:
        """Distinct entries."""
        return set(self.counts())

    def counts(self) -> dict[T, int]:
        """How often each entry occurs."""
        counts: dict[T, int] = {}
        for code, n in zip(*(found.tolist() for found in np.unique(self._codes, return_counts=True)), strict=True):
            counts[self._values[code]] = counts.get(self._values[code], 0) + n
        return counts

    def recoded(self, change: Callable[[T], T]) -> "Ragged[T]":
        """The same rows with every entry changed in one way; asked once for each value, and no entry is copied."""
        shared: dict[T, T] = {}
        changed = (change(value) for value in self._values)
        return type(self)(self._codes, self._start, tuple(shared.setdefault(value, value) for value in changed))

    @property
    def n_entries(self) -> int:
        """Entries in all rows together."""
        return int(self._start[-1])

    def _row(self, begin: int, end: int) -> tuple[T, ...]:
        return tuple(map(self._values.__getitem__, self._codes[begin:end].tolist()))


class RaggedNumbers(Ragged[int]):
    """The same of whole numbers, which are their own codes."""

    __slots__ = ()

    def _row(self, begin: int, end: int) -> tuple[int, ...]:
        return tuple(self._codes[begin:end].tolist())


class RaggedSpans(Ragged[tuple[int, int]]):
    """The same of spans [start, end); codes are [n, 2]."""

    __slots__ = ()

    def _row(self, begin: int, end: int) -> tuple[tuple[int, int], ...]:
        return tuple((first, last) for first, last in self._codes[begin:end].tolist())


class _Rows:
    """Rows as they come; the codes of their entries one after another, and where each row starts."""

    def __init__(self) -> None:
        self._codes, self._start = array("i"), array("q", [0])

    def _end(self, width: int = 1) -> None:
        self._start.append(len(self._codes) // width)

    def _starts(self, beside: Ragged[Any] | None) -> NDArray[Any]:
        """Where each row starts; the very array of rows of the same lengths, where they are given."""
        start = smallest(self._start)
        return beside._start if beside is not None and np.array_equal(beside._start, start) else start


class LabelRows(_Rows):
    """Rows of labels as they come; `done` makes them one sequence."""

    def __init__(self) -> None:
        super().__init__()
        self._number: dict[str, int] = {}

    def append(self, row: Iterable[str]) -> None:
        """One more row."""
        number = self._number
        self._codes.extend(number.setdefault(label, len(number)) for label in row)
        self._end()

    def done(self, beside: Ragged[Any] | None = None) -> Ragged[str]:
        """All rows so far. Args: beside: labels or places of the same words."""
        return Ragged(smallest(self._codes), self._starts(beside), tuple(self._number))


class NumberRows(_Rows):
    """Rows of whole numbers as they come."""

    def append(self, row: Iterable[int]) -> None:
        """One more row."""
        self._codes.extend(row)
        self._end()

    def done(self, beside: Ragged[Any] | None = None) -> RaggedNumbers:
        """All rows so far. Args: beside: labels or places of the same words."""
        return RaggedNumbers(smallest(self._codes), self._starts(beside), ())


class SpanRows(_Rows):
    """Rows of spans as they come."""

    def append(self, row: Iterable[tuple[int, int]]) -> None:
        """One more row."""
        self._codes.extend(place for span in row for place in span)
        self._end(width=2)

    def done(self) -> RaggedSpans:
        """All rows so far."""
        return RaggedSpans(smallest(self._codes).reshape(-1, 2), self._starts(None), ())


def smallest(numbers: "array[int]") -> NDArray[Any]:
    """The same whole numbers, in the smallest kind that holds them all."""
    given = np.frombuffer(numbers, dtype=numbers.typecode)
    return given.astype(np.result_type(*map(np.min_scalar_type, (given.min(), given.max())))) if len(given) else given


def picked(rows: Sequence[tuple[T, ...]], chosen: Sequence[int]) -> Sequence[tuple[T, ...]]:
    """The rows at these places, flat where they were."""
    return rows.pick(chosen) if isinstance(rows, Ragged) else tuple(rows[at] for at in chosen)
