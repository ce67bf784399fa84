"""Aggregated momentum beside the published package pytorch_optimizer, and a single velocity beside PyTorch's momentum."""

from __future__ import annotations

import torch

from refimpl.training.aggmo import AggMo
from tests.refimpl.harness.bench import optimizers, published
from tests.refimpl.training.cases_aggmo import METHOD

BENCHES = [
    optimizers(METHOD, "three velocities", AggMo, {"pytorch_optimizer AggMo": lambda p: published("pytorch_optimizer", "AggMo", p)}),
    optimizers(
        METHOD,
        "one velocity",
        lambda p: AggMo(p, betas=(0.9,)),
        {"torch.optim.SGD with momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)},
    ),
]
