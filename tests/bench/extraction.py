"""Extraction of all layers, word-pooled: ours against a plain loop and against NeuroX, and peak memory by size."""

import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3


def corpus() -> Path:
    """UD English EWT dev where it is at hand."""
    folder = Path(os.environ.get("TUNESCOPE_SHARED_DATA") or ROOT.parent / "shared" / "data")
    path = folder / "ud_english_ewt" / "en_ewt-ud-dev.conllu"
    if not path.is_file():
        raise SystemExit("This bench reads UD English EWT dev: set TUNESCOPE_SHARED_DATA.")
    return path


def ours(path: Path) -> np.ndarray:
    """Words of every layer by our extraction, as an analysis does it, in float32; returns the last layer."""
    return read(path, ("word", "average"))[0]


def our_sentences(path: Path) -> np.ndarray:
    """The same of sentences, every layer kept."""
    return read(path, ("sentence", "mean"))[0]


def ours_together(path: Path) -> np.ndarray:
    """Words and sentences in one pass."""
    return read(path, ("word", "average"), ("sentence", "mean"))[0]


def read(path: Path, *ways: tuple[str, str]) -> list[np.ndarray]:
    """The last layer of each reading; all layers are written."""
    from core.analyses.embed import FEW_PIECES
    from core.data.conllu import read_conllu
    from core.models.checkpoints import locate
    from core.models.extraction import Reading, extract
    from core.models.sources import Source
    from core.refs import Packaged

    with tempfile.TemporaryDirectory() as folder:
        readings = [
            Reading(unit=unit, pooling=pooling, dtype="float32", into=Path(folder) / unit) for unit, pooling in ways
        ]
        for reading in readings:
            reading.into.mkdir()
        got = extract(
            Source(folder=locate(Packaged())),
            read_conllu(path, path.name),
            readings,
            max_pieces=256,
            device="cpu",
            precision="float32",
            batch_pieces=FEW_PIECES,
            on_sentences=lambda done, total: None,
        )
        return [np.load(one.layers[-1]) for one in got]


def sentence_transformers(path: Path) -> np.ndarray:
    """encode() of sentence-transformers, which keeps the top layer alone."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise SystemExit("This bench compares with sentence-transformers: pip install sentence-transformers") from error

    from core.data.conllu import read_conllu
    from core.models.checkpoints import locate
    from core.refs import Packaged

    model = SentenceTransformer(str(locate(Packaged())), device="cpu")
    model.max_seq_length = 256
    texts = list(read_conllu(path, path.name).texts)
    return model.encode(
        texts, batch_size=32, show_progress_bar=False, convert_to_numpy=True, normalize_embeddings=False
    )


def plain_loop(path: Path) -> np.ndarray:
    """What a user writes: AutoModel, batches of 32 in file order, output_hidden_states, NumPy pooling by word_ids."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from core.data.conllu import read_conllu
    from core.models.checkpoints import locate
    from core.refs import Packaged

    folder = locate(Packaged())
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    sentences = [list(words) for words in read_conllu(path, path.name).words]
    layers: list[list[np.ndarray]] = [[] for _ in range(7)]
    for first in range(0, len(sentences), 32):
        batch = sentences[first : first + 32]
        encoded = tokenizer(
            batch, is_split_into_words=True, padding=True, truncation=True, max_length=256, return_tensors="pt"
        )
        with torch.no_grad():
            states = model(**encoded, output_hidden_states=True).hidden_states
        for layer, state in enumerate(states):
            array = state.numpy()
            for row in range(len(batch)):
                pieces: dict[int, list[int]] = {}
                for at, word in enumerate(encoded.word_ids(row)):
                    if word is not None:
                        pieces.setdefault(word, []).append(at)
                layers[layer] += [array[row, at].mean(axis=0) for at in pieces.values()]
    return np.stack([np.stack(rows) for rows in layers])[-1]


def neurox(path: Path) -> np.ndarray:
    """NeuroX 1.0.9's extractor, sentence by sentence, as it works."""
    from neurox.data.extraction.transformers_extractor import (
        extract_sentence_representations,
        get_model_and_tokenizer,
    )

    from core.data.conllu import read_conllu
    from core.models.checkpoints import locate
    from core.refs import Packaged

    model, tokenizer = get_model_and_tokenizer(str(locate(Packaged())))
    counts: dict[str, int] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        rows = [
            extract_sentence_representations(text, model, tokenizer, aggregation="average", tokenization_counts=counts)[
                0
            ]
            for text in read_conllu(path, path.name).texts
        ]
    return np.concatenate(rows, axis=1)[-1]


def ratios() -> list[tuple[str, str, str]]:
    """(what, figure, asked) rows: seconds of each in turn, ratios of medians; vectors compared on the way."""
    from core.models.devices import quieten, use_threads

    quieten()
    use_threads(os.cpu_count() or 1)
    path = corpus()
    ways: dict[str, Callable[[Path], np.ndarray]] = {
        "ours": ours,
        "plain loop": plain_loop,
        "NeuroX 1.0.9": neurox,
        "ours, sentences": our_sentences,
        "sentence-transformers, top layer alone": sentence_transformers,
        "ours, words and sentences in one pass": ours_together,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    vectors: dict[str, np.ndarray] = {}
    ours(path)  # imports and first-use costs belong to none of them
    for _ in range(ROUNDS):
        for name, way in ways.items():
            started = time.perf_counter()
            vectors[name] = way(path)
            seconds[name].append(time.perf_counter() - started)
    assert vectors["ours"].shape == vectors["plain loop"].shape == vectors["NeuroX 1.0.9"].shape
    assert np.abs(vectors["ours"] - vectors["NeuroX 1.0.9"]).max() < 1e-4
    top = vectors["ours, sentences"]
    unit = top / np.linalg.norm(top, axis=1, keepdims=True)  # the packaged checkpoint's own last step
    assert np.abs(unit - vectors["sentence-transformers, top layer alone"]).max() < 1e-5
    middle = {name: statistics.median(times) for name, times in seconds.items()}
    rows = [(f"extraction, {name}", f"{value:.1f} s", "") for name, value in middle.items()]
    for what, slower, faster, asked in (
        ("plain loop / ours", "plain loop", "ours", "≥ 2"),
        ("NeuroX 1.0.9 / ours", "NeuroX 1.0.9", "ours", "≥ 3"),
        ("sentence-transformers / ours, sentences", "sentence-transformers, top layer alone", "ours, sentences", "≥ 1"),
    ):
        rows.append((what, f"{middle[slower] / middle[faster]:.2f}", asked))
    two = middle["ours"] + middle["ours, sentences"]
    rows.append(("two passes / one for both", f"{two / middle['ours, words and sentences in one pass']:.2f}", ""))
    return rows


def peaks() -> list[tuple[str, str, str]]:
    """(what, figure, asked) rows: peak memory of a process that reads 10,005 sentences of a treebank, and ten times as many.

    Each size is read ROUNDS times, in turn; medians, with the least and the most.
    """
    path = corpus()
    found: dict[str, list[float]] = {"10,005": [], "100,050": []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS):
            for (name, held), times in zip(found.items(), (5, 50), strict=True):
                file = Path(folder) / f"{times}.conllu"
                file.write_text(path.read_text(encoding="utf-8") * times, encoding="utf-8")
                command = [sys.executable, "-m", "tests.bench.extraction", "peak", str(file)]
                done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
                held.append(float(done.stdout.strip().splitlines()[-1]))
                print(name, held, flush=True)
    few, many = map(statistics.median, found.values())
    rows = [
        (f"peak memory, {name} sentences", f"{statistics.median(held):.0f} MB ({min(held):.0f} to {max(held):.0f})", "")
        for name, held in found.items()
    ]
    return [*rows, ("memory, 100,050 / 10,005 sentences", f"{many / few:.2f}", "flat")]


def _peak(path: str) -> None:
    """Extract as the worker does and print this process's peak memory in MB."""
    from core.analyses.embed import Embed
    from core.lab import Lab
    from core.models.devices import quieten
    from core.refs import ConlluFile, Packaged, Sample
    from core.settings import Settings
    from core.store.artifacts import Store

    quieten()
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Store(Settings(cache=Path(folder), device="cpu")), engine="none")
        sample = Sample(of=ConlluFile.at(path))
        lab.run(Embed(checkpoint=Packaged(), sample=sample, unit="sentence", pooling="mean"))
    # Not ru_maxrss: a child begins with its parent's; VmHWM starts anew with the program.
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(int(line.split()[1]) / 1024)


if __name__ == "__main__":
    if sys.argv[1:2] == ["peak"]:
        _peak(sys.argv[2])
    else:
        from tests.bench.rows import keep

        keep([*peaks(), *ratios()])
