"""Movers as an analysis: copies have none, what was planted is named with its card, and every table says where and how sure."""

from dataclasses import replace

import numpy as np
import pytest

from core.analyses.embed import Embed, Embeddings
from core.analyses.movers import Moved, Movers, compute
from core.charts import movers as drawn
from core.charts import scatter
from core.data.load import load_sample
from core.errors import Cancelled, IncompatibleRefs, NotEnoughData, SpecInvalid
from core.refs import Packaged, Sample, Suite
from tests.quiet import Quiet

EMBED = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(split="dev"), n=40))
SPEC = Movers(base=EMBED, tuned=EMBED, k=8)
EXAMPLES = load_sample(EMBED.sample)
PLACES = np.array([(i, j) for i, words in enumerate(EXAMPLES.words) for j in range(len(words))], np.int32)
PLANTED = [3, 40, 77, 120, 160, 190]


def embedded(*layers: np.ndarray, keep: slice = slice(None)) -> Embeddings:
    """Vectors of the words of the sample."""
    return Embeddings(
        layers=tuple(layer[keep] for layer in layers),
        sentence=PLACES[keep, 0],
        word=PLACES[keep, 1],
        n_cut_sentences=0,
        n_lost_words=0,
        precision="float32",
    )


def clouds(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (
        (rng.normal(size=(5, 12)) * 2)[rng.integers(0, 5, len(PLACES))] + rng.normal(size=(len(PLACES), 12))
    ).astype(np.float32)


@pytest.fixture(scope="module")
def moved() -> Moved:
    """Two layers: at the first nothing moved, at the second some words from all over went to one place."""
    rng = np.random.default_rng(1)
    X = clouds()
    Y = X + 0.05 * rng.normal(size=X.shape).astype(np.float32)
    Y[PLANTED] = 6 * rng.normal(size=12) + 0.1 * rng.normal(size=(len(PLANTED), 12))
    return compute(SPEC, {"base": embedded(X, X), "tuned": embedded(X, Y)}, Quiet())


def test_what_was_planted_is_named_and_comes_first(moved: Moved) -> None:
    assert not moved.is_mover[0].any()
    assert set(np.flatnonzero(moved.is_mover[1])) >= set(PLANTED)
    table = drawn.movers_table(moved, 1)
    assert set(table["row"][: len(PLANTED)]) == set(PLANTED)
    assert (table["mover_at"][: len(PLANTED)] == "1").all()
    assert table["p"].is_monotonic_increasing
    assert table["score"].to_numpy() == pytest.approx((table["around"] - table["kept"]).to_numpy())
    by_layer = drawn.layers_table(moved)
    assert by_layer["movers"].tolist() == moved.is_mover.sum(axis=1).tolist()
    assert by_layer["kept"][0] == 1


@pytest.mark.parametrize("copy", ["itself", "turned"])
def test_a_copy_has_no_movers(copy: str) -> None:
    X = clouds()
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(12, 12)))
    other = X if copy == "itself" else (X @ turn).astype(np.float32)
    found = compute(SPEC, {"base": embedded(X), "tuned": embedded(other)}, Quiet())
    assert not found.is_mover.any()
    if copy == "itself":
        assert (found.overlap == 1).all()


def test_a_card_names_neighbours_of_both_sides_and_marks_the_shared(moved: Moved) -> None:
    one = drawn.card(moved, PLANTED[0], 1)
    i, j = PLACES[PLANTED[0]]
    assert (one.text, one.sentence) == (EXAMPLES.words[i][j], EXAMPLES.texts[i])
    assert one.mover_at == "1"
    assert one.around == pytest.approx(moved.overlap[1, moved.base_neighbours[1, PLANTED[0]]].mean())
    assert len(one.base) == len(one.tuned) == 8
    assert one.base["shared"].mean() == pytest.approx(one.kept)
    assert one.tuned["shared"].mean() == pytest.approx(one.kept)
    there = {tuple(PLACES[at]) for at in PLANTED[1:]}
    near = {tuple(PLACES[at]) for at in moved.tuned_neighbours[1, PLANTED[0]]}
    assert there <= near  # those that went to the same place
    still = drawn.card(moved, 10, 0)
    assert still.mover_at in ("", "1")
    assert still.base["shared"].all()


def shaken(share: np.ndarray) -> Moved:
    """Rows that moved at random, each by its share of a length."""
    X = clouds()
    steps = np.random.default_rng(2).normal(size=X.shape) * share[:, None]
    return compute(SPEC, {"base": embedded(X), "tuned": embedded((X + steps).astype(np.float32))}, Quiet())


TAGS = np.array([EXAMPLES.word_labels["upos"][i][j] for i, j in PLACES])


def test_a_label_whose_rows_moved_most_stands_apart_from_the_noise() -> None:
    table = drawn.labels_table(shaken(np.where(TAGS == "ADJ", 3.0, 0.3)), 0, "upos")
    assert table["value"].iloc[0] == "ADJ"
    assert not table["is_noise"].iloc[0]
    assert table["high"].iloc[0] < 0
    assert (table["n"] >= drawn.LEAST).all()
    counts = {str(value): int((value == TAGS).sum()) for value in set(TAGS)}
    assert dict(zip(table["value"], table["n"], strict=True)).items() <= counts.items()
    assert table["difference"].to_numpy() == pytest.approx((table["kept"] - table["rest"]).to_numpy())


def test_labels_that_say_nothing_of_how_far_rows_moved_stay_in_the_noise() -> None:
    found, rng = shaken(np.full(len(PLACES), 0.7)), np.random.default_rng(5)
    outside = []
    for _ in range(20):
        labels = rng.integers(0, 6, len(PLACES)).astype(str)
        table = drawn.labels_table(replace(found, points=found.points.assign(upos=labels)), 0, "upos")
        assert len(table) == 6
        outside.append((~table["is_noise"]).any())
    assert np.mean(outside) <= 0.2  # of 20, where one is expected


def test_where_nothing_moved_no_label_did() -> None:
    table = drawn.labels_table(shaken(np.zeros(len(PLACES))), 0, "upos")
    assert len(table) > 3
    assert table["is_noise"].all()
    assert (table["difference"] == 0).all()


def test_search_looks_into_words_sentences_and_labels(moved: Moved) -> None:
    table = drawn.movers_table(moved, 0)
    word = str(moved.points["text"].iloc[5])
    assert word in set(table[scatter.holds(table, word.upper())]["text"])
    assert set(table[scatter.holds(table, "punct")]["upos"]) == {"PUNCT"}
    assert scatter.holds(table, "  ").all()
    assert not scatter.holds(table, "no such words (.*").any()


def test_sides_of_unequal_depth_width_and_rows_are_compared_by_what_they_share() -> None:
    X = clouds()
    wide = np.pad(X, ((0, 0), (0, 5)))
    found = compute(SPEC, {"base": embedded(X, X), "tuned": embedded(wide, keep=slice(0, 150))}, Quiet())
    assert found.overlap.shape == (2, 150)
    assert not found.is_mover.any()


def test_rows_are_drawn_and_the_same_for_the_same_seed() -> None:
    X, Y = clouds(), clouds(1)
    one, again, other = (
        compute(SPEC.replace(n_points=60, seed=seed), {"base": embedded(X), "tuned": embedded(Y)}, Quiet())
        for seed in (0, 0, 1)
    )
    assert one.overlap.shape == (1, 60)
    np.testing.assert_array_equal(one.p_value, again.p_value)
    assert (one.points["sentence"] != other.points["sentence"]).any()


def test_what_cannot_be_asked_is_a_message() -> None:
    X = clouds()
    with pytest.raises(NotEnoughData):
        compute(SPEC, {"base": embedded(X, keep=slice(0, 20)), "tuned": embedded(X, keep=slice(0, 20))}, Quiet())
    for wrong in ({"k": 1}, {"n_points": 10}, {"seed": -1}):
        with pytest.raises(SpecInvalid):
            SPEC.replace(**wrong)
    with pytest.raises(IncompatibleRefs):
        Movers(base=EMBED, tuned=replace(EMBED, unit="sentence", pooling="mean"))


def test_it_stops_when_asked() -> None:
    class Stopped(Quiet):
        def step(self, done: int, total: int, note: str = "") -> None:
            raise Cancelled("Computing.", "Cancelled.", "Start again.")

    X = clouds()
    with pytest.raises(Cancelled):
        compute(SPEC, {"base": embedded(X), "tuned": embedded(X)}, Stopped())
