"""Sinkhorn's scalings beside algorithm 1 as printed; transport on the line beside scipy's and the difference of sorted samples."""

from __future__ import annotations

import torch

from refimpl.generative.optimal_transport import sinkhorn, transport_on_line
from tests.refimpl.generative.cases_optimal_transport import METHOD, masses
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand, randn


def as_printed(cost, a, b, epsilon, iterations):
    k = torch.exp(-cost / epsilon)
    v = torch.ones_like(b)
    for _ in range(iterations):
        u = a / (k @ v)
        v = b / (u @ k)
    return u[:, None] * k * v


def sorted_samples(x, y):
    return (x.sort(-1).values - y.sort(-1).values).abs().mean(-1)


BENCHES = [
    Bench(
        METHOD,
        "Sinkhorn, 500 x 500, 20 iterations",
        lambda: sinkhorn,
        {"algorithm 1 as printed, which underflows at small epsilon": lambda: as_printed},
        lambda: (rand(500, 500, seed=0, low=0.0), masses(500, seed=1), masses(500, seed=2), 0.1, 20),
        compiled=False,
    ),
    Bench(
        METHOD,
        "on the line, 100,000 points each",
        lambda: transport_on_line,
        {"sorted samples, for equal numbers and masses alone": lambda: sorted_samples},
        lambda: (randn(100_000, seed=3), randn(100_000, seed=4)),
    ),
]
