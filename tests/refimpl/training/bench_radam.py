"""Rectified Adam beside PyTorch's."""

from __future__ import annotations

import torch

from refimpl.training.radam import RAdam
from tests.refimpl.harness.bench import optimizers
from tests.refimpl.training.cases_radam import METHOD

BENCHES = [
    optimizers(METHOD, "RAdam", RAdam, {"torch.optim.RAdam": torch.optim.RAdam}),
]
