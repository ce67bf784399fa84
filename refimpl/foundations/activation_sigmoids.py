"""Steps and sigmoids: functions between two bounds, hard or smooth; formulas and papers in ``activations``."""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.foundations.elementwise import above_zero, differentiable, elementwise

__all__ = [
    "arctan",
    "hardsigmoid",
    "hardtanh",
    "isru",
    "lecun_tanh",
    "log_log",
    "penalized_tanh",
    "sigmoid",
    "sign",
    "softsign",
    "step",
    "symmetrical_sigmoid",
    "tanh",
]

LECUN_SCALE, LECUN_SLOPE = 1.7159, 2 / 3
"""Constants with f(1) = 1 and f(-1) = -1 up to rounding ("Efficient BackProp", section 4.4)."""


@elementwise
def step_derivative(input: Tensor) -> Tensor:
    return torch.zeros_like(input)


@differentiable(step_derivative)
def step(input: Tensor) -> Tensor:
    """0 below zero, 1 from zero on."""
    return (input >= 0).to(input.dtype)


@elementwise
def sign_derivative(input: Tensor) -> Tensor:
    return torch.zeros_like(input)


@differentiable(sign_derivative)
def sign(input: Tensor) -> Tensor:
    """-1 below zero, 0 at zero, 1 above."""
    return input.sign()


@elementwise
def sigmoid_derivative(input: Tensor) -> Tensor:
    return torch.sigmoid(input) * torch.sigmoid(-input)


@differentiable(sigmoid_derivative)
def sigmoid(input: Tensor) -> Tensor:
    """The logistic function, from 0 to 1."""
    return torch.sigmoid(input)


@elementwise
def hardsigmoid_derivative(input: Tensor, slope: float = 1 / 6) -> Tensor:
    return ((slope * input).abs() < 0.5) * torch.full_like(input, slope)


@differentiable(hardsigmoid_derivative)
def hardsigmoid(input: Tensor, slope: float = 1 / 6) -> Tensor:
    """A line clipped to [0, 1].

    Args:
        slope: 1/6 as in PyTorch and MobileNetV3; 0.2 in Theano and Keras 2; 0.5 in BinaryConnect.
    """
    if not slope > 0:
        raise ValueError(f"hardsigmoid: slope must be positive, got {slope}")
    return (slope * input + 0.5).clamp(0, 1)


@elementwise
def tanh_derivative(input: Tensor) -> Tensor:
    return 4 * sigmoid_derivative(2 * input)


@differentiable(tanh_derivative)
def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent, from -1 to 1."""
    return input.tanh()


@elementwise
def lecun_tanh_derivative(input: Tensor) -> Tensor:
    return LECUN_SCALE * LECUN_SLOPE * tanh_derivative(LECUN_SLOPE * input)


@differentiable(lecun_tanh_derivative)
def lecun_tanh(input: Tensor) -> Tensor:
    """tanh stretched so that targets of -1 and 1 lie where its curvature is largest."""
    return LECUN_SCALE * (LECUN_SLOPE * input).tanh()


@elementwise
def penalized_tanh_derivative(input: Tensor, alpha: float = 0.25) -> Tensor:
    slope = tanh_derivative(input)
    return torch.where(input > 0, slope, alpha * slope)


@differentiable(penalized_tanh_derivative)
def penalized_tanh(input: Tensor, alpha: float = 0.25) -> Tensor:
    """tanh, multiplied by ``alpha`` below zero."""
    y = input.tanh()
    return torch.add(y.clamp_min(0), y.clamp_max(0), alpha=alpha)


@elementwise
def hardtanh_derivative(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    return above_zero((input - min_val) * (max_val - input))


@differentiable(hardtanh_derivative)
def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """The input clipped to ``[min_val, max_val]``."""
    if not min_val < max_val:
        raise ValueError(f"hardtanh: min_val must be below max_val, got {min_val} and {max_val}")
    return input.clamp(min_val, max_val)


@elementwise
def symmetrical_sigmoid_derivative(input: Tensor) -> Tensor:
    return 2 * sigmoid_derivative(input)


@differentiable(symmetrical_sigmoid_derivative)
def symmetrical_sigmoid(input: Tensor) -> Tensor:
    """The logistic function stretched to run from -1 to 1: tanh of half the input."""
    return (input / 2).tanh()


@elementwise
def arctan_derivative(input: Tensor) -> Tensor:
    return (input.square() + 1).reciprocal()


@differentiable(arctan_derivative)
def arctan(input: Tensor) -> Tensor:
    """The inverse tangent, from -pi/2 to pi/2."""
    return input.atan()


@elementwise
def softsign_derivative(input: Tensor) -> Tensor:
    return (input.abs() + 1).square().reciprocal()


@differentiable(softsign_derivative)
def softsign(input: Tensor) -> Tensor:
    """Algebraic approach to -1 and 1, as slow as 1 / x."""
    return input / (input.abs() + 1)


@elementwise
def isru_derivative(input: Tensor, alpha: float = 1.0) -> Tensor:
    return (1 + alpha * input.square()).rsqrt() ** 3


@differentiable(isru_derivative)
def isru(input: Tensor, alpha: float = 1.0) -> Tensor:
    """The input over ``sqrt(1 + alpha x^2)``, from ``-1 / sqrt(alpha)`` to ``1 / sqrt(alpha)``."""
    if not alpha > 0:
        raise ValueError(f"isru: alpha must be positive, got {alpha}")
    return input * (1 + alpha * input.square()).rsqrt()


@elementwise
def log_log_derivative(input: Tensor) -> Tensor:
    return (input - input.exp()).exp()


@differentiable(log_log_derivative)
def log_log(input: Tensor) -> Tensor:
    """The complementary log-log function: from 0, slowly, to 1, fast."""
    return -torch.expm1(-input.exp())
