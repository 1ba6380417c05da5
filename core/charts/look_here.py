"""Where on a map to look first: labels, words and regions whose rows lost neighbours, beyond the noise."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from core.analyses.movers import Moved
from core.analyses.places import PLACE
from core.charts.movers import enough, kept_fewer
from core.refs import LABEL_NAMES

MOST_OF_A_KIND = 2
"""Labels, words and regions that are named, each."""
LEAST_REGION = 3
"""Movers next to each other that make a region."""
_THE_SAME = 0.8
"""Share of points that two labels have in common from which on one of them is enough."""
_DRAWS = 100
"""Of as many rows at random, for how large a region is by chance."""
_NAMED = 3
"""Rows of a region by which it is called."""


@dataclass(frozen=True)
class Lead:
    """Points worth a look, and why."""

    name: str
    """What they are."""
    why: str
    """What they did, with its interval or its level."""
    points: NDArray[np.bool_]
    """Which they are [n]."""


def leads(moved: Moved, layer: int, *, of_words: bool, unmarked: str = "") -> list[Lead]:
    """Where to look at a layer, the clearest of each kind first: labels, words, regions; none where nothing is beyond the noise.

    A label or word is named where its rows kept fewer of their neighbours than all others; intervals are wide enough to hold for
    all labels and words of the layer together (Bonferroni). A region is movers that are among the nearest of each other in the
    base, more of them than of as many rows drawn at random.

    Args:
        of_words: whether rows are words, of which some are the same.
        unmarked: what stands for rows of which a label says nothing; these are not named.
    """
    named = [_Named(title, names, enough(moved, names)) for title, names in _names(moved.points, of_words).items()]
    n_together = sum(len(one.values) for one in named)
    found: list[Lead] = []
    for is_word in (False, True):
        candidates = [
            candidate
            for one in named
            if one.is_word == is_word
            for candidate in _of_names(moved, layer, one, n_together)
            if is_word or candidate.value not in ("", unmarked)
        ]
        found += _clearest(candidates)
    return found + _regions(moved, layer)[:MOST_OF_A_KIND]


def _names(points: pd.DataFrame, of_words: bool) -> dict[str, NDArray[np.str_]]:
    """What each row is called by each label [n]; under the empty name, by the word itself."""
    labels = [name for name in points.select_dtypes(exclude="number") if name not in ("text", "sentence", PLACE)]
    found = {str(name): points[name].astype(str).to_numpy(dtype=np.str_) for name in labels}
    return found | ({"": points["text"].str.lower().to_numpy(dtype=np.str_)} if of_words else {})


@dataclass(frozen=True)
class _Named:
    """What rows are called by one label, or by the words that they are."""

    title: str
    """Empty = by the words."""
    names: NDArray[np.str_]
    """Of each row [n]."""
    values: list[str]
    """Those of enough rows."""

    @property
    def is_word(self) -> bool:
        return not self.title

    def called(self, value: str) -> str:
        return f"the word “{value}”" if self.is_word else f"{LABEL_NAMES.get(self.title, self.title)}: {value}"


@dataclass(frozen=True)
class _Candidate:
    lead: Lead
    value: str
    clearness: float
    """Difference in lengths of its interval: least = clearest."""


def _of_names(moved: Moved, layer: int, named: _Named, n_together: int) -> list[_Candidate]:
    """Names whose rows kept fewer beyond the noise."""
    found = []
    table = kept_fewer(moved, layer, named.names, named.values, n_together=n_together)
    for row in table.to_dict("records"):
        value, n, difference, low, high = (row[name] for name in ("value", "n", "difference", "low", "high"))
        if high >= 0:
            continue
        why = (
            f"kept {-100 * difference:.0f} points fewer of their neighbours than the others "
            f"[{-100 * high:.0f}, {-100 * low:.0f}]; {n:,} of them"
        )
        lead = Lead(named.called(str(value)), why, named.names == value)
        found.append(_Candidate(lead, str(value), difference / (high - low) if high > low else -np.inf))
    return found


def _clearest(found: list[_Candidate]) -> list[Lead]:
    """The first, without those that are all but the same points under another name."""
    kept: list[Lead] = []
    for one in sorted(found, key=lambda one: one.clearness):
        if all(_shared(one.lead.points, other.points) < _THE_SAME for other in kept):
            kept.append(one.lead)
    return kept[:MOST_OF_A_KIND]


def _shared(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Points of both as a share of those of either, 0 to 1."""
    return float((one & other).sum() / (one | other).sum())


def _regions(moved: Moved, layer: int) -> list[Lead]:
    """Movers of which each is near to another in the base and that one to it, the largest group first.

    A group is a region where it is larger than the largest of as many rows drawn at random mostly is.
    """
    movers = np.flatnonzero(moved.is_mover[layer])
    near, _ = moved.nearest(layer)
    n = len(near)
    links = csr_array((np.ones(near.size), (np.repeat(np.arange(n), near.shape[1]), near.ravel())), shape=(n, n))
    mutual = links.multiply(links.T).tocsr()
    groups = _groups(mutual, movers)
    if not any(len(one) >= LEAST_REGION for one in groups):
        return []
    drawn = np.random.default_rng(0)
    largest = [max(map(len, _groups(mutual, drawn.choice(n, len(movers), replace=False)))) for _ in range(_DRAWS)]
    least = max(LEAST_REGION, int(np.quantile(largest, 0.95, method="higher")) + 1)
    found = []
    for own in groups:
        if len(own) < least:
            continue
        first = own[np.argsort(moved.p_value[layer][own], kind="stable")][:_NAMED]
        texts = ", ".join(dict.fromkeys(_short(str(moved.points["text"].iloc[row])) for row in first))
        points = np.zeros(n, dtype=bool)
        points[own] = True
        more = " …" if len(own) > _NAMED else ""
        why = f"{len(own):,} movers next to each other in the base, where {least - 1:,} would lie so by chance"
        found.append(Lead(f"around {texts}{more}", why, points))
    return sorted(found, key=lambda one: -int(one.points.sum()))


def _groups(links: csr_array, rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Rows that hang together by links among them."""
    if not len(rows):
        return []
    _, group = connected_components(links[rows][:, rows], directed=False)
    return [rows[group == number] for number in np.unique(group)]


def _short(text: str) -> str:
    return text if len(text) <= 32 else f"{text[:31].rstrip()}…"
