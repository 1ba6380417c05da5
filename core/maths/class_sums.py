"""Sums of the rows of each class, in one reading of the rows by all cores."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_ADDED = 256
"""Rows of a class that are added up at once: many enough that the sums take little room, few enough that all cores have some."""


def class_sums(X: "Tensor", y: "Tensor", n_classes: int, weight: "Tensor | None" = None) -> "Tensor":
    """Sum of the rows of each class.

    Args:
        X: float32 [n, d].
        y: class of each row, int64 [n], 0 to n_classes - 1.
        weight: what a row counts, float32 [n]; each counts 1 without.
    Returns:
        Sums, float64 [n_classes, d]; 0 for a class without rows, not finite where a value is not, or a sum overflows. Up to
        256 rows are added in float32, these in float64.
    """
    import torch

    order, counts = y.argsort(stable=True), torch.bincount(y, minlength=n_classes)
    ends = counts.cumsum(0).tolist()
    parts = [torch.arange(end - count, end, _ADDED) for count, end in zip(counts.tolist(), ends, strict=True)]
    sums = torch.nn.functional.embedding_bag(
        order, X, torch.cat(parts), mode="sum", per_sample_weights=None if weight is None else weight[order]
    )
    return torch.stack([part.sum(dim=0, dtype=torch.float64) for part in sums.split([len(part) for part in parts])])
