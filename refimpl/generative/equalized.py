r"""Layers of progressive growing: equal learning rates, features of one length, and the spread of a batch as a feature.

Paper
    Karras, Aila, Laine and Lehtinen, "Progressive Growing of GANs for Improved Quality, Stability, and Variation", ICLR 2018,
    arXiv:1710.10196, sections 3 (spread of the batch), 4.1 (equal rates) and 4.2 (pixel norm).

Equations (a, b features of one pixel, N channels; W of N(0, 1); fan_in inputs of a unit)
    pixel-norm    b = a / sqrt(1 / N sum_j (a^j)^2 + eps)
    equalized     y = (gain / sqrt(fan_in)) W x + bias:  He's scale at run time, so that Adam moves all weights at one pace
    spread        s = mean over channels and pixels of the standard deviation over the batch, a further channel of value s

Deviations from the paper
    1. The standard deviation is sqrt(variance + 1e-8), the variance biased, so that its gradient exists for equal examples.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["EqualizedConv2d", "EqualizedLinear", "minibatch_std", "pixel_norm"]

HE = 2**0.5


def pixel_norm(input: Tensor, eps: float = 1e-8) -> Tensor:
    """Each feature vector divided by its root mean square: ``(N, C, ...)`` to the same.

    Raises:
        ValueError: the input has fewer than two dimensions, or eps is negative.
    """
    if input.dim() < 2:
        raise ValueError(f"pixel_norm: input must be (N, C, ...), got shape {tuple(input.shape)}")
    if not eps >= 0.0:
        raise ValueError(f"pixel_norm: eps must be non-negative, got {eps}")
    wide = input.float() if input.dtype in (torch.bfloat16, torch.float16) else input
    return (wide * torch.rsqrt(wide.square().mean(1, keepdim=True) + eps)).to(input.dtype)


def minibatch_std(input: Tensor) -> Tensor:
    """The input ``(N, C, H, W)`` with a further channel that holds the mean spread of the batch: ``(N, C + 1, H, W)``.

    Raises:
        ValueError: the input has another number of dimensions, or no example.
    """
    if input.dim() != 4 or len(input) == 0:
        raise ValueError(f"minibatch_std: input must be (N, C, H, W) with N > 0, got shape {tuple(input.shape)}")
    spread = (input.var(0, correction=0) + 1e-8).sqrt().mean()
    return torch.cat((input, spread.expand(len(input), 1, *input.shape[2:])), 1)


class EqualizedConv2d(nn.Module):
    """Convolution whose weights are drawn from N(0, 1) and scaled at run time.

    Args:
        in_channels, out_channels, kernel_size, padding: as in ``torch.nn.Conv2d``.
        gain: sqrt(2), He's for rectifiers, or 1 where none follows.

    Shape: ``(N, C, H, W)`` to ``(N, O, Ho, Wo)``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        padding: int = 0,
        gain: float = HE,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if min(in_channels, out_channels, kernel_size) < 1:
            raise ValueError(f"EqualizedConv2d: sizes must be positive, got {in_channels}, {out_channels} and {kernel_size}")
        super().__init__()
        new = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size, **new))
        self.bias = nn.Parameter(torch.zeros(out_channels, **new))
        self.padding, self.scale = padding, gain / math.sqrt(in_channels * kernel_size**2)

    def forward(self, input: Tensor) -> Tensor:
        return F.conv2d(input, self.scale * self.weight, self.bias, padding=self.padding)


class EqualizedLinear(nn.Module):
    """Linear layer of the same kind: ``(..., D)`` to ``(..., O)``."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        gain: float = HE,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if min(in_features, out_features) < 1:
            raise ValueError(f"EqualizedLinear: sizes must be positive, got {in_features} and {out_features}")
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(out_features, device=device, dtype=dtype))
        self.scale = gain / math.sqrt(in_features)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.scale * self.weight, self.bias)
