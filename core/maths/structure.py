"""Trees in a space: how far words lie apart in a dependency tree, and how well distances and depths recover it.

Public scores take lists with one entry a sentence. Inside, a sentence is scored for many models (layers) at once.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid

PUNCTUATION = "PUNCT"
SHORTEST, LONGEST = 5, 50
"""Words of the sentences that a Spearman correlation is averaged over (Hewitt & Manning 2019)."""


def tree_distances(heads: Sequence[int]) -> NDArray[np.int64]:
    """Edges on the way from each word to each other.

    Several roots are joined by the artificial node 0 above them, one edge from each.

    Args:
        heads: 1-based head of each word, 0 = root.
    Returns:
        Symmetric [n, n], 0 on the diagonal.
    Raises:
        ShapeError: a head that is no word of the sentence, or words that lead round in a circle.
    Cost:
        O(n^2).
    """
    above = _checked_heads(heads)
    found = np.zeros((len(above) + 1, len(above) + 1), dtype=np.int64)
    placed = [0]
    for node in _downwards(above):
        found[node, placed] = found[placed, node] = found[above[node - 1], placed] + 1
        placed.append(node)
    return found[1:, 1:]


def is_tree(heads: Sequence[int]) -> bool:
    """Whether the heads make one whole tree: one root, and every word hangs on it."""
    try:
        return list(heads).count(0) == 1 and bool(_downwards(_checked_heads(heads)))
    except ShapeError:
        return False


def tree_depths(heads: Sequence[int]) -> NDArray[np.int64]:
    """Edges from the root to each word, 0 for a root [n]. Raises as tree_distances."""
    above = _checked_heads(heads)
    depths = np.full(len(above) + 1, -1, dtype=np.int64)
    for node in _downwards(above):
        depths[node] = depths[above[node - 1]] + 1
    return depths[1:]


def spanning_heads(distances: ArrayLike, roots: ArrayLike) -> NDArray[np.int64]:
    """Minimum spanning trees, hung up at the given roots.

    Args:
        distances: symmetric, one matrix a model [m, n, n]; of equal ones the word that stands first is taken.
        roots: word at the top of each tree, 0-based, int [m].
    Returns:
        1-based head of each word, 0 at the root [m, n].
    Raises:
        ShapeError: other shapes, or values that are not finite.
    Cost:
        O(m * n^2), Prim's algorithm.
    """
    given, top = np.asarray(distances, dtype=np.float64), np.asarray(roots)
    if given.ndim != 3 or given.shape[1] != given.shape[2] or top.shape != given.shape[:1]:
        raise ShapeError("Minimum spanning trees.", f"Distances {given.shape}, roots {top.shape}.", "Give [m, n, n].")
    if not np.isfinite(given).all():
        raise ShapeError("Minimum spanning trees.", "Some distances are not finite.", "Look for overflow (float16).")
    models, n = np.arange(len(given)), given.shape[1]
    heads = np.repeat(top[:, None] + 1, n, axis=1)
    heads[models, top] = 0
    nearest, outside = given[models, top].copy(), np.ones((len(given), n), dtype=bool)
    outside[models, top] = False
    for _ in range(n - 1):
        new = np.where(outside, nearest, np.inf).argmin(axis=1)
        outside[models, new] = False
        nearer = outside & (given[models, new] < nearest)
        nearest = np.where(nearer, given[models, new], nearest)
        heads = np.where(nearer, new[:, None] + 1, heads)
    return heads


def gold_edges(heads: Sequence[int], upos: Sequence[str]) -> NDArray[np.int64]:
    """Pairs (word, head), 0-based, of which neither is punctuation; roots have none [m, 2]."""
    kept = [
        (word, head - 1) for word, head in enumerate(heads) if head and PUNCTUATION not in (upos[word], upos[head - 1])
    ]
    return np.array(kept, dtype=np.int64).reshape(-1, 2)


def uuas(distances: Sequence[ArrayLike], heads: Sequence[Sequence[int]], upos: Sequence[Sequence[str]]) -> float:
    """Undirected unlabelled attachment score: share of the gold edges that the minimum spanning tree finds.

    Punctuation is left out of both trees. Over edges of all sentences together.

    Args:
        distances: predicted, [n, n] each; only their order matters.
        heads: gold, 1-based, 0 = root, [n] each.
        upos: universal word classes, [n] each.
    Returns:
        0 to 1, larger = more of the tree.
    Raises:
        ShapeError: lengths that do not fit.
        NotEnoughData: no sentence has an edge between two words that are no punctuation.
    Source:
        Hewitt & Manning (2019), naacl N19-1419.
    """
    found = total = 0
    for matrix, above, tags in _aligned(distances, heads, upos):
        words = np.flatnonzero(np.array(tags) != PUNCTUATION)
        if len(words) < 2:
            continue
        square = _square(matrix, len(above))
        tree = np.full(len(above), -1)
        local = spanning_heads(square[np.ix_(words, words)][None], np.zeros(1, dtype=np.int64))[0]
        tree[words] = np.where(local > 0, words[local - 1], -1)
        edges = gold_edges(above, tags)
        found += int(is_found(tree[None], edges).sum())
        total += len(edges)
    if not total:
        raise NotEnoughData("UUAS.", "No two words are joined by an edge.", "Give sentences of two words or more.")
    return found / total


def is_found(heads: NDArray[np.int64], edges: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether trees hold these edges, in either direction.

    Args:
        heads: 0-based head of each word, negative for none [m, n].
        edges: pairs of words [e, 2].
    Returns:
        [m, e].
    """
    one, other = edges.T
    return (heads[:, one] == other) | (heads[:, other] == one)


def distance_spearman(distances: Sequence[ArrayLike], heads: Sequence[Sequence[int]]) -> float:
    """Rank correlation of predicted and gold distances, word by word.

    Each word's row (itself and punctuation included) gives one correlation; they are averaged over the words of all sentences of
    a length, then over the lengths 5 to 50 that occur. A row without order, predicted all equal, counts as 0.

    Args:
        distances: predicted, [n, n] each.
        heads: gold, 1-based, 0 = root, [n] each.
    Returns:
        -1 to 1, larger = closer to the tree.
    Raises:
        ShapeError: lengths that do not fit, or a circle of heads.
        NotEnoughData: no sentence of 5 to 50 words.
    Source:
        Hewitt & Manning (2019); as their reporter averages.
    """
    rows = [
        (len(above), row_correlations(_square(matrix, len(above))[None], tree_distances(above)))
        for matrix, above in _aligned(distances, heads)
        if SHORTEST <= len(above) <= LONGEST
    ]
    return float(over_lengths(rows)[0])


def depth_spearman(depths: Sequence[ArrayLike], heads: Sequence[Sequence[int]]) -> float:
    """Rank correlation of predicted and gold depths: over the words of a sentence, then as distance_spearman averages.

    Args:
        depths: predicted, [n] each, larger = further from the root.
        heads: gold, 1-based, 0 = root, [n] each.
    Returns:
        -1 to 1. Raises as distance_spearman.
    """
    rows = [
        (len(above), row_correlations(_row(depth, len(above))[None, None], tree_depths(above)[None]))
        for depth, above in _aligned(depths, heads)
        if SHORTEST <= len(above) <= LONGEST
    ]
    return float(over_lengths(rows)[0])


def root_accuracy(depths: Sequence[ArrayLike], heads: Sequence[Sequence[int]], upos: Sequence[Sequence[str]]) -> float:
    """Share of sentences whose shallowest word, punctuation left out, is the gold root; of several roots, one of them.

    Args:
        depths: predicted, [n] each.
        heads: gold, 1-based, 0 = root, [n] each.
        upos: universal word classes, [n] each.
    Returns:
        0 to 1. Sentences whose roots are punctuation are left out.
    Raises:
        ShapeError: lengths that do not fit.
        NotEnoughData: no sentence is left.
    """
    right = []
    for depth, above, tags in _aligned(depths, heads, upos):
        words = [word for word, tag in enumerate(tags) if tag != PUNCTUATION]
        if any(above[word] == 0 for word in words):
            top = words[int(_row(depth, len(above))[words].argmin())]
            right.append(above[top] == 0)
    if not right:
        raise NotEnoughData("Root accuracy.", "No sentence has a root that is a word.", "Give whole sentences.")
    return float(np.mean(right))


def row_correlations(
    predicted: NDArray[np.float64], gold: NDArray[np.int64] | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Spearman correlation of each row with its gold row; 0 where one of them has no order.

    Args:
        predicted: [m, r, n].
        gold: [r, n].
    Returns:
        [m, r], -1 to 1.
    """
    from scipy.stats import rankdata

    ranks, wanted = rankdata(predicted, axis=-1), rankdata(gold, axis=-1)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    wanted -= wanted.mean(axis=-1, keepdims=True)
    spread = np.sqrt((ranks**2).sum(axis=-1) * (wanted**2).sum(axis=-1))
    together = (ranks * wanted).sum(axis=-1)
    return np.divide(together, spread, out=np.zeros_like(together), where=spread > 0)


def over_lengths(rows: Iterable[tuple[int, NDArray[np.float64]]]) -> NDArray[np.float64]:
    """Mean over all values of the sentences of a length, then over lengths.

    Args:
        rows: (words of the sentence, its values [m, r]).
    Returns:
        [m].
    Raises:
        NotEnoughData: no sentence.
    """
    held = defaultdict(list)
    for length, values in rows:
        held[length].append(values)
    if not held:
        raise NotEnoughData(
            "A rank correlation over sentences.",
            f"None has {SHORTEST} to {LONGEST} words.",
            "Give longer sentences.",
        )
    means: NDArray[np.float64] = np.mean([np.concatenate(one, axis=1).mean(axis=1) for one in held.values()], axis=0)
    return means


def scalar_mix_centre(weights: ArrayLike) -> float:
    """Centre of gravity of mixing weights: the mean layer, weighted.

    Args:
        weights: of layers 0..L, none negative, not all 0 (a softmax) [L + 1].
    Returns:
        0 to L; higher = the probe looks further up.
    Raises:
        SpecInvalid: no weight, a negative one, or one that is no number.
    Source:
        Tenney et al. (2019), arXiv 1905.05950.
    """
    given = np.asarray(weights, dtype=np.float64)
    if given.ndim != 1 or not given.size or not np.isfinite(given).all() or (given < 0).any() or not given.any():
        raise SpecInvalid(
            "A centre of gravity.", f"Mixing weights {given}.", "Give one a layer, none negative, not all 0."
        )
    return float(given @ np.arange(len(given)) / given.sum())


def expected_layer(cumulative_scores: ArrayLike) -> float:
    """Mean layer at which a probe on the layers 0..l gains, weighted by what it gains there.

    Losses count as negative gains, as in the published computation; with large ones the mean may lie outside 1 to L.

    Args:
        cumulative_scores: score of a probe on layers 0..l, for l = 0..L [L + 1].
    Returns:
        Sum of l * gain over the sum of gains, l >= 1.
    Raises:
        SpecInvalid: not a vector of finite numbers.
        NotEnoughData: one layer alone, or layers above the embeddings that gain nothing together.
    Source:
        Tenney et al. (2019), arXiv 1905.05950.
    """
    given = np.asarray(cumulative_scores, dtype=np.float64)
    if given.ndim != 1 or not np.isfinite(given).all():
        raise SpecInvalid("An expected layer.", f"Scores {given}.", "Give one finite number a layer.")
    gains = np.diff(given)
    if not gains.sum() > 0:
        raise NotEnoughData(
            "An expected layer.",
            "The layers above the embeddings gain nothing together.",
            "The label is read from the embeddings as well as from all layers: there is no layer to name.",
        )
    return float(gains @ np.arange(1, len(given)) / gains.sum())


def _checked_heads(heads: Sequence[int]) -> NDArray[np.int64]:
    above = np.asarray(heads)
    if above.ndim != 1 or (above.size and above.dtype.kind not in "iu"):
        raise ShapeError("A tree.", f"Heads of shape {above.shape}, {above.dtype}.", "Give one whole number a word.")
    if above.size and (above.min() < 0 or above.max() > len(above)):
        raise ShapeError("A tree.", f"A head lies outside 0 to {len(above)}.", "Heads are word numbers, 0 = root.")
    return above.astype(np.int64)


def _downwards(above: NDArray[np.int64]) -> list[int]:
    """Nodes 1..n in an order in which a head always comes before its dependents."""
    under: list[list[int]] = [[] for _ in range(len(above) + 1)]
    for node, head in enumerate(above.tolist(), start=1):
        under[head].append(node)
    order = list(under[0])
    for node in order:
        order.extend(under[node])
    if len(order) < len(above):
        circle = sorted(set(range(1, len(above) + 1)) - set(order))
        raise ShapeError(
            "A tree.", f"The words {circle[:10]} lead round in a circle, never to a root.", "Correct their heads."
        )
    return order


def _aligned(*lists: Sequence) -> Iterable[tuple]:
    if len({len(one) for one in lists}) > 1:
        raise ShapeError(
            "Scoring trees.", f"{', '.join(str(len(one)) for one in lists)} sentences.", "Give equally many of each."
        )
    for entry in zip(*lists, strict=True):
        if len({len(part) for part in entry}) > 1:
            raise ShapeError(
                "Scoring trees.",
                f"A sentence with {', '.join(str(len(part)) for part in entry)} entries.",
                "Give one of each a word.",
            )
        yield entry


def _square(matrix: ArrayLike, n: int) -> NDArray[np.float64]:
    given = np.asarray(matrix, dtype=np.float64)
    if given.shape != (n, n) or not np.isfinite(given).all():
        raise ShapeError("Scoring trees.", f"Distances of shape {given.shape}.", f"Give finite ones [{n}, {n}].")
    return given


def _row(depths: ArrayLike, n: int) -> NDArray[np.float64]:
    given = np.asarray(depths, dtype=np.float64)
    if given.shape != (n,) or not np.isfinite(given).all():
        raise ShapeError("Scoring trees.", f"Depths of shape {given.shape}.", f"Give finite ones [{n}].")
    return given
