"""Rankings of neurons against worked cases, and against NeuroX 1.0.9, the toolkit of paper A, where it is installed."""

import numpy as np
import pytest
import torch

from core.maths.neurons import ablate, probeless_ranking, rank_by_weights, top_neurons


def test_worked_cases() -> None:
    assert top_neurons([[5, 1, 1], [1, 10, 1]], 0.5) == {0, 1}
    order, _ = rank_by_weights([[4, 1, 5], [1, 1, 10]])
    assert order.tolist() == [2, 0, 1]
    order, steps = rank_by_weights([[5, 4, 3, 2, 1, 0.5], [0.5, 1, 2, 3, 4, 5]])
    assert order.tolist() == [0, 5, 1, 4, 2, 3]
    sizes = np.cumsum([len(step) for step in steps])
    assert sizes[[0, 25, 50, 75, 100]].tolist() == [2, 2, 4, 6, 6]


@pytest.mark.parametrize("seed", range(5))
def test_weights_are_ranked_as_neurox_ranks_them(seed: int) -> None:
    linear_probe = pytest.importorskip("neurox.interpretation.linear_probe")
    W = np.random.default_rng(seed).normal(size=(4, 60)).astype(np.float32)
    probe = linear_probe.LinearProbe(60, 4)
    with torch.no_grad():
        probe.linear.weight.copy_(torch.from_numpy(W))
    classes = {str(k): k for k in range(4)}
    for share in (0.0, 0.1, 0.5, 0.9):
        assert set(linear_probe.get_top_neurons(probe, share, classes)[0].tolist()) == top_neurons(W, share)
    theirs, cutoffs = linear_probe.get_neuron_ordering(probe, classes)
    order, steps = rank_by_weights(W)
    first = 0
    for p, cutoff in enumerate(cutoffs[:100]):  # at 100 % their sums in float32 may or may not reach the whole
        assert set(theirs[first:cutoff]) == set(steps[p]), p
        first = cutoff
    assert order[:first].tolist() == [neuron for step in steps[:100] for neuron in step]


@pytest.mark.parametrize("seed", range(5))
def test_probeless_is_theirs(seed: int) -> None:
    probeless = pytest.importorskip("neurox.interpretation.probeless")
    drawn = np.random.default_rng(seed)
    y = np.concatenate([np.arange(5), drawn.integers(0, 5, 200)])
    X = drawn.normal(size=(len(y), 40)).astype(np.float32)
    assert probeless_ranking(X, y).tolist() == probeless.get_neuron_ordering(X, y)


def test_ablation_is_theirs() -> None:
    theirs = pytest.importorskip("neurox.interpretation.ablation")
    X = np.random.default_rng(0).normal(size=(8, 12)).astype(np.float32)
    np.testing.assert_array_equal(ablate(X, [1, 5], keep=True), theirs.zero_out_activations_keep_neurons(X, [1, 5]))
    np.testing.assert_array_equal(ablate(X, [1, 5]), theirs.zero_out_activations_remove_neurons(X, [1, 5]))
