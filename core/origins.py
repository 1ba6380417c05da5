"""Where a figure comes from: what the functions of core.charts were given, down to results of the store.

A `traced` function notes what made the value that it returns: itself and its arguments, which are plain values, stored
results (`note_stored`), or what another traced function returned. So the origin of a figure is a small tree that can be
written down as the Python that draws it again (core/scripts.py). Values are known by their identity and only as long as
somebody else holds them; the tree itself holds no table, array or result.
"""

import dataclasses
import enum
import functools
import sys
import threading
import types
import weakref
from collections import deque
from collections.abc import Callable, Hashable, KeysView, Mapping, ValuesView
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import numpy as np

from core.keys import Described, Result, Spec

P = ParamSpec("P")
R = TypeVar("R")
MOST_PARTS = 300
"""A list or mapping that is longer is data, and data belong into the store."""
_LAST_HOLDERS = 200
"""So many are looked through for an attribute: those of a page or two."""
_WRITTEN_OUT = ("core.charts.", "core.analyses.", "core.refs")
"""Where classes come from that a page makes by itself to pass things on; their constructor is written down."""


@dataclass(frozen=True, eq=False)
class Plain:
    """A value that can be written as it stands."""

    value: Any


@dataclass(frozen=True, eq=False)
class Stored:
    """A result, as it was read from the store."""

    spec: Spec


@dataclass(frozen=True, eq=False)
class Call:
    """What a traced function returned; of a method the first argument is the object."""

    function: Callable[..., Any]
    args: tuple["Origin", ...]
    kwargs: Mapping[str, "Origin"]


@dataclass(frozen=True, eq=False)
class Part:
    """An attribute of something, or one of its items."""

    of: "Origin"
    name: Hashable
    is_item: bool


@dataclass(frozen=True, eq=False)
class Group:
    """A tuple, a list, a mapping or a small dataclass that was made on the way."""

    made_of: type
    names: tuple[Any, ...]
    """Fields of a dataclass, keys of a mapping; of a tuple or list nothing."""
    parts: tuple["Origin", ...]


@dataclass(frozen=True, eq=False)
class Constant:
    """Something that its own module holds under a name."""

    module: str
    name: str
    key: Hashable | None
    """Its place, where the name is that of a mapping."""


@dataclass(frozen=True, eq=False)
class Untold:
    """Something whose making nobody noted."""

    what: str
    """What it is, in words."""


Origin = Plain | Stored | Call | Part | Group | Constant | Untold

_known: dict[int, tuple[weakref.ref, Origin]] = {}
"""By the identity of a value that still lives."""
_held = threading.local()
"""Of a thread, which is one run of a page: what it noted last that has parts with a name."""


def traced(function: Callable[P, R]) -> Callable[P, R]:
    """Note the origin of what the function returns. Some microseconds a call; what it calls in turn is not noted."""

    @functools.wraps(function)
    def noted(*args: P.args, **kwargs: P.kwargs) -> R:
        if getattr(_held, "is_inside", False):
            return function(*args, **kwargs)
        _held.is_inside = True
        try:
            made = function(*args, **kwargs)
        finally:
            _held.is_inside = False
        _note(made, function, args, kwargs)
        return made

    noted.is_traced = True  # type: ignore[attr-defined]
    return noted


def note_stored(result: Any, spec: Spec) -> None:
    """Remember of which spec a result is."""
    _remember(result, Stored(spec))


def origin_of(value: Any) -> Origin:
    """How a value was made; Untold where that is not known."""
    return _origin(value)


def untold_in(origin: Origin) -> list[str]:
    """What of an origin is not known, in words."""
    match origin:
        case Untold(what):
            return [what]
        case Call(_, args, kwargs):
            inside: tuple[Origin, ...] = (*args, *kwargs.values())
        case Part(of, _, _):
            inside = (of,)
        case Group(_, _, parts):
            inside = parts
        case _:
            inside = ()
    return [what for one in inside for what in untold_in(one)]


def _note(made: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    if _is_plain(made) or _recall(made) is not None:
        return  # words, numbers, or one of its own arguments
    given = {name: _origin(value) for name, value in kwargs.items()}
    _remember(made, Call(function, tuple(_origin(value) for value in args), given))


def _remember(value: Any, origin: Origin) -> None:
    if isinstance(value, dict):
        for key, part in value.items():
            _remember(part, Part(origin, key, is_item=True))
    elif isinstance(value, list | tuple):
        for at, part in enumerate(value):
            _remember(part, Part(origin, at, is_item=True))
    elif not _is_plain(value):
        place = id(value)

        def forget(gone: weakref.ref) -> None:
            if (held := _known.get(place)) is not None and held[0] is gone:
                del _known[place]

        try:
            _known[place] = held = (weakref.ref(value, forget), origin)
        except TypeError:
            return  # what cannot be watched is not remembered, and found Untold
        if dataclasses.is_dataclass(value):
            _holders().append(held)


def _holders() -> deque[tuple[weakref.ref, Origin]]:
    if not hasattr(_held, "holders"):
        _held.holders = deque(maxlen=_LAST_HOLDERS)
    found: deque[tuple[weakref.ref, Origin]] = _held.holders
    return found


def _recall(value: Any) -> Origin | None:
    held = _known.get(id(value))
    return held[1] if held is not None and held[0]() is value else None


def _origin(value: Any) -> Origin:
    if _is_plain(value):
        return Plain(value.item() if isinstance(value, np.generic) else value)
    if (known := _recall(value)) is not None:
        return known
    # These were most likely made on the way, which is soon known; a tuple may be what a result holds.
    is_made = isinstance(value, list | dict) or type(value).__module__.startswith("core.charts.")
    if is_made and (made := _group(value)) is not None and not untold_in(made):
        return made
    return _part_of_known(value) or _constant(value) or _group(value) or Untold(_said(value))


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | np.generic | range | enum.Enum | Described)


def _part_of_known(value: Any) -> Origin | None:
    """The attribute that it is of something known, or an item of such an attribute; the last one noted counts."""
    if isinstance(value, tuple) and not value:
        return None  # there is but one
    for watched, origin in reversed(_holders()):
        holder = watched()
        for name, held in list(vars(holder).items()) if holder is not None else ():
            if held is value:
                return Part(origin, name, is_item=False)
            items = held.items() if isinstance(held, dict) else enumerate(held) if isinstance(held, tuple) else ()
            for key, item in items:
                if item is value:
                    return Part(Part(origin, name, is_item=False), key, is_item=True)
    return None


def _constant(value: Any) -> Origin | None:
    """A dataclass that the module of its class keeps under a name, or in a mapping that has one."""
    module = sys.modules.get(type(value).__module__)
    if module is None or not dataclasses.is_dataclass(value) or not type(value).__module__.startswith(_WRITTEN_OUT):
        return None
    for name, held in vars(module).items():
        if name.startswith("_"):
            continue
        if held is value:
            return Constant(module.__name__, name, None)
        if isinstance(held, dict):
            for key, item in held.items():
                if item is value:
                    return Constant(module.__name__, name, key)
    return None


def _group(value: Any) -> Origin | None:
    if isinstance(value, Mapping) and len(value) <= MOST_PARTS:
        keys = tuple(_origin(key) for key in value)
        return Group(dict, keys, tuple(_origin(part) for part in value.values()))
    if isinstance(value, set | frozenset) and len(value) <= MOST_PARTS:
        return Group(frozenset, (), tuple(_origin(part) for part in sorted(value, key=repr)))
    if isinstance(value, tuple | list | KeysView | ValuesView) and len(value) <= MOST_PARTS:
        return Group(tuple if isinstance(value, tuple) else list, (), tuple(_origin(part) for part in value))
    if isinstance(value, types.FunctionType | Result) or not dataclasses.is_dataclass(value):
        return None
    if not type(value).__module__.startswith(_WRITTEN_OUT):
        return None
    held = {item.name: getattr(value, item.name) for item in dataclasses.fields(value) if item.init}
    changed = {
        item.name: held[item.name]
        for item in dataclasses.fields(value)
        if item.name in held and not _is_default(item, held[item.name])
    }
    return Group(type(value), tuple(changed), tuple(_origin(part) for part in changed.values()))


def _is_default(item: dataclasses.Field, value: Any) -> bool:
    return _is_plain(value) and type(item.default) is type(value) and bool(item.default == value)


def _said(value: Any) -> str:
    return f"a {type(value).__name__} that was put together on the page"
