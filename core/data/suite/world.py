"""Noun phrases, adjuncts and clauses of the parts about people at work."""

from collections.abc import Sequence

from core.data import lexicon_world as world
from core.data.lexicon import s_form, verb
from core.data.suite.clauses import verbal
from core.data.suite.drawing import Draw
from core.data.suite.phrases import Nominal, adverb_node, case_node, det_node
from core.data.suite.trees import Node, present

STOP = Node(".", "PUNCT", "punct")
MARK = Node("?", "PUNCT", "punct")


def noun_np(
    noun: str, plural: bool = False, *, det: str = "the", adjective: str = "", after: Sequence[Node] = ()
) -> Nominal:
    """A noun phrase: "the guard", "a red boat", "two lamps near the gate"."""
    front = present((_first(det), Node(adjective, "ADJ", "amod") if adjective else None))
    node = Node(s_form(noun) if plural else noun, "NOUN", "dep", tuple(front), tuple(after))
    return Nominal(node, plural, "they" if plural else "it")


def _first(det: str) -> Node | None:
    if not det:
        return None
    if det in ("two", "three", "four", "five", "six"):
        return Node(det, "NUM", "nummod")
    if det in ("her", "his", "their", "our", "my", "its"):
        return Node(det, "PRON", "nmod:poss")
    return Node(det, "ADJ", "amod") if det in ("many", "several", "most") else det_node(det)


def prepositional(preposition: str, thing: Node, relation: str = "obl") -> Node:
    """A noun phrase led by a preposition, as an adjunct or inside another noun phrase."""
    return thing.labelled(relation).led(case_node(preposition))


def spot(draw: Draw, plural: bool = False, relation: str = "obl") -> Node:
    """As in "near the bridge"."""
    return prepositional(draw.pick(world.NEAR), noun_np(draw.pick(world.SPOTS), plural).node, relation)


def moment(draw: Draw) -> Node:
    """As in "on Monday", "at dawn", "after the walk", "in June"."""
    pause = noun_np(draw.pick(world.PAUSES), det=draw.any(("the", "a", "the"))).node
    return draw.weighted(
        (
            (1, lambda: prepositional("on", Node(draw.pick(world.DAYS), "PROPN"))),
            (1, lambda: prepositional(draw.any(("at", "before", "after")), Node(draw.pick(world.HOURS), "NOUN"))),
            (0.7, lambda: prepositional("in", Node(draw.pick(world.MONTHS), "PROPN"))),
            (6, lambda: prepositional(draw.any(("before", "after", "during")), pause)),
        )
    )()


def pace(draw: Draw) -> Node:
    """As in "slowly", "fast"."""
    return adverb_node(draw.pick(world.PACES))


def person(draw: Draw, plural: bool | None = None, *, dressed: float = 0.3) -> Nominal:
    """One or more people by what they are, perhaps with an adjective and a place."""
    many = draw.chance(0.5) if plural is None else plural
    adjective = draw.pick(world.TRAITS) if draw.chance(dressed) else ""
    after = (spot(draw, draw.chance(0.3), "nmod"),) if draw.chance(dressed * 0.6) else ()
    who = world.BOTH if draw.chance(0.8) else world.PEOPLE
    found = noun_np(draw.pick(who), many, adjective=adjective, after=after)
    return found if many else found._replace(pronoun=draw.any(("he", "she")))


def people_verb(draw: Draw) -> str:
    """Something that people do to people."""
    return draw.pick(world.BOTH if draw.chance(0.9) else world.PEOPLE_VERBS)


def resting_verb(draw: Draw) -> str:
    """Something that people do without an object."""
    return draw.pick(world.PAUSES if draw.chance(0.7) else world.RESTING)


def alone(draw: Draw) -> tuple[str, list[Node]]:
    """Something that people do without an object, perhaps with where to: "walk by", "march to the gate"."""
    if not draw.chance(0.45):
        return resting_verb(draw), []
    where = noun_np(draw.pick(world.SPOTS)).node.labelled("obl").led(case_node("to"))
    return draw.pick(world.MOVING), [adverb_node(draw.pick(world.PASSING)) if draw.chance(0.7) else where]


def infinitive(draw: Draw) -> Node:
    """As in "to walk", "to guard the gate"."""
    if draw.chance(0.5):
        word, ends = resting_verb(draw), []
    else:
        word, ends = people_verb(draw), [person(draw, dressed=0.1).node.labelled("obj")]
    return Node(word, "VERB", "xcomp", (Node("to", "PART", "mark"),), tuple(ends))


def deed(draw: Draw) -> tuple[str, str]:
    """Something that people do, and to what."""
    word = draw.pick(tuple(world.WORK))
    return word, draw.pick(world.WORK[word])


def thing(draw: Draw, noun: str, plural: bool | None = None, *, det: str = "", dressed: float = 0.25) -> Nominal:
    """A thing, perhaps with an adjective."""
    many = draw.chance(0.35) if plural is None else plural
    adjective = draw.pick(world.LOOKS) if draw.chance(dressed) else ""
    return noun_np(noun, many, det=det or "the", adjective=adjective)


def adjuncts(draw: Draw, share: float) -> list[Node]:
    """A place, a time or a manner, or none."""
    if not draw.chance(share):
        return []
    return [draw.any((spot, moment, moment, pace))(draw)]


def working(draw: Draw, subject: Nominal, tense: str, *, negation: str = "", more: float = 0.5) -> Node:
    """A clause of somebody doing something: to a thing, to a person or by himself."""
    way = draw.any(("thing", "thing", "person", "person", "alone", "alone", "wish", "wish"))
    extra = adjuncts(draw, more)
    if way == "alone":
        word, where = alone(draw)
        return verbal(subject, verb(word), *where, *extra, tense=tense, negation=negation)
    if way == "wish":
        return verbal(subject, verb(draw.pick(world.WISHING)), infinitive(draw), tense=tense, negation=negation)
    if way == "person":
        target = person(draw, dressed=0.2).node.labelled("obj")
        return verbal(subject, verb(people_verb(draw)), target, *extra, tense=tense, negation=negation)
    word, noun = deed(draw)
    return verbal(subject, verb(word), thing(draw, noun).node.labelled("obj"), *extra, tense=tense, negation=negation)


def whoever(draw: Draw, plural: bool) -> Nominal:
    """The relative pronoun as the subject of its clause."""
    return Nominal(Node(draw.any(("who", "who", "that")), "PRON"), plural, "who")
