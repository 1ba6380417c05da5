"""Where a probe is right: by label, by how common a word is, and by the length of its sentence, base against tuned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.base import Run
from core.analyses.places import BETWEEN
from core.analyses.probe_transfer import ProbeTransfer, Transfers
from core.keys import Result, Spec
from core.maths.statistics import Estimate, paired_shares

SLICES = ("label", "frequency", "length")
LEAST_ROWS, LEAST_SENTENCES = 20, 8
"""Of a slice, below which no share of it is given."""
_COMMON = ((1, "in 1 sentence: never in training"), (4, "in 2 to 4"), (19, "in 5 to 19"), (None, "in 20 or more"))
_LONG = ((8, "up to 8 words"), (16, "9 to 16"), (24, "17 to 24"), (None, "25 or more"))


@dataclass(frozen=True, kw_only=True)
class ProbeSlices(Spec, kind="probe_slices"):
    """Accuracy of each side's own linear probes on parts of the held-out rows."""

    title: ClassVar[str] = "Probe slices"
    sources: ClassVar[tuple[str, ...]] = ("Hewitt & Liang 2019 on control tasks",)
    seconds_per_unit: ClassVar[float] = 2.0

    of: ProbeTransfer


@dataclass(frozen=True, kw_only=True)
class Slices(Result):
    """Share of the rows of each slice that base and tuned read rightly, 0 to 1, and the difference, tuned minus base."""

    kinds: tuple[str, ...]
    """Which of SLICES each slice belongs to."""
    names: tuple[str, ...]
    counts: tuple[int, ...]
    """Held-out rows."""
    shares: tuple[tuple[tuple[Estimate, Estimate, Estimate], ...], ...]
    """Base, tuned, difference, by a delete-a-group jackknife over sentences, the probes as they are, [layers][slices]."""
    n_left_out: int
    """Slices with too few rows or sentences."""


def compute(spec: ProbeSlices, inputs: dict[str, Any], run: Run) -> Slices:
    """Count. A row is judged in the first split that holds it out."""
    held: Transfers = inputs["of"]
    table, rows = held.rows, judged(held)
    group = table["group"].to_numpy()[rows]
    found: list[tuple[str, str, NDArray[np.intp]]] = []
    n_left_out = 0
    for kind, values in zip(SLICES, (table["label"], _frequency(table), _length(table)), strict=True):
        of_row = values.to_numpy(dtype=object)[rows]
        for name in _in_order(kind, of_row):
            members = np.flatnonzero(of_row == name)
            if is_enough(group[members]):
                found.append((kind, name, rows[members]))
            else:
                n_left_out += 1
    shares = []
    for layer in range(len(held.base_said)):
        run.step(layer, len(held.base_said), "layers")
        shares.append(tuple(read_rightly(held, layer, [some for _, _, some in found])))
    return Slices(
        kinds=tuple(kind for kind, _, _ in found),
        names=tuple(name for _, name, _ in found),
        counts=tuple(len(members) for _, _, members in found),
        shares=tuple(shares),
        n_left_out=n_left_out,
    )


def judged(held: Transfers) -> NDArray[np.intp]:
    """Rows that some split holds out."""
    return np.flatnonzero(held.base_said[0] >= 0)


def is_enough(group: NDArray[np.integer]) -> bool:
    """Whether rows are enough for a share of them. Args: group of each."""
    return len(group) >= LEAST_ROWS and len(np.unique(group)) >= LEAST_SENTENCES


def read_rightly(
    held: Transfers, layer: int, slices: Sequence[NDArray[np.intp]]
) -> list[tuple[Estimate, Estimate, Estimate]]:
    """Shares of rows that base and tuned read rightly at a layer, and the difference, paired, one a slice.

    Args:
        slices: rows of each, of judged.
    """
    gold = np.searchsorted(np.array(held.labels), held.rows["label"].to_numpy(dtype=str))
    group = held.rows["group"].to_numpy()
    base, tuned = (said[layer] == gold for said in (held.base_said, held.tuned_said))
    return [paired_shares(base[some], tuned[some], group[some]) for some in slices]


def _frequency(table: pd.DataFrame) -> pd.Series:
    """In how many sentences of the sample what stands there stands, in words."""
    return table.groupby("text")["group"].transform("nunique").map(lambda n: _bin(n, _COMMON))


def _length(table: pd.DataFrame) -> pd.Series:
    """Words of the sentence, counted at blanks, in words."""
    return table["sentence"].map(lambda text: _bin(len(text.replace(BETWEEN, " ").split()), _LONG))


def _bin(n: int, bins: tuple[tuple[int | None, str], ...]) -> str:
    return next(name for most, name in bins if most is None or n <= most)


def _in_order(kind: str, values: NDArray[np.object_]) -> list[str]:
    """The slices that occur: labels by how common they are, the others rising."""
    if kind == "label":
        names, counts = np.unique(values.astype(str), return_counts=True)
        return [str(name) for name in names[np.lexsort((names, -counts))]]
    return [name for _, name in (_COMMON if kind == "frequency" else _LONG) if name in values]
