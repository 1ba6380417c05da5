"""Maps over training: a step that changed nothing looks like the base, a planted move shows when it came."""

import numpy as np
import pytest

from core.analyses.map_steps import MapSteps, compute
from core.analyses.steps import MOST
from core.charts import scatter
from core.charts.look import Look
from core.errors import IncompatibleRefs, NotEnoughData, SpecInvalid
from tests.quiet import Quiet
from tests.unit.test_movers import EMBED, PLANTED, clouds, embedded

SPEC = MapSteps(base=EMBED, steps=(EMBED,) * 3, layer=0, n_points=len(clouds()))


def test_equal_spaces_have_equal_maps_however_many_steps_lie_between() -> None:
    X, later = clouds(), clouds(5)
    inputs = {"base": embedded(X), "step.0": embedded(X), "step.1": embedded(later), "step.2": embedded(X)}
    found = compute(SPEC, inputs, Quiet())
    assert found.maps.shape[0] == 4
    for at in (1, 3):
        np.testing.assert_allclose(found.maps[at], found.maps[0], atol=1e-5)
    assert np.linalg.norm(found.maps[2] - found.maps[0], axis=1).mean() > 0.5
    np.testing.assert_allclose(found.maps.mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose((found.maps**2).sum(axis=2).mean(axis=1), 1, rtol=1e-4)
    assert (found.trust > 0.6).all()
    assert found.continuity.shape == found.trust.shape == (4,)


def test_words_that_went_to_one_place_are_drawn_together_from_that_step_on() -> None:
    rng = np.random.default_rng(1)
    X = clouds()
    moved = X.copy()
    moved[PLANTED] = 6 * rng.normal(size=12) + 0.1 * rng.normal(size=(len(PLANTED), 12))
    spec = SPEC.replace(n_neighbors=5)
    found = compute(
        spec,
        {"base": embedded(X), "step.0": embedded(X), "step.1": embedded(moved), "step.2": embedded(moved)},
        Quiet(),
    )
    spread = [np.linalg.norm(one[PLANTED] - one[PLANTED].mean(axis=0), axis=1).mean() for one in found.maps]
    assert max(spread[2:]) < 0.5 * min(spread[:2])


def test_tunings_of_unequal_depth_stand_beside_the_base_at_the_layer_that_faces_it() -> None:
    X, other = clouds(), clouds(5)
    spec = SPEC.replace(layer=2)
    deep = embedded(other, other, other, other, X)
    found = compute(
        spec,
        {
            "base": embedded(other, other, X),
            "step.0": embedded(other, other, X),
            "step.1": deep,
            "step.2": embedded(other, X),
        },
        Quiet(),
    )
    for one in found.maps[1:]:  # the top faces the top
        np.testing.assert_allclose(one, found.maps[0], atol=1e-5)
    flat = scatter.of_tunings(found, ["first", "second", "third"])
    panels = flat.panels(Look())
    assert [one.title for one in panels] == ["● base", "▲ first", "▲ second", "▲ third"]
    for panel, own in zip(panels, found.maps, strict=True):
        np.testing.assert_array_equal(panel.positions, own)
    table = flat.table("text")
    np.testing.assert_allclose(table["third y"], found.maps[3][:, 1])
    np.testing.assert_allclose(table["second trust"], found.point_trust[2], atol=1e-3)


def test_what_cannot_be_laid_out_is_a_message() -> None:
    X = clouds()
    same = {name: embedded(X) for name in ("base", "step.0", "step.1", "step.2")}
    for wrong in (
        {"steps": ()},
        {"steps": (EMBED,) * (MOST + 1)},
        {"layer": -1},
        {"n_points": 5001},
        {"n_neighbors": 1},
    ):
        with pytest.raises(SpecInvalid):
            SPEC.replace(**wrong)
    with pytest.raises(IncompatibleRefs):
        SPEC.replace(steps=(EMBED, EMBED.replace(unit="sentence", pooling="mean")))
    with pytest.raises(SpecInvalid):
        compute(SPEC.replace(layer=1), same, Quiet())
    with pytest.raises(IncompatibleRefs):
        compute(SPEC, same | {"step.1": embedded(X, keep=slice(0, 100))}, Quiet())
    few = {name: embedded(X, keep=slice(0, 25)) for name in same}
    with pytest.raises(NotEnoughData):
        compute(SPEC, few, Quiet())


def test_its_needs_are_the_base_and_each_step_in_order() -> None:
    other = EMBED.replace(pooling="first")
    assert SPEC.replace(steps=(EMBED, other)).dependencies() == {"base": EMBED, "step.0": EMBED, "step.1": other}
