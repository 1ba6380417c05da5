"""Perceptrons: what a net becomes is its own affair, whoever trains beside it; and what only a net can learn."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Cancelled, NotEnoughData, ShapeError, SpecInvalid
from core.maths.mlp import Mlps, fit_mlps
from core.maths.probing import fit_linear_probes

FEW = settings(max_examples=3, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def _problem(seed: int, n: int = 90, width: int = 6, n_classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_classes), rng.integers(n_classes, size=n - n_classes)])
    return (rng.normal(size=(n_classes, width))[y] + rng.normal(size=(n, width))).astype(np.float32), y


def _fit(X: Any, y: Any, **options: Any) -> Mlps:
    return fit_mlps(
        X, y, **({"hidden": (8, 6), "alpha": 1e-3, "seeds": [0], "max_epochs": 20, "batch_size": 32} | options)
    )


def _assert_same(found: Mlps, net: int, alone: Mlps, atol: float = 1e-4) -> None:
    """A net of a batch and one that trained alone, whose sizes nothing was padded to."""
    for part, whole in zip((*found.weights, *found.biases), (*alone.weights, *alone.biases), strict=True):
        sides = tuple(slice(side) for side in whole.shape[1:])
        np.testing.assert_allclose(part[net][sides], whole[0], atol=atol)
        assert np.count_nonzero(part[net]) == np.count_nonzero(part[net][sides])
    assert found.loss[net] == pytest.approx(alone.loss[0], rel=1e-3)
    assert found.n_epochs[net] == alone.n_epochs[0]
    assert found.converged[net] == alone.converged[0]


@FEW
@given(seeds)
def test_mlps_in_a_batch_expect_as_one_by_one(seed: int) -> None:
    X, y = _problem(seed)
    matrices, labels = np.stack([X, 2 * X, X[:, ::-1]]), np.stack([y, y[::-1], np.roll(y, 1)])
    hidden = [(8, 6), (8, 6), (7, 5), (3, 16)] * 3
    alpha, drawn = [1e-3, 1.0, 1e-3, 0.1] * 3, [0, 0, 1, seed, 0, 0, 0, 0, 5, 6, 7, 8]
    found = _fit(matrices, labels, hidden=hidden, alpha=alpha, seeds=drawn)
    for net in range(12):
        alone = _fit(
            matrices[net // 4], labels[net // 4], hidden=hidden[net], alpha=alpha[net], seeds=drawn[net : net + 1]
        )
        _assert_same(found, net, alone)


def test_mlps_that_share_rows_and_seed_expect_as_one_by_one() -> None:
    X, y = _problem(0)
    Y = np.stack([y, np.roll(y, 1), y[::-1]])
    found = _fit(X, Y, seeds=[4, 4, 4], alpha=[0, 1, 2])
    for net in range(3):
        _assert_same(found, net, _fit(X, Y[net], seeds=[4], alpha=net))


def test_mlps_of_all_sizes_padded_to_one_expect_as_one_by_one() -> None:
    import torch

    from core.maths.backpropagation import Nets, Rule, train

    X, y = _problem(1)
    hidden = np.array([(16, 3), (2, 9), (5, 5)])
    nets = Nets(np.zeros(3, dtype=int), hidden, np.full(3, 1e-3), np.array([0, 1, 1]))
    padded = train(
        torch.from_numpy(X)[None], torch.from_numpy(np.stack([y] * 3)), nets, 3, Rule(20, 1e-4, 10, 32, 1e-3), print
    )
    for net in range(3):
        alone = _fit(X, y, hidden=hidden[net], seeds=[max(0, min(net, 1))])
        for part, whole in zip(padded.parameters, (*alone.weights, *alone.biases), strict=True):
            own = whole[0] if part.ndim == whole.ndim and part.shape[2] > 1 else whole[0].reshape(-1, 1)
            np.testing.assert_allclose(part[net][: own.shape[0], : own.shape[1]], own, atol=1e-4)
            assert np.count_nonzero(part[net]) == np.count_nonzero(own)


def test_mlps_expect_units_beyond_a_nets_own_to_stay_zero() -> None:
    X, y = _problem(2)
    found = _fit(X, y, hidden=[(8, 8), (5, 7), (2, 16)], seeds=[0, 1, 2], alpha=[1, 1, 1])
    assert [part.shape for part in found.weights] == [(3, 8, 6), (3, 16, 8), (3, 3, 16)]
    for net, (h1, h2) in enumerate(found.hidden):
        W1, W2, W3 = (part[net] for part in found.weights)
        assert not W1[h1:].any() and not W2[h2:].any() and not W2[:, h1:].any() and not W3[:, h2:].any()  # noqa: PT018
        assert not found.biases[0][net, h1:].any() and not found.biases[1][net, h2:].any()  # noqa: PT018
        assert W1[:h1].all()
        assert W2[:h2, :h1].all()
        assert W3[:, :h2].all()


def test_mlps_of_xor_expect_what_no_straight_cut_can_read() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(400, 2)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    found = fit_mlps(X, y, hidden=(16, 16), alpha=1e-4, seeds=[0, 1], max_epochs=150, learning_rate=1e-2)
    assert np.mean(found.predict(X) == y, axis=1).min() > 0.97
    assert np.mean(fit_linear_probes(X, y).predict(X)[0] == y) < 0.7


def test_mlps_of_one_seed_expect_the_same_and_of_another_not() -> None:
    X, y = _problem(3)
    found, again = (_fit(X, y, seeds=[7, 8, 7]) for _ in range(2))
    for part, same in zip(found.weights, again.weights, strict=True):
        np.testing.assert_array_equal(part, same)
        np.testing.assert_allclose(part[0], part[2], atol=1e-5)
        assert np.abs(part[0] - part[1]).max() > 0.1


def test_mlps_that_have_stopped_expect_to_stay_as_they_were() -> None:
    X, y = _problem(4)
    options: dict[str, Any] = {"seeds": [0, 0, 0], "alpha": [1e-3, 30.0, 3.0], "tol": 3e-3, "patience": 2}
    found = _fit(X, y, max_epochs=400, learning_rate=5e-3, **options)
    assert len(set(found.n_epochs)) == 3
    assert found.converged.all()
    for net, n_epochs in enumerate(found.n_epochs):
        cut = _fit(X, y, max_epochs=int(n_epochs), learning_rate=5e-3, **options)
        for part, then in zip(found.weights, cut.weights, strict=True):
            np.testing.assert_allclose(part[net], then[net], atol=1e-4)
    assert not _fit(X, y, max_epochs=int(found.n_epochs.min()) - 1, learning_rate=5e-3, **options).converged.any()


def test_mlps_expect_probabilities_predictions_and_a_loss_that_agree() -> None:
    X, y = _problem(5)
    found = _fit(np.stack([X, X + 1]), y, seeds=[0, 1, 2, 3], learning_rate=1e-9, max_epochs=1)
    log_proba = found.log_proba(np.stack([X, X + 1]))
    assert log_proba.shape == (4, 90, 3)
    np.testing.assert_allclose(np.exp(log_proba).sum(axis=2), 1)
    np.testing.assert_array_equal(log_proba.argmax(axis=2), found.predict(np.stack([X, X + 1])))
    np.testing.assert_allclose(found.log_proba(X)[:2], log_proba[:2], atol=1e-6)
    np.testing.assert_allclose(found.log_proba(np.stack([X, X, X + 1, X + 1])), log_proba, atol=1e-6)
    # Nothing was learnt, so the epoch's mean is the objective; minibatches of 32, 32 and 26 rows share the penalty.
    penalty = 1e-3 / 2 * sum((part**2).sum(axis=(1, 2)) for part in found.weights) * 3 / 90
    np.testing.assert_allclose(found.loss, -log_proba[:, np.arange(90), y].mean(axis=1) + penalty, rtol=1e-5)


def test_mlps_expect_a_class_without_rows_to_be_allowed_and_not_answered() -> None:
    X, y = _problem(6)
    found = _fit(X, np.stack([y, np.zeros_like(y)]), seeds=[0, 1], n_classes=5, max_epochs=100, learning_rate=1e-2)
    assert found.weights[2].shape == (2, 5, 6)
    assert set(found.predict(X)[0]) <= {0, 1, 2}
    assert set(found.predict(X)[1]) == {0}


def test_mlps_while_they_train_expect_to_be_heard_and_stopped() -> None:
    X, y = _problem(7)
    heard: list[int] = []
    _fit(X, y, hidden=[(8, 6), (8, 6), (30, 30)], seeds=[0, 1, 2], alpha=[1e-3, 30, 1], tol=1e-2, on_epoch=heard.append)
    assert heard[0] == 3
    assert heard[-1] == 0
    assert sorted(heard, reverse=True) == heard

    def cancel(remaining: int) -> None:
        raise Cancelled("Stop.")

    with pytest.raises(Cancelled):
        _fit(X, y, on_epoch=cancel)


def test_mlp_when_imported_expect_no_torch() -> None:
    code = "import sys, core.maths.mlp, core.maths.backpropagation, core.maths.simple_readers\n"
    code += "assert not {'torch', 'scipy', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


X, y = _problem(0)
WRONG: list[tuple[Any, Any, dict[str, Any], type[Exception]]] = [
    (X[0], y, {}, ShapeError),
    (X, y[:-1], {}, ShapeError),
    (X, y.astype(float), {}, ShapeError),
    (X, np.stack([y, y]), {"seeds": [0, 1, 2]}, ShapeError),
    (np.stack([X, X]), y, {"seeds": [0, 1, 2]}, ShapeError),
    (X * np.nan, y, {}, ShapeError),
    (X * np.float32(1e37), y, {}, ShapeError),
    (X, y - 1, {}, ShapeError),
    (X, y, {"n_classes": 2}, ShapeError),
    (X, y, {"hidden": (8, 8, 8)}, ShapeError),
    (X, y, {"hidden": [(8, 8), (8, 8)]}, ShapeError),
    (X, y, {"hidden": (8.5, 8)}, ShapeError),
    (X, y, {"alpha": [1, 1]}, ShapeError),
    (X, y, {"seeds": [0.5]}, ShapeError),
    (X[:0], y[:0], {}, NotEnoughData),
    (X[:, :0], y, {}, NotEnoughData),
    (X, y, {"seeds": []}, NotEnoughData),
    (X, np.zeros_like(y), {}, NotEnoughData),
    (X, y, {"hidden": (0, 8)}, SpecInvalid),
    (X, y, {"alpha": -1}, SpecInvalid),
    (X, y, {"alpha": float("nan")}, SpecInvalid),
    (X, y, {"seeds": [-1]}, SpecInvalid),
    (X, y, {"seeds": [2**32]}, SpecInvalid),
    (X, y, {"max_epochs": 0}, SpecInvalid),
    (X, y, {"tol": -1}, SpecInvalid),
    (X, y, {"patience": 0}, SpecInvalid),
    (X, y, {"batch_size": 0}, SpecInvalid),
    (X, y, {"learning_rate": 0}, SpecInvalid),
]


@pytest.mark.parametrize(("rows", "labels", "options", "error"), WRONG)
def test_mlps_when_asked_wrongly_expect_a_message(
    rows: np.ndarray, labels: np.ndarray, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        _fit(rows, labels, **options)
    assert all((raised.value.asked, raised.value.found, raised.value.do))  # type: ignore[attr-defined]


def test_mlps_when_read_wrongly_expect_a_message() -> None:
    found = _fit(X, y, seeds=[0, 1, 2], max_epochs=1)
    for rows in (X[0], X[:, :2], np.stack([X, X]), np.empty((0, *X.shape))):
        with pytest.raises(ShapeError):
            found.predict(rows)
