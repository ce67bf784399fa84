"""Accumulating and selecting one per cent of a gradient, beside masks over all entries."""

from __future__ import annotations

from refimpl.training.deep_gradient_compression import accumulate_, select_
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn

METHOD = "deep-gradient-compression"


def ours(velocity, residual, gradient):
    accumulate_(velocity, residual, gradient, 0.9)
    return select_(velocity, residual, 0.01)[1]


def masks(velocity, residual, gradient):
    velocity.copy_(0.9 * velocity + gradient)
    residual.copy_(residual + velocity)
    limit = residual.abs().sort(descending=True).values[len(residual) // 100 - 1]
    keep = residual.abs() >= limit
    values = residual[keep]
    residual.copy_(residual * ~keep)
    velocity.copy_(velocity * ~keep)
    return values


BENCHES = [
    Bench(
        METHOD,
        "1% of 1M gradients",
        lambda: ours,
        {"sort and masks": lambda: masks},
        lambda: (randn(1_000_000, seed=0), randn(1_000_000, seed=1), randn(1_000_000, seed=2)),
        backward=False,
        compiled=False,
    )
]
