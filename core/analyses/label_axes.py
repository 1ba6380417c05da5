"""Axes that mean something: those that part a label, or lead from one group of words to another, with both sides laid on them.

Sentences are dealt into two halves. Axes are fitted on one half of one side, and only the other half is drawn and judged, on
both sides: with more dimensions than rows some direction parts any rows it was fitted on, so that a picture of those would show
two groups whatever the vectors hold.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.base import Run, facing_layers, spread
from core.analyses.embed import Embed, Embeddings, read_the_same
from core.analyses.joint_map import describe_rows, drawn_rows, same_width
from core.analyses.places import group_of
from core.data.examples import UNMARKED, Examples
from core.data.load import load_sample
from core.errors import NotEnoughData, SpecInvalid
from core.keys import Result, Spec, later
from core.maths.axes import axes_cosine, concept_axis, discriminant_axes, parted, probe_axes, rest_axis
from core.maths.probing import control_labels
from core.maths.simple_readers import nearest_centroid
from core.maths.statistics import Estimate, group_folds, jackknife, paired_shares

LEAST = 6
"""Rows that an end of an axis, or a value, needs in either half of the sentences."""
MOST_VALUES = 8
MOST_ROWS = 20_000
"""Rows that are read a side, fitted and judged together."""
N_CONTROLS = 5
PROBE_C = 0.01
"""Of a probe whose directions are axes: that of the page's own probes."""
_AS_COMMON = 10
"""Words nearest in count among which one is drawn to stand for a listed word in the control."""


@dataclass(frozen=True, kw_only=True)
class LabelAxes(Spec, kind="label_axes"):
    """Two axes fitted on one side, from a label or from two lists of words, and both sides' held-out rows on them, at every layer.

    With first and second, the axis leads from rows of one value of the label to those of another; with words_first and
    words_second from some words to others; with neither, axes part the commonest values of the label.
    """

    title: ClassVar[str] = "Label axes"
    sources: ClassVar[tuple[str, ...]] = ("Kim et al. 2018, arXiv 1711.11279", "Fisher 1936 (discriminants)")
    seconds_per_unit: ClassVar[float] = 1e-3

    base: Embed
    tuned: Embed
    label: str = ""
    """Of words or sentences; empty for lists of words."""
    first: str = ""
    second: str = ""
    words_first: tuple[str, ...] = ()
    """In lower case, as words of the text are compared with them."""
    words_second: tuple[str, ...] = ()
    fitted_on: Literal["base", "tuned"] = "base"
    direction: Literal["means", "probe"] = later("means")
    """What an axis is: the difference of two means, of a label discriminants (LDA); or what a linear probe reads by."""
    n_points: int = 2000
    """Held-out rows drawn, the same on both sides; those that the axes are about come first. All of them are judged."""
    seed: int = 0
    """Deals sentences into halves, and draws rows and controls."""

    def validate(self) -> None:
        read_the_same(self.base, self.tuned)
        if not 10 <= self.n_points <= MOST_ROWS:
            raise SpecInvalid(f"Axes with {self.n_points} points.", "Out of range.", f"Use 10 to {MOST_ROWS:,}.")
        if not 0 <= self.seed < 2**32:
            raise SpecInvalid(f"Axes with seed {self.seed}.", "Out of range.", "Use 0 or above.")
        if self.words_first or self.words_second:
            self._refuse_odd_words()
        elif not self.label:
            raise SpecInvalid("Axes of nothing.", "Neither a label nor words are given.", "Give one.")
        elif bool(self.first) != bool(self.second) or (self.first and self.first == self.second):
            raise SpecInvalid(
                f"An axis from {self.first!r} to {self.second!r}.", "It has no two ends.", "Give two different values."
            )

    def _refuse_odd_words(self) -> None:
        asked, words = "An axis between two lists of words.", (*self.words_first, *self.words_second)
        if self.label or self.first or self.second:
            raise SpecInvalid(asked, "A label is given too.", "Give one or the other.")
        if self.base.unit != "word":
            raise SpecInvalid(asked, f"Of each {self.base.unit} there is one vector.", "Embed words.")
        if not (self.words_first and self.words_second):
            raise SpecInvalid(asked, "One of them is empty.", "Give words to both.")
        if twice := sorted(word for word, times in Counter(words).items() if times > 1):
            raise SpecInvalid(asked, f"Given twice: {', '.join(twice)}.", "Give each word once.")
        if odd := [word for word in words if not word or word != word.lower()]:
            raise SpecInvalid(asked, f"Not in lower case: {', '.join(map(repr, odd))}.", "Write all in lower case.")

    @property
    def is_concept(self) -> bool:
        """Whether one axis leads from some rows to others; otherwise axes part several values."""
        return bool(self.first or self.words_first)

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers, several times for LDA and many for probes; bytes of the coordinates."""
        fits = 20 if self.direction == "probe" else 1 if self.is_concept else 4
        return self.base.cost()[0] * fits, float(self.n_points * self.base.n_layers * 16)


@dataclass(frozen=True, kw_only=True)
class FoundAxes(Result):
    """Held-out rows on the axes, how well those part them, and how far the axes turned. A layer whose rows part nothing (all equal,
    as [CLS] at layer 0) has no axes: NaN and None."""

    base: np.ndarray
    """float32 [base layers, n_points, 2]. Of a concept, in units of the vectors, 0 = midway between the two means it was fitted on;
    of a label, in standard deviations of rows of one value. The second axis is fitted too, or, where there is but one,
    the first principal component of what lies at right angles to it."""
    tuned: np.ndarray
    """float32 [base layers, n_points, 2], of the tuned layer that each base layer faces, on the same axes."""
    base_score: tuple[Estimate | None, ...]
    """How well the axes part held-out rows, one a base layer: of a concept, the share of pairs in the right order (AUC, 0 to 1, 0.5
    = chance); of a label, the share of rows nearest on the axes to the mean of their own value, means of the fitted half of the
    same side (0 to 1). Either way a common shift of a side costs nothing. Interval: the axes as they are."""
    tuned_score: tuple[Estimate | None, ...]
    """The same of the tuned rows."""
    difference: tuple[Estimate | None, ...]
    """Tuned less base, paired, -1 to 1."""
    chance: float
    """0.5 of a concept; of a label the share of the commonest value among held-out rows."""
    control: np.ndarray
    """The same scores of axes fitted for the control task and asked for it, float64 [2, base layers, draws], base and tuned; NaN
    where none could be drawn."""
    control_kind: str
    cosine: np.ndarray
    """Cosine of the axis fitted on base and the one fitted on tuned, on the same rows, -1 to 1, 1 = not turned; of two axes
    the mean cosine of the angles between their planes, 0 to 1; float64 [base layers]."""
    halves_cosine: np.ndarray
    """The same of the axes that the two halves of the sentences give on the side fitted on: what other sentences alone turn."""
    values: tuple[str, ...]
    """What is parted, in the order of their numbers; of lists of words, each list."""
    n_fitted: tuple[int, ...]
    """Rows of each that the axes were fitted on."""
    n_held: tuple[int, ...]
    """Held-out rows of each, all judged."""
    is_concept: bool
    """Whether one axis leads from some rows to others; otherwise axes part several values."""
    n_axes: int
    """Of the two drawn, those that were fitted to part: 1 or 2."""
    value: np.ndarray
    """Of each point, by number, -1 = none of them, int32 [n_points]."""
    points: pd.DataFrame
    """What each point is: text, sentence, and one column a label or number."""
    facing: tuple[int, ...]
    """The tuned layer that each base layer faces."""
    n_sentences: int


@dataclass(frozen=True)
class _Rows:
    """The rows of both sides, aligned."""

    base: NDArray[np.intp]
    tuned: NDArray[np.intp]
    sentence: NDArray[np.int64]
    group: NDArray[np.int64]
    points: pd.DataFrame
    is_held: NDArray[np.bool_]
    """Drawn and judged; the others are fitted on."""


Codes = NDArray[np.intp]
"""Number of the value of each row, -1 = none that is asked for."""


def compute(spec: LabelAxes, inputs: dict[str, Any], run: Run) -> FoundAxes:
    """Fit on a half and lay out the other, layer by layer.

    Raises:
        IncompatibleRefs: unequal widths.
        NotEnoughData: fewer than 6 rows of an end, or of two values, in a half, or fewer than 4 sentences to judge by.
        SpecInvalid: no such label.
    """
    base, tuned = inputs["base"], inputs["tuned"]
    same_width(base, tuned)
    examples = load_sample(spec.base.sample)
    rows = _rows(spec, base, tuned, examples)
    values, code = _asked(spec, rows, examples)
    judged = np.flatnonzero(rows.is_held & (code >= 0))
    folds = _folds(rows.group[judged], code[judged], spec.is_concept)
    controls, control_kind = _controls(spec, rows, code, examples)
    drawn = _drawn(rows, code, spec)
    facing = facing_layers(len(base.layers) - 1, len(tuned.layers) - 1)

    def of_layer(layer: int) -> dict[str, Any]:
        sides = (
            np.asarray(base.layers[layer][rows.base], np.float32),
            np.asarray(tuned.layers[facing[layer]][rows.tuned], np.float32),
        )
        return _measured(spec, sides, rows, code, controls, judged, folds, drawn, run)

    found = spread(run, [partial(of_layer, layer) for layer in range(len(facing))], "layers")
    counts = [np.bincount(code[(code >= 0) & half], minlength=len(values)) for half in (~rows.is_held, rows.is_held)]
    return FoundAxes(
        base=np.stack([one["drawn"][0] for one in found]),
        tuned=np.stack([one["drawn"][1] for one in found]),
        base_score=tuple(one["score"][0] for one in found),
        tuned_score=tuple(one["score"][1] for one in found),
        difference=tuple(one["score"][2] for one in found),
        chance=0.5 if spec.is_concept else float(counts[1].max() / counts[1].sum()),
        control=np.stack([one["control"] for one in found], axis=1),
        control_kind=control_kind,
        cosine=np.array([one["cosine"] for one in found]),
        halves_cosine=np.array([one["halves_cosine"] for one in found]),
        values=values,
        n_fitted=tuple(counts[0].tolist()),
        n_held=tuple(counts[1].tolist()),
        is_concept=spec.is_concept,
        n_axes=1 if spec.is_concept else min(2, len(values) - 1),
        value=code[drawn].astype(np.int32),
        points=rows.points.iloc[drawn].reset_index(drop=True),
        facing=facing,
        n_sentences=len(np.unique(rows.sentence)),
    )


def _rows(spec: LabelAxes, base: Embeddings, tuned: Embeddings, examples: Examples) -> _Rows:
    """Rows that both sides have, whole groups of sentences in either half."""
    in_base, in_tuned = drawn_rows(base, tuned, MOST_ROWS, spec.seed)
    sentence = base.sentence[in_base].astype(np.int64)
    group = group_of(examples, sentence)
    order = np.random.default_rng(spec.seed).permutation(np.unique(group))
    return _Rows(
        base=in_base,
        tuned=in_tuned,
        sentence=sentence,
        group=group,
        points=describe_rows(spec.base.sample, sentence, base.word[in_base]),
        is_held=np.isin(group, order[len(order) // 2 :]),
    )


def _asked(spec: LabelAxes, rows: _Rows, examples: Examples) -> tuple[tuple[str, ...], Codes]:
    """The values that are to be parted, and which each row has."""
    if spec.words_first:
        words = rows.points["text"].str.lower()
        lists = spec.words_first, spec.words_second
        code = np.where(words.isin(lists[0]), 0, np.where(words.isin(lists[1]), 1, -1))
        return _enough(tuple(", ".join(one) for one in lists), code, rows)
    if spec.label not in rows.points or spec.label in ("text", "sentence"):
        known = ", ".join(str(name) for name in rows.points if name not in ("text", "sentence"))
        raise SpecInvalid(f"Axes of the label {spec.label!r}.", f"These rows have: {known or 'none'}.", "Choose one.")
    given = rows.points[spec.label].astype(str).to_numpy()
    if spec.first:
        code = np.where(given == spec.first, 0, np.where(given == spec.second, 1, -1))
        return _enough((spec.first, spec.second), code, rows)
    unsaid = ("", UNMARKED) if spec.label in examples.partial else ("",)
    fitted, held = (Counter(given[half].tolist()) for half in (~rows.is_held, rows.is_held))
    enough = [value for value in fitted if value not in unsaid and min(fitted[value], held[value]) >= LEAST]
    names = sorted(sorted(enough, key=lambda value: (-fitted[value] - held[value], value))[:MOST_VALUES])
    if len(names) < 2:
        raise NotEnoughData(
            f"Axes that part the values of {spec.label!r}.",
            f"{len(names)} of them have {LEAST} rows or more in either half of the sentences.",
            "Take more sentences, or another label.",
        )
    place = {name: at for at, name in enumerate(names)}
    return tuple(names), np.array([place.get(value, -1) for value in given.tolist()], np.intp)


def _enough(values: tuple[str, ...], code: Codes, rows: _Rows) -> tuple[tuple[str, ...], Codes]:
    """The same, or NotEnoughData where an end has too few rows in a half."""
    counts = [[int((code[half] == end).sum()) for end in (0, 1)] for half in (~rows.is_held, rows.is_held)]
    if min(map(min, counts)) < LEAST:
        (one, two), (three, four) = counts
        raise NotEnoughData(
            f"An axis from {values[0]} to {values[1]}.",
            f"One half of the sentences, to fit on, holds {one} and {two} rows, the other, to judge by, {three} and {four}.",
            f"Give {LEAST} or more to each: take more sentences, or commoner words or values.",
        )
    return values, code.astype(np.intp)


def _folds(group: NDArray[np.int64], code: Codes, is_concept: bool) -> NDArray[np.intp]:
    """Folds of the judged rows. Raises NotEnoughData where one of them holds all rows of an end."""
    folds = group_folds(group)
    if is_concept and any(len(np.unique(folds[code == end])) < 2 for end in (0, 1)):
        raise NotEnoughData(
            "Judging an axis.", "All rows of an end stand in one or two sentences.", "Take more sentences."
        )
    return folds


def _drawn(rows: _Rows, code: Codes, spec: LabelAxes) -> NDArray[np.intp]:
    """Held-out rows that are drawn: those with a value that is asked for first."""
    held = np.flatnonzero(rows.is_held)
    order = np.random.default_rng([spec.seed, 1]).permutation(held)
    return np.sort(order[np.argsort(code[order] < 0, kind="stable")][: spec.n_points])


def _controls(spec: LabelAxes, rows: _Rows, code: Codes, examples: Examples) -> tuple[list[Codes], str]:
    """Codes of the control task, several draws, and what they are; fewer draws where few leave something to fit and judge."""
    asked = np.flatnonzero(code >= 0)
    if spec.words_first:
        words, kind = rows.points["text"].str.lower().to_numpy(str), "other words, as common"
    elif spec.label in examples.word_labels and spec.base.unit == "word":
        words, kind = rows.points["text"].to_numpy(str), "one random value a word type"
    else:
        words, kind = None, "values shuffled over sentences"
    found: list[Codes] = []
    for draw in range(4 * N_CONTROLS):
        seed = [spec.seed, 2, draw]
        if words is None:
            made = _shuffled(code, rows.sentence, seed)
        elif spec.words_first:
            made = _other_words(words, code, seed)
        else:
            made = np.full_like(code, -1)
            drawn = control_labels(
                words[asked].tolist(), code[asked].astype(str).tolist(), seed=1000 + spec.seed + draw
            )
            made[asked] = np.array(drawn, dtype=np.intp)
        if len(found) < N_CONTROLS and _can_be_asked(made, rows.is_held, spec.is_concept):
            found.append(made)
    return found, kind


def _shuffled(code: Codes, sentence: NDArray[np.int64], seed: Sequence[int]) -> Codes:
    """Each sentence with the value of another."""
    made, asked = np.full_like(code, -1), np.flatnonzero(code >= 0)
    _, first, of_row = np.unique(sentence[asked], return_index=True, return_inverse=True)
    made[asked] = np.random.default_rng(seed).permutation(code[asked][first])[of_row]
    return made


def _other_words(words: NDArray[np.str_], code: Codes, seed: Sequence[int]) -> Codes:
    """For each listed word one that is not listed and about as common, in its list."""
    rng = np.random.default_rng(seed)
    names, first, of_row, counts = np.unique(words, return_index=True, return_inverse=True, return_counts=True)
    end, stands_for = code[first], np.full(len(names), -1)
    free = np.flatnonzero(end < 0)
    for listed in rng.permutation(np.flatnonzero(end >= 0)):
        if not len(free):
            break
        apart = np.abs(counts[free] - counts[listed]) + rng.random(len(free)) / 2  # of equally near ones any
        taken = free[rng.choice(np.argsort(apart)[:_AS_COMMON])]
        stands_for[taken] = end[listed]
        free = free[free != taken]
    return stands_for[of_row].astype(np.intp)


def _can_be_asked(code: Codes, is_held: NDArray[np.bool_], is_concept: bool) -> bool:
    """Whether either half holds two rows of two values; of a concept, of both ends."""
    halves = [np.bincount(code[half & (code >= 0)], minlength=2) >= 2 for half in (~is_held, is_held)]
    return all(half[:2].all() if is_concept else half.sum() >= 2 for half in halves)


def _measured(
    spec: LabelAxes,
    sides: tuple[NDArray[np.float32], NDArray[np.float32]],
    rows: _Rows,
    code: Codes,
    controls: Sequence[Codes],
    judged: NDArray[np.intp],
    folds: NDArray[np.intp],
    drawn: NDArray[np.intp],
    run: Run,
) -> dict[str, Any]:
    """All that is known of one layer, by field."""
    fitted, own = ~rows.is_held, ("base", "tuned").index(spec.fitted_on)
    axes = [_fit(side, fitted, code, spec, run) for side in sides]
    here, nowhere = axes[own], np.full((len(drawn), 2), np.nan, np.float32)
    if here is None:
        return {
            "drawn": (nowhere, nowhere),
            "score": (None, None, None),
            "control": np.full((2, N_CONTROLS), np.nan),
            "cosine": np.nan,
            "halves_cosine": np.nan,
        }
    centre, screen = _screen(sides[own][fitted], code[fitted], here, spec.is_concept)
    other_half = _fit(sides[own], rows.is_held, code, spec, run)
    control = np.full((2, N_CONTROLS), np.nan)
    for at, made in enumerate(controls):
        control[:, at] = _of_control(sides, rows.is_held, made, spec, run)
    return {
        "drawn": tuple(((side[drawn] - centre) @ screen.T).astype(np.float32) for side in sides),
        "score": _scored(sides, fitted, judged, code, here, folds, rows.group[judged], spec.is_concept),
        "control": control,
        "cosine": _alike(*axes),
        "halves_cosine": _alike(here, other_half),
    }


def _fit(
    X: NDArray[np.float32], chosen: NDArray[np.bool_], code: Codes, spec: LabelAxes, run: Run
) -> NDArray[np.float64] | None:
    """Axes that part the values of the chosen rows [1 or 2, width], of a concept of length 1; None where those do not differ."""
    run.check()
    at = np.flatnonzero(chosen & (code >= 0))
    n_axes = min(2, len(np.unique(code[at])) - 1)
    try:
        if spec.direction == "probe":
            axes = probe_axes(X[at], code[at], n_axes, C=PROBE_C, device=run.device)
            return axes / np.linalg.norm(axes) if spec.is_concept else axes
        if spec.is_concept:
            return concept_axis(X[at], code[at] == 0, code[at] == 1)[None]
        return discriminant_axes(X[at], code[at], n_axes)
    except NotEnoughData:
        return None


def _screen(
    X: NDArray[np.float32], code: Codes, axes: NDArray[np.float64], is_concept: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(centre [width], two axes [2, width]) from the rows that were fitted on. What varies beside a single axis is the second."""
    asked = X[code >= 0].astype(np.float64)
    means = [X[code == value].mean(axis=0, dtype=np.float64) for value in np.unique(code[code >= 0])]
    centre = np.mean(means, axis=0) if is_concept else asked.mean(axis=0)
    if len(axes) > 1:
        return centre, axes
    try:
        rest = rest_axis(X, axes)
    except NotEnoughData:  # all rows lie on the axis
        return centre, np.vstack([axes, np.zeros_like(axes)])
    if not is_concept:  # in the unit of the first: standard deviations of rows of one value
        of_row = np.stack(means)[np.unique(code[code >= 0], return_inverse=True)[1]]
        rest = rest / (((asked - of_row) @ rest).std() or 1.0)
    return centre, np.vstack([axes, rest])


def _scored(
    sides: Sequence[NDArray[np.float32]],
    fitted: NDArray[np.bool_],
    judged: NDArray[np.intp],
    code: Codes,
    axes: NDArray[np.float64],
    folds: NDArray[np.intp],
    group: NDArray[np.int64],
    is_concept: bool,
) -> tuple[Estimate, Estimate, Estimate]:
    """How well axes part held-out rows of base, of tuned, and the difference, paired."""
    if not is_concept:
        base, tuned = (_nearest(side, fitted, judged, code, axes) == code[judged] for side in sides)
        return paired_shares(base, tuned, group)
    is_second = code[judged] == 1
    kept = [np.ones(len(judged), bool), *(folds != name for name in range(int(folds.max()) + 1))]
    places = [side[judged] @ axes[0] for side in sides]
    base, tuned = (np.array([parted(one[rows], is_second[rows]) for rows in kept]) for one in places)
    first, second, third = (jackknife(float(one[0]), one[1:], n=len(judged)) for one in (base, tuned, tuned - base))
    return first, second, third


def _nearest(
    X: NDArray[np.float32], fitted: NDArray[np.bool_], judged: NDArray[np.intp], code: Codes, axes: NDArray[np.float64]
) -> NDArray[np.intp]:
    """On the axes, the value whose mean is nearest to each judged row."""
    train = np.flatnonzero(fitted & (code >= 0))
    return nearest_centroid(X[train] @ axes.T, code[train], X[judged] @ axes.T, n_classes=int(code.max()) + 1)


def _of_control(
    sides: Sequence[NDArray[np.float32]], is_held: NDArray[np.bool_], code: Codes, spec: LabelAxes, run: Run
) -> tuple[float, float]:
    """Scores of base and tuned for the control task; NaN where it has no axes."""
    axes = _fit(sides[("base", "tuned").index(spec.fitted_on)], ~is_held, code, spec, run)
    if axes is None:
        return np.nan, np.nan
    judged = np.flatnonzero(is_held & (code >= 0))
    if spec.is_concept:
        base, tuned = (parted(side[judged] @ axes[0], code[judged] == 1) for side in sides)
    else:
        base, tuned = (float((_nearest(side, ~is_held, judged, code, axes) == code[judged]).mean()) for side in sides)
    return base, tuned


def _alike(one: NDArray[np.float64] | None, other: NDArray[np.float64] | None) -> float:
    return np.nan if one is None or other is None or one.shape != other.shape else axes_cosine(one, other)
