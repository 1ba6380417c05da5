"""Vectors of every layer: the right characters, the right pooling, the right block, whatever the batch or the accident."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, processors
from transformers import AutoModel, PreTrainedModel, PreTrainedTokenizerFast

from core.data.examples import Examples, joined, split_on_space
from core.data.load import load_sample
from core.errors import Cancelled, CheckpointDamaged, NotEnoughData, OutOfMemory, SpecInvalid
from core.models.changes import write_changes
from core.models.checkpoints import load_tokenizer, locate
from core.models.extraction import Extracted, Reading, extract
from core.models.pieces import NO_WORD, tokenise
from core.models.sources import Source, encoder
from core.refs import Packaged, Sample, Suite
from tests.faults import DEPTH, POSITIONS, WIDTH, loaded, says, tiny

PACKAGED = locate(Packaged())
EXAMPLES = load_sample(Sample(of=Suite(split="test"), n=24))


@dataclass
class Checkpoint:
    folder: Path
    model: PreTrainedModel


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Checkpoint]:
    """A tiny checkpoint of each family."""
    out = {}
    for family in ("bert", "roberta", "gpt2"):
        folder = tmp_path_factory.mktemp(family)
        out[family] = Checkpoint(folder, tiny(family, folder))
    return out


def texts(*lines: str) -> Examples:
    return Examples(texts=lines, spans=tuple(split_on_space(line) for line in lines))


def run(checkpoint: Path, into: Path, examples: Examples = EXAMPLES, **changes: Any) -> Extracted:
    """One reading of a checkpoint."""
    reading = {name: changes.pop(name) for name in ("unit", "pooling", "dtype") if name in changes}
    return read(checkpoint, examples, [words(into, **reading)], **changes)[0]


def words(into: Path, **changes: Any) -> Reading:
    into.mkdir(exist_ok=True)
    return Reading(**({"unit": "word", "pooling": "average", "dtype": "float32", "into": into} | changes))


def read(checkpoint: Path, examples: Examples, readings: list[Reading], **changes: Any) -> list[Extracted]:
    settings: dict[str, Any] = {
        "max_pieces": 64, "device": "cpu", "precision": "float32", "batch_pieces": 256,
        "on_sentences": lambda done, total: None,
    }  # fmt: skip
    return extract(Source(folder=checkpoint), examples, readings, **(settings | changes))


def stacked(got: Extracted) -> np.ndarray:
    """[layers, rows, width]."""
    return np.stack([np.load(path) for path in got.layers])


def hidden_states(model: PreTrainedModel, folder: Path, text: str) -> tuple[np.ndarray, Any]:
    """All hidden states [layers, pieces, width] of one sentence alone, and its encoding."""
    encoded = load_tokenizer(folder)(text, return_tensors="pt", return_offsets_mapping=True, padding=False)
    with torch.inference_mode():
        states = model(
            input_ids=encoded["input_ids"],
            attention_mask=torch.ones_like(encoded["input_ids"]),
            output_hidden_states=True,
        ).hidden_states
    return torch.cat(states).numpy(), encoded


def pooled_by_hand(model: PreTrainedModel, folder: Path, examples: Examples, pooling: str) -> np.ndarray:
    """[layers, rows, width], sentence by sentence, word by word, from every character that a piece and a word share."""
    rows = []
    for text, spans in zip(examples.texts, examples.spans, strict=True):
        states, encoded = hidden_states(model, folder, text)
        offsets = encoded["offset_mapping"][0].tolist()
        for word in spans:
            own = [i for i, piece in enumerate(offsets) if set(range(*piece)) & set(range(*word))]
            chosen = {"first": own[:1], "last": own[-1:], "average": own}[pooling]
            rows.append(states[:, chosen].mean(axis=1))
    return np.stack(rows, axis=1)


# --- alignment

SCRIPTS = (
    st.text(st.sampled_from("aAzé̈ñçİß"), min_size=1, max_size=5)
    | st.text(st.sampled_from("שלוםעולם"), min_size=1, max_size=5)
    | st.text(st.sampled_from("مرحبابالعالم\u064b\u0651"), min_size=1, max_size=5)
    | st.text(st.sampled_from("你好世界日本語かな한국"), min_size=1, max_size=5)
    | st.text(st.sampled_from(".,!?'\"-—…()[]#@$%&/\\<>"), min_size=1, max_size=4)
    | st.sampled_from(
        ["👩‍👩‍👧", "🏳️‍🌈", "💜", "e\u0301", "n\u0303", "\u200b", "\u200d", "\ufeff", "a\u200bb", "ﬁne", "ǅ"]
    )
    | st.sampled_from(["unbelievably", "don't", "[CLS]", "[SEP]", "3.14", "New York", "a\u00a0b", "x" * 120])
    | st.text(min_size=1, max_size=4)
)
TOKENIZER = load_tokenizer(PACKAGED)


@given(sentences=st.lists(st.lists(SCRIPTS, min_size=1, max_size=7), min_size=1, max_size=3))
def test_pieces_of_any_script_belong_to_the_word_they_overlap(sentences: list[list[str]]) -> None:
    lines, spans = zip(*(joined(words) for words in sentences), strict=True)
    pieces = tokenise(TOKENIZER, Examples(texts=lines, spans=spans), max_pieces=10_000)
    assert not pieces.was_cut.any()
    for i, text in enumerate(lines):
        encoded = TOKENIZER(text, return_offsets_mapping=True, padding=False, truncation=False)
        owner = pieces.word[pieces.start[i] : pieces.start[i + 1]].tolist()
        assert pieces.ids[pieces.start[i] : pieces.start[i + 1]].tolist() == encoded["input_ids"]
        for piece, (begin, end) in enumerate(encoded["offset_mapping"]):
            shared = [j for j, (a, b) in enumerate(spans[i]) if max(a, begin) < min(b, end)]
            assert owner[piece] == (shared[0] if shared else NO_WORD)
        assert (owner[0], owner[-1]) == (NO_WORD, NO_WORD)


def test_words_of_many_scripts_each_have_a_row(tmp_path: Path) -> None:
    examples = texts("I 💜 it 👩‍👩‍👧 !", "שלום עולם", "مرحبا بالعالم", "naïve cafe\u0301", "你好 世界 !", "...  ?!")
    got = run(PACKAGED, tmp_path / "out", examples)
    assert list(zip(got.sentence.tolist(), got.word.tolist(), strict=True)) == [
        (i, j) for i, spans in enumerate(examples.spans) for j in range(len(spans))
    ]
    assert (got.n_lost_words, got.n_cut_sentences) == (0, 0)


@pytest.mark.parametrize("dropped", ["\u200b", "\u200d", "\ufeff", "\u0301"])
def test_word_when_the_tokenizer_drops_it_loses_its_row_alone(tmp_path: Path, dropped: str) -> None:
    line, spans = joined(["before", dropped, "after"])
    got = run(PACKAGED, tmp_path / "out", Examples(texts=(line, "whole"), spans=(spans, ((0, 5),))))
    assert got.sentence.tolist() == [0, 0, 1]
    assert got.word.tolist() == [0, 2, 0]
    assert got.n_lost_words == 1
    with_word = run(PACKAGED, tmp_path / "plain", texts("before after", "whole"))
    np.testing.assert_allclose(stacked(got), stacked(with_word), atol=1e-5)


def test_words_when_all_are_dropped_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData) as problem:
        run(PACKAGED, tmp_path / "out", Examples(texts=("\u200b",), spans=(((0, 1),),)))
    says(problem, "every word", "None has one", "words in them")


# --- cutting


@pytest.mark.parametrize("family", ["bert", "roberta", "gpt2"])
def test_sentence_when_too_long_is_cut_and_keeps_its_special_tokens(
    made: dict[str, Checkpoint], tmp_path: Path, family: str
) -> None:
    examples = texts("word " * 100, "short one", "the film was good")
    folder = made[family].folder
    pieces = tokenise(load_tokenizer(folder), examples, max_pieces=20)
    assert pieces.lengths.tolist() == [20, 4, 6]
    assert pieces.was_cut.tolist() == [True, False, False]
    cut = pieces.ids[:20].tolist()
    assert (cut[0], cut[-1]) == (TOKENIZER.cls_token_id, TOKENIZER.sep_token_id)
    assert pieces.word[:20].tolist() == [NO_WORD, *range(18), NO_WORD]
    got = run(folder, tmp_path / "out", examples, max_pieces=20)
    assert (got.n_cut_sentences, got.n_lost_words) == (1, 100 - 18)
    assert np.bincount(got.sentence).tolist() == [18, 2, 4]
    alone = run(folder, tmp_path / "alone", texts("word " * 18), max_pieces=20)
    np.testing.assert_allclose(stacked(got)[:, :18], stacked(alone), atol=1e-5)


@pytest.mark.parametrize("pooling", ["first", "last", "average"])
def test_word_when_the_cut_goes_through_it_is_lost(tmp_path: Path, pooling: str) -> None:
    # Half a word's vector is no vector of the word.
    whole = texts("it was unbelievably good", "it was")
    n_pieces = len(TOKENIZER("unbelievably", add_special_tokens=False, padding=False)["input_ids"])
    assert n_pieces > 1
    got = run(PACKAGED, tmp_path / "out", whole, pooling=pooling, max_pieces=8 if n_pieces > 4 else 2 + n_pieces + 1)
    assert got.word.tolist() == [0, 1, 0, 1]
    assert (got.n_cut_sentences, got.n_lost_words) == (1, 2)


@pytest.mark.parametrize("family", ["bert", "roberta", "gpt2"])
def test_sentence_when_longer_than_the_positions_is_cut_there(
    made: dict[str, Checkpoint], tmp_path: Path, family: str
) -> None:
    # RoBERTa numbers positions from after the padding token's id, so it has fewer than its configuration says.
    limit = POSITIONS - (family == "roberta")
    got = run(made[family].folder, tmp_path / "out", texts("word " * 100, "short"), max_pieces=1000)
    assert np.bincount(got.sentence).tolist() == [limit - 2, 1]
    assert (got.n_cut_sentences, got.n_lost_words) == (1, 100 - (limit - 2))


# --- pooling, against hidden states


@pytest.mark.parametrize("pooling", ["first", "last", "average"])
def test_words_pool_as_by_hand_on_every_layer(tmp_path: Path, pooling: str) -> None:
    model = AutoModel.from_pretrained(PACKAGED).eval()
    ours = stacked(run(PACKAGED, tmp_path / "out", pooling=pooling))
    assert ours.shape[0] == 7
    np.testing.assert_allclose(ours, pooled_by_hand(model, PACKAGED, EXAMPLES, pooling), atol=1e-5, rtol=0)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_sentences_pool_as_by_hand_on_every_layer(tmp_path: Path, pooling: str) -> None:
    model = AutoModel.from_pretrained(PACKAGED).eval()
    got = run(PACKAGED, tmp_path / "out", unit="sentence", pooling=pooling)
    states = [hidden_states(model, PACKAGED, text)[0] for text in EXAMPLES.texts]
    by_hand = np.stack([state[:, 0] if pooling == "cls" else state.mean(axis=1) for state in states], axis=1)
    np.testing.assert_allclose(stacked(got), by_hand, atol=1e-5, rtol=0)
    assert got.sentence.tolist() == list(range(len(EXAMPLES)))
    assert set(got.word.tolist()) == {NO_WORD}
    assert got.n_lost_words == 0


def test_cls_when_the_text_spells_it_is_still_the_first_piece(tmp_path: Path) -> None:
    text = "they wrote [CLS] in it"
    got = run(PACKAGED, tmp_path / "out", texts(text), unit="sentence", pooling="cls")
    states, _ = hidden_states(AutoModel.from_pretrained(PACKAGED).eval(), PACKAGED, text)
    np.testing.assert_allclose(stacked(got)[:, 0], states[:, 0], atol=1e-5)


@pytest.mark.parametrize(
    ("unit", "pooling"), [("word", "cls"), ("word", "mean"), ("sentence", "first"), ("sentence", "average")]
)
def test_pooling_when_it_does_not_fit_the_unit_is_refused(
    made: dict[str, Checkpoint], tmp_path: Path, unit: str, pooling: str
) -> None:
    with pytest.raises(SpecInvalid) as problem:
        run(made["bert"].folder, tmp_path / "out", unit=unit, pooling=pooling)
    says(problem, unit, pooling, "cls, mean")


def test_half_precision_on_disk_is_the_rounded_full_one(tmp_path: Path) -> None:
    full, half = (stacked(run(PACKAGED, tmp_path / dtype, dtype=dtype)) for dtype in ("float32", "float16"))
    assert (full.dtype, half.dtype) == (np.float32, np.float16)
    np.testing.assert_array_equal(half, full.astype(np.float16))
    np.testing.assert_allclose(half.astype(np.float32), full, rtol=2**-11, atol=2**-24)


def test_values_beyond_half_precision_are_refused_rather_than_stored(tmp_path: Path) -> None:
    model = tiny("bert", tmp_path / "huge")
    with torch.no_grad():
        model.encoder.layer[1].output.LayerNorm.weight.mul_(1e6)
    model.save_pretrained(tmp_path / "huge")
    with pytest.raises(SpecInvalid) as problem:
        run(tmp_path / "huge", tmp_path / "out", dtype="float16")
    says(problem, "float16", "not finite", "float32")
    assert np.isfinite(stacked(run(tmp_path / "huge", tmp_path / "full", dtype="float32"))).all()


@pytest.mark.parametrize("family", ["bert", "roberta", "gpt2"])
@pytest.mark.parametrize(("unit", "pooling"), [("word", "last"), ("sentence", "mean")])
def test_vectors_when_batched_otherwise_agree(
    made: dict[str, Checkpoint], tmp_path: Path, family: str, unit: str, pooling: str
) -> None:
    budgets = (1, 40, 10_000)
    alone, few, many = (
        stacked(run(made[family].folder, tmp_path / str(b), unit=unit, pooling=pooling, batch_pieces=b))
        for b in budgets
    )
    for other in (few, many):
        assert (np.linalg.norm(alone - other, axis=-1) / np.linalg.norm(alone, axis=-1)).max() < 5e-6


@pytest.mark.parametrize(("unit", "pooling"), [("word", "average"), ("word", "first"), ("sentence", "cls")])
def test_rows_laid_out_a_few_sentences_at_a_time_are_the_same_rows(
    made: dict[str, Checkpoint], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: str, pooling: str
) -> None:
    whole = run(made["bert"].folder, tmp_path / "whole", unit=unit, pooling=pooling)
    monkeypatch.setattr("core.models.extraction._SENTENCES_LAID_OUT_TOGETHER", 2)
    parts = run(made["bert"].folder, tmp_path / "parts", unit=unit, pooling=pooling)
    np.testing.assert_array_equal(parts.sentence, whole.sentence)
    np.testing.assert_array_equal(parts.word, whole.word)
    np.testing.assert_array_equal(stacked(parts), stacked(whole))


def test_batches_never_exceed_their_budget(made: dict[str, Checkpoint], tmp_path: Path) -> None:
    model = loaded(Source(folder=made["bert"].folder))
    seen: list[tuple[int, ...]] = []
    handle = model.register_forward_pre_hook(
        lambda _m, _a, k: seen.append(tuple(k["input_ids"].shape)), with_kwargs=True
    )
    try:
        run(made["bert"].folder, tmp_path / "out", batch_pieces=60)
    finally:
        handle.remove()
    assert len(seen) > 2
    assert all(n * longest <= 60 or n == 1 for n, longest in seen)
    assert sum(n for n, _ in seen) == len(EXAMPLES)
    assert [longest for _, longest in seen] == sorted((longest for _, longest in seen), reverse=True)


# --- families


@pytest.mark.parametrize("family", ["bert", "roberta", "gpt2"])
def test_layer_i_is_what_block_i_returns(made: dict[str, Checkpoint], tmp_path: Path, family: str) -> None:
    folder, model = made[family].folder, made[family].model
    ours = stacked(run(folder, tmp_path / "out"))
    theirs = pooled_by_hand(model, folder, EXAMPLES, "average")
    assert ours.shape == (DEPTH + 1, EXAMPLES.n_words, WIDTH)
    upto = DEPTH if family == "gpt2" else DEPTH + 1
    np.testing.assert_allclose(ours[:upto], theirs[:upto], atol=1e-5, rtol=0)
    assert all(not np.allclose(ours[i], ours[j], atol=1e-2) for i in range(DEPTH + 1) for j in range(i))


def test_last_layer_of_a_decoder_is_before_its_final_norm(made: dict[str, Checkpoint], tmp_path: Path) -> None:
    folder, model = made["gpt2"].folder, made["gpt2"].model
    # Single pieces: the norm of a mean is no mean of norms.
    ours = stacked(run(folder, tmp_path / "out", pooling="first"))[-1]
    theirs = pooled_by_hand(model, folder, EXAMPLES, "first")[-1]
    assert not np.allclose(ours, theirs, atol=1e-2)
    with torch.inference_mode():
        normed = model.ln_f(torch.from_numpy(ours)).numpy()
    np.testing.assert_allclose(normed, theirs, atol=1e-5, rtol=0)


def test_cls_when_the_tokenizer_sets_none_is_refused(made: dict[str, Checkpoint], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made["gpt2"].folder, tmp_path / "plain"))
    plain = Tokenizer.from_str(load_tokenizer(folder).backend_tokenizer.to_str())
    plain.post_processor = processors.Sequence([])
    PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="[UNK]").save_pretrained(folder)
    with pytest.raises(SpecInvalid) as problem:
        run(folder, tmp_path / "out", unit="sentence", pooling="cls")
    says(problem, "[CLS]", "Pool by mean")
    got = run(folder, tmp_path / "mean", unit="sentence", pooling="mean")
    assert len(got.sentence) == len(EXAMPLES)


# --- going on after a stop


class Stop(Exception):
    """Somebody pulled the plug."""


def stopping_after(batches: int, seen: list[int], error: BaseException) -> Callable[[int, int], None]:
    """Raise after so many batches; the report before the first batch does not count."""

    def on_sentences(done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == batches + 1:
            raise error

    return on_sentences


@contextmanager
def counting_sentences(folder: Path) -> Iterator[list[int]]:
    """Sentences in each forward pass of a checkpoint."""
    seen: list[int] = []
    handle = loaded(Source(folder=folder)).register_forward_pre_hook(
        lambda _module, _args, given: seen.append(len(given["input_ids"])), with_kwargs=True
    )
    try:
        yield seen
    finally:
        handle.remove()


@pytest.mark.parametrize("error", [Stop(), Cancelled("Computing.", "Cancelled.", "Start again.")])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_run_when_stopped_goes_on_where_it_was_and_ends_bit_identical(
    made: dict[str, Checkpoint], tmp_path: Path, error: Exception, dtype: str
) -> None:
    folder = made["bert"].folder
    whole = run(folder, tmp_path / "whole", dtype=dtype, batch_pieces=100)
    stopped: list[int] = []
    with pytest.raises(type(error)):
        run(folder, tmp_path / "cut", dtype=dtype, batch_pieces=100, on_sentences=stopping_after(2, stopped, error))
    resumed: list[int] = []
    with counting_sentences(folder) as computed:
        again = run(
            folder, tmp_path / "cut", dtype=dtype, batch_pieces=100, on_sentences=lambda done, _: resumed.append(done)
        )
    assert 0 < resumed[0] < len(EXAMPLES)
    assert stopped[-1] <= resumed[0]  # what was still on its way to the disk has arrived
    assert sum(computed) == len(EXAMPLES) - resumed[0]  # what was done is not done again
    assert resumed[-1] == len(EXAMPLES)
    for one, other in zip(whole.layers, again.layers, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == [path.name for path in whole.layers]


def test_run_when_stopped_twice_with_a_torn_log_still_ends_right(made: dict[str, Checkpoint], tmp_path: Path) -> None:
    folder = made["bert"].folder
    whole = run(folder, tmp_path / "whole", batch_pieces=60)
    for _ in range(2):
        with pytest.raises(Stop):
            run(folder, tmp_path / "cut", batch_pieces=60, on_sentences=stopping_after(1, [], Stop()))
        with (tmp_path / "cut" / "finished.log").open("ab") as log:
            log.write(b"\x01\x02\x03")  # a write that the machine's end cut short
    again = run(folder, tmp_path / "cut", batch_pieces=60)
    np.testing.assert_array_equal(stacked(again), stacked(whole))


@pytest.mark.parametrize("stale", ["other shape", "truncated", "missing layer", "no log", "garbage log"])
def test_half_written_folder_when_it_does_not_fit_is_started_afresh(
    made: dict[str, Checkpoint], tmp_path: Path, stale: str
) -> None:
    folder, into = made["bert"].folder, tmp_path / "cut"
    whole = stacked(run(folder, tmp_path / "whole", batch_pieces=100))
    examples = EXAMPLES.pick(range(20)) if stale == "other shape" else EXAMPLES
    with pytest.raises(Stop):
        run(folder, into, examples, batch_pieces=100, on_sentences=stopping_after(2, [], Stop()))
    layer = into / "layers.01.npy"
    if stale == "truncated":
        layer.write_bytes(layer.read_bytes()[:-4])
    elif stale == "missing layer":
        layer.unlink()
    elif stale == "no log":
        (into / "finished.log").unlink()
    elif stale == "garbage log":
        (into / "finished.log").write_bytes(np.array([0, 10**9, -(10**9)]).tobytes())
    with counting_sentences(folder) as computed:
        again = run(folder, into, batch_pieces=100)
    np.testing.assert_array_equal(stacked(again), whole)
    assert sum(computed) == len(EXAMPLES)


# --- one pass for all


def test_several_units_and_poolings_come_out_of_one_pass(made: dict[str, Checkpoint], tmp_path: Path) -> None:
    folder = made["bert"].folder
    ways: list[dict[str, Any]] = [
        {"pooling": "first"},
        {"pooling": "average", "dtype": "float16"},
        {"unit": "sentence", "pooling": "mean"},
        {"unit": "sentence", "pooling": "cls"},
    ]
    alone = [run(folder, tmp_path / f"alone {i}", **way) for i, way in enumerate(ways)]
    with counting_sentences(folder) as computed:
        together = read(folder, EXAMPLES, [words(tmp_path / f"together {i}", **way) for i, way in enumerate(ways)])
    assert sum(computed) == len(EXAMPLES)
    for one, other in zip(alone, together, strict=True):
        assert [path.read_bytes() for path in one.layers] == [path.read_bytes() for path in other.layers]
        assert (one.sentence.tolist(), one.word.tolist()) == (other.sentence.tolist(), other.word.tolist())
        assert (one.n_lost_words, one.n_cut_sentences) == (other.n_lost_words, other.n_cut_sentences)


def test_a_reading_that_joins_one_cut_short_gets_every_sentence(made: dict[str, Checkpoint], tmp_path: Path) -> None:
    folder = made["bert"].folder
    with pytest.raises(Stop):
        run(folder, tmp_path / "words", batch_pieces=60, on_sentences=stopping_after(3, [], Stop()))
    both = [words(tmp_path / "words"), words(tmp_path / "sentences", unit="sentence", pooling="mean")]
    got = read(folder, EXAMPLES, both, batch_pieces=60)
    for extracted, settings in zip(got, ({}, {"unit": "sentence", "pooling": "mean"}), strict=True):
        whole = run(folder, tmp_path / f"whole {len(settings)}", batch_pieces=60, **settings)
        np.testing.assert_array_equal(stacked(extracted), stacked(whole))


def test_one_load_serves_a_base_and_all_that_differ_from_it_by_changes(
    made: dict[str, Checkpoint], tmp_path: Path
) -> None:
    folder, model = made["bert"].folder, made["bert"].model
    start = {f"backbone/{name}": tensor.detach().clone() for name, tensor in model.named_parameters()}
    name = "backbone/encoder.layer.1.attention.self.query.weight"
    files = [tmp_path / "low rank.safetensors", tmp_path / "whole.safetensors"]
    up, down = torch.randn(WIDTH, 2), torch.randn(2, WIDTH)
    write_changes(files[0], start, start, {name: (up, down)})
    write_changes(files[1], start, {key: value + 1 for key, value in start.items()}, {})
    wanted = {
        None: start,
        files[0]: start | {name: start[name] + up @ down},
        files[1]: {key: value + 1 for key, value in start.items()},
    }
    seen = set()
    for changes in (None, files[0], None, files[1], files[0], files[1], None):
        with encoder(Source(folder=folder, changes=changes), "cpu") as worn:
            seen.add(id(worn))
            for key, parameter in worn.named_parameters():
                torch.testing.assert_close(parameter.data, wanted[changes][f"backbone/{key}"], rtol=0, atol=0)
    assert len(seen) == 1


def test_a_change_that_does_not_fit_leaves_the_base_as_it_was(made: dict[str, Checkpoint], tmp_path: Path) -> None:
    folder, model = made["bert"].folder, made["bert"].model
    start = {f"backbone/{name}": tensor.detach().clone() for name, tensor in model.named_parameters()}
    bad = {**start, "backbone/a": torch.ones(3), "backbone/embeddings.LayerNorm.weight": torch.zeros(WIDTH)}
    write_changes(tmp_path / "bad.safetensors", start, bad, {})
    with pytest.raises(CheckpointDamaged), encoder(Source(folder=folder, changes=tmp_path / "bad.safetensors"), "cpu"):
        pass
    with encoder(Source(folder=folder), "cpu") as base:
        for key, parameter in base.named_parameters():
            assert torch.equal(parameter, start[f"backbone/{key}"]), key


# --- memory


def most_memory() -> int:
    """The largest power of two of bytes that this machine's allocator gives; twice as many it refuses."""
    size = 2**20
    while True:
        try:
            torch.empty(2 * size, dtype=torch.uint8)
        except RuntimeError:
            return size
        size *= 2


@contextmanager
def taking_memory(folder: Path, each: int) -> Iterator[tuple[list[int], list[int]]]:
    """Let every pass take so many bytes a sentence, never touched, of the real allocator.

    Gives the sizes of all passes, and of those that got it.
    """
    tried: list[int] = []
    given_room: list[int] = []

    def take(_module: Any, _args: Any, given: dict[str, Any]) -> None:
        tried.append(len(given["input_ids"]))
        torch.empty(tried[-1] * each, dtype=torch.uint8)
        given_room.append(tried[-1])

    handle = loaded(Source(folder=folder)).register_forward_pre_hook(take, with_kwargs=True)
    try:
        yield tried, given_room
    finally:
        handle.remove()


def test_batches_are_halved_when_memory_runs_out(made: dict[str, Checkpoint], tmp_path: Path) -> None:
    folder = made["bert"].folder
    whole = run(folder, tmp_path / "whole", batch_pieces=10_000)
    with taking_memory(folder, most_memory() // 4) as (tried, given_room):
        got = run(folder, tmp_path / "short", batch_pieces=10_000)
    refused = tried[: len(tried) - len(given_room)]
    assert tried == refused + given_room  # the budget stays down once it is
    assert refused[:2] == [len(EXAMPLES), len(EXAMPLES) // 2]
    assert all(later <= size / 2 for size, later in pairwise([*refused, given_room[0]]))
    assert sum(given_room) == len(EXAMPLES)  # nothing is read twice or left out
    np.testing.assert_allclose(stacked(got), stacked(whole), atol=1e-5)


def test_memory_that_does_not_hold_one_sentence_is_said(made: dict[str, Checkpoint], tmp_path: Path) -> None:
    folder = made["bert"].folder
    with taking_memory(folder, 2 * most_memory()) as (tried, given_room), pytest.raises(OutOfMemory) as caught:
        run(folder, tmp_path / "short")
    says(caught, "one sentence", "fewer pieces")
    assert (tried[-1], given_room) == (1, [])


# --- hooks


def hooks(model: PreTrainedModel) -> Iterator[Any]:
    for module in model.modules():
        yield from module._forward_hooks.values()
        yield from module._forward_pre_hooks.values()


@pytest.mark.parametrize("error", [None, Stop(), KeyboardInterrupt()])
def test_hooks_are_off_after_use(made: dict[str, Checkpoint], tmp_path: Path, error: BaseException | None) -> None:
    folder = made["bert"].folder
    on_during: list[int] = []

    def on_sentences(done: int, total: int) -> None:
        on_during.append(len(list(hooks(loaded(Source(folder=folder))))))
        if error is not None:
            raise error

    if error is None:
        run(folder, tmp_path / "out", on_sentences=on_sentences)
    else:
        with pytest.raises(type(error)):
            run(folder, tmp_path / "out", on_sentences=on_sentences)
    assert on_during[0] == DEPTH + 2  # one at each block, one before the first, one at the start of a pass
    assert not list(hooks(loaded(Source(folder=folder))))


# --- pairs


def pairs(*lines: tuple[str, str]) -> Examples:
    first, second = (tuple(part) for part in zip(*lines, strict=True))
    return Examples(
        texts=first,
        spans=tuple(split_on_space(line) for line in first),
        partners=second,
        partner_spans=tuple(split_on_space(line) for line in second),
    )


PAIRS = pairs(
    ("the unbelievably long film ended .", "it ended ."),
    ("nobody laughed", "somebody laughed unbelievably loudly at it"),
    ("a", "b c"),
)


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_a_pair_is_read_as_its_family_joins_two_texts(made: dict[str, Checkpoint], tmp_path: Path, family: str) -> None:
    folder, model = made[family].folder, made[family].model
    words, sentences = (
        stacked(run(folder, tmp_path / unit, PAIRS, unit=unit, pooling=pooling))
        for unit, pooling in (("word", "first"), ("sentence", "mean"))
    )
    tokenizer, row = load_tokenizer(folder), 0
    for i, (first, second) in enumerate(zip(PAIRS.texts, PAIRS.partners or (), strict=True)):
        encoded = tokenizer(first, second, return_tensors="pt", padding=False)
        with torch.inference_mode():
            states = torch.cat(model(**encoded, output_hidden_states=True).hidden_states).numpy()
        np.testing.assert_allclose(sentences[:, i], states.mean(axis=1), atol=1e-5)
        # The library's own alignment: words of each text numbered from 0, those of a partner after the first's.
        sides, own = encoded.sequence_ids(0), encoded.encodings[0].offsets
        for side, spans in ((0, PAIRS.spans[i]), (1, (PAIRS.partner_spans or ())[i])):
            for begin, end in spans:
                at = next(j for j, (a, b) in enumerate(own) if sides[j] == side and a < end and b > begin)
                np.testing.assert_allclose(words[:, row], states[:, at], atol=1e-5)
                row += 1
    assert row == words.shape[1] == PAIRS.n_words


def test_the_second_text_of_a_pair_has_its_own_segment_where_the_family_has_them(tmp_path: Path) -> None:
    pieces = tokenise(TOKENIZER, PAIRS, max_pieces=64)
    assert pieces.segment is not None
    inside = slice(pieces.start[2], pieces.start[3])
    assert pieces.segment[inside].tolist() == [0, 0, 0, 1, 1, 1]  # [CLS] a [SEP] b c [SEP]
    assert pieces.word[inside].tolist() == [NO_WORD, 0, NO_WORD, 1, 2, NO_WORD]
    assert tokenise(TOKENIZER, EXAMPLES, max_pieces=64).segment is None


def test_a_pair_when_too_long_is_cut_on_its_longer_side_and_counted(tmp_path: Path) -> None:
    long = pairs(("word " * 100, "short partner"), ("one", "two"))
    got = run(PACKAGED, tmp_path / "out", long, max_pieces=20)
    assert got.n_cut_sentences == 1
    assert np.bincount(got.sentence).tolist() == [20 - 3, 2]
    assert got.word[:17].tolist() == [*range(15), 100, 101]
    assert got.n_lost_words == 85


def test_a_pair_when_the_cut_goes_through_a_word_loses_it(tmp_path: Path) -> None:
    n_pieces = len(TOKENIZER("unbelievably", add_special_tokens=False, padding=False)["input_ids"])
    assert n_pieces > 1
    got = run(PACKAGED, tmp_path / "out", pairs(("so very unbelievably", "a")), max_pieces=3 + 3 + 1)
    assert got.word.tolist() == [0, 1, 3]
    assert (got.n_cut_sentences, got.n_lost_words) == (1, 1)
