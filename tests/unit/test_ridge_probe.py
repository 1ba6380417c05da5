"""Ridge probes: planted numbers found again, noise not, splits that keep versions together, sides that do not fit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.analyses.embed import Embed, Embeddings
from core.analyses.numbers import numbered_rows
from core.analyses.ridge_probe import ALPHAS, RidgeProbe, RidgeScores, compute, control_of, dev_of
from core.analyses.ridge_probe_change import RidgeProbeChange
from core.analyses.ridge_probe_change import compute as compute_change
from core.charts.headline import reading_number
from core.charts.numbers import ridge_table
from core.errors import IncompatibleRefs, NotEnoughData, SpecInvalid
from core.lab import Lab
from core.maths.statistics import Estimate, simultaneous
from core.refs import Packaged, Sample, Suite, TableFile
from tests.faults import says
from tests.small import BASE, SENTENCES, TUNED
from tests.unit.test_numbers import embeddings
from tests.unit.test_probe_parts import Quiet

N, WIDTH = 240, 12
RUN: Any = Quiet()


def table(tmp_path: Path, values: np.ndarray) -> Sample:
    """A file of as many short sentences, each with its number."""
    lines = [f"sentence number {at}\t{'' if np.isnan(value) else value}" for at, value in enumerate(values)]
    (tmp_path / "scores.tsv").write_text("\n".join(lines))
    return Sample(of=TableFile.at(tmp_path / "scores.tsv", text="1", numbers=("2",)))


def vectors(*layers: np.ndarray) -> Embeddings:
    """Vectors of sentences, one matrix a layer."""
    n = len(layers[0])
    return Embeddings(
        layers=layers,
        sentence=np.arange(n, dtype=np.int32),
        word=np.full(n, -1, dtype=np.int32),
        n_cut_sentences=0,
        n_lost_words=0,
        precision="float32",
    )


def probe(sample: Sample, **fields: Any) -> RidgeProbe:
    embed = Embed(checkpoint=Packaged(), sample=sample, unit="sentence", pooling="mean")
    return RidgeProbe(embed=embed, number="number 2", **fields)


@pytest.fixture
def planted(tmp_path: Path) -> tuple[RidgeProbe, Embeddings]:
    """Three layers: one holds the number to 80 %, one is noise, one the number itself; every tenth sentence has none."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=N)
    half = rng.normal(size=(N, WIDTH))
    # The value is 0.8 of what a direction of the layer says and 0.2 of what it does not.
    y = np.sqrt(0.8) * half[:, 3] + np.sqrt(0.2) * y
    exact = rng.normal(size=(N, WIDTH))
    exact[:, 5] = y
    given = y.copy()
    given[::10] = np.nan
    layers = (half, rng.normal(size=(N, WIDTH)), exact)
    return probe(table(tmp_path, given)), vectors(*(layer.astype(np.float32) for layer in layers))


def test_a_planted_number_is_found_noise_is_not(planted: tuple[RidgeProbe, Embeddings]) -> None:
    spec, held = planted
    found = compute(spec, {"embed": held}, RUN)
    part, none, whole = (one.value for one in found.score)
    assert part == pytest.approx(0.8, abs=0.06)
    assert -0.15 < none < 0.03
    assert whole == pytest.approx(1, abs=1e-3)
    assert found.rank_score[2].value == pytest.approx(1, abs=1e-3)
    assert abs(found.rank_score[1].value) < 0.2
    assert found.score[1].low < 0
    assert all(-0.2 < one.value < 0.03 for one in found.control_score)
    assert -0.05 < found.mean_r2 <= 0
    assert (found.n_rows, found.n_missing, found.n_sentences) == (216, 24, 216)
    assert found.n_train + found.n_test == found.n_rows
    assert found.r2.shape == found.control_rank.shape == (3, 5)
    assert {alpha for layer in found.chosen for alpha in layer} <= set(ALPHAS)
    assert min(found.chosen[1]) > max(found.chosen[2])  # noise is shrunk, what is there is not
    assert found.control_kind == "shuffled numbers"


def test_the_order_of_features_and_their_units_do_not_matter(planted: tuple[RidgeProbe, Embeddings]) -> None:
    spec, held = planted
    order = np.random.default_rng(1).permutation(WIDTH)
    other = vectors(*((4 * layer[:, order] - 2).astype(np.float32) for layer in held.layers))
    one, two = (compute(spec, {"embed": vectors}, RUN) for vectors in (held, other))
    np.testing.assert_allclose(two.r2, one.r2, atol=1e-4)
    assert two.chosen == one.chosen


def test_a_tuned_side_that_lost_a_number_is_seen_and_equal_sides_are_noise(
    planted: tuple[RidgeProbe, Embeddings],
) -> None:
    spec, held = planted
    base = compute(spec, {"embed": held}, RUN)
    other = replace(held, layers=(held.layers[0], held.layers[1], held.layers[1]))
    tuned = compute(spec, {"embed": other}, RUN)
    change = compute_change(RidgeProbeChange(base=spec, tuned=spec), {"base": base, "tuned": tuned}, RUN)
    assert [one.value for one in change.difference[:2]] == [0, 0]
    assert change.difference[2].high < -0.5
    assert change.rank_difference[2].high < 0
    for row, value in zip(tuned.r2 - base.r2, change.difference, strict=True):
        assert value.value == pytest.approx(row.mean())
    table = ridge_table(base, tuned, change, "r2", base)
    assert table["is_noise"].tolist() == [True, True, False] * 2
    assert table["random"].tolist() == [one.value for one in base.score] * 2
    assert "random" not in ridge_table(base, tuned, change, "rank")
    assert (ridge_table(base, tuned, change, "rank")["majority"] == 0).all()


def test_vectors_that_are_all_alike_have_no_order_and_the_mean() -> None:
    sample = Sample(of=Suite(split="dev"))
    held = embeddings(sample, "sentence")
    alike = tuple(np.ones_like(layer) for layer in held.layers)
    spec = RidgeProbe(embed=SENTENCES.replace(sample=sample), number="sentence length", n_seeds=2)
    found = compute(spec, {"embed": replace(held, layers=alike)}, RUN)
    assert found.rank.tolist() == [[0, 0]] * len(alike)
    assert found.r2.mean(axis=1) == pytest.approx(np.full(len(alike), found.mean_r2))


def test_versions_of_a_sentence_stay_on_one_side_of_what_chooses() -> None:
    group = np.repeat(np.arange(40), 3)
    for seed in range(5):
        dev = dev_of(group, seed)
        assert dev.sum() == 15  # 5 of 40 sentences
        assert not set(group[dev]) & set(group[~dev])
    assert (dev_of(group, 0) != dev_of(group, 1)).any()
    assert dev_of(np.arange(3), 0).sum() == 1


def test_the_control_task_is_fixed_by_type_over_words_and_shuffled_over_sentences() -> None:
    sample = Sample(of=Suite(split="dev"))
    words = numbered_rows(sample, embeddings(sample, "word"), "word", "tree depth")
    drawn = control_of(words, 0)
    pairs = {(one, value) for one, value in zip(words.types.tolist(), drawn.tolist(), strict=True)}
    assert len(pairs) == len(set(words.types.tolist()))
    sentences = numbered_rows(sample, embeddings(sample, "sentence"), "sentence", "tree depth")
    shuffled = control_of(sentences, 0)
    np.testing.assert_array_equal(np.sort(shuffled), np.sort(sentences.values))
    assert (shuffled != sentences.values).any()


def test_depth_is_read_from_words_better_than_by_memory(made: Lab) -> None:
    spec = RidgeProbe(embed=BASE, number="tree depth", n_seeds=2)
    found: RidgeScores = made.peek(spec)
    assert found.r2.shape == (7, 2)
    middle = found.score[3].value
    assert middle > max(0.4, found.control_score[3].value + 0.1)
    assert found.rank_score[3].value > 0.6
    assert found.overlap > 0.3
    assert found.control_kind == "one random number a word type"
    change = made.peek(RidgeProbeChange(base=spec, tuned=RidgeProbe(embed=TUNED, number="tree depth", n_seeds=2)))
    assert len(change.difference) == len(change.rank_difference) == 7


@pytest.mark.parametrize(
    "odd",
    [{"n_seeds": 1}, {"n_seeds": 51}, {"alphas": ()}, {"alphas": (0.0,)}, {"alphas": (1.0, -1.0)}, {"alphas": (1e13,)}],
)
def test_odd_settings_are_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(SpecInvalid):
        RidgeProbe(embed=BASE, number="tree depth", **odd)


def test_sides_that_read_other_things_are_refused() -> None:
    spec = RidgeProbe(embed=BASE, number="tree depth")
    for other in (
        spec.replace(number="word position"),
        spec.replace(n_seeds=3),
        spec.replace(alphas=(1.0,)),
        spec.replace(embed=BASE.replace(sample=Sample(of=Suite(split="test"), n=60))),
        spec.replace(embed=SENTENCES),
    ):
        with pytest.raises(IncompatibleRefs):
            RidgeProbeChange(base=spec, tuned=other)


def test_sides_that_kept_other_words_are_refused(planted: tuple[RidgeProbe, Embeddings]) -> None:
    spec, held = planted
    scores = compute(spec, {"embed": held}, RUN)
    change = RidgeProbeChange(base=spec, tuned=spec)
    for other in (replace(scores, n_rows=200), replace(scores, n_sentences=215)):
        with pytest.raises(IncompatibleRefs) as problem:
            compute_change(change, {"base": scores, "tuned": other}, RUN)
        says(problem, "216")


def test_too_few_sentences_and_sides_of_one_value_are_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    few = probe(table(tmp_path, np.arange(9.0)))
    with pytest.raises(NotEnoughData, match="at least 10"):
        compute(few, {"embed": vectors(rng.normal(size=(9, 4)))}, RUN)
    once = np.zeros(40)
    once[7] = 5.0  # in one half only, whichever
    spec = probe(table(tmp_path, once))
    with pytest.raises(NotEnoughData) as problem:
        compute(spec, {"embed": vectors(rng.normal(size=(40, 4)))}, RUN)
    says(problem, "number 2", "values are 0")


def test_the_finding_names_the_score_and_its_interval() -> None:
    def estimate(value: float) -> Estimate:
        return Estimate(value, value - 0.02, value + 0.02, 0.01, 100, 5)

    base, changes = [estimate(0.5)] * 3, (estimate(0.01), estimate(-0.2), estimate(-0.1))
    wide = simultaneous(changes[1], n_intervals=3)
    assert wide.low < changes[1].low
    low, high = (f"{end:.3f}".replace("-", "\N{MINUS SIGN}") for end in (wide.low, wide.high))
    assert reading_number(changes, base, "RT in ms", "R²") == (
        "RT in ms became harder to read at layers 1 and 2 (most at layer 1: R² from 0.500 to 0.300, \N{MINUS SIGN}0.200 "
        f"[{low}, {high}]).",
        "",
    )
    assert "inside the noise" in reading_number((estimate(0.01),), base, "RT", "R²").said
