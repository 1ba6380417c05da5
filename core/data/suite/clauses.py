"""Finite clauses and how they are joined."""

from core.data.lexicon import Verb, verb
from core.data.suite.phrases import COMMA, NEGATIONS, Nominal, adverb_node, case_node, mark_node
from core.data.suite.trees import Node, present


def plain_tense(tense: str) -> str:
    """Tense of the finite word: that of "has" in the perfect, and "could" is a past form."""
    return "past" if tense in ("past", "could") else "present"


def be_form(subject: Nominal, tense: str) -> str:
    """The form of "be" that agrees with a subject."""
    if tense == "present":
        return "am" if subject.pronoun == "I" else ("are" if subject.plural else "is")
    return "were" if subject.plural else "was"


def finite_form(word: Verb, subject: Nominal, tense: str) -> str:
    """The form of a verb that agrees with a subject."""
    if tense == "past":
        return word.past
    return word.base if subject.plural or subject.pronoun == "I" else word.third


def aux_node(base: str, subject: Nominal, tense: str) -> Node:
    """A form of "have" or "do" as an auxiliary."""
    return Node(finite_form(verb(base), subject, tense), "AUX", "aux")


def verbal(subject: Nominal, word: Verb, *after: Node, tense: str, negation: str = "", early: str = "") -> Node:
    """A finite clause with a verb as its head.

    Args:
        subject: the subject.
        word: the verb.
        after: complements and adjuncts, in order.
        tense: "past", "present", "perfect" or "could".
        negation: "", "not", "never" or "hardly".
        early: an adverb before the verb, or empty.
    """
    auxiliary = None
    if tense == "perfect":
        auxiliary, form = aux_node("have", subject, "present"), word.participle
    elif tense == "could":
        auxiliary, form = Node("could", "AUX", "aux"), word.base
    elif negation == "not":
        auxiliary, form = aux_node("do", subject, tense), word.base
    else:
        form = finite_form(word, subject, tense)
    adverb = adverb_node(early) if early else None
    front = present((subject.node.labelled("nsubj"), auxiliary, NEGATIONS[negation], adverb))
    return Node(form, "VERB", "root", tuple(front), after).held(plain_tense(tense), subject.plural)


def copular(subject: Nominal, predicate: Node, *, tense: str, negation: str = "") -> Node:
    """As in "The soup was not bland": the predicate is the head, the copula depends on it."""
    negator = NEGATIONS[negation]
    if tense == "perfect":
        words = present((aux_node("have", subject, "present"), negator, Node("been", "AUX", "cop")))
    else:
        words = present((Node(be_form(subject, tense), "AUX", "cop"), negator))
    return (
        predicate.labelled("root").led(subject.node.labelled("nsubj"), *words).held(plain_tense(tense), subject.plural)
    )


def object_of(word: Verb, thing: Nominal) -> Node:
    """What a verb is about, with the verb's preposition if it takes one."""
    if word.preposition:
        return thing.node.labelled("obl").led(case_node(word.preposition))
    return thing.node.labelled("obj")


def coordinate(first: Node, second: Node, conjunction: str = "but") -> Node:
    """Two main clauses: "... , but ..."."""
    return first.followed(second.labelled("conj").led(COMMA, Node(conjunction, "CCONJ", "cc")))


def subordinate(main: Node, clause: Node, mark: str, *, fronted: bool) -> Node:
    """A main clause with an adverbial clause after or before it."""
    adverbial = clause.labelled("advcl").led(mark_node(mark))
    return main.led(adverbial.followed(COMMA)) if fronted else main.followed(adverbial)
