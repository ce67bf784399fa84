"""Cases of radial basis function networks; the NumPy oracle measures one distance after the other."""

from __future__ import annotations

import math

import numpy as np
import torch

from refimpl.foundations.rbf_network import RBFNetwork, interpolate, radial_basis
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize

METHOD = "rbf-network"

PHI = {
    "gaussian": lambda r, s: math.exp(-(r**2) / (2 * s**2)),
    "multiquadric": lambda r, s: math.sqrt(1 + (r / s) ** 2),
    "inverse multiquadric": lambda r, s: 1 / math.sqrt(1 + (r / s) ** 2),
}


def numpy_basis(_, x, centers, width=1.0, kernel="gaussian"):
    out = np.zeros((*x.shape[:-1], len(centers)))
    for at in np.ndindex(out.shape):
        distance = math.sqrt(sum((a - c) ** 2 for a, c in zip(x[at[:-1]], centers[at[-1]], strict=True)))
        out[at] = PHI[kernel](distance, width)
    return out


def torch_basis(_, x, centers, width=1.0, kernel="gaussian"):
    q = (x.unsqueeze(-2) - centers).square().sum(-1) / width**2
    return {"gaussian": (-q / 2).exp(), "multiquadric": (1 + q) ** 0.5, "inverse multiquadric": (1 + q) ** -0.5}[kernel]


def of_module(basis, width, kernel):
    def call(p, x):
        return basis(None, x, p["centers"], width, kernel) @ p["weight"].T + p.get("bias", 0.0)

    return call


X, X3, C = randn(5, 3, seed=1), randn(2, 2, 3, seed=2), randn(4, 3, seed=3)
Y = randn(5, 2, seed=4)
NETWORK = RBFNetwork(3, 4, 2, dtype=torch.float64)

BAD = (
    Bad(lambda: radial_basis(X.long(), C), r"^radial_basis: input must be floating point, got torch.int64$"),
    Bad(lambda: radial_basis(X[:, :2], C), r"^radial_basis: centers must be \(m, D\) for input \(..., D\), got \(4, 3\) for \(5, 2\)$"),
    Bad(lambda: radial_basis(X, C[0]), r"^radial_basis: centers must be .* got \(3,\) for \(5, 3\)$"),
    Bad(lambda: radial_basis(X[0, 0], C), r"^radial_basis: centers must be .* got \(4, 3\) for \(\)$"),
    Bad(lambda: radial_basis(X, C, 0.0), r"^radial_basis: width must be positive, got 0.0$"),
    Bad(lambda: radial_basis(X, C, kernel="cubic"), r"^radial_basis: kernel must be one of gaussian, multiquadric, .*, got 'cubic'$"),
    Bad(lambda: RBFNetwork(3, 4, width=-1.0), r"^radial_basis: width must be positive, got -1.0$"),
    Bad(lambda: RBFNetwork(0, 4), r"^RBFNetwork: in_features must be positive, got 0$"),
    Bad(lambda: RBFNetwork(3, 0), r"^RBFNetwork: centers must be positive, got 0$"),
    Bad(lambda: RBFNetwork(3, 4, 0), r"^RBFNetwork: out_features must be positive, got 0$"),
    Bad(lambda: NETWORK.fit(X, Y[:, :1]), r"^RBFNetwork: expected input \(N, D\) and target \(N, 2\), got \(5, 3\) and \(5, 1\)$"),
    Bad(lambda: NETWORK.fit(X3, Y), r"^RBFNetwork: expected input \(N, D\) and target \(N, 2\), got \(2, 2, 3\) and \(5, 2\)$"),
    Bad(lambda: NETWORK.fit(X, Y, -0.1), r"^RBFNetwork: ridge must be non-negative, got -0.1$"),
    Bad(lambda: interpolate(X, Y[:3]), r"^interpolate: expected input \(N, D\) and target \(N, O\), got \(5, 3\) and \(3, 2\)$"),
    Bad(lambda: interpolate(X[0], Y), r"^interpolate: expected .* got \(3,\) and \(5, 2\)$"),
    Bad(lambda: interpolate(X3, Y[:2]), r"^interpolate: expected .* got \(2, 2, 3\) and \(2, 2\)$"),
    Bad(lambda: interpolate(X, Y[:, 0]), r"^interpolate: expected .* got \(5, 3\) and \(5,\)$"),
)

ORACLES = (
    Oracle("the formula of all differences in torch", torch_basis),
    Oracle("the formula in NumPy, distance by distance", numpy_basis, "numpy"),
)

CASES = [
    Case(
        METHOD,
        "basis",
        function(radial_basis),
        lambda: [
            Sample((X, C)),
            Sample((X3, C, 0.6), {}, "sequence, width"),
            Sample((X, C, 2.5, "multiquadric"), {}, "multiquadric"),
            Sample((X, C), {"width": 0.4, "kernel": "inverse multiquadric"}, "inverse multiquadric"),
            Sample((X[0], C), {}, "one"),
        ],
        ORACLES,
        hard=lambda: [
            Sample((X + 1024, C + 1024, 1.5), {}, "far from the origin"),  # exact in float32, so that distances stay the same
            Sample((C, C), {}, "at the centers"),
            Sample((X * 1e4, C, 1.0, "multiquadric"), {}, "far from the centers"),
        ],
        degenerate=lambda: [Sample((X[:0], C), {}, "empty batch"), Sample((X, C[:1]), {}, "one center")],
        bad=BAD,
    ),
    *(
        Case(
            METHOD,
            name,
            lambda bias=bias, kernel=kernel: randomize(RBFNetwork(3, 4, 2, 1.7, kernel, bias)),
            lambda: [Sample((X,)), Sample((X3,), {}, "sequence")],
            tuple(Oracle(o.name, of_module(o.call, 1.7, kernel), o.kind) for o in ORACLES),
            compiles="the basis is compiled above",
        )
        for name, bias, kernel in (("network", True, "gaussian"), ("network without bias", False, "multiquadric"))
    ),
]
