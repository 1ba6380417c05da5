"""What holds for every analysis: it is known, its result survives the store, it stops when asked, it states its cost."""

import inspect
from pathlib import Path

import pytest

import core.analyses
from core.analyses import compute_of, result_class
from core.errors import Cancelled
from core.jobs.run import compute_artifact
from core.keys import KINDS, Result, Spec, from_json, key_of, to_json
from core.lab import Lab
from core.refs import Hub, HubFile
from core.settings import Settings
from core.store.artifacts import Store
from tests.small import BASE, comparison

SPECS = comparison()
BY_KIND = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.kind}-{key_of(spec)[:6]}")


def test_every_kind_of_spec_is_in_the_small_comparison() -> None:
    kinds = {kind for kind, cls in KINDS.items() if issubclass(cls, Spec)}
    # A download needs a Hub: tests/unit/test_hub.py holds it to the same.
    assert kinds - {Hub.kind, HubFile.kind} == {spec.kind for spec in SPECS}


def test_every_file_of_the_package_holds_an_analysis() -> None:
    folder = Path(inspect.getfile(core.analyses)).parent
    files = {path.stem for path in folder.glob("*.py")} - {
        "__init__",
        "base",
        "checkpoint",
        "circled",
        "edges",
        "experiments",
        "goals",
        "multiverse",
        "neuron_profile",
        "patching",
        "steps",
        "values",
        "numbers",
        "layouts",
        "places",
        "quantities",
        "scoring",
        "ready_claims",
        "units",
    }  # what several share
    computing = {compute_of(spec).__module__.rsplit(".", 1)[1] for spec in SPECS}
    assert files == computing | {"download", "download_data"}


@BY_KIND
def test_a_spec_says_what_it_is_and_costs(spec: Spec) -> None:
    assert spec.title
    assert spec.cites()
    assert all(spec.cites())
    assert type(spec).__doc__
    assert issubclass(result_class(spec), Result)
    work, n_bytes = spec.cost()
    assert work > 0
    assert n_bytes > 0
    assert spec.seconds_per_unit > 0
    assert from_json(to_json(spec)) == spec


@BY_KIND
def test_every_field_of_a_result_has_its_meaning_below_it(spec: Spec) -> None:
    source = inspect.getsource(result_class(spec))
    assert '"""' in source
    # Counts named n_… explain themselves; scores, arrays and tables do not.
    lines = source.splitlines()
    for at, line in enumerate(lines):
        if ": " in line and any(kind in line for kind in ("np.ndarray", "Estimate", "float", "pd.DataFrame", "Path")):
            following = next((text for text in lines[at + 1 :] if text.strip()), "")
            assert following.strip().startswith('"""'), f"{result_class(spec).__name__}: {line.strip()}"


@BY_KIND
def test_a_stored_result_has_provenance(made: Lab, spec: Spec) -> None:
    held = made.provenance(spec)
    assert held.key == key_of(spec)
    assert held.device == "cpu"
    assert held.libraries["torch"].startswith("2.13")
    assert from_json(held.spec) == spec


@BY_KIND
def test_a_computation_stops_at_its_next_step_when_cancelled(made: Lab, spec: Spec, tmp_path: Path) -> None:
    store = Store(Settings(cache=tmp_path / "cache", device="cpu"))
    for needed in spec.dependencies().values():
        _link(made.store, store, needed)
    flag, seen = tmp_path / "cancel", []

    def report(done: int, total: int, note: str) -> None:
        seen.append(done)
        flag.touch()

    try:
        compute_artifact(spec, store, cancel_flag=flag, report=report)
    except Cancelled:
        assert not store.has(spec)
        return
    # Only what has a single step may be finished before the flag is looked at again.
    assert spec.kind in (
        "probe_change", "ridge_probe_change", "codelength_change", "edge_probe_change", "claim", "prediction"
    )  # fmt: skip


def test_nothing_is_computed_when_the_flag_is_there_before(tmp_path: Path) -> None:
    store = Store(Settings(cache=tmp_path / "cache", device="cpu"))
    flag = tmp_path / "cancel"
    flag.touch()
    with pytest.raises(Cancelled):
        compute_artifact(BASE, store, cancel_flag=flag, report=lambda *_: None)
    assert not store.has(SPECS[1])


def _link(source: Store, target: Store, spec: Spec) -> None:
    """Make a stored artifact, and all it needs, appear in another store."""
    for needed in spec.dependencies().values():
        _link(source, target, needed)
    there = target.folder(spec)
    there.parent.mkdir(parents=True, exist_ok=True)
    if not there.exists():
        there.symlink_to(source.folder(spec))


def test_compute_is_a_plain_function_of_spec_inputs_and_run() -> None:
    for spec in SPECS:
        assert list(inspect.signature(compute_of(spec)).parameters) == ["spec", "inputs", "run"]
