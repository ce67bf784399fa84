"""Batch renormalization beside PyTorch's batch normalization, which does less: the price of the correction."""

from __future__ import annotations

import torch

from refimpl.training.batch_renorm import BatchRenorm2d
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.training.cases_batch_renorm import METHOD

BENCHES = [
    Bench(
        METHOD,
        "32 images of 64 x 56 x 56, training",
        lambda: BatchRenorm2d(64),
        {"torch.nn.BatchNorm2d": lambda: torch.nn.BatchNorm2d(64)},
        lambda: (randn(32, 64, 56, 56, seed=0),),
    )
]
