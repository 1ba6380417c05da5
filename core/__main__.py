"""The command line: python -m core run SPEC.json | plan SPEC.json | status | cancel KEY | engine."""

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

from core.errors import SpecInvalid, TunescopeError
from core.keys import Spec, from_json, key_of


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 only on success."""
    parser = argparse.ArgumentParser(prog="python -m core", description="Tunescope without its pages.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="compute a spec here, with all it needs, unless it is stored")
    run.add_argument("spec", type=Path, help="a JSON file, or - for standard input")
    run.add_argument("--json", action="store_true", help="print the result's plain values as JSON")
    run.add_argument("--engine", action="store_true", help="through the shared engine instead of this process")
    plan = commands.add_parser("plan", help="what would have to be computed, and its expected cost")
    plan.add_argument("spec", type=Path)
    commands.add_parser("status", help="all known jobs")
    cancel = commands.add_parser("cancel", help="stop a job")
    cancel.add_argument("key")
    commands.add_parser("cache", help="what is stored")
    commands.add_parser("engine", help="be the engine until idle; the app starts it by itself")
    chosen = parser.parse_args(arguments)
    try:
        return {"run": _run, "plan": _plan, "status": _status, "cancel": _cancel, "cache": _cache, "engine": _engine}[
            chosen.command
        ](chosen)
    except TunescopeError as problem:
        print(f"{type(problem).__name__}: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _engine(_: argparse.Namespace) -> int:
    import logging

    from core.jobs.engine import serve
    from core.settings import Settings

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    serve(Settings.from_environment())
    return 0


def _run(chosen: argparse.Namespace) -> int:
    lab, spec = _lab(), _spec(chosen.spec)
    if chosen.engine:
        status = lab.wait(lab.submit(spec).key) if lab.peek(spec) is None else None
        if status is not None and status.state != "done":
            print(f"{status.state}: {status.error.message if status.error else ''}", file=sys.stderr)
            return 1
        result = lab.peek(spec)
    else:
        result = lab.run(spec)
    if chosen.json:
        print(json.dumps(_plain(result), ensure_ascii=False))
    else:
        print(f"{spec.kind} {key_of(spec)}\n{lab.store.folder(spec)}")
    return 0


def _plan(chosen: argparse.Namespace) -> int:
    steps = _lab().plan(_spec(chosen.spec))
    for step in steps:
        guess = " (first guess)" if step.is_guess else ""
        print(
            f"{step.spec.kind:14} {key_of(step.spec)[:12]}  {step.seconds:8.1f} s  {step.n_bytes / 1e6:8.1f} MB{guess}"
        )
    print(f"{len(steps)} to compute" if steps else "everything is stored")
    return 0


def _status(_: argparse.Namespace) -> int:
    for record, status in _lab().jobs():
        asked = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.asked))
        progress = f"{status.done}/{status.total}" if status.total else ""
        print(f"{record.key[:12]}  {asked}  {status.state:11} {progress:>11}  {record.title}")
        if status.error:
            print(f"              {status.error.message}")
    return 0


def _cancel(chosen: argparse.Namespace) -> int:
    lab = _lab()
    keys = [record.key for record, _ in lab.jobs() if record.key.startswith(chosen.key)]
    if len(keys) != 1:
        raise SpecInvalid(f"Cancelling {chosen.key!r}.", f"{len(keys)} jobs begin so.", "See: python -m core status.")
    lab.cancel(keys[0])
    return 0


def _cache(_: argparse.Namespace) -> int:
    for key, held in _lab().store.listing().items():
        print(f"{key[:12]}  {held['kind']:14} {held['bytes'] / 1e6:9.1f} MB  {held['seconds']:8.1f} s")
    return 0


def _lab() -> Any:
    from core.lab import Lab

    return Lab()


def _spec(path: Path) -> Spec:
    import core.analyses  # noqa: F401  # makes every kind known

    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        spec = from_json(json.loads(text))
    except (OSError, ValueError) as error:
        raise SpecInvalid(f"Reading the spec {path}.", f"{error}.", "Give a JSON file.") from error
    if not isinstance(spec, Spec):
        raise SpecInvalid(
            f"Reading the spec {path}.", f"A {spec.kind} computes nothing.", "Give the spec of an analysis."
        )
    return spec


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if hasattr(value, "to_dict"):
        return value.to_dict(orient="list")
    if hasattr(value, "tolist"):
        return value.tolist() if value.size <= 10_000 else f"array {value.dtype} {list(value.shape)}"
    return str(value) if isinstance(value, Path) else value


if __name__ == "__main__":
    sys.exit(main())
