"""Perceptrons of 13 layers x 3 seeds, ours in one batch against scikit-learn one by one, both for the same few epochs."""

import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np

from core.maths.mlp import fit_mlps

LAYERS, SEEDS, WORDS, CLASSES, WIDTH, HIDDEN, ALPHA = 13, 3, 2000, 17, 384, (64, 64), 1e-3
EPOCHS, ROUNDS, THREADS, ONE_BY_ONE = 5, 3, 1, 4
"""scikit-learn trains the first few only, and seconds are of a net and epoch."""


def layers() -> tuple[np.ndarray, np.ndarray]:
    """Standard-normal clouds of 17 classes, float32 [13, 4000, 384], and labels [4000]; the second half is held out."""
    rng = np.random.default_rng(0)
    y = rng.integers(CLASSES, size=2 * WORDS)
    centres = 0.2 * rng.normal(size=(LAYERS, CLASSES, WIDTH))
    return (centres[:, y] + rng.normal(size=(LAYERS, 2 * WORDS, WIDTH))).astype(np.float32), y


def ours(X: np.ndarray, y: np.ndarray, device: str = "cpu") -> np.ndarray:
    """Classes of the held-out rows by all nets [39, 2000]."""
    nets = fit_mlps(
        X[:, :WORDS], y[:WORDS], hidden=HIDDEN, alpha=ALPHA, seeds=list(range(SEEDS)) * LAYERS, max_epochs=EPOCHS,
        device=device,
    )  # fmt: skip
    return nets.predict(X[:, WORDS:])


def one_by_one(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The same of the first nets by scikit-learn's MLPClassifier [4, 2000]."""
    from sklearn.neural_network import MLPClassifier

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that these few epochs were too few is known
        return np.stack(
            [
                MLPClassifier(HIDDEN, alpha=ALPHA, max_iter=EPOCHS, random_state=net % SEEDS)
                .fit(X[net // SEEDS, :WORDS], y[:WORDS])
                .predict(X[net // SEEDS, WORDS:])
                for net in range(ONE_BY_ONE)
            ]
        )


def ratios() -> list[tuple[str, str, str]]:
    """(what, figure, asked) rows: milliseconds a net and epoch, medians of rounds in turn, and the answers that differ."""
    import torch
    from threadpoolctl import threadpool_limits

    from core.models.devices import use_threads

    use_threads(THREADS)
    threadpool_limits(THREADS)
    X, y = layers()
    ways: dict[str, tuple[int, Callable[[], np.ndarray]]] = {
        "ours in one batch": (LAYERS * SEEDS, lambda: ours(X, y)),
        "scikit-learn one by one": (ONE_BY_ONE, lambda: one_by_one(X, y)),
    }
    if torch.cuda.is_available():
        ways["ours on the accelerator"] = (LAYERS * SEEDS, lambda: ours(X, y, "cuda"))
    times: dict[str, list[float]] = {name: [] for name in ways}
    answers = {name: way() for name, (_, way) in ways.items()}  # imports and first-use costs belong to no round
    for _ in range(ROUNDS):
        for name, (nets, way) in ways.items():
            started = time.perf_counter()
            way()
            times[name].append(1000 * (time.perf_counter() - started) / (nets * EPOCHS))
    middle = {name: statistics.median(held) for name, held in times.items()}
    batch, alone = (middle[name] for name in list(ways)[:2])
    apart = np.mean(answers["ours in one batch"][:ONE_BY_ONE] != answers["scikit-learn one by one"])
    return [
        *((f"a perceptron and epoch, one thread, {name}", f"{value:.1f} ms", "") for name, value in middle.items()),
        ("perceptrons, scikit-learn / ours", f"{alone / batch:.2f}", ""),
        ("perceptrons, share of answers that differ, per cent", f"{100 * apart:.2f}", "≤ 0.1"),
    ]


if __name__ == "__main__":
    from tests.bench.rows import keep

    keep(ratios())
