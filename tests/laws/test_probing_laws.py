"""Probes: symmetries of the problem that the solution must share, and their controls."""

import subprocess
import sys
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.probing import control_labels, fit_linear_probes, majority_share, share_right, standardise

FEW = settings(max_examples=10, deadline=None)
seeds = st.integers(0, 2**32 - 1)
TIGHT: dict[str, Any] = {"tol": 1e-6, "max_iter": 2000}


def _problem(seed: int, n: int = 80, width: int = 5, n_classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_classes), rng.integers(n_classes, size=n - n_classes)])
    return (rng.normal(size=(n_classes, width))[y] + rng.normal(size=(n, width))).astype(np.float32), y


@FEW
@given(seeds)
def test_probes_when_labels_are_renamed_expect_renamed_rows(seed: int) -> None:
    X, y = _problem(seed)
    order = np.random.default_rng(seed).permutation(3)
    found, renamed = fit_linear_probes(X, y, **TIGHT), fit_linear_probes(X, order[y], **TIGHT)
    np.testing.assert_allclose(renamed.coef[:, order], found.coef, atol=2e-3)
    np.testing.assert_allclose(renamed.loss, found.loss, rtol=1e-5)


@FEW
@given(seeds)
def test_probes_when_rows_are_doubled_expect_half_the_strength(seed: int) -> None:
    X, y = _problem(seed)
    once = fit_linear_probes(X, y, C=0.5, **TIGHT)
    twice = fit_linear_probes(np.repeat(X, 2, axis=0), np.repeat(y, 2), C=0.25, **TIGHT)
    np.testing.assert_allclose(twice.coef, once.coef, atol=2e-3)
    np.testing.assert_allclose(twice.loss, once.loss, rtol=1e-5)


@FEW
@given(seeds)
def test_probes_when_shifted_or_rotated_expect_the_same_predictions(seed: int) -> None:
    X, y = _problem(seed)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))[0].astype(np.float32)
    found, moved = fit_linear_probes(X, y, **TIGHT), fit_linear_probes(X @ turn + 3, y, **TIGHT)
    np.testing.assert_allclose(found.log_proba(X), moved.log_proba(X @ turn + 3), atol=1e-2)
    np.testing.assert_allclose(found.loss, moved.loss, rtol=1e-4)


@FEW
@given(seeds, st.sampled_from([0.0, 0.5]))
def test_probes_in_a_batch_expect_as_one_by_one(seed: int, l1_ratio: float) -> None:
    X, y = _problem(seed)
    Y = np.stack([y, np.roll(y, 1), np.zeros_like(y), y])
    options: dict[str, Any] = {"C": 0.1, "l1_ratio": l1_ratio, "n_classes": 3, "tol": 1e-5, "max_iter": 1000}
    batch = fit_linear_probes(X, Y, **options)
    apart = fit_linear_probes(np.repeat(X[None], 4, axis=0), Y, **options)
    assert batch.coef.shape == (4, 3, 5)
    for i, row in enumerate(Y):
        one = fit_linear_probes(X, row, **options)
        for found in (batch, apart):
            np.testing.assert_allclose(found.coef[i], one.coef[0], atol=2e-3)
            assert found.loss[i] == pytest.approx(one.loss[0], rel=1e-4, abs=1e-3)


def test_probes_expect_probabilities_and_predictions_that_agree() -> None:
    X, y = _problem(0)
    found = fit_linear_probes(X, np.stack([y, y[::-1]]))
    log_proba = found.log_proba(X)
    assert log_proba.shape == (2, 80, 3)
    np.testing.assert_allclose(np.exp(log_proba).sum(axis=2), 1)
    np.testing.assert_array_equal(log_proba.argmax(axis=2), found.predict(X))
    np.testing.assert_allclose(found.log_proba(np.stack([X, X])), log_proba, atol=1e-6)
    objective = -log_proba[0, np.arange(80), y].sum() + 0.5 * np.sum(found.coef[0] ** 2)
    assert found.loss[0] == pytest.approx(objective, rel=1e-6)
    assert found.converged.all()


def test_probes_when_a_weight_is_two_expect_the_row_twice() -> None:
    X, y = _problem(1)
    weighted = fit_linear_probes(X, y, class_weight=[2, 1, 1], **TIGHT)
    doubled = fit_linear_probes(np.concatenate([X, X[y == 0]]), np.concatenate([y, y[y == 0]]), **TIGHT)
    np.testing.assert_allclose(weighted.coef, doubled.coef, atol=2e-3)


def test_probes_when_stopped_early_expect_not_converged() -> None:
    X, y = _problem(2)
    found = fit_linear_probes(X, np.stack([y, y[::-1]]), C=100, max_iter=2)
    assert not found.converged.any()
    assert np.isfinite(found.loss).all()
    assert not fit_linear_probes(X, y, C=100, l1_ratio=0.5, max_iter=2).converged.any()


def test_probes_when_columns_are_wildly_scaled_expect_finite() -> None:
    X, y = _problem(3)
    found = fit_linear_probes(X * np.array([1e4, 1e-4, 1, 0, 1e3], np.float32), y)
    assert np.isfinite(found.coef).all()
    assert np.mean(found.predict(X * np.array([1e4, 1e-4, 1, 0, 1e3], np.float32))[0] == y) > 0.5


def test_standardise_expect_training_scores_and_constant_columns_kept() -> None:
    rng = np.random.default_rng(0)
    train = (rng.normal(size=(50, 3)) * [1, 1e-3, 50] + 7).astype(np.float32)
    train[:, 1] = np.float32(0.1)
    test = train[:10] + 1
    scored, also = standardise(train, test)
    np.testing.assert_allclose(scored.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scored.std(axis=0), [1, 0, 1], atol=1e-5)
    np.testing.assert_allclose(also[:, 0], (test[:, 0] - train[:, 0].mean()) / train[:, 0].std(), rtol=1e-4)
    np.testing.assert_allclose(also[:, 1], 1, atol=1e-5)
    assert scored.dtype == also.dtype == np.float32


@given(st.lists(st.sampled_from("abcdefgAB"), min_size=1, max_size=40), st.integers(0, 9), st.randoms())
def test_control_labels_expect_one_a_type_whatever_the_order(words: list[str], seed: int, random: Random) -> None:
    labels = [random.choice(["NOUN", "VERB"]) for _ in words]
    found = control_labels(words, labels, seed=seed)
    of_type = dict(zip(words, found, strict=True))
    assert found == [of_type[word] for word in words]
    assert set(found) <= set(labels)
    order = random.sample(range(len(words)), len(words))
    shuffled = control_labels([words[i] for i in order], [labels[i] for i in order], seed=seed)
    assert shuffled == [found[i] for i in order]


def test_control_labels_expect_the_label_distribution() -> None:
    words = [str(i) for i in range(20_000)]
    labels = ["A"] * 14_000 + ["B"] * 6_000
    assert np.mean(np.array(control_labels(words, labels, seed=0)) == "A") == pytest.approx(0.7, abs=0.015)
    assert control_labels(words, labels, seed=0) != control_labels(words, labels, seed=1)


def test_majority_share_expect_accuracy_of_the_commonest_training_label() -> None:
    assert majority_share([1, 1, 0], [0, 0, 1, 0]) == 0.25
    assert majority_share(["b", "a"], ["a", "b", "a", "a"]) == 0.75


def test_probing_when_imported_expect_no_torch() -> None:
    code = "import sys, core.maths.probing, core.maths.similarity, core.maths.geometry\n"
    code += "core.maths.geometry.t_interval([1, 2])\nassert not {'torch', 'scipy.stats', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


X, y = _problem(0)
WRONG: list[tuple[Any, Any, dict[str, Any], type[Exception]]] = [
    (X[0], y, {}, ShapeError),
    (X, y[:-1], {}, ShapeError),
    (X, y.astype(float), {}, ShapeError),
    (np.stack([X, X]), np.stack([y, y, y]), {}, ShapeError),
    (X * np.nan, y, {}, ShapeError),
    (X, y - 1, {}, ShapeError),
    (X, y, {"n_classes": 2}, ShapeError),
    (X[:0], y[:0], {}, NotEnoughData),
    (X, np.zeros_like(y), {}, NotEnoughData),
    (X, y, {"C": 0}, SpecInvalid),
    (X, y, {"C": float("nan")}, SpecInvalid),
    (X, y, {"l1_ratio": 1.5}, SpecInvalid),
    (X, y, {"tol": 0}, SpecInvalid),
    (X, y, {"max_iter": 0}, SpecInvalid),
    (X, y, {"class_weight": "even"}, SpecInvalid),
    (X, y, {"class_weight": [1, 2]}, SpecInvalid),
    (X, y, {"class_weight": [1, 2, -1]}, SpecInvalid),
    (X, y, {"class_weight": [0, 0, 0]}, NotEnoughData),
]


@pytest.mark.parametrize(("rows", "labels", "options", "error"), WRONG)
def test_probes_when_asked_wrongly_expect_a_message(
    rows: np.ndarray, labels: np.ndarray, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        fit_linear_probes(rows, labels, **options)


def test_probing_when_asked_wrongly_expect_a_message() -> None:
    with pytest.raises(ShapeError):
        fit_linear_probes(X, y).predict(X[:, :2])
    with pytest.raises(ShapeError):
        fit_linear_probes(X, y).predict(np.stack([X, X]))
    with pytest.raises(ShapeError):
        standardise(X, X[:, :2])
    with pytest.raises(ShapeError):
        standardise(X[0])
    with pytest.raises(NotEnoughData):
        standardise(X[:0])
    with pytest.raises(ShapeError):
        control_labels(["a"], [], seed=0)
    with pytest.raises(NotEnoughData):
        control_labels([], [], seed=0)
    with pytest.raises(NotEnoughData):
        majority_share([], [1])


def test_a_batch_of_penalties_is_each_penalty_alone() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=120)
    X = (rng.normal(size=(3, 12))[y] + rng.normal(size=(120, 12))).astype(np.float32)
    strengths = [0.001, 0.1, 10.0]
    together = fit_linear_probes(X, np.tile(y, (3, 1)), C=strengths, tol=1e-6)
    for at, C in enumerate(strengths):
        alone = fit_linear_probes(X, y, C=C, tol=1e-6)
        np.testing.assert_allclose(together.coef[at], alone.coef[0], atol=2e-3)
        assert together.loss[at] == pytest.approx(alone.loss[0], rel=1e-4)
    sizes = np.linalg.norm(together.coef, axis=(1, 2))
    assert (np.diff(sizes) > 0).all()  # a weaker penalty leaves more of the weights


def test_penalties_that_do_not_fit_are_refused() -> None:
    X, y = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    with pytest.raises(ShapeError):
        fit_linear_probes(X, y, C=[1.0, 2.0])
    with pytest.raises(SpecInvalid):
        fit_linear_probes(X, np.tile(y, (2, 1)), C=[1.0, 0.0])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), weighted=st.booleans(), n_classes=st.integers(2, 6))
def test_class_sums_are_those_of_each_class_alone(seed: int, weighted: bool, n_classes: int) -> None:
    import torch

    from core.maths.class_sums import class_sums

    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(600, 7)).astype(np.float32), rng.choice(n_classes - 1, 600)  # the last class has no rows
    weight = rng.uniform(size=600).astype(np.float32) if weighted else np.ones(600, np.float32)
    found = class_sums(
        torch.from_numpy(X), torch.from_numpy(y), n_classes, torch.from_numpy(weight) if weighted else None
    )
    expected = np.stack([(X[y == k] * weight[y == k, None]).sum(axis=0, dtype=np.float64) for k in range(n_classes)])
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-3)
    assert not found[-1].any()


def test_a_wide_problem_alone_expect_what_it_is_in_a_batch() -> None:
    # Alone its products run along the rows and its first gradient comes from sums of classes; four of it take the usual way.
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(150, 1100)).astype(np.float32), rng.choice(17, 150, p=np.arange(17, 0, -1) / 153)
    weight = rng.uniform(0.5, 2, size=17)
    many = fit_linear_probes(X, np.tile(y, (4, 1)), C=0.02, l1_ratio=0.5, n_classes=17, class_weight=weight, tol=1e-6)
    alone = fit_linear_probes(X, y, C=0.02, l1_ratio=0.5, n_classes=17, class_weight=weight, tol=1e-6)
    assert alone.converged.all()
    assert many.converged.all()
    assert alone.loss[0] == pytest.approx(many.loss[0], rel=1e-5)
    np.testing.assert_allclose(alone.coef[0], many.coef[0], atol=2e-3)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000))
def test_balanced_accuracy_is_scikit_learns_and_no_matter_of_class_sizes(seed: int) -> None:
    from sklearn.metrics import accuracy_score, balanced_accuracy_score

    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, 50)
    said = np.where(rng.uniform(size=50) < 0.6, y, rng.permutation(y))
    assert share_right(said, y) == pytest.approx(accuracy_score(y, said))
    assert share_right(said, y, balanced=True) == pytest.approx(balanced_accuracy_score(y, said))
    twice = np.flatnonzero(y == y[0])  # rows of one class again: its share stays
    again = share_right(np.append(said, said[twice]), np.append(y, y[twice]), balanced=True)
    assert again == pytest.approx(share_right(said, y, balanced=True))
    assert majority_share(y, y, balanced=True) == pytest.approx(1 / len(np.unique(y)))


def test_answers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError):
        share_right([1, 2], [1])
    with pytest.raises(NotEnoughData):
        share_right([], [])
