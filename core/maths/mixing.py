"""Edge probes with scalar mixing: what a small network reads of one or two spans from a weighted sum of the layers.

A probe of the layers 0..k, for every k, says where in the network a label becomes readable; the weights of the full mix
say which layers it reads. All of them, on several splits of the data and beside their control tasks, are trained in one
batched loop (edge_training.py), each with a learning rate and an end of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid

_ASKED = "Training edge probes."


@dataclass(frozen=True)
class Edges:
    """Spans of words with labels, aligned by row."""

    first: NDArray[np.int64]
    """First row, and the one after the last, of the words of each first span [m, 2]."""
    second: NDArray[np.int64] | None
    """The same of the other span of each pair; None where edges are single spans."""
    targets: NDArray[np.bool_]
    """Labels that each edge has, one table a task [tasks, m, K]; none, one or several a row."""


@dataclass(frozen=True)
class EdgeSplit:
    """Edges for training, for deciding when to stop, and for the score."""

    train: NDArray[np.intp]
    """As many in every split."""
    dev: NDArray[np.intp]
    test: NDArray[np.intp]
    seed: int
    """Draws first parameters, order of edges and dropout, the same for all models of the split: what they differ by is
    then no luck of theirs."""


@dataclass(frozen=True)
class Mix:
    """One model to train."""

    split: int
    """Which split it reads."""
    top: int
    """It mixes the layers 0..top."""
    task: int = 0
    """Which table of targets it learns."""


@dataclass(frozen=True)
class Training:
    """How edge probes are trained; after each epoch they are read on the dev edges."""

    width: int = 128
    """Of the projected words and of the hidden layer."""
    equal_norms: bool = False
    """Divide each layer by its mean vector norm over the training words first."""
    dropout: float = 0.3
    """Share of hidden units left out."""
    rate: float = 1e-3
    """Of Adam."""
    mixing_rate: float = 2e-2
    """Of Adam, for mixing weights and gamma: a few hundred steps take them as far as the published thousands do."""
    batch: int = 256
    """Edges in a step at most; fewer, down to 32, where training has less than 32 such batches."""
    max_epochs: int = 60
    slow_after: int = 3
    """Epochs without gain after which the rates are halved, each time again."""
    stop_after: int = 8
    """Epochs without gain after which a model stops."""

    def __post_init__(self) -> None:
        counts = self.width, self.batch, self.max_epochs, self.slow_after, self.stop_after
        if min(counts) < 1 or not 0 <= self.dropout < 1 or not min(self.rate, self.mixing_rate) > 0:
            raise SpecInvalid(_ASKED, f"{self}.", "Use counts of 1 or more, dropout from 0 to below 1, rates above 0.")


@dataclass(frozen=True)
class EdgeProbes:
    """Trained probes, in the order of the models asked for."""

    weights: NDArray[np.float64]
    """Mixing weights, each row summing to 1, 0 above the model's top [n_models, layers]."""
    gamma: NDArray[np.float64]
    """Factor of the mix, of layers brought to entries of about 1 by `sizes` [n_models]."""
    sizes: NDArray[np.float64]
    """What layers were divided by: one number for all layers of a model, or each layer's own with equal norms
    [n_models, layers]."""
    probabilities: tuple[NDArray[np.float32], ...]
    """Of each label on the test edges of the model's split [n_test, K]."""
    epochs: NDArray[np.int64]
    """Trained, the ones without gain included [n_models]."""
    stopped: NDArray[np.bool_]
    """True where it stopped by itself, False at the limit of epochs [n_models]."""


def train_edge_probes(
    layers: Sequence[NDArray],
    edges: Edges,
    splits: Sequence[EdgeSplit],
    models: Sequence[Mix],
    how: Training | None = None,
    *,
    device: str = "cpu",
    check: Callable[[], None] | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> EdgeProbes:
    """Train edge probes, all in one batch; the result of each does not depend on which others are in it (but for rounding).

    h = gamma * sum_l softmax(s)_l h_l over the layers 0..top; a linear map to `width`, one for each side of a pair;
    self-attentive pooling over the words of each span; linear, tanh, layer norm, dropout, linear; one sigmoid and binary
    cross-entropy a label. Adam; rates are halved, and training ends, after epochs that gain nothing on the dev edges:
    neither micro-F1 nor, before all is right, a hundredth of the loss. The epoch of the highest micro-F1 is kept.

    Args:
        layers: vectors of words from the embeddings up, float16 or float32, each [n_words, d]; memory-mapped ones are
            read a batch at a time.
        edges: spans as ranges of rows of the layers, and labels.
        splits: of the edges; training sides of one size.
        models: which to train, of which split, layers and task.
        how: settings; None = the defaults.
        device: "cpu", "cuda" or "mps".
        check: called before every batch of training, dev or test; may raise to stop.
        on_step: told (done, total) after every batch of training; done never falls.
    Returns:
        Probes in the order of `models`.
    Raises:
        ShapeError: arrays that do not fit, spans outside the words or empty, vectors that are not finite.
        NotEnoughData: no edge, no label or an empty side of a split; training edges that all have the same labels, in every
            task asked for; with equal norms a layer of zeros.
        SpecInvalid: a split that shares edges between its sides; a model of no such split, layer or task.
    Source:
        Tenney et al. (2019), arXiv 1905.06316 and 1905.05950, and their published settings. Differs: pooling is over
        words, whose pieces are pooled before, and not over pieces; width 128, not 256; rate 1e-3, not 1e-4, and one
        of its own for the mix; layers are divided by their common mean norm, which gamma and projection could absorb;
        a validation an epoch, where a falling loss is a gain too.
    Cost:
        Each epoch O(models * edges * words a span * d * width); memory a batch's words in float32, layers times, the
        parameters four times, and probabilities of models * n_test * K.
    """
    from core.maths.edge_training import Course

    _check_layers(layers)
    n_tasks = _check_edges(edges, len(layers[0]))
    _check_splits(splits, len(edges.first))
    _check_models(models, splits, edges, n_layers=len(layers), n_tasks=n_tasks)
    _check_finite(layers, edges)
    course = Course(layers, edges, splits, models, how or Training(), device=device, check=check or (lambda: None))
    for done, total in course.run():
        if on_step is not None:
            on_step(done, total)
    return course.result()


def mean_norms(layers: Sequence[NDArray], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean length of the vectors of these words in each layer, >= 0 [layers]; inf or NaN where a value is."""
    return np.array([np.linalg.norm(np.asarray(layer[rows], dtype=np.float64), axis=1).mean() for layer in layers])


def micro_f1(gold: ArrayLike, said: ArrayLike) -> float:
    """F1 over all decisions together: 2 * right / (said + gold), each counted over rows and labels.

    Args:
        gold: labels that rows have, bool [n, K].
        said: labels given to them, bool [n, K].
    Returns:
        0 to 1, larger = better; where each row has one label and is given one, the accuracy.
    Raises:
        ShapeError: unequal shapes, or not booleans.
        NotEnoughData: nothing is gold and nothing said: 0 / 0.
    """
    truth, guess = np.asarray(gold), np.asarray(said)
    if truth.shape != guess.shape or truth.ndim != 2 or truth.dtype != bool or guess.dtype != bool:
        raise ShapeError(
            "Micro-F1.",
            f"{truth.dtype} {list(truth.shape)} gold, {guess.dtype} {list(guess.shape)} said.",
            "Give two tables of booleans of one shape.",
        )
    positive = int(truth.sum()) + int(guess.sum())
    if not positive:
        raise NotEnoughData("Micro-F1.", "No row has a label and none was given one.", "Give rows with labels.")
    return 2 * int((truth & guess).sum()) / positive


def commonest_labels(targets: ArrayLike) -> NDArray[np.bool_]:
    """What a probe that sees no vector would always say: the labels that most rows have, or else the commonest one.

    Args:
        targets: labels of the training rows, bool [n, K].
    Returns:
        bool [K]; of equals, the first in order.
    Raises:
        NotEnoughData: no row or no label.
    """
    table = np.asarray(targets, dtype=bool)
    if table.ndim != 2 or not table.size:
        raise NotEnoughData("The majority baseline.", f"Labels of shape {table.shape}.", "Give rows and labels.")
    shares = table.mean(axis=0)
    most: NDArray[np.bool_] = shares > 0.5 if (shares > 0.5).any() else np.arange(len(shares)) == shares.argmax()
    return most


def localisation(cumulative_scores: ArrayLike) -> float:
    """How few layers the gains of probes on the layers 0..l fall into: their divergence from equal gains everywhere.

    Args:
        cumulative_scores: score of a probe on layers 0..l, for l = 0..L [L + 1]; losses count as no gain.
    Returns:
        KL(gains || uniform) over l = 1..L in bits, 0 (equal everywhere) to log2 L (all in one layer).
    Raises:
        SpecInvalid: not a vector of finite numbers.
        NotEnoughData: no layer above the embeddings gains.
    Source:
        Tenney et al. (2019), arXiv 1905.05950.
    """
    scores = np.asarray(cumulative_scores, dtype=np.float64)
    if scores.ndim != 1 or not np.isfinite(scores).all():
        raise SpecInvalid("A localisation.", f"Scores {scores}.", "Give one finite number a layer.")
    gains = np.diff(scores).clip(min=0)
    if not gains.sum() > 0:
        raise NotEnoughData(
            "A localisation.",
            "No layer above the embeddings gains anything.",
            "The label is read from the embeddings as well as from all layers: there is nothing to place.",
        )
    shares = gains / gains.sum()
    present = shares[shares > 0]
    return max(0.0, float(present @ np.log2(present * len(shares))))


def words_of(edges: Edges, rows: NDArray[np.intp] | None = None) -> NDArray[np.int64]:
    """The rows of words that stand in any span of these edges (None = all), rising, each once."""
    chosen = slice(None) if rows is None else rows
    sides = [side[chosen] for side in (edges.first, edges.second) if side is not None]
    depth = np.zeros(max(int(side.max()) for side in sides) + 1, dtype=np.int64)
    for side in sides:
        np.add.at(depth, side[:, 0], 1)
        np.add.at(depth, side[:, 1], -1)
    return np.flatnonzero(depth.cumsum())


def _check_layers(layers: Sequence[NDArray]) -> None:
    shapes = {np.shape(layer) for layer in layers}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 2 or not all(shape):
        raise ShapeError(
            _ASKED,
            f"{len(layers)} layers of shapes {', '.join(sorted({str(np.shape(layer)) for layer in layers})) or 'none'}.",
            "Give one matrix [n_words, d] a layer, all of one shape.",
        )
    if any(layer.dtype not in (np.float16, np.float32) for layer in layers):
        raise ShapeError(_ASKED, "Some layers are not float16 or float32.", "Convert them first.")


def _check_edges(edges: Edges, n_words: int) -> int:
    """Number of tasks, where all fits."""
    for side in (edges.first, edges.second):
        if side is None:
            continue
        if side.ndim != 2 or side.shape[1] != 2 or side.dtype.kind != "i" or len(side) != len(edges.first):
            raise ShapeError(
                _ASKED,
                f"Spans of shape {side.shape}, {side.dtype}, for {len(edges.first)} edges.",
                "Give whole numbers [m, 2]; of pairs, each edge has a second span.",
            )
        wrong = np.flatnonzero((side[:, 0] < 0) | (side[:, 1] > n_words) | (side[:, 0] >= side[:, 1]))
        if len(wrong):
            raise ShapeError(
                _ASKED,
                f"Edge {wrong[0]} has the span {side[wrong[0]].tolist()} of {n_words} words.",
                "A span is [first row, row after the last].",
            )
    targets = edges.targets
    if targets.ndim != 3 or targets.dtype != bool or targets.shape[1] != len(edges.first):
        raise ShapeError(
            _ASKED,
            f"Targets of shape {targets.shape}, {targets.dtype}, for {len(edges.first)} edges.",
            "Give booleans [tasks, edges, labels].",
        )
    if not targets.size:
        raise NotEnoughData(_ASKED, f"Targets of shape {targets.shape}.", "Give edges and labels.")
    return len(targets)


def _check_splits(splits: Sequence[EdgeSplit], n_edges: int) -> None:
    for split in splits:
        sides = split.train, split.dev, split.test
        if not all(len(side) for side in sides):
            raise NotEnoughData(
                _ASKED,
                f"A split has {', '.join(str(len(side)) for side in sides)} edges for training, dev and test.",
                "Give some to each.",
            )
        rows = np.concatenate(sides)
        if rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= n_edges:
            raise ShapeError(_ASKED, f"A split names edges outside 0 to {n_edges - 1}.", "Number edges from 0.")
        if len(np.unique(rows)) < len(rows) or split.seed < 0:
            raise SpecInvalid(
                _ASKED,
                f"A split of seed {split.seed} names {len(rows) - len(np.unique(rows))} edges more than once.",
                "Put each edge on one side; use a seed of 0 or more.",
            )
    if len({len(split.train) for split in splits}) > 1:
        raise ShapeError(
            _ASKED,
            f"Splits have {', '.join(str(len(split.train)) for split in splits)} training edges.",
            "Give as many to each, so that they step together.",
        )


def _check_models(
    models: Sequence[Mix], splits: Sequence[EdgeSplit], edges: Edges, *, n_layers: int, n_tasks: int
) -> None:
    for model in models:
        if not (0 <= model.split < len(splits) and 0 <= model.top < n_layers and 0 <= model.task < n_tasks):
            raise SpecInvalid(
                _ASKED,
                f"{model} of {len(splits)} splits, {n_layers} layers, {n_tasks} tasks.",
                "Number them from 0.",
            )
    if not models:
        raise SpecInvalid(_ASKED, "No model is asked for.", "Give at least one.")
    for number in sorted({model.split for model in models}):
        tasks = sorted({model.task for model in models if model.split == number})
        taught = edges.targets[tasks][:, splits[number].train]
        if (taught == taught[:, :1]).all():  # a control task alone may be so, drawn from few types
            raise NotEnoughData(
                _ASKED,
                "All training edges have the same labels." if taught.any() else "No training edge has a label.",
                "Give more edges, of two labels or more.",
            )


def _check_finite(layers: Sequence[NDArray], edges: Edges) -> None:
    words = words_of(edges)
    for at, layer in enumerate(layers):
        if not np.isfinite(layer[words]).all():
            raise ShapeError(
                _ASKED, f"Some vectors of layer {at} are not finite.", "Look for overflow (float16) in the activations."
            )
