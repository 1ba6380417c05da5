"""What stands before or after a review: the occasion, in clauses and phrases that hold no opinion."""

from core.data import lexicon
from core.data.lexicon import verb
from core.data.suite.clauses import coordinate, subordinate, verbal
from core.data.suite.drawing import Draw
from core.data.suite.opinions import kin_np
from core.data.suite.phrases import COMMA, TO, Nominal, adverb_node, case_node, det_node, pronoun_np
from core.data.suite.trees import Node

FRONTED, ENDED = 0.35, 0.35
_AT_HOME = ("book", "device")
"""Domains whose things are nowhere in particular."""


def set_in_scene(draw: Draw, clause: Node, template: str) -> Node:
    """The review, now and then with the occasion in front, and with what people did or mean to do at the end."""
    fronted = any(child.relation in ("advcl", "obl", "obl:tmod", "advmod", "discourse") for child in clause.before)
    if clause.tense == "past" and not fronted and draw.chance(FRONTED):
        clause = _occasion(draw, clause)
    if template != "purpose" and clause.after and clause.after[-1].relation in ("advcl", "obl:tmod"):
        return clause
    return coordinate(clause, _afterwards(draw, clause.tense), "and") if draw.chance(ENDED) else clause


def _company(draw: Draw) -> Nominal:
    return draw.weighted(((3, pronoun_np("we")), (1, pronoun_np("I")), (2, kin_np(draw)), (1, pronoun_np("they"))))


def _occasion(draw: Draw, clause: Node) -> Node:
    """Put "after the walk" or "before we could talk" in front of what is past."""
    word = draw.pick(lexicon.OUTINGS[draw.domain])
    if draw.chance(0.5):
        length = Node(draw.pick(("long", "short", "long")), "ADJ", "amod") if draw.chance(0.4) else None
        noun = Node(word, "NOUN", "obl").led(det_node(draw.any(("the", "a"))), length)
        return clause.led(noun.led(case_node(draw.any(("after", "after", "before", "during")))).followed(COMMA))
    way = draw.any(("did", "did", "could", "meant"))
    if way == "did":
        when = verbal(_company(draw), verb(word), tense="past")
        return subordinate(clause, when, draw.any(("after", "after", "before", "while", "when")), fronted=True)
    if way == "could":
        when = verbal(_company(draw), verb(word), tense="could")
        return subordinate(clause, when, "before", fronted=True)
    return subordinate(clause, _meaning(draw, "past"), draw.any(("because", "when", "since")), fronted=True)


def _meaning(draw: Draw, tense: str) -> Node:
    """As in "we plan to walk", "my brother wanted to drive"."""
    ends = (
        (adverb_node(draw.pick(("again", "soon", "again") if draw.domain in _AT_HOME else ("again", "soon", "there"))),)
        if draw.chance(0.5)
        else ()
    )
    aim = Node(draw.pick(lexicon.OUTINGS[draw.domain]), "VERB", "xcomp", (TO,), ends)
    return verbal(_company(draw), verb(draw.pick(("want", "plan", "hope"))), aim, tense=tense)


def _afterwards(draw: Draw, tense: str) -> Node:
    """As in "we had a long drink", "we plan to visit again"."""
    way = draw.any(("meaning", "having" if tense == "past" else "meaning", "doing"))
    if way == "meaning":
        return _meaning(draw, tense)
    word = draw.pick(lexicon.OUTINGS[draw.domain])
    if way == "having":
        noun = Node(word, "NOUN", "obj", (det_node("a"),))
        return verbal(_company(draw), verb("have"), noun, adverb_node(draw.pick(("afterwards", "later"))), tense=tense)
    early = draw.pick(("often", "still", "always" if tense == "present" else "also"))
    if draw.domain in _AT_HOME:
        return verbal(_company(draw), verb(word), tense=tense, early=early)
    where = draw.pick(("by", "by", "on", "along", "around", "in")) if word in lexicon.MOVING else "there"
    return verbal(_company(draw), verb(word), adverb_node(where), tense=tense, early=early)
