"""Keeping the cache within bounds: what goes first, what never goes, what is damaged, what cut-off work left behind."""

import os
import shutil
import time
from pathlib import Path

import pytest

from core.analyses.similarity import Similarity
from core.catalogue import TUNED as TUNED_KINDS
from core.errors import SpecInvalid
from core.jobs.records import JobRecord, Records
from core.keys import key_of, to_json
from core.lab import Lab
from core.store.artifacts import MANIFEST
from tests.small import BASE, TUNE, TUNED, apart, comparison
from tests.unit.test_store import flip, lab_at

SPECS = comparison()
PROBES = [spec for spec in SPECS if spec.kind == "probe"]


@pytest.fixture
def full(made: Lab, tmp_path: Path) -> Lab:
    """A copy of the small comparison, last used in the order of its making, a minute apart."""
    shutil.copytree(made.store.root, tmp_path / "cache")
    lab = lab_at(tmp_path / "cache")
    used = lab.store.root / "used"
    used.mkdir(exist_ok=True)
    for place, spec in enumerate(SPECS):
        (used / key_of(spec)).touch()
        os.utime(used / key_of(spec), (time.time(), time.time() - 6000 + 60 * place))
    return lab


def test_eviction_takes_the_longest_unused_first_and_tuned_checkpoints_last(full: Lab) -> None:
    kept = [key_of(spec) for spec in SPECS if spec.kind in TUNED_KINDS]
    others = [key_of(spec) for spec in SPECS if key_of(spec) not in kept]
    assert list(full.eviction(0)) == others
    assert list(full.eviction(0, runs=True)) == [*others, *kept]
    assert full.eviction(full.disk().own) == ()
    assert list(full.eviction(full.disk().own - 1)) == others[:1]
    # Reading one makes it the last to go, to a minute and across processes.
    full.peek(SPECS[1])
    assert lab_at(full.store.root).eviction(0)[-1] == others[0]


def test_eviction_does_what_it_said_and_says_what_it_did(full: Lab) -> None:
    before = full.disk().own
    facts = full.store.listing()
    going = full.eviction(before - 1)
    done = full.delete(going)
    assert done.keys == going == (key_of(BASE),)
    assert done.busy == ()
    assert done.n_bytes >= facts[key_of(BASE)]["bytes"]
    assert full.disk().own == before - facts[key_of(BASE)]["bytes"]
    assert full.peek(BASE) is None
    assert not full.store.folder(BASE).exists()
    assert not (full.store.root / "used" / key_of(BASE)).exists()
    assert full.peek(TUNED) is not None
    evicted = full.store.evict(0, last=TUNED_KINDS)
    kept = {key_of(spec) for spec in SPECS if spec.kind in TUNED_KINDS}
    assert set(evicted.keys[-len(kept) :]) == kept
    assert full.store.listing() == {}


def test_pinned_results_and_what_jobs_need_stay(full: Lab) -> None:
    full.pin([key_of(BASE)])
    assert full.store.pinned() == {key_of(BASE)}
    assert key_of(BASE) not in full.eviction(0, runs=True)
    assert next(row for row in full.kept() if row.key == key_of(BASE)).is_pinned
    full.pin([key_of(BASE)], pinned=False)
    assert key_of(BASE) in full.eviction(0, runs=True)
    # A queued job over the tuned side needs its vectors, and they the run.
    wanted = PROBES[1].replace(n_seeds=3)
    records = Records(full.store.root)
    records.put(JobRecord(key=key_of(wanted), spec=to_json(wanted), title="Probe", asked=time.time()))
    assert {key_of(TUNED), key_of(TUNE), key_of(wanted)} <= full.needed()
    assert not {key_of(TUNED), key_of(TUNE)} & set(full.eviction(0, runs=True))
    done = full.delete([key_of(TUNED), key_of(BASE)])
    assert done.busy == (key_of(TUNED),)
    assert done.keys == (key_of(BASE),)
    assert full.peek(TUNED) is not None


def test_what_is_being_written_is_not_deleted(full: Lab) -> None:
    with full.store.writing(BASE):
        done = full.store.remove([key_of(BASE)])
        assert done.busy == (key_of(BASE),)
        assert full.store.has(BASE)
    assert full.store.remove([key_of(BASE)]).keys == (key_of(BASE),)


@pytest.mark.parametrize("key", ["*", "../..", "", "0" * 39, "G" * 40])
def test_what_is_no_key_deletes_nothing(full: Lab, key: str) -> None:
    before = full.store.listing()
    with pytest.raises(SpecInvalid):
        full.store.remove([key])
    with pytest.raises(SpecInvalid):
        full.store.pin(key)
    assert full.store.listing() == before


def test_verify_names_each_damage_and_deletes_nothing(full: Lab) -> None:
    assert full.verify() == ()
    flip(full.store.folder(BASE) / "layers.02.npy")
    (full.store.folder(TUNED) / "word.npy").unlink()
    (full.store.folder(SPECS[3]) / MANIFEST).write_text("{")
    shutil.copytree(full.store.folder(PROBES[0]), full.store.folder(SPECS[4]).with_name("a" * 40))
    steps: list[tuple[int, int]] = []
    found = {damage.key: damage.found for damage in full.verify(lambda done, total, _: steps.append((done, total)))}
    assert steps[0][0] == 0
    assert steps[-1][0] == steps[-1][1] > 0
    assert found.keys() == {key_of(BASE), key_of(TUNED), key_of(SPECS[3]), "a" * 40}
    assert "layers.02.npy" in found[key_of(BASE)]
    assert "missing" in found[key_of(TUNED)]
    assert "description" in found[key_of(SPECS[3])]
    assert "key of something else" in found["a" * 40]
    assert full.store.folder(BASE).exists()
    assert set(full.delete(found).keys) == found.keys()
    assert full.verify() == ()
    assert full.peek(PROBES[0]) is not None


def test_index_when_rebuilt_lists_the_same(full: Lab) -> None:
    right = full.store.listing()
    assert full.rebuild_index() == len(right)
    assert full.store.listing() == right


def test_leftovers_are_named_and_cleared_and_living_work_is_not(full: Lab) -> None:
    full.clear_leftovers()  # locks of what made the fixture
    root = full.store.root
    listing = full.store.listing()
    half = root / "artifacts" / "embed" / ("b" * 40)
    half.mkdir()
    (half / "layers.00.npy").write_bytes(b"x" * 1000)
    old = root / f".book.json.{os.getpid()}.123"
    old.write_text("[]")
    os.utime(old, (0, 0))
    fresh = root / f".book.json.{os.getpid()}.124"
    fresh.write_text("[]")
    (root / "locks" / f"{'c' * 40}.lock").touch()
    other = BASE.replace(unit="sentence", pooling="mean", max_pieces=64)
    with full.store.writing(other) as living:
        (living / "layers.00.npy").write_bytes(b"y")
        found = {left.path: left for left in full.leftovers()}
        assert found.keys() == {half, old, root / "locks" / f"{'c' * 40}.lock"}
        assert found[half].n_bytes == 1000
        assert full.clear_leftovers() == 1002
        assert (living / "layers.00.npy").exists()
    assert not half.exists()
    assert not old.exists()
    assert fresh.exists()
    assert full.store.listing() == listing


def test_lock_when_its_file_is_cleared_away_still_locks(full: Lab) -> None:
    with full.store.writing(BASE):
        (full.store.root / "locks" / f"{key_of(BASE)}.lock").unlink()
    with full.store.writing(BASE):
        assert full.store.remove([key_of(BASE)]).busy == (key_of(BASE),)


def test_kept_says_what_things_are_in_words(full: Lab) -> None:
    rows = {row.key: row for row in full.kept()}
    assert rows[key_of(BASE)].what == "Embeddings"
    assert rows[key_of(BASE)].checkpoints == "all-MiniLM-L6-v2"
    assert rows[key_of(BASE)].text == "Reviews · dev, 60 sentences"
    assert "sentiment" in rows[key_of(TUNED)].checkpoints
    assert rows[key_of(Similarity(base=BASE, tuned=TUNED))].checkpoints.startswith("all-MiniLM-L6-v2 → sentiment")
    assert rows[key_of(PROBES[0])].settings.startswith("upos")
    assert all(row.seconds > 0 and row.pack == "" and not row.is_shipped for row in rows.values())
    assert set(full.about(TUNE)) == {key_of(spec) for spec in SPECS} - {key_of(spec) for spec in apart()}
