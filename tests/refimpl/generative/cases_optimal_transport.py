"""Cases of optimal transport: Sinkhorn's scalings in NumPy loops, and mass moved on the line point by point."""

from __future__ import annotations

import math

import numpy as np
import torch

from refimpl.generative.optimal_transport import sinkhorn, sinkhorn_cost, transport_on_line
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn

METHOD = "optimal-transport"


def torch_sinkhorn(_, cost, a, b, epsilon, iterations=100):
    """Algorithm 1 with matrix products, u and v themselves."""
    k = torch.exp(-cost / epsilon)
    v = torch.ones_like(b)
    for _ in range(iterations):
        u = a / torch.einsum("...ij,...j->...i", k, v)
        v = b / torch.einsum("...ij,...i->...j", k, u)
    return torch.einsum("...i,...ij,...j->...ij", u, k, v)


def numpy_sinkhorn(_, cost, a, b, epsilon, iterations=100):
    plan = np.zeros_like(cost)
    for batch in np.ndindex(cost.shape[:-2]):
        k, r, c = np.exp(-cost[batch] / epsilon), a[batch], b[batch]
        n, m = k.shape
        u, v = np.ones(n), np.ones(m)
        for _ in range(iterations):
            for i in range(n):
                u[i] = r[i] / sum(k[i, j] * v[j] for j in range(m))
            for j in range(m):
                v[j] = c[j] / sum(k[i, j] * u[i] for i in range(n))
        plan[batch] = u[:, None] * k * v
    return plan


def torch_line(_, x, y, x_weight=None, y_weight=None, p=1.0):
    """The overlaps of all pairs of steps of the two distribution functions."""
    ends = []
    for values, weight in ((x, x_weight), (y, y_weight)):
        weight = torch.ones_like(values) if weight is None else weight
        values, order = values.sort(-1)
        above = (weight.gather(-1, order) / weight.sum(-1, keepdim=True)).cumsum(-1)
        ends.append((values, above - weight.gather(-1, order) / weight.sum(-1, keepdim=True), above))
    (x, x_low, x_high), (y, y_low, y_high) = ends
    overlap = torch.minimum(x_high[..., :, None], y_high[..., None, :]) - torch.maximum(x_low[..., :, None], y_low[..., None, :])
    return (overlap.clamp(min=0) * (x[..., :, None] - y[..., None, :]).abs() ** p).sum((-2, -1))


def numpy_line(_, x, y, x_weight=None, y_weight=None, p=1.0):
    """The leftmost mass that is left goes to the leftmost place that is free."""
    x_weight, y_weight = (np.ones_like(v) if w is None else w for v, w in ((x, x_weight), (y, y_weight)))
    found = np.zeros(x.shape[:-1])
    for batch in np.ndindex(found.shape):
        left = sorted(([place, mass / x_weight[batch].sum()] for place, mass in zip(x[batch], x_weight[batch], strict=True)), key=min_place)
        free = sorted(([place, mass / y_weight[batch].sum()] for place, mass in zip(y[batch], y_weight[batch], strict=True)), key=min_place)
        i = j = 0
        while i < len(left) and j < len(free):
            moved = min(left[i][1], free[j][1])
            found[batch] += moved * abs(left[i][0] - free[j][0]) ** p
            left[i][1] -= moved
            free[j][1] -= moved
            i, j = i + (left[i][1] <= free[j][1]), j + (left[i][1] > free[j][1])
    return found


def min_place(step):
    return step[0]


def masses(*shape, seed):
    found = rand(*shape, seed=seed, low=0.2, high=1.0)
    return found / found.sum(-1, keepdim=True)


C, A, B = rand(3, 4, seed=1, low=0.0), masses(3, seed=2), masses(4, seed=3)
BATCH = (rand(2, 5, 3, seed=4, low=0.0, high=2.0), masses(2, 5, seed=5), masses(2, 3, seed=6))
X, Y = randn(4, seed=7), randn(3, seed=8) + 0.5
WX, WY = rand(4, seed=9, low=0.3), rand(3, seed=10, low=0.3)
SINKHORN = (
    Oracle("algorithm 1 with matrix products", torch_sinkhorn),
    Oracle("algorithm 1 in NumPy, number by number", numpy_sinkhorn, "numpy"),
)
LINE = (
    Oracle("overlaps of the steps of both distribution functions", torch_line),
    Oracle("mass moved from left to right in NumPy", numpy_line, "numpy"),
)
BAD = (
    Bad(lambda: sinkhorn(A, A, B, 1.0), r"sinkhorn: cost must be floating point \(..., N, M\), got torch.float64 of shape \(3,\)"),
    Bad(lambda: sinkhorn(C.long(), A, B, 1.0), r"sinkhorn: cost must be .*, got torch.int64 of shape \(3, 4\)"),
    Bad(lambda: sinkhorn(C[:0], A[:0], B, 1.0), r"sinkhorn: cost must be .*, got torch.float64 of shape \(0, 4\)"),
    Bad(lambda: sinkhorn(C[:, :0], A, B[:0], 1.0), r"sinkhorn: cost must be .*, got torch.float64 of shape \(3, 0\)"),
    Bad(lambda: sinkhorn(C, B, A, 1.0), r"sinkhorn: a must have shape \(3,\) for a cost of \(3, 4\), got \(4,\)"),
    Bad(lambda: sinkhorn(C, A, A, 1.0), r"sinkhorn: b must have shape \(4,\) for a cost of \(3, 4\), got \(3,\)"),
    Bad(lambda: sinkhorn(BATCH[0], BATCH[1], B, 1.0), r"sinkhorn: b must have shape \(2, 3\) for a cost of \(2, 5, 3\), got \(4,\)"),
    Bad(lambda: sinkhorn(C, A, B, 0.0), r"sinkhorn: expected a positive epsilon and at least 1 iteration, got 0.0 and 100"),
    Bad(lambda: sinkhorn(C, A, B, math.inf), r"sinkhorn: expected a positive epsilon and at least 1 iteration, got inf and 100"),
    Bad(lambda: sinkhorn(C, A, B, 0.5, 0), r"sinkhorn: expected a positive epsilon and at least 1 iteration, got 0.5 and 0"),
)
BAD_LINE = (
    Bad(lambda: transport_on_line(X[:0], Y), r"transport_on_line: x must be floating point with at least one .*, got .* of shape \(0,\)"),
    Bad(lambda: transport_on_line(X, Y[:0]), r"transport_on_line: y must be .*, got torch.float64 of shape \(0,\)"),
    Bad(lambda: transport_on_line(X, Y[0]), r"transport_on_line: y must be .*, got torch.float64 of shape \(\)"),
    Bad(lambda: transport_on_line(X.long(), Y), r"transport_on_line: x must be .*, got torch.int64 of shape \(4,\)"),
    Bad(lambda: transport_on_line(X, Y[None]), r"transport_on_line: y must be .* those of x, got torch.float64 of shape \(1, 3\)"),
    Bad(lambda: transport_on_line(X, Y, WY), r"transport_on_line: x_weight must have shape \(4,\), got \(3,\)"),
    Bad(lambda: transport_on_line(X, Y, None, WX), r"transport_on_line: y_weight must have shape \(3,\), got \(4,\)"),
    Bad(lambda: transport_on_line(X, Y, p=0.9), r"transport_on_line: p must be at least 1 and finite, got 0.9"),
    Bad(lambda: transport_on_line(X, Y, p=math.inf), r"transport_on_line: p must be at least 1 and finite, got inf"),
)

CASES = [
    Case(
        METHOD,
        "Sinkhorn's plan",
        function(sinkhorn),
        lambda: [
            Sample((C, A, B), {"epsilon": 0.3, "iterations": 3}),
            Sample((*BATCH, 0.7, 6), {}, "two plans at once"),
            Sample((C, A, B * 1.5, 0.4, 2), {}, "unequal sums"),
        ],
        SINKHORN,
        degenerate=lambda: [
            Sample((C[:1, :1], A[:1], A[:1], 0.3, 2), {}, "one to one"),
            Sample((BATCH[0][:0], BATCH[1][:0], BATCH[2][:0], 0.3, 2), {}, "no plan"),
        ],
        hard=lambda: [Sample((C + 30, A, B, 0.5, 5), {}, "large cost"), Sample((0 * C, A, B, 0.5, 5), {}, "no cost")],
        bad=BAD,
        gradcheck=2,
    ),
    Case(
        METHOD,
        "Sinkhorn's cost",
        function(sinkhorn_cost),
        lambda: [Sample((C, A, B, 0.3, 3)), Sample((*BATCH, 0.7, 6), {}, "two plans at once")],
        tuple(Oracle(o.name, lambda p, c, *a, o=o: (o.call(p, c, *a) * c).sum((-2, -1)), o.kind) for o in SINKHORN),
    ),
    Case(
        METHOD,
        "on the line",
        function(transport_on_line),
        lambda: [
            Sample((X, Y, WX, WY, 2.5)),
            Sample((X, Y), {}, "defaults"),
            Sample((randn(2, 3, 6, seed=11), randn(2, 3, 5, seed=12), rand(2, 3, 6, seed=13, low=0.1)), {"p": 2.0}, "batches"),
            Sample((X, X.flip(0) + 1, None, WX), {}, "as many places"),
        ],
        LINE,
        degenerate=lambda: [
            Sample((X[:1], Y[:1]), {"p": 3.0}, "one place each"),
            Sample((randn(0, 3, seed=1), randn(0, 2, seed=1)), {}, "empty batch"),
        ],
        hard=lambda: [
            Sample((X * 1e4 + 1e4, Y, WX, WY), {}, "mean 1e4"),
            Sample((X, X.flip(0), None, None, 2.0), {}, "the same places"),
        ],
        hard_tolerance=5e-4,  # slopes along masses are differences of costs, which are large where a place is far away
        bad=BAD_LINE,
        gradcheck=2,
    ),
]
