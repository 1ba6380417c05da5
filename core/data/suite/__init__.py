"""The built-in suite: sentences that a seeded grammar makes, with gold annotation by construction.

Why a grammar and not a corpus: demo, lessons and offline tests need text that comes with the installation, that may be
passed on freely, and whose labels are facts and not opinions. The grammar builds dependency trees in the manner of
Universal Dependencies (content words are heads) out of small functions, and only at the end writes them down from left
to right; heads, tags and relations are therefore read off the tree that made the sentence.

It has six parts, a file each: `reviews` (sentiment), `harbour` (the same task in another domain), `questions`,
`agreement` (minimal pairs), `entailment` (pairs of sentences) and `answers` (a text and a question, the answer marked).

A sentence belongs to the split that a hash of its text names, so that splits cannot overlap whatever their size. With
the lexicon split, training shares no open-class word with dev and test either: see `drawing`.
"""

import hashlib
import random
from collections.abc import Callable
from functools import cache
from importlib import import_module

from core.data.suite.drawing import SIDES, Blocked, Draw, allowed
from core.data.suite.sentence import SuiteSentence
from core.errors import DatasetNotFound

__all__ = ["LABELS", "LENGTHS", "SIZES", "SUITE_VERSION", "SuiteSentence", "sentences", "split_of"]

SUITE_VERSION = 2
SPLITS = ("train", "dev", "test")
SIZES = {
    "reviews": {"train": 4000, "dev": 1000, "test": 1000},
    "harbour": {"train": 3000, "dev": 800, "test": 800},
    "questions": {"train": 3000, "dev": 800, "test": 800},
    "agreement": {"train": 3000, "dev": 800, "test": 800},
    "entailment": {"train": 3000, "dev": 780, "test": 780},
    "answers": {"train": 3000, "dev": 800, "test": 800},
}
"""Sentences (pairs in `entailment` and `answers`) by part and split."""
LABELS = {
    "reviews": ("sentiment", "tense", "number"),
    "harbour": ("sentiment", "tense", "number"),
    "questions": ("question", "tense", "number"),
    "agreement": ("agreement", "tense", "number"),
    "entailment": ("entailment",),
    "answers": ("asked",),
}
"""Names of the labels that every sentence of a part has; the first is the part's own task, and balanced."""
WORD_LABELS = ("upos", "relation")
PAIRS = ("entailment", "answers")
"""Parts whose examples are two texts."""
MARKS = {"answers": ("answer",)}
"""Names of the labelled spans that a part has beside those of its trees."""
WISHES = {
    "sentiment": ("positive", "negative"),
    "question": ("statement", "yes/no", "who", "what", "where", "when", "why", "how"),
    "agreement": ("right", "wrong"),
    "entailment": ("entailment", "neutral", "contradiction"),
    "asked": ("who", "what", "where", "when"),
}
LENGTHS = (4, 25)
"""Fewest and most words of a sentence, punctuation included."""
_SHARES = {"train": 4, "dev": 1, "test": 1}
_PATIENCE = 400
"""Draws for each sentence wanted, after which the grammar itself is at fault."""

Build = Callable[[Draw, str], tuple[SuiteSentence, ...]]


def sentences(split: str, part: str = "reviews", lexicon: str = "shared") -> tuple[SuiteSentence, ...]:
    """All sentences of a split, the same on every machine, balanced over its own task. A second or two, then kept.

    Args:
        split: "train", "dev" or "test".
        part: one of SIZES.
        lexicon: "shared", or "split": open-class words of train are then not those of dev and test.

    Raises:
        DatasetNotFound: no such split, part or lexicon.
    """
    for what, given, known in (
        ("split", split, SPLITS), ("part", part, tuple(SIZES)), ("lexicon", lexicon, ("shared", "split")),
    ):  # fmt: skip
        if given not in known:
            raise DatasetNotFound(
                f"Opening the {what} {given!r} of the built-in suite.", "There is none.",
                f"Choose from {', '.join(known)}.",
            )  # fmt: skip
    side = "" if lexicon == "shared" else SIDES[split != "train"]
    return _generated(split, part, side)


@cache
def _generated(split: str, part: str, side: str) -> tuple[SuiteSentence, ...]:
    build: Build = import_module(f"core.data.suite.{part}").build
    seed = hashlib.sha256(f"suite {SUITE_VERSION} {part} {split} {side}".encode()).digest()
    rng = random.Random(int.from_bytes(seed[:8], "big"))
    task, size = LABELS[part][0], SIZES[part][split]
    wishes = WISHES[task]
    room = {wish: size // len(wishes) + (at < size % len(wishes)) for at, wish in enumerate(wishes)}
    found: dict[tuple[str, str], SuiteSentence] = {}
    for _ in range(_PATIENCE * size):
        wanted = [wish for wish in wishes if room[wish]]
        if not wanted:
            return _shuffled(tuple(found.values()), rng)
        try:
            group = build(Draw(rng, side), wanted[int(rng.random() * len(wanted))])
        except Blocked:
            continue
        if split_of(_key(group[0])) != split or not all(_fits(sentence, side) for sentence in group):
            continue
        named = {_texts(sentence): sentence for sentence in group}
        if len(named) == len(group) and not named.keys() & found.keys():
            found |= named
            for sentence in group:
                room[sentence.labels[task]] -= 1
    raise AssertionError(f"The grammar of {part} yields too few sentences for {split} {side}: {room} wanting.")


def _shuffled(made: tuple[SuiteSentence, ...], rng: random.Random) -> tuple[SuiteSentence, ...]:
    """In an order that does not show which sentences were made together."""
    order = sorted((rng.random(), at) for at in range(len(made)))
    return tuple(made[at] for _, at in order)


def _key(sentence: SuiteSentence) -> str:
    """What names the split: of a pair the second text, which all its labels share; of a minimal pair the right one."""
    return " ".join(sentence.partner.words if sentence.partner else sentence.words)


def _texts(sentence: SuiteSentence) -> tuple[str, str]:
    partner = sentence.partner.words if sentence.partner else ()
    return " ".join(sentence.words).lower(), " ".join(partner).lower()


def _fits(sentence: SuiteSentence, side: str) -> bool:
    for one in (sentence, sentence.partner):
        if one is None:
            continue
        if not LENGTHS[0] <= len(one.words) <= LENGTHS[1]:
            return False
        if side and not allowed(side, one.words, one.upos):
            return False
    return True


def split_of(text: str) -> str:
    """The split that a text belongs to, by a hash of its lower-cased words: four of six to train."""
    number = int.from_bytes(hashlib.sha256(text.lower().encode()).digest()[:8], "big") % sum(_SHARES.values())
    for split, share in _SHARES.items():
        if number < share:
            return split
        number -= share
    raise AssertionError("The remainder is below the sum of shares.")
