"""Convolution by the fast Fourier transform: a product at each frequency instead of a sum over the taps.

Paper
    Mathieu, Henaff and LeCun, "Fast Training of Convolutional Networks through FFTs", ICLR 2014, arXiv:1312.5851.

Equation
    fft       y = F^-1( F(x) conj(F(w)) ),   w zero-filled to the size of x and summed over c at each frequency
"""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.convolution.geometry import output_size

__all__ = ["fft"]


def fft(x: Tensor, weight: Tensor, stride: tuple[int, int], dilation: tuple[int, int], groups: int) -> Tensor:
    """Circular correlation of size H x W, cut to the positions that do not wrap around.

    Args:
        x: input, already padded, ``(N, C, H, W)``.
        weight: ``(O, C / groups, kH, kW)``.

    Returns:
        ``(N, O, Ho, Wo)``.
    """
    (n, c, height, width), (o, _, kh, kw) = x.shape, weight.shape
    (sh, sw), (dh, dw) = stride, dilation
    ho, wo = output_size(height, kh, sh, 0, dh), output_size(width, kw, sw, 0, dw)
    spread = weight.new_zeros(o, c // groups, dh * (kh - 1) + 1, dw * (kw - 1) + 1)
    spread[..., ::dh, ::dw] = weight
    x_hat = torch.fft.rfft2(x).unflatten(1, (groups, c // groups))  # (N, G, C/G, H, W/2+1)
    w_hat = torch.fft.rfft2(spread, s=(height, width)).unflatten(0, (groups, o // groups))  # (G, O/G, C/G, H, W/2+1)
    y_hat = torch.einsum("ngchw,gochw->ngohw", x_hat, w_hat.conj())
    y = torch.fft.irfft2(y_hat, s=(height, width)).view(n, o, height, width)
    return y[:, :, ::sh, ::sw][:, :, :ho, :wo].contiguous()
