"""Maps under several seeds: the first is the plain map, turning costs no neighbours, and noise is told from structure."""

import numpy as np
import pytest

from core.analyses import joint_umap, umap_seeds
from core.analyses.joint_umap import JointUmap
from core.analyses.umap_seeds import UmapSeeds, kept_on_maps
from core.errors import NotEnoughData, SpecInvalid
from tests.quiet import Quiet
from tests.unit.test_movers import EMBED, clouds, embedded

PLAIN = JointUmap(base=EMBED, tuned=EMBED, layer=0, n_points=120)
SPEC = UmapSeeds(base=EMBED, tuned=EMBED, layer=0, n_points=120, n_seeds=2)


def test_the_first_map_is_the_plain_one_and_the_others_lie_on_it() -> None:
    X = clouds()
    inputs = {"base": embedded(X), "tuned": embedded(X + 0.5 * clouds(1))}
    plain, seeded = joint_umap.compute(PLAIN, inputs, Quiet()), umap_seeds.compute(SPEC, inputs, Quiet())
    np.testing.assert_array_equal(seeded.base[0], plain.base)
    np.testing.assert_array_equal(seeded.tuned[0], plain.tuned)
    assert seeded.trust[:, 0].tolist() == [plain.base_trust, plain.tuned_trust]
    both = np.concatenate([seeded.base, seeded.tuned], axis=1).astype(float)
    assert not np.allclose(both[0], both[1])
    middles = both.mean(axis=1)
    np.testing.assert_allclose(middles[0], middles[1], atol=1e-4)
    cross = (both[0] - middles[0]).T @ (both[1] - middles[1])
    np.testing.assert_allclose(cross, cross.T, atol=1e-4 * np.abs(cross).max())  # no turn brings them nearer
    assert seeded.kept.shape == (2, 120)
    assert ((seeded.kept >= 0) & (seeded.kept <= 1)).all()
    assert seeded.points.equals(plain.points)


def test_turned_mirrored_and_grown_maps_keep_all_and_maps_at_random_next_to_nothing() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(size=(400, 2)).astype(np.float32)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]], np.float32)
    assert kept_on_maps(np.stack([one, 3 * one @ turn, one * [-1, 1]])).min() > 0.9  # ties by rounding
    at_random = kept_on_maps(rng.normal(size=(3, 400, 2)).astype(np.float32))
    assert at_random.mean() == pytest.approx(15 / 399, abs=0.02)
    thrown = one.copy()
    thrown[7] += 50
    kept = kept_on_maps(np.stack([one, thrown]))
    assert kept.argmin() == 7


def test_what_cannot_be_laid_out_is_a_message() -> None:
    for wrong in ({"n_seeds": 1}, {"n_seeds": 11}, {"n_points": 5001}):
        with pytest.raises(SpecInvalid):
            SPEC.replace(**wrong)
    few = embedded(clouds(), keep=slice(0, 25))
    with pytest.raises(NotEnoughData):
        umap_seeds.compute(SPEC, {"base": few, "tuned": few}, Quiet())
