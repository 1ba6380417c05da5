"""Every family's layers against plain float32 states of transformers, sentence by sentence, on tiny random weights.

Batching, padding, hooks and alignment are ours; the reference reads one sentence at a time with nothing padded.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from core.analyses.weight_change import WeightChange
from core.data.load import load_sample
from core.errors import CheckpointNotFound, IncompatibleRefs, SpecInvalid
from core.lab import Lab
from core.models.checkpoints import facts, load_tokenizer
from core.models.devices import Precision
from core.models.extraction import Reading, extract
from core.models.sources import Source
from core.refs import Folder, Sample, Suite
from tests.faults import DEPTH, POSITIONS, WIDTH, loaded, says, tiny
from tests.small import TUNE

EXAMPLES = load_sample(Sample(of=Suite(split="test"), n=16))
VOCABULARY = 30522
SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "num_hidden_layers": DEPTH,
    "num_attention_heads": 2,
    "intermediate_size": 2 * WIDTH,
    "max_position_embeddings": POSITIONS,
}
LARGEST_DIFFERENCE = 5e-6
"""Of values around 4, in float32."""

HALF_ERROR = {"bfloat16": 0.02, "float16": 0.003}
"""Largest error of a layer in half-precision arithmetic, as a share of the layer's own spread (root mean squares); the
tiny checkpoints' weights are seven times as large as usual, which makes them worse than real ones."""

CONFIGS: dict[str, Callable[[], hf.PretrainedConfig]] = {
    "bert": lambda: hf.BertConfig(**SHAPE),
    "roberta": lambda: hf.RobertaConfig(**SHAPE),
    "xlnet": lambda: hf.XLNetConfig(vocab_size=VOCABULARY, d_model=WIDTH, n_layer=DEPTH, n_head=2, d_inner=64),
    "distilbert": lambda: hf.DistilBertConfig(
        vocab_size=VOCABULARY, dim=WIDTH, n_layers=DEPTH, n_heads=2, hidden_dim=64, max_position_embeddings=POSITIONS
    ),
    "gpt2": lambda: hf.GPT2Config(vocab_size=VOCABULARY, n_embd=WIDTH, n_layer=DEPTH, n_head=2, n_positions=POSITIONS),
    "llama": lambda: hf.LlamaConfig(**SHAPE, num_key_value_heads=1),
    "albert": lambda: hf.AlbertConfig(**SHAPE, embedding_size=16),
    "electra": lambda: hf.ElectraConfig(**SHAPE, embedding_size=16),
    "deberta": lambda: hf.DebertaConfig(**SHAPE),
    "deberta-v2": lambda: hf.DebertaV2Config(
        **SHAPE,
        relative_attention=True,
        position_buckets=16,
        pos_att_type=["p2c", "c2p"],
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        position_biased_input=False,
    ),
    "mpnet": lambda: hf.MPNetConfig(**SHAPE),
    "modernbert": lambda: hf.ModernBertConfig(
        **SHAPE, pad_token_id=0, bos_token_id=101, eos_token_id=102, cls_token_id=101, sep_token_id=102
    ),
    "gpt_neox": lambda: hf.GPTNeoXConfig(**SHAPE),
    "qwen3": lambda: hf.Qwen3Config(**SHAPE, num_key_value_heads=1, head_dim=16),
    "t5": lambda: hf.T5Config(vocab_size=VOCABULARY, d_model=WIDTH, d_kv=16, d_ff=64, num_layers=DEPTH, num_heads=2),
}
FINAL_NORM = {
    "gpt2": "ln_f",
    "llama": "norm",
    "modernbert": "final_norm",
    "gpt_neox": "final_layer_norm",
    "qwen3": "norm",
    "t5": "encoder.final_layer_norm",
}
"""Where transformers' last state is after a norm that is no block's; ours is before it."""


def made(family: str, into: Path, *, seed: int = 0) -> hf.PreTrainedModel:
    """A tiny checkpoint of a family with the packaged tokenizer, its weights large enough to tell layers apart."""
    tiny("bert", into)
    for file in (*into.glob("*.safetensors"), into / "config.json"):
        file.unlink()
    config = CONFIGS[family]()
    torch.manual_seed(seed)
    model = hf.T5EncoderModel(config) if family == "t5" else hf.AutoModel.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.15)
    model.save_pretrained(into)
    return model.eval()


def ours(folder: Path, into: Path, precision: Precision = "float32") -> NDArray[np.float32]:
    """First pieces of all words, every layer [layers, words, width], read in padded batches."""
    into.mkdir()
    reading = Reading(unit="word", pooling="first", dtype="float32", into=into)
    (got,) = extract(
        Source(folder=folder), EXAMPLES, [reading], max_pieces=64, device="cpu", precision=precision, batch_pieces=200,
        on_sentences=lambda done, total: None,
    )  # fmt: skip
    return np.stack([np.load(path) for path in got.layers])


def theirs(model: hf.PreTrainedModel, folder: Path) -> NDArray[np.float32]:
    """The same from `hidden_states`, one sentence at a time."""
    tokenizer, rows = load_tokenizer(folder), []
    for text, spans in zip(EXAMPLES.texts, EXAMPLES.spans, strict=True):
        encoded = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
        offsets = encoded["offset_mapping"][0].tolist()
        with torch.inference_mode():
            states = model(input_ids=encoded["input_ids"], output_hidden_states=True).hidden_states
        for start, end in spans:
            first = next(i for i, (a, b) in enumerate(offsets) if a < b and a < end and b > start)
            rows.append([state[0, first].numpy() for state in states])
    return np.array(rows).transpose(1, 0, 2)


@pytest.mark.parametrize("family", CONFIGS)
def test_every_layer_is_that_of_transformers_read_one_by_one(family: str, tmp_path: Path) -> None:
    model = made(family, tmp_path / "checkpoint")
    known = facts(tmp_path / "checkpoint")
    assert (known.family, known.n_layers, known.width) == (family, DEPTH, WIDTH)
    got, wanted = ours(tmp_path / "checkpoint", tmp_path / "out"), theirs(model, tmp_path / "checkpoint")
    assert got.shape == wanted.shape == (DEPTH + 1, EXAMPLES.n_words, WIDTH)
    if norm := FINAL_NORM.get(family):
        assert not np.allclose(got[-1], wanted[-1], atol=0.1)
        with torch.inference_mode():
            got[-1] = model.get_submodule(norm)(torch.from_numpy(got[-1])).numpy()
    assert np.abs(got - wanted).max() < LARGEST_DIFFERENCE
    apart = [np.abs(wanted[i] - wanted[j]).max() for i in range(DEPTH + 1) for j in range(i)]
    assert min(apart) > 0.1  # or a layer mistaken for another would pass


@pytest.mark.parametrize("precision", HALF_ERROR)
@pytest.mark.parametrize("family", CONFIGS)
def test_half_precision_stays_within_its_tolerance(family: str, precision: Precision, tmp_path: Path) -> None:
    made(family, tmp_path / "checkpoint")
    exact = ours(tmp_path / "checkpoint", tmp_path / "exact")
    half = ours(tmp_path / "checkpoint", tmp_path / "half", precision)
    for layer, (wanted, got) in enumerate(zip(exact, half, strict=True)):
        spread = (wanted - wanted.mean(axis=0)).std()
        error = float(np.sqrt(np.mean((got - wanted) ** 2)) / spread)
        assert error < HALF_ERROR[precision], layer
    # Nothing would have been computed in half precision; DeBERTa overflows there, and is read in float32 instead.
    assert np.array_equal(exact[-1], half[-1]) == (family == "deberta")


@pytest.mark.parametrize("family", CONFIGS)
def test_weights_are_told_apart_block_by_block(family: str, tmp_path: Path, lab: Lab) -> None:
    for name, seed in (("base", 0), ("tuned", 1)):
        made(family, tmp_path / name, seed=seed)
    base, tuned = Folder.at(tmp_path / "base"), Folder.at(tmp_path / "tuned")
    changed, same = (lab.run(WeightChange(base=base, tuned=side)).layers for side in (tuned, base))
    assert changed.shape == same.shape == (DEPTH + 1,)
    assert (same == 0).all()
    # Two independent draws of equal spread differ by the root of two; norms and biases start alike and pull it down.
    assert ((changed > 1.0) & (changed < 1.5)).all()
    assert (family == "albert") == (len(set(changed[1:])) == 1)


def rewritten(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> Folder:
    """A checkpoint with its tensors changed."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return Folder.at(folder)


def test_masks_and_tables_stored_beside_the_weights_count_for_nothing(tmp_path: Path, lab: Lab) -> None:
    sides = []
    for name, seed in (("base", 0), ("tuned", 1)):
        made("gpt2", tmp_path / name, seed=seed)
        sides.append(Folder.at(tmp_path / name))
    plain = lab.run(WeightChange(base=sides[0], tuned=sides[1]))
    masks = {f"h.{i}.attn.{part}": mask for i in range(DEPTH) for part, mask in _masks().items()}
    sides = [rewritten(tmp_path / name, lambda tensors: tensors.update(masks)) for name in ("base", "tuned")]
    masked = lab.run(WeightChange(base=sides[0], tuned=sides[1]))
    np.testing.assert_array_equal(plain.layers, masked.layers)
    assert plain.n_parameters == masked.n_parameters


def _masks() -> dict[str, torch.Tensor]:
    return {"bias": torch.ones(1, 1, POSITIONS, POSITIONS), "masked_bias": torch.tensor(-10000.0)}


def test_norms_of_2019_are_those_of_today(tmp_path: Path, lab: Lab) -> None:
    for name, seed in (("base", 0), ("tuned", 1)):
        made("bert", tmp_path / name, seed=seed)
    today = Folder.at(tmp_path / "base")
    expected = lab.run(WeightChange(base=today, tuned=Folder.at(tmp_path / "tuned")))
    vectors = ours(tmp_path / "base", tmp_path / "today")

    def age(tensors: dict[str, torch.Tensor]) -> None:
        for new, then in (("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")):
            for name in [name for name in tensors if name.endswith(new)]:
                tensors[name.replace(new, then)] = tensors.pop(name)

    old = rewritten(tmp_path / "base", age)
    got = lab.run(WeightChange(base=old, tuned=Folder.at(tmp_path / "tuned")))
    np.testing.assert_array_equal(got.layers, expected.layers)
    assert got.n_parameters == expected.n_parameters
    np.testing.assert_array_equal(ours(tmp_path / "base", tmp_path / "old"), vectors)
    tuned = lab.run(TUNE.replace(checkpoint=old))
    assert (lab.run(WeightChange(base=old, tuned=TUNE.replace(checkpoint=old))).layers[1:] > 0).all()
    assert tuned.n_steps > 0


def test_weights_of_checkpoints_of_other_shapes_are_not_compared(tmp_path: Path, lab: Lab) -> None:
    made("bert", tmp_path / "base")
    made("bert", tmp_path / "short")
    config = json.loads((tmp_path / "short" / "config.json").read_text())
    (tmp_path / "short" / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))
    made("albert", tmp_path / "groups")
    config = json.loads((tmp_path / "groups" / "config.json").read_text())
    (tmp_path / "groups" / "config.json").write_text(json.dumps(config | {"num_hidden_groups": 2}))
    for one, other in (("base", "short"), ("groups", "groups")):
        with pytest.raises(IncompatibleRefs) as problem:
            lab.run(WeightChange(base=Folder.at(tmp_path / one), tuned=Folder.at(tmp_path / other)))
        says(problem, "differ in depth, or share blocks in groups")


def test_an_albert_with_a_block_for_each_layer_is_read_and_weighed_layer_by_layer(tmp_path: Path, lab: Lab) -> None:
    made("albert", tmp_path / "base")
    torch.manual_seed(0)
    model = hf.AlbertModel(hf.AlbertConfig(**SHAPE, embedding_size=16, num_hidden_groups=DEPTH)).eval()
    model.save_pretrained(tmp_path / "base")
    np.testing.assert_allclose(
        ours(tmp_path / "base", tmp_path / "out"), theirs(model, tmp_path / "base"), atol=LARGEST_DIFFERENCE
    )
    shutil.copytree(tmp_path / "base", tmp_path / "tuned")

    def top(tensors: dict[str, torch.Tensor]) -> None:
        for name in [name for name in tensors if f"albert_layer_groups.{DEPTH - 1}." in name]:
            tensors[name] *= 2

    tuned = rewritten(tmp_path / "tuned", top)
    layers = lab.run(WeightChange(base=Folder.at(tmp_path / "base"), tuned=tuned)).layers
    np.testing.assert_allclose(layers, [0, 0, 0, 1], atol=1e-6)


def test_a_family_without_blocks_of_its_own_is_refused(tmp_path: Path) -> None:
    made("bert", tmp_path / "xlm")
    for file in (*(tmp_path / "xlm").glob("*.safetensors"), tmp_path / "xlm" / "config.json"):
        file.unlink()
    hf.XLMModel(hf.XLMConfig(vocab_size=VOCABULARY, emb_dim=32, n_layers=3, n_heads=2)).save_pretrained(
        tmp_path / "xlm"
    )
    with pytest.raises(CheckpointNotFound) as problem:
        ours(tmp_path / "xlm", tmp_path / "out")
    says(problem, "3 blocks of a XLMModel", "another family")


def test_the_encoder_of_a_whole_t5_is_read_and_its_decoder_left_alone(tmp_path: Path, lab: Lab) -> None:
    encoder = made("t5", tmp_path / "encoder")
    torch.manual_seed(0)
    whole = hf.T5ForConditionalGeneration(CONFIGS["t5"]())
    whole.load_state_dict(encoder.state_dict(), strict=False)
    made("t5", tmp_path / "whole")
    whole.save_pretrained(tmp_path / "whole")
    np.testing.assert_array_equal(ours(tmp_path / "whole", tmp_path / "a"), ours(tmp_path / "encoder", tmp_path / "b"))
    with pytest.raises(SpecInvalid) as problem:
        lab.run(TUNE.replace(checkpoint=Folder.at(tmp_path / "whole")))
    says(problem, "one half of an encoder with a decoder", "can be compared")


def test_an_encoder_that_does_not_stand_alone_is_refused(tmp_path: Path) -> None:
    made("bert", tmp_path / "bart")
    for file in (*(tmp_path / "bart").glob("*.safetensors"), tmp_path / "bart" / "config.json"):
        file.unlink()
    hf.BartModel(
        hf.BartConfig(
            vocab_size=200, d_model=32, encoder_layers=3, decoder_layers=3, encoder_ffn_dim=32, decoder_ffn_dim=32
        )
    ).save_pretrained(tmp_path / "bart")
    config = json.loads((tmp_path / "bart" / "config.json").read_text())
    (tmp_path / "bart" / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))  # as older ones say
    with pytest.raises(CheckpointNotFound) as problem:
        loaded(Source(folder=tmp_path / "bart"))
    says(problem, "bart", "no encoder that can be read by itself", "T5")


def test_a_state_that_is_not_of_these_pieces_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made("xlnet", tmp_path / "checkpoint")
    monkeypatch.setattr("core.models.hooks.PIECES_FIRST", ())  # as a family would look that nobody has met
    with pytest.raises(CheckpointNotFound) as problem:
        ours(tmp_path / "checkpoint", tmp_path / "out")
    says(problem, "layer 0 of a XLNetModel", "sentences of", "another family")
