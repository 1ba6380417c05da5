"""Two heads on the same sentences: what is stored is what they said."""

import numpy as np
import pytest

from core.analyses.compress import Compress
from core.analyses.fine_tune import FineTune, TunedCheckpoint
from core.analyses.head_agreement import HeadAgreement, HeadAgreements, compute
from core.errors import IncompatibleRefs
from core.lab import Lab
from core.refs import Packaged, Sample, Suite
from tests.quiet import Quiet
from tests.small import SAMPLE, TUNE

SPEC = HeadAgreement(base=TUNE, tuned=Compress(of=TUNE), sample=SAMPLE)


@pytest.fixture(scope="module")
def found(made: Lab) -> HeadAgreements:
    held: HeadAgreements | None = made.peek(SPEC)
    assert held is not None
    return held


def test_counts_hold_every_sentence_and_their_diagonal_is_the_agreement(found: HeadAgreements) -> None:
    assert found.counts.sum() == found.n_rows == found.n_sentences == 60
    assert np.trace(found.counts) / 60 == pytest.approx(found.agreement.value)
    shares = found.counts.sum(axis=1) / 60, found.counts.sum(axis=0) / 60
    assert found.chance == pytest.approx(float(shares[0] @ shares[1]))


def test_rows_come_from_far_to_near_and_their_mean_is_the_divergence(found: HeadAgreements) -> None:
    assert found.rows["bits"].is_monotonic_decreasing
    assert found.rows["bits"].mean() == pytest.approx(found.divergence.value)
    assert len(found.rows) == 60
    assert set(found.rows["base"]) <= set(found.labels)
    assert (found.rows["word"] == "").all()


def test_on_its_own_dev_examples_a_head_says_what_its_run_stored(made: Lab) -> None:
    held: TunedCheckpoint = made.peek(TUNE)
    asked = SPEC.replace(sample=TUNE.dev)
    found = compute(asked, {"base": held, "tuned": made.peek(SPEC.tuned)}, Quiet())
    guessed = held.answers["guess"].map({label: i for i, label in enumerate(found.labels)})
    np.testing.assert_array_equal(found.counts.sum(axis=1), np.bincount(guessed, minlength=len(found.labels)))


def test_a_head_agrees_with_itself(made: Lab) -> None:
    held = made.peek(TUNE)
    same = compute(HeadAgreement(base=TUNE, tuned=TUNE, sample=SAMPLE), {"base": held, "tuned": held}, Quiet())
    assert (same.agreement.value, same.divergence.value) == (1.0, 0.0)


def test_heads_of_other_labels_are_refused(made: Lab) -> None:
    other = FineTune(
        checkpoint=Packaged(), train=Sample(of=Suite(split="train"), n=64), dev=TUNE.dev, label="tense", epochs=1
    )
    with pytest.raises(IncompatibleRefs, match="tense"):
        HeadAgreement(base=TUNE, tuned=other, sample=SAMPLE)
    held = made.peek(TUNE)
    renamed = TunedCheckpoint(**{**vars(held), "labels": ("good", "bad")})
    with pytest.raises(IncompatibleRefs, match="labels differ"):
        compute(SPEC, {"base": held, "tuned": renamed}, Quiet())
