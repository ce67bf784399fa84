"""Deformable convolution and RoI pooling beside gathers and sampled grids: torchvision has no compiled operator for this PyTorch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from refimpl.convolution.deformable_conv import deform_conv2d, deform_roi_pool
from tests.refimpl.convolution.cases_deformable_conv import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand, randn


def gathered(x: Tensor, offset: Tensor, weight: Tensor) -> Tensor:
    """Stride 1, no padding, one set of offsets: the four pixels around each place, weighted."""
    n, c, h, w = x.shape
    _, _, kh, kw = weight.shape
    ho, wo = offset.shape[2:]
    shift = offset.view(n, kh * kw, 2, ho, wo)
    taps = torch.arange(kh * kw, device=x.device)
    rows = shift[:, :, 0] + (taps // kw).view(-1, 1, 1) + torch.arange(ho, device=x.device).view(-1, 1)
    columns = shift[:, :, 1] + (taps % kw).view(-1, 1, 1) + torch.arange(wo, device=x.device)
    top, left = rows.floor(), columns.floor()
    seen = 0.0
    for down in (0, 1):
        for right in (0, 1):
            r, s = top + down, left + right
            inside = (r >= 0) & (r < h) & (s >= 0) & (s < w)
            share = (1 - (rows - r).abs()) * (1 - (columns - s).abs()) * inside
            index = (r.clamp(0, h - 1) * w + s.clamp(0, w - 1)).long().flatten(1)
            value = x.flatten(2).gather(2, index[:, None].expand(-1, c, -1)).view(n, c, kh * kw, ho, wo)
            seen = seen + value * share[:, None]
    return torch.einsum("ncthw,oct->nohw", seen, weight.flatten(2))


def sampled(x: Tensor, boxes: Tensor, offset: Tensor) -> Tensor:
    """Regions of 14 x 14 cells: ``grid_sample`` at each moved cell, then the mean of each bin of 2 x 2."""
    h, w = x.shape[2:]
    cells = torch.arange(14, device=x.device)
    wide = (14 * 0.1 * offset).repeat_interleave(2, 2).repeat_interleave(2, 3)  # (K, 2, 14, 14)
    columns = boxes[:, 1, None, None] + cells + wide[:, 0]
    rows = boxes[:, 2, None, None] + cells[:, None] + wide[:, 1]
    grid = (2 * torch.stack((columns, rows), -1) + 1) / x.new_tensor([w, h]) - 1
    return F.avg_pool2d(F.grid_sample(x[boxes[:, 0].long()], grid, align_corners=False), 2)


def squares(count: int) -> Tensor:
    """Regions of 14 x 14 cells in two images of 40 x 40."""
    corner = torch.randint(0, 26, (count, 2), generator=torch.Generator().manual_seed(3)).double()
    return torch.cat((torch.arange(count)[:, None] % 2, corner, corner + 13), 1)


BENCHES = [
    Bench(
        METHOD,
        "4 images of 64 x 28 x 28, 64 outputs, 3 x 3",
        lambda: deform_conv2d,
        {"four gathers": lambda: gathered},
        lambda: (randn(4, 64, 28, 28, seed=0), rand(4, 18, 26, 26, seed=1), randn(64, 64, 3, 3, seed=2)),
    ),
    Bench(
        METHOD,
        "RoI pooling, 100 regions of 64 x 40 x 40, 7 x 7 bins",
        lambda: lambda x, boxes, offset: deform_roi_pool(x, boxes, offset, 7),
        {"grid_sample of every cell": lambda: sampled},
        lambda: (randn(2, 64, 40, 40, seed=3), squares(100), rand(100, 2, 7, 7, seed=4)),
    ),
]
