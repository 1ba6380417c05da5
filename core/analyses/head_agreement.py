"""Where both sides have a head for the same labels: how often do they say the same, and how far apart are their answers?"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from core.analyses.base import Run
from core.analyses.checkpoint import run_of
from core.analyses.head_answers import Head, answers_of, head_labels, refuse_others
from core.analyses.places import group_of
from core.data.examples import Examples
from core.data.load import load_sample, sample_size
from core.errors import IncompatibleRefs
from core.keys import Result, Spec
from core.maths.agreement import chance_agreement, divergence_bits
from core.maths.statistics import Estimate, grouped_share
from core.refs import Sample

KEPT = 200
"""Rows kept to be read, those that differ most first."""


@dataclass(frozen=True, kw_only=True)
class HeadAgreement(Spec, kind="head_agreement"):
    """Both heads answer the same sentences."""

    title: ClassVar[str] = "Agreement of heads"
    sources: ClassVar[tuple[str, ...]] = ("Merchant et al. 2020 on comparing what is put out",)
    seconds_per_unit: ClassVar[float] = 8e-3

    base: Head
    tuned: Head
    sample: Sample
    """What both read."""

    def validate(self) -> None:
        for head in (self.base, self.tuned):
            refuse_others(head)
        one, other = run_of(self.base), run_of(self.tuned)
        assert one is not None
        assert other is not None
        if (one.label, one.unit) != (other.label, other.unit):
            raise IncompatibleRefs(
                "Comparing two heads.",
                f"One answers {one.label}, the other {other.label}.",
                "Choose runs of one label.",
            )

    def cost(self) -> tuple[float, float]:
        """Work in sentences read by both; a small table kept."""
        return 2.0 * sample_size(self.sample), 3e4


@dataclass(frozen=True, kw_only=True)
class HeadAgreements(Result):
    """How alike two heads answer. Intervals: delete-a-group jackknife over groups of sentences."""

    labels: tuple[str, ...]
    agreement: Estimate
    """Share of rows with the same answer, 0 to 1."""
    chance: float
    """What it would be if each head kept its shares of answers but did not look, 0 to 1."""
    divergence: Estimate
    """Mean Kullback-Leibler divergence of the tuned head's answer from the base head's, in bits, >= 0; 0 = the same confidence
    in the same answers."""
    counts: np.ndarray
    """Rows by answer of the base head (row) and of the tuned head (column), int64 [labels, labels]."""
    rows: pd.DataFrame
    """text, word (empty where all of it was read), base, tuned (their answers), bits; those that differ most first."""
    n_rows: int
    n_sentences: int


def compute(spec: HeadAgreement, inputs: dict[str, Any], run: Run) -> HeadAgreements:
    """Let both answer.

    Raises IncompatibleRefs where their labels or the words they keep differ, NotEnoughData under 4 sentences.
    """
    examples, heads = load_sample(spec.sample), (("base", spec.base), ("tuned", spec.tuned))
    labels = {name: head_labels(ref, inputs, name) for name, ref in heads}
    if set(labels["base"]) != set(labels["tuned"]):
        raise IncompatibleRefs(
            "Comparing two heads.",
            f"Their labels differ: {', '.join(sorted(set(labels['base']) ^ set(labels['tuned'])))}.",
            "Choose runs on the same labels.",
        )
    said = {}
    for done, (name, ref) in enumerate(heads):
        run.step(done, 2, "heads")
        said[name] = answers_of(ref, inputs, name, examples, run)
    base, tuned = said["base"], said["tuned"]
    if not (np.array_equal(base.example, tuned.example) and np.array_equal(base.word, tuned.word)):
        raise IncompatibleRefs(
            "Comparing two heads.",
            f"Their tokenizers keep other words: {len(base.word):,} and {len(tuned.word):,}.",
            "Choose heads of one tokenizer.",
        )
    order = [labels["tuned"].index(label) for label in labels["base"]]
    place = np.argsort(order)  # of the tuned head's labels, in the base head's order
    bits = divergence_bits(base.log_shares, tuned.log_shares[:, order])
    guesses = base.guess, place[tuned.guess]
    group = group_of(examples, base.example)
    counts = np.zeros((len(order), len(order)), dtype=np.int64)
    np.add.at(counts, guesses, 1)
    return HeadAgreements(
        labels=labels["base"],
        agreement=grouped_share(guesses[0] == guesses[1], group),
        chance=chance_agreement(*guesses, len(order)),
        divergence=grouped_share(bits, group),  # a mean of rows like a share
        counts=counts,
        rows=_rows(examples, base, guesses, bits, labels["base"]),
        n_rows=len(bits),
        n_sentences=len(np.unique(base.example)),
    )


def _rows(
    examples: Examples, answers: Any, guesses: tuple[np.ndarray, np.ndarray], bits: np.ndarray, labels: tuple[str, ...]
) -> pd.DataFrame:
    """What the two say of the rows on which they differ most."""
    first = np.argsort(-bits, kind="stable")[:KEPT]
    places = list(zip(answers.example[first].tolist(), answers.word[first].tolist(), strict=True))
    return pd.DataFrame(
        {
            "text": [examples.texts[i] for i, _ in places],
            "word": [examples.words[i][j] if j >= 0 else "" for i, j in places],
            "base": [labels[i] for i in guesses[0][first].tolist()],
            "tuned": [labels[i] for i in guesses[1][first].tolist()],
            "bits": bits[first],
        }
    )
