"""The built-in suite: sentences that a seeded grammar makes, with gold annotation by construction.

Why a grammar and not a corpus: demo, lessons and offline tests need text that comes with the installation, that may be
passed on freely, and whose labels are facts and not opinions. The grammar builds dependency trees in the manner of
Universal Dependencies (content words are heads) out of small functions, and only at the end writes them down from left
to right; heads, tags and relations are therefore read off the tree that made the sentence, and every tree is
projective because a node lists its children on either side of itself.

The sentence-level task is sentiment. It is made so that neither a word of opinion nor a "not" gives the answer alone:
about a third of the sentences turn an opinion round ("The soup was not bland ."), others hold a negation that turns
nothing round ("The film did not last long , but it was superb ."), and after "but" or beside "although" the other
clause decides. `negated` says whether the deciding opinion is turned round; two negations that cancel each other
("The waiter never failed to impress us .") count as none.

A sentence belongs to the split that a hash of its text names, so that splits cannot overlap whatever their size.
"""

import hashlib
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple, TypeVar

from core.data import lexicon
from core.data.lexicon import KINDS, Kind, Noun, Verb, Words, verb
from core.errors import DatasetNotFound

SUITE_VERSION = 1
SIZES = {"train": 4000, "dev": 1000, "test": 1000}
LENGTHS = (4, 20)
"""Fewest and most words of a sentence, punctuation included."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SuiteSentence:
    """One sentence with all its gold annotation; the text is `" ".join(words)`."""

    words: tuple[str, ...]
    upos: tuple[str, ...]
    heads: tuple[int, ...]
    """1-based; 0 marks the root."""
    relations: tuple[str, ...]
    sentiment: str
    """"positive" or "negative"."""
    negated: bool
    """Whether a negation turns the deciding word of opinion round."""
    template: str
    """Name of the construction that made it."""


@lru_cache(maxsize=len(SIZES))
def sentences(split: str) -> tuple[SuiteSentence, ...]:
    """All sentences of a split, the same on every machine, half of them positive. Under a second, then remembered.

    Args:
        split: "train", "dev" or "test".

    Raises:
        DatasetNotFound: no such split.
    """
    if split not in SIZES:
        raise DatasetNotFound(
            f"Opening the split {split!r} of the built-in suite.", "There is none.", f"Choose from {', '.join(SIZES)}."
        )
    seed = hashlib.sha256(f"suite {SUITE_VERSION} {split}".encode()).digest()
    rng = random.Random(int.from_bytes(seed[:8], "big"))
    room = {True: SIZES[split] // 2, False: SIZES[split] - SIZES[split] // 2}
    found: dict[str, SuiteSentence] = {}
    while any(room.values()):
        positive = rng.random() < 0.5
        if not room[positive]:
            continue
        sentence = _sentence(rng, positive)
        text = " ".join(sentence.words)
        fits = LENGTHS[0] <= len(sentence.words) <= LENGTHS[1]
        if fits and text.lower() not in found and split_of(text) == split:
            found[text.lower()] = sentence
            room[positive] -= 1
    return tuple(found.values())


def split_of(text: str) -> str:
    """The split that a sentence belongs to, by a hash of its lower-cased text; shares are those of SIZES."""
    number = int.from_bytes(hashlib.sha256(text.lower().encode()).digest()[:8], "big") % sum(SIZES.values())
    for split, size in SIZES.items():
        if number < size:
            return split
        number -= size
    raise AssertionError("The remainder is below the sum of sizes.")


# --- trees ----------------------------------------------------------------------------------------------------------


class Node(NamedTuple):
    """A word with its children to the left and to the right, in order."""

    form: str
    tag: str
    relation: str = "dep"
    before: tuple["Node", ...] = ()
    after: tuple["Node", ...] = ()

    def labelled(self, relation: str) -> "Node":
        """The same tree as a dependent of another kind."""
        return Node(self.form, self.tag, relation, self.before, self.after)

    def led(self, *children: "Node | None") -> "Node":
        """With more children at its left end."""
        return Node(self.form, self.tag, self.relation, (*_present(children), *self.before), self.after)

    def followed(self, *children: "Node | None") -> "Node":
        """With more children at its right end."""
        return Node(self.form, self.tag, self.relation, self.before, (*self.after, *_present(children)))


def _present(children: Sequence[Node | None]) -> list[Node]:
    return [child for child in children if child is not None]


def _flatten(node: Node, out: list[tuple[Node, list[int]]]) -> int:
    """Append the tree's words from left to right; each with a cell for its head. Returns the position of its top."""
    cells = [_flatten(child, out) for child in node.before]
    out.append((node, [0]))
    position = len(out)
    cells += [_flatten(child, out) for child in node.after]
    for cell in cells:
        out[cell - 1][1][0] = position
    return position


def _spelled(forms: Sequence[str]) -> tuple[str, ...]:
    """Words as written: "a" or "an" by the next word, a capital at the start."""
    words = [_article(after) if word == "a" else word for word, after in zip(forms, [*forms[1:], ""], strict=True)]
    return (words[0][0].upper() + words[0][1:], *words[1:])


def _article(following: str) -> str:
    return "an" if following[:1] in "aeiou" and following not in lexicon.GLIDES else "a"


# --- drawing --------------------------------------------------------------------------------------------------------


class Draw:
    """One sentence in the making: the random choices, the label it is to have, and what it is about.

    Only `random()` of the generator is used, the one method whose sequence Python promises to keep.
    """

    def __init__(self, rng: random.Random, positive: bool) -> None:
        self._rng = rng
        self.positive = positive
        self.domain = self.pick(lexicon.DOMAINS)

    def chance(self, probability: float) -> bool:
        """True in so many of all cases."""
        return self._rng.random() < probability

    def pick(self, options: Sequence[T]) -> T:
        """One of them, all alike."""
        return options[int(self._rng.random() * len(options))]

    def weighted(self, options: Sequence[tuple[float, T]]) -> T:
        """One of them, by weight."""
        left = self._rng.random() * sum(weight for weight, _ in options)
        for weight, option in options:
            left -= weight
            if left < 0:
                return option
        return options[-1][1]

    def kind(self, allowed: Collection[str]) -> Kind:
        """A kind among those allowed, of this sentence's domain when it has one; else the domain changes."""
        here = [kind for kind in KINDS.values() if kind.name in allowed and kind.domain == self.domain]
        chosen = self.pick(here or [kind for kind in KINDS.values() if kind.name in allowed])
        self.domain = chosen.domain
        return chosen

    def tense(self, kind: Kind) -> str:
        """Past, or sometimes present for what lasts."""
        return "past" if kind.passing or self.chance(0.65) else "present"


class Stance(NamedTuple):
    """What a clause says in the end, and whether it says so by negating the opposite."""

    positive: bool
    negated: bool

    @property
    def word(self) -> bool:
        """Polarity that its word of opinion must have."""
        return self.positive != self.negated


def _stance(draw: Draw, negated: float) -> Stance:
    return Stance(draw.positive, draw.chance(negated))


# --- words and phrases ----------------------------------------------------------------------------------------------


class Nominal(NamedTuple):
    """A noun phrase with what agreement and pronouns need to know of it."""

    node: Node
    plural: bool
    pronoun: str


def _det(form: str) -> Node:
    return Node(form, "DET", "det")


def _adverb(form: str) -> Node:
    return Node(form, "ADV", "advmod")


def _case(form: str) -> Node:
    return Node(form, "ADP", "case")


def _mark(form: str) -> Node:
    return Node(form, "SCONJ", "mark")


_COMMA = Node(",", "PUNCT", "punct")
_BUT = Node("but", "CCONJ", "cc")
_TO = Node("to", "PART", "mark")
_NEGATIONS: dict[str, Node | None] = {
    "": None,
    "not": Node("not", "PART", "advmod"),
    "never": Node("never", "ADV", "advmod"),
    "hardly": Node("hardly", "ADV", "advmod"),
}
_RELATION_OF_TAG = {
    "DET": "det", "NUM": "nummod", "ADJ": "amod", "NOUN": "compound", "PROPN": "compound", "PRON": "nmod:poss",
    "ADP": "case",
}  # fmt: skip


def _token(text: str, last: bool) -> Node:
    """A word of a written-out phrase; what no table of function words holds is a noun at the end, else an adjective."""
    form, _, tag = text.partition("/")
    if tag:
        return Node(form, tag)
    for words, closed in (
        (lexicon.DETERMINERS, "DET"), (lexicon.ADPOSITIONS, "ADP"), (lexicon.POSSESSIVES, "PRON"),
        (lexicon.OBJECT_PRONOUNS, "PRON"), (lexicon.NUMERALS, "NUM"), (lexicon.ADVERBS, "ADV"),
    ):  # fmt: skip
        if form in words:
            return Node(form, closed)
    return Node(form, ("PROPN" if form[0].isupper() else "NOUN") if last else "ADJ")


def _chunk(texts: Sequence[str]) -> Node:
    """A noun phrase, a prepositional phrase or an adverb; the last word is its head."""
    front, head = [_token(text, False) for text in texts[:-1]], _token(texts[-1], True)
    if "+" in head.form:
        first, _, form = head.form.partition("+")
        front, head = [*front, Node(first, "NOUN")], Node(form, head.tag)
    children = tuple(node.labelled(_RELATION_OF_TAG[node.tag]) for node in front)
    if head.tag == "ADV":
        relation = "advmod"
    elif any(child.relation == "case" for child in children):
        relation = "obl"
    else:
        relation = "obl:tmod" if head.form in lexicon.TIME_NOUNS else "obj"
    return Node(head.form, head.tag, relation, children)


@cache
def _phrases(text: str) -> tuple[Node, ...]:
    """Complements written out as text ("a table early", "in the lobby"), with the relations they have to a verb."""
    chunks: list[list[str]] = []
    for word in text.split():
        starts = word in lexicon.ADPOSITIONS or word in lexicon.ADVERBS or word.endswith("/ADV")
        if starts or not chunks or chunks[-1][-1] in lexicon.ADVERBS:
            chunks.append([])
        chunks[-1].append(word)
    return tuple(_chunk(chunk) for chunk in chunks)


def _place(text: str) -> Node:
    """A written-out prepositional phrase as a part of a noun phrase."""
    return _phrases(text)[0].labelled("nmod")


def _pronoun(form: str) -> Nominal:
    return Nominal(Node(form, "PRON"), form in ("we", "they"), form)


def _name(draw: Draw) -> Nominal:
    form, _, pronoun = draw.pick(lexicon.NAMES).partition(":")
    return Nominal(Node(form, "PROPN"), False, pronoun)


def _kin(draw: Draw) -> Nominal:
    owner = Node(draw.pick(("my", "my", "our", "her", "his")), "PRON", "nmod:poss")
    if draw.chance(0.3):
        return Nominal(Node(draw.pick(lexicon.KIN_PLURAL), "NOUN", before=(owner,)), True, "they")
    form, _, pronoun = draw.pick(lexicon.KIN).partition(":")
    return Nominal(Node(form, "NOUN", before=(owner,)), False, pronoun or draw.pick(("he", "she")))


def _determiner(draw: Draw, kind: Kind, plural: bool) -> tuple[Node, ...]:
    if kind.name in lexicon.BELONGINGS and draw.chance(0.1):
        return (_name(draw).node.labelled("nmod:poss").followed(Node("'s", "PART", "case")),)
    if kind.owned and draw.chance(0.2):
        return (Node(draw.pick(("our", "my")), "PRON", "nmod:poss"),)
    if not plural:
        return (_det(draw.weighted(((7, "the"), (1.2, "this"), (1, "that")))),)
    number = Node(draw.pick(lexicon.NUMBERS), "NUM", "nummod") if draw.chance(0.25) else None
    return tuple(_present((_det(draw.pick(("the", "the", "the", "these", "those"))), number)))


def _relative(draw: Draw, kind: Kind) -> Node:
    """A neutral relative clause: what people do with the thing, or what the person did."""
    action = draw.pick(kind.relatives)
    word, _, rest = action.partition(" ")
    if kind.person:
        return _clause(_pronoun("who"), verb(word), *_phrases(rest), tense="past").labelled("acl:relcl")
    people = draw.weighted(((3, _pronoun("we")), (2, _pronoun("I")), (2, _kin(draw)), (1, _name(draw))))
    clause = _clause(people, verb(word), *_phrases(rest), tense="past").labelled("acl:relcl")
    relative = draw.weighted(((5, "that"), (2, "which"), (3, "")))
    return clause.led(Node(relative, "PRON", "obj") if relative else None)


def _headed(noun: Noun, plural: bool, *before: Node | None, after: tuple[Node, ...] = ()) -> Node:
    compound = Node(noun.compound, "NOUN", "compound") if noun.compound else None
    children = _present((*before, compound))
    return Node(noun.plural if plural else noun.singular, "NOUN", "dep", tuple(children), after)


def _referred(draw: Draw, kind: Kind, noun: Noun, plural: bool) -> str:
    """The pronoun that takes a noun phrase up again."""
    if plural:
        return "they"
    return noun.pronoun or (draw.pick(("he", "she")) if kind.person else "it")


def _thing(
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
    wanted = draw.chance(0.22) if plural is None else plural
    many = wanted and bool(noun.plural)
    modifier = None
    if kind.modifiers and not noun.compound and draw.chance(0.22 * dressed):
        form = draw.pick(kind.modifiers)
        modifier = None if many and form in lexicon.RANKS else Node(form, "ADJ", "amod")
    after: tuple[Node, ...] = ()
    determiner: tuple[Node, ...] = (_det("the"),)
    if kind.places and draw.chance(0.25 * dressed):
        after = (_place(draw.pick(kind.places)),)
    elif kind.relatives and draw.chance(0.2 * dressed):
        after = (_relative(draw, kind),)
    elif not definite:
        determiner = _determiner(draw, kind, many)
    return Nominal(_headed(noun, many, *determiner, modifier, after=after), many, _referred(draw, kind, noun, many))


_QUANTITIES = (("most", "ADJ"), ("many", "ADJ"), ("several", "ADJ"), ("some", "DET"), ("all", "DET"))


def _audience(draw: Draw, *, definite: bool = False, nouns_only: bool = False) -> Nominal:
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
        return draw.weighted(((4, _kin(draw)), (2.5, _name(draw)), (5, _pronoun(draw.pick(pronouns)))))
    noun = draw.pick(lexicon.AUDIENCES[draw.domain].split())
    if not definite and draw.chance(0.15):
        return Nominal(Node(noun, "NOUN", before=(_det("every"),)), False, "they")
    before: tuple[Node, ...] = (_det("the"),)
    if not definite and draw.chance(0.4):
        form, tag = draw.pick(_QUANTITIES)
        before = (Node(form, tag, "det" if tag == "DET" else "amod"),)
    elif draw.chance(0.2):
        number = Node(draw.pick(lexicon.NUMBERS), "NUM", "nummod")
        before = (_det("the"), number) if definite else (number,)
    after = (_place(draw.pick(lexicon.AUDIENCE_PLACES[draw.domain])),) if draw.chance(0.2) else ()
    return Nominal(Node(lexicon.s_form(noun), "NOUN", "dep", before, after), True, "they")


def _experiencer(draw: Draw, *, definite: bool) -> Node:
    """Whom something pleases or annoys, as an object."""
    if draw.chance(0.45):
        forms = ("us", "me", "us") if definite else ("us", "me", "everyone", "everybody")
        return Node(draw.pick(forms), "PRON", "obj")
    people = _audience(draw, definite=True, nouns_only=True) if draw.chance(0.6) else _kin(draw)
    return people.node.labelled("obj")


# --- clauses --------------------------------------------------------------------------------------------------------


def _be(subject: Nominal, tense: str) -> str:
    if tense == "present":
        return "am" if subject.pronoun == "I" else ("are" if subject.plural else "is")
    return "were" if subject.plural else "was"


def _finite(word: Verb, subject: Nominal, tense: str) -> str:
    if tense == "past":
        return word.past
    return word.base if subject.plural or subject.pronoun == "I" else word.third


def _auxiliary(base: str, subject: Nominal, tense: str) -> Node:
    return Node(_finite(verb(base), subject, tense), "AUX", "aux")


def _clause(subject: Nominal, word: Verb, *after: Node, tense: str, negation: str = "", early: str = "") -> Node:
    """A finite clause with a verb as its head.

    Args:
        subject: the subject.
        word: the verb.
        after: complements and adjuncts, in order.
        tense: "past", "present", "perfect", or a modal verb.
        negation: "", "not", "never" or "hardly".
        early: an adverb before the verb, or empty.
    """
    auxiliary = None
    if tense == "perfect":
        auxiliary, form = _auxiliary("have", subject, "present"), word.participle
    elif tense in ("would", "could"):
        auxiliary, form = Node(tense, "AUX", "aux"), word.base
    elif negation == "not":
        auxiliary, form = _auxiliary("do", subject, tense), word.base
    else:
        form = _finite(word, subject, tense)
    adverb = _adverb(early) if early else None
    front = _present((subject.node.labelled("nsubj"), auxiliary, _NEGATIONS[negation], adverb))
    return Node(form, "VERB", "root", tuple(front), after)


def _copular(subject: Nominal, predicate: Node, *, tense: str, negation: str = "") -> Node:
    """As in "The soup was not bland": the predicate is the head, the copula depends on it."""
    negator = _NEGATIONS[negation]
    if tense == "perfect":
        words = _present((_auxiliary("have", subject, "present"), negator, Node("been", "AUX", "cop")))
    else:
        words = _present((Node(_be(subject, tense), "AUX", "cop"), negator))
    return predicate.labelled("root").led(subject.node.labelled("nsubj"), *words)


def _object(word: Verb, thing: Nominal) -> Node:
    """What a verb is about, with the verb's preposition if it takes one."""
    if word.preposition:
        return thing.node.labelled("obl").led(_case(word.preposition))
    return thing.node.labelled("obj")


def _coordinated(first: Node, second: Node, conjunction: str = "but") -> Node:
    """Two main clauses: "... , but ..."."""
    return first.followed(second.labelled("conj").led(_COMMA, Node(conjunction, "CCONJ", "cc")))


def _subordinate(main: Node, clause: Node, mark: str, *, fronted: bool) -> Node:
    """A main clause with an adverbial clause after or before it."""
    adverbial = clause.labelled("advcl").led(_mark(mark))
    return main.led(adverbial.followed(_COMMA)) if fronted else main.followed(adverbial)


def _fact(draw: Draw, subject: Nominal, text: str, *, tense: str, negated: bool) -> Node:
    """A clause without opinion from the lexicon: "it has a pool", "we did not book a table", "it had no garden"."""
    word, _, rest = text.partition(" ")
    if negated and word == "have" and rest.startswith("a ") and draw.chance(0.35):
        return _clause(subject, verb(word), *_phrases("no" + rest[1:]), tense=tense)
    return _clause(subject, verb(word), *_phrases(rest), tense=tense, negation="not" if negated else "")


def _concession(draw: Draw, subject: Nominal, facts: Words, *, tense: str) -> Node:
    """A fact that speaks against the sentence's label: an advantage that is wanting, or a drawback that is there."""
    negated = draw.chance(0.55)
    text = draw.pick(facts[draw.positive == negated])
    return _fact(draw, subject, text, tense=tense, negated=negated)


def _dated(draw: Draw, clause: Node) -> Node:
    """Now and then with the time of a past event, at the end or in front."""
    if not draw.chance(0.22):
        return clause
    (when,) = _phrases(draw.pick(lexicon.DATES))
    when = when.labelled("obl:tmod" if not when.before or when.form in lexicon.TIME_NOUNS else "obl")
    return clause.led(when.followed(_COMMA)) if draw.chance(0.35) else clause.followed(when)


# --- opinions -------------------------------------------------------------------------------------------------------

_MILD = ("very", "very", "really", "quite", "rather", "extremely")
_STRONG = ("absolutely", "truly", "simply", "really")


def _adjective(draw: Draw, kind: Kind, side: bool, *, graded: float = 0.35) -> Node:
    """An adjective that suits the kind, sometimes with an adverb of degree that suits the adjective."""
    form = draw.pick(lexicon.ADJECTIVES[kind.name][side])
    degree = None
    if draw.chance(graded):
        degree = _adverb(draw.pick(_STRONG if form in lexicon.EXTREME else _MILD))
    return Node(form, "ADJ", "dep", (degree,) if degree else ())


def _attributive(draw: Draw, kind: Kind, side: bool) -> Node:
    """An adjective to stand between article and noun, where "quite" and "simply" do not fit."""
    node = _adjective(draw, kind, side, graded=0)
    if draw.chance(0.3):
        degrees = ("truly", "absolutely") if node.form in lexicon.EXTREME else ("very", "really")
        node = node.led(_adverb(draw.pick(degrees)))
    return node.labelled("amod")


def _denied(draw: Draw, kind: Kind, side: bool) -> Node:
    """An adjective to stand after "not"."""
    node = _adjective(draw, kind, side, graded=0)
    if node.form in lexicon.EXTREME and draw.chance(0.6):
        return _denied(draw, kind, side)
    if node.form not in lexicon.EXTREME and draw.chance(0.3):
        return node.led(_adverb(draw.pick(("very", "particularly"))))
    return node


def _adjectives(draw: Draw, kind: Kind, *sides: bool) -> tuple[Node, Node]:
    """Two that neither repeat nor contradict each other, the second as a conjunct of the first."""
    said, added = (
        [word for word in lexicon.ADJECTIVES[kind.name][side] if word not in lexicon.GENERAL] for side in sides
    )
    first = draw.pick(said)
    others = [word for word in added if word != first and not any({word, first} <= alike for alike in lexicon.ALIKE)]
    return Node(first, "ADJ"), Node(draw.pick(others), "ADJ", "conj")


def _described(draw: Draw, subject: Nominal, kind: Kind, stance: Stance, tense: str) -> Node:
    """As in "The soup was bland", "The soup was not very tasty"."""
    if not stance.negated:
        return _copular(subject, _adjective(draw, kind, stance.word), tense=tense)
    predicate = _denied(draw, kind, stance.word)
    steady = kind.name in lexicon.STEADY and predicate.form not in lexicon.EXTREME and not predicate.before
    if not steady or draw.chance(0.6):
        return _copular(subject, predicate, tense=tense, negation="not")
    return _copular(subject, predicate, tense=draw.pick(("past", "perfect")), negation="never")


def _seeming(draw: Draw, subject: Nominal, kind: Kind, stance: Stance, tense: str) -> Node:
    """As in "The soup tasted stale", "The waiter did not seem friendly"."""
    word, adjectives = draw.pick(lexicon.SENSES[kind.name])
    predicate = Node(draw.pick(adjectives[stance.word]), "ADJ", "xcomp")
    return _clause(subject, verb(word), predicate, tense=tense, negation="not" if stance.negated else "")


def _verdict(draw: Draw, subject: Nominal, kind: Kind, stance: Stance, tense: str) -> Node:
    """As in "The film was a triumph", "The tour was not a disaster", "The novel was no masterpiece"."""
    noun = Node(draw.pick(lexicon.VERDICTS[kind.name][stance.word]), "NOUN")
    how = draw.weighted(((4, "not"), (2, "no"), (1, "hardly"))) if stance.negated else ""
    if how == "no":
        return _copular(subject, noun.led(_det("no")), tense=tense)
    emphasis = None
    if not stance.negated and draw.chance(0.2):
        emphasis = Node(draw.pick(("real", "complete", "true")), "ADJ", "amod")
    return _copular(subject, noun.led(_det("a"), emphasis), tense=tense, negation=how)


def _done(draw: Draw, subject: Nominal, kind: Kind, stance: Stance, tense: str) -> Node:
    """As in "The band played beautifully", "The laptop does not work well"."""
    word = draw.pick(lexicon.MANNER_VERBS[kind.name])
    manner = _adverb(draw.pick(lexicon.MANNERS[word][stance.word]))
    negation = draw.weighted(((3, "not"), (1, "never"))) if stance.negated else ""
    if negation == "never" and kind.passing:
        negation = "not"
    return _clause(subject, verb(word), manner, tense=tense, negation=negation)


_Opinion = Callable[[Draw, Nominal, Kind, Stance, str], Node]


def _opinion(draw: Draw, subject: Nominal, kind: Kind, stance: Stance, tense: str) -> Node:
    """A clause of opinion about a given subject, in any of the simple ways that suit its kind."""
    ways: list[tuple[float, _Opinion]] = [(5, _described)]
    if lexicon.SENSES[kind.name]:
        ways.append((1.2, _seeming))
    if kind.name in lexicon.VERDICTS and not subject.plural:
        ways.append((1.2, _verdict))
    if lexicon.MANNER_VERBS[kind.name]:
        ways.append((1.8, _done))
    return draw.weighted(ways)(draw, subject, kind, stance, tense)


# --- templates: simple clauses --------------------------------------------------------------------------------------

Told = tuple[Node, bool]
"""A tree and whether a negation turns its deciding opinion round."""


class Template(NamedTuple):
    """A construction, with its share of the sentences."""

    name: str
    weight: float
    build: Callable[[Draw], Told]


_TEMPLATES: list[Template] = []


def _template(weight: float) -> Callable[[Callable[[Draw], Told]], Callable[[Draw], Told]]:
    """Register a function as the template of its name."""

    def register(build: Callable[[Draw], Told]) -> Callable[[Draw], Told]:
        _TEMPLATES.append(Template(build.__name__.strip("_"), weight, build))
        return build

    return register


def _about(draw: Draw, allowed: Collection[str], way: _Opinion, negated: float, *, plural: bool | None = None) -> Told:
    """A clause of one way of judging, about something of an allowed kind."""
    kind = draw.kind(allowed)
    stance = _stance(draw, negated)
    return way(draw, _thing(draw, kind, plural=plural), kind, stance, draw.tense(kind)), stance.negated


@_template(6)
def _copular_plain(draw: Draw) -> Told:
    return _about(draw, lexicon.ADJECTIVES, _described, 0)


@_template(3)
def _copular_negated(draw: Draw) -> Told:
    return _about(draw, lexicon.ADJECTIVES, _described, 1)


@_template(4)
def _senses(draw: Draw) -> Told:
    return _about(draw, [name for name, ways in lexicon.SENSES.items() if ways], _seeming, 0.3)


@_template(4)
def _verdicts(draw: Draw) -> Told:
    return _about(draw, lexicon.VERDICTS, _verdict, 0.35, plural=False)


@_template(5)
def _manner(draw: Draw) -> Told:
    kind = draw.kind([name for name, verbs in lexicon.MANNER_VERBS.items() if verbs])
    stance = _stance(draw, 0.35)
    named = kind.name in ("musician", "player", "writer") and draw.chance(0.3)
    tense = draw.tense(kind)
    clause = _done(draw, _name(draw) if named else _thing(draw, kind), kind, stance, tense)
    dated = tense == "past" and (kind.person or kind.name == "ensemble") and kind.name != "writer"
    return (_dated(draw, clause) if dated else clause), stance.negated


@_template(3)
def _pair(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ADJECTIVES)
    first, second = _adjectives(draw, kind, draw.positive, draw.positive)
    predicate = first.followed(second.led(Node("and", "CCONJ", "cc")))
    return _copular(_thing(draw, kind), predicate, tense=draw.tense(kind)), False


@_template(1.3)
def _neither_nor(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ADJECTIVES)
    first, second = _adjectives(draw, kind, not draw.positive, not draw.positive)
    predicate = first.led(Node("neither", "CCONJ", "cc:preconj")).followed(second.led(Node("nor", "CCONJ", "cc")))
    return _copular(_thing(draw, kind), predicate, tense=draw.tense(kind)), True


@_template(1.2)
def _not_only(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ADJECTIVES)
    first, second = _adjectives(draw, kind, draw.positive, draw.positive)
    predicate = first.led(_NEGATIONS["not"], _adverb("only")).followed(second.led(_BUT, _adverb("also")))
    return _copular(_thing(draw, kind), predicate, tense=draw.tense(kind)), False


@_template(1.5)
def _but_adjective(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ADJECTIVES)
    first, second = _adjectives(draw, kind, not draw.positive, draw.positive)
    second = second.led(_BUT)
    return _copular(_thing(draw, kind), first.followed(second), tense=draw.tense(kind)), False


@_template(1)
def _hardly(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ADJECTIVES)
    predicate = _adjective(draw, kind, not draw.positive, graded=0)
    return _copular(_thing(draw, kind), predicate, tense=draw.tense(kind), negation="hardly"), True


@_template(1)
def _far_from(draw: Draw) -> Told:
    """In "far from perfect" the adverb is the predicate, and what it is far from an oblique of it."""
    kind = draw.kind(lexicon.ADJECTIVES)
    opinion = _adjective(draw, kind, not draw.positive, graded=0).labelled("obl").led(_case("from"))
    return _copular(_thing(draw, kind), Node("far", "ADV", after=(opinion,)), tense=draw.tense(kind)), True


@_template(1)
def _no_longer(draw: Draw) -> Told:
    kind = draw.kind(lexicon.kinds("diner lodging room device STAFF"))
    longer = Node("longer", "ADV", "advmod", (Node("no", "ADV", "advmod"),))
    subject = _thing(draw, kind)
    copula = Node(_be(subject, "present"), "AUX", "cop")
    (adjectives,) = [words for word, words in lexicon.SENSES[kind.name] if word == "seem"]
    predicate = Node(draw.pick(adjectives[not draw.positive]), "ADJ", "root")
    return predicate.led(subject.node.labelled("nsubj"), copula, longer), True


@_template(1.3)
def _no_subject(draw: Draw) -> Told:
    kind = draw.kind(lexicon.kinds("dish bake room scene chapter song server host guide"))
    noun = draw.pick([noun for noun in kind.nouns if noun.plural])
    place = _place(draw.pick(kind.places))
    predicate = _adjective(draw, kind, not draw.positive, graded=0)
    if draw.chance(0.6):
        subject = Nominal(_headed(noun, False, _det("no"), after=(place,)), False, "it")
    else:
        things = _headed(noun, True, _det("the"), after=(place,)).labelled("nmod").led(_case("of"))
        subject = Nominal(Node("none", "PRON", after=(things,)), draw.chance(0.5), "it")
    return _copular(subject, predicate, tense=draw.tense(kind)), True


@_template(2)
def _nothing_about(draw: Draw) -> Told:
    kind = draw.kind(lexicon.kinds("PLACE WORK PIECE STAFF ARTIST room trip"))
    stance = _stance(draw, 0.5)
    tense = draw.tense(kind)
    quality = _adjective(draw, kind, stance.word, graded=0.2 if not stance.negated else 0).labelled("amod")
    topic = _thing(draw, kind, dressed=0.6).node.labelled("nmod").led(_case("about"))
    core = Node("nothing" if stance.negated else "something", "PRON", "nsubj", after=(quality, topic))
    there = Node("there", "PRON", "expl")
    return Node("was" if tense == "past" else "is", "VERB", "root", (there,), (core,)), stance.negated


@_template(2)
def _simile(draw: Draw) -> Told:
    stance = _stance(draw, 0.35)
    simile = draw.pick([simile for simile in lexicon.SIMILES if simile.favourable == stance.word])
    kind = KINDS[draw.pick(simile.kinds)]
    draw.domain = kind.domain
    (image,) = _phrases(simile.image)
    clause = _clause(
        _thing(draw, kind, plural=False),
        verb(simile.verb),
        image.labelled("obl").led(_case("like")),
        tense=draw.tense(kind),
        negation="not" if stance.negated else "",
    )
    return clause, stance.negated


# --- templates: people and things -----------------------------------------------------------------------------------


def _attitude(draw: Draw, kind: Kind, side: bool) -> Verb:
    return verb(draw.pick(lexicon.ATTITUDES[kind.name][side]))


@_template(5)
def _praise(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ATTITUDES)
    stance = _stance(draw, 0.33)
    word = _attitude(draw, kind, stance.word)
    people = _audience(draw, definite=stance.negated)
    thing = _object(word, _thing(draw, kind, definite=True))
    lasting = word.base in lexicon.LASTING and not kind.passing
    tense = draw.weighted(((5, "past"), (3 if lasting else 0, "present"), (1, "perfect")))
    negation = "" if not stance.negated else ("never" if tense == "perfect" else "not")
    early = draw.pick(("always", "clearly", "really", "often")) if not stance.negated and draw.chance(0.15) else ""
    clause = _clause(people, word, thing, tense=tense, negation=negation, early=early)
    dated = tense == "past" and not early and word.base in lexicon.EVENTFUL
    return (_dated(draw, clause) if dated else clause), stance.negated


def _nobody(draw: Draw) -> Nominal:
    """As in "Nobody at the market", "No guest", "None of the critics", "Hardly anyone"."""
    places = lexicon.AUDIENCE_PLACES[draw.domain]
    place = (_place(draw.pick(places)),) if draw.chance(0.4) else ()
    noun = draw.pick(lexicon.AUDIENCES[draw.domain].split())
    people = Node(lexicon.s_form(noun), "NOUN", "nmod", (_case("of"), _det("the")))
    node = draw.weighted(
        (
            (4, Node("nobody", "PRON", after=place)),
            (2, Node("one", "PRON", before=(_det("no"),), after=place)),
            (2, Node(noun, "NOUN", before=(_det("no"),), after=place)),
            (2, Node("none", "PRON", after=(people,))),
            (1.5, Node("anyone", "PRON", before=(_adverb("hardly"),), after=place)),
        )
    )
    return Nominal(node, False, "they")


@_template(1.8)
def _nobody_praises(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ATTITUDES)
    word = _attitude(draw, kind, not draw.positive)
    thing = _object(word, _thing(draw, kind, definite=True, dressed=0.6))
    return _clause(_nobody(draw), word, thing, tense="past"), True


@_template(3)
def _passive(draw: Draw) -> Told:
    kind = draw.kind(lexicon.kinds("WORK PLACE ARTIST PIECE ensemble device"))
    stance = _stance(draw, 0.35)
    word = draw.pick([word for word in lexicon.ATTITUDES[kind.name][stance.word] if word in lexicon.PASSIVES])
    tense = "present" if word in lexicon.LASTING and not kind.passing and draw.chance(0.4) else "past"
    subject = _thing(draw, kind)
    negation = draw.pick(("not", "never")) if stance.negated else ""
    early = _adverb("often") if not stance.negated and draw.chance(0.2) else None
    people = _audience(draw, definite=stance.negated or early is not None, nouns_only=True)
    agent = people.node.labelled("obl:agent").led(_case("by"))
    front = (subject.node.labelled("nsubj:pass"), Node(_be(subject, tense), "AUX", "aux:pass"))
    middle = _present((_NEGATIONS[negation], early))
    return Node(verb(word).participle, "VERB", "root", (*front, *middle), (agent,)), stance.negated


@_template(3)
def _found(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ADJECTIVES)
    stance = _stance(draw, 0.35)
    people = _audience(draw, definite=True)
    if stance.negated:
        negation = "" if draw.chance(0.3) else "not"
        people = people if negation else _nobody(draw)
        quality = _denied(draw, kind, stance.word)
    else:
        negation, quality = "", _adjective(draw, kind, stance.word, graded=0.25)
    thing = _thing(draw, kind, dressed=0.35).node.labelled("obj")
    found = (thing, quality.labelled("xcomp"))
    return _clause(people, verb("find"), *found, tense="past", negation=negation), stance.negated


@_template(1.5)
def _would_call(draw: Draw) -> Told:
    kind = draw.kind(lexicon.kinds("WORK PLACE STAFF ARTIST room trip device"))
    stance = _stance(draw, 0.65)
    negation = draw.pick(("never", "never", "not")) if stance.negated else ""
    people = _pronoun(draw.pick(("I", "I", "we"))) if draw.chance(0.8) else _audience(draw, definite=True)
    quality = _adjective(draw, kind, stance.word, graded=0 if stance.negated else 0.2).labelled("xcomp")
    thing = _thing(draw, kind, dressed=0.3).node.labelled("obj")
    return _clause(people, verb("call"), thing, quality, tense="would", negation=negation), stance.negated


@_template(4)
def _impress(draw: Draw) -> Told:
    kind = draw.kind(lexicon.EFFECTS)
    stance = _stance(draw, 0.33)
    word = verb(draw.pick(lexicon.EFFECTS[kind.name][stance.word]))
    never = 0 if kind.passing else 1
    negation = draw.weighted(((4, "not"), (1, "hardly"), (never, "never"))) if stance.negated else ""
    people = _experiencer(draw, definite=stance.negated)
    clause = _clause(_thing(draw, kind), word, people, tense="past", negation=negation)
    dated = negation != "never" and kind.name in lexicon.OCCASIONS
    return (_dated(draw, clause) if dated else clause), stance.negated


@_template(2)
def _failing(draw: Draw) -> Told:
    """A plain "failed to" turns praise round; "never failed to" leaves it as it was."""
    kind = draw.kind(lexicon.EFFECTS)
    word = verb(draw.pick(lexicon.EFFECTS[kind.name][True]))
    aim = Node(word.base, "VERB", "xcomp", (_TO,), (_experiencer(draw, definite=True),))
    tense = draw.tense(kind)
    if not draw.positive:
        return _clause(_thing(draw, kind), verb("fail"), aim, tense=tense), True
    how = "never" if not kind.passing and draw.chance(0.7) else "not"
    return _clause(_thing(draw, kind), verb("fail"), aim, tense=tense, negation=how), False


@_template(3)
def _impact(draw: Draw) -> Told:
    kind = draw.kind(lexicon.IMPACT_SOURCES)
    stance = _stance(draw, 0.35)
    word = verb(draw.pick(lexicon.IMPACTS[stance.word]))
    (target,) = _phrases(draw.pick(lexicon.IMPACT_TARGETS[kind.domain]))
    negation = "not" if stance.negated else ""
    return _clause(_thing(draw, kind), word, target, tense="past", negation=negation), stance.negated


def _quality(draw: Draw, kind: Kind, side: bool) -> Node:
    return Node(draw.pick(lexicon.QUALITIES[kind.name][side]), "NOUN", "obj")


@_template(3)
def _having(draw: Draw) -> Told:
    kind = draw.kind(lexicon.QUALITIES)
    stance = _stance(draw, 0.5)
    quality = _quality(draw, kind, stance.word)
    if stance.negated:
        quality = quality.led(_det("no"))
    else:
        amounts = ("great", "real", "enormous") if stance.word else ("obvious", "serious", "several")
        quality = quality.led(Node(draw.pick(amounts), "ADJ", "amod"))
    return _clause(_thing(draw, kind), verb("have"), quality, tense=draw.tense(kind)), stance.negated


@_template(1.5)
def _lacking(draw: Draw) -> Told:
    """To lack a good thing is bad; not to lack it is good again."""
    kind = draw.kind(lexicon.QUALITIES)
    quality = _quality(draw, kind, True)
    negation = draw.pick(("not", "never")) if draw.positive else ""
    clause = _clause(_thing(draw, kind), verb("lack"), quality, tense=draw.tense(kind), negation=negation)
    return clause, not draw.positive


@_template(1.5)
def _without(draw: Draw) -> Told:
    if draw.chance(0.5):
        kind = draw.kind(("trip", "concert"))
        quality = Node(draw.pick(lexicon.EVENT_QUALITIES[not draw.positive]), "NOUN", "obl")
        quality = quality.led(_case("without"), _det("any"))
        word = verb(draw.pick(("end", "begin", "start", "pass")))
        return _clause(_thing(draw, kind), word, quality, tense="past"), True
    kind = draw.kind(lexicon.kinds("film lodging book song"))
    quality = _quality(draw, kind, not draw.positive).labelled("nmod").led(_case("without"), _det("any"))
    noun = draw.pick(kind.nouns)
    predicate = _headed(noun, False, _det("a"), after=(quality,))
    subject = _pronoun(draw.pick(("it", "this", "that")))
    return _copular(subject, predicate, tense=draw.tense(kind)), True


@_template(4)
def _classed(draw: Draw) -> Told:
    """As in "It was a superb film", "This is not a dull book"."""
    kind = draw.kind([name for name in lexicon.ADJECTIVES if name not in ("scene", "chapter", "component")])
    stance = _stance(draw, 0.35)
    noun = draw.pick([noun for noun in kind.nouns if noun.plural])
    quality = (_denied if stance.negated else _attributive)(draw, kind, stance.word).labelled("amod")
    place = (_place(draw.pick(kind.places)),) if kind.name in lexicon.BROAD_PLACES and draw.chance(0.2) else ()
    predicate = _headed(noun, False, _det("a"), quality, after=place)
    if kind.person:
        subject = _name(draw) if not noun.pronoun and draw.chance(0.6) else _pronoun(_referred(draw, kind, noun, False))
    else:
        subject = _pronoun(draw.pick(("it", "it", "this", "that")))
    negation = "not" if stance.negated else ""
    return _copular(subject, predicate, tense=draw.tense(kind), negation=negation), stance.negated


@_template(4)
def _encounter(draw: Draw) -> Told:
    kind = draw.kind(lexicon.ENCOUNTERS)
    word = verb(draw.pick(lexicon.ENCOUNTERS[kind.name]))
    noun = draw.pick([noun for noun in kind.nouns if noun.plural])
    quality = _attributive(draw, kind, draw.positive)
    place = (_place(draw.pick(kind.places)),) if kind.name in lexicon.BROAD_PLACES and draw.chance(0.3) else ()
    thing = Nominal(_headed(noun, False, _det("a"), quality, after=place), False, "it")
    people = draw.weighted(((4, _pronoun(draw.pick(("we", "I", "they")))), (3, _kin(draw)), (2, _name(draw))))
    return _dated(draw, _clause(people, word, _object(word, thing), tense="past")), False


@_template(3)
def _habit(draw: Draw) -> Told:
    """As in "The café never serves stale bread", "This author writes gripping novels"."""
    who, what, product = draw.pick(lexicon.PRODUCERS)
    maker, kind = KINDS[who], KINDS[product]
    draw.domain = maker.domain
    stance = _stance(draw, 0.5)
    noun = draw.pick([noun for noun in kind.nouns if noun.plural or noun.mass])
    quality = _adjective(draw, kind, stance.word, graded=0).labelled("amod")
    thing = _headed(noun, bool(noun.plural), quality).labelled("obj")
    negation = draw.pick(("never", "never", "not")) if stance.negated else ""
    early = draw.pick(("always", "often", "usually")) if not stance.negated and draw.chance(0.5) else ""
    tense = draw.pick(("present", "present", "past"))
    clause = _clause(_thing(draw, maker, dressed=0.7), verb(what), thing, tense=tense, negation=negation, early=early)
    return clause, stance.negated


# --- templates: several clauses -------------------------------------------------------------------------------------


def _whole(draw: Draw) -> Kind:
    return KINDS[draw.pick(lexicon.WHOLES[draw.domain])]


def _part(draw: Draw, whole: Kind) -> tuple[Nominal, Kind]:
    """Something that belongs to a thing just named, as a subject: "its ending", "the waiter", "the rooms"."""
    kind = KINDS[draw.pick(lexicon.PARTS[whole.name])]
    if lexicon.POSSESSIONS.get(whole.name) == kind.name and draw.chance(0.6):
        noun = draw.pick([noun for noun in kind.nouns if not noun.compound])
        plural = noun.singular in lexicon.NUMEROUS
        node = _headed(noun, plural, Node("its", "PRON", "nmod:poss"))
        return Nominal(node, plural, _referred(draw, kind, noun, plural)), kind
    return _thing(draw, kind, dressed=0.2, definite=True), kind


def _taken_up(subject: Nominal) -> Nominal:
    """The pronoun for something just named."""
    return Nominal(Node(subject.pronoun, "PRON"), subject.plural, subject.pronoun)


@_template(4)
def _but_contrast(draw: Draw) -> Told:
    """Two opinions; the one after "but" decides."""
    whole = _whole(draw)
    tense = draw.tense(whole)
    stance = _stance(draw, 0.3)
    topic = _thing(draw, whole, dressed=0.5, plural=False)
    against = Stance(not draw.positive, draw.chance(0.3))
    first = _opinion(draw, topic, whole, against, tense)
    part, kind = _part(draw, whole)
    return _coordinated(first, _opinion(draw, part, kind, stance, tense)), stance.negated


_WITH_FACTS = tuple(name for name, kind in KINDS.items() if all(kind.facts.values()))


@_template(4)
def _but_fact(draw: Draw) -> Told:
    """A fact, often with a negation that turns nothing round; then the opinion."""
    kind = draw.kind(_WITH_FACTS)
    topic = _thing(draw, kind, dressed=0.5, plural=False)
    tense = draw.tense(kind)
    stance = _stance(draw, 0.2)
    fact = _concession(draw, topic, kind.facts, tense=tense)
    return _coordinated(fact, _opinion(draw, _taken_up(topic), kind, stance, tense)), stance.negated


@_template(4)
def _although_fact(draw: Draw) -> Told:
    """The same with "although": of the thing itself, or of the people who tell of it."""
    stance = _stance(draw, 0.2)
    if draw.chance(0.5):
        kind = draw.kind(_WITH_FACTS)
        topic = _thing(draw, kind, dressed=0.4, plural=False)
        tense = draw.tense(kind)
        fact = _concession(draw, _taken_up(topic), kind.facts, tense=tense)
        main = _opinion(draw, topic, kind, stance, tense)
        return _subordinate(main, fact, draw.pick(("although", "though")), fronted=False), stance.negated
    whole = _whole(draw)
    kind = whole if draw.chance(0.6) else KINDS[draw.pick(lexicon.PARTS[whole.name])]
    topic = _thing(draw, kind, dressed=0.3, plural=False, definite=True)
    people = _pronoun(draw.pick(("we", "I")))
    facts = lexicon.OWN_FACTS[draw.domain]
    if kind is not whole:
        facts = {side: tuple(text for text in texts if "it" not in text.split()) for side, texts in facts.items()}
    fact = _concession(draw, people, facts, tense="past")
    main = _opinion(draw, topic, kind, stance, "past")
    return _subordinate(main, fact, "although", fronted=draw.chance(0.7)), stance.negated


@_template(3)
def _although_opinion(draw: Draw) -> Told:
    """Two opinions; the main clause decides."""
    whole = _whole(draw)
    tense = draw.tense(whole)
    stance = _stance(draw, 0.25)
    against = Stance(not draw.positive, draw.chance(0.25))
    topic = _thing(draw, whole, dressed=0.3, plural=False)
    part, kind = _part(draw, whole)
    aside = _opinion(draw, topic, whole, against, tense)
    main = _opinion(draw, part, kind, stance, tense)
    return _subordinate(main, aside, draw.pick(("although", "although", "though")), fronted=True), stance.negated


_MENTIONS = ("remember", "mention", "talk+about", "write+about", "describe")


@_template(3)
def _because(draw: Draw) -> Told:
    """A neutral main clause; the reason holds the opinion."""
    whole = _whole(draw)
    stance = _stance(draw, 0.35)
    word = verb(draw.pick(_MENTIONS))
    people = draw.weighted(((4, _pronoun(draw.pick(("we", "I", "they")))), (3, _kin(draw)), (2, _name(draw))))
    topic = _thing(draw, whole, dressed=0.3, plural=False, definite=True)
    subject, kind = _part(draw, whole) if draw.chance(0.65) else (_taken_up(topic), whole)
    reason = _opinion(draw, subject, kind, stance, "past")
    main = _clause(people, word, _object(word, topic), tense="past")
    return _subordinate(main, reason, "because", fronted=False), stance.negated


@_template(2.5)
def _purpose(draw: Draw) -> Told:
    """As in "We booked a table early so we could try the new menu , and the soup was bland"."""
    whole = KINDS[lexicon.WHOLES[draw.domain][0]]
    stance = _stance(draw, 0.3)
    done, aim = draw.pick(lexicon.PURPOSES[draw.domain])
    who = _pronoun(draw.pick(("we", "I", "they")))
    action, _, rest = done.partition(" ")
    main = _clause(who, verb(action), *_phrases(rest), tense="past")
    action, _, rest = aim.partition(" ")
    main = _subordinate(main, _clause(who, verb(action), *_phrases(rest), tense="could"), "so", fronted=False)
    subject = _thing(draw, whole, dressed=0, definite=True, plural=False)
    return _coordinated(main, _opinion(draw, subject, whole, stance, "past"), "and"), stance.negated


def _reported(draw: Draw, clause: Node) -> Node:
    return clause.labelled("ccomp").led(_mark("that") if draw.chance(0.7) else None)


@_template(4)
def _believed(draw: Draw) -> Told:
    """As in "I think that the film was dull", "We did not feel that the room was clean", "Nobody thought ..."."""
    kind = draw.kind(lexicon.ADJECTIVES)
    stance = _stance(draw, 0.45)
    word = verb(draw.pick(("think", "think", "believe", "feel")))
    tense = draw.tense(kind)
    plain = Stance(stance.word, False)
    claim = _described(draw, _thing(draw, kind, dressed=0.4, definite=True), kind, plain, tense)
    claim = _reported(draw, _ungraded(claim) if stance.negated else claim)
    if stance.negated and draw.chance(0.25):
        return _clause(_nobody(draw), word, claim, tense="past"), True
    people = _audience(draw, definite=True) if draw.chance(0.5) else _pronoun(draw.pick(("I", "we")))
    return _clause(people, word, claim, tense=tense, negation="not" if stance.negated else ""), stance.negated


def _ungraded(predicate: Node) -> Node:
    """Without adverbs of degree, which a negation would take for its own target."""
    kept = tuple(child for child in predicate.before if child.relation != "advmod")
    return Node(predicate.form, predicate.tag, predicate.relation, kept, predicate.after)


@_template(1.5)
def _doubted(draw: Draw) -> Told:
    """To doubt turns a claim round; not to doubt it does not."""
    kind = draw.kind([name for name in lexicon.ADJECTIVES if not KINDS[name].passing])
    negated = draw.chance(0.5)
    stance = Stance(draw.positive != negated, False)
    claim = _ungraded(_described(draw, _thing(draw, kind, dressed=0.4, definite=True), kind, stance, "present"))
    clause = claim.labelled("ccomp").led(_mark("that"))
    people = _pronoun(draw.pick(("I", "we", "I"))) if draw.chance(0.7) else _audience(draw, definite=True)
    return _clause(people, verb("doubt"), clause, tense="present", negation="" if negated else "not"), negated


@_template(1.5)
def _knew(draw: Draw) -> Told:
    """What one did not know is true all the same: the negation turns nothing round."""
    kind = draw.kind(lexicon.ADJECTIVES)
    subject = _thing(draw, kind, dressed=0.4, definite=True)
    opinion = _adjective(draw, kind, draw.positive, graded=0)
    degree = "so" if opinion.form not in lexicon.EXTREME and draw.chance(0.7) else ""
    fact = _copular(subject, opinion.led(_adverb(degree) if degree else None), tense="past")
    claim = fact.labelled("ccomp").led(_mark("that"))
    word = verb(draw.pick(("know", "realise", "notice")))
    if draw.chance(0.3):
        told = Node("us", "PRON", "iobj")
        return _clause(_pronoun("nobody"), verb("tell"), told, claim, tense="past"), False
    people = _pronoun(draw.pick(("we", "I"))) if draw.chance(0.6) else _audience(draw, definite=True)
    return _clause(people, word, claim, tense="past", negation=draw.pick(("not", "not", "never", ""))), False


@_template(2.5)
def _known_people(draw: Draw) -> Told:
    """As in "The guests who did not eat meat praised the soup": the negation is in the relative clause."""
    kind = draw.kind(lexicon.ATTITUDES)
    stance = _stance(draw, 0.15)
    noun = draw.pick(lexicon.AUDIENCES[draw.domain].split())
    plural = draw.chance(0.75)
    who = Nominal(Node("who", "PRON"), plural, "who")
    negated = draw.chance(0.7)
    helps, hinders = lexicon.OWN_FACTS[draw.domain][True], lexicon.OWN_FACTS[draw.domain][False]
    facts = [text for text in (helps if negated else (*helps, *hinders)) if "it" not in text.split()]
    about = _fact(draw, who, draw.pick(facts), tense="past", negated=negated)
    node = Node(lexicon.s_form(noun) if plural else noun, "NOUN", "dep", (_det("the"),), (about.labelled("acl:relcl"),))
    word = _attitude(draw, kind, stance.word)
    thing = _object(word, _thing(draw, kind, dressed=0.3, definite=True))
    people = Nominal(node, plural, "they")
    return _clause(people, word, thing, tense="past", negation="not" if stance.negated else ""), stance.negated


# --- whole sentences ------------------------------------------------------------------------------------------------

TEMPLATES: Mapping[str, Template] = {template.name: template for template in _TEMPLATES}
_WEIGHTED = tuple((template.weight, template) for template in _TEMPLATES)


def _opened(draw: Draw, clause: Node) -> Node:
    """Now and then with a word to the reader in front."""
    predicated = clause.tag in ("ADJ", "NOUN") and clause.before[0].relation == "nsubj"
    if not predicated or not draw.chance(0.12):
        return clause
    (opener,) = _phrases(draw.pick(lexicon.VIEWPOINTS))
    opener = opener.labelled("discourse") if opener.tag == "INTJ" else opener
    return clause.led(opener.followed(_COMMA))


def _sentence(rng: random.Random, positive: bool) -> SuiteSentence:
    draw = Draw(rng, positive)
    template = draw.weighted(_WEIGHTED)
    clause, negated = template.build(draw)
    loud = clause.tag in ("ADJ", "NOUN") and not negated and draw.chance(0.1)
    stop = Node("!" if loud else ".", "PUNCT", "punct")
    cells: list[tuple[Node, list[int]]] = []
    _flatten(_opened(draw, clause).followed(stop), cells)
    return SuiteSentence(
        words=_spelled([node.form for node, _ in cells]),
        upos=tuple(node.tag for node, _ in cells),
        heads=tuple(head for _, (head,) in cells),
        relations=tuple(node.relation for node, _ in cells),
        sentiment="positive" if positive else "negative",
        negated=negated,
        template=template.name,
    )
