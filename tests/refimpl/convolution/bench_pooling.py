"""Pooling beside PyTorch's own; stochastic pooling beside a draw from each unfolded window."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F

from refimpl.convolution.pooling import avg_pool2d, lp_pool2d, max_pool2d, stochastic_pool2d
from tests.refimpl.convolution.cases_pooling import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand


def multinomial(x: torch.Tensor) -> torch.Tensor:
    """One of 2 x 2 cells by ``torch.multinomial``."""
    windows = x.unfold(2, 2, 2).unfold(3, 2, 2).flatten(4)
    chosen = torch.multinomial(windows.detach().flatten(0, 3), 1)
    return windows.flatten(0, 3).gather(1, chosen).view(windows.shape[:4])


def setting(name, ours, theirs, label, **options) -> Bench:
    images = (16, 64, 56, 56)
    return Bench(
        METHOD,
        f"{name}, 16 images of 64 x 56 x 56",
        lambda: partial(ours, **options),
        {label: lambda: partial(theirs, **options)},
        lambda: (rand(*images, seed=0, low=0.01),),
    )


BENCHES = [
    setting("maximum 2 x 2", max_pool2d, F.max_pool2d, "torch.nn.functional.max_pool2d", kernel_size=2),
    setting("maximum 3 x 3, stride 2", max_pool2d, F.max_pool2d, "torch.nn.functional.max_pool2d", kernel_size=3, stride=2, padding=1),
    setting("average 3 x 3, stride 2", avg_pool2d, F.avg_pool2d, "torch.nn.functional.avg_pool2d", kernel_size=3, stride=2, padding=1),
    setting("norm 2 x 2, p = 2.5", lp_pool2d, F.lp_pool2d, "torch.nn.functional.lp_pool2d", norm_type=2.5, kernel_size=2),
    Bench(
        METHOD,
        "stochastic 2 x 2, 4 images of 64 x 56 x 56",
        lambda: partial(stochastic_pool2d, kernel_size=2),
        {"torch.multinomial": lambda: multinomial},
        lambda: (rand(4, 64, 56, 56, seed=0, low=0.01),),
        compiled=False,
    ),
]
