"""How near a restored image is to the original: signal-to-noise ratio and structural similarity.

Paper
    Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility to Structural Similarity", IEEE Trans.
    Image Processing 13, 2004 (SSIM, window of 11 x 11 with a Gaussian of sigma 1.5).

Equations (m, v, c weighted mean, variance and covariance in a window, R range of the pixels)
    image-restoration-psnr   10 log10(R^2 / mean (x - y)^2)
    image-restoration-ssim   (2 m_x m_y + C1)(2 c_xy + C2) / ((m_x^2 + m_y^2 + C1)(v_x + v_y + C2)),   C1 = (0.01 R)^2, C2 = (0.03 R)^2
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from refimpl.convolution.windows import raised

__all__ = ["psnr", "ssim"]


def psnr(input: Tensor, target: Tensor, data_range: float = 1.0) -> Tensor:
    """Peak signal-to-noise ratio in decibels over all pixels; infinite for equal images."""
    x, y = _check("psnr", input, target, data_range, 1)
    return (10 * torch.log10(data_range**2 / (x - y).square().mean())).to(input.dtype)


def ssim(input: Tensor, target: Tensor, data_range: float = 1.0, window: int = 11, sigma: float = 1.5) -> Tensor:
    """Structural similarity, mean over all windows that lie in the image, channels and images; 1 for equal images.

    Args:
        input, target: ``(N, C, H, W)``.
        data_range: largest possible pixel less the smallest.
        window: side of the window.
        sigma: of its Gaussian weights.
    """
    x, y = _check("ssim", input, target, data_range, window)
    taps = torch.exp(-((torch.arange(window, device=x.device, dtype=x.dtype) - (window - 1) / 2) ** 2) / (2 * sigma**2))
    taps = taps / taps.sum()
    shift = y.mean()  # moments about a middle value do not cancel

    def average(v: Tensor) -> Tensor:
        flat = F.conv2d(v.flatten(0, 1)[:, None], taps.view(1, 1, -1, 1))
        return F.conv2d(flat, taps.view(1, 1, 1, -1))  # (N C, 1, H - window + 1, W - window + 1)

    dx, dy = x - shift, y - shift
    mx, my = average(dx), average(dy)
    spread = average(dx.square() + dy.square()) - mx.square() - my.square()
    together = average(dx * dy) - mx * my
    c1, c2, mx, my = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2, mx + shift, my + shift
    score = (2 * mx * my + c1) * (2 * together + c2) / ((mx.square() + my.square() + c1) * (spread + c2))
    return score.mean().to(input.dtype)


def _check(function: str, input: Tensor, target: Tensor, data_range: float, least: int) -> tuple[Tensor, Tensor]:
    if input.dim() != 4 or not input.is_floating_point() or not input.numel() or min(input.shape[2:]) < least:
        wanted = f"floating point (N, C, H, W) with H and W of at least {least}"
        raise ValueError(f"{function}: input must be {wanted}, got {input.dtype} of shape {tuple(input.shape)}")
    if target.shape != input.shape or target.dtype != input.dtype:
        wanted = f"{input.dtype} of shape {tuple(input.shape)}"
        raise ValueError(f"{function}: target must be {wanted}, got {target.dtype} of shape {tuple(target.shape)}")
    if not data_range > 0:
        raise ValueError(f"{function}: data_range must be positive, got {data_range}")
    return raised(input), raised(target)
