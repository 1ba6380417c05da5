"""Isotropy and the mean shift from spec to chart: what is stored is what the formulas say, and what cannot be is said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.analyses.activation_difference import ActivationDifference, ActivationDifferences, _is_word
from core.analyses.embed import Embed
from core.analyses.isotropy import MEASURES, Isotropies, Isotropy
from core.charts import isotropy as drawn
from core.charts.cursor import HOVER, PICK
from core.charts.look import Look
from core.data.load import load_sample
from core.errors import IncompatibleRefs, NotEnoughData, SpecInvalid
from core.lab import Lab
from core.maths.cosines import cosine_contributions, dimensions, intra_similarity, self_similarity
from core.maths.isotropy import component_share, intrinsic_dimension, isoscore, log10_partition_isotropy
from core.maths.shift import chance_cosine, relative_norm, scatter_directions, shift_sums
from core.maths.statistics import group_folds, jackknife
from core.refs import Packaged, RandomWeights, Sample, Suite
from core.settings import Settings
from core.store.artifacts import Store

SAMPLE = Sample(of=Suite(split="dev"), n=60)
BASE = Embed(checkpoint=Packaged(), sample=SAMPLE)
OTHER = Embed(checkpoint=RandomWeights(of=Packaged(), seed=0), sample=SAMPLE)
"""Weights drawn afresh stand for a checkpoint that differs everywhere; they need no training."""
ISOTROPY = Isotropy(base=BASE, tuned=OTHER, n_points=5000)
SHIFT = ActivationDifference(base=BASE, tuned=OTHER, checkpoint=OTHER.checkpoint, n_positions=3, n_tokens=4)
Made = tuple[Lab, Isotropies, ActivationDifferences]


@pytest.fixture
def own(tmp_path: Path) -> Lab:
    """A lab of the test's own: what it computes is no part of the small comparison."""
    return Lab(Store(Settings(cache=tmp_path / "cache", device="cpu")), engine="none")


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Both analyses, computed once in a lab of this file's own."""
    lab = Lab(Store(Settings(cache=tmp_path_factory.mktemp("isotropy"), device="cpu")), engine="none")
    return lab, lab.run(ISOTROPY), lab.run(SHIFT)


def _layer(lab: Lab, spec: Embed, layer: int) -> np.ndarray:
    return np.asarray(lab.peek(spec).layers[layer], dtype=np.float32)


def test_measures_are_those_of_the_public_functions(held: Made) -> None:
    lab, result, _ = held
    vectors, words = lab.peek(BASE), load_sample(SAMPLE).words
    types = [words[at][word].casefold() for at, word in zip(vectors.sentence, vectors.word, strict=True)]
    for side, spec in ((result.base, BASE), (result.tuned, OTHER)):
        X = _layer(lab, spec, 4)
        baseline = cosine_contributions(X, vectors.sentence).sum()
        expected = {
            "isoscore": isoscore(X),
            "partition": log10_partition_isotropy(X),
            "dimension": intrinsic_dimension(X),
            "top_component": component_share(X),
            "mean_cosine": baseline,
            "self_similarity": self_similarity(X, types, vectors.sentence) - baseline,
            "intra_similarity": np.nanmean(intra_similarity(X, vectors.sentence)) - baseline,
        }
        for name, value in expected.items():
            assert side[name][4].value == pytest.approx(value, rel=1e-4, abs=1e-6), name
    for name in MEASURES:
        one, other, change = (side[name][4] for side in (result.base, result.tuned, result.difference))
        assert change.value == pytest.approx(other.value - one.value)
        assert change.n_groups == 20
    assert result.n_points == result.n_rows == len(vectors.sentence)
    assert not result.missing


def test_outlier_dimensions_are_those_of_either_side(held: Made) -> None:
    lab, result, _ = held
    for layer in (0, 5):
        before = _layer(lab, BASE, layer)
        one, other = dimensions(before), dimensions(_layer(lab, OTHER, layer))
        rows = result.outliers[result.outliers["layer"] == layer]
        assert set(rows["dimension"]) == set(np.flatnonzero(one.is_outlier | other.is_outlier))
        at = rows["dimension"].to_numpy()
        np.testing.assert_allclose(rows["base_share"], (before.var(axis=0) / before.var(axis=0).sum())[at], rtol=1e-4)
        np.testing.assert_array_equal(rows["tuned_is_outlier"], other.is_outlier[at])
        assert drawn.outlier_counts(result, layer) == (one.is_outlier.sum(), other.is_outlier.sum())
        np.testing.assert_allclose(rows["difference"], rows["tuned_share"] - rows["base_share"], atol=1e-9)


def test_a_side_beside_itself_is_all_noise(held: Made) -> None:
    result = held[0].run(Isotropy(base=BASE, tuned=BASE, n_points=200))
    for name in MEASURES:
        table = drawn.isotropy_table(result, name)
        assert len(table) == 14
        assert table["is_noise"].all()
        assert (table["difference"] == 0).all()
    assert drawn.outliers_table(result)["is_noise"].all()


def test_what_has_no_answer_says_why_and_leaves_the_rest(own: Lab) -> None:
    sentences = Embed(checkpoint=Packaged(), sample=SAMPLE, unit="sentence", pooling="cls")
    result = own.run(Isotropy(base=sentences, tuned=sentences))
    assert "60 rows of 384 dimensions" in result.missing["isoscore"]
    assert drawn.isotropy_table(result, "isoscore").empty
    assert "top_component" in result.missing  # at layer 0 alone: a share of the variance asks for no more rows
    assert "equal" in result.missing["top_component"]
    X = np.asarray(own.peek(sentences).layers[3], dtype=np.float32)
    assert result.base["top_component"][3].value == pytest.approx(component_share(X), rel=1e-5)
    assert drawn.outlier_counts(result, 0) is None  # equal rows: unknown, not none
    assert result.n_outliers[0, 3] == dimensions(X).is_outlier.sum()
    assert result.base["self_similarity"] == (None,) * 7
    assert result.base["dimension"][0] is None  # [CLS] is one vector there
    assert result.base["dimension"][3].value > 1
    assert drawn.isotropy_table(result, "dimension")["layer"].tolist() == 2 * list(range(1, 7))


def _common_square(moved: np.ndarray, group: np.ndarray) -> float:
    """Mean product of differences in two groups, pair by pair."""
    return float((moved @ moved.T)[group[:, None] != group].mean())


def test_versions_of_a_sentence_stand_on_one_side_of_every_fold_and_in_no_pair(own: Lab) -> None:
    sample = Sample(of=Suite(split="dev", part="agreement"), n=60)
    base, tuned = (one.replace(sample=sample) for one in (BASE, OTHER))
    shift = own.run(ActivationDifference(base=base, tuned=tuned, checkpoint=tuned.checkpoint, n_positions=1))
    spread = own.run(Isotropy(base=base, tuned=tuned, n_points=50))
    sentence, numbers = own.peek(base).sentence, load_sample(sample).groups
    assert numbers is not None
    group = np.array(numbers)[sentence]
    assert len(set(group)) < shift.n_sentences == spread.n_sentences == len(set(sentence))
    one, other = _layer(own, base, 5), _layer(own, tuned, 5)
    for at in (sentence, group):
        sums = shift_sums(one, other, at, group_folds(at, n_folds=20), n_folds=20)
        by_hand, is_group = relative_norm(sums), at is group
        assert (shift.norm[5][0].low == pytest.approx(by_hand.low, rel=1e-4)) is is_group
        assert (shift.norm[5][0].high == pytest.approx(by_hand.high, rel=1e-4)) is is_group
    assert spread.base["mean_cosine"][5].value == pytest.approx(cosine_contributions(one, group).sum(), rel=1e-5)
    values = [cosine_contributions(rows, own_group).sum() for rows, own_group in _left_out(one, group)]
    expected = jackknife(0.0, values, n=len(group))
    assert spread.base["mean_cosine"][5].standard_error == pytest.approx(expected.standard_error, rel=1e-4)


def _left_out(rows: np.ndarray, group: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows and groups with each of 20 folds of groups left out."""
    fold = group_folds(group, n_folds=20)
    return [(rows[fold != name], group[fold != name]) for name in range(20)]


def test_mean_shift_is_the_mean_of_the_differences(held: Made) -> None:
    lab, _, result = held
    word, sentence = lab.peek(BASE).word, lab.peek(BASE).sentence
    for layer in (1, 6):
        base, tuned = _layer(lab, BASE, layer), _layer(lab, OTHER, layer)
        mean = (tuned - base).mean(axis=0)
        np.testing.assert_allclose(result.means[layer][0], mean, atol=1e-5)
        length = np.sqrt(_common_square(tuned - base, sentence)) / np.linalg.norm(base, axis=1).mean()
        assert result.norm[layer][0].value == pytest.approx(length, rel=1e-4)
        first, second = ((tuned - base)[word == at].mean(axis=0) for at in (0, 1))
        cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
        assert result.between_places[layer][1][2].value == pytest.approx(cosine, rel=1e-4)
        assert result.share[layer][0].low <= result.share[layer][0].value <= 1
    assert result.n_rows == (len(word), 60, 60, 60)
    assert result.between_layers[2][2].value == pytest.approx(1)


def test_tokens_are_nearest_in_the_input_embeddings_of_the_tuned_side(held: Made) -> None:
    from core.analyses.checkpoint import source_of
    from core.models.checkpoints import load_tokenizer
    from core.models.sources import encoder

    _, _, result = held
    source = source_of(OTHER.checkpoint, {}, "checkpoint")
    with encoder(source, "cpu") as model:
        table = model.get_input_embeddings().weight.detach().numpy()
    tokenizer, mean = load_tokenizer(source.folder), result.means[6][0]
    rows = result.tokens[(result.tokens["layer"] == 6) & (result.tokens["place"] == 0)]
    for row in rows.itertuples():
        at = tokenizer.get_vocab()[row.token]
        cosine = table[at] @ mean / np.linalg.norm(table[at]) / np.linalg.norm(mean)
        assert row.cosine == pytest.approx(cosine, abs=1e-4)
        assert row.is_word == _is_word(row.token)
    towards = rows[rows["way"] == "towards"]
    lengths = np.linalg.norm(table, axis=1)
    cosines = np.divide(table @ mean, lengths * np.linalg.norm(mean), out=np.zeros(len(table)), where=lengths > 0)
    vocabulary = {at: name for name, at in tokenizer.get_vocab().items() if at not in tokenizer.all_special_ids}
    best = max((cosines[at], name) for at, name in vocabulary.items() if _is_word(name))
    assert towards["token"].iloc[0] == best[1]
    assert (towards["cosine"].diff()[1:4] <= 0).all()
    assert rows["chance"].nunique() == 1
    assert 0.1 < rows["chance"].iloc[0] < 0.6
    words = np.array([at for at, name in vocabulary.items() if _is_word(name) and lengths[at] > 0])
    by_chance = scatter_directions(_layer(held[0], BASE, 6), _layer(held[0], OTHER, 6), held[0].peek(BASE).sentence)
    expected = chance_cosine(by_chance, table[words] / lengths[words, None])
    assert rows["chance"].iloc[0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("happy", True),
        ("Ġhappy", True),
        ("▁happy", True),
        ("##ing", False),
        ("1999", False),
        ("of", False),
        ("a.b", False),
    ],
)
def test_word_like_tokens_are_told_from_pieces(token: str, expected: bool) -> None:
    assert _is_word(token) is expected


def test_tables_of_the_mean_shift_bracket_what_chance_gives(held: Made) -> None:
    _, _, result = held
    table = drawn.tokens_table(result, 0)
    assert table["layer"].tolist() == sorted(table["layer"], reverse=True)
    near = result.tokens[result.tokens["is_word"] & (result.tokens["place"] == 0)]
    for row in table.itertuples(index=False):
        for shown, way, sign in ((row[1], "towards", 1), (row[2], "away from", -1)):
            here = near[(near["layer"] == row.layer) & (near["way"] == way)]
            told = here["token"][sign * here["cosine"] > here["chance"]].tolist()
            assert [name for name in shown.partition("(")[0].strip().split(", ") if name] == told
    same = drawn.agreement_table(result, result)
    np.testing.assert_allclose(same["cosine"], 1, atol=1e-6)
    assert len(drawn.cosines_table(result.between_places[2], drawn.place_names(3))) == 16


def test_a_click_on_any_layer_of_the_common_step_chooses_it(held: Made) -> None:
    table = drawn.shift_table(held[2], "norm", 0)
    chart = drawn.shift_curve(table[table["layer"] > 0], Look(), 3, title="length", depth=6)
    assert [param.name for param in chart.params] == [PICK, HOVER]
    band = chart.layer[0].data
    assert band["layer"].tolist() == list(range(7))  # a layer without an answer keeps its place
    assert band["layer"][band["chosen"]].tolist() == [3]


def test_nothing_moved_between_a_checkpoint_and_itself_and_no_number_is_made_of_it(held: Made) -> None:
    result = held[0].run(ActivationDifference(base=BASE, tuned=BASE, checkpoint=BASE.checkpoint, n_positions=2))
    assert all(one is None for layer in result.share for one in layer)
    assert all(one.value == 0 for layer in result.norm for one in layer)
    assert result.tokens.empty
    assert drawn.shift_table(result, "share", 0).empty
    assert drawn.agreement_table(result, result).empty


def test_what_cannot_be_compared_is_refused_early(own: Lab) -> None:
    sentences = Embed(checkpoint=Packaged(), sample=SAMPLE, unit="sentence", pooling="mean")
    elsewhere = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(split="test"), n=60))
    one: dict[str, Any] = {"base": BASE, "tuned": BASE, "checkpoint": BASE.checkpoint}
    for odd, error in (
        ({"base": sentences}, SpecInvalid), ({"base": elsewhere}, IncompatibleRefs),
        ({"checkpoint": OTHER.checkpoint}, SpecInvalid), ({"n_positions": 0}, SpecInvalid), ({"n_tokens": 0}, SpecInvalid),
    ):  # fmt: skip
        with pytest.raises(error):
            ActivationDifference(**{**one, **odd})
    with pytest.raises(IncompatibleRefs):
        Isotropy(base=BASE, tuned=elsewhere)
    with pytest.raises(SpecInvalid):
        Isotropy(base=BASE, tuned=BASE, n_points=10)
    few = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(split="dev"), n=12))
    with pytest.raises(NotEnoughData, match="12 sentences"):
        own.run(ActivationDifference(base=few, tuned=few, checkpoint=few.checkpoint))
