"""Answers: a text of two events and a question about one of them, with the phrase that answers it.

Beside the answer stands the phrase that plays the same part in the other event. Which of the two answers cannot be told
from the text or from the question alone: only the question's verb and names say which event is meant.
"""

from typing import NamedTuple

from core.data.lexicon import verb
from core.data.marks import ANSWER, OTHER
from core.data.suite.clauses import aux_node, coordinate, verbal
from core.data.suite.drawing import Blocked, Draw, stem
from core.data.suite.phrases import Nominal, adverb_node
from core.data.suite.sentence import SuiteSentence, sentence_of
from core.data.suite.trees import Node, present
from core.data.suite.world import MARK, STOP, deed, moment, people_verb, person, spot, thing

_RELATION = {"who": "nsubj", "what": "obj", "where": "obl", "when": "obl"}
"""How the phrase asked for depends on its verb."""


class Event(NamedTuple):
    """Somebody does something, somewhere or at some time."""

    who: Nominal
    does: str
    what: Nominal
    where: Node | None
    when: Node | None


def build(draw: Draw, wish: str) -> tuple[SuiteSentence, ...]:
    """A text and a question that asks for what is wished for."""
    tense = draw.any(("past", "past", "present"))
    events = _event(draw, wish), _event(draw, wish)
    if _alike(*events):
        raise Blocked
    told = coordinate(_told(events[0], tense), _told(events[1], tense), draw.any(("and", "but", "while")))
    meant = int(draw.chance(0.5))
    text = sentence_of(told.followed(STOP), "told", {})
    phrases = [_phrase(text, place, wish) for place in _verbs(text)]
    marks = tuple((span, ANSWER if at == meant else OTHER) for at, span in enumerate(phrases))
    question = _question(events[meant], wish, tense, with_end=draw.chance(0.5)).followed(MARK)
    asked = sentence_of(question, wish, {})
    return (sentence_of(told.followed(STOP), "told", {"asked": wish}, partner=asked, marks=marks),)


def _event(draw: Draw, wish: str) -> Event:
    where = spot(draw) if wish == "where" or draw.chance(0.2) else None
    when = moment(draw) if wish == "when" or draw.chance(0.2) else None
    who = person(draw, dressed=0)
    if wish != "what" and draw.chance(0.5):
        return Event(who, people_verb(draw), person(draw, dressed=0), where, when)
    does, noun = deed(draw)
    return Event(who, does, thing(draw, noun, dressed=0.2), where, when)


def _alike(one: Event, other: Event) -> bool:
    """Whether a noun or a verb stands twice, in whatever form: then a question might mean either event."""
    words = [
        word
        for event in (one, other)
        for word in (
            event.does,
            *(node.form for node in present((event.who.node, event.what.node, event.where, event.when))),
        )
    ]
    return len({stem(word) for word in words}) < len(words)


def _told(event: Event, tense: str) -> Node:
    ends = present((event.where, event.when))
    return verbal(event.who, verb(event.does), event.what.node.labelled("obj"), *ends, tense=tense)


def _question(event: Event, wish: str, tense: str, *, with_end: bool) -> Node:
    """The event with a question word in place of what is asked for."""
    ends = [event.where] if with_end and event.where and wish not in ("where", "when") else []
    what = event.what.node.labelled("obj")
    if wish == "who":
        return verbal(Nominal(Node("who", "PRON"), False, "who"), verb(event.does), what, *ends, tense=tense)
    asked = Node("what", "PRON", "obj") if wish == "what" else adverb_node(wish)
    front = asked, aux_node("do", event.who, tense), event.who.node.labelled("nsubj")
    after = (*([] if wish == "what" else [what]), *ends)
    return Node(verb(event.does).base, "VERB", "root", front, tuple(after)).held(tense, event.who.plural)


def _verbs(text: SuiteSentence) -> tuple[int, int]:
    """Positions, from 0, of the verbs of both events."""
    return text.relations.index("root"), text.relations.index("conj")


def _phrase(text: SuiteSentence, head: int, wish: str) -> tuple[int, int]:
    """Words [start, end) of the phrase that plays the part asked for beside a verb; a place stands before a time."""
    tops = [
        at
        for at, (above, relation) in enumerate(zip(text.heads, text.relations, strict=True))
        if above == head + 1 and relation == _RELATION[wish]
    ]
    top = tops[-1] if wish == "when" else tops[0]
    under = [at for at in range(len(text.words)) if _is_under(text, at, top)]
    return under[0], under[-1] + 1


def _is_under(text: SuiteSentence, word: int, top: int) -> bool:
    while word not in (top, -1):
        word = text.heads[word] - 1
    return word == top
