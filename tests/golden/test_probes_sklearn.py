"""Our batched probes against scikit-learn's LogisticRegression, objective and predictions.

For two classes scikit-learn keeps one row of weights v with penalty ||v||^2 / 2. Two rows -v/2 and v/2 give the same
probabilities with penalty ||v||^2 / 4, so its solution at 2 C is ours at C.
"""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from core.maths.probing import fit_linear_probes


def _problem(n_classes: int, seed: int = 0, n: int = 600, width: int = 30) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shares = np.arange(1, n_classes + 1) / np.arange(1, n_classes + 1).sum()
    y = rng.choice(n_classes, size=n, p=shares)
    centres = rng.normal(size=(n_classes, width)) * 0.35
    return (centres[y] + rng.normal(size=(n, width))).astype(np.float32), y


def _objective(
    W: np.ndarray, intercept: np.ndarray, X: Any, y: np.ndarray, weights: Any, C: float, l1_ratio: float = 0.0
) -> float:
    W = W.astype(np.float64)
    logits = X.astype(np.float64) @ W.T + intercept
    logits -= logits.max(axis=1, keepdims=True)
    nats = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y]
    return C * np.sum(weights * nats) + (1 - l1_ratio) / 2 * np.sum(W**2) + l1_ratio * np.abs(W).sum()


def _reference(
    X: Any, y: np.ndarray, C: float, class_weight: Any, n_classes: int
) -> tuple[LogisticRegression, np.ndarray, np.ndarray]:
    model = LogisticRegression(
        C=C * (2 if n_classes == 2 else 1), class_weight=class_weight, tol=1e-10, max_iter=10_000
    )
    model.fit(X.astype(np.float64), y)
    if n_classes > 2:
        return model, model.coef_, model.intercept_
    return (
        model,
        np.concatenate([-model.coef_, model.coef_]) / 2,
        np.concatenate([-model.intercept_, model.intercept_]) / 2,
    )


@pytest.mark.parametrize("n_classes", [2, 7])
@pytest.mark.parametrize("C", [0.01, 1.0, 10.0])
@pytest.mark.parametrize("class_weight", [None, "balanced", "given"])
def test_probes_expect_scikit_learn(n_classes: int, C: float, class_weight: str | None) -> None:
    X, y = _problem(n_classes)
    given = {c: 1.0 + c for c in range(n_classes)}
    theirs: Any = given if class_weight == "given" else class_weight
    ours: Any = list(given.values()) if class_weight == "given" else class_weight
    weights: dict[str | None, np.ndarray] = {
        None: np.ones(n_classes),
        "balanced": len(y) / (n_classes * np.bincount(y)),
        "given": 1 + np.arange(n_classes),
    }
    model, W, intercept = _reference(X, y, C, theirs, n_classes)
    best = _objective(W, intercept, X, y, weights[class_weight][y], C)
    found = fit_linear_probes(X, y, C=C, class_weight=ours, tol=3e-6, max_iter=2000)
    reached = _objective(found.coef[0], found.intercept[0], X, y, weights[class_weight][y], C)
    assert found.converged.all()
    assert -1e-9 <= (reached - best) / best <= 1e-5
    assert found.loss[0] == pytest.approx(best, rel=1e-5)
    unseen = _problem(n_classes, seed=1)[0]
    assert np.mean(found.predict(unseen)[0] == model.predict(unseen)) >= 0.995
    np.testing.assert_allclose(found.log_proba(unseen)[0], model.predict_log_proba(unseen), atol=0.02)


def test_probes_at_the_default_tolerance_expect_as_close_as_scikit_learn() -> None:
    X, y = _problem(7)
    _, W, intercept = _reference(X, y, 1.0, None, 7)
    best = _objective(W, intercept, X, y, 1.0, 1.0)
    theirs = LogisticRegression(max_iter=500).fit(X, y)
    ours = fit_linear_probes(X, y)
    their_gap = _objective(theirs.coef_, theirs.intercept_, X, y, 1.0, 1.0) / best - 1
    our_gap = _objective(ours.coef[0], ours.intercept[0], X, y, 1.0, 1.0) / best - 1
    assert our_gap <= max(5 * their_gap, 1e-4)


@pytest.mark.parametrize("shared", [True, False])
def test_probes_in_a_batch_expect_scikit_learn_in_each(shared: bool) -> None:
    X, y = _problem(4)
    rng = np.random.default_rng(2)
    Y = np.stack([y, rng.permutation(y), np.minimum(y, 1), rng.permutation(y)])
    batch = np.stack([X if shared else X * (1 + i) for i in range(4)])
    found = fit_linear_probes(X if shared else batch, Y, C=0.1, n_classes=4, tol=3e-6, max_iter=2000)
    for i in (0, 1, 3):
        model, W, intercept = _reference(batch[i], Y[i], 0.1, None, 4)
        best = _objective(W, intercept, batch[i], Y[i], 1.0, 0.1)
        assert found.loss[i] == pytest.approx(best, rel=1e-5)
        assert np.mean(found.predict(X if shared else batch)[i] == model.predict(batch[i])) >= 0.995
    assert set(found.predict(X if shared else batch)[2]) <= {0, 1}


@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
@pytest.mark.parametrize("C", [0.02, 0.2])
def test_probes_with_l1_expect_saga(l1_ratio: float, C: float) -> None:
    X, y = _problem(5, n=300, width=20)
    model = LogisticRegression(C=C, l1_ratio=l1_ratio, solver="saga", tol=1e-7, max_iter=20_000, random_state=0)
    model.fit(X.astype(np.float64), y)
    best = _objective(model.coef_, model.intercept_, X, y, 1.0, C, l1_ratio)
    found = fit_linear_probes(X, y, C=C, l1_ratio=l1_ratio, tol=1e-6, max_iter=5000)
    assert found.converged.all()
    assert abs(_objective(found.coef[0], found.intercept[0], X, y, 1.0, C, l1_ratio) / best - 1) <= 1e-5
    assert found.loss[0] == pytest.approx(best, rel=1e-5)
    assert np.mean((found.coef[0] == 0) == (np.abs(model.coef_) < 1e-6)) >= 0.97
    assert np.mean(found.predict(X)[0] == model.predict(X)) >= 0.995
