"""UMAP of 5,000 points, and maps of 14 slices, as the maps page makes them, against umap-learn as it comes, after compiling."""

import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np

ROUNDS, POINTS, WIDTH = 2, 5000, 384
SLICE_POINTS, SLICE_WIDTH = 2000, 50


def points() -> np.ndarray:
    """17 overlapping clouds, float32 [5000, 384]."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(17, WIDTH))
    return (centres[rng.integers(0, 17, POINTS)] + 1.5 * rng.normal(size=(POINTS, WIDTH))).astype(np.float32)


def ours(X: np.ndarray) -> np.ndarray:
    """Joint PCA to 50, exact neighbours, UMAP on that graph, 200 epochs."""
    from core.analyses.joint_umap import placed, shared_graph
    from tests.quiet import Quiet

    half = len(X) // 2
    rows, graph = shared_graph(X[:half], X[half:], 15, Quiet())
    return placed(rows, graph, min_dist=0.1, seed=0, init="pca")


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


def slices() -> list[tuple[np.ndarray, np.ndarray]]:
    """Seven layers of two sides, float32 [2000, 50] each: clouds that drift from layer to layer, on one side further."""
    rng = np.random.default_rng(0)
    cloud, n = rng.integers(0, 17, SLICE_POINTS), (SLICE_POINTS, SLICE_WIDTH)
    centres, drift, further = (rng.normal(size=(17, SLICE_WIDTH)) for _ in range(3))
    own = 1.5 * rng.normal(size=n)
    layers = []
    for layer in range(7):
        base = (centres + 0.15 * layer * drift)[cloud] + own + 0.2 * layer * rng.normal(size=n)
        tuned = base + (0.2 * layer * further)[cloud]
        layers.append((base.astype(np.float32), tuned.astype(np.float32)))
    return layers


def chain_ratios() -> list[tuple[str, str, str]]:
    """(what, figure, asked) rows: our chain of 14 maps against AlignedUMAP on the same slices, both compiled before; one round,
    since AlignedUMAP takes minutes."""
    from umap import AlignedUMAP

    from core.analyses.embed import Embed
    from core.analyses.map_chain import MapChain, chained
    from core.maths.projection import trustworthiness
    from core.refs import Packaged, Sample, Suite
    from tests.quiet import Quiet

    embed = Embed(checkpoint=Packaged(), sample=Sample(of=Suite()))
    spec = MapChain(base=embed, tuned=embed, n_points=SLICE_POINTS, metric="euclidean")

    def ours(layers: list[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
        base, tuned = chained(layers, spec, Quiet())
        return [*base.maps, *tuned.maps]

    def aligned(layers: list[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
        ordered = [base for base, _ in layers] + [tuned for _, tuned in reversed(layers)]
        same = {at: at for at in range(len(ordered[0]))}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = AlignedUMAP(random_state=0).fit(ordered, relations=[same] * (len(ordered) - 1))
        drawn = list(fitted.embeddings_)
        return [*drawn[:7], *reversed(drawn[7:])]

    layers = slices()
    short = [(base[:200], tuned[:200]) for base, tuned in layers[:2]]
    seconds, trust = [], []
    for way in (ours, aligned):
        way(short) if way is ours else AlignedUMAP(random_state=0, n_epochs=10).fit(
            [short[0][0], short[0][1]], relations=[{at: at for at in range(200)}]
        )
        started = time.perf_counter()
        maps = way(layers)
        seconds.append(time.perf_counter() - started)
        spaces = [*(base for base, _ in layers), *(tuned for _, tuned in layers)]
        trust.append(statistics.mean(trustworthiness(X, Y, 15) for X, Y in zip(spaces, maps, strict=True)))
    return [
        ("14 slices of 2,000 points, our chain", f"{seconds[0]:.0f} s, trustworthiness {trust[0]:.3f}", ""),
        ("14 slices of 2,000 points, AlignedUMAP", f"{seconds[1]:.0f} s, trustworthiness {trust[1]:.3f}", ""),
        ("AlignedUMAP / our chain", f"{seconds[1] / seconds[0]:.1f}", "≥ 5"),
    ]


if __name__ == "__main__":
    from tests.bench.rows import keep

    keep([*ratios(), *chain_ratios()])
