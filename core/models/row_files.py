"""Rows of every layer, written at their final place as they come, with a log of what is safely on disk.

Plain positioned writes (a memory map would count as memory); a log of finished sentences lets a killed run go on where
it stopped.
"""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import SpecInvalid

_CHECKPOINT_SECONDS = 2.0
"""How often finished sentences are made safe on disk; a kill loses no more work than this."""


class RowFiles:
    """Positioned writes into one .npy a layer, with a log of the sentences that are safely on disk."""

    def __init__(
        self, into: Path, *, n_layers: int, shape: tuple[int, int], dtype: str, n_sentences: int, precision: str
    ) -> None:
        self.paths = tuple(into / f"layers.{layer:02d}.npy" for layer in range(n_layers))
        self.done = np.zeros(n_sentences, dtype=bool)
        self._dtype, self._shape = np.dtype(dtype), shape
        # What was computed otherwise is not continued: no result mixes two kinds of arithmetic.
        self._log_path = into / ("finished.log" if precision == "float32" else f"finished.{precision}.log")
        self._waiting: list[NDArray[np.int64]] = []
        self._saved_at = time.monotonic()

    def __enter__(self) -> "RowFiles":
        size = self._header_and_size()
        logged = self._logged(size)
        for other in self._log_path.parent.glob("finished*.log"):
            if logged is None or other != self._log_path:
                other.unlink(missing_ok=True)
        if logged is None:
            for path in self.paths:
                self._create(path, size)
        else:
            self.done[logged] = True
        self._files = [os.open(path, os.O_WRONLY) for path in self.paths]
        self._log = self._log_path.open("ab")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        try:
            if kind is None or issubclass(kind, Exception):
                self._save()
        finally:
            for file in self._files:
                os.close(file)
            self._log.close()
            if kind is None:
                self._log_path.unlink(missing_ok=True)

    def write(self, batch: NDArray[np.int64], first_row: NDArray[np.int64], states: list[torch.Tensor]) -> None:
        """Write the rows of these sentences for every layer.

        Args:
            batch: sentences, rising.
            first_row: first row of each sentence [n_sentences + 1].
            states: one a layer, [rows of the batch, width] in the order of its sentences, of the dtype on disk.
        Raises:
            SpecInvalid: a value that is not finite in it.
        """
        width, item = self._shape[1], self._dtype.itemsize
        counts = first_row[batch + 1] - first_row[batch]
        ends = np.cumsum(counts)
        for file, state in zip(self._files, states, strict=True):
            block = state.numpy()
            if not np.isfinite(block).all():
                raise SpecInvalid(
                    f"Storing vectors as {self._dtype.name}.",
                    "Some values are not finite in it.",
                    "Store them as float32; where they are, compute on the CPU (TUNESCOPE_DEVICE=cpu), in full precision.",
                )
            for sentence, count, end in zip(batch, counts, ends, strict=True):
                place = self._data_start + int(first_row[sentence]) * width * item
                _write_all(file, block[end - count : end].tobytes(), place)
        self.done[batch] = True
        self._waiting.append(batch)
        if time.monotonic() - self._saved_at > _CHECKPOINT_SECONDS:
            self._save()

    def _save(self) -> None:
        """Make the written rows safe first, then say that they are."""
        for file in self._files:
            os.fsync(file)
        for batch in self._waiting:
            self._log.write(batch.astype(np.int64).tobytes())
        self._log.flush()
        os.fsync(self._log.fileno())
        self._waiting.clear()
        self._saved_at = time.monotonic()

    def _logged(self, size: int) -> NDArray[np.int64] | None:
        """Sentences that an earlier run finished; None where it left nothing that fits."""
        fits = all(path.is_file() and path.stat().st_size == size for path in self.paths) and self._log_path.is_file()
        if not fits:
            return None
        # The last entry may be torn; what is appended must not begin inside it.
        os.truncate(self._log_path, self._log_path.stat().st_size // 8 * 8)
        logged = np.fromfile(self._log_path, dtype=np.int64)
        in_range = (logged >= 0) & (logged < len(self.done))
        return logged if in_range.all() else None

    def _header_and_size(self) -> int:
        from io import BytesIO

        header = BytesIO()
        descr = np.lib.format.dtype_to_descr(self._dtype)
        np.lib.format.write_array_header_1_0(header, {"descr": descr, "fortran_order": False, "shape": self._shape})
        self._header = header.getvalue()
        self._data_start = len(self._header)
        return self._data_start + self._shape[0] * self._shape[1] * self._dtype.itemsize

    def _create(self, path: Path, size: int) -> None:
        with path.open("wb") as stream:
            stream.write(self._header)
            # Reserved now, so that a full disk is met before the work rather than after it.
            os.posix_fallocate(stream.fileno(), 0, size) if hasattr(os, "posix_fallocate") else stream.truncate(size)


def _write_all(file: int, data: bytes, place: int) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(file, data[written:], place + written)
