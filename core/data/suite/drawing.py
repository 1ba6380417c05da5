"""Random choices of one sentence, and which words it may use.

With the lexicon split, a hash of its stem puts every open-class word on one side: what a probe saw in training then
never comes back in dev or test. A choice is made among what the side allows; where nothing is left the sentence is
blocked and another one is tried.
"""

import hashlib
import random
import re
from collections.abc import Collection, Sequence
from functools import cache
from typing import TypeVar

from core.data import lexicon
from core.data.lexicon import KINDS, Kind, Noun, Verb

T = TypeVar("T")

OPEN_TAGS = frozenset(("NOUN", "PROPN", "VERB", "ADJ", "ADV"))
SIDES = ("train", "held out")


class Blocked(Exception):
    """No word of this side fits here."""


class Draw:
    """One sentence in the making: the random choices, the label it is to have, and what it is about.

    Only `random()` of the generator is used, the one method whose sequence Python promises to keep.
    """

    def __init__(self, rng: random.Random, side: str = "", positive: bool = True) -> None:
        self._rng = rng
        self._side = side
        self.positive = positive
        self.domain = self.any(lexicon.DOMAINS)

    def chance(self, probability: float) -> bool:
        """True in so many of all cases."""
        return self._rng.random() < probability

    def any(self, options: Sequence[T]) -> T:
        """One of them, all alike, words or not."""
        return options[int(self._rng.random() * len(options))]

    def pick(self, options: Sequence[T]) -> T:
        """One of the words or phrases that the side allows, all alike.

        Raises:
            Blocked: it allows none.
        """
        if not self._side:
            return self.any(options)
        allowed = [option for option in options if _allows(self._side, option)]
        if not allowed:
            raise Blocked
        return self.any(allowed)

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
        chosen = self.any(here or [kind for kind in KINDS.values() if kind.name in allowed])
        self.domain = chosen.domain
        return chosen

    def tense(self, kind: Kind) -> str:
        """Past, or more often present for what lasts."""
        return "past" if kind.passing or self.chance(0.4) else "present"


def _allows(side: str, option: object) -> bool:
    """Whether all open-class words of an option belong to a side; what holds no words always does."""
    if isinstance(option, str):
        return _text_allowed(side, option)
    if isinstance(option, Noun):
        return side_of(option.singular) == side and (not option.compound or side_of(option.compound) == side)
    return side_of(option.base) == side if isinstance(option, Verb) else True


@cache
def _text_allowed(side: str, text: str) -> bool:
    words = [re.split(r"[:/~=]", word)[0] for word in re.split(r"[ +]", text)]
    return all(side_of(word) == side for word in words if word and not is_closed(word))


def is_closed(word: str) -> bool:
    """Whether a word form is a function word wherever it stands, and so belongs to both sides."""
    return word.lower() in lexicon.CLOSED


def allowed(side: str, words: Sequence[str], upos: Sequence[str]) -> bool:
    """Whether all open-class words of a sentence belong to a side."""
    pairs = zip(words, upos, strict=True)
    return all(side_of(word) == side for word, tag in pairs if tag in OPEN_TAGS and not is_closed(word))


@cache
def side_of(word: str) -> str:
    """The side of a word in any of its forms, by a hash of its stem: half of them each."""
    return SIDES[hashlib.sha256(stem(word).encode()).digest()[0] % 2]


@cache
def stem(word: str) -> str:
    """A form cut down to what all forms of the word share ("carries", "carrying" -> "carri").

    Coarse on purpose: two words with one stem only end up on the same side.
    """
    word = lexicon.IRREGULAR_BASES.get(word.lower(), word.lower())
    for ending in ("ing", "ed", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)]
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiou":
        word = word[:-1]
    word = word.rstrip("e") or word
    return word[:-1] + "i" if word.endswith("y") and len(word) > 2 else word
