"""Structural probes: a linear map under which squared distances are distances in the tree, and squared norms depths.

The probes of all layers are trained in one batched loop, each with its own step size and its own end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.adam import adam_step
from core.maths.structure import tree_depths, tree_distances

if TYPE_CHECKING:
    from torch import Tensor

EPOCHS, PATIENCE, BATCH = 40, 5, 20
_RATE, _DROP, _LEAST_GAIN = 1e-3, 0.1, 1e-4
_START = 0.05


@dataclass(frozen=True)
class Trees:
    """Sentences whose words stand one after another in the rows of a layer."""

    start: NDArray[np.int64]
    """First row of each sentence [n_sentences]."""
    heads: tuple[tuple[int, ...], ...]
    """1-based, 0 = root; as many as the sentence has rows."""

    def pick(self, chosen: Sequence[int] | NDArray[np.intp]) -> "Trees":
        """These sentences."""
        return Trees(self.start[chosen], tuple(self.heads[at] for at in chosen))


@dataclass(frozen=True)
class StructuralProbes:
    """One probe for distances and one for depths, for each layer."""

    distance: NDArray[np.float32]
    """[layers, d, rank]."""
    depth: NDArray[np.float32]
    """[layers, d, rank]."""
    n_epochs: NDArray[np.int64]
    """Epochs until each was at its best on the development sentences [layers, (distance, depth)]."""

    def predict(self, layers: Sequence[NDArray], start: int, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Distances [layers, n, n] and depths [layers, n] of the n words from row `start`, both >= 0."""
        words = np.stack([np.asarray(layer[start : start + n], dtype=np.float32) for layer in layers])
        depths = np.square((words @ self.depth).astype(np.float64)).sum(axis=-1)
        moved = (words @ self.distance).astype(np.float64)
        squares = np.square(moved).sum(axis=-1)
        distances = squares[:, :, None] + squares[:, None, :] - 2 * moved @ moved.transpose(0, 2, 1)
        return np.maximum((distances + distances.transpose(0, 2, 1)) / 2, 0.0), depths


def fit_structural_probes(
    layers: Sequence[NDArray],
    train: Trees,
    dev: Trees,
    *,
    rank: int,
    seed: int = 0,
    device: str = "cpu",
    on_epoch: Callable[[int, int], None] | None = None,
) -> StructuralProbes:
    """Train a distance and a depth probe on every layer.

    Distance |B(h_i - h_j)|^2 against edges between words, loss sum |difference| / n^2 a sentence; depth |B h_i|^2 against edges
    from the root, sum |difference| / n. Adam at 1e-3, a tenth of it after each epoch that does not gain 1e-4 on the
    development sentences, at most 40 epochs, ended by 5 without gain; the best is kept. Batches of 20 sentences.

    Args:
        layers: vectors of words, one matrix a layer [n_words, d], float16 or float32.
        train: sentences to train on.
        dev: sentences that decide on step size and end.
        rank: rows of B, 1 to d.
        seed: draws B from U(-0.05, 0.05) and the order of sentences.
        device: "cpu", "cuda" or "mps".
        on_epoch: told (epochs done, 40) after each; may raise to stop.
    Returns:
        Probes in the units of the layers as given.
    Raises:
        SpecInvalid: a rank out of range.
        NotEnoughData: no training or no development sentence of two words.
        ShapeError: layers of unequal shapes, values that are not finite, or heads that are no tree.
    Source:
        Hewitt & Manning (2019), naacl N19-1419, and their published settings. Differs: a layer is first divided by the root of
        its mean squared entry, one number that B could absorb, so that one step size suits all layers.
    Cost:
        O(epochs * layers * words * d * rank); one batch of sentences is held in memory as float32.
    """
    import torch

    d = _width(layers, rank)
    seen, held = _sentences(train), _sentences(dev)
    if not seen or not held:
        raise NotEnoughData(
            "Fitting structural probes.",
            f"{len(seen)} training and {len(held)} development sentences have two words or more.",
            "Give more, and longer, sentences.",
        )
    scales = _scales(layers, seen)
    # Two generators, and layers drawn one after another: a layer's probe is the same whichever layers come after it.
    drawn, shuffled = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    W = ((torch.rand(len(layers), d, 2 * rank, generator=drawn) * 2 - 1) * _START).to(device)
    mean, square, n_steps = torch.zeros_like(W), torch.zeros_like(W), 0
    best, lowest = W.clone(), torch.full((2, len(layers)), torch.inf)
    best_epoch = torch.zeros(2, len(layers), dtype=torch.int64)
    rates, going = torch.full((2, len(layers)), _RATE), torch.ones(2, len(layers), dtype=torch.bool)
    for epoch in range(1, EPOCHS + 1):
        order = shuffled.permutation(len(seen)).tolist()
        for first in range(0, len(order), BATCH):
            batch = _Batch.of(layers, scales, [seen[at] for at in order[first : first + BATCH]], device)
            (gradient,) = torch.autograd.grad(batch.losses(W.requires_grad_(True)).sum(), W)
            W, n_steps = W.detach(), n_steps + 1
            by_column = _by_column((rates * going).to(device), rank)
            adam_step(W, gradient, mean, square, n_steps=n_steps, rates=by_column)
        with torch.no_grad():
            loss = _mean_loss(layers, scales, held, W, device)
        if not bool(torch.isfinite(loss).all()):
            raise ShapeError("Fitting structural probes.", "The loss is not finite.", "Look for overflow (float16).")
        gained = going & (loss < lowest - _LEAST_GAIN)
        best = torch.where(_by_column(gained.to(device), rank), W, best)
        best_epoch[gained], lowest[gained] = epoch, loss[gained]
        rates = torch.where(gained, rates, rates * _DROP)
        going &= epoch - best_epoch < PATIENCE
        if on_epoch is not None:
            on_epoch(epoch, EPOCHS)
        if not bool(going.any()):
            break
    found = (best.cpu() / scales[:, None, None]).numpy()
    return StructuralProbes(found[..., :rank], found[..., rank:], best_epoch.T.numpy())


def _by_column(values: "Tensor", rank: int) -> "Tensor":
    """Values [(distance, depth), layers] spread over the columns of W [layers, 1, 2 * rank]."""
    return values.T.repeat_interleave(rank, dim=1)[:, None]


@dataclass(frozen=True)
class _Sentence:
    """A sentence with its tree written out."""

    rows: NDArray[np.int64]
    distance: NDArray[np.int64]
    depth: NDArray[np.int64]


def _sentences(trees: Trees) -> list[_Sentence]:
    """Those of two words or more: in others there is nothing to learn."""
    return [
        _Sentence(np.arange(start, start + len(heads)), tree_distances(heads), tree_depths(heads))
        for start, heads in zip(trees.start.tolist(), trees.heads, strict=True)
        if len(heads) > 1
    ]


@dataclass(frozen=True)
class _Batch:
    """Sentences side by side, padded to the longest."""

    H: "Tensor"
    """[layers, sentences * longest, d]."""
    distance: "Tensor"
    """Gold [sentences, longest, longest]."""
    depth: "Tensor"
    """Gold [sentences, longest]."""
    within: "Tensor"
    """1 where there is a word [sentences, longest]."""

    @classmethod
    def of(cls, layers: Sequence[NDArray], scales: "Tensor", sentences: Sequence[_Sentence], device: str) -> "_Batch":
        import torch

        size = len(sentences), (longest := max(len(one.rows) for one in sentences))
        rows, within = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.float32)
        distance, depth = np.zeros((*size, longest), dtype=np.float32), np.zeros(size, dtype=np.float32)
        for at, one in enumerate(sentences):
            n = len(one.rows)
            rows[at, :n], within[at, :n] = one.rows, 1
            distance[at, :n, :n], depth[at, :n] = one.distance, one.depth
        H = np.stack([np.asarray(layer)[rows.ravel()].astype(np.float32) for layer in layers])
        moved = [torch.from_numpy(array).to(device) for array in (H, distance, depth, within)]
        return cls(moved[0] / scales.to(device)[:, None, None], *moved[1:])

    def losses(self, W: "Tensor") -> "Tensor":
        """Mean over sentences [(distance, depth), layers]."""
        import torch

        n_sentences, longest = self.within.shape
        T = (self.H @ W).view(len(W), n_sentences, longest, -1)
        T, D = T.chunk(2, dim=-1)
        squares = T.square().sum(dim=-1)
        away = squares[..., :, None] + squares[..., None, :] - 2 * T @ T.transpose(-1, -2)
        n = self.within.sum(dim=1)
        both = self.within[:, :, None] * self.within[:, None, :]
        distance = ((away - self.distance).abs() * both).sum(dim=(-1, -2)) / n**2
        depth = ((D.square().sum(dim=-1) - self.depth).abs() * self.within).sum(dim=-1) / n
        return torch.stack([distance.mean(dim=-1), depth.mean(dim=-1)])


def _mean_loss(
    layers: Sequence[NDArray], scales: "Tensor", sentences: Sequence[_Sentence], W: "Tensor", device: str
) -> "Tensor":
    """Over all sentences, on the CPU [(distance, depth), layers]."""
    import torch

    total = torch.zeros(2, len(layers))
    for first in range(0, len(sentences), BATCH):
        batch = sentences[first : first + BATCH]
        total += _Batch.of(layers, scales, batch, device).losses(W).cpu() * len(batch)
    return total / len(sentences)


def _scales(layers: Sequence[NDArray], sentences: Sequence[_Sentence]) -> "Tensor":
    """Root of the mean squared entry of each layer over the training words [layers]."""
    import torch

    rows = np.concatenate([one.rows for one in sentences])
    found = [float(np.sqrt(np.mean(np.square(np.asarray(layer)[rows], dtype=np.float64)))) for layer in layers]
    if not np.isfinite(found).all():
        raise ShapeError(
            "Fitting structural probes.",
            "Some vectors are not finite.",
            "Look for overflow (float16) in the activations.",
        )
    return torch.tensor([scale or 1.0 for scale in found], dtype=torch.float32)


def _width(layers: Sequence[NDArray], rank: int) -> int:
    shapes = {np.shape(layer) for layer in layers}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 2:
        raise ShapeError(
            "Fitting structural probes.", "The layers differ in shape.", "Give one matrix [n_words, d] a layer."
        )
    if not 1 <= rank <= shape[1]:
        raise SpecInvalid(
            f"Structural probes of rank {rank}.", f"The vectors have {shape[1]} dimensions.", "Choose 1 to that number."
        )
    return int(shape[1])
