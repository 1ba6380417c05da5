"""What tests share: a cache folder of their own, real corpora where they are at hand, small real artifacts made once."""

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

# Before anything loads the libraries that compute: threads that spin while they wait would take the cores from each other.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

from core.lab import Lab
from core.settings import Settings
from core.store.artifacts import Store

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches a person's caches, asks a Hub that is not its own, or waits long for an engine to go."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("TUNESCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TUNESCOPE_PACKS", "none")
    monkeypatch.setenv("TUNESCOPE_IDLE_SECONDS", "5")
    monkeypatch.setenv("TUNESCOPE_DEVICE", "cpu")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(Settings(cache=tmp_path / "cache", device="cpu", idle_seconds=5))


@pytest.fixture
def lab(store: Store) -> Lab:
    """A lab over an empty store, without an engine."""
    return Lab(store, engine="none")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real corpora that are no part of the project."""
    folder = Path(os.environ.get("TUNESCOPE_SHARED_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("real corpora are not at hand (set TUNESCOPE_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A lab with one small comparison computed in it, shared read-only: see tests/small.py.

    Computed once for all workers; each has a copy, so that none can spoil another's.
    """
    of_all = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        of_all = of_all.parent
    original, own = of_all / "made-once", tmp_path_factory.mktemp("made")
    with FileLock(of_all / "made-once.lock"):
        if not (original / "complete").exists():
            _compute_small_comparison(original)
    shutil.copytree(original, own, dirs_exist_ok=True)
    return Lab(Store(Settings(cache=own, device="cpu")), engine="none")


def _compute_small_comparison(into: Path) -> None:
    from tests.small import comparison

    lab = Lab(Store(Settings(cache=into, device="cpu")), engine="none")
    for spec in comparison():
        lab.run(spec)
    (into / "complete").touch()
