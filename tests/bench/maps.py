"""UMAP of 5,000 points as the maps page makes it, against umap-learn as it comes, in one process after compiling."""

import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np

ROUNDS, POINTS, WIDTH = 2, 5000, 384


def points() -> np.ndarray:
    """17 overlapping clouds, float32 [5000, 384]."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(17, WIDTH))
    return (centres[rng.integers(0, 17, POINTS)] + 1.5 * rng.normal(size=(POINTS, WIDTH))).astype(np.float32)


def ours(X: np.ndarray) -> np.ndarray:
    """Joint PCA to 50, exact neighbours, UMAP on that graph, 200 epochs."""
    from core.analyses.joint_umap import lay_out

    half = len(X) // 2
    return lay_out(X[:half], X[half:], n_neighbors=15, min_dist=0.1, seed=0)


def plain(X: np.ndarray, n_epochs: int | None = None) -> np.ndarray:
    """What a user writes."""
    from umap import UMAP

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return UMAP(random_state=0, n_epochs=n_epochs).fit_transform(X)


def ratios() -> list[tuple[str, str, str]]:
    """(what, figure, asked) rows: medians of warm rounds in turn, ratios, trustworthiness of the maps."""
    from threadpoolctl import threadpool_limits

    from core.maths.projection import trustworthiness
    from core.models.devices import use_threads

    use_threads(1)  # a seed keeps UMAP to one thread; then so does what comes before it
    threadpool_limits(1)
    X = points()
    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "ours, 200 epochs": ours,
        "umap-learn as it comes": plain,
        "umap-learn, 200 epochs": lambda X: plain(X, 200),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    maps = {name: way(X) for name, way in ways.items()}  # compiled here, for all of them
    for _ in range(ROUNDS):
        for name, way in ways.items():
            started = time.perf_counter()
            way(X)
            seconds[name].append(time.perf_counter() - started)
    middle = {name: statistics.median(times) for name, times in seconds.items()}
    trust = {name: trustworthiness(X, drawn, k=15) for name, drawn in maps.items()}
    first, usual, short = ways
    return [
        *(
            (f"UMAP of 5,000 points, {name}", f"{middle[name]:.1f} s, trustworthiness {trust[name]:.3f}", "")
            for name in ways
        ),
        ("UMAP as it comes / ours", f"{middle[usual] / middle[first]:.2f}", "≥ 2"),
        ("UMAP at 200 epochs / ours", f"{middle[short] / middle[first]:.2f}", ""),
        ("trustworthiness, ours less UMAP as it comes", f"{trust[first] - trust[usual]:+.3f}", "≥ -0.01"),
    ]


if __name__ == "__main__":
    from tests.bench.rows import keep

    keep(ratios())
