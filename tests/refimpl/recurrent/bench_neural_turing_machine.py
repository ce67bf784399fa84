"""Addressing beside the same with a matrix of shifts for each example."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from refimpl.recurrent.neural_turing_machine import address
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import function, rand, randn
from tests.refimpl.recurrent.cases_neural_turing_machine import METHOD


def by_matrix(memory, before, key, strength, gate, shares, power):
    """The circular convolution as a product with a circulant matrix, cosines by normalized rows."""
    rows, most = before.shape[1], shares.shape[1] // 2
    content = (strength * (F.normalize(memory, dim=2) @ F.normalize(key, dim=1).unsqueeze(2)).squeeze(2)).softmax(1)
    mixed = gate * content + (1 - gate) * before
    places = (torch.arange(rows).unsqueeze(1) - torch.arange(rows)) % rows  # i - j
    whole = torch.cat((shares[:, most:], shares.new_zeros(len(shares), rows - shares.shape[1]), shares[:, :most]), 1)
    moved = (whole[:, places] @ mixed.unsqueeze(2)).squeeze(2).pow(power)
    return moved / moved.sum(1, keepdim=True)


def sample():
    memory, key = randn(16, 128, 20, seed=0), randn(16, 20, seed=1)
    before, shares = rand(16, 128, seed=2).softmax(1), rand(16, 3, seed=3).softmax(1)
    return (
        memory,
        before,
        key,
        *(rand(16, 1, seed=j, low=low, high=low + 1) for j, low in ((4, 1.0), (5, 0.0))),
        shares,
        rand(16, 1, seed=6, low=1.0, high=2.0),
    )


BENCHES = [
    Bench(
        METHOD,
        "addressing, batch 16, 128 rows of 20 numbers",
        function(address),
        {"circulant matrix": function(by_matrix)},
        sample,
    )
]
