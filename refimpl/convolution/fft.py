"""Convolution by the fast Fourier transform: a product at each frequency instead of a sum over the taps.

Paper
    Mathieu, Henaff and LeCun, "Fast Training of Convolutional Networks through FFTs", ICLR 2014, arXiv:1312.5851.

Equation
    fft       y = F^-1( F(x) F(flip w) ),   w zero-filled to the size of x; the product is summed over c at each frequency
"""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.convolution.direct import direct
from refimpl.convolution.geometry import positions

__all__ = ["fft"]


def fft(x: Tensor, weight: Tensor, stride: tuple[int, int], dilation: tuple[int, int], groups: int) -> Tensor:
    """Circular convolution of size H x W with the flipped kernel, cut to the positions that do not wrap around.

    Args:
        x: input, already padded, ``(N, C, H, W)``.
        weight: ``(O, C / groups, kH, kW)``.

    Returns:
        ``(N, O, Ho, Wo)``.
    """
    positions(x, weight.shape[2:], stride, dilation)  # raises where the kernel does not fit; the transform would cut it
    if x.shape[0] == 0:  # the FFT library refuses an empty batch
        return direct(x, weight, stride, dilation, groups)
    (n, c, height, width), (o, _, kh, kw) = x.shape, weight.shape
    (sh, sw), (dh, dw) = stride, dilation
    reach_h, reach_w = dh * (kh - 1), dw * (kw - 1)
    spread = weight.new_zeros(o, c // groups, reach_h + 1, reach_w + 1)
    spread[..., ::dh, ::dw] = weight.flip(2, 3)
    x_hat = _frequencies_first(torch.fft.rfft2(x)).unflatten(-1, (groups, c // groups))  # (F, N, G, C/G), F = H (W/2+1)
    w_hat = _frequencies_first(torch.fft.rfft2(spread, s=(height, width))).unflatten(1, (groups, o // groups))  # (F, G, O/G, C/G)
    y_hat = w_hat @ x_hat.permute(0, 2, 3, 1)  # (F, G, O/G, N)
    y_hat = y_hat.flatten(1).t().view(o, n, height, width // 2 + 1)
    y = torch.fft.irfft2(y_hat, s=(height, width)).transpose(0, 1)  # (N, O, H, W)
    return y[:, :, reach_h::sh, reach_w::sw].contiguous()


def _frequencies_first(t: Tensor) -> Tensor:
    """``(A, B, H, W)`` to ``(H W, A, B)``, contiguous: one matrix a frequency, for the products over the channels."""
    return t.flatten(2).flatten(0, 1).t().contiguous().unflatten(1, t.shape[:2])
