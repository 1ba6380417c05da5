"""A harbour's log: the sentiment of reviews again, in another domain, vocabulary and style.

What is praise and complaint there is good and bad news here, under the same label names, so that what was learnt from
reviews can be tried out of its domain. Nobody says "I" or "we"; entries begin with a watch, a tide or a place. As in
the reviews, a negation turns about a third of the words of news round, and others turn nothing round.
"""

from collections.abc import Sequence

from core.data import lexicon_harbour as log
from core.data.lexicon import s_form, verb
from core.data.suite.clauses import be_form, coordinate, copular, subordinate, verbal
from core.data.suite.drawing import Draw
from core.data.suite.opinions import Stance, Told, stance_of
from core.data.suite.phrases import COMMA, NEGATIONS, Nominal, adverb_node, case_node, det_node
from core.data.suite.sentence import SuiteSentence, clause_labels, sentence_of
from core.data.suite.templates import Templates
from core.data.suite.trees import Node, present
from core.data.suite.world import STOP

ENTRIES: Templates[Told] = Templates()
FITTED = ("vessel", "vessel", "gear", "gear", "works")


def build(draw: Draw, wish: str) -> tuple[SuiteSentence, ...]:
    """One entry of the sentiment wished for."""
    draw.positive = wish == "positive"
    template = ENTRIES.pick(draw)
    clause, negated = template.build(draw)
    if draw.chance(0.3):
        clause = clause.led(_phrase(draw.pick(log.WATCHES)).followed(COMMA))
    elif template.name != "although" and draw.chance(0.45):
        mark = draw.any(("as", "when", "while", "after", "before"))
        clause = subordinate(clause, _neutral(draw, clause.tense), mark, fronted=True)
    if draw.chance(0.4) and template.name not in ("but_news", "but_routine", "although"):
        clause = coordinate(clause, _neutral(draw, clause.tense), "and")
    tree = clause.followed(STOP)
    return (sentence_of(tree, template.name, {"sentiment": wish, **clause_labels(tree)}, negated=negated),)


# --- phrases --------------------------------------------------------------------------------------------------------


def _phrase(text: str) -> Node:
    """A written-out phrase ("in_the_dog_watch") as an adjunct."""
    preposition, *front, head = text.split("_")
    tags = {"the": ("DET", "det"), "slack": ("ADJ", "amod"), "low": ("ADJ", "amod"), "high": ("ADJ", "amod"),
            "first": ("ADJ", "amod"), "four": ("NUM", "nummod"), "eight": ("NUM", "nummod")}  # fmt: skip
    before = [Node(word, *tags.get(word, ("NOUN", "compound"))) for word in front]
    tag = "NUM" if head.isdigit() else ("PROPN" if head[0].isupper() else "NOUN")
    return Node(head, tag, "obl", (case_node(preposition), *before))


def _thing(draw: Draw, kind: str, *, dressed: float = 1.0, plural: bool | None = None) -> Nominal:
    """Something of a kind: "the iron barge", "the bosun from Leith", "Petrel"."""
    if kind == "vessel" and plural is None and draw.chance(0.15):
        return Nominal(Node(draw.pick(log.SHIPS), "PROPN"), False, "it")
    noun = draw.pick(log.THINGS[kind])
    many = noun not in log.MASS and (draw.chance(0.4) if plural is None else plural)
    front: list[Node | None] = [det_node(draw.weighted(((9, "the"), (1, "these" if many else "this"))))]
    if kind in ("vessel", "gear") and draw.chance(0.25 * dressed):
        front.append(Node(draw.pick(log.TRADES), "ADJ", "amod"))
    after: tuple[Node, ...] = ()
    if kind in ("vessel", "gear", "hand") and draw.chance(0.2 * dressed):
        after = _narrowing(draw, kind)
    node = Node(s_form(noun) if many else noun, "NOUN", "dep", tuple(present(front)), after)
    return Nominal(node, many, "they" if many else "it")


def _narrowing(draw: Draw, kind: str) -> tuple[Node, ...]:
    """As in "off the headland", "that the bosun crews", "that loads coal"."""
    if kind == "gear":
        owner = Node(draw.pick(log.THINGS["vessel"]), "NOUN", "nmod", (case_node("of"), det_node("the")))
        return (owner,)
    if draw.chance(0.6):
        return (_phrase(draw.pick(log.BERTHS)).labelled("nmod"),)
    if kind == "vessel":
        who = _thing(draw, "hand", dressed=0)
        word = verb(draw.pick(("crew", "tow", "moor", "man", "dock")))
        return (verbal(who, word, tense="present").labelled("acl:relcl").led(Node("that", "PRON", "obj")),)
    return ()


def _neutral(draw: Draw, tense: str, denied: float = 0.0) -> Node:
    """A clause that is no news: "the tide turned", "the mate logged the depth", "no tug signalled"."""
    if draw.chance(0.35):
        noun = draw.pick(tuple(log.TURNS))
        turning = Nominal(Node(noun, "NOUN", before=(det_node("the"),)), False, "it")
        return verbal(turning, verb(draw.pick(log.TURNS[noun])), tense=tense)
    if draw.chance(0.4):
        mover = draw.any(("vessel", "vessel", "hand"))
        bearing = adverb_node(draw.pick(log.BEARINGS))
        return verbal(_thing(draw, mover, dressed=0), verb(draw.pick(log.MOVES[mover])), bearing, tense=tense)
    word = draw.pick(tuple(log.ROUTINE))
    noun = draw.pick(log.ROUTINE[word])
    target = Node(noun, "NOUN", "obj", (det_node("the"),))
    negation = "not" if draw.chance(denied) else ""
    return verbal(_thing(draw, "hand", dressed=0), verb(word), target, tense=tense, negation=negation)


# --- news -----------------------------------------------------------------------------------------------------------


def _kind(draw: Draw, kinds: Sequence[str] = tuple(log.STATES)) -> str:
    return draw.any(kinds)


def _tense(draw: Draw) -> str:
    return "present" if draw.chance(0.75) else "past"


def _told(draw: Draw, stance: Stance, tense: str, kind: str = "") -> Node:
    """News about something: what state it is in, what it did, or how it worked."""
    kind = kind or _kind(draw)
    subject = _thing(draw, kind)
    how = draw.weighted(((4, "state"), (4, "happening"), (2 if kind in log.TASKS else 0, "task"), (1.5, "news")))
    negation = draw.any(("not", "not", "never")) if stance.negated else ""
    if how == "state":
        return copular(subject, Node(draw.pick(log.STATES[kind][stance.word]), "ADJ"), tense=tense, negation=negation)
    if how == "happening":
        return verbal(subject, verb(draw.pick(log.HAPPENINGS[kind][stance.word])), tense=tense, negation=negation)
    if how == "task":
        manner = adverb_node(draw.pick(log.HANDLINGS[stance.word]))
        return verbal(subject, verb(draw.pick(log.TASKS[kind])), manner, tense=tense, negation=negation)
    if subject.plural:
        subject = _thing(draw, kind, plural=False)
    noun = Node(draw.pick(log.NEWS[stance.word]), "NOUN")
    if stance.negated and draw.chance(0.5):
        return copular(subject, noun.led(det_node("no")), tense=tense)
    return copular(subject, noun.led(det_node("a")), tense=tense, negation="not" if stance.negated else "")


@ENTRIES(8)
def _plain(draw: Draw) -> Told:
    return _told(draw, Stance(draw.positive, False), _tense(draw)), False


@ENTRIES(6)
def _denied(draw: Draw) -> Told:
    return _told(draw, Stance(draw.positive, True), _tense(draw)), True


@ENTRIES(7)
def _deed(draw: Draw) -> Told:
    """The tug refloated the barge; the gale did not damage the jetty."""
    stance = stance_of(draw, 0.35)
    tense, weather = _tense(draw), draw.chance(0.35)
    agent = draw.any(("hand", "hand", "vessel"))
    subject = _thing(draw, "weather" if weather else agent)
    fitted = draw.any(FITTED if weather else tuple(log.DEEDS[agent]))
    word = verb(draw.pick((log.HARMS if weather else log.DEEDS[agent][fitted])[stance.word]))
    target = _thing(draw, fitted, dressed=0.5).node.labelled("obj")
    negation = draw.any(("not", "not", "never")) if stance.negated else ""
    return verbal(subject, word, target, tense=tense, negation=negation), stance.negated


@ENTRIES(4)
def _suffered(draw: Draw) -> Told:
    """The barge was refloated by the tug."""
    stance = stance_of(draw, 0.35)
    tense, weather = _tense(draw), draw.chance(0.4)
    agent = _thing(draw, "weather" if weather else "hand", dressed=0.4).node
    fitted = draw.any(FITTED)
    subject = _thing(draw, fitted, dressed=0.5)
    word = verb(draw.pick((log.HARMS if weather else log.DEEDS["hand"][fitted])[stance.word]))
    negator = NEGATIONS["not"] if stance.negated else None
    front = present((subject.node.labelled("nsubj:pass"), Node(be_form(subject, tense), "AUX", "aux:pass"), negator))
    by = agent.labelled("obl:agent").led(case_node("by"))
    return Node(word.participle, "VERB", "root", tuple(front), (by,)).held(tense, subject.plural), stance.negated


@ENTRIES(2)
def _nobody(draw: Draw) -> Told:
    """No barge leaked; no hand neglected the pump."""
    tense, kind = _tense(draw), draw.any(("vessel", "hand"))
    noun = draw.pick(log.THINGS[kind])
    subject = Nominal(Node(noun, "NOUN", before=(det_node("no"),)), False, "it")
    if draw.chance(0.5):
        word = verb(draw.pick(log.HAPPENINGS[kind][not draw.positive]))
        return verbal(subject, word, tense=tense), True
    fitted = draw.any(tuple(log.DEEDS[kind]))
    target = _thing(draw, fitted, dressed=0.3).node.labelled("obj")
    return verbal(subject, verb(draw.pick(log.DEEDS[kind][fitted][not draw.positive])), target, tense=tense), True


@ENTRIES(5)
def _trouble(draw: Draw) -> Told:
    """The mate reports a leak near the quay; the tug sights no wreck; the pilot reports no recovery."""
    stance = stance_of(draw, 0.5)
    where = _thing(draw, draw.any(("vessel", "works")), dressed=0.3).node.labelled("nmod").led(case_node("near"))
    noun = draw.pick(log.GAINS if stance.word else log.TROUBLES)
    many = not stance.negated and draw.chance(0.3)
    det = "no" if stance.negated else ("the" if many else "a")
    after = (where,) if draw.chance(0.4) else ()
    found = Node(s_form(noun) if many else noun, "NOUN", "obj", (det_node(det),), after)
    word = draw.pick(("report", "log", "signal", "note", "expect"))
    return verbal(_thing(draw, "hand"), verb(word), found, tense=_tense(draw)), stance.negated


@ENTRIES(2.5)
def _unharmed(draw: Draw) -> Told:
    """The convoy docked without damage; it never docked without damage."""
    kind = draw.any(("hand", "vessel"))
    mishap = Node(draw.pick(log.MISHAPS), "NOUN", "obl", (case_node("without"),))
    word = verb(draw.pick(log.TASKS[kind]))
    negation = "" if draw.positive else draw.any(("never", "not"))
    return verbal(_thing(draw, kind), word, mishap, tense=_tense(draw), negation=negation), draw.positive


@ENTRIES(5)
def _but_news(draw: Draw) -> Told:
    """Two pieces of news; the one after "but" decides."""
    stance, tense = stance_of(draw, 0.3), _tense(draw)
    first = _told(draw, Stance(not draw.positive, draw.chance(0.3)), tense)
    return coordinate(first, _told(draw, stance, tense)), stance.negated


@ENTRIES(3.5)
def _but_routine(draw: Draw) -> Told:
    """What is no news, often with a negation that turns nothing round; then the news."""
    stance, tense = stance_of(draw, 0.2), _tense(draw)
    return coordinate(_neutral(draw, tense, 0.5), _told(draw, stance, tense)), stance.negated


@ENTRIES(4)
def _although(draw: Draw) -> Told:
    """Two pieces of news; the main clause decides."""
    stance, tense = stance_of(draw, 0.3), _tense(draw)
    against = _told(draw, Stance(not draw.positive, draw.chance(0.3)), tense)
    main = _told(draw, stance, tense)
    return subordinate(main, against, draw.any(("although", "though")), fronted=draw.chance(0.5)), stance.negated


@ENTRIES(3)
def _logged(draw: Draw) -> Told:
    """The mate reports that the hull is sound: the news is in the clause that is reported."""
    stance = stance_of(draw, 0.3)
    tense = _tense(draw)
    claim = _told(draw, stance, tense).labelled("ccomp").led(Node("that", "SCONJ", "mark"))
    word = verb(draw.pick(("log", "report", "signal", "record", "note")))
    return verbal(_thing(draw, "hand", dressed=0.4), word, claim, tense=tense), stance.negated
