"""Similarity of all layers against ckatorch pair by pair; DirectProbe against its published procedure with a free solver.

Needs `pip install ckatorch`, which nothing else here uses, and the corpora of development.
"""

import os
import statistics
import tempfile
import time
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LAYERS, ROWS, WIDTH, PAIRS = 13, 10_000, 768, 2
"""ckatorch compares the first pairs only; its seconds are of all 169 at that pace."""
WORDS, LABELS, FEW = 450, 40, 120
"""The published procedure is given a few of the words only where the space is not linear."""
TREEBANK = "ud_english_ewt/en_ewt-ud-dev.conllu"

Floats = NDArray[np.float64]


def rows() -> list[tuple[str, str, str]]:
    """(what, figure, asked)."""
    return [*similarity(), *direct_probe()]


def similarity() -> list[tuple[str, str, str]]:
    """13 x 13 CKA of made-up states that drift from layer to layer, and a jackknife of 7 layers."""
    import torch
    from ckatorch.core import cka_base

    from core.maths.similarity import cka_jackknife, cka_matrix
    from core.maths.statistics import group_folds

    rng = np.random.default_rng(0)
    sides: list[list[NDArray[np.float32]]] = []
    for _ in range(2):
        state, side = rng.normal(size=(ROWS, WIDTH)).astype(np.float32), []
        for _ in range(LAYERS):
            state = 0.8 * state + 0.6 * rng.normal(size=(ROWS, WIDTH)).astype(np.float32)
            side.append(state)
        sides.append(side)
    began = time.perf_counter()
    ours = cka_matrix(*sides, debiased=False)
    own = time.perf_counter() - began
    seconds, theirs = [], []
    for at in range(PAIRS):
        began = time.perf_counter()
        theirs.append(float(cka_base(torch.from_numpy(sides[0][at]), torch.from_numpy(sides[1][at]))))
        seconds.append(time.perf_counter() - began)
    pair_by_pair = statistics.median(seconds) * LAYERS**2
    folds = group_folds(np.arange(ROWS) // 12)
    began = time.perf_counter()
    for at in range(7):
        cka_jackknife(sides[0][at][:, :384], sides[1][at][:, :384], folds)
    apart = max(abs(theirs[at] - ours[at, at]) for at in range(PAIRS))
    return [
        ("13 × 13 CKA of 10,000 × 768, ours, one pass", f"{own:.1f} s", ""),
        ("13 × 13 CKA, ckatorch pair by pair (2 pairs measured)", f"{pair_by_pair:.0f} s", ""),
        ("CKA, ckatorch / ours", f"{pair_by_pair / own:.0f}", "≥ 10"),
        ("CKA, largest difference to ckatorch", f"{apart:.1e}", ""),
        ("jackknife of a 7-layer CKA curve, 10,000 × 384", f"{time.perf_counter() - began:.1f} s", "≤ 5 s"),
    ]


def direct_probe() -> list[tuple[str, str, str]]:
    """450 words of a treebank in 384 dimensions and in their first 8 principal axes; 5,000 made-up words in 768."""
    from core.maths.directprobe import direct_probe as ours
    from core.maths.directprobe import label_distances

    X, labels = treebank_words()
    centred = X - X.mean(axis=0)
    low = centred @ np.linalg.svd(centred, full_matrices=False)[2][:8].T
    found = []
    for name, space, limit in (("384 dimensions, linear", X, 2), ("8 dimensions, not linear", low, 3)):
        began = time.perf_counter()
        mine = ours(space, labels)
        own = f"{time.perf_counter() - began:.2f} s, {mine.n_clusters} clusters"
        found.append((f"DirectProbe, {WORDS} words, {len(set(labels))} labels, {name}", own, f"≤ {limit} s"))
    for name, space, n in (("384 dimensions", X, WORDS), ("8 dimensions", low, FEW)):
        began = time.perf_counter()
        mine = ours(space[:n], labels[:n])
        own = f"{time.perf_counter() - began:.2f} s, {mine.n_clusters} clusters"
        began = time.perf_counter()
        n_clusters, n_programmes = published(space[:n], labels[:n])
        theirs = f"{time.perf_counter() - began:.1f} s, {n_clusters} clusters, {n_programmes:,} programmes"
        what = f"DirectProbe, {n} words, {name}"
        found += [(f"{what}, ours", own, ""), (f"{what}, as published, with HiGHS", theirs, "same number")]
    rng = np.random.default_rng(0)
    label = rng.choice(17, 5000, p=rng.dirichlet(np.full(17, 2.0)))
    wide = 0.3 * rng.normal(size=(17, 768))[label] + rng.normal(size=(5000, 768))
    began = time.perf_counter()
    clusters, distances = ours(wide, label), label_distances(wide, label)
    seconds = time.perf_counter() - began
    assert clusters.is_linear
    what = f"DirectProbe and all {len(distances)} hull distances, 5,000 × 768, linear"
    return [*found, (what, f"{seconds:.1f} s", "≤ 120 s")]


def treebank_words() -> tuple[Floats, NDArray[np.str_]]:
    """Words in the packaged model's middle layer, of the commonest 40 pairs of word class and relation."""
    from core.analyses.embed import Embed
    from core.data.load import load_sample
    from core.lab import Lab
    from core.refs import ConlluFile, Packaged, Sample
    from core.settings import Settings
    from core.store.artifacts import Store

    sample = Sample(of=ConlluFile.at(Path(os.environ["TUNESCOPE_SHARED_DATA"]) / TREEBANK), n=400)
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Store(Settings(cache=Path(folder), packs=None)), engine="none")
        embeddings = lab.run(Embed(checkpoint=Packaged(), sample=sample))
        vectors = np.asarray(embeddings.layers[3], dtype=np.float64)
    examples = load_sample(sample)
    places = zip(embeddings.sentence.tolist(), embeddings.word.tolist(), strict=True)
    both = [f"{examples.word_labels['upos'][i][j]} {examples.word_labels['relation'][i][j]}" for i, j in places]
    names, counts = np.unique(both, return_counts=True)
    kept = np.flatnonzero(np.isin(both, names[np.argsort(-counts)[:LABELS]]))
    _, once = np.unique(vectors[kept], axis=0, return_index=True)
    chosen = np.sort(np.random.default_rng(0).permutation(kept[once])[:WORDS])
    return vectors[chosen], np.array(both)[chosen]


def published(X: Floats, labels: NDArray[np.str_]) -> tuple[int, int]:
    """(clusters, linear programmes) of the published procedure: balls first, then programmes, known answers kept."""
    asked: dict[frozenset[frozenset[int]], bool] = {}

    def touch(one: frozenset[int], other: frozenset[int]) -> bool:
        A, B = X[sorted(one)], X[sorted(other)]
        centres = A.mean(axis=0), B.mean(axis=0)
        radii = [np.linalg.norm(side - centre, axis=1).max() for side, centre in zip((A, B), centres, strict=True)]
        if np.linalg.norm(centres[0] - centres[1]) > sum(radii):
            return False
        key = frozenset([one, other])
        if key not in asked:
            asked[key] = not _programme(A, B)
        return asked[key]

    def is_clean(held: list[frozenset[int]]) -> bool:
        return not any(
            labels[min(one)] != labels[min(other)] and touch(one, other) for one, other in combinations(held, 2)
        )

    steps = _blind_merges(X, labels)
    if is_clean(_after(steps, len(X))):
        return len(_after(steps, len(X))), len(asked)
    good, bad = 0, len(steps)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if is_clean(_after(steps[:middle], len(X))) else (good, middle)
    return len(_greedy(_after(steps[:good], len(X)), X, labels, touch)), len(asked)


def _programme(A: Floats, B: Floats) -> bool:
    from scipy.optimize import linprog

    sides = np.concatenate([np.c_[-A, -np.ones(len(A))], np.c_[B, np.ones(len(B))]])
    return linprog(np.zeros(sides.shape[1]), A_ub=sides, b_ub=-np.ones(len(sides)), bounds=(None, None)).status == 0


def _blind_merges(X: Floats, labels: NDArray[np.str_]) -> list[tuple[int, int]]:
    """(kept, gone) of each merge, nearest centroids of one label first, to one cluster a label."""
    centre, size = X.copy(), np.ones(len(X))
    distance = np.linalg.norm(X[:, None] - X, axis=2)
    distance[(labels[:, None] != labels) | np.tri(len(X), dtype=bool)] = np.inf
    steps = []
    while np.isfinite(distance).any():
        kept, gone = (int(at) for at in np.unravel_index(distance.argmin(), distance.shape))
        steps.append((kept, gone))
        centre[kept] = (size[kept] * centre[kept] + size[gone] * centre[gone]) / (size[kept] + size[gone])
        size[kept] += size[gone]
        distance[gone], distance[:, gone] = np.inf, np.inf
        for row in (np.s_[kept, :], np.s_[:, kept]):
            known = np.isfinite(distance[row])
            distance[row][known] = np.linalg.norm(centre[known] - centre[kept], axis=1)
    return steps


def _after(steps: list[tuple[int, int]], n: int) -> list[frozenset[int]]:
    held = {at: frozenset([at]) for at in range(n)}
    for kept, gone in steps:
        held[kept] |= held.pop(gone)
    return list(held.values())


def _greedy(held: list[frozenset[int]], X: Floats, labels: NDArray[np.str_], touch) -> list[frozenset[int]]:
    """On from the last clean state: merge the nearest pair unless it touches another label."""
    refused: set[frozenset[frozenset[int]]] = set()

    def nearest(one: frozenset[int]) -> list[tuple[float, frozenset[int], frozenset[int]]]:
        own = X[sorted(one)].mean(axis=0)
        return [
            (float(np.linalg.norm(own - X[sorted(other)].mean(axis=0))), one, other)
            for other in held
            if other != one and labels[min(other)] == labels[min(one)]
        ]

    queue = sorted(
        (entry for one in held for entry in nearest(one) if min(entry[1]) < min(entry[2])), key=lambda e: e[0]
    )
    while queue:
        _, one, other = queue.pop(0)
        if one not in held or other not in held or frozenset([one, other]) in refused:
            continue
        together = one | other
        if any(labels[min(far)] != labels[min(one)] and touch(together, far) for far in held):
            refused.add(frozenset([one, other]))
            continue
        held = [cluster for cluster in held if cluster not in (one, other)] + [together]
        queue = sorted([*queue, *nearest(together)], key=lambda e: e[0])
    return held


if __name__ == "__main__":
    from tests.bench.rows import keep

    keep(similarity())
    keep(direct_probe())
