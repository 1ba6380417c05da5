"""Maps of all layers: equal spaces have equal maps, turned ones too, and every map says how far it can be trusted."""

import numpy as np
import pytest

from core.analyses.map_chain import MapChain, compute
from core.errors import NotEnoughData, SpecInvalid
from core.maths.projection import continuity, trustworthiness, unit_rows
from tests.quiet import Quiet
from tests.unit.test_movers import EMBED, clouds, embedded

SPEC = MapChain(base=EMBED, tuned=EMBED, n_points=120)


def test_a_checkpoint_beside_itself_or_turned_has_the_same_maps() -> None:
    X, later = clouds(), clouds() + 0.3 * clouds(1)
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(12, 12)))
    same = compute(SPEC, {"base": embedded(X, later), "tuned": embedded(X, later)}, Quiet())
    np.testing.assert_allclose(same.base, same.tuned, atol=1e-5)
    turned = compute(SPEC, {"base": embedded(X, later), "tuned": embedded(X @ turn, later @ turn)}, Quiet())
    another = compute(SPEC, {"base": embedded(X, later), "tuned": embedded(clouds(7), clouds(8))}, Quiet())
    apart, far = (np.linalg.norm(found.base - found.tuned, axis=2).mean() for found in (turned, another))
    assert apart < 0.35
    assert 2 * apart < far  # of maps of size 1: rounding, blown up by the layout, and far less than a change
    np.testing.assert_array_equal(turned.base, same.base)  # the same spec on one machine: the same numbers


def test_maps_are_of_one_size_laid_on_each_other_and_name_their_trust() -> None:
    X, Y = clouds(), clouds() + 0.8 * clouds(3)
    found = compute(SPEC, {"base": embedded(X, X), "tuned": embedded(Y, Y)}, Quiet())
    for side in (found.base, found.tuned):
        np.testing.assert_allclose(side.mean(axis=1), 0, atol=1e-4)
        np.testing.assert_allclose((side**2).sum(axis=2).mean(axis=1), 1, rtol=1e-4)
    for first, second in ((found.base[0], found.base[1]), (found.base[1], found.tuned[1])):
        cross = first.astype(float).T @ second
        np.testing.assert_allclose(cross, cross.T, atol=2e-3 * np.abs(cross).max())  # no turn brings them nearer
    rows = np.random.default_rng(0)
    chosen = np.sort(rows.choice(len(X), 120, replace=False))
    space = unit_rows(X[chosen])
    assert found.trust[0, 0] == pytest.approx(trustworthiness(space, found.base[0], 15))
    assert found.continuity[0, 0] == pytest.approx(continuity(space, found.base[0], 15))
    np.testing.assert_allclose(found.point_trust.astype(float).mean(axis=2), found.trust, atol=1e-3)
    assert (found.trust > 0.6).all()  # about 0.5 is a map drawn at random


def test_a_layer_whose_rows_are_all_equal_lies_at_one_place_and_stops_nothing() -> None:
    X = clouds()
    found = compute(SPEC, {"base": embedded(np.ones_like(X), X), "tuned": embedded(np.ones_like(X), X)}, Quiet())
    assert (found.base[0] == 0).all()
    np.testing.assert_allclose(found.base[1], found.tuned[1], atol=1e-5)
    assert np.ptp(found.base[1]) > 1


def test_what_cannot_be_mapped_is_a_message() -> None:
    X = clouds()
    few = {"base": embedded(X, keep=slice(0, 25)), "tuned": embedded(X, keep=slice(0, 25))}
    with pytest.raises(NotEnoughData):
        compute(SPEC, few, Quiet())
    for wrong in ({"n_points": 5001}, {"n_neighbors": 1}, {"min_dist": 1.5}, {"metric": "manhattan"}, {"seed": -1}):
        with pytest.raises(SpecInvalid):
            SPEC.replace(**wrong)
