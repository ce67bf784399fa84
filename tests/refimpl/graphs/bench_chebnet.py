"""Chebyshev graph convolution beside torch_geometric."""

from __future__ import annotations

import torch

from refimpl.graphs.chebnet import ChebConv
from tests.refimpl.graphs.bench_gcn import graph
from tests.refimpl.graphs.cases_chebnet import METHOD
from tests.refimpl.harness.bench import Bench, published
from tests.refimpl.harness.case import randn


def seeded(make):
    torch.manual_seed(0)
    return make()


def bench(name: str, nodes: int, edges: int, inputs: int, outputs: int, terms: int) -> Bench:
    edge_index = graph(nodes, edges)

    def geometric():
        theirs = published("torch_geometric.nn", "ChebConv", inputs, outputs, terms)
        if theirs is not None:
            theirs.load_state_dict(seeded(lambda: ChebConv(inputs, outputs, terms)).state_dict())
        return theirs

    return Bench(
        METHOD,
        name,
        lambda: seeded(lambda: ChebConv(inputs, outputs, terms)),
        {"torch_geometric.nn.ChebConv": geometric},
        lambda: (randn(nodes, inputs, seed=1), edge_index),
    )


BENCHES = [
    bench("2,700 nodes, 5,400 edges, 64 to 16, K = 3", 2_700, 5_400, 64, 16, 3),
    bench("10,000 nodes, 100,000 edges, 32 to 32, K = 5", 10_000, 100_000, 32, 32, 5),
]
