"""Similarity from spec to result: every measure, words of one kind, what is refused, and keys that stay."""

import numpy as np
import pytest

from core.analyses.embed import Embed
from core.analyses.similarity import ESTIMATORS, RSA_ROWS, LayerSimilarity, Similarity, equal_limits
from core.charts import similarity as charts
from core.data.load import load_sample
from core.data.overlap import n_rows, shared_sentences
from core.errors import IncompatibleRefs, NotEnoughData, SpecInvalid
from core.keys import key_of, to_json
from core.lab import Lab, Named
from core.maths.cards import CARDS
from core.maths.similarity import angular_procrustes, cka_jackknife, knn_overlap
from core.maths.statistics import group_folds
from core.refs import Packaged, Sample, Suite
from core.settings import Settings
from core.store.artifacts import Store
from pages.parts.selection import distinct_names, twin_of
from tests.small import BASE, SAMPLE, SENTENCES, TUNE, TUNED


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A lab of this file's own, with the small comparison's vectors in it."""
    lab = Lab(Store(Settings(cache=tmp_path_factory.mktemp("own"), device="cpu")), engine="none")
    for spec in (TUNE, BASE, TUNED):
        lab.run(spec)
    return lab


def asked(measure: str, **fields: object) -> Similarity:
    return Similarity(base=BASE, tuned=TUNED, measure=measure, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("measure", list(CARDS))
def test_every_measure_is_computed_stored_and_read_again(own: Lab, measure: str) -> None:
    own.run(asked(measure))
    found = own.peek(asked(measure))
    card = CARDS[measure]
    assert found.measure == measure
    assert found.matrix.shape == (7, 7)
    assert np.isfinite(found.matrix).all()
    for layer, one in enumerate(found.same_layer):
        assert one.low <= one.value <= one.high
        assert found.matrix[layer, layer] == pytest.approx(one.value, abs=1e-6)
    assert found.same_layer[0].value == pytest.approx(card.same, abs=0.1)  # the embeddings hardly move
    if measure in ("cka", "rsa"):
        assert found.shuffled == ()
    else:  # shuffled rows are further apart than the same ones
        assert all(
            abs(one - card.same) > abs(kept.value - card.same)
            for one, kept in zip(found.shuffled, found.same_layer, strict=True)
        )
    assert set(ESTIMATORS) == set(CARDS)


def test_keys_of_what_was_stored_before_stay() -> None:
    """The demo pack, and everybody's stores, hold results under them."""
    assert set(to_json(asked("cka"))) == {"kind", "version", "base", "tuned", "debiased"}
    assert set(to_json(asked("rsa"))) == {"kind", "version", "base", "tuned", "debiased", "measure"}
    assert len({key_of(asked(measure)) for measure in CARDS}) == len(CARDS)


def test_versions_of_one_another_leave_together(own: Lab) -> None:
    """Both members of a minimal pair fall into one fold, or the interval is that of twice as many sentences."""
    sample = Sample(of=Suite(part="agreement"), n=160)
    sides = [Embed(checkpoint=of, sample=sample, unit="sentence", pooling="mean") for of in (Packaged(), TUNE)]
    found = own.run(Similarity(base=sides[0], tuned=sides[1]))
    X, Y = (np.asarray(own.run(side).layers[6], dtype=np.float32) for side in sides)
    pairs = load_sample(sample).groups
    assert pairs is not None
    assert 100 < len(set(pairs)) < 155
    assert found.same_layer[6] == cka_jackknife(X, Y, group_folds(pairs))
    assert found.same_layer[6].standard_error != cka_jackknife(X, Y, group_folds(np.arange(160))).standard_error


def test_no_more_rows_are_compared_than_asked_for(own: Lab) -> None:
    everything = own.run(asked("knn"))
    fewer = own.run(asked("knn", max_rows=200))
    assert (fewer.n_rows, fewer.estimator) == (200, everything.estimator)
    assert everything.n_rows > 200
    rows = np.sort(np.random.default_rng(0).choice(everything.n_rows, 200, replace=False))
    X, Y = (np.asarray(own.peek(side).layers[6][rows], dtype=np.float32) for side in (BASE, TUNED))
    assert fewer.same_layer[6].value == pytest.approx(knn_overlap(X, Y), abs=1e-12)
    assert own.run(asked("knn", max_rows=10**6)).n_rows == everything.n_rows
    with pytest.raises(SpecInvalid, match="Negative"):
        asked("knn", max_rows=-1)


def test_texts_are_limited_to_equally_many_rows_only_where_it_counts() -> None:
    assert equal_limits("cka", [900, 700]) == equal_limits("rsa", [900, 700]) == (0, 0)
    assert equal_limits("svcca", [9000, 7000]) == (7000, 0)
    assert equal_limits("knn", [700, 900]) == (0, 700)
    assert equal_limits("knn", [9000, RSA_ROWS]) == (0, 0)  # as many are read of each already
    assert equal_limits("knn", [9000, 700]) == (700, 0)
    assert equal_limits("procrustes", [700, 700]) == (0, 0)


def test_unequal_rows_are_not_subtracted_where_their_number_decides(own: Lab) -> None:
    cases: tuple[tuple[str, dict[str, object]], ...] = (("knn", {}), ("cka", {"debiased": False}))
    for measure, plain in cases:
        found, fewer = own.run(asked(measure, **plain)), own.run(asked(measure, max_rows=200, **plain))
        with pytest.raises(IncompatibleRefs, match="moves with their number"):
            charts.texts_table({"one": found, "other": fewer})
        assert len(charts.texts_table({"one": fewer, "other": fewer}))
    assert len(charts.texts_table({"one": own.run(asked("cka")), "other": own.run(asked("cka", max_rows=200))}))
    with pytest.raises(IncompatibleRefs, match="same measure"):
        charts.texts_table({"one": own.run(asked("cka")), "other": own.run(asked("rsa"))})


def test_sentences_in_both_texts_are_counted_and_rows_before_they_are_read(own: Lab) -> None:
    other = SAMPLE.replace(seed=1)
    texts, others = load_sample(SAMPLE).texts, load_sample(other).texts
    assert shared_sentences(SAMPLE, other) == (sum(text in texts for text in others), 60)
    assert shared_sentences(SAMPLE, Sample(of=SAMPLE.of)) == (60, 1000)  # no sentence stands twice in it
    assert shared_sentences(Sample(of=SAMPLE.of), SAMPLE) == (60, 60)
    assert shared_sentences(SAMPLE, Sample(of=Suite(part="harbour"), n=50)) == (0, 50)
    assert n_rows(SAMPLE, "word") == len(own.run(BASE).word)
    assert n_rows(SAMPLE, "sentence") == 60


def test_things_called_alike_are_told_apart_by_their_ids() -> None:
    things = [Named(id=i, name=name, ref=None) for i, name in (("a1", "reviews"), ("b2", "reviews"), ("c3", "mail"))]
    assert distinct_names(things) == {"a1": "reviews (a1)", "b2": "reviews (b2)", "c3": "mail"}


def test_words_of_one_kind_are_compared_alone(own: Lab) -> None:
    tags = load_sample(SAMPLE).word_labels["upos"]
    vectors = own.peek(BASE), own.peek(TUNED)
    rows = [
        at for at, (i, j) in enumerate(zip(vectors[0].sentence, vectors[0].word, strict=True)) if tags[i][j] == "NOUN"
    ]
    X, Y = (np.asarray(held.layers[5][rows], dtype=np.float32) for held in vectors)
    for measure, alone in (("procrustes", angular_procrustes), ("knn", knn_overlap)):
        found = own.run(asked(measure, label="upos", value="NOUN"))
        assert found.n_rows == len(rows)
        assert found.same_layer[5].value == pytest.approx(alone(X, Y), abs=1e-9)


def test_a_kind_of_few_words_or_none_gets_a_message(own: Lab) -> None:
    with pytest.raises(NotEnoughData, match="words are"):
        own.run(asked("cka", label="upos", value="INTJ"))
    with pytest.raises(SpecInvalid, match="The words have"):
        own.run(asked("cka", label="colour", value="red"))


def test_what_cannot_be_compared_is_refused_early() -> None:
    for wrong in ({"measure": "rsa", "debiased": False}, {"label": "upos"}, {"value": "NOUN"}, {"measure": "cca"}):
        with pytest.raises(SpecInvalid):
            Similarity(base=BASE, tuned=TUNED, **wrong)  # type: ignore[arg-type]
    with pytest.raises(SpecInvalid, match="Only words"):
        Similarity(base=SENTENCES, tuned=SENTENCES, label="upos", value="NOUN")


def test_too_few_rows_for_canonical_correlations_fail_with_a_message(own: Lab) -> None:
    """Some eighty nouns have less than 384 dimensions to be told apart in."""
    with pytest.raises(NotEnoughData, match="too few rows"):
        own.run(asked("pwcca", label="upos", value="NOUN"))


def test_the_second_text_of_equal_numbers_differs_by_noise_alone(own: Lab) -> None:
    found: LayerSimilarity = own.run(asked("cka"))
    table = charts.texts_table({"one": found, "other": found})
    assert table["is_noise"].all()
    assert (table["difference"] == 0).all()
    width = table["difference_high"] - table["difference_low"]
    own_width = table["high"] - table["low"]
    assert (width > own_width).sum() >= 6 * 2  # squares add; the embeddings may have no spread at all


def test_another_run_of_the_same_tuning_is_found_by_its_seed_alone() -> None:
    from core.analyses.compress import Compress
    from core.analyses.fine_tune import Snapshot
    from core.catalogue import Named

    def named(ref: object) -> Named:
        return Named(id=str(hash(ref)), name="", ref=ref)

    kept = TUNE.replace(snapshots=(1, 2))
    twins = [
        (TUNE, TUNE.replace(seed=3)),
        (Compress(of=TUNE, rank=4), Compress(of=TUNE.replace(seed=3), rank=4)),
        (Snapshot(run=kept, step=1), Snapshot(run=kept.replace(seed=3), step=1)),
    ]
    everything = [named(ref) for pair in twins for ref in pair] + [
        named(Compress(of=TUNE.replace(seed=3), rank=8)),
        named(Snapshot(run=kept.replace(seed=3), step=2)),
        named(TUNE.replace(seed=3, epochs=2)),
        named(BASE.checkpoint),
    ]
    for ref, expected in twins:
        found = twin_of(named(ref), everything)
        assert found is not None
        assert found.ref == expected
    assert twin_of(named(TUNE), [one for one in everything if one.ref != TUNE.replace(seed=3)]) is None
    assert twin_of(named(BASE.checkpoint), everything) is None


def test_names_at_the_ends_of_curves_keep_apart_and_in_order() -> None:
    assert charts._apart([0.1, 0.5, 0.9], 0.1) == [0.1, 0.5, 0.9]
    placed = charts._apart([0.9, 0.95, 0.96, 0.97], 0.1)
    assert np.diff(placed) == pytest.approx([0.1] * 3)
    assert max(placed) <= 0.97 + 1e-9


def test_a_card_is_told_in_words_for_every_measure() -> None:
    for name, card in CARDS.items():
        said = charts.card_help(name)
        assert all(words in said for words in (card.title[1:], card.direction, card.source, card.says, card.beware[1:]))
