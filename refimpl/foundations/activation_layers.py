"""Activations with a state: learned slopes and thresholds, random slopes, learned linear pieces."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.foundations.activation_rectifiers import prelu, rrelu, srelu

__all__ = ["Maxout", "PReLU", "RReLU", "SReLU", "maxout"]


def maxout(input: Tensor, pieces: int, dim: int = -1) -> Tensor:
    """The maximum of each group of ``pieces`` neighbors along ``dim``, which becomes that much shorter.

    Pieces that tie for the maximum share its gradient equally.
    """
    if not input.is_floating_point() or input.dim() == 0:
        raise ValueError(f"maxout: input must be floating point of one dimension or more, got {input.dtype} {tuple(input.shape)}")
    if pieces < 1 or input.shape[dim] % pieces:
        raise ValueError(f"maxout: pieces must divide dimension {dim} of input {tuple(input.shape)}, got {pieces}")
    dim = dim % input.dim()
    return input.unflatten(dim, (input.shape[dim] // pieces, pieces)).amax(dim + 1)  # (..., C k, ...) to (..., C, ...)


class PReLU(nn.Module):
    """Parametric ReLU as a layer; drops in for ``torch.nn.PReLU``.

    Args:
        num_parameters: 1, or the number of channels (second dimension of the input).
        init: initial slope below zero.
    """

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.num_parameters, self.init = _positive("PReLU", "num_parameters", num_parameters), init
        self.weight = nn.Parameter(torch.full((num_parameters,), init, device=device, dtype=dtype))

    def forward(self, input: Tensor) -> Tensor:
        return prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(nn.Module):
    """Randomized leaky ReLU as a layer: random slopes when training, their mean when not; drops in for ``torch.nn.RReLU``."""

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3) -> None:
        super().__init__()
        if not lower <= upper:
            raise ValueError(f"RReLU: lower must not exceed upper, got lower {lower} and upper {upper}")
        self.lower, self.upper = lower, upper

    def forward(self, input: Tensor) -> Tensor:
        return rrelu(input, self.lower, self.upper, self.training)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}"


class SReLU(nn.Module):
    """S-shaped rectified linear unit with two learned thresholds and two learned slopes a channel.

    Args:
        num_parameters: 1, or the number of channels (second dimension of the input).
        t_left, a_left, t_right, a_right: initial thresholds and outer slopes.
    """

    def __init__(
        self,
        num_parameters: int = 1,
        t_left: float = -1.0,
        a_left: float = 0.2,
        t_right: float = 1.0,
        a_right: float = 0.2,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not t_left <= t_right:
            raise ValueError(f"SReLU: t_left must not exceed t_right, got {t_left} and {t_right}")
        self.num_parameters = _positive("SReLU", "num_parameters", num_parameters)
        for name, value in (("t_left", t_left), ("a_left", a_left), ("t_right", t_right), ("a_right", a_right)):
            self.register_parameter(name, nn.Parameter(torch.full((num_parameters,), value, device=device, dtype=dtype)))

    def forward(self, input: Tensor) -> Tensor:
        return srelu(input, self.t_left, self.a_left, self.t_right, self.a_right)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class Maxout(nn.Module):
    """Maxout as a layer: each output is the largest of ``pieces`` affine functions of the input.

    Parameters ``weight`` ``(out_features * pieces, in_features)`` and ``bias``; the pieces of one output
    lie beside each other. Both start as in ``torch.nn.Linear``, uniform within ``1 / sqrt(in_features)``.

    Shape: ``(..., in_features)`` to ``(..., out_features)``.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        pieces: int = 2,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_features = _positive("Maxout", "in_features", in_features)
        self.out_features = _positive("Maxout", "out_features", out_features)
        self.pieces = _positive("Maxout", "pieces", pieces)
        self.weight = nn.Parameter(torch.empty(out_features * pieces, in_features, device=device, dtype=dtype))
        self.register_parameter("bias", nn.Parameter(torch.empty(out_features * pieces, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        bound = 1 / math.sqrt(self.in_features)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() == 0 or input.shape[-1] != self.in_features:
            raise ValueError(f"Maxout: input must have shape (..., {self.in_features}), got {tuple(input.shape)}")
        return maxout(F.linear(input, self.weight, self.bias), self.pieces)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, pieces={self.pieces}, bias={self.bias is not None}"


def _positive(layer: str, name: str, value: int) -> int:
    if value < 1:
        raise ValueError(f"{layer}: {name} must be positive, got {value}")
    return value
