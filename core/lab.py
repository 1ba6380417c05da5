"""The one door: pages, command line, notebooks and tests ask here for results, and nowhere else."""

import json
import shutil
import statistics
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import core.analyses  # noqa: F401  # makes every kind of spec known
from core.analyses import result_class
from core.analyses.compress import Compress
from core.analyses.fine_tune import FineTune, Snapshot
from core.data.load import DatasetFacts, facts_of, facts_of_examples, load_dataset, read_file
from core.data.uploads import clean_name, keep
from core.errors import ArtifactDamaged, JobFailed, SpecInvalid
from core.jobs.engine import INTERRUPTED, ensure_engine, is_alive
from core.jobs.records import ACTIVE, JobRecord, Problem, Records, State
from core.keys import Described, Result, Spec, from_json, key_of, to_json
from core.models.checkpoints import facts, locate
from core.refs import LABEL_NAMES, ConlluFile, Dataset, Folder, Packaged, Sample, Suite, TableFile, digest_of, existing
from core.settings import Settings
from core.store.artifacts import Damage, Leftover, OnStep, Removed, Store
from core.store.book import Book
from core.store.packs import Imported, PackContents, check_pack, import_pack, write_pack

if TYPE_CHECKING:
    import pandas as pd

    from core.data.counts import DatasetCounts
    from core.data.guess import Guess

_TUNED = (FineTune.kind, Compress.kind)
_STARTING_SECONDS = 60.0
"""A queued job may wait so long for an engine to come up before it is called interrupted."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A submitted computation."""

    key: str


@dataclass(frozen=True, kw_only=True)
class JobStatus:
    """How a computation stands."""

    state: State | Literal["unknown"]
    done: int = 0
    total: int = 0
    note: str = ""
    error: Problem | None = None
    ahead: int = 0
    """Jobs that come before it in the queue."""
    seconds_left: float | None = None
    """Until it ends, those ahead included: from its own pace, or from this machine's record; None = not known."""


@dataclass(frozen=True, kw_only=True)
class PlannedStep:
    """One computation that would have to run."""

    spec: Spec
    seconds: float
    """Expected, from this machine's own record where there is one."""
    n_bytes: float
    """Kept on disk."""
    is_guess: bool
    """True where this machine has not computed this kind before."""


@dataclass(frozen=True, kw_only=True)
class Named:
    """A checkpoint or data set that can be picked."""

    id: str
    name: str
    ref: Any


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a stored result comes from."""

    key: str
    created: float
    seconds: float
    device: str
    libraries: dict[str, str]
    spec: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A stored result, in words."""

    key: str
    kind: str
    what: str
    """Title of its analysis."""
    checkpoints: str
    text: str
    settings: str
    n_bytes: int
    seconds: float
    """What computing it took."""
    created: float
    used: float
    """Last read, to a minute."""
    pack: str
    """Title of the pack it came in; empty where it was computed here."""
    is_shipped: bool
    """Part of the program: never evicted or deleted."""
    is_pinned: bool
    is_needed: bool
    """By a job under way."""


@dataclass(frozen=True, kw_only=True)
class Disk:
    """What the cache folder takes."""

    own: int
    """Bytes of results that can be deleted."""
    shipped: int
    """Bytes of results that come with the program."""
    free: int
    folder: str


class Lab:
    """Ask for results by spec.

    Args:
        store: where artifacts live; by default the cache folder of the settings.
        engine: "shared" starts or finds the engine process on `submit`; "none" leaves submitted jobs to one that
            somebody else starts.
    """

    def __init__(self, store: Store | None = None, *, engine: Literal["shared", "none"] = "shared") -> None:
        self.store = store or Store(Settings.from_environment())
        self._engine = engine
        self._records = Records(self.store.root)
        self.book = Book(self.store.root / "book.json")
        self._tried: dict[str, DatasetFacts] = {}

    # -- results

    def peek(self, spec: Spec) -> Any:
        """The stored result, or None; never computes.

        Raises:
            ArtifactDamaged: it is there but not as it was written; `submit` or `run` replaces it.
        """
        return self.store.load(spec, result_class(spec)) if self.store.has(spec) else None

    def run(self, spec: Spec) -> Any:
        """The result, computed in this process with all it needs unless stored.

        Raises:
            TunescopeError: as the analyses do.
        """
        from core.jobs.run import compute_artifact, missing, stored

        self._clear_damaged(spec)
        result: Result | None = stored(spec, self.store)
        for step in missing(spec, self.store):
            flag = self._records.cancel_flag(key_of(step))
            result = compute_artifact(step, self.store, cancel_flag=flag, report=lambda *_: None)
        return result

    def submit(self, spec: Spec) -> Job:
        """Ask the engine for a result and all it needs; asking twice is asking once."""
        self._clear_damaged(spec)
        for at, step in enumerate(self.plan(spec)):
            self._ask(step.spec, time.time() + at * 1e-6, step.seconds)
        if not self.store.has(spec) and self._engine == "shared":
            ensure_engine(self.store.settings)
        return Job(key=key_of(spec))

    def live(self, spec: Spec, name: str) -> "pd.DataFrame | None":
        """What a computation under way has published so far, or None."""
        import pandas as pd

        try:
            with (self.store.folder(spec) / f"live.{name}.json").open(encoding="utf-8") as stream:
                return pd.DataFrame(**json.load(stream))
        except (OSError, ValueError, TypeError):
            return None

    def discard(self, spec: Spec) -> None:
        """Delete a stored result."""
        self.store.discard(spec)

    def plan(self, specs: Spec | Iterable[Spec]) -> list[PlannedStep]:
        """What would have to be computed for these, in order, with its expected cost."""
        from core.jobs.run import missing

        wanted = [specs] if isinstance(specs, Spec) else specs
        steps = list(dict.fromkeys(step for spec in wanted for step in missing(spec, self.store)))
        rates = self._rates() if steps else {}
        return [_planned(step, rates.get(step.kind)) for step in steps]

    def provenance(self, spec: Spec) -> Provenance:
        """Where a stored result comes from. Raises ArtifactDamaged."""
        held = self.store.manifest(spec)
        return Provenance(
            key=key_of(spec),
            created=held["created"],
            seconds=held["seconds"],
            device=held["device"],
            libraries=held["libraries"],
            spec=held["spec"],
        )

    # -- jobs

    def status(self, key: str) -> JobStatus:
        """How a job stands; a record that speaks of work no living engine does is called interrupted."""
        record = self._records.get(key)
        if record is None or record.state not in ACTIVE:
            # A result may be there without a job: computed in a process of its own, or before the list was cleared.
            if self.store.has_key(key):
                return JobStatus(state="done")
            return JobStatus(state="unknown") if record is None else self._status_of(record)
        return self._in_queue().get(key) or self._status_of(record)

    def record(self, key: str) -> JobRecord | None:
        """What is known of a job, or None."""
        return self._records.get(key)

    def wait(self, key: str, *, seconds: float = 3600.0) -> JobStatus:
        """Block until a job has ended. Raises JobFailed when it takes longer."""
        end = time.monotonic() + seconds
        while (status := self.status(key)).state in ACTIVE:
            if time.monotonic() > end:
                raise JobFailed(f"Waiting for job {key[:12]}.", f"It is still {status.state}.", "Wait longer.")
            time.sleep(0.1)
        return status

    def cancel(self, key: str) -> None:
        """Ask a job to stop, within a batch; jobs that need it stop with it."""
        record = self._records.get(key)
        if record is None or record.state not in ACTIVE:
            return
        self._records.cancel_flag(key).touch()
        if not is_alive(self.store.root):
            self._records.end(key, "cancelled")

    def jobs(self) -> list[tuple[JobRecord, JobStatus]]:
        """Every known job, newest first."""
        waiting = self._in_queue()
        return [(record, waiting.get(record.key) or self._status_of(record)) for record in self._records.all()]

    def forget_jobs(self) -> None:
        """Delete the records of ended jobs; results stay."""
        for record, status in self.jobs():
            if status.state not in ACTIVE:
                self._records.forget(record.key)

    # -- what can be picked

    def checkpoints(self) -> list[Named]:
        """The packaged checkpoint, added folders and finished fine-tuning runs, in that order."""
        found = [Named(id="minilm", name="all-MiniLM-L6-v2", ref=Packaged())]
        found += [
            Named(id=i, name=n, ref=ref) for i, (n, ref) in self.book.entries().items() if isinstance(ref, Folder)
        ]
        return found + self._runs()

    def name_of(self, run: FineTune) -> str:
        """How a run is called on screen."""
        return run_name(run, self._dataset_name(run.train.of))

    def datasets(self) -> list[Named]:
        """The built-in suite's parts and splits, and added files."""
        found = [Named(id=_suite_id(ref), name=suite_name(ref), ref=ref) for ref in _SUITES]
        kinds = (ConlluFile, TableFile)
        return found + [
            Named(id=i, name=n, ref=ref) for i, (n, ref) in self.book.entries().items() if isinstance(ref, kinds)
        ]

    def add_checkpoint(self, path: str, name: str = "") -> str:
        """Add a local checkpoint folder, checked before it is remembered; returns its id. Raises CheckpointNotFound, …Damaged."""
        ref = Folder.at(path)
        facts(locate(ref))
        return self.book.add(name or Path(ref.path).name, ref)

    def add_dataset(self, ref: ConlluFile | TableFile, name: str = "") -> str:
        """Add a data file, read through before it is remembered; returns its id. Raises DatasetInvalid."""
        load_dataset(ref)
        return self.book.add(clean_name(name or Path(ref.path).name) or "data", ref)

    def guess_file(self, source: Path | bytes, name: str, **said: Any) -> "Guess":
        """How a file on disk or an upload is probably read; see core/data/guess.py. Raises DatasetNotFound, …Invalid."""
        from core.data.guess import guess

        return guess(source if isinstance(source, bytes) else existing(source), name, **said)

    def try_file(self, source: Path | bytes, reading: ConlluFile | TableFile, name: str) -> DatasetFacts:
        """Read a file through without remembering it: what it holds. Raises DatasetInvalid."""
        key = key_of(reading.replace(digest=digest_of(source)))
        if key not in self._tried:
            self._tried[key] = facts_of_examples(read_file(reading, source, name))
        return self._tried[key]

    def add_file(self, source: Path | bytes, reading: ConlluFile | TableFile, name: str) -> str:
        """Add a file on disk, or an upload, to be read in this way; returns its id.

        An upload is read through in memory; only then is it kept, owner-only, in the cache folder.

        Raises:
            DatasetInvalid: it does not hold what is said of it; nothing is written.
        """
        if isinstance(source, bytes):
            read_file(reading, source, name)
            source = keep(source, self.store.root / "uploads")
        source = existing(source)
        return self.add_dataset(reading.replace(digest=digest_of(source), path=str(source)), name)

    def remove_dataset(self, short: str) -> None:
        """Forget an added data set, and delete its file where it is an upload that nothing else names."""
        entry = self.book.entries().get(short)
        self.book.remove(short)
        path = Path(getattr(entry[1], "path", "")) if entry else Path()
        used = {getattr(ref, "path", "") for _, ref in self.book.entries().values()}
        if path.parent == self.store.root / "uploads" and str(path) not in used:
            path.unlink(missing_ok=True)

    def counts_of(self, dataset: Dataset) -> "DatasetCounts":
        """Examples, words and every label of a data set, counted."""
        from core.data.counts import count

        return count(dataset)

    def labels_of(self, dataset: Dataset) -> dict[str, tuple[str, ...]]:
        """Label names by unit: {"word": (…), "sentence": (…)}. Reads the data set once in a process."""
        known = facts_of(dataset)
        return {"word": known.word_labels, "sentence": known.sentence_labels}

    def size_of(self, dataset: Dataset) -> int:
        """Sentences in a data set."""
        return facts_of(dataset).n_sentences

    # -- what is kept

    def kept(self) -> list[Kept]:
        """Every stored result in words, newest first."""
        pinned, needed = self.store.pinned(), self.needed()
        names = {key_of(ref): name for name, ref in self.book.entries().values()}
        return [self._kept(key, held, pinned, needed, names) for key, held in self.store.listing().items()]

    def disk(self) -> Disk:
        """Bytes taken and free."""
        rows = list(self.store.listing().values())
        shipped = sum(held["bytes"] for held in rows if "pack" in held)
        return Disk(
            own=sum(held["bytes"] for held in rows) - shipped,
            shipped=shipped,
            free=shutil.disk_usage(self.store.root).free,
            folder=str(self.store.root),
        )

    def needed(self) -> frozenset[str]:
        """Keys that jobs under way write or read."""
        found: set[str] = set()
        for record, status in self.jobs():
            if status.state in ACTIVE:
                found |= {record.key, *record.needs}
                found |= {key_of(spec) for spec in _with_needed(_spec_of(record.spec))}
        return frozenset(found)

    def eviction(self, most_bytes: float, *, runs: bool = False) -> tuple[str, ...]:
        """Keys that would have to go so that results take at most so many bytes, the longest unused first.

        Args:
            most_bytes: the bound.
            runs: whether tuned checkpoints may go too, after all else. Without, they stay: tuning again costs much
                and another machine does not give the same weights to the bit.
        """
        keep = self.needed()
        if not runs:
            keep |= {key for key, held in self.store.listing().items() if held["kind"] in _TUNED}
        return self.store.eviction(most_bytes, keep=keep, last=_TUNED)

    def delete(self, keys: Iterable[str]) -> Removed:
        """Delete stored results; what a job under way needs stays, what came with the program is mended if damaged."""
        wanted, needed = list(keys), self.needed()
        done = self.store.remove(key for key in wanted if key not in needed)
        busy = (*done.busy, *(key for key in wanted if key in needed))
        return Removed(keys=done.keys, busy=busy, n_bytes=done.n_bytes)

    def pin(self, keys: Iterable[str], *, pinned: bool = True) -> None:
        """Keep results from eviction, or no longer."""
        for key in keys:
            self.store.pin(key, pinned=pinned)

    def verify(self, on_step: OnStep | None = None) -> tuple[Damage, ...]:
        """Compare every stored result with its checksums; nothing is deleted."""
        return self.store.verify(on_step)

    def rebuild_index(self) -> int:
        """Make the index anew; returns how many results it holds."""
        return self.store.rebuild_index()

    def leftovers(self) -> list[Leftover]:
        """What cut-off work left in the cache folder."""
        return self.store.leftovers(self.needed())

    def clear_leftovers(self) -> int:
        """Delete it; returns the bytes freed."""
        return self.store.clear_leftovers(self.needed())

    # -- packs

    def about(self, checkpoint: Described) -> list[str]:
        """Keys of all stored results that have to do with a checkpoint, and of what they were computed from."""
        mark = key_of(checkpoint)
        specs = self._stored_specs()
        found = [spec for spec in specs.values() if any(key_of(part) == mark for part in _mentioned(spec))]
        return self.with_needed(key_of(spec) for spec in found)

    def with_needed(self, keys: Iterable[str]) -> list[str]:
        """Keys and those of the stored results that they were computed from, dependencies first."""
        specs = self._stored_specs()
        found: dict[str, None] = {}
        for key in keys:
            for spec in reversed(list(_with_needed(specs.get(key)))):
                if key_of(spec) in specs:
                    found[key_of(spec)] = None
        return list(found)

    def export_pack(
        self, keys: Iterable[str], path: Path | BinaryIO, *, title: str, on_step: OnStep | None = None
    ) -> PackContents:
        """Write exactly these stored results into one file. Raises ArtifactDamaged, SpecInvalid, StoreUnusable."""
        specs, wanted = self._stored_specs(), list(keys)
        for key in wanted:
            if key not in specs:
                raise SpecInvalid("Packing results.", f"{key[:12]} is not stored.", "See: python -m core cache.")
        names = {one.key: " · ".join(filter(None, (one.what, one.checkpoints, one.text))) for one in self.kept()}
        return write_pack(self.store, [specs[key] for key in wanted], path, title=title, names=names, on_step=on_step)

    def check_pack(self, path: Path | BinaryIO, on_step: OnStep | None = None) -> PackContents:
        """What a pack holds, every file checked, nothing written. Raises PackRefused."""
        return check_pack(path, on_step=on_step)

    def import_pack(self, path: Path | BinaryIO, on_step: OnStep | None = None) -> Imported:
        """Take over a pack's results, all or none. Raises PackRefused, StoreUnusable."""
        return import_pack(path, self.store, result_class=result_class, on_step=on_step)

    # -- inside

    def _stored_specs(self) -> dict[str, Spec]:
        """Stored results of this version's kinds by key."""
        specs = {key: _spec_of(held["spec"]) for key, held in self.store.listing().items()}
        return {key: spec for key, spec in specs.items() if spec is not None}

    def _kept(
        self, key: str, held: dict[str, Any], pinned: Collection[str], needed: Collection[str], names: dict[str, str]
    ) -> Kept:
        spec = _spec_of(held["spec"])
        mentioned = list(_mentioned(spec)) if spec is not None else []
        checkpoints = dict.fromkeys(
            run_name(part, self._dataset_name(part.train.of))
            if isinstance(part, FineTune)
            else _place_name(part, names)
            for part in mentioned
            if isinstance(part, Packaged | Folder | FineTune)
        )
        samples = dict.fromkeys(
            f"{self._text_name(part.of)}, {f'{part.n:,}' if part.n else 'all'} sentences"
            for part in mentioned
            if isinstance(part, Sample)
        )
        return Kept(
            key=key,
            kind=held["kind"],
            what=(spec.title if spec is not None else "") or held["kind"],
            checkpoints=" → ".join(checkpoints) if spec is not None else "made by another version",
            text=" + ".join(samples),
            settings=_settings(spec) if spec is not None and not isinstance(spec, FineTune) else "",
            n_bytes=held["bytes"],
            seconds=held["seconds"],
            created=held["created"],
            used=self.store.last_used(key, held["created"]),
            pack=held.get("pack") or held.get("imported", ""),
            is_shipped="pack" in held,
            is_pinned=key in pinned,
            is_needed=key in needed,
        )

    def _text_name(self, dataset: Described) -> str:
        return suite_name(dataset) if isinstance(dataset, Suite) else self._dataset_name(dataset)

    def _runs(self) -> list[Named]:
        """Finished runs, newest first, each followed by the steps it kept."""
        found = []
        for key, held in self.store.listing().items():
            if (spec := _tuned_spec(held["spec"])) is None:
                continue
            run = spec.run if isinstance(spec, Compress) else spec
            name = self.name_of(run)
            small = f" · compressed to rank {spec.rank}" if isinstance(spec, Compress) else ""
            found.append(Named(id=key[:10], name=name + small, ref=spec))
            if isinstance(spec, FineTune):
                found += [
                    Named(id=key_of(ref)[:10], name=f"{name} · step {ref.step}", ref=ref)
                    for ref in (Snapshot(run=spec, step=step) for step in spec.snapshots)
                ]
        return found

    def _dataset_name(self, dataset: Described) -> str:
        if isinstance(dataset, Suite):
            return suite_name(dataset).rpartition(" · ")[0]
        known = {key_of(ref): name for name, ref in self.book.entries().values()}
        return known.get(key_of(dataset), Path(getattr(dataset, "path", "")).name)

    def _ask(self, spec: Spec, now: float, expected: float) -> None:
        """Write a queued record unless the job is already under way."""
        key = key_of(spec)
        record = self._records.get(key)
        if (
            record is not None
            and self._status_of(record).state in ACTIVE
            and not self._records.cancel_flag(key).exists()
        ):
            return
        self._records.cancel_flag(key).unlink(missing_ok=True)
        needs = tuple(key_of(needed) for needed in spec.dependencies().values())
        title = spec.title or spec.kind
        self._records.put(
            JobRecord(key=key, spec=to_json(spec), title=title, needs=needs, asked=now, expected=expected)
        )

    def _status_of(self, record: JobRecord) -> JobStatus:
        state, error = record.state, record.error
        waited = time.time() - max(record.asked, record.started)
        if state in ACTIVE and not is_alive(self.store.root) and (state == "running" or waited > _STARTING_SECONDS):
            state, error = "interrupted", error or INTERRUPTED
        return JobStatus(state=state, done=record.done, total=record.total, note=record.note, error=error)

    def _in_queue(self) -> dict[str, JobStatus]:
        """Status of every job that runs or waits, oldest first, with its place and the time it will take."""
        found: dict[str, JobStatus] = {}
        left: float | None = 0.0
        for record in reversed(self._records.all()):
            if record.state not in ACTIVE:
                continue
            status = self._status_of(record)
            if status.state in ACTIVE:
                own = seconds_left(record, time.time())
                left = left + own if left is not None and own is not None else None
                found[record.key] = replace(status, ahead=len(found), seconds_left=left)
        return found

    def _clear_damaged(self, spec: Spec) -> None:
        for needed in spec.dependencies().values():
            self._clear_damaged(needed)
        if self.store.has(spec):
            try:
                self.store.load(spec, result_class(spec))
            except ArtifactDamaged:
                self.store.discard(spec)

    def _rates(self) -> dict[str, float]:
        """Median seconds a unit of work per kind, over this machine's last twenty."""
        seen: dict[str, list[float]] = {}
        for held in self.store.listing().values():
            if "pack" in held or "imported" in held:
                continue  # another machine's seconds
            seen.setdefault(held["kind"], []).append(held["seconds"] / max(held["work"], 1e-9))
        return {kind: statistics.median(rates[:20]) for kind, rates in seen.items()}


_SUITES = (
    *(
        Suite(split=split, part=part)
        for part in ("reviews", "harbour", "questions", "agreement", "entailment")
        for split in ("dev", "test", "train")
    ),
    *(Suite(split=split, lexicon="split") for split in ("dev", "test", "train")),
)
"""What pickers offer of the built-in suite; other parts with a split lexicon can be had by spec."""


def suite_name(ref: Suite) -> str:
    """How a split of the built-in suite is called on screen: Reviews · dev."""
    unseen = ", words apart" if ref.lexicon == "split" else ""
    return f"{ref.part.capitalize()}{unseen} · {ref.split}"


def _suite_id(ref: Suite) -> str:
    parts = ["suite", *([] if ref.part == "reviews" else [ref.part]), *(["apart"] if ref.lexicon == "split" else [])]
    return "-".join([*parts, ref.split])


def seconds_left(record: JobRecord, now: float) -> float | None:
    """Seconds until a job ends once it runs: by its own pace after a twentieth, by what was expected before."""
    elapsed = now - record.started if record.state == "running" and record.started else 0.0
    if record.state == "running" and record.total and record.done >= record.total / 20:
        return elapsed * (record.total - record.done) / record.done
    return max(record.expected - elapsed, 1.0) if record.expected else None


def run_name(run: FineTune, data: str) -> str:
    """How a fine-tuning run is called on screen: what it learnt, from what, how long, how, which seed."""
    n = f"{run.train.n:,}" if run.train.n else "all"
    how = {"full": "", "head": " · head only", "lora": f" · LoRA {run.rank}"}[run.method]
    return f"{LABEL_NAMES.get(run.label, run.label)} · {data} · {n} × {run.epochs:g} epochs{how} · seed {run.seed}"


def _tuned_spec(held: dict[str, Any]) -> FineTune | Compress | None:
    """The spec of a stored tuned checkpoint; None for anything else, or for one of another time."""
    if held.get("kind") not in _TUNED:
        return None
    try:
        return from_json(held)
    except SpecInvalid:
        return None


def _spec_of(data: dict[str, Any]) -> Spec | None:
    """The spec that was written down; None where this version does not know it."""
    try:
        spec = from_json(data)
    except SpecInvalid:
        return None
    return spec if isinstance(spec, Spec) else None


def _with_needed(spec: Spec | None) -> Iterator[Spec]:
    """A spec and all it depends on."""
    if spec is not None:
        yield spec
        for needed in spec.dependencies().values():
            yield from _with_needed(needed)


def _mentioned(thing: Described) -> Iterator[Described]:
    """A description and all in it, but not what went into a tuned checkpoint: that is one thing."""
    yield thing
    if not isinstance(thing, FineTune | Sample):
        for item in fields(thing):
            value = getattr(thing, item.name)
            for part in value if isinstance(value, tuple) else (value,):
                if isinstance(part, Described):
                    yield from _mentioned(part)


def _place_name(checkpoint: Packaged | Folder, names: dict[str, str]) -> str:
    if isinstance(checkpoint, Packaged):
        return checkpoint.name
    return names.get(key_of(checkpoint)) or Path(checkpoint.path).name


def _settings(spec: Spec) -> str:
    """A spec's own plain fields that matter to a reader: texts always, numbers where they are not the default."""
    found = []
    for item in fields(spec):
        value = getattr(spec, item.name)
        is_default = item.default is not MISSING and value == item.default
        if isinstance(value, str) and value:
            found.append(value)
        elif isinstance(value, int | float) and not is_default:
            found.append(f"{item.name} {value:g}")
    return ", ".join(found)


def _planned(spec: Spec, rate: float | None) -> PlannedStep:
    work, n_bytes = spec.cost()
    return PlannedStep(
        spec=spec,
        seconds=work * (rate if rate is not None else spec.seconds_per_unit),
        n_bytes=n_bytes,
        is_guess=rate is None,
    )
