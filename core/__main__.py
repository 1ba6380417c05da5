"""The command line: python -m core run SPEC.json | plan SPEC.json | download NAME | status | cancel KEY | cache … |
analyses | claims | class | warm | engine."""

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

from core.errors import SpecInvalid, TunescopeError
from core.keys import Spec, from_json, key_of

_EVERYWHERE = "0.0.0.0"  # noqa: S104  # a class is opened on purpose, by a command of its own


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
    download = commands.add_parser("download", help="fetch a checkpoint of the Hugging Face Hub and add it")
    download.add_argument("name", help="organisation/name, or organisation/name@revision")
    commands.add_parser("status", help="all known jobs")
    cancel = commands.add_parser("cancel", help="stop a job")
    cancel.add_argument("key")
    cache = commands.add_parser("cache", help="what is stored: list, verify, evict, rebuild, export, import")
    acts = cache.add_subparsers(dest="act")
    acts.add_parser("list", help="every stored result, newest first")
    acts.add_parser("verify", help="compare every file with its checksum; 1 where something is damaged")
    evict = acts.add_parser("evict", help="delete what was longest unused until the rest fits")
    evict.add_argument("size", help="such as 500M or 2G")
    evict.add_argument("--runs", action="store_true", help="tuned checkpoints may go too, after all else")
    acts.add_parser("rebuild", help="make the index anew")
    export = acts.add_parser("export", help="write results, with what they were computed from, into a pack")
    export.add_argument("path", type=Path, help="the pack, such as mine.tunescope")
    export.add_argument("keys", nargs="+", metavar="KEY", help="keys or how they begin")
    export.add_argument("--title", default="", help="for people")
    export.add_argument("--only", action="store_true", help="exactly these, without what they were computed from")
    take = acts.add_parser("import", help="take over a pack's results, all or none")
    take.add_argument("path", type=Path)
    demo = commands.add_parser("demo", help="make the demo pack anew: about fifty minutes on two cores")
    demo.add_argument("path", type=Path, nargs="?", help="where to write it; by default where the app looks for it")
    commands.add_parser("analyses", help="every analysis, what it does and after whom, as a table in Markdown")
    class_ = commands.add_parser("class", help="open the app to a class: viewers look, you present with a key")
    class_.add_argument(
        "--address", default=_EVERYWHERE, help="to listen on; by default on every network of this machine"
    )
    class_.add_argument("--port", type=int, default=8501)
    class_.add_argument("--seats", type=int, default=60, help="how many may look on at once")
    class_.add_argument("--new-key", action="store_true", help="another key for the class that runs; the old one ends")
    commands.add_parser(
        "warm", help="read and check all that is stored, so that nothing of it is slow or missing in class"
    )
    commands.add_parser(
        "claims", help="the claims after four papers, their verdicts on the demo, as a table in Markdown"
    )
    commands.add_parser("engine", help="be the engine until idle; the app starts it by itself")
    chosen = parser.parse_args(arguments)
    try:
        return _COMMANDS[chosen.command](chosen)
    except TunescopeError as problem:
        print(f"{type(problem).__name__}: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _demo(chosen: argparse.Namespace) -> int:
    import logging

    from core.demo import PACK, make

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    path = chosen.path or PACK
    n_bytes = make(path)
    print(f"{path}  {n_bytes / 1e6:.1f} MB")
    return 0


def _analyses(_: argparse.Namespace) -> int:
    import core.analyses  # noqa: F401  # makes every kind of spec known
    from core.keys import KINDS

    known = [cls for cls in KINDS.values() if issubclass(cls, Spec) and cls.sources]
    print("| analysis | what it does | after |\n| --- | --- | --- |")
    for cls in sorted(known, key=lambda cls: cls.title):
        does = (cls.__doc__ or "").split("\n\n")[0].replace("\n", " ")
        print(f"| {cls.title} | {' '.join(does.split()).rstrip('.')} | {'; '.join(cls.sources)} |")
    return 0


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
        lab.plan(spec)  # what cannot be costed is refused before any of it is computed
        result = lab.run(spec)
    if chosen.json:
        print(json.dumps(_plain(result), ensure_ascii=False))
    else:
        print(f"{spec.kind} {key_of(spec)}\n{lab.store.folder(spec)}")
    return 0


def _class(chosen: argparse.Namespace) -> int:
    import os
    import signal
    import socket
    import subprocess

    from core.settings import ROOT

    classroom = _lab().classroom
    if chosen.new_key:
        print(f"presenter's key  {classroom.new_key()}\nThe old one has ended.")
        return 0
    if not 1 <= chosen.seats <= 1000:
        raise SpecInvalid(f"A class of {chosen.seats} seats.", "Out of range.", "Use 1 to 1,000.")
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((chosen.address, chosen.port))
        except OSError as error:
            raise SpecInvalid(
                f"Opening {chosen.address}:{chosen.port} to a class.",
                f"The system answered: {error.strerror or error}.",
                "Choose another --port or --address.",
            ) from error
    host = _own_address() if chosen.address == _EVERYWHERE else chosen.address
    key = classroom.begin()
    print(
        f"for all          http://{host}:{chosen.port}\n"
        f"presenter's key  {key}\n"
        f"{chosen.seats} seats. Who has no key only looks. Uploads are closed. Ctrl-C ends the class.",
        flush=True,
    )
    options = {"address": chosen.address, "port": chosen.port, "maxUploadSize": 0, "headless": "true"}
    arguments = [part for name, value in options.items() for part in (f"--server.{name}", str(value))]
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", *arguments],
        cwd=ROOT,
        env=os.environ | {"TUNESCOPE_SEATS": str(chosen.seats)},
    )

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    # A closed terminal or a stopped service ends the class too: no port is left open behind it.
    for name in ("SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), end)
    try:
        return server.wait()
    finally:
        server.terminate()
        server.wait()


def _own_address() -> str:
    """The address by which others in the room reach this machine; the loopback one where it is in no network."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(
                ("192.0.2.1", 9)
            )  # an address for documentation: nothing is sent, the system only picks a way
        except OSError:
            return "127.0.0.1"
        return str(asked.getsockname()[0])


def _warm(_: argparse.Namespace) -> int:
    lab = _lab()
    damaged = lab.verify()
    held = lab.kept()
    print(f"{len(held)} results read, {sum(one.n_bytes for one in held) / 1e6:.1f} MB; {len(damaged)} damaged")
    for one in damaged:
        print(f"damaged: {one}", file=sys.stderr)
    packs = [title.casefold() for title in lab.packs()]
    missing = False
    for one in lab.lessons():
        wanted = one.lesson.pack.casefold() if one.lesson else ""
        is_there = one.lesson is not None and (not wanted or any(title.startswith(wanted) for title in packs))
        missing |= not is_there
        why = "" if is_there else f": {'cannot be read' if one.lesson is None else f'needs the pack {one.lesson.pack}'}"
        print(f"lesson {one.name}: {'ready' if is_there else 'not ready'}{why}")
    return 1 if damaged or missing else 0


def _claims(_: argparse.Namespace) -> int:
    from core.analyses.ready_claims import PAPERS
    from core.charts.claim_words import said, signed
    from core.demo import papers_claims

    lab = _lab()
    print("| after | finding | claimed of the demo | verdict | effect |\n| --- | --- | --- | --- | --- |")
    for one in papers_claims():
        found = lab.judged(one.claim)
        verdict, effect = (found.verdict, signed(found, one.claim.quantity)) if found else ("not measured", "")
        sentence = said(one.claim, ("the harbour log", "the reviews"))
        print(f"| {PAPERS[one.paper]} | {one.finding} | {sentence} | {verdict} | {effect} |")
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


def _download(chosen: argparse.Namespace) -> int:
    repo, _, revision = chosen.name.partition("@")
    lab = _lab()
    found = lab.look_up(repo, revision)
    ref = found.ref
    print(f"{ref.repo} {ref.revision} is {ref.commit}, {ref.n_bytes / 1e6:.1f} MB", flush=True)
    lab.run(ref)
    print(ref.folder)
    if ref.holds == "model":
        lab.add_repository(found)
        return 0
    what = "an adapter" if ref.holds == "adapter" else "pickled weights"
    print(f"It holds {what}: add this folder on the page Checkpoints.", file=sys.stderr)
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


def _cache(chosen: argparse.Namespace) -> int:
    acts = {
        "verify": _cache_verify,
        "evict": _cache_evict,
        "rebuild": _cache_rebuild,
        "export": _cache_export,
        "import": _cache_import,
    }
    return acts.get(chosen.act, _cache_list)(_lab(), chosen)


def _cache_list(lab: Any, _: argparse.Namespace) -> int:
    for key, held in lab.store.listing().items():
        pack = held.get("pack") or held.get("imported")
        note = f"  from {pack}" if pack else ""
        print(f"{key[:12]}  {held['kind']:14} {held['bytes'] / 1e6:9.1f} MB  {held['seconds']:8.1f} s{note}")
    return 0


def _cache_verify(lab: Any, _: argparse.Namespace) -> int:
    found = lab.verify()
    for damage in found:
        where = f"  in the pack {damage.pack}" if damage.pack else ""
        print(f"{damage.key[:12]}  {damage.kind:14} {damage.found}{where}", file=sys.stderr)
    print(f"{len(found)} damaged" if found else "all as they were written")
    return 1 if found else 0


def _cache_evict(lab: Any, chosen: argparse.Namespace) -> int:
    most = _bytes(chosen.size)
    done = lab.delete(lab.eviction(most, runs=chosen.runs))
    for key in done.keys:
        print(key[:12])
    left = lab.disk().own
    print(f"{len(done.keys)} deleted, {done.n_bytes / 1e6:.1f} MB freed, {left / 1e6:.1f} MB kept")
    if left > most:
        print("What is kept is needed by a job, pinned, or a tuned checkpoint (--runs).", file=sys.stderr)
        return 1
    return 0


def _cache_rebuild(lab: Any, _: argparse.Namespace) -> int:
    print(f"{lab.rebuild_index()} results in the index")
    return 0


def _cache_export(lab: Any, chosen: argparse.Namespace) -> int:
    stored = list(lab.store.listing())
    keys = []
    for begin in chosen.keys:
        fitting = [key for key in stored if key.startswith(begin)]
        if len(fitting) != 1:
            raise SpecInvalid(
                f"Packing {begin!r}.", f"{len(fitting)} results begin so.", "See: python -m core cache list."
            )
        keys += fitting
    wanted = list(dict.fromkeys(keys)) if chosen.only else lab.with_needed(keys)
    contents = lab.export_pack(wanted, chosen.path, title=chosen.title or chosen.path.stem)
    print(f"{len(contents.artifacts)} results, {chosen.path.stat().st_size / 1e6:.1f} MB: {chosen.path}")
    return 0


def _cache_import(lab: Any, chosen: argparse.Namespace) -> int:
    done = lab.import_pack(chosen.path)
    print(f"{done.contents.title}: {len(done.new)} new, {len(done.kept)} were there")
    return 0


def _bytes(text: str) -> float:
    factor = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    number, unit = text.upper().removesuffix("B"), 1.0
    if number and number[-1] in factor:
        number, unit = number[:-1], factor[number[-1]]
    try:
        size = float(number) * unit
    except ValueError:
        size = -1.0
    if not 0 <= size < 1e18:
        raise SpecInvalid(f"Keeping at most {text!r}.", "That is no size.", "Give one such as 500M or 2G.")
    return size


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


_COMMANDS = {
    "run": _run,
    "plan": _plan,
    "download": _download,
    "status": _status,
    "cancel": _cancel,
    "cache": _cache,
    "demo": _demo,
    "engine": _engine,
    "analyses": _analyses,
    "claims": _claims,
    "class": _class,
    "warm": _warm,
}


if __name__ == "__main__":
    sys.exit(main())
