"""Edge probes end to end: what they read of words, spans and pairs, beside their controls; base against tuned; cancelling."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.analyses import edge_probe, edge_probe_change
from core.analyses.edge_probe import EdgeProbe, EdgeScores, where_defined
from core.analyses.edge_probe_change import EdgeDifference, EdgeProbeChange
from core.analyses.edges import edge_splits, labelled_edges
from core.analyses.embed import Embed, Embeddings
from core.analyses.probe import splits_of
from core.charts import mixing
from core.data.examples import Examples, Mark, joined
from core.data.load import load_sample
from core.data.marked import read_marked
from core.data.marks import marks_of
from core.errors import Cancelled, IncompatibleRefs, NotEnoughData, SpecInvalid
from core.jobs.run import compute_artifact
from core.keys import key_of
from core.lab import Lab
from core.maths.structure import expected_layer, scalar_mix_centre
from core.refs import Hub, MarkedFile, Packaged, Sample, Suite
from core.store.artifacts import Store
from tests.faults import says
from tests.quiet import Quiet

SAMPLE = Sample(of=Suite(split="dev"), n=60)
EMBED = Embed(checkpoint=Packaged(), sample=SAMPLE)
EXAMPLES = load_sample(SAMPLE)
N_LAYERS = 3


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    """So small a product is slower on two."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def places_of(examples: Examples) -> list[tuple[int, int]]:
    return [(i, j) for i, words in enumerate(examples.words) for j in range(len(words))]


def embedded(
    examples: Examples,
    *,
    telling: int | None = 1,
    n_layers: int = N_LAYERS,
    without: Sequence[tuple[int, int]] = (),
    seed: int = 0,
) -> Embeddings:
    """Made-up vectors, of which one layer tells each word of the language from all others."""
    places = [place for place in places_of(examples) if place not in without]
    rng = np.random.default_rng(seed)
    layers = [rng.normal(size=(len(places), 16)) for _ in range(n_layers)]
    if telling is not None:
        words = [examples.words[i][j].casefold() for i, j in places]
        known = {word: np.random.default_rng([ord(c) for c in word]).normal(size=16) for word in sorted(set(words))}
        layers[telling] = layers[telling] * 0.1 + 2 * np.array([known[word] for word in words])
    return Embeddings(
        layers=tuple(layer.astype(np.float16) for layer in layers),
        sentence=np.array([i for i, _ in places], dtype=np.int32),
        word=np.array([j for _, j in places], dtype=np.int32),
        n_cut_sentences=0,
        n_lost_words=len(without),
        precision="float32",
    )


def probed(embeddings: Embeddings, label: str = "upos", **changes: Any) -> EdgeScores:
    spec = EdgeProbe(embed=EMBED, label=label, **({"n_seeds": 2, "width": 16} | changes))
    return edge_probe.compute(spec, {"embed": embeddings}, Quiet())


def holds_together(found: EdgeScores, n_layers: int, n_seeds: int) -> None:
    """What is true of every result."""
    assert found.f1.shape == (n_layers, n_seeds)
    assert found.control.shape == (2, n_seeds)
    assert found.weights.shape == (n_seeds, n_layers)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(found.centre, [scalar_mix_centre(row) for row in found.weights])
    assert [one.value for one in found.score] == pytest.approx(found.f1.mean(axis=1))
    assert all(one.low <= one.value <= one.high and one.n_groups == n_seeds for one in found.score)
    assert found.centre_score.value == pytest.approx(found.centre.mean())
    assert len(found.expected_layers) == len(found.expected_seeds) <= n_seeds
    for seed, layer in zip(found.expected_seeds, found.expected_layers, strict=True):
        assert layer == pytest.approx(expected_layer(found.f1[:, seed]))
    assert found.gain.value == pytest.approx((found.f1[-1] - found.f1[0]).mean())
    has_place = found.gain.low > 0 and len(found.expected_layers) == n_seeds
    assert (found.expected_layer is not None) == has_place
    is_placed = found.gain.low > 0 and len(found.localisations) == n_seeds
    assert (found.localisation is not None) == is_placed
    assert 0 <= found.majority <= 1
    assert 0 <= found.overlap <= 1
    assert found.layer_norms.shape == (n_layers,)
    assert (found.layer_norms > 0).all()
    assert len(found.labels) == len(found.counts)
    assert found.n_train + found.n_dev + found.n_test <= found.n_edges
    assert 0 <= found.n_stopped <= found.n_models == (n_layers + 2) * n_seeds


# --- through the lab


def test_words_spans_and_pairs_are_read_above_their_controls(lab: Lab) -> None:
    for label, unit, alike in (
        ("upos", "word", "word type"),
        ("phrase", "span", "words"),
        ("dependency", "pair", "two words"),
    ):
        spec = EdgeProbe(embed=EMBED, label=label, n_seeds=2, width=16)
        lab.run(spec)
        found = lab.peek(spec)
        assert isinstance(found, EdgeScores)
        holds_together(found, EMBED.n_layers, 2)
        assert found.unit == unit
        assert found.control_kind == f"one random label for the same {alike}"
        assert found.n_left_out == 0
        assert found.n_sentences == SAMPLE.n
        assert found.score[-1].value > found.majority + 0.1
        assert found.score[-1].value > found.control_score[1].value + 0.1


def marked(tmp_path: Path, rows: Sequence[dict[str, Any]]) -> Sample:
    path = tmp_path / "edges.json"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return Sample(of=MarkedFile.at(path))


def protorole(at: int) -> dict[str, Any]:
    """Several labels at once, one or none, all of which follow from the two words."""
    subject, verb = ("dog", "stone", "girl", "tree")[at % 4], ("sees", "hits", "is")[at % 3]
    alive, moves = at % 4 in (0, 2), at % 3 == 1
    labels = [
        *(["sentient"] if alive else []),
        *(["instigates"] if alive and moves else []),
        *(["moves"] if moves else []),
    ]
    targets = [{"span1": [2, 3], "span2": [0, 2], "label": labels}]
    return {"text": f"the {subject} {verb} number {at}", "targets": targets}


def test_several_labels_at_once_are_read_from_an_edge_probing_file(lab: Lab, tmp_path: Path) -> None:
    sample = marked(tmp_path, [protorole(at) for at in range(120)])
    found = lab.run(EdgeProbe(embed=Embed(checkpoint=Packaged(), sample=sample), label="target", n_seeds=2, width=32))
    holds_together(found, 7, 2)
    assert found.labels == ("instigates", "moves", "sentient")
    assert found.counts == (20, 40, 60)
    assert found.n_edges == 120
    assert found.unit == "pair"
    assert "set of labels" in found.control_kind
    assert found.score[-1].value > 0.9 > found.majority


def test_a_cancelled_probe_ends_within_a_batch_and_leaves_nothing(tmp_path: Path, store: Store, lab: Lab) -> None:
    spec = EdgeProbe(embed=EMBED, label="upos", n_seeds=2, width=16)
    lab.run(EMBED)
    flag, seen = tmp_path / "cancel", []

    def report(done: int, total: int, note: str) -> None:
        seen.append(done / total)
        flag.touch()

    with pytest.raises(Cancelled):
        compute_artifact(spec, store, cancel_flag=flag, report=report)
    assert len(seen) == 1
    assert seen[0] < 0.01
    assert not store.has(spec)


# --- the edges


@pytest.mark.parametrize("label", ["upos", "phrase", "dependency"])
def test_edges_are_the_rows_of_their_words(label: str) -> None:
    held = embedded(EXAMPLES)
    read = labelled_edges(EXAMPLES, held, label)
    places = list(zip(held.sentence.tolist(), held.word.tolist(), strict=True))
    if label == "upos":
        assert len(read.first) == EXAMPLES.n_words
        assert read.types.tolist() == [EXAMPLES.words[i][j] for i, j in places]
        gold = [EXAMPLES.word_labels["upos"][i][j] for i, j in places]
        assert [read.names[at] for at in read.targets.argmax(axis=1)] == gold
        return
    marks = [(i, mark) for i, of_one in enumerate(marks_of(EXAMPLES, label)) for mark in of_one]
    assert len(marks) == len(read.first) > 100
    assert (read.second is not None) == (label == "dependency")
    for at, (i, mark) in enumerate(marks):
        for side, span in ((read.first, mark.first), (read.second, mark.second)):
            if side is not None and span is not None:
                assert places[side[at, 0] : side[at, 1]] == [(i, word) for word in range(*span)]
        assert [name for name, has in zip(read.names, read.targets[at], strict=True) if has] == list(mark.labels)
        assert read.sentence[at] == i


def test_edges_with_a_lost_word_are_left_out_and_counted() -> None:
    for label in ("upos", "phrase", "dependency"):
        whole = labelled_edges(EXAMPLES, embedded(EXAMPLES), label)
        lost = labelled_edges(EXAMPLES, embedded(EXAMPLES, without=[(0, 1), (3, 0)]), label)
        assert whole.n_left_out == 0
        assert len(whole.first) - len(lost.first) == lost.n_left_out > 0
        assert lost.n_left_out == 2 or label != "upos"
    assert probed(embedded(EXAMPLES, without=[(0, 1)])).n_left_out == 1


def test_words_without_annotation_are_no_edges() -> None:
    texts = [joined(["to", "them", "after"])] * 12
    tags = tuple(("p.Goal", "_", "p.Time") for _ in texts)
    partly = Examples(
        texts=tuple(text for text, _ in texts),
        spans=tuple(spans for _, spans in texts),
        word_labels={"role": tags},
        partial=("role",),
    )
    read = labelled_edges(partly, embedded(partly), "role")
    assert read.names == ("p.Goal", "p.Time")
    assert len(read.first) == 24
    assert read.n_left_out == 0
    assert set(read.types.tolist()) == {"to", "after"}
    whole = labelled_edges(replace(partly, partial=()), embedded(partly), "role")
    assert whole.names == ("_", "p.Goal", "p.Time")


def test_versions_of_a_sentence_stay_on_one_side_of_all_three() -> None:
    examples = load_sample(Sample(of=Suite(part="agreement", split="dev"), n=60))
    read = labelled_edges(examples, embedded(examples), "upos")
    n_groups = len(np.unique(read.group))
    assert n_groups < len(np.unique(read.sentence))
    splits = edge_splits(read.group, 4)
    assert len({len(split.train) for split in splits}) == 1
    for split, (_, test) in zip(splits, splits_of(read.group, 4), strict=True):
        sides = [set(read.group[rows].tolist()) for rows in (split.train, split.dev, split.test)]
        assert not sides[0] & sides[1]
        assert not sides[0] & sides[2]
        assert not sides[1] & sides[2]
        assert len(sides[2]) == round(0.3 * n_groups)
        assert len(sides[1]) == round((n_groups - len(sides[2])) / 7)
        np.testing.assert_array_equal(split.test, test)  # what a linear probe is tested on


def test_the_control_task_gives_a_type_one_set_of_labels_everywhere() -> None:
    several = read_marked("\n".join(json.dumps(protorole(at % 12)) for at in range(120)).encode(), "x")
    read = labelled_edges(several, embedded(several), "target")
    made = read.control(0)
    sets = {tuple(row) for row in read.targets.tolist()}
    of_type: dict[str, set[tuple[bool, ...]]] = {}
    for words, row in zip(read.types.tolist(), made.tolist(), strict=True):
        of_type.setdefault(words, set()).add(tuple(row))
    assert len(of_type) == 12
    assert all(len(found) == 1 for found in of_type.values())
    assert {row for found in of_type.values() for row in found} <= sets
    assert (made != read.targets).any()
    np.testing.assert_array_equal(made, read.control(0))


# --- what is found


@pytest.mark.parametrize("telling", [0, 2])
def test_a_label_is_placed_in_the_layer_that_tells_it(telling: int) -> None:
    found = probed(embedded(EXAMPLES, telling=telling), n_seeds=3)
    holds_together(found, N_LAYERS, 3)
    assert (found.weights.argmax(axis=1) == telling).all()
    assert min(one.value for one in found.score[telling:]) > found.majority + 0.1
    if telling:
        assert found.expected_layer is not None
        assert found.expected_layer.value == pytest.approx(telling, abs=0.2)
        assert len(found.localisations) == 3


def test_a_summary_that_is_not_defined_in_a_seed_is_left_out_and_said_so() -> None:
    f1 = np.array([[0.5, 0.9, 0.5], [0.5, 0.8, 0.6], [0.7, 0.7, 0.9]])
    assert where_defined(expected_layer, f1) == {0: pytest.approx(2), 2: pytest.approx(1.75)}
    assert where_defined(expected_layer, f1[:1]) == {}
    alone = probed(embedded(EXAMPLES, telling=0, n_layers=1))
    assert (alone.expected_layer, alone.localisation) == (None, None)
    assert (alone.expected_layers, alone.localisations, alone.expected_seeds) == ((), (), ())
    assert alone.centre.tolist() == [0, 0]


def test_labels_that_are_never_trained_on_are_named() -> None:
    texts = [joined(["one", "two", f"x{at}"]) for at in range(30)]
    tags = tuple(("A", "B", "rare" if at == 0 else "C") for at in range(30))
    few = Examples(
        texts=tuple(text for text, _ in texts), spans=tuple(spans for _, spans in texts), word_labels={"tag": tags}
    )
    read = labelled_edges(few, embedded(few), "tag")
    tested = [read.targets[split.test][:, 3].any() for split in edge_splits(read.group, 8)]
    assert any(tested)
    spec = EdgeProbe(embed=EMBED.replace(sample=SAMPLE.replace(n=30)), label="tag", n_seeds=8, width=8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edge_probe, "load_sample", lambda _: few)
        found = edge_probe.compute(spec, {"embed": embedded(few)}, Quiet())
    assert found.unseen == ("rare",)
    assert found.counts == (30, 30, 29, 1)


# --- base against tuned


def change(base: EdgeScores, tuned: EdgeScores) -> EdgeDifference:
    sides = [EdgeProbe(embed=one, label="upos", n_seeds=2) for one in (EMBED, EMBED.replace(max_pieces=100))]
    return edge_probe_change.compute(
        EdgeProbeChange(base=sides[0], tuned=sides[1]), {"base": base, "tuned": tuned}, Quiet()
    )


def test_a_side_against_itself_has_no_difference_and_a_label_that_moved_up_has() -> None:
    low, high = (probed(embedded(EXAMPLES, telling=at), n_seeds=3) for at in (1, 2))
    same = change(low, low)
    assert all((one.value, one.low, one.high) == (0, 0, 0) for one in same.difference)
    moved = change(low, high)
    assert moved.difference[1].value < -0.15
    assert moved.centre is not None
    assert moved.centre.low > 0
    assert moved.expected_layer is not None
    assert moved.expected_layer.value == pytest.approx(1, abs=0.3)
    assert moved.n_expected == 3


def test_sides_of_unequal_depth_face_each_other_but_have_no_common_layers() -> None:
    short, long = (probed(embedded(EXAMPLES, telling=n - 1, n_layers=n)) for n in (3, 5))
    found = change(short, long)
    assert len(found.difference) == 3
    by_hand = (long.f1[[0, 2, 4]] - short.f1).mean(axis=1)
    assert [one.value for one in found.difference] == pytest.approx(by_hand)
    assert (found.centre, found.expected_layer, found.n_expected) == (None, None, 0)


def test_unlike_probes_are_not_compared() -> None:
    spec = EdgeProbe(embed=EMBED, label="upos")
    for wrong in (
        {"label": "relation"},
        {"n_seeds": 4},
        {"equal_norms": True},
        {"width": 64},
        {"embed": EMBED.replace(sample=SAMPLE.replace(seed=3))},
    ):
        with pytest.raises(IncompatibleRefs) as caught:
            EdgeProbeChange(base=spec, tuned=spec.replace(**wrong))
        says(caught, "Comparing two edge probes.")
    one = probed(embedded(EXAMPLES))
    with pytest.raises(IncompatibleRefs, match="other labels"):
        change(one, probed(embedded(EXAMPLES), "relation"))
    lost = [(i, 0) for i in range(0, 60, 2)]
    with pytest.raises(IncompatibleRefs) as caught:
        change(one, probed(embedded(EXAMPLES, without=lost)))
    says(caught, "60 sentences", f"{EXAMPLES.n_words - 30:,} in")


# --- what is refused


@pytest.mark.parametrize("wrong", [{"n_seeds": 1}, {"n_seeds": 21}, {"width": 3}, {"width": 2000}])
def test_settings_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(SpecInvalid) as caught:
        EdgeProbe(embed=EMBED, label="upos", **wrong)
    says(caught, str(next(iter(wrong.values()))))


def test_sentences_have_no_edges() -> None:
    sentences = EMBED.replace(unit="sentence", pooling="mean")
    with pytest.raises(SpecInvalid) as caught:
        EdgeProbe(embed=sentences, label="sentiment")
    says(caught, "sentences are embedded", "Embed words")


def test_labels_that_no_edge_probe_can_read_are_said() -> None:
    with pytest.raises(SpecInvalid) as caught:
        labelled_edges(EXAMPLES, embedded(EXAMPLES), "sentiment")
    says(caught, "sentiment", "upos", "dependency", "phrase")
    bare = pairs_of("one two", n=12)
    with pytest.raises(NotEnoughData) as caught:
        labelled_edges(bare, embedded(bare, without=places_of(bare)[::2]), "pair")
    says(caught, "0 of 12")
    unlabelled = replace(bare, marks={"pair": tuple((Mark((0, 1), (1, 2), ()),) for _ in range(12))})
    with pytest.raises(NotEnoughData) as caught:
        labelled_edges(unlabelled, embedded(unlabelled), "pair")
    says(caught, "12 of 12", "none of them a label")
    mixed = replace(bare, marks={"pair": tuple((Mark((0, 1), (1, 2) if i else None, ("x",)),) for i in range(12))})
    with pytest.raises(SpecInvalid) as caught:
        labelled_edges(mixed, embedded(mixed), "pair")
    says(caught, "mixes")
    turned = replace(embedded(EXAMPLES), sentence=embedded(EXAMPLES).sentence[::-1].copy())
    with pytest.raises(IncompatibleRefs, match="order"):
        labelled_edges(EXAMPLES, turned, "upos")


def pairs_of(text: str, n: int) -> Examples:
    """Sentences with one pair each, all of one label."""
    words, spans = joined(text.split())
    marks = {"pair": tuple((Mark((0, 1), (1, 2), ("x",)),) for _ in range(n))}
    return Examples(texts=(words,) * n, spans=(spans,) * n, marks=marks)


@pytest.mark.parametrize(
    ("examples", "label", "said"),
    [
        (pairs_of("one two", n=20), "pair", "Every pair has the same labels: x"),
        (EXAMPLES.pick(range(9)), "upos", "There are 9"),
    ],
)
def test_too_little_to_probe_is_said(examples: Examples, label: str, said: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(edge_probe, "load_sample", lambda _: examples)
    with pytest.raises(NotEnoughData) as caught:
        probed(embedded(examples), label)
    says(caught, said)


def test_vectors_that_overflowed_are_refused() -> None:
    held = embedded(EXAMPLES)
    spoilt: NDArray[np.float16] = held.layers[2].copy()
    spoilt[5] = np.inf
    with pytest.raises(Exception, match="layer 2 are not finite"):
        probed(replace(held, layers=(*held.layers[:2], spoilt)))


def test_equal_norms_and_width_are_part_of_the_key() -> None:
    spec = EdgeProbe(embed=EMBED, label="upos")
    others = [spec.replace(equal_norms=True), spec.replace(width=64), spec.replace(n_seeds=4)]
    assert len({key_of(one) for one in (spec, *others)}) == 4
    assert spec.replace(n_seeds=6).cost()[0] == pytest.approx(2 * spec.cost()[0])
    assert spec.replace(width=256).cost()[0] > spec.cost()[0]


def test_published_numbers_stand_only_beside_what_they_are_of() -> None:
    bert, other = (
        Hub(repo=repo, commit="a" * 40) for repo in ("google-bert/bert-base-uncased", "org/bert-base-uncased")
    )
    said = mixing.published(bert, "en_ewt-ud-dev.conllu", "dependency")
    assert said.count(",") >= len(mixing.PUBLISHED) - 1
    assert "85.2" in said
    assert mixing.published(other, "en_ewt-ud-dev.conllu", "dependency") == ""
    assert mixing.published(Packaged(), "en_ewt-ud-dev.conllu", "dependency") == ""
    assert mixing.published(bert, "reviews", "dependency") == ""
    assert mixing.published(bert, "en_ewt-ud-dev.conllu", "upos") == ""
