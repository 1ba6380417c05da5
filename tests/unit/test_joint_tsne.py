"""t-SNE of both sides: the same map again, one map for both, clouds kept together, and messages where there is none."""

import numpy as np
import pytest

from core.analyses.joint_tsne import JointTsne, compute
from core.errors import Cancelled, IncompatibleRefs, NotEnoughData, SpecInvalid
from tests.quiet import Quiet
from tests.unit.test_movers import EMBED, clouds, embedded

SPEC = JointTsne(base=EMBED, tuned=EMBED, layer=0, n_points=120, perplexity=10)


def test_the_same_rows_give_the_same_map_and_twins_lie_together() -> None:
    X = clouds()
    inputs = {"base": embedded(X), "tuned": embedded(X + 1e-4)}
    first, again = (compute(SPEC, inputs, Quiet()) for _ in range(2))
    np.testing.assert_array_equal(first.base, again.base)
    np.testing.assert_array_equal(first.tuned, again.tuned)
    apart = np.linalg.norm(first.base - first.tuned, axis=1)
    assert np.median(apart) < 0.05 * first.base.std()
    assert first.base.shape == first.tuned.shape == (120, 2)
    assert first.base_trust > 0.85  # about 0.5 is a map drawn at random
    assert len(first.points) == 120


def test_a_side_that_moved_away_lies_elsewhere() -> None:
    X = clouds()
    found = compute(SPEC, {"base": embedded(X), "tuned": embedded(X + 40)}, Quiet())
    both = np.concatenate([found.base, found.tuned])
    apart = np.linalg.norm(both[:, None] - both, axis=2)
    np.fill_diagonal(apart, np.inf)
    nearest = apart.argmin(axis=1)
    is_base = np.arange(240) < 120
    assert (is_base[nearest] == is_base).mean() > 0.95


def test_what_cannot_be_laid_out_is_a_message() -> None:
    X = clouds()
    for wrong in ({"perplexity": 1}, {"perplexity": 101}, {"layer": -1}, {"n_points": 49}, {"metric": "manhattan"}):
        with pytest.raises(SpecInvalid):
            SPEC.replace(**wrong)
    with pytest.raises(NotEnoughData):
        compute(SPEC.replace(n_points=50, perplexity=100), {"base": embedded(X), "tuned": embedded(X)}, Quiet())
    with pytest.raises(SpecInvalid):
        compute(SPEC.replace(layer=1), {"base": embedded(X), "tuned": embedded(X)}, Quiet())
    with pytest.raises(IncompatibleRefs):
        compute(SPEC, {"base": embedded(X), "tuned": embedded(X[:, :6])}, Quiet())


def test_it_stops_when_it_is_asked_to() -> None:
    X = clouds()
    run = Quiet(stop_after=4)
    with pytest.raises(Cancelled):
        compute(SPEC, {"base": embedded(X), "tuned": embedded(X)}, run)
    assert run.checks == 5
