"""What tests of faults share: messages that say all three things, tiny real checkpoints, Python in another process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.errors import TunescopeError
from core.models.checkpoints import locate
from core.refs import Packaged

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from core.models.sources import Source

ROOT = Path(__file__).resolve().parent.parent
WIDTH, DEPTH, POSITIONS = 32, 3, 66


def says(problem: pytest.ExceptionInfo, *words: str) -> None:
    """The three parts of a message are there, and so are these words."""
    error = problem.value
    assert isinstance(error, TunescopeError)
    assert error.asked
    assert error.found
    assert error.do
    for word in words:
        assert word in str(error)


def python(
    *arguments: str, cache: Path | None = None, text: str | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Python in a process of its own, from the repository's root unless told otherwise."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | ({"TUNESCOPE_CACHE": str(cache)} if cache else {})
    return subprocess.run(
        [sys.executable, *arguments], input=text, env=environment, cwd=cwd, capture_output=True, text=True, timeout=120
    )


def tiny(family: str, into: Path, *, seed: int = 0) -> "PreTrainedModel":
    """Save a random checkpoint of 3 blocks x 32 with the packaged tokenizer into a folder; returns the model."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel, GPT2Config, GPT2Model, RobertaConfig, RobertaModel

    tokenizer = AutoTokenizer.from_pretrained(locate(Packaged()))
    torch.manual_seed(seed)
    sizes = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    shape = {"hidden_size": WIDTH, "num_hidden_layers": DEPTH, "num_attention_heads": 4, "intermediate_size": 64}
    if family == "gpt2":
        config = GPT2Config(**sizes, n_embd=WIDTH, n_layer=DEPTH, n_head=4, n_positions=POSITIONS)
        model: PreTrainedModel = GPT2Model(config)
    elif family == "roberta":
        model = RobertaModel(RobertaConfig(**sizes, **shape, max_position_embeddings=POSITIONS))
    else:
        model = BertModel(BertConfig(**sizes, **shape, max_position_embeddings=POSITIONS))
    # Random norms: with the usual ones and zeros, a normed state would be its own norm and nothing could tell them apart.
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, mean=1.0 if "weight" in name else 0.0, std=0.3)
    model.save_pretrained(into)
    tokenizer.save_pretrained(into)
    return model.eval()


def loaded(source: "Source") -> "PreTrainedModel":
    """The backbone that stands for a checkpoint in this process, as it is now."""
    from core.models.sources import encoder

    with encoder(source, "cpu") as model:
        return model


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A real file system of so many bytes; the test is skipped where mounting one is not allowed."""
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs rights that this process lacks")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
