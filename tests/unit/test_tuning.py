"""Fine-tuning: the same recipe gives the same weights, the schedule is the stated one, it learns, nothing is pickled."""

import numpy as np
import pytest

from core.analyses.fine_tune import TunedCheckpoint
from core.analyses.weight_change import WeightChange
from core.errors import SpecInvalid
from core.lab import Lab
from core.models.weights import read_tensors
from core.refs import Packaged, Sample, Suite
from tests.small import TUNE


def weights(result: TunedCheckpoint) -> dict[str, np.ndarray]:
    """All backbone tensors."""
    tensors = read_tensors(result.folder)
    return {name: tensors.get(name) for name in sorted(tensors.names())}


def test_the_same_recipe_gives_the_same_weights_and_another_seed_does_not(made: Lab, lab: Lab) -> None:
    first, again = weights(made.run(TUNE)), weights(lab.run(TUNE))
    assert first.keys() == again.keys()
    assert all((first[name] == again[name]).all() for name in first)
    other = weights(lab.run(TUNE.replace(seed=1)))
    assert any((first[name] != other[name]).any() for name in first)


def test_the_learning_rate_rises_and_falls_in_a_line(lab: Lab) -> None:
    spec = TUNE.replace(epochs=2.5, warmup=0.2)  # 4 batches an epoch: 10 steps, 2 of warm-up
    result = lab.run(spec)
    assert result.n_steps == 10
    # A row holds the rate of the step it closes: 0, 1/2, 1, then down by eighths.
    expected = [spec.learning_rate * share for share in (0, 0.5, *np.linspace(1, 1 / 8, 8))]
    np.testing.assert_allclose(result.curve["learning_rate"], expected, rtol=1e-6)


def test_it_learns_what_the_labels_say(lab: Lab) -> None:
    spec = TUNE.replace(
        train=Sample(of=Suite(split="train"), n=400), dev=Sample(of=Suite(split="dev"), n=200), epochs=2
    )
    result = lab.run(spec)
    assert result.curve["loss"].iloc[-3:].mean() < result.curve["loss"].iloc[:3].mean()
    assert result.accuracy.low > result.majority
    assert result.labels == ("negative", "positive")
    moved = lab.run(WeightChange(base=Packaged(), tuned=spec))
    assert (np.asarray(moved.layers) > 0).all()
    same = lab.run(WeightChange(base=Packaged(), tuned=Packaged()))
    assert (np.asarray(same.layers) == 0).all()


def test_nothing_but_safetensors_and_text_is_written(made: Lab) -> None:
    folder = made.run(TUNE).folder
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    assert "model.safetensors" in names
    assert {name.rsplit(".", 1)[-1] for name in names} <= {"safetensors", "json", "txt"}


def test_a_run_that_diverges_is_named(lab: Lab) -> None:
    with pytest.raises(SpecInvalid) as problem:
        lab.run(TUNE.replace(learning_rate=0.99, epochs=20, warmup=0.0, batch_size=64))
    assert "diverged" in str(problem.value)
    assert "Lower the learning rate" in str(problem.value)


@pytest.mark.parametrize("change", [{"epochs": 0}, {"learning_rate": -1}, {"batch_size": 0}, {"warmup": 1}])
def test_a_recipe_out_of_range_is_refused_at_once(change: dict[str, float]) -> None:
    with pytest.raises(SpecInvalid) as problem:
        TUNE.replace(**change)
    assert next(iter(change)) in str(problem.value)
