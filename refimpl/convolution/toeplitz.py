"""The matrix of a convolution: doubly block Toeplitz with zero padding, doubly block circulant with circular padding.

Paper
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, section 4.1.

Equation
    matrix    vec(y) = T vec(x),   T[(o, i, j), (c, h, w)] = sum of weight[o, c, a, b] over s i + d a - p = h, s j + d b - p = w
              (with circular boundaries the two conditions hold modulo H and W)
"""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.convolution.geometry import output_size, pads, pair

__all__ = ["convolution_matrix"]


def convolution_matrix(
    weight: Tensor,
    size: tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | str = 0,
    dilation: int | tuple[int, int] = 1,
    circular: bool = False,
) -> Tensor:
    """The dense matrix T that maps a flattened image to its flattened convolution.

    Args:
        weight: ``(O, C, kH, kW)``.
        size: height and width of the image.
        stride, padding, dilation: as in ``conv2d``.
        circular: the image continues on its other side; otherwise it is surrounded by zeros.

    Returns:
        ``(O * Ho * Wo, C * H * W)``; with stride 1 and padding "same" it is square for O = C.
    """
    if weight.dim() != 4:
        raise ValueError(f"convolution_matrix: weight must have shape (O, C, kH, kW), got {tuple(weight.shape)}")
    o, c, *kernel = weight.shape
    stride, dilation = pair("stride", stride, 1), pair("dilation", dilation, 1)
    left, right, top, bottom = pads(padding, tuple(kernel), stride, dilation)
    vertical = _selection(size[0], kernel[0], stride[0], top, bottom, dilation[0], circular).to(weight)
    horizontal = _selection(size[1], kernel[1], stride[1], left, right, dilation[1], circular).to(weight)
    t = torch.einsum("ocab,iah,jbw->oijchw", weight, vertical, horizontal)
    return t.reshape(o * len(vertical) * len(horizontal), c * size[0] * size[1])


def _selection(length: int, kernel: int, stride: int, before: int, after: int, dilation: int, circular: bool) -> Tensor:
    """Which input position each tap sees at each output position along one axis: booleans, ``(N, kernel, length)``."""
    n = output_size(length + before + after, kernel, stride, 0, dilation)
    seen = stride * torch.arange(n)[:, None] + dilation * torch.arange(kernel) - before  # (N, kernel)
    return (seen % length if circular else seen)[..., None] == torch.arange(length)
