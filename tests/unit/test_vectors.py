"""Vectors computed elsewhere as a side: the same numbers as the checkpoint they came from, rows held to their text."""

from pathlib import Path

import numpy as np
import pytest

from core.analyses.embed import Embed
from core.analyses.probe import Probe
from core.analyses.probe_change import ProbeChange
from core.analyses.similarity import Similarity
from core.analyses.weight_change import WeightChange
from core.data.load import load_dataset
from core.errors import CheckpointDamaged, CheckpointNotFound, IncompatibleRefs, SpecInvalid
from core.lab import Lab
from core.refs import Packaged, Sample, TableFile, Vectors
from tests.faults import says

N = 40


@pytest.fixture
def ref(tmp_path: Path) -> TableFile:
    """A text of 40 sentences, of 4 to 6 words."""
    rows = [f"film number {i} is {'very ' * (i % 3)}{'good' if i % 2 else 'bad'}\t{i % 2}" for i in range(N)]
    path = tmp_path / "text.tsv"
    path.write_text("\n".join(["text\tlabel", *rows]) + "\n")
    return TableFile.at(path, text="text", labels=("label",), header=True)


def given(lab: Lab, path: Path, of: TableFile, unit: str) -> Vectors:
    short = lab.add_vectors(str(path), of, unit)  # type: ignore[arg-type]
    return next(one.ref for one in lab.checkpoints() if one.id == short)


@pytest.mark.parametrize("unit", ["sentence", "word"])
def test_vectors_of_a_checkpoint_given_as_a_file_are_that_checkpoint(
    lab: Lab, ref: TableFile, tmp_path: Path, unit: str
) -> None:
    pooling = "mean" if unit == "sentence" else "average"
    whole = Embed(checkpoint=Packaged(), sample=Sample(of=ref), unit=unit, pooling=pooling, dtype="float32")
    np.save(tmp_path / "given.npy", np.stack(lab.run(whole).layers))
    vectors = given(lab, tmp_path / "given.npy", ref, unit)
    assert (vectors.n_layers, vectors.width) == (6, 384)
    sample = Sample(of=ref, n=25, seed=3)
    one, other = (
        Embed(checkpoint=checkpoint, sample=sample, unit=unit, pooling=pooling, dtype="float32")
        for checkpoint in (Packaged(), vectors)
    )
    read, copied = lab.run(one), lab.run(other)
    np.testing.assert_array_equal(read.sentence, copied.sentence)
    np.testing.assert_array_equal(read.word, copied.word)
    for mine, theirs in zip(copied.layers, read.layers, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=2e-5)
    same = lab.run(Similarity(base=one, tuned=other)).same_layer
    assert all(estimate is None or estimate.value == pytest.approx(1.0, abs=1e-4) for estimate in same)
    if unit == "sentence":
        probes = [Probe(embed=side, label="label", n_seeds=2) for side in (one, other)]
        change = lab.run(ProbeChange(base=probes[0], tuned=probes[1]))
        assert all(abs(estimate.value) < 1e-9 for estimate in change.difference)


def test_one_layer_of_half_precision_stands_beside_a_whole_network(lab: Lab, ref: TableFile, tmp_path: Path) -> None:
    drawn = np.random.default_rng(0).normal(size=(N, 20)).astype(np.float16)
    np.save(tmp_path / "one.npy", drawn)
    vectors = given(lab, tmp_path / "one.npy", ref, "sentence")
    assert (vectors.n_layers, vectors.width) == (0, 20)
    sides = [
        Embed(checkpoint=side, sample=Sample(of=ref), unit="sentence", pooling="mean") for side in (Packaged(), vectors)
    ]
    np.testing.assert_array_equal(lab.run(sides[1]).layers[0], drawn)
    result = lab.run(Similarity(base=sides[0], tuned=sides[1]))
    assert result.matrix.shape == (7, 1)
    assert len(result.same_layer) == 7


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (np.zeros((N - 1, 4)), IncompatibleRefs, ("39 rows", "40 sentences")),
        (np.zeros((3, N + 2, 4)), IncompatibleRefs, ("42 rows",)),
        (np.full((2, N, 4), np.nan), CheckpointDamaged, ("Layer 0", "no finite")),
        (np.where(np.arange(N * 8).reshape(2, N, 4) == 319, np.inf, 0.0), CheckpointDamaged, ("Layer 1",)),
        (np.zeros((N, 4), dtype=int), CheckpointNotFound, ("int64", "decimal")),
        (np.zeros(N), CheckpointNotFound, ("[40]",)),
        (np.zeros((N, 0)), CheckpointNotFound, ("[40, 0]",)),
        (np.zeros((500, N, 1)), CheckpointNotFound, ("500 layers",)),
        (np.array([{"a": 1}] * N, dtype=object), CheckpointNotFound, ("no array",)),
        (b"\x93NUMPY junk", CheckpointNotFound, ("no array",)),
        (b"not numpy at all", CheckpointNotFound, ("no array",)),
        (b"", CheckpointNotFound, ("no array",)),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_added(
    lab: Lab, ref: TableFile, tmp_path: Path, content: object, error: type, words: tuple[str, ...]
) -> None:
    path = tmp_path / "bad.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(error) as problem:
        lab.add_vectors(str(path), ref, "sentence")
    says(problem, str(path), *words)
    assert [one.name for one in lab.checkpoints()] == ["all-MiniLM-L6-v2"]


def test_a_truncated_file_and_one_that_is_not_there_are_named(lab: Lab, ref: TableFile, tmp_path: Path) -> None:
    np.save(tmp_path / "cut.npy", np.zeros((N, 400)))
    content = (tmp_path / "cut.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(content[:-100])
    for name in ("cut.npy", "none.npy"):
        with pytest.raises(CheckpointNotFound) as problem:
            lab.add_vectors(str(tmp_path / name), ref, "sentence")
        says(problem, name)


def test_words_must_be_all_words(lab: Lab, ref: TableFile, tmp_path: Path) -> None:
    np.save(tmp_path / "words.npy", np.zeros((N, 4)))
    with pytest.raises(IncompatibleRefs) as problem:
        lab.add_vectors(str(tmp_path / "words.npy"), ref, "word")
    says(problem, f"{load_dataset(ref).n_words:,} words", "40 sentences")


def test_they_are_read_for_their_own_text_and_unit_only(lab: Lab, ref: TableFile, tmp_path: Path) -> None:
    from core.refs import Suite

    np.save(tmp_path / "given.npy", np.ones((N, 4)))
    vectors = given(lab, tmp_path / "given.npy", ref, "sentence")
    for sample, unit, pooling, word in (
        (Sample(of=Suite(), n=5), "sentence", "mean", "another text"),
        (Sample(of=ref), "word", "average", "sentences of this text"),
    ):
        with pytest.raises(IncompatibleRefs) as problem:
            Embed(checkpoint=vectors, sample=sample, unit=unit, pooling=pooling)
        says(problem, word)
    with pytest.raises(IncompatibleRefs) as problem:
        lab.run(WeightChange(base=Packaged(), tuned=vectors))
    says(problem, "without any")


def test_a_file_that_changed_or_went_away_is_never_read_as_what_it_was(
    lab: Lab, ref: TableFile, tmp_path: Path
) -> None:
    path = tmp_path / "given.npy"
    np.save(path, np.ones((N, 4)))
    spec = Embed(checkpoint=given(lab, path, ref, "sentence"), sample=Sample(of=ref), unit="sentence", pooling="mean")
    np.save(path, np.zeros((N, 4)))
    with pytest.raises(CheckpointDamaged) as problem:
        lab.run(spec)
    says(problem, "changed")
    path.unlink()
    with pytest.raises(CheckpointNotFound) as problem:
        lab.run(spec)
    says(problem, str(path))
    assert lab.peek(spec) is None


def test_values_too_large_for_the_store_are_refused_in_words(lab: Lab, ref: TableFile, tmp_path: Path) -> None:
    np.save(tmp_path / "large.npy", np.full((N, 4), 1e30))
    vectors = given(lab, tmp_path / "large.npy", ref, "sentence")
    spec = Embed(checkpoint=vectors, sample=Sample(of=ref), unit="sentence", pooling="mean")
    with pytest.raises(SpecInvalid) as problem:
        lab.run(spec)
    says(problem, "float32")
    lab.run(spec.replace(dtype="float32"))
