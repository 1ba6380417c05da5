"""Input that is wrong or odd, through the whole Lab: a message or every word in its place, and nothing half-done.

The readers, checkpoints and the store have their own tests of faults beside this file.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from core.analyses.embed import Embed
from core.analyses.fine_tune import FineTune
from core.analyses.probe import Probe
from core.errors import (
    CheckpointNotFound,
    NotEnoughData,
    SpecInvalid,
)
from core.lab import Lab
from core.models.checkpoints import locate
from core.refs import ConlluFile, Folder, Packaged, Sample, Suite, TableFile
from core.settings import Settings
from core.store.artifacts import Store
from tests.faults import python, says, small_disk, tiny
from tests.small import TUNE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the packaged checkpoint."""
    copy = tmp_path / "checkpoint"
    shutil.copytree(locate(Packaged()), copy)
    return copy


def test_code_in_a_checkpoint_never_runs(folder: Path, lab: Lab, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (folder / "modeling_evil.py").write_text(f"open({str(marker)!r}, 'w')\nclass Evil: pass\n")
    config = json.loads((folder / "config.json").read_text())
    remote = {"AutoModel": "modeling_evil.Evil", "AutoConfig": "modeling_evil.Evil"}
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": remote, "model_type": "evil"}))
    with pytest.raises(CheckpointNotFound):
        lab.run(Embed(checkpoint=Folder.at(folder), sample=Sample(of=Suite(), n=10)))
    assert not marker.exists()


def table(tmp_path: Path, labels: list[str]) -> TableFile:
    """A file of twenty sentences with these labels in turn."""
    file = tmp_path / "some.tsv"
    file.write_text("".join(f"sentence number {i} here\t{labels[i % len(labels)]}\n" for i in range(20)))
    return TableFile.at(file, labels=("2",))


def test_one_class_only_cannot_be_tuned_or_probed(tmp_path: Path, lab: Lab) -> None:
    sample = Sample(of=table(tmp_path, ["good"]))
    with pytest.raises(NotEnoughData) as problem:
        lab.run(FineTune(checkpoint=Packaged(), train=sample, dev=sample, label="label", epochs=1))
    says(problem, "'label'", "'good'", "two or more")
    embed = Embed(checkpoint=Packaged(), sample=sample, unit="sentence", pooling="mean")
    with pytest.raises(NotEnoughData) as problem:
        lab.run(Probe(embed=embed, label="label"))
    says(problem, "“good”")


def test_a_label_that_is_not_there_names_those_that_are(tmp_path: Path, lab: Lab) -> None:
    sample = Sample(of=table(tmp_path, ["good", "bad"]))
    with pytest.raises(SpecInvalid) as problem:
        lab.run(FineTune(checkpoint=Packaged(), train=sample, dev=sample, label="topic", epochs=1))
    says(problem, "'topic'", "label")


def test_an_over_long_sentence_is_cut_and_counted(tmp_path: Path, lab: Lab) -> None:
    file = tmp_path / "long.tsv"
    file.write_text("word " * 10_000 + "\nshort one\n")
    result = lab.run(Embed(checkpoint=Packaged(), sample=Sample(of=TableFile.at(file)), max_pieces=64))
    assert result.n_cut_sentences == 1
    assert result.n_lost_words == 10_000 - 62
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
    file = tmp_path / "zero.conllu"
    forms = ("before", "\u200b", "after")
    file.write_text("".join(f"{i}\t{form}\t_\tX\t_\t_\t0\troot\t_\t_\n" for i, form in enumerate(forms, 1)))
    result = lab.run(Embed(checkpoint=Packaged(), sample=Sample(of=ConlluFile.at(file))))
    assert result.word.tolist() == [0, 2]
    assert result.n_lost_words == 1


def test_what_nobody_can_see_is_no_word_of_running_text(tmp_path: Path, lab: Lab) -> None:
    file = tmp_path / "unseen.tsv"
    file.write_text("before \u200b af\u00adter \ufeff\n")
    result = lab.run(Embed(checkpoint=Packaged(), sample=Sample(of=TableFile.at(file))))
    assert result.word.tolist() == [0, 1]
    assert result.n_lost_words == 0


def test_a_damaged_result_below_another_is_made_again_too(lab: Lab) -> None:
    embed = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(), n=12))
    probe = Probe(embed=embed, label="upos", n_seeds=2)
    lab.run(embed)
    (lab.store.folder(embed) / "word.npy").unlink()
    fresh = Lab(Store(lab.store.settings), engine="none")
    assert fresh.run(probe).n_sentences == 12


NO_ROOM = """
import sys
from pathlib import Path
from core.errors import StoreUnusable
from core.lab import Lab
from core.refs import Folder
from core.settings import Settings
from core.store.artifacts import Store
from tests.small import TUNE
import core.models.tuning as tuning
tuning._STATE_SECONDS = float(sys.argv[3])
lab = Lab(Store(Settings(cache=Path(sys.argv[1]), device="cpu")), engine="none")
try:
    lab.run(TUNE.replace(checkpoint=Folder.at(sys.argv[2]), snapshots=tuple(map(int, sys.argv[4:]))))
except StoreUnusable as problem:
    print(problem)
"""


@pytest.mark.parametrize(
    ("size", "state_seconds", "snapshots"),
    [("300k", "0", ()), ("3500k", "0", ()), ("100k", "1000", ()), ("100k", "1000", (1, 2, 3))],
    ids=["state", "later state", "weights", "snapshot"],
)
def test_a_disk_that_fills_while_tuning_is_a_message_and_nothing_half_written_is_shown(
    tmp_path: Path, size: str, state_seconds: str, snapshots: tuple[int, ...]
) -> None:
    start = tmp_path / "tiny"
    tiny("bert", start)
    with small_disk(tmp_path / "small", size) as place:
        done = python("-c", NO_ROOM, str(place), str(start), state_seconds, *map(str, snapshots))
        assert done.returncode == 0, done.stderr
        assert "Free space" in done.stdout
        lab = Lab(Store(Settings(cache=place, device="cpu")), engine="none")
        assert lab.store.listing() == {}
        assert lab.peek(TUNE.replace(checkpoint=Folder.at(start), snapshots=snapshots)) is None
