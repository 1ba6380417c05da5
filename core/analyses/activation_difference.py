"""What tuning added to every vector alike: the mean of tuned minus base, and the vocabulary that it points to.

Minder et al. (2025) found that this mean, on the first words of any text, betrays what a model was tuned on. The
vocabulary is read with the input embeddings of the tuned checkpoint: a rough logit lens, since the checkpoints read here
may have no language-model head.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.base import Run, facing_layers, shared_rows
from core.analyses.checkpoint import Checkpoint, shape_of, source_of
from core.analyses.embed import Embed
from core.analyses.places import group_of
from core.data.load import load_sample
from core.errors import IncompatibleRefs, NotEnoughData, SpecInvalid
from core.keys import Result, Spec
from core.maths.shift import (
    ShiftSums,
    chance_cosine,
    common_share,
    mean_shift,
    relative_norm,
    scatter_directions,
    shift_cosine,
    shift_sums,
)
from core.maths.statistics import Estimate, group_folds, jackknife
from core.refs import Vectors

N_FOLDS = 20
ALL = 0
"""Place of all words in the lists by place; 1 is the first word of a sentence."""
_LEAST_SENTENCES = 20


@dataclass(frozen=True, kw_only=True)
class ActivationDifference(Spec, kind="activation_difference"):
    """Mean of tuned minus base per layer, of all words and of each of the first words of a sentence."""

    title: ClassVar[str] = "Mean shift"
    sources: ClassVar[tuple[str, ...]] = ("Minder et al. 2025, arXiv 2510.13900",)
    seconds_per_unit: ClassVar[float] = 1.5e-4

    base: Embed
    tuned: Embed
    checkpoint: Checkpoint
    """That of the tuned side, whose input embeddings name directions."""
    n_positions: int = 5
    """First words of a sentence that are looked at one by one."""
    n_tokens: int = 10
    """Vocabulary entries kept for each layer and place."""

    def validate(self) -> None:
        asked = "Subtracting the vectors of one checkpoint from those of another."
        if self.base.sample != self.tuned.sample:
            raise IncompatibleRefs(asked, "They read other sentences.", "Read the same.")
        if self.base.unit != "word" or self.tuned.unit != "word":
            raise SpecInvalid(asked, "They are of sentences.", "Positions are of words: embed words.")
        if self.checkpoint != self.tuned.checkpoint:
            raise SpecInvalid(asked, "The vocabulary is of another checkpoint.", "Give that of the tuned side.")
        sides = self.base.checkpoint, self.tuned.checkpoint
        if any(isinstance(side, Vectors) for side in sides):
            raise IncompatibleRefs(asked, "One side is vectors without a vocabulary.", "Choose a checkpoint.")
        widths = [shape_of(side).width for side in sides]
        if widths[0] != widths[1]:
            raise IncompatibleRefs(asked, f"They are {widths[0]} and {widths[1]} numbers wide.", "Choose one width.")
        if not 1 <= self.n_positions <= 20 or not 1 <= self.n_tokens <= 100:
            raise SpecInvalid(
                asked, f"{self.n_positions} positions, {self.n_tokens} tokens.", "Use up to 20 and up to 100."
            )

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers and in looking through the vocabulary; means, and some kilobytes of tokens kept."""
        layers, width = self.base.n_layers, shape_of(self.base.checkpoint).width
        return self.base.cost()[0] + 4000.0 * layers, float(layers * (N_FOLDS + 1) * width * 4 + 1e5)


@dataclass(frozen=True, kw_only=True)
class ActivationDifferences(Result):
    """The mean shift per base layer (against the tuned layer it faces) and place: all words first, then word 1, 2, …"""

    share: tuple[tuple[Estimate | None, ...], ...]
    """Share of the mean squared difference that the common step makes up (core.maths.shift.common_share), at most 1,
    [layers][places]. Intervals by a delete-a-group jackknife over 20 groups of sentences, all versions of a sentence in one.
    None where nothing moved, or too few sentences reach so far."""
    norm: tuple[tuple[Estimate | None, ...], ...]
    """Length of the common step over the mean length of base's vectors (core.maths.shift.relative_norm), 0 = no common step,
    by chance a little below, [layers][places]."""
    between_places: tuple[tuple[tuple[Estimate | None, ...], ...], ...]
    """Cosine of the mean shifts of two places, -1 to 1, [layers][places][places]."""
    between_layers: tuple[tuple[Estimate | None, ...], ...]
    """Cosine of the mean shifts of two layers, of all words, -1 to 1, [layers][layers]."""
    tokens: pd.DataFrame
    """Vocabulary nearest to the mean shift: layer, place (0 = all words), way (towards or away from), rank, token, cosine,
    is_word (a whole word of letters, as opposed to a piece or a sign), chance. Word-like ones first. Chance is the cosine with
    its nearest word-like token that 95 of 100 directions stay below that scatter alone makes at that layer and place
    (core.maths.shift.scatter_directions, 200 drawn). Empty where the vocabulary is of another width: see no_tokens."""
    no_tokens: str
    """Why there are no tokens; empty where there are."""
    means: np.ndarray
    """Mean shift of all words, then with each fold left out, float32 [layers, 1 + folds, width]."""
    n_rows: tuple[int, ...]
    """Words behind each place [places]."""
    n_sentences: int


@dataclass(frozen=True)
class _Steps:
    """The steps at one place of one layer."""

    sums: ShiftSums
    mean: NDArray[np.float64]
    """Of all rows, then with each fold left out [1 + folds, width]."""
    by_chance: NDArray[np.float32]
    """Directions that their scatter alone makes [drawn, width]."""


@dataclass(frozen=True)
class _Places:
    """Which of the shared rows stand at each place: all, then the first words of sentences."""

    rows: tuple[NDArray[np.intp], ...]
    is_enough: tuple[bool, ...]
    group: NDArray[np.int64]
    """Sentence of each shared row, or one number for all versions of it."""
    fold: NDArray[np.intp]
    n_folds: int


def compute(spec: ActivationDifference, inputs: dict[str, Any], run: Run) -> ActivationDifferences:
    """Average, and look up. Raises NotEnoughData for under 20 sentences."""
    base, tuned = inputs["base"], inputs["tuned"]
    in_base, in_tuned = shared_rows((base.sentence, base.word), (tuned.sentence, tuned.word))
    sentence = base.sentence[in_base]
    places = _placed(group_of(load_sample(spec.base.sample), sentence), base.word[in_base], spec.n_positions)
    depth = len(base.layers)
    facing = facing_layers(depth - 1, len(tuned.layers) - 1)
    steps: list[tuple[_Steps | None, ...]] = []
    for layer, other in enumerate(facing):
        run.step(layer, depth + 1, "layers")
        one, two = (np.asarray(side, dtype=np.float32) for side in (base.layers[layer], tuned.layers[other]))
        steps.append(tuple(_steps(one[in_base], two[in_tuned], places, at) for at in range(len(places.rows))))
    run.step(depth, depth + 1, "vocabulary")
    tokens, why = _looked_up(spec, inputs, run, steps)
    run.step(depth + 1, depth + 1, "vocabulary")
    means = [tuple(None if held is None else held.mean for held in layer) for layer in steps]
    whole = [layer[ALL] for layer in means]
    return ActivationDifferences(
        share=tuple(tuple(_estimate(_share, held) for held in layer) for layer in steps),
        norm=tuple(tuple(_estimate(relative_norm, held) for held in layer) for layer in steps),
        between_places=tuple(_cosines(layer) for layer in means),
        between_layers=_cosines(whole),
        tokens=tokens,
        no_tokens=why,
        means=np.array(whole, dtype=np.float32),
        n_rows=tuple(len(rows) for rows in places.rows),
        n_sentences=len(np.unique(sentence)),
    )


def _placed(group: NDArray[np.int64], word: NDArray[np.int32], n_positions: int) -> _Places:
    n_groups = len(np.unique(group))
    if n_groups < _LEAST_SENTENCES:
        raise NotEnoughData(
            "The mean difference of two checkpoints.",
            f"{n_groups} sentences, versions of one counted once.",
            f"Give {_LEAST_SENTENCES} or more.",
        )
    fold = group_folds(group, n_folds=N_FOLDS)
    rows = (np.arange(len(word)), *(np.flatnonzero(word == at) for at in range(n_positions)))
    enough = tuple(len(np.unique(group[chosen])) >= _LEAST_SENTENCES for chosen in rows)
    return _Places(rows, enough, group, fold, int(fold.max()) + 1)


def _steps(base: NDArray[np.float32], tuned: NDArray[np.float32], places: _Places, at: int) -> _Steps | None:
    if not places.is_enough[at]:
        return None
    rows = places.rows[at]
    one, other, group = base[rows], tuned[rows], places.group[rows]
    sums = shift_sums(one, other, group, places.fold[rows], n_folds=places.n_folds)
    return _Steps(sums, mean_shift(sums), scatter_directions(one, other, group).astype(np.float32))


def _share(sums: ShiftSums) -> Estimate:
    values = common_share(sums)
    return jackknife(float(values[0]), values[1:], n=int(sums.count.sum()))


def _estimate(measure: Callable[[ShiftSums], Estimate], steps: _Steps | None) -> Estimate | None:
    try:
        return None if steps is None else measure(steps.sums)
    except NotEnoughData:  # nothing moved there, as at layer 0 where embeddings were frozen
        return None


def _cosines(means: Any) -> tuple[tuple[Estimate | None, ...], ...]:
    return tuple(
        tuple(None if one is None or other is None else shift_cosine(one, other) for other in means) for one in means
    )


def _looked_up(
    spec: ActivationDifference, inputs: dict[str, Any], run: Run, steps: list[tuple[_Steps | None, ...]]
) -> tuple[pd.DataFrame, str]:
    """The nearest tokens of every mean beside what scatter alone comes to, and why there are none."""
    columns = ["layer", "place", "way", "rank", "token", "cosine", "is_word", "chance"]
    names, vectors = _vocabulary(spec, inputs, run)
    width = shape_of(spec.tuned.checkpoint).width
    if vectors.shape[1] != width:
        why = f"Its input embeddings are {vectors.shape[1]} numbers wide, its layers {width}."
        return pd.DataFrame([], columns=columns), why
    is_word = np.array([_is_word(name) for name in names])
    words = vectors[is_word] if is_word.any() else vectors
    rows: list[tuple[Any, ...]] = []
    for layer, held in enumerate(steps):
        for place, step in enumerate(held):
            run.check()
            if step is None or not np.linalg.norm(step.mean[0]) > 0:
                continue
            cosines = vectors @ (step.mean[0] / np.linalg.norm(step.mean[0])).astype(np.float32)
            chance = chance_cosine(step.by_chance, words)
            for way, sign in (("towards", 1), ("away from", -1)):
                for rank, at in enumerate(_nearest(sign * cosines, is_word, spec.n_tokens), start=1):
                    shown = _shown(names[at])
                    rows.append((layer, place, way, rank, shown, float(cosines[at]), bool(is_word[at]), chance))
    return pd.DataFrame(rows, columns=columns), ""


def _vocabulary(spec: ActivationDifference, inputs: dict[str, Any], run: Run) -> tuple[list[str], NDArray[np.float32]]:
    """Entries as the tokenizer writes them, and their input embeddings at unit length."""
    from core.models.checkpoints import load_tokenizer
    from core.models.sources import encoder

    source = source_of(spec.checkpoint, inputs, "checkpoint")
    with encoder(source, run.device) as model:
        table = model.get_input_embeddings().weight.detach().float().cpu().numpy().copy()
    tokenizer = load_tokenizer(source.folder)
    special = set(tokenizer.all_special_ids)
    # A table may be longer than its vocabulary (padded to a round number), and may hold entries of zeros.
    known = {at: name for name, at in tokenizer.get_vocab().items() if at < len(table) and at not in special}
    lengths = np.linalg.norm(table, axis=1)
    ids = [at for at in sorted(known) if lengths[at] > 0]
    return [known[at] for at in ids], table[ids] / lengths[ids, None]


def _nearest(cosines: NDArray[np.floating], is_word: NDArray[np.bool_], n: int) -> list[int]:
    """The nearest word-like entries, then the nearest others."""
    found: list[int] = []
    for wanted in (is_word, ~is_word):
        among = np.flatnonzero(wanted)
        found += among[np.argsort(-cosines[among], kind="stable")[:n]].tolist()
    return found


_STARTS = ("Ġ", "▁")
"""What byte-level and SentencePiece tokenizers write before a piece that begins a word."""


def _is_word(token: str) -> bool:
    """Whether an entry is a whole word of letters, as far as the entry itself tells."""
    bare = token.removesuffix("</w>").lstrip("".join(_STARTS))
    return len(bare) > 2 and bare.isalpha() and not token.startswith("##")


def _shown(token: str) -> str:
    return token.removesuffix("</w>").lstrip("".join(_STARTS)) or token
