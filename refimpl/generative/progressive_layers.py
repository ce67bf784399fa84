r"""What progressive growing adds to a GAN's layers: pixel norm, equalized learning rates, minibatch deviation, fading.

Paper
    Karras, Aila, Laine and Lehtinen, "Progressive Growing of GANs for Improved Quality, Stability, and Variation",
    ICLR 2018, arXiv:1710.10196. Section 2 (fading), 3 (minibatch deviation), 4.1 (equalized rates), 4.2 (pixel norm).

Equations (x features, (N, C, H, W); w stored weights from N(0, 1), fan_in inputs of each output)
    progressive-gan-pixel-norm  y = x / sqrt(mean_C x^2 + epsilon),   pixel by pixel
    progressive-gan-equalized   W = w gain / sqrt(fan_in),   gain sqrt(2) before a (leaky) ReLU, else 1
    progressive-gan-deviation   s = mean over C, H, W of sqrt(var_N x + epsilon), appended as a map of its own
    progressive-gan-fade        y = (1 - alpha) old + alpha new
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["EqualizedConv2d", "EqualizedLinear", "fade", "minibatch_deviation", "pixel_norm"]


def pixel_norm(x: Tensor, eps: float = 1e-8) -> Tensor:
    """Divide each pixel's features by their root mean square, ``(N, C, ...)`` to the same; bfloat16 and float16 in float32.

    Raises:
        ValueError: there is no dimension of features.
    """
    if x.dim() < 2 or not x.is_floating_point():
        raise ValueError(f"pixel_norm: x must be floating point (N, C, ...), got {x.dtype} of shape {tuple(x.shape)}")
    wide = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
    return (wide * torch.rsqrt(wide.square().mean(1, keepdim=True) + eps)).to(x.dtype)


def minibatch_deviation(x: Tensor, eps: float = 1e-8) -> Tensor:
    """Append a map that holds one number everywhere, how much the examples differ: ``(N, C, H, W)`` to ``(N, C + 1, H, W)``.

    Raises:
        ValueError: the shape or dtype does not fit, or there is no example.
    """
    if x.dim() != 4 or not x.is_floating_point() or not len(x):
        raise ValueError(f"minibatch_deviation: x must be floating point (N, C, H, W) with N > 0, got {x.dtype} of shape {tuple(x.shape)}")
    wide = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
    spread = (wide.var(0, correction=0) + eps).sqrt().mean()
    return torch.cat([x, spread.to(x.dtype).expand(len(x), 1, *x.shape[2:])], 1)


def fade(old: Tensor, new: Tensor, alpha: float) -> Tensor:
    """From ``old`` at ``alpha`` = 0 to ``new`` at 1.

    Raises:
        ValueError: ``alpha`` lies outside [0, 1].
    """
    if not 0.0 <= alpha <= 1.0:
        raise ValueError(f"fade: alpha must lie in [0, 1], got {alpha}")
    return torch.lerp(old, new, alpha)


class _Equalized(nn.Module):
    """Weights from N(0, 1), scaled at each use, so that optimizers with steps of one size change all layers alike."""

    def __init__(self, shape: tuple[int, ...], gain: float, device: torch.device | str | None, dtype: torch.dtype | None) -> None:
        super().__init__()
        name = type(self).__name__
        if min(shape) < 1:
            raise ValueError(f"{name}: expected positive sizes, got weight of shape {shape}")
        if not gain > 0.0:
            raise ValueError(f"{name}: gain must be positive, got {gain}")
        self.gain, self.scale = gain, gain / math.sqrt(math.prod(shape[1:]))
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(shape[0], device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Standard normal weights, zero biases."""
        nn.init.normal_(self.weight)
        nn.init.zeros_(self.bias)


class EqualizedLinear(_Equalized):
    """A linear layer with an equalized learning rate, ``(..., in_features)`` to ``(..., out_features)``."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        gain: float = math.sqrt(2),
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__((out_features, in_features), gain, device, dtype)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}, gain={self.gain:g}"


class EqualizedConv2d(_Equalized):
    """A convolution with an equalized learning rate, ``(N, in_channels, H, W)`` to ``(N, out_channels, ...)``."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        padding: int = 0,
        gain: float = math.sqrt(2),
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__((out_channels, in_channels, kernel_size, kernel_size), gain, device, dtype)
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)

    def extra_repr(self) -> str:
        outputs, inputs, kernel, _ = self.weight.shape
        return f"{inputs}, {outputs}, kernel_size={kernel}, padding={self.padding}, gain={self.gain:g}"
