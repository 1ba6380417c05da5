"""A figure drawn once more, in another look: its origin (core.origins) walked through, with results read from the store."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from core.keys import Spec, key_of
from core.origins import Call, Constant, Group, Origin, Part, Plain, Stored


def in_look(origin: Origin, look: Any, read: Callable[[Spec], Any]) -> Any:
    """A figure as it would have been drawn in another look.

    Args:
        origin: of the figure.
        look: a core.charts.look.Look; it takes the place of every one in the origin.
        read: the stored result of a spec, None where it is not there.
    Returns:
        The figure; None where somebody did not note how a part of it was made, or a result is gone.
    Cost:
        That of drawing it, milliseconds to a second; nothing is computed.
    """
    try:
        return _Again(look, read).value(origin)
    except _NotToBeHad:
        return None


class _NotToBeHad(Exception):
    """A part of the origin is missing."""


class _Again:
    """Values of origins, each made once."""

    def __init__(self, look: Any, read: Callable[[Spec], Any]) -> None:
        self._look, self._read = look, read
        self._made: dict[int, Any] = {}
        self._stored: dict[str, Any] = {}

    def value(self, origin: Origin) -> Any:
        match origin:
            case Plain(value):
                return value
            case Stored(spec):
                return self._result(spec)
            case Call(function, args, kwargs):
                if id(origin) not in self._made:  # what several parts were drawn from is one table
                    given = {name: self.value(one) for name, one in kwargs.items()}
                    self._made[id(origin)] = function(*map(self.value, args), **given)
                return self._made[id(origin)]
            case Part(of, name, is_item):
                whole = self.value(of)
                return whole[name] if is_item else getattr(whole, str(name))
            case Constant(module, name, key):
                held = getattr(import_module(module), name)
                return held if key is None else held[key]
            case Group():
                return self._group(origin)
        raise _NotToBeHad

    def _result(self, spec: Spec) -> Any:
        key = key_of(spec)
        if key not in self._stored:
            self._stored[key] = self._read(spec)
        if self._stored[key] is None:
            raise _NotToBeHad
        return self._stored[key]

    def _group(self, group: Group) -> Any:
        if group.made_of is type(self._look):
            return self._look
        parts = [self.value(part) for part in group.parts]
        if group.made_of is dict:
            return dict(zip(map(self.value, group.names), parts, strict=True))
        if group.made_of in (tuple, list, frozenset):
            return group.made_of(parts)
        return group.made_of(**dict(zip(group.names, parts, strict=True)))
