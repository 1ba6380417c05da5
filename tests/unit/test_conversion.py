"""Older checkpoints with pickled weights: one explicit conversion, tensors only, in a process of its own."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core.analyses.embed import Embed
from core.errors import CheckpointDamaged, CheckpointNotFound, StoreUnusable
from core.lab import Lab
from core.models.conversion import convert, needs_conversion
from core.refs import Folder, Sample, Suite
from tests.faults import says, small_disk, tiny
from tests.unit.test_store import Bomb

SAMPLE = Sample(of=Suite(), n=5)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A checkpoint as they were saved years ago; its safetensors twin lies beside it."""
    folder = tmp_path / "old"
    tiny("bert", folder)
    shutil.copytree(folder, tmp_path / "twin")
    (folder / "model.safetensors").unlink()
    torch.save(weights(folder), folder / "pytorch_model.bin")
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder.parent / "twin" / "model.safetensors")


def vectors(lab: Lab, ref: Any) -> list[np.ndarray]:
    embedded = lab.run(Embed(checkpoint=ref, sample=SAMPLE, unit="word", pooling="first"))
    return [np.asarray(layer) for layer in embedded.layers]


def added(lab: Lab, short: str) -> Folder:
    return next(named.ref for named in lab.checkpoints() if named.id == short)


def test_a_converted_checkpoint_is_the_one_that_was_pickled(lab: Lab, old: Path) -> None:
    assert lab.needs_conversion(str(old))
    with pytest.raises(CheckpointNotFound) as problem:
        lab.add_checkpoint(str(old))
    says(problem, "pytorch_model.bin", "convert")
    before = sorted(path.name for path in old.iterdir())
    ref = added(lab, lab.convert_checkpoint(str(old)))
    assert sorted(path.name for path in old.iterdir()) == before
    beside = {name for name in before if name != "pytorch_model.bin"}
    assert {path.name for path in Path(ref.path).iterdir()} == beside | {"model.safetensors"}
    for ours, theirs in zip(vectors(lab, ref), vectors(lab, Folder.at(old.parent / "twin")), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert Path(ref.path).parent == lab.store.root / "converted"
    assert Path(ref.path).parent.stat().st_mode & 0o777 == 0o700
    assert lab.convert_checkpoint(str(old)) == next(n.id for n in lab.checkpoints() if n.ref == ref)
    assert len(list((lab.store.root / "converted").iterdir())) == 1
    assert not lab.needs_conversion(ref.path)


def test_a_forgotten_conversion_leaves_nothing_and_its_start_alone(lab: Lab, old: Path) -> None:
    short = lab.convert_checkpoint(str(old))
    lab.remove_checkpoint(short)
    assert short not in [named.id for named in lab.checkpoints()]
    assert not list((lab.store.root / "converted").iterdir())
    assert (old / "pytorch_model.bin").is_file()
    twin = lab.add_checkpoint(str(old.parent / "twin"))
    lab.remove_checkpoint(twin)
    assert (old.parent / "twin" / "model.safetensors").is_file()


@pytest.mark.parametrize("form", ["legacy", "parts", "old names", "tied"])
def test_every_form_of_the_time_gives_the_same_weights(old: Path, tmp_path: Path, form: str) -> None:
    held, file = weights(old), old / "pytorch_model.bin"
    expected = dict(held)
    if form == "legacy":
        torch.save(held, file, _use_new_zipfile_serialization=False)
    elif form == "old names":
        new = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        expected = {_swapped(name, new): tensor for name, tensor in held.items()}  # transformers knows both
        torch.save(expected, file)
    elif form == "tied":
        held["cls.decoder.weight"] = held["embeddings.word_embeddings.weight"]
        expected = dict(held)
        torch.save(held, file)
    else:
        file.unlink()
        names = sorted(held)
        halves = {"pytorch_model-00001-of-00002.bin": names[::2], "pytorch_model-00002-of-00002.bin": names[1::2]}
        for part, chosen in halves.items():
            torch.save({name: held[name] for name in chosen}, old / part)
        index = {"weight_map": {name: part for part, chosen in halves.items() for name in chosen}}
        (old / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    got = load_file(convert(old, tmp_path / "into") / "model.safetensors")
    assert got.keys() == expected.keys()
    assert all(torch.equal(got[name], expected[name]) for name in got)


def _swapped(name: str, new: dict[str, str]) -> str:
    for today, then in new.items():
        name = name.replace(today, then)
    return name


# --- what is odd


def saved(make: Callable[[Path], Any]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        torch.save(make(folder), folder / "pytorch_model.bin")

    return spoil


def indexed(**index: Any) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / "pytorch_model.bin").rename(folder.parent / "outside.bin")
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))

    return spoil


def cut(folder: Path) -> None:
    file = folder / "pytorch_model.bin"
    file.write_bytes(file.read_bytes()[:5000])


def scripted(folder: Path) -> None:
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(folder / "pytorch_model.bin"))


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (saved(lambda f: {"a": Bomb(f.parent / "ran")}), CheckpointDamaged, ["asks to run code", "safetensors"]),
        (saved(lambda f: weights(f) | {"note": "text"}), CheckpointDamaged, ["'note'", "no tensor"]),
        (saved(lambda f: {"model": weights(f)}), CheckpointDamaged, ["'model'", "no tensor"]),
        (saved(lambda f: list(weights(f).values())), CheckpointDamaged, ["no table of weights"]),
        (saved(lambda f: {}), CheckpointDamaged, ["no table of weights"]),
        (
            saved(lambda f: {"a": torch.ones(1).expand(10_000, 10_000)}),
            CheckpointDamaged,
            ["unfold to 0.4 GB"],
        ),
        (
            lambda f: (f / "config.json").write_text('{"model_type": "bert"}'),
            CheckpointNotFound,
            ["names no layers"],
        ),
        (cut, CheckpointDamaged, ["cannot be read", "again"]),
        (lambda f: (f / "pytorch_model.bin").write_bytes(b"\x80\x02junk"), CheckpointDamaged, ["pytorch_model.bin"]),
        (lambda f: (f / "pytorch_model.bin").write_bytes(b""), CheckpointDamaged, ["cannot be read"]),
        (scripted, CheckpointDamaged, ["pytorch_model.bin"]),
        (indexed(weight_map={"a": "../outside.bin"}), CheckpointDamaged, ["no weight file beside it"]),
        (indexed(weight_map={"a": "config.json"}), CheckpointDamaged, ["no weight file beside it"]),
        (indexed(weight_map={"a": 3}), CheckpointDamaged, ["cannot be used"]),
        (indexed(weight_map={}), CheckpointDamaged, ["cannot be used"]),
        (indexed(), CheckpointDamaged, ["cannot be used"]),
        (indexed(weight_map={"a": "gone.bin"}), CheckpointNotFound, ["gone.bin is missing"]),
        (lambda f: (f / "config.json").unlink(), CheckpointNotFound, ["no pickled weights"]),
    ],
)
def test_what_holds_more_than_tensors_is_refused_and_nothing_is_left(
    lab: Lab, old: Path, spoil: Callable[[Path], object], error: type[Exception], words: list[str]
) -> None:
    spoil(old)
    with pytest.raises(error) as problem:
        lab.convert_checkpoint(str(old))
    says(problem, *words)
    assert not (old.parent / "ran").exists()
    assert not lab.book.entries()
    assert not list((lab.store.root / "converted").glob("*"))


def test_a_folder_with_safetensors_needs_none(old: Path) -> None:
    assert needs_conversion(old)
    assert not needs_conversion(old.parent / "twin")
    assert not needs_conversion(old.parent / "nowhere")


@pytest.fixture(name="small_disk")
def a_small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 600 KB."""
    with small_disk(tmp_path / "small", "600k") as place:
        yield place


def test_a_full_disk_is_a_message_and_leaves_nothing(old: Path, small_disk: Path) -> None:
    with pytest.raises(StoreUnusable) as problem:
        convert(old, small_disk / "converted")
    says(problem, "Free some space")
    assert not list((small_disk / "converted").iterdir())
