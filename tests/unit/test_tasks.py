"""The catalogue of tasks: each read from files laid out as the Hub, or its makers, lay them out; what is no file of it refused."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.analyses.scoring import MEASURES
from core.data.examples import Examples
from core.data.hub import look_up_data
from core.data.load import load_dataset
from core.data.tasks import MICRO_F1, TASKS, Task
from core.errors import DatasetInvalid
from core.lab import Lab
from core.refs import HubFile
from tests.faults import says
from tests.hub import Repo, TinyHub, serving

BY_TITLE = {task.title: task for task in TASKS}
ON_HUB = [task for task in TASKS if task.repo]
N = 60
_TWO = ("sentence1", "sentence2")


def _class(*names: str) -> dict[str, Any]:
    return {"names": list(names), "_type": "ClassLabel"}


def parquet(columns: dict[str, list[Any]], features: dict[str, Any]) -> bytes:
    """A file as the `datasets` library writes it: classes as whole numbers, their names beside them."""
    table = pa.table(columns).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _texts(word: str) -> list[str]:
    return [f"the {word} number {i} lies on shelf {i * 7 % 11}" for i in range(N)]


def _glue(first: str, second: str, *names: str) -> bytes:
    """A part of GLUE: one text or two, a class, a running number."""
    columns: dict[str, list[Any]] = {first: _texts("book")}
    columns |= {second: _texts("lamp")} if second else {}
    columns |= {"label": [i % len(names) for i in range(N)], "idx": list(range(N))}
    return parquet(columns, {"label": _class(*names)})


def _stsb() -> bytes:
    columns = {one: _texts(one) for one in _TWO} | {"label": [i % 26 / 5 for i in range(N)], "idx": list(range(N))}
    return parquet(columns, {"label": {"dtype": "float32", "_type": "Value"}})


def _multi_nli() -> bytes:
    columns: dict[str, list[Any]] = {"promptID": list(range(N)), "pairID": [f"{i}n" for i in range(N)]}
    columns |= {"premise": _texts("book"), "premise_binary_parse": [f"( {text} )" for text in _texts("book")]}
    columns |= {"premise_parse": [f"(ROOT {text})" for text in _texts("book")], "hypothesis": _texts("lamp")}
    columns |= {"genre": [["fiction", "travel"][i % 2] for i in range(N)], "label": [i % 3 for i in range(N)]}
    return parquet(columns, {"label": _class("entailment", "neutral", "contradiction")})


def _snli() -> bytes:
    columns = {"premise": _texts("book"), "hypothesis": _texts("lamp"), "label": [i % 4 - 1 for i in range(N)]}
    return parquet(columns, {"label": _class("entailment", "neutral", "contradiction")})


def _squad() -> bytes:
    places = [text.index("shelf") for text in _texts("book")]
    columns = {
        "id": [f"q{i}" for i in range(N)],
        "title": ["Shelves"] * N,
        "context": _texts("book"),
        "question": [f"where does book {i} lie" for i in range(N)],
        "answers": [{"text": ["shelf"], "answer_start": [place]} for place in places],
    }
    return parquet(columns, {})


def _blimp() -> bytes:
    columns = {
        "sentence_good": [f"the {i} books lie here" for i in range(N)],
        "sentence_bad": [f"the {i} books lies here" for i in range(N)],
        "field": ["morphology"] * N,
        "linguistics_term": ["agreement"] * N,
        "UID": ["plural"] * N,
        "simple_LM_method": [True] * N,
        "pair_id": list(range(N)),
    }
    return parquet(columns, {})


LAID_OUT: dict[str, tuple[str, bytes]] = {
    "GLUE CoLA": ("cola/validation-00000-of-00001.parquet", _glue("sentence", "", "unacceptable", "acceptable")),
    "GLUE SST-2": ("sst2/train-00000-of-00001.parquet", _glue("sentence", "", "negative", "positive")),
    "GLUE MRPC": ("mrpc/train-00000-of-00001.parquet", _glue(*_TWO, "not_equivalent", "equivalent")),
    "GLUE QQP": ("qqp/train-00000-of-00001.parquet", _glue("question1", "question2", "not_duplicate", "duplicate")),
    "GLUE STS-B": ("stsb/validation-00000-of-00001.parquet", _stsb()),
    "GLUE MNLI": (
        "mnli/validation_matched-00000-of-00001.parquet",
        _glue("premise", "hypothesis", "entailment", "neutral", "contradiction"),
    ),
    "MultiNLI": ("data/validation_mismatched-00000-of-00001.parquet", _multi_nli()),
    "SNLI": ("plain_text/validation-00000-of-00001.parquet", _snli()),
    "GLUE QNLI": (
        "qnli/validation-00000-of-00001.parquet",
        _glue("question", "sentence", "entailment", "not_entailment"),
    ),
    "GLUE RTE": ("rte/validation-00000-of-00001.parquet", _glue(*_TWO, "entailment", "not_entailment")),
    "SQuAD": ("plain_text/validation-00000-of-00001.parquet", _squad()),
    "BLiMP": ("regular_plural_subject_verb_agreement_1/train-00000-of-00001.parquet", _blimp()),
}

_SENTENCES = "".join(
    "1\tBooks\tbook\tNOUN\tNNS\tNumber=Plur\t2\tnsubj\t_\t_\n2\tlie\tlie\tVERB\tVBP\t_\t0\troot\t_\t_\n\n"
    for _ in range(4)
)
_LEX = "\t".join(["_", "N", "book", "n.ARTIFACT", "_", "_", "_", "_", "O-N-n.ARTIFACT"])
_LEX_VERB = "\t".join(["_", "V", "lie", "v.stative", "_", "_", "_", "_", "O-V-v.stative"])
_LEXICAL = "".join(
    f"# sent_id = a-{i}\n# text = Books lie\n1\tBooks\tbook\tNOUN\tNNS\t_\t2\tnsubj\t_\t_\t{_LEX}\n"
    f"2\tlie\tlie\tVERB\tVBP\t_\t0\troot\t_\t_\t{_LEX_VERB}\n\n"
    for i in range(4)
)
_EDGES = "".join(
    json.dumps(
        {"text": "Ann sees Bob", "targets": [{"span1": [0, 1], "span2": [2, 3], "label": ["ARG1", "ARG0"][i % 2]}]}
    ) + "\n"
    for i in range(20)
)  # fmt: skip
_TREC = "".join(f"{['HUM:ind', 'LOC:city', 'NUM:date'][i % 3]} Which one is number {i} ?\n" for i in range(N))
_SENTEVAL = "".join(
    f"{['tr', 'va', 'te'][i % 3]}\t{['PAST', 'PRES'][i % 2]}\tThe book number {i} lay here .\n" for i in range(N)
)
_CHUNKS = "He PRP B-NP\nsees VBZ B-VP\nthe DT B-NP\nsea NN I-NP\n\nShe PRP B-NP\nsleeps VBZ B-VP\n\n" * 4
_TAGS = "He PRO\nsees ENS\nthe DEF\nsea CON\n\nShe PRO\nsleeps ENS\n\n" * 4
_SUPER = "He NP\nsees (S[dcl]\\NP)/NP\nthe NP[nb]/N\nsea N\n\nShe NP\nsleeps S[dcl]\\NP\n\n" * 4
HANDED_OUT: dict[str, tuple[str, str, Callable[[Examples], object], object]] = {
    "TREC, 6 and 50 classes": (
        "train_5500.label", _TREC, lambda got: [sorted(set(values)) for values in got.sentence_labels.values()],
        [["HUM", "LOC", "NUM"], ["HUM:ind", "LOC:city", "NUM:date"]],
    ),
    "Universal Dependencies": (
        "dev.conllu", _SENTENCES, lambda got: (got.heads and got.heads[0], list(got.word_labels["upos"][0])),
        ((2, 0), ["NOUN", "VERB"]),
    ),
    "STREUSLE": (
        "streusle.conllulex", _LEXICAL, lambda got: any("n.ARTIFACT" in values[0] for values in got.word_labels.values()), True,
    ),
    "CoNLL-2000 chunking": (
        "train.txt", _CHUNKS, lambda got: list(got.word_labels["chunk"][0]), ["B-NP", "B-VP", "B-NP", "I-NP"],
    ),
    "Semantic tags": (
        "tags.txt", _TAGS, lambda got: [list(one[0]) for one in got.word_labels.values()], [["PRO", "ENS", "DEF", "CON"]],
    ),
    "CCG supertags": ("ccg.txt", _SUPER, lambda got: [one[1][1] for one in got.word_labels.values()], ["S[dcl]\\NP"]),
    "Edge probing": (
        "roles.json", _EDGES, lambda got: {label for marks in got.marks["target"] for mark in marks for label in mark.labels},
        {"ARG0", "ARG1"},
    ),
    "SentEval probing": (
        "past_present.txt", _SENTEVAL, lambda got: (set(got.sentence_labels["label"]), set(got.sentence_labels["split"])),
        ({"PAST", "PRES"}, {"tr", "va", "te"}),
    ),
}  # fmt: skip


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyHub]:
    """A Hub whose repositories have the very commits of the catalogue, and newer ones in which all has moved."""
    files: dict[str, dict[str, bytes]] = {}
    for task in ON_HUB:
        name, content = LAID_OUT[task.title]
        files.setdefault(task.repo, {"README.md": b"#"})[name] = content
    files["nyu-mll/glue"]["rte/test-00000-of-00001.parquet"] = LAID_OUT["GLUE RTE"][1]
    repos = {
        f"datasets/{task.repo}": Repo(commits=[files[task.repo], {"moved.csv": b"a,b\n"}], pinned={0: task.commit})
        for task in ON_HUB
    }
    with serving(repos, monkeypatch, tmp_path / "huggingface") as running:
        yield running


def brought(task: Task, lab: Lab) -> Examples:
    """The task's file, from the Hub at its commit, added and read."""
    (ref,) = task.of(look_up_data(task.repo, task.commit).files)
    assert (ref.commit, ref.name) == (task.commit, LAID_OUT[task.title][0])
    lab.run(ref)
    return added(task, ref.path, lab)


def added(task: Task, path: Path, lab: Lab) -> Examples:
    """A file of the task, checked, added and read."""
    reading = task.reading(lab.guess_file(path, path.name), path.name)
    lab.try_file(path, reading, path.name, task=task)
    short = lab.add_file(path, reading, task.title)
    return load_dataset(next(one.ref for one in lab.datasets() if one.id == short))


def test_every_task_has_a_file_in_these_tests_and_is_scored_by_what_the_app_measures() -> None:
    assert {task.title for task in TASKS} == set(LAID_OUT) | set(HANDED_OUT)
    measured = {name for names in MEASURES.values() for name in names} | {MICRO_F1}
    for task in TASKS:
        assert set(task.metrics) <= measured, task.title
        assert task.about
        assert task.licence
        assert task.columns
        assert bool(task.repo) != bool(task.files), task.title
        if task.repo:
            HubFile(repo=task.repo, commit=task.commit, name=f"{task.begins}train.parquet")


@pytest.mark.parametrize("task", [task for task in ON_HUB if task.classes], ids=lambda task: task.title)
def test_labels_are_read_by_their_names_at_the_commit_written_down(task: Task, hub: TinyHub, lab: Lab) -> None:
    got = brought(task, lab)
    assert set(got.sentence_labels[task.called[0]]) == set(task.classes)
    assert len(got) == (N * 3 // 4 if task.title == "SNLI" else N), "pairs without a label are left out"
    assert (got.partners is not None) == bool(task.partner)
    assert "book" in got.texts[0]
    if got.partners is not None:
        assert "book" not in got.partners[0] or task.partner == "sentence2"
    assert not got.numbers


def test_genres_stand_beside_labels(hub: TinyHub, lab: Lab) -> None:
    got = brought(BY_TITLE["MultiNLI"], lab)
    assert list(got.sentence_labels) == ["inference", "genre"]
    assert set(got.sentence_labels["genre"]) == {"fiction", "travel"}


def test_likeness_of_meaning_is_a_number(hub: TinyHub, lab: Lab) -> None:
    got = brought(BY_TITLE["GLUE STS-B"], lab)
    assert got.numbers["label"][:3] == pytest.approx([0.0, 0.2, 0.4])
    assert not got.sentence_labels


def test_answers_keep_their_places_and_pairs_their_versions(hub: TinyHub, lab: Lab) -> None:
    got = brought(BY_TITLE["SQuAD"], lab)
    assert got.partners is not None
    assert got.texts[0].startswith("where")
    (marks,) = got.marks.values()
    gold, *_ = (mark for mark in marks[0] if mark.labels == ("answer",))
    assert list(got.words[0][slice(*gold.first)]) == ["shelf"]
    got = brought(BY_TITLE["BLiMP"], lab)
    assert len(got) == 2 * N
    assert sorted(set(got.sentence_labels["acceptable"])) == ["no", "yes"]


@pytest.mark.parametrize("title", HANDED_OUT)
def test_files_of_the_makers_are_read_as_the_task_says(title: str, lab: Lab, tmp_path: Path) -> None:
    name, content, look, expected = HANDED_OUT[title]
    (tmp_path / name).write_text(content)
    assert look(added(BY_TITLE[title], tmp_path / name, lab)) == expected


def test_parts_without_labels_are_not_offered(hub: TinyHub) -> None:
    found = look_up_data("nyu-mll/glue", BY_TITLE["GLUE RTE"].commit)
    assert any(one.name.startswith("rte/test") for one in found.files)
    assert [one.name for one in BY_TITLE["GLUE RTE"].of(found.files)] == [LAID_OUT["GLUE RTE"][0]]


@pytest.mark.parametrize(
    ("title", "content", "found"),
    [
        ("GLUE CoLA", LAID_OUT["GLUE MRPC"][1], "no column 'sentence'"),
        ("GLUE CoLA", _TREC.encode(), "not Parquet"),
        ("GLUE CoLA", LAID_OUT["GLUE SST-2"][1], "should be unacceptable, acceptable; found 'negative'"),
        ("GLUE SST-2", _glue("sentence", "", "0", "1"), "found '0', '1'"),
        ("SQuAD", LAID_OUT["GLUE QNLI"][1], "no column 'context'"),
        ("Universal Dependencies", _CHUNKS.encode(), "not CoNLL-U"),
        ("CoNLL-2000 chunking", _SENTENCES.encode(), "It looks like CoNLL-U"),
        ("TREC, 6 and 50 classes", _TREC.replace("HUM", "WHO").encode(), "found 'WHO'"),
        ("GLUE RTE", LAID_OUT["GLUE RTE"][1][:-40], "damaged or not Parquet"),
        ("Edge probing", bytes(range(256)) * 8, "not text"),
    ],
)
def test_what_is_no_file_of_the_task_is_refused(
    title: str, content: bytes, found: str, lab: Lab, tmp_path: Path
) -> None:
    path = tmp_path / "given"
    path.write_bytes(content)
    with pytest.raises(DatasetInvalid) as problem:
        added(BY_TITLE[title], path, lab)
    says(problem, found)
    assert not [one for one in lab.datasets() if one.name == title]


def test_a_file_read_without_its_label_is_not_held_to_the_classes(lab: Lab, tmp_path: Path) -> None:
    task, path = BY_TITLE["GLUE CoLA"], tmp_path / "plain.parquet"
    path.write_bytes(LAID_OUT["GLUE SST-2"][1])
    reading = task.reading(lab.guess_file(path, "plain"), "plain").replace(labels=(), label_names=())
    assert lab.try_file(path, reading, "plain", task=task).sentence_labels == ()
