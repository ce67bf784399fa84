"""Deformable convolution beside four gathers, the usual way without a compiled operator; torchvision's has none for this PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.convolution.deformable_conv import deform_conv2d
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


BENCHES = [
    Bench(
        METHOD,
        "4 images of 64 x 28 x 28, 64 outputs, 3 x 3",
        lambda: deform_conv2d,
        {"four gathers": lambda: gathered},
        lambda: (randn(4, 64, 28, 28, seed=0), rand(4, 18, 26, 26, seed=1), randn(64, 64, 3, 3, seed=2)),
    )
]
