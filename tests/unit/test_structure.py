"""Structural probes from spec to page: what is stored fits together, and what has no trees gets a message."""

from pathlib import Path

import numpy as np
import pytest

from core.analyses.embed import Embed
from core.analyses.structural_change import StructuralChange
from core.analyses.structural_probe import METRICS, StructuralProbe, StructuralScores, _split, _treebank
from core.charts import structure
from core.data.load import load_sample
from core.errors import IncompatibleRefs, NotEnoughData, SpecInvalid
from core.lab import Lab
from core.maths.structural_probing import fit_structural_probes
from core.maths.structure import (
    depth_spearman,
    distance_spearman,
    gold_edges,
    is_found,
    root_accuracy,
    uuas,
)
from core.refs import ConlluFile, Packaged, Sample, Suite, digest_of
from core.settings import Settings
from core.store.artifacts import Store
from tests.small import BASE, SAMPLE, SENTENCES, TUNED

PROBES = [StructuralProbe(embed=side, rank=8, n_seeds=2) for side in (BASE, TUNED)]


@pytest.fixture
def own(tmp_path: Path) -> Lab:
    """A lab of the test's own: what it computes is no part of the small comparison."""
    return Lab(Store(Settings(cache=tmp_path / "cache", device="cpu")), engine="none")


@pytest.fixture(scope="module")
def base(made: Lab) -> StructuralScores:
    found = made.peek(PROBES[0])
    assert found is not None
    return found


def test_the_trees_shown_are_the_trees_scored(base: StructuralScores) -> None:
    groups = np.arange(len(base.sentences))  # the suite's sentences of opinions stand for themselves
    _, _, test = _split(groups, 0)
    found, total = np.zeros(len(base.trees)), 0
    for sentence in base.sentences[test].tolist():
        rows = np.flatnonzero(base.words["sentence"] == sentence)
        words = base.words.iloc[rows]
        edges = gold_edges(words["head"].tolist(), words["upos"].tolist())
        found += is_found(base.trees[:, rows] - 1, edges).sum(axis=1)
        total += len(edges)
    assert np.allclose(found / total, base.scores[:, 0, METRICS.index("uuas")])


def test_scores_are_those_of_the_public_functions(made: Lab, base: StructuralScores) -> None:
    """The analysis scores all layers at once; the public functions score one, written for themselves."""
    vectors, examples, spec = made.peek(BASE), load_sample(SAMPLE), PROBES[0]
    held = _treebank(examples, vectors)
    train, dev, test = _split(held.group, 1)
    layers = [np.asarray(layer) for layer in vectors.layers]
    probes = fit_structural_probes(layers, held.trees.pick(train), held.trees.pick(dev), rank=spec.rank, seed=1)
    read = [probes.predict(layers, int(held.trees.start[at]), len(held.trees.heads[at])) for at in test]
    heads, upos = [held.trees.heads[at] for at in test], [held.upos[at] for at in test]
    for layer in (0, 4):
        distances, depths = [one[0][layer] for one in read], [one[1][layer] for one in read]
        expected = (
            uuas(distances, heads, upos),
            distance_spearman(distances, heads),
            root_accuracy(depths, heads, upos),
            depth_spearman(depths, heads),
        )
        assert base.scores[layer, 1] == pytest.approx(expected, abs=0.02)  # training rounds otherwise on other threads


def test_words_are_those_of_the_sample(base: StructuralScores) -> None:
    examples = load_sample(SAMPLE)
    assert examples.heads is not None
    for sentence, rows in base.words.groupby("sentence"):
        at = int(sentence)  # type: ignore[call-overload]
        assert tuple(rows["text"]) == examples.words[at]
        assert tuple(rows["head"]) == tuple(examples.heads[at])
        drawn = structure.drawn(base, at, 3)
        assert drawn.words == examples.words[at]
        assert drawn.heads.count(0) == 1
        assert drawn.n_found <= drawn.n_edges
        assert [head == -1 for head in drawn.heads] == [tag == "PUNCT" for tag in drawn.upos]


def test_shares_of_relations_are_counted_over_their_edges(made: Lab, base: StructuralScores) -> None:
    tuned = made.peek(PROBES[1])
    change = made.peek(StructuralChange(base=PROBES[0], tuned=PROBES[1]))
    assert change.relations
    for layer in (0, 3):
        for name, count, estimates in zip(change.relations, change.n_edges, change.found[layer], strict=True):
            shares = []
            for held in (base, tuned):
                right = []
                for sentence in set(held.words["sentence"]):
                    one = structure.drawn(held, int(sentence), layer)
                    edges = gold_edges(one.gold, one.upos)
                    hits = is_found(np.array(one.heads)[None] - 1, edges)[0]
                    right += [hit for hit, (word, _) in zip(hits, edges, strict=True) if one.relations[word] == name]
                shares.append(np.mean(right))
                assert len(right) == count
            assert [one.value for one in estimates] == pytest.approx([*shares, shares[1] - shares[0]])


def test_position_alone_is_the_same_for_both_sides(made: Lab, base: StructuralScores) -> None:
    assert np.array_equal(base.chain, made.peek(PROBES[1]).chain)


def test_searching_finds_held_out_sentences(base: StructuralScores) -> None:
    everything = structure.shown_sentences(base)
    word = str(base.words["text"].iloc[3])
    some = structure.shown_sentences(base, word.upper())
    assert set(some) <= set(everything)
    assert int(base.words["sentence"].iloc[3]) in some
    assert structure.shown_sentences(base, "no sentence holds this") == []


def test_what_cannot_be_probed_is_refused_early() -> None:
    with pytest.raises(SpecInvalid):
        StructuralProbe(embed=SENTENCES)
    for odd in ({"n_seeds": 1}, {"rank": 0}, {"rank": 385}):
        with pytest.raises(SpecInvalid):
            StructuralProbe(embed=BASE, **odd)
    other = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(split="test"), n=60))
    with pytest.raises(IncompatibleRefs):
        StructuralChange(base=PROBES[0], tuned=StructuralProbe(embed=other, rank=8, n_seeds=2))


def _written(path: Path, sentences: list[list[tuple[str, str, int]]]) -> Sample:
    blocks = [
        "\n".join(
            f"{i}\t{w}\t{w}\t{t}\t_\t_\t{h}\t{'root' if not h else 'dep'}\t_\t_" for i, (w, t, h) in enumerate(s, 1)
        )
        for s in sentences
    ]
    path.write_text("\n\n".join(blocks) + "\n\n", encoding="utf-8")
    return Sample(of=ConlluFile(digest=digest_of(path), path=str(path)), n=len(sentences))


WHOLE = [("we", "PRON", 2), ("saw", "VERB", 0), ("old", "ADJ", 4), ("boats", "NOUN", 2), ("there", "ADV", 2)]
TWO_ROOTS = [("we", "PRON", 2), ("saw", "VERB", 0), ("boats", "NOUN", 0)]
CROSSING = [("a", "DET", 2), ("man", "NOUN", 3), ("came", "VERB", 0), ("who", "PRON", 5), ("sang", "VERB", 2)]


def test_trees_that_are_none_are_left_out_and_counted(own: Lab, tmp_path: Path) -> None:
    sample = _written(tmp_path / "odd.conllu", [WHOLE, CROSSING] * 20 + [TWO_ROOTS] * 3 + [[("Yes", "INTJ", 0)]] * 2)
    found = own.run(StructuralProbe(embed=Embed(checkpoint=Packaged(), sample=sample), rank=4, n_seeds=2))
    assert found.n_left_out == 5
    assert len(found.sentences) == 40
    assert np.isfinite(found.scores).all()


def test_a_circle_of_heads_is_no_tree(own: Lab, tmp_path: Path) -> None:
    circle = [("a", "X", 2), ("b", "X", 1), ("c", "X", 0)]
    sample = _written(tmp_path / "circle.conllu", [WHOLE] * 30 + [circle] * 10)
    found = own.run(StructuralProbe(embed=Embed(checkpoint=Packaged(), sample=sample), rank=4, n_seeds=2))
    assert found.n_left_out == 10


def test_too_few_trees_get_a_message(own: Lab, tmp_path: Path) -> None:
    sample = _written(tmp_path / "few.conllu", [WHOLE] * 10)
    with pytest.raises(NotEnoughData, match="10 of 10 sentences"):
        own.run(StructuralProbe(embed=Embed(checkpoint=Packaged(), sample=sample), rank=4, n_seeds=2))
