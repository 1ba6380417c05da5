"""Spans and pairs of words with labels: those a data set gives, and those that follow from its trees.

Wherever there are heads, a word beside its head has the relation as its label (the unit of Zhou & Srikumar's DEP), and the
words under a head make a phrase with that relation.
"""

from collections.abc import Iterator, Sequence

from core.data.examples import Examples, Mark, Span

ANSWER, OTHER = "answer", "other"
"""Labels of the phrase that answers a question, and of one that does not; the marks go by the first."""
DEPENDENCY, PHRASE = "dependency", "phrase"
"""Names of the marks made from trees: a word and its head; the two or more words of a subtree."""


def mark_names(examples: Examples) -> dict[str, tuple[str, ...]]:
    """Names of an example set's marks by unit: {"pair": (…), "span": (…)}; nothing is computed."""
    found: dict[str, list[str]] = {"pair": [], "span": []}
    for name, column in examples.marks.items():
        first = next((mark for marks in column for mark in marks), None)
        found["span" if first is None or first.second is None else "pair"].append(name)
    if has_trees(examples):
        found["pair"].append(DEPENDENCY)
        found["span"].append(PHRASE)
    return {unit: tuple(names) for unit, names in found.items()}


def has_trees(examples: Examples) -> bool:
    """Whether it has heads and the relations to them."""
    return examples.heads is not None and "relation" in examples.word_labels


def marks_of(examples: Examples, name: str) -> tuple[tuple[Mark, ...], ...]:
    """The marks of a name, one tuple an example. Raises KeyError for a name that `mark_names` does not give."""
    if name in examples.marks:
        return examples.marks[name]
    if name not in (DEPENDENCY, PHRASE) or examples.heads is None or not has_trees(examples):
        raise KeyError(name)
    of_tree = dependencies if name == DEPENDENCY else phrases
    trees = zip(examples.heads, examples.word_labels["relation"], strict=True)
    return tuple(tuple(of_tree(heads, relations)) for heads, relations in trees)


def marks_within(examples: Examples, name: str, row: int, words: slice) -> list[tuple[Span, Span | None, str]]:
    """The marks of an example that lie in a part of its words (one text of a pair), counted from there.

    Returns:
        The first run, the other one of a pair, and the label, several joined by commas.
    """
    found = []
    for mark in marks_of(examples.pick([row]), name)[0]:
        spans = [span for span in (mark.first, mark.second) if span is not None]
        if all(words.start <= start and end <= words.stop for start, end in spans):
            first, *rest = [(start - words.start, end - words.start) for start, end in spans]
            found.append((first, rest[0] if rest else None, ", ".join(mark.labels)))
    return found


def dependencies(heads: Sequence[int], relations: Sequence[str]) -> Iterator[Mark]:
    """Each word beside its head, in that order, labelled with their relation; roots have no head.

    Args:
        heads: 1-based, 0 = root.
        relations: one a word.
    """
    for word, (head, relation) in enumerate(zip(heads, relations, strict=True)):
        if head:
            yield Mark((word, word + 1), (head - 1, head), (relation,))


def phrases(heads: Sequence[int], relations: Sequence[str]) -> Iterator[Mark]:
    """Every subtree of two or more words that stand side by side, labelled with its relation; not that of the root.

    Args:
        heads: 1-based, 0 = root. Words that lead round in a circle belong to no phrase.
        relations: one a word.
    """
    n = len(heads)
    low, high, size = list(range(n)), list(range(n)), [1] * n
    under: list[list[int]] = [[] for _ in range(n)]
    for word, head in enumerate(heads):
        if head:
            under[head - 1].append(word)
    # Downwards from the roots, then added up from below; what leads round in a circle is never reached.
    order = [word for word in range(n) if not heads[word]]
    for word in order:
        order.extend(under[word])
    for word in reversed(order):
        if heads[word]:
            head = heads[word] - 1
            low[head], high[head] = min(low[head], low[word]), max(high[head], high[word])
            size[head] += size[word]
    for word in sorted(order):
        if heads[word] and 1 < size[word] == high[word] - low[word] + 1:
            yield Mark((low[word], high[word] + 1), None, (relations[word],))
