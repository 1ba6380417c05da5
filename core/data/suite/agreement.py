"""Agreement: minimal pairs of a sentence whose verb agrees with its subject and one whose verb does not.

Subject and verb always stand apart, and the nouns between them have a number of their own. The label is whether the
subject's number and the verb's are the same, and subject, verb and attractors are singular or plural independently of
each other: hence no single word and no two neighbouring words say anything about it, only subject and verb together.
"""

from core.data import lexicon_world as world
from core.data.lexicon import ing_form, verb
from core.data.suite.clauses import aux_node, be_form, verbal
from core.data.suite.drawing import Draw
from core.data.suite.phrases import COMMA, NEGATIONS, Nominal, adverb_node
from core.data.suite.sentence import SuiteSentence, clause_labels, sentence_of
from core.data.suite.templates import Templates
from core.data.suite.trees import Node, present, written
from core.data.suite.world import (
    STOP,
    alone,
    deed,
    infinitive,
    moment,
    noun_np,
    pace,
    people_verb,
    person,
    prepositional,
    spot,
    thing,
    whoever,
)

FRAMES: Templates[Nominal] = Templates()
"""Subjects that keep their head far from the verb."""


def build(draw: Draw, wish: str) -> tuple[SuiteSentence, ...]:
    """A sentence with its counterpart, the right one first; which label was wished for does not matter."""
    frame = FRAMES.pick(draw)
    subject = frame.build(draw)
    fronted = draw.chance(0.25)
    trees = _predicated(draw, subject, dated=not fronted)
    if fronted:
        front = draw.any((moment, moment, spot))(draw).followed(COMMA)
        trees = tuple(tree.led(front) for tree in trees)
    right, wrong = (tree.followed(STOP) for tree in trees)
    labels = clause_labels(right)
    return (
        sentence_of(right, frame.name, {"agreement": "right", **labels}, contrast=written(wrong).words),
        sentence_of(wrong, frame.name, {"agreement": "wrong", **labels}, contrast=written(right).words),
    )


def _predicated(draw: Draw, subject: Nominal, *, dated: bool) -> tuple[Node, ...]:
    """The same predicate twice: with a verb that agrees, and with one that does not."""
    tense = draw.any(("present", "present", "present", "present", "past"))
    early = adverb_node(draw.pick(world.FREQUENCIES)) if draw.chance(0.3) else None
    top = subject.node.labelled("nsubj")
    if subject.pronoun == "it" or draw.chance(0.1 if tense == "present" else 0.5):
        states = world.THINGS[_bare(subject)] if subject.pronoun == "it" else world.MOODS
        state = Node(draw.pick(states), "ADJ", "root")
        ends = [moment(draw)] if dated and subject.pronoun != "it" and draw.chance(0.4) else []
        return tuple(
            state.led(top, Node(be_form(side, tense), "AUX", "cop"), early).followed(*ends).held(tense, subject.plural)
            for side in _sides(subject)
        )
    how = draw.weighted(((8, "present"), (1, "perfect"), (2, "not"))) if tense == "present" else "progressive"
    when = [moment(draw)] if dated and how != "perfect" else []
    wishes = 0 if how == "progressive" else 2
    way = draw.weighted(((4, "alone"), (2, "thing"), (4, "person"), (wishes, "wish")))
    if way == "alone":
        done, where = alone(draw)
        word, ends = verb(done), [*where, *when] or [spot(draw)]
    elif way == "thing":
        done, noun = deed(draw)
        word, ends = verb(done), [thing(draw, noun).node.labelled("obj"), *(when if draw.chance(0.4) else [])]
    elif way == "wish":
        word, ends = verb(draw.pick(world.WISHING)), [infinitive(draw)]
    else:
        word, ends = verb(people_verb(draw)), [person(draw, dressed=0.1).node.labelled("obj")]
    if how == "progressive":
        return tuple(
            Node(ing_form(word.base), "VERB", "root", tuple(present((top, _was(side), early))), tuple(ends)).held(
                tense, subject.plural
            )
            for side in _sides(subject)
        )
    if how == "present":
        made = [verbal(side, word, *ends, tense="present") for side in _sides(subject)]
        return tuple(
            tree._replace(before=tuple(present((*tree.before, early)))).held(tense, subject.plural) for tree in made
        )
    base, form, negator = ("have", word.participle, None) if how == "perfect" else ("do", word.base, NEGATIONS["not"])
    return tuple(
        Node(
            form, "VERB", "root", tuple(present((top, aux_node(base, side, "present"), negator))), tuple(ends)
        ).held(tense, subject.plural)
        for side in _sides(subject)
    )  # fmt: skip


def _was(side: Nominal) -> Node:
    return Node(be_form(side, "past"), "AUX", "aux")


def _sides(subject: Nominal) -> tuple[Nominal, Nominal]:
    """The subject, and the subject as if it had the other number."""
    return subject, subject._replace(plural=not subject.plural)


def _bare(subject: Nominal) -> str:
    return next(noun for noun in world.THINGS if subject.node.form in (noun, noun + "s", noun + "es"))


def _someone(draw: Draw, *after: Node) -> Nominal:
    """People with what follows them."""
    return _with(person(draw, dressed=0), draw, *after)


def _with(who: Nominal, draw: Draw, *after: Node) -> Nominal:
    adjective = Node(draw.pick(world.TRAITS), "ADJ", "amod") if draw.chance(0.2) else None
    front = tuple(present((who.node.before[0], adjective)))
    return who._replace(node=who.node._replace(before=front, after=after), pronoun="who")


@FRAMES(3)
def _place(draw: Draw) -> Nominal:
    """The guards near the bridge."""
    return _someone(draw, spot(draw, draw.chance(0.5), "nmod"))


@FRAMES(2)
def _belongings(draw: Draw) -> Nominal:
    """The guard with the lamps."""
    things = noun_np(draw.pick(world.ASIDE), draw.chance(0.5)).node
    return _someone(draw, prepositional(draw.any(("with", "with", "without")), things, "nmod"))


@FRAMES(2)
def _two_places(draw: Draw) -> Nominal:
    """The guard with the lamps near the bridges."""
    inner = spot(draw, draw.chance(0.5), "nmod")
    things = noun_np(draw.pick(world.ASIDE), draw.chance(0.5), after=(inner,)).node
    return _someone(draw, prepositional("with", things, "nmod"))


@FRAMES(1.2)
def _thing_somewhere(draw: Draw) -> Nominal:
    """The lamps behind the fence."""
    place = spot(draw, draw.chance(0.5), "nmod")
    return noun_np(draw.pick(tuple(world.THINGS)), draw.chance(0.5), after=(place,))._replace(pronoun="it")


@FRAMES(1)
def _things_of(draw: Draw) -> Nominal:
    """The coats of the pilot."""
    owner = person(draw, dressed=0.15).node
    things = noun_np(draw.pick(tuple(world.THINGS)), draw.chance(0.5), after=(prepositional("of", owner, "nmod"),))
    return things._replace(pronoun="it")


@FRAMES(5)
def _object_relative(draw: Draw) -> Nominal:
    """The guards that the nurse knows."""
    others = person(draw, dressed=0.1)
    tense = draw.any(("present", "present", "present", "present", "past"))
    clause = verbal(others, verb(people_verb(draw)), tense=tense).labelled("acl:relcl")
    relative = Node(draw.any(("that", "whom", "that")), "PRON", "obj") if draw.chance(0.8) else None
    return _someone(draw, clause.led(relative))


@FRAMES(5)
def _subject_relative(draw: Draw) -> Nominal:
    """The guards who watch the bridge."""
    who = person(draw, dressed=0)
    tense = draw.any(("present", "present", "present", "present", "past"))
    subject = whoever(draw, who.plural)
    if draw.chance(0.5):
        target = person(draw, dressed=0).node.labelled("obj")
        clause = verbal(subject, verb(people_verb(draw)), target, tense=tense)
    else:
        word, noun = deed(draw)
        clause = verbal(subject, verb(word), thing(draw, noun, draw.chance(0.5)).node.labelled("obj"), tense=tense)
    return _with(who, draw, clause.labelled("acl:relcl"))


@FRAMES(1.5)
def _thing_relative(draw: Draw) -> Nominal:
    """The boats that the cook repaired."""
    word, noun = deed(draw)
    if noun not in world.THINGS:
        word, noun = "buy", draw.pick(("boat", "coat", "lamp", "bike"))
    clause = verbal(person(draw, dressed=0.1), verb(word), tense=draw.any(("present", "past"))).labelled("acl:relcl")
    relative = Node(draw.any(("that", "which", "that")), "PRON", "obj") if draw.chance(0.8) else None
    return noun_np(noun, draw.chance(0.5), after=(clause.led(relative),))._replace(pronoun="it")


@FRAMES(2)
def _participle(draw: Draw) -> Nominal:
    """The guards painting the fence."""
    word, noun = deed(draw)
    things = thing(draw, noun, draw.chance(0.5)).node.labelled("obj")
    extra = (pace(draw),) if draw.chance(0.15) else ()
    return _someone(draw, Node(ing_form(word), "VERB", "acl", (), (things, *extra)))


@FRAMES(1.5)
def _hired(draw: Draw) -> Nominal:
    """The guard trusted by the pilots."""
    agent = prepositional("by", person(draw, dressed=0.1).node, "obl:agent")
    word = verb(people_verb(draw))
    return _someone(draw, Node(word.participle, "VERB", "acl", (), (agent,)))
