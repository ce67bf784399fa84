"""The derivative of a network along a direction beside PyTorch's own forward mode."""

from __future__ import annotations

import torch

from refimpl.foundations.forward_mode import jvp
from tests.refimpl.foundations.cases_forward_mode import METHOD
from tests.refimpl.foundations.differentiated import network
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def along(push):
    return lambda x, w, v, *directions: push(network, (x, w, v), directions)


SHAPES = (128, 256), (256, 512), (512, 512)

BENCHES = [
    Bench(
        METHOD,
        "256-512-512 network, 128 rows",
        lambda: along(jvp),
        {"torch.func.jvp": lambda: along(torch.func.jvp)},
        lambda: tuple(0.1 * randn(*s, seed=i) for i, s in enumerate(SHAPES * 2)),
        backward=False,
        compiled=False,
    )
]
