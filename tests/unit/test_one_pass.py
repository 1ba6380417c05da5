"""What comes out of one pass over the data is computed in one, and nobody pays for another's mistake."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.analyses.embed import Embed
from core.errors import SpecInvalid
from core.jobs.records import Records
from core.jobs.run import compute_artifact
from core.jobs.worker import queued_beside
from core.keys import Spec, key_of
from core.lab import Lab
from core.refs import Folder, Packaged, RandomWeights, Sample, Suite
from core.settings import Settings
from core.store.artifacts import Store
from tests.faults import small_disk, tiny
from tests.unit.test_extraction import counting_sentences

SAMPLE = Sample(of=Suite(split="dev"), n=30)


def pair(checkpoint: Folder | Packaged) -> tuple[Embed, Embed]:
    """Words and sentences of one sample."""
    words = Embed(checkpoint=checkpoint, sample=SAMPLE)
    return words, words.replace(unit="sentence", pooling="mean")


def computed(spec: Spec, store: Store, *wanted: Spec) -> None:
    compute_artifact(
        spec, store, cancel_flag=store.root / "no flag", report=lambda *_: None, wanted=[spec, *wanted, *wanted]
    )


def test_words_and_sentences_are_read_in_one_pass_and_are_what_two_give(lab: Lab, tmp_path: Path) -> None:
    tiny("bert", tmp_path / "checkpoint")
    words, sentences = pair(Folder.at(tmp_path / "checkpoint"))
    with counting_sentences(tmp_path / "checkpoint") as passed:
        computed(words, lab.store, sentences)
    assert sum(passed) == SAMPLE.n
    together = [lab.peek(spec) for spec in (words, sentences)]
    assert lab.provenance(words).seconds > lab.provenance(sentences).seconds == 0  # counted once
    rate = lab.provenance(words).seconds / words.cost()[0]
    assert lab.plan([words.replace(pooling="first")])[0].seconds == pytest.approx(rate * words.cost()[0])
    lab.discard(words)
    lab.discard(sentences)
    for spec, before in zip((words, sentences), together, strict=True):
        alone = lab.run(spec)
        for one, other in zip(before.layers, alone.layers, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "other",
    [
        {"sample": SAMPLE.replace(seed=1)},
        {"checkpoint": RandomWeights(of=Packaged())},
        {"max_pieces": 12},
    ],
    ids=["other sentences", "another checkpoint", "another limit"],
)
def test_what_needs_another_pass_shares_none(other: dict[str, object]) -> None:
    words, sentences = pair(Packaged())
    assert words.shares_pass_with(sentences)
    assert not words.shares_pass_with(sentences.replace(**other))
    assert not words.shares_pass_with(sentences.replace(**other).replace(unit="word", pooling="first"))


def test_a_reading_that_cannot_be_had_costs_the_others_nothing(lab: Lab, tmp_path: Path) -> None:
    tiny("bert", tmp_path / "checkpoint")
    _make_values_too_large_for_half(tmp_path / "checkpoint" / "model.safetensors")
    half, _ = pair(Folder.at(tmp_path / "checkpoint"))
    full = half.replace(dtype="float32")
    computed(full, lab.store, half)
    assert lab.peek(full) is not None
    assert lab.peek(half) is None
    with pytest.raises(SpecInvalid, match="not finite"):
        computed(half, lab.store)


def test_a_disk_without_room_for_the_others_costs_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "8m") as disk:
        lab = Lab(Store(Settings(cache=disk / "cache", device="cpu")), engine="none")
        words, sentences = pair(Packaged())
        many = [words.replace(dtype="float32", pooling=pooling) for pooling in ("first", "last", "average")]
        computed(sentences, lab.store, *many)
        assert lab.peek(sentences) is not None
        assert [lab.peek(one) for one in many] == [None] * 3
        computed(sentences.replace(pooling="cls"), lab.store)  # and their room is free again


def test_what_waits_from_another_time_is_passed_over(lab: Lab) -> None:
    words, sentences = pair(Packaged())
    records = Records(lab.store.root)
    for spec in (sentences, words.replace(pooling="last")):
        lab.submit(spec)
    record = records.get(key_of(sentences))
    assert record is not None
    records.put(replace(record, spec=record.spec | {"of another time": 1}))
    assert queued_beside(words, records) == [words.replace(pooling="last")]


def test_what_somebody_else_writes_is_left_to_them(lab: Lab) -> None:
    words, sentences = pair(Packaged())
    with lab.store.writing(sentences):
        computed(words, lab.store, sentences)
    assert lab.peek(words) is not None
    assert lab.peek(sentences) is None


def test_a_plan_counts_the_seconds_of_a_shared_pass_once(lab: Lab) -> None:
    words, sentences = pair(Packaged())
    first, along = lab.plan([words, sentences])
    assert first.seconds > 0
    assert along.seconds == 0
    assert along.n_bytes > 0
    assert [step.seconds for step in lab.plan([sentences])] == [first.seconds]


def _make_values_too_large_for_half(file: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(file)
    name = next(name for name in tensors if name.endswith("embeddings.LayerNorm.bias"))
    tensors[name] = tensors[name] + 70_000
    save_file(tensors, file, metadata={"format": "pt"})
