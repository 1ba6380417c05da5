"""Grafts: all of one side is that side to the bit, parts lie where they are said to lie, and what is refused."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from core.analyses.compress import Compress
from core.analyses.embed import Embed, Embeddings
from core.analyses.fine_tune import FineTune, Snapshot, TunedCheckpoint, asked_again
from core.analyses.goals import prepared
from core.analyses.graft import LARGEST, Graft, Grown, shares_said, write_graft
from core.analyses.grafts import ADD, WAYS, Grafts, GraftScores, _upward
from core.charts import grafts as charts
from core.errors import CheckpointDamaged, IncompatibleRefs, SpecInvalid
from core.keys import key_of
from core.lab import Lab
from core.maths.statistics import Estimate
from core.models.changes import Changes, changes_file, write_changes
from core.models.checkpoints import backbone_class, load_weights, place, shape
from core.models.grafting import Added, grafted, part_of
from core.models.weights import stored_tensors
from core.refs import Folder, Packaged, RandomWeights, Sample, Suite, Surgery
from tests.copies import a_copy
from tests.golden.test_families import CONFIGS
from tests.golden.test_families import made as made_of
from tests.quiet import Quiet
from tests.small import SAMPLE, STEPPED, TUNE

SMALL = Compress(of=TUNE)
N_PARTS = 7
PARTLY = Graft(of=TUNE, shares=(0, 0, 0, 0, 1, 1, 1))


@pytest.fixture(scope="module")
def made(made: Lab, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The small comparison, to be added to."""
    return a_copy(made, tmp_path_factory.mktemp("own"))


def share(all_parts: float, of: Grown = TUNE) -> Graft:
    """The same share everywhere."""
    return Graft(of=of, shares=(all_parts,) * N_PARTS)


def layers(lab: Lab, checkpoint: object) -> list[np.ndarray]:
    """Every state of some sentences."""
    held: Embeddings = lab.run(Embed(checkpoint=checkpoint, sample=SAMPLE.replace(n=8)))  # type: ignore[arg-type]
    return [np.array(layer) for layer in held.layers]


def changed(lab: Lab, spec: Grown | Graft) -> dict[str, torch.Tensor]:
    """What a checkpoint's file holds."""
    held: TunedCheckpoint = lab.run(spec)
    return load_file(changes_file(held.changes, None))


@pytest.mark.parametrize("of", [TUNE, SMALL], ids=["whole", "low rank"])
def test_all_of_the_tuning_is_the_tuned_checkpoint_and_none_of_it_the_base_to_the_bit(made: Lab, of: Grown) -> None:
    for graft, side in ((share(1, of), of), (share(0, of), Packaged())):
        for one, other in zip(layers(made, graft), layers(made, side), strict=True):
            np.testing.assert_array_equal(one, other)
    whole, tuned = made.run(share(1, of)), made.run(of)
    assert whole.answers.equals(tuned.answers)
    assert whole.score == tuned.score


def test_a_graft_is_the_base_up_to_its_seam_and_differs_above(made: Lab) -> None:
    base, graft = layers(made, Packaged()), layers(made, PARTLY)
    for layer in range(N_PARTS):
        assert np.array_equal(base[layer], graft[layer]) == (layer < 4)


def test_a_share_is_that_share_of_the_way_of_every_weight(made: Lab) -> None:
    folder = made.run(TUNE).changes
    whole = grafted(
        packaged_folder(), [Added(Changes(changes_file(folder, None)), [1.0] * N_PARTS)], check=lambda: None
    )[0]
    for scale in (-1.0, 0.25, 2.0):
        some, _ = grafted(
            packaged_folder(), [Added(Changes(changes_file(folder, None)), [scale] * N_PARTS)], check=lambda: None
        )
        known = stored_tensors(packaged_folder())
        assert some.keys() == whole.keys()
        for name, tensor in some.items():
            short = name.removeprefix("backbone/")
            if name.startswith("head/") or short.startswith("pooler"):
                assert torch.equal(tensor, whole[name])  # the head is no part of the graft
                continue
            before = read(known[short])
            assert torch.allclose(tensor, before + scale * (whole[name] - before), atol=1e-7)


def packaged_folder() -> Path:
    """Of the packaged base."""
    from core.models.checkpoints import locate

    return locate(Packaged())


def read(where: tuple[Path, str]) -> torch.Tensor:
    """A tensor of a file."""
    with safe_open(where[0], framework="pt") as file:
        found: torch.Tensor = file.get_tensor(where[1])
    return found.float()


def test_what_two_tunings_add_up_to_does_not_depend_on_which_comes_first(made: Lab, lab: Lab) -> None:
    shutil.copytree(made.store.settings.cache, lab.store.settings.cache, dirs_exist_ok=True)
    ones = (1.0,) * N_PARTS
    first = Graft(of=TUNE, shares=ones, other=STEPPED, other_share=1.0)
    second = Graft(of=STEPPED, shares=ones, other=TUNE, other_share=1.0)
    for one, other in zip(layers(lab, first), layers(lab, second), strict=True):
        np.testing.assert_allclose(one.astype(np.float64), other.astype(np.float64), atol=2e-3)  # float16 as stored
    none = Graft(of=TUNE, shares=(0.0,) * N_PARTS, other=STEPPED, other_share=1.0)
    for one, other in zip(layers(lab, none), layers(lab, STEPPED), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (
        not lab.run(first).answers["confidence"].equals(lab.run(second).answers["confidence"])
    )  # the heads are their own


def test_a_step_of_a_run_can_be_grafted(made: Lab, lab: Lab) -> None:
    shutil.copytree(made.store.settings.cache, lab.store.settings.cache, dirs_exist_ok=True)
    step = Snapshot(run=STEPPED, step=3)
    for one, other in zip(layers(lab, share(1, step)), layers(lab, step), strict=True):
        np.testing.assert_array_equal(one, other)
    assert lab.run(share(1, step)).n_steps == 3
    assert lab.run(share(1, STEPPED)).n_steps == STEPPED.n_steps


def test_of_a_low_rank_change_a_graft_stays_small(made: Lab) -> None:
    whole, small = (made.run(share(0.5, of)).n_bytes for of in (TUNE, SMALL))
    assert small < 0.1 * whole
    assert not any("@" not in name and name.startswith("backbone/encoder") and "weight" in name and "Norm" not in name
                   for name in changed(made, share(0.5, SMALL)))  # fmt: skip


@pytest.mark.parametrize("family", list(CONFIGS))
def test_in_every_family_each_weight_belongs_to_one_part(family: str, tmp_path: Path) -> None:
    made_of(family, tmp_path / "checkpoint")
    model = load_weights(backbone_class(tmp_path / "checkpoint"), tmp_path / "checkpoint")
    n_blocks = shape(place(Folder.at(tmp_path / "checkpoint"))).n_blocks
    parts = {name: part_of(name) for name in stored_tensors(tmp_path / "checkpoint")}
    assert {part for part in parts.values() if part is not None} == set(range(n_blocks + 1)), sorted(parts)
    words = model.get_input_embeddings().weight
    named = next(name for name, one in model.named_parameters() if one is words)
    assert parts[named] == 0
    for name, part in parts.items():
        inside = [int(piece) for piece in name.split(".") if piece.isdigit()]
        if part is None:  # heads read through it: it stands above all blocks, and is a norm or a pooler
            assert not inside
            assert "norm" in name.lower() or "pooler" in name or "ln_f" in name
        elif part:
            assert part in {at + 1 for at in inside}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("decoder.project_in.weight", 0),
        ("decoder.project_out.weight", None),
        ("encoder.relative_attention_bias.weight", 0),
        ("encoder.LayerNorm.weight", 0),
        ("encoder.conv.conv.weight", 0),
        ("decoder.final_layer_norm.bias", None),
        ("norm.weight", None),
    ],
)
def test_what_lies_outside_the_blocks_is_below_or_above_them(name: str, part: int | None) -> None:
    assert part_of(name) == part


def test_a_family_that_does_not_say_where_its_weights_lie_is_refused() -> None:
    with pytest.raises(IncompatibleRefs, match="not known of this family"):
        part_of("attentions.0.q_lin.weight")  # XLM keeps its blocks' parts in lists of their own


@pytest.mark.parametrize("way", ["Base below, tuned above", "Scale the change"])
def test_scores_of_a_row_of_grafts_begin_and_end_at_the_two_sides(made: Lab, way: str) -> None:
    spec = Grafts(of=TUNE, way=way, n=20)
    found: GraftScores = made.peek(spec)
    held = found.scores.set_index("at")
    grafts = spec.grafts()
    assert list(held.index) == list(grafts) == list(WAYS[way].places(N_PARTS))
    assert held.loc[found.intact, "same"] == 1
    assert found.differences[list(held.index).index(found.intact)] is None
    assert set(grafts[found.intact].shares) == {1.0}
    # The whole run on the same twenty examples, by the way that shares no code with grafts.
    run = made.run(spec.run.replace(dev=spec.run.dev))
    assert held.loc[found.intact, "score"] == pytest.approx(run.score.value)
    assert found.n == 20
    for at, one in zip(held.index, found.differences, strict=True):
        if one is not None:
            assert one.value == pytest.approx(held.loc[at, "score"] - held.loc[found.intact, "score"])
            assert one.low <= one.value <= one.high


@pytest.mark.parametrize("way", ["Base below, tuned above", "Tuned below, base above"])
def test_grafts_in_a_row_are_those_grafts(made: Lab, tmp_path: Path, way: str) -> None:
    """States are handed from one network to the other; weights put together must say the same, answer by answer."""
    spec = Grafts(of=TUNE, way=way, n=20)
    run, inputs, task = Quiet(), {"of": made.run(TUNE)}, prepared(spec.run)
    grafts = spec.grafts()
    seamed = _upward(spec, grafts, inputs, task, tmp_path / "one.safetensors", run)
    assert list(seamed) == list(grafts)
    for at, graft in grafts.items():
        write_graft(graft, inputs, tmp_path / "one.safetensors", run)
        put_together = asked_again(TUNE, task, tmp_path / "one.safetensors", run).answers  # type: ignore[arg-type]
        np.testing.assert_allclose(seamed[at].answers["confidence"], put_together["confidence"], atol=1e-5)
        assert (seamed[at].answers["guess"] == put_together["guess"]).mean() >= 0.95  # but for ties


@pytest.mark.parametrize("way", list(WAYS))
def test_every_place_has_a_share_for_every_part_and_one_is_intact(way: str) -> None:
    places = WAYS[way].places(N_PARTS)
    assert all(len(shares) == N_PARTS for shares in places.values())
    assert set(places[WAYS[way].intact(N_PARTS)]) == {1.0}
    assert WAYS[way].intact(N_PARTS) in places


@pytest.mark.parametrize("way", ["Base below, tuned above", "Scale the change", ADD])
def test_a_finding_names_what_the_table_has(made: Lab, way: str) -> None:
    found: GraftScores = made.peek(Grafts(of=TUNE, way=way, n=20, other=SMALL if way == ADD else None))
    table = charts.grafts_table(found)
    assert list(table["n"].unique()) == [20]
    assert table.loc[table["at"] == found.intact, "difference_is_noise"].all()
    assert "Intact" in charts.finding(found, WAYS[way])


def scored(**shifts: float) -> GraftScores:
    """Scores of .8 at every place but for some, each told from what it is held against."""
    at = list(WAYS["One part back"].places(3))
    scores = [0.8 + shifts.get(f"at_{one}", 0.0) for one in at]
    sure = [None if one == 0.8 else Estimate(one - 0.8, one - 0.81, one - 0.79, 0.001, 99, 20) for one in scores]
    table = pd.DataFrame({"at": at, "score": scores, "low": scores, "high": scores, "same": 1.0})
    return GraftScores(
        measure="accuracy",
        scores=table,
        differences=tuple(sure),
        gains=tuple(sure),
        intact="none",
        bare="",
        guessing=0.5,
        n=99,
    )


def test_what_helps_is_not_called_missed_and_what_is_not_told_apart_is_not_called_equal() -> None:
    way = WAYS["One part back"]
    assert "No place can be told from the intact network" in charts.finding(scored(), way)
    said = charts.finding(scored(at_0=0.1, at_1=-0.1), way)
    assert "Better than intact, beyond the noise: 0." in said
    assert "Worse than intact, beyond the noise: 1." in said


def test_what_a_part_does_by_itself_is_held_against_the_base(made: Lab) -> None:
    found: GraftScores = made.run(Grafts(of=TUNE, way="One part alone", n=20))
    held = dict(zip(found.scores["at"], found.scores["score"], strict=True))
    for at, one in zip(found.scores["at"], found.gains, strict=True):
        if one is not None:
            assert one.value == pytest.approx(held[at] - held[found.bare])
    assert found.gains[list(held).index(found.bare)] is None
    way = WAYS["One part alone"]
    same = replace(scored(), intact="all", bare="none", scores=scored().scores.assign(at=["none", "0", "1", "all"]))
    assert "Nothing less than all of it gains" in charts.finding(same, way)


def test_a_run_that_began_from_other_weights_has_no_change_to_graft() -> None:
    with pytest.raises(SpecInvalid, match="did not begin from the base"):
        Graft(of=TUNE.replace(surgery=Surgery(reset=(5,))), shares=(1,) * 7)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ((0, 0, 0, 0, 1, 1, 1), "base up to layer 3"),
        ((1, 1, 0, 0, 0, 0, 0), "tuned up to layer 1"),
        ((1, 1, 0, 1, 1, 1, 1), "part 2 back to the base"),
        ((0, 0, 0, 0, 0, 1, 0), "part 5 tuned alone"),
        ((0.5,) * 7, "change × 0.5"),
        ((0,) * 7, "base"),
        ((0, 1, 0, 1, 0, 1, 0.5), "shares 0 1 0 1 0 1 0.5"),
    ],
)
def test_a_graft_is_called_by_what_was_done(shares: tuple[float, ...], said: str) -> None:
    assert shares_said(Graft(of=TUNE, shares=shares).shares) == said


def test_a_graft_is_a_checkpoint_that_pickers_offer(made: Lab) -> None:
    made.run(PARTLY)
    named = {one.id: one.name for one in made.checkpoints()}
    assert named[key_of(PARTLY)[:10]].endswith("graft: base up to layer 3")


OTHER_BASE = TUNE.replace(checkpoint=TUNE.checkpoint.replace(name="another"))


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Graft(of=TUNE, shares=(LARGEST + 1,) * 7), SpecInvalid, "beyond 4"),
        (lambda: Graft(of=TUNE, shares=(1,) * 7, other=SMALL), SpecInvalid, "one is missing"),
        (lambda: Graft(of=TUNE, shares=(1,) * 7, other_share=1.0), SpecInvalid, "one is missing"),
        (lambda: Graft(of=TUNE, shares=(1,) * 7, other=OTHER_BASE, other_share=1.0), IncompatibleRefs, "another base"),
        (lambda: Grafts(of=TUNE, way="sideways"), SpecInvalid, "no such way"),
        (lambda: Grafts(of=TUNE, way=ADD), SpecInvalid, "needs one"),
        (lambda: Grafts(of=TUNE, other=SMALL), SpecInvalid, "needs one"),
        (lambda: Grafts(of=TUNE, way=ADD, other=TUNE), SpecInvalid, "same checkpoint"),
        (lambda: Grafts(of=TUNE, way=ADD, other=OTHER_BASE), IncompatibleRefs, "another base"),
        (lambda: Grafts(of=TUNE, n=-1), SpecInvalid, "Negative"),
    ],
)  # fmt: skip
def test_what_makes_no_graft_is_refused(make, error: type[Exception], says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=says):
        make()


def test_a_graft_of_another_number_of_parts_is_refused(made: Lab) -> None:
    with pytest.raises(SpecInvalid, match="embeddings and 6 blocks"):
        made.run(Graft(of=TUNE, shares=(1, 1)))


def test_a_step_that_was_not_kept_is_refused() -> None:
    with pytest.raises(SpecInvalid, match="It keeps: 0, 2, 3"):
        Snapshot(run=STEPPED, step=4)


def test_weights_that_are_no_numbers_are_named(made: Lab, tmp_path: Path) -> None:
    held = load_file(changes_file(made.run(TUNE).changes, None))
    name = next(name for name in held if "layer.3" in name and "@" not in name)
    held[name] = torch.full_like(held[name], float("nan"))
    save_file(held, tmp_path / "final.safetensors")
    with pytest.raises(CheckpointDamaged, match="not numbers"):
        grafted(
            packaged_folder(), [Added(Changes(tmp_path / "final.safetensors"), [1.0] * N_PARTS)], check=lambda: None
        )


def test_a_change_of_what_the_start_does_not_have_is_named(tmp_path: Path) -> None:
    write_changes(tmp_path / "final.safetensors", {}, {"backbone/encoder.layer.9.x.weight": torch.ones(2, 2)}, {})
    with pytest.raises(CheckpointDamaged, match="no such tensor"):
        grafted(packaged_folder(), [Added(Changes(tmp_path / "final.safetensors"), [0.5] * 11)], check=lambda: None)


def test_random_weights_have_no_head_to_graft() -> None:
    with pytest.raises(SpecInvalid):
        Graft(of=RandomWeights(of=Packaged()), shares=(1,) * 7)  # type: ignore[arg-type]


def test_grafts_work_for_other_goals(lab: Lab) -> None:
    reader = FineTune(
        checkpoint=Packaged(), train=Sample(of=Suite(split="train"), n=24), dev=Sample(of=Suite(split="dev"), n=12),
        label="relation", unit="word", goal="tree", epochs=1, batch_size=8,
    )  # fmt: skip
    found: GraftScores = lab.run(Grafts(of=reader, way="One part alone"))
    assert found.intact == "all"
    assert found.scores.set_index("at").loc["all", "score"] == pytest.approx(lab.run(reader).score.value)
    below: GraftScores = lab.run(Grafts(of=reader))
    held = [one.scores.set_index("at")["score"] for one in (found, below)]
    assert held[1]["none"] == pytest.approx(held[0]["all"])
    assert held[1]["6"] == pytest.approx(held[0]["none"], abs=0.02)  # all base: words whose heads tie may turn
