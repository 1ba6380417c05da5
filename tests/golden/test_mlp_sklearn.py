"""Our batched perceptrons against scikit-learn's MLPClassifier: weights of the same seed, losses, accuracies.

With three classes or more both draw the same first weights and the same shuffles, so every weight can be compared. For
two classes scikit-learn has one logistic output; there only what the nets are worth can be.
"""

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from core.maths.mlp import Mlps, fit_mlps
from core.maths.probing import standardise

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _problem(n_classes: int = 4, n: int = 450, width: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(n_classes, size=n)
    return (0.6 * rng.normal(size=(n_classes, width))[y] + rng.normal(size=(n, width))).astype(np.float32), y


def _assert_same(found: Mlps, net: int, model: MLPClassifier) -> None:
    h1, h2 = found.hidden[net]
    used: Any = ((slice(h1),), (slice(h2), slice(h1)), (slice(None), slice(h2)))
    for W, bias, rows, theirs, offset in zip(
        found.weights, found.biases, used, model.coefs_, model.intercepts_, strict=True
    ):
        np.testing.assert_allclose(W[net][rows], theirs.T, atol=1e-4)
        np.testing.assert_allclose(bias[net][rows[0]], offset, atol=1e-4)
    assert found.loss[net] == pytest.approx(model.loss_, rel=1e-4)
    assert found.n_epochs[net] == model.n_iter_


@pytest.mark.parametrize("n_epochs", [1, 40])
@pytest.mark.parametrize("alpha", [1e-4, 1.0, 50.0])
def test_mlps_expect_the_weights_of_scikit_learn(alpha: float, n_epochs: int) -> None:
    X, y = _problem()
    model = MLPClassifier((16, 8), alpha=alpha, max_iter=n_epochs, random_state=3).fit(X, y)
    _assert_same(fit_mlps(X, y, hidden=(16, 8), alpha=alpha, seeds=[3], max_epochs=n_epochs), 0, model)


def test_mlps_in_full_batches_expect_the_weights_of_scikit_learn_in_any_order_of_rows() -> None:
    X, y = _problem()
    model = MLPClassifier((16, 8), batch_size=len(X), shuffle=False, max_iter=60, random_state=0).fit(X, y)
    found = fit_mlps(X, y, hidden=(16, 8), alpha=1e-4, seeds=[0], batch_size=10_000, max_epochs=60)
    _assert_same(found, 0, model)


def test_mlps_of_many_kinds_in_a_batch_expect_scikit_learn_in_each() -> None:
    X, y = _problem()
    matrices = np.stack([X, X[:, ::-1]])
    hidden = [(16, 8), (5, 11), (16, 8), (16, 8)] * 2
    alpha, seeds = [0.1, 0.1, 1.0, 0.1, 0.3, 0.1, 0.1, 0.1], [3, 3, 3, 4, 3, 3, 5, 4]
    found = fit_mlps(matrices, y, hidden=hidden, alpha=alpha, seeds=seeds, max_epochs=15, batch_size=64)
    for net in range(8):
        model = MLPClassifier(hidden[net], alpha=alpha[net], random_state=seeds[net], max_iter=15, batch_size=64)
        _assert_same(found, net, model.fit(matrices[net // 4], y))


def test_mlps_with_patience_expect_the_epoch_at_which_scikit_learn_stops() -> None:
    X, y = _problem()
    rule: dict[str, Any] = {"tol": 0.02, "batch_size": 50}
    model = MLPClassifier((16, 8), alpha=1.0, n_iter_no_change=3, random_state=0, **rule).fit(X, y)
    found = fit_mlps(X, y, hidden=(16, 8), alpha=1.0, seeds=[0], patience=3, **rule)
    assert model.n_iter_ < 200
    assert found.converged.all()
    _assert_same(found, 0, model)


def test_mlps_expect_probabilities_and_answers_of_scikit_learn() -> None:
    X, y = _problem()
    model = MLPClassifier((16, 8), max_iter=20, random_state=1).fit(X[:300], y[:300])
    found = fit_mlps(X[:300], y[:300], hidden=(16, 8), alpha=1e-4, seeds=[1], max_epochs=20)
    np.testing.assert_allclose(found.log_proba(X[300:])[0], model.predict_log_proba(X[300:]), atol=1e-3)
    np.testing.assert_array_equal(found.predict(X[300:])[0], model.predict(X[300:]))


@pytest.mark.parametrize("n_classes", [2, 10])
def test_mlps_of_digits_expect_the_accuracy_of_scikit_learn(n_classes: int) -> None:
    images, digits = load_digits(return_X_y=True)
    labels = digits % n_classes
    train, test = standardise(images[:800].astype(np.float32), images[800:1600].astype(np.float32))
    found = fit_mlps(train, labels[:800], hidden=(16, 16), alpha=1e-3, seeds=range(5), max_epochs=100)
    ours = np.mean(found.predict(test) == labels[800:1600])
    theirs = np.mean([
        MLPClassifier((16, 16), alpha=1e-3, max_iter=100, random_state=seed)
        .fit(train, labels[:800])
        .score(test, labels[800:1600])
        for seed in range(5)
    ])  # fmt: skip
    assert ours == pytest.approx(theirs, abs=0.02)
    assert ours > 0.8
