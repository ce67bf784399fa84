"""Bicubic interpolation: each new pixel from 4 x 4 old ones, by one product with a matrix of weights along each axis.

Paper
    Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE Trans. ASSP 29, 1981.

Equation (t distance in pixels)
    bicubic   u(t) = (a + 2)|t|^3 - (a + 3)|t|^2 + 1 for |t| <= 1,   a|t|^3 - 5a|t|^2 + 8a|t| - 4a for 1 < |t| < 2,   else 0
"""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.convolution.windows import raised

__all__ = ["bicubic"]


def bicubic(input: Tensor, size: tuple[int, int], a: float = -0.75, antialias: bool = False) -> Tensor:
    """Resize images; ``torch.nn.functional.interpolate(mode="bicubic")`` takes a = -0.75, and -0.5 with ``antialias``.

    Args:
        input: ``(..., H, W)``.
        size: new height and width.
        a: slope of the kernel at distance 1.
        antialias: widen the kernel when the image gets smaller, so that every old pixel counts.

    Returns:
        ``(..., *size)``.
    """
    if input.dim() < 2 or 0 in input.shape[-2:] or not input.is_floating_point():
        raise ValueError(f"bicubic: input must be floating point (..., H, W), got {input.dtype} of shape {tuple(input.shape)}")
    if min(size) < 1:
        raise ValueError(f"bicubic: size must be positive, got {tuple(size)}")
    x = raised(input)
    rows, columns = (_weights(old, new, a, antialias, x) for old, new in zip(x.shape[-2:], size, strict=True))
    return (rows @ x @ columns.T).to(input.dtype)


def _weights(old: int, new: int, a: float, antialias: bool, like: Tensor) -> Tensor:
    """Share of each old pixel in each new one, ``(new, old)``; pixels beyond the border repeat it, or drop out with ``antialias``."""
    scale = old / new
    center = (torch.arange(new, device=like.device, dtype=torch.float64) + 0.5) * scale - 0.5
    if antialias:
        distance = (torch.arange(old, device=like.device) - center[:, None]) / max(scale, 1.0)
        weights = _kernel(distance, a)
        return (weights / weights.sum(1, keepdim=True)).to(like.dtype)
    near = center.floor()[:, None] + torch.arange(-1, 3, device=like.device)  # (new, 4)
    weights = center.new_zeros(new, old)
    return weights.scatter_add(1, near.long().clamp(0, old - 1), _kernel(near - center[:, None], a)).to(like.dtype)


def _kernel(t: Tensor, a: float) -> Tensor:
    t = t.abs()
    inner = ((a + 2) * t - (a + 3)) * t * t + 1
    outer = ((t - 5) * t + 8) * t * a - 4 * a
    return torch.where(t <= 1, inner, torch.where(t < 2, outer, 0.0))
