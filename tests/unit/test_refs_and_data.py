"""Data files to sentences: what is read, what is skipped, what is refused and on which line; samples by seed."""

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.examples import joined, split_on_space
from core.data.load import facts_of, load_dataset, load_sample, sample_size
from core.errors import DatasetInvalid, DatasetNotFound, NotEnoughData, SpecInvalid
from core.keys import key_of
from core.lab import Lab
from core.refs import ConlluFile, Sample, Suite, TableFile
from tests.faults import says

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of this name and content."""

    def to(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return to


def row(number: str, form: str, upos: str = "NOUN", head: str = "0", relation: str = "root") -> str:
    """A CoNLL-U line."""
    return "\t".join([number, form, form.lower(), upos, "_", "_", head, relation, "_", "_"])


GOOD = "\n".join(
    [
        "# newdoc id = one",
        "# text = I don't know New York",
        row("1", "I", "PRON", "4", "nsubj:pass"),
        row("2-3", "don't", "_", "_", "_"),
        row("2", "do", "AUX", "4", "aux"),
        row("3", "n't", "PART", "4", "advmod"),
        row("4", "know", "VERB"),
        row("4.1", "it", "PRON", "_", "_"),
        row("5", "New York", "PROPN", "4", "obl:tmod"),
        "",
        "# text = Yes",
        row("1", "Yes", "INTJ"),
        "",
        "",
    ]
)


# --- CoNLL-U


def test_conllu_when_it_has_ranges_empty_nodes_and_comments_gives_the_syntactic_words(write: Write) -> None:
    read = load_dataset(ConlluFile.at(write("good.conllu", GOOD)))
    assert read.words == (("I", "do", "n't", "know", "New York"), ("Yes",))
    assert read.texts == ("I do n't know New York", "Yes")
    assert read.spans[0] == ((0, 1), (2, 4), (5, 8), (9, 13), (14, 22))
    assert read.word_labels["upos"] == (("PRON", "AUX", "PART", "VERB", "PROPN"), ("INTJ",))
    assert read.heads == ((4, 4, 4, 0, 4), (0,))
    assert read.n_words == 6
    assert len(read) == 2


def test_conllu_when_a_relation_has_a_subtype_keeps_the_relation(write: Write) -> None:
    read = load_dataset(ConlluFile.at(write("subtypes.conllu", GOOD)))
    assert read.word_labels["relation"] == (("nsubj", "aux", "advmod", "root", "obl"), ("root",))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
        lambda text: "\n\n" + text + "\n\n\n",
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n\n", "\n  \n"),
    ],
    ids=["crlf", "no newline at the end", "blank lines", "byte order mark", "blanks on the empty line"],
)
def test_conllu_when_saved_by_another_editor_reads_the_same(write: Write, change: Callable[[str], str]) -> None:
    plain = load_dataset(ConlluFile.at(write("plain.conllu", GOOD)))
    assert load_dataset(ConlluFile.at(write("changed.conllu", change(GOOD)))) == plain


@pytest.mark.parametrize("form", ["a\u2028b", "a\x0bb", "a\x85b", "a\u00a0b", "10 000", "👩‍👩‍👧", "\u200b", "#"])
def test_conllu_when_a_word_holds_an_odd_character_keeps_it(write: Write, form: str) -> None:
    read = load_dataset(ConlluFile.at(write("odd.conllu", f"{row('1', 'an')}\n{row('2', form)}\n\n")))
    assert read.words == (("an", form),)
    assert read.texts[0] == f"an {form}"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1\tI\tI\tPRON", ("Line 4", "4 tab-separated columns", "not 10")),
        (row("1", "I") + "\textra", ("Line 4", "11 tab-separated columns")),
        (row("1", "I").replace("\t", "  "), ("Line 4", "1 tab-separated")),
        (row("1", "I", head="_"), ("Line 4", "head", "'_'", "0 = root")),
        (row("1", "I", head="-1"), ("Line 4", "'-1'")),
        (row("1", "I", head="²"), ("Line 4", "'²'")),
        (row("1", "I", head=""), ("Line 4", "''")),
    ],
)
def test_conllu_when_a_line_is_wrong_names_it(write: Write, line: str, words: tuple[str, ...]) -> None:
    path = write("wrong.conllu", f"# one\n{row('1', 'fine')}\n\n{line}\n\n")
    with pytest.raises(DatasetInvalid) as problem:
        load_dataset(ConlluFile.at(path))
    says(problem, "wrong.conllu", *words)


def test_conllu_when_a_head_lies_outside_its_sentence_is_refused(write: Write) -> None:
    path = write("head.conllu", f"{row('1', 'one', head='2')}\n{row('2', 'two', head='9')}\n\n")
    with pytest.raises(DatasetInvalid) as problem:
        load_dataset(ConlluFile.at(path))
    says(problem, "head.conllu", "9")


@pytest.mark.parametrize("content", ["\n", "# text = nothing\n\n", row("1-2", "range") + "\n\n"])
def test_conllu_when_it_holds_no_word_is_refused(write: Write, content: str) -> None:
    with pytest.raises(DatasetInvalid) as problem:
        load_dataset(ConlluFile.at(write("empty.conllu", content)))
    says(problem, "empty.conllu", "no sentence", "ten tab-separated columns")


# --- tables


def test_table_without_labels_gives_words_by_white_space(write: Write) -> None:
    read = load_dataset(TableFile.at(write("plain.tsv", "A plain  line\nAnother one\n")))
    assert read.texts == ("A plain  line", "Another one")
    assert read.words == (("A", "plain", "line"), ("Another", "one"))
    assert read.spans[0] == ((0, 1), (2, 7), (9, 13))
    assert read.sentence_labels == {}
    assert read.heads is None


def test_table_with_header_and_label_column_leaves_the_header_out(write: Write) -> None:
    path = write("head.tsv", "label\tid\tsentence\npos\t1\tvery good\nneg\t2\tvery bad\n")
    read = load_dataset(TableFile.at(path, text="sentence", labels=("label",), label_names=("sentiment",), header=True))
    assert read.texts == ("very good", "very bad")
    assert read.sentence_labels == {"sentiment": ("pos", "neg")}


def test_table_when_it_holds_quotes_takes_them_as_they_are(write: Write) -> None:
    read = load_dataset(TableFile.at(write("quotes.tsv", '"so " bad\t0\nand, well\t1\n'), labels=("2",)))
    assert read.texts == ('"so " bad', "and, well")


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_table_when_saved_on_windows_reads_the_same(write: Write, mark: bytes, end: str) -> None:
    path = write("windows.tsv", mark + end.join(["good one\t1", "bad one\t0", ""]).encode())
    read = load_dataset(TableFile.at(path, labels=("2",)))
    assert read.texts == ("good one", "bad one")
    assert read.sentence_labels["label"] == ("1", "0")


@pytest.mark.parametrize(
    ("content", "label", "words"),
    [
        ("one\t1\ntwo\n", "2", ("line 2 has 1 column,", "before it 2", "tab")),
        ("one\t1\n\n\ntwo\n", "2", ("line 4 has 1 column,",)),
        ("one\t1\ntwo\t2\tb\n", "2", ("line 2 has 3 columns", "before it 2")),
        ("one\t1\ntwo\t \n", "2", ("label (2) of line 2 is empty", "leave out")),
        ("one\t1\n \t1\n", "2", ("text (1) of line 2 is empty", "Fill or delete")),
        ("one\t1\n\u200b \ufeff\t1\n", "2", ("text (1) of line 2 is empty", "invisible")),
        (f"one\t1\n{'x' * 200_001}\t1\n", "2", ("line 2 has 200,001 characters", "200,000", "Split")),
        (f"one\t1\none\t{'x' * 300}\n", "2", ("label (2) of line 2 has 300 characters",)),
    ],
)
def test_table_when_a_line_is_wrong_names_it(write: Write, content: str, label: str, words: tuple[str, ...]) -> None:
    path = write("wrong.tsv", content)
    with pytest.raises(DatasetInvalid) as problem:
        load_dataset(TableFile.at(path, labels=(label,)))
    assert all(word.lower() in str(problem.value).lower() for word in words), problem.value
    says(problem, "wrong.tsv")


@pytest.mark.parametrize("fields", [{"text": "5"}, {"text": "0"}, {"labels": ("7",)}, {"partner": "8"}])
def test_table_when_a_column_is_not_there_names_those_that_are(write: Write, fields: dict) -> None:
    with pytest.raises(DatasetInvalid) as problem:
        load_dataset(TableFile.at(write("column.tsv", "one\t1\n"), **fields))
    asked = next(iter(fields.values()))
    says(problem, f"no column '{asked if isinstance(asked, str) else asked[0]}'", "'1', '2'", "Choose another column")


@pytest.mark.parametrize("content", ["\n\n", "sentence\tlabel\n"])
def test_table_when_it_holds_no_sentence_is_refused(write: Write, content: str) -> None:
    with pytest.raises(DatasetInvalid) as problem:
        load_dataset(TableFile.at(write("none.tsv", content), header=True))
    says(problem, "none.tsv", "no row of data", "one text a row")


@pytest.mark.parametrize("content", [b"caf\xe9\t1\n", b"\xff\xfeo\x00n\x00e\x00"])
@pytest.mark.parametrize("at", [ConlluFile.at, TableFile.at])
def test_file_when_not_utf8_is_refused_with_what_to_do(write: Write, content: bytes, at: Callable) -> None:
    with pytest.raises(DatasetInvalid) as problem:
        load_dataset(at(write("latin.txt", content)))
    says(problem, "latin.txt", "not UTF-8", "as UTF-8", "encoding")


# --- identity of files


@pytest.mark.parametrize("at", [ConlluFile.at, TableFile.at])
def test_file_when_not_there_or_a_folder_is_named(tmp_path: Path, at: Callable) -> None:
    for path in (tmp_path / "nothing.txt", tmp_path):
        with pytest.raises(DatasetNotFound) as problem:
            at(path)
        says(problem, str(path), "no such file", "Check the path")


def test_file_when_changed_after_adding_is_refused_though_its_size_and_time_are_kept(write: Write) -> None:
    path = write("changing.tsv", "one words\n")
    ref = TableFile.at(path)
    before = path.stat()
    path.write_text("two words\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    with pytest.raises(DatasetInvalid) as problem:
        load_sample(Sample(of=ref))
    says(problem, str(path), "changed since it was added", "Add it again")
    again = TableFile.at(path)
    assert key_of(again) != key_of(ref)
    assert load_sample(Sample(of=again)).texts == ("two words",)


def test_file_when_gone_after_adding_is_named(write: Write) -> None:
    path = write("going.conllu", GOOD + "# gone\n")
    ref = ConlluFile.at(path)
    path.unlink()
    with pytest.raises(DatasetNotFound) as problem:
        load_dataset(ref)
    says(problem, str(path), "no longer there", "Put it back")


def test_file_when_moved_keeps_its_key(write: Write, tmp_path: Path) -> None:
    path = write("before.conllu", GOOD + "# moved\n")
    ref = ConlluFile.at(path)
    moved = ConlluFile.at(path.rename(tmp_path / "after.conllu"))
    assert key_of(moved) == key_of(ref)
    assert moved.path != ref.path


def test_table_when_read_by_another_column_has_another_key(write: Write) -> None:
    path = write("two.tsv", "one\ttwo\n")
    first, second = TableFile.at(path, text="1"), TableFile.at(path, text="2")
    assert key_of(first) != key_of(second)
    assert (load_dataset(first).texts, load_dataset(second).texts) == (("one",), ("two",))


def test_path_with_a_tilde_is_the_home_folders(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write("here.tsv", "from home\n")
    assert load_dataset(TableFile.at("~/here.tsv")).texts == ("from home",)


# --- samples


def test_sample_of_none_is_all_in_file_order() -> None:
    everything = load_dataset(Suite())
    assert load_sample(Sample(of=Suite())) is everything
    assert sample_size(Sample(of=Suite())) == len(everything) == facts_of(Suite()).n_sentences


@given(n=st.integers(1, 200), seed=st.integers(0, 10**6))
def test_sample_is_without_replacement_in_file_order_and_the_same_each_time(n: int, seed: int) -> None:
    everything = load_dataset(Suite())
    places = {id(spans): i for i, spans in enumerate(everything.spans)}
    drawn = load_sample(Sample(of=Suite(), n=n, seed=seed))
    rows = [places[id(spans)] for spans in drawn.spans]
    assert len(rows) == n == sample_size(Sample(of=Suite(), n=n, seed=seed))
    assert rows == sorted(set(rows))
    assert drawn == load_sample(Sample(of=Suite(), n=n, seed=seed))
    # Every field is drawn alike.
    for at, place in enumerate(rows):
        assert drawn.texts[at] == everything.texts[place]
        assert drawn.word_labels["upos"][at] == everything.word_labels["upos"][place]
        assert drawn.sentence_labels["sentiment"][at] == everything.sentence_labels["sentiment"][place]
        assert drawn.heads is not None
        assert everything.heads is not None
        assert drawn.heads[at] == everything.heads[place]


def test_sample_with_another_seed_is_another() -> None:
    one, other = (load_sample(Sample(of=Suite(), n=50, seed=seed)).texts for seed in (0, 1))
    assert one != other


def test_sample_of_all_by_number_is_the_whole_set(write: Write) -> None:
    ref = TableFile.at(write("five.tsv", "".join(f"sentence {i}\n" for i in range(5))))
    assert load_sample(Sample(of=ref, n=5, seed=3)) == load_dataset(ref)


def test_sample_when_too_large_says_how_many_there_are(write: Write) -> None:
    ref = TableFile.at(write("three.tsv", "one\ntwo\nthree\n"))
    with pytest.raises(NotEnoughData) as problem:
        load_sample(Sample(of=ref, n=4))
    says(problem, "4 sentences", "has 3", "0 for all")


def test_sample_when_negative_is_refused() -> None:
    with pytest.raises(SpecInvalid) as problem:
        Sample(of=Suite(), n=-1)
    says(problem, "-1", "0 for all")


def test_suite_of_another_edition_is_refused() -> None:
    with pytest.raises(DatasetNotFound) as problem:
        load_dataset(Suite(edition=999))
    says(problem, "999", "Pick it again")


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_facts_of_the_suite_are_those_of_its_sentences(split: str) -> None:
    known, read = facts_of(Suite(split=split)), load_dataset(Suite(split=split))  # type: ignore[arg-type]
    assert known.n_sentences == len(read)
    assert known.word_labels == tuple(read.word_labels)
    assert known.sentence_labels == tuple(read.sentence_labels)


@given(words=st.lists(st.text(st.characters(exclude_characters="\n"), min_size=1, max_size=6), min_size=1, max_size=8))
def test_spans_of_joined_words_give_the_words_back(words: list[str]) -> None:
    text, spans = joined(words)
    assert [text[a:b] for a, b in spans] == words


@given(text=st.text(max_size=40))
def test_spans_of_a_text_are_its_words(text: str) -> None:
    spans = split_on_space(text)
    words = [word for word in text.split() if any(unicodedata.category(letter) != "Cf" for letter in word)]
    assert [text[a:b] for a, b in spans] == words


# --- real corpora


def test_english_web_treebank_dev_has_the_published_size(shared_data: Path) -> None:
    read = load_dataset(ConlluFile.at(shared_data / "ud_english_ewt" / "en_ewt-ud-dev.conllu"))
    assert (len(read), read.n_words) == (2001, 25147)
    assert len(set().union(*read.word_labels["upos"])) == 17
    assert read.heads is not None
    assert all(heads.count(0) == 1 for heads in read.heads)
    assert all(len(words) == len(heads) for words, heads in zip(read.words, read.heads, strict=True))


def test_sst2_dev_has_the_published_size(shared_data: Path) -> None:
    read = load_dataset(TableFile.at(shared_data / "sst2" / "dev.tsv", labels=("2",), label_names=("sentiment",)))
    assert len(read) == 872
    assert sorted(set(read.sentence_labels["sentiment"])) == ["0", "1"]


def test_added_file_is_offered_with_its_labels_and_size(write: Write, lab: Lab) -> None:
    ref = ConlluFile.at(write("added.conllu", GOOD + "# added\n"))
    short = lab.add_dataset(ref, "My treebank")
    named = lab.datasets()[-1]
    assert (named.id, named.name, named.ref.path) == (short, "My treebank", ref.path)
    known = {"word": ("upos", "relation"), "sentence": (), "pair": ("dependency",), "span": ("phrase",)}
    assert lab.labels_of(ref) == known
    assert lab.size_of(ref) == 2
