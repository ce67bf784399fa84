"""Errata on convolution and pooling: what shifts and enlargements of the image do to the features."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from refimpl.convolution.convolution import conv2d


def enlarged(image: Tensor) -> Tensor:
    """Twice the size: each pixel becomes a block of 2 x 2."""
    return image.repeat_interleave(2, -2).repeat_interleave(2, -1)


def test_pooling_follows_shifts_by_its_stride_and_no_change_of_scale():
    """Max pooling of 2 x 2 is equivariant to a shift by 2, neither invariant nor equivariant to a shift by 1 or to scale."""
    image = torch.arange(64.0, dtype=torch.float64).mul(23).remainder(64).view(1, 1, 8, 8)
    pooled = F.max_pool2d(image, 2)

    assert torch.equal(F.max_pool2d(image.roll(2, -1), 2), pooled.roll(1, -1))
    assert not torch.equal(pooled.roll(1, -1), pooled)
    by_one = F.max_pool2d(image.roll(1, -1), 2)
    assert not any(torch.equal(by_one, pooled.roll(shift, -1)) for shift in range(4))

    other = enlarged(pooled)  # pools to the same as the image, but its enlargement does not: no rule leads from one to the other
    assert torch.equal(F.max_pool2d(other, 2), pooled) and not torch.equal(other, image)
    assert torch.equal(F.max_pool2d(enlarged(image), 2), image)
    assert torch.equal(F.max_pool2d(enlarged(other), 2), other)


def test_shared_weights_follow_shifts_and_no_change_of_scale():
    """A detector of a 3 x 3 cross answers alike wherever the cross stands, and differently when the cross has twice the size."""
    cross = torch.tensor([[0.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]], dtype=torch.float64)
    kernel = ((cross - cross.mean()) / (cross - cross.mean()).square().sum())[None, None]

    def features(pattern: Tensor, row: int, column: int) -> Tensor:
        image = torch.zeros(1, 1, 16, 16, dtype=torch.float64)
        image[..., row : row + pattern.shape[0], column : column + pattern.shape[1]] = pattern
        return torch.relu(conv2d(image, kernel))

    there = features(cross, 3, 4)
    torch.testing.assert_close(features(cross, 8, 6), there.roll((5, 2), (-2, -1)))
    for row, column in ((3, 4), (8, 6), (0, 13)):
        torch.testing.assert_close(features(cross, row, column).max(), torch.tensor(1.0, dtype=torch.float64))
    assert (features(enlarged(cross), 3, 4).max() - 1).abs() > 0.2
