"""Which device computes, and how many threads."""

import ctypes
import ctypes.util
import os
from functools import lru_cache


def pick_device(wanted: str) -> str:
    """The wanted device, or the best there is: cuda, mps, cpu."""
    import torch

    if wanted:
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def give_back_memory() -> None:
    """Return freed memory to the system, where the C library can (glibc).

    Batches of ever other shapes leave its heap in pieces, and a long run would grow by a third; asking every few
    batches costs nothing that can be measured.
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
