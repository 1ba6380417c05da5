"""Real numbers in files and of texts: read back, guessed, left out where there are none, refused where they are none."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analyses.embed import Embeddings
from core.analyses.joint_map import describe_rows
from core.analyses.numbers import numbered_rows, numbers_of_rows
from core.data.counts import count
from core.data.examples import Examples
from core.data.guess import guess
from core.data.load import facts_of, facts_of_examples, load_dataset, load_sample
from core.data.numbers import DEPTH, FREQUENCY, LENGTH, POSITION, number_names, number_of
from core.errors import NotEnoughData, SpecInvalid
from core.keys import key_of
from core.maths.structure import tree_depths
from core.refs import ConlluFile, Sample, Suite, TableFile
from tests.faults import says
from tests.unit.test_files import parquet, read, refused, table

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(FINITE)
def test_a_number_is_read_as_written(value: float) -> None:
    assert number_of(repr(value)) == value
    assert number_of(f"  {value!r} ") == value
    assert number_of(value) == value


@pytest.mark.parametrize("value", ["", " ", "-", "_", "NA", "n/a", "NaN", "null", "None", None, float("nan")])
def test_what_says_that_there_is_none_is_none(value: Any) -> None:
    number = number_of(value)
    assert number is not None
    assert math.isnan(number)


@pytest.mark.parametrize(
    "value", ["three", "1,5", "1_000", "inf", "-Infinity", "1e999", "0x10", "1 2", "٣", "3%", True, [1], {"a": 1}]
)
def test_what_is_no_finite_number_is_refused(value: Any) -> None:
    assert number_of(value) is None


# --- files


@settings(max_examples=20, deadline=None)
@given(
    values=st.lists(st.none() | FINITE, min_size=1, max_size=6),
    kind=st.sampled_from(["csv", "tsv", "jsonl", "parquet"]),
)
def test_numbers_of_texts_read_back_from_every_format(values: list, kind: str) -> None:
    rows = [(f"a text {at}", value) for at, value in enumerate(values)]
    if kind == "jsonl":
        content: Any = "\n".join(json.dumps({"text": text, "score": value}) for text, value in rows)
    elif kind == "parquet":
        content = parquet({"text": [text for text, _ in rows], "score": np.array([v for _, v in rows], dtype=float)})
    else:
        mark = "," if kind == "csv" else "\t"
        content = "\n".join([f"text{mark}score", *(f"{t}{mark}{'' if v is None else repr(v)}" for t, v in rows)])
    got = read(content, format=kind, text="text", numbers=("score",), header=kind in ("csv", "tsv"))
    np.testing.assert_array_equal(got.numbers["score"], [np.nan if value is None else value for value in values])
    assert got.pick([len(values) - 1, 0]).numbers["score"][1] == pytest.approx(got.numbers["score"][0], nan_ok=True)


@pytest.mark.parametrize("kind", ["jsonl", "csv", "columns"])
def test_numbers_of_words_read_back(kind: str) -> None:
    if kind == "jsonl":
        content = json.dumps({"1": ["a", "cat"], "2": [1, 2.5]}) + "\n" + json.dumps({"1": ["so"], "2": [None]})
    else:
        content = "a cat,1 2.5\nso,NA" if kind == "csv" else "a 1\ncat 2.5\n\nso _\n"
    got = read(content, format=kind, text="1", word_numbers=("2",))
    assert got.words == (("a", "cat"), ("so",))
    assert got.word_numbers["word number 2"][0] == (1.0, 2.5)
    assert math.isnan(got.word_numbers["word number 2"][1][0])
    assert got.pick([1]).word_numbers["word number 2"] == got.word_numbers["word number 2"][1:]


def test_both_versions_of_a_minimal_pair_have_its_number() -> None:
    got = read("she runs\tshe run\t2.5\nhe is\the are\t\n", text="1", partner="2", contrast=True, numbers=("3",))
    assert got.numbers["number 3"][:2] == (2.5, 2.5)
    assert all(map(math.isnan, got.numbers["number 3"][2:]))


def test_a_bad_number_is_told_with_its_place() -> None:
    assert "The number (2) of line 2 is 'lots'" in refused("a\t1\nb\tlots", text="1", numbers=("2",))
    assert "of line 1 is '1,5'" in refused("a\t1,5", text="1", numbers=("2",))
    assert "'1e999'" in refused("a\t1e999", text="1", numbers=("2",))
    assert "is 'True'" in refused('{"t": "a", "n": true}', format="jsonl", text="t", numbers=("n",))
    assert "is '[1]'" in refused('{"t": "a", "n": [1]}', format="jsonl", text="t", numbers=("n",))
    assert "'inf'" in refused(parquet({"t": ["a"], "n": [math.inf]}), format="parquet", text="t", numbers=("n",))
    assert "There is no column 'n'" in refused("t\na", text="t", numbers=("n",), header=True)
    said = refused('{"t": ["a", "b"], "n": [1]}', format="jsonl", text="t", word_numbers=("n",))
    assert "Line 1 has 2 words but 1 number (n)" in said
    assert "is 'x'" in refused('{"t": ["a"], "n": ["x"]}', format="jsonl", text="t", word_numbers=("n",))


def test_a_spec_that_reads_a_column_twice_is_refused() -> None:
    for wrong in (
        {"labels": ("2",), "numbers": ("2",)},
        {"numbers": ("2", "2")},
        {"numbers": ("2",), "word_numbers": ("2",)},
        {"partner": "2", "word_numbers": ("3",)},
        {"header": True, "text": "t", "labels": ("a.b",), "numbers": ("a:b",)},  # both called a_b
    ):
        with pytest.raises(SpecInvalid):
            table(**wrong)


def test_keys_of_files_without_numbers_are_what_they_were() -> None:
    ref = TableFile(digest="0" * 64, text="1", labels=("2",))
    assert key_of(ref) == "b589573e3da1494de1bf6510258f885ad3373873"  # as before a file could have numbers
    assert key_of(ref) != key_of(ref.replace(numbers=("3",)))


def _proposed(content: str | bytes) -> TableFile:
    found = guess(content.encode() if isinstance(content, str) else content, "any").proposed
    assert isinstance(found, TableFile)
    return found


def _rows(header: str, form: str, n: int = 60) -> str:
    return "\n".join([header, *(form.format(i=i, x=round((i * 37 % 101) / 7, 2), k=i * 37 % 101) for i in range(n))])


def test_numbers_are_guessed_where_they_are_amounts() -> None:
    decimals = _proposed(_rows("text,score,mood", "some fine text {i},{x},m{i}".replace("m{i}", "good")))
    assert (decimals.text, decimals.numbers) == ("text", ("score",))
    # Also where the column has the name of a label, as in STS-B; and beside empty cells.
    similar = _proposed(_rows("sentence1,sentence2,label,idx", "the first one {i},and another {i},{x},{i}"))
    assert (similar.partner, similar.labels, similar.numbers) == ("sentence2", (), ("label",))
    numbering = _proposed(_rows("pairID,text,line", "{k},some fine text {i},{i}"))
    assert numbering.numbers == ()  # one is called so, the other only counts
    many = _proposed(_rows("text,milliseconds", "some fine text {i},{k}"))
    assert many.numbers == ("milliseconds",)
    years = _proposed("text,year\n" + "\n".join(f"some fine text {i},{1960 + i % 40}" for i in range(300)))
    assert (years.labels, years.numbers) == ((), ("year",))
    for name, first in (("label", 7), ("intent", 0)):  # classes by number: called so, or counted from 0
        classes = _proposed(f"text,{name}\n" + "\n".join(f"some fine text {i},{first + i % 40}" for i in range(300)))
        assert (classes.labels, classes.numbers) == ((name,), ())
    few = _proposed("text,stars\n" + "\n".join(f"some fine text {i},{i % 5}" for i in range(60)))
    assert (few.labels, few.numbers) == (("stars",), ())
    lists = [json.dumps({"tokens": ["a", "b"], "times": [0.5 + i, 1.25]}) for i in range(5)]
    assert _proposed("\n".join(lists)).word_numbers == ("times",)


def test_what_can_be_a_number_is_offered_though_it_is_read_as_a_label() -> None:
    content = "text,stars\n" + "\n".join(f"some fine text {i},{i % 5}" for i in range(60))
    found = guess(content.encode(), "any")
    assert found.number_columns == ("stars",)
    assert "stars" in found.label_columns
    assert guess(b"text,mood\n" + b"\n".join(b"a text,good" for _ in range(9)), "any").number_columns == ()


def test_numbers_of_a_file_are_described(tmp_path: Path) -> None:
    (tmp_path / "scores.tsv").write_text("a\t1\nb\t\nc\t4\nd\t2.5\n")
    ref = TableFile.at(tmp_path / "scores.tsv", text="1", numbers=("2",))
    (held,) = count(ref).numbers
    assert (held.name, held.unit, held.n, held.n_missing) == ("number 2", "sentence", 3, 1)
    assert (held.smallest, held.median, held.largest, held.mean) == (1, 2.5, 4, 2.5)
    assert held.deviation == pytest.approx(np.std([1, 4, 2.5]))
    known = facts_of(ref)
    assert known.sentence_numbers == ("number 2", LENGTH)
    assert known.word_numbers == (POSITION, FREQUENCY)


# --- numbers that every text has


@pytest.mark.parametrize("part", ["reviews", "agreement", "answers"])
def test_the_suite_offers_what_its_examples_have(part: str) -> None:
    ref = Suite(split="dev", part=part)
    known, read_in = facts_of(ref), facts_of_examples(load_dataset(ref))
    assert (known.sentence_numbers, known.word_numbers) == (read_in.sentence_numbers, read_in.word_numbers)
    assert known.sentence_numbers == (LENGTH, DEPTH)


def test_a_number_of_a_file_takes_the_place_of_one_of_the_same_name() -> None:
    got = read("text\tsentence length\na b\t9\nc\t7", text="text", numbers=("sentence length",), header=True)
    assert number_names(got)["sentence"] == (LENGTH,)
    assert got.numbers[LENGTH] == (9.0, 7.0)


CONLLU = """1\tThe\t_\tDET\t_\t_\t2\tdet\t_\t_
2\tcat\t_\tNOUN\t_\t_\t3\tnsubj\t_\t_
3\tsees\t_\tVERB\t_\t_\t0\troot\t_\t_
4\tthe\t_\tDET\t_\t_\t5\tdet\t_\t_
5\tmoon\t_\tNOUN\t_\t_\t3\tobj\t_\t_

1\tTHE\t_\tDET\t_\t_\t2\tdet\t_\t_
2\tend\t_\tNOUN\t_\t_\t0\troot\t_\t_

1\tround\t_\tNOUN\t_\t_\t2\tdep\t_\t_
2\tthe\t_\tNOUN\t_\t_\t1\tdep\t_\t_
3\tmoon\t_\tNOUN\t_\t_\t0\troot\t_\t_
"""


@pytest.fixture
def treebank(tmp_path: Path) -> Sample:
    """Three sentences, the last of which leads round in a circle."""
    (tmp_path / "three.conllu").write_text(CONLLU)
    return Sample(of=ConlluFile.at(tmp_path / "three.conllu"))


def embeddings(sample: Sample, unit: str, width: int = 4) -> Embeddings:
    """Vectors of every word or sentence, told by one number each: its row."""
    words = load_dataset(sample.of).words
    places = [(i, j) for i, row in enumerate(words) for j in (range(len(row)) if unit == "word" else [-1])]
    sentence, word = np.array(places, dtype=np.int32).T
    layer = np.repeat(np.arange(len(places), dtype=np.float16)[:, None], width, axis=1)
    return Embeddings(
        layers=(layer, layer), sentence=sentence, word=word, n_cut_sentences=0, n_lost_words=0, precision="float32"
    )


@pytest.mark.parametrize(
    ("unit", "number", "expected"),
    [
        ("sentence", LENGTH, [5, 2, 3]),
        ("sentence", DEPTH, [2, 1]),
        ("word", DEPTH, [2, 1, 0, 2, 1, 1, 0]),
        ("word", POSITION, [1, 2, 3, 4, 5, 1, 2, 1, 2, 3]),
        ("word", FREQUENCY, [2, 0, 0, 2, 1, 2, 0, 0, 2, 1]),
    ],
)
def test_numbers_of_a_text_expect_those_by_hand(
    treebank: Sample, unit: Any, number: str, expected: list[float]
) -> None:
    held = embeddings(treebank, unit)
    rows = numbered_rows(treebank, held, unit, number)
    assert rows.values.tolist() == expected
    assert rows.n_missing == len(held.sentence) - len(expected)  # where heads lead round in a circle
    np.testing.assert_array_equal(rows.vectors(held.layers[0])[:, 0], np.arange(len(expected)))
    assert rows.vectors(held.layers[0]).dtype == np.float32
    assert len(rows.types) == len(rows.group) == len(expected)


def test_the_second_text_of_a_pair_counts_its_words_anew() -> None:
    whole = Sample(of=Suite(split="dev", part="answers"))
    examples = load_dataset(whole.of)
    assert examples.partners is not None
    rows = numbered_rows(whole, embeddings(whole, "word"), "word", POSITION)
    first, n_words = len(examples.spans[0]), len(examples.words[0])
    assert rows.values[:n_words].tolist() == [*range(1, first + 1), *range(1, n_words - first + 1)]


def test_rows_without_a_number_are_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / "gaps.tsv").write_text("a b\t1\nc d\t\ne f\tNA\ng h\t2\n")
    sample = Sample(of=TableFile.at(tmp_path / "gaps.tsv", text="1", numbers=("2",)))
    held = embeddings(sample, "sentence")
    rows = numbered_rows(sample, held, "sentence", "number 2")
    assert (rows.values.tolist(), rows.n_missing, rows.types.tolist()) == ([1.0, 2.0], 2, ["a b", "g h"])
    np.testing.assert_array_equal(rows.vectors(held.layers[1])[:, 0], [0, 3])


@pytest.mark.parametrize(("cells", "words"), [(("3", "3", ""), "all 2 are 3"), (("", "NA", ""), "none of 3 sentences")])
def test_values_that_do_not_differ_are_told(tmp_path: Path, cells: tuple[str, ...], words: str) -> None:
    (tmp_path / "same.tsv").write_text("".join(f"a b {i}\t{cell}\n" for i, cell in enumerate(cells)))
    sample = Sample(of=TableFile.at(tmp_path / "same.tsv", text="1", numbers=("2",)))
    with pytest.raises(NotEnoughData) as problem:
        numbered_rows(sample, embeddings(sample, "sentence"), "sentence", "number 2")
    says(problem, words)


def test_a_number_that_is_not_there_is_told_with_those_that_are(treebank: Sample) -> None:
    with pytest.raises(SpecInvalid) as problem:
        numbered_rows(treebank, embeddings(treebank, "word"), "word", LENGTH)
    says(problem, f"{POSITION}, {FREQUENCY}, {DEPTH}")


def test_examples_without_numbers_have_those_of_every_text() -> None:
    plain = Examples(texts=("a b",), spans=(((0, 1), (2, 3)),))
    assert number_names(plain) == {"sentence": (LENGTH,), "word": (POSITION, FREQUENCY)}


def test_rows_of_a_map_have_their_numbers_and_lack_those_that_none_has() -> None:
    sample = Sample(of=Suite(split="dev"), n=20)
    examples = load_sample(sample)
    places = np.array([(i, j) for i, words in enumerate(examples.words) for j in range(len(words))], np.int32)
    found = numbers_of_rows(sample, places[:, 0], places[:, 1])
    assert set(found) == {"word position", "word frequency", "tree depth", "sentence length"}
    np.testing.assert_array_equal(found["word position"], places[:, 1] + 1)
    np.testing.assert_array_equal(found["sentence length"], [len(examples.words[i]) for i, _ in places])
    depths = [tree_depths(heads) for heads in examples.heads]
    np.testing.assert_array_equal(
        found["tree depth"], [depths[i][j] for i, j in places]
    )  # the word's, not its sentence's
    sentences = np.arange(20, dtype=np.int32)
    whole = numbers_of_rows(sample, sentences, np.full(20, -1, np.int32))
    assert set(whole) == {"sentence length", "tree depth"}
    np.testing.assert_array_equal(whole["tree depth"], [one.max() for one in depths])
    described = describe_rows(sample, places[:, 0], places[:, 1])
    assert described["word position"].dtype == np.float64
    assert described["text"].tolist() == [examples.words[i][j] for i, j in places]
