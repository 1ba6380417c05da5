"""Vectors from inside the blocks as analyses read them: numbered by block, ranked, twinned and looked at from close by."""

from pathlib import Path

import numpy as np
import pytest

from core.analyses.embed import Embed
from core.analyses.inner_embed import InnerEmbed
from core.analyses.neuron_ablation import NeuronAblation
from core.analyses.neuron_depth import mean_depth, n_first, of_layers
from core.analyses.neuron_profile import profile
from core.analyses.neuron_reading import NeuronReading
from core.analyses.neuron_twins import FATES, KEPT, NeuronTwins
from core.analyses.neurons import RANKINGS, Neurons
from core.charts import neuron_twins, neurons
from core.errors import IncompatibleRefs, SpecInvalid
from core.lab import Lab
from core.refs import Folder, Sample, Suite
from core.settings import Settings
from core.store.artifacts import Store
from tests.faults import DEPTH, WIDTH, says, tiny
from tests.small import SAMPLE, TUNE

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
    ranked = Neurons(embed=InnerEmbed(checkpoint=TUNE, sample=SAMPLE, site="mlp"), label="upos")
    for refused in (NeuronAblation, NeuronReading):
        with pytest.raises(SpecInvalid) as held:
            refused(of=ranked)
        says(held, "MLP units", "Rank the states")


def test_heads_are_named_where_their_number_is_known() -> None:
    assert neuron_twins.place_said("heads", 17, 32, 4) == "Head 2 of 4, its number 1 of 8; counted from 0."
    assert neuron_twins.place_said("heads", 17, 32, 0) == ""
    assert "64 units" in neuron_twins.place_said("mlp", 17, 64, 4)
    assert neuron_twins.place_said("", 17, 32, 4) == ""
