"""Codelengths and carried-over probes: closed forms, what changes nothing, and what must not be saved or carried."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.analyses import codelength, codelength_change, probe_transfer
from core.analyses.codelength import Codelength, Codelengths
from core.analyses.codelength_change import CodelengthChange
from core.analyses.embed import Embed, Embeddings
from core.analyses.probe_transfer import WAYS, ProbeTransfer, Transfers
from core.charts.readout import gains_by_label, rows_table
from core.data.load import load_sample
from core.errors import Cancelled, IncompatibleRefs, NotEnoughData, SpecInvalid
from core.maths.probing import online_codelength
from core.maths.statistics import Estimate
from core.refs import Packaged, Sample, Suite
from tests.faults import says
from tests.quiet import Quiet

SAMPLE = Sample(of=Suite(split="dev"), n=120)
EMBED = Embed(checkpoint=Packaged(), sample=SAMPLE)
EXAMPLES = load_sample(SAMPLE)
PLACES = [(i, j) for i, words in enumerate(EXAMPLES.words) for j in range(len(words))]
TAGS = np.array([EXAMPLES.word_labels["upos"][i][j] for i, j in PLACES])
NAMES, GOLD = np.unique(TAGS, return_inverse=True)
WIDTH = 24


def embedded(*layers: NDArray[Any], places: list[tuple[int, int]] = PLACES) -> Embeddings:
    return Embeddings(
        layers=tuple(np.asarray(layer, dtype=np.float32) for layer in layers),
        sentence=np.array([i for i, _ in places], dtype=np.int32),
        word=np.array([j for _, j in places], dtype=np.int32),
        n_cut_sentences=0,
        n_lost_words=0,
        precision="float32",
    )


def noise(seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(len(PLACES), WIDTH))


def telling(strength: float, seed: int = 0) -> NDArray[np.float64]:
    """Vectors that hold the tag."""
    centres = np.random.default_rng(99).normal(size=(len(NAMES), WIDTH))
    return noise(seed) + strength * centres[GOLD]


def sent(*layers: NDArray[Any], **changes: Any) -> Codelengths:
    spec = Codelength(embed=EMBED, label="upos", **({"n_seeds": 2} | changes))
    return codelength.compute(spec, {"embed": embedded(*layers)}, Quiet())


def compression_change(base: Codelengths, tuned: Codelengths) -> tuple[Estimate, ...]:
    sides = [Codelength(embed=embed, label="upos", n_seeds=2) for embed in (EMBED, EMBED.replace(max_pieces=100))]
    spec = CodelengthChange(base=sides[0], tuned=sides[1])
    return codelength_change.compute(spec, {"base": base, "tuned": tuned}, Quiet()).difference


def carried(base: NDArray[Any], tuned: NDArray[Any]) -> Transfers:
    spec = ProbeTransfer(base=EMBED, tuned=EMBED.replace(max_pieces=100), label="upos", n_seeds=2)
    return probe_transfer.compute(spec, {"base": embedded(base), "tuned": embedded(tuned)}, Quiet())


# --- codelength


@given(nats=st.lists(st.floats(0, 1e4), max_size=6), first=st.integers(1, 1000), K=st.integers(2, 50))
def test_bits_are_the_first_block_in_full_and_the_nats_of_the_others(nats: list[float], first: int, K: int) -> None:
    bits = online_codelength(nats, first, K)
    assert bits == pytest.approx(first * np.log2(K) + sum(nats) / np.log(2))
    assert online_codelength([], first, 2) == first
    assert online_codelength([*nats, np.log(2)], first, K) == pytest.approx(bits + 1)


@pytest.mark.parametrize(
    "bad", [([-1.0], 3, 2), ([np.inf], 3, 2), ([np.nan], 3, 2), ([1.0], 0, 2), ([1.0], 3, 1), ([[1.0]], 3, 2)]
)
def test_what_is_no_code_is_refused(bad: tuple[Any, int, int]) -> None:
    with pytest.raises(SpecInvalid, match="codelength"):
        online_codelength(*bad)


def test_vectors_that_say_nothing_save_no_more_than_the_shares_of_the_labels() -> None:
    found = sent(noise(), noise(1), C=0.01)
    for layer in found.compression():
        assert layer.value <= found.prior_compression + 0.02
    entropy = -sum(share * np.log2(share) for share in np.bincount(GOLD) / len(GOLD))
    assert found.prior_compression == pytest.approx(np.log2(len(NAMES)) / entropy)
    assert found.prior_bits == pytest.approx(entropy)


def test_an_eager_probe_on_noise_pays_for_what_it_thought_it_knew() -> None:
    assert sent(noise(), C=100.0).compression()[0].value < 1


def test_the_clearer_the_labels_the_shorter_the_code_and_above_its_control() -> None:
    found = sent(noise(), telling(1.0), telling(3.0))
    values = [layer.value for layer in found.compression()]
    assert values[0] < values[1] < values[2]
    assert found.compression()[2].low > found.control_compression()[2].high
    assert found.curve[2, -1] < found.curve[2, 0]
    assert found.curve[0, -1] == pytest.approx(found.prior_bits, rel=0.15)


def test_bits_of_all_sentences_are_those_of_their_groups() -> None:
    found = sent(telling(1.0))
    np.testing.assert_allclose(found.fold_bits.sum(axis=1), found.bits.mean(axis=1))
    assert found.fold_rows.sum() == found.n_rows == len(PLACES)
    assert (np.diff(found.n_before) > 0).all()
    assert found.n_sentences == SAMPLE.n


@pytest.mark.parametrize("change", [lambda X: 3 * X, lambda X: X + 7, lambda X: X * np.linspace(0.1, 9, WIDTH)])
def test_scaling_and_shifting_features_changes_no_code(change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    X = telling(1.0)
    np.testing.assert_allclose(sent(change(X)).bits, sent(X).bits, rtol=1e-3)


def test_a_side_against_itself_has_no_difference_and_a_clearer_one_has() -> None:
    one, clearer = sent(telling(1.0)), sent(telling(2.0))
    (same,) = compression_change(one, one)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    (more,) = compression_change(one, clearer)
    assert more.low > 0
    (less,) = compression_change(clearer, one)
    assert less.value == pytest.approx(-more.value)
    other = Codelength(embed=EMBED, label="relation", n_seeds=2)
    with pytest.raises(IncompatibleRefs):
        compression_change(one, codelength.compute(other, {"embed": embedded(noise())}, Quiet()))
    for wrong in ({"label": "relation"}, {"C": 1.0}, {"embed": EMBED.replace(sample=SAMPLE.replace(seed=3))}):
        spec = Codelength(embed=EMBED, label="upos")
        with pytest.raises(IncompatibleRefs):
            CodelengthChange(base=spec, tuned=spec.replace(**wrong))


@pytest.mark.parametrize(("n", "wrong"), [(1, "50 rows"), (3, "4 sentences")])
def test_too_little_to_send_is_said(n: int, wrong: str) -> None:
    few = [place for place in PLACES if place[0] < n]
    with pytest.raises(NotEnoughData) as caught:
        codelength.compute(
            Codelength(embed=EMBED, label="upos"), {"embed": embedded(noise()[: len(few)], places=few)}, Quiet()
        )
    says(caught, wrong)
    for wrong in ({"n_seeds": 1}, {"C": 0.0}, {"C": float(10**7)}):
        with pytest.raises(SpecInvalid):
            Codelength(embed=EMBED, label="upos", **wrong)


def test_a_codelength_stops_when_asked() -> None:
    class Stopped(Quiet):
        def step(self, done: int, total: int, note: str = "") -> None:
            if done == 2:
                raise Cancelled("Computing.", "Cancelled.", "Start again.")

    with pytest.raises(Cancelled):
        codelength.compute(Codelength(embed=EMBED, label="upos", n_seeds=2), {"embed": embedded(noise())}, Stopped())


# --- transfer


def of(found: Transfers, way: str) -> float:
    return found.score[0][WAYS.index(way)].value


def test_a_probe_reads_the_same_space_as_well_away_as_at_home() -> None:
    found = carried(telling(2.0), telling(2.0))
    assert len({round(of(found, way), 9) for way in WAYS}) == 1
    np.testing.assert_array_equal(found.base_share, found.tuned_share)
    assert (rows_table(found, 0, least=-1.0)["change"] == 0).all()


def test_what_only_moved_or_grew_is_won_back_by_rescaling() -> None:
    X = telling(2.0)
    found = carried(X, X * np.linspace(0.5, 4, WIDTH) + 5)
    assert of(found, "base on tuned") < of(found, "base on base") - 0.03
    assert of(found, "tuned on base") < of(found, "base on base") - 0.2
    assert of(found, "tuned on base, rescaled") == pytest.approx(of(found, "base on base"), abs=0.005)
    assert of(found, "base on tuned, rescaled") == pytest.approx(of(found, "base on base"), abs=0.005)
    assert of(found, "tuned on tuned") == pytest.approx(of(found, "base on base"), abs=0.005)


def test_a_turned_space_is_read_at_home_alone() -> None:
    X = telling(2.0)
    turn, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(WIDTH, WIDTH)))
    found = carried(X, X @ turn)
    assert of(found, "tuned on tuned") == pytest.approx(of(found, "base on base"), abs=0.02)
    for away in ("base on tuned", "base on tuned, rescaled", "tuned on base", "tuned on base, rescaled"):
        assert of(found, away) < of(found, "base on base") - 0.3


def test_the_rows_that_gained_are_those_that_were_given_more() -> None:
    X, given_more = telling(1.0), np.flatnonzero(TAGS == "VERB")
    Y = X.copy()
    Y[given_more] += 6 * np.eye(WIDTH)[3]
    found = carried(X, Y)
    top = rows_table(found, 0).head(40)
    assert (top["label"] == "VERB").mean() > 0.8
    by_label = gains_by_label(found, 0)
    assert by_label["label"].iloc[0] == "VERB"
    assert by_label["rows"].sum() == (~np.isnan(found.base_share[0])).sum()
    lost = rows_table(found, 0, gained=False)
    assert (lost["change"] <= 0).all()
    assert (lost["change"].diff().dropna() >= 0).all()
    searched = rows_table(found, 0, search="THE ")
    assert 0 < len(searched) < len(rows_table(found, 0))
    assert rows_table(found, 0, search="(no such*").empty


def test_rows_that_do_not_face_each_other_are_refused() -> None:
    spec = ProbeTransfer(base=EMBED, tuned=EMBED, label="upos", n_seeds=2)
    fewer = embedded(noise()[1:], places=PLACES[1:])
    with pytest.raises(IncompatibleRefs, match="tokenizer"):
        probe_transfer.compute(spec, {"base": embedded(noise()), "tuned": fewer}, Quiet())
    with pytest.raises(IncompatibleRefs, match="no axes"):
        probe_transfer.compute(spec, {"base": embedded(noise()), "tuned": embedded(noise()[:, 1:])}, Quiet())
    with pytest.raises(IncompatibleRefs):
        ProbeTransfer(base=EMBED, tuned=EMBED.replace(sample=SAMPLE.replace(seed=3)), label="upos")
