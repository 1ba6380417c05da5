"""On an accelerator: half-precision vectors stay close to float32, whatever the batch."""

from pathlib import Path

import numpy as np
import pytest

from core.analyses.embed import Embed
from core.lab import Lab
from core.refs import Packaged, Sample, Suite
from core.settings import Settings
from core.store.artifacts import Store
from tests.small import TUNE

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


def test_half_precision_vectors_point_the_same_way(tmp_path: Path) -> None:
    spec = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(split="test"), n=200))
    sides = {
        device: Lab(Store(Settings(cache=tmp_path / device, device=device)), engine="none").run(spec)
        for device in ("cpu", "cuda")
    }
    assert sides["cuda"].precision == "bfloat16"
    for exact, half in zip(sides["cpu"].layers, sides["cuda"].layers, strict=True):
        X, Y = np.asarray(exact, np.float32), np.asarray(half, np.float32)
        cosine = (X * Y).sum(1) / np.linalg.norm(X, axis=1) / np.linalg.norm(Y, axis=1)
        assert cosine.min() > 0.995


def test_probes_on_the_device_answer_as_on_the_cpu() -> None:
    from tests.bench.probes import halves, layer, ours

    X, y = layer(3)
    splits = [halves(X, seed) for seed in range(2)]
    np.testing.assert_allclose(ours(splits, y, "cuda"), ours(splits, y), atol=0.003)


def test_tuning_on_the_device_learns(tmp_path: Path) -> None:
    run = TUNE.replace(train=Sample(of=Suite(split="train"), n=400), dev=Sample(of=Suite(split="dev"), n=200), epochs=2)
    result = Lab(Store(Settings(cache=tmp_path, device="cuda")), engine="none").run(run)
    assert result.accuracy.low > result.majority
