"""What a head says: on its own dev examples what its run stored, and beside the points of a map what it said of each."""

import numpy as np
import pandas as pd
import pytest

from core.analyses.head_answers import HeadAnswers, HeadSaid, compute
from core.analyses.joint_map import describe_rows
from core.analyses.places import PLACE, whole_texts
from core.charts.heads import IS_RIGHT, NO_ANSWER, NO_GOLD, SAYS, with_answers
from core.data.load import load_sample
from core.lab import Lab
from core.refs import Sample, Suite
from tests.quiet import Quiet
from tests.small import SAMPLE, TUNE

SPEC = HeadAnswers(checkpoint=TUNE, sample=SAMPLE)


def test_on_its_own_dev_examples_a_head_says_what_its_run_stored(made: Lab) -> None:
    held = made.peek(TUNE)
    found = compute(SPEC.replace(sample=TUNE.dev), {"checkpoint": held}, Quiet())
    assert found.labels == held.labels
    assert found.rows["guess"].tolist() == held.answers["guess"].tolist()
    assert found.rows["confidence"].to_numpy() == pytest.approx(held.answers["confidence"].to_numpy(), abs=1e-6)
    assert (found.rows[PLACE] == 0).all()


def test_points_have_the_answer_to_their_sentence_and_whether_it_is_right(made: Lab) -> None:
    said = made.peek(SPEC)
    points = made.peek(next(spec for spec in _maps())).points
    told = with_answers(points, said, "sentiment")
    of_text = dict(zip(said.rows["sentence"], said.rows["guess"], strict=True))
    assert told[SAYS].tolist() == [of_text[text] for text in points["sentence"]]
    assert ((told[SAYS] == points["sentiment"]) == (told[IS_RIGHT] == "right")).all()
    assert set(told[IS_RIGHT]) <= {"right", "wrong"}
    assert IS_RIGHT not in with_answers(points, said, "no such label")
    assert list(told.columns[: len(points.columns)]) == list(points.columns)


def test_answers_to_words_are_found_by_their_place() -> None:
    rows = pd.DataFrame(
        {"sentence": ["a b a"] * 3, PLACE: [1, 2, 3], "guess": ["X", "Y", "Z"], "confidence": [1.0] * 3}
    )
    points = pd.DataFrame(
        {
            "text": ["a", "a", "c", "b"],
            "sentence": ["a b a", "a b a", "c", "a b a"],
            PLACE: [3, 1, 1, 2],
            "kind": ["Z", "Y", "X", "_"],
        }
    )
    told = with_answers(points, HeadSaid(labels=("X", "Y", "Z"), rows=rows), "kind", unmarked="_")
    assert told[SAYS].tolist() == ["Z", "X", NO_ANSWER, "Y"]
    assert told[IS_RIGHT].tolist() == ["right", "wrong", NO_ANSWER, NO_GOLD]


def test_pairs_of_one_premise_have_each_their_own_answer() -> None:
    sample = Sample(of=Suite(split="train", part="entailment"), n=400)
    examples = load_sample(sample)
    assert len(set(examples.texts)) < 400  # some premises stand in several pairs
    gold = list(examples.sentence_labels["entailment"])
    rows = pd.DataFrame({"sentence": whole_texts(examples), PLACE: 0, "guess": gold, "confidence": 1.0})
    points = describe_rows(sample, np.arange(400), np.full(400, -1))
    told = with_answers(points, HeadSaid(labels=tuple(sorted(set(gold))), rows=rows), "entailment")
    assert (told[IS_RIGHT] == "right").all()


def _maps() -> list:
    from core.analyses.joint_map import JointMap
    from tests.small import comparison

    return [spec for spec in comparison() if isinstance(spec, JointMap)]
