"""Instance normalization beside PyTorch's."""

from __future__ import annotations

import torch

from refimpl.training.instance_norm import InstanceNorm2d
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.training.cases_instance_norm import METHOD

BENCHES = [
    Bench(
        METHOD,
        "16 images of 64 x 56 x 56",
        lambda: InstanceNorm2d(64, affine=True),
        {"torch.nn.InstanceNorm2d": lambda: torch.nn.InstanceNorm2d(64, affine=True)},
        lambda: (randn(16, 64, 56, 56, seed=0),),
    )
]
