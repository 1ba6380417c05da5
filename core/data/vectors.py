"""Vectors that somebody else computed for a data set: one .npy file, a row for each sentence or word in reading order."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.data.load import load_dataset
from core.errors import CheckpointDamaged, CheckpointNotFound, IncompatibleRefs
from core.refs import Vectors, file_digest

_MOST_LAYERS = 400
_ROWS_AT_ONCE = 4096
_DO = "Save one array with numpy.save: [rows, width], or [layers, rows, width] with the lowest layer first."


def check_vectors(ref: Vectors) -> Vectors:
    """The ref with what its file says of itself, after every number in it was looked at.

    Raises:
        CheckpointNotFound: no such file, or none that can be read.
        CheckpointDamaged: numbers that are none (NaN, infinite).
        IncompatibleRefs: rows that are not those of the data set.
    Cost:
        Reading the file twice, a few thousand rows at a time.
    """
    asked = f"Reading the vectors in {ref.path}."
    path = Path(ref.path)
    held = _opened(path, asked)
    examples = load_dataset(ref.of)
    rows = examples.n_words if ref.unit == "word" else len(examples)
    if held.shape[1] != rows:
        other = "" if ref.unit == "sentence" else f"; it has {len(examples):,} sentences"
        raise IncompatibleRefs(
            asked,
            f"It holds {held.shape[1]:,} rows; the data set has {rows:,} {ref.unit}s{other}.",
            "Choose the data set and the unit they were computed for, with a row for each in reading order.",
        )
    for layer in range(len(held)):
        for start in range(0, rows, _ROWS_AT_ONCE):
            if not np.isfinite(held[layer, start : start + _ROWS_AT_ONCE]).all():
                raise CheckpointDamaged(
                    asked,
                    f"Layer {layer} holds values that are no finite numbers, from row {start:,} on.",
                    "Compute them again.",
                )
    return ref.replace(digest=file_digest(path), n_layers=len(held) - 1, width=held.shape[2])


def open_vectors(ref: Vectors) -> NDArray[np.floating]:
    """[layers, rows, width], memory-mapped.

    Raises:
        CheckpointNotFound: the file is gone.
        CheckpointDamaged: it is another one.
    """
    asked, path = f"Opening the vectors in {ref.path}.", Path(ref.path)
    file_size(ref)
    if file_digest(path) != ref.digest:
        raise CheckpointDamaged(asked, "Its content changed since it was added.", "Add it again.")
    return _opened(path, asked)


def file_size(ref: Vectors) -> int:
    """Bytes of the file. Raises CheckpointNotFound."""
    path = Path(ref.path)
    if not path.is_file():
        raise CheckpointNotFound(
            f"Opening the vectors in {ref.path}.", "There is no such file.", "Put it back, or add it again."
        )
    return path.stat().st_size


def rows_of_sample(
    ref: Vectors, sentences: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Which rows belong to these sentences.

    Args:
        ref: of words or sentences.
        sentences: of the data set, rising [n].
    Returns:
        (row in the file, sentence counted within the sample, word in its sentence or -1), each [n_rows].
    """
    if ref.unit == "sentence":
        return sentences, np.arange(len(sentences), dtype=np.int32), np.full(len(sentences), -1, dtype=np.int32)
    counts = np.array([len(words) for words in load_dataset(ref.of).words], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)])
    rows = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in sentences])
    sentence = np.repeat(np.arange(len(sentences), dtype=np.int32), counts[sentences])
    word = np.concatenate([np.arange(counts[i], dtype=np.int32) for i in sentences])
    return rows, sentence, word


def _opened(path: Path, asked: str) -> NDArray[np.floating]:
    try:
        if not path.is_file():
            raise CheckpointNotFound(asked, "There is no such file.", "Check the path.")
        held = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, TypeError, SyntaxError) as error:
        raise CheckpointNotFound(asked, f"It is no array of numpy: {str(error)[:200]}.", _DO) from error
    if not isinstance(held, np.ndarray) or held.dtype.kind != "f" or held.ndim not in (2, 3) or not held.size:
        what = f"{held.dtype} {list(held.shape)}" if isinstance(held, np.ndarray) else "several arrays"
        raise CheckpointNotFound(asked, f"It holds {what}, not rows of decimal numbers.", _DO)
    held = held if held.ndim == 3 else held[None]
    if len(held) > _MOST_LAYERS:
        raise CheckpointNotFound(asked, f"It speaks of {len(held):,} layers.", _DO)
    return held
