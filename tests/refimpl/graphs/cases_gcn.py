"""Cases of graph convolution; the NumPy oracle sums over the neighbors of one node at a time."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from refimpl.graphs.gcn import GCNConv, dense_gcn_conv, gcn_conv, propagation_matrix
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "gcn"


def numpy_layer(x, adjacency, weight, bias=None, add_self_loops=True):
    """The node-wise equation, one node and one neighbor at a time."""
    nodes = x.shape[-2]
    z = np.zeros((*x.shape[:-1], weight.shape[0])) + (0.0 if bias is None else bias)
    for at in np.ndindex(x.shape[:-2]):
        a = (adjacency[at] if adjacency.ndim > 2 else adjacency) + (np.eye(nodes) if add_self_loops else 0)
        degree = [sum(a[i]) for i in range(nodes)]
        for i in range(nodes):
            for j in range(nodes):
                if a[i, j] > 0 and degree[j] > 0:
                    z[at][i] += a[i, j] / np.sqrt(degree[i] * degree[j]) * (weight @ x[at][j])
    return z


def numpy_edges(x, edge_index, weight, bias=None, edge_weight=None, add_self_loops=True):
    adjacency = np.zeros((x.shape[-2],) * 2)
    for e in range(edge_index.shape[1]):
        adjacency[edge_index[1, e], edge_index[0, e]] += 1.0 if edge_weight is None else edge_weight[e]
    return numpy_layer(x, adjacency, weight, bias, add_self_loops)


def torch_layer(x, adjacency, weight, bias=None, add_self_loops=True):
    """The matrix formula with diagonal matrices and a matrix power written out."""
    a = adjacency + torch.eye(x.shape[-2], dtype=x.dtype) if add_self_loops else adjacency
    degree = torch.einsum("...ij->...i", a)
    root = torch.diag_embed(torch.where(degree > 0, torch.where(degree > 0, degree, 1.0) ** -0.5, 0.0))
    z = torch.einsum("...ij,...jk,...kl,...lf,of->...io", root, a, root, x, weight)
    return z if bias is None else z + bias


def torch_edges(x, edge_index, weight, bias=None, edge_weight=None, add_self_loops=True):
    source, target = ((i[:, None] == torch.arange(x.shape[-2])).to(x.dtype) for i in edge_index)  # (E, N)
    entries = x.new_ones(len(source)) if edge_weight is None else edge_weight
    return torch_layer(x, torch.einsum("e,ei,ej->ij", entries, target, source), weight, bias, add_self_loops)


def on_module(layer, options, p, x, edge_index, edge_weight=None):
    return layer(x, edge_index, p["lin.weight"], p.get("bias"), edge_weight, **options)


def oracles(torch_call, numpy_call):
    return (
        Oracle("the matrix formula in torch", torch_call),
        Oracle("the node-wise equation in NumPy, one neighbor at a time", numpy_call, "numpy"),
    )


EDGES = torch.tensor([[0, 1, 1, 2, 3, 0, 4, 3, 2], [1, 0, 2, 1, 0, 3, 3, 4, 2]])  # undirected, with a loop at node 2
DIRECTED = torch.tensor([[0, 0, 1, 3, 3, 4], [1, 2, 2, 0, 0, 3]])  # node 4 has no incoming edge, 3 -> 0 stands twice
WEIGHTS = rand(9, seed=1, low=0.2, high=2.0)
X, NARROW, WIDE, BIAS = randn(5, 3, seed=2), randn(2, 3, seed=3), randn(4, 3, seed=4), randn(2, seed=5)
BATCH = randn(2, 5, 3, seed=6)
DENSE = rand(2, 4, 4, seed=7, low=0.0, high=2.0)
ISOLATED = DENSE[0] * torch.tensor([[0.0], [1.0], [1.0], [1.0]]) * torch.tensor([0.0, 1.0, 1.0, 1.0])

BAD = (
    Bad(lambda: GCNConv(0, 2), r"in_channels and out_channels must be positive, got 0 and 2"),
    Bad(lambda: GCNConv(2, 0), r"in_channels and out_channels must be positive, got 2 and 0"),
    Bad(lambda: gcn_conv(X[0], EDGES, NARROW), r"gcn_conv: x must be floating point \(..., N, F\), got torch.float64 of shape \(3,\)"),
    Bad(lambda: gcn_conv(X.long(), EDGES, NARROW), r"gcn_conv: x must be floating point \(..., N, F\), got torch.int64"),
    Bad(lambda: gcn_conv(X, EDGES, NARROW[:, :2]), r"weight must be \(F', 3\) for x \(5, 3\), got \(2, 2\)"),
    Bad(lambda: gcn_conv(X, EDGES, NARROW[0]), r"weight must be \(F', 3\).*got \(3,\)"),
    Bad(lambda: gcn_conv(X, EDGES, NARROW, BIAS[:1]), r"gcn_conv: bias must have shape \(2,\), got \(1,\)"),
    Bad(lambda: gcn_conv(X, EDGES.T, NARROW), r"edge_index must be integer \(2, E\), got torch.int64 of shape \(9, 2\)"),
    Bad(lambda: gcn_conv(X, EDGES[None], NARROW), r"edge_index must be integer \(2, E\), got torch.int64 of shape \(1, 2, 9\)"),
    Bad(lambda: gcn_conv(X, EDGES[:, 0], NARROW), r"edge_index must be integer \(2, E\), got torch.int64 of shape \(2,\)"),
    Bad(lambda: gcn_conv(X, EDGES.double(), NARROW), r"edge_index must be integer \(2, E\), got torch.float64"),
    Bad(lambda: gcn_conv(X, EDGES > 1, NARROW), r"edge_index must be integer \(2, E\), got torch.bool"),
    Bad(lambda: gcn_conv(X, EDGES, NARROW, None, WEIGHTS[:4]), r"edge_weight must have shape \(9,\), got \(4,\)"),
    Bad(lambda: propagation_matrix(X), r"adjacency must be floating point \(..., N, N\), got torch.float64 of shape \(5, 3\)"),
    Bad(lambda: propagation_matrix(DENSE.long()), r"adjacency must be floating point \(..., N, N\), got torch.int64"),
    Bad(lambda: propagation_matrix(X[0]), r"adjacency must be floating point \(..., N, N\), got torch.float64 of shape \(3,\)"),
    Bad(lambda: dense_gcn_conv(X, DENSE, NARROW), r"dense_gcn_conv: adjacency must be \(..., 5, 5\) for x \(5, 3\), got \(2, 4, 4\)"),
    Bad(lambda: dense_gcn_conv(X[0], DENSE, NARROW), r"dense_gcn_conv: x must be floating point"),
)
ALL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def module_case(name, make, inputs, add_self_loops=True, **more):
    options = {"add_self_loops": add_self_loops}
    return Case(
        METHOD,
        name,
        lambda: randomize(make()),
        lambda: [Sample(args) for args in inputs],
        oracles(partial(on_module, torch_edges, options), partial(on_module, numpy_edges, options)),
        gradcheck=2,
        dtypes=ALL,
        **more,
    )


CASES = [
    Case(
        METHOD,
        "edges",
        function(gcn_conv),
        lambda: [
            Sample((X, EDGES, NARROW, BIAS, WEIGHTS), {}, "weighted, narrow"),
            Sample((X, EDGES, WIDE, None, WEIGHTS), {}, "weighted, wide"),
            Sample((X, EDGES, NARROW), {}, "unweighted"),
            Sample((X, DIRECTED, WIDE, randn(4, seed=8)), {}, "directed"),
            Sample((X, DIRECTED, NARROW, BIAS), {"add_self_loops": False}, "directed, no self-loops"),
            Sample((BATCH, EDGES, WIDE, None, WEIGHTS), {"add_self_loops": False}, "several signals on one graph"),
        ],
        oracles(lambda _, *a, **k: torch_edges(*a, **k), lambda _, *a, **k: numpy_edges(*a, **k)),
        hard=lambda: [
            Sample((X + 1e4, EDGES, NARROW, BIAS, WEIGHTS), {}, "features of mean 1e4"),
            Sample((X * 0, EDGES, WIDE, None, WEIGHTS), {}, "features zero"),
            Sample((X, EDGES, NARROW, BIAS, WEIGHTS * 1e6), {}, "edges of weight 1e6"),
        ],
        hard_tolerance=1e-3,  # edge gradients are differences of terms of the features' size
        degenerate=lambda: [
            Sample((X, EDGES[:, :0], NARROW, BIAS), {}, "no edge"),
            Sample((X, EDGES[:, :0], NARROW, BIAS), {"add_self_loops": False}, "no edge, no self-loops"),
            Sample((X[:1], EDGES[:, :0], NARROW), {}, "one node"),
            Sample((X[:0], EDGES[:, :0], NARROW, BIAS), {}, "no node"),
        ],
        bad=BAD,
        gradcheck=2,
        dtypes=ALL,
    ),
    Case(
        METHOD,
        "dense",
        function(dense_gcn_conv),
        lambda: [
            Sample((X[:4], DENSE[0], NARROW, BIAS)),
            Sample((X[:4], DENSE[0], WIDE), {"add_self_loops": False}, "no self-loops"),
            Sample((BATCH[:, :4], DENSE, NARROW, BIAS), {}, "a batch of graphs"),
        ],
        oracles(lambda _, *a, **k: torch_layer(*a, **k), lambda _, *a, **k: numpy_layer(*a, **k)),
        degenerate=lambda: [
            Sample((X[:4], ISOLATED, NARROW), {"add_self_loops": False}, "an isolated node"),
            Sample((X[:4], ISOLATED, NARROW, BIAS), {}, "an isolated node, self-loops"),
            Sample((X[:0], DENSE[0, :0, :0], NARROW, BIAS), {}, "no node"),
        ],
        gradcheck=2,
        dtypes=ALL,
    ),
    module_case("layer", lambda: GCNConv(3, 2), [(X, EDGES, WEIGHTS), (X, EDGES)]),
    module_case("layer without bias and self-loops", lambda: GCNConv(3, 4, add_self_loops=False, bias=False), [(X, EDGES, WEIGHTS)], False),
]
