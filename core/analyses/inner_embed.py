"""Vectors from inside the blocks for the words or sentences of a sample: MLP units, or what the attention heads give."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from core.analyses.base import Run
from core.analyses.checkpoint import Checkpoint, shape_of, source_of
from core.analyses.embed import POOLINGS, WORDS_PER_SENTENCE, Embed, Embeddings
from core.data.load import load_sample, sample_size
from core.errors import SpecInvalid
from core.keys import Spec
from core.models.site_names import PRODUCTS, SITES, Place, Site, known_families
from core.refs import Sample, Vectors

MLP_TO_WIDTH = 4
"""MLP units for each number of a state, as most families have it: for the estimate of a cost only."""


@dataclass(frozen=True, kw_only=True)
class InnerEmbed(Spec, kind="inner_embed"):
    """Run a checkpoint over a sample and keep what every block works with inside."""

    title: ClassVar[str] = "Vectors from inside the blocks"
    sources: ClassVar[tuple[str, ...]] = (
        "Geva et al. 2021, arXiv 2012.14913 (MLP units)",
        "Michel et al. 2019, arXiv 1905.10650 (heads)",
    )
    seconds_per_unit: ClassVar[float] = 2.0e-3

    checkpoint: Checkpoint
    sample: Sample
    site: Site
    """Units of the MLP after their activation; or the heads' outputs side by side, before they are mixed."""
    unit: Literal["word", "sentence"] = "word"
    pooling: Literal["first", "last", "average", "cls", "mean"] = "average"
    max_pieces: int = 256
    """Longer sentences are cut there."""
    dtype: Literal["float16", "float32"] = "float16"
    """Of the stored vectors."""

    def validate(self) -> None:
        if self.pooling not in POOLINGS[self.unit]:
            raise SpecInvalid(
                f"Pooling {self.unit}s by {self.pooling!r}.",
                "It does not fit.",
                f"Use {', '.join(POOLINGS[self.unit])}.",
            )
        if isinstance(self.checkpoint, Vectors):
            raise SpecInvalid(
                f"Reading the {SITES[self.site]} of vectors computed elsewhere.",
                "There is no network to look into.",
                "Choose a checkpoint with weights.",
            )
        if self.max_pieces < 8:
            raise SpecInvalid(f"Cutting at {self.max_pieces} pieces.", "Too short.", "Use 8 or more.")

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers; bytes of all blocks (12 words a sentence and a usual MLP assumed)."""
        shape, sentences = shape_of(self.checkpoint), sample_size(self.sample)
        rows = sentences * (WORDS_PER_SENTENCE if self.unit == "word" else 1)
        width = shape.width * (MLP_TO_WIDTH if self.site == "mlp" else 1)
        return float(sentences * shape.n_layers), float(rows * shape.n_layers * width * np.dtype(self.dtype).itemsize)


AnyEmbed = Embed | InnerEmbed
"""Vectors whose numbers are neurons."""


def read_at(side: Embed, site: Place) -> AnyEmbed:
    """The same rows read at a place; inside the blocks in full precision where half does not always hold it."""
    if not site:
        return side
    is_large = site == "mlp" and shape_of(side.checkpoint).family in PRODUCTS
    return InnerEmbed(
        checkpoint=side.checkpoint, sample=side.sample, unit=side.unit, pooling=side.pooling, max_pieces=side.max_pieces,
        site=site, dtype="float32" if is_large else side.dtype,
    )  # fmt: skip


def states_of(read: AnyEmbed) -> Embed:
    """The same rows of the layers' states, as they are usually stored."""
    if isinstance(read, Embed):
        return read
    return Embed(
        checkpoint=read.checkpoint, sample=read.sample, unit=read.unit, pooling=read.pooling, max_pieces=read.max_pieces
    )


def why_not(checkpoint: Checkpoint, site: Site) -> str:
    """Why a checkpoint cannot be read inside its blocks, in a sentence; empty where it can, by its configuration."""
    if isinstance(checkpoint, Vectors):
        return "Vectors alone have no blocks to look into."
    family = shape_of(checkpoint).family
    if family not in known_families(site):
        return f"Where the {SITES[site]} of the family {family} lie is not known."
    return ""


def compute(spec: InnerEmbed, inputs: dict[str, Any], run: Run) -> Embeddings:
    """Extract; one forward pass, resumable.

    Raises CheckpointNotFound for a family whose blocks are not known inside; OutOfMemory, NotEnoughData and SpecInvalid as the
    extraction does.
    """
    from core.models.devices import precision_on
    from core.models.extraction import Reading, extract

    (got,) = extract(
        source_of(spec.checkpoint, inputs, "checkpoint"),
        load_sample(spec.sample),
        [Reading(unit=spec.unit, pooling=spec.pooling, dtype=spec.dtype, into=run.folder)],
        max_pieces=spec.max_pieces,
        device=run.device,
        precision=precision_on(run.device),
        batch_pieces=2048,
        on_sentences=lambda done, total: run.step(done, total, "sentences"),
        site=spec.site,
    )
    return Embeddings(
        layers=tuple(np.load(path, mmap_mode="r", allow_pickle=False) for path in got.layers),
        sentence=got.sentence,
        word=got.word,
        n_cut_sentences=got.n_cut_sentences,
        n_lost_words=got.n_lost_words,
        precision=got.precision,
        first_layer=1,
    )
