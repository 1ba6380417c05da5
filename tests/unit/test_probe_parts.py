"""Other kinds of probe, and parts of what a probe reads: shapes, controls, counts by hand, and odd data."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.analyses.embed import Embed
from core.analyses.joint_map import describe_rows
from core.analyses.places import places_of
from core.analyses.probe import Probe, ProbeScores
from core.analyses.probe_change import ProbeChange
from core.analyses.probe_kinds import KINDS, KindScores, ProbeKinds, _Side
from core.analyses.probe_slices import LEAST_ROWS, ProbeSlices, Slices
from core.analyses.probe_transfer import ProbeTransfer, Transfers
from core.analyses.units import labelled_rows
from core.charts import paired, readout
from core.data.load import load_sample
from core.errors import Cancelled, IncompatibleRefs, NotEnoughData, SpecInvalid
from core.keys import key_of
from core.lab import Lab
from core.refs import Packaged, Sample, Suite
from core.settings import Settings
from core.store.artifacts import Store
from core.store.codec import read_result
from tests.quiet import Quiet
from tests.small import BASE, SAMPLE, TUNED

TRANSFER = ProbeTransfer(base=BASE, tuned=TUNED, label="upos", n_seeds=2)


@pytest.fixture
def own(tmp_path: Path) -> Lab:
    """A lab of the test's own: what it computes is no part of the small comparison."""
    return Lab(Store(Settings(cache=tmp_path / "cache", device="cpu")), engine="none")


@pytest.fixture(scope="module")
def held(made: Lab) -> Transfers:
    return made.peek(TRANSFER)


@pytest.fixture(scope="module")
def slices(made: Lab) -> Slices:
    return made.peek(ProbeSlices(of=TRANSFER))


@pytest.fixture(scope="module")
def kinds(made: Lab) -> KindScores:
    return made.peek(ProbeKinds(base=BASE, tuned=TUNED, label="upos", n_seeds=2, sizes=(8,)))


def test_every_kind_reads_more_than_a_guess_and_less_of_the_control(kinds: KindScores) -> None:
    assert kinds.base.shape == (len(KINDS), 7, 2)
    middle = kinds.base[:, 2:4].mean(axis=(1, 2))
    assert (middle > kinds.majority).all()
    assert (kinds.base_control[:, 2:4].mean(axis=(1, 2)) < middle).all()
    assert len(kinds.base_settings) == len(kinds.tuned_settings) == 7


def test_differences_of_kinds_are_paired_by_split(kinds: KindScores) -> None:
    for kind, row in enumerate(kinds.difference):
        for layer, one in enumerate(row):
            assert one.value == pytest.approx((kinds.tuned[kind, layer] - kinds.base[kind, layer]).mean())


def test_a_search_takes_the_setting_that_is_most_often_right(made: Lab) -> None:
    vectors = made.peek(BASE)
    side = _Side.of(vectors, labelled_rows(load_sample(SAMPLE), vectors, "word", "upos"), 2)
    # A penalty that leaves nothing of the weights cannot win.
    run = Quiet()
    assert side.search(3, 1, ((8, 8, 1e9), (16, 16, 1e-4)), run) == (16, 16, 1e-4)


def test_settings_of_kinds_are_every_pair_of_sizes_and_penalty() -> None:
    spec = ProbeKinds(base=BASE, tuned=TUNED, label="upos", sizes=(64, 32), penalties=(0.1, 1.0))
    assert len(spec.settings) == 8
    assert spec.settings[0] == (32, 32, 1.0)
    assert spec.cost()[0] > ProbeKinds(base=BASE, tuned=TUNED, label="upos").cost()[0]


@pytest.mark.parametrize("odd", [{"sizes": ()}, {"sizes": (0,)}, {"penalties": (-1.0,)}, {"n_seeds": 1}])
def test_kinds_refuse_odd_settings(odd: dict) -> None:
    with pytest.raises(SpecInvalid):
        ProbeKinds(base=BASE, tuned=TUNED, label="upos", **odd)


def test_kinds_refuse_other_sentences_and_one_class(made: Lab) -> None:
    other = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(split="test"), n=60))
    with pytest.raises(IncompatibleRefs):
        ProbeKinds(base=BASE, tuned=other, label="upos")
    vectors = made.peek(BASE)
    rows = labelled_rows(load_sample(SAMPLE), vectors, "word", "upos")
    one_class = type(rows)(**{**vars(rows), "labels": np.full(len(rows.labels), "NOUN")})
    with pytest.raises(NotEnoughData, match="NOUN"):
        _Side.of(vectors, one_class, 2)


def test_answers_agree_with_the_accuracy_of_the_first_split(held: Transfers) -> None:
    gold = np.searchsorted(np.array(held.labels), held.rows["label"].to_numpy(dtype=str))
    seen = held.base_said[0] >= 0
    assert 0.4 < seen.mean() < 0.62  # two splits that hold out 30 % each
    right = (held.base_said[3] == gold)[seen].mean()
    assert abs(right - held.accuracy[3, :, 0].mean()) < 0.05
    for said in (held.base_said, held.tuned_said):
        assert said.max() < len(held.labels)
        assert ((said >= 0) == seen).all()


def test_slices_cover_the_rows_and_count_what_is_right(held: Transfers, slices: Slices) -> None:
    gold = np.searchsorted(np.array(held.labels), held.rows["label"].to_numpy(dtype=str))
    seen = held.base_said[0] >= 0
    of_label = {
        name: (count, shares)
        for kind, name, count, shares in zip(slices.kinds, slices.names, slices.counts, slices.shares[3], strict=True)
        if kind == "label"
    }
    assert of_label
    for name, (count, (base, tuned, difference)) in of_label.items():
        rows = seen & (held.rows["label"].to_numpy(dtype=str) == name)
        assert count == rows.sum()
        assert base.value == pytest.approx((held.base_said[3] == gold)[rows].mean())
        assert tuned.value == pytest.approx((held.tuned_said[3] == gold)[rows].mean())
        assert difference.value == pytest.approx(tuned.value - base.value)
    for kind in ("frequency", "length"):
        counts = [n for one, n in zip(slices.kinds, slices.counts, strict=True) if one == kind]
        assert sum(counts) <= seen.sum()


def test_rows_say_their_place_as_points_of_a_map_do(made: Lab, held: Transfers) -> None:
    vectors = made.peek(BASE)
    points = describe_rows(SAMPLE, vectors.sentence, vectors.word)
    assert places_of(held.rows) == places_of(points)
    assert len(set(places_of(held.rows))) == len(held.rows)  # equal words of a sentence are told apart


def test_saved_points_are_a_slice_beside_all_other_rows(held: Transfers) -> None:
    gold = np.searchsorted(np.array(held.labels), held.rows["label"].to_numpy(dtype=str))
    chosen = held.rows["label"].to_numpy(dtype=str) == "NOUN"
    seen = held.base_said[0] >= 0
    table = paired.saved_table(held, 3, places_of(held.rows[chosen]), "nouns")
    assert list(table["name"]) == ["nouns", "nouns", "all others", "all others"]
    assert list(table["n"]) == 2 * [(seen & chosen).sum()] + 2 * [(seen & ~chosen).sum()]
    by_hand = [
        (said[3] == gold)[seen & rows].mean()
        for rows in (chosen, ~chosen)
        for said in (held.base_said, held.tuned_said)
    ]
    assert table["share"].tolist() == pytest.approx(by_hand)
    assert ((table["low"] <= table["share"]) & (table["share"] <= table["high"])).all()
    few = np.flatnonzero(chosen & seen)[:LEAST_ROWS]
    assert paired.saved_table(held, 3, places_of(held.rows.iloc[few[1:]]), "few").empty
    assert paired.saved_table(held, 3, [("another text", "word", 1)], "of another text").empty
    assert paired.saved_table(held, 3, places_of(held.rows), "all of them").empty


def test_words_of_one_sentence_were_never_in_training(held: Transfers, slices: Slices) -> None:
    names = [name for kind, name in zip(slices.kinds, slices.names, strict=True) if kind == "frequency"]
    table = paired.slices_table(slices, 3, "frequency")
    assert list(dict.fromkeys(table["name"])) == names
    alone = held.rows.groupby("text")["group"].transform("nunique") == 1
    counted = dict(zip(table["name"], table["n"], strict=True))
    if "in 1 sentence: never in training" in counted:
        assert counted["in 1 sentence: never in training"] == int((alone & (held.base_said[0] >= 0)).sum())


def test_what_is_said_instead_adds_up(held: Transfers) -> None:
    for side, counts in readout.said_counts(held, 3).items():
        said = held.base_said if side == "base" else held.tuned_said
        assert counts.sum() == (said[3] >= 0).sum()
        gold = held.rows["label"][said[3] >= 0]
        assert counts.sum(axis=1).tolist() == [(gold == name).sum() for name in held.labels]


def test_a_search_reads_no_sentence_of_its_own_test_side(made: Lab) -> None:
    vectors = made.peek(BASE)
    side = _Side.of(vectors, labelled_rows(load_sample(SAMPLE), vectors, "word", "upos"), 2)
    for seed, (train, test) in enumerate(side.splits):
        spoilt = _Side(
            tuple(np.where(np.isin(np.arange(len(layer)), test)[:, None], np.nan, layer) for layer in side.layers),
            side.rows, side.names, side.targets, side.splits,
        )  # fmt: skip
        # Vectors that are not finite are refused by the perceptron: none of the test side's may reach it.
        assert spoilt.search(3, seed, ((8, 8, 1.0), (8, 8, 1e-4)), Quiet()) in ((8, 8, 1.0), (8, 8, 1e-4))
        assert len(train)


def test_kinds_stop_within_an_epoch_when_cancelled(made: Lab) -> None:
    vectors = made.peek(BASE)
    side = _Side.of(vectors, labelled_rows(load_sample(SAMPLE), vectors, "word", "upos"), 2)
    run = Quiet(stop_after=3)
    with pytest.raises(Cancelled):
        side.read(3, 0, ((16, 16, 1e-4),), run)
    assert run.checks == 4


def test_few_sentences_have_fewer_neighbours(own: Lab) -> None:
    sample = Sample(of=Suite(split="dev"), n=12)
    sides = [
        Embed(checkpoint=Packaged(), sample=sample, unit="sentence", pooling=pooling) for pooling in ("mean", "cls")
    ]
    found = own.run(ProbeKinds(base=sides[0], tuned=sides[1], label="tense", n_seeds=2, sizes=(4,)))
    assert found.n_neighbours == found.n_train < 10


def test_a_penalty_is_chosen_in_each_split_and_kept_with_the_score(made: Lab, own: Lab) -> None:
    plain = made.peek(Probe(embed=BASE, label="upos", n_seeds=2))
    assert plain.chosen == ()
    spec = Probe(embed=BASE, label="upos", n_seeds=2, penalties=(1e-6, 1e-2))
    found = own.run(spec)
    assert found.chosen == ((1e-2, 1e-2),) * 7  # next to no weights cannot win
    # Where the same penalty is chosen everywhere, the probe is the plain one.
    np.testing.assert_allclose(found.accuracy, plain.accuracy, atol=0.01)
    assert key_of(Probe(embed=BASE, label="upos", n_seeds=2, penalties=())) == key_of(
        Probe(embed=BASE, label="upos", n_seeds=2)
    )
    with pytest.raises(SpecInvalid):
        Probe(embed=BASE, label="upos", penalties=(0.0,))
    with pytest.raises(IncompatibleRefs):
        ProbeChange(base=spec, tuned=Probe(embed=TUNED, label="upos", n_seeds=2))


def test_l1_leaves_features_without_a_weight_and_says_how_many(made: Lab, own: Lab) -> None:
    plain = Probe(embed=BASE, label="upos", n_seeds=2)
    spec = Probe(embed=BASE, label="upos", n_seeds=2, l1_ratio=1.0)
    assert key_of(plain) == key_of(Probe(embed=BASE, label="upos", n_seeds=2, l1_ratio=0.0, balanced=False))
    assert key_of(spec) != key_of(plain)
    assert spec.cost()[0] > plain.cost()[0]
    found, weaker = own.run(spec), own.run(spec.replace(C=1.0))
    assert made.peek(plain).used == ()
    assert np.shape(found.used) == (7, 2)
    assert 0 < np.max(found.used) < 1
    assert np.mean(found.used) < np.mean(weaker.used)  # the stronger the penalty, the fewer
    assert weaker.accuracy[1:].min() > weaker.majority
    for odd in (-0.1, 1.5):
        with pytest.raises(SpecInvalid):
            Probe(embed=BASE, label="upos", l1_ratio=odd)
    with pytest.raises(IncompatibleRefs):
        ProbeChange(base=spec, tuned=Probe(embed=TUNED, label="upos", n_seeds=2))


def test_a_balanced_probe_does_better_by_rare_classes(own: Lab) -> None:
    kinds = [Probe(embed=BASE, label="upos", n_seeds=4, C=1e-4, balanced=balanced) for balanced in (False, True)]
    plain, balanced = map(own.run, kinds)
    # A strong penalty makes the plain probe answer common classes; guessing is one class in as many as a split has.
    assert 1 / len(balanced.labels) <= balanced.majority < plain.majority
    assert balanced.accuracy.shape == plain.accuracy.shape
    assert balanced.accuracy[1:].mean() > balanced.majority + 0.2
    assert (balanced.control <= 1).all()
    with pytest.raises(IncompatibleRefs):
        ProbeChange(base=kinds[1], tuned=Probe(embed=TUNED, label="upos", n_seeds=4, C=1e-4))


def test_a_result_written_before_a_field_came_is_still_read(made: Lab) -> None:
    spec = Probe(embed=BASE, label="upos", n_seeds=2)
    manifest = made.store.folder(spec) / "artifact.json"
    assert '"chosen"' in manifest.read_text(encoding="utf-8")
    plain, files = {"majority": 0.5}, manifest.parent
    assert files.is_dir()
    with pytest.raises(KeyError):
        read_result(ProbeScores, plain, files)  # a field without a default must be there
    written = json.loads(manifest.read_text(encoding="utf-8"))
    values = next(part for part in written.values() if isinstance(part, dict) and "chosen" in part)
    del values["chosen"]
    assert read_result(ProbeScores, values, files).chosen == ()
