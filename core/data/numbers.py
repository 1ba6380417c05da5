"""Real numbers that a probe can read: those a file gives, and those that every text has by itself.

As probing studies ask for them: how long a sentence is, how deep its tree, where a word stands and how common it is.
"""

import re
from typing import Any

from core.data.examples import Examples

LENGTH, DEPTH, POSITION, FREQUENCY = "sentence length", "tree depth", "word position", "word frequency"
"""Of a sentence: words in it (in both texts of a pair); edges from its root to its deepest word. Of a word: edges from the root;
place in its text, from 1; log2 of how often it occurs in the whole data set, upper and lower case alike."""

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_MISSING = frozenset({"", "-", "_", "na", "n/a", "nan", "null", "none"})
"""How people write that there is none, in lower case."""


def number_names(examples: Examples) -> dict[str, tuple[str, ...]]:
    """Names of the numbers of sentences and of words, {"sentence": (…), "word": (…)}, those of a file first; nothing is computed.

    A file's own number of the same name takes the place of one made here.
    """
    return offered(tuple(examples.numbers), tuple(examples.word_numbers), has_trees=examples.heads is not None)


def offered(of_sentences: tuple[str, ...], of_words: tuple[str, ...], *, has_trees: bool) -> dict[str, tuple[str, ...]]:
    """Names of numbers by unit, where a data set gives these."""
    depth = (DEPTH,) if has_trees else ()
    made = {"sentence": (*of_sentences, LENGTH, *depth), "word": (*of_words, POSITION, FREQUENCY, *depth)}
    return {unit: tuple(dict.fromkeys(names)) for unit, names in made.items()}


def number_of(value: Any) -> float | None:
    """A cell as a number: NaN where it says that there is none; None where it is something else, or not finite.

    Written plainly, 3, -0.5 or 1e-3: no sign for thousands, a point before the decimals.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | None):
        return None
    text = "" if value is None else str(value).strip()
    if text.lower() in _MISSING:
        return float("nan")
    if not _NUMBER.fullmatch(text) or abs(number := float(text)) == float("inf"):
        return None
    return number
