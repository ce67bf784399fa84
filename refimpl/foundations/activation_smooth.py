"""Smooth relatives of ReLU and of the identity; formulas and papers in ``activations``."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from refimpl.foundations.elementwise import differentiable, elementwise

__all__ = ["bent_identity", "gelu", "hardswish", "mish", "silu", "softplus", "squareplus"]

GELU_CUBIC = 0.044715
"""Coefficient of the cube in the tanh approximation of GELU (arXiv:1606.08415, section 2)."""

SQRT_2_OVER_PI = math.sqrt(2 / math.pi)


@elementwise
def softplus_derivative(input: Tensor, beta: float = 1.0) -> Tensor:
    return torch.sigmoid(beta * input)


@differentiable(softplus_derivative)
def softplus(input: Tensor, beta: float = 1.0) -> Tensor:
    """``log(1 + exp(beta x)) / beta``, which approaches ReLU as ``beta`` grows."""
    if not beta > 0:
        raise ValueError(f"softplus: beta must be positive, got {beta}")
    z = beta * input
    return z.abs().neg_().exp_().log1p_().add_(z.clamp_min(0)).div_(beta)


@elementwise
def squareplus_derivative(input: Tensor, b: float = 4.0) -> Tensor:
    return squareplus(input, b) * (input.square() + b).rsqrt()


@differentiable(squareplus_derivative)
def squareplus(input: Tensor, b: float = 4.0) -> Tensor:
    """An algebraic softplus: ``(x + sqrt(x^2 + b)) / 2``."""
    if not b > 0:
        raise ValueError(f"squareplus: b must be positive, got {b}")
    larger = (input.abs() + (input.square() + b).sqrt()) / 2
    return torch.where(input > 0, larger, b / (4 * larger))


@elementwise
def silu_derivative(input: Tensor, beta: float = 1.0) -> Tensor:
    z = beta * input
    gate = torch.sigmoid(z)
    return torch.addcmul(gate, z * gate, 1 - gate)


@differentiable(silu_derivative)
def silu(input: Tensor, beta: float = 1.0) -> Tensor:
    """The input times its own sigmoid gate; with ``beta`` other than 1 the Swish of Ramachandran and colleagues."""
    return input * torch.sigmoid(beta * input)


@elementwise
def hardswish_derivative(input: Tensor) -> Tensor:
    return torch.where(input >= 3, 1.0, torch.where(input <= -3, 0.0, input / 3 + 0.5))


@differentiable(hardswish_derivative)
def hardswish(input: Tensor) -> Tensor:
    """SiLU with its gate replaced by a clipped line."""
    return input * ((input + 3) / 6).clamp(0, 1)


@elementwise
def mish_derivative(input: Tensor) -> Tensor:
    gate = softplus(input).tanh()
    return gate + input * torch.sigmoid(input) * (1 - gate.square())


@differentiable(mish_derivative)
def mish(input: Tensor) -> Tensor:
    """The input times the tanh of its softplus."""
    return input * softplus(input).tanh()


@elementwise
def gelu_derivative(input: Tensor, approximate: str = "none") -> Tensor:
    if approximate == "none":
        return torch.addcmul(_normal_cdf(input), input, (input.square() * -0.5).exp(), value=SQRT_2_OVER_PI / 2)
    inner_slope = SQRT_2_OVER_PI * (1 + 3 * GELU_CUBIC * input.square())
    z = 2 * _gelu_inner(input)
    return torch.sigmoid(z) * (1 + 2 * input * torch.sigmoid(-z) * inner_slope)


@differentiable(gelu_derivative)
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """The input times the probability that a standard normal number lies below it.

    Args:
        approximate: "none" for the normal distribution function, "tanh" for the paper's approximation.
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate must be none or tanh, got {approximate!r}")
    return input * (_normal_cdf(input) if approximate == "none" else torch.sigmoid(2 * _gelu_inner(input)))


def _normal_cdf(x: Tensor) -> Tensor:
    return torch.special.erfc(x * -math.sqrt(0.5)) / 2


def _gelu_inner(x: Tensor) -> Tensor:
    return SQRT_2_OVER_PI * (x + GELU_CUBIC * x**3)


@elementwise
def bent_identity_derivative(input: Tensor) -> Tensor:
    return input * (input.square() + 1).rsqrt() / 2 + 1


@differentiable(bent_identity_derivative)
def bent_identity(input: Tensor) -> Tensor:
    """The identity plus half of ``sqrt(x^2 + 1) - 1``: slope 1/2 far left, 3/2 far right."""
    square = input.square()
    return input + square / (2 * ((square + 1).sqrt() + 1))
