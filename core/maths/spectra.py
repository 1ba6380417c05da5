"""What a change did to the singular directions of a weight matrix: stretched, turned, added, and how many it needs.

A matrix [n_out, n_in] writes its left singular vectors and reads its right ones, each pair with the strength of its
singular value. Signs of the vectors, and which of several of equal strength come first, mean nothing; nothing here
depends on them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import ShapeError, SpecInvalid

_ROUNDING = 1e-12
"""Of the largest singular value: what is below is zero but for rounding."""


@dataclass(frozen=True, kw_only=True)
class Factors:
    """Singular values and vectors of a matrix [n_out, n_in], r = the smaller of both."""

    left: NDArray[np.float64]
    """Directions it writes, orthonormal columns [n_out, r]."""
    values: NDArray[np.float64]
    """Their strengths, falling [r]."""
    right: NDArray[np.float64]
    """Directions it reads, orthonormal columns [n_in, r]."""


def decompose(W: ArrayLike) -> Factors:
    """Singular values and vectors.

    Args:
        W: [n_out, n_in].
    Raises:
        ShapeError: no matrix, an empty one, or values that are not finite.
    Cost:
        O(n_out * n_in * min(n_out, n_in)); 384 x 1536 takes 0.1 s on one core, 768 x 3072 half a second.
    """
    left, values, right = np.linalg.svd(_matrix(W, "Singular values of a matrix."), full_matrices=False)
    return Factors(left=left, values=values, right=right.T)


def singular_values(W: ArrayLike) -> NDArray[np.float64]:
    """Singular values alone, falling, in less than half the time. Raises as decompose."""
    values = np.linalg.svd(_matrix(W, "Singular values of a matrix."), compute_uv=False)
    return np.asarray(values, dtype=np.float64)


def spectrum_ratio(base: ArrayLike, tuned: ArrayLike) -> NDArray[np.float64]:
    """Each singular value of the tuned matrix over that of the same rank of the base.

    Args:
        base: singular values, falling [r]; tuned likewise.
    Returns:
        [r], >= 0, 1 = unchanged; NaN where that of the base is zero but for rounding.
    Raises:
        ShapeError: unequal lengths, or no falling values >= 0.
    """
    before, after = _spectrum(base), _spectrum(tuned)
    _same(before, after, "Comparing two spectra.")
    is_there = before > before[0] * _ROUNDING
    return np.divide(after, before, out=np.full(len(before), np.nan), where=is_there)


def scaling_share(base: ArrayLike, tuned: ArrayLike, change: float) -> float:
    """How much of a change only scales singular values, the rest being rotation of singular vectors.

    sum (tuned_i - base_i)^2 / ||W_tuned - W_base||_F^2. The least change that gives a matrix another spectrum leaves its
    vectors alone, so what is beyond it had to turn them. No vectors are matched: neither signs nor nearly equal values
    can disturb it.

    Args:
        base: all singular values, falling [r]; tuned likewise.
        change: Frobenius norm of tuned minus base.
    Returns:
        0 (rotation alone) to 1 (scaling alone); NaN where nothing changed. A small random change of an n_out x n_in
        matrix scores about 1 / max(n_out, n_in).
    Raises:
        ShapeError: unequal lengths, no spectra, or a change smaller than that of the spectra, which no two matrices have.
    Source:
        Mirsky (1960), Symmetric gauge functions and unitarily invariant norms, theorem 5; the question is He & Cao (2025).
    """
    before, after = _spectrum(base), _spectrum(tuned)
    _same(before, after, "Comparing two spectra.")
    scale = max(before[0], after[0])
    if not np.isfinite(change) or change < 0:
        raise ShapeError("The share of scaling in a change.", f"Its norm is {change}.", "Give the Frobenius norm.")
    if change <= scale * _ROUNDING:
        return float("nan")
    scaled = float(np.linalg.norm(after - before))
    if scaled > change * (1 + 1e-6) + scale * 1e-9:
        raise ShapeError(
            "The share of scaling in a change.",
            f"The spectra differ by {scaled:g}, the matrices by {change:g} only.",
            "Give spectra and norm of the same two matrices.",
        )
    return min((scaled / change) ** 2, 1.0)


def closest_cosines(base: ArrayLike, tuned: ArrayLike) -> NDArray[np.float64]:
    """|cosine| of each tuned singular vector with the base singular vector that is closest to it.

    Args:
        base: all singular vectors of one side of the base, orthonormal columns [n, r].
        tuned: some of those of the tuned matrix, unit columns [n, k].
    Returns:
        [k], 0 (at right angles to all) to 1 (one of them); an intruder is low.
    Raises:
        ShapeError: no matrices of equal height.
    Cost:
        O(n * r * k).
    Source:
        Shuttleworth et al. (2410.21228), algorithm 1, on the left vectors.
    """
    return cosines(base, tuned).max(axis=0)


def cosines(base: ArrayLike, tuned: ArrayLike) -> NDArray[np.float64]:
    """|cosine| of every base column with every tuned column [r, k], 0 to 1. Raises as closest_cosines."""
    first, second = _columns(base, tuned, "Comparing singular vectors.")
    return np.minimum(np.abs(first.T @ second), 1.0)


def count_intruders(closest: ArrayLike, thresholds: ArrayLike) -> NDArray[np.int64]:
    """Tuned singular vectors that resemble no base singular vector, at each threshold.

    Args:
        closest: of closest_cosines, those of the k strongest [k].
        thresholds: [t], 0 to 1.
    Returns:
        [t], 0 to k: vectors whose closest |cosine| is below the threshold; never falling with it.
    Raises:
        SpecInvalid: a threshold out of range.
    Source:
        Shuttleworth et al. (2410.21228), algorithm 1: k = 10 there, thresholds from 0.1 to 0.9.
    """
    best, limits = np.asarray(closest, dtype=np.float64), np.asarray(thresholds, dtype=np.float64)
    if ((limits < 0) | (limits > 1)).any() or not np.isfinite(limits).all():
        raise SpecInvalid("Counting intruder dimensions.", f"Thresholds {limits}.", "Use cosines from 0 to 1.")
    return (best[:, None] < limits[None, :]).sum(axis=0)


def principal_angles(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Angles between two subspaces: how far the strongest directions, taken together, have turned.

    As one subspace they may change places and mix among themselves, as those of nearly equal strength do at the
    smallest change, without having turned.

    Args:
        first: orthonormal columns [n, k]; second likewise.
    Returns:
        Radians, rising [k]: 0 = a direction that both hold, pi / 2 = one that the other has nothing of.
    Raises:
        ShapeError: unequal shapes, or columns that are not orthonormal.
    Cost:
        O(n * k^2).
    Source:
        Bjorck & Golub (1973): small angles by their sines, large ones by their cosines.
    """
    one, other = _columns(first, second, "Angles between two subspaces.")
    _same(one, other, "Angles between two subspaces.")
    for side in (one, other):
        if not np.allclose(side.T @ side, np.eye(side.shape[1]), atol=1e-6):
            raise ShapeError(
                "Angles between two subspaces.", "The columns are not orthonormal.", "Give singular vectors."
            )
    inside = one.T @ other
    cosine = np.linalg.svd(inside, compute_uv=False)
    sine = np.linalg.svd(other - one @ inside, compute_uv=False)[::-1]
    is_small = cosine**2 > 0.5
    return np.where(is_small, np.arcsin(np.minimum(sine, 1)), np.arccos(np.minimum(cosine, 1)))


def stable_rank(values: ArrayLike) -> float:
    """||D||_F^2 / ||D||_2^2: how many directions as strong as its strongest a matrix amounts to.

    Args:
        values: its singular values, falling [r].
    Returns:
        1 to r; 0 for a matrix of zeros.
    Raises:
        ShapeError: no falling values >= 0.
    Source:
        Rudelson & Vershynin (2007).
    """
    held = _spectrum(values)
    return float(np.sum((held / held[0]) ** 2)) if held[0] > 0 else 0.0


def entropy_rank(values: ArrayLike) -> float:
    """exp of the entropy of singular values as shares of their sum: how many directions share the change.

    Args, Raises: as stable_rank.
    Returns:
        1 to r; r where all are equal; 0 for a matrix of zeros.
    Source:
        Roy & Vetterli (2007), The effective rank.
    """
    held = _spectrum(values)
    if held[0] <= 0:
        return 0.0
    share = held / held.sum()
    share = share[share > 0]
    return float(np.exp(-np.sum(share * np.log(share))))


def energy_rank(values: ArrayLike, *, share: float = 0.9) -> int:
    """The fewest directions that hold a share of a matrix's energy, its squared Frobenius norm.

    Args:
        values: its singular values, falling [r].
        share: above 0, at most 1.
    Returns:
        1 to r; 0 for a matrix of zeros.
    Raises:
        ShapeError: no falling values >= 0. SpecInvalid: a share out of range.
    """
    if not 0 < share <= 1:
        raise SpecInvalid(f"The rank that holds {share} of the energy.", "Out of range.", "Use 0.9.")
    energy = energy_curve(values)
    return int(np.searchsorted(energy, share - _ROUNDING)) + 1 if energy[-1] > 0 else 0


def energy_curve(values: ArrayLike) -> NDArray[np.float64]:
    """Share of the energy in the strongest 1, 2, ... r directions [r], never falling, to 1; zeros for a matrix of zeros."""
    energy = np.cumsum(_spectrum(values) ** 2)
    return energy / energy[-1] if energy[-1] > 0 else energy


def energy_inside(change: ArrayLike, left: ArrayLike, right: ArrayLike) -> float:
    """Share of a change's energy that stays among some directions: reads from and writes to nothing else.

    Args:
        change: [n_out, n_in].
        left: directions written, orthonormal columns [n_out, k].
        right: directions read, orthonormal columns [n_in, k].
    Returns:
        ||left^T change right||_F^2 / ||change||_F^2, 0 to 1; NaN for a change of zeros. A random change scores about
        k^2 / (n_out * n_in).
    Raises:
        ShapeError: shapes that do not belong together.
    Source:
        Hu et al. (2022), LoRA, section 7.3, as a share.
    """
    D = _matrix(change, "The share of a change inside some directions.")
    U, V = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if U.ndim != 2 or V.ndim != 2 or D.shape != (len(U), len(V)):
        raise ShapeError(
            "The share of a change inside some directions.",
            f"Change {D.shape}, directions {U.shape} and {V.shape}.",
            "Give columns as long as the change is high and wide.",
        )
    total = float(np.sum(D**2))
    return min(float(np.sum((U.T @ D @ V) ** 2)) / total, 1.0) if total > 0 else float("nan")


def _matrix(W: ArrayLike, asked: str) -> NDArray[np.float64]:
    given = np.asarray(W, dtype=np.float64)
    if given.ndim != 2 or not given.size:
        raise ShapeError(asked, f"An array of shape {given.shape}.", "Give a matrix [n_out, n_in].")
    if not np.isfinite(given).all():
        raise ShapeError(asked, f"{int((~np.isfinite(given)).sum())} values are not finite.", "Look for overflow.")
    return given


def _spectrum(values: ArrayLike) -> NDArray[np.float64]:
    held = np.asarray(values, dtype=np.float64)
    is_one = held.ndim == 1 and held.size and np.isfinite(held).all()
    if not is_one or held[-1] < 0 or (np.diff(held) > 0).any():
        raise ShapeError(
            "Reading singular values.", "They are no falling list of numbers >= 0.", "Take them as they come."
        )
    return held


def _columns(first: ArrayLike, second: ArrayLike, asked: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 2 or other.ndim != 2 or len(one) != len(other) or not one.size or not other.size:
        raise ShapeError(asked, f"Shapes {one.shape} and {other.shape}.", "Give columns of one height.")
    return one, other


def _same(one: NDArray[np.float64], other: NDArray[np.float64], asked: str) -> None:
    if one.shape != other.shape:
        raise ShapeError(asked, f"Shapes {one.shape} and {other.shape}.", "Give as many of both.")
