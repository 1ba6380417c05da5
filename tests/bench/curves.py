"""Seconds until a curve is there, from the embeddings on, computed by the engine as a page asks for it."""

import json
import os
import signal
import tempfile
import time
from pathlib import Path

SENTENCES, POLL, LIMIT = 500, 0.1, 600.0


def seconds() -> list[tuple[str, str, str]]:
    """(what, figure, asked) rows: jobs of one side, from their start to their end, over stored embeddings."""
    from core.analyses.codelength import Codelength
    from core.analyses.edge_probe import EdgeProbe
    from core.analyses.embed import Embed
    from core.analyses.probe import Probe
    from core.analyses.structural_probe import StructuralProbe
    from core.lab import Lab
    from core.refs import Packaged, Sample, Suite
    from core.settings import Settings
    from core.store.artifacts import Store

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(cache=Path(folder), packs=None)
        lab = Lab(Store(settings))
        embed = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(split="dev"), n=SENTENCES))
        asked = {
            "linear probes": (Probe(embed=embed, label="upos"), "≤ 15 s"),
            "codelengths": (Codelength(embed=embed, label="upos"), ""),
            "structural probes": (StructuralProbe(embed=embed), ""),
            "edge probes": (EdgeProbe(embed=embed, label="upos"), ""),
        }
        try:
            _seconds(lab, embed)
            return [
                (f"curve of one side by the engine, {name}", f"{_seconds(lab, spec):.1f} s", limit)
                for name, (spec, limit) in asked.items()
            ]
        finally:
            _stop_engine(settings.cache)


def _stop_engine(cache: Path) -> None:
    """Ask the engine of this cache to end, and wait until it has."""
    from core.jobs.engine import is_alive

    os.kill(json.loads((cache / "engine" / "engine.json").read_text(encoding="utf-8"))["pid"], signal.SIGTERM)
    while is_alive(cache):
        time.sleep(POLL)


def _seconds(lab, spec) -> float:
    """From the start of a job to its end; without what it needs, which must be there."""
    from core.keys import key_of

    key, waiting_since = key_of(spec), time.monotonic()
    lab.submit(spec)
    while lab.status(key).state != "done":
        if lab.status(key).state in ("failed", "interrupted", "cancelled") or time.monotonic() - waiting_since > LIMIT:
            raise RuntimeError(f"{spec.title}: {lab.status(key)}")
        time.sleep(POLL)
    record = lab.record(key)
    return record.ended - record.started


if __name__ == "__main__":
    from tests.bench.rows import keep

    keep(seconds())
