"""Activation patching: put one network's states into another while it runs, and see what its head then says."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.data.examples import Examples
from core.models.heads import LabelHead
from core.models.hooks import beginning_at, reading_layers
from core.models.tuning import asked_items

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Where = NDArray[np.bool_]
"""Places of a batch, bool [rows, pieces]."""
LogShares = list[NDArray[np.float64]]
"""Of each row of a batch: natural logarithm of the softmax, [answers, labels]; one answer for all of it, or one a word."""


class Pair:
    """Two networks of one shape, with one head and one tokenizer, and what is put from one into the other."""

    def __init__(
        self,
        models: "tuple[PreTrainedModel, PreTrainedModel]",
        tokenizer: "PreTrainedTokenizerBase",
        examples: Examples,
        *,
        head: LabelHead,
        longest: int,
    ) -> None:
        """`longest`: pieces to cut at."""
        self._models, self._head, self._tokenizer = models, head, tokenizer
        self._items, self._begins, self._collate = asked_items(
            tokenizer, models[0], examples, head=head, longest=longest
        )
        self.n_layers = int(models[0].config.num_hidden_layers)

    def pieces(self, row: int) -> list[str]:
        """The pieces of an example as the tokenizer writes them."""
        found: list[str] = self._tokenizer.convert_ids_to_tokens(self._items[row]["input_ids"])
        return found

    def words(self, row: int) -> list[int]:
        """The words of an example that have an answer of their own, in the order of its answers."""
        return list(self._begins[row])

    def by_length(self) -> list[int]:
        """All examples, the shortest first."""
        return sorted(range(len(self._items)), key=lambda row: len(self._items[row]["input_ids"]))

    def real(self, rows: Sequence[int]) -> Where:
        """Where a batch of these examples holds a piece, and no padding."""
        return self._batch(rows)["attention_mask"].numpy().astype(bool)

    def says(self, side: int, rows: Sequence[int]) -> tuple[LogShares, list[torch.Tensor]]:
        """What the head says after one network, and the network's states of layers 0..n, [rows, pieces, width] each."""
        states: list[torch.Tensor] = []
        with reading_layers(
            _backbone(self._models[side]), self.n_layers, lambda _, hidden: states.append(hidden.detach().clone())
        ):
            return self._ask(side, rows), states

    def patched(self, side: int, rows: Sequence[int], layer: int, states: torch.Tensor) -> LogShares:
        """What the head says after one network that runs on from other states of a layer.

        Args:
            side: the network that runs.
            rows: examples of the batch; one may stand in it several times.
            layer: 0..n.
            states: all of its states, [rows, pieces, width], of `mixed`.
        """
        with beginning_at(_backbone(self._models[side]), self.n_layers, layer, states):
            return self._ask(side, rows)

    def _ask(self, side: int, rows: Sequence[int]) -> LogShares:
        model = self._models[side]
        with torch.inference_mode():
            output = model(**{name: value.to(model.device) for name, value in self._batch(rows).items()})
            said = self._head.reads(model, output, [self._begins[row] for row in rows])
        return [one.log_shares for one in said]

    def _batch(self, rows: Sequence[int]) -> dict[str, torch.Tensor]:
        return self._collate([self._items[row] for row in rows])


def mixed(own: torch.Tensor, put: torch.Tensor, where: Where) -> torch.Tensor:
    """States of a layer with those of another network at some places. Args: own, put: [rows, pieces, width]."""
    return torch.where(torch.from_numpy(where)[..., None].to(own.device), put.to(own), own)


def _backbone(model: Any) -> "PreTrainedModel":
    found: PreTrainedModel = model.base_model
    return found
