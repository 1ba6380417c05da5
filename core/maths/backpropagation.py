"""Training of many perceptrons at once, each step for step as scikit-learn's MLPClassifier trains one.

Rows of a minibatch are the last axis of every activation, so that nets which share their rows are one wide product with
the first layer, and its result falls apart into nets without a copy. Smaller nets are padded with units whose weights are
0: such a unit answers 0, its slope there is 0, no gradient reaches it and Adam leaves it where it is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Rule:
    """How to train; the same for all nets."""

    max_epochs: int
    tol: float
    patience: int
    batch_size: int
    learning_rate: float


@dataclass(frozen=True)
class Nets:
    """What sets nets apart. Neighbours of one matrix, seed and sizes share their minibatches."""

    matrix: NDArray[np.intp]
    """Number of the data matrix [b]."""
    hidden: NDArray[np.intp]
    """Units of the two hidden layers [b, 2]."""
    alpha: NDArray[np.float64]
    """Strength of the L2 penalty [b]."""
    seed: NDArray[np.int64]
    """Of first weights and shuffles [b]."""

    def take(self, rows: NDArray[np.intp]) -> "Nets":
        return Nets(self.matrix[rows], self.hidden[rows], self.alpha[rows], self.seed[rows])


@dataclass(frozen=True)
class Trained:
    """How nets ended, in the order given; parameters are three weights [b, out, in] and three biases [b, out, 1]."""

    parameters: list[NDArray[np.float32]]
    n_epochs: NDArray[np.intp]
    converged: NDArray[np.bool_]
    loss: NDArray[np.float64]


def train(
    X: "Tensor", y: "Tensor", nets: Nets, n_classes: int, rule: Rule, on_epoch: Callable[[int], object]
) -> Trained:
    """Nets trained on X [g, n, d] and y [b, n]; those that stop leave the batch. on_epoch hears how many remain.

    A net whose values overflow ends with a loss that is not finite.
    """
    import torch

    b, n = y.shape
    shuffles, stream, batch = _start(X, y, nets, n_classes)
    parameters = [np.zeros(part.shape, dtype=np.float32) for part in batch.parameters]
    result = Trained(parameters, np.zeros(b, dtype=np.intp), np.zeros(b, dtype=bool), np.zeros(b))
    best, idle = np.full(b, np.inf), np.zeros(b, dtype=np.intp)
    precise = torch.float32 if X.device.type == "mps" else torch.float64
    for epoch in range(1, rule.max_epochs + 1):
        orders = shuffles.next()[stream[batch.index]]
        total = torch.zeros(len(orders), dtype=precise, device=X.device)
        for x, labels in batch.minibatches(X, orders, rule.batch_size):
            total += batch.step(x, labels, rule.learning_rate) * labels.shape[2]
        here, loss = batch.index, (total / n).cpu().numpy().astype(np.float64)
        idle[here] = np.where(loss > best[here] - rule.tol, idle[here] + 1, 0)
        best[here] = np.fmin(best[here], loss)
        result.loss[here], result.n_epochs[here], result.converged[here] = loss, epoch, idle[here] > rule.patience
        done = result.converged[here] | ~np.isfinite(loss) | (epoch == rule.max_epochs)
        if done.any():
            result.loss[here[done & batch.has_overflowed()]] = np.nan
            for kept, part in zip(parameters, batch.parameters, strict=True):
                kept[here[done]] = part.cpu().numpy()[done]
            batch = batch.take(np.flatnonzero(~done))
        on_epoch(len(batch.index))
        if not len(batch.index):
            break
    return result


@dataclass
class _Shuffles:
    """Orders of the n rows, epoch by epoch, one for each stream of random numbers."""

    streams: list[np.random.RandomState]
    orders: NDArray[np.intp]
    """[streams, n]."""

    def next(self) -> NDArray[np.intp]:
        for stream, order in zip(self.streams, self.orders, strict=True):
            shuffled = np.arange(len(order))
            stream.shuffle(shuffled)
            order[:] = order[shuffled]  # each epoch shuffles the last one's order, as scikit-learn does
        return self.orders


def _start(X: "Tensor", y: "Tensor", nets: Nets, n_classes: int) -> "tuple[_Shuffles, NDArray[np.intp], _Batch]":
    """Shuffles, the stream of each net, and nets with their first weights.

    Nets of one seed and sizes draw the same numbers, so they share a stream, and on one matrix the rows of every step.
    """
    import torch

    (_, n, d), (first, second) = X.shape, nets.hidden.max(axis=0)
    distinct, stream = np.unique(np.column_stack([nets.seed, nets.hidden]), axis=0, return_inverse=True)
    outs, ins = (first, second, n_classes), (d, first, second)
    drawn = [np.zeros((len(distinct), out, in_), dtype=np.float32) for out, in_ in zip(outs, ins, strict=True)]
    drawn += [np.zeros((len(distinct), out, 1), dtype=np.float32) for out in outs]
    streams = [np.random.RandomState(seed) for seed, _, _ in distinct]
    for i, (random, (_, h1, h2)) in enumerate(zip(streams, distinct, strict=True)):
        for layer, (in_, out) in enumerate(pairwise((d, h1, h2, n_classes))):
            bound = np.sqrt(6 / (in_ + out))
            drawn[layer][i, :out, :in_] = random.uniform(-bound, bound, (in_, out)).T
            drawn[layer + 3][i, :out, 0] = random.uniform(-bound, bound, out)
    parameters = [torch.from_numpy(part[stream]).to(X.device) for part in drawn]
    alpha = torch.from_numpy(nets.alpha.astype(np.float32)).to(X.device)[:, None, None]
    means, squares = ([torch.zeros_like(part) for part in parameters] for _ in range(2))
    cell = nets.matrix * len(distinct) + stream
    batch = _Batch(np.arange(len(nets.seed)), nets.matrix, cell, y, alpha, parameters, means, squares)
    return _Shuffles(streams, np.tile(np.arange(n), (len(distinct), 1))), stream, batch


@dataclass
class _Batch:
    """Nets still training, after `steps` steps of Adam."""

    index: NDArray[np.intp]
    """Place of each among all nets [b]."""
    matrix: NDArray[np.intp]
    """Its data matrix [b]."""
    cell: NDArray[np.intp]
    """Equal for nets that see the same rows at each step [b]."""
    y: "Tensor"
    """[b, n]."""
    alpha: "Tensor"
    """[b, 1, 1]."""
    parameters: "list[Tensor]"
    """Three weights [b, out, in], three biases [b, out, 1]."""
    means: "list[Tensor]"
    """Running means of the gradients, as Adam keeps them."""
    squares: "list[Tensor]"
    """Running means of their squares."""
    steps: int = 0
    gradients: "list[Tensor]" = field(init=False)
    """Room for them: to ask the system for it at each step costs more than to fill it."""
    share: int = field(init=False)
    """Neighbours that see the same rows: the length of the runs of cells where all are of one length, else 1."""

    def __post_init__(self) -> None:
        import torch

        self.gradients = [torch.empty_like(part) for part in self.parameters]
        runs = np.diff(np.flatnonzero(np.diff(self.cell, prepend=-1, append=-1)))
        self.share = int(runs[0]) if len(runs) and (runs == runs[0]).all() else 1

    def take(self, rows: NDArray[np.intp]) -> "_Batch":
        import torch

        chosen = torch.from_numpy(rows).to(self.y.device)
        parameters, means, squares = (
            [part[chosen] for part in parts] for parts in (self.parameters, self.means, self.squares)
        )
        index, matrix, cell = self.index[rows], self.matrix[rows], self.cell[rows]
        return _Batch(index, matrix, cell, self.y[chosen], self.alpha[chosen], parameters, means, squares, self.steps)

    def has_overflowed(self) -> NDArray[np.bool_]:
        """Where a squared gradient was too large for float32: Adam then stands still without a word [b]."""
        import torch

        finite = torch.stack([part.amax(dim=(1, 2)).isfinite() for part in self.squares]).all(dim=0)
        return ~finite.cpu().numpy()

    def minibatches(self, X: "Tensor", orders: NDArray[np.intp], size: int) -> "Iterator[tuple[Tensor, Tensor]]":
        """An epoch's (rows [b / share, s, d], labels [b, 1, s]), by the orders of each net's rows [b, n]."""
        import torch

        n, d = X.shape[1:]
        flat = torch.from_numpy((self.matrix[:, None] * n + orders)[:: self.share]).to(X.device)
        labels = self.y.gather(1, torch.from_numpy(orders).to(X.device))[:, None]
        room = X.new_empty(len(flat) * size, d)
        for start in range(0, n, size):
            rows = flat[:, start : start + size]
            x = torch.index_select(X.view(-1, d), 0, rows.reshape(-1), out=room[: rows.numel()])
            yield x.view(*rows.shape, d), labels[:, :, start : start + size]

    def step(self, x: "Tensor", y: "Tensor", learning_rate: float) -> "Tensor":
        """A step of Adam; the loss before it [b]."""
        from torch.optim.adam import adam

        loss = self._differentiate(x, y)
        steps = [x.new_full((), self.steps) for _ in self.parameters]
        self.steps += 1
        # scikit-learn adds epsilon to the root before it is corrected for its start from 0, torch after that.
        epsilon = _EPSILON / (1 - _BETA2**self.steps) ** 0.5
        adam(
            self.parameters, self.gradients, self.means, self.squares, [], steps,
            fused=True, amsgrad=False, maximize=False, weight_decay=0.0,
            lr=learning_rate, beta1=_BETA1, beta2=_BETA2, eps=epsilon,
        )  # fmt: skip
        return loss

    def _differentiate(self, x: "Tensor", y: "Tensor") -> "Tensor":
        """Fill the gradients of each net's loss; that loss [b]."""
        import torch

        W1, W2, W3, b1, b2, b3 = self.parameters
        cells, s, d = x.shape
        wide = b1.view(cells, -1, 1).baddbmm(W1.view(cells, -1, d), x.transpose(1, 2))
        first = wide.view(*b1.shape[:2], s).relu_()
        second = b2.baddbmm(W2, first).relu_()
        log_proba = b3.baddbmm(W3, second).log_softmax(dim=1)
        penalty = (
            sum(torch.linalg.vector_norm(W, dim=(1, 2)) ** 2 for W in (W1, W2, W3)) * self.alpha[:, 0, 0] / (2 * s)
        )
        loss = penalty - log_proba.gather(1, y)[:, 0].mean(dim=1)
        back = log_proba.exp_()
        back.scatter_add_(1, y, back.new_full(y.shape, -1.0)).div_(s)
        for layer, (units, W) in ((2, (second, W3)), (1, (first, W2))):
            torch.bmm(back, units.transpose(1, 2), out=self.gradients[layer])
            torch.sum(back, dim=2, keepdim=True, out=self.gradients[layer + 3])
            back = W.transpose(1, 2).bmm(back).mul_(units.sign_())  # used for the last time: a ReLU's sign is its slope
        torch.bmm(back.view(cells, -1, s), x, out=self.gradients[0].view(cells, -1, d))
        torch.sum(back, dim=2, keepdim=True, out=self.gradients[3])
        for gradient, W in zip(self.gradients[:3], (W1, W2, W3), strict=True):
            gradient.addcmul_(W, self.alpha, value=1 / s)
        return loss
