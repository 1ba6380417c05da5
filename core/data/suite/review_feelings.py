"""Reviews of what a thing did to people, in words that are two words in one form.

"Bored" is an adjective in "we were bored by the film" and a verb in "the film bored us"; "taste" a noun in "we loved
the taste" and a verb in "the soups taste stale".
"""

from core.data import lexicon
from core.data.lexicon import ing_form, verb
from core.data.suite.clauses import copular, verbal
from core.data.suite.drawing import Draw
from core.data.suite.opinions import REVIEWS, Told, audience_np, experiencer, nobody_np, stance_of, thing_np
from core.data.suite.phrases import case_node, det_node
from core.data.suite.trees import Node


@REVIEWS(5)
def _felt(draw: Draw) -> Told:
    """As in "We were bored by the film", "Nobody was amused by the actor"."""
    kind = draw.kind(lexicon.EFFECTS)
    stance = stance_of(draw, 0.35)
    people = audience_np(draw, definite=True)
    negation = "not" if stance.negated else ""
    if stance.negated and draw.chance(0.25):
        people, negation = nobody_np(draw), ""
    feeling = verb(draw.pick(lexicon.EFFECTS[kind.name][stance.word])).participle
    cause = thing_np(draw, kind, dressed=0.5).node.labelled("obl").led(case_node("by"))
    tense = "past" if kind.passing or draw.chance(0.7) else "present"
    return copular(people, Node(feeling, "ADJ", after=(cause,)), tense=tense, negation=negation), stance.negated


@REVIEWS(4)
def _went_on(draw: Draw) -> Told:
    """As in "The waiter kept annoying us"."""
    kind = draw.kind([name for name in lexicon.EFFECTS if lexicon.EFFECTS[name]])
    doing = ing_form(draw.pick(lexicon.EFFECTS[kind.name][draw.positive]))
    aim = Node(doing, "VERB", "xcomp", (), (experiencer(draw, definite=True),))
    return verbal(thing_np(draw, kind), verb("keep"), aim, tense=draw.tense(kind)), False


@REVIEWS(4)
def _deserving(draw: Draw) -> Told:
    """As in "The chef deserves praise"."""
    kind = draw.kind(lexicon.kinds("WORK STAFF ARTIST PLACE ensemble"))
    stance = stance_of(draw, 0.4)
    due = Node(draw.pick(lexicon.DESERTS[stance.word]), "NOUN", "obj")
    if not stance.negated and draw.chance(0.4):
        due = due.led(Node("much", "ADJ", "amod"))
    if stance.negated and draw.chance(0.4):
        due = due.led(det_node(draw.pick(("any", "such"))) if draw.chance(0.6) else None)
    negation = "not" if stance.negated else ""
    return verbal(thing_np(draw, kind), verb("deserve"), due, tense=draw.tense(kind), negation=negation), stance.negated


@REVIEWS(5)
def _sense_of(draw: Draw) -> Told:
    """As in "We loved the taste of the soup"."""
    kind = draw.kind([name for name, ways in lexicon.SENSES.items() if any(word != "seem" for word, _ in ways)])
    stance = stance_of(draw, 0.35)
    sense = draw.pick(tuple(word for word, _ in lexicon.SENSES[kind.name] if word != "seem"))
    owner = thing_np(draw, kind, dressed=0.5, definite=True).node.labelled("nmod").led(case_node("of"))
    word = verb(draw.pick(("love", "like", "adore", "praise") if stance.word else ("hate", "dislike", "detest")))
    noun = Node(sense, "NOUN", "obj", (det_node("the"),), (owner,))
    tense = "present" if word.base != "praise" and draw.chance(0.5) else "past"
    people = audience_np(draw, definite=stance.negated)
    return verbal(people, word, noun, tense=tense, negation="not" if stance.negated else ""), stance.negated
