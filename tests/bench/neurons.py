"""Neurons at the size of paper A: `python -m tests.bench.neurons`. Needs neurox==1.0.9 for what it is compared with.

20,000 words x 9,984 neurons (13 layers of 768) x 17 classes, made up: layers that share most of what they say.
"""

import contextlib
import io
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.bench.rows import keep

WORDS, LAYERS, WIDTH, CLASSES = 20_000, 13, 768, 17
LAMBDA = 1e-5
"""Both penalties of NeuroX's example script; its L2 term is the norm and not its square."""
ROUNDS = 5
EPOCHS, BATCH = 10, 32
"""NeuroX's defaults."""
GAUSSIAN_WORDS, GAUSSIAN_NEURONS, CHOSEN = 5_000, 384, 10


def states() -> tuple[np.ndarray, np.ndarray]:
    """float32 [words, neurons], z-scored; classes int64 [words]."""
    rng = np.random.default_rng(0)
    shares = 1 / np.arange(1, CLASSES + 1)
    y = rng.choice(CLASSES, WORDS, p=shares / shares.sum())
    latent = rng.normal(size=(WORDS, 300)).astype(np.float32) * np.exp(-np.arange(300, dtype=np.float32) / 80)
    latent += rng.normal(size=(CLASSES, 300)).astype(np.float32)[y] * 0.25 * np.exp(-np.arange(300) / 120)
    X = np.empty((WORDS, LAYERS * WIDTH), dtype=np.float32)
    for layer in range(LAYERS):
        part = slice(layer * WIDTH, (layer + 1) * WIDTH)
        X[:, part] = latent @ rng.normal(size=(300, WIDTH)).astype(np.float32)
        X[:, part] += 2.0 * rng.normal(size=(WORDS, WIDTH)).astype(np.float32)
    X -= X.mean(axis=0)
    X /= X.std(axis=0)
    return X, y.astype(np.int64)


def loss(X: np.ndarray, y: np.ndarray, W: np.ndarray, bias: np.ndarray) -> float:
    """NeuroX's objective on all rows, in nats a row."""
    logits = X @ W.T + bias
    logits -= logits.max(axis=1, keepdims=True)
    data = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y]
    return float(data.mean() + LAMBDA * np.abs(W).sum() + LAMBDA * np.linalg.norm(W))


def rows() -> list[tuple[str, str, str]]:
    """(what, figure, what is asked)."""
    import torch
    from neurox.interpretation import linear_probe, probeless

    from core.maths.neurons import probeless_ranking
    from core.maths.probing import fit_linear_probes

    torch.set_num_threads(2)
    X, y = states()
    fit_linear_probes(X[:100], y[:100], n_classes=CLASSES, max_iter=1)  # libraries are loaded in it
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        (ours, theirs), (our_seconds, their_seconds) = _in_turn(
            lambda: fit_linear_probes(X, y, C=L1_RATIO / (LAMBDA * WORDS), l1_ratio=L1_RATIO, max_iter=STEPS, tol=1e-6),
            lambda: linear_probe.train_logistic_regression_probe(
                X, y, lambda_l1=LAMBDA, lambda_l2=LAMBDA, num_epochs=EPOCHS, batch_size=BATCH
            ),
            rounds=3,
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        (ranking, their_ranking), (our_probeless, their_probeless) = _in_turn(
            lambda: probeless_ranking(X, y), lambda: probeless.get_neuron_ordering(X, y)
        )
    W, bias = (one.detach().numpy() for one in theirs.parameters())
    losses = loss(X, y, ours.coef[0], ours.intercept[0]), loss(X, y, W, bias)
    same = np.mean(ranking[:1000] == np.array(their_ranking[:1000]))
    size = f"{WORDS:,} words x {LAYERS * WIDTH:,} neurons x {CLASSES} classes"
    return [
        (
            f"elastic-net probe, {size}, against NeuroX's training",
            f"{their_seconds / our_seconds:.1f}x ({our_seconds:.1f} s, NeuroX {their_seconds:.1f} s), loss {losses[0]:.4f} "
            f"(NeuroX {losses[1]:.4f})",
            "≥ 5x at equal or lower loss",
        ),
        (
            "the same: peak memory of the process",
            f"{peak / 1e6:.1f} GB, of which the states {X.nbytes / 1e9:.1f} GB",
            "within 4 GB",
        ),
        (
            f"Probeless, {size}, against NeuroX",
            f"{their_probeless / our_probeless:.1f}x ({our_probeless * 1e3:.0f} ms, NeuroX {their_probeless * 1e3:.0f} ms), "
            f"the same place for {same:.1%} of the first 1,000",
            "≥ 5x",
        ),
        _gaussian_row(X, y),
    ]


def _gaussian_row(X: np.ndarray, y: np.ndarray) -> tuple[str, str, str]:
    """Of part of the words and neurons: the reference would take hours on all."""
    from core.maths.neurons import gaussian_ranking

    X, y = X[:: WORDS // GAUSSIAN_WORDS, :: X.shape[1] // GAUSSIAN_NEURONS].copy(), y[:: WORDS // GAUSSIAN_WORDS]
    gaussian_ranking(X, y, 1)
    begun = time.monotonic()
    ours = gaussian_ranking(X, y, CHOSEN)
    middle = time.monotonic()
    theirs = one_by_one(X, y, CHOSEN)
    seconds = middle - begun, time.monotonic() - middle
    return (
        f"Gaussian, {CHOSEN} of {X.shape[1]} neurons, {len(y):,} words x {CLASSES} classes, against a torch distribution for "
        "every neuron in every step (NeuroX 1.0.9 has no such ranking, its repository goes about it so)",
        f"{seconds[1] / seconds[0]:.0f}x ({seconds[0]:.1f} s, one by one {seconds[1]:.1f} s), the same choice in "
        f"{np.mean(ours == theirs):.0%} of steps",
        "≥ 5x",
    )


def one_by_one(X: np.ndarray, y: np.ndarray, n: int) -> list[int]:
    """The greedy choice of gaussian_ranking as one would write it down."""
    import torch
    from torch.distributions import MultivariateNormal

    rows, labels = torch.from_numpy(X).double(), torch.from_numpy(y)
    rows = (rows - rows.mean(dim=0)) / rows.std(dim=0, correction=0)
    everything = torch.cov(rows.T, correction=0)
    of_class = [rows[labels == k] for k in range(CLASSES)]
    means = [own.mean(dim=0) for own in of_class]
    spreads = [0.9 * torch.cov(own.T, correction=0) + 0.1 * everything for own in of_class]
    prior = torch.bincount(labels, minlength=CLASSES).div(len(labels)).log()
    chosen: list[int] = []
    for _ in range(n):
        told: dict[int, float] = {}
        for neuron in sorted(set(range(rows.shape[1])) - set(chosen)):
            at = [*chosen, neuron]
            classes = zip(means, spreads, strict=True)
            density = [
                MultivariateNormal(mean[at], spread[at][:, at]).log_prob(rows[:, at]) for mean, spread in classes
            ]
            joint = torch.stack(density, dim=1) + prior
            told[neuron] = float(joint.log_softmax(dim=1).gather(1, labels[:, None]).mean())
        chosen.append(max(told, key=told.__getitem__))
    return chosen


def _in_turn(*works: Callable[[], Any], rounds: int = ROUNDS) -> tuple[list[Any], list[float]]:
    """What each gives, and the median of its seconds over rounds in turn, the first left out: memory is found in that."""
    seconds: list[list[float]] = [[] for _ in works]
    given: list[Any] = [None] * len(works)
    for _ in range(1 + rounds):
        for at, work in enumerate(works):
            begun = time.monotonic()
            given[at] = work()
            seconds[at].append(time.monotonic() - begun)
    return given, [statistics.median(one[1:]) for one in seconds]


L1_RATIO, STEPS = 0.5, 4
"""So few steps already lose less than NeuroX's training; pages go on until nothing moves (core.analyses.neurons)."""

if __name__ == "__main__":
    keep(rows())
