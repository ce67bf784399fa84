"""A plane of the loss beside calls of the network with other weights."""

from __future__ import annotations

import torch
from torch import nn
from torch.func import functional_call

from refimpl.foundations.loss_landscape import movable, plane
from tests.refimpl.foundations.cases_loss_landscape import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def network(x: torch.Tensor) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(x.device, x.dtype)


def ours(x, steps, *directions):
    net = network(x)
    return plane(lambda: net(x).square().mean(), movable(net), directions[:2], directions[2:], steps)


@torch.no_grad()
def with_other_weights(x, steps, *directions):
    net = network(x)
    losses = []
    for b in steps:
        for a in steps:
            moved = {
                name: w + a * d + b * e
                for name, w, d, e in zip(("0.weight", "2.weight"), movable(net), directions[:2], directions[2:], strict=True)
            }
            losses.append(functional_call(net, moved, x).square().mean())
    return torch.stack(losses).view(len(steps), len(steps))


BENCHES = [
    Bench(
        METHOD,
        "15 x 15 points, 64-64-10 network, 128 rows",
        lambda: ours,
        {"torch.func.functional_call": lambda: with_other_weights},
        lambda: (
            randn(128, 64, seed=0),
            torch.linspace(-1, 1, 15),
            *(0.1 * randn(*s, seed=i) for i, s in enumerate([(64, 64), (10, 64)] * 2, 1)),
        ),
        backward=False,
        compiled=False,
    )
]
