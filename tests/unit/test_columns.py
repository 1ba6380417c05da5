"""Files with a word a line: read back whatever the separator, told from other tables, faults named by line."""

import string
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.analyses.embed import Embed
from core.analyses.probe import Probe
from core.data.examples import Examples
from core.data.guess import guess
from core.data.load import facts_of, read_file
from core.errors import DatasetInvalid, SpecInvalid
from core.lab import Lab
from core.refs import Packaged, Sample, TableFile
from tests.faults import says

CHUNKS = """\
Confidence NN B-NP
in IN B-PP
the DT B-NP
pound NN I-NP
is VBZ B-VP

Chancellor NNP O
of IN B-PP
# # I-NP
the DT B-NP
. . O
"""
NAMES = """\
-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
German JJ B-NP B-MISC

-DOCSTART- -X- -X- O

Peter NNP B-NP B-PER
Blackburn NNP I-NP I-PER
waits VBZ B-VP O
"""
LEXICAL = (
    "# sent_id = 1\n# text = She gave up .\n1\tShe\tshe\tPRON\t_\n2-3\tgaveup\t_\t_\t_\n2\tgave\tgive\tVERB\tv.change\n"
    "3\tup\tup\tADP\t_\n3.1\t_\t_\t_\t_\n4\t.\t.\tPUNCT\t_\n\n"
    "# text = You wait\n1\tYou\tyou\tPRON\t_\n2\twait\twait\tVERB\tv.stative\n"
)


def read(content: str, **fields: Any) -> Examples:
    usual = {"format": "columns", "text": "1", "word_labels": ("2",)}
    return read_file(TableFile(digest="", **(usual | fields)), content.encode(), "it")


WORD = st.text(string.ascii_letters + ".,;#'", min_size=1, max_size=6) | st.from_regex(
    r"[0-9]{1,4}[-.][0-9]{1,3}", fullmatch=True
)
TAG = st.sampled_from(["NN", "VBZ", "B-NP", "O", "ccg/((S\\NP)/NP)"])


@given(
    sentences=st.lists(st.lists(st.tuples(WORD, TAG, TAG), min_size=1, max_size=6), min_size=1, max_size=5),
    between=st.sampled_from([" ", "  ", "\t"]),
    ends=st.sampled_from(["\n", "\r\n"]),
    gap=st.integers(1, 3),
    closed=st.booleans(),
)
def test_words_and_labels_read_back(sentences: list, between: str, ends: str, gap: int, closed: bool) -> None:
    assume(any(not word.startswith("#") for sentence in sentences for word, *_ in sentence))
    blocks = [ends.join(between.join(row) for row in sentence) for sentence in sentences]
    got = read((ends * (gap + 1)).join(blocks) + ends * closed, word_labels=("2", "3"))
    assert got.words == tuple(tuple(word for word, *_ in sentence) for sentence in sentences)
    for place, name in ((1, "column 2"), (2, "column 3")):
        assert got.word_labels[name] == tuple(tuple(row[place] for row in sentence) for sentence in sentences)


def test_comments_ranges_and_empty_nodes_are_no_words_and_a_number_sign_is_one() -> None:
    got = read(LEXICAL, text="2", word_labels=("4", "5"))
    assert got.words == (("She", "gave", "up", "."), ("You", "wait"))
    assert got.word_labels["column 5"] == (("_", "v.change", "_", "_"), ("_", "v.stative"))
    assert read(CHUNKS).words[1][2] == "#"


def test_numbers_are_words_where_nothing_numbers_the_words() -> None:
    got = read("Rates NNS\nof IN\n3.5 CD\nin IN\n1990-91 CD\n\n6-4 CD\n7-5 CD\n", word_labels=("2",))
    assert got.words == (("Rates", "of", "3.5", "in", "1990-91"), ("6-4", "7-5"))


def test_a_comment_that_happens_to_have_as_many_columns_is_none_of_its_words() -> None:
    got = read("# sent_id = 1\nEU NNP B-NP B-ORG\nvotes VBZ B-VP O\n\n# newdoc id = 2\nIt PRP B-NP O\n# # I-NP O\n")
    assert got.words == (("EU", "votes"), ("It", "#"))


def test_marks_between_documents_are_no_sentences() -> None:
    assert [len(words) for words in read(NAMES, word_labels=("4",)).words] == [3, 3]


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (CHUNKS, {"text": "1", "word_labels": ("2", "3"), "word_label_names": ("xpos", "chunk")}),
        (NAMES, {"text": "1", "word_labels": ("2", "3", "4"), "word_label_names": ("xpos", "chunk", "entity")}),
        (LEXICAL, {"text": "2", "word_label_names": ("column 3", "upos", "column 5")}),
        (CHUNKS.replace(" ", "\t"), {"text": "1", "word_label_names": ("xpos", "chunk")}),
    ],
)
def test_such_files_are_recognised_with_their_words_and_kinds_of_labels(content: str, wanted: dict[str, Any]) -> None:
    found = guess(content.encode(), "it")
    assert found.problem is None
    assert isinstance(found.proposed, TableFile)
    assert found.proposed.format == "columns"
    assert {name: getattr(found.proposed, name) for name in wanted} == wanted
    read_file(found.proposed, content.encode(), "it")


@pytest.mark.parametrize(
    "content",
    [
        "good film\t1\nbad film\t0\n\nfine film\t1\ndull film\t0\n\nodd film\t1\nlong film\t0\n",
        "one two\nthree four\n\nfive six seven\neight\n\nnine ten\neleven twelve\nthirteen\n",
        "text,label\n\na film,1\nb film,0\nc film,1\n\nd film,0\ne film,1\n",
        "NN\nVB\n\nNN\nVB\n\nDT\nNN\n",
    ],
)
def test_tables_and_texts_with_blank_lines_are_not_taken_for_columns(content: str) -> None:
    proposed = guess(content.encode(), "it").proposed
    assert isinstance(proposed, TableFile)
    assert proposed.format != "columns"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a X\nb Y\n\nc X extra\nd Y\n", ("Line 4 has 3 columns", "most others 2")),
        ("a X\nb Y\n\nc\nd Y\n", ("Line 4 has 1 column,",)),
        ("\n\n# only\n", ("no line with a word",)),
        ("word TAG\n" * 40_000, ("from line 1 does not end", "blank line")),
        ("a " * 80 + "\n", ("80 columns",)),
        ("a\tX\n\tY\n", ("Word 2", "empty")),
        ("a\tX\nb\t\n", ("Label 2", "empty")),
    ],
)
def test_what_is_wrong_is_named_with_its_line(content: str, words: tuple[str, ...]) -> None:
    with pytest.raises(DatasetInvalid) as problem:
        read(content)
    says(problem, "columns, a word a line", *words)


def test_word_labels_go_by_the_names_they_are_given() -> None:
    got = read(CHUNKS, word_labels=("2", "3"), word_label_names=("xpos", "my.chunks"))
    assert list(got.word_labels) == ["xpos", "my_chunks"]
    with pytest.raises(SpecInvalid):
        read(CHUNKS, word_labels=("2", "3"), word_label_names=("one",))
    with pytest.raises(SpecInvalid):
        read(CHUNKS, word_labels=("2", "3"), word_label_names=("one", "one"))


def test_chunks_are_probed_like_any_other_label(lab: Lab) -> None:
    content = "".join(
        CHUNKS.replace("pound", word) + "\n" for word in ("pound", "dollar", "mark", "yen", "franc", "lira")
    )
    short = lab.add_file(content.encode(), guess(content.encode(), "it").proposed, "chunks")
    ref = next(one.ref for one in lab.datasets() if one.id == short)
    assert facts_of(ref).word_labels == ("xpos", "chunk")
    scores = lab.run(Probe(embed=Embed(checkpoint=Packaged(), sample=Sample(of=ref)), label="chunk", n_seeds=2))
    assert scores.n_sentences == 12
    assert max(one.value for one in scores.score) > scores.majority


def test_a_treebank_read_as_columns_has_the_words_of_its_own_format(shared_data: Any) -> None:
    from core.refs import ConlluFile

    path = shared_data / "ud_english_ewt" / "en_ewt-ud-dev.conllu"
    plain = TableFile.at(path, format="columns", text="2", word_labels=("4",), word_label_names=("upos",))
    one, other = (read_file(ref, path, path.name) for ref in (plain, ConlluFile.at(path)))
    assert one.words == other.words
    assert one.word_labels["upos"] == other.word_labels["upos"]
