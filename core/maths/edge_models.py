"""Edge-probing models, many as one: parameters stacked along a first dimension, one forward pass, one Adam.

A model mixes layers, projects the words of each span, pools them by self-attention, and reads the spans side by side with
a network of one hidden layer (linear, tanh, layer norm, dropout, linear: the classifier of the published toolkit). Each
has a learning rate of its own, and finished ones are taken out of the stack.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.maths.adam import adam_step

if TYPE_CHECKING:
    from torch import Tensor

_MIXING = ("scores", "gamma")


@dataclass(frozen=True)
class Spans:
    """One span of each of some edges, for one split of the edges or several side by side."""

    vectors: tuple["Tensor", ...]
    """All layers of the words that occur, float32 [layers, words, d], one tensor a split; equally many words in each."""
    places: "Tensor | None"
    """Where among them the words of each span stand [splits, edges, longest]; None where each span is its one word."""
    within: "Tensor | None"
    """False beyond the end of a span [splits, edges, longest]."""

    @classmethod
    def of(cls, layers: Sequence[NDArray], ranges: NDArray[np.int64], device: str, *, one_word: bool) -> "Spans":
        """Read the words of these spans, each word once in a split.

        Args:
            layers: each [n_words, d]; memory-mapped ones are read only where needed.
            ranges: first word and the one after the last [splits, edges, 2].
            device: where the vectors go.
            one_word: that all spans of the data are of one word: then nothing is pooled.
        """
        import torch

        def read(rows: NDArray[np.int64]) -> "Tensor":
            stacked = np.stack([np.asarray(layer[rows]) for layer in layers])
            return torch.from_numpy(stacked).to(device).float()

        if one_word:
            return cls(tuple(read(rows) for rows in ranges[..., 0]), None, None)
        lengths = ranges[..., 1] - ranges[..., 0]
        words = ranges[..., :1] + np.arange(lengths.max())
        within = words < ranges[..., 1:]
        distinct = [np.unique(of_split[inside]) for of_split, inside in zip(words, within, strict=True)]
        places = np.stack([np.searchsorted(known, of_split) for known, of_split in zip(distinct, words, strict=True)])
        most = max(map(len, distinct))
        vectors = tuple(read(np.pad(known, (0, most - len(known)), mode="edge")) for known in distinct)
        return cls(
            vectors,
            torch.from_numpy(np.where(within, places, 0)).to(device),
            torch.from_numpy(within).to(device),
        )


@dataclass(frozen=True)
class EdgeModels:
    """Several models on the same widths; parameters by name, [n_models, ...]."""

    values: dict[str, "Tensor"]
    usable: "Tensor"
    """Layers that each mixes, bool [n_models, layers]."""
    size: "Tensor"
    """What each divides a layer by [n_models, layers]."""
    split: "Tensor"
    """Which of the splits that are read side by side it reads, rising [n_models]."""

    def take(self, rows: "Tensor") -> "EdgeModels":
        """Some of the models."""
        values = {name: value[rows] for name, value in self.values.items()}
        return EdgeModels(values, self.usable[rows], self.size[rows], self.split[rows])

    def alone(self) -> "EdgeModels":
        """The same models of one split, where only that one is read."""
        return EdgeModels(self.values, self.usable, self.size, self.split * 0)

    def weights(self) -> "Tensor":
        """Mixing weights, 0 for layers that are not mixed [n_models, layers]."""
        return self.values["scores"].masked_fill(~self.usable, -float("inf")).softmax(dim=1)

    def logits(self, sides: Sequence[Spans], kept: "Tensor | None" = None) -> "Tensor":
        """Of each label [n_models, edges, K].

        Args:
            sides: the first spans and, of pairs, the second ones, of the splits 0, 1 … that `split` counts.
            kept: what dropout leaves of the hidden units, by split [splits, edges, width]; None = all, as in testing.
        """
        import torch

        factors = self.weights() / self.size * self.values["gamma"][:, None]
        hidden = self.values["hidden bias"]
        for side, spans in enumerate(sides):
            words = torch.baddbmm(
                self.values[f"bias {side}"], self._mixed(factors, spans), self.values[f"project {side}"]
            )
            if spans.places is not None and spans.within is not None:
                places, within = spans.places[self.split], spans.within[self.split]
                words = pooled(words, self.values[f"attend {side}"], places, within)
            hidden = torch.baddbmm(hidden, words, self.values[f"hidden {side}"])
        hidden = torch.nn.functional.layer_norm(hidden.tanh(), hidden.shape[-1:])
        hidden = hidden * self.values["gain"] + self.values["shift"]
        if kept is not None:
            hidden = hidden * kept[self.split]
        return torch.baddbmm(self.values["out bias"], hidden, self.values["out"])

    def _mixed(self, factors: "Tensor", spans: Spans) -> "Tensor":
        """Sums of the layers [n_models, words, d]: one product a split."""
        import torch

        parts = [
            (factors[self.split == split] @ vectors.flatten(1)).unflatten(1, vectors.shape[1:])
            for split, vectors in enumerate(spans.vectors)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)


def pooled(words: "Tensor", attend: "Tensor", places: "Tensor", within: "Tensor") -> "Tensor":
    """Means of the words of each span, weighted by the softmax over the span of each word's score, its product with `attend`.

    Args:
        words: [n_models, words, width].
        attend: [n_models, width, 1].
        places: of each span's words [n_models, spans, longest].
        within: False beyond a span's end [n_models, spans, longest].
    Returns:
        [n_models, spans, width]; a span of one word is that word.
    """
    import torch

    n_models, n_words, width = words.shape
    scores = (words @ attend)[..., 0].gather(1, places.flatten(1)).view(places.shape)
    shares = scores.masked_fill(~within, -float("inf")).softmax(dim=2)
    rows = places + n_words * torch.arange(n_models, device=words.device)[:, None, None]
    lengths = within.sum(dim=2).flatten()
    sums = torch.nn.functional.embedding_bag(
        rows[within],
        words.reshape(-1, width),
        lengths.cumsum(0) - lengths,
        mode="sum",
        per_sample_weights=shares[within],
    )
    return sums.view(n_models, -1, width)


def first_values(
    seed: int, *, n_layers: int, d: int, width: int, n_labels: int, one_word: Sequence[bool]
) -> dict[str, NDArray[np.float32]]:
    """Parameters to start from: equal mixing weights, gamma 1, linear maps as torch draws them, U(+-1 / sqrt(inputs)).

    Args:
        seed: draws.
        n_layers, d, width, n_labels: sizes.
        one_word: of each side, that all its spans are of one word: it has no attention.
    """
    rng = np.random.default_rng((seed, 0))

    def drawn(n_inputs: int, *shape: int) -> NDArray[np.float32]:
        return (rng.uniform(-1, 1, shape) / np.sqrt(n_inputs)).astype(np.float32)

    values = {"scores": np.zeros(n_layers, dtype=np.float32), "gamma": np.array(1, dtype=np.float32)}
    together = width * len(one_word)
    for side, alone in enumerate(one_word):
        values[f"project {side}"], values[f"bias {side}"] = drawn(d, d, width), drawn(d, 1, width)
        values[f"hidden {side}"] = drawn(together, width, width)
        if not alone:
            values[f"attend {side}"] = drawn(width, width, 1)
    values["hidden bias"] = drawn(together, 1, width)
    values["gain"], values["shift"] = np.ones((1, width), dtype=np.float32), np.zeros((1, width), dtype=np.float32)
    values["out"], values["out bias"] = drawn(width, width, n_labels), drawn(width, 1, n_labels)
    return values


@dataclass
class Adam:
    """Adam with a learning rate for each model; the few numbers of the mix move faster than the maps."""

    mean: dict[str, "Tensor"]
    square: dict[str, "Tensor"]
    n_steps: int = 0

    @classmethod
    def at(cls, models: EdgeModels) -> "Adam":
        mean, square = ({name: value.new_zeros(value.shape) for name, value in models.values.items()} for _ in range(2))
        return cls(mean, square)

    def take(self, rows: "Tensor") -> "Adam":
        """That of some of the models."""
        mean, square = ({name: value[rows] for name, value in held.items()} for held in (self.mean, self.square))
        return Adam(mean, square, self.n_steps)

    def step(self, models: EdgeModels, gradients: Sequence["Tensor"], rates: "Tensor", mixing_rates: "Tensor") -> None:
        """Move the parameters in place, against gradients in the order of models.values; rates [n_models]."""
        self.n_steps += 1
        for (name, value), gradient in zip(models.values.items(), gradients, strict=True):
            rate = (mixing_rates if name in _MIXING else rates).view(-1, *[1] * (value.ndim - 1))
            adam_step(value.detach(), gradient, self.mean[name], self.square[name], n_steps=self.n_steps, rates=rate)
