"""What is stored, in words; making room; packs to hand on."""

import shutil
from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

from core.analyses import result_class
from core.analyses.compress import Compress
from core.analyses.fine_tune import FineTune, Snapshot
from core.analyses.graft import Graft
from core.catalogue import TUNED, Catalogue, hub_name, run_name, suite_name
from core.errors import SpecInvalid
from core.keys import Described, Spec, from_json, key_of
from core.refs import Adapter, Folder, Hub, Packaged, Sample, Suite, Typed, Vectors, Whole
from core.store.artifacts import Damage, Leftover, OnStep, Removed
from core.store.inspection import PackContents
from core.store.packs import Imported, check_pack, import_pack, write_pack


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


class Holdings(Catalogue):
    """A catalogue that also knows what its results weigh and cost, and moves them."""

    @abstractmethod
    def under_way(self) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
        """Keys and spec, as written down, of each job that runs or waits."""

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
        for keys, held in self.under_way():
            found |= {*keys, *(key_of(spec) for spec in _with_needed(_spec_of(held)))}
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
            keep |= {key for key, held in self.store.listing().items() if held["kind"] in TUNED}
        return self.store.eviction(most_bytes, keep=keep, last=TUNED)

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

    def compared_in(self, specs: Iterable[Spec]) -> str:
        """The checkpoints and the texts that computations speak of, in words; a tuned checkpoint is one thing."""
        names = {key_of(ref): name for name, ref in self.book.entries().values()}
        found = [part for spec in specs for part in _sides(spec)]
        checkpoints = dict.fromkeys(
            self.name_of_tuned(part) if isinstance(part, _TUNED) else _place_name(part, names)
            for part in found
            if isinstance(part, _TUNED | Packaged | Folder | Hub | Vectors | Adapter)
        )
        texts = dict.fromkeys(
            f"{self._text_name(part.of)}, {_drawn(part)}" for part in found if isinstance(part, Sample)
        )
        return " · ".join(filter(None, (" → ".join(checkpoints), " + ".join(texts))))

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
            if isinstance(part, Packaged | Folder | Hub | Vectors | Adapter | FineTune)
        )
        samples = dict.fromkeys(
            f"{self._text_name(part.of)}, {_drawn(part)}" for part in mentioned if isinstance(part, Sample)
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
        if isinstance(dataset, Typed):
            return f"“{dataset.text[:40]}”"
        return suite_name(dataset) if isinstance(dataset, Suite) else self._dataset_name(dataset)


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
    if not isinstance(thing, FineTune | Sample | Adapter | Vectors):
        for item in fields(thing):
            value = getattr(thing, item.name)
            for part in value if isinstance(value, tuple) else (value,):
                if isinstance(part, Described):
                    yield from _mentioned(part)


_TUNED = FineTune | Snapshot | Compress | Graft


def _sides(thing: Described) -> Iterator[Described]:
    """The checkpoints and samples in a description, whole; not what they were made from."""
    if isinstance(thing, _TUNED | Packaged | Folder | Hub | Vectors | Adapter | Sample):
        yield thing
        return
    for item in fields(thing):
        value = getattr(thing, item.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Described):
                yield from _sides(part)


def _place_name(checkpoint: Whole | Vectors | Adapter, names: dict[str, str]) -> str:
    if isinstance(checkpoint, Packaged):
        return checkpoint.name
    if isinstance(checkpoint, Hub):
        return hub_name(checkpoint)
    return names.get(key_of(checkpoint)) or Path(checkpoint.path).name


def _drawn(sample: Sample) -> str:
    """Which sentences a sample holds, in words."""
    within = f" where {sample.only} is {sample.value}" if sample.only else ""
    by = f", in the shares of {sample.strata}" if sample.strata else ""
    others = f", none of the {sample.apart_n:,} of draw {sample.apart_seed}" if sample.apart_n else ""
    return f"{f'{sample.n:,}' if sample.n else 'all'} sentences{within}{by}{others}"


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
