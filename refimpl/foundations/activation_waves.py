"""Bumps and waves: functions that rise and fall; formulas and papers in ``activations``."""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.foundations.elementwise import differentiable, elementwise

__all__ = ["cosine", "gaussian", "sinc", "sine"]

SERIES_BELOW = 0.5
"""Magnitude below which the derivative of sinc is summed as a power series."""


@elementwise
def gaussian_derivative(input: Tensor) -> Tensor:
    return -2 * input * gaussian(input)


@differentiable(gaussian_derivative)
def gaussian(input: Tensor) -> Tensor:
    """A bell of height 1 at zero."""
    return (-input.square()).exp()


@elementwise
def sine_derivative(input: Tensor) -> Tensor:
    return input.cos()


@differentiable(sine_derivative)
def sine(input: Tensor) -> Tensor:
    """The sinusoid."""
    return input.sin()


@elementwise
def cosine_derivative(input: Tensor) -> Tensor:
    return -input.sin()


@differentiable(cosine_derivative)
def cosine(input: Tensor) -> Tensor:
    """The cosine."""
    return input.cos()


@elementwise
def sinc_derivative(input: Tensor) -> Tensor:
    small = input.abs() < SERIES_BELOW
    x = input.where(~small, 1)
    series = _sinc_slope_series(input.clamp(-SERIES_BELOW, SERIES_BELOW))
    return torch.where(small, series, (x.cos() - x.sin() / x) / x)


@differentiable(sinc_derivative)
def sinc(input: Tensor) -> Tensor:
    """``sin(x) / x`` without a factor of pi, and 1 at zero."""
    return torch.where(input == 0, 1.0, input.sin() / input)


def _sinc_slope_series(x: Tensor) -> Tensor:
    """The sum over k from 1 to 6 of ``(-1)^k 2k x^(2k-1) / (2k+1)!``, to the last bit below ``SERIES_BELOW``."""
    square, term, total = x.square(), -x / 3, -x / 3
    for k in range(2, 7):
        term = term * -square / ((2 * k - 2) * (2 * k + 1))
        total = total + term
    return total
