"""The self-test passes where all is well, and each of its checks fails where its own thing is broken."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from core.analyses import self_test
from core.analyses.self_test import Check, SelfTest
from core.errors import SpecInvalid
from core.lab import Lab
from core.maths import directprobe, neurons, probing, projection, similarity, structure
from core.refs import Suite, Vectors
from tests.small import TUNE

DRAW = np.random.default_rng(3)
STATES = DRAW.normal(size=(5, 200, 24)).astype(np.float32) * np.linspace(1, 4, 24, dtype=np.float32)
ROWS = (STATES[-1] + 6 * DRAW.normal(size=(200, 1)) * DRAW.normal(size=24)).astype(np.float32)


def verdicts(checks: Iterator[Check]) -> list[bool]:
    return [bool(check.passed) for check in checks]


def test_of_a_tuned_checkpoint_every_answer_is_right(made: Lab) -> None:
    found = made.peek(SelfTest(checkpoint=TUNE))
    assert found.checks["passed"].all(), found.checks.to_string()
    assert set(found.checks["of"]) == {"layers", "measures", "probes", "hulls", "trees", "maps", "neurons"}
    assert found.checks["seconds"].sum() < 60
    assert found.precision == "float32"
    assert list(made.store.folder(SelfTest(checkpoint=TUNE)).glob("read*")) == []


def test_vectors_have_no_network_to_test() -> None:
    vectors = Vectors(digest="0" * 64, path="x.npy", of=Suite(split="dev"), unit="word", width=4)
    with pytest.raises(SpecInvalid, match="without a network"):
        SelfTest(checkpoint=vectors)


def test_layers_that_are_the_same_pass_and_swapped_or_noisy_ones_do_not() -> None:
    assert verdicts(self_test.layers(STATES, STATES, 1e-4)) == [True, True]
    assert verdicts(self_test.layers(STATES[[0, 2, 1, 3, 4]], STATES, 1e-4)) == [False, False]
    assert verdicts(self_test.layers(STATES[[0, 1, 2, 3, 3]], STATES, 1e-4)) == [True, False]
    noisy = STATES + 0.01 * DRAW.normal(size=STATES.shape).astype(np.float32)
    assert verdicts(self_test.layers(noisy, STATES, 1e-4)) == [False, True]
    assert verdicts(self_test.layers(noisy, STATES, 0.05)) == [True, True]


def test_a_top_layer_before_a_last_norm_need_only_be_found() -> None:
    normed = STATES.copy()
    normed[-1] = STATES[-1] + 0.2 * STATES[-1].std()
    assert verdicts(self_test.layers(STATES, normed, 1e-4)) == [True, True]


def test_measures_that_miss_what_they_must_say_fail() -> None:
    assert verdicts(self_test.measures(ROWS)) == [True] * 4
    first = {"plain": (lambda X, Y: float(np.mean(X == Y)), 1.0)}
    # Equal entries: right of a space and itself, wrong of a turned one.
    assert verdicts(self_test.measures(ROWS, first))[:2] == [True, False]
    always = {"always 1": (lambda X, Y: 1.0, 1.0)}
    assert verdicts(self_test.measures(ROWS, always))[:3] == [True, True, False]


@pytest.mark.parametrize(
    ("module", "name", "broken", "check", "failing"),
    [
        (similarity, "linear_cka", lambda X, Y, **_: 1.0, lambda: self_test.measures(ROWS), [2, 3]),
        (directprobe, "hull_distance", lambda A, B: 5.0, self_test.hulls, [0]),
        (structure, "uuas", lambda *_: 0.99, lambda: self_test.trees([(0, 1, 1)], [["X"] * 3]), [0]),
        (projection, "trustworthiness", lambda *_: 0.9, lambda: self_test.maps(ROWS), [0]),
        (neurons, "rank_by_weights", lambda W: (np.array([0, 1, 2]), []), self_test.neurons, [0]),
    ],
)
def test_a_broken_part_fails_its_own_check(
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    broken: Callable,
    check: Callable[[], Iterator[Check]],
    failing: list[int],
) -> None:
    assert all(verdicts(check()))
    monkeypatch.setattr(module, name, broken)
    assert [at for at, passed in enumerate(verdicts(check())) if not passed] == failing


def test_hulls_that_are_all_merged_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    merged = directprobe.Clusters(assignment=np.zeros(4, dtype=np.int64), n_clusters=2, is_linear=True)
    monkeypatch.setattr(directprobe, "direct_probe", lambda *_: merged)
    assert verdicts(self_test.hulls()) == [True, False]


def test_probes_that_guess_or_know_the_answers_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdicts(self_test.probes(ROWS, "cpu")) == [True, True]

    class Guess:
        def predict(self, X: np.ndarray) -> np.ndarray:
            return np.zeros(len(X), dtype=np.int64)

    monkeypatch.setattr(probing, "fit_linear_probes", lambda *_, **__: Guess())
    assert verdicts(self_test.probes(ROWS, "cpu")) == [False, True]


def test_a_part_that_breaks_is_a_wrong_answer_and_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> float:
        raise MemoryError("no room")

    monkeypatch.setattr(directprobe, "direct_probe", breaks)
    checks = list(self_test.answered("hulls", self_test.hulls()))
    assert [check.passed for check in checks] == [True, False]
    assert (checks[1].of, checks[1].found) == ("hulls", "MemoryError: no room")


def test_a_text_without_trees_is_not_asked_for_them() -> None:
    assert list(self_test.trees([], [])) == []
