"""Dependency trees as they are built and as they are written down.

A node lists its children on either side of itself, in order, so that every tree is projective and its words are read
off from left to right.
"""

from collections.abc import Sequence
from typing import NamedTuple

from core.data.lexicon import GLIDES


class Node(NamedTuple):
    """A word with its children to the left and to the right, in order."""

    form: str
    tag: str
    relation: str = "dep"
    before: tuple["Node", ...] = ()
    after: tuple["Node", ...] = ()
    tense: str = ""
    """Of a finite clause, kept at its head: "past" or "present"."""
    number: str = ""
    """Of the clause's subject: "singular" or "plural"."""

    def labelled(self, relation: str) -> "Node":
        """The same tree as a dependent of another kind."""
        return self._replace(relation=relation)

    def led(self, *children: "Node | None") -> "Node":
        """With more children at its left end."""
        return self._replace(before=(*present(children), *self.before))

    def followed(self, *children: "Node | None") -> "Node":
        """With more children at its right end."""
        return self._replace(after=(*self.after, *present(children)))

    def held(self, tense: str, plural: bool) -> "Node":
        """As the head of a finite clause of this tense, whose subject has this number."""
        return self._replace(tense=tense, number="plural" if plural else "singular")


def present(children: Sequence[Node | None]) -> list[Node]:
    """Those that are there."""
    return [child for child in children if child is not None]


def flatten(node: Node, out: list[tuple[Node, list[int]]]) -> int:
    """Append the tree's words from left to right; each with a cell for its head. Returns the position of its top."""
    cells = [flatten(child, out) for child in node.before]
    out.append((node, [0]))
    position = len(out)
    cells += [flatten(child, out) for child in node.after]
    for cell in cells:
        out[cell - 1][1][0] = position
    return position


def spelled(forms: Sequence[str]) -> tuple[str, ...]:
    """Words as written: "a" or "an" by the next word, a capital at the start."""
    words = [article(after) if word == "a" else word for word, after in zip(forms, [*forms[1:], ""], strict=True)]
    return (words[0][0].upper() + words[0][1:], *words[1:])


def article(following: str) -> str:
    """The form of "a" before a word."""
    return "an" if following[:1].lower() in "aeiou" and following not in GLIDES else "a"


class Written(NamedTuple):
    """A tree read off from left to right."""

    words: tuple[str, ...]
    upos: tuple[str, ...]
    heads: tuple[int, ...]
    relations: tuple[str, ...]


def written(tree: Node) -> Written:
    """The words of a tree with their tags, heads (1-based, 0 = root) and relations."""
    cells: list[tuple[Node, list[int]]] = []
    flatten(tree, cells)
    return Written(
        spelled([node.form for node, _ in cells]),
        tuple(node.tag for node, _ in cells),
        tuple(head for _, (head,) in cells),
        tuple(node.relation for node, _ in cells),
    )
