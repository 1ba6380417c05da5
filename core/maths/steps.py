"""What a space did beside the steps that the weights below it took: both in measures that grow in proportion."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import ShapeError, SpecInvalid


def linear_loss(cka: ArrayLike) -> NDArray[np.float64]:
    """Root of 1 - CKA: twice the step, twice the loss, as long as steps are small; 1 - CKA itself would be four times as large.

    It never falls where CKA falls, so the ends of an interval of CKA are, the other way round, those of an interval of it.

    Args:
        cka: one or several; debiased ones may lie above 1.
    Returns:
        Of the same shape, 0 (the same space, or CKA of 1 and more) to 1 (unrelated); NaN stays NaN.
    Source:
        To second order in a change D of the centred Gram matrix K, 1 - CKA = (|D|^2 - <D, K>^2 / |K|^2) / (2 |K|^2).
    """
    return np.sqrt(np.maximum(1 - np.asarray(cka, dtype=np.float64), 0.0))


def accumulated(steps: ArrayLike) -> NDArray[np.float64]:
    """How far all steps up to and with each have come, as steps in unrelated directions add up: root of the sum of squares.

    Args:
        steps: relative change of the weights of each layer, the lowest first, 0 = untouched; NaN where a layer has none.
    Returns:
        Of the same length, never falling; a layer without a step leaves it as it was.
    Raises:
        ShapeError: not one row.
        SpecInvalid: a step below 0.
    """
    held = np.nan_to_num(np.asarray(steps, dtype=np.float64), nan=0.0)
    if held.ndim != 1:
        raise ShapeError("Adding up steps of weights.", f"Shape {held.shape}.", "Give one number a layer.")
    if (held < 0).any():
        raise SpecInvalid("Adding up steps of weights.", "Some are below 0.", "Give relative changes, 0 = untouched.")
    return np.sqrt(np.cumsum(held**2))
