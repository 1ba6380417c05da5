"""Laws of identity: what is the same has one key, what differs has another, and nothing unknown gets in."""

import copy
import dataclasses
import json
import os
import subprocess
import sys
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.analyses.embed import Embed
from core.analyses.fine_tune import FineTune, Snapshot
from core.errors import SpecInvalid
from core.keys import KINDS, Described, Spec, from_json, key_of, later, locator, to_json
from core.refs import (
    Adapter,
    ConlluFile,
    Folder,
    Hub,
    HubFile,
    MarkedFile,
    Packaged,
    RandomWeights,
    Sample,
    Suite,
    Surgery,
    TableFile,
    Typed,
    Vectors,
)
from tests.faults import ROOT, says
from tests.small import BASE, TUNE, comparison

REFS: list[Described] = [
    Packaged(),
    Folder(digest="a" * 64, path="/models/one"),
    Hub(repo="org/name", commit="f" * 40, revision="main", n_bytes=7),
    HubFile(repo="org/data", commit="f" * 40, name="one/train.parquet", revision="main", n_bytes=7),
    Vectors(of=Suite(), unit="word", digest="d" * 64, path="/vectors/one.npy", n_layers=6, width=384),
    Suite(),
    ConlluFile(digest="b" * 64, path="/data/one.conllu"),
    TableFile(digest="c" * 64, path="/data/one.tsv", labels=("2",)),
    MarkedFile(digest="b" * 64, path="/data/one.json"),
    Typed(text="A word or two ."),
    Sample(of=Suite(), n=5, strata="sentiment", only="question", value="who"),
    RandomWeights(of=Packaged()),
    Adapter(of=Packaged(), digest="e" * 64, path="/adapters/one"),
    Surgery(reset=(1,), order=(0, 1), n_kept=2, n_frozen=1),
    Snapshot(run=TUNE.replace(snapshots=(1, 2)), step=2),
]
DESCRIBED = [*comparison(), *REFS]
BY_KIND = pytest.mark.parametrize("thing", DESCRIBED, ids=lambda thing: f"{thing.kind}-{key_of(thing)[:6]}")


@dataclass(frozen=True, kw_only=True)
class Early(Described, kind="test.grown"):
    """As it was when artifacts were made."""

    size: int = 1


EARLY_KEY = key_of(Early(size=3))


@dataclass(frozen=True, kw_only=True)
class Grown(Described, kind="test.grown"):
    """The same, with a field added later."""

    size: int = 1
    extra: float = later(0.5)
    path: str = locator()
    numbers: tuple[float, ...] = later(())
    maybe: int | None = later(None)


@pytest.fixture(scope="module", autouse=True)
def _leave_no_kinds_behind() -> Iterator[None]:
    KINDS["test.grown"] = Grown
    yield
    KINDS.pop("test.grown", None)


def other_values(value: Any, hint: Any) -> list[Any]:
    """Values unlike this one that its field may hold."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, Described):
        return [changed for _, is_locator, changed in changes(value) if not is_locator][:3]
    if value is None:
        return [one for one in comparison() if isinstance(one, typing.get_args(hint))][:1]
    choices = [choice for choice in typing.get_args(hint) if choice != value]
    if typing.get_origin(hint) is typing.Literal:
        return choices
    if isinstance(value, tuple):
        return [(*value, "x")]
    if isinstance(value, int | float):
        return [value + 1, value + 0.25 if isinstance(value, float) else value + 17]
    if isinstance(value, tuple) and typing.get_args(hint)[:1] == (int,):
        return [(*value, max(value, default=0) + 1)]
    return [f"{value}x"] if isinstance(value, str) else []


def changes(thing: Described) -> Iterator[tuple[str, bool, Described]]:
    """(field, whether it is a locator, the thing with another value there alone, even where validation forbids it)."""
    hints = typing.get_type_hints(type(thing))
    for item in dataclasses.fields(thing):
        for value in other_values(getattr(thing, item.name), hints[item.name]):
            changed = copy.copy(thing)
            object.__setattr__(changed, item.name, value)
            yield item.name, bool(item.metadata.get("locator")), changed


@BY_KIND
def test_key_when_any_field_but_a_locator_differs_is_another(thing: Described) -> None:
    keys = {key_of(thing)}
    for name, is_locator, changed in changes(thing):
        if is_locator:
            assert key_of(changed) == key_of(thing), name
            assert changed == thing
        else:
            assert changed != thing
            assert key_of(changed) not in keys, f"{thing.kind}.{name} does not count"
            keys.add(key_of(changed))


@BY_KIND
def test_every_field_of_every_kind_was_tried(thing: Described) -> None:
    assert {name for name, _, _ in changes(thing)} == {item.name for item in dataclasses.fields(thing)}


def test_every_kind_was_tried() -> None:
    assert {type(thing) for thing in DESCRIBED} == {cls for kind, cls in KINDS.items() if not kind.startswith("test.")}


def test_a_comparison_when_its_sides_are_swapped_has_another_key() -> None:
    for spec in comparison():
        if {"base", "tuned"} <= spec.dependencies().keys():
            # Some name the tuned side's checkpoint beside it.
            beside = {"checkpoint": spec.base.checkpoint} if hasattr(spec, "checkpoint") else {}
            assert key_of(spec.replace(base=spec.tuned, tuned=spec.base, **beside)) != key_of(spec)


def test_keys_of_all_kinds_are_distinct() -> None:
    assert len({key_of(thing) for thing in DESCRIBED}) == len(DESCRIBED)


@BY_KIND
def test_description_when_read_back_is_equal_with_its_paths(thing: Described) -> None:
    written = json.loads(json.dumps(to_json(thing)))
    again = from_json(written)
    assert again == thing
    assert key_of(again) == key_of(thing)
    assert to_json(again) == to_json(thing)  # equality leaves paths out, this does not
    assert getattr(again, "path", None) == getattr(thing, "path", None)


@given(data=st.data())
def test_key_when_fields_are_given_in_another_order_is_the_same(data: st.DataObject) -> None:
    thing = data.draw(st.sampled_from(DESCRIBED))
    values = {item.name: getattr(thing, item.name) for item in dataclasses.fields(thing)}
    order = data.draw(st.permutations(list(values)))
    assert key_of(type(thing)(**{name: values[name] for name in order})) == key_of(thing)
    written = to_json(thing)
    shuffled = {name: written[name] for name in data.draw(st.permutations(list(written)))}
    assert key_of(from_json(shuffled)) == key_of(thing)


@given(number=st.integers(-(10**9), 10**9))
def test_key_when_a_number_is_whole_is_the_same_for_int_and_float(number: int) -> None:
    assert key_of(Grown(size=number)) == key_of(Grown(size=float(number)))  # type: ignore[arg-type]
    assert key_of(Grown(extra=number)) == key_of(Grown(extra=float(number)))
    assert key_of(Grown(numbers=(number,))) == key_of(Grown(numbers=[float(number)]))  # type: ignore[arg-type]
    assert isinstance(Grown(size=float(number)).size, int)  # type: ignore[arg-type]
    assert isinstance(Grown(extra=number).extra, float)


def test_key_when_a_slider_gives_1_or_1_0_is_the_same() -> None:
    assert key_of(TUNE.replace(epochs=1, seed=2.0)) == key_of(TUNE.replace(epochs=1.0, seed=2))


def test_equal_descriptions_when_zero_has_a_sign_have_one_key() -> None:
    assert Grown(extra=-0.0) == Grown(extra=0.0)
    assert key_of(Grown(extra=-0.0)) == key_of(Grown(extra=0.0))


@given(first=st.floats(allow_nan=False, allow_infinity=False), second=st.floats(allow_nan=False, allow_infinity=False))
def test_keys_are_equal_exactly_when_descriptions_are(first: float, second: float) -> None:
    one, other = Grown(extra=first), Grown(extra=second)
    assert (one == other) == (key_of(one) == key_of(other))
    assert from_json(json.loads(json.dumps(to_json(one)))) == one


@given(text=st.text(st.characters(exclude_categories=("Cs",)), max_size=30))
def test_text_of_any_script_when_read_back_is_equal(text: str) -> None:
    ref = Folder(digest=text, path=text)
    again = from_json(json.loads(json.dumps(to_json(ref))))
    assert (again.digest, again.path) == (text, text)
    assert key_of(again) == key_of(ref)


@given(first=st.text(max_size=8), second=st.text(max_size=8))
def test_key_when_only_the_locator_differs_is_the_same(first: str, second: str) -> None:
    one, other = (Folder(digest="d", path=path) for path in (first, second))
    assert key_of(one) == key_of(other)
    assert key_of(BASE.replace(checkpoint=one)) == key_of(BASE.replace(checkpoint=other))


def test_a_field_added_later_when_at_its_default_leaves_old_keys_valid() -> None:
    assert key_of(Grown(size=3)) == EARLY_KEY
    assert key_of(Grown(size=3, extra=0.5, numbers=(), maybe=None)) == EARLY_KEY
    assert "extra" not in to_json(Grown(size=3))
    assert from_json({"kind": "test.grown", "version": 1, "size": 3}) == Grown(size=3)


@pytest.mark.parametrize("change", [{"extra": 0.25}, {"numbers": (0.0,)}, {"maybe": 0}])
def test_a_field_added_later_when_set_counts(change: dict[str, Any]) -> None:
    assert key_of(Grown(size=3, **change)) != EARLY_KEY
    assert from_json(to_json(Grown(size=3, **change))) == Grown(size=3, **change)


def test_keys_when_the_version_rises_are_others() -> None:
    before = key_of(Grown())
    Grown.version = 2
    try:
        assert key_of(Grown()) != before
    finally:
        Grown.version = 1


@dataclass(frozen=True, kw_only=True)
class Parted(Described, kind="test.parted", version=2, also=(3,)):
    """A kind of which the large ones alone changed meaning."""

    size: int = 1

    @property
    def own_version(self) -> int:
        return 3 if self.size > 10 else self.version


@dataclass(frozen=True, kw_only=True)
class Holds(Described, kind="test.holds"):
    """Something about one of them."""

    of: Parted


def test_where_a_part_of_a_kind_changed_meaning_its_keys_alone_are_others_and_those_of_what_holds_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def keys() -> list[str]:
        return [key_of(one) for size in (1, 11) for one in (Parted(size=size), Holds(of=Parted(size=size)))]

    now = keys()
    monkeypatch.setattr(Parted, "own_version", Parted.version)  # as it was before
    before = keys()
    monkeypatch.undo()
    assert now[:2] == before[:2]
    assert set(now[2:]).isdisjoint(before[2:])
    for size, version in ((1, 2), (11, 3)):
        assert to_json(Parted(size=size)) == {"kind": "test.parted", "version": version, "size": size}
        assert from_json(to_json(Parted(size=size))) == Parted(size=size)
        assert from_json({"kind": "test.parted", "size": size}) == Parted(size=size)


@pytest.mark.parametrize(("size", "version", "ours"), [(11, 2, 3), (1, 3, 2), (1, 1, 2), (11, 4, 2), (1, [2], 2)])
def test_a_description_of_a_version_that_is_not_its_own_is_of_another_time(size: int, version: Any, ours: int) -> None:
    with pytest.raises(SpecInvalid) as caught:
        from_json({"kind": "test.parted", "version": version, "size": size})
    assert f"of version {version}" in str(caught.value)
    assert f"version {ours}" in str(caught.value)


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_key_when_python_hashes_otherwise_is_the_same(seed: str) -> None:
    script = "from tests.small import comparison; from core.keys import key_of; print(*map(key_of, comparison()))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONHASHSEED": seed},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [key_of(spec) for spec in comparison()]


def test_key_is_that_of_the_artifacts_already_made() -> None:
    # A changed encoding would orphan every stored artifact and every pack: change it on purpose or not at all.
    assert key_of(Packaged()) == "522a3aff02953ec4ed624a9bc1709053c21ef661"
    assert key_of(Sample(of=Suite(split="dev", edition=1), n=60, seed=0)) == "6599824b74030a785c377fc8757a1bd8b01ad7f0"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "no_such"}, ("no_such", "Known:", "embed")),
        ({"kind": None}, ("None",)),
        ({"kind": ["embed"]}, ("embed",)),
        ({"kind": {"kind": "embed"}}, ("embed",)),
        ({"version": 99}, ("embed", "99", "version 1")),
        ({"version": "1"}, ("embed",)),
        ({"colour": "red"}, ("embed", "colour", "pooling")),
        ({"max_pieces": float("nan")}, ("embed.max_pieces", "nan", "int")),
        ({"max_pieces": float("inf")}, ("embed.max_pieces", "inf")),
        ({"max_pieces": 10**400}, ("embed.max_pieces",)),
        ({"max_pieces": 12.5}, ("embed.max_pieces", "12.5", "int")),
        ({"max_pieces": True}, ("embed.max_pieces", "bool", "int")),
        ({"max_pieces": "256"}, ("embed.max_pieces", "str", "int")),
        ({"max_pieces": None}, ("embed.max_pieces", "NoneType")),
        ({"max_pieces": [256]}, ("embed.max_pieces", "tuple")),
        ({"unit": "paragraph"}, ("embed.unit", "paragraph", "word", "sentence")),
        ({"unit": ["word"]}, ("embed.unit",)),
        ({"sample": "dev"}, ("embed.sample", "str", "Sample")),
        ({"sample": {"n": 3}}, ("no kind",)),
        ({"sample": {"kind": "checkpoint.packaged"}}, ("embed.sample", "Packaged")),
        ({"checkpoint": None}, ("embed.checkpoint", "Folder")),
        ({"pooling": "cls"}, ("cls", "first, last, average")),
        ({"max_pieces": 2}, ("2", "8 or more")),
    ],
    ids=lambda value: str(value)[:40],
)
def test_spec_file_when_it_is_wrong_is_refused_with_the_reason(change: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(SpecInvalid) as problem:
        from_json(to_json(BASE) | change)
    says(problem, *words)


@pytest.mark.parametrize("data", [None, 3, "embed", [], {}, {"checkpoint": 1}, [{"kind": "embed"}]], ids=str)
def test_spec_file_when_it_names_no_kind_is_refused(data: Any) -> None:
    with pytest.raises(SpecInvalid) as problem:
        from_json(data)
    says(problem, "no kind", "JSON object")


@pytest.mark.parametrize("name", ["checkpoint", "sample"])
def test_spec_file_when_a_field_is_missing_names_it(name: str) -> None:
    written = to_json(BASE)
    del written[name]
    with pytest.raises(SpecInvalid) as problem:
        from_json(written)
    says(problem, "embed", f"Missing: {name}")


class Stranger:
    """Not a plain value."""


@pytest.mark.parametrize(
    "value", [{1, 2}, {"a": 1}, frozenset(), float("nan"), object(), Stranger(), b"bytes", 1j, len, (1, 2), None]
)
@pytest.mark.parametrize("name", ["label", "epochs", "seed", "train", "checkpoint"])
def test_value_when_it_is_not_plain_is_refused_on_construction(name: str, value: Any) -> None:
    with pytest.raises(SpecInvalid) as problem:
        TUNE.replace(**{name: value})
    says(problem, f"fine_tune.{name}", type(value).__name__)


@pytest.mark.parametrize("value", [[{1}], ("a",), [None], (float("nan"),), {1.0}, 1.0])
def test_value_inside_a_tuple_when_it_is_not_a_number_is_refused(value: Any) -> None:
    with pytest.raises(SpecInvalid) as problem:
        Grown(numbers=value)
    says(problem, "test.grown.numbers")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.just("kind"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(name=st.sampled_from(["kind", "version", *(item.name for item in dataclasses.fields(Embed))]), value=JSON)
def test_spec_file_when_any_field_holds_anything_is_read_or_refused_but_never_crashes(name: str, value: Any) -> None:
    try:
        spec = from_json(to_json(BASE) | {name: value})
    except SpecInvalid:
        return
    assert isinstance(spec, Embed)
    assert from_json(to_json(spec)) == spec


def test_dependencies_are_the_fields_that_are_specs() -> None:
    assert BASE.dependencies() == {}
    assert BASE.replace(checkpoint=TUNE).dependencies() == {"checkpoint": TUNE}
    for spec in comparison():
        assert all(isinstance(needed, Spec) for needed in spec.dependencies().values())
        assert not isinstance(spec, FineTune) or not spec.dependencies()
