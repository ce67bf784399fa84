"""Pixel norm beside its literal formula and torch's rms_norm, and the equalized convolution beside a plain one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.generative.progressive_gan import EqualizedConv2d, pixel_norm
from tests.refimpl.generative.cases_progressive_gan import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def literal(x: Tensor) -> Tensor:
    return x / torch.sqrt(torch.mean(x**2, dim=1, keepdim=True) + 1e-8)


def by_rms_norm(x: Tensor) -> Tensor:
    return F.rms_norm(x.movedim(1, -1), (x.shape[1],), eps=1e-8).movedim(-1, 1)


def equalized() -> nn.Module:
    torch.manual_seed(0)
    return EqualizedConv2d(32, 32, 3, 1)


def plain() -> nn.Module:
    """The same function with the scale inside the weight."""
    ours, theirs = equalized(), nn.Conv2d(32, 32, 3, 1, 1)
    with torch.no_grad():
        theirs.weight.copy_(ours.weight * ours.scale)
        theirs.bias.copy_(ours.bias)
    return theirs


BENCHES = [
    Bench(
        METHOD,
        "pixel norm, 16 x 64 x 32 x 32",
        lambda: pixel_norm,
        {"x / sqrt(mean(x^2) + eps)": lambda: literal, "torch.nn.functional.rms_norm on moved dimensions": lambda: by_rms_norm},
        lambda: (randn(16, 64, 32, 32, seed=0),),
    ),
    Bench(
        METHOD,
        "equalized convolution, 32 to 32 channels, 8 images of 32 x 32",
        equalized,
        {"torch.nn.Conv2d with the scale in its weight": plain},
        lambda: (randn(8, 32, 32, 32, seed=1),),
    ),
]
