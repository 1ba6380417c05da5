"""What a probe scores on random weights stands beside both sides, layer by layer, wherever it is known."""

import numpy as np
import pandas as pd
import pytest

from core.analyses.codelength import Codelength
from core.analyses.codelength_change import CodelengthChange
from core.charts import readout
from core.charts.sides import sides_table, with_random
from core.demo import OPENED_AT, PACK, contents
from core.keys import Spec
from core.lab import Lab
from core.maths.statistics import Estimate
from core.refs import RandomWeights
from core.settings import Settings
from core.store.artifacts import Store


def estimate(value: float, low: float = 0.1, high: float = 0.9) -> Estimate:
    return Estimate(value=value, low=low, high=high, standard_error=0.1, n=50, n_groups=5)


def test_random_weights_are_added_to_the_layer_they_are_of() -> None:
    held = [estimate(0.5), estimate(0.6), None]
    table = sides_table("accuracy", held, held[:2], [estimate(0.0)] * 3)
    found = with_random(table, [estimate(0.2), None, estimate(0.4)])
    pd.testing.assert_frame_equal(found[list(table)], table)
    wanted = {0: 0.2, 1: np.nan, 2: 0.4}
    np.testing.assert_array_equal(found["random"].astype(float), found["layer"].map(wanted))
    assert with_random(table, None) is table


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    settings = Settings(cache=tmp_path_factory.mktemp("first"), device="cpu", packs=PACK.parent)
    return Lab(Store(settings), engine="none")


def test_the_demo_knows_what_random_weights_save_and_it_is_less_than_the_base_does(shipped: Lab) -> None:
    def of(spec: Spec) -> bool:
        return isinstance(spec, CodelengthChange) and spec.base.label == OPENED_AT[1]

    (change,) = filter(of, contents())
    assert isinstance(change, CodelengthChange)
    embed = change.base.embed
    random = shipped.peek(
        Codelength(embed=embed.replace(checkpoint=RandomWeights(of=embed.checkpoint)), label=change.base.label)
    )
    assert random is not None, "the demo has no codelength on random weights"
    base, tuned = shipped.peek(change.base), shipped.peek(change.tuned)
    table = readout.compression_table(base, tuned, shipped.peek(change), random)
    of_base = table[table["side"] == "base"]
    assert (of_base["low"] > of_base["random_high"]).all()
    assert (of_base["random_low"] > of_base["majority"]).all()
