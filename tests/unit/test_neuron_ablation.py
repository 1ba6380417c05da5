"""Neurons held still in a running network: nothing held changes nothing, all held gives one answer, planted ones are missed."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from core.analyses.fine_tune import FineTune
from core.analyses.goals import prepared
from core.analyses.head_answers import speaker
from core.analyses.neuron_ablation import DRAWS, SHARES, NeuronAblation, NeuronAblations, _new_to, compute, held_places
from core.analyses.neurons import LINEAR, Neurons, NeuronScores
from core.analyses.probe import splits_of
from core.analyses.units import labelled_rows
from core.charts import neurons
from core.data.load import load_sample
from core.errors import NotEnoughData, SpecInvalid
from core.lab import Lab
from core.models.checkpoints import backbone_class, load_weights
from core.models.hooks import editing_layers, reading_layers
from core.models.stillness import held_still, measuring
from core.refs import Packaged
from tests.golden.test_families import CONFIGS, DEPTH
from tests.golden.test_families import made as made_of
from tests.quiet import Quiet
from tests.small import BASE, SAMPLE, TUNED

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


@pytest.fixture(scope="module")
def speaking(made: Lab):  # type: ignore[no-untyped-def]
    """The tuned network with its head, and how it is asked of its dev examples."""
    model, says = speaker(TUNED.checkpoint, {"embed": made.peek(TUNED.checkpoint)}, "embed", Quiet())
    dev = prepared(TUNED.checkpoint).lesson.dev
    return model, lambda: says(dev)


def states_of(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """Every layer's state in one pass."""
    found: list[torch.Tensor] = []
    with (
        reading_layers(model.base_model, 6, lambda layer, hidden: found.append(hidden.clone())),  # type: ignore[arg-type]
        torch.inference_mode(),
    ):
        model(**batch)
    return found


BATCH = {
    "input_ids": torch.tensor([[101, 2023, 2003, 2204, 102], [101, 2204, 102, 0, 0]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
}


def test_means_are_those_of_real_pieces_and_of_first_ones_by_themselves(speaking: tuple) -> None:
    model, _ = speaking
    with measuring(model) as means:
        whole = states_of(model, BATCH)
        states_of(model, {name: one[:1] for name, one in BATCH.items()})  # the first sentence once more
    again = states_of(model, {name: one[:1] for name, one in BATCH.items()})
    for layer, state in enumerate(whole):
        first = torch.cat([state[:, 0], again[layer][:, 0]])
        others = torch.cat([state[0, 1:], state[1, 1:3], again[layer][0, 1:]])  # no padding
        torch.testing.assert_close(means.first[layer], first.mean(dim=0), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(means.others[layer], others.mean(dim=0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", ["zero", "mean", "resample"])
def test_only_the_named_neurons_are_held_and_all_below_is_as_it_was(speaking: tuple, mode: str) -> None:
    model, _ = speaking
    with measuring(model) as means:
        whole = states_of(model, BATCH)
    with held_still(model, {2: np.array([3, 9])}, mode, means, seed=1):  # type: ignore[arg-type]
        held = states_of(model, BATCH)
    for layer in (0, 1):
        assert torch.equal(held[layer], whole[layer])
    others = [j for j in range(384) if j not in (3, 9)]
    assert torch.equal(held[2][..., others], whole[2][..., others])
    real = BATCH["attention_mask"].bool()
    found = held[2][..., [3, 9]]
    if mode == "zero":
        assert not found.any()
    elif mode == "mean":
        torch.testing.assert_close(found[:, 0], means.first[2][[3, 9]].expand(2, 2))
        torch.testing.assert_close(found[:, 1:], means.others[2][[3, 9]].expand(2, 4, 2))
    else:  # the same values, of other real pieces of the same kind; both of a piece together, and none of the padding
        for kind in (slice(0, 1), slice(1, None)):
            before, after = (
                sorted(map(tuple, state[..., [3, 9]][:, kind][real[:, kind]].tolist())) for state in (whole[2], held[2])
            )
            assert before == after
        assert not torch.equal(held[2], whole[2])
        assert torch.equal(held[2][~real], whole[2][~real])
    assert not torch.equal(held[3], whole[3])
    for one, other in zip(whole, states_of(model, BATCH), strict=True):  # and afterwards it runs as before
        assert torch.equal(one, other)


def test_sets_of_every_size_are_scored_beside_random_ones_of_the_same_layers(found: NeuronAblations, made: Lab) -> None:
    table = found.scores
    assert len(table) == SPEC.n_passes == 1 + (len(SHARES) - 1) * (2 + DRAWS)
    whole = table[table["share"] == 0].iloc[0]
    assert whole["score"] == found.intact
    assert whole["same"] == 1.0
    for share, own in table.groupby("share"):
        assert (own["n_neurons"] == round(share * 7 * 384)).all()
    assert table["same"].between(0, 1).all()
    assert found.n + found.n_seen == len(made.peek(TUNED.checkpoint).answers)
    scores: NeuronScores = made.peek(SPEC.of)
    for share in SHARES[1:]:
        top = {layer: len(units) for layer, units in held_places(scores, LINEAR, "top", 0, share).items()}
        drawn = [held_places(scores, LINEAR, "random", draw, share) for draw in range(2)]
        for one in drawn:
            assert {layer: len(units) for layer, units in one.items()} == top
            assert all(len(set(units.tolist())) == len(units) for units in one.values())
        assert any(not np.array_equal(drawn[0][layer], drawn[1][layer]) for layer in top)


def test_only_dev_examples_that_the_ranking_has_not_seen_are_scored(made: Lab) -> None:
    words = made.peek(TUNED)
    dev = prepared(TUNED.checkpoint).lesson.dev
    new = _new_to(SPEC.of, words, dev)
    train, _ = splits_of(labelled_rows(load_sample(SAMPLE), words, "word", "upos").group, 2)[0]
    texts = load_sample(SAMPLE).texts
    seen = {texts[i] for i in set(words.sentence[train].tolist())}
    assert [text not in seen for text in dev.texts] == new.tolist()
    with pytest.raises(NotEnoughData, match="new to the ranking"):
        _new_to(SPEC.of, words, dev.pick([i for i in range(len(dev)) if not new[i]] or [0]))


def test_a_network_that_is_held_still_as_a_whole_says_one_thing(speaking: tuple) -> None:
    model, says = speaking
    with measuring(model) as means:
        before = says()
    with held_still(model, {layer: np.arange(384) for layer in range(7)}, "mean", means):
        said = says()
    assert len(set(said.guess.tolist())) == 1
    assert np.ptp(said.confidence) < 1e-5
    np.testing.assert_array_equal(says().confidence, before.confidence)


def test_the_same_neurons_held_the_same_way_give_the_same_answers(made: Lab, found: NeuronAblations) -> None:
    inputs = {name: made.peek(one) for name, one in SPEC.dependencies().items()}
    again = compute(SPEC, inputs, Quiet())
    assert again.scores.equals(found.scores)


def test_the_band_of_random_sets_is_where_one_more_would_lie(found: NeuronAblations) -> None:
    table = neurons.without_table(found)
    for gone, own in table.groupby("gone"):
        assert own["share"].tolist() == list(SHARES), gone
        assert own.iloc[0]["score"] == found.intact
    random = found.scores[(found.scores["gone"] == "random") & (found.scores["share"] == 0.1)]["score"]
    row = table[(table["gone"] == "random") & (table["share"] == 0.1)].iloc[0]
    assert row["score"] == pytest.approx(random.mean())
    reach = 2.262157 * random.std() * np.sqrt(1 + 1 / DRAWS)  # t of 9 degrees of freedom
    assert (row["low"], row["high"]) == pytest.approx((random.mean() - reach, random.mean() + reach))


def test_a_finding_needs_more_than_random_sets_lose(found: NeuronAblations) -> None:
    def with_top(score: float) -> str:
        table = found.scores.copy()
        is_random = table["gone"] == "random"
        table.loc[is_random, "score"] = 0.8 + 0.01 * (table.loc[is_random, "draw"] - 4.5) / 4.5
        for column, shift in (("score", 0.0), ("low", -0.01), ("high", 0.01)):
            table.loc[table["gone"] == "top", column] = score + shift
        return neurons.without_finding(
            NeuronAblations(measure="accuracy", scores=table, intact=0.9, majority=0.5, n=100, n_seen=0)
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
