"""What a part hands out: a sentence, or a pair of them, with all its gold annotation."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.data.suite.trees import Node, written


@dataclass(frozen=True, slots=True)
class SuiteSentence:
    """One sentence with all its gold annotation; the text is `" ".join(words)`."""

    words: tuple[str, ...]
    upos: tuple[str, ...]
    heads: tuple[int, ...]
    """1-based; 0 marks the root."""
    relations: tuple[str, ...]
    labels: Mapping[str, str]
    """What the whole sentence (or pair) is, by label name; the names of its part, all of them."""
    template: str
    """Name of the construction that made it."""
    negated: bool = False
    """Whether a negation turns the deciding word of opinion round."""
    partner: "SuiteSentence | None" = None
    """The second sentence of a pair, itself without labels and partner."""
    contrast: tuple[str, ...] = ()
    """Words of the other member of a minimal pair; empty where there is none."""
    marks: tuple[tuple[tuple[int, int], str], ...] = ()
    """Runs of words [start, end) and what they are, by the part's own kind of mark."""


def sentence_of(
    tree: Node,
    template: str,
    labels: Mapping[str, str],
    *,
    negated: bool = False,
    partner: SuiteSentence | None = None,
    contrast: tuple[str, ...] = (),
    marks: tuple[tuple[tuple[int, int], str], ...] = (),
) -> SuiteSentence:
    """Write a tree down."""
    words, upos, heads, relations = written(tree)
    return SuiteSentence(words, upos, heads, relations, labels, template, negated, partner, contrast, marks)


def clause_labels(tree: Node) -> dict[str, str]:
    """Tense and number of the first main clause, as the function that built it noted them."""
    if not tree.tense or not tree.number:
        raise AssertionError(f"The clause of {tree.form!r} does not say its tense and number.")
    return {"tense": tree.tense, "number": tree.number}
