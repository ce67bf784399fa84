"""Momentum and Nesterov's rule beside PyTorch's SGD."""

from __future__ import annotations

import torch

from refimpl.training.momentum import Momentum
from tests.refimpl.harness.bench import optimizers
from tests.refimpl.training.cases_momentum import METHOD

BENCHES = [
    optimizers(METHOD, "heavy ball", Momentum, {"torch.optim.SGD with momentum": lambda p: torch.optim.SGD(p, momentum=0.9)}),
    optimizers(
        METHOD,
        "Nesterov",
        lambda p: Momentum(p, nesterov=True),
        {"torch.optim.SGD with nesterov": lambda p: torch.optim.SGD(p, momentum=0.9, nesterov=True)},
    ),
]
