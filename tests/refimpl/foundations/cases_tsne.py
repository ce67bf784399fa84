"""Cases of t-SNE: the equations in NumPy, pair by pair; the closed gradient against automatic differentiation of the divergence."""

from __future__ import annotations

import math

import numpy as np
import torch

from refimpl.foundations.tsne import (
    conditional_probabilities,
    joint_probabilities,
    map_probabilities,
    tsne,
    tsne_cost,
    tsne_gradient,
)
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn

METHOD = "tsne"
X = randn(9, 4, seed=1)
Y = randn(6, 2, seed=2)


def similarities(n, seed, total=1.0):
    """Symmetric positive numbers of the given sum, with zeros on the diagonal."""
    p = rand(n, n, seed=seed, low=0.1) * (1 - torch.eye(n, dtype=torch.float64))
    p = p + p.T
    return p * total / p.sum()


P = similarities(6, 3)


def row(squares, perplexity):
    """Newton's method for log b, on the entropy in bits."""
    position = math.log(1 / np.mean(squares))
    for _ in range(40):
        b = math.exp(position)
        weights = [math.exp(-b * (s - min(squares))) for s in squares]
        p = [w / sum(weights) for w in weights]
        entropy = -sum(v * math.log2(v) for v in p if v)
        mean = sum(v * s for v, s in zip(p, squares, strict=True))
        slope = -(b**2) * sum(v * (s - mean) ** 2 for v, s in zip(p, squares, strict=True)) / math.log(2)
        position -= min(max((entropy - math.log2(perplexity)) / slope, -1.0), 1.0)
    return p


def numpy_conditional(_, x, perplexity=30.0):
    out = np.zeros((len(x), len(x)))
    for i in range(len(x)):
        others = [j for j in range(len(x)) if j != i]
        out[i, others] = row([float(((x[i] - x[j]) ** 2).sum()) for j in others], perplexity)
    return out


def numpy_joint(_, x, perplexity=30.0):
    p = numpy_conditional(None, x, perplexity)
    return np.array([[(p[i, j] + p[j, i]) / (2 * len(x)) for j in range(len(x))] for i in range(len(x))])


def numpy_near(y):
    n = len(y)
    return {(i, j): 1 / (1 + sum((y[i] - y[j]) ** 2)) for i in range(n) for j in range(n) if i != j}


def numpy_map(_, y):
    near = numpy_near(y)
    return np.array([[near.get((i, j), 0) / sum(near.values()) for j in range(len(y))] for i in range(len(y))])


def numpy_cost(_, y, p):
    near = numpy_near(y)
    return np.array(sum(p[at] * math.log(p[at] * sum(near.values()) / v) for at, v in near.items() if p[at]))


def numpy_gradient(_, y, p):
    near, out = numpy_near(y), np.zeros(y.shape)
    for (i, j), v in near.items():
        out[i] += 4 * (p[i, j] - v / sum(near.values())) * (y[i] - y[j]) * v
    return out


def torch_map(_, y):
    d = torch.stack([torch.stack([((a - b) ** 2).sum() for b in y]) for a in y])
    off = ~torch.eye(len(y), dtype=torch.bool)
    return torch.zeros_like(d).masked_scatter(off, torch.softmax(-torch.log(1 + d[off]), 0))


def torch_cost(_, y, p):
    """PyTorch's own divergence, of the pairs."""
    off = ~torch.eye(len(y), dtype=torch.bool)
    return torch.nn.functional.kl_div(torch_map(None, y)[off].log(), p[off], reduction="sum")


def torch_gradient(_, y, p):
    """The slope of the divergence; of exaggerated P, that of the divergence of P less the pull that the sum of P is too large by."""
    y = y if y.requires_grad else y.clone().requires_grad_()
    off = ~torch.eye(len(y), dtype=torch.bool)
    d = (y[:, None] - y).square().sum(-1)[off]
    energy = (p[off] * torch.log(1 + d)).sum() + torch.log((1 / (1 + d)).sum())
    return torch.autograd.grad(energy, y, create_graph=True)[0]


def cost(y, p):
    return tsne_cost(p, y)


def gradient(y, p):
    return tsne_gradient(p, y)


BAD = (
    Bad(
        lambda: conditional_probabilities(X[0], 2),
        r"^conditional_probabilities: x must be floating point \(N, D\) with N > 1, got torch.float64 of shape \(4,\)$",
    ),
    Bad(lambda: conditional_probabilities(X[:1], 1), r"^conditional_probabilities: x must be .* with N > 1, got .* of shape \(1, 4\)$"),
    Bad(lambda: conditional_probabilities(X.long(), 2), r"^conditional_probabilities: x must be floating point .*, got torch.int64"),
    Bad(
        lambda: joint_probabilities(X, 8.1),
        r"^conditional_probabilities: perplexity must lie in \[1, 8\] for 9 points, got 8.1$",
    ),
    Bad(lambda: joint_probabilities(X, 0.9), r"^conditional_probabilities: perplexity must lie in \[1, 8\] for 9 points, got 0.9$"),
    Bad(lambda: joint_probabilities(X, math.nan), r"^conditional_probabilities: perplexity must lie in \[1, 8\] for 9 points, got nan$"),
    Bad(lambda: joint_probabilities(X), r"^conditional_probabilities: perplexity must lie in \[1, 8\] for 9 points, got 30.0$"),
    Bad(
        lambda: map_probabilities(Y[0]),
        r"^map_probabilities: y must be floating point \(N, K\) with N > 1, got torch.float64 of shape \(2,\)$",
    ),
    Bad(lambda: map_probabilities(Y[:1]), r"^map_probabilities: y must be floating point \(N, K\) with N > 1, got .* \(1, 2\)$"),
    Bad(lambda: map_probabilities(Y.long()), r"^map_probabilities: y must be floating point .*, got torch.int64"),
    Bad(lambda: tsne_cost(P, Y[:5]), r"^tsne_cost: p must have shape \(5, 5\), got \(6, 6\)$"),
    Bad(lambda: tsne_cost(P, Y[0]), r"^tsne_cost: y must be"),
    Bad(lambda: tsne_gradient(P[:5], Y), r"^tsne_gradient: p must have shape \(6, 6\), got \(5, 6\)$"),
    Bad(lambda: tsne(X, 3, start=Y), r"^tsne: start must have shape \(9, 2\), got \(6, 2\)$"),
)
PAIRS = "the equations in NumPy, pair by pair"
ALL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
# the places of a map need more digits than two-byte types have: the forces between them nearly cancel
WIDE = (torch.float64, torch.float32)

CASES = [
    Case(
        METHOD,
        "conditional probabilities",
        function(conditional_probabilities),
        lambda: [
            Sample((X,), {"perplexity": 3.7}),
            Sample((X * torch.tensor([1e-3, 5, 1, 40.0]).double(),), {"perplexity": 2.2}, "uneven"),
            Sample((randn(32, 2, seed=4),), {}, "default"),
        ],
        (Oracle("Newton's method in NumPy, row by row", numpy_conditional, "numpy"),),
        hard=lambda: [
            Sample((X + 1e4,), {"perplexity": 3.7}, "mean 1e4"),
            Sample((X * 1e15,), {"perplexity": 3.7}, "large"),
            Sample((X * 1e-15,), {"perplexity": 3.7}, "small"),
            Sample((torch.cat([X, X[:1] + 1e4]),), {"perplexity": 3.7}, "one far away"),
        ],
        bad=BAD,
        gradcheck=0,  # the search takes no gradient
        dtypes=ALL,
    ),
    Case(
        METHOD,
        "joint probabilities",
        function(joint_probabilities),
        lambda: [Sample((X,), {"perplexity": 4.5}), Sample((randn(32, 2, seed=4),), {}, "default")],
        (Oracle("Newton's method in NumPy, pair by pair", numpy_joint, "numpy"),),
        gradcheck=0,  # the search takes no gradient
        dtypes=ALL,
    ),
    Case(
        METHOD,
        "probabilities of the map",
        function(map_probabilities),
        lambda: [Sample((Y,)), Sample((randn(5, 3, seed=5),), {}, "three dimensions")],
        (Oracle("softmax over the pairs", torch_map), Oracle(PAIRS, numpy_map, "numpy")),
        hard=lambda: [Sample((Y + 1e4,), {}, "mean 1e4"), Sample((Y * 1e4,), {}, "far apart")],
        degenerate=lambda: [Sample((Y[:2],), {}, "two points"), Sample((Y[:, :0],), {}, "no dimension")],
        gradcheck=2,
        dtypes=WIDE,
    ),
    Case(
        METHOD,
        "cost",
        function(cost),
        lambda: [
            Sample((Y,), {"p": P}),
            Sample((randn(5, 3, seed=5),), {"p": similarities(5, 6)}, "three dimensions"),
            Sample((Y,), {"p": 4 * P}, "exaggerated"),
        ],
        (Oracle("torch.nn.functional.kl_div", torch_cost), Oracle(PAIRS, numpy_cost, "numpy")),
        hard=lambda: [Sample((Y + 1e4,), {"p": P}, "mean 1e4"), Sample((Y * 1e4,), {"p": P}, "far apart")],
        degenerate=lambda: [Sample((Y[:2],), {"p": similarities(2, 7)}, "two points")],
        gradcheck=2,
        dtypes=WIDE,
    ),
    Case(
        METHOD,
        "gradient",
        function(gradient),
        lambda: [
            Sample((Y,), {"p": P}),
            Sample((randn(5, 3, seed=5),), {"p": similarities(5, 6)}, "three dimensions"),
        ],
        (Oracle("automatic differentiation of the divergence", torch_gradient), Oracle(PAIRS, numpy_gradient, "numpy")),
        hard=lambda: [Sample((Y + 1e4,), {"p": P}, "mean 1e4"), Sample((Y * 30,), {"p": P}, "far apart")],
        dtypes=WIDE,
    ),
    Case(
        METHOD,
        "gradient, exaggerated",
        function(gradient),
        lambda: [Sample((Y,), {"p": 4 * P})],
        (Oracle(PAIRS, numpy_gradient, "numpy"),),
        dtypes=WIDE,
    ),
]
