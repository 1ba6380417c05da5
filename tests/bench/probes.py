"""Linear probes of a comparison, 7 layers x 2 checkpoints x 5 splits, ours in batches against scikit-learn one by one."""

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np

LAYERS, SPLITS, WORDS, CLASSES, WIDTH, C = 14, 5, 10_000, 17, 384, 0.01
TOLERANCE, STEPS, ROUNDS, THREADS = 1e-4, 300, 1, 1
"""scikit-learn's default tolerance. One thread each: idle ones of either
library would wait for a core that something else has."""


def layer(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors float32 [10000, 384] and labels: clouds of a skewed 17 classes, spread over correlated directions."""
    rng = np.random.default_rng(seed)
    shares = 1 / np.arange(1, CLASSES + 1)
    y = rng.choice(CLASSES, WORDS, p=shares / shares.sum())
    mixing = rng.normal(size=(WIDTH, WIDTH)) * np.exp(-np.arange(WIDTH) / 60)[:, None]
    noise = rng.normal(size=(WORDS, WIDTH)) @ mixing
    noise += 0.7 * noise.std() * rng.normal(size=noise.shape)
    centres = rng.normal(size=(CLASSES, WIDTH)) * (0.03 + 0.02 * (seed % 7))
    return (centres[y] * noise.std() + noise).astype(np.float32), y


def halves(X: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(training vectors, test vectors, training rows, test rows) of a split, standardised."""
    from core.maths.probing import standardise

    order = np.random.default_rng(seed).permutation(WORDS)
    train, test = order[: WORDS * 7 // 10], order[WORDS * 7 // 10 :]
    return (*standardise(X[train], X[test]), train, test)


ROOM = np.zeros((SPLITS, WORDS * 7 // 10, WIDTH), dtype=np.float32)
"""As in the analysis, one matrix for the training rows of all splits, used for layer after layer."""


def ours(splits: list[tuple[np.ndarray, ...]], y: np.ndarray, device: str = "cpu") -> list[float]:
    """Accuracies of one layer's probes, all splits in one batch."""
    from core.maths.probing import fit_linear_probes

    for place, split in zip(ROOM, splits, strict=False):
        place[:] = split[0]
    probes = fit_linear_probes(
        ROOM[: len(splits)],
        np.stack([y[split[2]] for split in splits]),
        C=C,
        n_classes=CLASSES,
        max_iter=STEPS,
        tol=TOLERANCE,
        device=device,
    )
    return [
        float(((seen @ W.T + b).argmax(axis=1) == y[test]).mean())
        for (_, seen, _, test), W, b in zip(splits, probes.coef, probes.intercept, strict=True)
    ]


def one_by_one(splits: list[tuple[np.ndarray, ...]], y: np.ndarray) -> list[float]:
    """The same with scikit-learn's LogisticRegression."""
    from sklearn.linear_model import LogisticRegression

    found = []
    for seen, held_out, train, test in splits:
        model = LogisticRegression(C=C, tol=TOLERANCE, max_iter=STEPS).fit(seen, y[train])
        found.append(float(model.score(held_out, y[test])))
    return found


def ratios() -> list[tuple[str, str, str]]:
    """(what, figure, asked) rows: seconds of all 70 probes, medians of rounds in turn, and how far accuracies differ."""
    import torch
    from threadpoolctl import threadpool_limits

    from core.models.devices import use_threads

    use_threads(THREADS)
    threadpool_limits(THREADS)
    ways: dict[str, Callable[..., list[float]]] = {"ours": ours, "scikit-learn": one_by_one}
    if torch.cuda.is_available():
        ways["accelerator"] = partial(ours, device="cuda")
        ways["accelerator"]([halves(layer(0)[0], 0)], layer(0)[1])  # its start-up belongs to no fit
    times: dict[str, list[float]] = {name: [] for name in ways}
    scores: dict[str, list[float]] = {}
    for round_ in range(ROUNDS):
        total, scores = dict.fromkeys(times, 0.0), {name: [] for name in times}
        for seed in range(LAYERS):
            X, y = layer(seed)
            splits = [halves(X, split) for split in range(SPLITS)]
            if round_ == 0 and seed == 0:
                ours(splits[:1], y), one_by_one(splits[:1], y)  # imports and first-use costs belong to neither
            for name, way in ways.items():
                started = time.perf_counter()
                scores[name] += way(splits, y)
                total[name] += time.perf_counter() - started
        for name in times:
            times[name].append(total[name])
    middle = {name: statistics.median(held) for name, held in times.items()}
    apart = np.abs(np.subtract(scores["ours"], scores["scikit-learn"])).max()
    on_accelerator = [
        ("probes, scikit-learn / ours on the accelerator", f"{middle['scikit-learn'] / middle[name]:.1f}", "≥ 10")
        for name in middle
        if name == "accelerator"
    ]
    return [
        *on_accelerator,
        (
            "accuracy of the probes, scikit-learn's",
            f"{min(scores['scikit-learn']):.2f} to {max(scores['scikit-learn']):.2f}",
            "",
        ),
        ("70 linear probes, one thread, ours in batches of 5", f"{middle['ours']:.1f} s", ""),
        ("70 linear probes, one thread, scikit-learn one by one", f"{middle['scikit-learn']:.1f} s", ""),
        ("probes, scikit-learn / ours", f"{middle['scikit-learn'] / middle['ours']:.2f}", "≥ 2"),
        ("probes, largest difference of accuracy, points", f"{100 * apart:.2f}", "≤ 0.3"),
    ]


if __name__ == "__main__":
    from tests.bench.rows import keep

    keep(ratios())
