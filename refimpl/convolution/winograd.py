"""Winograd convolution: 3x3 kernels with fewer multiplications, tile by tile.

Paper
    Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, arXiv:1509.09308, section 4.

Equation (tiles of m x m outputs need (m + 2) x (m + 2) inputs D)
    winograd  Y = A^T ((G w G^T) . (B^T D B)) A,   the product elementwise, summed over the channels
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from refimpl.convolution.geometry import positions

__all__ = ["TRANSFORMS", "winograd"]

TRANSFORMS = {
    2: (
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
        [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
        [[1, 1, 1, 0], [0, 1, -1, -1]],
    ),
    4: (
        [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]],
        [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]],
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    ),
}
"""B^T, G and A^T of F(m x m, 3 x 3) by the tile size m: 36 multiplications become 16 for m = 2, 144 become 36 for m = 4."""


def winograd(x: Tensor, weight: Tensor, stride: tuple[int, int], dilation: tuple[int, int], groups: int, tile: int = 2) -> Tensor:
    """Transform tiles and kernel, multiply at each of the (m + 2)^2 places, transform back.

    Args:
        x: input, already padded, ``(N, C, H, W)``.
        weight: ``(O, C / groups, 3, 3)``.
        tile: m, the height and width of a tile of the output: 2 or 4.

    Returns:
        ``(N, O, H - 2, W - 2)``.

    Raises:
        ValueError: the kernel is not 3x3, stride or dilation is not 1, or there is no such tile.
    """
    kernel = tuple(weight.shape[2:])
    if kernel != (3, 3) or stride != (1, 1) or dilation != (1, 1):
        raise ValueError(f"conv2d: winograd needs kernel (3, 3), stride 1 and dilation 1, got {kernel}, {stride} and {dilation}")
    if tile not in TRANSFORMS:
        raise ValueError(f"conv2d: winograd has tiles of {' or '.join(map(str, TRANSFORMS))}, got {tile}")
    (n, c), o, m = x.shape[:2], weight.shape[0], tile
    b_t, g, a_t = (torch.tensor(matrix, dtype=x.dtype, device=x.device) for matrix in TRANSFORMS[m])
    ho, wo = positions(x, kernel, stride, dilation)
    x = pad(x, (0, -wo % m, 0, -ho % m))  # whole tiles
    tiles = x.transpose(0, 1).unfold(2, m + 2, m).unfold(3, m + 2, m)  # (C, N, down, across, m+2, m+2)
    down, across = tiles.shape[2:4]
    v = _sandwich(b_t, tiles.permute(4, 5, 0, 1, 2, 3)).reshape((m + 2) ** 2, groups, c // groups, n * down * across)
    u = _sandwich(g, weight.permute(2, 3, 0, 1)).reshape((m + 2) ** 2, groups, o // groups, c // groups)
    y = _sandwich(a_t, (u @ v).view(m + 2, m + 2, o, n, down, across))  # (m, m, O, N, down, across)
    y = y.permute(3, 2, 4, 0, 5, 1).reshape(n, o, down * m, across * m)
    return y[:, :, :ho, :wo].contiguous()


def _sandwich(t: Tensor, x: Tensor) -> Tensor:
    """T x T^T over the first two axes of ``x``, for all the other axes at once."""
    once = t @ x.flatten(1)
    twice = t @ once.view(t.shape[0], x.shape[1], x.shape[2:].numel())
    return twice.view(t.shape[0], t.shape[0], *x.shape[2:])
