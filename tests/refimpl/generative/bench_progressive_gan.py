"""Pixel norm beside PyTorch's norm by the root mean square; the spread of a batch beside ``torch.std``."""

from __future__ import annotations

import torch

from refimpl.generative.equalized import minibatch_std, pixel_norm
from tests.refimpl.generative.cases_progressive_gan import METHOD, torch_pixel_norm
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def by_std(x: torch.Tensor) -> torch.Tensor:
    return torch.cat((x, x.std(0, correction=0).mean().expand(len(x), 1, *x.shape[2:])), 1)


BENCHES = [
    Bench(
        METHOD,
        "pixel norm, 16 images of 64 x 32 x 32",
        lambda: pixel_norm,
        {"torch.nn.functional.rms_norm": lambda: lambda x: torch_pixel_norm(None, x)},
        lambda: (randn(16, 64, 32, 32, seed=0),),
    ),
    Bench(
        METHOD,
        "spread, 16 images of 64 x 32 x 32",
        lambda: minibatch_std,
        {"torch.std": lambda: by_std},
        lambda: (randn(16, 64, 32, 32, seed=0),),
    ),
]
