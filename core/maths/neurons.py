"""Single neurons: which of them carry a label, by five rankings, how few do, and what is left without them.

A neuron is one number of a vector: a column of X. A ranking is a permutation of the columns, the most telling first.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid

if TYPE_CHECKING:
    from torch import Tensor

N_STEPS = 101
"""Shares of the weight mass at which a ranking by weights looks: 0, 1 … 100 %."""
_HELD_OUT = 0.3
"""Share of the rows that minimal_set scores on."""
_BINS = 10
"""Of a neuron's values, for mutual information."""
_SHRINK = 0.1
"""Weight of the variance over all rows in that of a class."""
_CHUNK_BYTES = 64 << 20


def rank_by_weights(W: ArrayLike) -> tuple[NDArray[np.intp], list[list[int]]]:
    """Linear correlation analysis: neurons in the order in which they enter as a share of each class's weight mass grows.

    For a class, the neurons of largest |weight| that together hold a share p of its mass are in at p; over classes their
    union is. p walks 0, 1 … 100 %.

    Args:
        W: weights of a linear probe [n_classes, n_neurons]; a class all of whose weights are 0 has no say.
    Returns:
        The neurons, first come first (within a step by largest |weight|, then by index; those that never enter, having
        weight 0 everywhere, last by index), [n_neurons]; and the neurons that enter at each of the 101 shares.
    Raises:
        ShapeError: W is no finite matrix.
    Source:
        Dalvi et al. (2019), arXiv 1812.09355, as NeuroX 1.0.9 does it; there the order within a step is arbitrary.
    """
    weights = _weights(W)
    entry, largest = _entry(weights), weights.max(axis=0)
    order = np.lexsort((np.arange(len(entry)), -largest, entry))
    steps: list[list[int]] = [[] for _ in range(N_STEPS)]
    for neuron in order.tolist():
        if entry[neuron] < N_STEPS:
            steps[entry[neuron]].append(neuron)
    return order, steps


def top_neurons(W: ArrayLike, share: float) -> set[int]:
    """The neurons that are in at a share of each class's weight mass (rank_by_weights).

    Args:
        W: weights of a linear probe [n_classes, n_neurons].
        share: 0 to 1; at 0 the strongest neuron of each class is in.
    Raises:
        ShapeError: W is no finite matrix. SpecInvalid: share out of range.
    """
    if not 0 <= share <= 1:
        raise SpecInvalid("Choosing top neurons.", f"The share is {share}.", "Give 0 to 1.")
    found: set[int] = set()
    for row in _weights(W):
        order = _descending(row)
        mass = np.cumsum(row[order])
        if mass[-1] > 0:
            found |= set(order[: int(np.searchsorted(mass, share * mass[-1], side="left")) + 1].tolist())
    return found


def probeless_ranking(X: ArrayLike, y: ArrayLike) -> NDArray[np.intp]:
    """Neurons by how far the means of the classes lie apart, summed over pairs of classes; no probe is trained.

    Args:
        X: activations [n, n_neurons]; on one scale, or neurons with large values come first.
        y: class of each row, int [n].
    Returns:
        The neurons, the furthest apart first, equal ones by index [n_neurons].
    Raises:
        ShapeError, NotEnoughData: as class_gaps.
    Source:
        Antverg & Belinkov (2022), arXiv 2110.07483.
    """
    return _descending(class_gaps(X, y))


def class_gaps(X: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
    """Sum over pairs of classes of |mean - mean'| of each neuron, >= 0 [n_neurons].

    Args: as probeless_ranking. Raises ShapeError for shapes that do not fit, NotEnoughData for one class. Cost: one product.
    """
    asked = "Ranking neurons by the means of classes."
    rows, labels, n_classes = _shaped(X, y, asked)
    means = _class_means(rows, labels, n_classes)
    if not np.isfinite(means).all():  # seen by the means, since a look at every value takes longer than these do
        _refuse_infinite(rows, asked)
        means = np.stack([rows[labels == k].mean(axis=0, dtype=np.float64) for k in range(n_classes)])
    means.sort(axis=0)
    # Sorted, a mean stands above as many others as its place says: all pairs without looking at pairs.
    weight = 2.0 * np.arange(n_classes) - n_classes + 1
    gaps: NDArray[np.float64] = weight @ means
    return gaps


def overlap_ranking(X: ArrayLike, y: ArrayLike) -> NDArray[np.intp]:
    """Neurons by how well their highest, or lowest, rows are those of one class, mean over rows' classes.

    A neuron is held to be on for a class on as many rows as the class has: those where it is highest, or lowest. The score
    is the intersection with the rows of the class over the union (IoU); 1 = the neuron is the class. Classes count by their
    rows: of one with a single row, some neuron is always the highest by chance.

    Args:
        X: activations [n, n_neurons]; only their order within a neuron counts.
        y: class of each row, int [n].
    Returns:
        The neurons, the best first, equal ones by index [n_neurons].
    Raises:
        ShapeError, NotEnoughData: as probeless_ranking.
    Source:
        IoU as in network dissection (Bau et al. 2017), with thresholds that give a detector as many rows as its class.
    """
    rows, labels, n_classes = _checked(X, y, "Ranking neurons by their overlap with classes.")
    rows, labels = _shuffled(rows, labels)
    counts = np.bincount(labels, minlength=n_classes)
    of_class = np.eye(n_classes, dtype=np.float32)[labels]
    score = np.zeros(rows.shape[1])
    for part in _parts(rows):
        order = np.argsort(rows[:, part], axis=0, kind="stable")
        for k in range(n_classes):
            lowest, highest = order[: counts[k]], order[len(order) - counts[k] :]
            hits = np.maximum(of_class[lowest, k].sum(axis=0), of_class[highest, k].sum(axis=0))
            score[part] += counts[k] / len(rows) * hits / (2 * counts[k] - hits)
    score[_constant(rows)] = 0.0
    return _descending(score)


def mutual_information(X: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
    """Bits that a neuron's value, in ten bins of equally many rows, tells of the label, >= 0 [n_neurons].

    Plug-in estimate: by chance alone it is about (bins - 1)(classes - 1) / (2 n ln 2) too high, for every neuron alike.
    Equal values may fall into two bins, by a draw. Args and errors as probeless_ranking.
    """
    rows, labels = _shuffled(*_checked(X, y, "The mutual information of neurons and a label.")[:2])
    n, n_classes = len(rows), int(labels.max()) + 1
    bins = np.minimum(np.arange(n) * _BINS // n, _BINS - 1)
    in_bin = np.eye(_BINS, dtype=np.float32)[bins].T  # [bins, n], by rank
    found = np.zeros(rows.shape[1])
    share_of_class = np.bincount(labels, minlength=n_classes) / n
    share_of_bin = in_bin.sum(axis=1) / n
    expected = share_of_bin[:, None] * share_of_class[None, :]
    of_class = np.eye(n_classes, dtype=np.float32)[labels]
    for part in _parts(rows):
        order = np.argsort(rows[:, part], axis=0, kind="stable")
        joint = np.einsum("bn,nmk->mbk", in_bin, of_class[order], optimize=True) / n
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(joint > 0, joint * np.log2(joint / expected), 0.0)
        found[part] = terms.sum(axis=(1, 2))
    found[_constant(rows)] = 0.0
    return np.maximum(found, 0.0)


def gaussian_ranking(X: ArrayLike, y: ArrayLike, n: int) -> NDArray[np.intp]:
    """Neurons chosen one by one so that a Gaussian a class, over all chosen so far, tells the labels best.

    Each step takes the neuron with which the mean log-probability of the true class (Bayes' rule, classes as frequent as
    they are) is highest: what those before it tell already does not count again. A class's covariance is its own shrunk by
    a tenth towards that of all rows, so that a rare class has one.

    Args:
        X: activations [rows, n_neurons].
        y: class of each row, int [rows].
        n: neurons to choose.
    Returns:
        The chosen, in order [min(n, n_neurons)].
    Raises:
        ShapeError, NotEnoughData: as probeless_ranking. SpecInvalid: n below 1.
    Source:
        Torroba Hennigen, Williams & Cotterell (2020), arXiv 2010.02812, with shrinkage in place of their prior.
    Cost:
        About rows * n_neurons * classes * n steps of simple arithmetic; memory twice rows * n_neurons * classes in float32.
    """
    rows, labels, n_classes = _checked(X, y, "Choosing neurons by Gaussians.")
    if n < 1:
        raise SpecInvalid("Choosing neurons by Gaussians.", f"{n} are asked for.", "Ask for one or more.")
    import torch

    spread = rows.std(axis=0)
    scaled = (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    gaussians = _Gaussians(torch.from_numpy(scaled.astype(np.float32)), torch.from_numpy(labels), n_classes)
    chosen: list[int] = []
    free = torch.from_numpy(spread > 0)
    for _ in range(min(n, rows.shape[1])):
        if not bool(free.any()):  # only constant neurons are left: by index
            chosen += [j for j in range(rows.shape[1]) if j not in set(chosen)][: min(n, rows.shape[1]) - len(chosen)]
            break
        told = torch.where(free, gaussians.told(), torch.tensor(-torch.inf))
        best = int(told.argmax())
        chosen.append(best)
        free[best] = False
        gaussians.take(best)
    return np.array(chosen, dtype=np.intp)


class _Gaussians:
    """A Gaussian a class over the chosen neurons, and what each other one would add: residuals given the chosen."""

    def __init__(self, X: "Tensor", labels: "Tensor", n_classes: int) -> None:
        import torch

        n = len(X)
        self._labels, self._prior = labels, torch.bincount(labels, minlength=n_classes).float().div(n).log()
        self._left = torch.stack([X - X[labels == k].mean(dim=0) for k in range(n_classes)])
        """What is left of each row given the chosen, under each class's Gaussian [classes, rows, width]."""
        self._variance = torch.stack([
            (1 - _SHRINK) * self._left[k][labels == k].square().mean(dim=0) + _SHRINK * X.square().mean(dim=0)
            for k in range(n_classes)
        ])  # fmt: skip
        """Of what is left, of each class [classes, width]; X has mean 0."""
        self._so_far = torch.zeros(n_classes, n)

    def _log_density(self, left: "Tensor", variance: "Tensor") -> "Tensor":
        return -0.5 * (left**2 / variance + variance.log())

    def told(self) -> "Tensor":
        """Mean log-probability of the true class with each neuron added [width]."""
        import torch

        n_classes, n, width = self._left.shape
        found = torch.empty(width)
        variance = self._variance.clamp_min(1e-6)
        at_once = max(1, _CHUNK_BYTES // (4 * n * n_classes))
        for first in range(0, width, at_once):
            part = slice(first, first + at_once)
            density = self._log_density(self._left[:, :, part], variance[:, None, part])
            density += (self._so_far + self._prior[:, None])[:, :, None]
            of_true = density.gather(0, self._labels[None, :, None].expand(1, -1, density.shape[2]))[0]
            found[part] = (of_true - density.logsumexp(dim=0)).mean(dim=0)
        return found

    def take(self, neuron: int) -> None:
        """Choose a neuron: take out of all others what it tells of them."""
        import torch

        variance = self._variance[:, neuron].clamp_min(1e-6)
        self._so_far += self._log_density(self._left[:, :, neuron], variance[:, None])
        for k, left in enumerate(self._left):
            own, centred = left[self._labels == k], left - left.mean(dim=0)
            # As the class's covariance is: its own, shrunk towards that of all rows.
            together = (1 - _SHRINK) * (own[:, neuron] @ own) / len(own)
            together += _SHRINK * (centred[:, neuron] @ centred) / len(left)
            slope = together / variance[k]
            self._variance[k] -= slope * together
            left -= torch.outer(left[:, neuron].clone(), slope)


def ablate(
    X: ArrayLike, units: Iterable[int], *, mode: Literal["zero", "mean"] = "zero", keep: bool = False
) -> NDArray[np.float32]:
    """A copy of activations without some neurons.

    Args:
        X: activations [n, n_neurons].
        units: neurons.
        mode: what stands in their place, 0 or their mean over the rows.
        keep: whether the named ones are those that stay, instead of those that go.
    Raises:
        ShapeError: X is no matrix, or a neuron is not among its columns. SpecInvalid: another mode.
    """
    rows = np.array(X, dtype=np.float32)
    named = np.unique(np.fromiter(units, dtype=np.int64))
    if rows.ndim != 2 or (len(named) and not (named[0] >= 0 and named[-1] < rows.shape[1])):
        raise ShapeError(
            "Taking neurons out.", f"X has shape {rows.shape}; neurons {named[:5].tolist()}.", "Name columns of X."
        )
    if mode not in ("zero", "mean"):
        raise SpecInvalid("Taking neurons out.", f"The mode is {mode!r}.", "Use zero or mean.")
    gone = np.isin(np.arange(rows.shape[1]), named, invert=keep)
    rows[:, gone] = rows[:, gone].mean(axis=0) if mode == "mean" and len(rows) else 0.0
    return rows


def minimal_set(
    X: ArrayLike, y: ArrayLike, order: ArrayLike, *, tolerance: float, seed: int, C: float = 0.1
) -> tuple[int, float, float]:
    """The fewest neurons, from the top of an order, whose retrained probe comes near that of all.

    Sizes double until one does, then the gap is halved: the size found is enough and the next smaller one that was tried
    is not; accuracy need not rise with every neuron, so a still smaller set may do by luck.

    Args:
        X: activations [n, n_neurons].
        y: class of each row, int [n].
        order: a permutation of the neurons, the most telling first.
        tolerance: accuracy that may be lost, 0 to 1.
        seed: draws the rows, three in ten, on which all probes are scored; none trains on them.
        C: inverse L2 penalty of the probes, on z-scored columns.
    Returns:
        (neurons, accuracy of the probe that reads them, accuracy of the one that reads all). Both accuracies are of the rows
        by which the size was chosen: score the set once more on others before it is reported.
    Raises:
        ShapeError: shapes that do not fit, an order that is no permutation. NotEnoughData: one class, or under 10 rows.
        SpecInvalid: tolerance out of range.
    Cost:
        About 2 log2(n_neurons) linear probes.
    """
    asked = "Looking for the smallest set of neurons."
    rows, labels, n_classes = _checked(X, y, asked)
    ranked = np.asarray(order)
    if sorted(ranked.tolist()) != list(range(rows.shape[1])):
        raise ShapeError(asked, f"The order has shape {ranked.shape}.", "Give each column of X once.")
    if not 0 <= tolerance <= 1:
        raise SpecInvalid(asked, f"The tolerance is {tolerance}.", "Give 0 to 1.")
    if len(rows) < 10:
        raise NotEnoughData(asked, f"There are {len(rows)} rows.", "Give 10 or more.")
    drawn = np.random.default_rng(seed).permutation(len(rows))
    test, train = np.split(drawn, [max(1, round(len(rows) * _HELD_OUT))])
    if len(np.unique(labels[train])) < 2:
        raise NotEnoughData(asked, "The rows drawn for training are of one class.", "Give more rows of each.")

    def score(n: int) -> float:
        columns = ranked[:n]
        return retrained(
            (rows[np.ix_(train, columns)], labels[train]), (rows[np.ix_(test, columns)], labels[test]), n_classes, C
        )

    oracle = score(rows.shape[1])
    n, reached = smallest(score, rows.shape[1], oracle - tolerance, known=oracle)
    return n, reached, oracle


def smallest(score: Callable[[int], float], most: int, goal: float, *, known: float) -> tuple[int, float]:
    """The smallest size that reaches a goal, found by doubling and halving, and what it scores.

    Args:
        score: of a size from 1 on.
        most: the largest size, which reaches the goal.
        goal: what is to be reached.
        known: the score of the largest.
    """
    low, high, reached = 0, 1, known
    while high < most:
        found = score(high)
        if found >= goal:
            reached = found
            break
        low, high = high, 2 * high
    else:
        high = most
    while high - low > 1:
        middle = (low + high) // 2
        found = score(middle)
        if found >= goal:
            high, reached = middle, found
        else:
            low = middle
    return high, reached


def retrained(
    train: tuple[NDArray[np.float32], NDArray[np.int64]],
    test: tuple[NDArray[np.float32], NDArray[np.int64]],
    n_classes: int,
    C: float,
) -> float:
    """Accuracy on test rows of a linear probe (L2) on z-scored columns. Args: (activations [n, d], classes [n]) of both."""
    from core.maths.probing import fit_linear_probes, standardise

    seen, held = standardise(train[0], test[0])
    probe = fit_linear_probes(seen, train[1], C=C, n_classes=n_classes, max_iter=300)
    return float((probe.predict(held)[0] == test[1]).mean())


def _weights(W: ArrayLike) -> NDArray[np.float64]:
    weights = np.abs(np.asarray(W, dtype=np.float64))
    if weights.ndim != 2 or weights.size == 0 or not np.isfinite(weights).all():
        raise ShapeError(
            "Ranking neurons by weights.", f"The weights have shape {weights.shape}.", "Give finite [classes, neurons]."
        )
    return weights


def _entry(weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Step at which each neuron enters, over classes; N_STEPS where it never does."""
    entry = np.full(weights.shape[1], N_STEPS)
    for row in weights:
        order = _descending(row)
        mass = np.cumsum(row[order])
        if mass[-1] == 0:
            continue
        before = np.concatenate([[-1.0], mass[:-1]])
        # In at share p as long as those before it hold less than p; the first one is in at 0.
        steps = np.searchsorted(mass[-1] * (np.arange(N_STEPS) / 100), before, side="right")
        entry[order] = np.minimum(entry[order], steps)
    return entry


def _descending(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Highest first, equal ones by index."""
    return np.argsort(-scores, kind="stable")


def _shuffled(rows: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Rows in a drawn order: where values are equal, a file sorted by label would else tell the label."""
    order = np.random.default_rng(0).permutation(len(rows))
    return rows[order], labels[order]


def _constant(rows: NDArray[np.float32]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (rows == rows[0]).all(axis=0)
    return found


def _class_means(rows: NDArray[np.float32], labels: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """Mean of each class [n_classes, n_neurons]; not finite where a value is not, or a sum overflows.

    Cost: one reading of the rows, by all cores.
    """
    import torch

    from core.maths.class_sums import class_sums

    writable = np.require(rows, requirements=["C", "W"])  # torch takes no others without a warning
    sums = class_sums(torch.from_numpy(writable), torch.from_numpy(labels), n_classes)
    means: NDArray[np.float64] = sums.numpy() / np.bincount(labels, minlength=n_classes)[:, None]
    return means


def _parts(rows: NDArray[np.float32]) -> list[slice]:
    """Columns in as many at once as keep temporary arrays small."""
    at_once = max(1, _CHUNK_BYTES // (16 * len(rows)))
    return [slice(first, first + at_once) for first in range(0, rows.shape[1], at_once)]


def _checked(X: ArrayLike, y: ArrayLike, asked: str) -> tuple[NDArray[np.float32], NDArray[np.int64], int]:
    """Activations, classes numbered 0 .. n_classes - 1 without a gap, and their number."""
    rows, labels, n_classes = _shaped(X, y, asked)
    _refuse_infinite(rows, asked)
    return rows, labels, n_classes


def _refuse_infinite(rows: NDArray[np.float32], asked: str) -> None:
    if not np.isfinite(rows).all():
        raise ShapeError(asked, "Some activations are not finite.", "Look for overflow (float16).")


def _shaped(X: ArrayLike, y: ArrayLike, asked: str) -> tuple[NDArray[np.float32], NDArray[np.int64], int]:
    """The same as _checked, of values that nobody has looked at."""
    rows, given = np.asarray(X, dtype=np.float32), np.asarray(y)
    if rows.ndim != 2 or given.shape != rows.shape[:1] or given.dtype.kind not in "iu" or rows.shape[1] == 0:
        raise ShapeError(asked, f"X has shape {rows.shape}, y {given.shape} of {given.dtype}.", "Give [n, d] and [n].")
    names, labels = np.unique(given, return_inverse=True)
    if len(names) < 2:
        raise NotEnoughData(asked, f"There is {len(names)} class.", "Give rows of two or more.")
    return rows, labels.astype(np.int64), len(names)
