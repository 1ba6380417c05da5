"""DirectProbe and label geometry from spec to table: what is stored is what the mathematics says of the same rows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.analyses.direct_probe import LEAST_POINTS, DirectProbe, LabelHulls, drawn_rows
from core.analyses.direct_probe_change import DirectProbeChange
from core.analyses.direct_probe_change import compute as compute_change
from core.analyses.embed import Embed
from core.analyses.label_geometry import LabelGeometry
from core.analyses.spatial_change import SpatialChange
from core.analyses.spatial_similarity import SpatialSimilarity
from core.analyses.units import labelled_rows
from core.charts import geometry
from core.charts.look import Look
from core.data.load import load_sample
from core.errors import IncompatibleRefs, NotEnoughData, SpecInvalid
from core.lab import Lab
from core.maths.directprobe import direct_probe, label_distances, spatial_similarity
from core.refs import Folder, Packaged, Sample, Suite, TableFile
from core.settings import Settings
from core.store.artifacts import Store
from tests.faults import tiny
from tests.quiet import Quiet
from tests.small import BASE, SAMPLE, SENTENCES, TUNED

HULLS = [DirectProbe(embed=side, label="upos", n_rows=150) for side in (BASE, TUNED)]
PLACES = LabelGeometry(base=BASE, tuned=TUNED, label="upos")


@pytest.fixture
def own(tmp_path: Path) -> Lab:
    """A lab of the test's own: what it computes is no part of the small comparison."""
    return Lab(Store(Settings(cache=tmp_path / "cache", device="cpu")), engine="none")


@pytest.fixture(scope="module")
def base(made: Lab) -> LabelHulls:
    found: LabelHulls | None = made.peek(HULLS[0])
    assert found is not None
    return found


def vectors(made: Lab, spec: DirectProbe, layer: int) -> np.ndarray:
    """The rows that a spec reads, of a layer."""
    embeddings = made.peek(spec.embed)
    rows = labelled_rows(load_sample(SAMPLE), embeddings, "word", "upos")
    return rows.vectors(embeddings.layers[layer])[drawn_rows(rows, spec)].astype(float)


@pytest.mark.parametrize("layer", [0, 4])
def test_distances_and_clusters_are_those_of_the_rows(made: Lab, base: LabelHulls, layer: int) -> None:
    X = vectors(made, HULLS[0], layer)
    named = label_distances(X, base.label)
    for (a, b), found in zip(base.pairs, base.distances[layer], strict=True):
        if min(base.counts[a], base.counts[b]) < LEAST_POINTS:
            assert np.isnan(found)
        else:
            assert found == pytest.approx(named[a, b], rel=1e-6, abs=1e-9)
    clusters = direct_probe(X, base.label)
    assert base.n_clusters[layer] == clusters.n_clusters
    np.testing.assert_array_equal(base.assignment[layer], clusters.assignment)
    assert base.is_linear[layer] == clusters.is_linear


def test_rows_are_whole_sentences_and_no_more_than_asked(made: Lab, base: LabelHulls) -> None:
    embeddings = made.peek(BASE)
    assert len(base.label) <= 150
    for sentence in np.unique(base.sentence):
        assert np.sum(base.sentence == sentence) == np.sum(embeddings.sentence == sentence)
    assert tuple(np.bincount(base.label)) == base.counts


def test_two_halves_share_no_sentence_and_leave_none_out(made: Lab) -> None:
    whole = HULLS[0].replace(n_rows=5_000)
    rows = labelled_rows(load_sample(SAMPLE), made.peek(BASE), "word", "upos")
    first, second = (drawn_rows(rows, whole.replace(half=half)) for half in ("first", "second"))
    assert not set(rows.group[first]) & set(rows.group[second])
    np.testing.assert_array_equal(np.sort(np.concatenate([first, second])), drawn_rows(rows, whole))


def test_hulls_of_half_the_sentences_never_lie_nearer(base: LabelHulls) -> None:
    known = ~np.isnan(base.half_distances)
    assert known.any()
    assert (base.half_distances >= base.distances[:, None] - 1e-6)[known].all()


def test_the_nearest_label_is_the_least_of_its_pairs(base: LabelHulls) -> None:
    for label, found in enumerate(base.nearest(base.distances)[3]):
        own = [d for pair, d in zip(base.pairs, base.distances[3], strict=True) if label in pair and not np.isnan(d)]
        assert np.isnan(found) if not own else found == min(own)


def test_changes_are_tuned_minus_base_and_the_mean_is_over_labels(made: Lab, base: LabelHulls) -> None:
    tuned, change = made.peek(HULLS[1]), made.peek(DirectProbeChange(base=HULLS[0], tuned=HULLS[1]))
    kept = np.flatnonzero(np.array(base.counts) >= LEAST_POINTS)
    assert change.labels == tuple(base.labels[at] for at in kept)
    for layer in (0, 6):
        before, after = base.nearest(base.distances)[layer][kept], tuned.nearest(tuned.distances)[layer][kept]
        assert list(change.base_units[layer]) == pytest.approx(list(before))
        relative = after / tuned.mean_norm[layer] - before / base.mean_norm[layer]
        assert [one.value for one in change.difference[layer]] == pytest.approx(list(relative))
        everywhere = [at for at, one in enumerate(change.difference[layer]) if np.isfinite(one.low)]
        assert change.n_in_mean == len(everywhere)
        assert change.mean_difference[layer].value == pytest.approx(relative[everywhere].mean())
        assert sum(geometry.counted(change, layer)) == len(kept)


def test_a_space_that_only_grew_shows_no_change(base: LabelHulls) -> None:
    doubled = ("distances", "half_distances", "control_distances", "mean_norm")
    grown = replace(base, **{name: 2 * getattr(base, name) for name in doubled})
    spec = DirectProbeChange(base=HULLS[0], tuned=HULLS[1])
    change = compute_change(spec, {"base": base, "tuned": grown}, Quiet())
    assert all(one.value == pytest.approx(0, abs=1e-12) for layer in change.difference for one in layer)
    np.testing.assert_allclose(change.tuned_units, 2 * change.base_units)


def test_a_layer_without_spread_has_no_distances_and_spoils_no_other(base: LabelHulls) -> None:
    norms = base.mean_norm.copy()
    norms[0] = 0.0
    flat = replace(base, mean_norm=norms)
    change = compute_change(DirectProbeChange(base=HULLS[0], tuned=HULLS[1]), {"base": flat, "tuned": flat}, Quiet())
    assert change.mean_base[0] is None
    assert set(change.base[0]) == {None}
    assert change.mean_base[1] is not None


def test_fewer_than_two_large_labels_are_refused(base: LabelHulls) -> None:
    rare = replace(base, counts=(60, *(3,) * (len(base.labels) - 1)))
    with pytest.raises(NotEnoughData, match="1 of"):
        compute_change(DirectProbeChange(base=HULLS[0], tuned=HULLS[1]), {"base": rare, "tuned": rare}, Quiet())


def test_nothing_differs_from_itself(own: Lab) -> None:
    same = HULLS[0]
    change = own.run(DirectProbeChange(base=same, tuned=same))
    assert all(one.value == 0 for layer in change.difference for one in layer)
    alike = own.run(SpatialSimilarity(first=same, second=same)).similarity
    assert [one and one.value for one in alike] == [None, *[pytest.approx(1)] * 6]  # at layer 0 planes do not part them
    places = own.run(LabelGeometry(base=BASE, tuned=BASE, label="upos"))
    assert all(one.value == pytest.approx(0, abs=1e-9) for layer in places.moved for one in layer)
    assert all(one is None or one.value == pytest.approx(1) for one in places.in_base)
    assert places.is_noise.all()
    assert np.nanmax(places.degrees) == pytest.approx(0, abs=1e-3)
    assert all(one.value == 0 for one in (*places.fisher_difference, *places.silhouette_difference))


def test_spatial_similarity_is_the_correlation_of_named_distances(made: Lab) -> None:
    halves = [HULLS[0].replace(half=half) for half in ("first", "second")]
    found = made.peek(SpatialSimilarity(first=halves[0], second=halves[1]))
    assert found.similarity[0] is None  # equal words at equal places: no planes part them
    sides = []
    for held in map(made.peek, halves):
        pairs = [(held.labels[a], held.labels[b]) for a, b in held.pairs]
        sides.append({pair: d for pair, d in zip(pairs, held.distances[5], strict=True) if not np.isnan(d)})
    assert found.n_pairs == len(sides[0].keys() & sides[1].keys())
    assert found.similarity[5].value == pytest.approx(spatial_similarity(*sides))


def test_labels_too_rare_for_a_centroid_are_left_out_and_counted(made: Lab) -> None:
    places = made.peek(PLACES)
    counts = np.unique(labelled_rows(load_sample(SAMPLE), made.peek(BASE), "word", "upos").labels, return_counts=True)[
        1
    ]
    assert places.n_left_out + len(places.labels) == len(counts)
    assert min(places.counts) >= 6
    assert places.n_rows == sum(places.counts)
    assert places.plane.shape == (7, len(places.labels), 2)
    assert places.control.shape == (7, 5)
    # What is drawn is no longer than what moved.
    lengths = np.array([[one.value for one in layer] for layer in places.moved])
    assert (np.linalg.norm(places.plane, axis=2) <= lengths + 1e-9).all()


def test_labels_too_rare_to_be_judged_are_drawn_in_the_plane_of_the_others(own: Lab, tmp_path: Path) -> None:
    sides = []
    for name, blocks in (("deep", 3), ("flat", 2)):
        tiny("bert", tmp_path / name)
        config = tmp_path / name / "config.json"
        config.write_text(config.read_text().replace('"num_hidden_layers": 3', f'"num_hidden_layers": {blocks}'))
        sides.append(Embed(checkpoint=Folder.at(tmp_path / name), sample=Sample(of=Suite(), n=20), dtype="float32"))
    places = own.run(LabelGeometry(base=sides[0], tuned=sides[1], label="upos"))
    rows = labelled_rows(load_sample(sides[0].sample), own.peek(sides[0]), "word", "upos")
    assert places.n_left_out == len(places.rare_labels) > 0
    assert places.rare_counts == tuple((rows.labels == name).sum() for name in places.rare_labels)
    assert set(places.labels) | set(places.rare_labels) == set(rows.labels)
    table = geometry.displacement_table(places, 2)
    rare = table[table["is_rare"]]
    assert len(rare) == 4 * places.n_left_out
    assert rare[["moved", "low", "high", "is_noise"]].isna().all(axis=None), "a claim about a label of a few rows"
    assert table.loc[~table["is_rare"], "moved"].notna().all()
    # At the top: the mean step of their rows, along the two axes that the coordinates of the others stand for.
    base, tuned = (
        rows.vectors(own.peek(side).layers[at]).astype(float) for side, at in zip(sides, (3, 2), strict=True)
    )
    kept = base[np.isin(rows.labels, places.labels)]
    steps = (tuned - base) / np.linalg.norm(kept - kept.mean(axis=0), axis=1).mean()
    others, mine = (
        np.array([steps[rows.labels == name].mean(axis=0) for name in names])
        for names in (places.labels, places.rare_labels)
    )
    np.testing.assert_allclose(places.rare_plane[3], mine @ np.linalg.pinv(others) @ places.plane[3], atol=1e-6)
    drawn = geometry.displacement_panels(table, Look(), 3).to_dict()
    greys = [one for panel in drawn["concat"] for one in panel["layer"] if one["mark"].get("color") == Look().quiet]
    assert len(greys) == 4
    assert not any(one["mark"]["filled"] for one in greys)
    assert all({"label", "n"} <= {tip["field"] for tip in one["encoding"]["tooltip"]} for one in greys)


def test_a_result_that_did_not_keep_rare_labels_is_drawn_without_them(made: Lab) -> None:
    places = replace(made.peek(PLACES), rare_labels=(), rare_counts=(), rare_plane=())
    table = geometry.displacement_table(places, 6)
    assert not table["is_rare"].any()
    assert len(table) == 7 * len(places.labels)


def test_sides_of_two_widths_share_no_directions_but_all_else(own: Lab, tmp_path: Path) -> None:
    tiny("bert", tmp_path / "bert")
    other = Embed(checkpoint=Folder.at(tmp_path / "bert"), sample=SAMPLE)
    spec = LabelGeometry(base=BASE, tuned=other, label="upos")
    places = own.run(spec)
    assert all(one is None for one in places.in_base)
    assert places.plane.size == 0
    assert len(places.base_fisher) == 7
    assert geometry.displacement_table(places, 3).empty


def test_where_all_rows_are_equal_a_layer_has_no_answer_and_the_others_have(own: Lab) -> None:
    first = Embed(checkpoint=Packaged(), sample=SAMPLE, unit="sentence", pooling="cls")
    places = own.run(LabelGeometry(base=first, tuned=first, label="sentiment"))
    assert (places.base_fisher[0], places.base_silhouette[0], places.in_base[0]) == (None, None, None)
    assert np.isnan(places.control[0]).all()
    assert all(one is not None for one in places.base_fisher[1:])
    assert geometry.fisher_table(places, 6)["ratio"].isna().sum() == 2


def test_random_labels_of_word_types_share_directions_as_well(made: Lab) -> None:
    # The two spaces are nearly one: that labels keep their directions there says nothing about the labels.
    places = made.peek(PLACES)
    assert np.nanmin(places.control[:, 4]) > 0.5


def test_sentences_and_pairs_are_read_as_words_are(own: Lab) -> None:
    sentences = own.run(DirectProbe(embed=SENTENCES, label="sentiment", n_rows=60))
    assert sentences.labels == ("negative", "positive")
    assert sentences.n_dims == 384
    pairs = own.run(DirectProbe(embed=BASE, label="dependency", n_rows=100))
    assert pairs.n_dims == 768
    assert len(pairs.label) <= 100


def test_what_cannot_be_clustered_is_refused_with_a_message(own: Lab, tmp_path: Path) -> None:
    with pytest.raises(SpecInvalid, match="10 rows"):
        DirectProbe(embed=BASE, label="upos", n_rows=10)
    other = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(split="test"), n=60))
    for unlike in (HULLS[0].replace(embed=other), HULLS[0].replace(label="lemma"), HULLS[0].replace(n_rows=99)):
        with pytest.raises(IncompatibleRefs):
            DirectProbeChange(base=HULLS[0], tuned=unlike)
    with pytest.raises(IncompatibleRefs):
        SpatialSimilarity(first=HULLS[0], second=HULLS[0].replace(label="lemma"))
    similar = SpatialSimilarity(first=HULLS[0], second=HULLS[0])
    with pytest.raises(IncompatibleRefs):
        SpatialChange(base=similar, tuned=SpatialSimilarity(first=HULLS[0], second=HULLS[0].replace(embed=other)))
    with pytest.raises(IncompatibleRefs):
        LabelGeometry(base=BASE, tuned=other, label="upos")
    one = tmp_path / "one.tsv"
    one.write_text("".join(f"sentence number {i}\tsame\n" for i in range(30)), encoding="utf-8")
    sample = Sample(of=TableFile.at(one, labels=("2",), label_names=("label",)), n=30)
    embed = Embed(checkpoint=Packaged(), sample=sample, unit="sentence", pooling="mean")
    with pytest.raises(NotEnoughData, match="Every row has the label"):
        own.run(DirectProbe(embed=embed, label="label"))
    with pytest.raises(NotEnoughData, match="Take more sentences"):
        own.run(LabelGeometry(base=embed, tuned=embed, label="label"))
