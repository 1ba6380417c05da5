"""The loop that trains edge probes: minibatches of all splits side by side, an end for each model by its dev edges."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import NotEnoughData, ShapeError
from core.maths.edge_models import Adam, EdgeModels, Spans, first_values
from core.maths.mixing import EdgeProbes, Edges, EdgeSplit, Mix, Training, mean_norms, words_of

if TYPE_CHECKING:
    from torch import Tensor

_ASKED = "Training edge probes."
_READ_AT_ONCE = 512
"""Edges, outside training."""
_LEAST_BATCHES, _LEAST_EDGES = 32, 32
"""Batches in an epoch, where there are edges enough for batches of that size."""
_LEAST_FALL = 0.01
"""Share of the loss on the dev edges by which it must fall to count as a gain."""


class Course:
    """Models on their way; arrays [n_models] by model, split by split, and those of the stack by what is left in it."""

    def __init__(
        self,
        layers: Sequence[NDArray],
        edges: Edges,
        splits: Sequence[EdgeSplit],
        models: Sequence[Mix],
        how: Training,
        *,
        device: str,
        check: Callable[[], None],
    ) -> None:
        self._layers, self._edges, self._splits, self._how = layers, edges, splits, how
        self._device, self._check = device, check
        self._sides = [side for side in (edges.first, edges.second) if side is not None]
        self._one_word = [bool((side[:, 1] - side[:, 0] == 1).all()) for side in self._sides]
        n = len(models)
        self._order = np.argsort([model.split for model in models], kind="stable")
        self._models = [models[at] for at in self._order]
        self._split = np.array([model.split for model in self._models])
        self._task = np.array([model.task for model in self._models])
        self._batch = min(how.batch, max(_LEAST_EDGES, len(splits[0].train) // _LEAST_BATCHES))
        self._dropout = [np.random.default_rng((split.seed, 2)) for split in splits]
        self._stack = self._begun()
        self._adam = Adam.at(self._stack)
        self._left = np.arange(n)
        self._best = {name: value.clone() for name, value in self._stack.values.items()}
        self._f1, self._loss, self._lowest = np.full(n, -1.0), np.full(n, np.inf), np.full(n, np.inf)
        self._rate, self._waited, self._epochs = np.ones(n), np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)

    def run(self) -> Iterator[tuple[int, int]]:
        """Train to the end; gives (done, total) after each batch, and at the end."""
        n_batches = -(-len(self._splits[0].train) // self._batch)
        n, limit = len(self._models), self._how.max_epochs
        total = n * limit * n_batches
        for epoch in range(limit):
            # What has stopped counts as if it had run to the limit, so that the share done never falls.
            over = (n - len(self._left)) * limit * n_batches
            for at, rows in enumerate(np.array_split(self._orders(epoch), n_batches, axis=1), start=1):
                self._check()
                self._descend(rows)
                yield over + len(self._left) * (epoch * n_batches + at), total
            self._validate()
            if not len(self._left):
                break
        yield total, total

    def result(self) -> EdgeProbes:
        """The models at their best, read on the test edges."""
        import torch

        back = np.argsort(self._order)
        best = EdgeModels(self._best, *self._mixable(), torch.from_numpy(self._split).to(self._device))
        shares: list[NDArray[np.float32]] = []
        for split in np.unique(self._split):
            own = best.take(torch.from_numpy(self._split == split).to(self._device))
            logits = torch.cat(list(self._read(own.alone(), self._splits[split].test)), dim=1)
            shares += list(logits.sigmoid().cpu().numpy())
        return EdgeProbes(
            weights=best.weights().cpu().numpy().astype(np.float64)[back],
            gamma=best.values["gamma"].cpu().numpy().astype(np.float64)[back],
            sizes=best.size.cpu().numpy().astype(np.float64)[back],
            probabilities=tuple(shares[at] for at in back),
            epochs=self._epochs[back],
            stopped=(self._waited >= self._how.stop_after)[back],
        )

    def _begun(self) -> EdgeModels:
        """All models before the first step; those of a split begin alike."""
        import torch

        begun = [
            first_values(
                split.seed,
                n_layers=len(self._layers),
                d=self._layers[0].shape[1],
                width=self._how.width,
                n_labels=self._edges.targets.shape[2],
                one_word=self._one_word,
            )
            for split in self._splits
        ]
        values = {
            name: torch.from_numpy(np.stack([begun[split][name] for split in self._split])).to(self._device)
            for name in begun[0]
        }
        _, place = np.unique(self._split, return_inverse=True)
        return EdgeModels(values, *self._mixable(), torch.from_numpy(place).to(self._device))

    def _mixable(self) -> "tuple[Tensor, Tensor]":
        """Which layers each model mixes, and what it divides them by so that entries are about 1 [n_models, layers].

        One number for all layers that a model mixes, so that it changes nothing but how far a step goes; or, with equal
        norms, each layer's own.
        """
        import torch

        width = np.sqrt(self._layers[0].shape[1])
        usable = np.arange(len(self._layers)) <= np.array([model.top for model in self._models])[:, None]
        of_split = [mean_norms(self._layers, words_of(self._edges, split.train)) / width for split in self._splits]
        sizes = np.stack([of_split[split] for split in self._split])
        if not self._how.equal_norms:
            common = (sizes * usable).sum(axis=1, keepdims=True) / usable.sum(axis=1, keepdims=True)
            sizes = np.where(common > 0, common, 1.0) * np.ones_like(sizes)
        elif not sizes.min() > 0:
            raise NotEnoughData(
                _ASKED,
                "A layer is zero in all training words, so that it has no norm to be divided by.",
                "Mix the layers as they are, or look at how they were computed.",
            )
        moved = torch.from_numpy(usable), torch.from_numpy(sizes.astype(np.float32))
        return moved[0].to(self._device), moved[1].to(self._device)

    def _orders(self, epoch: int) -> NDArray[np.intp]:
        """Training edges of the splits that are still read, as this epoch goes through them [splits, n_train]."""
        read = [self._splits[split] for split in np.unique(self._split[self._left])]
        return np.stack([np.random.default_rng((one.seed, 1, epoch)).permutation(one.train) for one in read])

    def _descend(self, rows: NDArray[np.intp]) -> None:
        """One step of all models on these edges of each split [splits, n]."""
        import torch

        values = [value.requires_grad_() for value in self._stack.values.values()]
        logits = self._stack.logits(self._spans(rows), self._kept(rows.shape[1]))
        losses = _losses(logits, self._targets(self._left, rows[self._stack.split.cpu().numpy()]))
        gradients = torch.autograd.grad(losses.sum(), values)
        rate = torch.from_numpy(self._rate[self._left]).float().to(self._device)
        self._adam.step(self._stack, gradients, self._how.rate * rate, self._how.mixing_rate * rate)

    def _kept(self, n: int) -> "Tensor | None":
        """What dropout leaves of the hidden units [splits, n, width]."""
        import torch

        share = 1 - self._how.dropout
        if share == 1:
            return None
        read = np.unique(self._split[self._left])
        drawn = [self._dropout[split].random((n, self._how.width), dtype=np.float32) < share for split in read]
        return torch.from_numpy(np.stack(drawn)).to(self._device).float() / share

    def _spans(self, rows: NDArray[np.intp]) -> list[Spans]:
        """The sides of edges, as many of each split [splits, n]."""
        return [
            Spans.of(self._layers, side[rows], self._device, one_word=alone)
            for side, alone in zip(self._sides, self._one_word, strict=True)
        ]

    def _targets(self, models: NDArray[np.intp], rows: NDArray[np.intp]) -> "Tensor":
        """Of each model's task and edges, 0 or 1 [models, n, K]; rows [models, n]."""
        import torch

        return torch.from_numpy(self._edges.targets[self._task[models][:, None], rows]).to(self._device).float()

    def _read(self, models: EdgeModels, rows: NDArray[np.intp]) -> "Iterator[Tensor]":
        """Logits of models of one split, some edges at a time [models, n, K]."""
        import torch

        for first in range(0, len(rows), _READ_AT_ONCE):
            self._check()
            with torch.no_grad():
                yield models.logits(self._spans(rows[None, first : first + _READ_AT_ONCE]))

    def _validate(self) -> None:
        """Read the dev edges; keep what has gained, slow down or end what has not."""
        import torch

        f1, loss = np.zeros(len(self._left)), np.zeros(len(self._left))
        for split in np.unique(self._split[self._left]):
            places = np.flatnonzero(self._split[self._left] == split)
            own = self._stack.take(torch.from_numpy(places).to(self._device))
            f1[places], loss[places] = self._scores(own.alone(), split)
        better = torch.from_numpy(self._judged(f1, loss)).to(self._device)
        kept = torch.from_numpy(self._left).to(self._device)[better]
        for name, value in self._stack.values.items():
            self._best[name][kept] = value.detach()[better]
        self._let_go(self._waited[self._left] < self._how.stop_after)

    def _judged(self, f1: NDArray[np.float64], loss: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of the models in the stack are better than ever; those that gain nothing slow down."""
        left = self._left
        higher, even = f1 > self._f1[left], f1 == self._f1[left]
        better: NDArray[np.bool_] = higher | (even & (loss < self._loss[left]))
        self._f1[left], self._loss[left] = (
            np.where(higher, f1, self._f1[left]),
            np.where(better, loss, self._loss[left]),
        )
        # F1 of few edges stands still or leaps while the probabilities still rise: a falling loss is a gain until all is right.
        lower = (loss < (1 - _LEAST_FALL) * self._lowest[left]) & (self._f1[left] < 1)
        self._lowest[left] = np.where(lower, loss, self._lowest[left])
        self._waited[left] = np.where(higher | lower, 0, self._waited[left] + 1)
        self._rate[left[(self._waited[left] > 0) & (self._waited[left] % self._how.slow_after == 0)]] /= 2
        self._epochs[left] += 1
        return better

    def _scores(self, models: EdgeModels, split: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Micro-F1 and loss of a split's models on its dev edges; an F1 of 0 / 0 counts as 0."""
        import torch

        rows = self._splits[split].dev
        logits = torch.cat(list(self._read(models, rows)), dim=1)
        ids = self._left[self._split[self._left] == split]
        gold = self._targets(ids, np.repeat(rows[None], len(ids), axis=0))
        loss = _losses(logits, gold)
        if not bool(torch.isfinite(loss).all()):
            raise ShapeError(
                _ASKED, "The loss is not finite.", "Look for huge values in the activations, or use a smaller rate."
            )
        said = logits > 0
        right, positive = (gold * said).sum(dim=(1, 2)), gold.sum(dim=(1, 2)) + said.sum(dim=(1, 2))
        f1 = 2 * right / positive.clamp_min(1)
        return f1.cpu().numpy().astype(np.float64), loss.cpu().numpy().astype(np.float64)

    def _let_go(self, stays: NDArray[np.bool_]) -> None:
        """Take models that have ended out of the stack."""
        import torch

        if stays.all():
            return
        self._left = self._left[stays]
        rows = torch.from_numpy(np.flatnonzero(stays)).to(self._device)
        with torch.no_grad():
            kept = self._stack.take(rows)
        _, place = np.unique(self._split[self._left], return_inverse=True)
        self._stack = EdgeModels(kept.values, kept.usable, kept.size, torch.from_numpy(place).to(self._device))
        self._adam = self._adam.take(rows)


def _losses(logits: "Tensor", gold: "Tensor") -> "Tensor":
    """Binary cross-entropy of each model, mean over edges and labels [models]."""
    import torch

    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, gold, reduction="none")
    return loss.mean(dim=(1, 2))
