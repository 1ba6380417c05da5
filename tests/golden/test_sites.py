"""Inside the blocks of every family: MLP units and heads' outputs against those put together from other parts of the network.

What we read is what a matrix is given. The reference never looks there: it takes what the matrices before it return, and the
attention that transformers itself reports, and computes the rest one sentence at a time.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf
from torch.nn import functional as F

from core.errors import CheckpointNotFound
from core.models.checkpoints import load_tokenizer
from core.models.extraction import Reading, extract
from core.models.hooks import blocks, reading_layers
from core.models.site_names import INTO, Site, known_families
from core.models.sites import editing_site, n_heads, reading_site, width_of
from core.models.sources import Source
from tests.faults import DEPTH, WIDTH, loaded, says
from tests.golden.test_families import CONFIGS, EXAMPLES, made

LARGEST_DIFFERENCE = 5e-6
Outputs = dict[str, torch.Tensor]


def gelu_new(values: torch.Tensor) -> torch.Tensor:
    return F.gelu(values, approximate="tanh")


def gated(act: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Outputs], torch.Tensor]:
    return lambda out: act(out["mlp.gate_proj"]) * out["mlp.up_proj"]


def halves(out: torch.Tensor) -> torch.Tensor:
    one, two = out.chunk(2, dim=-1)
    return F.gelu(one) * two


MLP: dict[str, tuple[str, Callable[[Outputs], torch.Tensor]]] = {
    **dict.fromkeys(
        ("bert", "roberta", "electra", "mpnet", "deberta", "deberta-v2"),
        ("intermediate.dense", lambda out: F.gelu(out["intermediate.dense"])),
    ),
    "xlnet": ("ff.layer_1", lambda out: F.gelu(out["ff.layer_1"].transpose(0, 1))),
    "distilbert": ("ffn.lin1", lambda out: F.gelu(out["ffn.lin1"])),
    "gpt2": ("mlp.c_fc", lambda out: gelu_new(out["mlp.c_fc"])),
    "llama": ("mlp.gate_proj mlp.up_proj", gated(F.silu)),
    "qwen3": ("mlp.gate_proj mlp.up_proj", gated(F.silu)),
    "albert": ("albert_layers.0.ffn", lambda out: gelu_new(out["albert_layers.0.ffn"])),
    "modernbert": ("mlp.Wi", lambda out: halves(out["mlp.Wi"])),
    "gpt_neox": ("mlp.dense_h_to_4h", lambda out: F.gelu(out["mlp.dense_h_to_4h"])),
    "t5": ("layer.1.DenseReluDense.wi", lambda out: F.relu(out["layer.1.DenseReluDense.wi"])),
}
"""Matrices before the units, and the units of what they return."""


def by_head(values: torch.Tensor, heads: int) -> torch.Tensor:
    """[1, pieces, heads * size] -> [1, heads, pieces, size]."""
    return values.unflatten(-1, (heads, -1)).transpose(1, 2)


def interleaved(values: torch.Tensor, heads: int) -> torch.Tensor:
    """Values of a matrix that gives query, key and value head by head."""
    return by_head(values, heads).chunk(3, dim=-1)[2]


VALUES: dict[str, tuple[str, Callable[[torch.Tensor], torch.Tensor]]] = {
    **dict.fromkeys(("bert", "roberta", "electra"), ("attention.self.value", lambda out: by_head(out, 2))),
    "deberta": ("attention.self.in_proj", lambda out: interleaved(out, 2)),
    "deberta-v2": ("attention.self.value_proj", lambda out: by_head(out, 2)),
    "mpnet": ("attention.attn.v", lambda out: by_head(out, 2)),
    "distilbert": ("attention.v_lin", lambda out: by_head(out, 2)),
    "gpt2": ("attn.c_attn", lambda out: by_head(out.chunk(3, dim=-1)[2], 2)),
    # One key and value for both heads.
    "llama": ("self_attn.v_proj", lambda out: by_head(out, 1).repeat(1, 2, 1, 1)),
    "qwen3": ("self_attn.v_proj", lambda out: by_head(out, 1).repeat(1, 2, 1, 1)),
    "albert": ("albert_layers.0.attention.value", lambda out: by_head(out, 2)),
    "modernbert": ("attn.Wqkv", lambda out: by_head(out.chunk(3, dim=-1)[2], 2)),
    "gpt_neox": ("attention.query_key_value", lambda out: interleaved(out, 2)),
    "t5": ("layer.0.SelfAttention.v", lambda out: by_head(out, 2)),
}
"""The matrix that gives a head's values, and these by head."""


def put_together(model: hf.PreTrainedModel, ids: torch.Tensor, site: Site) -> list[torch.Tensor]:
    """The site of each block for one sentence [pieces, width], from what other matrices return."""
    family = model.config.model_type
    names, combine = (MLP if site == "mlp" else VALUES)[family]
    seen: list[Outputs] = []
    handles = []
    for block in dict.fromkeys(blocks(model, DEPTH)):
        for at, name in enumerate(names.split()):

            def keep(_module: object, _args: object, output: torch.Tensor, name: str = name, at: int = at) -> None:
                if at == 0:
                    seen.append({})
                seen[-1][name] = output

            handles.append(block.get_submodule(name).register_forward_hook(keep))
    with torch.inference_mode():
        attentions = model(input_ids=ids, output_attentions=site == "heads").attentions
    for handle in handles:
        handle.remove()
    assert len(seen) == DEPTH
    if site == "mlp":
        return [combine(out)[0] for out in seen]
    heads = [weights @ combine(out[names]) for weights, out in zip(attentions, seen, strict=True)]
    return [one.transpose(1, 2).flatten(2)[0] for one in heads]


def read_in_batches(folder: Path, into: Path, site: Site) -> list[np.ndarray]:
    """First pieces of all words at a site of every block, as an embedding reads them."""
    into.mkdir()
    (got,) = extract(
        Source(folder=folder), EXAMPLES, [Reading(unit="word", pooling="first", dtype="float32", into=into)],
        max_pieces=64, device="cpu", precision="float32", batch_pieces=200, on_sentences=lambda done, total: None,
        site=site,
    )  # fmt: skip
    return [np.load(path) for path in got.layers]


CASES = [(family, "mlp") for family in MLP] + [(family, "heads") for family in VALUES]


def test_every_family_that_layers_are_read_of_is_tested_here() -> None:
    assert set(MLP) == set(CONFIGS)
    assert set(CONFIGS) - set(VALUES) == {"xlnet"}


@pytest.mark.parametrize(("family", "site"), CASES)
def test_a_site_is_what_the_parts_before_it_make(family: str, site: Site, tmp_path: Path) -> None:
    model = made(family, tmp_path / "checkpoint")
    model.set_attn_implementation("eager")
    got = read_in_batches(tmp_path / "checkpoint", tmp_path / "out", site)
    assert len(got) == DEPTH
    tokenizer, rows = load_tokenizer(tmp_path / "checkpoint"), []
    for text, spans in zip(EXAMPLES.texts, EXAMPLES.spans, strict=True):
        encoded = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
        offsets = encoded["offset_mapping"][0].tolist()
        wanted = put_together(model, encoded["input_ids"], site)
        for start, end in spans:
            first = next(i for i, (a, b) in enumerate(offsets) if a < b and a < end and b > start)
            rows.append([layer[first].numpy() for layer in wanted])
    for layer, values in enumerate(got):
        wanted_here = np.array([row[layer] for row in rows])
        assert values.shape == wanted_here.shape
        assert np.abs(wanted_here).max() > 0.05
        assert np.abs(values - wanted_here).max() < LARGEST_DIFFERENCE


@pytest.mark.parametrize("family", ["bert", "gpt2", "albert"])
@pytest.mark.parametrize("site", ["mlp", "heads"])
def test_reading_a_site_changes_nothing_and_leaves_no_hook(family: str, site: Site, tmp_path: Path) -> None:
    made(family, tmp_path / "checkpoint")
    model = loaded(Source(folder=tmp_path / "checkpoint"))
    ids = torch.arange(5, 12)[None]

    def states() -> list[torch.Tensor]:
        found: list[torch.Tensor] = []
        with torch.inference_mode(), reading_layers(model, DEPTH, lambda _, hidden: found.append(hidden.clone())):
            model(input_ids=ids)
        return found

    def n_hooks() -> int:
        return sum(len(part._forward_pre_hooks) + len(part._forward_hooks) for part in model.modules())

    before, n_before, seen = states(), n_hooks(), list[tuple[int, int]]()
    with reading_site(model, DEPTH, site, lambda layer, values: seen.append((layer, values.shape[-1]))):
        during = states()
    assert seen == [(layer, width_of(model, DEPTH, site)) for layer in range(1, DEPTH + 1)]
    assert all(torch.equal(one, two) for one, two in zip(before, during, strict=True))
    with pytest.raises(ZeroDivisionError), reading_site(model, DEPTH, site, lambda layer, values: None):
        raise ZeroDivisionError
    assert n_hooks() == n_before


@pytest.mark.parametrize(("family", "site"), CASES)
def test_in_every_family_an_edit_inside_a_block_is_what_the_block_goes_on_with(
    family: str, site: Site, tmp_path: Path
) -> None:
    made(family, tmp_path / "checkpoint")
    model = loaded(Source(folder=tmp_path / "checkpoint"))
    batch = {
        "input_ids": torch.tensor([[5, 6, 7, 8], [9, 5, 6, 7]]),
        "attention_mask": torch.ones(2, 4, dtype=torch.long),
    }

    def states() -> list[torch.Tensor]:
        found: list[torch.Tensor] = []
        with torch.inference_mode(), reading_layers(model, DEPTH, lambda _, hidden: found.append(hidden.clone())):
            model(**batch)
        return found

    def emptied(layer: int, values: torch.Tensor) -> torch.Tensor:
        assert values.shape[:2] == (2, 4)
        return torch.zeros_like(values) if layer == at else values

    before = states()
    for at in range(1, DEPTH + 1):
        told: dict[int, torch.Tensor] = {}
        # Reading hooks are put on later: they are given what was edited.
        with editing_site(model, DEPTH, site, emptied), reading_site(model, DEPTH, site, told.__setitem__):
            after = states()
        for layer in range(at):
            assert torch.equal(after[layer], before[layer])
        assert not torch.equal(after[at], before[at])
        assert [bool(told[layer].any()) for layer in range(1, DEPTH + 1)] == [
            layer != at for layer in range(1, DEPTH + 1)
        ]
    with editing_site(model, DEPTH, site, lambda _, values: values):
        same = states()
    for one, two, three in zip(
        before, same, states(), strict=True
    ):  # nothing edited changes nothing; hooks are off again
        assert torch.equal(one, two)
        assert torch.equal(one, three)


def test_what_the_units_of_a_block_add_is_gone_when_they_are_held_at_nothing(tmp_path: Path) -> None:
    """GPT-2 adds what its MLP makes to the state: with all units at 0, the bias of the last matrix alone."""
    made("gpt2", tmp_path / "checkpoint")
    model = loaded(Source(folder=tmp_path / "checkpoint"))
    block = blocks(model, DEPTH)[1]
    middle: list[torch.Tensor] = []
    handle = block.ln_2.register_forward_pre_hook(lambda _, args: middle.append(args[0].clone()))
    found: dict[int, torch.Tensor] = {}
    with (
        torch.inference_mode(),
        editing_site(model, DEPTH, "mlp", lambda _, values: torch.zeros_like(values)),
        reading_layers(model, DEPTH, lambda layer, hidden: found.__setitem__(layer, hidden.clone())),
    ):
        model(input_ids=torch.arange(5, 12)[None])
    handle.remove()
    torch.testing.assert_close(found[2], middle[0] + block.mlp.c_proj.bias)


@pytest.mark.parametrize("site", INTO)
def test_a_family_is_named_once_for_a_site(site: Site) -> None:
    named = [family for families in INTO[site].values() for family in families]
    assert sorted(named) == list(known_families(site))


def test_widths_are_those_of_the_heads_and_of_the_units(tmp_path: Path) -> None:
    for family in ("bert", "gpt2", "qwen3"):
        made(family, tmp_path / family)
        model = loaded(Source(folder=tmp_path / family))
        assert n_heads(model) == 2
        assert width_of(model, DEPTH, "mlp") == 2 * WIDTH if family != "gpt2" else 4 * WIDTH
        assert width_of(model, DEPTH, "heads") == WIDTH


def test_a_site_that_is_not_known_is_refused(tmp_path: Path) -> None:
    made("xlnet", tmp_path / "checkpoint")
    with pytest.raises(CheckpointNotFound) as problem:
        read_in_batches(tmp_path / "checkpoint", tmp_path / "out", "heads")
    says(problem, "heads' outputs", "xlnet", "Read the layers' states")
