"""A table of one measure of both sides, layer beside the layer that faces it, as every curve and panel reads it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.analyses.base import facing_layers
from core.maths.statistics import Estimate
from core.origins import traced

Column = float | tuple[Sequence[float], Sequence[float]]
"""One value for all rows, or one for each layer of base and one for each layer of tuned."""


@traced
def sides_table(
    name: str,
    base: Sequence[Estimate | None],
    tuned: Sequence[Estimate | None],
    difference: Sequence[Estimate | None],
    *,
    lowest: int = 0,
    **columns: Column,
) -> pd.DataFrame:
    """layer, side, a value with low and high, difference and its interval, is_noise; at unequal depth tuned_layer; further columns.

    Args:
        name: of the value's column.
        base: one a base layer; None leaves its cells empty.
        tuned: one a tuned layer; the rows are of those that face a base layer.
        difference: tuned minus base, one a base layer. A row is noise where its interval holds 0 or there is none.
        lowest: layer of the first value: 1 where only blocks have any.
        columns: what else stands beside a value.
    """
    facing = facing_places(len(base), len(tuned), lowest)
    rows = []
    for at, (side, held, layers) in enumerate((("base", base, range(len(base))), ("tuned", tuned, facing))):
        for layer, own in enumerate(layers):
            change = difference[layer]
            rows.append({
                "layer": lowest + layer, "side": side,
                **ends(held[own], name, "low", "high"),
                **ends(change, "difference", "difference_low", "difference_high"),
                "is_noise": change is None or change.low <= 0 <= change.high,
                **({"tuned_layer": lowest + facing[layer]} if len(base) != len(tuned) else {}),
                **{key: column[at][own] if isinstance(column, tuple) else column for key, column in columns.items()},
            })  # fmt: skip
    return pd.DataFrame(rows)


@traced
def with_random(table: pd.DataFrame, random: Sequence[Estimate | None] | None) -> pd.DataFrame:
    """The table and what a probe scores on a model of random weights: random, random_low, random_high, where that is known.

    Args:
        table: with a column layer.
        random: one a layer from 0, or None.
    """
    if random is None:
        return table
    rows = [{"layer": at, **ends(one, "random", "random_low", "random_high")} for at, one in enumerate(random)]
    return table.merge(pd.DataFrame(rows), on="layer", how="left")


def facing_places(base: int, tuned: int, lowest: int = 0) -> tuple[int, ...]:
    """Which of the tuned values each base value stands beside, both counted from 0.

    Args:
        base, tuned: how many values either side has, one a layer.
        lowest: layer of the first of them: 0, or 1 where only blocks have any.
    """
    return tuple(own - lowest for own in facing_layers(lowest + base - 1, lowest + tuned - 1)[lowest:])


@traced
def with_facing(table: pd.DataFrame, base: int, tuned: int) -> pd.DataFrame:
    """The table, at unequal depth with the tuned layer that each base layer faces, tuned_layer.

    Args:
        table: with a column layer, of the base.
        base, tuned: last layer of either side.
    """
    if base == tuned:
        return table
    facing = facing_layers(base, tuned)
    return table.assign(tuned_layer=[facing[layer] for layer in table["layer"]])


def ends(one: Estimate | None, name: str, low: str, high: str) -> dict[str, float | None]:
    """Value and ends of an interval by their columns; what is not known is left empty."""
    if one is None:
        return {name: None, low: None, high: None}
    known = (end if np.isfinite(end) else None for end in (one.low, one.high))
    return dict(zip((name, low, high), (one.value, *known), strict=True))
