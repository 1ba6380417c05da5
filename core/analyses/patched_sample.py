"""Activation patching over many sentences: at which layer, and at which kind of place, lies what tuning changed?"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.base import Run
from core.analyses.graft import Grown, grown_by
from core.analyses.patching import DIRECTIONS, INTO_BASE, check_patched, mean_odds, pair_of
from core.analyses.places import group_of
from core.data.load import load_sample, sample_size
from core.errors import NotEnoughData
from core.keys import Result, Spec
from core.maths.effects import way_gone
from core.maths.statistics import Estimate, group_folds, jackknife
from core.models.checkpoints import place, shape
from core.refs import Sample

EVERY, FIRST, BETWEEN, LAST = KINDS = ("all pieces", "first piece", "pieces between", "last piece")
"""Places at which states are put in."""
_AT_ONCE = 32


@dataclass(frozen=True, kw_only=True)
class PatchedSample(Spec, kind="patched_sample"):
    """States of one network put into the other, layer by layer and by kind of place, over many sentences."""

    title: ClassVar[str] = "Patching states, over sentences"
    sources: ClassVar[tuple[str, ...]] = ("Prakash et al. 2024", "Zhang & Nanda 2024")
    seconds_per_unit: ClassVar[float] = 2.5e-3

    of: Grown
    sample: Sample
    """What is read."""

    def validate(self) -> None:
        check_patched(self.of)

    def cost(self) -> tuple[float, float]:
        """Work in sentences read; a small table."""
        n_layers = shape(place(grown_by(self.of).checkpoint)).n_layers + 1
        return float(sample_size(self.sample) * (2 + len(DIRECTIONS) * len(KINDS) * n_layers)), 2e4


@dataclass(frozen=True, kw_only=True)
class PatchEffects(Result):
    """What the head of the tuned network says, after either network with states of the other."""

    effects: pd.DataFrame
    """direction, layer, kind (of place), share (of the way from the running network's log odds of the tuned answer to the other's:
    0 = nothing, 1 = all), low, high (95 % over sentences), answers (share of answers that are the tuned network's, mean over
    sentences), answers_low, answers_high."""
    base_answers: float
    """Share of the answers after the base that are the tuned network's, mean over sentences, 0 to 1."""
    base_odds: Estimate
    """Mean over sentences of the log odds of the tuned answers after the base, in nats."""
    tuned_odds: Estimate
    """The same after the tuned network."""
    n_sentences: int
    n_answers: int
    first: str
    """The piece that every sentence begins with; empty where they differ."""
    last: str
    """The same of their ends."""


def compute(spec: PatchedSample, inputs: dict[str, Any], run: Run) -> PatchEffects:
    """Patch batch by batch.

    Raises NotEnoughData for under 4 sentences; CheckpointDamaged for weights that are no numbers.
    """
    from core.models.patching import mixed

    examples = load_sample(spec.sample)
    groups = group_of(examples, np.arange(len(examples)))
    folds = group_folds(groups)
    pair, _ = pair_of(spec.of, inputs, examples, run)
    rows, right, n_answers = [], list[float](), 0
    order = [row for row in pair.by_length() if len(pair.words(row)) or grown_by(spec.of).unit != "word"]
    if not order:
        raise NotEnoughData("Patching states.", "No word of any sentence has an answer.", "Choose another text.")
    ends = {(pair.pieces(row)[0], pair.pieces(row)[-1]) for row in order}
    for begin in range(0, len(order), _AT_ONCE):
        run.step(begin, len(order), "sentences")
        batch = order[begin : begin + _AT_ONCE]
        sides = [pair.says(side, batch) for side in (0, 1)]
        answers = [said.argmax(1) for said in sides[1][0]]
        odds = [mean_odds(said, answers) for said, _ in sides]
        n_answers += sum(map(len, answers))
        right += [float((said.argmax(1) == own).mean()) for said, own in zip(sides[0][0], answers, strict=True)]
        real = pair.real(batch)
        for which, direction in enumerate(DIRECTIONS):
            running, other = which, 1 - which
            for layer in range(pair.n_layers + 1):
                run.check()
                for kind in KINDS:
                    own, put = sides[running][1][layer], sides[other][1][layer]
                    said = pair.patched(running, batch, layer, mixed(own, put, places_of(kind, real)))
                    same = [(one.argmax(1) == own).mean() for one, own in zip(said, answers, strict=True)]
                    rows += [
                        (direction, layer, kind, row, *values)
                        for row, *values in zip(
                            batch, odds[running], mean_odds(said, answers), odds[other], same, strict=True
                        )
                    ]
    run.step(len(order), len(order), "sentences")
    table = pd.DataFrame(rows, columns=["direction", "layer", "kind", "row", "before", "after", "target", "same"])
    into_base = table[table["direction"] == INTO_BASE]
    return PatchEffects(
        effects=_effects(table, folds),
        base_answers=float(np.mean(right)),
        base_odds=_mean(into_base, "before", folds),
        tuned_odds=_mean(into_base, "target", folds),
        n_sentences=len(order),
        n_answers=n_answers,
        first=_common({first for first, _ in ends}),
        last=_common({last for _, last in ends}),
    )


def _effects(table: pd.DataFrame, folds: NDArray[np.intp]) -> pd.DataFrame:
    """PatchEffects.effects, of log odds sentence by sentence."""
    found = []
    for (direction, layer, kind), own in table.groupby(["direction", "layer", "kind"], sort=False):
        gone = way_gone(own["before"], own["after"], own["target"], folds[own["row"]])
        share, low, high = (gone.value, gone.low, gone.high) if gone else (np.nan,) * 3
        same = _mean(own, "same", folds)
        found.append((direction, layer, kind, share, low, high, same.value, max(0.0, same.low), min(1.0, same.high)))
    columns = ["direction", "layer", "kind", "share", "low", "high", "answers", "answers_low", "answers_high"]
    return pd.DataFrame(found, columns=columns)


def _mean(table: pd.DataFrame, column: str, folds: NDArray[np.intp]) -> Estimate:
    """A column's mean over sentences."""
    own = table.groupby("row")[column].first()
    fold = folds[own.index]
    left_out = [own[fold != one].mean() for one in np.unique(fold)]
    return jackknife(float(own.mean()), left_out, n=len(own))


def _common(pieces: set[str]) -> str:
    return next(iter(pieces)) if len(pieces) == 1 else ""


def places_of(kind: str, real: np.ndarray) -> np.ndarray:
    """Places of a kind, bool [rows, pieces]. Args: real: where there is a piece and no padding."""
    first, last = np.zeros_like(real), np.zeros_like(real)
    rows = np.arange(len(real))
    first[rows, real.argmax(1)] = True
    last[rows, real.shape[1] - 1 - real[:, ::-1].argmax(1)] = True
    found: np.ndarray = {EVERY: real, FIRST: first, LAST: last, BETWEEN: real & ~first & ~last}[kind]
    return found
