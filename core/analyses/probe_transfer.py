"""A probe trained on one side and read on the other, and what each single word or sentence gained or lost."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.base import Run, facing_layers, spread
from core.analyses.embed import Embed, Embeddings, read_the_same
from core.analyses.joint_map import same_width
from core.analyses.places import PLACE, whole_texts
from core.analyses.probe import MAX_ITERATIONS, TOLERANCE, Split, refuse_odd_settings, splits_of
from core.analyses.units import LabelledRows, labelled_rows
from core.data.load import load_sample
from core.errors import IncompatibleRefs, NotEnoughData
from core.keys import Result, Spec
from core.maths.probing import fit_linear_probes, standardise
from core.maths.statistics import Estimate, resampled_interval

WAYS = (
    "base on base",
    "base on tuned",
    "base on tuned, rescaled",
    "tuned on tuned",
    "tuned on base",
    "tuned on base, rescaled",
)
"""Trained on … read on …; rescaled: each feature of the other side is first brought to mean 0 and spread 1 by itself."""


@dataclass(frozen=True, kw_only=True)
class ProbeTransfer(Spec, kind="probe_transfer", version=3):
    """Linear probes of each side, read on both sides of every layer, on the same splits."""

    title: ClassVar[str] = "Probe transfer"
    sources: ClassVar[tuple[str, ...]] = (
        "Du et al. 2025 on directions that carry over",
        "Nadeau & Bengio 2003 on intervals over splits",
    )
    seconds_per_unit: ClassVar[float] = 6.0e-4

    base: Embed
    tuned: Embed
    label: str
    n_seeds: int = 5
    C: float = 0.01

    def validate(self) -> None:
        read_the_same(self.base, self.tuned, "Carrying a probe over.")
        refuse_odd_settings(self.n_seeds, self.C)

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers x seeds; what each row gained, by layer."""
        return self.base.cost()[0] * self.n_seeds, self.base.cost()[0] * 100


@dataclass(frozen=True, kw_only=True)
class Transfers(Result):
    """Accuracy on held-out sentences of probes read at home and away, per base layer and the tuned layer it faces."""

    accuracy: np.ndarray
    """[layers, seeds, ways], in the order of WAYS."""
    score: tuple[tuple[Estimate, ...], ...]
    """The same with intervals over resampled splits (Nadeau & Bengio 2003), [layers][ways]."""
    base_share: np.ndarray
    """Probability that the base's own probe gives a row's gold label, 0 to 1, mean over the splits that hold the row out,
    float16 [layers, rows]; NaN where none does."""
    tuned_share: np.ndarray
    """The same of the tuned side."""
    base_said: np.ndarray
    """What the base's own probe answers in the first split that holds a row out, as a place in `labels`, int16 [layers, rows];
    -1 where none does."""
    tuned_said: np.ndarray
    """The same of the tuned side."""
    labels: tuple[str, ...]
    rows: pd.DataFrame
    """What each row is: text, sentence (the whole example), PLACE (-1 = a span or pair), label; group: rows of one number stand on
    one side of a split."""
    n_train: int
    n_test: int
    n_sentences: int
    n_unconverged: int


def compute(spec: ProbeTransfer, inputs: dict[str, Any], run: Run) -> Transfers:
    """Fit both sides' probes and read them on both. Raises IncompatibleRefs for other widths or other words."""
    base, tuned = inputs["base"], inputs["tuned"]
    same_width(base, tuned)
    examples = load_sample(spec.base.sample)
    ours, theirs = (labelled_rows(examples, side, spec.base.unit, spec.label) for side in (base, tuned))
    _same_rows(base, tuned, ours, theirs)
    names, y = np.unique(ours.labels, return_inverse=True)
    if len(names) < 2:
        raise NotEnoughData(
            f"Probing for {spec.label!r}.", f"Every row has the label “{names[0]}”.", "Give two or more."
        )
    splits = splits_of(ours.group, spec.n_seeds)
    facing = facing_layers(len(base.layers) - 1, len(tuned.layers) - 1)

    def read(layer: int, seed: int) -> tuple[_Read, _Read]:
        one, two = ours.vectors(base.layers[layer]), theirs.vectors(tuned.layers[facing[layer]])
        return tuple(  # type: ignore[return-value]
            _read_both(home, away, y, splits[seed], len(names), spec.C, run.device)
            for home, away in ((one, two), (two, one))
        )

    places = [(layer, seed) for layer in range(len(facing)) for seed in range(spec.n_seeds)]
    accuracy = np.zeros((len(facing), spec.n_seeds, len(WAYS)))
    shares, failed = np.zeros((2, len(facing), len(y))), 0
    said = np.full(shares.shape, -1, dtype=np.int16)
    for (layer, seed), both in zip(places, spread(run, [partial(read, *at) for at in places], "probes"), strict=True):
        accuracy[layer, seed] = [share for home in both for share in home.accuracy]
        for side, home in enumerate(both):
            test = splits[seed][1]
            shares[side, layer, test] += home.gold_share
            said[side, layer, test] = np.where(said[side, layer, test] < 0, home.said, said[side, layer, test])
            failed += not home.converged
    times = np.bincount(np.concatenate([test for _, test in splits]), minlength=len(y))
    with np.errstate(invalid="ignore"):
        shares = (shares / np.where(times, times, np.nan)).astype(np.float16)
    n_train, n_test = (int(np.mean([len(split[side]) for split in splits])) for side in (0, 1))
    whole = whole_texts(examples)
    sentences = [whole[i] for i in ours.sentence.tolist()]
    return Transfers(
        accuracy=accuracy,
        score=tuple(
            tuple(resampled_interval(way, n_train=n_train, n_test=n_test) for way in of_layer.T)
            for of_layer in accuracy
        ),
        base_share=shares[0],
        tuned_share=shares[1],
        base_said=said[0],
        tuned_said=said[1],
        labels=tuple(map(str, names)),
        rows=pd.DataFrame(
            {
                "text": sentences if ours.unit == "sentence" else ours.types,
                "sentence": sentences,
                PLACE: ours.place,
                "label": ours.labels,
                "group": ours.group,
            }
        ),
        n_train=n_train,
        n_test=n_test,
        n_sentences=len(np.unique(ours.group)),
        n_unconverged=failed,
    )


@dataclass(frozen=True)
class _Read:
    """One probe, read on the rows held out."""

    accuracy: tuple[float, float, float]
    """At home, away as it is, away rescaled."""
    gold_share: NDArray[np.float64]
    """Probability of the gold label at home [n_test]."""
    said: NDArray[np.intp]
    """Answers at home [n_test]."""
    converged: bool


def _read_both(
    home: NDArray[np.float32],
    away: NDArray[np.float32],
    y: NDArray[np.intp],
    split: Split,
    n_classes: int,
    C: float,
    device: str,
) -> _Read:
    """Train on one side, read on both."""
    train, test = split
    own, here, as_is = standardise(home[train], home[test], away[test])
    _, rescaled = standardise(away[train], away[test])
    probe = fit_linear_probes(
        own, y[train], C=C, n_classes=n_classes, max_iter=MAX_ITERATIONS, tol=TOLERANCE, device=device
    )
    said = [probe.predict(X)[0] for X in (here, as_is, rescaled)]
    right = [float((one == y[test]).mean()) for one in said]
    share = np.exp(probe.log_proba(here)[0][np.arange(len(test)), y[test]])
    return _Read((right[0], right[1], right[2]), share, said[0], bool(probe.converged[0]))


def _same_rows(base: Embeddings, tuned: Embeddings, ours: LabelledRows, theirs: LabelledRows) -> None:
    same = len(base.sentence) == len(tuned.sentence) and (base.sentence == tuned.sentence).all()
    if not same or not (base.word == tuned.word).all() or len(ours.labels) != len(theirs.labels):
        raise IncompatibleRefs(
            "Carrying a probe over.",
            "The tokenizers keep other words, so that rows do not face each other.",
            "Choose two checkpoints of one tokenizer, or text that both can read.",
        )
