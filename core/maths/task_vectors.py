"""Task vectors: what tunings of one base changed, as directions in the space of its weights."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import ShapeError


def inner_products(changes: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Inner product of every change with every other; those of several tensors add up to those of all their weights.

    Args:
        changes: tuned minus base of one tensor, one array a tuning, all of one shape.
    Returns:
        Symmetric [k, k], squared norms on the diagonal.
    Raises:
        ShapeError: no change, unequal shapes, or values that are not finite.
    Cost:
        O(k^2 * weights).
    """
    given = [np.asarray(change, dtype=np.float64) for change in changes]
    if not given or len({change.shape for change in given}) > 1:
        found = ", ".join(str(change.shape) for change in given) or "none"
        raise ShapeError("Comparing changes of a tensor.", f"Shapes: {found}.", "Give changes of one shape.")
    flat = np.stack([change.ravel() for change in given])
    if not np.isfinite(flat).all():
        raise ShapeError("Comparing changes of a tensor.", "Some are not finite.", "Look for overflow (float16).")
    return flat @ flat.T


def cosines_of(products: ArrayLike) -> NDArray[np.float64]:
    """Cosine of every change with every other.

    Args:
        products: of inner_products, or sums of them [..., k, k].
    Returns:
        [..., k, k], -1 (opposite) over 0 (unrelated) to 1 (same direction); NaN where a change is zero.
    Raises:
        ShapeError: not square.
    Source:
        Ilharco et al. (2023), Editing models with task arithmetic, figure 5.
    """
    gram = _square(products)
    return np.clip(_over_norms(gram, gram), -1.0, 1.0)


def chance_spread(products: ArrayLike, squares: ArrayLike) -> NDArray[np.float64]:
    """Standard deviation of each cosine were the signs of the weights' changes drawn at random, independently; its mean is 0.

    It is that of the changes at hand: weights that either left alone do not count, large changes count more. For changes of
    equal size in n weights it is 1 / sqrt(n), for two that share no weight 0. It is no more than a null of independent signs:
    weights that always move together spread further.

    Args:
        products: of inner_products, or sums of them [..., k, k].
        squares: the same of the squares of all changes.
    Returns:
        [..., k, k], 0 to 1: sqrt(sum a^2 b^2) / (|a| |b|); NaN where a change is zero.
    Raises:
        ShapeError: not square, or unequal shapes.
    """
    gram, held = _square(products), _square(squares)
    if gram.shape != held.shape:
        raise ShapeError("Cosines by chance.", f"Shapes {gram.shape} and {held.shape}.", "Give both of one shape.")
    return np.minimum(_over_norms(np.sqrt(held), gram), 1.0)


def _square(products: ArrayLike) -> NDArray[np.float64]:
    gram = np.asarray(products, dtype=np.float64)
    if gram.ndim < 2 or gram.shape[-1] != gram.shape[-2]:
        raise ShapeError("Cosines between changes.", f"Products of shape {gram.shape}.", "Give [..., k, k].")
    return gram


def _over_norms(values: NDArray[np.float64], gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of pairs over the product of their norms; NaN where one is zero."""
    norms = np.sqrt(np.diagonal(gram, axis1=-2, axis2=-1))
    scale = norms[..., :, None] * norms[..., None, :]
    return np.divide(values, scale, out=np.full(gram.shape, np.nan), where=scale > 0)
