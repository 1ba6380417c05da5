"""Do two heads say the same, do two series of scores go together?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import NotEnoughData, ShapeError

_SUM = 1e-6


@dataclass(frozen=True)
class PairedScores:
    """How two series of scores of the same things go together."""

    spearman: float
    """Rank correlation, -1 to 1."""
    spearman_p: float
    """Two-sided, that scores without anything in common would agree or disagree so far; by Student's t."""
    pearson: float
    """Linear correlation, -1 to 1."""
    pearson_p: float
    """Likewise."""
    wilcoxon_p: float
    """Two-sided signed-rank test that neither is higher than the other; 1 where all are equal."""
    n: int
    """Pairs."""


def paired_scores(first: ArrayLike, second: ArrayLike) -> PairedScores:
    """Compare two series of scores, pair by pair.

    Args:
        first, second: real [n], of the same things in the same order.
    Raises:
        ShapeError: unequal lengths.
        NotEnoughData: fewer than 4 pairs, or a series that is constant.
    Source:
        Spearman (1904), Wilcoxon (1945); so did Tamkin et al. (2020) compare tasks over shuffles of blocks.
    """
    from scipy.stats import pearsonr, spearmanr, wilcoxon

    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    asked = "Comparing two series of scores."
    if one.shape != other.shape or one.ndim != 1:
        raise ShapeError(asked, f"{one.shape} and {other.shape}.", "Give one score of each a pair.")
    if len(one) < 4 or np.ptp(one) == 0 or np.ptp(other) == 0:
        raise NotEnoughData(asked, f"{len(one)} pairs, or scores all alike.", "Give 4 pairs or more that differ.")
    ranks, line = spearmanr(one, other), pearsonr(one, other)
    signed = 1.0 if (one == other).all() else float(wilcoxon(one, other).pvalue)
    return PairedScores(
        spearman=float(ranks.statistic),
        spearman_p=float(ranks.pvalue),
        pearson=float(line.statistic),
        pearson_p=float(line.pvalue),
        wilcoxon_p=signed,
        n=len(one),
    )


def divergence_bits(log_first: ArrayLike, log_second: ArrayLike) -> NDArray[np.float64]:
    """Kullback-Leibler divergence of the second answer from the first, row by row.

    Args:
        log_first: natural logarithms of probabilities, each row summing to 1 [n, k]; -inf where there is none.
        log_second: likewise.
    Returns:
        Bits [n], >= 0: 0 = the same answer with the same confidence; inf where the second rules out what the first allows.
        Not symmetric.
    Raises:
        ShapeError: unequal shapes, or rows that are no probabilities.
    Source:
        Kullback & Leibler (1951), doi 10.1214/aoms/1177729694.
    """
    one, other = np.asarray(log_first, dtype=np.float64), np.asarray(log_second, dtype=np.float64)
    asked = "Comparing two answers."
    if one.ndim != 2 or one.shape != other.shape:
        raise ShapeError(asked, f"Shapes {one.shape} and {other.shape}.", "Give the same rows and labels.")
    for side in (one, other):
        if np.isnan(side).any() or (np.abs(np.exp(side).sum(axis=1) - 1) > _SUM).any():
            raise ShapeError(asked, "Some rows are no probabilities.", "Give logarithms of a softmax.")
    share = np.exp(one)
    with np.errstate(invalid="ignore"):  # nothing times a difference of infinities is nothing
        each = np.where(share > 0, share * (one - other), 0.0)
    return np.maximum(each.sum(axis=1) / np.log(2), 0.0)  # rounding only


def chance_agreement(first: ArrayLike, second: ArrayLike, n_labels: int) -> float:
    """How often two heads would agree if each kept its own shares of answers but drew them without looking.

    Args:
        first: answers as indices, int [n].
        second: likewise, of the same rows.
        n_labels: labels there are.
    Returns:
        0 to 1.
    Source:
        Cohen (1960), doi 10.1177/001316446002000104: the agreement expected by chance.
    """
    shares = [np.bincount(np.asarray(side), minlength=n_labels) / len(np.asarray(side)) for side in (first, second)]
    return float(shares[0] @ shares[1])
