"""Reviews in one clause."""

from collections.abc import Collection

from core.data import lexicon
from core.data.lexicon import KINDS, Kind, verb
from core.data.suite.clauses import be_form, copular, object_of, verbal
from core.data.suite.drawing import Draw
from core.data.suite.opinions import (
    REVIEWS,
    Opinion,
    Told,
    adjective_pair,
    attitude,
    attributive,
    audience_np,
    denied,
    described,
    done_in_manner,
    experiencer,
    kin_np,
    name_np,
    nobody_np,
    opinion_adj,
    referred,
    seeming,
    stance_of,
    thing_np,
    verdict,
    with_date,
)
from core.data.suite.phrases import (
    BUT,
    NEGATIONS,
    TO,
    Nominal,
    adverb_node,
    case_node,
    det_node,
    headed,
    phrases_of,
    place_of,
    pronoun_np,
)
from core.data.suite.trees import Node, present


def _about(draw: Draw, allowed: Collection[str], way: Opinion, negated: float, *, plural: bool | None = None) -> Told:
    """A clause of one way of judging, about something of an allowed kind."""
    kind = draw.kind(allowed)
    stance = stance_of(draw, negated)
    return way(draw, thing_np(draw, kind, plural=plural), kind, stance, draw.tense(kind)), stance.negated


@REVIEWS(6)
def _copular_plain(draw: Draw) -> Told:
    return _about(draw, lexicon.ADJECTIVES, described, 0)


@REVIEWS(3)
def _copular_negated(draw: Draw) -> Told:
    return _about(draw, lexicon.ADJECTIVES, described, 1)


@REVIEWS(4)
def _senses(draw: Draw) -> Told:
    return _about(draw, [name for name, ways in lexicon.SENSES.items() if ways], seeming, 0.3)


@REVIEWS(4)
def _verdicts(draw: Draw) -> Told:
    return _about(draw, lexicon.VERDICTS, verdict, 0.35, plural=False)


@REVIEWS(5)
def _manner(draw: Draw) -> Told:
    kind = draw.kind([name for name, verbs in lexicon.MANNER_VERBS.items() if verbs])
    stance = stance_of(draw, 0.35)
    named = kind.name in ("musician", "player", "writer") and draw.chance(0.3)
    tense = draw.tense(kind)
    clause = done_in_manner(draw, name_np(draw) if named else thing_np(draw, kind), kind, stance, tense)
    dated = tense == "past" and (kind.person or kind.name == "ensemble") and kind.name != "writer"
    return (with_date(draw, clause) if dated else clause), stance.negated


@REVIEWS(3)
def _pair(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ADJECTIVES)
    first, second = adjective_pair(draw, kind, draw.positive, draw.positive)
    predicate = first.followed(second.led(Node("and", "CCONJ", "cc")))
    return copular(thing_np(draw, kind), predicate, tense=draw.tense(kind)), False


@REVIEWS(1.3)
def _neither_nor(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ADJECTIVES)
    first, second = adjective_pair(draw, kind, not draw.positive, not draw.positive)
    predicate = first.led(Node("neither", "CCONJ", "cc:preconj")).followed(second.led(Node("nor", "CCONJ", "cc")))
    return copular(thing_np(draw, kind), predicate, tense=draw.tense(kind)), True


@REVIEWS(1.2)
def _not_only(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ADJECTIVES)
    first, second = adjective_pair(draw, kind, draw.positive, draw.positive)
    predicate = first.led(NEGATIONS["not"], adverb_node("only")).followed(second.led(BUT, adverb_node("also")))
    return copular(thing_np(draw, kind), predicate, tense=draw.tense(kind)), False


@REVIEWS(1.5)
def _but_adjective(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ADJECTIVES)
    first, second = adjective_pair(draw, kind, not draw.positive, draw.positive)
    second = second.led(BUT)
    return copular(thing_np(draw, kind), first.followed(second), tense=draw.tense(kind)), False


@REVIEWS(1)
def _hardly(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ADJECTIVES)
    predicate = opinion_adj(draw, kind, not draw.positive, graded=0)
    return copular(thing_np(draw, kind), predicate, tense=draw.tense(kind), negation="hardly"), True


@REVIEWS(1)
def _far_from(draw: Draw) -> Told:
    """In "far from perfect" the adverb is the predicate, and what it is far from an oblique of it."""
    kind = draw.kind(lexicon.ADJECTIVES)
    opinion = opinion_adj(draw, kind, not draw.positive, graded=0).labelled("obl").led(case_node("from"))
    return copular(thing_np(draw, kind), Node("far", "ADV", after=(opinion,)), tense=draw.tense(kind)), True


@REVIEWS(1)
def _no_longer(draw: Draw) -> Told:
    kind = draw.kind(lexicon.kinds("diner lodging room device STAFF"))
    longer = Node("longer", "ADV", "advmod", (Node("no", "ADV", "advmod"),))
    subject = thing_np(draw, kind)
    copula = Node(be_form(subject, "present"), "AUX", "cop")
    (adjectives,) = [words for word, words in lexicon.SENSES[kind.name] if word == "seem"]
    predicate = Node(draw.pick(adjectives[not draw.positive]), "ADJ", "root")
    return predicate.led(subject.node.labelled("nsubj"), copula, longer).held("present", subject.plural), True


@REVIEWS(1.3)
def _no_subject(draw: Draw) -> Told:
    kind = draw.kind(lexicon.kinds("dish bake room scene chapter song server host guide"))
    noun = draw.pick([noun for noun in kind.nouns if noun.plural])
    place = place_of(draw.pick(kind.places))
    predicate = opinion_adj(draw, kind, not draw.positive, graded=0)
    if draw.chance(0.6):
        subject = Nominal(headed(noun, False, det_node("no"), after=(place,)), False, "it")
    else:
        things = headed(noun, True, det_node("the"), after=(place,)).labelled("nmod").led(case_node("of"))
        subject = Nominal(Node("none", "PRON", after=(things,)), draw.chance(0.5), "it")
    return copular(subject, predicate, tense=draw.tense(kind)), True


@REVIEWS(2)
def _nothing_about(draw: Draw) -> Told:
    kind = draw.kind(lexicon.kinds("PLACE WORK PIECE STAFF ARTIST room trip"))
    stance = stance_of(draw, 0.5)
    tense = draw.tense(kind)
    quality = opinion_adj(draw, kind, stance.word, graded=0.2 if not stance.negated else 0).labelled("amod")
    topic = thing_np(draw, kind, dressed=0.6).node.labelled("nmod").led(case_node("about"))
    core = Node("nothing" if stance.negated else "something", "PRON", "nsubj", after=(quality, topic))
    there = Node("there", "PRON", "expl")
    clause = Node("was" if tense == "past" else "is", "VERB", "root", (there,), (core,))
    return clause.held(tense, False), stance.negated


@REVIEWS(2)
def _simile(draw: Draw) -> Told:
    stance = stance_of(draw, 0.35)
    simile = draw.pick([simile for simile in lexicon.SIMILES if simile.favourable == stance.word])
    kind = KINDS[draw.any(simile.kinds)]
    draw.domain = kind.domain
    (image,) = phrases_of(simile.image)
    clause = verbal(
        thing_np(draw, kind, plural=False),
        verb(simile.verb),
        image.labelled("obl").led(case_node("like")),
        tense=draw.tense(kind),
        negation="not" if stance.negated else "",
    )
    return clause, stance.negated


# --- people and things ---


@REVIEWS(5)
def _praise(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ATTITUDES)
    stance = stance_of(draw, 0.33)
    word = attitude(draw, kind, stance.word)
    people = audience_np(draw, definite=stance.negated)
    thing = object_of(word, thing_np(draw, kind, definite=True))
    lasting = word.base in lexicon.LASTING and not kind.passing
    tense = draw.weighted(((5, "past"), (3 if lasting else 0, "present"), (1, "perfect")))
    negation = "" if not stance.negated else ("never" if tense == "perfect" else "not")
    early = draw.pick(("always", "clearly", "really", "often")) if not stance.negated and draw.chance(0.15) else ""
    clause = verbal(people, word, thing, tense=tense, negation=negation, early=early)
    dated = tense == "past" and not early and word.base in lexicon.EVENTFUL
    return (with_date(draw, clause) if dated else clause), stance.negated


@REVIEWS(1.8)
def _nobody_praises(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ATTITUDES)
    word = attitude(draw, kind, not draw.positive)
    thing = object_of(word, thing_np(draw, kind, definite=True, dressed=0.6))
    return verbal(nobody_np(draw), word, thing, tense="past"), True


@REVIEWS(3)
def _passive(draw: Draw) -> Told:
    kind = draw.kind(lexicon.kinds("WORK PLACE ARTIST PIECE ensemble device"))
    stance = stance_of(draw, 0.35)
    word = draw.pick([word for word in lexicon.ATTITUDES[kind.name][stance.word] if word in lexicon.PASSIVES])
    tense = "present" if word in lexicon.LASTING and not kind.passing and draw.chance(0.4) else "past"
    subject = thing_np(draw, kind)
    negation = draw.pick(("not", "never")) if stance.negated else ""
    early = adverb_node("often") if not stance.negated and draw.chance(0.2) else None
    people = audience_np(draw, definite=stance.negated or early is not None, nouns_only=True)
    agent = people.node.labelled("obl:agent").led(case_node("by"))
    front = (subject.node.labelled("nsubj:pass"), Node(be_form(subject, tense), "AUX", "aux:pass"))
    middle = present((NEGATIONS[negation], early))
    passive = Node(verb(word).participle, "VERB", "root", (*front, *middle), (agent,))
    return passive.held(tense, subject.plural), stance.negated


@REVIEWS(3)
def _found(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ADJECTIVES)
    stance = stance_of(draw, 0.35)
    people = audience_np(draw, definite=True)
    if stance.negated:
        negation = "" if draw.chance(0.3) else "not"
        people = people if negation else nobody_np(draw)
        quality = denied(draw, kind, stance.word)
    else:
        negation, quality = "", opinion_adj(draw, kind, stance.word, graded=0.25)
    thing = thing_np(draw, kind, dressed=0.35).node.labelled("obj")
    found = (thing, quality.labelled("xcomp"))
    return verbal(people, verb("find"), *found, tense="past", negation=negation), stance.negated


@REVIEWS(1.5)
def _considered(draw: Draw) -> Told:
    kind = draw.kind(lexicon.kinds("WORK PLACE STAFF ARTIST room trip device"))
    stance = stance_of(draw, 0.65)
    people = pronoun_np(draw.pick(("I", "I", "we"))) if draw.chance(0.8) else audience_np(draw, definite=True)
    quality = opinion_adj(draw, kind, stance.word, graded=0 if stance.negated else 0.2).labelled("xcomp")
    thing = thing_np(draw, kind, dressed=0.3).node.labelled("obj")
    negation = "not" if stance.negated else ""
    return verbal(people, verb("consider"), thing, quality, tense=draw.tense(kind), negation=negation), stance.negated


@REVIEWS(6)
def _impress(draw: Draw) -> Told:
    kind = draw.kind(lexicon.EFFECTS)
    stance = stance_of(draw, 0.33)
    word = verb(draw.pick(lexicon.EFFECTS[kind.name][stance.word]))
    never = 0 if kind.passing else 1
    negation = draw.weighted(((4, "not"), (1, "hardly"), (never, "never"))) if stance.negated else ""
    people = experiencer(draw, definite=stance.negated)
    clause = verbal(thing_np(draw, kind), word, people, tense="past", negation=negation)
    dated = negation != "never" and kind.name in lexicon.OCCASIONS
    return (with_date(draw, clause) if dated else clause), stance.negated


@REVIEWS(2)
def _failing(draw: Draw) -> Told:
    """A plain "failed to" turns praise round; "never failed to" leaves it as it was."""
    kind = draw.kind(lexicon.EFFECTS)
    word = verb(draw.pick(lexicon.EFFECTS[kind.name][True]))
    aim = Node(word.base, "VERB", "xcomp", (TO,), (experiencer(draw, definite=True),))
    tense = draw.tense(kind)
    if not draw.positive:
        return verbal(thing_np(draw, kind), verb("fail"), aim, tense=tense), True
    how = "never" if not kind.passing and draw.chance(0.7) else "not"
    return verbal(thing_np(draw, kind), verb("fail"), aim, tense=tense, negation=how), False


@REVIEWS(3)
def _impact(draw: Draw) -> Told:
    kind = draw.kind(lexicon.IMPACT_SOURCES)
    stance = stance_of(draw, 0.35)
    word = verb(draw.pick(lexicon.IMPACTS[stance.word]))
    (target,) = phrases_of(draw.pick(lexicon.IMPACT_TARGETS[kind.domain]))
    negation = "not" if stance.negated else ""
    return verbal(thing_np(draw, kind), word, target, tense="past", negation=negation), stance.negated


def _quality(draw: Draw, kind: Kind, side: bool) -> Node:
    return Node(draw.pick(lexicon.QUALITIES[kind.name][side]), "NOUN", "obj")


@REVIEWS(3)
def _having(draw: Draw) -> Told:
    kind = draw.kind(lexicon.QUALITIES)
    stance = stance_of(draw, 0.5)
    quality = _quality(draw, kind, stance.word)
    if stance.negated:
        quality = quality.led(det_node("no"))
    else:
        amounts = ("great", "real", "enormous") if stance.word else ("obvious", "serious", "several")
        quality = quality.led(Node(draw.pick(amounts), "ADJ", "amod"))
    return verbal(thing_np(draw, kind), verb("have"), quality, tense=draw.tense(kind)), stance.negated


@REVIEWS(1.5)
def _lacking(draw: Draw) -> Told:
    """To lack a good thing is bad; not to lack it is good again."""
    kind = draw.kind(lexicon.QUALITIES)
    quality = _quality(draw, kind, True)
    negation = draw.pick(("not", "never")) if draw.positive else ""
    clause = verbal(thing_np(draw, kind), verb("lack"), quality, tense=draw.tense(kind), negation=negation)
    return clause, not draw.positive


@REVIEWS(1.5)
def _without(draw: Draw) -> Told:
    if draw.chance(0.5):
        kind = draw.kind(("trip", "concert"))
        quality = Node(draw.pick(lexicon.EVENT_QUALITIES[not draw.positive]), "NOUN", "obl")
        quality = quality.led(case_node("without"), det_node("any"))
        word = verb(draw.pick(("end", "begin", "start", "pass")))
        return verbal(thing_np(draw, kind), word, quality, tense="past"), True
    kind = draw.kind(lexicon.kinds("film lodging book song"))
    quality = _quality(draw, kind, not draw.positive).labelled("nmod").led(case_node("without"), det_node("any"))
    noun = draw.pick(kind.nouns)
    predicate = headed(noun, False, det_node("a"), after=(quality,))
    subject = pronoun_np(draw.pick(("it", "this", "that")))
    return copular(subject, predicate, tense=draw.tense(kind)), True


@REVIEWS(4)
def _classed(draw: Draw) -> Told:
    """As in "It was a superb film", "This is not a dull book"."""
    kind = draw.kind([name for name in lexicon.ADJECTIVES if name not in ("scene", "chapter", "component")])
    stance = stance_of(draw, 0.35)
    noun = draw.pick([noun for noun in kind.nouns if noun.plural])
    quality = (denied if stance.negated else attributive)(draw, kind, stance.word).labelled("amod")
    place = (place_of(draw.pick(kind.places)),) if kind.name in lexicon.BROAD_PLACES and draw.chance(0.2) else ()
    predicate = headed(noun, False, det_node("a"), quality, after=place)
    if kind.person:
        subject = (
            name_np(draw) if not noun.pronoun and draw.chance(0.6) else pronoun_np(referred(draw, kind, noun, False))
        )
    else:
        subject = pronoun_np(draw.pick(("it", "it", "this", "that")))
    negation = "not" if stance.negated else ""
    return copular(subject, predicate, tense=draw.tense(kind), negation=negation), stance.negated


@REVIEWS(4)
def _encounter(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ENCOUNTERS)
    word = verb(draw.pick(lexicon.ENCOUNTERS[kind.name]))
    noun = draw.pick([noun for noun in kind.nouns if noun.plural])
    quality = attributive(draw, kind, draw.positive)
    place = (place_of(draw.pick(kind.places)),) if kind.name in lexicon.BROAD_PLACES and draw.chance(0.3) else ()
    thing = Nominal(headed(noun, False, det_node("a"), quality, after=place), False, "it")
    people = draw.weighted(((4, pronoun_np(draw.pick(("we", "I", "they")))), (3, kin_np(draw)), (2, name_np(draw))))
    return with_date(draw, verbal(people, word, object_of(word, thing), tense="past")), False


@REVIEWS(3)
def _habit(draw: Draw) -> Told:
    """As in "The café never serves stale bread", "This author writes gripping novels"."""
    who, what, product = draw.pick(lexicon.PRODUCERS)
    maker, kind = KINDS[who], KINDS[product]
    draw.domain = maker.domain
    stance = stance_of(draw, 0.5)
    noun = draw.pick([noun for noun in kind.nouns if noun.plural or noun.mass])
    quality = opinion_adj(draw, kind, stance.word, graded=0).labelled("amod")
    thing = headed(noun, bool(noun.plural), quality).labelled("obj")
    negation = draw.pick(("never", "never", "not")) if stance.negated else ""
    early = draw.pick(("always", "often", "usually")) if not stance.negated and draw.chance(0.5) else ""
    tense = draw.pick(("present", "present", "past"))
    clause = verbal(thing_np(draw, maker, dressed=0.7), verb(what), thing, tense=tense, negation=negation, early=early)
    return clause, stance.negated
