"""What a computation is called: plain frozen descriptions, and the hash of their canonical JSON.

Two classes of things are described this way: refs (a checkpoint, a data set) and specs (a computation over refs and
other specs). Identity lives here and nowhere else, so that no analysis can forget a field in its key: every field
counts, unless it is a *locator* (where a thing lies, as opposed to what it is).
"""

import dataclasses
import hashlib
import json
import math
import types
import typing
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from pathlib import PurePath
from typing import Any, ClassVar, Self, get_args, get_origin, get_type_hints

from core.errors import SpecInvalid

KINDS: dict[str, type["Described"]] = {}


def locator(default: Any = "") -> Any:
    """Declare a field that says where a thing lies, or how large it is; it is written down but is no part of the key."""
    return field(default=default, metadata={"locator": True}, compare=False)


def later(default: Any) -> Any:
    """Declare a field added after artifacts exist; at its default it is left out, so that old keys stay valid."""
    return field(default=default, metadata={"later": True})


@dataclass(frozen=True, kw_only=True)
class Described:
    """A frozen description with an identity. Subclasses name their `kind` and, if it ever changes meaning, `version`."""

    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1
    also: ClassVar[tuple[int, ...]] = ()
    """Versions that `own_version` gives to a part of this kind's descriptions."""

    def __init_subclass__(cls, kind: str = "", version: int = 1, also: tuple[int, ...] = ()) -> None:
        if kind:
            cls.kind, cls.version, cls.also = kind, version, also
            KINDS[kind] = cls

    @property
    def own_version(self) -> int:
        """The version of this very description: its kind's, but where what changed meaning is only a part of the kind.

        Overridden there, so that everything else keeps its key; every value but the kind's is named in `also`.
        """
        return self.version

    def __post_init__(self) -> None:
        for item, hint in _hints(type(self)):  # type: ignore[arg-type]  # a class is hashable
            value = _normalised(getattr(self, item.name), hint, f"{self.kind}.{item.name}")
            object.__setattr__(self, item.name, value)
        self.validate()

    def validate(self) -> None:
        """Raise SpecInvalid when fields do not fit together. Overridden where there is something to check."""

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True, kw_only=True)
class Spec(Described):
    """A description of one computation. A field that is itself a Spec is a dependency."""

    def dependencies(self) -> dict[str, "Spec"]:
        """Direct dependencies by field name; one inside a ref by both names ("checkpoint.run")."""
        return _specs_in(self)

    def cost(self) -> tuple[float, float]:
        """Work of this step alone, without dependencies.

        Returns:
            (work, n_bytes): work in units that seconds are proportional to within this kind (the machine's own
            record gives the seconds a unit takes; `seconds_per_unit` is the first guess), and bytes kept on disk.
        """
        return 1.0, 1e4

    def is_at_hand(self) -> bool:
        """Whether what a stored result speaks of is still there, where that lies outside the store. A few file stats."""
        return True

    def shares_pass_with(self, other: "Spec") -> bool:
        """Whether both come out of one pass over the data, so that whoever computes one may compute the other along.

        Their dependencies are then the same, and their module has a `compute_together`.
        """
        return False

    seconds_per_unit: ClassVar[float] = 1.0
    title: ClassVar[str] = ""
    sources: ClassVar[tuple[str, ...]] = ()
    """Whose procedure it is, as one would cite it; what has a choice of procedures says by `cites` which."""

    def cites(self) -> tuple[str, ...]:
        """Whose procedure this one follows, in the order that a reader would look them up."""
        return self.sources


def _specs_in(thing: Described) -> dict[str, Spec]:
    found: dict[str, Spec] = {}
    for item in fields(thing):
        value = getattr(thing, item.name)
        if isinstance(value, Spec):
            found[item.name] = value
        elif isinstance(value, Described):
            found |= {f"{item.name}.{name}": spec for name, spec in _specs_in(value).items()}
    return found


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a computation returns: a frozen dataclass of arrays, tables, paths and plain values."""


def key_of(thing: Described) -> str:
    """SHA-256 of the canonical JSON, 40 hex digits: kind, version and every field but locators.

    Cost: microseconds; no file is read.
    """
    text = json.dumps(_encoded(thing, for_key=True), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def to_json(thing: Described, *, places: bool = True) -> dict[str, Any]:
    """Everything needed to make the description again, locators included; plain JSON values.

    Args:
        thing: the description.
        places: False for what leaves the machine: of a path its last part alone is written down.
    """
    return _encoded(thing, for_key=False, places=places)


def without_place(item: dataclasses.Field, value: Any) -> Any:
    """The value of a field as others may see it: of a locator that is a path its last part."""
    return PurePath(value).name if item.metadata.get("locator") and isinstance(value, str) else value


def from_json(data: Any) -> Any:
    """The description that `to_json` wrote down.

    Raises:
        SpecInvalid: unknown kind, unknown or missing field, value of a wrong type, version of another time.
    """
    if not isinstance(data, dict) or "kind" not in data:
        raise SpecInvalid("Reading a spec.", f"Found {str(data)[:80]!r}, which names no kind.", "Give a JSON object.")
    kind = data["kind"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise SpecInvalid(f"Reading a spec of kind {kind!r}.", "No such kind.", f"Known: {', '.join(sorted(KINDS))}.")
    cls = KINDS[kind]
    if data.get("version", cls.version) not in (cls.version, *cls.also):
        raise _of_another_time(kind, data["version"], cls.version)
    given = {name: _decoded(value) for name, value in data.items() if name not in ("kind", "version")}
    known, required = _names(cls)  # type: ignore[arg-type]  # a class is hashable
    if wrong := sorted(given.keys() - set(known)):
        raise SpecInvalid(f"Reading a {kind} spec.", f"Unknown: {', '.join(wrong)}.", f"Fields: {', '.join(known)}.")
    if missing := sorted(required - given.keys()):
        raise SpecInvalid(f"Reading a {kind} spec.", f"Missing: {', '.join(missing)}.", "Add them.")
    made = cls(**given)
    if data.get("version", made.own_version) != made.own_version:
        raise _of_another_time(kind, data["version"], made.own_version)
    return made


def _of_another_time(kind: str, version: Any, ours: int) -> SpecInvalid:
    return SpecInvalid(
        f"Reading a {kind} spec of version {version}.",
        f"This program computes version {ours}.",
        "Make the spec again from its page.",
    )


def _encoded(value: Any, *, for_key: bool, places: bool = True) -> Any:
    if isinstance(value, Described):
        out: dict[str, Any] = {"kind": value.kind, "version": value.own_version}
        for item in fields(value):
            held = getattr(value, item.name)
            at_default = item.metadata.get("later") and held == item.default
            if at_default or (for_key and item.metadata.get("locator")):
                continue
            shown = held if places else without_place(item, held)
            out[item.name] = _encoded(shown, for_key=for_key, places=places)
        return out
    if isinstance(value, tuple):
        return [_encoded(part, for_key=for_key, places=places) for part in value]
    return value


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        return from_json(value)
    if isinstance(value, list):
        return tuple(_decoded(part) for part in value)
    return value


@cache
def _names(cls: type) -> tuple[tuple[str, ...], frozenset[str]]:
    """All fields of a class, and those without a default."""
    required = {i.name for i in fields(cls) if i.default is MISSING and i.default_factory is MISSING}
    return tuple(item.name for item in fields(cls)), frozenset(required)


@cache
def _hints(cls: type) -> tuple[tuple[dataclasses.Field, Any], ...]:
    hints = get_type_hints(cls)
    return tuple((item, hints[item.name]) for item in fields(cls))


def _normalised(value: Any, hint: Any, where: str) -> Any:
    """The value in the one form its declared type has (a slider gives 1 or 1.0), or SpecInvalid."""
    if type(value) is hint and hint not in (int, float):  # most fields, and packs hold thousands
        return value
    origin = get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _normalised_union(value, hint, where)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_normalised(part, get_args(hint)[0], where) for part in value)
    if origin is typing.Literal:
        if value in get_args(hint):
            return value
        raise SpecInvalid(
            f"{where} = {value!r}.", "Not a choice.", f"Choose from {', '.join(map(str, get_args(hint)))}."
        )
    if isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value):
        if hint is float:
            return float(value) + 0.0  # equal things have one key: -0.0 becomes 0.0
        if hint is int and value == int(value):
            return int(value)
    if isinstance(hint, type) and hint not in (int, float) and isinstance(value, hint):
        return value
    expected = getattr(hint, "__name__", str(hint))
    if isinstance(value, float) and not math.isfinite(value):
        raise SpecInvalid(f"{where} = {value!r}.", "Found a float that is no finite number.", f"Expected {expected}.")
    raise SpecInvalid(f"{where} = {value!r}.", f"Found {type(value).__name__}.", f"Expected {expected}.")


def _is_finite(value: int | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def _normalised_union(value: Any, hint: Any, where: str) -> Any:
    for option in get_args(hint):
        if option is type(None) and value is None:
            return None
        try:
            return _normalised(value, option, where)
        except SpecInvalid:
            continue
    names = ", ".join(getattr(option, "__name__", str(option)) for option in get_args(hint))
    raise SpecInvalid(f"{where} = {value!r}.", f"Found {type(value).__name__}.", f"Expected one of {names}.")
