"""Neurons of real checkpoints: counts add up, sides that are one checkpoint are told to be, what is odd is refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.analyses import neuron_depth
from core.analyses.embed import Embed, Embeddings
from core.analyses.neuron_profile import profile
from core.analyses.neuron_twins import (
    CONSTANT,
    DEAD,
    FATES,
    KEPT,
    MOVED,
    REPURPOSED,
    SILENT,
    NeuronTwins,
    Twins,
    fates,
    first_words,
)
from core.analyses.neuron_twins import compute as twins_of
from core.analyses.neurons import GAUSSIAN, RANDOM, RANKINGS, Neurons, NeuronScores, compute
from core.charts import neuron_twins, neurons
from core.charts.look import Look
from core.data.load import load_sample
from core.errors import IncompatibleRefs, NotEnoughData, SpecInvalid
from core.lab import Lab
from core.refs import Packaged, Sample, Suite
from tests.quiet import Quiet
from tests.small import BASE, SAMPLE, TUNED

SIDES = tuple(Neurons(embed=side, label="upos", n_seeds=2) for side in (BASE, TUNED))


@pytest.fixture(scope="module")
def found(made: Lab) -> tuple[NeuronScores, NeuronScores]:
    base, tuned = (made.peek(side) for side in SIDES)
    assert base is not None
    assert tuned is not None
    return base, tuned


@pytest.fixture(scope="module")
def words(made: Lab) -> Embeddings:
    held: Embeddings | None = made.peek(BASE)
    assert held is not None
    return held


@pytest.fixture(scope="module")
def twins(made: Lab) -> Twins:
    held: Twins | None = made.peek(NeuronTwins(base=BASE, tuned=TUNED, label="upos"))
    assert held is not None
    return held


def planted(words: Embeddings, layer: int, first: int) -> Embeddings:
    """The same vectors, with a neuron for each of the eight first classes written into a layer."""
    examples = load_sample(BASE.sample)
    tags = [examples.word_labels["upos"][i][j] for i, j in zip(words.sentence, words.word, strict=True)]
    layers = [
        np.random.default_rng(at).normal(size=one.shape).astype(np.float32) for at, one in enumerate(words.layers)
    ]
    for k, name in enumerate(sorted(set(tags))):
        layers[layer][:, first + k] += 8.0 * (np.array(tags) == name)
    return replace(words, layers=tuple(layers))


# -- rankings


def test_every_ranking_is_an_order_of_all_neurons_or_a_choice_of_some(found: tuple[NeuronScores, NeuronScores]) -> None:
    for one in found:
        assert one.orders.shape == (len(RANKINGS), 2, 7 * 384)
        for name, orders in zip(RANKINGS, one.orders, strict=True):
            for order in orders:
                chosen = order[order >= 0]
                assert len(set(chosen.tolist())) == len(chosen)
                assert (len(chosen) < one.orders.shape[2]) == (name == GAUSSIAN)


@pytest.mark.parametrize("ranking", RANKINGS)
@pytest.mark.parametrize("how_many", neuron_depth.HOW_MANY)
def test_counts_of_layers_add_up_to_the_neurons_looked_at(
    found: tuple[NeuronScores, NeuronScores], ranking: str, how_many: str
) -> None:
    for one in found:
        counts = neuron_depth.of_layers(one, ranking, how_many)
        wanted = np.array(neuron_depth.n_first(one, how_many))
        assert (wanted <= one.n_entered).all()
        if ranking == GAUSSIAN:
            wanted = np.minimum(wanted, (one.orders[RANKINGS.index(GAUSSIAN)] >= 0).sum(axis=1))
        np.testing.assert_array_equal(counts.sum(axis=1), wanted)
    table = neurons.living_table(*found, ranking, how_many)
    assert table.groupby("side")["share"].sum().to_list() == pytest.approx([1.0, 1.0])


def test_planted_neurons_are_the_minimal_set_and_live_where_they_were_planted(words: Embeddings) -> None:
    spec = SIDES[0]
    scores = compute(spec, {"embed": planted(words, layer=4, first=100)}, Quiet())
    n_classes = len(scores.labels)
    assert max(scores.n_minimal) <= n_classes + 2
    # Among so much noise a probe of all neurons learns the noise: the few read better than all.
    place = scores.sizes.index(20)
    assert (scores.kept[0, :, place] > 0.9).all()
    assert (scores.kept[0, :, place] > scores.oracle.value).all()
    for ranking in RANKINGS[:-1]:
        counts = neuron_depth.of_layers(scores, ranking, neuron_depth.MINIMAL)
        assert (counts.argmax(axis=1) == 4).all(), ranking
        assert (counts[:, 4] >= 0.7 * counts.sum(axis=1)).all(), ranking
    first = neurons.tag_neurons(scores, "NOUN").iloc[0]
    assert (first["layer"], first["neuron"]) == (4, 100 + sorted(scores.labels).index("NOUN"))
    assert first["weight"] > 0
    place = neurons.ranks_of(scores, 4, int(first["neuron"]))
    assert place["linear correlation"].startswith(tuple(str(i) for i in range(1, 10)))
    # Without them the same probe is lost, without as many random ones it is not.
    table = neurons.masked_table(scores).set_index(["gone", "share"])["accuracy"]
    assert table["top", 0.01] < table["random", 0.01] - 0.2


def test_all_neurons_gone_leaves_one_answer_and_none_gone_all_of_them(found: tuple[NeuronScores, NeuronScores]) -> None:
    for one in found:
        assert one.shares[0] == 0.0
        assert one.shares[-1] == 1.0
        none, everything = one.masked[:, :, 0], one.masked[:, :, -1]
        np.testing.assert_allclose(none.mean(axis=1), one.net.value)
        assert (none == none[0]).all()
        assert (everything == everything[0]).all()  # whatever the order, nothing is left
        assert everything.mean() == pytest.approx(one.majority, abs=0.05)


def test_a_layer_by_itself_is_ranked_alone(words: Embeddings) -> None:
    one = compute(SIDES[0].replace(layer=3), {"embed": words}, Quiet())
    assert one.layers == (3,)
    assert one.orders.shape[2] == 384
    assert neurons.ranks_of(one, 2, 0) == {}


def test_values_that_are_not_scaled_let_large_neurons_come_first(words: Embeddings) -> None:
    large = [layer.astype(np.float32) for layer in words.layers]
    large[2][:, 7] *= 1000.0
    held = replace(words, layers=tuple(large))
    place = RANKINGS.index("Probeless")
    raw, scaled = (
        compute(SIDES[0].replace(layer=2, is_scaled=is_scaled), {"embed": held}, Quiet()) for is_scaled in (False, True)
    )
    assert (raw.orders[place][:, 0] == 7).all()
    assert not (scaled.orders[place][:, 0] == 7).all()


def test_constant_neurons_are_counted_and_never_first(words: Embeddings) -> None:
    layers = [layer.astype(np.float32) for layer in words.layers]
    layers[1][:, :200] = 0.25
    one = compute(SIDES[0].replace(layer=1), {"embed": replace(words, layers=tuple(layers))}, Quiet())
    assert one.n_constant == 200
    for name, orders in zip(RANKINGS, one.orders, strict=True):
        first = orders[:, :100]
        assert name == RANDOM or (first[first >= 0] >= 200).all(), name
    assert np.isfinite(one.weights).all()


def test_what_cannot_be_ranked_is_told(words: Embeddings) -> None:
    def ranked(spec: Neurons, held: Any = words) -> None:
        compute(spec, {"embed": held}, Quiet())

    with pytest.raises(SpecInvalid, match="there are 0 to 6"):
        ranked(SIDES[0].replace(layer=7))
    with pytest.raises(SpecInvalid, match="two words at once"):
        ranked(SIDES[0].replace(label="dependency"))
    with pytest.raises(SpecInvalid, match="Choose one of them"):
        ranked(SIDES[0].replace(label="nothing"))
    with pytest.raises(SpecInvalid, match="seeds"):
        SIDES[0].replace(n_seeds=1)
    few = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(split="dev"), n=5))
    rows = words.sentence < 5
    held = replace(
        words, layers=tuple(layer[rows] for layer in words.layers), sentence=words.sentence[rows], word=words.word[rows]
    )
    with pytest.raises(NotEnoughData):
        ranked(SIDES[0].replace(embed=few), held)


# -- what is said of them


def test_a_finding_says_noise_where_both_sides_are_one(found: tuple[NeuronScores, NeuronScores]) -> None:
    base, _ = found
    said = neurons.living_finding(base, base, "linear correlation", neuron_depth.MINIMAL, "word classes")
    assert "inside the noise" in said
    assert "+0.0 layers" in said
    assert neurons.living_table(base, base, "Probeless", neuron_depth.HUNDRED)["is_noise"].all()


def test_a_ranking_agrees_with_itself_and_with_chance_by_chance(found: tuple[NeuronScores, NeuronScores]) -> None:
    table = neurons.agreement_table(found[0])
    itself = table[table["first"] == table["second"]]
    assert (itself["share"] == 1.0).all()
    random = table[(table["first"] == RANDOM) & (table["second"] != RANDOM)]
    assert random["share"].max() < 0.15
    assert table["chance"].iloc[0] == pytest.approx(100 / (7 * 384))
    wide = table.pivot_table(index="first", columns="second", values="share")
    np.testing.assert_allclose(wide.to_numpy(), wide.to_numpy().T)


def test_weight_of_a_class_is_shared_out_over_layers(found: tuple[NeuronScores, NeuronScores]) -> None:
    table = neurons.tags_table(found[1])
    assert table.groupby("label")["share"].sum().to_list() == pytest.approx([1.0] * table["label"].nunique())


def test_a_split_in_which_a_class_has_no_weight_says_nothing_of_its_layers(
    found: tuple[NeuronScores, NeuronScores],
) -> None:
    mass = found[1].mass.copy()
    mass[0, 0] = mass[:, 1] = 0.0
    table = neurons.tags_table(replace(found[1], mass=mass))
    (_, once), (_, never), (_, always) = list(table.groupby("label", sort=False))[:3]
    np.testing.assert_allclose(once["share"], mass[1, 0])
    assert [set(one["splits"]) for one in (once, never, always)] == [{1}, {0}, {2}]
    assert once["low"].isna().all()
    assert never["share"].isna().all()
    assert always["low"].notna().all()
    drawn = neurons.tags_heat(table, Look(), top=1.0, title="Base").to_dict()
    assert [row["label"] for rows in drawn["datasets"].values() for row in rows].count(never["label"].iloc[0]) == 0


# -- twins


def test_of_a_checkpoint_beside_itself_every_neuron_is_its_own_twin(words: Embeddings) -> None:
    one = twins_of(NeuronTwins(base=BASE, tuned=BASE, label="upos"), {"base": words, "tuned": words}, Quiet())
    itself = np.broadcast_to(np.arange(384), one.match.shape)
    np.testing.assert_array_equal(one.match, itself)
    spreads = np.stack([layer.std(axis=0, dtype=np.float64) for layer in words.layers])
    alive = spreads > DEAD * np.median(spreads, axis=1, keepdims=True)
    assert alive.mean() > 0.99
    np.testing.assert_allclose(one.same[alive], 1.0, atol=1e-3)
    np.testing.assert_allclose(one.new[alive], 1.0, atol=1e-3)
    np.testing.assert_allclose(one.spread[alive], 1.0)
    np.testing.assert_array_equal(one.told[0], one.told[1])
    assert (one.words == 1.0).all()
    assert (one.fate[alive] == FATES.index(KEPT)).all()
    assert (one.fate[~alive] == FATES.index(CONSTANT)).all()  # the packaged model has two at its top


def test_fates_are_what_was_done_to_neurons(words: Embeddings) -> None:
    drawn = np.random.default_rng(0)
    layers = [layer.astype(np.float32) for layer in words.layers]
    after = [layer.copy() for layer in layers]
    after[5][:, [3, 4]] = after[5][:, [4, 3]]  # two change places
    after[5][:, 10] = drawn.normal(size=len(layers[5]))  # one takes up something else
    after[5][:, 20] = 0.01 * after[5][:, 20]  # one falls silent
    after[5][:, 30] = 5.0 * after[5][:, 30] - 2.0  # one is only scaled and shifted
    sides = {"base": replace(words, layers=tuple(layers)), "tuned": replace(words, layers=tuple(after))}
    one = twins_of(NeuronTwins(base=BASE, tuned=TUNED, label="upos"), sides, Quiet())
    said = {neuron: FATES[one.fate[5, neuron]] for neuron in (3, 4, 10, 20, 30)}
    assert said == {3: MOVED, 4: MOVED, 10: REPURPOSED, 20: SILENT, 30: KEPT}
    assert one.match[5, [3, 4]].tolist() == [4, 3]
    assert one.new[5, 10] < 0.5
    assert one.told[1, 5, 10] < one.told[0, 5, 10]
    listed = neuron_twins.rows_of_fate(one, "moved")
    assert sorted(zip(listed["layer"], listed["neuron"], strict=True)) == [(5, 3), (5, 4)]
    assert "Neuron 4 now does what it did" in neuron_twins.twin_said(one, 5, 3)
    # What changed places is highest on the words of the other.
    first, second = (listed[listed["neuron"] == neuron].iloc[0] for neuron in (3, 4))
    assert first["highest on, before"] == second["highest on, after"] != ""
    assert first["highest on, after"] == second["highest on, before"] != ""
    table = neuron_twins.fates_table(one)
    assert table.groupby("layer")["share"].sum().to_list() == pytest.approx([1.0] * 7)
    assert table["n"].sum() == 7 * 384


def test_a_sign_turned_round_is_kept_and_only_what_goes_with_nothing_is_repurposed() -> None:
    same = np.array([[-0.95, 0.95, -0.6, 0.2]])
    itself = np.arange(4)[None, :]
    found = fates(same, itself, same, np.ones_like(same))
    assert [FATES[code] for code in found[0]] == [KEPT, KEPT, "changed", REPURPOSED]


def test_twins_of_another_shape_are_refused_with_the_reason(words: Embeddings) -> None:
    narrow = replace(words, layers=tuple(layer[:, :100] for layer in words.layers))
    shallow = replace(words, layers=words.layers[:4])
    for other, found in ((narrow, "7 of 100 neurons"), (shallow, "4 of 384 neurons")):
        with pytest.raises(IncompatibleRefs, match=found):
            twins_of(NeuronTwins(base=BASE, tuned=TUNED), {"base": words, "tuned": other}, Quiet())
    with pytest.raises(IncompatibleRefs):
        NeuronTwins(base=BASE, tuned=TUNED.replace(unit="sentence", pooling="mean"))


def test_information_before_tuning_is_that_of_the_ranking(twins: Twins, words: Embeddings) -> None:
    from core.maths.neurons import mutual_information

    examples = load_sample(SAMPLE)
    tags = [examples.word_labels["upos"][i][j] for i, j in zip(words.sentence, words.word, strict=True)]
    y = np.unique(tags, return_inverse=True)[1]
    np.testing.assert_allclose(
        twins.told[0, 2], mutual_information(np.asarray(words.layers[2], dtype=np.float32), y), rtol=1e-5
    )


# -- one neuron


def test_a_neurons_page_shows_the_rows_on_which_it_is_highest(words: Embeddings) -> None:
    one = profile(BASE, words, 3, 17, "upos")
    column = np.asarray(words.layers[3][:, 17], dtype=np.float64)
    scores = (column - column.mean()) / column.std()
    assert one.n_rows == len(column)
    assert one.highest[0].value == pytest.approx(scores.max())
    assert one.lowest[0].value == pytest.approx(scores.min())
    values = [example.value for example in one.highest]
    assert values == sorted(values, reverse=True)
    assert len({example.words for example in one.highest}) == len(one.highest)  # a sentence once
    best = int(scores.argmax())
    examples = load_sample(SAMPLE)
    first = one.highest[0]
    assert first.words == tuple(examples.words[words.sentence[best]])
    assert first.at == words.word[best]
    assert first.values[first.at] == pytest.approx(first.value)
    assert one.by_label["n"].sum() == len(column)
    nouns = np.array(
        [examples.word_labels["upos"][i][j] == "NOUN" for i, j in zip(words.sentence, words.word, strict=True)]
    )
    row = one.by_label.set_index("label").loc["NOUN"]
    assert row["q50"] == pytest.approx(np.median(scores[nouns]))
    shown = neuron_twins.shaded(first, Look())
    assert shown.count("outline") == 1


def test_words_of_a_file_are_shown_as_they_stand_and_run_nothing(words: Embeddings) -> None:
    one = profile(BASE, words, 3, 17, "upos").highest[0]
    hostile = replace(one, words=("<script>alert(1)</script>", *one.words[1:]))
    assert "<script>" not in neuron_twins.shaded(hostile, Look())


@pytest.mark.parametrize(("layer", "neuron"), [(7, 0), (-1, 0), (0, 384), (0, -1)])
def test_a_neuron_that_is_not_there_is_told(words: Embeddings, layer: int, neuron: int) -> None:
    with pytest.raises(SpecInvalid, match="layers 0 to 6 of 384 neurons"):
        profile(BASE, words, layer, neuron, "upos")


def test_neurons_without_a_weight_follow_in_no_order_of_their_layers(found: tuple[NeuronScores, NeuronScores]) -> None:
    for one in found:
        for order, n in zip(one.orders[0], one.n_entered, strict=True):
            assert 0 < n < one.orders.shape[2]
            last = np.bincount(order[-300:] // one.width, minlength=7)
            assert last.max() < 150  # by index they would all be of the top layer


def test_of_sides_of_unequal_depth_chance_is_one_line_and_depth_a_share(words: Embeddings) -> None:
    shallow = compute(SIDES[0], {"embed": replace(words, layers=words.layers[:4])}, Quiet())
    deep = compute(SIDES[0], {"embed": words}, Quiet())
    table = neurons.living_table(shallow, deep, RANDOM, neuron_depth.TENTH)
    assert set(table["majority"]) == {0.25}
    # Neurons drawn at random live at chance on both sides, and did not move.
    assert table["share"].between(0.15, 0.35).all()
    assert table["is_noise"].all()
    said = neurons.living_finding(shallow, deep, RANDOM, neuron_depth.TENTH, "word classes")
    assert "of 3 in the base" in said
    assert "of 6 in the tuned" in said
    assert "% of the depth" in said
    for one in (shallow, deep):
        assert neuron_depth.mean_depth(one, RANDOM, neuron_depth.TENTH) == pytest.approx([0.5, 0.5], abs=0.1)


def test_new_neurons_are_listed_with_their_nearest_in_the_base(words: Embeddings) -> None:
    drawn = np.random.default_rng(0)
    layers = [layer.astype(np.float32) for layer in words.layers]
    after = [layer.copy() for layer in layers]
    after[5][:, 10] = drawn.normal(size=len(layers[5]))
    sides = {"base": replace(words, layers=tuple(layers)), "tuned": replace(words, layers=tuple(after))}
    one = twins_of(NeuronTwins(base=BASE, tuned=TUNED, label="upos"), sides, Quiet())
    listed = neuron_twins.rows_of_fate(one, "new")
    assert list(zip(listed["layer"], listed["neuron"], strict=True)) == [(5, 10)]
    row = listed.iloc[0]
    expected = np.abs(np.corrcoef(layers[5].T.astype(np.float64), after[5][:, 10])[-1, :-1])
    assert row["nearest of the base"] == np.nanargmax(expected)
    assert row["its correlation"] == pytest.approx(np.nanmax(expected), abs=1e-3)
    by_row, by_sentence = neuron_twins.best_by_chance(one)
    assert row["its correlation"] < 1.3 * by_row < by_sentence * 5  # noise is about what chance is said to be


@pytest.mark.parametrize("how_many", neuron_depth.HOW_MANY)
def test_of_several_checkpoints_the_shares_of_all_layers_are_those_of_chance_on_the_mean(
    found: tuple[NeuronScores, NeuronScores], how_many: str
) -> None:
    table = neurons.several_table({"base": found[0], "tuned": found[1]}, "linear correlation", how_many)
    alone = neurons.living_table(*found, "linear correlation", how_many)
    for name, own in table.groupby("checkpoint", sort=False):
        assert own["times"].mean() == pytest.approx(1)
        assert own["depth"].tolist() == pytest.approx(np.linspace(0, 1, len(own)))
        shares = alone.loc[alone["side"] == name, "share"].to_numpy()
        np.testing.assert_allclose(own["times"] / len(own), shares)
    said = neurons.several_finding({"base": found[0], "tuned": found[1]}, "linear correlation", how_many)
    assert "base " in said
    assert "tuned " in said


def test_the_words_that_are_named_are_the_first_different_ones() -> None:
    codes = np.array([[4, 1], [4, 1], [2, 1], [9, 1], [7, 1]])
    np.testing.assert_array_equal(first_words(codes), [[4, 2, 9], [1, -1, -1]])


def test_words_on_which_a_neuron_is_highest_are_those_of_its_highest_rows(words: Embeddings, twins: Twins) -> None:
    read = load_sample(BASE.sample).words
    layer = np.asarray(words.layers[4], dtype=np.float32)
    for neuron in (0, 200):
        rows = np.argsort(-layer[:, neuron], kind="stable")
        said = dict.fromkeys(read[words.sentence[row]][words.word[row]].lower() for row in rows[:20])
        held = [twins.vocabulary[code] for code in twins.base_top[4][neuron] if code >= 0]
        assert held == list(said)[:3]
