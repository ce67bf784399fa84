"""Group normalization beside PyTorch's."""

from __future__ import annotations

import torch

from refimpl.training.group_norm import GroupNorm
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.training.cases_group_norm import METHOD

BENCHES = [
    Bench(
        METHOD,
        "32 images of 64 x 56 x 56, 32 groups",
        lambda: GroupNorm(32, 64),
        {"torch.nn.GroupNorm": lambda: torch.nn.GroupNorm(32, 64)},
        lambda: (randn(32, 64, 56, 56, seed=0),),
    )
]
