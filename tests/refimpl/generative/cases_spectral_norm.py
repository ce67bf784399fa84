"""Cases of spectral normalization: the map from a weight to the normalized one; the NumPy oracle iterates number by number."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import nn

from refimpl.generative.spectral_norm import SpectralNorm, spectral_norm
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, randn, randomize

METHOD = "spectral-norm"


def numpy_oracle(p, weight, dim, steps):
    rows = [row.ravel() for row in np.moveaxis(weight, dim, 0)]
    u, v = p["_u"].copy(), p["_v"].copy()
    for _ in range(steps):
        u = np.array([sum(w * x for w, x in zip(row, v, strict=True)) for row in rows])
        u = u / sum(x * x for x in u) ** 0.5
        v = sum(x * row for x, row in zip(u, rows, strict=True))
        v = v / sum(x * x for x in v) ** 0.5
    sigma = sum(u[i] * row[j] * v[j] for i, row in enumerate(rows) for j in range(len(v)))
    return weight / sigma


def torch_oracle(p, weight, dim, steps):
    order = [dim, *(d for d in range(weight.dim()) if d != dim)]
    matrix = weight.permute(order).reshape(weight.shape[dim], -1)
    fixed, u, v = matrix.detach(), p["_u"], p["_v"]
    for _ in range(steps):
        u = fixed @ v / (fixed @ v).square().sum().sqrt()
        v = u @ fixed / (u @ fixed).square().sum().sqrt()
    return weight / torch.einsum("i,ij,j", u, matrix, v)


def case(name, weight, dim=0, steps=1, training=True, **more):
    used = steps if training else 0
    return Case(
        METHOD,
        name,
        lambda: randomize(SpectralNorm(weight, steps, dim)),
        lambda: [Sample((weight,))],
        (
            Oracle("power iteration and a quadratic form in torch", partial(torch_oracle, dim=dim % weight.dim(), steps=used)),
            Oracle("the equations in NumPy, number by number", partial(numpy_oracle, dim=dim % weight.dim(), steps=used), "numpy"),
        ),
        training=training,
        # in training u and v count as constants, although they follow from the weight: see the test of section 2.3
        gradcheck=0 if training else 2,
        # one step from arbitrary vectors: the sum u^T W v, like the normalized u and v, is small beside its terms
        tolerance={torch.bfloat16: 1e-1, torch.float16: 2e-2},
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
        **more,
    )


MATRIX, KERNEL = randn(4, 3, seed=1), randn(3, 2, 2, 3, seed=2)
LINEAR = nn.Linear(3, 2)
BAD = (
    Bad(lambda: spectral_norm(LINEAR, "scale"), r"^spectral_norm: expected the name of a parameter of Linear, got 'scale'$"),
    Bad(
        lambda: spectral_norm(nn.Linear(3, 2, bias=False), "bias"),
        r"^spectral_norm: expected the name of a parameter of Linear, got 'bias'$",
    ),
    Bad(lambda: spectral_norm(LINEAR, n_power_iterations=0), r"^SpectralNorm: n_power_iterations must be positive, got 0$"),
    Bad(lambda: spectral_norm(LINEAR, dim=2), r"^SpectralNorm: dim must lie in \[-2, 2\), got 2$"),
    Bad(lambda: spectral_norm(LINEAR, dim=-3), r"^SpectralNorm: dim must lie in \[-2, 2\), got -3$"),
)

CASES = [
    case("a matrix", MATRIX, hard=lambda: [Sample((MATRIX * 1e4 + 1e4,), {}, "mean 1e4")], bad=BAD),
    case("three steps", randn(3, 5, seed=3), steps=3, degenerate=lambda: [Sample((randn(3, 5, seed=5) * 1e-8,), {}, "tiny weights")]),
    case("evaluation", MATRIX, training=False),
    case("a kernel", KERNEL, dim=0),
    case("a transposed kernel, two steps", KERNEL, dim=1, steps=2),
    case("the last dimension", KERNEL, dim=-1, training=False),
]
