"""Entailment: pairs of a premise and a hypothesis that follows from it, contradicts it, or does neither.

Each hypothesis is made first, without a label, and then gets three premises, one of each kind. The three pairs go to
the same split: the hypothesis alone therefore says nothing at all about the label. Half of the hypotheses are
negations, and each kind of premise may be one as well, so that neither says much about it either.

Definite phrases mean the same guard in both sentences; what is bought or washed is any one of its class.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from core.data import lexicon_world as world
from core.data.lexicon import verb
from core.data.suite.clauses import coordinate, copular, subordinate, verbal
from core.data.suite.drawing import Blocked, Draw
from core.data.suite.phrases import Nominal, adverb_node, mark_node
from core.data.suite.sentence import SuiteSentence, sentence_of
from core.data.suite.templates import Templates
from core.data.suite.trees import Node, present, written
from core.data.suite.world import STOP, moment, noun_np, people_verb, person, prepositional, resting_verb, spot


class Three(NamedTuple):
    """A hypothesis and a premise of each kind."""

    hypothesis: Node
    entailment: Node
    neutral: Node
    contradiction: Node


FAMILIES: Templates[Three] = Templates()


def _tense(draw: Draw) -> str:
    """One tense for all three premises."""
    return "present" if draw.chance(0.8) else "past"


def build(draw: Draw, wish: str) -> tuple[SuiteSentence, ...]:
    """Three pairs with one hypothesis; which label was wished for does not matter."""
    family = FAMILIES.pick(draw)
    three = family.build(draw)
    partner = sentence_of(three.hypothesis.followed(STOP), family.name, {})
    if any(written(premise).words == written(three.hypothesis).words for premise in three[1:]):
        raise Blocked
    return tuple(
        sentence_of(getattr(three, kind).followed(STOP), family.name, {"entailment": kind}, partner=partner)
        for kind in ("entailment", "neutral", "contradiction")
    )


# --- events: wider and narrower words, modifiers, voice -------------------------------------------------------------


class Event(NamedTuple):
    """Somebody did, or did not do, something to one thing of a class."""

    agent: Nominal
    action: str
    patient: str
    looks: str = ""
    place: Node | None = None
    time: Node | None = None
    denied: bool = False
    tense: str = "past"


def _told(draw: Draw, event: Event) -> Node:
    """The event as a sentence, in the active or the passive voice."""
    word, ends = verb(event.action), present((event.place, event.time))
    if draw.chance(0.3):
        patient = noun_np(event.patient, det="no" if event.denied else "a", adjective=event.looks)
        agent = prepositional("by", event.agent.node, "obl:agent")
        front = (patient.node.labelled("nsubj:pass"), Node("was" if event.tense == "past" else "is", "AUX", "aux:pass"))
        return Node(word.participle, "VERB", "root", front, (agent, *ends)).held(event.tense, False)
    how = draw.any(("not", "not", "no", "never")) if event.denied else ""
    det = {"no": "no", "not": draw.any(("a", "any")), "never": "a", "": "a"}[how]
    patient = noun_np(event.patient, det=det, adjective=event.looks)
    negation = how if how in ("not", "never") else ""
    return verbal(event.agent, word, patient.node.labelled("obj"), *ends, tense=event.tense, negation=negation)


def _looks(noun: str) -> tuple[str, ...]:
    return world.OTHER_LOOKS if noun in world.ANIMALS else world.LOOKS


def _narrowed(draw: Draw, event: Event) -> Event:
    """A narrower word or one more modifier: what happened so also happened as told before."""
    options = [event._replace(patient=draw.pick(world.TAXONOMY[event.patient][1]))]
    if not event.looks:
        options.append(event._replace(looks=draw.pick(_looks(event.patient))))
    if not event.place:
        options.append(event._replace(place=spot(draw)))
    if not event.time:
        options.append(event._replace(time=moment(draw)))
    return draw.any(options)


def _widened(draw: Draw, event: Event) -> Event:
    """A wider word or one modifier less."""
    options = [event._replace(patient=world.TAXONOMY[event.patient][0])]
    if event.looks:
        options.append(event._replace(looks=""))
    if event.place:
        options.append(event._replace(place=None))
    if event.time:
        options.append(event._replace(time=None))
    return draw.any(options)


@FAMILIES(5)
def _event(draw: Draw) -> Three:
    """The guard washed a dog: a poodle, an animal, near the gate, before noon."""
    patient = draw.pick(tuple(world.TAXONOMY))
    event = Event(
        person(draw, dressed=0.1),
        draw.pick(world.TAXONOMY_WORK[patient]),
        patient,
        draw.pick(_looks(patient)) if draw.chance(0.3) else "",
        spot(draw) if draw.chance(0.35) else None,
        moment(draw) if draw.chance(0.3) else None,
        draw.chance(0.5),
        _tense(draw),
    )
    closer = _widened if event.denied else _narrowed
    away = _narrowed if event.denied else _widened
    entailing = closer(draw, event) if draw.chance(0.85) else event
    entailing = closer(draw, entailing) if draw.chance(0.4) and _has_room(entailing) else entailing
    other = draw.pick(tuple(word for word in world.TAXONOMY_WORK[patient] if word != event.action))
    neutral = away(draw, event) if draw.chance(0.7) else event._replace(action=other, denied=draw.chance(0.5))
    # What is denied of the wider class is denied of the narrower one, and the other way round for what is asserted.
    against = away(draw, event) if draw.chance(0.7) else event
    against = against._replace(denied=not event.denied)
    told = [_told(draw, one) for one in (event, entailing, neutral, _opposed(draw, event, against))]
    return Three(*told)


def _has_room(event: Event) -> bool:
    return event.patient in world.TAXONOMY


def _opposed(draw: Draw, event: Event, against: Event) -> Event:
    """Against an assertion stands the denial of what is as wide or wider; against a denial, what is as narrow."""
    if against.denied:
        return against
    narrower = _narrowed(draw, event) if draw.chance(0.7) else event
    return narrower._replace(denied=False)


# --- states: opposites, conjunctions --------------------------------------------------------------------------------

_STRICT = frozenset(("open/closed", "awake/asleep", "alive/dead", "present/absent", "public/private"))
"""Opposites of which the one holds where the other does not."""


@FAMILIES(3)
def _state(draw: Draw) -> Three:
    """The gate was open: not closed, open and old, old, closed."""
    pair = draw.any(tuple(world.OPPOSED))
    said, opposite = pair.split("/") if draw.chance(0.5) else pair.split("/")[::-1]
    noun = draw.pick(tuple(world.OPPOSED[pair].split()))
    human = noun in world.PEOPLE or noun in world.BOTH or noun in ("guest",)
    others = (
        world.OTHER_MOODS
        if human
        else (
            world.OTHER_STATES
            if pair == "early/late"
            else (world.OTHER_LOOKS if noun in world.ANIMALS else world.LOOKS)
        )
    )
    tense, plural = draw.any(("present", "past")), draw.chance(0.3)
    subject = noun_np(noun, plural)

    def be(*states: str, negation: str = "") -> Node:
        top, *rest = (Node(state, "ADJ") for state in states)
        rest = [node.labelled("conj").led(Node("and", "CCONJ", "cc")) for node in rest]
        return copular(subject, top.followed(*rest), tense=tense, negation=negation)

    def with_other(state: str) -> Node:
        other = draw.pick(others)
        return be(state) if draw.chance(0.4) else (be(state, other) if draw.chance(0.5) else be(other, state))

    if draw.chance(0.4):
        neutral = be(draw.pick(others), negation=draw.any(("", "not", "not")))
    else:
        another = noun_np(draw.pick(tuple(word for word in world.OPPOSED[pair].split() if word != noun)), plural)
        state = Node(draw.any((said, opposite)), "ADJ")
        neutral = copular(another, state, tense=tense, negation=draw.any(("", "not")))
    if draw.chance(0.5):
        follows = (
            be(opposite, negation="not") if pair in _STRICT and draw.chance(0.7) else _joined(draw, be, said, others)
        )
        against = be(said, negation="not") if draw.chance(0.4) else with_other(opposite)
        return Three(be(said), follows, neutral, against)
    against = _joined(draw, be, said, others)
    if pair in _STRICT and draw.chance(0.4):
        against = be(opposite, negation="not")
    return Three(be(said, negation="not"), with_other(opposite), neutral, against)


def _joined(draw: Draw, be: Callable[..., Node], state: str, others: Sequence[str]) -> Node:
    other = draw.pick(others)
    return be(state, other) if draw.chance(0.5) else be(other, state)


# --- quantities -----------------------------------------------------------------------------------------------------


def _some(quantity: str, noun: str, word: str, *ends: Node, looks: str = "", negation: str = "", tense: str) -> Node:
    """As in "some old guards walked", "at least three guards walked", "not all guards walked"."""
    det, lead = quantity, []
    if " " in quantity:
        *front, det = quantity.split()
        lead = [_QUANTIFYING[form] for form in front]
    plural = det not in ("every", "one")
    subject = noun_np(noun, plural, det=det, adjective=looks)
    first, *rest = subject.node.before
    if lead and first.tag == "NUM":
        first = first.led(*lead)
        lead = []
    subject = subject._replace(node=subject.node._replace(before=(*lead, first, *rest)))
    return verbal(subject, verb(word), *ends, tense=tense, negation=negation)


_QUANTIFYING = {
    "only": Node("only", "ADV", "advmod"),
    "not": Node("not", "PART", "advmod"),
    "exactly": Node("exactly", "ADV", "advmod"),
}
_LEAST = Node("least", "ADJ", "nmod", (Node("at", "ADP", "case"),))


def _at_least(number: str, noun: str, word: str, *ends: Node, tense: str) -> Node:
    """As in "at least three guards walked"."""
    tree = _some(number, noun, word, *ends, tense=tense)
    subject = tree.before[0]
    counted = subject.before[0].led(_LEAST)
    return tree._replace(before=(subject._replace(before=(counted, *subject.before[1:])), *tree.before[1:]))


def _everybody(form: str, word: str, *ends: Node, tense: str) -> Node:
    """As in "nobody walked"."""
    return verbal(Nominal(Node(form, "PRON"), False, "they"), verb(word), *ends, tense=tense)


def _class(draw: Draw) -> str:
    return draw.pick(world.BOTH if draw.chance(0.75) else world.PEOPLE)


@FAMILIES(5)
def _quantity(draw: Draw) -> Three:
    """Some, all, no and so many guards walked."""
    noun, word, looks, tense = _class(draw), resting_verb(draw), draw.pick(world.TRAITS), _tense(draw)
    other = _class(draw)
    when = draw.any((moment, spot, _past_by, _past_by))(draw)
    ends = (when,) if draw.chance(0.4) else ()
    more = ends or ((draw.any((moment, spot, _past_by))(draw),) if draw.chance(0.5) else ())
    fewer = () if draw.chance(0.5) else ends
    if other == noun:
        other = "stranger"
    many = ("two", "three", "four", "several", "many", "most")

    def some(quantity: str, *after: Node, who: str = noun, looks: str = "", negation: str = "") -> Node:
        return _some(quantity, who, word, *after, looks=looks, negation=negation, tense=tense)

    def body(form: str, *after: Node) -> Node:
        return _everybody(form, word, *after, tense=tense)

    way = draw.any(("some", "no", "all", "not all", "least"))
    if way == "some":
        return Three(
            some("some", *ends),
            draw.any((some(draw.any(("all", "every", *many)), *more), some("some", *more, looks=looks))),
            draw.any(
                (some("some", *ends, who=other), some("no", *ends, who=other), some("some", *ends, negation="not"))
            ),
            draw.any((some("no", *fewer), body("nobody", *fewer), some("no", *fewer))),
        )
    if way == "no":
        return Three(
            some("no", *ends),
            draw.any((body("nobody", *fewer), some("no"), some("no", *fewer))),
            draw.any(
                (
                    some("no", *ends, looks=looks),
                    some("no", *ends, who=other),
                    some("some", *ends, who=other),
                    some("some", *ends, negation="not"),
                )
            ),
            draw.any((some(draw.any(("all", "some", *many)), *more), some("some", *more, looks=looks))),
        )
    if way == "all":
        return Three(
            some(draw.any(("all", "every")), *ends),
            draw.any((body("everybody", *more), some("all", *more), some("every", *more))),
            draw.any((some(draw.any(many), *ends), some("all", *ends, looks=looks), some("no", *ends, who=other))),
            draw.any((some("no", *fewer), some("some", *ends, negation="not"), some("not all", *ends))),
        )
    if way == "not all":
        return Three(
            some("not all", *ends),
            draw.any((some("some", *ends, negation="not"), some(draw.any(many), *ends, negation="not"))),
            draw.any((some("not all", *ends, who=other), some("all", *ends, who=other), some("no", *ends, who=other))),
            draw.any((some("all", *more), body("everybody", *more), some("every", *more))),
        )
    return Three(
        _at_least("three", noun, word, *ends, tense=tense),
        draw.any((some(draw.any(("four", "five", "six")), *more), _at_least("four", noun, word, *more, tense=tense))),
        draw.any(
            (
                _at_least("two", noun, word, *ends, tense=tense),
                some("no", *ends, who=other),
                some("six", *ends, who=other),
            )
        ),
        draw.any((some(draw.any(("only two", "exactly two")), *ends), some("no", *fewer))),
    )


# --- clauses: coordination, belief and knowledge --------------------------------------------------------------------


@FAMILIES(4)
def _clauses(draw: Draw) -> Three:
    """The guard walked: it is said, known, denied, or told along with something else."""
    first, second = person(draw, dressed=0.1), person(draw, dressed=0.1)
    words: tuple[str, str] = (resting_verb(draw), resting_verb(draw))
    aims: tuple[str, ...] = ()
    if words[0] == words[1] or first.node.form == second.node.form:
        words = (words[0], "whisper")
    way = draw.any(("alone", "wish", "person", "person"))
    if way == "wish":
        words, aims = (draw.pick(("want", "plan", "hope", "need")), draw.pick(("refuse", "forget"))), words
    target: tuple[Node, ...] = ()
    if way == "person":
        words, target = (people_verb(draw), "whisper"), (person(draw, dressed=0).node.labelled("obj"),)
    if first.node.form == second.node.form:
        second = noun_np("stranger")
    where = (moment, spot) if target else (moment, spot, _past_by, _past_by)
    ends = (draw.any(where)(draw),) if draw.chance(0.55) else ()
    after = tuple((Node(aim, "VERB", "xcomp", (Node("to", "PART", "mark"),)),) for aim in aims) or (
        (*target, *ends),
        (),
    )
    denied, tense = draw.chance(0.5), _tense(draw)
    negation = "not" if denied else ""

    def did(who: Nominal, which: int, negation: str = "") -> Node:
        return verbal(who, verb(words[which]), *after[which], tense=tense, negation=negation)

    def reported(how: str, negation: str) -> Node:
        claim = did(first, 0, negation).labelled("ccomp").led(mark_node("that"))
        return verbal(second, verb(how), claim, tense=tense)

    def together(truth: str) -> Node:
        """A true clause of the first among others."""
        mark = draw.any(("because", "when", "after"))
        options = [
            coordinate(did(second, 1, draw.any(("", "not"))), did(first, 0, truth), draw.any(("and", "but"))),
            coordinate(did(first, 0, truth), did(second, 1, draw.any(("", "not"))), draw.any(("and", "but"))),
            reported(draw.pick(("know", "notice", "see")), truth),
        ]
        if not truth:
            options.append(subordinate(did(second, 1), did(first, 0), mark, fronted=draw.chance(0.5)))
            options.append(_both(draw, first, second, words[0], after[0], tense))
        else:
            options.append(_neither(first, second, words[0], after[0], tense))
            options.append(subordinate(did(second, 1), did(first, 0, truth), "because", fronted=draw.chance(0.5)))
        return draw.any(options)

    unknown = draw.any(
        (
            reported(draw.pick(("think", "say", "hope", "believe")), draw.any(("", "not"))),
            did(second, 0, draw.any(("", "not"))),
            coordinate(did(second, 0, draw.any(("", "not"))), did(first, 1, draw.any(("", "not"))), "and"),
            _either(first, second, words[0], after[0], tense),
        )
    )
    return Three(did(first, 0, negation), together(negation), unknown, together("" if denied else "not"))


def _past_by(draw: Draw) -> Node:
    """A preposition that stands alone, as an adverb."""
    return adverb_node(draw.pick(world.PASSING))


def _pair(first: Nominal, second: Nominal, lead: str, joint: str, tag: str = "CCONJ") -> Nominal:
    other = second.node.labelled("conj").led(Node(joint, "CCONJ", "cc"))
    node = first.node.led(Node(lead, tag, "cc:preconj") if lead else None).followed(other)
    return Nominal(node, second.plural or joint == "and", "they")


def _both(draw: Draw, first: Nominal, second: Nominal, word: str, ends: tuple[Node, ...], tense: str) -> Node:
    order = (first, second) if draw.chance(0.5) else (second, first)
    return verbal(_pair(*order, draw.any(("", "both")), "and"), verb(word), *ends, tense=tense)


def _neither(first: Nominal, second: Nominal, word: str, ends: tuple[Node, ...], tense: str) -> Node:
    return verbal(_pair(first, second, "neither", "nor"), verb(word), *ends, tense=tense)


def _either(first: Nominal, second: Nominal, word: str, ends: tuple[Node, ...], tense: str) -> Node:
    return verbal(_pair(first, second, "either", "or"), verb(word), *ends, tense=tense)


# --- times ----------------------------------------------------------------------------------------------------------

_MORNING = ("seven", "eight", "nine", "ten", "eleven")
_EVENING = ("three", "four", "five", "six", "seven", "eight")
_LEAVING = ("leave", "arrive", "depart", "return", "land")
_TRAVELLERS = ("ferry", "boat", "ship", "guest", "pilot", "nurse", "judge", "tutor", "escort", "crew")


@FAMILIES(2)
def _time(draw: Draw) -> Three:
    """The ferry left before noon: at nine in the morning, on Monday, in the evening."""
    subject, word = noun_np(draw.pick(_TRAVELLERS), draw.chance(0.2)), verb(draw.pick(_LEAVING))
    tense = _tense(draw)
    early, denied = draw.chance(0.5), draw.chance(0.5)

    def left(*when: Node, negation: str = "") -> Node:
        return verbal(subject, word, *when, tense=tense, negation=negation)

    def part(before_noon: bool) -> list[Node]:
        of_day = prepositional("in", noun_np("morning" if before_noon else "evening").node)
        hour = prepositional("at", Node(draw.pick(_MORNING if before_noon else _EVENING), "NUM"))
        noon = prepositional("before" if before_noon else "after", Node("noon", "NOUN"))
        return draw.any(([of_day], [hour, of_day], [noon]))

    said = prepositional("before" if early else "after", Node("noon", "NOUN"))
    day = prepositional("on", Node(draw.pick(world.DAYS), "PROPN"))
    same, opposite = left(*part(early), day), left(*part(not early), *([day] if draw.chance(0.5) else []))
    unknown = draw.any(
        (left(day, negation=draw.any(("", "not"))), left(spot(draw)), left(adverb_node("again")),
         verbal(subject, verb("wait"), *part(early), tense=tense, negation=draw.any(("", "not"))))
    )  # fmt: skip
    plain = left(said, negation="not" if denied else "")
    against_early = left(said, negation="not") if draw.chance(0.5) else opposite
    return Three(plain, opposite, unknown, same) if denied else Three(plain, same, unknown, against_early)
