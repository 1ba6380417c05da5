"""Which device computes, and how many threads."""

import ctypes
import ctypes.util
import os
from functools import lru_cache
from typing import Literal

Precision = Literal["float32", "bfloat16", "float16"]
"""Of a forward pass."""


def pick_device(wanted: str) -> str:
    """The wanted device, or the best there is: cuda, mps, cpu."""
    import torch

    if wanted:
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def precision_on(device: str) -> Precision:
    """The arithmetic of a forward pass there: half precision on cards, bfloat16 where they have it."""
    import torch

    if not device.startswith("cuda"):
        return "float32"
    return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it says that memory ran out, the card's or the host's."""
    import torch

    said = "can't allocate memory", "not enough memory", "out of memory"
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(part in str(error) for part in said)


def give_back_memory() -> None:
    """Return freed memory to the system, where the C library can (glibc).

    Batches of ever other shapes leave its heap in pieces, and a long run would grow by a third. Asking costs milliseconds:
    nothing beside a batch on a processor.
    """
    library = _c_library()
    if library is not None:
        library.malloc_trim(0)


@lru_cache(maxsize=1)
def _c_library() -> ctypes.CDLL | None:
    name = ctypes.util.find_library("c")
    library = ctypes.CDLL(name) if name else None
    return library if library is not None and hasattr(library, "malloc_trim") else None


def quieten() -> None:
    """No progress bars and load reports of transformers: ours are shown elsewhere, and a log should hold news."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()


def use_threads(count: int) -> None:
    """Let torch use this many CPU threads in this process."""
    import torch

    os.environ["OMP_NUM_THREADS"] = str(count)
    torch.set_num_threads(count)
