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


def use_threads(count: int) -> None:
    """Let torch use this many CPU threads in this process."""
    import torch

    os.environ["OMP_NUM_THREADS"] = str(count)
    torch.set_num_threads(count)
