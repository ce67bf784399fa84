"""Cases of weight normalization: the map from length and direction to weights."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import nn

from refimpl.training.weight_norm import WeightNorm, initialize_from_data, norm_except, weight_norm
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn

METHOD = "weight-norm"
V = randn(4, 3, 2, seed=1)
G = {0: rand(4, 1, 1, seed=2, low=-2.0), 1: rand(1, 3, 1, seed=3, low=-2.0), 2: rand(1, 1, 2, seed=4), None: rand(seed=5)}


def weights(g, v, dim):
    return WeightNorm(dim)(g, v)


def built_in(_, g, v, dim):
    if dim is None:
        return v * g / v.pow(2).sum().sqrt()
    return torch._weight_norm(v, g, dim) if dim != 1 else v * g / v.pow(2).sum((0, 2), keepdim=True).sqrt()


def equations(_, g, v, dim):
    w = np.empty_like(v)
    if dim is None:
        return g * v / np.sqrt((v**2).sum())
    for i in range(v.shape[dim]):
        unit = np.take(v, i, dim)
        np.moveaxis(w, dim, 0)[i] = g.ravel()[i] * unit / np.sqrt((unit**2).sum())
    return w


LINEAR = nn.Linear(3, 2)
BAD = (
    Bad(lambda: weight_norm(nn.Linear(3, 2), "scale"), r"^weight_norm: expected the name of a parameter of Linear, got 'scale'$"),
    Bad(lambda: weight_norm(nn.Linear(3, 2, bias=False), "bias"), r"^weight_norm: expected the name of a parameter of Linear, got 'bias'$"),
    Bad(lambda: weight_norm(nn.Linear(3, 2), dim=2), r"^norm_except: dim must be None or lie in \[0, 2\), got 2$"),
    Bad(lambda: norm_except(V, -1), r"^norm_except: dim must be None or lie in \[0, 3\), got -1$"),
    Bad(
        lambda: initialize_from_data(LINEAR, torch.ones(2, 3)),
        r"^initialize_from_data: expected a layer with a normalized weight and a bias",
    ),
    Bad(
        lambda: initialize_from_data(weight_norm(nn.Linear(3, 2, bias=False)), torch.ones(2, 3)), r"^initialize_from_data: expected a layer"
    ),
)

CASES = [
    *(
        Case(
            METHOD,
            f"weights, dim {dim}",
            function(partial(weights, dim=dim)),
            lambda dim=dim: [Sample((G[dim], V))],
            (
                Oracle("torch._weight_norm" if dim in (0, 2) else "a division by the norm", partial(built_in, dim=dim)),
                Oracle("the equation in NumPy, vector by vector", partial(equations, dim=dim), "numpy"),
            ),
            hard=lambda dim=dim: [Sample((G[dim], V * 1e4 + 1e4), name="mean 1e4"), Sample((G[dim] * 0, V), name="no length")],
            bad=BAD if dim == 0 else (),
            gradcheck=2,
            dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
        )
        for dim in (0, 1, 2, None)
    ),
]
