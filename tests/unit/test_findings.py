"""What home says of a comparison follows from the intervals, and says no more than they do."""

import re
from dataclasses import replace

import pytest

from core.analyses.crowding import CrowdingCurves
from core.analyses.similarity import LayerSimilarity
from core.catalogue import Named
from core.charts.findings import crowding_found, space_found
from core.maths.statistics import Estimate, simultaneous
from core.refs import Packaged, Sample, Suite
from pages.parts.selection import Selection
from tests.contract.test_charts import similarity_of
from tests.small import TUNE


def estimate(value: float, half: float) -> Estimate:
    return Estimate(value, value - half, value + half, half / 2, 100, 20)


def space(*values: float | None, half: float = 0.001) -> LayerSimilarity:
    return replace(
        similarity_of(*values), same_layer=tuple(None if value is None else estimate(value, half) for value in values)
    )


def crowding(*differences: tuple[float, float], base: float = 0.3) -> CrowdingCurves:
    return CrowdingCurves(
        base=tuple(estimate(base, 0.01) for _ in differences),
        tuned=tuple(estimate(base + value, 0.01) for value, _ in differences),
        difference=tuple(estimate(*one) for one in differences),
        n_pairs=1000,
    )


def said(similarity: LayerSimilarity, *, is_tuning: bool = True) -> str:
    found = space_found(similarity, is_tuning=is_tuning)
    assert found
    return found.said


def test_the_layer_that_keeps_least_is_named_with_those_that_are_not_told_apart() -> None:
    assert said(space(1.0, 0.98, 0.4)).startswith("Least of the space is kept at layer 2: CKA 0.400 [0.39")
    assert said(space(1.0, 0.98, 0.4)).endswith("layers 0 and 1 stay above 0.9.")
    near = said(space(1.0, 0.5, 0.49, half=0.03))
    assert near.startswith("Least of the space is kept at layer 2 (not told apart from layer 1): CKA 0.49 [")


def test_that_all_layers_stay_is_said_only_of_intervals_above_the_bound() -> None:
    assert said(space(1.0, 0.98, 0.95)).startswith("Every layer stays above CKA 0.9; least at layer 2, CKA 0.95")
    unsure = said(space(1.0, 0.9, half=0.05))
    assert unsure.startswith("Which layers changed cannot be told from these sentences; least at layer 1")
    assert "stays above" not in unsure


def test_of_nothing_measured_nothing_is_said() -> None:
    assert space_found(space(None, None), is_tuning=True) is None
    assert crowding_found(replace(crowding((0.1, 0.01)), difference=()), "word", is_tuning=True) is None


def test_two_that_were_not_tuned_from_each_other_kept_nothing() -> None:
    apart = space_found(space(1.0, 0.4), is_tuning=False)
    assert apart
    assert "Least of the space is alike at layer 1" in apart.said
    moved = crowding_found(crowding((0.1, 0.01), (0.2, 0.01)), "word", is_tuning=False)
    assert moved
    assert moved.said.startswith("Words lie in tuned closer together")
    still = crowding_found(crowding((0.0, 0.01), (0.0, 0.01)), "word", is_tuning=False)
    assert still
    for found in (apart, moved, still):
        assert "tuning" not in found.said + found.overturned
        assert "before" not in found.said


def test_crowding_names_each_way_with_its_clearest_layer_and_those_beyond_only_by_themselves() -> None:
    found = crowding_found(crowding((0.026, 0.005), (0.05, 0.005), (-0.1, 0.01), (0.04, 0.034)), "word", is_tuning=True)
    assert found
    wide = simultaneous(estimate(0.05, 0.005), n_intervals=4)
    assert found.said.startswith("Words lie closer together at layers 0 and 1 (layer 1: mean cosine 0.300")
    assert f"+0.050 [+{wide.low:.3f}, +{wide.high:.3f}]" in found.said
    assert "and further apart at layer 2 (mean cosine 0.30 to 0.20, −0.10 [" in found.said
    assert found.said.endswith("By itself also layer 3.")


def test_what_is_written_adds_up() -> None:
    found = crowding_found(crowding((0.026, 0.005), base=0.2471), "word", is_tuning=True)
    assert found
    start, end, change = (float(one) for one in re.findall(r"(\d\.\d+) to (\d\.\d+), \+(\d\.\d+)", found.said)[0])
    assert end - start == pytest.approx(change, abs=2e-3)
    assert change > 0


def test_noise_is_no_crowding() -> None:
    found = crowding_found(crowding((0.001, 0.01), (0.0, 0.01)), "sentence", is_tuning=True)
    assert found
    assert found.said == (
        "That sentences lie closer together or further apart than before was not found: inside the noise."
    )


def test_a_base_that_the_tuned_side_did_not_come_from_is_no_start_of_its_tuning() -> None:
    def chosen(base: object, tuned: object) -> Selection:
        sides = [Named(id=name, name=name, ref=ref) for name, ref in (("base", base), ("tuned", tuned))]
        text = Suite(split="dev")
        return Selection(
            base=sides[0], tuned=sides[1], data=Named(id="text", name="text", ref=text), sample=Sample(of=text),
            label="upos", unit="word", pooling="average", layer=0,
        )  # fmt: skip

    other = TUNE.replace(seed=TUNE.seed + 1)
    assert chosen(Packaged(), TUNE).is_tuning
    assert not chosen(other, TUNE).is_tuning
    assert "the way from" in chosen(other, TUNE).tuning
