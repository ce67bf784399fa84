"""Rectifiers: linear on the right, and cut, bent or curved on the left; formulas and papers in ``activations``."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from refimpl.foundations.elementwise import above_zero, differentiable, elementwise

__all__ = [
    "absolute",
    "celu",
    "elu",
    "identity",
    "isrlu",
    "leaky_relu",
    "prelu",
    "relu",
    "relu6",
    "rrelu",
    "rrelu_slopes",
    "selu",
    "squared_relu",
    "srelu",
]

SELU_ALPHA = 1.6732632423543772848170429916717
"""alpha of SELU: with ``SELU_SCALE``, zero mean and unit variance are a fixed point (arXiv:1706.02515, equation 14)."""

SELU_SCALE = 1.0507009873554804934193349852946
"""lambda of SELU, its slope on the right."""


@elementwise
def identity_derivative(input: Tensor) -> Tensor:
    return torch.ones_like(input)


@differentiable(identity_derivative)
def identity(input: Tensor) -> Tensor:
    """The input, copied."""
    return input.clone()


@elementwise
def relu_derivative(input: Tensor) -> Tensor:
    return above_zero(input)


@differentiable(relu_derivative, of_output=True)
def relu(input: Tensor) -> Tensor:
    """Zero below zero, the input above."""
    return input.clamp_min(0)


@elementwise
def relu6_derivative(input: Tensor) -> Tensor:
    return above_zero(input * (6 - input))


@differentiable(relu6_derivative)
def relu6(input: Tensor) -> Tensor:
    """ReLU cut off at 6."""
    return input.clamp(0, 6)


@elementwise
def leaky_relu_derivative(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    return above_zero(input).mul_(1 - negative_slope).add_(negative_slope)


@differentiable(leaky_relu_derivative)
def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Slope ``negative_slope`` below zero, 1 above."""
    return input.clamp_min(0).add_(input.clamp_max(0), alpha=negative_slope)


@elementwise
def _below_zero_derivative(input: Tensor) -> Tensor:
    return 1 - above_zero(input)


@differentiable(_below_zero_derivative)
def _below_zero(input: Tensor) -> Tensor:
    return input.clamp_max(0)


@elementwise
def prelu_derivative(input: Tensor, weight: Tensor | float = 0.25) -> Tensor:
    return torch.ones_like(input).where(input > 0, _per_channel("prelu", "weight", weight, input))


@elementwise
def prelu(input: Tensor, weight: Tensor | float = 0.25) -> Tensor:
    """Leaky ReLU whose slope below zero is learned: ``weight`` is one number or one a channel, ``(C,)``.

    The channels of the input are its second dimension; an input of fewer dimensions has one channel.
    """
    return relu(input) + _per_channel("prelu", "weight", weight, input) * _below_zero(input)


def rrelu_slopes(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, *, generator: Generator | None = None) -> Tensor:
    """One slope for each element, uniform between the bounds: what ``rrelu`` draws when training."""
    if not lower <= upper:
        raise ValueError(f"rrelu: lower must not exceed upper, got lower {lower} and upper {upper}")
    return torch.rand(input.shape, generator=generator, dtype=input.dtype, device=input.device) * (upper - lower) + lower


@elementwise
def rrelu_derivative(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3) -> Tensor:
    return leaky_relu_derivative(input, (lower + upper) / 2)


@elementwise
def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Leaky ReLU whose slope is drawn for each element when training, and is ``(lower + upper) / 2`` when not."""
    slopes = rrelu_slopes(input, lower, upper, generator=generator) if training else (lower + upper) / 2
    return relu(input) + slopes * _below_zero(input)


@elementwise
def elu_derivative(input: Tensor, alpha: float = 1.0) -> Tensor:
    return torch.add(above_zero(input).mul_(1 - alpha), input.clamp_max(0).exp(), alpha=alpha)


@differentiable(elu_derivative)
def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Exponential approach to ``-alpha`` below zero."""
    return input.clamp_min(0).add_(input.clamp_max(0).expm1_(), alpha=alpha)


@elementwise
def selu_derivative(input: Tensor) -> Tensor:
    return SELU_SCALE * elu_derivative(input, SELU_ALPHA)


@differentiable(selu_derivative)
def selu(input: Tensor) -> Tensor:
    """ELU scaled so that layers of standardized units stay standardized."""
    return SELU_SCALE * elu(input, SELU_ALPHA)


@elementwise
def celu_derivative(input: Tensor, alpha: float = 1.0) -> Tensor:
    return (input.clamp_max(0) / alpha).exp()


@differentiable(celu_derivative)
def celu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """ELU with its argument divided by ``alpha``, so that the slope at zero is 1 for every ``alpha`` above 0."""
    if not alpha > 0:
        raise ValueError(f"celu: alpha must be positive, got {alpha}")
    return torch.add(input.clamp_min(0), (input.clamp_max(0) / alpha).expm1(), alpha=alpha)


@elementwise
def isrlu_derivative(input: Tensor, alpha: float = 1.0) -> Tensor:
    return (1 + alpha * input.clamp_max(0).square()).rsqrt() ** 3


@differentiable(isrlu_derivative)
def isrlu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Algebraic approach to ``-1 / sqrt(alpha)`` below zero."""
    if not alpha > 0:
        raise ValueError(f"isrlu: alpha must be positive, got {alpha}")
    return input * (1 + alpha * input.clamp_max(0).square()).rsqrt()


@elementwise
def srelu_derivative(
    input: Tensor,
    t_left: Tensor | float = -1.0,
    a_left: Tensor | float = 0.2,
    t_right: Tensor | float = 1.0,
    a_right: Tensor | float = 0.2,
) -> Tensor:
    t_l, a_l, t_r, a_r = _srelu_parameters(input, t_left=t_left, a_left=a_left, t_right=t_right, a_right=a_right)
    return torch.ones_like(input).where(input > t_l, a_l).where(input < t_r, a_r)


@elementwise
def srelu(
    input: Tensor,
    t_left: Tensor | float = -1.0,
    a_left: Tensor | float = 0.2,
    t_right: Tensor | float = 1.0,
    a_right: Tensor | float = 0.2,
) -> Tensor:
    """Slope 1 between two thresholds, ``a_left`` and ``a_right`` beyond them; each a number or ``(C,)``, learned."""
    t_l, a_l, t_r, a_r = _srelu_parameters(input, t_left=t_left, a_left=a_left, t_right=t_right, a_right=a_right)
    left, right = t_l + a_l * (input - t_l), t_r + a_r * (input - t_r)
    return input.where(input > t_l, left).where(input < t_r, right)


def _srelu_parameters(input: Tensor, **named: Tensor | float) -> list[Tensor | float]:
    return [_per_channel("srelu", name, value, input) for name, value in named.items()]


@elementwise
def absolute_derivative(input: Tensor) -> Tensor:
    return input.sign()


@differentiable(absolute_derivative)
def absolute(input: Tensor) -> Tensor:
    """The magnitude."""
    return input.abs()


@elementwise
def squared_relu_derivative(input: Tensor) -> Tensor:
    return 2 * input.clamp_min(0)


@differentiable(squared_relu_derivative)
def squared_relu(input: Tensor) -> Tensor:
    """The square of ReLU."""
    return input.clamp_min(0).square()


def _per_channel(function: str, name: str, value: Tensor | float, input: Tensor) -> Tensor | float:
    """``(C,)`` to ``(C, 1, ...)``, so that it broadcasts over the second dimension of ``input``."""
    if not isinstance(value, Tensor) or value.numel() == 1:
        return value.to(input.dtype).view(()) if isinstance(value, Tensor) else value
    channels = input.shape[1] if input.dim() > 1 else 1
    if value.shape != (channels,):
        raise ValueError(
            f"{function}: {name} must be one number or one for each of {channels} channels of input {tuple(input.shape)}, "
            f"got shape {tuple(value.shape)}"
        )
    return value.to(input.dtype).view(-1, *(1,) * (input.dim() - 2))
