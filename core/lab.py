"""The one door: pages, command line, notebooks and tests ask here for results, and nowhere else."""

import json
import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import core.analyses  # noqa: F401  # makes every kind of spec known
from core.analyses import result_class
from core.analyses.base import Unwatched
from core.analyses.claim import Claim, Claimed
from core.analyses.claim import compute as judge
from core.analyses.inner_embed import AnyEmbed
from core.analyses.quantities import embeds_of
from core.catalogue import Named as Named
from core.errors import ArtifactDamaged, CheckpointNotFound, JobFailed, NotStored
from core.holdings import Holdings
from core.holdings import Kept as Kept
from core.jobs.engine import INTERRUPTED, ensure_engine, is_alive, retire_other_code
from core.jobs.records import ACTIVE, JobRecord, JobStatus, Records, seconds_left
from core.keys import Result, Spec, key_of, to_json
from core.lessons.reading import MOST_BYTES as MOST_LESSON_BYTES  # noqa: F401  # pages ask here
from core.lessons.reading import read_lesson as read_lesson
from core.lessons.shelf import OnShelf as OnShelf
from core.lessons.shelf import own_lessons, shipped_lessons
from core.lessons.written import Lesson as Lesson
from core.lessons.written import Step as Step
from core.origins import note_stored
from core.refs import Hub
from core.settings import Settings
from core.store.artifacts import Store
from core.store.claims import MOST_NOTE as MOST_NOTE
from core.store.claims import Made as Made
from core.store.classroom import Classroom as Classroom
from core.store.classroom import Place as Place
from core.store.reports import MOST_FIGURES as MOST_FIGURES
from core.store.reports import MOST_LETTERS as MOST_LETTERS
from core.store.reports import Pinned as Pinned
from core.store.reports import Report as Report

if TYPE_CHECKING:
    import pandas as pd

_STARTING_SECONDS = 60.0
"""A queued job may wait so long for an engine to come up before it is called interrupted."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A submitted computation."""

    key: str


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
class HowRead:
    """What became of the text on its way into vectors."""

    n_cut_sentences: int
    """Longer than the pieces that are read: their last words have no vector."""
    n_lost_words: int
    """Without a vector: cut off, or dropped by the tokenizer."""
    precision: str
    """Of the network's arithmetic."""
    text: str
    """Key of the sample that was read: both sides of a comparison read one."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a stored result comes from."""

    key: str
    created: float
    seconds: float
    device: str
    libraries: dict[str, str]
    spec: dict[str, Any]
    pack: str
    """Title of the pack it came in; empty where it was computed here."""
    read: tuple[HowRead, ...]
    """Of the vectors it was made from, as far as they are stored."""


class Lab(Holdings):
    """Ask for results by spec.

    Args:
        store: where artifacts live; by default the cache folder of the settings.
        engine: "shared" starts or finds the engine process on `submit`; "none" leaves submitted jobs to one that
            somebody else starts.
    """

    def __init__(self, store: Store | None = None, *, engine: Literal["shared", "none"] = "shared") -> None:
        super().__init__(store or Store(Settings.from_environment()))
        self._engine = engine
        self._records = Records(self.store.root)

    # -- results

    def peek(self, spec: Spec) -> Any:
        """The stored result, or None; never computes.

        Raises:
            ArtifactDamaged: it is there but not as it was written; `submit` or `run` replaces it.
        """
        if not self.store.has(spec):
            return None
        result = self.store.load(spec, result_class(spec))
        note_stored(result, spec)  # whoever draws it can say from what
        return result

    def stored(self, spec: Spec) -> Any:
        """The stored result, for whom a missing one is an error; never computes. A claim is judged by what is stored.

        Raises:
            NotStored: nobody computed it, or it was deleted since.
            ArtifactDamaged: as `peek`.
        """
        result = self.judged(spec) if isinstance(spec, Claim) else self.peek(spec)
        if result is not None:
            return result
        missing = spec
        if isinstance(spec, Claim):
            missing = next(one for one in spec.dependencies().values() if not self.store.has(one))
        raise NotStored(
            f"Reading {missing.title or missing.kind} {key_of(missing)[:10]} from the store.",
            f"{self.store.root} does not hold it, and neither does a pack.",
            "Compute it on the page that shows it or by lab.run, or set TUNESCOPE_CACHE to the folder that holds it.",
        )

    def judged(self, claim: Claim) -> Claimed | None:
        """The verdict on a claim whose measurements are all stored; None where one is missing.

        Judging is a few sums over stored intervals, and nothing is written: many claims can be looked at together.

        Raises:
            ArtifactDamaged: a measurement is there but not as it was written.
            TunescopeError: as judging does.
        """
        held: Claimed | None = self.peek(claim)
        if held is not None:
            return held
        inputs = {name: self.peek(spec) for name, spec in claim.dependencies().items()}
        if any(one is None for one in inputs.values()):
            return None
        found = judge(claim, inputs, Unwatched())
        note_stored(found, claim)
        return found

    def make_claim(self, claim: Claim, said: str) -> Made:
        """Keep a claim with the time at which it is made, and whether its measurements were there to be seen; one that was made
        before stays as it was.

        Args:
            claim: what is claimed.
            said: the same in words, plain text.
        Raises:
            SpecInvalid, StoreUnusable: it cannot be kept.
        """
        return self.claims.make(
            Made(
                key=key_of(claim),
                claim=to_json(claim),
                said=said,
                about=self.compared_in([claim]),
                made=time.time(),
                was_known=all(self.store.has(one) for one in claim.dependencies().values()),
            )
        )

    def run(self, spec: Spec) -> Any:
        """The result, computed in this process with all it needs unless stored.

        Raises:
            TunescopeError: as the analyses do.
        """
        from core.jobs.run import compute_artifact, missing, stored

        self._clear_damaged(spec)
        result: Result | None = stored(spec, self.store)
        steps = missing(spec, self.store)
        for step in steps:
            flag = self._records.cancel_flag(key_of(step))
            result = compute_artifact(step, self.store, cancel_flag=flag, report=lambda *_: None, wanted=steps)
        return result

    def submit(self, spec: Spec) -> Job:
        """Ask the engine for a result and all it needs; asking twice is asking once."""
        self._clear_damaged(spec)
        needs_engine = not self.store.has(spec) and self._engine == "shared"
        if needs_engine:
            retire_other_code(self.store.settings)
        for at, step in enumerate(self.plan(spec)):
            self._ask(step.spec, time.time() + at * 1e-6, 0.0 if step.is_guess else step.seconds)
        if needs_engine:
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
        return [
            _planned(step, rates.get(step.kind), is_along=any(step.shares_pass_with(other) for other in steps[:at]))
            for at, step in enumerate(steps)
        ]

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
            pack=self.store.pack_of(key_of(spec)) or str(held.get("imported", "")),
            read=tuple(found for one in embeds_of(spec) if (found := self._how_read(one)) is not None),
        )

    def _how_read(self, spec: AnyEmbed) -> HowRead | None:
        """By its manifest alone: the vectors themselves are not opened. None where they are not stored, or damaged, which whoever
        reads them is told."""
        try:
            held = self.store.manifest(spec)["values"] if self.store.has(spec) else None
        except ArtifactDamaged:
            return None
        return held and HowRead(
            n_cut_sentences=held["n_cut_sentences"],
            n_lost_words=held["n_lost_words"],
            precision=held["precision"],
            text=key_of(spec.sample),
        )

    # -- lessons

    def lessons(self) -> list[OnShelf]:
        """Lessons that come with the program, then the teacher's own in the cache folder, broken ones too."""
        return shipped_lessons() + own_lessons(self.lessons_folder)

    @property
    def lessons_folder(self) -> Path:
        """Where a teacher's own lessons are looked for; nothing is ever written there."""
        return self.store.root / "lessons"

    def packs(self) -> frozenset[str]:
        """Titles of the packs, shipped or imported, whose results are at hand."""
        held = self.store.listing().values()
        return frozenset(str(title) for one in held if (title := one.get("pack") or one.get("imported")))

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

    def under_way(self) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
        """Keys and spec, as written down, of each job that runs or waits."""
        for record, status in self.jobs():
            if status.state in ACTIVE:
                yield (record.key, *record.needs), record.spec

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
        elif self.store.has_key(key_of(spec)):  # what it speaks of is gone
            self.store.discard(spec)

    def _rates(self) -> dict[str, float]:
        """Median seconds a unit of work per kind, over this machine's last twenty."""
        seen: dict[str, list[float]] = {}
        for held in self.store.listing().values():
            if "pack" in held or "imported" in held:
                continue  # another machine's seconds
            if not held["seconds"]:
                continue  # came along with another's pass
            seen.setdefault(held["kind"], []).append(held["seconds"] / max(held["work"], 1e-9))
        return {kind: statistics.median(rates[:20]) for kind, rates in seen.items()}


def _downloads(spec: Spec) -> Iterator[Hub]:
    """Every checkpoint of the Hub that a spec stands on."""
    if isinstance(spec, Hub):
        yield spec
    for needed in spec.dependencies().values():
        yield from _downloads(needed)


def _planned(spec: Spec, rate: float | None, *, is_along: bool) -> PlannedStep:
    """What a computation costs; no seconds of its own where an earlier step's pass brings it along."""
    try:
        work, n_bytes = spec.cost()
    except CheckpointNotFound:
        if all(hub.is_at_hand() for hub in _downloads(spec)):
            raise
        # A spec from another machine: what it costs is known once its checkpoint has been downloaded.
        work, n_bytes, rate = 0.0, 0.0, None
    return PlannedStep(
        spec=spec,
        seconds=0.0 if is_along else work * (rate if rate is not None else spec.seconds_per_unit),
        n_bytes=n_bytes,
        is_guess=rate is None,
    )
