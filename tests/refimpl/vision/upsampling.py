"""Transposed convolution for the oracles of segmentation networks, in torch and in NumPy by its definition."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F


def transposed(x, weight, bias=None, stride=2, padding=0):
    """Every pixel adds its multiple of the kernel: ``x`` (N, C, H, W), ``weight`` (C, O, k, k)."""
    if isinstance(x, torch.Tensor):
        return F.conv_transpose2d(x, weight, bias, stride, padding)
    k = weight.shape[2]
    y = np.zeros((len(x), weight.shape[1], *((n - 1) * stride + k for n in x.shape[2:])))
    for i, j in np.ndindex(x.shape[2:]):
        y[:, :, i * stride : i * stride + k, j * stride : j * stride + k] += np.einsum("nc,coab->noab", x[:, :, i, j], weight)
    y = y[:, :, padding : y.shape[2] - padding, padding : y.shape[3] - padding]
    return y if bias is None else y + bias[:, None, None]


def resized(x, height, width):
    """Interpolation to a size, with pixel centers at halves and the border's values beyond it: a hat over each pixel."""

    def hats(size, wanted):
        place = np.clip((np.arange(wanted) + 0.5) * size / wanted - 0.5, 0, size - 1)
        return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(size)))

    down, across = hats(x.shape[2], height), hats(x.shape[3], width)
    if isinstance(x, torch.Tensor):
        return torch.einsum("ia,ncab,jb->ncij", torch.from_numpy(down), x, torch.from_numpy(across))
    return np.einsum("ia,ncab,jb->ncij", down, x, across)


def bilinear(x, factor):
    """Interpolation with pixel centers at halves and zeros beyond the border, by its definition, from the four neighbors of each pixel."""
    n, c, height, width = x.shape
    rows = []
    for i in range(height * factor):
        for j in range(width * factor):
            u, v = (i + 0.5) / factor - 0.5, (j + 0.5) / factor - 0.5
            total = x[:, :, 0, 0] * 0
            for a in (int(np.floor(u)), int(np.floor(u)) + 1):
                for b in (int(np.floor(v)), int(np.floor(v)) + 1):
                    if 0 <= a < height and 0 <= b < width:
                        total = total + (1 - abs(u - a)) * (1 - abs(v - b)) * x[:, :, a, b]
            rows.append(total)
    stack = torch.stack if isinstance(x, torch.Tensor) else np.stack
    return stack(rows, -1).reshape(n, c, height * factor, width * factor)
