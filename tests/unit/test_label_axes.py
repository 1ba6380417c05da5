"""Axes of a label or of words: what was planted is found in rows held out, chance is called chance, a turn shows as a turn."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from core.analyses.embed import Embed, Embeddings
from core.analyses.label_axes import LEAST, N_CONTROLS, FoundAxes, LabelAxes, compute
from core.charts import label_axes as drawn
from core.charts import scatter
from core.charts.labels import OTHER
from core.data.load import load_sample
from core.errors import Cancelled, IncompatibleRefs, NotEnoughData, SpecInvalid
from core.keys import from_json, key_of, to_json
from core.refs import Packaged, Sample, Suite
from tests.quiet import Quiet

EMBED = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(split="dev"), n=120))
SENTENCES = replace(EMBED, unit="sentence", pooling="mean")
CLASSES = LabelAxes(base=EMBED, tuned=EMBED, label="upos")
NOUN_VERB = CLASSES.replace(first="NOUN", second="VERB")
EXAMPLES = load_sample(EMBED.sample)
PLACES = np.array([(i, j) for i, words in enumerate(EXAMPLES.words) for j in range(len(words))], np.int32)
TAGS = np.array([EXAMPLES.word_labels["upos"][i][j] for i, j in PLACES])
WORDS = np.array([EXAMPLES.words[i][j].lower() for i, j in PLACES])
COMMON = [word for word, _ in Counter(WORDS.tolist()).most_common(6)]
WIDTH = 20


def embedded(*layers: np.ndarray, keep: slice = slice(None)) -> Embeddings:
    """Vectors of the words of the sample."""
    return Embeddings(
        layers=tuple(layer[keep].astype(np.float32) for layer in layers),
        sentence=PLACES[keep, 0],
        word=PLACES[keep, 1],
        n_cut_sentences=0,
        n_lost_words=0,
        precision="float32",
    )


def noise(seed: int, width: int = WIDTH) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(len(PLACES), width))


def planted(dimension: int, second: np.ndarray, size: float = 4.0) -> np.ndarray:
    """Marked rows further along a dimension."""
    return size * second[:, None] * np.eye(WIDTH)[dimension]


def values(scores: tuple) -> list[float]:
    return [one.value for one in scores]


@pytest.fixture(scope="module")
def found() -> FoundAxes:
    """Three layers: nothing in either side; verbs apart in both alike; in tuned alone, and in another direction than in base."""
    verbs = TAGS == "VERB"
    base = [noise(0), noise(1) + planted(2, verbs), noise(3)]
    tuned = [noise(4), noise(5) + planted(2, verbs), noise(6) + planted(3, verbs)]
    spec = NOUN_VERB.replace(fitted_on="tuned")
    return compute(spec, {"base": embedded(*base), "tuned": embedded(*tuned)}, Quiet())


def test_what_was_planted_parts_rows_held_out_and_nothing_else_does(found: FoundAxes) -> None:
    assert found.values == ("NOUN", "VERB")
    assert values(found.base_score)[1] > 0.98
    assert values(found.tuned_score)[1:] == pytest.approx([1, 1], abs=0.02)
    for one in (found.base_score[0], found.tuned_score[0], found.base_score[2]):
        assert abs(one.value - 0.5) < 0.1
    assert found.chance == 0.5
    assert found.difference[2].low > 0.2
    assert found.difference[1].low <= 0 <= found.difference[1].high
    for one, other, change in zip(found.base_score, found.tuned_score, found.difference, strict=True):
        assert change.value == pytest.approx(other.value - one.value)
        assert one.low <= one.value <= one.high
        assert one.n == sum(found.n_held)


def test_a_picture_shows_only_rows_that_nothing_was_fitted_on(found: FoundAxes) -> None:
    """With far more dimensions than rows, the rows fitted on would fall into two groups; held-out ones of pure noise do not."""
    X = noise(0, 2000)
    one = compute(NOUN_VERB, {"base": embedded(X), "tuned": embedded(X)}, Quiet())
    first, second = (one.base[0, one.value == end, 0] for end in (0, 1))
    assert abs(first.mean() - second.mean()) < 0.5 * first.std()
    assert abs(one.base_score[0].value - 0.5) < 0.12
    assert found.base.shape == found.tuned.shape == (3, len(found.points), 2)
    held = set(found.points["sentence"])
    assert len(held) <= len(EXAMPLES) // 2 + 1
    in_held = np.isin([EXAMPLES.texts[i] for i in PLACES[:, 0]], list(held))
    assert sum(found.n_held) == (in_held & np.isin(TAGS, ["NOUN", "VERB"])).sum()
    assert sum(found.n_fitted) == (~in_held & np.isin(TAGS, ["NOUN", "VERB"])).sum()


def test_an_axis_that_turned_has_a_low_cosine_and_one_that_stayed_a_high_one(found: FoundAxes) -> None:
    assert found.cosine[1] > 0.9
    assert found.halves_cosine[1] > 0.9
    assert abs(found.cosine[2]) < 0.6
    assert found.halves_cosine[2] > 0.9  # on tuned, where it is there in both halves
    assert found.halves_cosine[0] < 0.7


def test_a_copy_stays_where_it_is_and_a_shift_is_seen_but_costs_nothing() -> None:
    X = noise(0) + planted(1, TAGS == "VERB")
    one = compute(NOUN_VERB, {"base": embedded(X), "tuned": embedded(X)}, Quiet())
    np.testing.assert_array_equal(one.base, one.tuned)
    assert one.cosine[0] == pytest.approx(1)
    assert one.difference[0].value == 0
    for spec in (NOUN_VERB, CLASSES):
        moved = compute(spec, {"base": embedded(X), "tuned": embedded(X + 7 * np.eye(WIDTH)[1])}, Quiet())
        assert abs(moved.difference[0].value) < 0.01
        assert (moved.tuned[0, :, 0] - moved.base[0, :, 0]).std() < 1e-3
        assert abs((moved.tuned[0, :, 0] - moved.base[0, :, 0]).mean()) > 1


def test_the_ends_of_a_concept_lie_left_and_right_of_zero(found: FoundAxes) -> None:
    for side in (found.base, found.tuned):
        assert side[1, found.value == 0, 0].mean() < -1.5
        assert side[1, found.value == 1, 0].mean() > 1.5


def test_values_of_a_label_are_parted_and_each_draw_of_the_control_beside_them() -> None:
    places = {tag: at for at, tag in enumerate(np.unique(TAGS))}
    means = 3 * np.random.default_rng(5).normal(size=(len(places), WIDTH))
    X, Y = noise(1) + means[[places[tag] for tag in TAGS]], noise(2)
    one = compute(CLASSES, {"base": embedded(X), "tuned": embedded(Y)}, Quiet())
    assert 2 < len(one.values) <= 8
    assert min(*one.n_fitted, *one.n_held) >= LEAST
    assert one.n_axes == 2
    assert one.base_score[0].value > one.chance + 0.2
    assert one.tuned_score[0].value < one.base_score[0].value - 0.2
    assert one.control.shape == (2, 1, N_CONTROLS)
    assert np.isfinite(one.control).all()
    assert one.base_score[0].low > one.control[0, 0].max()
    assert one.control_kind == "one random value a word type"
    assert one.chance == pytest.approx(max(one.n_held) / sum(one.n_held))
    # In standard deviations of rows of one value: near 1, whatever the vectors' size.
    for scale in (1, 100):
        again = compute(CLASSES, {"base": embedded(scale * X), "tuned": embedded(Y)}, Quiet())
        spreads = [again.base[0, again.value == at].std(axis=0) for at in range(len(again.values))]
        assert np.mean(spreads) == pytest.approx(1, abs=0.25)


def test_two_values_without_a_second_discriminant_get_what_varies_beside_it() -> None:
    tags = np.array(EXAMPLES.sentence_labels["sentiment"])[PLACES[:, 0]]
    kinds = np.unique(tags)
    assert len(kinds) == 2
    X = noise(1) + planted(4, tags == kinds[1]) + 9 * noise(2) * np.eye(WIDTH)[7]
    one = compute(CLASSES.replace(label="sentiment"), {"base": embedded(X), "tuned": embedded(X)}, Quiet())
    assert one.n_axes == 1
    assert one.base_score[0].value > 0.9
    assert one.control_kind == "values shuffled over sentences"
    assert abs(one.control[0, 0].mean() - 0.5) < 0.12
    held = np.isin([EXAMPLES.texts[i] for i in PLACES[:, 0]], list(set(one.points["sentence"])))
    assert held.sum() == len(one.points)
    assert (
        np.corrcoef(one.base[0, :, 1], X[held, 7])[0, 1] ** 2 > 0.95
    )  # the large dimension, in the unit of the first axis
    assert one.base[0, :, 1].std() == pytest.approx(1, abs=0.2)


def test_lists_of_words_make_an_axis_and_are_held_against_other_words() -> None:
    spec = LabelAxes(base=EMBED, tuned=EMBED, words_first=tuple(COMMON[:3]), words_second=tuple(COMMON[3:]))
    second = np.isin(WORDS, COMMON[3:])
    X = noise(0) + planted(0, second)
    one = compute(spec, {"base": embedded(X), "tuned": embedded(noise(9))}, Quiet())
    assert one.base_score[0].value > 0.98
    assert abs(one.tuned_score[0].value - 0.5) < 0.15
    assert one.control_kind == "other words, as common"
    assert np.nanmax(np.abs(one.control[0] - 0.5)) < 0.3
    assert set(one.points["text"][one.value == 1].str.lower()) == set(COMMON[3:])
    shown = scatter.of_axes(one, 0, "units of the vectors").table(scatter.AXIS)
    assert set(shown["text"][shown["label"] == one.values[0]].str.lower()) == set(COMMON[:3])
    assert (shown["label"] == OTHER).sum() == (one.value < 0).sum()
    assert shown["base_x"].tolist() == one.base[0, :, 0].tolist()
    # Words whose vectors tell each word from every other part any two lists: the control says so.
    each = 6 * np.random.default_rng(0).normal(size=(len(set(WORDS.tolist())), WIDTH))
    own = noise(0) + each[np.unique(WORDS, return_inverse=True)[1]]
    by_word = compute(spec, {"base": embedded(own), "tuned": embedded(own)}, Quiet())
    assert by_word.control.mean() > 0.85


def test_a_probes_directions_part_what_means_part_and_what_noise_hides_from_them() -> None:
    """The label stands in one dimension under noise that a second one holds alone."""
    verbs, common = TAGS == "VERB", 3 * noise(7)[:, 0]
    X = noise(0) / 4
    X[:, 1] += common
    X[:, 2] += common + 3 * verbs
    sides = {"base": embedded(X), "tuned": embedded(noise(4) + planted(2, verbs))}
    means, probe = (compute(NOUN_VERB.replace(direction=one), sides, Quiet()) for one in ("means", "probe"))
    assert probe.base_score[0].value > means.base_score[0].value + 0.05
    assert probe.control_kind == means.control_kind
    assert abs(probe.control[0, 0].mean() - 0.5) < 0.15
    assert probe.n_held == means.n_held
    fitted = compute(NOUN_VERB.replace(direction="probe", fitted_on="tuned"), sides, Quiet())
    assert fitted.tuned_score[0].value > 0.95
    assert fitted.halves_cosine[0] > 0.7
    # In units of the vectors, as an axis of means: the planted step of 4 parts the two groups by about as much.
    along = fitted.tuned[0, :, 0]
    assert along[fitted.value == 1].mean() - along[fitted.value == 0].mean() == pytest.approx(4, abs=0.6)
    places = {tag: at for at, tag in enumerate(np.unique(TAGS))}
    means_of = 3 * np.random.default_rng(5).normal(size=(len(places), WIDTH))
    Y = noise(1) + means_of[[places[tag] for tag in TAGS]]
    several = compute(CLASSES.replace(direction="probe"), {"base": embedded(Y), "tuned": embedded(noise(2))}, Quiet())
    assert several.n_axes == 2
    assert several.base_score[0].value > several.chance + 0.2
    assert several.tuned_score[0].value < several.base_score[0].value - 0.2
    spreads = [several.base[0, several.value == at].std(axis=0) for at in range(len(several.values))]
    assert np.mean(spreads) == pytest.approx(1, abs=0.25)


def test_points_are_drawn_those_asked_for_first_and_all_are_judged() -> None:
    X = noise(0)
    few, all_ = (
        compute(NOUN_VERB.replace(n_points=n), {"base": embedded(X), "tuned": embedded(X)}, Quiet()) for n in (30, 5000)
    )
    assert len(few.points) == 30
    assert (few.value >= 0).all()
    assert (all_.value < 0).any()
    assert few.base_score == all_.base_score
    other = compute(NOUN_VERB.replace(n_points=30, seed=1), {"base": embedded(X), "tuned": embedded(X)}, Quiet())
    assert list(other.points["sentence"]) != list(few.points["sentence"])


def test_a_layer_whose_rows_are_equal_has_no_axis_and_says_nothing() -> None:
    X, equal = noise(0), np.ones((len(PLACES), WIDTH))
    for spec in (NOUN_VERB, CLASSES, NOUN_VERB.replace(direction="probe"), CLASSES.replace(direction="probe")):
        one = compute(spec, {"base": embedded(equal, X), "tuned": embedded(equal, X)}, Quiet())
        assert one.base_score[0] is one.tuned_score[0] is one.difference[0] is None
        assert np.isnan(one.base[0]).all()
        assert np.isnan(one.cosine[0])
        assert one.base_score[1] is not None


def test_the_table_by_layer_has_intervals_controls_and_the_turn_and_leaves_out_layers_without_axes() -> None:
    X, equal = noise(0), np.ones((len(PLACES), WIDTH))
    sides = {"base": embedded(equal, X, X), "tuned": embedded(equal, X)}
    one = compute(NOUN_VERB, sides, Quiet())
    table = drawn.parted_table(one)
    assert one.facing == (0, 1, 1)
    assert table["layer"].tolist() == [1, 2, 1, 2]
    assert table["tuned_layer"].tolist() == [1, 1, 1, 1]
    assert (table["low"] <= table["parted"]).all()
    assert (table["majority"] == 0.5).all()
    assert table["control"].tolist() == [*one.control[0, 1:].mean(axis=1), *one.control[1, 1:].mean(axis=1)]
    assert table["cosine"].tolist() == [*one.cosine[1:], *one.cosine[1:]]
    assert (table["halves_cosine"] <= 1).all()


def test_unequal_depths_face_each_other_and_unequal_widths_share_no_axes() -> None:
    X = noise(0)
    one = compute(NOUN_VERB, {"base": embedded(X, X, X), "tuned": embedded(X, X)}, Quiet())
    assert one.facing == (0, 1, 1)
    assert len(one.base) == len(one.tuned_score) == 3
    with pytest.raises(IncompatibleRefs):
        compute(NOUN_VERB, {"base": embedded(X), "tuned": embedded(noise(0, 5))}, Quiet())


def test_what_cannot_be_asked_of_the_text_is_a_message() -> None:
    X = noise(0)
    few = {"base": embedded(X, keep=slice(0, 60)), "tuned": embedded(X, keep=slice(0, 60))}
    both = {"base": embedded(X), "tuned": embedded(X)}
    with pytest.raises(NotEnoughData, match="to judge by"):
        compute(NOUN_VERB, few, Quiet())
    with pytest.raises(NotEnoughData, match="to judge by"):
        compute(NOUN_VERB.replace(second="no such class"), both, Quiet())
    with pytest.raises(NotEnoughData, match="to judge by"):
        compute(LabelAxes(base=EMBED, tuned=EMBED, words_first=("zyxw",), words_second=(COMMON[0],)), both, Quiet())
    with pytest.raises(NotEnoughData, match="either half"):
        compute(CLASSES, {side: embedded(X, keep=slice(0, 15)) for side in both}, Quiet())
    for label in ("no such label", "text"):
        with pytest.raises(SpecInvalid):
            compute(CLASSES.replace(label=label), both, Quiet())


@pytest.mark.parametrize(
    "wrong",
    [
        {"label": ""},
        {"first": "NOUN"},
        {"first": "NOUN", "second": "NOUN"},
        {"words_first": ("a",), "words_second": ("b",)},
        {"label": "", "words_first": ("a",)},
        {"label": "", "words_first": ("a",), "words_second": ("a", "b")},
        {"label": "", "words_first": ("A",), "words_second": ("b",)},
        {"label": "", "words_first": ("",), "words_second": ("b",)},
        {"base": SENTENCES, "tuned": SENTENCES, "label": "", "words_first": ("a",), "words_second": ("b",)},
        {"fitted_on": "both"},
        {"direction": "random"},
        {"n_points": 5},
        {"seed": -1},
    ],
)
def test_what_makes_no_axis_is_refused(wrong: dict) -> None:
    with pytest.raises(SpecInvalid):
        CLASSES.replace(**wrong)


def test_sides_that_read_otherwise_are_refused_and_specs_come_back_from_json() -> None:
    with pytest.raises(IncompatibleRefs):
        CLASSES.replace(tuned=SENTENCES)
    spec = LabelAxes(base=EMBED, tuned=EMBED, words_first=("good", "fine"), words_second=("bad",))
    assert from_json(to_json(spec)) == spec
    assert key_of(CLASSES.replace(direction="probe")) != key_of(CLASSES)
    assert "direction" not in to_json(CLASSES)  # what is stored of means keeps its key
    assert len({key_of(one) for one in (spec, CLASSES, NOUN_VERB, CLASSES.replace(fitted_on="tuned"))}) == 4


def test_it_stops_when_asked() -> None:
    X = noise(0)
    with pytest.raises(Cancelled):
        compute(CLASSES, {"base": embedded(X, X), "tuned": embedded(X, X)}, Quiet(stop_after=2))
