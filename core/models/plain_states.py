"""Every layer as transformers itself hands it on, a sentence at a time and nothing padded: what extraction is held to."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from core.data.examples import Examples
from core.models.checkpoints import load_tokenizer
from core.models.sources import Source, encoder


def plain_states(
    source: Source, examples: Examples, *, on_sentence: Callable[[int, int], None] = lambda done, total: None
) -> NDArray[np.float32]:
    """`hidden_states` of the first piece of every word, on the CPU in float32.

    Args:
        source: the checkpoint.
        examples: sentences that are not cut, each word of which has a piece.
        on_sentence: called with (sentences done, sentences in all); may raise to stop.
    Returns:
        [layers, words, width]. The last layer of some families (GPT-2, Llama) is after a norm that belongs to no block.
    """
    tokenizer, rows = load_tokenizer(source.folder), []
    with encoder(source, "cpu") as model, torch.inference_mode():
        for at, (text, spans) in enumerate(zip(examples.texts, examples.spans, strict=True)):
            on_sentence(at, len(examples))
            encoded = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
            offsets = encoded["offset_mapping"][0].tolist()
            states = model(input_ids=encoded["input_ids"], output_hidden_states=True).hidden_states
            for start, end in spans:
                first = next(i for i, (a, b) in enumerate(offsets) if a < b and a < end and b > start)
                rows.append([state[0, first].float().numpy() for state in states])
    return np.array(rows, dtype=np.float32).transpose(1, 0, 2)
