"""A sum of ridges in one network beside one network for each ridge."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from refimpl.foundations.universal_approximation import piecewise_linear, ridge_sum
from tests.refimpl.foundations.cases_universal_approximation import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand

FREQUENCIES = [(a, b) for a in range(4) for b in range(4) if a or b]
DIRECTIONS = torch.tensor(FREQUENCIES, dtype=torch.float64)


def parts():
    return [piecewise_linear(lambda t: torch.cos(math.pi * t[:, 0]), 20, 0, a + b) for a, b in FREQUENCIES]


class Apart(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts())
        self.register_buffer("directions", DIRECTIONS)

    def forward(self, x: Tensor) -> Tensor:
        return sum(part((x * w).sum(-1, keepdim=True)) for part, w in zip(self.parts, self.directions, strict=True))


BENCHES = [
    Bench(
        METHOD,
        "15 ridges of 20 units, 1024 points",
        lambda: ridge_sum(parts(), DIRECTIONS),
        {"one network for each ridge": Apart},
        lambda: (rand(1024, 2, seed=0, low=0.0),),
        dtype=torch.float64,
    )
]
