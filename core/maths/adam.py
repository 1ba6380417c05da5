"""Adam for stacked models, each with a rate of its own."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_BETAS, _EPSILON = (0.9, 0.999), 1e-8


def adam_step(
    value: "Tensor", gradient: "Tensor", mean: "Tensor", square: "Tensor", *, n_steps: int, rates: "Tensor"
) -> None:
    """Move values against their gradients, in place.

    Args:
        value: parameters of all models, the model in the first dimension.
        gradient: of the same shape.
        mean: running mean of gradients, changed in place; zeros at first.
        square: running mean of their squares, likewise.
        n_steps: this one included, from 1.
        rates: learning rates that spread over the shape of value; 0 = this model stands still.
    Source:
        Kingma & Ba (2015), arXiv 1412.6980, with the constants given there.
    """
    mean.lerp_(gradient, 1 - _BETAS[0])
    square.mul_(_BETAS[1]).addcmul_(gradient, gradient, value=1 - _BETAS[1])
    mean_share, square_share = (1 - beta**n_steps for beta in _BETAS)
    spread = square.sqrt().mul_(square_share**-0.5).add_(_EPSILON)
    value.addcdiv_(mean * (rates / mean_share), spread, value=-1)
