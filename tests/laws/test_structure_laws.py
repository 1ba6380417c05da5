"""Trees in a space: what every score of them obeys, whatever the trees, and what a probe recovers where it is there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse.csgraph import minimum_spanning_tree, shortest_path
from scipy.stats import spearmanr

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.structural_probing import Trees, fit_structural_probes
from core.maths.structure import (
    depth_spearman,
    distance_spearman,
    expected_layer,
    root_accuracy,
    scalar_mix_centre,
    spanning_heads,
    tree_depths,
    tree_distances,
    uuas,
)


@st.composite
def trees(draw: st.DrawFn, shortest: int = 1, longest: int = 12) -> list[int]:
    """Heads of a random tree with one root, of any shape: crossing arcs too."""
    n = draw(st.integers(shortest, longest))
    order = draw(st.permutations(range(n)))
    heads = [0] * n
    for place in range(1, n):
        heads[order[place]] = order[draw(st.integers(0, place - 1))] + 1
    return heads


def words(n: int) -> list[str]:
    return ["NOUN"] * n


@given(trees())
def test_tree_distances_are_shortest_ways(heads: list[int]) -> None:
    n = len(heads)
    edges = np.zeros((n, n))
    for word, head in enumerate(heads):
        if head:
            edges[word, head - 1] = 1
    found = tree_distances(heads)
    assert np.array_equal(found, shortest_path(edges, directed=False) if n > 1 else np.zeros((1, 1)))
    assert np.array_equal(tree_depths(heads), found[heads.index(0)])


@given(st.lists(trees(shortest=5), min_size=1, max_size=4))
def test_gold_distances_and_depths_score_one(heads: list[list[int]]) -> None:
    distances, depths = [tree_distances(one) for one in heads], [tree_depths(one) for one in heads]
    upos = [words(len(one)) for one in heads]
    assert uuas(distances, heads, upos) == 1
    assert distance_spearman(distances, heads) == pytest.approx(1)
    assert depth_spearman(depths, heads) == pytest.approx(1)
    assert root_accuracy(depths, heads, upos) == 1


@given(trees(shortest=5), st.integers(0, 2**32 - 1))
def test_only_the_order_of_distances_matters(heads: list[int], seed: int) -> None:
    n = len(heads)
    distances = _random_distances(n, seed)
    stretched = np.expm1(3 * distances)
    assert uuas([distances], [heads], [words(n)]) == uuas([stretched], [heads], [words(n)])
    assert distance_spearman([distances], [heads]) == pytest.approx(distance_spearman([stretched], [heads]))


@given(trees(shortest=5), st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_punctuation_takes_no_part_in_edges_and_roots(heads: list[int], seed: int, which: int) -> None:
    rng, n = np.random.default_rng(seed), len(heads)
    upos = np.array(words(n), dtype=object)
    upos[rng.choice(n, min(which, n - 2), replace=False)] = "PUNCT"
    out = upos == "PUNCT"
    distances, depths = _random_distances(n, seed), rng.random(n)
    moved, sunk = distances.copy(), depths.copy()
    moved[out], moved[:, out], sunk[out] = 0.0, 0.0, -1.0
    try:
        expected = uuas([distances], [heads], [upos.tolist()])
    except NotEnoughData:  # all edges touch punctuation
        return
    assert uuas([moved], [heads], [upos.tolist()]) == expected
    if not out[heads.index(0)]:
        assert root_accuracy([sunk], [heads], [upos]) == root_accuracy([depths], [heads], [upos])


@given(st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_spanning_trees_are_trees_of_least_weight(n: int, seed: int) -> None:
    distances, root = _random_distances(n, seed), seed % n
    heads = spanning_heads(distances[None], np.array([root]))[0]
    assert heads[root] == 0
    assert (np.delete(heads, root) > 0).all()
    assert tree_depths(heads.tolist()).max() < n  # all words hang on the root
    weight = sum(distances[word, head - 1] for word, head in enumerate(heads) if head)
    assert weight == pytest.approx(minimum_spanning_tree(distances).sum())


def test_words_in_reading_order_find_the_adjacent_arcs() -> None:
    heads = [2, 0, 5, 5, 2, 2]  # arcs 1-2, 3-5, 4-5, 5-2, 6-2: two of five join neighbours
    chain = np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
    assert uuas([chain], [heads], [words(6)]) == pytest.approx(2 / 5)


def test_edges_of_all_sentences_count_alike() -> None:
    chain = [np.abs(np.subtract.outer(np.arange(n), np.arange(n))) for n in (2, 5)]
    heads = [[0, 1], [5, 5, 5, 5, 0]]  # one of one, and one of four
    assert uuas(chain, heads, [words(2), words(5)]) == pytest.approx(2 / 5)


def test_correlations_are_averaged_by_length() -> None:
    rng = np.random.default_rng(0)
    heads = [[0, 1, 2, 3, 4], [2, 0, 2, 3, 3], [0, 1, 1, 1, 1, 1, 1]]
    distances = [_random_distances(len(one), seed) for seed, one in enumerate(heads)]
    depths = [rng.random(len(one)) for one in heads]
    rows = [
        [spearmanr(said, gold).statistic for said, gold in zip(one, tree_distances(above), strict=True)]
        for one, above in zip(distances, heads, strict=True)
    ]
    expected = (np.mean(rows[0] + rows[1]) + np.mean(rows[2])) / 2
    assert distance_spearman(distances, heads) == pytest.approx(expected)
    single = [spearmanr(one, tree_depths(above)).statistic for one, above in zip(depths, heads, strict=True)]
    assert depth_spearman(depths, heads) == pytest.approx((np.mean(single[:2]) + single[2]) / 2)


def test_what_has_no_order_correlates_with_nothing() -> None:
    heads = [0, 1, 2, 3, 4]
    assert distance_spearman([np.zeros((5, 5))], [heads]) == 0
    assert depth_spearman([np.ones(5)], [heads]) == 0


def test_several_roots_are_joined_above_them() -> None:
    assert tree_distances([0, 1, 0]).tolist() == [[0, 1, 2], [1, 0, 3], [2, 3, 0]]
    assert tree_depths([0, 1, 0]).tolist() == [0, 1, 0]
    assert root_accuracy([[1.0, 2.0, 0.0]], [[0, 1, 0]], [words(3)]) == 1


def test_centre_and_expected_layer_by_hand() -> None:
    assert scalar_mix_centre([0, 0, 1]) == 2
    assert scalar_mix_centre([0.25] * 4) == 1.5
    assert expected_layer([0.5, 0.7, 0.8, 0.8]) == pytest.approx((0.2 * 1 + 0.1 * 2) / 0.3)
    assert expected_layer([0.5, 0.8, 0.7]) == pytest.approx((0.3 - 0.2) / 0.2)  # a loss counts as a negative gain
    for odd in ([], [-1.0, 2.0], [0.0, 0.0], [np.nan, 1.0]):
        with pytest.raises(SpecInvalid):
            scalar_mix_centre(odd)
    for flat in ([0.5], [0.5, 0.5], [0.9, 0.5]):
        with pytest.raises(NotEnoughData):
            expected_layer(flat)


@pytest.mark.parametrize("heads", [[2, 1], [1], [0, 5], [-1, 0], [0.5, 0.0]])
def test_what_is_no_tree_is_refused(heads: list) -> None:
    with pytest.raises(ShapeError):
        tree_distances(heads)


def test_odd_input_gets_a_message() -> None:
    heads, matrix = [0, 1, 1], np.zeros((3, 3))
    with pytest.raises(ShapeError):
        uuas([matrix], [heads, heads], [words(3)])
    with pytest.raises(ShapeError):
        uuas([matrix], [heads], [words(2)])
    with pytest.raises(ShapeError):
        uuas([matrix * np.nan], [heads], [words(3)])
    with pytest.raises(NotEnoughData):
        uuas([np.zeros((1, 1))], [[0]], [words(1)])  # one word has no edge
    with pytest.raises(NotEnoughData):
        distance_spearman([matrix], [heads])  # none has 5 to 50 words
    with pytest.raises(NotEnoughData):
        root_accuracy([[0.0]], [[0]], [["PUNCT"]])


def test_a_tree_that_is_there_is_found() -> None:
    layers, held = _planted(np.random.default_rng(0), n_sentences=160, dims=24)
    probes = fit_structural_probes(layers, held.pick(range(110)), held.pick(range(110, 125)), rank=10)
    scores = _scores(probes, layers, held.pick(range(125, 160)))
    assert scores[0][0] > 0.95
    assert scores[0][1] > 0.95
    assert scores[0][2] > 0.85  # the shallower half of a short sentence often ties
    assert scores[1][0] < 0.6  # noise finds some edges of a short sentence by chance
    assert scores[1][1] < 0.6  # and correlates through the zeros of the diagonal


def test_a_layer_is_read_the_same_whichever_stand_beside_it() -> None:
    layers, held = _planted(np.random.default_rng(1), n_sentences=40, dims=12)
    both = fit_structural_probes(layers, held.pick(range(30)), held.pick(range(30, 40)), rank=4)
    alone = fit_structural_probes(layers[:1], held.pick(range(30)), held.pick(range(30, 40)), rank=4)
    assert np.allclose(both.distance[0], alone.distance[0], atol=1e-5)
    assert np.allclose(both.depth[0], alone.depth[0], atol=1e-5)


def test_the_scale_of_a_layer_does_not_matter() -> None:
    layers, held = _planted(np.random.default_rng(2), n_sentences=40, dims=12)
    one = fit_structural_probes(layers[:1], held.pick(range(30)), held.pick(range(30, 40)), rank=4)
    large = [layers[0] * 64]
    other = fit_structural_probes(large, held.pick(range(30)), held.pick(range(30, 40)), rank=4)
    for said, wanted in zip(other.predict(large, 0, 6), one.predict(layers[:1], 0, 6), strict=True):
        assert np.allclose(said, wanted, rtol=1e-3, atol=1e-3)


def test_probes_refuse_what_they_cannot_read() -> None:
    layers, held = _planted(np.random.default_rng(3), n_sentences=12, dims=12)
    train, dev = held.pick(range(8)), held.pick(range(8, 12))
    with pytest.raises(SpecInvalid):
        fit_structural_probes(layers, train, dev, rank=13)
    with pytest.raises(ShapeError):
        fit_structural_probes([layers[0], layers[1][:, :3]], train, dev, rank=2)
    with pytest.raises(ShapeError):
        fit_structural_probes([np.full_like(layers[0], np.inf)], train, dev, rank=2)
    with pytest.raises(NotEnoughData):
        fit_structural_probes(layers, Trees(np.array([0]), ((0,),)), dev, rank=2)


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_predictions_are_squared_distances(seed: int) -> None:
    layers, held = _planted(np.random.default_rng(seed % 1000), n_sentences=10, dims=12)
    probes = fit_structural_probes(layers, held.pick(range(8)), held.pick(range(8, 10)), rank=3, seed=seed)
    distances, depths = probes.predict(layers, 0, len(held.heads[0]))
    assert (distances >= 0).all()
    assert (depths >= 0).all()
    assert np.array_equal(distances, distances.transpose(0, 2, 1))
    assert np.allclose(np.diagonal(distances, axis1=1, axis2=2), 0, atol=1e-9)
    roots = np.sqrt(distances)
    assert (roots[:, :, :, None] <= roots[:, :, None] + roots.transpose(0, 2, 1)[:, None] + 1e-6).all()


def _random_distances(n: int, seed: int) -> NDArray[np.float64]:
    drawn = np.random.default_rng(seed).random((n, n)) + 0.01
    return np.triu(drawn, 1) + np.triu(drawn, 1).T


def _planted(rng: np.random.Generator, *, n_sentences: int, dims: int) -> tuple[list[NDArray], Trees]:
    """A layer in which the squared distance of two words is their distance in the tree, rotated, and one of noise.

    Each word stands where its head does, one step along an axis of its own.
    """
    rotation, _ = np.linalg.qr(rng.normal(size=(dims, dims)))
    rows, heads, start = [], [], []
    for _ in range(n_sentences):
        n = int(rng.integers(5, 9))
        order, above, place = rng.permutation(n), [0] * n, np.zeros((n, dims))
        for at in range(1, n):
            head = int(order[rng.integers(at)])
            above[order[at]] = head + 1
            place[order[at]] = place[head]
            place[order[at], order[at]] += 1
        start.append(sum(map(len, rows)))
        rows.append(place @ rotation)
        heads.append(tuple(above))
    planted = np.concatenate(rows).astype(np.float32)
    return [planted, rng.normal(size=planted.shape).astype(np.float32)], Trees(np.array(start), tuple(heads))


def _scores(probes, layers: list[NDArray], held: Trees) -> list[tuple[float, float, float]]:
    read = [probes.predict(layers, int(at), len(one)) for at, one in zip(held.start, held.heads, strict=True)]
    upos = [words(len(one)) for one in held.heads]
    return [
        (
            uuas([one[0][layer] for one in read], held.heads, upos),
            distance_spearman([one[0][layer] for one in read], held.heads),
            depth_spearman([one[1][layer] for one in read], held.heads),
        )
        for layer in range(len(layers))
    ]
