"""A normalized layer beside PyTorch's parametrization, one step of the power iteration at each call."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils import parametrizations

from refimpl.generative.spectral_norm import spectral_norm
from tests.refimpl.generative.cases_spectral_norm import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def seeded(make, norm):
    torch.manual_seed(0)
    return norm(make())


BENCHES = [
    Bench(
        METHOD,
        name,
        lambda make=make: seeded(make, spectral_norm),
        {"torch.nn.utils.parametrizations.spectral_norm": lambda make=make: seeded(make, parametrizations.spectral_norm)},
        lambda shape=shape: (randn(*shape, seed=0),),
    )
    for name, make, shape in (
        ("linear layer of 1024 x 1024, batch of 64", lambda: nn.Linear(1024, 1024), (64, 1024)),
        ("convolution of 64 to 128 channels, 3 x 3, 4 images of 16 x 16", lambda: nn.Conv2d(64, 128, 3), (4, 64, 16, 16)),
    )
]
