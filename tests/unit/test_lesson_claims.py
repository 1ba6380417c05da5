"""What the four lessons say is to be seen is in the demo pack: a pack made anew cannot make a lesson false unnoticed.

Numbers are written from the stored results and looked for in the step's own words, as they stand there.
"""

from typing import Any

import numpy as np
import pytest

from core.analyses.direct_probe import DirectProbe
from core.analyses.direct_probe_change import DirectProbeChange
from core.analyses.dynamics import Dynamics
from core.analyses.embed import Embed
from core.analyses.grafts import Grafts
from core.analyses.label_dynamics import LabelDynamics
from core.analyses.neuron_ablation import NeuronAblation
from core.analyses.neuron_depth import HUNDRED, MINIMAL, mean_depth
from core.analyses.neuron_twins import NeuronTwins
from core.analyses.neurons import LINEAR, RANKINGS, Neurons
from core.analyses.patched_sample import PatchedSample
from core.analyses.probe import Probe
from core.analyses.probe_change import ProbeChange
from core.analyses.similarity import Similarity
from core.analyses.spatial_change import SpatialChange
from core.analyses.spatial_similarity import SpatialSimilarity
from core.analyses.structural_change import StructuralChange
from core.analyses.structural_probe import StructuralProbe
from core.analyses.weight_change import WeightChange
from core.charts.dynamics import alike_finding, closest_labels, labels_finding, labels_table, paths_table
from core.charts.geometry import counted
from core.charts.neuron_twins import fates_finding
from core.demo import BASE, PACK, SEEN, ablations, checkpoints, contents
from core.keys import Spec
from core.lab import Lab
from core.lessons.shelf import shipped_lessons
from core.maths.statistics import resampled_interval
from core.refs import RandomWeights
from core.settings import Settings
from core.store.artifacts import Store

TOP = 6
SENTIMENT, QUESTION, CLASSES, NUMBER = checkpoints()[:4]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A first start: an empty cache, and the packs of the repository."""
    settings = Settings(cache=tmp_path_factory.mktemp("first"), device="cpu", packs=PACK.parent)
    return Lab(Store(settings), engine="none")


def held(lab: Lab, spec: Spec) -> Any:
    """A stored result."""
    found = lab.peek(spec)
    assert found is not None, f"the demo has no {spec.kind} such as the lesson shows"
    return found


def the(lab: Lab, kind: type[Spec]) -> Any:
    """The only result of its kind; of several runs that were followed, that of the one that the lesson names."""
    (spec,) = (
        one
        for one in contents()
        if isinstance(one, kind) and getattr(one, "label", "upos") == "upos" and _of_words(one)
    )
    return held(lab, spec)


def _of_words(spec: Spec) -> bool:
    return not isinstance(spec, Dynamics) or spec.base.unit == "word"


def words_of(side: Any) -> Embed:
    """The words of one side, as the pages embed them."""
    return Embed(checkpoint=side, sample=SEEN, unit="word", pooling="average")


def sentences_of(side: Any) -> Embed:
    """The sentences of one side."""
    return Embed(checkpoint=side, sample=SEEN, unit="sentence", pooling="mean")


def read_in(lab: Lab, side: Any, label: str) -> list[float]:
    """What a probe reads, by layer."""
    embed = sentences_of(side) if label in ("sentiment", "tense") else words_of(side)
    return values(held(lab, Probe(embed=embed, label=label)).score)


def change_of(lab: Lab, tuned: Any, label: str) -> Any:
    """Estimates of what a probe gained, by layer."""
    embed = sentences_of if label in ("sentiment", "tense") else words_of
    sides = [Probe(embed=embed(side), label=label) for side in (BASE, tuned)]
    return held(lab, ProbeChange(base=sides[0], tuned=sides[1])).difference


def cka_of(lab: Lab, tuned: Any, measure: str = "cka") -> list[float]:
    """How much of the space of sentences is kept, by layer."""
    return values(held(lab, Similarity(base=sentences_of(BASE), tuned=sentences_of(tuned), measure=measure)).same_layer)


def hulls(side: Any, half: str = "") -> DirectProbe:
    """DirectProbe on the word classes of one side."""
    return DirectProbe(embed=words_of(side), label="upos", half=half)


def trials(lab: Lab, which: int) -> dict[int, float]:
    """Mean score of an experiment by how many blocks it keeps."""
    scores: dict[int, list[float]] = {}
    for point in ablations()[which].points:
        scores.setdefault(int(point.at), []).append(held(lab, point.trial).score.value)
    return {at: float(np.mean(found)) for at, found in scores.items()}


def grafted(lab: Lab, way: str) -> dict[str, float]:
    """Scores of grafts by place."""
    table = held(lab, Grafts(of=SENTIMENT, way=way)).scores
    return dict(zip(table["at"].astype(str), table["score"], strict=True))


def shared(found: Any, one: str, other: str) -> float:
    """Share of the first 100 neurons that two rankings have in common, mean over splits."""
    first, second = (found.orders[RANKINGS.index(name)] for name in (one, other))
    return float(np.mean([len(set(a[:100]) & set(b[:100])) / 100 for a, b in zip(first, second, strict=True)]))


def said(lesson: str, step: int) -> str:
    """All words of a step, counted from 1; the right choice in brackets."""
    (found,) = (one.lesson for one in shipped_lessons() if one.name.startswith(f"{lesson}-"))
    assert found
    one = found.steps[step - 1]
    right = "" if one.right is None else one.choices[one.right]
    return " ".join([one.text, one.question, f"[{right}]", one.reveal, one.why]).replace("\n", " ")


def travelled(found: Any, layer: int) -> list[float]:
    """How far the centres that the page shows first went, from start to end, in mean row lengths."""
    table = paths_table(found, [layer], closest_labels(found))
    return table[table["order"] == table["order"].max()]["moved"].tolist()


def percent(value: float, digits: int = 1) -> str:
    """A share as lessons write it."""
    return f"{100 * value:.{digits}f} %"


def values(estimates: Any) -> list[float]:
    """Of estimates by layer."""
    return [one.value for one in estimates]


# -- A


def test_a1_random_weights_read_most_word_classes(shipped: Lab) -> None:
    base, random = (read_in(shipped, side, "upos") for side in (BASE, RandomWeights(of=BASE)))
    words = said("a", 1)
    assert "[About 85 %]" in words
    assert all(abs(value - 0.85) < 0.006 for value in random)
    assert (
        f"gives {percent(base[0], 0)} at its embeddings and at most {percent(max(base), 0)}, in layers 2 and 3" in words
    )
    assert set(np.argsort(base)[-2:]) == {2, 3}
    probe = held(shipped, Probe(embed=words_of(BASE), label="upos"))
    assert f"{100 * probe.majority:.0f} times in 100" in words
    assert f"{percent(probe.overlap, 0)} of the test words" in words


def test_a2_sentiment_costs_word_classes_at_the_top(shipped: Lab) -> None:
    words = said("a", 2)
    base, sentiment, question, classes, number = (
        read_in(shipped, side, "upos") for side in (BASE, SENTIMENT, QUESTION, CLASSES, NUMBER)
    )
    assert f"falls from {percent(base[TOP])} to {percent(sentiment[TOP])}, number to {percent(number[TOP])}" in words
    assert sentiment[TOP] < number[TOP] < min(base[TOP], question[TOP], classes[TOP])
    assert f"question types stand at {percent(question[TOP])} and word classes at {percent(classes[TOP])}" in words
    assert "[Sentiment]" in words
    for layer in range(3):
        at = [one[layer] for one in (base, sentiment, question, classes, number)]
        assert max(at) - min(at) < 0.01


def test_a3_neurons_for_word_classes_live_low(shipped: Lab) -> None:
    words = said("a", 3)
    means, sides = [], [held(shipped, Neurons(embed=words_of(side), label="upos")) for side in (BASE, SENTIMENT)]
    for found in sides:
        layers = [found.orders[0, split, :n] // found.width for split, n in enumerate(found.n_minimal)]
        low = np.mean([np.mean(one <= 2) for one in layers])
        assert 0.7 < low < 0.85
        assert np.mean([np.mean(one == TOP) for one in layers]) < 0.01
        means.append(np.mean([one.mean() for one in layers]))
    assert f"layer {means[0]:.1f} in the base and at {means[1]:.1f}" in words
    moves = {}
    for how_many in (MINIMAL, HUNDRED):
        base, tuned = (mean_depth(found, LINEAR, how_many) * TOP for found in sides)
        moves[how_many] = resampled_interval(tuned - base, n_train=sides[0].n_train, n_test=sides[0].n_test)
    assert all(round(move.value, 1) == -0.2 for move in moves.values())
    assert moves[MINIMAL].high > 0
    assert moves[HUNDRED].high < 0
    assert "the move of −0.2 layers has an interval that just holds 0" in words
    assert "the move of −0.2 lies **outside the noise**" in words


def test_a4_a_hundred_neurons_are_enough(shipped: Lab) -> None:
    words = said("a", 4)
    base, tuned = (held(shipped, Neurons(embed=words_of(side), label="upos")) for side in (BASE, SENTIMENT))
    assert f"read {percent(base.oracle.value)} of the word classes" in words
    assert f"enough for {percent(base.minimal.value)}" in words
    assert f"{min(base.n_minimal)} to {max(base.n_minimal)} of 2,688 in the base" in words
    assert f"({percent(np.mean(base.n_minimal) / 2688)} on the mean)" in words
    assert f"{min(tuned.n_minimal)} to {max(tuned.n_minimal)} in the tuned one" in words
    random = base.kept[RANKINGS.index("random"), :, base.sizes.index(100)].mean()
    assert f"drawn at random read {percent(random, 0)}" in words


def test_a5_rankings_share_few_neurons(shipped: Lab) -> None:
    words = said("a", 5)
    found = [held(shipped, Neurons(embed=words_of(side), label="upos")) for side in (BASE, SENTIMENT)]
    shares = [shared(one, "linear correlation", "Probeless") for one in found]
    assert f"{percent(shares[0], 0)} in the base, {percent(shares[1], 0)} after tuning" in words
    assert f"share {percent(shared(found[0], 'overlap', 'mutual information'), 0)}" in words


def test_a6_the_head_does_not_miss_them_more_than_others(shipped: Lab) -> None:
    words, found = said("a", 6), the(shipped, NeuronAblation)
    scores = found.scores[found.scores["share"] == 0.05]
    top = scores[scores["gone"] == "top"]["score"].item()
    random = scores[scores["gone"] == "random"]["score"].mean()
    assert f"right {100 * found.intact:.1f} times in 100" in words
    assert (
        f"{percent(top)} without the neurons for word classes, {percent(random)} without as many random ones" in words
    )
    assert f"({scores['n_neurons'].iloc[0]})" in words
    randoms = scores[scores["gone"] == "random"]["score"]
    assert top > randoms.min()  # "no more than": not below all random draws


def test_a7_the_top_is_rewritten_neuron_by_neuron(shipped: Lab) -> None:
    words, found = said("a", 7), fates_finding(the(shipped, NeuronTwins))
    assert "68% of 2,688 neurons go with themselves after tuning, the fewest at layer 6 (0%)" in found
    assert "0 moved, 343 were repurposed, 0 fell silent" in found
    assert (
        "68 % go with themselves; in layer 6 none does. No neuron moved elsewhere or fell silent; 343 were given another"
        in words
    )


# -- B


def test_b1_little_sentiment_can_be_read_from_the_base(shipped: Lab) -> None:
    words, base = said("b", 1), held(shipped, Probe(embed=sentences_of(BASE), label="sentiment"))
    best = int(np.argmax(values(base.score)))
    at = base.score[best]
    assert (
        f"At most {percent(at.value, 0)}, at layer {best}, with an interval from {percent(at.low, 0)} to {percent(at.high, 0)}"
        in words
    )
    assert all(one.low < base.majority for one in base.score[:3])
    assert f"right {100 * base.majority:.0f} times in 100" in words
    assert f"gives {percent(read_in(shipped, SENTIMENT, 'sentiment')[TOP], 0)} at the top" in words


def test_b2_four_blocks_are_needed(shipped: Lab) -> None:
    words, scores = said("b", 2), trials(shipped, 0)
    assert "[Four]" in words
    assert (
        f"With four kept {percent(scores[4])}, with five {percent(scores[5])}, with all six {percent(scores[6])}"
        in words
    )
    assert f"with three {percent(scores[3])}" in words
    assert max(scores[0], scores[1], scores[2]) < 0.56
    assert scores[4] > scores[6]


def test_b2_the_probe_reads_as_much_where_no_block_is_needed(shipped: Lab) -> None:
    base = read_in(shipped, BASE, "sentiment")
    assert f"({100 * min(base[4:]):.0f} to {percent(max(base[4:]), 0)})" in said("b", 2)


def test_b3_left_out_is_worse_than_drawn_anew_with_four(shipped: Lab) -> None:
    words, anew, out = said("b", 3), trials(shipped, 0), trials(shipped, 1)
    assert f"drawn anew gave {percent(anew[4])}" in words
    assert f"With five kept {percent(out[5])}" in words
    assert f"({percent(out[4])} with four)" in words
    assert max(out[at] for at in range(5)) < 0.52


def test_b4_and_b5_grafts(shipped: Lab) -> None:
    below, alone = grafted(shipped, "Tuned below, base above"), grafted(shipped, "One part alone")
    words = said("b", 4)
    assert f"All tuned gives {percent(below['6'])}, none {percent(below['none'])}" in words
    assert f"At layer 4 it is {percent(below['4'])}" in words
    assert f"At layer 3 it is {percent(below['3'])}" in words
    words = said("b", 5)
    assert f"Block 4 alone brings {percent(alone['4'])}" in words
    assert max("123456", key=lambda at: alone[at]) == "4"
    assert 0.3 < (alone["4"] - alone["none"]) / (alone["all"] - alone["none"]) < 0.37


def test_b6_and_b7_the_same_patch_by_two_yardsticks(shipped: Lab) -> None:
    found = the(shipped, PatchedSample)
    rows = found.effects[(found.effects["direction"] == "tuned into base") & (found.effects["kind"] == "all pieces")]
    by_layer = rows.set_index("layer")
    assert f"{percent(by_layer['share'][4], 0)} at layer 4, {percent(by_layer['share'][5], 0)} at layer 5" in said(
        "b", 6
    )
    assert by_layer["share"][TOP] == 1
    assert (
        f"{percent(by_layer['answers'][4], 0)} of the answers at layer 4; without any patch it is {percent(found.base_answers, 0)}"
        in said("b", 7)
    )


# -- C


def test_c1_and_c5_the_top_is_rewritten_by_both_measures(shipped: Lab) -> None:
    cka, rsa = ([f"{value:.2f}" for value in cka_of(shipped, SENTIMENT, measure)] for measure in ("cka", "rsa"))
    words = said("c", 1)
    assert f"{', '.join(cka[:4])}, then {', '.join(cka[4:6])} and {cka[6]} at the top" in words
    words = said("c", 5)
    assert ", ".join(rsa) in words
    assert ", ".join(cka) in words


def test_c2_weights_move_little(shipped: Lab) -> None:
    words, layers = said("c", 2), held(shipped, WeightChange(base=BASE, tuned=SENTIMENT)).layers
    assert f"{percent(layers[TOP])} at layer 6, the most of all; {percent(layers[1])} at layer 1" in words
    assert np.argmax(layers) == TOP


def test_c3_a_few_points_are_lost(shipped: Lab) -> None:
    words = said("c", 3)
    change = {label: change_of(shipped, SENTIMENT, label)[TOP] for label in ("sentiment", "upos", "relation", "tense")}
    assert f"Sentiment gains {100 * change['sentiment'].value:.0f} points" in words
    lost = {label: f"{-100 * one.value:.1f}" for label, one in change.items()}
    assert f"Word classes lose {lost['upos']} and grammatical relations {lost['relation']} points" in words
    assert f"tense loses {-100 * change['tense'].value:.1f}, which is inside the noise" in words
    assert change["tense"].low < 0 < change["tense"].high
    assert change["upos"].high < 0 > change["relation"].high


def test_c4_word_classes_reach_deepest(shipped: Lab) -> None:
    words = said("c", 4)
    each = (SENTIMENT, QUESTION, CLASSES, NUMBER)
    cka = {tuned: cka_of(shipped, tuned) for tuned in each}
    for layer in (1, 2, 3):
        assert min(cka, key=lambda tuned: cka[tuned][layer]) == CLASSES
    assert max(cka, key=lambda tuned: cka[tuned][TOP]) == CLASSES
    assert min(cka, key=lambda tuned: cka[tuned][TOP]) == SENTIMENT
    third, second = ([f"{cka[tuned][layer]:.2f}" for tuned in each] for layer in (3, 2))
    assert (
        f"sentiment {third[0]}, question types {third[1]}, word classes {third[2]}, number {third[3]}; "
        f"at layer 2: {', '.join(second)}." in words
    )
    assert f"({cka[SENTIMENT][TOP]:.2f}), word classes most ({cka[CLASSES][TOP]:.2f})" in words


def test_c6_trees_are_found_as_before(shipped: Lab) -> None:
    words = said("c", 6)
    probes = [StructuralProbe(embed=words_of(side)) for side in (BASE, SENTIMENT)]
    base, tuned = ([layer[0].value for layer in held(shipped, probe).estimate] for probe in probes)
    assert int(np.argmax(base)) == int(np.argmax(tuned)) == 3
    assert abs(base[3] - 0.73) < 0.01
    assert abs(tuned[3] - 0.73) < 0.01
    assert f"fall to {percent(base[TOP], 0)} and {percent(tuned[TOP], 0)} at the top" in words
    change = [layer[0] for layer in held(shipped, StructuralChange(base=probes[0], tuned=probes[1])).difference]
    assert all(one.low <= 0 <= one.high for one in change)
    assert f"runs {round(-100 * change[4].value)} points lower" in words


# -- D


def test_d1_random_labels_are_parted_as_well(shipped: Lab) -> None:
    for side in (BASE, SENTIMENT):
        found = held(shipped, hulls(side))
        assert list(found.n_clusters) == [35] + [15] * TOP
        assert list(found.control_clusters) == [15] * (TOP + 1)
        assert sum(found.counts) == 996
    assert "[15 as well]" in said("d", 1)
    assert "need 35" in said("d", 1)


def test_d2_and_d3_distances_after_three_tunings(shipped: Lab) -> None:
    each = (SENTIMENT, QUESTION, CLASSES)
    moved = {tuned: held(shipped, DirectProbeChange(base=hulls(BASE), tuned=hulls(tuned))) for tuned in each}
    # Farther apart, nearer, inside the noise: as the page counts.
    assert [counted(moved[tuned], TOP) for tuned in each] == [(0, 13, 1), (5, 1, 8), (7, 0, 7)]
    mean = percent(-moved[SENTIMENT].mean_difference[TOP].value, 0)
    assert f"13 of 14 classes came closer, none moved apart, one is inside the noise: −{mean}" in said("d", 2)
    change = {tuned: 100 * change_of(shipped, tuned, "upos")[TOP].value for tuned in each}
    words, mean = said("d", 3), moved[QUESTION].mean_difference[TOP]
    assert mean.low < 0 < mean.high
    assert f"7 labels farther apart, none nearer, and a probe reads {change[CLASSES]:.1f} points more" in words
    assert f"5 farther, 1 nearer, +{change[QUESTION]:.1f} points" in words.replace("  ", " ")
    assert f"none farther, 13 nearer, −{-change[SENTIMENT]:.1f} points" in words


def test_d4_the_top_moves_most(shipped: Lab) -> None:
    measures = the(shipped, Dynamics).measures
    alike = measures[measures["measure"] == "similarity to the start"].set_index(["step", "layer"])["value"]
    words = said("d", 4)
    assert f"Layer 6 ends at {alike[64, 6]:.2f}, layer 5 at {alike[64, 5]:.2f}" in words
    assert min(alike[64, 0], alike[64, 1]) > 0.95
    assert min(alike[5, layer] for layer in range(7)) > 0.98
    assert len(set(measures["step"])) == 10


def test_d6_punctuation_runs_ahead(shipped: Lab) -> None:
    found, words = the(shipped, LabelDynamics), said("d", 6)
    at = found.nearest[:, TOP, :]
    gains = at[-1] - at[0]
    assert found.labels[int(np.argmax(at[-1]))] == found.labels[int(np.argmax(gains))] == "PUNCT"
    assert f"PUNCT gains most, +{max(gains):.2f}" in words
    assert f"its −{-gains[found.labels.index('PROPN')]:.2f} is noise" in words
    assert found.counts[found.labels.index("PROPN")] == 6
    assert found.control[-1, TOP] < found.control[0, TOP]
    assert "6 labels end farther from the one nearest to them, 0 nearer, 8 inside the noise" in labels_finding(
        labels_table(found, TOP)
    )
    assert "Six classes end farther from their nearest, none nearer beyond the noise, eight are inside it" in words
    assert "correlate by 0.29 with those of the base (Pearson, 0.00 to 0.59)" in alike_finding(found, TOP)
    assert "correlate by 0.29 with those of the base" in words
    assert "0.00 to 0.59" in words


def test_d5_the_centres_travel_far_at_the_top_alone(shipped: Lab) -> None:
    found, words = the(shipped, LabelDynamics), said("d", 5)
    ways = {layer: travelled(found, layer) for layer in (1, TOP)}
    low, high = (f"{min(one):.2f} to {max(one):.2f}" for one in ways.values())
    assert f"Layer 1: {low} of a vector's length. Layer 6: {high}" in words
    assert 0.2 < np.mean(ways[1]) / np.mean(ways[TOP]) < 0.3


def test_d7_the_other_half_lies_less_alike_but_not_surely(shipped: Lab) -> None:
    words = said("d", 7)
    alike = [SpatialSimilarity(first=hulls(side, "first"), second=hulls(side, "second")) for side in (BASE, SENTIMENT)]
    base, tuned = (held(shipped, one).similarity[TOP].value for one in alike)
    assert f"{base:.2f} for the base, {tuned:.2f} after tuning" in words
    change = held(shipped, SpatialChange(base=alike[0], tuned=alike[1])).difference[TOP]
    assert f"from −{-change.low:.2f} to +{change.high:.2f}" in words
