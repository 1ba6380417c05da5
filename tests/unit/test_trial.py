"""Trials: nothing operated on is plain tuning to the bit; what is reset, frozen, shuffled or left out is that and no more."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from core.analyses.fine_tune import compute as tune
from core.analyses.trial import Trial, compute
from core.errors import SpecInvalid
from core.lab import Lab
from core.maths.trees import best_tree
from core.models.changes import changes_file
from core.models.checkpoints import load_weights, locate
from core.models.heads import AnswerHead, Head, LabelHead, TreeHead
from core.models.hooks import blocks
from core.models.sources import Source, encoder
from core.models.surgery import operate
from core.refs import Packaged, Surgery
from tests.golden.test_families import CONFIGS, DEPTH
from tests.golden.test_families import made as made_of
from tests.quiet import Quiet
from tests.small import TUNE


class Here(Quiet):
    """A run in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder


@pytest.fixture(scope="module")
def start() -> PreTrainedModel:
    return load_weights(AutoModelForSequenceClassification, locate(Packaged()))


@pytest.fixture
def model(start: PreTrainedModel) -> PreTrainedModel:
    return copy.deepcopy(start)


def changed(model: PreTrainedModel, start: PreTrainedModel) -> set[str]:
    """Names of weights that are not as they were."""
    before = dict(start.named_parameters())
    return {name for name, now in model.named_parameters() if not torch.equal(now, before[name])}


@pytest.mark.parametrize(
    "surgery", [Surgery(), Surgery(order=tuple(range(6))), Surgery(n_kept=6)], ids=["nothing", "same order", "all kept"]
)
def test_nothing_operated_on_is_plain_tuning_to_the_bit(made: Lab, tmp_path: Path, surgery: Surgery) -> None:
    plain = made.peek(TUNE)
    tried = compute(Trial(of=TUNE, surgery=surgery), {}, Here(tmp_path))
    assert tried.answers.equals(plain.answers)
    assert tried.curve.equals(plain.curve)
    assert (tried.score, tried.majority, tried.labels) == (plain.score, plain.majority, plain.labels)
    assert not (tmp_path / "trainer").exists()


@pytest.mark.parametrize(
    "surgery",
    [Surgery(reset=(4, 5), reset_rate=5.0), Surgery(n_frozen=3), Surgery(from_scratch=True)],
    ids=["reset", "frozen", "from scratch"],
)
def test_a_trial_can_be_kept_as_a_checkpoint_that_says_the_same_to_the_bit(tmp_path: Path, surgery: Surgery) -> None:
    trial = Trial(of=TUNE.replace(train=TUNE.train.replace(n=32)), surgery=surgery)
    assert trial.kept is not None
    tried = compute(trial, {}, Here(tmp_path / "trial"))
    kept = tune(trial.kept, {}, Here(tmp_path / "kept"))
    assert kept.answers.equals(tried.answers)
    assert kept.curve.equals(tried.curve)
    # Read back as a checkpoint, frozen blocks are those of the start and reset ones are not near them.
    start = locate(Packaged())
    weights = []
    for source in (Source(folder=start), Source(folder=start, changes=changes_file(kept.changes, None))):
        with encoder(source, "cpu") as model:
            weights.append({name: one.detach().clone() for name, one in model.named_parameters()})
    before, now = weights
    lowest, highest = (
        torch.dist(now[name], before[name]) / before[name].norm()
        for name in (f"encoder.layer.{block}.attention.self.query.weight" for block in (0, 5))
    )
    assert (lowest == 0) == bool(surgery.n_frozen)
    assert (highest > 0.5) == surgery.draws


def test_a_head_alone_on_reset_blocks_keeps_the_blocks_as_they_were_drawn(tmp_path: Path) -> None:
    run = TUNE.replace(train=TUNE.train.replace(n=32), method="head", surgery=Surgery(reset=(5,)))
    kept = tune(run, {}, Here(tmp_path))
    drawn = load_weights(AutoModelForSequenceClassification, locate(Packaged()))
    operate(drawn, run.surgery, seed=run.seed)
    with encoder(Source(folder=locate(Packaged()), changes=changes_file(kept.changes, None)), "cpu") as found:
        for name, weight in found.named_parameters():
            if ".layer.5." in name:
                assert torch.equal(weight, drawn.base_model.get_parameter(name)), name


@pytest.mark.parametrize("surgery", [Surgery(n_kept=3), Surgery(order=(1, 0, 2, 3, 4, 5)), Surgery(skips_pooler=True)])
def test_what_is_another_network_than_its_start_is_tried_and_not_kept(surgery: Surgery) -> None:
    assert Trial(of=TUNE, surgery=surgery).kept is None
    with pytest.raises(SpecInvalid, match="another network"):
        TUNE.replace(surgery=surgery)


def test_without_its_pooler_a_head_reads_the_first_piece_as_it_is(model: PreTrainedModel) -> None:
    inputs = {"input_ids": torch.tensor([[101, 2023, 2003, 102]]), "attention_mask": torch.ones(1, 4, dtype=torch.long)}
    model.eval()
    with torch.inference_mode():
        states = model.base_model(**inputs, output_hidden_states=True).hidden_states
        operate(model, Surgery(n_kept=3, skips_pooler=True), seed=0)
        torch.testing.assert_close(model(**inputs).logits, model.classifier(states[3][:, 0]))


def test_a_head_that_reads_no_pooler_cannot_skip_it(tmp_path: Path) -> None:
    made_of("distilbert", tmp_path / "checkpoint")
    with pytest.raises(SpecInvalid, match="reads no pooler"):
        operate(
            load_weights(AutoModelForSequenceClassification, tmp_path / "checkpoint"),
            Surgery(skips_pooler=True),
            seed=0,
        )


@pytest.mark.parametrize(("scale", "sd", "bound"), [("bert", 0.0176, 0.04), ("tamkin-code", 0.00046, 0.0008)])
def test_reset_blocks_have_the_spread_of_their_initialiser_and_all_else_stays(
    model: PreTrainedModel, start: PreTrainedModel, scale: str, sd: float, bound: float
) -> None:
    operate(model, Surgery(reset=(1, 4), scale=scale), seed=3)  # type: ignore[arg-type]
    names = changed(model, start)
    assert names
    assert all(".layer.1." in name or ".layer.4." in name for name in names)
    for name, now in model.named_parameters():
        if name not in names:
            continue
        if "LayerNorm" in name:
            assert torch.equal(now, torch.full_like(now, 1.0 if name.endswith("weight") else 0.0))
        else:
            assert name.endswith("weight")  # biases stay
            assert now.std().item() == pytest.approx(sd, rel=0.02)
            assert now.abs().max().item() <= bound * (1 + 1e-6)
    linear = {name for name in dict(start.named_parameters()) if ".layer.1." in name and "LayerNorm" not in name}
    assert {name for name in linear if name.endswith("weight")} <= names


def test_norms_are_kept_where_that_is_asked_and_a_seed_means_the_same_weights(
    start: PreTrainedModel, model: PreTrainedModel
) -> None:
    operate(model, Surgery(reset=(0,), keeps_norms=True), seed=1)
    assert not any("LayerNorm" in name for name in changed(model, start))
    again, other = copy.deepcopy(start), copy.deepcopy(start)
    torch.manual_seed(99)
    operate(again, Surgery(reset=(0,), keeps_norms=True), seed=1)
    operate(other, Surgery(reset=(0,), keeps_norms=True), seed=2)
    assert not changed(again, model)
    assert changed(other, model)


def test_drawing_weights_leaves_other_random_numbers_as_they_were(model: PreTrainedModel) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    operate(model, Surgery(reset=(0, 1, 2)), seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_blocks_stand_in_the_order_asked_for_or_are_left_out(model: PreTrainedModel, start: PreTrainedModel) -> None:
    inputs = {"input_ids": torch.tensor([[101, 2023, 2003, 102]]), "attention_mask": torch.ones(1, 4, dtype=torch.long)}
    model.eval()
    with torch.inference_mode():
        states = start.base_model.eval()(**inputs, output_hidden_states=True).hidden_states
        operate(model, Surgery(n_kept=2), seed=0)
        kept = model.base_model(**inputs).last_hidden_state
        torch.testing.assert_close(kept, states[2])
        none = copy.deepcopy(start).eval()
        operate(none, Surgery(n_kept=0), seed=0)
        torch.testing.assert_close(none.base_model(**inputs).last_hidden_state, states[0])
        shuffled = copy.deepcopy(start).eval()
        operate(shuffled, Surgery(order=(1, 0, 2, 3, 4, 5)), seed=0)
        layers = start.base_model.encoder.layer
        by_hand = layers[0](layers[1](states[0]))
        found = shuffled.base_model(**inputs, output_hidden_states=True).hidden_states[2]
        torch.testing.assert_close(found, by_hand[0] if isinstance(by_hand, tuple) else by_hand)


def test_frozen_blocks_and_embeddings_get_no_gradient_and_all_else_does(model: PreTrainedModel) -> None:
    operate(model, Surgery(n_frozen=2), seed=0)
    held = {name for name, one in model.named_parameters() if not one.requires_grad}
    assert {name for name in held if ".layer." not in name} == {
        name for name, _ in model.named_parameters() if ".embeddings." in name
    }
    blocks = {name.split(".layer.")[1].split(".")[0] for name in held if ".layer." in name}
    assert blocks == {"0", "1"}
    trained = {name for name, one in model.named_parameters() if one.requires_grad}
    assert any("pooler" in name for name in trained)
    assert any(name.startswith("classifier") for name in trained)


@pytest.mark.parametrize("family", [family for family in CONFIGS if family != "albert"])
def test_in_every_family_a_reset_block_is_drawn_anew_whole_and_frozen_ones_with_all_below(
    family: str, tmp_path: Path
) -> None:
    begun = made_of(family, tmp_path / "checkpoint")
    names = {id(one): name for name, one in begun.named_parameters()}
    of_block = {names[id(one)] for one in blocks(begun.base_model, DEPTH)[1].parameters()}
    reset = copy.deepcopy(begun)
    operate(reset, Surgery(reset=(1,)), seed=0)
    drawn = changed(reset, begun)
    assert drawn <= of_block
    weights = {
        name
        for name, one in begun.named_parameters()
        if one.ndim >= 2 and name in of_block and "bias" not in name and "embed" not in name
    }
    assert weights
    assert weights <= drawn
    frozen = copy.deepcopy(begun)
    operate(frozen, Surgery(n_frozen=DEPTH), seed=0)
    trained = {name for name, one in frozen.named_parameters() if one.requires_grad}
    assert not {name for name in trained if "embed" in name or "emb." in name or "wte" in name or "wpe" in name}
    assert all(any(part in name for part in ("pooler", "norm", "ln_f")) for name in trained)


@pytest.mark.parametrize("family", CONFIGS)
def test_without_any_block_a_family_runs_or_is_refused_in_words(family: str, tmp_path: Path) -> None:
    model = made_of(family, tmp_path / "checkpoint")
    try:
        operate(model, Surgery(n_kept=0), seed=0)
    except SpecInvalid as refused:
        assert "no longer runs" in str(refused) or "share one block" in str(refused)  # noqa: PT017
    else:
        with torch.no_grad():
            out = model.base_model(input_ids=torch.ones(1, 3, dtype=torch.long)).last_hidden_state
        assert out.shape == (1, 3, 32)


@pytest.mark.parametrize(
    "surgery",
    [
        Surgery(reset=(6,)),
        Surgery(n_kept=7),
        Surgery(n_frozen=7),
        Surgery(n_kept=3, reset=(3,)),
        Surgery(n_kept=3, n_frozen=4),
        Surgery(order=(1, 0)),
    ],
    ids=str,
)
def test_blocks_that_are_not_there_are_named(model: PreTrainedModel, surgery: Surgery) -> None:
    with pytest.raises(SpecInvalid, match="6 blocks"):
        operate(model, surgery, seed=0)


@pytest.mark.parametrize(
    "wrong",
    [{"reset": (1, 0)}, {"reset": (-1,)}, {"order": (0, 0, 1)}, {"n_kept": -1}, {"n_frozen": -1}, {"scale": "xavier"}],
)
def test_surgery_that_makes_no_sense_is_refused(wrong: dict) -> None:
    with pytest.raises(SpecInvalid):
        Surgery(**wrong)


def test_a_trial_needs_no_run_and_refuses_what_it_cannot_keep(made: Lab) -> None:
    assert Trial(of=TUNE).dependencies() == {}
    with pytest.raises(SpecInvalid):
        Trial(of=TUNE.replace(snapshots=(1,)))
    with pytest.raises(SpecInvalid, match="do not go together"):
        Trial(of=TUNE.replace(method="lora"), surgery=Surgery(reset=(1,)))


def test_a_reset_network_learns_less_than_a_pretrained_one(tmp_path: Path) -> None:
    run = TUNE.replace(train=TUNE.train.replace(n=256), epochs=6.0, learning_rate=1e-4)
    whole, reset = (
        compute(Trial(of=run, surgery=surgery), {}, Here(tmp_path))
        for surgery in (Surgery(), Surgery(reset=tuple(range(6))))
    )
    assert whole.score.value > reset.score.value + 0.1
    assert np.isfinite(reset.curve["loss"]).all()


def test_from_scratch_all_of_the_network_is_drawn_and_the_head_stays(
    model: PreTrainedModel, start: PreTrainedModel
) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    operate(model, Surgery(from_scratch=True), seed=4)
    assert torch.equal(torch.rand(3), expected)
    names = changed(model, start)
    assert {name for name in dict(start.named_parameters()) if name.startswith("bert.") and "weight" in name} <= names
    assert not any(name.startswith("classifier") for name in names)
    again = copy.deepcopy(start)
    operate(again, Surgery(from_scratch=True), seed=4)
    assert not changed(again, model)


@pytest.mark.parametrize("head", [LabelHead("word", ("a", "b")), TreeHead(("a", "b"), best_tree), AnswerHead("both")])
def test_from_scratch_goes_with_every_head(head: Head) -> None:
    before, model = head.fresh(locate(Packaged())), head.fresh(locate(Packaged()))
    operate(model, Surgery(from_scratch=True, resets_pooler=True), seed=0)
    drawn = {name for name in changed(model, before) if name.startswith(f"{model.base_model_prefix}.")}
    matrices = {name for name, one in model.base_model.named_parameters() if one.ndim == 2}
    assert {f"{model.base_model_prefix}.{name}" for name in matrices} <= drawn


def test_the_pooler_is_drawn_where_that_is_asked_and_nothing_else(
    model: PreTrainedModel, start: PreTrainedModel
) -> None:
    operate(model, Surgery(resets_pooler=True), seed=0)
    assert changed(model, start) == {"bert.pooler.dense.weight"}


def test_reset_blocks_and_heads_learn_at_rates_of_their_own(tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    from core.models import tuning

    seen: list[dict[int, float]] = []

    def look(self: object, *_: object, **__: object) -> None:
        optimizer = self.create_optimizer()  # type: ignore[attr-defined]
        names = {id(one): name for name, one in self.model.named_parameters()}  # type: ignore[attr-defined]
        seen.append({names[id(one)]: group["lr"] for group in optimizer.param_groups for one in group["params"]})
        raise Stopped

    run = TUNE.replace(head_rate=10.0, learning_rate=1e-4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning._AtRates, "train", look)
        with pytest.raises(Stopped):
            compute(Trial(of=run, surgery=Surgery(reset=(5,), reset_rate=5.0)), {}, Here(tmp_path))
    (rates,) = seen
    assert {round(rate, 8) for name, rate in rates.items() if ".layer.5." in name} == {5e-4}
    assert {round(rate, 8) for name, rate in rates.items() if name.startswith("classifier")} == {1e-3}
    others = {rate for name, rate in rates.items() if ".layer.5." not in name and not name.startswith("classifier")}
    assert {round(rate, 8) for rate in others} == {1e-4}
