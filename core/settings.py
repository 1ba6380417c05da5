"""Configuration of one machine, read from the environment. None of it changes a result, so none of it enters a key."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from core.errors import StoreUnusable

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where things are kept and what the machine may use."""

    cache: Path
    """Folder of computed artifacts, jobs and the engine's address; owner-only, safe to delete."""
    packs: Path | None = None
    """Folder of shipped packs, read-only; None = none. The program's own is the default of `from_environment`."""
    scheduler: str = ""
    """Address of a Dask scheduler elsewhere; empty = a local engine is started when needed."""
    device: str = ""
    """"cpu", "cuda", "mps"; empty = the best there is."""
    threads: int = 0
    """CPU threads a worker may use; 0 = all but one when there are more than two."""
    idle_seconds: float = 600.0
    """The engine ends after so long without work."""
    seats: int = 0
    """In a class, how many may look on at once; 0 = this is no class: whoever opens the app may do everything."""

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read TUNESCOPE_CACHE, TUNESCOPE_PACKS, TUNESCOPE_SCHEDULER, TUNESCOPE_DEVICE, TUNESCOPE_THREADS,
        TUNESCOPE_IDLE_SECONDS, TUNESCOPE_SEATS (which `python -m core class` sets).

        TUNESCOPE_PACKS empty or "none": no shipped packs.
        """
        get = os.environ.get
        packs = get("TUNESCOPE_PACKS", str(ROOT / "cache" / "packs"))
        return cls(
            cache=Path(get("TUNESCOPE_CACHE") or ROOT / "cache" / "store").expanduser().absolute(),
            packs=None if packs in ("", "none") else Path(packs).expanduser().absolute(),
            scheduler=get("TUNESCOPE_SCHEDULER", ""),
            device=get("TUNESCOPE_DEVICE", ""),
            threads=int(get("TUNESCOPE_THREADS") or 0),
            idle_seconds=float(get("TUNESCOPE_IDLE_SECONDS") or 600.0),
            seats=int(get("TUNESCOPE_SEATS") or 0),
        )

    @property
    def n_threads(self) -> int:
        """Threads of one worker; one core is left to the interface where there are more than two."""
        cores = os.cpu_count() or 1
        return self.threads or (cores if cores <= 2 else cores - 1)


def owner_only_folder(path: Path) -> Path:
    """Make a folder that only its owner can enter.

    Raises:
        StoreUnusable: a file is in its place, or it cannot be made or written.
    """
    asked = f"Opening the cache folder {path}."
    do = "Set TUNESCOPE_CACHE to a folder you can write, or free this one."
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise StoreUnusable(asked, f"The system answered: {error.strerror}.", do) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise StoreUnusable(asked, "It cannot be written.", do)
    return path
