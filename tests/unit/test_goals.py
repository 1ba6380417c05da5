"""What a run can learn: trees, answers and numbers as well as labels; each learnt, scored and read back as what it is."""

import json
import re
import string
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from core.analyses.checkpoint import source_of
from core.analyses.compress import Compress
from core.analyses.embed import Embed
from core.analyses.fine_tune import FineTune, Snapshot, TunedCheckpoint
from core.analyses.goals import misses, prepared
from core.analyses.head_answers import HeadAnswers
from core.analyses.scoring import ACCURACY, EXACT, LAS, OVERLAP, R2, SPEARMAN, UAS, dull, score_of
from core.data.conllu import read_conllu
from core.data.examples import Examples
from core.data.load import load_sample
from core.errors import NotEnoughData, SpecInvalid
from core.keys import from_json, to_json
from core.lab import Lab
from core.maths.trees import best_tree
from core.models.heads import IGNORED, AnswerHead, Biaffine, LabelHead, TreeHead
from core.models.tuning import answer, tuned_model
from core.refs import ConlluFile, Packaged, Sample, Suite, TableFile
from tests.small import TUNE

PARSER = FineTune(
    checkpoint=Packaged(),
    train=Sample(of=Suite(split="train"), n=400),
    dev=Sample(of=Suite(split="dev"), n=150),
    goal="tree",
    unit="word",
    label="relation",
    epochs=3,
    learning_rate=3e-4,
    head_rate=5.0,
)
READER = PARSER.replace(
    train=Sample(of=Suite(part="answers", split="train"), n=800),
    dev=Sample(of=Suite(part="answers", split="dev"), n=150),
    goal="answer",
    unit="sentence",
    label="answer",
    epochs=2,
)
LENGTHS = TUNE.replace(
    train=Sample(of=Suite(split="train"), n=300),
    dev=Sample(of=Suite(split="dev"), n=150),
    goal="number",
    label="sentence length",
    epochs=2,
    learning_rate=2e-4,
    batch_size=32,
)


def again(lab: Lab, spec: FineTune, result: TunedCheckpoint) -> pd.DataFrame:
    """The dev examples answered once more by the checkpoint as it is stored."""
    task = prepared(spec)
    model, tokenizer = tuned_model(source_of(spec, {"x": result}, "x"), task.lesson.head, "cpu")
    said = answer(model, tokenizer, task.lesson.dev, head=task.lesson.head, longest=128, on_batch=lambda: None)
    return task.score(said).answers


def test_a_parser_learns_the_trees_of_the_suite_and_is_a_checkpoint_like_any_other(lab: Lab) -> None:
    spec = PARSER.replace(snapshots=(0,))
    result = lab.run(spec)
    rows = result.answers
    hangs_right = (rows["head"] == rows["gold_head"]).mean()
    assert hangs_right > 0.80
    right_branching = (rows["dull_head"] == rows["gold_head"]).mean()
    assert hangs_right > right_branching + 0.3
    assert result.scores()[UAS].value == pytest.approx(hangs_right)
    both = (rows["head"] == rows["gold_head"]) & (rows["guess"] == rows["gold"])
    assert result.score.value == pytest.approx(both.mean())
    assert result.score.low < result.score.value < result.score.high
    assert result.score.n == len(rows)
    # One tree a sentence: one root, and every word leads to it.
    for _, words in rows.groupby("example"):
        heads = dict(zip(words["word"] + 1, words["head"], strict=True))
        assert sum(head == 0 for head in heads.values()) == 1
        for word in heads:
            steps = 0
            while word:
                word, steps = heads[word], steps + 1
                assert steps <= len(heads)
    assert again(lab, spec, result).equals(rows)
    wrong = misses(spec, rows)
    assert len(wrong) == min(200, ((rows["head"] != rows["gold_head"]) | (rows["guess"] != rows["gold"])).sum())
    assert (
        (wrong["gold head"] != wrong["head"]) | (wrong["gold"] != wrong["says"])
    ).mean() > 0.9  # a word may stand twice
    assert wrong["confidence"].is_monotonic_decreasing
    # Its backbone is read by every page; before the first step it is the base.
    sample = Sample(of=Suite(split="dev"), n=8)
    base, first, last = (
        lab.run(Embed(checkpoint=one, sample=sample)) for one in (Packaged(), Snapshot(run=spec, step=0), spec)
    )
    np.testing.assert_array_equal(base.layers[-1], first.layers[-1])
    assert (base.layers[-1] != last.layers[-1]).any()
    with pytest.raises(SpecInvalid, match="tuned to give a tree"):
        HeadAnswers(checkpoint=spec, sample=sample)


def test_questions_are_answered_from_the_text_better_than_by_place(lab: Lab) -> None:
    result = lab.run(READER)
    assert result.score.low > result.majority + 0.2
    dev = load_sample(READER.dev)
    marked = [next(mark.first for mark in marks if "answer" in mark.labels) for marks in dev.marks["answer"]]
    assert result.answers["gold"].tolist() == [
        " ".join(words[slice(*span)]) for words, span in zip(dev.words, marked, strict=True)
    ]
    assert OVERLAP in result.scores()
    words = [words[: len(spans)] for words, spans in zip(dev.words, dev.spans, strict=True)]  # never of the question
    assert all(
        guess in " ".join(words[at])
        for at, guess in zip(result.answers["example"], result.answers["guess"], strict=True)
    )
    assert again(lab, READER, result).equals(result.answers)
    wrong = misses(READER, result.answers)
    assert len(wrong) == round((1 - result.score.value) * result.score.n)
    assert wrong["second text"].str.endswith("?").all()
    small = lab.run(Compress(of=READER, rank=64))
    assert small.score.n == result.score.n
    assert small.score.value > result.majority


def squad_evaluation(golds: list[str], said: str) -> tuple[float, float]:
    """Exact match and F1 of one answer, written down after SQuAD's own evaluate-v1.1.py."""

    def normal(text: str) -> str:
        bare = "".join(sign for sign in text.lower() if sign not in set(string.punctuation))
        return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())

    def f1(gold: str) -> float:
        theirs, ours = normal(gold).split(), normal(said).split()
        same = sum((Counter(theirs) & Counter(ours)).values())
        if not same:
            return 0.0
        precision, recall = same / len(ours), same / len(theirs)
        return 2 * precision * recall / (precision + recall)

    return float(max(normal(said) == normal(gold) for gold in golds)), max(map(f1, golds))


ANSWERED = (
    (("in the old barn", "The barn", "barn"), "the barn."),
    (("two dogs", "dogs", "two dogs, a cat"), "cat and two dogs"),
    (("1969", "July 1969"), "July"),
    (("a fox", "the fox of the hill"), "Fox"),
    (("nobody",), "the guard"),
)


def test_an_answer_is_held_against_all_that_people_gave_and_the_best_counts() -> None:
    table = pd.DataFrame({
        "example": range(len(ANSWERED)), "word": -1, "gold": [golds[0] for golds, _ in ANSWERED],
        "guess": [said for _, said in ANSWERED], "dull": "barn", "confidence": 0.5,
        "golds": [json.dumps(golds) for golds, _ in ANSWERED],
    })  # fmt: skip
    official = np.array([squad_evaluation(list(golds), said) for golds, said in ANSWERED])
    assert [score_of(table, (), EXACT)[0], score_of(table, (), OVERLAP)[0]] == pytest.approx(official.mean(axis=0))
    first = table.drop(columns="golds")
    alone = np.array([squad_evaluation([golds[0]], said) for golds, said in ANSWERED])
    assert [score_of(first, (), EXACT)[0], score_of(first, (), OVERLAP)[0]] == pytest.approx(alone.mean(axis=0))
    assert (official.mean(axis=0) > alone.mean(axis=0)).all()
    assert (
        score_of(dull(table), (), EXACT)[0] == 0.2
    )  # what always answering the same says is held against all of them too


def test_a_reader_of_a_file_is_scored_against_every_gold_answer_and_its_results_have_a_version_of_their_own(
    lab: Lab, tmp_path: Path
) -> None:
    rows = [
        {
            "context": f"The guard washed two dogs near gate {i} and went home after the rain .",
            "question": "What did the guard wash ?",
            "answers": {"text": ["two dogs", "dogs", "guard"], "answer_start": [17, 21, 4]},
        }
        for i in range(24)
    ]
    file = tmp_path / "squad.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    ref = TableFile.at(file, format="jsonl", text="question", partner="context", answers="answers")
    spec = READER.replace(train=Sample(of=ref), dev=Sample(of=ref, n=20), method="head", epochs=1)
    result = lab.run(spec)
    assert [json.loads(one) for one in result.answers["golds"]] == [["two dogs", "dogs", "guard"]] * 20
    assert set(result.answers["gold"]) == {"two dogs"}
    said = result.answers["guess"].tolist()
    official = np.mean([squad_evaluation(["two dogs", "dogs", "guard"], one) for one in said], axis=0)
    value, _ = score_of(result.answers, (), OVERLAP)
    assert (result.score.value, value) == pytest.approx(tuple(official))
    for guess, right in (("dogs", 1.0), ("The guard.", 1.0), ("gate", 0.0)):
        assert score_of(result.answers.assign(guess=guess), (), EXACT)[0] == right
    wrong = misses(spec, result.answers.assign(guess="gate"))
    assert set(wrong["gold"]) == {"two dogs | dogs | guard"}
    # Results of before, which knew the first answer alone, are of another time; of the suite's questions they still hold.
    assert (to_json(spec)["version"], to_json(READER)["version"]) == (3, 2)
    with pytest.raises(SpecInvalid, match="version 2"):
        from_json(to_json(spec) | {"version": 2})


def test_a_number_is_learnt_in_its_own_units(lab: Lab) -> None:
    result = lab.run(LENGTHS)
    assert result.accuracy is None
    assert result.score.value > 0.8
    assert result.score.low < result.score.value < result.score.high
    lengths = [len(words) for words in load_sample(LENGTHS.dev).words]
    assert result.answers["gold"].tolist() == lengths
    assert abs(result.answers["guess"].mean() - np.mean(lengths)) < 2  # words, not spreads
    assert result.majority == 0
    assert result.scores()[R2].value > 0.5
    assert again(lab, LENGTHS, result).equals(result.answers)
    wrong = misses(LENGTHS, result.answers)
    assert (wrong["gold"] - wrong["says"]).abs().is_monotonic_decreasing


def test_scores_by_hand() -> None:
    words = pd.DataFrame({
        "example": [0, 0, 0, 1], "word": [0, 1, 2, 0], "gold": ["a", "a", "b", "a"], "guess": ["a", "b", "b", "a"],
        "gold_head": [2, 0, 2, 0], "head": [2, 0, 1, 0], "dull": "a", "dull_head": [0, 1, 2, 0],
    })  # fmt: skip
    assert score_of(words, ("a", "b"), UAS)[0] == 0.75
    assert score_of(words, ("a", "b"), LAS)[0] == 0.5
    assert score_of(dull(words), ("a", "b"), UAS)[0] == 0.5
    assert score_of(dull(words), ("a", "b"), LAS)[0] == 0.25
    texts = pd.DataFrame({
        "example": range(4), "word": -1, "gold": ["the red barn", "in May", "two", "a"],
        "guess": ["red barn.", "in June", "a cat", "the"], "dull": "two",
    })  # fmt: skip
    assert score_of(texts, (), EXACT)[0] == 0.5  # case, punctuation and articles apart; an article alone is nothing
    assert score_of(texts, (), OVERLAP)[0] == pytest.approx((1 + 0.5 + 0 + 1) / 4)
    rng = np.random.default_rng(0)
    numbers = pd.DataFrame({"example": range(50), "word": -1, "gold": rng.normal(size=50)})
    numbers = numbers.assign(guess=numbers["gold"] ** 3)
    value, many = score_of(numbers, (), SPEARMAN)
    assert value == 1.0
    assert many is None  # every part of the examples says the same
    assert score_of(numbers.assign(guess=numbers["gold"] + rng.normal(size=50)), (), SPEARMAN)[1] is not None
    assert score_of(numbers.assign(guess=3.0), (), SPEARMAN)[0] == 0.0


def test_what_was_cut_off_is_not_taught() -> None:
    begins = {0: 1, 1: 2, 3: 4}  # word 2 has no pieces
    tree = TreeHead(("x", "y"), best_tree)
    assert tree.taught(begins, 6, ([2, 0, 2, 3], [0, 1, 0, 1])) == {
        "begins": [1, 2, 4], "heads": [2, 0, IGNORED], "relations": [0, 1, IGNORED],
    }  # fmt: skip
    assert tree.taught({3: 1}, 3, ([2, 0, 2, 3], [0, 1, 0, 1])) is None
    reader = AnswerHead("first")
    assert reader.taught(begins, 6, (1, 2)) == {"begins": [1, 2, 4], "first": 1, "last": 1}
    assert reader.taught(begins, 6, (1, 4)) == {"begins": [1, 2, 4], "first": 1, "last": 2}
    assert reader.taught(begins, 6, (1, 3)) is None
    labels = LabelHead("word", ("a", "b"))
    assert labels.taught(begins, 6, [0, 1, 0, IGNORED]) == {"labels": [IGNORED, 0, 1, IGNORED, IGNORED, IGNORED]}
    assert labels.taught(begins, 6, [IGNORED] * 4) is None


def test_words_that_are_not_there_take_no_part() -> None:
    torch.manual_seed(0)
    head = Biaffine(8, 3).eval()
    words = torch.randn(1, 5, 8)
    alone, _ = head(words[:, :3], torch.tensor([[True, True, True]]))
    padded, loss = head(
        words,
        torch.tensor([[True, True, True, False, False]]),
        heads=torch.tensor([[0, 1, 1, IGNORED, IGNORED]]),
        relations=torch.tensor([[0, 1, IGNORED, IGNORED, IGNORED]]),
    )
    torch.testing.assert_close(padded[:, :3, :4], alone)
    assert (padded[:, :3, 4:] < -1e8).all()
    _, same = head(
        words[:, :3],
        torch.tensor([[True, True, True]]),
        heads=torch.tensor([[0, 1, 1]]),
        relations=torch.tensor([[0, 1, IGNORED]]),
    )
    torch.testing.assert_close(loss, same)


def test_what_cannot_be_learnt_is_said_before_anything_is_trained(tmp_path: Path) -> None:
    pairs = Sample(of=Suite(part="answers", split="dev"), n=20)
    with pytest.raises(SpecInvalid, match="pairs of texts"):
        prepared(PARSER.replace(train=pairs))
    table = tmp_path / "x.tsv"
    table.write_text("".join(f"word {i} here\t{i % 2}\t3\n" for i in range(12)))
    flat = Sample(of=TableFile.at(table, labels=("2",), label_names=("kind",), numbers=("3",)))
    with pytest.raises(SpecInvalid, match="no trees"):
        prepared(PARSER.replace(train=flat))
    with pytest.raises(SpecInvalid, match="no answers"):
        prepared(READER.replace(train=flat))
    with pytest.raises(NotEnoughData, match="of 1 different values"):
        prepared(LENGTHS.replace(train=flat, dev=flat, label="number 3"))
    with pytest.raises(SpecInvalid, match="height"):
        prepared(LENGTHS.replace(label="height"))
    for wrong in ({"goal": "tree", "unit": "sentence"}, {"goal": "number", "unit": "word"}, {"head_rate": 0.0}):
        with pytest.raises(SpecInvalid):
            TUNE.replace(**wrong)


def test_trees_of_a_file_with_two_roots_a_circle_and_a_long_sentence_are_learnt_from(tmp_path: Path, lab: Lab) -> None:
    def line(at: int, head: int, relation: str) -> str:
        return f"{at}\tword{at % 7}\t_\tNOUN\t_\t_\t{head}\t{relation}\t_\t_"

    trees = [
        [(0, "root"), (0, "root"), (1, "dep")],
        [(2, "dep"), (1, "dep"), (0, "root")],
        [(0, "root"), *((1, "dep") for _ in range(300))],
        *[[(0, "root"), (1, "obj"), (2, "dep")]] * 5,
    ]
    text = "\n\n".join("\n".join(line(i, *one) for i, one in enumerate(tree, start=1)) for tree in trees)
    file = tmp_path / "x.conllu"
    file.write_text(text + "\n\n")
    assert isinstance(read_conllu(file, "x"), Examples)
    sample = Sample(of=ConlluFile.at(file))
    result = lab.run(PARSER.replace(train=sample, dev=sample, epochs=1, batch_size=4, max_pieces=64))
    assert result.answers["word"].max() < 70  # beyond the cut there is no answer
    assert result.n_lost == sum(map(len, trees)) - len(result.answers) > 200
    assert result.n_train == len(trees)


@pytest.mark.parametrize("reader", ["labels of words", "trees", "answers", "numbers"])
def test_too_little_is_said_before_anything_is_trained(reader: str) -> None:
    few = {
        "labels of words": TUNE.replace(unit="word", label="upos", dev=TUNE.dev.replace(n=3)),
        "trees": PARSER.replace(dev=PARSER.dev.replace(n=3)),
        "answers": READER.replace(dev=READER.dev.replace(n=3)),
        "numbers": LENGTHS.replace(dev=LENGTHS.dev.replace(n=3)),
    }[reader]
    with pytest.raises(NotEnoughData):
        prepared(few)


def test_a_snapshot_beyond_the_examples_that_have_an_answer_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "x.tsv"
    table.write_text("".join(f"word {i} here\t{i if i % 2 else ''}\n" for i in range(16)))
    half = Sample(of=TableFile.at(table, numbers=("2",)))
    spec = LENGTHS.replace(train=half, dev=half, label="number 2", batch_size=2, epochs=4)
    assert prepared(spec).lesson.recipe.n_steps == 16
    with pytest.raises(SpecInvalid, match="They make 16 steps"):
        prepared(spec.replace(snapshots=(1, 20)))


def test_a_few_numbers_far_out_are_no_divergence(tmp_path: Path) -> None:
    table = tmp_path / "x.tsv"
    table.write_text("".join(f"word {i} here\t{1000000 if i == 7 else i % 3}\n" for i in range(400)))
    sample = Sample(of=TableFile.at(table, numbers=("2",)))
    head = prepared(LENGTHS.replace(train=sample, dev=sample, label="number 2")).lesson.head
    worst = head.taught({}, 3, 1000000.0)["labels"] ** 2 / 32  # of a batch that holds it, by a head that says the mean
    assert worst > 10
    assert worst < 10 * head.even_loss


def test_versions_of_one_text_are_no_independent_examples() -> None:
    rows = pd.DataFrame({"example": range(40), "group": np.repeat(range(5), 8), "word": -1, "gold": "a", "guess": "a"})
    rows.loc[rows["group"] < 2, "guess"] = "b"
    alone, together = score_of(rows.drop(columns="group"), ("a", "b"), ACCURACY), score_of(rows, ("a", "b"), ACCURACY)
    assert alone[0] == together[0] == 0.6
    assert together[1].high - together[1].low > 2 * (alone[1].high - alone[1].low)
    value, sure = score_of(rows.assign(guess="a"), ("a", "b"), ACCURACY)
    assert value == sure.high == 1
    assert sure.low < 0.6  # five texts that agree do not tell more
