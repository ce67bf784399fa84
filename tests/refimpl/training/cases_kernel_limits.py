"""Cases of the tangent kernel: of finite networks, entry by entry; of infinite ones, by formulas and integrals over angles."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from refimpl.training.kernel_limits import empirical_ntk, kernel_descent, linearized, relu_ntk
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "kernel-limits"
X1, X2 = randn(3, 4, seed=1), randn(2, 4, seed=2)


class Kernel(nn.Module):
    """The kernel of a small network as a function of inputs and parameters."""

    def __init__(self, outputs):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, outputs))

    def forward(self, x1, x2=None):
        return empirical_ntk(self.net, x1, x2)


def answer(p, x):
    hidden = torch.tanh(x @ p["net.0.weight"].T + p["net.0.bias"])
    return hidden @ p["net.2.weight"].T + p["net.2.bias"]


def entry_by_entry(p, x1, x2=None):
    """One gradient for each input and output, one product for each pair of them."""
    x2 = x1 if x2 is None else x2

    def slopes(x):
        rows = [[torch.autograd.grad(y, list(p.values()), create_graph=True) for y in answer(p, e[None])[0]] for e in x]
        return [[torch.cat([g.flatten() for g in found]) for found in row] for row in rows]

    first, second = slopes(x1), slopes(x2)
    kernel = torch.stack([torch.stack([torch.stack([torch.stack([a @ b for b in r]) for a in q]) for r in second]) for q in first])
    return kernel[:, :, 0, 0] if kernel.shape[2] == 1 else kernel


class Linearized(nn.Module):
    """The linearized network, displaced by fixed changes."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))

    def forward(self, x, weight, bias):
        return linearized(self.net, {"0.weight": weight, "2.bias": bias}, x)


def first_order(p, x, weight, bias):
    hidden = torch.tanh(x @ p["net.0.weight"].T + p["net.0.bias"])
    return answer(p, x) + ((1 - hidden**2) * (x @ weight.T)) @ p["net.2.weight"].T + bias


def by_covariances(_, x1, x2, depth):
    """The recursion over covariance matrices, with their diagonals kept explicitly."""
    d = x1.shape[1]
    s, a, b = x1 @ x2.T / d, (x1**2).sum(1)[:, None] / d, (x2**2).sum(1)[None] / d
    t = s
    for _ in range(depth):
        norms = (a * b).sqrt()
        angle = torch.arccos(s / norms)
        t, s = t * (1 - angle / torch.pi), norms * (torch.sin(angle) + (torch.pi - angle) * torch.cos(angle)) / torch.pi
        t = t + s
    return t, s


def by_integrals(_, x1, x2, depth):
    """2 E[relu(p) relu(q)] and 2 E[step(p) step(q)] for normal p, q, by Gauss-Legendre over the half plane where both are positive."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    tangent, covariance = np.zeros((2, len(x1), len(x2)))
    for n, m in np.ndindex(tangent.shape):
        lengths = np.linalg.norm(x1[n]) * np.linalg.norm(x2[m]) / x1.shape[1]
        u = x1[n] @ x2[m] / x1.shape[1] / lengths
        t = lengths * u
        for _ in range(depth):
            angle = np.arccos(u)
            low, high = angle - np.pi / 2, np.pi / 2
            phi = (high - low) / 2 * nodes + (high + low) / 2
            density = weights * (high - low) / 2 / (2 * np.pi)
            both = 2 * (density * 2 * np.cos(phi) * np.cos(phi - angle)).sum()  # the squared radius has mean 2
            t, u = t * 2 * density.sum() + lengths * both, both
        tangent[n, m], covariance[n, m] = t, lengths * u
    return tangent, covariance


def step_by_step(_, train, test, residual, lr, steps):
    """Gradient descent on the outputs themselves."""
    left, gained = residual.copy(), np.zeros(len(test))
    for _ in range(steps):
        gained += lr * test @ left
        left = left - lr * train @ left
    return gained


FEATURES = randn(5, 3, seed=3)
GRAM = FEATURES @ FEATURES.T  # of rank 3 < 5
BAD = (
    Bad(lambda: relu_ntk(X1, X2[:, :3], 1), r"^relu_ntk: inputs must be \(N1, d\) and \(N2, d\), got \(3, 4\) and \(2, 3\)$"),
    Bad(lambda: relu_ntk(X1[0], X2, 1), r"^relu_ntk: inputs must be .*, got \(4,\) and \(2, 4\)$"),
    Bad(lambda: relu_ntk(X1, X2[0], 1), r"^relu_ntk: inputs must be .*, got \(3, 4\) and \(4,\)$"),
    Bad(lambda: relu_ntk(X1, X2, -1), r"^relu_ntk: depth must be non-negative, got -1$"),
    Bad(lambda: empirical_ntk(nn.Conv1d(1, 1, 1), torch.ones(2, 1, 3)), r"^empirical_ntk: outputs must be .*, got shape \('N', 1, 3\)$"),
    Bad(
        lambda: kernel_descent(GRAM, FEATURES, randn(5, seed=4), 0.1, 2),
        r"^kernel_descent: expected shapes \(N, N\), \(M, N\) and \(N,\), got \(5, 5\), \(5, 3\) and \(5,\)$",
    ),
    Bad(lambda: kernel_descent(GRAM[:, :4], GRAM, randn(5, seed=4), 0.1, 2), r"^kernel_descent: .* got \(5, 4\), \(5, 5\) and \(5,\)$"),
)
TWO = (torch.float64, torch.float32)  # products of hundreds of slopes, and eigenvalues, are not for two bytes

CASES = [
    *(
        Case(
            METHOD,
            f"finite network, {outputs} outputs",
            lambda outputs=outputs: randomize(Kernel(outputs)),
            lambda: [Sample((X1, X2)), Sample((X1,), name="with itself")],
            (Oracle("one gradient at a time in torch", entry_by_entry),),
            dtypes=TWO,
            compiles="torch.func inside a module with parameters is not traced in one graph",
            exports="as above",
        )
        for outputs in (1, 2)
    ),
    Case(
        METHOD,
        "linearized",
        lambda: randomize(Linearized()),
        lambda: [Sample((X1, randn(3, 4, seed=5), randn(2, seed=6)))],
        (Oracle("the derivative by hand in torch", first_order),),
        compiles="as above",
        exports="as above",
    ),
    Case(
        METHOD,
        "infinite network",
        function(relu_ntk),
        lambda: [Sample((X1, X2), {"depth": 3}), Sample((X1, X2), {"depth": 1}), Sample((X1, X2), {"depth": 0}, "linear")],
        (Oracle("covariances in torch", by_covariances), Oracle("integrals over the angle in NumPy", by_integrals, "numpy")),
        dtypes=TWO,
        hard=lambda: [Sample((X1 * 1e4, X2 * 1e-4), {"depth": 2}, "long and short")],
        bad=BAD,
    ),
    Case(
        METHOD,
        "descent",
        function(kernel_descent),
        lambda: [
            Sample((GRAM, randn(4, 3, seed=7) @ FEATURES.T, randn(5, seed=8)), {"lr": 0.15, "steps": 7}, "rank 3 of 5"),
            Sample((torch.diag(rand(3, seed=9, low=0.1)), randn(2, 3, seed=10), randn(3, seed=11)), {"lr": 1.7, "steps": 3}, "large steps"),
            Sample((torch.diag(torch.tensor([0.45, 0.6, 0.7]).double()), randn(2, 3, seed=10), randn(3, seed=11)), {"lr": 1.0, "steps": 5}),
            Sample((0 * GRAM, GRAM, randn(5, seed=8)), {"lr": 0.2, "steps": 4}, "no kernel"),
        ],
        (Oracle("step by step in NumPy", step_by_step, "numpy"),),
        dtypes=TWO,
        tolerance={torch.float64: 1e-11, torch.float32: 1e-4},  # by way of eigenvectors
        gradcheck=0,  # of a symmetric matrix, whose entries cannot move one at a time
        compiles="eigenvectors have signs that differ from run to run",
        exports="as above",
    ),
]
