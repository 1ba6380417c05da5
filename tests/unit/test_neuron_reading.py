"""A label read without some neurons: untouched it is what was stored, what is gone is as stated, parts add up to the whole."""

from pathlib import Path

import numpy as np
import pytest

from core.analyses.embed import Embed
from core.analyses.neuron_ablation import DRAWS, SHARES
from core.analyses.neuron_reading import NeuronReading, NeuronReadings, _Network
from core.analyses.neurons import RANDOM, TOP, Neurons
from core.charts import neurons
from core.data.load import load_sample
from core.errors import SpecInvalid
from core.lab import Lab
from core.models.stillness import PieceMeans, held_still
from core.refs import RandomWeights, Vectors
from tests.quiet import Quiet
from tests.small import BASE, TUNED

SPECS = tuple(NeuronReading(of=Neurons(embed=side, label="upos", n_seeds=2)) for side in (BASE, TUNED))


@pytest.fixture(scope="module", params=SPECS, ids=["base", "tuned"])
def found(request: pytest.FixtureRequest, made: Lab) -> NeuronReadings:
    held: NeuronReadings | None = made.peek(request.param)
    assert held is not None
    return held


def test_every_share_has_its_sets_of_as_many_neurons(found: NeuronReadings) -> None:
    counts = found.scores.groupby(["share", "gone"]).size()
    assert counts[0.0].to_dict() == {TOP: 1}
    for share in SHARES[1:]:
        assert counts[share].to_dict() == {TOP: 1, "last": 1, RANDOM: DRAWS}
        assert found.scores[found.scores["share"] == share]["n_neurons"].nunique() == 1
    assert (found.scores["low"] <= found.scores["score"]).all()
    assert (found.scores["score"] <= found.scores["high"]).all()
    assert found.is_converged


def test_the_whole_network_reads_best_or_all_but(found: NeuronReadings) -> None:
    whole = found.scores[found.scores["share"] == 0].iloc[0]
    assert whole["score"] == found.intact
    assert whole["same"] == 1
    assert found.intact > found.majority
    most = found.scores[found.scores["share"] == max(SHARES)]
    assert (most["score"] < found.intact + 0.05).all()
    assert most["same"].min() < 1


def test_labels_add_up_to_the_whole(found: NeuronReadings) -> None:
    by = found.by_label.assign(right=found.by_label["n"] * found.by_label["score"])
    sums = by.groupby(["gone", "share"])[["n", "right"]].sum()
    means = found.scores.groupby(["gone", "share"])["score"].mean()
    assert set(sums["n"]) == {found.n}
    for place, mean in means.items():
        assert sums.loc[place, "right"] / found.n == pytest.approx(mean)
    (label,) = by["label"].head(1)
    table = neurons.without_table(found, label)
    assert set(table["gone"]) == {TOP, "last", RANDOM}
    assert (table[table["share"] == 0]["score"].nunique(), len(table)) == (1, 3 * len(SHARES))


def test_untouched_the_network_gives_the_stored_rows_and_with_all_of_the_top_held_at_0_nothing(
    made: Lab, tmp_path: Path
) -> None:
    spec = SPECS[0]
    sample = load_sample(spec.of.embed.sample)
    run = Quiet()
    run.folder = tmp_path
    network = _Network(spec, {}, sample, run)
    vectors, rows = network.rows_within(lambda model: held_still(model, {}, "zero", PieceMeans()))
    stored = made.peek(spec.of.embed)
    assert stored is not None
    np.testing.assert_array_equal(vectors, np.asarray(stored.layers[-1], dtype=np.float32))
    assert len(rows.labels) == len(vectors)
    top = {len(stored.layers) - 1: np.arange(vectors.shape[1])}
    gone, _ = network.rows_within(lambda model: held_still(model, top, "zero", PieceMeans()))
    assert not gone.any()
    lower = {1: np.arange(vectors.shape[1])}
    other, _ = network.rows_within(lambda model: held_still(model, lower, "zero", PieceMeans()))
    assert other.any()
    assert not np.allclose(other, vectors, atol=0.1)
    assert not list(tmp_path.iterdir())  # nothing of a pass is left


def test_random_weights_can_be_asked_and_vectors_cannot() -> None:
    embed = SPECS[0].of.embed
    control = NeuronReading(
        of=Neurons(embed=embed.replace(checkpoint=RandomWeights(of=embed.checkpoint)), label="upos")
    )
    assert control.cost()[0] > 0
    vectors = Vectors(digest="0" * 64, path="x.npy", of=embed.sample.of, unit="word", width=4)
    given = Embed(checkpoint=vectors, sample=embed.sample, unit=embed.unit, pooling=embed.pooling)
    with pytest.raises(SpecInvalid, match="no network"):
        NeuronReading(of=Neurons(embed=given, label="upos"))
    with pytest.raises(SpecInvalid, match="There is no ranking"):
        SPECS[0].replace(ranking="by taste")
