"""Linear probes: what a straight cut through a space can read, with the controls that give the number its meaning.

The classifier is scikit-learn's multinomial logistic regression; many of them (splits, control tasks) are solved in one
batch, by the solvers in logistic.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid

_ASKED = "Fitting linear probes."


def log_shares(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Log-softmax over the last axis, in nats and float64."""
    shifted: NDArray[np.float64] = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


@dataclass(frozen=True)
class LinearProbes:
    """Solved multinomial logistic regressions, one a batch row."""

    coef: NDArray[np.float32]
    """[b, K, d]."""
    intercept: NDArray[np.float32]
    """[b, K]."""
    loss: NDArray[np.float64]
    """Objective at the solution, C * sum of log-losses + penalty, in nats [b]."""
    converged: NDArray[np.bool_]
    """False where the iteration limit, or float32, ended the search above tol [b]."""

    def predict(self, X: ArrayLike) -> NDArray[np.intp]:
        """Most probable class of each row, int [b, n]; X is [n, d], seen by all probes, or [b, n, d]."""
        classes: NDArray[np.intp] = self._logits(X).argmax(axis=2)
        return classes

    def log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Log-probability of each class in nats, [b, n, K]; X is [n, d], seen by all probes, or [b, n, d]."""
        return log_shares(self._logits(X))

    def _logits(self, X: ArrayLike) -> NDArray[np.floating]:
        rows = np.asarray(X)
        b, n_classes, width = self.coef.shape
        if rows.ndim not in (2, 3) or rows.shape[-1] != width or (rows.ndim == 3 and len(rows) != b):
            raise ShapeError(
                f"Reading with {b} probes of width {width}.",
                f"X has shape {rows.shape}.",
                f"Give [n, {width}] or [{b}, n, {width}].",
            )
        if rows.ndim == 3:
            return rows @ self.coef.transpose(0, 2, 1) + self.intercept[:, None]
        flat = rows @ self.coef.reshape(-1, width).T
        return flat.reshape(len(rows), b, n_classes).transpose(1, 0, 2) + self.intercept[:, None]


def fit_linear_probes(
    X: ArrayLike,
    y: ArrayLike,
    *,
    C: ArrayLike = 1.0,
    l1_ratio: float = 0.0,
    class_weight: str | ArrayLike | None = None,
    n_classes: int | None = None,
    max_iter: int = 500,
    tol: float = 1e-4,
    device: str = "cpu",
) -> LinearProbes:
    """Solve independent multinomial logistic regressions together.

    Minimises C * sum_i w_i * -log P(y_i | x_i) + (1 - l1_ratio) / 2 * ||W||^2 + l1_ratio * ||W||_1 in each batch row,
    intercepts free. K >= 2 rows of weights always, two for two classes: there scikit-learn keeps one row, and its
    solution is this one's difference of rows when its C is twice ours. A class without a row is allowed.

    Args:
        X: float32 [n, d], shared by all problems without a copy, or [b, n, d]. Standardise first: many fewer steps.
        y: class numbers, int [n] or [b, n]. With X [g, n, d] also [g * m, n]: m neighbouring problems on each X.
        C: inverse penalty, > 0, one for all problems or [b].
        l1_ratio: share of the L1 penalty, 0 to 1; above 0 weights become exactly 0.
        class_weight: None, "balanced" (n / (classes present * rows of the class), in each problem) or weights [K].
        n_classes: K; None means the largest label + 1.
        max_iter: steps at most.
        tol: stops at max |gradient| <= tol of the objective divided by C * sum(w), as scikit-learn's lbfgs does; above
            l1_ratio 0 the gradient is the shortest subgradient.
        device: where torch computes, in float32, with sums of the loss in float64.
    Returns:
        LinearProbes in batch order.
    Raises:
        ShapeError: shapes that do not fit, values that are not finite, labels outside 0 .. K - 1.
        NotEnoughData: no rows, or fewer than 2 classes.
        SpecInvalid: C, l1_ratio, class_weight, max_iter or tol out of range.
    Source:
        scikit-learn 1.9, LogisticRegression; Nocedal & Wright (2006), algorithm 7.4; Hager & Zhang (2005) for the step
        rule; Andrew & Gao (2007) for L1.
    Cost:
        Two products with X a step, with L1 now and then one more. Memory in float32: b * n * d for X (n * d when shared; half as
        much again while solved problems are dropped), about 6 * b * n * K, and 20 * b * K * d of step history.
    """
    import torch

    from core.maths.logistic import Problems, lbfgs

    rows, labels = _checked(X, y)
    strengths = np.asarray(C, dtype=np.float64)
    if strengths.shape not in ((), (len(labels),)):
        raise ShapeError(
            _ASKED, f"C has shape {strengths.shape}.", f"Give one number, or one for each of {len(labels)}."
        )
    if not (strengths > 0).all() or not 0 <= l1_ratio <= 1 or not tol > 0 or max_iter < 1:
        raise SpecInvalid(
            _ASKED,
            f"C = {strengths}, l1_ratio = {l1_ratio}, tol = {tol}, max_iter = {max_iter}.",
            "Use C, tol > 0 and l1_ratio in 0 .. 1.",
        )
    K = int(labels.max()) + 1 if n_classes is None else n_classes
    if K < 2:
        raise NotEnoughData(_ASKED, f"There is {K} class.", "Give labels of two or more.")
    if labels.min() < 0 or labels.max() >= K:
        raise ShapeError(_ASKED, f"Labels run from {labels.min()} to {labels.max()}.", f"Number them 0 .. {K - 1}.")
    weights = _row_weights(labels, class_weight, K)
    total = weights.sum(axis=1)
    strength = torch.from_numpy((1 / (strengths * total)).astype(np.float32)).to(device)
    problems = Problems(
        torch.from_numpy(rows).to(device),
        torch.from_numpy(labels[:, None]).to(device),
        torch.from_numpy((weights / total[:, None]).astype(np.float32)).to(device),
        (1 - l1_ratio) * strength,
        l1_ratio * strength,
        K,
    )
    W, loss, converged = lbfgs(problems, max_iter, tol)
    objective = loss.cpu().numpy().astype(np.float64)
    solution = W.cpu().numpy()
    return LinearProbes(
        solution[..., :-1].copy(), solution[..., -1].copy(), objective * strengths * total, converged.cpu().numpy()
    )


def standardise(X_train: ArrayLike, *others: ArrayLike) -> tuple[NDArray[np.float32], ...]:
    """Z-scores by the training rows: float32 copies of X_train and of each other array, in order.

    A column that is constant in training is only shifted. Raises ShapeError for unequal widths, NotEnoughData for no
    training row.
    """
    train = np.asarray(X_train)
    arrays = [train, *(np.asarray(other) for other in others)]
    if any(array.ndim != 2 or array.shape[1] != train.shape[-1] for array in arrays):
        raise ShapeError(
            "Standardising.",
            f"Shapes {', '.join(str(array.shape) for array in arrays)}.",
            "Give matrices of one width.",
        )
    if len(train) == 0:
        raise NotEnoughData("Standardising.", "There is no training row.", "Give at least one.")
    mean, spread = train.mean(axis=0, dtype=np.float64), spread_of(train)
    return tuple(((array - mean) / spread).astype(np.float32) for array in arrays)


def spread_of(X: NDArray) -> NDArray[np.float64]:
    """What standardise divides each column by: its standard deviation, or 1 where it is constant. Args: X: [n, d], n > 0."""
    spread = np.asarray(X.std(axis=0, dtype=np.float64))
    spread[np.equal(X, X[0]).all(axis=0) | (spread == 0)] = 1.0
    return spread


def control_labels(words: Sequence[str], labels: Sequence[str], *, seed: int) -> list[str]:
    """A random label for each word type, the same wherever the type stands: a task only memory can solve.

    Call once over all splits together; otherwise a type changes its label between training and test.

    Args:
        words: exact strings, case kept, one a row.
        labels: real labels of the same rows; types draw from how often each occurs.
        seed: draws.
    Returns:
        One label a row.
    Raises:
        ShapeError: unequal lengths.
        NotEnoughData: no rows.
    Source:
        Hewitt & Liang (2019), arXiv 1909.03368.
    """
    if len(words) != len(labels):
        raise ShapeError(
            "Drawing control labels.", f"{len(words)} words, {len(labels)} labels.", "Give one label a word."
        )
    if not words:
        raise NotEnoughData("Drawing control labels.", "There are no words.", "Give at least one.")
    names, counts = np.unique(np.asarray(labels, dtype=object).astype(str), return_counts=True)
    types = sorted(set(words))
    drawn = np.random.default_rng(seed).choice(len(names), size=len(types), p=counts / counts.sum())
    of_type = {word: str(names[label]) for word, label in zip(types, drawn, strict=True)}
    return [of_type[word] for word in words]


def control_numbers(words: Sequence[str], values: ArrayLike, *, seed: int) -> NDArray[np.float64]:
    """A random number for each word type, the same wherever the type stands: control_labels for real values.

    Args:
        words: exact strings, case kept, one a row.
        values: real numbers of the same rows [n]; types draw from them, with replacement.
        seed: draws.
    Returns:
        float64 [n].
    Raises:
        ShapeError: unequal lengths.
        NotEnoughData: no rows.
    Source:
        Hewitt & Liang (2019), arXiv 1909.03368, carried over to regression.
    """
    given = np.asarray(values, dtype=np.float64)
    if given.shape != (len(words),):
        raise ShapeError("Drawing control numbers.", f"{len(words)} words, {given.shape} values.", "Give one a word.")
    if not len(words):
        raise NotEnoughData("Drawing control numbers.", "There are no words.", "Give at least one.")
    types, of_row = np.unique(np.asarray(words, dtype=str), return_inverse=True)
    drawn: NDArray[np.float64] = np.random.default_rng(seed).choice(np.sort(given), size=len(types))[of_row]
    return drawn


def majority_share(train_labels: ArrayLike, test_labels: ArrayLike, *, balanced: bool = False) -> float:
    """Accuracy (share_right) on the test rows of always answering the commonest training label; of equals, the first in order.

    Raises NotEnoughData for an empty side.
    """
    train, test = np.asarray(train_labels), np.asarray(test_labels)
    if train.size == 0 or test.size == 0:
        raise NotEnoughData("The majority baseline.", f"{train.size} training, {test.size} test labels.", "Give both.")
    names, counts = np.unique(train, return_counts=True)
    return share_right(np.full_like(test, names[counts.argmax()]), test, balanced=balanced)


def share_right(said: ArrayLike, labels: ArrayLike, *, balanced: bool = False) -> float:
    """Accuracy, 0 to 1; balanced: the mean over the classes present of the share of each class's rows that are right.

    Args: said and labels [n]. Raises ShapeError for other shapes, NotEnoughData for no rows.
    """
    answers, truth = np.asarray(said), np.asarray(labels)
    if answers.shape != truth.shape or truth.ndim != 1:
        raise ShapeError("Scoring answers.", f"Answers {answers.shape}, labels {truth.shape}.", "Give one to each row.")
    if not len(truth):
        raise NotEnoughData("Scoring answers.", "There are no rows.", "Give some.")
    right = answers == truth
    if not balanced:
        return float(right.mean())
    _, place, counts = np.unique(truth, return_inverse=True, return_counts=True)
    return float((np.bincount(place, weights=right) / counts).mean())


def _checked(X: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """X as float32 [n, d] or [b, n, d] and y as int64 [b, n], of fitting shapes."""
    # Torch takes no others without a warning.
    rows, labels = np.require(X, dtype=np.float32, requirements=["C", "W"]), np.asarray(y)
    found = f"X has shape {rows.shape}, y {labels.shape} of {labels.dtype}."
    if rows.ndim not in (2, 3) or labels.ndim not in (1, 2) or labels.dtype.kind not in "iu":
        raise ShapeError(_ASKED, found, "Give X [n, d] or [b, n, d] and whole-numbered y [n] or [b, n].")
    if labels.ndim == 1:
        labels = np.broadcast_to(labels, (len(rows) if rows.ndim == 3 else 1, len(labels)))
    if labels.shape[1] != rows.shape[-2] or (rows.ndim == 3 and (not len(rows) or len(labels) % len(rows))):
        raise ShapeError(_ASKED, found, "Give a label to each row, of each problem.")
    if labels.size == 0 or rows.shape[-1] == 0:
        raise NotEnoughData(_ASKED, found, "Give at least one row and one column.")
    if not _is_finite(rows):
        raise ShapeError(
            _ASKED, "Some values are not finite numbers.", "Look for overflow (float16) in the activations."
        )
    return rows, labels.astype(np.int64)


def _is_finite(rows: NDArray[np.float32]) -> bool:
    """Whether all values are. A sum shows it ten times as fast as a look at each; where it is not finite, it may be too large."""
    import torch

    return bool(torch.from_numpy(rows).sum().isfinite()) or bool(np.isfinite(rows).all())


def _row_weights(labels: NDArray[np.int64], class_weight: str | ArrayLike | None, K: int) -> NDArray[np.float64]:
    """Weight of each row [b, n]."""
    if class_weight is None:
        return np.ones(labels.shape)
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise SpecInvalid(
                _ASKED, f"class_weight is {class_weight!r}.", 'Use None, "balanced" or one weight a class.'
            )
        counts = np.stack([np.bincount(row, minlength=K) for row in labels])
        by_class = labels.shape[1] / ((counts > 0).sum(axis=1, keepdims=True) * np.maximum(counts, 1))
        return np.take_along_axis(by_class, labels, axis=1)
    given = np.asarray(class_weight, dtype=np.float64)
    if given.shape != (K,) or not np.isfinite(given).all() or (given < 0).any():
        raise SpecInvalid(_ASKED, f"class_weight is {given}.", f"Give {K} weights, none negative.")
    weights = given[labels]
    if (weights.sum(axis=1) == 0).any():
        raise NotEnoughData(_ASKED, "All rows of a problem have weight 0.", "Give a weight to a class that occurs.")
    return weights


def online_codelength(block_nats: ArrayLike, first_block: int, n_classes: int) -> float:
    """Bits that it takes to send labels block by block, each by a probe trained on all before it.

    The first block is sent by a uniform code, since nothing is known yet.

    Args:
        block_nats: sum of -log p(label) over each later block, in nats, >= 0.
        first_block: rows of the first block.
        n_classes: K.
    Returns:
        Bits, >= 0; smaller = what the labels say is easier to find in the vectors.
    Raises:
        SpecInvalid: a negative or infinite block, no row, fewer than 2 classes.
    Source:
        Voita & Titov (2020), equation 3: L = t1 log2 K - sum log2 p.
    """
    nats = np.asarray(block_nats, dtype=np.float64)
    if nats.ndim != 1 or not np.isfinite(nats).all() or (nats < 0).any() or first_block < 1 or n_classes < 2:
        raise SpecInvalid(
            "Adding up a codelength.",
            f"Blocks of {nats} nats, a first block of {first_block} rows, {n_classes} classes.",
            "Give finite nats of 0 or more, a row or more, two classes or more.",
        )
    return float(first_block * np.log2(n_classes) + nats.sum() / np.log(2))
