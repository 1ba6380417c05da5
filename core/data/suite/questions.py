"""Questions and statements: what a sentence asks for.

The word that a question begins with is often not the one that tells its kind: statements and yes/no questions hold
clauses with "who", "where", "when" and "why" in them, and questions may begin with a place or a time.
"""

from core.data import lexicon_world as world
from core.data.lexicon import verb
from core.data.suite.clauses import aux_node, be_form, copular, subordinate, verbal
from core.data.suite.drawing import Draw
from core.data.suite.phrases import COMMA, Nominal, adverb_node, det_node
from core.data.suite.sentence import SuiteSentence, clause_labels, sentence_of
from core.data.suite.trees import Node, present
from core.data.suite.world import (
    MARK,
    STOP,
    alone,
    deed,
    infinitive,
    moment,
    pace,
    people_verb,
    person,
    resting_verb,
    spot,
    thing,
    whoever,
    working,
)  # fmt: skip

ADVERBS = ("where", "when", "why", "how")
MEASURES = ("often", "quickly")
KNOWING = ("know", "remember", "ask", "forget", "see", "guess", "explain")


def build(draw: Draw, wish: str) -> tuple[SuiteSentence, ...]:
    """One sentence that asks for what is wished for, or for nothing."""
    tense = draw.any(("present", "present", "past"))
    if wish == "statement":
        name, tree = _statement(draw, tense)
    elif wish == "yes/no":
        name, tree = _polar(draw, tense)
    else:
        name, tree = "asked", _asked(draw, wish, tense)
        tree = _continued(draw, tree)
    plain = name != "asked" or (wish not in ("when", "where") and len(tree.after) < 2)
    if plain and draw.chance(0.3):
        tree = tree.led(draw.any((moment, spot))(draw).followed(COMMA))
    tree = tree.followed(STOP if wish == "statement" else MARK)
    return (sentence_of(tree, name, {"question": wish, **clause_labels(tree)}),)


def _continued(draw: Draw, tree: Node) -> Node:
    """Now and then with an adverbial clause, whose conjunction may be a question word elsewhere."""
    if not draw.chance(0.15):
        return tree
    return subordinate(tree, _setting(draw, tree.tense), draw.any(("when", "while", "after", "before")), fronted=False)


def _setting(draw: Draw, tense: str) -> Node:
    return verbal(person(draw, dressed=0), verb(resting_verb(draw)), tense=tense)


def _who(draw: Draw) -> Nominal:
    """Somebody: by what he is, or by a pronoun."""
    if draw.chance(0.25):
        form = draw.any(("you", "they", "we", "he", "she"))
        return Nominal(Node(form, "PRON"), form in ("you", "they", "we"), form)
    return _related(draw, person(draw)) if draw.chance(0.12) else person(draw)


def _related(draw: Draw, who: Nominal) -> Nominal:
    """As in "the guard who paints the fence"."""
    clause = working(draw, whoever(draw, who.plural), draw.any(("present", "past")), more=0)
    return who._replace(node=who.node._replace(after=(clause.labelled("acl:relcl"),)))


# --- statements -----------------------------------------------------------------------------------------------------


def _statement(draw: Draw, tense: str) -> tuple[str, Node]:
    name = draw.weighted(((2, "told"), (3, "known"), (2, "joined"), (1, "state")))
    if name == "known":
        inside = _embedded(draw, draw.any(("who", "what", *ADVERBS)), draw.any((tense, "past")))
        negation = draw.any(("", "not"))
        knowing = "know" if draw.chance(0.4) else draw.pick(KNOWING)
        return name, verbal(_who(draw), verb(knowing), inside, tense=tense, negation=negation)
    if name == "joined":
        clause = _setting(draw, tense)
        mark = draw.any(("when", "because", "while", "after", "before", "if", "since"))
        fronted = draw.chance(0.4)
        return name, subordinate(working(draw, _who(draw), tense, more=0.2), clause, mark, fronted=fronted)
    if name == "state":
        return name, copular(
            _who(draw), Node(draw.pick(world.MOODS), "ADJ"), tense=tense, negation=draw.any(("", "not"))
        )
    return name, working(draw, _who(draw), tense, negation=draw.any(("", "", "not")))


def _embedded(draw: Draw, asked: str, tense: str) -> Node:
    """A question inside another sentence, in the order of a statement."""
    if asked == "who":
        clause = working(draw, Nominal(Node("who", "PRON"), False, "who"), tense, more=0.4)
    elif asked == "what":
        word, _ = deed(draw)
        clause = verbal(person(draw, dressed=0.1), verb(word), tense=tense).led(Node("what", "PRON", "obj"))
    else:
        clause = _acting(draw, asked, tense).led(adverb_node(asked))
    return clause.labelled("ccomp")


def _acting(draw: Draw, asked: str, tense: str) -> Node:
    """Somebody does something, without an adjunct of the kind asked for."""
    extra = [] if asked == "how" or draw.chance(0.7) else [pace(draw)]
    return _doing(draw, person(draw, dressed=0.1), tense, extra, asked)


def _doing(draw: Draw, subject: Nominal, tense: str, extra: list[Node], asked: str) -> Node:
    if draw.chance(0.4):
        word, where = (resting_verb(draw), []) if asked == "where" else alone(draw)
        return verbal(subject, verb(word), *where, *extra, tense=tense)
    if draw.chance(0.5):
        target = person(draw, dressed=0.1).node.labelled("obj")
        return verbal(subject, verb(people_verb(draw)), target, *extra, tense=tense)
    word, noun = deed(draw)
    return verbal(subject, verb(word), thing(draw, noun).node.labelled("obj"), *extra, tense=tense)


# --- questions ------------------------------------------------------------------------------------------------------


def _inverted(draw: Draw, subject: Nominal, tense: str, after: list[Node], word: str, *front: Node) -> Node:
    """The auxiliary before the subject: "did the guard paint", "is the guard painting", "has the guard painted"."""
    top = subject.node.labelled("nsubj")
    base = verb(word)
    if tense == "present" and draw.chance(0.15):
        auxiliary, form = aux_node("have", subject, tense), base.participle
    else:
        auxiliary, form = aux_node("do", subject, tense), base.base
    return Node(form, "VERB", "root", (*front, auxiliary, top), tuple(after)).held(tense, subject.plural)


def _polar(draw: Draw, tense: str) -> tuple[str, Node]:
    name = draw.weighted(((2, "doing"), (3, "knowing"), (1, "being")))
    if name == "being":
        subject = _who(draw)
        copula = Node(be_form(subject, tense), "AUX", "cop")
        ends = [moment(draw)] if draw.chance(0.4) else []
        state = Node(draw.pick(world.MOODS), "ADJ", "root", (copula, subject.node.labelled("nsubj")), tuple(ends))
        return name, state.held(tense, subject.plural)
    if name == "knowing":
        inside = _embedded(draw, draw.any(("who", "what", *ADVERBS)), draw.any((tense, "past")))
        knowing = "know" if draw.chance(0.5) else draw.pick(KNOWING)
        return name, _inverted(draw, _who(draw), tense, [inside], knowing)
    after, word = _predicate(draw, 0.6)
    return name, _continued(draw, _inverted(draw, _who(draw), tense, after, word))


def _predicate(draw: Draw, more: float, *, wishes: bool = True) -> tuple[list[Node], str]:
    """A verb and what follows it."""
    ends = [draw.any((spot, moment, pace))(draw)] if draw.chance(more) else []
    way = draw.any(("thing", "thing", "person", "alone", "alone", "wish" if wishes else "person"))
    if way == "wish":
        return [infinitive(draw)], draw.pick(world.WISHING)
    if way == "alone":
        return ends, resting_verb(draw)
    if way == "person":
        return [person(draw, dressed=0.15).node.labelled("obj"), *ends], people_verb(draw)
    word, noun = deed(draw)
    return [thing(draw, noun).node.labelled("obj"), *ends], word


def _asked(draw: Draw, wish: str, tense: str) -> Node:
    if wish == "who":
        if draw.chance(0.5):
            return working(draw, Nominal(Node("who", "PRON"), False, "who"), tense)
        ends = [moment(draw)] if draw.chance(0.4) else []
        return _inverted(draw, _who(draw), tense, ends, people_verb(draw), Node("who", "PRON", "obj"))
    if wish == "what":
        return _what(draw, tense)
    after, word = _predicate(draw, 0.25 if wish == "why" else 0, wishes=wish in ("why", "when"))
    question = adverb_node(wish)
    if wish == "how" and draw.chance(0.4):
        measure = draw.pick(MEASURES)
        question = adverb_node(measure).led(adverb_node("how"))
    if wish in ("when", "where") and draw.chance(0.3):
        after = [*after, (spot if wish == "when" else moment)(draw)]
    return _inverted(draw, _who(draw), tense, after, word, question)


def _what(draw: Draw, tense: str) -> Node:
    """A thing asked for, by itself or by its kind: "what did ... paint", "what fence did ... paint"."""
    word, noun = deed(draw)
    ends = [draw.any((spot, moment))(draw)] if draw.chance(0.5) else []
    asked = Node("what", "PRON", "obj")
    if draw.chance(0.25):
        asked = Node(noun, "NOUN", "obj", tuple(present((det_node("what"),))))
    return _inverted(draw, _who(draw), tense, ends, word, asked)
