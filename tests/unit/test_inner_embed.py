"""Vectors from inside the blocks as analyses read them: numbered by block, ranked, twinned and looked at from close by."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.analyses.base import facing_layers
from core.analyses.claim import Claim
from core.analyses.embed import Embed
from core.analyses.inner_embed import InnerEmbed, read_at, states_of, why_not
from core.analyses.multiverse import DRAW, choices
from core.analyses.neuron_ablation import SHARES, NeuronAblation
from core.analyses.neuron_depth import NeuronDepth, mean_depth, n_first, of_layers
from core.analyses.neuron_profile import profile
from core.analyses.neuron_reading import NeuronReading
from core.analyses.neuron_twins import FATES, KEPT, NeuronTwins
from core.analyses.neurons import RANKINGS, Neurons, NeuronScores
from core.analyses.quantities import embeds_of
from core.charts import neuron_twins, neurons
from core.errors import IncompatibleRefs, SpecInvalid
from core.lab import Lab
from core.refs import Folder, Sample, Suite, Vectors
from core.settings import Settings
from core.store.artifacts import Store
from tests.copies import a_copy
from tests.faults import DEPTH, WIDTH, says, tiny
from tests.golden.test_families import made as made_of
from tests.small import SAMPLE, TUNE, TUNED

WIDTHS = {"mlp": 2 * WIDTH, "heads": WIDTH}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inner")


@pytest.fixture(scope="module")
def lab(place: Path) -> Lab:
    tiny("bert", place / "tiny")
    return Lab(Store(Settings(cache=place / "cache", device="cpu")), engine="none")


def read(place: Path, site: str, **changes: object) -> InnerEmbed:
    sample = Sample(of=Suite(split="dev"), n=40)
    return InnerEmbed(checkpoint=Folder.at(place / "tiny"), sample=sample, site=site, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("site", WIDTHS)
def test_blocks_are_numbered_from_one_and_rows_are_those_of_the_states(lab: Lab, place: Path, site: str) -> None:
    spec = read(place, site)
    inside, states = lab.run(spec), lab.run(Embed(checkpoint=spec.checkpoint, sample=spec.sample))
    assert inside.first_layer == 1
    assert [layer.shape[1] for layer in inside.layers] == [WIDTHS[site]] * DEPTH
    assert np.array_equal(inside.sentence, states.sentence)
    assert np.array_equal(inside.word, states.word)


@pytest.mark.parametrize("site", WIDTHS)
def test_a_checkpoint_against_itself_every_twin_is_itself(lab: Lab, place: Path, site: str) -> None:
    spec = read(place, site)
    twins = lab.run(NeuronTwins(base=spec, tuned=spec, label="upos"))
    assert twins.first_layer == 1
    assert np.array_equal(twins.match, np.tile(np.arange(WIDTHS[site]), (DEPTH, 1)))
    assert (twins.fate == FATES.index(KEPT)).all()
    assert set(neuron_twins.fates_table(twins)["layer"]) == {1, 2, 3}
    assert set(neuron_twins.rows_of_fate(twins, KEPT)["layer"]) == {1, 2, 3}
    assert "goes with itself by +1.00" in neuron_twins.twin_said(twins, DEPTH, 0)


@pytest.mark.parametrize("site", WIDTHS)
def test_ranked_neurons_are_counted_by_block_and_the_last_block_is_the_top(lab: Lab, place: Path, site: str) -> None:
    scores = lab.run(Neurons(embed=read(place, site), label="upos", n_seeds=2))
    assert scores.layers == (1, 2, 3)
    assert scores.width == WIDTHS[site]
    assert scores.orders.shape[2] == DEPTH * WIDTHS[site]
    counts = of_layers(scores, RANKINGS[0], "first tenth")
    # Of random weights the elastic net may enter fewer neurons than a tenth, or none.
    assert counts.sum(axis=1).tolist() == n_first(scores, "first tenth")
    depths = mean_depth(scores, RANKINGS[0], "first tenth")
    assert np.allclose(depths, counts @ np.array([1, 2, 3]) / 3 / np.maximum(1, counts.sum(axis=1)))
    table = neurons.living_table(scores, scores, RANKINGS[0], "first tenth")
    assert set(table["layer"]) == {1, 2, 3}
    several = neurons.several_table({"one": scores}, RANKINGS[0], "first tenth")
    assert several["layer"].tolist() == [1, 2, 3]
    assert several["depth"].to_list() == pytest.approx([1 / 3, 2 / 3, 1])
    assert neurons.ranks_of(scores, 3, 0)
    assert not neurons.ranks_of(scores, 0, 0)


def test_the_neuron_of_a_block_is_the_column_of_that_block(lab: Lab, place: Path) -> None:
    spec = read(place, "mlp")
    held = lab.run(spec)
    one = profile(spec, held, 3, 17, "upos")
    assert one.mean == pytest.approx(float(held.layers[2][:, 17].astype(float).mean()))
    for layer in (0, DEPTH + 1):
        with pytest.raises(SpecInvalid) as problem:
            profile(spec, held, layer, 17, "upos")
        says(problem, f"layer {layer}", f"layers 1 to {DEPTH}")


def test_there_is_no_layer_of_embeddings_inside_the_blocks(lab: Lab, place: Path) -> None:
    with pytest.raises(SpecInvalid) as problem:
        lab.run(Neurons(embed=read(place, "heads"), label="upos", layer=0, n_seeds=2))
    says(problem, "Layer 0 is asked for", "1 to 3")


def test_what_does_not_fit_is_refused(place: Path) -> None:
    with pytest.raises(IncompatibleRefs) as other:
        NeuronTwins(base=read(place, "mlp"), tuned=read(place, "heads"))
    says(other, "other places of the network")
    states = Embed(checkpoint=Folder.at(place / "tiny"), sample=Sample(of=Suite(split="dev"), n=40))
    with pytest.raises(IncompatibleRefs):
        NeuronTwins(base=states, tuned=read(place, "heads"))
    with pytest.raises(SpecInvalid) as pooling:
        read(place, "mlp", pooling="cls")
    says(pooling, "Pooling words", "average")


@pytest.mark.parametrize("site", WIDTHS)
def test_a_label_is_read_from_the_top_state_while_numbers_inside_are_held(lab: Lab, place: Path, site: str) -> None:
    ranked = Neurons(embed=read(place, site), label="upos", n_seeds=2)
    spec = NeuronReading(of=ranked, mode="zero")
    states = Embed(checkpoint=ranked.embed.checkpoint, sample=ranked.embed.sample)
    assert spec.dependencies()["vectors"] == states  # what a page asks for too
    found = lab.run(spec)
    of_states = lab.run(NeuronReading(of=Neurons(embed=states, label="upos", n_seeds=2), mode="zero"))
    # The probe and what it reads are the same while nothing is held.
    assert (found.intact, found.majority, found.n) == (of_states.intact, of_states.majority, of_states.n)
    held = found.scores[found.scores["share"] == max(SHARES)]
    assert (held["n_neurons"] == round(max(SHARES) * DEPTH * WIDTHS[site])).all()
    assert held["same"].min() < 1


def test_a_head_is_scored_while_heads_outputs_are_held(made: Lab, tmp_path: Path) -> None:
    made = a_copy(made, tmp_path / "own")  # to be added to
    ranked = Neurons(embed=InnerEmbed(checkpoint=TUNE, sample=SAMPLE, site="heads"), label="upos", n_seeds=2)
    spec = NeuronAblation(of=ranked, mode="mean")
    for one in (ranked.embed, ranked):
        made.run(one)
    found = made.run(spec)
    of_states = made.peek(NeuronAblation(of=Neurons(embed=TUNED, label="upos", n_seeds=2)))
    assert (found.intact, found.n, found.n_seen) == (of_states.intact, of_states.n, of_states.n_seen)
    top = found.scores[(found.scores["share"] == max(SHARES)) & (found.scores["gone"] == "top")].iloc[0]
    assert top["n_neurons"] == round(max(SHARES) * 6 * 384)
    assert found.scores["same"].min() < 1


def test_what_cannot_be_looked_into_is_told_by_its_configuration(place: Path, tmp_path: Path) -> None:
    made_of("xlnet", tmp_path / "xlnet")
    xlnet = Folder.at(tmp_path / "xlnet")
    assert why_not(xlnet, "mlp") == ""
    assert "xlnet" in why_not(xlnet, "heads")
    assert why_not(Folder.at(place / "tiny"), "heads") == ""
    vectors = Vectors(digest="0" * 64, path="x.npy", of=SAMPLE.of, unit="word", width=4)
    assert "no blocks" in why_not(vectors, "mlp")


def test_the_same_rows_are_read_inside_and_products_in_full_precision(place: Path, tmp_path: Path) -> None:
    made_of("llama", tmp_path / "llama")
    for folder, site, dtype in (("tiny", "mlp", "float16"), ("llama", "mlp", "float32"), ("llama", "heads", "float16")):
        at = place / folder if folder == "tiny" else tmp_path / folder
        states = Embed(checkpoint=Folder.at(at), sample=SAMPLE, unit="sentence", pooling="mean", max_pieces=64)
        inner = read_at(states, site)  # type: ignore[arg-type]
        assert (inner.site, inner.dtype) == (site, dtype)
        assert states_of(inner) == states
    assert read_at(states, "") is states
    assert states_of(states) is states


def test_sides_of_unequal_depth_face_each_other_as_everywhere_and_never_below_the_first_block(
    lab: Lab, place: Path
) -> None:
    one = lab.run(Neurons(embed=read(place, "heads"), label="upos", n_seeds=2))
    width = one.width

    def of_blocks(n: int) -> NeuronScores:
        """As if the network had n blocks, each ranked as the first is."""
        orders = np.tile(np.arange(n * width, dtype=one.orders.dtype), (*one.orders.shape[:2], 1))
        return replace(one, layers=tuple(range(1, n + 1)), orders=orders)

    for base, tuned in ((12, 6), (6, 12), (3, 5)):
        table = neurons.living_table(of_blocks(base), of_blocks(tuned), RANKINGS[0], "first tenth")
        facing = facing_layers(base, tuned)[1:]
        for _, rows in table.groupby("side"):
            assert rows["layer"].tolist() == list(range(1, base + 1))
            assert tuple(rows["tuned_layer"]) == facing
        assert set(table["tuned_layer"]) <= set(range(1, tuned + 1))


def test_all_neurons_of_a_single_block_live_at_the_top(lab: Lab, place: Path) -> None:
    one = lab.run(Neurons(embed=read(place, "heads"), label="upos", n_seeds=2))
    alone = replace(one, layers=(1,), orders=one.orders[..., : one.width] % one.width, n_entered=(9, 9))
    assert mean_depth(alone, RANKINGS[0], "first tenth") == pytest.approx(np.ones(2))


def test_claims_of_neurons_inside_blocks_know_what_they_read(place: Path) -> None:
    sides = [Neurons(embed=read(place, "mlp"), label="upos", n_seeds=seeds) for seeds in (2, 2)]
    claim = Claim(of=(NeuronDepth(base=sides[0], tuned=sides[1]),), way="less")
    assert embeds_of(claim.of[0]) == [read(place, "mlp")]
    assert claim.n_sentences == 40
    others = claim.of_others
    assert others is not None
    assert {one.sample.apart_n for one in embeds_of(others.of[0])} == {40}
    assert DRAW in choices(claim)


def test_heads_are_named_where_their_number_is_known() -> None:
    assert neuron_twins.place_said("heads", 17, 32, 4) == "Head 2 of 4, its number 1 of 8; counted from 0."
    assert neuron_twins.place_said("heads", 17, 32, 0) == ""
    assert "64 units" in neuron_twins.place_said("mlp", 17, 64, 4)
    assert neuron_twins.place_said("", 17, 32, 4) == ""
