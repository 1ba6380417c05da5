"""LoRA adapters against peft's own merge, and adapters that are not what they say."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

from core.analyses.embed import Embed
from core.analyses.weight_change import WeightChange
from core.errors import CheckpointDamaged, CheckpointNotFound, IncompatibleRefs, SpecInvalid
from core.keys import key_of
from core.lab import Lab
from core.models.sources import Source
from core.refs import Folder, Sample, Suite
from tests.faults import loaded, says, tiny
from tests.golden.test_families import CONFIGS, made

SAMPLE = Sample(of=Suite(), n=6)
HEADS = {
    "bert": (hf.AutoModelForSequenceClassification, "SEQ_CLS", ["query", "dense"]),
    "gpt2": (hf.AutoModelForCausalLM, "CAUSAL_LM", ["c_attn", "c_fc"]),
    "llama": (hf.AutoModelForCausalLM, "CAUSAL_LM", ["q_proj", "down_proj"]),
    "bare bert": (hf.AutoModel, "FEATURE_EXTRACTION", ["value"]),
}


def trained(base: Path, into: Path, kind: str = "bert", **settings: Any) -> hf.PreTrainedModel:
    """An adapter as peft saves it, its factors random; returns the backbone that peft merges it into."""
    auto, task, targets = HEADS[kind]
    torch.manual_seed(1)
    model = auto.from_pretrained(base)
    config = peft.LoraConfig(**({"task_type": task, "target_modules": targets, "r": 4, "lora_alpha": 6} | settings))
    wrapped = peft.get_peft_model(model, config)
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_" in name or parameter.requires_grad:
                parameter.normal_(0, 0.2)
    wrapped.save_pretrained(into)
    return wrapped.merge_and_unload().base_model.eval()


def ours(lab: Lab, adapter: Path, base: Folder) -> tuple[Any, hf.PreTrainedModel]:
    """The ref of an added adapter, and the backbone it makes."""
    short = lab.add_checkpoint(str(adapter), base=base)
    ref = next(named.ref for named in lab.checkpoints() if named.id == short)
    return ref, loaded(Source(folder=Path(base.path), changes=Path(ref.path)))


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"use_rslora": True},
        {"bias": "all"},
        {"rank_pattern": {"layer.0.attention.self.query": 2, "h.0.attn.c_attn": 2, "q_proj": 3}},
        {"alpha_pattern": {"query": 3, "h.1.attn.c_attn": 17, "q_proj": 2.5}},
        {
            "alpha_pattern": {
                "bert.encoder.layer.0.attention.self.query": 30,
                "transformer.h.0.attn.c_attn": 30,
                "model.layers.0.self_attn.q_proj": 30,
                "encoder.layer.1.attention.self.value": 30,
            }
        },
    ],
    ids=["plain", "rslora", "bias", "ranks", "alphas", "alphas by whole names"],
)
def test_an_adapter_makes_the_weights_that_peft_makes(
    lab: Lab, tmp_path: Path, kind: str, settings: dict[str, Any]
) -> None:
    made(kind.split()[-1], tmp_path / "base")
    wanted = trained(tmp_path / "base", tmp_path / "adapter", kind, **settings)
    start = hf.AutoModel.from_pretrained(tmp_path / "base")
    _, got = ours(lab, tmp_path / "adapter", Folder.at(tmp_path / "base"))
    before, after = dict(start.named_parameters()), dict(wanted.named_parameters())
    moved = 0
    for name, parameter in got.named_parameters():
        if "pooler" in name:  # counts with the head: nothing here reads it
            continue
        torch.testing.assert_close(parameter, after[name], atol=1e-6, rtol=1e-5)
        moved += not torch.equal(parameter, before[name])
    assert moved >= 3


@pytest.mark.parametrize(("kind", "square"), [("bert", "query"), ("gpt2", "attn.c_proj")])
@pytest.mark.parametrize("flag", [True, False])
def test_which_way_a_matrix_lies_is_taken_from_the_base_and_not_from_the_file(
    lab: Lab, tmp_path: Path, kind: str, square: str, flag: bool
) -> None:
    made(kind, tmp_path / "base")
    wanted = dict(trained(tmp_path / "base", tmp_path / "adapter", kind, target_modules=[square]).named_parameters())
    reconfigured(fan_in_fan_out=flag)(tmp_path / "adapter")
    _, got = ours(lab, tmp_path / "adapter", Folder.at(tmp_path / "base"))
    for name, parameter in got.named_parameters():
        if "pooler" not in name:
            torch.testing.assert_close(parameter, wanted[name], atol=1e-6, rtol=1e-5)


def test_of_an_adapter_over_a_whole_t5_the_encoder_is_read(lab: Lab, tmp_path: Path) -> None:
    made("t5", tmp_path / "base")
    torch.manual_seed(0)
    hf.T5ForConditionalGeneration(CONFIGS["t5"]()).save_pretrained(tmp_path / "base")
    HEADS["t5"] = (hf.AutoModelForSeq2SeqLM, "SEQ_2_SEQ_LM", ["q", "v"])
    wanted = dict(trained(tmp_path / "base", tmp_path / "adapter", "t5").named_parameters())
    _, got = ours(lab, tmp_path / "adapter", Folder.at(tmp_path / "base"))
    for name, parameter in got.named_parameters():
        torch.testing.assert_close(parameter, wanted[name], atol=1e-6, rtol=1e-5)


def test_an_adapter_is_a_checkpoint_like_any_other(lab: Lab, tmp_path: Path) -> None:
    made("bert", tmp_path / "base")
    trained(tmp_path / "base", tmp_path / "adapter")
    base = Folder.at(tmp_path / "base")
    ref, _ = ours(lab, tmp_path / "adapter", base)
    sides = [lab.run(Embed(checkpoint=side, sample=SAMPLE, unit="word", pooling="first")) for side in (base, ref)]
    differences = [
        float(np.abs(a.astype(np.float32) - b.astype(np.float32)).max())
        for a, b in zip(sides[0].layers, sides[1].layers, strict=True)
    ]
    assert differences[0] == 0.0  # no embedding was tuned
    assert min(differences[1:]) > 0.01
    layers = lab.run(WeightChange(base=base, tuned=ref)).layers
    assert layers[0] == 0.0
    assert (layers[1:] > 0.05).all()
    again, _ = ours(lab, tmp_path / "adapter", base)
    assert again == ref
    assert again.digest == ref.digest
    # The adapter's own folder may go; what was read of it is kept, owner-only, and checked before use.
    kept = Path(ref.path)
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.write_bytes(kept.read_bytes()[:-4] + b"\x00\x00\x00\x01")
    with pytest.raises(CheckpointDamaged) as problem:
        lab.run(Embed(checkpoint=ref, sample=SAMPLE.replace(n=5), unit="word", pooling="first"))
    says(problem, "has changed", "Add the adapter again")
    kept.unlink()
    with pytest.raises(CheckpointNotFound) as problem:
        lab.run(Embed(checkpoint=ref, sample=SAMPLE.replace(n=5), unit="word", pooling="first"))
    says(problem, "no longer in the cache folder", "Add the adapter again")


# --- what is odd


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Folder, Path]:
    """A base and an adapter over it, to be spoilt."""
    made("bert", tmp_path / "base")
    trained(tmp_path / "base", tmp_path / "adapter")
    return Folder.at(tmp_path / "base"), tmp_path / "adapter"


def reconfigured(**changes: Any) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        file = folder / "adapter_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return spoil


def reweighted(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        file = folder / "adapter_model.safetensors"
        tensors = load_file(file)
        change(tensors)
        save_file(tensors, file)

    return spoil


def written(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content)


def pickled(folder: Path) -> None:
    torch.save(load_file(folder / "adapter_model.safetensors"), folder / "adapter_model.bin")
    (folder / "adapter_model.safetensors").unlink()


def cut(folder: Path) -> None:
    file = folder / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


QUERY = "base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight"


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (reconfigured(peft_type="PREFIX_TUNING"), CheckpointNotFound, ["PREFIX_TUNING", "Only LoRA"]),
        (reconfigured(use_dora=True), CheckpointNotFound, ["use_dora", "Merge it"]),
        (reconfigured(layer_replication=[[0, 2]]), CheckpointNotFound, ["layer_replication", "Merge it"]),
        (reconfigured(lora_alpha="16"), CheckpointDamaged, ["lora_alpha is not a number"]),
        (reconfigured(lora_alpha=float("nan")), CheckpointDamaged, ["lora_alpha is not a number"]),
        (reconfigured(alpha_pattern=[1]), CheckpointDamaged, ["lora_alpha is not a number"]),
        (reconfigured(alpha_pattern={"(a+)+$": 1}), CheckpointNotFound, ["alpha_pattern", "(a+)+$", "plainly"]),
        (reconfigured(lora_alpha=10**400), CheckpointDamaged, ["lora_alpha is not a number"]),
        (reconfigured(init_lora_weights="pissa"), CheckpointNotFound, ["pissa", "not read"]),
        (reconfigured(lora_bias=True), CheckpointNotFound, ["lora_bias"]),
        (reconfigured(arrow_config={"top_k": 1}), CheckpointNotFound, ["arrow_config"]),
        (reconfigured(of_2027=1), CheckpointNotFound, ["of_2027", "not read"]),
        (
            reweighted(lambda t: t.update({QUERY: torch.ones(4, 30)})),
            IncompatibleRefs,
            ["32 × 30", "32 × 32", "Choose the base"],
        ),
        (
            reweighted(lambda t: t.update({QUERY.replace("lora_A.weight", "lora_B.bias"): torch.ones(32)})),
            CheckpointNotFound,
            ["a form that is not read", "Merge it"],
        ),
        (
            reweighted(lambda t: t.update({QUERY.replace(".lora_A", ""): torch.ones(32, 32)})),
            CheckpointDamaged,
            ["query.weight twice"],
        ),
        (
            reweighted(lambda t: t.update({QUERY.replace("lora_A", "lora_A.default"): torch.ones(4, 32)})),
            CheckpointDamaged,
            ["query.weight twice"],
        ),
        (written("adapter_config.json", b"[" * 100_000), CheckpointDamaged, ["cannot be read"]),
        (written("adapter_config.json", b"[1]"), CheckpointDamaged, ["no JSON object"]),
        (written("adapter_config.json", b"\xff\xfe\x00"), CheckpointDamaged, ["cannot be read"]),
        (written("adapter_config.json", b" " * 2_000_000), CheckpointDamaged, ["2,000,000 bytes"]),
        (written("adapter_model.safetensors", b"not this"), CheckpointDamaged, ["file ends"]),
        (cut, CheckpointDamaged, ["its header speaks of"]),
        (pickled, CheckpointNotFound, ["adapter_model.bin", "save it with safe_serialization"]),
        (reweighted(lambda t: t.pop(QUERY)), CheckpointDamaged, ["two factors", "query"]),
        (reweighted(lambda t: t.update({QUERY: t[QUERY][:2]})), CheckpointDamaged, ["two factors", "query"]),
        (reweighted(lambda t: t[QUERY].fill_(torch.nan)), CheckpointDamaged, ["no numbers"]),
        (reweighted(lambda t: t.update({"base_model.model.bert.extra": torch.ones(3)})), IncompatibleRefs, ["extra"]),
        (
            reweighted(lambda t: t.update({QUERY.replace("query.lora_A.weight", "query.bias"): torch.ones(3)})),
            IncompatibleRefs,
            ["query.bias", "another shape"],
        ),
        (reweighted(lambda t: [t.pop(n) for n in list(t) if "lora" in n]), CheckpointNotFound, ["changes nothing"]),
    ],
)
def test_an_adapter_that_is_odd_is_refused_and_not_remembered(
    lab: Lab, pair: tuple[Folder, Path], spoil: Callable[[Path], object], error: type[Exception], words: list[str]
) -> None:
    base, adapter = pair
    spoil(adapter)
    with pytest.raises(error) as problem:
        lab.add_checkpoint(str(adapter), base=base)
    says(problem, *words)
    assert not lab.book.entries()
    assert not (lab.store.root / "adapters").exists()


def test_code_and_places_named_by_an_adapter_are_not_looked_at(
    lab: Lab, pair: tuple[Folder, Path], tmp_path: Path
) -> None:
    base, adapter = pair
    (adapter / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    auto = {"base_model_class": "Evil", "parent_library": "evil"}
    plain, _ = ours(lab, adapter, base)
    reconfigured(auto_mapping=auto, base_model_name_or_path="../../etc", megatron_core="evil", revision="x")(adapter)
    ref, _ = ours(lab, adapter, base)
    assert ref == plain
    assert not (tmp_path / "ran").exists()


def test_an_adapter_of_another_base_or_of_none_is_refused(lab: Lab, pair: tuple[Folder, Path], tmp_path: Path) -> None:
    _, adapter = pair
    tiny("gpt2", tmp_path / "other")
    with pytest.raises(IncompatibleRefs) as problem:
        lab.add_checkpoint(str(adapter), base=Folder.at(tmp_path / "other"))
    says(problem, "which the base does not have", "the base it was trained on")
    with pytest.raises(SpecInvalid) as missing:
        lab.add_checkpoint(str(adapter))
    says(missing, "No base is given")


def test_a_folder_that_is_a_model_and_an_adapter_is_refused(lab: Lab, pair: tuple[Folder, Path]) -> None:
    base, adapter = pair
    for file in adapter.iterdir():
        shutil.copy(file, Path(base.path) / file.name)
    with pytest.raises(CheckpointNotFound) as problem:
        lab.add_checkpoint(base.path)
    says(problem, "a model and an adapter", "a folder of their own")
    with pytest.raises(CheckpointNotFound):
        loaded(Source(folder=Path(base.path)))


def test_forgetting_an_adapter_keeps_the_file_of_another(lab: Lab, pair: tuple[Folder, Path], tmp_path: Path) -> None:
    base, adapter = pair
    shutil.copytree(base.path, tmp_path / "other")
    weights = load_file(tmp_path / "other" / "model.safetensors")
    weights["embeddings.LayerNorm.bias"] += 1
    save_file(weights, tmp_path / "other" / "model.safetensors", metadata={"format": "pt"})
    wrong = lab.add_checkpoint(str(adapter), base=Folder.at(tmp_path / "other"))
    right, _ = ours(lab, adapter, base)
    lab.remove_checkpoint(wrong)
    assert Path(right.path).is_file()
    lab.remove_checkpoint(key_of(right)[:8])
    assert not Path(right.path).exists()


@pytest.mark.parametrize("path", ["~nosuchuser/x", "a" * 5000])
def test_what_can_be_no_path_is_refused_in_words(lab: Lab, path: str) -> None:
    for ask in (lab.add_checkpoint, lab.needs_conversion, lab.convert_checkpoint):
        with pytest.raises(CheckpointNotFound) as problem:
            ask(path)
        says(problem, "Check the path")
