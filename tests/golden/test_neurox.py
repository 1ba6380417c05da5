"""Our word vectors against those of NeuroX 1.0.9, the toolkit of paper A, on every layer and every pooling."""

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest

from core.data.examples import Examples
from core.data.load import load_sample
from core.models.checkpoints import locate
from core.models.extraction import Pooling, Reading, extract
from core.models.sources import Source
from core.refs import Packaged, Sample, Suite

extractor = pytest.importorskip("neurox.data.extraction.transformers_extractor")

EXAMPLES = load_sample(Sample(of=Suite(split="test"), n=25))


def vectors(into: Path, pooling: Pooling, batch_pieces: int, examples: Examples = EXAMPLES) -> np.ndarray:
    """[layers, words, width] of the packaged checkpoint, float32."""
    into.mkdir()
    (got,) = extract(
        Source(folder=locate(Packaged())),
        examples,
        [Reading(unit="word", pooling=pooling, dtype="float32", into=into)],
        max_pieces=128,
        device="cpu",
        precision="float32",
        batch_pieces=batch_pieces,
        on_sentences=lambda done, total: None,
    )
    return np.stack([np.load(path) for path in got.layers])


@pytest.mark.parametrize("pooling", ["first", "last", "average"])
def test_word_vectors_agree_with_neurox(pooling: Pooling, tmp_path: Path) -> None:
    # A budget of one piece makes batches of one sentence, as NeuroX reads them: then even the sums' order is the same.
    ours = vectors(tmp_path / "ours", pooling, batch_pieces=1)
    model, tokenizer = extractor.get_model_and_tokenizer(str(locate(Packaged())))
    counts: dict[str, int] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = [
            extractor.extract_sentence_representations(
                text, model, tokenizer, aggregation=pooling, tokenization_counts=counts
            )[0]
            for text in EXAMPLES.texts
        ]
    np.testing.assert_allclose(ours, np.concatenate(theirs, axis=1), atol=1e-6, rtol=0)


def test_batching_moves_vectors_by_no_more_than_float32_rounding(tmp_path: Path) -> None:
    alone, batched = (vectors(tmp_path / str(size), "average", size) for size in (1, 2048))
    apart = np.linalg.norm(alone - batched, axis=-1) / np.linalg.norm(alone, axis=-1)
    assert apart.max() < 5e-6
