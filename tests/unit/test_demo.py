"""The demo pack: what its command says is in it, nothing else, and its numbers come out again when computed."""

from pathlib import Path

import numpy as np
import pytest

from core.analyses.compress import Compress
from core.analyses.crowding import Crowding
from core.analyses.direct_probe import DirectProbe
from core.analyses.embed import Embed
from core.analyses.label_geometry import LabelGeometry
from core.analyses.probe import Probe
from core.analyses.probe_change import ProbeChange
from core.analyses.similarity import Similarity
from core.analyses.weight_change import WeightChange
from core.demo import ELSEWHERE, LIVE, PACK, SEEN, ablations, checkpoints, contents
from core.keys import key_of
from core.lab import Lab
from core.refs import Packaged
from core.settings import Settings
from core.store.artifacts import Store

SENTIMENT = checkpoints()[0]
BASE, TUNED = (Embed(checkpoint=side, sample=SEEN) for side in (Packaged(), SENTIMENT))


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A first start: an empty cache, and the packs of the repository."""
    settings = Settings(cache=tmp_path_factory.mktemp("first"), device="cpu", packs=PACK.parent)
    return Lab(Store(settings), engine="none")


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A store with the demo checkpoints alone: whatever else is asked of it is computed."""
    lab = Lab(Store(Settings(cache=tmp_path_factory.mktemp("again"), device="cpu")), engine="none")
    imported = lab.import_pack(PACK)
    assert set(imported.new) == {key_of(spec) for spec in contents()}
    lab.delete([key_of(spec) for spec in contents() if not isinstance(spec, Compress)])
    return lab


def test_the_pack_is_small_enough_to_come_along() -> None:
    assert PACK.stat().st_size <= 15_000_000


def test_the_pack_holds_what_its_command_says_and_nothing_else(shipped: Lab) -> None:
    assert shipped.store.listing().keys() == {key_of(spec) for spec in contents()}
    assert all(shipped.peek(spec) is not None for spec in contents())


def test_no_full_copy_of_the_weights_is_in_it(shipped: Lab) -> None:
    for spec in checkpoints():
        tuned = shipped.peek(spec)
        assert tuned.n_bytes < 3_000_000
        assert tuned.accuracy.low > tuned.majority  # what is left of the change still does the task


def test_the_demo_has_every_way_of_tuning_a_second_seed_and_a_second_domain(shipped: Lab) -> None:
    made = [spec.run for spec in checkpoints()]
    assert {run.method for run in made} == {"full", "lora", "head"}
    assert len({run.seed for run in made if run.label == "sentiment" and run.method == "full"}) == 2
    whole = [run for run in made if run.method == "full"]
    assert {(run.label, run.unit) for run in whole} >= {
        ("sentiment", "sentence"),
        ("number", "sentence"),
        ("upos", "word"),
    }
    followed = {one.ref.label for one in shipped.stepped_runs()}
    assert followed == {"sentiment", "number", "upos"}
    elsewhere = (Embed(checkpoint=side, sample=ELSEWHERE) for side in (Packaged(), SENTIMENT))
    there = shipped.peek(Similarity(**dict(zip(("base", "tuned"), elsewhere, strict=True))))
    assert there.same_layer[-1].value < 1


def test_live_vectors_come_out_again(shipped: Lab, again: Lab) -> None:
    for side in (Packaged(), SENTIMENT):
        spec = Embed(checkpoint=side, sample=LIVE)
        there, here = shipped.peek(spec), again.run(spec)
        for layer, other in zip(there.layers, here.layers, strict=True):
            np.testing.assert_allclose(layer.astype(float), other.astype(float), atol=0.02, rtol=0.01)


def test_results_come_out_again(shipped: Lab, again: Lab) -> None:
    spec = Similarity(base=BASE, tuned=TUNED)
    for there, here in zip(shipped.peek(spec).same_layer, again.run(spec).same_layer, strict=True):
        assert here.value == pytest.approx(there.value, abs=2e-3)
        assert here.low == pytest.approx(there.low, abs=5e-3)
    crowding = Crowding(base=BASE, tuned=TUNED)
    for there, here in zip(shipped.peek(crowding).tuned, again.run(crowding).tuned, strict=True):
        assert here.value == pytest.approx(there.value, abs=2e-3)
    sentences = [
        Embed(checkpoint=side, sample=SEEN, unit="sentence", pooling="mean") for side in (Packaged(), SENTIMENT)
    ]
    probes = [Probe(embed=side, label="sentiment") for side in sentences]
    change = ProbeChange(base=probes[0], tuned=probes[1])
    for there, here in zip(shipped.peek(change).difference, again.run(change).difference, strict=True):
        assert here.value == pytest.approx(there.value, abs=0.01)  # three of 300 answers
    rsa = Similarity(base=sentences[0], tuned=sentences[1], measure="rsa")
    for there, here in zip(shipped.peek(rsa).same_layer, again.run(rsa).same_layer, strict=True):
        assert here.value == pytest.approx(there.value, abs=2e-3)
    hulls = DirectProbe(embed=sentences[0], label="sentiment")
    there, here = shipped.peek(hulls), again.run(hulls)
    np.testing.assert_array_equal(here.n_clusters, there.n_clusters)
    np.testing.assert_allclose(here.distances, there.distances, rtol=0.02, atol=0.02)
    places = LabelGeometry(base=sentences[0], tuned=sentences[1], label="sentiment")
    for there, here in zip(shipped.peek(places).fisher_difference, again.run(places).fisher_difference, strict=True):
        assert here.value == pytest.approx(there.value, abs=0.02)
    trial = next(point.trial for point in ablations()[1].points if point.at == "0")  # no block: seconds
    assert again.run(trial).score.value == pytest.approx(
        shipped.peek(trial).score.value, abs=0.02
    )  # ten of 500 answers
    weights = WeightChange(base=Packaged(), tuned=SENTIMENT)
    np.testing.assert_allclose(shipped.peek(weights).layers, again.run(weights).layers, rtol=1e-4)


def test_the_demo_is_there_for_a_process_that_only_reads(tmp_path: Path) -> None:
    lab = Lab(Store(Settings(cache=tmp_path, packs=PACK.parent)), engine="none")
    names = [named.name for named in lab.checkpoints()]
    assert len(names) == 1 + len(checkpoints())
    assert names[1].startswith("sentiment · Reviews")  # the newest, which home opens with
