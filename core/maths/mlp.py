"""Multi-layer perceptrons as probes: what a small network, not only a straight cut, can read from a space.

The classifier is scikit-learn's MLPClassifier with two ReLU layers, trained by Adam, draw for draw: with three classes or
more a net of ours and theirs of the same seed start from the same weights, see the same minibatches and differ by
rounding only. Many of them (layers, splits, seeds, a grid of sizes) train in one batch, in backpropagation.py.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.probing import log_shares

if TYPE_CHECKING:
    from core.maths.backpropagation import Nets

_ASKED = "Fitting multi-layer perceptrons."
_ROOM = 2**26
"""Numbers that the nets of one batch may hold while they train: 256 MB."""


@dataclass(frozen=True)
class Mlps:
    """Trained perceptrons, one a batch row. Units beyond a net's own sizes have weights and biases of exactly 0."""

    weights: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
    """[b, H1, d], [b, H2, H1] and [b, K, H2], with H1 and H2 the largest sizes."""
    biases: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
    """[b, H1], [b, H2] and [b, K]."""
    hidden: NDArray[np.intp]
    """Units of the two hidden layers of each net [b, 2]."""
    n_epochs: NDArray[np.intp]
    """Epochs trained [b]."""
    converged: NDArray[np.bool_]
    """False where max_epochs ended the training while the loss was still falling [b]."""
    loss: NDArray[np.float64]
    """Mean over the last epoch of the nats a row and the penalty, as scikit-learn's loss_ [b]."""

    def predict(self, X: ArrayLike) -> NDArray[np.intp]:
        """Most probable class of each row, int [b, n]; X is [n, d], seen by all, or [g, n, d] for b / g neighbours each."""
        classes: NDArray[np.intp] = self._logits(X).argmax(axis=2)
        return classes

    def log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Log-probability of each class in nats, [b, n, K]; X as for predict."""
        return log_shares(self._logits(X))

    def _logits(self, X: ArrayLike) -> NDArray[np.float32]:
        rows = np.asarray(X, dtype=np.float32)
        b, K, width = len(self.hidden), self.biases[2].shape[1], self.weights[0].shape[2]
        if rows.ndim not in (2, 3) or rows.shape[-1] != width or (rows.ndim == 3 and (not len(rows) or b % len(rows))):
            raise ShapeError(
                f"Reading with {b} perceptrons of width {width}.",
                f"X has shape {rows.shape}.",
                f"Give [n, {width}], or [g, n, {width}] with a g that divides {b}.",
            )
        shared = rows[None] if rows.ndim == 2 else rows
        logits = np.empty((b, shared.shape[1], K), dtype=np.float32)
        for i, (first, second) in enumerate(self.hidden):  # one by one: all hidden units at once would not fit
            W, bias = [w[i] for w in self.weights], [w[i] for w in self.biases]
            units = np.maximum(shared[i * len(shared) // b] @ W[0][:first].T + bias[0][:first], 0)
            units = np.maximum(units @ W[1][:second, :first].T + bias[1][:second], 0)
            logits[i] = units @ W[2][:, :second].T + bias[2]
        return logits


def fit_mlps(
    X: ArrayLike,
    y: ArrayLike,
    *,
    hidden: ArrayLike,
    alpha: ArrayLike,
    seeds: Sequence[int] | NDArray[np.integer],
    n_classes: int | None = None,
    max_epochs: int = 200,
    tol: float = 1e-4,
    patience: int = 10,
    batch_size: int = 200,
    learning_rate: float = 1e-3,
    device: str = "cpu",
    on_epoch: Callable[[int], object] | None = None,
) -> Mlps:
    """Train b independent perceptrons d -> h1 -> h2 -> K together.

    Each minimises its mean of -log P(y_i | x_i) + alpha / (2 * rows of the minibatch) * ||W||^2, biases free, and leaves
    the batch when its loss over an epoch has not gone below its best by tol for more than `patience` epochs in a row.
    What a net becomes does not depend on the others in the batch.

    K >= 2 softmax outputs always, two for two classes: there scikit-learn keeps one logistic output, so its nets of the
    same seed are others than ours. A class without a row is allowed.

    Args:
        X: float32 [n, d], shared by all nets, or [g, n, d]: b / g neighbouring nets on each. Standardise first.
        y: class numbers, int [n], [g, n] or [b, n].
        hidden: units (h1, h2) of the hidden layers, one pair for all nets or [b, 2].
        alpha: L2 strength, >= 0, one for all nets or [b].
        seeds: one a net, 0 to 2^32 - 1, drawing its first weights and then its shuffles, as random_state does; their
            number is b. Nets that share X, a seed and sizes (a grid over alpha) see the same minibatches and train faster.
        n_classes: K; None means the largest label + 1.
        max_epochs: passes over the rows at most; scikit-learn's max_iter.
        tol: least fall of the loss that counts.
        patience: epochs without such a fall that are borne; scikit-learn's n_iter_no_change.
        batch_size: rows of a step, cut to n.
        learning_rate: Adam's.
        device: where torch computes, in float32, with sums of the loss in float64.
        on_epoch: called after each epoch with the number of nets still to train; what it raises ends the training.
    Returns:
        Mlps in batch order.
    Raises:
        ShapeError: shapes that do not fit, values that are not finite or overflow, labels outside 0 .. K - 1.
        NotEnoughData: no rows, no net, or fewer than 2 classes.
        SpecInvalid: hidden, alpha, a seed or a setting out of range.
    Source:
        scikit-learn 1.9, MLPClassifier(solver="adam"); Kingma & Ba (2015); Glorot & Bengio (2010) for the first weights.
        Differs: float32 always, and the loss is not cut at a probability of 1e-7.
    Cost:
        6 * n * (d * h1 + h1 * h2 + h2 * K) products a net and epoch. Memory in float32: X, the weights of all nets, and
        at most about 256 MB for those that train, or one net's need.
    """
    import torch

    from core.maths.backpropagation import Rule, train

    rows, labels = _checked(X, y, len(seeds))
    nets = _nets(hidden, alpha, seeds, len(rows))
    if max_epochs < 1 or not tol >= 0 or patience < 1 or batch_size < 1 or not learning_rate > 0:
        raise SpecInvalid(
            _ASKED,
            f"{max_epochs=}, {tol=}, {patience=}, {batch_size=}, {learning_rate=}.",
            "Give a tol of 0 or more and the others above 0.",
        )
    K = int(labels.max()) + 1 if n_classes is None else n_classes
    if K < 2:
        raise NotEnoughData(_ASKED, f"There is {K} class.", "Give labels of two or more.")
    if labels.min() < 0 or labels.max() >= K:
        raise ShapeError(_ASKED, f"Labels run from {labels.min()} to {labels.max()}.", f"Number them 0 .. {K - 1}.")
    rule = Rule(max_epochs, tol, patience, min(batch_size, rows.shape[1]), learning_rate)
    result = _untrained(nets, rows.shape[2], K)
    b = waiting = len(seeds)
    on_device = torch.from_numpy(rows).to(device)
    for chosen in _batches(nets, rows.shape, K, rule.batch_size, device):
        waiting -= len(chosen)
        told = partial(_tell, on_epoch, waiting)
        answers = torch.from_numpy(labels[chosen * len(labels) // b]).to(device)
        trained = train(on_device, answers, nets.take(chosen), K, rule, told)
        for whole, part in zip((*result.weights, *result.biases), trained.parameters, strict=True):
            sides = part.shape[1 : whole.ndim]
            whole[np.ix_(chosen, *map(np.arange, sides))] = part.reshape(len(chosen), *sides)
        result.n_epochs[chosen], result.converged[chosen] = trained.n_epochs, trained.converged
        result.loss[chosen] = trained.loss
    if not all(np.isfinite(part).all() for part in (*result.weights, *result.biases, result.loss)):
        raise ShapeError(_ASKED, "Values overflow during training.", "Standardise X, or lower the learning rate.")
    return result


def _tell(on_epoch: Callable[[int], object] | None, waiting: int, training: int) -> None:
    if on_epoch is not None:
        on_epoch(waiting + training)


def _checked(X: ArrayLike, y: ArrayLike, b: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """X as float32 [g, n, d] and y as int64 [1, n], [g, n] or [b, n], of fitting shapes."""
    rows, labels = np.ascontiguousarray(X, dtype=np.float32), np.asarray(y)
    found = f"X has shape {rows.shape}, y {labels.shape} of {labels.dtype}, and there are {b} seeds."
    if rows.ndim not in (2, 3) or labels.ndim not in (1, 2) or labels.dtype.kind not in "iu":
        raise ShapeError(_ASKED, found, "Give X [n, d] or [g, n, d] and whole-numbered y [n], [g, n] or [b, n].")
    rows = rows[None] if rows.ndim == 2 else rows
    labels = labels[None] if labels.ndim == 1 else labels
    if b == 0 or labels.size == 0 or rows.size == 0:
        raise NotEnoughData(_ASKED, found, "Give at least one row, one column and one seed.")
    if labels.shape[1] != rows.shape[1] or b % len(rows) or len(labels) not in (1, len(rows), b):
        raise ShapeError(_ASKED, found, "Give a label to each row, and each matrix the same number of nets.")
    if not np.isfinite(rows).all():
        raise ShapeError(
            _ASKED, "Some values are not finite numbers.", "Look for overflow (float16) in the activations."
        )
    return rows if rows.flags.writeable else rows.copy(), labels.astype(np.int64)


def _nets(hidden: ArrayLike, alpha: ArrayLike, seeds: ArrayLike, g: int) -> "Nets":
    """What sets the b nets on g matrices apart, checked."""
    from core.maths.backpropagation import Nets

    sizes, strengths, drawn = np.asarray(hidden), np.asarray(alpha, dtype=np.float64), np.asarray(seeds)
    b = len(drawn)
    found = f"hidden has shape {sizes.shape} of {sizes.dtype}, alpha {strengths.shape}, seeds {drawn.shape}."
    if (sizes.shape not in ((2,), (b, 2)) or strengths.shape not in ((), (b,)) or drawn.ndim != 1) or not (
        sizes.dtype.kind in "iu" and drawn.dtype.kind in "iu"
    ):
        raise ShapeError(_ASKED, found, "Give whole-numbered seeds [b], hidden [2] or [b, 2], alpha one number or [b].")
    if (
        sizes.min() < 1
        or not ((strengths >= 0) & np.isfinite(strengths)).all()
        or drawn.min() < 0
        or drawn.max() >= 2**32
    ):
        raise SpecInvalid(
            _ASKED,
            f"hidden is {sizes.tolist()}, alpha {strengths.tolist()}, seeds {drawn.tolist()}.",
            "Use sizes of 1 or more, alpha of 0 or more, seeds of 0 to 2^32 - 1.",
        )
    return Nets(
        np.arange(b) // (b // g),
        np.broadcast_to(sizes, (b, 2)).astype(np.intp),
        np.broadcast_to(strengths, b),
        drawn.astype(np.int64),
    )


def _untrained(nets: "Nets", d: int, K: int) -> Mlps:
    """Room for the results."""
    b, (h1, h2) = len(nets.seed), nets.hidden.max(axis=0)

    def zeros(*shape: int) -> NDArray[np.float32]:
        return np.zeros((b, *shape), dtype=np.float32)

    weights, biases = (zeros(h1, d), zeros(h2, h1), zeros(K, h2)), (zeros(h1), zeros(h2), zeros(K))
    return Mlps(weights, biases, nets.hidden, np.zeros(b, dtype=np.intp), np.zeros(b, dtype=bool), np.zeros(b))


def _batches(nets: "Nets", shape: tuple[int, ...], K: int, batch_size: int, device: str) -> Iterator[NDArray[np.intp]]:
    """Numbers of the nets that train together, those that share minibatches side by side.

    Padding costs a processor its arithmetic, so there only nets whose sizes round up to the same powers of two meet. An
    accelerator waits for the number of its steps instead, and takes all sizes at once.
    """
    _, n, d = shape
    first, second = nets.hidden.T
    size_class = np.ceil(np.log2(nets.hidden)).astype(int) if device == "cpu" else np.zeros_like(nets.hidden)
    order = np.lexsort((second, first, nets.seed, nets.matrix, size_class[:, 1], size_class[:, 0]))
    starts = np.flatnonzero(np.any(np.diff(size_class[order], axis=0, prepend=-1), axis=1))
    for group in np.split(order, starts[1:]):
        h1, h2 = nets.hidden[group].max(axis=0)
        held = 4 * (d * h1 + h1 * h2 + h2 * K) + batch_size * (d + 3 * (h1 + h2 + K)) + 8 * n
        at_once = max(1, _ROOM // held)
        yield from (group[start : start + at_once] for start in range(0, len(group), at_once))
