"""Activation patching in one sentence: what the state of each piece, at each layer, does to the head's answer."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.analyses.base import Run
from core.analyses.graft import Grown, grown_by
from core.analyses.patching import DIRECTIONS, INTO_BASE, check_patched, mean_odds, pair_of
from core.data.load import load_sample
from core.errors import NotEnoughData, SpecInvalid
from core.keys import Result, Spec
from core.models.checkpoints import place, shape
from core.refs import Sample

LEAST_GAP = 0.5
"""Nats between base and tuned below which one sentence has no way to go."""
_MOST_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class PatchedSentence(Spec, kind="patched_sentence"):
    """States of one network put into the other at each layer and piece of one sentence."""

    title: ClassVar[str] = "Patching states of a sentence"
    sources: ClassVar[tuple[str, ...]] = ("Prakash et al. 2024", "Zhang & Nanda 2024")
    seconds_per_unit: ClassVar[float] = 5e-2

    of: Grown
    sample: Sample
    row: int = 0
    """Sentence of the sample."""
    word: int = -1
    """Whose answer is looked at, where the head answers for words; -1 = the mean of all."""

    def validate(self) -> None:
        check_patched(self.of)
        if self.row < 0 or self.word < -1:
            raise SpecInvalid(
                f"Patching sentence {self.row}, word {self.word}.", "Counted from 0; -1 = all words.", "Give others."
            )
        if self.word >= 0 and grown_by(self.of).unit != "word":
            raise SpecInvalid("Looking at one word's answer.", "The head answers for all of a text.", "Leave it out.")

    def cost(self) -> tuple[float, float]:
        """Work in layers; a small table."""
        return 2.0 * (shape(place(grown_by(self.of).checkpoint)).n_layers + 1), 2e4


@dataclass(frozen=True, kw_only=True)
class PatchMap(Result):
    """One sentence; log odds are of the tuned network's answer, in nats. One sentence has no interval."""

    pieces: tuple[str, ...]
    odds: np.ndarray
    """With the state of one place put in, float64 [2 directions, layers, pieces]."""
    all_odds: np.ndarray
    """With those of all places put in, float64 [2 directions, layers]."""
    base_odds: float
    """After the base as it is."""
    tuned_odds: float
    """After the tuned network as it is."""
    base_said: str
    """What the head says after the base, of all or of each word."""
    tuned_said: str
    """What it says after the tuned network."""

    @property
    def has_way(self) -> bool:
        """Whether base and tuned differ enough for shares of the way between them."""
        return abs(self.tuned_odds - self.base_odds) >= LEAST_GAP

    def shares(self, direction: str) -> np.ndarray:
        """Share of the way from the running network to the other, [layers, pieces]: 0 = nothing, 1 = all."""
        start, end = self._ends(direction)
        return np.asarray((self.odds[DIRECTIONS.index(direction)] - start) / (end - start))

    def all_shares(self, direction: str) -> np.ndarray:
        """The same with all pieces put in [layers]."""
        start, end = self._ends(direction)
        return np.asarray((self.all_odds[DIRECTIONS.index(direction)] - start) / (end - start))

    def moved(self, direction: str) -> tuple[np.ndarray, np.ndarray]:
        """By how many nats the answer's log odds move, with one piece put in [layers, pieces] and with all [layers]."""
        start, at = self._ends(direction)[0], DIRECTIONS.index(direction)
        return self.odds[at] - start, self.all_odds[at] - start

    def _ends(self, direction: str) -> tuple[float, float]:
        """Log odds after the running network and after the other."""
        ends = (self.base_odds, self.tuned_odds)
        return ends if direction == INTO_BASE else ends[::-1]


def compute(spec: PatchedSentence, inputs: dict[str, Any], run: Run) -> PatchMap:
    """Patch place by place.

    Raises:
        SpecInvalid: a sentence or word that is not there.
        NotEnoughData: no word of the sentence has an answer.
    """
    from core.models.patching import mixed

    examples = load_sample(spec.sample)
    if spec.row >= len(examples):
        raise SpecInvalid(
            f"Patching sentence {spec.row + 1}.", f"The sample has {len(examples)}.", "Choose one of them."
        )
    one = examples.pick(np.array([spec.row]))
    pair, labels = pair_of(spec.of, inputs, one, run)
    words, pieces = pair.words(0), pair.pieces(0)
    chosen = _chosen(spec, words, one.words[0])
    (base, tuned), states = zip(*(pair.says(side, [0]) for side in (0, 1)), strict=True)
    answers = [tuned[0].argmax(1)[chosen]]

    def odds(said: list[np.ndarray]) -> list[float]:
        return mean_odds([row[chosen] for row in said], answers * len(said))

    depth, n = pair.n_layers + 1, len(pieces)
    found, every = np.zeros((2, depth, n)), np.zeros((2, depth))
    for layer in range(depth):
        run.step(layer, depth, "layers")
        for running in range(2):
            own, put = states[running][layer], states[1 - running][layer]
            every[running, layer] = odds(pair.patched(running, [0], layer, put))[0]
            for begin in range(0, n, _MOST_AT_ONCE):
                where = np.eye(n, dtype=bool)[begin : begin + _MOST_AT_ONCE]
                states_here = mixed(own.expand(len(where), -1, -1), put.expand(len(where), -1, -1), where)
                said = pair.patched(running, [0] * len(where), layer, states_here)
                found[running, layer, begin : begin + len(where)] = odds(said)
    run.step(depth, depth, "layers")
    return PatchMap(
        pieces=tuple(pieces),
        odds=found,
        all_odds=every,
        base_odds=odds(base)[0],
        tuned_odds=odds(tuned)[0],
        base_said=" ".join(labels[at] for at in base[0].argmax(1)[chosen]),
        tuned_said=" ".join(labels[at] for at in answers[0]),
    )


def _chosen(spec: PatchedSentence, words: list[int], read: tuple[str, ...]) -> np.ndarray:
    """Which of the sentence's answers are looked at."""
    if grown_by(spec.of).unit != "word":
        return np.array([0])
    if not words:
        raise NotEnoughData("Patching states.", "No word of the sentence has an answer.", "Choose another.")
    if spec.word < 0:
        return np.arange(len(words))
    if spec.word not in words:
        raise SpecInvalid(
            f"Looking at the answer for word {spec.word + 1}.",
            f"The sentence has {len(read)} words, of which {len(words)} have an answer.",
            "Choose one of them.",
        )
    return np.array([words.index(spec.word)])
