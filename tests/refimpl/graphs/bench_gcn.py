"""Graph convolution beside torch_geometric, and beside the matrix formula."""

from __future__ import annotations

import torch
from torch import nn

from refimpl.graphs.gcn import GCNConv, dense_gcn_conv
from tests.refimpl.graphs.cases_gcn import METHOD
from tests.refimpl.harness.bench import Bench, published
from tests.refimpl.harness.case import randn


def geometric(*widths: int) -> nn.Module | None:
    return published("torch_geometric.nn", "GCNConv", *widths)


class Dense(nn.Module):
    """The matrix formula on a matrix made beforehand."""

    def __init__(self, adjacency, *widths: int) -> None:
        super().__init__()
        self.register_buffer("adjacency", adjacency)
        self.lin = nn.Linear(*widths)

    def forward(self, x, edge_index):
        return dense_gcn_conv(x, self.adjacency, self.lin.weight, self.lin.bias)


def graph(nodes: int, edges: int) -> torch.Tensor:
    """Distinct undirected edges at random, without loops, in both directions."""
    pairs = torch.randint(nodes, (2, edges), generator=torch.Generator().manual_seed(0)).sort(0).values
    pairs = pairs[:, pairs[0] != pairs[1]].unique(dim=1)
    return torch.cat([pairs, pairs.flip(0)], 1)


def bench(name: str, nodes: int, edges: int, inputs: int, outputs: int, dense: bool = False) -> Bench:
    edge_index = graph(nodes, edges)
    others = {"torch_geometric.nn.GCNConv": lambda: geometric(inputs, outputs)}
    if dense:
        adjacency = torch.zeros(nodes, nodes).index_put((edge_index[1], edge_index[0]), torch.ones(()))
        others["the matrix formula"] = lambda: Dense(adjacency, inputs, outputs)
    return Bench(METHOD, name, lambda: GCNConv(inputs, outputs), others, lambda: (randn(nodes, inputs, seed=1), edge_index))


BENCHES = [
    bench("2,700 nodes, 5,400 edges, 256 to 16", 2_700, 5_400, 256, 16, dense=True),
    bench("20,000 nodes, 200,000 edges, 64 to 64", 20_000, 200_000, 64, 64),
    bench("20,000 nodes, 200,000 edges, 16 to 64", 20_000, 200_000, 16, 64),
]
