"""What tests share: a cache folder of their own, real corpora where they are at hand, small real artifacts made once."""

import os
from pathlib import Path

import pytest

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
    """A lab with one small comparison computed in it, shared read-only: see tests/small.py."""
    from tests.small import comparison

    lab = Lab(Store(Settings(cache=tmp_path_factory.mktemp("made"), device="cpu")), engine="none")
    for spec in comparison():
        lab.run(spec)
    return lab
