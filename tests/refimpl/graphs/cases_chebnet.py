"""Cases of Chebyshev graph convolution; one oracle filters the spectrum, the other sums over single neighbors."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.graphs.chebnet import ChebConv, cheb_conv, dense_cheb_conv, scaled_laplacian
from tests.refimpl.graphs.cases_gcn import DIRECTED, EDGES, WEIGHTS, X
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "chebnet"


def numpy_layer(x, adjacency, weight, bias=None, lambda_max=2.0):
    """One node and one neighbor at a time, the polynomials by their coefficients."""
    nodes = len(adjacency)
    degree = [sum(row) for row in adjacency]

    def laplacian(t):
        out = np.zeros_like(t)
        for i in range(nodes):
            out[i] += t[i]
            for j in range(nodes):
                if adjacency[i, j] > 0 and degree[j] > 0:
                    out[i] -= adjacency[i, j] / np.sqrt(degree[i] * degree[j]) * t[j]
        return 2 / lambda_max * out - t

    powers = [x]
    for _ in range(len(weight)):
        powers.append(laplacian(powers[-1]))
    z = np.zeros((nodes, weight.shape[1])) + (0.0 if bias is None else bias)
    for k in range(len(weight)):
        for power, coefficient in enumerate(np.polynomial.chebyshev.cheb2poly([0.0] * k + [1.0])):
            z += coefficient * powers[power] @ weight[k].T
    return z


def numpy_call(x, adjacency, weight, bias=None, lambda_max=2.0):
    if x.ndim == 2:
        return numpy_layer(x, adjacency, weight, bias, lambda_max)
    return np.stack(
        [
            numpy_layer(one, a, weight, bias, lambda_max)
            for one, a in zip(x, np.broadcast_to(adjacency, (len(x), *adjacency.shape[-2:])), strict=True)
        ]
    )


def torch_call(x, adjacency, weight, bias=None, lambda_max=2.0):
    """T_k as products of matrices: T_2 = 2 L^2 - 1 and so on."""
    n = x.shape[-2]
    degree = adjacency.sum(-1)
    root = torch.diag_embed(torch.where(degree > 0, torch.where(degree > 0, degree, 1.0) ** -0.5, 0.0))
    scaled = 2 / lambda_max * (torch.eye(n, dtype=x.dtype) - root @ adjacency @ root) - torch.eye(n, dtype=x.dtype)
    z = 0.0 if bias is None else bias
    for k in range(len(weight)):
        matrix = 0.0
        for power, coefficient in enumerate(np.polynomial.chebyshev.cheb2poly([0.0] * k + [1.0])):
            matrix = matrix + coefficient * torch.linalg.matrix_power(scaled, power)
        z = z + torch.einsum("...ij,...jf,of->...io", matrix, x, weight[k])
    return z


def from_edges(call):
    def wrapped(x, edge_index, weight, bias=None, edge_weight=None, lambda_max=2.0):
        dense = isinstance(x, np.ndarray)
        entries = (np.ones if dense else torch.ones)(edge_index.shape[1]) if edge_weight is None else edge_weight
        n = x.shape[-2]
        if dense:
            adjacency = np.zeros((n, n))
            for e, (j, i) in enumerate(edge_index.T):
                adjacency[i, j] += entries[e]
        else:
            adjacency = torch.zeros(n, n, dtype=x.dtype).index_put((edge_index[1], edge_index[0]), entries.to(x.dtype), accumulate=True)
        return call(x, adjacency, weight, bias, lambda_max)

    return wrapped


def oracles(by_torch, by_numpy):
    return (
        Oracle("powers of the matrix in torch", by_torch),
        Oracle("the polynomials in NumPy, one neighbor at a time", by_numpy, "numpy"),
    )


def on_module(call):
    def wrapped(p, x, edge_index, edge_weight=None, lambda_max=2.0):
        names = sorted(k for k in p if k.startswith("lins"))
        stack = np.stack if isinstance(x, np.ndarray) else torch.stack
        return call(x, edge_index, stack([p[k] for k in names]), p.get("bias"), edge_weight, lambda_max)

    return wrapped


W1, W4, BIAS = randn(1, 2, 3, seed=3), randn(4, 2, 3, seed=4), randn(2, seed=5)
SYMMETRIC = (a := rand(4, 4, seed=7, low=0.0, high=2.0)) + a.T
BATCH = torch.stack([SYMMETRIC, SYMMETRIC * SYMMETRIC])
ALONE = SYMMETRIC * torch.tensor([[0.0], [1.0], [1.0], [1.0]]) * torch.tensor([0.0, 1.0, 1.0, 1.0])
ALL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
BAD = (
    Bad(lambda: ChebConv(0, 2, 1), r"^ChebConv: in_channels must be positive, got 0$"),
    Bad(lambda: ChebConv(2, 0, 1), r"^ChebConv: out_channels must be positive, got 0$"),
    Bad(lambda: ChebConv(2, 2, 0), r"^ChebConv: K must be positive, got 0$"),
    Bad(lambda: cheb_conv(X[0], EDGES, W4), r"^cheb_conv: x must be floating point \(..., N, F\), got torch.float64 of shape \(3,\)$"),
    Bad(lambda: cheb_conv(X, EDGES.T, W4), r"^cheb_conv: edge_index must be integer \(2, E\), got torch.int64 of shape \(9, 2\)$"),
    Bad(lambda: cheb_conv(X, EDGES, W4[0]), r"^cheb_conv: weight must be \(K, F', 3\) for x \(5, 3\), got \(2, 3\)$"),
    Bad(lambda: cheb_conv(X, EDGES, W4[:0]), r"^cheb_conv: weight must be \(K, F', 3\) for x \(5, 3\), got \(0, 2, 3\)$"),
    Bad(lambda: cheb_conv(X, EDGES, W4[..., :2]), r"^cheb_conv: weight must be \(K, F', 3\) for x \(5, 3\), got \(4, 2, 2\)$"),
    Bad(lambda: cheb_conv(X, EDGES, W4, BIAS[:1]), r"^cheb_conv: bias must have shape \(2,\), got \(1,\)$"),
    Bad(lambda: cheb_conv(X, EDGES, W4, None, WEIGHTS[:4]), r"^cheb_conv: edge_weight must have shape \(9,\), got \(4,\)$"),
    Bad(lambda: cheb_conv(X, EDGES, W4, lambda_max=0.0), r"^cheb_conv: lambda_max must be positive, got 0.0$"),
    Bad(lambda: scaled_laplacian(SYMMETRIC, -1.0), r"^scaled_laplacian: lambda_max must be positive, got -1.0$"),
    Bad(lambda: scaled_laplacian(X), r"adjacency must be floating point \(..., N, N\), got torch.float64 of shape \(5, 3\)$"),
    Bad(lambda: dense_cheb_conv(X, SYMMETRIC, W4), r"^dense_cheb_conv: adjacency must be \(..., 5, 5\) for x \(5, 3\), got \(4, 4\)$"),
    Bad(lambda: dense_cheb_conv(X[:4], SYMMETRIC, W4, BIAS[:1]), r"^dense_cheb_conv: bias must have shape \(2,\), got \(1,\)$"),
)

CASES = [
    Case(
        METHOD,
        "edges",
        function(cheb_conv),
        lambda: [
            Sample((X, EDGES, W4, BIAS, WEIGHTS), {"lambda_max": 1.6}, "weighted, lambda 1.6"),
            Sample((X, EDGES, W4, None, WEIGHTS), {}, "weighted"),
            Sample((X, EDGES, W4[:3], BIAS), {"lambda_max": 0.9}, "three terms, lambda 0.9"),
            Sample((X, EDGES, W4[:2], BIAS), {"lambda_max": 3.0}, "two terms, lambda 3"),
            Sample((X, EDGES, W1, BIAS, WEIGHTS), {}, "one term"),
            Sample((X, DIRECTED, W4, BIAS), {}, "directed"),
        ],
        oracles(lambda _, *a, **k: from_edges(torch_call)(*a, **k), lambda _, *a, **k: from_edges(numpy_call)(*a, **k)),
        hard=lambda: [
            Sample((X + 1e4, EDGES, W4, BIAS), {}, "features of mean 1e4"),
            Sample((X * 0, EDGES, W4, None, WEIGHTS), {}, "features zero"),
        ],
        degenerate=lambda: [
            Sample((X, EDGES[:, :0], W4, BIAS), {}, "no edge"),
            Sample((X[:1], EDGES[:, :0], W4), {"lambda_max": 1.5}, "one node"),
            Sample((X[:0], EDGES[:, :0], W4, BIAS), {}, "no node"),
        ],
        bad=BAD,
        gradcheck=2,
        tolerance={torch.bfloat16: 4e-2, torch.float16: 8e-3},  # the recurrence doubles rounding at each term
        dtypes=ALL,
    ),
    Case(
        METHOD,
        "dense",
        function(dense_cheb_conv),
        lambda: [
            Sample((X[:4], SYMMETRIC, W4, BIAS), {"lambda_max": 1.6}, "lambda 1.6"),
            Sample((X[:4], SYMMETRIC, W4[:2])),
            Sample((randn(2, 4, 3, seed=8), BATCH, W4, BIAS), {}, "a batch of graphs"),
        ],
        oracles(lambda _, *a, **k: torch_call(*a, **k), lambda _, *a, **k: numpy_call(*a, **k)),
        degenerate=lambda: [Sample((X[:4], ALONE, W4, BIAS), {}, "a node without edges")],
        tolerance={torch.bfloat16: 4e-2},  # as above
        gradcheck=2,
        dtypes=ALL,
    ),
    Case(
        METHOD,
        "layer",
        lambda: randomize(ChebConv(3, 2, 3)),
        lambda: [Sample((X, EDGES, WEIGHTS), {"lambda_max": 1.5}), Sample((X, EDGES), {}, "unweighted")],
        oracles(on_module(from_edges(torch_call)), on_module(from_edges(numpy_call))),
        tolerance={torch.bfloat16: 4e-2},  # as above
        dtypes=ALL,
    ),
    Case(
        METHOD,
        "layer without bias",
        lambda: randomize(ChebConv(3, 4, 2, bias=False)),
        lambda: [Sample((X, EDGES, WEIGHTS))],
        oracles(on_module(from_edges(torch_call)), on_module(from_edges(numpy_call))),
        dtypes=ALL,
        compiles="compiled in the case before",
    ),
]
