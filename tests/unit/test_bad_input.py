"""What people give by mistake: each a message that says what was asked, what was found and what to do; nothing half-done."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from core.analyses.embed import Embed
from core.analyses.fine_tune import FineTune
from core.analyses.probe import Probe
from core.data.load import load_sample
from core.errors import (
    ArtifactDamaged,
    CheckpointDamaged,
    CheckpointNotFound,
    DatasetInvalid,
    DatasetNotFound,
    NotEnoughData,
    SpecInvalid,
    StoreUnusable,
    TunescopeError,
)
from core.lab import Lab
from core.models.checkpoints import check_weights, facts, locate
from core.refs import PACKAGED_SHA256, ConlluFile, Folder, Packaged, Sample, Suite, TableFile
from core.settings import Settings
from core.store.artifacts import Store


def says(problem: pytest.ExceptionInfo, *words: str) -> None:
    """The three parts of a message are there, and so are these words."""
    error = problem.value
    assert isinstance(error, TunescopeError)
    assert error.asked
    assert error.found
    assert error.do
    for word in words:
        assert word in str(error)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the packaged checkpoint."""
    copy = tmp_path / "checkpoint"
    shutil.copytree(locate(Packaged()), copy)
    return copy


def test_an_unknown_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFound) as problem:
        Folder.at(tmp_path / "nowhere")
    says(problem, str(tmp_path / "nowhere"), "no such folder", "Check the path")


def test_a_folder_without_weights_names_what_it_holds(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"pickled")
    with pytest.raises(CheckpointNotFound) as problem:
        Folder.at(folder)
    says(problem, "pytorch_model.bin", "safe_serialization=True")


def test_a_folder_without_a_configuration_is_refused(folder: Path) -> None:
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointNotFound) as problem:
        Folder.at(folder)
    says(problem, "config.json")


@pytest.mark.parametrize("keep", [4, 2000, 1_000_000])
def test_truncated_weights_are_refused_before_they_are_loaded(folder: Path, lab: Lab, keep: int) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(CheckpointDamaged) as problem:
        lab.add_checkpoint(str(folder))
    says(problem, "model.safetensors", f"{keep:,}" if keep == 1_000_000 else str(keep))
    spec = Embed(checkpoint=Folder.at(folder), sample=Sample(of=Suite(), n=10))
    with pytest.raises(CheckpointDamaged):
        lab.run(spec)
    assert lab.peek(spec) is None
    assert not lab.checkpoints()[1:]


def test_weights_of_another_hash_are_refused(folder: Path) -> None:
    file = folder / "model.safetensors"
    check_weights(file, PACKAGED_SHA256, "Opening it.", "Install it again.")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(CheckpointDamaged) as problem:
        check_weights(file, PACKAGED_SHA256, "Opening it.", "Install it again.")
    says(problem, PACKAGED_SHA256[:12], "Install it again")


def test_a_folder_that_changed_since_it_was_added_is_refused(folder: Path, lab: Lab) -> None:
    ref = Folder.at(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_dropout_prob": 0.2}))
    with pytest.raises(CheckpointDamaged) as problem:
        lab.run(Embed(checkpoint=ref, sample=Sample(of=Suite(), n=10)))
    says(problem, "changed", "Add the folder again")


def test_code_in_a_checkpoint_never_runs(folder: Path, lab: Lab, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (folder / "modeling_evil.py").write_text(f"open({str(marker)!r}, 'w')\nclass Evil: pass\n")
    config = json.loads((folder / "config.json").read_text())
    remote = {"AutoModel": "modeling_evil.Evil", "AutoConfig": "modeling_evil.Evil"}
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": remote, "model_type": "evil"}))
    with pytest.raises(CheckpointNotFound):
        lab.run(Embed(checkpoint=Folder.at(folder), sample=Sample(of=Suite(), n=10)))
    assert not marker.exists()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFound) as problem:
        ConlluFile.at(tmp_path / "no.conllu")
    says(problem, "no.conllu", "Check the path")


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_an_empty_conllu_file_is_refused(tmp_path: Path, lab: Lab, text: str) -> None:
    file = tmp_path / "empty.conllu"
    file.write_text(text)
    with pytest.raises(DatasetInvalid) as problem:
        lab.add_dataset(ConlluFile.at(file))
    says(problem, "empty.conllu", "no sentence")
    assert len(lab.datasets()) == 3


def test_an_empty_table_is_refused(tmp_path: Path, lab: Lab) -> None:
    file = tmp_path / "empty.tsv"
    file.write_text("sentence\tlabel\n")
    with pytest.raises(DatasetInvalid) as problem:
        lab.add_dataset(TableFile.at(file, text=0, label=1, header=True))
    says(problem, "no sentence")


def test_a_missing_column_is_named_with_its_line(tmp_path: Path, lab: Lab) -> None:
    file = tmp_path / "short.tsv"
    file.write_text("fine\t1\nshort line\n")
    with pytest.raises(DatasetInvalid) as problem:
        lab.add_dataset(TableFile.at(file, text=0, label=1))
    says(problem, "line 2 has 1 columns", "column 2")


@pytest.mark.parametrize("name", ["bad.conllu", "bad.tsv"])
def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path, lab: Lab, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"caf\xe9\t1\n")
    ref = ConlluFile.at(file) if name.endswith("conllu") else TableFile.at(file, text=0, label=1)
    with pytest.raises(DatasetInvalid) as problem:
        lab.add_dataset(ref)
    says(problem, "UTF-8")


def test_a_file_that_changed_since_it_was_added_is_refused(tmp_path: Path, lab: Lab) -> None:
    file = tmp_path / "changing.tsv"
    file.write_text("one\t1\ntwo\t0\n")
    ref = TableFile.at(file, text=0, label=1)
    file.write_text("other words\t1\nthan before\t0\n")
    with pytest.raises(DatasetInvalid) as problem:
        load_sample(Sample(of=ref))
    says(problem, "changed since it was added")
    file.unlink()
    with pytest.raises(DatasetNotFound) as problem:
        load_sample(Sample(of=ref))
    says(problem, "no longer there")


def table(tmp_path: Path, labels: list[str]) -> TableFile:
    """A file of twenty sentences with these labels in turn."""
    file = tmp_path / "some.tsv"
    file.write_text("".join(f"sentence number {i} here\t{labels[i % len(labels)]}\n" for i in range(20)))
    return TableFile.at(file, text=0, label=1)


def test_one_class_only_cannot_be_tuned_or_probed(tmp_path: Path, lab: Lab) -> None:
    sample = Sample(of=table(tmp_path, ["good"]))
    with pytest.raises(NotEnoughData) as problem:
        lab.run(FineTune(checkpoint=Packaged(), train=sample, dev=sample, label="label", epochs=1))
    says(problem, "'label'", "'good'", "two or more")
    embed = Embed(checkpoint=Packaged(), sample=sample, unit="sentence", pooling="mean")
    with pytest.raises(NotEnoughData) as problem:
        lab.run(Probe(embed=embed, label="label"))
    says(problem, "'good'")


def test_a_label_that_is_not_there_names_those_that_are(tmp_path: Path, lab: Lab) -> None:
    sample = Sample(of=table(tmp_path, ["good", "bad"]))
    with pytest.raises(SpecInvalid) as problem:
        lab.run(FineTune(checkpoint=Packaged(), train=sample, dev=sample, label="topic", epochs=1))
    says(problem, "'topic'", "label")


def test_more_sentences_than_there_are_cannot_be_drawn() -> None:
    with pytest.raises(NotEnoughData) as problem:
        load_sample(Sample(of=Suite(), n=100_000))
    says(problem, "100000", "1000")


def test_an_over_long_sentence_is_cut_and_counted(tmp_path: Path, lab: Lab) -> None:
    file = tmp_path / "long.tsv"
    file.write_text("word " * 3000 + "\nshort one\n")
    result = lab.run(Embed(checkpoint=Packaged(), sample=Sample(of=TableFile.at(file)), max_pieces=64))
    assert result.n_cut_sentences == 1
    assert result.n_lost_words == 3000 - 62
    assert np.bincount(result.sentence).tolist() == [62, 2]
    # Beyond the checkpoint's own 512 positions it is cut as well, whatever was asked.
    result = lab.run(Embed(checkpoint=Packaged(), sample=Sample(of=TableFile.at(file)), max_pieces=4000))
    assert np.bincount(result.sentence).tolist() == [510, 2]


def test_emoji_and_right_to_left_text_keep_their_words(tmp_path: Path, lab: Lab) -> None:
    file = tmp_path / "world.tsv"
    lines = ["I 💜 it 👩‍👩‍👧 !", "שלום עולם", "مرحبا بالعالم", "naïve cafe\u0301", "你好 世界"]
    file.write_text("\n".join(lines))
    ref = TableFile.at(file)
    result = lab.run(Embed(checkpoint=Packaged(), sample=Sample(of=ref)))
    assert result.n_lost_words == 0
    assert np.bincount(result.sentence).tolist() == [len(line.split()) for line in lines]
    assert all(np.isfinite(layer).all() for layer in result.layers)


def test_a_word_that_the_tokenizer_drops_loses_its_row_alone(tmp_path: Path, lab: Lab) -> None:
    file = tmp_path / "zero.tsv"
    file.write_text("before \u200b after\n")
    result = lab.run(Embed(checkpoint=Packaged(), sample=Sample(of=TableFile.at(file))))
    assert result.word.tolist() == [0, 2]
    assert result.n_lost_words == 1


def test_a_damaged_artifact_is_named_and_made_again(lab: Lab) -> None:
    spec = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(), n=10))
    whole = [np.array(layer) for layer in lab.run(spec).layers]
    file = lab.store.folder(spec) / "layers.03.npy"
    data = bytearray(file.read_bytes())
    data[-1] ^= 0x40
    file.write_bytes(bytes(data))
    fresh = Lab(Store(lab.store.settings), engine="none")
    with pytest.raises(ArtifactDamaged) as problem:
        fresh.peek(spec)
    says(problem, "layers.03.npy", "Compute it again")
    for before, after in zip(whole, fresh.run(spec).layers, strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_damaged_result_below_another_is_made_again_too(lab: Lab) -> None:
    embed = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(), n=12))
    probe = Probe(embed=embed, label="upos", n_seeds=2)
    lab.run(embed)
    (lab.store.folder(embed) / "word.npy").unlink()
    fresh = Lab(Store(lab.store.settings), engine="none")
    assert fresh.run(probe).n_sentences == 12


def test_a_cache_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    with pytest.raises(StoreUnusable) as problem:
        Store(Settings(cache=blocked))
    says(problem, str(blocked), "TUNESCOPE_CACHE")


def test_a_full_disk_is_a_message_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    import subprocess
    import sys

    script = """
import resource, signal, sys
from pathlib import Path
from core.errors import StoreUnusable
from core.analyses.embed import Embed
from core.lab import Lab
from core.refs import Packaged, Sample, Suite
from core.settings import Settings
from core.store.artifacts import Store
lab = Lab(Store(Settings(cache=Path(sys.argv[1]), device="cpu")), engine="none")
spec = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(), n=200))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    lab.run(spec)
except StoreUnusable as problem:
    print(problem)
    print(lab.peek(spec))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "cache")], capture_output=True, text=True, check=True
    )
    message, peeked = done.stdout.strip().splitlines()
    assert "Free space" in message
    assert peeked == "None"


def test_facts_need_no_weights_in_memory() -> None:
    known = facts(locate(Packaged()))
    assert (known.family, known.n_layers, known.width) == ("bert", 6, 384)
