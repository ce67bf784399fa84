"""The gradient of a network on a tape beside PyTorch's own reverse mode."""

from __future__ import annotations

import torch

from refimpl.foundations.reverse_mode import grad
from tests.refimpl.foundations.cases_reverse_mode import METHOD
from tests.refimpl.foundations.differentiated import network
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def loss(x, w, v):
    return network(x, w, v).sum()


BENCHES = [
    Bench(
        METHOD,
        "256-512-512 network, 128 rows",
        lambda: grad(loss, (0, 1, 2)),
        {"torch.func.grad": lambda: torch.func.grad(loss, (0, 1, 2))},
        lambda: (randn(128, 256, seed=0), 0.1 * randn(256, 512, seed=1), 0.1 * randn(512, 512, seed=2)),
        backward=False,
        compiled=False,
    )
]
