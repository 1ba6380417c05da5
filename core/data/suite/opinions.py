"""What reviews talk about and how they judge it: things, people who judge, and clauses of opinion."""

from collections.abc import Callable
from typing import NamedTuple

from core.data import lexicon
from core.data.lexicon import Kind, Noun, Verb, Words, verb
from core.data.suite.clauses import copular, verbal
from core.data.suite.drawing import Draw
from core.data.suite.phrases import (
    COMMA,
    Nominal,
    adverb_node,
    case_node,
    det_node,
    headed,
    phrases_of,
    place_of,
    pronoun_np,
)
from core.data.suite.templates import Templates
from core.data.suite.trees import Node, present

Told = tuple[Node, bool]
"""A tree and whether a negation turns its deciding opinion round."""

REVIEWS: Templates[Told] = Templates()


class Stance(NamedTuple):
    """What a clause says in the end, and whether it says so by negating the opposite."""

    positive: bool
    negated: bool

    @property
    def word(self) -> bool:
        """Polarity that its word of opinion must have."""
        return self.positive != self.negated


def stance_of(draw: Draw, negated: float) -> Stance:
    return Stance(draw.positive, draw.chance(negated))


# --- things and people ---


def name_np(draw: Draw) -> Nominal:
    form, _, pronoun = draw.pick(lexicon.NAMES).partition(":")
    return Nominal(Node(form, "PROPN"), False, pronoun)


def kin_np(draw: Draw) -> Nominal:
    owner = Node(draw.pick(("my", "my", "our", "her", "his")), "PRON", "nmod:poss")
    if draw.chance(0.3):
        return Nominal(Node(draw.pick(lexicon.KIN_PLURAL), "NOUN", before=(owner,)), True, "they")
    form, _, pronoun = draw.pick(lexicon.KIN).partition(":")
    return Nominal(Node(form, "NOUN", before=(owner,)), False, pronoun or draw.pick(("he", "she")))


def determiners(draw: Draw, kind: Kind, plural: bool) -> tuple[Node, ...]:
    if kind.name in lexicon.BELONGINGS and draw.chance(0.1):
        return (name_np(draw).node.labelled("nmod:poss").followed(Node("'s", "PART", "case")),)
    if kind.owned and draw.chance(0.2):
        return (Node(draw.pick(("our", "my")), "PRON", "nmod:poss"),)
    if not plural:
        return (det_node(draw.weighted(((6, "the"), (1, "this"), (2, "that")))),)
    number = Node(draw.pick(lexicon.NUMBERS), "NUM", "nummod") if draw.chance(0.25) else None
    return tuple(present((det_node(draw.pick(("the", "the", "the", "these", "those"))), number)))


def relative_clause(draw: Draw, kind: Kind) -> Node:
    """A neutral relative clause: what people do with the thing, or what the person did."""
    action = draw.pick(kind.relatives)
    word, _, rest = action.partition(" ")
    if kind.person:
        return verbal(pronoun_np("who"), verb(word), *phrases_of(rest), tense="past").labelled("acl:relcl")
    people = draw.weighted(((3, pronoun_np("we")), (2, pronoun_np("I")), (2, kin_np(draw)), (1, name_np(draw))))
    clause = verbal(people, verb(word), *phrases_of(rest), tense="past").labelled("acl:relcl")
    relative = draw.weighted(((5, "that"), (2, "which"), (3, "")))
    return clause.led(Node(relative, "PRON", "obj") if relative else None)


def referred(draw: Draw, kind: Kind, noun: Noun, plural: bool) -> str:
    """The pronoun that takes a noun phrase up again."""
    if plural:
        return "they"
    return noun.pronoun or (draw.pick(("he", "she")) if kind.person else "it")


def thing_np(
    draw: Draw, kind: Kind, *, plural: bool | None = None, dressed: float = 1.0, definite: bool = False
) -> Nominal:
    """A definite noun phrase: "the soup", "these two rooms", "the film that we watched", "the waiter at the bar".

    Args:
        draw: the sentence in the making.
        kind: what it is one of.
        plural: a wish; nouns without a plural stay singular.
        dressed: scale of the probability of modifiers.
        definite: only "the" before it.
    """
    noun = draw.pick(kind.nouns)
    wanted = draw.chance(0.4) if plural is None else plural
    many = wanted and bool(noun.plural)
    modifier = None
    if kind.modifiers and not noun.compound and draw.chance(0.22 * dressed):
        form = draw.pick(kind.modifiers)
        modifier = None if many and form in lexicon.RANKS else Node(form, "ADJ", "amod")
    after: tuple[Node, ...] = ()
    determiner: tuple[Node, ...] = (det_node("the"),)
    if kind.places and draw.chance(0.25 * dressed):
        after = (place_of(draw.pick(kind.places)),)
    elif kind.relatives and draw.chance(0.2 * dressed):
        after = (relative_clause(draw, kind),)
    elif not definite:
        determiner = determiners(draw, kind, many)
    return Nominal(headed(noun, many, *determiner, modifier, after=after), many, referred(draw, kind, noun, many))


_QUANTITIES = (("most", "ADJ"), ("many", "ADJ"), ("several", "ADJ"), ("some", "DET"), ("all", "DET"))


def audience_np(draw: Draw, *, definite: bool = False, nouns_only: bool = False) -> Nominal:
    """People who judge: "the critics", "most guests", "my sister", "Anna", "we".

    Args:
        draw: the sentence in the making.
        definite: no quantities, whose scope under a negation is open.
        nouns_only: only the people of the domain.
    """
    if not nouns_only and draw.chance(0.6):
        pronouns = (
            ("we", "we", "I", "I", "they", "she", "he") if definite else ("we", "I", "they", "everyone", "everybody")
        )
        return draw.weighted(((4, kin_np(draw)), (2.5, name_np(draw)), (5, pronoun_np(draw.pick(pronouns)))))
    noun = draw.pick(lexicon.AUDIENCES[draw.domain].split())
    if not definite and draw.chance(0.15):
        return Nominal(Node(noun, "NOUN", before=(det_node("every"),)), False, "they")
    before: tuple[Node, ...] = (det_node("the"),)
    if not definite and draw.chance(0.4):
        form, tag = draw.pick(_QUANTITIES)
        before = (Node(form, tag, "det" if tag == "DET" else "amod"),)
    elif draw.chance(0.2):
        number = Node(draw.pick(lexicon.NUMBERS), "NUM", "nummod")
        before = (det_node("the"), number) if definite else (number,)
    after = (place_of(draw.pick(lexicon.AUDIENCE_PLACES[draw.domain])),) if draw.chance(0.2) else ()
    return Nominal(Node(lexicon.s_form(noun), "NOUN", "dep", before, after), True, "they")


def experiencer(draw: Draw, *, definite: bool) -> Node:
    """Whom something pleases or annoys, as an object."""
    if draw.chance(0.45):
        forms = ("us", "me", "us") if definite else ("us", "me", "everyone", "everybody")
        return Node(draw.pick(forms), "PRON", "obj")
    people = audience_np(draw, definite=True, nouns_only=True) if draw.chance(0.6) else kin_np(draw)
    return people.node.labelled("obj")


def fact_clause(draw: Draw, subject: Nominal, text: str, *, tense: str, negated: bool) -> Node:
    """A clause without opinion from the lexicon: "it has a pool", "we did not book a table", "it had no garden"."""
    word, _, rest = text.partition(" ")
    if negated and word == "have" and rest.startswith("a ") and draw.chance(0.35):
        return verbal(subject, verb(word), *phrases_of("no" + rest[1:]), tense=tense)
    return verbal(subject, verb(word), *phrases_of(rest), tense=tense, negation="not" if negated else "")


def concession(draw: Draw, subject: Nominal, facts: Words, *, tense: str) -> Node:
    """A fact that speaks against the sentence's label: an advantage that is wanting, or a drawback that is there."""
    negated = draw.chance(0.55)
    text = draw.pick(facts[draw.positive == negated])
    return fact_clause(draw, subject, text, tense=tense, negated=negated)


def with_date(draw: Draw, clause: Node) -> Node:
    """Now and then with the time of a past event, at the end or in front."""
    if not draw.chance(0.22):
        return clause
    (when,) = phrases_of(draw.pick(lexicon.DATES))
    when = when.labelled("obl:tmod" if not when.before or when.form in lexicon.TIME_NOUNS else "obl")
    return clause.led(when.followed(COMMA)) if draw.chance(0.35) else clause.followed(when)


def nobody_np(draw: Draw) -> Nominal:
    """As in "Nobody at the market", "No guest", "None of the critics", "Hardly anyone"."""
    places = lexicon.AUDIENCE_PLACES[draw.domain]
    place = (place_of(draw.pick(places)),) if draw.chance(0.4) else ()
    noun = draw.pick(lexicon.AUDIENCES[draw.domain].split())
    people = Node(lexicon.s_form(noun), "NOUN", "nmod", (case_node("of"), det_node("the")))
    node = draw.weighted(
        (
            (4, Node("nobody", "PRON", after=place)),
            (2, Node("one", "PRON", before=(det_node("no"),), after=place)),
            (2, Node(noun, "NOUN", before=(det_node("no"),), after=place)),
            (2, Node("none", "PRON", after=(people,))),
            (1.5, Node("anyone", "PRON", before=(adverb_node("hardly"),), after=place)),
        )
    )
    return Nominal(node, False, "they")


# --- opinions ---

_MILD = ("very", "very", "really", "quite", "rather", "extremely")
_STRONG = ("absolutely", "truly", "simply", "really")


def opinion_adj(draw: Draw, kind: Kind, side: bool, *, graded: float = 0.35) -> Node:
    """An adjective that suits the kind, sometimes with an adverb of degree that suits the adjective."""
    form = draw.pick(lexicon.ADJECTIVES[kind.name][side])
    degree = None
    if draw.chance(graded):
        degree = adverb_node(draw.pick(_STRONG if form in lexicon.EXTREME else _MILD))
    return Node(form, "ADJ", "dep", (degree,) if degree else ())


def attributive(draw: Draw, kind: Kind, side: bool) -> Node:
    """An adjective to stand between article and noun, where "quite" and "simply" do not fit."""
    node = opinion_adj(draw, kind, side, graded=0)
    if draw.chance(0.3):
        degrees = ("truly", "absolutely") if node.form in lexicon.EXTREME else ("very", "really")
        node = node.led(adverb_node(draw.pick(degrees)))
    return node.labelled("amod")


def denied(draw: Draw, kind: Kind, side: bool) -> Node:
    """An adjective to stand after "not"."""
    node = opinion_adj(draw, kind, side, graded=0)
    if node.form in lexicon.EXTREME and draw.chance(0.6):
        return denied(draw, kind, side)
    if node.form not in lexicon.EXTREME and draw.chance(0.3):
        return node.led(adverb_node(draw.pick(("very", "particularly"))))
    return node


def adjective_pair(draw: Draw, kind: Kind, *sides: bool) -> tuple[Node, Node]:
    """Two that neither repeat nor contradict each other, the second as a conjunct of the first."""
    said, added = (
        [word for word in lexicon.ADJECTIVES[kind.name][side] if word not in lexicon.GENERAL] for side in sides
    )
    first = draw.pick(said)
    others = [word for word in added if word != first and not any({word, first} <= alike for alike in lexicon.ALIKE)]
    return Node(first, "ADJ"), Node(draw.pick(others), "ADJ", "conj")


def described(draw: Draw, subject: Nominal, kind: Kind, stance: Stance, tense: str) -> Node:
    """As in "The soup was bland", "The soup was not very tasty"."""
    if not stance.negated:
        return copular(subject, opinion_adj(draw, kind, stance.word), tense=tense)
    predicate = denied(draw, kind, stance.word)
    steady = kind.name in lexicon.STEADY and predicate.form not in lexicon.EXTREME and not predicate.before
    if not steady or draw.chance(0.6):
        return copular(subject, predicate, tense=tense, negation="not")
    return copular(subject, predicate, tense=draw.pick(("past", "perfect")), negation="never")


def seeming(draw: Draw, subject: Nominal, kind: Kind, stance: Stance, tense: str) -> Node:
    """As in "The soup tasted stale", "The waiter did not seem friendly"."""
    word, adjectives = draw.pick(lexicon.SENSES[kind.name])
    predicate = Node(draw.pick(adjectives[stance.word]), "ADJ", "xcomp")
    return verbal(subject, verb(word), predicate, tense=tense, negation="not" if stance.negated else "")


def verdict(draw: Draw, subject: Nominal, kind: Kind, stance: Stance, tense: str) -> Node:
    """As in "The film was a triumph", "The tour was not a disaster", "The novel was no masterpiece"."""
    noun = Node(draw.pick(lexicon.VERDICTS[kind.name][stance.word]), "NOUN")
    how = draw.weighted(((4, "not"), (2, "no"), (1, "hardly"))) if stance.negated else ""
    if how == "no":
        return copular(subject, noun.led(det_node("no")), tense=tense)
    emphasis = None
    if not stance.negated and draw.chance(0.2):
        emphasis = Node(draw.pick(("real", "complete", "true")), "ADJ", "amod")
    return copular(subject, noun.led(det_node("a"), emphasis), tense=tense, negation=how)


def done_in_manner(draw: Draw, subject: Nominal, kind: Kind, stance: Stance, tense: str) -> Node:
    """As in "The band played beautifully", "The laptop does not work well"."""
    word = draw.pick(lexicon.MANNER_VERBS[kind.name])
    manner = adverb_node(draw.pick(lexicon.MANNERS[word][stance.word]))
    negation = draw.weighted(((3, "not"), (1, "never"))) if stance.negated else ""
    if negation == "never" and kind.passing:
        negation = "not"
    return verbal(subject, verb(word), manner, tense=tense, negation=negation)


Opinion = Callable[[Draw, Nominal, Kind, Stance, str], Node]


def opinion_on(draw: Draw, subject: Nominal, kind: Kind, stance: Stance, tense: str) -> Node:
    """A clause of opinion about a given subject, in any of the simple ways that suit its kind."""
    ways: list[tuple[float, Opinion]] = [(5, described)]
    if lexicon.SENSES[kind.name]:
        ways.append((1.2, seeming))
    if kind.name in lexicon.VERDICTS and not subject.plural:
        ways.append((1.2, verdict))
    if lexicon.MANNER_VERBS[kind.name]:
        ways.append((1.8, done_in_manner))
    return draw.weighted(ways)(draw, subject, kind, stance, tense)


def attitude(draw: Draw, kind: Kind, side: bool) -> Verb:
    """What people do about a thing of this kind."""
    return verb(draw.pick(lexicon.ATTITUDES[kind.name][side]))
