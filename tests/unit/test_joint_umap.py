"""UMAP of both sides: the same map for the same seed, honest numbers, one map for both sides."""

import numpy as np
import pytest

from core.analyses.joint_umap import JointUmap, placed, shared_graph
from core.analyses.similarity import Similarity
from core.errors import NotEnoughData, SpecInvalid
from core.keys import to_json
from core.lab import Lab
from tests.quiet import Quiet
from tests.small import BASE, TUNED

SPEC = JointUmap(base=BASE, tuned=TUNED, layer=6, n_points=100)


def test_a_map_names_its_trust_and_its_points(made: Lab) -> None:
    maps = made.peek(SPEC)
    assert maps.base.shape == maps.tuned.shape == (100, 2)
    assert np.isfinite(maps.base).all()
    assert 0.5 < maps.base_trust <= 1
    assert 0.5 < maps.tuned_trust <= 1
    assert {"text", "sentence", "upos", "sentiment"} <= set(maps.points.columns)
    assert len(maps.points) == 100


def laid(X: np.ndarray, Y: np.ndarray, seed: int) -> np.ndarray:
    """One map of both."""
    rows, graph = shared_graph(X, Y, 10, Quiet())
    return placed(rows, graph, min_dist=0.1, seed=seed, init="pca")


def test_the_same_seed_gives_the_same_map_and_another_another() -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(2, 80, 12)).astype(np.float32)
    first, again, other = (laid(X, Y, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_both_sides_share_one_map() -> None:
    X = np.random.default_rng(0).normal(size=(120, 12)).astype(np.float32)
    drawn = laid(X, X + 1e-4, 0)
    apart = np.linalg.norm(drawn[:120] - drawn[120:], axis=1)
    # A point and its twin on the other side lie together on a map of both.
    assert np.median(apart) < 0.1 * np.linalg.norm(drawn - drawn.mean(axis=0), axis=1).mean()


def test_what_cannot_be_mapped_is_a_message(made: Lab) -> None:
    with pytest.raises(SpecInvalid):
        made.run(SPEC.replace(layer=7))
    with pytest.raises(NotEnoughData):
        made.run(SPEC.replace(n_points=50, n_neighbors=100))
    for wrong in ({"layer": -1}, {"n_points": 5001}, {"n_neighbors": 1}, {"min_dist": 1.5}, {"metric": "manhattan"}):
        with pytest.raises(SpecInvalid):
            SPEC.replace(**wrong)


def test_a_similarity_without_a_measure_keeps_its_old_key(made: Lab) -> None:
    assert "measure" not in to_json(Similarity(base=BASE, tuned=TUNED))
    with pytest.raises(SpecInvalid):
        Similarity(base=BASE, tuned=TUNED, measure="rsa", debiased=False)
    found = made.peek(Similarity(base=BASE, tuned=TUNED, measure="rsa"))
    assert (found.measure, found.estimator) == ("rsa", "RSA on cosines")
    np.testing.assert_allclose(np.diag(found.matrix), [held.value for held in found.same_layer], atol=1e-9)
