"""Words and phrases of any part: single nodes, noun phrases, and phrases written out as text in a lexicon."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from core.data import lexicon
from core.data.lexicon import Noun
from core.data.suite.trees import Node, present


class Nominal(NamedTuple):
    """A noun phrase with what agreement and pronouns need to know of it."""

    node: Node
    plural: bool
    pronoun: str


def det_node(form: str) -> Node:
    """A determiner."""
    return Node(form, "DET", "det")


def adverb_node(form: str) -> Node:
    """An adverb as a modifier."""
    return Node(form, "ADV", "advmod")


def case_node(form: str) -> Node:
    """A preposition."""
    return Node(form, "ADP", "case")


def mark_node(form: str) -> Node:
    """A subordinating conjunction."""
    return Node(form, "SCONJ", "mark")


COMMA = Node(",", "PUNCT", "punct")
BUT = Node("but", "CCONJ", "cc")
TO = Node("to", "PART", "mark")
NEGATIONS: dict[str, Node | None] = {
    "": None,
    "not": Node("not", "PART", "advmod"),
    "never": Node("never", "ADV", "advmod"),
    "hardly": Node("hardly", "ADV", "advmod"),
}
_RELATION_OF_TAG = {
    "DET": "det", "NUM": "nummod", "ADJ": "amod", "NOUN": "compound", "PROPN": "compound", "PRON": "nmod:poss",
    "ADP": "case",
}  # fmt: skip


def _token(text: str, last: bool) -> Node:
    """A word of a written-out phrase; what no table of function words holds is a noun at the end, else an adjective."""
    form, _, tag = text.partition("/")
    if tag:
        return Node(form, tag)
    for words, closed in (
        (lexicon.DETERMINERS, "DET"), (lexicon.ADPOSITIONS, "ADP"), (lexicon.POSSESSIVES, "PRON"),
        (lexicon.OBJECT_PRONOUNS, "PRON"), (lexicon.NUMERALS, "NUM"), (lexicon.ADVERBS, "ADV"),
    ):  # fmt: skip
        if form in words:
            return Node(form, closed)
    return Node(form, ("PROPN" if form[0].isupper() else "NOUN") if last else "ADJ")


def _chunk(texts: Sequence[str]) -> Node:
    """A noun phrase, a prepositional phrase or an adverb; the last word is its head."""
    front, head = [_token(text, False) for text in texts[:-1]], _token(texts[-1], True)
    if "+" in head.form:
        first, _, form = head.form.partition("+")
        front, head = [*front, Node(first, "NOUN")], Node(form, head.tag)
    children = tuple(node.labelled(_RELATION_OF_TAG[node.tag]) for node in front)
    if head.tag == "ADV":
        relation = "advmod"
    elif any(child.relation == "case" for child in children):
        relation = "obl"
    else:
        relation = "obl:tmod" if head.form in lexicon.TIME_NOUNS else "obj"
    return Node(head.form, head.tag, relation, children)


@cache
def phrases_of(text: str) -> tuple[Node, ...]:
    """Complements written out as text ("a table early", "in the lobby"), with the relations they have to a verb."""
    chunks: list[list[str]] = []
    for word in text.split():
        starts = word in lexicon.ADPOSITIONS or word in lexicon.ADVERBS or word.endswith("/ADV")
        if starts or not chunks or chunks[-1][-1] in lexicon.ADVERBS:
            chunks.append([])
        chunks[-1].append(word)
    return tuple(_chunk(chunk) for chunk in chunks)


def place_of(text: str) -> Node:
    """A written-out prepositional phrase as a part of a noun phrase."""
    return phrases_of(text)[0].labelled("nmod")


def pronoun_np(form: str) -> Nominal:
    """A pronoun; "we" and "they" are plural."""
    return Nominal(Node(form, "PRON"), form in ("we", "they"), form)


def headed(noun: Noun, plural: bool, *before: Node | None, after: tuple[Node, ...] = ()) -> Node:
    """A noun, singular or plural, with what stands before and after it."""
    compound = Node(noun.compound, "NOUN", "compound") if noun.compound else None
    children = present((*before, compound))
    return Node(noun.plural if plural else noun.singular, "NOUN", "dep", tuple(children), after)
