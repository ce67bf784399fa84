"""What every loss shares: its reduction and the checks of its tensors."""

from __future__ import annotations

from torch import Tensor

from refimpl.foundations.softmax_cross_entropy import REDUCTIONS

__all__ = ["check_same", "reduce"]


def reduce(function: str, loss: Tensor, reduction: str) -> Tensor:
    """The losses themselves ("none"), their "mean" or their "sum".

    Raises:
        ValueError: another reduction, in the name of ``function``.
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f"{function}: reduction must be one of {', '.join(REDUCTIONS)}, got {reduction!r}")
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()


def check_same(function: str, **tensors: Tensor) -> None:
    """Raise a ``ValueError`` unless all tensors are floating point and have the shape of the first."""
    (first, model), *_ = tensors.items()
    for name, value in tensors.items():
        if not value.is_floating_point():
            raise ValueError(f"{function}: {name} must be floating point, got {value.dtype}")
        if value.shape != model.shape:
            raise ValueError(f"{function}: {name} must have the shape of {first} {tuple(model.shape)}, got {tuple(value.shape)}")
