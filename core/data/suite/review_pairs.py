"""Reviews in several clauses."""

from core.data import lexicon
from core.data.lexicon import KINDS, Kind, verb
from core.data.suite.clauses import coordinate, copular, object_of, subordinate, verbal
from core.data.suite.drawing import Draw
from core.data.suite.opinions import (
    REVIEWS,
    Stance,
    Told,
    attitude,
    audience_np,
    concession,
    described,
    fact_clause,
    kin_np,
    name_np,
    nobody_np,
    opinion_adj,
    opinion_on,
    referred,
    stance_of,
    thing_np,
)
from core.data.suite.phrases import (
    Nominal,
    adverb_node,
    det_node,
    headed,
    mark_node,
    phrases_of,
    pronoun_np,
)
from core.data.suite.trees import Node

# --- several clauses ---


def _whole(draw: Draw) -> Kind:
    return KINDS[draw.any(lexicon.WHOLES[draw.domain])]


def _part(draw: Draw, whole: Kind) -> tuple[Nominal, Kind]:
    """Something that belongs to a thing just named, as a subject: "its ending", "the waiter", "the rooms"."""
    kind = KINDS[draw.any(lexicon.PARTS[whole.name])]
    if lexicon.POSSESSIONS.get(whole.name) == kind.name and draw.chance(0.6):
        noun = draw.pick([noun for noun in kind.nouns if not noun.compound])
        plural = noun.singular in lexicon.NUMEROUS
        node = headed(noun, plural, Node("its", "PRON", "nmod:poss"))
        return Nominal(node, plural, referred(draw, kind, noun, plural)), kind
    return thing_np(draw, kind, dressed=0.2, definite=True), kind


def _taken_up(subject: Nominal) -> Nominal:
    """The pronoun for something just named."""
    return Nominal(Node(subject.pronoun, "PRON"), subject.plural, subject.pronoun)


@REVIEWS(4)
def _but_contrast(draw: Draw) -> Told:
    """Two opinions; the one after "but" decides."""
    whole = _whole(draw)
    tense = draw.tense(whole)
    stance = stance_of(draw, 0.3)
    topic = thing_np(draw, whole, dressed=0.5, plural=False)
    against = Stance(not draw.positive, draw.chance(0.3))
    first = opinion_on(draw, topic, whole, against, tense)
    part, kind = _part(draw, whole)
    return coordinate(first, opinion_on(draw, part, kind, stance, tense)), stance.negated


_WITH_FACTS = tuple(name for name, kind in KINDS.items() if all(kind.facts.values()))


@REVIEWS(4)
def _but_fact(draw: Draw) -> Told:
    """A fact, often with a negation that turns nothing round; then the opinion."""
    kind = draw.kind(_WITH_FACTS)
    topic = thing_np(draw, kind, dressed=0.5, plural=False)
    tense = draw.tense(kind)
    stance = stance_of(draw, 0.2)
    fact = concession(draw, topic, kind.facts, tense=tense)
    return coordinate(fact, opinion_on(draw, _taken_up(topic), kind, stance, tense)), stance.negated


@REVIEWS(4)
def _although_fact(draw: Draw) -> Told:
    """The same with "although": of the thing itself, or of the people who tell of it."""
    stance = stance_of(draw, 0.2)
    if draw.chance(0.5):
        kind = draw.kind(_WITH_FACTS)
        topic = thing_np(draw, kind, dressed=0.4, plural=False)
        tense = draw.tense(kind)
        fact = concession(draw, _taken_up(topic), kind.facts, tense=tense)
        main = opinion_on(draw, topic, kind, stance, tense)
        return subordinate(main, fact, draw.pick(("although", "though")), fronted=False), stance.negated
    whole = _whole(draw)
    kind = whole if draw.chance(0.6) else KINDS[draw.any(lexicon.PARTS[whole.name])]
    topic = thing_np(draw, kind, dressed=0.3, plural=False, definite=True)
    people = pronoun_np(draw.pick(("we", "I")))
    facts = lexicon.OWN_FACTS[draw.domain]
    if kind is not whole:
        facts = {side: tuple(text for text in texts if "it" not in text.split()) for side, texts in facts.items()}
    fact = concession(draw, people, facts, tense="past")
    main = opinion_on(draw, topic, kind, stance, "past")
    return subordinate(main, fact, "although", fronted=draw.chance(0.7)), stance.negated


@REVIEWS(3)
def _although_opinion(draw: Draw) -> Told:
    """Two opinions; the main clause decides."""
    whole = _whole(draw)
    tense = draw.tense(whole)
    stance = stance_of(draw, 0.25)
    against = Stance(not draw.positive, draw.chance(0.25))
    topic = thing_np(draw, whole, dressed=0.3, plural=False)
    part, kind = _part(draw, whole)
    aside = opinion_on(draw, topic, whole, against, tense)
    main = opinion_on(draw, part, kind, stance, tense)
    return subordinate(main, aside, draw.pick(("although", "although", "though")), fronted=True), stance.negated


_MENTIONS = ("remember", "mention", "talk+about", "write+about", "describe")


@REVIEWS(3)
def _because(draw: Draw) -> Told:
    """A neutral main clause; the reason holds the opinion."""
    whole = _whole(draw)
    stance = stance_of(draw, 0.35)
    word = verb(draw.pick(_MENTIONS))
    people = draw.weighted(((4, pronoun_np(draw.pick(("we", "I", "they")))), (3, kin_np(draw)), (2, name_np(draw))))
    topic = thing_np(draw, whole, dressed=0.3, plural=False, definite=True)
    subject, kind = _part(draw, whole) if draw.chance(0.65) else (_taken_up(topic), whole)
    reason = opinion_on(draw, subject, kind, stance, "past")
    main = verbal(people, word, object_of(word, topic), tense="past")
    return subordinate(main, reason, "because", fronted=False), stance.negated


@REVIEWS(2.5)
def _purpose(draw: Draw) -> Told:
    """As in "We booked a table early so we could try the new menu , and the soup was bland"."""
    whole = KINDS[lexicon.WHOLES[draw.domain][0]]
    stance = stance_of(draw, 0.3)
    done, aim = draw.pick(lexicon.PURPOSES[draw.domain])
    who = pronoun_np(draw.pick(("we", "I", "they")))
    action, _, rest = done.partition(" ")
    main = verbal(who, verb(action), *phrases_of(rest), tense="past")
    action, _, rest = aim.partition(" ")
    main = subordinate(main, verbal(who, verb(action), *phrases_of(rest), tense="could"), "so", fronted=False)
    subject = thing_np(draw, whole, dressed=0, definite=True, plural=False)
    return coordinate(main, opinion_on(draw, subject, whole, stance, "past"), "and"), stance.negated


def _reported(draw: Draw, clause: Node) -> Node:
    return clause.labelled("ccomp").led(mark_node("that") if draw.chance(0.7) else None)


@REVIEWS(4)
def _believed(draw: Draw) -> Told:
    """As in "I think that the film was dull", "We did not feel that the room was clean", "Nobody thought ..."."""
    kind = draw.kind(lexicon.ADJECTIVES)
    stance = stance_of(draw, 0.45)
    word = verb(draw.pick(("think", "think", "believe", "feel")))
    tense = draw.tense(kind)
    plain = Stance(stance.word, False)
    claim = described(draw, thing_np(draw, kind, dressed=0.4, definite=True), kind, plain, tense)
    claim = _reported(draw, _ungraded(claim) if stance.negated else claim)
    if stance.negated and draw.chance(0.25):
        return verbal(nobody_np(draw), word, claim, tense="past"), True
    people = audience_np(draw, definite=True) if draw.chance(0.5) else pronoun_np(draw.pick(("I", "we")))
    return verbal(people, word, claim, tense=tense, negation="not" if stance.negated else ""), stance.negated


def _ungraded(predicate: Node) -> Node:
    """Without adverbs of degree, which a negation would take for its own target."""
    kept = tuple(child for child in predicate.before if child.relation != "advmod")
    return Node(predicate.form, predicate.tag, predicate.relation, kept, predicate.after)


@REVIEWS(1.5)
def _doubted(draw: Draw) -> Told:
    """To doubt turns a claim round; not to doubt it does not."""
    kind = draw.kind([name for name in lexicon.ADJECTIVES if not KINDS[name].passing])
    negated = draw.chance(0.5)
    stance = Stance(draw.positive != negated, False)
    claim = _ungraded(described(draw, thing_np(draw, kind, dressed=0.4, definite=True), kind, stance, "present"))
    clause = claim.labelled("ccomp").led(mark_node("that"))
    people = pronoun_np(draw.pick(("I", "we", "I"))) if draw.chance(0.7) else audience_np(draw, definite=True)
    return verbal(people, verb("doubt"), clause, tense="present", negation="" if negated else "not"), negated


@REVIEWS(1.5)
def _knew(draw: Draw) -> Told:
    """What one did not know is true all the same: the negation turns nothing round."""
    kind = draw.kind(lexicon.ADJECTIVES)
    subject = thing_np(draw, kind, dressed=0.4, definite=True)
    opinion = opinion_adj(draw, kind, draw.positive, graded=0)
    degree = "so" if opinion.form not in lexicon.EXTREME and draw.chance(0.7) else ""
    fact = copular(subject, opinion.led(adverb_node(degree) if degree else None), tense="past")
    claim = fact.labelled("ccomp").led(mark_node("that"))
    word = verb(draw.pick(("know", "realise", "notice")))
    if draw.chance(0.3):
        told = Node("us", "PRON", "iobj")
        return verbal(pronoun_np("nobody"), verb("tell"), told, claim, tense="past"), False
    people = pronoun_np(draw.pick(("we", "I"))) if draw.chance(0.6) else audience_np(draw, definite=True)
    return verbal(people, word, claim, tense="past", negation=draw.pick(("not", "not", "never", ""))), False


@REVIEWS(2.5)
def _known_people(draw: Draw) -> Told:
    """As in "The guests who did not eat meat praised the soup": the negation is in the relative clause."""
    kind = draw.kind(lexicon.ATTITUDES)
    stance = stance_of(draw, 0.15)
    noun = draw.pick(lexicon.AUDIENCES[draw.domain].split())
    plural = draw.chance(0.75)
    who = Nominal(Node("who", "PRON"), plural, "who")
    negated = draw.chance(0.7)
    helps, hinders = lexicon.OWN_FACTS[draw.domain][True], lexicon.OWN_FACTS[draw.domain][False]
    facts = [text for text in (helps if negated else (*helps, *hinders)) if "it" not in text.split()]
    about = fact_clause(draw, who, draw.pick(facts), tense="past", negated=negated)
    node = Node(
        lexicon.s_form(noun) if plural else noun, "NOUN", "dep", (det_node("the"),), (about.labelled("acl:relcl"),)
    )
    word = attitude(draw, kind, stance.word)
    thing = object_of(word, thing_np(draw, kind, dressed=0.3, definite=True))
    people = Nominal(node, plural, "they")
    return verbal(people, word, thing, tense="past", negation="not" if stance.negated else ""), stance.negated
