"""Which rows lost more of their neighbours than the rows around them, beyond what other samples of rows would change."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError, SpecInvalid
from core.maths.exact_neighbours import exact_knn

NEIGHBOURS = 15
HALVES = 50
"""Random halves of the rows that the noise is taken from."""
_DEPTH = 6
"""Times k neighbours are sought, so that every half of the rows holds k of them."""
_ASKED = "Asking which rows moved."


def movers(
    X_base: ArrayLike,
    X_tuned: ArrayLike,
    *,
    k: int = NEIGHBOURS,
    null: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much more of its neighbourhood each row lost than the rows around it, and whether that is more than noise.

    A row's overlap is the share of its k nearest rows that are nearest on both sides. Whole regions of a space lose
    neighbours together, and rows in dense places lose them by small steps: so each row is held against its own k nearest
    rows in the base. The noise is what other rows to be neighbours with would change: the same difference among random
    halves of the rows.

    Args:
        X_base: activations of the base checkpoint [n_examples, n_dims], rows aligned with X_tuned; of unit length for
            neighbours by cosine.
        X_tuned: activations of the tuned checkpoint [n_examples, any width].
        k: neighbours of each row, the row itself not counted.
        null: overlaps that each row would have without the movement asked about [r, n_examples], r >= 2, as between runs
            that differ by their seed; in place of the rows around it.
        groups: group (sentence) of each row [n_examples]; halves hold whole groups. None = every row its own.
        seed: of the halves.
    Returns:
        (score [n_examples], p_value [n_examples]). score, -1 to 1: mean overlap of the rows around (or mean of the null) less
        the row's own; above 0 = lost more. p_value in (0, 1], one-sided, that a row like those around it scores as high; with
        a null the share of its draws as low, itself counted. Many rows are tested at once: correct for it.
    Raises:
        ShapeError: not two matrices with equal n_examples and finite values, or a null or groups of another length.
        SpecInvalid: k below 1.
        NotEnoughData: fewer than 4 k + 2 rows, fewer than 4 groups, or fewer than 2 draws.
    Cost:
        One search of neighbours a side, O(n_examples^2 * n_dims).
    """
    first, second = _checked(X_base, X_tuned, k)
    if null is not None:
        return _against(shared_share(*(nearest(side, k) for side in (first, second))), null)
    found = neighbourhoods(first, second, k=k, groups=groups, seed=seed)
    return found.around - found.overlap, found.p_value


@dataclass(frozen=True)
class Neighbourhoods:
    """What each row kept of its neighbours."""

    overlap: NDArray[np.float64]
    """Share of its k nearest rows that are nearest on both sides, 0 to 1 [n_examples]."""
    around: NDArray[np.float64]
    """Mean of the same over its k nearest rows in the base [n_examples]."""
    p_value: NDArray[np.float64]
    """That a row like those around it keeps as few, in (0, 1]; 0.5 where it keeps as many [n_examples]."""
    base: NDArray[np.int32]
    """Its nearest rows, nearest first [n_examples, k]."""
    tuned: NDArray[np.int32]
    """[n_examples, k]."""


def neighbourhoods(
    X_base: ArrayLike,
    X_tuned: ArrayLike,
    *,
    k: int = NEIGHBOURS,
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> Neighbourhoods:
    """What movers looks at, with the neighbours. Arguments, errors and cost as movers."""
    first, second = _checked(X_base, X_tuned, k)
    of_row = np.arange(len(first)) if groups is None else np.asarray(groups)
    if of_row.shape != (len(first),):
        raise ShapeError(_ASKED, f"{of_row.shape} groups of {len(first)} rows.", "Give one a row.")
    depth = min(len(first) - 1, _DEPTH * k)
    near = [nearest(side, depth) for side in (first, second)]
    base, tuned = (side[:, :k] for side in near)
    overlap, around = _kept(base, tuned)
    differences = []
    for is_in in _halves(of_row, seed):
        in_half, around_it = _kept(*(_first_inside(side, is_in, k) for side in near))
        differences.append(around_it - in_half)
    return Neighbourhoods(overlap, around, _p_values(around - overlap, np.stack(differences), k), base, tuned)


def _against(overlap: NDArray[np.float64], null: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    drawn = np.asarray(null, np.float64)
    if drawn.ndim != 2 or drawn.shape[1] != len(overlap) or not np.isfinite(drawn).all():
        raise ShapeError(_ASKED, f"A null {drawn.shape} of {len(overlap)} rows.", "Give shares [r, n].")
    if len(drawn) < 2:
        raise NotEnoughData(_ASKED, f"A null of {len(drawn)} draws.", "Give 2 or more.")
    as_low = (drawn <= overlap + 1e-9).sum(axis=0)
    return drawn.mean(axis=0) - overlap, (1 + as_low) / (1 + len(drawn))


def _halves(groups: ArrayLike, seed: int) -> list[NDArray[np.bool_]]:
    """Whether each row is in a half of the groups, for every half."""
    names, of_row = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 4:
        raise NotEnoughData(_ASKED, f"{len(names)} groups of rows.", "Give 4 sentences or more.")
    rng, chosen = np.random.default_rng(seed), np.zeros(len(names), bool)
    halves = []
    for _ in range(HALVES):
        chosen[:] = False
        chosen[rng.permutation(len(names))[: (len(names) + 1) // 2]] = True
        halves.append(chosen[of_row])
    return halves


def _first_inside(near: NDArray[np.int32], is_in: NDArray[np.bool_], k: int) -> NDArray[np.int32]:
    """Of each row's neighbours, nearest first, the first k inside a half [n, k].

    Raises:
        NotEnoughData: some row has fewer than k among those that were sought.
    """
    inside = is_in[near]
    chosen = inside & (np.cumsum(inside, axis=1) <= k)
    if (chosen.sum(axis=1) < k).any():
        raise NotEnoughData(
            _ASKED,
            f"Half of the groups hold fewer than {k} of a row's {near.shape[1]} nearest rows.",
            "Give more groups, or a smaller k.",
        )
    return near[chosen].reshape(len(near), k)


def _kept(base: NDArray[np.int32], tuned: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Overlap of each row, and the mean overlap of its neighbours in the base [n] each."""
    overlap = shared_share(base, tuned)
    return overlap, overlap[base].mean(axis=1)


def _p_values(score: NDArray[np.float64], halves: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """One-sided, of a score of 0 in truth, by a delete-half jackknife [n]."""
    from scipy.stats import t

    # A share of k neighbours is a rounded number: that much variance it has at least.
    variance = halves.var(axis=0, ddof=1) + (1 / k) ** 2 / 12
    return np.asarray(t.sf(score / np.sqrt(variance), df=len(halves) - 1), np.float64)


def nearest(X: NDArray[np.floating], k: int) -> NDArray[np.int32]:
    """The k nearest other rows of each row by Euclidean distance, nearest first [n, k]; of rows equally near, any."""
    return exact_knn(X, k + 1)[0][:, 1:]


def shared_share(first: NDArray[np.integer], second: NDArray[np.integer]) -> NDArray[np.float64]:
    """Share of each row's neighbours [n, k] that are its neighbours [n, k] on the other side too [n]."""
    # Sorted by row, what stands twice is shared: without a matrix of all pairs.
    both = np.sort(np.concatenate([first, second], axis=1), axis=1)
    shared: NDArray[np.float64] = (both[:, 1:] == both[:, :-1]).sum(axis=1) / first.shape[1]
    return shared


def _checked(X: ArrayLike, Y: ArrayLike, k: int) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    first, second = np.asarray(X), np.asarray(Y)
    if first.ndim != 2 or second.ndim != 2 or len(first) != len(second):
        raise ShapeError(_ASKED, f"Shapes {first.shape} and {second.shape}.", "Give the same rows on both sides.")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ShapeError(_ASKED, "Some values are not finite numbers.", "Look for overflow (float16).")
    if k < 1:
        raise SpecInvalid(_ASKED, f"{k} neighbours.", "Use 1 or more, like 15.")
    if len(first) < 4 * k + 2:
        raise NotEnoughData(
            _ASKED, f"{len(first)} rows, {k} neighbours.", f"Give {4 * k + 2} rows or more, or a smaller k."
        )
    return first, second
