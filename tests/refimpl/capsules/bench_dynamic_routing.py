"""Routing beside the same with products that are broadcast and summed, as in most published code."""

from __future__ import annotations

import torch

from refimpl.capsules.dynamic_routing import route
from tests.refimpl.capsules.cases_dynamic_routing import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import function, randn


def broadcast(predictions):
    b = torch.zeros(predictions.shape[:3])
    for i in range(3):
        c = b.softmax(2)
        s = (c.unsqueeze(3) * predictions).sum(1)
        square = s.square().sum(2, keepdim=True)
        v = square / (1 + square) * s / (square + 1e-8).sqrt()
        if i < 2:
            b = b + (predictions * v.unsqueeze(1)).sum(3)
    return v, c


BENCHES = [
    Bench(
        METHOD,
        "1152 capsules to 10 of 16 numbers, batch 8",
        function(route),
        {"broadcast products": lambda: broadcast},
        lambda: (randn(8, 1152, 10, 16, seed=0),),
    )
]
