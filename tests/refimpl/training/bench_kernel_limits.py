"""The kernel of a network beside one backward pass for each example."""

from __future__ import annotations

import torch
from torch import nn

from refimpl.training.kernel_limits import empirical_ntk
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.training.cases_kernel_limits import METHOD


class Kernel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1))

    def forward(self, x):
        return empirical_ntk(self.net, x)


class ByExample(Kernel):
    @torch.enable_grad()
    def forward(self, x):
        rows = [torch.autograd.grad(self.net(e[None]).sum(), list(self.net.parameters())) for e in x]
        slopes = torch.stack([torch.cat([g.flatten() for g in row]) for row in rows]).detach()
        return slopes @ slopes.T


BENCHES = [
    Bench(
        METHOD,
        "64 examples, 64-128-128-1",
        Kernel,
        {"one backward pass an example": ByExample},
        lambda: (randn(64, 64, seed=0),),
        backward=False,
        compiled=False,
    )
]
