"""Vectors of every layer for the words or sentences of a sample: what every other analysis reads."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np

from core.analyses.base import Run
from core.analyses.checkpoint import Checkpoint, shape_of, source_of
from core.data.load import load_sample, sample_size
from core.errors import IncompatibleRefs, SpecInvalid
from core.keys import Result, Spec
from core.models.site_names import Place
from core.refs import Sample, Vectors

WORDS_PER_SENTENCE = 12
"""Assumed where what a spec costs is told."""
POOLINGS = {"word": ("first", "last", "average"), "sentence": ("cls", "mean")}
"""How pieces may become a unit."""
FEW_PIECES = 1024
"""In one pass on a processor: twice as many take half as much memory again for activations, and no less time."""
_BYTES_HOME = 1_000_000_000
"""Of a batch's states on their way from a card."""


@dataclass(frozen=True, kw_only=True)
class Embed(Spec, kind="embed"):
    """Run a checkpoint over a sample and keep every layer."""

    title: ClassVar[str] = "Embeddings"
    sources: ClassVar[tuple[str, ...]] = ("Durrani et al. 2021, arXiv 2105.15179",)
    seconds_per_unit: ClassVar[float] = 1.0e-3
    site: ClassVar[Place] = ""
    """States of the layers, and not a place inside the blocks."""

    checkpoint: Checkpoint
    sample: Sample
    unit: Literal["word", "sentence"] = "word"
    pooling: Literal["first", "last", "average", "cls", "mean"] = "average"
    max_pieces: int = 256
    """Longer sentences are cut there."""
    dtype: Literal["float16", "float32"] = "float16"
    """Of the stored vectors."""

    def validate(self) -> None:
        allowed = POOLINGS[self.unit]
        if self.pooling not in allowed:
            raise SpecInvalid(
                f"Pooling {self.unit}s by {self.pooling!r}.", "It does not fit.", f"Use {', '.join(allowed)}."
            )
        held = self.checkpoint
        if isinstance(held, Vectors) and (held.of, held.unit) != (self.sample.of, self.unit):
            raise IncompatibleRefs(
                f"Reading {self.unit}s of a text from vectors computed elsewhere.",
                f"They are of the {held.unit}s of {'this' if held.of == self.sample.of else 'another'} text.",
                "Choose the text they were computed for, and a label of their unit.",
            )
        if self.max_pieces < 8:
            raise SpecInvalid(f"Cutting at {self.max_pieces} pieces.", "Too short.", "Use 8 or more.")

    def shares_pass_with(self, other: Spec) -> bool:
        """Another unit, pooling or dtype of the same pieces."""
        return (
            isinstance(other, Embed)
            and not isinstance(self.checkpoint, Vectors)
            and (self.checkpoint, self.sample, self.max_pieces) == (other.checkpoint, other.sample, other.max_pieces)
        )

    @property
    def n_layers(self) -> int:
        """States per row: the embedding output and one a block."""
        return shape_of(self.checkpoint).n_layers + 1

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers; bytes of all layers (12 words a sentence assumed)."""
        width = shape_of(self.checkpoint).width
        sentences = sample_size(self.sample)
        rows = sentences * (WORDS_PER_SENTENCE if self.unit == "word" else 1)
        return float(sentences * self.n_layers), float(rows * self.n_layers * width * np.dtype(self.dtype).itemsize)


@dataclass(frozen=True, kw_only=True)
class Embeddings(Result):
    """Vectors, aligned by row in every layer."""

    layers: tuple[np.ndarray, ...]
    """Layers 0..L, each [n_rows, width], memory-mapped."""
    sentence: np.ndarray
    """Sentence of each row in the sample, int32 [n_rows]."""
    word: np.ndarray
    """Word of each row in its sentence, int32 [n_rows]; -1 when the unit is a sentence."""
    n_cut_sentences: int
    """Sentences longer than max_pieces, whose last words have no vector."""
    n_lost_words: int
    """Words without a vector: cut off, or dropped by the tokenizer."""
    precision: str
    """Arithmetic of the forward pass."""
    first_layer: int = 0
    """Number of the first of them: 1 where something inside the blocks is read, of which the embeddings have none."""


class Readable(Protocol):
    """What says which rows it has, and of which place in the network."""

    @property
    def sample(self) -> Sample: ...
    @property
    def unit(self) -> str: ...
    @property
    def site(self) -> str: ...


def read_the_same(one: Readable, other: Readable, asked: str = "Comparing two embeddings.") -> None:
    """Raise IncompatibleRefs where two embeddings are of other sentences or units: their rows do not correspond."""
    if one.sample != other.sample or one.unit != other.unit:
        raise IncompatibleRefs(asked, "They read other sentences or units.", "Read the same.")
    if one.site != other.site:
        raise IncompatibleRefs(asked, "They read other places of the network.", "Read the same place on both sides.")


def compute(spec: Embed, inputs: dict[str, Any], run: Run) -> Embeddings:
    """Extract; one forward pass, resumable. Raises OutOfMemory, NotEnoughData, SpecInvalid as the extraction does."""
    if isinstance(spec.checkpoint, Vectors):
        return _given(spec, spec.checkpoint, run)
    return compute_together([spec], inputs, [run])[0]


def compute_together(specs: list[Embed], inputs: dict[str, Any], runs: list[Run]) -> list[Embeddings]:
    """Extract several units and poolings of one checkpoint and sample in one pass.

    Args:
        specs: embeddings that share a pass (Embed.shares_pass_with).
        inputs: of the first; the others' are the same.
        runs: one a spec; the first is told of the progress.
    """
    from core.models.devices import precision_on
    from core.models.extraction import Reading, extract

    first, run = specs[0], runs[0]
    extracted = extract(
        source_of(first.checkpoint, inputs, "checkpoint"),
        load_sample(first.sample),
        [
            Reading(unit=spec.unit, pooling=spec.pooling, dtype=spec.dtype, into=own.folder)
            for spec, own in zip(specs, runs, strict=True)
        ],
        max_pieces=first.max_pieces,
        device=run.device,
        precision=precision_on(run.device),
        batch_pieces=batch_pieces(first, run.device),
        on_sentences=lambda done, total: run.step(done, total, "sentences"),
    )
    return [
        Embeddings(
            layers=tuple(np.load(path, mmap_mode="r", allow_pickle=False) for path in got.layers),
            sentence=got.sentence,
            word=got.word,
            n_cut_sentences=got.n_cut_sentences,
            n_lost_words=got.n_lost_words,
            precision=got.precision,
        )
        for got in extracted
    ]


def batch_pieces(spec: Embed, device: str) -> int:
    """Pieces in one pass: many on a card, but no more than bring a bounded number of bytes home; few elsewhere."""
    if device != "cuda":
        return FEW_PIECES
    one_piece = spec.n_layers * shape_of(spec.checkpoint).width * np.dtype(spec.dtype).itemsize
    return max(512, min(32768, _BYTES_HOME // one_piece))


def _given(spec: Embed, ref: Vectors, run: Run) -> Embeddings:
    """The rows of the sample, of every layer, from vectors computed elsewhere."""
    from core.data.load import load_dataset
    from core.data.sampling import sampled_rows
    from core.data.vectors import open_vectors, rows_of_sample

    held = open_vectors(ref)
    sentences = np.array(sampled_rows(load_dataset(ref.of), spec.sample), dtype=np.int64)
    rows, sentence, word = rows_of_sample(ref, sentences)
    paths = []
    for layer in range(len(held)):
        run.step(layer, len(held), "layers")
        with np.errstate(over="ignore"):  # refused below, in words
            block = np.ascontiguousarray(held[layer][rows], dtype=spec.dtype)
        if not np.isfinite(block).all():
            raise SpecInvalid(
                f"Storing vectors as {spec.dtype}.", "Some values are not finite in it.", "Store them as float32."
            )
        paths.append(run.folder / f"layers.{layer:02d}.npy")
        np.save(paths[-1], block, allow_pickle=False)
    run.step(len(held), len(held), "layers")
    return Embeddings(
        layers=tuple(np.load(path, mmap_mode="r", allow_pickle=False) for path in paths),
        sentence=sentence,
        word=word,
        n_cut_sentences=0,
        n_lost_words=0,
        precision="as given",
    )
