"""What can be picked, and how it is called: checkpoints, runs and data sets."""

import json
import re
import shutil
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from core.analyses.compress import Compress
from core.analyses.dynamics import Dynamics
from core.analyses.fine_tune import FineTune, Snapshot
from core.analyses.goals import goal_name
from core.analyses.graft import Graft, shares_said
from core.analyses.similarity import Similarity
from core.data.load import DatasetFacts, facts_of, facts_of_examples, load_dataset, read_file
from core.data.overlap import absent_words, n_rows, shared_sentences
from core.data.uploads import clean_name, keep
from core.errors import CheckpointNotFound, SpecInvalid, TunescopeError
from core.keys import Described, from_json, key_of, to_json
from core.models.checkpoints import facts, is_adapter, locate
from core.models.conversion import convert, needs_conversion
from core.refs import (
    Adapter,
    ConlluFile,
    DataFile,
    Dataset,
    Folder,
    Hub,
    HubFile,
    MarkedFile,
    Packaged,
    Sample,
    Suite,
    Surgery,
    TableFile,
    Vectors,
    Whole,
    digest_of,
    existing,
)
from core.store.artifacts import Store
from core.store.book import Book
from core.store.claims import Claims
from core.store.classroom import Classroom
from core.store.reports import Reports
from core.store.saved import SavedFile

if TYPE_CHECKING:
    from core.data.counts import DatasetCounts
    from core.data.guess import Guess
    from core.data.hub import DataRepository
    from core.data.tasks import Task
    from core.models.hub import Repository

_MOST_DOMAINS = 40
TUNED = (FineTune.kind, Compress.kind, Graft.kind)
"""Kinds of result that are checkpoints."""


@dataclass(frozen=True, kw_only=True)
class Named:
    """A checkpoint or data set that can be picked."""

    id: str
    name: str
    ref: Any


class Catalogue:
    """What a store and a person's own additions offer."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.book = Book(store.root / "book.json")
        self.saved_points = SavedFile(store.root / "points.json")
        self.reports = Reports(store.root / "reports")
        self.claims = Claims(store.root / "claims")
        self.classroom = Classroom(store.root / "class")
        self._tried: dict[str, DatasetFacts] = {}

    def checkpoints(self) -> list[Named]:
        """The packaged checkpoint, what was added, and finished fine-tuning runs, in that order."""
        found = [Named(id="minilm", name="all-MiniLM-L6-v2", ref=Packaged())]
        found += [
            Named(id=i, name=n, ref=ref)
            for i, (n, ref) in self.book.entries().items()
            if isinstance(ref, Folder | Hub | Vectors | Adapter)
        ]
        return found + self._runs()

    def compared(self) -> frozenset[str]:
        """Ids of tuned checkpoints for which a similarity to some base is stored."""
        found = set()
        for held in self.store.listing().values():
            if held["kind"] == Similarity.kind:
                try:
                    found.add(key_of(from_json(held["spec"]).tuned.checkpoint)[:10])
                except SpecInvalid:
                    continue  # of another time
        return frozenset(found)

    def name_of(self, run: FineTune) -> str:
        """How a run is called on screen."""
        return run_name(run, self._dataset_name(run.train.of))

    def datasets(self) -> list[Named]:
        """The built-in suite's parts and splits, and added files."""
        found = [Named(id=_suite_id(ref), name=suite_name(ref), ref=ref) for ref in _SUITES]
        kinds = (ConlluFile, TableFile, MarkedFile)
        return found + [
            Named(id=i, name=n, ref=ref) for i, (n, ref) in self.book.entries().items() if isinstance(ref, kinds)
        ]

    def add_checkpoint(self, path: str, name: str = "", *, base: Whole | None = None) -> str:
        """Add a local checkpoint, checked before it is remembered; returns its id.

        Args:
            path: a folder of weights, or one of a LoRA adapter: of that, what it changes is copied into the cache folder.
            name: what to call it; otherwise as the folder.
            base: what an adapter was trained on.

        Raises:
            CheckpointNotFound, CheckpointDamaged: no checkpoint that can be read.
            IncompatibleRefs: an adapter of another base.
            SpecInvalid: an adapter without a base.
        """
        folder = _folder(path)
        if not is_adapter(folder):
            ref = Folder.at(folder)
            facts(locate(ref))
            return self.book.add(name or folder.name, ref)
        from core.models.adapters import changes_of_adapter

        if base is None:
            raise SpecInvalid(
                f"Adding the adapter {folder.name}.", "No base is given.", "Choose what it was trained on."
            )
        changes = changes_of_adapter(folder, locate(base))
        file = keep(changes, self.store.root / "adapters")
        return self.book.add(name or folder.name, Adapter(of=base, digest=digest_of(file), path=str(file)))

    def add_vectors(self, path: str, of: Dataset, unit: Literal["word", "sentence"], name: str = "") -> str:
        """Add vectors computed elsewhere, every number checked before they are remembered; returns the id.

        Args:
            path: a .npy file, [rows, width] or [layers, rows, width].
            of: the data set whose sentences or words its rows are, in reading order.
            unit: which of the two.
            name: what to call them; otherwise as the file.

        Raises:
            CheckpointNotFound, CheckpointDamaged: no such array, or numbers that are none.
            IncompatibleRefs: other rows than the data set has.
        """
        from core.data.vectors import check_vectors

        file = _folder(path)
        ref = check_vectors(Vectors(of=of, unit=unit, digest="", path=str(file)))
        return self.book.add(clean_name(name or file.name) or "vectors", ref)

    def look_up(self, repo: str, revision: str = "main", *, offline: bool = False) -> "Repository":
        """What a name on the Hugging Face Hub stands for now. Raises CheckpointNotFound, SpecInvalid."""
        from core.models.hub import look_up

        return look_up(repo.strip(), revision.strip() or "main", offline=offline)

    def look_up_data(self, repo: str, revision: str = "main", *, offline: bool = False) -> "DataRepository":
        """What the name of a data set on the Hub stands for now. Raises DatasetNotFound, SpecInvalid."""
        from core.data.hub import look_up_data

        return look_up_data(repo.strip(), revision.strip() or "main", offline=offline)

    def add_repository(self, found: "Repository") -> str:
        """Add a checkpoint of the Hub at the commit that was found; returns its id. Its ref is the spec of its download.

        Raises:
            SpecInvalid: an adapter or pickled weights; download them, then add or convert the folder they are in.
        """
        if found.ref.holds != "model":
            raise SpecInvalid(
                f"Adding {found.ref.repo}.", f"It holds {found.ref.holds} weights.", "Download it, then add its folder."
            )
        return self.book.add(hub_name(found.ref), found.ref)

    def remove_checkpoint(self, short: str) -> None:
        """Forget an added checkpoint. What was written of it here goes too, unless something else stands on it."""
        entry = self.book.entries().get(short)
        self.book.remove(short)
        if entry is None or not isinstance(entry[1], Folder | Adapter):  # a download is the Hub tools' to keep
            return
        ref, path = entry[1], Path(entry[1].path)
        others = [to_json(held) for _, held in self.book.entries().values()]
        others += [held["spec"] for held in self.store.listing().values()]
        if ref.digest in json.dumps(others):
            return
        if path.parent == self.store.root / "adapters":
            path.unlink(missing_ok=True)
        elif path.parent == self.store.root / "converted":
            shutil.rmtree(path, ignore_errors=True)

    def needs_conversion(self, path: str) -> bool:
        """Whether a folder holds pickled weights only, which `convert_checkpoint` can turn into safetensors."""
        return needs_conversion(_folder(path))

    def convert_checkpoint(self, path: str, name: str = "") -> str:
        """Turn pickled weights into safetensors in the cache folder, and add those; returns the id.

        Raises:
            CheckpointNotFound, CheckpointDamaged: nothing to convert, more than tensors in it, or no checkpoint afterwards.
            StoreUnusable: the cache folder cannot be written.
        """
        folder, into = _folder(path), self.store.root / "converted"
        before = set(into.glob("*"))
        made = convert(folder, into)
        try:
            return self.add_checkpoint(str(made), name or folder.name)
        except TunescopeError:
            if made not in before:
                shutil.rmtree(made, ignore_errors=True)
            raise

    def add_dataset(self, ref: DataFile, name: str = "") -> str:
        """Add a data file, read through before it is remembered; returns its id. Raises DatasetInvalid."""
        load_dataset(ref)
        return self.book.add(clean_name(name or Path(ref.path).name) or "data", ref)

    def guess_file(self, source: Path | bytes, name: str, **said: Any) -> "Guess":
        """How a file on disk or an upload is probably read; see core/data/guess.py. Raises DatasetNotFound, …Invalid."""
        from core.data.guess import guess

        return guess(source if isinstance(source, bytes) else existing(source), name, **said)

    def try_file(
        self, source: Path | bytes, reading: DataFile, name: str, *, task: "Task | None" = None
    ) -> DatasetFacts:
        """Read a file through without remembering it: what it holds.

        Raises:
            DatasetInvalid: it does not hold what is said of it, or no labels of the task.
        """
        key = key_of(reading.replace(digest=digest_of(source))) + (task.title if task else "")
        if key not in self._tried:
            examples = read_file(reading, source, name)
            if task is not None:
                task.check(examples, reading, name)
            self._tried[key] = facts_of_examples(examples)
        return self._tried[key]

    def add_file(self, source: Path | bytes, reading: DataFile, name: str) -> str:
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
        """Label names by unit: word, sentence, pair (of words or spans), span. Reads the data set once in a process."""
        known = facts_of(dataset)
        return {
            "word": known.word_labels,
            "sentence": known.sentence_labels,
            "pair": known.pair_labels,
            "span": known.span_labels,
        }

    def numbers_of(self, dataset: Dataset) -> dict[str, tuple[str, ...]]:
        """Names of real numbers by unit: sentence, word. Reads the data set once in a process."""
        known = facts_of(dataset)
        return {"sentence": known.sentence_numbers, "word": known.word_numbers}

    def goals_of(self, dataset: Dataset) -> list[tuple[str, str, str]]:
        """(goal, unit, label) of all that a checkpoint can be tuned on. Reads the data set once in a process."""
        known = facts_of(dataset)
        return [
            *(("label", "sentence", name) for name in known.sentence_labels),
            *(("label", "word", name) for name in known.word_labels),
            *(("answer", "sentence", name) for name in known.answers),
            *(("tree", "word", name) for name in known.tree_labels),
            *(("number", "sentence", name) for name in known.sentence_numbers),
        ]

    def several_labels_of(self, dataset: Dataset) -> tuple[str, ...]:
        """Marks of a data set that give several labels at once, which only edge probes read."""
        return facts_of(dataset).several_labels

    def domains_of(self, dataset: Dataset) -> list[tuple[str, str, int]]:
        """Label, value and number of sentences of every sentence label with few values; a file's, not the suite's."""
        return [] if isinstance(dataset, Suite) else _domains(dataset)  # a suite's parts are its domains

    def size_of(self, dataset: Dataset) -> int:
        """Sentences in a data set."""
        return facts_of(dataset).n_sentences

    def rows_of(self, sample: Sample, unit: str) -> int:
        """Words or sentences of a sample."""
        return n_rows(sample, unit)

    def absent_words(self, sample: Sample, words: tuple[str, ...]) -> tuple[str, ...]:
        """Those of some words, in lower case, that a sample does not have."""
        return absent_words(sample, words)

    def shared_sentences(self, sample: Sample, other: Sample) -> tuple[int, int]:
        """How many of the other sample's sentences the first holds too, and how many those are in all."""
        return shared_sentences(sample, other)

    def _runs(self) -> list[Named]:
        """Finished runs, newest first, each followed by the steps it kept."""
        found = []
        for key, held in self.store.listing().items():
            if (spec := _tuned_spec(held["spec"])) is None:
                continue
            found.append(Named(id=key[:10], name=self.name_of_tuned(spec), ref=spec))
            if isinstance(spec, FineTune):
                found += [
                    Named(id=key_of(ref)[:10], name=self.name_of_tuned(ref), ref=ref)
                    for ref in (Snapshot(run=spec, step=step) for step in spec.snapshots)
                ]
        return found

    def tunings(self) -> list[Named]:
        """What was tuned here, newest first: runs, and what they were compressed to; neither steps nor grafts."""
        return [one for one in self._runs() if isinstance(one.ref, FineTune | Compress)]

    def stepped_runs(self) -> list[Named]:
        """Runs that kept steps, newest first: those whose weights are here, and those of which results over steps are."""
        found: dict[FineTune, None] = {}
        for held in self.store.listing().values():
            if (spec := _tuned_spec(held["spec"])) is not None and isinstance(spec, FineTune) and spec.snapshots:
                found[spec] = None
            elif held["spec"].get("kind") == Dynamics.kind and (run := _followed(held["spec"])) is not None:
                found.setdefault(run)
        return [Named(id=key_of(run)[:10], name=self.name_of(run), ref=run) for run in found]

    def name_of_tuned(self, held: FineTune | Snapshot | Compress | Graft) -> str:
        """A run, a step it kept, or what was made of one, on screen."""
        if isinstance(held, FineTune):
            return self.name_of(held)
        if isinstance(held, Snapshot):
            return f"{self.name_of(held.run)} · step {held.step}"
        if isinstance(held, Compress):
            return f"{self.name_of_tuned(held.of)} · compressed to rank {held.rank}"
        added = f" + {held.other_share:g} × {self.name_of_tuned(held.other)}" if held.other is not None else ""
        return f"{self.name_of_tuned(held.of)} · graft: {shares_said(held.shares)}{added}"

    def _dataset_name(self, dataset: Described) -> str:
        if isinstance(dataset, Suite):
            return suite_name(dataset).rpartition(" · ")[0]
        known = {key_of(ref): name for name, ref in self.book.entries().values()}
        return known.get(key_of(dataset), Path(getattr(dataset, "path", "")).name)


_SUITES = (
    *(
        Suite(split=split, part=part)
        for part in ("reviews", "harbour", "questions", "agreement", "entailment", "answers")
        for split in ("dev", "test", "train")
    ),
    *(Suite(split=split, lexicon="split") for split in ("dev", "test", "train")),
)
"""What pickers offer of the built-in suite; other parts with a split lexicon can be had by spec."""


@lru_cache(maxsize=32)
def _domains(dataset: DataFile) -> list[tuple[str, str, int]]:
    """Counted once: the sidebar asks at every drawing of a page."""
    counted = {name: Counter(values) for name, values in load_dataset(dataset).sentence_labels.items()}
    return [
        (name, value, n)
        for name, counts in counted.items()
        if 2 <= len(counts) <= _MOST_DOMAINS
        for value, n in counts.most_common()
        if value
    ]


def _folder(path: str) -> Path:
    """A folder that somebody typed. Raises CheckpointNotFound where that can be no path."""
    try:
        folder = Path(path).expanduser().absolute()
        folder.is_dir()
        (folder / "config.json").is_file()
    except (OSError, RuntimeError, ValueError) as error:
        raise CheckpointNotFound(
            f"Opening the checkpoint folder {path[:200]}.",
            f"It cannot be looked into: {error}."[:300],
            "Check the path.",
        ) from error
    return folder


def hub_name(ref: Hub) -> str:
    """How a checkpoint of the Hub is called on screen: org/name @ 1a2b3c4."""
    return f"{ref.repo} @ {ref.commit[:7]}"


def hub_file_name(ref: HubFile) -> str:
    """How a file of a data set of the Hub is called on screen: glue sst2 validation."""
    stem = re.sub(r"(-00000-of-00001)?\.\w+$", "", ref.name)
    return " ".join([ref.repo.rpartition("/")[2], *stem.split("/")])[:60]


def suite_name(ref: Suite) -> str:
    """How a split of the built-in suite is called on screen: Reviews · dev."""
    unseen = ", words apart" if ref.lexicon == "split" else ""
    return f"{ref.part.capitalize()}{unseen} · {ref.split}"


def _suite_id(ref: Suite) -> str:
    parts = ["suite", *([] if ref.part == "reviews" else [ref.part]), *(["apart"] if ref.lexicon == "split" else [])]
    return "-".join([*parts, ref.split])


def run_name(run: FineTune, data: str) -> str:
    """How a fine-tuning run is called on screen: what it learnt, from what, how long, how, which seed."""
    n = f"{run.train.n:,}" if run.train.n else "all"
    how = {"full": "", "head": " · head only", "lora": f" · LoRA {run.rank}"}[run.method]
    epochs = "epoch" if run.epochs == 1 else "epochs"
    changed = f" · {said}" if (said := surgery_said(run.surgery)) else ""
    return f"{goal_name(run.goal, run.label)} · {data} · {n} × {run.epochs:g} {epochs}{how}{changed} · seed {run.seed}"


def surgery_said(surgery: Surgery) -> str:
    """What was done to a start that keeps its blocks in their places, in a few words; empty where nothing was."""
    said = []
    if surgery.from_scratch:
        said.append("from scratch")
    if surgery.reset:
        scale = ", small" if surgery.scale == "tamkin-code" else ""
        norms = ", norms kept" if surgery.keeps_norms else ""
        rate = f", learning × {surgery.reset_rate:g}" if surgery.reset_rate != 1 else ""
        said.append(f"reset {', '.join(map(str, surgery.reset))}{scale}{norms}{rate}")
    if surgery.resets_pooler:
        said.append("pooler reset")
    if surgery.n_frozen:
        said.append(f"{surgery.n_frozen} frozen")
    return "; ".join(said)


def _followed(held: dict[str, Any]) -> FineTune | None:
    """The run whose steps a stored result follows to their end; None for other checkpoints, or a result of another time."""
    try:
        last = from_json(held).steps[-1].checkpoint
    except SpecInvalid:
        return None
    return last if isinstance(last, FineTune) and last.snapshots else None


def _tuned_spec(held: dict[str, Any]) -> FineTune | Compress | Graft | None:
    """The spec of a stored tuned checkpoint; None for anything else, or for one of another time."""
    if held.get("kind") not in TUNED:
        return None
    try:
        return from_json(held)
    except SpecInvalid:
        return None
