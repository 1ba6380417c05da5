"""Which device computes, and how many threads."""

import os


def pick_device(wanted: str) -> str:
    """The wanted device, or the best there is: cuda, mps, cpu."""
    import torch

    if wanted:
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


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
