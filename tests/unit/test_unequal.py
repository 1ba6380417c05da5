"""Two checkpoints of unequal depth, width or tokenizer: compared by word and by relative depth, said so, never guessed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2Model, PreTrainedTokenizerFast

from core.analyses.base import facing_layers
from core.analyses.crowding import Crowding
from core.analyses.direct_probe import DirectProbe
from core.analyses.direct_probe_change import DirectProbeChange
from core.analyses.embed import Embed
from core.analyses.joint_map import JointMap
from core.analyses.joint_umap import JointUmap
from core.analyses.label_geometry import LabelGeometry
from core.analyses.probe import Probe
from core.analyses.probe_change import ProbeChange
from core.analyses.similarity import Similarity
from core.analyses.spatial_change import SpatialChange
from core.analyses.spatial_similarity import SpatialSimilarity
from core.analyses.weight_change import WeightChange
from core.charts import geometry
from core.charts.board import checkpoint_table, kept_tables
from core.charts.curves import side_curves
from core.charts.look import Look
from core.charts.paired import paired_chart
from core.charts.strip import crowding_table, kept_table, probe_table
from core.data.load import load_dataset
from core.errors import IncompatibleRefs
from core.lab import Lab
from core.maths.similarity import linear_cka
from core.maths.statistics import resampled_interval
from core.refs import Folder, Packaged, Sample, Suite
from tests.faults import DEPTH, says, tiny

SAMPLE = Sample(of=Suite(), n=40)
DEPTHS = st.integers(1, 60)


@given(base=DEPTHS, tuned=DEPTHS)
def test_facing_joins_bottom_with_bottom_and_top_with_top_and_never_falls(base: int, tuned: int) -> None:
    facing = facing_layers(base, tuned)
    assert (len(facing), facing[0], facing[-1]) == (base + 1, 0, tuned)
    assert list(facing) == sorted(facing)
    assert all(layer > 0 for layer in facing[1:]), "a block faces embeddings"
    # The end of the block lies in the block it faces.
    assert all((other - 1) / tuned < i / base <= other / tuned + 1e-12 for i, other in enumerate(facing) if i)


@given(depth=DEPTHS)
def test_facing_at_equal_depth_is_the_layer_itself(depth: int) -> None:
    assert facing_layers(depth, depth) == tuple(range(depth + 1))


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A tiny decoder of 4 blocks x 48 with a byte tokenizer of its own, trained on a few sentences."""
    into = tmp_path_factory.mktemp("gpt2")
    bare = Tokenizer(models.BPE())
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    texts = list(load_dataset(Suite()).texts[:300])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bare.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, special_tokens=["<end>"])
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bare, eos_token="<end>")
    GPT2Model(GPT2Config(vocab_size=len(tokenizer), n_embd=48, n_layer=4, n_head=4, n_positions=128)).save_pretrained(
        into
    )
    tokenizer.save_pretrained(into)
    return Folder.at(into)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A tiny encoder of 3 blocks x 32."""
    into = tmp_path_factory.mktemp("bert")
    tiny("bert", into)
    return Folder.at(into)


def sides(lab: Lab, one: Folder | Packaged, other: Folder | Packaged) -> tuple[Embed, Embed]:
    return tuple(Embed(checkpoint=ref, sample=SAMPLE, dtype="float32") for ref in (one, other))  # type: ignore[return-value]


def test_similarity_of_a_layer_is_that_with_the_layer_it_faces_over_the_words_both_have(
    lab: Lab, bert: Folder, gpt2: Folder
) -> None:
    base, tuned = sides(lab, bert, gpt2)
    result = lab.run(Similarity(base=base, tuned=tuned))
    one, other = lab.peek(base), lab.peek(tuned)
    np.testing.assert_array_equal(one.sentence, other.sentence)  # every word has a vector on both sides
    assert result.matrix.shape == (DEPTH + 1, 5)
    for layer, facing in enumerate(facing_layers(DEPTH, 4)):
        expected = linear_cka(one.layers[layer], other.layers[facing], debiased=True)
        assert result.same_layer[layer].value == pytest.approx(expected, abs=1e-5)
        assert result.matrix[layer, facing] == pytest.approx(expected, abs=1e-5)
    table = kept_table(result)
    assert table["tuned_layer"].tolist() == list(facing_layers(DEPTH, 4)) == [0, 2, 3, 4]


def test_both_directions_of_an_unequal_comparison_agree_where_the_same_layers_meet(
    lab: Lab, bert: Folder, gpt2: Folder
) -> None:
    base, tuned = sides(lab, bert, gpt2)
    there, back = (lab.run(Similarity(base=a, tuned=b)) for a, b in ((base, tuned), (tuned, base)))
    np.testing.assert_allclose(there.matrix, back.matrix.T, atol=1e-5)
    assert len(back.same_layer) == 5


def test_probes_are_subtracted_layer_from_facing_layer_on_the_same_splits(lab: Lab, bert: Folder, gpt2: Folder) -> None:
    base, tuned = (Probe(embed=side, label="upos", n_seeds=2) for side in sides(lab, bert, gpt2))
    change = lab.run(ProbeChange(base=base, tuned=tuned))
    one, other = lab.peek(base), lab.peek(tuned)
    assert (one.n_train, one.n_test) == (other.n_train, other.n_test)
    for layer, facing in enumerate(facing_layers(DEPTH, 4)):
        after = other.accuracy[facing] - one.accuracy[layer]
        expected = resampled_interval(after, n_train=one.n_train, n_test=one.n_test)
        assert change.difference[layer] == expected
    table = probe_table(one, other, change)
    held = table[table["side"] == "tuned"]
    assert held["tuned_layer"].tolist() == [0, 2, 3, 4]
    assert held["accuracy"].tolist() == [other.score[i].value for i in (0, 2, 3, 4)]
    np.testing.assert_allclose(
        held["accuracy"].to_numpy() - table.loc[table["side"] == "base", "accuracy"].to_numpy(),
        held["difference"].to_numpy(),
        atol=1e-9,
    )
    several = checkpoint_table(one, {"deep": (change, other), "itself": (None, one)})
    assert several.loc[several["checkpoint"] == "deep", "accuracy"].tolist() == held["accuracy"].tolist()
    assert several.loc[several["checkpoint"] == "itself", "tuned_layer"].tolist() == [0, 1, 2, 3]


def test_crowding_stands_beside_the_layer_it_faces(lab: Lab, bert: Folder, gpt2: Folder) -> None:
    base, tuned = sides(lab, bert, gpt2)
    result = lab.run(Crowding(base=base, tuned=tuned))
    assert (len(result.base), len(result.tuned), len(result.difference)) == (4, 5, 4)
    for layer, facing in enumerate(facing_layers(3, 4)):
        expected = result.tuned[facing].value - result.base[layer].value
        assert result.difference[layer].value == pytest.approx(expected, abs=1e-9)
    assert crowding_table(result).groupby("layer").size().tolist() == [2, 2, 2, 2]


def test_maps_of_one_width_are_drawn_at_unequal_depth_and_others_are_refused_in_words(
    lab: Lab, bert: Folder, gpt2: Folder, tmp_path: Path
) -> None:
    tiny("bert", tmp_path / "two")
    config = tmp_path / "two" / "config.json"
    config.write_text(config.read_text().replace('"num_hidden_layers": 3', '"num_hidden_layers": 2'))
    base, shallow = sides(lab, bert, Folder.at(tmp_path / "two"))
    maps = lab.run(JointMap(base=base, tuned=shallow, n_points=50))
    assert maps.base.shape == maps.tuned.shape == (4, 50, 2)
    # The same weights up to block 2: base layer 1 faces layer 1, and nothing moved.
    np.testing.assert_allclose(maps.tuned[1], maps.base[1], atol=1e-4)
    lab.run(JointUmap(base=base, tuned=shallow, layer=3, n_points=60))
    other = sides(lab, bert, gpt2)[1]
    for spec in (JointMap(base=base, tuned=other), JointUmap(base=base, tuned=other, layer=1)):
        with pytest.raises(IncompatibleRefs) as problem:
            lab.run(spec)
        says(problem, "32 numbers", "48", "share no axes", "any two")


@pytest.fixture(scope="module")
def shallow(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The tiny encoder with one block less: of its width, but not of its depth."""
    into = tmp_path_factory.mktemp("shallow")
    tiny("bert", into)
    config = into / "config.json"
    config.write_text(config.read_text().replace('"num_hidden_layers": 3', '"num_hidden_layers": 2'))
    return Folder.at(into)


def tips(drawn: dict[str, Any]) -> set[str]:
    """Fields that the tooltips of a figure name."""
    units = [one for panel in drawn.get("concat", [drawn]) for one in panel["layer"]]
    shown = [unit["encoding"].get("tooltip") for unit in units]
    return {tip["field"] for own in shown if isinstance(own, list) for tip in own}


def test_every_table_and_figure_of_geometry_names_the_tuned_layer_that_it_shows(
    lab: Lab, bert: Folder, shallow: Folder
) -> None:
    base, tuned = sides(lab, bert, shallow)
    facing, look = facing_layers(DEPTH, 2), Look()
    assert facing != tuple(range(DEPTH + 1))
    hulls = [DirectProbe(embed=side, label="upos", n_rows=150) for side in (base, tuned)]
    change = lab.run(DirectProbeChange(base=hulls[0], tuned=hulls[1]))
    held = [lab.peek(one) for one in hulls]
    places = lab.run(LabelGeometry(base=base, tuned=tuned, label="upos"))
    spatial = [SpatialSimilarity(first=one.replace(half="first"), second=one.replace(half="second")) for one in hulls]
    parted = lab.run(SpatialChange(base=spatial[0], tuned=spatial[1]))
    tables = {
        "distance": geometry.nearest_table(change, 2),
        "ratio": geometry.fisher_table(places, 2),
        "silhouette": geometry.silhouette_table(places, 2),
        "similarity": geometry.spatial_table(*map(lab.peek, spatial), parted),
        "clusters": geometry.clusters_table(*held),
        "moved": geometry.displacement_table(places, 2),
        "share": geometry.directions_table(places, 2),
    }
    figures = {
        name: side_curves(table, name, look, 2, title=name, percent=False, controls=False)
        for name, table in list(tables.items())[:4]
    }
    figures["clusters"] = geometry.clusters_chart(tables["clusters"], look, 2)
    figures["moved"] = geometry.displacement_panels(tables["moved"], look, 2)
    figures["share"] = geometry.directions_curve(tables["share"], look, 2)
    for name, table in tables.items():
        assert table["tuned_layer"].tolist() == [facing[layer] for layer in table["layer"]], name
        assert "tuned_layer" in tips(figures[name].to_dict(validate=False)), name
    for layer, other in enumerate(facing):
        table = geometry.distances_table(change, *held, layer)
        assert set(table["tuned_layer"]) == {other}
        assert "tuned_layer" in tips(paired_chart(table, look, what="label", title="distance").to_dict(validate=False))
        clusters = tables["clusters"].set_index(["side", "layer"]).loc[("tuned", layer)]
        assert clusters["clusters"] == held[1].n_clusters[other]
    titles = [panel["title"]["text"] for panel in figures["moved"].to_dict(validate=False)["concat"]]
    assert titles == [f"layer {layer} · tuned {other}" for layer, other in enumerate(facing)]


def test_at_equal_depth_no_table_of_geometry_names_a_second_layer(lab: Lab, bert: Folder) -> None:
    same = sides(lab, bert, bert)[0]
    places = lab.run(LabelGeometry(base=same, tuned=same, label="upos"))
    makers = (
        geometry.fisher_table, geometry.silhouette_table, geometry.displacement_table, geometry.directions_table,
    )  # fmt: skip
    assert all("tuned_layer" not in make(places, DEPTH) for make in makers)


def test_weights_of_two_shapes_are_refused_in_words(lab: Lab, bert: Folder, gpt2: Folder) -> None:
    with pytest.raises(IncompatibleRefs) as problem:
        lab.run(WeightChange(base=bert, tuned=gpt2))
    says(problem)


def test_words_that_a_tokenizer_drops_are_left_out_and_too_many_of_them_refused(
    lab: Lab, bert: Folder, gpt2: Folder, tmp_path: Path
) -> None:
    from core.refs import ConlluFile

    def corpus(name: str, every: int) -> Sample:
        rows = []
        for sentence in range(40):
            words = ["the", "small", "\ue000" if sentence % every == 0 else "old", "boats", "wait"]
            tags = ["DET", "ADJ", "ADJ", "NOUN", "VERB"]
            rows += [
                f"{i}\t{word}\t_\t{tag}\t_\t_\t{0 if i == 5 else 5}\t{'root' if i == 5 else 'dep'}\t_\t_"
                for i, (word, tag) in enumerate(zip(words, tags, strict=True), 1)
            ]
            rows.append("")
        (tmp_path / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
        return Sample(of=ConlluFile.at(tmp_path / name))

    for name, every in (("few.conllu", 40), ("many.conllu", 2)):
        sample = corpus(name, every)
        base, tuned = (Embed(checkpoint=ref, sample=sample) for ref in (bert, gpt2))
        change = ProbeChange(base=Probe(embed=base, label="upos"), tuned=Probe(embed=tuned, label="upos"))
        lost = lab.run(base).n_lost_words
        assert lost == 40 // every, "BERT's tokenizer drops private-use letters"
        assert lab.run(tuned).n_lost_words == 0
        if name == "few.conllu":
            assert len(lab.run(change).difference) == DEPTH + 1
            continue
        with pytest.raises(IncompatibleRefs) as problem:
            lab.run(change)
        says(problem, "other words", "40 sentences")


def test_several_checkpoints_of_unequal_depth_stand_on_the_layers_of_the_base(
    lab: Lab, bert: Folder, gpt2: Folder
) -> None:
    base, tuned = sides(lab, bert, gpt2)
    held = {"deep": lab.run(Similarity(base=base, tuned=tuned)), "same": lab.run(Similarity(base=base, tuned=base))}
    table = kept_tables(held)
    assert table.loc[table["checkpoint"] == "same", "tuned_layer"].tolist() == [0, 1, 2, 3]
    assert table.loc[table["checkpoint"] == "deep", "tuned_layer"].tolist() == [0, 2, 3, 4]
