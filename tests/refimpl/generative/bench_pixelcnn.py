"""The network with cut kernels beside the same with masked ones, as the paper describes it."""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.generative.pixelcnn import PixelCNN
from tests.refimpl.generative.cases_pixelcnn import METHOD, torch_network
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand


class Masked(PixelCNN):
    """Square kernels with zeros."""

    def forward(self, x: Tensor) -> Tensor:
        return torch_network(dict(self.named_parameters()), x)


def seeded(make) -> PixelCNN:
    torch.manual_seed(0)
    return make(256, 32, 4)


BENCHES = [
    Bench(
        METHOD,
        "4 layers of 32 channels, 8 images of 28 x 28",
        lambda: seeded(PixelCNN),
        {"masked square kernels": lambda: seeded(Masked)},
        lambda: (rand(8, 1, 28, 28, seed=0, low=0.0),),
        compiled=False,
    )
]
