"""A run step by step: step 0 is the base, every number is that of the page for two sides, and what is refused."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from core.analyses.direct_probe import DirectProbe, LabelHulls
from core.analyses.dynamics import ALIKE, CROWDED, MEASURES, MOVED, Dynamics, LayersOverSteps
from core.analyses.embed import Embed, Embeddings
from core.analyses.fine_tune import Snapshot, TunedCheckpoint
from core.analyses.label_dynamics import LabelDynamics, LabelsOverSteps
from core.analyses.similarity import Similarity
from core.analyses.step_scores import ScoresOverSteps, StepScores
from core.analyses.steps import MOST, Stepped, numbers_of
from core.charts import dynamics as charts
from core.errors import CheckpointDamaged, IncompatibleRefs, NotEnoughData, SpecInvalid
from core.lab import Lab
from core.models.changes import changes_file
from core.refs import Packaged
from tests.copies import a_copy
from tests.quiet import Quiet
from tests.small import BASE, SAMPLE, STEPPED, STEPS, TUNE

LAYERS = Dynamics(base=BASE, steps=STEPS)
LABELS = LabelDynamics(base=BASE, steps=STEPS, label="upos", n_rows=200)
NUMBERS = (0, 0, 2, 3, 6)
"""The base, step 0 of the run (which kept it), and the others."""


@pytest.fixture(scope="module")
def made(made: Lab, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The small comparison, to be added to."""
    return a_copy(made, tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="module")
def layers(made: Lab) -> LayersOverSteps:
    held: LayersOverSteps = made.peek(LAYERS)
    return held


@pytest.fixture(scope="module")
def labels(made: Lab) -> LabelsOverSteps:
    held: LabelsOverSteps = made.peek(LABELS)
    return held


def test_steps_go_by_the_numbers_of_their_run(layers: LayersOverSteps, labels: LabelsOverSteps) -> None:
    assert layers.numbers == labels.numbers == NUMBERS
    assert numbers_of([BASE, BASE]) == (1, 2)  # made by no run of ours


def test_step_0_is_the_base_in_every_measure(layers: LayersOverSteps, labels: LabelsOverSteps) -> None:
    start = layers.measures[layers.measures["step"] == 0]
    for _, both in start.groupby(["layer", "measure"]):
        assert len(both) == 2  # the base, and the run's own step 0
        assert both["value"].nunique() == 1
    assert start.loc[start["measure"] == ALIKE, "value"].to_numpy() == pytest.approx(1)
    assert (start.loc[start["measure"] == MOVED, "value"] == 0).all()
    np.testing.assert_array_equal(labels.nearest[0], labels.nearest[1])
    np.testing.assert_array_equal(labels.half_nearest[0], labels.half_nearest[1])
    np.testing.assert_array_equal(labels.centres[:, 0], labels.centres[:, 1])
    for at in (0, 1):
        for one in labels.similarity[at]:
            assert one is None or one.value == pytest.approx(1)


def test_similarity_to_the_start_is_that_of_the_page_layers(made: Lab, layers: LayersOverSteps) -> None:
    held = layers.measures[(layers.measures["measure"] == ALIKE)].set_index(["step", "layer"])["value"]
    alone = made.run(Similarity(base=BASE, tuned=STEPS[-1]))
    for layer, one in enumerate(alone.same_layer):
        assert one is not None
        assert held[6, layer] == pytest.approx(one.value, abs=1e-6)


def test_how_far_rows_move_is_the_mean_of_their_steps(made: Lab, layers: LayersOverSteps) -> None:
    base, last = made.peek(BASE), made.peek(STEPS[-1])
    held = layers.measures[layers.measures["measure"] == MOVED].set_index(["step", "layer"])
    for layer in (1, 6):
        start, end = (np.asarray(side.layers[layer], dtype=np.float64) for side in (base, last))
        away = np.linalg.norm(end - start, axis=1).mean() / np.linalg.norm(start, axis=1).mean()
        assert held.loc[(6, layer), "value"] == pytest.approx(away, rel=1e-5)
    assert held.loc[(6, 6), "value"] > 0


def test_label_distances_are_those_of_directprobe(made: Lab, labels: LabelsOverSteps) -> None:
    alone: LabelHulls = made.run(DirectProbe(embed=STEPS[-1], label="upos", n_rows=200))
    large = [at for at, n in enumerate(alone.counts) if n >= 6]
    assert labels.labels == tuple(alone.labels[at] for at in large)
    assert labels.rare_labels == tuple(one for at, one in enumerate(alone.labels) if at not in large)
    # Lengths are measured from the mean of the rows of large labels here, of all rows there.
    wanted = alone.nearest(alone.distances)[:, large] / alone.mean_norm[:, None]
    np.testing.assert_allclose(labels.nearest[-1], wanted, rtol=0.02, atol=1e-6)


def test_centres_lie_to_each_other_as_in_the_layer(made: Lab, labels: LabelsOverSteps) -> None:
    from core.analyses.direct_probe import drawn_groups
    from core.analyses.units import labelled_rows
    from core.data.load import load_sample

    base: Embeddings = made.peek(BASE)
    last: Embeddings = made.peek(STEPS[-1])
    rows = labelled_rows(load_sample(SAMPLE), base, "word", "upos")
    chosen = drawn_groups(rows.group, 200, seed=0)
    of = rows.labels[chosen]
    for layer in (2, 6):
        sides = [np.asarray(side.layers[layer], dtype=np.float64)[chosen] for side in (base, last)]
        kept = np.isin(of, labels.labels)
        unit = np.linalg.norm(sides[0][kept], axis=1).mean()
        mine = np.concatenate([[side[of == label].mean(axis=0) for label in labels.labels] for side in sides]) / unit
        found = np.concatenate([labels.centres[layer, 0], labels.centres[layer, -1]]).astype(np.float64)
        away, drawn = (np.linalg.norm(one[:, None] - one[None], axis=-1) for one in (mine, found))
        np.testing.assert_allclose(drawn, away, atol=5e-3)  # float16 as stored


def test_errors_of_centres_are_those_of_means(labels: LabelsOverSteps) -> None:
    """More rows, smaller errors: about as one over the root."""
    errors = np.nanmean(labels.centre_errors[3], axis=0)
    common, rare = int(np.argmax(labels.counts)), int(np.argmin(labels.counts))
    assert 0 < errors[common] < errors[rare]


def test_scores_end_at_the_score_of_the_run(made: Lab) -> None:
    found: ScoresOverSteps = made.peek(StepScores(run=STEPPED))
    run: TunedCheckpoint = made.peek(STEPPED)
    assert found.scores["step"].tolist() == [0, 2, 3, 6]
    assert found.scores["score"].iloc[-1] == pytest.approx(run.score.value)
    assert found.guessing == run.majority
    assert found.n == 40
    assert charts.scores_finding(found)


def test_a_step_whose_file_is_gone_is_named(made: Lab, lab: Lab) -> None:
    shutil.copytree(made.store.settings.cache, lab.store.settings.cache, dirs_exist_ok=True)
    held: TunedCheckpoint = lab.peek(STEPPED)
    lab.discard(StepScores(run=STEPPED))
    changes_file(held.changes, 3).unlink()
    with pytest.raises(CheckpointDamaged, match="step-00000003"):
        lab.run(StepScores(run=STEPPED))


def test_a_step_whose_weights_are_no_numbers_is_named(made: Lab, lab: Lab) -> None:
    shutil.copytree(made.store.settings.cache, lab.store.settings.cache, dirs_exist_ok=True)
    held: TunedCheckpoint = lab.peek(STEPPED)
    lab.discard(StepScores(run=STEPPED))
    file = changes_file(held.changes, 3)
    kept = load_file(file)
    name = next(name for name in kept if "layer.5" in name and "@" not in name)
    save_file(kept | {name: torch.full_like(kept[name], float("nan"))}, file)
    with pytest.raises(CheckpointDamaged, match="no numbers"):
        lab.run(StepScores(run=STEPPED))


def test_states_that_are_no_numbers_are_named(made: Lab) -> None:
    base, last = made.peek(BASE), made.peek(STEPS[-1])
    broken = [np.array(layer) for layer in last.layers]
    broken[4][5, 7] = np.nan
    inputs = {"base": base, "step.0": last, "step.1": replace(last, layers=tuple(broken))}
    held = Stepped(inputs, 2, "Following a run.")
    assert len(held.vectors(3)) == 3
    with pytest.raises(CheckpointDamaged, match="step 2 of 2 at layer 4 are not numbers"):
        held.vectors(4)


def test_steps_of_other_words_or_another_shape_are_refused(made: Lab) -> None:
    base, last = made.peek(BASE), made.peek(STEPS[-1])
    fewer = replace(last, word=last.word[:-1], sentence=last.sentence[:-1])
    with pytest.raises(IncompatibleRefs, match="other words"):
        Stepped({"base": base, "step.0": last, "step.1": fewer}, 2, "Following a run.")
    for other in (
        replace(last, layers=last.layers[:-1]),
        replace(last, layers=tuple(one[:, :9] for one in last.layers)),
    ):
        with pytest.raises(IncompatibleRefs, match="another shape"):
            Stepped({"base": base, "step.0": other}, 1, "Following a run.")


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Dynamics(base=BASE, steps=()), SpecInvalid, "0 steps"),
        (lambda: Dynamics(base=BASE, steps=(BASE,) * (MOST + 1)), SpecInvalid, "25 steps"),
        (lambda: LabelDynamics(base=BASE, steps=(), label="upos"), SpecInvalid, "0 steps"),
        (
            lambda: Dynamics(base=BASE, steps=(BASE.replace(sample=SAMPLE.replace(n=9)),)),
            IncompatibleRefs,
            "other sentences",
        ),
        (lambda: StepScores(run=TUNE), SpecInvalid, "kept no steps"),
        (lambda: Snapshot(run=TUNE, step=1), SpecInvalid, "It keeps: none"),
    ],
)
def test_what_cannot_be_followed_is_refused(make, error: type[Exception], says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=says):
        make()


def test_one_step_is_enough(made: Lab) -> None:
    found: LayersOverSteps = made.run(Dynamics(base=BASE, steps=STEPS[-1:]))
    assert found.numbers == (0, 6)
    assert charts.turns(charts.layers_table(found, ALIKE)) == {}


def test_labels_that_are_too_rare_are_told(made: Lab) -> None:
    few = SAMPLE.replace(n=5)
    base, last = (Embed(checkpoint=one, sample=few) for one in (Packaged(), STEPPED))
    with pytest.raises((NotEnoughData, SpecInvalid)):
        made.run(LabelDynamics(base=base, steps=(last,), label="xpos"))


@pytest.mark.parametrize("measure", MEASURES)
def test_tables_of_figures_have_every_layer_and_step(layers: LayersOverSteps, measure: str) -> None:
    table = charts.layers_table(layers, measure)
    assert set(table["layer"]) == set(range(7))
    assert set(table["step"]) == {0, 2, 3, 6}
    assert (table["low"] <= table["value"] + 1e-9).all()
    assert charts.layers_finding(table, measure, 6).startswith("Layer 6: ")


def test_gains_of_labels_are_the_end_less_the_start(labels: LabelsOverSteps) -> None:
    table = charts.labels_table(labels, 6)
    for at, label in enumerate(labels.labels):
        own = table[table["label"] == label]
        assert own["gain"].iloc[0] == pytest.approx(labels.nearest[-1, 6, at] - labels.nearest[0, 6, at])
        assert (own["low"] <= own["gain"]).all()
    named = charts.named_labels(table)
    order = table.drop_duplicates("label").sort_values("gain", ascending=False)["label"].tolist()
    assert named[0] == order[0]
    assert named[-1] == order[-1]
    said = charts.labels_finding(table)
    assert f"gains {order[0]}" in said
    assert f"least {order[-1]}" in said
    assert said.count("rows, inside the noise") == int(
        table.drop_duplicates("label").sort_values("rank").iloc[[0, -1]]["is_noise"].sum()
    )


def test_beside_labels_stand_those_of_the_control_task(made: Lab, labels: LabelsOverSteps) -> None:
    alone: LabelHulls = made.run(DirectProbe(embed=STEPS[-1], label="upos", n_rows=200))
    assert labels.control_kind == alone.control_kind
    assert labels.control.shape == (len(labels.numbers), 7)
    assert (labels.control >= 0).all()
    np.testing.assert_array_equal(labels.control[0], labels.control[1])


def scores(values: list[float], *, guessing: float = 0.6) -> ScoresOverSteps:
    """Scores with intervals of .02 to either side."""
    table = pd.DataFrame({"step": range(1, len(values) + 1), "score": values})
    table = table.assign(low=table["score"] - 0.02, high=table["score"] + 0.02)
    return ScoresOverSteps(measure="accuracy", scores=table, guessing=guessing, n=100)


def test_a_task_is_learnt_when_it_is_not_lost_again() -> None:
    assert "from step 5 on" in charts.scores_finding(scores([0.7, 0.4, 0.705, 0.5, 0.71]))
    assert "from step 2 on; from step 3 on" in charts.scores_finding(scores([0.5, 0.8, 0.9, 0.9]))
    assert "not told from guessing" in charts.scores_finding(scores([0.7, 0.61]))


def test_paths_keep_the_distances_that_their_plane_holds(labels: LabelsOverSteps) -> None:
    two = list(labels.labels[:2])
    table = charts.paths_table(labels, [6], two)
    assert 0 < table["share"].iloc[0] <= 1
    centres = labels.centres[6][:, :2].astype(np.float64)
    drawn = table.sort_values(["order", "label"])[["x", "y"]].to_numpy().reshape(len(labels.numbers), 2, 2)
    for at in range(len(labels.numbers)):
        away = np.linalg.norm(centres[at, 0] - centres[at, 1])
        assert np.linalg.norm(drawn[at, 0] - drawn[at, 1]) <= away + 1e-6
        for one in (0, 1):  # what is said of a way is the whole of it, and not what the plane shows
            moved = np.linalg.norm(centres[at, one] - centres[0, one])
            said = table[(table["order"] == at) & (table["label"] == two[one])]["moved"].iloc[0]
            assert said == pytest.approx(moved)
    closest = charts.closest_labels(labels)
    assert len(closest) == 3
    assert set(closest) <= set(labels.labels)


def test_crowding_beside_a_step_is_between_its_bounds(layers: LayersOverSteps) -> None:
    held = layers.measures[layers.measures["measure"] == CROWDED]
    assert held["value"].between(-1, 1).all()


def test_cancelled_it_stops(made: Lab) -> None:
    from core.analyses.dynamics import compute
    from core.errors import Cancelled

    inputs = {"base": made.peek(BASE), **{f"step.{at}": made.peek(one) for at, one in enumerate(STEPS)}}
    with pytest.raises(Cancelled):
        compute(LAYERS, inputs, Quiet(stop_after=2))
