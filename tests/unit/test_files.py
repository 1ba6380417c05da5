"""Files as people have them: every format read back as written, guessed from content, refused when it is something else."""

import csv
import io
import json
import pickle
import string
import struct
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.data import lines
from core.data.examples import Examples
from core.data.guess import guess
from core.data.load import load_dataset, read_file
from core.data.uploads import clean_name
from core.errors import DatasetInvalid, DatasetNotFound, SpecInvalid, StoreUnusable
from core.lab import Lab
from core.refs import ConlluFile, TableFile
from tests.faults import python, says

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + bytes(40)
TREC = "DESC:manner How did serfdom develop ?\nLOC:city Which sister\u00f0city ?\nLOC:state Where is it ?\n"


def table(**fields: Any) -> TableFile:
    """How a table is read, without its place."""
    return TableFile(digest="", **fields)


def read(content: bytes | str, **fields: Any) -> Examples:
    """A table in memory."""
    return read_file(table(**fields), content.encode() if isinstance(content, str) else content, "some.file")


def refused(content: bytes | str, **fields: Any) -> str:
    """The message of a table that cannot be read."""
    with pytest.raises(DatasetInvalid) as problem:
        read(content, **fields)
    says(problem, "some.file")
    return str(problem.value)


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    """A Parquet file with these columns."""
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, **options)
    return out.getvalue()


# --- written and read back

# What a file can hold: any text with something to see, no lone surrogates.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cf"]) | st.sampled_from("\"',;|\n\u200b"), max_size=30
).map(lambda text: f"x{text}x")
LABELS = st.sampled_from(["pos", "neg", 'a "quoted" one', "a, b", "café"])
ROWS = st.lists(st.tuples(TEXTS, LABELS, TEXTS), min_size=1, max_size=8)


@given(
    rows=ROWS,
    delimiter=st.sampled_from(",;|"),
    ends=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    header=st.booleans(),
)
def test_csv_with_any_quoting_reads_back(
    rows: list, delimiter: str, ends: str, quoting: Any, encoding: str, header: bool
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=ends, quoting=quoting)
    writer.writerows([("one", "two", "three")] * header + rows)
    names = ("one", "two", "three") if header else ("1", "2", "3")
    got = read(
        out.getvalue().encode(encoding),
        format="csv",
        quoted=True,
        delimiter=delimiter,
        header=header,
        encoding=encoding.removesuffix("-sig"),
        text=names[0],
        labels=(names[1],),
        partner=names[2],
    )
    assert got.texts == tuple(row[0] for row in rows)
    assert got.partners == tuple(row[2] for row in rows)
    assert list(got.sentence_labels.values()) == [tuple(row[1] for row in rows)]


@given(rows=ROWS, ascii_only=st.booleans())
def test_json_lines_read_back(rows: list, ascii_only: bool) -> None:
    text = "\n".join(json.dumps({"b": b, "a": a, "l": label}, ensure_ascii=ascii_only) for a, label, b in rows)
    got = read(text, format="jsonl", text="a", partner="b", labels=("l",))
    assert got.texts == tuple(row[0] for row in rows)
    assert got.partners == tuple(row[2] for row in rows)
    assert got.sentence_labels == {"l": tuple(row[1] for row in rows)}


@settings(max_examples=10, deadline=None)
@given(rows=ROWS)
def test_parquet_reads_back(rows: list) -> None:
    a, label, b = zip(*rows, strict=True)
    got = read(parquet({"a": a, "l": label, "b": b}), format="parquet", text="a", partner="b", labels=("l",))
    assert (got.texts, got.partners, got.sentence_labels) == (a, b, {"l": label})


WORDS = st.lists(st.text(string.ascii_letters, min_size=1, max_size=5), min_size=1, max_size=6)


@settings(max_examples=20, deadline=None)
@given(sentences=st.lists(WORDS, min_size=1, max_size=5), kind=st.sampled_from(["jsonl", "parquet", "csv"]))
def test_word_labels_read_back_from_lists_and_from_blanks(sentences: list[list[str]], kind: str) -> None:
    tags = [[word[0].upper() for word in words] for words in sentences]
    if kind == "jsonl":
        content = "\n".join(json.dumps({"tokens": w, "tags": t}) for w, t in zip(sentences, tags, strict=True)).encode()
    elif kind == "parquet":
        content = parquet({"tokens": sentences, "tags": tags})
    else:
        rows = [f"{' '.join(w)},{' '.join(t)}" for w, t in zip(sentences, tags, strict=True)]
        content = "\n".join(["tokens,tags", *rows]).encode()
    got = read(content, format=kind, text="tokens", word_labels=("tags",), header=kind == "csv")
    assert got.words == tuple(map(tuple, sentences))
    assert got.word_labels == {"tags": tuple(map(tuple, tags))}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
def test_encodings_are_guessed_and_read(encoding: str) -> None:
    text = (
        "text\tlabel\n" + "“un café”\tgood\n" * 3 if encoding == "cp1252" else "text\tlabel\n" + "un café\tgood\n" * 3
    )
    content = text.encode(encoding)
    if encoding.endswith(("-le", "-be")):
        content = "\ufeff".encode(encoding) + content
    found = guess(content, "any").proposed
    assert isinstance(found, TableFile)
    assert found.encoding == encoding.removesuffix("-sig").removesuffix("-le").removesuffix("-be")
    assert found.header
    got = read_file(found, content, "any")
    assert got.texts[0] in ("un café", "“un café”")


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=200), big=st.booleans())
def test_lines_of_utf16_are_those_of_the_text(text: str, big: bool) -> None:
    content = ("\ufeff" + text).encode("utf-16-be" if big else "utf-16-le")
    assert "".join(line for _, line in lines.lines_of(content, "utf-16", "x")) == text
    numbered = [line for _, line in lines.lines_of(content, "utf-16", "x")]
    assert all(line.endswith("\n") for line in numbered[:-1])
    assert all(line.count("\n") <= 1 for line in numbered)


def test_class_names_written_by_the_datasets_library_are_used() -> None:
    features = {
        "label": {"names": ["neg", "pos"], "_type": "ClassLabel"},
        "ner_tags": {"feature": {"names": ["O", "B-PER"], "_type": "ClassLabel"}, "_type": "Sequence"},
    }
    made = pa.table({"tokens": [["Ann", "left"]], "ner_tags": [[1, 0]], "label": [1]}).replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})}
    )
    out = io.BytesIO()
    pq.write_table(made, out)
    got = read(out.getvalue(), format="parquet", text="tokens", word_labels=("ner_tags",), labels=("label",))
    assert got.word_labels == {"ner_tags": (("B-PER", "O"),)}
    assert got.sentence_labels == {"label": ("pos",)}


def test_a_label_with_a_colon_has_a_coarse_part() -> None:
    got = read(TREC, format="spaced", text="text", labels=("label.coarse", "label"))
    assert got.sentence_labels == {
        "coarse label": ("DESC", "LOC", "LOC"),
        "label": ("DESC:manner", "LOC:city", "LOC:state"),
    }


def test_rows_without_a_label_are_an_error_or_left_out_as_asked() -> None:
    content = "one\ta\ntwo\t-\nthree\t \nfour\tb\n"
    assert "line 3 is empty" in refused(content, labels=("2",))
    got = read(content, labels=("2",), leave_out=("", "-"))
    assert got.texts == ("one", "four")
    assert got.sentence_labels == {"label": ("a", "b")}
    assert "all 4 rows are left out" in refused(content, labels=("2",), leave_out=("", "-", "a", "b"))


def test_numbers_and_booleans_are_labels_too() -> None:
    rows = [{"t": "a b", "n": 1, "f": 0.5, "b": True}, {"t": "c", "n": 2, "f": 1.0, "b": False}]
    got = read("\n".join(map(json.dumps, rows)), format="jsonl", text="t", labels=("n", "f", "b"))
    assert got.sentence_labels == {"n": ("1", "2"), "f": ("0.5", "1.0"), "b": ("true", "false")}


def test_label_names_are_such_that_figures_can_carry_them() -> None:
    content = json.dumps({"t": ["a"], "a.b:c[0]": "x", "sentence": "y", "ner'tags": ["O"]})
    got = read(content, format="jsonl", text="t", labels=("a.b:c[0]", "sentence"), word_labels=("ner'tags",))
    assert set(got.sentence_labels) == {"a_b_c_0_", "sentence label"}
    assert set(got.word_labels) == {"ner_tags"}


# --- words


def test_invisible_words_are_none_in_running_text_and_kept_where_they_have_labels() -> None:
    unseen = "a \u200b b\u00adc \ufeff\u2060 d"
    assert read(unseen).words == (("a", "b\u00adc", "d"),)
    listed = json.dumps({"w": ["a", "\u200b"], "t": ["X", "Y"]})
    assert read(listed, format="jsonl", text="w", word_labels=("t",)).words == (("a", "\u200b"),)
    assert read("a \u200b\tX Y", word_labels=("2",)).words == (("a", "\u200b"),)


# --- what is wrong is named with its place


@pytest.mark.parametrize(
    ("fields", "content", "said"),
    [
        (
            {"format": "jsonl", "text": "w", "word_labels": ("t",)},
            '{"w": ["a"], "t": ["X"]}\n{"w": ["a", "b", "c"], "t": ["X", "Y"]}',
            "Line 2 has 3 words but 2 labels (t)",
        ),
        ({"word_labels": ("2",)}, "a b\tX Y\na b\tX\n", "Line 2 has 2 words but 1 label (2)"),
        ({"format": "jsonl", "text": "w"}, '{"w": ["a", " "]}', "Word 2 of line 1 (w) is empty"),
        ({"format": "jsonl", "text": "w"}, '{"w": []}', "The text (w) of line 1 is empty"),
        ({"format": "jsonl", "text": "t"}, '{"t": "a"}\n{"t": "b"', "Line 2 is not JSON"),
        ({"format": "jsonl", "text": "t"}, '{"t": "a"}\n["b"]', "Line 2 is a JSON array"),
        ({"format": "jsonl", "text": "t"}, '{"u": "a"}', "Line 1 has no 't'. It has: 'u'"),
        ({"format": "jsonl", "text": "t"}, '{"t": {"a": 1}}', "neither text nor a number"),
        ({"format": "jsonl", "text": "t"}, '{"t": "a", "t": "b"}', "'t' stands twice"),
        ({"format": "jsonl", "text": "t"}, '{"t": NaN}', "NaN is no JSON value"),
        ({"format": "jsonl", "text": "t"}, '{"t": "half \\ud83d"}', "half a character"),
        ({"format": "jsonl", "text": "t"}, '{"t": ' + "[" * 100_000, "Line 1 is nested too deeply"),
        ({"format": "jsonl", "text": "t"}, '{"t": ' + "9" * 5000 + "}", "Line 1 is not JSON"),
        ({"format": "jsonl", "text": "t", "labels": ("l",)}, '{"t": "a", "l": ["x"]}', "is a list or an object"),
        ({"format": "jsonl", "text": "t", "labels": ("l",)}, '{"t": "a"}', "label (l) of line 1 is empty"),
        ({"format": "csv", "quoted": True}, 'a\n"open\nnever closed\n', "begins on line 2 is not closed"),
        ({"format": "csv", "quoted": True}, 'a,b\n"c"d,e\n', "Line 2 has text after a closing quotation mark"),
        ({"format": "csv", "quoted": True}, "a,b\nwell, this, too\n", "Line 2 has 3 columns, the lines before it 2"),
        ({"format": "csv", "quoted": True, "header": True}, "a,b,a\n1,2,3\n", "names 'a' twice"),
        ({"format": "csv", "quoted": True, "header": True, "text": "a"}, "a,b\n", "no row of data"),
        (
            {"format": "csv", "quoted": True, "header": True, "text": "c"},
            "a,b\n1,2\n",
            "no column 'c'. Columns: 'a', 'b'",
        ),
        ({"format": "spaced", "text": "text"}, "A one\nB\n", "Line 2 has a label ('B') but no text"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(fields: dict, content: str, said: str) -> None:
    assert said in refused(content, **fields)


def test_a_parquet_row_is_named() -> None:
    content = parquet({"w": [["a"], ["a", "b"]], "t": [["X"], ["X"]]})
    assert "Row 2 has 2 words but 1 label (t)" in refused(content, format="parquet", text="w", word_labels=("t",))
    content = parquet({"t": ["a", None]})
    assert "row 2 is empty" in refused(content, format="parquet", text="t")
    assert "no column 'x'" in refused(content, format="parquet", text="x")


def test_parquet_columns_of_one_name_are_refused() -> None:
    out = io.BytesIO()
    pq.write_table(pa.table([pa.array(["a"]), pa.array(["b"])], names=["t", "t"]), out)
    assert "Two of its columns" in refused(out.getvalue(), format="parquet", text="t")


@pytest.mark.parametrize("keep", [8, 60, 0.5, 0.9, -1])
def test_a_truncated_parquet_is_refused(keep: float) -> None:
    whole = parquet({"t": [f"text {i}" for i in range(2000)], "l": ["a", "b"] * 1000})
    size = int(keep * len(whole)) if 0 < keep < 1 else int(keep)
    assert "damaged or not Parquet" in refused(whole[:size], format="parquet", text="t")


@settings(max_examples=25, deadline=None)
@given(place=st.integers(0, 10**6), value=st.integers(0, 255))
def test_a_damaged_parquet_is_read_or_refused_and_never_breaks(place: int, value: int) -> None:
    # The decoder itself may crash on such a file (seen): it runs in a process of its own.
    damaged = bytearray(parquet({"t": [f"text {i % 7}" for i in range(50)]}))
    damaged[4 + place % (len(damaged) - 4)] = value
    try:
        got = read(bytes(damaged), format="parquet", text="t")
    except DatasetInvalid as error:
        assert error.do  # noqa: PT017
        return
    assert all(got.texts)


def test_a_parquet_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    # 100 MB a value, 500,000 times over, in a file of kilobytes.
    file = tmp_path / "bomb.parquet"
    value = pa.DictionaryArray.from_arrays(pa.array([0] * 500_000, pa.int32()), pa.array(["a " * 5_000_000]))
    pq.write_table(pa.table({"t": value}), file, compression="zstd")
    assert file.stat().st_size < 1_000_000
    script = (
        "import resource; from pathlib import Path; from core.data.load import read_file; from core.refs import TableFile\n"
        "from core.errors import DatasetInvalid\n"
        f"file = Path({str(file)!r})\n"
        "try: read_file(TableFile(digest='', format='parquet', text='t'), file, 'bomb')\n"
        "except DatasetInvalid as error: print(error)\n"
        # Its own peak from the kernel's table: ru_maxrss is inherited from whoever started it.
        "own = Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]\n"
        "print(max(int(own), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))\n"
    )
    done = python("-c", script)
    assert done.returncode == 0, done.stderr
    message, peak = done.stdout.strip().splitlines()
    assert "has 10,000,000 bytes" in message
    assert int(peak) < 800_000  # kB


def test_parquet_with_too_many_rows_is_refused_by_its_footer() -> None:
    content = parquet({"t": pa.array(["a"] * (lines.MAX_ROWS + 1))})
    assert "1,000,001 rows; the limit is 1,000,000" in refused(content, format="parquet", text="t")


def test_a_line_without_end_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    with file.open("wb") as stream:
        stream.write(b"short\n")
        for _ in range(60):
            stream.write(b"x" * 2**20)
    for fields in ({}, {"format": "csv", "quoted": True}):
        with pytest.raises(DatasetInvalid) as problem:
            read_file(table(**fields), file, "long.csv")
        says(problem, "Line 2 is longer than 1,000,000 bytes")
    with pytest.raises(DatasetInvalid) as problem:
        read_file(ConlluFile(digest=""), file, "long.csv")
    says(problem, "long.csv", "Line 1 has 1 tab-separated")


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.data.rows.MAX_ROWS", 1000)
    assert len(read(b"a\n" * 1000)) == 1000
    assert "more than 1,000 rows" in refused(b"a\n" * 1001)


def test_the_wrong_encoding_names_the_line() -> None:
    content = "fine\nun caf\xe9\n".encode("latin-1")
    assert "Line 2 is not UTF-8 (byte 0xe9)" in refused(content)
    assert read(content, encoding="latin-1").texts == ("fine", "un café")
    assert "Line 1 is not UTF-16" in refused(b"\xff\xfea\x00\x00\xd8\n\x00", encoding="utf-16")


# --- what is no data at all


def zipped() -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", "text,label\n")
    return out.getvalue()


class Trap:
    """Would write a file when unpickled."""

    def __reduce__(self) -> tuple:
        return open, ("/tmp/tunescope-trap", "w")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (PNG, "a PNG picture"),
        (zipped(), "a zip archive"),
        (pickle.dumps(["text"]), "a Python pickle"),
        (pickle.dumps(Trap()), "a Python pickle"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\x7fELF\x02", "a program"),
        (b"SQLite format 3\x00", "SQLite"),
        (struct.pack("<20i", *range(20)), "byte 1 is zero"),
        (b"text\x00label\n", "byte 5 is zero"),
        ("a\tb\n".encode("utf-16-le"), "byte order mark"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b'\n<?xml version="1.0"?>', "XML"),
        (b'[{"text": "a"}]', "one JSON array"),
        (b"", "empty"),
    ],
)
@pytest.mark.parametrize("name", ["data.csv", "data.parquet", "data.conllu"])
def test_a_file_that_is_something_else_is_refused_whatever_its_name(content: bytes, what: str, name: str) -> None:
    with pytest.raises(DatasetInvalid) as problem:
        guess(content, name)
    says(problem, name, what)
    for reading in (table(), ConlluFile(digest="")):
        with pytest.raises(DatasetInvalid) as problem:
            read_file(reading, content, name)
        says(problem, name, what)


def test_an_upload_over_the_limit_is_refused() -> None:
    with pytest.raises(DatasetInvalid) as problem:
        guess(b"word\n" * (11 * 2**20), "big.txt")
    says(problem, "big.txt", "55 MB", "50 MB", "by path")


@given(content=st.binary(max_size=400))
@example(b"{}")
def test_any_bytes_are_guessed_or_refused(content: bytes) -> None:
    try:
        found = guess(content, "any")
    except DatasetInvalid:
        return
    assert len(found.preview) >= 1
    try:
        read_file(found.proposed, content, "any")
    except DatasetInvalid as error:
        assert error.do  # noqa: PT017


@given(rows=ROWS, kind=st.sampled_from(["csv", "tsv"]))
def test_any_table_of_words_is_shown_and_what_is_wrong_with_the_guess_is_told(rows: list, kind: str) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter="," if kind == "csv" else "\t").writerows(rows)
    content = out.getvalue().encode()
    found = guess(content, "any")
    assert not found.preview.empty
    if found.problem is None:
        n_read = len(read_file(found.proposed.replace(labels=()), content, "any").texts)
        assert n_read + found.proposed.header >= len(found.preview)


# --- guessing


def fields(content: bytes | str, **said: Any) -> dict[str, Any]:
    """What is guessed, defaults left out."""
    found = guess(content.encode() if isinstance(content, str) else content, "any", **said).proposed
    if isinstance(found, ConlluFile):
        return {"format": "conllu"}
    plain = TableFile(digest="", text="?")
    return {n: v for n in vars(plain) if n not in ("digest", "path") and (v := getattr(found, n)) != getattr(plain, n)}


FILM = ["a fine film that moves", "a dull one with no end in sight", "so much noise about so little", "go and see it"]


def rows(form: str) -> str:
    """Forty lines of a film corpus in this form."""
    return "\n".join(form.format(i=i, text=FILM[i % 4] + f" {i}", label="pos" if i % 3 else "neg") for i in range(40))


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (rows("{text}"), {"text": "1"}),
        (rows("{text}, really"), {"text": "1"}),
        (rows("{text}\t{label}"), {"text": "1", "labels": ("2",)}),
        (rows("{label}\t{i}\t{text}"), {"text": "3", "labels": ("1",)}),
        ("sentence\tlabel\n" + rows("{text}\t{label}"), {"text": "sentence", "labels": ("label",), "header": True}),
        ('pos\t"a b\nc"\r\nneg\td e\r\n', {"text": "2", "labels": ("1",), "quoted": True}),
        (rows("{text}\t{label}") + '\n"he said ""go"" and went"\tpos', {"text": "1", "labels": ("2",), "quoted": True}),
        (rows("{text}\t{label}") + '\n"a fine film"\tpos', {"text": "1", "labels": ("2",)}),
        (rows("{text}\t{label}") + '\n"so it goes\tpos\nand "\tneg', {"text": "1", "labels": ("2",)}),
        (
            "review,mood\n" + rows("{text},{label}"),
            {"text": "review", "labels": ("mood",), "header": True, "format": "csv", "quoted": True},
        ),
        (
            rows('{i};"{text}; yes";{label}'),
            {"format": "csv", "delimiter": ";", "quoted": True, "text": "2", "labels": ("3",)},
        ),
        (
            rows('{{"id": {i}, "text": "{text}", "label": "{label}"}}'),
            {"format": "jsonl", "text": "text", "labels": ("label",)},
        ),
        (rows("{label} {text}"), {"format": "spaced", "text": "text", "labels": ("label",)}),
        (TREC, {"format": "spaced", "text": "text", "labels": ("label.coarse", "label")}),
        (rows("__label__{label} {text}"), {"format": "spaced", "text": "text", "labels": ("label",)}),
        (
            "premise,hypothesis,gold_label\n" + rows("{text},not {text},{label}") + "\na b,c d,-\n",
            {"format": "csv", "quoted": True, "header": True, "text": "premise", "partner": "hypothesis"}
            | {"labels": ("gold_label",), "leave_out": ("-",)},
        ),
        (
            "\n".join(json.dumps({"tokens": text.split(), "ner_tags": ["O"] * len(text.split())}) for text in FILM),
            {"format": "jsonl", "text": "tokens", "word_labels": ("ner_tags",)},
        ),
        ("# sent_id = 1\n1\ta\ta\tDET\t_\t_\t0\troot\t_\t_\n\n", {"format": "conllu"}),
        (
            parquet({"sentence": FILM * 3, "label": [0, 1] * 6, "idx": range(12)}),
            {"format": "parquet", "text": "sentence", "labels": ("label",)},
        ),
    ],
)
def test_guess_of_common_forms(content: bytes | str, wanted: dict[str, Any]) -> None:
    assert fields(content) == wanted


def test_what_is_said_is_kept() -> None:
    content = "sentence\tlabel\n" + rows("{text}\t{label}")
    assert fields(content, header=False)["text"] == "1"
    assert fields(content, format="csv", delimiter=";")["delimiter"] == ";"
    assert fields(content, format="spaced")["format"] == "spaced"
    assert fields("caf\xe9\n".encode("latin-1"), encoding="cp1252")["encoding"] == "cp1252"


def test_a_fault_after_the_first_rows_is_told_beside_the_preview() -> None:
    found = guess(b'{"text": "a"}\n{"text": "b"}\n{"text": \n', "any")
    assert len(found.preview) == 2
    assert found.problem is not None
    assert "Line 3 is not JSON" in str(found.problem)
    broken = guess(b'{"text": \n', "any")
    assert isinstance(broken.proposed, TableFile)
    assert broken.proposed.format == "tsv"
    assert "Line 1 is not JSON" in str(broken.problem)


def test_a_spec_that_contradicts_itself_is_refused() -> None:
    for wrong in (
        {"text": ""},
        {"text": "1", "labels": ("1",)},
        {"labels": ("2", "2")},
        {"labels": ("2",), "label_names": ("a", "b")},
        {"labels": ("2", "3"), "label_names": ("a", "a")},
        {"partner": "2", "word_labels": ("3",)},
        {"format": "jsonl", "header": True},
        {"format": "parquet", "encoding": "latin-1"},
        {"delimiter": ";"},
    ):
        with pytest.raises(SpecInvalid):
            table(**wrong)


# --- uploads


def test_an_upload_is_kept_by_content_owner_only_and_gone_when_removed(lab: Lab) -> None:
    content = TREC.encode()
    reading = guess(content, "x").proposed
    short = lab.add_file(content, reading, "../../etc/évil <b>\u202egnp.exe")
    named = lab.datasets()[-1]
    assert (named.id, named.name) == (short, "évil _b_gnp.exe")
    path = Path(named.ref.path)
    assert path.parent == lab.store.root / "uploads"
    assert path.name.removesuffix(".data") == named.ref.digest
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.read_bytes() == content
    assert load_dataset(named.ref).texts[0] == "How did serfdom develop ?"
    assert lab.add_file(content, reading, "again") == short
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    lab.remove_dataset(short)
    assert not path.exists()
    assert short not in [known.id for known in lab.datasets()]


def test_a_file_by_path_stays_where_it_is_when_removed(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "mine.tsv"
    file.write_text("one\ntwo\n")
    lab.remove_dataset(lab.add_file(file, guess(file, "x").proposed, "mine"))
    assert file.read_text() == "one\ntwo\n"


def test_an_upload_that_cannot_be_read_leaves_nothing_behind(lab: Lab) -> None:
    with pytest.raises(DatasetInvalid):
        lab.add_file(b"one\t\n", table(labels=("2",)), "bad.tsv")
    assert not (lab.store.root / "uploads").exists()
    assert not lab.book.entries()


def test_an_upload_to_a_blocked_folder_says_so_and_adds_nothing(lab: Lab) -> None:
    (lab.store.root / "uploads").write_text("a file in the folder's place")
    with pytest.raises(StoreUnusable) as problem:
        lab.add_file(b"one\n", table(), "some.tsv")
    says(problem, "uploads")
    assert not lab.book.entries()


def test_an_upload_on_a_full_disk_leaves_no_part_of_it(tmp_path: Path) -> None:
    script = (
        "import resource, signal; from core.lab import Lab; from core.refs import TableFile\n"
        "from core.errors import StoreUnusable\n"
        "lab = Lab(engine='none'); signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: lab.add_file(b'some words here\\n' * 20_000, TableFile(digest=''), 'big')\n"
        "except StoreUnusable as error: print(error)\n"
        "print([file.name for file in (lab.store.root / 'uploads').iterdir()], len(lab.book.entries()))\n"
    )
    done = python("-c", script, cache=tmp_path / "full")
    assert done.returncode == 0, done.stderr
    assert "File too large" in done.stdout
    assert done.stdout.splitlines()[-1] == "[] 0"


def test_a_path_that_is_not_there_is_named(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFound) as problem:
        lab.guess_file(tmp_path / "nothing.csv", "nothing.csv")
    says(problem, "nothing.csv", "Check the path")


@pytest.mark.parametrize("path", ["\0", "x" * 5000, "/proc/self/mem/x", "/dev/null", "."])
def test_an_odd_path_is_a_message(lab: Lab, path: str) -> None:
    with pytest.raises(DatasetNotFound) as problem:
        lab.guess_file(Path(path), "odd")
    says(problem, "Check the path")


@given(name=st.text(max_size=100))
def test_names_are_fit_to_be_shown(name: str) -> None:
    clean = clean_name(name)
    assert len(clean) <= 60
    assert not set(clean) & set("<>[]`*#$\\/\n\t\u200b\u202e")
    assert clean == clean.strip()


# --- real corpora


@pytest.mark.parametrize(
    ("file", "n", "labels"),
    [
        ("trec/train_5500.label", 5452, {"coarse label": 6, "label": 50}),
        ("trec/TREC_10.label", 500, {"coarse label": 6, "label": 42}),
        ("cola/in_domain_train.tsv", 8551, {"label": 2}),
        ("cola/in_domain_dev.tsv", 527, {"label": 2}),
        ("cola/out_of_domain_dev.tsv", 516, {"label": 2}),
        ("snli/snli_dev.tsv", 9842, {"label": 3}),
        ("snli/snli_test.tsv", 9824, {"label": 3}),
        ("sst2/train.tsv", 6920, {"label": 2}),
    ],
)
def test_public_corpora_are_guessed_right_and_read_whole(
    shared_data: Path, lab: Lab, file: str, n: int, labels: dict[str, int]
) -> None:
    path = shared_data / file
    lab.add_file(path, lab.guess_file(path, path.name).proposed, path.name)
    got = load_dataset(lab.datasets()[-1].ref)
    assert len(got) == n
    assert {name: len(set(values)) for name, values in got.sentence_labels.items()} == labels
    assert (got.partners is not None) == file.startswith("snli")
    assert all(got.words)


def test_cola_is_read_with_its_source_as_second_label(shared_data: Path) -> None:
    ref = TableFile.at(
        shared_data / "cola" / "in_domain_train.tsv", text="4", labels=("2", "1"), label_names=("acceptable", "source")
    )
    got = load_dataset(ref)
    assert got.texts[0].startswith("Our friends won't buy")
    assert got.sentence_labels["acceptable"].count("1") == 6023
    assert got.sentence_labels["source"][0] == "gj04"


def test_trec_in_latin_1_is_read_as_such(shared_data: Path, lab: Lab) -> None:
    # As released it is Latin-1, with one letter outside ASCII.
    content = (shared_data / "trec" / "train_5500.label").read_text(encoding="utf-8").encode("latin-1")
    found = guess(content, "train_5500.label").proposed
    assert isinstance(found, TableFile)
    assert found.encoding == "latin-1"
    lab.add_file(content, found, "TREC")
    assert any("\u00f0" in text for text in load_dataset(lab.datasets()[-1].ref).texts)


def test_treebanks_are_guessed(shared_data: Path) -> None:
    for path in sorted((shared_data / "ud_english_ewt").glob("*.conllu")):
        assert isinstance(guess(path, path.name).proposed, ConlluFile)
