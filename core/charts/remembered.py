"""What was worked out of a table once and is not worked out again when a page is drawn anew.

A page runs from top to bottom at every click, and the store gives it its tables anew each time: they are known by what is in
them, not by who they are.
"""

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, ParamSpec, TypeVar

import pandas as pd

P = ParamSpec("P")
R = TypeVar("R")


def remembered(most: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep what a pure function gave for its last so many arguments, tables among them, for the whole process.

    What it gives must be nothing that a caller could change. Reading a table of 500 rows takes about a millisecond.

    Args:
        most: how many are kept.
    """

    def of(function: Callable[P, R]) -> Callable[P, R]:
        held: OrderedDict[Hashable, R] = OrderedDict()
        one_at_a_time = threading.Lock()

        @functools.wraps(function)
        def looked_up(*args: P.args, **kwargs: P.kwargs) -> R:
            name = (*map(_name, args), *((key, _name(value)) for key, value in sorted(kwargs.items())))
            with one_at_a_time:
                if name in held:
                    held.move_to_end(name)
                    return held[name]
            made = function(*args, **kwargs)
            with one_at_a_time:
                held[name] = made
                while len(held) > most:
                    held.popitem(last=False)
            return made

        return looked_up

    return of


def _name(value: Any) -> Hashable:
    """What tells an argument from others: of a table its columns, their types and every value; all else must have a hash."""
    if not isinstance(value, pd.DataFrame):
        return value
    columns = tuple((str(name), str(kind)) for name, kind in value.dtypes.items())
    return (columns, pd.util.hash_pandas_object(value).to_numpy().tobytes())
