"""Spans and pairs of words: read from files and from trees, made into rows, probed; minimal pairs stay together."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.analyses.embed import Embed, Embeddings
from core.analyses.fine_tune import FineTune
from core.analyses.probe import Probe, splits_of
from core.analyses.units import labelled_rows
from core.data.examples import Examples, Mark, blank_separated
from core.data.guess import guess
from core.data.load import facts_of, facts_of_examples, load_dataset, load_sample, read_file
from core.data.marked import read_marked
from core.data.marks import dependencies, marks_of, marks_within, phrases
from core.data.ragged import LabelRows, SpanRows
from core.data.sampling import sampled_rows
from core.errors import DatasetInvalid, NotEnoughData, SpecInvalid
from core.lab import Lab
from core.refs import ConlluFile, MarkedFile, Packaged, Sample, Suite, TableFile
from tests.faults import says

# --- trees


@st.composite
def trees(draw: st.DrawFn) -> list[int]:
    """Heads of a random tree, 1-based, 0 = root, whatever its order of words."""
    n = draw(st.integers(1, 12))
    order = draw(st.permutations(range(n)))
    heads = [0] * n
    for at in range(1, n):
        heads[order[at]] = order[draw(st.integers(0, at - 1))] + 1
    return heads


def under(heads: Sequence[int], top: int) -> set[int]:
    found = {top}
    while grown := {word for word, head in enumerate(heads) if head - 1 in found} - found:
        found |= grown
    return found


@given(heads=trees())
def test_every_word_but_the_root_stands_once_beside_its_head(heads: list[int]) -> None:
    relations = [f"r{word}" for word in range(len(heads))]
    marks = list(dependencies(heads, relations))
    assert len(marks) == len(heads) - 1
    for mark in marks:
        (word,) = range(*mark.first)
        assert mark.second is not None
        (head,) = range(*mark.second)
        assert heads[word] == head + 1
        assert mark.labels == (f"r{word}",)


@given(heads=trees())
def test_phrases_are_the_unbroken_subtrees(heads: list[int]) -> None:
    relations = [f"r{word}" for word in range(len(heads))]
    wanted = set()
    for top in range(len(heads)):
        words = sorted(under(heads, top))
        if heads[top] and len(words) > 1 and words == list(range(words[0], words[-1] + 1)):
            wanted.add((words[0], words[-1] + 1, f"r{top}"))
    assert {(*mark.first, *mark.labels) for mark in phrases(heads, relations)} == wanted


@given(heads=st.lists(st.integers(0, 6), min_size=6, max_size=6))
def test_heads_that_are_no_tree_end_and_stay_inside(heads: list[int]) -> None:
    for mark in phrases(heads, ["r"] * 6):
        assert 0 <= mark.first[0] < mark.first[1] <= 6


def test_the_second_text_of_a_pair_keeps_its_own_marks() -> None:
    examples = load_dataset(Suite(part="answers"))
    n = len(examples.spans[0])
    whole = marks_of(examples, "dependency")[0]
    first = marks_within(examples, "dependency", 0, slice(0, n))
    second = marks_within(examples, "dependency", 0, slice(n, len(examples.words[0])))
    assert len(first) + len(second) == len(whole) == len(examples.words[0]) - 2
    assert all(0 <= start < end <= n for (start, end), _, _ in first)
    assert all(0 <= start < end <= len(examples.words[0]) - n for (start, end), _, _ in second)


# --- the suite's answers


def test_of_two_phrases_in_the_same_part_one_answers_the_question() -> None:
    made = load_dataset(Suite(part="answers"))
    first = 0
    for at, marks in enumerate(made.marks["answer"]):
        assert sorted(label for mark in marks for label in mark.labels) == ["answer", "other"]
        first += marks[0].labels == ("answer",)
        answer, other = (next(mark for mark in marks if mark.labels == (kind,)) for kind in ("answer", "other"))
        words, question = made.words[at], made.words[at][len(made.spans[at]) :]
        said = [" ".join(words[slice(*mark.first)]).lower() for mark in (answer, other)]
        # The answer is what the question leaves out of its own event.
        assert said[0] not in " ".join(question).lower()
        assert said[0] != said[1]
        for mark in marks:
            assert mark.first[1] < len(made.spans[at])
    assert 0.45 < first / len(made) < 0.55


def test_a_question_fits_one_of_the_two_events() -> None:
    made = load_dataset(Suite(part="answers"))
    for at in range(len(made)):
        n = len(made.spans[at])
        question, text = made.words[at][n:], made.words[at][:n]
        nouns = {w for w, tag in zip(question, made.word_labels["upos"][at][n:], strict=True) if tag == "NOUN"}
        cut = next(i for i, word in enumerate(text) if word in ("and", "but", "while"))
        halves = set(text[:cut]), set(text[cut:])
        assert sum(nouns <= {word.lower() for word in half} for half in halves) == 1, (text, question)


# --- edge-probing files


def lines(*rows: Any) -> bytes:
    return "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode()


GOOD = {"text": "the dog barks", "targets": [{"span1": [0, 2], "label": "nsubj"}, {"span1": [2, 3], "label": "root"}]}
TWO = {"text": "a b c", "info": {"x": 1}, "targets": [{"span1": [0, 1], "span2": [1, 3], "label": ["p", "q"]}]}


def test_spans_pairs_and_labels_come_back_as_written() -> None:
    one, pair = read_marked(lines(GOOD, "", GOOD), "x"), read_marked(lines(TWO), "x")
    assert one.words == (("the", "dog", "barks"),) * 2
    assert one.marks["target"][0] == (Mark((0, 2), None, ("nsubj",)), Mark((2, 3), None, ("root",)))
    assert pair.marks["target"] == ((Mark((0, 1), (1, 3), ("p", "q")),),)
    one_label = TWO | {"targets": [{"span1": [0, 1], "span2": [1, 3], "label": "p"}]}
    assert facts_of_marked(lines(one_label)) == (("target",), ())
    assert facts_of_marked(lines(TWO)) == ((), ())  # no probe reads several labels at once
    assert len(facts_of_examples(pair).several_labels) == 1
    assert facts_of_marked(lines(GOOD)) == ((), ("target",))


def facts_of_marked(source: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    known = facts_of_examples(read_marked(source, "x"))
    return known.pair_labels, known.span_labels


@given(
    words=st.lists(st.sampled_from(["a", "né", "don't", "你好", "…"]), min_size=1, max_size=8),
    spans=st.lists(st.tuples(st.integers(0, 8), st.integers(1, 9), st.text(min_size=1, max_size=5)), min_size=1),
)
def test_any_span_inside_the_words_is_read_back_and_any_other_is_named(
    words: list[str], spans: list[tuple[int, int, str]]
) -> None:
    row = {"text": " ".join(words), "targets": [{"span1": [a, b], "label": label} for a, b, label in spans]}
    fits = all(a < b <= len(words) and label.strip() for a, b, label in spans)
    encodable = all(not any("\ud800" <= one <= "\udfff" for one in label) for *_, label in spans)
    if fits and encodable:
        (found,) = read_marked(lines(row), "x").marks["target"]
        assert [(*mark.first, *mark.labels) for mark in found] == [(a, b, label.strip()) for a, b, label in spans]
    elif encodable:
        with pytest.raises(DatasetInvalid, match=r"Line 1|marks nothing"):
            read_marked(lines(row), "x")


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ([GOOD, TWO], "Line 2 mixes"),
        ([GOOD, "{"], "Line 2 is not JSON"),
        (["[" * 100_000], "Line 1 is not JSON"),
        ([[1]], "Line 1 has no text"),
        ([{"text": 3, "targets": []}], "Line 1 has no text"),
        ([{"text": "a b", "targets": ["x"]}], "no object"),
        ([{"text": " ", "targets": []}], "empty"),
        ([{"text": "a b", "targets": []}], "marks nothing"),
        ([{"text": "a b", "targets": [{"span1": [0, 3], "label": "x"}]}], "of 2 words"),
        ([{"text": "a b", "targets": [{"span1": [1, 1], "label": "x"}]}], "of 2 words"),
        ([{"text": "a b", "targets": [{"span1": [-1, 1], "label": "x"}]}], "of 2 words"),
        ([{"text": "a b", "targets": [{"span1": [True, 2], "label": "x"}]}], "of 2 words"),
        ([{"text": "a b", "targets": [{"span1": [0.0, 1], "label": "x"}]}], "of 2 words"),
        ([{"text": "a b", "targets": [{"span1": [0, 1]}]}], "the label 'None'"),
        ([{"text": "a b", "targets": [{"span1": [0, 1], "label": {"a": 1}}]}], "the label"),
        ([{"text": "a b", "targets": [{"span1": [0, 1], "label": "x" * 300}]}], "the label"),
        ([{"text": "a b", "targets": [{"span1": [0, 1], "label": True}]}], "the label 'True'"),
        ([{"text": "a \ud83d b", "targets": [{"span1": [0, 1], "label": "x"}]}], "half a character"),
        ([{"text": "a" * 2_000_000, "targets": []}], "longer than"),
    ],
)
def test_what_is_wrong_in_a_marked_file_is_named_by_line(rows: list[Any], wrong: str) -> None:
    with pytest.raises(DatasetInvalid) as caught:
        read_marked(lines(*rows), "targets.json")
    says(caught, wrong)


def test_a_marked_file_is_recognised_shown_and_added(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "edges.json"
    path.write_bytes(lines(*[GOOD] * 30))
    found = lab.guess_file(path, path.name)
    assert isinstance(found.proposed, MarkedFile)
    assert found.preview.iloc[0].tolist() == ["the dog barks", "the dog", "", "nsubj"]
    short = lab.add_file(path, found.proposed, path.name)
    (ref,) = (named.ref for named in lab.datasets() if named.id == short)
    assert lab.labels_of(ref) == {"word": (), "sentence": (), "pair": (), "span": ("target",)}
    counted = lab.counts_of(ref)
    assert [(one.name, one.unit, one.labels, one.counts) for one in counted.labels] == [
        ("target", "span", ("nsubj", "root"), (30, 30))
    ]
    assert isinstance(guess(lines({"text": "a b", "label": "x"}), "plain").proposed, TableFile)


# --- rows


def embedded(examples: Examples, width: int = 3, *, without: set[tuple[int, int]] = frozenset()) -> Embeddings:
    """Made-up word vectors, two layers."""
    places = [(i, j) for i, words in enumerate(examples.words) for j in range(len(words)) if (i, j) not in without]
    rng = np.random.default_rng(0)
    return Embeddings(
        layers=tuple(rng.normal(size=(len(places), width)).astype(np.float16) for _ in range(2)),
        sentence=np.array([i for i, _ in places], dtype=np.int32),
        word=np.array([j for _, j in places], dtype=np.int32),
        n_cut_sentences=0,
        n_lost_words=len(without),
        precision="float32",
    )


@pytest.mark.parametrize("label", ["dependency", "phrase"])
def test_rows_of_marks_are_means_of_their_words_side_by_side(label: str) -> None:
    examples = load_sample(Sample(of=Suite(split="dev"), n=12))
    held = embedded(examples)
    rows = labelled_rows(examples, held, "word", label)
    at = {place: row for row, place in enumerate(zip(held.sentence.tolist(), held.word.tolist(), strict=True))}
    marks = [(i, mark) for i, of_one in enumerate(marks_of(examples, label)) for mark in of_one]
    assert len(rows.labels) == len(marks) > 20
    assert (rows.place == -1).all()  # several words have no place of their own
    for layer in held.layers:
        X = rows.vectors(layer)
        for got, label_of, group, (i, mark) in zip(X, rows.labels, rows.group, marks, strict=True):
            spans = [span for span in (mark.first, mark.second) if span]
            by_hand = [
                np.mean([layer[at[i, word]].astype(np.float32) for word in range(*span)], axis=0) for span in spans
            ]
            np.testing.assert_allclose(got, np.concatenate(by_hand), rtol=1e-5, atol=1e-6)
            assert (label_of, group) == (mark.labels[0], i)


def test_a_mark_with_a_word_that_has_no_vector_is_left_out() -> None:
    examples = load_sample(Sample(of=Suite(split="dev"), n=12))
    whole = labelled_rows(examples, embedded(examples), "word", "dependency")
    lost = labelled_rows(examples, embedded(examples, without={(0, 1)}), "word", "dependency")
    touched = sum(1 in (*range(*m.first), *range(*(m.second or (9, 9)))) for m in marks_of(examples, "dependency")[0])
    assert len(whole.labels) - len(lost.labels) == touched >= 1


def test_marks_in_a_long_chain_and_labels_of_a_long_sentence_take_no_time_to_speak_of() -> None:
    n = 20_000
    found = list(phrases([0, *range(1, n)], ["r"] * n))  # each word under the one before: as deep as it is long
    assert len(found) == n - 2
    text = " ".join(["word"] * n)
    spans = SpanRows()
    spans.append(blank_separated(text))
    tags = LabelRows()
    tags.append(["a", "b"] * (n // 2))
    examples = Examples(texts=(text,), spans=spans.done(), word_labels={"tag": tags.done()})
    rows = labelled_rows(examples, embedded(examples), "word", "tag")
    assert rows.labels.tolist() == ["a", "b"] * (n // 2)


def test_what_a_probe_cannot_read_of_marks_is_said() -> None:
    several = read_marked(lines(*[TWO] * 12), "x")
    with pytest.raises(SpecInvalid) as caught:
        labelled_rows(several, embedded(several), "word", "target")
    says(caught, "p, q", "one label")
    with pytest.raises(SpecInvalid) as caught:
        labelled_rows(several, embedded(several), "word", "upos")
    says(caught, "upos", "target")
    good = read_marked(lines(GOOD), "x")
    with pytest.raises(NotEnoughData, match="has all its words"):
        labelled_rows(good, embedded(good, without={(0, 0), (0, 2)}), "word", "target")


@pytest.mark.parametrize(("part", "label"), [("reviews", "dependency"), ("reviews", "phrase"), ("answers", "answer")])
def test_probes_read_pairs_and_spans_of_the_suite(lab: Lab, part: str, label: str) -> None:
    sample = Sample(of=Suite(part=part, split="dev"), n=60)
    scores = lab.run(Probe(embed=Embed(checkpoint=Packaged(), sample=sample), label=label, n_seeds=2))
    best = max(one.value for one in scores.score)
    if label == "answer":
        assert scores.labels == ("answer", "other")
        assert scores.majority == pytest.approx(0.5, abs=0.05)
    else:
        assert best > scores.majority + 0.3
        assert best > max(one.value for one in scores.control_score) + 0.1
    assert scores.n_sentences == 60
    assert "same" in scores.control_kind


# --- minimal pairs

MINIMAL = b"".join(
    json.dumps({
        "sentence_good": f"The {noun} of the guards barks {at} times .",
        "sentence_bad": f"The {noun} of the guards bark {at} times .",
        "field": "syntax" if at % 2 else "morphology",
        "UID": "agreement",
    }).encode() + b"\n"
    for at, noun in enumerate(["dog", "cat", "wolf"] * 20)
)  # fmt: skip


CONTRAST = TableFile(digest="", format="jsonl", text="sentence_good", partner="sentence_bad", contrast=True)


def minimal(tmp_path: Path) -> TableFile:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(MINIMAL)
    found = guess(path, path.name).proposed
    assert isinstance(found, TableFile)
    return TableFile.at(
        path, **{name: getattr(found, name) for name in ("format", "text", "partner", "contrast", "labels")}
    )


def test_minimal_pairs_are_recognised_and_read_as_two_versions(tmp_path: Path) -> None:
    ref = minimal(tmp_path)
    assert ref.contrast
    made = load_dataset(ref)
    assert len(made) == 120
    assert made.partners is None
    assert made.sentence_labels["acceptable"][:4] == ("yes", "no", "yes", "no")
    assert made.sentence_labels["field"][:4] == ("morphology", "morphology", "syntax", "syntax")
    assert made.groups is not None
    assert made.groups[:4] == (0, 0, 1, 1)
    assert "bark " in made.texts[1]
    assert facts_of(ref).sentence_labels[0] == "acceptable"


@given(n=st.integers(2, 120), seed=st.integers(0, 5))
def test_a_sample_never_parts_the_versions(n: int, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    examples = read_file(CONTRAST, MINIMAL, "x")
    rows = sampled_rows(examples, Sample(of=CONTRAST, n=n, seed=seed))
    assert len(rows) == n - n % 2
    assert all(b == a + 1 for a, b in zip(rows[::2], rows[1::2], strict=True))
    assert all(a < b for a, b in pairwise(rows))


def test_a_probe_never_has_a_version_on_either_side_of_a_split(lab: Lab, tmp_path: Path) -> None:
    ref = minimal(tmp_path)
    embed = Embed(checkpoint=Packaged(), sample=Sample(of=ref), unit="sentence", pooling="mean")
    embeddings = lab.run(embed)
    rows = labelled_rows(load_dataset(ref), embeddings, "sentence", "acceptable")
    for train, test in splits_of(rows.group, 3):
        assert not set(rows.group[train]) & set(rows.group[test])
    scores = lab.run(Probe(embed=embed, label="acceptable", n_seeds=2))
    assert scores.n_sentences == 60


def test_minimal_pairs_said_wrongly_are_refused() -> None:
    with pytest.raises(SpecInvalid, match="two versions"):
        TableFile(digest="", text="a", contrast=True)
    with pytest.raises(SpecInvalid, match="acceptable"):
        TableFile(digest="", format="jsonl", text="a", partner="b", contrast=True, labels=("acceptable",))
    examples = read_file(CONTRAST, MINIMAL, "x")
    with pytest.raises(SpecInvalid, match="stay together"):
        sampled_rows(examples, Sample(of=CONTRAST, n=10, strata="acceptable"))
    with pytest.raises(NotEnoughData, match="has two"):
        sampled_rows(examples, Sample(of=CONTRAST, n=1))


def test_minimal_pairs_are_recognised_with_a_header_of_their_names(tmp_path: Path) -> None:
    for between in ("\t", ","):
        content = "\n".join(
            [f"sentence_good{between}sentence_bad"]
            + [
                f"The {noun} barks at {at}{between}The {noun} bark at {at}"
                for at, noun in enumerate(["dog", "cat"] * 20)
            ]
        )
        found = guess(content.encode(), "pairs").proposed
        assert isinstance(found, TableFile)
        assert (found.header, found.contrast, found.text) == (True, True, "sentence_good")


def test_both_versions_of_the_suite_and_all_questions_about_a_text_stay_together() -> None:
    agreement = load_dataset(Suite(part="agreement"))
    assert agreement.groups is not None
    members: dict[int, list[str]] = {}
    for at, group in enumerate(agreement.groups):
        members.setdefault(group, []).append(agreement.sentence_labels["agreement"][at])
    assert all(sorted(labels) == ["right", "wrong"] for labels in members.values())
    assert load_dataset(Suite(part="reviews")).groups is None
    questions = read_squad(squad() + b"\n" + squad(question="Who washed two dogs ?"))
    assert questions.groups == (0,) * 24


def test_a_file_that_marks_nothing_at_its_beginning_is_still_recognised() -> None:
    bare = {"text": "nothing here", "targets": []}
    content = lines(*[bare] * 30, *[GOOD] * 30)
    found = guess(content, "edges.json")
    assert isinstance(found.proposed, MarkedFile)
    assert "nsubj" in set(found.preview["label"])
    assert guess(lines(*[bare] * 30), "edges.json").preview["text"].iloc[0] == "nothing here"


# --- words that are annotated only in part


def lex(*sentences: list[tuple[str, str, str, str]]) -> str:
    """CoNLL-U-Lex of (word, multiword, role, function), each word below the first."""
    blocks = []
    for words in sentences:
        rows = [
            [str(at), word, word, "X", "_", "_", str(int(at > 1)), "root" if at == 1 else "dep", "_", "_",
             multiword, "P", word, role, function, "_", "_", "_", "O"]
            for at, (word, multiword, role, function) in enumerate(words, start=1)
        ]  # fmt: skip
        blocks.append("\n".join("\t".join(row) for row in rows))
    return "\n\n".join(blocks) + "\n\n"


ROLES = [("Goal", "Direction"), ("Locus", "Locus"), ("Time", "Time")]


def annotated(n: int) -> str:
    return lex(
        *(
            [
                (f"cups{i}", "_", "n.ARTIFACT", "_"),
                (("to", "in", "after")[i % 3], "_", *(f"p.{sense}" for sense in ROLES[i % 3])),
                ("according", "1:1", "p.Source", "p.Source"),
                ("them", "_", "_", "_"),
            ]
            for i in range(n)
        )
    )


def test_supersenses_are_those_of_single_words_and_prepositions_have_two_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "streusle.conllulex"
    path.write_text(annotated(6))
    found = guess(path, path.name)
    assert isinstance(found.proposed, ConlluFile)
    assert list(found.preview.columns)[13:15] == ["role", "function"]
    read = load_dataset(ConlluFile.at(path))
    assert read.word_labels["supersense"][0] == ("n.ARTIFACT", "p.Goal", "_", "_")
    assert read.word_labels["adposition role"][0] == ("_", "p.Goal", "_", "_")
    assert read.word_labels["adposition function"][0] == ("_", "p.Direction", "_", "_")
    assert read.heads is not None


def test_probes_and_tuning_pass_over_words_without_annotation(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "streusle.conllulex"
    path.write_text(annotated(30) + lex([("nothing", "_", "_", "_"), ("here", "_", "_", "_")]))
    sample = Sample(of=ConlluFile.at(path))
    scores = lab.run(Probe(embed=Embed(checkpoint=Packaged(), sample=sample), label="adposition role", n_seeds=2))
    assert scores.labels == ("p.Goal", "p.Locus", "p.Time")
    assert sum(scores.counts) == 30
    run = FineTune(
        checkpoint=Packaged(), train=sample, dev=sample, label="adposition role", unit="word", epochs=1, method="head"
    )
    tuned = lab.run(run)
    assert tuned.labels == scores.labels
    assert tuned.n_train == 30
    assert tuned.accuracy.n == len(tuned.answers) == int(tuned.confusion.sum()) == 30
    assert np.isfinite(tuned.curve["loss"]).all()
    assert tuned.n_steps == 1  # of the sentences that teach something
    for score, (low, high) in zip(tuned.scores().values(), ((0, 1), (-1, 1)), strict=False):
        assert low <= score.low <= score.value <= score.high <= high
        assert score.n_groups == 20


def test_an_underscore_that_is_a_tag_like_any_other_stays_one(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "tags.txt"
    path.write_text("\n\n".join(f"word{i} Y\nother _\nthird{i} Y" for i in range(30)) + "\n")
    ref = TableFile.at(path, format="columns", text="1", word_labels=("2",))
    assert load_dataset(ref).partial == ()
    scores = lab.run(Probe(embed=Embed(checkpoint=Packaged(), sample=Sample(of=ref)), label="column 2", n_seeds=2))
    assert scores.labels == ("Y", "_")
    assert [(one.labels, one.counts) for one in lab.counts_of(ref).labels] == [(("Y", "_"), (60, 30))]


def test_labels_that_some_words_lack_are_counted_where_they_are(tmp_path: Path, lab: Lab) -> None:
    path = tmp_path / "streusle.conllulex"
    path.write_text(annotated(6))
    counted = {one.name: one for one in lab.counts_of(ConlluFile.at(path)).labels}
    assert counted["adposition role"].counts == (2, 2, 2)
    assert "_" not in counted["supersense"].labels


def test_too_few_annotated_dev_sentences_are_said_before_any_training(lab: Lab, tmp_path: Path) -> None:
    train, dev = tmp_path / "train.conllulex", tmp_path / "dev.conllulex"
    train.write_text(annotated(30))
    dev.write_text(annotated(3) + lex(*[[("nothing", "_", "_", "_")]] * 9))
    sides = {"train": Sample(of=ConlluFile.at(train)), "dev": Sample(of=ConlluFile.at(dev))}
    run = FineTune(checkpoint=Packaged(), **sides, label="adposition role", unit="word", method="head")
    with pytest.raises(NotEnoughData) as caught:
        lab.run(run)
    says(caught, "3 dev sentences", "4 or more")
    with pytest.raises(SpecInvalid, match="snapshot"):
        lab.run(run.replace(dev=sides["train"], epochs=1, snapshots=(50,)))


# --- answers as SQuAD writes them, probing files as SentEval writes them


def squad(**changes: Any) -> bytes:
    row = {
        "id": "1",
        "context": "  The guard washed two dogs near the gate yesterday . ",
        "question": "What did the guard wash ?",
        "answers": {"text": ["two dogs", "dogs"], "answer_start": [19, 23]},
    }
    return lines(*[row | changes] * 12)


def read_squad(source: bytes) -> Examples:
    found = guess(source, "squad.jsonl").proposed
    assert isinstance(found, TableFile)
    assert (found.text, found.partner, found.answers) == ("question", "context", "answers")
    return read_file(found, source, "squad.jsonl")


def test_the_first_answer_is_marked_in_its_text_beside_as_many_other_words() -> None:
    read = read_squad(squad())
    answer, other = read.marks["answer"][0]
    assert read.words[0][slice(*answer.first)] == ("two", "dogs")
    assert (answer.labels, other.labels) == (("answer",), ("other",))
    assert other.first[1] - other.first[0] == 2
    assert other.first[1] <= answer.first[0] or answer.first[1] <= other.first[0]
    assert other.first[0] >= len(read.spans[0])  # in the same text, not in the question
    assert read_squad(squad()).marks == read.marks


def test_everything_that_people_answered_is_kept_once_each_and_goes_along_with_its_question() -> None:
    several = {"text": ["two dogs", "dogs", "two dogs"], "answer_start": [19, 23, 19]}
    none: dict[str, list] = {"text": [], "answer_start": []}
    read = read_squad(b"\n".join([squad(), squad(answers=several), squad(answers=none)]))
    assert read.answers == (("two dogs", "dogs"),) * 24 + ((),) * 12
    assert read.pick([30, 0]).answers == ((), ("two dogs", "dogs"))
    assert load_sample(Sample(of=Suite(part="answers", split="dev"), n=5)).answers is None


def test_a_question_without_an_answer_has_no_mark() -> None:
    some = squad() + b"\n" + squad(answers={"text": [], "answer_start": []})
    read = read_squad(some)
    assert [len(marks) for marks in read.marks["answer"]] == [2] * 12 + [0] * 12


def test_an_answer_that_fills_its_text_stands_alone() -> None:
    (mark,) = read_squad(squad(context="two dogs", answers={"text": ["two dogs"], "answer_start": [0]})).marks[
        "answer"
    ][0]
    assert mark.labels == ("answer",)


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        ({"text": ["two dogs"], "answer_start": [18]}, "does not stand at character 18"),
        ({"text": ["two dogs"], "answer_start": [-3]}, "does not stand"),
        ({"text": ["two dogs"], "answer_start": []}, "no such"),
        ({"text": ["x"], "answer_start": ["y"]}, "no such"),
        ({"text": 3, "answer_start": 1}, "no such"),
    ],
)
def test_answers_that_are_none_are_named_by_line(answers: Any, wrong: str) -> None:
    with pytest.raises(DatasetInvalid) as caught:
        read_squad(squad(answers=answers))
    says(caught, "ine 1", wrong)


def test_a_probing_file_of_senteval_keeps_its_split_as_a_label() -> None:
    content = "\n".join(
        f"{('tr', 'va', 'te')[i % 3]}\t{i % 6}\tThis is sentence number {i} .".strip() for i in range(90)
    )
    found = guess(content.encode(), "sentence_length.txt").proposed
    assert isinstance(found, TableFile)
    read = read_file(found, content.encode(), "sentence_length.txt")
    assert set(read.sentence_labels) == {"label", "split"}
    assert set(read.sentence_labels["split"]) == {"tr", "va", "te"}
    assert len(set(read.sentence_labels["label"])) == 6
    assert read.texts[0] == "This is sentence number 0 ."
