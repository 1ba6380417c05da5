"""Neurons held still in a running network: nothing held changes nothing, all held gives one answer, planted ones are missed."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from core.analyses.fine_tune import FineTune
from core.analyses.neuron_ablation import DRAWS, SHARES, NeuronAblation, NeuronAblations, _held, compute
from core.analyses.neurons import Neurons
from core.charts import neurons
from core.errors import SpecInvalid
from core.lab import Lab
from core.models.checkpoints import backbone_class, load_weights
from core.models.hooks import editing_layers, reading_layers
from core.refs import Packaged
from tests.golden.test_families import CONFIGS, DEPTH
from tests.golden.test_families import made as made_of
from tests.quiet import Quiet
from tests.small import BASE, TUNED

SPEC = NeuronAblation(of=Neurons(embed=TUNED, label="upos", n_seeds=2))
INPUTS = {"input_ids": torch.tensor([[5, 6, 7, 8], [9, 5, 6, 7]]), "attention_mask": torch.ones(2, 4, dtype=torch.long)}


@pytest.fixture(scope="module")
def found(made: Lab) -> NeuronAblations:
    held: NeuronAblations | None = made.peek(SPEC)
    assert held is not None
    return held


@pytest.mark.parametrize("family", list(CONFIGS))
def test_in_every_family_an_edit_is_what_the_next_block_reads(family: str, tmp_path: Path) -> None:
    made_of(family, tmp_path / "checkpoint")
    model = load_weights(backbone_class(tmp_path / "checkpoint"), tmp_path / "checkpoint").eval()
    asked: list[tuple[int, tuple[int, ...]]] = []

    def nothing(layer: int, hidden: torch.Tensor) -> torch.Tensor:
        asked.append((layer, tuple(hidden.shape[:2])))
        return hidden

    def read() -> list[torch.Tensor]:
        states: list[torch.Tensor] = []
        with reading_layers(model, DEPTH, lambda layer, hidden: states.append(hidden.clone())), torch.inference_mode():
            model(**INPUTS)
        return states

    whole = read()
    with editing_layers(model, DEPTH, nothing):
        same = read()
    assert asked == [(layer, (2, 4)) for layer in range(DEPTH + 1)]
    for one, other in zip(whole, same, strict=True):
        assert torch.equal(one, other)

    def one_layer(layer: int, hidden: torch.Tensor, at: int) -> torch.Tensor:
        return torch.zeros_like(hidden) if layer == at else hidden

    for at in range(DEPTH + 1):
        with editing_layers(model, DEPTH, partial(one_layer, at=at)):
            edited = read()
        # Reading hooks were put on later: they see what was edited; below nothing has changed.
        for layer in range(at):
            assert torch.equal(edited[layer], whole[layer])
        assert not edited[at].any()
        if at < DEPTH:
            assert not torch.equal(edited[-1], whole[-1])
    for one, other in zip(whole, read(), strict=True):  # hooks are off again
        assert torch.equal(one, other)


@pytest.mark.parametrize("mode", ["zero", "mean", "resample"])
def test_only_the_named_neurons_are_held_and_the_state_given_is_left_alone(mode: str) -> None:
    hidden = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0))
    before = hidden.clone()
    means = [np.zeros(8), np.arange(8.0)]
    still = {1: np.array([2, 5])}
    edit = partial(_held, still=still, means=means, mode=mode, drawn=np.random.default_rng(0))
    assert edit(0, hidden) is hidden
    edited = edit(1, hidden)
    assert torch.equal(hidden, before)
    others = [0, 1, 3, 4, 6, 7]
    assert torch.equal(edited[..., others], hidden[..., others])
    if mode == "zero":
        assert not edited[..., [2, 5]].any()
    elif mode == "mean":
        assert torch.equal(edited[..., [2, 5]], torch.tensor([2.0, 5.0]).expand(3, 5, 2))
    else:  # the same values, of other pieces; both of a piece together
        pairs = {tuple(pair) for pair in hidden[..., [2, 5]].reshape(-1, 2).tolist()}
        assert {tuple(pair) for pair in edited[..., [2, 5]].reshape(-1, 2).tolist()} == pairs
        assert not torch.equal(edited, hidden)


def test_sets_of_every_size_are_scored_and_the_whole_network_is_its_run(found: NeuronAblations, made: Lab) -> None:
    table = found.scores
    assert len(table) == SPEC.n_passes == 1 + (len(SHARES) - 1) * (2 + DRAWS)
    whole = table[table["share"] == 0].iloc[0]
    run = made.peek(TUNED.checkpoint)
    assert whole["score"] == found.intact == run.score.value
    assert whole["same"] == 1.0
    for share, own in table.groupby("share"):
        assert (own["n_neurons"] == round(share * 7 * 384)).all()
    assert table["same"].between(0, 1).all()
    assert found.n == len(run.answers)


def test_a_network_that_is_held_still_as_a_whole_says_one_thing(made: Lab) -> None:
    from core.analyses.goals import prepared
    from core.analyses.head_answers import speaker

    inputs = {"embed": made.peek(TUNED.checkpoint)}
    model, says = speaker(TUNED.checkpoint, inputs, "embed", Quiet())
    dev = prepared(TUNED.checkpoint).lesson.dev
    everything = {layer: np.arange(384) for layer in range(7)}
    means = [np.zeros(384)] * 7
    edit = partial(_held, still=everything, means=means, mode="zero", drawn=np.random.default_rng(0))
    with editing_layers(model.base_model, 6, edit):
        said = says(dev)
    assert len(set(said.guess.tolist())) == 1
    assert len(set(says(dev).confidence.round(6).tolist())) > 1  # and afterwards it runs as before


def test_the_same_neurons_held_the_same_way_give_the_same_answers(made: Lab, found: NeuronAblations) -> None:
    inputs = {name: made.peek(one) for name, one in SPEC.dependencies().items()}
    again = compute(SPEC, inputs, Quiet())
    assert again.scores.equals(found.scores)


def test_random_sets_are_drawn_as_a_band_and_start_from_the_whole(found: NeuronAblations) -> None:
    table = neurons.without_table(found)
    for gone, own in table.groupby("gone"):
        assert own["share"].tolist() == list(SHARES), gone
        assert own.iloc[0]["score"] == found.intact
    random = found.scores[(found.scores["gone"] == "random") & (found.scores["share"] == 0.1)]
    row = table[(table["gone"] == "random") & (table["share"] == 0.1)].iloc[0]
    assert (row["low"], row["high"]) == (random["score"].min(), random["score"].max())
    assert row["score"] == pytest.approx(random["score"].mean())


def test_a_finding_needs_more_than_random_sets_lose(found: NeuronAblations) -> None:
    def with_top(score: float) -> str:
        table = found.scores.copy()
        for column, value in (("score", 0.8), ("low", 0.78), ("high", 0.82)):
            table.loc[table["gone"] == "random", column] = value
        for column, shift in (("score", 0.0), ("low", -0.01), ("high", 0.01)):
            table.loc[table["gone"] == "top", column] = score + shift
        return neurons.without_finding(
            NeuronAblations(measure="accuracy", scores=table, intact=0.9, majority=0.5, n=100)
        )

    assert "misses them more" in with_top(0.6)
    assert "no more is lost than with random ones" in with_top(0.8)
    assert "misses them less" in with_top(0.9)


def test_a_checkpoint_without_a_head_for_labels_is_refused() -> None:
    with pytest.raises(SpecInvalid, match="no head that was tuned here"):
        NeuronAblation(of=Neurons(embed=BASE, label="upos"))
    numbers = FineTune(
        checkpoint=Packaged(), train=TUNED.checkpoint.train, dev=TUNED.checkpoint.dev, label="tree depth", goal="number"
    )
    with pytest.raises(SpecInvalid, match="tuned to give a number"):
        NeuronAblation(of=Neurons(embed=TUNED.replace(checkpoint=numbers), label="upos"))
    with pytest.raises(SpecInvalid, match="no ranking"):
        NeuronAblation(of=SPEC.of, ranking="beauty")
